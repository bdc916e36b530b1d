"""The dashboard strategy: a section for each charge point and grid connection."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from homeassistant.components.frontend import add_extra_js_url
from homeassistant.components.http.server import StaticPathConfig
from homeassistant.components.websocket_api import async_register_command
from homeassistant.components.websocket_api.connection import ActiveConnection
from homeassistant.components.websocket_api.decorators import async_response, websocket_command
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.translation import async_get_translations
from homeassistant.loader import async_get_integration
import probatio

from ..const import DOMAIN

#: A card as Home Assistant's frontend takes it.
type CardConfig = dict[str, object]
#: The entity ids of a charge point by platform and key.
type Entities = Mapping[tuple[str, str], str]

_STRATEGY: Final = Path(__file__).with_name("strategy.js")
_URL: Final = f"/{DOMAIN}/{{version}}/dashboard.js"
_ICON: Final = "mdi:ev-station"
_GRID_ICON: Final = "mdi:transmission-tower"
_FULL: Final = {"grid_options": {"columns": "full"}}
#: The entity's own name, in the user's language and as the user renamed it.
_OWN_NAME: Final = {"type": "entity"}
#: End of the bar: a charge point with 32 A on three phases.
_POWER_MAX: Final = 22_000
#: The same of the load of a phase, for a connection that does not report what it can carry.
_LOAD_MAX: Final = 25
#: What the frontend looks up in the translations, in the section `selector`.
_KEY: Final = "dashboard"
_TEXTS: Final = f"component.{DOMAIN}.selector.{_KEY}.options"


@dataclass(frozen=True, slots=True)
class Tile:
    """A card for one entity; left out for charge points that do not have the entity."""

    platform: Platform
    key: str
    options: Mapping[str, object]
    #: Half a row wide; the last one of a row without a neighbour takes the whole row.
    is_half: bool = True
    #: States of the entity in which the card is hidden.
    hidden_in: tuple[str, ...] = ()
    #: The text to show instead of the entity's own name, which is too long for half a row.
    name: str | None = None

    def card(self, entities: Entities, texts: Mapping[str, str]) -> CardConfig | None:
        """Return the card, None if there is no such entity."""
        entity_id = entities.get((self.platform, self.key))
        if entity_id is None:
            return None
        name = _OWN_NAME if self.name is None else texts[self.name]
        card = {"type": "tile", "entity": entity_id, "name": name, **self.options}
        if self.hidden_in:
            condition = {"condition": "state", "entity": entity_id}
            card["visibility"] = [condition | {"state_not": list(self.hidden_in)}]
        return card


def _feature(kind: str, **options: object) -> dict[str, object]:
    return {"features": [{"type": kind, **options}]}


TILES: Final = (
    Tile(Platform.SENSOR, "status", {"state_content": ["state", "last_changed"]}, is_half=False),
    Tile(
        Platform.SWITCH,
        "charging",
        {"color": "green"} | _feature("toggle"),
        is_half=False,
        name="charging",
    ),
    Tile(
        Platform.SENSOR,
        "not_charging_reason",
        {},
        is_half=False,
        hidden_in=("charging", "no_car", "unknown", "unavailable"),
    ),
    Tile(Platform.SENSOR, "power", _feature("bar-gauge", min=0, max=_POWER_MAX), is_half=False),
    Tile(Platform.SENSOR, "session_energy", {}, name="session"),
    Tile(Platform.SENSOR, "session_cost", {}),
    Tile(
        Platform.NUMBER,
        "max_current",
        _feature("numeric-input", style="buttons"),
        name="max_current",
    ),
    Tile(Platform.LOCK, "cable", _feature("lock-commands")),
    Tile(Platform.SELECT, "charging_mode", _feature("select-options")),
    Tile(Platform.SELECT, "phases", _feature("select-options")),
    Tile(Platform.SWITCH, "enabled", _feature("toggle"), name="available"),
    Tile(Platform.SENSOR, "last_session_energy", {}, name="last_session"),
    Tile(Platform.SENSOR, "last_session_cost", {}, name="last_cost"),
)


async def async_setup_dashboard(hass: HomeAssistant) -> None:
    """Offer the strategy under *Add dashboard*, if this Home Assistant has a frontend."""
    async_register_command(hass, _async_send_dashboard)
    if "frontend" not in hass.config.components:
        return
    version = (await async_get_integration(hass, DOMAIN)).version
    # Browsers keep the file; a new version has a new address.
    url = _URL.format(version=version)
    await hass.http.async_register_static_paths([StaticPathConfig(url, str(_STRATEGY))])
    add_extra_js_url(hass, url)


@websocket_command(
    {probatio.Required("type"): f"{DOMAIN}/dashboard", probatio.Required("language"): str}
)
@async_response
async def _async_send_dashboard(
    hass: HomeAssistant, connection: ActiveConnection, message: dict[str, Any]
) -> None:
    """Send the dashboard in the user's language."""
    connection.send_result(message["id"], await async_dashboard(hass, message["language"]))


async def async_dashboard(hass: HomeAssistant, language: str) -> dict[str, object]:
    """Return a dashboard with all charge points that have enabled entities, by name.

    The grid connections follow them.
    """
    found = await async_get_translations(hass, language, "selector", {DOMAIN})
    texts = {key.removeprefix(f"{_TEXTS}."): text for key, text in found.items()}
    devices = sorted(_devices(hass), key=lambda device: device[0].casefold())
    charge_points = [each for each in devices if (Platform.SENSOR, "status") in each[1]]
    view = {"title": texts["title"], "path": "charge-points", "icon": _ICON}
    if not charge_points:
        empty = {"type": "markdown", "content": texts["empty"]}
        return {"views": [view | {"cards": [empty]}]}
    sections = [
        {"type": "grid", "cards": list(_cards(name, entities, texts))}
        for name, entities in charge_points
    ] + [
        {"type": "grid", "cards": list(_grid_cards(hass, name, entities, texts))}
        for name, entities in devices
        if (Platform.SENSOR, _LOADS[0]) in entities
    ]
    return {"views": [view | {"type": "sections", "max_columns": 3, "sections": sections}]}


def _devices(hass: HomeAssistant) -> Iterator[tuple[str, Entities]]:
    """Yield the name and the visible entities of each device."""
    registry = er.async_get(hass)
    for entry in hass.config_entries.async_entries(DOMAIN):
        for device in dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id):
            prefixes = [f"{own}_" for domain, own in device.identifiers if domain == DOMAIN]
            entities = {
                (entity.domain, entity.unique_id.removeprefix(prefix)): entity.entity_id
                for entity in er.async_entries_for_device(registry, device.id)
                for prefix in prefixes
                if entity.unique_id.startswith(prefix) and entity.hidden_by is None
            }
            yield device.name_by_user or device.name or "", entities


def _cards(name: str, entities: Entities, texts: Mapping[str, str]) -> Iterator[CardConfig]:
    """Yield the cards of a charge point."""
    yield {"type": "heading", "heading": name, "icon": _ICON, "badges": _badges(entities, texts)}
    yield from _tiles(entities, texts)
    yield _history([entities[key] for key in _HISTORY if key in entities], texts)
    energies = (entities.get((Platform.SENSOR, key)) for key in _ENERGIES)
    if (energy := next(filter(None, energies), None)) is not None:
        yield {
            "type": "statistics-graph",
            "title": texts["energy_per_day"],
            "chart_type": "bar",
            "period": "day",
            "days_to_show": 14,
            "stat_types": ["change"],
            "hide_legend": True,
            # As high as it has to be: without any statistics yet, that is one line.
            **_FULL,
            "entities": [energy],
        }


_HISTORY: Final = ((Platform.SENSOR, "status"), (Platform.SENSOR, "power"))
#: The meter reading, or what takes its place.
_ENERGIES: Final = ("lifetime_energy", "computed_energy")
_LOADS: Final = ("load_l1", "load_l2", "load_l3")


def _history(entity_ids: list[str], texts: Mapping[str, str]) -> CardConfig:
    return {
        "type": "history-graph",
        "title": texts["last_day"],
        "hours_to_show": 24,
        "entities": [{"entity": entity_id, "name": _OWN_NAME} for entity_id in entity_ids],
    }


def _grid_cards(
    hass: HomeAssistant, name: str, entities: Entities, texts: Mapping[str, str]
) -> Iterator[CardConfig]:
    """Yield the cards of a grid connection: the load of each phase, up to what it can carry."""
    yield {"type": "heading", "heading": name, "icon": _GRID_ICON}
    state = hass.states.get(entities.get((Platform.SENSOR, "installed_current"), ""))
    try:
        limit = float(state.state) if state is not None else _LOAD_MAX
    except ValueError:
        limit = _LOAD_MAX
    keys = [(Platform.SENSOR, each) for each in _LOADS]
    loads = [entities[key] for key in keys if key in entities]
    for load in loads:
        gauge = _feature("bar-gauge", min=0, max=limit)
        yield {"type": "tile", "entity": load, "name": _OWN_NAME, **gauge} | _FULL
    yield _history(loads, texts)


def _tiles(entities: Entities, texts: Mapping[str, str]) -> Iterator[CardConfig]:
    """Yield the tiles of the entities that exist, two of the same height or one in a row."""
    left: CardConfig | None = None
    for tile in TILES:
        if (card := tile.card(entities, texts)) is None:
            continue
        if left is not None and tile.is_half and ("features" in left) == ("features" in card):
            yield from (left, card)
            left = None
            continue
        if left is not None:
            yield left | _FULL
        left = card if tile.is_half else None
        if left is None:
            yield card | _FULL
    if left is not None:
        yield left | _FULL


def _badges(entities: Entities, texts: Mapping[str, str]) -> list[CardConfig]:
    """Return what stands beside the name: a pending command, and problems."""
    badges: list[CardConfig] = []
    if (switch := entities.get((Platform.SWITCH, "charging"))) is not None:
        pending = {"condition": "state", "entity": switch, "attribute": "pending", "state": "true"}
        badges.append(
            {
                "type": "entity",
                "entity": switch,
                "icon": "mdi:timer-sand",
                "color": "amber",
                "state_content": "name",
                "name": texts["pending"],
                "visibility": [pending],
            }
        )
    if (problem := entities.get((Platform.BINARY_SENSOR, "problem"))) is not None:
        badges.append(
            {
                "type": "entity",
                "entity": problem,
                "color": "red",
                "state_content": "problems",
                "visibility": [{"condition": "state", "entity": problem, "state": "on"}],
            }
        )
    return badges
