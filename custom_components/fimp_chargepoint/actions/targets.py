"""Which charge points an action is for: its devices, areas, labels or entities."""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from homeassistant.auth.permissions.const import POLICY_CONTROL
from homeassistant.const import ATTR_DEVICE_ID, ATTR_ENTITY_ID, Platform
from homeassistant.core import HomeAssistant, ServiceCall, callback
from homeassistant.exceptions import ServiceValidationError, Unauthorized, UnknownUser
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.target import TargetSelection, async_extract_referenced_entity_ids

from ..chargepoint import OcppSnapshot
from ..chargepoint.model import ChargepointSnapshot, Feature, NodeSnapshot
from ..const import DOMAIN
from ..coordinator import AnyCoordinator
from ..devices import async_find_device, device_identifier, device_name

type NodesByDevice = dict[str, AnyCoordinator]


class Targets(NamedTuple):
    """The nodes that an action is for, by their device's id.

    `absent` are the names of the devices of those that were not found since the start.
    """

    nodes: NodesByDevice
    absent: dict[str, str]


#: The errors if a named target is not of a kind, and if none is.
_ERRORS: dict[type[NodeSnapshot], tuple[str, str]] = {
    ChargepointSnapshot: ("not_a_charge_point", "no_charge_point"),
    OcppSnapshot: ("not_an_ocpp_client", "no_ocpp_client"),
}


async def async_targets(
    hass: HomeAssistant, call: ServiceCall, kind: type[NodeSnapshot], *, live: bool
) -> Targets:
    """Return the nodes with snapshots of `kind` that an action is for.

    Those that are named come first, in that order. A named target must be of that kind, or
    belong to one; in an area, a floor or a label, others are ignored. If the action need not be
    `live`, a charge point may be absent, so that it does not keep the action from the others.

    Raises:
        ServiceValidationError: a named target is not of that kind, or there is none.
        Unauthorized: the user may not control one of them.

    """
    not_one, none = _ERRORS[kind]
    chosen = async_extract_referenced_entity_ids(hass, TargetSelection(call.data))
    entities, known = er.async_get(hass), async_all_nodes(hass, kind)

    def device_of(entity_id: str) -> str | None:
        entity = entities.async_get(entity_id)
        return None if entity is None else entity.device_id

    of_entities = {each: device_of(each) for each in chosen.referenced}
    named = {each: each for each in TargetSelection(call.data).device_ids} | of_entities
    newcomers = {each: device_id for each, device_id in named.items() if device_id not in known}
    # Not those that are named: from 2026.11 on, a target can exclude some of itself.
    devices = {
        *of_entities.values(),
        *chosen.referenced_devices,
        *map(device_of, chosen.indirectly_referenced),
    }
    candidates = (*newcomers.values(), *(devices - known.keys()))
    absent = {} if live else _absent(hass, candidates, set(newcomers.values()))
    if strangers := sorted(each for each in newcomers if newcomers[each] not in absent):
        raise _invalid(not_one, target=", ".join(strangers))
    listed = [*call.data.get(ATTR_ENTITY_ID, ()), *call.data.get(ATTR_DEVICE_ID, ())]
    order = [device_id for each in listed if (device_id := named.get(each)) in devices]
    found = {each: known[each] for each in (*order, *known) if each in devices and each in known}
    if not found and not absent:
        raise _invalid(none)
    await _authorize(hass, call, (*found, *absent))
    return Targets(found, absent)


@callback
def _absent(
    hass: HomeAssistant, device_ids: Iterable[str | None], named: Collection[str | None]
) -> dict[str, str]:
    """Return the names of those devices whose nodes were not found since the start.

    Of the devices that are not `named`, only enabled charge points count: those with a switch.
    """
    registry, found = er.async_get(hass), async_all_nodes(hass, NodeSnapshot)
    absent = {}
    for device_id in device_ids:
        device = None if device_id is None else dr.async_get(hass).async_get(device_id)
        # A hub is a service.
        if not isinstance(device, dr.DeviceEntry) or device.entry_type is not None:
            continue
        identifier = device_identifier(device)
        if identifier is None or device.id in found:
            continue
        unique_id = f"{identifier}_{Feature.CHARGING}"
        switch = registry.async_get_entity_id(Platform.SWITCH, DOMAIN, unique_id)
        if device.id in named or (switch is not None and not device.disabled):
            absent[device.id] = device_name(device)
    return absent


@callback
def async_all_nodes(hass: HomeAssistant, kind: type[NodeSnapshot]) -> NodesByDevice:
    """Return the nodes with snapshots of `kind` of all loaded entries, by device id."""
    return {
        device.id: coordinator
        for entry in hass.config_entries.async_loaded_entries(DOMAIN)
        for coordinator in entry.runtime_data.coordinators.values()
        if isinstance(coordinator.data, kind)
        and (device := async_find_device(hass, entry.entry_id, coordinator.identifier))
    }


@callback
def async_ours(hass: HomeAssistant, entity_ids: set[str]) -> set[str]:
    """Return which entities are of this integration."""
    registry = er.async_get(hass)
    return {
        each
        for each in entity_ids
        if (entity := registry.async_get(each)) is not None and entity.platform == DOMAIN
    }


async def _authorize(hass: HomeAssistant, call: ServiceCall, device_ids: Iterable[str]) -> None:
    """Check that the user may control every entity of the devices."""
    if call.context.user_id is None:
        return
    user = await hass.auth.async_get_user(call.context.user_id)
    if user is None:
        raise UnknownUser(context=call.context)
    registry = er.async_get(hass)
    for device_id in device_ids:
        for entity in er.async_entries_for_device(registry, device_id):
            if not user.permissions.check_entity(entity.entity_id, POLICY_CONTROL):
                raise Unauthorized(
                    context=call.context, entity_id=entity.entity_id, permission=POLICY_CONTROL
                )


def _invalid(key: str, **placeholders: str) -> ServiceValidationError:
    return ServiceValidationError(
        translation_domain=DOMAIN, translation_key=key, translation_placeholders=placeholders
    )
