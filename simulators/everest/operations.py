"""What can be asked of an EVSE through ``evse_manager_consumer``."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from .requests import MalformedError, fields, integer, one_of

if TYPE_CHECKING:
    from .evse import Evse

STOP_REASONS = frozenset(
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
    )
)
_NEW_STOP_REASON = "EVSEDisabled"
SOURCES = frozenset(
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
ENABLE_STATES = frozenset(("Unassigned", "Disable", "Enable"))
LOWEST_PRIORITY = 10000
AUTHORIZATION_TYPES = frozenset(("OCPP", "RFID", "Autocharge", "PlugAndCharge", "BankCard"))
TOKEN_TYPES = frozenset(
    (
        "Central",
        "eMAID",
        "MacAddress",
        "ISO14443",
        "ISO15693",
        "KeyCode",
        "Local",
        "NoAuthorization",
    )
)
_TOKEN_LENGTH = 36
_AUTHORIZATIONS = frozenset(
    (
        "Accepted",
        "Blocked",
        "ConcurrentTx",
        "Expired",
        "Invalid",
        "NoCredit",
        "NotAllowedTypeEVSE",
        "NotAtThisLocation",
        "NotAtThisTime",
        "Unknown",
    )
)


@dataclass(frozen=True)
class Source:
    """Who wants an EVSE enabled or disabled, and how much that counts."""

    name: str = "Unspecified"
    state: str = "Unassigned"
    priority: int = LOWEST_PRIORITY

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
    if evse.station.dialect.page:
        operations |= {"reserve": _reserve, "external_ready_to_start_charging": _ready}
        evse.api.orders["authorize_response"] = partial(_authorize_response, evse)
        evse.api.signals |= {
            "withdraw_authorization": evse.course.deauthorize,
            "cancel_reservation": evse.course.cancel_reservation,
        }
    for name, operation in operations.items():
        evse.api.requests[name] = partial(operation, evse)


def token(value: Any) -> dict[str, Any]:
    """Read a token: a card, or what else can authorise."""
    found = fields(value, id_token=dict, authorization_type=str)
    one_of(found["authorization_type"], AUTHORIZATION_TYPES)
    id_token(found["id_token"])
    return found


def id_token(value: Any) -> dict[str, Any]:
    """Read the number on a token."""
    inner = fields(value, value=str, type=str)
    one_of(inner["type"], TOKEN_TYPES)
    if len(inner["value"]) > _TOKEN_LENGTH:
        raise MalformedError("the number is too long")
    return inner


def _get_evse(evse: Evse, _body: Any) -> dict[str, Any]:
    kind = "cCCS2" if evse.setup.dc else "cType2"
    return {"connectors": [{"id": 1, "type": kind}], "id": evse.number}


def _pause(evse: Evse, _body: Any) -> bool:
    return not evse.refusal and evse.course.pause(paused=True)


def _resume(evse: Evse, _body: Any) -> bool:
    return not evse.refusal and evse.course.pause(paused=False)


def _stop(evse: Evse, body: Any) -> bool:
    wanted = fields(body, reason=str)
    # The reason of a disabled EVSE came with the other news of that release.
    new = {_NEW_STOP_REASON} if evse.station.dialect.latches else set()
    reason = one_of(wanted["reason"], STOP_REASONS | new)
    if "id_tag" in wanted:
        token(wanted["id_tag"])
    return not evse.refusal and evse.course.stop_transaction(reason)


def _enable_disable(evse: Evse, body: Any) -> bool:
    wanted = fields(body, connector_id=(int, float), source=dict)
    source = fields(wanted["source"], enable_priority=(int, float))
    name = one_of(source.get("enable_source"), SOURCES)
    state = one_of(source.get("enable_state"), ENABLE_STATES)
    priority = integer(source["enable_priority"])
    if not 0 <= priority <= LOWEST_PRIORITY:
        raise MalformedError("there is no such priority")
    if evse.refusal:
        return evse.course.enabled
    return evse.course.enable(Source(name, state, priority), integer(wanted["connector_id"]))


def _force_unlock(evse: Evse, body: Any) -> bool:
    integer(body)
    return not evse.refusal and evse.course.unlock()


def _reserve(evse: Evse, body: Any) -> bool:
    return not evse.refusal and evse.course.reserve(integer(body))


def _ready(evse: Evse, _body: Any) -> bool:
    return evse.start_charging_allowed()


def _authorize_response(evse: Evse, body: Any) -> None:
    """Take from somebody else what a card is good for."""
    answer = fields(body, token=dict, result=dict)
    given = token(answer["token"])
    status = one_of(answer["result"].get("authorization_status"), _AUTHORIZATIONS)
    if status == "Accepted" and evse.course.wants(given):
        evse.course.authorize(given)
