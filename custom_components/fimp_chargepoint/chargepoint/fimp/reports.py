"""How the reports of a charge point's services change its snapshot. Pure.

Sources: Futurehome FIMP API, services `chargepoint` (both versions of the document), `meter_elec`
("Electricity measurements"), `alarm_system` and `diagnostic`, and the adapters built on
cliffhanger, which add currents, phases and the health of the device.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from ..errors import ProtocolError
from ..model import PHASES, PLUGGED, ChargepointSnapshot, Feature, Status
from ..node import Changes
from ..readers import NUMBER_MAX
from .message import Message, number

#: Maximum characters of a text that is shown, and number of simultaneous faults.
_WORD_MAX: Final = 100
_TEXT_MAX: Final = 200
_FAULTS_MAX: Final = 50
#: More than any charge point has.
_AMPERES_MAX: Final = 1000.0


class ReportUpdate(NamedTuple):
    """The content of a report.

    `changes` are new values of the snapshot's fields. `observed` are the features that the report
    shows, whatever the list of interfaces contains. `report` is the name by which a command waits
    for this report. `live` is False if an adapter may have answered from its cache.
    """

    changes: Changes
    observed: frozenset[Feature] = frozenset()
    report: str = ""
    live: bool = True


#: Reads one report, given the known state. Raises ProtocolError if it is invalid.
type Reader = Callable[[ChargepointSnapshot, Message], ReportUpdate]


def expect[T](message: Message, kind: type[T]) -> T:
    """Return the value of a report.

    Raises:
        ProtocolError: of kind `value`; it is not of `kind`.

    """
    return expected(message.value, kind, message.type)


def expected[T](value: object, kind: type[T], name: str) -> T:
    """Return `value` as `kind`. JSON does not distinguish 16 from 16.0; a bool is not a number.

    Raises:
        ProtocolError: of kind `value`; it is of another type, or an impossible number.

    """
    found: object = value
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        found = float(value)
    elif kind is int and isinstance(value, float) and value.is_integer():
        found = int(value)
    if (
        not isinstance(found, kind)
        or (isinstance(found, bool) and kind is not bool)
        or (isinstance(found, int | float) and not abs(found) <= NUMBER_MAX)
    ):
        raise ProtocolError("value", f"{name}: {value!r:.80}")
    return found


def amperes(value: float, name: str) -> float:
    """Return a current in A.

    Raises:
        ProtocolError: of kind `value`; no charge point has it.

    """
    if not 0 <= value <= _AMPERES_MAX:
        raise ProtocolError("value", f"{name}: {value:g} A")
    return value


# chargepoint ----------------------------------------------------------------------

#: The values in the documentation, of older adapters, and of OCPP, which some pass on.
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


def state(_: ChargepointSnapshot, message: Message) -> ReportUpdate:
    """Read `evt.state.report`: the state and, if present, the charging mode."""
    word = expect(message, str)[:_WORD_MAX]
    status = STATUS.get(word.lower())
    plugged = None if status is None else PLUGGED.get(status)
    changes: Changes = {"status": status, "raw_status": word, "plugged": plugged}
    if plugged is False:
        # Not all adapters report the end of the session.
        changes["session_current"] = None
    mode = message.props.get("charging_mode", "").lower()[:_WORD_MAX]
    if not mode:
        return ReportUpdate(changes, report=Feature.STATUS)
    changes["charging_mode"] = mode
    return ReportUpdate(changes, frozenset({Feature.CHARGING_MODE}), Feature.STATUS)


def _cable_lock(snapshot: ChargepointSnapshot, message: Message) -> ReportUpdate:
    current = number(message.props.get("cable_current"))
    observed = {Feature.CABLE_LOCK}
    if current is None:
        # It is often missing; the last known rating of the cable is kept.
        current = snapshot.cable_current
    else:
        current = amperes(current, "cable_current")
        observed.add(Feature.CABLE_CURRENT)
    return ReportUpdate(
        # 0 means no cable, or a cable of unknown rating.
        {"cable_lock": expect(message, bool), "cable_current": current or None},
        frozenset(observed),
        Feature.CABLE_LOCK,
    )


def _max_current(_: ChargepointSnapshot, message: Message) -> ReportUpdate:
    return ReportUpdate(
        {"max_current": amperes(expect(message, float), message.type)},
        frozenset({Feature.MAX_CURRENT}),
        Feature.MAX_CURRENT,
    )


def _phase_mode(_: ChargepointSnapshot, message: Message) -> ReportUpdate:
    mode = expect(message, str).lower()[:_WORD_MAX]
    return ReportUpdate(
        {"phase_mode": mode, "phases": PHASES.get(mode)},
        frozenset({Feature.PHASE_MODE}),
        Feature.PHASE_MODE,
    )


# meter_elec -----------------------------------------------------------------------

#: Units of `evt.meter.report`, which is about imported energy.
UNITS: Final = {
    "W": Feature.POWER,
    "kWh": Feature.ENERGY,
    "V": Feature.VOLTAGE,
    "A": Feature.CURRENT,
    "Hz": Feature.FREQUENCY,
    "power_factor": Feature.POWER_FACTOR,
}
#: Units of `evt.meter_export.report`.
EXPORT_UNITS: Final = {"W": Feature.POWER_EXPORT, "kWh": Feature.ENERGY_EXPORT}
#: Keys of `evt.meter_ext.report`, which contains only some of them.
VALUES: Final = {
    "p_import": Feature.POWER,
    "p1": Feature.POWER_L1,
    "p2": Feature.POWER_L2,
    "p3": Feature.POWER_L3,
    "p_export": Feature.POWER_EXPORT,
    "p_factor": Feature.POWER_FACTOR,
    "e_import": Feature.ENERGY,
    "e_export": Feature.ENERGY_EXPORT,
    "u": Feature.VOLTAGE,
    "u1": Feature.VOLTAGE_L1,
    "u2": Feature.VOLTAGE_L2,
    "u3": Feature.VOLTAGE_L3,
    "i": Feature.CURRENT,
    "i1": Feature.CURRENT_L1,
    "i2": Feature.CURRENT_L2,
    "i3": Feature.CURRENT_L3,
    "freq": Feature.FREQUENCY,
}


def _meter(units: Mapping[str, Feature]) -> Reader:
    """Return the reader of one value, whose unit is a property."""

    def read(snapshot: ChargepointSnapshot, message: Message) -> ReportUpdate:
        value = expected(message.value, float, message.type)
        feature = units.get(message.props.get("unit", ""))
        return _measured(snapshot, {} if feature is None else {feature: value})

    return read


def _meter_ext(snapshot: ChargepointSnapshot, message: Message) -> ReportUpdate:
    values = {
        VALUES[key]: expected(value, float, key)
        for key, value in expect(message, dict).items()
        if key in VALUES and value is not None
    }
    return _measured(snapshot, values)


def _measured(snapshot: ChargepointSnapshot, values: Mapping[Feature, float]) -> ReportUpdate:
    for counter in (Feature.ENERGY, Feature.ENERGY_EXPORT):
        if values.get(counter, 0) < 0:
            raise ProtocolError("value", f"{counter} {values[counter]:g}")
    return ReportUpdate({"meter": snapshot.meter.updated(values)}, frozenset(values))


# alarm_system and diagnostic ------------------------------------------------------

#: Whether a fault is present, by the reported value.
_ALARM_STATUS: Final = {"activ": True, "active": True, "deactiv": False, "inactive": False}
#: Feature -> the middle of its interfaces' names, and its value's type.
HEALTH: Final = {
    Feature.SIGNAL_STRENGTH: ("rssi", float),
    Feature.LINK_QUALITY: ("lqi", float),
    Feature.UPTIME: ("uptime", float),
    Feature.RESTARTS: ("reboots_count", float),
    Feature.RESTART_REASON: ("reboot_reason", str),
}


def _alarm(snapshot: ChargepointSnapshot, message: Message) -> ReportUpdate:
    """Read `evt.alarm.report`: a fault began or ended."""
    match expect(message, dict):
        case {"event": str(event), "status": str(word)} if event and word in _ALARM_STATUS:
            name = frozenset({event.lower()[:_TEXT_MAX]})
        case report:
            raise ProtocolError("value", f"{message.type}: {report!r:.80}")
    if not _ALARM_STATUS[word]:
        return ReportUpdate({"faults": snapshot.faults - name})
    if len(snapshot.faults) >= _FAULTS_MAX:
        return ReportUpdate({})
    return ReportUpdate({"faults": snapshot.faults | name})


def _errors(_: ChargepointSnapshot, message: Message) -> ReportUpdate:
    """Read `evt.errors.report`: all present errors, in the manufacturer's words."""
    # Adapters write an empty list as null.
    names = [] if message.value is None else expect(message, list)[:_FAULTS_MAX]
    errors = {name.lower()[:_TEXT_MAX] for name in names if isinstance(name, str) and name}
    return ReportUpdate({"errors": frozenset(errors)})


def _health(feature: Feature, kind: type[float | str]) -> Reader:
    def read(snapshot: ChargepointSnapshot, message: Message) -> ReportUpdate:
        value = expect(message, kind)
        changes: Changes = {feature: value[:_TEXT_MAX] if isinstance(value, str) else value}
        return ReportUpdate({"health": replace(snapshot.health, **changes)}, frozenset({feature}))

    return read


def uptime(snapshot: ChargepointSnapshot, message: Message, now: datetime) -> ReportUpdate:
    """Read `evt.uptime.report`: seconds since the start, converted to its time."""
    seconds = expect(message, float)
    if not 0 <= seconds <= now.timestamp():
        raise ProtocolError("value", f"{message.type}: {seconds:g} s")
    health = replace(snapshot.health, uptime=now - timedelta(seconds=seconds))
    return ReportUpdate({"health": health}, frozenset({Feature.UPTIME}))


#: The readers by service and message type, except those that need more than the snapshot.
READERS: Final[Mapping[str, Mapping[str, Reader]]] = {
    "chargepoint": {
        "evt.state.report": state,
        "evt.cable_lock.report": _cable_lock,
        "evt.max_current.report": _max_current,
        "evt.phase_mode.report": _phase_mode,
    },
    "meter_elec": {
        "evt.meter.report": _meter(UNITS),
        "evt.meter_export.report": _meter(EXPORT_UNITS),
        "evt.meter_ext.report": _meter_ext,
    },
    "alarm_system": {"evt.alarm.report": _alarm},
    "diagnostic": {
        "evt.errors.report": _errors,
        **{
            f"evt.{name}.report": _health(feature, kind)
            for feature, (name, kind) in HEALTH.items()
            if feature is not Feature.UPTIME
        },
    },
    "dev_sys": {},
}
