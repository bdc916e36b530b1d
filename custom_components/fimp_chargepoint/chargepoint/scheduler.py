"""The one clock of a hub. Time is an argument everywhere else.

A `float` is a moment of this clock, which never jumps: what deadlines, ages and durations are
made of. A `datetime` is what the calendar says, for people, for the wire and for the disk. A
system clock that is set, as that of a small computer soon after it was switched on, changes
what the calendar says of every moment, and no duration.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from time import monotonic
from time import time as system_time
from typing import Final, Protocol, override

#: The same for every clock, so that a moment of one means the same to the next one.
_EPOCH: Final = system_time() - monotonic()
#: Seconds that the system clock may be off before it counts as set.
_TOLERANCE: Final = 5.0


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


class Timers:
    """Actions to run at a time, by name: setting a name again moves its deadline."""

    def __init__(self, wake: Callable[[], None]) -> None:
        """Remember `wake`, called when the next deadline came nearer."""
        self._wake = wake
        self._due: dict[str, tuple[float, Action]] = {}

    @property
    def next_deadline(self) -> float | None:
        """The nearest deadline in POSIX seconds, None where there is none."""
        return min((when for when, _ in self._due.values()), default=None)

    def __contains__(self, name: str) -> bool:
        """Whether `name` has a deadline."""
        return name in self._due

    def set(self, name: str, when: float, action: Action) -> None:
        """Run `action(now)` at `when`, in place of what `name` stood for before."""
        nearest = self.next_deadline
        self._due[name] = (when, action)
        if nearest is None or when < nearest:
            self._wake()

    def cancel(self, name: str) -> None:
        """Forget `name`; it need not exist."""
        self._due.pop(name, None)

    def clear(self) -> None:
        """Forget everything."""
        self._due.clear()

    def tick(self, now: float) -> None:
        """Run what is due, in the order of the deadlines."""
        due = sorted((when, name) for name, (when, _) in self._due.items() if when <= now)
        for when, name in due:
            # An action may have moved or cancelled one that was due after it.
            entry = self._due.get(name)
            if entry is not None and entry[0] == when:
                del self._due[name]
                entry[1](now)
