"""The words of session_info and session_event, and their meaning. Pure.

EVerest API v1, evse_manager_consumer; the API before it has the same words.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from enum import StrEnum
from operator import attrgetter
import re
from typing import Final, NamedTuple, Self

from ..model import Copied, PauseReason, Status
from ..readers import JsonObject, part, text
from ..session import EndReason, is_same
from .energy import SessionEnergy

_WORD_BORDER: Final = re.compile("(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class Word(StrEnum):
    """The status words, and what each means; a release may add others.

    `car` is whether it is only sent with a car plugged in. What `FINISHED_EV`, `PREPARING`,
    `UNPLUGGED` and the pauses mean also depends on what was before: see `session`.
    """

    status: Status | None
    car: bool

    def __new__(cls, value: str, status: Status | None, car: bool = False) -> Self:  # noqa: FBT001, FBT002
        """Return the word that EVerest spells as `value`."""
        word = str.__new__(cls, value)
        word._value_, word.status, word.car = value, status, car
        return word

    UNKNOWN = "Unknown", None
    UNPLUGGED = "Unplugged", Status.DISCONNECTED
    DISABLED = "Disabled", Status.OUT_OF_SERVICE
    RESERVED = "Reserved", Status.RESERVED
    # Also sent if a token came first and there is no car yet.
    PREPARING = "Preparing", Status.REQUESTING
    AUTH_REQUIRED = "AuthRequired", Status.REQUESTING, True
    AUTH_TIMEOUT = "AuthTimeout", Status.REQUESTING
    CHARGING = "Charging", Status.CHARGING, True
    PAUSED_EV = "ChargingPausedEV", Status.SUSPENDED_BY_EV, True
    PAUSED_EVSE = "ChargingPausedEVSE", Status.READY_TO_CHARGE, True
    WAITING_FOR_ENERGY = "WaitingForEnergy", Status.SUSPENDED_BY_EVSE, True
    FINISHED_EV = "FinishedEV", Status.FINISHED, True
    FINISHED = "Finished", Status.FINISHED, True
    FINISHED_EVSE = "FinishedEVSE", Status.FINISHED, True
    # Only sent as an event.
    SWITCHING = "SwitchingPhases", Status.SWITCHING_PHASES, True
    # Only sent in 2023, through the older API.
    ERROR = "Error", Status.ERROR
    PERMANENT_FAULT = "PermanentFault", Status.ERROR


#: The reasons of a pause.
USER_PAUSE: Final = "UserPause"
NO_ENERGY: Final = "NoEnergy"
ERROR: Final = "Error"
#: Characters of a token that are shown, and never more than half of it.
_TOKEN_END: Final = 4


WORDS: Final[Mapping[str, Word]] = {word.value: word for word in Word}

#: The words that are sent outside of a session.
IDLE: Final = frozenset({Word.UNKNOWN, Word.UNPLUGGED, Word.DISABLED, Word.RESERVED})
#: The words of an EVSE that waits for a token.
ASKS_FOR_TOKEN: Final = frozenset({Word.AUTH_REQUIRED, Word.AUTH_TIMEOUT})
#: The words after which charging only starts again after replugging.
ENDED: Final = frozenset({Word.FINISHED, Word.FINISHED_EVSE})
#: The words that lead from a session to `DISABLED`.
ENDING: Final = ENDED | {Word.FINISHED_EV, Word.UNPLUGGED}
#: The words in which charging is interrupted, but continues automatically or on request.
_PAUSES: Final = frozenset({Word.PAUSED_EV, Word.PAUSED_EVSE, Word.WAITING_FOR_ENERGY})
#: The words of a running transaction, and those without a transaction. `PREPARING` is sent before
#: and in a transaction, `FINISHED_EV` in it and at its end.
IN_TRANSACTION: Final = _PAUSES | {Word.CHARGING}
NO_TRANSACTION: Final = IDLE | ASKS_FOR_TOKEN | ENDED


class Event(NamedTuple):
    """The word that an event corresponds to; `car`: it only happens with a car plugged in.

    `details` is the key of its other contents.
    """

    word: str
    car: bool = False
    details: str = ""


#: Other events change no status. The events that end charging do not show that a car is plugged in:
#: unplugging is one way to end it.
EVENTS: Final = {
    "Enabled": Event(Word.UNPLUGGED),
    "Disabled": Event(Word.DISABLED),
    "SessionStarted": Event(Word.PREPARING, details="session_started"),
    "AuthRequired": Event(Word.AUTH_REQUIRED, car=True),
    "TransactionStarted": Event(Word.PREPARING, car=True, details="transaction_started"),
    "PrepareCharging": Event(Word.PREPARING, car=True),
    "ChargingStarted": Event(Word.CHARGING, car=True),
    "ChargingResumed": Event(Word.CHARGING, car=True),
    Word.SWITCHING: Event(Word.SWITCHING, car=True),
    "ChargingPausedEV": Event(Word.PAUSED_EV, car=True),
    Word.PAUSED_EVSE: Event(Word.PAUSED_EVSE, car=True, details="charging_paused_evse"),
    "WaitingForEnergy": Event(Word.WAITING_FOR_ENERGY, car=True),
    "StoppingCharging": Event(Word.FINISHED_EV),
    "ChargingFinished": Event(Word.FINISHED),
    "TransactionFinished": Event(Word.FINISHED, details="transaction_finished"),
    "PluginTimeout": Event(Word.AUTH_TIMEOUT),
    "SessionFinished": Event(Word.UNPLUGGED),
}

#: The events that only report whether the EVSE is reserved, which session_info does not.
RESERVATIONS: Final = {"ReservationStart": True, "ReservationEnd": False}

#: Whether charging is authorized after an event.
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
    """Return the reasons in the details of a `ChargingPausedEVSE`."""
    reasons = details.get("reasons")
    if not isinstance(reasons, list):
        return frozenset()
    return frozenset(each for each in reasons if isinstance(each, str))


def token_of(details: JsonObject) -> str | None:
    """Return the end of the token in an event, enough to distinguish the cards of a household."""
    value = text(part(part(details, "id_tag"), "id_token").get("value")) or ""
    end = min(_TOKEN_END, len(value) // 2)
    return f"…{value[-end:]}" if end else None


def paused(reasons: frozenset[str]) -> Status:
    """Return the status in a pause for `reasons`; a request of the user has priority."""
    if USER_PAUSE in reasons or pause_reason(reasons) is None:
        return Status.READY_TO_CHARGE
    return Status.SUSPENDED_BY_EVSE


def pause_reason(reasons: frozenset[str]) -> PauseReason | None:
    """Return why the charge point pauses, None if it was requested."""
    if ERROR in reasons:
        return PauseReason.FAULT
    return PauseReason.NO_ENERGY if NO_ENERGY in reasons else None


@dataclass(frozen=True, eq=False, kw_only=True)
class State(Copied):
    """What is known about the present or last session of a charge point.

    `word` is EVerest's last status word, `reasons` are those of the pause that it means, None if
    they were not reported. `transaction` is whether charging is authorized. `plugged` is whether
    a car is plugged in, None if unknown, `car` whether the last session had a car at all.
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
        """EVerest's own word for the state."""
        return Word.SWITCHING if self.status is Status.SWITCHING_PHASES else self.word

    @property
    def pause_reason(self) -> PauseReason | None:
        """Why the charge point pauses, as far as it was reported."""
        ours = self.status is Status.SUSPENDED_BY_EVSE
        return pause_reason(self.reasons or frozenset()) if ours else None

    @property
    def paused_by_user(self) -> bool:
        """Whether it reports that the pause was requested."""
        return self.word == Word.PAUSED_EVSE and USER_PAUSE in (self.reasons or ())

    @property
    def known(self) -> bool:
        """Whether the meaning of `word` is known."""
        return self.word is None or self.word in WORDS


_facts: Final = attrgetter(*(each.name for each in fields(State) if each.name != "energy"))


def differs_beyond_energy(state: State, before: State) -> bool:
    """Return whether anything but the energy differs from `before`."""
    return bool(_facts(state) != _facts(before))


def is_another(state: State, before: State) -> bool:
    """Whether `state` is of another session than the state `before` it."""
    if state.ended is None and before.ended is not None:
        return True
    return is_same(state, before) is False


def is_of(state: State, session_id: str | None, started: datetime | None) -> bool:
    """Whether `state` may be of the session with that id, which began at `started`."""
    return not is_another(state, State(id=session_id, started=started))


def is_close(one: datetime, other: datetime | None, distance: timedelta) -> bool:
    """Whether two times are at most `distance` apart; False if one is unknown."""
    return other is not None and abs(one - other) <= distance
