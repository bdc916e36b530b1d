"""Recordings: what charge points said, with the time they said it.

One JSON object per line: `t` (seconds), `topic`, `payload`. A payload that is a string is
the bytes as they were, anything else is JSON. Lines without a topic are notes. What a
client sent is left out: on a broker it would come from the integration itself.

A diagnostics download of the integration holds such lines as well, below `data.messages`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
import json
from pathlib import Path
from typing import Any, NamedTuple

_SENT_BY_CLIENTS = ("mt:cmd", "/m2e/", "everest_api/discover", "query-modules")
#: What is no message that can be played: from here, of another day, without its content.
_NOT_PLAYED = ("sent", "retained", "blank")
#: The notes of a download that are events of the connection.
CONNECTED = "connected"
CONNECTION_LOST = "connection lost"


class Line(NamedTuple):
    """A message of a charge point; `t` is in seconds of the recording's own clock.

    Without a topic it is an event of the connection, which `note` names.
    """

    t: float
    topic: str
    payload: bytes
    note: str = ""


@dataclass(frozen=True)
class Recording:
    """What was recorded, and for a download when, and with which settings.

    `start` is second zero of the recording, in POSIX seconds, and `hub` the kind of hub of the
    entry: messages of a broker come through it.
    """

    lines: list[Line]
    start: float | None = None
    hub: str = "broker"
    prefixes: list[str] = field(default_factory=list)
    options: Mapping[str, Any] = field(default_factory=dict)


def read(path: Path) -> Recording:
    """Return the recording, or the diagnostics download, at `path`.

    Raises:
        OSError, ValueError: as `read_recording` does.

    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        data = content["data"]
        messages, entry = data["messages"], data["entry"]
        start = datetime.fromisoformat(data["messages_since"]).timestamp()
        hub, prefixes = entry["data"]["hub"], entry["data"].get("prefixes", [])
        options = entry["options"]
    except ValueError, KeyError, TypeError:
        return Recording(list(read_recording(path)))
    texts = map(json.dumps, messages)
    return Recording(list(_at_once(_played(texts, path.name))), start, hub, prefixes, options)


def read_recording(path: Path) -> Iterator[Line]:
    """Yield the charge-point side of the recording at `path`, in its order.

    Raises:
        OSError: the file cannot be read.
        ValueError: a line is not what a recording holds; the line's number is said.

    """
    with path.open(encoding="utf-8") as texts:
        yield from (line for line, _ in _played(texts, path.name) if line.topic)


def _played(texts: Iterable[str], name: str) -> Iterator[tuple[Line, bool]]:
    """Yield what is played, and whether it was kept longer than what was around it."""
    for number, text in enumerate(texts, 1):
        if text.strip():
            line = _parse(text, f"{name}, line {number}")
            if line is not None:
                yield line


def _at_once(lines: Iterable[tuple[Line, bool]]) -> Iterator[Line]:
    """Play what was kept right before the rest: between them no silence was."""
    kept: list[Line] = []
    for line, was_kept in lines:
        if was_kept:
            kept.append(line)
            continue
        yield from (each._replace(t=line.t) for each in kept)
        kept.clear()
        yield line
    yield from kept


def _parse(text: str, where: str) -> tuple[Line, bool] | None:
    try:
        entry = json.loads(text)
        topic = entry.get("topic")
        if topic is None:
            note = entry.get("note")
            if note not in (CONNECTED, CONNECTION_LOST):
                return None
            return Line(float(entry["t"]), "", b"", note), bool(entry.get("kept"))
        if any(part in topic for part in _SENT_BY_CLIENTS):
            return None
        if any(entry.get(mark) for mark in _NOT_PLAYED):
            return None
        payload = entry["payload"]
        line = Line(
            float(entry["t"]),
            topic,
            (payload if isinstance(payload, str) else json.dumps(payload)).encode(),
        )
        return line, bool(entry.get("kept"))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        message = f"{where} is not a line of a recording: {error!r}"
        raise ValueError(message) from error
