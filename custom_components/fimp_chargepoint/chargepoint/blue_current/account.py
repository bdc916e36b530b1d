"""A Blue Current account: its login, errors of the session, and the request limit.

Sources: the vendor's Python library and its notes. The API token, which the user makes in the
driver portal, is exchanged for an auth token on a short connection; every later frame contains
it. The number of requests per day is limited.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Final, NamedTuple

import orjson

from ..errors import (
    AlreadyConnectedError,
    AuthenticationError,
    ChargepointError,
    NoAnswerError,
    NotConnectedError,
    ProtocolError,
    RequestLimitError,
)
from ..readers import JsonObject
from ..transport.websocket import (
    ClosedError,
    Connect,
    Session,
    UpgradeRefusedError,
    Websocket,
    connect,
)
from . import decoding, frames

URL: Final = "wss://motown.bluecurrent.nl/haserver"

#: Codes of ERROR frames and of closed connections, and reasons why no connection is accepted.
_INVALID_AUTH_TOKEN: Final = 1
_REQUEST_LIMIT: Final = 42
_CLOSED_REQUEST_LIMIT: Final = 4001
_REJECT_REASON: Final = "x-websocket-reject-reason"
_REJECTED_REQUEST_LIMIT: Final = "Request limit reached"
_REJECTED_CONNECTED: Final = "Already connected"

#: Seconds for one reply on a short connection, and for the list of charge points.
_REPLY_TIMEOUT: Final = 10.0
_LIST_TIMEOUT: Final = 30.0
#: Seconds until the server notices that an earlier connection is lost.
_TAKEN_PAUSE: Final = 30.0
#: Maximum number of frames before the list of charge points.
_EARLY_MAX: Final = 1000


class Owner(NamedTuple):
    """The owner of an account: a stable id, the login, and the names of the charge points."""

    customer_id: str
    login: str
    charge_points: tuple[str, ...]


class RequestCounter:
    """The number of requests sent today, by command, in the vendor's time zone."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        """Start with none."""
        #: Called after each request.
        self.changed: Callable[[], None] = lambda: None
        self._now = now
        self._day: date | None = None
        self._counts: Counter[str] = Counter()

    def add(self, command: str) -> None:
        """Count a request."""
        self._start_day()
        self._counts[command] += 1
        self.changed()

    @property
    def today(self) -> Counter[str]:
        """How many were sent today."""
        self._start_day()
        return self._counts.copy()

    def _start_day(self) -> None:
        day = self._now().astimezone(decoding.TIME_ZONE).date()
        if day != self._day:
            self._day = day
            self._counts.clear()


def next_reset(now: datetime) -> datetime:
    """Return when the number of requests is reset: half a minute after midnight in Amsterdam."""
    local = now.astimezone(decoding.TIME_ZONE)
    reset = local.replace(hour=0, minute=0, second=30, microsecond=0, fold=0)
    return reset if reset > local else reset + timedelta(days=1)


class Account:
    """One account, as a client of a websocket. The API token never leaves it."""

    def __init__(
        self,
        api_token: str,
        *,
        url: str | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Start without an auth token; `url` is another server than Blue Current's."""
        self.url = url or URL
        self.customer_id: str | None = None
        self.requests = RequestCounter(now)
        self._api_token = api_token
        self._authorization: str | None = None
        self._now = now

    # Called by the transport ------------------------------------------------------

    async def log_in(self, connect: Connect) -> None:
        """Exchange the API token for an auth token, unless there is one.

        Raises:
            AuthenticationError: the API token is not accepted.
            RequestLimitError, NotConnectedError: see there.

        """
        if self._authorization is not None:
            return
        reply = await self._ask(connect, "VALIDATE_API_TOKEN", token=self._api_token)
        token, customer_id = reply.get("token"), reply.get("customer_id")
        if reply.get("success") is not True:
            raise AuthenticationError("invalid_api_token", detail=str(reply.get("error")))
        if not isinstance(token, str) or not isinstance(customer_id, str):
            raise NotConnectedError("unreadable_reply", detail="VALIDATE_API_TOKEN")
        self._authorization = f"Token {token}"
        self.customer_id = customer_id

    async def login_name(self, connect: Connect) -> str:
        """Return the name that the owner logs in with.

        Raises:
            ChargepointError: as `log_in`.

        """
        reply = await self._ask(connect, "GET_ACCOUNT", Authorization=self._authorization)
        login = reply.get("login")
        if not isinstance(login, str) or not login:
            raise NotConnectedError("unreadable_reply", detail="GET_ACCOUNT")
        return login

    async def names(self, connect: Connect) -> tuple[str, ...]:
        """Return the names of the charge points; the ids of those without a name.

        Raises:
            ChargepointError: as `open`.

        """
        async with connect() as websocket:
            *_, answer = await self.open(websocket)
        try:
            found = decoding.decode(answer)
        except ProtocolError:
            return ()
        listed = found.charge_points if isinstance(found, frames.ChargePoints) else ()
        return tuple(each.name or each.evse_id for each in listed)

    async def open(self, websocket: Websocket) -> list[bytes]:
        """Ask for the charge points, and return all frames up to their list."""
        await websocket.send(self.write("HELLO", _json({"command": "HELLO", "header": _HEADER})))
        await websocket.send(
            self.write("GET_CHARGE_POINTS", _json({"command": "GET_CHARGE_POINTS"}))
        )
        early: list[bytes] = []
        try:
            async with asyncio.timeout(_LIST_TIMEOUT):
                while len(early) < _EARLY_MAX:
                    early.append(await websocket.receive())
                    topic = self.topic(early[-1])
                    self.check(topic, early[-1])
                    if topic == "CHARGE_POINTS":
                        return early
        except TimeoutError:
            pass
        raise NoAnswerError("no_answer")

    def topic(self, message: bytes) -> str:
        """Return what a frame is about, for the journal and the inbox."""
        return decoding.topic(message)

    def check(self, topic: str, message: bytes) -> None:
        """Check whether an error ends the session.

        Raises:
            NotConnectedError, RequestLimitError: it does.

        """
        if topic.startswith("ERROR"):
            frame = decoding.decode(message)
            if isinstance(frame, frames.Failure):
                self._check(frame.code, frame.message)

    def write(self, topic: str, payload: bytes) -> bytes:
        """Return a frame with the auth token, and count the request."""
        self.requests.add(topic.partition("/")[0])
        return _json(orjson.loads(payload) | {"Authorization": self._authorization})

    def explain(self, error: ChargepointError) -> ChargepointError:
        """Return the meaning of a failure; the request limit is signalled in three ways."""
        match error:
            case ClosedError(close_code=code) if code == _CLOSED_REQUEST_LIMIT:
                return RequestLimitError(next_reset(self._now()))
            case UpgradeRefusedError(headers=headers):
                reason = headers.get(_REJECT_REASON, "")
                if _REJECTED_REQUEST_LIMIT in reason:
                    return RequestLimitError(next_reset(self._now()))
                if _REJECTED_CONNECTED in reason:
                    return AlreadyConnectedError("already_connected")
        return error

    def pause(self, error: ChargepointError) -> float:
        """Return the minimum seconds to wait after a failure."""
        return _TAKEN_PAUSE if isinstance(error, AlreadyConnectedError) else 0.0

    # ------------------------------------------------------------------------------

    def _check(self, code: int | None, message: str) -> None:
        """Raise if an error concerns the session, and not one request."""
        if code == _INVALID_AUTH_TOKEN:
            # It has expired, or the API token was replaced, and must be validated again.
            self._authorization = None
            raise NotConnectedError("unreachable", detail=message)
        if code == _REQUEST_LIMIT:
            raise RequestLimitError(next_reset(self._now()))

    async def _ask(self, connect: Connect, command: str, **fields: str | None) -> JsonObject:
        """Return the one reply on a connection of its own."""
        self.requests.add(command)
        try:
            async with connect() as websocket, asyncio.timeout(_REPLY_TIMEOUT):
                await websocket.send(_json({"command": command, **fields}))
                message = await websocket.receive()
        except TimeoutError as error:
            raise NoAnswerError("no_answer") from error
        try:
            frame, reply = decoding.decode(message), decoding.parse(message)
        except ProtocolError as error:
            raise NotConnectedError("unreadable_reply", detail=str(error)) from error
        if isinstance(frame, frames.Failure):
            self._check(frame.code, frame.message)
            raise NotConnectedError("unreachable", detail=frame.message)
        return reply


#: The name of the client in HELLO, as in the vendor's library.
_HEADER: Final = "homeassistant"


def _json(frame: Mapping[str, object]) -> bytes:
    return orjson.dumps(frame)


async def look_up(
    session: Session, api_token: str, *, with_names: bool = True, url: str | None = None
) -> Owner:
    """Return the owner of an API token, whose account must have no other connection.

    The names of the charge points cost another connection. Without an answer, there are none.

    Raises:
        AuthenticationError: the token is not accepted.
        RequestLimitError, AlreadyConnectedError, NotConnectedError: see there.

    """
    account = Account(api_token, url=url)
    to_server = partial(connect, session, account.url)
    try:
        await account.log_in(to_server)
        login = await account.login_name(to_server)
    except ChargepointError as error:
        raise account.explain(error) from error
    charge_points: tuple[str, ...] = ()
    if with_names:
        with suppress(ChargepointError):
            charge_points = await account.names(to_server)
    return Owner(account.customer_id or "", login, charge_points)
