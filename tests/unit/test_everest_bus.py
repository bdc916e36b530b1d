"""The bus inside EVerest: every dialect is read, one is written, as it was recorded."""

from dataclasses import replace
from typing import Any

import orjson
import pytest

from custom_components.fimp_chargepoint.chargepoint.errors import (
    CommandRefusedError,
    InvalidRequestError,
    ProtocolError,
)
from custom_components.fimp_chargepoint.chargepoint.everest import internal_bus as bus
from custom_components.fimp_chargepoint.chargepoint.everest.internal_bus import (
    BusModule,
    Result,
    Variable,
)
from custom_components.fimp_chargepoint.chargepoint.ocpp import (
    ChangeAvailability,
    GetVariables,
    MonitorVariables,
    OcppCommand,
    RestartOcpp,
    SendSecurityEvent,
    SetVariable,
    StopOcpp,
)
from simulators.recording import read_recording
from tests.helpers.recordings import recording
from tests.helpers.schemas import ocpp_interface

from .fakes import UNTHROTTLED, OfflineHub

COMMANDS: tuple[OcppCommand, ...] = (
    GetVariables(),
    GetVariables(names=("HeartbeatInterval", "x" * 50)),
    SetVariable(name="DisplayText", value=""),
    SetVariable(name="x" * 50, value="x" * 500),
    MonitorVariables(names=("HeartbeatInterval",)),
    SendSecurityEvent(kind="SettingSystemTime"),
    SendSecurityEvent(kind="x" * 50, info="x" * 255),
    StopOcpp(),
    RestartOcpp(),
)


def module(*, is_newest: bool | None = True) -> BusModule:
    """Return the OCPP module of a station, received in the newest or an older dialect."""
    found = BusModule("everest", "ocpp", "main", "me")
    found.is_newest = is_newest
    return found


# What is received -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("topic", "payload", "is_newest", "value"),
    [
        (
            "ocpp/main/var",
            {"name": "is_connected", "data": True},
            False,
            True,
        ),
        (
            "modules/ocpp/impl/main/var",
            {"name": "is_connected", "data": False},
            False,
            False,
        ),
        (
            "modules/ocpp/impl/main/var/is_connected",
            {"msg_type": "Var", "data": {"data": True}},
            True,
            True,
        ),
    ],
)
def test_every_dialect_is_read(topic: str, payload: Any, *, is_newest: bool, value: bool) -> None:
    assert bus.parse_variable(topic.split("/"), orjson.dumps(payload)) == Variable(
        "ocpp", "main", "is_connected", value, is_newest
    )


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("modules/ocpp/impl/main/var/is_connected", {"name": "is_connected", "data": True}),
        ("modules/ocpp/impl/main/var/is_connected", {"msg_type": "Var", "data": True}),
        ("modules/ocpp/impl/main/var/is_connected", {"msg_type": "Var2", "data": {"data": 1}}),
        ("modules/ocpp/impl/main/var/is_connected", True),
        ("modules/ocpp/impl/main/var", {"msg_type": "Var", "data": {"data": True}}),
        ("ocpp/main/var", {"name": 5, "data": True}),
        ("ocpp/main/var", []),
    ],
)
def test_a_dialect_of_tomorrow_is_none(topic: str, payload: Any) -> None:
    with pytest.raises(ProtocolError):
        bus.parse_variable(topic.split("/"), orjson.dumps(payload))


@pytest.mark.parametrize("topic", ["modules/ocpp/impl/main/cmd/stop", "ocpp/main/cmd", "x", ""])
def test_what_is_no_variable(topic: str) -> None:
    assert bus.parse_variable(topic.split("/"), b"no matter") is None


def test_all_that_was_recorded_is_read() -> None:
    """It is of the newest dialect, and shows in what form that is written."""
    variables, results, calls = 0, 0, []
    for line in read_recording(recording("everest/recorded/internal_bus_main_samples")):
        levels = line.topic.split("/")[1:]
        if "response" in levels:
            assert bus.parse_result(line.payload).error is None
            results += 1
        elif "cmd" in levels:
            calls.append(orjson.loads(line.payload))
        elif "var" in levels:
            reported = bus.parse_variable(levels, line.payload)
            assert reported is not None
            assert reported.is_newest
            assert reported.name == levels[-1]
            variables += 1
    assert min(variables, results, len(calls)) > 5

    for command in COMMANDS:
        found = bus.bus_call(command)
        assert found is not None
        call = orjson.loads(module().question(command).request.payload)
        for each in calls:
            assert call.keys() == each.keys() == {"data", "msg_type"}
            assert call["msg_type"] == each["msg_type"] == "Cmd"
            assert call["data"].keys() == each["data"].keys() == {"args", "id", "origin"}
            assert len(call["data"]["id"]) == len(each["data"]["id"])


def test_a_result() -> None:
    def result(data: dict[str, Any]) -> Result:
        outcome = {"type": "result", "data": data}
        return bus.parse_result(orjson.dumps({"msg_type": "CmdResult", "data": outcome}))

    assert result({"id": "7", "origin": "ocpp", "retval": None}) == ("7", None, None)
    assert result({"id": "7", "origin": "ocpp", "retval": False}) == ("7", False, None)
    error = {"__everest__error_type": "HandlerException", "__everest__error_msg": "busy"}
    assert result({"id": "7", "error": error}) == ("7", None, "busy")
    del error["__everest__error_msg"]
    assert result({"id": "7", "error": error}) == ("7", None, "HandlerException")
    assert result({"id": "7"}) == ("7", None, "")
    for wrong in ({}, {"id": 7, "retval": True}):
        with pytest.raises(ProtocolError):
            result(wrong)


# What is sent ---------------------------------------------------------------------------


def test_all_that_is_told_is_in_the_interface() -> None:
    """Commands and arguments are those of EVerest's own definition, none more and none less."""
    defined = ocpp_interface("main")["cmds"]
    calls = [bus.bus_call(command) for command in COMMANDS]
    assert {each.operation for each in calls if each} == set(defined)
    types = {"string": str, "array": list}
    for each in calls:
        assert each is not None
        arguments = defined[each.operation].get("arguments", {})
        assert set(each.payload or {}) == set(arguments)
        for name, value in (each.payload or {}).items():
            assert isinstance(value, types[arguments[name]["type"]])
            longest = arguments[name].get("maximum")
            assert longest is None or len(value) <= longest
            for item in value if isinstance(value, list) else ():
                assert isinstance(item, str)
                assert len(item) <= arguments[name]["items"].get("maximum", 50)


@pytest.mark.parametrize(
    "command",
    [
        SetVariable(name="x" * 51, value="1"),
        SetVariable(name="", value="1"),
        SetVariable(name="x ", value="1"),
        SetVariable(name="ü", value="1"),
        SetVariable(name="x", value="x" * 501),
        SetVariable(name="x", value="ü"),
        SetVariable(name="x", value="a\nb"),
        SetVariable(name="x", value="\ud800"),
        SetVariable(name="x", value=5),  # type: ignore[arg-type]
        SetVariable(name="x", value="1", component="OCPPCommCtrlr"),
        GetVariables(names=("x" * 51,)),
        GetVariables(names=(5,)),  # type: ignore[arg-type]
        GetVariables(names=tuple(f"x{each}" for each in range(201))),
        GetVariables(names=("x",), component="OCPPCommCtrlr"),
        MonitorVariables(names=()),
        MonitorVariables(names=(None,)),  # type: ignore[arg-type]
        SendSecurityEvent(kind=""),
        SendSecurityEvent(kind="x" * 51),
        SendSecurityEvent(kind="x", info="x" * 256),
        SendSecurityEvent(kind="x", info="\x00"),
        SendSecurityEvent(kind="x", critical=True),
    ],
)
def test_what_makes_no_sense_is_refused(command: OcppCommand) -> None:
    with pytest.raises(InvalidRequestError):
        bus.bus_call(command)


def test_what_is_asked_twice_is_asked_once() -> None:
    found = bus.bus_call(GetVariables(names=("x", "y", "x")))
    assert found is not None
    assert found.payload == {"keys": ["x", "y"]}


def test_what_only_the_api_has() -> None:
    assert bus.bus_call(ChangeAvailability(operative=True)) is None


@pytest.mark.parametrize("is_newest", [False, None])
def test_only_the_newest_dialect_is_written(*, is_newest: bool | None) -> None:
    with pytest.raises(InvalidRequestError):
        module(is_newest=is_newest).question(StopOcpp())


def test_every_call_has_an_id_of_its_own() -> None:
    one, other = (module().question(StopOcpp()).request for _ in range(2))
    assert one.topic == other.topic == "everest/modules/ocpp/impl/main/cmd/stop"
    assert one.id != other.id
    assert orjson.loads(one.payload)["data"] == {"args": None, "id": one.id, "origin": "me"}


@pytest.mark.parametrize(
    ("command", "value", "answer"),
    [
        (SetVariable(name="x", value="1"), "Accepted", {"status": "Accepted"}),
        (SetVariable(name="x", value="1"), "RebootRequired", {"status": "RebootRequired"}),
        (SetVariable(name="x", value="1"), "Rejected", CommandRefusedError),
        (SetVariable(name="x", value="1"), "NotSupported", CommandRefusedError),
        (SetVariable(name="x", value="1"), None, CommandRefusedError),
        (StopOcpp(), True, {}),
        (StopOcpp(), False, CommandRefusedError),
        (RestartOcpp(), None, CommandRefusedError),
        (MonitorVariables(names=("x",)), None, {}),
        (SendSecurityEvent(kind="x"), None, {}),
        (GetVariables(), None, {"keys": []}),
        (GetVariables(), {"configuration_keys": 5, "unknown_keys": [5, {}]}, {"keys": []}),
        (
            GetVariables(),
            {
                "configuration_keys": [{"key": "x", "read_only": True, "value": "1"}, 5],
                "unknown_keys": ["y"],
            },
            {
                "keys": [
                    {"key": "x", "value": "1", "read_only": True, "status": "Accepted"},
                    {"key": "y", "status": "UnknownVariable"},
                ]
            },
        ),
    ],
)
def test_what_is_answered(command: OcppCommand, value: Any, answer: Any) -> None:
    found = bus.bus_call(command)
    assert found is not None
    assert found.answer is not None
    if isinstance(answer, dict):
        assert found.answer(value) == answer
    else:
        with pytest.raises(answer):
            found.answer(value)


# On a hub -------------------------------------------------------------------------------

ON = replace(UNTHROTTLED, internal_bus="everest")


def bus_message(value: Any) -> dict[str, Any]:
    return {"msg_type": "Var", "data": {"data": value}}


def test_the_recording_on_a_hub() -> None:
    """It contains no OCPP module; whether there is one is asked once."""
    hub = OfflineHub(options=ON)
    hub.connection_made()
    hub.take_sent()
    start = hub.clock.time
    for line in read_recording(recording("everest/recorded/internal_bus_main_samples")):
        hub.advance(start + line.t)
        hub.message(line.topic, line.payload, retained=False)
    assert hub.ignored == {}
    assert not [each for each in hub.nodes if each.startswith("everest_ocpp:")]
    ((topic, payload),) = hub.take_sent("everest/")
    assert topic == "everest/modules/ocpp/impl/main/cmd/get_configuration_key"
    call = orjson.loads(payload)
    assert call["data"]["args"] == {"keys": ["HeartbeatInterval"]}


def test_nothing_is_asked_in_another_dialect() -> None:
    hub = OfflineHub(options=ON)
    hub.connection_made()
    hub.take_sent()
    hub.feed("everest/modules/evse/impl/main/var", {"name": "powermeter", "data": {}})
    hub.feed("everest/evse/main/var", {"name": "powermeter", "data": {}})
    hub.feed("everest/modules/evse/impl/main/var/powermeter", {"data": {}})
    assert hub.take_sent("everest/") == []
    assert hub.ignored == {"shape": 1}


def test_the_generic_interface_is_not_taken_for_ocpp_1_6() -> None:
    """It has commands of the same names, and others as their arguments."""
    hub = OfflineHub(options=ON)
    hub.connection_made()
    for name, value in (("is_connected", True), ("security_event", {"type": "x"})):
        hub.feed(f"everest/modules/ocpp/impl/ocpp_generic/var/{name}", bus_message(value))
    hub.advance(hub.clock.time + 100)
    assert hub.nodes == {}


def test_another_name_of_the_implementation() -> None:
    hub = OfflineHub(options=ON)
    hub.connection_made()
    key = {"key": "x", "read_only": False}
    hub.feed("everest/modules/m/impl/charge_point/var/configuration_key", bus_message(key))
    hub.advance(hub.clock.time + 4)
    assert list(hub.nodes) == ["everest_ocpp:"]


def test_another_root() -> None:
    hub = OfflineHub(options=replace(ON, internal_bus="a/b"))
    assert any(each.startswith("a/b/modules/") for each in hub.filters)
    hub.connection_made()
    hub.feed("a/b/modules/ocpp/impl/main/var/is_connected", bus_message(value=True))
    hub.advance(hub.clock.time + 4)
    assert hub.nodes["everest_ocpp:"].snapshot.connected is True


def test_without_the_option_nothing_is_heard() -> None:
    hub = OfflineHub()
    hub.connection_made()
    hub.feed("everest/modules/ocpp/impl/main/var/is_connected", bus_message(value=True))
    hub.advance(hub.clock.time + 100)
    assert hub.nodes == {}
    assert not [each for each in hub.filters if each.startswith("everest/")]
    assert hub.take_sent("everest/modules") == []


def test_filters_do_not_overlap() -> None:
    """A message that two of them matched might come twice."""
    hub = OfflineHub(options=ON)
    filters = [each for each in hub.filters if each.startswith("everest/")]
    assert len(filters) == len(set(filters)) > 5
    assert not [each for each in filters if each.endswith("#")]
