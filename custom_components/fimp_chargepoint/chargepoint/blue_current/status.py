"""What CH_STATUS means in the vocabulary. Pure.

Sources: the vendor's response examples and notes; IEC 61851 for the letter of the control pilot.
`activity` decides the status, the letter refines it.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from ..model import (
    ChargepointSnapshot,
    Cost,
    Feature,
    Meter,
    PauseReason,
    Session,
    Status,
)
from . import frames

OFFLINE: Final = "offline"
_CHARGING: Final = "charging"
_AVAILABLE: Final = "available"

#: The letters of the control pilot: whether a car is there, None if the letter leaves that open.
_PLUGGED: Final[dict[str, bool | None]] = {
    "A": False,
    "B": True,
    "C": True,
    "D": True,
    "E": None,
    "F": None,
}
#: Letters that mean a fault, by the names that the vendor has for them.
_FAULTS: Final = {"E": "no_power", "F": "vehicle_error"}

#: The status by activity, and by letter if that refines it.
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
#: Whether it may be used at all, by activity; an error leaves that open.
_ENABLED: Final = {_AVAILABLE: True, _CHARGING: True, "unavailable": False}

#: A start that Blue Current reports this close to the one we saw is the same.
_SAME_START: Final = timedelta(minutes=15)
#: What limits the current if smart charging does.
SMART_CHARGING: Final = "smart_charging"
#: Power is in W, with this many digits.
_DIGITS: Final = 1


def read(
    snapshot: ChargepointSnapshot, frame: frames.Status, *, is_smart: bool, currency: str | None
) -> dict[str, object]:
    """Return the changes of `snapshot` that a frame brings, without its session.

    `is_smart` is whether smart charging is on, `currency` that of the tariff.
    """
    letter = frame.vehicle_status if frame.vehicle_status in _PLUGGED else None
    limit, limited_by = _limit(frame, is_smart=is_smart)
    changes: dict[str, object] = {
        "status": _status(frame, letter),
        "raw_status": _raw(frame),
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
    words = []
    if frame.activity is not None and frame.activity not in _STATUS:
        words.append(frame.activity)
    if frame.vehicle_status is not None and frame.vehicle_status not in _PLUGGED:
        words.append(frame.vehicle_status)
    return words


def reported(frame: frames.Status, changes: dict[str, object]) -> frozenset[Feature]:
    """Return the features that a frame has shown."""
    found = {Feature.STATUS, Feature.ENABLED}
    meter = changes["meter"]
    if isinstance(meter, Meter):
        found |= {feature for feature in _MEASURED if getattr(meter, feature) is not None}
    for feature, name in _LIMITS.items():
        if changes[name] is not None:
            found.add(feature)
    if Feature.SESSION_ENERGY in found:
        found.add(Feature.COMPUTED_ENERGY)
    if frame.total_cost:
        found.add(Feature.STATION_COST)
    return frozenset(found)


_MEASURED: Final = (
    Feature.POWER,
    Feature.POWER_L1,
    Feature.POWER_L2,
    Feature.POWER_L3,
    Feature.CURRENT,
    Feature.CURRENT_L1,
    Feature.CURRENT_L2,
    Feature.CURRENT_L3,
    Feature.VOLTAGE,
    Feature.VOLTAGE_L1,
    Feature.VOLTAGE_L2,
    Feature.VOLTAGE_L3,
    Feature.SESSION_ENERGY,
)
_LIMITS: Final = {
    Feature.MAX_CURRENT: "max_current",
    Feature.EFFECTIVE_CURRENT: "effective_current",
    Feature.LIMITED_BY: "limited_by",
}


def _status(frame: frames.Status, letter: str | None) -> Status | None:
    status, refined = _STATUS.get(frame.activity or "", (None, {}))
    status = refined.get(letter or "", status)
    draws_nothing = not any(frame.currents)
    if status is Status.CHARGING and frame.held_back and draws_nothing:
        return Status.SUSPENDED_BY_EVSE
    return status


def _raw(frame: frames.Status) -> str | None:
    """Return its own words: the activity, and the letter."""
    return " ".join(filter(None, (frame.activity, frame.vehicle_status))) or None


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
        current=average(frame.currents),
        current_l1=frame.currents[0],
        current_l2=frame.currents[1],
        current_l3=frame.currents[2],
        voltage=average(frame.voltages),
        voltage_l1=frame.voltages[0],
        voltage_l2=frame.voltages[1],
        voltage_l3=frame.voltages[2],
        session_energy=frame.energy,
    )


def _power(current: float | None, voltage: float | None) -> float | None:
    """Return the power of a phase; its voltage is measured between phase and neutral."""
    if current == 0:
        return 0.0
    return round(current * voltage, _DIGITS) if current is not None and voltage else None


def average(phases: frames.Phases) -> float | None:
    """Return the average over the phases in use, as the vendor's library has it."""
    known = [value for value in phases if value is not None]
    used = [value for value in known if value]
    if used:
        return round(sum(used) / len(used), _DIGITS)
    return 0.0 if known else None


def next_session(
    known: Session, energy: float | None, frame: frames.Status, now: datetime, *, seen_idle: bool
) -> Session:
    """Return the session after a frame; `energy` is the last known one of `known`.

    The times of a frame may still be those of the session before, or missing. If they cannot be
    of a session that runs, it began when we saw it begin; `seen_idle` is whether nothing charged
    right before.
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
    """Return the session while nothing charges: its end, or a later one that was missed."""
    started, stopped, began = frame.started, frame.stopped, known.began
    if started is not None and is_over and (began is None or started > began + _SAME_START):
        return Session(started=started, ended=stopped)
    if began is not None and known.ended is None:
        is_its_end = stopped is not None and stopped >= began
        return replace(known, ended=stopped if is_its_end else now)
    return known
