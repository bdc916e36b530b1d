"""Found on Home Assistant's own broker, whose MQTT integration begins a flow per message."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import aiomqtt
from homeassistant.components.mqtt.client import async_on_subscribe_done, async_subscribe
from homeassistant.config_entries import (
    SOURCE_IGNORE,
    SOURCE_MQTT,
    ConfigEntry,
    ConfigEntryState,
    ConfigFlowResult,
)
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers.discovery_flow import DiscoveryKey
from homeassistant.helpers.service_info.mqtt import MqttServiceInfo
from homeassistant.loader import async_get_integration
import orjson
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fimp_chargepoint.chargepoint.transport import mqtt
from custom_components.fimp_chargepoint.const import DOMAIN
from simulators.everest import EverestSimulator, EvseSetup
from simulators.mqtt import Broker
from tests.broker import BrokerProcess
from tests.conftest import MakeBroker
from tests.helpers.waiting import PATIENCE

from .conftest import QUICK, load, mqtt_entry, other_broker, simulator, until
from .flow import CREDENTIALS, begin, finish, form, submit

FIMP = "pt:j1/mt:evt/rt:dev/rn:easee/ad:1/sv:chargepoint/ad:3"
EVSE = "everest_api/1/evse_manager_consumer/evse_1/e2m"
CONNECTORS = "everest_api/connectors"
READY = "is/anybody/there"
HEARD = {"name": "Charge point easee 3"}


def fimp(kind: str = "evt.state.report", value: Any = "charging", **fields: Any) -> str:
    """Return a message of a chargepoint service."""
    fields = {"type": kind, "serv": "chargepoint", "val_t": "string", "val": value, **fields}
    return orjson.dumps(fields).decode()


def cards(hass: HomeAssistant) -> list[ConfigFlowResult]:
    """Return what is offered to the user."""
    flows = hass.config_entries.flow.async_progress_by_handler(DOMAIN)
    return [each for each in flows if each["context"]["source"] == SOURCE_MQTT]


async def discover(
    hass: HomeAssistant,
    topic: str = FIMP,
    payload: str | bytes | None = None,
    *,
    retain: bool = False,
) -> ConfigFlowResult:
    """Let a message come in the way Home Assistant's MQTT integration hands it over."""
    return await hass.config_entries.flow.async_init(
        DOMAIN,
        context={
            "source": SOURCE_MQTT,
            "discovery_key": DiscoveryKey(domain="mqtt", key=topic, version=1),
        },
        data=MqttServiceInfo(
            topic=topic,
            payload=fimp() if payload is None else payload,
            qos=0,
            retain=retain,
            subscribed_topic=topic,
            timestamp=0.0,
        ),
    )


class OtherClient:
    """Another client on the broker."""

    def __init__(self, hass: HomeAssistant, owner: ConfigEntry, client: aiomqtt.Client) -> None:
        """Publish through `client` to Home Assistant and its entry for the broker."""
        self._hass = hass
        self._owner = owner
        self._client = client

    async def publish(self, topic: str, payload: str, *, retain: bool = False) -> None:
        """Publish a message; those of one client keep their order."""
        await self._client.publish(topic, payload, qos=1, retain=retain)

    async def start_home_assistant_mqtt(self) -> None:
        """Set up the real MQTT integration, and wait until it gets what our manifest wants."""
        assert await self._hass.config_entries.async_setup(self._owner.entry_id)
        for topic in (await async_get_integration(self._hass, DOMAIN)).mqtt or ():
            subscribed = asyncio.Event()
            stop = async_on_subscribe_done(self._hass, topic, 0, subscribed.set)
            async with asyncio.timeout(PATIENCE):
                await subscribed.wait()
            stop()
        # So far they may be only on their way. A broker takes them in order, so what is
        # subscribed to last confirms all.
        heard = asyncio.Event()
        await async_subscribe(self._hass, READY, lambda _: heard.set())
        async with asyncio.timeout(PATIENCE):
            while not heard.is_set():
                await self.publish(READY, "?")
                await asyncio.sleep(0.05)


@pytest.fixture(name="early_client")
async def early_client_fixture(
    hass: HomeAssistant, broker: BrokerProcess, mock_hass_config: None
) -> AsyncGenerator[OtherClient]:
    """Home Assistant does not listen yet."""
    owner = mqtt_entry(hass, broker)
    hass.config_entries.async_update_entry(owner, options={"birth_message": {}})
    async with mqtt._Client(broker.host, broker.port) as client:
        yield OtherClient(hass, owner, client)
    await hass.config_entries.async_unload(owner.entry_id)


@pytest.fixture(name="other_client")
async def other_client_fixture(early_client: OtherClient) -> OtherClient:
    """Home Assistant listens."""
    await early_client.start_home_assistant_mqtt()
    return early_client


# On a real broker, through the real MQTT integration ---------------------------------------


async def test_one_click(
    hass: HomeAssistant, broker: BrokerProcess, other_client: OtherClient
) -> None:
    """From the first words of an adapter to the entities of its charge point."""
    async with simulator(broker):
        (card,) = await until(lambda: cards(hass), "a card")
        assert card["context"]["title_placeholders"] == {"name": "Charge point easee 1"}
        assert card["step_id"] == "confirm"
        result = await hass.config_entries.flow.async_configure(card["flow_id"])
        assert result["description_placeholders"]["name"] == "Charge point easee 1"

        result = await submit(hass, card, {})
        assert result["type"] is FlowResultType.CREATE_ENTRY
        assert result["title"] == "Home Assistant MQTT"
        assert result["data"] == {"hub": "home_assistant", "prefixes": [""]}
        entry = result["result"]
        assert entry.unique_id == "ha_mqtt"
        await until(lambda: hass.states.get("sensor.acme_wallbox_status"))
        assert entry.state is ConfigEntryState.LOADED
        # It continues to publish, and the user is not asked again.
        assert not cards(hass)
        await hass.config_entries.async_unload(entry.entry_id)


@pytest.mark.parametrize("dialect", ["main", "2025.10", "legacy"])
async def test_station(
    hass: HomeAssistant, broker: BrokerProcess, other_client: OtherClient, dialect: str
) -> None:
    """All messages of a station that starts make one card."""
    where = Broker(broker.host, broker.port)
    setup = EvseSetup(module="evse_1", connector="evse_1")
    async with EverestSimulator(where, setup, dialect=dialect, timing=QUICK):
        await until(lambda: cards(hass), "a card")
        await hass.async_block_till_done()
        (card,) = cards(hass)
        assert card["context"]["title_placeholders"] == {"name": "EVerest evse_1"}


async def test_only_what_comes_from_a_charge_point(
    hass: HomeAssistant, early_client: OtherClient
) -> None:
    """Whatever others publish before, the first charge point is the one on the card."""
    other_client, other = early_client, FIMP.replace("ad:3", "ad:2")
    await other_client.publish(other, fimp(), retain=True)
    await other_client.start_home_assistant_mqtt()
    await other_client.publish(other, "")
    await other_client.publish(other, "nonsense")
    await other_client.publish(other, fimp("evt.error.report"))
    await other_client.publish(CONNECTORS, "[]")
    await other_client.publish(f"{EVSE}/hw_capabilities", "{}")
    await other_client.publish(f"{EVSE}/heartbeat", "{}")
    await other_client.publish(FIMP, fimp())
    (card,) = await until(lambda: cards(hass), "a card")
    assert card["context"]["title_placeholders"] == HEARD


async def ignore(hass: HomeAssistant) -> None:
    """Press *Ignore* on the only card, which goes."""
    (card,) = await until(lambda: cards(hass), "a card")
    await hass.config_entries.flow.async_init(
        DOMAIN,
        context={
            "source": SOURCE_IGNORE,
            "discovery_key": card["context"]["discovery_key"],
        },
        data={"unique_id": card["context"]["unique_id"], "title": "Charge point easee 3"},
    )
    assert not cards(hass)


async def test_ignored_until_that_is_taken_back(
    hass: HomeAssistant, other_client: OtherClient
) -> None:
    await other_client.publish(FIMP, fimp())
    await ignore(hass)
    (entry,) = hass.config_entries.async_entries(DOMAIN)
    assert entry.source == SOURCE_IGNORE
    assert (await discover(hass))["reason"] == "already_configured"

    await hass.config_entries.async_remove(entry.entry_id)
    (card,) = await until(lambda: cards(hass), "the card to come back")
    assert card["context"]["title_placeholders"] == HEARD


async def test_removed_entry_is_offered_again(
    hass: HomeAssistant, other_client: OtherClient
) -> None:
    await other_client.publish(FIMP, fimp())
    (card,) = await until(lambda: cards(hass), "a card")
    entry = (await submit(hass, card, {}))["result"]
    await hass.async_block_till_done()
    await hass.config_entries.async_remove(entry.entry_id)
    await until(lambda: cards(hass), "the card to come back")


# What counts as a charge point ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("topic", "payload", "name"),
    [
        (FIMP, fimp(), "Charge point easee 3"),
        (FIMP, fimp("evt.cable_lock.report", value=True, val_t="bool"), "Charge point easee 3"),
        (f"{EVSE}/evse_id", '"DE*PNX*E12345*1"', "EVerest evse_1"),
        (f"{EVSE}/selected_protocol", '"Unknown"', "EVerest evse_1"),
        (f"{EVSE}/hw_capabilities", '{"max_current_A_import":32.0}', "EVerest evse_1"),
        (CONNECTORS, '["connector_1","connector_2"]', "EVerest connector_1"),
    ],
)
async def test_charge_point(
    hass: HomeAssistant, other_client: OtherClient, topic: str, payload: str, name: str
) -> None:
    """Each of the topics in our manifest is enough."""
    await other_client.publish(topic, payload)
    (card,) = await until(lambda: cards(hass), "a card")
    assert card["context"]["title_placeholders"] == {"name": name}


async def test_bytes(hass: HomeAssistant) -> None:
    """The MQTT integration may hand over what it did not decode."""
    assert (await discover(hass, payload=fimp().encode()))["step_id"] == "confirm"


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        (FIMP, ""),
        (FIMP, "nonsense"),
        (FIMP, "[]"),
        (FIMP, fimp(value=7)),
        (FIMP, fimp("evt.something.report")),
        (FIMP, fimp("evt.error.report")),
        (FIMP, fimp("cmd.charge.start")),
        (FIMP.replace("rn:easee", "rn:"), fimp()),
        (FIMP.replace("rn:easee", "easee"), fimp()),
        (FIMP.replace("sv:chargepoint", "sv:meter_elec"), fimp()),
        (f"{EVSE}/evse_id", ""),
        (f"{EVSE}/evse_id", "null"),
        (f"{EVSE}/evse_id", '""'),
        (f"{EVSE}/evse_id", "{}"),
        (f"{EVSE}/selected_protocol", "Unknown"),
        (f"{EVSE}/hw_capabilities", '{"max_current_A_import":"much"}'),
        (f"{EVSE}/hw_capabilities", "7"),
        (f"{EVSE}/something", '"text"'),
        (CONNECTORS, "[]"),
        (CONNECTORS, "{}"),
        (CONNECTORS, '[7, "", "a/b", "#"]'),
        ("somewhere/else", fimp()),
    ],
)
async def test_no_charge_point(hass: HomeAssistant, topic: str, payload: str) -> None:
    """Messages that no charge point sends make no card, and no log entry."""
    result = await discover(hass, topic, payload)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "invalid_discovery_info"


async def test_retained(hass: HomeAssistant) -> None:
    """Charge points retain nothing: this is of another day."""
    assert (await discover(hass, retain=True))["reason"] == "invalid_discovery_info"


# Existing entries -----------------------------------------------------------------------------


async def test_many_messages_make_one_card(hass: HomeAssistant) -> None:
    await discover(hass)
    for topic, payload in ((FIMP, fimp(value="finished")), (CONNECTORS, '["connector_1"]')):
        assert (await discover(hass, topic, payload))["reason"] == "already_in_progress"
    (card,) = cards(hass)
    assert card["context"]["title_placeholders"] == HEARD


async def test_set_up_by_hand(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """The card does not keep anybody from that, and goes with it."""
    mqtt_entry(hass, broker)
    await discover(hass)
    result = await submit(hass, await begin(hass, "home_assistant"), {"topics": {}})
    assert cards(hass)
    entry = (await finish(hass, result, "nothing_found"))["result"]
    assert not cards(hass)

    # Home Assistant counts the message, which would be stored for every message.
    for number in range(3):
        result = await discover(hass, FIMP.replace("ad:3", f"ad:{number}"))
        assert result["reason"] == "already_configured"
    assert len(entry.discovery_keys["mqtt"]) == 1


async def test_set_up_by_hand_although_it_was_ignored(
    hass: HomeAssistant, broker: BrokerProcess
) -> None:
    mqtt_entry(hass, broker)
    await discover(hass)
    await ignore(hass)
    result = await submit(hass, await begin(hass, "home_assistant"), {"topics": {}})
    await finish(hass, result, "nothing_found")
    (entry,) = hass.config_entries.async_entries(DOMAIN)
    assert entry.state is ConfigEntryState.LOADED


async def test_same_broker_by_another_way(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """The card goes with an entry that leads to the same messages, and stays away."""
    mqtt_entry(hass, broker)
    await discover(hass)
    fields = form(broker, topics={"prefixes": ["site/"]})
    result = await submit(hass, await begin(hass, "broker"), fields)
    await finish(hass, result, "nothing_found")
    # Below a prefix others are looked for.
    assert cards(hass)

    result = await submit(hass, await begin(hass, "broker"), form(broker))
    await finish(hass, result, "nothing_found")
    assert not cards(hass)
    assert (await discover(hass))["reason"] == "already_configured"
    result = await submit(hass, await begin(hass, "home_assistant"), {"topics": {}})
    assert result["reason"] == "already_configured"


async def test_reconfigured_to_the_same_broker(
    hass: HomeAssistant, make_broker: MakeBroker
) -> None:
    broker, elsewhere = make_broker(), make_broker()
    mqtt_entry(hass, broker)
    entry = await load(hass, other_broker(elsewhere))
    await discover(hass)
    result = await submit(hass, await entry.start_reconfigure_flow(hass), form(broker))
    assert result["reason"] == "reconfigure_successful"
    assert not cards(hass)
    await hass.async_block_till_done()


async def test_home_assistants_broker_by_its_address(
    hass: HomeAssistant, broker: BrokerProcess
) -> None:
    """All of it would be there twice."""
    mqtt_entry(hass, broker)
    MockConfigEntry(
        domain=DOMAIN,
        unique_id="ha_mqtt",
        data={"hub": "home_assistant", "prefixes": [""]},
    ).add_to_hass(hass)
    result = await submit(hass, await begin(hass, "broker"), form(broker))
    assert result["reason"] == "already_configured"


async def test_brought_here_by_a_bridge(hass: HomeAssistant, make_broker: MakeBroker) -> None:
    """The charge point that an entry has from its own broker is not offered once more."""
    own, bridged = make_broker(), make_broker()
    mqtt_entry(hass, bridged)
    async with simulator(own):
        topic = FIMP.replace("ad:3", "ad:1")
        card = await discover(hass, topic)
        entry = await load(hass, other_broker(own))
        await until(lambda: hass.states.get("sensor.acme_wallbox_status"), "the entities")
        assert (await submit(hass, card, {}))["reason"] == "already_configured"
        await hass.config_entries.async_unload(entry.entry_id)
        # As at a start of Home Assistant, before the charge point reports again.
        assert (await discover(hass, topic))["reason"] == "already_configured"
        assert (await discover(hass))["step_id"] == "confirm"


# Errors --------------------------------------------------------------------------------------


async def test_broker_is_away_when_it_is_confirmed(
    hass: HomeAssistant, broker: BrokerProcess
) -> None:
    mqtt_entry(hass, broker)
    card = await discover(hass)
    await hass.async_add_executor_job(broker.stop)
    result = await submit(hass, card, {})
    assert result["errors"] == {"base": "cannot_connect"}
    assert result["description_placeholders"].items() >= HEARD.items()
    broker.start()
    result = await submit(hass, result, {})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()


async def test_refused_when_it_is_confirmed(hass: HomeAssistant, make_broker: MakeBroker) -> None:
    """Other credentials than those of the MQTT integration cannot be given here."""
    owner = mqtt_entry(hass, make_broker(credentials=True))
    result = await submit(hass, await discover(hass), {})
    assert result["errors"] == {"base": "mqtt_invalid_auth"}
    hass.config_entries.async_update_entry(owner, data=owner.data | CREDENTIALS)
    result = await submit(hass, result, {})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()


async def test_mqtt_integration_is_gone_when_it_is_confirmed(hass: HomeAssistant) -> None:
    result = await submit(hass, await discover(hass), {})
    assert result["errors"] == {"base": "cannot_connect"}
