"""Every field that Blue Current documents, and the entity that shows it.

The fields are those of the vendor's response examples. What these derive (averages, power) is
derived here as well; `current_left` is the difference of two values that are shown.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
import json

import pytest

from custom_components.fimp_chargepoint.chargepoint.blue_current.chargepoint import (
    BlueCurrentChargepoint,
)
from custom_components.fimp_chargepoint.chargepoint.blue_current.discovery import (
    BlueCurrentProtocol,
)
from custom_components.fimp_chargepoint.chargepoint.errors import CommandSupersededError
from custom_components.fimp_chargepoint.chargepoint.grid import GridConnection
from custom_components.fimp_chargepoint.chargepoint.model import ChargepointSnapshot

from .fakes import UNTHROTTLED, OfflineHub

type Read = Callable[[ChargepointSnapshot], object]

LISTED = {
    "evse_id": "BCU1",
    "name": "My Charge Point",
    "model_type": "U:MOVE22",
    "chargepoint_type": "UMOVE",
    "activity": "charging",
    "x_coord": 50.824811,
    "y_coord": 4.342838,
    "public_charging": {"value": False, "permission": "write"},
    "plug_and_charge_notification": True,
    "plug_and_charge": {"value": True, "permission": "write"},
    "smart_charging": True,
    "default_card": {"uid": "046C", "id": "NL-1", "name": "My Card", "customer_name": "Me"},
    "tariff": {
        "tariff_id": "NLBCUT994",
        "price_ex_vat": 0.2347,
        "start_price_ex_vat": 1.5,
        "price_in_vat": 0.2613,
        "start_price_in_vat": 1.815,
        "currency": "EUR",
        "permission": "read",
    },
    "publish_location": {"value": True, "permission": "write"},
}
SETTINGS = LISTED | {
    "led_intensity": {"value": 40, "permission": "write"},
    "led_interaction": {"value": False, "permission": "write"},
}
STATUS = {
    "evse_id": "BCU1",
    "actual_p1": 10,
    "actual_p2": 11,
    "actual_p3": 12,
    "activity": "charging",
    "actual_v1": 229,
    "actual_v2": 230,
    "actual_v3": 231,
    "actual_kwh": 3.2,
    "max_usage": 20,
    "smartcharging_max_usage": 16,
    "max_offline": 7,
    "offline_since": "",
    "start_datetime": "20221110 11:41:32",
    "stop_datetime": "",
    "total_cost": 1.23,
    "vehicle_status": "C",
}
GRID = {
    "id": "GRID-BCU1",
    "grid_actual_p1": 5,
    "grid_actual_p2": 6,
    "grid_actual_p3": 7,
    "grid_max_install": 40,
    "grid_max_reserved": 25,
}


def parameter(name: str) -> Read:
    return lambda shown: shown.parameters[name]


SHOWN: dict[str, tuple[Read, object]] = {
    "evse_id": (lambda shown: shown.identity.serial_number, "BCU1"),
    "name": (lambda shown: shown.identity.name, "My Charge Point"),
    "model_type": (lambda shown: shown.identity.model, "U:MOVE22"),
    "chargepoint_type": (lambda shown: shown.identity.hw_version, "UMOVE"),
    "activity": (lambda shown: (shown.status, shown.raw_status), ("charging", "charging C")),
    "x_coord": (parameter("latitude"), 50.824811),
    "y_coord": (parameter("longitude"), 4.342838),
    "linked_charge_cards_only": (parameter("linked_charge_cards_only"), True),
    "plug_and_charge_notification": (parameter("plug_and_charge_notification"), True),
    "plug_and_charge": (parameter("plug_and_charge"), True),
    "smart_charging": (parameter("smart_charging"), True),
    "default_card": (parameter("default_card"), "My Card"),
    "tariff.tariff_id": (parameter("tariff_id"), "NLBCUT994"),
    "tariff.price_ex_vat": (parameter("tariff_price_ex_vat"), 0.2347),
    "tariff.start_price_ex_vat": (parameter("tariff_start_price_ex_vat"), 1.5),
    "tariff.price_in_vat": (parameter("tariff_price"), 0.2613),
    "tariff.start_price_in_vat": (parameter("tariff_start_price"), 1.815),
    "tariff.currency": (parameter("tariff_currency"), "EUR"),
    "publish_location": (parameter("publish_location"), True),
    "actual_p1": (lambda shown: shown.meter.current_l1, 10),
    "actual_p2": (lambda shown: shown.meter.current_l2, 11),
    "actual_p3": (lambda shown: shown.meter.current_l3, 12),
    "actual_v1": (lambda shown: shown.meter.voltage_l1, 229),
    "actual_v2": (lambda shown: shown.meter.voltage_l2, 230),
    "actual_v3": (lambda shown: shown.meter.voltage_l3, 231),
    "actual_kwh": (lambda shown: shown.meter.session_energy, 3.2),
    "max_usage": (lambda shown: shown.max_current, 20),
    "smartcharging_max_usage": (lambda shown: shown.effective_current, 16),
    "max_offline": (parameter("max_offline"), 7),
    "offline_since": (lambda shown: shown.health.offline_since, None),
    "start_datetime": (
        lambda shown: shown.session.started and shown.session.started.isoformat(),
        "2022-11-10T11:41:32+01:00",
    ),
    "stop_datetime": (lambda shown: shown.session.ended, None),
    "total_cost": (lambda shown: shown.charged and shown.charged.total, 1.23),
    "vehicle_status": (lambda shown: shown.plugged, True),
    "avg_voltage": (lambda shown: shown.meter.voltage, 230),
    "avg_current": (lambda shown: shown.meter.current, 11),
    "total_kw": (lambda shown: shown.meter.power, 10 * 229 + 11 * 230 + 12 * 231),
    "led_intensity": (parameter("led_brightness"), 40),
    "led_interaction": (parameter("led_interaction"), False),
}


@pytest.fixture(name="hub")
def hub_fixture() -> OfflineHub:
    """A hub that has received all of the above."""
    hub = OfflineHub()
    hub._protocols.clear()
    hub.add_protocol("", BlueCurrentProtocol(hub))
    hub.connection_made()
    for frame in (
        {"object": "CHARGE_POINTS", "data": [LISTED]},
        {"object": "CH_SETTINGS", "data": SETTINGS},
        {"object": "CH_STATUS", "evse_id": "BCU1", "data": STATUS},
        {"object": "GRID_STATUS", "data": GRID},
    ):
        hub.feed(frame["object"], json.dumps(frame).encode())
    return hub


@pytest.mark.parametrize("name", SHOWN)
def test_field_of_a_charge_point(hub: OfflineHub, name: str) -> None:
    read, expected = SHOWN[name]
    shown = hub.nodes["bluecurrent:BCU1"].snapshot
    assert read(shown) == expected


def test_every_documented_field_is_in_the_table() -> None:
    nested = {f"tariff.{name}" for name in LISTED["tariff"]}  # type: ignore[attr-defined]
    fields = (SETTINGS | STATUS).keys() | nested
    elsewhere = {"tariff", "tariff.permission", "public_charging"}
    assert fields - elsewhere <= SHOWN.keys()


def test_fields_of_the_grid(hub: OfflineHub) -> None:
    grid = hub.nodes["bluecurrent:GRID-BCU1"]
    assert isinstance(grid, GridConnection)
    shown = grid.snapshot
    assert (shown.meter.current_l1, shown.meter.current_l2, shown.meter.current_l3) == (5, 6, 7)
    assert (shown.meter.current, shown.highest_current) == (6, 7)
    assert (shown.installed_current, shown.reserved_current) == (40, 25)


def test_when_it_went_offline(hub: OfflineHub) -> None:
    data = STATUS | {"activity": "offline", "offline_since": "20221110 12:00:00"}
    frame = {"object": "CH_STATUS", "evse_id": "BCU1", "data": data}
    hub.feed("CH_STATUS", json.dumps(frame).encode())
    shown = hub.nodes["bluecurrent:BCU1"].snapshot
    assert isinstance(shown, ChargepointSnapshot)
    assert shown.unavailable == "offline"
    assert shown.health.offline_since is not None
    assert shown.health.offline_since.isoformat() == "2022-11-10T12:00:00+01:00"
    assert shown.meter.session_energy == 3.2
    assert shown.meter.power is None


def test_cost_of_the_session_before_is_not_this_ones(hub: OfflineHub) -> None:
    """While a car charges, the cost is often reported as 0, and only known in the end."""

    def cost(**changes: object) -> object:
        data = STATUS | changes
        hub.feed("CH_STATUS", {"object": "CH_STATUS", "evse_id": "BCU1", "data": data})
        shown = hub.nodes["bluecurrent:BCU1"].snapshot
        assert isinstance(shown, ChargepointSnapshot)
        return shown.charged and shown.charged.total

    over = {"activity": "available", "stop_datetime": "20221110 12:41:32"}
    assert cost(**over) == 1.23
    assert cost(**over, vehicle_status="A", total_cost=0) == 1.23
    assert cost(start_datetime="20221110 18:00:00", total_cost=0) is None


def test_another_socket_is_not_taken_for_this_one(hub: OfflineHub) -> None:
    """Models with two sockets report both by the same id; commands reach the first one."""
    listed = {"object": "CHARGE_POINTS", "data": [LISTED | {"socket_ids": [1, 2]}]}
    hub.feed("CHARGE_POINTS", json.dumps(listed).encode())
    for socket, expected in ((2, "charging C"), (1, "available A")):
        data = STATUS | {"socket_id": socket, "activity": "available", "vehicle_status": "A"}
        frame = {"object": "CH_STATUS", "evse_id": "BCU1", "data": data}
        hub.feed("CH_STATUS", json.dumps(frame).encode())
        shown = hub.nodes["bluecurrent:BCU1"].snapshot
        assert isinstance(shown, ChargepointSnapshot)
        assert shown.raw_status == expected


async def test_card_of_a_delayed_start_outlives_its_caller() -> None:
    """An automation that starts over gives up its call, but not the start; the card pays for it."""
    hub = OfflineHub(options=replace(UNTHROTTLED, restart_delay=10.0))
    hub._protocols.clear()
    hub.add_protocol("", BlueCurrentProtocol(hub))
    hub.connection_made()

    def reports(activity: str, letter: str) -> None:
        data = STATUS | {"activity": activity, "vehicle_status": letter}
        hub.feed("CH_STATUS", {"object": "CH_STATUS", "evse_id": "BCU1", "data": data})

    def tokens() -> list[str]:
        return [json.loads(each)["session_token"] for _, each in hub.take_sent("START_SESSION")]

    hub.feed("CHARGE_POINTS", {"object": "CHARGE_POINTS", "data": [LISTED]})
    node = hub.nodes["bluecurrent:BCU1"]
    assert isinstance(node, BlueCurrentChargepoint)
    reports("charging", "C")
    reports("available", "B")
    task = asyncio.create_task(node.start_with_card("046c8cca8c1d90"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    hub.advance(hub.clock.time + 10)
    assert tokens() == ["046C8CCA8C1D90"]
    reports("charging", "C")
    reports("available", "B")
    # The next start has no card, also if one with a card was replaced by a stop.
    task = asyncio.create_task(node.start_with_card("046c8cca8c1d90"))
    await asyncio.sleep(0)
    stop = asyncio.create_task(node.stop_charging())
    with pytest.raises(CommandSupersededError):
        await task
    hub.advance(hub.clock.time + 7)
    reports("available", "B")
    await stop
    task = asyncio.create_task(node.start_charging())
    await asyncio.sleep(0)
    hub.advance(hub.clock.time + 10)
    assert tokens() == ["BCU-APP"]
    reports("charging", "C")
    await task
