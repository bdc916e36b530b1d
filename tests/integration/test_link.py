"""The link to a broker: every way it can go wrong, and how it comes back."""

import asyncio
from collections.abc import Callable
import gc
import logging
import socket
import ssl
import struct
from typing import Any

import aiomqtt
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion
import pytest

from custom_components.fimp_chargepoint.chargepoint.errors import (
    AuthenticationError,
    ChargepointError,
    NoAnswerError,
    NotConnectedError,
    TlsError,
)
from custom_components.fimp_chargepoint.chargepoint.internal_errors import InternalErrors
from custom_components.fimp_chargepoint.chargepoint.transport import mqtt
from custom_components.fimp_chargepoint.chargepoint.transport.inbox import Content, Inbox
from custom_components.fimp_chargepoint.chargepoint.transport.mqtt import (
    MqttSettings,
    MqttTransport,
)
from harness.broker import HOST, free_port
from tests.broker import PASSWORD, USERNAME, BrokerProcess, Certificates
from tests.conftest import MakeBroker
from tests.helpers.server import Talk, server
from tests.helpers.waiting import PATIENCE, until

_CONNACK = bytes((0x20, 2, 0, 0))
#: A message on a topic that is not valid UTF-8.
_NO_UTF_8 = bytes((0x30, 3, 0, 1, 0xFF))


class Listener:
    """Records the notifications of the transport."""

    def __init__(self, *filters: str) -> None:
        self.filters = filters or ("in/+",)
        self.internal_errors = InternalErrors()
        self.ups = 0
        self.downs: list[ChargepointError] = []
        self.refused: list[ChargepointError] = []
        self.messages: list[tuple[str, bytes, bool]] = []

    def connection_made(self) -> None:
        self.ups += 1

    def connection_lost(self, error: ChargepointError) -> None:
        self.downs.append(error)

    def connection_refused(self, error: ChargepointError) -> None:
        self.refused.append(error)

    def message(self, topic: str, payload: bytes, *, retained: bool) -> None:
        self.messages.append((topic, payload, retained))

    def content(self, topic: str, payload: bytes) -> Content:
        return Content(topic, "")

    def overloaded(self, rate: float, busiest: str) -> None: ...

    def overload_ended(self) -> None: ...


def link_to(port: int, listener: Listener | None = None, **settings: Any) -> MqttTransport:
    async def source() -> MqttSettings:
        return MqttSettings(host=HOST, port=port, **settings)

    listener = listener or Listener()
    return MqttTransport(source, listener, listener)


async def test_messages_come_and_go(broker: BrokerProcess) -> None:
    listener = Listener()
    link = link_to(broker.port, listener)
    await link.start()
    link.send("in/1", b"queued")
    await link.publish("in/2", b"waited for")
    await link.publish("other/2", b"not subscribed to")
    await until(lambda: len(listener.messages) == 2)
    assert sorted(listener.messages) == [
        ("in/1", b"queued", False),
        ("in/2", b"waited for", False),
    ]
    await link.stop()
    assert not link.connected
    with pytest.raises(NotConnectedError):
        await link.publish("in/1", b"")
    # These are sent without waiting, and messages of an earlier connection are dropped.
    link.send("in/1", b"")


async def test_questions_to_many_charge_points_at_once_are_all_sent(broker: BrokerProcess) -> None:
    """As many as 300 charge points with ten questions each are sent when the link is back."""
    listener = Listener()
    link = link_to(broker.port, listener)
    await link.start()
    topics = [f"in/{number}" for number in range(3000)]
    for topic in topics:
        link.send(topic, b"")
    await until(lambda: len(listener.messages) == len(topics))
    assert [topic for topic, _, _ in listener.messages] == topics
    await link.stop()


async def test_no_order_waits_behind_questions_or_replaces_a_newer_one(
    broker: BrokerProcess,
) -> None:
    """While thousands of questions wait, limits are sent again, and the user sets another one."""
    listener = Listener()
    link = link_to(broker.port, listener)
    await link.start()
    for number in range(3000):
        link.send(f"in/{number}", b"question")
    link.send_now("in/limit", b"16")
    await link.publish("in/limit", b"8")
    await until(lambda: len(listener.messages) == 3002)
    payloads = [payload for _, payload, _ in listener.messages]
    assert payloads.index(b"16") < payloads.index(b"8") < 100
    await link.stop()
    link.send_now("in/limit", b"")


async def test_it_comes_back_by_itself(broker: BrokerProcess) -> None:
    listener = Listener()
    link = link_to(broker.port, listener)
    await link.start()
    broker.stop()
    await until(lambda: len(listener.downs) >= 2, "it tries again, and says so")
    assert all(isinstance(each, NotConnectedError) for each in listener.downs)
    broker.start()
    await until(lambda: listener.ups == 2)
    await link.publish("in/1", b"again")
    await until(lambda: listener.messages)
    await link.stop()


async def test_renewed_connection_delivers_again(broker: BrokerProcess) -> None:
    listener = Listener()
    link = link_to(broker.port, listener)
    await link.start()
    link.renew()
    await until(lambda: listener.ups == 2, "the connection to be made anew")
    assert [type(each) for each in listener.downs] == [NoAnswerError]
    await link.publish("in/1", b"again")
    await until(lambda: listener.messages)
    await link.stop()
    link.renew()


async def test_a_retained_message_is_told_from_others(broker: BrokerProcess) -> None:
    async with aiomqtt.Client(HOST, broker.port) as other:
        await other.publish("in/old", b"x", qos=1, retain=True)
    listener = Listener()
    link = link_to(broker.port, listener)
    await link.start()
    await until(lambda: listener.messages == [("in/old", b"x", True)])
    await link.stop()


async def test_wrong_password(make_broker: MakeBroker) -> None:
    broker = make_broker(credentials=True)
    link = link_to(broker.port, username=USERNAME, password="wrong")
    with pytest.raises(AuthenticationError):
        await link.start()


async def test_a_password_that_changes_ends_in_a_question(
    make_broker: MakeBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt, "_REFUSALS_TIME", 1.0)
    broker = make_broker(credentials=True)
    listener = Listener()
    link = link_to(broker.port, listener, username=USERNAME, password=PASSWORD)
    await link.start()
    broker.stop()
    broker.start(password="new")
    await until(lambda: listener.refused)
    # Not at the first refusal: a broker that is just starting may refuse for a moment.
    refusals = [each for each in listener.downs if isinstance(each, AuthenticationError)]
    assert refusals
    assert len(listener.refused) == 1
    await link.stop()


async def _hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)


async def test_a_broker_that_refuses_for_a_moment(make_broker: MakeBroker) -> None:
    broker = make_broker(credentials=True)
    listener = Listener()
    link = link_to(broker.port, listener, username=USERNAME, password=PASSWORD)
    await link.start()
    broker.stop()
    broker.start(password="not loaded yet")
    await until(lambda: [each for each in listener.downs if type(each) is AuthenticationError])
    broker.stop()
    broker.start()
    await until(lambda: listener.ups == 2)
    assert not listener.refused
    await link.stop()


async def test_a_topic_that_cannot_be(broker: BrokerProcess) -> None:
    link = link_to(broker.port)
    await link.start()
    with pytest.raises(NotConnectedError):
        await link.publish("a/+", b"")
    link.send("a/#", b"")
    link.send("in/1", b"the writer goes on")
    await until(lambda: link._listener.messages)  # type: ignore[attr-defined]
    await link.stop()


async def test_tls_to_a_plain_broker(socket_enabled: None) -> None:
    async with server(_hang_up) as port:
        with pytest.raises(TlsError):
            await link_to(port, tls=ssl.create_default_context()).start()


async def test_a_certificate_nobody_knows(
    make_broker: MakeBroker, certificates: Certificates
) -> None:
    broker = make_broker(certificates=certificates)
    with pytest.raises(TlsError, match="CERTIFICATE_VERIFY_FAILED"):
        await link_to(broker.port, tls=ssl.create_default_context()).start()


async def test_plain_to_a_tls_broker(
    make_broker: MakeBroker, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt, "_TIMEOUT", 0.5)
    broker = make_broker(certificates=certificates)
    with pytest.raises(NoAnswerError):
        await link_to(broker.port).start()


async def test_nobody_there(broker: BrokerProcess) -> None:
    broker.stop()
    with pytest.raises(NotConnectedError, match="refused"):
        await link_to(broker.port).start()


async def _say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def test_a_broker_that_never_answers(
    socket_enabled: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt, "_TIMEOUT", 0.2)
    async with server(_say_nothing) as port:
        with pytest.raises(NoAnswerError):
            await link_to(port).start()


async def _only_connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1000)
    writer.write(_CONNACK)
    await reader.read()


async def test_a_broker_that_never_acknowledges_a_subscription(
    socket_enabled: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt, "_TIMEOUT", 0.2)
    async with server(_only_connect) as port:
        with pytest.raises(NotConnectedError):
            await link_to(port).start()


async def test_broker_that_hangs_up_while_subscribing_is_no_error_of_the_loop(
    socket_enabled: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(_CONNACK)
        await reader.read(1000)

    monkeypatch.setattr(mqtt, "_TIMEOUT", 0.2)
    loop = asyncio.get_running_loop()
    errors: list[dict[str, Any]] = []
    usual = loop.get_exception_handler()
    loop.set_exception_handler(lambda _, context: errors.append(context))
    try:
        async with server(talk) as port:
            with pytest.raises(NotConnectedError):
                await link_to(port).start()
        gc.collect()
        await asyncio.sleep(0)
    finally:
        loop.set_exception_handler(usual)
    assert not errors


def _grant(*codes: int, packets: int = 1000) -> Talk:
    """Return a broker that answers subscriptions with `codes`, and hangs up in the end."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(_CONNACK)
        subscribe = await reader.read(1000)
        writer.write(bytes((0x90, 2 + len(codes), *subscribe[2:4], *codes)))
        for _ in range(packets):
            if not await reader.read(1000):
                break

    return talk


async def test_a_message_that_is_never_acknowledged_fails_with_the_link(
    socket_enabled: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt, "_TIMEOUT", 2 * PATIENCE)
    async with server(_grant(1, packets=1)) as port:
        link = link_to(port)
        await link.start()
        async with asyncio.timeout(PATIENCE):
            with pytest.raises(NotConnectedError):
                await link.publish("a/1", b"x")
        await link.stop()


@pytest.mark.parametrize("debug", [False, True])
async def test_a_connection_that_is_reset_is_no_error_in_the_log(
    socket_enabled: None, caplog: pytest.LogCaptureFixture, *, debug: bool
) -> None:
    """The listener is notified; the client's own log is visible only at debug level."""
    caplog.set_level(logging.DEBUG if debug else logging.INFO, mqtt.__name__)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _grant(1, packets=1)(reader, writer)
        # Unread data makes the other end see a reset instead of an end.
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    async with server(talk) as port:
        listener = Listener()
        link = link_to(port, listener)
        await link.start()
        link.send("a/1", b"x")
        await until(lambda: listener.downs)
        await link.stop()
    logged = [each for each in caplog.records if each.name == f"{mqtt.__name__}.client"]
    assert bool(logged) is debug


async def test_refused_subscriptions_are_no_success(socket_enabled: None) -> None:
    async with server(_grant(0x80, 0x80)) as port:
        with pytest.raises(NotConnectedError, match="subscribe"):
            await link_to(port, Listener("a/+", "b/+")).start()


async def test_one_refused_subscription_is_said(
    socket_enabled: None, caplog: pytest.LogCaptureFixture
) -> None:
    async with server(_grant(0x80, 1)) as port:
        link = link_to(port, Listener("a/+", "b/+"))
        await link.start()
        assert "does not let us subscribe to a/+" in caplog.text
        await link.stop()


async def test_a_client_that_dies_leaves_no_connection(socket_enabled: None) -> None:
    ended = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(_CONNACK)
        subscribe = await reader.read(1000)
        writer.write(bytes((0x90, 3, *subscribe[2:4], 1)))
        await asyncio.sleep(0.1)
        writer.write(_NO_UTF_8)
        await reader.read()
        ended.set()

    async with server(talk) as port:
        link = link_to(port)
        await link.start()
        await asyncio.wait_for(ended.wait(), PATIENCE)
        await link.stop()


async def test_cancelled_while_connecting(
    socket_enabled: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is left behind: the harness fails on lingering tasks and sockets."""
    monkeypatch.setattr(mqtt, "_TIMEOUT", 0.2)
    connected = asyncio.Event()
    ended = asyncio.Event()

    async def watch(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.set()
        await reader.read()
        ended.set()

    async with server(watch) as port:
        task = asyncio.create_task(link_to(port).start())
        await connected.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(ended.wait(), PATIENCE)


async def test_stopped_right_after_the_connection_broke(broker: BrokerProcess) -> None:
    link = link_to(broker.port)
    await link.start()
    broker.stop()
    await link.stop()
    await link.stop()


async def test_settings_that_cannot_be_had(socket_enabled: None) -> None:
    async def source() -> MqttSettings:
        raise ValueError("broken")

    with pytest.raises(NotConnectedError, match="broken"):
        await MqttTransport(source, Listener(), Listener()).start()


@pytest.mark.parametrize("with_tls", [False, True])
async def test_what_has_come_is_read_at_once(
    make_broker: MakeBroker,
    certificates: Certificates,
    monkeypatch: pytest.MonkeyPatch,
    *,
    with_tls: bool,
) -> None:
    """The broker drops messages, of any kind, if each turn of a busy loop reads only one."""
    turns = 0
    collect = Inbox.collect

    def count(self: Inbox, read: Callable[[], None]) -> None:
        nonlocal turns
        turns += 1
        collect(self, read)

    monkeypatch.setattr(Inbox, "collect", count)
    settings: dict[str, Any] = {}
    plain = free_port()
    broker = make_broker(
        certificates=certificates if with_tls else None, lines=f"listener {plain} {HOST}"
    )
    if with_tls:
        # Not `create_default_context`, which is strict with the extensions of a certificate.
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        tls.load_verify_locations(cadata=certificates.authority)
        settings = {"tls": tls}
    listener = Listener()
    link = link_to(broker.port, listener, **settings)
    await link.start()
    try:
        publisher = paho.Client(CallbackAPIVersion.VERSION2)
        publisher.connect(HOST, plain)
        publisher.loop_start()
        for number in range(300):
            sent = publisher.publish("in/many", b"%d" % number, qos=1)
        sent.wait_for_publish(PATIENCE)
        publisher.disconnect()
        publisher.loop_stop()
        # Meanwhile, this loop was blocked; now everything has come.
        await until(lambda: len(listener.messages) == 300, "all messages")
        assert turns < 30
    finally:
        await link.stop()
