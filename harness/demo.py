"""Run a broker, simulated charge points and a Home Assistant that controls them."""

import argparse
import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
import json
import logging
from pathlib import Path
import signal
import socket
import sys
from tempfile import TemporaryDirectory
import time

from aiohttp import ClientError

from simulators.mqtt import Broker
from simulators.simulator import ControlError

from .broker import HOST, embedded_broker, free_port
from .charge_points import API_TOKEN, PRICE, Cars, charge_points
from .check import Check, until_present
from .dashboard import make_dashboard
from .home import Home, HomeError, running_home

_DEFAULT_PORT = 8123


class Progress:
    """Prints each step and records its duration."""

    def __init__(self) -> None:
        """Start the clock."""
        self.seconds: dict[str, float] = {}
        self._since = time.monotonic()

    def done(self, what: str, text: str) -> None:
        """Print `text` and record the duration of the step `what`."""
        now = time.monotonic()
        self.seconds[what] = round(now - self._since, 2)
        self._since = now
        _print(f"{text} ({self.seconds[what]:.1f} s)")


@asynccontextmanager
async def demo(
    broker: Broker | None, port: int, progress: Progress
) -> AsyncIterator[tuple[Home, Cars, str]]:
    """Run everything; yields Home Assistant, the charge points and the dashboard's address."""
    async with AsyncExitStack() as stack:
        if broker is None:
            broker = Broker(HOST, await stack.enter_async_context(embedded_broker()))
        progress.done("broker", f"MQTT broker: {broker.host}:{broker.port}")
        folder = stack.enter_context(TemporaryDirectory(prefix="fimp_chargepoint_demo_"))
        cars = await stack.enter_async_context(charge_points(broker))
        progress.done("charge points", f"Charge points: {', '.join(cars.points)}")
        home = await stack.enter_async_context(
            running_home(Path(folder), port, blue_current=cars.blue_current)
        )
        progress.done("home assistant", "Home Assistant is running")
        found = await home.add_integration(broker.host, broker.port)
        await home.add_account(API_TOKEN)
        progress.done("config flow", f"The integration found:\n{found}")
        await home.set_options(costs={"fixed_price": PRICE})
        await until_present(home)
        address = await make_dashboard(home)
        progress.done("dashboard", "Dashboard added")
        yield home, cars, address


async def run(arguments: argparse.Namespace) -> int:
    """Run the demo with command line arguments; returns the exit code."""
    # Shut down cleanly, as with Ctrl-C, if the process is terminated or the terminal is closed.
    task = asyncio.current_task()
    assert task is not None  # noqa: S101
    for number in (signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    progress = Progress()
    try:
        port = _usable_port(arguments.port)
        async with demo(arguments.broker, port, progress) as (home, cars, address):
            if arguments.check:
                report = await Check(home, cars.do).run()
                report["seconds"] = progress.seconds | report["seconds"]
            else:
                for name in ("garage", "carport"):
                    await cars.do(name, "plug")
                await _execute_commands(cars, address)
                report = None
    except (HomeError, ClientError, OSError) as error:
        report = {"ok": False, "error": str(error), "seconds": progress.seconds}
    if report is not None:
        json.dump(report, sys.stdout, indent=2)
        print()
    return 0 if report is None or report["ok"] else 1


async def _execute_commands(cars: Cars, address: str) -> None:
    """Execute commands from the terminal until it is closed."""
    _print(f"\n    {address}    user: demo    password: demo\n")
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str] = asyncio.Queue()
    if sys.stdin.isatty():
        _print("Type, for example: garage plug, carport unplug, garage fault hot. Ctrl-C exits.")
        loop.add_reader(sys.stdin, lambda: lines.put_nowait(sys.stdin.readline()))
    else:
        _print("Publish commands such as plug to simulators/garage/do on the broker.")
    while True:
        name, _, command = (await lines.get()).strip().partition(" ")
        if not name:
            continue
        if name not in cars.points:
            _print(f"Charge points: {', '.join(cars.points)}")
            continue
        try:
            await cars.do(name, command)
        except ControlError as error:
            _print(str(error))


def _usable_port(requested: int | None) -> int:
    """Return the requested port, otherwise Home Assistant's default, otherwise any free one.

    Raises:
        HomeError: the requested port is in use.

    """
    port = requested or _DEFAULT_PORT
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            if requested:
                raise HomeError(f"port {requested} is in use") from error
            return free_port()
    return port


def _broker(text: str) -> Broker:
    host, _, port = text.partition(":")
    return Broker(host, int(port or 1883))


def _print(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    """Run the demo until Ctrl-C, or test it."""
    parser = argparse.ArgumentParser(prog="scripts/demo", description=__doc__)
    parser.add_argument(
        "--check",
        action="store_true",
        help="test the main functions automatically and print a JSON report",
    )
    parser.add_argument(
        "--broker",
        type=_broker,
        metavar="HOST[:PORT]",
        help="use this broker instead of starting one",
    )
    parser.add_argument("--port", type=int, help="port of Home Assistant (default: 8123 if free)")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    try:
        return asyncio.run(run(arguments))
    except KeyboardInterrupt, asyncio.CancelledError:
        _print("\nStopped. All temporary files were removed.")
        # An interrupted test has not passed.
        return 1 if arguments.check else 0


if __name__ == "__main__":
    sys.exit(main())
