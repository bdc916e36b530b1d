"""An entry that is deleted and added again keeps its names, ids and rooms."""

import json
from typing import Any

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import area_registry as ar
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
import pytest

from custom_components.fimp_chargepoint.const import DOMAIN
from custom_components.fimp_chargepoint.devices import async_new_hub_id
from custom_components.fimp_chargepoint.diagnostics import async_get_config_entry_diagnostics
from simulators.fimp import ChargepointSetup
from tests.broker import BrokerProcess
from tests.conftest import MakeBroker

from .conftest import find, mqtt_entry, simulator, until
from .flow import begin, form, submit

STATUS = ("sensor", "status")


async def add(
    hass: HomeAssistant, broker: BrokerProcess, *, is_own: bool = False, **topics: Any
) -> ConfigEntry:
    """Go through the config flow, as a person would."""
    if is_own:
        result = await submit(hass, await begin(hass, "home_assistant"), {"topics": topics})
    else:
        result = await submit(hass, await begin(hass), form(broker, topics=topics))
    await hass.async_block_till_done()
    # A charge point may have reported by now, or not.
    result = await hass.config_entries.flow.async_configure(result["flow_id"])
    result = await submit(hass, result, {})
    await hass.async_block_till_done()
    entry: ConfigEntry = result["result"]
    assert entry.state is ConfigEntryState.LOADED
    return entry


async def comes(hass: HomeAssistant) -> None:
    """Wait for the charge point."""
    await until(lambda: find(hass, *STATUS))
    await hass.async_block_till_done()


def registered(hass: HomeAssistant) -> tuple[er.RegistryEntry, dr.DeviceEntry, dr.DeviceEntry]:
    """Return an entity, its device, and that of the hub."""
    entity_id = find(hass, *STATUS)
    assert entity_id is not None
    entity = er.async_get(hass).async_get(entity_id)
    assert entity is not None
    devices = dr.async_get(hass)
    device = devices.async_get(entity.device_id or "")
    assert device is not None
    hub = devices.async_get(device.via_device_id or "")
    assert hub is not None
    return entity, device, hub


@pytest.mark.parametrize("is_own", [True, False])
async def test_deleted_and_added_again(
    hass: HomeAssistant, broker: BrokerProcess, *, is_own: bool
) -> None:
    """Names, entity ids and rooms return; so does the history, which belongs to the ids."""
    if is_own:
        mqtt_entry(hass, broker)
    async with simulator(broker, ChargepointSetup(profile="full")):
        first = await add(hass, broker, is_own=is_own)
        await comes(hass)
        entity, device, hub = registered(hass)
        garage = ar.async_get(hass).async_get_or_create("Garage")
        entities, devices = er.async_get(hass), dr.async_get(hass)
        entities.async_update_entity(
            entity.entity_id, name="How it is", new_entity_id="sensor.how_it_is", icon="mdi:car"
        )
        plug = find(hass, "binary_sensor", "plug")
        assert plug is not None
        entities.async_update_entity(plug, disabled_by=er.RegistryEntryDisabler.USER)
        devices.async_update_device(device.id, name_by_user="Zoe's place", area_id=garage.id)
        devices.async_update_device(hub.id, name_by_user="The broker")
        await until(lambda: find(hass, "number", "parameter_led_brightness"), "the last entity")
        before = {each.entity_id for each in entities.entities.values()}

        await hass.config_entries.async_remove(first.entry_id)
        await hass.async_block_till_done()
        assert not er.async_entries_for_config_entry(entities, first.entry_id)
        assert not dr.async_entries_for_config_entry(devices, first.entry_id)
        assert hass.states.get("sensor.how_it_is") is None

        second = await add(hass, broker, is_own=is_own)
        await comes(hass)
        assert second.entry_id != first.entry_id
        assert second.unique_id == first.unique_id
        again, device_again, hub_again = registered(hass)
        assert (again.id, again.entity_id) == (entity.id, "sensor.how_it_is")
        assert (again.name, again.icon) == ("How it is", "mdi:car")
        assert again.config_entry_id == second.entry_id
        assert (device_again.id, device_again.area_id) == (device.id, garage.id)
        assert device_again.name_by_user == "Zoe's place"
        assert (hub_again.id, hub_again.name_by_user) == (hub.id, "The broker")
        await until(
            lambda: {each.entity_id for each in entities.entities.values()} == before,
            "all entities to be back",
        )
        assert find(hass, "binary_sensor", "plug") == plug
        off = entities.async_get(plug)
        assert off is not None
        assert off.disabled_by is er.RegistryEntryDisabler.USER
        await until(lambda: hass.states.get("sensor.how_it_is"))
        await hass.config_entries.async_unload(second.entry_id)


async def test_what_a_hub_is(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """The ids of everything begin with what the hub is, and not with what its entry is."""
    async with simulator(broker):
        entry = await add(hass, broker)
        await comes(hass)
        assert entry.unique_id == f"127.0.0.1_{broker.port}"
        entity, device, hub = registered(hass)
        assert hub.identifiers == {(DOMAIN, f"127.0.0.1_{broker.port}")}
        identifier = f"127.0.0.1_{broker.port}_fimp:easee/1/1"
        assert device.identifiers == {(DOMAIN, identifier)}
        assert entity.unique_id == f"{identifier}_status"
        for each in er.async_get(hass).entities.values():
            start = entry.unique_id if each.device_id == hub.id else identifier
            assert each.unique_id.startswith(f"{start}_")
        await hass.config_entries.async_unload(entry.entry_id)


async def test_the_hub_stays_the_same_when_it_is_reconfigured(
    hass: HomeAssistant, make_broker: MakeBroker
) -> None:
    """Its address is another one; nothing that belongs to it is."""
    old, new = make_broker(), make_broker()
    async with simulator(old), simulator(new):
        entry = await add(hass, old)
        await comes(hass)
        hub_id = entry.unique_id
        before = registered(hass)
        flow = await hass.config_entries.flow.async_init(
            DOMAIN, context={"source": "reconfigure", "entry_id": entry.entry_id}
        )
        result = await submit(hass, flow, form(new))
        assert result["reason"] == "reconfigure_successful"
        await hass.async_block_till_done()
        await until(lambda: entry.runtime_data.coordinators)
        assert (entry.unique_id, entry.data["port"]) == (hub_id, new.port)
        assert [each.id for each in registered(hass)] == [each.id for each in before]
        # Its first address is private as well.
        text = json.dumps(await async_get_config_entry_diagnostics(hass, entry))
        assert str(hub_id) not in text
        assert "127.0.0.1" not in text
        await hass.config_entries.async_unload(entry.entry_id)


async def test_several_entries_for_one_broker(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """They have different prefixes; whichever is deleted has its id back."""
    expected = f"127.0.0.1_{broker.port}"
    entries = []
    for number, prefix in enumerate(("a/", "b/", "c/")):
        entry = await add(hass, broker, prefixes=[prefix])
        assert entry.unique_id == (f"{expected}-{number + 1}" if number else expected)
        entries.append(entry)
    await hass.config_entries.async_remove(entries[1].entry_id)
    entries[1] = await add(hass, broker, prefixes=["b/"])
    assert entries[1].unique_id == f"{expected}-2"
    for each in entries:
        await hass.config_entries.async_unload(each.entry_id)


async def test_case_does_not_matter(hass: HomeAssistant) -> None:
    """Users may write a name in different ways."""
    for host in ("Broker.local", "broker.LOCAL"):
        data = {"hub": "broker", "host": host, "port": 1883}
        assert async_new_hub_id(hass, data) == "broker.local_1883"


async def test_sessions_do_not_return(
    hass: HomeAssistant, broker: BrokerProcess, hass_storage: dict[str, Any]
) -> None:
    """If the user deletes the entry, they are deleted."""
    async with simulator(broker):
        entry = await add(hass, broker)
        await comes(hass)
        await hass.config_entries.async_remove(entry.entry_id)
        assert not [each for each in hass_storage if each.startswith(f"{DOMAIN}.01")]
