"""What is known of the session at an EVSE. Pure; `session` says what becomes of it."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from ..model import PauseReason, Status
from .energy import SessionEnergy
from .words import PAUSED_EVSE, SWITCHING, UNPLUGGED, USER_PAUSE, WORDS, pause_reason

#: The start in session_info and the timestamp of SessionStarted are the same moment.
SAME_START: Final = timedelta(seconds=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What is known of a charge point's present or last session.

    `word` is EVerest's last status word, `reasons` those of the pause that it says, None where
    they were not heard. `transaction` is whether charging was allowed to somebody. `plugged`
    is what can be said about the cable, `car` whether the last session's car was seen at all.
    `deadline` is when `expired` wants to be called, in POSIX seconds. Energies are in kWh.
    """

    word: str | None = None
    status: Status | None = None
    reasons: frozenset[str] | None = None
    transaction: bool = False
    plugged: bool | None = None
    car: bool = False
    deadline: float | None = None
    id: str | None = None
    started: datetime | None = None
    ended: datetime | None = None
    authorized: bool | None = None
    token: str | None = None
    energy: SessionEnergy = field(default_factory=SessionEnergy)

    @property
    def raw(self) -> str | None:
        """EVerest's own word for what is going on."""
        return SWITCHING if self.status is Status.SWITCHING_PHASES else self.word

    @property
    def pause_reason(self) -> PauseReason | None:
        """Why the charge point pauses, as far as it has said."""
        ours = self.status is Status.SUSPENDED_BY_EVSE
        return pause_reason(self.reasons or frozenset()) if ours else None

    @property
    def paused_by_user(self) -> bool:
        """Whether it says that somebody wants it to pause."""
        return self.word == PAUSED_EVSE and USER_PAUSE in (self.reasons or ())

    @property
    def known(self) -> bool:
        """Whether `word` is one that has a meaning here."""
        return self.word is None or self.word in WORDS

    @property
    def in_doubt(self) -> bool:
        """Whether `Unplugged` was said although the car may still be there."""
        return self.word == UNPLUGGED and self.status is None


def is_another(state: State, before: State) -> bool:
    """Whether `state` is of another session than the state `before` it."""
    if state.ended is None and before.ended is not None:
        return True
    if state.id is not None and before.id is not None:
        return state.id != before.id
    known = state.started is not None and before.started is not None
    return known and not is_close(state.started, before.started, SAME_START)  # type: ignore[arg-type]


def is_of(state: State, session_id: str | None, started: datetime | None) -> bool:
    """Whether `state` may be of the session with that id, which began at `started`."""
    return not is_another(state, State(id=session_id, started=started))


def is_close(one: datetime, other: datetime | None, distance: timedelta) -> bool:
    """Whether two moments are that close, as far as both are known."""
    return other is not None and abs(one - other) <= distance
