"""A server that is not an MQTT broker, or a faulty one."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

from harness.broker import HOST

type Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def server(talk: Talk) -> AsyncGenerator[int]:
    """Run a server that handles connections with `talk`; yields its port."""
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        try:
            await talk(reader, writer)
        finally:
            writer.close()

    async with await asyncio.start_server(serve, HOST, 0) as listening:
        yield listening.sockets[0].getsockname()[1]
        for writer in writers:
            writer.close()
