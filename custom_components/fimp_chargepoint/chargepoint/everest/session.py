"""The course of a session out of session_event and session_info. Pure.

EVerest API v1, evse_manager_consumer. session_info holds a status word; each
session_event stands for one (`_EVENTS`), and tells things session_info does not: why a
session began, why charging pauses. Releases before 2025.12 send events only, and who
comes late may have session_info only; either must do.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from ..model import Status
from .energy import SessionEnergy, based, counted, metered
from .envelope import number, part, text, timestamp

_UNPLUGGED: Final = "Unplugged"
_DISABLED: Final = "Disabled"
_PREPARING: Final = "Preparing"
_PAUSED_EVSE: Final = "ChargingPausedEVSE"
_FINISHED_EV: Final = "FinishedEV"
_SWITCHING: Final = "SwitchingPhases"

#: Seconds after which `FinishedEV` is what it says. Since 2026.02 it is a passing moment
#: in every pause, about one second; up to 2025.12 it is the end of charging.
FINISHED_EV_TIME: Final = 15.0
#: Disabling ends the session of a plugged car (SessionFinished) and says `Disabled` 0.13 s
#: later. Nobody pulls a plug that short before.
_SAME_MOMENT: Final = timedelta(seconds=1)
#: The start in session_info and the timestamp of SessionStarted are the same moment.
_SAME_START: Final = timedelta(seconds=2)


class _Word(NamedTuple):
    """What a status word means; `car`: it is only said with a car plugged in."""

    status: Status | None
    car: bool = False


#: `FinishedEV` holds the status before it, `Unplugged` may be in doubt: see `_entered`.
_WORDS: Final = {
    "Unknown": _Word(None),
    _UNPLUGGED: _Word(Status.DISCONNECTED),
    _DISABLED: _Word(Status.OUT_OF_SERVICE),
    "Reserved": _Word(Status.RESERVED),
    # Also said when a token came first and there is no car yet.
    _PREPARING: _Word(Status.REQUESTING),
    "AuthRequired": _Word(Status.REQUESTING, car=True),
    "AuthTimeout": _Word(Status.REQUESTING),
    "Charging": _Word(Status.CHARGING, car=True),
    "ChargingPausedEV": _Word(Status.SUSPENDED_BY_EV, car=True),
    _PAUSED_EVSE: _Word(Status.READY_TO_CHARGE, car=True),
    "WaitingForEnergy": _Word(Status.SUSPENDED_BY_EVSE, car=True),
    _FINISHED_EV: _Word(Status.FINISHED, car=True),
    "Finished": _Word(Status.FINISHED, car=True),
    "FinishedEVSE": _Word(Status.FINISHED, car=True),
    # Only said in 2023, through the older API.
    "Error": _Word(Status.ERROR),
    "PermanentFault": _Word(Status.ERROR),
}

#: What ends by itself, through `Preparing`.
_PAUSES: Final = frozenset(
    {Status.SUSPENDED_BY_EV, Status.SUSPENDED_BY_EVSE, Status.SWITCHING_PHASES}
)

#: The words said outside of a session.
_IDLE: Final = frozenset({None, "Unknown", _UNPLUGGED, _DISABLED, "Reserved"})


class _Event(NamedTuple):
    """The word an event stands for; `car`: it only happens with a car plugged in.

    `details` is the key of what else it tells.
    """

    word: str
    car: bool = False
    details: str = ""


#: An event that is missing here changes no status. The events that end charging prove no
#: car: pulling the plug is one way to end it.
_EVENTS: Final = {
    "Enabled": _Event(_UNPLUGGED),
    "Disabled": _Event(_DISABLED),
    "SessionStarted": _Event(_PREPARING, details="session_started"),
    "AuthRequired": _Event("AuthRequired", car=True),
    "TransactionStarted": _Event(_PREPARING, car=True, details="transaction_started"),
    "PrepareCharging": _Event(_PREPARING, car=True),
    "ChargingStarted": _Event("Charging", car=True),
    "ChargingResumed": _Event("Charging", car=True),
    _SWITCHING: _Event(_SWITCHING, car=True),
    "ChargingPausedEV": _Event("ChargingPausedEV", car=True),
    _PAUSED_EVSE: _Event(_PAUSED_EVSE, car=True, details="charging_paused_evse"),
    "WaitingForEnergy": _Event("WaitingForEnergy", car=True),
    "StoppingCharging": _Event(_FINISHED_EV),
    "ChargingFinished": _Event("Finished"),
    "TransactionFinished": _Event("Finished", details="transaction_finished"),
    "PluginTimeout": _Event("AuthTimeout"),
    "SessionFinished": _Event(_UNPLUGGED),
}

#: What an event says about whether somebody may charge.
_AUTHORIZED: Final = {
    "SessionStarted": False,
    "AuthRequired": False,
    "Authorized": True,
    "TransactionStarted": True,
    "Deauthorized": False,
}
#: Characters of a token that are shown, and never more than half of it.
_TOKEN_END: Final = 4

#: The events whose meter value is the reading at the session's beginning.
_BEGINNINGS: Final = frozenset({"SessionStarted", "TransactionStarted"})


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What is known of a charge point's present or last session.

    `word` is EVerest's last status word. `plugged` is what can be said about the cable,
    `car` whether the last session's car was seen at all. `deadline` is when `expired`
    wants to be called, in POSIX seconds. Energies are in kWh.
    """

    word: str | None = None
    status: Status | None = None
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
        return _SWITCHING if self.status is Status.SWITCHING_PHASES else self.word

    @property
    def known(self) -> bool:
        """Whether `word` is one that has a meaning here."""
        return self.word is None or self.word in _WORDS

    @property
    def in_doubt(self) -> bool:
        """Whether `Unplugged` was said although the car may still be there."""
        return self.word == _UNPLUGGED and self.status is None


def on_event(state: State, event: dict[str, Any], now: float, seen: datetime) -> State:
    """Return the state after a session_event; `seen` is what the calendar says."""
    name = text(event.get("event")) or ""
    when = timestamp(event.get("timestamp")) or seen
    meaning = _EVENTS.get(name)
    details = part(event, meaning.details) if meaning and meaning.details else {}
    state = _attributed(state, text(event.get("uuid")), name, when)
    if name in _BEGINNINGS:
        state = replace(state, energy=based(state.energy, _reading(details)))
    if name in _AUTHORIZED:
        state = replace(
            state, authorized=_AUTHORIZED[name], token=_token(details) or state.token
        )
    if meaning is None:
        return state
    word, car, _ = meaning
    if name == "SessionStarted":
        car = details.get("reason") == "EVConnected"
    elif name == "TransactionFinished" and details.get("reason") == "Local":
        word = "FinishedEVSE"
    state = _entered(state, word, when, now, car=car, enabled=name == "Enabled")
    if word == _PAUSED_EVSE and _lacks_energy(details.get("reasons")):
        state = replace(state, status=Status.SUSPENDED_BY_EVSE)
    return state


def on_info(state: State, info: dict[str, Any], now: float, seen: datetime) -> State:
    """Return the state after a session_info, the same object where nothing changed."""
    word = text(info.get("state"))
    started = timestamp(info.get("session_start_time"))
    if started is not None and started != state.started:
        if _overtaken(state, started):
            return state
        state = _started(state, started)
    ended = timestamp(info.get("session_end_time"))
    if ended is not None and state.ended is None and state.started is not None:
        # A release may leave the end of the session before in place.
        state = replace(state, ended=ended) if ended >= state.started else state
    if word is not None and word != state.word:
        if word == _PREPARING and state.plugged is False:
            # Something began, with a car or with a token: this does not say.
            state = replace(state, plugged=None)
        when = timestamp(info.get("timestamp")) or seen
        car = word in _WORDS and _WORDS[word].car
        state = _entered(state, word, when, now, car=car)
    if started is not None or word not in _IDLE:
        energy = counted(state.energy, number(info.get("charged_energy_wh")))
        state = state if energy is state.energy else replace(state, energy=energy)
    return state


def on_meter(state: State, reading: float) -> State:
    """Return the state after the meter said `reading`, in kWh."""
    if state.ended is not None or state.word is None:
        # After a gap another car may be there: first the session has to be heard of.
        return state
    energy = metered(state.energy, reading)
    return state if energy is state.energy else replace(state, energy=energy)


def expired(state: State, now: float) -> State:
    """Return the state at `now`: a `FinishedEV` that lasted is an end."""
    if state.deadline is None or now < state.deadline:
        return state
    return replace(state, status=Status.FINISHED, deadline=None)


def forgotten(state: State, *, restarted: bool = False) -> State:
    """Return what stays true when nobody listened for a while.

    A doubt stays too: only a new session ends it. But `restarted` means that EVerest
    starts a new session by itself for a car that is there.
    """
    if state.in_doubt and not restarted:
        return state
    return State(
        id=state.id,
        started=state.started,
        ended=state.ended,
        energy=state.energy,
    )


def is_another(state: State, before: State) -> bool:
    """Whether `state` is of another session than the state `before` it."""
    if state.ended is None and before.ended is not None:
        return True
    if state.id is not None and before.id is not None:
        return state.id != before.id
    known = state.started is not None and before.started is not None
    return known and not _close(state.started, before.started, _SAME_START)  # type: ignore[arg-type]


def _entered(
    state: State, word: str, when: datetime, now: float, *, car: bool, enabled: bool = False
) -> State:
    """Return the state after `word` was said; `enabled` by the event Enabled."""
    if word == _SWITCHING:
        # session_info goes on with the word it had: only another one ends this.
        return replace(
            state, status=Status.SWITCHING_PHASES, plugged=True, car=True, deadline=None
        )
    if word == _FINISHED_EV and word == state.word:
        return state
    plugged = True if car else state.plugged
    car = car or state.car
    deadline = None
    ended = state.ended
    meaning = _WORDS.get(word)
    status = None if meaning is None else meaning.status
    if word == _FINISHED_EV:
        status = state.status
        deadline = now + FINISHED_EV_TIME
    elif word == _PREPARING and state.status in _PAUSES:
        # A pause ends by itself: charging was allowed all the time.
        status = state.status
    elif word == _DISABLED:
        # With the cable out for some time, the car of the last session is gone.
        just_left = _close(when, ended, _SAME_MOMENT)
        car = car and (plugged is not False or just_left)
        plugged = None
    elif word == _UNPLUGGED:
        # Enabling says it whether a car is plugged in or not.
        doubt = (enabled or state.word == _DISABLED) and car and plugged is not False
        status = None if doubt else Status.DISCONNECTED
        plugged = None if doubt else False
        if not doubt and (state.id is not None or state.started is not None):
            ended = ended or when
    return replace(
        state,
        word=word,
        status=status,
        plugged=plugged,
        car=car,
        deadline=deadline,
        ended=ended,
    )


def _attributed(state: State, uuid: str | None, name: str, when: datetime) -> State:
    """Return the state with the session that an event belongs to."""
    if uuid is None or uuid == state.id:
        return state
    # session_info, which has no id, may have told of this session already.
    told = state.id is None and state.ended is None and state.started is not None
    if told and (name != "SessionStarted" or _close(when, state.started, _SAME_START)):
        return replace(state, id=uuid)
    return _begun(state, uuid, when if name in _BEGINNINGS else None)


def _overtaken(state: State, started: datetime) -> bool:
    """Whether a session_info is an answer that the next session has overtaken."""
    return (
        state.word is not None
        and state.started is not None
        and state.started - started > _SAME_START
    )


def _started(state: State, started: datetime) -> State:
    """Return the state with the session that session_info says began at `started`."""
    if state.started is None and state.id is not None and state.ended is None:
        return replace(state, started=started)
    if _close(started, state.started, _SAME_START):
        return replace(state, started=started)
    # Its events were missed: the old word says nothing about it.
    return replace(_begun(state, None, started), word=None, status=None, plugged=None)


def _begun(state: State, uuid: str | None, started: datetime | None) -> State:
    """Return the state with a new session; whether there is a car is said elsewhere."""
    return replace(
        state,
        status=None,
        car=False,
        id=uuid,
        started=started,
        ended=None,
        authorized=None,
        token=None,
        energy=SessionEnergy(),
    )


def _close(one: datetime, other: datetime | None, distance: timedelta) -> bool:
    return other is not None and abs(one - other) <= distance


def _reading(details: dict[str, Any]) -> float | None:
    """Return the meter's reading in an event, in kWh."""
    total = number(part(part(details, "meter_value"), "energy_Wh_import").get("total"))
    return None if total is None else total / 1000


def _token(details: dict[str, Any]) -> str | None:
    """Return the end of the token in an event, enough to tell the cards of a house apart."""
    value = text(part(part(details, "id_tag"), "id_token").get("value")) or ""
    end = min(_TOKEN_END, len(value) // 2)
    return f"…{value[-end:]}" if end else None


def _lacks_energy(reasons: object) -> bool:
    """Whether the charge point pauses for want of energy or for an error, not for a user."""
    if not isinstance(reasons, list) or "UserPause" in reasons:
        return False
    return "NoEnergy" in reasons or "Error" in reasons
