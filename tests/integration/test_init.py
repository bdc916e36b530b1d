"""The life of a config entry: connections, devices, and what comes and goes."""

import asyncio
from dataclasses import replace
from datetime import timedelta
import json
from typing import Any
from unittest.mock import patch

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import (
    device_registry as dr,
)
from homeassistant.helpers import (
    entity_registry as er,
)
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.fimp_chargepoint.chargepoint.scheduler import SteadyClock
from custom_components.fimp_chargepoint.const import DATA_CLOCK, DOMAIN
from simulators.fimp import ChargepointSetup
from tests.broker import PASSWORD, USERNAME, BrokerProcess
from tests.conftest import MakeBroker

from .conftest import Chargepoint, find, load, other_broker, simulator, until

CREDENTIALS = {"username": USERNAME, "password": PASSWORD}


def device_of(hass: HomeAssistant, entry: MockConfigEntry, name: str) -> dr.DeviceEntry | None:
    """Return the device of a name."""
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    return next((each for each in devices if each.name == name), None)


# Set-up and unload -------------------------------------------------------------------


async def test_load_unload_load(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """An unload leaves no connection and no task, and everything comes back."""
    async with simulator(broker):
        # A message of the simulator is a task until it is acknowledged.
        await asyncio.sleep(0.2)
        before = len(asyncio.all_tasks())
        entry = await load(hass, other_broker(broker))
        assert entry.state is ConfigEntryState.LOADED
        await until(lambda: find(hass, "switch", "charging"))
        hub = entry.runtime_data.hub
        assert hub.transport.connected
        (node,) = hub.nodes.values()
        assert node._listeners

        assert await hass.config_entries.async_unload(entry.entry_id)
        await hass.async_block_till_done()
        assert entry.state is ConfigEntryState.NOT_LOADED
        assert not hub.transport.connected
        assert not node._listeners
        await until(lambda: len(asyncio.all_tasks()) <= before, "all tasks to end")
        entity_id = find(hass, "switch", "charging")
        assert hass.states.get(entity_id).state == "unavailable"

        assert await hass.config_entries.async_setup(entry.entry_id)
        await until(lambda: hass.states.get(entity_id).state == "off")


async def test_stops_with_home_assistant(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """Home Assistant does not unload entries when it stops."""
    entry = await load(hass, other_broker(broker))
    hub = entry.runtime_data.hub
    await hass.async_stop(force=True)
    assert not hub.transport.connected


async def test_not_ready(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """The error is shown, and the set-up is retried."""
    broker.stop()
    entry = await load(hass, other_broker(broker))
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert entry.error_reason_translation_key == "cannot_connect"
    assert "refused" in entry.reason

    broker.start()
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=1))
    await until(lambda: entry.state is ConfigEntryState.LOADED)


async def test_auth_failed(hass: HomeAssistant, make_broker: MakeBroker) -> None:
    entry = await load(hass, other_broker(make_broker(credentials=True)))
    assert entry.state is ConfigEntryState.SETUP_ERROR
    assert entry.error_reason_translation_key == "invalid_auth"
    assert [flow["context"]["source"] for flow in hass.config_entries.flow.async_progress()] == [
        "reauth"
    ]


async def test_clock_can_be_another(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """A recording is played at the time it was made."""
    hass.data[DATA_CLOCK] = clock = SteadyClock()
    entry = await load(hass, other_broker(broker))
    assert entry.runtime_data.hub.clock is clock


# Refused while it runs --------------------------------------------------------------------


async def test_refused_later(hass: HomeAssistant, make_broker: MakeBroker) -> None:
    """The password was changed at the broker: ask for it, do not loop."""
    broker = make_broker(credentials=True)
    entry = await load(hass, other_broker(broker, **CREDENTIALS))
    assert entry.state is ConfigEntryState.LOADED
    await hass.async_add_executor_job(broker.stop)
    broker.start(password="another")
    await until(hass.config_entries.flow.async_progress, "the question")
    (flow,) = hass.config_entries.flow.async_progress()
    assert flow["context"]["source"] == "reauth"

    result = await hass.config_entries.flow.async_configure(
        flow["flow_id"], {"username": USERNAME, "password": "another"}
    )
    assert result["reason"] == "reauth_successful"
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED
    assert entry.runtime_data.hub.transport.connected


# Devices -----------------------------------------------------------------------------------


async def test_devices_form_a_tree(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    hub = device_of(hass, chargepoint.entry, "MQTT broker Charging")
    assert hub.entry_type is dr.DeviceEntryType.SERVICE
    assert hub.identifiers == {(DOMAIN, chargepoint.entry.unique_id)}
    device = device_of(hass, chargepoint.entry, "Acme Wallbox")
    assert device.via_device_id == hub.id
    assert device.manufacturer == "Acme"
    assert device.serial_number == "XX12345"
    assert device.sw_version == "2.3.4"
    (address,) = chargepoint.entry.runtime_data.hub.nodes
    assert device.identifiers == {(DOMAIN, f"{chargepoint.entry.unique_id}_{address}")}
    entities = er.async_entries_for_device(er.async_get(hass), device.id)
    assert {each.unique_id for each in entities} >= {
        f"{chargepoint.entry.unique_id}_{address}_{key}"
        for key in ("charging", "status", "power", "session_energy", "cable")
    }


async def test_device_follows_its_identity(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """An update of the firmware is shown without a reload."""
    point = next(iter(chargepoint.point.points.values()))
    point.profile = replace(point.profile, versions=("WB-1", "1", "2.4.0"))
    await point.relist()
    await until(lambda: device_of(hass, chargepoint.entry, "Acme Wallbox").sw_version == "2.4.0")


async def test_chargepoint_that_comes_later(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """It needs no reload."""
    entry = await load(hass, other_broker(broker))
    assert find(hass, "switch", "charging") is None
    async with simulator(broker):
        await until(lambda: find(hass, "switch", "charging"))
        entity_id = find(hass, "switch", "charging")
        await until(lambda: hass.states.get(entity_id).state == "off")
    assert len(entry.runtime_data.coordinators) == 1


async def test_chargepoint_that_comes_early(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """It may be found before there are platforms to show it."""
    entry = other_broker(broker)
    set_up_platforms = hass.config_entries.async_forward_entry_setups

    async def late(*arguments: Any) -> None:
        await until(lambda: entry.runtime_data.coordinators)
        await set_up_platforms(*arguments)

    async with simulator(broker):
        with patch.object(hass.config_entries, "async_forward_entry_setups", late):
            await load(hass, entry)
        await until(lambda: find(hass, "switch", "charging"))


async def test_removed(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """The entities of a charge point that its hub excludes go at once, its device later."""
    await chargepoint.point.exclude()
    await until(lambda: not chargepoint.entry.runtime_data.coordinators)
    await hass.async_block_till_done()
    assert not hass.states.async_entity_ids(("switch", "sensor", "lock", "select"))
    assert device_of(hass, chargepoint.entry, "Acme Wallbox") is not None

    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(hours=1, seconds=1))
    await hass.async_block_till_done()
    assert device_of(hass, chargepoint.entry, "Acme Wallbox") is None
    assert not hass.states.async_entity_ids(("switch", "sensor", "lock", "select"))


async def test_removed_without_serial_number(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """It could not be recognized again: its device is removed at once."""
    async with simulator(broker, ChargepointSetup(serial="")) as point:
        entry = await load(hass, other_broker(broker))
        await until(lambda: device_of(hass, entry, "Acme Wallbox"))
        await point.exclude()
        await until(lambda: device_of(hass, entry, "Acme Wallbox") is None)
        await hass.async_block_till_done()
        assert not hass.states.async_entity_ids(("switch", "sensor", "lock", "select"))


async def test_back_at_the_same_address(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """A removed charge point that reports again has the same entities."""
    (garage,) = chargepoint.point.points.values()
    entity_id = chargepoint.id("switch", "charging")
    await chargepoint.point.exclude()
    await until(lambda: not chargepoint.entry.runtime_data.coordinators)
    garage.included = True
    garage.forget()
    await chargepoint.wait_for_state("switch", "charging", "off")
    assert chargepoint.id("switch", "charging") == entity_id
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(hours=1, seconds=1))
    await hass.async_block_till_done()
    assert chargepoint.state("switch", "charging") == "off"


async def test_capabilities_grow(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """When a charge point shows a new capability, its entity is added, once."""
    setup = ChargepointSetup(profile="minimal")
    async with simulator(broker, setup) as point:
        entry = await load(hass, other_broker(broker))
        found = Chargepoint(hass, point, entry)
        await found.wait_for_state("sensor", "status", "disconnected")
        assert find(hass, "sensor", "power") is None
        before = set(hass.states.async_entity_ids())

        garage = point["garage"]
        topic = point.service_address("meter_elec", garage.address)
        report = {
            "type": "evt.meter.report",
            "serv": "meter_elec",
            "val_t": "float",
            "val": 7360.0,
            "props": {"unit": "W"},
            "tags": None,
            "src": "easee",
            "ver": "1",
            "uid": "1",
        }
        point.send(f"pt:j1/mt:evt{topic}", json.dumps(report))
        await found.wait_for_state("sensor", "power", "7360.0")
        assert len(set(hass.states.async_entity_ids()) - before) == 1


async def _delete(client: Any, entry: MockConfigEntry, device: dr.DeviceEntry) -> dict[str, Any]:
    """Press "delete" on the page of a device."""
    await client.send_json_auto_id(
        {
            "type": "config/device_registry/remove_config_entry",
            "config_entry_id": entry.entry_id,
            "device_id": device.id,
        }
    )
    return await client.receive_json()


async def test_deleting_devices(
    hass: HomeAssistant, chargepoint: Chargepoint, hass_ws_client: WebSocketGenerator
) -> None:
    """Only a device that is gone can be deleted by hand."""
    assert await async_setup_component(hass, "config", {})
    client = await hass_ws_client(hass)
    entry = chargepoint.entry
    gone = dr.async_get(hass).async_get_or_create(
        config_entry_id=entry.entry_id,
        identifiers={(DOMAIN, f"{entry.unique_id}_fimp:gone")},
        name="Gone",
    )
    assert not (await _delete(client, entry, device_of(hass, entry, "MQTT broker Charging")))[
        "success"
    ]
    assert not (await _delete(client, entry, device_of(hass, entry, "Acme Wallbox")))["success"]
    assert (await _delete(client, entry, gone))["success"]
    assert device_of(hass, entry, "Gone") is None

    # An entry that is not loaded has no nodes; those that are online come back.
    await hass.config_entries.async_unload(entry.entry_id)
    assert (await _delete(client, entry, device_of(hass, entry, "Acme Wallbox")))["success"]


async def test_two_brokers_do_not_mix(hass: HomeAssistant, make_broker: MakeBroker) -> None:
    """Both may have a charge point of the same address."""
    first, second = make_broker(), make_broker()
    async with simulator(first), simulator(second):
        entries = [await load(hass, other_broker(each)) for each in (first, second)]
        for each in entries:
            await until(lambda each=each: each.runtime_data.coordinators)
        addresses = [list(each.runtime_data.coordinators) for each in entries]
        assert addresses[0] == addresses[1]


async def test_default_measurement_interval(hass: HomeAssistant, broker: BrokerProcess) -> None:
    entry = other_broker(broker)
    entry.add_to_hass(hass)
    hass.config_entries.async_update_entry(entry, options={})
    await load(hass, entry)
    assert entry.runtime_data.hub.options.measurement_interval == 5


async def test_refresh_by_hand(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """There is nothing to fetch, and nothing breaks."""
    assert await async_setup_component(hass, "homeassistant", {})
    await hass.services.async_call(
        "homeassistant",
        "update_entity",
        {"entity_id": chargepoint.id("switch", "charging")},
        blocking=True,
    )
    assert chargepoint.state("switch", "charging") == "off"
