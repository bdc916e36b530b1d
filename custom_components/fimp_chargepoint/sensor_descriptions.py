"""What the sensors show: a table for each kind of thing that is reported."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.const import (
    PERCENTAGE,
    SIGNAL_STRENGTH_DECIBELS_MILLIWATT,
    EntityCategory,
    UnitOfElectricCurrent,
    UnitOfElectricPotential,
    UnitOfEnergy,
    UnitOfFrequency,
    UnitOfPower,
    UnitOfTemperature,
    UnitOfTime,
)
from homeassistant.helpers.typing import StateType

from .chargepoint.hindrance import Hindrance, hindrance
from .chargepoint.model import (
    PHASES,
    ChargepointSnapshot,
    Feature,
    NodeSnapshot,
    Parameter,
    Status,
)
from .chargepoint.pilot import Pilot, pilot
from .controls import ParameterControl
from .entity import NodeDescription, only_reports, reports


@dataclass(frozen=True, kw_only=True)
class NodeSensorDescription[S: NodeSnapshot](NodeDescription, SensorEntityDescription):
    """A value, and since when it counts."""

    value_fn: Callable[[S], StateType | datetime]
    last_reset_fn: Callable[[S], datetime | None] = lambda _: None


@dataclass(frozen=True, kw_only=True)
class ChargepointSensorDescription(NodeSensorDescription[ChargepointSnapshot]):
    """A value of a charge point."""


def _session_started(snapshot: ChargepointSnapshot) -> datetime | None:
    return None if snapshot.session.start_guessed else snapshot.session.started


SENSORS = (
    ChargepointSensorDescription(
        key="status",
        translation_key="status",
        device_class=SensorDeviceClass.ENUM,
        options=[*Status],
        exists_fn=reports(Feature.STATUS),
        value_fn=lambda snapshot: snapshot.status,
    ),
    ChargepointSensorDescription(
        key="raw_status",
        translation_key="raw_status",
        entity_category=EntityCategory.DIAGNOSTIC,
        exists_fn=reports(Feature.STATUS),
        value_fn=lambda snapshot: snapshot.raw_status,
    ),
    ChargepointSensorDescription(
        key="iec61851",
        translation_key="iec61851",
        device_class=SensorDeviceClass.ENUM,
        options=[*Pilot],
        entity_category=EntityCategory.DIAGNOSTIC,
        exists_fn=reports(Feature.STATUS),
        value_fn=pilot,
    ),
    ChargepointSensorDescription(
        key="not_charging_because",
        translation_key="not_charging_because",
        device_class=SensorDeviceClass.ENUM,
        options=[*Hindrance],
        exists_fn=reports(Feature.STATUS),
        value_fn=hindrance,
    ),
    ChargepointSensorDescription(
        key="evse_id",
        translation_key="evse_id",
        entity_category=EntityCategory.DIAGNOSTIC,
        exists_fn=reports(Feature.EVSE_ID),
        value_fn=lambda snapshot: snapshot.identity.evse_id,
    ),
    ChargepointSensorDescription(
        key="cable_current",
        translation_key="cable_current",
        device_class=SensorDeviceClass.CURRENT,
        native_unit_of_measurement=UnitOfElectricCurrent.AMPERE,
        suggested_display_precision=0,
        entity_category=EntityCategory.DIAGNOSTIC,
        exists_fn=reports(Feature.CABLE_CURRENT),
        value_fn=lambda snapshot: snapshot.cable_current,
    ),
    ChargepointSensorDescription(
        key="max_current",
        translation_key="max_current",
        device_class=SensorDeviceClass.CURRENT,
        native_unit_of_measurement=UnitOfElectricCurrent.AMPERE,
        suggested_display_precision=0,
        exists_fn=only_reports(Feature.MAX_CURRENT),
        value_fn=lambda snapshot: snapshot.max_current,
    ),
    ChargepointSensorDescription(
        key="limited_by",
        translation_key="limited_by",
        entity_category=EntityCategory.DIAGNOSTIC,
        exists_fn=reports(Feature.LIMITED_BY),
        value_fn=lambda snapshot: snapshot.limited_by,
    ),
    ChargepointSensorDescription(
        key="delayed_until",
        translation_key="delayed_until",
        device_class=SensorDeviceClass.TIMESTAMP,
        exists_fn=reports(Feature.DELAYED_UNTIL),
        value_fn=lambda snapshot: snapshot.delayed_until,
    ),
    ChargepointSensorDescription(
        key="phase_mode",
        translation_key="phase_mode",
        device_class=SensorDeviceClass.ENUM,
        options=[*PHASES],
        entity_category=EntityCategory.DIAGNOSTIC,
        exists_fn=only_reports(Feature.PHASE_MODE),
        value_fn=lambda snapshot: (
            snapshot.phase_mode if snapshot.phase_mode in PHASES else None
        ),
    ),
    ChargepointSensorDescription(
        key="session_started",
        translation_key="session_started",
        device_class=SensorDeviceClass.TIMESTAMP,
        exists_fn=reports(Feature.SESSION_ENERGY),
        value_fn=_session_started,
    ),
    ChargepointSensorDescription(
        key="session_ended",
        translation_key="session_ended",
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_registry_enabled_default=False,
        exists_fn=reports(Feature.SESSION_ENERGY),
        value_fn=lambda snapshot: snapshot.session.ended,
    ),
    ChargepointSensorDescription(
        key="previous_session_energy",
        translation_key="previous_session_energy",
        device_class=SensorDeviceClass.ENERGY,
        native_unit_of_measurement=UnitOfEnergy.KILO_WATT_HOUR,
        suggested_display_precision=2,
        exists_fn=reports(Feature.SESSION_ENERGY),
        value_fn=lambda snapshot: snapshot.session.previous_energy,
    ),
)


def _metered(feature: Feature, **fields: Any) -> ChargepointSensorDescription:
    """Describe a value of the meter, which has the name of its feature there."""
    return ChargepointSensorDescription(
        **{"key": feature, "state_class": SensorStateClass.MEASUREMENT, **fields},
        exists_fn=reports(feature),
        value_fn=lambda snapshot: getattr(snapshot.meter, feature),
    )


_POWER: Final[dict[str, Any]] = {
    "device_class": SensorDeviceClass.POWER,
    "native_unit_of_measurement": UnitOfPower.WATT,
    "suggested_display_precision": 0,
}
_CURRENT: Final[dict[str, Any]] = {
    "device_class": SensorDeviceClass.CURRENT,
    "native_unit_of_measurement": UnitOfElectricCurrent.AMPERE,
    "suggested_display_precision": 1,
}
_VOLTAGE: Final[dict[str, Any]] = {
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
    _metered(Feature.POWER, **_POWER),
    _metered(
        Feature.ENERGY, key="lifetime_energy", translation_key="lifetime_energy", **_COUNTER
    ),
    _metered(Feature.OFFERED_CURRENT, translation_key="offered_current", **_CURRENT),
    *(
        _metered(
            feature, translation_key=feature, entity_registry_enabled_default=False, **fields
        )
        for features, fields in (
            ((Feature.POWER_L1, Feature.POWER_L2, Feature.POWER_L3), _POWER),
            ((Feature.CURRENT_L1, Feature.CURRENT_L2, Feature.CURRENT_L3), _CURRENT),
            ((Feature.VOLTAGE_L1, Feature.VOLTAGE_L2, Feature.VOLTAGE_L3), _VOLTAGE),
            ((Feature.POWER_EXPORT,), _POWER),
            ((Feature.ENERGY_EXPORT,), _COUNTER),
        )
        for feature in features
    ),
    *(
        _metered(feature, entity_registry_enabled_default=False, **fields)
        for feature, fields in (
            (Feature.CURRENT, _CURRENT),
            (Feature.VOLTAGE, _VOLTAGE),
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
)


def _health(feature: Feature, **fields: Any) -> ChargepointSensorDescription:
    """Describe how the device is; most people never look."""
    return ChargepointSensorDescription(
        **{"key": feature, "translation_key": feature, **fields},
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        exists_fn=reports(feature),
        value_fn=lambda snapshot: getattr(snapshot.health, feature),
    )


HEALTH_SENSORS = (
    _health(
        Feature.SIGNAL_STRENGTH,
        translation_key=None,
        device_class=SensorDeviceClass.SIGNAL_STRENGTH,
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=SIGNAL_STRENGTH_DECIBELS_MILLIWATT,
    ),
    _health(Feature.LINK_QUALITY, state_class=SensorStateClass.MEASUREMENT),
    _health(
        Feature.UPTIME,
        device_class=SensorDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.SECONDS,
        suggested_unit_of_measurement=UnitOfTime.DAYS,
    ),
    _health(Feature.RESTARTS, state_class=SensorStateClass.TOTAL_INCREASING),
    _health(Feature.RESTART_REASON),
)


def _detail(feature: Feature) -> ChargepointSensorDescription:
    """Describe a word that few people look at, in the charge point's own spelling."""
    return ChargepointSensorDescription(
        key=feature,
        translation_key=feature,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        exists_fn=reports(feature),
        value_fn=lambda snapshot: getattr(snapshot.details, feature),
    )


DETAIL_SENSORS = tuple(
    _detail(each)
    for each in (
        Feature.PROTOCOL,
        Feature.TRANSFER_MODES,
        Feature.PHASES_AVAILABLE,
        Feature.VEHICLE_MANUFACTURER,
        Feature.COMMUNICATION_FAILURE,
        Feature.METER_PUBLIC_KEY,
    )
)


def _session_energy(snapshot: ChargepointSnapshot) -> float | None:
    """Return the energy of a session whose start is known.

    Without its start a drop would be booked as energy that was given back.
    """
    return None if snapshot.session.started is None else snapshot.meter.session_energy


SESSION_SENSORS = (
    ChargepointSensorDescription(
        key="session_energy",
        translation_key="session_energy",
        device_class=SensorDeviceClass.ENERGY,
        state_class=SensorStateClass.TOTAL,
        native_unit_of_measurement=UnitOfEnergy.KILO_WATT_HOUR,
        suggested_display_precision=2,
        exists_fn=reports(Feature.SESSION_ENERGY),
        value_fn=_session_energy,
        last_reset_fn=lambda snapshot: snapshot.session.started,
    ),
)


def parameter_sensor(parameter: Parameter) -> ChargepointSensorDescription:
    """Describe a setting that cannot be changed."""
    control = ParameterControl(parameter.id)
    return ChargepointSensorDescription(
        key=f"parameter_{parameter.id}",
        name=parameter.name,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=control.text,
    )
