"""The codec of EVerest API v1: bytes to plain values, requests to bytes. Pure.

Enum values, keys and whole channels come and go between EVerest releases without a
change of version, and some payloads break EVerest's own schema. So the getters are
lenient: a value of the wrong type is one that was not sent, never an error.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
import math
import re
from typing import override
from uuid import uuid4

import orjson

from ..errors import ProtocolError

type JsonObject = Mapping[str, object]

#: Bytes; the longest real messages (signed meter values) have a few thousand.
_SIZE_MAX = 256 * 1024
#: Characters that can be shown to people, and those of a text that is cut.
_SHOWN_MAX = 255
_TEXT_MAX = 200
#: Protocol, host, path. With an `@` behind the host nobody can tell where a password ends.
_ADDRESS = re.compile(r"([\w+.-]+://)?([^/?#]*)(/[^?#@]*)?(?:[?#][^@]*)?")


def decode(payload: bytes) -> object:
    """Return the JSON value in `payload`.

    Raises:
        ProtocolError: of kind `size`, `encoding` or `json`.

    """
    if len(payload) > _SIZE_MAX:
        raise ProtocolError("size", f"{len(payload)} bytes")
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        try:
            payload.decode()
        except UnicodeDecodeError as cause:
            raise ProtocolError("encoding", cause) from cause
        raise ProtocolError("json", error) from error


def mapping(value: object) -> JsonObject:
    """Return a message that must be an object.

    Raises:
        ProtocolError: of kind `shape`.

    """
    if isinstance(value, dict):
        return value
    raise ProtocolError("shape", f"an object was expected, not {type(value).__name__}")


def part(value: JsonObject, key: str) -> JsonObject:
    """Return the object below `key`, an empty one if there is none."""
    found = value.get(key)
    return found if isinstance(found, dict) else {}


def objects(value: object, longest: int = 1000) -> list[JsonObject]:
    """Return the objects in a list, of the first `longest` items; none if it is not a list."""
    items = value[:longest] if isinstance(value, list) else ()
    return [item for item in items if isinstance(item, dict)]


def number(value: object) -> float | None:
    """Return a finite number. EVerest writes NaN as null; `true` is not a number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def text(value: object) -> str | None:
    """Return a text that is not empty, cut where it is too long to be shown."""
    return value[:_TEXT_MAX] if isinstance(value, str) and value else None


def whole_text(value: object) -> str | None:
    """Return a text that is of use only as a whole, None where it is too long to be shown."""
    return value if isinstance(value, str) and 0 < len(value) <= _SHOWN_MAX else None


def address(value: object) -> str | None:
    """Return an address to be shown, without what may be secret: user, password, query."""
    found = _ADDRESS.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    protocol, host, path = found.groups("")
    return text(protocol + host.rpartition("@")[2] + path)


def error_name(error: JsonObject) -> str | None:
    """Return the type of a station's error, with what more is said of it."""
    kind, more = text(error.get("type")), text(error.get("sub_type"))
    return kind if kind is None or more is None else f"{kind}: {more}"


def timestamp(value: object) -> datetime | None:
    """Return an aware moment."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return None if moment.tzinfo is None else moment


@dataclass(frozen=True, slots=True)
class ReplyTopic:
    """Where the reply to one request goes, without prefix: EVerest adds its own.

    Replies carry no correlation id, so each request has a topic of its own. It lies
    below `everest_api/.../e2m/`, the range that bridges and access rules let pass.
    """

    interface: str
    module: str
    operation: str
    id: str = field(default_factory=lambda: uuid4().hex)

    @override
    def __str__(self) -> str:
        """Return the topic; it is never empty, which would end EVerest up to 2025.12."""
        return f"everest_api/1/{self.interface}/{self.module}/e2m/{self.operation}/{self.id}"


def request(reply_to: ReplyTopic, payload: object = None) -> bytes:
    """Return the envelope of a request. There is none without a reply topic."""
    envelope: dict[str, object] = {"headers": {"replyTo": str(reply_to)}}
    if payload is not None:
        envelope["payload"] = payload
    return orjson.dumps(envelope)
