"""What all entities share: identity, availability, when to write, what errors become."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, override

from homeassistant.const import EntityCategory, Platform
from homeassistant.core import callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.device_registry import DeviceInfo
from homeassistant.helpers.entity import Entity, EntityDescription
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from .chargepoint.base import Chargepoint
from .chargepoint.capabilities import Capabilities, Parameter, ParameterKind
from .chargepoint.errors import (
    ChargepointError,
    CommandRejectedError,
    CommandSupersededError,
    CommandTimeoutError,
    InvalidRequestError,
    NoSessionError,
    OutcomeUnknownError,
    OutOfRangeError,
)
from .chargepoint.model import ChargepointSnapshot, Feature, NodeSnapshot
from .chargepoint.node import Node
from .const import ATTR_PENDING, DOMAIN
from .controls import Control, ParameterControl
from .coordinator import ChargepointCoordinator, FimpConfigEntry, PushCoordinator
from .sessions import Keeper


@dataclass(frozen=True, kw_only=True)
class NodeDescription(EntityDescription):
    """What the descriptions of all platforms have, for every kind of node."""

    exists_fn: Callable[[Capabilities], bool] = lambda _: True


def reports(feature: Feature) -> Callable[[Capabilities], bool]:
    """Return a condition: the node can report `feature`."""
    return lambda capabilities: feature in capabilities.reports


def controls(feature: Feature) -> Callable[[Capabilities], bool]:
    """Return a condition: the node can be told `feature`."""
    return lambda capabilities: feature in capabilities.controls


def only_reports(feature: Feature) -> Callable[[Capabilities], bool]:
    """Return a condition: the node can report `feature`, but not be told."""
    return lambda capabilities: (
        feature in capabilities.reports and feature not in capabilities.controls
    )


class NodeEntity[C: PushCoordinator[Any, Any]](CoordinatorEntity[C]):
    """One fact of a node, of whatever kind."""

    _attr_has_entity_name = True

    def __init__(self, coordinator: C, description: EntityDescription) -> None:
        """Take the identity from the node's; `_attr_unique_id` never changes."""
        super().__init__(coordinator)
        self.entity_description = description
        self._attr_unique_id = _unique_id(coordinator, description.key)
        # The coordinator keeps the device; this is only a reference to it.
        self._attr_device_info = DeviceInfo(identifiers={(DOMAIN, coordinator.identifier)})
        self._written: Any = None

    @property
    @abstractmethod
    def shown(self) -> Any:
        """Everything this entity shows, to be compared."""

    @property
    @override
    def available(self) -> bool:
        """Whether the values are live."""
        snapshot: NodeSnapshot = self.coordinator.data
        return super().available and snapshot.available

    @override
    async def async_added_to_hass(self) -> None:
        """Remember what Home Assistant writes right after this."""
        await super().async_added_to_hass()
        self._written = (self.available, self.shown)

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        """Write what changed; most snapshots change only one entity."""
        if self.coordinator.is_gone:
            self.hass.async_create_task(self.async_remove(force_remove=True))
            return
        written = (self.available, self.shown)
        if written != self._written:
            self._written = written
            self.async_write_ha_state()


class ChargepointEntity(NodeEntity[ChargepointCoordinator]):
    """One fact or one control of a charge point."""

    @property
    def chargepoint(self) -> Chargepoint:
        """What the commands go to."""
        return self.coordinator.node


class SessionsEntity(ChargepointEntity):
    """What there is to say of the sessions of a charge point."""

    def __init__(
        self, coordinator: ChargepointCoordinator, description: EntityDescription
    ) -> None:
        """Take the keeper of the sessions."""
        super().__init__(coordinator, description)
        sessions = coordinator.config_entry.runtime_data.sessions
        self.keeper: Keeper = sessions.of(coordinator.node.address)

    @override
    async def async_added_to_hass(self) -> None:
        """Listen to the keeper as well."""
        await super().async_added_to_hass()
        self.async_on_remove(self.keeper.async_add_listener(self._handle_coordinator_update))


@dataclass(frozen=True, kw_only=True)
class ControlDescription(NodeDescription):
    """What is asked for and not proven yet, what is proven, and how to ask for it."""

    control: Control


class ControlEntity[V](ChargepointEntity):
    """A control that shows what was asked for until the charge point proves it."""

    entity_description: ControlDescription

    @property
    @override
    def shown(self) -> Any:
        """What is wanted, and whether it is proven."""
        return self._wanted, self._pending is not None

    @property
    def _pending(self) -> V | None:
        return self.coordinator.data.pending.get(self.entity_description.control.kind)

    @property
    def _proven(self) -> V | None:
        proven: V | None = self.entity_description.control.proven(self.coordinator.data)
        return proven

    @property
    def _wanted(self) -> V | None:
        """What was asked for, else what is proven."""
        return self._proven if (pending := self._pending) is None else pending

    @property
    @override
    def assumed_state(self) -> bool:
        """Whether nobody but us says what is shown."""
        return self.entity_description.control.assumed(self.coordinator.data)

    async def _set(self, value: Any) -> None:
        """Return when the charge point has proven it."""
        with translated_errors():
            await self.entity_description.control.set(self.chargepoint, value)

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any]:
        """Tell what was asked for from what is proven."""
        return {ATTR_PENDING: self._pending is not None}


type Descriptions[D: NodeDescription] = Callable[[Capabilities], Iterable[D]]


def existing[D: NodeDescription](descriptions: Iterable[D]) -> Descriptions[D]:
    """Return which of `descriptions` are of what a node has."""
    return lambda capabilities: [each for each in descriptions if each.exists_fn(capabilities)]


def parameter_fields(parameter_id: str, name: str | None = None) -> dict[str, Any]:
    """Return what the description of a setting has on every platform.

    Without the `name` that its maker gave it there is one of ours.
    """
    return {
        "key": f"parameter_{parameter_id}",
        "entity_category": EntityCategory.CONFIG,
        "control": ParameterControl(parameter_id),
    } | ({"translation_key": parameter_id} if name is None else {"name": name})


def of_parameters[D: NodeDescription](
    kind: ParameterKind, describe: Callable[[Parameter], D]
) -> Descriptions[D]:
    """Return the descriptions of the settings of one kind that a charge point has."""
    return lambda capabilities: [
        describe(each) for each in capabilities.parameters if each.kind is kind
    ]


@callback
def async_setup_nodes[S: NodeSnapshot, N: Node[Any], D: NodeDescription](
    entry: FimpConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
    platform: Platform,
    kind: type[S],
    descriptions: Descriptions[D],
    entity_class: Callable[[PushCoordinator[S, N], D], Entity],
) -> None:
    """Add the entities of a platform for every node with snapshots of `kind`.

    Now and in future; an entity is there as long as its node has the capability for it.
    """

    @callback
    def node_added(coordinator: PushCoordinator[Any, Any]) -> None:
        if not isinstance(coordinator.data, kind):
            return
        there: set[str] = set()
        seen: Capabilities | None = None

        @callback
        def look() -> None:
            nonlocal seen
            capabilities = coordinator.data.capabilities
            if capabilities is seen:
                return
            seen = capabilities
            wanted = {each.key: each for each in descriptions(capabilities)}
            for key in there - wanted.keys():
                _remove_entity(coordinator, platform, key)
            found = [each for key, each in wanted.items() if key not in there]
            there.clear()
            there.update(wanted)
            if found:
                async_add_entities(entity_class(coordinator, each) for each in found)

        look()
        entry.async_on_unload(coordinator.async_add_listener(look))

    entry.async_on_unload(entry.runtime_data.async_for_each_node(node_added))


@callback
def async_setup_chargepoints[D: NodeDescription](
    entry: FimpConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
    platform: Platform,
    descriptions: Descriptions[D],
    entity_class: Callable[[ChargepointCoordinator, D], Entity],
) -> None:
    """Add the entities of a platform for every charge point."""
    async_setup_nodes(
        entry, async_add_entities, platform, ChargepointSnapshot, descriptions, entity_class
    )


@callback
def async_remove_descriptions(
    entry: FimpConfigEntry, platform: Platform, descriptions: Iterable[NodeDescription]
) -> None:
    """Take away what the user does not want any more, now and where a node is found."""

    @callback
    def node_added(coordinator: PushCoordinator[Any, Any]) -> None:
        for each in descriptions:
            _remove_entity(coordinator, platform, each.key)

    entry.async_on_unload(entry.runtime_data.async_for_each_node(node_added))


def _remove_entity(
    coordinator: PushCoordinator[Any, Any], platform: Platform, key: str
) -> None:
    """Take away an entity, which need not be there."""
    registry = er.async_get(coordinator.hass)
    entity_id = registry.async_get_entity_id(platform, DOMAIN, _unique_id(coordinator, key))
    if entity_id is not None:
        registry.async_remove(entity_id)


def _unique_id(coordinator: PushCoordinator[Any, Any], key: str) -> str:
    return f"{coordinator.identifier}_{key}"


@contextmanager
def translated_errors() -> Iterator[None]:
    """Turn what the library raises into what Home Assistant shows to people."""
    try:
        yield
    except OutOfRangeError as error:
        raise _invalid(
            "out_of_range",
            value=f"{error.value:g}",
            minimum=f"{error.minimum:g}",
            maximum=f"{error.maximum:g}",
        ) from error
    except NoSessionError as error:
        raise _invalid("no_session") from error
    except InvalidRequestError as error:
        raise _invalid("invalid_request", request=str(error)) from error
    except CommandRejectedError as error:
        raise _failed("command_rejected", reason=error.reason) from error
    except OutcomeUnknownError as error:
        raise _failed("outcome_unknown", reason=error.reason) from error
    except CommandTimeoutError as error:
        raise _failed("command_timeout", seconds=f"{error.seconds:g}") from error
    except CommandSupersededError as error:
        raise _failed("command_superseded") from error
    except ChargepointError as error:
        raise _failed("not_connected", detail=str(error)) from error


def _invalid(key: str, **placeholders: str) -> ServiceValidationError:
    return ServiceValidationError(
        translation_domain=DOMAIN,
        translation_key=key,
        translation_placeholders=placeholders,
    )


def _failed(key: str, **placeholders: str) -> HomeAssistantError:
    return HomeAssistantError(
        translation_domain=DOMAIN,
        translation_key=key,
        translation_placeholders=placeholders,
    )
