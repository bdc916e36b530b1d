"""What CH_STATUS means in the vocabulary. Pure.

Sources: the vendor's response examples and notes; IEC 61851 for the letter of the control pilot.
`activity` decides the status, the letter refines it.
"""

from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import Final

from ..model import ChargepointSnapshot, Cost, Feature, Meter, PauseReason, Session, Status
from . import frames

OFFLINE: Final = "offline"
_CHARGING: Final = "charging"
_AVAILABLE: Final = "available"

#: The letters of the control pilot: whether a car is connected, None if they do not show that.
_PLUGGED: Final[dict[str, bool | None]] = {
    "A": False,
    "B": True,
    "C": True,
    "D": True,
    "E": None,
    "F": None,
}
#: Letters that mean a fault, and the vendor's names for them.
_FAULTS: Final = {"E": "no_power", "F": "vehicle_error"}

#: The status by activity, and by letter if the letter refines it.
_STATUS: Final[dict[str, tuple[Status | None, dict[str, Status]]]] = {
    _AVAILABLE: (
        None,
        {
            "A": Status.DISCONNECTED,
            "B": Status.READY_TO_CHARGE,
            "C": Status.READY_TO_CHARGE,
            "D": Status.READY_TO_CHARGE,
            "E": Status.ERROR,
            "F": Status.ERROR,
        },
    ),
    _CHARGING: (
        Status.CHARGING,
        {"B": Status.SUSPENDED_BY_EV, "E": Status.SUSPENDED_BY_EVSE},
    ),
    "unavailable": (Status.OUT_OF_SERVICE, {}),
    "error": (Status.ERROR, {}),
    OFFLINE: (None, {}),
}
#: Whether it may be used at all, by activity; an error does not show that.
_ENABLED: Final = {_AVAILABLE: True, _CHARGING: True, "unavailable": False}

#: A reported start this close to the one that we saw is the same.
_SAME_START: Final = timedelta(minutes=15)
#: What limits the current if smart charging does.
SMART_CHARGING: Final = "smart_charging"
#: Power is in W, with this many digits.
_DIGITS: Final = 1


def read(
    snapshot: ChargepointSnapshot, frame: frames.Status, *, is_smart: bool, currency: str | None
) -> dict[str, object]:
    """Return the changes of `snapshot` by a frame, without its session.

    `is_smart` is whether smart charging is on, `currency` that of the tariff.
    """
    letter = frame.vehicle_status if frame.vehicle_status in _PLUGGED else None
    limit, limited_by = _limit(frame, is_smart=is_smart)
    changes: dict[str, object] = {
        "status": _status(frame, letter),
        "raw_status": " ".join(filter(None, (frame.activity, frame.vehicle_status))) or None,
        "pause_reason": None,
        "plugged": _plugged(frame, letter),
        "enabled": _ENABLED.get(frame.activity or ""),
        "max_current": frame.max_usage,
        "effective_current": limit,
        "limited_by": limited_by,
        "faults": frozenset({_FAULTS[letter]} if letter in _FAULTS else ()),
        "meter": _meter(snapshot.meter, frame),
    }
    if changes["status"] is Status.SUSPENDED_BY_EVSE and frame.held_back:
        changes["pause_reason"] = PauseReason.NO_ENERGY
    if frame.total_cost:
        # Zero is also what an account without costs reports.
        changes["charged"] = Cost(total=frame.total_cost, currency=currency)
    return changes


def unknown_words(frame: frames.Status) -> list[str]:
    """Return the words of a frame that are not known, for the log."""
    words = ((frame.activity, _STATUS), (frame.vehicle_status, _PLUGGED))
    return [word for word, known in words if word is not None and word not in known]


def reported(frame: frames.Status, changes: dict[str, object]) -> frozenset[Feature]:
    """Return the features that a frame has shown."""
    limits = (Feature.MAX_CURRENT, Feature.EFFECTIVE_CURRENT, Feature.LIMITED_BY)
    found = {feature for feature in limits if changes[feature] is not None}
    found |= {Feature.STATUS, Feature.ENABLED}
    measured = ((each.name, getattr(changes["meter"], each.name)) for each in fields(Meter))
    found |= {Feature(name) for name, value in measured if value is not None}
    if Feature.SESSION_ENERGY in found:
        found.add(Feature.COMPUTED_ENERGY)
    if frame.total_cost:
        found.add(Feature.STATION_COST)
    return frozenset(found)


def _status(frame: frames.Status, letter: str | None) -> Status | None:
    status, refined = _STATUS.get(frame.activity or "", (None, {}))
    status = refined.get(letter or "", status)
    draws_nothing = not any(frame.currents)
    if status is Status.CHARGING and frame.held_back and draws_nothing:
        return Status.SUSPENDED_BY_EVSE
    return status


def _plugged(frame: frames.Status, letter: str | None) -> bool | None:
    if frame.activity == _CHARGING:
        return True
    return None if letter is None else _PLUGGED[letter]


def _limit(frame: frames.Status, *, is_smart: bool) -> tuple[float | None, str | None]:
    """Return the strictest limit in A, and what sets it."""
    smart = frame.smart_charging_max_usage if is_smart else None
    if smart is not None and (frame.max_usage is None or smart < frame.max_usage):
        return smart, SMART_CHARGING
    return frame.max_usage, None


def _meter(before: Meter, frame: frames.Status) -> Meter:
    powers = tuple(map(_power, frame.currents, frame.voltages, strict=True))
    known = [power for power in powers if power is not None]
    return replace(
        before,
        power=round(sum(known), _DIGITS) if len(known) == len(powers) else None,
        power_l1=powers[0],
        power_l2=powers[1],
        power_l3=powers[2],
        **by_phase("current", frame.currents),
        **by_phase("voltage", frame.voltages),
        session_energy=frame.energy,
    )


def _power(current: float | None, voltage: float | None) -> float | None:
    """Return the power of a phase; its voltage is measured between phase and neutral."""
    if current == 0:
        return 0.0
    return round(current * voltage, _DIGITS) if current is not None and voltage else None


def by_phase(name: str, values: frames.Phases) -> dict[str, float | None]:
    """Return the fields of a `Meter` for a value that was measured on each phase."""
    one, two, three = values
    return {f"{name}_l1": one, f"{name}_l2": two, f"{name}_l3": three, name: _average(values)}


def _average(phases: frames.Phases) -> float | None:
    """Return the average over the phases in use, like the vendor's library."""
    known = [value for value in phases if value is not None]
    used = [value for value in known if value]
    if used:
        return round(sum(used) / len(used), _DIGITS)
    return 0.0 if known else None


def next_session(
    known: Session, energy: float | None, frame: frames.Status, now: datetime, *, seen_idle: bool
) -> Session:
    """Return the session after a frame; `energy` is the last known one of `known`.

    The times in a frame may be missing, or still be those of the previous session. If they cannot
    belong to a running session, it began when we saw that; `seen_idle` is whether nothing was
    charging right before.
    """
    started, stopped = frame.started, frame.stopped
    runs = frame.activity == _CHARGING
    is_over = started is not None and stopped is not None and stopped >= started
    if not runs:
        return _finished(known, frame, now, is_over=is_over)
    began = known.began
    is_running = began is not None and known.ended is None
    is_stale = is_over or (known.ended is not None and started == known.started)
    if started is not None and not is_stale:
        is_ours = known.offset is not None and is_running and began is not None
        if is_ours and began is not None and abs(began - started) <= _SAME_START:
            return known
        return known if is_running and known.started == started else Session(started=started)
    restarted = (
        known.offset is not None
        and frame.energy is not None
        and energy is not None
        and frame.energy < energy
    )
    if is_running and not restarted:
        return known
    return Session(started=now, start_guessed=not (seen_idle or restarted), offset=0.0)


def _finished(known: Session, frame: frames.Status, now: datetime, *, is_over: bool) -> Session:
    """Return the session while nothing is charging: its end, or a later one that was missed."""
    started, stopped, began = frame.started, frame.stopped, known.began
    if started is not None and is_over and (began is None or started > began + _SAME_START):
        return Session(started=started, ended=stopped)
    if began is not None and known.ended is None:
        is_its_end = stopped is not None and stopped >= began
        return replace(known, ended=stopped if is_its_end else now)
    return known
