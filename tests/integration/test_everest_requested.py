"""Requests that a station does not report: limits, and a stop while the car sleeps."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
import json
from typing import Any

from homeassistant.core import HomeAssistant
import pytest

from custom_components.fimp_chargepoint.chargepoint.everest.legacy import (
    protocol as legacy_protocol,
)
from simulators.everest import CompanionSetup, EverestSimulator, EvseSetup
from simulators.everest.evse import Evse
from simulators.mqtt import Broker
from tests.broker import BrokerProcess

from .conftest import QUICK, Chargepoint, load, other_broker, until

ADDRESS = "everest:carport"


@pytest.fixture(autouse=True)
def _found_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for v1 if only the API before it is there."""
    monkeypatch.setattr(legacy_protocol, "_FIRST", 0.2)


@asynccontextmanager
async def station(
    hass: HomeAssistant, broker: BrokerProcess, dialect: str = "main", **options: Any
) -> AsyncGenerator[Chargepoint]:
    """An EVSE with a module for its limits, and another one at the grid."""
    modules = {ADDRESS: {"limits": "limits_api"}}
    # An older release reports its capabilities only when it starts.
    entry = await load(hass, other_broker(broker, options={"modules": modules} | options))
    async with EverestSimulator(
        Broker(broker.host, broker.port),
        EvseSetup(module="carport", limits="limits_api"),
        companions=CompanionSetup(grid="grid_api"),
        dialect=dialect,
        timing=QUICK,
    ) as point:
        found = Chargepoint(hass, point, entry)
        await found.wait_for_state("sensor", "status", "disconnected")
        yield found
        await hass.config_entries.async_unload(entry.entry_id)


async def restart_home_assistant(hass: HomeAssistant, found: Chargepoint) -> None:
    """Restart with the stored data."""
    assert await hass.config_entries.async_unload(found.entry.entry_id)
    assert await hass.config_entries.async_setup(found.entry.entry_id)


def at_the_grid(point: EverestSimulator, current: float | None) -> None:
    """Let another client limit the current at the grid, or end that limit."""
    leaves = {"ac_max_current_A": {"value": current, "source": "dso"}}
    entry = {
        "timestamp": "2026-11-21T00:00:00.000Z",
        "limits_to_root": {},
        "limits_to_leaves": leaves,
    }
    order = {
        "schedule_import": [] if current is None else [entry],
        "schedule_export": [],
        "schedule_setpoints": [],
    }
    topic = "everest_api/1/external_energy_limits_consumer/grid_api/m2e/set_external_limits"
    point.handle(topic, json.dumps(order).encode())


def evse_of(found: Chargepoint) -> Evse:
    """Return the only EVSE."""
    (evse,) = found.point.points.values()
    return evse


# Limits -----------------------------------------------------------------------------------


@pytest.mark.parametrize("restart", [False, True])
async def test_a_limit_outlives_somebody_who_allows_nothing(
    hass: HomeAssistant, broker: BrokerProcess, *, restart: bool
) -> None:
    async with station(hass, broker) as found:
        await found.point.plug()
        await found.wait_for_state("sensor", "status", "charging")
        await found.call("number", "set_value", "max_current", value=13)
        at_the_grid(found.point, 0)
        await found.wait_for_state("sensor", "status", "suspended_by_evse")
        # This looks like the start of a station for some time, so it is unknown.
        found.node.alive_since -= 10
        await found.wait_for_state("sensor", "effective_current", "0.0")
        assert found.state("number", "max_current") == "13"
        await found.wait_for_state("sensor", "not_charging_reason", "current_too_low")
        if restart:
            await restart_home_assistant(hass, found)
            await found.wait_for_state("sensor", "status", "suspended_by_evse")
            await found.wait_for_state("sensor", "not_charging_reason", "current_too_low")
            assert found.state("switch", "charging") == "on"
            found.node.alive_since -= 10
            await until(lambda: found.state("number", "max_current") == "13", "the limit")
        await found.call("select", "select_option", "phases", option="1")
        assert found.state("select", "phases") == "1"
        at_the_grid(found.point, None)
        await found.wait_for_state("sensor", "status", "charging")
        assert (evse_of(found).energy.current, evse_of(found).energy.phases) == (13, 1)
        await found.wait_for_state("sensor", "effective_current", "13.0")


async def test_the_grid_limits_to_less(hass: HomeAssistant, broker: BrokerProcess) -> None:
    async with station(hass, broker) as found:
        await found.call("number", "set_value", "max_current", value=13)
        at_the_grid(found.point, 8)
        await found.wait_for_state("sensor", "effective_current", "8.0")
        assert found.state("number", "max_current") == "13"
        assert found.state("sensor", "limited_by") == "dso"
        # A limit that was set meanwhile applies as soon as the other one ends.
        await found.call("number", "set_value", "max_current", value=10)
        assert found.state("number", "max_current") == "10"
        at_the_grid(found.point, None)
        await found.wait_for_state("sensor", "effective_current", "10.0")


@pytest.mark.usefixtures("everything_enabled")
async def test_a_limit_of_power(hass: HomeAssistant, broker: BrokerProcess) -> None:
    async with station(hass, broker) as found:
        assert found.state("number", "max_power") == "unknown"
        await found.point.plug()
        await found.wait_for_state("sensor", "status", "charging")
        await found.call("number", "set_value", "max_power", value=6900)
        assert found.state("number", "max_power") == "6900"
        assert evse_of(found).energy.current == 10
        await found.wait_for_state("sensor", "power_limit", "6900.0")
        await found.wait_for_state("sensor", "effective_current", "10.0")
        # Each is kept while the other one is stricter, and goes along with it.
        await found.call("number", "set_value", "max_current", value=8)
        assert evse_of(found).energy.current == 8
        await found.wait_for_state("sensor", "power_limit", "5520.0")
        assert found.state("number", "max_power") == "6900"
        await restart_home_assistant(hass, found)
        await found.wait_for_state("number", "max_power", "6900")
        await found.call("number", "set_value", "max_current", value=14)
        assert evse_of(found).energy.current == 10
        assert found.state("number", "max_current") == "14"
        assert found.state("number", "max_power") == "6900"
        # The highest value ends it.
        highest = found.attribute("number", "max_power", "max")
        await found.call("number", "set_value", "max_power", value=highest)
        assert evse_of(found).energy.current == 14


# A stop while the car sleeps -----------------------------------------------------------------


async def asleep(found: Chargepoint) -> None:
    """Let a car charge, and pause on its own."""
    await found.point.plug()
    await found.wait_for_state("sensor", "status", "charging")
    await found.point.car_pause()
    await found.wait_for_state("sensor", "status", "suspended_by_ev")
    assert found.state("switch", "charging") == "on"


@pytest.mark.parametrize("dialect", ["main", "2026.02"])
@pytest.mark.parametrize("restart", [False, True])
async def test_a_stop_that_the_station_accepts_and_does_not_show(
    hass: HomeAssistant, broker: BrokerProcess, dialect: str, *, restart: bool
) -> None:
    async with station(hass, broker, dialect) as found:
        await asleep(found)
        await found.call("switch", "turn_off", "charging")
        assert found.state("switch", "charging") == "off"
        assert found.attribute("switch", "charging", "pending") is False
        assert found.state("sensor", "status") == "suspended_by_ev"
        assert found.state("sensor", "not_charging_reason") == "switched_off"
        if restart:
            await restart_home_assistant(hass, found)
            await found.wait_for_state("sensor", "status", "suspended_by_ev")
            assert found.state("switch", "charging") == "off"
        # The car wakes up, and is stopped again.
        await found.point.car_resume()
        await found.wait_for_state("sensor", "status", "ready_to_charge")
        assert found.state("switch", "charging") == "off"
        await found.call("switch", "turn_on", "charging")
        assert found.state("sensor", "status") == "charging"


@pytest.mark.parametrize(
    ("dialect", "restart"),
    [("2025.12", False), ("2025.12", True), ("2025.10", False), ("legacy", False)],
)
async def test_a_stop_that_can_only_be_done_when_the_car_wakes_up(
    hass: HomeAssistant, broker: BrokerProcess, dialect: str, *, restart: bool
) -> None:
    async with station(hass, broker, dialect, command_timeout=1) as found:
        await asleep(found)
        await found.call("switch", "turn_off", "charging")
        assert found.state("switch", "charging") == "off"
        assert found.attribute("switch", "charging", "pending") is True
        if restart:
            await restart_home_assistant(hass, found)
            await found.wait_for_state("sensor", "status", "suspended_by_ev")
            assert found.state("switch", "charging") == "off"
            assert found.attribute("switch", "charging", "pending") is True
        await found.point.car_resume()
        await found.wait_for_state("sensor", "status", "ready_to_charge")
        assert found.state("switch", "charging") == "off"
        await until(lambda: not found.attribute("switch", "charging", "pending"))


async def test_a_car_that_asks_for_no_power(
    hass: HomeAssistant, broker: BrokerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with station(hass, broker) as found:
        evse = evse_of(found)
        evse.connector.plug()
        evse.connector.car_paused = True
        evse.course.arrive()
        await found.wait_for_state("sensor", "status", "suspended_by_ev")
        await found.wait_for_raw_status("Preparing")
        assert found.state("switch", "charging") == "on"
        assert found.state("sensor", "not_charging_reason") == "paused_by_car"
        await found.call("switch", "turn_off", "charging")
        assert found.state("switch", "charging") == "off"
        await found.call("switch", "turn_on", "charging")
        assert found.state("switch", "charging") == "on"
        await found.point.car_resume()
        await found.wait_for_state("sensor", "status", "charging")
