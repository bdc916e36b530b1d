"""Reports of the service `chargepoint`, but for the session's. Pure.

Sources: both versions of the Futurehome document, service `chargepoint`, and the adapters
built on cliffhanger, which add currents and phases.
"""

from typing import Final

from ..model import PHASES, PLUGGED, ChargepointSnapshot, Feature, Status
from .message import Message, number
from .reports import Reading, amperes, expect

#: Characters of a state that are shown.
_WORD_MAX: Final = 100

#: The words of the documents, of older adapters, and OCPP's where they are passed on.
STATUS: Final = {
    "disconnected": Status.DISCONNECTED,
    "available": Status.DISCONNECTED,
    "requesting": Status.REQUESTING,
    "preparing": Status.REQUESTING,
    "ready_to_charge": Status.READY_TO_CHARGE,
    "paused": Status.READY_TO_CHARGE,
    "charging": Status.CHARGING,
    "suspended_by_ev": Status.SUSPENDED_BY_EV,
    "suspendedev": Status.SUSPENDED_BY_EV,
    "suspended_by_evse": Status.SUSPENDED_BY_EVSE,
    "suspendedevse": Status.SUSPENDED_BY_EVSE,
    "switching_phases": Status.SWITCHING_PHASES,
    "finished": Status.FINISHED,
    "finishing": Status.FINISHED,
    "reserved": Status.RESERVED,
    "unavailable": Status.OUT_OF_SERVICE,
    "error": Status.ERROR,
    "faulted": Status.ERROR,
    "unknown": None,
}


def state(_: ChargepointSnapshot, message: Message) -> Reading:
    """Read `evt.state.report`: the state, and the charging mode where it is said."""
    word = expect(message, str)[:_WORD_MAX]
    status = STATUS.get(word.lower())
    mode = message.props.get("charging_mode", "").lower()[:_WORD_MAX]
    return Reading(
        {
            "status": status,
            "raw_status": word,
            "plugged": None if status is None else PLUGGED.get(status),
            **({"charging_mode": mode} if mode else {}),
        },
        report=Feature.STATUS,
    )


def cable_lock(snapshot: ChargepointSnapshot, message: Message) -> Reading:
    """Read `evt.cable_lock.report`; a missing rating of the cable means not said."""
    current = number(message.props.get("cable_current"))
    seen = {Feature.CABLE_LOCK}
    if current is None:
        current = snapshot.cable_current
    else:
        current = amperes(current, "cable_current")
        seen.add(Feature.CABLE_CURRENT)
    return Reading(
        # 0 is how a charge point says that there is no cable, or that it does not know.
        {"cable_lock": expect(message, bool), "cable_current": current or None},
        frozenset(seen),
        Feature.CABLE_LOCK,
    )


def max_current(_: ChargepointSnapshot, message: Message) -> Reading:
    """Read `evt.max_current.report`."""
    return Reading(
        {"max_current": amperes(expect(message, float), message.type)},
        frozenset({Feature.MAX_CURRENT}),
        Feature.MAX_CURRENT,
    )


def phase_mode(_: ChargepointSnapshot, message: Message) -> Reading:
    """Read `evt.phase_mode.report`."""
    mode = expect(message, str).lower()[:_WORD_MAX]
    return Reading(
        {"phase_mode": mode, "phases": PHASES.get(mode)},
        frozenset({Feature.PHASE_MODE}),
        Feature.PHASE_MODE,
    )


def mode_with(phases: object, snapshot: ChargepointSnapshot) -> str | None:
    """Return the phase mode with so many `phases`: the one in use, else the first offered.

    None where it offers none: what is remembered need not fit any more.
    """
    if snapshot.phase_mode is not None and snapshot.phases == phases:
        return snapshot.phase_mode
    offered = snapshot.capabilities.options.get(Feature.PHASE_MODE, ())
    return next((each for each in offered if PHASES.get(each) == phases), None)


READERS: Final = {
    "evt.state.report": state,
    "evt.cable_lock.report": cable_lock,
    "evt.max_current.report": max_current,
    "evt.phase_mode.report": phase_mode,
}
