"""All errors of the library: a code and its values, no sentence.

The text of each code is in `exceptions` of Home Assistant's `translations/`. Callers get no other
exceptions.
"""

from collections.abc import Collection
from datetime import datetime
from enum import Enum
from typing import override


class Refusal(Enum):
    """What it means that a charge point refuses a command.

    `OF_REPORT`: it has carried out the command, and could not report the result.
    """

    FINAL = "final"
    FOR_NOW = "for now"
    OF_REPORT = "of the report"


class ChargepointError(Exception):
    """Base of all errors that the library raises to its callers."""

    def __init__(self, code: str, **values: str | float | datetime | Collection[str]) -> None:
        """Store the code and its values."""
        super().__init__(code, values)
        self.code = code
        self.values = values

    @override
    def __str__(self) -> str:
        """Return the text for logs."""
        values = ", ".join(f"{key}={value}" for key, value in self.values.items())
        return f"{self.code} ({values})" if values else self.code


class NotConnectedError(ChargepointError):
    """The command or message did not arrive, or may not have arrived."""


class TlsError(NotConnectedError):
    """The broker answered, but no trusted TLS connection could be made."""


class NoAnswerError(NotConnectedError):
    """The broker accepted the connection, but did not answer."""


class RequestLimitError(NotConnectedError):
    """The account has used up its requests; it is accepted again from `until` on."""

    def __init__(self, until: datetime) -> None:
        """Store when the limit is reset."""
        super().__init__("request_limit", until=until)
        self.until = until


class AlreadyConnectedError(NotConnectedError):
    """The account allows only one connection at a time, and another one exists."""


class AuthenticationError(ChargepointError):
    """The broker or the account refused the credentials."""


class CommandRefusedError(ChargepointError):
    """The charge point refused the command."""


class CommandRejectedError(CommandRefusedError):
    """The charge point refused the command; `reason` is in its own words."""

    def __init__(self, reason: str) -> None:
        """Store the charge point's own words."""
        super().__init__("command_rejected", reason=reason)
        self.reason = reason


def refused_with(words: str | None) -> CommandRefusedError:
    """Return the refusal of a charge point, which may have given `words` for it."""
    return CommandRejectedError(words) if words else CommandRefusedError("no_reason")


class OutcomeUnknownError(ChargepointError):
    """The charge point accepted the command, but could not report the result: `reason`."""


class CommandTimeoutError(ChargepointError):
    """The charge point did not confirm the command in time."""


class CommandSupersededError(ChargepointError):
    """A newer command replaced this one before it was confirmed."""


class InvalidRequestError(ChargepointError):
    """The charge point cannot do that, or not with these values; nothing was sent."""


class OutOfRangeError(InvalidRequestError):
    """A number outside the range that the charge point accepts."""

    def __init__(self, value: float, minimum: float, maximum: float, unit: str = "") -> None:
        """Store what was requested, and the range."""
        unit = unit and f" {unit}"
        super().__init__("out_of_range", value=value, minimum=minimum, maximum=maximum, unit=unit)


class NoSessionError(InvalidRequestError):
    """The request needs an active session, and there is none."""


class ProtocolError(ChargepointError):
    """A message that cannot be read. Counted, and logged once per `kind`; never shown to users.

    Args:
        kind: a short constant that names the kind of damage, e.g. `"json"`.
        detail: what was wrong with this message.

    """

    def __init__(self, kind: str, detail: object = "") -> None:
        """Store the kind, by which errors are counted, and the detail."""
        super().__init__(kind)
        self.kind = kind
        self.detail = detail

    @override
    def __str__(self) -> str:
        return f"{self.kind}: {self.detail}" if self.detail else self.kind
