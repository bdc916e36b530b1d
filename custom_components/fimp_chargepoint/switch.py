"""The charge switch."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, override

from homeassistant.components.switch import SwitchEntity, SwitchEntityDescription
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .chargepoint.base import Chargepoint
from .chargepoint.model import ChargepointSnapshot, Feature
from .const import ATTR_PENDING
from .coordinator import FimpConfigEntry
from .entity import (
    ChargepointDescription,
    ChargepointEntity,
    async_setup_chargepoints,
    controls,
    translated_errors,
)

# The library keeps one command slot per charge point. A limit here is one per platform
# and entry: stopping one charge point would wait for the proof of another one's start.
PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class ChargepointSwitchDescription(ChargepointDescription, SwitchEntityDescription):
    """A position that is asked for, and the one that is proven."""

    pending_fn: Callable[[ChargepointSnapshot], bool | None]
    is_on_fn: Callable[[ChargepointSnapshot], bool | None]
    turn_on_fn: Callable[[Chargepoint], Awaitable[None]]
    turn_off_fn: Callable[[Chargepoint], Awaitable[None]]


SWITCHES = (
    ChargepointSwitchDescription(
        key="charging",
        translation_key="charging",
        name=None,
        exists_fn=controls(Feature.CHARGING),
        pending_fn=lambda snapshot: snapshot.pending.charging,
        is_on_fn=lambda snapshot: snapshot.charging_allowed,
        turn_on_fn=lambda chargepoint: chargepoint.start_charging(),
        turn_off_fn=lambda chargepoint: chargepoint.stop_charging(),
    ),
)


async def async_setup_entry(
    _: HomeAssistant,
    entry: FimpConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the switches of every charge point."""
    async_setup_chargepoints(entry, async_add_entities, SWITCHES, ChargepointSwitch)


class ChargepointSwitch(ChargepointEntity, SwitchEntity):
    """A switch that shows the wanted position until the charge point proves it."""

    entity_description: ChargepointSwitchDescription

    @property
    def _pending(self) -> bool | None:
        return self.entity_description.pending_fn(self.coordinator.data)

    @property
    @override
    def shown(self) -> Any:
        """The position, and whether it is proven."""
        return self.is_on, self._pending

    @property
    @override
    def is_on(self) -> bool | None:
        """The wanted position, else the proven one."""
        if (pending := self._pending) is not None:
            return pending
        return self.entity_description.is_on_fn(self.coordinator.data)

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any]:
        """Tell a wanted position from a proven one."""
        return {ATTR_PENDING: self._pending is not None}

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        """Return when the charge point has proven it."""
        with translated_errors():
            await self.entity_description.turn_on_fn(self.chargepoint)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        """Return when the charge point has proven it."""
        with translated_errors():
            await self.entity_description.turn_off_fn(self.chargepoint)
