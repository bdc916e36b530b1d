"""A hub: everything behind one connection, whatever the transport.

A broker is an `MqttHub`; the account of a vendor is a hub of its own. This is what all of them
share: nodes, clock and scheduler, journal, warnings, admission and the connection's events.
"""

from abc import ABC, abstractmethod
import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
import logging
from typing import Protocol

from .admission import Admission
from .errors import ChargepointError, NotConnectedError, ProtocolError
from .internal_errors import InternalErrors
from .journal import Journal, Line, Mark
from .node import AnyNode, Request
from .notices import HubWarning
from .options import ModuleChoices, Options
from .protocol import Handler
from .scheduler import Clock, Scheduler, SteadyClock
from .transport import ReconnectingTransport

_LOGGER = logging.getLogger(__name__)

#: What the journal calls the events of the connection.
CONNECTED = "connected"
CONNECTION_LOST = "connection lost"
#: Topics whose handler is remembered; more than an installation has, fewer than a flood.
_ROUTES_MAX = 4096
#: Seconds to send the last messages before disconnecting.
_LEAVING_TIME = 3.0
#: Commands without a reply, while nothing at all arrives, until the connection is renewed.
_UNANSWERED_MAX = 3


@dataclass(frozen=True, slots=True)
class NodeAdded:
    """A node was found."""

    node: AnyNode


@dataclass(frozen=True, slots=True)
class NodeRemoved:
    """A node was excluded by its own system. Silence never causes this."""

    node: AnyNode


@dataclass(frozen=True, slots=True)
class ConnectionMade:
    """The connection is up, for the first time or again."""


@dataclass(frozen=True, slots=True)
class ConnectionLost:
    """The connection is lost, or its retries fail for another reason than before."""

    error: ChargepointError


@dataclass(frozen=True, slots=True)
class ConnectionRefused:
    """The credentials are no longer accepted; the transport has given up."""

    error: ChargepointError


@dataclass(frozen=True, slots=True)
class Warned:
    """There is a problem that only the user can solve."""

    warning: HubWarning


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """A problem that the user was warned of is solved."""

    warning: HubWarning


@dataclass(frozen=True, slots=True)
class EchoReceived:
    """One of our hubs, possibly this one, has published `nonce` (see `echo`)."""

    nonce: bytes


@dataclass(frozen=True, slots=True)
class ClockSet:
    """The system clock was set `by` seconds; the clock of the hub goes on as before."""

    by: float


@dataclass(frozen=True, slots=True)
class RequestsCounted:
    """`Hub.requests_today` has changed."""


type ConnectionEvent = ConnectionMade | ConnectionLost | ConnectionRefused | EchoReceived
type HubEvent = (
    NodeAdded | NodeRemoved | ConnectionEvent | Warned | Withdrawn | ClockSet | RequestsCounted
)
type HubListener = Callable[[HubEvent], None]


class Timed(Protocol):
    """What a hub notifies about its connection and its clock: nodes and protocols."""

    def connection_made(self, now: float) -> None:
        """Request everything: nothing is known yet."""

    def connection_lost(self, now: float) -> None:
        """Make all values unavailable."""

    def clock_set(self, by: float, now: float) -> None:
        """The system clock was set `by` seconds."""


class Hub(ABC):
    """What all hubs share; a subclass adds the transport, and finds the nodes.

    It sets `transport`, implements `_route`, and calls `add_node` for what it finds (if
    `admission` admits it). Its transport calls `message` and the `connection_*` methods.
    """

    transport: ReconnectingTransport

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        options: Options | None = None,
        known: Iterable[str] = (),
    ) -> None:
        """Prepare; `start` connects. Needs a running event loop.

        Nodes with the `known` addresses are never withheld (see `Admission`).
        """
        self.clock = clock or SteadyClock()
        self.options = options or Options()
        self.nodes: dict[str, AnyNode] = {}
        #: Messages that were ignored, by kind (see `ProtocolError`).
        self.ignored: Counter[str] = Counter()
        #: Calls all listeners, including those in Home Assistant's part.
        self.internal_errors = InternalErrors(self.ignored)
        self.scheduler = Scheduler(self.clock, self.internal_errors, before=self.check_clock)
        self.received = 0
        #: Commands without a reply since the last message, and the number of that message.
        self._unanswered = 0
        self._unanswered_since = 0
        #: How often the connection was made, and why it was lost last.
        self.connections = 0
        self.last_error: ChargepointError | None = None
        self.journal = Journal()
        #: What only the user can solve, by key.
        self.warnings: dict[str, HubWarning] = {}
        self.admission = Admission(self, known)
        self._listeners: list[HubListener] = []
        self._was_down = False
        self._routes: dict[str, Handler | None] = {}

    def add_listener(self, listener: HubListener) -> Callable[[], None]:
        """Call `listener(event)` on every event; return a function that stops that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    @property
    def connected(self) -> bool:
        """Whether the connection is up."""
        return self.transport.connected

    async def start(self) -> None:
        """Connect; only the first failure is raised.

        Raises:
            NotConnectedError, AuthenticationError: see `ReconnectingTransport.start`.

        """
        await self.transport.start()

    async def stop(self) -> None:
        """Disconnect and clean up."""
        await self.transport.stop()
        # No command may wait for a confirmation that will never arrive.
        self._for_each(lambda timed, now: timed.connection_lost(now))
        self.scheduler.stop()

    def send(self, topic: str, payload: bytes) -> None:
        """Queue a message; it is dropped while the connection is down.

        If the transport has no topics, `topic` is the name of the message.
        """
        self.journal.add(self.clock.now(), topic, payload, Mark.SENT)
        self.transport.send(topic, payload)

    def send_now(self, topic: str, payload: bytes) -> None:
        """Send a message ahead of all that are queued; see `send`."""
        self.journal.add(self.clock.now(), topic, payload, Mark.SENT)
        self.transport.send_now(topic, payload)

    async def publish(self, topic: str, payload: bytes) -> None:
        """Send a message, or raise NotConnectedError."""
        self.journal.add(self.clock.now(), topic, payload, Mark.SENT)
        await self.transport.publish(topic, payload)

    def deliver(self, request: Request) -> Coroutine[object, object, None]:
        """Send a request; see `NodeHost.deliver`."""
        return self.publish(request.topic, request.payload)

    def unanswered(self) -> None:
        """Renew the connection if commands get no reply, and it delivers nothing else either.

        This happens once in a silence, so that a single charge point that is offline does not make
        the connection flap.
        """
        if self._unanswered_since != self.received:
            self._unanswered, self._unanswered_since = 0, self.received
        self._unanswered += 1
        if self._unanswered == _UNANSWERED_MAX:
            self.transport.renew()

    async def end_failsafes(self, *, is_stop: bool) -> None:
        """End all failsafe limits; limit the charge points now if so configured for a stop."""

    def disconnecting(self) -> list[tuple[str, bytes]]:
        """Stop sending automatically; return what to send in case Home Assistant stays away."""
        return []

    async def publish_all(self, messages: Iterable[tuple[str, bytes]]) -> None:
        """Send messages, as far as possible in a short time."""
        with suppress(NotConnectedError, TimeoutError):
            async with asyncio.timeout(_LEAVING_TIME):
                for topic, payload in messages:
                    await self.publish(topic, payload)

    # Information about the hub -----------------------------------------------------------

    @property
    def protocols(self) -> tuple[tuple[str, str], ...]:
        """The name of each protocol, and its prefix."""
        return ()

    @property
    def module_choices(self) -> ModuleChoices:
        """What only the user can assign to a charge point, and which of them are gone."""
        return ModuleChoices()

    @property
    def requests_today(self) -> Mapping[str, int] | None:
        """How many requests were sent today, by name, None if their number is not limited."""
        return None

    async def error_history(self) -> dict[str, object]:
        """Return the errors that charge points store, by their source, for diagnostics."""
        return {}

    def reads(self, line: Line) -> bool:
        """Whether the content of a received message is used by any protocol."""
        return line.mark is Mark.PLAIN

    # Called by nodes and by discovery ----------------------------------------------------

    def add_node(self, node: AnyNode) -> None:
        """Add a found node."""
        self.nodes[node.address] = node
        node.timers.start()
        _LOGGER.info("Found %s", node.address)
        self._notify(NodeAdded(node))

    def remove_node(self, address: str) -> None:
        """Remove a node that was excluded."""
        node = self.nodes.pop(address, None)
        if node is not None:
            self.admission.gone(address)
            _LOGGER.info("%s was removed by its own system", address)
            self.internal_errors.call(node.connection_lost, self.clock.now())
            self.internal_errors.call(node.close)
            self._notify(NodeRemoved(node))

    def echo_received(self, nonce: bytes) -> None:
        """Notify the listeners of what one of our hubs has published."""
        self._notify(EchoReceived(nonce))

    def warn(self, warning: HubWarning) -> None:
        """Warn the user once of a problem that only the user can solve."""
        if self.warnings.get(warning.key) != warning:
            self.warnings[warning.key] = warning
            self._notify(Warned(warning))

    def withdraw(self, key: str) -> None:
        """Withdraw a warning, which need not exist."""
        warning = self.warnings.pop(key, None)
        if warning is not None:
            self._notify(Withdrawn(warning))

    # Called by the transport -------------------------------------------------------------

    def connection_made(self) -> None:
        """Request everything again."""
        self.check_clock()
        self.connections += 1
        self.journal.add(self.clock.now(), CONNECTED, mark=Mark.NOTE)
        if self._was_down:
            self._was_down = False
            _LOGGER.info("The connection is back")
        self._for_each(lambda timed, now: timed.connection_made(now))
        self._notify(ConnectionMade())

    def connection_lost(self, error: ChargepointError) -> None:
        """Make all values unavailable, and log it once; also called if reconnecting fails."""
        is_news = str(error) != str(self.last_error)
        self.last_error = error
        if not self._was_down:
            self._was_down = True
            _LOGGER.info("The connection is lost: %s", error)
            self.journal.add(self.clock.now(), CONNECTION_LOST, mark=Mark.NOTE)
            self._for_each(lambda timed, now: timed.connection_lost(now))
            self._notify(ConnectionLost(error))
        elif is_news:
            self._notify(ConnectionLost(error))

    def connection_refused(self, error: ChargepointError) -> None:
        """Wait for new credentials."""
        self.connection_lost(error)
        self._notify(ConnectionRefused(error))

    def message(self, topic: str, payload: bytes, *, retained: bool) -> None:
        """Pass a message to its handler; an invalid one affects no other message."""
        self.received += 1
        self.check_clock()
        now = self.clock.now()
        if retained:
            # No protocol uses retained messages, so this one is outdated.
            self.ignored["retained"] += 1
            self.journal.add(now, topic, payload, Mark.RETAINED)
            return
        try:
            handler = self._routes[topic]
        except KeyError:
            if len(self._routes) >= _ROUTES_MAX:
                self._routes.clear()
            handler = self._routes[topic] = self._route(topic)
        self.journal.add(now, topic, payload, Mark.STRAY if handler is None else Mark.PLAIN)
        if handler is None:
            return
        try:
            handler(payload, now)
        except ProtocolError as error:
            self.ignored[error.kind] += 1
            if self.ignored[error.kind] == 1:
                _LOGGER.warning(
                    "Ignored a message on %s (%s); more of this kind are only counted",
                    topic,
                    error,
                )
        except Exception as error:  # noqa: BLE001
            self.internal_errors.report(error, topic)

    # -------------------------------------------------------------------------------------

    @abstractmethod
    def _route(self, topic: str) -> Handler | None:
        """Return what handles `topic`, None if nothing does; the answer is remembered."""

    def check_clock(self) -> None:
        """Check whether the system clock was set, and notify everything; no deadline moves."""
        by = self.clock.adjust()
        if by:
            _LOGGER.info("The system clock was set by %+.0f seconds", by)
            self._for_each(lambda timed, now: timed.clock_set(by, now))
            self._notify(ClockSet(by))

    @property
    def _timed(self) -> Iterable[Timed]:
        """What is notified of the connection and the clock, in this order."""
        return reversed(self.nodes.values())

    def _for_each(self, action: Callable[[Timed, float], None]) -> None:
        now = self.clock.now()
        for timed in tuple(self._timed):
            self.internal_errors.call_for(timed, action, timed, now)

    def _notify(self, event: HubEvent) -> None:
        self.internal_errors.notify(self._listeners, event)
