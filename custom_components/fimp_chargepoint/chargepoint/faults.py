"""Which problems came and went, out of snapshots. Pure.

A charge point tells of its problems only when it is asked, so for a while after a gap what
it tells is no news, and what was known before the gap is none either. Of one fault there are
several things to tell, one after the other: they are one piece of news.
"""

from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from .model import ChargepointSnapshot, Status
from .sessions.events import FIRST_REPORTS_TIME
from .station import StationSnapshot

#: Seconds in which all is told of one fault.
SETTLING_TIME: Final = 2.0
#: What a problem without a name is called.
NAMELESS: Final = "error"


class FaultChanges(NamedTuple):
    """The names of problems that came and went."""

    raised: tuple[str, ...] = ()
    cleared: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FaultTracker:
    """The problems that are there, those that are known, and those of before a gap.

    `since` is when the gap ended, None in it, `due` is when there will be news, None where
    there is none; both in POSIX seconds.
    """

    names: frozenset[str] = frozenset()
    known: frozenset[str] = frozenset()
    before: frozenset[str] = frozenset()
    since: float | None = None
    due: float | None = None


def follow(
    faults: FaultTracker, snapshot: ChargepointSnapshot | StationSnapshot, now: float
) -> FaultTracker:
    """Return what there is after `snapshot`."""
    if not snapshot.available:
        return FaultTracker(before=faults.before | faults.known)
    since = now if faults.since is None else faults.since
    names = _names(faults, snapshot)
    known = faults.known | (names & faults.before)
    if now - since < FIRST_REPORTS_TIME:
        known = names
    return FaultTracker(
        names=names,
        known=known,
        before=faults.before - names,
        since=since,
        due=None if names == known else faults.due or now + SETTLING_TIME,
    )


def news(faults: FaultTracker, now: float) -> tuple[FaultTracker, FaultChanges]:
    """Return what is due at `now`, which is known from then on."""
    if faults.due is None or now < faults.due:
        return faults, FaultChanges()
    return replace(faults, known=faults.names, due=None), FaultChanges(
        raised=tuple(sorted(faults.names - faults.known)),
        cleared=tuple(sorted(faults.known - faults.names)),
    )


def _names(faults: FaultTracker, snapshot: ChargepointSnapshot | StationSnapshot) -> frozenset[str]:
    """Return what is wrong; a fault whose name comes late is not another one by then."""
    names = frozenset(snapshot.problems)
    status = snapshot.status if isinstance(snapshot, ChargepointSnapshot) else None
    nameless = status is Status.ERROR and (not names or NAMELESS in faults.known)
    return names | {NAMELESS} if nameless else names
