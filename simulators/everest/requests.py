"""How EVerest reads requests: strictly in some respects, leniently in others."""

from datetime import datetime
import json
from typing import Any

from .dialects import Dialect


class MalformedError(Exception):
    """The input is unusable; EVerest logs that and does not reply."""


class FatalError(Exception):
    """The input crashes EVerest as a whole."""


def load(payload: bytes) -> Any:
    """Read JSON."""
    try:
        return json.loads(payload)
    except ValueError as error:
        raise MalformedError("not JSON") from error


def envelope(payload: bytes, dialect: Dialect) -> tuple[Any, str]:
    """Return the payload of a request and the topic for the reply.

    A robust release accepts any JSON as a request, even if it is only one without payload and
    reply; but a reply topic must be a string if there is one.
    """
    match load(payload):
        case {"headers": {"replyTo": reply_to}, **rest}:
            if not isinstance(reply_to, str):
                raise MalformedError("replyTo is no text")
            if not dialect.careful and (not reply_to or set("#+") & set(reply_to)):
                raise FatalError("nothing can be published there")
            return rest.get("payload"), reply_to
        case _ if not dialect.checks:
            raise FatalError("the reply topic is read without a look")
        case _ if not dialect.careful:
            raise MalformedError("no reply topic")
        case {"payload": body}:
            return body, ""
        case _:
            return None, ""


def integer(value: object) -> int:
    """Read a number like EVerest: a fraction is cut off, true is 1."""
    if not isinstance(value, int | float):
        raise MalformedError(f"{value!r} is no number")
    return int(value)


def fields(value: object, /, **kinds: type | tuple[type, ...]) -> dict[str, Any]:
    """Read an object with the required fields of these types; others are ignored."""
    if not isinstance(value, dict):
        raise MalformedError(f"{value!r} is no object")
    for name, kind in kinds.items():
        if not isinstance(value.get(name), kind):
            raise MalformedError(f"{name} is missing or of another type")
    return value


def one_of(value: object, words: frozenset[str] | tuple[str, ...]) -> str:
    """Read one of several values."""
    if not isinstance(value, str) or value not in words:
        raise MalformedError(f"{value!r} is none of the words")
    return value


def moment(text: str) -> float:
    """Read a time; EVerest accepts any text, but cannot process all of them."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError as error:
        raise MalformedError(f"{text!r} is no time") from error
