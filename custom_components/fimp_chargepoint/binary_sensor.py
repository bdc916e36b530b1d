"""What is so or not, for automations and for the load balancers that ask for it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, override

from homeassistant.components.binary_sensor import (
    BinarySensorEntity,
    BinarySensorEntityDescription,
)
from homeassistant.components.binary_sensor.const import BinarySensorDeviceClass
from homeassistant.const import EntityCategory, Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .chargepoint.model import ChargepointSnapshot, Feature, NodeSnapshot, Status
from .chargepoint.ocpp import OcppSnapshot
from .chargepoint.station import StationSnapshot
from .coordinator import FimpConfigEntry, PushCoordinator
from .entity import (
    NodeDescription,
    NodeEntity,
    async_setup_chargepoints,
    async_setup_nodes,
    existing,
    only_reports,
    reports,
)

# Nothing is fetched here: the values are pushed.
PARALLEL_UPDATES = 0

ATTR_PROBLEMS = "problems"


@dataclass(frozen=True, kw_only=True)
class NodeBinarySensorDescription[S: NodeSnapshot](
    NodeDescription, BinarySensorEntityDescription
):
    """A fact, and what more there is to say about it."""

    is_on_fn: Callable[[S], bool | None]
    attributes_fn: Callable[[S], Mapping[str, Any]] | None = None


@dataclass(frozen=True, kw_only=True)
class ChargepointBinarySensorDescription(NodeBinarySensorDescription[ChargepointSnapshot]):
    """A fact of a charge point."""


def _charging(snapshot: ChargepointSnapshot) -> bool | None:
    return None if snapshot.status is None else snapshot.status is Status.CHARGING


def _problem(snapshot: ChargepointSnapshot) -> bool | None:
    if snapshot.problems:
        return True
    return None if snapshot.status is None else snapshot.status is Status.ERROR


def _unlocked(snapshot: ChargepointSnapshot) -> bool | None:
    """Return the opposite of locked: that is what on means for a lock."""
    return None if snapshot.cable_lock is None else not snapshot.cable_lock


BINARY_SENSORS = (
    ChargepointBinarySensorDescription(
        key="plug",
        device_class=BinarySensorDeviceClass.PLUG,
        exists_fn=reports(Feature.STATUS),
        is_on_fn=lambda snapshot: snapshot.plugged,
    ),
    ChargepointBinarySensorDescription(
        key="charging",
        device_class=BinarySensorDeviceClass.BATTERY_CHARGING,
        exists_fn=reports(Feature.STATUS),
        is_on_fn=_charging,
    ),
    ChargepointBinarySensorDescription(
        key="problem",
        translation_key="problem",
        device_class=BinarySensorDeviceClass.PROBLEM,
        entity_category=EntityCategory.DIAGNOSTIC,
        exists_fn=reports(Feature.STATUS),
        is_on_fn=_problem,
        attributes_fn=lambda snapshot: {ATTR_PROBLEMS: list(snapshot.problems)},
    ),
    ChargepointBinarySensorDescription(
        key="cable_lock",
        translation_key="cable_lock",
        device_class=BinarySensorDeviceClass.LOCK,
        exists_fn=only_reports(Feature.CABLE_LOCK),
        is_on_fn=_unlocked,
    ),
    ChargepointBinarySensorDescription(
        key="data_link",
        translation_key="data_link",
        device_class=BinarySensorDeviceClass.CONNECTIVITY,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        exists_fn=reports(Feature.DATA_LINK),
        is_on_fn=lambda snapshot: snapshot.details.data_link,
    ),
    ChargepointBinarySensorDescription(
        key="waits_for_others",
        translation_key="waits_for_others",
        entity_category=EntityCategory.DIAGNOSTIC,
        exists_fn=reports(Feature.WAITS_FOR_OTHERS),
        is_on_fn=lambda snapshot: snapshot.details.waits_for_others,
    ),
)


@dataclass(frozen=True, kw_only=True)
class OcppBinarySensorDescription(NodeBinarySensorDescription[OcppSnapshot]):
    """A fact of an OCPP client."""


OCPP_BINARY_SENSORS = (
    OcppBinarySensorDescription(
        key="csms_connected",
        translation_key="csms_connected",
        device_class=BinarySensorDeviceClass.CONNECTIVITY,
        exists_fn=reports(Feature.CONNECTED),
        is_on_fn=lambda snapshot: snapshot.connected,
    ),
)


@dataclass(frozen=True, kw_only=True)
class StationBinarySensorDescription(NodeBinarySensorDescription[StationSnapshot]):
    """A fact of a station with several charge points."""


STATION_BINARY_SENSORS = (
    StationBinarySensorDescription(
        key="station_problem",
        translation_key="station_problem",
        device_class=BinarySensorDeviceClass.PROBLEM,
        entity_category=EntityCategory.DIAGNOSTIC,
        exists_fn=reports(Feature.STATION_FAULTS),
        is_on_fn=lambda snapshot: None if snapshot.faults is None else bool(snapshot.faults),
        attributes_fn=lambda snapshot: {ATTR_PROBLEMS: sorted(snapshot.faults or ())},
    ),
)


async def async_setup_entry(
    _: HomeAssistant,
    entry: FimpConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the binary sensors of every charge point, and of what stands beside it."""
    async_setup_chargepoints(
        entry,
        async_add_entities,
        Platform.BINARY_SENSOR,
        existing(BINARY_SENSORS),
        NodeBinarySensor,
    )
    async_setup_nodes(
        entry,
        async_add_entities,
        Platform.BINARY_SENSOR,
        OcppSnapshot,
        existing(OCPP_BINARY_SENSORS),
        NodeBinarySensor,
    )
    async_setup_nodes(
        entry,
        async_add_entities,
        Platform.BINARY_SENSOR,
        StationSnapshot,
        existing(STATION_BINARY_SENSORS),
        NodeBinarySensor,
    )


class NodeBinarySensor(NodeEntity[PushCoordinator[Any, Any]], BinarySensorEntity):
    """A fact of the snapshot."""

    entity_description: NodeBinarySensorDescription[Any]

    @property
    @override
    def shown(self) -> Any:
        """The fact, and what more there is to say about it."""
        return self.is_on, self.extra_state_attributes

    @property
    @override
    def is_on(self) -> bool | None:
        """Whether it is so, None where that is not known."""
        return self.entity_description.is_on_fn(self.coordinator.data)

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, Any] | None:
        """What more there is to say."""
        attributes_fn = self.entity_description.attributes_fn
        return None if attributes_fn is None else attributes_fn(self.coordinator.data)
