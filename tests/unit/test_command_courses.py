"""Commands, reports, refusals and lost links in random order: a stop that is done, is done.

The charge point of this test is truthful but slow: it carries out commands in order, some
time later, refuses some of it, loses some answers, and its reports are old by some seconds.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
import random
from typing import Any

import orjson
import pytest

from custom_components.fimp_chargepoint.chargepoint.errors import (
    ChargepointError,
    NotConnectedError,
)
from custom_components.fimp_chargepoint.chargepoint.fimp.chargepoint import FimpChargepoint

from .fakes import UNTHROTTLED, OfflineHub
from .fimp_messages import ADAPTER, ADDRESS, CHARGER, inclusion, report, state

_STEPS = 40
_STALENESS = 4.0
_LIMIT = FimpChargepoint.command_timeout
#: What a stop that is refused for now takes at most until it is sent for the last time.
_RETRIES = 60.0


@dataclass
class SlowCharger:
    """The actual state, the coming ones, and the reported one."""

    hub: OfflineHub
    chance: random.Random
    #: (since, charging), oldest first.
    truth: list[tuple[float, bool]]
    #: (due, starts, uid, is refused), in the order they came.
    queue: list[tuple[float, bool, str, bool]] = field(default_factory=list)
    reports_due: list[float] = field(default_factory=list)
    #: How it refuses.
    words: tuple[str, ...] = ("no",)
    received_of: float = 0.0
    taken: int = 0

    def turn(self) -> None:
        """Receive commands, do what is due, and send the reports that are due."""
        now = self.hub.clock.time
        for _, payload in self.hub.sent[self.taken :]:
            self._take(orjson.loads(payload), now)
        self.taken = len(self.hub.sent)
        while self.queue and self.queue[0][0] <= now:
            _, starts, uid, refused = self.queue.pop(0)
            if refused:
                words = self.chance.choice(self.words)
                refusal = report("evt.error.report", "string", "failed", msg=words)
                self.hub.feed(CHARGER, refusal | {"corid": uid})
            else:
                self.truth.append((now, starts))
                self.reports_due.append(now + self.chance.choice((0.0, 1.0, 8.0)))
        for due in [each for each in self.reports_due if each <= now]:
            self.reports_due.remove(due)
            self._tell(now)

    def _take(self, message: dict[str, Any], now: float) -> None:
        kind = message.get("type")
        if kind in ("cmd.charge.start", "cmd.charge.stop"):
            earliest = self.queue[-1][0] if self.queue else now
            due = max(earliest, now + self.chance.choice((0.1, 0.5, 2.0, 4.0)))
            refused = self.chance.random() < 0.25
            self.queue.append((due, kind == "cmd.charge.start", message["uid"], refused))
            self.reports_due.append(now)
        elif kind == "cmd.state.get_report" and self.chance.random() < 0.7:
            self.reports_due.append(now)

    def _tell(self, now: float) -> None:
        """Report the state of some seconds ago, but nothing older than before."""
        self.received_of = max(self.received_of, now - self.chance.random() * _STALENESS)
        charging = [each for since, each in self.truth if since <= self.received_of][-1]
        self.hub.feed(CHARGER, state("charging" if charging else "ready_to_charge"))

    def will_charge(self, uid: str) -> bool:
        """Whether it charges, or will, according to the commands up to `uid`."""
        charging = self.truth[-1][1]
        for _, starts, each, refused in self.queue:
            charging = charging if refused else starts
            if each == uid:
                break
        return charging


class Course:
    """One random course of events."""

    def __init__(self, seed: int, restart_delay: float = 0.0, *, hasty: bool = False) -> None:
        self.chance = random.Random(seed)
        self.hub = OfflineHub(options=replace(UNTHROTTLED, restart_delay=restart_delay))
        #: What charges and stops while a start is held holds it longer.
        self.patience = _LIMIT + 5 * restart_delay + (_RETRIES if hasty else 0.0)
        self.hub.connection_made()
        modes = {"sup_charging_modes": ["normal", "slow"]}
        self.hub.feed(ADAPTER, inclusion(props=modes))
        self.hub.feed(CHARGER, state())
        self.hub.sent.clear()
        node = self.hub.nodes[ADDRESS]
        assert isinstance(node, FimpChargepoint)
        self.node = node
        self.charger = SlowCharger(self.hub, self.chance, [(0.0, False)])
        if hasty:
            self.charger.words = ("no", "too many requests", "Too many requests")
        self.calls: list[tuple[float, asyncio.Task[None]]] = []
        self.stops_done = 0

    async def run(self) -> None:
        events: tuple[Callable[[], None], ...] = (
            lambda: self._call(self.node.start_charging()),
            lambda: self._call(self._stop()),
            lambda: self._call(self.node.set_charging_mode(self.chance.choice(("normal", "slow")))),
            self._lose_link,
            lambda: self.hub.feed(CHARGER, report("evt.current_session.report", "float", 1.0)),
        )
        for _ in range(_STEPS):
            self.chance.choices(events, weights=(4, 6, 2, 0.3, 2))[0]()
            await self._pass(self.chance.choice((0.5, 1.0, 5.0, 12.0)))
        await self._pass(self.patience + 5)
        for _, call in self.calls:
            assert call.done()
        pending = self.node.snapshot.pending
        assert (pending.get("charging"), pending.get("charging_mode")) == (None, None)

    def _call(self, command: Coroutine[Any, Any, None]) -> None:
        self.calls.append((self.hub.clock.time, asyncio.create_task(command)))

    async def _stop(self) -> None:
        sent = len(self.hub.sent)
        await self.node.stop_charging()
        self.stops_done += 1
        messages = [orjson.loads(payload) for _, payload in self.hub.sent[sent:]]
        ours = [each["uid"] for each in messages if each.get("type") == "cmd.charge.stop"]
        # One that was refused is sent again, under another name.
        last = ours[-1 if self.charger.words[1:] else 0] if ours else ""
        assert not self.charger.will_charge(last), "a stop was done, and it charges"

    def _lose_link(self) -> None:
        self.hub.connection_lost(NotConnectedError("gone"))
        self.hub.connection_made()

    async def _pass(self, seconds: float) -> None:
        until = self.hub.clock.time + seconds
        while self.hub.clock.time < until:
            self.hub.advance(min(until, self.hub.clock.time + 0.5))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            self.charger.turn()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            for since, call in self.calls:
                waited = self.hub.clock.time - since
                assert call.done() or waited <= self.patience + 1, "it hangs"
                if call.done() and (error := call.exception()) is not None:
                    assert isinstance(error, ChargepointError), error
            assert "internal" not in self.hub.ignored


@pytest.mark.parametrize(
    ("first", "restart_delay", "hasty"),
    [
        *((first, 0.0, False) for first in range(0, 60, 10)),
        *((first, 10.0, False) for first in (60, 70)),
        *((first, 0.0, True) for first in (80, 90, 100)),
    ],
)
async def test_a_stop_that_is_done_is_done(
    first: int, restart_delay: float, *, hasty: bool
) -> None:
    stops_done = 0
    for seed in range(first, first + 10):
        course = Course(seed, restart_delay, hasty=hasty)
        await course.run()
        stops_done += course.stops_done
    assert stops_done > 10
