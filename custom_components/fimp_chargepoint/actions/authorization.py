"""The actions about authorization: a token, a decision, a reservation."""

from collections.abc import Callable
from typing import Final

from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.typing import VolDictType
import probatio

from ..chargepoint import (
    AllowCharging,
    AnswerAuthorization,
    CancelReservation,
    Permission,
    Reserve,
    ShowToken,
    TakesPermissions,
    Token,
    WithdrawAuthorization,
)
from ..chargepoint.errors import InvalidRequestError
from ..const import CONF_TOKEN, CONF_TOKEN_TYPE
from ..coordinator import ChargepointCoordinator
from ..flow.options import CARD, TOKEN_TYPES
from .action import Action, Answer, Data

ATTR_SHOWN_BY: Final = "shown_by"
ATTR_NUMBER: Final = "number"
ATTR_STATUS: Final = "status"

#: Our names of OCPP's words.
_STATUSES: Final = {
    "accepted": "Accepted",
    "blocked": "Blocked",
    "concurrent_transaction": "ConcurrentTx",
    "expired": "Expired",
    "invalid": "Invalid",
    "no_credit": "NoCredit",
    "not_allowed_here": "NotAllowedTypeEVSE",
    "not_at_this_location": "NotAtThisLocation",
    "not_at_this_time": "NotAtThisTime",
    "unknown": "Unknown",
}
_SHOWN_BY: Final = {
    "reader": "RFID",
    "back_end": "OCPP",
    "car": "Autocharge",
    "contract": "PlugAndCharge",
    "bank_card": "BankCard",
}
_TOKEN: Final[VolDictType] = {
    probatio.Required(CONF_TOKEN): cv.string,
    probatio.Optional(CONF_TOKEN_TYPE, default=CARD): probatio.In(TOKEN_TYPES),
}


def _taker(coordinator: ChargepointCoordinator) -> TakesPermissions:
    if isinstance(coordinator.node, TakesPermissions):
        return coordinator.node
    raise InvalidRequestError("authorization_elsewhere")


def _action(
    permission: Callable[[Data], Permission], fields: VolDictType | None = None
) -> Action[ChargepointCoordinator]:
    def check(coordinator: ChargepointCoordinator, data: Data) -> None:
        _taker(coordinator).check_permission(permission(data))

    async def run(coordinator: ChargepointCoordinator, data: Data) -> Answer:
        return await _taker(coordinator).give_permission(permission(data))

    return Action(fields=fields or {}, check=check, run=run)


def _token(data: Data) -> Token:
    return Token(data[CONF_TOKEN].strip(), TOKEN_TYPES[data[CONF_TOKEN_TYPE]])


AUTHORIZATION_ACTIONS: Final = {
    "authorize": _action(lambda data: ShowToken(_token(data)), _TOKEN),
    "answer_authorization": _action(
        lambda data: AnswerAuthorization(
            token=_token(data),
            status=_STATUSES[data[ATTR_STATUS]],
            kind=_SHOWN_BY[data[ATTR_SHOWN_BY]],
        ),
        {
            **_TOKEN,
            probatio.Required(ATTR_STATUS): probatio.In(_STATUSES),
            probatio.Optional(ATTR_SHOWN_BY, default="reader"): probatio.In(_SHOWN_BY),
        },
    ),
    "withdraw_authorization": _action(lambda _: WithdrawAuthorization()),
    "reserve": _action(
        lambda data: Reserve(data[ATTR_NUMBER]),
        {
            probatio.Required(ATTR_NUMBER): probatio.All(
                probatio.Coerce(int), probatio.Range(min=0, max=2**31 - 1)
            )
        },
    ),
    "cancel_reservation": _action(lambda _: CancelReservation()),
    "allow_charging": _action(lambda _: AllowCharging()),
}
