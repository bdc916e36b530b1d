"""The FIMP simulators: odd adapters, the services beside the charge point, and a hub."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
import json
import sys
from typing import Any

import aiomqtt
import pytest

from simulators.fimp import PROFILES, ChargepointSetup, FimpSimulator, __main__
from simulators.mqtt import Broker
from simulators.simulator import ControlError, Timing
from tests.broker import BrokerProcess
from tests.helpers.recordings import RECORDINGS, recording
from tests.helpers.waiting import PATIENCE, until

from .recording_client import kind_of

QUICK = Timing(pace=0.02, speed=60, poll=0.1)
VINCULUM = "pt:j1/mt:cmd/rt:app/rn:vinculum/ad:1"
ANSWER = "pt:j1/mt:rsp/rt:app/rn:test/ad:1"
ODD = ("defa", "easee_2021")


class RecordingClient:
    """A client that receives all FIMP messages and sends requests."""

    def __init__(self, connection: aiomqtt.Client, simulator: FimpSimulator) -> None:
        self.connection = connection
        self.simulator = simulator
        self.messages: list[tuple[str, Any]] = []
        self.seen = 0

    async def listen(self) -> None:
        async for message in self.connection.messages:
            assert not message.retain
            try:
                body = json.loads(message.payload)
            except ValueError:
                continue
            if "mt:cmd" not in str(message.topic):
                self.messages.append((str(message.topic), body))

    async def until(self, what: Callable[[], Any]) -> Any:
        """Wait until a condition is true, and return its result."""
        return await until(what)

    def reports(self, kind: str, service: str = "chargepoint") -> list[Any]:
        """Return the reports of a kind from the first charge point."""
        (point, *_) = self.simulator.points.values()
        address = self.simulator.service_address(service, point.address)
        return self.messages_on(f"pt:j1/mt:evt{address}", kind)

    def states(self) -> list[str]:
        """Return the states that the first charge point has reported."""
        return [body["val"] for body in self.reports("evt.state.report")]

    async def wait_for_state(self, word: str) -> None:
        """Wait for the next report of a state."""
        await self.until(lambda: word in self.states()[self.seen :])
        self.seen += self.states()[self.seen :].index(word) + 1

    def adapter_reports(self, kind: str) -> list[Any]:
        """Return the reports of a kind from the adapter."""
        return self.messages_on(f"pt:j1/mt:evt{self.simulator.own_address}", kind)

    def messages_on(self, topic: str, kind: str) -> list[Any]:
        """Return the messages of a kind on a topic."""
        return [
            body
            for where, body in self.messages
            if where == topic and isinstance(body, dict) and body.get("type") == kind
        ]

    async def send(self, topic: str, body: dict[str, Any]) -> None:
        """Send a command."""
        command = {"val_t": "null", "val": None, "uid": "u", **body}
        await self.connection.publish(topic, json.dumps(command), qos=1)

    async def command(
        self, kind: str, val_t: str = "null", val: Any = None, service: str = "chargepoint"
    ) -> None:
        """Send a command to the first charge point."""
        (point, *_) = self.simulator.points.values()
        address = self.simulator.service_address(service, point.address)
        body = {"serv": service, "type": kind, "val_t": val_t, "val": val}
        await self.send(f"pt:j1/mt:cmd{address}", body)

    async def command_adapter(self, kind: str, val: Any = None, name: str = "") -> None:
        """Send a command to an adapter."""
        name = name or self.simulator.adapter
        body = {"serv": name, "type": kind, "val_t": "string" if val else "null", "val": val}
        await self.send(f"pt:j1/mt:cmd/rt:ad/rn:{name}/ad:1", body)

    async def pd7(self, *components: str) -> Any:
        """Ask the hub for components."""
        before = len(self.messages_on(ANSWER, "evt.pd7.response"))
        param = {"components": [*components]}
        value = {"cmd": "get", "component": None, "id": None, "param": param, "requestId": 7}
        body = {"serv": "vinculum", "type": "cmd.pd7.request", "val_t": "object", "val": value}
        await self.send(VINCULUM, body | {"resp_to": ANSWER})
        answers = await self.until(lambda: self.messages_on(ANSWER, "evt.pd7.response")[before:])
        assert answers[0]["corid"] == "u"
        assert answers[0]["val"] | {"param": None} == {
            "cmd": "get",
            "errors": None,
            "param": None,
            "requestId": 7,
            "success": True,
        }
        return answers[0]["val"]["param"]

    def notifications(self) -> list[Any]:
        """Return the notifications of the hub."""
        topic = VINCULUM.replace("cmd", "evt", 1)
        return [body["val"] for body in self.messages_on(topic, "evt.pd7.notify")]


@asynccontextmanager
async def running(
    broker: BrokerProcess, *setups: ChargepointSetup, **keywords: Any
) -> AsyncGenerator[tuple[FimpSimulator, RecordingClient]]:
    """Run a simulator and a client, and check that the tasks of the simulator end with it."""
    keywords.setdefault("timing", QUICK)
    simulator = FimpSimulator(Broker(broker.host, broker.port), *setups, **keywords)
    async with aiomqtt.Client(broker.host, broker.port) as connection:
        await connection.subscribe("pt:j1/#", qos=1)
        client = RecordingClient(connection, simulator)
        task = asyncio.create_task(client.listen())
        async with simulator:
            yield simulator, client
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert not [each for each in asyncio.all_tasks() if each.get_name().startswith("simulator")]


def setup(profile: str, **more: Any) -> ChargepointSetup:
    return ChargepointSetup(profile=profile, serial="EH123", **more)


# Recordings ----------------------------------------------------------------------


def envelope(body: dict[str, Any]) -> str:
    """Reduce a message to its fields in their order, and the shapes of what is not free."""
    return json.dumps([list(body), body["val_t"], kind_of(body.get("storage"))])


def contents(body: dict[str, Any]) -> str:
    """Reduce a message to the shapes of what it holds."""
    return json.dumps([kind_of(body["val"]), kind_of(body["props"])])


def recorded() -> dict[str, list[dict[str, Any]]]:
    """Return all recorded messages by their type."""
    found: dict[str, list[dict[str, Any]]] = {}
    for name in ("charger_full", "easee_adapter"):
        with recording(f"fimp/captures/{name}").open(encoding="utf-8") as lines:
            for body in (json.loads(line)["payload"] for line in lines):
                found.setdefault(body["type"], []).append(body)
    return found


@pytest.mark.parametrize("profile", PROFILES)
async def test_speaks_like_the_recordings(broker: BrokerProcess, profile: str) -> None:
    known = recorded()
    async with running(broker, setup(profile), adapter="easee") as (simulator, client):
        for line in ("plug", "car_pause", "car_resume", "unplug", "plug", "offline", "online"):
            await simulator.do(line)
        await client.command("cmd.charge.start")
        await client.until(lambda: "charging" in client.states())
        await simulator.exclude()
        await client.until(lambda: client.adapter_reports("evt.thing.exclusion_report"))
    free = ("evt.thing.inclusion_report", "evt.network.all_nodes_report")
    for _, body in client.messages:
        examples = known.get(body["type"], [])
        if profile != "full":
            assert examples, body
        elif not examples:
            continue
        assert envelope(body) in map(envelope, examples), body
        # Of these two there are recordings; the others are known from sources only.
        if profile in ("easee", "minimal") and body["type"] not in free:
            assert contents(body) in map(contents, examples), body


# Adapters ------------------------------------------------------------------------


async def test_defa_passes_raw_words_and_signs_with_its_name(broker: BrokerProcess) -> None:
    async with running(broker, setup("defa")) as (simulator, client):
        await client.wait_for_state("disconnected")
        await simulator.plug()
        await client.wait_for_state("Preparing")
        await client.command("cmd.charge.start")
        await client.wait_for_state("charging")
        await simulator.car_pause()
        await client.wait_for_state("SuspendedEV")
        await simulator.car_resume()
        await client.wait_for_state("charging")
        await client.command("cmd.charge.stop")
        # It first reports the expected state, and then the state from its cloud.
        await client.wait_for_state("ready_to_charge")
        await client.wait_for_state("Preparing")
        await client.command("cmd.charge.start")
        await client.wait_for_state("charging")
        await simulator.full()
        await client.wait_for_state("Finishing")
        topic = f"pt:j1/mt:evt{simulator.service_address('chargepoint', 'EH123')}"
        assert {body["serv"] for where, body in client.messages if where == topic} == {"defa"}
        sessions = client.reports("evt.current_session.report")
        assert all(body["props"] is None for body in sessions)
        report = client.adapter_reports("evt.thing.inclusion_report")[0]["val"]
        assert (report["address"], report["product_name"]) == ("EH123", "EH123")
        chargepoint, meter = report["services"]
        assert {"intf_t": "out", "msg_t": "cmd.charge.stop", "val_t": "bool", "ver": "1"} in (
            chargepoint["interfaces"]
        )
        assert "ready_to_charge" not in chargepoint["props"]["sup_states"]
        assert meter["props"] == {"sup_units": ["W"]}
        await simulator.refuse("no")
        await client.command("cmd.charge.start")
        error = (await client.until(lambda: client.reports("evt.error.report")))[0]
        assert (error["val"], error["props"], error["corid"]) == ("TX_ERROR", None, "u")


@pytest.mark.parametrize("profile", ODD)
async def test_adapters_of_2021_know_no_nodes(broker: BrokerProcess, profile: str) -> None:
    async with running(broker, setup(profile), announce=False) as (simulator, client):
        await client.command_adapter("cmd.network.get_all_nodes")
        await client.command_adapter("cmd.network.get_node", "EH123")
        await simulator.offline()
        await simulator.online()
        await client.command_adapter("cmd.app.get_state")
        await client.command_adapter("cmd.thing.get_inclusion_report", "EH123")
        await client.until(lambda: client.adapter_reports("evt.thing.inclusion_report"))
        state = client.adapter_reports("evt.app.manifest_report")
        assert [body["val"]["auth"] for body in state] == ["AUTHENTICATED"]
        assert not client.adapter_reports("evt.network.all_nodes_report")
        assert not client.adapter_reports("evt.network.node_report")


async def test_defa_answers_no_question_for_reports(broker: BrokerProcess) -> None:
    async with running(broker, setup("defa")) as (simulator, client):
        await client.until(lambda: client.reports("evt.meter.report", "meter_elec"))
        count = len(client.messages)
        for kind in ("state", "current_session", "max_current"):
            await client.command(f"cmd.{kind}.get_report")
        await client.command("cmd.meter.get_report", service="meter_elec")
        await client.command_adapter("cmd.thing.get_inclusion_report", "unknown")
        await client.command("cmd.max_current.set", "int", 3)
        await client.until(lambda: len(client.messages) > count)
        await client.until(lambda: len(simulator.received) == 6)
        assert {body["type"] for _, body in client.messages[count:]} == {"evt.error.report"}


async def test_easee_of_2021_has_words_of_its_own(broker: BrokerProcess) -> None:
    async with running(broker, setup("easee_2021")) as (simulator, client):
        await client.wait_for_state("available")
        await simulator.plug()
        await client.wait_for_state("preparing")
        await client.command("cmd.charge.start")
        await client.wait_for_state("charging")
        await client.command("cmd.charge.stop")
        await client.wait_for_state("paused")
        await simulator.unplug()
        await simulator.plug()
        await client.wait_for_state("preparing")
        rows = PROFILES["easee_2021"].interfaces("chargepoint")
        ways = {row["msg_t"]: row["intf_t"] for row in rows}
        assert ways["cmd.charge.start"] == ways["cmd.charge.stop"] == "out"
        assert client.reports("evt.current_session.report")[-1]["props"] == {"unit": "kWh"}


async def test_futurehome_is_listed_with_all_its_fields(broker: BrokerProcess) -> None:
    path = RECORDINGS / "fimp" / "vinculum" / "device.json"
    expected = json.loads(path.read_text(encoding="utf-8"))
    point = setup("futurehome", address="5_1", title="Driveway", room="Carport")
    async with running(broker, point, hub=True) as (simulator, client):
        (device,) = (await client.pd7("device"))["device"]
        assert device == expected | {key: device[key] for key in ("id", "thing", "room")}
        await simulator.plug()
        await client.command("cmd.charge.start")

        def power() -> bool:
            reports = client.reports("evt.meter.report", "meter_elec")
            return any(body["val"] > 0 for body in reports if body["props"]["unit"] == "W")

        await client.until(power)
        values = client.reports("evt.meter_ext.report", "meter_elec")[-1]["val"]
        assert sorted(values) == ["i1", "i2", "i3", "u1", "u2", "u3"]
        assert client.adapter_reports("evt.network.node_report")[-1]["val"]["address"] == "5"
        await simulator.exclude()
        await simulator.include()
        assert simulator["garage"].address == "1_1"


async def test_first_charge_point_decides_the_habits(broker: BrokerProcess) -> None:
    setups = (setup("full"), ChargepointSetup(name="b", profile="defa", serial="2"))
    async with running(broker, *setups) as (simulator, client):
        assert simulator.adapter == "easee"
        await client.command_adapter("cmd.network.get_all_nodes")
        (nodes,) = await client.until(
            lambda: client.adapter_reports("evt.network.all_nodes_report")
        )
        assert [node["address"] for node in nodes["val"]] == ["1", "2"]


# Services ------------------------------------------------------------------------


async def test_diagnostics_are_told_on_request_only(broker: BrokerProcess) -> None:
    async with running(broker) as (simulator, client):
        await client.until(lambda: client.reports("evt.state.report"))
        assert not client.reports("evt.lqi.report", "diagnostic")

        async def ask(name: str) -> tuple[str, Any]:
            before = len(client.reports(f"evt.{name}.report", "diagnostic"))
            await client.command(f"cmd.{name}.get_report", service="diagnostic")
            found = await client.until(
                lambda: client.reports(f"evt.{name}.report", "diagnostic")[before:]
            )
            return found[0]["val_t"], found[0]["val"]

        assert await ask("lqi") == ("int", 168)
        assert await ask("rssi") == ("int", -61)
        kind, seconds = await ask("uptime")
        assert kind == "int"
        assert 0 <= seconds < PATIENCE
        assert await ask("reboot_reason") == ("string", "power_on")
        assert await ask("reboots_count") == ("int", 3)
        assert await ask("errors") == ("str_array", [])
        await client.command("cmd.thing.reboot", "bool", val=False, service="dev_sys")
        await client.until(lambda: client.reports("evt.success.report", "dev_sys"))
        await simulator.fault("too hot")
        assert await ask("reboots_count") == ("int", 4)
        assert await ask("errors") == ("str_array", ["too hot"])
        await simulator.offline()
        await client.command("cmd.lqi.get_report", service="diagnostic")
        error = (await client.until(lambda: client.reports("evt.error.report", "diagnostic")))[0]
        assert error["props"]["msg"] == (
            "failed to send diagnostic report: diagnostic: "
            "failed to retrieve LQI report: charger is offline"
        )


async def test_alarms(broker: BrokerProcess) -> None:
    async with running(broker) as (simulator, client):

        def active() -> set[str]:
            found = client.reports("evt.alarm.report", "alarm_system")
            last = {body["val"]["event"]: body["val"]["status"] for body in found}
            assert all(body["storage"]["sub_value"] == body["val"]["event"] for body in found)
            return {event for event, status in last.items() if status == "activ"}

        await client.until(lambda: len(client.reports("evt.alarm.report", "alarm_system")) == 10)
        await simulator.alarm("OVER_TEMP_FAULT")
        await client.until(lambda: active() == {"OVER_TEMP_FAULT"})
        assert simulator["garage"].state == "disconnected"
        await simulator.fault("RCD_TRIP_FAULT")
        await client.until(lambda: active() == {"OVER_TEMP_FAULT", "RCD_TRIP_FAULT"})
        await simulator.fault("hot")
        await client.until(lambda: active() == {"OVER_TEMP_FAULT", "CP_OTHER_ERROR"})
        await simulator.clear_fault()
        await simulator.clear_alarm()
        await client.until(lambda: not active())
        before = len(client.reports("evt.alarm.report", "alarm_system"))
        value = {"event": "PEN_FAULT"}
        await client.command("cmd.alarm.get_report", "str_map", value, "alarm_system")
        await client.until(
            lambda: len(client.reports("evt.alarm.report", "alarm_system")) == before + 10
        )
        with pytest.raises(ControlError):
            await simulator.alarm("ALIENS")


async def test_meter_knows_phases_and_exports(broker: BrokerProcess) -> None:
    async with running(broker) as (simulator, client):
        await simulator.plug()
        await client.command("cmd.charge.start")

        def values() -> Any:
            found = client.reports("evt.meter_ext.report", "meter_elec")
            return found and found[-1]["val"]["p1"] > 0 and found[-1]["val"]

        read = await client.until(values)
        assert read["p1"] == read["p2"] == read["p3"] == pytest.approx(read["p_import"] / 3)
        assert (read["p_export"], read["e_export"]) == (0, 12.5)
        assert not client.reports("evt.meter_export.report", "meter_elec")
        await client.command("cmd.meter_export.get_report", "string", "kWh", "meter_elec")
        found = await client.until(lambda: client.reports("evt.meter_export.report", "meter_elec"))
        assert [(body["val"], body["props"]["unit"]) for body in found] == [(12.5, "kWh")]
        for kind, val_t, value in (
            ("cmd.meter_export.get_report", "string", "V"),
            ("cmd.meter_ext.get_report", "str_array", ["freq"]),
        ):
            await client.command(kind, val_t, value, "meter_elec")
        await client.until(lambda: len(client.reports("evt.error.report", "meter_elec")) == 2)
        await client.command("cmd.meter_ext.get_report", "str_array", [], "meter_elec")
        await client.command("cmd.meter_ext.get_report", "str_array", ["p2"], "meter_elec")
        await client.until(
            # Others may be reported meanwhile without a request.
            lambda: any(
                list(each["val"]) == ["p2"]
                for each in client.reports("evt.meter_ext.report", "meter_elec")
            )
        )


async def test_parameters_of_every_kind(broker: BrokerProcess) -> None:
    async with running(broker) as (_, client):
        await client.command("cmd.sup_params.get_report", service="parameters")
        found = await client.until(lambda: client.reports("evt.sup_params.report", "parameters"))
        known = {about["parameter_id"]: about for about in found[0]["val"]}
        kinds = {
            (about["value_type"], about["widget_type"], "options" in about)
            for about in known.values()
        }
        assert kinds == {
            ("bool", "select", True),
            ("bool", "input", False),
            ("int", "input", False),
            ("int", "select", True),
            ("string", "select", True),
            ("string", "input", False),
            ("int_array", "multiselect", True),
        }
        assert [name for name, about in known.items() if about["read_only"]] == ["firmware_channel"]
        cases = (
            ("child_lock", "bool", True, ""),
            ("display_language", "string", "nb", ""),
            ("low_current_time", "int", 5, ""),
            ("quiet_days", "int_array", [7], ""),
            ("display_language", "string", "fr", "parameter value 'fr' is not allowed"),
            ("low_current_time", "int", 6, "parameter value '6' is not allowed"),
            ("led_brightness", "int", 800, "higher than allowed maximum '100'"),
            ("led_brightness", "string", "80", "does not match specification value type"),
            ("led_brightness", "int", "80", "is not allowed for type int"),
            ("led_brightness", [], 80, "is not allowed"),
            ("firmware_channel", "string", "beta", "parameter is read only"),
            ("nothing", "int", 1, "parameter specification id 'nothing' not found"),
        )
        for name, kind, value, complaint in cases:
            answer = "evt.error.report" if complaint else "evt.param.report"
            before = len(client.reports(answer, "parameters"))
            setting = {"parameter_id": name, "value_type": kind, "value": value}
            await client.command("cmd.param.set", "object", setting, "parameters")
            found = await client.until(
                lambda answer=answer, before=before: client.reports(answer, "parameters")[before:]
            )
            if complaint:
                assert complaint in found[0]["props"]["msg"]
            else:
                assert found[0]["val"] == setting


# Words ---------------------------------------------------------------------------


async def test_login_is_lost_and_comes_back(broker: BrokerProcess) -> None:
    async with running(broker, setup("futurehome")) as (simulator, client):
        await client.until(lambda: client.reports("evt.state.report"))
        await simulator.logout()
        unasked = await client.until(
            lambda: client.messages_on(
                "pt:j1/mt:evt/rt:app/rn:cloud_adapter/ad:1", "evt.app.state_report"
            )
        )
        assert unasked[0]["val"]["auth"] == "LOST"
        await client.command_adapter("cmd.app.get_state")
        state = (await client.until(lambda: client.adapter_reports("evt.app.state_report")))[0][
            "val"
        ]
        assert (state["app"], state["auth"]) == ("NOT_CONFIGURED", "NOT_AUTHENTICATED")
        assert (
            client.adapter_reports("evt.auth.status_report")[-1]["val"]["status"]
            == "NOT_AUTHENTICATED"
        )
        assert client.adapter_reports("evt.network.node_report")[-1]["val"]["status"] == "DOWN"
        await simulator.plug()
        await client.command("cmd.charge.start")
        error = (await client.until(lambda: client.reports("evt.error.report")))[0]
        assert error["props"]["msg"].endswith("not logged in")
        with pytest.raises(ControlError):
            await simulator.logout()
        await simulator.login()
        await client.until(
            lambda: client.reports("evt.state.report")[-1]["val"] == "ready_to_charge"
        )
        assert client.adapter_reports("evt.network.node_report")[-1]["val"]["status"] == "UP"


async def test_easee_answers_by_heart_without_its_cloud(broker: BrokerProcess) -> None:
    """Signed out, or without a connection, it reports old values, and that it is online."""
    async with running(broker, setup("easee")) as (simulator, client):

        async def reply(kind: str, report: str, service: str = "chargepoint") -> Any:
            before = len(client.reports(report, service))
            await client.command(kind, service=service)
            return (await client.until(lambda: client.reports(report, service)[before:]))[0]

        async def asked() -> dict[str, Any]:
            before = len(client.adapter_reports("evt.app.state_report"))
            await client.command_adapter("cmd.app.get_state")
            found = await client.until(
                lambda: client.adapter_reports("evt.app.state_report")[before:]
            )
            words: dict[str, Any] = found[0]["val"]
            return words

        await simulator.plug()
        await client.command("cmd.charge.start")
        await client.wait_for_state("charging")
        await simulator.sleep(31)
        await client.until(lambda: client.reports("evt.meter.report", "meter_elec")[-1]["val"] > 0)
        for leave, come in (("logout", "login"), ("cloud off", "cloud on")):
            nodes, loss = (
                len(client.adapter_reports("evt.network.node_report")),
                len(client.messages),
            )
            await simulator.do(leave)
            found = await asked()
            assert found["connection"] == "DISCONNECTED"
            signed_out = found["auth"] == "NOT_AUTHENTICATED"
            assert signed_out is (leave == "logout")
            await simulator.unplug()
            await asyncio.sleep(0.3)
            state = await reply("cmd.state.get_report", "evt.state.report")
            assert state["val"] == "charging"
            power = await reply("cmd.meter.get_report", "evt.meter.report", "meter_elec")
            assert power["val"] > 0
            error = await reply("cmd.charge.stop", "evt.error.report")
            words = "credentials are empty: login first" if signed_out else "no route to host"
            assert error["props"]["msg"].endswith(words)
            statuses = client.adapter_reports("evt.network.node_report")[nodes:]
            assert all(each["val"]["status"] == "UP" for each in statuses)
            unasked = [body for topic, body in client.messages[loss:] if "rt:app/rn:easee" in topic]
            assert not unasked
            await simulator.do(come)
            assert (await asked())["connection"] == "CONNECTED"
            await client.until(
                lambda: client.reports("evt.state.report")[-1]["val"] == "disconnected"
            )
            await simulator.plug()
            await simulator.sleep(31)
            await client.command("cmd.charge.start")
            await client.until(lambda: client.reports("evt.state.report")[-1]["val"] == "charging")
            await simulator.sleep(31)


async def test_easee_refuses_what_comes_too_soon(broker: BrokerProcess) -> None:
    """After a change of a current, a start among them, also a stop."""
    async with running(broker, setup("easee")) as (simulator, client):
        now = simulator["garage"].connector.clock()
        simulator["garage"].connector.clock = lambda: now
        await simulator.plug()
        await client.command("cmd.charge.start")
        await client.wait_for_state("charging")
        words = (
            ("cmd.charge.stop", "failed to stop charging: too many requests to the charger"),
            ("cmd.charge.start", "failed to update dynamic current: too many requests"),
            (
                "cmd.current_session.set_current",
                "failed to update dynamic current: too many requests",
            ),
        )
        for number, (kind, complaint) in enumerate(words):
            await client.command(kind, *(("int", 10) if "set" in kind else ()))
            found = await client.until(
                lambda number=number: client.reports("evt.error.report")[number:]
            )
            assert found[0]["props"]["msg"].endswith(f": client: {complaint}")
        assert simulator["garage"].state == "charging"
        now += 31
        await client.command("cmd.charge.stop")
        await client.wait_for_state("ready_to_charge")


async def test_easee_takes_commands_for_who_is_offline(broker: BrokerProcess) -> None:
    """And reports an error: only reporting the result failed. This was recorded."""
    played = recording("fimp/live/easee_offline_midsession_limit_taken_but_refused")
    recorded = [
        line["payload"]["props"]["msg"].replace("EH123456", "EH123")
        for line in map(json.loads, played.read_text(encoding="utf-8").splitlines())
        if "offline" in json.dumps(line["payload"])
    ]
    async with running(broker, setup("easee")) as (simulator, client):
        await simulator.plug()
        await simulator.offline()
        await client.command("cmd.max_current.set", "int", 18)
        found = await client.until(lambda: client.reports("evt.error.report"))
        assert [found[0]["props"]["msg"]] == recorded
        await simulator.online()
        await client.until(lambda: client.reports("evt.max_current.report")[-1]["val"] == 18)


async def test_what_an_easee_starts_with(broker: BrokerProcess) -> None:
    """The mode slow has a current of its own; all else has what was asked for last."""
    async with running(broker, setup("easee")) as (simulator, client):
        (point,) = simulator.points.values()
        address = simulator.service_address("chargepoint", point.address)
        topic = f"pt:j1/mt:cmd{address}"
        now = point.connector.clock()
        point.connector.clock = lambda: now

        async def start(mode: str | None, offered: str) -> None:
            nonlocal now
            now += 31
            props = {"props": {"charging_mode": mode}} if mode else {}
            body = {"serv": "chargepoint", "type": "cmd.charge.start", **props}
            await client.send(topic, body)
            await client.until(
                lambda: (
                    [
                        report["props"]["offered_current"]
                        for report in client.reports("evt.current_session.report")
                    ][-1:]
                    == [offered]
                )
            )

        await simulator.plug()
        await start("slow", "10")
        await start("normal", "32")
        await start("slow", "10")
        now += 31
        await client.command("cmd.current_session.set_current", "int", 8)
        await client.until(lambda: "set_current" in simulator.received[-1][1])
        await start("normal", "8")
        await start("slow", "10")
        await start(None, "8")


async def test_abilities_change_at_run_time(broker: BrokerProcess) -> None:
    async with running(broker, hub=True) as (simulator, client):

        async def abilities(what: str) -> Any:
            before = len(client.adapter_reports("evt.thing.inclusion_report"))
            await simulator.do(what)
            found = await client.until(
                lambda: client.adapter_reports("evt.thing.inclusion_report")[before:]
            )
            return found[0]["val"]["services"][0]["props"]

        await client.until(lambda: client.adapter_reports("evt.thing.inclusion_report"))
        assert (await abilities("modes fast, eco"))["sup_charging_modes"] == ["fast", "eco"]
        assert "sup_charging_modes" not in await abilities("modes")
        assert (await abilities("max 16"))["sup_max_current"] == 16
        await client.until(lambda: client.reports("evt.max_current.report")[-1]["val"] == 16)
        assert (await abilities("relist"))["sup_max_current"] == 16
        for nonsense in ("max much", "max 3", "rename", "alarm"):
            with pytest.raises(ControlError):
                await simulator.do(nonsense)
        assert {notice["cmd"] for notice in client.notifications()} == {"edit"}
        services = client.notifications()[-1]["changes"]["services"]
        assert services["chargepoint"]["props"]["sup_max_current"] == 16
        # Nothing else of this kind has changed.
        assert PROFILES["full"].max_current == 32


async def test_restart_says_everything_once_again(broker: BrokerProcess) -> None:
    async with running(broker) as (simulator, client):
        await client.until(lambda: len(client.reports("evt.alarm.report", "alarm_system")) == 10)
        before = len(client.messages)
        await simulator.restart()
        await client.until(lambda: len(client.reports("evt.alarm.report", "alarm_system")) == 20)
        kinds = {body["type"] for _, body in client.messages[before:]}
        assert kinds >= {"evt.state.report", "evt.network.node_report", "evt.meter_ext.report"}
        # Unchanged things are not announced again.
        assert "evt.thing.inclusion_report" not in kinds


# The hub -------------------------------------------------------------------------


async def test_hub_knows_names_and_rooms(broker: BrokerProcess) -> None:
    setups = (
        setup("full", title="My box", room="Garage"),
        ChargepointSetup(name="second", profile="minimal", serial="2"),
    )
    async with running(broker, *setups, hub=True, others=3) as (_, client):
        found = await client.pd7("device", "room")
        assert set(found) == {"device", "room"}
        (room,) = found["room"]
        assert (room["client"]["name"], room["alias"], room["type"]) == (
            "Garage",
            "garage",
            "garage",
        )
        devices = {device["client"]["name"]: device for device in found["device"]}
        assert list(devices) == ["My box", "Acme Socket", "Lamp 1", "Lamp 2", "Lamp 3"]
        assert len({device["id"] for device in devices.values()}) == 5
        assert (devices["My box"]["room"], devices["Acme Socket"]["room"]) == (room["id"], None)
        service = devices["My box"]["services"]["chargepoint"]
        assert service["addr"] == "/rt:dev/rn:easee/ad:1/sv:chargepoint/ad:1"
        assert all(isinstance(name, str) for name in service["intf"])
        await client.pd7("house", "hub", "thing", "nothing")
        (state, *_) = (await client.pd7("state"))["state"]["devices"]
        names = {
            each["name"]: {attribute["name"] for attribute in each["attributes"]}
            for each in state["services"]
        }
        assert names["chargepoint"] >= {"state", "current_session"}
        assert not client.notifications()


async def test_hub_notices_what_changes(broker: BrokerProcess) -> None:
    async with running(broker, setup("full", room="Garage"), hub=True) as (simulator, client):
        await simulator.rename("The new box")
        await simulator.room("Carport")
        await simulator.room()
        await simulator.exclude()
        await simulator.include()
        notices = await client.until(
            lambda: len(client.notifications()) == 6 and client.notifications()
        )
        changes = [(notice["cmd"], notice["component"]) for notice in notices]
        edit = ("edit", "device")
        assert changes == [
            edit,
            ("add", "room"),
            edit,
            edit,
            ("delete", "device"),
            ("add", "device"),
        ]
        renamed, carport, moved, homeless, deleted, added = notices
        assert renamed["param"]["client"] == renamed["changes"]["client"]
        assert renamed["changes"]["client"] == {"name": "The new box"}
        assert moved["changes"] == {"room": carport["id"]}
        assert homeless["param"]["room"] is None
        assert (deleted["id"], deleted["param"]) == (renamed["id"], None)
        assert added["id"] != deleted["id"]
        assert added["param"]["fimp"]["address"] == "2"
        assert (await client.pd7("device"))["device"] == [added["param"]]


async def test_other_adapters_answer_for_their_lamps(broker: BrokerProcess) -> None:
    async with running(broker, others=200) as (simulator, client):
        discovery = {"serv": "system", "type": "cmd.discovery.request", "resp_to": ANSWER}
        await client.send("pt:j1/mt:cmd/rt:discovery", discovery)
        found = await client.until(
            lambda: len(found := client.messages_on(ANSWER, "evt.discovery.report")) == 2 and found
        )
        assert [body["val"]["resource_name"] for body in found] == ["easee", "zigbee"]
        await client.command_adapter("cmd.network.get_all_nodes", name="zigbee")
        await client.command_adapter("cmd.thing.get_inclusion_report", "7", name="zigbee")
        topic = "pt:j1/mt:evt/rt:ad/rn:zigbee/ad:1"
        (nodes,) = await client.until(
            lambda: client.messages_on(topic, "evt.network.all_nodes_report")
        )
        assert len(nodes["val"]) == 200
        (lamp,) = await client.until(
            lambda: client.messages_on(topic, "evt.thing.inclusion_report")
        )
        assert [each["name"] for each in lamp["val"]["services"]] == ["out_lvl_switch"]
        asked = [text for _, text in simulator.received if "get_inclusion_report" in text]
        assert len(asked) == 1
        # Without a hub, the user's names are unknown.
        with pytest.raises(ControlError):
            await simulator.rename("box")


@pytest.mark.parametrize("profile", PROFILES)
async def test_every_profile_survives_every_word(broker: BrokerProcess, profile: str) -> None:
    async with running(broker, setup(profile), hub=True) as (simulator, client):
        await client.until(lambda: client.reports("evt.state.report"))
        for line in (
            "plug",
            "car_pause",
            "offline",
            "online",
            "garbage",
            "fault",
            "clear_fault",
            "modes a,b",
            "max 10",
            "cloud off",
            "cloud on",
            "logout",
            "login",
            "restart",
            "full",
            "unplug",
            "exclude",
            "include",
        ):
            await simulator.do(line)
        for service, kinds in {
            service: [row["msg_t"] for row in PROFILES[profile].interfaces(service)]
            for service in PROFILES[profile].services
        }.items():
            for kind in kinds:
                for val_t, val in (("null", None), ("string", "x"), ("object", {"value": []})):
                    await client.command(kind, val_t, val, service)
        await client.pd7("device", "room", "thing", "state")


def test_command_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["fimp", "--help"])
    with pytest.raises(SystemExit):
        __main__.main()
    output = capsys.readouterr().out
    for word in ("--hub", "--others", "futurehome", "clear_alarm", "title"):
        assert word in output
