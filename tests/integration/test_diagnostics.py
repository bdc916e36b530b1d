"""The diagnostics download: everything a maintainer needs, and no personal data."""

from functools import partial
import gzip
import json
from pathlib import Path
import re
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.util import slugify
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.fimp_chargepoint.chargepoint.journal import Journal
from custom_components.fimp_chargepoint.const import DOMAIN
from simulators.everest import CompanionSetup, EverestSimulator, EvseSetup
from simulators.fimp import ChargepointSetup, FimpSimulator
from simulators.mqtt import Broker
from tests.broker import PASSWORD, USERNAME, BrokerProcess
from tests.conftest import MakeBroker

from .conftest import QUICK, Chargepoint, load, mqtt_entry, other_broker, simulator, until
from .downloads import download, played

_PEM = "-----BEGIN {0}-----\nMIIB{1}\n-----END {0}-----\n"
#: Everything that users fill in, and that must stay private.
FILLED_IN = {
    "username": USERNAME,
    "password": PASSWORD,
    "ca_certificate": _PEM.format("CERTIFICATE", "authority"),
    "client_certificate": _PEM.format("CERTIFICATE", "client"),
    "client_key": _PEM.format("PRIVATE KEY", "key"),
}
SERIAL, TITLE, ROOM, TOKEN = "XX12345", "Ola's carport", "Garage of Kari", "CAFE0042"
PRICE = "sensor.electricity_price_storgata_5"


@pytest.fixture(name="download")
def download_fixture(hass: HomeAssistant, hass_client: ClientSessionGenerator) -> Any:
    """Return how the user downloads diagnostics: as a text, of an entry or a device of it."""
    return partial(download, hass, hass_client)


def shown(hass: HomeAssistant, entry: MockConfigEntry, data: dict[str, Any]) -> dict[str, str]:
    """Return the states of a download by the entity ids that they would have."""
    registry = er.async_get(hass)
    found = {}
    for address, node in data["nodes"].items():
        identity = node["snapshot"]["identity"]
        name = slugify(" ".join(filter(None, (identity["area"], identity["name"]))))
        for platform, entities in node["shown"].items():
            for key, state in entities.items():
                unique_id = f"{entry.unique_id}_{address}_{key}"
                entity_id = registry.async_get_entity_id(platform, DOMAIN, unique_id)
                assert entity_id is not None
                if state is not None:
                    found[entity_id.replace(slugify(f"{ROOM} {TITLE}"), name)] = state
    return found


def _without_names(states: dict[str, str]) -> dict[str, str]:
    """Return states by entity ids that do not depend on when the EVSE id was received."""
    name = re.compile(r"everest_(evse_manager_api|de_pnx_e42_1|redacted\d+)")
    return {name.sub("everest", entity_id): state for entity_id, state in states.items()}


def _without_times(states: dict[str, str]) -> dict[str, str]:
    """Return states without the times of events: those of late ones are not recorded."""
    return {
        entity_id: "fired" if entity_id.startswith("event.") and state != "unknown" else state
        for entity_id, state in states.items()
    }


async def test_nothing_secret_is_in_it(
    hass: HomeAssistant, make_broker: MakeBroker, download: Any
) -> None:
    """Neither in the entry, nor in any message of the charge point."""
    broker = make_broker(credentials=True)
    entry = other_broker(broker, **FILLED_IN)
    entry.add_to_hass(hass)
    options = {"measurement_interval": 0, "token": TOKEN, "token_type": "iso14443"}
    # Some are called as the street is.
    options["price_entity"] = PRICE
    hass.config_entries.async_update_entry(entry, title=broker.host, options=options)
    setup = ChargepointSetup(profile="full", serial=SERIAL, title=TITLE, room=ROOM)
    async with FimpSimulator(
        Broker(broker.host, broker.port, USERNAME, PASSWORD), setup, hub=True, timing=QUICK
    ) as point:
        await load(hass, entry)
        found = Chargepoint(hass, point, entry)
        await found.wait_for_state("sensor", "status", "disconnected")
        await point.offline()
        await found.wait_for_state("sensor", "status", "unavailable")
        await point.online()
        await found.wait_for_state("sensor", "status", "disconnected")
        assert {each.title for each in point.points.values()} == {TITLE}
        text = await download(entry)
        messages = str([each.payload for each in found.node.host.journal.recent])
        await hass.config_entries.async_unload(entry.entry_id)
    # Otherwise the checks below would prove nothing.
    assert SERIAL in messages
    assert ROOM in messages
    secrets = (*FILLED_IN.values(), SERIAL, TITLE, ROOM, TOKEN, PRICE, broker.host)
    for secret in (*secrets, "MIIB", "carport", "Kari"):
        assert json.dumps(secret)[1:-1] not in text, secret


async def test_what_is_in_it(hass: HomeAssistant, chargepoint: Chargepoint, download: Any) -> None:
    chargepoint.point.send("pt:j1/mt:evt/rt:dev/rn:easee/ad:1/sv:chargepoint/ad:1", "nonsense")
    await until(lambda: chargepoint.entry.runtime_data.hub.ignored)
    content = json.loads(await download(chargepoint.entry))
    data = content["data"]
    assert content["integration_manifest"]["domain"] == DOMAIN
    assert set(data["versions"]) == {"aiomqtt", "paho-mqtt"}
    assert data["entry"]["state"] == "loaded"
    assert data["entry"]["data"]["host"] == "**REDACTED**"
    assert data["entry"]["data"]["tls"] == "off"
    assert data["entry"]["options"] == dict(chargepoint.entry.options)
    hub = data["hub"]
    assert (hub["connected"], hub["connections"], hub["last_error"]) == (True, 1, None)
    assert "FimpProtocol" in hub["protocols"]
    assert hub["ignored"] == {"json": 1}
    assert hub["received"] > 10
    ((address, node),) = data["nodes"].items()
    assert address == "fimp:easee/1/1"
    snapshot = node["snapshot"]
    assert snapshot["status"] == "disconnected"
    assert snapshot["identity"]["name"] == "Acme Wallbox"
    assert snapshot["identity"]["serial_number"].startswith("redacted")
    assert snapshot["capabilities"]["ranges"]["max_current"] == [6.0, 32.0, 1.0]
    assert "charging" in snapshot["capabilities"]["controls"]
    assert node["shown"]["switch"]["charging"] == "off"
    messages = data["messages"]
    assert messages[0] == {"t": 0.0, "note": "connected"}
    assert any(each.get("sent") for each in messages)
    assert any(each.get("payload") == "nonsense" for each in messages)


async def test_messages_that_are_no_plain_text(
    hass: HomeAssistant, chargepoint: Chargepoint, download: Any
) -> None:
    """Compressed payloads are shown as text, and unreadable ones are only counted."""
    hub = chargepoint.entry.runtime_data.hub
    packed = gzip.compress(b'{"type": "evt.state.report", "val": "charging", "pin": "secret pin"}')
    topic = "pt:j1c1/mt:evt/rt:dev/rn:easee/ad:1/sv:chargepoint/ad:1"
    for payload in (packed, packed[:2] + b"broken", b"\xff\xfe", b""):
        hub.send(topic, payload)
    await chargepoint.wait_for_state("sensor", "status", "charging")
    await until(lambda: hub.ignored["gzip"] and hub.ignored["json"] == 2)
    messages = json.loads(await download(chargepoint.entry))["data"]["messages"]
    came = [each for each in messages if not each.get("sent")]
    report = {"type": "evt.state.report", "val": "charging", "pin": "redacted"}
    assert [
        each["payload"] | {"pin": "redacted"} if each["payload"] else each["payload"]
        for each in came
        if each.get("topic") == topic
    ] == [report, ""]
    notes = [each["note"] for each in came if "no text" in each.get("note", "")]
    assert notes == [f"8 bytes of no text on {topic}", f"2 bytes of no text on {topic}"]
    assert "secret pin" not in str(messages)


async def test_of_a_device(hass: HomeAssistant, broker: BrokerProcess, download: Any) -> None:
    """Of one charge point there is nothing of the others, but all messages."""
    setups = [ChargepointSetup(name=each, serial=f"S{each}000") for each in ("1", "2")]
    async with simulator(broker, *setups):
        entry = await load(hass, other_broker(broker))
        await until(lambda: len(entry.runtime_data.coordinators) == 2)
        await hass.async_block_till_done()
        devices = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
        counts = {
            next(iter(device.identifiers))[1]: len(
                json.loads(await download(entry, device))["data"]["nodes"]
            )
            for device in devices
        }
        messages = json.loads(await download(entry, devices[-1]))["data"]["messages"]
        await hass.config_entries.async_unload(entry.entry_id)
    assert counts.pop(entry.unique_id) == 2
    assert list(counts.values()) == [1, 1]
    assert {each["topic"][-1] for each in messages if "sv:chargepoint" in str(each)} >= set("12")


async def test_of_an_entry_that_does_not_work(
    hass: HomeAssistant, broker: BrokerProcess, download: Any
) -> None:
    """It contains the reason, but not the address of the broker."""
    broker.stop()
    mqtt_entry(hass, broker, username="mqtt_ola")
    entry = await load(hass, other_broker(broker))
    text = await download(entry)
    data = json.loads(text)["data"]
    assert data["entry"]["state"] == "setup_retry"
    assert "refused" in data["entry"]["reason"]
    assert broker.host not in text
    assert data["messages"] == []
    assert "nodes" not in data
    await hass.config_entries.async_unload(entry.entry_id)


@pytest.mark.parametrize("recent_max", [1000, 25], ids=["all kept", "most pushed out"])
async def test_it_can_be_played_fimp(
    hass: HomeAssistant, broker: BrokerProcess, download: Any, tmp_path: Path, recent_max: int
) -> None:
    """The states are the same, also when only the last of each kind was kept."""
    setup = ChargepointSetup(profile="full", serial=SERIAL, title=TITLE, room=ROOM)
    async with simulator(broker, setup, hub=True) as point:
        entry = await load(hass, other_broker(broker))
        entry.runtime_data.hub.journal = Journal(recent_max=recent_max)
        found = Chargepoint(hass, point, entry)
        await found.wait_for_state("sensor", "status", "disconnected")
        await found.settles()
        await point.plug()
        await found.wait_for_state("sensor", "status", "ready_to_charge")
        await found.call("switch", "turn_on", "charging")
        await until(lambda: float(found.state("sensor", "session_energy") or 0) > 0)
        await found.call("switch", "turn_off", "charging")
        await point.unplug()
        await found.wait_for_state("sensor", "status", "disconnected")
        await until(lambda: found.state("sensor", "last_session_energy") != "unknown")
        text = await download(entry)
        await hass.config_entries.async_unload(entry.entry_id)
    expected = shown(hass, entry, json.loads(text)["data"])
    assert len(expected) > 15
    assert _without_times(await played(text, tmp_path)) == _without_times(expected)


@pytest.mark.parametrize("dialect", ["main", "2026.02", "legacy"])
async def test_it_can_be_played_everest(
    hass: HomeAssistant, broker: BrokerProcess, download: Any, tmp_path: Path, dialect: str
) -> None:
    """Replies to what was asked then are replies to what is asked now."""
    entry = other_broker(broker, prefixes=["site1/"])
    station = EverestSimulator(
        Broker(broker.host, broker.port),
        EvseSetup(evse_id="DE*PNX*E42*1", limits="limits_api", authorize=False),
        prefix="site1/",
        dialect=dialect,
        companions=CompanionSetup(errors="errors", authorizer="auth"),
        timing=QUICK,
    )
    if dialect == "2026.02":
        # It reports its capabilities only when it starts; main can be asked.
        await load(hass, entry)
    async with station:
        if dialect != "2026.02":
            await load(hass, entry)
        found = Chargepoint(hass, station, entry)
        await found.wait_for_state("sensor", "status", "disconnected")
        await station.plug()
        await found.wait_for_raw_status("AuthRequired")
        await station.swipe(TOKEN)
        await found.wait_for_state("sensor", "status", "charging")
        await until(lambda: float(found.state("sensor", "power") or 0) > 0)
        await found.call("number", "set_value", "max_current", value=10)
        await station.error("High")
        await found.wait_for_state("binary_sensor", "problem", "on")
        await hass.async_block_till_done()
        text = await download(entry)
        await hass.config_entries.async_unload(entry.entry_id)
    expected = _without_names(shown(hass, entry, json.loads(text)["data"]))
    assert len(expected) > 12
    assert _without_names(await played(text, tmp_path)) == expected
    assert "PNX" not in text
    assert TOKEN not in text
    if dialect == "main":
        (node,) = (each for each in json.loads(text)["data"]["nodes"].values())
        assert node["snapshot"]["identity"]["evse_id"].startswith("redacted")


async def test_the_error_history_of_a_station(
    hass: HomeAssistant, broker: BrokerProcess, download: Any
) -> None:
    """Errors that are over as well; without an answer the rest is there."""
    entry = other_broker(broker)
    async with EverestSimulator(
        Broker(broker.host, broker.port),
        companions=CompanionSetup(errors="errors", authorizer="auth"),
        timing=QUICK,
    ) as station:
        await load(hass, entry)
        found = Chargepoint(hass, station, entry)
        await found.wait_for_state("sensor", "status", "disconnected")
        # It is found by its heartbeat, which may come late.
        await until(lambda: found.node.companions.errors is not None)
        await station.do("error high generic/Other no 192.168.1.7 found")
        await station.do("clear_error")
        await station.do("error low generic/Other2 it is warm")
        address = "everest_api/1/error_history_consumer/errors"
        errors = json.loads(await download(entry))["data"]["error_history"][address]
        listed = [(each["type"], each["severity"], each["state"]) for each in errors]
        assert listed == [
            ("generic/Other", "High", "ClearedByModule"),
            ("generic/Other2", "Low", "Active"),
        ]
        assert "192.168" not in errors[0]["message"]
        assert errors[0]["message"].endswith("found")
    text = await download(entry)
    assert json.loads(text)["data"]["error_history"] == {address: None}
    assert json.loads(text)["data"]["nodes"]
    await hass.config_entries.async_unload(entry.entry_id)
    assert "error_history" not in json.loads(await download(entry))["data"]
    assert "error_history" not in json.loads(await download(entry))["data"]


async def test_nothing_of_the_back_end_is_in_it(
    hass: HomeAssistant, broker: BrokerProcess, download: Any, everything_enabled: None
) -> None:
    """Neither its address, nor the identity of the station, nor the value of any key."""
    secret = "geheim-4711"
    async with EverestSimulator(
        Broker(broker.host, broker.port),
        companions=CompanionSetup(ocpp="ocpp_api", bus="ocpp"),
        timing=QUICK,
    ) as station:
        entry = await load(hass, other_broker(broker, options={"internal_bus": "everest"}))
        found = Chargepoint(hass, station, entry)
        await station.ocpp("disconnect")
        await station.ocpp("connect")
        await found.wait_for_state("sensor", "ocpp_version", "1.6")
        await until(lambda: entry.runtime_data.hub.nodes["everest_ocpp:ocpp_api"]._bus)
        target = {"entity_id": found.id("binary_sensor", "csms_connected")}
        asked = {"monitor_keys": {"keys": "DisplayText"}, "get_keys": {}}
        for action, data in asked.items():
            await hass.services.async_call(
                DOMAIN,
                f"ocpp_{action}",
                target | data,
                blocking=True,
                return_response=True,
            )
        await station.key(f"DisplayText {secret}")
        await until(lambda: hass.states.get(found.id("event", "variable_changed")))
        text = await download(entry)
        for each in (secret, "localhost:9000", "cp001", "Hello"):
            assert each not in text
        for each in ("DisplayText", "csms_url", "get_configuration_key"):
            assert each in text
        await hass.config_entries.async_unload(entry.entry_id)
