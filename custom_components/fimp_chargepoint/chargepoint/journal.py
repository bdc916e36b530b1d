"""The last messages of a hub, for whoever has to find out later what went wrong.

A busy house pushes out of any list what is said once and counts for long: who a charge
point is, what it can do. So of what is pushed out the last of each kind is kept.
"""

from collections import deque
from collections.abc import Iterator
from enum import StrEnum
import re
from typing import Final, NamedTuple

#: Messages that are kept in full, and the bytes they may have together.
_RECENT_MAX: Final = 1000
_BYTES_MAX: Final = 1024 * 1024
#: Kinds of older messages of which the last one is kept, within as many bytes again.
_KINDS_MAX: Final = 2000
#: What tells the messages on one topic apart, in the protocols spoken here.
_KIND: Final = re.compile(rb'"(?:type|unit|parameter_id|event)"\s*:\s*"([^"]*)"')
#: Bytes of a message that are looked at for its kind.
_KIND_WITHIN: Final = 4096

type _Kind = tuple[str, tuple[bytes, ...]]


class Mark(StrEnum):
    """What a line is: a message of today that somebody takes is plain."""

    PLAIN = ""
    #: On a topic that nobody takes.
    STRAY = "stray"
    #: Of another day: the broker kept it.
    RETAINED = "retained"
    #: From here.
    SENT = "sent"
    #: No message but an event of the link, named by the topic.
    NOTE = "note"


class Line(NamedTuple):
    """A message as it came or went at the moment `at`, in POSIX seconds."""

    at: float
    mark: Mark
    topic: str
    payload: bytes


class Journal:
    """A bounded memory of messages: adding one costs next to nothing."""

    def __init__(self, *, recent_max: int = _RECENT_MAX, bytes_max: int = _BYTES_MAX) -> None:
        """Keep the last `recent_max` messages in full, and what they have pushed out."""
        self._recent_max = recent_max
        self._bytes_max = bytes_max
        self._recent: deque[Line] = deque()
        self._recent_bytes = 0
        self._older: dict[_Kind, Line] = {}
        self._older_bytes = 0

    @property
    def older(self) -> tuple[Line, ...]:
        """What is left of the time before `recent`, oldest first."""
        return tuple(self._older.values())

    @property
    def recent(self) -> tuple[Line, ...]:
        """Everything of late, oldest first."""
        return tuple(self._recent)

    def newest(self, mark: Mark) -> Iterator[Line]:
        """Yield what is kept with `mark`, newest first."""
        for lines in (self._recent, self._older.values()):
            yield from (each for each in reversed(lines) if each.mark is mark)

    def add(self, at: float, topic: str, payload: bytes = b"", mark: Mark = Mark.PLAIN) -> None:
        """Keep a message; of one that would push out all others only the beginning."""
        payload = payload[: self._bytes_max // 4]
        self._recent.append(Line(at, mark, topic, payload))
        self._recent_bytes += len(topic) + len(payload)
        while len(self._recent) > self._recent_max or self._recent_bytes > self._bytes_max:
            line = self._recent.popleft()
            self._recent_bytes -= len(line.topic) + len(line.payload)
            self._put_away(line)

    def _put_away(self, line: Line) -> None:
        """Keep what was pushed out until there is a newer one of its kind."""
        size = len(line.topic) + len(line.payload)
        if size > self._bytes_max:
            return
        kind = (line.topic, tuple(_KIND.findall(line.payload, 0, _KIND_WITHIN)))
        before = self._older.pop(kind, None)
        if before is not None:
            self._older_bytes -= len(before.topic) + len(before.payload)
        self._older[kind] = line
        self._older_bytes += size
        while len(self._older) > _KINDS_MAX or self._older_bytes > self._bytes_max:
            oldest = self._older.pop(next(iter(self._older)))
            self._older_bytes -= len(oldest.topic) + len(oldest.payload)
