"""The state of a session from session_event and session_info. Pure.

EVerest API v1, evse_manager_consumer. session_info holds a status word. Each session_event
corresponds to one (`status.EVENTS`), and reports what session_info does not: why a session began,
and why charging pauses. Releases before 2025.12 send events only, and after a late connection there
may be session_info only; either is enough.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from ..model import Status
from ..readers import JsonObject, number, part, text, timestamp
from ..session import SAME_START
from .energy import SessionEnergy, with_counter, with_reading, with_start_reading
from .powermeter import imported
from .status import (
    ASKS_FOR_TOKEN,
    AUTHORIZED,
    BEGINNINGS,
    ENDING,
    EVENTS,
    IDLE,
    IN_TRANSACTION,
    NO_ENERGY,
    NO_TRANSACTION,
    RESERVATIONS,
    WORDS,
    State,
    Word,
    end_reason,
    is_close,
    is_of,
    paused,
    reasons_of,
    token_of,
)

#: Seconds after which `FinishedEV` means the end of charging, as it always does up to 2025.12.
#: Since 2026.02, it is also reported for about one second in every pause.
FINISHED_EV_TIME: Final = 15.0
#: Seconds after which `Preparing` means that the car asks for no power. It takes two seconds at a
#: start, and less than one at the end of a pause.
PREPARING_TIME: Final = 3.0
#: Disabling ends the session of a car that stays plugged in, and reports `Disabled` 0.13 s later.
#: So an end that shortly before `Disabled` does not mean that the car was unplugged.
_SAME_MOMENT: Final = timedelta(seconds=1)
#: Seconds that `Unplugged` is held after a session, for the same reason.
SESSION_FINISHED_TIME: Final = 0.5
#: Seconds that `Unplugged` is held after enabling with a car before. EVerest also enables when it
#: starts, and begins the session of a car that is there 0.7 to 1.6 s later.
ENABLED_TIME: Final = 5.0
_ENABLED: Final = "Enabled"
_SESSION_FINISHED: Final = "SessionFinished"

#: The states that continue while the car is about to charge.
_HELD: Final = frozenset(
    {
        Status.REQUESTING,
        Status.READY_TO_CHARGE,
        # Without an event for that, this is how phases are switched.
        Status.CHARGING,
        Status.SUSPENDED_BY_EVSE,
        Status.SWITCHING_PHASES,
    }
)


def on_event(state: State, event: JsonObject, now: float, seen: datetime) -> State:
    """Return the state after a session_event; `seen` is the time of our clock."""
    name = text(event.get("event")) or ""
    if name in RESERVATIONS:
        return replace(state, reserved=RESERVATIONS[name])
    when = timestamp(event.get("timestamp")) or seen
    meaning = EVENTS.get(name)
    details = part(event, meaning.details) if meaning and meaning.details else {}
    state = _with_event_session(state, text(event.get("uuid")), name, when)
    if name in BEGINNINGS:
        state = replace(
            state,
            # Until then it waited for authorization, even if that was not received.
            status=state.status or Status.REQUESTING,
            transaction=name == "TransactionStarted",
            end_reason=None,
            energy=with_start_reading(state.energy, imported(part(details, "meter_value"))),
        )
    if name in AUTHORIZED:
        # A token that came before the car still counts when the station asks for one.
        authorized = AUTHORIZED[name] or (name == Word.AUTH_REQUIRED and state.authorized is True)
        state = replace(state, authorized=authorized, token=token_of(details) or state.token)
    if meaning is None:
        return state
    word, car, _ = meaning
    reasons = None
    if name == "SessionStarted":
        car = details.get("reason") == "EVConnected"
    elif name == "TransactionFinished":
        reason = text(details.get("reason")) or ""
        state = replace(state, end_reason=end_reason(reason))
        word = Word.FINISHED_EVSE if reason == "Local" else word
    elif word == Word.PAUSED_EVSE:
        reasons = reasons_of(details)
    return _with_word(state, word, when, now, car=car, event=name, reasons=reasons)


def on_last_event(state: State, event: JsonObject) -> State:
    """Return the state after a reply with the last event, however long ago it was.

    Only the reasons of a pause that still continues are taken from it.
    """
    of_this_pause = state.word == Word.PAUSED_EVSE and event.get("event") == Word.PAUSED_EVSE
    if not of_this_pause or (state.id is not None and event.get("uuid") != state.id):
        return state
    return _with_reasons(state, reasons_of(part(event, EVENTS[Word.PAUSED_EVSE].details)))


def with_stored_reasons(
    state: State, reasons: frozenset[str], session_id: str | None, started: datetime | None
) -> State:
    """Return the state with the reasons of a pause that were reported in an earlier run.

    They are those of the session with `session_id`, which began at `started`.
    """
    if state.reasons is not None or not is_of(state, session_id, started):
        return state
    if state.word == Word.PAUSED_EVSE:
        return _with_reasons(state, reasons)
    if state.word is not None:
        return state
    known = replace(state, id=state.id or session_id, started=state.started or started)
    return replace(known, reasons=reasons)


def on_info(state: State, info: JsonObject, now: float, seen: datetime) -> State:
    """Return the state after a session_info, the same object if nothing changed."""
    word = text(info.get("state"))
    started = timestamp(info.get("session_start_time"))
    if started is not None and started != state.started:
        if _is_outdated(state, started):
            return state
        state = _with_start(state, started)
    ended = timestamp(info.get("session_end_time"))
    if ended is not None and state.ended is None and state.started is not None:
        # A release may leave the end of the session before in place.
        state = replace(state, ended=ended) if ended >= state.started else state
    allowed = _is_allowed(state, info)
    changed = word != state.word or (word == Word.PREPARING and allowed and not state.transaction)
    if allowed is not state.transaction:
        state = replace(state, transaction=allowed)
    if word is not None and changed:
        if word == Word.PREPARING and state.plugged is False:
            # A session began with a car or with a token; the word does not tell which.
            state = replace(state, plugged=None)
        when = timestamp(info.get("timestamp")) or seen
        car = word in WORDS and WORDS[word].car
        state = _with_word(state, word, when, now, car=car)
    if started is not None or (word is not None and word not in IDLE):
        energy = with_counter(state.energy, number(info.get("charged_energy_wh")))
        state = state if energy is state.energy else state.with_(energy=energy)
    return state


def on_meter(state: State, reading: float) -> State:
    """Return the state after a `reading` of the meter, in kWh."""
    if state.ended is not None or state.word is None:
        # After a gap, another car may be there: wait for a report of the session.
        return state
    energy = with_reading(state.energy, reading)
    return state if energy is state.energy else state.with_(energy=energy)


def expired(state: State, now: float) -> State:
    """Return the state at `now`: a word that was held takes effect if it was not replaced."""
    if state.deadline is None or now < state.deadline:
        return state
    lasting = replace(state, reasons=None, deadline=None)
    if state.word == Word.UNPLUGGED:
        status = None if state.in_doubt else Status.DISCONNECTED
        plugged = None if state.in_doubt else False
        return replace(lasting, status=status, plugged=plugged, restarted=False)
    status = Status.FINISHED if state.word == Word.FINISHED_EV else Status.SUSPENDED_BY_EV
    return replace(lasting, status=status)


def after_gap(state: State, *, restarted: bool = False) -> State:
    """Return what is still valid after a gap in the reports.

    `in_doubt` stays, too: only a new session ends it. But if EVerest was `restarted`, it starts a
    new session automatically for a car that is there. The reason of a pause stays for the same
    session, as it may not be reported again.
    """
    if state.in_doubt and not restarted:
        return replace(state, status=None, plugged=None, deadline=None)
    pauses = state.word in (Word.PAUSED_EVSE, None) and not restarted
    return State(
        reasons=state.reasons if pauses else None,
        car=state.car and state.plugged is not False,
        restarted=restarted or state.restarted,
        id=state.id,
        started=state.started,
        ended=state.ended,
        end_reason=state.end_reason,
        energy=state.energy,
    )


def after_restart(state: State) -> State:
    """Return the state if it turns out that the latest reports followed a restart."""
    if not state.in_doubt:
        return state
    return replace(state, in_doubt=False, restarted=True, status=None, plugged=None)


def _with_word(
    state: State,
    word: str,
    when: datetime,
    now: float,
    *,
    car: bool,
    event: str = "",
    reasons: frozenset[str] | None = None,
) -> State:
    """Return the state after `word` was reported, by `event` unless by session_info.

    `reasons` are those of a pause, None if they were not reported with it.
    """
    if word == Word.SWITCHING:
        # session_info continues with its previous word: only another one ends this.
        return replace(state, status=Status.SWITCHING_PHASES, plugged=True, car=True, deadline=None)
    if word == Word.UNPLUGGED:
        return _unplugged(state, event, when, now)
    if word == Word.FINISHED_EV and word == state.word:
        return state
    plugged = True if car else state.plugged
    car = car or state.car
    deadline = None
    transaction = _in_transaction(state, word)
    if word == Word.WAITING_FOR_ENERGY:
        reasons = frozenset({NO_ENERGY})
    status = WORDS[word].status if word in WORDS else None
    if word == Word.FINISHED_EV:
        status = state.status
        deadline = now + FINISHED_EV_TIME
    elif word == Word.PREPARING and transaction:
        status, reasons, deadline = _preparing(state, now)
    elif word == Word.PAUSED_EVSE:
        if reasons is None and state.word is None:
            reasons = state.reasons
        status = paused(reasons or frozenset())
    elif word == Word.DISABLED:
        # With the cable out for some time, the car of the last session is gone.
        just_left = is_close(when, state.ended, _SAME_MOMENT)
        car = car and (plugged is not False or just_left)
        plugged = None
    return replace(
        state,
        word=word,
        status=status,
        reasons=reasons,
        transaction=transaction,
        plugged=plugged,
        car=car,
        deadline=deadline,
        enabled=_is_enabled(state, word),
        in_doubt=False,
        restarted=state.restarted and word != Word.DISABLED,
    )


def _unplugged(state: State, event: str, when: datetime, now: float) -> State:
    """Return the state after `Unplugged`, which enabling reports with or without a car."""
    if state.word == Word.UNPLUGGED and state.deadline is not None:
        return state
    enabled = event == _ENABLED or state.word == Word.DISABLED
    may_be_there = state.car and state.plugged is not False
    is_known = state.id is not None or state.started is not None
    after_gap = state.word is None
    state = replace(
        state,
        word=Word.UNPLUGGED,
        enabled=event == _ENABLED or _is_enabled(state, Word.UNPLUGGED),
        reasons=None,
        transaction=False,
        in_doubt=False,
        ended=state.ended or (when if is_known and not enabled else None),
    )
    if may_be_there and state.restarted:
        return replace(state, status=None, plugged=None, deadline=now + ENABLED_TIME)
    if may_be_there and enabled and not after_gap:
        status = None if state.status is Status.OUT_OF_SERVICE else state.status
        return replace(state, status=status, in_doubt=True, deadline=now + ENABLED_TIME)
    if event == _SESSION_FINISHED and state.status is not None:
        return replace(state, deadline=now + SESSION_FINISHED_TIME)
    return replace(state, status=Status.DISCONNECTED, plugged=False, deadline=None)


def _is_enabled(state: State, word: str) -> bool:
    """Return whether the EVSE is enabled once `word` was reported."""
    # The reply comes first: until `Disabled`, the session that this ends goes on for a second.
    is_ending = state.enabled is False and state.word != Word.DISABLED and word in ENDING
    return word != Word.DISABLED and not is_ending


def _preparing(state: State, now: float) -> tuple[Status, frozenset[str] | None, float | None]:
    """Return status, reasons and deadline if charging is allowed, and the car may begin."""
    if state.status not in _HELD:
        return Status.SUSPENDED_BY_EV, None, None
    known = state.deadline if state.word == Word.PREPARING else None
    return state.status, state.reasons, known or now + PREPARING_TIME


def _is_allowed(state: State, info: JsonObject) -> bool:
    """Return whether a transaction runs by session_info, which some releases do not report."""
    if timestamp(info.get("transaction_start_time")) is None:
        return state.transaction
    return timestamp(info.get("transaction_end_time")) is None


def _in_transaction(state: State, word: str) -> bool:
    """Return whether a transaction runs after `word` was reported."""
    if word in IN_TRANSACTION or word in NO_TRANSACTION:
        return word in IN_TRANSACTION
    # Only a transaction leads from waiting for a token to this word.
    allowed = word == Word.PREPARING and state.word in ASKS_FOR_TOKEN
    return allowed or state.transaction


def _with_reasons(state: State, reasons: frozenset[str]) -> State:
    """Return the state of a pause by the charge point for `reasons`."""
    return replace(state, status=paused(reasons), reasons=reasons)


def _with_event_session(state: State, uuid: str | None, name: str, when: datetime) -> State:
    """Return the state with the session that an event belongs to."""
    if uuid is None or uuid == state.id:
        return state
    # session_info, which has no id, may have reported this session already.
    is_known = state.id is None and state.ended is None and state.started is not None
    if is_known and (name != "SessionStarted" or is_close(when, state.started, SAME_START)):
        return replace(state, id=uuid)
    return _new_session(state, uuid, when if name in BEGINNINGS else None)


def _is_outdated(state: State, started: datetime) -> bool:
    """Whether a session_info is a late reply about the previous session."""
    return (
        state.word is not None
        and state.started is not None
        and state.started - started > SAME_START
    )


def _with_start(state: State, started: datetime) -> State:
    """Return the state with the session that began at `started`, according to session_info."""
    if state.started is None and state.id is not None and state.ended is None:
        return replace(state, started=started)
    if is_close(started, state.started, SAME_START):
        return replace(state, started=started)
    # Its events were missed: the previous word does not apply to it.
    return replace(_new_session(state, None, started), word=None, status=None, plugged=None)


def _new_session(state: State, uuid: str | None, started: datetime | None) -> State:
    """Return the state with a new session; the reports tell whether there is a car."""
    return replace(
        state,
        status=None,
        reasons=None,
        reserved=False,
        transaction=False,
        car=False,
        in_doubt=False,
        restarted=False,
        deadline=None,
        id=uuid,
        started=started,
        ended=None,
        end_reason=None,
        authorized=None,
        token=None,
        energy=SessionEnergy(),
    )
