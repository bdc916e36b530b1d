"""The connection to the broker: the only module here that depends on an MQTT library."""

import asyncio
from collections.abc import Callable, Iterable
import contextlib
from dataclasses import dataclass
import logging
import socket
from typing import Self

import aiomqtt

_LOGGER = logging.getLogger(__name__)

_RETRY_SECONDS = 0.5
_PUBLISH_TIMEOUT_SECONDS = 5.0
#: Messages that may wait for their acknowledgements at a time, as with the real adapters.
_AT_ONCE = 16

type Receive = Callable[[str, bytes], None]


@dataclass(frozen=True)
class Broker:
    """The address of the broker, and our credentials."""

    host: str = "127.0.0.1"
    port: int = 1883
    username: str | None = None
    password: str | None = None


class Link:
    """One connection to the broker, renewed whenever it breaks.

    ``send`` never waits: a simulated charge point must continue whatever the broker does. The order
    of messages is kept, and messages sent while the broker is unreachable are lost, as with the
    real devices. Nothing is ever retained.
    """

    def __init__(
        self, broker: Broker, topics: Iterable[str], receive: Receive, *, qos: int
    ) -> None:
        """Store the settings; ``start`` connects."""
        self._broker = broker
        self._topics = tuple(topics)
        self._receive = receive
        self._qos = qos
        self._outbox: asyncio.Queue[tuple[str, bytes]] | None = None
        self._task: asyncio.Task[None] | None = None
        self._client: aiomqtt.Client | None = None

    async def start(self, connected: Callable[[], None]) -> Self:
        """Connect, and return when the first connection is made.

        ``connected`` is called at each connection, before any message is received.
        """
        first = asyncio.Event()

        def greet() -> None:
            connected()
            first.set()

        self._task = asyncio.create_task(self._run(greet), name="simulator link")
        waiter = asyncio.create_task(first.wait(), name="simulator first connection")
        try:
            # The connection only ends when it is broken; then waiting is pointless.
            await asyncio.wait({self._task, waiter}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiter.cancel()
        if self._task.done():
            self._task.result()
        return self

    async def stop(self) -> None:
        """Send the remaining messages, and disconnect."""
        if self._task is None:
            return
        if self._outbox is not None and not self._task.done():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._outbox.join(), 1)
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        self._task = None
        # The library has a task of its own, which needs a turn to notice the end.
        await asyncio.sleep(0)

    async def abort(self) -> None:
        """End the connection without a farewell, as a process that is killed does."""
        self._outbox = None
        connected = self._client and self._client._client.socket()  # noqa: SLF001
        if isinstance(connected, socket.socket):
            connected.shutdown(socket.SHUT_RDWR)
        await self.stop()

    def send(self, topic: str, payload: str | bytes) -> None:
        """Publish, after the messages sent before."""
        if self._outbox is not None:
            data = payload.encode() if isinstance(payload, str) else payload
            self._outbox.put_nowait((topic, data))

    async def _run(self, connected: Callable[[], None]) -> None:
        while True:
            try:
                await self._converse(connected)
            except aiomqtt.MqttError as error:
                _LOGGER.info("No connection to %s: %s", self._broker.host, error)
            except Exception:
                # This is a bug in the simulator: logged at once, and raised again by ``stop``.
                _LOGGER.exception("The simulator has failed")
                raise
            finally:
                self._outbox = None
            await asyncio.sleep(_RETRY_SECONDS)

    async def _converse(self, connected: Callable[[], None]) -> None:
        broker = self._broker
        async with aiomqtt.Client(
            broker.host,
            broker.port,
            username=broker.username,
            password=broker.password,
            timeout=_PUBLISH_TIMEOUT_SECONDS,
            # An acknowledgement must not delay the message after it.
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
        ) as client:
            await client.subscribe([(topic, self._qos) for topic in self._topics])
            self._outbox = asyncio.Queue()
            self._client = client
            sender = asyncio.create_task(self._empty(client, self._outbox), name="simulator sender")
            try:
                connected()
                async for message in client.messages:
                    payload = message.payload
                    if isinstance(payload, bytes):
                        self._receive(str(message.topic), payload)
            finally:
                self._client = None
                sender.cancel()
                with contextlib.suppress(asyncio.CancelledError, aiomqtt.MqttError):
                    await sender

    async def _empty(
        self, client: aiomqtt.Client, outbox: asyncio.Queue[tuple[str, bytes]]
    ) -> None:
        while True:
            batch = [await outbox.get()]
            while len(batch) < _AT_ONCE and not outbox.empty():
                batch.append(outbox.get_nowait())
            await asyncio.gather(*(self._publish(client, outbox, *each) for each in batch))

    async def _publish(
        self,
        client: aiomqtt.Client,
        outbox: asyncio.Queue[tuple[str, bytes]],
        topic: str,
        payload: bytes,
    ) -> None:
        try:
            await client.publish(topic, payload, qos=self._qos, retain=False)
        except (aiomqtt.MqttError, ValueError) as error:
            # ValueError: a client requested a reply on an impossible topic.
            _LOGGER.info("Not published on %s: %s", topic, error)
        finally:
            outbox.task_done()
