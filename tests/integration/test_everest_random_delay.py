"""The random delay of British rules, on each API that has one."""

from collections.abc import AsyncGenerator

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
import pytest

from custom_components.fimp_chargepoint.chargepoint.everest.legacy import (
    protocol as legacy_protocol,
)
from simulators.everest import EverestSimulator, EvseSetup
from simulators.mqtt import Broker
from tests.broker import BrokerProcess

from .conftest import QUICK, Chargepoint, find, load, other_broker, until

pytestmark = pytest.mark.usefixtures("everything_enabled")


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give v1 less time to appear first, and run the energy manager more often."""
    monkeypatch.setattr(legacy_protocol, "_FIRST", 0.5)
    monkeypatch.setattr("simulators.everest.energy._ENERGY_MANAGER_SECONDS", 0.1)


@pytest.fixture(name="chargepoint")
async def chargepoint_fixture(
    hass: HomeAssistant, broker: BrokerProcess, dialect: str
) -> AsyncGenerator[Chargepoint]:
    """An EVSE with a random delay, which it also uses if it cannot be requested."""
    entry = await load(hass, other_broker(broker))
    async with EverestSimulator(
        Broker(broker.host, broker.port), EvseSetup(delay=True), dialect=dialect, timing=QUICK
    ) as station:
        found = Chargepoint(hass, station, entry)
        await found.wait_for_state("sensor", "status", "disconnected")
        yield found
        assert not station.mistakes
        assert not station.dead
        await hass.config_entries.async_unload(entry.entry_id)


async def delayed(chargepoint: Chargepoint) -> None:
    """Plug a car in, which has to wait."""
    await chargepoint.point.plug()
    await chargepoint.wait_for_state("sensor", "status", "suspended_by_evse")
    end = ("unknown", "unavailable", None)
    await until(lambda: chargepoint.state("sensor", "delayed_until") not in end)


@pytest.mark.parametrize("dialect", ["main"])
async def test_all_of_it(chargepoint: Chargepoint) -> None:
    await chargepoint.wait_for_state("switch", "random_delay", "off")
    assert not chargepoint.attribute("switch", "random_delay", "assumed_state")
    await chargepoint.call("switch", "turn_on", "random_delay")
    assert chargepoint.state("switch", "random_delay") == "on"
    assert chargepoint.state("number", "random_delay_duration") == "unknown"
    assert chargepoint.attribute("number", "random_delay_duration", "assumed_state")
    await chargepoint.call("number", "set_value", "random_delay_duration", value=300)
    assert chargepoint.state("number", "random_delay_duration") == "300"
    with pytest.raises(ServiceValidationError):
        await chargepoint.call("number", "set_value", "random_delay_duration", value=0)
    await delayed(chargepoint)
    await chargepoint.wait_for_state("sensor", "not_charging_reason", "random_delay")
    await chargepoint.call("button", "press", "skip_random_delay")
    assert chargepoint.state("sensor", "delayed_until") == "unknown"
    await chargepoint.wait_for_state("sensor", "status", "charging")
    await chargepoint.call("switch", "turn_off", "random_delay")
    assert chargepoint.state("switch", "random_delay") == "off"


@pytest.mark.parametrize("dialect", ["2026.02", "2025.10"])
async def test_a_release_that_cannot_be_asked_offers_it_once_it_was_heard(
    chargepoint: Chargepoint,
) -> None:
    assert find(chargepoint.hass, "switch", "random_delay") is None
    chargepoint.point["carport"].delay.enable()
    await chargepoint.wait_for_state("switch", "random_delay", "on")
    await delayed(chargepoint)
    await chargepoint.call("button", "press", "skip_random_delay")
    await chargepoint.wait_for_state("sensor", "status", "charging")


@pytest.mark.parametrize("dialect", ["legacy"])
async def test_the_old_api(chargepoint: Chargepoint) -> None:
    assert find(chargepoint.hass, "switch", "random_delay") is None
    chargepoint.point["carport"].delay.enable()
    await delayed(chargepoint)
    await chargepoint.wait_for_state("switch", "random_delay", "on")
    assert chargepoint.attribute("switch", "random_delay", "assumed_state")
    await chargepoint.call("button", "press", "skip_random_delay")
    await chargepoint.wait_for_state("sensor", "status", "charging")
    await chargepoint.call("switch", "turn_off", "random_delay")
    assert chargepoint.state("switch", "random_delay") == "off"


@pytest.mark.parametrize("dialect", ["main"])
async def test_it_is_not_there_where_it_is_not_configured(
    hass: HomeAssistant, broker: BrokerProcess, dialect: str
) -> None:
    entry = await load(hass, other_broker(broker))
    async with EverestSimulator(
        Broker(broker.host, broker.port), EvseSetup(), dialect=dialect, timing=QUICK
    ) as station:
        found = Chargepoint(hass, station, entry)
        await found.wait_for_state("sensor", "status", "disconnected")
        await until(lambda: found.node._answers_gets)
        await hass.async_block_till_done()
        assert find(hass, "switch", "random_delay") is None
        assert find(hass, "sensor", "delayed_until") is None
        await hass.config_entries.async_unload(entry.entry_id)
