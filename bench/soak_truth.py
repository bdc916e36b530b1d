"""Compares the snapshots of a hub with its simulators in a soak, and counts the errors."""

import asyncio
from collections import Counter
from collections.abc import Iterable
import gc
import math
from statistics import mean, median
import time

from custom_components.fimp_chargepoint.chargepoint.charge_point import Chargepoint
from custom_components.fimp_chargepoint.chargepoint.model import ChargepointSnapshot
from custom_components.fimp_chargepoint.chargepoint.mqtt_hub import MqttHub
from simulators.fimp import FimpSimulator
from simulators.fimp.chargepoint import FimpChargepoint as SimulatedChargepoint

from .home import resident
from .soak_sessions import RETURN, Watched, is_wrong

_LOOK = 0.25
#: Seconds that a difference may last: after a change, and if the adapter was later than the first
#: questions.
_TOLERANCE = 2.0
_FIRST_QUESTIONS = 6.0
_LATE_RETURN = 17.0
_ERRORS = (
    *("state errors", "missed events", "invented events", "missed records", "invented records"),
    "energy differences",
)


class Comparison:
    """The snapshots of the charge points, the states of the simulators, and the errors."""

    def __init__(self, hub: MqttHub, simulators: Iterable[FimpSimulator]) -> None:
        """Watch from now on."""
        self.hub = hub
        self.counts: Counter[str] = Counter()
        self.errors: list[str] = []
        self.memory: list[tuple[float, int]] = []
        self.watched = [
            Watched(point, adapter) for adapter in simulators for point in adapter.points.values()
        ]
        #: Seconds until a change, or everything after a fault, was known.
        self.delays: list[float] = []
        self.returns: list[float] = []
        #: Whether something is done to the broker.
        self.disturbed = False
        self._latest_look = 0.0
        self._waiting_most = 0
        self._hub_since = math.inf
        self._adapter_since: dict[FimpSimulator, float] = {}

    def follow(self) -> None:
        """Feed the sessions with what the hub knows."""
        nodes = {address.rpartition("/")[2]: node for address, node in self.hub.nodes.items()}
        for each in self.watched:
            node = nodes[each.point.address]
            assert isinstance(node, Chargepoint)  # noqa: S101
            each.follow(node)

    async def look(self) -> None:
        """Compare four times a second, until cancelled."""
        looks, before = 0, time.monotonic()
        while True:
            await asyncio.sleep(_LOOK)
            looks, now = looks + 1, time.monotonic()
            self._latest_look = max(self._latest_look, now - before - _LOOK)
            before = now
            if looks % 40 == 1:
                for each in self.watched:
                    # The simulators keep what they receive; this is not the memory to measure.
                    each.adapter.received.clear()
                gc.collect()
                self.memory.append((now, resident()))
            is_up = self.hub.transport.connected and not self.disturbed
            self._hub_since = min(self._hub_since, now) if is_up else math.inf
            for adapter in {each.adapter: None for each in self.watched}:
                link = adapter._link  # noqa: SLF001
                is_up = link is not None and link._outbox is not None and not self.disturbed  # noqa: SLF001
                since = self._adapter_since.get(adapter, math.inf)
                self._adapter_since[adapter] = min(since, now) if is_up else math.inf
                self._waiting_most = max(self._waiting_most, waiting(adapter))
            for each in self.watched:
                each.tick()
                self._compare(each, now)

    def _compare(self, each: Watched, now: float) -> None:
        point, known = each.point, each.node.snapshot if each.node else None
        adapter = self._adapter_since[each.adapter]
        linked = max(self._hub_since, adapter)
        if math.isinf(linked) or not point.reachable:
            each.gap()
        elif math.isinf(each.linked_since):
            late = adapter > self._hub_since + _FIRST_QUESTIONS
            each.linked_since, each.truth = now, None
            each.due = now + (_LATE_RETURN if late else RETURN)
        each.looks += 1
        self.counts["comparisons"] += 1
        if not self.hub.transport.connected:
            truth: object = None
            what = "available without a connection" if known and known.available else ""
        elif math.isinf(linked):
            # Without a connection on the other side, the values cannot be known.
            self.counts["comparisons"] -= 1
            each.truth, each.since, each.due = None, now, math.inf
            return
        else:
            truth = point.reachable, point.state, point.connector.plugged
            what = _difference(point, known)
            each.compared += each.due <= now or not what
        if truth != each.truth:
            is_return = each.truth is None and truth is not None
            each.truth, each.since, each.is_counted = truth, now, False
            each.due = max(each.due if is_return else 0.0, now + _TOLERANCE)
        if not what:
            if not each.is_counted and truth is not None:
                returned = each.since - each.linked_since < _LOOK
                (self.returns if returned else self.delays).append(now - each.since)
            each.is_counted = True
        elif now > each.due:
            each.due = math.inf
            self.counts["state errors"] += 1
            self.errors.append(f"{point.name}: {what} since {now - each.since:.1f} s")

    def compare_sessions(self) -> None:
        """Compare all events and records with what has happened."""
        for each in self.watched:
            for what in each.wrong_events():
                self.errors.append(f"{each.point.name}: {what}")
                self.counts[f"{what.partition(' ')[0]} events"] += 1
            for kind, what in each.wrong_records():
                self.errors.append(f"{each.point.name}: {what}")
                self.counts[kind] += 1

    def figures(self) -> dict[str, object]:
        """Return the figures."""
        shares = [100 * each.compared / max(1, each.looks) for each in self.watched]
        zeros = dict.fromkeys(_ERRORS, 0)
        return {
            **zeros,
            **self.counts,
            "events": sum(len(each.reported) for each in self.watched),
            "records": sum(len(each.tracker.records) for each in self.watched),
            "compared %": [round(mean(shares), 1), round(min(shares), 1)],
            "change known after s": _spread(self.delays),
            "all known after a fault s": _spread(self.returns),
            "latest look s": round(self._latest_look, 2),
            "messages waiting at an adapter": self._waiting_most,
            "messages": self.hub.received,
            "connections": self.hub.connections,
            "internal errors": self.hub.internal_errors.counts.total(),
            "memory kB a minute": round(_slope(self.memory) * 60),
        }


def waiting(adapter: FimpSimulator) -> int:
    """Return how many messages of an adapter have not left yet."""
    link = adapter._link  # noqa: SLF001
    outbox = None if link is None else link._outbox  # noqa: SLF001
    return 0 if outbox is None else outbox.qsize()


def _spread(values: list[float]) -> list[float]:
    """Return the median and the highest value."""
    return [round(median(values), 1), round(max(values), 1)] if values else []


def _difference(point: SimulatedChargepoint, known: ChargepointSnapshot | None) -> str:
    """Return how the two differ, empty if they do not."""
    if not point.reachable:
        return "available while offline" if known is not None and known.available else ""
    if known is None or not known.available:
        return "not available"
    if known.status != point.state:
        return f"{known.status} instead of {point.state}"
    session, counted = known.meter.session_energy, point.connector.energy
    # While it charges, the report is always a little behind.
    is_still = point.connector.plugged and point.connector.power == 0
    if is_still and is_wrong(session, counted):
        return f"{session} kWh instead of {counted}"
    return ""


def _slope(values: list[tuple[float, int]]) -> float:
    """Return the slope of a line through the second half of the values."""
    values = values[len(values) // 2 :]
    if len(values) < 2:  # noqa: PLR2004
        return 0.0
    x, y = (mean(each) for each in zip(*values, strict=True))
    across: float = sum((time_ - x) * (kilobytes - y) for time_, kilobytes in values)
    width: float = sum((time_ - x) ** 2 for time_, _ in values)
    return across / width
