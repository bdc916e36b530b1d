"""Decodes frames of the Blue Current API: bytes in, a typed frame or a ProtocolError out. Pure.

A frame is one JSON object, named by `object`. A field that is missing, null, empty or of an
unexpected type is None, and costs neither its frame nor the connection. Fields of an unexpected
type are listed in `unreadable`.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from ..errors import ProtocolError
from ..readers import YEARS, JsonObject, decoded, part
from ..stored import flag, number
from .frames import (
    Card,
    ChargeCards,
    ChargePoints,
    ChargePointSettings,
    Failure,
    Frame,
    Grid,
    Other,
    Phases,
    Reply,
    Setting,
    Status,
)

#: The vendor's time zone: of times without an offset, and of the reset of the request limit.
#: Loaded here because reading its file in the event loop would block.
TIME_ZONE: Final = ZoneInfo("Europe/Amsterdam")

_SIZE_MAX: Final = 1024 * 1024
_TEXT_MAX: Final = 500
_ITEMS_MAX: Final = 1000

#: Replies without a prefix: they have the name of their command.
_BARE_REPLIES: Final = ("LIST_", "POST_", "PATCH_", "SAVE_", "OVERRIDE_")
_NO_REASON: Final = "no reason was given"


def parse(payload: bytes) -> JsonObject:
    """Return the fields of a frame.

    Raises:
        ProtocolError: of kind `size`, `encoding`, `json` or `object`.

    """
    fields = decoded(payload, _SIZE_MAX)
    if not isinstance(fields, dict) or not isinstance(fields.get("object"), str):
        raise ProtocolError("object", "no name of an object")
    return fields


def decode(payload: bytes) -> Frame:
    """Decode a frame.

    Raises:
        ProtocolError: of kind `size`, `encoding`, `json`, `object`, `data` or `evse_id`.

    """
    fields = parse(payload)
    name = str(fields["object"])
    reader = _READERS.get(name)
    if reader is not None:
        return reader(fields)
    for prefix, final in (("STATUS_", True), ("RECEIVED_", False)):
        if name.startswith(prefix):
            return _reply(name.removeprefix(prefix), fields, final=final)
    if name.startswith(_BARE_REPLIES):
        return _reply(name, fields, final=True)
    return Other(name=name[:_TEXT_MAX])


def topic(payload: bytes) -> str:
    """Return the name of the object, and the id that it concerns, if there is one."""
    try:
        fields = parse(payload)
    except ProtocolError as error:
        return error.kind
    data = part(fields, "data")
    about = (fields.get("evse_id"), data.get("evse_id"), data.get("id"))
    subject = next((text for text in about if isinstance(text, str) and text), None)
    name = str(fields["object"])
    return (f"{name}/{subject}" if subject else name)[:_TEXT_MAX]


# Fields ---------------------------------------------------------------------------


def _mapping(value: object) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value[:_TEXT_MAX]


def _integer(value: object) -> int:
    found = number(value)
    if not found.is_integer():
        raise ValueError(value)
    return int(found)


def _time(value: object) -> datetime:
    """Read `20221110 11:41:32`, with or without an offset."""
    text = _text(value)
    if "+" in text or "-" in text:
        found = datetime.strptime(text, "%Y%m%d %H:%M:%S%z")
    else:
        found = datetime.strptime(text, "%Y%m%d %H:%M:%S").replace(tzinfo=TIME_ZONE)
    if found.year not in YEARS:
        raise ValueError(text)
    return found


class _Reader:
    """Reads fields, and remembers those of an unexpected type."""

    def __init__(self, fields: JsonObject) -> None:
        self._fields = fields
        self._unreadable: set[str] = set()

    def get[T](self, name: str, reader: Callable[[object], T]) -> T | None:
        value = self._fields.get(name)
        if value is None or value == "":
            return None
        try:
            return reader(value)
        except TypeError, ValueError:
            self._unreadable.add(name)
            return None

    def phases(self, prefix: str) -> Phases:
        one, two, three = (self.get(f"{prefix}{phase}", number) for phase in (1, 2, 3))
        return one, two, three

    @property
    def unreadable(self) -> frozenset[str]:
        return frozenset(self._unreadable)


# Frames ---------------------------------------------------------------------------


def _data(fields: JsonObject) -> JsonObject:
    data = fields.get("data")
    if not isinstance(data, dict):
        raise ProtocolError("data", "not an object")
    return data


def _evse_id(*candidates: object) -> str:
    for candidate in candidates:
        if isinstance(candidate, str) and 0 < len(candidate) <= _TEXT_MAX:
            return candidate
    raise ProtocolError("evse_id", "missing")


def _status(fields: JsonObject) -> Status:
    data = _data(fields)
    read = _Reader(data)
    timeout = read.get("smart_current_heartbeat_timeout", number)
    return Status(
        evse_id=_evse_id(data.get("evse_id"), fields.get("evse_id")),
        socket_id=read.get("socket_id", _integer),
        activity=read.get("activity", _text),
        vehicle_status=read.get("vehicle_status", _text),
        currents=read.phases("actual_p"),
        voltages=read.phases("actual_v"),
        energy=read.get("actual_kwh", number),
        max_usage=read.get("max_usage", number),
        smart_charging_max_usage=read.get("smartcharging_max_usage", number),
        max_offline=read.get("max_offline", number),
        total_cost=read.get("total_cost", number),
        started=read.get("start_datetime", _time),
        stopped=read.get("stop_datetime", _time),
        offline_since=read.get("offline_since", _time),
        boosting=read.get("boosting", flag),
        held_back=timeout is not None and timeout > 0,
        unreadable=read.unreadable,
    )


#: The readers of the settings, by their names in the API. A setting may come with a permission or
#: without.
_SETTINGS: Final[Mapping[str, Callable[[object], bool | float | str]]] = {
    "plug_and_charge": flag,
    "public_charging": flag,
    "plug_and_charge_notification": flag,
    "smart_charging": flag,
    "smart_charging_dynamic": flag,
    "delayed_charging": flag,
    "price_based_charging": flag,
    "publish_location": flag,
    "led_intensity": number,
    "led_interaction": flag,
}
#: The same for the parts of nested settings.
_PARTS: Final[Mapping[str, Mapping[str, Callable[[object], bool | float | str]]]] = {
    "delayed_charging": {"start_time": _text, "end_time": _text},
    "price_based_charging": {
        "expected_leave_time": _text,
        "expected_departure_time": _text,
        "expected_kwh": number,
        "minimum_kwh": number,
        "minimum_pct": number,
        "current_battery_pct": number,
        "battery_size_kwh": number,
    },
    "tariff": {
        "tariff_id": _text,
        "price_in_vat": number,
        "price_ex_vat": number,
        "start_price_in_vat": number,
        "start_price_ex_vat": number,
        "currency": _text,
    },
    "location": {"x_coord": number, "y_coord": number},
}


def _charge_point(data: JsonObject) -> ChargePointSettings:
    read = _Reader(data)
    settings: dict[str, Setting] = {}
    unreadable: set[str] = set()
    for name, reader in _SETTINGS.items():
        value = data.get(name)
        inner = _Reader(value if isinstance(value, dict) else {"value": value})
        found = inner.get("value", reader)
        unreadable |= {name for _ in inner.unreadable}
        if found is not None:
            writable = isinstance(value, dict) and value.get("permission") == "write"
            settings[name] = Setting(value=found, writable=writable)
    # In the examples of the vendor, the coordinates are not nested; in recorded frames they are.
    parts = {"location": data} | {name: data[name] for name in _PARTS if name in data}
    for name, readers in _PARTS.items():
        inner = _Reader(part(parts, name))
        for key, reader in readers.items():
            if (found := inner.get(key, reader)) is not None:
                settings[f"{name}.{key}"] = Setting(value=found)
        unreadable |= {f"{name}.{key}" for key in inner.unreadable}
    if days := _days(part(data, "delayed_charging").get("selected_days")):
        settings["delayed_charging.selected_days"] = Setting(value=days)
    return ChargePointSettings(
        evse_id=_evse_id(data.get("evse_id")),
        name=read.get("name", _text) or read.get("chargepoint_name", _text),
        model_type=read.get("model_type", _text),
        chargepoint_type=read.get("chargepoint_type", _text),
        activity=read.get("activity", _text),
        settings=settings,
        default_card=_card(data.get("default_card")),
        sockets=_integers(data.get("socket_ids")),
        unreadable=read.unreadable | unreadable,
    )


def _days(value: object) -> str:
    """Return the days of a delayed-charging schedule as text, such as `1,2,7`."""
    return ",".join(str(day) for day in _integers(value) if 0 <= day <= 7)  # noqa: PLR2004


def _integers(value: object) -> tuple[int, ...]:
    items = value if isinstance(value, list) else []
    return tuple(item for item in items if isinstance(item, int) and not isinstance(item, bool))


def _card(value: object) -> Card | None:
    """Read a card, None if it has no uid."""
    read = _Reader(_mapping(value))
    uid = read.get("uid", _text)
    if uid is None:
        return None
    return Card(
        uid=uid,
        id=read.get("id", _text),
        name=read.get("name", _text),
        customer_name=read.get("customer_name", _text),
    )


def _items(value: object) -> list[object]:
    if not isinstance(value, list):
        raise ProtocolError("data", "not a list")
    return value[:_ITEMS_MAX]


def _charge_points(fields: JsonObject) -> ChargePoints:
    items = _items(fields.get("data"))
    found: list[ChargePointSettings] = []
    for item in items:
        try:
            found.append(_charge_point(_mapping(item)))
        except ProtocolError:
            # A charge point that cannot be identified must not affect the others.
            continue
    return ChargePoints(charge_points=tuple(found), complete=len(found) == len(items))


def _charge_cards(fields: JsonObject) -> ChargeCards:
    # Recorded frames call the list `cards`.
    items = _items(fields.get("cards", fields.get("data")))
    cards = (_card(item) for item in items)
    return ChargeCards(cards=tuple(card for card in cards if card is not None))


def _settings(fields: JsonObject) -> ChargePointSettings:
    return _charge_point({"evse_id": fields.get("evse_id")} | dict(_data(fields)))


def _grid(fields: JsonObject) -> Grid:
    # GRID_STATUS has its values in `data`, GRID_CURRENT has not.
    data = fields if "grid_actual_p1" in fields else _data(fields)
    read = _Reader(data)
    return Grid(
        evse_id=_Reader(fields).get("evse_id", _text),
        grid_id=read.get("id", _text),
        currents=read.phases("grid_actual_p"),
        max_install=read.get("grid_max_install", number),
        max_reserved=read.get("grid_max_reserved", number),
    )


def _reply(command: str, fields: JsonObject, *, final: bool) -> Reply:
    read = _Reader(fields)
    error = read.get("error", _text)
    if error is None and (read.get("success", flag) is False or read.unreadable):
        error = _NO_REASON
    setting = part(fields, "result").get("setting")
    return Reply(
        command=command[:_TEXT_MAX],
        evse_id=read.get("evse_id", _text),
        final=final,
        error=error,
        value="true" in setting if isinstance(setting, str) else None,
        data=fields.get("data", fields.get("result")),
    )


def _failure(fields: JsonObject) -> Failure:
    read = _Reader(fields)
    message = read.get("message", _text) or read.get("error", _text) or _NO_REASON
    return Failure(code=read.get("error", _integer), message=message)


_READERS: Final[Mapping[str, Callable[[JsonObject], Frame]]] = {
    "CHARGE_POINTS": _charge_points,
    "CHARGE_CARDS": _charge_cards,
    "CH_STATUS": _status,
    "CH_SETTINGS": _settings,
    "GRID_STATUS": _grid,
    "GRID_CURRENT": _grid,
    "ERROR": _failure,
}
