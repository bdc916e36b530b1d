"""The requests to an EVSE through ``evse_manager_consumer``."""

from collections.abc import Callable
from functools import partial
from typing import Any

from .evse import Evse
from .requests import MalformedError, fields, integer, one_of
from .vocabulary import (
    ENABLE_STATES,
    LOWEST_PRIORITY,
    SOURCES,
    STOP_REASONS,
    Source,
    token,
)

_NEW_STOP_REASON = "EVSEDisabled"
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


def connect(evse: Evse) -> None:
    """Register the requests of an EVSE at its API module."""
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


def _get_evse(evse: Evse, _body: Any) -> dict[str, Any]:
    kind = "cCCS2" if evse.setup.dc else "cType2"
    return {"connectors": [{"id": 1, "type": kind}], "id": evse.number}


def _pause(evse: Evse, _body: Any) -> bool:
    return not evse.refusal and evse.course.pause(paused=True)


def _resume(evse: Evse, _body: Any) -> bool:
    return not evse.refusal and evse.course.pause(paused=False)


def _stop(evse: Evse, body: Any) -> bool:
    requested = fields(body, reason=str)
    # The reason of a disabled EVSE is new in that release, too.
    new = {_NEW_STOP_REASON} if evse.station.dialect.latches else set()
    reason = one_of(requested["reason"], STOP_REASONS | new)
    if "id_tag" in requested:
        token(requested["id_tag"])
    return not evse.refusal and evse.course.stop_transaction(reason)


def _enable_disable(evse: Evse, body: Any) -> bool:
    requested = fields(body, connector_id=(int, float), source=dict)
    source = fields(requested["source"], enable_priority=(int, float))
    name = one_of(source.get("enable_source"), SOURCES)
    state = one_of(source.get("enable_state"), ENABLE_STATES)
    priority = integer(source["enable_priority"])
    if not 0 <= priority <= LOWEST_PRIORITY:
        raise MalformedError("there is no such priority")
    if evse.refusal:
        return evse.course.enabled
    return evse.course.enable(Source(name, state, priority), integer(requested["connector_id"]))


def _force_unlock(evse: Evse, body: Any) -> bool:
    integer(body)
    return not evse.refusal and evse.course.unlock()


def _reserve(evse: Evse, body: Any) -> bool:
    return not evse.refusal and evse.course.reserve(integer(body))


def _ready(evse: Evse, _body: Any) -> bool:
    return evse.start_charging_allowed()


def _authorize_response(evse: Evse, body: Any) -> None:
    """Process the result for a card from another validator."""
    answer = fields(body, token=dict, result=dict)
    given = token(answer["token"])
    status = one_of(answer["result"].get("authorization_status"), _AUTHORIZATIONS)
    if status == "Accepted" and evse.course.wants(given):
        evse.course.authorize(given)
