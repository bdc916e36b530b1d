"""The charge switch."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, override

from homeassistant.components.switch import SwitchEntity, SwitchEntityDescription
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

# The library keeps one command slot per charge point. A limit here is one per platform
# and entry: stopping one charge point would wait for the proof of another one's start.
PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class ChargepointSwitchDescription(ControlDescription[bool], SwitchEntityDescription):
    """How to turn it on and off."""

    turn_on_fn: Callable[[Chargepoint], Awaitable[None]]
    turn_off_fn: Callable[[Chargepoint], Awaitable[None]]


SWITCHES = (
    ChargepointSwitchDescription(
        key="charging",
        translation_key="charging",
        name=None,
        exists_fn=controls(Feature.CHARGING),
        pending_fn=lambda snapshot: snapshot.pending.charging,
        proven_fn=lambda snapshot: snapshot.charging_allowed,
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


class ChargepointSwitch(ControlEntity[bool], SwitchEntity):
    """A switch that shows the wanted position until the charge point proves it."""

    entity_description: ChargepointSwitchDescription

    @property
    @override
    def is_on(self) -> bool | None:
        """The wanted position, else the proven one."""
        return self._wanted

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
