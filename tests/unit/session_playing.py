"""Recordings, played to a session tracker at the times they were made."""

from datetime import datetime
import json
import re

from custom_components.fimp_chargepoint.chargepoint.charge_point import Chargepoint
from custom_components.fimp_chargepoint.chargepoint.errors import NotConnectedError
from custom_components.fimp_chargepoint.chargepoint.hub import HubEvent, NodeAdded
from custom_components.fimp_chargepoint.chargepoint.model import ChargepointSnapshot
from custom_components.fimp_chargepoint.chargepoint.sessions import SessionEvent, SessionTracker
from simulators.recording import read_recording
from tests.helpers.recordings import RECORDINGS

from .fakes import OfflineHub

_STAMPED = re.compile("session_info|sv:chargepoint")
_TIME = re.compile(rb'"(?:timestamp|ctime)": ?"([^"]+)"')


class Watched:
    """The charge point at an address, with a tracker that takes what it publishes."""

    def __init__(self, address: str) -> None:
        """Start without any message."""
        self.hub = OfflineHub()
        self.tracker = SessionTracker()
        #: What happened, and how many seconds after the start of its recording.
        self.events: list[tuple[str, float]] = []
        self.all: list[SessionEvent] = []
        self._address = address
        self._start = 0.0
        self.hub.add_listener(self._found)

    def play(self, name: str, begin: float = 0.0, end: float = float("inf")) -> None:
        """Play a part of a recording at the times it was made."""
        lines = list(read_recording(RECORDINGS / name))
        stamped = next(line for line in lines if _STAMPED.search(line.topic))
        found = _TIME.search(stamped.payload)
        assert found is not None
        self._start = datetime.fromisoformat(found[1].decode()).timestamp() - stamped.t
        if not self.hub.nodes:
            self.hub.clock.time = self._start + begin
            self.hub.connection_made()
        for line in lines:
            if begin <= line.t <= end:
                self._advance(self._start + line.t)
                self.hub.message(line.topic, line.payload, retained=False)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self._advance(self.hub.clock.time + seconds)

    def outage(self, seconds: float) -> None:
        """Lose the broker for a while."""
        self.hub.connection_lost(NotConnectedError("gone"))
        self._advance(self.hub.clock.time + seconds)
        self.hub.connection_made()

    def restart(self) -> None:
        """End this run, and begin another one that has received nothing yet."""
        self._note(self.tracker.close())
        stored = json.loads(json.dumps(self.tracker.to_storage()))
        self.hub = OfflineHub()
        self.hub.add_listener(self._found)
        self.tracker = SessionTracker()
        self.tracker.restore(stored)
        self.events.clear()
        self.all.clear()

    @property
    def names(self) -> list[str]:
        """The names of what happened, in order."""
        return [name for name, _ in self.events]

    def _found(self, event: HubEvent) -> None:
        if isinstance(event, NodeAdded) and event.node.address == self._address:
            assert isinstance(event.node, Chargepoint)
            event.node.add_listener(self._take)
            self._take(event.node.snapshot)

    def _advance(self, until: float) -> None:
        deadline = self.tracker.next_deadline
        if deadline is not None and deadline <= until:
            self.hub.advance(deadline)
            self._note(self.tracker.tick(deadline))
        self.hub.advance(until)

    def _take(self, snapshot: ChargepointSnapshot) -> None:
        self._note(self.tracker.take(snapshot, self.hub.clock.now()))

    def _note(self, events: list[SessionEvent]) -> None:
        for event in events:
            name = f"late {event.event_type}" if event.late else str(event.event_type)
            self.events.append((name, round(self.hub.clock.now() - self._start, 1)))
            self.all.append(event)
