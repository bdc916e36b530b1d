"""What every protocol implements: a charge point with commands, and the way to it.

A charge point turns a command into a message plus the wait for its proof. Nothing here
knows how a protocol spells anything.
"""

from abc import ABC, abstractmethod
import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, ClassVar, NamedTuple, override

from .errors import (
    ChargepointError,
    CommandRejectedError,
    CommandSupersededError,
    CommandTimeoutError,
    InvalidRequestError,
    NotConnectedError,
)
from .model import ChargepointSnapshot, Feature, Reason
from .node import Node, Outlet

#: Takes a message's bytes and the moment it came.
type Handler = Callable[[bytes, float], None]


class Request(NamedTuple):
    """A message to a charge point; `id` is what its refusal will refer to."""

    id: str
    topic: str
    payload: bytes


@dataclass(slots=True, eq=False)
class _Command:
    """A command on its way: what was wanted, what proves it, who waits for it."""

    kind: str
    wanted: bool | str
    evidence: Feature
    proven: Callable[[ChargepointSnapshot], bool]
    request: Request
    done: asyncio.Future[None] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Chargepoint(Node[ChargepointSnapshot], ABC):
    """A charge point: commands that return when they are proven.

    Every command raises NotConnectedError, CommandRejectedError, CommandTimeoutError,
    CommandSupersededError or InvalidRequestError. There is one slot per kind of
    command: a newer one takes the place of a waiting one.
    """

    #: Seconds a command waits for its proof.
    command_timeout: ClassVar[float]

    def __init__(self, address: str, snapshot: ChargepointSnapshot, outlet: Outlet) -> None:
        """Start with no command on its way."""
        super().__init__(address, snapshot, outlet)
        self._commands: dict[str, _Command] = {}
        self._mode_in_force: str | None = None

    # What a protocol adds ---------------------------------------------------

    @abstractmethod
    def _start_request(self, mode: str | None) -> Request:
        """Return the message that starts or resumes charging."""

    @abstractmethod
    def _stop_request(self) -> Request:
        """Return the message that stops or pauses charging."""

    def _cable_lock_request(self, *, locked: bool) -> Request:
        """Return the message that locks or unlocks the cable."""
        raise NotImplementedError

    def _ask(self, feature: Feature) -> None:
        """Ask the charge point to report `feature` again, where it can be asked."""

    # Commands ---------------------------------------------------------------

    async def start_charging(self) -> None:
        """Start or resume charging, with the chosen charging mode where there is one."""
        self._require(Feature.CHARGING)
        if self.snapshot.charging_allowed and "charging" not in self._commands:
            return
        mode = self.snapshot.charging_mode
        await self._perform(
            "charging",
            wanted=True,
            evidence=Feature.STATUS,
            proven=lambda snapshot: snapshot.charging_allowed is True,
            request=self._start_request(mode),
        )
        self._mode_in_force = mode

    async def stop_charging(self) -> None:
        """Stop charging so that it can be started again. Never waits for another command."""
        self._require(Feature.CHARGING)
        if self.snapshot.charging_allowed is False and "charging" not in self._commands:
            return
        # A waiting change of mode is a start in other words.
        self._supersede("charging_mode")
        await self._perform(
            "charging",
            wanted=False,
            evidence=Feature.STATUS,
            proven=lambda snapshot: snapshot.charging_allowed is False,
            request=self._stop_request(),
        )

    async def set_cable_lock(self, *, locked: bool) -> None:
        """Lock or unlock the cable."""
        self._require(Feature.CABLE_LOCK)
        if self.snapshot.cable_locked is locked and "cable_locked" not in self._commands:
            return
        await self._perform(
            "cable_locked",
            wanted=locked,
            evidence=Feature.CABLE_LOCK,
            proven=lambda snapshot: snapshot.cable_locked is locked,
            request=self._cable_lock_request(locked=locked),
        )

    async def set_charging_mode(self, mode: str) -> None:
        """Choose the mode of the next start; while charging it is sent at once."""
        self._require(Feature.CHARGING_MODE)
        if mode not in self.snapshot.capabilities.charging_modes:
            raise InvalidRequestError(mode)
        if self.snapshot.charging_allowed or self.snapshot.pending.charging:
            if mode == self._mode_in_force and "charging_mode" not in self._commands:
                return
            await self._perform(
                "charging_mode",
                wanted=mode,
                evidence=Feature.STATUS,
                proven=lambda snapshot: snapshot.charging_allowed is True,
                request=self._start_request(mode),
            )
            self._mode_in_force = mode
        self._update(self.outlet.clock.now(), charging_mode=mode)

    def restore_charging_mode(self, mode: str) -> None:
        """Take over the choice of an earlier run, unless there is a newer one."""
        if self.snapshot.charging_mode is None:
            self._update(self.outlet.clock.now(), charging_mode=mode)

    def restore_session(self, started: datetime, energy: float) -> None:
        """Take over the session of an earlier run, where only we saw it begin.

        `energy` is the last known energy of that session in kWh. Ignored where the
        charge point says itself when its session began, or where a new one runs.
        """

    # The wait for the proof -------------------------------------------------

    def _require(self, feature: Feature) -> None:
        if feature not in self.snapshot.capabilities.controls:
            raise InvalidRequestError(feature)

    async def _perform(
        self,
        kind: str,
        *,
        wanted: bool | str,
        evidence: Feature,
        proven: Callable[[ChargepointSnapshot], bool],
        request: Request,
    ) -> None:
        """Send `request` and return when the charge point has proven it.

        `kind` is the command's slot and the field of `Pending` that shows it.
        """
        command = self._commands.get(kind)
        if command is None or command.wanted != wanted:
            self._supersede(kind)
            command = _Command(kind, wanted, evidence, proven, request)
            self._wait_for(command)
        elif wanted is not False:
            # The same is on its way already: wait with it. A stop is said again.
            await asyncio.shield(command.done)
            return
        try:
            await self.outlet.publish(request.topic, request.payload)
        except NotConnectedError as error:
            self._settle(command, error)
        # The wait belongs to the charge point: a caller that gives up does not end it.
        await asyncio.shield(command.done)

    def _wait_for(self, command: _Command) -> None:
        now = self.outlet.clock.now()
        interval = self.command_timeout / 4

        def expire(_: float) -> None:
            self._settle(command, CommandTimeoutError(self.command_timeout))

        def ask(now: float) -> None:
            # The first report may be stale, and a later one may not come by itself.
            self._ask(command.evidence)
            self.timers.set(f"ask {command.kind}", now + interval, ask)

        self._commands[command.kind] = command
        self.timers.set(command.kind, now + self.command_timeout, expire)
        self.timers.set(f"ask {command.kind}", now + interval, ask)
        self._show_pending(command.kind, command.wanted, now)

    def _supersede(self, kind: str) -> None:
        command = self._commands.get(kind)
        if command is not None:
            self._settle(command, CommandSupersededError(kind))

    def _settle(self, command: _Command, error: ChargepointError | None = None) -> None:
        """End the wait for `command`, with success or with `error`."""
        if command.done.done():
            return
        if error is None:
            command.done.set_result(None)
        else:
            command.done.set_exception(error)
            # Mark it as seen: the caller may have given up.
            command.done.exception()
        del self._commands[command.kind]
        self.timers.cancel(command.kind)
        self.timers.cancel(f"ask {command.kind}")
        self._show_pending(command.kind, None, self.outlet.clock.now())

    def _show_pending(self, kind: str, wanted: Any, now: float) -> None:
        self._update(now, pending=replace(self.snapshot.pending, **{kind: wanted}))

    def _evidence(self, feature: Feature) -> None:
        """The charge point reported `feature`: end the waits it proves."""
        if not self.snapshot.charging_allowed:
            self._mode_in_force = None
        for command in tuple(self._commands.values()):
            if command.evidence is feature and command.proven(self.snapshot):
                self._settle(command)

    def _reject(self, request_id: str, reason: str) -> bool:
        """End the wait that `request_id` belongs to; False where it is nobody's."""
        for command in self._commands.values():
            if command.request.id == request_id:
                self._settle(command, CommandRejectedError(reason))
                return True
        return False

    # Availability -----------------------------------------------------------

    @override
    def link_down(self, now: float) -> None:
        """Fail what waits: whether it was done can no longer be seen."""
        for command in tuple(self._commands.values()):
            self._settle(command, NotConnectedError("the connection was lost meanwhile"))
        super().link_down(now)

    @override
    def _set_unavailable(self, reason: Reason | None, now: float, **changes: Any) -> None:
        """Forget live values with their source; counters and sessions stay true."""
        if reason is not None:
            nothing = (None, None, None)
            changes = {
                "status": None,
                "raw_status": None,
                "plugged": None,
                "cable_locked": None,
                "cable_current": None,
                "meter": replace(
                    self.snapshot.meter, power=None, currents=nothing, voltages=nothing
                ),
            } | changes
        super()._set_unavailable(reason, now, **changes)


class Protocol(ABC):
    """One language on one link, below one topic prefix."""

    #: The topic filters to subscribe to, without prefix; they must not overlap.
    filters: ClassVar[tuple[str, ...]]

    @abstractmethod
    def route(self, topic: str) -> Handler | None:
        """Return what handles `topic` (without prefix), None where it is not ours.

        Called once per new topic; the hub remembers the answer.
        """

    @abstractmethod
    def link_up(self, now: float) -> None:
        """Ask for everything: nothing is retained, nothing survived."""

    def link_down(self, now: float) -> None:
        """The link broke; the hub tells the nodes itself."""

    @property
    def next_deadline(self) -> float | None:
        """When `tick` wants to be called next, in POSIX seconds."""
        return None

    def tick(self, now: float) -> None:
        """Do what is due at `now`."""
