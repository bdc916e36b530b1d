"""Tells of a charge point that waits for the token of the options, and cannot be shown it."""

from datetime import datetime, timedelta
from typing import Any

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.device_registry import DeviceEntry
from homeassistant.helpers.event import async_track_time_interval

from ..chargepoint.charge_point import Chargepoint
from ..const import DOMAIN
from ..coordinator import FimpConfigEntry, PushCoordinator
from ..devices import async_find_device, device_name

#: How often it is looked: what is seen twice has had its time to be found.
_MINUTE = timedelta(minutes=1)


@callback
def async_watch_for_unused_tokens(hass: HomeAssistant, entry: FimpConfigEntry) -> None:
    """Watch for charge points that ask, as long as there is a token."""
    if entry.runtime_data.hub.options.token is not None:
        watch = _Watch(hass, entry)
        entry.async_on_unload(async_track_time_interval(hass, watch.look, _MINUTE))
        entry.async_on_unload(watch.end)


class _Watch:
    """Who waits for a token, and of whom the user was told, by the ids of the devices."""

    def __init__(self, hass: HomeAssistant, entry: FimpConfigEntry) -> None:
        """Nobody waits yet."""
        self._hass = hass
        self._entry = entry
        self._waiting: set[str] = set()
        self._told: set[str] = set()

    @callback
    def look(self, _: datetime) -> None:
        """Tell of who still waits, and take it back where there is a way now."""
        before, self._waiting = self._waiting, set()
        data = self._entry.runtime_data
        there: set[str] = set()

        @callback
        def look_at(coordinator: PushCoordinator[Any, Any]) -> None:
            device = async_find_device(self._hass, self._entry.entry_id, coordinator.identifier)
            if device is None or not isinstance(coordinator.node, Chargepoint):
                return
            there.add(device.id)
            takes_token = coordinator.node.takes_token
            if takes_token:
                self._forget(device.id)
            elif takes_token is False:
                self._waiting.add(device.id)
                if device.id in before:
                    self._told.add(device.id)
                    _report(self._hass, device)

        data.hub.internal_errors.each(data.coordinators.values(), look_at)
        for gone in self._told - there:
            self._forget(gone)

    @callback
    def end(self) -> None:
        """Nobody looks any more."""
        for device_id in tuple(self._told):
            self._forget(device_id)

    def _forget(self, device_id: str) -> None:
        self._told.discard(device_id)
        ir.async_delete_issue(self._hass, DOMAIN, _issue_id(device_id))


@callback
def _report(hass: HomeAssistant, device: DeviceEntry) -> None:
    ir.async_create_issue(
        hass,
        DOMAIN,
        _issue_id(device.id),
        is_fixable=False,
        severity=ir.IssueSeverity.WARNING,
        translation_key="token_unavailable",
        translation_placeholders={"name": device_name(device)},
    )


def _issue_id(device_id: str) -> str:
    return f"unused_token_{device_id}"
