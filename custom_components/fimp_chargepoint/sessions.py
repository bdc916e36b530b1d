"""The sessions of the charge points of an entry: watched, and kept in a small store."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any, Final, NamedTuple, Protocol

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.storage import Store

from .chargepoint.charge_point import Chargepoint
from .chargepoint.model import ChargepointSnapshot
from .chargepoint.sessions.record import SessionRecord
from .chargepoint.sessions.tracker import SessionEvent, SessionTracker, merged
from .chargepoint.stored import DamagedError
from .const import DOMAIN
from .devices import async_find_device
from .hub_id import node_identifier
from .prices import PriceSource
from .storage import async_load, report_lost

_VERSION: Final = 1
_CHARGE_POINTS: Final = "charge_points"
#: Seconds until what has changed is stored: what happened soon, mere energy rarely, since
#: the charge point itself can tell it again.
_SAVE_SOON: Final = 10.0
_SAVE_LATER: Final = 300.0

type _Data = dict[str, Any]
type SessionEventListener = Callable[[SessionEvent], None]


class Money(NamedTuple):
    """An amount, None where it is not known, in a currency."""

    amount: float | None
    currency: str | None = None


class Save(Protocol):
    """Stores what has changed, after a while."""

    def __call__(self, *, soon: bool) -> None:
        """Ask for it."""


class Sessions:
    """The store of an entry, with the keeper of each charge point that was found."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry, prices: PriceSource) -> None:
        """Prepare; `async_load` comes next."""
        self.prices = prices
        self._hass = hass
        self._entry = entry
        self._store = _store(hass, entry.entry_id)
        #: What is stored of those that were not found, by address, as it was read.
        self._stored: dict[str, Any] = {}
        #: What a newer version has stored beside them.
        self._unknown: _Data = {}
        self._recorders: dict[str, SessionRecorder] = {}
        self._is_to_save = False
        self._stop_tracking = prices.async_track(self._reprice)

    async def async_load(self) -> None:
        """Read what is stored, but for charge points whose device the user has deleted."""
        stored, self._unknown = await _async_read(self._hass, self._store)
        self._stored = {
            address: data for address, data in stored.items() if self._has_device(address)
        }

    def _has_device(self, address: str) -> bool:
        identifier = node_identifier(self._entry, address)
        return async_find_device(self._hass, self._entry.entry_id, identifier) is not None

    async def async_close(self) -> None:
        """Tell and store what there is; nothing is watched from now on."""
        self._stop_tracking()
        for address in tuple(self._recorders):
            self.leave(address)
        if self._is_to_save:
            await self._store.async_save(self._data())

    @callback
    def watch(self, node: Chargepoint) -> None:
        """Keep watch over a charge point that was found."""
        clock = node.host.clock
        tracker = SessionTracker(has_price=self.prices.is_named, moment=clock.to_datetime)
        if (data := self._stored.pop(node.address, None)) is not None:
            with suppress(DamagedError):
                tracker.restore(data)
            report_lost(f"the sessions of {node.address}", data, tracker.to_storage())
        self._recorders[node.address] = SessionRecorder(node, tracker, self.prices, self._save)

    @callback
    def leave(self, address: str) -> None:
        """Watch a charge point no more; its sessions are kept."""
        recorder = self._recorders.pop(address, None)
        if recorder is not None:
            recorder.close()
            self._stored[address] = recorder.tracker.to_storage()

    @callback
    def move(self, old: str, new: str) -> None:
        """Let a charge point that was left have another address from now on."""
        self._stored = _moved(self._stored, old, new)
        self._save(soon=True)

    def of(self, address: str) -> SessionRecorder:
        """Return the keeper of a charge point that was found."""
        return self._recorders[address]

    @callback
    def clock_set(self, by: float) -> None:
        """The system clock was set by so many seconds."""
        for each in self._recorders.values():
            each.clock_set(by)

    @callback
    def _reprice(self) -> None:
        for each in self._recorders.values():
            each.reprice()

    @callback
    def _save(self, *, soon: bool) -> None:
        """Store it after a while; asking for that again would put it off for ever."""
        if soon or not self._is_to_save:
            self._is_to_save = True
            self._store.async_delay_save(self._data, _SAVE_SOON if soon else _SAVE_LATER)

    def _data(self) -> _Data:
        self._is_to_save = False
        watched = {address: each.tracker.to_storage() for address, each in self._recorders.items()}
        return {**self._unknown, _CHARGE_POINTS: self._stored | watched}


class SessionRecorder:
    """Feeds the logbook of one charge point, and passes on what happens."""

    def __init__(
        self,
        node: Chargepoint,
        tracker: SessionTracker,
        prices: PriceSource,
        save: Save,
    ) -> None:
        """Start to watch `node`; `save` is called when there is something to store."""
        self.tracker = tracker
        self._clock = node.host.clock
        self._errors = node.host.internal_errors
        self._prices = prices
        self._save = save
        self._saved = tracker.mark
        self._listeners: list[Callable[[], None]] = []
        self._happening_listeners: list[SessionEventListener] = []
        self._cancel_timer: Callable[[], None] | None = None
        if tracker.watched is not None:
            self._errors.call(node.restore_session, *tracker.watched)
        self._snapshot = node.snapshot
        self._stop_listening = node.add_listener(self._take)
        self.reprice()
        now = self._clock.now()
        self._note(partial(self.tracker.take, self._snapshot, now, prices.price))

    @callback
    def async_add_listener(self, listener: Callable[[], None]) -> CALLBACK_TYPE:
        """Call `listener` when there is something new; returns how to stop that."""
        self._listeners.append(listener)
        return partial(self._listeners.remove, listener)

    @callback
    def async_on_session_event(self, listener: SessionEventListener) -> CALLBACK_TYPE:
        """Call `listener` with all that happens; returns how to stop that."""
        self._happening_listeners.append(listener)
        return partial(self._happening_listeners.remove, listener)

    @property
    def session_cost(self) -> Money:
        """What the session costs so far, or did cost."""
        active = self.tracker.active or self.tracker.past
        return Money(None) if active is None else Money(active.cost, active.session_cost.currency)

    @property
    def session_since(self) -> datetime | None:
        """When that session began."""
        active = self.tracker.active or self.tracker.past
        return None if active is None else active.started or active.since

    @property
    def total_cost(self) -> Money:
        """What all sessions did cost."""
        totals, price = self.tracker.totals, self._prices.price
        if price is not None:
            return Money(totals.get(price.currency), price.currency)
        if len(totals) != 1:
            return Money(None)
        ((currency, amount),) = totals.items()
        return Money(amount, currency)

    @property
    def last_session(self) -> SessionRecord | None:
        """The last session that is over."""
        return self.tracker.records[-1] if self.tracker.records else None

    def reprice(self) -> None:
        """The price may be another one."""
        if (price := self._prices.price) is not None:
            self._note(partial(self.tracker.reprice, price), is_new=True)
        else:
            self._errors.call(self._tell, [], is_new=True)

    def clock_set(self, by: float) -> None:
        """The system clock was set by so many seconds."""
        self._note(partial(self.tracker.clock_set, by))

    def close(self) -> None:
        """Listen no more, and tell what waits to be told."""
        self._stop_listening()
        self._note(partial(self.tracker.close, self._prices.price))

    def _take(self, snapshot: ChargepointSnapshot) -> None:
        """Take what is said, but for measurements that are no part of a session."""
        before, self._snapshot = self._snapshot, snapshot
        if (
            snapshot.meter.session_energy == before.meter.session_energy
            and snapshot.vehicle.id == before.vehicle.id
            and not snapshot.differs_beyond_measurements(before)
        ):
            return
        now = self._clock.now()
        self._note(partial(self.tracker.take, snapshot, now, self._prices.price))

    def _tick(self) -> None:
        now = self._clock.now()
        self._note(partial(self.tracker.tick, now, self._prices.price))

    def _note(
        self, change: Callable[[], list[SessionEvent] | None], *, is_new: bool = False
    ) -> None:
        """Change the logbook, and pass on what happened.

        A bug in the sessions must not affect the charge point.
        """
        happened = self._errors.ask(change)
        self._errors.call(self._tell, happened or [], is_new=is_new)

    def _tell(self, happened: list[SessionEvent], *, is_new: bool = False) -> None:
        """Pass on what happened, and wait for what will.

        `is_new` is whether there is news although the logbook is the same.
        """
        if self._cancel_timer is not None:
            self._cancel_timer()
            self._cancel_timer = None
        if self.tracker.next_deadline is not None:
            self._cancel_timer = self._clock.call_at(self.tracker.next_deadline, self._tick)
        if (mark := self.tracker.mark) != self._saved:
            self._saved = mark
            self._save(soon=bool(happened))
            is_new = True
        if is_new:
            self._errors.tell(self._listeners)
        for session_event in happened:
            self._errors.tell(self._happening_listeners, session_event)


def _store(hass: HomeAssistant, entry_id: str) -> Store[_Data]:
    return Store(hass, _VERSION, f"{DOMAIN}.{entry_id}.sessions")


async def _async_read(hass: HomeAssistant, store: Store[_Data]) -> tuple[_Data, _Data]:
    """Return what is stored by address, and what else there is."""
    data = await async_load(hass, store, dict)
    stored = data.pop(_CHARGE_POINTS, None)
    if not isinstance(stored, dict):
        report_lost("the sessions", stored, None)
        stored = {}
    return stored, data


async def async_move_sessions(hass: HomeAssistant, entry_id: str, old: str, new: str) -> None:
    """Let a charge point of an entry that is not loaded have another address."""
    store = _store(hass, entry_id)
    stored, unknown = await _async_read(hass, store)
    if old in stored:
        await store.async_save({**unknown, _CHARGE_POINTS: _moved(stored, old, new)})


async def async_remove_sessions(hass: HomeAssistant, entry_id: str) -> None:
    """Forget the sessions of an entry that is gone."""
    await _store(hass, entry_id).async_remove()


def _moved(stored: Mapping[str, Any], old: str, new: str) -> dict[str, Any]:
    """Return `to_storage` with what was at `old` at `new`."""
    if old not in stored:
        return dict(stored)
    others = {address: each for address, each in stored.items() if address != old}
    # Until it was moved, it was watched under both.
    later = stored.get(new)
    return others | {new: merged(stored[old], later) if later else stored[old]}
