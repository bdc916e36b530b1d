"""Which problems began and ended, according to snapshots. Pure.

A charge point reports its problems only on request. So problems reported in the first seconds after
a gap are not new, and neither are those known before. A fault may have several names, which are
reported one after the other: they are one change.
"""

from dataclasses import dataclass, replace
from typing import Final, NamedTuple, Self

from .model import ChargepointSnapshot, Status
from .sessions.events import FIRST_REPORTS_TIME
from .station import StationSnapshot

#: Seconds in which all names of one fault are reported.
SETTLING_TIME: Final = 2.0
#: The name of a problem without a name.
NAMELESS: Final = "error"


class FaultChanges(NamedTuple):
    """The names of problems that began and ended."""

    raised: tuple[str, ...] = ()
    cleared: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FaultTracker:
    """The names of the present problems, of the known ones, and of those before a gap.

    `since` is when the gap ended, None in it; `due` is when changes are pending, None if there
    are none. Both are in POSIX seconds.
    """

    names: frozenset[str] = frozenset()
    known: frozenset[str] = frozenset()
    before: frozenset[str] = frozenset()
    since: float | None = None
    due: float | None = None

    def update(self, snapshot: ChargepointSnapshot | StationSnapshot, now: float) -> Self:
        """Return the tracker after `snapshot`."""
        if not snapshot.available:
            return type(self)(before=self.before | self.known)
        since = now if self.since is None else self.since
        names = self._names(snapshot)
        is_first = now - since < FIRST_REPORTS_TIME
        known = names if is_first else self.known | (names & self.before)
        due = None if names == known else self.due or now + SETTLING_TIME
        return replace(
            self, names=names, known=known, before=self.before - names, since=since, due=due
        )

    def pending(self, now: float) -> tuple[Self, FaultChanges]:
        """Return the tracker after the changes that are due at `now`, and these changes."""
        if self.due is None or now < self.due:
            return self, FaultChanges()
        return replace(self, known=self.names, due=None), FaultChanges(
            raised=tuple(sorted(self.names - self.known)),
            cleared=tuple(sorted(self.known - self.names)),
        )

    def _names(self, snapshot: ChargepointSnapshot | StationSnapshot) -> frozenset[str]:
        """Return the present problems; a fault whose name is reported late stays the same fault."""
        names = frozenset(snapshot.problems)
        status = snapshot.status if isinstance(snapshot, ChargepointSnapshot) else None
        nameless = status is Status.ERROR and (not names or NAMELESS in self.known)
        return names | {NAMELESS} if nameless else names
