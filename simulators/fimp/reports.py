"""The reports of a FIMP charge point, by kind."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Protocol

from simulators.car import NOMINAL_VOLTAGE, Connector

from .message import Report, stamp
from .profile import ALARMS, Profile

# Energy exported in earlier years, in kWh; our cars only import.
_EXPORTED = 12.5


class Facts(Protocol):
    """The facts of a charge point that are reported."""

    profile: Profile
    connector: Connector
    started: datetime | None
    finished: datetime | None
    max_current: int
    phase_mode: str
    locked: bool
    alarms: set[str]

    @property
    def word(self) -> str:
        """The state in the terms of its adapter."""

    def read_meter(self) -> float:
        """Read the energy meter, in kWh."""


def key(report: Report) -> tuple[str, str]:
    """Return a key that distinguishes reports whose values do not replace each other."""
    part = (report.storage or {}).get("sub_value", "")
    if not part and isinstance(report.val, dict):
        part = " ".join(report.val)
    return report.type, part


def state_report(word: str) -> Report:
    """Report a state."""
    return _report("state", "string", word)


def lock_report(point: Facts, props: dict[str, str] | None = None) -> Report:
    """Report whether the cable is locked."""
    return _report("cable_lock", "bool", point.locked, props)


def _report(name: str, val_t: str, val: object, props: dict[str, str] | None = None) -> Report:
    return Report("chargepoint", f"evt.{name}.report", val_t, val, props)


def _state(point: Facts) -> Iterable[Report]:
    yield state_report(point.word)


def _session(point: Facts) -> Iterable[Report]:
    connector, always = point.connector, point.profile.session_props
    props = None if always is None else dict(always)
    if point.profile.session_facts:
        props = props or {}
        if point.finished:
            props["finished_at"] = stamp(point.finished)
        if point.profile.has("offered_current"):
            props["offered_current"] = str(int(connector.offered))
        if connector.previous > 0:
            props["previous_session"] = f"{connector.previous:.2f}"
        if point.started:
            props["started_at"] = stamp(point.started)
    yield _report("current_session", "float", round(connector.energy, 4), props)


def _max_current(point: Facts) -> Iterable[Report]:
    yield _report("max_current", "int", point.max_current)


def _phase_mode(point: Facts) -> Iterable[Report]:
    yield _report("phase_mode", "string", point.phase_mode)


def _cable_lock(point: Facts) -> Iterable[Report]:
    rating = point.profile.max_current if point.connector.plugged else 0
    yield lock_report(point, {"cable_current": str(rating)})


def _meter(point: Facts) -> Iterable[Report]:
    values = {
        "W": round(point.connector.power),
        "kWh": point.read_meter(),
        "V": NOMINAL_VOLTAGE,
    }
    for unit in point.profile.units:
        yield _metered("meter", unit, values[unit])


def _meter_export(point: Facts) -> Iterable[Report]:
    values = {"W": 0, "kWh": _EXPORTED}
    for unit in point.profile.export_units:
        yield _metered("meter_export", unit, values[unit])


def _metered(name: str, unit: str, value: float) -> Report:
    return Report(
        "meter_elec",
        f"evt.{name}.report",
        "float",
        value,
        {"is_virtual": "false", "unit": unit},
        {"strategy": "aggregate", "sub_value": unit},
    )


def _meter_ext(point: Facts) -> Iterable[Report]:
    values: dict[str, float] = {
        "e_import": point.read_meter(),
        "e_export": _EXPORTED,
        "p_import": round(point.connector.power),
        "p_export": 0,
    }
    for line in (1, 2, 3):
        used = str(line) in point.phase_mode
        current = point.connector.current if used else 0
        values[f"i{line}"] = round(current, 1)
        values[f"u{line}"] = NOMINAL_VOLTAGE + (line - 2) / 2
        values[f"p{line}"] = round(current * NOMINAL_VOLTAGE)
    chosen = {name: values[name] for name in sorted(point.profile.values)}
    storage = {"strategy": "split"}
    kind = "evt.meter_ext.report"
    yield Report("meter_elec", kind, "float_map", chosen, None, storage)


def _alarms(point: Facts) -> Iterable[Report]:
    for event in ALARMS:
        status = "activ" if event in point.alarms else "deactiv"
        yield Report(
            "alarm_system",
            "evt.alarm.report",
            "str_map",
            {"event": event, "status": status},
            None,
            {"strategy": "aggregate", "sub_value": event},
        )


BUILDERS: dict[str, Callable[[Facts], Iterable[Report]]] = {
    "session": _session,
    "state": _state,
    "max_current": _max_current,
    "phase_mode": _phase_mode,
    "cable_lock": _cable_lock,
    "meter": _meter,
    "meter_export": _meter_export,
    "meter_ext": _meter_ext,
    "alarms": _alarms,
}
