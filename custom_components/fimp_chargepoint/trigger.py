"""Triggers: what happens at a charge point, for people who do not think in entities.

Each watches an entity that every charge point has. What is there after it was not, or was not
known, is no change that a car has made: neither a restart nor a reconnection triggers anything.
A station that was restarted even says that there is no car before it looks; whether one came is
known to the sessions, whose events tell it.
"""

from types import MappingProxyType
from typing import ClassVar, override

from homeassistant.components.binary_sensor.const import BinarySensorDeviceClass
from homeassistant.components.event.const import ATTR_EVENT_TYPE
from homeassistant.const import STATE_OFF, STATE_ON, Platform
from homeassistant.core import HomeAssistant, State
from homeassistant.helpers.automation import DomainSpec
from homeassistant.helpers.trigger import (
    EntityTargetStateTriggerBase,
    EntityTriggerBase,
    StatelessEntityTriggerBase,
    Trigger,
)

from .actions.targets import async_ours
from .chargepoint.sessions.events import SessionEventType


class _ChargepointTrigger(EntityTriggerBase):
    """Watches nothing but charge points; a problem is shown by a diagnostic entity."""

    _primary_entities_only: ClassVar[bool] = False

    @override
    def entity_filter(self, entities: set[str]) -> set[str]:
        """Return which of `entities` to watch."""
        return async_ours(self._hass, super().entity_filter(entities))


def _turns(device_class: BinarySensorDeviceClass, to: str) -> type[Trigger]:
    """Return a trigger for a binary sensor that turns on or off."""
    specs: dict[str, DomainSpec] = {Platform.BINARY_SENSOR: DomainSpec(device_class=device_class)}
    states = {to}

    class BinarySensorTrigger(_ChargepointTrigger, EntityTargetStateTriggerBase):
        _domain_specs = specs
        _to_states = states

    return BinarySensorTrigger


def _tells(occurrence: SessionEventType) -> type[Trigger]:
    """Return a trigger for the event entity of the sessions."""

    class EventTrigger(_ChargepointTrigger, StatelessEntityTriggerBase):
        _domain_specs = MappingProxyType({Platform.EVENT: DomainSpec()})

        @override
        def is_valid_transition(self, from_state: State, to_state: State) -> bool:
            """Return whether there is another event; two may come within a millisecond."""
            return _event(from_state) != _event(to_state)

        @override
        def is_valid_state(self, state: State, report_not_triggered: object) -> bool:
            """Return whether it is the one."""
            return state.attributes.get(ATTR_EVENT_TYPE) == occurrence

    return EventTrigger


def _event(state: State) -> tuple[str, object]:
    return state.state, state.attributes.get(ATTR_EVENT_TYPE)


TRIGGERS: dict[str, type[Trigger]] = {
    "car_connected": _tells(SessionEventType.CAR_CONNECTED),
    "car_disconnected": _tells(SessionEventType.CAR_DISCONNECTED),
    "charging_started": _turns(BinarySensorDeviceClass.BATTERY_CHARGING, STATE_ON),
    "charging_stopped": _turns(BinarySensorDeviceClass.BATTERY_CHARGING, STATE_OFF),
    "problem_occurred": _turns(BinarySensorDeviceClass.PROBLEM, STATE_ON),
    "problem_solved": _turns(BinarySensorDeviceClass.PROBLEM, STATE_OFF),
    "session_finished": _tells(SessionEventType.SESSION_FINISHED),
}


async def async_get_triggers(_: HomeAssistant) -> dict[str, type[Trigger]]:
    """Return the triggers by name."""
    return TRIGGERS
