"""The cable lock, where the charge point can be told."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, override

from homeassistant.components.lock import LockEntity, LockEntityDescription
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .chargepoint.base import Chargepoint
from .chargepoint.model import Feature
from .coordinator import FimpConfigEntry
from .entity import (
    ControlDescription,
    ControlEntity,
    async_setup_chargepoints,
    controls,
    translated_errors,
)

# The library keeps one command slot per charge point; see switch.py.
PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class ChargepointLockDescription(ControlDescription[bool], LockEntityDescription):
    """How to move the bolt."""

    lock_fn: Callable[[Chargepoint], Awaitable[None]]
    unlock_fn: Callable[[Chargepoint], Awaitable[None]]


LOCKS = (
    ChargepointLockDescription(
        key="cable",
        translation_key="cable",
        exists_fn=controls(Feature.CABLE_LOCK),
        pending_fn=lambda snapshot: snapshot.pending.cable_locked,
        proven_fn=lambda snapshot: snapshot.cable_locked,
        lock_fn=lambda chargepoint: chargepoint.set_cable_lock(locked=True),
        unlock_fn=lambda chargepoint: chargepoint.set_cable_lock(locked=False),
    ),
)


async def async_setup_entry(
    _: HomeAssistant,
    entry: FimpConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the locks of every charge point."""
    async_setup_chargepoints(entry, async_add_entities, LOCKS, ChargepointLock)


class ChargepointLock(ControlEntity[bool], LockEntity):
    """A lock that is locking or unlocking until the charge point proves it."""

    entity_description: ChargepointLockDescription

    @property
    @override
    def is_locked(self) -> bool | None:
        """Whether the charge point says that the cable is locked."""
        return self._proven

    @property
    @override
    def is_locking(self) -> bool:
        """Whether the lock was asked for and is not proven yet."""
        return self._pending is True

    @property
    @override
    def is_unlocking(self) -> bool:
        """Whether the release was asked for and is not proven yet."""
        return self._pending is False

    @override
    async def async_lock(self, **kwargs: Any) -> None:
        """Return when the charge point has proven it."""
        with translated_errors():
            await self.entity_description.lock_fn(self.chargepoint)

    @override
    async def async_unlock(self, **kwargs: Any) -> None:
        """Return when the charge point has proven it."""
        with translated_errors():
            await self.entity_description.unlock_fn(self.chargepoint)
