"""The random delay before a change of the limit, required in the United Kingdom."""

import asyncio
from typing import Any

from . import messages
from .point import Point
from .requests import integer

_LONGEST = 600
_STEP_SECONDS = 1.0


class RandomDelay:
    """A delay that always has its maximum duration, since chance cannot be tested."""

    def __init__(self, evse: Point) -> None:
        """Start disabled."""
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
            # Without the corresponding module these messages are ignored.
            api.signals |= {
                "random_delay_enable": self.enable,
                "random_delay_disable": self.disable,
                "random_delay_cancel": self.cancel,
            }
            api.orders["random_delay_set_duration_s"] = self.set_longest

    def reset(self) -> None:
        """Reset, as after a start."""
        self._stop()
        self._enabled = False
        self._longest = _LONGEST

    def enable(self) -> None:
        """Delay from the next start of charging on."""
        self._enabled = self._evse.setup.delay

    def disable(self) -> None:
        """End the delay and disable it; this is not reported either."""
        self._enabled = False
        self.cancel()

    def set_longest(self, seconds: Any) -> None:
        """Change the duration of the next delay."""
        self._longest = integer(seconds)

    def begin(self) -> None:
        """Start a delay, if enabled and if there is something to delay."""
        if not self._enabled or not self._evse.voice.charging_allowed:
            return
        if not self._longest:
            # EVerest uses it as a divisor.
            self._station.die("a division by zero: the longest delay is none")
            return
        self._stop()
        self.remaining = max(0, self._longest)
        self._started = messages.now()
        self._task = self._station.spawn(self._count())

    def cancel(self) -> None:
        """End a delay as if its time were over."""
        if self.remaining:
            self._stop()
            self._evse.settle()

    def describe(self, current: float) -> dict[str, Any]:
        """Return its state and since when it applies; ``current`` is the delayed limit."""
        return {
            "current_limit_after_delay_A": current,
            "current_limit_during_delay_A": 0.0,
        } | ({"start_time": self._started} if self.remaining else {})

    def publish(self, current: float) -> None:
        """Publish the remaining time in each round of the energy manager, even if it is zero."""
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
