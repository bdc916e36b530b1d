"""Facts that are true or not, for automations and load balancers."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import override

from homeassistant.components.binary_sensor import BinarySensorEntity, BinarySensorEntityDescription
from homeassistant.components.binary_sensor.const import BinarySensorDeviceClass
from homeassistant.const import EntityCategory, Platform
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.device_registry import DeviceInfo
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.typing import UNDEFINED
from homeassistant.util import dt as dt_util

from .chargepoint import (
    ConnectionLost,
    ConnectionMade,
    HubEvent,
    OcppSnapshot,
    ParameterKind,
    StationSnapshot,
)
from .chargepoint.model import ChargepointSnapshot, Feature, NodeSnapshot, Status
from .const import ATTR_PROBLEMS, DOMAIN
from .coordinator import AnyNode, FimpConfigEntry
from .devices import hub_id
from .entity import (
    NodeDescription,
    NodeEntity,
    async_message,
    async_setup_nodes,
    existing,
    of_parameters,
    only_reports,
    plain_words,
    reports,
    translated,
)

# Nothing is fetched here: the values are pushed.
PARALLEL_UPDATES = 0

#: Why the broker is not connected, and since when it is or is not.
ATTR_REASON = "reason"
ATTR_SINCE = "since"


@dataclass(frozen=True, kw_only=True)
class NodeBinarySensorDescription[S: NodeSnapshot](NodeDescription, BinarySensorEntityDescription):
    """A fact, and the names of the problems if it is about problems."""

    is_on_fn: Callable[[S], bool | None]
    problems_fn: Callable[[S], tuple[str, ...]] | None = None


#: A fact of a charge point.
type ChargepointFact = NodeBinarySensorDescription[ChargepointSnapshot]


def _charging(snapshot: ChargepointSnapshot) -> bool | None:
    return None if snapshot.status is None else snapshot.status is Status.CHARGING


def _problem(snapshot: ChargepointSnapshot) -> bool | None:
    if snapshot.problems:
        return True
    return None if snapshot.status is None else snapshot.status is Status.ERROR


def _unlocked(snapshot: ChargepointSnapshot) -> bool | None:
    """Return the opposite of locked: that is what on means for a lock."""
    return None if snapshot.cable_lock is None else not snapshot.cable_lock


BINARY_SENSORS: tuple[ChargepointFact, ...] = (
    NodeBinarySensorDescription(
        key="plug",
        # Home Assistant's own icon of an unknown plug is an unplugged one.
        translation_key="plug",
        device_class=BinarySensorDeviceClass.PLUG,
        exists_fn=reports(Feature.STATUS),
        is_on_fn=lambda snapshot: snapshot.plugged,
    ),
    NodeBinarySensorDescription(
        key="charging",
        device_class=BinarySensorDeviceClass.BATTERY_CHARGING,
        exists_fn=reports(Feature.STATUS),
        is_on_fn=_charging,
    ),
    NodeBinarySensorDescription(
        key="problem",
        translation_key="problem",
        device_class=BinarySensorDeviceClass.PROBLEM,
        entity_category=EntityCategory.DIAGNOSTIC,
        exists_fn=reports(Feature.STATUS),
        is_on_fn=_problem,
        problems_fn=lambda snapshot: snapshot.problems,
    ),
    NodeBinarySensorDescription(
        key="cable_lock",
        translation_key="cable_lock",
        device_class=BinarySensorDeviceClass.LOCK,
        exists_fn=only_reports(Feature.CABLE_LOCK),
        is_on_fn=_unlocked,
    ),
    NodeBinarySensorDescription(
        key="data_link",
        translation_key="data_link",
        device_class=BinarySensorDeviceClass.CONNECTIVITY,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        exists_fn=reports(Feature.DATA_LINK),
        is_on_fn=lambda snapshot: snapshot.details.data_link,
    ),
    NodeBinarySensorDescription(
        key="waiting_for_release",
        translation_key="waiting_for_release",
        entity_category=EntityCategory.DIAGNOSTIC,
        exists_fn=reports(Feature.WAITING_FOR_RELEASE),
        is_on_fn=lambda snapshot: snapshot.details.waiting_for_release,
    ),
)


def _flag(setting: str, name: str | None = None, *, is_enabled: bool = False) -> ChargepointFact:
    def is_on(snapshot: ChargepointSnapshot) -> bool | None:
        value = snapshot.parameters.get(setting)
        return value if isinstance(value, bool) else None

    return NodeBinarySensorDescription(
        key=f"parameter_{setting}",
        translation_key=setting if name is None else None,
        name=UNDEFINED if name is None else name,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=is_enabled,
        is_on_fn=is_on,
    )


#: Settings that mean the same for all manufacturers and can only be looked at, by the setting.
SETTING_FLAGS = {
    setting: _flag(setting, is_enabled=is_enabled)
    for is_enabled, settings in (
        (True, ("plug_and_charge", "linked_charge_cards_only", "smart_charging")),
        (True, ("delayed_charging", "price_based_charging", "boosting")),
        (False, ("smart_charging_dynamic", "plug_and_charge_notification")),
        (False, ("led_interaction", "publish_location")),
    )
    for setting in settings
}


OCPP_BINARY_SENSORS = (
    NodeBinarySensorDescription[OcppSnapshot](
        key="csms_connected",
        translation_key="csms_connected",
        device_class=BinarySensorDeviceClass.CONNECTIVITY,
        exists_fn=reports(Feature.CONNECTED),
        is_on_fn=lambda snapshot: snapshot.connected,
    ),
)


STATION_BINARY_SENSORS = (
    NodeBinarySensorDescription[StationSnapshot](
        key="station_problem",
        translation_key="station_problem",
        device_class=BinarySensorDeviceClass.PROBLEM,
        entity_category=EntityCategory.DIAGNOSTIC,
        exists_fn=reports(Feature.STATION_FAULTS),
        is_on_fn=lambda snapshot: None if snapshot.faults is None else bool(snapshot.faults),
        problems_fn=lambda snapshot: tuple(sorted(snapshot.faults or ())),
    ),
)


@dataclass(frozen=True, kw_only=True)
class HubDescription(BinarySensorEntityDescription):
    """A fact of a hub."""


HUB_CONNECTION = HubDescription(
    key="connection",
    translation_key="connection",
    device_class=BinarySensorDeviceClass.CONNECTIVITY,
    entity_category=EntityCategory.DIAGNOSTIC,
)


async def async_setup_entry(
    _: HomeAssistant,
    entry: FimpConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the binary sensors of every charge point, and of what stands beside it."""
    async_add_entities([HubConnection(entry)])
    add = partial(async_setup_nodes, entry, async_add_entities, Platform.BINARY_SENSOR)
    add(existing(BINARY_SENSORS), NodeBinarySensor)
    describe = partial(_flag, is_enabled=True)
    add(of_parameters(ParameterKind.FLAG, describe, SETTING_FLAGS), NodeBinarySensor)
    add(existing(OCPP_BINARY_SENSORS), NodeBinarySensor, OcppSnapshot)
    add(existing(STATION_BINARY_SENSORS), NodeBinarySensor, StationSnapshot)


class NodeBinarySensor[S: NodeSnapshot, N: AnyNode](
    NodeEntity[S, tuple[bool | None, tuple[str, ...] | None], N], BinarySensorEntity
):
    """A fact of the snapshot."""

    entity_description: NodeBinarySensorDescription[S]

    @override
    def _read(self) -> tuple[bool | None, tuple[str, ...] | None]:
        """Return the fact, None if it is unknown, and the names of the problems."""
        snapshot, problems_fn = self.coordinator.data, self.entity_description.problems_fn
        problems = None if problems_fn is None else problems_fn(snapshot)
        return self.entity_description.is_on_fn(snapshot), problems

    @override
    def _show(self, shown: tuple[bool | None, tuple[str, ...] | None]) -> None:
        """Show it."""
        self._attr_is_on, problems = shown
        if problems is not None:
            self._attr_extra_state_attributes = {ATTR_PROBLEMS: plain_words(problems)}


class HubConnection(BinarySensorEntity):
    """Whether the broker is connected, else why not: then all other entities are unavailable."""

    _attr_has_entity_name = True
    entity_description = HUB_CONNECTION

    def __init__(self, entry: FimpConfigEntry) -> None:
        """Belong to the device of the hub."""
        self._entry = entry
        self._since = dt_util.utcnow()
        self._attr_unique_id = f"{hub_id(entry)}_{HUB_CONNECTION.key}"
        self._attr_device_info = DeviceInfo(identifiers={(DOMAIN, hub_id(entry))})

    @override
    async def async_added_to_hass(self) -> None:
        """Follow the connection."""
        await super().async_added_to_hass()
        self._show()
        self.async_on_remove(self._entry.runtime_data.hub.add_listener(self._handle))

    @callback
    def _handle(self, event: HubEvent) -> None:
        if isinstance(event, ConnectionMade | ConnectionLost):
            self._show()
            self.async_write_ha_state()

    def _show(self) -> None:
        """Show the connection and, if it is lost, the reason and since when."""
        hub = self._entry.runtime_data.hub
        if hub.connected is not self._attr_is_on:
            self._attr_is_on, self._since = hub.connected, dt_util.utcnow()
        reason = None
        if not self._attr_is_on and hub.last_error is not None:
            error = translated(self.hass, hub.last_error, self._entry.title)
            reason = async_message(self.hass, error)
        self._attr_extra_state_attributes = {ATTR_REASON: reason, ATTR_SINCE: self._since}
