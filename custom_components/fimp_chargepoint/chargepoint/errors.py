"""The whole exception tree of the library.

Every exception carries text a person can act on. The Home Assistant side maps
the tree in one place (`entity.py` and `config_flow.py`); nothing below this
package raises anything else to its callers.
"""

from datetime import datetime
from enum import Enum


class Refusal(Enum):
    """What a charge point means that says no.

    `OF_REPORT`: it has done what was wanted, and could not say what came of it.
    """

    FINAL = "final"
    FOR_NOW = "for now"
    OF_REPORT = "of the report"


class ChargepointError(Exception):
    """Base of everything the library raises on purpose."""


class NotConnectedError(ChargepointError):
    """The link to the broker or the account is down."""


class TlsError(NotConnectedError):
    """The broker answered, but no trusted TLS connection could be made."""


class NoAnswerError(NotConnectedError):
    """The broker accepted the connection and never answered."""


class RequestLimitError(NotConnectedError):
    """The account has used up its requests; it is accepted again from `until` on."""

    def __init__(self, until: datetime) -> None:
        """Remember when the limit is reset."""
        super().__init__(f"request limit reached until {until:%Y-%m-%d %H:%M %Z}")
        self.until = until


class AlreadyConnectedError(NotConnectedError):
    """The account allows only one connection at a time, and another one exists."""


class AuthenticationError(ChargepointError):
    """The broker or the account refused our user name or password."""


class CommandRejectedError(ChargepointError):
    """The charge point said no; `reason` is in its own words."""

    def __init__(self, reason: str) -> None:
        """Keep the charge point's own words."""
        super().__init__(reason)
        self.reason = reason


class OutcomeUnknownError(ChargepointError):
    """It was taken, but what came of it the charge point could not say, for its `reason`."""

    def __init__(self, reason: str) -> None:
        """Keep the charge point's own words."""
        super().__init__(reason)
        self.reason = reason


class CommandTimeoutError(ChargepointError):
    """The charge point did not prove the command within `seconds`."""

    def __init__(self, seconds: float, *, authorized: bool = True) -> None:
        """Keep how long it waited, and whether the charge point waits for authorization."""
        super().__init__(f"no confirmation within {seconds:g} s")
        self.seconds = seconds
        self.authorized = authorized


class CommandSupersededError(ChargepointError):
    """A newer command took the place of this one before it was proven."""


class InvalidRequestError(ChargepointError):
    """Asked for something this charge point cannot do, or out of its bounds."""


class OutOfRangeError(InvalidRequestError):
    """A number that this charge point does not take."""

    def __init__(self, value: float, minimum: float, maximum: float) -> None:
        """Remember what was asked for, and what would have been possible."""
        super().__init__(f"{value:g} is not between {minimum:g} and {maximum:g}")
        self.value = value
        self.minimum = minimum
        self.maximum = maximum


class NoSessionError(InvalidRequestError):
    """What was asked for belongs to a running session, and there is none."""


class ProtocolError(ChargepointError):
    """Bytes that make no sense. Counted and logged once per `kind`, never raised to a user.

    Args:
        kind: a short constant that names the kind of damage, e.g. `"json"`.
        detail: what was wrong with this message.

    """

    def __init__(self, kind: str, detail: object = "") -> None:
        """Keep the kind apart from the detail, it is what is counted."""
        super().__init__(f"{kind}: {detail}" if detail else kind)
        self.kind = kind
