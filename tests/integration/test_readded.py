"""A charge point that was removed from its hub and added again."""

from datetime import timedelta
from typing import Any

from aiohttp.test_utils import TestClient
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.fimp_chargepoint.const import DOMAIN
from simulators.fimp import ChargepointSetup
from tests.broker import BrokerProcess

from .conftest import Chargepoint, find, load, other_broker, simulator, until
from .house import House


async def known_before(
    hass: HomeAssistant,
    broker: BrokerProcess,
    *,
    serial: str,
    addresses: tuple[str, ...] = ("7",),
) -> MockConfigEntry:
    """Return an entry that knew charge points at other addresses."""
    setups = [ChargepointSetup(name=each, serial=serial, address=each) for each in addresses]
    async with simulator(broker, *setups):
        entry = await load(hass, other_broker(broker))
        await until(lambda: len(entry.runtime_data.coordinators) == len(addresses))
        await hass.async_block_till_done()
        await hass.config_entries.async_unload(entry.entry_id)
    return entry


async def repair(client: TestClient[Any, Any], issue: ir.IssueEntry) -> None:
    """Agree to what is offered."""
    flow = {"handler": DOMAIN, "issue_id": issue.issue_id}
    step = await (await client.post("/api/repairs/issues/fix", json=flow)).json()
    assert step["description_placeholders"]["name"] == "Acme Wallbox"
    url = f"/api/repairs/issues/fix/{step['flow_id']}"
    assert (await (await client.post(url, json={})).json())["type"] == "create_entry"


async def settle(house: House, entry: MockConfigEntry) -> list[ir.IssueEntry]:
    """Let the time pass in which all charge points turn up; returns what is to be repaired."""
    if entry.state is ConfigEntryState.LOADED:
        await until(lambda: entry.runtime_data.coordinators, "a charge point to be found")
    for _ in range(3):
        await house.passes(1)
    issues = ir.async_get(house.hass).issues.values()
    return [each for each in issues if each.translation_key == "moved" and each.active]


def addresses(hass: HomeAssistant, entry: MockConfigEntry) -> set[str]:
    """Return the addresses that the devices of the charge points stand for."""
    prefix = f"{entry.unique_id}_fimp:easee/1/"
    return {
        identifier.removeprefix(prefix)
        for device in dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
        for _, identifier in device.identifiers
        if identifier.startswith(prefix)
    }


async def test_history_moves_to_the_new_address(
    hass: HomeAssistant,
    house: House,
    broker: BrokerProcess,
    hass_client: ClientSessionGenerator,
    hass_storage: dict[str, Any],
) -> None:
    """So does what is stored of the charge point."""
    assert await async_setup_component(hass, "repairs", {})
    entry = await known_before(hass, broker, serial="S1")
    entity_id = find(hass, "switch", "charging")
    assert entity_id is not None
    er.async_get(hass).async_update_entity(entity_id, new_entity_id="switch.my_car")
    sections = {"state": "charge_points", "history": "sessions"}
    keys = {section: f"{DOMAIN}.{entry.entry_id}.{file}" for file, section in sections.items()}
    for section, key in keys.items():
        data = {section: {"fimp:easee/1/7": {"newer": section}}}
        hass_storage[key] = {"version": 1, "minor_version": 1, "key": key, "data": data}
    async with simulator(broker, ChargepointSetup(serial="S1", address="8")) as point:
        await load(hass, entry)
        (issue,) = await settle(house, entry)
        assert addresses(hass, entry) == {"7", "8"}
        await repair(await hass_client(), issue)
        assert addresses(hass, entry) == {"8"}
        found = Chargepoint(hass, point, entry)
        await found.wait_for_state("sensor", "status", "disconnected")
        assert found.id("switch", "charging") == "switch.my_car"
        assert not await settle(house, entry)
        # It works under the new address, not only in the registry.
        await point.plug()
        await found.wait_for_state("sensor", "status", "ready_to_charge")
        await found.call("switch", "turn_on", "charging")
        await hass.config_entries.async_unload(entry.entry_id)
    for section, key in keys.items():
        (stored,) = hass_storage[key]["data"][section].items()
        assert (stored[0], stored[1]["newer"]) == ("fimp:easee/1/8", section)


@pytest.mark.parametrize(
    ("serial", "address"),
    [("S2", "8"), ("S1", "7")],
    ids=["another charge point", "the same address"],
)
async def test_nothing_to_move(
    hass: HomeAssistant, house: House, broker: BrokerProcess, serial: str, address: str
) -> None:
    entry = await known_before(hass, broker, serial="S1")
    async with simulator(broker, ChargepointSetup(serial=serial, address=address)):
        await load(hass, entry)
        assert not await settle(house, entry)
        await hass.config_entries.async_unload(entry.entry_id)


async def test_removed_and_added_again(
    hass: HomeAssistant, house: House, chargepoint: Chargepoint
) -> None:
    """If both were seen, the user is not asked: the user's names are kept."""
    entry = chargepoint.entry
    er.async_get(hass).async_update_entity(
        chargepoint.id("switch", "charging"), new_entity_id="switch.my_car"
    )
    await hass.async_block_till_done()
    await chargepoint.point.exclude()
    await until(lambda: not entry.runtime_data.coordinators)
    await chargepoint.point.include()
    await chargepoint.wait_for_state("switch", "charging", "off")
    assert addresses(hass, entry) == {"2"}
    assert chargepoint.id("switch", "charging") == "switch.my_car"
    # Its device can no longer be removed.
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(hours=1, seconds=1))
    assert not await settle(house, entry)
    assert chargepoint.state("switch", "charging") == "off"


async def test_several_connectors(hass: HomeAssistant, house: House, broker: BrokerProcess) -> None:
    """They have one serial number, and each finds its own new address."""
    entry = await known_before(hass, broker, serial="S1", addresses=("3_1", "3_2"))
    setups = [ChargepointSetup(name=each, serial="S1", address=each) for each in ("5_1", "5_2")]
    async with simulator(broker, *setups):
        await load(hass, entry)
        await until(lambda: len(entry.runtime_data.coordinators) == 2)
        issues = await settle(house, entry)
        moves = {
            each.data["old"].rpartition("/")[2]: each.data["new"].rpartition("/")[2]
            for each in issues
        }
        assert moves == {"3_1": "5_1", "3_2": "5_2"}
        await hass.config_entries.async_unload(entry.entry_id)


async def test_a_connector_that_is_missing_has_not_moved(
    hass: HomeAssistant, house: House, broker: BrokerProcess
) -> None:
    """If the thing is still at its old address, it cannot be taken for another one."""
    entry = await known_before(hass, broker, serial="S1", addresses=("3_1", "3_2"))
    async with simulator(broker, ChargepointSetup(serial="S1", address="3_1")):
        await load(hass, entry)
        assert not await settle(house, entry)
        await hass.config_entries.async_unload(entry.entry_id)


async def test_an_offer_is_withdrawn_when_the_old_address_speaks(
    hass: HomeAssistant, house: House, broker: BrokerProcess
) -> None:
    entry = await known_before(hass, broker, serial="S1")
    async with simulator(broker, ChargepointSetup(serial="S1", address="8")):
        await load(hass, entry)
        assert await settle(house, entry)
        async with simulator(broker, ChargepointSetup(serial="S1", address="7")):
            await until(lambda: len(entry.runtime_data.coordinators) == 2)
            assert not await settle(house, entry)
        await hass.config_entries.async_unload(entry.entry_id)


async def test_the_offer_outlives_a_restart(
    hass: HomeAssistant, house: House, broker: BrokerProcess, hass_storage: dict[str, Any]
) -> None:
    """Although the new address is known already, and appears in the diagnostics."""
    entry = await known_before(hass, broker, serial="S1")
    async with simulator(broker, ChargepointSetup(serial="S1", address="8")):
        await load(hass, entry)
        (before,) = await settle(house, entry)
        shown = str(before.to_json())
        assert "easee" not in shown
        assert "Wallbox" not in shown
        assert await hass.config_entries.async_unload(entry.entry_id)
        ir.async_delete_issue(hass, DOMAIN, before.issue_id)
        await hass.config_entries.async_setup(entry.entry_id)
        (after,) = await settle(house, entry)
        assert (after.issue_id, after.data) == (before.issue_id, before.data)
        # It was solved in another way.
        registry = dr.async_get(hass)
        device = registry.async_get_device_by_identifier(
            (DOMAIN, before.data["old"]), entry.entry_id
        )
        registry.async_remove_device(device.id)
        assert await hass.config_entries.async_reload(entry.entry_id)
        await settle(house, entry)
        await until(
            lambda: hass_storage[f"{DOMAIN}.{entry.entry_id}.state"]["data"]["readded"] == {}
        )
        await hass.config_entries.async_unload(entry.entry_id)


async def test_the_offer_goes_with_the_entry(
    hass: HomeAssistant, house: House, broker: BrokerProcess, hass_storage: dict[str, Any]
) -> None:
    entry = await known_before(hass, broker, serial="S1")
    async with simulator(broker, ChargepointSetup(serial="S1", address="8")):
        await load(hass, entry)
        assert await settle(house, entry)
        await hass.config_entries.async_remove(entry.entry_id)
        assert not await settle(house, entry)
        assert f"{DOMAIN}.{entry.entry_id}.state" not in hass_storage


async def test_a_device_that_is_not_ours_has_not_moved(
    hass: HomeAssistant, house: House, broker: BrokerProcess
) -> None:
    """Another client can have put one below our entry, with the same serial number."""
    async with simulator(broker, ChargepointSetup(serial="S1", address="8")):
        entry = other_broker(broker)
        entry.add_to_hass(hass)
        dr.async_get(hass).async_get_or_create(
            config_entry_id=entry.entry_id,
            connections={("of another client", "x")},
            manufacturer="Acme",
            serial_number="S1",
        )
        await load(hass, entry)
        assert not await settle(house, entry)
        await hass.config_entries.async_unload(entry.entry_id)
