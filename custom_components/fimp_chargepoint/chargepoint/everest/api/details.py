"""What an EVSE tells beside the course of a session: one variable, one fact. Pure.

EVerest API v1, evse_manager_consumer: `selected_protocol`, `supported_energy_transfer_modes`,
`ac_nr_of_phases_available`, `ac_pp_ampacity`, `car_manufacturer`, `dlink_ready`,
`waiting_for_external_ready`, `hlc_session_failed` and `powermeter_public_key_ocmf`. Each is
offered once it was said.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from ...model import Feature
from ..envelope import number, text, whole_text

#: What a car is called that is not known, and the protocol while there is none.
_UNKNOWN: Final = frozenset({"Unknown", "None"})
#: What a cable may carry, in A, by its word; two of them carry 63 A on three lines, 70 on one.
_AMPACITIES: Final = {
    "A_13": 13.0,
    "A_20": 20.0,
    "A_32": 32.0,
    "A_63_3ph_70_1ph": 63.0,
}
_LINES_MAX: Final = 3


def _named(value: Any) -> str | None:
    name = text(value)
    return None if name in _UNKNOWN else name


def _modes(value: Any) -> str | None:
    """Return the modes as one text; the specification has a bare list, the wire an object."""
    modes = value.get("modes") if isinstance(value, dict) else value
    return text(", ".join(each for each in modes if isinstance(each, str))) if modes else None


def _lines(value: Any) -> int | None:
    count = number(value)
    return int(count) if count is not None and 1 <= count <= _LINES_MAX else None


def _ampacity(value: Any) -> float | None:
    word = text(value.get("ampacity"))
    return None if word is None else _AMPACITIES.get(word)


def _reason(value: Any) -> str | None:
    return text(value.get("reason"))


def _flag(value: Any) -> bool:
    return value is True


#: What a variable is the fact of, of which type it is on the wire, and what it means.
_FACTS: Final[Mapping[str, tuple[Feature, type | tuple[type, ...], Callable[[Any], Any]]]] = {
    "selected_protocol": (Feature.PROTOCOL, str, _named),
    "supported_energy_transfer_modes": (Feature.TRANSFER_MODES, (dict, list), _modes),
    "ac_nr_of_phases_available": (Feature.PHASES_AVAILABLE, int, _lines),
    "ac_pp_ampacity": (Feature.CABLE_CURRENT, dict, _ampacity),
    "car_manufacturer": (Feature.VEHICLE_MANUFACTURER, str, _named),
    "dlink_ready": (Feature.DATA_LINK, bool, _flag),
    "waiting_for_external_ready": (Feature.WAITING_FOR_RELEASE, bool, _flag),
    "hlc_session_failed": (Feature.COMMUNICATION_FAILURE, dict, _reason),
    "powermeter_public_key_ocmf": (Feature.METER_PUBLIC_KEY, str, whole_text),
}


def fact(variable: str, value: Any) -> tuple[Feature, Any] | None:
    """Return what `value` says, None where it says nothing here.

    A fact of which nothing is known now is None; its variable was heard all the same.
    """
    if variable not in _FACTS:
        return None
    feature, kind, meaning = _FACTS[variable]
    return (feature, meaning(value)) if isinstance(value, kind) else None
