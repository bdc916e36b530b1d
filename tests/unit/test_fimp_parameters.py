"""The settings of a charge point: how they are described, reported and set."""

from typing import Any

import orjson
import pytest

from custom_components.fimp_chargepoint.chargepoint.capabilities import (
    Parameter,
    ParameterKind,
    Range,
)
from custom_components.fimp_chargepoint.chargepoint.errors import (
    CommandRejectedError,
    CommandSupersededError,
    CommandTimeoutError,
    InvalidRequestError,
    NotConnectedError,
    OutOfRangeError,
)
from custom_components.fimp_chargepoint.chargepoint.fimp.chargepoint import FimpChargepoint

from .fakes import OfflineHub, waits
from .fimp_commands import begin, last, refused
from .fimp_messages import ADAPTER, ADDRESS, CHARGER, commands, inclusion, report, state
from .fimp_parameters import (
    ALL,
    BRIGHTNESS,
    LOCKED,
    NUMBERS,
    TOPIC,
    VERSION,
    WORDS,
    YES_NO,
    described,
    descriptions,
    parameter_report,
)

COMMANDS = TOPIC.replace("mt:evt", "mt:cmd")
_UNBOUNDED = 2**31 - 1


@pytest.fixture
def hub() -> OfflineHub:
    hub = OfflineHub()
    hub.connection_made()
    message = inclusion()
    message["val"]["services"].append(
        {
            "name": "parameters",
            "address": "/rt:dev/rn:easee/ad:1/sv:parameters/ad:1",
            "props": None,
            "interfaces": [
                {"msg_t": "cmd.sup_params.get_report"},
                {"msg_t": "cmd.param.get_report"},
                {"msg_t": "cmd.param.set"},
            ],
        }
    )
    hub.feed(ADAPTER, message)
    hub.feed(CHARGER, state())
    hub.feed(TOPIC, descriptions(*ALL))
    hub.advance(hub.clock.time + 5)
    hub.take_sent()
    return hub


@pytest.fixture
def node(hub: OfflineHub) -> FimpChargepoint:
    node = hub.nodes[ADDRESS]
    assert isinstance(node, FimpChargepoint)
    return node


def parameter(node: FimpChargepoint, parameter_id: str) -> Parameter:
    return {each.id: each for each in node.snapshot.capabilities.parameters}[parameter_id]


# Descriptions -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value_type", "widget", "fields", "kind"),
    [
        ("bool", "select", {"options": YES_NO}, ParameterKind.SWITCH),
        ("bool", "select", {"options": None}, ParameterKind.SWITCH),
        ("bool", "select", {}, ParameterKind.SWITCH),
        ("bool", "input", {}, ParameterKind.SWITCH),
        ("int", "input", {"min": 0, "max": 9}, ParameterKind.NUMBER),
        ("int", "input", {}, ParameterKind.NUMBER),
        ("float", "input", {"min": 0.5, "max": 2}, ParameterKind.NUMBER),
        ("int", "select", {"options": NUMBERS}, ParameterKind.CHOICE),
        ("string", "select", {"options": WORDS}, ParameterKind.CHOICE),
        ("string", "select", {"options": []}, ParameterKind.VALUE),
        ("string", "input", {}, ParameterKind.VALUE),
        ("int", "input", {"min": 9, "max": 0}, ParameterKind.VALUE),
        ("str_array", "select", {"options": WORDS}, ParameterKind.VALUE),
        ("string_array", "select", {"options": WORDS}, ParameterKind.VALUE),
        ("int_array", "input", {}, ParameterKind.VALUE),
        ("of_another_day", "input", {}, ParameterKind.VALUE),
        (None, "input", {}, ParameterKind.VALUE),
        (5, "select", {"options": WORDS}, ParameterKind.VALUE),
        ("bool", "of_another_day", {}, ParameterKind.VALUE),
        ("bool", None, {}, ParameterKind.VALUE),
        ("bool", "select", {"options": YES_NO, "read_only": True}, ParameterKind.VALUE),
        ("int", "input", {"min": 0, "max": 9, "read_only": True}, ParameterKind.VALUE),
        ("string", "select", {"options": WORDS, "read_only": True}, ParameterKind.VALUE),
        ("bool", "select", {"read_only": None}, ParameterKind.SWITCH),
    ],
)
def test_what_a_setting_is(
    hub: OfflineHub,
    node: FimpChargepoint,
    value_type: Any,
    widget: Any,
    fields: dict[str, Any],
    kind: ParameterKind,
) -> None:
    hub.feed(TOPIC, descriptions(described("x", value_type, widget, **fields)))
    assert parameter(node, "x").kind is kind
    assert bool(parameter(node, "x").choices) or kind is not ParameterKind.CHOICE
    assert (parameter(node, "x").range is None) is (kind is not ParameterKind.NUMBER)


@pytest.mark.parametrize(
    ("value_type", "fields", "expected"),
    [
        ("int", {"min": 0, "max": 100}, Range(0, 100, 1)),
        ("int", {"min": 5, "max": 5}, Range(5, 5, 1)),
        ("int", {}, Range(-_UNBOUNDED, _UNBOUNDED, 1)),
        ("int", {"min": None, "max": None}, Range(-_UNBOUNDED, _UNBOUNDED, 1)),
        ("int", {"min": 0}, Range(0, _UNBOUNDED, 1)),
        ("int", {"max": 10}, Range(-_UNBOUNDED, 10, 1)),
        ("int", {"min": "0", "max": True}, Range(-_UNBOUNDED, _UNBOUNDED, 1)),
        ("float", {"min": 0.5, "max": 2}, Range(0.5, 2, None)),
    ],
)
def test_the_bounds_of_a_number(
    hub: OfflineHub,
    node: FimpChargepoint,
    value_type: str,
    fields: dict[str, Any],
    expected: Range,
) -> None:
    hub.feed(TOPIC, descriptions(described("x", value_type, "input", **fields)))
    assert parameter(node, "x").range == expected


@pytest.mark.parametrize(
    ("value_type", "options", "choices"),
    [
        ("int", NUMBERS, {"Short": 5, "Long": 60}),
        ("string", WORDS, {"Dark": "off", "Bright": "on"}),
        ("int", [{"value": 5}, {"label": None, "value": 6}], {"5": 5, "6": 6}),
        ("string", [{"label": "", "value": "a"}], {"a": "a"}),
        ("string", [{"label": 5, "value": "a"}], {"a": "a"}),
        ("int", [*NUMBERS, None, 5, {}, {"label": "No"}], {"Short": 5, "Long": 60}),
        ("int", [*NUMBERS, {"label": "T", "value": True}], {"Short": 5, "Long": 60}),
        ("int", [*NUMBERS, {"label": "S", "value": "5"}], {"Short": 5, "Long": 60}),
        ("string", [*WORDS, {"label": "N", "value": 5}], {"Dark": "off", "Bright": "on"}),
        # JSON has one kind of number.
        ("float", [{"label": "One", "value": 1}], {"One": 1}),
        # Both can be chosen, though they are called the same.
        ("int", [{"label": "A", "value": 1}, {"label": "A", "value": 2}], [1, 2]),
    ],
)
def test_the_choices(
    hub: OfflineHub, node: FimpChargepoint, value_type: str, options: Any, choices: Any
) -> None:
    hub.feed(TOPIC, descriptions(described("x", value_type, "select", options=options)))
    found = parameter(node, "x").choices
    assert (list(found.values()) if isinstance(choices, list) else found) == choices


@pytest.mark.parametrize("name", ["", "  ", None, 5])
def test_a_setting_without_a_name_is_called_by_its_id(
    hub: OfflineHub, node: FimpChargepoint, name: Any
) -> None:
    hub.feed(TOPIC, descriptions(LOCKED | {"name": name}))
    assert parameter(node, "cable_always_locked").name == "cable_always_locked"


def test_what_makes_no_sense_is_left_out(hub: OfflineHub, node: FimpChargepoint) -> None:
    nonsense = (None, 5, [], {}, LOCKED | {"parameter_id": ""}, LOCKED | {"parameter_id": 5})
    hub.feed(TOPIC, descriptions(*nonsense, BRIGHTNESS))
    assert [each.id for each in node.snapshot.capabilities.parameters] == ["led_brightness"]
    assert not hub.ignored


def test_a_setting_that_is_described_twice_is_one(hub: OfflineHub, node: FimpChargepoint) -> None:
    hub.feed(TOPIC, descriptions(LOCKED, BRIGHTNESS, LOCKED | {"name": "Newer"}))
    names = [each.name for each in node.snapshot.capabilities.parameters]
    assert names == ["Newer", "Led brightness"]


@pytest.mark.parametrize("newer", [[LOCKED], [LOCKED | {"read_only": True}], [], None])
def test_a_newer_description_takes_the_place_of_the_older(
    hub: OfflineHub, node: FimpChargepoint, newer: Any
) -> None:
    hub.feed(TOPIC, report("evt.sup_params.report", "object", newer))
    capabilities = node.snapshot.capabilities
    assert len(capabilities.parameters) == len(newer or [])
    if newer:
        read_only = newer[0]["read_only"]
        expected = ParameterKind.VALUE if read_only else ParameterKind.SWITCH
        assert parameter(node, "cable_always_locked").kind is expected
    # A service that is no longer listed was removed with all its settings.
    hub.feed(ADAPTER, inclusion(props={"sup_charging_modes": ["slow"]}))
    assert node.snapshot.capabilities.parameters == ()


async def test_what_is_not_described_any_longer_cannot_be_set(
    hub: OfflineHub, node: FimpChargepoint
) -> None:
    hub.feed(TOPIC, descriptions(LOCKED | {"read_only": True}))
    hub.take_sent()
    for parameter_id in ("cable_always_locked", "led_brightness", "never_was"):
        with pytest.raises(InvalidRequestError):
            await node.set_parameter(parameter_id, value=True)
    assert hub.sent == []


# Questions ---------------------------------------------------------------------------


def test_the_descriptions_are_asked_for_and_then_the_values(hub: OfflineHub) -> None:
    node = hub.nodes[ADDRESS]
    assert isinstance(node, FimpChargepoint)
    node.ask_everything(hub.clock.now())
    assert (COMMANDS, "cmd.sup_params.get_report", None) in commands(hub)
    hub.feed(TOPIC, descriptions(LOCKED, VERSION))
    asked = [orjson.loads(payload) for _, payload in hub.sent]
    assert [(each["type"], each["val_t"], each["val"]) for each in asked] == [
        ("cmd.param.get_report", "string", "cable_always_locked"),
        ("cmd.param.get_report", "string", "version"),
    ]
    assert {topic for topic, _ in hub.take_sent()} == {COMMANDS}


def test_where_there_are_no_settings_none_are_asked_for(hub: OfflineHub) -> None:
    hub.feed(ADAPTER, inclusion("2", ("2",)))
    assert not any(topic.endswith("sv:parameters/ad:2") for topic, _ in hub.take_sent())


def test_after_a_lost_connection_all_is_asked_again(hub: OfflineHub, node: FimpChargepoint) -> None:
    hub.feed(TOPIC, parameter_report("led_brightness", "int", 50))
    hub.connection_lost(NotConnectedError("gone"))
    assert node.snapshot.parameters == {}
    assert len(node.snapshot.capabilities.parameters) == len(ALL)
    hub.take_sent()
    hub.connection_made()
    assert (COMMANDS, "cmd.sup_params.get_report", None) in commands(hub)


# Reports -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value_type", "value", "shown"),
    [
        ("bool", True, True),
        ("bool", False, False),
        ("int", 50, 50),
        ("int", 50.0, 50),
        ("int", -1, -1),
        ("float", 1.5, 1.5),
        ("float", 1, 1),
        ("string", "on", "on"),
        ("string", "", ""),
        ("str_array", ["a", "b"], "a, b"),
        ("string_array", ["a", "b"], "a, b"),
        ("int_array", [1, 2], "1, 2"),
        ("str_array", [], ""),
    ],
)
def test_values_of_all_kinds(
    hub: OfflineHub, node: FimpChargepoint, value_type: str, value: Any, shown: Any
) -> None:
    hub.feed(TOPIC, parameter_report("x", value_type, value))
    assert node.snapshot.parameters == {"x": shown}
    assert isinstance(node.snapshot.parameters["x"], bool) is isinstance(value, bool)
    assert not hub.ignored


def test_one_value_does_not_touch_the_others(hub: OfflineHub, node: FimpChargepoint) -> None:
    hub.feed(TOPIC, parameter_report("cable_always_locked", "bool", True))
    hub.feed(TOPIC, parameter_report("led_brightness", "int", 50))
    hub.feed(TOPIC, parameter_report("led_brightness", "int", 60))
    assert node.snapshot.parameters == {"cable_always_locked": True, "led_brightness": 60}


def test_the_others_on_the_hub_have_settings_of_their_own(
    hub: OfflineHub, node: FimpChargepoint
) -> None:
    hub.feed(TOPIC.removesuffix("1") + "2", parameter_report("led_brightness", "int", 50))
    assert node.snapshot.parameters == {}


# Commands ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameter_id", "requested", "value_type", "wire"),
    [
        ("cable_always_locked", True, "bool", b"true"),
        ("cable_always_locked", False, "bool", b"false"),
        ("led_brightness", 70, "int", b"70"),
        ("led_brightness", 70.0, "int", b"70"),
        ("led_brightness", 70.9, "int", b"70"),
        ("led_brightness", 0, "int", b"0"),
        ("led_brightness", 100, "int", b"100"),
        ("pause", 60, "int", b"60"),
        ("led_colour", "on", "string", b'"on"'),
        ("factor", 1.5, "float", b"1.5"),
        ("factor", 0.3, "float", b"0.3"),
        ("factor", 1.1, "float", b"1.1"),
    ],
)
async def test_a_setting_as_adapters_want_it(
    hub: OfflineHub,
    node: FimpChargepoint,
    parameter_id: str,
    requested: Any,
    value_type: str,
    wire: bytes,
) -> None:
    task = await begin(node.set_parameter(parameter_id, requested))
    topic, payload = hub.sent[-1]
    message = last(hub)
    assert topic == COMMANDS
    assert (message["type"], message["serv"]) == ("cmd.param.set", "parameters")
    assert message["val_t"] == "object"
    assert message["val"] == {
        "parameter_id": parameter_id,
        "value_type": value_type,
        "value": orjson.loads(wire),
    }
    # A number with a fraction is misread if an integer is expected.
    assert b'"value":' + wire + b"}" in payload
    hub.feed(TOPIC, parameter_report(parameter_id, value_type, orjson.loads(wire)))
    await task
    assert node.snapshot.pending == {}


async def test_the_old_value_repeated_confirms_nothing(
    hub: OfflineHub, node: FimpChargepoint
) -> None:
    hub.feed(TOPIC, parameter_report("cable_always_locked", "bool", False))
    task = await begin(node.set_parameter("cable_always_locked", value=True))
    assert node.snapshot.pending == {"parameter cable_always_locked": True}
    hub.feed(TOPIC, parameter_report("cable_always_locked", "bool", False))
    hub.feed(TOPIC, parameter_report("led_brightness", "int", 1))
    assert await waits(task)
    assert node.snapshot.parameters["cable_always_locked"] is False
    hub.feed(TOPIC, parameter_report("cable_always_locked", "bool", True))
    await task
    assert node.snapshot.parameters["cable_always_locked"] is True
    assert node.snapshot.pending == {}


async def test_it_is_asked_again_for_the_value(hub: OfflineHub, node: FimpChargepoint) -> None:
    hub.feed(TOPIC, parameter_report("led_brightness", "int", 50))
    task = await begin(node.set_parameter("led_brightness", 70))
    hub.take_sent()
    hub.advance(hub.clock.time + 21)
    assert commands(hub) == [(COMMANDS, "cmd.param.get_report", "led_brightness")] * 2
    hub.feed(TOPIC, parameter_report("led_brightness", "int", 70))
    await task
    hub.advance(hub.clock.time + 60)
    assert commands(hub) == []


async def test_a_refusal_in_its_own_words(hub: OfflineHub, node: FimpChargepoint) -> None:
    task = await begin(node.set_parameter("led_brightness", 70))
    uid = last(hub)["uid"]
    hub.feed(TOPIC, refused("another-client", "not you"))
    assert await waits(task)
    hub.feed(TOPIC, refused(uid, "brightness must not exceed 60"))
    with pytest.raises(CommandRejectedError) as error:
        await task
    assert error.value.reason == "brightness must not exceed 60"
    assert node.snapshot.pending == {}


async def test_no_proof_in_time(hub: OfflineHub, node: FimpChargepoint) -> None:
    task = await begin(node.set_parameter("led_brightness", 70))
    hub.advance(hub.clock.time + 41)
    with pytest.raises(CommandTimeoutError):
        await task
    assert node.snapshot.pending == {}


@pytest.mark.parametrize(
    ("parameter_id", "value_type", "value"),
    [
        ("cable_always_locked", "bool", True),
        ("cable_always_locked", "bool", False),
        ("led_brightness", "int", 0),
        ("led_colour", "string", "off"),
        ("factor", "float", 0.3),
    ],
)
async def test_what_is_so_already_sends_nothing(
    hub: OfflineHub, node: FimpChargepoint, parameter_id: str, value_type: str, value: Any
) -> None:
    hub.feed(TOPIC, parameter_report(parameter_id, value_type, value))
    task = await begin(node.set_parameter(parameter_id, value))
    assert task.done()
    assert hub.sent == []


@pytest.mark.parametrize(
    ("parameter_id", "value", "error"),
    [
        ("led_brightness", 101, OutOfRangeError),
        ("led_brightness", -1, OutOfRangeError),
        ("led_brightness", float("nan"), OutOfRangeError),
        ("led_brightness", float("inf"), OutOfRangeError),
        ("led_brightness", True, InvalidRequestError),
        ("led_brightness", "500", InvalidRequestError),
        ("led_brightness", "bright", InvalidRequestError),
        ("led_colour", "Bright", InvalidRequestError),
        ("led_colour", 5, InvalidRequestError),
        ("pause", 6, InvalidRequestError),
        ("pause", "5", InvalidRequestError),
        ("cable_always_locked", "yes", InvalidRequestError),
        ("cable_always_locked", 5, InvalidRequestError),
        ("version", "2", InvalidRequestError),
        ("unknown", 5, InvalidRequestError),
    ],
)
async def test_what_cannot_be_is_not_tried(
    hub: OfflineHub,
    node: FimpChargepoint,
    parameter_id: str,
    value: Any,
    error: type[Exception],
) -> None:
    task = await begin(node.set_parameter(parameter_id, value))
    assert hub.sent == []
    with pytest.raises(error):
        await task
    assert node.snapshot.pending == {}


async def test_true_is_none_of_the_numbers(hub: OfflineHub, node: FimpChargepoint) -> None:
    options = [{"label": "One", "value": 1}, {"label": "Two", "value": 2}]
    hub.feed(TOPIC, descriptions(described("x", "int", "select", options=options)))
    hub.take_sent()
    task = await begin(node.set_parameter("x", value=True))
    assert hub.sent == []
    with pytest.raises(InvalidRequestError):
        await task


async def test_a_newer_value_supersedes_and_another_setting_does_not(
    hub: OfflineHub, node: FimpChargepoint
) -> None:
    first = await begin(node.set_parameter("led_brightness", 70))
    other = await begin(node.set_parameter("led_colour", "on"))
    second = await begin(node.set_parameter("led_brightness", 20))
    with pytest.raises(CommandSupersededError):
        await first
    assert node.snapshot.pending == {
        "parameter led_brightness": 20,
        "parameter led_colour": "on",
    }
    hub.feed(TOPIC, parameter_report("led_colour", "string", "on"))
    await other
    # It may be of before the first one, which may still come to pass.
    hub.feed(TOPIC, parameter_report("led_brightness", "int", 20))
    assert await waits(second)
    hub.advance(hub.clock.time + 30)
    hub.feed(TOPIC, parameter_report("led_brightness", "int", 20))
    await second


async def test_a_setting_does_not_change_charging(hub: OfflineHub, node: FimpChargepoint) -> None:
    start = await begin(node.start_charging())
    change = await begin(node.set_parameter("cable_always_locked", value=True))
    hub.feed(TOPIC, parameter_report("cable_always_locked", "bool", True))
    await change
    assert await waits(start)
    hub.feed(CHARGER, state("charging"))
    await start
