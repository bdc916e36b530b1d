"""The requests to `ocpp_consumer`, and how its replies are read. Pure.

EVerest API v1. A variable without a component is a configuration key of OCPP 1.6.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final, NamedTuple

from ...errors import CommandRejectedError, InvalidRequestError, refused_with
from ...ocpp import (
    ChangeAvailability,
    GetVariables,
    MonitorVariables,
    OcppCommand,
    SendSecurityEvent,
    SetVariable,
)
from ...readers import JsonObject, objects, part, text
from ..envelope import mapping
from . import arguments

_SOURCE: Final = "fimp_chargepoint"
_VALUE_MAX: Final = 1000
#: The replies that mean that a value was accepted.
TAKEN: Final = frozenset({"Accepted", "RebootRequired", "Scheduled"})
#: The replies that mean that there is no such variable.
_UNKNOWN: Final = frozenset({"UnknownVariable", "UnknownComponent"})


class OcppCall(NamedTuple):
    """An operation, its payload, and how to read the reply; None if none comes."""

    operation: str
    payload: Mapping[str, object] | None
    answer: Callable[[object], dict[str, object]] | None


#: A request that every release replies to, even if the key is unknown. It changes nothing.
PING: Final = GetVariables(names=("HeartbeatInterval",))

#: The standard keys of OCPP 1.6 and its security extension, except for those that can only be
#: written.
STANDARD_KEYS: Final = tuple(
    """
    AdditionalRootCertificateCheck AllowOfflineTxForUnknownId AuthorizationCacheEnabled
    AuthorizeRemoteTxRequests BlinkRepeat CertificateSignedMaxChainSize CertificateStoreMaxLength
    ChargeProfileMaxStackLevel ChargingScheduleAllowedChargingRateUnit ChargingScheduleMaxPeriods
    ClockAlignedDataInterval ConnectionTimeOut ConnectorPhaseRotation
    ConnectorPhaseRotationMaxLength ConnectorSwitch3to1PhaseSupported CpoName
    GetConfigurationMaxKeys HeartbeatInterval LightIntensity LocalAuthListEnabled
    LocalAuthListMaxLength LocalAuthorizeOffline LocalPreAuthorize MaxChargingProfilesInstalled
    MaxEnergyOnInvalidId MeterValueSampleInterval MeterValuesAlignedData
    MeterValuesAlignedDataMaxLength MeterValuesSampledData MeterValuesSampledDataMaxLength
    MinimumStatusDuration NumberOfConnectors ReserveConnectorZeroSupported ResetRetries
    SecurityProfile SendLocalListMaxLength StopTransactionOnEVSideDisconnect
    StopTransactionOnInvalidId StopTxnAlignedData StopTxnAlignedDataMaxLength StopTxnSampledData
    StopTxnSampledDataMaxLength SupportedFeatureProfiles SupportedFeatureProfilesMaxLength
    SupportedFileTransferProtocols TransactionMessageAttempts TransactionMessageRetryInterval
    UnlockConnectorOnEVSideDisconnect WebSocketPingInterval
    """.split()  # noqa: SIM905
)
#: The first release in which `ocpp_consumer` takes each command; only the bus takes the others.
API_SINCE: Final[Mapping[type, str]] = {
    GetVariables: "2025.10",
    SetVariable: "2025.10",
    MonitorVariables: "2025.12",
    SendSecurityEvent: "2026.10",
    ChangeAvailability: "2026.10",
}


def api_call(command: OcppCommand) -> OcppCall | None:
    """Return what to send for `command`, None if no release offers it.

    Raises:
        InvalidRequestError: its arguments are invalid.

    """
    match command:
        case GetVariables() if command.names or not command.component:
            answer = _values if command.names else _known_values
            return OcppCall("get_variables", _get(command), answer)
        case SetVariable():
            return OcppCall("set_variables", _set(command), _status_of_item)
        case MonitorVariables():
            return OcppCall("monitor_variables", {"items": _variables(command)}, None)
        case SendSecurityEvent():
            return OcppCall("security_event", _security_event(command), None)
        case ChangeAvailability():
            return OcppCall("change_availability", _availability(command), _status)
    return None


def _variable(name: str, component: str) -> dict[str, object]:
    """Return how a variable is addressed; the name of a component may be empty."""
    checked = arguments.name(component, "component") if component else ""
    return {"component": {"name": checked}, "variable": {"name": name}}


def _variables(command: GetVariables | MonitorVariables) -> list[dict[str, object]]:
    found = arguments.names(command.names, "key")
    if not found:
        raise InvalidRequestError("no_key")
    return [_variable(each, command.component) for each in found]


def _get(command: GetVariables) -> dict[str, object]:
    if not command.names:
        # It cannot list all keys.
        command = replace(command, names=STANDARD_KEYS)
    return {"items": [{"component_variable": each} for each in _variables(command)]}


def _set(command: SetVariable) -> dict[str, object]:
    item = {
        "component_variable": _variable(arguments.name(command.name, "key"), command.component),
        "value": arguments.any_text(command.value, "value", _VALUE_MAX),
    }
    return {"source": _SOURCE, "variables": {"items": [item]}}


def _security_event(command: SendSecurityEvent) -> dict[str, object]:
    event: dict[str, object] = {"type": arguments.name(command.kind, "type")}
    if command.info:
        longest = arguments.SECURITY_INFO_MAX
        event["info"] = arguments.ascii_text(command.info, "info", longest)
    if command.critical is not None:
        event["critical"] = command.critical is True
    return event


def _availability(command: ChangeAvailability) -> dict[str, object]:
    status = "Operative" if command.operative is True else "Inoperative"
    request: dict[str, object] = {"operational_status": status}
    if command.evse is not None:
        evse = {"id": arguments.identifier(command.evse, "evse")}
        if command.connector is not None:
            evse["connector_id"] = arguments.identifier(command.connector, "connector")
        request["evse"] = evse
    elif command.connector is not None:
        raise InvalidRequestError("evse_missing")
    return request


# Replies ------------------------------------------------------------------------


def status_answer(status: object) -> dict[str, object]:
    """Return the status of a request that was accepted.

    Raises:
        CommandRejectedError: it was not accepted.

    """
    word = text(status)
    if word not in TAKEN:
        raise refused_with(word)
    return {"status": word}


def _status(reply: object) -> dict[str, object]:
    answer = reply if isinstance(reply, dict) else {}
    try:
        return status_answer(answer.get("status"))
    except CommandRejectedError as error:
        info = part(answer, "status_info")
        reasons = [text(info.get(key)) for key in ("reason_code", "additional_info")]
        words = ": ".join(word for word in (error.reason, *reasons) if word)
        raise CommandRejectedError(words) from None


def _items(reply: object) -> list[JsonObject]:
    return objects(reply.get("items")) if isinstance(reply, dict) else []


def _status_of_item(reply: object) -> dict[str, object]:
    items = _items(reply)
    return status_answer(items[0].get("status") if items else None)


def _values(reply: object) -> dict[str, object]:
    """Return the reply for each key, in their order."""
    return {"keys": [_value(item) for item in _items(reply)]}


def _known_values(reply: object) -> dict[str, object]:
    """Return the reply for each key that the station has."""
    items = [each for each in _items(reply) if each.get("status") not in _UNKNOWN]
    return {"keys": [_value(item) for item in items]}


def _value(item: JsonObject) -> dict[str, str | None]:
    value = item.get("value")
    found = {**addressed(item), "status": text(item.get("status"))}
    return found | ({"value": value} if isinstance(value, str) else {})


def addressed(item: JsonObject) -> dict[str, str | None]:
    """Return the key, and the component if there is one, of an item."""
    variable = part(item, "component_variable")
    component = text(part(variable, "component").get("name"))
    found = {"key": text(part(variable, "variable").get("name"))}
    return found | ({} if component is None else {"component": component})


# Reports -----------------------------------------------------------------------


def event(value: object) -> dict[str, str | bool | None]:
    """Return the details of a variable that has changed.

    Raises:
        ProtocolError: of kind `shape`.

    """
    data = mapping(value)
    return {
        **addressed(data),
        "value": text(data.get("actual_value")),
        "trigger": text(data.get("trigger")),
        "cleared": data.get("cleared") is True or None,
    }


def key_changed(value: object) -> dict[str, str | bool | None]:
    """Return the details of a configuration key that has changed; raises as `event` does."""
    found = key(mapping(value))
    return found | ({"value": text(found["value"])} if "value" in found else {})


def key(item: JsonObject) -> dict[str, str | bool | None]:
    """Return what is known of a configuration key."""
    found: dict[str, str | bool | None] = {"key": text(item.get("key"))}
    if isinstance(value := item.get("value"), str):
        found["value"] = value
    if isinstance(read_only := item.get("read_only"), bool):
        found["read_only"] = read_only
    return found
