"""A limit of the current for a while: then the former one returns, unless somebody changed it.

What is to return, and when, is kept on disk before anything is sent. So it returns after a
restart as well, and of a charge point that is not there then, when it is back.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
import logging
from typing import Any, Self

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.storage import Store
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey

from .chargepoint.base import Chargepoint
from .chargepoint.commands import Effect
from .chargepoint.errors import (
    ChargepointError,
    CommandRejectedError,
    CommandSupersededError,
    InvalidRequestError,
    NotConnectedError,
)
from .chargepoint.model import ChargepointSnapshot, Feature
from .chargepoint.stored import (
    DamagedError,
    Readers,
    fields,
    list_of,
    number,
    one_of,
    text,
    timestamp,
)
from .const import DOMAIN
from .controls import FormerLimit, former_limit, settable_limit
from .coordinator import ChargepointCoordinator, FimpConfigEntry, PushCoordinator
from .devices import async_find_device
from .storage import async_load, report_lost

_LOGGER = logging.getLogger(__name__)

_STORE_VERSION = 1
#: Seconds after which a charge point that has not taken the former limit is told again.
_RETRY = 300.0


#: There is one for each limit of a charge point: its device, which stays also where it gets
#: another address, and the feature.
type Key = tuple[str, str]


@dataclass(frozen=True)
class TemporaryLimit:
    """A limit in A that holds until a moment, and what it was before.

    `former` is None for that of a session that had none of its own, as far as is known, or
    only that of its charging mode, which is `mode` then; `session` is when that session
    began. Both times are in ISO format. `unknown` is what a newer version has stored with it.
    """

    device_id: str
    feature: str
    current: float
    former: float | None
    until: str
    session: str | None
    mode: str | None = None
    unknown: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> Key:
        """What there is only one for."""
        return self.device_id, self.feature

    def stored(self) -> dict[str, Any]:
        """Return what `restored` takes, fit for JSON."""
        return {**self.unknown, **{name: getattr(self, name) for name in _READERS}}

    @classmethod
    def restored(cls, data: Any) -> Self:
        """Return what `stored` was made of.

        Raises:
            DamagedError: nobody can say what is to return, or when.

        """
        known, unknown = fields(data, _READERS, ("device_id", "feature", "current", "until"))
        if known["feature"] == Feature.MAX_CURRENT and "former" not in known:
            raise DamagedError("without former")
        return cls(**{"former": None, "session": None} | known, unknown=unknown)


def _moment(value: Any) -> str:
    """Read a moment, and leave it in ISO format."""
    return timestamp(value).isoformat()


_READERS: Readers = {
    "device_id": text,
    "feature": one_of(Feature.MAX_CURRENT, Feature.SESSION_CURRENT),
    "current": number,
    "former": number,
    "until": _moment,
    "session": _moment,
    "mode": text,
}


def still_holds(
    limit: TemporaryLimit, snapshot: ChargepointSnapshot, effect: Effect
) -> bool | None:
    """Return whether nobody has changed `limit` since, None where that is not known yet.

    `effect` is what it brings about: somebody else who limits to less has changed nothing.
    """
    if not snapshot.available:
        return None
    if limit.feature == Feature.MAX_CURRENT:
        return None if snapshot.max_current is None else effect.holds(snapshot)
    if not (same := _same_session(limit, snapshot)):
        return same
    return _still_limits(limit, snapshot)


def _still_limits(limit: TemporaryLimit, snapshot: ChargepointSnapshot) -> bool | None:
    """Return whether nobody has changed `limit` in its session, None as in `still_holds`."""
    if limit.mode is not None and not snapshot.charging:
        # What was before it is started again, which would start charging.
        return None
    if snapshot.session_current is not None:
        return snapshot.session_current == limit.current
    # After a restart nobody says which limit a session has. If more is offered, it is another.
    offered = snapshot.meter.offered_current
    if offered is None:
        return None if Feature.OFFERED_CURRENT in snapshot.capabilities.reports else True
    return offered <= limit.current


def _same_session(limit: TemporaryLimit, snapshot: ChargepointSnapshot) -> bool | None:
    """Return whether the session of `limit` goes on, None where that is not known yet."""
    if snapshot.plugged is None:
        return None
    began = _session(snapshot)
    return snapshot.in_session and (None in (began, limit.session) or began == limit.session)


def _session(snapshot: ChargepointSnapshot) -> str | None:
    started = snapshot.session.started
    return None if started is None else started.isoformat()


def _effect(limit: TemporaryLimit, chargepoint: Chargepoint) -> Effect:
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
    """All of them, of all charge points; a task waits for the end of each."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Know of none; `async_load` has to follow."""
        self._hass = hass
        self._store: Store[list[dict[str, Any]]] = Store(
            hass, _STORE_VERSION, f"{DOMAIN}.temporary_limits"
        )
        self._limits: dict[Key, TemporaryLimit] = {}
        self._tasks: dict[Key, asyncio.Task[None]] = {}

    async def async_load(self) -> None:
        """Take over those of an earlier run."""
        stored = await async_load(self._hass, self._store, list)
        limits = list_of(TemporaryLimit.restored)(stored)
        self._limits = {each.key: each for each in limits}
        report_lost("the temporary limits", stored, self._data())

    @callback
    def async_watch(self, entry: FimpConfigEntry) -> None:
        """Wait for the ends of those of an entry, for as long as it is loaded."""

        @callback
        def found(coordinator: PushCoordinator[Any, Any]) -> None:
            device_id = _device_id(coordinator)
            for limit in self._limits.values():
                if limit.device_id == device_id:
                    self._wait(coordinator, limit)

        entry.async_on_unload(entry.runtime_data.async_for_each_node(found))

    async def async_forget(self, entry: ConfigEntry) -> None:
        """An entry is gone; its devices are still there."""
        devices = dr.async_entries_for_config_entry(dr.async_get(self._hass), entry.entry_id)
        ids = {each.id for each in devices}
        keys = [each for each in self._limits if each[0] in ids]
        for key in keys:
            self._drop(key)
        if keys:
            await self._save()

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
        earlier = self._limits.get(key)
        former, mode = self.former(coordinator, feature) or FormerLimit()
        self._drop(key)
        until = None
        if duration:
            until = (dt_util.utcnow() + duration).isoformat()
            self._limits[key] = TemporaryLimit(
                *key,
                current=current,
                former=former,
                until=until,
                session=_session(snapshot),
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
                if earlier is not None:
                    self._limits[key] = earlier
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

    def former(
        self, coordinator: ChargepointCoordinator, feature: Feature
    ) -> FormerLimit | None:
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
        if (task := self._tasks.get(limit.key)) is not None:
            task.cancel()
        self._tasks[limit.key] = coordinator.config_entry.async_create_background_task(
            self._hass, self._end(coordinator, limit), f"{DOMAIN} former limit"
        )

    async def _end(self, coordinator: ChargepointCoordinator, limit: TemporaryLimit) -> None:
        """Let the former limit return in time, if nobody has changed it."""
        chargepoint, warn = coordinator.node, _LOGGER.warning
        until = dt_util.parse_datetime(limit.until, raise_on_error=True)
        seconds = max(0.0, (until - dt_util.utcnow()).total_seconds())
        while True:
            await asyncio.sleep(seconds)
            holds = await _known(coordinator, limit)
            if holds is None:
                return
            if not holds:
                _LOGGER.debug("%s has another limit by now, which stays", coordinator.name)
                if limit.former is not None:
                    chargepoint.keeper.replace(
                        Feature(limit.feature), limit.current, limit.former
                    )
                break
            try:
                await _restore(limit, chargepoint)
                break
            except InvalidRequestError as error:
                _LOGGER.warning(
                    "%s does not take its former limit: %s", coordinator.name, error
                )
                break
            except ChargepointError as error:
                warn("%s has not taken its former limit yet: %s", coordinator.name, error)
                warn, seconds = _LOGGER.debug, _RETRY
        if self._limits.get(limit.key) is limit:
            del self._limits[limit.key]
            await self._save()

    def _drop(self, key: Key) -> None:
        """Forget a limit, and do not wait for its end."""
        self._limits.pop(key, None)
        if (task := self._tasks.pop(key, None)) is not None:
            task.cancel()

    async def _save(self) -> None:
        await self._store.async_save(self._data())

    def _data(self) -> list[dict[str, Any]]:
        return [each.stored() for each in self._limits.values()]


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
