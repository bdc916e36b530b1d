"""The errors of the station.

EVerest API v1, error_history_consumer.
"""

from typing import Any, ClassVar, Final, override

from ...node import NodeHost
from ..envelope import error_name, mapping, text
from ..module import Module
from .companion import CompanionModule

#: Errors that are kept; a station has a handful.
_ERRORS_MAX: Final = 100
#: Seconds after which they are asked for again: the first question may have come too early.
ASK_AGAIN: Final = 3.0


class ErrorHistory(CompanionModule):
    """Tells its listeners the names of all errors of the station, and when it was told."""

    PROOFS: ClassVar = {"error_raised": "uuid", "error_cleared": "uuid"}

    def __init__(self, module: Module, host: NodeHost) -> None:
        """Know of no error yet."""
        super().__init__(module, host)
        #: By uuid.
        self._active: dict[str, str] = {}
        #: Whether an error was raised or cleared after the list was asked for.
        self._overtaken = False
        #: Whether the station has told of all that were active.
        self.known = False

    @property
    def names(self) -> frozenset[str]:
        """The names of all active errors."""
        return frozenset(self._active.values())

    def forget(self) -> None:
        """Nobody listened for a while, or the station started anew."""
        self._active.clear()
        self.known = False
        self.module.clear()

    @override
    def ask(self, now: float) -> None:
        """Ask for the active errors."""
        self._overtaken = False
        self._send(self.module.request("active_errors", now))

    @override
    def handle_message(self, variable: str, value: Any, now: float) -> None:
        """Take an error that was raised or cleared."""
        if variable not in ("error_raised", "error_cleared"):
            return
        error = mapping(value)
        uuid, name = text(error.get("uuid")), error_name(error)
        if uuid is None:
            return
        self._overtaken = True
        if variable == "error_cleared":
            self._active.pop(uuid, None)
        elif name is not None and len(self._active) < _ERRORS_MAX:
            self._active[uuid] = name
        self._tell(self.names, now)

    @override
    def _replied(self, request_id: str, operation: str, value: Any, now: float) -> None:
        """Take the list of all active errors."""
        errors = mapping(value).get("errors")
        if not isinstance(errors, list):
            return
        if self._overtaken:
            # The list may be of before that.
            self.ask(now)
            return
        self._active = {
            uuid: name
            for each in errors[:_ERRORS_MAX]
            if isinstance(each, dict)
            and (uuid := text(each.get("uuid"))) is not None
            and (name := error_name(each)) is not None
        }
        self.known = True
        self._tell(self.names, now)
