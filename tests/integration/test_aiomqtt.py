"""The faults of aiomqtt that the transport works around are still there, in the same places.

A test that fails here after an update shows which workaround in `chargepoint/mqtt.py` can go,
or needs to be adapted.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
import socket
from typing import Any, override

import aiomqtt
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion
import pytest

from custom_components.fimp_chargepoint.chargepoint.transport import mqtt, reader
from harness.broker import HOST
from tests.helpers.server import server
from tests.helpers.waiting import until

AIOMQTT = f"aiomqtt {version('aiomqtt')}"
STOCK = (aiomqtt.Client, True)
OURS = (mqtt._Client, False)
BOTH = pytest.mark.parametrize(("kind", "faulty"), [STOCK, OURS], ids=["stock", "ours"])


@pytest.fixture(autouse=True)
async def enable_event_loop_debug() -> None:
    """Switch it on: it finds calls from the thread in which aiomqtt connects."""
    asyncio.get_running_loop().set_debug(True)


def accepting(*then: int) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]:
    """Return a broker that sends CONNACK, at once followed by these bytes."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(bytes((0x20, 2, 0, 0, *then)))
        await reader.read()

    return talk


def check_fault(*, found: bool, faulty: bool, fault: str, where: str) -> None:
    """Fail if the stock client has lost its fault, or ours still has it."""
    if faulty and not found:
        pytest.fail(f"{AIOMQTT} {fault} no more: delete {where}")
    if found and not faulty:
        pytest.fail(f"{where} has no effect on {AIOMQTT}")


def test_the_private_methods_are_as_we_know_them() -> None:
    """If they are missing, nothing is replaced, and the faults are back."""
    for name in ("_on_socket_register_write", "_on_socket_open"):
        assert name in vars(mqtt._Client), f"{name} is not what it was in {AIOMQTT}"
    # Without this, the socket of a client that failed stays open.
    client: Any = paho.Client(CallbackAPIVersion.VERSION2)
    assert reader.takes(client, "_sock_close")
    # Without these, each message costs three more system calls, and leaves garbage.
    assert reader.takes(client, "_sock_recv", "bufsize")
    assert reader.takes(client._on_message_filtered, "iter_match", "topic")


class Odd:
    """A release of tomorrow."""

    same = 5

    def register(self, sock: Any, loop: Any) -> None: ...


@pytest.mark.parametrize(
    ("name", "parameters", "fits"),
    [
        ("register", ("self", "sock", "loop"), True),
        ("register", ("self", "sock"), False),
        ("register", ("self", "loop", "sock"), False),
        ("same", (), False),
        ("gone", (), False),
    ],
)
def test_only_a_method_with_the_same_parameters_is_replaced(
    name: str, parameters: tuple[str, ...], *, fits: bool
) -> None:
    assert reader.takes(Odd, name, *parameters) is fits


@BOTH
async def test_a_broker_that_hangs_up_at_once_is_an_error_of_the_loop(
    socket_enabled: None, kind: type[aiomqtt.Client], *, faulty: bool
) -> None:
    loop = asyncio.get_running_loop()
    errors: list[dict[str, Any]] = []
    usual = loop.get_exception_handler()
    loop.set_exception_handler(lambda _, context: errors.append(context))
    try:
        client = kind(HOST)
        one, other = socket.socketpair()
        # paho calls this when it has something to send.
        client._client.on_socket_register_write(client._client, None, one)
        one.close()
        other.close()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    finally:
        loop.set_exception_handler(usual)
    check_fault(
        found=bool(errors),
        faulty=faulty,
        fault="watches a closed socket",
        where="_Client._on_socket_register_write",
    )


@BOTH
async def test_a_client_that_fails_leaves_its_socket_open(
    socket_enabled: None, kind: type[aiomqtt.Client], *, faulty: bool
) -> None:
    # A message on a topic that is not valid UTF-8.
    async with server(accepting(0x30, 3, 0, 1, 0xFF)) as port:
        client = kind(HOST, port)
        with suppress(aiomqtt.MqttError, UnicodeDecodeError):
            async with client:
                await until(client._disconnected.done, "the client to fail")
        open_socket = client._client.socket()
        check_fault(
            found=open_socket is not None,
            faulty=faulty,
            fault="leaves its socket open",
            where="_Client.__aexit__",
        )
        client._client._sock_close()


@BOTH
async def test_an_end_right_after_the_connack_is_forgotten(
    socket_enabled: None, kind: type[aiomqtt.Client], *, faulty: bool
) -> None:
    async with server(accepting()) as port:
        client = kind(HOST, port)
        ended, acknowledged = client._disconnected, client._client.on_connect

        def connected(*arguments: Any) -> None:
            # Both come in the same turn of the loop if the machine is busy.
            acknowledged(*arguments)
            client._client.on_disconnect(client._client, None, None, 7, None)

        client._client.on_connect = connected
        is_unnoticed = False
        with suppress(aiomqtt.MqttError):
            async with client:
                is_unnoticed = not client._disconnected.done()
                client._disconnected.cancel()
        check_fault(
            found=is_unnoticed,
            faulty=faulty,
            fault="forgets an early end",
            where="_Client.__aenter__",
        )
        assert ended.exception()
        client._client._sock_close()


class Turns(asyncio.Queue[aiomqtt.Message]):
    """Notes in which turn of the loop each message came."""

    def __init__(self, maxsize: int = 0) -> None:
        super().__init__(maxsize)
        self.turn = 0
        self.turns: list[int] = []

    async def count(self) -> None:
        while True:
            self.turn += 1
            await asyncio.sleep(0)

    @property
    def received(self) -> int:
        return len(self.turns)

    def collect(self, read: Callable[[], None]) -> None:
        read()

    @override
    def put_nowait(self, item: aiomqtt.Message) -> None:
        self.turns.append(self.turn)


@BOTH
async def test_only_one_message_is_read_in_a_turn_of_the_loop(
    socket_enabled: None, kind: type[aiomqtt.Client], *, faulty: bool
) -> None:
    turns = Turns()
    # Messages with an empty payload.
    async with server(accepting(*(0x30, 3, 0, 1, 0x61) * 50)) as port:
        counting = asyncio.create_task(turns.count())
        client = kind(HOST, port, queue_type=lambda **_: turns)  # type: ignore[arg-type]
        if isinstance(client, mqtt._Client):
            client.inbox = turns  # type: ignore[assignment]
        async with client:
            await until(lambda: turns.received == 50)
        counting.cancel()
    check_fault(
        found=len(set(turns.turns)) > 40,
        faulty=faulty,
        fault="reads one message in a turn",
        where="_Client._on_socket_open",
    )


@pytest.mark.parametrize("sizes", [(1, 1, 3), (5,), (4, 4)])
def test_the_buffer_returns_what_was_received(sizes: tuple[int, ...]) -> None:
    pieces = [b"abc", b"de"]
    asked: list[int] = []

    def receive(size: int) -> bytes:
        asked.append(size)
        if not pieces:
            raise BlockingIOError
        return pieces.pop(0)

    # TLS returns one record at a time.
    buffer = reader.Buffer(is_plain=False)
    take = buffer.reading(receive)
    found = b""
    for size in sizes:
        found += take(size)
    # It returns what it has, and asks the system only for more than that.
    assert b"abcde".startswith(found)
    assert min(asked) > 1000
    while found != b"abcde":
        assert buffer.may_have_more
        found += take(1)
    assert buffer.may_have_more
    with pytest.raises(BlockingIOError):
        take(1)
    assert not buffer.may_have_more


def test_a_plain_socket_is_not_asked_once_more() -> None:
    buffer = reader.Buffer(is_plain=True)
    take = buffer.reading(lambda _: b"ab")
    take(1)
    assert buffer.may_have_more
    take(1)
    assert not buffer.may_have_more
