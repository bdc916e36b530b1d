"""What all entities share: identity, availability, state updates, and their errors."""

from abc import abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
import re
from typing import Any, override

from homeassistant.const import EntityCategory, Platform
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.entity import Entity, EntityDescription
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.translation import async_get_cached_translations
from homeassistant.helpers.typing import UNDEFINED
from homeassistant.helpers.update_coordinator import CoordinatorEntity
from homeassistant.util import dt as dt_util

from .chargepoint import Capabilities, Chargepoint, ParameterKind, ParameterValue
from .chargepoint.errors import ChargepointError, InvalidRequestError
from .chargepoint.model import ChargepointSnapshot, Feature, NodeSnapshot
from .const import ATTR_PENDING, DOMAIN, PLATFORMS
from .controls import Control, ControlState, parameter_control
from .coordinator import AnyCoordinator, AnyNode, FimpConfigEntry, PushCoordinator


@dataclass(frozen=True, kw_only=True)
class NodeDescription(EntityDescription):
    """What the descriptions of all platforms have in common, for every kind of node."""

    exists_fn: Callable[[Capabilities], bool] = lambda _: True


def reports(feature: Feature) -> Callable[[Capabilities], bool]:
    """Return a condition: `feature` is reported."""
    return lambda capabilities: feature in capabilities.reports


def controls(feature: Feature) -> Callable[[Capabilities], bool]:
    """Return a condition: `feature` can be set."""
    return lambda capabilities: feature in capabilities.controls


def only_reports(feature: Feature) -> Callable[[Capabilities], bool]:
    """Return a condition: `feature` is reported and cannot be set."""
    return lambda capabilities: (
        feature in capabilities.reports and feature not in capabilities.controls
    )


class NodeEntity[S: NodeSnapshot, V, N: AnyNode](CoordinatorEntity[PushCoordinator[S, N]]):
    """One property of a node of any kind; `V` is the type of everything it shows."""

    _attr_has_entity_name = True

    def __init__(
        self,
        coordinator: PushCoordinator[S, N],
        description: EntityDescription,
        context: str | Callable[[NodeSnapshot], object] | None = None,
    ) -> None:
        """Derive the identity from that of the node; `_attr_unique_id` never changes.

        `context` is FIRST for what must not wait, and what reads the measurement that is shown.
        """
        super().__init__(coordinator, context)
        self.entity_description = description
        self._attr_unique_id = _unique_id(coordinator, description.key)
        # The coordinator manages the device; this only refers to it.
        self._attr_device_info = coordinator.device_info
        self._written: tuple[bool, V] | None = None

    @abstractmethod
    def _read(self) -> V:
        """Return everything to show now."""

    @abstractmethod
    def _show(self, shown: V) -> None:
        """Set Home Assistant's own attributes."""

    @override
    async def async_prepare_to_add_to_hass(self) -> None:
        """Set what Home Assistant needs before it adds an entity."""
        await super().async_prepare_to_add_to_hass()
        self._show(self._read())

    @override
    async def async_added_to_hass(self) -> None:
        """Set what Home Assistant writes right after this, and remember it."""
        await super().async_added_to_hass()
        self._written = (self.available, self._read())
        self._show(self._written[1])

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        """Write the state if it changed; most snapshots affect only one entity."""
        if self.coordinator.is_gone:
            self.hass.async_create_task(self.async_remove(force_remove=True))
            return
        now = (self.available, self._read())
        if now != self._written:
            self._written = now
            self._show(now[1])
            self.async_write_ha_state()


class SilentEntity[S: NodeSnapshot, N: AnyNode](NodeEntity[S, None, N]):
    """An entity without a value, which is only available or unavailable."""

    @override
    def _read(self) -> None:
        """Return nothing: there is no value."""

    @override
    def _show(self, shown: None) -> None:
        """Do nothing: there is no value."""


@dataclass(frozen=True, kw_only=True)
class ControlDescription[V: ParameterValue](NodeDescription):
    """A control; `read_only` is the entity that shows it if it can only be reported."""

    control: Control[V]
    read_only: tuple[Platform, str] | None = None


class ControlEntity[V: ParameterValue](
    NodeEntity[ChargepointSnapshot, ControlState[V], Chargepoint]
):
    """A control that shows the requested value until the charge point confirms it."""

    entity_description: ControlDescription[V]

    @override
    def _read(self) -> ControlState[V]:
        """Return the state of the control."""
        return self.entity_description.control.state_fn(self.coordinator.data)

    @override
    def _show(self, shown: ControlState[V]) -> None:
        """Mark a value that is not confirmed."""
        self._attr_assumed_state = shown.assumed
        self._attr_extra_state_attributes = {ATTR_PENDING: shown.pending}

    async def _set(self, value: V) -> None:
        """Return when the charge point has confirmed it."""
        with translated_errors(self.coordinator):
            await self.entity_description.control.set_fn(self.coordinator.node, value)


type Descriptions[D: NodeDescription] = Callable[[Capabilities], Iterable[D]]


def existing[D: NodeDescription](descriptions: Iterable[D]) -> Descriptions[D]:
    """Return those of `descriptions` whose feature a node has."""
    return lambda capabilities: [each for each in descriptions if each.exists_fn(capabilities)]


def parameter_description[D: ControlDescription[Any]](
    kind: type[D],
    value_type: type[ParameterValue],
    parameter_id: str,
    name: str | None = None,
    read_only: Platform = Platform.SENSOR,
) -> D:
    """Describe a manufacturer's setting; without a `name` it gets a translated one."""
    return kind(
        key=f"parameter_{parameter_id}",
        entity_category=EntityCategory.CONFIG,
        control=parameter_control(parameter_id, value_type),
        read_only=(read_only, f"parameter_{parameter_id}"),
        translation_key=parameter_id if name is None else None,
        name=UNDEFINED if name is None else name,
    )


def of_parameters[D: NodeDescription](
    kind: ParameterKind, describe: Callable[[str, str], D], known: Mapping[str, D] | None = None
) -> Descriptions[D]:
    """Return the descriptions of the settings of one kind that a charge point has.

    That of an unknown setting is made of its id and its name.
    """
    known = known or {}
    return lambda capabilities: [
        known.get(each.id) or describe(each.id, each.name)
        for each in capabilities.parameters
        if each.kind is kind
    ]


@callback
def async_setup_nodes[D: NodeDescription](
    entry: FimpConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
    platform: Platform,
    descriptions: Descriptions[D],
    entity_class: Callable[[AnyCoordinator, D], Entity],
    kind: type[NodeSnapshot] = ChargepointSnapshot,
) -> None:
    """Add the entities of a platform for every node with snapshots of `kind`.

    This includes nodes found later; an entity exists while its node has the capability for it.
    """

    @callback
    def look(coordinator: AnyCoordinator, before: Capabilities | None) -> None:
        if not isinstance(coordinator.data, kind):
            return
        there = set() if before is None else {each.key for each in descriptions(before)}
        wanted = {each.key: each for each in descriptions(coordinator.data.capabilities)}
        for key in there - wanted.keys():
            _remove_entity(coordinator, platform, key)
        found = [each for key, each in wanted.items() if key not in there]
        for description in found:
            if isinstance(description, ControlDescription):
                # In an earlier run it may only have been reported.
                former = description.read_only or (Platform.SENSOR, description.key)
                _remove_entity(coordinator, *former)
        if found:
            async_add_entities(entity_class(coordinator, each) for each in found)

    entry.async_on_unload(entry.runtime_data.async_for_capabilities(look))


@callback
def async_remove_descriptions(
    entry: FimpConfigEntry, platform: Platform, descriptions: Iterable[NodeDescription]
) -> None:
    """Remove entities that the user has disabled in the options, of all nodes now and later."""

    @callback
    def node_added(coordinator: AnyCoordinator) -> None:
        for each in descriptions:
            _remove_entity(coordinator, platform, each.key)

    entry.async_on_unload(entry.runtime_data.async_for_each_node(node_added))


def _remove_entity(coordinator: AnyCoordinator, platform: Platform, key: str) -> None:
    """Remove an entity if it exists."""
    registry = er.async_get(coordinator.hass)
    entity_id = registry.async_get_entity_id(platform, DOMAIN, _unique_id(coordinator, key))
    if entity_id is not None:
        registry.async_remove(entity_id)


def _unique_id(coordinator: AnyCoordinator, key: str) -> str:
    return f"{coordinator.identifier}_{key}"


# Errors: the library raises codes with values; their texts are in `exceptions` of `translations/`.


@contextmanager
def translated_errors(coordinator: AnyCoordinator) -> Iterator[None]:
    """Convert errors that the library raises for a node to errors of Home Assistant."""
    try:
        yield
    except ChargepointError as error:
        raise translated(coordinator.hass, error, coordinator.device_name) from error


def translated(hass: HomeAssistant, error: ChargepointError, name: str) -> HomeAssistantError:
    """Return the error of Home Assistant for an error of the library about `name`."""
    kind = ServiceValidationError if isinstance(error, InvalidRequestError) else HomeAssistantError
    values = {
        key: _feature_name(hass, value) if isinstance(value, Feature) else value_text(value)
        for key, value in error.values.items()
    }
    return kind(
        translation_domain=DOMAIN,
        translation_key=error.code,
        translation_placeholders={"name": name, **values},
    )


@callback
def async_message(hass: HomeAssistant, error: HomeAssistantError) -> str:
    """Return the text of an error in the language of the system, for use in another text.

    The texts of this integration must be loaded, as they are once it is set up.
    """
    texts = async_get_cached_translations(hass, hass.config.language, "exceptions", DOMAIN)
    text = texts.get(f"component.{DOMAIN}.exceptions.{error.translation_key}.message")
    if text is None or error.translation_domain != DOMAIN:
        return str(error)
    return text.format(**error.translation_placeholders or {})


def value_text(value: str | float | datetime | Collection[str]) -> str:
    """Return the text of a value of an error; times are in the local time zone."""
    match value:
        case str():
            return value
        case datetime():
            return f"{dt_util.as_local(value):%Y-%m-%d %H:%M}"
        case Collection():
            return ", ".join(value) or "-"
    return f"{value:g}"


def _feature_name(hass: HomeAssistant, feature: Feature) -> str:
    """Return the name of the entity for a feature, in the language of the system."""
    texts: dict[str, str] = {}
    for category, domain in (("entity", DOMAIN), ("selector", DOMAIN), ("entity_component", None)):
        texts |= async_get_cached_translations(hass, hass.config.language, category, domain)
    keys = [f"{DOMAIN}.entity.{platform}.{feature}.name" for platform in PLATFORMS]
    # With a device class, an entity has its name, and the charge switch has that of the device.
    keys += [f"{platform}.entity_component.{feature}.name" for platform in PLATFORMS]
    keys.append(f"{DOMAIN}.selector.dashboard.options.{feature}")
    names = (texts.get(f"component.{key}") for key in keys)
    return next(filter(None, names), feature.replace("_", " "))


# Faults: each protocol has its own machine-readable names for them.

#: Those that occur in the names of faults.
_ABBREVIATIONS = frozenset(
    {"ac", "cp", "dc", "ev", "evse", "ocpp", "pe", "pen", "pp", "rcd", "rfid"}
)
_PART = re.compile(r"MREC(\d+)|[A-Z]+(?![a-z])\d*|[A-Z]?[a-z]+\d*|\d+")


def plain_words(faults: Iterable[str]) -> list[str]:
    """Return readable names of faults: `Over temperature` (`OVER_TEMPERATURE`).

    EVerest's `evse_board_support/MREC5OverTemperature` becomes `Over temperature (MREC 5)`:
    technicians know the number.
    """
    return [_plain(fault) for fault in faults]


def _plain(fault: str) -> str:
    if " " in fault or not fault.isascii():
        return fault
    number, words = "", []
    is_shouted = fault.isupper()
    for part in _PART.finditer(fault.rpartition("/")[2]):
        if part[1]:
            number = f" (MREC {part[1]})"
        else:
            word = part[0].lower()
            is_abbreviation = word in _ABBREVIATIONS or (part[0].isupper() and not is_shouted)
            words.append(word.upper() if is_abbreviation else word)
    text = " ".join(words)
    return f"{text[:1].upper()}{text[1:]}{number}" if text else fault
