"""The OCPP client of an EVerest station: its messages, and the requests to it."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from custom_components.fimp_chargepoint.chargepoint.errors import (
    CommandRefusedError,
    CommandTimeoutError,
    InvalidRequestError,
    NotConnectedError,
)
from custom_components.fimp_chargepoint.chargepoint.everest.ocpp.schedule import (
    Schedule,
    of_station,
)
from custom_components.fimp_chargepoint.chargepoint.model import Feature, Reason
from custom_components.fimp_chargepoint.chargepoint.ocpp import (
    ChangeAvailability,
    GetVariables,
    MonitorVariables,
    OcppCommand,
    SendSecurityEvent,
    SetVariable,
    StopOcpp,
)
from tests.helpers.recordings import sample

from .everest_ocpp_station import ROOT, Station, schedule
from .fakes import waits

ADDRESS = "everest_ocpp:ocpp_1"
STATUS = {
    "connected": True,
    "csms_url": "wss://example.org",
    "identity": "cp001",
    "ocpp_version": "2.0.1",
    "security_profile": 2,
}
GET = GetVariables(names=("x",))


@pytest.fixture(name="station")
def station_fixture() -> Station:
    """A station of the newest release, whose connection is known."""
    station = Station()
    station.publish("heartbeat", 7)
    station.publish("connection_status", STATUS)
    station.hub.take_sent()
    station.listen()
    return station


# How it is found ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("heartbeat", 0),
        ("heartbeat", {}),
        ("is_connected", False),
        ("connection_status", {"connected": False}),
        ("boot_notification_response", {"status": "Pending", "interval": 5}),
        ("charging_schedules", {"schedules": []}),
        ("security_event", {"type": "x"}),
        ("event_data", {"component_variable": {}}),
    ],
)
def test_whatever_it_says_proves_it(variable: str, value: Any) -> None:
    station = Station()
    station.publish(variable, value)
    assert list(station.hub.nodes) == [ADDRESS]
    assert station.shown.available


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("heartbeat", "7"),
        ("heartbeat", True),
        ("is_connected", "true"),
        ("is_connected", 1),
        ("connection_status", {}),
        ("connection_status", [True]),
        ("security_event", None),
        ("ocpp_message", {"message": "x"}),
        ("data_transfer_incoming", {"headers": {"replyTo": "x"}, "payload": {}}),
        ("nonsense", {"connected": True}),
    ],
)
def test_nonsense_proves_nothing(variable: str, value: Any) -> None:
    station = Station()
    station.publish(variable, value)
    assert station.hub.nodes == {}


def test_it_is_found_by_asking() -> None:
    station = Station()
    station.hub.connection_made()
    ((_, question),) = station.hub.take_sent("everest_api/discover")
    reply_to = orjson.loads(question)["headers"]["replyTo"]
    apis = [
        {"module_id": "ocpp_1", "type": "ocpp_consumer", "version": 1},
        {"module_id": "ocpp_2", "type": "ocpp_consumer", "version": 2},
        {"module_id": "a/b", "type": "ocpp_consumer", "version": 1},
        {"type": "ocpp_consumer"},
        5,
    ]
    station.hub.feed(reply_to, {"apis": apis})
    assert list(station.hub.nodes) == [ADDRESS]
    # Only the newest release answers, so it offers everything.
    station.client.check(ChangeAvailability(operative=True))
    assert station.hub.ignored == {}


def test_two_of_them() -> None:
    """Each is a client of its own, and gets nothing that may be the other's."""
    station = Station(internal_bus="everest")
    station.publish("heartbeat", 1)
    station.hub.feed("everest_api/1/ocpp_consumer/ocpp_2/e2m/heartbeat", 1)
    station.bus("is_connected", value=True)
    assert list(station.hub.nodes) == [ADDRESS, "everest_ocpp:ocpp_2"]
    for node in station.hub.nodes.values():
        assert node.snapshot.connected is None
        with pytest.raises(InvalidRequestError, match="bus_without_ocpp"):
            node.check(StopOcpp())


# Its messages ---------------------------------------------------------------------------


def test_the_connection(station: Station) -> None:
    shown = station.shown
    assert (shown.connected, shown.csms_url, shown.version) == (
        True,
        "wss://example.org",
        "2.0.1",
    )
    assert (shown.client_id, shown.security_profile) == ("cp001", 2)
    assert Feature.CSMS in shown.capabilities.reports
    station.publish("connection_status", {"connected": False})
    assert (station.shown.connected, station.shown.csms_url) == (False, None)
    station.publish("is_connected", value=True)
    assert station.shown.connected is True
    station.publish("is_connected", "yes")
    assert station.shown.connected is True
    station.publish("connection_status", {"connected": "yes", "security_profile": True})
    assert (station.shown.connected, station.shown.security_profile) == (None, None)


@pytest.mark.parametrize(
    ("reported", "shown"),
    [
        ("wss://csms.example/ocpp/CP1", "wss://csms.example/ocpp/CP1"),
        ("wss://kari:geheim@csms.example:443/ocpp", "wss://csms.example:443/ocpp"),
        ("wss://kari@csms.example", "wss://csms.example"),
        ("kari:geheim@csms.example/ocpp", "csms.example/ocpp"),
        ("wss://kari:ge@heim@csms.example/x", "wss://csms.example/x"),
        ("wss://csms.example/x?token=geheim#geheim", "wss://csms.example/x"),
        # The end of the password is ambiguous.
        ("wss://kari:ge/heim@csms.example", None),
        ("wss://kari:ge?heim@csms.example", None),
        ("wss://kari:ge#heim@csms.example", None),
        ("wss://csms.example/x?mail=kari@geheim.example", None),
        ("wss://kari:" + "geheim" * 50 + "@csms.example", "wss://csms.example"),
        ("wss://csms.example/" + "x" * 300, "wss://csms.example/" + "x" * 181),
        ("", None),
        (7, None),
    ],
)
def test_no_password_in_the_address(station: Station, reported: Any, shown: str | None) -> None:
    station.publish("connection_status", {"connected": True, "csms_url": reported})
    assert station.shown.csms_url == shown
    assert "geheim" not in str(station.shown)


def test_the_sample_of_everest_s_own_serializer() -> None:
    station = Station()
    station.publish("connection_status", sample("ocpp_connection_status"))
    assert station.shown.connected is True
    assert station.shown.csms_url == "ws://localhost:9000"
    assert station.shown.version == "1.6"


def test_what_the_back_end_thinks(station: Station) -> None:
    station.publish("boot_notification_response", {"status": "Pending", "interval": 60})
    assert station.shown.registration == "Pending"


def test_questions_for_what_was_said_before(station: Station) -> None:
    """A value that was never published is answered with `true`, so it is not requested."""
    station.hub.connection_made()
    sent = {
        topic.removeprefix(f"{ROOT}/m2e/"): orjson.loads(payload)
        for topic, payload in station.hub.take_sent(f"{ROOT}/m2e/")
    }
    assert set(sent) == {
        "connection_status/get",
        "boot_notification_response/get",
        "charging_schedules/get",
    }
    assert station.shown.connected is None
    for value in (True, None):
        station.hub.feed(sent["boot_notification_response/get"]["headers"]["replyTo"], value)
    assert station.shown.registration is None
    station.hub.feed(sent["connection_status/get"]["headers"]["replyTo"], STATUS)
    assert station.shown.connected is True
    assert station.hub.ignored == {}


def test_what_is_not_answered_is_asked_once_more() -> None:
    station = Station()
    station.publish("heartbeat", 1)
    assert len(station.asked("get")) == 3
    station.wait(3.5)
    assert len(station.asked("get")) == 3
    for _ in range(10):
        station.publish("heartbeat", 1)
        station.wait(5)
    assert station.asked("get") == []


def test_a_security_event(station: Station) -> None:
    event = {
        "type": "TamperDetectionActivated",
        "info": "by hand",
        "critical": False,
        "timestamp": "2026-11-20T09:15:39.718Z",
    }
    station.publish("security_event", event)
    station.publish("security_event", {"type": "x", "info": 5, "critical": "yes"})
    one, other = station.notifications
    assert one.kind == "security_event"
    assert one.details == event | {"timestamp": datetime(2026, 11, 20, 9, 15, 39, 718_000, UTC)}
    assert other.details == {"type": "x"}


def test_a_variable_that_has_changed(station: Station) -> None:
    variable = {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "x"}}
    event = {
        "component_variable": variable,
        "actual_value": "x" * 2500,
        "trigger": "Delta",
        "event_id": 1,
    }
    station.publish("event_data", event)
    variable["component"] = {"name": ""}
    station.publish("event_data", event | {"actual_value": "1", "cleared": True})
    station.publish("event_data", {"component_variable": 5})
    assert [each.details for each in station.notifications] == [
        {
            "key": "x",
            "component": "OCPPCommCtrlr",
            "value": "x" * 200,
            "trigger": "Delta",
        },
        {"key": "x", "value": "1", "trigger": "Delta", "cleared": True},
        {},
    ]


def test_what_may_be_drawn(station: Station) -> None:
    """It changes with time, without any message."""
    station.publish("charging_schedules", schedule())
    limits = []
    for beat in range(13):
        limits.append(station.shown.csms_current)
        station.wait(10)
        station.publish("heartbeat", 8 + beat)
    assert limits == [16] * 6 + [6] * 6 + [None]
    assert (station.shown.csms_current, station.shown.csms_power) == (None, None)
    assert Feature.CSMS_POWER not in station.shown.capabilities.reports
    station.publish("charging_schedules", schedule(charging_rate_unit="W"))
    assert (station.shown.csms_current, station.shown.csms_power) == (None, 16)
    assert Feature.CSMS_POWER in station.shown.capabilities.reports


@pytest.mark.parametrize(
    "value",
    [
        {"schedules": 5},
        {"schedules": [5, {"evse": 1}]},
        {"schedules": [{"evse": 0, "charging_schedule_period": 5}]},
        schedule(charging_schedule_period=[5, {"limit": 5}, {"start_period": 5}]),
        schedule(charging_rate_unit=5),
    ],
)
def test_schedules_that_say_nothing(station: Station, value: Any) -> None:
    station.publish("charging_schedules", value)
    assert (station.shown.csms_current, station.shown.csms_power) == (None, None)


def test_a_schedule_that_began_earlier() -> None:
    begin = datetime(2026, 11, 20, 9, tzinfo=UTC)
    today = begin + timedelta(seconds=90)
    now = 1000.0
    found = of_station(schedule(start_schedule="2026-11-20T09:00:00Z"), now, today)
    assert found.limit(now) == 6
    assert found.next_change(now) == now + 30
    endless = of_station(schedule(start_schedule="nonsense", duration=None), now, today)
    assert endless.limit(now + 1e6) == 6
    assert endless.next_change(now + 1e6) is None
    assert Schedule().limit(now) is None
    # One that has not begun limits nothing yet.
    later = of_station(schedule(start_schedule="2026-11-20T10:00:00Z"), now, today)
    assert later.limit(now) is None


# Life -----------------------------------------------------------------------------------


async def test_after_a_restart_it_is_asked_again(station: Station) -> None:
    await station.client.perform(MonitorVariables(names=("x",)))
    await station.client.perform(MonitorVariables(names=("x",)))
    assert len(station.asked("monitor_variables")) == 2
    station.publish("heartbeat", 0)
    # Each option is sent once, and everything else is requested.
    assert len(station.asked("monitor_variables")) == 1
    station.publish("heartbeat", 0)
    assert len(station.asked("get")) == 3


@pytest.mark.parametrize("soon", [True, False])
def test_what_was_said_of_the_connection_is_not_of_the_next_life(*, soon: bool) -> None:
    """Up to 2026.02 it is not reported before there is one, and cannot be requested."""
    station = Station()
    station.publish("heartbeat", 7)
    station.publish("boot_notification_response", {"status": "Accepted"})
    station.publish("is_connected", value=True)
    station.wait(10)
    if soon:
        # The first heartbeat may come after all other messages of a start.
        station.publish("is_connected", value=True)
    station.publish("heartbeat", 0)
    assert station.shown.available
    assert station.shown.connected is (True if soon else None)
    assert station.shown.registration == ("Accepted" if soon else None)


def test_an_update_brings_monitors() -> None:
    station = Station()
    station.publish("heartbeat", {})
    with pytest.raises(InvalidRequestError):
        station.client.check(MonitorVariables(names=("x",)))
    station.publish("heartbeat", 0)
    station.client.check(MonitorVariables(names=("x",)))


async def test_when_it_was_not_heard_it_may_have_been_restarted(station: Station) -> None:
    await station.client.perform(MonitorVariables(names=("x",)))
    station.hub.connection_lost(NotConnectedError("gone"))
    station.hub.connection_made()
    assert len(station.asked("monitor_variables")) == 1
    station.publish("heartbeat", 900)
    assert len(station.asked("monitor_variables")) == 1


@pytest.mark.parametrize("first", ["is_connected", "chatter"])
async def test_the_same_on_the_bus(first: str) -> None:
    station = Station(internal_bus="everest")
    station.bus("is_connected", value=True)
    station.wait(4)
    task = asyncio.create_task(station.client.perform(MonitorVariables(names=("x",))))
    await asyncio.sleep(0)
    station.reply_on_bus(None)
    assert await task == {}
    station.hub.connection_lost(NotConnectedError("gone"))
    station.hub.connection_made()
    assert station.hub.take_sent("/cmd/") == []
    if first == "is_connected":
        station.bus("is_connected", value=True)
    else:
        chatter = "everest/modules/evse/impl/evse/var/powermeter"
        station.hub.feed(chatter, {"msg_type": "Var", "data": {"data": {}}})
    ((topic, _),) = station.hub.take_sent("everest/")
    assert topic.endswith("/cmd/monitor_configuration_keys")


async def test_what_cannot_be_monitored_any_more() -> None:
    """The station was replaced by an older one."""
    station = Station(internal_bus="everest")
    station.bus("is_connected", value=True)
    station.wait(4)
    task = asyncio.create_task(station.client.perform(MonitorVariables(names=("x",))))
    await asyncio.sleep(0)
    station.reply_on_bus(None)
    await task
    station.hub.connection_lost(NotConnectedError("gone"))
    station.hub.connection_made()
    older = {"name": "is_connected", "data": True}
    station.hub.feed("everest/modules/ocpp/impl/main/var", older)
    assert station.shown.connected is True
    assert station.hub.take_sent("/cmd") == []


def test_the_silence_that_is_allowed_shrinks_with_the_interval() -> None:
    station = Station()
    station.hub.connection_made()
    ((_, question),) = station.hub.take_sent("everest_api/discover")
    monitoring = {"heartbeat_period_ms": 100_000}
    api = {
        "module_id": "ocpp_1",
        "type": "ocpp_consumer",
        "communication_monitoring": monitoring,
    }
    station.hub.feed(orjson.loads(question)["headers"]["replyTo"], {"apis": [api]})
    station.wait(150)
    assert station.shown.available
    for beat in range(3):
        station.publish("heartbeat", beat + 1)
        station.wait(1)
    station.wait(31)
    assert station.shown.unavailable is Reason.SILENT


def test_it_is_no_charge_point_to_be_discovered() -> None:
    assert Station().hub.recognise(f"{ROOT}/e2m/heartbeat", b"1") is None


async def test_the_results_of_others_are_nobody_s() -> None:
    station = Station(internal_bus="everest")
    station.bus("is_connected", value=True)
    station.wait(4)
    task = asyncio.create_task(station.client.perform(StopOcpp()))
    await asyncio.sleep(0)
    topic, payload = station.hub.sent[-1]
    call = orjson.loads(payload)["data"]
    answer = {"id": call["id"], "origin": "ocpp", "retval": True}
    result = {"msg_type": "CmdResult", "data": {"type": "result", "data": answer}}
    station.hub.feed(f"{topic}/response/somebody_else", result)
    answer["id"] = "another"
    station.hub.feed(f"{topic}/response/{call['origin']}", result)
    assert await waits(task)
    station.reply_on_bus(True)
    assert await task == {}


def test_it_falls_silent_and_comes_back(station: Station) -> None:
    station.wait(21)
    assert len(station.asked("get_variables")) == 1
    assert station.shown.available
    station.wait(10)
    assert station.shown.unavailable is Reason.SILENT
    assert station.shown.connected is None
    station.wait(300)
    assert len(station.asked("get_variables")) > 5
    station.publish("heartbeat", 8)
    assert station.shown.available


def test_an_answer_is_a_sign_of_life(station: Station) -> None:
    for _ in range(20):
        station.wait(21)
        (question,) = station.asked("get_variables")
        station.hub.feed(question["headers"]["replyTo"], {"items": []})
    assert station.shown.available


def test_the_link(station: Station) -> None:
    station.hub.connection_lost(NotConnectedError("gone"))
    assert station.shown.unavailable is Reason.NOT_CONNECTED
    assert station.shown.csms_url is None
    station.hub.connection_made()
    assert station.shown.unavailable is Reason.NOT_HEARD


# Requests -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "reply", "answer"),
    [
        (GET, {"items": []}, {"keys": []}),
        (GET, None, {"keys": []}),
        (GET, {"items": [5, {}]}, {"keys": [{"key": None, "status": None}]}),
        (SetVariable(name="x", value="1"), {"items": [{"status": "Accepted"}]}, "Accepted"),
        (SetVariable(name="x", value="1"), {"items": []}, CommandRefusedError),
        (SetVariable(name="x", value="1"), True, CommandRefusedError),
        (ChangeAvailability(operative=True), {"status": "Scheduled"}, "Scheduled"),
        (ChangeAvailability(operative=True), {}, CommandRefusedError),
    ],
)
async def test_replies(station: Station, command: OcppCommand, reply: Any, answer: Any) -> None:
    if isinstance(answer, type):
        with pytest.raises(answer):
            await station.perform(command, reply)
    else:
        expected = {"status": answer} if isinstance(answer, str) else answer
        assert await station.perform(command, reply) == expected


async def test_a_refusal_in_its_own_words(station: Station) -> None:
    info = {"reason_code": "NoSuchEvse", "additional_info": "there is one"}
    reply = {"status": "Rejected", "status_info": info}
    with pytest.raises(CommandRefusedError, match="Rejected: NoSuchEvse: there is one"):
        await station.perform(ChangeAvailability(operative=True, evse=2), reply)


async def test_nobody_replies(station: Station) -> None:
    task = asyncio.create_task(station.client.perform(GET))
    await asyncio.sleep(0)
    station.wait(11)
    with pytest.raises(CommandTimeoutError):
        await task


async def test_the_link_breaks_meanwhile(station: Station) -> None:
    task = asyncio.create_task(station.client.perform(GET))
    await asyncio.sleep(0)
    station.hub.connection_lost(NotConnectedError("gone"))
    with pytest.raises(NotConnectedError):
        await task
    with pytest.raises(NotConnectedError):
        await station.client.perform(GET)


async def test_it_is_removed_meanwhile(station: Station) -> None:
    client = station.client
    task = asyncio.create_task(client.perform(GET))
    await asyncio.sleep(0)
    station.hub.remove_node(ADDRESS)
    with pytest.raises(NotConnectedError):
        await task
    with pytest.raises(NotConnectedError):
        await client.perform(GET)


async def test_who_asked_has_given_up(station: Station) -> None:
    task = asyncio.create_task(station.client.perform(GET))
    await asyncio.sleep(0)
    (question,) = station.asked("get_variables")
    task.cancel()
    await asyncio.sleep(0)
    station.hub.feed(question["headers"]["replyTo"], {"items": []})
    assert station.client._calls._waiting == {}
    assert station.hub.ignored == {}


@pytest.mark.parametrize(
    "command",
    [
        GetVariables(names=("x" * 51,)),
        GetVariables(names=("x",), component="x" * 51),
        GetVariables(names=("",)),
        GetVariables(names=tuple(f"x{each}" for each in range(201))),
        SetVariable(name="x", value="x" * 1001),
        SetVariable(name="x", value="ü" * 501),
        SetVariable(name="x", value="\x00"),
        SetVariable(name="x", value="\ud800"),
        SetVariable(name="x", value=5),  # type: ignore[arg-type]
        MonitorVariables(names=()),
        SendSecurityEvent(kind=""),
        SendSecurityEvent(kind="x", info="ü"),
        ChangeAvailability(operative=True, evse=0),
        ChangeAvailability(operative=True, evse=True),
        ChangeAvailability(operative=True, evse=2**31),
        ChangeAvailability(operative=True, evse=1, connector=0),
        ChangeAvailability(operative=True, connector=1),
    ],
)
async def test_what_makes_no_sense_is_refused(station: Station, command: OcppCommand) -> None:
    with pytest.raises(InvalidRequestError):
        station.client.check(command)
    with pytest.raises(InvalidRequestError):
        await station.client.perform(command)
    assert station.hub.take_sent() == []


def test_what_a_release_does_not_offer() -> None:
    station = Station()
    station.publish("heartbeat", {})
    for command in (
        MonitorVariables(names=("x",)),
        SendSecurityEvent(kind="x"),
        ChangeAvailability(operative=True),
    ):
        with pytest.raises(InvalidRequestError):
            station.client.check(command)
    station.client.check(GET)
    # Only later releases report it.
    station.publish("charging_schedules", {"schedules": []})
    station.client.check(MonitorVariables(names=("x",)))
    station.publish("ocpp_message", {"message": "x", "direction": "x"})
    station.client.check(SendSecurityEvent(kind="x"))
    station.client.check(ChangeAvailability(operative=True))


# Several ways ---------------------------------------------------------------------------


def test_the_api_is_preferred() -> None:
    station = Station(internal_bus="everest")
    station.publish("connection_status", STATUS)
    station.listen()
    station.bus("is_connected", value=False)
    assert station.shown.connected is True
    station.bus("security_event", {"type": "x"})
    station.bus("configuration_key", {"key": "x", "read_only": False})
    assert station.notifications == []
    station.client.check(StopOcpp())
    # A module of its own no longer reports.
    station.wait(100)
    station.bus("security_event", {"type": "x"})
    assert [each.details for each in station.notifications] == [{"type": "x"}]


def test_monitors_on_the_bus_where_the_api_has_none() -> None:
    station = Station(internal_bus="everest")
    station.publish("heartbeat", {})
    station.listen()
    station.bus("configuration_key", {"key": "x", "read_only": True, "value": "x" * 5000})
    assert [each.details for each in station.notifications] == [
        {"key": "x", "read_only": True, "value": "x" * 200}
    ]
    station.client.check(MonitorVariables(names=("x",)))


def test_the_bus_alone_waits_for_the_api() -> None:
    station = Station(internal_bus="everest")
    station.bus("is_connected", value=True)
    assert station.hub.nodes == {}
    station.wait(1)
    station.publish("heartbeat", 1)
    station.wait(100)
    assert list(station.hub.nodes) == [ADDRESS]


def test_the_bus_waits_longer_where_the_api_is_there() -> None:
    station = Station(internal_bus="everest")
    station.hub.feed("everest_api/1/evse_manager_consumer/evse_1/e2m/heartbeat", 1)
    station.bus("is_connected", value=True)
    station.wait(30)
    assert list(station.hub.nodes) == ["everest:evse_1"]
    station.bus("is_connected", value=True)
    station.wait(40)
    assert set(station.hub.nodes) == {"everest:evse_1", "everest_ocpp:"}


def test_what_was_not_introduced_begins_anew_with_the_link() -> None:
    station = Station(internal_bus="everest")
    station.bus("is_connected", value=True)
    station.hub.connection_lost(NotConnectedError("gone"))
    station.hub.connection_made()
    station.wait(10)
    assert station.hub.nodes == {}
    station.bus("is_connected", value=True)
    station.wait(10)
    assert station.shown.connected is True


def test_a_dialect_has_to_be_heard_again_after_the_link() -> None:
    station = Station(internal_bus="everest")
    station.bus("is_connected", value=True)
    station.wait(4)
    station.client.check(StopOcpp())
    station.hub.connection_lost(NotConnectedError("gone"))
    station.hub.connection_made()
    with pytest.raises(InvalidRequestError, match="bus_silent"):
        station.client.check(StopOcpp())
    # An update of the station has changed nothing, or all.
    chatter = "everest/modules/evse/impl/evse/var/powermeter"
    station.hub.feed(chatter, {"msg_type": "Var", "data": {"data": {}}})
    station.client.check(StopOcpp())
    station.hub.feed("everest/modules/ocpp/impl/main/var", {"name": "is_connected", "data": True})
    with pytest.raises(InvalidRequestError, match="bus_too_old"):
        station.client.check(StopOcpp())


def test_the_bus_is_asked_for_a_sign_of_life() -> None:
    station = Station(internal_bus="everest")
    station.bus("is_connected", value=True)
    station.wait(4)
    station.hub.take_sent()
    station.wait(20)
    assert [topic.rpartition("/")[2] for topic, _ in station.hub.sent] == ["get_configuration_key"]
    station.reply_on_bus({"configuration_keys": []})
    station.wait(15)
    assert station.shown.available
    station.wait(40)
    assert station.shown.unavailable is Reason.SILENT


def test_the_older_api() -> None:
    station = Station()
    for word in (b"unknown", b"", b"nonsense", b"\xff"):
        station.legacy(word)
    station.wait(100)
    assert station.hub.nodes == {}
    station.legacy(b"disconnected")
    station.wait(4)
    assert station.shown.connected is False
    station.legacy(b"connected")
    assert station.shown.connected is True
    station.legacy(b"nonsense")
    assert station.shown.connected is True
    # It reports this after a restart.
    station.legacy(b"unknown")
    assert station.shown.connected is None
    station.legacy(b"connected")
    assert station.shown.connected is True
    station.wait(40)
    assert station.shown.unavailable is Reason.SILENT


def test_the_older_api_may_know_nothing_that_the_bus_says() -> None:
    station = Station(internal_bus="everest")
    station.legacy(b"unknown")
    station.bus("is_connected", value=True)
    station.wait(4)
    station.legacy(b"unknown")
    assert station.shown.connected is True


def test_the_older_api_helps_where_the_newer_says_nothing() -> None:
    station = Station()
    station.publish("heartbeat", {})
    station.legacy(b"connected")
    assert station.shown.connected is True
    station.publish("is_connected", value=False)
    # The newer one knows, and the older one may be a second late.
    station.legacy(b"connected")
    assert station.shown.connected is False


# Damage ---------------------------------------------------------------------------------

_ODD: tuple[Any, ...] = (
    None,
    True,
    -1,
    1e308,
    2**63,
    "",
    "x" * 1000,
    [],
    [[[]]],
    {},
    {"data": {}},
    b"",
    b"\xff\xfe",
    b"{",
    b"NaN",
    b'"\\ud800"',
    b"[" * 5000,
)


def _filled(value: Any) -> list[Any]:
    """Return objects with every field that is read, holding `value`."""
    fields = """
        connected csms_url identity ocpp_version security_profile status interval schedules
        type info critical timestamp component_variable actual_value trigger cleared key value
        read_only evse charging_rate_unit charging_schedule_period duration start_schedule
        start_period limit component variable name items configuration_keys unknown_keys
    """.split()  # noqa: SIM905
    filled = dict.fromkeys(fields, value)
    whole = filled | {"evse": 0, "charging_schedule_period": [filled, filled]}
    return [value, filled, {"schedules": [whole]}, {"items": [filled]}]


@pytest.mark.parametrize("odd", [each for each in _ODD if not isinstance(each, bytes)])
async def test_odd_fields_cost_nothing_but_themselves(odd: Any) -> None:
    station = Station(internal_bus="everest")
    station.publish("heartbeat", 1)
    station.bus("is_connected", value=True)
    for value in _filled(odd):
        for variable in station.client._reports:
            station.publish(variable, value)
        for name in ("is_connected", "configuration_key", "security_event", "powermeter"):
            station.bus(name, value)
        for command in (
            GET,
            SetVariable(name="x", value="1"),
            ChangeAvailability(operative=True),
        ):
            station.client.found(None, station.hub.clock.time)
            with suppress(CommandRefusedError):
                await station.perform(command, value)
        task = asyncio.create_task(station.client.perform(GetVariables()))
        await asyncio.sleep(0)
        station.reply_on_bus(value)
        await task
        station.wait(1)
    assert "internal" not in station.hub.ignored


@pytest.mark.parametrize("odd", [each for each in _ODD if isinstance(each, bytes)])
def test_no_message_at_all(odd: bytes) -> None:
    station = Station(internal_bus="everest")
    station.publish("heartbeat", 1)
    station.bus("is_connected", value=True)
    topics = [
        *(f"{ROOT}/e2m/{variable}" for variable in station.client._reports),
        "everest/modules/ocpp/impl/main/var/is_connected",
        "everest/modules/ocpp/impl/main/var",
        "everest/ocpp/main/var",
        "everest_api/ocpp/var/connection_status",
        *(
            each.replace("+", "x")
            for each in station.hub.filters
            if each.startswith("everest/") and "response" in each
        ),
    ]
    for topic in topics:
        station.hub.message(topic, odd, retained=False)
    assert "internal" not in station.hub.ignored
    assert station.shown.available
