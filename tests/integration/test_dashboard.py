"""The dashboard that the integration makes (what the browser shows of it: see tests/e2e)."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.fimp_chargepoint.const import DOMAIN
from tests.broker import BrokerProcess

from .conftest import Chargepoint, running

FULL = {"columns": "full"}


async def dashboard(
    hass_ws_client: WebSocketGenerator, hass: HomeAssistant, language: str = "en"
) -> dict[str, Any]:
    """Return the only view of the dashboard, as the frontend gets it."""
    client = await hass_ws_client(hass)
    await client.send_json_auto_id({"type": f"{DOMAIN}/dashboard", "language": language})
    answer = await client.receive_json()
    [view] = answer["result"]["views"]
    assert isinstance(view, dict)
    return view


def tiles(view: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the tiles of the only charge point by entity id."""
    [section] = view["sections"]
    return {card["entity"]: card for card in section["cards"] if card["type"] == "tile"}


async def test_without_charge_points(
    hass: HomeAssistant, hass_ws_client: WebSocketGenerator
) -> None:
    """Also without a frontend, as here."""
    assert await async_setup_component(hass, DOMAIN, {})
    view = await dashboard(hass_ws_client, hass)
    [card] = view["cards"]
    assert "appears here automatically" in card["content"]


@pytest.mark.parametrize(
    ("language", "title", "charging"),
    [("en", "Charge points", "Charging"), ("de", "Ladepunkte", "Laden")],
)
async def test_in_the_language_of_the_user(
    hass: HomeAssistant,
    chargepoint: Chargepoint,
    hass_ws_client: WebSocketGenerator,
    language: str,
    title: str,
    charging: str,
) -> None:
    view = await dashboard(hass_ws_client, hass, language)
    assert view["title"] == title
    assert tiles(view)[chargepoint.id("switch", "charging")]["name"] == charging
    assert tiles(view)[chargepoint.id("sensor", "status")]["name"] == {"type": "entity"}


async def test_only_what_is_there(
    hass: HomeAssistant, chargepoint: Chargepoint, hass_ws_client: WebSocketGenerator
) -> None:
    """No card for an entity that does not exist, is disabled or hidden."""
    registry = er.async_get(hass)
    before = tiles(await dashboard(hass_ws_client, hass))
    mode, limit = chargepoint.id("select", "charging_mode"), chargepoint.id("number", "max_current")
    assert {mode, limit} < before.keys() <= set(hass.states.async_entity_ids())
    registry.async_update_entity(mode, disabled_by=er.RegistryEntryDisabler.USER)
    registry.async_update_entity(limit, hidden_by=er.RegistryEntryHider.USER)
    after = tiles(await dashboard(hass_ws_client, hass))
    assert before.keys() - after.keys() == {mode, limit}


@pytest.mark.parametrize("hidden", [0, 1, 2, 3])
async def test_no_row_is_half_empty(
    hass: HomeAssistant,
    chargepoint: Chargepoint,
    hass_ws_client: WebSocketGenerator,
    hidden: int,
) -> None:
    halves = (("sensor", "session_energy"), ("lock", "cable"), ("select", "phases"))
    for platform, key in halves[:hidden]:
        er.async_get(hass).async_update_entity(
            chargepoint.id(platform, key), hidden_by=er.RegistryEntryHider.USER
        )
    found = tiles(await dashboard(hass_ws_client, hass)).values()
    assert len([card for card in found if card.get("grid_options") != FULL]) % 2 == 0


async def test_a_cost_stands_beside_its_session(
    hass: HomeAssistant, broker: BrokerProcess, hass_ws_client: WebSocketGenerator
) -> None:
    """Without a bar, which would leave a tall empty card while the energy is unknown."""
    async with running(hass, broker, options={"fixed_price": 1.5}) as chargepoint:
        found = list(tiles(await dashboard(hass_ws_client, hass)).values())
        entities = [card["entity"] for card in found]
        for session in ("session", "last_session"):
            place = entities.index(chargepoint.id("sensor", f"{session}_energy"))
            assert entities[place + 1] == chargepoint.id("sensor", f"{session}_cost")
            for card in found[place : place + 2]:
                assert not card.keys() & {"features", "grid_options"}
