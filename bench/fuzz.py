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
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from datetime import datetime
import gc
from itertools import chain
import json
import logging
from math import isfinite
from pathlib import Path
import random
import re
import sys
import time
import traceback
from types import CodeType
from typing import Any, override

import orjson

from custom_components.fimp_chargepoint import chargepoint
from custom_components.fimp_chargepoint.chargepoint import MQTT_PROTOCOLS
from custom_components.fimp_chargepoint.chargepoint.blue_current.discovery import (
    BlueCurrentProtocol,
)
from custom_components.fimp_chargepoint.chargepoint.charge_point import Chargepoint
from custom_components.fimp_chargepoint.chargepoint.errors import NotConnectedError
from custom_components.fimp_chargepoint.chargepoint.everest.api.module import Kind
from custom_components.fimp_chargepoint.chargepoint.model import ChargepointSnapshot
from custom_components.fimp_chargepoint.chargepoint.mqtt_hub import MqttHub
from custom_components.fimp_chargepoint.chargepoint.node import Node
from custom_components.fimp_chargepoint.chargepoint.options import Options
from custom_components.fimp_chargepoint.chargepoint.protocol import Handler
from custom_components.fimp_chargepoint.chargepoint.scheduler import Clock
from custom_components.fimp_chargepoint.chargepoint.sessions.tracker import SessionTracker
from custom_components.fimp_chargepoint.chargepoint.transport.mqtt import MqttSettings
from simulators.blue_current import messages
from simulators.recording import read_recording

_LIBRARY = str(Path(chargepoint.__file__).parent)
_RECORDINGS = Path(__file__).parents[1] / "tests" / "recordings"
_TOOL = sys.monitoring.COVERAGE_ID
#: Inputs of a hub, undamaged messages before them, and seconds between two figures.
_LIFE = 500
_PRELUDE = 40
_PROGRESS = 60.0
#: Seconds of the hub's clock between two messages: some faults need a deadline to pass.
_STEPS = (0.0, 0.1, 0.3, 0.3, 0.7, 0.7, 1.0, 3.0)
#: Messages at a time: some faults need a course of them.
_COURSE_MAX = 4
_SLOW = 1.0
#: What a hub may remember of one kind, and the characters of a text in a snapshot.
_BOUND = 4200
_TEXT_MAX = 1000
_TOPIC_MAX = 65_535
#: More than is decoded.
_PAYLOAD_MAX = 300_000
_FOUND_MAX = 10_000
_FAILURES_MAX = 10

#: Values that are put anywhere, most of them JSON.
_VALUES = (
    *(b"null", b"true", b"[]", b"{}", b'""', b"-1", b"0", b"1", b"1.5", b"1e999", b"NaN"),
    *(b"-Infinity", b"18446744073709551616", b"-0.0", b"1e308", b"[[]]", b'[{"a":null}]'),
    *(b'"NaN"', b'"6"', b'"1e999"', b'"\\ud800"', b'"\\u0000"', b'"a/b"', b'"+"', b'"#"'),
    *(b'"../x"', b'"{{ 1 }}"', b'"<b>"', b'"2026-13-45T99:99:99Z"', b'"0001-01-01T00:00:00Z"'),
    *(b'"9999-12-31T23:59:59Z"', b'"20261399 99:99:99"', b'"' + b"x" * 2000 + b'"'),
)
_PIECES = (
    *_VALUES,
    *(b"\\u0000", b"\xff", b"\x00", b'"val_t":"int_map",', b"9" * 400),
    *(b"[" * 2000, b'{"a":' * 500, b"x" * 70_000, b'"' + b"x" * 70_000 + b'"'),
)
#: Where messages of a Blue Current account arrive, which has no topics.
_BLUE_CURRENT = "blue current/"
_EVSE = "BCU1"
#: The beginning of the topic of the replies to our discovery.
_DISCOVERED = "everest_api/1/fimp_chargepoint/"

type Message = tuple[str, bytes]
type Course = list[Message]


class _Clock(Clock):
    """A clock that moves by hand."""

    time = 1_800_000_000.0
    set_by = 0.0

    @override
    def now(self) -> float:
        return self.time

    @override
    def call_at(self, when: float, callback: Callable[[], None]) -> Callable[[], None]:
        return lambda: None

    @override
    def adjust(self) -> float:
        by, self.set_by = self.set_by, 0.0
        return by


class _Hub(MqttHub):
    """A hub that sends nothing, and remembers where it would have sent something wrong."""

    def __init__(self, failed: Callable[[str], None]) -> None:
        self.fuzz_clock = _Clock()
        options = Options(internal_bus="everest", communication_check=True)
        super().__init__(_no_settings, clock=self.fuzz_clock, options=options)
        self._failed = failed
        #: Where the replies to our last requests are expected, by the topics of recorded ones.
        self._replies: dict[str, str] = {}
        self._trackers: list[SessionTracker] = []
        # Its errors are failures, and not only logged.
        self.internal_errors.report = self._report  # type: ignore[method-assign]
        for name in MQTT_PROTOCOLS:
            for protocol in MQTT_PROTOCOLS[name]:
                self.add_protocol("", protocol(self, ""))
        self._blue_current = BlueCurrentProtocol(self)
        self.connection_made()

    def _report(self, error: Exception, subject: object) -> None:
        self._failed("".join(traceback.format_exception(error)))

    @override
    def _route(self, topic: str) -> Handler | None:
        if topic.startswith(_BLUE_CURRENT):
            return self._blue_current.handle
        return super()._route(topic)

    @override
    def add_node(self, node: Node[Any]) -> None:
        super().add_node(node)
        if isinstance(node, Chargepoint):
            tracker = SessionTracker(to_datetime=self.clock.to_datetime)
            self._trackers.append(tracker)
            node.add_listener(lambda snapshot: self._follow(tracker, snapshot))

    def _follow(self, tracker: SessionTracker, snapshot: ChargepointSnapshot) -> None:
        tracker.take(snapshot, self.clock.now())
        tracker.tick(self.clock.now())

    def ours(self, topic: str) -> str:
        """Return the topic of the reply that we await, if `topic` is that of such a reply."""
        return self._replies.get(_replied(topic), topic)

    @override
    def send(self, topic: str, payload: bytes) -> None:
        if (found := _REPLY_TO.search(payload)) is not None:
            reply_to = found[1].decode()
            self._replies[_replied(reply_to)] = reply_to
        # What is sent to Blue Current has a name in capitals, and no topic.
        if not topic[:1].isupper() and (len(topic) > _TOPIC_MAX // 4 or _NO_TOPIC.search(topic)):
            self._failed(f"sent to {topic[:200]!r}")

    @override
    async def publish(self, topic: str, payload: bytes) -> None:
        self.send(topic, payload)

    def too_large(self) -> Iterator[str]:
        """Yield what has exceeded its bound."""
        protocols = (self._blue_current, *(each for _, each in self._protocols))
        owners = (self, self.admission, self.journal, *protocols, *self.nodes.values())
        for owner in (*owners, *self._trackers):
            for name, value in getattr(owner, "__dict__", {}).items():
                if hasattr(value, "__len__") and len(value) > _BOUND:
                    yield f"{type(owner).__name__}.{name} has {len(value)}"


_REPLY_TO = re.compile(rb'"(?:replyTo|resp_to)":"([^"]*)"')
_NO_TOPIC = re.compile("[+#\x00-\x1f\ud800-\udfff]")


def _replied(topic: str) -> str:
    """Return a topic without the ids that differ from request to request."""
    if topic.startswith(_DISCOVERED):
        return _DISCOVERED
    return topic.rpartition("/")[0]


async def _no_settings() -> MqttSettings:
    raise NotImplementedError


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

    Annotations and type aliases are functions that nobody calls.
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


def _recorded() -> list[Course]:
    """Return the recordings, each as one long course."""
    return [
        [(line.topic, line.payload) for line in read_recording(path) if line.topic]
        for path in sorted(_RECORDINGS.glob("*/*/*.jsonl"))
    ]


def _samples() -> Iterator[Course]:
    """Yield a message of each kind that was not recorded."""
    for path in sorted(_RECORDINGS.glob("everest/codec-samples/*.json")):
        name = re.split("_(?=[A-Z0-9])", path.stem)[0].removeprefix("ocpp_")
        for kind in Kind:
            yield [(f"everest_api/1/{kind}/a/e2m/{name}", path.read_bytes())]
    apis = [{"module_id": "a", "type": kind, "version": 1} for kind in Kind]
    yield [(f"{_DISCOVERED}x/e2m/discover/x", json.dumps({"apis": apis}).encode())]
    for name, value in (
        ("is_connected", True),
        ("boot_notification_response", {"status": "Pending", "interval": 5}),
        ("security_event", {"type": "x"}),
        ("event_data", {"component_variable": {"component": {"name": "a"}}, "actual_value": "b"}),
        (
            "charging_schedules",
            {
                "schedules": [
                    {
                        "evse": 1,
                        "start_schedule": "2027-01-15T08:00:00.000Z",
                        "charging_rate_unit": "A",
                        "charging_schedule_period": [{"start_period": 0, "limit": 6.0}],
                    }
                ]
            },
        ),
    ):
        yield [(f"everest_api/1/{Kind.OCPP}/a/e2m/{name}", json.dumps(value).encode())]
        bus = {"msg_type": "Var", "data": {"data": value}}
        yield [(f"everest/modules/ocpp/impl/main/var/{name}", json.dumps(bus).encode())]
        older = json.dumps({"name": name, "data": value}).encode()
        yield [("everest/modules/ocpp/impl/main/var", older), ("everest/ocpp/main/var", older)]
    device = json.loads((_RECORDINGS / "fimp" / "vinculum" / "device.json").read_bytes())
    rooms = [{"id": 2, "client": {"name": "Carport"}}]
    param = {"device": [device], "room": rooms, "house": {}}
    for message in (
        {"type": "evt.pd7.response", "val": {"success": True, "cmd": "get", "param": param}},
        {"type": "evt.pd7.notify", "val": {"cmd": "edit", "component": "device", "id": 7}},
        {"type": "evt.pd7.notify", "val": {"cmd": "delete", "component": "room", "id": 2}},
    ):
        payload = json.dumps({**message, "serv": "vinculum", "val_t": "object"}).encode()
        yield [("pt:j1/mt:rsp/rt:app/rn:fimp_chargepoint/x", payload)]
        yield [("pt:j1/mt:evt/rt:app/rn:vinculum/ad:1", payload)]


def _blue_current() -> Course:
    """Return the frames of an account."""
    settings = dict.fromkeys(
        (
            *("plug_and_charge", "public_charging", "plug_and_charge_notification"),
            *("publish_location", "delayed_charging", "price_based_charging", "smart_charging"),
            *("led_intensity", "led_interaction"),
        ),
        True,
    )
    listed = messages.charge_point(
        _EVSE, "Driveway", settings | {"default_card": messages.NO_CARD}, {}
    )
    status = {
        **{f"actual_{name}{line}": 16 for line in (1, 2, 3) for name in ("p", "v")},
        "activity": "charging",
        "actual_kwh": 3.2,
        "max_usage": 20,
        "vehicle_status": "C",
        "smartcharging_max_usage": 16,
        "max_offline": 7,
        "offline_since": "",
        "total_cost": 1,
        "start_datetime": "20270115 09:00:00",
        "stop_datetime": "",
    }
    grid = {f"grid_actual_p{line}": 5 for line in (1, 2, 3)} | {"grid_max_install": 40}
    card = {"uid": "046C", "name": "Mine", "valid": 1}
    frames = (
        {"object": "CHARGE_POINTS", "data": [listed | {"activity": "charging"}]},
        messages.settings_of(listed, settings),
        {"object": "CH_STATUS", "evse_id": _EVSE, "data": status},
        {"object": "CH_STATUS", "evse_id": _EVSE, "data": status | {"activity": "available"}},
        {"object": "GRID_STATUS", "data": grid | {"id": "GRID-1"}, "evse_ids": [_EVSE]},
        {"object": "GRID_CURRENT", "evse_id": _EVSE, **grid},
        {"object": "CHARGE_CARDS", "cards": [card], "default_card": card},
        messages.received("SET_PLUG_AND_CHARGE"),
        messages.verdict("SET_PLUG_AND_CHARGE", _EVSE, "BUSY"),
        messages.error(42),
    )
    texts = (*map(json.dumps, frames), *messages.ODD)
    return [(f"{_BLUE_CURRENT}frame", text.encode()) for text in texts]


_SURROGATES = re.compile("[\ud800-\udfff]")
_DIGITS = re.compile(r"\d+")
_KIND = re.compile(rb'"(?:type|object|event|serv)": ?"([^"]{1,60})"')


def _kind(message: Message) -> str:
    """Return what tells kinds of messages apart."""
    topic, payload = message
    return _DIGITS.sub("", topic) + str(_KIND.findall(payload, 0, 2000)[:2])


class Fuzzer:
    """The inputs, and what has come of them."""

    def __init__(self, seed: int) -> None:
        """Start with the recordings."""
        self.random = random.Random(seed)  # noqa: S311
        self.inputs = 0
        self.began = time.monotonic()
        self.seed = seed
        self.slowest = 0.0
        self.failures: Counter[str] = Counter()
        recordings = [*_recorded(), _blue_current(), *_samples()]
        #: By kind, because rare ones are as important as frequent ones.
        kinds: dict[str, list[Course]] = defaultdict(list)
        known: set[Message] = set()
        for recording in recordings:
            for place, message in enumerate(recording):
                if message not in known:
                    known.add(message)
                    kinds[_kind(message)].append([message])
                    kinds[_kind(message)].append(recording[place : place + 3])
        self._kinds = list(kinds.values())
        #: What has reached new lines.
        self.found: list[Course] = []
        #: Values of the same key elsewhere: most are names that have a meaning there.
        self._values: dict[str, list[object]] = defaultdict(list)
        for _, payload in known:
            self._collect(payload)
        self._preludes = [course for course in recordings if len(course) > _PRELUDE]
        self._course: Course = []
        self.lines = Lines()
        self._hub = self._new_hub()

    def _collect(self, payload: bytes) -> None:
        try:
            todo = [orjson.loads(payload)]
        except orjson.JSONDecodeError:
            return
        while todo:
            value = todo.pop()
            if isinstance(value, list):
                todo += value
            elif isinstance(value, dict):
                todo += value.values()
                for key, each in value.items():
                    if len(known := self._values[key]) < 50 and each not in known:  # noqa: PLR2004
                        known.append(each)

    def run(self, seconds: float, inputs: int) -> None:
        """Try until the time, or the number of inputs, is over."""
        now = time.monotonic()
        end, told = now + seconds, now
        self._first_round()
        while now < end and self.inputs < inputs and len(self.failures) < _FAILURES_MAX:
            for _ in range(100):
                course = self._mutated()
                self._try(course)
                if self.lines.fresh() and len(self.found) < _FOUND_MAX:
                    self.found.append(course)
            now = time.monotonic()
            if now - told > _PROGRESS:
                told = now
                print(json.dumps(self.figures()), flush=True)

    def _first_round(self) -> None:
        """Try everything undamaged."""
        gc.freeze()
        for courses in self._kinds:
            self._try(courses[0])
        self.lines.fresh()

    def _mutated(self) -> Course:
        chance = self.random.random
        if self.found and chance() < 0.3:  # noqa: PLR2004
            course = list(self.random.choice(self.found))
        else:
            course = list(self.random.choice(self.random.choice(self._kinds)))
        if chance() < 0.3 and len(course) < _COURSE_MAX:  # noqa: PLR2004
            course += self.random.choice(self.random.choice(self._kinds))[:1]
        place = self.random.randrange(len(course))
        topic, payload = course[place]
        match int(chance() * 10):
            case 0:
                # A broker delivers no topic with a wildcard.
                topic = self._damaged(topic.encode()).decode(errors="ignore") or topic
                topic = re.sub("[+#\x00]", "", topic)[:_TOPIC_MAX]
            case 1:
                topic = self.random.choice(self.random.choice(self._kinds))[0][0]
        for _ in range(self.random.choice((1, 1, 2, 4))):
            damage = self._damaged if chance() < 0.3 else self._changed  # noqa: PLR2004
            payload = damage(payload)
        course[place] = topic, payload[:_PAYLOAD_MAX]
        return course

    def _changed(self, payload: bytes) -> bytes:
        """Return JSON with one value replaced, removed, added or doubled."""
        try:
            whole = [orjson.loads(payload)]
        except orjson.JSONDecodeError:
            return self._damaged(payload)
        holder: dict[str, object] | list[object] = whole
        key: str | int = 0
        while True:
            inner = holder[key]  # type: ignore[index]
            if not inner or not isinstance(inner, dict | list) or self.random.random() < 0.1:  # noqa: PLR2004
                break
            holder = inner
            key = self.random.choice(list(inner) if isinstance(inner, dict) else range(len(inner)))
        match self.random.randrange(8):
            case 0 if holder is not whole:
                del holder[key]  # type: ignore[arg-type]
            case 1 if isinstance(holder, dict):
                # JSON allows a key twice, a dict does not.
                name = orjson.dumps(key).removesuffix(b'"')
                doubled = b'%b":%b,%b"' % (name, self._value(), name)
                holder[_DOUBLED] = holder.pop(str(key))
                return _dumped(whole).replace(b'"%b"' % _DOUBLED.encode(), doubled, 1)
            case 2 if isinstance(holder, list):
                holder += holder[:1] * self.random.choice((1, 10, 1000))
            case 3 if isinstance(holder, dict):
                other = self.random.choice(list(self._values))
                holder[other] = self.random.choice(self._values[other])
            case 4 | 5 if self._values.get(str(key)):
                holder[key] = self.random.choice(self._values[str(key)])  # type: ignore[index]
            case _:
                holder[key] = orjson.Fragment(self._value())  # type: ignore[index]
        return _dumped(whole)

    def _value(self) -> bytes:
        return self.random.choice(_VALUES)

    def _damaged(self, data: bytes) -> bytes:
        """Return bytes with some removed, added or replaced."""
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
        return data[:one] + self.random.choice(_PIECES) + data[other:]

    def _new_hub(self) -> _Hub:
        """Return a hub that has some charge points."""
        self._course = []
        hub = _Hub(self._failed)
        course = self.random.choice(self._preludes)
        start = self.random.choice((0, 0, self.random.randrange(len(course) - _PRELUDE)))
        for topic, payload in (*_FRAMES, *course[start : start + _PRELUDE]):
            hub.message(topic, payload, retained=False)
        return hub

    def _try(self, course: Course) -> None:
        if self.inputs % _LIFE + len(course) > _LIFE:
            for what in self._hub.too_large():
                self._failed(what)
            self._hub = self._new_hub()
        self._course = course
        # Other programs may be using the processor as well.
        began = time.thread_time()
        hub, clock = self._hub, self._hub.fuzz_clock
        try:
            self._disturb(hub)
            for topic, payload in course:
                self.inputs += 1
                where = hub.ours(topic)
                hub.content(where, payload)
                hub.message(where, payload, retained=False)
                clock.time += self.random.choice(_STEPS)
                hub.scheduler.run(clock.time)
        except Exception:  # noqa: BLE001
            self._failed(traceback.format_exc())
        seconds = time.thread_time() - began
        self.slowest = max(self.slowest, seconds)
        if seconds > _SLOW:
            self._failed("took more than a second")
        if hub.nodes and self.random.random() < 0.1:  # noqa: PLR2004
            node = self.random.choice(list(hub.nodes.values()))
            for what in _odd(node.snapshot):
                self._failed(f"{type(node).__name__}: {what}")

    def _disturb(self, hub: _Hub) -> None:
        match self.random.randrange(300):
            case 0:
                hub.connection_lost(_LOST)
                hub.connection_made()
            case 1:
                hub.fuzz_clock.set_by = self.random.choice((-1e6, -60.0, 60.0, 1e6))
            case 2:
                hub.disconnecting()
            case 3 | 4 | 5:
                hub.fuzz_clock.time += self.random.choice((30.0, 45.0, 150.0, 4000.0))

    def _failed(self, what: str) -> None:
        self.failures[what] += 1
        if self.failures[what] == 1:
            course = [(topic[:2000], payload[:2000]) for topic, payload in self._course]
            print(what, course, file=sys.stderr, flush=True)

    def figures(self) -> Mapping[str, object]:
        """Return what has come of it."""
        return {
            "seed": self.seed,
            "inputs": self.inputs,
            "seconds": round(time.monotonic() - self.began),
            "failures": len(self.failures),
            "corpus": sum(map(len, self._kinds)) + len(self.found),
            "lines": len(self.lines.seen),
            "of": self.lines.total,
            "slowest": round(self.slowest, 3),
        }


#: Stands for a key that is written twice.
_DOUBLED = "doubled-key"
_FRAMES = tuple(_blue_current()[:6])
_LOST = NotConnectedError("closed")


def _dumped(whole: list[object]) -> bytes:
    return orjson.dumps(whole)[1:-1]


def _odd(value: object) -> Iterable[str]:
    """Yield what no snapshot may contain."""
    match value:
        case float() if not isfinite(value):
            yield f"the number {value}"
        case str() if len(value) > _TEXT_MAX or _SURROGATES.search(value):
            yield f"the text {value[:100]!r}"
        case Mapping():
            yield from _odd((*value, *value.values()))
        case tuple() | list() | AbstractSet():
            yield from chain.from_iterable(map(_odd, value))
        case _ if is_dataclass(value):
            for field in fields(value):
                yield from (f"{field.name}: {each}" for each in _odd(getattr(value, field.name)))


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
