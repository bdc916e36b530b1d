"""Simulators as programs: options, control words from the terminal, a clean shutdown."""

import argparse
import asyncio
from collections.abc import Sequence
import dataclasses
import logging
import signal
import sys
from typing import Any

from .mqtt import Broker
from .simulator import Chargepoint, ControlError, Simulator, Timing

_MQTT_PORT = 1883
_YES = ("1", "on", "true", "yes")


_BY_TOPIC = """published on simulators/<name>/do;
the answer is on simulators/<name>/did."""


def parser(
    description: str,
    kind: type[Chargepoint],
    periods: Sequence[str],
    *,
    words_by: str = _BY_TOPIC,
    has_broker: bool = True,
) -> argparse.ArgumentParser:
    """Return a parser with the options that all simulators share."""
    words = "\n".join(f"  {word:12} {text}" for word, text in kind.WORDS.items())
    made = argparse.ArgumentParser(
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=(
            "A running simulator obeys these words, typed here (after the name of a "
            f"charge point if\nthere are several) or {words_by}\n\n{words}"
        ),
    )
    if has_broker:
        _add_broker(made)
    made.add_argument(
        "--pace",
        type=float,
        default=1.0,
        help="stretches every delay of the devices; 0.1 is ten times quicker than life",
    )
    made.add_argument(
        "--speed",
        type=float,
        default=1.0,
        help="how much faster than life the energy flows",
    )
    defaults = Timing()
    for period in periods:
        made.add_argument(
            f"--{period}",
            type=float,
            default=getattr(defaults, period),
            metavar="SECONDS",
            help=f"{period} interval (default %(default)s)",
        )
    return made


def _add_broker(made: argparse.ArgumentParser) -> None:
    made.add_argument(
        "--broker",
        type=address,
        default=address("127.0.0.1"),
        metavar="HOST[:PORT]",
        help="MQTT broker (default 127.0.0.1:1883)",
    )
    made.add_argument("--username", help="user at the broker")
    made.add_argument("--password", help="password at the broker")


def setups[S](made: argparse.ArgumentParser, kind: type[S], texts: Sequence[str]) -> list[S]:
    """Read ``key=value,key=value`` texts as instances of a dataclass."""
    defaults = {name: getattr(kind, name) for name in kind.__annotations__}
    found = []
    for text in texts:
        values: dict[str, Any] = {}
        for pair in text.split(","):
            key, _, value = pair.partition("=")
            if key not in defaults:
                made.error(f"{pair!r}: the keys are {', '.join(defaults)}")
            try:
                values[key] = _convert(value, type(defaults[key]))
            except ValueError:
                made.error(f"{pair!r}: {value!r} is no number")
        found.append(kind(**values))
    names = [getattr(each, "name", None) for each in found]
    if len(set(names)) < len(names):
        made.error("every charge point needs a name of its own")
    return found


def _convert(text: str, kind: type) -> object:
    return text in _YES if kind is bool else kind(text)


def broker(options: argparse.Namespace) -> Broker:
    """Return the broker from the options."""
    host, port = options.broker
    return Broker(host, port, options.username, options.password)


def timing(options: argparse.Namespace) -> Timing:
    """Return the timing from the options."""
    names = {field.name for field in dataclasses.fields(Timing)}
    chosen = {name: value for name, value in vars(options).items() if name in names}
    return Timing(**chosen)


def run[P: Chargepoint](simulator: Simulator[P]) -> None:
    """Run a simulator until the program is ended."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    asyncio.run(_serve(simulator))


async def _serve[P: Chargepoint](simulator: Simulator[P]) -> None:
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    start = asyncio.create_task(simulator.__aenter__())
    wait = asyncio.create_task(ended.wait())
    # The broker may never be reachable; the signals must work nevertheless.
    await asyncio.wait({start, wait}, return_when=asyncio.FIRST_COMPLETED)
    try:
        if not ended.is_set():
            start.result()
            print(f"ready: {', '.join(simulator.points)}", flush=True)
            _listen_to_terminal(simulator, loop)
            await wait
    finally:
        wait.cancel()
        start.cancel()
        await asyncio.gather(start, wait, return_exceptions=True)
        await simulator.stop()


def _listen_to_terminal[P: Chargepoint](
    simulator: Simulator[P], loop: asyncio.AbstractEventLoop
) -> None:
    """Carry out lines from the terminal, if there is one."""
    if not sys.stdin.isatty():
        return

    async def obey(line: str) -> None:
        try:
            await simulator.do(line)
        except ControlError as error:
            print(f"error: {error}")
        else:
            print("ok")

    def typed() -> None:
        line = sys.stdin.readline()
        if not line:
            loop.remove_reader(sys.stdin)
        elif line.strip():
            simulator.spawn(obey(line))

    loop.add_reader(sys.stdin, typed)


def address(text: str) -> tuple[str, int]:
    """Read ``host`` or ``host:port``; a bare IPv6 address keeps its colons."""
    if text.count(":") == 1:
        host, _, port = text.partition(":")
        return host, int(port)
    return text, _MQTT_PORT
