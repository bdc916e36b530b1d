"""Runs many charge points for a long time with random faults, and compares hub and simulators.

    bench/soak                            200 charge points, an hour
    bench/soak --minutes 10 --points 100  shorter, or fewer

A hub of the library watches simulated FIMP charge points, 25 behind each adapter, over a real
mosquitto. Their cars come, charge and go at random, while the broker is stopped, killed or frozen,
and charge points go offline. Four times a second, the snapshot of each is compared with its
simulator: availability, status, and the energy of the session while no power flows.

A difference is an error if it remains two seconds after the simulator has changed. After a fault,
everything must be right within ten seconds after both the hub and the adapter are connected
again, or 17 seconds if the adapter comes back later than the first questions: they are
repeated after 2, 7 and 22 seconds. In between, and while there is no broker, the
values cannot be known; charge points without a connection must always be unavailable. `compared`
is the share of the time in which charge points could be compared: the average, and the lowest.

The events of cars and the records of sessions are compared with what has happened at the
simulators. An event is missed if it happened while everything was connected, and did not arrive
within five seconds. It is not expected in the ten seconds after a gap, in which no events are sent,
and if a fault follows within five seconds: a frozen broker delivers it later, or never. An event or
a record is invented if nothing of the kind has happened. The energy of each record is compared with
the meter, except for sessions that ended unseen, whose energy may be unknown.

It stops automatically, removes everything that it created, and fails if there was any error. The
errors are printed, and the last line has the figures.
"""

import argparse
import asyncio
from contextlib import AsyncExitStack
import json
import logging
import math
import random
import sys
import time

from custom_components.fimp_chargepoint.chargepoint.fimp.discovery import FimpProtocol
from custom_components.fimp_chargepoint.chargepoint.mqtt_hub import MqttHub
from custom_components.fimp_chargepoint.chargepoint.options import Options
from custom_components.fimp_chargepoint.chargepoint.transport import mqtt
from custom_components.fimp_chargepoint.chargepoint.transport.mqtt import MqttSettings
from harness.broker import HOST
from simulators import mqtt as sim_mqtt
from simulators.fimp import ChargepointSetup, FimpSimulator
from simulators.mqtt import Broker
from simulators.simulator import Timing
from tests.broker import BrokerProcess

from .home import broker
from .soak_sessions import CHARGING, FREEZE, Watched
from .soak_truth import Comparison, waiting

#: The adapter looks at each charge point every other second; energy flows quickly.
_TIMING = Timing(pace=0.0, poll=2.0, speed=100.0)
_OPTIONS = Options(measurement_interval=1.0, restart_delay=0.0, write_interval=0.0)
#: Seconds between two things that happen to cars, to one car, and between two faults.
_CARS = 0.3
_MOMENT = 3.0
_FAULTS = 60.0
#: Seconds at the end in which nothing more happens.
_CALM = 15.0
_POINTS_PER_ADAPTER = 25


class Soak:
    """The life of the charge points: cars and faults at random."""

    def __init__(self, comparison: Comparison, broker: BrokerProcess) -> None:
        """Let events happen at the compared charge points."""
        self.comparison = comparison
        self.broker = broker
        self.random = random.Random(1)  # noqa: S311
        self._counts = comparison.counts
        self._touched: dict[str, float] = {}
        self._commands: set[asyncio.Task[None]] = set()

    async def run(self, seconds: float) -> None:
        """Run for some seconds."""
        self.comparison.follow()
        async with asyncio.timeout(seconds + 120):
            end = time.monotonic() + seconds
            looking = asyncio.create_task(self.comparison.look())
            tasks = [asyncio.create_task(each) for each in (self._cars(), self._faults(end))]
            await asyncio.wait([*tasks, looking], timeout=seconds - _CALM)
            for task in (*tasks, looking):
                if task.done():
                    task.result()
            for task in tasks:
                task.cancel()
            # The last events must arrive as well.
            await asyncio.wait([looking], timeout=_CALM)
            looking.cancel()
            await asyncio.wait([*tasks, looking])
        self.comparison.compare_sessions()

    async def _cars(self) -> None:
        while True:
            await asyncio.sleep(self.random.uniform(0, 2 * _CARS))
            watched = self.random.choice(self.comparison.watched)
            point, now = watched.point, time.monotonic()
            # A person takes a while between plugging and unplugging.
            if now - self._touched.get(point.name, -math.inf) < _MOMENT:
                continue
            self._touched[point.name] = now
            if not point.connector.plugged:
                await point.plug()
                self._counts["plugged"] += 1
            elif self.random.random() < 0.3:  # noqa: PLR2004
                await point.unplug()
                self._counts["unplugged"] += 1
            elif self.comparison.hub.transport.connected and not self.comparison.disturbed:
                self._switch(watched)

    def _switch(self, watched: Watched) -> None:
        node, point = watched.node, watched.point
        if node is None:
            return
        # Like a user who presses a button: do not wait for the result.
        command = node.stop_charging() if point.state == CHARGING else node.start_charging()
        task = asyncio.create_task(command)
        self._commands.add(task)
        task.add_done_callback(self._ended)
        self._counts["commands"] += 1

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._commands.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._counts[type(error).__name__] += 1

    async def _faults(self, end: float) -> None:
        while True:
            await asyncio.sleep(self.random.uniform(0.5, 1.5) * _FAULTS)
            if time.monotonic() > end - 2 * _CALM:
                return await asyncio.sleep(math.inf)
            fault = self.random.choice(("stopped", "killed", "frozen", "charge point offline"))
            self._counts[fault] += 1
            if fault == "charge point offline":
                point = self.random.choice(self.comparison.watched).point
                await point.offline()
                await asyncio.sleep(self.random.uniform(3, 8))
                await point.online()
                continue
            self.comparison.disturbed = True
            match fault:
                case "stopped":
                    await asyncio.to_thread(self.broker.stop)
                    await asyncio.sleep(self.random.uniform(0, 3))
                    await asyncio.to_thread(self.broker.start)
                case "killed":
                    self.broker.kill()
                    await asyncio.to_thread(self.broker.start)
                case _:
                    self.broker.freeze()
                    await asyncio.sleep(self.random.uniform(0, FREEZE))
                    self.broker.resume()
            self.comparison.disturbed = False


def main() -> int:
    """Run with the options of the command line."""
    parser = argparse.ArgumentParser(
        prog="bench/soak", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--points", type=int, default=200)
    options = parser.parse_args()
    logging.disable()
    # The simulators must be back first: they repeat nothing for a client that was away.
    sim_mqtt._RETRY_SECONDS = 0.1  # noqa: SLF001
    mqtt._KEEPALIVE = 2  # noqa: SLF001
    with broker() as process:
        try:
            found = asyncio.run(_soaked(process, options.points, options.minutes * 60))
        except TimeoutError:
            sys.exit("The charge points were not found, or the end was not reached in time")
    for error in found.errors:
        print(error, file=sys.stderr)
    print(
        json.dumps({"minutes": options.minutes, "charge points": options.points} | found.figures())
    )
    return bool(found.errors or found.hub.internal_errors.counts)


async def _soaked(process: BrokerProcess, count: int, seconds: float) -> Comparison:
    async def source() -> MqttSettings:
        return MqttSettings(host=HOST, port=process.port)

    numbers = range(1, count + 1)
    setups = [ChargepointSetup(name=f"p{each}", address=f"{each}", needed=1e6) for each in numbers]
    hub = MqttHub(source, options=_OPTIONS)
    hub.add_protocol("", FimpProtocol(hub, ""))
    async with AsyncExitStack() as stack:
        adapters = [
            FimpSimulator(
                Broker(HOST, process.port),
                *setups[first : first + _POINTS_PER_ADAPTER],
                adapter=f"adapter{first}",
                timing=_TIMING,
            )
            for first in range(0, count, _POINTS_PER_ADAPTER)
        ]
        for adapter in adapters:
            await stack.enter_async_context(adapter)
        await hub.start()
        try:
            async with asyncio.timeout(120):
                while not _is_complete(hub, count) or any(map(waiting, adapters)):
                    await asyncio.sleep(0.5)
                    hub.admission.admit_all()
            comparison = Comparison(hub, adapters)
            await Soak(comparison, process).run(seconds)
        finally:
            await hub.stop()
    return comparison


def _is_complete(hub: MqttHub, count: int) -> bool:
    """Whether all charge points have been found, and have reported their status."""
    snapshots = [each.snapshot for each in hub.nodes.values()]
    return len(snapshots) == count and all(each.available for each in snapshots)


if __name__ == "__main__":
    sys.exit(main())
