"""The sensors."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from homeassistant.components.logbook.helpers import _is_state_filtered
from homeassistant.components.sensor import SensorDeviceClass, SensorStateClass
from homeassistant.const import EVENT_STATE_CHANGED
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.util import dt as dt_util
import pytest

from custom_components.fimp_chargepoint.chargepoint.model import (
    ChargepointSnapshot,
    Identity,
    Meter,
    Session,
    Status,
)
from custom_components.fimp_chargepoint.chargepoint.sessions import tracker
from custom_components.fimp_chargepoint.descriptions.meter import SESSION_SENSORS
from simulators.fimp import ChargepointSetup
from simulators.simulator import Timing
from tests.broker import BrokerProcess

from .conftest import Chargepoint, load, other_broker, simulator, until

#: Energy flows a thousand times faster than in life.
FAST = Timing(pace=0.0, poll=0.1, speed=1000.0)


@pytest.mark.usefixtures("everything_enabled")
async def test_status(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """Ours for people and automations, the protocol's own word for the curious."""
    assert set(chargepoint.attribute("sensor", "status", "options")) == set(Status)
    raw = er.async_get(hass).async_get(chargepoint.id("sensor", "raw_status"))
    assert raw.entity_category == "diagnostic"
    await chargepoint.point.plug()
    await chargepoint.wait_for_state("sensor", "status", "ready_to_charge")
    assert chargepoint.state("sensor", "raw_status") == "ready_to_charge"
    await chargepoint.point.fault("residual current")
    await chargepoint.wait_for_state("sensor", "status", "error")
    await chargepoint.point.clear_fault()
    await chargepoint.point.unplug()
    await chargepoint.wait_for_state("sensor", "status", "disconnected")


@pytest.fixture(name="report_at_once")
def report_at_once_fixture(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fire events of the first seconds, too."""
    monkeypatch.setattr(tracker, "FIRST_REPORTS_TIME", 0.0)


@pytest.mark.usefixtures("report_at_once")
async def test_one_start_in_the_activity(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """Home Assistant leaves out sensors without a timeline in the history only."""
    await chargepoint.point.plug()
    await chargepoint.wait_for_state("sensor", "status", "ready_to_charge")
    expected = {
        chargepoint.id("switch", "charging"),
        chargepoint.id("binary_sensor", "charging"),
        chargepoint.id("event", "session"),
        chargepoint.id("sensor", "status"),
        chargepoint.id("sensor", "not_charging_reason"),
    }
    followers = ("iec61851", "power", "session_started")
    watched = expected | {chargepoint.id("sensor", key) for key in followers}
    lines = []

    @callback
    def changed(event: Event[EventStateChangedData]) -> None:
        before, after = event.data["old_state"], event.data["new_state"]
        is_line = before is not None and after is not None and not _is_state_filtered(after, before)
        if is_line and event.data["entity_id"] in watched:
            lines.append(event.data["entity_id"])

    hass.bus.async_listen(EVENT_STATE_CHANGED, changed)
    await chargepoint.call("switch", "turn_on", "charging")
    await chargepoint.wait_for_state("sensor", "status", "charging")
    await until(lambda: expected <= set(lines), "the lines")
    assert sorted(lines) == sorted(expected)
    assert set(chargepoint.attribute("sensor", "iec61851", "options")) == set("abcf")
    # The frontend draws a line of numbers for everything with a state class, even without one.
    for key in ("status", "not_charging_reason"):
        assert "state_class" not in hass.states.get(chargepoint.id("sensor", key)).attributes


async def test_what_follows_from_the_status(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """Controllers read the letter, people why nothing is charging."""
    assert chargepoint.registered("sensor", "iec61851").entity_category == "diagnostic"
    assert chargepoint.state("sensor", "iec61851") == "a"
    assert chargepoint.state("sensor", "not_charging_reason") == "no_car"
    await chargepoint.point.plug()
    await chargepoint.wait_for_state("sensor", "iec61851", "b")
    assert chargepoint.state("sensor", "not_charging_reason") == "switched_off"
    await chargepoint.call("switch", "turn_on", "charging")
    assert chargepoint.state("sensor", "iec61851") == "c"
    assert chargepoint.state("sensor", "not_charging_reason") == "charging"
    await chargepoint.point.fault("residual current")
    await chargepoint.wait_for_state("sensor", "iec61851", "f")
    assert chargepoint.state("sensor", "not_charging_reason") == "fault"


@pytest.mark.parametrize(
    ("key", "device_class", "state_class", "unit"),
    [
        ("power", SensorDeviceClass.POWER, SensorStateClass.MEASUREMENT, "W"),
        ("lifetime_energy", SensorDeviceClass.ENERGY, SensorStateClass.TOTAL_INCREASING, "kWh"),
        ("session_energy", SensorDeviceClass.ENERGY, SensorStateClass.TOTAL, "kWh"),
    ],
)
async def test_energy_dashboard_can_use_it(
    hass: HomeAssistant,
    chargepoint: Chargepoint,
    key: str,
    device_class: str,
    state_class: str,
    unit: str,
) -> None:
    assert chargepoint.attribute("sensor", key, "device_class") == device_class
    assert chargepoint.attribute("sensor", key, "state_class") == state_class
    assert chargepoint.attribute("sensor", key, "unit_of_measurement") == unit
    options = er.async_get(hass).async_get(chargepoint.id("sensor", key)).options
    assert "suggested_display_precision" in options["sensor"]


async def test_power(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    await chargepoint.point.plug()
    await chargepoint.wait_for_state("sensor", "status", "ready_to_charge")
    await chargepoint.call("switch", "turn_on", "charging")
    await until(lambda: float(chargepoint.state("sensor", "power")) > 20000)
    await chargepoint.call("switch", "turn_off", "charging")
    await until(lambda: float(chargepoint.state("sensor", "power")) == 0)


async def test_session_energy(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """Each session counts from zero, and reports since when."""
    async with simulator(broker, ChargepointSetup(needed=2.0), timing=FAST) as point:
        entry = await load(hass, other_broker(broker))
        found = Chargepoint(hass, point, entry)
        await found.wait_for_state("sensor", "status", "disconnected")
        for _ in range(2):
            await point.plug()
            await found.wait_for_state("sensor", "status", "ready_to_charge")
            await found.wait_for_state("sensor", "session_energy", "0.0")
            assert found.attribute("sensor", "session_energy", "last_reset")
            await found.call("switch", "turn_on", "charging")
            await found.wait_for_state("sensor", "status", "finished")
            await found.wait_for_state("sensor", "session_energy", "2.0")
            assert found.attribute("sensor", "session_energy", "last_reset")
            await point.unplug()
            await found.wait_for_state("sensor", "status", "disconnected")
            # Two sessions never begin in the same second, which is the precision of FIMP.
            later = started(found) + timedelta(seconds=1)
            await until(lambda later=later: dt_util.utcnow() > later)
        await hass.config_entries.async_unload(entry.entry_id)


def started(chargepoint: Chargepoint) -> datetime:
    """Return when the session began, according to its sensor."""
    return datetime.fromisoformat(chargepoint.attribute("sensor", "session_energy", "last_reset"))


async def test_broker_goes_and_comes_back(
    hass: HomeAssistant, chargepoint: Chargepoint, broker: BrokerProcess
) -> None:
    before = chargepoint.state("sensor", "lifetime_energy")
    await hass.async_add_executor_job(broker.stop)
    for key in ("status", "power", "lifetime_energy", "session_energy"):
        await chargepoint.wait_for_state("sensor", key, "unavailable")
    await hass.async_add_executor_job(broker.start)
    await chargepoint.wait_for_state("sensor", "status", "disconnected")
    await chargepoint.wait_for_state("sensor", "lifetime_energy", before)


def test_energy_without_a_beginning_is_not_shown() -> None:
    """A drop of it would be booked as energy that was given back."""
    description = next(each for each in SESSION_SENSORS if each.key == "session_energy")
    snapshot = ChargepointSnapshot(identity=Identity(name="x"), meter=Meter(session_energy=5))
    assert description.value_fn(snapshot).value is None
    known = replace(snapshot, session=Session(started=datetime(2026, 1, 1, tzinfo=UTC)))
    assert description.value_fn(known).value == 5


async def test_garbage_costs_only_itself(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    before = {each.entity_id: each.state for each in hass.states.async_all("sensor")}
    await chargepoint.point.garbage()
    await chargepoint.point.plug()
    await chargepoint.wait_for_state("sensor", "status", "ready_to_charge")
    await chargepoint.point.unplug()
    await chargepoint.wait_for_state("sensor", "status", "disconnected")

    def changed() -> dict[str, str]:
        now = {entity_id: hass.states.get(entity_id) for entity_id in before}
        return {
            entity_id: state.state
            for entity_id, state in now.items()
            if state is not None and state.state != before[entity_id] and "session" not in entity_id
        }

    await until(lambda: not changed(), "everything to be as before")
