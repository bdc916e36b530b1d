"""When a message may leave: a start some time after a stop, a lasting setting not too often.

Relays wear out, and some cars give up, where charging goes on and off quickly. The memory in
which a charge point keeps its settings wears out by writing. Pure.
"""

_NEVER = float("-inf")


class Pace:
    """What was done last of all that may not be done too often, and when it may be again."""

    def __init__(self, dwell: float, write_interval: float) -> None:
        """Take the seconds between a stop and a start, and between writes of a setting."""
        self._dwell = dwell
        self._write_interval = write_interval
        self._stopped_at = _NEVER
        self._written_at: dict[str, float] = {}

    @property
    def start_at(self) -> float:
        """When charging may start at the earliest."""
        return self._stopped_at + self._dwell

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
