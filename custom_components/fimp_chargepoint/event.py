"""What the OCPP client of a station tells as it happens."""

from dataclasses import dataclass
from typing import Any, override

from homeassistant.components.event import EventEntity, EventEntityDescription
from homeassistant.const import EntityCategory, Platform
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .chargepoint.model import Feature
from .chargepoint.ocpp import OcppClient, OcppEvent, OcppSnapshot, Told
from .coordinator import FimpConfigEntry, PushCoordinator
from .entity import NodeDescription, NodeEntity, async_setup_nodes, existing, reports

# Nothing is fetched here: the values are pushed.
PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class OcppEventDescription(NodeDescription, EventEntityDescription):
    """Events of one kind."""


#: What has happened is in the attributes: OCPP's names of security events are an open set.
OCPP_EVENTS = tuple(
    OcppEventDescription(
        key=kind,
        translation_key=kind,
        event_types=[kind],
        entity_category=EntityCategory.DIAGNOSTIC,
        exists_fn=reports(Feature.CONNECTED),
    )
    for kind in OcppEvent
)


async def async_setup_entry(
    _: HomeAssistant,
    entry: FimpConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the events of every OCPP client."""
    async_setup_nodes(
        entry,
        async_add_entities,
        Platform.EVENT,
        OcppSnapshot,
        existing(OCPP_EVENTS),
        OcppEventEntity,
    )


class OcppEventEntity(NodeEntity[PushCoordinator[OcppSnapshot, OcppClient]], EventEntity):
    """Events of one kind, which stay true when the station is not heard any more.

    Becoming available again would look like an event to an automation.
    """

    entity_description: OcppEventDescription

    @property
    @override
    def available(self) -> bool:
        """What has happened has happened."""
        return True

    @property
    @override
    def shown(self) -> Any:
        """Events are written when they happen."""
        return None

    @override
    async def async_added_to_hass(self) -> None:
        """Listen to the client."""
        await super().async_added_to_hass()
        self.async_on_remove(self.coordinator.node.add_event_listener(self._happened))

    @callback
    def _happened(self, told: Told) -> None:
        if told.kind in self.event_types:
            self._trigger_event(told.kind, told.details)
            self.async_write_ha_state()
