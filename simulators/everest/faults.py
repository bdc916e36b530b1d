"""The errors of the station."""

from collections.abc import Callable
from typing import Any
import uuid

from . import messages

SEVERITIES = ("Low", "Medium", "High")


class Faults:
    """All errors, present and past; a restart clears the present ones."""

    def __init__(self) -> None:
        """Start without errors."""
        self.publishers: list[Callable[[str, dict[str, Any]], None]] = []
        """Who publishes that an error was raised or cleared."""
        self.history: list[dict[str, Any]] = []

    @property
    def active(self) -> list[dict[str, Any]]:
        """The present errors."""
        return [error for error in self.history if error["state"] == "Active"]

    def report(
        self,
        kind: str,
        message: str,
        *,
        origin: tuple[str, str],
        severity: str = "High",
        description: str = "",
        sub_type: str = "",
    ) -> str:
        """Raise an error; return the id for clearing it."""
        error = {
            "description": description or message,
            "message": message,
            "origin": {"implementation_id": origin[1], "module_id": origin[0]},
            "severity": severity,
            "state": "Active",
            "timestamp": messages.now(),
            "type": kind,
            "uuid": str(uuid.uuid4()),
        }
        if sub_type:
            error["sub_type"] = sub_type
        self.history.append(error)
        self._publish("error_raised", error)
        return str(error["uuid"])

    def clear(self, number: str) -> None:
        """Clear an error."""
        for error in self.active:
            if error["uuid"] == number:
                error["state"] = "ClearedByModule"
                self._publish("error_cleared", error)

    def reboot(self) -> None:
        """Forget the present errors; their sources will report them again."""
        for error in self.active:
            error["state"] = "ClearedByReboot"

    def _publish(self, variable: str, error: dict[str, Any]) -> None:
        for publish in self.publishers:
            publish(variable, dict(error))
