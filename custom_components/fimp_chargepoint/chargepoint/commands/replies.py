"""Requests that wait for a reply. Knows nothing of protocols.

A command of a charge point is done when a report shows it (see `commands`). Requests made here are
answered by the reply alone.
"""

import asyncio

from ..errors import ChargepointError, CommandTimeoutError, NotConnectedError, refused_with
from ..node import NodeHost, Request
from ..scheduler import Timers


class PendingReplies:
    """The requests of one node that have not been answered yet."""

    def __init__(self, host: NodeHost, timers: Timers, timeout: float) -> None:
        """Wait `timeout` seconds for a reply."""
        self._host = host
        self._timers = timers
        self._timeout = timeout
        self._waiting: dict[str, asyncio.Future[object]] = {}
        self._closed = False

    async def ask(self, request: Request) -> object:
        """Send `request` and return its reply.

        Raises:
            NotConnectedError, CommandRejectedError, CommandTimeoutError: see there.

        """
        if self._closed:
            raise NotConnectedError("removed")
        done: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._waiting[request.id] = done
        timer = f"call {request.id}"
        deadline = self._host.clock.now() + self._timeout

        def expire(_: float) -> None:
            self._fail(request.id, CommandTimeoutError("command_timeout", seconds=self._timeout))
            self._host.unanswered()

        self._timers.set(timer, deadline, expire)
        try:
            await self._host.deliver(request)
            return await done
        finally:
            # Also if the caller has given up.
            self._waiting.pop(request.id, None)
            self._timers.cancel(timer)

    def replied(self, request_id: str, value: object) -> None:
        """Take the reply to a request, if a caller waits for it."""
        done = self._waiting.get(request_id)
        if done is not None and not done.done():
            done.set_result(value)

    def refused(self, request_id: str, words: str | None) -> None:
        """Take the rejection of a request, with the text of its sender."""
        self._fail(request_id, refused_with(words))

    def connection_lost(self) -> None:
        """End all waits: no reply can arrive any longer."""
        for request_id in tuple(self._waiting):
            self._fail(request_id, NotConnectedError("connection_lost"))

    def close(self) -> None:
        """End all waits, and send no further requests."""
        self._closed = True
        self.connection_lost()

    def _fail(self, request_id: str, error: ChargepointError) -> None:
        done = self._waiting.get(request_id)
        if done is not None and not done.done():
            done.set_exception(error)
            # Mark it as seen: the caller may have given up.
            done.exception()
