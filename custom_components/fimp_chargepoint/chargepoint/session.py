"""A session as a charge point reports it, and when it began. Part of the vocabulary. Pure.

All protocols and the session tracker infer a missing start as defined below.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol

#: Two reports of the same start may differ by this much.
SAME_START: Final = timedelta(seconds=2)


class EndReason(StrEnum):
    """Why a transaction ended: OCPP's reasons, and those that EVerest adds."""

    DE_AUTHORIZED = "de_authorized"
    EMERGENCY_STOP = "emergency_stop"
    ENERGY_LIMIT_REACHED = "energy_limit_reached"
    EV_DISCONNECTED = "ev_disconnected"
    EVSE_DISABLED = "evse_disabled"
    GROUND_FAULT = "ground_fault"
    HARD_RESET = "hard_reset"
    LOCAL = "local"
    LOCAL_OUT_OF_CREDIT = "local_out_of_credit"
    MASTER_PASS = "master_pass"  # noqa: S105
    OTHER = "other"
    OVERCURRENT_FAULT = "overcurrent_fault"
    POWER_LOSS = "power_loss"
    POWER_QUALITY = "power_quality"
    REBOOT = "reboot"
    REMOTE = "remote"
    REQ_ENERGY_TRANSFER_REJECTED = "req_energy_transfer_rejected"
    SOC_LIMIT_REACHED = "soc_limit_reached"
    SOFT_RESET = "soft_reset"
    STOPPED_BY_EV = "stopped_by_ev"
    TIME_LIMIT_REACHED = "time_limit_reached"
    TIMEOUT = "timeout"
    UNLOCK_COMMAND = "unlock_command"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """The time from plug-in to plug-out. Its energy is `Meter.session_energy`.

    `started` also identifies the session, so it never changes within one. If the charge point does
    not report it, it is `inferred`: then `offset` is how many seconds our clock was set by since,
    and `start_guessed` means that the session was already running. `authorized` is None if the
    charge point does not report it. `token` contains only the last characters of the token, which
    as a whole is a key. `previous_energy` is the charge point's own value for the previous session,
    in kWh.
    """

    id: str | None = None
    started: datetime | None = None
    start_guessed: bool = False
    offset: float | None = None
    ended: datetime | None = None
    end_reason: EndReason | None = None
    authorized: bool | None = None
    token: str | None = None
    previous_energy: float | None = None

    @property
    def reported_start(self) -> datetime | None:
        """When it began, if the charge point reports that."""
        return None if self.start_guessed or self.offset is not None else self.started

    @property
    def began(self) -> datetime | None:
        """When it began, by the current setting of the clock."""
        return corrected(self.started, self.offset)


def corrected(taken: datetime | None, offset: float | None) -> datetime | None:
    """Return a time that was taken from a clock which was set by `offset` seconds since."""
    return taken + timedelta(seconds=offset) if taken is not None and offset else taken


class Identified(Protocol):
    """What identifies a session; each property is None if it was not reported."""

    @property
    def id(self) -> str | None: ...  # noqa: D102

    @property
    def started(self) -> datetime | None: ...  # noqa: D102


def is_same(one: Identified, other: Identified) -> bool | None:
    """Return whether both are the same session, None if that cannot be decided."""
    if one.id is not None and other.id is not None:
        return one.id == other.id
    if one.started is not None and other.started is not None:
        return abs(one.started - other.started) <= SAME_START
    return None


def inferred(
    session: Session, known: Session, now: datetime, *, continues: bool, observed: bool
) -> Session:
    """Return `session`, whose start was not reported, with an inferred start.

    It keeps the start of the `known` session if it `continues` that one. Otherwise it begins `now`,
    which is a guess unless its beginning was `observed`.
    """
    if continues and known.started is not None:
        return replace(
            session,
            started=known.started,
            start_guessed=known.start_guessed,
            offset=known.offset,
        )
    return replace(session, started=now, start_guessed=not observed, offset=0.0)


def restored(
    session: Session, energy: float | None, started: datetime, stored_energy: float
) -> Session:
    """Return `session` with the start inferred in an earlier run, if it is the same session.

    Energies are in kWh: `energy` as reported, `stored_energy` as last known by the earlier run.
    """
    known = session.started is not None
    if known and (not session.start_guessed or energy is None or energy < stored_energy):
        return session
    return replace(session, started=started, start_guessed=True, offset=0.0)
