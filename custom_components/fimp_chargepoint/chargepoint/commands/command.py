"""Commands that wait for their proof: one slot per kind, a newer one takes the place.

A charge point answers late, with stale reports, and more than once. So a command is done
when a report shows what was wanted, and where an older command may still take effect,
only a report of some seconds later counts. A command may have to wait before it leaves;
a newer one takes its place meanwhile. A message is handed over before anything is told of
it, so that nobody who is told can keep a stop from leaving. Knows nothing of protocols.
"""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial

from ..errors import (
    ChargepointError,
    CommandRefusedError,
    CommandSupersededError,
    CommandTimeoutError,
    NotConnectedError,
    OutcomeUnknownError,
    Refusal,
)
from ..model import Feature, Status
from ..node import Outgoing

# What a command is made of has a file of its own.
from .request import EVER, Commanded, Outstanding
from .request import Command as Command  # noqa: PLC0414
from .request import ExpectedState as ExpectedState  # noqa: PLC0414
from .request import Request as Request  # noqa: PLC0414
from .request import expects as expects  # noqa: PLC0414

#: The part of the time limit after which evidence is asked for, again and again.
_ASK = 1 / 4
#: The part of it that a refusal has to come, where all was as wanted before the command.
_REFUSAL = 1 / 10
#: Seconds until what was refused for now is sent again, and for how long at most.
_RETRY_AFTER = 5.0
_RETRY_FOR = 60.0


class Commands:
    """The commands of one charge point."""

    def __init__(
        self,
        chargepoint: Commanded,
        *,
        ask: Callable[[str], None],
        show: Callable[[Mapping[str, object]], None],
    ) -> None:
        """Start with none.

        `ask(report)` asks the charge point for a report, `show(pending)` shows all requested
        values, by kind.
        """
        self._chargepoint = chargepoint
        self._timers = chargepoint.timers
        self._timeout = chargepoint.command_timeout
        self._ask = ask
        self._show = show
        self._waiting: dict[str, Command] = {}
        self._outstanding = Outstanding(chargepoint, ask)
        self._leaving: set[asyncio.Task[None]] = set()
        self._closed = False

    def is_noop(self, kind: str, effect: ExpectedState) -> bool:
        """Whether `effect` is so already, and nothing that has left can change that."""
        under_way = self.waits(kind) and not self.is_queued(kind)
        opposed = self._outstanding.opposes(effect)
        return effect.matches(self._chargepoint.snapshot) and not under_way and not opposed

    def waits(self, kind: str) -> bool:
        """Whether a command of `kind` waits, to leave or for its proof."""
        return kind in self._waiting

    def is_queued(self, kind: str) -> bool:
        """Whether a command of `kind` waits to leave."""
        return kind in self._waiting and self._waiting[kind].sent is None

    def cancel_queued(self, kind: str, effect: ExpectedState) -> None:
        """What is wanted now is so: nothing that would change it may leave any more."""
        for each in tuple(self._waiting.values()):
            if self.is_queued(each.kind) and (each.kind == kind or _opposite(each.effect, effect)):
                self._settle(each, CommandSupersededError("command_superseded"))

    async def perform(self, command: Command) -> None:
        """Send `command` and return when the charge point has proven it.

        The wait belongs to the charge point: a caller that gives up does not end it.

        Raises:
            NotConnectedError, CommandRefusedError, CommandTimeoutError,
            CommandSupersededError: as they say.

        """
        if self._closed:
            raise NotConnectedError("removed")
        waiting = self._waiting.get(command.kind)
        at_once = command.not_before() <= self._chargepoint.host.clock.now()
        if waiting is None or waiting.requested != command.requested:
            self._supersede(command)
            self._waiting[command.kind] = command
        elif command.requested is False and at_once:
            # A stop is said again, and gets its own time.
            command = waiting
            command.refused = None
        else:
            # The same is on its way already: wait with it.
            await _end_of(waiting.waiters[-1])
            return
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        command.waiters.append(done)
        if at_once:
            self._send(command)
        else:
            self._hold(command)
        # In one go: what was sent, and what it replaced.
        self._tell()
        await _end_of(done)

    def reported(self, report: str) -> None:
        """End the waits that the report called `report` proves."""
        now, snapshot = self._chargepoint.host.clock.now(), self._chargepoint.snapshot
        for command in tuple(self._waiting.values()):
            if (
                command.report == report
                and command.is_confirmed_by(snapshot)
                and now >= command.counts_from
                and command.confirmed()
            ):
                self._succeed(command)
        waiting = (each for each in self._waiting.values() if each.sent is not None)
        facts = {each.effect.fact for each in waiting if each.effect is not None}
        self._outstanding.reported(report, facts, now)

    def accept(self, request_id: str) -> None:
        """End the wait of `request_id`, where nothing but acceptance can prove it."""
        command = self._waiting_for(request_id)
        if command is not None and command.effect is None:
            self._succeed(command)

    def confirm(self, request_id: str) -> None:
        """End the wait of `request_id`, whose own reply shows what was wanted."""
        command = self._waiting_for(request_id)
        if command is not None:
            self._succeed(command)

    def reject(
        self, request_id: str, error: CommandRefusedError, refusal: Refusal = Refusal.FINAL
    ) -> bool:
        """End the wait that `request_id` belongs to, or send it again; return whether any does."""
        command = self._waiting_for(request_id)
        if refusal is not Refusal.OF_REPORT:
            self._outstanding.refused(request_id)
        if command is None:
            return False
        if refusal is Refusal.OF_REPORT:
            self._settle(
                command, OutcomeUnknownError("outcome_unknown", reason=error.values["reason"])
            )
            if command.effect is not None:
                now = self._chargepoint.host.clock.now()
                self._outstanding.doubt(command.effect, command.achieved, now)
        elif refusal is Refusal.FINAL or not self._retries(command, error):
            self._settle(command, error)
        return True

    @property
    def only_request(self) -> str:
        """The id of the one request that awaits confirmation; empty if none or several do."""
        sent = [command.sent for command in self._waiting.values() if command.sent]
        return sent[0] if len(sent) == 1 else ""

    def give_up(self, kind: str, error: ChargepointError) -> None:
        """End the wait for a command that cannot be proven any more."""
        command = self._waiting.get(kind)
        if command is not None:
            self._settle(command, error)

    def connection_lost(self) -> None:
        """End all waits: whether it was done can no longer be seen."""
        for command in tuple(self._waiting.values()):
            self._settle(command, NotConnectedError("connection_lost"))

    def close(self) -> None:
        """End all waits, and take no command any more."""
        self._closed = True
        self.connection_lost()

    def _waiting_for(self, request_id: str) -> Command | None:
        """Return the command whose last request was `request_id`."""
        for command in self._waiting.values():
            if command.sent is not None and command.sent == request_id:
                return command
        return None

    def _retries(self, command: Command, error: CommandRefusedError) -> bool:
        """Whether `command`, refused for now, is sent again; nobody's time runs meanwhile."""
        now, overtaken = self._chargepoint.host.clock.now(), command.overtaken
        if command.refused is None:
            command.refused = now, self._chargepoint.snapshot
        since, then = command.refused
        if overtaken is None or now + _RETRY_AFTER > since + _RETRY_FOR:
            return False

        def retry(_: float) -> None:
            known = self._chargepoint.snapshot
            if overtaken(then, known):
                done = command.is_confirmed_by(known)
                self._settle(command, None if done else error)
            else:
                self._send(command)
                self._tell()

        for done in command.waiters:
            self._timers.cancel(_timer(done))
        command.retries = True
        self._timers.set(f"retry {command.kind}", now + _RETRY_AFTER, retry)
        return True

    def _hold(self, command: Command) -> None:
        """Let `command` leave when it may, unless all is as wanted by then."""
        # What is so before it has left is not its doing.
        command.counts_from = float("inf")

        def release(now: float) -> None:
            effect = command.effect
            if effect is not None and self.is_noop(command.kind, effect):
                self._settle(command)
            elif now < command.not_before():
                self._hold(command)
            else:
                self._send(command)
                self._tell()

        self._timers.set(f"hold {command.kind}", command.not_before(), release)

    def _send(self, command: Command) -> None:
        """Send the message of `command`, then begin to wait for its proof.

        The link takes it before any bookkeeping. From then on it belongs to the charge point:
        a caller that gives up does not take it back. On a link that hangs it is queued, and
        may still arrive.
        """
        try:
            request = command.request()
            delivery = self._chargepoint.host.deliver(request)
            leaving = asyncio.create_task(delivery, name="send a command", eager_start=True)
            self._leaving.add(leaving)
            leaving.add_done_callback(partial(self._left, command))
            self._begin(command, request)
        except Exception as error:  # noqa: BLE001
            # Whatever it is, the caller has to know.
            self._end(command, error)

    def _begin(self, command: Command, request: Outgoing) -> None:
        """Wait for the proof of `command`, whose message was handed over."""
        if command.effect is not None and command.report is not None:
            if command.sent is None:
                self._watch(command, command.effect, command.report)
            now = self._chargepoint.host.clock.now()
            self._outstanding.remember(request.id, command.effect, command.report, now)
        command.sent, command.retries = request.id, False
        self._timers.cancel(f"retry {command.kind}")
        self._limit_the_wait(command)

    def _left(self, command: Command, leaving: asyncio.Task[None]) -> None:
        """The message of `command` has left, or could not; that may be all there is to know."""
        self._leaving.discard(leaving)
        if leaving.cancelled():
            return
        if (error := leaving.exception()) is not None:
            self._settle(command, error)
        elif command.report is None and self._waiting.get(command.kind) is command:
            self._succeed(command)

    def _watch(self, command: Command, effect: ExpectedState, report: str) -> None:
        """Decide from when on reports count, and ask for them."""
        now = self._chargepoint.host.clock.now()
        command.counts_from = EVER
        if self._outstanding.opposes(effect):
            # Until then a report may be of before the command.
            command.counts_from = now + self._chargepoint.report_age
        elif effect.matches(self._chargepoint.snapshot):
            command.counts_from = now + _REFUSAL * self._timeout

        def ask(now: float) -> None:
            # The first report may be stale, and a later one may not come by itself.
            self._ask(report)
            self._timers.set(f"ask {command.kind}", now + interval, ask)

        interval = _ASK * self._timeout
        first = command.counts_from if command.counts_from > now else now + interval
        self._timers.set(f"ask {command.kind}", first, ask)

    def _limit_the_wait(self, command: Command) -> None:
        """Give all who wait for `command`, and have no time limit, the whole time from now."""

        def expire(done: asyncio.Future[None], _: float) -> None:
            is_start = command.effect == expects(Feature.CHARGING, value=True)
            waits = is_start and self._chargepoint.snapshot.status is Status.REQUESTING
            error = CommandTimeoutError("command_timeout", seconds=self._timeout)
            if waits:
                error = CommandTimeoutError("not_authorized")
            if command.waiters == [done]:
                self._settle(command, error)
            else:
                command.waiters.remove(done)
                _finish(done, error)
            self._chargepoint.host.unanswered()

        for done in command.waiters:
            if (name := _timer(done)) not in self._timers:
                when = self._chargepoint.host.clock.now() + self._timeout
                self._timers.set(name, when, partial(expire, done))

    def _supersede(self, command: Command) -> None:
        """End the waits whose place `command` takes: its own kind's, and its opposites."""
        for each in tuple(self._waiting.values()):
            if each.kind == command.kind or _opposite(each.effect, command.effect):
                self._end(each, CommandSupersededError("command_superseded"))

    def _succeed(self, command: Command) -> None:
        """End all waits for `command`: what it wanted has happened."""
        if command.effect is not None:
            self._outstanding.confirmed(command.effect.fact)
        self._end(command, None)
        # First what holds now, then that nothing is awaited any more.
        command.achieved()
        self._tell()

    def _settle(self, command: Command, error: BaseException | None = None) -> None:
        """End all waits for `command`, with success or with `error`, and show that."""
        self._end(command, error)
        self._tell()

    def _end(self, command: Command, error: BaseException | None) -> None:
        """End all waits for `command`; nothing is shown of it yet."""
        if self._waiting.get(command.kind) is not command:
            return
        del self._waiting[command.kind]
        self._timers.cancel(f"ask {command.kind}")
        self._timers.cancel(f"hold {command.kind}")
        self._timers.cancel(f"retry {command.kind}")
        for done in command.waiters:
            self._timers.cancel(_timer(done))
            _finish(done, error)

    def _tell(self) -> None:
        """Show what is wanted now."""
        self._show({kind: each.requested for kind, each in self._waiting.items()})


def _opposite(one: ExpectedState | None, other: ExpectedState | None) -> bool:
    return one is not None and other is not None and one.fact == other.fact and one != other


async def _end_of(done: asyncio.Future[None]) -> None:
    """Return when a wait has ended, or raise what it has come to.

    Not with `shield`: it complains of an error that the caller does not wait for any more.
    """
    await asyncio.wait((done,))
    done.result()


def _timer(done: asyncio.Future[None]) -> str:
    return f"wait {id(done)}"


def _finish(done: asyncio.Future[None], error: BaseException | None) -> None:
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)
        # Mark it as seen: the caller may have given up.
        done.exception()
