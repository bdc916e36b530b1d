"""The clock and the scheduler of a hub. Everywhere else, time is an argument.

A `float` is a time of this clock, which never jumps; it is used for deadlines, ages and durations.
A `datetime` is calendar time, for users, for messages and for storage. If the system clock is set,
as on a small computer soon after it starts, the calendar time of every moment changes, but no
duration does.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from heapq import heapify, heappop, heappush
from time import monotonic
from time import time as system_time
from typing import Final, Protocol, override

from .internal_errors import InternalErrors

#: The same for all clocks, so that their times can be compared.
_EPOCH: Final = system_time() - monotonic()
#: Seconds by which the system clock may be off before it counts as set.
_TOLERANCE: Final = 5.0
#: Maximum seconds until a change of the system clock is noticed.
_CLOCK_INTERVAL: Final = 60.0
#: Maximum number of cancelled deadlines in the heap, in addition to as many valid ones.
_CANCELLED_MAX: Final = 64


def posix(when: float) -> datetime:
    """Return the aware `datetime` of a moment in POSIX seconds."""
    return datetime.fromtimestamp(when, UTC)


def in_slot(when: float, seconds: float) -> float:
    """Return the start of the slot with that length: deadlines in one slot need one wake."""
    return when - when % seconds


class Clock(Protocol):
    """A clock that never jumps, in seconds, and calls back at a given time."""

    def now(self) -> float:
        """Return the current time."""

    def call_at(self, when: float, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` at `when`; the returned function cancels that."""

    def to_datetime(self, when: float) -> datetime:
        """Return the calendar time of a time of the clock, by the current system clock."""
        return posix(when)

    def adjust(self) -> float:
        """Follow the system clock; return the seconds by which it was set, 0.0 if it was not."""
        return 0.0


class SteadyClock(Clock):
    """Real time: POSIX seconds at the start of the program plus monotonic seconds since."""

    def __init__(self) -> None:
        """Read the system clock; requires a running event loop."""
        self._loop = asyncio.get_running_loop()
        self._ahead = self._measure()

    @override
    def now(self) -> float:
        """Return the current time."""
        return _EPOCH + self._loop.time()

    @override
    def call_at(self, when: float, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` at `when`; the returned function cancels that."""
        return self._loop.call_at(when - _EPOCH, callback).cancel

    @override
    def to_datetime(self, when: float) -> datetime:
        """Return the calendar time of a time of the clock, by the current system clock."""
        return posix(when + self._ahead)

    @override
    def adjust(self) -> float:
        """Follow the system clock; return the seconds by which it was set, 0.0 if it was not."""
        ahead = self._measure()
        by = ahead - self._ahead
        if abs(by) <= _TOLERANCE:
            return 0.0
        self._ahead = ahead
        return by

    def _measure(self) -> float:
        """Return how many seconds the system clock is ahead of this one."""
        return system_time() - _EPOCH - self._loop.time()


type Action = Callable[[float], None]


@dataclass(slots=True, eq=False)
class _Deadline:
    """An action, its owner, and when it is due; None if it was cancelled.

    A cancelled deadline must not keep its owner, possibly a removed node, in memory.
    """

    when: float
    name: str
    job: tuple[Timers, Action] | None
    number: int = 0

    def __lt__(self, other: _Deadline) -> bool:
        return (self.when, self.number) < (other.when, other.number)


class Scheduler:
    """All deadlines of one hub: a heap with a single timer of the event loop.

    A deadline that is moved or cancelled stays in the heap until its time, so that setting one
    costs the same with one charge point as with a thousand.
    """

    def __init__(
        self, clock: Clock, errors: InternalErrors, *, before: Callable[[], None] = lambda: None
    ) -> None:
        """Call `before()` each time something is due."""
        self._clock = clock
        self._errors = errors
        self._before = before
        self._heap: list[_Deadline] = []
        self._cancelled = 0
        self._number = 0
        self._armed_for = float("inf")
        self._disarm: Callable[[], None] | None = None
        self._stopped = False

    @property
    def next_deadline(self) -> float | None:
        """The next deadline, None if there is none."""
        while self._heap and self._heap[0].job is None:
            heappop(self._heap)
            self._cancelled -= 1
        return self._heap[0].when if self._heap else None

    def run(self, now: float) -> None:
        """Run what is due, in the order of the deadlines.

        Deadlines that an action sets are left for the next run, even if they are due already.
        """
        try:
            self._before()
            due: list[_Deadline] = []
            while (when := self.next_deadline) is not None and when <= now:
                due.append(heappop(self._heap))
            for deadline in due:
                # An earlier action may have moved or cancelled it.
                if deadline.job is not None:
                    (timers, action), deadline.job = deadline.job, None
                    timers.due.pop(deadline.name)
                    self._errors.call_for(timers.owner, action, now)
        finally:
            self.rearm()

    def rearm(self) -> None:
        """Set the timer of the event loop to the next deadline."""
        if self._disarm is not None:
            self._disarm()
            self._disarm = None
        self._armed_for = float("inf")
        if (when := self.next_deadline) is not None and not self._stopped:
            self._armed_for = min(when, self._clock.now() + _CLOCK_INTERVAL)
            self._disarm = self._clock.call_at(self._armed_for, lambda: self.run(self._clock.now()))

    def stop(self) -> None:
        """Stop running actions."""
        self._stopped = True
        self.rearm()

    def add(self, deadline: _Deadline) -> None:
        """Add a deadline. Only for `Timers`."""
        self._number += 1
        deadline.number = self._number
        heappush(self._heap, deadline)
        if deadline.when < self._armed_for:
            self.rearm()

    def cancel(self, deadline: _Deadline) -> None:
        """Cancel a deadline. Only for `Timers`."""
        deadline.job = None
        self._cancelled += 1
        if self._cancelled > _CANCELLED_MAX + len(self._heap) // 2:
            self._heap = [each for each in self._heap if each.job is not None]
            heapify(self._heap)
            self._cancelled = 0


class Timers:
    """The deadlines of one owner, by name: setting a name again moves its deadline."""

    def __init__(self, scheduler: Scheduler, owner: object = None, *, running: bool = True) -> None:
        """Start empty; `owner` is logged with an action that raises.

        Until `start`, timers that are not `running` only store their actions.
        """
        self._scheduler = scheduler
        self._running = running
        self.owner = owner
        self.due: dict[str, _Deadline] = {}

    def start(self) -> None:
        """Run the actions from now on."""
        if not self._running:
            self._running = True
            for deadline in self.due.values():
                self._scheduler.add(deadline)

    @property
    def next_deadline(self) -> float | None:
        """The next deadline of the owner, None if it has none; checks all of them."""
        return min((each.when for each in self.due.values()), default=None)

    def __contains__(self, name: str) -> bool:
        """Whether `name` has a deadline."""
        return name in self.due

    def set(self, name: str, when: float, action: Action) -> None:
        """Run `action(now)` at `when`, replacing the previous deadline of `name`."""
        known = self.due.get(name)
        if known is not None and known.when == when:
            # Each measurement sets the time of the next publication.
            known.job = self, action
            return
        self.cancel(name)
        self.due[name] = deadline = _Deadline(when, name, (self, action))
        if self._running:
            self._scheduler.add(deadline)

    def cancel(self, name: str) -> None:
        """Cancel `name` if it is set."""
        if (deadline := self.due.pop(name, None)) is not None:
            self._scheduler.cancel(deadline)

    def stop(self) -> None:
        """Cancel all of them, and never run those that are set later."""
        self._running = False
        self.clear()

    def clear(self) -> None:
        """Cancel all of them."""
        for name in tuple(self.due):
            self.cancel(name)
