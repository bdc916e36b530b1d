"""One module of EVerest's API family: where it is spoken to, and the replies to expect."""

from enum import StrEnum
from typing import Any, Final, NamedTuple
from uuid import uuid4

import orjson

from ..commands import Request
from .envelope import ReplyTopic, request


class Kind(StrEnum):
    """The kinds of modules that are spoken to."""

    EVSE = "evse_manager_consumer"
    ERRORS = "error_history_consumer"
    LIMITS = "external_energy_limits_consumer"
    TOKENS = "auth_token_provider"
    AUTHORIZATION = "auth_consumer"


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
        self._topic = f"{prefix}everest_api/1/{kind}/{module_id}/m2e/"
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

    def expects(self, request_id: str) -> bool:
        """Whether `request_id` is one of ours that has no reply yet."""
        return request_id in self._open

    def claim(self, request_id: str) -> str | None:
        """Return the operation that was replied to, once."""
        found = self._open.pop(request_id, None)
        return None if found is None else found.operation

    def clear(self) -> None:
        """Expect no reply any more."""
        self._open.clear()
