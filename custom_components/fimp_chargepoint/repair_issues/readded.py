"""A charge point that came back under another address: its history can move with it.

An adapter gives a device that was deleted and added again a new address, which identifies the
charge point. If Home Assistant saw both, nothing is asked (`RuntimeData`). Otherwise the serial
number is only a reason to ask the user.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator
from typing import Final

from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er

from ..coordinator import FimpConfigEntry
from ..devices import (
    async_entities,
    async_find_device,
    async_remove_device,
    async_rename_device,
    device_identifier,
    device_name,
    node_address,
    node_identifier,
)
from ..storage import Storage
from .watcher import EntryWatch, Finding, Findings, IssueData

#: Seconds after which all charge points that are still there have been found again, and have
#: reported their serial numbers.
_SETTLING_TIME = 60.0

_OLD: Final = "old"
_NEW: Final = "new"


def find_readded(watch: EntryWatch) -> Findings:
    """Return the devices whose history can move; those of an earlier run are found again."""
    memory, entry = watch.memory, watch.entry
    if memory is None or watch.now() - memory.loaded_at < _SETTLING_TIME:
        return {}
    # The new addresses that were offered: they are not new in the next run.
    records = entry.runtime_data.storage.readded
    before = {node_identifier(entry, address) for address, _ in records}
    moved = list(_moved(watch.hass, entry, before))
    present = {each.identifier for each in entry.runtime_data.coordinators.values()}
    known = (before - present) | {new for _, _, new in moved}
    if known != before:
        records.replace(node_address(entry, identifier) for identifier in known)
    return {
        device.id: Finding({"name": device_name(device)}, {_OLD: old, _NEW: new})
        for device, old, new in moved
    }


def _moved(
    hass: HomeAssistant, entry: FimpConfigEntry, known: Collection[str]
) -> Iterator[tuple[dr.DeviceEntry, str, str]]:
    """Yield the devices of charge points with another address: the device, the old and the new one.

    That is so if all charge points with their maker and serial number are new, or `known` to have
    been new, and as many are gone: a device can have several connectors.
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


async def async_move(hass: HomeAssistant, entry: FimpConfigEntry, data: IssueData) -> None:
    """Give the old device, with its entities, the address of the new one."""
    entry_id, old, new = entry.entry_id, str(data[_OLD]), str(data[_NEW])
    device = async_find_device(hass, entry_id, old)
    replaced = async_find_device(hass, entry_id, new)
    if device is None or replaced is None:
        return
    if device.serial_number != replaced.serial_number:
        return
    await hass.config_entries.async_unload(entry_id)
    storage = Storage(hass, entry)
    await storage.async_load()
    entities = er.async_get(hass)
    for entity in async_entities(hass, replaced):
        entities.async_remove(entity.entity_id)
    async_remove_device(hass, entry_id, new)
    async_rename_device(hass, entry_id, old, new)
    storage.move(node_address(entry, old), node_address(entry, new))
    await storage.async_save()
    await hass.config_entries.async_setup(entry_id)
