"""The simulators send what real charge points send, and leave nothing behind."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
import json
import time
from typing import Any

import aiomqtt
import pytest

from simulators.car import Connector
from simulators.everest import CompanionSetup, EverestSimulator, EvseSetup
from simulators.fimp import ChargepointSetup, FimpSimulator
from simulators.mqtt import _PUBLISH_TIMEOUT_SECONDS, Broker
from simulators.simulator import ControlError, Simulator, Timing
from tests.broker import BrokerProcess
from tests.helpers.recordings import recording
from tests.helpers.waiting import PATIENCE

from .recording_client import EVSE, FIMP_DEVICE, RecordingClient, broker_of, kind_of

QUICK = Timing(pace=0.02, speed=60, poll=0.1, heartbeat=0.2, meter=0.2)


@pytest.fixture(name="client")
async def client_fixture(broker: BrokerProcess) -> AsyncGenerator[RecordingClient]:
    """A client at the broker."""
    async with RecordingClient.connected(broker) as client:
        yield client


@asynccontextmanager
async def leaving_nothing(simulator: Simulator[Any]) -> AsyncGenerator[Any]:
    """Run a simulator, and see that its tasks end with it."""
    async with simulator:
        yield simulator
    assert not [each for each in asyncio.all_tasks() if each.get_name().startswith("simulator")]


def lines_of(name: str) -> list[dict[str, Any]]:
    lines = recording(name).read_text(encoding="utf-8").splitlines()
    return [line for line in map(json.loads, lines) if "topic" in line]


async def test_fimp_speaks_like_the_recordings(
    broker: BrokerProcess, client: RecordingClient
) -> None:
    recorded: dict[str, set[str]] = {}
    for name in ("charger_full", "easee_adapter"):
        for line in lines_of(f"fimp/captures/{name}"):
            body = line["payload"]
            recorded.setdefault(body["type"], set()).add(json.dumps(fimp_shape(body)))
    setups = [ChargepointSetup(name=each, profile=each) for each in ("easee", "minimal")]
    simulator = FimpSimulator(broker_of(broker), *setups, timing=QUICK)
    async with leaving_nothing(simulator):
        for name in ("easee", "minimal"):
            for line in (
                "plug",
                "car_pause",
                "car_resume",
                "unplug",
                "plug",
                "offline",
                "online",
            ):
                await simulator.do(f"{name} {line}")
        await client.send(
            "pt:j1/mt:cmd/rt:discovery", {"type": "cmd.discovery.request", "serv": "system"}
        )
        await client.send_fimp_command("cmd.charge.start", props={"charging_mode": "turbo"})
        await client.send_fimp_command("cmd.charge.start", props={"charging_mode": "SLOW"})
        await client.until(lambda: client.last("evt.state.report").get("val") == "charging")
        await simulator.exclude()
        topic = f"pt:j1/mt:evt{simulator.own_address}"
        await client.until(lambda: client.last("evt.thing.exclusion_report", topic))
    published = [
        json.loads(each.payload) for each in client.messages if "mt:evt" in str(each.topic)
    ]
    assert {each["type"] for each in published} >= {"evt.discovery.report", "evt.error.report"}
    for body in published:
        if body["type"] not in ("evt.thing.inclusion_report", "evt.network.all_nodes_report"):
            assert json.dumps(fimp_shape(body)) in recorded[body["type"]], body
    assert not [each for each in client.messages if each.retain]


def fimp_shape(body: dict[str, Any]) -> Any:
    """Reduce a message to its fields in their order, and the shapes of what they hold."""
    inner = {key: kind_of(body.get(key)) for key in ("val", "props", "storage")}
    return [list(body), body["val_t"], inner]


async def test_fimp_refuses_in_the_words_of_the_recordings(
    broker: BrokerProcess, client: RecordingClient
) -> None:
    setup = ChargepointSetup(profile="easee")
    async with leaving_nothing(FimpSimulator(broker_of(broker), setup, timing=QUICK)) as simulator:
        topic = f"pt:j1/mt:cmd{FIMP_DEVICE}"
        refused = [
            line["payload"]
            for line in lines_of("fimp/captures/easee_adapter")
            if line["topic"] == topic and "max_current.set" in line["payload"]["type"]
        ]
        expected = [
            line["payload"]["props"]["msg"]
            for line in lines_of("fimp/captures/easee_adapter")
            if line["payload"]["type"] == "evt.error.report"
            and line["payload"]["props"]["cmd_type"] == "cmd.max_current.set"
        ]
        for body in refused:
            # The recorder wrote 16.0 as 16 if the value was refused as 0.
            await client.send(topic, body)
        await simulator.refuse("not today")
        await client.send_fimp_command("cmd.charge.stop")
        await client.until(lambda: "not today" in str(client.last("evt.error.report")))
        published = {
            each["props"]["msg"]
            for each in client.payloads(f"pt:j1/mt:evt{FIMP_DEVICE}")
            if each["type"] == "evt.error.report"
        }
        # One was for an int that had a fraction on the wire, which a recording cannot show.
        assert {each for each in expected if "0A instead" not in each or "40A" in each} <= published


async def test_easee_answers_with_old_news_first(
    broker: BrokerProcess, client: RecordingClient
) -> None:
    setup = ChargepointSetup(profile="easee")
    async with leaving_nothing(FimpSimulator(broker_of(broker), setup, timing=QUICK)) as simulator:
        await simulator.plug()
        await client.send_fimp_command("cmd.charge.start")
        await client.until(lambda: client.last("evt.state.report").get("val") == "charging")
        # It takes no stop right after a start.
        await simulator.sleep(31)
        before = len(client.messages)
        await client.send_fimp_command("cmd.charge.stop")
        await client.until(lambda: client.last("evt.state.report").get("val") == "ready_to_charge")
        states = [
            body["val"]
            for each in client.messages[before:]
            if (body := json.loads(each.payload)).get("type") == "evt.state.report"
        ]
        assert states == ["charging", "ready_to_charge"]


async def test_fimp_silence_and_resp_to(broker: BrokerProcess, client: RecordingClient) -> None:
    async with leaving_nothing(FimpSimulator(broker_of(broker), timing=QUICK)) as simulator:
        await client.until(lambda: client.last("evt.state.report"))
        await client.send_fimp_command(
            "cmd.max_current.set", "int", 3, resp_to="pt:j1/mt:rsp/rt:app/rn:x/ad:1"
        )
        error = await client.until(
            lambda: client.last("evt.error.report", "pt:j1/mt:rsp/rt:app/rn:x/ad:1")
        )
        assert error["corid"] == "u"
        count = len(client.payloads(f"pt:j1/mt:evt{FIMP_DEVICE}"))
        await client.send_fimp_command("cmd.nothing.known")
        await client.send_fimp_command("cmd.state.get_report", serv="easee")
        await client.connection.publish(
            f"pt:j1/mt:cmd{FIMP_DEVICE}",
            '{"serv":"chargepoint","type":"cmd.max_current.set","val_t":"int","val":16.0}',
        )
        await client.until(lambda: len(simulator.received) == 4)
        await simulator.silence()
        await client.send_fimp_command("cmd.state.get_report")
        await client.until(lambda: len(simulator.received) == 5)
        await asyncio.sleep(0.05)
        assert len(client.payloads(f"pt:j1/mt:evt{FIMP_DEVICE}")) == count


async def test_everest_speaks_like_the_recording(
    broker: BrokerProcess, client: RecordingClient
) -> None:
    recorded: dict[str, set[str]] = {}
    for line in lines_of("everest/recorded/api_v1_main_ac_sessions"):
        if "/e2m/" in line["topic"]:
            name, body = line["topic"].partition("/e2m/")[2], json.loads(line["payload"])
            recorded.setdefault(everest_name(name, body), set()).add(json.dumps(kind_of(body)))
    simulator = EverestSimulator(broker_of(broker), timing=QUICK)
    async with leaving_nothing(simulator):
        await simulator.plug()
        await client.until(lambda: client.state() == "Charging")
        await simulator.car_pause()
        await client.until(lambda: client.state() == "ChargingPausedEV")
        # A station takes no notice of a fault while the car pauses.
        await simulator.car_resume()
        await client.until(lambda: client.state() == "Charging")
        await simulator.fault("hot")
        await client.until(lambda: client.state() == "ChargingPausedEVSE")
        await client.send(f"{EVSE}/m2e/stop_transaction", {"payload": {"reason": "Local"}})
        await client.until(lambda: client.state() == "FinishedEVSE")
        await simulator.unplug()
        await simulator.swipe()
        await simulator.plug()
        await client.until(lambda: "TransactionStarted" in client.events()[-4:])
    for message in client.messages:
        if "/e2m/" in (topic := str(message.topic)):
            body = json.loads(message.payload)
            name = everest_name(topic.partition("/e2m/")[2], body)
            if name != "enforced_limits":
                assert json.dumps(kind_of(body)) in recorded[name], topic
    assert not [each for each in client.messages if each.retain]


def everest_name(name: str, body: Any) -> str:
    """Distinguish the kinds of messages of one variable."""
    match name:
        case "session_event":
            return str(body["event"])
        case "session_info":
            return str(body["state"])
        case _:
            return name


async def test_everest_pauses_and_resumes_with_its_passing_words(
    broker: BrokerProcess, client: RecordingClient
) -> None:
    async with leaving_nothing(EverestSimulator(broker_of(broker), timing=QUICK)) as simulator:
        await simulator.plug()
        await client.until(lambda: client.state() == "Charging")
        ask = {"headers": {"replyTo": "answer"}}
        await client.send(f"{EVSE}/m2e/pause_charging", ask)
        await client.until(lambda: client.state() == "ChargingPausedEVSE")
        await client.send(f"{EVSE}/m2e/resume_charging", ask)
        await client.until(lambda: client.state() == "Charging")
        assert client.events()[-4:] == [
            "StoppingCharging",
            "ChargingPausedEVSE",
            "PrepareCharging",
            "ChargingStarted",
        ]
        await simulator.refuse("no")
        await client.send(f"{EVSE}/m2e/pause_charging", ask)
        await client.until(lambda: client.payloads("answer") == [True, True, False])


async def test_everest_requests(broker: BrokerProcess, client: RecordingClient) -> None:
    setup = EvseSetup(limits="limits_api")
    companions = CompanionSetup(errors="errors_api")
    simulator = EverestSimulator(
        broker_of(broker), setup, prefix="site/", companions=companions, timing=QUICK
    )
    async with leaving_nothing(simulator):
        for name in ("get_evse", "ev_info/get", "dc_mode/get", "stop_transaction", "nothing"):
            await client.send(f"site/{EVSE}/m2e/{name}", {"headers": {"replyTo": f"answer/{name}"}})
        await client.connection.publish(f"site/{EVSE}/m2e/get_evse", "nonsense")
        await client.send("site/everest_api/discover", {"headers": {"replyTo": "found"}})
        await client.until(lambda: len(client.payloads("site/found")) == 3)
        answers = {
            str(each.topic): json.loads(each.payload)
            for each in client.messages
            if "/answer/" in str(each.topic)
        }
        assert answers == {
            "site/answer/get_evse": {"connectors": [{"id": 1, "type": "cType2"}], "id": 1},
            "site/answer/ev_info/get": True,
        }


async def test_everest_of_2026_02_has_no_get_and_no_discovery(
    broker: BrokerProcess, client: RecordingClient
) -> None:
    simulator = EverestSimulator(broker_of(broker), dialect="2026.02", timing=QUICK)
    async with leaving_nothing(simulator):
        for topic in (f"{EVSE}/m2e/session_info/get", "everest_api/discover"):
            await client.send(topic, {"headers": {"replyTo": "answer"}})
        await client.send(f"{EVSE}/m2e/get_evse", {"headers": {"replyTo": "evse"}})
        await client.until(lambda: client.payloads("evse"))
        assert not client.payloads("answer")
        assert not client.payloads("everest_api/ready_beacon")


@pytest.mark.parametrize("kind", [FimpSimulator, EverestSimulator])
async def test_words(
    kind: type[FimpSimulator | EverestSimulator], broker: BrokerProcess, client: RecordingClient
) -> None:
    async with leaving_nothing(kind(broker_of(broker), timing=QUICK)) as simulator:
        (name,) = simulator.points
        # A method of the simulator would hide the word of the same name.
        assert not [word for word in simulator[name].WORDS if hasattr(kind, word)]

        async def answer(line: str) -> str:
            before = len(client.messages)
            await client.connection.publish(f"simulators/{name}/do", line)
            topic = f"simulators/{name}/did"
            return await client.until(
                lambda: next(
                    (
                        bytes(each.payload).decode()
                        for each in client.messages[before:]
                        if str(each.topic) == topic
                    ),
                    None,
                )
            )

        lines = (
            "plug",
            "fault too hot",
            "clear_fault",
            "silence on",
            "silence off",
            "refuse no",
        )
        for line in (*lines, "refuse", "garbage", "offline", "online", "full", "unplug"):
            assert await answer(line) == "ok"
        for line in ("unplug", "fly", "plug now", ""):
            assert (await answer(line)).startswith("error: ")
        with pytest.raises(ControlError):
            await simulator.unplug()
        with pytest.raises(AttributeError):
            simulator.fly  # noqa: B018


async def test_comes_back_with_the_broker(broker: BrokerProcess) -> None:
    simulator = EverestSimulator(broker_of(broker), timing=QUICK)
    async with leaving_nothing(simulator):
        broker.stop()
        await asyncio.sleep(0.1)
        broker.start()
        async with (
            aiomqtt.Client(broker.host, broker.port) as client,
            asyncio.timeout(PATIENCE),
        ):
            # The state is reported once: perhaps before this client has subscribed to it.
            await client.subscribe(f"{EVSE}/e2m/heartbeat", qos=2)
            await anext(aiter(client.messages))
    await asyncio.sleep(0)  # the client of the test has a task that needs a turn to end
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_ends_quickly_without_a_broker(socket_enabled: None) -> None:
    simulator = FimpSimulator(Broker(port=1), timing=QUICK)
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1), leaving_nothing(simulator):
            pytest.fail("there is no broker")
    await simulator.stop()
    assert time.monotonic() - began < _PUBLISH_TIMEOUT_SECONDS
    assert asyncio.all_tasks() == {asyncio.current_task()}


def test_connector_counts_energy() -> None:
    now = 0.0
    connector = Connector(phases=3, needed=10, clock=lambda: now)
    connector.plug()
    connector.offer(16)
    now = 1
    connector.advance()
    assert connector.current == 16
    now = 3601
    connector.advance()
    assert connector.energy == pytest.approx(10)
    assert connector.full
    now = 3602
    connector.advance()
    assert connector.power == 0
    connector.unplug()
    connector.plug()
    assert (connector.previous, connector.energy) == (pytest.approx(10), 0)
