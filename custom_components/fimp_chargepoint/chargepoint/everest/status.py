"""The words of session_info and session_event, and what each means. Pure.

EVerest API v1, evse_manager_consumer; the API before it has the same words.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
import re
from typing import Final, NamedTuple

from ..model import PauseReason, Status
from ..readers import JsonObject, part, text
from ..session import EndReason, is_same
from .energy import SessionEnergy

_WORD_BORDER: Final = re.compile("(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

UNPLUGGED: Final = "Unplugged"
DISABLED: Final = "Disabled"
PREPARING: Final = "Preparing"
CHARGING: Final = "Charging"
AUTH_REQUIRED: Final = "AuthRequired"
AUTH_TIMEOUT: Final = "AuthTimeout"
PAUSED_EV: Final = "ChargingPausedEV"
PAUSED_EVSE: Final = "ChargingPausedEVSE"
WAITING_FOR_ENERGY: Final = "WaitingForEnergy"
FINISHED_EV: Final = "FinishedEV"
FINISHED_EVSE: Final = "FinishedEVSE"
SWITCHING: Final = "SwitchingPhases"

#: The reasons of a pause.
USER_PAUSE: Final = "UserPause"
NO_ENERGY: Final = "NoEnergy"
ERROR: Final = "Error"
#: The words that are a reason themselves.
IMPLIED_REASONS: Final = {WAITING_FOR_ENERGY: frozenset({NO_ENERGY})}
#: Characters of a token that are shown, and never more than half of it.
_TOKEN_END: Final = 4


class Word(NamedTuple):
    """What a status word means; `car`: it is only said with a car plugged in."""

    status: Status | None
    car: bool = False


#: `FinishedEV`, `Preparing` and the pauses depend on what was before, `Unplugged` may be in
#: doubt: see `session`.
WORDS: Final = {
    "Unknown": Word(None),
    UNPLUGGED: Word(Status.DISCONNECTED),
    DISABLED: Word(Status.OUT_OF_SERVICE),
    "Reserved": Word(Status.RESERVED),
    # Also said when a token came first and there is no car yet.
    PREPARING: Word(Status.REQUESTING),
    AUTH_REQUIRED: Word(Status.REQUESTING, car=True),
    AUTH_TIMEOUT: Word(Status.REQUESTING),
    CHARGING: Word(Status.CHARGING, car=True),
    PAUSED_EV: Word(Status.SUSPENDED_BY_EV, car=True),
    PAUSED_EVSE: Word(Status.READY_TO_CHARGE, car=True),
    WAITING_FOR_ENERGY: Word(Status.SUSPENDED_BY_EVSE, car=True),
    FINISHED_EV: Word(Status.FINISHED, car=True),
    "Finished": Word(Status.FINISHED, car=True),
    FINISHED_EVSE: Word(Status.FINISHED, car=True),
    # Only said in 2023, through the older API.
    "Error": Word(Status.ERROR),
    "PermanentFault": Word(Status.ERROR),
}

#: The words said outside of a session.
IDLE: Final = frozenset({None, "Unknown", UNPLUGGED, DISABLED, "Reserved"})
#: The words of a running transaction, and those that tell that none runs. The others do not
#: tell: `Preparing` is said before and in one, `FinishedEV` in one and at its end.
IN_TRANSACTION: Final = frozenset({CHARGING, PAUSED_EV, PAUSED_EVSE, WAITING_FOR_ENERGY})
NO_TRANSACTION: Final = IDLE | {"Finished", FINISHED_EVSE, AUTH_REQUIRED, AUTH_TIMEOUT}
#: The words after which only another plug-in starts again.
ENDED: Final = frozenset({"Finished", FINISHED_EVSE})
#: The words that lead from a session to `Disabled`.
ENDING: Final = ENDED | {FINISHED_EV, UNPLUGGED}


class Event(NamedTuple):
    """The word an event stands for; `car`: it only happens with a car plugged in.

    `details` is the key of what else it tells.
    """

    word: str
    car: bool = False
    details: str = ""


#: An event that is missing here changes no status. The events that end charging prove no
#: car: pulling the plug is one way to end it.
EVENTS: Final = {
    "Enabled": Event(UNPLUGGED),
    "Disabled": Event(DISABLED),
    "SessionStarted": Event(PREPARING, details="session_started"),
    "AuthRequired": Event(AUTH_REQUIRED, car=True),
    "TransactionStarted": Event(PREPARING, car=True, details="transaction_started"),
    "PrepareCharging": Event(PREPARING, car=True),
    "ChargingStarted": Event(CHARGING, car=True),
    "ChargingResumed": Event(CHARGING, car=True),
    SWITCHING: Event(SWITCHING, car=True),
    "ChargingPausedEV": Event(PAUSED_EV, car=True),
    PAUSED_EVSE: Event(PAUSED_EVSE, car=True, details="charging_paused_evse"),
    "WaitingForEnergy": Event(WAITING_FOR_ENERGY, car=True),
    "StoppingCharging": Event(FINISHED_EV),
    "ChargingFinished": Event("Finished"),
    "TransactionFinished": Event("Finished", details="transaction_finished"),
    "PluginTimeout": Event(AUTH_TIMEOUT),
    "SessionFinished": Event(UNPLUGGED),
}

#: The events that only tell whether the EVSE is reserved; no session_info does.
RESERVATIONS: Final = {"ReservationStart": True, "ReservationEnd": False}

#: What an event says about whether somebody may charge.
AUTHORIZED: Final = {
    "SessionStarted": False,
    "AuthRequired": False,
    "Authorized": True,
    "TransactionStarted": True,
    "Deauthorized": False,
}

#: The events whose meter value is the reading at the session's beginning.
BEGINNINGS: Final = frozenset({"SessionStarted", "TransactionStarted"})


def end_reason(word: str) -> EndReason | None:
    """Return why a transaction ended, from a `StopTransactionReason` such as EVDisconnected."""
    reason = _WORD_BORDER.sub("_", word).lower()
    return EndReason(reason) if reason in EndReason else None


def reasons_of(details: Mapping[str, object]) -> frozenset[str]:
    """Return the reasons in what a `ChargingPausedEVSE` tells."""
    reasons = details.get("reasons")
    if not isinstance(reasons, list):
        return frozenset()
    return frozenset(each for each in reasons if isinstance(each, str))


def token_of(details: JsonObject) -> str | None:
    """Return the end of the token in an event, enough to tell the cards of a house apart."""
    value = text(part(part(details, "id_tag"), "id_token").get("value")) or ""
    end = min(_TOKEN_END, len(value) // 2)
    return f"…{value[-end:]}" if end else None


def paused(reasons: frozenset[str]) -> Status:
    """Return the status in a pause for `reasons`: a user's wish weighs more than the others."""
    if USER_PAUSE in reasons or pause_reason(reasons) is None:
        return Status.READY_TO_CHARGE
    return Status.SUSPENDED_BY_EVSE


def pause_reason(reasons: frozenset[str]) -> PauseReason | None:
    """Return why the charge point itself pauses, None where somebody else wants it to."""
    if ERROR in reasons:
        return PauseReason.FAULT
    return PauseReason.NO_ENERGY if NO_ENERGY in reasons else None


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What is known of a charge point's present or last session.

    `word` is EVerest's last status word, `reasons` those of the pause that it stands for, None if
    they were not reported. `transaction` is whether charging was allowed to somebody. `plugged`
    is what is known about the cable, `car` whether the last session's car was seen at all.
    `enabled` is whether the EVSE may be used, `in_doubt` whether `Unplugged` was reported although
    the car may still be there, and `restarted` whether EVerest was restarted since the last
    session. `deadline` is when to call `expired`, in POSIX seconds: until then `word` is held.
    Energies are in kWh.
    """

    word: str | None = None
    status: Status | None = None
    reasons: frozenset[str] | None = None
    transaction: bool = False
    plugged: bool | None = None
    car: bool = False
    enabled: bool | None = None
    in_doubt: bool = False
    restarted: bool = False
    deadline: float | None = None
    id: str | None = None
    started: datetime | None = None
    ended: datetime | None = None
    end_reason: EndReason | None = None
    authorized: bool | None = None
    token: str | None = None
    reserved: bool = False
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


def is_another(state: State, before: State) -> bool:
    """Whether `state` is of another session than the state `before` it."""
    if state.ended is None and before.ended is not None:
        return True
    return is_same(state, before) is False


def is_of(state: State, session_id: str | None, started: datetime | None) -> bool:
    """Whether `state` may be of the session with that id, which began at `started`."""
    return not is_another(state, State(id=session_id, started=started))


def is_close(one: datetime, other: datetime | None, distance: timedelta) -> bool:
    """Whether two moments are that close, as far as both are known."""
    return other is not None and abs(one - other) <= distance
