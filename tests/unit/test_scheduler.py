"""Deadlines: in order, once, and at a cost that does not grow with their number."""

import asyncio
from collections.abc import Callable
import gc
from typing import override
import weakref

import pytest

from custom_components.fimp_chargepoint.chargepoint.internal_errors import InternalErrors
from custom_components.fimp_chargepoint.chargepoint.scheduler import (
    Scheduler,
    SteadyClock,
    Timers,
)

from .fakes import ManualClock, OfflineHub, advance
from .fimp_messages import ADAPTER, CHARGER, inclusion, state


class ArmedClock(ManualClock):
    """A clock that notes for when the timer of the loop is set; None for not at all."""

    def __init__(self) -> None:
        """Start at 0."""
        super().__init__(0.0)
        self.armed: list[float | None] = []

    @override
    def call_at(self, when: float, callback: Callable[[], None]) -> Callable[[], None]:
        self.armed.append(when)
        return lambda: self.armed.append(None)


@pytest.fixture
def clock() -> ArmedClock:
    return ArmedClock()


@pytest.fixture
def scheduler(clock: ArmedClock) -> Scheduler:
    return Scheduler(clock, InternalErrors())


def test_actions_run_in_order_and_may_change_what_follows(
    clock: ArmedClock, scheduler: Scheduler
) -> None:
    timers, others = Timers(scheduler), Timers(scheduler)
    ran: list[str] = []

    def first(_: float) -> None:
        ran.append("first")
        others.cancel("second")
        timers.set("third", 9.0, lambda _: ran.append("moved"))

    others.set("second", 2.0, lambda _: ran.append("second"))
    timers.set("first", 1.0, first)
    timers.set("third", 3.0, lambda _: ran.append("third"))
    assert (timers.next_deadline, scheduler.next_deadline) == (1.0, 1.0)
    scheduler.run(5.0)
    assert ran == ["first"]
    assert (timers.next_deadline, scheduler.next_deadline) == (9.0, 9.0)
    assert "second" not in others
    scheduler.run(9.0)
    assert ran == ["first", "moved"]
    assert timers.next_deadline is scheduler.next_deadline is None
    timers.set("x", 1.0, first)
    timers.clear()
    assert "x" not in timers
    scheduler.run(9.0)
    assert ran == ["first", "moved"]


def test_what_is_due_at_once_waits_for_its_turn(clock: ArmedClock, scheduler: Scheduler) -> None:
    """An action that sets itself again for now must not keep the loop."""
    timers = Timers(scheduler)
    ran: list[float] = []

    def again(now: float) -> None:
        ran.append(now)
        timers.set("again", now, again)

    timers.set("again", 1.0, again)
    scheduler.run(1.0)
    assert ran == [1.0]
    assert clock.armed[-1] == 1.0


def test_the_loop_has_one_timer_and_it_is_set_when_that_is_needed(
    clock: ArmedClock, scheduler: Scheduler
) -> None:
    timers = Timers(scheduler)
    timers.set("a", 20.0, lambda _: None)
    timers.set("b", 30.0, lambda _: None)
    assert clock.armed == [20.0]
    timers.set("c", 10.0, lambda _: None)
    assert clock.armed == [20.0, None, 10.0]
    # A deadline that is moved away leaves the timer: it finds nothing to do.
    timers.set("c", 40.0, lambda _: None)
    assert clock.armed[-1] == 10.0
    advance(clock, scheduler, 20.0)
    assert clock.armed[-2:] == [None, 30.0]
    scheduler.stop()
    timers.set("d", 21.0, lambda _: None)
    assert clock.armed[-1] is None


def test_deadlines_that_are_moved_all_the_time_fill_no_memory(scheduler: Scheduler) -> None:
    timers = [Timers(scheduler) for _ in range(100)]
    for when in range(100):
        for each in timers:
            each.set("silence", 1000.0 + when, print)
    assert len(scheduler._heap) < 500
    ran: list[float] = []
    timers[0].set("silence", 5.0, ran.append)
    scheduler.run(5.0)
    assert ran == [5.0]


def test_nothing_is_set_for_an_owner_that_is_gone(scheduler: Scheduler) -> None:
    """Its earlier deadline is cancelled, too."""
    timers = Timers(scheduler)
    ran: list[float] = []
    timers.set("before", 1.0, ran.append)
    timers.stop()
    timers.set("after", 2.0, ran.append)
    scheduler.run(10.0)
    assert not ran
    assert scheduler.next_deadline is None


def test_a_node_that_was_not_added_does_nothing(scheduler: Scheduler) -> None:
    timers = Timers(scheduler, running=False)
    ran: list[float] = []
    timers.set("first", 1.0, ran.append)
    timers.set("second", 2.0, ran.append)
    timers.cancel("second")
    scheduler.run(3.0)
    assert ran == []
    timers.start()
    scheduler.run(3.0)
    assert ran == [3.0]


def test_a_cancelled_deadline_keeps_nobody_in_memory(scheduler: Scheduler) -> None:
    class Owner:
        """Something that has deadlines."""

    owner = Owner()
    timers = Timers(scheduler, owner)
    timers.set("far away", 1e6, lambda _: None)
    timers.clear()
    reference = weakref.ref(owner)
    del owner, timers
    gc.collect()
    assert reference() is None


async def test_real_time() -> None:
    clock = SteadyClock()
    scheduler = Scheduler(clock, InternalErrors())
    done = asyncio.Event()
    began = clock.now()
    Timers(scheduler).set("soon", began + 0.05, lambda _: done.set())
    async with asyncio.timeout(5):
        await done.wait()
    assert clock.now() - began >= 0.05


def test_a_message_looks_at_no_other_charge_point(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand of them must not make one message dearer."""
    hub = OfflineHub()
    hub.connection_made()
    hub.feed(ADAPTER, inclusion(addresses=tuple(f"1_{number}" for number in range(1, 9))))
    for number in range(1, 9):
        hub.feed(f"{CHARGER}_{number}", state("charging"))
    assert len(hub.nodes) == 8

    def walked(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(type(hub), "_timed", property(walked))
    monkeypatch.setattr(Timers, "next_deadline", property(walked))
    hub.feed(f"{CHARGER}_1", state("ready_to_charge"))
    hub.advance(hub.clock.time + 1)
    assert not hub.internal_errors.counts
