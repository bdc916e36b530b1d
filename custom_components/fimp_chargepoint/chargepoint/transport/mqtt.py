"""The connection to an MQTT broker, the only module that imports aiomqtt.

It works around traps of aiomqtt: a connect that is cancelled or times out leaves a live client
behind (it is closed later), `subscribe` does not raise on a refusal (the codes are checked), and
the queue drops the newest messages if it is bounded at all (`Inbox` takes its place).
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
import logging
from socket import socket
import ssl
from typing import Any, Literal, Self, cast, override

import aiomqtt

from ..errors import (
    AuthenticationError,
    ChargepointError,
    NoAnswerError,
    NotConnectedError,
    TlsError,
)
from . import Backoff, ConnectionListener, ReconnectingTransport
from .inbox import Inbox, MqttListener
from .reader import Reader, takes

_LOGGER = logging.getLogger(__name__)
#: The client's own log. Its failures also raise exceptions, which the listener logs once; the
#: client itself logs an error each time it loses its broker.
_CLIENT_LOGGER = _LOGGER.getChild("client")
_CLIENT_LOGGER.addFilter(lambda _: _LOGGER.isEnabledFor(logging.DEBUG))

#: Seconds for CONNACK, SUBACK, PUBACK and DISCONNECT each; Home Assistant waits 10 s
#: for an unload, so two of them must fit.
_TIMEOUT = 4.0
_REAP_TIMEOUT = 0.5
#: Seconds for name lookup, TCP, TLS and CONNACK together.
_CONNECT_TIMEOUT = 10.0
#: A half-open link is noticed after twice this time.
_KEEPALIVE = 20
#: Seconds to handle what had been received when the connection broke.
_LAST_SLICE = 0.5
#: Seconds between two connections that are renewed because of lost events.
_RENEW_INTERVAL = 600.0
_BACKOFF_MIN = 1.0
_BACKOFF_MAX = 30.0
#: A broker that is starting may refuse for a while what it accepts later.
_REFUSALS_TIME = 180.0
#: CONNACK codes that mean our credentials are wrong, of MQTT 3.1.1 and 5.
_REFUSED_CREDENTIALS = frozenset({4, 5, 134, 135})
#: SUBACK codes from here on are refusals.
_SUBACK_FAILURE = 0x80


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttSettings:
    """How to reach a broker. `tls` is a ready context, None means no TLS."""

    host: str
    port: int = 1883
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = None
    transport: Literal["tcp", "websockets"] = "tcp"
    websocket_path: str | None = None
    #: They may contain a token.
    websocket_headers: Mapping[str, str] | None = field(default=None, repr=False)


#: Called at every attempt to connect, so that changed settings are seen.
type SettingsSource = Callable[[], Awaitable[MqttSettings]]
#: The topic and the payload that the broker publishes if the connection ends without a farewell.
type Will = tuple[str, bytes]


class _Client(aiomqtt.Client):
    """A client without six faults of aiomqtt and of paho below it.

    aiomqtt asks the loop to watch the socket in its next turn: if the broker closes the connection
    before, this raises an error in the loop that cannot be caught. If aiomqtt fails with an error
    of its own, it leaves the socket open. It does not notice a connection that ends right after
    it was accepted. It reads one message in each turn of the loop; if Home Assistant is busy, the
    broker then drops messages of any kind. paho looks for a callback for each topic, which leaves
    reference cycles.

    What is private there may change in any release. A method that is not as expected is left
    alone; the fault is the lesser evil.
    """

    inbox: Inbox | None = None

    @override
    async def __aenter__(self) -> Self:
        # If it ends while it subscribes, its exception is not retrieved, which asyncio would log.
        ended: asyncio.Future[None] | None = getattr(self, "_disconnected", None)
        if ended is not None:
            ended.add_done_callback(lambda done: done.cancelled() or done.exception())
        await super().__aenter__()
        if ended is not None and ended.done():
            # The next use of the client raises it.
            self._disconnected = ended
        return self

    @override
    async def __aexit__(self, *exception: Any) -> None:  # noqa: PYI036
        try:
            await super().__aexit__(*exception)
        finally:
            paho: Any = getattr(self, "_client", None)
            if takes(paho, "_sock_close"):
                # Already closed if there was no error.
                paho._sock_close()  # noqa: SLF001

    if takes(aiomqtt.Client, "_on_socket_register_write", "self", "client", "userdata", "sock"):

        @override
        def _on_socket_register_write(self, *arguments: Any) -> None:
            client, _, sock = arguments

            def write() -> None:
                try:
                    client.loop_write()
                except Exception as error:  # noqa: BLE001
                    self._failed(error)

            def watch() -> None:
                if sock.fileno() >= 0:
                    self._loop.add_writer(sock.fileno(), write)

            # Called from a thread while it connects.
            self._loop.call_soon_threadsafe(watch)

    if takes(aiomqtt.Client, "_on_socket_open", "self", "client", "userdata", "sock"):

        @override
        def _on_socket_open(self, *arguments: Any) -> None:
            super()._on_socket_open(*arguments)
            client, _, sock = arguments
            if self.inbox is not None:
                # After the reader of aiomqtt, whose place it takes.
                self._loop.call_soon_threadsafe(self._read_all, client, sock, self.inbox)

    def _read_all(self, client: Any, sock: socket, inbox: Inbox) -> None:
        """Read everything that has come, for a while, and hand it on."""
        if sock.fileno() >= 0:
            reader = Reader(self._loop, client, sock, inbox, self._failed)
            self._loop.add_reader(sock.fileno(), reader.readable)

    def _failed(self, error: Exception) -> None:
        if not self._disconnected.done():
            self._disconnected.set_exception(error)


class MqttTransport(ReconnectingTransport):
    """A connection to a broker."""

    name = "mqtt"
    #: Fewer than the client has in flight, so that a command never waits behind them.
    at_once = 16

    def __init__(
        self,
        settings: SettingsSource,
        listener: ConnectionListener,
        receiver: MqttListener | None = None,
    ) -> None:
        """Prepare; `start` connects. Without a `receiver`, nothing is subscribed to."""
        super().__init__(listener, Backoff(_BACKOFF_MIN, _BACKOFF_MAX, _REFUSALS_TIME))
        self._settings = settings
        self._receiver = receiver
        self._client: aiomqtt.Client | None = None
        self._reapers: set[asyncio.Task[None]] = set()
        self._renewed_at = float("-inf")
        self._will: aiomqtt.Will | None = None

    def open(self, will: Will) -> None:
        """Connect with a Last Will, without waiting for it, and keep the connection."""
        self._will = aiomqtt.Will(*will, qos=1)
        begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        begun.set_result(None)
        self._task = asyncio.create_task(self._run(begun), name=self.name)

    @override
    async def stop(self) -> None:
        await super().stop()
        if self._reapers:
            await asyncio.wait(self._reapers, timeout=_TIMEOUT + 2 * _REAP_TIMEOUT)

    @override
    async def publish(self, topic: str, payload: bytes) -> None:
        """Hand a message to the broker at QoS 1 and wait for its acknowledgement."""
        if self._client is None:
            raise NotConnectedError("not_connected")
        try:
            await self._deliver(self._client.publish(topic, payload, qos=1))
        except aiomqtt.MqttError as error:
            raise NotConnectedError("connection_lost") from error
        except ValueError as error:
            raise NotConnectedError("not_sent", detail=str(error)) from error

    @override
    async def _live(self) -> None:
        settings = await self._settings()
        inbox = None if self._receiver is None else Inbox(self._receiver, self._renew)
        client = _Client(
            settings.host,
            settings.port,
            username=settings.username,
            password=settings.password,
            tls_context=settings.tls,
            transport=settings.transport,
            websocket_path=settings.websocket_path,
            websocket_headers=dict(settings.websocket_headers or {}),
            keepalive=_KEEPALIVE,
            will=self._will,
            timeout=_TIMEOUT,
            logger=_CLIENT_LOGGER,
            queue_type=None
            if inbox is None
            else cast("type[asyncio.Queue[aiomqtt.Message]]", lambda maxsize: inbox),  # noqa: ARG005
        )
        client.inbox = inbox
        try:
            async with self._connected(client, tls=settings.tls is not None):
                if self._receiver is not None:
                    await self._subscribe(client, self._receiver.filters)
                self._client = client
                try:
                    async with self._in_use():
                        try:
                            # They go to the inbox; this only waits for the end.
                            await anext(client.messages)
                        except aiomqtt.MqttError:
                            if inbox is not None:
                                inbox.hand_on(_LAST_SLICE)
                            raise
                finally:
                    self._client = None
                    if inbox is not None:
                        inbox.close()
        except aiomqtt.MqttError as error:
            raise NotConnectedError("unreachable", detail=str(error)) from error

    def _renew(self) -> None:
        """Request everything again after lost events, but not all the time."""
        now = asyncio.get_running_loop().time()
        if now - self._renewed_at >= _RENEW_INTERVAL:
            self._renewed_at = now
            self.renew()

    async def _subscribe(self, client: aiomqtt.Client, filters: tuple[str, ...]) -> None:
        if not filters:
            return
        codes = await client.subscribe([(each, 1) for each in filters])
        refused = [
            each
            for each, code in zip(filters, codes, strict=True)
            if _number(code) >= _SUBACK_FAILURE
        ]
        if len(refused) == len(filters):
            raise NotConnectedError("subscribe_refused")
        for each in refused:
            _LOGGER.warning("The broker does not let us subscribe to %s", each)

    @asynccontextmanager
    async def _connected(self, client: aiomqtt.Client, *, tls: bool) -> AsyncIterator[None]:
        """Enter the client, and never leave a half-made connection behind."""
        entering = asyncio.create_task(client.__aenter__(), name="mqtt connect")
        try:
            # Unlike wait_for, this does not cancel the attempt, which would go on unseen.
            await asyncio.wait([entering], timeout=_CONNECT_TIMEOUT)
            if not entering.done():
                raise NoAnswerError("no_answer")
            entering.result()
        except (aiomqtt.MqttError, ValueError) as error:
            self._reap(client, entering)
            raise _why(error, tls=tls) from error
        except BaseException:
            self._reap(client, entering)
            raise
        try:
            yield
        finally:
            with suppress(aiomqtt.MqttError):
                await client.__aexit__(None, None, None)

    def _reap(self, client: aiomqtt.Client, entering: asyncio.Task[aiomqtt.Client]) -> None:
        """Close a client once its connect has come to an end, whichever."""

        async def close() -> None:
            await asyncio.wait([entering])
            entering.exception()
            # A broker does not acknowledge the end of a connection that was not complete.
            client.timeout = _REAP_TIMEOUT
            with suppress(aiomqtt.MqttError):
                await client.__aexit__(None, None, None)

        reaper = asyncio.create_task(close(), name="mqtt reaper")
        self._reapers.add(reaper)
        reaper.add_done_callback(self._reapers.discard)


def _number(code: Any) -> int:
    """Return the number of a reason code, which aiomqtt gives as an object or an int."""
    return code if isinstance(code, int) else int(code.value)


def _why(error: Exception, *, tls: bool) -> ChargepointError:
    """Return what a failed connect means for a person."""
    if isinstance(error, ValueError):
        # A name that cannot be one; Python's words for it mean nothing to people.
        return NotConnectedError("invalid_host")
    if isinstance(error, aiomqtt.MqttCodeError) and error.rc is not None:
        if _number(error.rc) in _REFUSED_CREDENTIALS:
            return AuthenticationError("invalid_auth")
        return NotConnectedError("unreachable", detail=str(error))
    cause = error.__context__
    if isinstance(cause, ssl.SSLError) or (tls and isinstance(cause, ConnectionResetError)):
        return TlsError("tls_failed", detail=str(error))
    if cause is None or isinstance(cause, TimeoutError):
        return NoAnswerError("no_answer")
    words = cause.strerror if isinstance(cause, OSError) else None
    return NotConnectedError("unreachable", detail=words or str(error))
