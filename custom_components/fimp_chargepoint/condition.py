"""Conditions: the state of a charge point, without a need to know its entities."""

from typing import override

from homeassistant.components.binary_sensor.const import BinarySensorDeviceClass
from homeassistant.const import STATE_OFF, STATE_ON, Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers.automation import DomainSpec
from homeassistant.helpers.condition import Condition, EntityStateConditionBase

from .actions.targets import async_ours


def _is(device_class: BinarySensorDeviceClass, state: str) -> type[Condition]:
    """Return a condition for a binary sensor of charge points."""
    specs: dict[str, DomainSpec] = {Platform.BINARY_SENSOR: DomainSpec(device_class=device_class)}
    states: set[str | bool] = {state}

    class BinarySensorCondition(EntityStateConditionBase):
        _domain_specs = specs
        _states = states

        @override
        def entity_filter(self, entities: set[str]) -> set[str]:
            """Return which of `entities` are of charge points."""
            return async_ours(self._hass, super().entity_filter(entities))

    return BinarySensorCondition


CONDITIONS: dict[str, type[Condition]] = {
    "is_connected": _is(BinarySensorDeviceClass.PLUG, STATE_ON),
    "is_not_connected": _is(BinarySensorDeviceClass.PLUG, STATE_OFF),
    "is_charging": _is(BinarySensorDeviceClass.BATTERY_CHARGING, STATE_ON),
    "is_not_charging": _is(BinarySensorDeviceClass.BATTERY_CHARGING, STATE_OFF),
}


async def async_get_conditions(_: HomeAssistant) -> dict[str, type[Condition]]:
    """Return the conditions by name."""
    return CONDITIONS
