"""Buttons: what a charge point does once."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import override

from homeassistant.components.button import (
    ButtonEntity,
    ButtonEntityDescription,
)
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
    """A button, and the function that it calls."""

    press_fn: Callable[[Chargepoint], Awaitable[None]]


BUTTONS = (
    ChargepointButtonDescription(
        key="restart",
        device_class=ButtonDeviceClass.RESTART,
        entity_category=EntityCategory.CONFIG,
        exists_fn=controls(Feature.RESTART),
        press_fn=lambda chargepoint: chargepoint.act(Feature.RESTART),
    ),
    ChargepointButtonDescription(
        key="reset",
        translation_key="reset",
        entity_category=EntityCategory.CONFIG,
        exists_fn=controls(Feature.RESET),
        press_fn=lambda chargepoint: chargepoint.act(Feature.RESET),
    ),
    ChargepointButtonDescription(
        key="stop_transaction",
        translation_key="stop_transaction",
        exists_fn=controls(Feature.STOP_TRANSACTION),
        press_fn=lambda chargepoint: chargepoint.act(Feature.STOP_TRANSACTION),
    ),
    ChargepointButtonDescription(
        key="skip_random_delay",
        translation_key="skip_random_delay",
        exists_fn=controls(Feature.SKIP_RANDOM_DELAY),
        press_fn=lambda chargepoint: chargepoint.act(Feature.SKIP_RANDOM_DELAY),
    ),
    ChargepointButtonDescription(
        key="unlock_connector",
        translation_key="unlock_connector",
        entity_category=EntityCategory.CONFIG,
        # It also ends the transaction.
        entity_registry_enabled_default=False,
        exists_fn=controls(Feature.UNLOCK_CONNECTOR),
        press_fn=lambda chargepoint: chargepoint.act(Feature.UNLOCK_CONNECTOR),
    ),
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
            await self.entity_description.press_fn(self.coordinator.node)
