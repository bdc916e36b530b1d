"""What happened, out of two snapshots after each other. Pure.

Nothing happened while nobody listened: the first snapshot after a gap is where the course
begins anew, so a car that is there when a connection comes back was not plugged in then.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Final

from ..model import ChargepointSnapshot, Status

#: Seconds after a gap in which nothing that is said is news. A first report may be stale, and
#: a station that was restarted says that there is no car before it looks.
FIRST_REPORTS_TIME: Final = 10.0


class SessionEventType(StrEnum):
    """What can happen to a car at a charge point."""

    CAR_CONNECTED = "car_connected"
    AUTHORIZED = "authorized"
    CAR_DISCONNECTED = "car_disconnected"
    CHARGING_STARTED = "charging_started"
    CHARGING_PAUSED = "charging_paused"
    CHARGING_RESUMED = "charging_resumed"
    SESSION_FINISHED = "session_finished"


class Activity(Enum):
    """How far a session has come."""

    BEFORE = "before"
    CHARGING = "charging"
    PAUSED = "paused"
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class SessionState:
    """What was last known; None where nothing was said since the last gap."""

    plugged: bool | None = None
    authorized: bool | None = None
    activity: Activity | None = None


def step(
    state: SessionState, snapshot: ChargepointSnapshot
) -> tuple[SessionState, list[SessionEventType]]:
    """Return the course after `snapshot`, and what happened, in order."""
    if not snapshot.available:
        return SessionState(), []
    happened: list[SessionEventType] = []
    plugged = state.plugged if snapshot.plugged is None else snapshot.plugged
    activity = state.activity
    if plugged and state.plugged is False:
        happened.append(SessionEventType.CAR_CONNECTED)
        activity = Activity.BEFORE
    authorized = snapshot.session.authorized
    if authorized and state.authorized is False:
        happened.append(SessionEventType.AUTHORIZED)
    activity, changed = _next(activity, snapshot)
    happened += changed
    if state.plugged and plugged is False:
        happened.append(SessionEventType.CAR_DISCONNECTED)
    return SessionState(plugged, authorized, activity), happened


def _next(
    activity: Activity | None, snapshot: ChargepointSnapshot
) -> tuple[Activity | None, list[SessionEventType]]:
    """Return how far the session has come, and what that means."""
    reached = _reached(snapshot)
    if reached is Activity.CHARGING:
        return reached, _CHARGES[activity]
    if reached is Activity.AFTER:
        over = activity in (Activity.CHARGING, Activity.PAUSED)
        return reached, [SessionEventType.SESSION_FINISHED] if over else []
    if reached is Activity.PAUSED and activity is Activity.CHARGING:
        return reached, [SessionEventType.CHARGING_PAUSED]
    if reached is Activity.PAUSED and activity is None:
        # Of a session that was there before us, the energy tells how far it has come.
        return (reached if snapshot.meter.session_energy else Activity.BEFORE), []
    return activity, []


def _reached(snapshot: ChargepointSnapshot) -> Activity | None:
    """Return what the status alone tells; paused may mean that nothing was charged yet."""
    if snapshot.status is Status.FINISHED or snapshot.plugged is False:
        return Activity.AFTER
    if snapshot.status is Status.CHARGING:
        return Activity.CHARGING
    return None if snapshot.status in _UNDECIDED else Activity.PAUSED


#: Nobody knows, it goes on in a moment, or what is out of service is only out of reach.
_UNDECIDED: Final = frozenset({None, Status.SWITCHING_PHASES, Status.OUT_OF_SERVICE})

#: What it means that charging goes on, by what was before.
_CHARGES: Final[Mapping[Activity | None, list[SessionEventType]]] = {
    None: [],
    Activity.BEFORE: [SessionEventType.CHARGING_STARTED],
    Activity.CHARGING: [],
    Activity.PAUSED: [SessionEventType.CHARGING_RESUMED],
    # It looked like the end: a car that was full asks for more.
    Activity.AFTER: [SessionEventType.CHARGING_RESUMED],
}
