"""Detect silence, short or long, and unanswered questions, the same way in every protocol."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar, Final, NamedTuple

from .scheduler import Clock, Timers, in_slot
from .stored import DamagedError, Readers, Stored, timestamp

#: Silent nodes are asked up to so many seconds early: many of them with one wake of the loop.
_SLOT: Final = 5.0

type Ask = Callable[[float], None]


class Patience(NamedTuple):
    """How long a node may be silent, in seconds.

    After `ask_after` without a message, the node is asked `tries` times, `answer_time` apart.
    If nothing comes, it is silent, and it is asked again every `ask_after`.
    """

    ask_after: float
    answer_time: float = 0.0
    tries: int = 0


class Watchdog:
    """Detects that a node has stopped sending messages.

    A message only stores a time; the deadline moves when it is due, not with every message.
    """

    def __init__(
        self, timers: Timers, patience: Callable[[], Patience], *, ask: Ask | None, silent: Ask
    ) -> None:
        """Call `ask(now)` to provoke a message, and `silent(now)` once if none came."""
        self._timers = timers
        self._patience = patience
        self._ask = ask
        self._silent = silent
        self._asked = 0
        self._scheduled = False
        #: When the last message came, in seconds of the hub's clock.
        self.received_at = float("-inf")

    def start(self, now: float) -> None:
        """Wait for messages from `now` on."""
        self._scheduled = False
        self.received(now)

    def received(self, now: float) -> None:
        """Record that a message has arrived."""
        self.received_at = now
        if self._asked or not self._scheduled:
            self._asked = 0
            self._schedule(now)

    def patience_changed(self, now: float) -> None:
        """Apply a changed patience to the current silence."""
        if not self._asked:
            self._check(now)

    def _schedule(self, now: float) -> None:
        ask_after, answer_time, tries = self._patience()
        self._scheduled = True
        when = now + answer_time if 0 < self._asked <= tries else self._due(now)
        if self._asked == tries:
            # The question may have been early, but silence is not declared early.
            when = max(when, self.received_at + ask_after + tries * answer_time)
        self._timers.set("silence", when, self._check)

    def _due(self, since: float) -> float:
        """Return when to ask after silence `since` a time."""
        due = since + self._patience().ask_after
        return in_slot(due, _SLOT) if self._ask is not None else due

    def _check(self, now: float) -> None:
        self._scheduled = False
        if now < self._due(self.received_at):
            self._schedule(self.received_at)
            return
        if self._asked == self._patience().tries:
            self._silent(now)
        self._asked += 1
        if self._ask is not None:
            self._ask(now)
            self._schedule(now)


_HOUR: Final = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _StoredHour(Stored):
    READERS: ClassVar[Readers] = {"at": timestamp}
    REQUIRED = ("at",)

    at: datetime


class LastSeen:
    """When a node was last seen; stored to the hour, so that it survives a restart.

    A time of this run is one of the hub's clock, which never jumps. A stored time that is damaged
    or in the future is replaced by the present.
    """

    def __init__(self, clock: Clock, stored: object) -> None:
        """Continue with what `to_storage` returned in an earlier run."""
        self._clock = clock
        now = clock.now()
        #: None until this run has seen it.
        self._seen_at: float | None = None
        try:
            self._stored = _StoredHour.from_storage(stored)
        except DamagedError:
            self._stored = _StoredHour(at=clock.to_datetime(now))
        if self._stored.at >= clock.to_datetime(now):
            self._seen_at = now

    def seen(self) -> None:
        """Record that it is there now."""
        self._seen_at = self._clock.now()

    @property
    def at(self) -> datetime:
        """When that was, by the current system clock; of an earlier run, the hour."""
        seen_at = self._seen_at
        return self._stored.at if seen_at is None else self._clock.to_datetime(seen_at)

    @property
    def age(self) -> float:
        """For how many seconds, at least, it has not been seen."""
        now = self._clock.now()
        if self._seen_at is not None:
            return now - self._seen_at
        return (self._clock.to_datetime(now) - self._stored.at).total_seconds() - _HOUR

    def to_storage(self) -> dict[str, object]:
        """Return what the next run continues with, fit for JSON."""
        hour = self.at.replace(minute=0, second=0, microsecond=0)
        return replace(self._stored, at=hour).to_storage()


class Inquiry:
    """A question that is repeated until it is answered."""

    def __init__(
        self,
        timers: Timers,
        name: str,
        ask: Ask,
        pauses: Sequence[float],
        *,
        gave_up: Ask | None = None,
    ) -> None:
        """Ask with `pauses` in between, in seconds.

        After the last pause, call `gave_up(now)`; without `gave_up`, the last pause repeats
        forever. `name` is the name of the timer.
        """
        self._timers = timers
        self._name = name
        self._ask = ask
        self._pauses = pauses
        self._gave_up = gave_up

    @property
    def is_open(self) -> bool:
        """Whether the question is unanswered."""
        return self._name in self._timers

    def start(self, now: float) -> None:
        """Ask, and start waiting for the answer."""
        self._ask(now)
        self.wait(now)

    def wait(self, now: float) -> None:
        """Start waiting for the answer to a question that was already asked."""
        self._wait(0, now)

    def answered(self) -> None:
        """Stop waiting."""
        self._timers.cancel(self._name)

    def _wait(self, number: int, now: float) -> None:
        def again(now: float) -> None:
            last = number + 1 == len(self._pauses)
            if last and self._gave_up is not None:
                self._gave_up(now)
                return
            self._ask(now)
            self._wait(number if last else number + 1, now)

        self._timers.set(self._name, now + self._pauses[number], again)
