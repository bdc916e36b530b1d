"""The codec of EVerest API v1: bytes to plain values, requests to bytes. Pure.

Enum values, keys and whole channels come and go between EVerest releases without a change of
version, and some payloads violate EVerest's own schema. So messages are read leniently (see
`readers`). EVerest writes NaN as null.
"""

from dataclasses import dataclass, field
import re
from typing import override
from uuid import uuid4

import orjson

from ..errors import ProtocolError
from ..readers import JsonObject, decoded, text

#: Bytes; the longest real messages (signed meter values) have a few thousand.
_SIZE_MAX = 256 * 1024
#: Characters of a text that is only shown as a whole.
_WHOLE_MAX = 255
#: Protocol, host, path. With an `@` after the host, the end of a password cannot be found.
_ADDRESS = re.compile(r"([\w+.-]+://)?([^/?#]*)(/[^?#@]*)?(?:[?#][^@]*)?")


def decode(payload: bytes) -> object:
    """Return the JSON value in `payload`.

    Raises:
        ProtocolError: of kind `size`, `encoding` or `json`.

    """
    return decoded(payload, _SIZE_MAX)


def mapping(value: object) -> JsonObject:
    """Return a message that must be an object.

    Raises:
        ProtocolError: of kind `shape`.

    """
    if isinstance(value, dict):
        return value
    raise ProtocolError("shape", f"an object was expected, not {type(value).__name__}")


def whole_text(value: object) -> str | None:
    """Return a text that is only useful as a whole, None if it is too long to be shown."""
    return value if isinstance(value, str) and 0 < len(value) <= _WHOLE_MAX else None


def address(value: object) -> str | None:
    """Return an address to be shown, without what may be secret: user, password, query."""
    found = _ADDRESS.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    protocol, host, path = found.groups("")
    return text(protocol + host.rpartition("@")[2] + path)


def error_name(error: JsonObject) -> str | None:
    """Return the type of a station's error, with its subtype if there is one."""
    kind, subtype = text(error.get("type")), text(error.get("sub_type"))
    return kind if kind is None or subtype is None else f"{kind}: {subtype}"


@dataclass(frozen=True, slots=True)
class ReplyTopic:
    """The topic of the reply to one request, without prefix: EVerest adds its own.

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
