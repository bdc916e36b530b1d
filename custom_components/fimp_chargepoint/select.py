"""The charging mode."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, override

from homeassistant.components.select import SelectEntity, SelectEntityDescription
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.restore_state import RestoredExtraData, RestoreEntity

from .chargepoint.base import Chargepoint
from .chargepoint.model import Capabilities, Feature
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

_OPTION = "option"


@dataclass(frozen=True, kw_only=True)
class ChargepointSelectDescription(ControlDescription[str], SelectEntityDescription):
    """What there is to choose from, and how to choose."""

    options_fn: Callable[[Capabilities], tuple[str, ...]]
    select_fn: Callable[[Chargepoint, str], Awaitable[None]]
    restore_fn: Callable[[Chargepoint, str], None]


SELECTS = (
    ChargepointSelectDescription(
        key="charging_mode",
        translation_key="charging_mode",
        exists_fn=controls(Feature.CHARGING_MODE),
        options_fn=lambda capabilities: capabilities.charging_modes,
        pending_fn=lambda snapshot: snapshot.pending.charging_mode,
        proven_fn=lambda snapshot: snapshot.charging_mode,
        select_fn=lambda chargepoint, option: chargepoint.set_charging_mode(option),
        restore_fn=lambda chargepoint, option: chargepoint.restore_charging_mode(option),
    ),
)


async def async_setup_entry(
    _: HomeAssistant,
    entry: FimpConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the selects of every charge point."""
    async_setup_chargepoints(entry, async_add_entities, SELECTS, ChargepointSelect)


class ChargepointSelect(ControlEntity[str], SelectEntity, RestoreEntity):
    """A choice, which the charge point may not report and so outlives a run."""

    entity_description: ChargepointSelectDescription

    @property
    @override
    def shown(self) -> Any:
        """The choice, and what there is to choose from."""
        return super().shown, self.options

    @property
    @override
    def options(self) -> list[str]:
        """What the charge point offers, in its own words."""
        return list(self.entity_description.options_fn(self.coordinator.data.capabilities))

    @property
    @override
    def current_option(self) -> str | None:
        """The wanted choice, else the one that holds; None before any."""
        return self._wanted

    @override
    async def async_select_option(self, option: str) -> None:
        """Return when the choice holds."""
        with translated_errors():
            await self.entity_description.select_fn(self.chargepoint, option)

    @override
    async def async_added_to_hass(self) -> None:
        """Tell the charge point of the choice of an earlier run."""
        await super().async_added_to_hass()
        if (stored := await self.async_get_last_extra_data()) is None:
            return
        option = stored.as_dict().get(_OPTION)
        if option in self.options:
            self.entity_description.restore_fn(self.chargepoint, option)

    @property
    @override
    def extra_restore_state_data(self) -> RestoredExtraData | None:
        """The choice, also while the charge point is not available."""
        option = self._proven
        return None if option is None else RestoredExtraData({_OPTION: option})
