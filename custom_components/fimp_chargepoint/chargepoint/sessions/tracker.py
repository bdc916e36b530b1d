"""Keeps watch over the sessions of one charge point: what happened, and what is kept of it.

Fed with snapshots and time. It knows nothing of storing or of entities.
"""

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from ..model import ChargepointSnapshot, Status, corrected
from ..scheduler import posix
from ..stored import DamagedError, Readers, dict_of, fields, list_of, number, timestamp
from .active_session import ActiveSession, arrived, found
from .cost import Price, SessionCost
from .events import FIRST_REPORTS_TIME, SessionEventType, SessionState, step
from .record import SessionRecord

RECORDS_MAX: Final = 100
#: Seconds until an end is told: the last energy comes a moment after the status, and a
#: station that is taken out of service says for a moment that the car has gone.
SETTLING_TIME: Final = 2.0
#: Clocks differ.
_TOLERANCE: Final = timedelta(seconds=1)

_ENDS: Final = frozenset({SessionEventType.SESSION_FINISHED, SessionEventType.CAR_DISCONNECTED})
_CHARGES: Final = frozenset({SessionEventType.CHARGING_STARTED, SessionEventType.CHARGING_RESUMED})


class SessionEvent(NamedTuple):
    """Something that happened; `record` comes with the end of a session."""

    event_type: SessionEventType
    record: SessionRecord | None = None


class SessionTracker:
    """The sessions of one charge point.

    `records` are those that are over, oldest first, `active` is the one that goes on, and
    `past` the one before it, whether anything was charged or not. `totals` is what all of
    them cost, by currency. `watched` is what the charge point last said of its session:
    when it began, and its energy.
    """

    def __init__(
        self, *, has_price: bool = False, moment: Callable[[float], datetime] = posix
    ) -> None:
        """Start empty; `has_price`: the user has named a price.

        `to_datetime` tells what the calendar says of a time.
        """
        self.has_price = has_price
        self._moment = moment
        self.records: list[SessionRecord] = []
        self.active: ActiveSession | None = None
        self.past: ActiveSession | None = None
        self.totals: dict[str, float] = {}
        self.watched: tuple[datetime, float] | None = None
        #: What a newer version has stored with all this.
        self._unknown: dict[str, Any] = {}
        #: When what is due is to be told, in POSIX seconds.
        self.next_deadline: float | None = None
        self._state = SessionState()
        self._snapshot: ChargepointSnapshot | None = None
        #: Since when there is no gap, and since when there is no car; None where there is.
        self._live_since: datetime | None = None
        self._unplugged_since: datetime | None = None
        #: Whether the visit may have ended in a gap, and whether that is the one between
        #: two runs: then whatever is said now was not known before.
        self._in_doubt = self._is_new_run = False
        #: Ends that are not told yet, and when they were seen.
        self._ends: dict[SessionEventType, datetime] = {}
        self._ends_are_news = False
        #: Since when the visit was watched that an earlier run has stored.
        self._stored_since: datetime | None = None

    # What happens -----------------------------------------------------------------

    def take(
        self, snapshot: ChargepointSnapshot, now: float, price: Price | None = None
    ) -> list[SessionEvent]:
        """Take a snapshot at `now`, while a kWh costs `price`; returns what happened."""
        state, event_types = step(self._state, snapshot)
        if not snapshot.available or SessionEventType.CAR_CONNECTED in event_types:
            # An end that was seen is an end.
            happened = self._settle(price)
        else:
            happened = []
        self._state, self._snapshot = state, snapshot
        if not snapshot.available:
            self._lose()
            return happened
        when = self._moment(now)
        self._live_since = self._live_since or when
        is_news = when - self._live_since >= timedelta(seconds=FIRST_REPORTS_TIME)
        before = self.active
        happened += self._follow(snapshot, when, price, event_types)
        if state.plugged is not False:
            self._unplugged_since = None
        elif self._unplugged_since is None:
            self._unplugged_since = when
        ends = [each for each in event_types if each in _ENDS]
        if state.plugged is False and self.active is not None and not self._ends:
            # Where nobody saw it go, there may be more to say of its session in a moment.
            ends.append(SessionEventType.CAR_DISCONNECTED)
        for each in ends:
            self._ends[each] = when
            self._ends_are_news = is_news
            self.next_deadline = now + SETTLING_TIME
        told = [self._in_this_run(each, before) for each in event_types if self._is_told(each)]
        return happened + ([SessionEvent(each) for each in told] if is_news else [])

    def tick(self, now: float, price: Price | None = None) -> list[SessionEvent]:
        """Do what is due at `now`; returns what happened."""
        if self.next_deadline is None or now < self.next_deadline:
            return []
        return self._settle(price)

    def reprice(self, price: Price) -> None:
        """Count the energy that had no price yet."""
        self.totals.setdefault(price.currency, 0.0)
        if self.active is not None and not self._in_doubt:
            self._watch(self.active, price)

    def clock_set(self, by: float) -> None:
        """Correct what was taken from our clock, which was set by so many seconds.

        Sessions that are over stay as they are, and so does what an earlier run has seen.
        """
        self._live_since = corrected(self._live_since, by)
        self._unplugged_since = corrected(self._unplugged_since, by)
        shift = timedelta(seconds=by)
        self._ends = {each: when + shift for each, when in self._ends.items()}
        active, snapshot = self.active, self._snapshot
        if active is None or snapshot is None or active.since == self._stored_since:
            return
        self.active = active.clock_set(by, snapshot.session)
        if active.recorded and active.ended is not None:
            self.records[-1:] = [self.active.record]

    def close(self, price: Price | None = None) -> list[SessionEvent]:
        """Tell what waits to be told; nobody listens any more."""
        return self._settle(price)

    def _is_told(self, event_type: SessionEventType) -> bool:
        """Whether an occurrence is told at once, and not later or never."""
        if event_type in _CHARGES:
            if self._ends.pop(SessionEventType.SESSION_FINISHED, None):
                # It was not the end.
                return False
            if self.active is not None:
                self.active = replace(self.active, ended=None)
        return event_type not in _ENDS

    def _in_this_run(
        self, event_type: SessionEventType, before: ActiveSession | None
    ) -> SessionEventType:
        """Return what it is for a session that has charged in an earlier run."""
        active = self.active
        if (
            event_type is SessionEventType.CHARGING_STARTED
            and before is not None
            and active is not None
            and before.since == active.since
            and before.charging_seen
        ):
            return SessionEventType.CHARGING_RESUMED
        return event_type

    def _lose(self) -> None:
        """Nobody listens any more: whatever goes on may end unseen."""
        self._in_doubt = self.active is not None
        if self._live_since is not None:
            self._is_new_run = False
        self._live_since = self._unplugged_since = None

    # The visit ----------------------------------------------------------------------

    def _follow(
        self,
        snapshot: ChargepointSnapshot,
        when: datetime,
        price: Price | None,
        event_types: Collection[SessionEventType],
    ) -> list[SessionEvent]:
        """Take what is said of the session."""
        session, energy = snapshot.session, snapshot.meter.session_energy
        if session.started is not None and energy is not None:
            self.watched = session.started, energy
        happened: list[SessionEvent] = []
        if SessionEventType.CAR_CONNECTED in event_types:
            self.active = arrived(snapshot, when, self._unplugged_since or when)
            self._in_doubt = False
        elif self.active is not None and self.active.is_same(session) is False:
            happened = self._change_visit(snapshot, when, price)
        elif self.active is None and self._state.plugged:
            self.active = found(snapshot, when)
        if self._in_doubt and self.active is not None:
            self._in_doubt = not (self.active.is_same(session) and snapshot.plugged)
        if self.active is not None and not self._in_doubt:
            self._watch(self.active.adopting(snapshot).updated(snapshot), price)
        return happened

    def _change_visit(
        self, snapshot: ChargepointSnapshot, when: datetime, price: Price | None
    ) -> list[SessionEvent]:
        """The charge point speaks of another session, and nobody saw the car leave."""
        began = snapshot.session.began or when
        is_seen = not self._in_doubt and began >= (self._live_since or when)
        happened = self._settle(price)
        if self.active is not None:
            if is_seen:
                self._keep(self.active, price)
            else:
                self._end_unseen(self.active, snapshot, price)
            self._leave()
        if self._state.plugged:
            active = found(snapshot, when)
            self.active = replace(active, session_cost=SessionCost()) if is_seen else active
        return happened

    def _watch(self, active: ActiveSession, price: Price | None) -> None:
        """Take over what is known of a visit that goes on."""
        active = self._session_cost(active, price)
        if active.recorded and active.ended is not None:
            # The car is full, but may still take a little.
            self._rewrite(active.record)

    def _session_cost(self, active: ActiveSession, price: Price | None) -> ActiveSession:
        """Return the visit with a bill for its energy, which is taken over."""
        self.active, added = active.billed(price, has_price=self.has_price)
        if price is not None:
            self.totals[price.currency] = self.totals.get(price.currency, 0.0) + added
        return self.active

    # Its end ------------------------------------------------------------------------

    def _settle(self, price: Price | None) -> list[SessionEvent]:
        """Tell the ends that were seen."""
        ends, self._ends, self.next_deadline = self._ends, {}, None
        snapshot, active = self._snapshot, self.active
        if not ends or snapshot is None:
            return []
        if active is not None and self._in_doubt:
            self._end_unseen(active, snapshot, price)
            self._leave()
            return []
        happened: list[SessionEvent] = []
        gone = ends.get(SessionEventType.CAR_DISCONNECTED)
        finished = ends.get(SessionEventType.SESSION_FINISHED)
        if active is not None:
            if finished is None and not active.recorded and active.counts:
                # It was over before we listened.
                finished = gone
            if finished is not None:
                record = self._keep(replace(active, ended=_end(active, snapshot, finished)), price)
                happened.append(SessionEvent(SessionEventType.SESSION_FINISHED, record))
        if gone is not None:
            self._leave()
            if snapshot.status is Status.OUT_OF_SERVICE:
                # It only seemed that the car had gone.
                self._state = replace(self._state, plugged=None)
            else:
                happened.append(SessionEvent(SessionEventType.CAR_DISCONNECTED))
        return happened if self._ends_are_news else []

    def _leave(self) -> None:
        """The visit is over for good."""
        self.past, self.active = self.active or self.past, None
        self._in_doubt = False

    def _end_unseen(
        self, active: ActiveSession, snapshot: ChargepointSnapshot, price: Price | None
    ) -> None:
        """Record a session that ended while nobody listened, with what is sure."""
        is_same = bool(active.is_same(snapshot.session))
        ended = snapshot.session.ended if is_same else None
        if ended is not None and ended > (self._live_since or ended) + _TOLERANCE:
            # That is when it was found to be over.
            ended = None
        if ended is not None or (is_same and self._is_new_run):
            self._keep(replace(active.updated(snapshot), ended=active.ended or ended), price)
        elif not active.recorded and active.counts:
            self._keep(replace(active, energy=None, charging_seen=True), None)

    def _keep(self, active: ActiveSession, price: Price | None) -> SessionRecord:
        """Put a visit among the records, once, where anything was charged."""
        active = self._session_cost(active, price)
        record = active.record
        if active.recorded:
            self._rewrite(record)
        elif active.counts:
            self.records = [*self.records, record][-RECORDS_MAX:]
            self.active = replace(active, recorded=True)
        return record

    def _rewrite(self, record: SessionRecord) -> None:
        """There is more to say of the last session."""
        unknown = self.records[-1].unknown if self.records else {}
        self.records[-1:] = [replace(record, unknown=unknown)]

    @property
    def mark(self) -> tuple[Any, ...]:
        """What differs when there is something new to store."""
        return self.active, self.past, self.records[-1:], self.watched, [*self.totals.items()]

    # Between two runs -----------------------------------------------------------------

    def to_storage(self) -> dict[str, Any]:
        """Return what `restore` takes, fit for JSON."""
        return {
            **self._unknown,
            "records": [each.to_storage() for each in self.records],
            "active": None if self.active is None else self.active.to_storage(),
            "past": None if self.past is None else self.past.to_storage(),
            "totals": dict(self.totals),
            "watched": None
            if self.watched is None
            else [self.watched[0].isoformat(), self.watched[1]],
        }

    def restore(self, data: Any) -> None:
        """Take over what an earlier run has stored, as far as it can be read.

        Raises:
            DamagedError: it is not an object, and nothing is taken over.

        """
        known, self._unknown = fields(data, _READERS)
        self.records = known.get("records", [])
        self.active, self.past = known.get("active"), known.get("past")
        self.totals = known.get("totals", {})
        self.watched = known.get("watched")
        if self.active is not None and self.active.recorded and not _has_last(data):
            # Its record comes last, and would else take the place of another one.
            self.records = [*self.records, self.active.record][-RECORDS_MAX:]
        self._stored_since = None if self.active is None else self.active.since
        self._in_doubt = self._is_new_run = self.active is not None


def _watched(value: Any) -> tuple[datetime, float]:
    """Read when a session began, and its energy."""
    if not isinstance(value, list) or len(value) != 2:  # noqa: PLR2004
        raise DamagedError("not a moment and an energy")
    return timestamp(value[0]), number(value[1])


def _has_last(data: Mapping[str, Any]) -> bool:
    """Whether the last of the stored records can be read."""
    with suppress(DamagedError):
        return bool(list_of(SessionRecord.from_storage, 1)(data.get("records")))
    return False


_READERS: Readers = {
    "records": list_of(SessionRecord.from_storage, RECORDS_MAX),
    "active": ActiveSession.from_storage,
    "past": ActiveSession.from_storage,
    "totals": dict_of(number),
    "watched": _watched,
}


def merged(earlier: Any, later: Any) -> dict[str, Any]:
    """Return what two logbooks of the same charge point have stored as one."""
    old, new = SessionTracker(), SessionTracker()
    for tracker, data in ((old, earlier), (new, later)):
        with suppress(DamagedError):
            tracker.restore(data)
    totals = {
        currency: old.totals.get(currency, 0.0) + new.totals.get(currency, 0.0)
        for currency in old.totals | new.totals
    }
    records = [*old.records, *new.records][-RECORDS_MAX:]
    stored = old.to_storage() | new.to_storage()
    return stored | {"records": [each.to_storage() for each in records], "totals": totals}


def _end(active: ActiveSession, snapshot: ChargepointSnapshot, seen: datetime) -> datetime:
    """Return when a visit ended: as the charge point says, else as it was `seen`."""
    told = snapshot.session.ended if active.is_same(snapshot.session) else None
    if told is None or not (active.began or active.since) <= told <= seen + _TOLERANCE:
        return seen
    return told
