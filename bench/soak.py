"""Lets many charge points run for long, with faults at random, and compares what is known of them.

    bench/soak                            200 charge points, an hour
    bench/soak --minutes 10 --points 100  shorter, or fewer

A hub of the library watches simulated FIMP charge points over a real mosquitto. Their cars come,
charge and go at random, while the broker is stopped, killed or frozen, and charge points go
offline. Twice a second, the status and the session energy of each are compared with its simulator.
A difference that lasts longer than a poll and two seconds is an error, except for thirty seconds
after a fault: questions are repeated after 2, 7 and 22 seconds. The last line has the figures.
"""

import argparse
import asyncio
from collections import Counter
import gc
import json
import logging
from pathlib import Path
import random
import resource
from statistics import mean
import sys
from tempfile import TemporaryDirectory
import time

from custom_components.fimp_chargepoint.chargepoint.charge_point import Chargepoint
from custom_components.fimp_chargepoint.chargepoint.fimp.discovery import FimpProtocol
from custom_components.fimp_chargepoint.chargepoint.model import ChargepointSnapshot
from custom_components.fimp_chargepoint.chargepoint.mqtt_hub import MqttHub
from custom_components.fimp_chargepoint.chargepoint.options import Options
from custom_components.fimp_chargepoint.chargepoint.transport import mqtt
from custom_components.fimp_chargepoint.chargepoint.transport.mqtt import MqttSettings
from harness.broker import HOST
from simulators import mqtt as sim_mqtt
from simulators.fimp import ChargepointSetup, FimpSimulator
from simulators.fimp.chargepoint import FimpChargepoint as SimulatedChargepoint
from simulators.mqtt import Broker
from simulators.simulator import Timing
from tests.broker import BrokerProcess

#: The adapter looks at each charge point every other second; energy flows quickly.
_TIMING = Timing(pace=0.0, poll=2.0, speed=100.0)
_OPTIONS = Options(measurement_interval=1.0, restart_delay=0.0, write_interval=0.0)
_LOOK = 0.5
#: Seconds that a difference may last, beside the time between two polls, and after a reconnection.
_TOLERANCE = 2.0 + _TIMING.poll
_SETTLING = 30.0
#: Seconds between two things that happen to cars, and between two faults.
_CARS = 0.3
_FAULTS = 60.0
_ENERGY_TOLERANCE = 0.05


class Soak:
    """The charge points, what is known of them, and what is wrong."""

    def __init__(self, hub: MqttHub, simulator: FimpSimulator, broker: BrokerProcess) -> None:
        """Watch from now on."""
        self.hub = hub
        self.simulator = simulator
        self.broker = broker
        self.random = random.Random(1)  # noqa: S311
        self.counts: Counter[str] = Counter()
        self.errors: list[str] = []
        self.memory: list[tuple[float, int]] = []
        self._wrong_since: dict[str, float] = {}
        self._stable_since = time.monotonic()
        self._disturbed = False
        self._commands: set[asyncio.Task[None]] = set()

    async def run(self, seconds: float) -> None:
        """Let everything happen for so long."""
        async with asyncio.timeout(seconds + 120):
            end = time.monotonic() + seconds
            tasks = [
                asyncio.create_task(each) for each in (self._cars(), self._faults(), self._look())
            ]
            await asyncio.wait(tasks, timeout=end - time.monotonic())
            for task in tasks:
                if task.done():
                    task.result()
                task.cancel()
            await asyncio.wait(tasks)

    async def _cars(self) -> None:
        points = list(self.simulator.points.values())
        while True:
            await asyncio.sleep(self.random.uniform(0, 2 * _CARS))
            point = self.random.choice(points)
            if not point.connector.plugged:
                await point.plug()
                self.counts["plugged"] += 1
            elif self.random.random() < 0.3:  # noqa: PLR2004
                await point.unplug()
                self.counts["unplugged"] += 1
            elif self.hub.transport.connected and not self._disturbed:
                self._switch(point.name)

    def _switch(self, name: str) -> None:
        point = self.simulator.points[name]
        node = self._nodes().get(point.address)
        if node is None:
            return
        # Like a user who presses a button: without waiting for the result.
        command = node.stop_charging() if point.state == "charging" else node.start_charging()
        task = asyncio.create_task(command)
        self._commands.add(task)
        task.add_done_callback(self._ended)
        self.counts["commands"] += 1

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._commands.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.counts[type(error).__name__] += 1

    async def _faults(self) -> None:
        while True:
            await asyncio.sleep(self.random.uniform(0.5, 1.5) * _FAULTS)
            fault = self.random.choice(("stopped", "killed", "frozen", "charge point offline"))
            self.counts[fault] += 1
            self._disturbed = True
            match fault:
                case "stopped":
                    await asyncio.to_thread(self.broker.stop)
                    await asyncio.sleep(self.random.uniform(0, 3))
                    await asyncio.to_thread(self.broker.start)
                case "killed":
                    self.broker.kill()
                    await asyncio.to_thread(self.broker.start)
                case "frozen":
                    self.broker.freeze()
                    await asyncio.sleep(self.random.uniform(0, 8))
                    self.broker.resume()
                case _:
                    point = self.random.choice(list(self.simulator.points.values()))
                    await point.offline()
                    await asyncio.sleep(2)
                    await point.online()
            self._disturbed = False
            self._stable_since = time.monotonic()

    async def _look(self) -> None:
        looks = 0
        while True:
            await asyncio.sleep(_LOOK)
            looks += 1
            if looks % 20 == 1:
                gc.collect()
                self.memory.append((time.monotonic(), _memory()))
            self._compare()

    def _compare(self) -> None:
        now, nodes = time.monotonic(), self._nodes()
        link = self.simulator._link  # noqa: SLF001
        is_linked = link is not None and link._outbox is not None  # noqa: SLF001
        if not self.hub.transport.connected or not is_linked or self._disturbed:
            self._stable_since = now
        if now - self._stable_since < _SETTLING:
            self._wrong_since.clear()
            return
        for point in self.simulator.points.values():
            self.counts["comparisons"] += 1
            node = nodes.get(point.address)
            what = _difference(point, None if node is None else node.snapshot)
            if not what:
                self._wrong_since.pop(point.address, None)
            elif now - self._wrong_since.setdefault(point.address, now) > _TOLERANCE:
                self._wrong_since[point.address] = float("inf")
                self.errors.append(f"{point.name}: {what}")

    def _nodes(self) -> dict[str, Chargepoint]:
        """Return the nodes by the address of their charge point."""
        return {
            address.rpartition("/")[2]: node
            for address, node in self.hub.nodes.items()
            if isinstance(node, Chargepoint)
        }

    def figures(self) -> dict[str, object]:
        """Return what has come of it."""
        return {
            **self.counts,
            "messages": self.hub.received,
            "connections": self.hub.connections,
            "internal errors": self.hub.internal_errors.counts.total(),
            "state errors": len(self.errors),
            "memory kB a minute": round(_slope(self.memory) * 60),
        }


def _difference(point: SimulatedChargepoint, known: ChargepointSnapshot | None) -> str:
    """Return how the two differ, empty if they do not."""
    if known is None or not known.available:
        return "not available"
    if known.status != point.state:
        return f"{known.status} instead of {point.state}"
    session, counted = known.meter.session_energy, point.connector.energy
    # While it charges, the report is always a little behind.
    is_still = point.connector.plugged and point.connector.power == 0
    if is_still and session is not None and abs(session - counted) > _ENERGY_TOLERANCE:
        return f"{session} kWh instead of {counted}"
    return ""


def _memory() -> int:
    """Return the resident memory of this process in kB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() // 1024


def _slope(values: list[tuple[float, int]]) -> float:
    """Return the slope of a line through the second half of the values."""
    values = values[len(values) // 2 :]
    if len(values) < 2:  # noqa: PLR2004
        return 0.0
    x, y = (mean(each) for each in zip(*values, strict=True))
    across: float = sum((time_ - x) * (kilobytes - y) for time_, kilobytes in values)
    width: float = sum((time_ - x) ** 2 for time_, _ in values)
    return across / width


def main() -> int:
    """Run with the options of the command line."""
    parser = argparse.ArgumentParser(prog="bench/soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--points", type=int, default=200)
    options = parser.parse_args()
    logging.disable()
    # The simulators must be back first: they repeat nothing for a client that was away.
    sim_mqtt._RETRY_SECONDS = 0.1  # noqa: SLF001
    mqtt._KEEPALIVE = 2  # noqa: SLF001
    with TemporaryDirectory() as folder:
        broker = BrokerProcess(Path(folder, "broker"))
        broker.start()
        try:
            soak = asyncio.run(_soak(broker, options.points, options.minutes * 60))
        finally:
            broker.stop()
    for error in soak.errors:
        print(error, file=sys.stderr)
    print(
        json.dumps({"minutes": options.minutes, "charge points": options.points} | soak.figures())
    )
    return bool(soak.errors or soak.hub.internal_errors.counts)


async def _soak(broker: BrokerProcess, count: int, seconds: float) -> Soak:
    async def source() -> MqttSettings:
        return MqttSettings(host=HOST, port=broker.port)

    setups = [
        ChargepointSetup(name=f"p{number}", address=f"{number}", wanted=1e6)
        for number in range(1, count + 1)
    ]
    hub = MqttHub(source, options=_OPTIONS)
    hub.add_protocol("", FimpProtocol(hub, ""))
    async with FimpSimulator(Broker(HOST, broker.port), *setups, timing=_TIMING) as simulator:
        await hub.start()
        try:
            while len(hub.nodes) < count:
                await asyncio.sleep(0.5)
                hub.admission.admit_all()
            soak = Soak(hub, simulator, broker)
            await soak.run(seconds)
        finally:
            await hub.stop()
    return soak


if __name__ == "__main__":
    sys.exit(main())
