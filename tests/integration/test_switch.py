"""The charge switch: its state, its commands, and its errors."""

import asyncio
import json
from typing import Any

from homeassistant.const import EVENT_STATE_REPORTED
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.event import async_track_state_change_event
import pytest

from tests.broker import BrokerProcess
from tests.helpers.waiting import PATIENCE

from .conftest import Chargepoint, until

ON, OFF = "turn_on", "turn_off"


def sent(chargepoint: Chargepoint, kind: str) -> int:
    """Return how often a command came to the charge point."""
    return sum(json.loads(text)["type"] == kind for _, text in chargepoint.point.received)


async def test_it_has_the_name_of_the_device(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """A name of its own in the translations would take precedence."""
    assert chargepoint.id("switch", "charging") == "switch.acme_wallbox"
    assert chargepoint.attribute("switch", "charging", "friendly_name") == "Acme Wallbox"


async def test_on_and_off(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """The action returns when the charge point has confirmed it."""
    assert chargepoint.state("switch", "charging") == "off"
    await chargepoint.point.plug()
    await chargepoint.wait_for_state("sensor", "status", "ready_to_charge")
    assert chargepoint.state("switch", "charging") == "off"

    await chargepoint.call("switch", ON, "charging")
    assert chargepoint.state("sensor", "status") == "charging"
    assert chargepoint.state("switch", "charging") == "on"
    assert chargepoint.attribute("switch", "charging", "pending") is False

    await chargepoint.call("switch", OFF, "charging")
    assert chargepoint.state("sensor", "status") == "ready_to_charge"
    assert chargepoint.state("switch", "charging") == "off"


async def test_on_while_the_car_takes_a_break(
    hass: HomeAssistant, chargepoint: Chargepoint
) -> None:
    """On means that charging is allowed, whether the car charges or not."""
    await chargepoint.point.plug()
    await chargepoint.wait_for_state("sensor", "status", "ready_to_charge")
    await chargepoint.call("switch", ON, "charging")
    await chargepoint.point.car_pause()
    await chargepoint.wait_for_state("sensor", "status", "suspended_by_ev")
    assert chargepoint.state("switch", "charging") == "on"


async def test_what_is_so_already(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """Turning off what is off succeeds without a message."""
    await chargepoint.call("switch", OFF, "charging")
    assert sent(chargepoint, "cmd.charge.stop") == 0


async def test_pending(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """The requested position is shown at once, and marked until it is confirmed."""
    seen: list[tuple[str, bool]] = []

    @callback
    def remember(event: Event[EventStateChangedData]) -> None:
        state = event.data["new_state"]
        seen.append((state.state, state.attributes["pending"]))

    entity_id = chargepoint.id("switch", "charging")
    async_track_state_change_event(hass, entity_id, remember)
    written_again: list[Event[Any]] = []

    @callback
    def again(event: Event[Any]) -> None:
        written_again.append(event)

    @callback
    def is_ours(data: Any) -> bool:
        return bool(data["entity_id"] == entity_id)

    hass.bus.async_listen(EVENT_STATE_REPORTED, again, event_filter=is_ours)
    await chargepoint.point.plug()
    await chargepoint.wait_for_state("sensor", "status", "ready_to_charge")
    await chargepoint.call("switch", ON, "charging")
    # Nothing is written twice, and it never bounces.
    assert seen == [("on", True), ("on", False)]
    assert not written_again


async def test_refused(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """The charge point is quoted, and the switch shows the actual state again."""
    await chargepoint.point.refuse("the grid is too weak today")
    await chargepoint.point.plug()
    await chargepoint.wait_for_state("sensor", "status", "ready_to_charge")
    with pytest.raises(HomeAssistantError) as caught:
        await chargepoint.call("switch", ON, "charging")
    assert caught.value.translation_key == "command_rejected"
    assert "the grid is too weak today" in caught.value.translation_placeholders["reason"]
    assert "the grid is too weak today" in str(caught.value)
    assert chargepoint.state("switch", "charging") == "off"
    assert chargepoint.attribute("switch", "charging", "pending") is False


async def test_silence(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """No answer at all is an error too, after a while."""
    (node,) = chargepoint.entry.runtime_data.hub.nodes.values()
    node._commands._timeout = 1.0
    await chargepoint.point.plug()
    await chargepoint.wait_for_state("sensor", "status", "ready_to_charge")
    await chargepoint.point.silence()
    call = hass.async_create_task(chargepoint.call("switch", ON, "charging"))
    await chargepoint.wait_for_state("switch", "charging", "on")
    assert chargepoint.attribute("switch", "charging", "pending") is True
    with pytest.raises(HomeAssistantError) as caught:
        await call
    assert caught.value.translation_key == "command_timeout"
    assert "1 seconds" in str(caught.value)
    assert chargepoint.state("switch", "charging") == "off"
    assert chargepoint.attribute("switch", "charging", "pending") is False


async def test_a_stop_waits_for_nothing(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """It replaces a start that waits for its confirmation."""
    await chargepoint.point.plug()
    await chargepoint.wait_for_state("sensor", "status", "ready_to_charge")
    await chargepoint.point.silence()
    start = hass.async_create_task(chargepoint.call("switch", ON, "charging"))
    # It has arrived, but was not waited for.
    await until(lambda: sent(chargepoint, "cmd.charge.start"))
    assert chargepoint.state("switch", "charging") == "on"
    await chargepoint.point.silence("off")
    async with asyncio.timeout(PATIENCE):
        stop = hass.async_create_task(chargepoint.call("switch", OFF, "charging"))
        with pytest.raises(HomeAssistantError) as caught:
            await start
        assert caught.value.translation_key == "command_superseded"
        await chargepoint.point.refuse("nothing to stop")
        # The result of the stop is up to the charge point; it was sent at once.
        await until(lambda: sent(chargepoint, "cmd.charge.stop"))
        await asyncio.gather(stop, return_exceptions=True)
    assert chargepoint.state("switch", "charging") == "off"


async def test_broker_goes_and_comes_back(
    hass: HomeAssistant, chargepoint: Chargepoint, broker: BrokerProcess
) -> None:
    """Nothing is live without it, and everything is asked for again."""
    await chargepoint.point.plug()
    await chargepoint.wait_for_state("sensor", "status", "ready_to_charge")
    await chargepoint.call("switch", ON, "charging")
    await hass.async_add_executor_job(broker.stop)
    await chargepoint.wait_for_state("switch", "charging", "unavailable")
    await hass.async_add_executor_job(broker.start)
    await chargepoint.wait_for_state("switch", "charging", "on")


async def test_connection_lost_while_waiting(
    hass: HomeAssistant, chargepoint: Chargepoint, broker: BrokerProcess
) -> None:
    """Whether it was carried out can no longer be seen: the error reports that."""
    await chargepoint.point.plug()
    await chargepoint.wait_for_state("sensor", "status", "ready_to_charge")
    await chargepoint.point.silence()
    call = hass.async_create_task(chargepoint.call("switch", ON, "charging"))
    await until(lambda: sent(chargepoint, "cmd.charge.start"))
    await hass.async_add_executor_job(broker.stop)
    with pytest.raises(HomeAssistantError) as caught:
        await call
    assert caught.value.translation_key == "connection_lost"
    await chargepoint.point.silence("off")
    await hass.async_add_executor_job(broker.start)
    await chargepoint.wait_for_state("switch", "charging", "off")


async def test_offline_and_online(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """The adapter reports whether it reaches the charge point."""
    await chargepoint.point.offline()
    await chargepoint.wait_for_state("switch", "charging", "unavailable")
    await chargepoint.point.online()
    await chargepoint.wait_for_state("switch", "charging", "off")
