"""Who may charge, and when: commands that some charge points take, and no entity offers.

This module is independent of any protocol's format.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from .options import Token


@dataclass(frozen=True, slots=True)
class ShowToken:
    """Present a token, as if it was held to the reader."""

    token: Token


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerAuthorization:
    """Decide about a token: the `status`, and how the token was presented (`kind`)."""

    token: Token
    status: str
    kind: str


@dataclass(frozen=True, slots=True)
class WithdrawAuthorization:
    """Withdraw an authorization that has not been used yet."""


@dataclass(frozen=True, slots=True)
class Reserve:
    """Reserve the charge point, under a number."""

    number: int


@dataclass(frozen=True, slots=True)
class CancelReservation:
    """Cancel the reservation."""


@dataclass(frozen=True, slots=True)
class AllowCharging:
    """Allow the first charging after a start, which otherwise waits for another client."""


type Permission = (
    ShowToken
    | AnswerAuthorization
    | WithdrawAuthorization
    | Reserve
    | CancelReservation
    | AllowCharging
)


class TakesPermissions(ABC):
    """A charge point that takes these commands."""

    @abstractmethod
    def check_permission(self, permission: Permission) -> None:
        """Check that it accepts a command; sends nothing.

        Raises:
            InvalidRequestError: it does not, or the command is invalid.

        """

    @abstractmethod
    async def give_permission(self, permission: Permission) -> dict[str, Any]:
        """Send a command; return the reply in plain values.

        Raises:
            NotConnectedError, CommandRejectedError, CommandTimeoutError,
            InvalidRequestError: see there.

        """


class TakesCards(ABC):
    """A charge point that starts a session with one of the owner's charge cards."""

    @abstractmethod
    def check_card(self, card: str) -> None:
        """Check that there is such a card, by its name, its printed number or its uid.

        Raises:
            InvalidRequestError: there is none.

        """

    @abstractmethod
    async def start_with_card(self, card: str) -> None:
        """Start charging with a card; raises like `check_card` and `Chargepoint.start_charging`."""
