"""What every protocol implements: a charge point with commands, and the way to it.

Nothing here knows how a protocol spells anything.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
import logging
from typing import TYPE_CHECKING, Any, ClassVar, override

from .commands import Command, Commands, Effect, Request
from .errors import InvalidRequestError
from .model import ChargepointSnapshot, Feature, Reason, Status
from .node import Node, Outlet
from .timers import Timers

if TYPE_CHECKING:
    from .hub import Hub

_LOGGER = logging.getLogger(__name__)

#: Unknown words that are logged, each once.
_UNKNOWN_WORDS_MAX = 20

#: Takes a message's bytes and the moment it came.
type Handler = Callable[[bytes, float], None]


class Chargepoint(Node[ChargepointSnapshot], ABC):
    """A charge point: commands that return when they are proven.

    Every command raises NotConnectedError, CommandRejectedError, CommandTimeoutError,
    CommandSupersededError or InvalidRequestError.
    """

    #: Seconds a command waits for its proof.
    command_timeout: ClassVar[float]
    #: Seconds that a report may lag behind what it is about.
    report_age: ClassVar[float]

    def __init__(self, address: str, snapshot: ChargepointSnapshot, outlet: Outlet) -> None:
        """Start with no command on its way."""
        super().__init__(address, snapshot, outlet)
        self._commands = Commands(
            outlet,
            self.timers,
            self.command_timeout,
            self.report_age,
            ask=self._ask,
            show=self._show_pending,
        )
        self._unknown_words: set[str] = set()
        self._chosen_mode: str | None = None
        #: The mode of the charging that goes on, as reported, else as proven by us.
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

    @property
    def _may_start(self) -> bool:
        """Whether it does not charge, but may begin by itself, as after a fault."""
        return self.snapshot.status is Status.ERROR

    # Commands ---------------------------------------------------------------

    async def start_charging(self) -> None:
        """Start or resume charging, with the chosen charging mode where there is one."""
        self._require(Feature.CHARGING)
        if self._commands.needless("charging", _CHARGING, self.snapshot):
            return
        mode = self._chosen_mode
        if mode not in self.snapshot.capabilities.charging_modes:
            mode = None
        await self._perform(
            kind="charging",
            wanted=True,
            effect=_CHARGING,
            evidence=Feature.STATUS,
            request=self._start_request(mode),
            achieved=lambda: self._take_mode(mode),
        )

    async def stop_charging(self) -> None:
        """Stop charging so that it can be started again. Never waits for another command."""
        self._require(Feature.CHARGING)
        needless = self._commands.needless("charging", _NOT_CHARGING, self.snapshot)
        if needless and not self._may_start:
            return
        await self._perform(
            kind="charging",
            wanted=False,
            effect=_NOT_CHARGING,
            evidence=Feature.STATUS,
            request=self._stop_request(),
            proven=lambda: not self._may_start,
        )

    async def set_cable_lock(self, *, locked: bool) -> None:
        """Lock or unlock the cable."""
        self._require(Feature.CABLE_LOCK)
        effect = Effect("cable_locked", locked)
        if self._commands.needless("cable_locked", effect, self.snapshot):
            return
        await self._perform(
            kind="cable_locked",
            wanted=locked,
            effect=effect,
            evidence=Feature.CABLE_LOCK,
            request=self._cable_lock_request(locked=locked),
        )

    async def set_charging_mode(self, mode: str) -> None:
        """Choose the mode of the next start; while charging it is sent at once."""
        self._require(Feature.CHARGING_MODE)
        if mode not in self.snapshot.capabilities.charging_modes:
            raise InvalidRequestError(mode)
        wanted = self.snapshot.pending.charging
        charges = self.snapshot.charging_allowed if wanted is None else wanted
        if not charges:
            self._choose_mode(mode)
        elif mode != self._mode_in_force or self._commands.waits("charging_mode"):
            await self._perform(
                kind="charging_mode",
                wanted=mode,
                effect=_CHARGING,
                evidence=Feature.STATUS,
                request=self._start_request(mode),
                achieved=lambda: self._take_mode(mode),
            )

    def restore_charging_mode(self, mode: str) -> None:
        """Take over the choice of an earlier run, unless there is a newer one."""
        if self._chosen_mode is None:
            self._choose_mode(mode)

    def restore_session(self, started: datetime, energy: float) -> None:
        """Take over the session of an earlier run, where only we saw it begin.

        `energy` is the last known energy of that session in kWh. Ignored where the
        charge point says itself when its session began, or where a new one runs.
        """

    # -------------------------------------------------------------------------

    def _warn_of(self, word: str) -> None:
        """Say once that the charge point's word is not known, and not of too many."""
        if word not in self._unknown_words and len(self._unknown_words) < _UNKNOWN_WORDS_MAX:
            self._unknown_words.add(word)
            _LOGGER.warning("%s reports the unknown state %r", self.address, word)

    def _require(self, feature: Feature) -> None:
        if feature not in self.snapshot.capabilities.controls:
            raise InvalidRequestError(feature)

    async def _perform(self, **command: Any) -> None:
        await self._commands.perform(Command(**command), self.snapshot)

    def _show_pending(self, kind: str, wanted: bool | str | None) -> None:  # noqa: FBT001
        pending: Any = {kind: wanted}
        self._update(self.outlet.clock.now(), pending=replace(self.snapshot.pending, **pending))

    def _evidence(self, feature: Feature) -> None:
        """End the waits that the report of `feature`, which was just taken, proves."""
        self._commands.evidence(feature, self.snapshot)
        if self.snapshot.charging_allowed is False:
            self._use_mode(None)

    # The charging mode: a reported one wins, else it is what the user chose -----

    def _choose_mode(self, mode: str) -> None:
        self._chosen_mode = mode
        self._use_mode(self._mode_in_force)

    def _take_mode(self, mode: str | None) -> None:
        """Charging goes on in `mode`, as was asked for."""
        if mode is not None:
            self._chosen_mode = mode
            self._use_mode(mode)

    def _reported_mode(self, mode: str | None) -> dict[str, Any]:
        """Return what changes with a report that holds `mode`, None where it does not."""
        if mode is None:
            return {}
        self._mode_in_force = mode
        return {"charging_mode": mode}

    def _use_mode(self, mode: str | None) -> None:
        """Charging goes on in `mode`; None where it does not, or where nobody knows."""
        self._mode_in_force = mode
        shown = mode or self._chosen_mode
        self._update(self.outlet.clock.now(), charging_mode=shown)

    # Availability -----------------------------------------------------------

    @override
    def close(self) -> None:
        super().close()
        self._commands.close()

    @override
    def link_down(self, now: float) -> None:
        self._commands.link_down()
        super().link_down(now)

    @override
    def _set_unavailable(self, reason: Reason | None, now: float, **changes: Any) -> None:
        """Forget live values with their source; counters and sessions stay true."""
        if reason is not None:
            # In which mode it charges when it comes back, nobody knows.
            self._mode_in_force = None
            changes = {
                "status": None,
                "raw_status": None,
                "plugged": None,
                "cable_locked": None,
                "cable_current": None,
                "charging_mode": self._chosen_mode,
                "meter": self.snapshot.meter.counters(),
            } | changes
        super()._set_unavailable(reason, now, **changes)


_CHARGING = Effect("charging_allowed", value=True)
_NOT_CHARGING = Effect("charging_allowed", value=False)


class Protocol(ABC):
    """One language on one link, below one topic prefix."""

    #: The topic filters to subscribe to, without prefix; they must not overlap.
    filters: ClassVar[tuple[str, ...]]

    def __init__(self, hub: Hub, prefix: str) -> None:
        """Speak on `hub`, with `prefix` before every topic."""
        self._hub = hub
        self._prefix = prefix
        self._timers = Timers(hub.wake)

    @abstractmethod
    def route(self, topic: str) -> Handler | None:
        """Return what handles `topic` (without prefix), None where it is not ours.

        Called once per new topic; the hub remembers the answer.
        """

    @abstractmethod
    def link_up(self, now: float) -> None:
        """Ask for everything: nothing is retained, nothing survived."""

    def link_down(self, now: float) -> None:
        """Forget what was going on; the hub tells the nodes itself."""
        self._timers.clear()

    @property
    def next_deadline(self) -> float | None:
        """When `tick` wants to be called next, in POSIX seconds."""
        return self._timers.next_deadline

    def tick(self, now: float) -> None:
        """Do what is due at `now`."""
        self._timers.tick(now)
