"""A recording of a real EVerest with the integration connected, with us in its place.

The messages of the station are played at their time. A request of the integration is answered by
what the station answered to the same question then, and commands may be given in between.
"""

import asyncio
import re

import orjson

from custom_components.fimp_chargepoint.chargepoint.charge_point import Chargepoint
from custom_components.fimp_chargepoint.chargepoint.model import ChargepointSnapshot
from custom_components.fimp_chargepoint.chargepoint.options import Options
from simulators.recording import read_recording
from tests.helpers.recordings import RECORDINGS

from .fakes import UNTHROTTLED, OfflineHub

#: What makes the topic of a reply ours alone.
_ID = re.compile(r"/[0-9a-f]{24,}$")


class Live:
    """A recording that is played step by step."""

    def __init__(
        self, name: str, node: str, options: Options = UNTHROTTLED, *, begin: float = 0.0
    ) -> None:
        """Begin at `begin` seconds, with a hub that knows nothing; `node` is looked at."""
        self.hub = OfflineHub(options=options)
        self._lines = [
            each
            for each in read_recording(RECORDINGS / "everest" / "live" / name)
            if each.t >= begin
        ]
        self._node = node
        self._start = self.hub.clock.time - begin
        self._answered: set[str] = set()
        self.hub.connection_made()

    async def until(self, t: float) -> None:
        """Play the messages up to `t` seconds, and let their effects follow."""
        while self._lines and self._lines[0].t <= t:
            line = self._lines.pop(0)
            self.hub.advance(self._start + line.t)
            await _settle()
            topic = self._redirected(line.topic)
            self.hub.message(topic, _quoted(topic, line.payload), retained=False)
            await _settle()
        self.hub.advance(self._start + t)
        await _settle()

    def _redirected(self, topic: str) -> str:
        """Return where a reply goes here: to the last one that sent the same request, if any."""
        question = _ID.sub("/", topic)
        if question == topic:
            return topic
        for _, payload in reversed(self.hub.sent):
            reply_to = str(orjson.loads(payload).get("headers", {}).get("replyTo", ""))
            if _ID.sub("/", reply_to) == question and reply_to not in self._answered:
                self._answered.add(reply_to)
                return reply_to
        return topic

    @property
    def node(self) -> Chargepoint:
        """The charge point that is looked at."""
        node = self.hub.nodes[self._node]
        assert isinstance(node, Chargepoint)
        return node

    @property
    def shown(self) -> ChargepointSnapshot:
        """The snapshot of the charge point."""
        return self.node.snapshot

    def asked(self, operation: str) -> list[bytes]:
        """Return the payloads of what was sent for an operation, oldest first."""
        return [payload for topic, payload in self.hub.sent if topic.endswith(f"/{operation}")]


def _quoted(topic: str, payload: bytes) -> bytes:
    """Return a payload with the quotes that a recorder removes from a text."""
    if "everest_api/1/" not in topic:
        return payload
    try:
        orjson.loads(payload)
    except orjson.JSONDecodeError:
        return orjson.dumps(payload.decode())
    return payload


async def _settle() -> None:
    """Let all tasks continue."""
    for _ in range(5):
        await asyncio.sleep(0)
