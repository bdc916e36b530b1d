"""Whether somebody else keeps changing the limit of the current that was set from here. Pure.

One change is a user in the maker's app, or a restart. Load balancing that stays below our
limit is no quarrel either: it names itself as the source. But two controllers that set the
same limit in turn never come to rest.
"""

from collections import deque
from typing import Final, NamedTuple

from ..features import Feature
from ..model import ChargepointSnapshot

#: So many changes within so many seconds are no accident.
TIMES: Final = 3
WINDOW: Final = 7200.0
#: Seconds within which a limit that comes back by itself was never gone: a late report.
_ECHO: Final = 60.0
#: A as small as this is rounding.
_SAME: Final = 0.05


class CompetingController(NamedTuple):
    """What was set from here, and what somebody else made of it in the end, in A."""

    ours: float
    theirs: float


class CompetingControllerDetector:
    """Watches the snapshots of one charge point."""

    def __init__(self) -> None:
        """Nothing was set yet."""
        self._wanted: float | None = None
        #: What was set from here and proven, until it was changed; who limited then.
        self._ours: float | None = None
        self._source: str | None = None
        self._current: float | None = None
        #: What was set from here when somebody changed it, and when that was.
        self._lost: tuple[float, float] | None = None
        self._changes: deque[float] = deque(maxlen=TIMES)

    def take(self, snapshot: ChargepointSnapshot, now: float) -> CompetingController | None:
        """Return that there is a rival, where this snapshot shows it."""
        before, self._current = self._current, snapshot.max_current
        current, wanted = self._current, snapshot.pending.get(Feature.MAX_CURRENT)
        settled, self._wanted = self._wanted, wanted
        if wanted is not None or current is None:
            return None
        if settled is not None and _same(current, settled):
            self._hold(current, snapshot)
        elif self._ours is not None and _same(before, self._ours):
            return self._changed(self._ours, snapshot, now)
        elif self._lost is not None and _same(current, self._lost[0]):
            if now - self._lost[1] <= _ECHO:
                self._changes.pop()
                self._hold(current, snapshot)
            self._lost = None
        return None

    def is_quiet(self, now: float) -> bool:
        """Whether nobody has changed our limit for long."""
        return not self._changes or now - self._changes[-1] > WINDOW

    def _hold(self, current: float, snapshot: ChargepointSnapshot) -> None:
        self._ours, self._source, self._lost = current, snapshot.limited_by, None

    def _changed(
        self, ours: float, snapshot: ChargepointSnapshot, now: float
    ) -> CompetingController | None:
        """Our limit held until now; see what holds instead."""
        current = snapshot.max_current
        if current is None or _same(current, ours):
            return None
        other = snapshot.limited_by not in (None, self._source)
        if current < ours and other:
            # Ours holds again when that is over.
            return None
        self._ours, self._lost = None, (ours, now)
        self._changes.append(now)
        if len(self._changes) < TIMES or now - self._changes[0] > WINDOW:
            return None
        return CompetingController(ours, current)


def _same(one: float | None, other: float | None) -> bool:
    return one is not None and other is not None and abs(one - other) < _SAME
