"""One broker under several names: nothing on it is there twice."""

from datetime import timedelta
import json
from typing import Any

import aiomqtt
from homeassistant.config_entries import ConfigEntryState, ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.service_info.mqtt import MqttServiceInfo
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)
import pytest_socket

from custom_components.fimp_chargepoint.chargepoint import create_mqtt_hub
from custom_components.fimp_chargepoint.chargepoint.echo import (
    TOPIC,
    reaches_any,
    share_messages,
)
from custom_components.fimp_chargepoint.chargepoint.mqtt_hub import MqttHub
from custom_components.fimp_chargepoint.chargepoint.transport.mqtt import MqttSettings
from custom_components.fimp_chargepoint.const import DATA_CLOCK, DOMAIN
from custom_components.fimp_chargepoint.flow import discovery_scan
from custom_components.fimp_chargepoint.repair_issues import duplicate_entry
from harness.broker import HOST
from simulators.everest import EverestSimulator, EvseSetup
from simulators.mqtt import Broker
from tests.broker import USERNAME, BrokerProcess
from tests.conftest import MakeBroker

from .conftest import QUICK, load, mqtt_entry, other_broker, simulator, until
from .flow import CREDENTIALS, begin, finish, form, submit
from .house import QuickClock

#: Another name of the host of all brokers here.
LOCALHOST = "localhost"
#: Rules that allow everything except the probe that detects duplicate entries.
SWALLOWS_ECHOES = "topic read #\ntopic write pt:j1/#\ntopic write everest_api/#\n"
MESSAGE = "pt:j1/mt:evt/rt:dev/rn:easee/ad:1/sv:chargepoint/ad:1"


@pytest.fixture(autouse=True)
def _names(make_broker: MakeBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Use the name of this machine as well, also if that is an IPv6 address."""
    pytest_socket.socket_allow_hosts([HOST, "::1"])
    monkeypatch.setattr(duplicate_entry, "HEARING_SECONDS", 0.5)


@pytest.fixture(autouse=True)
async def _clock(hass: HomeAssistant) -> None:
    """Use a clock that can be moved."""
    hass.data[DATA_CLOCK] = QuickClock()


@pytest.fixture(name="deaf_broker")
def deaf_broker_fixture(make_broker: MakeBroker, tmp_path: Any) -> BrokerProcess:
    """A broker that swallows the probe that detects duplicate entries."""
    rules = tmp_path / "rules of the deaf one"
    rules.write_text(SWALLOWS_ECHOES)
    rules.chmod(0o600)
    return make_broker(lines=f"acl_file {rules}")


async def aborted(hass: HomeAssistant, result: ConfigFlowResult) -> None:
    """A flow leaves nothing: neither an entry nor a connection."""
    assert result["type"] is FlowResultType.ABORT, result
    assert result["reason"] == "already_configured"
    assert not hass.config_entries.flow.async_progress()


def issues(hass: HomeAssistant) -> list[ir.IssueEntry]:
    """Return the issues about entries that receive the same messages."""
    found = ir.async_get(hass).issues.values()
    return [each for each in found if each.translation_key == "duplicate_entry" and each.active]


async def time_passes(hass: HomeAssistant, minutes: float = 11) -> None:
    """Let the entries look for each other."""
    for _ in range(int(minutes)):
        hass.data[DATA_CLOCK].ahead += 60
        async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=1, seconds=1))
        await hass.async_block_till_done(wait_background_tasks=True)


async def unload(hass: HomeAssistant, *entries: MockConfigEntry) -> None:
    """End what a test has loaded."""
    for each in entries:
        await hass.config_entries.async_unload(each.entry_id)


# The flow -------------------------------------------------------------------------------


@pytest.mark.parametrize(("first", "second"), [(HOST, LOCALHOST), (LOCALHOST, HOST)])
async def test_by_address_and_by_name(
    hass: HomeAssistant, broker: BrokerProcess, first: str, second: str
) -> None:
    entry = await load(hass, other_broker(broker, host=first))
    assert entry.state is ConfigEntryState.LOADED
    fields = form(broker, host=second)
    await aborted(hass, await submit(hass, await begin(hass), fields))
    # One prefix in common is enough.
    fields = form(broker, host=second, topics={"prefixes": ["site/", ""]})
    await aborted(hass, await submit(hass, await begin(hass), fields))
    # No entry has received it.
    hub = entry.runtime_data.hub
    assert not hub.nodes
    assert not hub.ignored
    await unload(hass, entry)


async def test_home_assistants_broker_by_another_name(
    hass: HomeAssistant, broker: BrokerProcess
) -> None:
    """First by its name here, then through the MQTT integration, which has its address."""
    mqtt_entry(hass, broker)
    entry = await load(hass, other_broker(broker, host=LOCALHOST))
    result = await submit(hass, await begin(hass, "home_assistant"), {"topics": {}})
    await aborted(hass, result)
    await unload(hass, entry)


async def test_another_name_for_home_assistants_broker(
    hass: HomeAssistant, broker: BrokerProcess
) -> None:
    mqtt_entry(hass, broker)
    data = {"hub": "home_assistant", "prefixes": [""]}
    entry = await load(hass, MockConfigEntry(domain=DOMAIN, unique_id="ha_mqtt", data=data))
    fields = form(broker, host=LOCALHOST)
    await aborted(hass, await submit(hass, await begin(hass, "broker"), fields))
    await unload(hass, entry)


async def test_discovered_on_a_broker_that_has_another_name(
    hass: HomeAssistant, broker: BrokerProcess
) -> None:
    """A card of the MQTT integration, although its broker was set up by another name."""
    mqtt_entry(hass, broker)
    entry = await load(hass, other_broker(broker, host=LOCALHOST))
    message = {"type": "evt.state.report", "serv": "chargepoint", "val_t": "string"}
    card = await hass.config_entries.flow.async_init(
        DOMAIN,
        context={"source": "mqtt"},
        data=MqttServiceInfo(
            topic=MESSAGE,
            payload=json.dumps(message | {"val": "charging"}),
            qos=0,
            retain=False,
            subscribed_topic=MESSAGE,
            timestamp=0.0,
        ),
    )
    assert card["step_id"] == "confirm"
    await aborted(hass, await submit(hass, card, {}))
    await unload(hass, entry)


async def test_prefixes_without_anything_in_common(
    hass: HomeAssistant, broker: BrokerProcess
) -> None:
    """One broker can have several entries; each has its own topics."""
    entry = await load(hass, other_broker(broker, prefixes=["site1/", "site3/"]))
    fields = form(broker, host=LOCALHOST, topics={"prefixes": ["site2/", ""]})
    result = await submit(hass, await begin(hass), fields)
    second = (await finish(hass, result, "nothing_found"))["result"]
    assert second.state is ConfigEntryState.LOADED
    await time_passes(hass)
    assert not issues(hass)
    await unload(hass, entry, second)


async def test_reconfigured_to_another_name_of_its_own_broker(
    hass: HomeAssistant, broker: BrokerProcess
) -> None:
    """It receives its own probe, which does not count as a duplicate."""
    entry = await load(hass, other_broker(broker))
    result = await entry.start_reconfigure_flow(hass)
    result = await submit(hass, result, form(broker, host=LOCALHOST))
    assert result["reason"] == "reconfigure_successful"
    await hass.async_block_till_done()
    assert entry.data["host"] == LOCALHOST
    await unload(hass, entry)


async def test_reconfigured_to_the_broker_of_another_one(
    hass: HomeAssistant, make_broker: MakeBroker
) -> None:
    broker, elsewhere = make_broker(), make_broker()
    entry = await load(hass, other_broker(broker))
    other = await load(hass, other_broker(elsewhere))
    result = await other.start_reconfigure_flow(hass)
    await aborted(hass, await submit(hass, result, form(broker, host=LOCALHOST)))
    assert other.data["port"] == elsewhere.port
    # The MQTT integration may have been pointed there.
    mqtt_entry(hass, broker)
    await unload(hass, entry, other)


async def test_home_assistants_broker_reconfigured(
    hass: HomeAssistant, broker: BrokerProcess
) -> None:
    """Other prefixes of the same broker may be those of another entry."""
    mqtt_entry(hass, broker)
    other = await load(hass, other_broker(broker, host=LOCALHOST))
    data = {"hub": "home_assistant", "prefixes": ["site/"]}
    entry = await load(hass, MockConfigEntry(domain=DOMAIN, unique_id="ha_mqtt", data=data))
    result = await submit(hass, await entry.start_reconfigure_flow(hass), {"topics": {}})
    await aborted(hass, result)
    await unload(hass, entry, other)


async def test_new_credentials_for_the_broker_of_another_one(
    hass: HomeAssistant, make_broker: MakeBroker
) -> None:
    broker = make_broker(credentials=True)
    entry = await load(hass, other_broker(broker, **CREDENTIALS))
    old = {"username": USERNAME, "password": "old"}
    other = await load(hass, other_broker(broker, host=LOCALHOST, **old))
    assert other.state is ConfigEntryState.SETUP_ERROR
    (flow,) = hass.config_entries.flow.async_progress()
    await aborted(hass, await submit(hass, flow, CREDENTIALS))
    await unload(hass, entry)
    # Without the other one there is nothing against them.
    flow = await other.start_reauth_flow(hass)
    assert (await submit(hass, flow, CREDENTIALS))["reason"] == "reauth_successful"
    await hass.async_block_till_done()
    await unload(hass, other)


async def test_another_broker_is_another_broker(
    hass: HomeAssistant, make_broker: MakeBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same prefix, even the same topics, on the same host."""
    monkeypatch.setattr(discovery_scan, "SEARCH_SECONDS", 1.5)
    one, two = make_broker(), make_broker()
    async with simulator(one), simulator(two):
        entry = await load(hass, other_broker(one))
        result = await submit(hass, await begin(hass), form(two, host=LOCALHOST))
        second = (await finish(hass, result, "found"))["result"]
        await until(lambda: entry.runtime_data.hub.nodes and second.runtime_data.hub.nodes)
        await time_passes(hass)
        assert not issues(hass)
        await unload(hass, entry, second)


async def test_closed_while_it_is_listened(
    hass: HomeAssistant, broker: BrokerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A flow that ends in between leaves no connection behind."""
    hubs: list[MqttHub] = []

    async def broken(hub: MqttHub, *_: Any) -> bool:
        hubs.append(hub)
        raise RuntimeError("in between")

    monkeypatch.setattr(duplicate_entry, "reaches_any", broken)
    entry = await load(hass, other_broker(broker))
    with pytest.raises(RuntimeError, match="in between"):
        await submit(hass, await begin(hass), form(broker, host=LOCALHOST))
    assert [each.transport.connected for each in hubs] == [False]
    await unload(hass, entry)


# Unnoticed during the set-up --------------------------------------------------------------


async def twice(hass: HomeAssistant, broker: BrokerProcess) -> list[MockConfigEntry]:
    """Load two entries for one broker: the flow cannot keep that from happening always."""
    entries = []
    for title, host in (("Garage", HOST), ("Carport", LOCALHOST)):
        entry = other_broker(broker, host=host)
        entry.add_to_hass(hass)
        hass.config_entries.async_update_entry(entry, title=title)
        entries.append(await load(hass, entry))
    return entries


async def test_enabled_again_later(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """An entry that was not loaded could not answer; it is noticed without any charge point."""
    first, second = await twice(hass, broker)
    await time_passes(hass, minutes=2)
    (issue,) = issues(hass)
    names = issue.translation_placeholders
    assert (names["one"], names["two"]) == ("Carport", "Garage")
    assert issue.severity is ir.IssueSeverity.WARNING
    assert not issue.is_fixable
    await unload(hass, first)
    assert not issues(hass)
    await time_passes(hass)
    assert not issues(hass)
    await unload(hass, second)


async def test_rules_that_swallow_what_we_say(
    hass: HomeAssistant, deaf_broker: BrokerProcess
) -> None:
    """The flow cannot know; the ids of a charge point's messages show it."""
    async with simulator(deaf_broker, announce=False) as point:
        first = await load(hass, other_broker(deaf_broker))
        result = await submit(hass, await begin(hass), form(deaf_broker, host=LOCALHOST))
        assert result["type"] is FlowResultType.SHOW_PROGRESS
        await hass.async_block_till_done()
        result = await hass.config_entries.flow.async_configure(result["flow_id"])
        second = (await submit(hass, result, {}))["result"]
        await hass.async_block_till_done()
        hubs = [each.runtime_data.hub for each in (first, second)]
        await until(lambda: all(each.nodes for each in hubs), "both to find it")
        await point.plug()
        nodes = [node for hub in hubs for node in hub.nodes.values()]
        await until(lambda: all(each.snapshot.plugged for each in nodes), "both to hear of it")
        assert not await reaches_any(hubs[0], "", [hubs[1]], 0.3)
        await time_passes(hass)
        assert len(issues(hass)) == 1
        await hass.config_entries.async_remove(second.entry_id)
        assert not issues(hass)
        await unload(hass, first)


@pytest.mark.parametrize("dialect", ["main", "2025.10"])
async def test_a_station_behind_rules_that_swallow_what_we_say(
    hass: HomeAssistant, deaf_broker: BrokerProcess, dialect: str
) -> None:
    """Its messages have no ids while no car charges, but replies to our requests do."""
    where = Broker(deaf_broker.host, deaf_broker.port)
    async with EverestSimulator(where, EvseSetup(), dialect=dialect, timing=QUICK):
        entries = await twice(hass, deaf_broker)
        hubs = [each.runtime_data.hub for each in entries]
        await until(lambda: share_messages(*hubs), "a reply that both receive")
        assert not await reaches_any(hubs[0], "", [hubs[1]], 0.3)
        await time_passes(hass)
        assert len(issues(hass)) == 1
        await unload(hass, *entries)


async def test_forwarded_by_a_bridge(hass: HomeAssistant, make_broker: MakeBroker) -> None:
    """Two brokers: our messages stay on one of them, those of charge points are forwarded."""
    there = make_broker()
    bridge = f"connection there\naddress {HOST}:{there.port}\n"
    here = make_broker(lines=f'{bridge}topic pt:j1/# both 1 "" site/\n')
    async with simulator(here):
        entries = [
            await load(hass, other_broker(here)),
            await load(hass, other_broker(there, prefixes=["site/"])),
        ]
        hubs = [each.runtime_data.hub for each in entries]
        await until(lambda: hubs[0].nodes, "it to be found")
        await until(lambda: hubs[1].nodes, "it to be found there too")
        await until(lambda: share_messages(*hubs), "a message that both receive")
        assert not await reaches_any(hubs[0], "", [hubs[1]], 0.3)
        await time_passes(hass)
        assert len(issues(hass)) == 1
        await unload(hass, *entries)


async def test_the_same_station_twice(hass: HomeAssistant, make_broker: MakeBroker) -> None:
    """Stations of one type have the same topics and messages; only their ids differ."""
    brokers = make_broker(), make_broker()
    stations = [
        EverestSimulator(Broker(each.host, each.port), EvseSetup(), timing=QUICK)
        for each in brokers
    ]
    async with stations[0], stations[1]:
        entries = [await load(hass, other_broker(each)) for each in brokers]
        hubs = [each.runtime_data.hub for each in entries]
        await until(lambda: all(each.nodes for each in hubs), "both to be found")
        for station in stations:
            await station.plug()
        nodes = [node for hub in hubs for node in hub.nodes.values()]
        await until(lambda: all(each.snapshot.plugged for each in nodes), "both to be plugged")
        await time_passes(hass)
        assert not issues(hass)
        await unload(hass, *entries)


# The probe ----------------------------------------------------------------------------------


def hub_of(broker: BrokerProcess, *prefixes: str) -> MqttHub:
    """Return a hub of the library alone."""

    async def settings() -> MqttSettings:
        return MqttSettings(host=broker.host, port=broker.port)

    return create_mqtt_hub(settings, prefixes=prefixes)


async def test_heard_below_the_same_prefix_only(broker: BrokerProcess) -> None:
    one, two = hub_of(broker, "", "a/"), hub_of(broker, "a/", "b/")
    assert not await reaches_any(one, "", [one], 0.1)
    await one.start()
    await two.start()
    assert await reaches_any(one, "a/", [two], 2)
    assert not await reaches_any(one, "", [two], 0.3)
    assert await reaches_any(one, "", [one], 2)
    assert await reaches_any(two, "b/", [one, two], 2)
    await one.stop()
    await two.stop()


async def test_what_is_said_is_gone(broker: BrokerProcess) -> None:
    """Nothing is retained, and messages of others there are ignored."""
    hub = hub_of(broker, "")
    await hub.start()
    assert await reaches_any(hub, "", [hub], 2)
    late = hub_of(broker, "")
    heard: list[object] = []
    late.add_listener(heard.append)
    await late.start()
    async with aiomqtt.Client(HOST, broker.port) as stranger:
        for payload in (b"", b"x" * 1000, b"\xff"):
            await stranger.publish(TOPIC, payload, qos=1)
        await stranger.publish(TOPIC, b"retained", qos=1, retain=True)
    assert await reaches_any(late, "", [late], 2)
    assert not late.nodes
    assert set(late.ignored) <= {"retained"}
    await hub.stop()
    await late.stop()


async def test_a_broker_that_delivers_nothing(make_broker: MakeBroker) -> None:
    """It grants every subscription anyway."""
    hub = hub_of(make_broker(delivers=False), "")
    await hub.start()
    assert not await reaches_any(hub, "", [hub], 0.3)
    await hub.stop()
