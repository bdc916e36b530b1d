"""Balances the load of simulated houses, and draws what their grid connections carried.

A Home Assistant in its own process runs the blueprint for two grid connections in real time: one
with an EVerest station, one with an Easee charger, which polls every 30 s and refuses a second
change within 30 s. Their houses draw in steps; the meters report every second.

    bench/load_balancing --plot docs/images/load-balancing.svg
"""

import argparse
import asyncio
from contextlib import AsyncExitStack
import json
from pathlib import Path
import shutil
import sys
from tempfile import TemporaryDirectory
import time
from typing import Any

from harness.broker import HOST, embedded_broker, free_port
from harness.home import Home, running_home
from harness.house import GridConnection, Step
from simulators.everest import EverestSimulator, EvseSetup
from simulators.fimp import ChargepointSetup, FimpSimulator
from simulators.mqtt import Broker
from simulators.simulator import Chargepoint

_LIMIT = 25.0
#: Seconds, and A on each phase: lights, a heat pump, an oven, nearly everything, lights.
_STEPS = (
    Step(0, (2, 3, 1)),
    Step(90, (8, 12, 2)),
    Step(105, (8, 17, 9)),
    Step(180, (8, 22, 9)),
    Step(240, (2, 3, 1)),
)
_SECONDS = 480.0
_BLUEPRINT = "automation/fimp_chargepoint/load_balancing.yaml"
_ROOT = Path(__file__).parents[1]


async def measure(seconds: float) -> dict[str, GridConnection]:
    """Return the grid connections after some seconds, by the name of the charger."""
    async with AsyncExitStack() as stack:
        broker = Broker(HOST, await stack.enter_async_context(embedded_broker()))
        everest = EverestSimulator(broker, EvseSetup(limits="limits_api"))
        easee = FimpSimulator(broker, ChargepointSetup(profile="easee"))
        points: list[Chargepoint] = []
        for simulator in (everest, easee):
            await stack.enter_async_context(simulator)
            points.extend(simulator.points.values())
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="fimp_chargepoint_bench_")))
        home = await stack.enter_async_context(running_home(folder, free_port()))
        await home.add_integration(broker.host, broker.port)
        grids = {
            name: GridConnection(_LIMIT, _STEPS, [point.connector])
            for name, point in zip(("EVerest", "Easee"), points, strict=True)
        }
        await _automate(home, folder, list(grids))
        for point in points:
            await point.plug()
        await asyncio.sleep(10)
        await _start(home)
        begin = time.monotonic()
        while (at := time.monotonic() - begin) < seconds:
            for name, grid in grids.items():
                await _show(home, name, grid.measure(at))
            await asyncio.sleep(1 - (time.monotonic() - begin) % 1)
        return grids


async def _automate(home: Home, folder: Path, names: list[str]) -> None:
    """Set up an automation for each charger, and restart."""
    # The charge points report within seconds.
    await asyncio.sleep(10)
    (devices,) = await home.commands({"type": "config/device_registry/list"})
    path = folder / "blueprints" / _BLUEPRINT
    path.parent.mkdir(parents=True)
    shutil.copy(_ROOT / "blueprints" / _BLUEPRINT, path)
    automations = [
        {
            "alias": name,
            "use_blueprint": {
                "path": "fimp_chargepoint/load_balancing.yaml",
                "input": {
                    "charge_points": [
                        each["id"] for each in devices if name in (each["name"] or "")
                    ],
                    "sensors": [f"sensor.{name.lower()}_l{phase}" for phase in (1, 2, 3)],
                    "limit": _LIMIT,
                },
            },
        }
        for name in names
    ]
    with (folder / "configuration.yaml").open("a") as file:
        # JSON is YAML.
        file.write(f"automation: {json.dumps(automations)}\n")
    await home.restart()


async def _start(home: Home) -> None:
    """Start the car that does not start charging automatically."""
    for entity_id, state in (await home.states()).items():
        if entity_id == "switch.easee_home" and state["state"] == "off":
            await home.call("switch.turn_on", entity_id)


async def _show(home: Home, name: str, currents: tuple[float, ...]) -> None:
    for phase, current in enumerate(currents, 1):
        attributes = {"device_class": "current", "unit_of_measurement": "A"}
        await home.post(
            f"states/sensor.{name.lower()}_l{phase}",
            {"state": f"{current:.1f}", "attributes": attributes},
        )


# The plot -----------------------------------------------------------------------------------------

_WIDTH, _HEIGHT, _LEFT, _GAP = 720, 190, 40, 46
_HIGHEST = 55.0


def plot(grids: dict[str, GridConnection]) -> str:
    """Return an SVG of what was carried on the phase with the highest current, and by the cars."""
    total = len(grids) * (_HEIGHT + _GAP) + 10
    size = f"{_WIDTH + _LEFT + 20} {total}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" font-size="12">',
        "<style>text { font-family: sans-serif }</style>",
        f'<rect width="{_WIDTH + _LEFT + 20}" height="{total}" fill="white"/>',
    ]
    for number, (name, grid) in enumerate(grids.items()):
        parts += _panel(name, grid, 30 + number * (_HEIGHT + _GAP))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(name: str, grid: GridConnection, top: float) -> list[str]:
    longest = grid.samples[-1].at

    def point(at: float, current: float) -> str:
        x = _LEFT + at / longest * _WIDTH
        return f"{x:.1f},{top + _HEIGHT * (1 - min(current, _HIGHEST) / _HIGHEST):.1f}"

    def line(currents: list[tuple[float, float]], style: str) -> str:
        points = " ".join(point(*each) for each in currents)
        return f'<polyline points="{points}" fill="none" {style}/>'

    worst = max((seconds for _, seconds in grid.overloads()), default=0.0)
    title = f"{name}: above the limit for {worst:.0f} s at most"
    parts = [f'<text x="{_LEFT}" y="{top - 10}" font-weight="bold">{title}</text>']
    for current in range(0, 51, 10):
        y = point(0, current).split(",")[1]
        parts += [
            f'<line x1="{_LEFT}" x2="{_LEFT + _WIDTH}" y1="{y}" y2="{y}" stroke="#ddd"/>',
            f'<text x="{_LEFT - 6}" y="{y}" text-anchor="end" dy="4">{current}</text>',
        ]
    for minute in range(int(longest // 60) + 1):
        x = point(minute * 60, 0).split(",")[0]
        parts.append(f'<text x="{x}" y="{top + _HEIGHT + 15}">{minute} min</text>')
    samples = grid.samples
    house = [(each.at, max(each.phases) - sum(each.cars)) for each in samples]
    return [
        *parts,
        line(
            [(each.at, max(each.phases)) for each in samples], 'stroke="#1565c0" stroke-width="2"'
        ),
        line([(each.at, sum(each.cars)) for each in samples], 'stroke="#2e7d32" stroke-width="2"'),
        line(house, 'stroke="#777" stroke-dasharray="2 3"'),
        line([(0, grid.limit), (longest, grid.limit)], 'stroke="#c62828" stroke-dasharray="8 4"'),
        *(
            f'<text x="{_LEFT + 330 + 100 * index}" y="{top - 10}" fill="{color}">{text}</text>'
            for index, (text, color) in enumerate(
                (
                    ("connection (A)", "#1565c0"),
                    ("car", "#2e7d32"),
                    ("house", "#777"),
                    ("limit", "#c62828"),
                )
            )
        ),
    ]


def main() -> int:
    """Run with the arguments of the command line; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=_SECONDS, help="how long it runs")
    parser.add_argument("--plot", type=Path, help="the SVG file to write")
    arguments = parser.parse_args()
    grids = asyncio.run(measure(arguments.seconds))
    found: dict[str, Any] = {
        name: [{"at": round(at), "seconds": round(seconds, 1)} for at, seconds in grid.overloads()]
        for name, grid in grids.items()
    }
    json.dump(found, sys.stdout, indent=2)
    print()
    if arguments.plot is not None:
        arguments.plot.write_text(plot(grids))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
