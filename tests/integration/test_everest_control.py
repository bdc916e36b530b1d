"""The commands and errors of an EVerest station, on each of its releases."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
import pytest

from custom_components.fimp_chargepoint.chargepoint.everest.api import (
    chargepoint as everest_chargepoint,
)
from custom_components.fimp_chargepoint.chargepoint.model import Feature
from simulators.everest import CompanionSetup, EverestSimulator, EvseSetup, SiteSetup
from simulators.mqtt import Broker
from tests.broker import BrokerProcess

from .conftest import QUICK, Chargepoint, find, load, other_broker, until

DIALECTS = ("main", "2026.02", "2025.10")
#: The fuse of the simulated EVSE, in A.
FUSE = 16.0
WARNING = "evse_board_support/VendorWarning"
IN_WORDS = "Vendor warning"


@asynccontextmanager
async def everest(
    broker: BrokerProcess, dialect: str, setup: EvseSetup | None = None
) -> AsyncGenerator[EverestSimulator]:
    """Simulate a station with limits and errors; it must find no invalid request."""
    async with EverestSimulator(
        Broker(broker.host, broker.port),
        setup or EvseSetup(limits="limits_api"),
        dialect=dialect,
        companions=CompanionSetup(errors="errors_api"),
        site=SiteSetup(strict=True),
        timing=QUICK,
    ) as station:
        yield station
        assert station.mistakes == []
        assert not station.dead


@pytest.fixture(name="chargepoint", params=DIALECTS)
async def chargepoint_fixture(
    hass: HomeAssistant,
    broker: BrokerProcess,
    request: pytest.FixtureRequest,
    everything_enabled: None,
) -> AsyncGenerator[Chargepoint]:
    """An EVSE with everything beside it, on each release that behaves in a way of its own."""
    entry = await load(hass, other_broker(broker))
    # The older releases report their capabilities only when they start.
    async with everest(broker, request.param) as station:
        found = Chargepoint(hass, station, entry)
        await found.wait_for_state("sensor", "status", "disconnected")
        # Until then, EVerest publishes no useful values.
        await until(lambda: limit(found) == FUSE, "the fuse to be known")
        await hass.async_block_till_done()
        yield found
        await hass.config_entries.async_unload(entry.entry_id)


def limit(chargepoint: Chargepoint) -> float | None:
    """Return the limit that is shown."""
    state = chargepoint.state("number", "max_current")
    return None if state in (None, "unknown", "unavailable") else float(state)


async def charge(chargepoint: Chargepoint) -> None:
    """Plug a car in; a card is presented, so it charges."""
    await chargepoint.point.plug()
    await chargepoint.wait_for_state("sensor", "status", "charging")


def test_all_of_it_is_there(chargepoint: Chargepoint) -> None:
    for platform, key in (
        ("switch", "enabled"),
        ("button", "stop_transaction"),
        ("button", "unlock_connector"),
        ("number", "max_current"),
        ("select", "phases"),
        ("sensor", "limited_by"),
        ("binary_sensor", "problem"),
    ):
        assert find(chargepoint.hass, platform, key) is not None, key
    # EVerest's API has neither a restart nor a report of the cable lock.
    assert find(chargepoint.hass, "button", "restart") is None
    assert find(chargepoint.hass, "lock", "cable") is None


# Enable and disable -------------------------------------------------------------------------


async def test_enable_and_disable(chargepoint: Chargepoint) -> None:
    await chargepoint.wait_for_state("switch", "enabled", "on")
    await chargepoint.call("switch", "turn_off", "enabled")
    assert chargepoint.state("switch", "enabled") == "off"
    await chargepoint.wait_for_state("sensor", "status", "out_of_service")
    await chargepoint.call("switch", "turn_on", "enabled")
    assert chargepoint.state("switch", "enabled") == "on"
    await chargepoint.wait_for_state("sensor", "status", "disconnected")


async def test_disabled_while_charging(chargepoint: Chargepoint) -> None:
    """That ends the transaction, and only another plug-in begins a new one."""
    await charge(chargepoint)
    await chargepoint.call("switch", "turn_off", "enabled")
    await chargepoint.wait_for_state("sensor", "status", "out_of_service")
    assert chargepoint.state("switch", "enabled") == "off"
    assert chargepoint.state("switch", "charging") == "off"
    await chargepoint.call("switch", "turn_on", "enabled")
    assert chargepoint.state("switch", "enabled") == "on"


async def test_somebody_with_a_higher_priority(chargepoint: Chargepoint) -> None:
    await chargepoint.point.csms("disable")
    await chargepoint.wait_for_state("switch", "enabled", "off")
    with pytest.raises(HomeAssistantError, match="higher priority") as caught:
        await chargepoint.call("switch", "turn_on", "enabled")
    assert caught.value.translation_key == "higher_priority"
    assert chargepoint.state("switch", "enabled") == "off"
    # Our value applies as soon as no other source decides.
    await chargepoint.point.csms("release")
    await chargepoint.wait_for_state("switch", "enabled", "on")

    await chargepoint.point.csms("enable")
    with pytest.raises(HomeAssistantError, match="higher priority"):
        await chargepoint.call("switch", "turn_off", "enabled")
    assert chargepoint.state("switch", "enabled") == "on"


# Done once ----------------------------------------------------------------------------------


async def test_stop_transaction(chargepoint: Chargepoint) -> None:
    with pytest.raises(HomeAssistantError, match="has no transaction"):
        await chargepoint.call("button", "press", "stop_transaction")
    await charge(chargepoint)
    await chargepoint.call("button", "press", "stop_transaction")
    await chargepoint.wait_for_state("sensor", "status", "finished")
    with pytest.raises(HomeAssistantError, match="has no transaction"):
        await chargepoint.call("button", "press", "stop_transaction")
    await chargepoint.point.unplug()
    await chargepoint.wait_for_state("sensor", "status", "disconnected")
    await charge(chargepoint)


async def test_force_unlock(chargepoint: Chargepoint) -> None:
    """It also ends the transaction."""
    await charge(chargepoint)
    await chargepoint.call("button", "press", "unlock_connector")
    await chargepoint.wait_for_state("sensor", "status", "finished")


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_nothing_to_unlock_and_nothing_to_limit(
    hass: HomeAssistant, broker: BrokerProcess, dialect: str, everything_enabled: None
) -> None:
    entry = await load(hass, other_broker(broker))
    async with everest(broker, dialect, EvseSetup(lock=False, switches=False)) as station:
        chargepoint = Chargepoint(hass, station, entry)
        await chargepoint.wait_for_state("sensor", "status", "disconnected")
        await charge(chargepoint)
        with pytest.raises(HomeAssistantError, match="no lock"):
            await chargepoint.call("button", "press", "unlock_connector")
        assert chargepoint.state("sensor", "status") == "charging"
        assert find(hass, "number", "max_current") is None
        assert find(hass, "select", "phases") is None
        # The value that applies is published without any change.
        await chargepoint.wait_for_state("sensor", "limited_by", "module_config")
        await hass.config_entries.async_unload(entry.entry_id)


# Limits -------------------------------------------------------------------------------------


async def test_limit_the_current(chargepoint: Chargepoint) -> None:
    await charge(chargepoint)
    await until(lambda: float(chargepoint.state("sensor", "power") or 0) > 10_000)
    assert chargepoint.state("sensor", "limited_by") == "module_config"
    for ampere in (10.1, 6):
        await chargepoint.call("number", "set_value", "max_current", value=ampere)
        assert limit(chargepoint) == ampere
        assert chargepoint.state("sensor", "limited_by") == "fimp_chargepoint/limits_api"
    await until(lambda: float(chargepoint.state("sensor", "power") or 0) < 5_000)
    # As much as the fuse allows: then it is the fuse that limits.
    await chargepoint.call("number", "set_value", "max_current", value=FUSE)
    assert limit(chargepoint) == FUSE
    assert chargepoint.state("sensor", "limited_by") == "module_config"


async def test_somebody_else_limits(chargepoint: Chargepoint) -> None:
    await chargepoint.call("number", "set_value", "max_current", value=12)
    assert chargepoint.state("sensor", "effective_current") == "12.0"
    await chargepoint.point.limit(8)
    # Ours waits behind it.
    await chargepoint.wait_for_state("sensor", "effective_current", "8.0")
    assert limit(chargepoint) == 12
    assert chargepoint.state("sensor", "limited_by") == "limit"


@pytest.mark.parametrize("ampere", [5, 16.5, 100])
async def test_out_of_range(chargepoint: Chargepoint, ampere: float) -> None:
    with pytest.raises(ServiceValidationError):
        await chargepoint.call("number", "set_value", "max_current", value=ampere)
    assert limit(chargepoint) == FUSE


async def test_phases_and_current_together(chargepoint: Chargepoint) -> None:
    await chargepoint.wait_for_state("select", "phases", "3")
    await chargepoint.call("number", "set_value", "max_current", value=10)
    await chargepoint.call("select", "select_option", "phases", option="1")
    assert (chargepoint.state("select", "phases"), limit(chargepoint)) == ("1", 10)
    await chargepoint.call("number", "set_value", "max_current", value=8)
    assert (chargepoint.state("select", "phases"), limit(chargepoint)) == ("1", 8)
    await chargepoint.call("select", "select_option", "phases", option="3")
    assert (chargepoint.state("select", "phases"), limit(chargepoint)) == ("3", 8)


async def test_a_restart_lifts_the_limit(
    chargepoint: Chargepoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A start that follows another one so soon would be the same one in 2025.10."""
    monkeypatch.setattr(everest_chargepoint, "_START_TIME", 0.0)
    await chargepoint.call("number", "set_value", "max_current", value=10)
    await chargepoint.point.restart()
    await until(lambda: limit(chargepoint) == FUSE)
    await chargepoint.call("select", "select_option", "phases", option="1")
    assert (chargepoint.state("select", "phases"), limit(chargepoint)) == ("1", FUSE)


# Errors -------------------------------------------------------------------------------------


async def test_errors(chargepoint: Chargepoint) -> None:
    await chargepoint.wait_for_state("binary_sensor", "problem", "off")
    await chargepoint.point.error("high")
    await chargepoint.wait_for_state("binary_sensor", "problem", "on")
    assert chargepoint.attribute("binary_sensor", "problem", "problems") == [IN_WORDS]
    await chargepoint.point.error("low generic/Other it is warm")
    await until(
        lambda: chargepoint.attribute("binary_sensor", "problem", "problems") == [IN_WORDS, "Other"]
    )
    await chargepoint.point.clear_error(WARNING)
    await until(lambda: chargepoint.attribute("binary_sensor", "problem", "problems") == ["Other"])
    await chargepoint.point.clear_error()
    await chargepoint.wait_for_state("binary_sensor", "problem", "off")


async def test_a_restart_clears_errors(
    chargepoint: Chargepoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """2025.10 has no count in its heartbeat, but publishes some values only when it starts."""
    monkeypatch.setattr(everest_chargepoint, "_START_TIME", 0.0)
    await chargepoint.point.error()
    await chargepoint.wait_for_state("binary_sensor", "problem", "on")
    await chargepoint.point.restart()
    await chargepoint.wait_for_state("binary_sensor", "problem", "off")


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_what_was_wrong_before_we_came(
    hass: HomeAssistant, broker: BrokerProcess, dialect: str
) -> None:
    """Nothing is retained, so it is asked."""
    async with everest(broker, dialect) as station:
        await station.error()
        entry = await load(hass, other_broker(broker))
        chargepoint = Chargepoint(hass, station, entry)
        await until(
            lambda: (
                find(hass, "binary_sensor", "problem") is not None
                and chargepoint.attribute("binary_sensor", "problem", "problems") == [IN_WORDS]
            ),
            "the error to be shown",
        )
        await hass.config_entries.async_unload(entry.entry_id)


# Together -----------------------------------------------------------------------------------


async def test_of_two_nobody_is_given_what_may_be_the_other_s(
    hass: HomeAssistant, broker: BrokerProcess
) -> None:
    async with EverestSimulator(
        Broker(broker.host, broker.port),
        EvseSetup(limits="limits_api"),
        EvseSetup(name="garage", module="garage_api"),
        companions=CompanionSetup(errors="errors_api"),
        site=SiteSetup(strict=True),
        timing=QUICK,
    ) as station:
        await station["carport"].error()
        entry = await load(hass, other_broker(broker))
        nodes = entry.runtime_data.hub.nodes
        await until(lambda: len(nodes) == 3)
        found = [nodes["everest:evse_manager_api"], nodes["everest:garage_api"]]
        await until(lambda: all(node.snapshot.max_current for node in found))
        # They name a driver, and are the station's.
        await until(lambda: nodes["everest_station:"].snapshot.faults == {WARNING})
        for node in found:
            assert Feature.MAX_CURRENT not in node.snapshot.capabilities.controls
            assert node.snapshot.faults == frozenset()
            assert Feature.ENABLED in node.snapshot.capabilities.controls
        await hass.config_entries.async_unload(entry.entry_id)
        assert station.mistakes == []


async def test_a_lost_broker(
    hass: HomeAssistant, chargepoint: Chargepoint, broker: BrokerProcess
) -> None:
    """Without its broker, EVerest stops: it restarts without limits."""
    await chargepoint.call("number", "set_value", "max_current", value=10)
    await hass.async_add_executor_job(broker.stop)
    for platform, key in (("switch", "enabled"), ("number", "max_current")):
        await chargepoint.wait_for_state(platform, key, "unavailable")
    await hass.async_add_executor_job(broker.start)
    await until(lambda: limit(chargepoint) == FUSE)
    # Only the newest release can be asked; the others may have published it at their start.
    known = {"on"} if chargepoint.point.dialect.latches else {"on", "unknown"}
    await until(lambda: chargepoint.state("switch", "enabled") in known)
