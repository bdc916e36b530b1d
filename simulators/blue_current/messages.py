"""Frames as Blue Current sends them, from the facts of a charge point.

Sources: the response examples of the vendor's Python library, what that library parses, and
frames of the same backend that were recorded in public projects.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

TIME_ZONE: Final = ZoneInfo("Europe/Amsterdam")
NO_CARD: Final = "BCU-APP"

#: The settings that come with a permission, both in the list of charge points and alone.
_LISTED: Final = (
    "plug_and_charge",
    "public_charging",
    "plug_and_charge_notification",
    "publish_location",
    "delayed_charging",
    "price_based_charging",
)
_LED: Final = ("led_intensity", "led_interaction")


def time_text(moment: datetime | None) -> str:
    """Format a time as Blue Current does, without the offset."""
    return "" if moment is None else moment.astimezone(TIME_ZONE).strftime("%Y%m%d %H:%M:%S")


def card(uid: str, cards: Mapping[str, str]) -> dict[str, Any]:
    """Return a card as it is embedded in other objects."""
    if uid == NO_CARD:
        return {"uid": NO_CARD, "id": NO_CARD, "name": "", "customer_name": ""}
    return {
        "uid": uid,
        "id": f"NL-BCU-{uid[-6:]}-0",
        "name": cards[uid],
        "customer_name": "J. Jansen",
        "valid": 1,
    }


def setting(settings: Mapping[str, Any], name: str, permission: str = "write") -> dict[str, Any]:
    """Return a setting with its permission; an active profile also contains its schedule."""
    value = settings[name]
    found = {"value": value, "permission": permission}
    return found | settings.get(f"{name}_details", {}) if value is True else found


def charge_point(
    evse_id: str, name: str, settings: Mapping[str, Any], cards: Mapping[str, str]
) -> dict[str, Any]:
    """Return a charge point as it is listed, without its activity."""
    return {
        "evse_id": evse_id,
        "name": name,
        "model_type": "U:MOVE22",
        "chargepoint_type": "UMOVE",
        "is_cable": False,
        "default_card": card(settings["default_card"], cards),
        "preferred_card": card(settings["default_card"], cards),
        "tariff": {
            "tariff_id": "NLBCUT994",
            "price_ex_vat": 0.2397,
            "start_price_ex_vat": 0.0,
            "price_in_vat": 0.29,
            "start_price_in_vat": 0.0,
            "currency": "EUR",
            "vat_percentage": 21,
        },
        "smart_charging": settings["smart_charging"],
        "smart_charging_dynamic": False,
        "location": {
            "x_coord": 50.824811,
            "y_coord": 4.342838,
            "street": "Europalaan",
            "housenumber": "100",
            "zipcode": "3526KS",
            "city": "Utrecht",
            "country": "NL",
        },
        "socket_id": 1,
        "socket_ids": [1],
        **{each: setting(settings, each) for each in _LISTED},
    }


def settings_of(listed: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a charge point: those in `listed`, and the LEDs."""
    leds = {each: setting(settings, each) for each in _LED}
    data = dict(listed) | leds | {"chargepoint_name": listed["name"]}
    del data["name"], data["socket_id"], data["socket_ids"]
    return {"object": "CH_SETTINGS", "evse_id": listed["evse_id"], "data": data}


def received(command: str, error: str = "") -> dict[str, Any]:
    """Return the receipt of a command."""
    return {"object": f"RECEIVED_{command}", "success": not error, "error": error}


def verdict(
    command: str, evse_id: str, error: str = "", result: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the result of a command."""
    return {
        "object": f"STATUS_{command}",
        "success": not error,
        "flow_id": "",
        "evse_id": evse_id,
        "result": dict(result or {}),
        "error": error,
    }


def error(code: int) -> dict[str, Any]:
    """Return an error that does not refer to a request."""
    texts = {
        0: "Unknown command",
        1: "Invalid Auth Token",
        2: "forbidden",
        9: "Unknown error",
        42: "Request limit reached",
    }
    return {"object": "ERROR", "error": code, "message": texts.get(code, "Unknown error")}


#: Frames that are invalid or unusual.
ODD: Final = (
    "this is no JSON",
    "[]",
    "null",
    '{"value": true}',
    '{"object": 7}',
    '{"object": "NEWS", "data": {"hello": "world"}}',
    '{"object": "CH_STATUS", "data": null}',
    '{"object": "CH_STATUS", "data": {"activity": "available"}}',
    '{"object": "CHARGE_POINTS"}',
    '{"object": "GRID_CURRENT", "evse_id": "{evse_id}"}',
    '{"object": "STATUS_SET_PLUG_AND_CHARGE", "success": true, "evse_id": "{evse_id}"}',
    '{"object": "STATUS_START_SESSION", "success": "yes", "error": 7}',
)
