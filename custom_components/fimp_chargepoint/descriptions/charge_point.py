"""The sensors of a charge point: a table for each kind of value."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from operator import attrgetter
from typing import Final, NamedTuple, TypedDict, Unpack

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
    """A value with details, such as since when it counts if it starts over.

    `unit` is a currency that is not always the same, None while it is not known.
    """

    value: SensorValue
    since: datetime | None = None
    unit: str | None = None
    attributes: Mapping[str, object] | None = None


@dataclass(frozen=True, kw_only=True)
class NodeSensorDescription[S: NodeSnapshot](NodeDescription, SensorEntityDescription):
    """A value; `measured` reads the measurement that it depends on, if there is one.

    `while_offline` is whether it is also known of a node that is reported as offline.
    `in_activity` is whether the activity of Home Assistant shows its changes; if not, there is no
    timeline in the history either.
    """

    value_fn: Callable[[S], SensorValue | Total]
    measured: Callable[[NodeSnapshot], object] | None = None
    while_offline: bool = False
    in_activity: bool = True


#: A value of a charge point.
type ChargepointSensor = NodeSensorDescription[ChargepointSnapshot]


class Quantity(NamedTuple):
    """A physical quantity, and how it is shown."""

    device_class: SensorDeviceClass | None = None
    unit: str | None = None
    digits: int | None = None
    state_class: SensorStateClass | None = SensorStateClass.MEASUREMENT


#: No number at all.
WORDS: Final = Quantity(state_class=None)
MOMENT: Final = Quantity(SensorDeviceClass.TIMESTAMP, state_class=None)
TEMPERATURE: Final = Quantity(SensorDeviceClass.TEMPERATURE, UnitOfTemperature.CELSIUS, 0)
#: Limits rarely change: no statistics.
CURRENT_LIMIT: Final = Quantity(
    SensorDeviceClass.CURRENT, UnitOfElectricCurrent.AMPERE, 0, state_class=None
)
POWER_LIMIT: Final = Quantity(SensorDeviceClass.POWER, UnitOfPower.WATT, 0, state_class=None)
DIAGNOSTIC: Final = EntityCategory.DIAGNOSTIC


class SensorOptions(TypedDict, total=False):
    """The options of a sensor, apart from its key and its value.

    `exists_fn` is not needed if the key is a feature that must be reported. Without a name of its
    own, it has that of its device class. `words` are all values that it can have.
    """

    quantity: Quantity
    words: Iterable[str]
    exists_fn: Callable[[Capabilities], bool]
    is_named: bool
    is_enabled: bool
    category: EntityCategory
    measured: Callable[[NodeSnapshot], object]
    while_offline: bool
    in_activity: bool


def sensor[S: NodeSnapshot](
    key: str, value_fn: Callable[[S], SensorValue | Total], **options: Unpack[SensorOptions]
) -> NodeSensorDescription[S]:
    """Describe a sensor."""
    quantity, words = options.get("quantity", WORDS), options.get("words")
    exists_fn = options.get("exists_fn")
    if exists_fn is None:
        exists_fn = reports(key) if isinstance(key, Feature) else _always
    return NodeSensorDescription(
        key=key,
        translation_key=key if options.get("is_named", True) else None,
        device_class=quantity.device_class if words is None else SensorDeviceClass.ENUM,
        state_class=quantity.state_class,
        native_unit_of_measurement=quantity.unit,
        suggested_display_precision=quantity.digits,
        options=None if words is None else [*words],
        entity_category=options.get("category"),
        entity_registry_enabled_default=options.get("is_enabled", True),
        exists_fn=exists_fn,
        value_fn=value_fn,
        measured=options.get("measured"),
        while_offline=options.get("while_offline", False),
        in_activity=options.get("in_activity", True),
    )


def fact(
    key: str,
    value_fn: Callable[[ChargepointSnapshot], SensorValue | Total],
    **options: Unpack[SensorOptions],
) -> ChargepointSensor:
    """Describe what changes rarely."""
    return sensor(key, value_fn, **options)


def measurement(
    key: str,
    quantity: Quantity,
    path: str,
    value_fn: Callable[[ChargepointSnapshot], SensorValue | Total] | None = None,
    /,
    **options: Unpack[SensorOptions],
) -> ChargepointSensor:
    """Describe what changes often; most people do not look at it.

    `path` leads to the measurement in the snapshot; it is the value unless there is a `value_fn`.
    """
    read = attrgetter(path)
    found = SensorOptions(quantity=quantity, measured=read, is_enabled=False)
    found.update(options)
    return sensor(key, value_fn or read, **found)


def part_of(
    part: str, key: str, quantity: Quantity, /, **options: Unpack[SensorOptions]
) -> ChargepointSensor:
    """Describe the measurement that is called like its `key` in a `part` of the snapshot."""
    return measurement(key, quantity, f"{part}.{key}", **options)


def _always(_: Capabilities) -> bool:
    return True


def _reports_both_limits(capabilities: Capabilities) -> bool:
    """Whether the limit that is set and the one in force are reported separately."""
    either = capabilities.reports | capabilities.controls
    return Feature.EFFECTIVE_CURRENT in capabilities.reports and Feature.MAX_CURRENT in either


def _fault_in_red(options: Iterable[str], fault: str) -> list[str]:
    """Return `options` in an order in which a history shows `fault` in red.

    Home Assistant colors each option by its place, and the third color is red.
    """
    others = [each for each in options if each != fault]
    return [*others[:2], fault, *others[2:]]


def _status(snapshot: ChargepointSnapshot) -> Total:
    problems = {ATTR_PROBLEMS: plain_words(snapshot.problems)}
    return Total(snapshot.status, attributes=problems)


def _session_started(snapshot: ChargepointSnapshot) -> datetime | None:
    return None if snapshot.session.start_guessed else snapshot.session.began


_HAS_STATUS: Final = reports(Feature.STATUS)
_HAS_SESSIONS: Final = reports(Feature.SESSION_ENERGY)

SENSORS = (
    fact(
        Feature.STATUS,
        _status,
        words=_fault_in_red(Status, Status.ERROR),
    ),
    fact(
        "raw_status",
        lambda snapshot: snapshot.raw_status,
        exists_fn=_HAS_STATUS,
        category=DIAGNOSTIC,
        is_enabled=False,
    ),
    # These two follow the status.
    fact(
        "iec61851",
        control_pilot_state,
        words=ControlPilotState,
        exists_fn=_HAS_STATUS,
        category=DIAGNOSTIC,
        in_activity=False,
    ),
    fact(
        "not_charging_reason",
        not_charging_reason,
        words=_fault_in_red(NotChargingReason, NotChargingReason.FAULT),
        exists_fn=_HAS_STATUS,
    ),
    fact(
        Feature.EVSE_ID,
        lambda snapshot: snapshot.identity.evse_id,
        category=DIAGNOSTIC,
        is_enabled=False,
    ),
    fact(
        Feature.CABLE_CURRENT,
        lambda snapshot: snapshot.cable_current,
        quantity=CURRENT_LIMIT,
        category=DIAGNOSTIC,
    ),
    fact(
        Feature.MAX_CURRENT,
        lambda snapshot: snapshot.max_current,
        quantity=CURRENT_LIMIT,
        exists_fn=only_reports(Feature.MAX_CURRENT),
    ),
    fact(
        Feature.EFFECTIVE_CURRENT,
        lambda snapshot: snapshot.effective_current,
        quantity=CURRENT_LIMIT,
        exists_fn=_reports_both_limits,
    ),
    fact(Feature.POWER_LIMIT, lambda snapshot: snapshot.power_limit, quantity=POWER_LIMIT),
    fact(Feature.LIMITED_BY, lambda snapshot: snapshot.limited_by, category=DIAGNOSTIC),
    fact(
        Feature.DELAYED_UNTIL,
        lambda snapshot: snapshot.delayed_until,
        quantity=MOMENT,
        in_activity=False,
    ),
    fact(
        Feature.CHARGING_MODE,
        lambda snapshot: snapshot.charging_mode,
        exists_fn=only_reports(Feature.CHARGING_MODE),
        category=DIAGNOSTIC,
    ),
    fact(
        Feature.PHASE_MODE,
        lambda snapshot: snapshot.phase_mode if snapshot.phase_mode in PHASES else None,
        words=PHASES,
        exists_fn=only_reports(Feature.PHASE_MODE),
        category=DIAGNOSTIC,
    ),
    fact(
        "session_started",
        _session_started,
        quantity=MOMENT,
        exists_fn=_HAS_SESSIONS,
        in_activity=False,
    ),
    fact(
        "session_ended",
        lambda snapshot: snapshot.session.ended,
        quantity=MOMENT,
        exists_fn=_HAS_SESSIONS,
        in_activity=False,
        is_enabled=False,
    ),
)


#: The health of the device; most people never look.
_of_health = partial(part_of, "health")

HEALTH_SENSORS = (
    _of_health(
        Feature.OFFLINE_SINCE, MOMENT, category=DIAGNOSTIC, is_enabled=True, while_offline=True
    ),
    _of_health(
        Feature.SIGNAL_STRENGTH,
        Quantity(SensorDeviceClass.SIGNAL_STRENGTH, SIGNAL_STRENGTH_DECIBELS_MILLIWATT),
        is_named=False,
        category=DIAGNOSTIC,
    ),
    _of_health(Feature.LINK_QUALITY, Quantity(), category=DIAGNOSTIC),
    _of_health(
        Feature.UPTIME,
        Quantity(SensorDeviceClass.UPTIME, state_class=None),
        is_named=False,
        category=DIAGNOSTIC,
    ),
    _of_health(
        Feature.RESTARTS,
        Quantity(state_class=SensorStateClass.TOTAL_INCREASING),
        category=DIAGNOSTIC,
    ),
    _of_health(Feature.RESTART_REASON, WORDS, category=DIAGNOSTIC),
    _of_health(Feature.BOARD_TEMPERATURE, TEMPERATURE, category=DIAGNOSTIC),
)


def _detail(
    feature: Feature, value_fn: Callable[[ChargepointSnapshot], SensorValue]
) -> ChargepointSensor:
    """Describe a word of the charge point's own that few people look at."""
    return fact(feature, value_fn, category=DIAGNOSTIC, is_enabled=False)


DETAIL_SENSORS = (
    _detail(Feature.PROTOCOL, lambda snapshot: snapshot.details.protocol),
    _detail(Feature.TRANSFER_MODES, lambda snapshot: snapshot.details.transfer_modes),
    _detail(Feature.PHASES_AVAILABLE, lambda snapshot: snapshot.details.phases_available),
    _detail(Feature.VEHICLE_MANUFACTURER, lambda snapshot: snapshot.details.vehicle_manufacturer),
    _detail(Feature.COMMUNICATION_FAILURE, lambda snapshot: snapshot.details.communication_failure),
    _detail(Feature.METER_PUBLIC_KEY, lambda snapshot: snapshot.details.meter_public_key),
)
