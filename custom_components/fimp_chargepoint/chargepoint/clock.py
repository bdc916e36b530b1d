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

    def moment(self, when: float) -> datetime:
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
    def moment(self, when: float) -> datetime:
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
