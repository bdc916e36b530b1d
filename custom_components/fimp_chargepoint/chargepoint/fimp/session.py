"""The session of a FIMP charge point, from `evt.current_session.report`.

Source: Futurehome FIMP API, chargepoint service; `started_at` and `finished_at` as today's
adapters send them. Their `previous_session` is left out: the logbook knows of it.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from ..errors import ProtocolError
from ..model import ChargepointSnapshot, Feature, Session
from .message import Message, number, time
from .reports import Reading, amperes, expect


class SessionReader:
    """Reads the reports of one charge point, and knows what the last one did not say."""

    def __init__(self) -> None:
        """Nothing is known of an earlier run."""
        self._restored_energy: float | None = None
        self._start_was_seen = False

    def read(self, snapshot: ChargepointSnapshot, message: Message, now: datetime) -> Reading:
        """Read `evt.current_session.report`."""
        energy = expect(message, float)
        if energy < 0:
            raise ProtocolError("value", f"session energy {energy}")
        offered = number(message.props.get("offered_current"))
        if offered is not None:
            amperes(offered, "offered_current")
        values = snapshot.meter
        known = self._restored_energy if values.session_energy is None else values.session_energy
        session, energy = next_session(snapshot.session, known, energy, message.props, now)
        self._start_was_seen = "started_at" not in message.props
        changes: dict[str, Any] = {
            "session": session,
            "session_current": limit_of(snapshot, session, offered),
            "meter": replace(values, session_energy=energy, offered_current=offered),
        }
        seen = set() if offered is None else {Feature.OFFERED_CURRENT}
        return Reading(changes, frozenset(seen), Feature.SESSION_ENERGY)

    def from_storage(
        self, snapshot: ChargepointSnapshot, started: datetime, energy: float
    ) -> Session:
        """Return the session, which is that of an earlier run unless a new one runs."""
        session, reported = snapshot.session, snapshot.meter.session_energy
        if session.started is not None and (
            reported is None or not self._start_was_seen or reported < energy
        ):
            return session
        self._restored_energy = energy
        return replace(session, started=started, start_guessed=True, offset=0.0)


def next_session(
    known: Session,
    known_energy: float | None,
    energy: float,
    props: Mapping[str, str],
    now: datetime,
) -> tuple[Session, float]:
    """Return the session and its energy in kWh after a report of `energy`.

    Where the charge point does not say when its session began, that is the moment we
    saw it begin: the first report of all, or the first that is lower than the one before.
    """
    started = time(props.get("started_at"))
    guessed, offset = False, None
    if started is not None:
        same = started == known.started
    else:
        same = known.started is not None and (known_energy is None or energy >= known_energy)
        guessed = known.start_guessed if same else known.started is None
        started = known.started if same else now
        offset = (known.offset or 0.0) if same else 0.0
    if same and known_energy is not None:
        # On plug-in an adapter may send 0 with the old session's times, and only then
        # the new session. One session never loses energy.
        energy = max(energy, known_energy)
    ended = time(props.get("finished_at"))
    return Session(started=started, start_guessed=guessed, offset=offset, ended=ended), energy


def offers(snapshot: ChargepointSnapshot, limit: float) -> bool:
    """Whether a session's `limit` shows: in what is offered, or in that nothing is now."""
    offered = snapshot.meter.offered_current
    if offered is None or not snapshot.in_session:
        return False
    known = (limit, snapshot.max_current, snapshot.cable_current)
    highest = min(each for each in known if each is not None)
    return offered == highest or (offered == 0 and snapshot.charging is not True)


def limit_of(before: ChargepointSnapshot, session: Session, offered: float | None) -> float | None:
    """Return which limit of `before` still holds in `session`, where so much is `offered`.

    No report holds the limit. It ends with its session, and if more is offered, somebody
    else has set another one.
    """
    limit = before.session_current
    if session.ended is not None or session.started != before.session.started:
        return None
    return None if limit is not None and (offered or 0) > limit else limit
