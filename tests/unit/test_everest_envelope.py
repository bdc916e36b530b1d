"""The codec of EVerest API v1: total on the way in, never without a reply topic out."""

from datetime import UTC, datetime
import json

import pytest

from custom_components.fimp_chargepoint.chargepoint.errors import ProtocolError
from custom_components.fimp_chargepoint.chargepoint.everest.envelope import (
    ReplyTopic,
    decode,
    mapping,
    request,
)
from custom_components.fimp_chargepoint.chargepoint.readers import number, part, text, timestamp
from tests.helpers.recordings import samples


def test_decodes_any_json_value() -> None:
    assert decode(b'{\n    "a": [1, null]\n}') == {"a": [1, None]}
    assert decode(b'"DE*PNX*E12345*1"') == "DE*PNX*E12345*1"
    assert decode(b" true ") is True


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        (b"", "json"),
        (b"not json", "json"),
        (b'{"a":', "json"),
        (b"NaN", "json"),
        (b"[" * 100_000, "json"),
        (b'"\xff\xfe"', "encoding"),
        (b'"' + b"x" * 300_000 + b'"', "size"),
    ],
)
def test_refuses_bytes_that_make_no_sense(payload: bytes, kind: str) -> None:
    with pytest.raises(ProtocolError) as error:
        decode(payload)
    assert error.value.kind == kind


@pytest.mark.parametrize("value", [None, True, 1, "text", []])
def test_a_message_must_be_an_object(value: object) -> None:
    with pytest.raises(ProtocolError) as error:
        mapping(value)
    assert error.value.kind == "shape"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, 3.0),
        (-1.5, -1.5),
        (10**12, 1e12),
        (2**70, None),
        (1e308, None),
        (True, None),
        (False, None),
        (None, None),
        ("3", None),
        (float("nan"), None),
        (float("inf"), None),
    ],
)
def test_numbers(value: object, expected: float | None) -> None:
    assert number(value) == expected


def test_texts_are_cut_where_nobody_could_show_them() -> None:
    assert text("Charging") == "Charging"
    assert text("") is None
    assert text(5) is None
    assert len(text("x" * 5000) or "") == 200


@pytest.mark.parametrize(
    "value", [None, 5, "", "x", "2026-11-20", "2026-11-20T09:15:39", "2026-13-45Z"]
)
def test_malformed_times_are_not_known(value: object) -> None:
    assert timestamp(value) is None


def test_times_come_with_and_without_milliseconds() -> None:
    assert timestamp("2026-11-20T09:15:39Z") == datetime(2026, 11, 20, 9, 15, 39, tzinfo=UTC)
    moment = datetime(2026, 11, 20, 9, 15, 39, 730_000, tzinfo=UTC)
    assert timestamp("2026-11-20T09:15:39.730Z") == moment


def test_a_part_is_an_object_or_empty() -> None:
    assert part({"a": {"b": 1}}, "a") == {"b": 1}
    assert part({"a": 5}, "a") == {}
    assert part({}, "a") == {}


def test_each_request_names_a_reply_topic_of_its_own() -> None:
    one = ReplyTopic("evse_manager_consumer", "evse_1", "get_evse")
    other = ReplyTopic("evse_manager_consumer", "evse_1", "get_evse")
    assert str(one) != str(other)
    assert str(one) == f"everest_api/1/evse_manager_consumer/evse_1/e2m/get_evse/{one.id}"
    assert json.loads(request(one)) == {"headers": {"replyTo": str(one)}}
    assert json.loads(request(one, 1)) == {"headers": {"replyTo": str(one)}, "payload": 1}
    # An empty reply topic crashes EVerest up to 2025.12: it cannot be written.
    assert str(ReplyTopic("", "", "", "")) == "everest_api/1///e2m//"


def test_everest_s_own_serializer_is_understood() -> None:
    for path in samples():
        decode(path.read_bytes())
