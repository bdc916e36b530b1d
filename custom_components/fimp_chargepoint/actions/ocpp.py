"""The actions for the OCPP client of a station: its keys, and messages to its CSMS."""

from collections.abc import Callable
from typing import Final

from homeassistant.core import SupportsResponse
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.typing import VolDictType
import probatio

from ..chargepoint import (
    ChangeAvailability,
    GetVariables,
    MonitorVariables,
    OcppClient,
    OcppCommand,
    OcppSnapshot,
    RestartOcpp,
    SendSecurityEvent,
    SetVariable,
    StopOcpp,
)
from ..coordinator import PushCoordinator
from .action import Action, Data

type OcppCoordinator = PushCoordinator[OcppSnapshot, OcppClient]

ATTR_AVAILABLE: Final = "available"
ATTR_COMPONENT: Final = "component"
ATTR_CONNECTOR: Final = "connector"
ATTR_CRITICAL: Final = "critical"
ATTR_EVSE: Final = "evse"
ATTR_INFO: Final = "info"
ATTR_KEY: Final = "key"
ATTR_KEYS: Final = "keys"
ATTR_TYPE: Final = "type"
ATTR_VALUE: Final = "value"


def _text(value: object) -> str:
    """Return a value as OCPP writes it, which is always text."""
    if isinstance(value, bool):
        return str(value).lower()
    return cv.string(value)


def _text_itself(value: object) -> str:
    """Return a text; a number is refused, since its text might not be what the user wrote."""
    if not isinstance(value, str):
        raise probatio.Invalid("text was expected")
    return value


def _counted(value: object) -> int:
    """Return a whole number; a form makes fractions of them."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
        raise probatio.Invalid("a whole number was expected")
    return int(value)


_COUNTED = probatio.All(_counted, probatio.Range(min=1, max=10_000))
_SOME_KEYS = probatio.All(cv.ensure_list, [_text_itself])
_COMPONENT: Final[VolDictType] = {probatio.Optional(ATTR_COMPONENT, default=""): _text_itself}


def _action(
    fields: VolDictType,
    command: Callable[[Data], OcppCommand],
    response: SupportsResponse = SupportsResponse.OPTIONAL,
) -> Action[OcppCoordinator]:
    return Action(
        fields=fields,
        check=lambda coordinator, data: coordinator.node.check(command(data)),
        run=lambda coordinator, data: coordinator.node.perform(command(data)),
        response=response,
        kind=OcppSnapshot,
        answers="stations",
    )


OCPP_ACTIONS: Final = {
    "ocpp_get_keys": _action(
        {probatio.Optional(ATTR_KEYS, default=[]): _SOME_KEYS, **_COMPONENT},
        lambda data: GetVariables(names=tuple(data[ATTR_KEYS]), component=data[ATTR_COMPONENT]),
        SupportsResponse.ONLY,
    ),
    "ocpp_set_key": _action(
        {
            probatio.Required(ATTR_KEY): _text_itself,
            probatio.Required(ATTR_VALUE): _text,
            **_COMPONENT,
        },
        lambda data: SetVariable(
            name=data[ATTR_KEY], value=data[ATTR_VALUE], component=data[ATTR_COMPONENT]
        ),
    ),
    "ocpp_monitor_keys": _action(
        {probatio.Required(ATTR_KEYS): _SOME_KEYS, **_COMPONENT},
        lambda data: MonitorVariables(names=tuple(data[ATTR_KEYS]), component=data[ATTR_COMPONENT]),
    ),
    "ocpp_send_security_event": _action(
        {
            probatio.Required(ATTR_TYPE): _text_itself,
            probatio.Optional(ATTR_INFO, default=""): _text_itself,
            probatio.Optional(ATTR_CRITICAL): cv.boolean,
        },
        lambda data: SendSecurityEvent(
            kind=data[ATTR_TYPE], info=data[ATTR_INFO], critical=data.get(ATTR_CRITICAL)
        ),
    ),
    "ocpp_change_availability": _action(
        {
            probatio.Required(ATTR_AVAILABLE): cv.boolean,
            probatio.Optional(ATTR_EVSE): _COUNTED,
            probatio.Optional(ATTR_CONNECTOR): _COUNTED,
        },
        lambda data: ChangeAvailability(
            operative=data[ATTR_AVAILABLE],
            evse=data.get(ATTR_EVSE),
            connector=data.get(ATTR_CONNECTOR),
        ),
    ),
    "ocpp_stop": _action({}, lambda _: StopOcpp()),
    "ocpp_restart": _action({}, lambda _: RestartOcpp()),
}
