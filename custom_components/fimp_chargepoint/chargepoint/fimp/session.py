"""The session of a FIMP charge point, from `evt.current_session.report`.

Source: Futurehome FIMP API, chargepoint service; `started_at`, `finished_at` and
`previous_session` as today's adapters send them.
"""

from datetime import datetime

from ..errors import ProtocolError
from ..model import ChargepointSnapshot, Feature, Session, Status
from ..session import inferred
from .message import Message, number, time
from .reports import ReportUpdate, amperes, expect


class SessionReader:
    """Reads the session reports of one charge point."""

    def __init__(self) -> None:
        """Start with a counter that belongs to the current session."""
        #: Whether the counter was reset after the session, so that it belongs to the next one.
        self._was_reset = False

    def read(self, snapshot: ChargepointSnapshot, message: Message, now: datetime) -> ReportUpdate:
        """Read `evt.current_session.report`."""
        energy = expect(message, float)
        if energy < 0:
            raise ProtocolError("value", f"session energy {energy}")
        offered = number(message.props.get("offered_current"))
        if offered is not None:
            amperes(offered, "offered_current")
        session, shown = self._next(snapshot, message, energy, now)
        return ReportUpdate(
            {
                "session": session,
                "session_current": limit_of(snapshot, session, offered),
                "meter": snapshot.meter.with_(session_energy=shown, offered_current=offered),
            },
            frozenset() if offered is None else frozenset({Feature.OFFERED_CURRENT}),
            Feature.SESSION_ENERGY,
        )

    def _next(
        self, snapshot: ChargepointSnapshot, message: Message, energy: float, now: datetime
    ) -> tuple[Session, float | None]:
        """Return the session and its energy in kWh after a report of `energy`."""
        known, before = snapshot.session, snapshot.meter.session_energy
        props = message.props
        session = Session(
            started=time(props.get("started_at")),
            ended=time(props.get("finished_at")),
            previous_energy=number(props.get("previous_session")),
        )
        if session.started is None:
            fell = before is not None and energy < before
            if fell and snapshot.status is Status.FINISHED:
                # Some adapters reset the counter before the car leaves: no session begins.
                self._was_reset = True
                return known, before
            continues = known.started is not None and not fell and not self._was_reset
            observed = known.started is not None
            session = inferred(session, known, now, continues=continues, observed=observed)
        else:
            continues = session.started == known.started
            if not continues and energy and energy == before:
                # A new session may start with the energy of the previous one before it reports its
                # own.
                return session, None
        self._was_reset = False
        if continues and before is not None:
            # On plug-in an adapter may send 0 with the old session's times, and only then
            # the new session. One session never loses energy.
            energy = max(energy, before)
        return session, energy


def offers(snapshot: ChargepointSnapshot, limit: float) -> bool:
    """Whether a session's `limit` is visible: it is offered now, or nothing is."""
    offered = snapshot.meter.offered_current
    if offered is None or not snapshot.in_session:
        return False
    known = (limit, snapshot.max_current, snapshot.cable_current)
    highest = min(each for each in known if each is not None)
    return offered == highest or (offered == 0 and snapshot.charging is not True)


def is_idle(snapshot: ChargepointSnapshot) -> bool:
    """Whether it delivers and offers nothing, whatever its status."""
    return snapshot.meter.power == 0 and not snapshot.meter.offered_current


def limit_of(before: ChargepointSnapshot, session: Session, offered: float | None) -> float | None:
    """Return the limit of `before` if it still applies in `session` with this `offered` current.

    No report contains the limit. It ends with its session, and if more is offered, another
    client has changed it.
    """
    limit = before.session_current
    if session.ended is not None or session.started != before.session.started:
        return None
    return None if limit is not None and (offered or 0) > limit else limit
