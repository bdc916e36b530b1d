"""A whole Home Assistant that is restarted, and one beside its own MQTT integration."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from harness.broker import free_port
from harness.home import Home, running_home
from simulators.fimp import ChargepointSetup, FimpSimulator
from simulators.mqtt import Broker
from simulators.simulator import Timing
from tests.broker import BrokerProcess

pytestmark = [pytest.mark.all, pytest.mark.timeout(300)]

#: The adapter reports what changes, and answers: nothing else for an hour.
_QUIET = Timing(poll=3600)


@pytest.fixture(name="wallbox")
async def wallbox_fixture(broker: BrokerProcess) -> AsyncGenerator[FimpSimulator]:
    setup = ChargepointSetup(name="wallbox", profile="full", serial="WB-0001")
    async with FimpSimulator(Broker(broker.host, broker.port), setup, timing=_QUIET) as simulator:
        yield simulator


@pytest.fixture(name="home")
async def home_fixture(wallbox: FimpSimulator, tmp_path: Path) -> AsyncGenerator[Home]:
    folder = tmp_path / "home"
    folder.mkdir()
    async with running_home(folder, free_port()) as home:
        yield home


@pytest.fixture(name="status")
async def status_fixture(home: Home, wallbox: FimpSimulator, broker: BrokerProcess) -> str:
    """The status of a charge point that Home Assistant has found, with a car."""
    await home.add_integration(broker.host, broker.port)
    await wallbox.points["wallbox"].plug()
    return await _shown(home, "_status", "ready_to_charge")


async def _shown(home: Home, ending: str, state: str) -> str:
    """Wait until the entity whose id has that ending shows a state; return its id."""
    async with asyncio.timeout(60):
        while True:
            for entity_id, found in (await home.states()).items():
                if entity_id.endswith(ending) and found["state"] == state:
                    return entity_id
            await asyncio.sleep(0.2)


async def test_what_a_restart_brings_back(home: Home, status: str) -> None:
    """The selection is restored, and an adapter that reports nothing is asked for the rest."""
    mode = await _shown(home, "_charging_mode", "unknown")
    await home.call("select.select_option", mode, option="slow")
    await _shown(home, mode, "slow")
    await home.restart()
    assert await _shown(home, "_status", "ready_to_charge") == status
    assert await _shown(home, "_charging_mode", "slow") == mode
    [switch] = [name for name in await home.states() if name.startswith("switch.acme_wallbox")][:1]
    await home.call("switch.turn_on", switch)
    assert (await home.states())[switch]["state"] == "on"


async def test_an_end_of_charging_survives_a_restart(
    home: Home, wallbox: FimpSimulator, status: str
) -> None:
    """If it passes while Home Assistant is not running, the car is stopped at the start."""
    end = datetime.now(UTC) + timedelta(seconds=45)
    plan = {"energy": 50, "until": end.isoformat()}
    await home.call("fimp_chargepoint.start_charging", status, **plan)
    await _shown(home, "_status", "charging")
    await _shown(home, "_energy_target", "50.0")
    await home.stop()
    assert not _stops(wallbox)
    await asyncio.sleep(max(0.0, (end - datetime.now(UTC)).total_seconds()))
    await home.start()
    await _shown(home, "_status", "ready_to_charge")
    await _shown(home, "_energy_target", "unknown")
    assert len(_stops(wallbox)) == 1


def _stops(wallbox: FimpSimulator) -> list[str]:
    """Return the commands to stop that the charge point has received."""
    return [text for _, text in wallbox.received if "cmd.charge.stop" in text]


async def test_the_broker_of_the_mqtt_integration(
    home: Home, wallbox: FimpSimulator, broker: BrokerProcess
) -> None:
    """Beside it the flow begins with a menu, of which both choices lead to the charge point."""
    flow = "config/config_entries/flow"
    step = await home.post(flow, {"handler": "mqtt"})
    settings = {"broker": broker.host, "port": broker.port}
    extra = {"set_client_cert": False, "set_ca_cert": "off", "transport": "tcp"}
    form = settings | {"protocol": "5", "other_settings": extra}
    step = await home.post(f"{flow}/{step['flow_id']}", form)
    assert step["type"] == "create_entry", step
    found = await home.add_integration()
    assert "Acme Wallbox" in found
    await _shown(home, "_status", "disconnected")
    [entry] = await home.get("config/config_entries/entry?domain=fimp_chargepoint")
    await home.delete(f"config/config_entries/entry/{entry['entry_id']}")
    assert await home.add_integration(broker.host, broker.port) == found
    await _shown(home, "_status", "disconnected")
