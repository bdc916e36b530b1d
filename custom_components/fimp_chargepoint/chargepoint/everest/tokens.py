"""Tokens that start a session, and what the station thinks of them.

EVerest API v1: auth_token_provider and auth_consumer.
"""

from collections.abc import Callable
from typing import Any, ClassVar, override

from ..commands import Request
from ..node import Outlet
from ..options import Token
from .envelope import mapping, part, text
from .module import Module
from .sister import Sister


class TokenProvider(Sister):
    """A reader that we hold a token to."""

    def request(self, token: Token) -> Request:
        """Return the message that shows `token`; it has no reply."""
        value = {
            "id_token": {"value": token.value, "type": token.kind},
            "authorization_type": "RFID",
        }
        return self.module.message("provided_token", value)


class Authorization(Sister):
    """What the station thinks of tokens."""

    PROOFS: ClassVar = {"token_validation_status": "token"}

    def __init__(self, module: Module, outlet: Outlet) -> None:
        """Tell nobody yet."""
        super().__init__(module, outlet)
        #: Who is told of the value of a token, and what the station says of it.
        self.listener: Callable[[str, str], None] | None = None

    @override
    def apply(self, variable: str, value: Any, now: float) -> None:
        """Take what the station thinks of a token."""
        if variable != "token_validation_status" or self.listener is None:
            return
        told = mapping(value)
        shown = text(part(part(told, "token"), "id_token").get("value"))
        status = text(told.get("status"))
        if shown is not None and status is not None:
            self.listener(shown, status)
