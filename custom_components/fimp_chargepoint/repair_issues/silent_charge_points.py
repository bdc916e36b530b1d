"""Tells of a charge point that has said nothing for a day."""

from datetime import datetime, timedelta
from typing import Any

from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.util.hass_dict import HassKey

from ..chargepoint.charge_point import Chargepoint
from ..chargepoint.hub import ConnectionMade, HubEvent
from ..const import DOMAIN
from ..coordinator import FACTS, FimpConfigEntry, PushCoordinator
from ..devices import device_identifier, device_name
from .issues import ENTRY_ID

#: Seconds of silence after which the user is told.
_DAY = 86400.0
#: How often that is looked at; after the link came up all have so long to speak first.
_HOUR = timedelta(hours=1)

_DEVICE_ID = "device_id"

#: When each charge point was heard last, by its entry and identifier, in the time of its
#: hub's clock; a reload is no news of it.
_HEARD: HassKey[dict[str, dict[str, float]]] = HassKey(f"{DOMAIN}_heard")


class _SilenceWatcher:
    """Calls the roll of the charge points of an entry."""

    def __init__(self, hass: HomeAssistant, entry: FimpConfigEntry) -> None:
        """All that were not heard before have their day from now on."""
        self._hass = hass
        self._entry = entry
        self._hub = entry.runtime_data.hub
        self._link_up_since = self._hub.clock.now()
        self._heard = hass.data.setdefault(_HEARD, {}).setdefault(entry.entry_id, {})
        #: Who is missed, by identifier, with the id of the device.
        self._missed: dict[str, str] = {}
        for identifier in self._devices():
            self._heard.setdefault(identifier, self._link_up_since)

    @callback
    def found(self, coordinator: PushCoordinator[Any, Any]) -> None:
        """Listen to a charge point."""

        @callback
        def look() -> None:
            if _is_heard(coordinator):
                self._heard[coordinator.identifier] = self._hub.clock.now()
                self._forgive(coordinator.identifier)

        look()
        coordinator.async_on_shutdown(coordinator.async_add_listener(look, FACTS))

    @callback
    def handle(self, event: HubEvent) -> None:
        """While there was no link, nobody could be heard."""
        if isinstance(event, ConnectionMade):
            self._link_up_since = self._hub.clock.now()

    @callback
    def look(self, _: datetime) -> None:
        """Tell of all that are missing."""
        now = self._hub.clock.now()
        for coordinator in self._entry.runtime_data.coordinators.values():
            # Some have nothing new to say for long, and some are a part of others.
            if _is_heard(coordinator) or not isinstance(coordinator.node, Chargepoint):
                self._heard[coordinator.identifier] = now
        up_long = now - self._link_up_since >= _HOUR.total_seconds()
        if not (self._hub.transport.connected and up_long):
            return

        @callback
        def miss(identifier: str) -> None:
            if now - self._heard.setdefault(identifier, now) >= _DAY:
                self._report(identifier, devices[identifier])

        devices = self._devices()

        self._hub.internal_errors.each(devices, miss)

    @callback
    def deleted(self, event: Event[dr.EventDeviceRegistryUpdatedData]) -> None:
        """A device that was deleted is missed by nobody."""
        if event.data["action"] == "remove":
            for domain, identifier in event.data["device"]["identifiers"]:
                if domain == DOMAIN:
                    self._forgive(identifier)
                    self._heard.pop(identifier, None)

    @callback
    def dismiss(self) -> None:
        """Nobody listens any more, so nobody is missed."""
        for identifier in tuple(self._missed):
            self._forgive(identifier)

    def _devices(self) -> dict[str, dr.DeviceEntry]:
        """Return the devices of charge points: a hub or a station has others below it."""
        devices = dr.async_entries_for_config_entry(dr.async_get(self._hass), self._entry.entry_id)
        above = {each.via_device_id for each in devices}
        return {
            identifier: each
            for each in devices
            if each.id not in above
            and each.entry_type is None
            and (identifier := device_identifier(each)) is not None
        }

    def _report(self, identifier: str, device: dr.DeviceEntry) -> None:
        self._missed[identifier] = device.id
        ir.async_create_issue(
            self._hass,
            DOMAIN,
            _issue_id(device.id),
            data={ENTRY_ID: self._entry.entry_id, _DEVICE_ID: device.id},
            is_fixable=True,
            severity=ir.IssueSeverity.WARNING,
            translation_key="silent",
            translation_placeholders={"name": device_name(device), "title": self._entry.title},
        )

    def _forgive(self, identifier: str) -> None:
        device_id = self._missed.pop(identifier, None)
        if device_id is not None:
            ir.async_delete_issue(self._hass, DOMAIN, _issue_id(device_id))


@callback
def async_watch_for_silence(hass: HomeAssistant, entry: FimpConfigEntry) -> None:
    """Watch for charge points that say nothing, also for those that never came."""
    roll = _SilenceWatcher(hass, entry)
    entry.async_on_unload(roll.dismiss)
    entry.async_on_unload(entry.runtime_data.async_for_each_node(roll.found))
    entry.async_on_unload(entry.runtime_data.hub.add_listener(roll.handle))
    entry.async_on_unload(async_track_time_interval(hass, roll.look, _HOUR))
    entry.async_on_unload(hass.bus.async_listen(dr.EVENT_DEVICE_REGISTRY_UPDATED, roll.deleted))


@callback
def async_forget_heard(hass: HomeAssistant, entry: FimpConfigEntry) -> None:
    """An entry is gone."""
    hass.data.get(_HEARD, {}).pop(entry.entry_id, None)


async def async_remove_silent(hass: HomeAssistant, data: dict[str, Any]) -> None:
    """Remove the device of a charge point that is gone for good."""
    entry_id, device_id = str(data[ENTRY_ID]), str(data[_DEVICE_ID])
    registry = dr.async_get(hass)
    if registry.async_get(device_id) is None:
        return
    # Nobody may hold on to it; if it speaks after all, it is found anew.
    await hass.config_entries.async_unload(entry_id)
    registry.async_remove_device(device_id)
    await hass.config_entries.async_setup(entry_id)


def _is_heard(coordinator: PushCoordinator[Any, Any]) -> bool:
    """Whether it speaks, or somebody for it, who is only cut off."""
    return bool(coordinator.data.available or coordinator.data.cut_off)


def _issue_id(device_id: str) -> str:
    # Not by the address, which may be a serial number: diagnostics list all issues.
    return f"silent_{device_id}"
