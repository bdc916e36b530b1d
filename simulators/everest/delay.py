"""The random delay before a car charges, as some countries want it."""

import asyncio
from typing import TYPE_CHECKING, Any

from . import messages
from .requests import integer

if TYPE_CHECKING:
    from .evse import Evse
    from .station import EverestSimulator

_LONGEST = 600
_STEP_SECONDS = 1.0


class RandomDelay:
    """A delay that always is as long as it may be, since nobody can test chance."""

    def __init__(self, station: EverestSimulator, evse: Evse) -> None:
        """Begin disabled."""
        self._station = station
        self._evse = evse
        self._enabled = False
        self._longest = _LONGEST
        self._started = ""
        self._task: asyncio.Task[None] | None = None
        self.remaining = 0
        """Seconds that are left; 0 is no delay."""
        api = evse.voice.api
        # Without the part behind them the words are heard and mean nothing.
        api.signals |= {
            "random_delay_enable": self.enable,
            "random_delay_disable": self.disable,
            "random_delay_cancel": self.cancel,
        }
        api.orders["random_delay_set_duration_s"] = self.set_longest

    def reset(self) -> None:
        """Be as after a start."""
        self._stop()
        self._enabled = False
        self._longest = _LONGEST

    def enable(self) -> None:
        """Delay from the next time on that charging begins."""
        self._enabled = self._evse.setup.delay

    def disable(self) -> None:
        """Delay no more, and no longer."""
        self._enabled = False
        self.cancel()

    def set_longest(self, seconds: Any) -> None:
        """Take another duration for the next delay."""
        self._longest = max(0, integer(seconds))

    def begin(self) -> None:
        """Delay, if that is wanted and there is something to delay."""
        if self._enabled and self._longest and self._evse.course.charging_allowed:
            self._stop()
            self.remaining = self._longest
            self._started = messages.now()
            self._task = self._station.spawn(self._count())

    def cancel(self) -> None:
        """End a delay as if its time had come."""
        if self.remaining:
            self._stop()
            self._tell()
            self._evse.course.settle()

    def describe(self) -> dict[str, Any]:
        """Tell how long it takes and what that does."""
        return {
            "current_limit_after_delay_A": self._evse.energy.current,
            "current_limit_during_delay_A": 0.0,
            "start_time": self._started,
        }

    def _tell(self) -> None:
        self._evse.voice.api.publish(
            "random_delay_countdown", {"countdown_s": self.remaining, **self.describe()}
        )

    def _stop(self) -> None:
        self.remaining = 0
        if self._task:
            self._task.cancel()

    async def _count(self) -> None:
        while self.remaining:
            self._tell()
            await asyncio.sleep(_STEP_SECONDS)
            self.remaining -= 1
        self._task = None
        self._tell()
        self._evse.course.settle()
