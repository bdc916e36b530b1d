"""The diagnostics download of a Blue Current account."""

import json
from pathlib import Path
import re
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity import Entity
import pytest

from harness.headless import integration_states
from tests.helpers.blue_current import ADDRESS, EVSE, GRID
from tests.helpers.blue_current_home import account_home
from tests.helpers.waiting import until

from .downloads import download, played

#: The data of the account, its cards and its charge points, and their locations.
SECRETS = (
    *("good", "C-1", "user@example.com", "example.com", EVSE, "Driveway"),
    *("046C8CCA8C1D90", "NL-BCU-8C1D90-0", "My Charge Card", "Jansen"),
    *("Europalaan", "3526KS", "Utrecht", "50.824811", "4.342838"),
)


async def test_nothing_personal_is_in_it(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    hass_client: Any,
) -> None:
    """Also not what a command has sent; what a maintainer needs is."""
    monkeypatch.setattr(Entity, "entity_registry_enabled_default", True)
    async with account_home(hass, monkeypatch) as home:
        home.simulator["driveway"].settings["default_card"] = "046C8CCA8C1D90"
        await home.simulator.close()
        await until(lambda: home.entry.runtime_data.hub.connections == 2)
        await home.wait_for_state("sensor", "status", "disconnected")
        await home.simulator.plug()
        await home.wait_for_state("sensor", "status", "ready_to_charge")
        await home.call("switch", "turn_on", "charging")
        node = home.entry.runtime_data.hub.nodes[ADDRESS]
        await node.stop_charging()
        await node.start_with_card("046C8CCA8C1D90")
        messages = str([each.payload for each in node.host.journal.recent])
        text = await download(hass, hass_client, home.entry)
    assert "3526KS" in messages
    assert "046C8CCA8C1D90" in messages
    for secret in SECRETS:
        assert json.dumps(secret)[1:-1] not in text.replace('"protocols"', ""), secret
    data = json.loads(text)["data"]
    hub = data["hub"]
    assert (hub["connected"], hub["protocols"]) == (True, ["BlueCurrentProtocol"])
    assert hub["requests_today"]["VALIDATE_API_TOKEN"] == 1
    assert hub["requests_today"]["START_SESSION"] == 2
    notes = [line["note"] for line in data["messages"] if "note" in line]
    assert notes == ["connected", "connection lost", "connected"]
    assert {node["type"] for node in data["nodes"].values()} == {
        "BlueCurrentChargepoint",
        "GridConnection",
    }


async def test_it_can_be_played(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch, hass_client: Any, tmp_path: Path
) -> None:
    """By `scripts/replay`, which shows the same states."""
    async with account_home(hass, monkeypatch) as home:
        await home.simulator.plug()
        await home.wait_for_state("sensor", "status", "ready_to_charge")
        await home.call("switch", "turn_on", "charging")
        await home.simulator.grid("5 6 7")
        await until(lambda: home.entry.runtime_data.hub.nodes[GRID].snapshot.highest_current == 7)
        # The states are those of the download.
        await home.simulator.freeze()
        await hass.async_block_till_done()
        text = await download(hass, hass_client, home.entry)
        expected = {each: state.state for each, state in integration_states(hass).items()}
        await home.simulator.freeze("off")
    # Its location is not in it.
    expected |= {each: "0.0" for each in expected if each.endswith(("latitude", "longitude"))}
    assert len(expected) > 15
    assert _without_names(await played(text, tmp_path)) == _without_names(expected)


def _without_names(states: dict[str, str]) -> dict[str, str]:
    """Return states by entity ids without what is redacted, and without times of events."""
    return {
        re.sub(r"redacted\d+|driveway|bcu100001", "x", entity_id): (
            "fired" if entity_id.startswith("event.") and state != "unknown" else state
        )
        for entity_id, state in states.items()
    }


async def test_of_an_account_that_is_refused(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch, hass_client: Any
) -> None:
    async with account_home(hass, monkeypatch, load=False) as home:
        await home.simulator.revoke()
        await home.load()
        text = await download(hass, hass_client, home.entry)
    assert "user@example.com" not in text
    assert "C-1" not in text
    assert json.loads(text)["data"]["entry"]["state"] == "setup_error"
