"""The sensors of the car, and of a DC power supply."""

from collections.abc import Callable
from typing import Final

from homeassistant.components.sensor import SensorDeviceClass, SensorStateClass
from homeassistant.const import PERCENTAGE, EntityCategory, UnitOfEnergy

from ..chargepoint.model import ChargepointSnapshot, Feature
from ..entity import reports
from .charge_point import (
    WORDS,
    ChargepointSensorDescription,
    Quantity,
    SensorValue,
    measurement,
)
from .meter import CURRENT, POWER, VOLTAGE

#: Limits and sizes do not change while a car is there: no statistics.
_VOLTAGE_LIMIT: Final = VOLTAGE._replace(state_class=None)
_CURRENT_LIMIT: Final = CURRENT._replace(state_class=None)
_POWER_LIMIT: Final = POWER._replace(state_class=None)
_MOMENT: Final = Quantity(SensorDeviceClass.TIMESTAMP, state_class=None)
_CAPACITY: Final = Quantity(SensorDeviceClass.ENERGY_STORAGE, UnitOfEnergy.KILO_WATT_HOUR, 0, None)


def _of_supply(
    feature: Feature,
    quantity: Quantity,
    value_fn: Callable[[ChargepointSnapshot], SensorValue],
) -> ChargepointSensorDescription:
    """Describe a value of a DC power supply."""
    return measurement(feature, quantity, value_fn, category=EntityCategory.DIAGNOSTIC)


VEHICLE_SENSORS = (
    ChargepointSensorDescription(
        key="state_of_charge",
        translation_key="state_of_charge",
        device_class=SensorDeviceClass.BATTERY,
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=PERCENTAGE,
        suggested_display_precision=0,
        exists_fn=reports(Feature.VEHICLE),
        value_fn=lambda snapshot: snapshot.vehicle.state_of_charge,
        measured=True,
    ),
    ChargepointSensorDescription(
        key="energy_needed",
        translation_key="energy_needed",
        device_class=SensorDeviceClass.ENERGY,
        native_unit_of_measurement=UnitOfEnergy.KILO_WATT_HOUR,
        suggested_display_precision=2,
        exists_fn=reports(Feature.VEHICLE),
        value_fn=lambda snapshot: snapshot.vehicle.energy_needed,
        measured=True,
    ),
    ChargepointSensorDescription(
        key="full_at",
        translation_key="full_at",
        device_class=SensorDeviceClass.TIMESTAMP,
        exists_fn=reports(Feature.VEHICLE),
        value_fn=lambda snapshot: snapshot.vehicle.full_at,
        measured=True,
    ),
    ChargepointSensorDescription(
        key="vehicle_id",
        translation_key="vehicle_id",
        entity_category=EntityCategory.DIAGNOSTIC,
        # It identifies the car.
        entity_registry_enabled_default=False,
        exists_fn=reports(Feature.VEHICLE),
        value_fn=lambda snapshot: snapshot.vehicle.id,
        measured=True,
    ),
    # Few cars report these, and few people look at them.
    measurement(
        Feature.VEHICLE_VOLTAGE, VOLTAGE, lambda snapshot: snapshot.vehicle.vehicle_voltage
    ),
    measurement(Feature.TARGET_VOLTAGE, VOLTAGE, lambda snapshot: snapshot.vehicle.target_voltage),
    measurement(
        Feature.VEHICLE_CURRENT, CURRENT, lambda snapshot: snapshot.vehicle.vehicle_current
    ),
    measurement(Feature.TARGET_CURRENT, CURRENT, lambda snapshot: snapshot.vehicle.target_current),
    measurement(
        Feature.VEHICLE_VOLTAGE_MAX,
        _VOLTAGE_LIMIT,
        lambda snapshot: snapshot.vehicle.vehicle_voltage_max,
    ),
    measurement(
        Feature.VEHICLE_CURRENT_MAX,
        _CURRENT_LIMIT,
        lambda snapshot: snapshot.vehicle.vehicle_current_max,
    ),
    measurement(
        Feature.VEHICLE_CURRENT_MIN,
        _CURRENT_LIMIT,
        lambda snapshot: snapshot.vehicle.vehicle_current_min,
    ),
    measurement(
        Feature.VEHICLE_POWER_MAX,
        _POWER_LIMIT,
        lambda snapshot: snapshot.vehicle.vehicle_power_max,
    ),
    measurement(
        Feature.BATTERY_CAPACITY, _CAPACITY, lambda snapshot: snapshot.vehicle.battery_capacity
    ),
    measurement(Feature.DEPARTURE, _MOMENT, lambda snapshot: snapshot.vehicle.departure),
    measurement(
        Feature.BULK_CHARGE_COMPLETE_AT,
        _MOMENT,
        lambda snapshot: snapshot.vehicle.bulk_charge_complete_at,
    ),
)

DIRECT_SENSORS = (
    _of_supply(Feature.DC_MODE, WORDS, lambda snapshot: snapshot.direct.dc_mode),
    _of_supply(Feature.DC_VOLTAGE, VOLTAGE, lambda snapshot: snapshot.direct.dc_voltage),
    _of_supply(Feature.DC_CURRENT, CURRENT, lambda snapshot: snapshot.direct.dc_current),
    _of_supply(
        Feature.DC_VOLTAGE_MAX, _VOLTAGE_LIMIT, lambda snapshot: snapshot.direct.dc_voltage_max
    ),
    _of_supply(
        Feature.DC_CURRENT_MAX, _CURRENT_LIMIT, lambda snapshot: snapshot.direct.dc_current_max
    ),
    _of_supply(Feature.DC_POWER_MAX, _POWER_LIMIT, lambda snapshot: snapshot.direct.dc_power_max),
    _of_supply(
        Feature.ISOLATION_RESISTANCE,
        Quantity(unit="Ω", digits=0),
        lambda snapshot: snapshot.direct.isolation_resistance,
    ),
)
