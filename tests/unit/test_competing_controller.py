"""Another controller that overrides our limit again and again, and what only looks like it."""

from dataclasses import replace
from typing import Any, ClassVar

import pytest

from custom_components.fimp_chargepoint.chargepoint.commands.command import Commands
from custom_components.fimp_chargepoint.chargepoint.commands.request import ExpectedState
from custom_components.fimp_chargepoint.chargepoint.limits.ownership import LimitOwnership
from custom_components.fimp_chargepoint.chargepoint.limits.requested import (
    CompetingController,
    LimitValue,
    Requested,
)
from custom_components.fimp_chargepoint.chargepoint.model import (
    ChargepointSnapshot,
    Feature,
    Identity,
)
from custom_components.fimp_chargepoint.chargepoint.scheduler import Timers

from .fakes import FakeOutlet

OURS = "us"


class Course:
    """A charge point whose snapshots a test makes, every minute."""

    takes_limits_from_outside: ClassVar[bool] = False
    command_timeout: ClassVar[float] = 40.0
    report_age: ClassVar[float] = 30.0
    mode_in_force = None

    def __init__(self) -> None:
        """Begin with a limit that Home Assistant has not set."""
        self.host = FakeOutlet()
        self.timers = Timers(self.host.scheduler)
        self.snapshot = ChargepointSnapshot(identity=Identity(name="x"), unavailable=None)
        commands = Commands(self, ask=lambda _: None, show=lambda _: None)
        self.limits = LimitOwnership(self, commands, restores=False)
        self.shows(max_current=32.0)

    def checked(self, feature: Feature, value: LimitValue) -> LimitValue:
        return value

    def effect(self, feature: Feature, value: LimitValue) -> ExpectedState:
        def matches(snapshot: ChargepointSnapshot) -> bool:
            current, source = snapshot.max_current, snapshot.limited_by
            if current is None or isinstance(value, str):
                return False
            return current == value or (current < value and source not in (None, OURS))

        return ExpectedState(feature, value, matches)

    def is_own_limit(self, feature: Feature, value: LimitValue) -> bool:
        raise AssertionError

    async def set(self, feature: Feature, value: LimitValue, *, by_user: bool = True) -> None:
        raise AssertionError

    async def start_mode(self, mode: str) -> None:
        raise AssertionError

    def send_limits(self) -> None:
        raise AssertionError

    def show_requested(self, **changes: Any) -> None:
        self._update(requested=replace(self.snapshot.requested, **changes))

    def _update(self, **changes: Any) -> None:
        before, self.snapshot = self.snapshot, replace(self.snapshot, **changes)
        self.limits.changed(before, self.host.clock.time)

    @property
    def found(self) -> CompetingController | None:
        return self.snapshot.requested.competing_controller

    def waits(self, seconds: float) -> None:
        self.host.advance(self.host.clock.time + seconds)

    def shows(self, *, after: float = 60.0, **changes: Any) -> CompetingController | None:
        """Show a snapshot, some time after the last one."""
        self.waits(after)
        self._update(**changes)
        return self.found

    def confirms(self, current: float, **shown: Any) -> None:
        """Let a limit be set from Home Assistant, and confirm it."""
        self.shows(pending={Feature.MAX_CURRENT: current})
        self.shows(after=1.0, **{"max_current": current} | shown)
        self.limits.record(Feature.MAX_CURRENT, current, by_user=True)
        self.shows(after=0.0, pending={})

    @property
    def kept(self) -> dict[str, LimitValue]:
        return dict(self.snapshot.requested.limits)


def test_a_competing_controller() -> None:
    """Three times within two hours, whichever way it changes the limit."""
    course = Course()
    for current, theirs in ((16.0, 10.0), (16.0, 32.0)):
        course.confirms(current)
        assert course.shows(max_current=theirs) is None
    course.confirms(12.0)
    assert course.shows(max_current=8.0) == (12.0, 8.0, 3)
    course.waits(7199)
    assert course.found
    course.waits(2)
    assert course.found is None


def test_it_goes_on() -> None:
    """Each time is a new one, also after the user has confirmed that it is solved."""
    course = Course()
    found = []
    for _ in range(5):
        course.confirms(16.0)
        found.append(course.shows(max_current=10.0))
    assert found == [None, None, *((16.0, 10.0, times) for times in (3, 4, 5))]


def test_faster_than_a_limit_counts_as_overridden() -> None:
    course = Course()
    for _ in range(3):
        course.confirms(16.0)
        course.shows(after=5.0, max_current=10.0)
    assert course.found == (16.0, 10.0, 3)


def test_somebody_who_plays_with_an_app_changes_our_limit_once() -> None:
    course = Course()
    course.confirms(16.0)
    found = [course.shows(max_current=each) for each in (10.0, 20.0, 6.0, 32.0, 10.0, 16.0, 10.0)]
    assert found == [None] * 7
    assert course.kept == {}


def test_seldom_is_no_competition() -> None:
    course = Course()
    for _ in range(10):
        course.confirms(16.0)
        assert course.shows(after=3000.0, max_current=10.0) is None
        course.shows(after=3000.0)


def test_load_balancing_below_our_limit_is_normal() -> None:
    """It names itself, and ours holds again when it is over."""
    course = Course()
    course.confirms(16.0, limited_by=OURS)
    for current in (10.0, 8.0, 16.0, 6.0, 16.0, 10.0):
        source = OURS if current == 16.0 else "grid"
        assert course.shows(max_current=current, limited_by=source) is None
    assert course.kept == {"max_current": 16.0}
    # More than ours is another thing: ours is lost.
    for found in (None, None, (16.0, 32.0, 3)):
        course.confirms(16.0, limited_by=OURS)
        assert course.shows(max_current=32.0, limited_by="hardware") == found


def test_another_integration_of_our_kind() -> None:
    """Two that call themselves the same compete, too."""
    course = Course()
    for found in (None, None, (16.0, 10.0, 3)):
        course.confirms(16.0, limited_by=OURS)
        assert course.shows(max_current=10.0, limited_by=OURS) == found


def test_what_we_set_ourselves_overrides_nothing() -> None:
    course = Course()
    for current in (16.0, 10.0, 16.0, 6.0, 32.0):
        course.confirms(current)
        assert course.shows() is None
        assert course.kept == {"max_current": current}


def test_what_was_not_confirmed_was_not_ours() -> None:
    """A refusal, or no answer: the limit was not overridden by others."""
    course = Course()
    for _ in range(5):
        assert course.shows(pending={Feature.MAX_CURRENT: 16.0}) is None
        assert course.shows(pending={}) is None
        assert course.shows(max_current=10.0) is None
        assert course.shows(max_current=32.0) is None


def test_a_gap_proves_nothing() -> None:
    """A change during a disconnection may have been a restart."""
    course = Course()
    for _ in range(5):
        course.confirms(16.0)
        assert course.shows(max_current=None) is None
        assert course.shows(max_current=32.0) is None


def test_a_late_report_is_no_change() -> None:
    """The value before ours may be reported once more."""
    course = Course()
    for _ in range(5):
        course.confirms(16.0)
        assert course.shows(after=5.0, max_current=32.0) is None
        assert course.shows(after=20.0, max_current=16.0) is None
    assert course.kept == {"max_current": 16.0}
    # It is still ours.
    for found in (None, None, (16.0, 10.0, 3)):
        assert course.shows(max_current=10.0) == found
        course.confirms(16.0)


def test_a_restart_that_shows_before_it_is_known_is_no_change() -> None:
    """EVerest reports that nothing limits before its heartbeat shows that it was restarted."""
    course = Course()
    for _ in range(5):
        course.confirms(16.0)
        assert course.shows(max_current=32.0) is None
        course.limits.reconnected(course.host.clock.time, lost=True)
        assert course.kept == {}


def test_a_limit_of_an_earlier_run_is_ours() -> None:
    course = Course()
    course.shows(max_current=16.0)
    course.limits.restore(Requested(limits={"max_current": 16.0}), course.host.clock.time)
    assert course.shows(max_current=10.0) is None
    for found in (None, (16.0, 10.0, 3)):
        course.confirms(16.0)
        assert course.shows(max_current=10.0) == found


def test_rounding_is_no_change() -> None:
    course = Course()
    for _ in range(5):
        course.confirms(16.0)
        assert course.shows(max_current=16.01) is None


@pytest.mark.parametrize(("seconds", "kept"), [(59, {"max_current": 16.0}), (61, {})])
def test_what_lasts_is_respected(seconds: float, kept: dict[str, LimitValue]) -> None:
    course = Course()
    course.confirms(16.0)
    course.shows(max_current=10.0)
    course.waits(seconds)
    assert course.kept == kept
