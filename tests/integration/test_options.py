"""Every option does what it says, over a real broker."""

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest

from custom_components.fimp_chargepoint.chargepoint.everest import legacy_discovery
from simulators.everest import EverestSimulator, EvseSetup
from simulators.fimp import ChargepointSetup
from simulators.mqtt import Broker
from tests.broker import BrokerProcess

from .conftest import (
    QUICK,
    QUIET,
    Chargepoint,
    load,
    other_broker,
    running,
    simulator,
    until,
)


def station(broker: BrokerProcess, dialect: str = "main") -> EverestSimulator:
    """Return an EVSE of EVerest."""
    return EverestSimulator(
        Broker(broker.host, broker.port),
        EvseSetup(module="carport", authorize=True),
        dialect=dialect,
        timing=QUICK,
    )


async def test_measurement_interval(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """Measurements are held back, and what changes with them is not."""
    slowly = {"measurement_interval": 3600}
    async with running(hass, broker, ChargepointSetup(profile="full"), options=slowly) as point:
        await point.point.plug()
        await point.shows("sensor", "status", "ready_to_charge")
        await point.call("switch", "turn_on", "charging")
        assert point.state("sensor", "status") == "charging"
        # The meter goes on, and only the library sees it.
        shown = point.entry.runtime_data.coordinators[point.node.address].data.meter
        await until(lambda: point.node.snapshot.meter.energy != shown.energy)
        await until(lambda: point.node._published.meter != point.node.snapshot.meter)


@pytest.mark.parametrize("protocol", ["fimp", "everest"])
async def test_command_timeout(
    hass: HomeAssistant, broker: BrokerProcess, protocol: str
) -> None:
    entry = other_broker(broker, options={"command_timeout": 0.4})
    async with (
        simulator(broker, ChargepointSetup(profile="full"))
        if protocol == "fimp"
        else station(broker) as point
    ):
        await load(hass, entry)
        found = Chargepoint(hass, point, entry)
        await found.shows("sensor", "status", "disconnected")
        await point.silence()
        with pytest.raises(HomeAssistantError, match=r"within 0\.4 seconds") as caught:
            await found.call("switch", "turn_on", "charging")
        assert caught.value.translation_key == "command_timeout"
        await hass.config_entries.async_unload(entry.entry_id)


async def test_silence_limit_of_fimp(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """A charger that says nothing is asked, and is there as long as it answers."""
    limit = {"silence_limit": 1.2}
    full = ChargepointSetup(profile="full")
    async with running(hass, broker, full, timing=QUIET, options=limit) as point:
        asked = len(point.sent("cmd.state.get_report"))
        await until(lambda: len(point.sent("cmd.state.get_report")) > asked + 2)
        assert point.state("sensor", "status") == "disconnected"
        await point.point.silence()
        await point.shows("sensor", "status", "unavailable")
        assert point.node.snapshot.unavailable == "silent"
        await point.point.silence("off")
        await point.shows("sensor", "status", "disconnected")


@pytest.mark.parametrize("dialect", ["main", "legacy"])
async def test_silence_limit_of_everest(
    hass: HomeAssistant,
    broker: BrokerProcess,
    dialect: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(legacy_discovery, "_FIRST", 0.2)
    entry = other_broker(broker, options={"silence_limit": 1.5})
    async with station(broker, dialect) as point:
        await load(hass, entry)
        found = Chargepoint(hass, point, entry)
        await found.shows("sensor", "status", "disconnected")
    await found.shows("sensor", "status", "unavailable")
    assert found.node.snapshot.unavailable == "silent"
    await hass.config_entries.async_unload(entry.entry_id)


@pytest.mark.parametrize(
    ("protocols", "addresses", "topics"),
    [
        (["fimp"], "fimp:", {"pt:j1"}),
        (["everest"], "everest:", {"everest_api"}),
        (["fimp", "everest"], "everest: fimp:", {"everest_api", "pt:j1"}),
    ],
    ids=str,
)
async def test_protocols(
    hass: HomeAssistant,
    broker: BrokerProcess,
    protocols: list[str],
    addresses: str,
    topics: set[str],
) -> None:
    """Not one message of the other is delivered."""
    entry = other_broker(broker, options={"protocols": protocols})
    async with station(broker) as everest, simulator(broker) as fimp:
        await load(hass, entry)
        hub = entry.runtime_data.hub
        await until(lambda: len(hub.nodes) == len(protocols))
        # Both have something to say, and the one that we hear says it last.
        for point in (everest, fimp) if protocols[0] == "fimp" else (fimp, everest):
            await point.plug()
        wanted = next(iter(hub.nodes.values()))
        await until(lambda: wanted.snapshot.plugged)
        found = {address.partition(":")[0] + ":" for address in hub.nodes}
        assert " ".join(sorted(found)) == addresses
        assert {topic.partition("/")[0] for topic in hub._routes} == topics
        await hass.config_entries.async_unload(entry.entry_id)
