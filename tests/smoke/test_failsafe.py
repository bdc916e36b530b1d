"""A whole Home Assistant that is killed, or frozen, while cars charge: the failsafe's course.

With FIMP_RECORD=<folder>, what the charge points allowed is kept there, in A for each of them, as
in `docs/failsafe.md`.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
import json
import os
from pathlib import Path
import time
from typing import Any

import pytest

from harness.broker import free_port
from harness.home import Home, running_home
from simulators.everest import EverestSimulator, EvseSetup
from simulators.fimp import ChargepointSetup, FimpSimulator
from simulators.mqtt import Broker
from simulators.simulator import Timing
from tests.broker import BrokerProcess
from tests.helpers.waiting import until

pytestmark = [pytest.mark.all, pytest.mark.timeout(400)]

_TIMING = Timing(pace=0.1, poll=1.0)
_SAFE = 10
#: The limit that is set first, and that returns.
_OWN = 16
#: Seconds after which a broker with our keepalive of 20 s misses a client, and a margin.
_MISSED = 30.0, 45.0
#: Seconds until the failsafes are registered again after the limits have returned.
_SETTLED = 10.0


class Cars:
    """Three charge points with a car each, one for each protocol, and what they allow."""

    def __init__(self, *simulators: Any) -> None:
        self.simulators = simulators
        self.points = [point for each in simulators for point in each.points.values()]
        self.course: list[tuple[float, tuple[float, ...]]] = []
        self.begun = time.monotonic()

    @property
    def limits(self) -> tuple[float, ...]:
        return tuple(
            float(each.max_current if hasattr(each, "max_current") else each.energy.current)
            for each in self.points
        )

    @property
    def currents(self) -> tuple[float, ...]:
        """The current in A."""
        return tuple(round(each.connector.current, 1) for each in self.points)

    def restart_watch(self) -> None:
        """Begin a new course."""
        self.course, self.begun = [], time.monotonic()

    async def watch(self) -> None:
        """Keep every change of the limits."""
        while True:
            if not self.course or self.course[-1][1] != self.limits:
                self.course.append((time.monotonic() - self.begun, self.limits))
            await asyncio.sleep(0.02)

    async def limited_to(self, current: float) -> float:
        """Wait until all are limited to `current`; return how many seconds that took."""
        since = time.monotonic()
        await until(lambda: set(self.limits) == {current}, f"{current} A, not {self.limits}")
        return time.monotonic() - since


@pytest.fixture(name="cars")
async def cars_fixture(broker: BrokerProcess) -> AsyncGenerator[Cars]:
    address = Broker(broker.host, broker.port)
    async with AsyncExitStack() as stack:
        simulators = [
            FimpSimulator(
                address, ChargepointSetup(name="wallbox", profile="full"), timing=_TIMING
            ),
            EverestSimulator(
                address,
                EvseSetup(name="carport", limits="limits_api", max_current=32.0),
                timing=_TIMING,
            ),
            EverestSimulator(
                address,
                EvseSetup(name="garage", connector="garage", max_current=32.0),
                # Below a prefix of its own: a station has one API or the other.
                prefix="old/",
                dialect="legacy",
                timing=_TIMING,
            ),
        ]
        for each in simulators:
            await stack.enter_async_context(each)
        cars = Cars(*simulators)
        watching = asyncio.create_task(cars.watch())
        yield cars
        watching.cancel()


@pytest.fixture(name="home")
async def home_fixture(cars: Cars, broker: BrokerProcess, tmp_path: Path) -> AsyncGenerator[Home]:
    """A Home Assistant that has limited three charging cars to 16 A, and guards them."""
    folder = tmp_path / "home"
    folder.mkdir()
    async with running_home(folder, free_port()) as home:
        await home.add_integration(broker.host, broker.port, prefixes=["", "old/"])
        numbers = await _numbers(home, 3)
        for point in cars.points:
            await point.plug()
        states = await home.states()
        for entity_id in states:
            if entity_id.startswith("switch.acme_wallbox") and entity_id.count("_") == 1:
                await home.call("switch.turn_on", entity_id)
        for entity_id in numbers:
            await home.call("number.set_value", entity_id, value=_OWN)
        await cars.limited_to(_OWN)
        await until(lambda: min(cars.currents) > 15, f"all to charge: {cars.currents}")
        await home.guard(_SAFE)
        # Home Assistant writes its devices to disk some seconds later than we write our limits;
        # until then a crash loses both. The failsafes are registered earlier.
        registry = home.log.parent / ".storage" / "core.device_registry"
        await until(lambda: registry.exists() and "old/garage" in registry.read_text())
        await asyncio.sleep(5)
        assert set(cars.limits) == {_OWN}
        yield home


async def _numbers(home: Home, count: int) -> list[str]:
    async with asyncio.timeout(60):
        while True:
            found = [
                name
                for name, state in (await home.states()).items()
                if name.endswith("_maximum_current") and state["state"] != "unknown"
            ]
            if len(found) == count:
                return found
            await asyncio.sleep(0.2)


async def _ours_again(home: Home) -> None:
    """Wait until all charge points report the first limit."""
    async with asyncio.timeout(60):
        while True:
            shown = [
                each["state"]
                for name, each in (await home.states()).items()
                if name.endswith("_maximum_current")
            ]
            if len(shown) == 3 and {float(each) for each in shown if each[0].isdigit()} == {_OWN}:
                return
            await asyncio.sleep(0.2)


def _commands(cars: Cars) -> list[int]:
    """Return how many limits each charge point has received."""
    names = ("cmd.max_current.set", "set_external_limits", "set_limit_amps")
    return [
        sum(any(name in f"{topic} {text}" for name in names) for topic, text in each.received)
        for each in cars.simulators
    ]


async def test_failsafe(home: Home, cars: Cars) -> None:
    """All three use the same Home Assistant, because its preparation takes half a minute."""
    await _freeze(home, cars)
    await asyncio.sleep(_SETTLED)
    await _kill(home, cars)
    await asyncio.sleep(_SETTLED)
    await _stop(home, cars)


async def _kill(home: Home, cars: Cars) -> None:
    """The limits fall within seconds, the cars continue, and the former limits return once."""
    before = _commands(cars)
    cars.restart_watch()
    await home.kill()
    assert await cars.limited_to(_SAFE) < 5
    await until(lambda: all(9 < each <= _SAFE for each in cars.currents), f"{cars.currents}")
    assert [count - was for count, was in zip(_commands(cars), before, strict=True)] == [1, 1, 1]
    await home.start()
    await cars.limited_to(_OWN)
    await _ours_again(home)
    await until(lambda: min(cars.currents) > _SAFE, f"the cars to go on: {cars.currents}")
    # FIMP's memory is written once; the other two keep nothing.
    assert _commands(cars)[0] - before[0] == 2
    _record("killed", cars)


async def _freeze(home: Home, cars: Cars) -> None:
    """Nothing ends the connections; the broker misses them after 1.5 times the keepalive."""
    cars.restart_watch()
    home.freeze()
    least, most = _MISSED
    taken = await asyncio.wait_for(cars.limited_to(_SAFE), most)
    assert least - 20 < taken < most
    home.thaw()
    await cars.limited_to(_OWN)
    await _ours_again(home)
    _record("frozen", cars)


async def _stop(home: Home, cars: Cars) -> None:
    """A clean stop limits nothing, unless that was chosen."""
    cars.restart_watch()
    await home.restart()
    await _ours_again(home)
    assert {limits for _, limits in cars.course} == {(_OWN,) * 3}
    await home.guard(_SAFE, on_stop=True)
    await asyncio.sleep(8)
    await home.stop()
    await cars.limited_to(_SAFE)
    await home.start()
    await cars.limited_to(_OWN)
    await _ours_again(home)


def _record(name: str, cars: Cars) -> None:
    """Keep the course if requested: the folder is named by FIMP_RECORD."""
    if folder := os.environ.get("FIMP_RECORD"):
        lines = [
            json.dumps({"t": round(when, 2), "limits": limits}) for when, limits in cars.course
        ]
        Path(folder, f"{name}.jsonl").write_text("\n".join(lines) + "\n")
