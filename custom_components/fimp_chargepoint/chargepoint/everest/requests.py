"""The requests of one charge point that wait for a reply."""

from typing import Final, NamedTuple

from ..commands import Request
from .envelope import ReplyTopic, request

INTERFACE: Final = "evse_manager_consumer"

#: Seconds after which a reply is not expected any more: a refused request gets none.
_PATIENCE: Final = 60.0
_OPEN_MAX: Final = 64


class _Open(NamedTuple):
    operation: str
    since: float


class Requests:
    """Makes requests, and knows their replies from those to other clients."""

    def __init__(self, prefix: str, module: str) -> None:
        """Make requests to `module`, with `prefix` before the topics they go to."""
        self._module = module
        self._topic = f"{prefix}everest_api/1/{INTERFACE}/{module}/m2e/"
        self._open: dict[str, _Open] = {}

    def make(self, operation: str, now: float) -> Request:
        """Return the request for `operation`; its reply is expected from now on."""
        for request_id, (_, since) in tuple(self._open.items()):
            if now - since < _PATIENCE and len(self._open) < _OPEN_MAX:
                break
            del self._open[request_id]
        reply_to = ReplyTopic(INTERFACE, self._module, operation)
        self._open[reply_to.id] = _Open(operation, now)
        return Request(reply_to.id, self._topic + operation, request(reply_to))

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
