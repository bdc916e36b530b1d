"""An MQTT broker as a hub: the protocols on it, each below its topic prefixes."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from itertools import chain
import logging
from typing import Any, override

from .errors import NotConnectedError
from .hub import Hub, Timed
from .journal import Line, Mark
from .node import Node
from .options import ModuleChoice, Options
from .protocol import Handler, Protocol
from .scheduler import Clock
from .transport.mqtt import MqttTransport, SettingsSource

_LOGGER = logging.getLogger(__name__)

#: Seconds to send the last messages before the connection is given up.
_LEAVING_TIME = 3.0


class MqttHub(Hub):
    """Everything behind one broker."""

    transport: MqttTransport

    def __init__(
        self,
        settings: SettingsSource,
        *,
        clock: Clock | None = None,
        options: Options | None = None,
        known: Iterable[str] = (),
    ) -> None:
        """Prepare; add protocols, then `start`. See `Hub`."""
        super().__init__(clock=clock, options=options, known=known)
        self.transport = MqttTransport(settings, self)
        self._protocols: list[tuple[str, Protocol]] = []

    def add_protocol(self, prefix: str, protocol: Protocol) -> None:
        """Use `protocol` below the topic `prefix` (empty, or ending as the user wrote it)."""
        self._protocols.append((prefix, protocol))

    def leave(self) -> list[tuple[str, bytes]]:
        """Send nothing more automatically; return what to send if nobody comes back."""
        last: list[tuple[str, bytes]] = []
        for _, protocol in self._protocols:
            last += self.internal_errors.ask(protocol.leave) or ()
        return last

    async def say(self, messages: Iterable[tuple[str, bytes]]) -> None:
        """Hand messages to the broker, as far as that can be done in a moment."""
        with suppress(NotConnectedError, TimeoutError):
            async with asyncio.timeout(_LEAVING_TIME):
                for topic, payload in messages:
                    await self.publish(topic, payload)

    # What others may want to know --------------------------------------------------------

    @property
    def module_choices(self) -> list[ModuleChoice]:
        """What only the user can assign to a charge point."""
        return [
            choice
            for _, protocol in self._protocols
            for choice in self.internal_errors.ask(lambda: protocol.module_choices) or ()  # noqa: B023
        ]

    @property
    def protocols(self) -> tuple[tuple[str, str], ...]:
        """The name of each protocol, and its prefix."""
        return tuple((type(protocol).__name__, prefix) for prefix, protocol in self._protocols)

    def recognise(self, topic: str, payload: bytes) -> Node[Any] | None:
        """Return the charge point that a message identifies, None if it identifies none.

        It is not added, and no connection is needed.
        """
        for prefix, protocol in self._protocols:
            if topic.startswith(prefix):
                found = self.internal_errors.ask(
                    protocol.recognise, topic[len(prefix) :], payload, self.clock.now()
                )
                if found is not None:
                    return found
        return None

    def reads(self, line: Line) -> bool:
        """Whether the content of a received message is used by any protocol."""
        return line.mark is Mark.PLAIN and all(
            self.internal_errors.ask(protocol.reads, line.topic[len(prefix) :], line.payload)
            for prefix, protocol in self._protocols
            if line.topic.startswith(prefix)
        )

    @property
    def filters(self) -> tuple[str, ...]:
        """The topic filters of all protocols; they do not overlap."""
        return tuple(
            prefix + topic for prefix, protocol in self._protocols for topic in protocol.filters
        )

    # -------------------------------------------------------------------------------------

    @override
    def _route(self, topic: str) -> Handler | None:
        for prefix, protocol in self._protocols:
            if topic.startswith(prefix):
                handler = self.internal_errors.ask(protocol.route, topic[len(prefix) :])
                if handler is not None:
                    return handler
        return None

    @property
    @override
    def _timed(self) -> Iterable[Timed]:
        # Nodes first: a protocol may ask at once, and the answer must find them ready.
        return chain(super()._timed, (protocol for _, protocol in reversed(self._protocols)))
