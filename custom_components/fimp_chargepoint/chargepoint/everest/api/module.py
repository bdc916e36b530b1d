"""A module of EVerest's API v1: its topics, replies and heartbeats.

Nothing is retained, a refused request gets no reply, and a reply has no correlation id.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import partial
import math
from types import UnionType
from typing import TYPE_CHECKING, Final, NamedTuple
from uuid import uuid4

import orjson

from ...commands.replies import PendingReplies
from ...node import NodeHost, Request
from ...protocol import Handler
from ...scheduler import Timers, in_slot
from ...transport.topics import is_level
from ..envelope import ReplyTopic, decode, mapping, request

if TYPE_CHECKING:
    from ...mqtt_hub import MqttHub


class Kind(StrEnum):
    """The kinds of modules that are used here."""

    EVSE = "evse_manager_consumer"
    ERRORS = "error_history_consumer"
    LIMITS = "external_energy_limits_consumer"
    TOKENS = "auth_token_provider"
    AUTHORIZATION = "auth_consumer"
    COSTS = "session_cost_consumer"
    OCPP = "ocpp_consumer"


#: What the address of a node begins with, by the kind of its module.
_SCHEMES: Final = {Kind.EVSE: "everest", Kind.OCPP: "everest_ocpp"}


def node_address(kind: Kind, prefix: str, module: str) -> str:
    """Return the address of the node for a module below a topic prefix."""
    return f"{_SCHEMES.get(kind, kind)}:{prefix}{module}"


def is_node_of(kind: Kind, address: str, prefix: str) -> bool:
    """Whether `address` is that of a node for a module of this kind below `prefix`."""
    start = node_address(kind, prefix, "")
    # A longer prefix that begins with this one has more levels.
    return address.startswith(start) and is_level(address.removeprefix(start))


#: Which key of a variable holds a value of which type; an empty key is the variable itself.
type Signature = Mapping[str, tuple[str, type | UnionType]]


def identifies(signature: Signature, variable: str, value: object) -> bool:
    """Whether only a module with that `signature` publishes this.

    Raises:
        ProtocolError: of kind `shape`.

    """
    if variable == "heartbeat":
        # A counter, or in 2025.10 an empty object.
        return value == {} or type(value) is int
    if variable not in signature:
        return False
    key, kind = signature[variable]
    if key:
        message = mapping(value)
        if key not in message:
            return False
        value = message[key]
    return isinstance(value, kind) and value != ""


#: Takes the id of a request, its operation, the reply and the time.
type Replied = Callable[[str, str, object, float], None]

#: Seconds after which a reply is no longer expected.
_REPLY_TIME: Final = 60.0
_OPEN_MAX: Final = 64


class _Open(NamedTuple):
    operation: str
    since: float
    to: PendingReplies | None


class ApiModule:
    """A module: makes requests, recognizes its replies, and knows whether it is alive."""

    def __init__(self, host: NodeHost, prefix: str, kind: Kind, module_id: str) -> None:
        """Address a module below a topic prefix."""
        self.host = host
        self.kind = kind
        self.id = module_id
        #: Unique on the broker.
        self.address = f"{prefix}everest_api/1/{kind}/{module_id}"
        self.heartbeats = HeartbeatMonitor()
        self.received_at = host.clock.now()
        self._open: dict[str, _Open] = {}
        #: Takes the replies; for a node that is the node.
        self.on_reply: Replied = self.answered

    def answered(self, request_id: str, operation: str, value: object, now: float) -> None:
        """Take the reply to a request."""

    def received(self, variable: str, value: object, now: float) -> bool:
        """Take note of a message; return whether it shows that the module was restarted."""
        self.received_at = now
        return variable == "heartbeat" and self.heartbeats.received(value, now)

    def is_gone(self, now: float, since: float) -> bool:
        """Whether it no longer exists: it is silent, although its station was not since `since`."""
        return now - max(self.received_at, since) >= self.heartbeats.gone_after

    def request(
        self, operation: str, payload: object = None, *, to: PendingReplies | None = None
    ) -> Request:
        """Return the request for `operation`; its reply is expected, and goes to `to`."""
        now = self.host.clock.now()
        for request_id, former in tuple(self._open.items()):
            if now - former.since < _REPLY_TIME and len(self._open) < _OPEN_MAX:
                break
            del self._open[request_id]
        reply_to = ReplyTopic(self.kind, self.id, operation)
        self._open[reply_to.id] = _Open(operation, now, to)
        return Request(reply_to.id, self._topic(operation), request(reply_to, payload))

    def message(self, operation: str, value: object) -> Request:
        """Return a message without a reply: plain JSON without an envelope."""
        return Request(uuid4().hex, self._topic(operation), orjson.dumps(value))

    def _topic(self, operation: str) -> str:
        return f"{self.address}/m2e/{operation}"

    def ask(self, operation: str) -> None:
        """Send a request without a payload."""
        self.send(self.request(operation))

    def send(self, request: Request) -> None:
        """Send a request or a message."""
        self.host.send(request.topic, request.payload)

    def reply_handler(self, request_id: str) -> Handler | None:
        """Return what takes a reply, None if it is not expected.

        A second reply to the same request is ignored.
        """
        if request_id not in self._open:
            return None

        def handle(payload: bytes, now: float) -> None:
            value = decode(payload)
            found = self._open.pop(request_id, None)
            if found is None:
                return
            self.received_at = now
            if found.to is not None:
                found.to.replied(request_id, value)
            else:
                self.on_reply(request_id, found.operation, value, now)

        return handle

    def withdraw(self, operation: str) -> bool:
        """Stop expecting replies to `operation`; return whether any were expected."""
        found = [each for each, request in self._open.items() if request.operation == operation]
        for each in found:
            del self._open[each]
        return bool(found)

    def clear(self) -> None:
        """Stop expecting replies."""
        self._open.clear()


#: Seconds of silence that are always allowed, and heartbeats that may be missed.
SILENCE_MIN: Final = 30.0
_MISSED_HEARTBEATS: Final = 3
#: The longest credible interval, in seconds; EVerest's examples have 40.
_INTERVAL_MAX: Final = 120.0


class HeartbeatMonitor:
    """The interval of a module's heartbeats, and whether they show a restart. Pure.

    They are a counter from 0, except in 2025.10, and can be switched off.
    """

    def __init__(self) -> None:
        """Start without any heartbeat."""
        self._count: int | None = None
        self._at: float | None = None
        self._interval = 0.0

    @property
    def silence_max(self) -> float:
        """The seconds of silence after which the module is gone."""
        return max(SILENCE_MIN, _MISSED_HEARTBEATS * self._interval)

    @property
    def gone_after(self) -> float:
        """The seconds of silence after which the module no longer exists.

        Without heartbeats, silence is normal.
        """
        if self._interval:
            return self.silence_max
        return math.inf if self._at is None else _MISSED_HEARTBEATS * _INTERVAL_MAX

    def set_interval(self, interval: float) -> None:
        """Take the interval from a reply to a discovery, in seconds."""
        self._interval = min(max(interval, 0.0), _INTERVAL_MAX)

    def received(self, value: object, now: float) -> bool:
        """Take a heartbeat; return whether the module was restarted before it."""
        count = value if type(value) is int else None
        before, before_at = self._count, self._at
        self._count, self._at = count, now
        beats = 1 if count is None or before is None else count - before
        if beats > 0 and before_at is not None:
            self._interval = min((now - before_at) / beats, _INTERVAL_MAX)
        # Two zeros are two starts in quick succession.
        return beats < 0 or (beats == 0 and count == 0)

    def missed(self) -> None:
        """Ignore the next interval: some heartbeats may have been missed."""
        self._at = None

    def forget(self) -> None:
        """Forget the counter: a restart after a gap cannot be recognized."""
        self._count = self._at = None


#: Seconds within which a module expects a heartbeat from us if unknown: EVerest's default.
_PERIOD: Final = 5.0


class CommunicationCheck:
    """Sends heartbeats to the modules, if the option is on.

    A station that is configured for this reports an error until the first `true`, and whenever none
    arrives in time. `false` switches that off until EVerest restarts. It never blocks charging.
    """

    def __init__(self, hub: MqttHub, timers: Timers) -> None:
        """Start without any module."""
        self._hub = hub
        self._timers = timers
        self._periods: dict[ApiModule, float] = {}
        self._has_left = False

    def watch(self, module: ApiModule, period: float | None, now: float) -> None:
        """Send `module` heartbeats, one within each `period` of seconds; None if unknown."""
        known = self._periods.get(module)
        if not self._hub.options.communication_check or (known is not None and period is None):
            return
        period = _PERIOD if period is None else period
        if known != period:
            self._periods[module] = period
            self._send(module, now)

    def connection_made(self, now: float) -> None:
        """Send all of them at once."""
        self._hub.internal_errors.each(self._periods, lambda module: self._send(module, now))

    def disconnecting(self) -> list[tuple[str, bytes]]:
        """Stop, and return the messages after which no module expects a heartbeat."""
        # Another heartbeat would make them expect more.
        self._has_left = True
        watched = [module for module, period in self._periods.items() if period > 0]
        last = [module.message("communication_check", value=False) for module in watched]
        return [(message.topic, message.payload) for message in last]

    def _send(self, module: ApiModule, now: float) -> None:
        name, period = f"check {module.address}", self._periods[module]
        if period <= 0 or self._has_left:
            self._timers.cancel(name)
            return
        message = module.message("communication_check", value=True)
        # Not behind questions: it would come too late, or after the last one.
        self._hub.send_now(message.topic, message.payload)
        # All modules with this period in one wake of the loop.
        due = in_slot(now + period / 2, period / 4)
        self._timers.set(name, due, partial(self._send, module))
