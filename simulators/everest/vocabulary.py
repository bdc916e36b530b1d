"""EVerest's terms: sources and reasons of requests, and tokens."""

from dataclasses import dataclass
from typing import Any

from .requests import MalformedError, fields, one_of

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


@dataclass(frozen=True)
class Source:
    """The source of a request to enable or disable an EVSE, and its priority."""

    name: str = "Unspecified"
    state: str = "Unassigned"
    priority: int = LOWEST_PRIORITY

    def encode(self) -> dict[str, Any]:
        """Return the source in the format of session events."""
        return {
            "enable_priority": self.priority,
            "enable_source": self.name,
            "enable_state": self.state,
        }


def token(value: Any) -> dict[str, Any]:
    """Read a token: a card or another means of authorization."""
    found = fields(value, id_token=dict, authorization_type=str)
    one_of(found["authorization_type"], AUTHORIZATION_TYPES)
    id_token(found["id_token"])
    return found


def id_token(value: Any) -> dict[str, Any]:
    """Read the number of a token."""
    inner = fields(value, value=str, type=str)
    one_of(inner["type"], TOKEN_TYPES)
    if len(inner["value"]) > _TOKEN_LENGTH:
        raise MalformedError("the number is too long")
    return inner
