"""Somebody else who keeps changing our limit, and all that only looks like it."""

from dataclasses import replace
from typing import Any

from custom_components.fimp_chargepoint.chargepoint.features import Feature
from custom_components.fimp_chargepoint.chargepoint.limits.competing_controller import (
    CompetingController,
    CompetingControllerDetector,
)
from custom_components.fimp_chargepoint.chargepoint.model import ChargepointSnapshot, Identity

OURS = "us"


class Course:
    """What is seen of one charge point."""

    def __init__(self) -> None:
        """Begin with a limit that nobody here has set."""
        self.watch = CompetingControllerDetector()
        self.now = 0.0
        self.snapshot = ChargepointSnapshot(identity=Identity(name="x"))
        self.expects(max_current=32.0)

    def expects(self, *, after: float = 60.0, **changes: Any) -> CompetingController | None:
        """Show a snapshot, some time after the last one."""
        self.now += after
        self.snapshot = replace(self.snapshot, **changes)
        return self.watch.take(self.snapshot, self.now)

    def set(self, current: float, **shown: Any) -> None:
        """Set a limit from here, which is proven by what is shown."""
        pending = {Feature.MAX_CURRENT: current}
        assert self.expects(pending=pending) is None
        assert self.expects(after=1.0, **{"max_current": current} | shown) is None
        assert self.expects(after=0.0, pending={}) is None


def test_a_rival() -> None:
    """Three times within two hours, whichever way it changes the limit."""
    course = Course()
    for current, theirs in ((16.0, 10.0), (16.0, 32.0)):
        course.set(current)
        assert course.expects(max_current=theirs) is None
    course.set(12.0)
    assert course.expects(max_current=8.0) == CompetingController(12.0, 8.0)
    assert not course.watch.is_quiet(course.now)
    assert course.watch.is_quiet(course.now + 7201)


def test_it_goes_on() -> None:
    course = Course()
    found = []
    for _ in range(5):
        course.set(16.0)
        found.append(course.expects(max_current=10.0))
    assert found == [None, None, *3 * [CompetingController(16.0, 10.0)]]


def test_somebody_who_plays_with_an_app_changes_our_limit_once() -> None:
    """What follows is no change of ours."""
    course = Course()
    course.set(16.0)
    assert [course.expects(max_current=each) for each in (10.0, 20.0, 6.0, 32.0, 10.0)] == 5 * [
        None
    ]


def test_seldom_is_no_rival() -> None:
    course = Course()
    for _ in range(10):
        course.set(16.0)
        assert course.expects(after=3000.0, max_current=10.0) is None
        course.expects(after=3000.0)


def test_load_balancing_below_our_limit_is_normal() -> None:
    """It names itself, and ours holds again when it is over."""
    course = Course()
    course.set(16.0, limited_by=OURS)
    for current in (10.0, 8.0, 16.0, 6.0, 16.0, 10.0):
        source = OURS if current == 16.0 else "grid"
        assert course.expects(max_current=current, limited_by=source) is None
    # More than ours is another thing: ours is lost.
    for _ in range(2):
        course.set(16.0, limited_by=OURS)
        assert course.expects(max_current=32.0, limited_by="hardware") is None
    course.set(16.0, limited_by=OURS)
    assert course.expects(max_current=32.0, limited_by="hardware") == CompetingController(
        16.0, 32.0
    )


def test_another_of_our_kind() -> None:
    """Two that call themselves the same are rivals, too."""
    course = Course()
    for _ in range(2):
        course.set(16.0, limited_by=OURS)
        assert course.expects(max_current=10.0, limited_by=OURS) is None
    course.set(16.0, limited_by=OURS)
    assert course.expects(max_current=10.0, limited_by=OURS) == CompetingController(16.0, 10.0)


def test_what_we_set_ourselves_is_no_rival() -> None:
    course = Course()
    for current in (16.0, 10.0, 16.0, 6.0, 32.0):
        course.set(current)
        assert course.expects() is None


def test_what_was_not_proven_was_not_ours() -> None:
    """A refusal, or no answer: what holds then nobody has taken from us."""
    course = Course()
    for _ in range(5):
        assert course.expects(pending={Feature.MAX_CURRENT: 16.0}) is None
        assert course.expects(pending={}) is None
        assert course.expects(max_current=10.0) is None
        assert course.expects(max_current=32.0) is None


def test_a_gap_proves_nothing() -> None:
    """What happened while nobody could look was a restart, perhaps."""
    course = Course()
    for _ in range(5):
        course.set(16.0)
        assert course.expects(max_current=None) is None
        assert course.expects(max_current=32.0) is None


def test_a_late_report_is_no_change() -> None:
    """The value before ours may be said once more."""
    course = Course()
    for _ in range(5):
        course.set(16.0)
        assert course.expects(after=5.0, max_current=32.0) is None
        assert course.expects(after=20.0, max_current=16.0) is None
    assert course.watch.is_quiet(course.now)
    # Ours it still is.
    for _ in range(2):
        assert course.expects(max_current=10.0) is None
        course.set(16.0)
    assert course.expects(max_current=10.0) == CompetingController(16.0, 10.0)


def test_rounding_is_no_change() -> None:
    course = Course()
    for _ in range(5):
        course.set(16.0)
        assert course.expects(max_current=16.01) is None
