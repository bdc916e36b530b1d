"""The charging mode, the phases, and settings that are a choice."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, override

from homeassistant.components.select import SelectEntity, SelectEntityDescription
from homeassistant.const import EntityCategory, Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.restore_state import RestoredExtraData, RestoreEntity

from .chargepoint.capabilities import Parameter, ParameterKind, ParameterValue
from .chargepoint.model import Feature
from .controls import ChargingModeControl, FeatureControl, ParameterControl
from .coordinator import FimpConfigEntry
from .entity import (
    ControlDescription,
    ControlEntity,
    async_setup_chargepoints,
    controls,
    existing,
    of_parameters,
    parameter_fields,
)

# The library keeps a slot for each kind of command; see switch.py.
PARALLEL_UPDATES = 0

_OPTION = "option"


@dataclass(frozen=True, kw_only=True)
class FeatureSelectDescription(ControlDescription, SelectEntityDescription):
    """A choice that all protocols know; what there is to choose from is a capability."""

    control: FeatureControl


MODE_SELECTS = (
    FeatureSelectDescription(
        key="charging_mode",
        translation_key="charging_mode",
        exists_fn=controls(Feature.CHARGING_MODE),
        control=ChargingModeControl(Feature.CHARGING_MODE),
    ),
)
SELECTS = (
    FeatureSelectDescription(
        key="phases",
        translation_key="phases",
        exists_fn=controls(Feature.PHASES),
        control=FeatureControl(Feature.PHASES),
    ),
    FeatureSelectDescription(
        key="phase_mode",
        translation_key="phase_mode",
        entity_category=EntityCategory.CONFIG,
        exists_fn=controls(Feature.PHASE_MODE),
        control=FeatureControl(Feature.PHASE_MODE),
    ),
)


@dataclass(frozen=True, kw_only=True)
class ParameterSelectDescription(ControlDescription, SelectEntityDescription):
    """A setting of the charge point's maker."""

    control: ParameterControl


def _parameter_select(parameter: Parameter) -> ParameterSelectDescription:
    return ParameterSelectDescription(**parameter_fields(parameter.id, parameter.name))


async def async_setup_entry(
    _: HomeAssistant,
    entry: FimpConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the selects of every charge point."""
    add = partial(async_setup_chargepoints, entry, async_add_entities, Platform.SELECT)
    add(existing(SELECTS), FeatureSelect)
    add(existing(MODE_SELECTS), ModeSelect)
    add(of_parameters(ParameterKind.CHOICE, _parameter_select), ParameterSelect)


class FeatureSelect(ControlEntity[str], SelectEntity):
    """A choice that the charge point offers."""

    entity_description: FeatureSelectDescription

    @property
    @override
    def shown(self) -> Any:
        """The choice, and what there is to choose from."""
        return super().shown, self.options

    @property
    @override
    def options(self) -> list[str]:
        """What the charge point offers, in its own words."""
        offered = self.coordinator.data.capabilities.options
        return list(offered.get(self.entity_description.control.feature, ()))

    @property
    @override
    def current_option(self) -> str | None:
        """The wanted choice, else the one that holds; None before any."""
        return self._wanted

    @override
    async def async_select_option(self, option: str) -> None:
        """Return when the choice holds."""
        await self._set(option)


class ModeSelect(FeatureSelect, RestoreEntity):
    """The charging mode, which the charge point may not report and so outlives a run."""

    @override
    async def async_added_to_hass(self) -> None:
        """Tell the charge point of the choice of an earlier run."""
        await super().async_added_to_hass()
        if (stored := await self.async_get_last_extra_data()) is None:
            return
        option = stored.as_dict().get(_OPTION)
        if option in self.options:
            self.chargepoint.restore_charging_mode(option)

    @property
    @override
    def extra_restore_state_data(self) -> RestoredExtraData | None:
        """The choice, also while the charge point is not available."""
        option = self._proven
        return None if option is None else RestoredExtraData({_OPTION: option})


class ParameterSelect(ControlEntity[ParameterValue], SelectEntity):
    """A choice in the words of the charge point's maker."""

    entity_description: ParameterSelectDescription

    @property
    @override
    def shown(self) -> Any:
        """The choice, and what there is to choose from."""
        return super().shown, self.options

    @property
    def _choices(self) -> Mapping[str, ParameterValue]:
        parameter = self.entity_description.control.description(self.coordinator.data)
        return {} if parameter is None else parameter.choices

    @property
    @override
    def options(self) -> list[str]:
        """What there is to choose from."""
        return list(self._choices)

    @property
    @override
    def current_option(self) -> str | None:
        """The wanted choice, else the one that holds."""
        wanted = self._wanted
        return next((name for name, value in self._choices.items() if value == wanted), None)

    @override
    async def async_select_option(self, option: str) -> None:
        """Return when the choice holds."""
        await self._set(self._choices[option])
