"""A whole Home Assistant that is killed while a car charges and a command waits."""

import asyncio
from contextlib import suppress
from pathlib import Path
import time
from typing import Any

from aiohttp import ClientError
import pytest

from harness.broker import HOST, free_port
from harness.home import Home, running_home
from simulators.fimp import ChargepointSetup, FimpSimulator
from simulators.mqtt import Broker
from tests.broker import BrokerProcess

from .scene import TIMING, report

pytestmark = [pytest.mark.all, pytest.mark.timeout(400)]

#: A machine that runs other tests as well takes its time to start Home Assistant.
PATIENCE = 120.0
NAME = "acme_wallbox"


async def wait_for_state(home: Home, entity_id: str, state: str) -> float:
    """Wait until an entity has a state; return how long that took."""
    began = time.monotonic()
    found: dict[str, Any] = {}
    while time.monotonic() - began < PATIENCE:
        with suppress(ClientError):
            found = await home.states()
        if found.get(entity_id, {}).get("state") == state:
            return time.monotonic() - began
        await asyncio.sleep(0.1)
    known = {name: each["state"] for name, each in found.items() if NAME in name}
    pytest.fail(f"{entity_id} is not {state}: {known}")


def starts(point: FimpSimulator) -> int:
    """Return how many starts have come to the charge point."""
    return sum("cmd.charge.start" in text for _, text in point.received)


async def test_home_assistant_killed_while_a_command_waits(
    tmp_path: Path, broker: BrokerProcess, socket_enabled: None
) -> None:
    setup = ChargepointSetup(profile="full", needed=1000.0)
    folder = tmp_path / "home"
    folder.mkdir()
    switch, status = f"switch.{NAME}", f"sensor.{NAME}_status"
    async with (
        FimpSimulator(Broker(HOST, broker.port), setup, timing=TIMING) as point,
        running_home(folder, free_port()) as home,
    ):
        await home.add_integration(HOST, broker.port)
        await home.set_options(charging={"restart_delay": 0})
        await wait_for_state(home, status, "disconnected")
        await point.plug()
        await wait_for_state(home, status, "ready_to_charge")
        await home.call("switch.turn_on", switch)
        await wait_for_state(home, status, "charging")
        await asyncio.sleep(1)
        await home.call("switch.turn_off", switch)
        await wait_for_state(home, status, "ready_to_charge")

        await point.silence()
        pending = asyncio.create_task(home.call("switch.turn_on", switch))
        sent = starts(point)
        async with asyncio.timeout(PATIENCE):
            while starts(point) == sent:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await home.kill()
        await asyncio.wait([pending])
        assert pending.exception() is not None
        await point.silence("off")
        sent = starts(point)
        await home.start()
        seconds = await wait_for_state(home, status, "ready_to_charge")
        await asyncio.sleep(5)
        assert starts(point) == sent, "a start was repeated after its command had ended"

        await home.call("switch.turn_on", switch)
        await wait_for_state(home, status, "charging")
        await asyncio.sleep(1)
        await home.call("switch.turn_off", switch)
        await wait_for_state(home, status, "ready_to_charge")
        counted = next(iter(point.points.values())).connector.energy
        await point.unplug()
        await wait_for_state(home, status, "disconnected")
        energy, began = float("nan"), time.monotonic()
        while not abs(energy - counted) < 0.02 and time.monotonic() - began < PATIENCE:
            await asyncio.sleep(0.5)
            shown = (await home.states())[f"sensor.{NAME}_last_session_energy"]["state"]
            energy = float("nan") if shown in ("unknown", "unavailable") else float(shown)
        assert energy == pytest.approx(counted, abs=0.02)
    report(
        "Home Assistant killed (`kill -9`) in a session, while a start waits",
        "values, energy of the whole session, no start repeated",
        seconds,
    )
