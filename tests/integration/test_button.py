"""The button that restarts a charge point."""

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest

from simulators.fimp import ChargepointSetup
from tests.broker import BrokerProcess

from .conftest import Chargepoint, running, until


async def press(chargepoint: Chargepoint) -> None:
    """Press it."""
    await chargepoint.call("button", "press", "restart")


async def test_restart(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """The action returns when the charge point has accepted it."""
    entry = chargepoint.registered("button", "restart")
    assert entry.entity_category == "config"
    assert chargepoint.attribute("button", "restart", "device_class") == "restart"
    before = chargepoint.point["garage"].reboots
    await press(chargepoint)
    assert chargepoint.point["garage"].reboots == before + 1
    assert chargepoint.state("button", "restart") != "unknown"
    # Pressing it again restarts again.
    await press(chargepoint)
    assert chargepoint.point["garage"].reboots == before + 2
    assert [each["val"] for each in chargepoint.sent("cmd.thing.reboot")] == [False, False]


async def test_pressed_twice(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """An impatient finger restarts it once."""
    await chargepoint.point.silence()
    chargepoint.node._commands._timeout = 1.0
    calls = [hass.async_create_task(press(chargepoint)) for _ in range(2)]
    for call in calls:
        with pytest.raises(HomeAssistantError) as caught:
            await call
        assert caught.value.translation_key == "command_timeout"
    assert len(chargepoint.sent("cmd.thing.reboot")) == 1


async def test_offline(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    await chargepoint.point.offline()
    await chargepoint.wait_for_state("button", "restart", "unavailable")
    await chargepoint.point.online()
    await until(lambda: chargepoint.state("button", "restart") != "unavailable")
    await press(chargepoint)


async def test_refused(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """A charge point that has lost its connection unnoticed refuses."""
    chargepoint.point["garage"].reachable = False
    with pytest.raises(HomeAssistantError, match="charger is offline") as caught:
        await press(chargepoint)
    assert caught.value.translation_key == "command_rejected"


async def test_only_where_it_can_be_told(hass: HomeAssistant, broker: BrokerProcess) -> None:
    async with running(hass, broker, ChargepointSetup(profile="easee")):
        assert hass.states.async_entity_ids("button") == []
