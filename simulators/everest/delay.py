"""The random delay before a change of the limit, as the United Kingdom wants it."""

import asyncio
from typing import Any

from . import messages
from .point import Point
from .requests import integer

_LONGEST = 600
_STEP_SECONDS = 1.0


class RandomDelay:
    """A delay that always is as long as it may be, since nobody can test chance."""

    def __init__(self, evse: Point) -> None:
        """Begin disabled."""
        self._station = evse.station
        self._evse = evse
        self._enabled = False
        self._longest = _LONGEST
        self._started = ""
        self._task: asyncio.Task[None] | None = None
        self.remaining = 0
        """Seconds that are left; 0 is no delay."""
        api = evse.voice.api
        if evse.setup.delay:
            # Without the part behind them nobody listens to these words.
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
        """Delay no more, and no longer; nothing is told of it either."""
        self._enabled = False
        self.cancel()

    def set_longest(self, seconds: Any) -> None:
        """Take another duration for the next delay."""
        self._longest = integer(seconds)

    def begin(self) -> None:
        """Delay, if that is wanted and there is something to delay."""
        if not self._enabled or not self._evse.voice.charging_allowed:
            return
        if not self._longest:
            # EVerest divides chance by it.
            self._station.die("a division by zero: the longest delay is none")
            return
        self._stop()
        self.remaining = max(0, self._longest)
        self._started = messages.now()
        self._task = self._station.spawn(self._count())

    def cancel(self) -> None:
        """End a delay as if its time had come."""
        if self.remaining:
            self._stop()
            self._evse.settle()

    def describe(self, current: float) -> dict[str, Any]:
        """Tell what it does, and since when; ``current`` is the limit behind it."""
        return {
            "current_limit_after_delay_A": current,
            "current_limit_during_delay_A": 0.0,
        } | ({"start_time": self._started} if self.remaining else {})

    def tell(self, current: float) -> None:
        """Tell in each round of the energy manager what is left, also where that is nothing."""
        if self._enabled:
            countdown = {"countdown_s": self.remaining, **self.describe(current)}
            self._evse.voice.api.publish("random_delay_countdown", countdown)

    def _stop(self) -> None:
        self.remaining = 0
        if self._task:
            self._task.cancel()

    async def _count(self) -> None:
        while self.remaining:
            await asyncio.sleep(_STEP_SECONDS)
            self.remaining -= 1
        self._task = None
        self._evse.settle()
