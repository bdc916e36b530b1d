"""What the powermeter variable says, in W, kWh, A and V. Pure.

EVerest API v1, evse_manager_consumer. Values are float32 printed as double, so they are
rounded to what they can mean.
"""

from typing import Final

from ..model import Feature, Meter
from .envelope import JsonObject, number, part

#: Values of the three lines, and the decimals that mean something.
_LINES: Final = {
    "power_W": ((Feature.POWER_L1, Feature.POWER_L2, Feature.POWER_L3), 0),
    "current_A": ((Feature.CURRENT_L1, Feature.CURRENT_L2, Feature.CURRENT_L3), 2),
    "voltage_V": ((Feature.VOLTAGE_L1, Feature.VOLTAGE_L2, Feature.VOLTAGE_L3), 1),
}
#: The same of direct current, which has one line.
_DIRECT: Final = {
    "current_A": (Feature.CURRENT, 2),
    "voltage_V": (Feature.VOLTAGE, 1),
}
#: Everything that a meter may measure.
FEATURES: Final = (
    Feature.POWER,
    Feature.ENERGY,
    Feature.ENERGY_EXPORT,
    Feature.FREQUENCY,
    Feature.TEMPERATURE,
    *(feature for features, _ in _LINES.values() for feature in features),
    *(feature for feature, _ in _DIRECT.values()),
)


def imported(powermeter: JsonObject) -> float | None:
    """Return the meter's lifetime reading in kWh."""
    total = number(part(powermeter, "energy_Wh_import").get("total"))
    return None if total is None else total / 1000


def power(powermeter: JsonObject) -> float | None:
    """Return the total power in W."""
    return whole(part(powermeter, "power_W").get("total"))


def measured(before: Meter, powermeter: JsonObject) -> Meter:
    """Return what is measured now; only the lifetime counters outlive their absence."""
    values: dict[Feature, float | None] = {Feature.POWER: power(powermeter)}
    for name, (features, digits) in _LINES.items():
        lines = part(powermeter, name)
        for line, feature in zip(("L1", "L2", "L3"), features, strict=True):
            values[feature] = _rounded(lines.get(line), digits)
    for name, (feature, digits) in _DIRECT.items():
        values[feature] = _rounded(part(powermeter, name).get("DC"), digits)
    energy = imported(powermeter)
    values[Feature.ENERGY] = None if energy is None else round(energy, 3)
    exported = number(part(powermeter, "energy_Wh_export").get("total"))
    values[Feature.ENERGY_EXPORT] = None if exported is None else round(exported / 1000, 3)
    frequency = part(powermeter, "frequency_Hz")
    values[Feature.FREQUENCY] = _rounded(frequency.get("L1"), 2)
    values[Feature.TEMPERATURE] = _hottest(powermeter.get("temperatures"))
    return before.updated(values)


def whole(value: object) -> float | None:
    """Return a number without its decimals."""
    found = number(value)
    return None if found is None else float(round(found))


def _rounded(value: object, digits: int) -> float | None:
    found = number(value)
    # Adding zero turns the -0.0 of a rounded small number into 0.0.
    return None if found is None else round(found, digits) + 0.0


def _hottest(temperatures: object) -> float | None:
    """Return the highest of some temperatures, in °C."""
    found = [
        value
        for each in (temperatures if isinstance(temperatures, list) else ())
        if isinstance(each, dict) and (value := number(each.get("temperature"))) is not None
    ]
    return round(max(found), 1) if found else None


def mean_voltage(meter: Meter) -> float | None:
    """Return the voltage between a phase and neutral in V, None if it was not measured."""
    measured = (meter.voltage_l1, meter.voltage_l2, meter.voltage_l3)
    found = [voltage for voltage in measured if voltage]
    return sum(found) / len(found) if found else meter.voltage
