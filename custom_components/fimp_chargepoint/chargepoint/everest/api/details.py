"""What an EVSE reports besides the state of its session: one variable, one or more facts. Pure.

EVerest API v1, evse_manager_consumer. A fact is offered once it was reported.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace
from typing import Final

from ...model import ChargepointSnapshot, DcSupply, Feature
from ...node import Changes
from ...readers import number, rounded, text
from ..envelope import whole_text

#: The mode of a power supply that has failed.
FAULT: Final = "Fault"
#: Numbers in an object, by variable and key, with their decimals; all are of `DcSupply`.
_NUMBERS: Final = {
    "dc_voltage_current": {
        "voltage_V": (Feature.DC_VOLTAGE, 1),
        "current_A": (Feature.DC_CURRENT, 1),
    },
    "dc_capabilities": {
        "max_export_voltage_V": (Feature.DC_VOLTAGE_MAX, 0),
        "max_export_current_A": (Feature.DC_CURRENT_MAX, 0),
        "max_export_power_W": (Feature.DC_POWER_MAX, 0),
    },
    "isolation_measurement": {"resistance_F_Ohm": (Feature.ISOLATION_RESISTANCE, 0)},
}
_OF_SUPPLY: Final = frozenset(field.name for field in fields(DcSupply))
#: An unknown car, or no protocol (yet).
_UNKNOWN: Final = frozenset({"Unknown", "None"})
#: What a cable may carry, in A; two of them carry 63 A on three phases, 70 A on one.
_AMPACITIES: Final = {"A_13": 13.0, "A_20": 20.0, "A_32": 32.0, "A_63_3ph_70_1ph": 63.0}
_PHASES_MAX: Final = 3


def _named(value: object) -> str | None:
    name = text(value)
    return None if name in _UNKNOWN else name


def _modes(value: object) -> str | None:
    """Return the modes as one text; the specification has a bare list, the wire an object."""
    modes = value.get("modes") if isinstance(value, dict) else value
    found = modes if isinstance(modes, list) else ()
    return text(", ".join(mode for mode in found if isinstance(mode, str)))


def _phases(value: object) -> int | None:
    count = number(value)
    return int(count) if count is not None and 1 <= count <= _PHASES_MAX else None


def _of_key(key: str) -> Callable[[object], str | None]:
    return lambda value: text(value.get(key)) if isinstance(value, dict) else None


def _ampacity(value: object) -> float | None:
    return _AMPACITIES.get(_of_key("ampacity")(value) or "")


def _flag(value: object) -> bool:
    return value is True


#: The feature of a variable, its type on the wire, and how it is read.
_FACTS: Final[Mapping[str, tuple[Feature, tuple[type, ...], Callable[[object], object]]]] = {
    "selected_protocol": (Feature.PROTOCOL, (str,), _named),
    "supported_energy_transfer_modes": (Feature.TRANSFER_MODES, (dict, list), _modes),
    "ac_nr_of_phases_available": (Feature.PHASES_AVAILABLE, (int,), _phases),
    "ac_pp_ampacity": (Feature.CABLE_CURRENT, (dict,), _ampacity),
    "car_manufacturer": (Feature.VEHICLE_MANUFACTURER, (str,), _named),
    "dc_mode": (Feature.DC_MODE, (str,), text),
    "dlink_ready": (Feature.DATA_LINK, (bool,), _flag),
    "waiting_for_external_ready": (Feature.WAITING_FOR_RELEASE, (bool,), _flag),
    "hlc_session_failed": (Feature.COMMUNICATION_FAILURE, (dict,), _of_key("reason")),
    "powermeter_public_key_ocmf": (Feature.METER_PUBLIC_KEY, (str,), whole_text),
}


def facts(variable: str, value: object) -> dict[Feature, object]:
    """Return what `value` reports, nothing for an unknown variable or a wrong type.

    A fact that is None was reported as unknown.
    """
    if variable in _FACTS:
        feature, types, meaning = _FACTS[variable]
        return {feature: meaning(value)} if isinstance(value, types) else {}
    if variable not in _NUMBERS or not isinstance(value, dict):
        return {}
    return {
        feature: rounded(value.get(key), digits)
        for key, (feature, digits) in _NUMBERS[variable].items()
    }


def offered(found: Mapping[Feature, object]) -> Iterator[Feature]:
    """Return the features that these facts report; of the power supply, only the known ones."""
    for feature, value in found.items():
        if value is not None or feature not in _OF_SUPPLY:
            yield feature


def changed(known: ChargepointSnapshot, found: Mapping[Feature, object]) -> Changes:
    """Return what changes in a `known` snapshot."""
    changes: Changes = {}
    for part in ("direct", "details"):
        before = getattr(known, part)
        facts = {feature: fact for feature, fact in found.items() if hasattr(before, feature)}
        changes[part] = replace(before, **facts)
    if Feature.CABLE_CURRENT in found:
        changes["cable_current"] = found[Feature.CABLE_CURRENT]
    return changes


def unmeasured(known: DcSupply) -> DcSupply:
    """Return the `known` values that stay valid until they are measured again."""
    return replace(known, dc_voltage=None, dc_current=None, isolation_resistance=None)
