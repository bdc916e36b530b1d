"""The same entities, with an EVerest station."""

from collections.abc import AsyncGenerator

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest

from simulators.everest import EverestSimulator, EvseSetup
from simulators.mqtt import Broker
from tests.broker import BrokerProcess

from .conftest import QUICK, Chargepoint, find, load, other_broker, until


@pytest.fixture(name="chargepoint", params=["main", "2026.02"])
async def chargepoint_fixture(
    hass: HomeAssistant, broker: BrokerProcess, request: pytest.FixtureRequest
) -> AsyncGenerator[Chargepoint]:
    """An EVSE of an EVerest station, on each release that behaves in a way of its own."""
    entry = await load(hass, other_broker(broker))
    # The older release reports its capabilities only when it starts.
    async with EverestSimulator(
        Broker(broker.host, broker.port),
        EvseSetup(authorize=True),
        dialect=request.param,
        timing=QUICK,
    ) as station:
        found = Chargepoint(hass, station, entry)
        await found.wait_for_state("sensor", "status", "disconnected")
        await hass.async_block_till_done()
        yield found
        await hass.config_entries.async_unload(entry.entry_id)


async def test_a_session(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """Plugged in and authorized, it charges; the switch pauses and resumes."""
    # EVerest reports no error that belongs to nothing.
    types = chargepoint.attribute("event", "problem", "event_types")
    assert types == ["problem_raised", "problem_cleared"]
    assert find(hass, "lock", "cable") is None
    assert find(hass, "select", "charging_mode") is None
    await chargepoint.point.plug()
    await chargepoint.wait_for_state("sensor", "status", "charging")
    assert chargepoint.state("switch", "charging") == "on"
    await until(lambda: float(chargepoint.state("sensor", "power") or 0) > 0)

    await chargepoint.call("switch", "turn_off", "charging")
    assert chargepoint.state("switch", "charging") == "off"
    assert chargepoint.attribute("switch", "charging", "pending") is False
    await chargepoint.call("switch", "turn_on", "charging")
    assert chargepoint.state("switch", "charging") == "on"

    await chargepoint.point.unplug()
    await chargepoint.wait_for_state("sensor", "status", "disconnected")


async def test_refused(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """Without a car there is nothing to start."""
    with pytest.raises(HomeAssistantError) as caught:
        await chargepoint.call("switch", "turn_on", "charging")
    assert caught.value.translation_key == "no_car"
    assert "No car is connected" in str(caught.value)
    assert chargepoint.state("switch", "charging") == "off"


async def test_broker_goes_and_comes_back(
    hass: HomeAssistant, chargepoint: Chargepoint, broker: BrokerProcess
) -> None:
    await hass.async_add_executor_job(broker.stop)
    await chargepoint.wait_for_state("switch", "charging", "unavailable")
    await hass.async_add_executor_job(broker.start)
    await until(lambda: chargepoint.state("switch", "charging") != "unavailable")
