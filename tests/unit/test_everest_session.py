"""The course of a session: each rule on its own, events alone, session_info alone."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from custom_components.fimp_chargepoint.chargepoint.everest.session import (
    ENABLED_TIME,
    FINISHED_EV_TIME,
    SESSION_FINISHED_TIME,
    after_gap,
    expired,
    on_event,
    on_info,
    on_meter,
)
from custom_components.fimp_chargepoint.chargepoint.everest.status import State
from custom_components.fimp_chargepoint.chargepoint.model import Status

NOW = 1_800_000_000.0
START = datetime(2026, 11, 20, 9, 0, 0, tzinfo=UTC)


class Course:
    """Feeds a session with events, second by second."""

    def __init__(self) -> None:
        """Begin with nothing known."""
        self.state = State()
        self.time = 0.0
        self.uuid = "one"

    @property
    def today(self) -> datetime:
        """The calendar time."""
        return datetime.fromtimestamp(NOW + self.time, UTC)

    @property
    def stamp(self) -> str:
        """The station's time."""
        return (START + timedelta(seconds=self.time)).isoformat()

    def wait(self, seconds: float) -> Course:
        """Let time pass."""
        self.time += seconds
        self.state = expired(self.state, NOW + self.time)
        return self

    def event(self, name: str, **fields: Any) -> Course:
        """Publish a session_event."""
        idle = name in {"Enabled", "Disabled"}
        event = {"event": name, "timestamp": self.stamp, "uuid": "" if idle else self.uuid}
        self.state = on_event(self.state, event | fields, NOW + self.time, self.today)
        return self

    def begin(self, reason: str = "EVConnected", meter: float | None = None) -> Course:
        """Publish the begin of a session, with the meter at so many Wh."""
        details: dict[str, Any] = {"reason": reason}
        if meter is not None:
            details |= value_of_meter(meter)
        return self.event("SessionStarted", session_started=details)

    def pause(self, *reasons: str) -> Course:
        """Publish a pause by the charge point."""
        return self.event("ChargingPausedEVSE", charging_paused_evse={"reasons": list(reasons)})

    def info(self, word: Any, started: float | None = None, **fields: Any) -> Course:
        """Publish a session_info, of the session that began at `started` seconds."""
        info: dict[str, Any] = {"state": word, "timestamp": self.stamp}
        if started is not None:
            info["session_start_time"] = (START + timedelta(seconds=started)).isoformat()
        self.state = on_info(self.state, info | fields, NOW + self.time, self.today)
        return self

    def meter(self, kilowatt_hours: float) -> Course:
        """Publish a reading of the meter."""
        self.state = on_meter(self.state, kilowatt_hours)
        return self

    @property
    def status(self) -> Status | None:
        """Its status."""
        return self.state.status

    @property
    def plugged(self) -> bool | None:
        """Whether a car is plugged in."""
        return self.state.plugged

    @property
    def energy(self) -> float | None:
        """The session's energy in kWh."""
        return self.state.energy.value


def value_of_meter(watt_hours: Any) -> dict[str, Any]:
    return {"meter_value": {"energy_Wh_import": {"total": watt_hours}}}


def charging() -> Course:
    return Course().begin().event("TransactionStarted").event("ChargingStarted")


# Words ----------------------------------------------------------------------

WORDS = [
    ("Unplugged", Status.DISCONNECTED, False),
    ("Disabled", Status.OUT_OF_SERVICE, None),
    ("Reserved", Status.RESERVED, None),
    ("Preparing", Status.REQUESTING, None),
    ("AuthRequired", Status.REQUESTING, True),
    ("AuthTimeout", Status.REQUESTING, None),
    ("Charging", Status.CHARGING, True),
    ("ChargingPausedEV", Status.SUSPENDED_BY_EV, True),
    ("ChargingPausedEVSE", Status.READY_TO_CHARGE, True),
    ("WaitingForEnergy", Status.SUSPENDED_BY_EVSE, True),
    ("Finished", Status.FINISHED, True),
    ("FinishedEVSE", Status.FINISHED, True),
    ("FinishedEV", None, True),
    ("Unknown", None, None),
]


@pytest.mark.parametrize(("word", "status", "plugged"), WORDS)
def test_one_late_session_info_is_enough(
    word: str, status: Status | None, *, plugged: bool | None
) -> None:
    course = Course().info(word, started=0)
    assert course.status is status
    assert course.plugged is plugged
    assert course.state.raw == word
    assert course.state.known


EVENTS = [
    ("AuthRequired", Status.REQUESTING, True, "AuthRequired"),
    ("TransactionStarted", Status.REQUESTING, True, "Preparing"),
    ("PrepareCharging", Status.REQUESTING, True, "Preparing"),
    ("ChargingStarted", Status.CHARGING, True, "Charging"),
    ("ChargingResumed", Status.CHARGING, True, "Charging"),
    ("ChargingPausedEV", Status.SUSPENDED_BY_EV, True, "ChargingPausedEV"),
    ("ChargingPausedEVSE", Status.READY_TO_CHARGE, True, "ChargingPausedEVSE"),
    ("WaitingForEnergy", Status.SUSPENDED_BY_EVSE, True, "WaitingForEnergy"),
    ("SwitchingPhases", Status.SWITCHING_PHASES, True, "SwitchingPhases"),
    ("StoppingCharging", None, None, "FinishedEV"),
    ("ChargingFinished", Status.FINISHED, None, "Finished"),
    ("TransactionFinished", Status.FINISHED, None, "Finished"),
    ("PluginTimeout", Status.REQUESTING, None, "AuthTimeout"),
    ("SessionFinished", Status.DISCONNECTED, False, "Unplugged"),
    ("Enabled", Status.DISCONNECTED, False, "Unplugged"),
    ("Disabled", Status.OUT_OF_SERVICE, None, "Disabled"),
]


@pytest.mark.parametrize(("event", "status", "plugged", "raw"), EVENTS)
def test_one_late_event_is_enough(
    event: str, status: Status | None, raw: str, *, plugged: bool | None
) -> None:
    course = Course().event(event)
    assert (course.status, course.plugged, course.state.raw) == (status, plugged, raw)


@pytest.mark.parametrize(
    "event",
    [
        "Authorized",
        "Deauthorized",
        "ReservationStart",
        "ReservationEnd",
        "SessionResumed:",
        "ReplugStarted",
        "SomethingNew",
        "",
        5,
        None,
    ],
)
def test_other_events_change_no_status(event: Any) -> None:
    course = charging()
    before = course.state
    after = course.event("x", event=event).state
    assert (after.word, after.status, after.plugged) == ("Charging", before.status, True)
    assert after.energy == before.energy


def test_a_word_nobody_knows_costs_only_the_status() -> None:
    course = charging().info("Dreaming", started=0, charged_energy_wh=700)
    assert course.status is None
    assert course.state.raw == "Dreaming"
    assert not course.state.known
    assert course.plugged is True
    assert course.energy == 0.7
    course.info("Charging", started=0)
    assert course.status is Status.CHARGING
    assert course.state.known


@pytest.mark.parametrize("word", [None, 5, "", ["Charging"]])
def test_a_missing_word_costs_nothing(word: Any) -> None:
    course = charging().info(word, started=0, charged_energy_wh=700)
    assert course.status is Status.CHARGING
    assert course.energy == 0.7


def test_nothing_new_makes_no_new_state() -> None:
    course = charging().info("Charging", started=0, charged_energy_wh=5)
    before = course.state
    assert course.info("Charging", started=0, charged_energy_wh=5).state is before
    assert course.meter(5.0).state is before


def test_a_session_by_events_alone() -> None:
    course = Course().event("Enabled").begin(meter=1000).meter(1.1)
    assert (course.status, course.plugged) == (Status.REQUESTING, True)
    seen = [
        course.event(name).status
        for name in ("AuthRequired", "TransactionStarted", "PrepareCharging", "ChargingStarted")
    ]
    assert seen == [Status.REQUESTING] * 3 + [Status.CHARGING]
    course.meter(3.5).wait(60).event("ChargingFinished").event("SessionFinished")
    assert (course.status, course.plugged) == (Status.FINISHED, True)
    course.wait(SESSION_FINISHED_TIME)
    assert (course.status, course.plugged) == (Status.DISCONNECTED, False)
    assert course.energy == 2.5
    assert course.state.id == "one"
    assert course.state.started == START
    assert course.state.ended == START + timedelta(seconds=60)


def test_a_stop_by_the_same_token_is_told_apart() -> None:
    course = charging().event("TransactionFinished", transaction_finished={"reason": "Local"})
    assert course.state.raw == "FinishedEVSE"
    assert course.status is Status.FINISHED


# FinishedEV -----------------------------------------------------------------


def test_finished_ev_holds_the_status_before_it() -> None:
    course = charging().event("StoppingCharging")
    assert course.status is Status.CHARGING
    assert course.state.raw == "FinishedEV"
    assert course.state.deadline == NOW + FINISHED_EV_TIME
    course.wait(1.1).pause("UserPause").wait(60)
    assert course.status is Status.READY_TO_CHARGE
    assert course.state.deadline is None


def test_finished_ev_that_lasts_is_an_end() -> None:
    course = charging().event("StoppingCharging")
    for _ in range(29):
        # session_info is repeated as often as the meter: that is not another event.
        course.wait(0.5).info("FinishedEV", started=0).event("StoppingCharging")
    assert course.status is Status.CHARGING
    course.wait(0.5)
    assert course.status is Status.FINISHED
    assert course.state.raw == "FinishedEV"
    course.info("FinishedEV", started=0).event("StoppingCharging")
    assert course.status is Status.FINISHED
    assert course.state.deadline is None


# Pauses by the charge point ---------------------------------------------------


@pytest.mark.parametrize(
    ("reasons", "status"),
    [
        (["UserPause"], Status.READY_TO_CHARGE),
        (["NoEnergy"], Status.SUSPENDED_BY_EVSE),
        (["Error"], Status.SUSPENDED_BY_EVSE),
        (["Error", "NoEnergy", "UserPause"], Status.READY_TO_CHARGE),
        (["SomethingNew"], Status.READY_TO_CHARGE),
        (["SomethingNew", "NoEnergy"], Status.SUSPENDED_BY_EVSE),
        ([], Status.READY_TO_CHARGE),
        ([5, None, {}], Status.READY_TO_CHARGE),
        ("NoEnergy", Status.READY_TO_CHARGE),
        (None, Status.READY_TO_CHARGE),
    ],
)
def test_why_the_charge_point_pauses(reasons: Any, status: Status) -> None:
    course = charging().event("ChargingPausedEVSE", charging_paused_evse={"reasons": reasons})
    assert course.status is status
    assert course.info("ChargingPausedEVSE", started=0).status is status


def test_finished_ev_of_a_session_nobody_saw_holds_nothing() -> None:
    course = charging().event("SessionFinished").wait(60).info("FinishedEV", started=30)
    assert (course.status, course.plugged) == (None, True)
    assert course.wait(15).status is Status.FINISHED


def test_reasons_are_forgotten_when_the_pause_is_over() -> None:
    course = charging().pause("NoEnergy").info("Charging", started=0)
    assert course.info("ChargingPausedEVSE", started=0).status is Status.READY_TO_CHARGE


def test_reasons_may_change_during_a_pause() -> None:
    course = charging().pause("NoEnergy").pause("NoEnergy", "UserPause")
    assert course.status is Status.READY_TO_CHARGE
    assert course.pause("NoEnergy").status is Status.SUSPENDED_BY_EVSE


# Switching phases -------------------------------------------------------------


def test_switching_phases_lasts_until_another_word() -> None:
    course = charging().info("Charging", started=0).event("SwitchingPhases")
    # session_info does not have this state, and continues with the former word.
    course.info("Charging", started=0)
    assert course.status is Status.SWITCHING_PHASES
    assert course.state.raw == "SwitchingPhases"
    course.info("Preparing", started=0)
    assert course.status is Status.SWITCHING_PHASES
    course.event("ChargingStarted")
    assert (course.status, course.state.raw) == (Status.CHARGING, "Charging")


@pytest.mark.parametrize(
    ("pause", "reasons", "status"),
    [
        ("ChargingPausedEVSE", ["NoEnergy"], Status.SUSPENDED_BY_EVSE),
        ("ChargingPausedEV", None, Status.SUSPENDED_BY_EV),
    ],
)
def test_a_pause_that_ends_by_itself_does_not_flap(
    pause: str, reasons: list[str] | None, status: Status
) -> None:
    details = {"charging_paused_evse": {"reasons": reasons}} if reasons else {}
    course = charging().event("StoppingCharging").event(pause, **details)
    assert course.status is status
    course.event("PrepareCharging").info("Preparing", started=0)
    assert (course.status, course.state.raw) == (status, "Preparing")
    course.event("ChargingStarted")
    assert course.status is Status.CHARGING


def test_a_new_session_is_no_pause_that_ends() -> None:
    course = charging().event("ChargingPausedEV")
    course.uuid = "another"
    course.begin()
    assert course.status is Status.REQUESTING


# The cable --------------------------------------------------------------------


def test_a_token_before_the_car_is_no_car() -> None:
    course = Course().event("Enabled").begin(reason="Authorized").event("Authorized")
    course.info("Preparing", started=0)
    assert (course.status, course.plugged) == (Status.REQUESTING, False)
    course.event("AuthRequired")
    assert course.plugged is True
    course.event("TransactionStarted").info("Preparing", started=0)
    assert course.plugged is True


def test_a_token_before_the_car_without_a_past_is_not_known() -> None:
    assert Course().begin(reason="Authorized").plugged is None
    assert Course().event("SessionStarted", session_started=5).plugged is None


def test_preparing_by_session_info_alone_does_not_say() -> None:
    course = Course().info("Unplugged").info("Preparing", started=5)
    assert (course.status, course.plugged) == (Status.REQUESTING, None)
    assert course.info("AuthRequired", started=5).plugged is True
    assert course.info("Preparing", started=5).plugged is True
    # Nor if it does not report when the session began.
    assert Course().info("Unplugged").info("Preparing").plugged is None


def test_pulling_the_plug_while_charging_proves_no_car() -> None:
    course = Course().event("StoppingCharging").event("ChargingFinished")
    course.event("TransactionFinished", transaction_finished={"reason": "EVDisconnected"})
    assert course.plugged is None
    assert course.event("SessionFinished").wait(0.5).plugged is False


def test_enabling_with_a_car_that_was_disabled_is_in_doubt() -> None:
    course = Course().begin().event("AuthRequired").wait(5).event("SessionFinished")
    assert (course.status, course.plugged) == (Status.REQUESTING, True)
    course.info("Unplugged", started=0).wait(0.13).event("Disabled").info("Disabled", started=0)
    assert (course.status, course.plugged) == (Status.OUT_OF_SERVICE, None)
    course.wait(4).event("Enabled")
    for _ in range(3):
        assert (course.status, course.plugged) == (None, None)
        assert course.state.raw == "Unplugged"
        assert course.state.known
        course.wait(1).info("Unplugged", started=0)
    course.uuid = "two"
    assert course.begin().plugged is True
    assert course.status is Status.REQUESTING


def test_the_doubt_by_session_info_alone() -> None:
    end = (START + timedelta(seconds=5)).isoformat()
    course = Course().info("AuthRequired", started=0).wait(5)
    course.info("Unplugged", started=0, session_end_time=end).wait(0.13)
    course.info("Disabled", started=0, session_end_time=end).wait(4)
    course.info("Unplugged", started=0, session_end_time=end)
    assert (course.status, course.plugged) == (None, None)


def test_enabling_when_disabled_with_a_car_is_in_doubt() -> None:
    course = charging().wait(5).event("Disabled").wait(5).event("Enabled")
    assert (course.status, course.plugged) == (None, None)
    # The end of the session was not reported.
    assert course.state.ended is None


def test_enabling_what_is_enabled_with_a_car_is_in_doubt() -> None:
    course = charging().event("Enabled").info("Unplugged", started=0)
    assert (course.status, course.plugged) == (Status.CHARGING, True)
    assert course.wait(4.9).info("Unplugged", started=0).status is Status.CHARGING
    assert (course.wait(0.1).status, course.plugged) == (None, None)
    assert course.event("ChargingPausedEV").status is Status.SUSPENDED_BY_EV


def test_enabling_without_a_car_is_not_in_doubt() -> None:
    course = charging().wait(60).event("SessionFinished").wait(5).event("Disabled")
    assert course.plugged is None
    course.wait(5).event("Enabled")
    assert (course.status, course.plugged) == (Status.DISCONNECTED, False)
    # Also when no car ever came, though the session ended just before.
    course = charging().event("SessionFinished").wait(60)
    course.uuid = "two"
    course.begin(reason="Authorized").event("SessionFinished").event("Disabled")
    assert course.event("Enabled").status is Status.DISCONNECTED
    course = Course().begin(reason="Authorized").event("SessionFinished").event("Disabled")
    assert course.event("Enabled").status is Status.DISCONNECTED
    # Or when only enabled again.
    course = charging().event("SessionFinished").event("Enabled").wait(0.5)
    assert course.status is Status.DISCONNECTED


# Which session ------------------------------------------------------------------


def test_the_next_session_begins_without_energy() -> None:
    course = charging().info("Charging", started=0, charged_energy_wh=1500)
    course.wait(60).event("SessionFinished").wait(60)
    course.uuid = "two"
    course.begin()
    assert course.state.id == "two"
    assert course.state.started == START + timedelta(seconds=120)
    assert course.state.ended is None
    assert course.energy is None
    course.info("Preparing", started=120, charged_energy_wh=0)
    assert course.energy == 0
    # Once more the same is not another session.
    assert course.begin().energy == 0


def test_session_info_tells_of_a_session_whose_events_were_missed() -> None:
    course = charging().info("Charging", started=0, charged_energy_wh=1500)
    course.info("Charging", started=100, charged_energy_wh=20)
    assert course.state.id is None
    assert course.state.started == START + timedelta(seconds=100)
    assert course.energy == 0.02
    assert course.plugged is True
    # Not every state shows whether it is another car.
    assert charging().info("Preparing", started=100).plugged is None
    # Its id comes with the next event.
    course.uuid = "two"
    course.event("ChargingPausedEV")
    assert (course.state.id, course.energy) == ("two", 0.02)


def test_session_info_and_session_started_mean_the_same_session() -> None:
    course = Course().info("Preparing", started=0, charged_energy_wh=0).wait(0.4).begin()
    assert (course.state.id, course.state.started) == ("one", START)
    assert course.info("Preparing", started=0).state.id == "one"
    course = Course().begin().info("Preparing", started=0.4)
    assert course.state.id == "one"
    # While a session that began long before is another one.
    course = Course().info("Charging", started=-600, charged_energy_wh=900).begin()
    assert (course.state.started, course.energy) == (START, None)


def test_an_event_in_the_middle_of_a_session_does_not_say_when_it_began() -> None:
    course = Course().event("ChargingPausedEV")
    assert (course.state.id, course.state.started) == ("one", None)
    assert course.info("ChargingPausedEV", started=-60).state.id == "one"
    assert course.state.started == START - timedelta(seconds=60)


def test_an_overtaken_answer_is_ignored() -> None:
    course = charging().event("SessionFinished").wait(60)
    course.uuid = "two"
    course.begin()
    before = course.state
    assert course.info("Unplugged", started=0, charged_energy_wh=9000).state is before
    # But after a gap it may be the station's clock that was set back.
    course.state = after_gap(course.state)
    assert course.info("Charging", started=0).status is Status.CHARGING


def test_the_end_of_a_session() -> None:
    end = START + timedelta(seconds=30)
    course = charging().info("Unplugged", started=0, session_end_time=end.isoformat())
    assert course.state.ended == end
    assert charging().wait(9).info("Unplugged", started=0).state.ended == START + timedelta(
        seconds=9
    )
    # The end of the session before may be left in place.
    stale = (START - timedelta(seconds=30)).isoformat()
    course = charging().info("Charging", started=0, session_end_time=stale)
    assert course.state.ended is None
    # A late client sees the last session.
    course = Course().info("Disabled", started=0, session_end_time=end.isoformat())
    assert (course.state.started, course.state.ended) == (START, end)


@pytest.mark.parametrize("stamp", [None, 5, "yesterday", "2026-11-20T09:00:00"])
def test_malformed_times_are_replaced_by_ours_or_left_out(stamp: Any) -> None:
    now = datetime.fromtimestamp(NOW, UTC)
    course = Course().event("SessionStarted", timestamp=stamp)
    assert course.state.started == now
    course.info("Charging", session_start_time=stamp, session_end_time=stamp, timestamp=stamp)
    assert (course.status, course.state.started, course.state.ended) == (
        Status.CHARGING,
        now,
        None,
    )
    assert course.event("SessionFinished", timestamp=stamp).state.ended == now


def test_no_session_has_no_energy() -> None:
    course = Course().info("Unplugged", charged_energy_wh=0)
    assert course.energy is None
    assert course.state.started is None
    assert course.state.ended is None


# Energy ---------------------------------------------------------------------------


def test_energy_never_falls_within_a_session() -> None:
    course = charging().info("Charging", started=0, charged_energy_wh=1500)
    assert course.info("Charging", started=0, charged_energy_wh=1499).energy == 1.5
    assert course.info("Charging", started=0, charged_energy_wh=None).energy == 1.5
    assert course.info("Charging", started=0, charged_energy_wh=True).energy == 1.5
    assert course.info("Charging", started=0, charged_energy_wh=1501).energy == 1.501


def test_session_info_goes_before_the_meter() -> None:
    course = Course().begin(meter=0).info("Charging", started=0, charged_energy_wh=500)
    assert course.meter(0.6).energy == 0.5


def test_energy_without_a_start_counts_too() -> None:
    assert Course().info("Charging", charged_energy_wh=1500).energy == 1.5


def test_energy_may_grow_a_little_after_the_end() -> None:
    course = charging().info("Unplugged", started=0, charged_energy_wh=1500)
    assert course.info("Unplugged", started=0, charged_energy_wh=1501).energy == 1.501


def test_negative_energy_is_replaced_by_the_meter_s() -> None:
    # As recorded: the token came first, and the meter was reset when the car came.
    course = Course().begin(reason="Authorized", meter=134)
    course.info("Preparing", started=0, charged_energy_wh=0).event("AuthRequired")
    course.meter(0.134).event("TransactionStarted", transaction_started=value_of_meter(134))
    course.meter(0.0).info("Preparing", started=0, charged_energy_wh=-134)
    assert course.energy == 0
    course.event("ChargingStarted").meter(0.033)
    course.info("Charging", started=0, charged_energy_wh=-101)
    assert course.energy == 0.033
    # Positive again, it is still 134 Wh short.
    course.meter(0.2).info("Charging", started=0, charged_energy_wh=66)
    assert course.energy == 0.2
    assert course.meter(0.3).energy == 0.3
    # The next session is trusted again.
    course.event("SessionFinished").wait(60)
    course.uuid = "two"
    course.begin(meter=300).meter(0.4).info("Charging", started=60, charged_energy_wh=101)
    assert course.energy == 0.101


def test_negative_energy_without_a_beginning_is_not_known() -> None:
    course = Course().meter(7.0).info("Charging", started=0, charged_energy_wh=-101).meter(8.0)
    assert course.energy is None


def test_energy_without_session_info_is_the_meter_s() -> None:
    course = Course().begin(meter=10_000)
    assert course.energy == 0
    assert course.meter(10.0124).energy == 0.012
    # A small step back is jitter, and so is the way up again.
    assert course.meter(10.0123).energy == 0.012
    assert course.meter(11.0).energy == 1
    assert course.meter(10.9).meter(11.0).energy == 1
    # A meter that was reset continues from there.
    assert course.meter(0.0).energy == 1
    assert course.meter(0.25).energy == 1.25
    # After the end the meter may count for another car.
    assert course.event("SessionFinished").meter(9.0).energy == 1.25


def test_a_beginning_before_the_first_reading_is_none() -> None:
    # EVerest, just started, reports zero until it has received its meter.
    course = Course().begin(meter=0).meter(5000.0)
    assert course.energy is None
    assert course.meter(5001.0).energy is None
    course = Course().begin(meter=0).info("Preparing", started=0, charged_energy_wh=0)
    assert course.meter(5000.0).energy == 0
    assert course.info("Charging", started=0, charged_energy_wh=70).energy == 0.07


def test_energy_counts_from_the_transaction_where_the_start_was_missed() -> None:
    course = Course().event("TransactionStarted", transaction_started=value_of_meter(2000))
    assert course.meter(2.5).energy == 0.5
    # The session's own start goes first.
    course = Course().begin(meter=1000)
    course.event("TransactionStarted", transaction_started=value_of_meter(1200))
    assert course.meter(1.5).energy == 0.5


@pytest.mark.parametrize("reading", [None, True, "5", {}])
def test_a_beginning_without_a_reading_has_no_energy(reading: Any) -> None:
    course = Course().event("SessionStarted", session_started=value_of_meter(reading))
    assert course.meter(3.0).energy is None


# Gaps -----------------------------------------------------------------------------


def test_after_a_gap_the_session_stays_and_the_status_does_not() -> None:
    course = charging().info("Charging", started=0, charged_energy_wh=500)
    state = after_gap(course.event("StoppingCharging").state)
    assert (state.status, state.raw, state.plugged) == (None, None, None)
    assert state.deadline is None
    assert (state.id, state.started, state.energy.value) == ("one", START, 0.5)


def test_after_a_gap_the_meter_waits_for_the_session() -> None:
    course = Course().begin(meter=1000).event("ChargingStarted").meter(1.5).meter(2.0)
    course.state = after_gap(course.state)
    # This may be the energy of another car ...
    assert course.meter(50.0).energy == 1
    same = course.state
    course.uuid = "two"
    assert course.begin(meter=50_000).meter(50.5).meter(51.0).energy == 1
    # ... or of the same.
    course.state, course.uuid = same, "one"
    assert course.event("ChargingPausedEV").meter(50.0).energy == 49


def test_a_doubt_outlives_a_gap_but_not_a_restart() -> None:
    course = charging().event("Disabled").event("Enabled")
    kept = after_gap(course.state)
    assert on_info(kept, {"state": "Unplugged"}, NOW, START).status is None
    restarted = on_info(after_gap(course.state, restarted=True), {"state": "Unplugged"}, NOW, START)
    assert (restarted.status, restarted.plugged) == (None, None)
    assert expired(restarted, NOW + ENABLED_TIME).status is Status.DISCONNECTED
    # A session that came and went meanwhile ends it.
    later = {"state": "Unplugged", "session_start_time": "2026-11-20T10:00:00Z"}
    assert on_info(kept, later, NOW, START).status is Status.DISCONNECTED


# Authorization ------------------------------------------------------------------


def tagged(value: Any) -> dict[str, Any]:
    return {"id_tag": {"id_token": {"type": "ISO14443", "value": value}}}


def test_a_token_authorizes_the_session_it_was_shown_for() -> None:
    course = Course().begin().event("AuthRequired")
    assert (course.state.authorized, course.state.token) == (False, None)
    course.event("Authorized")
    assert course.state.authorized is True
    course.event("TransactionStarted", transaction_started=tagged("04A1B2C3D4"))
    course.event("ChargingStarted").pause("UserPause")
    # The whole of it would be a key to the station.
    assert (course.state.authorized, course.state.token) == (True, "…C3D4")
    course.event("Deauthorized")
    assert course.state.authorized is False
    course.uuid = "two"
    course.wait(60).event("SessionFinished").wait(60).begin()
    assert (course.state.authorized, course.state.token) == (False, None)


@pytest.mark.parametrize(
    ("value", "shown"), [("1234", "…34"), ("12", "…2"), ("1", None), (5, None), ("", None)]
)
def test_never_more_than_half_of_a_token_is_shown(value: Any, shown: str | None) -> None:
    course = Course().begin().event("TransactionStarted", transaction_started=tagged(value))
    assert course.state.token == shown


def test_after_a_gap_nobody_knows_who_may_charge() -> None:
    course = Course().begin().event("Authorized")
    assert after_gap(course.state).authorized is None
    assert Course().info("Charging", started=0).state.authorized is None


# A car that asks for no power ----------------------------------------------------------


def test_preparing_before_and_in_a_transaction() -> None:
    course = Course().begin().event("AuthRequired")
    assert course.status is Status.REQUESTING
    course.event("TransactionStarted").event("PrepareCharging")
    for _ in range(5):
        assert course.status is Status.REQUESTING
        course.wait(0.5).info("Preparing", started=0)
    course.wait(0.5)
    assert course.status is Status.SUSPENDED_BY_EV
    # Whatever is repeated, it stays.
    course.event("PrepareCharging").info("Preparing", started=0).wait(60)
    assert (course.status, course.state.deadline) == (Status.SUSPENDED_BY_EV, None)
    assert course.event("ChargingStarted").status is Status.CHARGING


def test_preparing_before_a_transaction_lasts() -> None:
    course = Course().begin(reason="Authorized").event("Authorized").wait(60)
    assert (course.status, course.state.transaction) == (Status.REQUESTING, False)


@pytest.mark.parametrize(
    ("reasons", "before"),
    [
        (["UserPause"], Status.READY_TO_CHARGE),
        (["NoEnergy"], Status.SUSPENDED_BY_EVSE),
        (["Error"], Status.SUSPENDED_BY_EVSE),
    ],
)
def test_a_pause_ends_with_what_follows_it(reasons: list[str], before: Status) -> None:
    course = charging().pause(*reasons)
    why = course.state.pause_reason
    course.event("PrepareCharging").wait(2.9)
    assert (course.status, course.state.pause_reason) == (before, why)
    # The station does what it can: now it is the car.
    course.wait(0.2)
    assert (course.status, course.state.pause_reason) == (Status.SUSPENDED_BY_EV, None)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, Status.REQUESTING),
        ({"transaction_start_time": START.isoformat()}, Status.SUSPENDED_BY_EV),
        (
            {
                "transaction_start_time": START.isoformat(),
                "transaction_end_time": START.isoformat(),
            },
            Status.REQUESTING,
        ),
        ({"transaction_start_time": "soon"}, Status.REQUESTING),
    ],
)
def test_who_comes_late_is_told_by_session_info(fields: dict[str, Any], status: Status) -> None:
    assert Course().info("Preparing", started=0, **fields).status is status


def test_session_info_may_tell_of_it_later() -> None:
    course = Course().info("Preparing", started=0)
    assert course.status is Status.REQUESTING
    course.info("Preparing", started=0, transaction_start_time=course.stamp).wait(3)
    assert course.status is Status.SUSPENDED_BY_EV


def test_words_alone_tell_of_a_transaction() -> None:
    """The API before v1 has nothing else."""
    for before in ("AuthRequired", "Charging", "ChargingPausedEVSE"):
        course = Course().info(before, started=0).info("Preparing", started=0).wait(3)
        assert course.status is Status.SUSPENDED_BY_EV, before
    for before in ("Unplugged", "Finished", "Disabled"):
        course = Course().info(before, started=0).info("Preparing", started=0).wait(3)
        assert course.status is Status.REQUESTING, before


def test_a_transaction_ends() -> None:
    for end in ("TransactionFinished", "SessionFinished", "Disabled"):
        assert not charging().event(end).state.transaction
    course = charging()
    course.uuid = "two"
    assert not course.begin().state.transaction
    assert not after_gap(charging().state).transaction


# Why it pauses -------------------------------------------------------------------------


def test_reasons_outlive_a_gap_but_no_restart_and_no_session() -> None:
    course = charging().info("Charging", started=0).pause("Error")
    kept = after_gap(course.state)
    assert (kept.status, kept.pause_reason) == (None, None)
    # A second gap before any message changes nothing.
    kept = after_gap(kept)
    course.state = kept
    assert course.info("ChargingPausedEVSE", started=0).status is Status.SUSPENDED_BY_EVSE
    course.state = kept
    assert course.info("ChargingPausedEVSE", started=60).status is Status.READY_TO_CHARGE
    course.state = kept
    course.info("Charging", started=0)
    assert course.info("ChargingPausedEVSE", started=0).status is Status.READY_TO_CHARGE
    course.state = after_gap(charging().pause("Error").state, restarted=True)
    assert course.info("ChargingPausedEVSE", started=0).status is Status.READY_TO_CHARGE
