"""Who may charge: tokens on every release, and what only the first release can be told.

EVerest API v1: auth_token_provider and auth_consumer; evse_manager_consumer of 2025.10.0, which
took reservations and decisions about tokens. It does not survive every wrong message, and later
releases have none of this: so it is only told who shows that it is that release.
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
from ...errors import CommandRejectedError, InvalidRequestError
from ...node import NodeHost
from ...options import Token
from ..heartbeat import is_heartbeat
from ..module import Module
from .tokens import TokenProvider, check_token

#: The words that EVerest knows; any other one would be refused, or worse.
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

#: The variables that only the first release says.
_ONLY_FIRST: Final = frozenset({"ready", "limits"})
_UNDECIDED: Final = "Processing"
_REFUSED: Final = frozenset({"Rejected", "TimedOut", "Withdrawn"})


class AuthorizationClient:
    """Tells one EVSE who may charge."""

    def __init__(self, module: Module, host: NodeHost, calls: PendingReplies) -> None:
        """Speak to `module`, whose replies go to `calls`."""
        self._module = module
        self._host = host
        self._calls = calls
        #: By what the EVSE has shown that it is of the first release.
        self._signs: set[str] = set()
        #: The request that showed a token which is not decided upon, by its value.
        self._shown: dict[str, str] = {}

    @property
    def is_first_release(self) -> bool:
        """Whether the EVSE is evidently one of 2025.10.0."""
        return bool(self._signs)

    def heard(self, variable: str, value: Any) -> None:
        """Look for what shows a release; only the first one does not count its heartbeats."""
        if variable in _ONLY_FIRST or (variable == "heartbeat" and value == {}):
            self._signs.add(variable)
        elif variable == "heartbeat" and is_heartbeat(value):
            self._signs.discard(variable)

    def forget(self) -> None:
        """Another release may come back."""
        self._signs.clear()

    def judged(self, value: str, status: str) -> None:
        """Take what the station says of a token."""
        if status != _UNDECIDED and (request_id := self._shown.get(value)) is not None:
            self._calls.replied(request_id, status)

    def check(self, permission: Permission, reader: TokenProvider | None) -> None:
        """Raise InvalidRequestError where the EVSE cannot be told so."""
        match permission:
            case ShowToken(token):
                if reader is None:
                    raise InvalidRequestError("the station has no module for tokens")
                check_token(token)
                return
            case AnswerAuthorization():
                check_token(permission.token)
                _one_of(permission.status, STATUSES)
                _one_of(permission.kind, AUTHORIZATION_TYPES)
            case Reserve(number):
                if type(number) is not int or not 0 <= number <= _NUMBER_MAX:
                    raise InvalidRequestError(f"{number} is no number of a reservation")
        if not self.is_first_release:
            raise InvalidRequestError("only EVerest 2025.10.0 can be told so")

    async def give(
        self,
        permission: Permission,
        reader: TokenProvider | None,
        *,
        evse: int | None,
        judged: bool,
    ) -> dict[str, Any]:
        """Tell the EVSE, which has the number `evse`; `judged`: somebody will judge tokens."""
        self.check(permission, reader)
        now = self._host.clock.now()
        match permission:
            case ShowToken(token) if reader is not None:
                return await self._show(reader.request(token, evse), token, judged=judged)
            case AnswerAuthorization():
                await self._send(self._module.message("authorize_response", _answer(permission)))
            case WithdrawAuthorization():
                await self._send(self._module.message("withdraw_authorization", {}))
            case CancelReservation():
                await self._send(self._module.message("cancel_reservation", {}))
            case Reserve(number):
                request = self._module.request("reserve", now, number)
                if await self._calls.ask(request) is not True:
                    raise CommandRejectedError("the station refused the reservation")
            case AllowCharging():
                request = self._module.request("external_ready_to_start_charging", now)
                return {"used": await self._calls.ask(request) is True}
        return {}

    async def _show(self, request: Request, token: Token, *, judged: bool) -> dict[str, Any]:
        """Show a token, and wait for what is said of it where anybody will."""
        if not judged:
            await self._send(request)
            return {"status": None}
        if token.value in self._shown:
            # Shown once more, the token that started a session ends it.
            raise CommandRejectedError("this token was shown just now, and is being looked at")
        self._shown[token.value] = request.id
        try:
            status = await self._calls.ask(request)
        finally:
            del self._shown[token.value]
        if status in _REFUSED:
            raise CommandRejectedError(f"the station refused the token: {status}")
        return {"status": status}

    async def _send(self, request: Request) -> None:
        await self._host.publish(request.topic, request.payload)


def _one_of(word: str, words: frozenset[str]) -> None:
    if word not in words:
        raise InvalidRequestError(word)


def _answer(answer: AnswerAuthorization) -> dict[str, Any]:
    """Return what tells of a decision about a token."""
    return {
        "token": {
            "id_token": {"value": answer.token.value, "type": answer.token.kind},
            "authorization_type": answer.kind,
        },
        "result": {"authorization_status": answer.status, "tariff_messages": []},
    }
