"""Who may charge: tokens on every release, and what only the first release takes.

EVerest API v1: auth_token_provider and auth_consumer; evse_manager_consumer of 2025.10.0 also
takes reservations and decisions about tokens. Some wrong messages terminate EVerest, so these are
only sent to an EVSE that has been recognized as one of that release.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from ...authorization import (
    AllowCharging,
    AnswerAuthorization,
    CancelReservation,
    Permission,
    Reserve,
    ShowToken,
    WithdrawAuthorization,
)
from ...commands.replies import PendingReplies
from ...errors import CommandRefusedError, CommandRejectedError, InvalidRequestError
from ...node import Request
from .companions import check_option, provided_token
from .limiting import LimitedChargepoint
from .module import ApiModule

#: The words that EVerest knows; any other one may terminate it.
AUTHORIZATION_TYPES: Final = frozenset({"OCPP", "RFID", "Autocharge", "PlugAndCharge", "BankCard"})
STATUSES: Final = frozenset(
    {
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
    }
)
_NUMBER_MAX: Final = 2**31 - 1

#: The variables that only the first release publishes.
_ONLY_FIRST: Final = frozenset({"ready", "limits"})
_UNDECIDED: Final = "Processing"
_REFUSED: Final = frozenset({"Rejected", "TimedOut", "Withdrawn"})


def _accepted(reply: object) -> dict[str, object]:
    if reply != "Accepted":
        raise CommandRejectedError(str(reply))
    return {}


def _reserved(reply: object) -> dict[str, object]:
    if reply is not True:
        raise CommandRefusedError("reservation_refused")
    return {}


def _used(reply: object) -> dict[str, object]:
    return {"used": reply is True}


class _Call(NamedTuple):
    """An operation of a module, its payload, and how to read the reply; None if none comes."""

    module: ApiModule
    operation: str
    payload: object
    answer: Callable[[object], dict[str, object]] | None = None


class AuthorizationClient:
    """Sends one EVSE the decisions about who may charge."""

    def __init__(self, evse: LimitedChargepoint, calls: PendingReplies) -> None:
        """Address the modules of `evse`, whose replies go to `calls`."""
        self._evse = evse
        self._calls = calls
        #: The variables that have shown that the EVSE is of the first release.
        self._signs: set[str] = set()
        #: The request that presented a token without a decision yet, by token.
        self._presented: dict[str, str] = {}

    def received(self, variable: str, value: object) -> None:
        """Look for a sign of the release; only the first one does not count its heartbeats."""
        if variable in _ONLY_FIRST or (variable == "heartbeat" and value == {}):
            self._signs.add(variable)
        elif variable == "heartbeat" and type(value) is int:
            self._signs.discard(variable)

    def forget(self) -> None:
        """Forget the release: another one may come back."""
        self._signs.clear()

    def decided(self, token: str, status: str) -> None:
        """Take the station's decision about a token."""
        if status != _UNDECIDED and (request_id := self._presented.get(token)) is not None:
            self._calls.replied(request_id, status)

    def call(self, permission: Permission) -> _Call:
        """Return what to send.

        Raises:
            InvalidRequestError: the EVSE does not take it.

        """
        companions, reader, number = self._evse.companions, self._evse.reader, self._evse.number
        match permission:
            case ShowToken(token):
                if reader is None:
                    missing = companions.tokens is None
                    code = "no_token_module" if missing else "evse_number_unknown"
                    raise InvalidRequestError(code)
                shown = provided_token(token, number if companions.shared else None)
                return _Call(reader, "provided_token", shown)
            case WithdrawAuthorization() if companions.authorization is not None:
                if companions.shared and number is None:
                    # The station would withdraw those of all EVSEs.
                    raise InvalidRequestError("evse_number_unknown")
                evse = {} if number is None else {"evse_id": number}
                return _Call(companions.authorization, "withdraw_authorization", evse, _accepted)
        call = self._first_release_call(permission)
        if not self._signs:
            is_withdrawal = isinstance(permission, WithdrawAuthorization)
            raise InvalidRequestError(
                "needs_auth_consumer" if is_withdrawal else "only_everest_2025_10"
            )
        return call

    def _first_release_call(self, permission: Permission) -> _Call:
        module = self._evse.module
        match permission:
            case AnswerAuthorization(token=token, status=status, kind=kind):
                check_option(status, STATUSES)
                check_option(kind, AUTHORIZATION_TYPES)
                result = {"authorization_status": status, "tariff_messages": []}
                answer = {"token": provided_token(token, kind=kind), "result": result}
                return _Call(module, "authorize_response", answer)
            case Reserve(id_):
                if type(id_) is not int or not 0 <= id_ <= _NUMBER_MAX:
                    raise InvalidRequestError("invalid_reservation", value=id_, maximum=_NUMBER_MAX)
                return _Call(module, "reserve", id_, _reserved)
            case CancelReservation():
                return _Call(module, "cancel_reservation", {})
            case AllowCharging():
                return _Call(module, "external_ready_to_start_charging", None, _used)
        return _Call(module, "withdraw_authorization", {})

    async def give(self, permission: Permission) -> dict[str, object]:
        """Send it to the EVSE; raises what `call` raises."""
        module, operation, payload, answer = self.call(permission)
        if answer is not None:
            request = module.request(operation, payload, to=self._calls)
            return answer(await self._calls.ask(request))
        request = module.message(operation, payload)
        if isinstance(permission, ShowToken) and self._evse.companions.authorization is not None:
            return {"status": await self._decision(request, permission.token.value)}
        await module.host.publish(request.topic, request.payload)
        return {"status": None} if isinstance(permission, ShowToken) else {}

    async def _decision(self, request: Request, token: str) -> str:
        """Present a token with a request, and return the decision about it."""
        if token in self._presented:
            # Presented again, the token that started a session ends it.
            raise CommandRefusedError("token_in_use")
        self._presented[token] = request.id
        try:
            status = str(await self._calls.ask(request))
        finally:
            del self._presented[token]
        if status in _REFUSED:
            raise CommandRefusedError("token_refused", status=status)
        return status
