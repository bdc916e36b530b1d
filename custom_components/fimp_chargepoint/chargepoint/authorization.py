"""Permissions to charge that some charge points accept, and no entity offers.

Independent of the format of any protocol.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from .options import Token


@dataclass(frozen=True, slots=True)
class ShowToken:
    """Process a token as if it had been presented to the reader."""

    token: Token


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerAuthorization:
    """Process the decision about a token: its `status`, and how it was presented (`kind`)."""

    token: Token
    status: str
    kind: str


@dataclass(frozen=True, slots=True)
class WithdrawAuthorization:
    """Withdraw all authorizations that have not been used yet."""


@dataclass(frozen=True, slots=True)
class Reserve:
    """Reserve the charge point, under a number."""

    number: int


@dataclass(frozen=True, slots=True)
class CancelReservation:
    """Cancel the reservation."""


@dataclass(frozen=True, slots=True)
class AllowCharging:
    """Release the charge point for its first charging after a start."""


type Permission = (
    ShowToken
    | AnswerAuthorization
    | WithdrawAuthorization
    | Reserve
    | CancelReservation
    | AllowCharging
)


class TakesPermissions(ABC):
    """A charge point that accepts permissions to charge."""

    @abstractmethod
    def check_permission(self, permission: Permission) -> None:
        """Check that it accepts a permission; sends nothing.

        Raises:
            InvalidRequestError: it does not, or the permission is invalid.

        """

    @abstractmethod
    async def give_permission(self, permission: Permission) -> dict[str, object]:
        """Send a permission; return the reply in plain values.

        Raises:
            NotConnectedError, CommandRejectedError, CommandTimeoutError,
            InvalidRequestError: see there.

        """


class TakesCards(ABC):
    """A charge point that starts a session with one of the owner's charge cards."""

    @abstractmethod
    def check_card(self, card: str) -> None:
        """Check that a card exists, by its name, its printed number or its uid.

        Raises:
            InvalidRequestError: it does not.

        """

    @abstractmethod
    async def start_with_card(self, card: str) -> None:
        """Start charging with a card; raises like `check_card` and `Chargepoint.start_charging`."""
