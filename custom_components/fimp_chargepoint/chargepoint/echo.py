"""Which of our hubs hears what one of them says: a broker has many names.

A host name, its address and a bridge can all lead to the same messages, and a broker with
access rules may grant a subscription and deliver nothing. Only a message that arrives tells.
Not heard proves nothing: rules may swallow the message that asks.
"""

import asyncio
from collections.abc import Iterable
from contextlib import ExitStack
import re
from typing import Final, override
from uuid import uuid4

from .errors import NotConnectedError
from .hub import EchoHeard, Hub, HubEvent
from .journal import Mark
from .protocol import Handler, Protocol

#: Where we hear each other, below each prefix. No charge point has anything like it.
TOPIC: Final = "fimp_chargepoint/echo"
#: What is longer than the words we say there comes from somebody else.
_WORD_MAX: Final = 64

#: What no other message has: the `uid` of FIMP, the id of a session or an error of EVerest;
#: and in a topic the id of the one request that is replied to there.
_ID_IN_PAYLOAD: Final = re.compile(rb'"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"')
_ID_IN_TOPIC: Final = re.compile(r"/[0-9a-f]{32}\Z")


class Echo(Protocol):
    """Tells the hub's listeners what was said by one of us below one prefix."""

    filters = (TOPIC,)

    @override
    def route(self, topic: str) -> Handler | None:
        return self._heard if topic == TOPIC else None

    @override
    def reads(self, topic: str, payload: bytes) -> bool:
        return topic != TOPIC

    @override
    def recognise(self, topic: str, payload: bytes, now: float) -> None:
        return None

    @override
    def connection_made(self, now: float) -> None:
        """Nothing is said unless somebody wants to know."""

    def _heard(self, payload: bytes, _: float) -> None:
        if len(payload) <= _WORD_MAX:
            self._hub.echo_heard(payload)


async def is_heard(hub: Hub, prefix: str, by: Iterable[Hub], seconds: float) -> bool:
    """Return whether one of the hubs `by` hears what `hub` says below `prefix`.

    It has so many `seconds` to hear it.
    """
    word = uuid4().hex.encode()
    heard = asyncio.Event()

    def listen(event: HubEvent) -> None:
        if isinstance(event, EchoHeard) and event.word == word:
            heard.set()

    with ExitStack() as stack:
        for each in by:
            stack.callback(each.add_listener(listen))
        try:
            async with asyncio.timeout(seconds):
                await hub.publish(prefix + TOPIC, word)
                await heard.wait()
        except TimeoutError, NotConnectedError:
            return False
    return True


def have_common_messages(one: Hub, other: Hub) -> bool:
    """Return whether a message that there is only once came to both, as far as is kept."""
    return not _unique_messages(one).isdisjoint(_unique_messages(other))


def _unique_messages(hub: Hub) -> set[tuple[str, bytes]]:
    """Return topics, without their prefix, and payloads of messages that never come again."""
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
