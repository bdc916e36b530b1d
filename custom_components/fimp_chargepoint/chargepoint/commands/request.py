"""What commands bring about, and what was asked for and may still happen. Pure but for time.

What was asked of a charge point and is neither proven nor refused may still happen.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar, NamedTuple, Protocol

from ..model import ChargepointSnapshot
from ..node import NodeHost, Outgoing
from ..scheduler import Timers

#: Before any time.
EVER = float("-inf")
#: Requests for one fact that are kept in mind; more than a minute of repeated stops.
_REQUESTS_MAX = 32
#: The part of the time limit of a command after which it is asked what came of it, and the
#: longest pause between two such questions, in seconds.
_ASK = 1 / 4
_ASK_MAX = 300.0


class Request(NamedTuple):
    """A message to a charge point; its reply or refusal refers to `id`.

    Where there are no topics, `topic` is the name of the message.
    """

    id: str
    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class ExpectedState:
    """What a command brings about: a `value` of a `fact`, and how a snapshot shows it.

    Two effects on the same fact with different values are opposites.
    """

    fact: str
    value: Any
    matches: Callable[[ChargepointSnapshot], bool] = field(compare=False)


def expects(fact: str, value: Any) -> ExpectedState:
    """Return the effect that the snapshot's field `fact` has `value`."""
    return ExpectedState(fact, value, lambda snapshot: getattr(snapshot, fact) == value)


@dataclass(slots=True, eq=False, kw_only=True)
class Command:
    """A command: what was wanted, what proves it, who waits for it.

    `kind` is its slot, and the key of `requested` in the snapshot's `pending`. `request` makes
    its message at the moment when that leaves, which is not before `not_before()`.
    `report` names the report that can prove it, by showing `effect` and that `confirmed`
    agrees. Without an effect its acceptance is the proof, and where `report` is None
    nobody will tell: then it is done when it has left. `achieved` is called when it was.
    Reports before `counts_from` prove nothing. `sent` is the id of its last message, None
    as long as it is held.

    One that is refused for now `retries`, until `overtaken(then, now)` by what was known at
    the first refusal and what is; None where any refusal is final.
    """

    kind: str
    requested: Any
    effect: ExpectedState | None
    report: str | None
    request: Callable[[], Outgoing]
    not_before: Callable[[], float] = lambda: EVER
    confirmed: Callable[[], bool] = lambda: True
    achieved: Callable[[], None] = lambda: None
    overtaken: Callable[[ChargepointSnapshot, ChargepointSnapshot], bool] | None = None
    counts_from: float = EVER
    sent: str | None = None
    waiters: list[asyncio.Future[None]] = field(default_factory=list)
    refused: tuple[float, ChargepointSnapshot] | None = None
    retries: bool = False

    def is_confirmed_by(self, snapshot: ChargepointSnapshot) -> bool:
        """Whether its effect is there; of one that was refused no pause tells, but a stop's."""
        if self.retries and self.requested is not False and snapshot.charging is False:
            return False
        return self.effect is not None and self.effect.matches(snapshot)


@dataclass(slots=True)
class _Asked:
    """What was asked of one fact: the wanted effects by request id, oldest first.

    `report` is the report that shows it. `plugged` is whether a car was there when the
    first of them left. Where it was taken, and nobody knows what came of it, `achieved` is
    to be called if it happened.
    """

    report: str
    plugged: bool | None
    sent_at: float = 0.0
    requests: dict[str, ExpectedState] = field(default_factory=dict)
    achieved: Callable[[], None] | None = None


class Commanded(Protocol):
    """What commands need of their charge point.

    They wait `command_timeout` seconds for a confirmation, by reports that are at most
    `report_age` seconds old.
    """

    host: NodeHost
    timers: Timers
    snapshot: ChargepointSnapshot
    command_timeout: ClassVar[float]
    report_age: ClassVar[float]


class Outstanding:
    """Everything of one charge point that may still happen, by fact."""

    def __init__(self, chargepoint: Commanded, ask: Callable[[str], None]) -> None:
        """Take what `Commands` takes."""
        self._chargepoint = chargepoint
        self._ask = ask
        self._asked: dict[str, _Asked] = {}

    def opposes(self, effect: ExpectedState) -> bool:
        """Whether the opposite of `effect` was asked for and may still happen."""
        asked = self._asked.get(effect.fact)
        return asked is not None and any(each != effect for each in asked.requests.values())

    def remember(self, request_id: str, effect: ExpectedState, report: str, now: float) -> None:
        """Keep in mind what a request may do, also when it seems not to have left."""
        asked = self._asked.setdefault(
            effect.fact, _Asked(report, self._chargepoint.snapshot.plugged)
        )
        asked.sent_at = now
        asked.achieved = None
        asked.requests[request_id] = effect
        if len(asked.requests) > _REQUESTS_MAX:
            del asked.requests[next(iter(asked.requests))]

    def doubt(self, effect: ExpectedState, achieved: Callable[[], None], now: float) -> None:
        """Ask until it is known whether `effect`, remembered as the last one, has come."""
        asked = self._asked.get(effect.fact)
        if asked is not None:
            asked.achieved = achieved
            self._ask_again(effect.fact, _ASK * self._chargepoint.command_timeout, now)

    def confirmed(self, fact: str) -> None:
        """What was asked of `fact` has happened; nothing of it is left."""
        self._asked.pop(fact, None)

    def refused(self, request_id: str) -> None:
        """A request has done nothing, and will not."""
        for fact, asked in tuple(self._asked.items()):
            asked.requests.pop(request_id, None)
            if not asked.requests:
                del self._asked[fact]

    def reported(self, report: str, waits: set[str], now: float) -> None:
        """Look what a report shows, but of the facts that somebody `waits` for."""
        snapshot = self._chargepoint.snapshot
        for fact, asked in tuple(self._asked.items()):
            if asked.report != report or fact in waits:
                continue
            holds = tuple(asked.requests.values())[-1].matches(snapshot)
            if asked.achieved is not None and holds:
                asked.achieved()
                asked.achieved = None
            # Until then a report may be of before the request.
            settled = now >= asked.sent_at + self._chargepoint.report_age
            gone = asked.plugged is True and snapshot.plugged is False
            if (settled and (holds or asked.achieved is not None)) or gone:
                del self._asked[fact]

    def _ask_again(self, fact: str, pause: float, now: float) -> None:
        """Ask what came of it, unless that is known; what is away is asked when it is back."""
        asked = self._asked.get(fact)
        if asked is None or asked.achieved is None:
            return
        if self._chargepoint.snapshot.available:
            self._ask(asked.report)
        longer = min(2 * pause, _ASK_MAX)
        self._chargepoint.timers.set(
            f"doubt {fact}", now + pause, partial(self._ask_again, fact, longer)
        )
