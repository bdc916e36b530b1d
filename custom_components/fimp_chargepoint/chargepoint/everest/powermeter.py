"""What the powermeter variable says, in W, kWh, A and V. Pure.

EVerest API v1, evse_manager_consumer. Values are float32 printed as double, so they are
rounded to what they can mean.
"""

from dataclasses import replace
from typing import Any

from ..model import Meter, Phases, rising
from .envelope import number, part


def imported(powermeter: dict[str, Any]) -> float | None:
    """Return the meter's lifetime reading in kWh."""
    total = number(part(powermeter, "energy_Wh_import").get("total"))
    return None if total is None else total / 1000


def power(powermeter: dict[str, Any]) -> float | None:
    """Return the total power in W."""
    return whole(part(powermeter, "power_W").get("total"))


def measured(before: Meter, powermeter: dict[str, Any]) -> Meter:
    """Return what is measured now; only the lifetime counter outlives its absence."""
    energy = imported(powermeter)
    return replace(
        before,
        power=power(powermeter),
        energy=rising(before.energy, None if energy is None else round(energy, 3)),
        currents=_phases(part(powermeter, "current_A"), 2),
        voltages=_phases(part(powermeter, "voltage_V"), 1),
    )


def whole(value: object) -> float | None:
    """Return a number without its decimals."""
    found = number(value)
    return None if found is None else float(round(found))


def _phases(values: dict[str, Any], digits: int) -> Phases:
    return (
        _rounded(values.get("L1"), digits),
        _rounded(values.get("L2"), digits),
        _rounded(values.get("L3"), digits),
    )


def _rounded(value: object, digits: int) -> float | None:
    found = number(value)
    # Adding zero turns the -0.0 of a rounded small number into 0.0.
    return None if found is None else round(found, digits) + 0.0
