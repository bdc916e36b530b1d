"""Compares what a fleet of charge points costs: this integration, core's mqtt, a bare client.

Each program runs in a process of its own, alone on the first core, with the same messages from
the same broker: `core` is Home Assistant's MQTT integration with twelve template sensors for each
charge point, `equal` this integration with no update interval, `default` with its default
options, `floor` aiomqtt and orjson without any integration.

    scripts/bench                          everything; takes about an hour
    scripts/bench --short                  100 charge points, one run; under 5 minutes
    scripts/bench --charge-points 10 500 --protocol fimp --json FILE
"""

import argparse
import asyncio
from collections.abc import Iterable, Mapping
import json
import os
from pathlib import Path
import statistics
import sys
from tempfile import TemporaryDirectory
import time
from typing import Any

from . import fleet
from .home import broker
from .publisher import Publisher, packet
from .subject import KINDS

type Figures = dict[str, float]

_RATE = 200.0
_NATURAL_RATE = 2.0
_BURST = 20_000
_SUBJECT_CORE, _OTHER_CORE = 0, 1

#: What is compared: figure -> its name, and its unit.
FIGURES = {
    "burst": ("CPU per message, burst", "us"),
    "drained": ("messages per second, burst", "/s"),
    "handled": ("share of the burst that no newer message replaced", ""),
    "steady": ("CPU per message, 200/s", "us"),
    "natural": ("CPU per message, 2/s for each charge point", "us"),
    "core": ("core used at that rate", ""),
    "p50": ("latency, median", "ms"),
    "p99": ("latency, 99 %", "ms"),
    "max": ("latency, maximum", "ms"),
    "discovery": ("from discovery until all states are true", "s"),
    "entities": ("entities", ""),
    "unknown": ("entities without a state", ""),
    "kB": ("memory per charge point", "kB"),
    "kB_entity": ("memory per entity", "kB"),
    "changes": ("state changes per second, natural rate", "/s"),
    "rows": ("database rows per hour, natural rate", ""),
}

#: Ratios that are to be reached: figure, of what, to what, at most.
TARGETS = (
    ("burst", "equal", "core", 0.4),
    ("steady", "equal", "core", 0.85),
    ("natural", "equal", "core", 0.8),
    ("burst", "default", "floor", 2.0),
    ("steady", "default", "floor", 1.4),
    ("natural", "default", "floor", 1.4),
    ("kB_entity", "equal", "core", 0.45),
    ("discovery", "default", "core", 0.5),
    ("p50", "equal", "core", 1.0),
    ("p99", "equal", "core", 1.0),
)


class Subject:
    """A process that is measured."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        """Take a process that was started with pipes."""
        if process.stdin is None or process.stdout is None:
            raise ValueError(process)
        self._process = process
        self._input, self._output = process.stdin, process.stdout

    @classmethod
    async def start(cls, kind: str, *arguments: object) -> Subject:
        """Start a program on its own core."""
        process = await asyncio.create_subprocess_exec(
            *("taskset", "-c", str(_SUBJECT_CORE), sys.executable, "-m", "bench.subject", kind),
            *map(str, arguments),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=1 << 24,
        )
        return cls(process)

    async def line(self) -> dict[str, Any]:
        """Return what the process reports next.

        Raises:
            RuntimeError: it has ended.

        """
        async with asyncio.timeout(300):
            while line := await self._output.readline():
                if line.startswith(b"{"):
                    return dict(json.loads(line))
        message = "a program that is measured has ended"
        raise RuntimeError(message)

    async def ask(self, command: str) -> dict[str, Any]:
        """Return the answer to a command."""
        self._input.write(f"{command}\n".encode())
        return await self.line()

    async def end(self, *, has_database: bool) -> dict[str, Any]:
        """End the process; return its last words."""
        self._input.close()
        last = await self.line() if has_database else {}
        await self._process.wait()
        return last


async def measure(
    kind: str, protocol: str, charge_points: int, seconds: float, *, recorder: bool
) -> Figures:
    """Return the figures of one program with one fleet."""
    with broker() as port, TemporaryDirectory() as folder:
        database = ["--recorder", str(Path(folder, "states.db"))] if recorder else []
        subject = await Subject.start(kind, port, protocol, charge_points, *database)
        before = await subject.line()
        found = await _discover(subject, kind, port, protocol, charge_points)
        entities, grown = found.get("entities", 0), found["kB"] - before["kB"]
        figures: Figures = {
            "discovery": found["end"] - found["start"],
            "kB": grown / charge_points,
            "entities": entities,
            "kB_entity": grown / entities if entities else 0,
        }

        async def load(*arguments: object) -> tuple[dict[str, Any], list[float]]:
            await subject.ask("measure")
            sent = await _publish(port, protocol, charge_points, *arguments)
            return await subject.ask("result"), sent

        steady, sent = await load("--rate", _RATE, "--seconds", seconds)
        figures["steady"] = steady["cpu"] / (_RATE * seconds) * 1e6
        if arrivals := steady.get("arrivals"):
            figures |= _latency(sent, arrivals)
        rate = _NATURAL_RATE * charge_points
        natural, _ = await load("--rate", rate, "--seconds", seconds)
        figures["natural"] = natural["cpu"] / (rate * seconds) * 1e6
        figures["core"] = natural["cpu"] / seconds
        if kind != "floor":
            figures["changes"] = (natural["changes"] - steady["changes"]) / seconds
            figures["unknown"] = natural["unknown"]
        if recorder:
            last = await subject.end(has_database=True)
            figures["rows"] = last["rows"]
            return figures
        flood, (start,) = await load("--burst", _BURST)
        figures["burst"] = flood["cpu"] / _BURST * 1e6
        figures["drained"] = _BURST / (flood["end"] - start)
        if kind != "core":
            # In an overload, this integration leaves out what a newer message replaces.
            figures["handled"] = (flood["messages"] - natural["messages"]) / _BURST
        await subject.end(has_database=False)
        return figures


async def _discover(
    subject: Subject, kind: str, port: int, protocol: str, charge_points: int
) -> dict[str, Any]:
    """Announce the fleet, and one charge point that the latency is measured with."""
    numbers = range(1, charge_points + 2)
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
    for number in numbers:
        for message in fleet.announcement(protocol, number):
            publisher.send(packet(message))
    publisher.close()
    return await subject.ask("result") | {"start": start}


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
    output, _ = await process.communicate()
    return list(json.loads(output))


def _latency(sent: list[float], arrivals: list[float]) -> Figures:
    """Return milliseconds; each status report changes the state once."""
    waits = [(there - here) * 1000 for here, there in zip(sent, arrivals, strict=False)]
    percentiles = statistics.quantiles(waits, n=100, method="inclusive")
    return {"p50": percentiles[49], "p99": percentiles[98], "max": max(waits)}


def medians(runs: list[Figures]) -> dict[str, tuple[float, float]]:
    """Return the median of each figure, and its spread as a share of that."""
    found = {}
    for key in FIGURES:
        if values := [run[key] for run in runs if key in run]:
            middle = statistics.median(values)
            found[key] = middle, (max(values) - min(values)) / middle if middle else 0.0
    return found


def table(found: Mapping[str, Mapping[str, tuple[float, float]]]) -> str:
    """Return the figures of each program, and the ratios with their targets, as Markdown."""
    kinds = list(found)
    lines = ["| | " + " | ".join(kinds) + " |", "|---" * (len(kinds) + 1) + "|"]
    for key, (name, unit) in FIGURES.items():
        cells = [
            f"{found[kind][key][0]:.4g} {unit} ±{found[kind][key][1] / 2:.0%}".replace("  ", " ")
            if key in found[kind]
            else "-"
            for kind in kinds
        ]
        if set(cells) != {"-"}:
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines += ["", "| ratio | measured | target | |", "|---|---|---|---|"]
    for key, ours, theirs, target in TARGETS:
        if key in found.get(ours, {}) and key in found.get(theirs, {}):
            ratio = found[ours][key][0] / found[theirs][key][0]
            verdict = "reached" if ratio <= target else "**missed**"
            lines.append(
                f"| {FIGURES[key][0]}: {ours} / {theirs} | {ratio:.2f} | {target:g} | {verdict} |"
            )
    return "\n".join(lines)


def spoiled() -> list[str]:
    """Return what on this machine would make the figures worthless."""
    import ulid_transform  # noqa: PLC0415

    found = []
    if "_py_ulid_impl" in ulid_transform.ulid_now.__module__:
        found.append("ulid_transform has no extension: each state change costs core more")
    if os.cpu_count() == 1:
        found.append("there is one core: the broker and the publisher disturb what is measured")
    if os.getloadavg()[0] > 1:
        found.append("the machine is busy with something else")
    return found


async def compare(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run everything and print a table for each fleet."""
    results: dict[str, Any] = {"spoiled": spoiled()}
    for text in results["spoiled"]:
        print(f"Warning: {text}", file=sys.stderr)
    for protocol in arguments.protocol:
        for charge_points in arguments.charge_points:
            runs: dict[str, list[Figures]] = {kind: [] for kind in arguments.kind}
            for _ in range(arguments.runs):
                # In turn, so that a slow minute of the machine is no one's disadvantage.
                for kind in arguments.kind:
                    runs[kind].append(
                        await measure(
                            kind,
                            protocol,
                            charge_points,
                            arguments.seconds,
                            recorder=arguments.recorder,
                        )
                    )
            title = f"{protocol}, {charge_points} charge points"
            results[title] = runs
            print(f"\n### {title}\n", flush=True)
            print(table({kind: medians(found) for kind, found in runs.items()}), flush=True)
    return results


def main() -> int:
    """Measure, and print tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--short", action="store_true", help="100 charge points, one run")
    parser.add_argument("--charge-points", type=int, nargs="+", default=[1, 10, 100, 500, 1000])
    parser.add_argument("--protocol", nargs="+", choices=fleet.PROTOCOLS, default=fleet.PROTOCOLS)
    parser.add_argument("--kind", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each rate")
    parser.add_argument("--recorder", action="store_true", help="with a database; no burst")
    parser.add_argument("--json", type=Path, help="also write all figures to this file")
    arguments = parser.parse_args()
    if arguments.short:
        arguments.charge_points, arguments.protocol = [100], ["everest"]
        arguments.runs, arguments.seconds = 1, min(arguments.seconds, 10.0)
    results = asyncio.run(compare(arguments))
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
