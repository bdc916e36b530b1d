"""Between the library and the entities: a coordinator per node, and the data of an entry."""

from collections.abc import Callable
from datetime import datetime
import logging
from typing import Any, Final, override

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.device_registry import DeviceInfo
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator, UpdateFailed

from .chargepoint import (
    Capabilities,
    Chargepoint,
    ClockSet,
    ConnectionRefused,
    Hub,
    HubEvent,
    Node,
    NodeAdded,
    NodeRemoved,
)
from .chargepoint.model import ChargepointSnapshot, Identity, NodeSnapshot
from .const import CONF_HUB, DOMAIN, HubKind
from .devices import (
    async_find_device,
    async_register_device,
    async_remove_device,
    async_rename_device,
    async_suggest_area,
    device_name,
    node_address,
    node_identifier,
)
from .sessions import Sessions
from .storage import Storage

_LOGGER = logging.getLogger(__name__)

#: Seconds that the device of a charge point stays after its own system has removed it: if it is
#: added again, under another address, it gets its names and its history back.
_KEEPING_TIME = 3600.0

#: The contexts of a listener that is called before all others, and of one that is called after all
#: entities. Any other listener for facts has none, and one for a measurement has what reads it.
FIRST: Final = "first"
LAST: Final = "last"

type FimpConfigEntry = ConfigEntry[RuntimeData]
#: A node of any kind, and its coordinator.
type AnyNode = Node[Any]
type AnyCoordinator = PushCoordinator[Any, Any]
type ChargepointCoordinator = PushCoordinator[ChargepointSnapshot, Chargepoint]
type NodeAction = Callable[[AnyCoordinator], None]
#: Takes a coordinator, and the former capabilities of its node: None if it was just found.
type CapabilityAction = Callable[[AnyCoordinator, Capabilities | None], None]


class PushCoordinator[S: NodeSnapshot, N: AnyNode = Node[S]](DataUpdateCoordinator[S]):
    """Passes the snapshots of one node to its entities, and manages its device.

    There is no interval: the library polls if that is needed. Everything that belongs to a node
    ends with its coordinator (`async_on_shutdown`), not with the entry, during which many nodes may
    come and go. `last_update_success` is whether the values are live, and so whether the entities
    are available.
    """

    config_entry: FimpConfigEntry

    def __init__(self, hass: HomeAssistant, entry: FimpConfigEntry, node: N) -> None:
        """Start listening to `node`."""
        # Not linked to the entry, which would keep every former coordinator in memory.
        super().__init__(hass, _LOGGER, config_entry=None, name=node.address)
        self.config_entry = entry
        self.node = node
        self.data = self._told = node.snapshot
        self.last_update_success = self.data.available
        #: Identifies the device and, with a key, an entity; never changes.
        self.identifier = node_identifier(entry, node.address)
        #: Refers to the device; the same object for all entities, of which there are many.
        self.device_info = DeviceInfo(identifiers={(DOMAIN, self.identifier)})
        #: Whether there was no device for it before.
        self.is_new = async_find_device(hass, entry.entry_id, self.identifier) is None
        #: Whether its node was removed; its entities are removed with it.
        self.is_gone = False
        self._on_shutdown = [node.add_listener(self._take_over)]
        node.host.internal_errors.call(self.async_register_device)

    @callback
    def async_on_shutdown(self, end: CALLBACK_TYPE) -> None:
        """Call `end` when the node is removed, or the entry is unloaded."""
        self._on_shutdown.append(end)

    @property
    def device_name(self) -> str:
        """The name of the device; without one, the address."""
        device = async_find_device(self.hass, self.config_entry.entry_id, self.identifier)
        return device_name(device) or self.name

    @override
    async def async_shutdown(self) -> None:
        """Stop listening."""
        await super().async_shutdown()
        ends, self._on_shutdown = self._on_shutdown, []
        self.node.host.internal_errors.notify(reversed(ends))

    @override
    async def _async_update_data(self) -> S:
        """Return the current snapshot, if a refresh is requested.

        Raises:
            UpdateFailed: the node is not available.

        """
        snapshot: S = self.node.snapshot
        if not snapshot.available:
            raise UpdateFailed(snapshot.unavailable)
        return snapshot

    @callback
    def _take_over(self, snapshot: S) -> None:
        """Publish a snapshot."""
        before, self.data = self.data, snapshot
        self.last_update_success = snapshot.available
        if snapshot.capabilities is not before.capabilities:
            self.config_entry.runtime_data.async_capabilities_changed(self, before.capabilities)
        self.async_update_listeners()
        if snapshot.identity == before.identity and snapshot.parent == before.parent:
            return
        if snapshot.parent != before.parent:
            self.config_entry.runtime_data.async_parent_changed(self, before.parent)
        self.async_register_device()
        if self.is_new and before.identity.area is None and snapshot.identity.area is not None:
            entry_id, area = self.config_entry.entry_id, snapshot.identity.area
            async_suggest_area(self.hass, entry_id, self.identifier, area)

    @callback
    @override
    def async_update_listeners(self) -> None:
        """Call all listeners, but if only measurements changed, those that follow one of them.

        One that raises does not affect the others.
        """
        told, self._told = self._told, self.data
        listeners = self._listeners.values()
        if self.is_gone or self.data.differs_beyond_measurements(told):
            found = [each for each, context in listeners if context is FIRST]
            found += [each for each, context in listeners if context not in (FIRST, LAST)]
            found += [each for each, context in listeners if context is LAST]
        else:
            found = [
                each for each, read in listeners if callable(read) and read(self.data) != read(told)
            ]
        self.node.host.internal_errors.notify(found)

    @callback
    def async_retire(self) -> None:
        """Remove the entities of a node that was removed."""
        self.is_gone = True
        self.async_update_listeners()
        self.config_entry.async_create_task(self.hass, self.async_shutdown())

    @callback
    def async_register_device(self) -> None:
        """Update the device with what is known of it, and its parent device."""
        entry, parent = self.config_entry, self.data.parent
        if parent is not None:
            parent = node_identifier(entry, parent)
        async_register_device(self.hass, entry, self.identifier, self.data.identity, parent)


class RuntimeData:
    """The data of a loaded config entry: its hub, a coordinator for each node, the sessions."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: FimpConfigEntry,
        hub: Hub,
        storage: Storage,
        sessions: Sessions,
    ) -> None:
        """Start listening to `hub`."""
        self.hub = hub
        self.storage = storage
        self.sessions = sessions
        self.coordinators: dict[str, AnyCoordinator] = {}
        #: The nodes that are parts of another one, by its address and theirs.
        self._parts: dict[str, dict[str, AnyCoordinator]] = {}
        self._hass = hass
        self._entry = entry
        self._actions: list[NodeAction] = []
        self._capability_actions: list[CapabilityAction] = []
        #: Devices that stay for a while, by identifier, and how to let them stay longer.
        self._retired: dict[str, tuple[Identity, CALLBACK_TYPE]] = {}
        entry.async_on_unload(hub.add_listener(self._handle))
        entry.async_on_unload(self._async_shutdown)

    @callback
    def async_for_each_node(self, action: NodeAction) -> CALLBACK_TYPE:
        """Call `action` for every node, now or when it is found; return how to stop that."""
        self.hub.internal_errors.each(self.coordinators.values(), action)
        self._actions.append(action)
        return lambda: self._actions.remove(action)

    @callback
    def async_for_capabilities(self, action: CapabilityAction) -> CALLBACK_TYPE:
        """Call `action` for every node as above, and whenever its capabilities change."""
        known = self.coordinators.values()
        self.hub.internal_errors.each(known, lambda each: action(each, None))
        self._capability_actions.append(action)
        return lambda: self._capability_actions.remove(action)

    @callback
    def async_capabilities_changed(
        self, coordinator: AnyCoordinator, before: Capabilities | None
    ) -> None:
        """Notify that the capabilities of a node differ from `before`."""
        self.hub.internal_errors.notify(self._capability_actions, coordinator, before)

    @callback
    def async_parent_changed(self, coordinator: AnyCoordinator, before: str | None) -> None:
        """Record the parent of a node, if the node still exists."""
        address, parent = coordinator.node.address, coordinator.data.parent
        if before is not None:
            self._parts.get(before, {}).pop(address, None)
        if parent is not None and self.coordinators.get(address) is coordinator:
            self._parts.setdefault(parent, {})[address] = coordinator

    @callback
    def _handle(self, event: HubEvent) -> None:
        match event:
            case NodeAdded(node):
                self._add(node)
            case NodeRemoved(node):
                self._remove(node)
            case ConnectionRefused():
                self._ask_for_credentials()
            case ClockSet(by):
                self.sessions.clock_set(by)

    def _add(self, node: AnyNode) -> None:
        call, notify = self.hub.internal_errors.call, self.hub.internal_errors.notify
        call(self._adopt_device, node)
        coordinator: AnyCoordinator = PushCoordinator(self._hass, self._entry, node)
        self.coordinators[node.address] = coordinator
        self.async_parent_changed(coordinator, None)
        if isinstance(node, Chargepoint):
            call(self.sessions.watch, node)
        self._move_children(node.address)
        notify(self._actions, coordinator)
        self.async_capabilities_changed(coordinator, None)

    def _remove_device(self, address: str, identifier: str) -> None:
        async_remove_device(self._hass, self._entry.entry_id, identifier)
        self.storage.forget(address)
        self._move_children(address)

    def _move_children(self, address: str) -> None:
        """Move the child devices of a node whose device was added or removed."""
        self.hub.internal_errors.notify(
            each.async_register_device for each in self._parts.get(address, {}).values()
        )

    def _remove(self, node: AnyNode) -> None:
        """Remove a node; its device stays for a while, in case it is added again."""
        coordinator = self.coordinators.pop(node.address)
        self._parts.get(coordinator.data.parent or "", {}).pop(node.address, None)
        self.hub.internal_errors.call(self.sessions.leave, node.address)
        coordinator.async_retire()
        identifier = coordinator.identifier
        if coordinator.data.identity.serial_number is None:
            self._remove_device(node.address, identifier)
            return

        @callback
        def remove(_: datetime) -> None:
            del self._retired[identifier]
            self._remove_device(node.address, identifier)

        cancel = async_call_later(self._hass, _KEEPING_TIME, remove)
        self._retired[identifier] = coordinator.data.identity, cancel

    def _adopt_device(self, node: AnyNode) -> None:
        """Give a node the device of a removed one, if it is the same charge point."""
        identity = node.snapshot.identity
        identifier = node_identifier(self._entry, node.address)
        if self._stays(identifier) or identity.serial_number is None:
            return
        for old, (each, _) in sorted(self._retired.items()):
            same = each.manufacturer == identity.manufacturer
            if same and each.serial_number == identity.serial_number:
                self._stays(old)
                async_rename_device(self._hass, self._entry.entry_id, old, identifier)
                self.storage.move(node_address(self._entry, old), node.address)
                return

    def _stays(self, identifier: str) -> bool:
        """Keep the device of a node that was removed; return whether there was one."""
        _, cancel = self._retired.pop(identifier, (None, None))
        if cancel is not None:
            cancel()
        return cancel is not None

    async def _async_shutdown(self) -> None:
        """Stop listening; devices that were to be removed stay."""
        for identifier in tuple(self._retired):
            self._stays(identifier)
        for coordinator in self.coordinators.values():
            await coordinator.async_shutdown()

    def _ask_for_credentials(self) -> None:
        """Ask the user for credentials: the connection is not retried."""
        if self._entry.data[CONF_HUB] != HubKind.HOME_ASSISTANT:
            self._entry.async_start_reauth(self._hass)
            return
        # Only the MQTT integration can ask. The set-up fails until it has, and is retried.
        self._hass.config_entries.async_schedule_reload(self._entry.entry_id)
