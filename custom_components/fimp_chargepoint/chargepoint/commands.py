"""Commands that wait for their proof: one slot per kind, a newer one takes the place.

A charge point answers late, with stale reports, and more than once. So a command is done
when a report shows what was wanted, and where an older command may still take effect,
only a report of some seconds later counts. Knows nothing of protocols.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from .errors import (
    ChargepointError,
    CommandRejectedError,
    CommandSupersededError,
    CommandTimeoutError,
    NotConnectedError,
)
from .model import ChargepointSnapshot, Feature
from .node import Outlet
from .timers import Timers

#: The parts of the time limit after which evidence is asked for, again and again; and
#: after which a report counts, where the state was as wanted before the command.
_ASK = 1 / 4
_SETTLED = 1 / 20


class Request(NamedTuple):
    """A message to a charge point; `id` is what its refusal will refer to."""

    id: str
    topic: str
    payload: bytes


class Effect(NamedTuple):
    """The fact a command changes: a property of the snapshot, and its value."""

    fact: str
    value: bool

    def holds(self, snapshot: ChargepointSnapshot) -> bool:
        """Whether `snapshot` shows it."""
        return getattr(snapshot, self.fact) is self.value


@dataclass(slots=True, eq=False, kw_only=True)
class Command:
    """A command: what was wanted, what proves it, who waits for it.

    `kind` is its slot and the field of `Pending` that shows `wanted`. `evidence` is the
    report that can prove it, by showing `effect` and that `proven` agrees. `achieved` is
    called when it was.
    """

    kind: str
    wanted: bool | str
    effect: Effect
    evidence: Feature
    request: Request
    proven: Callable[[], bool] = lambda: True
    achieved: Callable[[], None] = lambda: None
    counts_from: float = float("-inf")
    request_ids: set[str] = field(default_factory=set)
    done: asyncio.Future[None] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Commands:
    """The commands of one charge point."""

    def __init__(
        self,
        outlet: Outlet,
        timers: Timers,
        timeout: float,
        *,
        ask: Callable[[Feature], None],
        show: Callable[[str, bool | str | None], None],
    ) -> None:
        """Wait `timeout` seconds for proofs.

        `ask` asks the charge point for evidence, `show` shows what is wanted of a kind,
        None for nothing any more.
        """
        self._outlet = outlet
        self._timers = timers
        self._timeout = timeout
        self._ask = ask
        self._show = show
        self._waiting: dict[str, Command] = {}
        #: What was asked for last and never proven nor refused: it may still happen.
        self._unproven: dict[str, bool] = {}

    def needless(self, kind: str, effect: Effect, snapshot: ChargepointSnapshot) -> bool:
        """Whether `effect` is so already, and nothing under way can change that."""
        return (
            effect.holds(snapshot)
            and kind not in self._waiting
            and self._unproven.get(effect.fact, effect.value) is effect.value
        )

    def waits(self, kind: str) -> bool:
        """Whether a command of `kind` waits for its proof."""
        return kind in self._waiting

    async def perform(self, command: Command, snapshot: ChargepointSnapshot) -> None:
        """Send `command` and return when the charge point has proven it.

        Raises:
            NotConnectedError, CommandRejectedError, CommandTimeoutError,
            CommandSupersededError: as they say.

        """
        request = command.request
        waiting = self._waiting.get(command.kind)
        if waiting is None or waiting.wanted != command.wanted:
            self._supersede(command)
            self._begin(command, snapshot)
        else:
            if command.wanted is not False:
                # The same is on its way already: wait with it.
                await asyncio.shield(waiting.done)
                return
            # A stop is said again, and gets its own time.
            command = waiting
            command.request_ids.add(request.id)
            self._set_timers(command)
        try:
            await self._outlet.publish(request.topic, request.payload)
        except NotConnectedError as error:
            self._settle(command, error)
        # The wait belongs to the charge point: a caller that gives up does not end it.
        await asyncio.shield(command.done)

    def evidence(self, feature: Feature, snapshot: ChargepointSnapshot) -> None:
        """End the waits that a report of `feature` proves."""
        now = self._outlet.clock.now()
        for command in tuple(self._waiting.values()):
            if (
                command.evidence is feature
                and command.effect.holds(snapshot)
                and now >= command.counts_from
                and command.proven()
            ):
                self._settle(command)
                command.achieved()
        for fact, value in tuple(self._unproven.items()):
            late = not any(each.effect.fact == fact for each in self._waiting.values())
            if late and Effect(fact, value).holds(snapshot):
                del self._unproven[fact]
        if snapshot.plugged is False:
            # Nothing can begin to charge any more.
            self._unproven.pop("charging_allowed", None)

    def reject(self, request_id: str, reason: str) -> None:
        """End the wait that `request_id` belongs to, if it is anybody's."""
        for command in tuple(self._waiting.values()):
            if request_id in command.request_ids:
                self._settle(command, CommandRejectedError(reason))

    def link_down(self) -> None:
        """End all waits: whether it was done can no longer be seen."""
        for command in tuple(self._waiting.values()):
            self._settle(command, NotConnectedError("the connection was lost meanwhile"))

    def _begin(self, command: Command, snapshot: ChargepointSnapshot) -> None:
        now = self._outlet.clock.now()
        fact, value = command.effect
        if self._unproven.get(fact, value) is not value:
            # The next report may still be the answer to the opposite.
            command.counts_from = now + _ASK * self._timeout
        elif command.effect.holds(snapshot):
            # A refusal must have its time to come.
            command.counts_from = now + _SETTLED * self._timeout
        self._unproven[fact] = value
        self._waiting[command.kind] = command
        command.request_ids.add(command.request.id)
        self._set_timers(command)
        self._show(command.kind, command.wanted)

    def _set_timers(self, command: Command) -> None:
        now = self._outlet.clock.now()

        def expire(_: float) -> None:
            self._settle(command, CommandTimeoutError(self._timeout))

        def ask(now: float) -> None:
            # The first report may be stale, and a later one may not come by itself.
            self._ask(command.evidence)
            self._timers.set(f"ask {command.kind}", now + _ASK * self._timeout, ask)

        first = command.counts_from if command.counts_from > now else now + _ASK * self._timeout
        self._timers.set(f"ask {command.kind}", first, ask)
        self._timers.set(command.kind, now + self._timeout, expire)

    def _supersede(self, command: Command) -> None:
        """End the waits whose place `command` takes: its own kind's, and its opposites."""
        for each in tuple(self._waiting.values()):
            opposite = each.effect.fact == command.effect.fact and each.effect != command.effect
            if each.kind == command.kind or opposite:
                self._settle(each, CommandSupersededError(each.kind))

    def _settle(self, command: Command, error: ChargepointError | None = None) -> None:
        """End the wait for `command`, with success or with `error`."""
        if command.done.done():
            return
        if error is None:
            command.done.set_result(None)
        else:
            command.done.set_exception(error)
            # Mark it as seen: the caller may have given up.
            command.done.exception()
        if error is None or isinstance(error, CommandRejectedError):
            self._unproven.pop(command.effect.fact, None)
        del self._waiting[command.kind]
        self._timers.cancel(command.kind)
        self._timers.cancel(f"ask {command.kind}")
        self._show(command.kind, None)
