"""What must hold in the fuzzer, whatever arrives: a hub that reports what does not."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from itertools import chain
from math import isfinite
import re
import traceback
from typing import Any, override

from custom_components.fimp_chargepoint.chargepoint.blue_current.discovery import (
    BlueCurrentProtocol,
)
from custom_components.fimp_chargepoint.chargepoint.charge_point import Chargepoint
from custom_components.fimp_chargepoint.chargepoint.model import ChargepointSnapshot
from custom_components.fimp_chargepoint.chargepoint.node import Node
from custom_components.fimp_chargepoint.chargepoint.options import Options
from custom_components.fimp_chargepoint.chargepoint.protocol import Handler
from custom_components.fimp_chargepoint.chargepoint.sessions.tracker import SessionTracker
from tests.unit.fakes import OfflineHub

from .fuzz_seeds import BLUE_CURRENT, DISCOVERED, TOPIC_MAX

#: What a hub may remember of one kind, and the characters of a text in a snapshot.
_BOUND = 4200
_TEXT_MAX = 1000
_REPLY_TO = re.compile(rb'"(?:replyTo|resp_to)":"([^"]*)"')
_NO_TOPIC = re.compile("[+#\x00-\x1f\ud800-\udfff]")
_SURROGATES = re.compile("[\ud800-\udfff]")


class FuzzedHub(OfflineHub):
    """A hub that sends nothing, and records invalid messages that it would have sent."""

    def __init__(self, failed: Callable[[str], None]) -> None:
        """Call `failed` for each failure."""
        self._failed = failed
        #: The topics for the replies to our last requests, by the topics of recorded ones.
        self._replies: dict[str, str] = {}
        self._trackers: list[SessionTracker] = []
        super().__init__(options=Options(internal_bus="everest", communication_check=True))
        # Its errors are failures, and not only logged.
        self.internal_errors.report = self._report  # type: ignore[method-assign]
        # It only reads the clock.
        self._blue_current = BlueCurrentProtocol(self)  # type: ignore[arg-type]
        self.connection_made()

    def _report(self, error: Exception, subject: object) -> None:
        self._failed("".join(traceback.format_exception(error)))

    @override
    def _route(self, topic: str) -> Handler | None:
        if topic.startswith(BLUE_CURRENT):
            return self._blue_current.handle
        return super()._route(topic)

    @override
    def add_node(self, node: Node[Any]) -> None:
        super().add_node(node)
        if isinstance(node, Chargepoint):
            tracker = SessionTracker(to_datetime=self.clock.to_datetime)
            self._trackers.append(tracker)
            node.add_listener(lambda snapshot: self._follow(tracker, snapshot))

    def _follow(self, tracker: SessionTracker, snapshot: ChargepointSnapshot) -> None:
        tracker.take(snapshot, self.clock.now())
        tracker.tick(self.clock.now())

    def ours(self, topic: str) -> str:
        """Return the topic of the expected reply, if `topic` is that of such a reply."""
        return self._replies.get(_replied(topic), topic)

    @override
    def send(self, topic: str, payload: bytes) -> None:
        if (found := _REPLY_TO.search(payload)) is not None:
            reply_to = found[1].decode()
            self._replies[_replied(reply_to)] = reply_to
        # What is sent to Blue Current has a name in capitals, and no topic.
        if not topic[:1].isupper() and (len(topic) > TOPIC_MAX // 4 or _NO_TOPIC.search(topic)):
            self._failed(f"sent to {topic[:200]!r}")

    @override
    def send_now(self, topic: str, payload: bytes) -> None:
        self.send(topic, payload)

    @override
    async def publish(self, topic: str, payload: bytes) -> None:
        self.send(topic, payload)

    def too_large(self) -> Iterator[str]:
        """Yield what has exceeded its bound."""
        protocols = (self._blue_current, *(each for _, each in self._protocols))
        owners = (self, self.admission, self.journal, *protocols, *self.nodes.values())
        for owner in (*owners, *self._trackers):
            for name, value in getattr(owner, "__dict__", {}).items():
                if hasattr(value, "__len__") and len(value) > _BOUND:
                    yield f"{type(owner).__name__}.{name} has {len(value)}"


def _replied(topic: str) -> str:
    """Return a topic without the ids that differ from request to request."""
    if topic.startswith(DISCOVERED):
        return DISCOVERED
    return topic.rpartition("/")[0]


def odd(value: object) -> Iterable[str]:
    """Yield what no snapshot may contain."""
    match value:
        case float() if not isfinite(value):
            yield f"the number {value}"
        case str() if len(value) > _TEXT_MAX or _SURROGATES.search(value):
            yield f"the text {value[:100]!r}"
        case Mapping():
            yield from odd((*value, *value.values()))
        case tuple() | list() | AbstractSet():
            yield from chain.from_iterable(map(odd, value))
        case _ if is_dataclass(value):
            for field in fields(value):
                yield from (f"{field.name}: {each}" for each in odd(getattr(value, field.name)))
