"""The meaning of Blue Current's CH_STATUS: status, power, limits and sessions."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from custom_components.fimp_chargepoint.chargepoint.blue_current import frames, status
from custom_components.fimp_chargepoint.chargepoint.model import (
    ChargepointSnapshot,
    Feature,
    Identity,
    PauseReason,
    Session,
    Status,
)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
KNOWN = ChargepointSnapshot(identity=Identity(name="x"))


def read(*, is_smart: bool = False, **fields: Any) -> dict[str, Any]:
    frame = frames.Status(evse_id="x", **fields)
    return status.read(KNOWN, frame, is_smart=is_smart, currency="EUR")


@pytest.mark.parametrize(
    ("activity", "letter", "expected", "plugged"),
    [
        ("available", "A", Status.DISCONNECTED, False),
        ("available", "B", Status.READY_TO_CHARGE, True),
        ("available", "C", Status.READY_TO_CHARGE, True),
        ("available", "D", Status.READY_TO_CHARGE, True),
        ("available", "E", Status.ERROR, None),
        ("available", "F", Status.ERROR, None),
        ("available", "Z", None, None),
        ("available", None, None, None),
        ("charging", "A", Status.CHARGING, True),
        ("charging", "B", Status.SUSPENDED_BY_EV, True),
        ("charging", "C", Status.CHARGING, True),
        ("charging", "E", Status.SUSPENDED_BY_EVSE, True),
        ("charging", None, Status.CHARGING, True),
        ("unavailable", "B", Status.OUT_OF_SERVICE, True),
        ("error", "A", Status.ERROR, False),
        ("error", "F", Status.ERROR, None),
        ("asleep", "C", None, True),
        (None, None, None, None),
    ],
)
def test_status(
    *, activity: str | None, letter: str | None, expected: Status | None, plugged: bool | None
) -> None:
    """The activity decides, the letter refines."""
    found = read(activity=activity, vehicle_status=letter)
    assert (found["status"], found["plugged"]) == (expected, plugged)


@pytest.mark.parametrize(
    ("activity", "enabled"),
    [("available", True), ("charging", True), ("unavailable", False), ("error", None)],
)
def test_enabled(*, activity: str, enabled: bool | None) -> None:
    assert read(activity=activity, vehicle_status="A")["enabled"] is enabled


def test_faults_by_letter() -> None:
    assert read(activity="charging", vehicle_status="F")["faults"] == {"vehicle_error"}
    assert read(activity="available", vehicle_status="E")["faults"] == {"no_power"}
    assert read(activity="charging", vehicle_status="C")["faults"] == frozenset()


def test_smart_charging_that_keeps_a_car_waiting() -> None:
    idle = {"activity": "charging", "vehicle_status": "C", "held_back": True}
    found = read(**idle, currents=(0, 0, 0))
    assert found["status"] is Status.SUSPENDED_BY_EVSE
    assert found["pause_reason"] is PauseReason.NO_ENERGY
    assert read(**idle, currents=(6, 0, 0))["status"] is Status.CHARGING


@pytest.mark.parametrize(
    ("currents", "voltages", "power"),
    [
        ((14, 14, 14), (230, 230, 230), 9660),
        # Neither a third phase nor the root of three is in one.
        ((14, 0, 0), (230, 0, 0), 3220),
        ((14, 0, 0), (230, 231, 229), 3220),
        ((16, 16, 0), (230, 231, 0), 7376),
        ((0, 0, 0), (0, 0, 0), 0),
        # Without a voltage, it is unknown.
        ((14, 14, 14), (0, 0, 0), None),
        ((14, None, 0), (230, None, 0), None),
        ((None, None, None), (None, None, None), None),
    ],
)
def test_power_of_the_phases_in_use(
    currents: frames.Phases, voltages: frames.Phases, power: float | None
) -> None:
    meter = read(activity="charging", currents=currents, voltages=voltages)["meter"]
    assert meter.power == power


def test_averages_are_those_of_the_vendor() -> None:
    assert status._average((10, 10, 10)) == 10
    assert status._average((10, None, 20)) == 15
    assert status._average((10, 6, 10)) == 8.7
    assert status._average((5, 0, 0)) == 5
    assert status._average((0, 0, 0)) == 0
    assert status._average((None, None, None)) is None


@pytest.mark.parametrize(
    ("is_smart", "smart_limit", "expected"),
    [
        (False, 6, (16, 16, None)),
        (True, 6, (16, 6, "smart_charging")),
        (True, 32, (16, 16, None)),
        (True, None, (16, 16, None)),
    ],
)
def test_limits(*, is_smart: bool, smart_limit: float | None, expected: tuple[object, ...]) -> None:
    found = read(is_smart=is_smart, max_usage=16, smart_charging_max_usage=smart_limit)
    names = ("max_current", "effective_current", "limited_by")
    assert tuple(found[name] for name in names) == expected


def test_cost_that_is_not_told() -> None:
    assert "charged" not in read(total_cost=0)
    assert read(total_cost=9.93)["charged"].total == 9.93


def test_only_what_was_reported_is_a_feature() -> None:
    frame = frames.Status(evse_id="x", activity="available", currents=(0, None, None))
    changes = status.read(KNOWN, frame, is_smart=False, currency=None)
    found = status.reported(frame, changes)
    assert Feature.CURRENT_L1 in found
    assert not {Feature.CURRENT_L2, Feature.POWER, Feature.SESSION_ENERGY} & found


# Sessions ---------------------------------------------------------------------------


def after(known: Session, *, seen_idle: bool = True, **fields: Any) -> Session:
    frame = frames.Status(evse_id="x", **fields)
    return status.next_session(known, None, frame, NOW, seen_idle=seen_idle)


def test_session_with_its_times() -> None:
    running = after(Session(), activity="charging", started=NOW - HOUR)
    assert running == Session(started=NOW - HOUR)
    over = after(running, activity="available", started=NOW - HOUR, stopped=NOW)
    assert over == Session(started=NOW - HOUR, ended=NOW)
    assert after(over, activity="available", started=NOW - HOUR, stopped=NOW) == over


def test_first_report_still_has_the_times_of_the_session_before() -> None:
    """The vendor's notes describe this; the start that was observed is more reliable."""
    before = Session(started=NOW - 9 * HOUR, ended=NOW - 8 * HOUR)
    times = {"started": NOW - 9 * HOUR, "stopped": NOW - 8 * HOUR}
    begun = after(before, activity="charging", **times)
    assert begun == Session(started=NOW, offset=0.0)
    # A start without an end is the old one as well, if that session is known to be over.
    assert after(before, activity="charging", started=NOW - 9 * HOUR).started == NOW
    # The exact time is reported later; it is the same session.
    soon = NOW + timedelta(seconds=8)
    assert after(begun, activity="charging", started=soon, stopped=NOW - 8 * HOUR) == begun


def test_session_found_without_its_start() -> None:
    found = after(Session(), activity="charging", seen_idle=False)
    assert found == Session(started=NOW, start_guessed=True, offset=0.0)
    assert after(found, activity="charging").started == NOW
    # It began long before we came.
    assert after(found, activity="charging", started=NOW - HOUR) == Session(started=NOW - HOUR)


def test_times_that_are_disabled() -> None:
    begun = after(Session(), activity="charging")
    assert begun == Session(started=NOW, offset=0.0)
    over = after(begun, activity="available")
    assert (over.started, over.ended) == (NOW, NOW)


def test_less_energy_is_a_new_session() -> None:
    known = Session(started=NOW - HOUR, offset=0.0)
    frame = frames.Status(evse_id="x", activity="charging", energy=0.1)
    found = status.next_session(known, 5.0, frame, NOW, seen_idle=False)
    assert (found.started, found.start_guessed) == (NOW, False)


def test_session_that_nobody_saw() -> None:
    known = Session(started=NOW - 9 * HOUR, ended=NOW - 8 * HOUR)
    found = after(known, activity="available", started=NOW - 2 * HOUR, stopped=NOW - HOUR)
    assert found == Session(started=NOW - 2 * HOUR, ended=NOW - HOUR)
    # The end of one that ran when the connection was lost.
    running = Session(started=NOW - 2 * HOUR)
    found = after(running, activity="available", started=NOW - 2 * HOUR, stopped=NOW - HOUR)
    assert found.ended == NOW - HOUR


def test_stop_of_the_session_before_is_no_end() -> None:
    running = Session(started=NOW - HOUR)
    found = after(running, activity="available", stopped=NOW - 3 * HOUR)
    assert found.ended == NOW
