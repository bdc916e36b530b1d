"""The inputs of the fuzzer: undamaged messages, and what becomes of them by mutation."""

from collections import defaultdict
import random
import re

import orjson

from .fuzz_seeds import TOPIC_MAX, Course, Message, blue_current, kind, recorded, samples

#: Messages at a time: some faults need a course of them.
_COURSE_MAX = 4
#: More than is decoded.
_PAYLOAD_MAX = 300_000
_FOUND_MAX = 10_000
#: Undamaged messages that a hub starts with.
_PRELUDE = 40
#: Stands for a key that is written twice.
_DOUBLED = "doubled-key"
_FRAMES = tuple(blue_current()[:6])

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


class Inputs:
    """Undamaged messages, and what has reached new lines."""

    def __init__(self, chance: random.Random) -> None:
        """Start with the recordings."""
        self.random = chance
        recordings = [*recorded(), blue_current(), *samples()]
        #: By kind, because rare ones are as important as frequent ones.
        kinds: dict[str, list[Course]] = defaultdict(list)
        known: set[Message] = set()
        for recording in recordings:
            for place, message in enumerate(recording):
                if message not in known:
                    known.add(message)
                    kinds[kind(message)].append([message])
                    kinds[kind(message)].append(recording[place : place + 3])
        self._kinds = list(kinds.values())
        #: What has reached new lines.
        self._found: list[Course] = []
        #: Values of the same key elsewhere: most are names that have a meaning there.
        self._values: dict[str, list[object]] = defaultdict(list)
        for _, payload in known:
            self._collect(payload)
        self._preludes = [course for course in recordings if len(course) > _PRELUDE]

    def __len__(self) -> int:
        """Return how many courses can be mutated."""
        return sum(map(len, self._kinds)) + len(self._found)

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

    def keep(self, course: Course) -> None:
        """Mutate a course further, because it has reached new lines."""
        if len(self._found) < _FOUND_MAX:
            self._found.append(course)

    def undamaged(self) -> list[Course]:
        """Return one course of each kind."""
        return [courses[0] for courses in self._kinds]

    def prelude(self) -> Course:
        """Return undamaged messages with which a hub has some charge points."""
        course = self.random.choice(self._preludes)
        start = self.random.choice((0, 0, self.random.randrange(len(course) - _PRELUDE)))
        return [*_FRAMES, *course[start : start + _PRELUDE]]

    def mutated(self) -> Course:
        """Return a course with one message damaged."""
        chance = self.random.random
        if self._found and chance() < 0.3:  # noqa: PLR2004
            course = list(self.random.choice(self._found))
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
                topic = re.sub("[+#\x00]", "", topic)[:TOPIC_MAX]
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


def _dumped(whole: list[object]) -> bytes:
    return orjson.dumps(whole)[1:-1]
