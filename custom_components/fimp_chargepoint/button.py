"""Buttons: what a charge point does once."""

from dataclasses import dataclass
from typing import override

from homeassistant.components.button import ButtonEntity, ButtonEntityDescription
from homeassistant.components.button.const import ButtonDeviceClass
from homeassistant.const import EntityCategory, Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .chargepoint import Chargepoint
from .chargepoint.model import ChargepointSnapshot, Feature
from .coordinator import FimpConfigEntry
from .entity import (
    NodeDescription,
    SilentEntity,
    async_setup_nodes,
    controls,
    existing,
    translated_errors,
)

# The library keeps a slot for each kind of command; see switch.py.
PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class ChargepointButtonDescription(NodeDescription, ButtonEntityDescription):
    """A button and the feature that it triggers."""

    feature: Feature


def _button(
    feature: Feature,
    category: EntityCategory | None = EntityCategory.CONFIG,
    device_class: ButtonDeviceClass | None = None,
    *,
    is_enabled: bool = True,
) -> ChargepointButtonDescription:
    """Describe a button; with a device class it has its name."""
    return ChargepointButtonDescription(
        key=feature,
        translation_key=feature if device_class is None else None,
        device_class=device_class,
        entity_category=category,
        entity_registry_enabled_default=is_enabled,
        exists_fn=controls(feature),
        feature=feature,
    )


BUTTONS = (
    _button(Feature.RESTART, device_class=ButtonDeviceClass.RESTART),
    _button(Feature.RESET),
    _button(Feature.STOP_TRANSACTION, None),
    _button(Feature.SKIP_RANDOM_DELAY, None),
    # It also ends the transaction.
    _button(Feature.UNLOCK_CONNECTOR, is_enabled=False),
)


async def async_setup_entry(
    _: HomeAssistant,
    entry: FimpConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the buttons of every charge point."""
    async_setup_nodes(
        entry, async_add_entities, Platform.BUTTON, existing(BUTTONS), ChargepointButton
    )


class ChargepointButton(SilentEntity[ChargepointSnapshot, Chargepoint], ButtonEntity):
    """Something a charge point does once."""

    entity_description: ChargepointButtonDescription

    @override
    async def async_press(self) -> None:
        """Return when the charge point has accepted it."""
        with translated_errors(self.coordinator):
            await self.coordinator.node.act(self.entity_description.feature)
