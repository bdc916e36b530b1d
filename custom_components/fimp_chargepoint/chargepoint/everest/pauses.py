"""Pauses of an EVSE that are not reported: what is remembered of them, and how they are handled.

EVerest reports the reason of a pause in a single event, and does not report a pause that it accepts
while the car sleeps; both apply until the session ends. Up to 2025.12 it refuses such a pause, and
does not report that through the API before v1: then the stop remains pending, and is sent again as
soon as the car wakes up.
"""

from abc import ABC, abstractmethod
import asyncio
from collections.abc import Mapping
from datetime import datetime
import logging
from typing import Any, Final, NamedTuple, override

from ..charge_point import Chargepoint
from ..errors import ChargepointError
from ..limits.requested import Pause, Requested
from ..model import ChargepointSnapshot, Feature, Status
from ..node import Changes, NodeHost
from ..readers import text, timestamp
from .session import remembering
from .status import NO_TRANSACTION, State, Word, is_of

_LOGGER = logging.getLogger(__name__)

#: Seconds of charging after which another client must have ended an accepted pause: a car that
#: wakes up charges for a moment, until the EVSE stops it.
_RESUMED_AFTER: Final = 5.0
#: The states without charging in which it may begin at any moment.
SUSPENDED: Final = frozenset({Status.SUSPENDED_BY_EV, Status.SUSPENDED_BY_EVSE})

_PAUSE: Final = "pause"
_REASONS: Final = "reasons"
_FIELDS: Final = frozenset({_PAUSE, _REASONS, "session_id", "started"})
#: Maximum number of reasons; three are known.
_REASONS_MAX: Final = 10


class Explained(NamedTuple):
    """The reasons of a pause, and its session."""

    reasons: frozenset[str]
    session_id: str | None
    started: datetime | None


def is_over(pause: Pause, state: State) -> bool:
    """Whether a pause has ended by `state`, or is reported in it by now."""
    same = is_of(state, pause.session_id, pause.started)
    return state.word in NO_TRANSACTION or state.paused_by_user or not same


def to_storage(pause: Pause | None, state: State) -> Changes:
    """Return what the functions below read, fit for JSON."""
    found: dict[str, Any] = {}
    if pause is not None:
        session = _session(pause.session_id, pause.started)
        found[_PAUSE] = {"accepted": pause.accepted, **session}
    if state.word == Word.PAUSED_EVSE and state.reasons:
        found[_REASONS] = sorted(state.reasons)[:_REASONS_MAX]
        found |= _session(state.id, state.started)
    return found


def read_pause(stored: Mapping[str, Any]) -> Pause | None:
    """Return the stored pause."""
    found = stored.get(_PAUSE)
    if not isinstance(found, Mapping) or not isinstance(found.get("accepted"), bool):
        return None
    session_id, started = _read_session(found)
    # Without a session its end would be unknown.
    if session_id is None and started is None:
        return None
    return Pause(accepted=found["accepted"], session_id=session_id, started=started)


def read_explained(stored: Mapping[str, Any]) -> Explained | None:
    """Return the stored reasons of a pause."""
    found = stored.get(_REASONS)
    session_id, started = _read_session(stored)
    if not isinstance(found, list) or (session_id is None and started is None):
        return None
    reasons = frozenset(each for each in found[:_REASONS_MAX] if isinstance(each, str))
    return Explained(reasons, session_id, started)


def _session(session_id: str | None, started: datetime | None) -> Changes:
    return {
        "session_id": session_id,
        "started": None if started is None else started.isoformat(),
    }


def _read_session(stored: Mapping[str, Any]) -> tuple[str | None, datetime | None]:
    return text(stored.get("session_id")), timestamp(stored.get("started"))


class PausingChargepoint(Chargepoint, ABC):
    """A charge point that remembers pauses that are not reported."""

    def __init__(self, address: str, snapshot: ChargepointSnapshot, host: NodeHost) -> None:
        """Start without any pause."""
        super().__init__(address, snapshot, host)
        self._session = State()
        #: Whether a stop is pending that will not be confirmed.
        self._unconfirmed_stop = False
        self._stopping: set[asyncio.Task[None]] = set()
        #: Fields that a newer version has stored with the pauses.
        self._unknown_pauses: dict[str, object] = {}

    @abstractmethod
    def _with_session(self, state: State) -> Changes:
        """Take over `state` and return what changes with it."""

    @property
    def _asleep(self) -> bool:
        """Whether nothing is charged, although charging is allowed and may begin automatically."""
        prepares = self._session.word == Word.PREPARING and self._session.transaction
        return prepares or self.snapshot.status in SUSPENDED

    def _replied_asleep(self, request_id: str, value: object, *, pauses: bool) -> None:
        """Take the only confirmation of a request: its reply, since the car sleeps."""
        if value is True:
            self._request_pause(accepted=True if pauses else None)
            if pauses or self.snapshot.status in SUSPENDED:
                self._commands.confirm(request_id)
        elif value is False and pauses:
            # Up to 2025.12 it only pauses a car that is charging.
            self._request_pause(accepted=False)
            self._commands.confirm(request_id)

    def _request_pause(self, *, accepted: bool | None) -> None:
        """Remember that a pause was accepted, or has to wait for charging; None: neither."""
        pause = None
        if accepted is not None:
            state = self._session
            pause = Pause(accepted=accepted, session_id=state.id, started=state.started)
        self._unconfirmed_stop = False
        self._update(self.host.clock.now(), **self._requesting(pause))

    def _requesting(self, pause: Pause | None) -> Changes:
        """Return the changes for another pause; a pause that waits is shown as pending."""
        pending = dict(self.snapshot.pending)
        if not self._commands.waits(Feature.CHARGING):
            pending.pop(Feature.CHARGING, None)
        return {"requested": self.snapshot.requested.with_pause(pause), "pending": pending}

    @override
    def _update(self, now: float, **changes: Any) -> None:
        requested: Requested = changes.get("requested", self.snapshot.requested)
        if "pending" in changes and (requested.waits_to_pause or self._unconfirmed_stop):
            changes["pending"] = {**changes["pending"], Feature.CHARGING: False}
        super()._update(now, **changes)

    def _without_past_pause(self, state: State) -> Changes:
        """Return the changes if `state` ends a pause, or reports it by now."""
        pause = self.snapshot.requested.pause
        self._watch_for_resumption(state)
        return self._requesting(None) if pause is not None and is_over(pause, state) else {}

    def _watch_for_resumption(self, state: State) -> None:
        """Forget an accepted pause that is not kept."""
        if not self.snapshot.requested.is_paused or state.word != Word.CHARGING:
            self.timers.cancel("resumed")
        elif "resumed" not in self.timers:
            due = self.host.clock.now() + _RESUMED_AFTER
            self.timers.set("resumed", due, self._resumed)

    def _resumed(self, _: float) -> None:
        if self._session.word == Word.CHARGING:
            self._request_pause(accepted=None)

    @override
    def stored_pauses(self) -> Mapping[str, object]:
        return self._unknown_pauses | to_storage(self.snapshot.requested.pause, self._session)

    @override
    def restore_pauses(self, stored: Mapping[str, Any]) -> None:
        self._unknown_pauses = {name: stored[name] for name in stored.keys() - _FIELDS}
        now = self.host.clock.now()
        if (explained := read_explained(stored)) is not None:
            state = remembering(self._session, *explained)
            if state.word is None:
                # Its next report shows whether this is still true.
                self._session = state
            else:
                self._update(now, **self._with_session(state))
        pause = read_pause(stored)
        known = self.snapshot.requested.pause is not None
        if pause is not None and not known and not is_over(pause, self._session):
            self._update(now, **self._requesting(pause))
            self._watch_for_resumption(self._session)

    @override
    async def start_charging(self) -> None:
        if self.snapshot.requested.waits_to_pause or self._unconfirmed_stop:
            self._request_pause(accepted=None)
        await super().start_charging()

    @override
    def _reported(self, report: str) -> None:
        super()._reported(report)
        waits = self.snapshot.requested.waits_to_pause or self._unconfirmed_stop
        if report != Feature.STATUS or not waits:
            return
        if self.snapshot.status is Status.CHARGING:
            task = asyncio.get_running_loop().create_task(self._stop_again())
            self._stopping.add(task)
            task.add_done_callback(self._stopping.discard)
            # It stays pending: the command handles it now.
            self._unconfirmed_stop = False
            requested = self.snapshot.requested.with_pause(None)
            self._update(self.host.clock.now(), requested=requested)
        elif self.snapshot.charging is False and not self._may_start:
            self._request_pause(accepted=None)

    async def _stop_again(self) -> None:
        """Stop the car, which has woken up. The outcome is shown, whatever it is."""
        try:
            await self.stop_charging()
        except ChargepointError as error:
            name = self.snapshot.identity.name
            _LOGGER.warning("%s charges although it was to pause: %s", name, error)
        pause = self.snapshot.requested.pause
        self._update(self.host.clock.now(), **self._requesting(pause))
