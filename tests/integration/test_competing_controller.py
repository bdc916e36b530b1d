"""Two controllers and one limit: a charge point, Home Assistant and another client."""

import json

from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.fimp_chargepoint.const import DOMAIN
from simulators.everest import EverestSimulator, EvseSetup
from simulators.mqtt import Broker
from tests.broker import BrokerProcess

from .conftest import QUICK, Chargepoint, load, other_broker, until
from .house import House


def issues(hass: HomeAssistant) -> list[ir.IssueEntry]:
    """Return what the user sees."""
    return [
        each
        for each in ir.async_get(hass).issues.values()
        if each.translation_key == "competing_controller"
    ]


async def quarrel(chargepoint: Chargepoint, ours: int, theirs: int) -> None:
    """Set a limit from Home Assistant, and then let another client set another one."""
    await chargepoint.call("number", "set_value", "max_current", value=ours)
    assert chargepoint.state("number", "max_current") == f"{ours}"
    command = {"serv": "chargepoint", "type": "cmd.max_current.set", "uid": "theirs"}
    chargepoint.point.send(
        "pt:j1/mt:cmd/rt:dev/rn:easee/ad:1/sv:chargepoint/ad:1",
        json.dumps(command | {"val_t": "int", "val": theirs}),
    )
    await chargepoint.wait_for_state("number", "max_current", f"{theirs}")


async def test_a_competing_controller(
    hass: HomeAssistant, chargepoint: Chargepoint, hass_client: ClientSessionGenerator
) -> None:
    assert await async_setup_component(hass, "repairs", {})
    device_id = chargepoint.registered("switch", "charging").device_id
    dr.async_get(hass).async_update_device(
        device_id, name_by_user="[Wallbox](https://acme.example)"
    )
    await quarrel(chargepoint, 16, 10)
    await quarrel(chargepoint, 16, 10)
    assert not issues(hass)
    await quarrel(chargepoint, 20, 12)
    (issue,) = issues(hass)
    found = issue.translation_placeholders
    assert (found["ours"], found["theirs"]) == ("20", "12")
    # The description is Markdown, the title is not.
    assert found["name"] == r"\[Wallbox\](https://acme.example)"
    assert found["plain_name"] == "[Wallbox](https://acme.example)"
    # The user confirms that it is solved.
    client = await hass_client()
    flow = {"handler": DOMAIN, "issue_id": issue.issue_id}
    step = await (await client.post("/api/repairs/issues/fix", json=flow)).json()
    url = f"/api/repairs/issues/fix/{step['flow_id']}"
    assert (await (await client.post(url, json={})).json())["type"] == "create_entry"
    assert not issues(hass)
    # It is not.
    await quarrel(chargepoint, 20, 12)
    assert issues(hass)
    await hass.config_entries.async_unload(chargepoint.entry.entry_id)
    assert not issues(hass)


async def test_peace(hass: HomeAssistant, house: House, chargepoint: Chargepoint) -> None:
    for _ in range(3):
        await quarrel(chargepoint, 16, 10)
    await house.passes(119)
    assert issues(hass)
    await house.passes(2)
    assert not issues(hass)


async def test_it_goes_with_the_charge_point(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    for _ in range(3):
        await quarrel(chargepoint, 16, 10)
    assert issues(hass)
    await chargepoint.point.exclude()
    await until(lambda: not issues(hass), "the issue to go")


@pytest.mark.parametrize("competes", [False, True])
async def test_everest(hass: HomeAssistant, broker: BrokerProcess, *, competes: bool) -> None:
    """A lower limit of another client does not compete with ours; withdrawing ours does."""
    async with EverestSimulator(
        Broker(broker.host, broker.port), EvseSetup(limits="limits_api"), timing=QUICK
    ) as station:
        entry = await load(hass, other_broker(broker))
        found = Chargepoint(hass, station, entry)
        await found.wait_for_state("sensor", "status", "disconnected")
        await until(lambda: found.state("number", "max_current"), "the limit")
        for _ in range(4):
            await found.call("number", "set_value", "max_current", value=12)
            if competes:
                nothing = {
                    "schedule_import": [],
                    "schedule_export": [],
                    "schedule_setpoints": [],
                }
                station.handle(
                    "everest_api/1/external_energy_limits_consumer/limits_api/m2e/"
                    "set_external_limits",
                    json.dumps(nothing).encode(),
                )
                await found.wait_for_state("number", "max_current", "16")
            else:
                await station.limit(8)
                await found.wait_for_state("sensor", "effective_current", "8.0")
        assert bool(issues(hass)) is competes
        await hass.config_entries.async_unload(entry.entry_id)
