"""An MQTT broker as a hub: the protocols on it, each below its topic prefixes."""

import asyncio
from collections.abc import Iterable
from itertools import chain
from typing import override

from .charge_point import Chargepoint
from .failsafe import FailsafeGuard
from .hub import Hub, Timed
from .journal import Line
from .node import AnyNode
from .notices import Overload
from .options import ModuleChoices, Options
from .protocol import Handler, Protocol
from .scheduler import Clock
from .transport.inbox import Content
from .transport.mqtt import MqttTransport, SettingsSource

#: The key of the warning of an overload.
_OVERLOAD = "overload"


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
        self.transport = MqttTransport(settings, self, self)
        self._settings = settings
        #: The connections of the failsafes, by the address of the charge point.
        self._guards: dict[str, FailsafeGuard] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        self._protocols: list[tuple[str, Protocol]] = []

    def add_protocol(self, prefix: str, protocol: Protocol) -> None:
        """Use `protocol` below the topic `prefix` (empty, or ending as the user wrote it)."""
        self._protocols.append((prefix, protocol))

    @override
    def add_node(self, node: AnyNode) -> None:
        super().add_node(node)
        safe_current = self.options.safe_currents.get(node.address)
        if safe_current is not None and isinstance(node, Chargepoint):
            errors = self.internal_errors
            guard = FailsafeGuard(node, safe_current, self._settings, errors)
            self._guards[node.address] = guard

    @override
    def remove_node(self, address: str) -> None:
        super().remove_node(address)
        if (guard := self._guards.pop(address, None)) is not None:
            task = asyncio.create_task(guard.stop())
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)

    @override
    async def end_failsafes(self, *, is_stop: bool) -> None:
        send = is_stop and self.options.failsafe_on_stop
        guards, self._guards = self._guards, {}
        await asyncio.gather(*(guard.stop(send=send) for guard in guards.values()))

    @override
    async def stop(self) -> None:
        await self.end_failsafes(is_stop=False)
        if self._leaving:
            await asyncio.wait(self._leaving)
        await super().stop()

    @override
    def disconnecting(self) -> list[tuple[str, bytes]]:
        last: list[tuple[str, bytes]] = []
        for _, protocol in self._protocols:
            last += self.internal_errors.ask(protocol.disconnecting) or ()
        return last

    # Information about the hub -----------------------------------------------------------

    @property
    @override
    def module_choices(self) -> ModuleChoices:
        found = [
            self.internal_errors.ask(lambda: each.module_choices) or ModuleChoices()  # noqa: B023
            for _, each in self._protocols
        ]
        return ModuleChoices(
            [choice for each in found for choice in each.open],
            frozenset[str]().union(*(each.gone for each in found)),
        )

    @override
    async def error_history(self) -> dict[str, object]:
        found: dict[str, object] = {}
        for _, protocol in self._protocols:
            found |= await protocol.error_history()
        return found

    @property
    @override
    def protocols(self) -> tuple[tuple[str, str], ...]:
        return tuple((type(protocol).__name__, prefix) for prefix, protocol in self._protocols)

    def recognise(self, topic: str, payload: bytes) -> AnyNode | None:
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

    @override
    def reads(self, line: Line) -> bool:
        return super().reads(line) and all(
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

    # Called by the transport if there are too many messages --------------------------------

    def content(self, topic: str, payload: bytes) -> Content:
        """Return what a message is about."""
        for prefix, protocol in self._protocols:
            if topic.startswith(prefix):
                found = self.internal_errors.ask(protocol.content, topic[len(prefix) :], payload)
                if found is not None:
                    return Content(prefix + found.source, *found[1:])
        return Content(topic, "", is_value=True)

    def overloaded(self, rate: float, busiest: str) -> None:
        """Warn the user of more messages than can be handled."""
        self.warn(Overload(_OVERLOAD, f"{float(f'{rate:.2g}'):.0f}", busiest))

    def overload_ended(self) -> None:
        """Withdraw the warning."""
        self.withdraw(_OVERLOAD)

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
        # Nodes first: a protocol may send requests at once, and nodes must be ready for replies.
        return chain(super()._timed, (protocol for _, protocol in reversed(self._protocols)))
