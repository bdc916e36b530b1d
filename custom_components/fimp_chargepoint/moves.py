"""A charge point that came back under another address: its history can move with it.

An adapter gives a thing that was deleted and added again a new address, and the address is
what identifies a charge point. The serial number only lets us ask the user.
"""

from datetime import datetime
from typing import Any

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.event import async_call_later

from .const import DOMAIN
from .coordinator import FimpConfigEntry, PushCoordinator

#: Seconds after which all charge points that are still there have been found again.
_SETTLING_TIME = 60.0

_ENTRY_ID = "entry_id"
_OLD = "old"
_NEW = "new"


@callback
def async_watch_for_moves(hass: HomeAssistant, entry: FimpConfigEntry) -> None:
    """Look, some time after a charge point was found, where it stood before."""

    @callback
    def found(coordinator: PushCoordinator[Any, Any]) -> None:
        @callback
        def look(_: datetime) -> None:
            _look_for_move(hass, entry, coordinator)

        entry.async_on_unload(async_call_later(hass, _SETTLING_TIME, look))

    entry.async_on_unload(entry.runtime_data.async_for_each_node(found))


def _look_for_move(
    hass: HomeAssistant, entry: FimpConfigEntry, coordinator: PushCoordinator[Any, Any]
) -> None:
    """Offer to move the history, where this charge point stood under another address."""
    registry = dr.async_get(hass)
    identity = coordinator.data.identity
    present = {each.identifier for each in entry.runtime_data.coordinators.values()}
    if identity.serial_number is None or coordinator.identifier not in present:
        return
    gone = [
        device
        for device in dr.async_entries_for_config_entry(registry, entry.entry_id)
        if device.serial_number == identity.serial_number
        and device.manufacturer == identity.manufacturer
        and _identifier(device) not in present
    ]
    if len(gone) != 1:
        return
    old = _identifier(gone[0])
    issue_id = f"moved_{old}"
    entry.async_on_unload(lambda: ir.async_delete_issue(hass, DOMAIN, issue_id))
    ir.async_create_issue(
        hass,
        DOMAIN,
        issue_id,
        is_fixable=True,
        severity=ir.IssueSeverity.WARNING,
        translation_key="moved",
        translation_placeholders={"name": gone[0].name_by_user or gone[0].name or ""},
        data={_ENTRY_ID: entry.entry_id, _OLD: old, _NEW: coordinator.identifier},
    )


async def async_move(hass: HomeAssistant, data: dict[str, Any]) -> None:
    """Give the old device, with its entities, the address of the new one."""
    entry_id, old, new = str(data[_ENTRY_ID]), str(data[_OLD]), str(data[_NEW])
    devices, entities = dr.async_get(hass), er.async_get(hass)
    device = devices.async_get_device_by_identifier((DOMAIN, old), entry_id)
    if device is None:
        return
    await hass.config_entries.async_unload(entry_id)
    replaced = devices.async_get_device_by_identifier((DOMAIN, new), entry_id)
    if replaced is not None:
        for entity in er.async_entries_for_device(
            entities, replaced.id, include_disabled_entities=True
        ):
            entities.async_remove(entity.entity_id)
        devices.async_remove_device(replaced.id)
    devices.async_update_device(device.id, new_identifiers={(DOMAIN, new)})
    for entity in er.async_entries_for_device(
        entities, device.id, include_disabled_entities=True
    ):
        if entity.unique_id.startswith(f"{old}_"):
            entities.async_update_entity(
                entity.entity_id, new_unique_id=new + entity.unique_id.removeprefix(old)
            )
    await hass.config_entries.async_setup(entry_id)


def _identifier(device: dr.DeviceEntry) -> str:
    """Return by what we know a device of ours."""
    return next(iter(each for domain, each in device.identifiers if domain == DOMAIN), "")
