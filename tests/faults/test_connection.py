"""Faults of the broker and of the connection, in the middle of a session."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
import os
from pathlib import Path
import re
import time

import aiomqtt
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest

from custom_components.fimp_chargepoint import storage
from custom_components.fimp_chargepoint.chargepoint import faults
from custom_components.fimp_chargepoint.chargepoint.errors import AuthenticationError
from custom_components.fimp_chargepoint.chargepoint.sessions import tracker
from custom_components.fimp_chargepoint.chargepoint.transport import mqtt
from harness.broker import HOST
from tests.broker import PASSWORD, USERNAME, BrokerProcess
from tests.conftest import MakeBroker
from tests.helpers.access_rules import USER, access_rules
from tests.helpers.disk import real_files
from tests.helpers.waiting import until

from .hosts import clock_set, daylight_saving, disk_full, stored_data_damaged
from .scene import Scene, leftovers, log_lines, report, scene

pytestmark = pytest.mark.all

#: How often the broker is restarted in a row; `bench/faults --restarts` sets it.
TIMES = int(os.environ.get("FAULTS_RESTARTS", "10"))
FLOOD_SECONDS = 3.0


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Notice a silent connection within seconds, and let the simulator be back first."""
    monkeypatch.setattr(mqtt, "_KEEPALIVE", 2)
    monkeypatch.setattr(mqtt, "_TIMEOUT", 1.0)
    monkeypatch.setattr(mqtt, "_CONNECT_TIMEOUT", 3.0)
    monkeypatch.setattr(mqtt, "_BACKOFF_MIN", 0.3)
    monkeypatch.setattr(mqtt, "_BACKOFF_MAX", 0.6)
    for module in (tracker, faults):
        monkeypatch.setattr(module, "SETTLING_TIME", 0.3)
        monkeypatch.setattr(module, "FIRST_REPORTS_TIME", 0.3)
    monkeypatch.setattr(storage, "_RETRY_AFTER", 0.3)
    monkeypatch.setattr("simulators.mqtt._RETRY_SECONDS", 0.05)
    # The simulators share our event loop, so the faults of their client would count as ours.
    monkeypatch.setattr("simulators.mqtt.aiomqtt.Client", mqtt._Client)


@dataclass(frozen=True)
class Fault:
    """A fault, how often it breaks the connection, and how many starts it sends."""

    name: str
    act: Callable[[Scene], Awaitable[None]]
    losses: int = 1
    starts: int = 0
    asserted: str = "values, energy, session, one log line down and up, nothing left over"


async def restarted(scene: Scene) -> None:
    await scene.hass.async_add_executor_job(scene.broker.stop)
    await scene.lost()
    await scene.hass.async_add_executor_job(scene.broker.start)


async def restarted_often(scene: Scene) -> None:
    for _ in range(TIMES):
        await restarted(scene)
        await until(lambda: scene.hub.transport.connected, "the connection")


async def killed(scene: Scene) -> None:
    scene.broker.kill()
    await scene.lost()
    await scene.hass.async_add_executor_job(scene.broker.start)


async def frozen(scene: Scene) -> None:
    scene.broker.freeze()
    await scene.lost()
    scene.broker.resume()


async def cut(scene: Scene) -> None:
    scene.proxy.cut()
    await scene.lost()


async def cut_in_message(scene: Scene) -> None:
    scene.proxy.cut_in_message()
    await scene.lost()


async def cut_in_connect(scene: Scene) -> None:
    await _cut_early(scene, 2)


async def cut_in_subscribe(scene: Scene) -> None:
    await _cut_early(scene, 5)


async def _cut_early(scene: Scene, passed: int) -> None:
    """Cut three connections after some bytes: CONNACK has four."""
    scene.proxy.cut_after = passed
    connections = scene.proxy.connections
    scene.proxy.cut()
    await until(lambda: scene.proxy.connections >= connections + 3)
    scene.proxy.cut_after = None


async def black_hole(scene: Scene) -> None:
    scene.proxy.drops = True
    await scene.lost()
    scene.proxy.drops = False


async def delayed(scene: Scene) -> None:
    scene.proxy.delay = 0.5
    await asyncio.sleep(3)
    scene.proxy.delay = 0.0


async def duplicated(scene: Scene) -> None:
    scene.proxy.duplicates = True
    await asyncio.sleep(2)
    scene.proxy.duplicates = False


async def slow_consumer(scene: Scene) -> None:
    """Home Assistant is busy with other things most of the time."""
    end = time.monotonic() + FLOOD_SECONDS
    while time.monotonic() < end:
        time.sleep(0.2)  # noqa: ASYNC251
        await asyncio.sleep(0.01)


async def flood_of_other_topics(scene: Scene) -> None:
    await _flood(scene, "zigbee2mqtt/lamp")


async def flood_of_charge_points(scene: Scene) -> None:
    await _flood(scene, "pt:j1/mt:evt/rt:dev/rn:acme/ad:1/sv:meter_elec/ad:{}")


async def _flood(scene: Scene, topic: str) -> None:
    """Publish as fast as the broker takes it, from another thread."""
    payload = b'{"type":"evt.meter.report","val_t":"float","val":1,"props":{"unit":"W"}}'

    async def publish() -> None:
        end = time.monotonic() + FLOOD_SECONDS
        async with aiomqtt.Client(HOST, scene.broker.port) as client:
            number = 0
            while time.monotonic() < end:
                await client.publish(topic.format(number % 50), payload, int(number % 20 == 0))
                number += 1

    await asyncio.to_thread(asyncio.run, publish())


async def adapter_restarted(scene: Scene) -> None:
    """The adapter loses all requests, and announces its charge points again."""
    scene.found.point.restart_adapter()
    await asyncio.sleep(0.2)


async def charge_point_offline(scene: Scene) -> None:
    await scene.found.point.offline()
    await asyncio.sleep(1)
    await scene.found.point.online()


async def second_client(scene: Scene) -> None:
    """Take over the id of our connection; the broker, which has chosen it, has logged it."""
    pattern = rf"New client connected from \S+ as (\S+) \(.*u'{USER}'"
    ours = re.findall(pattern, scene.broker.log)[-1]
    async with aiomqtt.Client(HOST, scene.broker.port, identifier=ours):
        await scene.lost()
        # They do not take turns: the next connection gets an id of its own.
        await until(lambda: scene.hub.transport.connected, "the connection")


async def bytes_lost(scene: Scene) -> None:
    scene.proxy.lose_bytes()
    await scene.lost()


async def messages_late(scene: Scene) -> None:
    scene.proxy.holds = True
    await _set_at_the_charger(scene, 10)
    await until(lambda: len(scene.proxy.held) > 5, "messages to deliver late")
    scene.proxy.cut()
    await scene.lost()
    scene.proxy.holds = False
    await until(lambda: not scene.proxy.held, "the late messages to be delivered")


async def _set_at_the_charger(scene: Scene, current: int) -> None:
    """Change the maximum current in another way than from Home Assistant."""
    scene.point.max_current = current
    scene.point.apply()
    scene.point.report_changes()


async def adapter_killed(scene: Scene) -> None:
    await scene.found.point.kill()
    await _set_at_the_charger(scene, 10)
    await scene.found.point.__aenter__()


async def reports_denied(scene: Scene) -> None:
    """Three commands without a reply renew the connection, which does not help either."""
    await scene.denied("read")
    for _ in range(3):
        await _fails(scene, "turn_off")
    assert scene.point.state == "ready_to_charge"
    await until(lambda: scene.hub.connections == 2, "the renewed connection")
    await scene.allowed()


async def commands_denied(scene: Scene) -> None:
    """The broker acknowledges a start, and does not deliver it."""
    await scene.found.call("switch", "turn_off", "charging")
    await scene.denied("write")
    await _fails(scene, "turn_on")
    await scene.allowed()
    await scene.found.call("switch", "turn_on", "charging")


async def _fails(scene: Scene, action: str) -> None:
    """Call an action whose command gets no reply."""
    scene.patch.setattr(scene.found.node._commands, "_timeout", 0.5)
    with pytest.raises(HomeAssistantError) as caught:
        await scene.found.call("switch", action, "charging")
    assert caught.value.translation_key == "command_timeout"


FAULTS = (
    Fault("broker stopped and started", restarted),
    Fault(f"broker stopped and started {TIMES} times", restarted_often, losses=TIMES),
    Fault("broker killed (`kill -9`)", killed),
    Fault("broker frozen until the keepalive notices", frozen),
    Fault("connection cut", cut),
    Fault("connection cut in the middle of a message", cut_in_message),
    Fault("connection cut three times while connecting", cut_in_connect),
    Fault("connection cut three times while subscribing", cut_in_subscribe),
    Fault("network drops everything until the keepalive notices", black_hole),
    Fault("network delays everything by 0.5 s", delayed, losses=0),
    Fault("network delivers each message twice", duplicated, losses=0),
    Fault("Home Assistant is busy 95 % of the time", slow_consumer, losses=0),
    Fault("flood on other topics, as fast as the broker takes it", flood_of_other_topics, losses=0),
    Fault("flood of readings of other chargers", flood_of_charge_points, losses=0),
    Fault("connection loses some bytes", bytes_lost),
    Fault(
        "messages are delivered late, in reverse and twice, by the next connection", messages_late
    ),
    Fault("access rules deny all reports, without an error", reports_denied),
    Fault("access rules deny all commands, without an error", commands_denied, losses=0, starts=1),
    Fault("adapter restarted in a session", adapter_restarted, losses=0),
    Fault("adapter killed (`kill -9`) and restarted in a session", adapter_killed, losses=0),
    Fault("charger offline for a second", charge_point_offline, losses=0),
    Fault("second client with the same id", second_client),
    Fault("system clock set forward by an hour", partial(clock_set, 3600.0), losses=0),
    Fault("system clock set back by an hour", partial(clock_set, -3600.0), losses=0),
    Fault("daylight saving begins in a session", partial(daylight_saving, 1, 2), losses=0),
    Fault("daylight saving ends in a session", partial(daylight_saving, 2, 1), losses=0),
    Fault("disk full for a while", disk_full, losses=0),
    Fault("stored data damaged, and reloaded in a session", stored_data_damaged, losses=0),
)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
async def test_fault(
    hass: HomeAssistant, make_broker: MakeBroker, tmp_path: Path, fault: Fault
) -> None:
    """With no more rights than docs/setup.md asks for."""
    broker = make_broker(lines=access_rules(tmp_path))
    with real_files(hass, tmp_path / "home"):
        await _check(hass, broker, fault)


async def _check(hass: HomeAssistant, broker: BrokerProcess, fault: Fault) -> None:
    async with scene(hass, broker, username=USER) as running:
        before, starts = leftovers(), running.starts
        with log_lines() as lines:
            await fault.act(running)
            seconds = await running.becomes_true()
            assert lines["down"] == lines["up"] == fault.losses
            assert not lines["errors"]
        assert running.starts == starts + fault.starts
        await until(lambda: not leftovers() - before, "nothing to be left over")
        await running.end()
        report(fault.name, fault.asserted, seconds)


async def test_password_changed_for_a_while(hass: HomeAssistant, make_broker: MakeBroker) -> None:
    broker = make_broker(credentials=True)
    async with scene(hass, broker, username=USERNAME, password=PASSWORD) as running:
        with log_lines() as lines:
            await hass.async_add_executor_job(broker.stop)
            await running.lost()
            await hass.async_add_executor_job(lambda: broker.start(password="another"))
            await until(lambda: isinstance(running.hub.last_error, AuthenticationError))
            await hass.async_add_executor_job(broker.stop)
            await hass.async_add_executor_job(broker.start)
            seconds = await running.becomes_true()
            assert lines["down"] == lines["up"] == 1
        assert not hass.config_entries.flow.async_progress(), "the password was asked for"
        await running.end()
        report("password changed for a while", "values, energy, session, no question", seconds)
