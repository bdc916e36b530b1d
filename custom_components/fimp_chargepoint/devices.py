"""The device of each node: what identifies it, its name, its area, and the device above it.

Home Assistant keeps the names, entity ids and history of what was deleted for a while, and
restores them if the ids return. So the id of a hub, and of everything below it, is not that of its
config entry, which is new each time it is added.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, TypedDict

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_HOST, CONF_PORT
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import area_registry as ar
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.translation import async_get_translations

from .chargepoint.model import Identity
from .const import CONF_CUSTOMER_ID, CONF_HUB, DOMAIN, Fields, HubKind

#: There is one MQTT integration, so one entry for its broker.
HOME_ASSISTANT_MQTT: Final = "ha_mqtt"


@callback
def async_new_hub_id(hass: HomeAssistant, data: Fields) -> str:
    """Return the id of a hub that is set up with this `data`: the unique id of its entry.

    Reconfiguring changes the data, but not the id.
    """
    if data[CONF_HUB] == HubKind.HOME_ASSISTANT:
        return HOME_ASSISTANT_MQTT
    if data[CONF_HUB] == HubKind.BLUE_CURRENT:
        return str(data[CONF_CUSTOMER_ID])
    wanted = f"{data[CONF_HOST].casefold()}_{data[CONF_PORT]}"
    taken = {entry.unique_id for entry in hass.config_entries.async_entries(DOMAIN)}
    # One broker can have several entries, each for other topic prefixes.
    found, number = wanted, 1
    while found in taken:
        number += 1
        found = f"{wanted}-{number}"
    return found


def hub_id(entry: ConfigEntry) -> str:
    """Return the id of the hub of an entry."""
    # Each entry that our config flow has created has one.
    return entry.unique_id or entry.entry_id


def node_identifier(entry: ConfigEntry, address: str) -> str:
    """Return the identifier of the device of a node; it never changes."""
    return f"{hub_id(entry)}_{address}"


def node_address(entry: ConfigEntry, identifier: str) -> str:
    """Return the address of the node with one of these identifiers."""
    return identifier.removeprefix(f"{hub_id(entry)}_")


#: The names of the hubs, in the language of the user.
_HUBS: Final = {
    HubKind.HOME_ASSISTANT: "home_assistant_mqtt",
    HubKind.BROKER: "mqtt_broker",
    HubKind.BLUE_CURRENT: "blue_current_account",
}


@callback
def async_find_device(hass: HomeAssistant, entry_id: str, identifier: str) -> dr.DeviceEntry | None:
    """Return the device with one of our identifiers."""
    registry = dr.async_get(hass)
    return registry.async_get_device_by_identifier((DOMAIN, identifier), entry_id)


@callback
def async_known_addresses(hass: HomeAssistant, entry: ConfigEntry) -> set[str]:
    """Return the addresses of all nodes of an entry that have a device."""
    start = node_identifier(entry, "")
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    identifiers = map(device_identifier, devices)
    return {
        each.removeprefix(start)
        for each in identifiers
        if each is not None and each.startswith(start)
    }


def device_identifier(device: dr.DeviceEntry | dr.ChildDeviceEntry) -> str | None:
    """Return the identifier of a device, None if it is not one of ours."""
    return next((each for domain, each in device.identifiers if domain == DOMAIN), None)


def device_name(device: dr.DeviceEntry | None) -> str:
    """Return the name of a device."""
    return "" if device is None else device.name_by_user or device.name or ""


class _Names(TypedDict, total=False):
    """The name of a device, or its translation key."""

    name: str
    translation_key: str
    translation_placeholders: Mapping[str, str]


def _names(identity: Identity) -> _Names:
    """Return the name that a node was given, else the text for its kind."""
    if identity.kind is None:
        return {"name": identity.name}
    key = f"{identity.kind}_named" if identity.name else str(identity.kind)
    return {"translation_key": key, "translation_placeholders": {"name": identity.name}}


async def async_display_name(hass: HomeAssistant, identity: Identity) -> str:
    """Return the name that the device of a node would get."""
    names = _names(identity)
    if "name" in names:
        return names["name"]
    texts = await async_get_translations(hass, hass.config.language, "device", {DOMAIN})
    text = texts[f"component.{DOMAIN}.device.{names['translation_key']}.name"]
    return text.format(**names["translation_placeholders"])


@callback
def _distinguished(
    hass: HomeAssistant, entry: ConfigEntry, identifier: str, identity: Identity
) -> Identity:
    """Return the identity with an extended name if another device has the same one.

    Two chargers of one product have the same name unless the user has named them: both get their
    serial numbers, else their addresses.
    """
    registry, name, serial = dr.async_get(hass), identity.name, identity.serial_number
    namesakes = [
        device
        for device in dr.async_entries_for_config_entry(registry, entry.entry_id)
        if device.name is not None
        and (device.name == name or device.name.startswith(f"{name} ("))
        and (DOMAIN, identifier) not in device.identifiers
        # The connectors of one charger may share a name.
        and (serial is None or device.serial_number != serial)
    ]
    if identity.kind is not None or not namesakes:
        return identity
    for device in namesakes:
        if device.name == name:
            suffix = device.serial_number or _place(entry, device_identifier(device) or "")
            registry.async_update_device(device.id, name=f"{name} ({suffix})")
    return replace(identity, name=f"{name} ({serial or _place(entry, identifier)})")


def _place(entry: ConfigEntry, identifier: str) -> str:
    """Return the address of a node without its protocol."""
    return node_address(entry, identifier).partition(":")[2]


@callback
def async_register_hub(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Register the hub of an entry, the device above all others."""
    dr.async_get(hass).async_get_or_create(
        config_entry_id=entry.entry_id,
        identifiers={(DOMAIN, hub_id(entry))},
        translation_key=_HUBS[entry.data[CONF_HUB]],
        translation_placeholders={"title": entry.title},
        entry_type=dr.DeviceEntryType.SERVICE,
    )


@callback
def async_register_device(
    hass: HomeAssistant,
    entry: ConfigEntry,
    identifier: str,
    identity: Identity,
    parent: str | None,
) -> None:
    """Register a node as a device below that of its parent; entities only refer to it.

    If the device of the `parent` does not exist (yet), it is placed below the hub's.
    """
    above = None if parent is None else async_find_device(hass, entry.entry_id, parent)
    if above is None:
        above = async_find_device(hass, entry.entry_id, hub_id(entry))
    known = async_find_device(hass, entry.entry_id, identifier)
    keeps_name = identity.provisional and known is not None
    dr.async_get(hass).async_get_or_create(
        config_entry_id=entry.entry_id,
        identifiers={(DOMAIN, identifier)},
        **({} if keeps_name else _names(_distinguished(hass, entry, identifier, identity))),
        manufacturer=identity.manufacturer,
        model=identity.model,
        serial_number=identity.serial_number,
        sw_version=identity.sw_version,
        hw_version=identity.hw_version,
        suggested_area=identity.area,
        via_device_id=None if above is None else above.id,
    )


@callback
def async_suggest_area(hass: HomeAssistant, entry_id: str, identifier: str, area: str) -> None:
    """Move a device that has just been added to its area, which was reported later."""
    device = async_find_device(hass, entry_id, identifier)
    if device is not None and device.area_id is None:
        area_id = ar.async_get(hass).async_get_or_create(area).id
        dr.async_get(hass).async_update_device(device.id, area_id=area_id)


@callback
def async_rename_device(hass: HomeAssistant, entry_id: str, old: str, new: str) -> None:
    """Give a device and its entities another identifier.

    None of the entities may be in use, and no other device may have the new identifier.
    """
    device = async_find_device(hass, entry_id, old)
    if device is None:
        return
    dr.async_get(hass).async_update_device(device.id, new_identifiers={(DOMAIN, new)})
    registry = er.async_get(hass)
    for entity in async_entities(hass, device):
        if entity.unique_id.startswith(f"{old}_"):
            unique_id = new + entity.unique_id.removeprefix(old)
            registry.async_update_entity(entity.entity_id, new_unique_id=unique_id)


@callback
def async_entities(hass: HomeAssistant, device: dr.DeviceEntry) -> list[er.RegistryEntry]:
    """Return the entities of a device, including those that are disabled."""
    registry = er.async_get(hass)
    return er.async_entries_for_device(registry, device.id, include_disabled_entities=True)


@callback
def async_remove_device(hass: HomeAssistant, entry_id: str, identifier: str) -> None:
    """Remove a device; its entities go with it."""
    device = async_find_device(hass, entry_id, identifier)
    if device is not None:
        dr.async_get(hass).async_remove_device(device.id)
