"""The modules beside an EVSE: limits, errors, and cards."""

from typing import TYPE_CHECKING, Any, override
import uuid

from . import messages
from .module import ApiModule, MalformedError

if TYPE_CHECKING:
    from .evse import Evse
    from .station import EverestSimulator

_HEARTBEAT_SECONDS = 5.0
_ENERGY_MANAGER_SECONDS = 1.0


class Sister(ApiModule):
    """A module that stands beside the EVSEs."""

    KIND = ""

    def __init__(self, station: EverestSimulator, module_id: str) -> None:
        """Build the module."""
        super().__init__(station, self.KIND, module_id, _HEARTBEAT_SECONDS)

    def boot(self) -> None:
        """Say what is said at a start."""

    def trouble(self, evse: Evse) -> None:
        """Hear that a fault of an EVSE has come or gone."""


class ExternalLimits(Sister):
    """Takes a limit for the current of one EVSE."""

    KIND = "external_energy_limits_consumer"

    def __init__(self, station: EverestSimulator, module_id: str, evse: Evse) -> None:
        """Build the module for one EVSE."""
        super().__init__(station, module_id)
        self._evse = evse
        self.orders["set_external_limits"] = self._set

    @override
    def boot(self) -> None:
        """Tell what the fuse allows; older releases do not."""
        if self.station.dialect.latches:
            setup = self._evse.setup
            power = setup.max_current * setup.phases * 230
            capabilities = {
                "max_current_A": setup.max_current,
                "max_phase_count": setup.phases,
                "nominal_voltage_V": 230.0,
                "total_power_W": power,
            }
            self.publish("capabilities", capabilities)

    def _set(self, body: Any) -> None:
        """Put the lowest of the given currents in force; none lifts the limit."""
        match body:
            case {
                "schedule_import": list(entries),
                "schedule_export": list(),
                "schedule_setpoints": list(),
            }:
                limits = [limit for entry in entries for limit in _currents(entry)]
            case _:
                raise MalformedError
        fuse = (self._evse.setup.max_current, "module_config")
        self.station.spawn(self._enforce(*min(limits, default=fuse)))

    async def _enforce(self, current: float, source: str) -> None:
        """Wait for the next round of the energy manager."""
        await self.station.sleep(_ENERGY_MANAGER_SECONDS)
        self._evse.set_limit(current, source)


def _currents(entry: Any) -> list[tuple[float, str]]:
    """Find the currents in one entry of a schedule."""
    match entry:
        case {
            "timestamp": str(),
            "limits_to_root": dict(root),
            "limits_to_leaves": dict(leaves),
        }:
            found = []
            for limit in (root.get("ac_max_current_A"), leaves.get("ac_max_current_A")):
                match limit:
                    case None:
                        continue
                    case {"value": int() | float() as value, "source": str(source)}:
                        found.append((float(value), source))
                    case _:
                        raise MalformedError
            return found
        case _:
            raise MalformedError


class ErrorHistory(Sister):
    """Tells the faults of all EVSEs."""

    KIND = "error_history_consumer"

    def __init__(self, station: EverestSimulator, module_id: str) -> None:
        """Build the module without any errors."""
        super().__init__(station, module_id)
        self._active: dict[str, dict[str, Any]] = {}
        self.requests["active_errors"] = self._tell
        self.requests["get_errors"] = self._tell

    @override
    def trouble(self, evse: Evse) -> None:
        """Raise or clear the error of an EVSE."""
        known = self._active.pop(evse.name, None)
        if known:
            self.publish("error_cleared", {**known, "state": "ClearedByModule"})
        if evse.trouble:
            error = {
                "description": evse.trouble,
                "message": evse.trouble,
                # The driver is named, not the API module: nothing links the two.
                "origin": {
                    "implementation_id": "board_support",
                    "module_id": f"driver_{evse.number}",
                },
                "severity": "High",
                "state": "Active",
                "timestamp": messages.now(),
                "type": "evse_board_support/VendorError",
                "uuid": str(uuid.uuid4()),
            }
            self._active[evse.name] = error
            self.publish("error_raised", error)

    def _tell(self, _body: Any) -> dict[str, Any]:
        return {"errors": [*self._active.values()]}


class Authorizer(Sister):
    """Tells what becomes of cards."""

    KIND = "auth_consumer"

    def tell(self, token: dict[str, Any], status: str) -> None:
        """Publish what has become of a card."""
        value = {"messages": [], "status": status, "token": token}
        self.publish("token_validation_status", value)


class Tokens(Sister):
    """Takes cards that are held to a reader somewhere else."""

    KIND = "auth_token_provider"

    def __init__(
        self, station: EverestSimulator, module_id: str, authorizer: Authorizer | None
    ) -> None:
        """Build the module; the authorizer is told what becomes of the cards."""
        super().__init__(station, module_id)
        self._authorizer = authorizer
        self.orders["provided_token"] = self._provide

    def _provide(self, body: Any) -> None:
        match body:
            case {
                "id_token": {"value": str(), "type": str()},
                "authorization_type": str(),
            }:
                pass
            case _:
                raise MalformedError
        evses = self.station.points.values()
        # A plugged car that waits comes first, then one that this card has started.
        order = sorted(evses, key=lambda evse: evse.voice.state != "AuthRequired")
        used = (evse.swiped(body) for evse in order)
        result = next((status for status in used if status != "Rejected"), "Rejected")
        if self._authorizer:
            statuses = ["Processing", "Accepted", result]
            if result != "UsedToStart":
                statuses.remove("Accepted")
            for status in statuses:
                self._authorizer.tell(body, status)
