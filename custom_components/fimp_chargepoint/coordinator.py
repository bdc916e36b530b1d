"""Between the library and the entities: a coordinator per node, and what an entry holds."""

from collections.abc import Callable
import logging
from typing import Any, override

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator

from .chargepoint.base import Chargepoint
from .chargepoint.hub import (
    Hub,
    HubEvent,
    LinkRefused,
    NodeAdded,
    NodeRemoved,
    Warned,
    Withdrawn,
)
from .chargepoint.model import ChargepointSnapshot, NodeSnapshot
from .chargepoint.node import Node
from .const import CONF_BROKER, DOMAIN, Broker
from .issues import (
    async_forget_warning,
    async_report_refused_credentials,
    async_report_warning,
)

_LOGGER = logging.getLogger(__name__)

type FimpConfigEntry = ConfigEntry[RuntimeData]
type ChargepointCoordinator = PushCoordinator[ChargepointSnapshot, Chargepoint]
#: Takes the coordinator of a node, which may be of any kind.
type NodeAction = Callable[[PushCoordinator[Any, Any]], None]


class PushCoordinator[S: NodeSnapshot, N: Node[Any] = Node[S]](DataUpdateCoordinator[S]):
    """Hands the snapshots of one node to its entities, and keeps its device.

    There is no interval: the library asks again by itself where that is needed.
    """

    config_entry: FimpConfigEntry

    def __init__(self, hass: HomeAssistant, entry: FimpConfigEntry, node: N) -> None:
        """Start listening to `node`."""
        super().__init__(hass, _LOGGER, config_entry=entry, name=node.address)
        self.node = node
        self.data = node.snapshot
        #: Identifies the device, and with a key an entity; never changes.
        self.identifier = f"{entry.entry_id}_{node.address}"
        self._remove_listener: CALLBACK_TYPE | None = node.add_listener(self._take_over)
        self._register_device()

    @override
    async def async_shutdown(self) -> None:
        """Stop listening."""
        await super().async_shutdown()
        if self._remove_listener is not None:
            self._remove_listener()
            self._remove_listener = None

    @override
    async def _async_update_data(self) -> S:
        """Return what is known, for those who ask for a refresh."""
        snapshot: S = self.node.snapshot
        return snapshot

    @callback
    def _take_over(self, snapshot: S) -> None:
        """Publish a snapshot."""
        identity = self.data.identity
        self.async_set_updated_data(snapshot)
        if snapshot.identity != identity:
            self._register_device()

    def _register_device(self) -> None:
        """Show the node as a device below its hub; entities only refer to it."""
        identity = self.data.identity
        entry_id = self.config_entry.entry_id
        dr.async_get(self.hass).async_get_or_create(
            config_entry_id=entry_id,
            identifiers={(DOMAIN, self.identifier)},
            name=identity.name,
            manufacturer=identity.manufacturer,
            model=identity.model,
            serial_number=identity.serial_number,
            sw_version=identity.sw_version,
            hw_version=identity.hw_version,
            suggested_area=identity.area,
            via_device_id=dr.async_get_device_id_by_identifier(
                self.hass, (DOMAIN, entry_id), config_entry_id=entry_id
            ),
        )


class RuntimeData:
    """What a loaded config entry holds: its hub, and a coordinator for each node."""

    def __init__(self, hass: HomeAssistant, entry: FimpConfigEntry, hub: Hub) -> None:
        """Start listening to `hub`."""
        self.hub = hub
        self.coordinators: dict[str, PushCoordinator[Any, Any]] = {}
        self._hass = hass
        self._entry = entry
        self._actions: list[NodeAction] = []
        entry.async_on_unload(hub.add_listener(self._handle))
        entry.async_on_unload(self._forget_warnings)

    @callback
    def async_for_each_node(self, action: NodeAction) -> CALLBACK_TYPE:
        """Call `action` for every node, now or when it is found; returns how to stop."""
        for coordinator in self.coordinators.values():
            action(coordinator)
        self._actions.append(action)
        return lambda: self._actions.remove(action)

    @callback
    def _handle(self, event: HubEvent) -> None:
        match event:
            case NodeAdded(node):
                self._add(node)
            case NodeRemoved(node):
                self._remove(node)
            case LinkRefused():
                self._ask_for_credentials()
            case Warned(warning):
                async_report_warning(self._hass, self._entry, warning)
            case Withdrawn(warning):
                async_forget_warning(self._hass, self._entry, warning)

    def _add(self, node: Node[Any]) -> None:
        coordinator: PushCoordinator[Any, Any] = PushCoordinator(self._hass, self._entry, node)
        self.coordinators[node.address] = coordinator
        for action in self._actions:
            action(coordinator)

    def _remove(self, node: Node[Any]) -> None:
        """Forget a node; its entities go with its device."""
        coordinator = self.coordinators.pop(node.address)
        self._entry.async_create_task(self._hass, coordinator.async_shutdown())
        registry = dr.async_get(self._hass)
        device = registry.async_get_device_by_identifier(
            (DOMAIN, coordinator.identifier), self._entry.entry_id
        )
        if device is not None:
            registry.async_remove_device(device.id)

    def _forget_warnings(self) -> None:
        """Leave no issue behind that nobody watches any more."""
        for warning in self.hub.warnings.values():
            async_forget_warning(self._hass, self._entry, warning)

    def _ask_for_credentials(self) -> None:
        """Ask the user; the link has given up."""
        if self._entry.data[CONF_BROKER] == Broker.OTHER:
            self._entry.async_start_reauth(self._hass)
            return
        # Only the MQTT integration can ask. Set-up fails until it has, and is retried.
        async_report_refused_credentials(self._hass, self._entry)
        self._hass.config_entries.async_schedule_reload(self._entry.entry_id)
