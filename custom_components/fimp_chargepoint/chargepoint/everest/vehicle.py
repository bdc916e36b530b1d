"""What a car says of itself, mostly over ISO 15118. Pure.

EVerest API v1, evse_manager_consumer, `ev_info`: every key is optional, and an AC car
says nothing at all.
"""

from typing import Any, Final

from ..model import Feature, Vehicle
from .envelope import JsonObject, number, text, timestamp

#: The numbers, by their key: in how many of EVerest's units one of ours is, and decimals.
_NUMBERS: Final = {
    "soc": ("state_of_charge", 1, 1),
    "remaining_energy_needed": ("energy_needed", 1000, 3),
    "present_voltage": (Feature.VEHICLE_VOLTAGE, 1, 1),
    "present_current": (Feature.VEHICLE_CURRENT, 1, 1),
    "target_voltage": (Feature.TARGET_VOLTAGE, 1, 1),
    "target_current": (Feature.TARGET_CURRENT, 1, 1),
    "maximum_voltage_limit": (Feature.VEHICLE_VOLTAGE_MAX, 1, 1),
    "maximum_current_limit": (Feature.VEHICLE_CURRENT_MAX, 1, 1),
    "minimum_current_limit": (Feature.VEHICLE_CURRENT_MIN, 1, 1),
    "maximum_power_limit": (Feature.VEHICLE_POWER_MAX, 1, 0),
    "battery_capacity": (Feature.BATTERY_CAPACITY, 1000, 1),
}
_MOMENTS: Final = {
    "estimated_time_full": "full_at",
    "estimated_time_bulk": Feature.BULK_CHARGE_COMPLETE_AT,
    "departure_time": Feature.DEPARTURE,
}
#: What is offered by itself, once it was said.
_FEATURES: Final = tuple(
    each
    for each in (*(field for field, *_ in _NUMBERS.values()), *_MOMENTS.values())
    if isinstance(each, Feature)
)


def parse_vehicle(info: JsonObject) -> Vehicle:
    """Return what is known of the car now."""
    found: dict[str, Any] = {"id": text(info.get("evcc_id"))}
    for key, (field, units, digits) in _NUMBERS.items():
        value = number(info.get(key))
        found[field] = None if value is None else round(value / units, digits) + 0.0
    for key, field in _MOMENTS.items():
        found[field] = timestamp(info.get(key))
    return Vehicle(**found)


def reported(vehicle: Vehicle) -> tuple[Feature, ...]:
    """Return what a car has evidently reported."""
    said = tuple(each for each in _FEATURES if getattr(vehicle, each) is not None)
    return said if vehicle == Vehicle() else (Feature.VEHICLE, *said)
