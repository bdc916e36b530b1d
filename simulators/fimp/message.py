"""FIMP messages: how an adapter writes them, and which ones it accepts."""

from dataclasses import dataclass
from datetime import UTC, datetime
import json
from typing import Any
import uuid

VERSION = "1"


@dataclass(frozen=True)
class Report:
    """A report of a service."""

    service: str
    type: str
    val_t: str
    val: Any
    props: dict[str, str] | None = None
    storage: dict[str, str] | None = None

    def encode(self, source: str, corid: str = "") -> str:
        """Write the message with the fields, and in the order, of a real adapter."""
        storage = {"storage": self.storage} if self.storage else {}
        return json.dumps(
            {
                "type": self.type,
                "serv": self.service,
                "val_t": self.val_t,
                "val": _plain(self.val),
                "tags": None,
                "props": self.props,
                **storage,
                "ver": VERSION,
                "corid": corid,
                "src": source,
                "ctime": _now(),
                "uid": str(uuid.uuid4()),
            },
            separators=(",", ":"),
        )


@dataclass(frozen=True)
class Request:
    """A command as an adapter understands it."""

    topic: str
    service: str
    type: str
    val_t: str
    val: Any
    props: dict[str, str]
    uid: str
    resp_to: str

    @property
    def reply_topic(self) -> str:
        """The topic for replies and errors; reports are not sent there."""
        return self.resp_to or self.topic.replace("/mt:cmd/", "/mt:evt/", 1)


def read(topic: str, payload: bytes) -> Request | None:
    """Read a command; None if it is not a command, or has props that are not strings."""
    try:
        body = json.loads(payload)
    except ValueError:
        return None
    if not isinstance(body, dict):
        return None
    props = body.get("props") or {}
    texts = [body.get(key) or "" for key in ("serv", "type", "val_t", "uid", "resp_to")]
    if not isinstance(props, dict) or not all(
        isinstance(text, str) for text in (*texts, *props.values())
    ):
        return None
    service, kind, val_t, uid, resp_to = texts
    val = body.get("val")
    return Request(topic, service, kind, val_t, val, props, uid, resp_to)


def stamp(moment: datetime) -> str:
    """Format the time of a session, in whole seconds."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _now() -> str:
    now = datetime.now(UTC)
    # Trailing zeros of the fraction are cut, and so is an empty fraction.
    fraction = f".{now.microsecond // 1000:03}".rstrip("0").rstrip(".")
    return f"{now:%Y-%m-%dT%H:%M:%S}{fraction}Z"


def _plain(value: object) -> object:
    """Replace 16.0 by 16 everywhere, as these adapters write it."""
    match value:
        case float() if value.is_integer():
            return int(value)
        case dict():
            return {key: _plain(item) for key, item in value.items()}
        case list():
            return [_plain(item) for item in value]
        case _:
            return value
