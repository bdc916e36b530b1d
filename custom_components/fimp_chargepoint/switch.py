"""The charge switch, and settings that are on or off."""

from dataclasses import dataclass
from typing import Any, override

from homeassistant.components.switch import SwitchEntity, SwitchEntityDescription
from homeassistant.const import EntityCategory, Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .chargepoint.capabilities import Parameter, ParameterKind
from .chargepoint.model import Feature
from .const import ATTR_NO_READINGS
from .controls import ChargingControl, FeatureControl
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

# The library keeps a slot for each kind of command of a charge point. A limit here is one
# per platform and entry: stopping one would wait for the proof of another one's start.
PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class ChargepointSwitchDescription(ControlDescription, SwitchEntityDescription):
    """Something that is on or off.

    `when_cut_off` is whether it can be switched also while nobody knows how it is.
    """

    when_cut_off: bool = False


SWITCHES = (
    ChargepointSwitchDescription(
        key="charging",
        translation_key="charging",
        name=None,
        exists_fn=controls(Feature.CHARGING),
        control=ChargingControl(Feature.CHARGING),
        # Home Assistant passes over what is not available, so nothing could be stopped.
        when_cut_off=True,
    ),
    ChargepointSwitchDescription(
        key="enabled",
        translation_key="enabled",
        entity_category=EntityCategory.CONFIG,
        exists_fn=controls(Feature.ENABLED),
        control=FeatureControl(Feature.ENABLED),
    ),
    ChargepointSwitchDescription(
        key="random_delay",
        translation_key="random_delay",
        entity_category=EntityCategory.CONFIG,
        exists_fn=controls(Feature.RANDOM_DELAY),
        control=FeatureControl(Feature.RANDOM_DELAY),
    ),
)

#: Settings that have a meaning of their own, whoever made the charge point.
PARAMETER_SWITCHES = {
    each: ChargepointSwitchDescription(**parameter_fields(each))
    for each in ("cable_always_locked", "free_charging")
}


def _parameter_switch(parameter: Parameter) -> ChargepointSwitchDescription:
    return PARAMETER_SWITCHES.get(parameter.id) or ChargepointSwitchDescription(
        **parameter_fields(parameter.id, parameter.name)
    )


async def async_setup_entry(
    _: HomeAssistant,
    entry: FimpConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the switches of every charge point."""
    for descriptions in (
        existing(SWITCHES),
        of_parameters(ParameterKind.SWITCH, _parameter_switch),
    ):
        async_setup_chargepoints(
            entry, async_add_entities, Platform.SWITCH, descriptions, ChargepointSwitch
        )


class ChargepointSwitch(ControlEntity[bool], SwitchEntity):
    """A switch that shows the wanted position until the charge point proves it."""

    entity_description: ChargepointSwitchDescription

    @property
    def _is_cut_off(self) -> bool:
        return self.entity_description.when_cut_off and self.coordinator.data.cut_off

    @property
    @override
    def available(self) -> bool:
        """Whether it is known, or can be switched all the same."""
        return super().available or self._is_cut_off

    @property
    @override
    def shown(self) -> Any:
        """What is wanted, whether it is proven, and why nobody knows it."""
        return super().shown, self._is_cut_off and self.coordinator.data.unavailable

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any]:
        """Say why its state is not known, where a command may reach it all the same."""
        attributes = super().extra_state_attributes
        if self._is_cut_off:
            attributes[ATTR_NO_READINGS] = str(self.coordinator.data.unavailable)
        return attributes

    @property
    @override
    def is_on(self) -> bool | None:
        """The wanted position, else the proven one."""
        return self._wanted

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        """Return when the charge point has proven it."""
        await self._set(value=True)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        """Return when the charge point has proven it."""
        await self._set(value=False)
