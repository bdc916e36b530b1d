"""What only a station for direct current says, of its power supply and its isolation. Pure.

EVerest API v1, evse_manager_consumer: `dc_mode`, `dc_voltage_current`, `dc_capabilities` and
`isolation_measurement`, each where its part is connected.
"""

from dataclasses import replace
from typing import Any, Final

from ...model import DcSupply, Feature
from ..envelope import number, text

#: The mode of a power supply that has failed.
FAULT: Final = "Fault"
_MODE: Final = "dc_mode"
#: What is in an object, by variable and key, and its decimals.
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


def facts(variable: str, value: Any) -> dict[Feature, Any]:
    """Return what a variable says, nothing where it is not about direct current."""
    if variable == _MODE:
        return {Feature.DC_MODE: text(value)}
    if variable not in _NUMBERS or not isinstance(value, dict):
        return {}
    return {
        feature: None if (found := number(value.get(key))) is None else _rounded(found, digits)
        for key, (feature, digits) in _NUMBERS[variable].items()
    }


def unmeasured(known: DcSupply) -> DcSupply:
    """Return what stays of what is `known` until it is measured again."""
    return replace(known, dc_voltage=None, dc_current=None, isolation_resistance=None)


def _rounded(value: float, digits: int) -> float:
    # Adding zero turns the -0.0 of a rounded small number into 0.0.
    return round(value, digits) + 0.0
