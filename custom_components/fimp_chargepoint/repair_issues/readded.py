"""A charge point that came back under another address: its history can move with it.

An adapter gives a thing that was deleted and added again a new address, and the address is
what identifies a charge point. Who saw both happen needs not ask (`RuntimeData`). Otherwise
the serial number is only a reason to ask the user.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.storage import Store

from ..chargepoint.stored import list_of, text
from ..const import DOMAIN
from ..coordinator import FimpConfigEntry, PushCoordinator
from ..devices import (
    async_entities,
    async_find_device,
    async_remove_device,
    async_rename_device,
    device_identifier,
    device_name,
)
from ..hub_id import node_address
from ..sessions import async_move_sessions
from ..storage import async_load
from .issues import ENTRY_ID

#: Seconds after which all charge points that are still there have been found again, and
#: have said who they are.
_SETTLING_TIME = 60.0

_STORE_VERSION = 1
_OLD = "old"
_NEW = "new"


@callback
def async_watch_for_readded(hass: HomeAssistant, entry: FimpConfigEntry) -> None:
    """Look, some time after a charge point was found, where it stood before."""
    cancel: CALLBACK_TYPE | None = None
    are_more = False

    @callback
    def found(coordinator: PushCoordinator[Any, Any]) -> None:
        nonlocal cancel, are_more
        # What is there has not moved away.
        device = async_find_device(hass, entry.entry_id, coordinator.identifier)
        if device is not None:
            ir.async_delete_issue(hass, DOMAIN, _issue_id(device))
        if cancel is None:
            cancel = async_call_later(hass, _SETTLING_TIME, look)
        else:
            are_more = True

    async def look(_: datetime) -> None:
        nonlocal cancel, are_more
        # One look is for all of them; those found meanwhile have their time as well.
        cancel = async_call_later(hass, _SETTLING_TIME, look) if are_more else None
        are_more = False
        await _async_look_for_moves(hass, entry)

    @callback
    def end() -> None:
        if cancel is not None:
            cancel()

    entry.async_on_unload(end)
    entry.async_on_unload(entry.runtime_data.async_for_each_node(found))


async def _async_look_for_moves(hass: HomeAssistant, entry: FimpConfigEntry) -> None:
    """Offer to move the history; what an earlier run has offered is offered again."""
    store = _store(hass, entry.entry_id)
    known = set(list_of(text)(await async_load(hass, store, list)))
    if entry.state is not ConfigEntryState.LOADED:
        return
    offered = known - {each.identifier for each in entry.runtime_data.coordinators.values()}
    for device, old, new in _moved(hass, entry, known):
        _offer(hass, entry, device, old, new)
        offered.add(new)
    if offered != known:
        await store.async_save(sorted(offered))


def _moved(
    hass: HomeAssistant, entry: FimpConfigEntry, known: Collection[str]
) -> Iterator[tuple[dr.DeviceEntry, str, str]]:
    """Yield the devices of charge points that stood elsewhere: where before, and where now.

    They did, where all that is there of their maker and serial number is new, or `known` to
    have been new, and as much is gone: a thing can have several connectors.
    """
    present = {each.identifier: each for each in entry.runtime_data.coordinators.values()}
    new: dict[tuple[str | None, str], list[str]] = defaultdict(list)
    stayed: set[tuple[str | None, str]] = set()
    for identifier, coordinator in present.items():
        identity = coordinator.data.identity
        if identity.serial_number is not None:
            key = identity.manufacturer, identity.serial_number
            new[key].append(identifier)
            if not coordinator.is_new and identifier not in known:
                stayed.add(key)
    gone: dict[tuple[str | None, str], dict[str, dr.DeviceEntry]] = defaultdict(dict)
    for device in dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id):
        old = device_identifier(device)
        if device.serial_number is not None and old is not None and old not in present:
            gone[device.manufacturer, device.serial_number][old] = device
    for key in new.keys() & gone.keys() - stayed:
        if len(new[key]) == len(gone[key]):
            for old, there in zip(sorted(gone[key]), sorted(new[key]), strict=True):
                yield gone[key][old], old, there


def _offer(
    hass: HomeAssistant, entry: FimpConfigEntry, device: dr.DeviceEntry, old: str, new: str
) -> None:
    ir.async_create_issue(
        hass,
        DOMAIN,
        _issue_id(device),
        # Not persistent: diagnostics would show the address, and the name.
        data={ENTRY_ID: entry.entry_id, _OLD: old, _NEW: new},
        is_fixable=True,
        severity=ir.IssueSeverity.WARNING,
        translation_key="moved",
        translation_placeholders={"name": device_name(device)},
    )


async def async_move(hass: HomeAssistant, data: dict[str, Any]) -> None:
    """Give the old device, with its entities, the address of the new one."""
    entry_id, old, new = str(data[ENTRY_ID]), str(data[_OLD]), str(data[_NEW])
    entry = hass.config_entries.async_get_entry(entry_id)
    device = async_find_device(hass, entry_id, old)
    replaced = async_find_device(hass, entry_id, new)
    if entry is None or device is None or replaced is None:
        return
    if device.serial_number != replaced.serial_number:
        return
    await hass.config_entries.async_unload(entry_id)
    entities = er.async_get(hass)
    for entity in async_entities(hass, replaced):
        entities.async_remove(entity.entity_id)
    async_remove_device(hass, entry_id, new)
    async_rename_device(hass, entry_id, old, new)
    await async_move_sessions(hass, entry_id, *(node_address(entry, each) for each in (old, new)))
    await hass.config_entries.async_setup(entry_id)


async def async_remove_offers(hass: HomeAssistant, entry_id: str) -> None:
    """Forget what was offered for an entry that is gone."""
    await _store(hass, entry_id).async_remove()


def _store(hass: HomeAssistant, entry_id: str) -> Store[list[str]]:
    """Return the store of the new addresses that were offered: they are not new for ever."""
    return Store(hass, _STORE_VERSION, f"{DOMAIN}.{entry_id}.moves")


def _issue_id(device: dr.DeviceEntry) -> str:
    # Not by the address, which may be a serial number: diagnostics list all issues.
    return f"moved_{device.id}"
