"""What the sensors show of the meter, and of what the charge point itself asks for it."""

from typing import Any, Final

from homeassistant.components.sensor import SensorDeviceClass, SensorStateClass
from homeassistant.const import (
    UnitOfElectricCurrent,
    UnitOfElectricPotential,
    UnitOfEnergy,
    UnitOfFrequency,
    UnitOfPower,
    UnitOfTemperature,
)

from .chargepoint.model import ChargepointSnapshot, Cost, Feature
from .entity import reports
from .sensor_descriptions import ChargepointSensorDescription

ATTR_STATUS = "status"
ATTR_PARTS = "parts"
ATTR_PRICES = "prices"


def _metered(feature: Feature, **fields: Any) -> ChargepointSensorDescription:
    """Describe a value of the meter, which has the name of its feature there."""
    return ChargepointSensorDescription(
        **{"key": feature, "state_class": SensorStateClass.MEASUREMENT, **fields},
        exists_fn=reports(feature),
        value_fn=lambda snapshot: getattr(snapshot.meter, feature),
    )


POWER: Final[dict[str, Any]] = {
    "device_class": SensorDeviceClass.POWER,
    "native_unit_of_measurement": UnitOfPower.WATT,
    "suggested_display_precision": 0,
}
CURRENT: Final[dict[str, Any]] = {
    "device_class": SensorDeviceClass.CURRENT,
    "native_unit_of_measurement": UnitOfElectricCurrent.AMPERE,
    "suggested_display_precision": 1,
}
VOLTAGE: Final[dict[str, Any]] = {
    "device_class": SensorDeviceClass.VOLTAGE,
    "native_unit_of_measurement": UnitOfElectricPotential.VOLT,
    "suggested_display_precision": 0,
}
_COUNTER: Final[dict[str, Any]] = {
    "device_class": SensorDeviceClass.ENERGY,
    "state_class": SensorStateClass.TOTAL_INCREASING,
    "native_unit_of_measurement": UnitOfEnergy.KILO_WATT_HOUR,
    "suggested_display_precision": 1,
}

METER_SENSORS = (
    _metered(Feature.POWER, **POWER),
    _metered(
        Feature.ENERGY, key="lifetime_energy", translation_key="lifetime_energy", **_COUNTER
    ),
    _metered(Feature.OFFERED_CURRENT, translation_key="offered_current", **CURRENT),
    *(
        _metered(
            feature, translation_key=feature, entity_registry_enabled_default=False, **fields
        )
        for features, fields in (
            ((Feature.POWER_L1, Feature.POWER_L2, Feature.POWER_L3), POWER),
            ((Feature.CURRENT_L1, Feature.CURRENT_L2, Feature.CURRENT_L3), CURRENT),
            ((Feature.VOLTAGE_L1, Feature.VOLTAGE_L2, Feature.VOLTAGE_L3), VOLTAGE),
            ((Feature.POWER_EXPORT,), POWER),
            ((Feature.ENERGY_EXPORT,), _COUNTER),
        )
        for feature in features
    ),
    *(
        _metered(feature, entity_registry_enabled_default=False, **fields)
        for feature, fields in (
            (Feature.CURRENT, CURRENT),
            (Feature.VOLTAGE, VOLTAGE),
            (
                Feature.FREQUENCY,
                {
                    "device_class": SensorDeviceClass.FREQUENCY,
                    "native_unit_of_measurement": UnitOfFrequency.HERTZ,
                    "suggested_display_precision": 1,
                },
            ),
            (
                Feature.TEMPERATURE,
                {
                    "device_class": SensorDeviceClass.TEMPERATURE,
                    "native_unit_of_measurement": UnitOfTemperature.CELSIUS,
                    "suggested_display_precision": 0,
                },
            ),
            (
                Feature.POWER_FACTOR,
                {
                    "device_class": SensorDeviceClass.POWER_FACTOR,
                    "suggested_display_precision": 2,
                },
            ),
        )
    ),
)


def _charged_cost(snapshot: ChargepointSnapshot) -> float | None:
    """Return the cost of a session whose start is known, in a currency that is."""
    cost = snapshot.charged
    counts = cost is not None and cost.currency and snapshot.session.started is not None
    return cost.total if cost is not None and counts else None


def _charged_cost_attributes(snapshot: ChargepointSnapshot) -> dict[str, Any]:
    cost = snapshot.charged or Cost()
    return {
        ATTR_STATUS: cost.status,
        ATTR_PARTS: dict(cost.parts),
        ATTR_PRICES: dict(cost.prices),
    }


def _currency(snapshot: ChargepointSnapshot) -> str | None:
    return None if snapshot.charged is None else snapshot.charged.currency


COST_SENSORS = (
    ChargepointSensorDescription(
        key="charged_cost",
        translation_key="charged_cost",
        device_class=SensorDeviceClass.MONETARY,
        state_class=SensorStateClass.TOTAL,
        suggested_display_precision=2,
        exists_fn=reports(Feature.CHARGED_COST),
        value_fn=_charged_cost,
        last_reset_fn=lambda snapshot: snapshot.session.started,
        unit_fn=_currency,
        attributes_fn=_charged_cost_attributes,
    ),
)
