"""The expected effects of commands, and requests that may still take effect. Pure except for time.

A request that was neither confirmed nor refused may still take effect.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar, Protocol

from ..errors import ChargepointError
from ..model import ChargepointSnapshot
from ..node import NodeHost, Request
from ..scheduler import Timers

#: A time before all others.
AT_ONCE = float("-inf")
#: Requests per fact that are remembered; more than a minute of repeated stops.
_REQUESTS_MAX = 32
#: The part of a command's time limit after which its outcome is queried, and the longest pause
#: between two such queries, in seconds.
_ASK = 1 / 4
_ASK_MAX = 300.0


@dataclass(frozen=True, slots=True)
class ExpectedState:
    """The expected effect of a command: a `value` of a `fact`, and how a snapshot shows it.

    Two effects on the same fact with different values are opposites.
    """

    fact: str
    value: object
    matches: Callable[[ChargepointSnapshot], bool] = field(compare=False)


def expects(fact: str, value: object) -> ExpectedState:
    """Return the effect that the snapshot's field `fact` has `value`."""
    return ExpectedState(fact, value, lambda snapshot: getattr(snapshot, fact) == value)


@dataclass(slots=True, eq=False, kw_only=True)
class Command:
    """A command: what is requested, what confirms it, and its callers.

    `kind` is its slot, and the key of `requested` in the snapshot's `pending`. `request` makes its
    message when it is sent, which is not before `not_before()`. `report` names the report that can
    confirm it, by showing `effect`, if `confirmed` agrees. Without an effect its acceptance is the
    confirmation, and if `report` is None there is no confirmation: then it is done when it was
    sent. `achieved` is called when it is done. Reports before `counts_from` confirm nothing. `sent`
    is the id of its last message, None while it is delayed.

    If its message is refused, but an earlier one may have been carried out, it ends with `refusal`
    if no report shows its effect in time.

    A command that is refused for now `retries`, until `overtaken(then, now)` is true of the
    snapshot at the first refusal and the current one; None if any refusal is final.
    """

    kind: str
    requested: object
    effect: ExpectedState | None
    report: str | None
    request: Callable[[], Request]
    not_before: Callable[[], float] = lambda: AT_ONCE
    confirmed: Callable[[], bool] = lambda: True
    achieved: Callable[[], None] = lambda: None
    overtaken: Callable[[ChargepointSnapshot, ChargepointSnapshot], bool] | None = None
    counts_from: float = AT_ONCE
    sent: str | None = None
    waiters: list[asyncio.Future[None]] = field(default_factory=list)
    refused: tuple[float, ChargepointSnapshot] | None = None
    retries: bool = False
    refusal: ChargepointError | None = None

    def is_confirmed_by(self, snapshot: ChargepointSnapshot) -> bool:
        """Whether its effect is there; after a refusal a pause counts only for a stop."""
        if self.retries and self.requested is not False and snapshot.charging is False:
            return False
        return self.effect is not None and self.effect.matches(snapshot)


@dataclass(slots=True)
class _Asked:
    """The requests of one fact: the expected effects by request id, oldest first.

    `report` is the report that shows it. `plugged` is whether a car was plugged in when the first
    of them was sent. If a request was accepted and its outcome is unknown, `achieved` is called
    when it takes effect.
    """

    report: str
    plugged: bool | None
    sent_at: float = 0.0
    requests: dict[str, ExpectedState] = field(default_factory=dict)
    achieved: Callable[[], None] | None = None


class Commanded(Protocol):
    """What commands need from their charge point.

    They wait `command_timeout` seconds for a confirmation by reports that are at most `report_age`
    seconds old.
    """

    host: NodeHost
    timers: Timers
    snapshot: ChargepointSnapshot
    command_timeout: ClassVar[float]
    report_age: ClassVar[float]


class Outstanding:
    """All requests of one charge point that may still take effect, by fact."""

    def __init__(self, chargepoint: Commanded, ask: Callable[[str], None]) -> None:
        """Take the arguments of `Commands`."""
        self._chargepoint = chargepoint
        self._ask = ask
        self._asked: dict[str, _Asked] = {}

    @property
    def is_empty(self) -> bool:
        """Whether there is none."""
        return not self._asked

    def opposes(self, effect: ExpectedState) -> bool:
        """Whether the opposite of `effect` was requested and may still happen."""
        asked = self._asked.get(effect.fact)
        return asked is not None and any(each != effect for each in asked.requests.values())

    def may_achieve(self, effect: ExpectedState) -> bool:
        """Whether `effect` was requested and may still happen, or has happened."""
        asked = self._asked.get(effect.fact)
        return asked is not None and effect in asked.requests.values()

    def remember(self, request_id: str, effect: ExpectedState, report: str, now: float) -> None:
        """Remember what a request may do, even if it seems not to have been sent."""
        asked = self._asked.setdefault(
            effect.fact, _Asked(report, self._chargepoint.snapshot.plugged)
        )
        asked.sent_at = now
        asked.achieved = None
        asked.requests[request_id] = effect
        if len(asked.requests) > _REQUESTS_MAX:
            del asked.requests[next(iter(asked.requests))]

    def query(self, effect: ExpectedState, achieved: Callable[[], None], now: float) -> None:
        """Ask until it is known whether `effect`, the last one remembered, has occurred."""
        asked = self._asked.get(effect.fact)
        if asked is not None:
            asked.achieved = achieved
            self._ask_again(effect.fact, _ASK * self._chargepoint.command_timeout, now)

    def confirmed(self, fact: str) -> None:
        """Forget the requests of `fact`: one of them was confirmed."""
        self._asked.pop(fact, None)

    def refused(self, request_id: str) -> None:
        """Forget a request that has had no effect, and will not have any."""
        for fact, asked in tuple(self._asked.items()):
            asked.requests.pop(request_id, None)
            if not asked.requests:
                del self._asked[fact]

    def reported(self, report: str, waits: set[str], now: float) -> None:
        """Check what a report shows, except for the facts that a command `waits` for."""
        snapshot = self._chargepoint.snapshot
        for fact, asked in tuple(self._asked.items()):
            if asked.report != report or fact in waits:
                continue
            holds = tuple(asked.requests.values())[-1].matches(snapshot)
            if asked.achieved is not None and holds:
                asked.achieved()
                asked.achieved = None
            # Until then a report may date from before the request.
            settled = now >= asked.sent_at + self._chargepoint.report_age
            gone = asked.plugged is True and snapshot.plugged is False
            if (settled and (holds or asked.achieved is not None)) or gone:
                del self._asked[fact]

    def _ask_again(self, fact: str, pause: float, now: float) -> None:
        """Ask for the outcome, unless it is known; a charge point that is away is asked later."""
        asked = self._asked.get(fact)
        if asked is None or asked.achieved is None:
            return
        if self._chargepoint.snapshot.available:
            self._ask(asked.report)
        longer = min(2 * pause, _ASK_MAX)
        self._chargepoint.timers.set(
            f"query {fact}", now + pause, partial(self._ask_again, fact, longer)
        )
