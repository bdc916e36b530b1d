"""A TCP proxy in front of a broker that damages what passes."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from harness.broker import HOST

_PUBLISH = 3
_SUBACK = 9
_CHUNK = 4096
#: Bytes that are lost.
_LOST = 5
#: Seconds between late packets, which keeps their order.
_STEP = 0.0001


class Proxy:
    """Passes everything on until a fault is set; each fault applies to all connections."""

    def __init__(self, target: int) -> None:
        """Forward to a port of this machine."""
        self.port = 0
        #: Connections so far, refused ones included.
        self.connections = 0
        #: Seconds by which everything is late, in both directions, however much it is.
        self.delay = 0.0
        #: Whether everything disappears, and no end of a connection is seen.
        self.drops = False
        #: Whether each message to the client comes twice.
        self.duplicates = False
        #: Bytes to the client after which a new connection is cut; None for no cut.
        self.cut_after: int | None = None
        #: Whether messages to the client are kept. A later connection delivers them before its own
        #: ones: in reverse order, and twice.
        self.holds = False
        self.held: list[bytes] = []
        self._target = target
        self._writers: set[asyncio.StreamWriter] = set()
        #: When the last of what is late is due, on the clock of the event loop.
        self._due: dict[asyncio.StreamWriter, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._cut_in_message = False
        self._lose_bytes = False

    def cut(self) -> None:
        """Reset all connections."""
        for writer in tuple(self._writers):
            writer.transport.abort()

    def cut_in_message(self) -> None:
        """Reset a connection when half of the next message to the client has passed."""
        self._cut_in_message = True

    def lose_bytes(self) -> None:
        """Lose the last bytes of the next message to the client; what follows is delivered."""
        self._lose_bytes = True

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward one connection."""
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        try:
            there, onward = await asyncio.open_connection(HOST, self._target)
            self._writers.add(onward)
            upward = asyncio.create_task(self._up(reader, onward))
            try:
                await self._down(there, writer)
            finally:
                upward.cancel()
                await asyncio.wait([upward])
                self._writers.discard(onward)
                self._due.pop(onward, None)
                onward.transport.abort()
        except OSError, asyncio.IncompleteReadError:
            pass
        finally:
            self._writers.discard(writer)
            self._due.pop(writer, None)
            self._tasks.discard(task)
            writer.transport.abort()

    async def stop(self) -> None:
        """End all connections."""
        self.cut()
        for task in tuple(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(_CHUNK):
                await self._pass(data, writer)
            writer.transport.abort()

    async def _down(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward packets of MQTT to the client, one by one."""
        passed = 0
        while True:
            packet = await _packet(reader)
            times = 1
            if packet[0] >> 4 == _PUBLISH:
                if self.holds:
                    self.held.append(packet)
                    continue
                times += self.duplicates
                if self._lose_bytes:
                    self._lose_bytes = False
                    packet = packet[:-_LOST]
                if self._cut_in_message:
                    self._cut_in_message = False
                    writer.write(packet[: len(packet) // 2])
                    await writer.drain()
                    return
            if self.cut_after is not None and passed + len(packet) > self.cut_after:
                writer.write(packet[: self.cut_after - passed])
                await writer.drain()
                return
            passed += len(packet)
            await self._pass(packet * times, writer)
            if packet[0] >> 4 == _SUBACK and not self.holds:
                for late in reversed(self.held):
                    await self._pass(_at_qos_0(late) * 2, writer)
                self.held.clear()

    async def _pass(self, data: bytes, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        due = max(loop.time() + self.delay, self._due.get(writer, 0.0) + _STEP)
        if due > loop.time():
            # Reading continues meanwhile, so that a delay does not limit the throughput.
            self._due[writer] = due
            loop.call_at(due, self._write, data, writer)
            return
        self._write(data, writer)
        await writer.drain()

    def _write(self, data: bytes, writer: asyncio.StreamWriter) -> None:
        if not self.drops and not writer.is_closing():
            writer.write(data)


def _at_qos_0(packet: bytes) -> bytes:
    """Return a PUBLISH packet without acknowledgement, which any connection can deliver."""
    if not packet[0] & 0x06:
        return packet
    start = next(place for place in range(1, 5) if packet[place] < 0x80) + 1
    end = start + 2 + int.from_bytes(packet[start : start + 2])
    content = packet[start:end] + packet[end + 2 :]
    length, rest = b"", len(content)
    while rest > 0x7F:
        length += bytes([rest & 0x7F | 0x80])
        rest >>= 7
    return bytes([packet[0] & 0xF1]) + length + bytes([rest]) + content


async def _packet(reader: asyncio.StreamReader) -> bytes:
    """Return the next packet of MQTT."""
    packet = await reader.readexactly(2)
    while packet[-1] & 0x80:
        packet += await reader.readexactly(1)
    length = sum((byte & 0x7F) << 7 * place for place, byte in enumerate(packet[1:]))
    return packet + await reader.readexactly(length)


@asynccontextmanager
async def proxy_to(port: int) -> AsyncGenerator[Proxy]:
    """Run a proxy to a port of this machine."""
    proxy = Proxy(port)
    server = await asyncio.start_server(proxy.serve, HOST, 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.stop()
