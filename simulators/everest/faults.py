"""What is wrong with the station, and the module that tells."""

from typing import TYPE_CHECKING, Any, override
import uuid

from . import messages
from .requests import MalformedError, fields, moment, one_of
from .sisters import Sister

if TYPE_CHECKING:
    from .station import EverestSimulator

SEVERITIES = ("Low", "Medium", "High")
_STATES = ("Active", "ClearedByModule", "ClearedByReboot")
_SEVERITY_FILTERS = {"LOW_GE": 0, "MEDIUM_GE": 1, "HIGH_GE": 2}


class Faults:
    """All errors, present and past; a restart clears those that are present."""

    def __init__(self, station: EverestSimulator) -> None:
        """Begin with nothing wrong."""
        self._station = station
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
        for sister in self._station.sisters:
            if isinstance(sister, ErrorHistory):
                sister.publish(variable, dict(error))


class ErrorHistory(Sister):
    """Tells the errors of the whole station."""

    KIND = "error_history_consumer"
    VARIABLES = ("error_raised", "error_cleared")

    @override
    def connect(self) -> None:
        """Answer the questions."""
        self.requests["active_errors"] = lambda _: {"errors": self.station.faults.active}
        self.requests["get_errors"] = self._get_errors

    def _get_errors(self, body: Any) -> dict[str, Any]:
        wanted = fields(body)
        found = [error for error in self.station.faults.history if _passes(error, wanted)]
        return {"errors": found}


def _passes(error: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Tell whether an error passes all filters that are given."""
    passed = True
    for name, value in wanted.items():
        match name:
            case "state_filter":
                passed &= error["state"] == one_of(value, _STATES)
            case "severity_filter":
                least = _SEVERITY_FILTERS[one_of(value, tuple(_SEVERITY_FILTERS))]
                passed &= SEVERITIES.index(error["severity"]) >= least
            case "origin_filter":
                origin = fields(value, module_id=str, implementation_id=str)
                passed &= error["origin"].items() <= origin.items()
            case "type_filter" | "handle_filter":
                if not isinstance(value, str):
                    raise MalformedError(f"{name} is no text")
                passed &= error["type" if name == "type_filter" else "uuid"] == value
            case "timeperiod_filter":
                period = fields(value, timestamp_from=str, timestamp_to=str)
                began, ended = moment(period["timestamp_from"]), moment(period["timestamp_to"])
                passed &= began <= moment(error["timestamp"]) <= ended
    return passed
