"""A broker that is away for long, and what the user reads of it."""

from functools import partial
from typing import Any

from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    ConfigEntryDisabler,
    ConfigEntryState,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.fimp_chargepoint.chargepoint.errors import AuthenticationError
from custom_components.fimp_chargepoint.const import DOMAIN
from tests.broker import PASSWORD, USERNAME, BrokerProcess
from tests.conftest import MakeBroker

from .conftest import load, mqtt_entry, other_broker, until
from .house import House

LONG = 3
SHORT = 1
#: Home Assistant tries again to set an entry up within this time.
RETRIED = 20

_TRIES = ConfigEntryState.SETUP_IN_PROGRESS


def issue(hass: HomeAssistant, entry: MockConfigEntry) -> ir.IssueEntry | None:
    """Return what the user sees."""
    own = "" if entry.data["hub"] == "broker" else "mqtt_"
    return ir.async_get(hass).async_get_issue(DOMAIN, f"{own}broker_offline_{entry.entry_id}")


async def later(house: House, minutes: float) -> None:
    """Let time pass, and with it the next attempt to set an entry up."""
    await house.passes(minutes)
    # Home Assistant does not wait for such an attempt.
    entries = house.hass.config_entries.async_entries(DOMAIN)
    await until(lambda: not any(each.state is _TRIES for each in entries))


async def lose(hass: HomeAssistant, entry: MockConfigEntry, broker: BrokerProcess) -> None:
    """Let the broker go while it is in use."""
    await hass.async_add_executor_job(broker.stop)
    await until(lambda: not entry.runtime_data.hub.transport.connected, "the link to break")


async def test_gone_and_back(hass: HomeAssistant, house: House, broker: BrokerProcess) -> None:
    entry = await load(hass, other_broker(broker))
    await later(house, LONG)
    assert issue(hass, entry) is None
    await lose(hass, entry, broker)
    await later(house, SHORT)
    assert issue(hass, entry) is None
    await until(lambda: "refused" in str(entry.runtime_data.hub.last_error))
    await later(house, LONG)
    found = issue(hass, entry)
    assert found is not None
    assert found.translation_key == "broker_offline"
    assert found.translation_placeholders["title"] == "Charging"
    assert "refused" in found.translation_placeholders["detail"]
    assert found.is_fixable
    await hass.async_add_executor_job(broker.start)
    await until(lambda: issue(hass, entry) is None, "the issue to go")
    # The next outage is a new one.
    await lose(hass, entry, broker)
    await later(house, SHORT)
    assert issue(hass, entry) is None
    await later(house, LONG)
    assert issue(hass, entry) is not None
    await hass.config_entries.async_unload(entry.entry_id)
    assert issue(hass, entry) is None


async def test_never_there(hass: HomeAssistant, house: House, broker: BrokerProcess) -> None:
    """Home Assistant was started without the broker."""
    broker.stop()
    entry = await load(hass, other_broker(broker))
    assert entry.state is ConfigEntryState.SETUP_RETRY
    await later(house, SHORT)
    assert issue(hass, entry) is None
    await later(house, LONG)
    assert issue(hass, entry) is not None
    # It stays while nothing changes.
    await later(house, SHORT)
    assert issue(hass, entry) is not None
    await hass.async_add_executor_job(broker.start)
    await later(house, RETRIED)
    await until(lambda: entry.state is ConfigEntryState.LOADED, "the entry to be loaded")
    assert issue(hass, entry) is None
    await hass.config_entries.async_unload(entry.entry_id)


async def test_why_it_is_gone_is_shown_at_once(
    hass: HomeAssistant, house: House, broker: BrokerProcess
) -> None:
    entry = await load(hass, other_broker(broker))
    (entity_id,) = hass.states.async_entity_ids("binary_sensor")
    connected = hass.states.get(entity_id)
    assert connected is not None
    assert (connected.state, connected.attributes["reason"]) == ("on", None)
    await lose(hass, entry, broker)
    # The transport notifies its listener only after it has closed its client.
    await until(lambda: hass.states.is_state(entity_id, "off"), "the connection sensor")

    def attributes() -> dict[str, Any]:
        state = hass.states.get(entity_id)
        assert state is not None
        return dict(state.attributes)

    assert attributes()["reason"]
    since = attributes()["since"]
    assert since > connected.attributes["since"]
    await until(lambda: "refused" in attributes()["reason"], "the reason why it does not come back")
    assert attributes()["since"] == since
    await hass.async_add_executor_job(broker.start)
    await until(lambda: hass.states.is_state(entity_id, "on"), "the connection")
    assert attributes()["reason"] is None
    assert attributes()["since"] > since
    await hass.config_entries.async_unload(entry.entry_id)


@pytest.mark.parametrize("end", ["disabled", "removed"])
async def test_nobody_needs_it_any_more(
    hass: HomeAssistant, house: House, broker: BrokerProcess, end: str
) -> None:
    broker.stop()
    entry = await load(hass, other_broker(broker))
    await later(house, LONG)
    assert issue(hass, entry) is not None
    if end == "disabled":
        await hass.config_entries.async_set_disabled_by(entry.entry_id, ConfigEntryDisabler.USER)
    else:
        await hass.config_entries.async_remove(entry.entry_id)
    assert issue(hass, entry) is None


async def test_the_broker_of_home_assistant(
    hass: HomeAssistant, house: House, broker: BrokerProcess
) -> None:
    """Its settings are another client's."""
    mqtt_entry(hass, broker)
    broker.stop()
    entry = MockConfigEntry(
        domain=DOMAIN,
        title="Home Assistant MQTT",
        data={"hub": "home_assistant", "prefixes": [""]},
    )
    await load(hass, entry)
    await later(house, LONG)
    found = issue(hass, entry)
    assert found is not None
    assert found.translation_key == "mqtt_broker_offline"
    assert not found.is_fixable
    assert found.learn_more_url == "homeassistant://config/integrations/integration/mqtt"
    await hass.config_entries.async_remove(entry.entry_id)


async def test_a_broker_that_refuses_us_is_there(
    hass: HomeAssistant, house: House, make_broker: MakeBroker
) -> None:
    """The user is already asked for a password; that is enough."""
    broker = make_broker(credentials=True)
    broker.stop()
    entry = await load(hass, other_broker(broker, username=USERNAME, password="wrong"))
    await later(house, LONG)
    assert issue(hass, entry) is not None
    await hass.async_add_executor_job(broker.start)
    await later(house, LONG)
    await until(lambda: entry.state is ConfigEntryState.SETUP_ERROR, "the refusal")
    assert issue(hass, entry) is None
    assert hass.config_entries.flow.async_progress_by_handler(DOMAIN)


async def test_a_broker_that_comes_back_with_another_password(
    hass: HomeAssistant, house: House, make_broker: MakeBroker
) -> None:
    broker = make_broker(credentials=True)
    entry = await load(hass, other_broker(broker, username=USERNAME, password=PASSWORD))
    await lose(hass, entry, broker)
    await hass.async_add_executor_job(partial(broker.start, password="new"))
    hub = entry.runtime_data.hub
    await until(lambda: isinstance(hub.last_error, AuthenticationError))
    await later(house, LONG)
    assert issue(hass, entry) is None
    await hass.config_entries.async_unload(entry.entry_id)


async def test_it_leads_to_the_settings(
    hass: HomeAssistant,
    house: House,
    broker: BrokerProcess,
    hass_client: ClientSessionGenerator,
) -> None:
    assert await async_setup_component(hass, "repairs", {})
    broker.stop()
    entry = await load(hass, other_broker(broker))
    await later(house, LONG)
    found = issue(hass, entry)
    assert found is not None
    client = await hass_client()
    flow: dict[str, Any] = {"handler": DOMAIN, "issue_id": found.issue_id}
    step = await (await client.post("/api/repairs/issues/fix", json=flow)).json()
    assert step["description_placeholders"] == found.translation_placeholders
    url = f"/api/repairs/issues/fix/{step['flow_id']}"
    done = await (await client.post(url, json={})).json()
    assert done["type"] == "create_entry"
    (reconfigure,) = hass.config_entries.flow.async_progress_by_handler(DOMAIN)
    assert done["next_flow"] == ["config_flow", reconfigure["flow_id"]]
    assert reconfigure["context"]["source"] == SOURCE_RECONFIGURE
    assert reconfigure["step_id"] == "broker"
    assert issue(hass, entry) is None
    # If that was no use, it comes back.
    await later(house, 1)
    assert issue(hass, entry) is None
    await later(house, LONG)
    assert issue(hass, entry) is not None
    await hass.config_entries.async_remove(entry.entry_id)
