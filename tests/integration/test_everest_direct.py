"""A station for direct current, and one that reports its manufacturer, in Home Assistant."""

from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
import pytest

from simulators.everest import EverestSimulator, EvseSetup, SiteSetup
from simulators.mqtt import Broker
from tests.broker import BrokerProcess

from .conftest import QUICK, Chargepoint, load, other_broker, until


@pytest.mark.parametrize("dialect", ["main", "2025.10"])
@pytest.mark.usefixtures("everything_enabled")
async def test_direct_current(hass: HomeAssistant, broker: BrokerProcess, dialect: str) -> None:
    entry = await load(hass, other_broker(broker))
    async with EverestSimulator(
        Broker(broker.host, broker.port), EvseSetup(dc=True), dialect=dialect, timing=QUICK
    ) as station:
        found = Chargepoint(hass, station, entry)
        await found.wait_for_state("sensor", "status", "disconnected")
        await found.wait_for_state("sensor", "dc_power_max", "50000.0")
        await found.wait_for_state("sensor", "dc_mode", "Off")
        await station.plug()
        await found.wait_for_state("sensor", "dc_mode", "Export")
        await until(lambda: (found.state("sensor", "voltage") or "").startswith(("39", "40")))
        await until(lambda: (found.state("sensor", "dc_voltage") or "")[:2] in ("39", "40"))
        await found.wait_for_state("sensor", "battery_capacity", "60.0")
        await found.wait_for_state("sensor", "isolation_resistance", "900000.0")
        await until(lambda: (found.state("sensor", "state_of_charge") or "0") >= "42")
        await station.unplug()
        await found.wait_for_state("sensor", "battery_capacity", "unknown")
        await hass.config_entries.async_unload(entry.entry_id)


@pytest.mark.usefixtures("everything_enabled")
async def test_who_made_it(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """With both APIs, v1 provides the values, the older one the manufacturer."""
    entry = await load(hass, other_broker(broker))
    async with EverestSimulator(
        Broker(broker.host, broker.port),
        EvseSetup(),
        dialect="both",
        site=SiteSetup(information=True),
        timing=QUICK,
    ) as station:
        found = Chargepoint(hass, station, entry)
        await found.wait_for_state("sensor", "status", "disconnected")
        await until(lambda: found.node.snapshot.identity.serial_number)
        await hass.async_block_till_done()
        device_id = found.registered("sensor", "status").device_id
        assert device_id is not None
        device = dr.async_get(hass).async_get(device_id)
        assert device is not None
        assert (device.manufacturer, device.model) == ("Simulated", "Carport 22 (Type 2 cable)")
        assert (device.serial_number, device.sw_version) == ("SIM-0001", "1.2.3")
        await hass.config_entries.async_unload(entry.entry_id)
