"""A recording of real FIMP adapters, played step by step with us in the place of the recorder."""

import asyncio
from collections.abc import Iterable

import orjson

from custom_components.fimp_chargepoint.chargepoint.fimp.chargepoint import FimpChargepoint
from custom_components.fimp_chargepoint.chargepoint.model import ChargepointSnapshot
from simulators.recording import read_recording
from tests.helpers.recordings import recording

from .fakes import OfflineHub


class LiveFimp:
    """Plays what the adapters sent at its time; commands may be given in between."""

    def __init__(self, name: str, node: str, *, known: Iterable[str] = ()) -> None:
        """Look at `node`; `known` are the charge points of an earlier run."""
        self.hub = OfflineHub(known=known)
        self._lines = list(read_recording(recording(f"fimp/live/{name}")))
        self._node = node
        self._start = self.hub.clock.time
        self.hub.connection_made()

    def include(self, other: str) -> None:
        """Feed the inclusion reports of another recording, which this one lacks."""
        for line in read_recording(recording(f"fimp/live/{other}")):
            if b"evt.thing.inclusion_report" in line.payload:
                self.hub.message(line.topic, line.payload, retained=False)

    async def until(self, t: float) -> None:
        """Play up to `t` seconds, and let happen what follows from it."""
        while self._lines and self._lines[0].t <= t:
            line = self._lines.pop(0)
            self.hub.advance(self._start + line.t)
            await _settle()
            self.hub.message(line.topic, line.payload, retained=False)
            await _settle()
        self.hub.advance(self._start + t)
        await _settle()

    @property
    def node(self) -> FimpChargepoint:
        """The charge point that is looked at."""
        node = self.hub.nodes[self._node]
        assert isinstance(node, FimpChargepoint)
        return node

    @property
    def shown(self) -> ChargepointSnapshot:
        """The snapshot of the charge point."""
        return self.node.snapshot

    def asked(self, kind: str, topic: str = "") -> int:
        """Return how often a question was asked."""
        messages = ((where, orjson.loads(payload)) for where, payload in self.hub.sent)
        return sum(message["type"] == kind and topic in where for where, message in messages)


async def _settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)
