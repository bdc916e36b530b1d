"""Silence is noticed in time, and questions are repeated."""

from collections.abc import Callable

import pytest

from custom_components.fimp_chargepoint.chargepoint.internal_errors import InternalErrors
from custom_components.fimp_chargepoint.chargepoint.scheduler import Scheduler, Timers, posix
from custom_components.fimp_chargepoint.chargepoint.watchdog import (
    Inquiry,
    LastSeen,
    Patience,
    Watchdog,
)

from .fakes import ManualClock, advance


class Site:
    """Time, and what happened when."""

    def __init__(self, patience: Patience, *, asks: bool = True) -> None:
        """Start at 0."""
        self.clock = ManualClock(0.0)
        self.scheduler = Scheduler(self.clock, InternalErrors())
        self.happened: list[tuple[str, float]] = []
        self.timers = Timers(self.scheduler)
        self.patience = patience
        self.watchdog = Watchdog(
            self.timers,
            lambda: self.patience,
            ask=self.note("ask") if asks else None,
            silent=self.note("silent"),
        )
        self.watchdog.start(0.0)

    def note(self, what: str) -> Callable[[float], None]:
        """Return what notes that it was called."""
        return lambda now: self.happened.append((what, now))

    def until(self, when: float) -> list[tuple[str, float]]:
        """Let time pass; return what happened meanwhile."""
        advance(self.clock, self.scheduler, when)
        happened, self.happened = self.happened, []
        return happened

    def receive(self, when: float) -> list[tuple[str, float]]:
        """Receive a message."""
        happened = self.until(when)
        self.watchdog.received(when)
        return happened


def test_asks_before_it_gives_up() -> None:
    site = Site(Patience(ask_after=20, answer_time=10, tries=1))
    assert site.until(70) == [("ask", 20), ("silent", 30), ("ask", 30), ("ask", 50), ("ask", 70)]


def test_several_tries() -> None:
    site = Site(Patience(ask_after=20, answer_time=5, tries=2))
    assert site.until(50) == [("ask", 20), ("ask", 25), ("silent", 30), ("ask", 30), ("ask", 50)]


def test_messages_keep_it_quiet() -> None:
    site = Site(Patience(ask_after=20, answer_time=10, tries=1))
    assert not [event for when in range(0, 400, 15) for event in site.receive(when)]
    assert site.until(420) == [("ask", 410), ("silent", 420), ("ask", 420)]


def test_an_answer_ends_the_silence_and_the_next_one_is_noticed() -> None:
    site = Site(Patience(ask_after=20, answer_time=10, tries=1))
    site.until(35)
    assert site.receive(36) == []
    # The question may come early, silence is not declared early.
    assert site.until(66) == [("ask", 55), ("silent", 66), ("ask", 66)]


def test_one_that_cannot_be_asked() -> None:
    site = Site(Patience(ask_after=20), asks=False)
    assert site.until(500) == [("silent", 20)]
    site.receive(510)
    assert site.until(1000) == [("silent", 530)]


def test_less_patience_counts_at_once() -> None:
    site = Site(Patience(ask_after=80, answer_time=40, tries=1))
    site.until(25)
    site.patience = Patience(ask_after=20, answer_time=10, tries=1)
    site.watchdog.patience_changed(25)
    assert site.until(35) == [("ask", 25), ("silent", 35), ("ask", 35)]


def test_many_silent_ones_are_asked_in_one_wake() -> None:
    clock, asked, wakes = ManualClock(0.0), list[int](), list[float]()
    scheduler = Scheduler(clock, InternalErrors())
    patience = Patience(ask_after=20, answer_time=10, tries=1)

    def dog(number: int) -> Watchdog:
        return Watchdog(
            Timers(scheduler),
            lambda: patience,
            ask=lambda _: asked.append(number),
            silent=lambda _: pytest.fail("silent"),
        )

    dogs = [dog(number) for number in range(100)]
    for number, each in enumerate(dogs):
        each.start(number / 100)
    while (due := scheduler.next_deadline) is not None and due <= 100:
        wakes.append(due)
        clock.time = due
        scheduler.run(due)
        while asked:
            clock.time += 0.01
            dogs[asked.pop()].received(clock.time)
    assert wakes == [20, 40, 60, 80, 100]


def test_a_question_that_is_given_up() -> None:
    site = Site(Patience(ask_after=1000))
    inquiry = Inquiry(site.timers, "q", site.note("q"), (3, 5), gave_up=site.note("gave up"))
    inquiry.start(0)
    assert inquiry.is_open
    assert site.until(100) == [("q", 0), ("q", 3), ("gave up", 8)]
    assert not inquiry.is_open


def test_a_question_that_is_repeated_for_ever() -> None:
    site = Site(Patience(ask_after=1000))
    inquiry = Inquiry(site.timers, "q", site.note("q"), (3, 5))
    inquiry.start(0)
    assert site.until(20) == [("q", 0), ("q", 3), ("q", 8), ("q", 13), ("q", 18)]


def test_an_answered_question_is_not_repeated() -> None:
    site = Site(Patience(ask_after=1000))
    inquiry = Inquiry(site.timers, "q", site.note("q"), (3, 5))
    inquiry.start(0)
    inquiry.answered()
    assert site.until(20) == [("q", 0)]
    assert not inquiry.is_open


# Last seen, also in an earlier run ----------------------------------------------------------

HOUR = 3600.0
DAY = 24 * HOUR
#: The beginning of an hour.
EVENING = 472_222 * HOUR


def hour(when: float) -> dict[str, object]:
    """Return how an hour is stored."""
    return {"at": posix(when).isoformat()}


def set_calendar(clock: ManualClock, by: float) -> None:
    """Set the system clock."""
    clock.set_calendar(by)
    clock.adjust()


def test_last_seen_is_stored_to_the_hour_and_survives_a_restart() -> None:
    clock = ManualClock(EVENING)
    last_seen = LastSeen(clock, None)
    clock.time += 1.5 * HOUR
    last_seen.seen()
    assert last_seen.at == posix(EVENING + 1.5 * HOUR)
    clock.time += HOUR
    assert last_seen.age == HOUR
    assert last_seen.to_storage() == hour(EVENING + HOUR)
    clock.time += DAY
    restarted = LastSeen(clock, last_seen.to_storage())
    assert restarted.at == posix(EVENING + HOUR)
    # It may have been seen at the end of that hour.
    assert restarted.age == DAY + 0.5 * HOUR
    assert restarted.to_storage() == hour(EVENING + HOUR)
    restarted.seen()
    assert restarted.age == 0


@pytest.mark.parametrize(
    "stored", [None, {}, 7, {"at": "soon"}, {"at": None}, hour(EVENING + 9 * DAY)]
)
def test_a_stored_hour_that_cannot_be_true_counts_as_now(stored: object) -> None:
    clock = ManualClock(EVENING)
    last_seen = LastSeen(clock, stored)
    clock.time += 5 * HOUR
    assert last_seen.age == 5 * HOUR
    assert last_seen.to_storage() == hour(EVENING)


def test_last_seen_does_not_change_when_the_system_clock_is_set() -> None:
    clock = ManualClock(EVENING)
    last_seen = LastSeen(clock, None)
    set_calendar(clock, 9 * DAY)
    assert last_seen.age == 0
    assert last_seen.at == posix(EVENING + 9 * DAY)


def test_a_clock_that_was_wrong_at_the_start_costs_a_stored_hour_at_most() -> None:
    clock = ManualClock(EVENING)
    set_calendar(clock, 9 * DAY)
    ahead = LastSeen(clock, hour(EVENING - 2 * HOUR))
    set_calendar(clock, -18 * DAY)
    behind = LastSeen(clock, hour(EVENING - 2 * HOUR))
    set_calendar(clock, 9 * DAY)
    clock.time += HOUR
    assert ahead.age == 2 * HOUR
    assert behind.age == HOUR


def test_what_a_newer_version_has_stored_of_it_stays() -> None:
    clock = ManualClock(EVENING)
    last_seen = LastSeen(clock, {**hour(EVENING - HOUR), "by": "whom"})
    last_seen.seen()
    assert last_seen.to_storage() == {**hour(EVENING), "by": "whom"}
