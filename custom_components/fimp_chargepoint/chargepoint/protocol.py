"""What every protocol over MQTT implements: filters, routes, and how it starts."""

from abc import ABC, abstractmethod
from collections.abc import Callable
import typing

from .admission import Admission, NoticeHost
from .node import AnyNode, NodeHost
from .notices import HubWarning
from .options import ModuleChoices
from .scheduler import Timers
from .transport.inbox import Content

#: Handles the bytes of a message, given the time by the hub's clock.
type Handler = Callable[[bytes, float], None]


class ProtocolHost(NodeHost, NoticeHost, typing.Protocol):
    """What a protocol needs from its hub."""

    nodes: dict[str, AnyNode]
    admission: Admission
    #: What only the user can solve, by key.
    warnings: dict[str, HubWarning]

    def add_node(self, node: AnyNode) -> None:
        """Add a found node."""

    def remove_node(self, address: str) -> None:
        """Remove a node that was excluded."""

    def echo_received(self, nonce: bytes) -> None:
        """Notify the listeners of what one of our hubs has published (see `echo`)."""


class Protocol(ABC):
    """A protocol on one broker, below one topic prefix."""

    #: The topic filters to subscribe to, without prefix; they must not overlap.
    filters: tuple[str, ...]
    #: The last levels of topics with mere measurements, of which only the newest counts.
    values: frozenset[str] = frozenset()

    def __init__(self, hub: ProtocolHost, prefix: str) -> None:
        """Use `hub`, with `prefix` before every topic."""
        self._hub = hub
        self._prefix = prefix
        self._timers = Timers(hub.scheduler, self)

    @abstractmethod
    def route(self, topic: str) -> Handler | None:
        """Return what handles `topic` (without prefix), None if nothing does.

        Called once per new topic; the hub remembers the answer.
        """

    def content(self, topic: str, payload: bytes) -> Content | None:
        """Return what a message on a topic (without prefix) is about, None if it is not handled."""
        if self.route(topic) is None:
            return None
        source, _, name = topic.rpartition("/")
        return Content(source, name, name in self.values)

    def reads(self, topic: str, payload: bytes) -> bool:
        """Whether the content of a message on a handled topic (without prefix) is used."""
        return True

    def recognise(self, topic: str, payload: bytes, now: float) -> AnyNode | None:
        """Return the charge point that a message identifies, None if it identifies none.

        This needs no connection: the node is not added to the hub, and nothing is sent.

        Raises:
            ProtocolError: the message is invalid.

        """
        return None

    def connection_made(self, now: float) -> None:
        """Request everything that can be requested: nothing is retained."""

    @property
    def module_choices(self) -> ModuleChoices:
        """What only the user can assign to a charge point, and which of them are gone."""
        return ModuleChoices()

    async def error_history(self) -> dict[str, object]:
        """Return the errors that charge points store, by their source, for diagnostics."""
        return {}

    def disconnecting(self) -> list[tuple[str, bytes]]:
        """Stop sending automatically; return what to send in case Home Assistant stays away.

        Each message is a topic and a payload.
        """
        return []

    def connection_lost(self, now: float) -> None:
        """Forget pending requests; the hub notifies the nodes."""
        self._timers.clear()

    def clock_set(self, by: float, now: float) -> None:
        """Correct times by `by` seconds: the system clock was set. The hub notifies the nodes."""
