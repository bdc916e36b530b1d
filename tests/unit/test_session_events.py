"""The events that follow from consecutive snapshots."""

from dataclasses import replace
from typing import Any

import pytest

from custom_components.fimp_chargepoint.chargepoint.model import (
    PLUGGED,
    ChargepointSnapshot,
    Identity,
    Meter,
    Reason,
    Session,
    Status,
)
from custom_components.fimp_chargepoint.chargepoint.sessions.events import SessionState, step

LIVE = ChargepointSnapshot(identity=Identity(name="x"), unavailable=None)
LOST = replace(LIVE, unavailable=Reason.NOT_CONNECTED)


def seen(status: Status | None, energy: float | None = None, **changes: Any) -> Any:
    plugged = None if status is None else PLUGGED.get(status)
    return replace(
        LIVE,
        status=status,
        plugged=plugged,
        meter=Meter(session_energy=energy),
        **changes,
    )


def happened(*course: ChargepointSnapshot | Status | None) -> list[str]:
    """Return what happened on the way through some snapshots, or statuses."""
    state, found = SessionState(), []
    for each in course:
        snapshot = each if isinstance(each, ChargepointSnapshot) else seen(each)
        state, occurrences = step(state, snapshot)
        found += occurrences
    return [str(each) for each in found]


@pytest.mark.parametrize("status", [None, *Status])
def test_the_first_report_is_no_event(status: Status | None) -> None:
    assert not happened(status)
    # Neither is it one after a gap, nor when it is repeated.
    assert not happened(status, status, LOST, status, status)


@pytest.mark.parametrize("before", [None, *Status])
@pytest.mark.parametrize("after", [None, *Status])
def test_nothing_happens_in_a_gap(before: Status | None, after: Status | None) -> None:
    assert not happened(before, LOST, after)
    assert not happened(before, LOST, None, after)


def test_authorized() -> None:
    waits = seen(Status.REQUESTING, session=Session(id="one", authorized=False))
    may = seen(Status.REQUESTING, session=Session(id="one", authorized=True))
    charges = seen(Status.CHARGING, session=Session(id="one", authorized=True))
    assert happened(Status.DISCONNECTED, waits, may, charges, charges) == [
        "car_connected",
        "authorized",
        "charging_started",
    ]
    # A late client, or one that was offline, has not seen the authorization.
    assert not happened(may)
    assert not happened(waits, LOST, may)
    # It can be taken back, and given again.
    assert happened(may, waits, may) == ["deauthorized", "authorized"]
    # The next session only begins without it.
    again = seen(Status.REQUESTING, session=Session(id="two", authorized=False))
    assert happened(may, again) == []
    # Nothing is invented that was not reported.
    assert "authorized" not in happened(Status.REQUESTING, Status.CHARGING)


def test_a_whole_day() -> None:
    assert happened(
        Status.DISCONNECTED,
        Status.REQUESTING,
        Status.READY_TO_CHARGE,
        Status.CHARGING,
        Status.SUSPENDED_BY_EVSE,
        Status.CHARGING,
        Status.FINISHED,
        Status.DISCONNECTED,
    ) == [
        "car_connected",
        "charging_started",
        "charging_paused",
        "charging_resumed",
        "session_finished",
        "car_disconnected",
    ]


@pytest.mark.parametrize(
    "pause",
    [
        Status.SUSPENDED_BY_EV,
        Status.SUSPENDED_BY_EVSE,
        Status.READY_TO_CHARGE,
        Status.REQUESTING,
        Status.RESERVED,
        Status.ERROR,
    ],
)
def test_a_pause_is_not_the_end(pause: Status) -> None:
    course = [Status.CHARGING, pause, Status.SUSPENDED_BY_EV, None, Status.CHARGING]
    assert happened(*course) == ["charging_paused", "charging_resumed"]
    assert happened(*course[:2], Status.FINISHED) == ["charging_paused", "session_finished"]


@pytest.mark.parametrize("passing", [None, Status.SWITCHING_PHASES, Status.OUT_OF_SERVICE])
def test_what_passes_is_nothing(passing: Status | None) -> None:
    assert not happened(Status.CHARGING, passing, Status.CHARGING)
    assert not happened(Status.READY_TO_CHARGE, passing, Status.READY_TO_CHARGE)
    assert happened(Status.CHARGING, passing, Status.READY_TO_CHARGE) == ["charging_paused"]


def test_a_car_is_plugged_in_behind_another_status() -> None:
    """The plug is remembered while the status does not show it."""
    assert happened(Status.DISCONNECTED, Status.RESERVED, Status.REQUESTING) == ["car_connected"]
    assert not happened(Status.READY_TO_CHARGE, Status.ERROR, Status.READY_TO_CHARGE)


def test_all_at_once() -> None:
    assert happened(Status.DISCONNECTED, Status.CHARGING, Status.DISCONNECTED) == [
        "car_connected",
        "charging_started",
        "session_finished",
        "car_disconnected",
    ]


def test_a_car_that_only_stood_there() -> None:
    course = Status.DISCONNECTED, Status.READY_TO_CHARGE, Status.DISCONNECTED
    assert happened(*course) == ["car_connected", "car_disconnected"]


def test_a_session_that_was_there_before_us() -> None:
    """The energy shows whether it has charged before."""
    ready, charging = Status.READY_TO_CHARGE, seen(Status.CHARGING, 2.0)
    assert happened(seen(ready, 2.0), charging) == ["charging_resumed"]
    assert happened(seen(ready, 0.0), charging) == ["charging_started"]
    assert happened(seen(ready, 2.0), Status.FINISHED) == ["session_finished"]


def test_a_full_car_asks_for_more() -> None:
    assert happened(Status.CHARGING, Status.FINISHED, Status.CHARGING, Status.FINISHED) == [
        "session_finished",
        "charging_resumed",
        "session_finished",
    ]


@pytest.mark.parametrize("between", [Status.FINISHED, Status.OUT_OF_SERVICE, None])
def test_a_new_session_of_the_same_car_is_not_resumed(between: Status | None) -> None:
    first, second = Session(id="one"), Session(id="two")
    assert happened(
        seen(Status.CHARGING, session=first),
        seen(Status.FINISHED, session=first),
        seen(between, session=first),
        seen(Status.REQUESTING, session=second),
        seen(Status.CHARGING, session=second),
    ) == ["session_finished", "charging_started"]


def test_a_session_that_is_reported_after_charging_began() -> None:
    """It has begun once."""
    ready, charging = Status.READY_TO_CHARGE, Status.CHARGING
    assert happened(
        seen(ready, session=Session(id="one")),
        seen(charging, session=Session(id="one")),
        seen(charging, session=Session(id="two")),
    ) == ["charging_started"]
