"""Questions that wait for their reply. Knows nothing of protocols.

A command of a charge point is done when a report shows it (see `commands`). What is asked here
is answered by the reply alone.
"""

import asyncio
from typing import Any

from ..errors import (
    ChargepointError,
    CommandRejectedError,
    CommandTimeoutError,
    NotConnectedError,
)
from ..node import NodeHost
from ..scheduler import Timers
from .command import Request


class PendingReplies:
    """What one node was asked and has not replied to yet."""

    def __init__(self, host: NodeHost, timers: Timers, timeout: float) -> None:
        """Wait `timeout` seconds for a reply."""
        self._host = host
        self._timers = timers
        self._timeout = timeout
        self._waiting: dict[str, asyncio.Future[Any]] = {}
        self._closed = False

    async def ask(self, request: Request) -> Any:
        """Send `request` and return the reply to it.

        Raises:
            NotConnectedError, CommandRejectedError, CommandTimeoutError: as they say.

        """
        if self._closed:
            raise NotConnectedError("it was removed")
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[request.id] = done

        def expire(_: float) -> None:
            self._fail(request.id, CommandTimeoutError(self._timeout))

        deadline = self._host.clock.now() + self._timeout
        self._timers.set(_timer(request.id), deadline, expire)
        try:
            await self._host.publish(request.topic, request.payload)
            return await done
        finally:
            # Also where the caller has given up.
            self._waiting.pop(request.id, None)
            self._timers.cancel(_timer(request.id))

    def replied(self, request_id: str, value: Any) -> None:
        """Take the reply to a request, if somebody waits for it."""
        done = self._waiting.get(request_id)
        if done is not None and not done.done():
            done.set_result(value)

    def refused(self, request_id: str, reason: str) -> None:
        """Take the refusal of a request, in the words of who refused it."""
        self._fail(request_id, CommandRejectedError(reason))

    def connection_lost(self) -> None:
        """No reply comes any more."""
        for request_id in tuple(self._waiting):
            self._fail(request_id, NotConnectedError("the connection was lost meanwhile"))

    def close(self) -> None:
        """Ask nothing any more."""
        self._closed = True
        self.connection_lost()

    def _fail(self, request_id: str, error: ChargepointError) -> None:
        done = self._waiting.get(request_id)
        if done is not None and not done.done():
            done.set_exception(error)
            # Mark it as seen: the caller may have given up.
            done.exception()


def _timer(request_id: str) -> str:
    return f"call {request_id}"
