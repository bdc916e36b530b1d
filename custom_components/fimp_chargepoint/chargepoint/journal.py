"""The last messages of a hub, for troubleshooting.

In a busy installation, a message that is sent once but stays relevant, such as the identity or the
capabilities of a charge point, would soon drop out of any list. So the last message of each kind is
kept even then.
"""

from collections import deque
from collections.abc import Iterator
from enum import StrEnum
import re
from typing import Final, NamedTuple

#: Maximum number of messages that are kept in full, and of their total bytes.
_RECENT_MAX: Final = 1000
_BYTES_MAX: Final = 1024 * 1024
#: Maximum number of kinds of older messages whose last one is kept, within as many bytes again.
_KINDS_MAX: Final = 2000
#: What distinguishes messages on the same topic, in the supported protocols.
_KIND: Final = re.compile(rb'"(?:type|unit|parameter_id|event)"\s*:\s*"([^"]*)"')
#: Bytes of a message that are searched for its kind.
_KIND_WITHIN: Final = 4096

type _Kind = tuple[str, tuple[bytes, ...]]


class Mark(StrEnum):
    """The kind of a line: a message received live on a handled topic is plain."""

    PLAIN = ""
    #: On a topic that no protocol handles.
    STRAY = "stray"
    #: Retained by the broker from an earlier time.
    RETAINED = "retained"
    #: Sent by us.
    SENT = "sent"
    #: Not a message but an event of the connection, named by the topic.
    NOTE = "note"


class Line(NamedTuple):
    """A message as received or sent at the time `at`, in POSIX seconds."""

    at: float
    mark: Mark
    topic: str
    payload: bytes


class Journal:
    """A bounded memory of messages: adding one is very cheap."""

    def __init__(self, *, recent_max: int = _RECENT_MAX, bytes_max: int = _BYTES_MAX) -> None:
        """Keep the last `recent_max` messages in full, and the last older one of each kind."""
        self._recent_max = recent_max
        self._bytes_max = bytes_max
        self._recent: deque[Line] = deque()
        self._recent_bytes = 0
        self._older: dict[_Kind, Line] = {}
        self._older_bytes = 0

    @property
    def older(self) -> tuple[Line, ...]:
        """The messages that remain from before `recent`, oldest first."""
        return tuple(self._older.values())

    @property
    def recent(self) -> tuple[Line, ...]:
        """All recent messages, oldest first."""
        return tuple(self._recent)

    def newest(self, mark: Mark) -> Iterator[Line]:
        """Yield the lines with `mark`, newest first."""
        for lines in (self._recent, self._older.values()):
            yield from (each for each in reversed(lines) if each.mark is mark)

    def add(self, at: float, topic: str, payload: bytes = b"", mark: Mark = Mark.PLAIN) -> None:
        """Add a message; one that would displace all others is truncated."""
        payload = payload[: self._bytes_max // 4]
        if mark is Mark.SENT:
            # What orjson returns occupies a kilobyte, a copy only its length.
            payload = bytes(memoryview(payload))
        self._recent.append(Line(at, mark, topic, payload))
        self._recent_bytes += len(topic) + len(payload)
        while len(self._recent) > self._recent_max or self._recent_bytes > self._bytes_max:
            line = self._recent.popleft()
            self._recent_bytes -= len(line.topic) + len(line.payload)
            self._archive(line)

    def _archive(self, line: Line) -> None:
        """Keep a displaced message until there is a newer one of its kind."""
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
