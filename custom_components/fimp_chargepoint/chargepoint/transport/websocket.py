"""The connection to a websocket server, the only module that imports aiohttp.

It connects, logs in, passes messages on and connects again without end. What the messages mean
is up to a `WebsocketClient`. Any close, exception or silence means that the connection is down.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
import logging
import random
from typing import Final, Protocol

import aiohttp

from ..errors import (
    AuthenticationError,
    ChargepointError,
    NoAnswerError,
    NotConnectedError,
    RequestLimitError,
    TlsError,
)
from ..internal_errors import InternalErrors

_LOGGER = logging.getLogger(__name__)

#: What connections are made with; Home Assistant has one for all integrations.
type Session = aiohttp.ClientSession

#: Seconds for name lookup, TCP, TLS and the upgrade together.
_CONNECT_TIMEOUT: Final = 15.0
#: Seconds for the closing handshake; Home Assistant waits 10 s for an unload.
_CLOSE_TIMEOUT: Final = 2.0
#: Seconds of silence until the server is pinged, and until it is gone then.
_HEARTBEAT: Final = 20.0
_PONG_TIMEOUT: Final = 10.0
_QUEUE_SIZE: Final = 1000
_MESSAGE_SIZE_MAX: Final = 1024 * 1024
#: A connection that lasted this many seconds resets the backoff.
_STABLE_AFTER: Final = 60.0
#: How often in a row credentials are refused before a connection that worked gives up.
_REFUSALS_MAX: Final = 2
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


class WebsocketListener(Protocol):
    """What receives events of the connection. No method may raise."""

    internal_errors: InternalErrors

    def connection_made(self) -> None:
        """The session has begun: messages follow."""

    def connection_lost(self, error: ChargepointError) -> None:
        """The connection broke or could not be made; it is retried."""

    def connection_refused(self, error: ChargepointError) -> None:
        """The credentials are wrong; nothing is retried."""

    def message(self, topic: str, payload: bytes, *, retained: bool) -> None:
        """Handle a message."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds between two attempts to connect; the pause doubles from one to the other."""

    shortest: float = 5.0
    longest: float = 300.0


class WebsocketTransport:
    """One connection to a service, made again whenever it breaks."""

    def __init__(
        self,
        session: Session,
        client: WebsocketClient,
        listener: WebsocketListener,
        *,
        backoff: Backoff | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Prepare; `start` connects. The `session` is never closed here."""
        self._session = session
        self._client = client
        self._listener = listener
        self._backoff = backoff or Backoff()
        self._now = now
        self._task: asyncio.Task[None] | None = None
        self._websocket: Websocket | None = None
        self._broken: asyncio.Future[None] | None = None
        self._outbox: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue(_QUEUE_SIZE)

    @property
    def connected(self) -> bool:
        """Whether messages can be sent."""
        return self._websocket is not None

    async def start(self) -> None:
        """Connect and return when that worked; later failures are retried.

        Raises:
            NotConnectedError, AuthenticationError: the first attempt failed.

        """
        first: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._run(first), name="websocket")
        try:
            await asyncio.shield(first)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Disconnect; no task is left behind."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None

    async def publish(self, topic: str, payload: bytes) -> None:
        """Send a message.

        Raises:
            NotConnectedError: the connection is down or broke meanwhile.

        """
        websocket, broken = self._websocket, self._broken
        if websocket is None or broken is None:
            raise NotConnectedError("not_connected")
        message = self._client.write(topic, payload)
        sending = asyncio.create_task(
            websocket.send(message), name="websocket send", eager_start=True
        )
        try:
            # A server that reads nothing would block this forever.
            await asyncio.wait((sending, broken), return_when=asyncio.FIRST_COMPLETED)
            if not sending.done():
                raise NotConnectedError("connection_lost")
            sending.result()
        finally:
            sending.cancel()

    def send(self, topic: str, payload: bytes) -> None:
        """Queue a message that nobody waits for; it is dropped while disconnected."""
        if self.connected:
            with suppress(asyncio.QueueFull):
                self._outbox.put_nowait((topic, payload))

    async def _run(self, first: asyncio.Future[None]) -> None:
        """Connect again and again; `first` gets the outcome of the first attempt."""
        loop = asyncio.get_running_loop()
        backoff = self._backoff.shortest
        refusals = 0
        while True:
            started = loop.time()
            try:
                await self._live(first)
            except ChargepointError as error:
                problem = self._client.explain(error)
            except Exception as error:  # noqa: BLE001
                # A bug must not end the connection silently and for good.
                self._listener.internal_errors.report(error, "the connection")
                problem = NotConnectedError("internal_error", detail=repr(error))
            if not first.done():
                first.set_exception(problem)
                return
            refusals = refusals + 1 if isinstance(problem, AuthenticationError) else 0
            if refusals >= _REFUSALS_MAX:
                self._listener.connection_refused(problem)
                return
            self._listener.connection_lost(problem)
            if loop.time() - started >= _STABLE_AFTER:
                backoff = self._backoff.shortest
            await self._wait(problem, backoff)
            backoff = min(backoff * 2, self._backoff.longest)

    async def _wait(self, problem: ChargepointError, backoff: float) -> None:
        """Wait until the next attempt to connect."""
        jitter = random.uniform(0.5, 1.0)  # noqa: S311
        if isinstance(problem, RequestLimitError):
            while (left := (problem.until - self._now()).total_seconds()) > 0:  # noqa: ASYNC110
                await asyncio.sleep(min(left, _CALENDAR_INTERVAL))
        await asyncio.sleep(max(backoff * jitter, self._client.pause(problem)))

    async def _live(self, first: asyncio.Future[None]) -> None:
        """Run one connection to its end, which is always a ChargepointError."""
        await self._client.log_in(self._connect)
        async with self._connect() as websocket:
            early = await self._client.open(websocket)
            self._websocket = websocket
            self._broken = asyncio.get_running_loop().create_future()
            while not self._outbox.empty():
                self._outbox.get_nowait()
            writer = asyncio.create_task(self._write(), name="websocket writer")
            try:
                self._listener.connection_made()
                for message in early:
                    self._received(message)
                if not first.done():
                    first.set_result(None)
                while True:
                    self._received(await websocket.receive())
            finally:
                self._websocket = None
                self._broken.set_result(None)
                writer.cancel()
                await asyncio.wait([writer])

    def _received(self, message: bytes) -> None:
        topic = self._client.topic(message)
        self._listener.message(topic, message, retained=False)
        self._client.check(topic, message)

    async def _write(self) -> None:
        """Send what was queued, one message at a time, in order."""
        while True:
            topic, payload = await self._outbox.get()
            try:
                await self.publish(topic, payload)
            except NotConnectedError as error:
                # The reader notices a broken connection as well, and ends this task.
                _LOGGER.debug("Could not send %s: %s", topic, error)

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
