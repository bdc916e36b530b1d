"""Triggers: what happens at a charge point, without a need to know its entities.

Each watches an entity that every charge point has. A restart or a reconnection is nothing that
a car did, so it triggers nothing. What ended meanwhile is reported late, possibly by hours: it
only triggers if the user has chosen that.
"""

from types import MappingProxyType
from typing import ClassVar, Final, override

from homeassistant.components.binary_sensor.const import BinarySensorDeviceClass
from homeassistant.components.event.const import ATTR_EVENT_TYPE
from homeassistant.const import CONF_OPTIONS, STATE_OFF, STATE_ON, Platform
from homeassistant.core import HomeAssistant, State
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.automation import DomainSpec
from homeassistant.helpers.trigger import (
    ENTITY_STATE_TRIGGER_SCHEMA,
    EntityTargetStateTriggerBase,
    EntityTriggerBase,
    StatelessEntityTriggerBase,
    Trigger,
)
import probatio

from .actions.targets import async_ours
from .chargepoint.sessions import SessionEventType


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


class _SessionTrigger(_ChargepointTrigger, StatelessEntityTriggerBase):
    """Watches the event entity of the sessions."""

    _domain_specs = MappingProxyType({Platform.EVENT: DomainSpec()})
    _event_type: ClassVar[SessionEventType]

    @override
    def is_valid_transition(self, from_state: State, to_state: State) -> bool:
        """Return whether there is another event; two can come within a millisecond."""
        return _event(from_state) != _event(to_state)

    @override
    def is_valid_state(self, state: State, report_not_triggered: object) -> bool:
        """Return whether it is an event to trigger on."""
        is_late = state.attributes.get(ATTR_LATE, False) and not self._options.get(INCLUDE_LATE)
        return _event(state)[1] == self._event_type and not is_late


def _happens(event_type: SessionEventType, **attributes: object) -> type[Trigger]:
    """Return a trigger for an event of the sessions."""
    return type("SessionTrigger", (_SessionTrigger,), {"_event_type": event_type, **attributes})


def _event(state: State) -> tuple[str, object]:
    return state.state, state.attributes.get(ATTR_EVENT_TYPE)


ATTR_LATE: Final = "late"
INCLUDE_LATE: Final = "include_late"
_WITH_LATE: Final = ENTITY_STATE_TRIGGER_SCHEMA.extend(
    {
        probatio.Required(CONF_OPTIONS, default={}): {
            probatio.Required(INCLUDE_LATE, default=False): cv.boolean
        }
    }
)


TRIGGERS: dict[str, type[Trigger]] = {
    "car_connected": _happens(SessionEventType.CAR_CONNECTED),
    "car_disconnected": _happens(SessionEventType.CAR_DISCONNECTED, _schema=_WITH_LATE),
    "charging_started": _turns(BinarySensorDeviceClass.BATTERY_CHARGING, STATE_ON),
    "charging_stopped": _turns(BinarySensorDeviceClass.BATTERY_CHARGING, STATE_OFF),
    "problem_occurred": _turns(BinarySensorDeviceClass.PROBLEM, STATE_ON),
    "problem_solved": _turns(BinarySensorDeviceClass.PROBLEM, STATE_OFF),
    "session_finished": _happens(SessionEventType.SESSION_FINISHED, _schema=_WITH_LATE),
}


async def async_get_triggers(_: HomeAssistant) -> dict[str, type[Trigger]]:
    """Return the triggers by name."""
    return TRIGGERS
