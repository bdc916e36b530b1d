"""What a charge point can report and be told, from the list of its services. Pure.

Sources: Futurehome FIMP API, service properties of `chargepoint`, `meter_elec` and
`dev_sys`; `diagnostic` of the adapters built on cliffhanger.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from ..capabilities import Capabilities, Range
from ..errors import ProtocolError
from ..model import PHASES, Feature
from . import meter
from .health import HEALTH
from .inclusion import Service
from .reports import amperes, expected

#: What is kept over a restart. The current of a session is not; the lock of the cable may
#: be, but nobody shall wait for his cable.
_LASTING: Final = frozenset({Feature.MAX_CURRENT, Feature.PHASE_MODE})
#: What every charge point can do, also one that never sent an inclusion report.
BASIC: Final = Capabilities(
    reports=frozenset({Feature.STATUS, Feature.SESSION_ENERGY}),
    controls=frozenset({Feature.CHARGING}),
    lasting=_LASTING,
)
#: The smallest current there is (IEC 61851), and the largest one a control pilot can say.
_CURRENT_MIN: Final = 6.0
_CURRENT_MAX: Final = 80.0

#: Interfaces are told by their names alone: adapters list wrong directions and types.
_REPORTED_BY: Final = {
    "chargepoint": {
        "cable_lock": Feature.CABLE_LOCK,
        "max_current": Feature.MAX_CURRENT,
        "phase_mode": Feature.PHASE_MODE,
    },
    "diagnostic": {name: feature for feature, (name, _) in HEALTH.items()},
}
_SET_BY: Final = {
    "chargepoint": {
        "cmd.cable_lock.set": Feature.CABLE_LOCK,
        "cmd.max_current.set": Feature.MAX_CURRENT,
        "cmd.current_session.set_current": Feature.SESSION_CURRENT,
        "cmd.phase_mode.set": Feature.PHASE_MODE,
    },
    "dev_sys": {"cmd.thing.reboot": Feature.RESTART},
}


def capabilities(services: Mapping[str, Service]) -> Capabilities:
    """Return what the charge point with these services can report and be told."""
    chargepoint = services.get("chargepoint", _NO_SERVICE)
    electricity = services.get("meter_elec", _NO_SERVICE)
    reports = set(BASIC.reports)
    controls = set(BASIC.controls)
    for name, service in services.items():
        for middle, feature in _REPORTED_BY.get(name, {}).items():
            if service.reports(middle):
                reports.add(feature)
        for interface, feature in _SET_BY.get(name, {}).items():
            if interface in service.interfaces:
                controls.add(feature)
    reports |= _known(meter.UNITS, electricity.strings("sup_units"))
    reports |= _known(meter.EXPORT_UNITS, electricity.strings("sup_export_units"))
    reports |= _known(meter.VALUES, electricity.strings("sup_extended_vals"))

    modes = _lower(chargepoint.strings("sup_charging_modes"))
    phase_modes = _lower(chargepoint.strings("sup_phase_modes"))
    phases = tuple(each for each in ("1", "3") if each in map(PHASES.get, phase_modes))
    if modes:
        controls.add(Feature.CHARGING_MODE)
    if not phase_modes:
        controls.discard(Feature.PHASE_MODE)
    elif Feature.PHASE_MODE in controls and len(phases) > 1:
        controls.add(Feature.PHASES)
    if Feature.SESSION_CURRENT in controls:
        reports.add(Feature.OFFERED_CURRENT)
    currents = Range(_CURRENT_MIN, _highest(chargepoint.props.get("sup_max_current")))
    return Capabilities(
        reports=frozenset(reports),
        controls=frozenset(controls),
        options={
            Feature.CHARGING_MODE: modes,
            Feature.PHASE_MODE: phase_modes,
            Feature.PHASES: phases,
        },
        ranges={Feature.MAX_CURRENT: currents, Feature.SESSION_CURRENT: currents},
        lasting=_LASTING,
    )


_NO_SERVICE: Final = Service(frozenset(), {})


def _known(table: Mapping[str, Feature], names: Iterable[str]) -> set[Feature]:
    return {table[name] for name in names if name in table}


def _lower(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each.lower() for each in words))


def _highest(current: Any) -> float:
    """Return the highest current; where that is not said, the adapter will object."""
    try:
        highest = amperes(expected(current, float, "sup_max_current"), "sup_max_current")
    except ProtocolError:
        return _CURRENT_MAX
    return highest if highest >= _CURRENT_MIN else _CURRENT_MAX
