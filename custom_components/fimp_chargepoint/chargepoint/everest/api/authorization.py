"""Who may charge: tokens on every release, and what only the first release takes.

EVerest API v1: auth_token_provider and auth_consumer; evse_manager_consumer of 2025.10.0 also
takes reservations and decisions about tokens. It does not survive every wrong message, so only
an EVSE that has shown to be of that release gets one.
"""

from typing import Any, Final

from ...authorization import (
    AllowCharging,
    AnswerAuthorization,
    CancelReservation,
    Permission,
    Reserve,
    ShowToken,
    WithdrawAuthorization,
)
from ...commands.command import Request
from ...commands.replies import PendingReplies
from ...errors import CommandRefusedError, CommandRejectedError, InvalidRequestError
from .companions import CompanionModules, TokenProvider, check_token
from .module import ApiModule

#: The words that EVerest knows; it may not survive any other one.
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


class AuthorizationClient:
    """Sends one EVSE what is decided about who may charge."""

    def __init__(self, module: ApiModule, calls: PendingReplies) -> None:
        """Address `module`, whose replies go to `calls`."""
        self._module = module
        self._calls = calls
        #: What has shown that the EVSE is of the first release.
        self._signs: set[str] = set()
        #: The request that presented a token without a decision yet, by token.
        self._presented: dict[str, str] = {}

    def heard(self, variable: str, value: object) -> None:
        """Look for a sign of the release; only the first one does not count its heartbeats."""
        if variable in _ONLY_FIRST or (variable == "heartbeat" and value == {}):
            self._signs.add(variable)
        elif variable == "heartbeat" and type(value) is int:
            self._signs.discard(variable)

    def forget(self) -> None:
        """Another release may come back."""
        self._signs.clear()

    def decided(self, token: str, status: str) -> None:
        """Take the station's decision about a token."""
        if status != _UNDECIDED and (request_id := self._presented.get(token)) is not None:
            self._calls.replied(request_id, status)

    def check(
        self, permission: Permission, companions: CompanionModules, reader: TokenProvider | None
    ) -> None:
        """Raise InvalidRequestError if the EVSE does not take it; `reader` takes tokens for it."""
        match permission:
            case ShowToken(token):
                if reader is None:
                    missing = companions.tokens is None
                    raise InvalidRequestError(
                        "no_token_module" if missing else "evse_number_unknown"
                    )
                check_token(token)
                return
            case WithdrawAuthorization() if companions.authorization is not None:
                return
            case AnswerAuthorization():
                check_token(permission.token)
                for word, words in (
                    (permission.status, STATUSES),
                    (permission.kind, AUTHORIZATION_TYPES),
                ):
                    if word not in words:
                        raise InvalidRequestError(
                            "unknown_option", value=word, options=sorted(words)
                        )
            case Reserve(number):
                if type(number) is not int or not 0 <= number <= _NUMBER_MAX:
                    raise InvalidRequestError(
                        "invalid_reservation", value=number, maximum=_NUMBER_MAX
                    )
        if not self._signs:
            raise InvalidRequestError("only_everest_2025_10")

    async def give(
        self,
        permission: Permission,
        companions: CompanionModules,
        reader: TokenProvider | None,
        number: int | None,
    ) -> dict[str, Any]:
        """Send it to the EVSE with that `number` in the station; raises as `check` does."""
        self.check(permission, companions, reader)
        module = self._module
        match permission:
            case ShowToken(token) if reader is not None:
                request = reader.token_request(token, number if companions.shared else None)
                decides = companions.authorization is not None
                return {"status": await self._present(request, token.value, decides=decides)}
            case WithdrawAuthorization() if (judge := companions.authorization) is not None:
                evse = {} if number is None else {"evse_id": number}
                request = judge.request("withdraw_authorization", evse, to=self._calls)
                result = await self._calls.ask(request)
                if result != "Accepted":
                    raise CommandRejectedError(str(result))
            case AnswerAuthorization():
                await self._publish(module.message("authorize_response", _answer(permission)))
            case WithdrawAuthorization():
                await self._publish(module.message("withdraw_authorization", {}))
            case CancelReservation():
                await self._publish(module.message("cancel_reservation", {}))
            case Reserve(reservation):
                request = module.request("reserve", reservation)
                if await self._calls.ask(request) is not True:
                    raise CommandRefusedError("reservation_refused")
            case AllowCharging():
                request = module.request("external_ready_to_start_charging")
                return {"used": await self._calls.ask(request) is True}
        return {}

    async def _present(self, request: Request, token: str, *, decides: bool) -> str | None:
        """Present a token; return the decision about it, None if no module reports one."""
        if not decides:
            await self._publish(request)
            return None
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

    async def _publish(self, request: Request) -> None:
        await self._module.host.publish(request.topic, request.payload)


def _answer(answer: AnswerAuthorization) -> dict[str, object]:
    return {
        "token": {
            "id_token": {"value": answer.token.value, "type": answer.token.kind},
            "authorization_type": answer.kind,
        },
        "result": {"authorization_status": answer.status, "tariff_messages": []},
    }
