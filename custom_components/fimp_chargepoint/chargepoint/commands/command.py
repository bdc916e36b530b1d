"""Commands that wait for confirmation: one slot per kind; a newer command replaces an older one.

A charge point may answer late, with stale reports, and more than once. So a command is done when a
report shows the requested value; if an older command may still take effect, only a report some
seconds later counts. A command may be delayed before it is sent, and be replaced by a newer one
meanwhile. A message is sent before listeners are notified of it, so that no listener can delay a
stop. Knows nothing of protocols.
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
from ..node import Request
from .request import AT_ONCE, Command, Commanded, ExpectedState, Outstanding, expects

#: The part of the time limit after which a report is requested, repeatedly.
_ASK = 1 / 4
#: The part of it within which a refusal must arrive if the requested state existed before.
_REFUSAL = 1 / 10
#: Seconds until a message that was refused for now is sent again, and the maximum duration.
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
        """Start without any.

        `ask(report)` requests a report from the charge point, `show(pending)` publishes all
        requested values, by kind.
        """
        self._chargepoint = chargepoint
        self._timers = chargepoint.timers
        self._timeout = chargepoint.command_timeout
        self._ask = ask
        self._show = show
        self._waiting: dict[str, Command] = {}
        self._outstanding = Outstanding(chargepoint, ask)
        self._sending: set[asyncio.Task[None]] = set()
        self._closed = False

    def is_noop(self, kind: str, effect: ExpectedState) -> bool:
        """Whether `effect` already applies, and no message that was sent can change that."""
        under_way = self.waits(kind) and not self.is_queued(kind)
        opposed = self._outstanding.opposes(effect)
        return effect.matches(self._chargepoint.snapshot) and not under_way and not opposed

    def waits(self, kind: str) -> bool:
        """Whether a command of `kind` waits to be sent or to be confirmed."""
        return kind in self._waiting

    def is_queued(self, kind: str) -> bool:
        """Whether a command of `kind` waits to be sent."""
        return kind in self._waiting and self._waiting[kind].sent is None

    def cancel_queued(self, kind: str, effect: ExpectedState) -> None:
        """Cancel all unsent commands that would change `effect`, which already applies."""
        for each in tuple(self._waiting.values()):
            if self.is_queued(each.kind) and (each.kind == kind or _opposite(each.effect, effect)):
                self._settle(each, CommandSupersededError("command_superseded"))

    async def perform(self, command: Command) -> None:
        """Send `command` and return when the charge point has confirmed it.

        The wait belongs to the charge point: a caller that gives up does not end it.

        Raises:
            NotConnectedError, CommandRefusedError, CommandTimeoutError,
            CommandSupersededError: see there.

        """
        if self._closed:
            raise NotConnectedError("removed")
        waiting = self._waiting.get(command.kind)
        at_once = command.not_before() <= self._chargepoint.host.clock.now()
        if waiting is None or waiting.requested != command.requested:
            self._supersede(command)
            self._waiting[command.kind] = command
        elif command.requested is False and at_once:
            # A stop is sent again, with a timeout of its own.
            command = waiting
            command.refused = command.refusal = None
        else:
            # The same command is already in progress: wait with it.
            await _end_of(waiting.waiters[-1])
            return
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        command.waiters.append(done)
        if at_once:
            self._send(command)
        else:
            self._delay(command)
        # Publish the new request and the one that it replaced in one step.
        self._show_pending()
        await _end_of(done)

    def reported(self, report: str) -> None:
        """End the waits that the report called `report` confirms."""
        if not self._waiting and self._outstanding.is_empty:
            # This is true of most reports.
            return
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
        """End the wait of `request_id`, if acceptance is its only confirmation."""
        command = self._waiting_for(request_id)
        if command is not None and command.effect is None:
            self._succeed(command)

    def confirm(self, request_id: str) -> None:
        """End the wait of `request_id`, whose own reply shows the requested value."""
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
                self._outstanding.query(command.effect, command.achieved, now)
        elif refusal is Refusal.FINAL or not self._retries(command, error):
            if command.effect is not None and self._outstanding.may_achieve(command.effect):
                # An earlier message may have been carried out, which the next reports show.
                command.refusal = error
                self._ask(command.report or "")
            else:
                self._settle(command, error)
        return True

    @property
    def only_request(self) -> str:
        """The id of the one request that awaits confirmation; empty if none or several do."""
        sent = [command.sent for command in self._waiting.values() if command.sent]
        return sent[0] if len(sent) == 1 else ""

    def give_up(self, kind: str, error: ChargepointError) -> None:
        """End the wait for a command that can no longer be confirmed."""
        command = self._waiting.get(kind)
        if command is not None:
            self._settle(command, error)

    def was_refused(self, kind: str) -> bool:
        """Whether a command of `kind` waits that was refused for now, and is sent again."""
        return kind in self._waiting and self._waiting[kind].refused is not None

    def withdraw(self, kind: str) -> bool:
        """End a command that was refused for now instead of sending it again.

        Return whether none of its messages can have been carried out.
        """
        command = self._waiting.get(kind)
        if command is None or not command.retries:
            return False
        if command.effect is not None and self._outstanding.may_achieve(command.effect):
            return False
        self._settle(command, CommandSupersededError("command_superseded"))
        return True

    def connection_lost(self) -> None:
        """End all waits: their confirmations can no longer arrive."""
        for command in tuple(self._waiting.values()):
            self._settle(command, NotConnectedError("connection_lost"))

    def close(self) -> None:
        """End all waits, and accept no further commands."""
        self._closed = True
        self.connection_lost()

    def _waiting_for(self, request_id: str) -> Command | None:
        """Return the command whose last request was `request_id`."""
        for command in self._waiting.values():
            if command.sent is not None and command.sent == request_id:
                return command
        return None

    def _retries(self, command: Command, error: CommandRefusedError) -> bool:
        """Whether `command`, refused for now, is sent again; its timeout is suspended meanwhile."""
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
                self._show_pending()

        for done in command.waiters:
            self._timers.cancel(_timer(done))
        command.retries = True
        self._timers.set(f"retry {command.kind}", now + _RETRY_AFTER, retry)
        return True

    def _delay(self, command: Command) -> None:
        """Send `command` as soon as permitted, unless its effect already applies by then."""
        # Whatever applies before it is sent is not its effect.
        command.counts_from = float("inf")

        def release(now: float) -> None:
            effect = command.effect
            if effect is not None and self.is_noop(command.kind, effect):
                self._settle(command)
            elif now < command.not_before():
                self._delay(command)
            else:
                self._send(command)
                self._show_pending()

        self._timers.set(f"delay {command.kind}", command.not_before(), release)

    def _send(self, command: Command) -> None:
        """Send the message of `command`, then start waiting for its confirmation.

        The connection takes it before any bookkeeping. From then on it belongs to the charge point:
        a caller that gives up does not take it back. If the connection hangs, it is queued, and may
        still arrive.
        """
        try:
            request = command.request()
            delivery = self._chargepoint.host.deliver(request)
            sending = asyncio.create_task(delivery, name="send a command", eager_start=True)
            self._sending.add(sending)
            sending.add_done_callback(partial(self._sent, command))
            self._begin(command, request)
        except Exception as error:  # noqa: BLE001
            # The caller waits for the command: every error has to reach it.
            self._end(command, error)

    def _begin(self, command: Command, request: Request) -> None:
        """Wait for the confirmation of `command`, whose message was handed over."""
        if command.effect is not None and command.report is not None:
            if command.sent is None:
                self._watch(command, command.effect, command.report)
            now = self._chargepoint.host.clock.now()
            self._outstanding.remember(request.id, command.effect, command.report, now)
        command.sent, command.retries = request.id, False
        self._timers.cancel(f"retry {command.kind}")
        self._limit_the_wait(command)

    def _sent(self, command: Command, sending: asyncio.Task[None]) -> None:
        """End the wait for `command` if its message was not sent, or if that is enough."""
        self._sending.discard(sending)
        if sending.cancelled():
            return
        if (error := sending.exception()) is not None:
            self._settle(command, error)
        elif command.report is None and self._waiting.get(command.kind) is command:
            self._succeed(command)

    def _watch(self, command: Command, effect: ExpectedState, report: str) -> None:
        """Decide from when on reports count, and request them."""
        now = self._chargepoint.host.clock.now()
        command.counts_from = AT_ONCE
        if self._outstanding.opposes(effect):
            # Until then a report may date from before the command.
            command.counts_from = now + self._chargepoint.report_age
        elif effect.matches(self._chargepoint.snapshot):
            command.counts_from = now + _REFUSAL * self._timeout

        def ask(now: float) -> None:
            # The first report may be stale, and a later one may not come automatically.
            self._ask(report)
            self._timers.set(f"ask {command.kind}", now + interval, ask)

        interval = _ASK * self._timeout
        first = command.counts_from if command.counts_from > now else now + interval
        self._timers.set(f"ask {command.kind}", first, ask)

    def _limit_the_wait(self, command: Command) -> None:
        """Apply the full timeout from now to all callers of `command` that have none yet."""

        def expire(done: asyncio.Future[None], _: float) -> None:
            is_start = command.effect == expects(Feature.CHARGING, value=True)
            waits = is_start and self._chargepoint.snapshot.status is Status.REQUESTING
            error = command.refusal or CommandTimeoutError("command_timeout", seconds=self._timeout)
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
        """End the waits that `command` replaces: those of its kind, and its opposites."""
        for each in tuple(self._waiting.values()):
            if each.kind == command.kind or _opposite(each.effect, command.effect):
                self._end(each, CommandSupersededError("command_superseded"))

    def _succeed(self, command: Command) -> None:
        """End all waits for `command`, whose effect has occurred."""
        if command.effect is not None:
            self._outstanding.confirmed(command.effect.fact)
        self._end(command, None)
        # Publish the new state first, then the end of the request.
        command.achieved()
        self._show_pending()

    def _settle(self, command: Command, error: BaseException | None = None) -> None:
        """End all waits for `command`, with success or with `error`, and publish that."""
        self._end(command, error)
        self._show_pending()

    def _end(self, command: Command, error: BaseException | None) -> None:
        """End all waits for `command` without publishing it yet."""
        if self._waiting.get(command.kind) is not command:
            return
        del self._waiting[command.kind]
        self._timers.cancel(f"ask {command.kind}")
        self._timers.cancel(f"delay {command.kind}")
        self._timers.cancel(f"retry {command.kind}")
        for done in command.waiters:
            self._timers.cancel(_timer(done))
            _finish(done, error)

    def _show_pending(self) -> None:
        """Publish the requested values."""
        self._show({kind: each.requested for kind, each in self._waiting.items()})


def _opposite(one: ExpectedState | None, other: ExpectedState | None) -> bool:
    return one is not None and other is not None and one.fact == other.fact and one != other


async def _end_of(done: asyncio.Future[None]) -> None:
    """Return when a wait has ended, or raise its error.

    It does not use `shield`, which logs errors that the caller no longer waits for.
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
