"""What can be asked of an EVSE through ``evse_manager_consumer``."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from .module import MalformedError

if TYPE_CHECKING:
    from .evse import Evse

_STOP_REASONS = frozenset(
    (
        "EmergencyStop",
        "EVDisconnected",
        "HardReset",
        "Local",
        "Other",
        "PowerLoss",
        "Reboot",
        "Remote",
        "SoftReset",
        "UnlockCommand",
        "DeAuthorized",
        "EnergyLimitReached",
        "GroundFault",
        "LocalOutOfCredit",
        "MasterPass",
        "OvercurrentFault",
        "PowerQuality",
        "SOCLimitReached",
        "StoppedByEV",
        "TimeLimitReached",
        "Timeout",
        "ReqEnergyTransferRejected",
        "EVSEDisabled",
    )
)
_SOURCES = frozenset(
    (
        "Unspecified",
        "LocalAPI",
        "LocalKeyLock",
        "ServiceTechnician",
        "RemoteKeyLock",
        "MobileApp",
        "FirmwareUpdate",
        "CSMS",
    )
)
_ENABLE_STATES = frozenset(("Unassigned", "Disable", "Enable"))


@dataclass(frozen=True)
class Source:
    """Who wants an EVSE enabled or disabled, and how much that counts."""

    name: str = "Unspecified"
    state: str = "Unassigned"
    priority: int = 10000

    def encode(self) -> dict[str, Any]:
        """Write the source as session events do."""
        return {
            "enable_priority": self.priority,
            "enable_source": self.name,
            "enable_state": self.state,
        }


def connect(evse: Evse) -> None:
    """Let the API module of an EVSE take its requests."""
    operations: dict[str, Callable[..., Any]] = {
        "get_evse": _get_evse,
        "pause_charging": _pause,
        "resume_charging": _resume,
        "stop_transaction": _stop,
        "enable_disable": _enable_disable,
        "force_unlock": _force_unlock,
    }
    for name, operation in operations.items():
        evse.api.requests[name] = partial(operation, evse)


def _get_evse(evse: Evse, _body: Any) -> dict[str, Any]:
    return {"connectors": [{"id": 1, "type": "cType2"}], "id": evse.number}


def _pause(evse: Evse, _body: Any) -> bool:
    return _want_pause(evse, paused=True)


def _resume(evse: Evse, _body: Any) -> bool:
    return _want_pause(evse, paused=False)


def _want_pause(evse: Evse, *, paused: bool) -> bool:
    """Pause or resume; it is a success even where nothing changes."""
    if evse.refusal or not evse.charging_allowed:
        return False
    evse.paused = paused
    evse.settle()
    return True


def _stop(evse: Evse, body: Any) -> bool:
    match body:
        case {"reason": str(reason), **rest} if reason in _STOP_REASONS:
            if "id_tag" in rest and not isinstance(rest["id_tag"], dict):
                raise MalformedError
        case _:
            raise MalformedError
    if evse.refusal or not evse.charging_allowed:
        return False
    evse.stop_transaction(reason)
    return True


def _enable_disable(evse: Evse, body: Any) -> bool:
    match body:
        case {
            "connector_id": int() | float() as connector,
            "source": {
                "enable_source": str(name),
                "enable_state": str(state),
                "enable_priority": int() | float() as priority,
            },
        } if name in _SOURCES and state in _ENABLE_STATES:
            if evse.refusal:
                return evse.enabled
            return evse.enable(Source(name, state, int(priority)), int(connector))
        case _:
            raise MalformedError


def _force_unlock(evse: Evse, body: Any) -> bool:
    if not isinstance(body, int | float):
        raise MalformedError
    if evse.refusal or not evse.setup.lock:
        return False
    evse.stop_transaction("UnlockCommand")
    return True
