"""The FIMP message: bytes in, a typed message or a ProtocolError out, and back.

Source: Futurehome FIMP API, section "Message format"; spelling as fimpgo writes it.
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4
import zlib

import orjson

from ..errors import ProtocolError

#: Larger than any report of a house full of things; what is larger is an accident.
_SIZE_MAX = 1024 * 1024
#: Larger than anything a charge point measures or counts; nor is it infinite or no number.
NUMBER_MAX = 1e12
_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WINDOW = 16 + zlib.MAX_WBITS

#: The answers that name the command they answer.
_ANSWERS = frozenset({"evt.error.report", "evt.success.report"})

#: Who we say we are.
SOURCE = "fimp_chargepoint"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A decoded message. `value` fits its declared value type, or is None."""

    type: str
    value: Any = None
    props: Mapping[str, str]
    corid: str = ""


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _bool(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(value)
    return value


def _float(value: Any) -> float:
    # JSON has no int: a float may come as 16. But True is no number.
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not abs(value) <= NUMBER_MAX
    ):
        raise TypeError(value)
    return float(value)


def _int(value: Any) -> int:
    number = _float(value)
    if not number.is_integer():
        raise TypeError(value)
    return int(value)


def _bytes(value: Any) -> bytes:
    return base64.b64decode(_string(value), validate=True)


def _array(of: Callable[[Any], Any]) -> Callable[[Any], list[Any]]:
    def convert(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise TypeError(value)
        return [None if each is None else of(each) for each in value]

    return convert


def _map(of: Callable[[Any], Any]) -> Callable[[Any], dict[str, Any]]:
    def convert(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise TypeError(value)
        return {key: None if each is None else of(each) for key, each in value.items()}

    return convert


def _anything(value: Any) -> Any:
    return value


_SCALARS: dict[str, Callable[[Any], Any]] = {
    "str": _string,
    "int": _int,
    "float": _float,
    "bool": _bool,
}
#: Value type -> what turns a JSON value into ours, or raises.
_VALUE_TYPES: dict[str, Callable[[Any], Any]] = {
    "string": _string,
    "int": _int,
    "float": _float,
    "bool": _bool,
    **{f"{name}_array": _array(of) for name, of in _SCALARS.items()},
    **{f"{name}_map": _map(of) for name, of in _SCALARS.items()},
    "object": _anything,
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
    if fields["type"] in _ANSWERS:
        # What counts is which command it answers; a value that does not fit says nothing.
        value = value if isinstance(value, str) else None
    elif value is not None:
        value = _value(fields.get("val_t"), value)
    props = fields.get("props")
    corid = fields.get("corid")
    return Message(
        type=fields["type"],
        value=value,
        props=_props(props) if isinstance(props, dict) else {},
        corid=corid if isinstance(corid, str) else "",
    )


def _value(value_type: Any, value: Any) -> Any:
    convert = _VALUE_TYPES.get(value_type, _anything) if isinstance(value_type, str) else _anything
    try:
        return convert(value)
    except TypeError, ValueError, binascii.Error, OverflowError:
        raise ProtocolError("value", f"{value!r:.80} is no {value_type}") from None


def _props(props: dict[str, Any]) -> dict[str, str]:
    """Keep what is a string: all properties are."""
    return {key: value for key, value in props.items() if isinstance(value, str)}


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
    value: Any = None,
    props: Mapping[str, str] | None = None,
    reply_to: str | None = None,
) -> tuple[str, bytes]:
    """Encode a command; returns its uid, which an error report will refer to, and its bytes.

    Raises:
        ValueError: `value` does not fit `value_type`. A number that is almost right
            (16.0 for an int) is dropped or misread by adapters, so it must not leave.

    """
    if value_type != "null":
        validate_parameter = _VALUE_TYPES[value_type](value)
        if type(validate_parameter) is not type(value):
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
    """Return an aware time; None for what is missing or malformed (both happen)."""
    try:
        parsed = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def number(text: str | None) -> float | None:
    """Return the number in a property; None for what is missing, malformed or no number."""
    try:
        parsed = float(text or "")
    except ValueError:
        return None
    return parsed if abs(parsed) <= NUMBER_MAX else None
