"""Reports of the service `meter_elec` beside a charge point. Pure.

Source: Futurehome FIMP API, "Meter services", section "Electricity measurements". Power
and energy come in two ways, and an extended report holds only some of the values: what
comes is merged, key by key, into what is known.
"""

from collections.abc import Mapping
from typing import Final

from ..errors import ProtocolError
from ..model import ChargepointSnapshot, Feature
from .message import Message
from .reports import Reading, expect, expected

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
#: Keys of `evt.meter_ext.report`.
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
#: What only rises.
_COUNTERS: Final = (Feature.ENERGY, Feature.ENERGY_EXPORT)


def imported(snapshot: ChargepointSnapshot, message: Message) -> Reading:
    """Read `evt.meter.report`: one value, whose unit is a property."""
    return _of_unit(UNITS, snapshot, message)


def exported(snapshot: ChargepointSnapshot, message: Message) -> Reading:
    """Read `evt.meter_export.report`: one value, whose unit is a property."""
    return _of_unit(EXPORT_UNITS, snapshot, message)


def extended(snapshot: ChargepointSnapshot, message: Message) -> Reading:
    """Read `evt.meter_ext.report`: values by key, some or all of them."""
    report = expect(message, dict)
    return _measured(
        snapshot,
        {
            VALUES[key]: expected(value, float, key)
            for key, value in report.items()
            if key in VALUES and value is not None
        },
    )


def _of_unit(
    units: Mapping[str, Feature], snapshot: ChargepointSnapshot, message: Message
) -> Reading:
    value = expect(message, float)
    feature = units.get(message.props.get("unit", ""))
    return _measured(snapshot, {} if feature is None else {feature: value})


def _measured(snapshot: ChargepointSnapshot, values: Mapping[Feature, float]) -> Reading:
    for counter in _COUNTERS:
        if values.get(counter, 0) < 0:
            raise ProtocolError("value", f"{counter} {values[counter]:g}")
    return Reading({"meter": snapshot.meter.updated(values)}, frozenset(values))


READERS: Final = {
    "evt.meter.report": imported,
    "evt.meter_export.report": exported,
    "evt.meter_ext.report": extended,
}
