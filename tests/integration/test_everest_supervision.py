"""Signs of life for a station that wants them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from simulators.everest import CompanionSetup, EverestSimulator, EvseSetup, SiteSetup
from simulators.mqtt import Broker
from tests.broker import BrokerProcess
from tests.conftest import MakeBroker
from tests.helpers.waiting import PATIENCE

from .conftest import QUICK, Chargepoint, load, other_broker, until

#: Seconds within which the station wants a sign of life.
PERIOD = 2.0


type Act = Callable[[HomeAssistant, MockConfigEntry], Awaitable[Any]]


async def disable(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Disable the entry."""
    by_user = ConfigEntryDisabler.USER
    await hass.config_entries.async_set_disabled_by(entry.entry_id, by_user)


async def remove(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Delete the entry."""
    await hass.config_entries.async_remove(entry.entry_id)


async def switch_off(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Switch the option off."""
    options = {**entry.options, "communication_check": False}
    hass.config_entries.async_update_entry(entry, options=options)
    await hass.config_entries.async_reload(entry.entry_id)


async def unload(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Unload the entry, as at the beginning of a reload."""
    await hass.config_entries.async_unload(entry.entry_id)


@asynccontextmanager
async def watched(hass: HomeAssistant, entry: MockConfigEntry) -> AsyncIterator[Any]:
    """Run a station that wants signs of life, and gets them."""
    entry.add_to_hass(hass)
    options = {"measurement_interval": 0, "communication_check": True}
    hass.config_entries.async_update_entry(entry, options=options)
    async with EverestSimulator(
        Broker(entry.data["host"], entry.data["port"]),
        EvseSetup(check=PERIOD),
        companions=CompanionSetup(errors="errors_api"),
        site=SiteSetup(check=PERIOD),
        timing=QUICK,
    ) as station:
        # Until the first heartbeat of a client, each module has an error.
        assert len(station.faults.active) == 2
        await load(hass, entry)
        await until(lambda: station.faults.active == [])
        yield station
        assert not [each for each in station.mistakes if "communication_check" in each]
        await hass.config_entries.async_unload(entry.entry_id)


async def test_signs_of_life(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """While heartbeats are sent there is no error, even without any activity."""
    entry = other_broker(broker)
    async with watched(hass, entry) as station:
        found = Chargepoint(hass, station, entry)
        await found.wait_for_state("binary_sensor", "problem", "off")
        signs = len(station.received)
        await until(lambda: len(station.received) > signs + 6)
        assert station.faults.active == []


@pytest.mark.parametrize("act", [disable, remove, switch_off])
async def test_a_goodbye(hass: HomeAssistant, broker: BrokerProcess, act: Act) -> None:
    """When heartbeats end for good, the monitoring is disabled, and no error follows."""
    entry = other_broker(broker)
    async with watched(hass, entry) as station:
        await act(hass, entry)
        await asyncio.sleep(1.5 * PERIOD)
        assert station.faults.active == []
        if act is remove:
            # There is nothing left to be unloaded.
            entry.add_to_hass(hass)


async def test_no_goodbye_at_a_reload(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """If Home Assistant does not come back, the station has to report it."""
    entry = other_broker(broker)
    async with watched(hass, entry) as station:
        await unload(hass, entry)
        await until(lambda: len(station.faults.active) == 2)
        await load(hass, entry)
        await until(lambda: station.faults.active == [])


async def test_a_broker_that_is_gone_keeps_no_entry(
    hass: HomeAssistant, make_broker: MakeBroker
) -> None:
    broker = make_broker()
    entry = other_broker(broker)
    async with watched(hass, entry):
        await unload(hass, entry)
    broker.stop()
    async with asyncio.timeout(PATIENCE):
        await hass.config_entries.async_remove(entry.entry_id)
    assert hass.config_entries.async_get_entry(entry.entry_id) is None
