"""The charging mode, which today's charge points take but never report."""

import json
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
import pytest

from custom_components.fimp_chargepoint.const import DOMAIN
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
    await chargepoint.wait_for_state("sensor", "status", "ready_to_charge")
    await chargepoint.call("switch", "turn_on", "charging")


@pytest.fixture(name="setups")
def setups_fixture() -> tuple[ChargepointSetup, ...]:
    """Easee takes a start while it is charging; others refuse it."""
    return (ChargepointSetup(profile="easee"),)


async def test_no_choice_no_mode(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """A mode changes the current: none is used that was not chosen."""
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
    await chargepoint.wait_for_state("select", "charging_mode", "slow")
    assert chargepoint.attribute("select", "charging_mode", "pending") is True
    await chargepoint.point.silence("off")
    # The state that is reported in the meantime is the confirmation.
    await call
    assert chargepoint.attribute("select", "charging_mode", "pending") is False


async def test_unknown_option(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    with pytest.raises(ServiceValidationError):
        await chargepoint.call("select", "select_option", "charging_mode", option="warp")


@pytest.mark.parametrize(
    ("choice", "shown"),
    [("slow", "slow"), ("warp", "unknown"), (7, "unknown"), (None, "unknown")],
)
async def test_choice_survives_a_restart(
    hass: HomeAssistant,
    chargepoint: Chargepoint,
    hass_storage: dict[str, Any],
    choice: object,
    shown: str,
) -> None:
    """Whatever the file contains, the charge point can be controlled."""
    await chargepoint.call("select", "select_option", "charging_mode", option="normal")
    await hass.config_entries.async_unload(chargepoint.entry.entry_id)
    file = hass_storage[f"{DOMAIN}.{chargepoint.entry.entry_id}.state"]["data"]
    (record,) = file["charge_points"].values()
    assert record == {"charging_mode": "normal"}
    record["charging_mode"] = choice
    await hass.config_entries.async_setup(chargepoint.entry.entry_id)
    await chargepoint.wait_for_state("switch", "charging", "off")
    await chargepoint.wait_for_state("select", "charging_mode", shown)
    await charging(chargepoint)
    (start,) = chargepoint.sent("cmd.charge.start")
    assert start["props"] == ({"charging_mode": "slow"} if choice == "slow" else None)


async def test_choice_is_kept_while_not_available(
    hass: HomeAssistant, chargepoint: Chargepoint, hass_storage: dict[str, Any]
) -> None:
    await chargepoint.call("select", "select_option", "charging_mode", option="slow")
    await chargepoint.point.offline()
    await chargepoint.wait_for_state("select", "charging_mode", "unavailable")
    await hass.config_entries.async_reload(chargepoint.entry.entry_id)
    await chargepoint.point.online()
    await chargepoint.wait_for_state("select", "charging_mode", "slow")


async def test_only_where_there_are_modes(hass: HomeAssistant, broker: BrokerProcess) -> None:
    async with simulator(broker, ChargepointSetup(profile="minimal")) as point:
        entry = await load(hass, other_broker(broker))
        await Chargepoint(hass, point, entry).wait_for_state("sensor", "status", "disconnected")
        await until(lambda: find(hass, "switch", "charging"))
        assert find(hass, "select", "charging_mode") is None
        await hass.config_entries.async_unload(entry.entry_id)
