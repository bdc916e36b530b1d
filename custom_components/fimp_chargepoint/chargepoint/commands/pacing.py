"""When a message may leave: a start some time after a stop, a lasting setting not too often.

Relays wear out, and some cars give up, where charging goes on and off quickly. The memory in
which a charge point keeps its settings wears out by writing. And a message that was refused
for now may leave again until something newer has overtaken it. Pure.
"""

from collections.abc import Callable
from typing import Any

from ..model import ChargepointSnapshot, Feature

_NEVER = float("-inf")


class RateLimiter:
    """What was done last of all that may not be done too often, and when it may be again."""

    def __init__(self, restart_delay: float, write_interval: float) -> None:
        """Take the seconds between a stop and a start, and between writes of a setting."""
        self._restart_delay = restart_delay
        self._write_interval = write_interval
        self._stopped_at = _NEVER
        self._written_at: dict[str, float] = {}

    @property
    def start_at(self) -> float:
        """When charging may start at the earliest."""
        return self._stopped_at + self._restart_delay

    def write_at(self, setting: str) -> float:
        """Return when `setting` may be written at the earliest."""
        return self._written_at.get(setting, _NEVER) + self._write_interval

    def stopped(self, now: float) -> None:
        """Charging was stopped, or has stopped, whoever did it."""
        self._stopped_at = now

    def written(self, setting: str, now: float) -> None:
        """`setting` was written."""
        self._written_at[setting] = now

    def refused(self, setting: str) -> None:
        """Nothing was written after all."""
        self._written_at.pop(setting, None)


def overtakes_stop(then: ChargepointSnapshot, now: ChargepointSnapshot) -> bool:
    """Whether a stop of `then` has no sense any more: the car has left, or is another one."""
    left = now.plugged is False and then.plugged is not False
    return left or now.session.started != then.session.started


def overtakes_limit(
    feature: Feature, value: Any, snapshot: ChargepointSnapshot
) -> Callable[[ChargepointSnapshot, ChargepointSnapshot], bool] | None:
    """Return what overtakes a limit, None where `value` is none that lowers what holds.

    Charging has stopped, or somebody else has set another limit.
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
    """Return what shows the limits that somebody sets; in a pause nothing is offered."""
    if feature is Feature.MAX_CURRENT:
        return snapshot.max_current
    return snapshot.meter.offered_current or None
