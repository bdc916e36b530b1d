"""Decodes JSON, and reads it leniently: a value of a wrong type counts as not sent. Pure."""

from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Final

import orjson

from .errors import ProtocolError

type JsonObject = Mapping[str, object]

#: The longest text that is shown; a longer one is cut.
_TEXT_MAX = 200
#: More than any counter of Wh; products of such numbers remain finite.
NUMBER_MAX: Final = 1e12
#: The years of times that are possible; a charge point without a clock is in 1970.
YEARS: Final = range(1970, 2100)


def decoded(payload: bytes, longest: int) -> object:
    """Return the JSON value in `payload`.

    Raises:
        ProtocolError: of kind `size` (it is longer than `longest`), `encoding` or `json`.

    """
    if len(payload) > longest:
        raise ProtocolError("size", f"{len(payload)} bytes")
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        try:
            payload.decode()
        except UnicodeDecodeError as cause:
            raise ProtocolError("encoding", cause) from cause
        raise ProtocolError("json", error) from error


def part(value: JsonObject, key: str) -> JsonObject:
    """Return the object at `key`, an empty one if there is none."""
    found = value.get(key)
    return found if isinstance(found, dict) else {}


def objects(value: object, longest: int = 1000) -> list[JsonObject]:
    """Return the objects in a list, of the first `longest` items; none if it is not a list."""
    items = value[:longest] if isinstance(value, list) else ()
    return [item for item in items if isinstance(item, dict)]


def number(value: object) -> float | None:
    """Return a number of a possible size; `true` is not a number."""
    if type(value) is float or type(value) is int:
        return float(value) if abs(value) <= NUMBER_MAX else None
    return None


def rounded(value: object, digits: int = 0, per_unit: int = 1) -> float | None:
    """Return a rounded number in a unit that is `per_unit` times as large as that of `value`."""
    found = number(value)
    # Adding zero turns the -0.0 of a rounded small number into 0.0.
    return None if found is None else round(found / per_unit, digits) + 0.0


def text(value: object) -> str | None:
    """Return a text that is not empty, cut if it is too long to be shown."""
    return value[:_TEXT_MAX] if isinstance(value, str) and value else None


def timestamp(value: object, zone: tzinfo | None = None) -> datetime | None:
    """Return an aware time in ISO 8601, of a possible year; without its own zone, it is in `zone`.

    A sum with the time of another year could exceed what a datetime can be.
    """
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    found = found if found.tzinfo else found.replace(tzinfo=zone)
    return found if found.tzinfo and found.year in YEARS else None
