"""Messages that make no sense, of every kind there is: they cost only themselves.

Each kind is damaged in every way below. Nothing may change, nothing may be sent, and each
damaged message is counted once. What only looks damaged is in a table of its own.
"""

import gzip
from typing import Any, NamedTuple

import orjson
import pytest

from .fakes import OfflineHub
from .fimp_messages import ADAPTER, ADDRESS, CHARGER, inclusion, report, state

APP = "pt:j1/mt:evt/rt:app/rn:easee/ad:1"
DISCOVERY = "pt:j1/mt:evt/rt:discovery"
VINCULUM = "pt:j1/mt:evt/rt:app/rn:vinculum/ad:1"
#: Stands for the topic that only this hub is answered on.
REPLIES = "replies"


def on(service: str, address: str = "1") -> str:
    """Return the topic of a service's events."""
    return f"pt:j1/mt:evt/rt:dev/rn:easee/ad:1/sv:{service}/ad:{address}"


def without(value: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: each for key, each in value.items() if key not in keys}


ALARM = {"event": "RCD_TRIP_FAULT", "status": "activ"}
BRIGHTNESS = {"parameter_id": "led_brightness", "value_type": "int", "value": 70}
DESCRIPTION = {
    "parameter_id": "free_charging",
    "name": "Free charging",
    "value_type": "bool",
    "widget_type": "select",
    "read_only": False,
}
NODE = {"address": "1", "status": "DOWN"}
RESOURCE = {"resource_name": "zaptec", "resource_type": "ad", "instance_id": "1"}
DEVICE = {
    "id": 7,
    "client": {"name": "Carport"},
    "room": 2,
    "services": {"chargepoint": {"addr": on("chargepoint").partition("mt:evt")[2]}},
}
ANSWER = {
    "success": True,
    "errors": None,
    "cmd": "get",
    "param": {
        "device": [DEVICE],
        "room": [{"id": 2, "client": {"name": "Garden"}}],
    },
}
NOTICE = {"cmd": "edit", "component": "device", "id": 7, "param": {"client": {"name": "Barn"}}}
THING = inclusion(meter=True, props={"sup_charging_modes": ["eco"]})["val"]


class Kind(NamedTuple):
    """A kind of message: its topic, a valid one, and the invalid values of its own.

    `wrong` are invalid values for it, whatever type they are declared to have.
    """

    topic: str
    good: dict[str, Any]
    wrong: tuple[Any, ...]
    null_is_legal: bool = False


NO_TEXT = (True, 5, 1.5, ["charging"], {"state": "charging"})
NO_NUMBER = (True, False, "5", [5], {"val": 5}, 1e13, -1e13, 1e300, 2**63)
NO_BOOL = (0, 1, 1.5, "true", "", [True], {"val": True})
NO_LIST = (True, 5, 1.5, "text", {"0": "text"})
NO_MAP = (True, 5, 1.5, "text", [], ["text"], [None])

KINDS = {
    "state": Kind(CHARGER, state("charging"), NO_TEXT),
    "current_session": Kind(
        CHARGER,
        report("evt.current_session.report", "float", 3.5, started_at="2026-11-20T08:00:00Z"),
        (*NO_NUMBER, -1),
    ),
    "cable_lock": Kind(CHARGER, report("evt.cable_lock.report", "bool", True), NO_BOOL),
    "max_current": Kind(
        CHARGER, report("evt.max_current.report", "int", 20), (*NO_NUMBER, -1, 5000)
    ),
    "phase_mode": Kind(CHARGER, report("evt.phase_mode.report", "string", "NL2"), NO_TEXT),
    "meter": Kind(on("meter_elec"), report("evt.meter.report", "float", 5000, unit="W"), NO_NUMBER),
    "meter_export": Kind(
        on("meter_elec"), report("evt.meter_export.report", "float", 7, unit="kWh"), NO_NUMBER
    ),
    "meter_ext": Kind(
        on("meter_elec"),
        report("evt.meter_ext.report", "float_map", {"i1": 16.5, "p_import": 11000}),
        (
            *NO_MAP,
            {"i1": "16"},
            {"i1": True, "i2": 5},
            {"i1": 1e13},
            {"p_import": 1e300},
            {"e_import": 2**63},
        ),
    ),
    "sup_params": Kind(
        on("parameters"),
        report("evt.sup_params.report", "object", [DESCRIPTION]),
        (*NO_LIST, [None], [5, {}], [{"parameter_id": None}, {"parameter_id": 5}]),
        null_is_legal=True,
    ),
    "param": Kind(
        on("parameters"),
        report("evt.param.report", "object", BRIGHTNESS),
        (
            *NO_MAP,
            {},
            *(without(BRIGHTNESS, key) for key in BRIGHTNESS),
            *(BRIGHTNESS | {key: None} for key in BRIGHTNESS),
            *(BRIGHTNESS | {key: {"a": None}} for key in BRIGHTNESS),
            BRIGHTNESS | {"parameter_id": 5},
            BRIGHTNESS | {"parameter_id": ""},
            BRIGHTNESS | {"parameter_id": "x" * 100_000},
            BRIGHTNESS | {"value_type": 5},
            BRIGHTNESS | {"value_type": "of_another_day"},
            *(BRIGHTNESS | {"value": each} for each in (True, "70", 1.5, [70])),
            *(
                BRIGHTNESS | {"value_type": "float", "value": each}
                for each in (True, "70", [70], 1e13, 1e300)
            ),
            BRIGHTNESS | {"value": 2**63},
            *(BRIGHTNESS | {"value_type": "bool", "value": each} for each in NO_BOOL),
            *(BRIGHTNESS | {"value_type": "string", "value": each} for each in NO_TEXT),
            *(BRIGHTNESS | {"value_type": "str_array", "value": each} for each in NO_LIST),
        ),
    ),
    "alarm": Kind(
        on("alarm_system"),
        report("evt.alarm.report", "str_map", ALARM),
        (
            *NO_MAP,
            {},
            *(without(ALARM, key) for key in ALARM),
            *(ALARM | {key: None} for key in ALARM),
            *(ALARM | {key: 5} for key in ALARM),
            *(ALARM | {key: ""} for key in ALARM),
            *(ALARM | {key: ["activ"]} for key in ALARM),
            ALARM | {"status": "perhaps"},
        ),
    ),
    "errors": Kind(
        on("diagnostic"), report("evt.errors.report", "str_array", ["hot"]), NO_LIST, True
    ),
    **{
        name: Kind(on("diagnostic"), report(f"evt.{name}.report", "int", 42), NO_NUMBER)
        for name in ("lqi", "rssi", "uptime", "reboots_count")
    },
    "reboot_reason": Kind(
        on("diagnostic"), report("evt.reboot_reason.report", "string", "power"), NO_TEXT
    ),
    "inclusion": Kind(
        ADAPTER,
        report("evt.thing.inclusion_report", "object", THING),
        (
            *NO_MAP,
            {},
            *(without(THING, key) for key in ("address", "services")),
            *(THING | {key: None} for key in ("address", "services")),
            *(THING | {"address": each} for each in ("", 1, True, ["1"], {})),
            *(THING | {"services": each} for each in ("chargepoint", 5, True, {"0": {}})),
        ),
    ),
    "exclusion": Kind(
        ADAPTER,
        report("evt.thing.exclusion_report", "object", {"address": "1"}),
        (*NO_MAP, {}, *({"address": each} for each in (None, "", 1, True, ["1"], {}))),
    ),
    "all_nodes": Kind(
        ADAPTER,
        report("evt.network.all_nodes_report", "object", [NODE, {"address": "9"}]),
        (*NO_LIST, NODE),
        null_is_legal=True,
    ),
    **{
        kind: Kind(
            ADAPTER,
            report(f"evt.{kind}_report", "object", NODE),
            (
                *NO_MAP,
                [NODE],
                *(without(NODE, key) for key in NODE),
                *(NODE | {key: None} for key in NODE),
                *(NODE | {key: 5} for key in NODE),
                *(NODE | {key: ["1"]} for key in NODE),
                *(NODE | {key: ""} for key in NODE),
            ),
        )
        for kind in ("network.node", "thing.node")
    },
    **{
        f"app_state of {kind}": Kind(
            topic,
            report("evt.app.state_report", "object", {"app": "RUNNING", "auth": "LOST"}),
            (*NO_MAP, *({"auth": each} for each in (True, 5, ["LOST"], {"auth": "LOST"}))),
        )
        for kind, topic in (("an adapter", ADAPTER), ("an app", APP))
    },
    "discovery": Kind(
        DISCOVERY,
        report("evt.discovery.report", "object", RESOURCE),
        (
            *NO_MAP,
            {},
            *(without(RESOURCE, key) for key in ("resource_name", "resource_type")),
            *(RESOURCE | {key: None} for key in ("resource_name", "resource_type")),
            *(RESOURCE | {key: 5} for key in ("resource_name", "resource_type")),
            RESOURCE | {"resource_name": ""},
            RESOURCE | {"resource_name": "#"},
        ),
    ),
    "pd7 response": Kind(
        REPLIES,
        report("evt.pd7.response", "object", ANSWER),
        (
            *NO_MAP,
            {},
            *(ANSWER | {"param": each} for each in (None, *NO_MAP, {})),
            *(ANSWER | {"param": {"device": each}} for each in (None, *NO_LIST)),
        ),
    ),
    "pd7 notify": Kind(
        VINCULUM,
        report("evt.pd7.notify", "object", NOTICE),
        (
            *NO_MAP,
            {},
            *(without(NOTICE, key) for key in ("cmd", "component", "id")),
            *(NOTICE | {key: None} for key in ("cmd", "component", "id")),
            *(NOTICE | {key: ["x"]} for key in ("cmd", "component", "id")),
            *(NOTICE | {key: {"x": None}} for key in ("cmd", "component", "id")),
            *(NOTICE | {"cmd": "delete", "id": each} for each in (True, 7.5, [7])),
            *(NOTICE | {"param": each} for each in NO_MAP),
        ),
    ),
}

#: Bytes that are not a message at all.
NO_MESSAGES = (
    b"",
    b"\xff\xfe\xfd",
    b'{"type":"evt.state.report","val":"\xc3"}',
    b"nonsense",
    b"[1]",
    b"null",
    b'"evt.state.report"',
    b"5",
    b"{}",
    b'{"type":5,"val_t":"int","val":5}',
    b'{"type":null}',
    b'{"type":' + b"[" * 5000,
    b"\x1f\x8bnot gzip",
)


def damages(kind: Kind) -> dict[str, tuple[bytes, ...]]:
    """Return a good message damaged in every way, by what was done to it."""
    good = orjson.dumps(kind.good)
    padded = good + b" " * 1024 * 1024
    values = ("NaN", "Infinity", "-Infinity", "1e999", "[" * 5000)
    found = {
        "no message": NO_MESSAGES,
        "cut off": (good[: len(good) // 2], good[:-1]),
        "something behind": (good + b"}", good + good),
        "over 1 MB": (padded, gzip.compress(padded)),
        "broken gzip": (gzip.compress(good)[:-20], gzip.compress(good)[:-8] + b"\0" * 8),
        "no JSON value": tuple(
            orjson.dumps(kind.good | {"val": "?"}).replace(b'"?"', each.encode()) for each in values
        ),
        "declared as something else": tuple(
            orjson.dumps(kind.good | {"val_t": each}) for each in other_types(kind.good["val"])
        ),
    }
    if not kind.null_is_legal:
        found["no value"] = (
            orjson.dumps(without(kind.good, "val")),
            orjson.dumps(kind.good | {"val": None}),
        )
    for number, wrong in enumerate(kind.wrong):
        found[f"{number} {wrong!r:.40}"] = tuple(
            orjson.dumps(kind.good | {"val": wrong, "val_t": value_type})
            for value_type in sorted({kind.good["val_t"], "object", "of_another_day"})
        )
    return found


def other_types(value: Any) -> tuple[str, ...]:
    """Return types that `value` certainly is not of, but for null, which has no value."""
    others = {
        "string": str,
        "int": int,
        "float": int | float,
        "bool": bool,
        "str_array": list,
        "int_map": (),
        "float_array": (),
        "bool_map": (),
        "base64": (),
    }
    return tuple(
        name
        for name, kind in others.items()
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool)
    )


class House:
    """A hub with a charge point about which everything is known."""

    def __init__(self) -> None:
        self.hub = OfflineHub()
        self.hub.connection_made()
        request = next(
            message
            for _, payload in self.hub.take_sent("cmd.pd7.request")
            for message in [orjson.loads(payload)]
        )
        self.replies = request["resp_to"]
        for topic, message in (
            (ADAPTER, inclusion(meter=True)),
            (self.replies, _named("Garage")),
            (CHARGER, state()),
            (CHARGER, report("evt.current_session.report", "float", 1.5)),
            (CHARGER, report("evt.cable_lock.report", "bool", False)),
            (CHARGER, report("evt.max_current.report", "int", 16)),
            (CHARGER, report("evt.phase_mode.report", "string", "NL1")),
            (on("meter_elec"), report("evt.meter.report", "float", 1, unit="W")),
            (on("parameters"), report("evt.sup_params.report", "object", [])),
            (
                on("parameters"),
                report("evt.param.report", "object", BRIGHTNESS | {"value": 50}),
            ),
            (
                on("alarm_system"),
                report("evt.alarm.report", "str_map", ALARM | {"event": "PEN_FAULT"}),
            ),
            (on("diagnostic"), report("evt.errors.report", "str_array", ["cold"])),
            *(
                (on("diagnostic"), report(f"evt.{name}.report", "int", 1))
                for name in ("lqi", "rssi", "uptime", "reboots_count")
            ),
        ):
            self.hub.feed(topic, message)
        self.hub.advance(self.hub.clock.time + 10)
        assert not self.hub.ignored
        self.hub.take_sent()

    def feed(self, topic: str, payload: Any) -> None:
        self.hub.feed(self.replies if topic == REPLIES else topic, payload)

    def picture(self) -> tuple[Any, ...]:
        """Return all that can be seen from outside."""
        nodes = {address: node.snapshot for address, node in self.hub.nodes.items()}
        return nodes, dict(self.hub.warnings), list(self.hub.sent)


def _named(name: str) -> dict[str, Any]:
    answer = ANSWER | {"param": {"device": [DEVICE | {"client": {"name": name}}]}}
    return report("evt.pd7.response", "object", answer)


CASES = [
    pytest.param(name, payloads, id=f"{name}: {damage}")
    for name, kind in KINDS.items()
    for damage, payloads in damages(kind).items()
]


@pytest.mark.parametrize(("name", "payloads"), CASES)
def test_a_damaged_message_changes_nothing_and_is_counted(
    name: str, payloads: tuple[bytes, ...]
) -> None:
    directory = House()
    before = directory.picture()
    for count, payload in enumerate(payloads, 1):
        directory.feed(KINDS[name].topic, payload)
        assert directory.hub.ignored.total() == count, payload[:200]
        assert directory.picture() == before, payload[:200]
    directory.hub.advance(directory.hub.clock.time + 5)
    assert directory.picture() == before
    assert "internal" not in directory.hub.ignored


@pytest.mark.parametrize("name", KINDS)
def test_a_good_message_still_works_after_all_the_damaged_ones(name: str) -> None:
    directory = House()
    for payloads in damages(KINDS[name]).values():
        for payload in payloads:
            directory.feed(KINDS[name].topic, payload)
    directory.hub.advance(directory.hub.clock.time + 5)
    before, ignored = directory.picture(), directory.hub.ignored.total()
    directory.feed(KINDS[name].topic, KINDS[name].good)
    assert directory.picture() != before
    assert directory.hub.ignored.total() == ignored
    assert "internal" not in directory.hub.ignored


@pytest.mark.parametrize("name", KINDS)
def test_a_damaged_message_introduces_no_charge_point(name: str) -> None:
    """Not even if nothing was known before."""
    hub = OfflineHub()
    hub.connection_made()
    hub.take_sent()
    for payloads in damages(KINDS[name]).values():
        for payload in payloads:
            hub.feed(KINDS[name].topic, payload)
    hub.advance(hub.clock.time + 10)
    assert hub.nodes == {}
    assert hub.sent == []
    assert "internal" not in hub.ignored


# Only seemingly damaged -----------------------------------------------------------


class Tolerated(NamedTuple):
    """A message that is taken as far as it makes sense, and the reason."""

    topic: str
    message: Any
    reason: str


def _of_garage(**fields: Any) -> dict[str, Any]:
    return report("evt.pd7.notify", "object", {"component": "device", "cmd": "edit", **fields})


TOLERATED = {
    "null everywhere": Tolerated(
        CHARGER,
        state() | dict.fromkeys(("props", "tags", "storage", "corid", "resp_to", "src", "uid")),
        "parsers must accept missing or null fields",
    ),
    "nothing but type and value": Tolerated(
        CHARGER,
        {"type": "evt.state.report", "val": "ready_to_charge"},
        "parsers must accept missing or null fields",
    ),
    "an unknown value type": Tolerated(
        CHARGER, state() | {"val_t": "of_another_day"}, "the value itself is checked"
    ),
    "properties that are a list": Tolerated(
        CHARGER, state() | {"props": ["charging_mode"]}, "they are not needed"
    ),
    "properties that are no strings": Tolerated(
        CHARGER,
        report("evt.cable_lock.report", "bool", False) | {"props": {"cable_current": 32}},
        "each property is optional",
    ),
    "a property that is no number": Tolerated(
        CHARGER,
        report("evt.cable_lock.report", "bool", False, cable_current="NaN"),
        "each property is optional",
    ),
    "a number without fraction as a float": Tolerated(
        CHARGER, report("evt.max_current.report", "float", 16.0), "JSON has one kind of number"
    ),
    "an integer for a float": Tolerated(
        on("meter_elec"),
        report("evt.meter.report", "int", 1, unit="W"),
        "JSON has one kind of number",
    ),
    "an empty session": Tolerated(
        CHARGER,
        report("evt.current_session.report", "float", 1.5) | {"props": {}},
        "minimal chargers send no properties",
    ),
    "times that are none": Tolerated(
        CHARGER,
        report(
            "evt.current_session.report",
            "float",
            1.5,
            started_at="2022-09-01T08:00:00Z02:00",
            finished_at="",
        ),
        "the document's own example is malformed",
    ),
    "an unknown state": Tolerated(CHARGER, state("dancing"), "adapters pass on any word"),
    "an unknown unit": Tolerated(
        on("meter_elec"), report("evt.meter.report", "float", 5, unit="furlong"), "not ours"
    ),
    "no unit": Tolerated(on("meter_elec"), report("evt.meter.report", "float", 5), "not ours"),
    "a null key of many": Tolerated(
        on("meter_elec"),
        report("evt.meter_ext.report", "float_map", {"i1": None, "p_import": 1}),
        "a partial report is merged by key",
    ),
    "an extended report of other things": Tolerated(
        on("meter_elec"), report("evt.meter_ext.report", "float_map", {"dc_p": 5}), "not ours"
    ),
    "no parameters": Tolerated(
        on("parameters"), report("evt.sup_params.report", "object", None), "null is no list"
    ),
    "descriptions that make no sense": Tolerated(
        on("parameters"),
        report("evt.sup_params.report", "object", [None, 5, {}, DESCRIPTION]),
        "the rest of the list still counts",
    ),
    "an unknown parameter": Tolerated(
        on("parameters"),
        report("evt.param.report", "object", BRIGHTNESS | {"parameter_id": "x"}),
        "its description may come later",
    ),
    "no errors": Tolerated(
        on("diagnostic"),
        report("evt.errors.report", "str_array", None),
        "an adapter in Go says null for an empty list",
    ),
    "errors without a name": Tolerated(
        on("diagnostic"),
        report("evt.errors.report", "str_array", [None, "", "cold"]),
        "the rest of the list still counts",
    ),
    "an unknown report": Tolerated(
        CHARGER, report("evt.of.another_day", "object", {"a": [None]}), "newer adapters"
    ),
    **{
        f"an error report with {value!r:.30}": Tolerated(
            CHARGER,
            report("evt.error.report", value_type, value),
            "adapters put a code, a text or nothing in it",
        )
        for value_type, value in (
            ("string", "TX_ERROR"),
            ("string", None),
            ("null", None),
            ("string", 5),
            ("object", {"code": [None]}),
            ("object", [1, None]),
            ("bool", True),
        )
    },
    "a success with a value": Tolerated(
        on("dev_sys"), report("evt.success.report", "string", "ok"), "its value is not used"
    ),
    "half a list of services": Tolerated(
        ADAPTER,
        report(
            "evt.thing.inclusion_report",
            "object",
            THING | {"services": [*THING["services"], None, 5, {}, {"address": None}]},
        ),
        "the rest of the list still counts",
    ),
    "a thing without texts": Tolerated(
        ADAPTER,
        report(
            "evt.thing.inclusion_report",
            "object",
            THING | dict.fromkeys(("product_name", "manufacturer_id", "device_id", "sw_ver")),
        ),
        "empty means not known",
    ),
    "a service without properties and interfaces": Tolerated(
        ADAPTER,
        report(
            "evt.thing.inclusion_report",
            "object",
            THING | {"services": [THING["services"][0] | {"props": None, "interfaces": None}]},
        ),
        "all properties may be null",
    ),
    "no things": Tolerated(
        ADAPTER,
        report("evt.network.all_nodes_report", "object", None),
        "null is what an adapter without things says",
    ),
    "half a list of things": Tolerated(
        ADAPTER,
        report("evt.network.all_nodes_report", "object", [None, 5, [], {}, {"address": 5}]),
        "the rest of the list still counts",
    ),
    "a thing of an adapter in an unknown state": Tolerated(
        ADAPTER,
        report("evt.network.node_report", "object", NODE | {"status": "SLEEPING"}),
        "newer adapters",
    ),
    "an adapter without a login": Tolerated(
        ADAPTER,
        report("evt.app.state_report", "object", {"app": "RUNNING", "auth": ""}),
        "empty means not known",
    ),
    "an app that is no adapter": Tolerated(
        DISCOVERY,
        report("evt.discovery.report", "object", RESOURCE | {"resource_type": "app"}),
        "apps have no things",
    ),
    "devices that make no sense": Tolerated(
        REPLIES,
        report(
            "evt.pd7.response",
            "object",
            {
                "param": {
                    "device": [
                        DEVICE,
                        None,
                        {},
                        {"id": None},
                        {"id": 5, "services": None},
                        {"id": 6, "services": {"chargepoint": None}},
                        {"id": 8, "services": {"chargepoint": {"addr": 5}}},
                        {"id": 9, "services": {"chargepoint": {"addr": "/nonsense"}}},
                    ],
                    "room": None,
                }
            },
        ),
        "the rest of the list still counts",
    ),
    "a device that is no charge point": Tolerated(
        VINCULUM, _of_garage(id=50, param={"services": {"out_bin_switch": {}}}), "not ours"
    ),
    "an edit that says nothing": Tolerated(
        VINCULUM, _of_garage(id=7, param=None), "parsers must accept null fields"
    ),
    "an unknown command": Tolerated(
        VINCULUM, _of_garage(id=7) | {"cmd": "of_another_day"}, "newer hubs"
    ),
    "another component": Tolerated(
        VINCULUM,
        report("evt.pd7.notify", "object", {"component": "mode", "cmd": "set", "id": "away"}),
        "not ours",
    ),
    "another component without an id": Tolerated(
        VINCULUM,
        report("evt.pd7.notify", "object", {"component": "house", "cmd": "set", "id": None}),
        "not ours",
    ),
}


@pytest.mark.parametrize(
    "tolerated",
    [pytest.param(each, id=f"{name}: {each.reason}") for name, each in TOLERATED.items()],
)
def test_what_only_looks_damaged_is_taken(tolerated: Tolerated) -> None:
    directory = House()
    directory.feed(tolerated.topic, tolerated.message)
    directory.hub.advance(directory.hub.clock.time + 5)
    assert not directory.hub.ignored
    assert set(directory.hub.nodes) == {ADDRESS}
    assert directory.hub.nodes[ADDRESS].snapshot.available


def test_what_comes_on_the_topics_of_strangers_is_not_even_read() -> None:
    """A house has many meters; only those beside a charge point are looked into."""
    hub = OfflineHub()
    hub.connection_made()
    for service in ("meter_elec", "parameters", "dev_sys", "alarm_system", "diagnostic"):
        hub.feed(on(service, "99"), b"nonsense")
    assert not hub.ignored
    assert hub.nodes == {}


# Texts without end ---------------------------------------------------------------

LONG = "x" * 100_000
#: A message with an endless text at each place from which a text is taken.
ENDLESS = {
    "a state": (CHARGER, state(LONG)),
    "a mode": (CHARGER, report("evt.state.report", "string", "charging", charging_mode=LONG)),
    "a phase mode": (CHARGER, report("evt.phase_mode.report", "string", LONG)),
    "a parameter's value": (
        on("parameters"),
        report(
            "evt.param.report",
            "object",
            BRIGHTNESS | {"value_type": "string", "value": LONG},
        ),
    ),
    "a parameter's list": (
        on("parameters"),
        report(
            "evt.param.report",
            "object",
            BRIGHTNESS | {"value_type": "str_array", "value": [LONG, LONG]},
        ),
    ),
    "a parameter's id": (
        on("parameters"),
        report("evt.param.report", "object", BRIGHTNESS | {"parameter_id": LONG}),
    ),
    **{
        f"a description's {key}": (
            on("parameters"),
            report("evt.sup_params.report", "object", [DESCRIPTION | {key: LONG}]),
        )
        for key in ("parameter_id", "name", "value_type", "widget_type")
    },
    **{
        f"an option's {key}": (
            on("parameters"),
            report(
                "evt.sup_params.report",
                "object",
                [
                    DESCRIPTION
                    | {
                        "value_type": "string",
                        "options": [{"label": "a", "value": "a"} | {key: LONG}],
                    }
                ],
            ),
        )
        for key in ("label", "value")
    },
    "an alarm": (
        on("alarm_system"),
        report("evt.alarm.report", "str_map", ALARM | {"event": LONG}),
    ),
    "an error": (on("diagnostic"), report("evt.errors.report", "str_array", [LONG])),
    "a reason": (on("diagnostic"), report("evt.reboot_reason.report", "string", LONG)),
    **{
        f"a thing's {key}": (
            ADAPTER,
            report("evt.thing.inclusion_report", "object", THING | {key: LONG}),
        )
        for key in ("product_name", "manufacturer_id", "device_id", "sw_ver", "hw_ver")
    },
    **{
        f"a service's {key}": (ADAPTER, inclusion(props={key: [LONG]}))
        for key in ("sup_charging_modes", "sup_phase_modes")
    },
    "a user's name": (REPLIES, _named(LONG)),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_a_text_without_end_is_cut_or_refused(name: str) -> None:
    directory = House()
    directory.feed(*ENDLESS[name])
    assert len(repr(directory.hub.nodes[ADDRESS].snapshot)) < 10_000
    assert "internal" not in directory.hub.ignored


def test_a_flood_of_names_is_not_kept() -> None:
    directory = House()
    for number in range(1000):
        directory.feed(
            on("parameters"),
            report("evt.param.report", "object", BRIGHTNESS | {"parameter_id": f"p{number}"}),
        )
        directory.feed(
            on("alarm_system"),
            report("evt.alarm.report", "str_map", ALARM | {"event": f"FAULT_{number}"}),
        )
    names = [f"error {number}" for number in range(1000)]
    directory.feed(on("diagnostic"), report("evt.errors.report", "str_array", names))
    descriptions = [DESCRIPTION | {"parameter_id": name} for name in names]
    directory.feed(on("parameters"), report("evt.sup_params.report", "object", descriptions))
    snapshot: Any = directory.hub.nodes[ADDRESS].snapshot
    assert len(snapshot.parameters) <= 100
    assert len(snapshot.problems) <= 100
    assert len(snapshot.capabilities.parameters) <= 100
    assert len(directory.hub.sent) <= 100
