"""A token in the options that cannot be shown to a charge point that waits for one."""

from datetime import timedelta
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.fimp_chargepoint.repair_issues.watcher import EntryWatch
from simulators.everest import CompanionSetup, EverestSimulator, EvseSetup
from simulators.mqtt import Broker
from tests.broker import BrokerProcess

from .conftest import QUICK, Chargepoint, load, other_broker, until
from .house import QuickClock


def issues(hass: HomeAssistant) -> list[ir.IssueEntry]:
    """Return what the user sees."""
    every = ir.async_get(hass).issues.values()
    return [each for each in every if each.translation_key == "token_unavailable"]


@pytest.fixture(name="clock")
async def clock_fixture(monkeypatch: pytest.MonkeyPatch) -> QuickClock:
    """The clock of the conditions alone: stations would be taken for silent."""
    clock = QuickClock()
    monkeypatch.setattr(EntryWatch, "now", lambda _: clock.now())
    return clock


async def minute(hass: HomeAssistant, clock: QuickClock) -> None:
    """Let a minute pass."""
    clock.ahead += 60
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=1, seconds=1))
    await hass.async_block_till_done()


@pytest.mark.parametrize(
    ("token", "dialect", "companions", "reported"),
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
    clock: QuickClock,
    broker: BrokerProcess,
    *,
    token: str,
    dialect: str,
    companions: dict[str, Any],
    reported: bool,
) -> None:
    entry = other_broker(broker)
    entry.add_to_hass(hass)
    options = {"measurement_interval": 0, "token": token, "token_type": "iso14443"}
    hass.config_entries.async_update_entry(entry, options=options)
    await load(hass, entry)
    async with EverestSimulator(
        Broker(broker.host, broker.port),
        EvseSetup(authorize=False),
        dialect=dialect,
        companions=CompanionSetup(**companions),
        timing=QUICK,
    ) as station:
        found = Chargepoint(hass, station, entry)
        await found.wait_for_state("sensor", "status", "disconnected")
        for _ in range(3):
            await minute(hass, clock)
        await station.plug()
        await found.wait_for_raw_status("AuthRequired")
        # It may have just begun to ask, and its reader may be on the way.
        await minute(hass, clock)
        assert not issues(hass)
        await minute(hass, clock)
        assert bool(issues(hass)) is reported
        # It does not end just because the car is gone.
        await station.unplug()
        await found.wait_for_state("sensor", "status", "disconnected")
        await minute(hass, clock)
        assert bool(issues(hass)) is reported
        await hass.config_entries.async_unload(entry.entry_id)
        assert not issues(hass)


async def test_a_reader_comes(
    hass: HomeAssistant, clock: QuickClock, broker: BrokerProcess
) -> None:
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
        await found.wait_for_raw_status("AuthRequired")
        await minute(hass, clock)
        await minute(hass, clock)
        assert issues(hass)
        station.send("everest_api/1/auth_token_provider/reader/e2m/heartbeat", "1")
        await until(lambda: found.node.takes_token)
        await minute(hass, clock)
        assert not issues(hass)
        await hass.config_entries.async_unload(entry.entry_id)
