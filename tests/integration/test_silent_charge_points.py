"""A charge point that has been silent for a day."""

from datetime import datetime, timedelta
from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
)
from pytest_homeassistant_custom_component.typing import (
    ClientSessionGenerator,
    WebSocketGenerator,
)

from custom_components.fimp_chargepoint.const import DOMAIN
from custom_components.fimp_chargepoint.entity import value_text
from simulators.fimp import ChargepointSetup
from tests.broker import BrokerProcess

from .conftest import Chargepoint, find, load, other_broker, simulator, until
from .house import HOUR, House


async def everything_came(entry: MockConfigEntry) -> None:
    """Wait for what is under way: hours must not pass before it has come."""
    hub = entry.runtime_data.hub
    ignored = hub.ignored["json"]
    hub.send("pt:j1/mt:evt/rt:dev/rn:easee/ad:1/sv:chargepoint/ad:1", b"nonsense")
    await until(lambda: hub.ignored["json"] > ignored)


async def known_before(hass: HomeAssistant, broker: BrokerProcess) -> MockConfigEntry:
    """Return an entry that is loaded without the charge point that it knew before."""
    async with simulator(broker, ChargepointSetup(profile="full")):
        entry = await load(hass, other_broker(broker))
        nodes = entry.runtime_data.hub.nodes.values()
        await until(lambda: any(each.snapshot.available for each in nodes), "it to be seen")
        await hass.async_block_till_done()
        await hass.config_entries.async_unload(entry.entry_id)
    await load(hass, entry)
    await everything_came(entry)
    return entry


def device_id(hass: HomeAssistant, entry: MockConfigEntry) -> str:
    """Return the id of the only device of a charge point."""
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    (found,) = [each.id for each in devices if each.entry_type is None]
    return found


async def test_silent_for_a_day(hass: HomeAssistant, house: House, broker: BrokerProcess) -> None:
    async with simulator(broker, ChargepointSetup(profile="full")) as point:
        entry = await load(hass, other_broker(broker))
        found = Chargepoint(hass, point, entry)
        await found.wait_for_state("sensor", "status", "disconnected")
    await everything_came(entry)
    await house.waits(entry, 23)
    assert found.state("sensor", "status") == "unavailable"
    assert not house.issues
    # A reload does not delay it by another day.
    await hass.config_entries.async_reload(entry.entry_id)
    await house.waits(entry, 2)
    (issue,) = house.issues
    texts = dict(issue.translation_placeholders or {})
    assert datetime.fromisoformat(texts["since"])
    assert (texts["name"], texts["title"]) == ("Acme Wallbox", "Charging")
    assert issue.is_fixable
    async with simulator(broker, ChargepointSetup(profile="full")):
        await until(lambda: not house.issues, "the issue to go")
        await found.wait_for_state("sensor", "status", "disconnected")
        await house.waits(entry, 2)
        assert not house.issues
        await hass.config_entries.async_unload(entry.entry_id)


async def test_silent_before_a_restart(
    hass: HomeAssistant, house: House, broker: BrokerProcess, hass_storage: dict[str, Any]
) -> None:
    """The day began before it; but all charge points have an hour to report first."""
    entry = await known_before(hass, broker)
    await hass.config_entries.async_unload(entry.entry_id)
    stored = hass_storage[f"{DOMAIN}.{entry.entry_id}.history"]["data"]["last_seen"]
    record = stored["fimp:easee/1/1"]
    at = datetime.fromisoformat(record["at"])
    assert timedelta() <= dt_util.utcnow() - at < timedelta(hours=2)
    at -= timedelta(hours=26)
    record["at"] = at.isoformat()
    await load(hass, entry)
    await everything_came(entry)
    await house.waits(entry, 0.5)
    assert not house.issues
    await house.waits(entry, 1)
    (issue,) = house.issues
    assert issue.translation_placeholders is not None
    assert issue.translation_placeholders["since"] == value_text(at)
    await hass.config_entries.async_unload(entry.entry_id)


async def test_silent_from_the_first_start_on(
    hass: HomeAssistant, broker: BrokerProcess, hass_storage: dict[str, Any]
) -> None:
    """Also if no other charge point is there, a restart does not begin the day anew."""
    entry = await known_before(hass, broker)
    await hass.config_entries.async_unload(entry.entry_id)
    history = f"{DOMAIN}.{entry.entry_id}.history"
    del hass_storage[history]
    await load(hass, entry)
    await everything_came(entry)
    await hass.config_entries.async_unload(entry.entry_id)
    assert "fimp:easee/1/1" in hass_storage[history]["data"]["last_seen"]


async def test_last_seen_is_written_at_most_every_hour(
    hass: HomeAssistant, house: House, chargepoint: Chargepoint
) -> None:
    delays: list[float] = []
    chargepoint.entry.runtime_data.storage.last_seen.save = delays.append
    await chargepoint.wait_for_state("sensor", "status", "disconnected")
    # Not so long that it would have to be asked whether it is still there.
    await house.passes(2)
    await house.passes(2)
    assert set(delays) == {HOUR}


async def test_offline_for_a_day(
    hass: HomeAssistant, house: House, chargepoint: Chargepoint
) -> None:
    """Its adapter is online, and reports it as offline."""
    await chargepoint.point.offline()
    await chargepoint.wait_for_state("sensor", "status", "unavailable")
    await house.waits(chargepoint.entry, 23)
    assert not house.issues
    await house.waits(chargepoint.entry, 2)
    assert house.issues
    await chargepoint.point.online()
    await until(lambda: not house.issues, "the issue to go")


async def test_who_speaks_is_not_missed(
    hass: HomeAssistant, house: House, chargepoint: Chargepoint
) -> None:
    """Days may pass in which nothing changes."""
    for _ in range(3):
        await house.waits(chargepoint.entry, 20)
        await chargepoint.wait_for_state("sensor", "status", "disconnected")
    assert not house.issues


async def test_never_came(
    hass: HomeAssistant,
    house: House,
    broker: BrokerProcess,
    hass_client: ClientSessionGenerator,
) -> None:
    """The repair removes the device; a charge point that reports later is found again."""
    assert await async_setup_component(hass, "repairs", {})
    entry = await known_before(hass, broker)
    await house.waits(entry, 23)
    assert not house.issues
    await house.waits(entry, 2)
    (issue,) = house.issues
    records = entry.runtime_data.storage.requests
    records.load({"fimp:easee/1/1": {"limits": {"max_current": 8.0}}})
    records.save(10.0)
    client = await hass_client()
    flow: dict[str, Any] = {"handler": DOMAIN, "issue_id": issue.issue_id}
    step = await (await client.post("/api/repairs/issues/fix", json=flow)).json()
    url = f"/api/repairs/issues/fix/{step['flow_id']}"
    assert (await (await client.post(url, json={})).json())["type"] == "create_entry"
    assert not house.issues
    assert find(hass, "switch", "charging") is None
    assert entry.state is ConfigEntryState.LOADED
    assert not [*entry.runtime_data.storage.requests]
    await house.waits(entry, 30)
    assert not house.issues
    async with simulator(broker, ChargepointSetup(profile="full")):
        await until(lambda: find(hass, "switch", "charging"), "it to be found anew")
        await hass.config_entries.async_unload(entry.entry_id)


async def test_deleted_by_the_user(
    hass: HomeAssistant,
    house: House,
    broker: BrokerProcess,
    hass_ws_client: WebSocketGenerator,
) -> None:
    assert await async_setup_component(hass, "config", {})
    entry = await known_before(hass, broker)
    await house.waits(entry, 25)
    assert house.issues
    client = await hass_ws_client()
    answer = await client.remove_device(device_id(hass, entry))
    assert answer["success"]
    assert not house.issues
    await house.waits(entry, 2)
    assert not house.issues
    await hass.config_entries.async_unload(entry.entry_id)


async def test_without_the_broker_nobody_is_missed(
    hass: HomeAssistant, house: House, broker: BrokerProcess
) -> None:
    """The issue is about the broker; when it is back, all have their time to report."""
    entry = await known_before(hass, broker)
    hub = entry.runtime_data.hub
    await hass.async_add_executor_job(broker.stop)
    await until(lambda: not hub.transport.connected)
    await house.waits(entry, 30)
    assert not house.issues
    await hass.async_add_executor_job(broker.start)
    await until(lambda: hub.transport.connected)
    await house.waits(entry, 0.5)
    assert not house.issues
    await house.waits(entry, 1)
    assert house.issues
    await hass.config_entries.async_unload(entry.entry_id)
    assert not house.issues


async def test_a_device_that_is_not_ours_is_missed_by_nobody(
    hass: HomeAssistant, house: House, broker: BrokerProcess
) -> None:
    """Another client can have put one below our entry."""
    entry = await load(hass, other_broker(broker))
    for name in ("a", "b"):
        dr.async_get(hass).async_get_or_create(
            config_entry_id=entry.entry_id, connections={("of another client", name)}
        )
    await hass.config_entries.async_reload(entry.entry_id)
    await house.waits(entry, 25)
    assert not house.issues
    await hass.config_entries.async_unload(entry.entry_id)
