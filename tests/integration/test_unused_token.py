"""A token in the options that cannot be shown to a charge point that waits for one."""

from datetime import timedelta
import itertools
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from simulators.everest import EverestSimulator, EvseSetup, SisterSetup
from simulators.mqtt import Broker
from tests.broker import BrokerProcess

from .conftest import QUICK, Chargepoint, load, other_broker, until


def issues(hass: HomeAssistant) -> list[ir.IssueEntry]:
    """Return what the user sees."""
    every = ir.async_get(hass).issues.values()
    return [each for each in every if each.translation_key == "token_unavailable"]


@pytest.mark.parametrize(
    ("token", "dialect", "companions", "told"),
    [
        ("CAFE", "2026.02", {}, True),
        ("CAFE", "legacy", {}, True),
        ("CAFE", "2026.02", {"tokens": "reader"}, False),
        ("", "2026.02", {}, False),
    ],
    ids=["no reader", "an API without readers", "a reader", "no token"],
)
async def test_it_waits_for_a_token(
    hass: HomeAssistant,
    broker: BrokerProcess,
    *,
    token: str,
    dialect: str,
    companions: dict[str, Any],
    told: bool,
) -> None:
    minutes = itertools.count(1)

    async def minute() -> None:
        passed = timedelta(minutes=next(minutes), seconds=1)
        async_fire_time_changed(hass, dt_util.utcnow() + passed)
        await hass.async_block_till_done()

    entry = other_broker(broker)
    entry.add_to_hass(hass)
    options = {"measurement_interval": 0, "token": token, "token_type": "iso14443"}
    hass.config_entries.async_update_entry(entry, options=options)
    await load(hass, entry)
    async with EverestSimulator(
        Broker(broker.host, broker.port),
        EvseSetup(authorize=False),
        dialect=dialect,
        companions=SisterSetup(**companions),
        timing=QUICK,
    ) as station:
        found = Chargepoint(hass, station, entry)
        await found.expects("sensor", "status", "disconnected")
        for _ in range(3):
            await minute()
        await station.plug()
        await found.says("AuthRequired")
        # It may have just begun to ask, and its reader may be on the way.
        await minute()
        assert not issues(hass)
        await minute()
        assert bool(issues(hass)) is told
        # That the car is gone makes it no better.
        await station.unplug()
        await found.expects("sensor", "status", "disconnected")
        await minute()
        assert bool(issues(hass)) is told
        await hass.config_entries.async_unload(entry.entry_id)
        assert not issues(hass)


async def test_a_reader_comes(hass: HomeAssistant, broker: BrokerProcess) -> None:
    entry = other_broker(broker)
    entry.add_to_hass(hass)
    options = {"measurement_interval": 0, "token": "CAFE", "token_type": "iso14443"}
    hass.config_entries.async_update_entry(entry, options=options)
    await load(hass, entry)
    async with EverestSimulator(
        Broker(broker.host, broker.port), EvseSetup(authorize=False), timing=QUICK
    ) as station:
        found = Chargepoint(hass, station, entry)
        await station.plug()
        await found.says("AuthRequired")
        for minutes in (1, 2):
            async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=minutes + 0.1))
        assert issues(hass)
        station.send("everest_api/1/auth_token_provider/reader/e2m/heartbeat", "1")
        await until(lambda: found.node.takes_token)
        async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=3.1))
        assert not issues(hass)
        await hass.config_entries.async_unload(entry.entry_id)
