"""Watches the sessions of one charge point: the events, and the records.

It is given snapshots and times, and knows nothing of storage or entities.

A *gap* is a time without reports: the charge point, its broker or Home Assistant was away. The
session from before a gap is *in doubt* until the charge point reports the same one with a car. If
it reports something else, that session has ended in the gap: its end is reported late.
"""

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Final, override

from ..model import ChargepointSnapshot, Status
from ..scheduler import posix
from ..session import Session, corrected
from .events import FIRST_REPORTS_TIME, SessionEvent, SessionEventType, SessionState, step
from .history import CLOCK_TOLERANCE, ActiveSession, SessionHistory
from .record import Price, SessionCost, SessionRecord

#: Seconds until an end is reported: the last energy arrives shortly after the status, and a station
#: that is taken out of service briefly reports that the car has left.
SETTLING_TIME: Final = 2.0

_ENDS: Final = frozenset({SessionEventType.SESSION_FINISHED, SessionEventType.CAR_DISCONNECTED})
_CHARGES: Final = frozenset({SessionEventType.CHARGING_STARTED, SessionEventType.CHARGING_RESUMED})


class Gap(Enum):
    """A kind of gap that puts the session in doubt."""

    #: The snapshots still contain what was reported before.
    OUTAGE = "outage"
    #: All reports are new.
    RESTART = "restart"


class SessionTracker(SessionHistory):
    """Watches the sessions of one charge point and keeps their history."""

    def __init__(
        self, *, has_price: bool = False, to_datetime: Callable[[float], datetime] = posix
    ) -> None:
        """Start empty; `has_price`: the user has set a price."""
        super().__init__(has_price=has_price)
        self._to_datetime = to_datetime
        #: When to call `tick`, in POSIX seconds.
        self.next_deadline: float | None = None
        self._state = SessionState()
        self._snapshot: ChargepointSnapshot | None = None
        #: When the last gap ended, and since when there has been no car; None in a gap.
        self._live_since: datetime | None = None
        self._unplugged_since: datetime | None = None
        #: Why the active session is in doubt.
        self._doubt: Gap | None = None
        #: Whether no session can have been missed since the last record.
        self._is_last_recorded = False
        #: Ends that are not reported yet, and when they were detected.
        self._ends: dict[SessionEventType, datetime] = {}
        self._ends_are_late = False

    @override
    def restore(self, data: object) -> None:
        super().restore(data)
        self._doubt = None if self.active is None else Gap.RESTART

    # Input ------------------------------------------------------------------------

    def take(
        self, snapshot: ChargepointSnapshot, now: float, price: Price | None = None
    ) -> list[SessionEvent]:
        """Process a snapshot at `now`, at `price` per kWh; return the events."""
        state, event_types = step(self._state, snapshot)
        events: list[SessionEvent] = []
        if not snapshot.available or SessionEventType.CAR_CONNECTED in event_types:
            if self._ends and self._ends_are_late:
                event_types.clear()
                events = self._revoke(price)
            else:
                events = self._settle(price)
        self._state, self._snapshot = state, snapshot
        if not snapshot.available:
            self._lose()
            return events
        when = self._to_datetime(now)
        self._live_since = self._live_since or when
        first_reports = FIRST_REPORTS_TIME - (when - self._live_since).total_seconds()
        before, doubt = self.active, self._doubt
        events += self._follow(snapshot, when, price, event_types)
        if state.plugged is not False:
            self._unplugged_since = None
        elif self._unplugged_since is None:
            self._unplugged_since = when
        if ends := _ENDS.intersection(event_types) or self._missed_end(snapshot, doubt):
            self._ends |= dict.fromkeys(ends, when)
            self._ends_are_late = first_reports > 0 or doubt is not None
            wait = first_reports if self._ends_are_late else 0.0
            self.next_deadline = now + max(SETTLING_TIME, wait)
        shown = [self._shown(event_type, before) for event_type in event_types]
        if first_reports > 0:
            return events
        return events + [SessionEvent(event_type) for event_type in shown if event_type]

    def tick(self, now: float, price: Price | None = None) -> list[SessionEvent]:
        """Process what is due at `now`; return the events."""
        if self.next_deadline is None or now < self.next_deadline:
            return []
        return self._settle(price)

    def reprice(self, price: Price) -> None:
        """Add the cost of the energy that had no price yet."""
        self.totals.setdefault(price.currency, 0.0)
        if self.active is not None and self._doubt is None:
            self.watch(self.active, price)

    def clock_set(self, by: float) -> None:
        """Correct the times that were taken from our clock, which was set by so many seconds.

        Sessions that are over do not change, nor do times observed by an earlier run.
        """
        self._live_since = corrected(self._live_since, by)
        self._unplugged_since = corrected(self._unplugged_since, by)
        shift = timedelta(seconds=by)
        self._ends = {event_type: when + shift for event_type, when in self._ends.items()}
        if self.active is None or self.active.restored:
            return
        self.active = self.active.clock_set(by)
        if self.active.recorded and self.active.ended is not None:
            self.rewrite(self.active.record)

    def close(self, price: Price | None = None) -> list[SessionEvent]:
        """Stop watching; return the ends that were detected and not reported yet."""
        if self._ends_are_late:
            self._drop_ends()
        return self._settle(price)

    def _shown(
        self, event_type: SessionEventType, before: ActiveSession | None
    ) -> SessionEventType | None:
        """Return the event to report at once, None if it is reported later or never."""
        if event_type in _ENDS:
            return None
        if event_type not in _CHARGES:
            return event_type
        if self._ends.pop(SessionEventType.SESSION_FINISHED, None):
            # The session has not ended after all.
            return None
        active = self.active
        if active is None:
            return event_type
        self.active = replace(active, ended=None)
        if before is not None and before.since == active.since and before.charging_seen:
            # It was charging before a gap.
            return SessionEventType.CHARGING_RESUMED
        return event_type

    def _missed_end(
        self, snapshot: ChargepointSnapshot, doubt: Gap | None
    ) -> Collection[SessionEventType]:
        """Return the end that was missed, but is evident by now."""
        if self.active is None or self._ends:
            return ()
        if self._state.plugged is False:
            return (SessionEventType.CAR_DISCONNECTED,)
        is_open = self.active.counts and not self.active.is_over
        if doubt is not None and is_open and snapshot.status is Status.FINISHED:
            return (SessionEventType.SESSION_FINISHED,)
        return ()

    def _lose(self) -> None:
        """Handle the beginning of a gap, in which the session may end."""
        if self.active is not None and self._live_since is not None:
            self._doubt = Gap.OUTAGE
        self._live_since = self._unplugged_since = None
        self._is_last_recorded = False

    # The session --------------------------------------------------------------------

    def _follow(
        self,
        snapshot: ChargepointSnapshot,
        when: datetime,
        price: Price | None,
        event_types: Collection[SessionEventType],
    ) -> list[SessionEvent]:
        """Take over what is reported of the session."""
        session, energy = snapshot.session, snapshot.meter.session_energy
        if session.started is not None and energy is not None:
            self.watched = session.started, energy
        events: list[SessionEvent] = []
        if SessionEventType.CAR_CONNECTED in event_types:
            self.active = ActiveSession.arrived(snapshot, when, self._unplugged_since or when)
            self._doubt = None
        elif self._ends_are_late and self._state.plugged is False:
            # It takes a moment to know whether the car has really left.
            return []
        elif self.active is not None and self.active.is_same(session) is False:
            events = self._change_session(snapshot, when, price)
        elif self.active is None and self._state.plugged:
            self.active = ActiveSession.found(snapshot, when, self.past)
        if self.active is None:
            return events
        if snapshot.plugged and self.active.is_same(session):
            self._doubt = None
        if self._doubt is None:
            self.watch(self.active.updated(snapshot), price)
            if self._knows_previous(session) and session.previous_energy is not None:
                self.correct(session.previous_energy)
        return events

    def _knows_previous(self, session: Session) -> bool:
        """Return whether the previous session that `session` reports is the last record."""
        active = self.active
        if active is None or active.recorded or not self._is_last_recorded:
            return False
        # Some chargers report the session itself as the previous one once it has ended.
        return session.ended is None and bool(active.is_same(session))

    def _change_session(
        self, snapshot: ChargepointSnapshot, when: datetime, price: Price | None
    ) -> list[SessionEvent]:
        """Change to another session, which is reported although the car was not seen leaving."""
        began, live_since = snapshot.session.began or when, self._live_since or when
        is_seen = self._doubt is None and began >= live_since
        if self._ends_are_late:
            self._drop_ends()
        events = self._settle(price)
        if self.active is not None:
            if not is_seen:
                events += self._end_unseen(self.active, snapshot, price)
            elif not self.active.recorded:
                # Among the first reports, it may have ended a while ago.
                late = (when - live_since).total_seconds() < FIRST_REPORTS_TIME
                events += _finished(self.finish(self.active, price), late=late)
            self._leave()
        self._is_last_recorded &= is_seen
        if self._state.plugged:
            found = ActiveSession.found(snapshot, when, self.past)
            self.active = replace(found, session_cost=SessionCost()) if is_seen else found
        return events

    # Its end ------------------------------------------------------------------------

    def _revoke(self, price: Price | None) -> list[SessionEvent]:
        """Drop late ends: the first reports were wrong, or it is too early to decide.

        The end is only certain if the charge point has reported when the session ended.
        """
        self._drop_ends()
        active, snapshot = self.active, self._snapshot
        if active is None or snapshot is None or self._doubt is None:
            return []
        if self._reported_end(active, snapshot.session) is None:
            return []
        events = self._end_unseen(active, snapshot, price)
        self._leave()
        return events

    def _drop_ends(self) -> None:
        self._ends, self._ends_are_late, self.next_deadline = {}, False, None

    def _settle(self, price: Price | None) -> list[SessionEvent]:
        """Accept the ends that were detected, and return their events."""
        ends, late = self._ends, self._ends_are_late
        self._drop_ends()
        finished = ends.get(SessionEventType.SESSION_FINISHED)
        gone = ends.get(SessionEventType.CAR_DISCONNECTED)
        snapshot, active = self._snapshot, self.active
        if not ends or snapshot is None or (gone is None and self._doubt is not None):
            return []
        events: list[SessionEvent] = []
        reported = None if active is None else self._reported_end(active, snapshot.session)
        if active is not None and self._doubt is not None:
            events = self._end_unseen(active, snapshot, price)
        elif active is not None and (finished or not active.recorded):
            seen = finished or gone
            is_certain = not late or self._began_live(active)
            ended = active.end_of(snapshot.session, seen) if seen and is_certain else reported
            events = _finished(self.finish(replace(active, ended=ended), price), late=late)
        if gone is None:
            return events
        self._leave()
        if snapshot.status is Status.OUT_OF_SERVICE:
            # The car seemed to have left, but has not.
            self._state = replace(self._state, plugged=None)
        else:
            began = None if active is None else active.began
            times = SessionRecord(started=began, ended=reported) if late else None
            events.append(SessionEvent(SessionEventType.CAR_DISCONNECTED, times, late))
        return events

    def _leave(self) -> None:
        """End the session for good."""
        recorded = self.active is not None and self.active.recorded
        self._is_last_recorded = recorded and self._doubt is None
        self.past, self.active = self.active or self.past, None
        self._doubt = None

    def _began_live(self, active: ActiveSession) -> bool:
        """Return whether the whole session was observed, so that its end is not from a gap."""
        if active.restored or self._live_since is None:
            return False
        # Both by the current setting of the clock, which may have been set since the car came.
        since = corrected(active.since, active.offset or 0.0)
        return since is not None and since >= self._live_since

    def _reported_end(self, active: ActiveSession, session: Session) -> datetime | None:
        """Return when a session ended in a gap, None if that is not known."""
        ended = session.ended if active.is_same(session) else None
        if ended is None or ended > (self._live_since or ended) + CLOCK_TOLERANCE:
            # A later time is when the end was detected.
            return None
        return ended

    def _end_unseen(
        self, active: ActiveSession, snapshot: ChargepointSnapshot, price: Price | None
    ) -> list[SessionEvent]:
        """Record a session that ended in a gap, with the certain data."""
        ended = self._reported_end(active, snapshot.session)
        is_new = self._doubt is Gap.RESTART and active.is_same(snapshot.session)
        if ended is not None or is_new:
            known = replace(active.updated(snapshot), ended=active.ended or ended)
        elif active.counts and not active.is_over:
            # It may have charged more in the gap.
            known = replace(active, energy=None, charging_seen=True)
        else:
            return []
        record = self.finish(known, price)
        return [] if active.is_over else _finished(record, late=True)


def _finished(record: SessionRecord | None, *, late: bool = False) -> list[SessionEvent]:
    return [] if record is None else [SessionEvent(SessionEventType.SESSION_FINISHED, record, late)]
