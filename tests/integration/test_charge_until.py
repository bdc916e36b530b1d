"""Charging ends at an energy or a time, also over a restart of Home Assistant."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.util import dt as dt_util
import pytest

from custom_components.fimp_chargepoint.actions import charging
from custom_components.fimp_chargepoint.chargepoint.model import Feature
from custom_components.fimp_chargepoint.const import DATA_CLOCK, DOMAIN
from simulators.everest import EverestSimulator, EvseSetup
from simulators.mqtt import Broker
from tests.broker import BrokerProcess

from .conftest import QUICK, Chargepoint, load, other_broker, until
from .house import QuickClock
from .limiting import later, stored

START, STOP = "cmd.charge.start", "cmd.charge.stop"


@pytest.fixture(autouse=True)
async def _clock(hass: HomeAssistant) -> None:
    """Let tests move the clock."""
    hass.data[DATA_CLOCK] = QuickClock()


async def start(found: Chargepoint, **data: Any) -> dict[str, Any]:
    """Start charging with an end, and return the answer."""
    answer = await found.hass.services.async_call(
        DOMAIN,
        "start_charging",
        data,
        blocking=True,
        return_response=True,
        target={"device_id": found.registered("switch", "charging").device_id},
    )
    (response,) = answer["charge_points"]
    return dict(response)


@pytest.fixture(name="car")
async def car_fixture(chargepoint: Chargepoint) -> Chargepoint:
    """A charge point with a car that does not charge yet."""
    await chargepoint.point.plug()
    await chargepoint.wait_for_state("sensor", "status", "ready_to_charge")
    return chargepoint


async def reload(hass: HomeAssistant, found: Chargepoint) -> None:
    """Restart."""
    assert await hass.config_entries.async_reload(found.entry.entry_id)
    await found.wait_for_state("sensor", "status", "charging")


@pytest.mark.parametrize("restart", [False, True])
async def test_until_a_time(
    hass: HomeAssistant, car: Chargepoint, hass_storage: dict[str, Any], *, restart: bool
) -> None:
    end = dt_util.now() + timedelta(hours=2)
    response = await start(car, until=f"{end:%H:%M:%S}")
    assert response["until"] == end.replace(microsecond=0)
    # It is on the disk before the charge point has confirmed the start.
    assert datetime.fromisoformat(stored(hass_storage, car)["plan"]["until"]) == response["until"]
    await car.wait_for_state(
        "sensor", "charging_ends", dt_util.as_utc(response["until"]).isoformat()
    )
    if restart:
        await reload(hass, car)
        await car.wait_for_state(
            "sensor", "charging_ends", dt_util.as_utc(response["until"]).isoformat()
        )
    await later(hass, minutes=119)
    assert not car.sent(STOP)
    await later(hass, minutes=121)
    await car.wait_for_state("sensor", "status", "ready_to_charge")
    await car.wait_for_state("sensor", "charging_ends", "unknown")
    assert len(car.sent(STOP)) == 1
    await until(lambda: "plan" not in stored(hass_storage, car))


async def test_until_a_time_that_passed_during_a_restart(
    hass: HomeAssistant, car: Chargepoint
) -> None:
    await start(car, until=(dt_util.now() + timedelta(minutes=30)).isoformat())
    await hass.config_entries.async_unload(car.entry.entry_id)
    hass.data[DATA_CLOCK].ahead = 3600.0
    assert await hass.config_entries.async_setup(car.entry.entry_id)
    await car.wait_for_state("sensor", "status", "ready_to_charge")
    assert len(car.sent(STOP)) == 1


@pytest.mark.parametrize("restart", [False, True])
async def test_until_an_energy(hass: HomeAssistant, car: Chargepoint, *, restart: bool) -> None:
    """By what the charge point itself reports of the session."""
    connector = car.point["garage"].connector
    await start(car, energy=4)
    await car.wait_for_state("sensor", "energy_target", "4.0")
    if restart:
        await reload(hass, car)
        await car.wait_for_state("sensor", "energy_target", "4.0")
    connector.energy = 3.9
    await until(lambda: float(car.state("sensor", "session_energy") or 0) >= 3.9)
    assert not car.sent(STOP)
    connector.energy = 4.0
    await car.wait_for_state("sensor", "status", "ready_to_charge")
    await car.wait_for_state("sensor", "energy_target", "unknown")


@pytest.mark.parametrize("how", ["switch", "leaving"])
async def test_it_is_over(hass: HomeAssistant, car: Chargepoint, how: str) -> None:
    """A stop replaces it, and so does the next car."""
    await start(car, energy=4, until=(dt_util.now() + timedelta(hours=1)).isoformat())
    await car.wait_for_state("sensor", "energy_target", "4.0")
    if how == "switch":
        await car.call("switch", "turn_off", "charging")
    else:
        await car.point.unplug()
    await car.wait_for_state("sensor", "energy_target", "unknown")
    await car.wait_for_state("sensor", "charging_ends", "unknown")


async def test_everest(hass: HomeAssistant, broker: BrokerProcess) -> None:
    entry = await load(hass, other_broker(broker))
    async with EverestSimulator(
        Broker(broker.host, broker.port), EvseSetup(), timing=QUICK
    ) as station:
        found = Chargepoint(hass, station, entry)
        await found.wait_for_state("sensor", "status", "disconnected")
        await station.plug()
        await found.wait_for_state("sensor", "status", "charging")
        await start(found, energy=2)
        station["carport"].connector.energy = 2.0
        await found.wait_for_state("sensor", "status", "ready_to_charge")
        await found.wait_for_state("sensor", "energy_target", "unknown")
        await hass.config_entries.async_unload(entry.entry_id)


async def test_without_a_session_energy(hass: HomeAssistant, car: Chargepoint) -> None:
    """Nothing is sent, and the error explains what to do."""
    known = car.node.snapshot.capabilities
    others = replace(known, reports=known.reports - {Feature.SESSION_ENERGY})
    car.node._update(car.node.host.clock.now(), capabilities=others)
    with pytest.raises(ServiceValidationError, match="Use a time instead"):
        await start(car, energy=4)
    assert not car.sent(START)


@pytest.mark.parametrize(
    ("now", "expected"),
    [("02:30 first", "00:45"), ("02:50 first", "01:45"), ("02:30 second", "01:45")],
)
def test_time_that_comes_twice(monkeypatch: pytest.MonkeyPatch, now: str, expected: str) -> None:
    """When daylight saving ends, the next 02:45 may be the second one, and is never over."""
    zone = ZoneInfo("Europe/Oslo")
    minute, fold = int(now[3:5]), int(now.endswith("second"))
    moment = datetime(2026, 10, 25, 2, minute, fold=fold, tzinfo=zone)
    monkeypatch.setattr(dt_util, "now", lambda: moment)
    assert f"{charging._next('02:45'):%H:%M}" == expected
