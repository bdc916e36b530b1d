"""Recordings: what charge points said, with the time they said it.

One JSON object per line: `t` (seconds), `topic`, `payload`. A payload that is a string is
the bytes as they were, anything else is JSON. Lines without a topic are notes. What a
client sent is left out: on a broker it would come from the integration itself.
"""

from collections.abc import Iterator
import json
from pathlib import Path
from typing import NamedTuple

_SENT_BY_CLIENTS = ("mt:cmd", "/m2e/", "everest_api/discover", "query-modules")


class Line(NamedTuple):
    """A message of a charge point; `t` is in seconds of the recording's own clock."""

    t: float
    topic: str
    payload: bytes


def read_recording(path: Path) -> Iterator[Line]:
    """Yield the charge-point side of the recording at `path`, in its order.

    Raises:
        OSError: the file cannot be read.
        ValueError: a line is not what a recording holds; the line's number is said.

    """
    with path.open(encoding="utf-8") as lines:
        for number, text in enumerate(lines, 1):
            if text.strip():
                line = _parse(text, f"{path.name}, line {number}")
                if line is not None:
                    yield line


def _parse(text: str, where: str) -> Line | None:
    try:
        entry = json.loads(text)
        topic = entry.get("topic")
        if topic is None or any(part in topic for part in _SENT_BY_CLIENTS):
            return None
        payload = entry["payload"]
        return Line(
            float(entry["t"]),
            topic,
            (payload if isinstance(payload, str) else json.dumps(payload)).encode(),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        message = f"{where} is not a line of a recording: {error!r}"
        raise ValueError(message) from error
