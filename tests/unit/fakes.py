"""Stand-ins for unit tests: a settable clock, a hub without a link, recordings."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from datetime import datetime
from pathlib import Path
from typing import override

import orjson

from custom_components.fimp_chargepoint.chargepoint import MQTT_PROTOCOLS
from custom_components.fimp_chargepoint.chargepoint.errors import NotConnectedError
from custom_components.fimp_chargepoint.chargepoint.internal_errors import InternalErrors
from custom_components.fimp_chargepoint.chargepoint.model import ChargepointSnapshot, Meter
from custom_components.fimp_chargepoint.chargepoint.mqtt_hub import MqttHub
from custom_components.fimp_chargepoint.chargepoint.node import Request
from custom_components.fimp_chargepoint.chargepoint.options import Options
from custom_components.fimp_chargepoint.chargepoint.scheduler import Clock, Scheduler
from custom_components.fimp_chargepoint.chargepoint.transport.mqtt import MqttSettings
from simulators.recording import read_recording

#: Most tests do not want to wait: for measurements, or before a command leaves.
UNTHROTTLED = Options(measurement_interval=0.0, restart_delay=0.0, write_interval=0.0)


class ManualClock(Clock):
    """A clock that a test moves, and whose calendar can be set."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        """Start at `now`, POSIX seconds."""
        self.time = now
        self._ahead = self._to_tell = 0.0

    @override
    def now(self) -> float:
        """Return the time set last."""
        return self.time

    @override
    def call_at(self, when: float, callback: Callable[[], None]) -> Callable[[], None]:
        """Never call: tests process deadlines themselves."""
        return lambda: None

    @override
    def to_datetime(self, when: float) -> datetime:
        """Return the calendar time of a moment."""
        return super().to_datetime(when + self._ahead)

    @override
    def adjust(self) -> float:
        """Notify once by how much the calendar was set, and use it from then on."""
        by, self._to_tell = self._to_tell, 0.0
        self._ahead += by
        return by

    def set_calendar(self, by: float) -> None:
        """Set the system clock; the hub has not noticed yet."""
        self._to_tell += by


def advance(clock: ManualClock, scheduler: Scheduler, until: float) -> None:
    """Move a clock to `until`, doing what falls due on the way."""
    while (due := scheduler.next_deadline) is not None and due <= until:
        clock.time = max(clock.time, due)
        scheduler.run(clock.time)
    clock.time = max(clock.time, until)


class FakeOutlet:
    """A host for a node that records what is sent."""

    def __init__(self) -> None:
        """Start connected, with measurements unthrottled."""
        self.clock = ManualClock()
        self.options = UNTHROTTLED
        self.internal_errors = InternalErrors()
        self.scheduler = Scheduler(self.clock, self.internal_errors)
        self.connected = True
        self.sent: list[tuple[str, bytes]] = []

    def send(self, topic: str, payload: bytes) -> None:
        """Record a message."""
        self.sent.append((topic, payload))

    send_now = send

    async def publish(self, topic: str, payload: bytes) -> None:
        """Record a message, or fail like a link that is down."""
        if not self.connected:
            raise NotConnectedError("not_connected")
        self.sent.append((topic, payload))

    def deliver(self, request: Request) -> Coroutine[object, object, None]:
        """Publish a request."""
        assert isinstance(request, Request)
        return self.publish(request.topic, request.payload)

    def unanswered(self) -> None:
        """Ignore it: there is no connection to renew."""

    def advance(self, until: float) -> None:
        """Move the clock to `until`, doing what falls due on the way."""
        advance(self.clock, self.scheduler, until)


class OfflineHub(MqttHub):
    """A real hub without a connection: a test feeds its messages and moves its clock."""

    clock: ManualClock

    def __init__(
        self,
        prefixes: tuple[str, ...] = ("",),
        options: Options = UNTHROTTLED,
        known: Iterable[str] = (),
    ) -> None:
        """Use every MQTT protocol below `prefixes`."""
        super().__init__(_no_settings, clock=ManualClock(), options=options, known=known)
        self.sent: list[tuple[str, bytes]] = []
        for prefix in prefixes:
            for name in options.protocols:
                for protocol in MQTT_PROTOCOLS[name]:
                    self.add_protocol(prefix, protocol(self, prefix))

    @override
    def send(self, topic: str, payload: bytes) -> None:
        self.sent.append((topic, payload))

    @override
    def send_now(self, topic: str, payload: bytes) -> None:
        self.sent.append((topic, payload))

    @override
    async def publish(self, topic: str, payload: bytes) -> None:
        self.sent.append((topic, payload))

    @override
    def message(self, topic: str, payload: bytes, *, retained: bool) -> None:
        super().message(topic, payload, retained=retained)
        # What is due at once does not wait for the clock.
        self.advance(self.clock.time)

    def advance(self, until: float) -> None:
        """Move the clock to `until`, doing what falls due on the way."""
        advance(self.clock, self.scheduler, until)

    def feed(self, topic: str, payload: object) -> None:
        """Deliver a message: bytes as they are, anything else as JSON."""
        data = payload if isinstance(payload, bytes) else orjson.dumps(payload)
        self.message(topic, data, retained=False)

    def take_sent(self, part: str = "") -> list[tuple[str, bytes]]:
        """Return and forget the messages whose topic or bytes contain `part`."""
        found = [each for each in self.sent if part in each[0] or part.encode() in each[1]]
        self.sent.clear()
        return found


async def _no_settings() -> MqttSettings:
    raise NotImplementedError


class Playback:
    """A recording played through a hub; every moment can be looked at."""

    def __init__(self, path: Path) -> None:
        """Play all of it."""
        self.hub = OfflineHub()
        self._start = self.hub.clock.time
        self._frames: list[tuple[float, dict[str, ChargepointSnapshot]]] = []
        self.hub.connection_made()
        for line in read_recording(path):
            self.hub.advance(self._start + line.t)
            self.hub.message(self._ours(line.topic), line.payload, retained=False)
            nodes = {address: node.snapshot for address, node in self.hub.nodes.items()}
            self._frames.append((line.t, nodes))

    def _ours(self, topic: str) -> str:
        """Return where our hub awaits what was a reply to another one, else `topic`.

        Their topics differ only in the last level: the requester, or the id of the request.
        """
        asked_in = topic.rpartition("/")[0]
        for _, payload in reversed(self.hub.sent):
            reply_to = _reply_topic(payload)
            if reply_to and reply_to.rpartition("/")[0] == asked_in:
                return reply_to
        return topic

    def at(self, t: float, address: str) -> ChargepointSnapshot:
        """Return the snapshot after the last message up to `t` seconds."""
        return self.nodes_at(t)[address]

    def nodes_at(self, t: float) -> dict[str, ChargepointSnapshot]:
        """Return all snapshots after the last message up to `t` seconds."""
        return [nodes for when, nodes in self._frames if when <= t][-1]

    def course(self, address: str, field: str) -> list[object]:
        """Return the values `field` took one after the other."""
        values: list[object] = []
        for _, nodes in self._frames:
            if address in nodes:
                value = getattr(nodes[address], field)
                if not values or values[-1] != value:
                    values.append(value)
        return values


def _reply_topic(payload: bytes) -> str:
    """Return the topic for the reply to a request of ours, "" if it needs none."""
    match orjson.loads(payload):
        case {"headers": {"replyTo": str(topic)}} | {"resp_to": str(topic)}:
            return topic
    return ""


def lines(meter: Meter, quantity: str) -> tuple[float | None, float | None, float | None]:
    """Return what is measured on L1, L2 and L3 of `current` or `voltage`."""
    one, two, three = (getattr(meter, f"{quantity}_l{line}") for line in (1, 2, 3))
    return one, two, three


async def waits(command: asyncio.Task[None]) -> bool:
    """Return whether `command` still waits, once it had the time to notice its end."""
    for _ in range(3):
        await asyncio.sleep(0)
    return not command.done()
