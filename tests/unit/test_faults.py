"""Which problems came and went."""

from dataclasses import replace

import pytest

from custom_components.fimp_chargepoint.chargepoint.faults import (
    NAMELESS,
    SETTLING_TIME,
    FaultTracker,
)
from custom_components.fimp_chargepoint.chargepoint.model import (
    ChargepointSnapshot,
    Identity,
    Reason,
    Status,
)
from custom_components.fimp_chargepoint.chargepoint.sessions.events import FIRST_REPORTS_TIME

LIVE = ChargepointSnapshot(identity=Identity(name="x"), unavailable=None, status=Status.CHARGING)
LOST = replace(LIVE, unavailable=Reason.NOT_CONNECTED)
NAMELESS_FAULT = replace(LIVE, status=Status.ERROR)
#: After the first reports, and long after each other.
LATER = FIRST_REPORTS_TIME + 1


def faulty(*names: str, status: Status = Status.CHARGING) -> ChargepointSnapshot:
    return replace(LIVE, status=status, faults=frozenset(names))


def received(*course: tuple[float, ChargepointSnapshot]) -> list[tuple[tuple[str, ...], ...]]:
    """Return which faults came and which were cleared, when that was due."""
    faults, found = FaultTracker(), []
    for now, snapshot in (*course, (1e9, course[-1][1])):
        if faults.due is not None and faults.due <= now:
            assert not any(faults.pending(faults.due - 0.1)[1])
            faults, new = faults.pending(faults.due)
            found.append(tuple(new))
        faults = faults.update(snapshot, now)
    return found


def test_a_problem_comes_and_goes() -> None:
    course = (0, LIVE), (20, faulty("a")), (30, faulty("a", "b")), (40, LIVE)
    assert received(*course) == [(("a",), ()), (("b",), ()), ((), ("a", "b"))]


def test_a_moment_is_nothing() -> None:
    assert not received((0, LIVE), (20, faulty("a")), (20 + SETTLING_TIME / 2, LIVE))


def test_one_fault_is_reported_once() -> None:
    """The status comes first, then its names, one after the other."""
    named = faulty("a", "b", status=Status.ERROR)
    course = (0, LIVE), (20, NAMELESS_FAULT), (20.5, faulty("a", status=Status.ERROR))
    assert received(*course, (21, named), (40, LIVE)) == [(("a", "b"), ()), ((), ("a", "b"))]


@pytest.mark.parametrize("after", [0.0, 1.0, FIRST_REPORTS_TIME - 1])
def test_the_first_reports_are_no_news(after: float) -> None:
    """The fault is only reported a moment after the status."""
    assert not received((0, LIVE), (after, faulty("a")), (20, faulty("a")))
    assert received((0, LIVE), (after, faulty("a")), (20, LIVE)) == [((), ("a",))]


@pytest.mark.parametrize("after", [0.0, FIRST_REPORTS_TIME - 1, LATER])
def test_a_gap_is_no_news(after: float) -> None:
    course = (0, faulty("a")), (50, LOST), (100, LIVE), (100 + after, faulty("a"))
    assert not received(*course, (200, faulty("a")))


def test_a_problem_that_went_in_a_gap() -> None:
    """That is not a new event; it is one when it comes again later."""
    course = (0, faulty("a")), (50, LOST), (100, faulty("a")), (150, LIVE)
    assert not received((0, faulty("a")), (50, LOST), (100, LIVE), (200, LIVE))
    assert received(*course, (200, faulty("a"))) == [((), ("a",)), (("a",), ())]


def test_news_that_a_gap_has_cut_off() -> None:
    assert not received((0, LIVE), (20, faulty("a")), (20.5, LOST), (100, LIVE), (200, LIVE))


def test_without_a_name() -> None:
    course = (0, LIVE), (20, NAMELESS_FAULT), (30, LIVE)
    assert received(*course) == [((NAMELESS,), ()), ((), (NAMELESS,))]


def test_a_name_that_comes_late() -> None:
    """It reports more about the same fault, which is cleared as a whole."""
    named = faulty("a", status=Status.ERROR)
    course = (0, LIVE), (20, NAMELESS_FAULT), (30, named), (40, LIVE)
    assert received(*course) == [((NAMELESS,), ()), (("a",), ()), ((), ("a", NAMELESS))]
