"""When to send a message: a start some time after a stop, stored settings not too often.

Relays wear out, and some cars give up, if charging goes on and off quickly. The memory in which
a charge point stores its settings wears out by writing. A message that was refused temporarily may
be sent again until something newer has made it obsolete. Pure.
"""

from collections.abc import Callable
from typing import Any

from ..model import ChargepointSnapshot, Feature

_NEVER = float("-inf")


class RateLimiter:
    """Remembers actions that must not happen too often, and when they may happen again."""

    def __init__(self, restart_delay: float, write_interval: float) -> None:
        """Set the seconds between a stop and a start, and between writes of a setting."""
        self._restart_delay = restart_delay
        self._write_interval = write_interval
        self._stopped_at = _NEVER
        self._written_at: dict[str, float] = {}

    @property
    def start_at(self) -> float:
        """The earliest time to start charging."""
        return self._stopped_at + self._restart_delay

    def write_at(self, setting: str) -> float:
        """Return the earliest time to write `setting`."""
        return self._written_at.get(setting, _NEVER) + self._write_interval

    def stopped(self, now: float) -> None:
        """Record that charging has stopped, for whatever reason."""
        self._stopped_at = now

    def written(self, setting: str, now: float) -> None:
        """Record that `setting` was written."""
        self._written_at[setting] = now

    def refused(self, setting: str) -> None:
        """Record that nothing was written after all."""
        self._written_at.pop(setting, None)


def overtakes_stop(then: ChargepointSnapshot, now: ChargepointSnapshot) -> bool:
    """Whether a stop of `then` is obsolete: the car has left, or it is another one."""
    left = now.plugged is False and then.plugged is not False
    return left or now.session.started != then.session.started


def overtakes_limit(
    feature: Feature, value: Any, snapshot: ChargepointSnapshot
) -> Callable[[ChargepointSnapshot, ChargepointSnapshot], bool] | None:
    """Return what overtakes a limit, None if `value` does not lower the limit that applies.

    A limit is overtaken if charging has stopped, or if another client has set another limit.
    """
    limits = [snapshot.max_current]
    if feature is Feature.SESSION_CURRENT:
        limits += [snapshot.session_current, _shown(feature, snapshot)]
    elif feature is not Feature.MAX_CURRENT:
        return None
    if value >= min((each for each in limits if each is not None), default=0.0):
        return None

    def overtaken(then: ChargepointSnapshot, now: ChargepointSnapshot) -> bool:
        stopped = then.charging is True and now.charging is False
        before, after = _shown(feature, then), _shown(feature, now)
        changed = None not in (before, after) and before != after
        return overtakes_stop(then, now) or stopped or changed

    return overtaken


def _shown(feature: Feature, snapshot: ChargepointSnapshot) -> float | None:
    """Return the value that reveals limits of other clients; in a pause nothing is offered."""
    if feature is Feature.MAX_CURRENT:
        return snapshot.max_current
    return snapshot.meter.offered_current or None
