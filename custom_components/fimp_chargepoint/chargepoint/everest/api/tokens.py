"""Tokens that start a session, and what the station thinks of them.

EVerest API v1: auth_token_provider and auth_consumer.
"""

from typing import Any, ClassVar, Final, override

from ...commands.command import Request
from ...errors import InvalidRequestError
from ...options import Token
from ..envelope import mapping, part, text
from .companion import CompanionModule

#: The words that EVerest knows; any other one would be refused, or worse.
TOKEN_TYPES: Final = frozenset(
    {
        "Central",
        "eMAID",
        "MacAddress",
        "ISO14443",
        "ISO15693",
        "KeyCode",
        "Local",
        "NoAuthorization",
    }
)
_TOKEN_MAX: Final = 36


def check_token(token: Token) -> None:
    """Make sure that a token is one; whoever takes it is not always careful.

    Raises:
        InvalidRequestError: it is too long, or of no kind there is.

    """
    value = token.value
    if not 0 < len(value.encode()) <= _TOKEN_MAX or not value.isprintable():
        raise InvalidRequestError("a token has 1 to 36 characters")
    if token.kind not in TOKEN_TYPES:
        raise InvalidRequestError(token.kind)


class TokenProvider(CompanionModule):
    """A reader that we hold a token to."""

    def request(self, token: Token, evse: int | None = None) -> Request:
        """Return the message that shows `token`, to the EVSE of that number; no reply comes.

        Raises as `check_token` does.
        """
        check_token(token)
        value: dict[str, Any] = {
            "id_token": {"value": token.value, "type": token.kind},
            "authorization_type": "RFID",
        }
        if evse is not None:
            value["connectors"] = [evse]
        return self.module.message("provided_token", value)


class Authorization(CompanionModule):
    """Tells its listeners the value of a token, and what the station says of it."""

    PROOFS: ClassVar = {"token_validation_status": "token"}

    @override
    def handle_message(self, variable: str, value: Any, now: float) -> None:
        """Take what the station thinks of a token."""
        if variable != "token_validation_status":
            return
        told = mapping(value)
        shown = text(part(part(told, "token"), "id_token").get("value"))
        status = text(told.get("status"))
        if shown is not None and status is not None:
            self._tell(shown, status)
