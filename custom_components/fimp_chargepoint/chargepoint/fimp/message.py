"""Decodes and encodes FIMP messages.

Source: Futurehome FIMP API, section "Message format"; spelling as fimpgo writes it.
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4
import zlib

import orjson

from ..errors import ProtocolError
from ..readers import NUMBER_MAX, timestamp

#: Far above the report of a home with hundreds of things.
_SIZE_MAX = 1024 * 1024
_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WINDOW = 16 + zlib.MAX_WBITS

#: Replies that carry the uid of their command in `corid`.
_REPLIES = frozenset({"evt.error.report", "evt.success.report"})

#: The `src` of our messages.
SOURCE = "fimp_chargepoint"

type _Convert = Callable[[object], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A decoded message. `value` fits its declared value type, or is None."""

    type: str
    value: object = None
    props: Mapping[str, str]
    corid: str = ""


def _is[T](kind: type[T]) -> Callable[[object], T]:
    def convert(value: object) -> T:
        if not isinstance(value, kind):
            raise TypeError(value)
        return value

    return convert


_string, _bool = _is(str), _is(bool)


def _float(value: object) -> float:
    # JSON has no int: a float may be written as 16. In Python, True is an int.
    if (type(value) is float or type(value) is int) and abs(value) <= NUMBER_MAX:
        return float(value)
    raise TypeError(value)


def _int(value: object) -> int:
    number = _float(value)
    if not number.is_integer():
        raise TypeError(value)
    return int(number)


def _bytes(value: object) -> bytes:
    return base64.b64decode(_string(value), validate=True)


def _array(of: _Convert) -> _Convert:
    def convert(value: object) -> list[object]:
        if not isinstance(value, list):
            raise TypeError(value)
        return [None if item is None else of(item) for item in value]

    return convert


def _map(of: _Convert) -> _Convert:
    def convert(value: object) -> dict[str, object]:
        if not isinstance(value, dict):
            raise TypeError(value)
        return {key: None if item is None else of(item) for key, item in value.items()}

    return convert


_SCALARS: dict[str, _Convert] = {"str": _string, "int": _int, "float": _float, "bool": _bool}
#: Value type -> function that converts a JSON value, or raises.
_VALUE_TYPES: dict[str, _Convert] = {
    "string": _string,
    "int": _int,
    "float": _float,
    "bool": _bool,
    **{f"{name}_array": _array(of) for name, of in _SCALARS.items()},
    **{f"{name}_map": _map(of) for name, of in _SCALARS.items()},
    "object": lambda value: value,
    "bin": _bytes,
    "base64": _bytes,
    "null": lambda _: None,
}


def decode(payload: bytes) -> Message:
    """Decode a message, gzip'd or not; missing and null fields are tolerated.

    Raises:
        ProtocolError: of kind `size`, `gzip`, `json`, `message` or `value`.

    """
    if payload.startswith(_GZIP_MAGIC):
        payload = _unzip(payload)
    if len(payload) > _SIZE_MAX:
        raise ProtocolError("size", len(payload))
    try:
        fields = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise ProtocolError("json", error) from None
    if not isinstance(fields, dict) or not isinstance(fields.get("type"), str):
        raise ProtocolError("message", "not an object with a type")
    value = fields.get("val")
    if fields["type"] in _REPLIES:
        # They are matched by their `corid`, whatever the value is.
        value = value if isinstance(value, str) else None
    elif value is not None:
        value = _value(fields.get("val_t"), value)
    props = fields.get("props")
    # FIMP properties are always strings.
    strings = props.items() if isinstance(props, dict) else ()
    corid = fields.get("corid")
    return Message(
        type=fields["type"],
        value=value,
        props={key: text for key, text in strings if isinstance(text, str)},
        corid=corid if isinstance(corid, str) else "",
    )


def _value(value_type: object, value: object) -> object:
    convert = _VALUE_TYPES.get(value_type) if isinstance(value_type, str) else None
    if convert is None:
        return value
    try:
        return convert(value)
    except TypeError, ValueError, binascii.Error, OverflowError:
        raise ProtocolError("value", f"{value!r:.80} is no {value_type}") from None


def _unzip(payload: bytes) -> bytes:
    try:
        return zlib.decompressobj(_GZIP_WINDOW).decompress(payload, _SIZE_MAX + 1)
    except zlib.error as error:
        raise ProtocolError("gzip", error) from None


def encode(
    kind: str,
    service: str,
    when: datetime,
    *,
    value_type: str = "null",
    value: object = None,
    props: Mapping[str, str] | None = None,
    reply_to: str | None = None,
) -> tuple[str, bytes]:
    """Encode a command; return its uid, which error reports refer to, and its bytes.

    Raises:
        ValueError: `value` does not fit `value_type`. Adapters drop or misread a number of the
            wrong type, such as 16.0 for an int.

    """
    if value_type != "null" and type(_VALUE_TYPES[value_type](value)) is not type(value):
        message = f"{value!r} is no {value_type}"
        raise ValueError(message)
    uid = str(uuid4())
    reply = {} if reply_to is None else {"resp_to": reply_to}
    return uid, orjson.dumps(
        {
            "type": kind,
            "serv": service,
            "val_t": value_type,
            "val": value,
            "props": dict(props) if props else None,
            "tags": None,
            "ver": "1",
            "src": SOURCE,
            "ctime": when.isoformat(timespec="milliseconds"),
            "uid": uid,
            **reply,
        }
    )


def time(text: str | None) -> datetime | None:
    """Return an aware time; None if it is missing, malformed or impossible."""
    return timestamp(text, UTC)


def number(text: str | None) -> float | None:
    """Return the number in a property; None if it is missing or malformed."""
    try:
        parsed = float(text or "")
    except ValueError:
        return None
    return parsed if abs(parsed) <= NUMBER_MAX else None
