"""The OCPP client of an EVerest station: by its API, by the bus inside it, by both."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiomqtt
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import device_registry as dr
import probatio
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fimp_chargepoint.chargepoint.everest.api import module as api_module
from custom_components.fimp_chargepoint.chargepoint.everest.ocpp import (
    clients as ocpp_clients,
)
from custom_components.fimp_chargepoint.chargepoint.everest.ocpp.requests import STANDARD_KEYS
from custom_components.fimp_chargepoint.const import DOMAIN
from simulators.everest import CompanionSetup, EverestSimulator, EvseSetup, SiteSetup
from simulators.mqtt import Broker
from tests.broker import BrokerProcess

from .conftest import QUICK, Chargepoint, find, load, other_broker, until

BUS = {"internal_bus": "everest"}
API = CompanionSetup(ocpp="ocpp_api")
ON_BUS = CompanionSetup(bus="ocpp")
BOTH = CompanionSetup(ocpp="ocpp_api", bus="ocpp")


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let API v1 appear at once."""
    monkeypatch.setattr(ocpp_clients, "_FIRST", 0.1)
    monkeypatch.setattr(ocpp_clients, "_REST", 0.5)


#: Every action with what makes sense.
COMMANDS: dict[str, dict[str, Any]] = {
    "get_keys": {"keys": ["HeartbeatInterval"]},
    "set_key": {"key": "DisplayText", "value": "Hi"},
    "monitor_keys": {"keys": ["HeartbeatInterval"]},
    "send_security_event": {"type": "SettingSystemTime", "info": "by hand"},
    "change_availability": {"available": True},
    "stop": {},
    "restart": {},
}
_TEXTS: tuple[Any, ...] = (
    "",
    " ",
    " x",
    "x" * 50,
    "x" * 51,
    "x" * 255,
    "x" * 256,
    "x" * 500,
    "x" * 501,
    "x" * 1001,
    "x" * 100_000,
    "ü" * 26,
    "ü" * 300,
    "\N{GRINNING FACE}",
    "\x00",
    "a\nb",
    "\ud800",
    "\uffff",
    "#",
    "+/#",
    "../main/cmd/stop",
    '"},"msg_type":"Cmd"',
    "{}",
    "null",
    5,
    1e308,
    float("nan"),
    True,
    None,
    [],
    ["x"],
    {},
    {"a": {}},
)
_FIELDS = (
    ("set_key", "key"),
    ("set_key", "value"),
    ("set_key", "component"),
    ("get_keys", "keys"),
    ("get_keys", "component"),
    ("monitor_keys", "keys"),
    ("monitor_keys", "component"),
    ("send_security_event", "type"),
    ("send_security_event", "info"),
    ("send_security_event", "critical"),
    ("change_availability", "available"),
    ("change_availability", "evse"),
    ("change_availability", "connector"),
    ("stop", "force"),
)
NASTY: list[tuple[str, str, Any]] = [
    *((action, field, text) for action, field in _FIELDS for text in _TEXTS),
    *(
        (action, "keys", value)
        for action in ("get_keys", "monitor_keys")
        for value in (["x"] * 1000, [f"x{each}" for each in range(1000)], [[]], [None], [1])
    ),
    *(
        ("change_availability", field, value)
        for field in ("evse", "connector")
        for value in (0, -1, 1.5, 1.0, 2**31, 2**63, 1e300)
    ),
]


class Station(Chargepoint):
    """A simulated station with OCPP, and its entities in Home Assistant."""

    async def ask(self, action: str, **data: Any) -> dict[str, Any]:
        """Call an action and return its response for the only station."""
        entity_id = self.id("binary_sensor", "csms_connected")
        answer = await self.hass.services.async_call(
            DOMAIN,
            f"ocpp_{action}",
            {"entity_id": entity_id, **data},
            blocking=True,
            return_response=True,
        )
        assert answer is not None
        (station,) = answer["stations"]
        return {each: station[each] for each in station.keys() - {"device_id", "name"}}

    @property
    def client(self) -> Any:
        """The only OCPP client, as the library knows it."""
        nodes = self.entry.runtime_data.hub.nodes.values()
        (client,) = (each for each in nodes if each.address.startswith("everest_ocpp:"))
        return client

    async def is_connected(self, expected: str) -> None:
        """Wait until the connection to the back end has a state."""
        await self.wait_for_state("binary_sensor", "csms_connected", expected)


def only_device(hass: HomeAssistant, entry: MockConfigEntry) -> dr.DeviceEntry:
    """Return the only device of an OCPP client."""
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    (found,) = (each for each in devices if str(each.name).startswith("OCPP client"))
    return found


@asynccontextmanager
async def ocpp(
    hass: HomeAssistant,
    broker: BrokerProcess,
    dialect: str,
    companions: CompanionSetup,
    *,
    late: bool = False,
    **options: Any,
) -> AsyncGenerator[Station]:
    """Simulate a station that must find no fault with us; `late` finds it running."""
    station = EverestSimulator(
        Broker(broker.host, broker.port),
        EvseSetup(),
        dialect=dialect,
        companions=companions,
        site=SiteSetup(strict=True),
        timing=QUICK,
    )
    entry = other_broker(broker, options=options)
    if not late:
        await load(hass, entry)
    async with station:
        if late:
            await until(lambda: station.back_end is not None and station.back_end.connected)
            # Its messages about that may still be on their way.
            await asyncio.sleep(0.5)
            await load(hass, entry)
        found = Station(hass, station, entry)
        await until(lambda: find(hass, "binary_sensor", "csms_connected"))
        await hass.async_block_till_done()
        yield found
        await hass.config_entries.async_unload(entry.entry_id)
        # Clients that look for EVSEs expect all replies on one topic.
        station.mistakes[:] = [each for each in station.mistakes if "discover" not in each]
        assert station.mistakes == []
        assert station.dead is None


@asynccontextmanager
async def listening(broker: BrokerProcess, topics: str) -> AsyncGenerator[list[str]]:
    """Record the topics of all that anybody publishes."""
    heard: list[str] = []
    async with aiomqtt.Client(broker.host, broker.port) as client:
        await client.subscribe(topics)

        async def listen() -> None:
            async for message in client.messages:
                heard.append(str(message.topic))  # noqa: PERF401 (it never ends)

        task = asyncio.create_task(listen())
        try:
            yield heard
        finally:
            task.cancel()


# By the API ---------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", ["main", "2026.02", "2025.12", "2025.10"])
async def test_the_connection(hass: HomeAssistant, broker: BrokerProcess, dialect: str) -> None:
    async with ocpp(hass, broker, dialect, API) as station:
        await station.is_connected("on")
        await station.point.ocpp("disconnect")
        await station.is_connected("off")
        await station.point.ocpp("connect")
        await station.is_connected("on")
        await station.wait_for_state("sensor", "registration", "accepted")


async def test_the_connection_in_detail(
    hass: HomeAssistant, broker: BrokerProcess, caplog: pytest.LogCaptureFixture
) -> None:
    async with ocpp(hass, broker, "main", API, late=True) as station:
        await station.is_connected("on")
        await station.wait_for_state("sensor", "ocpp_version", "1.6")
        for key in ("csms_url", "client_id"):
            assert station.registered("sensor", key).disabled_by is not None
        device = only_device(hass, station.entry)
        assert device.name == "OCPP client ocpp_api"
        # It reports its station.
        assert "localhost:9000" not in caplog.text


@pytest.mark.parametrize("dialect", ["2026.02", "2025.10"])
async def test_what_nobody_says_is_not_known(
    hass: HomeAssistant, broker: BrokerProcess, dialect: str
) -> None:
    """Nothing is retained, and these releases answer no question for it."""
    async with ocpp(hass, broker, dialect, API, late=True) as station:
        await station.is_connected("unknown")
        assert find(hass, "sensor", "csms_url") is None
        await station.point.ocpp("disconnect")
        await station.is_connected("off")


async def test_what_the_back_end_allows(hass: HomeAssistant, broker: BrokerProcess) -> None:
    async with ocpp(hass, broker, "main", API) as station:
        await station.is_connected("on")
        assert find(hass, "sensor", "csms_current") is None
        assert station.point.back_end is not None
        station.point.back_end.schedule(10)
        await station.wait_for_state("sensor", "csms_current", "10.0")
        assert find(hass, "sensor", "csms_power") is None


def happened(station: Chargepoint, key: str) -> dict[str, Any] | None:
    """Return the attributes of the last event of an event entity."""
    state = station.hass.states.get(station.id("event", key))
    return None if state is None or state.state == "unknown" else dict(state.attributes)


async def test_security_events(hass: HomeAssistant, broker: BrokerProcess) -> None:
    async with ocpp(hass, broker, "2026.02", API) as station:
        await station.is_connected("on")
        assert happened(station, "security_event") is None
        await station.point.security("TamperDetectionActivated somebody is there")
        event = await until(lambda: happened(station, "security_event"))
        assert event["event_type"] == "security_event"
        assert event["type"] == "TamperDetectionActivated"
        assert event["info"] == "somebody is there"
        assert event["critical"] is True
        # That it is offline now does not change the event.
        await station.point.offline()
        assert happened(station, "security_event") == event


@pytest.mark.parametrize("dialect", ["main", "2025.12"])
async def test_keys(hass: HomeAssistant, broker: BrokerProcess, dialect: str) -> None:
    async with ocpp(hass, broker, dialect, API) as station:
        await station.is_connected("on")
        assert await station.ask("get_keys", keys=["HeartbeatInterval", "Nonsense"]) == {
            "keys": [
                {"key": "HeartbeatInterval", "status": "Accepted", "value": "300"},
                {"key": "Nonsense", "status": "UnknownVariable"},
            ]
        }
        assert await station.ask("get_keys", keys="HeartbeatInterval", component="Other") == {
            "keys": [
                {
                    "key": "HeartbeatInterval",
                    "component": "Other",
                    "status": "UnknownComponent",
                }
            ]
        }
        set_one = {"key": "HeartbeatInterval", "value": 60}
        assert await station.ask("set_key", **set_one) == {"status": "Accepted"}
        assert await station.ask("get_keys", keys="HeartbeatInterval") == {
            "keys": [{"key": "HeartbeatInterval", "status": "Accepted", "value": "60"}]
        }
        url = {"key": "CentralSystemURI", "value": "wss://example.org"}
        assert await station.ask("set_key", **url) == {"status": "RebootRequired"}
        for key, word in (("NumberOfConnectors", "Rejected"), ("Nonsense", "UnknownVariable")):
            with pytest.raises(HomeAssistantError, match=word) as caught:
                await station.ask("set_key", key=key, value="1")
            assert caught.value.translation_key == "command_rejected"


async def test_monitor_keys(hass: HomeAssistant, broker: BrokerProcess) -> None:
    async with ocpp(hass, broker, "2026.02", API) as station:
        await station.is_connected("on")
        await station.point.key("ConnectionTimeOut 10")
        await station.ask("monitor_keys", keys=["ConnectionTimeOut"])
        await until(lambda: station.point.companions[-1].monitored)
        await station.point.key("ConnectionTimeOut 20")
        event = await until(lambda: happened(station, "variable_changed"))
        assert event["key"] == "ConnectionTimeOut"
        assert event["value"] == "20"
        # After a restart the station has forgotten what it was asked for.
        await station.point.restart()
        await until(lambda: not station.point.companions[-1].monitored)
        await until(lambda: station.point.companions[-1].monitored == {"ConnectionTimeOut"})


async def test_what_only_the_newest_release_offers(
    hass: HomeAssistant, broker: BrokerProcess
) -> None:
    async with ocpp(hass, broker, "main", API) as station:
        await station.wait_for_state("sensor", "ocpp_version", "1.6")
        evse = station.point["carport"]
        assert await station.ask("change_availability", available=False, evse=1) == {
            "status": "Accepted"
        }
        await until(lambda: not evse.course.enabled)
        assert await station.ask("change_availability", available=True) == {"status": "Accepted"}
        await until(lambda: evse.course.enabled)
        with pytest.raises(HomeAssistantError, match="Rejected"):
            await station.ask("change_availability", available=True, evse=7)
        await station.ask("send_security_event", type="SettingSystemTime", critical=False)
        back_end = station.point.back_end
        assert back_end is not None
        await until(lambda: back_end.security_events == [("SettingSystemTime", "")])


@pytest.mark.parametrize("dialect", ["main", "2025.10"])
async def test_all_keys_through_the_api(
    hass: HomeAssistant, broker: BrokerProcess, dialect: str
) -> None:
    """It cannot list them, so the standard ones are requested; those that it lacks are left out."""
    async with ocpp(hass, broker, dialect, API) as station:
        await station.is_connected("on")
        back_end = station.point.back_end
        assert back_end is not None
        found = {each["key"]: each for each in (await station.ask("get_keys"))["keys"]}
        assert found.keys() == back_end.keys.keys() & set(STANDARD_KEYS)
        assert found["HeartbeatInterval"]["value"] == back_end.keys["HeartbeatInterval"].value
        assert all(each["status"] == "Accepted" for each in found.values())
        with pytest.raises(ServiceValidationError):
            await station.ask("get_keys", component="OCPPCommCtrlr")


@pytest.mark.parametrize("dialect", ["2026.02", "2025.10"])
async def test_what_a_release_does_not_offer(
    hass: HomeAssistant, broker: BrokerProcess, dialect: str
) -> None:
    async with ocpp(hass, broker, dialect, API) as station:
        await station.is_connected("on")
        # 2025.10 shows what it is by its heart.
        await station.wait_for_state("sensor", "registration", "accepted")
        await until(lambda: station.client.module.heartbeats._at is not None)
        either = "needs_ocpp_consumer_or_bus"
        refused: dict[str, tuple[dict[str, Any], str, str | None]] = {
            "change_availability": ({"available": False}, "needs_ocpp_consumer", "2026.10"),
            "send_security_event": ({"type": "SettingSystemTime"}, either, "2026.10"),
            "stop": ({}, "bus_off", None),
            "restart": ({}, "bus_off", None),
        }
        if dialect == "2025.10":
            refused["monitor_keys"] = ({"keys": ["ConnectionTimeOut"]}, either, "2025.12")
        for action, (data, key, release) in refused.items():
            before = len(station.point.received)
            with pytest.raises(ServiceValidationError) as caught:
                await station.ask(action, **data)
            assert caught.value.translation_key == key
            assert (caught.value.translation_placeholders or {}).get("release") == release
            assert len(station.point.received) == before


async def test_a_station_that_falls_silent(
    hass: HomeAssistant, broker: BrokerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_module, "SILENCE_MIN", 1.0)
    async with ocpp(hass, broker, "main", API) as station:
        await station.is_connected("on")
        await station.point.crash()
        station.point.mistakes.remove("crash")
        await station.is_connected("unavailable")
        with pytest.raises(HomeAssistantError) as caught:
            await station.ask("get_keys", keys="HeartbeatInterval")
        assert caught.value.translation_key == "unavailable_target"
        await station.point.restart()
        await station.is_connected("on")


# By the bus inside --------------------------------------------------------------------------


async def test_the_bus_alone(hass: HomeAssistant, broker: BrokerProcess) -> None:
    async with ocpp(hass, broker, "2026.02", ON_BUS, **BUS) as station:
        await station.is_connected("on")
        keys = {each["key"]: each for each in (await station.ask("get_keys"))["keys"]}
        assert keys["NumberOfConnectors"] == {
            "key": "NumberOfConnectors",
            "value": "1",
            "read_only": True,
            "status": "Accepted",
        }
        assert len(keys) == 9
        assert await station.ask("get_keys", keys=["Nonsense"]) == {
            "keys": [{"key": "Nonsense", "status": "UnknownVariable"}]
        }
        set_one = {"key": "HeartbeatInterval", "value": "60"}
        assert await station.ask("set_key", **set_one) == {"status": "Accepted"}
        with pytest.raises(HomeAssistantError, match="NotSupported"):
            await station.ask("set_key", key="Nonsense", value="1")

        await station.ask("monitor_keys", keys=["ConnectionTimeOut"])
        await station.point.key("ConnectionTimeOut 20")
        event = await until(lambda: happened(station, "variable_changed"))
        assert (event["key"], event["value"], event["read_only"]) == (
            "ConnectionTimeOut",
            "20",
            False,
        )
        await station.point.security("ResetOrReboot because")
        event = await until(lambda: happened(station, "security_event"))
        assert (event["type"], event["info"]) == ("ResetOrReboot", "because")
        back_end = station.point.back_end
        assert back_end is not None
        await station.ask("send_security_event", type="SettingSystemTime", info="by hand")
        assert back_end.security_events[-1] == ("SettingSystemTime", "by hand")

        await station.ask("stop")
        await station.is_connected("off")
        with pytest.raises(HomeAssistantError, match="already"):
            await station.ask("stop")
        await station.ask("restart")
        await station.is_connected("on")
        with pytest.raises(ServiceValidationError, match=r"2026\.10"):
            await station.ask("change_availability", available=True)


async def test_the_words_of_a_module_that_refuses(
    hass: HomeAssistant, broker: BrokerProcess
) -> None:
    async with ocpp(hass, broker, "main", ON_BUS, **BUS) as station:
        await station.is_connected("on")
        await station.point.refuse("I am busy")
        with pytest.raises(HomeAssistantError, match="I am busy"):
            await station.ask("get_keys")


@pytest.mark.parametrize("dialect", ["2025.10", "legacy"])
async def test_an_older_bus_is_only_read(
    hass: HomeAssistant, broker: BrokerProcess, dialect: str
) -> None:
    async with ocpp(hass, broker, dialect, ON_BUS, **BUS) as station:
        await station.is_connected("on")
        await station.point.security("ResetOrReboot because")
        await until(lambda: happened(station, "security_event"))
        for action, data in COMMANDS.items():
            with pytest.raises(ServiceValidationError, match=r"accepts no commands|2026\.10"):
                await station.ask(action, **data)
        assert not [topic for topic, _ in station.point.received if "/cmd" in topic]


async def test_another_name_and_another_root(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """The module is found by its messages, also with a prefix."""
    where = CompanionSetup(bus="back_office")
    entry = other_broker(broker, options=BUS, prefixes=["site1/"])
    await load(hass, entry)
    async with EverestSimulator(
        Broker(broker.host, broker.port),
        prefix="site1/",
        companions=where,
        site=SiteSetup(strict=True),
        timing=QUICK,
    ) as point:
        station = Station(hass, point, entry)
        await station.is_connected("on")
        await station.ask("stop")
        await station.is_connected("off")
        await hass.config_entries.async_unload(entry.entry_id)
        assert point.mistakes == []


async def test_the_bus_of_a_station_that_was_quiet(
    hass: HomeAssistant, broker: BrokerProcess
) -> None:
    """OCPP publishes nothing for days; known messages of other modules are enough to ask."""
    async with (
        listening(broker, "everest/#") as heard,
        EverestSimulator(
            Broker(broker.host, broker.port),
            companions=ON_BUS,
            site=SiteSetup(strict=True),
            timing=QUICK,
        ) as point,
    ):
        await until(lambda: heard)
        entry = await load(hass, other_broker(broker, options=BUS))
        assert find(hass, "binary_sensor", "csms_connected") is None
        chatter = "everest/modules/connector_1/impl/evse/var/powermeter"
        point.send(chatter, '{"data":{"data":{}},"msg_type":"Var"}')
        station = Station(hass, point, entry)
        await until(lambda: find(hass, "binary_sensor", "csms_connected"))
        # Only changes are reported.
        await station.is_connected("unknown")
        await station.ask("stop")
        await station.is_connected("off")
        await hass.config_entries.async_unload(entry.entry_id)
        assert point.mistakes == []


# By both ------------------------------------------------------------------------------------


@pytest.mark.parametrize("late", [False, True])
async def test_both_are_one_device(
    hass: HomeAssistant,
    broker: BrokerProcess,
    late: bool,  # noqa: FBT001
) -> None:
    """The API is preferred, and the bus is for what it cannot do."""
    async with ocpp(hass, broker, "main", BOTH, late=late, **BUS) as station:
        await station.is_connected("on")
        await station.wait_for_state("sensor", "ocpp_version", "1.6")
        chatter = "everest/modules/connector_1/impl/evse/var/powermeter"
        station.point.send(chatter, '{"data":{"data":{}},"msg_type":"Var"}')
        await until(lambda: station.client._bus is not None)
        assert only_device(hass, station.entry).name == "OCPP client ocpp_api"

        def called(way: str) -> int:
            return len([1 for topic, _ in station.point.received if topic.startswith(way)])

        asked = called("everest/")
        await station.ask("get_keys", keys="HeartbeatInterval")
        await station.ask("set_key", key="HeartbeatInterval", value="60")
        await station.ask("monitor_keys", keys="HeartbeatInterval")
        await station.ask("send_security_event", type="SettingSystemTime")
        assert called("everest/") == asked
        assert len((await station.ask("get_keys"))["keys"]) == 9
        await station.ask("stop")
        assert called("everest/") == asked + 2
        await station.is_connected("off")
        await station.ask("restart")
        await station.is_connected("on")
        # An event that both report has happened once.
        times: list[Any] = []
        station.client.add_event_listener(times.append)
        await station.point.security()
        await station.point.ocpp("disconnect")
        await station.is_connected("off")
        assert len(times) == 1


async def test_the_api_comes_later_than_the_bus(hass: HomeAssistant, broker: BrokerProcess) -> None:
    async with ocpp(hass, broker, "main", ON_BUS, **BUS) as station:
        await station.is_connected("on")
        assert only_device(hass, station.entry).name == "OCPP client"
        station.point.send("everest_api/1/ocpp_consumer/ocpp_api/e2m/heartbeat", "7")
        await until(lambda: only_device(hass, station.entry).name == "OCPP client ocpp_api")
        await until(lambda: find(hass, "binary_sensor", "csms_connected"))
        assert station.client._bus is not None


# The bus left alone -------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", ["main", "2025.10", "legacy"])
async def test_nothing_is_said_on_the_bus_without_the_option(
    hass: HomeAssistant, broker: BrokerProcess, dialect: str
) -> None:
    companions = ON_BUS if dialect == "legacy" else BOTH
    async with listening(broker, "everest/#") as heard:
        async with ocpp(hass, broker, dialect, companions) as station:
            await station.is_connected("on")
            for action, data in COMMANDS.items():
                with suppress(ServiceValidationError):
                    await station.ask(action, **data)
            filters = station.entry.runtime_data.hub.filters
            assert not [each for each in filters if each.startswith("everest/")]
            # The station's own message was received there, so ours would have arrived as well.
            await station.point.ocpp("disconnect")
            await station.is_connected("off")
        assert heard
        assert not [topic for topic in heard if "/cmd" in topic]


# The API before v1 --------------------------------------------------------------------------


async def test_the_api_before_v1(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """It reports the connection each second, and nothing else."""
    async with ocpp(hass, broker, "legacy", ON_BUS, late=True) as station:
        await station.is_connected("on")
        await station.point.ocpp("disconnect")
        await station.is_connected("off")
        with pytest.raises(ServiceValidationError, match=r"EVerest 2025\.10 or later, or an OCPP"):
            await station.ask("get_keys")


async def test_a_station_without_ocpp(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """The API before v1 reports that the connection is unknown."""
    async with EverestSimulator(
        Broker(broker.host, broker.port), dialect="legacy", timing=QUICK
    ) as station:
        entry = await load(hass, other_broker(broker, options=BUS))
        async with listening(broker, "everest_api/ocpp/#") as heard:
            await until(lambda: len(heard) > 3)
        assert find(hass, "binary_sensor", "csms_connected") is None
        await hass.config_entries.async_unload(entry.entry_id)
        assert station.mistakes == []


# User input -------------------------------------------------------------------------------


@pytest.mark.parametrize("companions", [ON_BUS, API, BOTH], ids=["bus", "api", "both"])
@pytest.mark.parametrize("dialect", ["main", "2025.12"])
async def test_nothing_that_people_write_ends_a_station(
    hass: HomeAssistant, broker: BrokerProcess, dialect: str, companions: CompanionSetup
) -> None:
    """One malformed call on the bus ends all of EVerest, and so would it here."""
    async with ocpp(hass, broker, dialect, companions, **BUS) as station:
        await station.is_connected("on")
        sent = 0
        for action, field, value in NASTY:
            data = {**COMMANDS[action], field: value}
            try:
                await station.ask(action, **data)
            except HomeAssistantError, probatio.Invalid:
                continue
            sent += 1
        assert station.point.dead is None
        # Not all of it is refused: some is only odd.
        assert sent > 5
        assert station.point.mistakes == []
        answer = await station.ask("get_keys", keys="HeartbeatInterval")
        assert answer["keys"][0]["status"] == "Accepted"


async def test_below_its_station(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """Several EVSEs are parts of a station, and so is what talks to the back end."""
    async with EverestSimulator(
        Broker(broker.host, broker.port),
        EvseSetup(),
        EvseSetup(name="garage", module="garage_api"),
        companions=CompanionSetup(errors="errors_api", ocpp="ocpp_api"),
        timing=QUICK,
    ):
        entry = await load(hass, other_broker(broker))
        nodes = entry.runtime_data.hub.nodes
        await until(lambda: {"everest_station:", "everest_ocpp:ocpp_api"} <= set(nodes))
        await hass.async_block_till_done()
        above = only_device(hass, entry).via_device_id
        assert above is not None
        station = dr.async_get(hass).async_get(above)
        assert station is not None
        assert station.name == "Charging station"
        await hass.config_entries.async_unload(entry.entry_id)
