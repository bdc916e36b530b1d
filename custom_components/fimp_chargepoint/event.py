"""Events: what happens to a car, what goes wrong, and what an OCPP client reports."""

from dataclasses import dataclass
from functools import partial
from typing import override

from homeassistant.components.event import EventEntity, EventEntityDescription
from homeassistant.const import EntityCategory, Platform
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .chargepoint import (
    Chargepoint,
    FaultTracker,
    OcppClient,
    OcppEvent,
    OcppNotification,
    OcppSnapshot,
    StationSnapshot,
    Timers,
)
from .chargepoint.model import ChargepointSnapshot, Feature, NodeSnapshot
from .chargepoint.sessions import SessionEvent, SessionEventType
from .coordinator import AnyNode, FimpConfigEntry
from .entity import NodeDescription, SilentEntity, async_setup_nodes, existing, reports

# Nothing is fetched here: the values are pushed.
PARALLEL_UPDATES = 0

ATTR_WHICH = "which"
ATTR_MESSAGE = "message"

_RAISED = "problem_raised"
_CLEARED = "problem_cleared"
#: An error that answers no command, in the charge point's own words.
_REPORTED = "error_reported"


@dataclass(frozen=True, kw_only=True)
class NodeEventDescription(NodeDescription, EventEntityDescription):
    """Events of one kind."""


def _events(
    key: str,
    event_types: list[str],
    feature: Feature,
    category: EntityCategory | None = EntityCategory.DIAGNOSTIC,
) -> NodeEventDescription:
    """Describe the events of a node that reports `feature`."""
    return NodeEventDescription(
        key=key,
        translation_key=key,
        event_types=event_types,
        entity_category=category,
        exists_fn=reports(feature),
    )


SESSION_EVENTS = (_events("session", [*SessionEventType], Feature.STATUS, None),)
PROBLEM_EVENTS = (_events("problem", [_RAISED, _CLEARED, _REPORTED], Feature.STATUS),)
STATION_EVENTS = (_events("station_problems", [_RAISED, _CLEARED], Feature.STATION_FAULTS),)
#: What has happened is in the attributes: OCPP's names of security events are an open set.
OCPP_EVENTS = tuple(_events(kind, [kind], Feature.CONNECTED) for kind in OcppEvent)


async def async_setup_entry(
    _: HomeAssistant,
    entry: FimpConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the events of every charge point, OCPP client and station."""
    add = partial(async_setup_nodes, entry, async_add_entities, Platform.EVENT)
    add(existing(SESSION_EVENTS), SessionEventEntity)
    add(existing(PROBLEM_EVENTS), ProblemEventEntity)
    add(existing(OCPP_EVENTS), OcppEventEntity, OcppSnapshot)
    add(existing(STATION_EVENTS), ProblemEventEntity, StationSnapshot)


class NodeEventEntity[S: NodeSnapshot, N: AnyNode](SilentEntity[S, N], EventEntity):
    """Events of one kind.

    They stay available without their node: becoming available again would look like an event
    to an automation.
    """

    entity_description: NodeEventDescription

    @property
    @override
    def available(self) -> bool:
        """An event stays available when its node is offline."""
        return True

    def _fire(self, event_type: str, attributes: dict[str, object]) -> None:
        self._trigger_event(event_type, attributes)
        self.async_write_ha_state()


class SessionEventEntity(NodeEventEntity[ChargepointSnapshot, Chargepoint]):
    """What happens to a car at a charge point."""

    @override
    async def async_added_to_hass(self) -> None:
        """Listen to the recorder of the sessions."""
        await super().async_added_to_hass()
        sessions = self.coordinator.config_entry.runtime_data.sessions
        recorder = sessions.of(self.coordinator.node.address)
        self.async_on_remove(recorder.async_on_session_event(self._happened))

    @callback
    def _happened(self, session_event: SessionEvent) -> None:
        self._fire(session_event.event_type, session_event.as_dict())


class ProblemEventEntity[S: ChargepointSnapshot | StationSnapshot, N: AnyNode](
    NodeEventEntity[S, N]
):
    """What goes wrong."""

    _faults = FaultTracker()
    _timers: Timers

    @property
    @override
    def event_types(self) -> list[str]:
        """Return what can happen: only some charge points report errors in their own words."""
        types = self.entity_description.event_types or []
        is_reported = self.coordinator.node.reports_errors
        return [each for each in types if is_reported or each != _REPORTED]

    @override
    async def async_added_to_hass(self) -> None:
        """Take the problems that are already there."""
        await super().async_added_to_hass()
        self._timers = Timers(self.coordinator.node.host.scheduler, self)
        self.async_on_remove(self._timers.stop)
        self.async_on_remove(self.coordinator.node.add_error_listener(self._reported))
        self._look()

    @callback
    def _reported(self, message: str) -> None:
        self._fire(_REPORTED, {ATTR_MESSAGE: message})

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        """Look for changes."""
        super()._handle_coordinator_update()
        if not self.coordinator.is_gone:
            self._look()

    def _look(self) -> None:
        now = self.coordinator.node.host.clock.now()
        self._faults = self._faults.update(self.coordinator.data, now)
        if self._faults.due is None:
            self._timers.cancel("changes")
        else:
            self._timers.set("changes", self._faults.due, self._show_changes)

    def _show_changes(self, now: float) -> None:
        self._faults, found = self._faults.pending(now)
        for event_type, names in ((_RAISED, found.raised), (_CLEARED, found.cleared)):
            if names:
                self._fire(event_type, {ATTR_WHICH: list(names)})


class OcppEventEntity(NodeEventEntity[OcppSnapshot, OcppClient]):
    """What the OCPP client of a station reports as it happens."""

    @override
    async def async_added_to_hass(self) -> None:
        """Listen to the client."""
        await super().async_added_to_hass()
        self.async_on_remove(self.coordinator.node.add_event_listener(self._happened))

    @callback
    def _happened(self, notification: OcppNotification) -> None:
        if notification.kind in self.event_types:
            self._fire(notification.kind, notification.details)
