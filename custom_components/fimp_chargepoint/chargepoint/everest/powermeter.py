"""Reads the powermeter variable: W, kWh, A and V. Pure.

EVerest API v1, evse_manager_consumer. The values are float32 printed as double, so they are
rounded to meaningful digits.
"""

from operator import attrgetter
from typing import Final

from ..model import Feature, Meter
from ..readers import JsonObject, number, objects, part, rounded

#: The key of a quantity, its decimals, the divisor to our unit, and the feature of each line.
_VALUES: Final = (
    (
        "power_W",
        0,
        1,
        {
            "total": Feature.POWER,
            "L1": Feature.POWER_L1,
            "L2": Feature.POWER_L2,
            "L3": Feature.POWER_L3,
        },
    ),
    (
        "current_A",
        2,
        1,
        {
            "DC": Feature.CURRENT,
            "L1": Feature.CURRENT_L1,
            "L2": Feature.CURRENT_L2,
            "L3": Feature.CURRENT_L3,
        },
    ),
    (
        "voltage_V",
        1,
        1,
        {
            "DC": Feature.VOLTAGE,
            "L1": Feature.VOLTAGE_L1,
            "L2": Feature.VOLTAGE_L2,
            "L3": Feature.VOLTAGE_L3,
        },
    ),
    ("energy_Wh_import", 3, 1000, {"total": Feature.ENERGY}),
    ("energy_Wh_export", 3, 1000, {"total": Feature.ENERGY_EXPORT}),
    ("frequency_Hz", 2, 1, {"L1": Feature.FREQUENCY}),
)
#: Everything that a meter may measure.
FEATURES: Final = (Feature.TEMPERATURE, *(each for *_, lines in _VALUES for each in lines.values()))
_values: Final = attrgetter(*FEATURES)


def imported(powermeter: JsonObject) -> float | None:
    """Return the meter's lifetime reading in kWh, not rounded."""
    total = number(part(powermeter, "energy_Wh_import").get("total"))
    return None if total is None else total / 1000


def measured(before: Meter, powermeter: JsonObject) -> Meter:
    """Return the present values; only the lifetime counters are kept if they are missing."""
    values = {
        feature: rounded(found.get(line), digits, per_unit)
        for key, digits, per_unit, lines in _VALUES
        for found in (part(powermeter, key),)
        for line, feature in lines.items()
    }
    values[Feature.TEMPERATURE] = _highest(powermeter.get("temperatures"))
    return before.updated(values)


def features(meter: Meter) -> list[Feature]:
    """Return the features that have a value."""
    return [each for each, value in zip(FEATURES, _values(meter), strict=True) if value is not None]


def _highest(temperatures: object) -> float | None:
    """Return the highest of several temperatures, in °C."""
    found = (rounded(each.get("temperature"), 1) for each in objects(temperatures))
    return max((value for value in found if value is not None), default=None)


def mean_voltage(meter: Meter) -> float | None:
    """Return the voltage between a phase and neutral in V, None if it was not measured."""
    measured = (meter.voltage_l1, meter.voltage_l2, meter.voltage_l3)
    found = [voltage for voltage in measured if voltage]
    return sum(found) / len(found) if found else meter.voltage
