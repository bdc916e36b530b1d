"""The sensors of the car, and of a DC power supply."""

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
    ChargepointSensor,
    Quantity,
    measurement,
)
from .meter import CURRENT, ENERGY, VOLTAGE

_VOLTAGE_LIMIT: Final = VOLTAGE._replace(state_class=None)
_CAPACITY: Final = Quantity(SensorDeviceClass.ENERGY_STORAGE, UnitOfEnergy.KILO_WATT_HOUR, 0, None)
_HAS_VEHICLE: Final = reports(Feature.VEHICLE)

VEHICLE_SENSORS = (
    measurement(
        "state_of_charge",
        Quantity(SensorDeviceClass.BATTERY, PERCENTAGE, 0),
        "vehicle.state_of_charge",
        exists_fn=_HAS_VEHICLE,
        is_enabled=True,
    ),
    measurement(
        "energy_needed",
        ENERGY,
        "vehicle.energy_needed",
        exists_fn=_HAS_VEHICLE,
        is_enabled=True,
    ),
    measurement(
        "full_at",
        MOMENT,
        "vehicle.full_at",
        exists_fn=_HAS_VEHICLE,
        is_enabled=True,
    ),
    # It identifies the car.
    measurement(
        "vehicle_id",
        WORDS,
        "vehicle.id",
        exists_fn=_HAS_VEHICLE,
        category=DIAGNOSTIC,
    ),
    # Few cars report these, and few people look at them.
    measurement(Feature.VEHICLE_VOLTAGE, VOLTAGE, "vehicle.vehicle_voltage"),
    measurement(Feature.TARGET_VOLTAGE, VOLTAGE, "vehicle.target_voltage"),
    measurement(Feature.VEHICLE_CURRENT, CURRENT, "vehicle.vehicle_current"),
    measurement(Feature.TARGET_CURRENT, CURRENT, "vehicle.target_current"),
    measurement(
        Feature.VEHICLE_VOLTAGE_MAX,
        _VOLTAGE_LIMIT,
        "vehicle.vehicle_voltage_max",
    ),
    measurement(
        Feature.VEHICLE_CURRENT_MAX,
        CURRENT_LIMIT,
        "vehicle.vehicle_current_max",
    ),
    measurement(
        Feature.VEHICLE_CURRENT_MIN,
        CURRENT_LIMIT,
        "vehicle.vehicle_current_min",
    ),
    measurement(
        Feature.VEHICLE_POWER_MAX,
        POWER_LIMIT,
        "vehicle.vehicle_power_max",
    ),
    measurement(Feature.BATTERY_CAPACITY, _CAPACITY, "vehicle.battery_capacity"),
    measurement(Feature.DEPARTURE, MOMENT, "vehicle.departure"),
    measurement(
        Feature.BULK_CHARGE_COMPLETE_AT,
        MOMENT,
        "vehicle.bulk_charge_complete_at",
    ),
)


def _of_supply(feature: Feature, quantity: Quantity, path: str) -> ChargepointSensor:
    """Describe a value of a DC power supply."""
    return measurement(feature, quantity, path, category=DIAGNOSTIC)


DIRECT_SENSORS = (
    _of_supply(Feature.DC_MODE, WORDS, "direct.dc_mode"),
    _of_supply(Feature.DC_VOLTAGE, VOLTAGE, "direct.dc_voltage"),
    _of_supply(Feature.DC_CURRENT, CURRENT, "direct.dc_current"),
    _of_supply(Feature.DC_VOLTAGE_MAX, _VOLTAGE_LIMIT, "direct.dc_voltage_max"),
    _of_supply(Feature.DC_CURRENT_MAX, CURRENT_LIMIT, "direct.dc_current_max"),
    _of_supply(Feature.DC_POWER_MAX, POWER_LIMIT, "direct.dc_power_max"),
    _of_supply(
        Feature.ISOLATION_RESISTANCE,
        Quantity(unit="Ω", digits=0),
        "direct.isolation_resistance",
    ),
)
