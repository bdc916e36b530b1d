"""The cable lock, if it can be set."""

from dataclasses import dataclass
from typing import override

from homeassistant.components.lock import LockEntity, LockEntityDescription
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .chargepoint.model import Feature
from .controls import ControlState, feature_control
from .coordinator import FimpConfigEntry
from .entity import ControlDescription, ControlEntity, async_setup_nodes, controls, existing

# The library keeps a slot for each kind of command; see switch.py.
PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class ChargepointLockDescription(ControlDescription[bool], LockEntityDescription):
    """A lock."""


LOCKS = (
    ChargepointLockDescription(
        key="cable",
        translation_key="cable",
        read_only=(Platform.BINARY_SENSOR, "cable_lock"),
        exists_fn=controls(Feature.CABLE_LOCK),
        control=feature_control(Feature.CABLE_LOCK, lambda snapshot: snapshot.cable_lock),
    ),
)


async def async_setup_entry(
    _: HomeAssistant,
    entry: FimpConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the locks of every charge point."""
    async_setup_nodes(entry, async_add_entities, Platform.LOCK, existing(LOCKS), ChargepointLock)


class ChargepointLock(ControlEntity[bool], LockEntity):
    """A lock that is locking or unlocking until the charge point confirms it."""

    entity_description: ChargepointLockDescription

    @override
    def _show(self, shown: ControlState[bool]) -> None:
        """Show it as locking or unlocking until the charge point confirms it."""
        super()._show(shown)
        self._attr_is_locked = None if shown.pending else shown.value
        self._attr_is_locking = shown.pending and shown.value is True
        self._attr_is_unlocking = shown.pending and shown.value is False

    @override
    async def async_lock(self, **kwargs: object) -> None:
        """Return when the charge point has confirmed it."""
        await self._set(value=True)

    @override
    async def async_unlock(self, **kwargs: object) -> None:
        """Return when the charge point has confirmed it."""
        await self._set(value=False)
