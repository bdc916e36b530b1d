"""The connection to a websocket server, the only module that imports aiohttp.

What the messages mean is up to a `WebsocketClient`. Any close, exception or silence means that the
connection is down.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from typing import Final, Protocol, override

import aiohttp

from ..errors import ChargepointError, NoAnswerError, NotConnectedError, RequestLimitError, TlsError
from . import Backoff, MessageListener, ReconnectingTransport

#: What connections are made with; Home Assistant has one for all integrations.
type Session = aiohttp.ClientSession

#: Seconds for name lookup, TCP, TLS and the upgrade together.
_CONNECT_TIMEOUT: Final = 15.0
#: Seconds for the closing handshake; Home Assistant waits 10 s for an unload.
_CLOSE_TIMEOUT: Final = 2.0
#: Seconds of silence until the server is pinged, and until it is gone then.
_HEARTBEAT: Final = 20.0
_PONG_TIMEOUT: Final = 10.0
_MESSAGE_SIZE_MAX: Final = 1024 * 1024
#: Each connection costs some of the requests that a service allows a day.
_BACKOFF: Final = Backoff(5.0, 300.0)
#: Seconds between two looks at the calendar while waiting for a time of day: the system clock
#: may be set, and the computer may sleep.
_CALENDAR_INTERVAL: Final = 60.0


class UpgradeRefusedError(NotConnectedError):
    """The server answered the request for a websocket with an HTTP `status`."""

    def __init__(self, status: int, headers: dict[str, str]) -> None:
        """Keep the headers, by their names in lower case."""
        super().__init__("unreachable", detail=f"HTTP {status}")
        self.status = status
        self.headers = headers


class ClosedError(NotConnectedError):
    """The websocket was closed, with a `code` if the server gave one."""

    def __init__(self, code: int | None) -> None:
        """Keep the code of the close frame."""
        super().__init__("connection_ended")
        self.close_code = code


class Websocket:
    """One open websocket."""

    def __init__(self, response: aiohttp.ClientWebSocketResponse) -> None:
        """Wrap aiohttp's websocket."""
        self._response = response
        self._is_pinged = False

    async def send(self, message: bytes) -> None:
        """Send a text message, which reaches the socket before anything else can happen.

        Raises:
            NotConnectedError: the connection broke.

        """
        try:
            await self._response.send_str(message.decode())
        except (aiohttp.ClientError, OSError) as error:
            raise NotConnectedError("connection_lost") from error

    async def receive(self) -> bytes:
        """Return the next message.

        Raises:
            ClosedError: there is none, the connection ended.

        """
        while True:
            message = await self._receive()
            match message.type, message.data:
                case aiohttp.WSMsgType.TEXT, str(text):
                    return text.encode(errors="replace")
                case aiohttp.WSMsgType.BINARY, bytes(data):
                    return data
                case aiohttp.WSMsgType.PING | aiohttp.WSMsgType.PONG, _:
                    continue
            raise ClosedError(self._response.close_code)

    async def _receive(self) -> aiohttp.WSMessage:
        """Return the next frame of any kind, and ping a server that is silent.

        aiohttp's own heartbeat leaves a timer behind when the connection is closed.
        """
        while True:
            timeout = _PONG_TIMEOUT if self._is_pinged else _HEARTBEAT
            try:
                message = await self._response.receive(timeout)
            except TimeoutError as error:
                if self._is_pinged:
                    raise NoAnswerError("no_answer") from error
                self._is_pinged = True
                await self._control(self._response.ping())
                continue
            self._is_pinged = False
            if message.type is aiohttp.WSMsgType.PING:
                await self._control(self._response.pong(message.data))
            return message

    @staticmethod
    async def _control(sending: Coroutine[None, None, None]) -> None:
        """Send a ping or a pong; a server that reads nothing must not block the reader."""
        try:
            async with asyncio.timeout(_PONG_TIMEOUT):
                await sending
        except TimeoutError as error:
            raise NoAnswerError("no_answer") from error
        except (aiohttp.ClientError, OSError) as error:
            raise NotConnectedError("connection_lost") from error


#: Opens a websocket to the server of the account.
type Connect = Callable[[], AbstractAsyncContextManager[Websocket]]


class WebsocketClient(Protocol):
    """What a service adds to a bare connection. Errors it raises end the connection."""

    url: str

    async def log_in(self, connect: Connect) -> None:
        """Obtain what `open` needs, on connections of its own; may do nothing."""

    async def open(self, websocket: Websocket) -> list[bytes]:
        """Begin the session; returns the messages received meanwhile."""

    def topic(self, message: bytes) -> str:
        """Return the topic of a received message."""

    def check(self, topic: str, message: bytes) -> None:
        """Raise if a message ends the session."""

    def write(self, topic: str, payload: bytes) -> bytes:
        """Return the message to send for a payload of the hub."""

    def explain(self, error: ChargepointError) -> ChargepointError:
        """Return what a failure means for this service."""

    def pause(self, error: ChargepointError) -> float:
        """Return the minimum seconds to wait after a failure."""


class WebsocketTransport(ReconnectingTransport):
    """A connection to a service."""

    name = "websocket"
    _listener: MessageListener

    def __init__(
        self,
        session: Session,
        client: WebsocketClient,
        listener: MessageListener,
        *,
        backoff: Backoff | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Prepare; `start` connects. The `session` is never closed here."""
        super().__init__(listener, backoff or _BACKOFF)
        self._session = session
        self._client = client
        self._now = now
        self._websocket: Websocket | None = None

    @override
    async def publish(self, topic: str, payload: bytes) -> None:
        """Send a message."""
        if self._websocket is None:
            raise NotConnectedError("not_connected")
        await self._deliver(self._websocket.send(self._client.write(topic, payload)))

    @override
    def _explain(self, error: ChargepointError) -> ChargepointError:
        return self._client.explain(error)

    @override
    async def _wait(self, error: ChargepointError, pause: float) -> None:
        if isinstance(error, RequestLimitError):
            while (left := (error.until - self._now()).total_seconds()) > 0:  # noqa: ASYNC110
                await asyncio.sleep(min(left, _CALENDAR_INTERVAL))
        await asyncio.sleep(max(pause, self._client.pause(error)))

    @override
    async def _live(self) -> None:
        await self._client.log_in(self._connect)
        async with self._connect() as websocket:
            early = await self._client.open(websocket)
            self._websocket = websocket
            try:
                async with self._in_use():
                    for message in early:
                        self._received(message)
                    while True:
                        self._received(await websocket.receive())
            finally:
                self._websocket = None

    def _received(self, message: bytes) -> None:
        topic = self._client.topic(message)
        self._listener.message(topic, message, retained=False)
        self._client.check(topic, message)

    @asynccontextmanager
    async def _connect(self) -> AsyncIterator[Websocket]:
        async with connect(self._session, self._client.url) as websocket:
            yield websocket


@asynccontextmanager
async def connect(session: Session, url: str) -> AsyncIterator[Websocket]:
    """Open a websocket, and close it in the end.

    Raises:
        NotConnectedError: it cannot be opened; see its subclasses.

    """
    try:
        async with asyncio.timeout(_CONNECT_TIMEOUT):
            response = await session.ws_connect(
                url,
                autoping=False,
                max_msg_size=_MESSAGE_SIZE_MAX,
                timeout=aiohttp.ClientWSTimeout(ws_close=_CLOSE_TIMEOUT),
            )
    except TimeoutError as error:
        raise NoAnswerError("no_answer") from error
    except aiohttp.WSServerHandshakeError as error:
        headers = {name.lower(): value for name, value in (error.headers or {}).items()}
        raise UpgradeRefusedError(error.status, headers) from error
    except (aiohttp.ClientSSLError, aiohttp.ServerFingerprintMismatch) as error:
        raise TlsError("tls_failed", detail=str(error)) from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise NotConnectedError("unreachable", detail=str(error)) from error
    try:
        yield Websocket(response)
    finally:
        await response.close()
