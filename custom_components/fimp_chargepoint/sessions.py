"""The sessions of an entry's charge points: watched, and kept in a small file."""

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Final, NamedTuple

from homeassistant.core import CALLBACK_TYPE, callback

from .chargepoint import Chargepoint, DamagedError, Timers
from .chargepoint.model import ChargepointSnapshot
from .chargepoint.sessions import SessionEvent, SessionRecord, SessionTracker
from .prices import PriceSource
from .storage import Records, report_lost

#: Seconds until changes are stored: events soon, energy alone rarely, since the charge point can
#: report it again.
_SAVE_SOON: Final = 10.0
_SAVE_LATER: Final = 300.0
#: Minimum seconds between two updates of a session by measurements alone, which may be reported
#: many times per second.
_MEASUREMENT_INTERVAL: Final = 5.0
#: Maximum number of late events that wait for an entity to show them.
_WAITING_MAX: Final = 10

type SessionEventListener = Callable[[SessionEvent], None]


class Money(NamedTuple):
    """An amount, None if it is unknown, in a currency."""

    amount: float | None
    currency: str | None = None


class Sessions:
    """The sessions of an entry, with a recorder for each charge point that was found."""

    def __init__(self, records: Records, prices: PriceSource) -> None:
        """Start without any charge point; `records` are the stored ones."""
        self.prices = prices
        self._records = records
        self._recorders: dict[str, SessionRecorder] = {}
        self._stop_tracking = prices.async_track(self._reprice)

    @callback
    def close(self) -> None:
        """Stop watching."""
        self._stop_tracking()
        for address in tuple(self._recorders):
            self.leave(address)

    @callback
    def watch(self, node: Chargepoint) -> None:
        """Watch a charge point that was found."""
        address, stored = node.address, self._records.get(node.address)
        recorder = SessionRecorder(node, stored, self.prices, self._records.save)
        self._recorders[address] = recorder
        self._records.watch(address, recorder.to_storage)

    @callback
    def leave(self, address: str) -> None:
        """Stop watching a charge point; its sessions are kept."""
        recorder = self._recorders.pop(address, None)
        if recorder is not None:
            recorder.close()
            self._records.leave(address)

    def of(self, address: str) -> SessionRecorder:
        """Return the recorder of a charge point that was found."""
        return self._recorders[address]

    @callback
    def clock_set(self, by: float) -> None:
        """Adjust to a system clock that was set by `by` seconds."""
        for recorder in self._recorders.values():
            recorder.clock_set(by)

    @callback
    def _reprice(self) -> None:
        for recorder in self._recorders.values():
            recorder.reprice()


class SessionRecorder:
    """Feeds the tracker of one charge point, and forwards its events."""

    def __init__(
        self,
        node: Chargepoint,
        stored: object,
        prices: PriceSource,
        save: Callable[[float], None],
    ) -> None:
        """Watch `node`, continuing from `stored`; `save` is called with a delay in seconds."""
        self._clock = node.host.clock
        self._errors = node.host.internal_errors
        self.tracker = SessionTracker(
            has_price=prices.is_named, to_datetime=self._clock.to_datetime
        )
        self._stored = stored
        if stored is not None:
            with suppress(DamagedError):
                self.tracker.restore(stored)
            report_lost(f"the sessions of {node.address}", stored, self.to_storage())
        self._prices = prices
        self._save = save
        self._mark = self.tracker.mark
        self._listeners: list[Callable[[], None]] = []
        self._event_listeners: list[SessionEventListener] = []
        self._waiting: deque[SessionEvent] = deque(maxlen=_WAITING_MAX)
        self._timers = Timers(node.host.scheduler, self)
        if self.tracker.watched is not None:
            self._errors.call(node.restore_session, *self.tracker.watched)
        self._snapshot = self._taken = node.snapshot
        self._taken_at = self._clock.now()
        self._stop_listening = node.add_listener(self._changed_to)
        self.reprice()
        self._take(self._taken_at)

    def to_storage(self) -> object:
        """Return the data to store; if that fails, what was stored before."""
        stored = self._errors.ask(self.tracker.to_storage)
        if stored is not None:
            self._stored = stored
        return self._stored

    @callback
    def async_add_listener(self, listener: Callable[[], None]) -> CALLBACK_TYPE:
        """Call `listener` when there is something new; return a function that stops that."""
        self._listeners.append(listener)
        return partial(self._listeners.remove, listener)

    @callback
    def async_on_session_event(self, listener: SessionEventListener) -> CALLBACK_TYPE:
        """Call `listener` with each event, starting with the late ones that waited for it.

        Returns a function that stops that.
        """
        self._event_listeners.append(listener)
        if self._waiting:
            # The entity that listens needs a state first.
            self._timers.set("late events", self._clock.now(), self._pass_on_waiting)
        return partial(self._event_listeners.remove, listener)

    @property
    def session_cost(self) -> Money:
        """The cost of the current session so far, or of the last one."""
        active = self.tracker.active or self.tracker.past
        return Money(None) if active is None else Money(active.cost, active.session_cost.currency)

    @property
    def session_since(self) -> datetime | None:
        """When the period of that cost began."""
        active = self.tracker.active or self.tracker.past
        return None if active is None else active.counted_since

    @property
    def total_cost(self) -> Money:
        """The cost of all sessions."""
        totals, price = self.tracker.totals, self._prices.price
        if price is not None:
            return Money(totals.get(price.currency), price.currency)
        if len(totals) != 1:
            return Money(None)
        ((currency, amount),) = totals.items()
        return Money(amount, currency)

    @property
    def last_session(self) -> SessionRecord | None:
        """The last session that has ended."""
        return self.tracker.records[-1] if self.tracker.records else None

    def reprice(self) -> None:
        """Apply the price, which may have changed."""
        price = self._prices.price
        change = None if price is None else partial(self.tracker.reprice, price)
        self._change(change or list[SessionEvent], is_new=True)

    def clock_set(self, by: float) -> None:
        """Adjust to a system clock that was set by `by` seconds."""
        self._change(partial(self.tracker.clock_set, by))

    def close(self) -> None:
        """Stop watching, and report pending events."""
        self._stop_listening()
        self._catch_up()
        self._change(partial(self.tracker.close, self._prices.price))
        self._timers.stop()

    def _changed_to(self, snapshot: ChargepointSnapshot) -> None:
        """Process a snapshot: facts at once, measurements of the session as often as allowed."""
        now, taken = self._clock.now(), self._taken
        is_fact = snapshot.differs_beyond_measurements(taken)
        if is_fact:
            # What waits was measured before it.
            self._catch_up()
        self._snapshot = snapshot
        due = self._taken_at + _MEASUREMENT_INTERVAL
        if is_fact:
            self._take(now)
        elif (
            snapshot.meter.session_energy == taken.meter.session_energy
            and snapshot.vehicle.id == taken.vehicle.id
        ):
            return
        elif now >= due:
            self._take(now)
        elif "measurements" not in self._timers:
            self._timers.set("measurements", due, self._take)

    def _take(self, now: float) -> None:
        self._timers.cancel("measurements")
        self._taken, self._taken_at = self._snapshot, now
        self._change(partial(self.tracker.take, self._snapshot, now, self._prices.price))

    def _catch_up(self) -> None:
        """Take the measurements that wait."""
        if "measurements" in self._timers:
            self._take(self._clock.now())

    def _tick(self, now: float) -> None:
        # The energy of a session that has ended arrives shortly after its end.
        self._catch_up()
        self._change(partial(self.tracker.tick, now, self._prices.price))

    def _change(
        self, change: Callable[[], list[SessionEvent] | None], *, is_new: bool = False
    ) -> None:
        """Change the tracker, and forward its events; `is_new`: something else is new as well.

        A bug in the sessions must not affect the charge point.
        """
        events = self._errors.ask(change) or []
        self._errors.call(self._changed, events, is_new=is_new)

    def _changed(self, events: list[SessionEvent], *, is_new: bool) -> None:
        if self.tracker.next_deadline is None:
            self._timers.cancel("session")
        else:
            self._timers.set("session", self.tracker.next_deadline, self._tick)
        if (mark := self.tracker.mark) != self._mark:
            self._mark = mark
            self._save(_SAVE_SOON if events else _SAVE_LATER)
            is_new = True
        if is_new:
            self._errors.notify(self._listeners)
        for event in events:
            if event.late and not self._event_listeners:
                self._waiting.append(event)
            self._errors.notify(self._event_listeners, event)

    def _pass_on_waiting(self, _: float) -> None:
        while self._waiting and self._event_listeners:
            self._errors.notify(self._event_listeners, self._waiting.popleft())
