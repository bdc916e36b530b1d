"""Whether two of our hubs receive the same messages: a broker can have several names.

A host name, an IP address and a bridge can all lead to the same messages, and a broker with access
rules may accept a subscription and deliver nothing. Only a message that arrives is certain. If none
arrives, access rules may have dropped it.
"""

import asyncio
from collections.abc import Iterable
from contextlib import ExitStack
import re
from typing import Final, override
from uuid import uuid4

from .errors import NotConnectedError
from .hub import EchoReceived, Hub, HubEvent
from .journal import Mark
from .protocol import Handler, Protocol

#: The topic of these messages, below each prefix. No charge point uses it.
TOPIC: Final = "fimp_chargepoint/echo"
#: Longer messages are not ours.
_NONCE_MAX: Final = 64

#: What makes a message unique: the `uid` of FIMP, the id of a session or an error of EVerest; and
#: in a topic, the id of the only request that gets its reply there.
_ID_IN_PAYLOAD: Final = re.compile(rb'"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"')
_ID_IN_TOPIC: Final = re.compile(r"/[0-9a-f]{32}\Z")


class Echo(Protocol):
    """Notifies the hub's listeners of messages from our hubs below one prefix."""

    filters = (TOPIC,)

    @override
    def route(self, topic: str) -> Handler | None:
        return self._received if topic == TOPIC else None

    @override
    def reads(self, topic: str, payload: bytes) -> bool:
        return topic != TOPIC

    def _received(self, payload: bytes, _: float) -> None:
        if len(payload) <= _NONCE_MAX:
            self._hub.echo_received(payload)


async def reaches_any(hub: Hub, prefix: str, others: Iterable[Hub], seconds: float) -> bool:
    """Return whether a message of `hub` below `prefix` reaches one of `others` in time."""
    nonce = uuid4().hex.encode()
    received = asyncio.Event()

    def listen(event: HubEvent) -> None:
        if isinstance(event, EchoReceived) and event.nonce == nonce:
            received.set()

    with ExitStack() as stack:
        for each in others:
            stack.callback(each.add_listener(listen))
        try:
            async with asyncio.timeout(seconds):
                await hub.publish(prefix + TOPIC, nonce)
                await received.wait()
        except TimeoutError, NotConnectedError:
            return False
    return True


def share_messages(one: Hub, other: Hub) -> bool:
    """Return whether both have received the same unique message, according to their journals."""
    return not _unique_messages(one).isdisjoint(_unique_messages(other))


def _unique_messages(hub: Hub) -> set[tuple[str, bytes]]:
    """Return the topics, without prefix, and payloads of unique messages."""
    prefixes = sorted({prefix for _, prefix in hub.protocols}, key=len, reverse=True)
    return {
        (_without(prefixes, line.topic), line.payload)
        for line in (*hub.journal.older, *hub.journal.recent)
        if line.mark in (Mark.PLAIN, Mark.STRAY)
        and (_ID_IN_PAYLOAD.search(line.payload) or _ID_IN_TOPIC.search(line.topic))
    }


def _without(prefixes: list[str], topic: str) -> str:
    found = next((each for each in prefixes if topic.startswith(each)), "")
    return topic.removeprefix(found)
