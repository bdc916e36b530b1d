"""Sessions from the first plug to the record, over a real broker."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any, NoReturn

import aiomqtt
from homeassistant.components.sensor import SensorDeviceClass, SensorStateClass
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.util import dt as dt_util
import probatio
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fimp_chargepoint import sessions
from custom_components.fimp_chargepoint.chargepoint import faults
from custom_components.fimp_chargepoint.chargepoint.sessions import tracker
from custom_components.fimp_chargepoint.chargepoint.sessions.record import SessionRecord
from custom_components.fimp_chargepoint.const import DOMAIN
from custom_components.fimp_chargepoint.devices import node_identifier
from custom_components.fimp_chargepoint.storage import Storage
from simulators.everest import EverestSimulator, EvseSetup
from simulators.fimp import ChargepointSetup
from simulators.fimp.profiles import PROFILES
from simulators.mqtt import Broker
from simulators.simulator import Timing
from tests.broker import BrokerProcess
from tests.helpers.waiting import PATIENCE

from .conftest import Chargepoint, find, load, other_broker, simulator, until

#: Energy flows a thousand times faster than in life.
FAST = Timing(pace=0.0, poll=0.1, heartbeat=0.1, meter=0.1, speed=1000.0)


#: A car that is not full before a slow machine has looked, in kWh.
BIG = 1000.0
#: Seconds in which the end of a session is reported here.
SOON = 0.3


@pytest.fixture(autouse=True)
def _settle_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracker, "SETTLING_TIME", SOON)
    monkeypatch.setattr(faults, "SETTLING_TIME", SOON)
    monkeypatch.setattr(sessions, "_MEASUREMENT_INTERVAL", SOON)
    # The first reports create events soon.
    monkeypatch.setattr(tracker, "FIRST_REPORTS_TIME", SOON)
    monkeypatch.setattr(faults, "FIRST_REPORTS_TIME", SOON)


async def after_first_reports(found: Chargepoint) -> None:
    """Wait until reports create events."""
    await until(lambda: found.state("event", "problem"))
    now = found.node.host.clock.now
    then = now() + SOON
    await until(lambda: now() > then)


class EventRecorder:
    """Records the events of all event entities from now on."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Begin to listen."""
        self.received: list[tuple[str, dict[str, Any]]] = []
        self._shown = {each.state for each in hass.states.async_all("event")}
        hass.bus.async_listen("state_changed", self._changed)

    @callback
    def _changed(self, event: Event[EventStateChangedData]) -> None:
        new = event.data["new_state"]
        if new is None or new.domain != "event" or new.state in ("unknown", "unavailable"):
            return
        # After a reload, the last event is shown again; the state is its time.
        if new.state not in self._shown:
            self._shown.add(new.state)
            self.received.append((new.attributes["event_type"], dict(new.attributes)))

    @property
    def event_types(self) -> list[str]:
        """The kinds of events, in order."""
        return [each for each, _ in self.received]

    async def wait_for(self, word: str, times: int = 1) -> dict[str, Any]:
        """Wait for an event; returns the last one's attributes."""
        await until(lambda: self.event_types.count(word) == times, f"the event {word}")
        return next(data for each, data in reversed(self.received) if each == word)


@asynccontextmanager
async def fimp(
    hass: HomeAssistant, broker: BrokerProcess, **options: Any
) -> AsyncGenerator[Chargepoint]:
    """A FIMP charge point that Home Assistant has found."""
    setup = ChargepointSetup(profile="full", needed=BIG)
    async with simulator(broker, setup, timing=FAST) as point:
        entry = await load(hass, other_broker(broker, options=options))
        found = Chargepoint(hass, point, entry)
        await found.wait_for_state("sensor", "status", "disconnected")
        await hass.async_block_till_done()
        yield found
        if entry.state is ConfigEntryState.LOADED:
            await hass.config_entries.async_unload(entry.entry_id)


@asynccontextmanager
async def everest(
    hass: HomeAssistant, broker: BrokerProcess, **options: Any
) -> AsyncGenerator[Chargepoint]:
    """An EVSE of EVerest that Home Assistant has found."""
    entry = await load(hass, other_broker(broker, options=options))
    async with EverestSimulator(
        Broker(broker.host, broker.port), EvseSetup(needed=BIG), timing=FAST
    ) as station:
        found = Chargepoint(hass, station, entry)
        await found.wait_for_state("sensor", "status", "disconnected")
        await hass.async_block_till_done()
        yield found
        await hass.config_entries.async_unload(entry.entry_id)


PROTOCOLS = pytest.mark.parametrize("at_home", [fimp, everest])


async def begin_charging(found: Chargepoint) -> None:
    """Plug a car in, and let it charge."""
    await found.wait_for_state("sensor", "status", "disconnected")
    await found.point.plug()
    if found.point.__class__ is not EverestSimulator:
        # A station begins on its own.
        await until(lambda: found.state("sensor", "status") != "disconnected")
        await found.call("switch", "turn_on", "charging")
    await found.wait_for_state("sensor", "status", "charging")


async def has_charged(found: Chargepoint, energy: float) -> None:
    """Wait until the session has taken so much."""

    def taken() -> bool:
        state = found.state("sensor", "session_energy")
        return state not in (None, "unknown", "unavailable") and float(state) >= energy

    await until(taken, f"{energy} kWh")


def energy(found: Chargepoint) -> float:
    """Return what the simulated car has really taken, in kWh."""
    (point,) = found.point.points.values()
    return float(point.connector.energy)


def record(found: Chargepoint) -> dict[str, Any]:
    """Return what is kept of the only session."""
    (kept,) = keeper(found).tracker.records
    return dict(kept.as_dict())


def keeper(found: Chargepoint) -> Any:
    """Return the session tracker of the only charge point."""
    (address,) = found.entry.runtime_data.coordinators
    return found.entry.runtime_data.sessions.of(address)


@PROTOCOLS
async def test_a_whole_day(hass: HomeAssistant, broker: BrokerProcess, at_home: Any) -> None:
    """Come, charge, pause, resume, restart of Home Assistant, full, go."""
    recorder = EventRecorder(hass)
    async with at_home(hass, broker) as found:
        assert found.state("sensor", "last_session_energy") == "unknown"
        await after_first_reports(found)
        await begin_charging(found)
        await recorder.wait_for("charging_started")
        await has_charged(found, 0.5)
        await found.call("switch", "turn_off", "charging")
        await recorder.wait_for("charging_paused")
        await found.call("switch", "turn_on", "charging")
        await recorder.wait_for("charging_resumed")
        # Only EVerest reports the authorization.
        allowed = ["authorized"] if at_home is everest else []
        assert recorder.event_types == [
            "car_connected",
            *allowed,
            "charging_started",
            "charging_paused",
            "charging_resumed",
        ]
        assert await hass.config_entries.async_reload(found.entry.entry_id)
        await found.wait_for_state("sensor", "status", "charging")
        assert found.state("sensor", "last_session_energy") == "unknown"
        await after_first_reports(found)
        # The charge point reports whole seconds, so charging has to take some.
        began = dt_util.utcnow()
        await until(lambda: (dt_util.utcnow() - began).total_seconds() > 1)
        await found.point.full()
        await until(lambda: found.state("sensor", "status") != "charging")
        await found.point.unplug()
        await found.wait_for_state("sensor", "status", "disconnected")
        received = await recorder.wait_for("session_finished")
        await recorder.wait_for("car_disconnected")
        assert recorder.event_types[4 + len(allowed) :] in (
            ["charging_paused", "session_finished", "car_disconnected"],
            ["session_finished", "car_disconnected"],
        )
        assert received["energy"] == pytest.approx(energy(found), abs=0.01)
        began, ended = (datetime.fromisoformat(received[each]) for each in ("started", "ended"))
        assert received["duration"] == round((ended - began).total_seconds())
        assert received["average_power"] == pytest.approx(
            received["energy"] * 3_600_000 / received["duration"], rel=0.001
        )
        assert not {"cost", "currency"} & received.keys()
        assert ("who" in received) is (at_home is everest)
        assert {**received, **record(found)} == received
        assert float(found.state("sensor", "last_session_energy")) == received["energy"]
        assert dt_util.parse_datetime(found.state("sensor", "last_session_ended")) == (
            ended.replace(microsecond=0)
        )
        assert found.registered("sensor", "last_session_duration").unit_of_measurement == "h"
        assert float(found.state("sensor", "last_session_duration")) == pytest.approx(
            received["duration"] / 3600, abs=1 / 3600
        )
        # The last session stays, without the charge point and in the next run.
        await hass.async_add_executor_job(broker.stop)
        await found.wait_for_state("sensor", "status", "unavailable")
        assert float(found.state("sensor", "last_session_energy")) == received["energy"]
        await hass.async_add_executor_job(broker.start)
        await found.wait_for_state("sensor", "status", "disconnected")
        assert await hass.config_entries.async_reload(found.entry.entry_id)
        await found.wait_for_state("sensor", "status", "disconnected")
        assert float(found.state("sensor", "last_session_energy")) == received["energy"]
        assert recorder.event_types.count("session_finished") == 1


@pytest.mark.parametrize(
    "kind",
    [
        "full",
        "minimal",
        "easee",
        "easee_2021",
        "defa",
        "futurehome",
        "main",
        "2025.10",
        "legacy",
    ],
)
async def test_every_kind_of_charge_point(
    hass: HomeAssistant, broker: BrokerProcess, kind: str
) -> None:
    """With every kind of report: two cars after each other are two sessions."""
    if kind in PROFILES:
        point: Any = simulator(broker, ChargepointSetup(profile=kind, needed=BIG), timing=FAST)
    else:
        point = EverestSimulator(
            Broker(broker.host, broker.port), EvseSetup(needed=BIG), dialect=kind, timing=FAST
        )
    entry = await load(hass, other_broker(broker))
    async with point:
        found = Chargepoint(hass, point, entry)
        await found.comes() if kind in PROFILES else await found.wait_for_state(
            "sensor", "status", "disconnected"
        )
        await after_first_reports(found)
        recorder = EventRecorder(hass)
        for number in (1, 2):
            await begin_charging(found)
            await has_charged(found, 0.5)
            await found.point.unplug()
            received = await recorder.wait_for("session_finished", number)
            await recorder.wait_for("car_disconnected", number)
            # The older API of EVerest reports nothing more when the car has left.
            tolerance = 1.0 if kind == "legacy" else 0.05
            assert received["energy"] == pytest.approx(energy(found), abs=tolerance)
            assert received["energy"] >= 0.5
            # Two sessions never begin in the same second, which is the precision of some.
            ended = dt_util.utcnow()
            await until(lambda ended=ended: (dt_util.utcnow() - ended).total_seconds() > 1)
        assert [each for each in recorder.event_types if "paused" not in each] == [
            "car_connected",
            # Adapters that report everything as events report this, too.
            *(["authorized"] if kind in ("main", "2025.10") else []),
            "charging_started",
            "session_finished",
            "car_disconnected",
        ] * 2
        assert len(keeper(found).tracker.records) == 2
        await hass.config_entries.async_unload(entry.entry_id)


@PROTOCOLS
@pytest.mark.parametrize("charges", [True, False], ids=["charging", "no car"])
async def test_nothing_happens_by_itself(
    hass: HomeAssistant,
    broker: BrokerProcess,
    at_home: Any,
    charges: bool,  # noqa: FBT001
) -> None:
    """Neither a lost broker nor a reload is anything that a car has done."""
    async with at_home(hass, broker) as found:
        if charges:
            await begin_charging(found)
        await hass.async_block_till_done()
        status = found.state("sensor", "status")
        event = hass.states.get(found.id("event", "session"))
        assert event is not None
        recorder = EventRecorder(hass)
        await hass.async_add_executor_job(broker.stop)
        await found.wait_for_state("sensor", "status", "unavailable")
        # A past event does not come back as if it were new.
        assert hass.states.get(found.id("event", "session")) == event
        await hass.async_add_executor_job(broker.start)
        await found.wait_for_state("sensor", "status", status)
        assert await hass.config_entries.async_reload(found.entry.entry_id)
        await found.wait_for_state("sensor", "status", status)
        await until(lambda: keeper(found).tracker.next_deadline is None)
        if at_home is everest and charges:
            # A station that has lost its broker restarts, and begins another session.
            assert all(received["late"] for _, received in recorder.received)
        else:
            assert not recorder.received
            assert not keeper(found).tracker.records


@PROTOCOLS
async def test_an_end_while_home_assistant_was_off(
    hass: HomeAssistant, broker: BrokerProcess, at_home: Any
) -> None:
    """It is recorded, as far as the charge point reports it, and the events are late."""
    async with at_home(hass, broker) as found:
        await begin_charging(found)
        await has_charged(found, 0.5)
        recorder = EventRecorder(hass)
        await hass.config_entries.async_unload(found.entry.entry_id)
        async with aiomqtt.Client(broker.host, broker.port) as client:
            await client.subscribe("#")
            await found.point.full()
            await found.point.unplug()
            async with asyncio.timeout(PATIENCE):
                # A station goes through some words before.
                async for message in client.messages:
                    if b'"Unplugged"' in message.payload or b"finished_at" in message.payload:
                        break
        await hass.config_entries.async_setup(found.entry.entry_id)
        await found.wait_for_state("sensor", "status", "disconnected")
        kept = await until(lambda: keeper(found).tracker.records and record(found))
        assert kept["started"]
        if at_home is fimp:
            assert kept["energy"] == pytest.approx(energy(found), abs=0.01)
            assert kept["duration"] >= 0
        received = await recorder.wait_for("session_finished")
        assert {**received, **kept, "late": True} == received
        assert (await recorder.wait_for("car_disconnected"))["late"] is True
        assert recorder.event_types == ["session_finished", "car_disconnected"]


async def test_problems(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """Simultaneous reports of a fault are one event."""
    async with fimp(hass, broker) as found:
        assert found.registered("event", "problem").entity_category == "diagnostic"
        await after_first_reports(found)
        recorder = EventRecorder(hass)
        await found.point.fault("residual current")
        raised = await recorder.wait_for("problem_raised")
        assert "cp_other_error" in raised["which"]
        await found.point.clear_fault()
        cleared = await recorder.wait_for("problem_cleared")
        assert "cp_other_error" in cleared["which"]


# The store ------------------------------------------------------------------------------


async def one_session(found: Chargepoint) -> None:
    """Let a car come, charge and go."""
    await begin_charging(found)
    await has_charged(found, 0.5)
    await found.point.unplug()
    await until(lambda: keeper(found).tracker.records, "the record")


def stored(hass_storage: dict[str, Any], entry: MockConfigEntry) -> dict[str, Any]:
    """Return what is stored of an entry."""
    return dict(hass_storage[f"{DOMAIN}.{entry.entry_id}.history"]["data"]["sessions"])


async def test_the_store_goes_with_the_entry(
    hass: HomeAssistant, broker: BrokerProcess, hass_storage: dict[str, Any]
) -> None:
    async with fimp(hass, broker) as found:
        await one_session(found)
        await hass.config_entries.async_unload(found.entry.entry_id)
        (kept,) = stored(hass_storage, found.entry).values()
        assert len(kept["records"]) == 1
        await hass.config_entries.async_remove(found.entry.entry_id)
        assert f"{DOMAIN}.{found.entry.entry_id}.history" not in hass_storage


async def test_a_tracker_that_fails_costs_no_other(
    hass: HomeAssistant,
    broker: BrokerProcess,
    hass_storage: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The others are stored, and of this one what was stored before stays."""
    async with fimp(hass, broker) as found:
        await one_session(found)
        await hass.config_entries.async_reload(found.entry.entry_id)
        await found.wait_for_state("sensor", "status", "disconnected")
        before = stored(hass_storage, found.entry)

        def fail() -> NoReturn:
            raise KeyError("bug")

        monkeypatch.setattr(keeper(found).tracker, "to_storage", fail)
        dr.async_get(hass).async_get_or_create(
            config_entry_id=found.entry.entry_id,
            identifiers={(DOMAIN, node_identifier(found.entry, "fimp:other/1/1"))},
        )
        sessions = found.entry.runtime_data.storage.sessions
        sessions._stored["fimp:other/1/1"] = {"records": []}
        assert sessions.content() == before | {"fimp:other/1/1": {"records": []}}
        assert await hass.config_entries.async_unload(found.entry.entry_id)
        await hass.config_entries.async_setup(found.entry.entry_id)
        await found.wait_for_state("sensor", "status", "disconnected")
        assert len(keeper(found).tracker.records) == 1


async def test_sessions_move_with_the_device(hass: HomeAssistant, broker: BrokerProcess) -> None:
    async with fimp(hass, broker) as found:
        await one_session(found)
        before = record(found)
        await found.point.exclude()
        await until(lambda: not found.entry.runtime_data.coordinators)
        await found.point.include()
        await found.wait_for_state("sensor", "status", "disconnected")
        assert record(found) == before
        assert float(found.state("sensor", "last_session_energy")) == before["energy"]


async def test_sessions_of_both_addresses(
    hass: HomeAssistant, broker: BrokerProcess, hass_storage: dict[str, Any]
) -> None:
    """There are two until the user has confirmed that it is the same one."""
    async with fimp(hass, broker) as found:
        await one_session(found)
        entry_id = found.entry.entry_id
        await hass.config_entries.async_unload(entry_id)
        points = hass_storage[f"{DOMAIN}.{entry_id}.history"]["data"]["sessions"]
        points["fimp:easee/1/99"] = deepcopy(points["fimp:easee/1/1"])
        dr.async_get(hass).async_get_or_create(
            config_entry_id=entry_id,
            identifiers={(DOMAIN, node_identifier(found.entry, "fimp:easee/1/99"))},
        )
        storage = Storage(hass, found.entry)
        await storage.async_load()
        for old in ("fimp:easee/1/99", "fimp:easee/1/98"):
            storage.move(old, "fimp:easee/1/1")
        await storage.async_save()
        assert len(stored(hass_storage, found.entry)) == 1
        await hass.config_entries.async_setup(entry_id)
        await found.wait_for_state("sensor", "status", "disconnected")
        assert len(keeper(found).tracker.records) == 2


async def test_sessions_whose_device_is_not_stored_yet_are_kept(
    hass: HomeAssistant, broker: BrokerProcess, hass_storage: dict[str, Any]
) -> None:
    """After a crash; the record of a device that is deleted goes with it."""
    async with fimp(hass, broker) as found:
        key = f"{DOMAIN}.{found.entry.entry_id}.history"
        await hass.config_entries.async_unload(found.entry.entry_id)
        hass_storage[key] = {
            "version": 1,
            "minor_version": 1,
            "key": key,
            "data": {"sessions": {"fimp:easee/1/99": {}}},
        }
        await hass.config_entries.async_setup(found.entry.entry_id)
        await one_session(found)
        await hass.config_entries.async_unload(found.entry.entry_id)
        assert sorted(stored(hass_storage, found.entry)) == ["fimp:easee/1/1", "fimp:easee/1/99"]


async def test_a_broken_store(
    hass: HomeAssistant,
    broker: BrokerProcess,
    hass_storage: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Unreadable data is unknown, and nothing else is lost."""
    async with fimp(hass, broker) as found:
        await one_session(found)
        await hass.config_entries.async_unload(found.entry.entry_id)
        (kept,) = stored(hass_storage, found.entry).values()
        kept["records"][0]["ended"] = "yesterday"
        await hass.config_entries.async_setup(found.entry.entry_id)
        await found.wait_for_state("sensor", "status", "disconnected")
        lost = "sessions of fimp:easee/1/1 cannot be read and is lost: records.0"
        assert lost in caplog.text
        assert record(found)["energy"] > 0
        assert "ended" not in record(found)


@pytest.mark.parametrize(
    ("watched", "kept"),
    [((3, 0.0), True), ((3, 99.0), False), (None, False)],
)
async def test_a_beginning_that_only_we_have_seen(
    hass: HomeAssistant,
    broker: BrokerProcess,
    hass_storage: dict[str, Any],
    watched: tuple[int, float] | None,
    kept: bool,  # noqa: FBT001
) -> None:
    """If the charge point does not report when its session began, it is stored."""
    async with simulator(broker, ChargepointSetup(profile="minimal")) as point:
        entry = await load(hass, other_broker(broker))
        found = Chargepoint(hass, point, entry)
        await until(lambda: found.state("sensor", "session_energy") == "0.0")
        began = found.attribute("sensor", "session_energy", "last_reset")
        await hass.config_entries.async_unload(entry.entry_id)
        then = datetime.fromisoformat(began).replace(year=2025)
        (data,) = stored(hass_storage, entry).values()
        data["watched"] = watched and [then.isoformat(), watched[1]]
        await hass.config_entries.async_setup(entry.entry_id)
        await until(lambda: found.state("sensor", "session_energy") == "0.0")
        now = found.attribute("sensor", "session_energy", "last_reset")
        assert (datetime.fromisoformat(now) == then) is kept
        await hass.config_entries.async_unload(entry.entry_id)


# The action -------------------------------------------------------------------------------


async def get_sessions(found: Chargepoint, **data: Any) -> dict[str, Any]:
    """Return the response of the action for the only charge point."""
    target = {"device_id": found.registered("event", "session").device_id}
    answer = await found.hass.services.async_call(
        DOMAIN, "get_sessions", data, blocking=True, return_response=True, target=target
    )
    (of_one,) = answer["charge_points"]
    assert of_one["name"] == "Acme Wallbox"
    return dict(of_one)


def kept(*energies: float, **values: Any) -> list[SessionRecord]:
    """Return a session for each day of November."""
    return [
        SessionRecord(
            started=datetime(2026, 11, day, 12, tzinfo=UTC),
            ended=datetime(2026, 11, day, 14, tzinfo=UTC),
            energy=energy,
            **values,
        )
        for day, energy in enumerate(energies, 1)
    ]


async def test_get_sessions(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """They are here, so they can be had without the charge point."""
    async with fimp(hass, broker) as found:
        assert (await get_sessions(found))["sessions"] == []
        await one_session(found)
        (session,) = (await get_sessions(found))["sessions"]
        assert session == record(found)
        keeper(found).tracker.records = kept(1.0, 2.0, 3.0)
        await hass.async_add_executor_job(broker.stop)
        await found.wait_for_state("sensor", "status", "unavailable")

        async def energies(**data: Any) -> list[float]:
            return [each["energy"] for each in (await get_sessions(found, **data))["sessions"]]

        assert await energies() == [1.0, 2.0, 3.0]
        assert await energies(limit=2) == [2.0, 3.0]
        assert await energies(since="2026-11-02T12:00:00+00:00") == [2.0, 3.0]
        assert await energies(since="2026-11-02 00:00:00", limit=1) == [3.0]
        assert await energies(since="2027-01-01 00:00:00") == []
        await hass.async_add_executor_job(broker.start)


async def test_get_sessions_as_csv(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """Nothing that is not known is a zero, and no car runs a formula."""
    async with fimp(hass, broker) as found:
        keeper(found).tracker.records = [
            *kept(2.5, cost=3.75, currency="NOK", who="=1+1"),
            SessionRecord(ended=datetime(2026, 11, 2, 14, tzinfo=UTC)),
        ]
        answer = await get_sessions(found, format="csv")
        assert "sessions" not in answer
        assert answer["csv"].splitlines() == [
            "started,ended,duration,energy,average_power,cost,currency,who,ended_by",
            "2026-11-01T12:00:00+00:00,2026-11-01T14:00:00+00:00,7200,2.5,1250,3.75,NOK,'=1+1,",
            ",2026-11-02T14:00:00+00:00,,,,,,,",
        ]
        answer = await get_sessions(found, format="csv", since="2026-11-02 00:00:00")
        assert len(answer["csv"].splitlines()) == 2


@pytest.mark.parametrize("wrong", [{"limit": 0}, {"limit": 101}, {"format": "xml"}])
async def test_get_sessions_of_nonsense(
    hass: HomeAssistant, broker: BrokerProcess, wrong: dict[str, Any]
) -> None:
    async with fimp(hass, broker) as found:
        with pytest.raises(probatio.Invalid):
            await get_sessions(found, **wrong)


# Costs ------------------------------------------------------------------------------------


def set_price(hass: HomeAssistant, price: str, unit: str = "NOK/kWh") -> None:
    """Set a price, in Norway."""
    hass.config.currency = "NOK"
    hass.states.async_set("sensor.price", price, {"unit_of_measurement": unit})


async def has_cost(found: Chargepoint, cost: float) -> None:
    """Wait until that is what the session costs."""

    def costs() -> bool:
        state = found.state("sensor", "session_cost")
        return state not in ("unknown", "unavailable") and float(state) == pytest.approx(
            cost, abs=0.002
        )

    await until(costs, f"a cost of {cost}")


async def test_no_price_no_entities(hass: HomeAssistant, broker: BrokerProcess) -> None:
    async with fimp(hass, broker) as found:
        for key in ("session_cost", "total_cost", "last_session_cost"):
            assert found.state("sensor", key) is None


async def test_a_price_that_is_named_no_more(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """Its entities go, and what was counted is there when it is named again."""
    price = {"fixed_price": 0.25}
    async with fimp(hass, broker, **price) as found:
        await one_session(found)
        await found.wait_for_state("sensor", "session_cost", found.state("sensor", "total_cost"))
        total = found.state("sensor", "total_cost")
        for options in ({}, price):
            hass.config_entries.async_update_entry(found.entry, options=options)
            assert await hass.config_entries.async_reload(found.entry.entry_id)
            await found.wait_for_state("sensor", "status", "disconnected")
            await hass.async_block_till_done()
            assert found.state("sensor", "total_cost") == (total if options else None)
            assert (find(hass, "sensor", "total_cost") is not None) is bool(options)


async def test_total_while_the_price_is_not_known(
    hass: HomeAssistant, broker: BrokerProcess
) -> None:
    set_price(hass, "2.0")
    async with fimp(hass, broker, price_entity="sensor.price") as found:
        await one_session(found)
        total = found.state("sensor", "total_cost")
        assert float(total) > 0
        set_price(hass, "unavailable")
        assert found.state("sensor", "total_cost") == total
        # With two currencies there are two sums, so none is shown.
        hass.config.currency = "EUR"
        hass.states.async_set("sensor.price", "0.1", {"unit_of_measurement": "EUR/kWh"})
        assert found.state("sensor", "total_cost") == "0.0"
        assert found.attribute("sensor", "total_cost", "unit_of_measurement") == "EUR"
        hass.states.async_remove("sensor.price")
        assert await hass.config_entries.async_reload(found.entry.entry_id)
        await found.wait_for_state("sensor", "status", "disconnected")
        await found.wait_for_state("sensor", "total_cost", "unknown")


async def test_fixed_price(hass: HomeAssistant, broker: BrokerProcess) -> None:
    hass.config.currency = "EUR"
    async with fimp(hass, broker, fixed_price=0.25) as found:
        for key in ("session_cost", "total_cost"):
            assert found.attribute("sensor", key, "device_class") == SensorDeviceClass.MONETARY
            assert found.attribute("sensor", key, "state_class") == SensorStateClass.TOTAL
            assert found.attribute("sensor", key, "unit_of_measurement") == "EUR"
        assert found.state("sensor", "total_cost") == "0.0"
        assert found.state("sensor", "session_cost") == "unknown"
        await one_session(found)
        cost = record(found)["cost"]
        assert cost == pytest.approx(record(found)["energy"] * 0.25, abs=0.001)
        for key in ("session_cost", "total_cost", "last_session_cost"):
            assert float(found.state("sensor", key)) == pytest.approx(cost, abs=0.0001)
        since = found.attribute("sensor", "session_cost", "last_reset")
        assert since == record(found)["started"]
        assert found.attribute("sensor", "total_cost", "last_reset") is None


async def test_a_price_that_is_renamed(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """The user need not choose it again."""
    registry = er.async_get(hass)
    known = registry.async_get_or_create("sensor", "demo", "1", suggested_object_id="price")
    set_price(hass, "1.0")
    async with fimp(hass, broker, price_entity=known.entity_id) as found:
        entry, before = found.entry, found.entry.runtime_data
        registry.async_update_entity(known.entity_id, icon="mdi:cash")
        registry.async_update_entity(known.entity_id, new_entity_id="sensor.tariff")
        hass.states.async_set("sensor.tariff", "2.0", {"unit_of_measurement": "NOK/kWh"})
        await until(lambda: entry.runtime_data is not before, "the reload")
        await found.wait_for_state("sensor", "total_cost", "0.0")
        assert entry.options["price_entity"] == "sensor.tariff"
        price = entry.runtime_data.sessions.prices.price
        assert price is not None
        assert price.amount == 2


@PROTOCOLS
async def test_changing_price(hass: HomeAssistant, broker: BrokerProcess, at_home: Any) -> None:
    """Each kWh has the price of its time, also across a restart; never is it free."""
    set_price(hass, "unavailable")
    async with at_home(hass, broker, price_entity="sensor.price") as found:
        await begin_charging(found)
        await has_charged(found, 0.2)
        for key in ("session_cost", "total_cost"):
            assert found.state("sensor", key) == "unknown"
        set_price(hass, "100", "øre/kWh")
        await found.wait_for_state("sensor", "session_cost", "unknown")
        set_price(hass, "1.0")
        await until(lambda: found.state("sensor", "session_cost") != "unknown")
        await found.call("switch", "turn_off", "charging")
        first = energy(found)
        await has_cost(found, first)
        assert await hass.config_entries.async_reload(found.entry.entry_id)
        await found.wait_for_state("switch", "charging", "off")
        assert found.attribute("sensor", "session_cost", "unit_of_measurement") == "NOK"
        await has_cost(found, first)
        set_price(hass, "3000", "NOK/MWh")
        await found.call("switch", "turn_on", "charging")
        await has_charged(found, first + 0.5)
        await found.point.unplug()
        await until(lambda: keeper(found).tracker.records, "the record")
        await hass.async_block_till_done()
        kept = record(found)
        cost = first + (kept["energy"] - first) * 3
        assert kept["currency"] == "NOK"
        assert kept["cost"] == pytest.approx(cost, abs=0.01)
        assert float(found.state("sensor", "total_cost")) == pytest.approx(cost, abs=0.01)
