"""The charging mode, the phases, and settings with options."""

from dataclasses import dataclass
from functools import partial
from typing import override

from homeassistant.components.select import SelectEntity, SelectEntityDescription
from homeassistant.const import EntityCategory, Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .chargepoint import Chargepoint, ParameterKind
from .chargepoint.model import Feature
from .controls import ControlState, feature_control
from .coordinator import FimpConfigEntry
from .entity import (
    ControlDescription,
    ControlEntity,
    async_setup_nodes,
    controls,
    existing,
    of_parameters,
    parameter_description,
)

# The library keeps a slot for each kind of command; see switch.py.
PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class ChargepointSelectDescription(ControlDescription[str], SelectEntityDescription):
    """A setting with options, which are a capability."""


SELECTS = (
    ChargepointSelectDescription(
        key="charging_mode",
        translation_key="charging_mode",
        exists_fn=controls(Feature.CHARGING_MODE),
        control=feature_control(
            Feature.CHARGING_MODE,
            lambda snapshot: snapshot.charging_mode,
            Chargepoint.set_charging_mode,
        ),
    ),
    ChargepointSelectDescription(
        key="phases",
        translation_key="phases",
        exists_fn=controls(Feature.PHASES),
        control=feature_control(Feature.PHASES, lambda snapshot: snapshot.phases),
    ),
    ChargepointSelectDescription(
        key="phase_mode",
        translation_key="phase_mode",
        entity_category=EntityCategory.CONFIG,
        exists_fn=controls(Feature.PHASE_MODE),
        control=feature_control(Feature.PHASE_MODE, lambda snapshot: snapshot.phase_mode),
    ),
)


_describe = partial(parameter_description, ChargepointSelectDescription, str)


async def async_setup_entry(
    _: HomeAssistant,
    entry: FimpConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the selects of every charge point."""
    add = partial(async_setup_nodes, entry, async_add_entities, Platform.SELECT)
    add(existing(SELECTS), ChargepointSelect)
    add(of_parameters(ParameterKind.CHOICE, _describe), ChargepointSelect)


class ChargepointSelect(ControlEntity[str], SelectEntity):
    """A setting with options, in the charge point's own words."""

    entity_description: ChargepointSelectDescription

    @override
    def _show(self, shown: ControlState[str]) -> None:
        """Show the requested option, else the one in force, and the options."""
        super()._show(shown)
        self._attr_current_option = shown.value
        self._attr_options = list(shown.options)

    @override
    async def async_select_option(self, option: str) -> None:
        """Return when the charge point has confirmed it."""
        await self._set(option)
