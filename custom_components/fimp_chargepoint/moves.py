"""A charge point that came back under another address: its history can move with it.

An adapter gives a thing that was deleted and added again a new address, and the address is
what identifies a charge point. Who saw both happen needs not ask (`RuntimeData`). Otherwise
the serial number is only a reason to ask the user.
"""

from collections import defaultdict
from datetime import datetime
from typing import Any

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.event import async_call_later

from .const import DOMAIN
from .coordinator import FimpConfigEntry, PushCoordinator
from .devices import (
    async_entities,
    async_find_device,
    async_remove_device,
    async_rename_device,
    device_identifier,
    device_name,
)
from .issues import ENTRY_ID
from .sessions import async_move_sessions

#: Seconds after which all charge points that are still there have been found again, and
#: have said who they are.
_SETTLING_TIME = 60.0

_OLD = "old"
_NEW = "new"


@callback
def async_watch_for_moves(hass: HomeAssistant, entry: FimpConfigEntry) -> None:
    """Look, some time after a charge point was found, where it stood before."""

    @callback
    def found(coordinator: PushCoordinator[Any, Any]) -> None:
        # What is there has not moved away.
        ir.async_delete_issue(hass, DOMAIN, _issue_id(coordinator.identifier))

        @callback
        def look(_: datetime) -> None:
            _look_for_moves(hass, entry)

        entry.async_on_unload(async_call_later(hass, _SETTLING_TIME, look))

    entry.async_on_unload(entry.runtime_data.async_for_each_node(found))


def _look_for_moves(hass: HomeAssistant, entry: FimpConfigEntry) -> None:
    """Offer to move the history of every charge point that stood elsewhere before.

    It did, where all that is there of its maker and serial number is new, and as much is
    gone: a thing can have several connectors.
    """
    present = {each.identifier: each for each in entry.runtime_data.coordinators.values()}
    new: dict[tuple[str | None, str], list[str]] = defaultdict(list)
    stayed: set[tuple[str | None, str]] = set()
    for identifier, coordinator in present.items():
        identity = coordinator.data.identity
        if identity.serial_number is not None:
            key = identity.manufacturer, identity.serial_number
            new[key].append(identifier)
            if not coordinator.is_new:
                stayed.add(key)
    gone: dict[tuple[str | None, str], list[dr.DeviceEntry]] = defaultdict(list)
    for device in dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id):
        if device.serial_number is not None and device_identifier(device) not in present:
            gone[device.manufacturer, device.serial_number].append(device)
    for key in new.keys() & gone.keys() - stayed:
        if len(new[key]) == len(gone[key]):
            devices = sorted(gone[key], key=device_identifier)
            for device, identifier in zip(devices, sorted(new[key]), strict=True):
                _offer(hass, entry, device, identifier)


def _offer(
    hass: HomeAssistant, entry: FimpConfigEntry, device: dr.DeviceEntry, new: str
) -> None:
    old = device_identifier(device)
    ir.async_create_issue(
        hass,
        DOMAIN,
        _issue_id(old),
        data={ENTRY_ID: entry.entry_id, _OLD: old, _NEW: new},
        is_fixable=True,
        # After a restart the new address is not new any more.
        is_persistent=True,
        severity=ir.IssueSeverity.WARNING,
        translation_key="moved",
        translation_placeholders={"name": device_name(device)},
    )


async def async_move(hass: HomeAssistant, data: dict[str, Any]) -> None:
    """Give the old device, with its entities, the address of the new one."""
    entry_id, old, new = str(data[ENTRY_ID]), str(data[_OLD]), str(data[_NEW])
    device = async_find_device(hass, entry_id, old)
    replaced = async_find_device(hass, entry_id, new)
    if device is None or replaced is None or device.serial_number != replaced.serial_number:
        return
    await hass.config_entries.async_unload(entry_id)
    entities = er.async_get(hass)
    for entity in async_entities(hass, replaced):
        entities.async_remove(entity.entity_id)
    async_remove_device(hass, entry_id, new)
    async_rename_device(hass, entry_id, old, new)
    await async_move_sessions(
        hass, entry_id, *(each.removeprefix(f"{entry_id}_") for each in (old, new))
    )
    await hass.config_entries.async_setup(entry_id)


def _issue_id(identifier: str) -> str:
    return f"moved_{identifier}"
