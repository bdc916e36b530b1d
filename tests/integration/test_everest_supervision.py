"""Signs of life for a station that wants them."""

import asyncio

from homeassistant.core import HomeAssistant
import pytest

from simulators.everest import EverestSimulator, EvseSetup, SisterSetup, SiteSetup
from simulators.mqtt import Broker
from tests.broker import BrokerProcess

from .conftest import QUICK, Chargepoint, load, other_broker, until

#: Seconds within which the station wants a sign of life.
PERIOD = 1.0


@pytest.mark.parametrize("end", [True, False])
async def test_signs_of_life(hass: HomeAssistant, broker: BrokerProcess, *, end: bool) -> None:
    entry = other_broker(broker)
    entry.add_to_hass(hass)
    hass.config_entries.async_update_entry(
        entry,
        options={
            "measurement_interval": 0,
            "communication_check": True,
            "communication_check_end": end,
        },
    )
    async with EverestSimulator(
        Broker(broker.host, broker.port),
        EvseSetup(check=PERIOD),
        sisters=SisterSetup(errors="errors_api"),
        site=SiteSetup(check=PERIOD),
        timing=QUICK,
    ) as station:
        # Until somebody shows that he lives there is an error of each module.
        assert len(station.faults.active) == 2
        await load(hass, entry)
        found = Chargepoint(hass, station, entry)
        await until(lambda: station.faults.active == [])
        await found.shows("binary_sensor", "problem", "off")
        # As long as we live there is none, although nobody does anything.
        signs = len(station.received)
        await until(lambda: len(station.received) > signs + 6)
        assert station.faults.active == []
        await hass.config_entries.async_unload(entry.entry_id)
        assert not [each for each in station.mistakes if "communication_check" in each]
        if end:
            await asyncio.sleep(1.5 * PERIOD)
            assert station.faults.active == []
        else:
            await until(lambda: len(station.faults.active) == 2)
