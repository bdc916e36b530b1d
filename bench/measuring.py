"""Measures one program of `bench.compare`, in a process of its own, with one fleet."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import batched
import json
from pathlib import Path
import statistics
import sys
from tempfile import TemporaryDirectory
import time
from typing import Any

import aiomqtt

from harness.broker import HOST
from tests.broker import mosquitto

from . import fleet
from .home import broker
from .publisher import Publisher, packet
from .scenarios import Figures, Scenario

_RATE = 200.0
_NATURAL_RATE = 2.0
#: Messages of a burst; core needs half a second for a thousand.
_BURST, _BURST_CORE = 20_000, 4000
#: Seconds in which this integration asks new charge points for everything, and gets no reply.
_SETTLING = 8.0
#: Seconds in which the wakes of the loop are counted, before the fleet comes and in its silence.
_BEFORE, _SILENCE = 5.0, 40.0
#: Minimum seconds of a load before it is measured, and seconds after that.
_LEAD, _REST = 2.0, 0.5
_SUBJECT_CORE, _OTHER_CORE = 0, 1
#: Charge points that are announced at once; of a thousand, some messages would be skipped.
_AT_ONCE = 501
#: A slow subscriber gets every message, so that all programs handle the same.
_BROKER = "max_queued_messages 0"
#: Seconds that one program may take with one fleet; 1000 charge points needed 180 when busy.
_PATIENCE = 300.0
#: Seconds that a failed program has to end on its own before it is killed.
_END_TIME = 5.0


class Subject:
    """A process that is measured."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        """Take a process that was started with pipes, and the file with its errors."""
        if process.stdin is None or process.stdout is None:
            raise ValueError(process)
        self._process, self._log = process, log
        self._input, self._output = process.stdin, process.stdout

    @classmethod
    async def start(cls, log: Path, kind: str, *arguments: object) -> Subject:
        """Start a program on its own core."""
        with log.open("wb") as errors:
            process = await asyncio.create_subprocess_exec(
                *("taskset", "-c", str(_SUBJECT_CORE), sys.executable, "-m", "bench.subject", kind),
                *map(str, arguments),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                limit=1 << 24,
            )
        return cls(process, log)

    async def line(self) -> dict[str, Any]:
        """Return what the process reports next.

        Raises:
            RuntimeError: it has ended.

        """
        while line := await self._output.readline():
            if line.startswith(b"{"):
                return dict(json.loads(line))
        code = await self._process.wait()
        errors = self._log.read_text(encoding="utf-8", errors="replace").split("\n")
        last = next((each for each in reversed(errors) if each.strip()), "no error was written")
        message = f"the program has ended with {code}: {last}"
        raise RuntimeError(message)

    async def ask(self, command: str) -> dict[str, Any]:
        """Return the answer to a command."""
        self._input.write(f"{command}\n".encode())
        return await self.line()

    async def settle(self) -> None:
        """Wait until nothing more follows from the discovery."""
        await asyncio.sleep(_SETTLING)
        await self.ask("measure")
        before, after = -1, 0
        while before != after:
            before, after = after, (await self.ask("result"))["changes"]

    async def end(self) -> None:
        """End the process."""
        self._input.close()
        await self._process.wait()

    async def abandon(self) -> None:
        """End the process if it still runs; show what it wrote as errors."""
        self._input.close()
        try:
            async with asyncio.timeout(_END_TIME):
                await self._process.wait()
        except TimeoutError:
            await _kill(self._process)
        sys.stderr.write(self._log.read_text(encoding="utf-8", errors="replace"))


async def _kill(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


@asynccontextmanager
async def _answering(port: int) -> AsyncIterator[None]:
    """Answer the requests of silent times, after which EVSEs would become unavailable."""

    async def answer() -> None:
        async for message in client.messages:
            found = fleet.reply(message.topic.value, message.payload)
            if found is not None:
                await client.publish(*found)

    async with aiomqtt.Client(HOST, port) as client:
        await client.subscribe([(each, 0) for each in fleet.QUESTIONS])
        task = asyncio.create_task(answer())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])


async def measure(scenario: Scenario, kind: str, seconds: float, figures: Figures) -> None:
    """Add the figures of one program in a scenario to `figures`, each as soon as it is known.

    Raises:
        TimeoutError: it took too long.
        RuntimeError: the program has ended, or a figure would be wrong.

    """
    with (
        broker(_BROKER if mosquitto() else "") as process,
        TemporaryDirectory(ignore_cleanup_errors=True) as folder,
    ):
        arguments: list[object] = [process.port, scenario.protocol, scenario.charge_points]
        if scenario.recorder:
            arguments += ["--recorder", Path(folder, "states.db")]
        arguments += ["--sites", scenario.sites]
        subject = await Subject.start(Path(folder, "errors"), kind, *arguments)
        try:
            async with asyncio.timeout(_PATIENCE), _answering(process.port):
                await _Measured(subject, kind, process.port, scenario, figures).run(seconds)
        except TimeoutError as error:
            message = f"it took longer than {_PATIENCE:.0f} s"
            raise TimeoutError(message) from error
        finally:
            await subject.abandon()


@dataclass
class _Measured:
    """A program, its broker and its fleet."""

    subject: Subject
    kind: str
    port: int
    scenario: Scenario
    figures: Figures

    async def run(self, seconds: float) -> None:
        """Run the loads of the scenario."""
        subject, loads, figures = self.subject, self.scenario.loads, self.figures
        before = await subject.line()
        figures["start"] = before["cpu"]
        is_silence_counted = "silence" in loads and self.kind == "default"
        quiet = await subject.ask(f"wakes {_BEFORE}") if is_silence_counted else {}
        await self._find_fleet(before["kB"])
        if self.kind in ("equal", "default"):
            await subject.settle()
        if is_silence_counted:
            silent = await subject.ask(f"wakes {_SILENCE}")
            # Home Assistant and the connection wake it, too.
            figures["wakes"] = silent["wakes"] - quiet["wakes"]
        await self._rates(seconds)
        wrong = ""
        if "latency" in loads and self.kind != "floor":
            probes = ("--rate", _RATE, "--seconds", seconds, "--probe")
            last, sent = await self._load(_RATE * seconds, *probes)
            if len(sent) == len(last["arrivals"]):
                figures |= _latency(sent, last["arrivals"])
            else:
                wrong = f"latency: {len(sent)} reports, {len(last['arrivals'])} changes"
        if "burst" in loads:
            # The last one: after lost events, everything is requested again.
            await self._burst()
        await subject.end()
        if wrong:
            raise RuntimeError(wrong)

    async def _find_fleet(self, kilobytes: float) -> None:
        """Add the fleet to a program that has occupied this much memory."""
        charge_points, figures = self.scenario.charge_points, self.figures
        found = await _discover(self.subject, self.kind, self.port, self.scenario)
        entities, grown = found.get("entities", 0), found["kB"] - kilobytes
        if not self.scenario.recorder:
            # The database has memory of its own.
            figures["kB"] = grown / charge_points
        if entities:
            figures["entities"] = entities
            if "kB" in figures:
                figures["kB_entity"] = grown / entities
            if not found["known_at"]:
                message = "no entity has a value"
                raise RuntimeError(message)
            figures["discovery"] = found["known_at"] - found["start"]

    async def _rates(self, seconds: float) -> None:
        """Publish at steady rates, and measure from one moment to another."""
        loads, figures = self.scenario.loads, self.figures
        natural = _NATURAL_RATE * self.scenario.charge_points
        rates = {"steady": _RATE, "natural": natural}
        # Both are the same with 100 charge points: once is enough.
        for rate in {rates[name] for name in loads if name in rates}:
            await self.subject.ask("measure")
            # Whoever has not published before is asked, which is not part of the load.
            lead = max(_LEAD, self.scenario.charge_points / rate)
            length = lead + seconds + _REST
            load = asyncio.create_task(self._publish("--rate", rate, "--seconds", length))
            try:
                await asyncio.sleep(lead)
                before = await self.subject.ask("now")
                await asyncio.sleep(seconds)
                after = await self.subject.ask("now")
                await load
            finally:
                load.cancel()
            passed = after["at"] - before["at"]
            core = (after["cpu"] - before["cpu"]) / passed
            if "changes" in after:
                _check_work(before, after)
                figures["changes"] = (after["changes"] - before["changes"]) / passed / rate
            figures["steady" if rate == _RATE else "natural"] = core / rate * 1e6
            if rate == natural:
                figures["core"] = core
                if self.scenario.recorder:
                    rows = await self.subject.ask(f"rows {before['date']} {after['date']}")
                    figures["rows"] = rows["rows"] / passed
            await self.subject.ask("result")

    async def _burst(self) -> None:
        """Publish many messages at once."""
        received = (await self.subject.ask("now")).get("messages")
        burst = _BURST_CORE if self.kind == "core" else _BURST
        last, (start,) = await self._load(burst, "--burst", burst)
        self.figures |= {"burst": last["us"], "drained": burst / (last["end"] - start)}
        if received is not None:
            # In an overload, this integration leaves out what a newer message replaces.
            self.figures["handled"] = (last["messages"] - received) / burst

    async def _load(
        self, messages: float, *arguments: object
    ) -> tuple[dict[str, Any], list[float]]:
        """Publish; return the CPU time and when messages were sent."""
        await self.subject.ask("measure")
        sent = await self._publish(*arguments)
        result = await self.subject.ask("result")
        return result | {"us": result["cpu"] / messages * 1e6}, sent

    async def _publish(self, *arguments: object) -> list[float]:
        fleet_of = (self.scenario.protocol, self.scenario.charge_points)
        return await _publish(self.port, *fleet_of, *arguments, "--sites", self.scenario.sites)


def _check_work(before: dict[str, Any], after: dict[str, Any]) -> None:
    """Raise RuntimeError if a program did something else than handling the load."""
    for key, what in (("entities", "were added"), ("lost", "became unavailable")):
        if number := after[key] - before[key]:
            message = f"{number} entities {what} meanwhile"
            raise RuntimeError(message)


async def _discover(subject: Subject, kind: str, port: int, scenario: Scenario) -> dict[str, Any]:
    """Announce the fleet, and one charge point that the latency is measured with."""
    protocol, numbers = scenario.protocol, range(1, scenario.charge_points + 2)
    await subject.ask("measure")
    publisher, start = Publisher(port), time.monotonic()
    if kind == "core":
        for number in numbers:
            for message in _configurations(protocol, number):
                publisher.send(packet(message, retain=True))
        # Values are not retained; they have to come after the entities.
        waited = await subject.ask("result")
        # Not the time that it took to see that it was idle.
        start += time.monotonic() - waited["end"]
    found: dict[str, Any] = {"entities": 0}
    for batch in batched(numbers, _AT_ONCE, strict=False):
        for number in batch:
            for message in fleet.announcement(protocol, number):
                publisher.send(packet(fleet.at_site(message, number, scenario.sites)))
        known, found = found, await subject.ask("result")
        # On a busy machine, a program that waits for its turn looks idle.
        while found.get("entities", 0) > known["entities"]:
            known, found = found, await subject.ask("result")
    publisher.close()
    return found | {"start": start}


def _configurations(protocol: str, number: int) -> Iterable[fleet.Message]:
    """Yield the discovery messages of Home Assistant's MQTT integration."""
    for sensor in fleet.sensors(protocol, number):
        config = {
            "name": sensor.name,
            "state_topic": sensor.topic,
            "value_template": sensor.template,
            "unique_id": f"bench_{number}_{sensor.name}",
            "default_entity_id": f"sensor.bench_{number}_{sensor.name}",
            "device": {"identifiers": [f"bench_{number}"], "name": f"Bench {number}"},
        }
        if sensor.unit:
            config |= {"unit_of_measurement": sensor.unit, "state_class": "measurement"}
        topic = f"homeassistant/sensor/bench_{number}/{sensor.name}/config"
        yield topic, json.dumps(config).encode()


async def _publish(port: int, protocol: str, charge_points: int, *arguments: object) -> list[float]:
    process = await asyncio.create_subprocess_exec(
        *("taskset", "-c", str(_OTHER_CORE), sys.executable, "-m", "bench.publisher", str(port)),
        *(protocol, str(charge_points), *map(str, arguments)),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        output, _ = await process.communicate()
    finally:
        await _kill(process)
    if process.returncode:
        message = f"the publisher has ended with {process.returncode}"
        raise RuntimeError(message)
    return list(json.loads(output))


def _latency(sent: Sequence[float], arrivals: Sequence[float]) -> Figures:
    """Return milliseconds; each status report changes the state once."""
    waits = [(there - here) * 1000 for here, there in zip(sent, arrivals, strict=False)]
    if not waits:
        return {}
    percentiles = statistics.quantiles(waits, n=100, method="inclusive")
    return {"p50": percentiles[49], "p99": percentiles[98], "max": max(waits)}
