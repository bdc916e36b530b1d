"""The one clock of a hub. Time is an argument everywhere else."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time in POSIX seconds and calls back at a time."""

    def now(self) -> float:
        """Return the present moment in POSIX seconds."""

    def call_at(self, when: float, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` at `when`; the returned function cancels that."""


class SteadyClock:
    """Real time that never jumps: POSIX seconds of its start plus monotonic seconds since."""

    def __init__(self) -> None:
        """Anchor the clock; needs a running event loop."""
        self._loop = asyncio.get_running_loop()
        self._epoch = datetime.now(UTC).timestamp() - self._loop.time()

    def now(self) -> float:
        """Return the present moment in POSIX seconds."""
        return self._epoch + self._loop.time()

    def call_at(self, when: float, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` at `when`; the returned function cancels that."""
        return self._loop.call_at(when - self._epoch, callback).cancel


def moment(now: float) -> datetime:
    """Return the aware `datetime` of a moment of the clock."""
    return datetime.fromtimestamp(now, UTC)
