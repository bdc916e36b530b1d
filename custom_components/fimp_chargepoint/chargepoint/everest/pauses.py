"""Pauses of an EVSE that do not show: what is remembered of them, and what is done about them.

EVerest says why it pauses in one event, and nothing of a pause that it accepts while the car
sleeps; both are true as long as the session lasts. Up to 2025.12 it refuses such a pause, and
through the API before v1 it does not tell: then the stop stands, and is sent again as soon as
the car wakes up.
"""

from abc import ABC, abstractmethod
import asyncio
from collections.abc import Mapping
from datetime import datetime
import logging
from typing import Any, Final, NamedTuple, override

from ..base import Chargepoint
from ..errors import ChargepointError
from ..model import ChargepointSnapshot, Feature, Status
from ..node import Outlet
from ..requested import Pause
from .envelope import text, timestamp
from .session import remembering
from .state import State, is_another, is_of
from .words import CHARGING, NO_TRANSACTION, PAUSED_EVSE, PREPARING

_LOGGER = logging.getLogger(__name__)

#: Seconds of charging after which somebody else has ended an accepted pause: a car that wakes
#: up charges for a moment, until the EVSE stops it.
_RESUMED_AFTER: Final = 5.0
#: When nothing is charged, but may be at any moment.
SUSPENDED: Final = frozenset({Status.SUSPENDED_BY_EV, Status.SUSPENDED_BY_EVSE})

_ACCEPTED: Final = "accepted"
_REASONS: Final = "reasons"
#: There are three.
_REASONS_MAX: Final = 10


class Explained(NamedTuple):
    """The reasons of a pause, and the session that it is in."""

    reasons: frozenset[str]
    session_id: str | None
    started: datetime | None


def is_over(pause: Pause, state: State) -> bool:
    """Whether an accepted pause has ended by `state`, or shows in it by now."""
    no_transaction = state.word is not None and state.word in NO_TRANSACTION
    same = is_of(state, pause.session_id, pause.started)
    return no_transaction or state.paused_by_user or not same


def to_storage(pause: Pause | None, state: State) -> dict[str, Any]:
    """Return what the functions below read, fit for JSON."""
    found: dict[str, Any] = {}
    if pause is not None:
        found[_ACCEPTED] = _session(pause.session_id, pause.started)
    if state.word == PAUSED_EVSE and state.reasons:
        found[_REASONS] = sorted(state.reasons)[:_REASONS_MAX]
        found |= _session(state.id, state.started)
    return found


def read_accepted(stored: Mapping[str, Any]) -> Pause | None:
    """Return the accepted pause in what was stored."""
    found = stored.get(_ACCEPTED)
    session_id, started = _read_session(found if isinstance(found, Mapping) else {})
    # Without a session nobody could tell when it is over.
    known = session_id is not None or started is not None
    return Pause(session_id=session_id, started=started) if known else None


def read_explained(stored: Mapping[str, Any]) -> Explained | None:
    """Return why it paused by what was stored."""
    found = stored.get(_REASONS)
    session_id, started = _read_session(stored)
    if not isinstance(found, list) or (session_id is None and started is None):
        return None
    reasons = frozenset(each for each in found[:_REASONS_MAX] if isinstance(each, str))
    return Explained(reasons, session_id, started)


def _session(session_id: str | None, started: datetime | None) -> dict[str, Any]:
    return {
        "session_id": session_id,
        "started": None if started is None else started.isoformat(),
    }


def _read_session(stored: Mapping[str, Any]) -> tuple[str | None, datetime | None]:
    return text(stored.get("session_id")), timestamp(stored.get("started"))


class PausingChargepoint(Chargepoint, ABC):
    """A charge point that remembers which pauses do not show."""

    def __init__(self, address: str, snapshot: ChargepointSnapshot, outlet: Outlet) -> None:
        """Start without any pause."""
        super().__init__(address, snapshot, outlet)
        self._session = State()
        #: Whether a stop that could not be done is sent again as soon as it charges.
        self._stop_stands = False
        self._stopping: set[asyncio.Task[None]] = set()

    @abstractmethod
    def _course(self, state: State) -> dict[str, Any]:
        """Take over `state` and return what changes with it."""

    @property
    def _asleep(self) -> bool:
        """Whether nothing is charged, although charging is allowed and may begin by itself."""
        prepares = self._session.word == PREPARING and self._session.transaction
        return prepares or self.snapshot.status in SUSPENDED

    def _replied_asleep(self, request_id: str, value: Any, *, pauses: bool) -> None:
        """Take the reply to a request of which nothing else will show, as the car sleeps."""
        if value is True:
            self._pause_accepted(accepted=pauses)
            if pauses or self.snapshot.status in SUSPENDED:
                self._commands.prove(request_id)
        elif value is False and pauses:
            # Up to 2025.12 it only pauses what it charges.
            self._let_stop_stand(stands=True)
            self._commands.prove(request_id)

    def _pause_accepted(self, *, accepted: bool) -> None:
        """A pause was accepted and nothing else will show it, or it was taken back."""
        pause = None
        if accepted:
            pause = Pause(session_id=self._session.id, started=self._session.started)
        requested = self.snapshot.requested.with_pause(pause)
        self._update(self.outlet.clock.now(), requested=requested)

    def _without_past_pauses(self, state: State, before: State) -> dict[str, Any]:
        """Return what changes where `state` ends an accepted pause, or shows it by now.

        A stop that stands is one of the session that it was wanted in.
        """
        changes: dict[str, Any] = {}
        if self._stop_stands and is_another(state, before):
            self._stop_stands = False
            changes["pending"] = self._pending_without_stop()
        requested = self.snapshot.requested
        if requested.pause is not None and is_over(requested.pause, state):
            changes["requested"] = requested.with_pause(None)
        self._watch_for_resumption(state)
        return changes

    def _watch_for_resumption(self, state: State) -> None:
        """An accepted pause that is not kept is none any more."""
        if self.snapshot.requested.pause is None or state.word != CHARGING:
            self.timers.cancel("resumed")
        elif "resumed" not in self.timers:
            due = self.outlet.clock.now() + _RESUMED_AFTER
            self.timers.set("resumed", due, self._resumed)

    def _resumed(self, _: float) -> None:
        if self._session.word == CHARGING:
            self._pause_accepted(accepted=False)

    @override
    def stored_pauses(self) -> dict[str, Any]:
        return to_storage(self.snapshot.requested.pause, self._session)

    @override
    def restore_pauses(self, stored: Mapping[str, Any]) -> None:
        now = self.outlet.clock.now()
        if (explained := read_explained(stored)) is not None:
            state = remembering(self._session, *explained)
            if state.word is None:
                # What it says next tells whether that is still true.
                self._session = state
            else:
                self._update(now, **self._course(state))
        pause, requested = read_accepted(stored), self.snapshot.requested
        if pause and requested.pause is None and not is_over(pause, self._session):
            self._update(now, requested=requested.with_pause(pause))
            self._watch_for_resumption(self._session)

    @override
    async def start_charging(self) -> None:
        self._let_stop_stand(stands=False)
        await super().start_charging()

    def _let_stop_stand(self, *, stands: bool) -> None:
        """Send a stop again as soon as it charges, and show until then that it is wanted."""
        self._stop_stands = stands
        # While it stands it is added below.
        self._update(self.outlet.clock.now(), pending=self._pending_without_stop())

    def _pending_without_stop(self) -> dict[str, Any]:
        """Return what is wanted, without a stop that is not on its way."""
        pending = dict(self.snapshot.pending)
        if not self._commands.waits(Feature.CHARGING):
            pending.pop(Feature.CHARGING, None)
        return pending

    @override
    def _update(self, now: float, **changes: Any) -> None:
        if self._stop_stands and "pending" in changes:
            changes["pending"] = {**changes["pending"], Feature.CHARGING: False}
        super()._update(now, **changes)

    @override
    def _evidence(self, evidence: str) -> None:
        super()._evidence(evidence)
        if evidence != Feature.STATUS or not self._stop_stands:
            return
        if self.snapshot.status is Status.CHARGING:
            self._stop_stands = False
            task = asyncio.get_running_loop().create_task(self._stop_again())
            self._stopping.add(task)
            task.add_done_callback(self._stopping.discard)
        elif self.snapshot.charging is False and not self._may_start:
            self._let_stop_stand(stands=False)

    async def _stop_again(self) -> None:
        """The car has woken up: now it can be stopped. What comes of it is the truth."""
        try:
            await self.stop_charging()
        except ChargepointError as error:
            name = self.snapshot.identity.name
            _LOGGER.warning("%s charges although it was to pause: %s", name, error)
        if not self._stop_stands:
            self._let_stop_stand(stands=False)
