"""The simulated EVerest publishes what real ones do, in every release, and is as strict."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack
import json
import sys
from typing import Any
import uuid

import pytest

from simulators import program
from simulators.everest import (
    DIALECTS,
    CompanionSetup,
    EverestSimulator,
    EvseSetup,
    SiteSetup,
    __main__,
)
from simulators.simulator import ControlError, Timing
from tests.broker import BrokerProcess
from tests.helpers.recordings import recording
from tests.helpers.schemas import SCHEMAS, Schemas

from .recording_client import RecordingClient, broker_of, kind_of

QUICK = Timing(pace=0.01, speed=60, heartbeat=0.2, meter=0.2)
ROOT = "everest_api/1"
COMPANIONS = CompanionSetup(
    errors="errors_api",
    tokens="token_api",
    authorizer="auth_api",
    cost="cost_api",
    ocpp="ocpp_api",
    bus="ocpp",
)
KINDS = {
    "evse_manager_api": "evse_manager_consumer",
    "dc_api": "evse_manager_consumer",
    "limits_api": "external_energy_limits_consumer",
    "errors_api": "error_history_consumer",
    "token_api": "auth_token_provider",
    "auth_api": "auth_consumer",
    "cost_api": "session_cost_consumer",
    "ocpp_api": "ocpp_consumer",
}
API = "evse_manager_api"
CARD = {"id_token": {"value": "DEADBEEF", "type": "ISO14443"}, "authorization_type": "RFID"}
OTHER_CARD = {**CARD, "id_token": {"value": "CAFE01", "type": "ISO14443"}}
BUS = "everest/modules/ocpp/impl/main"


class Client(RecordingClient):
    """A client of EVerest that receives everything and sends valid requests."""

    prefix = ""

    async def request(self, module: str, operation: str, payload: Any = None, **more: Any) -> Any:
        """Ask, and return the answer."""
        topic, reply_to = self.address(module, operation)
        body: dict[str, Any] = {"headers": {"replyTo": reply_to}, **more}
        if payload is not None:
            body["payload"] = payload
        await self.send(topic, body)
        await self.until(lambda: self.payloads(f"{self.prefix}{reply_to}"))
        return self.payloads(f"{self.prefix}{reply_to}")[0]

    def address(self, module: str, operation: str) -> tuple[str, str]:
        """Return the topics of a request and of its reply."""
        root = f"{ROOT}/{KINDS[module]}/{module}"
        topic = f"{self.prefix}{root}/m2e/{operation}"
        return topic, f"{root}/e2m/{operation}/{uuid.uuid4()}"

    async def command(self, module: str, operation: str, payload: Any) -> None:
        """Send a request that asks for no reply."""
        await self.send(self.address(module, operation)[0], payload)

    async def catches_up(self) -> None:
        """Wait until all commands have arrived, and everything that was published before."""
        assert await self.request(API, "get_evse")

    def published(self, module: str, variable: str) -> list[Any]:
        """Return the values that a module has published of a variable."""
        return self.payloads(f"{self.prefix}{ROOT}/{KINDS[module]}/{module}/e2m/{variable}")

    def session_events(self, module: str = API) -> list[str]:
        """Return the events of an EVSE."""
        return [each["event"] for each in self.published(module, "session_event")]

    def status(self, module: str = API) -> str:
        """Return the state of an EVSE."""
        published = self.published(module, "session_info")
        return published[-1]["state"] if published else ""

    async def wait_for_status(self, state: str, module: str = API) -> None:
        """Wait for a state."""
        await self.until(lambda: self.status(module) == state)

    async def wait_for_event(self, event: str, module: str = API) -> None:
        """Wait for an event to be the last one."""
        await self.until(lambda: self.session_events(module)[-1:] == [event])

    def texts_on(self, topic: str) -> list[str]:
        """Return the messages on a topic, as text."""
        return [bytes(each.payload).decode() for each in self.messages if str(each.topic) == topic]


@pytest.fixture(name="client")
async def client_fixture(broker: BrokerProcess) -> AsyncGenerator[Client]:
    """A client at the broker."""
    async with Client.connected(broker) as client:
        yield client


type Start = Callable[..., Any]


@pytest.fixture(name="start")
async def start_fixture(broker: BrokerProcess) -> AsyncGenerator[Start]:
    """Start stations, and see that they end cleanly."""
    async with AsyncExitStack() as stack:

        async def start(*setups: EvseSetup, **keywords: Any) -> EverestSimulator:
            keywords.setdefault("timing", QUICK)
            simulator = EverestSimulator(broker_of(broker), *setups, **keywords)
            return await stack.enter_async_context(simulator)

        yield start
    assert not [each for each in asyncio.all_tasks() if each.get_name().startswith("simulator")]


# Its messages are those that the releases define ----------------------------------------------


def wrong_messages(client: Client, dialect: str) -> list[str]:
    """Return what is wrong with the received messages."""
    schemas = Schemas(dialect)
    wrong = []
    for message in client.messages:
        match str(message.topic).split("/"):
            case ["everest_api", "1", kind, _, "e2m", name]:
                wrong += schemas.check(kind, f"e2m/{name}", json.loads(message.payload))
            case ["everest_api", "1", kind, _, "e2m", *operation, _]:
                # A reply, on the topic our own requests name.
                name = f"receive_reply_{'_'.join(reversed(operation))}"
                value = json.loads(message.payload)
                if value is not True or operation[-1] != "get":
                    wrong += schemas.check(kind, name, value)
    return wrong


def limits(ampere: float | None = None, **more: Any) -> dict[str, Any]:
    """Return an order for a current, and perhaps more."""
    leaves: dict[str, Any] = {}
    if ampere is not None:
        leaves["ac_max_current_A"] = {"value": ampere, "source": "home_assistant"}
    if "phases" in more:
        leaves["ac_max_phase_count"] = {"value": more["phases"], "source": "home_assistant"}
    if "watt" in more:
        leaves["total_power_W"] = {"value": more["watt"], "source": "home_assistant"}
    entry = {
        "timestamp": more.get("since", "2026-01-01T00:00:00.000Z"),
        "limits_to_root": {},
        "limits_to_leaves": leaves,
    }
    return {
        "schedule_import": [entry] if leaves else [],
        "schedule_export": [],
        "schedule_setpoints": [],
    }


REQUESTS: tuple[tuple[str, str, Any], ...] = (
    (API, "get_evse", None),
    ("dc_api", "get_evse", None),
    (API, "pause_charging", None),
    (API, "resume_charging", None),
    ("errors_api", "active_errors", None),
    ("errors_api", "get_errors", {"severity_filter": "LOW_GE"}),
    ("auth_api", "withdraw_authorization", {"evse_id": 1}),
    ("ocpp_api", "get_variables", {"items": []}),
    ("ocpp_api", "set_variables", {"source": "us", "variables": {"items": []}}),
    ("ocpp_api", "data_transfer_outgoing", {"vendor_id": "acme"}),
    (API, "force_unlock", 1),
    ("dc_api", "stop_transaction", {"reason": "Remote"}),
)
MAIN_REQUESTS: tuple[tuple[str, str, Any], ...] = (
    (API, "session_info/get", None),
    (API, "session_event/get", None),
    (API, "ev_info/get", None),
    ("dc_api", "dc_mode/get", None),
    ("limits_api", "capabilities/get", None),
    ("errors_api", "error_raised/get", None),
    ("auth_api", "token_validation_status/get", None),
    ("cost_api", "session_cost/get", None),
    ("ocpp_api", "connection_status/get", None),
    ("ocpp_api", "change_availability", {"operational_status": "Operative"}),
)
PAGE_REQUESTS: tuple[tuple[str, str, Any], ...] = (
    (API, "reserve", 7),
    (API, "external_ready_to_start_charging", None),
)


@pytest.mark.parametrize("dialect", SCHEMAS)
async def test_all_it_says_is_defined(dialect: str, client: Client, start: Start) -> None:
    station = await start(
        EvseSetup(limits="limits_api", socket=True, delay=True, check=0.1),
        EvseSetup(name="fast", module="dc_api", dc=True),
        dialect=dialect,
        companions=COMPANIONS,
        timing=Timing(pace=0.01, speed=100, heartbeat=0.5, meter=0.5),
    )
    point, fast = station["carport"], station["fast"]
    await client.command(API, "random_delay_set_duration_s", 1)
    await client.command(API, "random_delay_enable", {})
    await point.plug()
    await fast.plug()
    await client.until(lambda: "ChargingStarted" in client.session_events())
    await client.until(lambda: "ChargingStarted" in client.session_events("dc_api"))
    lines = (
        "carport error low generic/VendorWarning it is warm",
        "carport clear_error",
        "carport fault too hot",
        "carport no_power on",
        "carport clear_fault",
        "carport no_power off",
        *(["carport cost 1.25"] if DIALECTS[dialect].costs else []),
        "carport hlc_failure FailedTLSHandshake",
        "carport ocpp disconnect",
        "carport ocpp connect",
        "carport security SettingSystemTime",
        "carport profile 10",
        "carport limit 0",
        "carport limit 16",
        "carport transfer acme hello",
        "carport reset_meter",
        "carport car_pause",
        "carport car_resume",
    )
    for line in lines:
        await station.do(line)
        await asyncio.sleep(0.02)
    await client.command("limits_api", "set_external_limits", limits(10, phases=1))
    await client.until(lambda: client.published(API, "ac_nr_of_phases_available") == [1])
    if DIALECTS[dialect].costs:
        await client.command(
            "ocpp_api",
            "monitor_variables",
            {"items": [{"component": {"name": ""}, "variable": {"name": "HeartbeatInterval"}}]},
        )
        await client.until(lambda: station.received[-1][0].endswith("monitor_variables"))
    await station.key("HeartbeatInterval 60")
    requests = REQUESTS
    requests += MAIN_REQUESTS if DIALECTS[dialect].latches else ()
    requests += PAGE_REQUESTS if DIALECTS[dialect].page else ()
    for request in requests:
        await client.request(*request)
    await client.command(API, "communication_check", payload=True)
    await point.unplug()
    await station.do("carport restart resume")
    schemas = Schemas(dialect)

    def missing() -> list[tuple[str, str]]:
        topics = {str(each.topic) for each in client.messages}
        return [
            (kind, address)
            for kind in set(KINDS.values())
            for address in schemas.published_topics(kind)
            if not any(f"/{kind}/" in each and each.endswith(address) for each in topics)
        ]

    # Everything that can be published is published in the end.
    await client.until(lambda: client.session_events()[-1:] == ["Enabled"])
    await client.until(lambda: not missing())
    assert not wrong_messages(client, dialect)
    assert not [each for each in client.messages if each.retain]
    assert station.mistakes == []


# Sessions ------------------------------------------------------------------------------------

ENFORCED = "limits_root_side"


def in_force(client: Client) -> dict[str, Any]:
    """Return the values of the limits in force."""
    published = client.published(API, "enforced_limits")
    return {name: limit["value"] for name, limit in published[-1][ENFORCED].items()}


@pytest.mark.parametrize(
    ("dialect", "pause", "resume"),
    [
        (
            "2026.02",
            ["StoppingCharging", "ChargingPausedEVSE"],
            ["PrepareCharging", "ChargingStarted"],
        ),
        (
            "2025.12",
            ["ChargingPausedEVSE"],
            ["WaitingForEnergy", "PrepareCharging", "ChargingStarted"],
        ),
    ],
)
async def test_words_of_a_pause(
    dialect: str, pause: list[str], resume: list[str], client: Client, start: Start
) -> None:
    station = await start(EvseSetup(limits="limits_api"), dialect=dialect)
    await station.plug()
    await client.wait_for_event("ChargingStarted")
    before = len(client.session_events())
    assert await client.request(API, "pause_charging") is True
    await client.wait_for_event("ChargingPausedEVSE")
    assert client.session_events()[before:] == pause
    # Older ones refuse what changes nothing.
    assert await client.request(API, "pause_charging") is (dialect == "2026.02")
    before = len(client.session_events())
    assert await client.request(API, "resume_charging") is True
    await client.wait_for_event("ChargingStarted")
    assert client.session_events()[before:] == resume
    await client.command("limits_api", "set_external_limits", limits(0))
    await client.wait_for_event(
        "ChargingPausedEVSE" if dialect == "2026.02" else "WaitingForEnergy"
    )
    if dialect == "2026.02":
        last = client.published(API, "session_event")[-1]
        assert last["charging_paused_evse"] == {"reasons": ["NoEnergy"]}
    await client.command("limits_api", "set_external_limits", limits())
    await client.wait_for_event("ChargingStarted")
    await station.car_pause()
    await client.wait_for_event("ChargingPausedEV")
    await station.car_resume()
    await client.wait_for_event("ChargingStarted" if dialect == "2026.02" else "ChargingResumed")
    await client.wait_for_status("Charging")


async def test_limits(client: Client, start: Start) -> None:
    station = await start(EvseSetup(limits="limits_api"))
    first = await client.until(lambda: client.published(API, "enforced_limits"))
    assert first[0][ENFORCED] == {"ac_max_current_A": {"source": "", "value": 0.0}}
    fuse = {"ac_max_current_A": 16.0, "ac_max_phase_count": 3}
    await client.until(lambda: in_force(client) == fuse)
    await station.plug()
    await client.wait_for_event("ChargingStarted")
    expected = [
        (limits(10), {**fuse, "ac_max_current_A": 10.0}),
        (limits(32), fuse),
        (limits(phases=1), {**fuse, "ac_max_phase_count": 1}),
        (limits(watt=6900), {**fuse, "ac_max_current_A": 10.0, "total_power_W": 6900.0}),
        # The granted limits are published, not the requested ones.
        (limits(8, watt=6900), {**fuse, "ac_max_current_A": 8.0, "total_power_W": 5520.0}),
        (limits(watt=22080), {**fuse, "total_power_W": 11040.0}),
        (limits(watt=4000), {"ac_max_current_A": 0.0, "total_power_W": 0.0}),
        (limits(5), {"ac_max_current_A": 0.0}),
        (limits(8, since="2100-01-01T00:00:00Z"), fuse),
        (limits(7, phases=1), {"ac_max_current_A": 7.0, "ac_max_phase_count": 1}),
    ]
    for order, result in expected:
        await client.command("limits_api", "set_external_limits", order)
        await client.until(lambda result=result: in_force(client) == result)
    assert "SwitchingPhases" in client.session_events()
    await client.until(lambda: station["carport"].connector.power == 7 * 230)
    # A restart forgets them.
    await station.restart()
    await client.until(lambda: in_force(client) == fuse)
    assert station.mistakes == []
    bad: tuple[Any, ...] = (
        {"schedule_import": []},
        limits(10)["schedule_import"],
        {**limits(10), "schedule_import": [{"timestamp": "x", "limits_to_leaves": {}}]},
        json.loads(json.dumps(limits(10)).replace('"source"', '"sauce"')),
    )
    for order in bad:
        await client.command("limits_api", "set_external_limits", order)
    await client.until(lambda: len(station.mistakes) == len(bad))
    assert in_force(client) == fuse


async def test_cards(client: Client, start: Start) -> None:
    station = await start(EvseSetup(authorize=False), companions=COMPANIONS)
    await station.plug()
    await client.wait_for_status("AuthRequired")

    def statuses() -> list[str]:
        return [each["status"] for each in client.published("auth_api", "token_validation_status")]

    async def shown(card: dict[str, Any], *expected: str) -> None:
        before = len(statuses())
        await client.command("token_api", "provided_token", card)
        await client.until(lambda: statuses()[before:] == ["Processing", *expected])

    await shown(CARD, "Accepted", "UsedToStart")
    await client.wait_for_status("Charging")
    await shown(OTHER_CARD, "Rejected")
    await shown({**CARD, "connectors": [2]}, "Rejected")
    await shown(CARD, "UsedToStop")
    await client.wait_for_status("FinishedEVSE")
    await shown(CARD, "Rejected")
    assert await client.request(API, "resume_charging") is False
    await station.unplug()
    # A card comes first, and is taken back.
    await shown({**CARD, "prevalidated": True}, "Accepted", "UsedToStart")
    await client.wait_for_status("Preparing")
    ask = ("auth_api", "withdraw_authorization")
    assert await client.request(*ask, {"evse_id": 5}) == "EvseNotFound"
    assert await client.request(*ask, {"id_token": OTHER_CARD["id_token"]}) == (
        "AuthorizationNotFound"
    )
    assert await client.request(*ask, {}) == "Accepted"
    await client.until(lambda: statuses()[-1] == "Withdrawn")
    await client.wait_for_status("Unplugged")
    # It waits too long for a car, and a car for it.
    await station.swipe()
    await station.timeout()
    await client.until(lambda: statuses()[-1] == "TimedOut")
    await station.plug()
    await client.wait_for_status("AuthRequired")
    await station.timeout()
    await client.wait_for_status("AuthTimeout")
    with pytest.raises(ControlError):
        await station.timeout()
    for card in ({**CARD, "id_token": "DEADBEEF"}, {"id_token": CARD["id_token"]}, {}):
        await client.command("token_api", "provided_token", card)
    await client.until(lambda: len(station.mistakes) == 3)


async def test_older_releases_do_not_tell_what_a_card_was_used_for(
    client: Client, start: Start
) -> None:
    station = await start(dialect="2025.12", companions=COMPANIONS)
    await station.swipe()
    await client.until(
        lambda: len(client.published("auth_api", "token_validation_status")) == 2,
    )
    published = client.published("auth_api", "token_validation_status")
    assert [each["status"] for each in published] == ["Processing", "Accepted"]


def source(state: str, priority: int = 42, name: str = "LocalAPI") -> dict[str, Any]:
    """Return an opinion on whether the EVSE is to be enabled."""
    inner = {"enable_source": name, "enable_state": state, "enable_priority": priority}
    return {"connector_id": 0, "source": inner}


async def test_the_first_source_decides(client: Client, start: Start) -> None:
    station = await start()
    assert await client.request(API, "enable_disable", source("Disable")) is False
    await client.wait_for_status("Disabled")
    assert await client.request(API, "enable_disable", source("Enable")) is True
    await client.wait_for_status("Unplugged")
    await station.csms("disable")
    await client.wait_for_status("Disabled")
    assert await client.request(API, "enable_disable", source("Enable")) is False
    assert await client.request(API, "enable_disable", source("Enable", 1)) is True
    assert await client.request(API, "enable_disable", source("Unassigned", 1)) is False
    await station.csms("release")
    await client.wait_for_status("Unplugged")
    # A car that is there when it is disabled is not seen again before the next plug-in.
    await station.plug()
    await client.wait_for_status("Charging")
    assert await client.request(API, "enable_disable", source("Disable")) is False
    await client.wait_for_status("Disabled")
    finished = client.published(API, "session_event")[-3]
    assert finished["transaction_finished"]["reason"] == "EVSEDisabled"
    assert await client.request(API, "enable_disable", source("Enable")) is True
    await client.wait_for_event("Enabled")
    await client.wait_for_status("Unplugged")


async def test_force_unlock_ends_the_transaction(client: Client, start: Start) -> None:
    station = await start(EvseSetup(), EvseSetup(name="b", module="dc_api", lock=False))
    await station.plug()
    await client.wait_for_status("Charging")
    assert await client.request(API, "force_unlock", 1) is True
    await client.wait_for_event("TransactionFinished")
    finished = client.published(API, "session_event")[-1]["transaction_finished"]
    assert finished["reason"] == "UnlockCommand"
    assert await client.request("dc_api", "force_unlock", 1) is False


async def test_random_delay(client: Client, start: Start) -> None:
    station = await start(EvseSetup(delay=True))
    await client.command(API, "random_delay_set_duration_s", 300)
    await client.connection.publish(client.address(API, "random_delay_enable")[0], b"")

    def published() -> dict[str, Any]:
        last: dict[str, Any] = client.published(API, "random_delay_countdown")[-1:]
        return last[0] if last else {}

    # Switched on it counts, if only nothing; and only a delay has begun.
    await client.until(lambda: published().get("countdown_s") == 0)
    assert "start_time" not in published()
    await station.plug()
    # Without energy the countdown stands still.
    await client.wait_for_status("Preparing")
    await client.until(lambda: published()["countdown_s"] > 240)
    assert published()["current_limit_during_delay_A"] == 0.0
    assert "start_time" in published()
    await client.command(API, "random_delay_cancel", {})
    await client.wait_for_status("Charging")
    await client.until(lambda: published()["countdown_s"] == 0)
    # While it is off, it publishes nothing.
    await client.command(API, "random_delay_disable", {})
    await client.catches_up()
    counted = len(client.published(API, "random_delay_countdown"))
    limited = len(client.published(API, "enforced_limits"))
    await client.until(lambda: len(client.published(API, "enforced_limits")) > limited + 1)
    assert len(client.published(API, "random_delay_countdown")) == counted
    await client.command(API, "random_delay_set_duration_s", "soon")
    await client.until(lambda: len(station.mistakes) == 1)


async def test_a_random_delay_of_no_time_ends_everest(client: Client, start: Start) -> None:
    station = await start(EvseSetup(delay=True))
    await client.command(API, "random_delay_set_duration_s", 0)
    await client.command(API, "random_delay_enable", {})
    # Orders are not answered; the delay begins with the session if it was enabled before.
    await client.until(lambda: client.published(API, "random_delay_countdown"))
    await station.plug()
    await client.until(lambda: station.dead)


async def test_oddities(client: Client, start: Start) -> None:
    # Slowly, for the energy is negative only until what was lost has flowed again.
    station = await start(timing=Timing(pace=0.01, heartbeat=0.1, meter=0.05))
    await station.plug()
    await client.wait_for_status("Charging")
    await station.new_words()
    await client.wait_for_event("TeaBreak")
    assert client.published(API, "session_event")[-1]["tea"] == {"milk": True}
    await client.wait_for_status("Charging")
    await station.no_power()
    await client.until(
        lambda: client.published(API, "powermeter")[-1]["power_W"] == {"total": None}
    )
    await station.reset_meter()
    await client.until(lambda: client.published(API, "session_info")[-1]["charged_energy_wh"] < 0)


async def test_a_fault_is_told_twice_and_by_no_state(client: Client, start: Start) -> None:
    station = await start(companions=COMPANIONS)
    await station.plug()
    await client.wait_for_status("Charging")
    before = len(client.session_events())
    await station.fault("too hot")
    await client.wait_for_status("ChargingPausedEVSE")
    assert client.session_events()[before:] == [
        "ChargingStarted",
        "StoppingCharging",
        "ChargingPausedEVSE",
    ]
    (driver, manager) = (await client.request("errors_api", "active_errors"))["errors"]
    assert driver["origin"]["module_id"] == "driver_1"
    assert manager["origin"]["module_id"] == "connector_1"
    await station.error("low generic/VendorWarning it is warm")
    for expected, count in (
        ({}, 3),
        ({"severity_filter": "MEDIUM_GE"}, 2),
        ({"type_filter": "generic/VendorWarning"}, 1),
        ({"origin_filter": driver["origin"]}, 2),
        ({"handle_filter": driver["uuid"], "state_filter": "Active"}, 1),
        (
            {
                "timeperiod_filter": {
                    "timestamp_from": "2020-01-01T00:00:00Z",
                    "timestamp_to": "2020-01-02T00:00:00Z",
                }
            },
            0,
        ),
    ):
        found = await client.request("errors_api", "get_errors", expected)
        assert len(found["errors"]) == count, expected
    await station.clear_fault()
    await client.wait_for_status("Charging")
    cleared = client.published("errors_api", "error_cleared")
    assert [each["uuid"] for each in cleared] == [driver["uuid"], manager["uuid"]]
    with pytest.raises(ControlError):
        await station.clear_error("generic/Unknown")
    with pytest.raises(ControlError):
        await station.error("terrible")


async def test_restart_with_and_without_memory(client: Client, start: Start) -> None:
    station = await start(companions=COMPANIONS)
    await station.plug()
    await client.wait_for_status("Charging")
    old = client.published(API, "session_event")[-1]["uuid"]
    await station.error("high generic/VendorWarning")
    before = len(client.session_events())
    await station.restart("resume")
    await client.until(lambda: "ChargingStarted" in client.session_events()[before:])
    words = client.session_events()[before:]
    assert words[:4] == ["SessionResumed:", "TransactionFinished", "Enabled", "SessionStarted"]
    events = client.published(API, "session_event")[before:]
    assert events[0]["uuid"] == events[1]["uuid"] == old != events[3]["uuid"]
    assert events[1]["transaction_finished"]["reason"] == "PowerLoss"
    beats = client.published(API, "heartbeat")
    assert beats.count(0) == 2
    assert (await client.request("errors_api", "active_errors"))["errors"] == []
    before = len(client.session_events())
    await station.restart()
    await client.until(lambda: "ChargingStarted" in client.session_events()[before:])
    assert client.session_events()[before:][:2] == ["Enabled", "SessionStarted"]


# Signs of life -------------------------------------------------------------------------------


async def test_communication_check(client: Client, start: Start) -> None:
    station = await start(EvseSetup(check=0.2), companions=COMPANIONS)

    def raised() -> list[str]:
        return [each["sub_type"] for each in client.published("errors_api", "error_raised")]

    def cleared() -> int:
        return len(client.published("errors_api", "error_cleared"))

    await client.until(lambda: raised() == ["Initial communication check"])
    await client.command(API, "communication_check", payload=True)
    await client.until(lambda: cleared() == 1)
    await client.until(lambda: raised()[1:] == ["Bridge to implementation connection lost"])
    await client.command(API, "communication_check", payload=False)
    await client.until(lambda: cleared() == 2)
    await asyncio.sleep(0.3)
    assert len(raised()) == 2
    await client.command(API, "communication_check", payload=1)
    await client.until(lambda: len(station.mistakes) == 1)
    # Nothing of that keeps a car from charging.
    await station.plug()
    await client.wait_for_status("Charging")


async def test_heartbeats(client: Client, start: Start) -> None:
    await start(dialect="2025.10")
    await client.until(lambda: len(client.published(API, "heartbeat")) > 2)
    assert client.published(API, "heartbeat")[:2] == [{}, {}]


# Strictness ----------------------------------------------------------------------------------

EMPTY = {"headers": {"replyTo": ""}}
WILD = {"headers": {"replyTo": "a/#"}}
BARE = {"replyTo": "a"}
NUMBER = {"headers": {"replyTo": 5}}


@pytest.mark.parametrize(
    ("dialect", "body", "outcome"),
    [
        *(("main", body, "obeys") for body in (EMPTY, WILD, BARE, {}, None, [], True, 1)),
        *(("main", body, "refuses") for body in (NUMBER, "no JSON")),
        *(("2025.12", body, "dies") for body in (EMPTY, WILD)),
        *(("2025.12", body, "refuses") for body in (BARE, NUMBER, "no JSON")),
        *(("2025.10", body, "dies") for body in (EMPTY, WILD, BARE)),
        *(("2025.10", body, "refuses") for body in (NUMBER, "no JSON")),
    ],
)
async def test_malformed_requests(
    dialect: str, body: Any, outcome: str, client: Client, start: Start
) -> None:
    station = await start(dialect=dialect)
    await station.plug()
    await client.until(lambda: client.session_events()[-1:] == ["ChargingStarted"])
    topic, _ = client.address(API, "pause_charging")
    text = body if isinstance(body, str) else json.dumps(body)
    await client.connection.publish(topic, text, qos=1)
    await client.until(lambda: len(station.mistakes) == 1)
    assert bool(station.dead) is (outcome == "dies")
    if outcome == "obeys":
        await client.wait_for_event("ChargingPausedEVSE")
    if outcome == "dies":
        count = await client.wait_for_silence()
        await station.restart()
        await client.until(lambda: len(client.messages) > count)
        assert station.dead is None


@pytest.mark.parametrize(
    ("operation", "payload"),
    [
        ("stop_transaction", {}),
        ("stop_transaction", {"reason": "remote"}),
        ("stop_transaction", {"reason": "Remote", "id_tag": None}),
        ("stop_transaction", {"reason": "Remote", "id_tag": {"id_token": "DEADBEEF"}}),
        ("stop_transaction", None),
        ("force_unlock", None),
        ("force_unlock", "1"),
        ("enable_disable", {"connector_id": 0}),
        ("enable_disable", {**source("Disable"), "connector_id": "0"}),
        ("enable_disable", source("disable")),
        ("enable_disable", source("Disable", name="localapi")),
        ("enable_disable", source("Disable", 10001)),
        ("reserve", 1),
        ("no_such_thing", {}),
    ],
)
async def test_refused_payloads(operation: str, payload: Any, client: Client, start: Start) -> None:
    station = await start()
    await station.plug()
    await client.wait_for_status("Charging")
    topic, reply_to = client.address(API, operation)
    body: dict[str, Any] = {"headers": {"replyTo": reply_to}}
    await client.send(topic, body if payload is None else {**body, "payload": payload})
    await client.catches_up()
    assert len(station.mistakes) == 1
    assert not client.payloads(reply_to)
    assert client.status() == "Charging"


async def test_tolerated_payloads(client: Client, start: Start) -> None:
    station = await start()
    odd = {**source("Disable"), "connector_id": 0.9, "extra": 1}
    assert await client.request(API, "enable_disable", odd) is False
    body = {**source("Enable"), "connector_id": True}
    assert await client.request(API, "enable_disable", body) is True
    assert client.published(API, "session_event")[-1]["connector_id"] == 1
    assert await client.request(API, "force_unlock", 1.7) is True
    assert station.mistakes == []


async def test_reply_topics_are_judged(client: Client, start: Start) -> None:
    station = await start(prefix="site1/", site=SiteSetup(bridged=True))
    ask = f"site1/{ROOT}/evse_manager_consumer/{API}/m2e/get_evse"
    for reply_to in ("site1/everest_api/a", "elsewhere", "everest_api/b", "everest_api/b"):
        await client.send(ask, {"headers": {"replyTo": reply_to}})
    await client.until(lambda: len(client.payloads("site1/everest_api/b")) == 2)
    assert [each.rpartition(": ")[2] for each in station.mistakes] == [
        "the prefix will be there twice",
        "the answer does not pass the bridge",
        "the reply topic was used before",
    ]
    assert not client.payloads("site1/elsewhere")


async def test_a_strict_site_raises_what_was_wrong(broker: BrokerProcess) -> None:
    station = EverestSimulator(broker_of(broker), site=SiteSetup(strict=True), timing=QUICK)
    with pytest.raises(ValueError, match="crash"):
        async with station:
            await station.crash()


# Bridges and several stations ----------------------------------------------------------------


async def test_stations_behind_prefixes(client: Client, start: Start) -> None:
    one = await start(EvseSetup(name="one"), prefix="site1/")
    await start(EvseSetup(name="two"), prefix="site2/")
    await one.plug()
    client.prefix = "site1/"
    await client.wait_for_status("Charging")
    assert await client.request(API, "pause_charging") is True
    client.prefix = "site2/"
    await client.wait_for_status("Unplugged")
    assert await client.request(API, "pause_charging") is False


async def test_a_broken_bridge_is_not_noticed(client: Client, start: Start) -> None:
    station = await start()
    await station.plug()
    await client.wait_for_status("Charging")
    await station.bridge("off")
    count = await client.wait_for_silence()
    topic, reply_to = client.address(API, "pause_charging")
    await client.send(topic, {"headers": {"replyTo": reply_to}})
    await client.until(lambda: station.received)
    await asyncio.sleep(0.2)
    assert not [each for each in client.messages[count:] if "/e2m/" in str(each.topic)]
    await station.bridge("on")
    await client.until(lambda: len(client.messages) > count + 3)
    assert client.published(API, "heartbeat").count(0) == 1
    assert client.status() == "Charging"


async def test_ids_are_told_apart(broker: BrokerProcess) -> None:
    with pytest.raises(ValueError, match="id of its own"):
        EverestSimulator(broker_of(broker), EvseSetup(), EvseSetup(name="other"))


async def test_late_subscribers_ask(client: Client, start: Start) -> None:
    await start(site=SiteSetup(latch=False))
    topic, reply_to = client.address(API, "session_info/get")
    await client.send(topic, {"headers": {"replyTo": reply_to}})
    assert await client.request(API, "get_evse")
    assert not client.payloads(reply_to)
    assert len(client.payloads("everest_api/ready_beacon")) == 4


# The user's page -----------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", ["2025.10.0", "page"])
async def test_the_page(dialect: str, client: Client, start: Start) -> None:
    station = await start(EvseSetup(authorize=False, external_ready=True), dialect=dialect)
    await client.until(lambda: client.published(API, "waiting_for_external_ready") == [True])
    assert not client.session_events()
    assert await client.request(API, "external_ready_to_start_charging") is True
    assert await client.request(API, "external_ready_to_start_charging") is False
    await client.until(lambda: client.published(API, "ready") == [True])
    assert await client.request(API, "reserve", 3) is True
    assert await client.request(API, "reserve", 4) is False
    await client.command(API, "cancel_reservation", {})
    await client.wait_for_event("ReservationEnd")
    answer = {"result": {"authorization_status": "Accepted", "evse_ids": [1]}, "token": CARD}
    await client.command(API, "authorize_response", answer)
    await client.wait_for_event("Authorized")
    await client.command(API, "withdraw_authorization", {})
    await client.wait_for_event("SessionFinished")
    await station.plug()
    await client.wait_for_event("AuthRequired")
    refused = {**answer, "result": {"authorization_status": "Blocked"}}
    await client.command(API, "authorize_response", refused)
    await client.command(API, "authorize_response", answer)
    await client.wait_for_event("ChargingStarted")
    assert client.published(API, "limits")[-1] == {
        "max_current": 16.0,
        "nr_of_phases_available": 3,
        "uuid": "connector_1",
    }
    assert bool(client.published(API, "session_info")) is (dialect == "page")
    assert station.mistakes == []


# OCPP ----------------------------------------------------------------------------------------


def variable(name: str, component: str = "", **more: Any) -> dict[str, Any]:
    """Return what a question for an OCPP key is about."""
    parts = {"component": {"name": component}, "variable": {"name": name}}
    return {"component_variable": parts, **more}


async def test_ocpp_consumer(client: Client, start: Start) -> None:
    station = await start(companions=COMPANIONS)
    await client.until(lambda: client.published("ocpp_api", "is_connected") == [True])
    got = await client.request(
        "ocpp_api",
        "get_variables",
        {
            "items": [
                variable("HeartbeatInterval"),
                variable("Nothing"),
                variable("HeartbeatInterval", "Clock"),
                variable("HeartbeatInterval", attribute_type="Target"),
            ]
        },
    )
    assert [(each["status"], each.get("value")) for each in got["items"]] == [
        ("Accepted", "300"),
        ("UnknownVariable", None),
        ("UnknownComponent", None),
        ("NotSupportedAttributeType", None),
    ]
    written = await client.request(
        "ocpp_api",
        "set_variables",
        {
            "source": "us",
            "variables": {
                "items": [
                    variable("HeartbeatInterval", value="60"),
                    variable("NumberOfConnectors", value="9"),
                    variable("CentralSystemURI", value="ws://x"),
                    variable("Nothing", value="1"),
                ]
            },
        },
    )
    assert [each["status"] for each in written["items"]] == [
        "Accepted",
        "Rejected",
        "RebootRequired",
        "UnknownVariable",
    ]
    await station.key("HeartbeatInterval 30")
    monitored = {"items": [variable("HeartbeatInterval")["component_variable"]]}
    await client.command("ocpp_api", "monitor_variables", monitored)
    await client.until(lambda: station.received[-1][0].endswith("monitor_variables"))
    await station.key("HeartbeatInterval 20")
    (event,) = await client.until(lambda: client.published("ocpp_api", "event_data"))
    assert event["actual_value"] == "20"
    await client.command("ocpp_api", "security_event", {"type": "TamperDetectionActivated"})
    await client.until(
        lambda: station.back_end.security_events == [("TamperDetectionActivated", "")]
    )
    # A running transaction comes first.
    await station.plug()
    await client.wait_for_status("Charging")
    body = {"evse": {"id": 1, "connector_id": 1}, "operational_status": "Inoperative"}
    ask = ("ocpp_api", "change_availability")
    assert await client.request(*ask, body) == {"status": "Scheduled"}
    await station.finish()
    await client.wait_for_status("Disabled")
    assert await client.request(*ask, {"operational_status": "Operative"}) == {"status": "Accepted"}
    assert await client.request(*ask, {**body, "evse": {"id": 7}}) == {"status": "Rejected"}
    transactions = client.published("ocpp_api", "ocpp_transaction_event")
    assert [each["transaction_event"] for each in transactions] == [
        "Started",
        "Updated",
        "Ended",
    ]
    await station.transfer("acme hello")
    (request,) = await client.until(lambda: client.published("ocpp_api", "data_transfer_incoming"))
    await client.send(request["headers"]["replyTo"], {"status": "Rejected"})
    await client.until(
        lambda: (
            [each.answers for each in station.companions if hasattr(each, "answers")]
            == [[{"status": "Rejected"}]]
        )
    )
    await station.ocpp("disconnect")
    status = await client.until(lambda: client.published("ocpp_api", "connection_status")[1:])
    assert status == [{"connected": False}]
    assert station.mistakes == []


async def call(client: Client, name: str, args: Any = None, **more: Any) -> Any:
    """Ask on the bus inside EVerest, and return the result."""
    number = str(uuid.uuid4())
    body = {"msg_type": "Cmd", "data": {"id": number, "origin": "we", "args": args}, **more}
    await client.send(f"{BUS}/cmd/{name}", body)
    topic = f"{BUS}/cmd/{name}/response/we"

    def answer() -> Any:
        return [each for each in client.payloads(topic) if each["data"]["data"]["id"] == number]

    (found,) = await client.until(answer)
    assert found["msg_type"] == "CmdResult"
    assert found["data"]["type"] == "result"
    return found["data"]["data"]


async def test_ocpp_on_the_bus(client: Client, start: Start) -> None:
    station = await start(companions=CompanionSetup(bus="ocpp"))
    connected = f"{BUS}/var/is_connected"
    await client.until(lambda: client.payloads(connected))
    assert client.payloads(connected) == [{"data": {"data": True}, "msg_type": "Var"}]
    assert (await call(client, "stop"))["retval"] is True
    assert (await call(client, "stop"))["retval"] is False
    await client.until(lambda: len(client.payloads(connected)) == 2)
    await station.ocpp("connect")
    assert (await call(client, "restart"))["retval"] is True
    assert (await call(client, "restart"))["retval"] is False
    got = await call(client, "get_configuration_key", {"keys": ["HeartbeatInterval", "No"]})
    assert got["retval"] == {
        "configuration_keys": [{"key": "HeartbeatInterval", "read_only": False, "value": "300"}],
        "unknown_keys": ["No"],
    }
    everything = await call(client, "get_configuration_key", {"keys": []})
    assert len(everything["retval"]["configuration_keys"]) > 5
    for key, status in (
        ("HeartbeatInterval", "Accepted"),
        ("NumberOfConnectors", "Rejected"),
        ("CentralSystemURI", "RebootRequired"),
        ("Nothing", "NotSupported"),
    ):
        result = await call(client, "set_configuration_key", {"key": key, "value": "10"})
        assert result["retval"] == status
    keys = {"keys": ["HeartbeatInterval"]}
    assert (await call(client, "monitor_configuration_keys", keys))["retval"] is None
    await station.key("HeartbeatInterval 5")
    await station.key("WebSocketPingInterval 5")
    await station.security("SettingSystemTime clock set")
    await client.until(lambda: client.payloads(f"{BUS}/var/security_event"))
    (published,) = client.payloads(f"{BUS}/var/configuration_key")
    assert published["data"]["data"] == {
        "key": "HeartbeatInterval",
        "read_only": False,
        "value": "5",
    }
    await call(client, "security_event", {"type": "a", "info": "b"})
    assert station.back_end.security_events[-1] == ("a", "b")
    await station.refuse("no")
    error = (await call(client, "stop"))["error"]
    assert error["__everest__error_msg"] == "no"
    assert station.mistakes == []


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("stop", "no JSON"),
        ("stop", {"name": "stop", "type": "call", "data": {"id": "1", "origin": "we"}}),
        ("stop", {"msg_type": "Cmd", "data": {"id": "1"}}),
        ("stop", {"msg_type": "Cmd", "data": {"id": "1", "origin": "a/b"}}),
        ("stop", {"msg_type": "Cmd", "data": {"id": "1", "origin": "a", "args": {"x": 1}}}),
        ("set_configuration_key", {"msg_type": "Cmd", "data": {"id": "1", "origin": "a"}}),
        (
            "set_configuration_key",
            {
                "msg_type": "Cmd",
                "data": {"id": "1", "origin": "a", "args": {"key": "k", "value": 5}},
            },
        ),
        (
            "get_configuration_key",
            {"msg_type": "Cmd", "data": {"id": "1", "origin": "a", "args": {"keys": "k"}}},
        ),
    ],
)
async def test_the_bus_forgives_nothing(name: str, body: Any, client: Client, start: Start) -> None:
    station = await start(companions=CompanionSetup(bus="ocpp"))
    text = body if isinstance(body, str) else json.dumps(body)
    await client.connection.publish(f"{BUS}/cmd/{name}", text, qos=1)
    await client.until(lambda: station.dead)


@pytest.mark.parametrize(
    ("dialect", "root"),
    [("2025.10", BUS), ("legacy", "everest/ocpp/main")],
)
async def test_the_older_bus(dialect: str, root: str, client: Client, start: Start) -> None:
    station = await start(dialect=dialect, companions=CompanionSetup(bus="ocpp/main"))
    await client.until(
        lambda: {"data": True, "name": "is_connected"} in client.payloads(f"{root}/var")
    )
    data = {"id": "1", "origin": "we", "args": {"key": "HeartbeatInterval", "value": "5"}}
    name = "set_custom_configuration_key"
    await client.send(f"{root}/cmd", {"name": name, "type": "call", "data": data})
    answer = {"id": "1", "origin": "ocpp", "retval": "Rejected"}
    result = {"data": answer, "name": name, "type": "result"}
    await client.until(lambda: result in client.payloads(f"{root}/cmd"))
    assert station.mistakes == []


# The API before v1 ---------------------------------------------------------------------------


async def test_legacy_speaks_like_the_recording(client: Client, start: Start) -> None:
    path = recording("everest/recorded/legacy_api_main_ac_sessions_thinned")
    recorded: dict[str, set[str]] = {}
    for line in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
        if "/cmd/" not in line.get("topic", "/cmd/"):
            recorded.setdefault(line["topic"], set()).add(legacy_shape(line["payload"]))
    station = await start(dialect="both", companions=CompanionSetup(errors="errors_api"))
    await station.plug()
    topic = "everest_api/connector_1/var/session_info"
    await client.until(
        lambda: client.payloads(topic)[-1:] and client.payloads(topic)[-1]["state"] == "Charging"
    )
    await station.fault("too hot")
    errors = "everest_api/errors/var/active_errors"
    await client.until(lambda: any(client.payloads(errors)))
    await station.unplug()
    await client.until(lambda: client.payloads(topic)[-1]["state"] == "Unplugged")
    assert client.payloads(topic)[0]["state"] == "Unknown"
    topics = {str(each.topic) for each in client.messages} - {"everest_api/ready_beacon"}
    published = {each for each in topics if not each.startswith(("everest_api/1/", "simulators/"))}
    assert published == set(recorded)
    for name in published:
        for text in client.texts_on(name):
            shape = legacy_shape(text)
            if name == errors:
                # Ours have no finer type.
                recorded[name].add(shape.replace('"sub_type": "str", ', ""))
                shapes = {each.replace('"sub_type": "str", ', "") for each in recorded[name]}
                assert shape in shapes
            else:
                assert shape in recorded[name], (name, text)


def legacy_shape(text: str) -> str:
    """Reduce a text to its shape; what is not JSON is only a text."""
    try:
        return json.dumps(kind_of(json.loads(text)))
    except ValueError:
        return "text" if text else ""


async def test_legacy_commands(client: Client, start: Start) -> None:
    station = await start(
        EvseSetup(delay=True, connector="evse_manager"),
        dialect="legacy",
        companions=CompanionSetup(errors="errors_api"),
        site=SiteSetup(information=True),
    )
    root = "everest_api/evse_manager"

    async def command(name: str, text: str = "x") -> None:
        await client.connection.publish(f"{root}/cmd/{name}", text, qos=1)

    def last(variable_name: str) -> Any:
        return (client.payloads(f"{root}/var/{variable_name}") or [{}])[-1]

    async def becomes(state: str) -> None:
        await client.until(lambda: last("session_info").get("state") == state)

    async def limited(**expected: float) -> None:
        await client.until(lambda: expected.items() <= last("limits").items())

    async def tells(*, closed: bool) -> None:
        """Wait for what it calls a wrong sequence of phases, and is the relay."""
        await client.until(lambda: last("telemetry").get("phase_seq_error") is closed)

    await tells(closed=False)
    await station.plug()
    await becomes("Charging")
    await tells(closed=True)
    await command("pause_charging")
    await becomes("ChargingPausedEVSE")
    await tells(closed=False)
    await command("resume_charging")
    await becomes("Charging")
    for name, text, result in (
        ("set_limit_amps", "8", {"max_current": 8.0}),
        ("set_limit_watts", "6900", {"max_current": 10.0}),
        ("set_limit_amps_phases", '{"amps":9,"phases":1}', {"nr_of_phases_available": 1}),
        ("set_limit_amps", "-5", {"max_current": 0.0}),
        ("set_limit_amps", "16", {"max_current": 16.0, "nr_of_phases_available": 3}),
    ):
        await command(name, text)
        await limited(**result)
    await becomes("Charging")
    await command("stop_charging")
    await becomes("FinishedEVSE")
    await station.unplug()
    await command("disable", "1")
    await becomes("Disabled")
    assert last("session_info")["active_enable_disable_source"] == {
        "priority": 100,
        "source": "LocalAPI",
        "state": "Disable",
    }
    await command("enable_disable", '{"state":"Enable","priority":100}')
    await becomes("Unplugged")
    await command("uk_random_delay_set_max_duration_s", "20")
    await command("uk_random_delay", "enable")
    await client.until(lambda: len(station.received) == 12)
    await station.plug()
    await client.until(lambda: last("session_info").get("uk_random_delay"))
    await command("uk_random_delay", "cancel")
    await becomes("Charging")
    await command("force_unlock", "1")
    await becomes("Finished")
    assert station.mistakes == []
    wrong = (
        ("set_limit_amps", "lots"),
        ("set_limit_amps_phases", '{"amps":9,"phases":2}'),
        ("enable_disable", '{"state":"enable"}'),
        ("uk_random_delay", "on"),
        ("fly", ""),
    )
    for name, text in wrong:
        await command(name, text)
    await client.until(lambda: len(station.mistakes) == len(wrong))
    assert client.payloads("everest_api/info/var/info")
    # Nothing of API v1 is there.
    assert not [each for each in client.messages if str(each.topic).startswith(f"{ROOT}/")]


async def test_legacy_limits_need_a_way(client: Client, start: Start) -> None:
    station = await start(EvseSetup(sink=False), site=SiteSetup(legacy=True))
    topic = "everest_api/connector_1/cmd/set_limit_amps"
    await client.connection.publish(topic, "8", qos=1)
    await client.until(lambda: station.received)
    await asyncio.sleep(0.1)
    assert station["carport"].energy.current == 16


def test_no_attribute_hides_a_word(broker: BrokerProcess) -> None:
    station = EverestSimulator(broker_of(broker), site=SiteSetup(legacy=True))
    assert not set(vars(station)) & set(station["carport"].WORDS)


async def test_words_that_make_no_sense(client: Client, start: Start) -> None:
    station = await start(dialect="both")
    lines = (
        "finish",
        "finish Nonsense",
        "deauthorize",
        "timeout",
        "csms perhaps",
        "limit lots",
        "cost",
        "hlc_failure",
        "ocpp connect",
        "restart later",
        "clear_error",
    )
    for line in lines:
        with pytest.raises(ControlError):
            await station.do(line)
    await station.swipe("CAFE01")
    await station.deauthorize()
    await client.wait_for_status("Unplugged")
    await station.reservation("on")
    with pytest.raises(ControlError):
        await station.reservation("on")
    await station.reservation("off")
    await client.wait_for_event("ReservationEnd")
    await station.error("high a/b")
    with pytest.raises(ControlError):
        await station.error("high a/b")
    with_back_end = await start(EvseSetup(name="other"), prefix="x/", companions=COMPANIONS)
    for line in ("ocpp perhaps", "key Nothing 1", "hlc_failure Nonsense"):
        with pytest.raises(ControlError):
            await with_back_end.do(line)
    await station.garbage()
    await with_back_end.garbage()
    # Messages of others and unusable ones do it no harm.
    await client.connection.publish("everest_api/discover", "no JSON")
    await client.send("everest_api/discover", {})
    await client.until(lambda: len(station.mistakes) == 2)


# The command line ----------------------------------------------------------------------------


def test_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[EverestSimulator] = []
    monkeypatch.setattr(program, "run", built.append)
    line = (
        "everest --dialect 2025.12 --prefix site/ --legacy --bridged --no-latch --strict "
        "--check 5 --price 0.5 --errors e --tokens t --authorizer a --cost c --ocpp o "
        "--bus ocpp/main --evse name=a,dc=yes,check=3 --evse name=b,module=m,limits=l"
    )
    monkeypatch.setattr(sys, "argv", line.split())
    __main__.main()
    (station,) = built
    assert (station.prefix, station.dialect) == ("site/", DIALECTS["2025.12"])
    assert station.site == SiteSetup(
        legacy=True, bridged=True, latch=False, strict=True, check=5, price=0.5
    )
    assert station.ids == CompanionSetup(
        errors="e", tokens="t", authorizer="a", cost="c", ocpp="o", bus="ocpp/main"
    )
    assert station["a"].setup.dc
    assert station["b"].setup.limits == "l"
    monkeypatch.setattr(sys, "argv", ["everest", "--evse", "name=a", "--evse", "name=b"])
    with pytest.raises(SystemExit):
        __main__.main()


# A car that sleeps ---------------------------------------------------------------------------


async def test_nothing_is_said_of_a_pause_while_the_car_sleeps(
    client: Client, start: Start
) -> None:
    station = await start()
    await station.plug()
    await client.wait_for_event("ChargingStarted")
    await station.car_pause()
    await client.wait_for_event("ChargingPausedEV")
    before = len(client.session_events())
    assert await client.request(API, "pause_charging") is True
    assert await client.request(API, "resume_charging") is True
    assert await client.request(API, "pause_charging") is True
    assert client.session_events()[before:] == []
    # It wakes up, and charges for a moment.
    await station.car_resume()
    await client.wait_for_status("ChargingPausedEVSE")
    assert client.session_events()[before:] == [
        "PrepareCharging",
        "ChargingStarted",
        "StoppingCharging",
        "ChargingPausedEVSE",
    ]
    # Asleep once more, it does not even begin.
    await station.car_pause()
    before = len(client.session_events())
    assert await client.request(API, "resume_charging") is True
    await client.wait_for_status("Preparing")
    assert await client.request(API, "pause_charging") is True
    assert client.session_events()[before:] == ["PrepareCharging"]


async def test_older_releases_refuse_to_pause_a_car_that_sleeps(
    client: Client, start: Start
) -> None:
    station = await start(dialect="2025.12")
    await station.plug()
    await client.wait_for_event("ChargingStarted")
    await station.car_pause()
    await client.wait_for_event("ChargingPausedEV")
    assert await client.request(API, "pause_charging") is False


async def test_without_energy_it_waits_where_it_is(client: Client, start: Start) -> None:
    station = await start(EvseSetup(limits="limits_api"))
    await client.until(lambda: client.published(API, "enforced_limits"))
    await client.until(lambda: in_force(client)["ac_max_current_A"] == 16.0)
    await client.command("limits_api", "set_external_limits", limits(0))
    await client.until(lambda: in_force(client) == {"ac_max_current_A": 0.0})
    await station.plug()
    await client.wait_for_event("PrepareCharging")
    await client.command("limits_api", "set_external_limits", limits())
    await client.wait_for_event("ChargingStarted")
    await station.car_pause()
    await client.wait_for_event("ChargingPausedEV")
    # It also reports missing energy while the car sleeps.
    await client.command("limits_api", "set_external_limits", limits(0))
    await client.wait_for_status("ChargingPausedEVSE")
    last = client.published(API, "session_event")[-1]
    assert last["charging_paused_evse"] == {"reasons": ["NoEnergy"]}


async def test_the_stricter_of_two_nodes_counts(client: Client, start: Start) -> None:
    station = await start(
        EvseSetup(limits="limits_api"), companions=CompanionSetup(grid="grid_api")
    )
    fuse = {"ac_max_current_A": 16.0, "ac_max_phase_count": 3}
    await client.until(lambda: client.published(API, "enforced_limits"))
    await client.until(lambda: in_force(client) == fuse)
    for module, order, result in (
        ("limits_api", limits(13), {**fuse, "ac_max_current_A": 13.0}),
        ("grid_api", limits(0), {"ac_max_current_A": 0.0}),
        ("limits_api", limits(10, phases=1), {"ac_max_current_A": 0.0}),
        ("grid_api", limits(), {"ac_max_current_A": 10.0, "ac_max_phase_count": 1}),
        ("grid_api", limits(8), {"ac_max_current_A": 8.0, "ac_max_phase_count": 1}),
    ):
        root = f"{client.prefix}{ROOT}/external_energy_limits_consumer/{module}"
        await client.send(f"{root}/m2e/set_external_limits", order)
        await client.until(lambda result=result: in_force(client) == result)
    assert station.mistakes == []
