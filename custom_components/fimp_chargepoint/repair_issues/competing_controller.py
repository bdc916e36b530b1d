"""Tells of somebody else who keeps changing a limit that was set from here."""

from datetime import datetime, timedelta
from typing import Any

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.event import async_track_time_interval

from ..chargepoint.charge_point import Chargepoint
from ..chargepoint.limits.competing_controller import (
    CompetingController,
    CompetingControllerDetector,
)
from ..const import DOMAIN
from ..coordinator import FACTS, FimpConfigEntry, PushCoordinator
from ..devices import async_find_device, device_name

#: How often it is looked whether peace has come.
_PEACE = timedelta(minutes=30)


@callback
def async_watch_for_competing_controllers(hass: HomeAssistant, entry: FimpConfigEntry) -> None:
    """Watch the limit of every charge point."""

    @callback
    def found(coordinator: PushCoordinator[Any, Any]) -> None:
        if isinstance(coordinator.node, Chargepoint):
            _watch(hass, entry, coordinator)

    entry.async_on_unload(entry.runtime_data.async_for_each_node(found))


@callback
def _watch(
    hass: HomeAssistant, entry: FimpConfigEntry, coordinator: PushCoordinator[Any, Any]
) -> None:
    watch = CompetingControllerDetector()
    clock = entry.runtime_data.hub.clock
    device = async_find_device(hass, entry.entry_id, coordinator.identifier)
    issue_id = f"competing_controller_{'' if device is None else device.id}"

    @callback
    def look() -> None:
        competing_controller = watch.take(coordinator.data, clock.now())
        if competing_controller is not None:
            device = async_find_device(hass, entry.entry_id, coordinator.identifier)
            _report(hass, issue_id, device_name(device), competing_controller)

    @callback
    def look_for_peace(_: datetime) -> None:
        if watch.is_quiet(clock.now()):
            forget()

    @callback
    def forget() -> None:
        ir.async_delete_issue(hass, DOMAIN, issue_id)

    coordinator.async_on_shutdown(forget)
    coordinator.async_on_shutdown(coordinator.async_add_listener(look, FACTS))
    coordinator.async_on_shutdown(async_track_time_interval(hass, look_for_peace, _PEACE))


@callback
def _report(
    hass: HomeAssistant, issue_id: str, name: str, competing_controller: CompetingController
) -> None:
    ir.async_create_issue(
        hass,
        DOMAIN,
        issue_id,
        is_fixable=True,
        severity=ir.IssueSeverity.WARNING,
        translation_key="competing_controller",
        translation_placeholders={
            "name": name,
            "ours": f"{competing_controller.ours:g}",
            "theirs": f"{competing_controller.theirs:g}",
        },
    )
