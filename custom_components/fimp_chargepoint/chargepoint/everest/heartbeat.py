"""The heartbeat of a module: its pace, a restart, and how long a silence may be. Pure.

EVerest API v1: a counter from 0, which 2025.10 does not send (`{}`). It may be seconds
apart, or switched off; any message is a sign of life.
"""

from typing import Any, Final, NamedTuple

#: Seconds of silence that are always allowed, and heartbeats that may be missed.
_SILENCE_MIN: Final = 30.0
_MISSED_BEATS: Final = 3
#: The part of the allowed silence after which a sign of life is asked for.
_ASK_AFTER: Final = 2 / 3
#: The longest heartbeat that is believed, in seconds; examples of EVerest have 40.
_INTERVAL_MAX: Final = 120.0


class Look(NamedTuple):
    """What is to be thought of a silence: ask for a sign of life, give up, look again then."""

    asks: bool
    silent: bool
    due: float


def look(heard_at: float, limit: float, now: float) -> Look:
    """Return what follows from having heard nothing since `heard_at`; `limit` is allowed.

    It asks in time, and again and again once nobody is there.
    """
    ask_at, silent_at = heard_at + _ASK_AFTER * limit, heard_at + limit
    if now < ask_at:
        return Look(asks=False, silent=False, due=ask_at)
    if now < silent_at:
        return Look(asks=True, silent=False, due=silent_at)
    return Look(asks=True, silent=True, due=now + _ASK_AFTER * limit)


class HeartbeatMonitor:
    """What the heartbeats of a module have told."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._count: int | None = None
        self._at: float | None = None
        self._interval = 0.0

    @property
    def silence_max(self) -> float:
        """The seconds of silence after which nobody is there any more."""
        return max(_SILENCE_MIN, _MISSED_BEATS * self._interval)

    def set_interval(self, interval: float) -> None:
        """Take over the interval that a discovery tells, in seconds."""
        self._interval = min(max(interval, 0.0), _INTERVAL_MAX)

    def received(self, value: Any, now: float) -> bool:
        """Take a heartbeat; returns whether the module has started anew before it."""
        count = value if type(value) is int else None
        before, before_at = self._count, self._at
        self._count, self._at = count, now
        beats = 1 if count is None or before is None else count - before
        if beats > 0 and before_at is not None:
            self._interval = min((now - before_at) / beats, _INTERVAL_MAX)
        # Two that begin at 0 are two starts, one right after the other.
        return beats < 0 or (beats == 0 and count == 0)

    def missed(self) -> None:
        """Some heartbeats may have been missed: the next interval is none."""
        self._at = None

    def forget(self) -> None:
        """Nobody listened for a while: whether it started anew cannot be seen."""
        self._count = self._at = None


def is_heartbeat(value: Any) -> bool:
    """Whether `value` is a heartbeat: a counter, or in 2025.10 an empty object."""
    return value == {} or type(value) is int
