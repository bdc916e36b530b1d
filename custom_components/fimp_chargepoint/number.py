"""The limits of current and power, and settings that are a number."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import override

from homeassistant.components.number import (
    NumberDeviceClass,
    NumberEntity,
    NumberEntityDescription,
    NumberMode,
)
from homeassistant.const import (
    EntityCategory,
    Platform,
    UnitOfElectricCurrent,
    UnitOfPower,
    UnitOfRatio,
    UnitOfTime,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .chargepoint import ParameterKind, Range
from .chargepoint.model import ChargepointSnapshot, Feature
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

#: Home Assistant needs bounds: without any of the charge point's own they are no limit.
_NO_BOUNDS = Range(-(2.0**31), 2.0**31)
#: The step of a number that may be anything.
_FINE = 0.01


@dataclass(frozen=True, kw_only=True)
class ChargepointNumberDescription(ControlDescription[float], NumberEntityDescription):
    """A number; its bounds are a capability."""


def _current(
    feature: Feature, value_fn: Callable[[ChargepointSnapshot], float | None]
) -> ChargepointNumberDescription:
    return ChargepointNumberDescription(
        key=feature,
        translation_key=feature,
        native_step=1,
        device_class=NumberDeviceClass.CURRENT,
        native_unit_of_measurement=UnitOfElectricCurrent.AMPERE,
        exists_fn=controls(feature),
        control=feature_control(feature, value_fn),
    )


NUMBERS = (
    _current(Feature.MAX_CURRENT, lambda snapshot: snapshot.max_current),
    ChargepointNumberDescription(
        key="max_power",
        translation_key="max_power",
        device_class=NumberDeviceClass.POWER,
        native_unit_of_measurement=UnitOfPower.WATT,
        entity_registry_enabled_default=False,
        exists_fn=controls(Feature.MAX_POWER),
        control=feature_control(Feature.MAX_POWER, lambda snapshot: snapshot.max_power),
    ),
    _current(Feature.SESSION_CURRENT, lambda snapshot: snapshot.session_current),
    ChargepointNumberDescription(
        key="random_delay_duration",
        translation_key="random_delay_duration",
        native_step=1,
        device_class=NumberDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.SECONDS,
        entity_category=EntityCategory.CONFIG,
        entity_registry_enabled_default=False,
        exists_fn=controls(Feature.RANDOM_DELAY_DURATION),
        control=feature_control(
            Feature.RANDOM_DELAY_DURATION, lambda snapshot: snapshot.random_delay_duration
        ),
    ),
)


_describe = partial(parameter_description, ChargepointNumberDescription, float)
#: Settings that mean the same for all manufacturers.
PARAMETER_NUMBERS = {
    "led_brightness": replace(
        _describe("led_brightness"), native_unit_of_measurement=UnitOfRatio.PERCENTAGE
    )
}


async def async_setup_entry(
    _: HomeAssistant,
    entry: FimpConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the numbers of every charge point."""
    add = partial(async_setup_nodes, entry, async_add_entities, Platform.NUMBER)
    add(existing(NUMBERS), ChargepointNumber)
    add(of_parameters(ParameterKind.NUMBER, _describe, PARAMETER_NUMBERS), ChargepointNumber)


class ChargepointNumber(ControlEntity[float], NumberEntity):
    """A number that shows the requested value until the charge point confirms it."""

    _attr_mode = NumberMode.BOX
    entity_description: ChargepointNumberDescription

    @override
    def _show(self, shown: ControlState[float]) -> None:
        """Show the requested number, else the one in force, and its bounds."""
        super()._show(shown)
        numbers = shown.range or _NO_BOUNDS
        value = shown.value
        # The activity of Home Assistant would show a whole float as 16.0 A.
        self._attr_native_value = int(value) if value is not None and value.is_integer() else value
        self._attr_native_min_value = numbers.minimum
        self._attr_native_max_value = numbers.maximum
        # A button in the frontend changes a current by 1 A, even if finer values are accepted.
        steps = (self.entity_description.native_step, numbers.step)
        self._attr_native_step = max((each for each in steps if each), default=_FINE)

    @override
    async def async_set_native_value(self, value: float) -> None:
        """Return when the charge point has confirmed it."""
        await self._set(value)
