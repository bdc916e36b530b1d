"""Faults of the connection to Blue Current: what is shown meanwhile, and the recovery."""

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util
import pytest

from custom_components.fimp_chargepoint.chargepoint.blue_current import account as account_module
from custom_components.fimp_chargepoint.chargepoint.transport import websocket
from custom_components.fimp_chargepoint.const import DOMAIN
from simulators.blue_current import AccountSetup
from tests.helpers.blue_current import GRID
from tests.helpers.blue_current_home import AccountHome, account_home
from tests.helpers.waiting import until

from .house import House

DAY = 90_000.0


def issues(hass: HomeAssistant, key: str) -> list[ir.IssueEntry]:
    """Return the issues of a kind that the user sees."""
    found = ir.async_get(hass).issues.values()
    return [each for each in found if each.domain == DOMAIN and each.translation_key == key]


def shown(home: AccountHome) -> set[str]:
    """Return the states of everything that is controlled or measured."""
    return {
        state.state
        for state in home.hass.states.async_all(("sensor", "switch", "binary_sensor"))
        if home.hass.states.get(state.entity_id) is not None
        and "request" not in state.entity_id
        and "last_session" not in state.entity_id
        and not state.entity_id.endswith(("lifetime_energy", "computed_energy"))
        and not state.entity_id.endswith("_connection")
    }


async def plugged(home: AccountHome) -> None:
    """Plug a car in."""
    await home.simulator.plug()
    await home.wait_for_state("sensor", "status", "ready_to_charge")


#: What happens, and how it ends if it does not end automatically.
ENDED = [
    (["close 1000"], []),
    (["close 1011"], []),
    (["abort"], []),
    (["away", "abort"], ["back"]),
    (["reject Maintenance", "close"], ["reject"]),
    (["reject Already connected", "close"], ["reject"]),
    (["expire", "error 1"], []),
]


@pytest.mark.parametrize(("fault", "end"), ENDED, ids=", ".join)
async def test_connection_that_ends_is_made_again(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch, fault: list[str], end: list[str]
) -> None:
    """Meanwhile everything is unavailable, and the user need not do anything."""
    async with account_home(hass, monkeypatch) as home:
        await plugged(home)
        seen: list[str] = []
        hass.bus.async_listen(
            "state_changed",
            lambda event: (
                seen.append(event.data["new_state"].state)
                if event.data["entity_id"] == home.id("sensor", "status")
                else None
            ),
        )
        for line in fault:
            await home.simulator.do(line)
        if end:
            await home.wait_for_state("sensor", "status", "unavailable")
            assert shown(home) == {"unavailable"}
        for line in end:
            await home.simulator.do(line)
        await until(lambda: home.entry.runtime_data.hub.connections == 2)
        await home.wait_for_state("sensor", "status", "ready_to_charge")
        await until(lambda: home.entry.runtime_data.hub.nodes[GRID].snapshot.available)
        await hass.async_block_till_done()
        assert seen[0] == "unavailable"
        assert not issues(hass, "request_limit")
        await home.call("switch", "turn_on", "charging")
        assert home.state("switch", "charging") == "on"


async def test_server_that_is_silent(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "_HEARTBEAT", 0.3)
    monkeypatch.setattr(websocket, "_PONG_TIMEOUT", 0.3)
    monkeypatch.setattr(account_module, "_LIST_TIMEOUT", 0.5)
    async with account_home(hass, monkeypatch, account=AccountSetup(single=False)) as home:
        await plugged(home)
        await home.simulator.freeze()
        await home.wait_for_state("sensor", "status", "unavailable")
        assert shown(home) == {"unavailable"}
        await home.simulator.freeze("off")
        await home.wait_for_state("sensor", "status", "ready_to_charge")


async def test_odd_frames_cost_themselves(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Null dates, unknown letters, invalid JSON, no result: only their values are unknown."""
    async with account_home(hass, monkeypatch) as home:
        await plugged(home)
        await home.simulator.garbage()
        await home.simulator.null_dates()
        await home.simulator.letter("Z")
        await home.wait_for_state("sensor", "status", "unknown")
        assert home.state("switch", "enabled") == "on"
        await home.simulator.letter("")
        await home.wait_for_state("sensor", "status", "ready_to_charge")
        await home.simulator.no_result()
        await home.call("switch", "turn_on", "charging")
        assert home.entry.runtime_data.hub.connections == 1
        assert "Traceback" not in caplog.text


@pytest.mark.parametrize("fault", ["error 42", "close 4001"])
async def test_request_limit(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """An issue shows when the limit ends; nothing is sent until then."""
    async with account_home(hass, monkeypatch) as home:
        await plugged(home)
        await home.simulator.quota("0")
        await home.simulator.do(fault)
        await home.wait_for_state("sensor", "status", "unavailable")
        assert shown(home) == {"unavailable"}
        [issue] = await until(lambda: issues(hass, "request_limit"))
        placeholders = issue.translation_placeholders or {}
        assert placeholders["plain_title"] == "user@example.com"
        end = dt_util.parse_datetime(f"{placeholders['until']}:30")
        assert end is not None
        assert end > dt_util.now().replace(tzinfo=None)
        requests = len(home.simulator.requests)
        await home.simulator.quota("")
        assert not home.simulator.connections
        assert len(home.simulator.requests) == requests
        home.clock.ahead = DAY
        await home.wait_for_state("sensor", "status", "ready_to_charge")
        await hass.async_block_till_done()
        assert not issues(hass, "request_limit")


async def test_request_limit_at_the_start(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with account_home(hass, monkeypatch, load=False) as home:
        await home.simulator.reject("Request limit reached")
        await home.load()
        assert home.entry.state is ConfigEntryState.LOADED
        await until(lambda: issues(hass, "request_limit"))
        await home.simulator.reject("")
        home.clock.ahead = DAY
        await home.settles()
        assert not issues(hass, "request_limit")


async def test_server_that_is_unreachable_for_long(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An issue appears after half an hour, and goes with the connection."""
    house = House(hass)
    async with account_home(hass, monkeypatch) as home:
        await home.simulator.away()
        await home.simulator.abort()
        await home.wait_for_state("sensor", "status", "unavailable")
        await house.passes(20)
        assert not issues(hass, "account_offline")
        await house.passes(31)
        [issue] = issues(hass, "account_offline")
        assert issue.translation_placeholders is not None
        assert issue.translation_placeholders["plain_title"] == "user@example.com"
        assert issue.translation_placeholders["detail"]
        assert not issue.is_fixable
        await home.simulator.back()
        await until(lambda: not issues(hass, "account_offline"))
        await home.wait_for_state("sensor", "status", "disconnected")


async def test_server_that_is_unreachable_at_the_start(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Home Assistant retries the set-up, and shows why it failed."""
    async with account_home(hass, monkeypatch, load=False) as home:
        await home.simulator.away()
        await home.load()
        assert home.entry.state is ConfigEntryState.SETUP_RETRY
        assert str(home.entry.reason).startswith("Failed to connect to Blue Current: ")
        await home.simulator.back()
        await hass.config_entries.async_reload(home.entry.entry_id)
        await home.settles()


async def test_account_without_charge_points(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is set up at once; a charge point that is added later is found."""
    async with account_home(hass, monkeypatch, load=False) as home:
        await home.simulator.leave()
        await home.load()
        assert home.entry.state is ConfigEntryState.LOADED
        assert not home.entry.runtime_data.coordinators
        await home.simulator.join()
        await home.simulator.close()
        await home.settles()


async def test_charge_point_that_is_offline(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is unavailable, which is not the same as blocked."""
    async with account_home(hass, monkeypatch) as home:
        await plugged(home)
        await home.call("switch", "turn_off", "enabled")
        await home.wait_for_state("sensor", "status", "out_of_service")
        await home.call("switch", "turn_on", "enabled")
        await home.simulator.offline()
        await home.wait_for_state("sensor", "status", "unavailable")
        await home.simulator.online()
        await home.wait_for_state("sensor", "status", "ready_to_charge")


async def test_refusal_is_quoted(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> None:
    async with account_home(hass, monkeypatch) as home:
        await plugged(home)
        await home.simulator.refuse("REJECTED")
        with pytest.raises(HomeAssistantError, match="Driveway refused: REJECTED"):
            await home.call("switch", "turn_on", "charging")
        assert home.state("switch", "charging") == "off"
