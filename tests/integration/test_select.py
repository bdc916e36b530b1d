"""The charging mode, which today's charge points take but never report."""

import json
from typing import Any

from homeassistant.core import CoreState, HomeAssistant, State
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
import pytest
from pytest_homeassistant_custom_component.common import (
    mock_restore_cache_with_extra_data,
)

from simulators.fimp import ChargepointSetup
from tests.broker import BrokerProcess

from .conftest import Chargepoint, find, load, other_broker, simulator, until


def starts(chargepoint: Chargepoint) -> list[str | None]:
    """Return the modes of the starts that came to the charge point."""
    messages = [json.loads(text) for _, text in chargepoint.point.received]
    return [
        (message["props"] or {}).get("charging_mode")
        for message in messages
        if message["type"] == "cmd.charge.start"
    ]


async def charging(chargepoint: Chargepoint) -> None:
    """Plug in and start."""
    await chargepoint.point.plug()
    await chargepoint.expects("sensor", "status", "ready_to_charge")
    await chargepoint.call("switch", "turn_on", "charging")


@pytest.fixture(name="setups")
def setups_fixture() -> tuple[ChargepointSetup, ...]:
    """Easee takes a start while it is charging; others refuse it."""
    return (ChargepointSetup(profile="easee"),)


async def test_no_choice_no_mode(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """A mode changes the current: nobody is given one that was not chosen."""
    assert chargepoint.state("select", "charging_mode") == "unknown"
    assert set(chargepoint.attribute("select", "charging_mode", "options")) == {
        "normal",
        "slow",
    }
    await charging(chargepoint)
    assert starts(chargepoint) == [None]


async def test_goes_with_the_next_start(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    await chargepoint.call("select", "select_option", "charging_mode", option="slow")
    assert chargepoint.state("select", "charging_mode") == "slow"
    assert chargepoint.attribute("select", "charging_mode", "pending") is False
    assert starts(chargepoint) == []
    await charging(chargepoint)
    assert starts(chargepoint) == ["slow"]


async def test_while_charging(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """A new choice is sent at once."""
    await charging(chargepoint)
    await chargepoint.call("select", "select_option", "charging_mode", option="slow")
    assert starts(chargepoint) == [None, "slow"]
    assert chargepoint.state("select", "charging_mode") == "slow"


async def test_refused_while_charging(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """The old choice is shown again."""
    await charging(chargepoint)
    await chargepoint.call("select", "select_option", "charging_mode", option="slow")
    await chargepoint.point.refuse("not at this hour")
    with pytest.raises(HomeAssistantError, match="not at this hour"):
        await chargepoint.call("select", "select_option", "charging_mode", option="normal")
    assert chargepoint.state("select", "charging_mode") == "slow"


async def test_pending(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    await charging(chargepoint)
    await chargepoint.point.silence()
    call = hass.async_create_task(
        chargepoint.call("select", "select_option", "charging_mode", option="slow")
    )
    await chargepoint.expects("select", "charging_mode", "slow")
    assert chargepoint.attribute("select", "charging_mode", "pending") is True
    await chargepoint.point.silence("off")
    # The state that comes in the meantime is the proof.
    await call
    assert chargepoint.attribute("select", "charging_mode", "pending") is False


async def test_unknown_option(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    with pytest.raises(ServiceValidationError):
        await chargepoint.call("select", "select_option", "charging_mode", option="warp")


@pytest.mark.parametrize(
    ("stored", "shown"),
    [({"option": "slow"}, "slow"), ({"option": "warp"}, "unknown"), (None, "unknown")],
)
async def test_choice_survives_a_restart(
    hass: HomeAssistant, broker: BrokerProcess, stored: dict[str, Any] | None, shown: str
) -> None:
    entity_id = "select.easee_home_charging_mode"
    hass.set_state(CoreState.starting)
    mock_restore_cache_with_extra_data(hass, [(State(entity_id, "unavailable"), stored)])
    async with simulator(broker, ChargepointSetup(profile="easee")) as point:
        entry = await load(hass, other_broker(broker))
        found = Chargepoint(hass, point, entry)
        await found.expects("select", "charging_mode", shown)
        assert found.id("select", "charging_mode") == entity_id
        await hass.config_entries.async_unload(entry.entry_id)


async def test_choice_is_stored_while_not_available(
    hass: HomeAssistant, chargepoint: Chargepoint
) -> None:
    entity_id = chargepoint.id("select", "charging_mode")
    entity = hass.data["entity_components"]["select"].get_entity(entity_id)
    assert entity.extra_restore_state_data is None
    await chargepoint.call("select", "select_option", "charging_mode", option="slow")
    await chargepoint.point.offline()
    await chargepoint.expects("select", "charging_mode", "unavailable")
    assert entity.extra_restore_state_data.as_dict() == {"option": "slow"}
    await chargepoint.point.online()
    await chargepoint.expects("select", "charging_mode", "slow")


async def test_only_where_there_are_modes(hass: HomeAssistant, broker: BrokerProcess) -> None:
    async with simulator(broker, ChargepointSetup(profile="minimal")) as point:
        entry = await load(hass, other_broker(broker))
        await Chargepoint(hass, point, entry).expects("sensor", "status", "disconnected")
        await until(lambda: find(hass, "switch", "charging"))
        assert find(hass, "select", "charging_mode") is None
        await hass.config_entries.async_unload(entry.entry_id)
