"""Reads from the socket of an MQTT client: in large pieces, and in slices of time.

paho reads one packet in each turn of the loop, in three to four calls of the system.
"""

import asyncio
from collections.abc import Callable
from inspect import signature
from socket import socket
from typing import Any

from .inbox import Inbox

#: Seconds to read messages before others have their turn.
_SLICE = 0.01
#: Bytes to read from the system at once.
_PIECE = 16 * 1024


def takes(owner: object, name: str, *parameters: str) -> bool:
    """Return whether `owner` has a method with exactly these parameters."""
    method = getattr(owner, name, None)
    return callable(method) and [*signature(method).parameters] == [*parameters]


class Reader:
    """Reads what has come on a socket in slices of time, and lets the inbox hand it on."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        client: Any,
        sock: socket,
        inbox: Inbox,
        failed: Callable[[Exception], None],
    ) -> None:
        """Let paho's `client` read through a buffer; call `failed` with its errors."""
        self._loop = loop
        self._client = client
        self._sock = sock
        self._inbox = inbox
        self._failed = failed
        #: Set while another slice is due in the next turn of the loop.
        self._again: asyncio.Handle | None = None
        # Those of TLS and of websockets are of other types.
        self._buffer = Buffer(is_plain=type(sock) is socket)
        if takes(client, "_sock_recv", "bufsize"):
            client._sock_recv = self._buffer.reading(client._sock_recv)  # noqa: SLF001
        if takes(getattr(client, "_on_message_filtered", None), "iter_match", "topic"):
            client._on_message_filtered.iter_match = lambda _: ()  # noqa: SLF001

    def readable(self) -> None:
        """Read, unless it is due anyway: two slices in a turn would ask for two in the next."""
        if self._again is None:
            self._inbox.collect(self._read)

    def _go_on(self) -> None:
        self._again = None
        self._inbox.collect(self._read)

    def _read(self) -> None:
        deadline = self._loop.time() + _SLICE
        try:
            while self._client.loop_read() == 0 and self._may_have_more:
                if self._loop.time() >= deadline:
                    # The loop sees only what the system still has.
                    self._again = self._loop.call_soon(self._go_on)
                    break
        except Exception as error:  # noqa: BLE001
            self._failed(error)

    @property
    def _may_have_more(self) -> bool:
        return self._buffer.may_have_more or _is_pending(self._sock)


def _is_pending(sock: object) -> bool:
    """Whether TLS has decrypted data that the loop does not know of."""
    pending = getattr(sock, "pending", None)
    return pending is not None and pending() > 0


class Buffer:
    """Reads in large pieces: paho asks the system four times for each packet.

    A plain socket has nothing left if it returns less than requested. TLS and websockets return one
    record at a time.
    """

    def __init__(self, *, is_plain: bool) -> None:
        """Start empty."""
        self._is_plain = is_plain
        self._data = b""
        self._position = 0
        self._is_dry = True

    @property
    def may_have_more(self) -> bool:
        """Whether paho has not read everything that has come, as far as is known."""
        return self._position < len(self._data) or not self._is_dry

    def reading(self, receive: Callable[[int], bytes]) -> Callable[[int], bytes]:
        """Return what takes the place of `receive`, and raises what it raises."""

        def take(size: int) -> bytes:
            if self._position >= len(self._data):
                requested = max(size, _PIECE)
                self._is_dry = True
                self._data, self._position = receive(requested), 0
                self._is_dry = self._is_plain and len(self._data) < requested
            data = self._data[self._position : self._position + size]
            self._position += len(data)
            return data

        return take
