"""What the sensors show of the car, and of a power supply for direct current."""

from typing import Any

from homeassistant.components.sensor import SensorDeviceClass, SensorStateClass
from homeassistant.const import PERCENTAGE, EntityCategory, UnitOfEnergy

from .chargepoint.model import Feature
from .entity import reports
from .meter_descriptions import CURRENT, POWER, VOLTAGE
from .sensor_descriptions import ChargepointSensorDescription


def _of_car(feature: Feature, **fields: Any) -> ChargepointSensorDescription:
    """Describe what few cars tell, and few people look at."""
    return ChargepointSensorDescription(
        **fields,
        key=feature,
        translation_key=feature,
        entity_registry_enabled_default=False,
        exists_fn=reports(feature),
        value_fn=lambda snapshot: getattr(snapshot.vehicle, feature),
    )


def _of_supply(feature: Feature, **fields: Any) -> ChargepointSensorDescription:
    """Describe what a power supply for direct current says."""
    return ChargepointSensorDescription(
        **fields,
        key=feature,
        translation_key=feature,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        exists_fn=reports(feature),
        value_fn=lambda snapshot: getattr(snapshot.direct, feature),
    )


_MEASURED: dict[str, Any] = {"state_class": SensorStateClass.MEASUREMENT}

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
    ),
    ChargepointSensorDescription(
        key="energy_needed",
        translation_key="energy_needed",
        device_class=SensorDeviceClass.ENERGY,
        native_unit_of_measurement=UnitOfEnergy.KILO_WATT_HOUR,
        suggested_display_precision=1,
        exists_fn=reports(Feature.VEHICLE),
        value_fn=lambda snapshot: snapshot.vehicle.energy_needed,
    ),
    ChargepointSensorDescription(
        key="full_at",
        translation_key="full_at",
        device_class=SensorDeviceClass.TIMESTAMP,
        exists_fn=reports(Feature.VEHICLE),
        value_fn=lambda snapshot: snapshot.vehicle.full_at,
    ),
    ChargepointSensorDescription(
        key="vehicle_id",
        translation_key="vehicle_id",
        entity_category=EntityCategory.DIAGNOSTIC,
        # It tells whose car it is.
        entity_registry_enabled_default=False,
        exists_fn=reports(Feature.VEHICLE),
        value_fn=lambda snapshot: snapshot.vehicle.id,
    ),
    *(
        _of_car(feature, **_MEASURED, **VOLTAGE)
        for feature in (Feature.VEHICLE_VOLTAGE, Feature.WANTED_VOLTAGE)
    ),
    *(
        _of_car(feature, **_MEASURED, **CURRENT)
        for feature in (Feature.VEHICLE_CURRENT, Feature.WANTED_CURRENT)
    ),
    # Limits and sizes do not change while a car is there: no statistics.
    _of_car(Feature.VEHICLE_VOLTAGE_MAX, **VOLTAGE),
    _of_car(Feature.VEHICLE_CURRENT_MAX, **CURRENT),
    _of_car(Feature.VEHICLE_CURRENT_MIN, **CURRENT),
    _of_car(Feature.VEHICLE_POWER_MAX, **POWER),
    _of_car(
        Feature.BATTERY_CAPACITY,
        device_class=SensorDeviceClass.ENERGY_STORAGE,
        native_unit_of_measurement=UnitOfEnergy.KILO_WATT_HOUR,
        suggested_display_precision=0,
    ),
    _of_car(Feature.DEPARTURE, device_class=SensorDeviceClass.TIMESTAMP),
    _of_car(Feature.FULL_ENOUGH_AT, device_class=SensorDeviceClass.TIMESTAMP),
)

DIRECT_SENSORS = (
    _of_supply(Feature.DC_MODE),
    _of_supply(Feature.DC_VOLTAGE, **_MEASURED, **VOLTAGE),
    _of_supply(Feature.DC_CURRENT, **_MEASURED, **CURRENT),
    _of_supply(Feature.DC_VOLTAGE_MAX, **VOLTAGE),
    _of_supply(Feature.DC_CURRENT_MAX, **CURRENT),
    _of_supply(Feature.DC_POWER_MAX, **POWER),
    _of_supply(
        Feature.ISOLATION_RESISTANCE,
        **_MEASURED,
        native_unit_of_measurement="Ω",
        suggested_display_precision=0,
    ),
)
