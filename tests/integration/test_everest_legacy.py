"""A station with EVerest's API before v1, alone and beside v1."""

from collections.abc import AsyncGenerator

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr
import pytest

from custom_components.fimp_chargepoint.chargepoint.errors import (
    CommandTimeoutError,
    OutOfRangeError,
)
from custom_components.fimp_chargepoint.chargepoint.everest.api import module
from custom_components.fimp_chargepoint.chargepoint.everest.legacy import (
    protocol as legacy_protocol,
)
from custom_components.fimp_chargepoint.chargepoint.everest.legacy.chargepoint import (
    LegacyChargepoint,
)
from custom_components.fimp_chargepoint.chargepoint.model import Feature
from custom_components.fimp_chargepoint.const import DOMAIN
from simulators.everest import CompanionSetup, EverestSimulator, EvseSetup
from simulators.mqtt import Broker
from tests.broker import BrokerProcess

from .conftest import QUICK, Chargepoint, find, load, other_broker, until

pytestmark = pytest.mark.usefixtures("everything_enabled")


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give v1 less time to appear first."""
    monkeypatch.setattr(legacy_protocol, "_FIRST", 0.5)
    monkeypatch.setattr(LegacyChargepoint, "command_timeout", 4.0)


def station(broker: BrokerProcess, *evses: EvseSetup, dialect: str) -> EverestSimulator:
    """Return a station that is noisy about what it did not understand."""
    return EverestSimulator(
        Broker(broker.host, broker.port),
        *evses,
        dialect=dialect,
        companions=CompanionSetup(errors="errors"),
        timing=QUICK,
    )


@pytest.fixture(name="chargepoint")
async def chargepoint_fixture(
    hass: HomeAssistant, broker: BrokerProcess
) -> AsyncGenerator[Chargepoint]:
    """The only connector of a station without v1."""
    async with station(broker, EvseSetup(authorize=True), dialect="legacy") as point:
        entry = await load(hass, other_broker(broker))
        found = Chargepoint(hass, point, entry)
        await found.wait_for_state("sensor", "status", "disconnected")
        await until(lambda: Feature.PHASES in found.node.snapshot.capabilities.controls)
        await until(lambda: found.node.snapshot.max_current)
        await hass.async_block_till_done()
        yield found
        assert not entry.runtime_data.hub.ignored
        assert not point.mistakes
        await hass.config_entries.async_unload(entry.entry_id)


def number(chargepoint: Chargepoint, key: str) -> float:
    """Return the state of a sensor as a number, zero if it has none."""
    try:
        return float(chargepoint.state("sensor", key) or 0)
    except ValueError:
        return 0.0


async def test_a_session(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """Plugged in and authorized, it charges; the switch pauses and resumes."""
    assert find(hass, "lock", "cable") is None
    assert chargepoint.node.address == "everest_legacy:connector_1"
    await chargepoint.point.plug()
    await chargepoint.wait_for_state("sensor", "status", "charging")
    assert chargepoint.state("switch", "charging") == "on"
    await until(lambda: number(chargepoint, "power") > 0)
    await until(lambda: number(chargepoint, "session_energy") > 0)

    await chargepoint.call("switch", "turn_off", "charging")
    assert chargepoint.state("switch", "charging") == "off"
    await chargepoint.call("switch", "turn_on", "charging")
    assert chargepoint.state("switch", "charging") == "on"

    await chargepoint.point.unplug()
    await chargepoint.wait_for_state("sensor", "status", "disconnected")


async def test_nothing_to_resume(chargepoint: Chargepoint) -> None:
    """There is no car."""
    with pytest.raises(HomeAssistantError) as caught:
        await chargepoint.call("switch", "turn_on", "charging")
    assert caught.value.translation_key == "no_car"
    assert chargepoint.state("switch", "charging") == "off"


async def test_enabled(chargepoint: Chargepoint) -> None:
    await chargepoint.call("switch", "turn_off", "enabled")
    assert chargepoint.state("switch", "enabled") == "off"
    await chargepoint.wait_for_state("sensor", "status", "out_of_service")
    await chargepoint.call("switch", "turn_on", "enabled")
    assert chargepoint.state("switch", "enabled") == "on"


async def test_limits(chargepoint: Chargepoint) -> None:
    await chargepoint.node.set(Feature.MAX_CURRENT, 8)
    assert chargepoint.node.snapshot.max_current == 8
    await chargepoint.node.set(Feature.PHASES, "1")
    shown = chargepoint.node.snapshot
    assert (shown.max_current, shown.phases) == (8, "1")
    # More than the fuse.
    await chargepoint.node.set(Feature.MAX_CURRENT, 16)
    shown = chargepoint.node.snapshot
    assert (shown.max_current, shown.phases) == (16, "1")
    with pytest.raises(OutOfRangeError):
        await chargepoint.node.set(Feature.MAX_CURRENT, 100)


@pytest.mark.parametrize("feature", [Feature.STOP_TRANSACTION, Feature.UNLOCK_CONNECTOR])
async def test_the_end_of_a_transaction(chargepoint: Chargepoint, feature: Feature) -> None:
    await chargepoint.point.plug()
    await chargepoint.wait_for_state("sensor", "status", "charging")
    await chargepoint.call("button", "press", feature)
    await chargepoint.wait_for_state("sensor", "status", "finished")


async def test_broker_goes_and_comes_back(
    hass: HomeAssistant, chargepoint: Chargepoint, broker: BrokerProcess
) -> None:
    await hass.async_add_executor_job(broker.stop)
    await chargepoint.wait_for_state("switch", "charging", "unavailable")
    await hass.async_add_executor_job(broker.start)
    await until(lambda: chargepoint.state("switch", "charging") != "unavailable")


async def test_without_a_way_to_the_energy(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """The station takes the limit and forgets it."""
    async with station(broker, EvseSetup(sink=False), dialect="legacy") as point:
        entry = await load(hass, other_broker(broker))
        found = Chargepoint(hass, point, entry)
        await found.wait_for_state("sensor", "status", "disconnected")
        await until(lambda: found.node.snapshot.max_current)
        with pytest.raises(CommandTimeoutError):
            await found.node.set(Feature.MAX_CURRENT, 8)
        await hass.config_entries.async_unload(entry.entry_id)


@pytest.mark.parametrize("first", ["station", "entry"])
async def test_a_station_that_speaks_both(
    hass: HomeAssistant, broker: BrokerProcess, first: str
) -> None:
    """It is one device, and v1 is preferred."""
    entry = other_broker(broker)
    if first == "entry":
        await load(hass, entry)
    async with station(
        broker, EvseSetup(module="a"), EvseSetup(module="b", name="street"), dialect="both"
    ):
        if first == "station":
            await load(hass, entry)
        hub = entry.runtime_data.hub
        both = {"everest:a", "everest:b"}
        await until(lambda: both <= set(hub.nodes))
        # Long enough for the old API to be introduced.
        received = hub.received
        await until(lambda: hub.received > received + 200)
        assert set(hub.nodes) == {*both, "everest_station:"}
        await hass.async_block_till_done()
        devices = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
        found = {identifier for each in devices for identifier in each.identifiers}
        assert not [each for each in found if each[0] == DOMAIN and "legacy" in each[1]]
        assert not hub.ignored
        await hass.config_entries.async_unload(entry.entry_id)


async def test_a_station_that_learns_v1(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """After an update it has v1, and the older device is removed."""
    entry = await load(hass, other_broker(broker))
    hub = entry.runtime_data.hub
    async with station(broker, EvseSetup(module="a"), dialect="legacy"):
        await until(lambda: set(hub.nodes) == {"everest_legacy:connector_1"})
    async with station(broker, EvseSetup(module="a"), dialect="both"):
        await until(lambda: set(hub.nodes) == {"everest:a"})
        await hass.async_block_till_done()
        devices = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
        found = {identifier for each in devices for identifier in each.identifiers}
        assert not [each for each in found if "legacy" in each[1]]
    await hass.config_entries.async_unload(entry.entry_id)


async def test_a_station_that_loses_v1(
    hass: HomeAssistant, broker: BrokerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It can be used through its older API, without a reload, and is one device again later."""
    monkeypatch.setattr(module, "SILENCE_MIN", 1.0)
    monkeypatch.setattr(legacy_protocol, "_REST", 1.0)
    entry = await load(hass, other_broker(broker))
    hub = entry.runtime_data.hub
    async with station(broker, EvseSetup(module="a"), dialect="both"):
        await until(lambda: set(hub.nodes) == {"everest:a"})
        received = hub.received
        await until(lambda: hub.received > received + 200)
        assert set(hub.nodes) == {"everest:a"}
    async with station(broker, EvseSetup(module="a"), dialect="legacy") as point:
        await until(lambda: "everest_legacy:connector_1" in hub.nodes)
        assert not hub.nodes["everest:a"].snapshot.available
        node = hub.nodes["everest_legacy:connector_1"]
        assert isinstance(node, LegacyChargepoint)
        await until(lambda: node.snapshot.enabled)
        await node.set(Feature.ENABLED, False)
        assert not node.snapshot.enabled
        assert not point.mistakes
    async with station(broker, EvseSetup(module="a"), dialect="both"):
        await until(lambda: set(hub.nodes) == {"everest:a"})
        await until(lambda: hub.nodes["everest:a"].snapshot.available)
    await hass.config_entries.async_unload(entry.entry_id)
