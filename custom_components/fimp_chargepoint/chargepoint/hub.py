"""A hub: one connection, the protocols on it, the nodes found on it, the one timer."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
import logging
from typing import Any

from .admission import Admission
from .errors import ChargepointError, NotConnectedError, ProtocolError
from .internal_errors import InternalErrors
from .journal import Journal, Line, Mark
from .node import Node
from .notices import HubWarning
from .options import ModuleChoice, Options
from .protocol import Handler, Protocol
from .scheduler import Clock, SteadyClock
from .transport.connection import SettingsSource
from .transport.mqtt import MqttTransport

_LOGGER = logging.getLogger(__name__)

#: What the journal calls the events of the link.
CONNECTED = "connected"
CONNECTION_LOST = "connection lost"
#: Seconds for what has to be said before the connection is given up.
_LEAVING_TIME = 3.0
#: Seconds after which it is noticed at the latest that the system clock was set.
_CLOCK_INTERVAL = 60.0
#: Topics whose handler is remembered; more than a house has, less than a flood.
_ROUTES_MAX = 4096


@dataclass(frozen=True, slots=True)
class NodeAdded:
    """A node was found."""

    node: Node[Any]


@dataclass(frozen=True, slots=True)
class NodeRemoved:
    """A node was excluded by its own system; silence never does that."""

    node: Node[Any]


@dataclass(frozen=True, slots=True)
class ConnectionMade:
    """The link is up, for the first time or again."""


@dataclass(frozen=True, slots=True)
class ConnectionLost:
    """The link is lost; it is tried again and again."""

    error: ChargepointError


@dataclass(frozen=True, slots=True)
class ConnectionRefused:
    """The credentials are refused now; nothing more is tried."""

    error: ChargepointError


@dataclass(frozen=True, slots=True)
class Warned:
    """Something came up that only the user can put right."""

    warning: HubWarning


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """It was put right."""

    warning: HubWarning


@dataclass(frozen=True, slots=True)
class EchoHeard:
    """One of our hubs, which may be this one, has said `word` (see `echo`)."""

    word: bytes


@dataclass(frozen=True, slots=True)
class ClockSet:
    """The system clock was set `by` seconds; the clock of the hub goes on as before."""

    by: float


#: What has deadlines, and is told of the link.
type Timed = Admission | Protocol | Node[Any]
type ConnectionEvent = ConnectionMade | ConnectionLost | ConnectionRefused | EchoHeard
type HubEvent = NodeAdded | NodeRemoved | ConnectionEvent | Warned | Withdrawn | ClockSet
type HubListener = Callable[[HubEvent], None]


class Hub:
    """Everything behind one broker."""

    def __init__(
        self,
        settings: SettingsSource,
        *,
        clock: Clock | None = None,
        options: Options | None = None,
        known: Iterable[str] = (),
    ) -> None:
        """Prepare; add protocols, then `start`. Needs a running event loop.

        Nodes with the `known` addresses are never held back (see `Admission`).
        """
        self.clock = clock or SteadyClock()
        self.options = options or Options()
        self.nodes: dict[str, Node[Any]] = {}
        #: Messages that were ignored, by kind (see `ProtocolError`).
        self.ignored: Counter[str] = Counter()
        #: Calls every listener, on Home Assistant's side as well.
        self.internal_errors = InternalErrors(self.ignored)
        self.received = 0
        #: How often the link came up, and why it was not up last.
        self.connections = 0
        self.last_error: ChargepointError | None = None
        self.journal = Journal()
        #: What only the user can put right, by key.
        self.warnings: dict[str, HubWarning] = {}
        self.admission = Admission(self, known)
        self.transport = MqttTransport(settings, self)
        self._protocols: list[tuple[str, Protocol]] = []
        self._routes: dict[str, Handler | None] = {}
        self._listeners: list[HubListener] = []
        self._cancel_timer: Callable[[], None] = _nothing
        self._busy = False
        self._woken = False
        self._was_down = False

    def add_protocol(self, prefix: str, protocol: Protocol) -> None:
        """Speak `protocol` below the topic `prefix` (empty, or ending as the user wrote it)."""
        self._protocols.append((prefix, protocol))

    def add_listener(self, listener: HubListener) -> Callable[[], None]:
        """Call `listener(event)` on every event; returns how to stop that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def start(self) -> None:
        """Connect; the first failure is raised, later ones are lived through.

        Raises:
            NotConnectedError, AuthenticationError: see `MqttTransport.start`.

        """
        await self.transport.start()

    def leave(self) -> list[tuple[str, bytes]]:
        """Say nothing more by itself; returns what is to be said if nobody comes back."""
        said: list[tuple[str, bytes]] = []
        for _, protocol in self._protocols:
            said += self.internal_errors.ask(protocol.leave) or ()
        return said

    async def say(self, messages: Iterable[tuple[str, bytes]]) -> None:
        """Hand messages to the broker, as far as that can be done in a moment."""
        with suppress(NotConnectedError, TimeoutError):
            async with asyncio.timeout(_LEAVING_TIME):
                for topic, payload in messages:
                    await self.publish(topic, payload)

    async def stop(self) -> None:
        """Disconnect and leave nothing behind."""
        await self.transport.stop()
        # Nobody may wait for what will never be proven.
        self._for_each(lambda each, now: each.connection_lost(now))
        self._cancel_timer()
        self._cancel_timer = _nothing

    # What nodes and protocols call -------------------------------------------

    def add_node(self, node: Node[Any]) -> None:
        """Make a found node known."""
        self.nodes[node.address] = node
        _LOGGER.info("Found %s", node.address)
        self._tell(NodeAdded(node))
        self.wake()

    def remove_node(self, address: str) -> None:
        """Forget a node that was excluded."""
        node = self.nodes.pop(address, None)
        if node is not None:
            self.admission.gone(address)
            _LOGGER.info("%s was removed by its own system", address)
            self.internal_errors.call(node.connection_lost, self.clock.now())
            self.internal_errors.call(node.close)
            self._tell(NodeRemoved(node))

    def warn(self, warning: HubWarning) -> None:
        """Tell the user, once, of what only the user can put right."""
        if self.warnings.get(warning.key) != warning:
            self.warnings[warning.key] = warning
            self._tell(Warned(warning))

    def withdraw(self, key: str) -> None:
        """It was put right, or was never wrong."""
        warning = self.warnings.pop(key, None)
        if warning is not None:
            self._tell(Withdrawn(warning))

    def echo_heard(self, word: bytes) -> None:
        """Tell who listens what one of our hubs has said."""
        self._tell(EchoHeard(word))

    def send(self, topic: str, payload: bytes) -> None:
        """Queue a message; it is dropped while the link is down."""
        self.journal.add(self.clock.now(), topic, payload, Mark.SENT)
        self.transport.send(topic, payload)

    async def publish(self, topic: str, payload: bytes) -> None:
        """Hand a message to the broker, or raise NotConnectedError."""
        self.journal.add(self.clock.now(), topic, payload, Mark.SENT)
        await self.transport.publish(topic, payload)

    @property
    def module_choices(self) -> list[ModuleChoice]:
        """What nobody but the user can say belongs to a charge point."""
        return [
            choice
            for _, protocol in self._protocols
            for choice in self.internal_errors.ask(lambda: protocol.module_choices) or ()  # noqa: B023
        ]

    def wake(self) -> None:
        """Look at the deadlines again; put off while they are being changed."""
        if self._busy:
            self._woken = True
            return
        self._woken = False
        self._cancel_timer()
        self._cancel_timer = _nothing
        found = (self.internal_errors.ask(_next_deadline, each) for each in self._timed())
        if deadlines := [each for each in found if each is not None]:
            due = min(*deadlines, self.clock.now() + _CLOCK_INTERVAL)
            self._cancel_timer = self.clock.call_at(due, self._tick)

    def recognise(self, topic: str, payload: bytes) -> Node[Any] | None:
        """Return the charge point that a message proves, None where it proves none.

        It is not made known here, and no connection is needed.
        """
        for prefix, protocol in self._protocols:
            if topic.startswith(prefix):
                found = self.internal_errors.ask(
                    protocol.recognise, topic[len(prefix) :], payload, self.clock.now()
                )
                if found is not None:
                    return found
        return None

    # What others may want to know ----------------------------------------------

    @property
    def protocols(self) -> tuple[tuple[str, str], ...]:
        """The name of each protocol, and the prefix below which it is spoken."""
        return tuple((type(protocol).__name__, prefix) for prefix, protocol in self._protocols)

    def reads(self, line: Line) -> bool:
        """Whether the content of a received message counts for anything here."""
        return line.mark is Mark.PLAIN and all(
            self.internal_errors.ask(protocol.reads, line.topic[len(prefix) :], line.payload)
            for prefix, protocol in self._protocols
            if line.topic.startswith(prefix)
        )

    # What the link calls -----------------------------------------------------

    @property
    def filters(self) -> tuple[str, ...]:
        """The topic filters of all protocols."""
        return tuple(
            prefix + each for prefix, protocol in self._protocols for each in protocol.filters
        )

    def connection_made(self) -> None:
        """Ask for everything again."""
        self._follow_the_clock()
        self.connections += 1
        self.journal.add(self.clock.now(), CONNECTED, mark=Mark.NOTE)
        if self._was_down:
            self._was_down = False
            _LOGGER.info("The connection to the broker is back")
        self._for_each(lambda each, now: each.connection_made(now))
        self._tell(ConnectionMade())

    def connection_lost(self, error: ChargepointError) -> None:
        """Mark everything as not live; say so once."""
        self.last_error = error
        if not self._was_down:
            self._was_down = True
            _LOGGER.info("The connection to the broker is lost: %s", error)
            self.journal.add(self.clock.now(), CONNECTION_LOST, mark=Mark.NOTE)
            self._for_each(lambda each, now: each.connection_lost(now))
            self._tell(ConnectionLost(error))

    def connection_refused(self, error: ChargepointError) -> None:
        """Give up until somebody gives us other credentials."""
        self.connection_lost(error)
        self._tell(ConnectionRefused(error))

    def message(self, topic: str, payload: bytes, *, retained: bool) -> None:
        """Hand a message to whom it concerns; a bad one costs only itself."""
        self.received += 1
        self._follow_the_clock()
        now = self.clock.now()
        if retained:
            # Neither protocol retains anything: this is of another day.
            self.ignored["retained"] += 1
            self.journal.add(now, topic, payload, Mark.RETAINED)
            return
        try:
            handler = self._routes[topic]
        except KeyError:
            handler = self._route(topic)
        self.journal.add(now, topic, payload, Mark.STRAY if handler is None else Mark.PLAIN)
        if handler is not None:
            self._guarded(lambda: handler(payload, now), topic)

    # -------------------------------------------------------------------------

    def _route(self, topic: str) -> Handler | None:
        if len(self._routes) >= _ROUTES_MAX:
            self._routes.clear()
        handler: Handler | None = None
        for prefix, protocol in self._protocols:
            if handler is None and topic.startswith(prefix):
                handler = self.internal_errors.ask(protocol.route, topic[len(prefix) :])
        self._routes[topic] = handler
        return handler

    def _timed(self) -> list[Timed]:
        protocols = (protocol for _, protocol in self._protocols)
        return [self.admission, *protocols, *self.nodes.values()]

    def _tick(self) -> None:
        self._follow_the_clock()
        self._for_each(lambda each, now: each.tick(now))
        self.wake()

    def _follow_the_clock(self) -> None:
        """Look whether the system clock was set, and tell everybody; no deadline moves."""
        by = self.clock.adjust()
        if by:
            _LOGGER.info("The system clock was set by %+.0f seconds", by)
            self._for_each(lambda each, now: each.clock_set(by, now))
            self._tell(ClockSet(by))

    def _for_each(self, action: Callable[[Timed, float], None]) -> None:
        now = self.clock.now()
        # Nodes first: a protocol may ask at once, and the answer must find them ready.
        for each in reversed(self._timed()):
            self._guarded(lambda each=each: action(each, now), each)  # type: ignore[misc]

    def _guarded(self, action: Callable[[], None], subject: object) -> None:
        """Run `action`; whatever goes wrong is counted, and said once per kind."""
        self._busy = True
        try:
            action()
        except ProtocolError as error:
            self.ignored[error.kind] += 1
            if self.ignored[error.kind] == 1:
                _LOGGER.warning(
                    "Ignored a message on %s (%s); more of this kind are only counted",
                    subject,
                    error,
                )
        except Exception as error:  # noqa: BLE001
            self.internal_errors.report(error, subject)
        finally:
            self._busy = False
        # Most messages change no deadline.
        if self._woken:
            self.wake()

    def _tell(self, event: HubEvent) -> None:
        self.internal_errors.tell(self._listeners, event)


def _next_deadline(each: Timed) -> float | None:
    return each.next_deadline


def _nothing() -> None:
    """Stand in for the timer that is not set."""
