"""Reads the powermeter variable: W, kWh, A and V. Pure.

EVerest API v1, evse_manager_consumer. The values are float32 printed as double, so they are
rounded to meaningful digits.
"""

from operator import attrgetter
from typing import Final

from ..model import Feature, Meter
from ..readers import JsonObject, number, objects, part, rounded

#: The feature, the path of its value, its decimals, and the divisor to our unit.
_VALUES: Final = (
    (Feature.POWER, "power_W", "total", 0, 1),
    (Feature.POWER_L1, "power_W", "L1", 0, 1),
    (Feature.POWER_L2, "power_W", "L2", 0, 1),
    (Feature.POWER_L3, "power_W", "L3", 0, 1),
    (Feature.CURRENT, "current_A", "DC", 2, 1),
    (Feature.CURRENT_L1, "current_A", "L1", 2, 1),
    (Feature.CURRENT_L2, "current_A", "L2", 2, 1),
    (Feature.CURRENT_L3, "current_A", "L3", 2, 1),
    (Feature.VOLTAGE, "voltage_V", "DC", 1, 1),
    (Feature.VOLTAGE_L1, "voltage_V", "L1", 1, 1),
    (Feature.VOLTAGE_L2, "voltage_V", "L2", 1, 1),
    (Feature.VOLTAGE_L3, "voltage_V", "L3", 1, 1),
    (Feature.ENERGY, "energy_Wh_import", "total", 3, 1000),
    (Feature.ENERGY_EXPORT, "energy_Wh_export", "total", 3, 1000),
    (Feature.FREQUENCY, "frequency_Hz", "L1", 2, 1),
)
#: Everything that a meter may measure.
FEATURES: Final = (Feature.TEMPERATURE, *(feature for feature, *_ in _VALUES))
_values: Final = attrgetter(*FEATURES)


def imported(powermeter: JsonObject) -> float | None:
    """Return the meter's lifetime reading in kWh, not rounded."""
    total = number(part(powermeter, "energy_Wh_import").get("total"))
    return None if total is None else total / 1000


def measured(before: Meter, powermeter: JsonObject) -> Meter:
    """Return the present values; only the lifetime counters are kept if they are missing."""
    values = {
        feature: rounded(part(powermeter, key).get(line), digits, per_unit)
        for feature, key, line, digits, per_unit in _VALUES
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
