"""How messages travel: a connection that is made again whenever it breaks.

`mqtt` connects to a broker, `websocket` to a service. Each is the only importer of its library.
"""

from abc import ABC, abstractmethod
import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
import logging
import random
from typing import ClassVar, Final, Protocol

from ..errors import (
    AuthenticationError,
    ChargepointError,
    NoAnswerError,
    NotConnectedError,
    RequestLimitError,
)
from ..internal_errors import InternalErrors

_LOGGER = logging.getLogger(__name__)

#: Messages that wait to be sent. When a connection is made, every charge point is asked for all of
#: its reports at once, and a question that is dropped may never be asked again.
_OUTBOX_SIZE: Final = 50_000


class ConnectionListener(Protocol):
    """What receives events of the connection. No method may raise."""

    internal_errors: InternalErrors

    def connection_made(self) -> None:
        """Messages can be sent, and follow."""

    def connection_lost(self, error: ChargepointError) -> None:
        """The connection broke or could not be made; it is retried."""

    def connection_refused(self, error: ChargepointError) -> None:
        """The credentials are wrong; nothing is retried."""


class MessageListener(ConnectionListener, Protocol):
    """What receives the messages of a connection, too."""

    def message(self, topic: str, payload: bytes, *, retained: bool) -> None:
        """Handle a message."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds between two attempts to connect; the pause doubles from one to the next.

    A connection that lasted as long as the `longest` pause resets it. A connection that worked
    gives up after `refusals` seconds in which the credentials were refused, at the second
    refusal at the earliest.
    """

    shortest: float
    longest: float
    refusals: float = 0.0


class ReconnectingTransport(ABC):
    """A connection that is made again whenever it breaks. A subclass makes it, and sends."""

    #: The name of its tasks.
    name: ClassVar[str]
    #: How many messages may wait for their acknowledgements at a time.
    at_once: ClassVar[int] = 1

    def __init__(self, listener: ConnectionListener, backoff: Backoff) -> None:
        """Prepare; `start` connects, and waits between two attempts as `backoff` says."""
        self._listener = listener
        self._backoff = backoff
        self._task: asyncio.Task[None] | None = None
        #: Gets the outcome of the first attempt to connect.
        self._first: asyncio.Future[None] | None = None
        #: Done when the current connection has ended; None without a connection.
        self._broken: asyncio.Future[None] | None = None
        self._limit: asyncio.Timeout | None = None
        self._outbox: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue(_OUTBOX_SIZE)
        self._orders: set[asyncio.Task[None]] = set()

    @property
    def connected(self) -> bool:
        """Whether messages can be sent and received."""
        return self._broken is not None

    async def start(self) -> None:
        """Connect and return when that worked; later failures are retried.

        The end of a request limit is waited for, also at the start: each attempt would be
        another request.

        Raises:
            NotConnectedError, AuthenticationError: the first attempt failed otherwise.

        """
        self._first = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._run(self._first), name=self.name)
        try:
            await asyncio.shield(self._first)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Disconnect; no task is left behind."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None

    @abstractmethod
    async def publish(self, topic: str, payload: bytes) -> None:
        """Send a message, before anything else can happen, and return when it has left.

        Raises:
            NotConnectedError: the connection is down or broke meanwhile.

        """

    def send(self, topic: str, payload: bytes) -> None:
        """Queue a message without waiting for it to be sent; it is dropped while disconnected."""
        if self.connected:
            with suppress(asyncio.QueueFull):
                self._outbox.put_nowait((topic, payload))

    def send_now(self, topic: str, payload: bytes) -> None:
        """Send a message without waiting, ahead of all that are queued; see `send`.

        Whatever is sent later arrives later: an order must not replace a newer one.
        """
        if self.connected:
            sending = self._write_one(topic, payload)
            task = asyncio.create_task(sending, name=f"{self.name} order", eager_start=True)
            self._orders.add(task)
            task.add_done_callback(self._orders.discard)

    def renew(self) -> None:
        """Break a connection that is up, but no longer delivers anything."""
        if self._limit is not None:
            self._limit.reschedule(0.0)

    # What a subclass implements or calls ---------------------------------------------------

    @abstractmethod
    async def _live(self) -> None:
        """Run one connection to its end, which is always a ChargepointError."""

    def _explain(self, error: ChargepointError) -> ChargepointError:
        """Return what a failure means."""
        return error

    async def _wait(self, error: ChargepointError, pause: float) -> None:
        """Wait until the next attempt to connect."""
        await asyncio.sleep(pause)

    @asynccontextmanager
    async def _in_use(self) -> AsyncIterator[None]:
        """Use a connection that was made for what is sent, and receive in the meantime."""
        while not self._outbox.empty():
            # Nothing of the last connection is sent on the next one.
            self._outbox.get_nowait()
        self._broken = broken = asyncio.get_running_loop().create_future()
        writer = asyncio.create_task(self._write(), name=f"{self.name} writer")
        try:
            async with asyncio.timeout(None) as self._limit:
                self._listener.connection_made()
                if self._first is not None and not self._first.done():
                    self._first.set_result(None)
                yield
        except TimeoutError as error:
            raise NoAnswerError("no_answer") from error
        finally:
            self._broken = self._limit = None
            broken.set_result(None)
            writer.cancel()
            await asyncio.wait([writer])

    async def _deliver(self, sending: Coroutine[None, None, None]) -> None:
        """Start `sending` at once, and wait for its end or for that of the connection."""
        broken = self._broken
        if broken is None:
            sending.close()
            raise NotConnectedError("not_connected")
        task = asyncio.create_task(sending, name=f"{self.name} send", eager_start=True)
        try:
            # A broken connection delivers no acknowledgement, and may block the sender forever.
            await asyncio.wait((task, broken), return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise NotConnectedError("connection_lost")
            task.result()
        finally:
            task.cancel()

    # -----------------------------------------------------------------------------------------

    async def _run(self, first: asyncio.Future[None]) -> None:
        """Connect again and again."""
        loop = asyncio.get_running_loop()
        pause = 0.0
        refused_since: float | None = None
        while True:
            started = loop.time()
            try:
                await self._live()
            except ChargepointError as error:
                problem = self._explain(error)
            except Exception as error:  # noqa: BLE001
                # A bug must not end the connection silently and for good.
                self._listener.internal_errors.report(error, "the connection")
                problem = NotConnectedError("internal_error", detail=repr(error))
            else:
                problem = NotConnectedError("connection_ended")
            now = loop.time()
            if not first.done():
                if not isinstance(problem, RequestLimitError):
                    first.set_exception(problem)
                    return
                first.set_result(None)
            if not isinstance(problem, AuthenticationError):
                refused_since = None
            elif refused_since is None:
                # A broker that has just started may refuse what it accepts a moment later.
                refused_since = now
            elif now - refused_since >= self._backoff.refusals:
                self._listener.connection_refused(problem)
                return
            self._listener.connection_lost(problem)
            backoff = self._backoff
            lasted = now - started >= backoff.longest
            pause = backoff.shortest if lasted else max(pause, backoff.shortest)
            # All clients of a broker that was restarted come back, but not all at once.
            await self._wait(problem, pause * random.uniform(0.5, 1.0))  # noqa: S311
            pause = min(pause * 2, backoff.longest)

    async def _write(self) -> None:
        """Send what was queued, in order, without waiting for each acknowledgement alone."""
        while True:
            batch = [await self._outbox.get()]
            while len(batch) < self.at_once and not self._outbox.empty():
                batch.append(self._outbox.get_nowait())
            await asyncio.gather(*(self._write_one(*each) for each in batch))

    async def _write_one(self, topic: str, payload: bytes) -> None:
        try:
            await self.publish(topic, payload)
        except NotConnectedError as error:
            # A message that cannot be sent costs only itself. The reader notices a broken
            # connection as well, and ends this task.
            _LOGGER.debug("Could not send to %s: %s", topic, error)
        except Exception as error:  # noqa: BLE001
            self._listener.internal_errors.report(error, "the connection")
