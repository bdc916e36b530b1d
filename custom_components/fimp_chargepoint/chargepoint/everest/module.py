"""One module of EVerest's API family: where it is spoken to, and the replies to expect."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any, Final, NamedTuple
from uuid import uuid4

import orjson

from ..commands.command import Request
from ..protocol import Handler
from ..transport.topics import is_level
from .envelope import ReplyTopic, decode, request


class Kind(StrEnum):
    """The kinds of modules that are spoken to."""

    EVSE = "evse_manager_consumer"
    ERRORS = "error_history_consumer"
    LIMITS = "external_energy_limits_consumer"
    TOKENS = "auth_token_provider"
    AUTHORIZATION = "auth_consumer"
    COSTS = "session_cost_consumer"
    OCPP = "ocpp_consumer"


def address_of(prefix: str, module: str) -> str:
    """Return the address of the EVSE behind a module of v1."""
    return f"everest:{prefix}{module}"


def is_v1(address: str, prefix: str) -> bool:
    """Whether `address` is that of an EVSE that speaks v1 below `prefix`."""
    start = address_of(prefix, "")
    # Below another prefix, which begins with this one, there are more levels.
    return address.startswith(start) and is_level(address.removeprefix(start))


#: Takes the id of a request, its operation, the reply and the time.
type Replied = Callable[[str, str, Any, float], None]

#: Seconds after which a reply is not expected any more: a refused request gets none.
_PATIENCE: Final = 60.0
_OPEN_MAX: Final = 64


class _Open(NamedTuple):
    operation: str
    since: float


class Module:
    """Makes messages to a module, and knows its replies from those to other clients."""

    def __init__(self, prefix: str, kind: Kind, module_id: str) -> None:
        """Speak to a module, with `prefix` before the topics that are published to."""
        self.kind = kind
        self.id = module_id
        #: Identifies it on the broker.
        self.address = f"{prefix}everest_api/1/{kind}/{module_id}"
        self._topic = f"{self.address}/m2e/"
        self._open: dict[str, _Open] = {}

    def request(self, operation: str, now: float, payload: Any = None) -> Request:
        """Return the request for `operation`; its reply is expected from now on."""
        for request_id, (_, since) in tuple(self._open.items()):
            if now - since < _PATIENCE and len(self._open) < _OPEN_MAX:
                break
            del self._open[request_id]
        reply_to = ReplyTopic(self.kind, self.id, operation)
        self._open[reply_to.id] = _Open(operation, now)
        return Request(reply_to.id, self._topic + operation, request(reply_to, payload))

    def message(self, operation: str, value: Any) -> Request:
        """Return a message that nobody replies to: plain JSON without an envelope."""
        return Request(uuid4().hex, self._topic + operation, orjson.dumps(value))

    def reply_handler(self, request_id: str, replied: Replied) -> Handler | None:
        """Return what hands a reply to `replied`, None where it is not expected.

        A request is replied to once; what comes again is nobody's.
        """
        if request_id not in self._open:
            return None

        def handle(payload: bytes, now: float) -> None:
            value = decode(payload)
            found = self._open.pop(request_id, None)
            if found is not None:
                replied(request_id, found.operation, value, now)

        return handle

    def clear(self) -> None:
        """Expect no reply any more."""
        self._open.clear()
