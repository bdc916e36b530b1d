"""Reads the information from the car, most of it from ISO 15118. Pure.

EVerest API v1, evse_manager_consumer, `ev_info`: every key is optional, and a car that charges
with AC sends none of them.
"""

from typing import Final

from ..model import Feature, Vehicle
from ..node import Changes
from ..readers import JsonObject, rounded, text, timestamp

#: The numbers, by their key: the field, its decimals, and the divisor to our unit.
_NUMBERS: Final = {
    "soc": ("state_of_charge", 1, 1),
    "remaining_energy_needed": ("energy_needed", 3, 1000),
    "present_voltage": (Feature.VEHICLE_VOLTAGE, 1, 1),
    "present_current": (Feature.VEHICLE_CURRENT, 1, 1),
    "target_voltage": (Feature.TARGET_VOLTAGE, 1, 1),
    "target_current": (Feature.TARGET_CURRENT, 1, 1),
    "maximum_voltage_limit": (Feature.VEHICLE_VOLTAGE_MAX, 1, 1),
    "maximum_current_limit": (Feature.VEHICLE_CURRENT_MAX, 1, 1),
    "minimum_current_limit": (Feature.VEHICLE_CURRENT_MIN, 1, 1),
    "maximum_power_limit": (Feature.VEHICLE_POWER_MAX, 0, 1),
    "battery_capacity": (Feature.BATTERY_CAPACITY, 1, 1000),
}
_TIMES: Final = {
    "estimated_time_full": "full_at",
    "estimated_time_bulk": Feature.BULK_CHARGE_COMPLETE_AT,
    "departure_time": Feature.DEPARTURE,
}
#: The values that become features once they were reported.
_FEATURES: Final = tuple(
    each
    for each in (*(field for field, *_ in _NUMBERS.values()), *_TIMES.values())
    if isinstance(each, Feature)
)


def parse_vehicle(info: JsonObject) -> Vehicle:
    """Return what is known about the car now."""
    found: Changes = {"id": text(info.get("evcc_id"))}
    for key, (field, digits, per_unit) in _NUMBERS.items():
        found[field] = rounded(info.get(key), digits, per_unit)
    for key, field in _TIMES.items():
        found[field] = timestamp(info.get(key))
    return Vehicle(**found)


def reported(vehicle: Vehicle) -> tuple[Feature, ...]:
    """Return the features that a car has reported."""
    found = tuple(each for each in _FEATURES if getattr(vehicle, each) is not None)
    return found if vehicle == Vehicle() else (Feature.VEHICLE, *found)
