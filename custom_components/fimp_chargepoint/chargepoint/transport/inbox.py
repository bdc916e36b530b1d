"""Received messages that wait to be handled, and what happens if there are too many.

Protocols decide what a message is about (`Content`); nothing here reads any.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable
import logging
from typing import NamedTuple, Protocol, override

from . import MessageListener

_LOGGER = logging.getLogger(__name__)

#: Messages that may wait before superseded values are skipped, and before events are.
_QUEUE_SIZE = 1000
_QUEUE_MAX = 5000
#: Bytes of all waiting payloads, and of one: no decoder reads more than that.
_BYTES_MAX = 32 * 1024 * 1024
_PAYLOAD_MAX = 1024 * 1024
#: Seconds to handle messages before others have their turn.
_SLICE = 0.01
#: Seconds between two looks at an overload.
_OVERLOAD_INTERVAL = 10.0


class Content(NamedTuple):
    """What a message is about: `name` identifies a value of `source`, such as a charge point.

    A message that `is_value` has no use once a newer one of the same name follows. All others
    are events, and none of them is skipped.
    """

    source: str
    name: str
    is_value: bool = False


class _Topic(Protocol):
    value: str


class Message(Protocol):
    """A received message, as the MQTT library has it."""

    retain: bool
    payload: bytes

    @property
    def topic(self) -> _Topic:
        """Its topic."""


class MqttListener(MessageListener, Protocol):
    """What receives the messages of a broker. No method may raise."""

    @property
    def filters(self) -> tuple[str, ...]:
        """The topic filters to subscribe to; they must not overlap."""

    def content(self, topic: str, payload: bytes) -> Content:
        """Return what a message is about."""

    def overloaded(self, rate: float, busiest: str) -> None:
        """Take note that more messages come than can be handled, `rate` per second.

        `busiest` is a topic of the source that sends most.
        """

    def overload_ended(self) -> None:
        """Take note that all messages are handled again."""


class Inbox(asyncio.Queue[Message]):
    """Hands received messages on: in order, in slices, and fairly if there are too many.

    The MQTT library puts them here. If more than `_QUEUE_SIZE` wait, values that have been
    superseded are skipped; the newest one takes the place of the oldest, so that no source waits
    forever. If more than `_QUEUE_MAX` wait, events are skipped as well, and the connection has to
    be renewed when the overload has ended, in order to request everything again.
    """

    def __init__(self, listener: MqttListener, renew: Callable[[], None]) -> None:
        """Hand messages on to `listener`, and call `renew` after events were lost."""
        super().__init__()
        self.received = 0
        self._listener = listener
        self._renew = renew
        self._loop = asyncio.get_running_loop()
        self._messages: deque[Message] = deque()
        self._bytes = 0
        self._limit = _QUEUE_SIZE
        self._handing: asyncio.Handle | None = None
        self._collects = False
        #: During an overload: the next check, and the messages received before it.
        self._watch: asyncio.TimerHandle | None = None
        self._received_before = 0
        self._busiest: str | None = None
        self._lost_events = False

    @override
    def put_nowait(self, item: Message) -> None:
        self.received += 1
        # Enough for the decoder to see that it is too long.
        item.payload = bytes(item.payload[: _PAYLOAD_MAX + 1])
        self._bytes += len(item.payload)
        self._messages.append(item)
        if self._handing is None and not self._collects:
            self._handing = self._loop.call_soon(self.hand_on)
        if len(self._messages) > self._limit or self._bytes > _BYTES_MAX:
            self._make_room()

    def collect(self, read: Callable[[], None]) -> None:
        """Let `read` put messages here, and hand them on without another turn of the loop."""
        self._collects = True
        try:
            read()
        finally:
            self._collects = False
        if self._messages and self._handing is None:
            self.hand_on()

    def hand_on(self, seconds: float = _SLICE) -> None:
        """Hand messages on, for so many seconds at most; the rest follows."""
        deadline = self._loop.time() + seconds
        try:
            while self._messages:
                message = self._messages.popleft()
                topic, payload = message.topic.value, message.payload
                self._bytes -= len(payload)
                self._listener.message(topic, payload, retained=message.retain)
                if self._loop.time() >= deadline:
                    break
        finally:
            # Also after an internal error, which costs one message, and not all later ones.
            self._handing = self._loop.call_soon(self.hand_on) if self._messages else None

    def close(self) -> None:
        """Hand on nothing more."""
        self._messages.clear()
        if self._handing is not None:
            self._handing.cancel()
        if self._watch is not None:
            self._watch.cancel()
            self._listener.overload_ended()

    def _make_room(self) -> None:
        """Skip superseded messages."""
        if self._watch is None:
            self._received_before = self.received
            self._watch = self._loop.call_later(_OVERLOAD_INTERVAL, self._look)
        keep_events = len(self._messages) <= _QUEUE_MAX and self._bytes <= _BYTES_MAX
        self._skip(keep_events=keep_events)
        if not keep_events:
            if not self._lost_events:
                self._lost_events = True
                _LOGGER.warning("Messages come faster than they can be handled; some are skipped")
            while len(self._messages) > _QUEUE_MAX // 2 or self._bytes > _BYTES_MAX // 2:
                self._bytes -= len(self._messages.popleft().payload)
        # Looking at all of them is worth it only if many have come since.
        self._limit = min(max(_QUEUE_SIZE, 2 * len(self._messages)), _QUEUE_MAX)

    def _skip(self, *, keep_events: bool) -> None:
        kept: list[Message] = []
        counts: Counter[str] = Counter()
        topics: dict[str, str] = {}
        #: The position of the last message with each name, by source.
        places: dict[str, dict[str, int]] = {}
        for message in self._messages:
            topic = message.topic.value
            source, name, is_value = self._listener.content(topic, message.payload)
            counts[source] += 1
            topics[source] = topic
            if keep_events and not is_value:
                # No value of this source may overtake it.
                places.pop(source, None)
            elif (place := places.setdefault(source, {}).get(name)) is not None:
                kept[place] = message
                continue
            else:
                places[source][name] = len(kept)
            kept.append(message)
        self._messages = deque(kept)
        self._bytes = sum(len(each.payload) for each in kept)
        self._busiest = topics[counts.most_common(1)[0][0]]

    def _look(self) -> None:
        """Check whether the overload continues."""
        self._watch = None
        if self._busiest is None and len(self._messages) <= _QUEUE_SIZE:
            self._listener.overload_ended()
            if not self._lost_events:
                return
            # The last renewal may be too recent: this is repeated until one is permitted.
            self._renew()
        rate = (self.received - self._received_before) / _OVERLOAD_INTERVAL
        if self._busiest is not None:
            self._listener.overloaded(rate, self._busiest)
        self._busiest, self._received_before = None, self.received
        self._watch = self._loop.call_later(_OVERLOAD_INTERVAL, self._look)
