"""Feeds damaged messages to the decoders and to whole hubs, and keeps what finds new code.

    bench/fuzz                      ten minutes
    bench/fuzz --seconds 60         another time limit
    bench/fuzz --inputs 10000000    at most so many inputs
    bench/fuzz --seed 7             repeat a run

It mutates the messages of the recordings and what has reached new lines since: `sys.monitoring`
reports each line of the library once. An input fails if anything but a `ProtocolError` is
raised, if it takes longer than a second, or if anything that is remembered exceeds its bound.
The failing input is printed, and the last line has the figures.
"""

import argparse
import asyncio
from collections.abc import Callable
from datetime import datetime
import json
import logging
from pathlib import Path
import random
import sys
import time
from types import CodeType
from typing import override

from custom_components.fimp_chargepoint import chargepoint
from custom_components.fimp_chargepoint.chargepoint import MQTT_PROTOCOLS
from custom_components.fimp_chargepoint.chargepoint.blue_current.discovery import (
    BlueCurrentProtocol,
)
from custom_components.fimp_chargepoint.chargepoint.errors import ProtocolError
from custom_components.fimp_chargepoint.chargepoint.mqtt_hub import MqttHub
from custom_components.fimp_chargepoint.chargepoint.scheduler import Clock
from custom_components.fimp_chargepoint.chargepoint.transport.mqtt import MqttSettings
from simulators.recording import read_recording

_LIBRARY = str(Path(chargepoint.__file__).parent)
_RECORDINGS = Path(__file__).parents[1] / "tests" / "recordings"
_TOOL = sys.monitoring.COVERAGE_ID
#: Inputs after which a hub is replaced by a new one, and by how much time moves after each.
_LIFE = 500
_STEP = 0.7
#: Messages at a time: some faults need a course of them.
_COURSE_MAX = 4
_SLOW = 1.0
#: What a hub may remember of one kind.
_BOUND = 4200
_CORPUS_MAX = 20_000

#: Pieces that are put anywhere.
_PIECES = (
    *(
        b"null",
        b"true",
        b"[]",
        b"{}",
        b'""',
        b"-1",
        b"0",
        b"1e999",
        b"NaN",
        b"18446744073709551616",
    ),
    *(b'"NaN"', b'"\\ud800"', b"\\u0000", b"\xff", b"\x00", b'"a/b"', b'"+"', b'"#"', b'"../x"'),
    *(b'"2026-13-45T99:99:99Z"', b'"0001-01-01T00:00:00Z"', b'"9999-12-31T23:59:59Z"'),
    *(b"[" * 2000, b'{"a":' * 500, b"9" * 400, b"x" * 70_000, b'"val_t":"int_map",'),
)

type Message = tuple[str, bytes]


class _Clock(Clock):
    """A clock that moves by hand."""

    time = 1_800_000_000.0

    @override
    def now(self) -> float:
        return self.time

    @override
    def call_at(self, when: float, callback: Callable[[], None]) -> Callable[[], None]:
        return lambda: None


class _Hub(MqttHub):
    """A hub that sends nothing, and remembers where it would have."""

    def __init__(self) -> None:
        self.fuzz_clock = _Clock()
        super().__init__(_no_settings, clock=self.fuzz_clock)
        self.topics: set[str] = set()
        for name in MQTT_PROTOCOLS:
            for protocol in MQTT_PROTOCOLS[name]:
                self.add_protocol("", protocol(self, ""))
        self.blue_current = BlueCurrentProtocol(self)
        self.connection_made()

    @override
    def send(self, topic: str, payload: bytes) -> None:
        self.topics.add(topic)

    @override
    async def publish(self, topic: str, payload: bytes) -> None:
        self.topics.add(topic)


async def _no_settings() -> MqttSettings:
    raise NotImplementedError


class Lines:
    """The lines of the library that have run."""

    def __init__(self) -> None:
        """Watch from now on."""
        self.seen: set[tuple[CodeType, int]] = set()
        self._fresh = 0
        sys.monitoring.use_tool_id(_TOOL, "fuzz")
        sys.monitoring.register_callback(_TOOL, sys.monitoring.events.LINE, self._line)
        sys.monitoring.set_events(_TOOL, sys.monitoring.events.LINE)

    def _line(self, code: CodeType, line: int) -> object:
        if code.co_filename.startswith(_LIBRARY):
            self.seen.add((code, line))
            self._fresh += 1
        # Each line costs time only once.
        return sys.monitoring.DISABLE

    def fresh(self) -> bool:
        """Return whether a new line has run since the last call."""
        found, self._fresh = self._fresh > 0, 0
        return found


class Fuzzer:
    """The inputs, and what has come of them."""

    def __init__(self, seed: int) -> None:
        """Start with the recordings."""
        self.random = random.Random(seed)  # noqa: S311
        self.lines = Lines()
        self.corpus: list[list[Message]] = [
            [(line.topic, line.payload)]
            for path in sorted(_RECORDINGS.glob("*/*/*.jsonl"))
            for line in read_recording(path)
        ]
        self.random.shuffle(self.corpus)
        del self.corpus[_CORPUS_MAX // 2 :]
        self.inputs = 0
        self.failures: list[str] = []
        self.slowest = 0.0
        self._hub = _Hub()

    def run(self, seconds: float, inputs: int) -> None:
        """Try until the time, or the number of inputs, is over."""
        end = time.monotonic() + seconds
        for course in tuple(self.corpus):
            if time.monotonic() < end and self.inputs < inputs:
                self._try(course)
        while time.monotonic() < end and self.inputs < inputs and len(self.failures) < 10:  # noqa: PLR2004
            course = self._mutated()
            self._try(course)
            if self.lines.fresh() and len(self.corpus) < _CORPUS_MAX:
                self.corpus.append(course)

    def _mutated(self) -> list[Message]:
        course = list(self.random.choice(self.corpus))
        if self.random.random() < 0.3 and len(course) < _COURSE_MAX:  # noqa: PLR2004
            course += self.random.choice(self.corpus)[:1]
        place = self.random.randrange(len(course))
        topic, payload = course[place]
        if self.random.random() < 0.1:  # noqa: PLR2004
            # A broker delivers no topic with a wildcard.
            topic = self._damaged(topic.encode()).decode(errors="ignore") or topic
            topic = topic.replace("+", "").replace("#", "").replace("\x00", "")
        elif self.random.random() < 0.1:  # noqa: PLR2004
            topic = self.random.choice(self.random.choice(self.corpus))[0]
        for _ in range(self.random.randint(1, 3)):
            payload = self._damaged(payload)
        course[place] = topic, payload
        return course

    def _damaged(self, data: bytes) -> bytes:
        one = self.random.randrange(len(data) + 1)
        other = min(len(data), one + self.random.choice((0, 1, 1, 2, 4, 8, 32)))
        match self.random.randrange(6):
            case 0:
                return data[:one]
            case 1:
                return data[:one] + data[other:]
            case 2:
                return data[:other] + data[one:]
            case 3:
                return data[:one] + self.random.randbytes(other - one) + data[other:]
            case 4:
                return self._other_value(data)
        return data[:one] + self.random.choice(_PIECES) + data[other:]

    def _other_value(self, data: bytes) -> bytes:
        """Replace the value behind a colon, so that it stays JSON."""
        colons = [place for place, byte in enumerate(data) if byte == ord(":")]
        if not colons:
            return data
        start = self.random.choice(colons) + 1
        ends = [place for place in range(start, len(data)) if data[place] in b",}]"]
        end = ends[0] if ends else len(data)
        return data[:start] + self.random.choice(_PIECES) + data[end:]

    def _try(self, course: list[Message]) -> None:
        if self.inputs % _LIFE == 0:
            self._hub = _Hub()
        # Other programs may be using the processor as well.
        began = time.thread_time()
        hub, clock = self._hub, self._hub.fuzz_clock
        for topic, payload in course:
            self.inputs += 1
            try:
                hub.message(topic, payload, retained=False)
                hub.content(topic, payload)
                hub.blue_current.handle(payload, clock.now())
            except ProtocolError:
                pass
            except Exception as error:  # noqa: BLE001
                self._failed(f"{error!r}", course)
            clock.time += _STEP
            hub.scheduler.run(clock.time)
        if hub.internal_errors.counts:
            self._failed(str(hub.internal_errors.counts), course)
        if any("+" in topic or "#" in topic for topic in hub.topics):
            self._failed(f"sent to {hub.topics}", course)
        if self.inputs % _LIFE > _LIFE - _COURSE_MAX:
            self._look_at_bounds(course)
        seconds = time.thread_time() - began
        self.slowest = max(self.slowest, seconds)
        if seconds > _SLOW:
            self._failed(f"took {seconds:.1f} s", course)

    def _look_at_bounds(self, course: list[Message]) -> None:
        hub = self._hub
        for owner in (hub, hub.admission, hub.journal, *(each for _, each in hub._protocols)):  # noqa: SLF001
            for name, value in vars(owner).items():
                if hasattr(value, "__len__") and len(value) > _BOUND:
                    self._failed(f"{type(owner).__name__}.{name} has {len(value)}", course)

    def _failed(self, what: str, course: list[Message]) -> None:
        self.failures.append(what)
        print(what, [(topic, payload[:2000]) for topic, payload in course], file=sys.stderr)
        self._hub = _Hub()


def main() -> int:
    """Run with the options of the command line."""
    parser = argparse.ArgumentParser(prog="bench/fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--inputs", type=int, default=10_000_000)
    parser.add_argument("--seed", type=int, default=int(datetime.now().timestamp()))  # noqa: DTZ005
    options = parser.parse_args()
    logging.disable()
    began = time.monotonic()
    fuzzer = asyncio.run(_fuzzed(options))
    figures = {
        "seed": options.seed,
        "inputs": fuzzer.inputs,
        "seconds": round(time.monotonic() - began),
        "failures": len(fuzzer.failures),
        "corpus": len(fuzzer.corpus),
        "lines": len(fuzzer.lines.seen),
        "slowest": round(fuzzer.slowest, 3),
    }
    print(json.dumps(figures))
    return bool(fuzzer.failures)


async def _fuzzed(options: argparse.Namespace) -> Fuzzer:
    """Fuzz in an event loop, which hubs need."""
    fuzzer = Fuzzer(options.seed)
    fuzzer.run(options.seconds, options.inputs)
    return fuzzer


if __name__ == "__main__":
    sys.exit(main())
