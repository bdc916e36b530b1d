"""The sensors of a charge point: a table for each kind of value."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.const import (
    SIGNAL_STRENGTH_DECIBELS_MILLIWATT,
    EntityCategory,
    UnitOfElectricCurrent,
    UnitOfPower,
    UnitOfTemperature,
)
from homeassistant.helpers.typing import StateType

from ..chargepoint import (
    Capabilities,
    ControlPilotState,
    NotChargingReason,
    control_pilot_state,
    not_charging_reason,
)
from ..chargepoint.model import PHASES, ChargepointSnapshot, Feature, NodeSnapshot, Status
from ..const import ATTR_PROBLEMS
from ..entity import NodeDescription, only_reports, plain_words, reports

type SensorValue = StateType | datetime


class Total(NamedTuple):
    """A value with more to say about it, such as since when it counts if it starts over.

    `unit` is a currency that is not always the same, None while it is not known.
    """

    value: SensorValue
    since: datetime | None = None
    unit: str | None = None
    attributes: Mapping[str, object] | None = None


@dataclass(frozen=True, kw_only=True)
class NodeSensorDescription[S: NodeSnapshot](NodeDescription, SensorEntityDescription):
    """A value; `measured` is whether anything of it is a measurement, and no fact.

    `while_offline` is whether it is also known of a node that is reported as offline.
    `in_activity` is whether the activity of Home Assistant shows its changes.
    """

    value_fn: Callable[[S], SensorValue | Total]
    measured: bool = False
    while_offline: bool = False
    in_activity: bool = True


@dataclass(frozen=True, kw_only=True)
class ChargepointSensorDescription(NodeSensorDescription[ChargepointSnapshot]):
    """A value of a charge point."""


class Quantity(NamedTuple):
    """A physical quantity, and how it is shown."""

    device_class: SensorDeviceClass | None = None
    unit: str | None = None
    digits: int | None = None
    state_class: SensorStateClass | None = SensorStateClass.MEASUREMENT


TEMPERATURE: Final = Quantity(SensorDeviceClass.TEMPERATURE, UnitOfTemperature.CELSIUS, 0)
#: No number at all.
WORDS: Final = Quantity(state_class=None)


def measurement(
    feature: Feature,
    quantity: Quantity,
    value_fn: Callable[[ChargepointSnapshot], SensorValue],
    *,
    key: str | None = None,
    is_named: bool = True,
    is_enabled: bool = False,
    category: EntityCategory | None = None,
) -> ChargepointSensorDescription:
    """Describe a measurement; without a name of its own it has that of its quantity."""
    key = key or feature
    return ChargepointSensorDescription(
        key=key,
        translation_key=key if is_named else None,
        device_class=quantity.device_class,
        state_class=quantity.state_class,
        native_unit_of_measurement=quantity.unit,
        suggested_display_precision=quantity.digits,
        entity_category=category,
        entity_registry_enabled_default=is_enabled,
        exists_fn=reports(feature),
        value_fn=value_fn,
        measured=True,
    )


def _tells_limits_apart(capabilities: Capabilities) -> bool:
    """Whether the limit that is set and the one in force are told apart."""
    either = capabilities.reports | capabilities.controls
    return Feature.EFFECTIVE_CURRENT in capabilities.reports and Feature.MAX_CURRENT in either


def _fault_in_red(options: Iterable[str], fault: str) -> list[str]:
    """Return `options` in an order in which a history shows `fault` in red.

    Home Assistant colors each option by its place, and the third color is red.
    """
    others = [each for each in options if each != fault]
    return [*others[:2], fault, *others[2:]]


def _session_started(snapshot: ChargepointSnapshot) -> datetime | None:
    return None if snapshot.session.start_guessed else snapshot.session.began


SENSORS = (
    ChargepointSensorDescription(
        key="status",
        translation_key="status",
        device_class=SensorDeviceClass.ENUM,
        options=_fault_in_red(Status, Status.ERROR),
        # The events, the plug, *charging* and *problem* write the same.
        in_activity=False,
        exists_fn=reports(Feature.STATUS),
        value_fn=lambda snapshot: Total(
            snapshot.status, attributes={ATTR_PROBLEMS: plain_words(snapshot.problems)}
        ),
    ),
    ChargepointSensorDescription(
        key="raw_status",
        translation_key="raw_status",
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        exists_fn=reports(Feature.STATUS),
        value_fn=lambda snapshot: snapshot.raw_status,
    ),
    ChargepointSensorDescription(
        key="iec61851",
        translation_key="iec61851",
        device_class=SensorDeviceClass.ENUM,
        options=[*ControlPilotState],
        in_activity=False,
        entity_category=EntityCategory.DIAGNOSTIC,
        exists_fn=reports(Feature.STATUS),
        value_fn=control_pilot_state,
    ),
    ChargepointSensorDescription(
        key="not_charging_reason",
        translation_key="not_charging_reason",
        device_class=SensorDeviceClass.ENUM,
        options=_fault_in_red(NotChargingReason, NotChargingReason.FAULT),
        # It follows the status.
        in_activity=False,
        exists_fn=reports(Feature.STATUS),
        value_fn=not_charging_reason,
    ),
    ChargepointSensorDescription(
        key="evse_id",
        translation_key="evse_id",
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
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
        key="effective_current",
        translation_key="effective_current",
        device_class=SensorDeviceClass.CURRENT,
        native_unit_of_measurement=UnitOfElectricCurrent.AMPERE,
        suggested_display_precision=0,
        exists_fn=_tells_limits_apart,
        value_fn=lambda snapshot: snapshot.effective_current,
    ),
    ChargepointSensorDescription(
        key="power_limit",
        translation_key="power_limit",
        device_class=SensorDeviceClass.POWER,
        native_unit_of_measurement=UnitOfPower.WATT,
        suggested_display_precision=0,
        exists_fn=reports(Feature.POWER_LIMIT),
        value_fn=lambda snapshot: snapshot.power_limit,
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
        in_activity=False,
        exists_fn=reports(Feature.DELAYED_UNTIL),
        value_fn=lambda snapshot: snapshot.delayed_until,
    ),
    ChargepointSensorDescription(
        key="charging_mode",
        translation_key="charging_mode",
        entity_category=EntityCategory.DIAGNOSTIC,
        exists_fn=only_reports(Feature.CHARGING_MODE),
        value_fn=lambda snapshot: snapshot.charging_mode,
    ),
    ChargepointSensorDescription(
        key="phase_mode",
        translation_key="phase_mode",
        device_class=SensorDeviceClass.ENUM,
        options=[*PHASES],
        entity_category=EntityCategory.DIAGNOSTIC,
        exists_fn=only_reports(Feature.PHASE_MODE),
        value_fn=lambda snapshot: snapshot.phase_mode if snapshot.phase_mode in PHASES else None,
    ),
    ChargepointSensorDescription(
        key="session_started",
        translation_key="session_started",
        device_class=SensorDeviceClass.TIMESTAMP,
        in_activity=False,
        exists_fn=reports(Feature.SESSION_ENERGY),
        value_fn=_session_started,
    ),
    ChargepointSensorDescription(
        key="session_ended",
        translation_key="session_ended",
        device_class=SensorDeviceClass.TIMESTAMP,
        in_activity=False,
        entity_registry_enabled_default=False,
        exists_fn=reports(Feature.SESSION_ENERGY),
        value_fn=lambda snapshot: snapshot.session.ended,
    ),
)


#: The health of the device; most people never look.
HEALTH_SENSORS = (
    ChargepointSensorDescription(
        key=Feature.OFFLINE_SINCE,
        translation_key=Feature.OFFLINE_SINCE,
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
        exists_fn=reports(Feature.OFFLINE_SINCE),
        value_fn=lambda snapshot: snapshot.health.offline_since,
        measured=True,
        while_offline=True,
    ),
    measurement(
        Feature.SIGNAL_STRENGTH,
        Quantity(SensorDeviceClass.SIGNAL_STRENGTH, SIGNAL_STRENGTH_DECIBELS_MILLIWATT),
        lambda snapshot: snapshot.health.signal_strength,
        is_named=False,
        category=EntityCategory.DIAGNOSTIC,
    ),
    measurement(
        Feature.LINK_QUALITY,
        Quantity(),
        lambda snapshot: snapshot.health.link_quality,
        category=EntityCategory.DIAGNOSTIC,
    ),
    measurement(
        Feature.UPTIME,
        Quantity(SensorDeviceClass.UPTIME, state_class=None),
        lambda snapshot: snapshot.health.uptime,
        is_named=False,
        category=EntityCategory.DIAGNOSTIC,
    ),
    measurement(
        Feature.RESTARTS,
        Quantity(state_class=SensorStateClass.TOTAL_INCREASING),
        lambda snapshot: snapshot.health.restarts,
        category=EntityCategory.DIAGNOSTIC,
    ),
    measurement(
        Feature.RESTART_REASON,
        WORDS,
        lambda snapshot: snapshot.health.restart_reason,
        category=EntityCategory.DIAGNOSTIC,
    ),
    measurement(
        Feature.BOARD_TEMPERATURE,
        TEMPERATURE,
        lambda snapshot: snapshot.health.board_temperature,
        category=EntityCategory.DIAGNOSTIC,
    ),
)


def _detail(
    feature: Feature, value_fn: Callable[[ChargepointSnapshot], SensorValue]
) -> ChargepointSensorDescription:
    """Describe a word of the charge point's own that few people look at."""
    return ChargepointSensorDescription(
        key=feature,
        translation_key=feature,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        exists_fn=reports(feature),
        value_fn=value_fn,
    )


DETAIL_SENSORS = (
    _detail(Feature.PROTOCOL, lambda snapshot: snapshot.details.protocol),
    _detail(Feature.TRANSFER_MODES, lambda snapshot: snapshot.details.transfer_modes),
    _detail(Feature.PHASES_AVAILABLE, lambda snapshot: snapshot.details.phases_available),
    _detail(Feature.VEHICLE_MANUFACTURER, lambda snapshot: snapshot.details.vehicle_manufacturer),
    _detail(Feature.COMMUNICATION_FAILURE, lambda snapshot: snapshot.details.communication_failure),
    _detail(Feature.METER_PUBLIC_KEY, lambda snapshot: snapshot.details.meter_public_key),
)
