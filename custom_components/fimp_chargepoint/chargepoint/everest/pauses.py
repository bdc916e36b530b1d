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
from typing import Any, Final, override

from .. import stored
from ..charge_point import Chargepoint
from ..errors import ChargepointError
from ..limits.requested import Pause, Requested
from ..model import ChargepointSnapshot, Feature, Status
from ..node import Changes, NodeHost
from .session import with_stored_reasons
from .status import NO_TRANSACTION, State, Word, is_of

_LOGGER = logging.getLogger(__name__)

#: Seconds of charging after which another client must have ended an accepted pause: a car that
#: wakes up charges for a moment, until the EVSE stops it.
_RESUMED_AFTER: Final = 5.0
#: The states without charging in which it may begin at any moment.
SUSPENDED: Final = frozenset({Status.SUSPENDED_BY_EV, Status.SUSPENDED_BY_EVSE})

#: Maximum number of reasons; three are known.
_REASONS_MAX: Final = 10
#: A session, and the stored data of a pause in it.
_SESSION: Final[stored.Readers] = {"session_id": stored.text, "started": stored.timestamp}
_PAUSE: Final[stored.Readers] = {"accepted": stored.flag, **_SESSION}
_PAUSES: Final[stored.Readers] = {
    "pause": lambda value: Pause(**stored.whole(value, _PAUSE, nullable=_SESSION).known),
    "reasons": stored.list_of(stored.text, _REASONS_MAX),
    **_SESSION,
}


def is_over(pause: Pause, state: State) -> bool:
    """Whether a pause has ended by `state`, or is reported in it by now."""
    same = is_of(state, pause.session_id, pause.started)
    return state.word in NO_TRANSACTION or state.paused_by_user or not same


def to_storage(pause: Pause | None, state: State) -> Changes:
    """Return what `_PAUSES` reads."""
    found: Changes = {}
    if pause is not None:
        session = _session(pause.session_id, pause.started)
        found["pause"] = {"accepted": pause.accepted, **session}
    if state.word == Word.PAUSED_EVSE and state.reasons:
        found["reasons"] = sorted(state.reasons)[:_REASONS_MAX]
        found |= _session(state.id, state.started)
    return found


def _session(session_id: str | None, started: datetime | None) -> Changes:
    return {
        "session_id": session_id,
        "started": None if started is None else started.isoformat(),
    }


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
    def restore_pauses(self, pauses: Mapping[str, Any]) -> None:
        known, self._unknown_pauses = stored.fields(pauses, _PAUSES)
        now = self.host.clock.now()
        session_id, started = known.get("session_id"), known.get("started")
        if "reasons" in known and (session_id or started):
            reasons = frozenset(known["reasons"])
            state = with_stored_reasons(self._session, reasons, session_id, started)
            if state.word is None:
                # Its next report shows whether this is still true.
                self._session = state
            else:
                self._update(now, **self._with_session(state))
        # Without a session, the end of a pause would be unknown.
        pause: Pause | None = known.get("pause")
        if pause is None or not (pause.session_id or pause.started):
            return
        if self.snapshot.requested.pause is None and not is_over(pause, self._session):
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
        if report != Feature.STATUS:
            return
        if not (self.snapshot.requested.waits_to_pause or self._unconfirmed_stop):
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
