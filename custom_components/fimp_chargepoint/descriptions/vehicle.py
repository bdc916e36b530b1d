"""The sensors of the car, and of a DC power supply."""

from functools import partial
from typing import Final

from homeassistant.components.sensor import SensorDeviceClass
from homeassistant.const import PERCENTAGE, UnitOfEnergy

from ..chargepoint.model import Feature
from ..entity import reports
from .charge_point import (
    CURRENT_LIMIT,
    DIAGNOSTIC,
    MOMENT,
    POWER_LIMIT,
    WORDS,
    Quantity,
    measurement,
    part_of,
)
from .meter import CURRENT, ENERGY, VOLTAGE

_VOLTAGE_LIMIT: Final = VOLTAGE._replace(state_class=None)
_CAPACITY: Final = Quantity(SensorDeviceClass.ENERGY_STORAGE, UnitOfEnergy.KILO_WATT_HOUR, 0, None)
_HAS_VEHICLE: Final = reports(Feature.VEHICLE)

_of_car = partial(part_of, "vehicle")

VEHICLE_SENSORS = (
    _of_car(
        "state_of_charge",
        Quantity(SensorDeviceClass.BATTERY, PERCENTAGE, 0),
        exists_fn=_HAS_VEHICLE,
        is_enabled=True,
    ),
    _of_car("energy_needed", ENERGY, exists_fn=_HAS_VEHICLE, is_enabled=True),
    _of_car("full_at", MOMENT, exists_fn=_HAS_VEHICLE, is_enabled=True),
    # It identifies the car.
    measurement(
        "vehicle_id",
        WORDS,
        "vehicle.id",
        exists_fn=_HAS_VEHICLE,
        category=DIAGNOSTIC,
    ),
    # Few cars report these, and few people look at them.
    _of_car(Feature.VEHICLE_VOLTAGE, VOLTAGE),
    _of_car(Feature.TARGET_VOLTAGE, VOLTAGE),
    _of_car(Feature.VEHICLE_CURRENT, CURRENT),
    _of_car(Feature.TARGET_CURRENT, CURRENT),
    _of_car(Feature.VEHICLE_VOLTAGE_MAX, _VOLTAGE_LIMIT),
    _of_car(Feature.VEHICLE_CURRENT_MAX, CURRENT_LIMIT),
    _of_car(Feature.VEHICLE_CURRENT_MIN, CURRENT_LIMIT),
    _of_car(Feature.VEHICLE_POWER_MAX, POWER_LIMIT),
    _of_car(Feature.BATTERY_CAPACITY, _CAPACITY),
    _of_car(Feature.DEPARTURE, MOMENT),
    _of_car(Feature.BULK_CHARGE_COMPLETE_AT, MOMENT),
)


_of_supply = partial(part_of, "direct", category=DIAGNOSTIC)

DIRECT_SENSORS = (
    _of_supply(Feature.DC_MODE, WORDS),
    _of_supply(Feature.DC_VOLTAGE, VOLTAGE),
    _of_supply(Feature.DC_CURRENT, CURRENT),
    _of_supply(Feature.DC_VOLTAGE_MAX, _VOLTAGE_LIMIT),
    _of_supply(Feature.DC_CURRENT_MAX, CURRENT_LIMIT),
    _of_supply(Feature.DC_POWER_MAX, POWER_LIMIT),
    _of_supply(Feature.ISOLATION_RESISTANCE, Quantity(unit="Ω", digits=0)),
)
