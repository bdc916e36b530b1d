"""A station with one EVSE, whose messages of API v1 a test writes and reads."""

import asyncio
from collections.abc import Coroutine
from typing import Any, override

import orjson

from custom_components.fimp_chargepoint.chargepoint.errors import NotConnectedError
from custom_components.fimp_chargepoint.chargepoint.everest.api.chargepoint import (
    EverestChargepoint,
)
from custom_components.fimp_chargepoint.chargepoint.features import Feature
from custom_components.fimp_chargepoint.chargepoint.model import ChargepointSnapshot
from custom_components.fimp_chargepoint.chargepoint.options import Options

from .fakes import UNTHROTTLED, OfflineHub

ROOT = "everest_api/1"
EVSE, ERRORS, LIMITS = (
    "evse_manager_consumer",
    "error_history_consumer",
    "external_energy_limits_consumer",
)


class LinkedHub(OfflineHub):
    """A hub whose connection can be cut."""

    connected = True

    @override
    def send(self, topic: str, payload: bytes) -> None:
        if self.connected:
            super().send(topic, payload)

    @override
    def send_now(self, topic: str, payload: bytes) -> None:
        self.send(topic, payload)

    @override
    async def publish(self, topic: str, payload: bytes) -> None:
        if not self.connected:
            raise NotConnectedError("not connected to the broker")
        await super().publish(topic, payload)


#: Features whose operation EVerest calls by another name.
OPERATIONS: dict[str, str] = {Feature.UNLOCK_CONNECTOR: "force_unlock"}


class Site:
    """The messages of EVerest's modules, and the requests to them."""

    def __init__(self, prefix: str = "", options: Options = UNTHROTTLED) -> None:
        """Begin with a connection and without any module."""
        self.hub = LinkedHub(("", "site1/"), options)
        self.prefix = prefix
        self.hub.connection_made()
        self.take()

    # What EVerest publishes ---------------------------------------------------------

    def publish(self, kind: str, module: str, variable: str, value: Any) -> None:
        """Let a module publish a variable."""
        self.hub.feed(f"{self.prefix}{ROOT}/{kind}/{module}/e2m/{variable}", value)

    def evse(self, variable: str, value: Any, module: str = "evse_1") -> None:
        """Let an EVSE publish a variable."""
        self.publish(EVSE, module, variable, value)

    def info(self, word: str, **fields: Any) -> None:
        """Let the EVSE publish its state."""
        self.evse("session_info", {"state": word} | fields)

    def event(self, name: str, **fields: Any) -> None:
        """Let the EVSE publish an event."""
        self.evse("session_event", {"event": name, "uuid": ""} | fields)

    def answer(self, operation: str, value: Any) -> None:
        """Answer the request of this kind that was made last."""
        reply_to = self.asked(operation)[-1]["headers"]["replyTo"]
        self.hub.feed(f"{self.prefix}{reply_to}", value)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.hub.advance(self.hub.clock.time + seconds)

    def cut(self) -> None:
        """Cut the connection."""
        self.hub.connected = False
        self.hub.connection_lost(NotConnectedError("gone"))

    def mend(self) -> None:
        """Restore the connection."""
        self.hub.connected = True
        self.hub.connection_made()

    # What was sent to it -----------------------------------------------------------

    def asked(self, operation: str) -> list[Any]:
        """Return what was sent for an operation of any module."""
        end = f"/m2e/{OPERATIONS.get(operation, operation)}"
        return [
            orjson.loads(payload) for topic, payload in self.hub.sent if topic[-len(end) :] == end
        ]

    def take(self) -> list[str]:
        """Return and forget the topics of all that was sent."""
        topics = [topic for topic, _ in self.hub.sent]
        self.hub.sent.clear()
        return topics

    # The nodes ---------------------------------------------------------------------

    def node(self, module: str = "evse_1") -> EverestChargepoint:
        """Return an EVSE, which must have been found."""
        node = self.hub.nodes[f"everest:{self.prefix}{module}"]
        assert isinstance(node, EverestChargepoint)
        return node

    @property
    def shown(self) -> ChargepointSnapshot:
        """The snapshot of the first EVSE."""
        return self.node().snapshot


async def begin(command: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Begin a command, and let it send its message."""
    task = asyncio.create_task(command)
    await asyncio.sleep(0)
    return task


async def outcome(task: asyncio.Task[None]) -> None:
    """Return or raise the result of the command, which must be there by now."""
    async with asyncio.timeout(1):
        await task
