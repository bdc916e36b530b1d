"""Decodes frames of the Blue Current API: bytes in, a typed frame or a ProtocolError out. Pure.

One JSON object per frame; `object` names it. A field that is missing, null, empty or of another
type is None: it costs neither its frame nor the connection. Which fields were of another type is
in `odd`.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import orjson

from ..errors import ProtocolError
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
_NUMBER_MAX: Final = 1e9
_TEXT_MAX: Final = 500
_ITEMS_MAX: Final = 1000

type Fields = Mapping[str, object]

#: Replies without a prefix: they have the name of their command.
_BARE_REPLIES: Final = ("LIST_", "POST_", "PATCH_", "SAVE_", "OVERRIDE_")
_NO_REASON: Final = "no reason was given"


def parse(payload: bytes) -> Fields:
    """Return the fields of a frame.

    Raises:
        ProtocolError: of kind `size`, `json` or `object`.

    """
    if len(payload) > _SIZE_MAX:
        raise ProtocolError("size", len(payload))
    try:
        fields = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise ProtocolError("json", error) from None
    if not isinstance(fields, dict) or not isinstance(fields.get("object"), str):
        raise ProtocolError("object", "no name of an object")
    return fields


def decode(payload: bytes) -> Frame:
    """Decode a frame.

    Raises:
        ProtocolError: of kind `size`, `json`, `object`, `data` or `evse_id`.

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
    """Return the name of the object and the id it is about, if there is one."""
    try:
        fields = parse(payload)
    except ProtocolError as error:
        return error.kind
    data = _mapping(fields.get("data"))
    about = (fields.get("evse_id"), data.get("evse_id"), data.get("id"))
    subject = next((text for text in about if isinstance(text, str) and text), None)
    name = str(fields["object"])
    return (f"{name}/{subject}" if subject else name)[:_TEXT_MAX]


# Fields ---------------------------------------------------------------------------


def _mapping(value: object) -> Fields:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value[:_TEXT_MAX]


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(value)
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(value)
    if not abs(value) <= _NUMBER_MAX:
        raise ValueError(value)
    return float(value)


def _integer(value: object) -> int:
    number = _number(value)
    if not number.is_integer():
        raise ValueError(value)
    return int(number)


def _time(value: object) -> datetime:
    """Read `20221110 11:41:32`, with or without an offset."""
    text = _text(value)
    if "+" in text or "-" in text:
        return datetime.strptime(text, "%Y%m%d %H:%M:%S%z")
    return datetime.strptime(text, "%Y%m%d %H:%M:%S").replace(tzinfo=TIME_ZONE)


class _Reader:
    """Reads fields one by one, and remembers those of another type."""

    def __init__(self, fields: Fields) -> None:
        self._fields = fields
        self._odd: set[str] = set()

    def get[T](self, name: str, reader: Callable[[object], T]) -> T | None:
        value = self._fields.get(name)
        if value is None or value == "":
            return None
        try:
            return reader(value)
        except TypeError, ValueError:
            self._odd.add(name)
            return None

    def phases(self, prefix: str) -> Phases:
        one, two, three = (self.get(f"{prefix}{number}", _number) for number in (1, 2, 3))
        return one, two, three

    @property
    def odd(self) -> frozenset[str]:
        return frozenset(self._odd)


# Frames ---------------------------------------------------------------------------


def _data(fields: Fields) -> Fields:
    data = fields.get("data")
    if not isinstance(data, dict):
        raise ProtocolError("data", "not an object")
    return data


def _evse_id(*candidates: object) -> str:
    for candidate in candidates:
        if isinstance(candidate, str) and 0 < len(candidate) <= _TEXT_MAX:
            return candidate
    raise ProtocolError("evse_id", "missing")


def _status(fields: Fields) -> Status:
    data = _data(fields)
    read = _Reader(data)
    timeout = read.get("smart_current_heartbeat_timeout", _number)
    return Status(
        evse_id=_evse_id(data.get("evse_id"), fields.get("evse_id")),
        socket_id=read.get("socket_id", _integer),
        activity=read.get("activity", _text),
        vehicle_status=read.get("vehicle_status", _text),
        currents=read.phases("actual_p"),
        voltages=read.phases("actual_v"),
        energy=read.get("actual_kwh", _number),
        max_usage=read.get("max_usage", _number),
        smart_charging_max_usage=read.get("smartcharging_max_usage", _number),
        max_offline=read.get("max_offline", _number),
        total_cost=read.get("total_cost", _number),
        started=read.get("start_datetime", _time),
        stopped=read.get("stop_datetime", _time),
        offline_since=read.get("offline_since", _time),
        boosting=read.get("boosting", _flag),
        held_back=timeout is not None and timeout > 0,
        odd=read.odd,
    )


#: Settings by their names in the API, with what reads their value. Some come with a permission
#: and some without, and the same one does not always.
_SETTINGS: Final[Mapping[str, Callable[[object], bool | float | str]]] = {
    "plug_and_charge": _flag,
    "public_charging": _flag,
    "plug_and_charge_notification": _flag,
    "smart_charging": _flag,
    "smart_charging_dynamic": _flag,
    "delayed_charging": _flag,
    "price_based_charging": _flag,
    "publish_location": _flag,
    "led_intensity": _number,
    "led_interaction": _flag,
}
#: The same for what has parts: the parts of each.
_PARTS: Final[Mapping[str, Mapping[str, Callable[[object], bool | float | str]]]] = {
    "delayed_charging": {"start_time": _text, "end_time": _text},
    "price_based_charging": {
        "expected_leave_time": _text,
        "expected_departure_time": _text,
        "expected_kwh": _number,
        "minimum_kwh": _number,
        "minimum_pct": _number,
        "current_battery_pct": _number,
        "battery_size_kwh": _number,
    },
    "tariff": {
        "tariff_id": _text,
        "price_in_vat": _number,
        "price_ex_vat": _number,
        "start_price_in_vat": _number,
        "start_price_ex_vat": _number,
        "currency": _text,
    },
    "location": {"x_coord": _number, "y_coord": _number},
}


def _charge_point(data: Fields) -> ChargePointSettings:
    read = _Reader(data)
    settings: dict[str, Setting] = {}
    odd: set[str] = set()
    for name, reader in _SETTINGS.items():
        value = data.get(name)
        inner = _Reader(value if isinstance(value, dict) else {"value": value})
        found = inner.get("value", reader)
        odd |= {name for _ in inner.odd}
        if found is not None:
            writable = isinstance(value, dict) and value.get("permission") == "write"
            settings[name] = Setting(value=found, writable=writable)
    # The examples of the vendor have the coordinates beside the rest, recorded frames inside.
    parts = {"location": data} | {name: data[name] for name in _PARTS if name in data}
    for name, readers in _PARTS.items():
        inner = _Reader(_mapping(parts.get(name)))
        for part, reader in readers.items():
            if (found := inner.get(part, reader)) is not None:
                settings[f"{name}.{part}"] = Setting(value=found)
        odd |= {f"{name}.{part}" for part in inner.odd}
    if days := _days(_mapping(data.get("delayed_charging")).get("selected_days")):
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
        odd=read.odd | odd,
    )


def _days(value: object) -> str:
    """Return the days of a delayed-charging schedule as text, such as `1,2,7`."""
    return ",".join(str(day) for day in _integers(value) if 0 <= day <= 7)  # noqa: PLR2004


def _integers(value: object) -> tuple[int, ...]:
    numbers = value if isinstance(value, list) else []
    return tuple(
        number for number in numbers if isinstance(number, int) and not isinstance(number, bool)
    )


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


def _charge_points(fields: Fields) -> ChargePoints:
    items = _items(fields.get("data"))
    found: list[ChargePointSettings] = []
    for item in items:
        try:
            found.append(_charge_point(_mapping(item)))
        except ProtocolError:
            # One that cannot be identified does not cost the others.
            continue
    return ChargePoints(charge_points=tuple(found), complete=len(found) == len(items))


def _charge_cards(fields: Fields) -> ChargeCards:
    # Recorded frames call the list `cards`.
    items = _items(fields.get("cards", fields.get("data")))
    cards = (_card(item) for item in items)
    return ChargeCards(cards=tuple(card for card in cards if card is not None))


def _settings(fields: Fields) -> ChargePointSettings:
    return _charge_point({"evse_id": fields.get("evse_id")} | dict(_data(fields)))


def _grid(fields: Fields) -> Grid:
    # GRID_STATUS has its values in `data`, GRID_CURRENT has not.
    data = fields if "grid_actual_p1" in fields else _data(fields)
    read = _Reader(data)
    return Grid(
        evse_id=_Reader(fields).get("evse_id", _text),
        grid_id=read.get("id", _text),
        currents=read.phases("grid_actual_p"),
        max_install=read.get("grid_max_install", _number),
        max_reserved=read.get("grid_max_reserved", _number),
    )


def _reply(command: str, fields: Fields, *, final: bool) -> Reply:
    read = _Reader(fields)
    error = read.get("error", _text)
    if error is None and (read.get("success", _flag) is False or read.odd):
        error = _NO_REASON
    setting = _mapping(fields.get("result")).get("setting")
    return Reply(
        command=command[:_TEXT_MAX],
        evse_id=read.get("evse_id", _text),
        final=final,
        error=error,
        value="true" in setting if isinstance(setting, str) else None,
        data=fields.get("data", fields.get("result")),
    )


def _failure(fields: Fields) -> Failure:
    read = _Reader(fields)
    message = read.get("message", _text) or read.get("error", _text) or _NO_REASON
    return Failure(code=read.get("error", _integer), message=message)


_READERS: Final[Mapping[str, Callable[[Fields], Frame]]] = {
    "CHARGE_POINTS": _charge_points,
    "CHARGE_CARDS": _charge_cards,
    "CH_STATUS": _status,
    "CH_SETTINGS": _settings,
    "GRID_STATUS": _grid,
    "GRID_CURRENT": _grid,
    "ERROR": _failure,
}
