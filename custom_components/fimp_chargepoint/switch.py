"""The charge switch, and settings that are on or off."""

from dataclasses import dataclass
from functools import partial
from typing import override

from homeassistant.components.switch import SwitchEntity, SwitchEntityDescription
from homeassistant.const import EntityCategory, Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .chargepoint import Chargepoint, ParameterKind
from .chargepoint.model import Feature
from .const import ATTR_NO_READINGS
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

# The library keeps a slot for each kind of command of a charge point. A limit here is one
# per platform and entry: stopping one would wait for the confirmation of another one's start.
PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class ChargepointSwitchDescription(ControlDescription[bool], SwitchEntityDescription):
    """Something that is on or off.

    `when_cut_off` is whether it can also be switched while its state is unknown.
    """

    when_cut_off: bool = False


async def _set_charging(charge_point: Chargepoint, value: bool) -> None:  # noqa: FBT001
    if value:
        await charge_point.limits.plan.start()
    else:
        await charge_point.limits.plan.stop()


SWITCHES = (
    ChargepointSwitchDescription(
        key="charging",
        translation_key="charging",
        name=None,
        exists_fn=controls(Feature.CHARGING),
        control=feature_control(
            Feature.CHARGING, lambda snapshot: snapshot.charging, _set_charging
        ),
        # Home Assistant skips unavailable entities, so charging could not be stopped.
        when_cut_off=True,
    ),
    ChargepointSwitchDescription(
        key="enabled",
        translation_key="enabled",
        entity_category=EntityCategory.CONFIG,
        exists_fn=controls(Feature.ENABLED),
        control=feature_control(Feature.ENABLED, lambda snapshot: snapshot.enabled),
    ),
    ChargepointSwitchDescription(
        key="random_delay",
        translation_key="random_delay",
        entity_category=EntityCategory.CONFIG,
        exists_fn=controls(Feature.RANDOM_DELAY),
        control=feature_control(Feature.RANDOM_DELAY, lambda snapshot: snapshot.random_delay),
    ),
)


_describe = partial(parameter_description, ChargepointSwitchDescription, bool)
#: Settings that mean the same for all manufacturers, and what shows each if it is read-only.
PARAMETER_SWITCHES = {
    each: _describe(each, read_only=platform)
    for platform, settings in (
        (Platform.SENSOR, ("cable_always_locked", "free_charging")),
        (Platform.BINARY_SENSOR, ("plug_and_charge", "linked_charge_cards_only")),
        (Platform.BINARY_SENSOR, ("delayed_charging", "price_based_charging")),
    )
    for each in settings
}


async def async_setup_entry(
    _: HomeAssistant,
    entry: FimpConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the switches of every charge point."""
    add = partial(async_setup_nodes, entry, async_add_entities, Platform.SWITCH)
    add(existing(SWITCHES), ChargepointSwitch)
    add(of_parameters(ParameterKind.SWITCH, _describe, PARAMETER_SWITCHES), ChargepointSwitch)


class ChargepointSwitch(ControlEntity[bool], SwitchEntity):
    """A switch that shows the requested position until the charge point confirms it."""

    entity_description: ChargepointSwitchDescription

    @property
    def _is_cut_off(self) -> bool:
        return self.entity_description.when_cut_off and self.coordinator.data.cut_off

    @property
    @override
    def available(self) -> bool:
        """Whether its state is known, or it can be switched anyway."""
        return super().available or self._is_cut_off

    @override
    def _read(self) -> ControlState[bool]:
        """Return its state, and why that is unknown."""
        reason = self.coordinator.data.unavailable if self._is_cut_off else None
        return super()._read()._replace(no_readings=reason)

    @override
    def _show(self, shown: ControlState[bool]) -> None:
        """Show the requested position, else the confirmed one."""
        super()._show(shown)
        self._attr_is_on = shown.value
        if shown.no_readings is not None:
            self._attr_extra_state_attributes[ATTR_NO_READINGS] = str(shown.no_readings)

    @override
    async def async_turn_on(self, **kwargs: object) -> None:
        """Return when the charge point has confirmed it."""
        await self._set(value=True)

    @override
    async def async_turn_off(self, **kwargs: object) -> None:
        """Return when the charge point has confirmed it."""
        await self._set(value=False)
