"""The dashboard of the integration, as the demo, the tests and the docs show it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from homeassistant.util.yaml import dump, parse_yaml

from .home import Home

URL_PATH = "charge-points"
#: What *Add dashboard* offers under this name.
STRATEGY = "EV charge points"
#: The same dashboard for those who want to change it: made by `write_dashboard`.
FILE = Path(__file__).parents[1] / "docs" / "dashboard.yaml"


def read_dashboard() -> dict[str, Any]:
    """Return the dashboard in the docs."""
    config = parse_yaml(FILE.read_text(encoding="utf-8"))
    assert isinstance(config, dict)  # noqa: S101
    return config


def write_dashboard(config: dict[str, Any]) -> None:
    """Write the dashboard in the docs."""
    FILE.write_text(dump(config), encoding="utf-8")


def cards(config: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the cards of a dashboard of sections."""
    for view in config["views"]:
        for section in view["sections"]:
            yield from section["cards"]


async def generated(home: Home, language: str = "en") -> dict[str, Any]:
    """Return the dashboard that the strategy makes."""
    [config] = await home.commands({"type": "fimp_chargepoint/dashboard", "language": language})
    assert isinstance(config, dict)  # noqa: S101
    return config


async def make_dashboard(home: Home, *, hours: float | None = None) -> str:
    """Add the dashboard to the sidebar; returns its address.

    It follows the charge points, unless `hours` of history are wanted: then it is a copy.
    """
    config: dict[str, Any] = {"strategy": {"type": "custom:fimp-chargepoint"}}
    if hours is not None:
        config = await generated(home)
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
