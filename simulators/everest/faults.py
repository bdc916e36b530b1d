"""What is wrong with the station."""

from collections.abc import Callable
from typing import Any
import uuid

from . import messages

SEVERITIES = ("Low", "Medium", "High")


class Faults:
    """All errors, present and past; a restart clears those that are present."""

    def __init__(self) -> None:
        """Begin with nothing wrong."""
        self.tellers: list[Callable[[str, dict[str, Any]], None]] = []
        """Who publishes that an error was raised or cleared."""
        self.history: list[dict[str, Any]] = []

    @property
    def active(self) -> list[dict[str, Any]]:
        """What is wrong now."""
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
        """Raise an error, and return the id it can be cleared by."""
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
        self._tell("error_raised", error)
        return str(error["uuid"])

    def clear(self, number: str) -> None:
        """Clear an error."""
        for error in self.active:
            if error["uuid"] == number:
                error["state"] = "ClearedByModule"
                self._tell("error_cleared", error)

    def reboot(self) -> None:
        """Forget what is wrong; whoever still has it will say it again."""
        for error in self.active:
            error["state"] = "ClearedByReboot"

    def _tell(self, variable: str, error: dict[str, Any]) -> None:
        for tell in self.tellers:
            tell(variable, dict(error))
