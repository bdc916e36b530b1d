"""A system clock that is set: no duration changes, and what is shown becomes right."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from custom_components.fimp_chargepoint.chargepoint import scheduler as clock_module
from custom_components.fimp_chargepoint.chargepoint.errors import CommandTimeoutError
from custom_components.fimp_chargepoint.chargepoint.fimp.chargepoint import (
    PATIENCE,
    FimpChargepoint,
)
from custom_components.fimp_chargepoint.chargepoint.hub import ClockSet, HubEvent
from custom_components.fimp_chargepoint.chargepoint.model import Feature, Session, Status
from custom_components.fimp_chargepoint.chargepoint.options import Options
from custom_components.fimp_chargepoint.chargepoint.scheduler import SteadyClock
from custom_components.fimp_chargepoint.chargepoint.sessions.tracker import SessionTracker

from .everest_delays import count
from .everest_legacy_site import Site as LegacySite
from .everest_limits import HARDWARE, limit
from .everest_ocpp_station import Station, schedule
from .everest_site import LIMITS, Site
from .fakes import UNTHROTTLED, OfflineHub
from .fimp_commands import begin, session
from .fimp_messages import ADAPTER, ADDRESS, CHARGER, inclusion, state
from .session_home import Home, at

HOUR = 3600.0
BOTH_WAYS = pytest.mark.parametrize("by", [HOUR, -HOUR], ids=["forward", "backward"])


class SystemClock:
    """The clock of the computer, which can be set."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Begin with the real time."""
        self._real = clock_module.system_time
        self.by = 0.0
        monkeypatch.setattr(clock_module, "system_time", lambda: self._real() + self.by)


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> SystemClock:
    return SystemClock(monkeypatch)


def ago(moment: datetime) -> float:
    """Return how many seconds ago a moment is by the real time."""
    return (datetime.now(UTC) - moment).total_seconds()


# The clock --------------------------------------------------------------------------------


@BOTH_WAYS
async def test_it_follows_a_clock_that_is_set(system: SystemClock, by: float) -> None:
    clock = SteadyClock()
    before = clock.now()
    fired: list[float] = []
    clock.call_at(before + 0.1, lambda: fired.append(clock.now()))
    cancelled = clock.call_at(before + 0.1, lambda: fired.append(0.0))
    assert abs(ago(clock.to_datetime(before))) < 1
    system.by = by
    assert 0 <= clock.now() - before < 1
    # Nothing moves until somebody asks, so that who is at something is at one time.
    assert abs(ago(clock.to_datetime(before))) < 1
    assert clock.adjust() == pytest.approx(by, abs=1)
    assert clock.adjust() == 0.0
    assert ago(clock.to_datetime(before)) == pytest.approx(-by, abs=1)
    cancelled()
    await asyncio.sleep(0.2)
    (when,) = fired
    assert 0.09 < when - before < 1


async def test_what_is_not_worth_a_jump(system: SystemClock) -> None:
    clock = SteadyClock()
    for by in (4.0, -4.0):
        system.by = by
        assert clock.adjust() == 0.0
    # Many small ones are worth one.
    system.by = 6.0
    assert clock.adjust() == pytest.approx(6, abs=1)


async def test_all_clocks_tell_the_same_time(system: SystemClock) -> None:
    """The times of the last reports survive a reload, which brings another clock."""
    before = SteadyClock()
    system.by = HOUR
    assert SteadyClock().now() == pytest.approx(before.now(), abs=1)


# The hub ----------------------------------------------------------------------------------


@pytest.fixture
def hub() -> OfflineHub:
    hub = OfflineHub()
    hub.connection_made()
    hub.feed(ADAPTER, inclusion())
    hub.feed(CHARGER, state("charging"))
    hub.take_sent()
    return hub


def chargepoint(hub: OfflineHub) -> FimpChargepoint:
    node = hub.nodes[ADDRESS]
    assert isinstance(node, FimpChargepoint)
    return node


WAYS: dict[str, Callable[[OfflineHub], None]] = {
    "message": lambda hub: hub.feed("some/topic", b""),
    "timer": lambda hub: hub.scheduler.run(hub.clock.now()),
    "link": lambda hub: hub.connection_made(),
}


@pytest.mark.parametrize("way", WAYS)
def test_it_is_noticed_and_told_once(hub: OfflineHub, way: str) -> None:
    events: list[HubEvent] = []
    hub.add_listener(events.append)
    hub.clock.set_calendar(HOUR)
    for _ in range(2):
        WAYS[way](hub)
    assert [each for each in events if isinstance(each, ClockSet)] == [ClockSet(HOUR)]


def test_a_quiet_house_notices_it_within_a_minute(
    hub: OfflineHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    armed: list[float] = []

    def call_at(when: float, _: object) -> Callable[[], None]:
        armed.append(when)
        return lambda: None

    node = chargepoint(hub)
    node.timers.clear()
    node.timers.set("far away", hub.clock.time + HOUR, lambda _: None)
    monkeypatch.setattr(hub.clock, "call_at", call_at)
    for _, protocol in hub._protocols:
        protocol._timers.clear()
    hub.scheduler.rearm()
    assert armed == [hub.clock.time + 60]


@BOTH_WAYS
async def test_a_command_waits_as_long_as_ever(hub: OfflineHub, by: float) -> None:
    node = chargepoint(hub)
    begun = hub.clock.time
    task = await begin(node.stop_charging())
    hub.clock.set_calendar(by)
    hub.advance(begun + node.command_timeout - 1)
    await asyncio.sleep(0)
    assert not task.done()
    assert node.snapshot.pending == {Feature.CHARGING: False}
    hub.advance(begun + node.command_timeout)
    with pytest.raises(CommandTimeoutError):
        await task


@BOTH_WAYS
async def test_a_start_is_held_as_long_as_ever(by: float) -> None:
    hub = OfflineHub(options=Options(measurement_interval=0.0, restart_delay=10.0))
    hub.connection_made()
    hub.feed(ADAPTER, inclusion())
    hub.feed(CHARGER, state("charging"))
    hub.feed(CHARGER, state("ready_to_charge"))
    stopped = hub.clock.time
    hub.take_sent()
    task = await begin(chargepoint(hub).start_charging())
    hub.clock.set_calendar(by)
    hub.advance(stopped + 9)
    assert not hub.take_sent("cmd.charge.start")
    hub.advance(stopped + 10)
    assert hub.take_sent("cmd.charge.start")
    hub.feed(CHARGER, state("charging"))
    await task


@BOTH_WAYS
def test_a_silence_lasts_as_long_as_ever(by: float) -> None:
    patience = PATIENCE.ask_after + PATIENCE.tries * PATIENCE.answer_time
    hub = OfflineHub(options=UNTHROTTLED)
    hub.connection_made()
    hub.feed(ADAPTER, inclusion())
    hub.feed(CHARGER, state("charging"))
    node, heard = chargepoint(hub), hub.clock.time
    hub.clock.set_calendar(by)
    hub.advance(heard + patience - 1)
    assert node.snapshot.available
    hub.advance(heard + patience + 1)
    assert not node.snapshot.available


@BOTH_WAYS
async def test_what_leaves_bears_the_right_time(hub: OfflineHub, by: float) -> None:
    """A hub, or a station, may not take what is of another time."""
    hub.clock.set_calendar(by)
    hub.scheduler.run(hub.clock.now())
    right = datetime.fromtimestamp(hub.clock.time + by, UTC)
    task = await begin(chargepoint(hub).stop_charging())
    ((_, payload),) = hub.take_sent("cmd.charge.stop")
    assert datetime.fromisoformat(orjson.loads(payload)["ctime"]) == right
    task.cancel()
    hub.connection_made()
    times = [orjson.loads(payload).get("ctime") for _, payload in hub.take_sent("ctime")]
    assert times
    assert {datetime.fromisoformat(each) for each in times} == {right}


@BOTH_WAYS
async def test_a_limit_bears_the_right_time(by: float) -> None:
    """EVerest waits for the moment that a limit is for."""
    site = Site()
    site.info("Charging")
    site.publish(LIMITS, "limits_1", "heartbeat", 1)
    site.evse("hw_capabilities", HARDWARE)
    site.hub.clock.set_calendar(by)
    site.hub.scheduler.run(site.hub.clock.now())
    site.hub.take_sent()
    task = await begin(limit(site, 10))
    ((_, payload),) = site.hub.take_sent("set_external_limits")
    reported = orjson.loads(payload)["schedule_import"][0]["timestamp"]
    right = datetime.fromtimestamp(site.hub.clock.time + by, UTC).replace(microsecond=0)
    assert datetime.fromisoformat(reported) == right
    task.cancel()


@BOTH_WAYS
def test_a_delay_ends_when_it_ends(by: float) -> None:
    """It is shown by the clock as it is now, and the next count agrees."""
    site = Site()
    site.info("Charging")
    site.evse("heartbeat", 1)
    site.evse("random_delay_countdown", count(100))
    end = site.shown.delayed_until
    assert end is not None
    site.hub.clock.set_calendar(by)
    site.evse("heartbeat", 2)
    assert site.shown.delayed_until == end + timedelta(seconds=by)
    site.wait(10)
    site.evse("random_delay_countdown", count(90))
    assert site.shown.delayed_until == end + timedelta(seconds=by)


# The limits of the back end ---------------------------------------------------------------


@pytest.mark.parametrize("dated", [True, False])
@BOTH_WAYS
def test_a_schedule_goes_by_the_calendar(*, by: float, dated: bool) -> None:
    """One without a date is shown with the time at which it arrived."""
    station = Station()
    begin = datetime.fromtimestamp(station.hub.clock.time, UTC)
    periods = [{"start_period": 0, "limit": 16}, {"start_period": 20, "limit": 6}]
    more: dict[str, Any] = {"charging_schedule_period": periods, "duration": None}
    more["start_schedule"] = begin.isoformat() if dated else "nonsense"
    station.publish("charging_schedules", schedule(**more))
    assert station.shown.csms_current == 16
    station.hub.clock.set_calendar(by)
    station.publish("heartbeat", 1)
    expected = {HOUR: 6, -HOUR: None}[by] if dated else 16
    assert station.shown.csms_current == expected
    # The computer was right at first, and is again.
    station.hub.clock.set_calendar(-by)
    station.publish("heartbeat", 2)
    assert station.shown.csms_current == 16
    station.wait(20)
    assert station.shown.csms_current == 6


# Sessions ---------------------------------------------------------------------------------


@BOTH_WAYS
def test_a_session_that_only_we_saw_begin(hub: OfflineHub, by: float) -> None:
    """It is the same one, and its beginning is shown by the clock as it is now."""
    hub.feed(CHARGER, session(5.0))
    hub.feed(CHARGER, session(0.0))
    node = chargepoint(hub)
    begun = hub.clock.time
    known = node.snapshot.session
    assert known.began == known.started == datetime.fromtimestamp(begun, UTC)
    hub.advance(begun + 60)
    hub.clock.set_calendar(by)
    hub.feed(CHARGER, session(1.0))
    shown = node.snapshot.session
    assert shown.started == known.started
    assert shown.began == datetime.fromtimestamp(begun + by, UTC)
    assert node.snapshot.meter.session_energy == 1.0
    # The next one needs no correction.
    hub.feed(CHARGER, session(0.0))
    assert node.snapshot.session.began == datetime.fromtimestamp(hub.clock.time + by, UTC)


@BOTH_WAYS
def test_a_session_of_the_older_api(by: float) -> None:
    """There, the begin of a session is never reported."""
    site = LegacySite()
    site.report()
    site.wait(3)
    site.wait(5, "Charging")
    known = site.shown.session
    site.hub.clock.set_calendar(by)
    site.wait(5, "ChargingPausedEV")
    assert site.shown.session.started == known.started
    assert site.shown.session.began == known.started + timedelta(seconds=by)


@BOTH_WAYS
def test_a_beginning_that_was_told_stays(hub: OfflineHub, by: float) -> None:
    started = "2026-11-20T08:00:00+00:00"
    hub.feed(CHARGER, session(5.0, started_at=started))
    hub.clock.set_calendar(by)
    hub.feed(CHARGER, session(6.0, started_at=started))
    shown = chargepoint(hub).snapshot.session
    assert shown.began == shown.started == datetime.fromisoformat(started)


class Diary:
    """A logbook by a clock that can be set; everything happens at minutes after noon."""

    def __init__(self) -> None:
        """Begin with the right time."""
        self.home = Home()
        self.offset = 0.0
        self._attach()

    def _attach(self) -> None:
        def moment(now: float) -> datetime:
            return datetime.fromtimestamp(now + self.offset, UTC)

        self.home.tracker._to_datetime = moment

    def set_clock(self, minutes: float, by: float, session: Session | None = None) -> None:
        """Set the clock; the charge point itself corrects the data that it has from us."""
        self.home.waits(minutes)
        self.offset += by
        self.home.tracker.clock_set(by)
        if session is not None:
            self.home.report(minutes, session=session)

    def restarts(self) -> None:
        """Begin a new run."""
        self.home.restarts()
        self._attach()


def shifted(minutes: float, by: float) -> str:
    return (at(minutes) + timedelta(seconds=by)).isoformat()


@BOTH_WAYS
def test_a_session_lasts_as_long_as_it_lasts(by: float) -> None:
    """If the charge point reports no times, both times of a session are ours."""
    diary = Diary()
    home = diary.home
    home.report(0, Status.DISCONNECTED, session=Session())
    home.report(10, Status.READY_TO_CHARGE)
    home.report(20, Status.CHARGING)
    since = home.tracker.active and home.tracker.active.since
    diary.set_clock(40, by)
    home.report(70, Status.DISCONNECTED)
    home.waits(80)
    assert home.record["started"] == shifted(10, by)
    assert home.record["ended"] == shifted(70, by)
    assert home.record["duration"] == HOUR
    assert home.events[-2:] == [("session_finished", 70), ("car_disconnected", 70)]
    # Statistics distinguish sessions by the time since when their cost counts.
    assert home.tracker.past is not None
    assert home.tracker.past.counted_since == since


@BOTH_WAYS
def test_a_session_whose_start_the_library_saw(by: float) -> None:
    diary = Diary()
    home = diary.home
    home.report(0, Status.DISCONNECTED, session=Session())
    home.report(10, Status.READY_TO_CHARGE)
    seen = Session(started=at(10.1), offset=0.0)
    home.report(10.1, session=seen, energy=0.0)
    home.report(20, Status.CHARGING)
    diary.set_clock(40, by, Session(started=at(10.1), offset=by))
    home.report(50, energy=5.0)
    home.report(70, Status.DISCONNECTED)
    home.waits(80)
    (record,) = home.tracker.records
    # The car was there a moment before.
    assert record.started == at(10) + timedelta(seconds=by)
    assert record.ended == at(70) + timedelta(seconds=by)
    assert record.energy == 5.0


@BOTH_WAYS
def test_what_the_charge_point_tells_stays(by: float) -> None:
    """Its clock was right all the time; ours is now."""
    diary = Diary()
    home = diary.home
    home.report(0, Status.DISCONNECTED)
    home.report(10, Status.READY_TO_CHARGE)
    reported = Session(started=at(10) + timedelta(seconds=by))
    home.report(10.5, session=reported, energy=0.0)
    home.report(20, Status.CHARGING)
    diary.set_clock(30, by)
    home.report(40, energy=3.0)
    ended = at(70) + timedelta(seconds=by)
    home.report(70, Status.FINISHED, session=Session(started=reported.started, ended=ended))
    home.waits(80)
    assert (home.record["started"], home.record["ended"]) == (shifted(10, by), shifted(70, by))


@BOTH_WAYS
def test_a_car_that_is_full_when_the_clock_is_set(by: float) -> None:
    """Its session is over, but it is still there."""
    diary = Diary()
    home = diary.home
    home.report(0, Status.DISCONNECTED, session=Session())
    home.report(10, Status.CHARGING)
    home.report(70, Status.FINISHED)
    home.waits(71)
    assert home.record["duration"] == HOUR
    diary.set_clock(80, by)
    assert (home.record["started"], home.record["ended"]) == (shifted(10, by), shifted(70, by))
    # A finished session is history.
    home.report(90, Status.DISCONNECTED)
    home.waits(91)
    diary.set_clock(100, by)
    assert home.record["ended"] == shifted(70, by)


@BOTH_WAYS
def test_an_end_that_is_not_told_yet(by: float) -> None:
    diary = Diary()
    home = diary.home
    home.report(0, Status.DISCONNECTED, session=Session())
    home.report(10, Status.CHARGING)
    home.report(70, Status.DISCONNECTED)
    diary.set_clock(70.01, by)
    home.waits(71)
    assert home.record["duration"] == HOUR
    assert home.record["ended"] == shifted(70, by)


@BOTH_WAYS
def test_what_an_earlier_run_has_seen_stays(by: float) -> None:
    """A small computer begins with the time at which it was switched off."""
    diary = Diary()
    home = diary.home
    home.report(0, Status.DISCONNECTED, session=Session())
    home.report(10, Status.CHARGING)
    # Its begin was not reported; it is only recognized by that.
    guessed = Session(started=at(10.1), start_guessed=True, offset=0.0)
    home.report(10.1, session=guessed, energy=0.5)
    home.report(11, energy=1.0)
    diary.set_clock(15, by)
    diary.restarts()
    home.report(30, Status.CHARGING, session=guessed, energy=2.0)
    diary.set_clock(40, 2 * by, replace(guessed, offset=2 * by))
    home.report(70, Status.DISCONNECTED)
    home.waits(71)
    assert home.record["started"] == shifted(10, by)
    assert home.record["ended"] == shifted(70, 3 * by)
    assert home.record["energy"] == 2.0


def test_nothing_is_corrected_where_there_is_nothing() -> None:
    tracker = SessionTracker()
    tracker.clock_set(HOUR)
    assert tracker.to_storage() == SessionTracker().to_storage()
