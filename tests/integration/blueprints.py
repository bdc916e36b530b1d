"""The blueprints, as Home Assistant reads them."""

from pathlib import Path
from typing import Any

from homeassistant.components.automation.config import AUTOMATION_BLUEPRINT_SCHEMA
from homeassistant.components.blueprint import models
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from homeassistant.util import yaml as yaml_util

from custom_components.fimp_chargepoint.const import DOMAIN

FOLDER = Path(__file__).parents[2] / "blueprints" / "automation" / DOMAIN


def blueprint(name: str) -> models.Blueprint:
    """Read one of ours as Home Assistant does."""
    path = FOLDER / f"{name}.yaml"
    return models.Blueprint(
        yaml_util.load_yaml_dict(str(path)),
        expected_domain="automation",
        path=path.name,
        schema=AUTOMATION_BLUEPRINT_SCHEMA,
    )


async def automate(hass: HomeAssistant, name: str, **inputs: Any) -> None:
    """Set up an automation from a blueprint."""
    config = {"use_blueprint": {"path": f"{DOMAIN}/{name}.yaml", "input": inputs}}
    assert await async_setup_component(hass, "automation", {"automation": [config]})
    await hass.async_block_till_done()
    (state,) = hass.states.async_all("automation")
    assert state.state == "on"
