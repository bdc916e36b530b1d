"""The redaction of a diagnostics download, and that the rest still makes sense."""

import json
from typing import Any

import pytest

from custom_components.fimp_chargepoint.redaction import Redactor, blanked


def redacted(value: Any) -> Any:
    redactor = Redactor()
    return redactor.text(redactor.data(value))


@pytest.mark.parametrize(
    ("data", "secret"),
    [
        ({"device_id": "XX12345"}, "XX12345"),
        ({"serialNumber": "XX12345"}, "XX12345"),
        ({"evse_id": "DE*PNX*E1"}, "PNX"),
        ({"id_token": {"type": "ISO14443", "value": "CAFE01"}}, "CAFE01"),
        ({"id_token": "CAFE01"}, "CAFE01"),
        ({"parent_id_token": [{"value": "CAFE01"}]}, "CAFE01"),
        ({"vehicle": {"id": "WMIV1"}}, "WMIV1"),
        ({"evcc_id": "WMIV1"}, "WMIV1"),
        ({"identification_data": "CAFE01"}, "CAFE01"),
        ({"wifi_password": "hunter2"}, "hunter2"),
        ({"parameter_id": "wifi_ssid", "value": "Olsen"}, "Olsen"),
        ({"client": {"name": "Ola's car"}}, "Ola"),
        ({"alias": "Olsen"}, "Olsen"),
        ({"token": "77"}, "77"),
        ({"latitude": 59.91}, "59"),
        ({"parameters": {"default_card_number": "NL-ANW-1"}}, "ANW"),
        ({"parameters": {"default_card_owner": "Olsen"}}, "Olsen"),
        ({"description": "the car 00:1A:2b:3c:4d:5e left"}, "3c"),
        ({"last_error_text": "ola.normann@example.no is unknown"}, "ola"),
        ({"error": "no route to 192.168.1.17"}, "192"),
        ({"error": "no route to 10.0.20.7"}, "20.7"),
        ({"x": "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n"}, "MIIB"),
        ({"x": "-----BEGIN CERTIFICATE-----\nMIIB"}, "MIIB"),
        ({"configs": [{"id": "user", "val": {"default": "ola"}}]}, "ola"),
        ({"message": json.dumps([2, "7", "Authorize", {"idTag": "CAFE01"}])}, "CAFE01"),
        ({"message": '[2, {"idTag": "CAFE01'}, "CAFE01"),
        ({"key": "AuthorizationKey", "read_only": False, "value": "geheim"}, "geheim"),
        ({"component_variable": {"variable": {"name": "x"}}, "value": "geheim"}, "geheim"),
        ({"component_variable": {}, "actual_value": "geheim1234"}, "geheim"),
        ({"client_id": "cp001"}, "cp001"),
        ({"csms_url": "wss://example.org"}, "example"),
        ({"ocppCsmsUrl": "wss://example.org"}, "example"),
        ({"note": "no answer of wss://kari:o.r@csms.example/x"}, "kari"),
        ({"note": "no answer of wss://kari:o.r@csms.example/x"}, "o.r"),
    ],
)
def test_secrets_go(data: dict[str, Any], secret: str) -> None:
    assert secret in json.dumps(data)
    text = json.dumps(redacted(data))
    assert secret not in text
    # The keys show what was there.
    assert next(iter(data)) in text


@pytest.mark.parametrize(
    "data",
    [
        {"name": "chargepoint", "address": "/rt:dev/rn:easee/ad:1/sv:chargepoint/ad:1"},
        {"type": "evt.state.report", "val": "charging", "corid": "", "uid": "b001f436-950d"},
        {"id_token": {"type": "ISO14443"}, "connectors": [1], "status": "Accepted"},
        {"sw_ver": "10.0.1", "product_name": "Easee Home", "host": "", "serial": None},
        {"timestamp": "2026-11-20T09:15:39.718Z", "power_W": {"L1": 3543.0}, "ok": True},
        {"address": "EH123456", "token": False},
        {"parameter_id": "led_brightness", "value": "50"},
    ],
)
def test_the_rest_stays(data: dict[str, Any]) -> None:
    assert redacted(data) == data


def test_a_value_has_one_word_wherever_it_stands() -> None:
    """A serial number can be an address, and part of one."""
    redactor = Redactor()
    serial = "EH123456"
    report = redactor.data({"address": serial, "device_id": serial, "hash": f"{serial}7"})
    topic = f"sv:chargepoint/ad:{serial}_1"
    found = redactor.text([report, topic, {serial: 1}])
    word = found[0]["device_id"]
    assert word.isalnum()
    # A value that only begins like it is another one.
    assert found == [
        {"address": word, "device_id": word, "hash": f"{serial}7"},
        f"sv:chargepoint/ad:{word}_1",
        {word: 1},
    ]


def test_a_name_that_is_a_word_goes_only_where_it_is_a_name() -> None:
    """A room may be called as a word of the protocol is."""
    redactor = Redactor()
    redactor.harmless("Wallbox")
    data = redactor.data([{"alias": "chargepoint"}, {"alias": "Ola 2"}, {"alias": "Wallbox"}])
    assert redactor.text([data, "sv:chargepoint", "Ola 2 is gone"]) == [
        [{"alias": "redacted1"}, {"alias": "redacted2"}, {"alias": "Wallbox"}],
        "sv:chargepoint",
        "redacted2 is gone",
    ]


def test_a_payload_that_is_a_value_has_its_key_in_the_topic() -> None:
    redactor = Redactor()
    assert redactor.bare("DE*PNX*E1", "e2m", "evse_id") == "redacted1"
    assert redactor.bare("IEC61851-1", "e2m", "selected_protocol") == "IEC61851-1"
    assert redactor.bare("", "evse_id") == ""
    assert redactor.bare({"evse_id": "DE*PNX*E1"}, "e2m") == {"evse_id": "redacted1"}


def test_of_what_nobody_reads_only_the_shape_is_left() -> None:
    data = {"user": "ola", "n": [1, "x", None, {"y": True}]}
    assert blanked(data) == {"user": "redacted", "n": [1, "redacted", None, {"y": True}]}
