"""Who may charge, and when: what some charge points can be told, and no entity offers.

Nothing here knows how a protocol spells anything.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from .options import Token


@dataclass(frozen=True, slots=True)
class ShowToken:
    """Take a token, as if it was held to the reader."""

    token: Token


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerAuthorization:
    """Take what was decided about a token: a `status`, and by what it was shown (`kind`)."""

    token: Token
    status: str
    kind: str


@dataclass(frozen=True, slots=True)
class WithdrawAuthorization:
    """Let nobody begin who was allowed to."""


@dataclass(frozen=True, slots=True)
class Reserve:
    """Be reserved, under a number."""

    number: int


@dataclass(frozen=True, slots=True)
class CancelReservation:
    """Be reserved no more."""


@dataclass(frozen=True, slots=True)
class AllowCharging:
    """Wait for nobody else before the first charging after a start."""


type Permission = (
    ShowToken
    | AnswerAuthorization
    | WithdrawAuthorization
    | Reserve
    | CancelReservation
    | AllowCharging
)


class TakesPermissions(ABC):
    """A charge point that can be told who may charge."""

    @abstractmethod
    def check_permission(self, permission: Permission) -> None:
        """Make sure that it can be told so; sends nothing.

        Raises:
            InvalidRequestError: it cannot, or what was asked for makes no sense.

        """

    @abstractmethod
    async def give_permission(self, permission: Permission) -> dict[str, Any]:
        """Tell it; returns what it replies, in plain values.

        Raises:
            NotConnectedError, CommandRejectedError, CommandTimeoutError,
            InvalidRequestError: as they say.

        """


class TakesCards(ABC):
    """A charge point that starts a session with one of the owner's charge cards."""

    @abstractmethod
    def check_card(self, card: str) -> None:
        """Make sure that there is such a card: by its name, its printed number or its uid.

        Raises:
            InvalidRequestError: there is not.

        """

    @abstractmethod
    async def start_with_card(self, card: str) -> None:
        """Start charging with a card; raises the same, and as `Chargepoint.start_charging`."""
