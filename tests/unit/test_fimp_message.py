"""FIMP topics and messages: every value type, and bytes that make no sense."""

from datetime import UTC, datetime
import gzip
from typing import Any

import orjson
import pytest

from custom_components.fimp_chargepoint.chargepoint.errors import ProtocolError
from custom_components.fimp_chargepoint.chargepoint.fimp.message import (
    decode,
    encode,
    number,
    time,
)
from custom_components.fimp_chargepoint.chargepoint.fimp.topic import (
    Adapter,
    ServiceAddress,
    ServiceTopic,
    parse_address,
    parse_event,
)

EASEE = Adapter("easee", "1")


@pytest.mark.parametrize(
    ("topic", "expected"),
    [
        (
            "pt:j1/mt:evt/rt:dev/rn:easee/ad:1/sv:chargepoint/ad:1",
            ServiceTopic("chargepoint", ServiceAddress(EASEE, "1")),
        ),
        (
            "pt:j1c1/mt:evt/rt:dev/rn:cloud_adapter/ad:1/sv:meter_elec/ad:3_1",
            ServiceTopic("meter_elec", ServiceAddress(Adapter("cloud_adapter", "1"), "3_1")),
        ),
        ("pt:j1/mt:evt/rt:ad/rn:easee/ad:1", EASEE),
        ("pt:j1/mt:cmd/rt:dev/rn:easee/ad:1/sv:chargepoint/ad:1", None),
        ("pt:j1/mt:evt/rt:dev/rn:easee/ad:1/sv:chargepoint/ad:", None),
        ("pt:j1/mt:evt/rt:dev/rn:easee/ad:1", None),
        ("pt:j2/mt:evt/rt:ad/rn:easee/ad:1", None),
        ("pt:j1/mt:evt/rt:discovery", None),
        ("anything/else", None),
        ("", None),
    ],
)
def test_event_topics(topic: str, expected: object) -> None:
    assert parse_event(topic) == expected


def test_addresses_of_inclusion_reports() -> None:
    topic = parse_address("/rt:dev/rn:easee/ad:1/sv:chargepoint/ad:3_2")
    assert isinstance(topic, ServiceTopic)
    assert topic.address.thing == "3"
    assert (
        topic.address.commands("meter_elec")
        == "pt:j1/mt:cmd/rt:dev/rn:easee/ad:1/sv:meter_elec/ad:3_2"
    )


def test_adapter_commands_go_to_its_service_name() -> None:
    assert Adapter("zw", "1").service == "zwave-ad"
    assert EASEE.service == "easee"
    assert EASEE.commands == "pt:j1/mt:cmd/rt:ad/rn:easee/ad:1"


@pytest.mark.parametrize(
    ("value_type", "wire", "expected"),
    [
        ("string", "charging", "charging"),
        ("int", 16, 16),
        ("int", 16.0, 16),
        ("float", 0, 0.0),
        ("float", 11040.5, 11040.5),
        ("bool", True, True),
        ("null", "whatever", None),
        ("str_array", ["a", "b"], ["a", "b"]),
        ("int_array", [1, 2], [1, 2]),
        ("float_array", [1, 2.5], [1.0, 2.5]),
        ("bool_array", [True], [True]),
        ("str_map", {"a": "b"}, {"a": "b"}),
        ("int_map", {"a": 1}, {"a": 1}),
        ("float_map", {"i1": 16, "i2": None}, {"i1": 16.0, "i2": None}),
        ("bool_map", {"a": False}, {"a": False}),
        ("object", [{"address": "1"}], [{"address": "1"}]),
        ("bin", "aGk=", b"hi"),
        ("base64", "aGk=", b"hi"),
        ("of_another_day", {"a": 1}, {"a": 1}),
        (None, 5, 5),
        ("string", None, None),
    ],
)
def test_every_value_type(value_type: Any, wire: Any, expected: Any) -> None:
    message = decode(orjson.dumps({"type": "evt.x.report", "val_t": value_type, "val": wire}))
    assert message.value == expected
    assert type(message.value) is type(expected)


@pytest.mark.parametrize(
    ("value_type", "wire"),
    [
        ("string", 5),
        ("int", True),
        ("int", 16.5),
        ("int", "16"),
        ("float", True),
        ("float", "1.5"),
        ("bool", 1),
        ("bool", "true"),
        ("str_array", "a"),
        ("str_array", [1]),
        ("float_map", [1]),
        ("float_map", {"i1": "16"}),
        ("bin", "not base64!"),
    ],
)
def test_values_that_do_not_fit_their_type(value_type: str, wire: Any) -> None:
    with pytest.raises(ProtocolError) as error:
        decode(orjson.dumps({"type": "evt.x.report", "val_t": value_type, "val": wire}))
    assert error.value.kind == "value"


def test_missing_and_null_fields_are_tolerated() -> None:
    for fields in ({}, {"props": None, "tags": None, "corid": None, "val": None}):
        message = decode(orjson.dumps({"type": "evt.state.report", **fields}))
        assert (message.value, dict(message.props), message.corid) == (None, {}, "")


def test_properties_that_are_no_strings_are_left_out() -> None:
    message = decode(orjson.dumps({"type": "evt.x.report", "props": {"a": 1, "b": "2"}}))
    assert dict(message.props) == {"b": "2"}


def test_compressed_messages() -> None:
    plain = orjson.dumps({"type": "evt.state.report", "val_t": "string", "val": "charging"})
    assert decode(gzip.compress(plain)).value == "charging"


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        (b"", "json"),
        (b"\xff\xfe", "json"),
        (b"nonsense", "json"),
        (b"[]", "message"),
        (b"null", "message"),
        (b"{}", "message"),
        (b'{"type": 5}', "message"),
        (b'{"type":"evt.x","val_t":"float","val":NaN}', "json"),
        (b"\x1f\x8bnot gzip", "gzip"),
        (b" " * (1024 * 1024 + 1), "size"),
        (gzip.compress(b" " * (1024 * 1024 + 1)), "size"),
    ],
)
def test_bytes_that_make_no_sense(payload: bytes, kind: str) -> None:
    with pytest.raises(ProtocolError) as error:
        decode(payload)
    assert error.value.kind == kind


def test_a_command_as_adapters_want_it() -> None:
    when = datetime(2027, 1, 15, 8, 0, 0, 500_000, tzinfo=UTC)
    uid, payload = encode("cmd.charge.start", "chargepoint", when, props={"charging_mode": "slow"})
    assert orjson.loads(payload) == {
        "type": "cmd.charge.start",
        "serv": "chargepoint",
        "val_t": "null",
        "val": None,
        "props": {"charging_mode": "slow"},
        "tags": None,
        "ver": "1",
        "src": "fimp_chargepoint",
        "ctime": "2027-01-15T08:00:00.500+00:00",
        "uid": uid,
    }


@pytest.mark.parametrize(("value_type", "value"), [("int", 16.0), ("int", True), ("bool", 1)])
def test_a_value_of_another_type_never_leaves(value_type: str, value: Any) -> None:
    when = datetime(2027, 1, 15, tzinfo=UTC)
    with pytest.raises((TypeError, ValueError)):
        encode("cmd.max_current.set", "chargepoint", when, value_type=value_type, value=value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-20T08:44:24Z", datetime(2026, 11, 20, 8, 44, 24, tzinfo=UTC)),
        ("2026-11-20T08:44:24.9Z", datetime(2026, 11, 20, 8, 44, 24, 900000, tzinfo=UTC)),
        ("2019-05-31 17:36:31 +0200", None),
        ("2022-09-01T08:00:00Z02:00", None),
        ("", None),
        (None, None),
    ],
)
def test_times(text: str | None, expected: datetime | None) -> None:
    if text and text.startswith("2019"):
        expected = datetime.fromisoformat("2019-05-31T17:36:31+02:00")
    assert time(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0.07", 0.07), ("32", 32.0), ("", None), (None, None), ("nan", None), ("x", None)],
)
def test_numbers_in_properties(text: str | None, expected: float | None) -> None:
    assert number(text) == expected
