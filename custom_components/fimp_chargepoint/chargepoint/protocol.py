"""What every protocol over MQTT implements: filters, routes, and how it starts."""

from abc import ABC, abstractmethod
from collections.abc import Callable
import typing
from typing import Any

from .admission import Admission, NoticeHost
from .node import MessageHost, Node
from .notices import HubWarning
from .options import ModuleChoice
from .scheduler import Timers
from .transport.inbox import Content

#: Takes a message's bytes and the moment it came, by the hub's clock.
type Handler = Callable[[bytes, float], None]
type AnyNode = Node[Any]


class ProtocolHost(MessageHost, NoticeHost, typing.Protocol):
    """What a protocol needs of its hub."""

    nodes: dict[str, AnyNode]
    admission: Admission
    #: What only the user can put right, by key.
    warnings: dict[str, HubWarning]

    def add_node(self, node: AnyNode) -> None:
        """Make a found node known."""

    def remove_node(self, address: str) -> None:
        """Forget a node that was excluded."""

    def echo_heard(self, word: bytes) -> None:
        """Tell that one of our hubs has said `word` (see `echo`)."""


class Protocol(ABC):
    """One language on one link, below one topic prefix."""

    #: The topic filters to subscribe to, without prefix; they must not overlap.
    filters: tuple[str, ...]
    #: The last levels of topics with mere measurements, of which only the newest counts.
    values: frozenset[str] = frozenset()

    def __init__(self, hub: ProtocolHost, prefix: str) -> None:
        """Speak on `hub`, with `prefix` before every topic."""
        self._hub = hub
        self._prefix = prefix
        self._timers = Timers(hub.scheduler, self)

    @abstractmethod
    def route(self, topic: str) -> Handler | None:
        """Return what handles `topic` (without prefix), None where it is not ours.

        Called once per new topic; the hub remembers the answer.
        """

    def content(self, topic: str, payload: bytes) -> Content | None:
        """Return what a message on a topic (without prefix) is about, None if it is not ours."""
        if self.route(topic) is None:
            return None
        source, _, name = topic.rpartition("/")
        return Content(source, name, name in self.values)

    def reads(self, topic: str, payload: bytes) -> bool:
        """Whether the content of a message on a topic (without prefix) of ours counts."""
        return True

    @abstractmethod
    def recognise(self, topic: str, payload: bytes, now: float) -> AnyNode | None:
        """Return the charge point that one message proves, None where it proves none.

        For who is not connected: the node is not on the hub, and nothing is sent.

        Raises:
            ProtocolError: the message makes no sense.

        """

    @abstractmethod
    def connection_made(self, now: float) -> None:
        """Ask for everything: nothing is retained, nothing survived."""

    @property
    def module_choices(self) -> list[ModuleChoice]:
        """What only the user can assign to a charge point."""
        return []

    @property
    def gone(self) -> frozenset[str]:
        """The addresses of charge points for which nothing needs to be chosen any longer."""
        return frozenset()

    async def error_history(self) -> dict[str, object]:
        """Return the errors that charge points keep, by who keeps them, for diagnostics."""
        return {}

    def leave(self) -> list[tuple[str, bytes]]:
        """Say nothing more by itself; returns what is to be said if nobody comes back.

        Each is a topic and a payload.
        """
        return []

    def connection_lost(self, now: float) -> None:
        """Forget what was going on; the hub tells the nodes itself."""
        self._timers.clear()

    def clock_set(self, by: float, now: float) -> None:
        """The system clock was set `by` seconds; the hub tells the nodes itself."""
