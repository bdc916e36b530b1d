"""More messages than can be handled: the newest values win, no event is lost, and it ends."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager
import json
import time
from typing import Any

import aiomqtt
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
import pytest

from custom_components.fimp_chargepoint.chargepoint import mqtt_hub
from custom_components.fimp_chargepoint.chargepoint.errors import ChargepointError
from custom_components.fimp_chargepoint.chargepoint.fimp.discovery import FimpProtocol
from custom_components.fimp_chargepoint.chargepoint.hub import HubEvent, Warned, Withdrawn
from custom_components.fimp_chargepoint.chargepoint.internal_errors import InternalErrors
from custom_components.fimp_chargepoint.chargepoint.model import ChargepointSnapshot, Status
from custom_components.fimp_chargepoint.chargepoint.mqtt_hub import MqttHub
from custom_components.fimp_chargepoint.chargepoint.notices import Overload
from custom_components.fimp_chargepoint.chargepoint.options import Options
from custom_components.fimp_chargepoint.chargepoint.transport import inbox, mqtt
from custom_components.fimp_chargepoint.chargepoint.transport.inbox import Content
from custom_components.fimp_chargepoint.chargepoint.transport.mqtt import MqttSettings
from custom_components.fimp_chargepoint.repair_issues import table
from harness.broker import HOST
from tests.broker import BrokerProcess
from tests.conftest import MakeBroker
from tests.helpers.waiting import until

from .conftest import load, other_broker

CHARGE_POINTS = 60
TOPIC = "pt:j1/mt:evt/rt:dev/rn:acme/ad:1/sv:{}/ad:{}"
OPTIONS = Options(measurement_interval=0.0, restart_delay=0.0, write_interval=0.0)


def state(number: int, word: str) -> tuple[str, bytes]:
    """Return the report of a charge point's state."""
    message = {"type": "evt.state.report", "serv": "chargepoint", "val_t": "string", "val": word}
    return TOPIC.format("chargepoint", number), json.dumps(message).encode()


def power(number: int, watts: float) -> tuple[str, bytes]:
    """Return the report of a charge point's power."""
    fields: dict[str, Any] = {"val_t": "float", "val": watts, "props": {"unit": "W"}}
    message = {"type": "evt.meter.report", "serv": "meter_elec", **fields}
    return TOPIC.format("meter_elec", number), json.dumps(message).encode()


class Watch:
    """The events of a hub's charge points."""

    def __init__(self, hub: MqttHub) -> None:
        self.hub = hub
        self.warnings: list[Overload | None] = []
        self.courses: dict[str, list[Status | None]] = {}
        hub.add_listener(self._happened)

    def _happened(self, event: HubEvent) -> None:
        match event:
            case Warned(Overload() as warning):
                self.warnings.append(warning)
            case Withdrawn(Overload()):
                self.warnings.append(None)

    def follow(self) -> None:
        """Note all states from now on."""
        for number in range(CHARGE_POINTS):
            node = self.hub.nodes[f"fimp:acme/1/{number}"]
            course = self.courses.setdefault(node.address, [node.snapshot.status])

            def take(snapshot: ChargepointSnapshot, course: list[Status | None] = course) -> None:
                if not course or course[-1] != snapshot.status:
                    course.append(snapshot.status)

            node.add_listener(take)


@asynccontextmanager
async def running_hub(broker: BrokerProcess) -> AsyncGenerator[MqttHub]:
    """Run a hub for known charge points."""

    async def source() -> MqttSettings:
        return MqttSettings(host=HOST, port=broker.port)

    known = [f"fimp:acme/1/{number}" for number in range(CHARGE_POINTS)]
    hub = MqttHub(source, options=OPTIONS, known=known)
    hub.add_protocol("", FimpProtocol(hub, ""))
    await hub.start()
    try:
        yield hub
    finally:
        await hub.stop()


@pytest.fixture(name="slow")
def slow_fixture(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """A function that makes the handling of each message take some seconds."""
    usual = mqtt_hub.MqttHub.message

    def set_seconds(seconds: float) -> None:
        def message(self: MqttHub, topic: str, payload: bytes, *, retained: bool) -> None:
            time.sleep(seconds)
            usual(self, topic, payload, retained=retained)

        monkeypatch.setattr(mqtt_hub.MqttHub, "message", message)

    return set_seconds


async def publish(broker: BrokerProcess, messages: Iterator[tuple[str, bytes]]) -> None:
    """Publish messages, not faster than the broker takes them, however busy our loop is."""

    async def all_of_them() -> None:
        async with aiomqtt.Client(HOST, broker.port) as client:
            for number, (topic, payload) in enumerate(messages):
                await client.publish(topic, payload, qos=int(number % 50 == 0))
            await client.publish("end", b"", qos=1)

    await asyncio.to_thread(asyncio.run, all_of_them())


class Bench:
    """An inbox that hands messages on only when requested, and those messages."""

    def __init__(self) -> None:
        self.handed: list[str] = []
        self.renewed = 0
        self.internal_errors = InternalErrors()
        self.filters = ()
        self.inbox = inbox.Inbox(self, self._renew)

    def put(self, *texts: str) -> None:
        """Receive messages such as `a power 5`, or `a !` for an event of `a`."""
        for text in texts:
            topic, _, value = text.rpartition(" ")
            self.inbox.put_nowait(aiomqtt.Message(topic, value.encode(), 1, False, 1, None))  # type: ignore[no-untyped-call]

    def hand_on(self) -> list[str]:
        """Let the inbox hand on everything, and return it."""
        self.inbox.hand_on(10.0)
        return self.handed

    def connection_made(self) -> None: ...

    def connection_lost(self, error: ChargepointError) -> None: ...

    def connection_refused(self, error: ChargepointError) -> None: ...

    def message(self, topic: str, payload: bytes, *, retained: bool) -> None:
        self.handed.append(f"{topic} {payload.decode()}")

    def content(self, topic: str, payload: bytes) -> Content:
        source, _, name = topic.partition(" ")
        return Content(source, name, is_value=bool(name))

    def overloaded(self, rate: float, busiest: str) -> None: ...

    def overload_ended(self) -> None: ...

    def _renew(self) -> None:
        self.renewed += 1


async def test_newest_value_takes_the_place_of_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "_QUEUE_SIZE", 5)
    bench = Bench()
    bench.put("a power 1", "b power 1", "a power 2", "a energy 1", "a power 3", "b power 2")
    # `a` publishes more often, but is not handled after `b` because of that.
    assert bench.hand_on() == ["a power 3", "b power 2", "a energy 1"]
    bench.inbox.close()


async def test_value_does_not_overtake_an_event_of_its_source(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(inbox, "_QUEUE_SIZE", 5)
    bench = Bench()
    bench.put("a power 1", "b power 1", "a !", "b power 2", "a power 2", "a power 3")
    assert bench.hand_on() == ["a power 1", "b power 2", "a !", "a power 3"]
    bench.inbox.close()


async def test_too_many_events_leave_the_newest_of_each_source(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(inbox, "_QUEUE_SIZE", 5)
    monkeypatch.setattr(inbox, "_QUEUE_MAX", 20)
    monkeypatch.setattr(inbox, "_OVERLOAD_INTERVAL", 0.01)
    bench = Bench()
    bench.put(*(f"{source} {number}" for number in range(7) for source in "abc"))
    assert bench.hand_on() == ["a 6", "b 6", "c 6"]
    # Until it is permitted: the last renewal may be too recent.
    await until(lambda: bench.renewed == 3)
    # Even of unknown sources, no more than this is kept.
    bench.handed.clear()
    bench.put(*(f"{number} !" for number in range(1000)))
    assert len(bench.hand_on()) <= 20
    assert bench.handed[-1] == "999 !"
    bench.inbox.close()


async def test_bug_costs_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    usual = bench.message

    def fail(topic: str, payload: bytes, *, retained: bool) -> None:
        usual(topic, payload, retained=retained)
        if topic == "bad":
            raise KeyError("bug")

    monkeypatch.setattr(bench, "message", fail)
    bench.put("a 1", "bad 1", "b 1")
    with pytest.raises(KeyError):
        bench.inbox.hand_on(10.0)
    await until(lambda: len(bench.handed) == 3)
    bench.inbox.close()


async def test_huge_messages_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "_PAYLOAD_MAX", 1000)
    monkeypatch.setattr(inbox, "_BYTES_MAX", 10_000)
    bench = Bench()
    bench.put("a " + "x" * 1_000_000)
    assert len(bench.hand_on()[0]) == len("a ") + 1001
    bench.handed.clear()
    bench.put(*(f"{number} {'x' * 900}" for number in range(100)))
    assert 1 <= len(bench.hand_on()) <= 11
    bench.inbox.close()


async def test_flood_of_values_is_fair_and_loses_no_event(
    broker: BrokerProcess,
    slow: Callable[[float], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(inbox, "_OVERLOAD_INTERVAL", 0.5)
    async with running_hub(broker) as hub:
        watch = Watch(hub)
        await publish(broker, (state(number, "ready_to_charge") for number in range(CHARGE_POINTS)))
        await until(lambda: len(hub.nodes) == CHARGE_POINTS)
        watch.follow()
        words = ("charging", "suspended_by_ev", "charging", "ready_to_charge", "disconnected")

        def flood() -> Iterator[tuple[str, bytes]]:
            for round_number in range(100):
                for number in range(CHARGE_POINTS):
                    yield power(number, 100.0 * round_number + number)
                    if round_number % 20 == 10:
                        yield state(number, words[round_number // 20])

        slow(0.002)
        began = hub.received
        await publish(broker, flood())
        slow(0.0)

        def newest() -> list[float | None]:
            return [
                hub.nodes[f"fimp:acme/1/{number}"].snapshot.meter.power
                for number in range(CHARGE_POINTS)
            ]

        expected = [9900.0 + number for number in range(CHARGE_POINTS)]
        await until(lambda: newest() == expected, "the newest values of all")
        assert hub.received - began < 100 * CHARGE_POINTS, "nothing had to be skipped"
        course = [Status(word) for word in ("ready_to_charge", *words)]
        assert list(watch.courses.values()) == [course] * CHARGE_POINTS
        assert hub.connections == 1
        await until(lambda: watch.warnings and watch.warnings[-1] is None, "the end of it")
        first = watch.warnings[0]
        assert first is not None
        assert float(first.rate) > 100
        assert first.topic.startswith("pt:j1/mt:evt/rt:dev/rn:acme/ad:1/sv:")


async def test_events_beyond_all_bounds_are_requested_again(
    broker: BrokerProcess,
    slow: Callable[[float], None],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(inbox, "_OVERLOAD_INTERVAL", 0.5)
    monkeypatch.setattr(inbox, "_QUEUE_SIZE", 100)
    monkeypatch.setattr(inbox, "_QUEUE_MAX", 500)
    async with running_hub(broker) as hub:
        await publish(broker, (state(number, "ready_to_charge") for number in range(CHARGE_POINTS)))
        await until(lambda: len(hub.nodes) == CHARGE_POINTS)
        words = ("charging", "suspended_by_ev")
        slow(0.002)
        await publish(
            broker,
            (
                state(number, words[round_number % 2])
                for round_number in range(50)
                for number in range(CHARGE_POINTS)
            ),
        )
        slow(0.0)
        await until(lambda: hub.connections == 2, "the connection to be renewed")
        assert caplog.text.count("faster than they can be handled") == 1


async def test_events_lost_soon_after_a_renewal_are_requested_again(
    broker: BrokerProcess,
    slow: Callable[[float], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The second renewal has to wait, but it is not forgotten."""
    monkeypatch.setattr(inbox, "_OVERLOAD_INTERVAL", 0.2)
    monkeypatch.setattr(inbox, "_QUEUE_SIZE", 20)
    monkeypatch.setattr(inbox, "_QUEUE_MAX", 100)
    monkeypatch.setattr(mqtt, "_RENEW_INTERVAL", 3.0)
    async with running_hub(broker) as hub:
        renewed_at = [hub.clock.now()]
        for connections in (2, 3):
            slow(0.002)
            await publish(broker, (state(number, "charging") for number in range(1000)))
            slow(0.0)
            await until(lambda connections=connections: hub.connections == connections)
            renewed_at.append(hub.clock.now())
        assert renewed_at[2] - renewed_at[1] > 2.0


async def test_repair_shows_the_rate_and_ends_with_the_overload(
    hass: HomeAssistant, make_broker: MakeBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    issue_type = table.ISSUES["overload"]
    monkeypatch.setitem(issue_type.__dict__, "after", 0.0)
    entry = await load(hass, other_broker(make_broker()))
    hub = entry.runtime_data.hub
    hub.overloaded(1234.5, "pt:j1/a")
    await hass.async_block_till_done()
    (issue,) = [
        each for each in ir.async_get(hass).issues.values() if each.translation_key == "overload"
    ]
    found = issue.translation_placeholders
    assert (found["title"], found["rate"], found["topic"]) == ("Charging", "1200", "pt:j1/a")
    hub.overload_ended()
    await hass.async_block_till_done()
    assert "overload" not in {each.translation_key for each in ir.async_get(hass).issues.values()}
    await hass.config_entries.async_unload(entry.entry_id)
