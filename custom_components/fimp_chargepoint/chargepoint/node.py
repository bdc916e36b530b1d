"""A thing on a hub: its snapshot, who listens to it, and when it publishes.

Nodes are fed with messages and time (`now`), and never know who listens.
"""

from collections.abc import Callable, Coroutine
from dataclasses import replace
import logging
from typing import Any, ClassVar, Protocol, override

from .internal_errors import InternalErrors
from .model import CUT_OFF, NodeSnapshot, Reason
from .options import Options
from .scheduler import Clock, Scheduler, Timers

_LOGGER = logging.getLogger(__name__)

#: For a moment after a fact changed, the measurements that follow from it (power
#: going to zero, say) may pass at this pace, so that they never contradict it for long.
_SETTLING_TIME = 3.0
_SETTLING_INTERVAL = 1.0
#: Unknown words that are logged, each once.
_UNKNOWN_WORDS_MAX = 20

#: Why a node alone is not available: what concerns the link is said by the hub.
_TOLD = CUT_OFF | {Reason.OFFLINE, Reason.SILENT}

type Listener[S] = Callable[[S], None]
#: New values of a snapshot, by field.
type Changes = dict[str, Any]


class Outgoing(Protocol):
    """What is sent to a charge point; a reply or a refusal refers to its `id`.

    The rest is between a protocol and its kind of hub; for most it is a `Request`.
    """

    @property
    def id(self) -> str:
        """Unique on its hub."""


class NodeHost(Protocol):
    """What a node needs of its hub, whatever the transport.

    Whoever calls a listener calls it through `internal_errors`.
    """

    clock: Clock
    scheduler: Scheduler
    options: Options
    internal_errors: InternalErrors

    def deliver(self, request: Outgoing) -> Coroutine[object, object, None]:
        """Hand over a request at once, before the first suspension; return when it has left.

        Raises:
            NotConnectedError: the connection is down, or broke meanwhile.

        """

    def unanswered(self) -> None:
        """Take note that a command got no reply in time."""


class MessageHost(NodeHost, Protocol):
    """A hub whose messages have a topic, or another name, and bytes."""

    def send(self, topic: str, payload: bytes) -> None:
        """Queue a message; it is dropped while the link is down."""

    async def publish(self, topic: str, payload: bytes) -> None:
        """Hand a message to the broker, or raise NotConnectedError."""


class Node[S: NodeSnapshot]:
    """A thing on a hub: an address that identifies it, a snapshot, listeners, deadlines."""

    #: Whether it may report errors that answer no command.
    reports_errors: ClassVar[bool] = False

    def __init__(self, address: str, snapshot: S, host: NodeHost) -> None:
        """Start from `snapshot`; `address` is unique on the hub and stays for ever."""
        self.address = address
        self.snapshot = snapshot
        self.host = host
        self.timers = Timers(host.scheduler, self, running=False)
        self._published = snapshot
        self._published_at = float("-inf")
        self._settling_until = float("-inf")
        #: Whether changes are published later, together.
        self._collects = False
        self._listeners: list[Listener[S]] = []
        self._error_listeners: list[Listener[str]] = []
        self._unknown_words: set[str] = set()
        #: Whether it was said last that it is not available, for a reason of its own.
        self._is_missed = False

    @override
    def __repr__(self) -> str:
        """Return what a maintainer knows it by."""
        return f"{type(self).__name__} {self.address}"

    def add_listener(self, listener: Listener[S]) -> Callable[[], None]:
        """Call `listener(snapshot)` on every publication; returns how to stop that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def add_error_listener(self, listener: Listener[str]) -> Callable[[], None]:
        """Call `listener(words)` on every error that answers no command; return how to stop."""
        self._error_listeners.append(listener)
        return lambda: self._error_listeners.remove(listener)

    def _report_error(self, words: str) -> None:
        """Tell of an error in the node's own words."""
        self.host.internal_errors.tell(self._error_listeners, words)

    @property
    def next_deadline(self) -> float | None:
        """The nearest deadline in seconds of the hub's clock, for the diagnostics."""
        return self.timers.next_deadline

    def connection_made(self, now: float) -> None:
        """Nothing is known until the node speaks; ask it for everything."""
        self._set_unavailable(Reason.NOT_HEARD, now)

    def connection_lost(self, now: float) -> None:
        """No value is live any more, and nothing happens by itself."""
        self._set_unavailable(Reason.NOT_CONNECTED, now)
        self.timers.clear()

    def clock_set(self, by: float, now: float) -> None:
        """The system clock was set `by` seconds: correct what was taken from it."""

    def close(self) -> None:
        """The node was removed from its hub: nothing happens automatically any more."""
        self.timers.stop()

    def _update(self, now: float, **changes: Any) -> None:
        """Take over `changes` and publish what may be published now."""
        snapshot = replace(self.snapshot, **changes)
        if snapshot != self.snapshot:
            self.snapshot = snapshot
            if not self._collects:
                self._publish_collected(now)

    def _publish_collected(self, now: float) -> None:
        """Publish what has changed as one snapshot, now or as soon as it may be."""
        self._collects = False
        snapshot = self.snapshot
        if snapshot == self._published:
            return
        if snapshot.differs_beyond_measurements(self._published):
            self._settling_until = now + _SETTLING_TIME
            self._publish(now)
            # The next measurement belongs to this change: it need not wait.
            self._published_at = float("-inf")
        else:
            interval = self.host.options.measurement_interval
            if now < self._settling_until:
                interval = min(interval, _SETTLING_INTERVAL)
            due = self._published_at + interval
            if now >= due:
                self._publish(now)
            else:
                self.timers.set("publish", due, self._publish)

    def _publish(self, now: float) -> None:
        self.timers.cancel("publish")
        if self.snapshot == self._published:
            return
        self._published = self.snapshot
        self._published_at = now
        self.host.internal_errors.tell(self._listeners, self.snapshot)

    def _warn_of(self, word: str, kind: str = "state") -> None:
        """Log once that its word is not known, and not of too many."""
        if word not in self._unknown_words and len(self._unknown_words) < _UNKNOWN_WORDS_MAX:
            self._unknown_words.add(word)
            _LOGGER.warning("%s reports the unknown %s %r", self.address, kind, word)

    def _set_unavailable(self, reason: Reason | None, now: float, **changes: Any) -> None:
        """Take over why the node is not available, None where it is, with `changes`."""
        if reason is not self.snapshot.unavailable:
            changes["unavailable"] = reason
        self._update(now, **changes)
        if reason in _TOLD and not self._is_missed:
            self._is_missed = True
            _LOGGER.info("%s is not available: %s", self.address, reason)
        elif reason is None and self._is_missed:
            self._is_missed = False
            _LOGGER.info("%s is available again", self.address)
