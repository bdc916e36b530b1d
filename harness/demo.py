"""The main job in one command: a broker, charge points, and a Home Assistant that has them."""

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
from .charge_points import PRICE, Cars, charge_points
from .check import Check, until_present
from .dashboard import make_dashboard, read_dashboard
from .home import Home, HomeError, running_home

_DEFAULT_PORT = 8123


class Progress:
    """Says what is being done, and remembers how long it took."""

    def __init__(self) -> None:
        """Start the clock."""
        self.seconds: dict[str, float] = {}
        self._since = time.monotonic()

    def done(self, what: str, text: str) -> None:
        """Tell that `what` is done."""
        now = time.monotonic()
        self.seconds[what] = round(now - self._since, 2)
        self._since = now
        _say(f"{text} ({self.seconds[what]:.1f} s)")


@asynccontextmanager
async def demo(
    broker: Broker | None, port: int, progress: Progress
) -> AsyncIterator[tuple[Home, Cars, str]]:
    """Run everything; yields Home Assistant, the cars, and the dashboard's address."""
    async with AsyncExitStack() as stack:
        if broker is None:
            broker = Broker(HOST, await stack.enter_async_context(embedded_broker()))
        progress.done("broker", f"MQTT broker: {broker.host}:{broker.port}")
        folder = stack.enter_context(TemporaryDirectory(prefix="fimp_chargepoint_demo_"))
        cars = await stack.enter_async_context(charge_points(broker))
        progress.done("charge points", f"Charge points: {', '.join(cars.points)}")
        home = await stack.enter_async_context(running_home(Path(folder), port))
        progress.done("home assistant", "Home Assistant is up")
        found = await home.add_integration(broker.host, broker.port)
        progress.done("config flow", f"The integration found:\n{found}")
        await home.set_options(costs={"fixed_price": PRICE})
        await until_present(home)
        address = await make_dashboard(home, read_dashboard())
        progress.done("dashboard", "Dashboard made")
        yield home, cars, address


async def run(arguments: argparse.Namespace) -> int:
    """Run the demo as the command line wants it; returns the exit code."""
    # These end it as politely as Ctrl-C: a plain end, and a terminal that is closed.
    task = asyncio.current_task()
    assert task is not None  # noqa: S101
    for end in (signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(end, task.cancel)
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
                await _obey(cars, address)
                report = None
    except (HomeError, ClientError, OSError) as error:
        report = {"ok": False, "error": str(error), "seconds": progress.seconds}
    if report is not None:
        json.dump(report, sys.stdout, indent=2)
        print()
    return 0 if report is None or report["ok"] else 1


async def _obey(cars: Cars, address: str) -> None:
    """Take words from the terminal until it is closed."""
    _say(f"\n    {address}    user: demo    password: demo\n")
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str] = asyncio.Queue()
    if sys.stdin.isatty():
        _say("Type for example: garage plug, carport unplug, garage fault hot. Ctrl-C ends it.")
        loop.add_reader(sys.stdin, lambda: lines.put_nowait(sys.stdin.readline()))
    else:
        _say("Publish words such as plug to simulators/garage/do on the broker.")
    while True:
        name, _, words = (await lines.get()).strip().partition(" ")
        if not name:
            continue
        if name not in cars.points:
            _say(f"There are: {', '.join(cars.points)}")
            continue
        try:
            await cars.do(name, words)
        except ControlError as error:
            _say(str(error))


def _usable_port(wanted: int | None) -> int:
    """Return the port that is wanted, else Home Assistant's own, else any.

    Raises:
        HomeError: the wanted one is taken; what answers there is somebody else's.

    """
    port = wanted or _DEFAULT_PORT
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            if wanted:
                raise HomeError(f"port {wanted} is taken") from error
            return free_port()
    return port


def _broker(text: str) -> Broker:
    host, _, port = text.partition(":")
    return Broker(host, int(port or 1883))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    """Run the demo until Ctrl-C, or its check."""
    parser = argparse.ArgumentParser(prog="scripts/demo", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="do the main job without a person, print JSON"
    )
    parser.add_argument(
        "--broker", type=_broker, metavar="HOST[:PORT]", help="a running broker to use instead"
    )
    parser.add_argument("--port", type=int, help="for Home Assistant (default: 8123 if free)")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    try:
        return asyncio.run(run(arguments))
    except KeyboardInterrupt, asyncio.CancelledError:
        _say("\nEnded; nothing is left behind.")
        # A check that was not finished shows nothing.
        return 1 if arguments.check else 0


if __name__ == "__main__":
    sys.exit(main())
