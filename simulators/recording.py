"""Recordings: the messages of charge points, with their times.

One JSON object per line: `t` (seconds), `topic`, `payload`. A payload that is a string contains the
bytes as they were, anything else is JSON. Lines without a topic are notes. Messages of clients are
left out: on a broker they would come from the integration itself.

A diagnostics download of the integration contains such lines as well, below `data.messages`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
import json
from pathlib import Path
from typing import Any, NamedTuple

_SENT_BY_CLIENTS = ("mt:cmd", "/m2e/", "everest_api/discover", "query-modules")
#: Marks of messages that cannot be played: sent by us, retained, without their content.
_NOT_PLAYED = ("sent", "retained", "blank")
#: The notes of a download that are events of the connection.
CONNECTED = "connected"
CONNECTION_LOST = "connection lost"


class Line(NamedTuple):
    """A message of a charge point; `t` is in seconds of the recording's own clock.

    Without a topic it is an event of the connection, named by `note`.
    """

    t: float
    topic: str
    payload: bytes
    note: str = ""


@dataclass(frozen=True)
class Recording:
    """The recorded lines, and for a download also its time and settings.

    `start` is second zero of the recording, in POSIX seconds, and `hub` the kind of hub of the
    entry, which its messages come through.
    """

    lines: list[Line]
    start: float | None = None
    hub: str = "broker"
    prefixes: list[str] = field(default_factory=list)
    options: Mapping[str, Any] = field(default_factory=dict)


def read(path: Path) -> Recording:
    """Return the recording, or the diagnostics download, at `path`.

    Raises:
        OSError, ValueError: like `read_recording`.

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
    """Yield the charge-point side of the recording at `path`, in order.

    Raises:
        OSError: the file cannot be read.
        ValueError: a line is invalid; the message contains its number.

    """
    with path.open(encoding="utf-8") as texts:
        yield from (line for line, _ in _played(texts, path.name) if line.topic)


def _played(texts: Iterable[str], name: str) -> Iterator[tuple[Line, bool]]:
    """Yield the lines to play, and whether each was kept longer than those around it."""
    for number, text in enumerate(texts, 1):
        if text.strip():
            line = _parse(text, f"{name}, line {number}")
            if line is not None:
                yield line


def _at_once(lines: Iterable[tuple[Line, bool]]) -> Iterator[Line]:
    """Play kept lines right before the others, so that there is no gap in between."""
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
