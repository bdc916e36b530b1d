"""A module beside an EVSE's: what all of them have in common."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from ...commands.command import Request
from ...node import NodeHost
from ...protocol import Handler
from ..heartbeat import is_heartbeat
from ..module import Module


class CompanionModule:
    """A module beside an EVSE's: what it says, and what it can be asked."""

    #: The variables that prove such a module, with a key they hold.
    PROOFS: ClassVar[Mapping[str, str]] = {}

    def __init__(self, module: Module, host: NodeHost) -> None:
        """Speak to `module` through `host`."""
        self.module = module
        self._host = host
        #: As many as there are EVSEs, where it is there for the whole station.
        self._listeners: dict[Callable[..., None], None] = {}

    @classmethod
    def identifies(cls, variable: str, value: Any) -> bool:
        """Whether only such a module says so; nonsense must make none."""
        if variable == "heartbeat":
            return is_heartbeat(value)
        key = cls.PROOFS.get(variable)
        return key is not None and isinstance(value, dict) and key in value

    def listen(self, listener: Callable[..., None]) -> None:
        """Tell `listener` from now on of what the module says."""
        self._listeners[listener] = None

    def ignore(self, listener: Callable[..., None]) -> None:
        """Tell it of nothing any more."""
        self._listeners.pop(listener, None)

    def _tell(self, *what: Any) -> None:
        self._host.internal_errors.tell(self._listeners, *what)

    def ask(self, now: float) -> None:
        """Ask for everything: nothing is retained."""

    def handle_message(self, variable: str, value: Any, now: float) -> None:
        """Take the `value` of a variable."""

    def reply_handler(self, request_id: str) -> Handler | None:
        """Return what handles the reply to a request, None where it is not ours."""
        return self.module.reply_handler(request_id, self._replied)

    def _replied(self, request_id: str, operation: str, value: Any, now: float) -> None:
        """Take the reply to a request."""

    def _send(self, request: Request) -> None:
        self._host.send(request.topic, request.payload)
