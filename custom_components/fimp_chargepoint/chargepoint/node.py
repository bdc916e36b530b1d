"""A device on a hub: its snapshot, its listeners, and when it publishes.

Nodes are given messages and the time (`now`), and know nothing about their listeners.
"""

from collections.abc import Callable, Coroutine
import logging
from typing import Any, ClassVar, NamedTuple, Protocol, override

from .capabilities import Capabilities
from .internal_errors import InternalErrors
from .model import CUT_OFF, Feature, NodeSnapshot, Reason
from .options import Options
from .scheduler import Clock, Scheduler, Timers

_LOGGER = logging.getLogger(__name__)

#: For a moment after a change of state, the measurements that follow from it (such as power going
#: to zero) may pass at this pace, so that they never contradict it for long.
_SETTLING_TIME = 3.0
_SETTLING_INTERVAL = 1.0
#: How many unknown terms are logged, each of them once.
_UNKNOWN_WORDS_MAX = 20

#: The reasons that concern one node alone; the hub logs those of the connection.
_LOGGED_REASONS = CUT_OFF | {Reason.OFFLINE, Reason.SILENT}

type Listener[S] = Callable[[S], None]
#: New values of a snapshot, by field.
type Changes = dict[str, Any]


class Request(NamedTuple):
    """A message to a charge point; its reply or refusal refers to `id`, unique on the hub.

    If there are no topics, `topic` is the name of the message.
    """

    id: str
    topic: str
    payload: bytes


class NodeHost(Protocol):
    """What a node needs from its hub, independent of the transport.

    Listeners are always called through `internal_errors`.
    """

    clock: Clock
    scheduler: Scheduler
    options: Options
    internal_errors: InternalErrors

    def deliver(self, request: Request) -> Coroutine[object, object, None]:
        """Send a request at once, before the first suspension; return when it has been sent.

        Raises:
            NotConnectedError: the connection is down, or broke meanwhile.

        """

    def unanswered(self) -> None:
        """Take note that a command got no reply in time."""

    def send(self, topic: str, payload: bytes) -> None:
        """Queue a message; it is dropped while the connection is down."""

    def send_now(self, topic: str, payload: bytes) -> None:
        """Send a message ahead of all that are queued, without waiting for it."""

    async def publish(self, topic: str, payload: bytes) -> None:
        """Hand a message to the broker, or raise NotConnectedError."""


class Node[S: NodeSnapshot]:
    """A device on a hub: an address that identifies it, a snapshot, listeners, deadlines."""

    #: Whether it may report errors that are not replies to a command.
    reports_errors: ClassVar[bool] = False

    def __init__(self, address: str, snapshot: S, host: NodeHost) -> None:
        """Start from `snapshot`; `address` is unique on the hub and never changes."""
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
        #: Whether it was last logged as unavailable for a reason of its own.
        self._is_missed = False

    @override
    def __repr__(self) -> str:
        """Return a representation for maintainers."""
        return f"{type(self).__name__} {self.address}"

    def add_listener(self, listener: Listener[S]) -> Callable[[], None]:
        """Call `listener(snapshot)` on every publication; return a function that stops that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def add_error_listener(self, listener: Listener[str]) -> Callable[[], None]:
        """Call `listener(words)` on every error that is not a reply; return how to stop."""
        self._error_listeners.append(listener)
        return lambda: self._error_listeners.remove(listener)

    def _report_error(self, words: str) -> None:
        """Report an error in the node's own words."""
        self.host.internal_errors.notify(self._error_listeners, words)

    @property
    def next_deadline(self) -> float | None:
        """The nearest deadline in seconds of the hub's clock, for the diagnostics."""
        return self.timers.next_deadline

    def connection_made(self, now: float) -> None:
        """Ask the node for everything: nothing is known until it reports."""
        self._set_unavailable(Reason.NOT_HEARD, now)

    def connection_lost(self, now: float) -> None:
        """Make all values unavailable, and send nothing automatically."""
        self._set_unavailable(Reason.NOT_CONNECTED, now)
        self.timers.clear()

    def clock_set(self, by: float, now: float) -> None:
        """Correct the times that were taken from the system clock, which was set `by` seconds."""

    def close(self) -> None:
        """Do nothing automatically any longer: the node was removed from its hub."""
        self.timers.stop()

    def _update(self, now: float, **changes: object) -> None:
        """Take over `changes` and publish what may be published now."""
        snapshot = self.snapshot.with_(**changes)
        if snapshot != self.snapshot:
            self.snapshot = snapshot
            if not self._collects:
                self._publish_collected(now)

    def _reporting(self, *features: Feature) -> Capabilities:
        """Return the capabilities with `features`, which were observed in reports."""
        return self.snapshot.capabilities.reporting(*features)

    def _publish_collected(self, now: float) -> None:
        """Publish the changes as one snapshot, now or as soon as the pace allows."""
        self._collects = False
        snapshot = self.snapshot
        if snapshot == self._published:
            return
        if snapshot.differs_beyond_measurements(self._published):
            self._settling_until = now + _SETTLING_TIME
            self._publish(now)
            # The next measurement belongs to this change, so it is not delayed.
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
        self.host.internal_errors.notify(self._listeners, self.snapshot)

    def _warn_of(self, word: str, kind: str = "state") -> None:
        """Log an unknown term once, up to a maximum number of terms."""
        if word not in self._unknown_words and len(self._unknown_words) < _UNKNOWN_WORDS_MAX:
            self._unknown_words.add(word)
            _LOGGER.warning("%s reports the unknown %s %r", self.address, kind, word)

    def _set_unavailable(self, reason: Reason | None, now: float, **changes: object) -> None:
        """Take over why the node is unavailable, None if it is available, with `changes`."""
        if reason is not self.snapshot.unavailable:
            changes["unavailable"] = reason
        self._update(now, **changes)
        if reason in _LOGGED_REASONS and not self._is_missed:
            self._is_missed = True
            _LOGGER.info("%s is not available: %s", self.address, reason)
        elif reason is None and self._is_missed:
            self._is_missed = False
            _LOGGER.info("%s is available again", self.address)


type AnyNode = Node[Any]
