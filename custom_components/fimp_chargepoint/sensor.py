"""What a charge point reports."""

from dataclasses import dataclass
from functools import partial
from typing import override

from homeassistant.components.sensor import (
    ATTR_STATE_CLASS,
    SensorEntity,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.const import EntityCategory, Platform
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.device_registry import DeviceInfo
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .chargepoint import (
    Chargepoint,
    GridSnapshot,
    HubEvent,
    OcppSnapshot,
    ParameterKind,
    RequestsCounted,
)
from .chargepoint.model import ChargepointSnapshot, Feature, NodeSnapshot, Reason
from .const import DOMAIN
from .controls import parameter_text
from .coordinator import FIRST, AnyNode, ChargepointCoordinator, FimpConfigEntry, PushCoordinator
from .descriptions.charge_point import (
    DETAIL_SENSORS,
    HEALTH_SENSORS,
    SENSORS,
    ChargepointSensor,
    NodeSensorDescription,
    SensorValue,
    Total,
)
from .descriptions.meter import COST_SENSORS, GRID_SENSORS, METER_SENSORS, SESSION_SENSORS
from .descriptions.ocpp import OCPP_SENSORS
from .descriptions.session import (
    ENERGY_SENSORS,
    LAST_SESSION_SENSORS,
    PRICED_SENSORS,
    SessionsSensorDescription,
)
from .descriptions.settings import SETTING_SENSORS
from .descriptions.vehicle import DIRECT_SENSORS, VEHICLE_SENSORS
from .devices import hub_id
from .entity import (
    NodeEntity,
    async_remove_descriptions,
    async_setup_nodes,
    existing,
    of_parameters,
)

# Nothing is fetched here: the values are pushed.
PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class HubSensorDescription(SensorEntityDescription):
    """A value of what an entry connects to."""


REQUESTS_SENT = HubSensorDescription(
    key="requests_sent",
    translation_key="requests_sent",
    state_class=SensorStateClass.TOTAL_INCREASING,
    entity_category=EntityCategory.DIAGNOSTIC,
    entity_registry_enabled_default=False,
)


def _setting(parameter_id: str, name: str) -> ChargepointSensor:
    """Describe a setting that can only be looked at."""
    return NodeSensorDescription(
        key=f"parameter_{parameter_id}",
        name=name,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=partial(parameter_text, parameter_id=parameter_id),
    )


async def async_setup_entry(
    _: HomeAssistant,
    entry: FimpConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the sensors of every charge point, and of what stands beside it."""
    add = partial(async_setup_nodes, entry, async_add_entities, Platform.SENSOR)
    of_charge_points = (
        *(*SENSORS, *METER_SENSORS, *SESSION_SENSORS, *COST_SENSORS),
        *(*VEHICLE_SENSORS, *DIRECT_SENSORS, *HEALTH_SENSORS, *DETAIL_SENSORS),
    )
    add(existing(of_charge_points), NodeSensor)
    add(existing((*LAST_SESSION_SENSORS, *ENERGY_SENSORS)), LastSessionSensor)
    if entry.runtime_data.sessions.prices.is_named:
        add(existing(PRICED_SENSORS), PricedSensor)
    else:
        async_remove_descriptions(entry, Platform.SENSOR, PRICED_SENSORS)
    add(of_parameters(ParameterKind.VALUE, _setting, SETTING_SENSORS), NodeSensor)
    add(existing(OCPP_SENSORS), NodeSensor, OcppSnapshot)
    add(existing(GRID_SENSORS), NodeSensor, GridSnapshot)
    if entry.runtime_data.hub.requests_today is not None:
        async_add_entities([RequestsSensor(entry)])


class _Sensor(SensorEntity):
    """Shows a value and its attributes."""

    def _show(self, shown: SensorValue | Total) -> None:
        if not isinstance(shown, Total):
            self._attr_native_value = shown
            return
        self._attr_native_value, self._attr_last_reset = shown.value, shown.since
        if shown.unit is not None:
            self._attr_native_unit_of_measurement = shown.unit
        if shown.attributes is not None:
            self._attr_extra_state_attributes = dict(shown.attributes)


class NodeSensor[S: NodeSnapshot, N: AnyNode](_Sensor, NodeEntity[S, SensorValue | Total, N]):
    """A value of the snapshot."""

    entity_description: NodeSensorDescription[S]

    def __init__(
        self, coordinator: PushCoordinator[S, N], description: NodeSensorDescription[S]
    ) -> None:
        """Follow the measurement that it shows, if it shows one. The status is updated first."""
        is_first = description.key == Feature.STATUS
        super().__init__(coordinator, description, FIRST if is_first else description.measured)

    @property
    @override
    def available(self) -> bool:
        """Whether the value is live, or is kept while the charge point is offline."""
        return self.coordinator.last_update_success or (
            self.entity_description.while_offline
            and self.coordinator.data.unavailable is Reason.OFFLINE
        )

    @property
    @override
    def capability_attributes(self) -> dict[str, object] | None:
        """Home Assistant's activity leaves out sensors that have a state class, even none."""
        attributes = super().capability_attributes
        if self.entity_description.in_activity:
            return attributes
        return {**(attributes or {}), ATTR_STATE_CLASS: None}

    @override
    def _read(self) -> SensorValue | Total:
        """Return the value, None if it is unknown."""
        return self.entity_description.value_fn(self.coordinator.data)


class SessionsSensor(_Sensor, NodeEntity[ChargepointSnapshot, SensorValue | Total, Chargepoint]):
    """A value of the recorded sessions of a charge point."""

    entity_description: SessionsSensorDescription

    def __init__(
        self, coordinator: ChargepointCoordinator, description: SessionsSensorDescription
    ) -> None:
        """Take the keeper of the sessions."""
        super().__init__(coordinator, description)
        sessions = coordinator.config_entry.runtime_data.sessions
        self._recorder = sessions.of(coordinator.node.address)

    @override
    async def async_added_to_hass(self) -> None:
        """Listen to the keeper as well."""
        await super().async_added_to_hass()
        self.async_on_remove(self._recorder.async_add_listener(self._handle_coordinator_update))

    @override
    def _read(self) -> SensorValue | Total:
        """Return the value, None if it is unknown."""
        return self.entity_description.value_fn(self._recorder)


class LastSessionSensor(SessionsSensor):
    """A value of sessions that are over."""

    @property
    @override
    def available(self) -> bool:
        """It stays true without the charge point."""
        return True


class RequestsSensor(SensorEntity):
    """How many requests were sent today; the service of the account limits them."""

    _attr_has_entity_name = True
    _attr_should_poll = False
    entity_description = REQUESTS_SENT

    def __init__(self, entry: FimpConfigEntry) -> None:
        """Belong to the device of the account."""
        self._attr_unique_id = f"{hub_id(entry)}_{REQUESTS_SENT.key}"
        self._attr_device_info = DeviceInfo(identifiers={(DOMAIN, hub_id(entry))})
        self._hub = entry.runtime_data.hub

    @property
    @override
    def native_value(self) -> int | None:
        """Return the count."""
        return sum((self._hub.requests_today or {}).values())

    @override
    async def async_added_to_hass(self) -> None:
        """Follow the count."""
        self.async_on_remove(self._hub.add_listener(self._handle))

    @callback
    def _handle(self, event: HubEvent) -> None:
        if isinstance(event, RequestsCounted):
            self.async_write_ha_state()


class PricedSensor(SessionsSensor):
    """What charging costs at the price of the user."""

    def __init__(
        self, coordinator: ChargepointCoordinator, description: SessionsSensorDescription
    ) -> None:
        """Count in the currency of Home Assistant while nothing has cost anything."""
        super().__init__(coordinator, description)
        self._attr_native_unit_of_measurement = coordinator.hass.config.currency
