"""The demo's dashboard: a section for each charge point, built-in cards only."""

from collections import defaultdict
from typing import Any

from .home import Home

URL_PATH = "charge-points"

#: What an entity looks like, by its domain and its translation key, in order. One without
#: a translation key has the end of its unique id instead.
_CARDS: dict[str, dict[str, Any]] = {
    "switch.charging": {
        "name": "Charging",
        "features": [{"type": "toggle"}],
        "grid_options": {"columns": 12},
    },
    "sensor.status": {"name": "Status"},
    "sensor.session_energy": {"name": "Session"},
    "lock.cable": {"name": "Cable lock", "features": [{"type": "lock-commands"}]},
    "select.charging_mode": {
        "name": "Charging mode",
        "features": [{"type": "select-options"}],
    },
    "number.max_current": {
        "name": "Max. current",
        "features": [{"type": "numeric-input", "style": "buttons"}],
    },
    "select.phases": {"name": "Phases", "features": [{"type": "select-options"}]},
    "sensor.power": {"name": "Power"},
    "sensor.lifetime_energy": {"name": "Lifetime"},
}
#: What the graph shows.
_HISTORY = ("sensor.status", "sensor.power")


async def make_dashboard(home: Home) -> str:
    """Add a dashboard to the sidebar with every charge point; returns its address."""
    # In this order, so that the device of every entity is known.
    entities, devices = await home.commands(
        {"type": "config/entity_registry/list"}, {"type": "config/device_registry/list"}
    )
    cards: dict[str, dict[str, str]] = defaultdict(dict)
    for entity in entities:
        if entity["platform"] == "fimp_chargepoint":
            domain = entity["entity_id"].partition(".")[0]
            name = entity["translation_key"] or entity["unique_id"].rpartition("_")[2]
            key = f"{domain}.{name}"
            if key in _CARDS:
                cards[entity["device_id"]][key] = entity["entity_id"]
    names = {device["id"]: device["name_by_user"] or device["name"] for device in devices}
    sections = [
        _section(names[device], found)
        for device, found in sorted(cards.items(), key=lambda item: names[item[0]])
    ]
    await home.commands(
        {
            "type": "lovelace/dashboards/create",
            "url_path": URL_PATH,
            "title": "Charge points",
            "icon": "mdi:ev-station",
            "mode": "storage",
            "show_in_sidebar": True,
            "require_admin": False,
        },
        {
            "type": "lovelace/config/save",
            "url_path": URL_PATH,
            "config": {
                "views": [{"type": "sections", "title": "Charge points", "sections": sections}]
            },
        },
    )
    return f"{home.url}/{URL_PATH}"


def _section(name: str, entities: dict[str, str]) -> dict[str, Any]:
    heading = {"type": "heading", "heading": name, "icon": "mdi:ev-station"}
    cards = [
        {"type": "tile", "entity": entities[key]} | card
        for key, card in _CARDS.items()
        if key in entities
    ]
    history = {
        "type": "history-graph",
        "hours_to_show": 1,
        "entities": [{"entity": entities[key]} for key in _HISTORY if key in entities],
    }
    return {"type": "grid", "cards": [heading, *cards, history]}
