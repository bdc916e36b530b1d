"""What all entities share: identity, availability, when to write, what errors become."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, override

from homeassistant.core import callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers.device_registry import DeviceInfo
from homeassistant.helpers.entity import Entity, EntityDescription
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from .chargepoint.base import Chargepoint
from .chargepoint.errors import (
    ChargepointError,
    CommandRejectedError,
    CommandSupersededError,
    CommandTimeoutError,
    InvalidRequestError,
)
from .chargepoint.model import Capabilities, ChargepointSnapshot, Feature
from .const import ATTR_PENDING, DOMAIN
from .coordinator import ChargepointCoordinator, FimpConfigEntry, PushCoordinator


@dataclass(frozen=True, kw_only=True)
class ChargepointDescription:
    """What the descriptions of all platforms have."""

    exists_fn: Callable[[Capabilities], bool]


def reports(feature: Feature) -> Callable[[Capabilities], bool]:
    """Return a condition: the charge point can report `feature`."""
    return lambda capabilities: feature in capabilities.reports


def controls(feature: Feature) -> Callable[[Capabilities], bool]:
    """Return a condition: the charge point can be told `feature`."""
    return lambda capabilities: feature in capabilities.controls


class ChargepointEntity(CoordinatorEntity[ChargepointCoordinator]):
    """One fact or one control of a charge point."""

    _attr_has_entity_name = True

    def __init__(
        self, coordinator: ChargepointCoordinator, description: EntityDescription
    ) -> None:
        """Take the identity from the node's; `_attr_unique_id` never changes."""
        super().__init__(coordinator)
        self.entity_description = description
        self._attr_unique_id = f"{coordinator.identifier}_{description.key}"
        # The coordinator keeps the device; this is only a reference to it.
        self._attr_device_info = DeviceInfo(identifiers={(DOMAIN, coordinator.identifier)})
        self._written: Any = None

    @property
    @abstractmethod
    def shown(self) -> Any:
        """Everything this entity shows, to be compared."""

    @property
    def chargepoint(self) -> Chargepoint:
        """What the commands go to."""
        return self.coordinator.node

    @property
    @override
    def available(self) -> bool:
        """Whether the values are live."""
        return super().available and self.coordinator.data.available

    @override
    async def async_added_to_hass(self) -> None:
        """Remember what Home Assistant writes right after this."""
        await super().async_added_to_hass()
        self._written = (self.available, self.shown)

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        """Write what changed; most snapshots change only one entity."""
        written = (self.available, self.shown)
        if written != self._written:
            self._written = written
            self.async_write_ha_state()


@dataclass(frozen=True, kw_only=True)
class ControlDescription[V](ChargepointDescription, EntityDescription):
    """What is asked for and not proven yet, and what is proven."""

    pending_fn: Callable[[ChargepointSnapshot], V | None]
    proven_fn: Callable[[ChargepointSnapshot], V | None]


class ControlEntity[V](ChargepointEntity):
    """A control that shows what was asked for until the charge point proves it."""

    entity_description: ControlDescription[V]

    @property
    @override
    def shown(self) -> Any:
        """What is wanted, and whether it is proven."""
        return self._wanted, self._pending is not None

    @property
    def _pending(self) -> V | None:
        return self.entity_description.pending_fn(self.coordinator.data)

    @property
    def _proven(self) -> V | None:
        return self.entity_description.proven_fn(self.coordinator.data)

    @property
    def _wanted(self) -> V | None:
        """What was asked for, else what is proven."""
        return self._proven if (pending := self._pending) is None else pending

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any]:
        """Tell what was asked for from what is proven."""
        return {ATTR_PENDING: self._pending is not None}


@callback
def async_setup_chargepoints[D: ChargepointDescription](
    entry: FimpConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
    descriptions: Iterable[D],
    entity_class: Callable[[ChargepointCoordinator, D], Entity],
) -> None:
    """Add the entities of a platform for every charge point, now and in future.

    An entity is added when its charge point first has the capability for it.
    """

    @callback
    def chargepoint_added(coordinator: ChargepointCoordinator) -> None:
        waiting = list(descriptions)
        seen: Capabilities | None = None

        @callback
        def add_what_exists() -> None:
            nonlocal seen
            capabilities = coordinator.data.capabilities
            if capabilities is seen:
                return
            seen = capabilities
            found = [each for each in waiting if each.exists_fn(capabilities)]
            for each in found:
                waiting.remove(each)
            if found:
                async_add_entities(entity_class(coordinator, each) for each in found)

        add_what_exists()
        entry.async_on_unload(coordinator.async_add_listener(add_what_exists))

    @callback
    def node_added(coordinator: PushCoordinator[Any, Any]) -> None:
        if isinstance(coordinator.node, Chargepoint):
            chargepoint_added(coordinator)

    entry.async_on_unload(entry.runtime_data.async_for_each_node(node_added))


@contextmanager
def translated_errors() -> Iterator[None]:
    """Turn what the library raises into what Home Assistant shows to people."""
    try:
        yield
    except InvalidRequestError as error:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="invalid_request",
            translation_placeholders={"request": str(error)},
        ) from error
    except CommandRejectedError as error:
        raise _failed("command_rejected", reason=error.reason) from error
    except CommandTimeoutError as error:
        raise _failed("command_timeout", seconds=f"{error.seconds:g}") from error
    except CommandSupersededError as error:
        raise _failed("command_superseded") from error
    except ChargepointError as error:
        raise _failed("not_connected", detail=str(error)) from error


def _failed(key: str, **placeholders: str) -> HomeAssistantError:
    return HomeAssistantError(
        translation_domain=DOMAIN,
        translation_key=key,
        translation_placeholders=placeholders,
    )
