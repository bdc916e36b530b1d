"""Control words for the account and its connections, accepted by all of its charge points."""

from abc import abstractmethod
import asyncio
from collections.abc import Coroutine
from typing import Any, ClassVar, Protocol

from simulators.car import Connector
from simulators.simulator import Chargepoint, ControlError, Timing


class Account(Protocol):
    """What a charge point needs from its account."""

    timing: Timing
    cards: dict[str, str]
    reject_reason: str | None
    frozen: bool
    left: int | None
    load: tuple[float, ...]

    def push(self, frame: dict[str, Any] | str) -> None:
        """Send a frame to all clients that are logged in."""

    def spawn(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a coroutine in the background."""

    async def sleep(self, seconds: float) -> None:
        """Wait for a delay of the real device."""

    async def close_all(self, code: int) -> None:
        """Close all connections with a code."""

    def abort_all(self) -> None:
        """Break all connections abruptly."""

    async def accept(self, *, on: bool) -> None:
        """Accept new connections, or refuse all of them."""

    def invalidate(self, *, api_token: bool | None = None) -> None:
        """Invalidate the auth tokens, and set whether the API token is valid."""

    def send_error(self, code: int) -> None:
        """Send an ERROR."""

    def list_again(self, point: Chargepoint, *, listed: bool) -> None:
        """Add a charge point to the account, or remove it."""

    def push_grid(self) -> None:
        """Report the load of the building."""


class AccountWords(Chargepoint):
    """A charge point that handles the control words for its account."""

    WORDS: ClassVar[dict[str, str]] = {
        **Chargepoint.WORDS,
        "frame": "send the rest of the line as a frame",
        "close": "close the connection with this code (default 1000)",
        "abort": "break the connection without a word",
        "freeze": "'on' neither reads nor writes on connections, 'off' goes on",
        "away": "accept no connection at all",
        "back": "accept connections again",
        "reject": "answer connections with HTTP 403 and this reason; none: accept them",
        "error": "send an ERROR with this code",
        "expire": "the auth token is not valid any more, the API token is",
        "revoke": "neither token is valid any more",
        "reinstate": "the API token is valid again",
        "quota": "so many requests are left today; none: no limit",
        "leave": "the charge point is removed from the account",
        "join": "it is added again",
        "grid": "the load of the building, in ampere for each phase, such as 3 2 1",
    }

    def __init__(self, name: str, connector: Connector, account: Account) -> None:
        """Start as a part of an account."""
        super().__init__(name, connector)
        self.account = account

    @abstractmethod
    def push(self) -> None:
        """Report its present status."""

    async def frame(self, text: str = "") -> None:
        """Send the text as a frame."""
        self.account.push(text)

    async def close(self, code: str = "1000") -> None:
        """Close the connection with a code."""
        await self.account.close_all(int(number(code)))

    async def abort(self) -> None:
        """Break the connection without closing it."""
        self.account.abort_all()

    async def freeze(self, on: bool | str = True) -> None:  # noqa: FBT001, FBT002
        """Stop reading from and writing to connections, or resume."""
        self.account.frozen = on not in (False, "off")

    async def away(self) -> None:
        """Refuse all connections."""
        await self.account.accept(on=False)

    async def back(self) -> None:
        """Accept connections again."""
        await self.account.accept(on=True)

    async def reject(self, reason: str = "") -> None:
        """Reject connections with HTTP 403."""
        self.account.reject_reason = reason or None

    async def error(self, code: str = "9") -> None:
        """Send an ERROR."""
        self.account.send_error(int(number(code)))

    async def expire(self) -> None:
        """Make the auth token invalid."""
        self.account.invalidate()

    async def revoke(self) -> None:
        """Make both tokens invalid."""
        self.account.invalidate(api_token=False)

    async def reinstate(self) -> None:
        """Make the API token valid again."""
        self.account.invalidate(api_token=True)

    async def quota(self, left: str = "") -> None:
        """Set the number of requests that remain for today."""
        self.account.left = int(number(left)) if left else None

    async def leave(self) -> None:
        """Remove it from the account."""
        self.account.list_again(self, listed=False)

    async def join(self) -> None:
        """Add it to the account again."""
        self.account.list_again(self, listed=True)
        self.push()

    async def grid(self, load: str = "0 0 0") -> None:
        """Change the load of the building."""
        found = tuple(number(text) for text in load.split())
        if len(found) != 3:  # noqa: PLR2004
            raise ControlError("the load of three phases, please")
        self.account.load = found
        self.account.push_grid()


def number(text: str) -> float:
    """Read a number that a user has entered."""
    try:
        return float(text)
    except ValueError as error:
        raise ControlError(f"{text!r} is not a number") from error
