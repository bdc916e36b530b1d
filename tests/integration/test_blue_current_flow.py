"""Setting up a Blue Current account, and changing its API token."""

from dataclasses import replace
from typing import Any
from unittest.mock import patch

from homeassistant.config_entries import (
    SOURCE_REAUTH,
    SOURCE_RECONFIGURE,
    ConfigEntryState,
    ConfigFlowResult,
)
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util
import pytest

from custom_components.fimp_chargepoint.const import DOMAIN
from custom_components.fimp_chargepoint.flow import account
from simulators.blue_current import AccountSetup, BlueCurrentSimulator, ChargepointSetup
from tests.broker import BrokerProcess
from tests.helpers.blue_current import QUICK
from tests.helpers.blue_current_home import AccountHome, account_home, point_to
from tests.helpers.waiting import until

from .flow import begin, finish, form, shown, submit
from .house import House

TOKEN = {"api_token": "good"}


def errors(result: ConfigFlowResult) -> dict[str, str]:
    """Return what is wrong, of a form that is shown again."""
    assert result["type"] is FlowResultType.FORM
    return result["errors"] or {}


def entries(hass: HomeAssistant) -> list[Any]:
    """Return all entries."""
    return hass.config_entries.async_entries(DOMAIN)


async def test_an_account_without_charge_points(hass: HomeAssistant) -> None:
    """Its page has no gap, and shows its name as it is."""
    found = "C-9", "my_user@example.com", ()
    with patch.object(account, "_async_look_up", return_value=found):
        page = await submit(hass, await begin(hass, "blue_current"), {"api_token": "good"})
    assert page["description_placeholders"]["name"] == r"my\_user\@example.com"
    assert page["description_placeholders"]["charge_points"] == ""


async def test_account_is_added(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its name as title, by its customer id, and with what it has."""
    async with account_home(hass, monkeypatch, load=False) as home:
        page = await begin(hass, "blue_current")
        assert page["step_id"] == "blue_current"
        assert page["description_placeholders"]["portal"] == "https://my.bluecurrent.nl"
        page = await submit(hass, page, {"api_token": " good\n"})
        assert page["step_id"] == "account"
        assert page["description_placeholders"]["name"] == r"user\@example.com"
        assert page["description_placeholders"]["charge_points"] == "\n\n- Driveway"
        result = await submit(hass, page, {})
        assert result["type"] is FlowResultType.CREATE_ENTRY
        assert not result["options"]
        assert result["title"] == "user@example.com"
        assert result["data"] == {
            "hub": "blue_current",
            "api_token": "good",
            "customer_id": "C-1",
        }
        home.entry = result["result"]
        assert home.entry.unique_id == "C-1"
        assert home.entry.state is ConfigEntryState.LOADED
        await home.settles()
        assert home.simulator.connections == 1


@pytest.mark.parametrize(
    ("fault", "key"),
    [
        ("away", "account_unreachable"),
        ("reject Maintenance", "account_unreachable"),
        ("reject Already connected", "already_connected"),
        ("reject Request limit reached", "request_limit"),
        ("quota 0", "request_limit"),
        ("quota 1", "request_limit"),
        ("revoke", "invalid_api_token"),
    ],
)
async def test_error_is_explained_and_can_be_corrected(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch, fault: str, key: str
) -> None:
    async with account_home(hass, monkeypatch, load=False) as home:
        await home.simulator.do(fault)
        page = await submit(hass, await begin(hass, "blue_current"), TOKEN)
        assert errors(page) == {"base": key}
        placeholders = page["description_placeholders"]
        assert placeholders["detail"]
        assert bool(placeholders["until"]) == (key == "request_limit")
        if key == "request_limit":
            moment = dt_util.parse_datetime(f"{placeholders['until']}:30")
            assert moment is not None
            assert moment > dt_util.now().replace(tzinfo=None)
        for line in ("back", "reject", "quota"):
            await home.simulator.do(line)
        home.simulator.invalidate(api_token=True)
        result = await submit(hass, await submit(hass, page, TOKEN), {})
        assert result["type"] is FlowResultType.CREATE_ENTRY
        home.entry = result["result"]


async def test_price_is_asked_for(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for a broker: so the first session has its cost."""
    async with account_home(hass, monkeypatch, load=False) as home:
        page = await submit(hass, await begin(hass, "blue_current"), TOKEN)
        hass.states.async_set("sensor.price", "0.3", {"unit_of_measurement": "EUR/kWh"})
        both = {"price_entity": "sensor.price", "fixed_price": 0.3}
        page = await submit(hass, page, both)
        assert errors(page) == {"base": "two_prices"}
        assert shown(page) == both
        result = await submit(hass, page, {"fixed_price": 0.3})
        assert result["options"] == {"fixed_price": 0.3}
        home.entry = result["result"]
        await home.settles()
        assert home.state("sensor", "total_cost") is not None


async def test_mistyped_token(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> None:
    async with account_home(hass, monkeypatch, load=False) as home:
        page = await submit(hass, await begin(hass, "blue_current"), {"api_token": "god"})
        assert errors(page) == {"base": "invalid_api_token"}
        assert home.simulator.connections == 0


async def test_account_is_added_once(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither by the token that it has, nor by another one."""
    several = AccountSetup(single=False)
    async with account_home(hass, monkeypatch, account=several) as home:
        requests = len(home.simulator.requests)
        result = await submit(hass, await begin(hass, "blue_current"), TOKEN)
        assert result["reason"] == "account_already_configured"
        assert len(home.simulator.requests) == requests
        home.simulator.account = replace(several, api_token="newer")
        result = await submit(hass, await begin(hass, "blue_current"), {"api_token": "newer"})
        assert result["reason"] == "account_already_configured"
        assert entries(hass) == [home.entry]


async def test_two_accounts(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if their charge points have the same number, nothing of them collides."""
    other = AccountSetup(api_token="other", customer_id="C-2", login="office@example.com")
    async with (
        account_home(hass, monkeypatch) as home,
        BlueCurrentSimulator(ChargepointSetup(name="office"), account=other, timing=QUICK) as there,
    ):
        point_to(monkeypatch, there)
        page = await submit(hass, await begin(hass, "blue_current"), {"api_token": "other"})
        result = await submit(hass, page, {})
        assert result["title"] == "office@example.com"
        office = AccountHome(hass, there, result["result"])
        await office.settles()
        assert home.device().id != office.device().id
        assert home.hub_device.id != office.hub_device.id
        await there.plug()
        await office.wait_for_state("sensor", "status", "ready_to_charge")
        assert home.state("sensor", "status") == "disconnected"
        await home.simulator.away()
        await home.simulator.abort()
        await home.wait_for_state("sensor", "status", "unavailable")
        assert office.state("sensor", "status") == "ready_to_charge"
        await hass.config_entries.async_unload(office.entry.entry_id)
        await home.simulator.back()
        await home.wait_for_state("sensor", "status", "disconnected")


async def test_account_beside_a_broker(
    hass: HomeAssistant, broker: BrokerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither is taken for the other: not when one is added, changed or searched for duplicates."""
    house = House(hass)
    async with account_home(hass, monkeypatch) as home:
        result = await submit(hass, await begin(hass), form(broker))
        result = await finish(hass, result, "nothing_found")
        entry = result["result"]
        assert entry.title == broker.host
        context = {"source": SOURCE_RECONFIGURE, "entry_id": entry.entry_id}
        page = await hass.config_entries.flow.async_init(DOMAIN, context=context)
        result = await submit(hass, page, form(broker))
        assert result["reason"] == "reconfigure_successful"
        await hass.async_block_till_done()
        # Entries for brokers look for others that receive their messages.
        await house.passes(2)
        await house.passes(15)
        assert not ir.async_get(hass).issues
        assert home.state("sensor", "status") == "disconnected"
        await hass.config_entries.async_unload(entry.entry_id)


# Another API token --------------------------------------------------------------------------


async def test_reconfigure(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server accepts one connection at a time, so the running one is paused."""
    async with account_home(hass, monkeypatch) as home:
        entity_id = home.id("sensor", "status")
        home.simulator.account = replace(home.simulator.account, api_token="newer")
        page = await home.entry.start_reconfigure_flow(hass)
        assert page["step_id"] == "token"
        assert page["description_placeholders"]["name"] == "user@example.com"
        result = await submit(hass, page, {"api_token": "newer"})
        assert result["reason"] == "reconfigure_successful"
        await hass.async_block_till_done()
        assert home.entry.data["api_token"] == "newer"
        assert home.entry.state is ConfigEntryState.LOADED
        await home.settles()
        assert home.id("sensor", "status") == entity_id
        assert home.simulator.connections == 1


@pytest.mark.parametrize(
    ("fault", "key"),
    [("", "invalid_api_token"), ("reject Maintenance", "account_unreachable")],
)
async def test_failed_reconfiguration_goes_on_as_before(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch, fault: str, key: str
) -> None:
    async with account_home(hass, monkeypatch) as home:
        page = await home.entry.start_reconfigure_flow(hass)
        if fault:
            await home.simulator.do(fault)
        page = await submit(hass, page, {"api_token": "mistyped"})
        assert errors(page) == {"base": key}
        await home.simulator.reject("")
        if fault:
            await hass.config_entries.async_reload(home.entry.entry_id)
        await hass.async_block_till_done()
        await home.settles()
        assert home.entry.data["api_token"] == "good"
        # The form is still open: the entry that runs again is paused again.
        result = await submit(hass, page, TOKEN)
        assert result["reason"] == "reconfigure_successful"
        await hass.async_block_till_done()
        await home.settles()


async def test_token_of_another_account(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with account_home(hass, monkeypatch) as home:
        page = await home.entry.start_reconfigure_flow(hass)
        home.simulator.account = replace(home.simulator.account, customer_id="C-2")
        page = await submit(hass, page, TOKEN)
        assert errors(page) == {"base": "wrong_account"}
        await hass.async_block_till_done()
        assert home.entry.state is ConfigEntryState.LOADED
        assert home.entry.data["customer_id"] == "C-1"


@pytest.mark.parametrize("at_start", [False, True])
async def test_refused_token_is_asked_for(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch, *, at_start: bool
) -> None:
    """While it runs and at its start; the entities are back with the new token."""
    async with account_home(hass, monkeypatch) as home:
        await home.simulator.revoke()
        if at_start:
            assert await hass.config_entries.async_reload(home.entry.entry_id) is False
        else:
            await home.simulator.close()
        flows = hass.config_entries.flow.async_progress
        await until(flows, "a request for another token")
        await home.wait_for_state("sensor", "status", "unavailable")
        [flow] = flows()
        assert flow["context"]["source"] == SOURCE_REAUTH
        assert flow["step_id"] == "token"
        page = await submit(hass, flow, TOKEN)
        assert errors(page) == {"base": "invalid_api_token"}
        await hass.async_block_till_done()
        assert home.entry.state is ConfigEntryState.SETUP_ERROR
        assert home.entry.reason == (
            "Blue Current refused the API token. Create a new one and enter it"
        )
        home.simulator.account = replace(home.simulator.account, api_token="newer")
        home.simulator.invalidate(api_token=True)
        result = await submit(hass, page, {"api_token": "newer"})
        assert result["reason"] == "reauth_successful"
        await hass.async_block_till_done()
        await home.settles()
        assert not flows()


async def test_options(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only those that an account has; they take effect at once."""
    async with account_home(hass, monkeypatch) as home:
        page = await hass.config_entries.options.async_init(home.entry.entry_id)
        fields = {
            str(name): sorted(map(str, part.schema.schema))
            for name, part in page["data_schema"].schema.items()
        }
        assert fields == {
            "measurements": ["measurement_interval"],
            "charging": ["restart_delay"],
            "costs": ["fixed_price", "price_entity"],
        }
        result = await hass.config_entries.options.async_configure(
            page["flow_id"],
            {
                "measurements": {"measurement_interval": 3},
                "charging": {"restart_delay": 0},
                "costs": {"fixed_price": 0.29},
            },
        )
        assert result["type"] is FlowResultType.CREATE_ENTRY
        await hass.async_block_till_done()
        await home.settles()
        assert home.entry.runtime_data.hub.options.measurement_interval == 3
        assert home.entry.options["fixed_price"] == 0.29
