"""The session of a FIMP charge point, from `evt.current_session.report`.

Source: Futurehome FIMP API, chargepoint service; `started_at`, `finished_at` and
`previous_session` as today's adapters send them.
"""

from collections.abc import Mapping
from datetime import datetime

from ..model import ChargepointSnapshot, Session
from .message import number, time


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
    guessed = False
    if started is not None:
        same = started == known.started
    else:
        same = known.started is not None and (known_energy is None or energy >= known_energy)
        guessed = known.start_guessed if same else known.started is None
        started = known.started if same else now
    if same and known_energy is not None:
        # On plug-in an adapter may send 0 with the old session's times, and only then
        # the new session. One session never loses energy.
        energy = max(energy, known_energy)
    previous = number(props.get("previous_session"))
    if previous is None:
        # Without a car an adapter may say 0 all the time: that was no session.
        previous = known.previous_energy if same else known_energy or None
    return (
        Session(
            started=started,
            start_guessed=guessed,
            ended=time(props.get("finished_at")),
            previous_energy=previous,
        ),
        energy,
    )


def offers(snapshot: ChargepointSnapshot, limit: float) -> bool:
    """Whether a session's `limit` shows: in what is offered, or in that nothing is now."""
    offered = snapshot.meter.offered_current
    if offered is None or not snapshot.in_session:
        return False
    known = (limit, snapshot.max_current, snapshot.cable_current)
    highest = min(each for each in known if each is not None)
    return offered == highest or (offered == 0 and snapshot.charging is not True)


def limit_of(
    before: ChargepointSnapshot, session: Session, offered: float | None
) -> float | None:
    """Return which limit of `before` still holds in `session`, where so much is `offered`.

    No report holds the limit. It ends with its session, and if more is offered, somebody
    else has set another one.
    """
    limit = before.session_current
    if session.ended is not None or session.started != before.session.started:
        return None
    return None if limit is not None and (offered or 0) > limit else limit
