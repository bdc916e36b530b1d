"""Compares what a fleet of charge points costs: this integration, core's mqtt, a bare client.

Each program runs in a process of its own, alone on the first core, with the same messages from
the same broker: `core` is Home Assistant's MQTT integration with twelve template sensors for each
charge point, `equal` this integration with the same twelve values and no update interval,
`default` with its default options, `floor` aiomqtt and orjson without any integration.

    scripts/bench                          all targets; about 20 minutes
    scripts/bench --short                  100 charge points, one run; under 5 minutes
    scripts/bench --markdown docs/performance.md
    scripts/bench --charge-points 1 500 --protocol mixed --json FILE
"""

import argparse
import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
import json
import os
from pathlib import Path
import statistics
import sys
from tempfile import TemporaryDirectory
import time
from typing import Any

from homeassistant.const import __version__ as home_assistant_version

from tests.broker import mosquitto

from . import fleet
from .home import broker
from .publisher import Publisher, packet
from .subject import KINDS

type Figures = dict[str, float]
#: The runs of each kind, by the title of the scenario.
type Results = dict[str, dict[str, list[Figures]]]

_RATE = 200.0
_NATURAL_RATE = 2.0
#: Messages of a burst; core needs half a second for a thousand.
_BURST, _BURST_CORE = 20_000, 4000
#: Seconds in which this integration asks new charge points for everything, and gets no reply.
_SETTLING = 8.0
#: Seconds in which the wakes of the loop are counted, before the fleet comes and in its silence.
_BEFORE, _SILENCE = 5.0, 40.0
_SUBJECT_CORE, _OTHER_CORE = 0, 1
#: A slow subscriber gets every message, so that all programs handle the same.
_BROKER = "max_queued_messages 0"
#: What the tables of a file are written between.
_BEGIN, _END = "<!-- bench: begin -->", "<!-- bench: end -->"

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
    "start": ("CPU to start", "s"),
    "discovery": ("from discovery until all states are true", "s"),
    "entities": ("entities", ""),
    "unknown": ("entities without a state", ""),
    "kB": ("memory per charge point", "kB"),
    "kB_entity": ("memory per entity", "kB"),
    "changes": ("state changes per second, natural rate", "/s"),
    "rows": ("database rows of states, natural rate", ""),
    "wakes": ("wakes of the loop per second in silence", "/s"),
}


@dataclass(frozen=True)
class Scenario:
    """A fleet, the programs that are compared with it, and what it does."""

    protocol: str
    charge_points: int
    kinds: Sequence[str] = KINDS
    loads: Sequence[str] = ("steady", "natural", "latency", "burst")
    recorder: bool = False
    sites: int = 0

    @property
    def title(self) -> str:
        """The title of its table."""
        extra = ", recorder" if self.recorder else ""
        extra += ", silent" if self.loads == ("silence",) else ""
        extra += f", {self.sites} sites" if self.sites else ""
        return f"{self.protocol}, {self.charge_points} charge points{extra}"


_EVEREST, _FIMP = Scenario("everest", 100), Scenario("fimp", 100)
_FEW = Scenario("everest", 10, ("default",), ("steady",))
_MANY = Scenario("everest", 1000, ("default",), ("steady",))
_DISCOVERY = Scenario("everest", 500, ("core", "default"), ())
_RECORDER = Scenario("everest", 100, ("core", "default"), ("natural",), recorder=True)
_SILENT = Scenario("everest", 100, ("default",), ("silence",))
#: What covers all targets.
SCENARIOS = (_EVEREST, _FIMP, _FEW, _MANY, _DISCOVERY, _RECORDER, _SILENT)


@dataclass(frozen=True)
class Target:
    """A figure, or a ratio of one, that is to be reached."""

    figure: str
    ours: tuple[Scenario, str]
    limit: float
    theirs: tuple[Scenario, str] | None = None
    at_least: bool = False

    @property
    def text(self) -> str:
        """What is measured."""
        name = FIGURES[self.figure][0]
        scenario, kind = self.ours
        if self.theirs is None:
            return f"{name}: {kind} ({scenario.title})"
        other, other_kind = self.theirs
        if other is scenario:
            return f"{name}: {kind} / {other_kind} ({scenario.title})"
        return f"{name}: {kind}, {scenario.charge_points} / {other.charge_points} charge points"

    def measured(self, results: Results) -> list[float]:
        """Return the values of all runs; empty if it was not measured."""
        ours = _values(results, self.ours, self.figure)
        if self.theirs is None:
            return ours
        theirs = _values(results, self.theirs, self.figure)
        # What was measured in the same round is compared.
        return [one / other for one, other in zip(ours, theirs, strict=False) if other]


def _values(results: Results, whose: tuple[Scenario, str], figure: str) -> list[float]:
    scenario, kind = whose
    runs = results.get(scenario.title, {}).get(kind, ())
    return [run[figure] for run in runs if figure in run]


def _ratios(scenario: Scenario) -> Iterable[Target]:
    """Yield the targets of a fleet of 100 charge points."""
    equal, default = (scenario, "equal"), (scenario, "default")
    core, floor = (scenario, "core"), (scenario, "floor")
    yield Target("burst", equal, 0.4, core)
    yield Target("steady", equal, 0.85, core)
    yield Target("natural", equal, 0.8, core)
    yield Target("burst", default, 2.0, floor)
    yield Target("steady", default, 1.4, floor)
    yield Target("natural", default, 1.4, floor)
    yield Target("drained", default, 20_000, at_least=True)
    yield Target("kB_entity", equal, 0.45, core)
    for ours in (equal, default):
        yield Target("p50", ours, 1.0, core)
        yield Target("p99", ours, 1.0, core)


TARGETS = (
    *_ratios(_EVEREST),
    *_ratios(_FIMP),
    Target("core", (_RECORDER, "default"), 0.2, (_RECORDER, "core")),
    Target("rows", (_RECORDER, "default"), 0.2, (_RECORDER, "core")),
    Target("steady", (_MANY, "default"), 1.2, (_FEW, "default")),
    Target("discovery", (_DISCOVERY, "default"), 0.5, (_DISCOVERY, "core")),
    Target("wakes", (_SILENT, "default"), 1.0),
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

    async def settle(self) -> None:
        """Wait until nothing more follows from the discovery."""
        await asyncio.sleep(_SETTLING)
        await self.ask("measure")
        await self.ask("result")

    async def end(self, *, has_database: bool) -> dict[str, Any]:
        """End the process; return its last words."""
        self._input.close()
        last = await self.line() if has_database else {}
        await self._process.wait()
        return last


async def measure(scenario: Scenario, kind: str, seconds: float) -> Figures:  # noqa: C901
    """Return the figures of one program in a scenario."""
    protocol, charge_points = scenario.protocol, scenario.charge_points
    with broker(_BROKER if mosquitto() else "") as port, TemporaryDirectory() as folder:
        database = ["--recorder", str(Path(folder, "states.db"))] if scenario.recorder else []
        sites = ("--sites", scenario.sites)
        subject = await Subject.start(kind, port, protocol, charge_points, *database, *sites)
        before = await subject.line()
        figures: Figures = {"start": before["cpu"]}
        if "silence" in scenario.loads:
            quiet = await subject.ask(f"wakes {_BEFORE}")
        found = await _discover(subject, kind, port, scenario)
        entities, grown = found.get("entities", 0), found["kB"] - before["kB"]
        figures |= {"kB": grown / charge_points}
        if entities:
            figures |= {"entities": entities, "kB_entity": grown / entities}
            figures |= {"discovery": found["known_at"] - found["start"]}
        last = found
        if kind in ("equal", "default"):
            await subject.settle()

        async def load(messages: float, *arguments: object) -> tuple[dict[str, Any], list[float]]:
            await subject.ask("measure")
            sent = await _publish(port, protocol, charge_points, *arguments, *sites)
            result = await subject.ask("result")
            return result | {"us": result["cpu"] / messages * 1e6}, sent

        rate = _NATURAL_RATE * charge_points
        rates = {"steady": _RATE, "natural": rate}
        # Both are the same with 100 charge points: once is enough.
        for number in {rates[name] for name in scenario.loads if name in rates}:
            changes = last.get("changes")
            last, _ = await load(number * seconds, "--rate", number, "--seconds", seconds)
            if number == _RATE:
                figures |= {"steady": last["us"]}
            if number == rate:
                figures |= {"natural": last["us"], "core": last["cpu"] / seconds}
                if changes is not None:
                    figures |= {"changes": (last["changes"] - changes) / seconds}
                    figures |= {"unknown": last["unknown"]}
        if "latency" in scenario.loads and kind != "floor":
            probes = ("--rate", _RATE, "--seconds", seconds, "--probe")
            last, sent = await load(_RATE * seconds, *probes)
            figures |= _latency(sent, last["arrivals"])
        if "burst" in scenario.loads:
            received = last.get("messages")
            burst = _BURST_CORE if kind == "core" else _BURST
            last, (start,) = await load(burst, "--burst", burst)
            figures |= {"burst": last["us"], "drained": burst / (last["end"] - start)}
            if received is not None:
                # In an overload, this integration leaves out what a newer message replaces.
                figures["handled"] = (last["messages"] - received) / burst
        if "silence" in scenario.loads:
            silent = await subject.ask(f"wakes {_SILENCE}")
            # Home Assistant and the connection wake it, too.
            figures["wakes"] = silent["wakes"] - quiet["wakes"]
        ended = await subject.end(has_database=scenario.recorder)
        return figures | ({"rows": ended["rows"]} if scenario.recorder else {})


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
    for number in numbers:
        for message in fleet.announcement(protocol, number):
            publisher.send(packet(fleet.at_site(message, number, scenario.sites)))
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


def _latency(sent: Sequence[float], arrivals: Sequence[float]) -> Figures:
    """Return milliseconds; each status report changes the state once."""
    waits = [(there - here) * 1000 for here, there in zip(sent, arrivals, strict=False)]
    if not waits:
        return {}
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
    """Return the figures of each program as Markdown."""
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
    return "\n".join(lines)


def targets(results: Results) -> str:
    """Return the targets that were measured, as Markdown."""
    lines = ["| target | median | lowest to highest | | |", "|---|---|---|---|---|"]
    for target in TARGETS:
        if values := target.measured(results):
            middle = statistics.median(values)
            is_met = middle >= target.limit if target.at_least else middle <= target.limit
            sign = "≥" if target.at_least else "≤"
            lines.append(
                f"| {target.text} | {middle:.5g} | {min(values):.3g} to {max(values):.3g} "
                f"| {sign} {target.limit:g} | {'met' if is_met else '**missed**'} |"
            )
    return "\n".join(lines)


def document(results: Results, notes: Sequence[str]) -> str:
    """Return all tables, with `notes` on how they came about, as Markdown."""
    parts = ["\n".join(f"* {note}" for note in notes), "### Targets", targets(results)]
    for title, runs in results.items():
        measured = {kind: medians(found) for kind, found in runs.items() if found}
        parts += [f"### {title}", table(measured)]
    return "\n\n".join(parts)


def write(file: Path, text: str) -> None:
    """Replace what is between the markers of a file.

    Raises:
        ValueError: the file has no markers.

    """
    before, begin, rest = file.read_text(encoding="utf-8").partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        message = f"{file} has no {_BEGIN} followed by {_END}"
        raise ValueError(message)
    file.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")


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


async def compare(scenarios: Sequence[Scenario], runs: int, seconds: float) -> Results:
    """Measure everything, in rounds: a slow minute of the machine is nobody's disadvantage."""
    results: Results = {each.title: {kind: [] for kind in each.kinds} for each in scenarios}
    for number in range(1, runs + 1):
        for scenario in scenarios:
            for kind in scenario.kinds:
                print(f"{number}/{runs}: {scenario.title}: {kind}", file=sys.stderr, flush=True)
                figures = await measure(scenario, kind, seconds)
                results[scenario.title][kind].append(figures)
    return results


def main() -> int:
    """Measure, and print tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--short", action="store_true", help="100 charge points, one run")
    parser.add_argument("--charge-points", type=int, nargs="+", help="instead of all targets")
    parser.add_argument("--protocol", nargs="+", choices=fleet.PROTOCOLS, default=["everest"])
    parser.add_argument("--kind", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--recorder", action="store_true", help="with a database; no burst")
    parser.add_argument("--sites", type=int, default=0, help="each with a topic prefix; not core")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=6.0, help="of each rate")
    parser.add_argument("--json", type=Path, help="also write all figures to this file")
    parser.add_argument("--markdown", type=Path, help=f"also write the tables after {_BEGIN}")
    arguments = parser.parse_args()
    scenarios: Sequence[Scenario] = SCENARIOS
    if arguments.short:
        scenarios, arguments.runs = (_EVEREST, _FEW), 1
    elif arguments.charge_points:
        loads = ("natural",) if arguments.recorder else _EVEREST.loads
        scenarios = [
            Scenario(protocol, number, arguments.kind, loads, arguments.recorder, arguments.sites)
            for protocol in arguments.protocol
            for number in arguments.charge_points
        ]
    warnings = spoiled()
    for text in warnings:
        print(f"Warning: {text}", file=sys.stderr)
    start = time.monotonic()
    results = asyncio.run(compare(scenarios, arguments.runs, arguments.seconds))
    minutes = (time.monotonic() - start) / 60
    machine = f"{os.cpu_count()} cores, Python {sys.version.split()[0]}"
    version = f"Home Assistant {home_assistant_version}"
    made = f"{arguments.runs} runs in {minutes:.0f} minutes"
    notes = [f"{time.strftime('%Y-%m-%d')}: {machine}, {version}; {made}"]
    notes += [f"Warning: {text}" for text in warnings]
    text = document(results, notes)
    print(text)
    if arguments.json:
        found = {"notes": notes, "results": results}
        arguments.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    if arguments.markdown:
        write(arguments.markdown, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
