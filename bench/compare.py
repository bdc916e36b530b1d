"""Compares what a fleet of charge points costs: this integration, core's mqtt, a bare client.

Each program runs in a process of its own, alone on the first core, with the same messages from
the same broker: `core` is Home Assistant's MQTT integration with twelve template sensors for each
charge point, `equal` this integration with the same twelve values and no update interval,
`default` with its default options, `floor` aiomqtt and orjson without any integration.

What fails is listed as not measured, and the others go on. The files are written after each
program: an interruption loses nothing of what came before.

    scripts/bench                          all targets; about 8 minutes for each of three runs
    scripts/bench --short                  100 charge points, one run; under 5 minutes
    scripts/bench --markdown docs/performance.md
    scripts/bench --charge-points 1 500 --protocol mixed --json FILE
"""

import argparse
import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
import json
import os
from pathlib import Path
import signal
import sys
import time

from homeassistant.const import __version__ as home_assistant_version

from . import fleet
from .measuring import measure
from .results import Results, reason_of
from .scenarios import EVEREST, FEW, SCENARIOS, Figures, Scenario
from .subject import KINDS
from .tables import BEGIN, document, outside, write


def spoiled() -> list[str]:
    """Return the conditions of this machine that make the figures useless."""
    import ulid_transform  # noqa: PLC0415

    found = []
    if "_py_ulid_impl" in ulid_transform.ulid_now.__module__:
        found.append("ulid_transform has no extension: each state change costs core more")
    if os.cpu_count() == 1:
        found.append("there is one core: the broker and the publisher disturb what is measured")
    if os.getloadavg()[0] > 1:
        found.append("the machine is busy with something else")
    return found


@dataclass
class Report:
    """Writes the results, again after each program."""

    runs: int
    warnings: Sequence[str]
    json: Path | None
    markdown: Path | None
    _start: float = field(default_factory=time.monotonic)

    def notes(self) -> list[str]:
        """Return the conditions of the measurement."""
        minutes = (time.monotonic() - self._start) / 60
        machine = f"{os.cpu_count()} cores, Python {sys.version.split()[0]}"
        version = f"Home Assistant {home_assistant_version}"
        made = f"{self.runs} runs in {minutes:.0f} minutes"
        date = time.strftime("%Y-%m-%d")
        return [
            f"{date}: {machine}, {version}; {made}",
            *(f"Warning: {text}" for text in self.warnings),
        ]

    def save(self, results: Results, *, is_complete: bool = False) -> str:
        """Write the requested files; return the tables."""
        notes = self.notes()
        if not is_complete:
            notes.append("Warning: not all of it was measured before this was written")
        text = document(results, notes)
        found = {"notes": notes, "results": results.rounds, "not measured": results.problems}
        try:
            if self.json:
                self.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
            if self.markdown:
                write(self.markdown, text)
        except (OSError, ValueError) as error:
            # It is written again after the next program.
            print(f"Not written: {reason_of(error)}", file=sys.stderr, flush=True)
        return text


async def compare(
    scenarios: Sequence[Scenario],
    runs: int,
    seconds: float,
    results: Results,
    save: Callable[[Results], object],
) -> None:
    """Measure everything in rounds, so that a slow minute of the machine affects all programs.

    Failures are noted in the results, which are saved after each program.
    """
    if task := asyncio.current_task():
        # What was started is ended, too.
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    start, too_slow = time.monotonic(), set[tuple[str, str]]()
    for number in range(1, runs + 1):
        for scenario in scenarios:
            for kind in scenario.kinds:
                name = f"{number}/{runs}: {scenario.title}: {kind}"
                print(f"{time.monotonic() - start:5.0f} s, {name}", file=sys.stderr, flush=True)
                figures: Figures = {}
                problem = None
                try:
                    if (scenario.title, kind) in too_slow:
                        problem = "not tried again, it took too long"
                    else:
                        await measure(scenario, kind, seconds, figures)
                except Exception as error:  # noqa: BLE001  # the others go on
                    problem = reason_of(error)
                    if isinstance(error, TimeoutError):
                        too_slow.add((scenario.title, kind))
                if problem is not None:
                    print(f"Not measured: {name}: {problem}", file=sys.stderr, flush=True)
                results.add(scenario, kind, figures, problem)
                save(results)


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
    parser.add_argument("--seconds", type=float, default=5.0, help="of each rate")
    parser.add_argument("--json", type=Path, help="also write all figures to this file")
    parser.add_argument("--markdown", type=Path, help=f"also write the tables after {BEGIN}")
    arguments = parser.parse_args()
    try:
        if arguments.markdown:
            outside(arguments.markdown)
        if arguments.json:
            arguments.json.touch()
    except (OSError, ValueError) as error:
        parser.error(str(error))
    scenarios: Sequence[Scenario] = SCENARIOS
    if arguments.short:
        scenarios, arguments.runs = (EVEREST, FEW), 1
    elif arguments.charge_points:
        loads = ("natural",) if arguments.recorder else ("natural", *EVEREST.loads)
        scenarios = [
            Scenario(protocol, number, arguments.kind, loads, arguments.recorder, arguments.sites)
            for protocol in arguments.protocol
            for number in arguments.charge_points
        ]
    warnings = spoiled()
    for text in warnings:
        print(f"Warning: {text}", file=sys.stderr)
    report = Report(arguments.runs, warnings, arguments.json, arguments.markdown)
    results, is_complete = Results.planned(scenarios), False
    try:
        asyncio.run(compare(scenarios, arguments.runs, arguments.seconds, results, report.save))
        is_complete = True
    except KeyboardInterrupt, asyncio.CancelledError:
        print("Interrupted", file=sys.stderr)
    print(report.save(results, is_complete=is_complete))
    return 0 if is_complete else 1


if __name__ == "__main__":
    sys.exit(main())
