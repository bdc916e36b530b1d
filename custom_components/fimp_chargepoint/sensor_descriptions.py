"""What the sensors show: a table for each kind of thing that is reported."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.const import (
    REVOLUTIONS_PER_MINUTE,
    SIGNAL_STRENGTH_DECIBELS_MILLIWATT,
    EntityCategory,
    UnitOfElectricCurrent,
    UnitOfElectricPotential,
    UnitOfEnergy,
    UnitOfTemperature,
)
from homeassistant.helpers.typing import StateType

from .chargepoint.capabilities import Parameter
from .chargepoint.hindrance import Hindrance, hindrance
from .chargepoint.model import PHASES, ChargepointSnapshot, Feature, NodeSnapshot, Status
from .chargepoint.pilot import Pilot, pilot
from .controls import ParameterControl
from .entity import NodeDescription, only_reports, reports


@dataclass(frozen=True, kw_only=True)
class NodeSensorDescription[S: NodeSnapshot](NodeDescription, SensorEntityDescription):
    """A value, since when it counts, and what more there is to say about it.

    `unit_fn` is for a unit that the charge point chooses.
    """

    value_fn: Callable[[S], StateType | datetime]
    last_reset_fn: Callable[[S], datetime | None] = lambda _: None
    unit_fn: Callable[[S], str | None] | None = None
    attributes_fn: Callable[[S], Mapping[str, Any]] | None = None


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
        # The last session as it was watched from here is told by sensors of its own.
        entity_registry_enabled_default=False,
        device_class=SensorDeviceClass.ENERGY,
        native_unit_of_measurement=UnitOfEnergy.KILO_WATT_HOUR,
        suggested_display_precision=2,
        exists_fn=reports(Feature.SESSION_ENERGY),
        value_fn=lambda snapshot: snapshot.session.previous_energy,
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


#: How often the memory was written that wears out by it.
WRITES_SENSOR = ChargepointSensorDescription(
    key="writes",
    translation_key="writes",
    entity_category=EntityCategory.DIAGNOSTIC,
    entity_registry_enabled_default=False,
    state_class=SensorStateClass.TOTAL_INCREASING,
    exists_fn=lambda capabilities: capabilities.writes,
    value_fn=lambda snapshot: snapshot.writes,
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
    _health(Feature.UPTIME, translation_key=None, device_class=SensorDeviceClass.UPTIME),
    _health(Feature.RESTARTS, state_class=SensorStateClass.TOTAL_INCREASING),
    _health(Feature.RESTART_REASON),
    _health(
        Feature.BOARD_TEMPERATURE,
        device_class=SensorDeviceClass.TEMPERATURE,
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=UnitOfTemperature.CELSIUS,
        suggested_display_precision=0,
    ),
    _health(
        Feature.FAN_SPEED,
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=REVOLUTIONS_PER_MINUTE,
        suggested_display_precision=0,
    ),
    *(
        _health(
            feature,
            device_class=SensorDeviceClass.VOLTAGE,
            state_class=SensorStateClass.MEASUREMENT,
            native_unit_of_measurement=UnitOfElectricPotential.VOLT,
            suggested_display_precision=1,
        )
        for feature in (Feature.SUPPLY_VOLTAGE, Feature.NEGATIVE_SUPPLY_VOLTAGE)
    ),
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


def parameter_sensor(parameter: Parameter) -> ChargepointSensorDescription:
    """Describe a setting that cannot be changed."""
    control = ParameterControl(parameter.id)
    return ChargepointSensorDescription(
        key=f"parameter_{parameter.id}",
        name=parameter.name,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=control.text,
    )
