"""Feeds damaged messages to whole hubs, and keeps what finds new code.

    bench/fuzz                      ten million inputs
    bench/fuzz --seconds 60         a time limit
    bench/fuzz --inputs 100000      fewer
    bench/fuzz --seed 7             repeat a run

An input is one message on its whole way from bytes to the snapshot of a charge point. Inputs are
the messages of the recordings and of a Blue Current account, mutated as bytes and as JSON, alone
and in short courses. What reaches new lines of the library is mutated further; `sys.monitoring`
reports each line only once, so that it costs nothing later.

After 500 inputs, the hub is replaced by a new one that starts with undamaged messages, so that it
has charge points. Time passes, the connection breaks and the system clock is set at random. An
input fails if

- anything but a `ProtocolError` is raised,
- it takes longer than a second of processor time,
- a snapshot contains a number that is not finite, or a text that is too long or has surrogates,
- something is sent to a topic that no broker accepts, or
- anything that is remembered exceeds its bound.

It is printed with the traceback. Every minute and at the end, a line has the figures: `lines` of
the library have run, of `of` that there are, including those for commands, limits and connections,
which no message can reach.
"""

import argparse
import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
import gc
import json
import logging
from pathlib import Path
import random
import sys
import time
import traceback
from types import CodeType

from custom_components.fimp_chargepoint import chargepoint
from custom_components.fimp_chargepoint.chargepoint.errors import NotConnectedError

from .fuzz_checks import FuzzedHub, odd
from .fuzz_inputs import Inputs
from .fuzz_seeds import Course

_LIBRARY = str(Path(chargepoint.__file__).parent)
_TOOL = sys.monitoring.COVERAGE_ID
#: Inputs of a hub, and seconds between two figures.
_LIFE = 500
_PROGRESS = 60.0
#: Seconds of the hub's clock between two messages: some faults need a deadline to pass.
_STEPS = (0.0, 0.1, 0.3, 0.3, 0.7, 0.7, 1.0, 3.0)
_SLOW = 1.0
_FAILURES_MAX = 10
_LOST = NotConnectedError("closed")


class Lines:
    """The lines of the library that have run."""

    def __init__(self) -> None:
        """Watch from now on."""
        self.total = len(set(_lines_of_functions()))
        self.seen: set[tuple[CodeType, int]] = set()
        self._fresh = False
        sys.monitoring.use_tool_id(_TOOL, "fuzz")
        sys.monitoring.register_callback(_TOOL, sys.monitoring.events.LINE, self._line)
        sys.monitoring.set_events(_TOOL, sys.monitoring.events.LINE)

    def _line(self, code: CodeType, line: int) -> object:
        if code.co_filename.startswith(_LIBRARY) and line != code.co_firstlineno:
            self.seen.add((code, line))
            self._fresh = True
        # Each line costs time only once.
        return sys.monitoring.DISABLE

    def fresh(self) -> bool:
        """Return whether a new line has run since the last call."""
        found, self._fresh = self._fresh, False
        return found

    def stop(self) -> None:
        """Stop watching."""
        sys.monitoring.set_events(_TOOL, 0)
        sys.monitoring.free_tool_id(_TOOL)


def _lines_of_functions() -> Iterator[tuple[CodeType, int]]:
    """Yield all lines of functions; those of modules and classes have run at the import.

    Annotations and type aliases are functions, too, but are never called.
    """
    for path in Path(_LIBRARY).rglob("*.py"):
        todo = [compile(path.read_text(), path, "exec")]
        while todo:
            code = todo.pop()
            todo += [each for each in code.co_consts if isinstance(each, CodeType)]
            is_lazy = code.co_varnames[:1] == (".format",)
            if not is_lazy and "__module__" not in code.co_names and code.co_name != "<module>":
                for _, _, line in code.co_lines():
                    if line not in (None, code.co_firstlineno):
                        yield code, line


class Fuzzer:
    """The inputs that are tried, and their results."""

    def __init__(self, seed: int) -> None:
        """Start with the recordings."""
        self.random = random.Random(seed)  # noqa: S311
        self.tried = 0
        self.began = time.monotonic()
        self.seed = seed
        self.slowest = 0.0
        self.failures: Counter[str] = Counter()
        self.inputs = Inputs(self.random)
        self._course: Course = []
        self.lines = Lines()
        self._hub = self._new_hub()

    def run(self, seconds: float, inputs: int) -> None:
        """Try inputs until the time is over or their number is reached."""
        now = time.monotonic()
        end, printed = now + seconds, now
        self._first_round()
        while now < end and self.tried < inputs and len(self.failures) < _FAILURES_MAX:
            for _ in range(100):
                course = self.inputs.mutated()
                self._try(course)
                if self.lines.fresh():
                    self.inputs.keep(course)
            now = time.monotonic()
            if now - printed > _PROGRESS:
                printed = now
                print(json.dumps(self.figures()), flush=True)

    def _first_round(self) -> None:
        """Try everything undamaged."""
        gc.freeze()
        for course in self.inputs.undamaged():
            self._try(course)
        self.lines.fresh()

    def _new_hub(self) -> FuzzedHub:
        """Return a hub that has some charge points."""
        self._course = []
        hub = FuzzedHub(self._failed)
        for topic, payload in self.inputs.prelude():
            hub.message(topic, payload, retained=False)
        return hub

    def _try(self, course: Course) -> None:
        if self.tried % _LIFE + len(course) > _LIFE:
            for what in self._hub.too_large():
                self._failed(what)
            self._hub = self._new_hub()
        self._course = course
        # Other programs may be using the processor as well.
        began = time.thread_time()
        hub = self._hub
        try:
            self._disturb(hub)
            for topic, payload in course:
                self.tried += 1
                where = hub.ours(topic)
                hub.content(where, payload)
                hub.message(where, payload, retained=False)
                hub.advance(hub.clock.time + self.random.choice(_STEPS))
        except Exception:  # noqa: BLE001
            self._failed(traceback.format_exc())
        seconds = time.thread_time() - began
        self.slowest = max(self.slowest, seconds)
        if seconds > _SLOW:
            self._failed("took more than a second")
        if hub.nodes and self.random.random() < 0.1:  # noqa: PLR2004
            node = self.random.choice(list(hub.nodes.values()))
            for what in odd(node.snapshot):
                self._failed(f"{type(node).__name__}: {what}")

    def _disturb(self, hub: FuzzedHub) -> None:
        match self.random.randrange(300):
            case 0:
                hub.connection_lost(_LOST)
                hub.connection_made()
            case 1:
                hub.clock.set_calendar(self.random.choice((-1e6, -60.0, 60.0, 1e6)))
            case 2:
                hub.disconnecting()
            case 3 | 4 | 5:
                hub.clock.time += self.random.choice((30.0, 45.0, 150.0, 4000.0))

    def _failed(self, what: str) -> None:
        self.failures[what] += 1
        if self.failures[what] == 1:
            course = [(topic[:2000], payload[:2000]) for topic, payload in self._course]
            print(what, course, file=sys.stderr, flush=True)

    def figures(self) -> Mapping[str, object]:
        """Return the figures so far."""
        return {
            "seed": self.seed,
            "inputs": self.tried,
            "seconds": round(time.monotonic() - self.began),
            "failures": len(self.failures),
            "corpus": len(self.inputs),
            "lines": len(self.lines.seen),
            "of": self.lines.total,
            "slowest": round(self.slowest, 3),
        }


def main() -> int:
    """Run with the options of the command line."""
    parser = argparse.ArgumentParser(
        prog="bench/fuzz", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--inputs", type=int, default=10_000_000)
    parser.add_argument("--seed", type=int, default=int(datetime.now().timestamp()))  # noqa: DTZ005
    options = parser.parse_args()
    logging.disable()
    fuzzer = asyncio.run(_fuzzed(options))
    print(json.dumps(fuzzer.figures()))
    return bool(fuzzer.failures)


async def _fuzzed(options: argparse.Namespace) -> Fuzzer:
    """Fuzz in an event loop, which hubs need."""
    fuzzer = Fuzzer(options.seed)
    fuzzer.run(options.seconds, options.inputs)
    fuzzer.lines.stop()
    return fuzzer


if __name__ == "__main__":
    sys.exit(main())
