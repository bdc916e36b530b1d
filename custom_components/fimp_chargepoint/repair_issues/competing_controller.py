"""Tells of somebody else who keeps changing a limit that was set from here."""

from datetime import datetime, timedelta
from typing import Any

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.event import async_track_time_interval

from ..chargepoint.charge_point import Chargepoint
from ..chargepoint.limits.competing_controller import (
    CompetingControllerDetector,
    CompetingController,
)
from ..const import DOMAIN
from ..coordinator import FACTS, FimpConfigEntry, PushCoordinator
from ..devices import async_find_device, device_name

#: How often it is looked whether peace has come.
_PEACE = timedelta(minutes=30)


@callback
def async_watch_for_rivals(hass: HomeAssistant, entry: FimpConfigEntry) -> None:
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
    issue_id = f"rival_{'' if device is None else device.id}"

    @callback
    def look() -> None:
        rivalry = watch.take(coordinator.data, clock.now())
        if rivalry is not None:
            device = async_find_device(hass, entry.entry_id, coordinator.identifier)
            _report(hass, issue_id, device_name(device), rivalry)

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
    hass: HomeAssistant, issue_id: str, name: str, rivalry: CompetingController
) -> None:
    ir.async_create_issue(
        hass,
        DOMAIN,
        issue_id,
        is_fixable=True,
        severity=ir.IssueSeverity.WARNING,
        translation_key="rival",
        translation_placeholders={
            "name": name,
            "ours": f"{rivalry.ours:g}",
            "theirs": f"{rivalry.theirs:g}",
        },
    )
