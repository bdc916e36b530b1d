"""Frames of Blue Current: what is read of them, and that nothing they hold can do harm."""

from datetime import UTC, datetime
import json
import random
from typing import Any

import pytest

from custom_components.fimp_chargepoint.chargepoint.blue_current import decoding, frames
from custom_components.fimp_chargepoint.chargepoint.blue_current.requests import schedules
from custom_components.fimp_chargepoint.chargepoint.errors import ProtocolError
from custom_components.fimp_chargepoint.chargepoint.smart_charging import Weekday

STATUS: dict[str, Any] = {
    "actual_p1": 14,
    "actual_p2": 14,
    "actual_p3": 14,
    "activity": "charging",
    "actual_v1": 230,
    "actual_v2": 231.5,
    "actual_v3": 229,
    "actual_kwh": 1.5,
    "max_usage": 16,
    "smartcharging_max_usage": 6,
    "max_offline": 7,
    "offline_since": "",
    "start_datetime": "20221110 11:41:32",
    "stop_datetime": "20220710 11:41:50+02:00",
    "total_cost": 0,
    "vehicle_status": "C",
    "evse_id": "BCU102728",
}
SETTINGS: dict[str, Any] = {
    "evse_id": "BCU102728",
    "name": "Garage",
    "model_type": "U:MOVE22",
    "chargepoint_type": "UMOVE",
    "activity": "available",
    "plug_and_charge": {"value": False, "permission": "write"},
    "public_charging": {"value": True, "permission": "read"},
    "plug_and_charge_notification": False,
    "smart_charging": True,
    "led_intensity": {"value": 40, "permission": "none"},
    "default_card": {"uid": "BCU-APP", "id": "BCU-APP", "name": "", "customer_name": ""},
    "tariff": {"tariff_id": "NLBCUT994", "price_in_vat": 0.2613, "currency": "EUR"},
    "x_coord": 50.824811,
    "y_coord": 4.342838,
    "delayed_charging": {"value": True, "start_time": "23:00", "selected_days": [1, 5, "x", 99]},
    "socket_ids": [1, 2],
}


def decode(frame: object) -> frames.Frame:
    return decoding.decode(json.dumps(frame).encode())


def status(**changes: object) -> frames.Status:
    frame = decode({"object": "CH_STATUS", "evse_id": "x", "data": STATUS | changes})
    assert isinstance(frame, frames.Status)
    return frame


def test_status() -> None:
    frame = status()
    assert frame.evse_id == "BCU102728"
    assert (frame.activity, frame.vehicle_status) == ("charging", "C")
    assert (frame.currents, frame.voltages) == ((14, 14, 14), (230, 231.5, 229))
    assert (frame.energy, frame.max_usage, frame.smart_charging_max_usage) == (1.5, 16, 6)
    assert frame.started == datetime(2022, 11, 10, 10, 41, 32, tzinfo=UTC)
    assert frame.stopped == datetime(2022, 7, 10, 9, 41, 50, tzinfo=UTC)
    assert (frame.offline_since, frame.held_back, frame.unreadable) == (None, False, frozenset())


def test_summer_and_winter_time() -> None:
    """Times without an offset are Dutch."""
    summer = status(start_datetime="20230724 15:25:33").started
    assert summer == datetime(2023, 7, 24, 13, 25, 33, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [None, "", "yesterday", 5, True, [], {}, "2022-11-10T11:41:32", "99991231 23:59:59"],
)
@pytest.mark.parametrize("name", ["start_datetime", "stop_datetime", "offline_since"])
def test_a_date_that_is_none_costs_only_itself(name: str, value: object) -> None:
    frame = status(**{name: value})
    fields = {"start_datetime": "started", "stop_datetime": "stopped"}
    assert getattr(frame, fields.get(name, name)) is None
    assert frame.activity == "charging"
    assert frame.unreadable == (frozenset() if value in (None, "") else {name})


@pytest.mark.parametrize("value", [None, "14", True, [], 1e99])
def test_a_number_that_is_none_is_unknown(value: object) -> None:
    assert status(actual_p2=value).currents == (14, None, 14)


def test_held_back_and_boosting() -> None:
    assert status(smart_current_heartbeat_timeout=300).held_back is True
    assert status(smart_current_heartbeat_timeout=None, boosting=True).boosting is True


def test_charge_points() -> None:
    frame = decode({"object": "CHARGE_POINTS", "data": [SETTINGS, {"name": "nobody"}, 7]})
    assert isinstance(frame, frames.ChargePoints)
    (found,) = frame.charge_points
    assert frame.complete is False
    assert (found.evse_id, found.name, found.model_type) == ("BCU102728", "Garage", "U:MOVE22")
    assert found.settings["plug_and_charge"] == frames.Setting(value=False, writable=True)
    assert found.settings["public_charging"] == frames.Setting(value=True, writable=False)
    assert found.settings["plug_and_charge_notification"].value is False
    assert found.settings["led_intensity"].value == 40
    assert found.settings["location.x_coord"].value == 50.824811
    assert found.settings["tariff.price_in_vat"].value == 0.2613
    assert found.settings["delayed_charging.selected_days"].value == "1,5"
    assert found.default_card is not None
    assert found.default_card.uid == "BCU-APP"
    assert found.sockets == (1, 2)


def test_coordinates_inside_a_location() -> None:
    """As the same backend has them in recorded frames."""
    data = {"evse_id": "x", "location": {"x_coord": 50.1, "city": "Utrecht"}}
    frame = decode({"object": "CH_SETTINGS", "data": data})
    assert isinstance(frame, frames.ChargePointSettings)
    assert frame.settings["location.x_coord"].value == 50.1


def test_cards_under_both_names() -> None:
    for name in ("cards", "data"):
        frame = decode({"object": "CHARGE_CARDS", name: [{"uid": "04", "name": "Mine"}, {}, 5]})
        assert isinstance(frame, frames.ChargeCards)
        assert frame.cards == (frames.Card(uid="04", name="Mine"),)


def test_grid() -> None:
    data = {"id": "GRID-1", "grid_actual_p1": 3, "grid_actual_p2": 2.5, "grid_max_install": 40}
    assert decode({"object": "GRID_STATUS", "data": data}) == frames.Grid(
        grid_id="GRID-1", currents=(3, 2.5, None), max_install=40
    )
    current = {"object": "GRID_CURRENT", "evse_id": "x", "grid_actual_p1": 5}
    assert decode(current) == frames.Grid(evse_id="x", currents=(5, None, None))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"success": True, "error": ""}, {"error": None}),
        ({"success": True, "error": None}, {"error": None}),
        ({"success": False, "error": "REJECTED"}, {"error": "REJECTED"}),
        ({"success": False, "error": ""}, {"error": "no reason was given"}),
        ({"success": True, "error": 7}, {"error": "no reason was given"}),
        ({"result": {"setting": "set to true"}}, {"value": True}),
        ({"result": {"setting": "set to false"}}, {"value": False}),
        ({"result": {}}, {"value": None}),
    ],
)
def test_replies(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    for prefix, final in (("STATUS_", True), ("RECEIVED_", False)):
        frame = decode({"object": f"{prefix}SET_X", "evse_id": "x", **fields})
        assert isinstance(frame, frames.Reply)
        assert (frame.command, frame.evse_id, frame.final) == ("SET_X", "x", final)
        assert {name: getattr(frame, name) for name in expected} == expected


def test_error() -> None:
    frame = decode({"object": "ERROR", "error": 42, "message": "Request limit reached"})
    assert frame == frames.Failure(code=42, message="Request limit reached")
    assert decode({"object": "ERROR"}) == frames.Failure(code=None, message="no reason was given")


def test_schedules_in_the_words_of_both_sources() -> None:
    theirs = {
        "schedule_id": 122,
        "charge_points": ["A", "B"],
        "override_start_time": "15:00",
        "override_end_time": "13:00",
        "override_start_days": "SA,MO",
        "override_end_days": ["SU"],
        "override_current": 12.0,
    }
    (found,) = schedules([theirs, {"schedule_id": 5}, "x"])
    assert (found.id, found.charge_points, found.current) == ("122", ("A", "B"), 12)
    assert found.start_days == {Weekday.SATURDAY, Weekday.MONDAY}
    assert found.end_days == {Weekday.SUNDAY}
    documented = {
        "schedule_id": "102",
        "start_time": "10:00",
        "stop_time": "14:00",
        "days_of_week": "MO,TU",
        "chargepoint_id": "BCU100186",
    }
    (found,) = schedules([documented])
    assert (found.id, found.charge_points, found.current) == ("102", ("BCU100186",), None)
    assert found.start_days == found.end_days == {Weekday.MONDAY, Weekday.TUESDAY}


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        (b"", "json"),
        (b"no json", "json"),
        (b"\xff\xfe", "encoding"),
        (b'{"object":"X","a":NaN}', "json"),
        (b"[]", "object"),
        (b"7", "object"),
        (b'{"object":7}', "object"),
        (b'{"object":"CH_STATUS"}', "data"),
        (b'{"object":"CH_STATUS","data":{}}', "evse_id"),
        (b'{"object":"CHARGE_POINTS","data":{}}', "data"),
        (b'{"object":"GRID_STATUS","data":[]}', "data"),
        (b'"' + b"x" * 2**20 + b'"', "size"),
    ],
)
def test_what_makes_no_sense(payload: bytes, kind: str) -> None:
    with pytest.raises(ProtocolError) as found:
        decoding.decode(payload)
    assert found.value.kind == kind
    assert isinstance(decoding.topic(payload), str)


def test_unknown_objects_are_none_of_our_business() -> None:
    assert decode({"object": "NEWS", "data": []}) == frames.Other(name="NEWS")


@pytest.mark.parametrize("seed", range(20))
def test_decoding_is_total(seed: int) -> None:
    """Any value in any place: a frame or a ProtocolError."""
    chance = random.Random(seed)
    odd = [None, "", 0, -1, 1e300, True, [], {}, [[]], "x" * 600, {"value": None}, [None], "Z"]
    names = [
        *("CHARGE_POINTS", "CHARGE_CARDS", "CH_STATUS", "CH_SETTINGS", "GRID_STATUS"),
        *("GRID_CURRENT", "ERROR", "STATUS_SET_PLUG_AND_CHARGE", "RECEIVED_REBOOT"),
        *("LIST_OVERRIDE_CURRENT", "HELLO", "STATUS_", ""),
    ]
    for _ in range(300):
        data: Any = dict(chance.choice((STATUS, SETTINGS)))
        for name in chance.sample(sorted(data), 3):
            data[name] = chance.choice(odd)
        frame: dict[str, Any] = {"object": chance.choice(names), "data": data, "evse_id": "x"}
        if chance.random() < 0.3:
            frame["data"] = [data, chance.choice(odd)]
        if chance.random() < 0.5:
            frame[chance.choice(("data", "evse_id", "error", "success", "result"))] = chance.choice(
                odd
            )
        payload = json.dumps(frame).encode()
        try:
            found = decoding.decode(payload)
        except ProtocolError:
            continue
        assert found is not None
        schedules(frame["data"])
        assert len(decoding.topic(payload)) <= 500
