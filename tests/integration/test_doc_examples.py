"""The automations in the pages for users are ones that Home Assistant takes."""

from collections.abc import Iterator
import re
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
import yaml  # type: ignore[import-untyped]

from custom_components.fimp_chargepoint.const import DOMAIN
from tests.metadata.pages import PAGES

_BLOCK = re.compile(r"^( *)```yaml\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_PARTS = {"triggers", "conditions", "actions"}
#: What the part that an example leaves out does not matter for.
_REST = {"triggers": {"trigger": "event", "event_type": "something"}, "actions": []}


def _examples() -> Iterator[Any]:
    for page in PAGES:
        for number, (_, text) in enumerate(_BLOCK.findall(page.read_text(encoding="utf-8"))):
            example = yaml.safe_load(text)
            if isinstance(example, dict) and _PARTS & set(example):
                yield pytest.param(example, id=f"{page.name}-{number}")


EXAMPLES = list(_examples())
EXAMPLE = "automation.example"


def test_there_are_some() -> None:
    assert {each.id.partition("-")[0] for each in EXAMPLES} >= {"README.md", "automations.md"}


@pytest.mark.parametrize("example", EXAMPLES)
async def test_automation(hass: HomeAssistant, example: dict[str, Any]) -> None:
    assert await async_setup_component(hass, DOMAIN, {})
    automation = {"alias": "example"} | _REST | example
    assert await async_setup_component(hass, "automation", {"automation": [automation]})
    # It would be unavailable with a mistake in it.
    assert hass.states.is_state(EXAMPLE, "on")
    # Some wait for the time of day.
    await hass.services.async_call("automation", "turn_off", {"entity_id": EXAMPLE}, blocking=True)
