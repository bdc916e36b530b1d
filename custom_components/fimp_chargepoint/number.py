"""The limits of the current, and settings that are a number."""

from dataclasses import dataclass
from functools import partial
from typing import Any, override

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
    UnitOfTime,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .chargepoint.capabilities import Parameter, ParameterKind, Range
from .chargepoint.model import Feature
from .controls import FeatureControl
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

#: Home Assistant wants bounds also of a number that is gone in this very moment.
_NO_BOUNDS = Range(0.0, 100.0)
#: The step of a number that may be anything.
_FINE = 0.01


@dataclass(frozen=True, kw_only=True)
class ChargepointNumberDescription(ControlDescription, NumberEntityDescription):
    """A number; its bounds are a capability."""


NUMBERS = (
    *(
        ChargepointNumberDescription(
            key=feature,
            translation_key=feature,
            device_class=NumberDeviceClass.CURRENT,
            native_unit_of_measurement=UnitOfElectricCurrent.AMPERE,
            exists_fn=controls(feature),
            control=FeatureControl(feature),
        )
        for feature in (Feature.MAX_CURRENT, Feature.SESSION_CURRENT)
    ),
    ChargepointNumberDescription(
        key="random_delay_duration",
        translation_key="random_delay_duration",
        device_class=NumberDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.SECONDS,
        entity_category=EntityCategory.CONFIG,
        entity_registry_enabled_default=False,
        exists_fn=controls(Feature.RANDOM_DELAY_DURATION),
        control=FeatureControl(Feature.RANDOM_DELAY_DURATION),
    ),
)

#: Settings that have a meaning of their own, whoever made the charge point.
PARAMETER_NUMBERS = {
    each: ChargepointNumberDescription(**parameter_fields(each)) for each in ("led_brightness",)
}


def _parameter_number(parameter: Parameter) -> ChargepointNumberDescription:
    return PARAMETER_NUMBERS.get(parameter.id) or ChargepointNumberDescription(
        **parameter_fields(parameter.id, parameter.name)
    )


async def async_setup_entry(
    _: HomeAssistant,
    entry: FimpConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the numbers of every charge point."""
    add = partial(async_setup_chargepoints, entry, async_add_entities, Platform.NUMBER)
    add(existing(NUMBERS), ChargepointNumber)
    add(of_parameters(ParameterKind.NUMBER, _parameter_number), ChargepointNumber)


class ChargepointNumber(ControlEntity[float], NumberEntity):
    """A number that shows what is wanted until the charge point proves it."""

    _attr_mode = NumberMode.BOX
    entity_description: ChargepointNumberDescription

    @property
    @override
    def shown(self) -> Any:
        """The number, and its bounds."""
        return super().shown, self._range

    @property
    def _range(self) -> Range:
        numbers = self.entity_description.control.range(self.coordinator.data)
        return _NO_BOUNDS if numbers is None else numbers

    @property
    @override
    def native_min_value(self) -> float:
        """The lowest number that the charge point takes."""
        return self._range.minimum

    @property
    @override
    def native_max_value(self) -> float:
        """The highest number that the charge point takes."""
        return self._range.maximum

    @property
    @override
    def native_step(self) -> float:
        """The grain that the charge point has, else a fine one."""
        return self._range.step or _FINE

    @property
    @override
    def native_value(self) -> float | None:
        """The wanted number, else the one that holds."""
        return self._wanted

    @override
    async def async_set_native_value(self, value: float) -> None:
        """Return when the charge point has proven it."""
        await self._set(value)
