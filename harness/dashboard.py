"""The dashboard of the docs, used in the demo."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from homeassistant.util.yaml import parse_yaml

from .home import Home

URL_PATH = "charge-points"
FILE = Path(__file__).parents[1] / "docs" / "dashboard.yaml"

#: The demo usually runs for less than an hour.
_HOURS = 1


def read_dashboard(names: Mapping[str, str] = MappingProxyType({})) -> dict[str, Any]:
    """Return the dashboard of the docs, with `names` replaced as the docs describe."""
    text = FILE.read_text(encoding="utf-8")
    for name, replacement in names.items():
        text = text.replace(name, replacement)
    config = parse_yaml(text)
    assert isinstance(config, dict)  # noqa: S101
    return config


def cards(config: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the cards of all sections."""
    for view in config["views"]:
        for section in view["sections"]:
            yield from section["cards"]


async def make_dashboard(home: Home, config: dict[str, Any], *, hours: float = _HOURS) -> str:
    """Add a dashboard with `hours` of history to the sidebar; returns its address."""
    for card in cards(config):
        if "hours_to_show" in card:
            card["hours_to_show"] = hours
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
        {"type": "lovelace/config/save", "url_path": URL_PATH, "config": config},
    )
    return f"{home.url}/{URL_PATH}"
