"""Lets many charge points run for long, with faults at random, and compares what is known of them.

    bench/soak                            200 charge points, an hour
    bench/soak --minutes 10 --points 100  shorter, or fewer

A hub of the library watches simulated FIMP charge points, 25 behind each adapter, over a real
mosquitto. Their cars come, charge and go at random, while the broker is stopped, killed or frozen,
and charge points go offline. Four times a second, what is known of each is compared with its
simulator: availability, status, and the energy of the session while no power flows.

A difference is an error if it remains two seconds after the simulator has changed. After a fault,
everything must be right within ten seconds of the moment when both the hub and the adapter are
connected again, or 17 seconds if the adapter comes back later than the first questions: they are
repeated after 2, 7 and 22 seconds. In between, and while there is no broker, the truth cannot be
known; that charge points are unavailable without a connection is checked at all times. `compared`
is the share of the time in which charge points could be compared: the average, and the lowest.

The events of cars and the records of sessions are compared with what has happened at the
simulators. An event is missed if it happened while everything was connected, and did not arrive
within five seconds. It is not expected in the ten seconds after a gap, in which no events are sent,
and if a fault follows within five seconds. An event or a record is invented if nothing of the kind
has happened. The energy of each record is compared with the meter, except for sessions that ended
unseen, whose energy may be unknown.

It stops by itself, removes all that it made, and fails if there was any error. The errors are
printed, and the last line has the figures.
"""

import argparse
import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
import gc
import json
import logging
import math
from pathlib import Path
import random
import resource
from statistics import mean, median
import sys
from tempfile import TemporaryDirectory
import time

from custom_components.fimp_chargepoint.chargepoint.charge_point import Chargepoint
from custom_components.fimp_chargepoint.chargepoint.fimp.discovery import FimpProtocol
from custom_components.fimp_chargepoint.chargepoint.model import ChargepointSnapshot
from custom_components.fimp_chargepoint.chargepoint.mqtt_hub import MqttHub
from custom_components.fimp_chargepoint.chargepoint.options import Options
from custom_components.fimp_chargepoint.chargepoint.sessions import (
    SessionEvent,
    SessionEventType,
    SessionRecord,
    SessionTracker,
)
from custom_components.fimp_chargepoint.chargepoint.sessions.events import FIRST_REPORTS_TIME
from custom_components.fimp_chargepoint.chargepoint.transport import mqtt
from custom_components.fimp_chargepoint.chargepoint.transport.mqtt import MqttSettings
from harness.broker import HOST
from simulators import mqtt as sim_mqtt
from simulators.fimp import ChargepointSetup, FimpSimulator
from simulators.fimp.chargepoint import FimpChargepoint as SimulatedChargepoint
from simulators.fimp.message import Report
from simulators.mqtt import Broker
from simulators.simulator import Timing
from tests.broker import BrokerProcess

#: The adapter looks at each charge point every other second; energy flows quickly.
_TIMING = Timing(pace=0.0, poll=2.0, speed=100.0)
_OPTIONS = Options(measurement_interval=1.0, restart_delay=0.0, write_interval=0.0)
_LOOK = 0.25
#: Seconds that a difference may last: after a change, after the hub and the adapter are connected
#: again, and if the adapter was later than the first questions.
_TOLERANCE = 2.0
_RETURN = 10.0
_FIRST_QUESTIONS = 6.0
_LATE_RETURN = 17.0
#: Seconds within which an event arrives: ends wait for the last energy.
_EVENT_TIME = 5.0
#: Seconds between two things that happen to cars, to one car, and between two faults.
_CARS = 0.3
_MOMENT = 3.0
_FAULTS = 60.0
#: Seconds at the end in which nothing more happens.
_CALM = 15.0
_ENERGY_TOLERANCE = 0.05
_POINTS_PER_ADAPTER = 25
_GONE = "disconnected"
_CHARGING = "charging"
_ERRORS = (
    *("state errors", "missed events", "invented events", "missed records", "invented records"),
    "energy differences",
)


@dataclass(frozen=True, slots=True)
class Happened:
    """An event of a car at a simulator; the `expected` ones must be reported."""

    what: SessionEventType
    at: float
    expected: bool


@dataclass
class Visit:
    """A car at a simulator: when it came and left, and the energy that it took."""

    came: datetime
    left: datetime | None = None
    energy: float = 0.0
    #: Whether all of it was watched.
    seen: bool = True


class Watched:
    """One charge point: its simulator, what is known of it, and what has happened."""

    def __init__(self, point: SimulatedChargepoint, adapter: FimpSimulator) -> None:
        """Follow `point` from now on."""
        self.point = point
        self.adapter = adapter
        self.node: Chargepoint | None = None
        self.tracker = SessionTracker()
        self.happened: list[Happened] = []
        self.reported: list[tuple[SessionEvent, float]] = []
        self.visits: list[Visit] = []
        self.looks = self.compared = 0
        #: Since when the truth is as it is, and when it must be known at the latest.
        self.truth: object = None
        self.since = self.due = 0.0
        #: Since when everything between it and the hub has worked, infinite if it does not.
        self.linked_since = math.inf
        self.is_counted = False
        self._state, self._has_charged = point.state, False
        self._send = point.send_report
        point.send_report = self._reports  # type: ignore[method-assign]

    def follow(self, node: Chargepoint) -> None:
        """Feed the sessions with what the hub knows."""
        self.node = node
        node.add_listener(self._take)
        self._take(node.snapshot)

    def tick(self) -> None:
        """Let what is due at the sessions happen."""
        if self.node is not None:
            now = self.node.host.clock.now()
            self._keep(self.tracker.tick(now))

    def _take(self, snapshot: ChargepointSnapshot) -> None:
        if self.node is not None:
            self._keep(self.tracker.take(snapshot, self.node.host.clock.now()))

    def _keep(self, events: Iterable[SessionEvent]) -> None:
        self.reported += [(event, time.monotonic()) for event in events]

    def _reports(self, report: Report) -> None:
        """Note a change of the simulator before it is reported."""
        before, self._state = self._state, self.point.state
        if before != self._state:
            self._happen(before, self._state)
        self._send(report)

    def _happen(self, before: str, state: str) -> None:
        if before == _GONE:
            self._note(SessionEventType.CAR_CONNECTED)
            self._has_charged = False
            self.visits.append(Visit(datetime.now(UTC), seen=self._is_settled()))
        if state == _CHARGING:
            again = self._has_charged
            kinds = SessionEventType.CHARGING_STARTED, SessionEventType.CHARGING_RESUMED
            self._note(kinds[again])
            self._has_charged = True
        if state == _GONE:
            if self._has_charged:
                self._note(SessionEventType.SESSION_FINISHED)
            self._note(SessionEventType.CAR_DISCONNECTED)
            visit = self.visits[-1]
            visit.left, visit.energy = datetime.now(UTC), self.point.connector.energy
        elif before == _CHARGING:
            self._note(SessionEventType.CHARGING_PAUSED)

    def _note(self, what: SessionEventType) -> None:
        self.happened.append(Happened(what, time.monotonic(), self._is_settled()))

    def _is_settled(self) -> bool:
        return time.monotonic() - self.linked_since > FIRST_REPORTS_TIME + _RETURN

    def gap(self) -> None:
        """Something between it and the hub has failed."""
        self.linked_since = math.inf
        recent = time.monotonic() - _EVENT_TIME
        self.happened = [
            replace(each, expected=False) if each.at > recent else each for each in self.happened
        ]
        for visit in self.visits[-2:]:
            visit.seen &= visit.left is not None and (
                datetime.now(UTC) - visit.left > timedelta(seconds=_EVENT_TIME)
            )

    def wrong_events(self) -> Iterator[str]:
        """Yield the events that were missed or invented."""
        left = list(self.reported)
        for each in self.happened:
            match = next(
                (
                    other
                    for other in left
                    if other[0].event_type is each.what
                    and other[1] >= each.at
                    and (other[0].late or other[1] - each.at <= _EVENT_TIME)
                ),
                None,
            )
            if match is not None:
                left.remove(match)
            elif each.expected:
                yield f"missed {each.what} at {each.at:.1f}"
        for event, at in left:
            yield f"invented {event.event_type} at {at:.1f}{', late' if event.late else ''}"

    def wrong_records(self) -> Iterator[tuple[str, str]]:
        """Yield the records that are missing, invented or have a wrong energy."""
        left = [each for each in self.tracker.records if each.started is not None]
        for visit in self.visits:
            if visit.left is None:
                continue
            record = next((each for each in left if _is_same(each, visit)), None)
            if record is not None:
                left.remove(record)
            if record is None and visit.seen and visit.energy > _ENERGY_TOLERANCE:
                yield "missed records", f"no record of {visit}"
            elif record is not None and visit.seen and _is_wrong(record.energy, visit.energy):
                yield "energy differences", f"{record.energy} kWh instead of {visit.energy}"
        # The car that is still there may have been recorded when it stopped.
        for record in left:
            if not any(_is_same(record, visit) for visit in self.visits):
                yield "invented records", f"{record}"


def _is_same(record: SessionRecord, visit: Visit) -> bool:
    return record.started is not None and abs(record.started - visit.came) < timedelta(seconds=2)


class Soak:
    """The charge points, what is known of them, and what is wrong."""

    def __init__(
        self, hub: MqttHub, simulators: Iterable[FimpSimulator], broker: BrokerProcess
    ) -> None:
        """Watch from now on."""
        self.hub = hub
        self.broker = broker
        self.random = random.Random(1)  # noqa: S311
        self.counts: Counter[str] = Counter()
        self.errors: list[str] = []
        self.memory: list[tuple[float, int]] = []
        self.watched = [
            Watched(point, adapter) for adapter in simulators for point in adapter.points.values()
        ]
        #: Seconds until a change, or everything after a fault, was known.
        self.delays: list[float] = []
        self.returns: list[float] = []
        self._latest_look = 0.0
        self._waiting_most = 0
        self._disturbed = False
        self._hub_since = math.inf
        self._adapter_since: dict[FimpSimulator, float] = {}
        self._touched: dict[str, float] = {}
        self._commands: set[asyncio.Task[None]] = set()

    async def run(self, seconds: float) -> None:
        """Let everything happen for so long."""
        nodes = {address.rpartition("/")[2]: node for address, node in self.hub.nodes.items()}
        for each in self.watched:
            node = nodes[each.point.address]
            assert isinstance(node, Chargepoint)  # noqa: S101
            each.follow(node)
        async with asyncio.timeout(seconds + 120):
            end = time.monotonic() + seconds
            looking = asyncio.create_task(self._look())
            tasks = [asyncio.create_task(each) for each in (self._cars(), self._faults(end))]
            await asyncio.wait([*tasks, looking], timeout=seconds - _CALM)
            for task in (*tasks, looking):
                if task.done():
                    task.result()
            for task in tasks:
                task.cancel()
            # What happened last must be known, too.
            await asyncio.wait([looking], timeout=_CALM)
            looking.cancel()
            await asyncio.wait([*tasks, looking])
        for each in self.watched:
            for what in each.wrong_events():
                self.errors.append(f"{each.point.name}: {what}")
                self.counts[f"{what.partition(' ')[0]} events"] += 1
            for kind, what in each.wrong_records():
                self.errors.append(f"{each.point.name}: {what}")
                self.counts[kind] += 1

    async def _cars(self) -> None:
        while True:
            await asyncio.sleep(self.random.uniform(0, 2 * _CARS))
            watched = self.random.choice(self.watched)
            point, now = watched.point, time.monotonic()
            # Nobody plugs and unplugs within a moment.
            if now - self._touched.get(point.name, -math.inf) < _MOMENT:
                continue
            self._touched[point.name] = now
            if not point.connector.plugged:
                await point.plug()
                self.counts["plugged"] += 1
            elif self.random.random() < 0.3:  # noqa: PLR2004
                await point.unplug()
                self.counts["unplugged"] += 1
            elif self.hub.transport.connected and not self._disturbed:
                self._switch(watched)

    def _switch(self, watched: Watched) -> None:
        node, point = watched.node, watched.point
        if node is None:
            return
        # As somebody who presses a button does: without waiting for the end.
        command = node.stop_charging() if point.state == _CHARGING else node.start_charging()
        task = asyncio.create_task(command)
        self._commands.add(task)
        task.add_done_callback(self._ended)
        self.counts["commands"] += 1

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._commands.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.counts[type(error).__name__] += 1

    async def _faults(self, end: float) -> None:
        while True:
            await asyncio.sleep(self.random.uniform(0.5, 1.5) * _FAULTS)
            if time.monotonic() > end - 2 * _CALM:
                return await asyncio.sleep(math.inf)
            fault = self.random.choice(("stopped", "killed", "frozen", "charge point offline"))
            self.counts[fault] += 1
            if fault == "charge point offline":
                point = self.random.choice(self.watched).point
                await point.offline()
                await asyncio.sleep(self.random.uniform(3, 8))
                await point.online()
                continue
            self._disturbed = True
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
                    await asyncio.sleep(self.random.uniform(0, 8))
                    self.broker.resume()
            self._disturbed = False

    async def _look(self) -> None:
        looks, before = 0, time.monotonic()
        while True:
            await asyncio.sleep(_LOOK)
            looks, now = looks + 1, time.monotonic()
            self._latest_look = max(self._latest_look, now - before - _LOOK)
            before = now
            if looks % 40 == 1:
                gc.collect()
                self.memory.append((now, _memory()))
            is_up = self.hub.transport.connected and not self._disturbed
            self._hub_since = min(self._hub_since, now) if is_up else math.inf
            for adapter in {each.adapter: None for each in self.watched}:
                link = adapter._link  # noqa: SLF001
                is_up = link is not None and link._outbox is not None and not self._disturbed  # noqa: SLF001
                since = self._adapter_since.get(adapter, math.inf)
                self._adapter_since[adapter] = min(since, now) if is_up else math.inf
                self._waiting_most = max(self._waiting_most, _waiting(adapter))
            for each in self.watched:
                each.tick()
                self._compare(each, now)

    def _compare(self, each: Watched, now: float) -> None:
        point, known = each.point, each.node.snapshot if each.node else None
        adapter = self._adapter_since[each.adapter]
        linked = max(self._hub_since, adapter)
        if math.isinf(linked) or not point.reachable:
            each.gap()
        elif math.isinf(each.linked_since):
            late = adapter > self._hub_since + _FIRST_QUESTIONS
            each.linked_since, each.truth = now, None
            each.due = now + (_LATE_RETURN if late else _RETURN)
        each.looks += 1
        self.counts["comparisons"] += 1
        if not self.hub.transport.connected:
            truth: object = None
            what = "available without a connection" if known and known.available else ""
        elif math.isinf(linked):
            # Nobody can know it.
            self.counts["comparisons"] -= 1
            each.truth, each.since, each.due = None, now, math.inf
            return
        else:
            truth = point.reachable, point.state, point.connector.plugged
            what = _difference(point, known)
            each.compared += each.due <= now or not what
        if truth != each.truth:
            is_return = each.truth is None and truth is not None
            each.truth, each.since, each.is_counted = truth, now, False
            each.due = max(each.due if is_return else 0.0, now + _TOLERANCE)
        if not what:
            if not each.is_counted and truth is not None:
                returned = each.since - each.linked_since < _LOOK
                (self.returns if returned else self.delays).append(now - each.since)
            each.is_counted = True
        elif now > each.due:
            each.due = math.inf
            self.counts["state errors"] += 1
            self.errors.append(f"{point.name}: {what} since {now - each.since:.1f} s")

    def figures(self) -> dict[str, object]:
        """Return what has come of it."""
        shares = [100 * each.compared / max(1, each.looks) for each in self.watched]
        zeros = dict.fromkeys(_ERRORS, 0)
        return {
            **zeros,
            **self.counts,
            "events": sum(len(each.reported) for each in self.watched),
            "records": sum(len(each.tracker.records) for each in self.watched),
            "compared %": [round(mean(shares), 1), round(min(shares), 1)],
            "change known after s": _spread(self.delays),
            "all known after a fault s": _spread(self.returns),
            "latest look s": round(self._latest_look, 2),
            "messages waiting at an adapter": self._waiting_most,
            "messages": self.hub.received,
            "connections": self.hub.connections,
            "internal errors": self.hub.internal_errors.counts.total(),
            "memory kB a minute": round(_slope(self.memory) * 60),
        }


def _waiting(adapter: FimpSimulator) -> int:
    """Return how many messages of an adapter have not left yet."""
    link = adapter._link  # noqa: SLF001
    outbox = None if link is None else link._outbox  # noqa: SLF001
    return 0 if outbox is None else outbox.qsize()


def _spread(values: list[float]) -> list[float]:
    """Return the median and the highest value."""
    return [round(median(values), 1), round(max(values), 1)] if values else []


def _difference(point: SimulatedChargepoint, known: ChargepointSnapshot | None) -> str:
    """Return how the two differ, empty if they do not."""
    if not point.reachable:
        return "available while offline" if known is not None and known.available else ""
    if known is None or not known.available:
        return "not available"
    if known.status != point.state:
        return f"{known.status} instead of {point.state}"
    session, counted = known.meter.session_energy, point.connector.energy
    # While it charges, the report is always a little behind.
    is_still = point.connector.plugged and point.connector.power == 0
    if is_still and _is_wrong(session, counted):
        return f"{session} kWh instead of {counted}"
    return ""


def _is_wrong(energy: float | None, counted: float) -> bool:
    return energy is None or abs(energy - counted) > _ENERGY_TOLERANCE


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
    with TemporaryDirectory() as folder:
        broker = BrokerProcess(Path(folder, "broker"))
        broker.start()
        try:
            soak = asyncio.run(_soak(broker, options.points, options.minutes * 60))
        except TimeoutError:
            sys.exit("The charge points were not found, or the end was not reached in time")
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

    numbers = range(1, count + 1)
    setups = [ChargepointSetup(name=f"p{each}", address=f"{each}", wanted=1e6) for each in numbers]
    hub = MqttHub(source, options=_OPTIONS)
    hub.add_protocol("", FimpProtocol(hub, ""))
    async with AsyncExitStack() as stack:
        adapters = [
            FimpSimulator(
                Broker(HOST, broker.port),
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
                while not _is_complete(hub, count) or any(map(_waiting, adapters)):
                    await asyncio.sleep(0.5)
                    hub.admission.admit_all()
            soak = Soak(hub, adapters, broker)
            await soak.run(seconds)
        finally:
            await hub.stop()
    return soak


def _is_complete(hub: MqttHub, count: int) -> bool:
    """Whether all charge points have been found, and have reported their status."""
    snapshots = [each.snapshot for each in hub.nodes.values()]
    return len(snapshots) == count and all(each.available for each in snapshots)


if __name__ == "__main__":
    sys.exit(main())
