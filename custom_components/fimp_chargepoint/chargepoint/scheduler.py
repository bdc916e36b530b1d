"""The clock and the scheduler of a hub. Time is an argument everywhere else.

A `float` is a moment of this clock, which never jumps: what deadlines, ages and durations are
made of. A `datetime` is what the calendar says, for people, for the wire and for the disk. A
system clock that is set, as that of a small computer soon after it was switched on, changes
what the calendar says of every moment, and no duration.
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

#: The same for every clock, so that a moment of one means the same to the next one.
_EPOCH: Final = system_time() - monotonic()
#: Seconds that the system clock may be off before it counts as set.
_TOLERANCE: Final = 5.0
#: Seconds after which it is noticed at the latest that the system clock was set.
_CLOCK_INTERVAL: Final = 60.0
#: Cancelled deadlines that the heap may hold beside as many valid ones.
_CANCELLED_MAX: Final = 64


def posix(when: float) -> datetime:
    """Return the aware `datetime` of a moment in POSIX seconds."""
    return datetime.fromtimestamp(when, UTC)


class Clock(Protocol):
    """Tells the time in seconds that never jump, and calls back at a time."""

    def now(self) -> float:
        """Return the present moment."""

    def call_at(self, when: float, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` at `when`; the returned function cancels that."""

    def to_datetime(self, when: float) -> datetime:
        """Return what the calendar says of a moment of the clock, by what is known now."""
        return posix(when)

    def adjust(self) -> float:
        """Follow the system clock; return by how many seconds it was set, 0.0 if it was not."""
        return 0.0


class SteadyClock(Clock):
    """Real time: POSIX seconds when the program started plus monotonic seconds since."""

    def __init__(self) -> None:
        """Read the system clock; needs a running event loop."""
        self._loop = asyncio.get_running_loop()
        self._ahead = self._measure()

    @override
    def now(self) -> float:
        """Return the present moment."""
        return _EPOCH + self._loop.time()

    @override
    def call_at(self, when: float, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` at `when`; the returned function cancels that."""
        return self._loop.call_at(when - _EPOCH, callback).cancel

    @override
    def to_datetime(self, when: float) -> datetime:
        """Return what the calendar says of a moment of the clock, by what is known now."""
        return posix(when + self._ahead)

    @override
    def adjust(self) -> float:
        """Follow the system clock; return by how many seconds it was set, 0.0 if it was not."""
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
    """An action, whose it is, and when it is due; None if it was cancelled.

    A cancelled one must not keep its owner, which may be a removed node, in memory.
    """

    when: float
    name: str
    job: tuple[Timers, Action] | None
    number: int = 0

    def __lt__(self, other: _Deadline) -> bool:
        return (self.when, self.number) < (other.when, other.number)


class Scheduler:
    """Everything of one hub that happens later: a heap of deadlines, one timer of the loop.

    A deadline that is moved or cancelled stays in the heap until its time, so that setting one
    costs the same with one charge point as with a thousand.
    """

    def __init__(
        self, clock: Clock, errors: InternalErrors, *, before: Callable[[], None] = lambda: None
    ) -> None:
        """Call `before()` each time when something is due."""
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
        """The nearest deadline, None if there is none."""
        while self._heap and self._heap[0].job is None:
            heappop(self._heap)
            self._cancelled -= 1
        return self._heap[0].when if self._heap else None

    def run(self, now: float) -> None:
        """Run what is due, in the order of the deadlines.

        What an action sets is left for the next time, even if it is due already.
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
        """Set the timer of the loop to the nearest deadline."""
        if self._disarm is not None:
            self._disarm()
            self._disarm = None
        self._armed_for = float("inf")
        if (when := self.next_deadline) is not None and not self._stopped:
            self._armed_for = min(when, self._clock.now() + _CLOCK_INTERVAL)
            self._disarm = self._clock.call_at(self._armed_for, lambda: self.run(self._clock.now()))

    def stop(self) -> None:
        """Run nothing any more."""
        self._stopped = True
        self.rearm()

    def add(self, deadline: _Deadline) -> None:
        """Add a deadline; only `Timers` does that."""
        self._number += 1
        deadline.number = self._number
        heappush(self._heap, deadline)
        if deadline.when < self._armed_for:
            self.rearm()

    def cancel(self, deadline: _Deadline) -> None:
        """Cancel a deadline; only `Timers` does that."""
        deadline.job = None
        self._cancelled += 1
        if self._cancelled > _CANCELLED_MAX + len(self._heap) // 2:
            self._heap = [each for each in self._heap if each.job is not None]
            heapify(self._heap)
            self._cancelled = 0


class Timers:
    """The deadlines of one owner, by name: setting a name again moves its deadline."""

    def __init__(self, scheduler: Scheduler, owner: object = None, *, running: bool = True) -> None:
        """Have none; `owner` is what an action that raises is logged with.

        Before `start`, those that are not `running` only remember what they are to do.
        """
        self._scheduler = scheduler
        self._running = running
        self.owner = owner
        self.due: dict[str, _Deadline] = {}

    def start(self) -> None:
        """Run what is set, from now on."""
        if not self._running:
            self._running = True
            for deadline in self.due.values():
                self._scheduler.add(deadline)

    @property
    def next_deadline(self) -> float | None:
        """The nearest deadline of the owner, None if it has none; looks at all of them."""
        return min((each.when for each in self.due.values()), default=None)

    def __contains__(self, name: str) -> bool:
        """Whether `name` has a deadline."""
        return name in self.due

    def set(self, name: str, when: float, action: Action) -> None:
        """Run `action(now)` at `when`, instead of what was set for `name` before."""
        self.cancel(name)
        self.due[name] = deadline = _Deadline(when, name, (self, action))
        if self._running:
            self._scheduler.add(deadline)

    def cancel(self, name: str) -> None:
        """Cancel `name`, which need not be set."""
        if (deadline := self.due.pop(name, None)) is not None:
            self._scheduler.cancel(deadline)

    def stop(self) -> None:
        """Cancel all of them, and run nothing that is set later."""
        self._running = False
        self.clear()

    def clear(self) -> None:
        """Cancel all of them."""
        for name in tuple(self.due):
            self.cancel(name)
