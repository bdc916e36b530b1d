"""The session cost that an EVerest station reports."""

from homeassistant.core import HomeAssistant
import pytest

from simulators.everest import CompanionSetup, EverestSimulator, EvseSetup
from simulators.mqtt import Broker
from tests.broker import BrokerProcess

from .conftest import QUICK, Chargepoint, find, load, other_broker, until


@pytest.mark.parametrize("dialect", ["main", "2025.12"])
async def test_costs(hass: HomeAssistant, broker: BrokerProcess, dialect: str) -> None:
    entry = await load(hass, other_broker(broker))
    async with EverestSimulator(
        Broker(broker.host, broker.port),
        EvseSetup(),
        dialect=dialect,
        companions=CompanionSetup(cost="cost_api"),
        timing=QUICK,
    ) as station:
        found = Chargepoint(hass, station, entry)
        await found.wait_for_state("sensor", "status", "disconnected")
        assert find(hass, "sensor", "station_cost") is None
        await station.plug()
        await found.wait_for_state("sensor", "status", "charging")
        await station.cost(1.25)
        await found.wait_for_state("sensor", "station_cost", "1.25")
        state = hass.states.get(found.id("sensor", "station_cost"))
        assert state is not None
        assert state.attributes["unit_of_measurement"] == "EUR"
        assert state.attributes["state_class"] == "total"
        assert state.attributes["status"] == "Running"
        assert state.attributes["parts"] == {"Energy": 1.25}
        assert state.attributes["prices"] == {"Energy": 0.3}
        began = state.attributes["last_reset"]
        assert began == found.node.snapshot.session.started.isoformat()
        await station.unplug()
        await until(lambda: found.attribute("sensor", "station_cost", "status") == "Finished")
        await station.plug()
        await until(lambda: found.attribute("sensor", "station_cost", "last_reset") != began)
        await until(lambda: found.attribute("sensor", "station_cost", "status") == "Running")
        await hass.config_entries.async_unload(entry.entry_id)
