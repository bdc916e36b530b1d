"""What happened between two snapshots. Pure.

The first snapshot after a gap only sets the state: a car that is there when a connection returns
was not plugged in at that moment. The tracker reports what ended in the gap.
"""

from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Final

from ..model import ChargepointSnapshot, Status
from ..session import Session, is_same
from .record import SessionRecord

#: Seconds after a gap in which reports cause no events. The first one may be stale, and a station
#: that has restarted reports that there is no car before it checks.
FIRST_REPORTS_TIME: Final = 10.0


class SessionEventType(StrEnum):
    """What can happen to a car at a charge point."""

    CAR_CONNECTED = "car_connected"
    AUTHORIZED = "authorized"
    DEAUTHORIZED = "deauthorized"
    CAR_DISCONNECTED = "car_disconnected"
    CHARGING_STARTED = "charging_started"
    CHARGING_PAUSED = "charging_paused"
    CHARGING_RESUMED = "charging_resumed"
    SESSION_FINISHED = "session_finished"


@dataclass(frozen=True, slots=True)
class SessionEvent:
    """An event; `record` is set at the end of a session.

    It is `late` if it happened in a gap; then its time may only be known from the `record`.
    """

    event_type: SessionEventType
    record: SessionRecord | None = None
    late: bool = False

    def as_dict(self) -> dict[str, object]:
        """Return its attributes, fit for JSON."""
        known = {} if self.record is None else self.record.as_dict()
        return {**known, "late": True} if self.late else known


class Activity(Enum):
    """The phase of a session."""

    BEFORE = "before"
    CHARGING = "charging"
    PAUSED = "paused"
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class SessionState:
    """The last known state; None if nothing was reported since the last gap."""

    plugged: bool | None = None
    activity: Activity | None = None
    session: Session = field(default=Session())


def step(
    state: SessionState, snapshot: ChargepointSnapshot
) -> tuple[SessionState, list[SessionEventType]]:
    """Return the state after `snapshot`, and the events that it implies, in order."""
    if not snapshot.available:
        return SessionState(), []
    events: list[SessionEventType] = []
    session, before, activity = snapshot.session, state.session, state.activity
    # The car may still be there after the end of a session, but this is no longer known.
    is_over = session.ended is not None
    plugged = state.plugged if snapshot.plugged is None and not is_over else snapshot.plugged
    is_new = is_same(session, before) is False
    if plugged and state.plugged is False:
        events.append(SessionEventType.CAR_CONNECTED)
        activity = Activity.BEFORE
    elif is_new and activity is not None:
        charges_on = activity is Activity.CHARGING and snapshot.status is Status.CHARGING
        activity = activity if charges_on else Activity.BEFORE
    if session.authorized and before.authorized is False:
        events.append(SessionEventType.AUTHORIZED)
    elif session.authorized is False and before.authorized and not is_new:
        events.append(SessionEventType.DEAUTHORIZED)
    activity, event = _next(activity, snapshot)
    if event is not None:
        events.append(event)
    if state.plugged and plugged is False:
        events.append(SessionEventType.CAR_DISCONNECTED)
    return SessionState(plugged, activity, session), events


def _next(
    activity: Activity | None, snapshot: ChargepointSnapshot
) -> tuple[Activity | None, SessionEventType | None]:
    """Return the next phase of the session, and the event that it implies."""
    reached = _reached(snapshot)
    if reached is Activity.PAUSED and activity is None:
        # The session was already running: its energy shows which phase it was in.
        return (reached if snapshot.meter.session_energy else Activity.BEFORE), None
    if reached is Activity.PAUSED and activity is not Activity.CHARGING:
        return activity, None
    if reached is None:
        return activity, None
    return reached, _EVENTS.get((activity, reached))


def _reached(snapshot: ChargepointSnapshot) -> Activity | None:
    """Return the phase that the status alone implies; paused may be before any charging."""
    if snapshot.status is Status.FINISHED or snapshot.plugged is False:
        return Activity.AFTER
    if snapshot.status is Status.CHARGING:
        return Activity.CHARGING
    return None if snapshot.status in _UNDECIDED else Activity.PAUSED


#: Not known, about to change, or out of service and so not visible.
_UNDECIDED: Final = frozenset({None, Status.SWITCHING_PHASES, Status.OUT_OF_SERVICE})

_EVENTS: Final[dict[tuple[Activity | None, Activity], SessionEventType]] = {
    (Activity.BEFORE, Activity.CHARGING): SessionEventType.CHARGING_STARTED,
    (Activity.PAUSED, Activity.CHARGING): SessionEventType.CHARGING_RESUMED,
    # This looked like the end, but a full car requests more energy.
    (Activity.AFTER, Activity.CHARGING): SessionEventType.CHARGING_RESUMED,
    (Activity.CHARGING, Activity.PAUSED): SessionEventType.CHARGING_PAUSED,
    (Activity.CHARGING, Activity.AFTER): SessionEventType.SESSION_FINISHED,
    (Activity.PAUSED, Activity.AFTER): SessionEventType.SESSION_FINISHED,
}
