"""The names of an EVerest EVSE and its entities do not depend on what is received first."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
import json
import time

import aiomqtt
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fimp_chargepoint.chargepoint.everest.api import protocol
from tests.broker import BrokerProcess
from tests.helpers.waiting import PATIENCE

from .conftest import load, other_broker, until

EVSE_ID = "DE*PNX*E12345*1"
TOPIC = "everest_api/1/evse_manager_consumer/carport/"
STATE = ("session_info", {"state": "Unplugged"})
NAME = ("evse_id", EVSE_ID)
BEAT = ("heartbeat", 1)
#: The first evidence of the EVSE, and what follows it a moment later.
ORDERS = ([NAME, STATE], [STATE, NAME], [BEAT, STATE, NAME])

type Message = tuple[str, object]


@pytest.fixture(name="patient")
def patient_fixture(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for an EVSE id for longer than any test."""
    monkeypatch.setattr(protocol, "NAMING_TIME", 10 * PATIENCE)


@pytest.fixture(name="entry")
async def entry_fixture(
    hass: HomeAssistant, broker: BrokerProcess
) -> AsyncGenerator[MockConfigEntry]:
    entry = await load(hass, other_broker(broker))
    yield entry
    await hass.config_entries.async_unload(entry.entry_id)


async def publish(client: aiomqtt.Client, messages: Sequence[Message]) -> None:
    """Publish what an EVSE reports, with a moment between the messages."""
    for variable, value in messages:
        await client.publish(f"{TOPIC}e2m/{variable}", json.dumps(value))
        await asyncio.sleep(0.2)


def registered(hass: HomeAssistant, entry: MockConfigEntry) -> tuple[str | None, set[str]]:
    """Return the name of the EVSE's device, and its enabled entities."""
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    names = [each.name for each in devices if (each.name or "").startswith("EVerest")]
    entities = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    return (names or [None])[0], {
        each.entity_id
        for each in entities
        if not each.disabled and not each.entity_id.endswith("_connection")
    }


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("order", ORDERS)
async def test_names_do_not_depend_on_the_order(
    hass: HomeAssistant, broker: BrokerProcess, entry: MockConfigEntry, order: list[Message]
) -> None:
    async with aiomqtt.Client(broker.host, broker.port) as client:
        await publish(client, order)
        await until(lambda: registered(hass, entry)[0] is not None)
        await hass.async_block_till_done()
        name, entities = registered(hass, entry)
    assert name == f"EVerest {EVSE_ID}"
    assert "sensor.everest_de_pnx_e12345_1_status" in entities
    assert all(".everest_de_pnx_e12345_1" in each for each in entities)


@pytest.mark.usefixtures("patient")
async def test_a_station_that_has_to_be_asked(
    hass: HomeAssistant, broker: BrokerProcess, entry: MockConfigEntry
) -> None:
    """Main publishes its EVSE id when it starts, and answers later."""
    async with aiomqtt.Client(broker.host, broker.port) as client:
        await client.subscribe(f"{TOPIC}m2e/evse_id/get")
        await publish(client, [STATE])
        question = await anext(aiter(client.messages))
        assert isinstance(question.payload, bytes)
        assert registered(hass, entry) == (None, set())
        reply_to = json.loads(question.payload)["headers"]["replyTo"]
        await client.publish(reply_to, json.dumps(EVSE_ID))
        await until(lambda: registered(hass, entry)[0] is not None)
        await hass.async_block_till_done()
    name, entities = registered(hass, entry)
    assert name == f"EVerest {EVSE_ID}"
    assert "sensor.everest_de_pnx_e12345_1_status" in entities


async def test_a_station_that_never_reports_its_id_waits_two_seconds(
    hass: HomeAssistant, broker: BrokerProcess, entry: MockConfigEntry
) -> None:
    async with aiomqtt.Client(broker.host, broker.port) as client:
        began = time.monotonic()
        await publish(client, [STATE])
        await until(lambda: registered(hass, entry)[0] is not None)
        assert time.monotonic() - began >= protocol.NAMING_TIME
        await hass.async_block_till_done()
    assert registered(hass, entry)[0] == "EVerest carport"
    # Earlier reports are shown at once.
    state = hass.states.get("sensor.everest_carport_status")
    assert state is not None
    assert state.state == "disconnected"


@pytest.mark.usefixtures("patient")
async def test_a_known_evse_keeps_its_name_and_does_not_wait(
    hass: HomeAssistant, broker: BrokerProcess, entry: MockConfigEntry
) -> None:
    """Releases before 2026.10 report their EVSE id when they start, and not when asked."""
    async with aiomqtt.Client(broker.host, broker.port) as client:
        await publish(client, [NAME, STATE])
        await until(lambda: registered(hass, entry)[0] is not None)
        await hass.async_block_till_done()
        before = registered(hass, entry)
        await hass.config_entries.async_reload(entry.entry_id)
        await publish(client, [STATE])
        await until(lambda: entry.runtime_data.coordinators)
        # An entity that comes later has the same name before its own.
        await publish(client, [("ac_pp_ampacity", {"ampacity": "A_32"})])
        await until(lambda: hass.states.get("sensor.everest_de_pnx_e12345_1_cable_rating"))
    name, entities = registered(hass, entry)
    assert name == before[0]
    assert entities == before[1] | {"sensor.everest_de_pnx_e12345_1_cable_rating"}
