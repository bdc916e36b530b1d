"""A limit of the current for a while: then the former one returns, unless somebody changed it.

What is to return, and when, is kept on disk before anything is sent. So it returns after a
restart as well, and of a charge point that is not there then, when it is back.
"""

import asyncio
from datetime import datetime, timedelta
from functools import partial
import logging
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.storage import Store
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey

from ..chargepoint.charge_point import Chargepoint
from ..chargepoint.commands.command import ExpectedState
from ..chargepoint.errors import (
    ChargepointError,
    CommandRejectedError,
    CommandSupersededError,
    InvalidRequestError,
    NotConnectedError,
)
from ..chargepoint.hub import ClockSet, HubEvent
from ..chargepoint.limits.temporary_limit import Key, TemporaryLimit, session_of, still_holds
from ..chargepoint.model import ChargepointSnapshot, Feature
from ..chargepoint.stored import list_of
from ..const import DOMAIN
from ..controls import FormerLimit, former_limit, settable_limit
from ..coordinator import ChargepointCoordinator, FimpConfigEntry, PushCoordinator
from ..devices import async_find_device
from ..storage import async_load, report_lost

_LOGGER = logging.getLogger(__name__)

_STORE_VERSION = 1
#: Seconds after which a charge point that has not taken the former limit is told again.
_RETRY = 300.0


def _effect(limit: TemporaryLimit, chargepoint: Chargepoint) -> ExpectedState:
    return chargepoint.effect(Feature(limit.feature), limit.current)


def _holds(limit: TemporaryLimit, coordinator: ChargepointCoordinator) -> bool | None:
    return still_holds(limit, coordinator.data, _effect(limit, coordinator.node))


async def _restore(limit: TemporaryLimit, chargepoint: Chargepoint) -> None:
    """Let what was before `limit` return; raises what the charge point's commands raise."""
    if limit.mode is None:
        former = _former(limit, chargepoint.snapshot)
        await chargepoint.set(Feature(limit.feature), former)
    else:
        mode = chargepoint.checked(Feature.CHARGING_MODE, limit.mode)
        await chargepoint.start_mode(mode)


def _former(limit: TemporaryLimit, snapshot: ChargepointSnapshot) -> float:
    """Return what to go back to; for a session without a limit, what holds for all sessions."""
    numbers = snapshot.capabilities.ranges.get(Feature(limit.feature))
    if numbers is None:
        raise InvalidRequestError(limit.feature)
    wanted = snapshot.max_current if limit.former is None else limit.former
    return numbers.maximum if wanted is None else min(wanted, numbers.maximum)


class TemporaryLimits:
    """All of them, of all charge points; a task waits for the end of each.

    One that was set in this run lasts so long as was said, whatever the system clock says: the
    moment of its end is corrected where that is set. One of an earlier run ends at its moment.
    """

    def __init__(self, hass: HomeAssistant) -> None:
        """Know of none; `async_load` has to follow."""
        self._hass = hass
        self._store: Store[list[dict[str, Any]]] = Store(
            hass, _STORE_VERSION, f"{DOMAIN}.temporary_limits"
        )
        self._limits: dict[Key, TemporaryLimit] = {}
        self._tasks: dict[Key, asyncio.Task[None]] = {}
        #: By how many seconds the clock was set since, for those that were set in this run.
        self._offsets: dict[Key, float] = {}
        #: Whose time is not over yet.
        self._asleep: dict[Key, ChargepointCoordinator] = {}

    async def async_load(self) -> None:
        """Take over those of an earlier run."""
        stored = await async_load(self._hass, self._store, list)
        limits = list_of(TemporaryLimit.from_storage)(stored)
        self._limits = {each.key: each for each in limits}
        self._offsets.clear()
        report_lost("the temporary limits", stored, self._data())

    @callback
    def async_watch(self, entry: FimpConfigEntry) -> None:
        """Wait for the ends of those of an entry, for as long as it is loaded."""

        @callback
        def found(coordinator: PushCoordinator[Any, Any]) -> None:
            if (device_id := _device_id(coordinator)) is None:
                return
            coordinator.async_on_shutdown(partial(self._leave, device_id))
            for limit in self._limits.values():
                if limit.device_id == device_id:
                    self._wait(coordinator, limit)

        @callback
        def handle(event: HubEvent) -> None:
            if isinstance(event, ClockSet):
                entry.async_create_task(self._hass, self._clock_set(entry, event.by))

        entry.async_on_unload(entry.runtime_data.async_for_each_node(found))
        entry.async_on_unload(entry.runtime_data.hub.add_listener(handle))

    async def async_forget(self, entry: ConfigEntry) -> None:
        """An entry is gone; its devices are still there."""
        keys = self._of(entry)
        for key in keys:
            self._drop(key)
        if keys:
            await self._save()

    def _of(self, entry: ConfigEntry) -> list[Key]:
        """Return what there is for the devices of an entry."""
        devices = dr.async_entries_for_config_entry(dr.async_get(self._hass), entry.entry_id)
        ids = {each.id for each in devices}
        return [each for each in self._limits if each[0] in ids]

    async def async_set(
        self, coordinator: ChargepointCoordinator, current: float, duration: timedelta | None
    ) -> dict[str, Any]:
        """Limit the current to so many A, for a while or for good; say what was done.

        Raises what `Chargepoint.set` raises.
        """
        chargepoint, snapshot = coordinator.node, coordinator.data
        feature = settable_limit(snapshot)
        current = chargepoint.checked(feature, current)
        key = _key(coordinator, feature)
        earlier, offset = self._limits.get(key), self._offsets.get(key)
        former, mode = self.former(coordinator, feature) or FormerLimit()
        self._drop(key)
        until = None
        if duration:
            clock = chargepoint.host.clock
            until = (clock.to_datetime(clock.now()) + duration).isoformat()
            self._offsets[key] = 0.0
            self._limits[key] = TemporaryLimit(
                *key,
                current=current,
                former=former,
                until=until,
                session=session_of(snapshot),
                mode=mode,
            )
        if earlier is not None or duration:
            # First, so that it returns also where we do not live to see that it was set.
            await self._save()
        try:
            await chargepoint.set(feature, current)
        except CommandSupersededError:
            # Who wants another one now decides.
            raise
        except ChargepointError as error:
            # All is as it was, or looks so. Otherwise nobody knows.
            if isinstance(error, CommandRejectedError) or (
                earlier is not None and _holds(earlier, coordinator)
            ):
                self._drop(key)
                self._put_back(earlier, offset)
                if earlier is not None or duration:
                    await self._save()
            raise
        finally:
            if key in self._limits:
                self._wait(coordinator, self._limits[key])
        return {
            "limit": feature,
            "current": current,
            "former": former,
            "former_mode": mode,
            "until": until,
        }

    def former(self, coordinator: ChargepointCoordinator, feature: Feature) -> FormerLimit | None:
        """Return what returns after a limit for a while, None where nobody can say that.

        Where one holds already, it is what was before that.
        """
        earlier = self._limits.get(_key(coordinator, feature))
        if earlier is not None and (
            # It may be on its way.
            coordinator.data.pending.get(feature) == earlier.current
            or _holds(earlier, coordinator) is not False
        ):
            return FormerLimit(earlier.former, earlier.mode)
        return former_limit(coordinator.node, feature)

    def _wait(self, coordinator: ChargepointCoordinator, limit: TemporaryLimit) -> None:
        self._cancel(limit.key)
        self._asleep[limit.key] = coordinator
        self._tasks[limit.key] = coordinator.config_entry.async_create_background_task(
            self._hass, self._end(coordinator, limit), f"{DOMAIN} former limit"
        )

    async def _clock_set(self, entry: FimpConfigEntry, by: float) -> None:
        """Correct the ends of this run, and wait anew for those of an earlier one."""
        keys = self._of(entry)
        for key in keys:
            if key in self._offsets:
                self._offsets[key] += by
            elif (coordinator := self._asleep.get(key)) is not None:
                self._wait(coordinator, self._limits[key])
        if keys:
            await self._save()

    def _until(self, limit: TemporaryLimit) -> datetime:
        """Return when a limit ends, by the clock as it is now."""
        until = dt_util.parse_datetime(limit.until, raise_on_error=True)
        return until + timedelta(seconds=self._offsets.get(limit.key, 0.0))

    async def _end(self, coordinator: ChargepointCoordinator, limit: TemporaryLimit) -> None:
        """Let the former limit return in time, if nobody has changed it."""
        chargepoint, warn = coordinator.node, _LOGGER.warning
        clock = chargepoint.host.clock
        left = self._until(limit) - clock.to_datetime(clock.now())
        seconds = max(0.0, left.total_seconds())
        while True:
            await asyncio.sleep(seconds)
            self._asleep.pop(limit.key, None)
            holds = await _known(coordinator, limit)
            if holds is None:
                return
            if not holds:
                _LOGGER.debug("%s has another limit by now, which stays", coordinator.name)
                if limit.former is not None:
                    chargepoint.limit_ownership.replace(
                        Feature(limit.feature), limit.current, limit.former
                    )
                break
            try:
                await _restore(limit, chargepoint)
                break
            except InvalidRequestError as error:
                _LOGGER.warning("%s does not take its former limit: %s", coordinator.name, error)
                break
            except ChargepointError as error:
                warn("%s has not taken its former limit yet: %s", coordinator.name, error)
                warn, seconds = _LOGGER.debug, _RETRY
        if self._limits.get(limit.key) is limit:
            del self._limits[limit.key]
            self._offsets.pop(limit.key, None)
            self._tasks.pop(limit.key, None)
            await self._save()

    def _drop(self, key: Key) -> None:
        """Forget a limit, and do not wait for its end."""
        self._limits.pop(key, None)
        self._offsets.pop(key, None)
        self._cancel(key)

    def _put_back(self, limit: TemporaryLimit | None, offset: float | None) -> None:
        """Remember a limit again, with its offset where it was set in this run."""
        if limit is not None:
            self._limits[limit.key] = limit
            if offset is not None:
                self._offsets[limit.key] = offset

    def _leave(self, device_id: str) -> None:
        """A charge point is not there any more: wait for no end until it is again."""
        for key in tuple(self._tasks):
            if key[0] == device_id:
                self._cancel(key)

    def _cancel(self, key: Key) -> None:
        self._asleep.pop(key, None)
        if (task := self._tasks.pop(key, None)) is not None:
            task.cancel()

    async def _save(self) -> None:
        await self._store.async_save(self._data())

    def _data(self) -> list[dict[str, Any]]:
        return [self._stored(each) for each in self._limits.values()]

    def _stored(self, limit: TemporaryLimit) -> dict[str, Any]:
        stored = limit.to_storage()
        if self._offsets.get(limit.key):
            stored["until"] = self._until(limit).isoformat()
        return stored


def _device_id(coordinator: PushCoordinator[Any, Any]) -> str | None:
    """Return the id of the device, None if somebody has deleted it."""
    entry_id = coordinator.config_entry.entry_id
    device = async_find_device(coordinator.hass, entry_id, coordinator.identifier)
    return None if device is None else device.id


def _key(coordinator: PushCoordinator[Any, Any], feature: Feature) -> Key:
    """Return by what a limit is known, or raise NotConnectedError where nobody could say."""
    if (device_id := _device_id(coordinator)) is None:
        raise NotConnectedError("its device was deleted")
    return device_id, str(feature)


async def _known(coordinator: ChargepointCoordinator, limit: TemporaryLimit) -> bool | None:
    """Return whether `limit` still holds, once that is known; None where nobody will know."""
    changed = asyncio.Event()
    remove_listener = coordinator.async_add_listener(changed.set)
    try:
        while not coordinator.is_gone:
            changed.clear()
            if (holds := _holds(limit, coordinator)) is not None:
                return holds
            await changed.wait()
        return None
    finally:
        remove_listener()


#: There is one for all of Home Assistant.
DATA_TEMPORARY_LIMITS: HassKey[TemporaryLimits] = HassKey(f"{DOMAIN}_temporary_limits")
