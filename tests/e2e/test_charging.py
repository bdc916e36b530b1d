"""Everyday use of a charge point, on the dashboard of the integration."""

import asyncio
from collections.abc import Iterator
import json
import time
from typing import Any

from playwright.async_api import expect
import pytest

from harness.charge_points import API_TOKEN, PRICE
from harness.check import until_present
from harness.dashboard import FILE, STRATEGY, cards, generated, read_dashboard
from harness.home import Home
from harness.screen import PATIENCE_MS, until
from simulators.fimp import ChargepointSetup, FimpSimulator

from .conftest import World

pytestmark = [
    pytest.mark.all,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(600),  # a venv may have to be made
    pytest.mark.parametrize("python", ["oldest", "newest"], indirect=True, scope="module"),
]

WALLBOX = "Acme Wallbox"
STATION = "EVerest carport"
CABIN = "Easee Home"
GUEST = "Futurehome Charge"
WAITING = "Waiting for confirmation"
REFUSAL = "the grid has nothing to spare"


def entity_ids(config: object) -> Iterator[str]:
    """Yield the entity ids in any part of a dashboard."""
    match config:
        case {"entity": str(entity_id), **rest}:
            yield entity_id
            yield from entity_ids(rest)
        case dict():
            yield from (each for value in config.values() for each in entity_ids(value))
        case list():
            yield from (each for value in config for each in entity_ids(value))


async def test_the_dashboard_shows_what_there_is(charging_world: World) -> None:
    """Every entity is in the demo, and the frontend accepts every card."""
    dashboard = await generated(charging_world.home)
    listed = set(entity_ids(dashboard))
    assert len(listed) > 20
    await until_present(charging_world.home, listed)

    screen = charging_world.screen
    await screen.open_dashboard()
    await expect(screen.tile(WALLBOX, "Status")).to_contain_text("No car connected")
    for kind in {card["type"] for card in cards(dashboard)}:
        await expect(screen.page.locator(f"hui-{kind}-card").first).to_be_visible()
    # The history of the status has bars with words, not a line of numbers.
    timeline = screen.section(WALLBOX).locator("state-history-chart-timeline")
    await expect(timeline.first).to_be_visible()
    for objection in (
        "hui-error-card",
        "hui-warning",
        "hui-error-badge",
        "hui-error-entity-row",
    ):
        await expect(screen.section(WALLBOX).locator(objection)).to_have_count(0)
    for feature in ("bar-gauge", "lock-commands", "numeric-input", "select-options", "toggle"):
        shown = screen.section(WALLBOX).locator(f"hui-{feature}-card-feature")
        await expect(shown.first).to_be_visible()


async def test_the_dashboard_is_added_without_pasting(charging_world: World) -> None:
    """It is offered under Add dashboard, in the user's language."""
    screen, page, home = charging_world.screen, charging_world.screen.page, charging_world.home
    await screen.open("config/lovelace/dashboards")
    await screen.press("Add dashboard")
    await page.get_by_text(STRATEGY, exact=True).click()
    await screen.fill("Title", "Charging")
    await screen.press("Create")
    # It is saved before the browser goes there.
    await expect(page.locator("ha-data-table").get_by_text("Charging", exact=True)).to_be_visible()
    # A dialog that closes goes back in the history.
    await expect(page.get_by_role("button", name="Create", exact=True)).to_have_count(0)
    await screen.open("dashboard-charging")
    await expect(screen.tile(WALLBOX, "This session")).to_be_visible()
    await expect(screen.section(WALLBOX)).to_contain_text("Energy per day")

    language = {"language": "de", "number_format": "language", "time_format": "language"}
    command = {"type": "frontend/set_user_data", "key": "language", "value": language}
    try:
        await home.commands(command)
        await page.reload()
        # The entities got their names in the language of Home Assistant.
        await expect(screen.section(WALLBOX)).to_contain_text("Energie pro Tag")
        await expect(screen.tile(WALLBOX, "Laden")).to_be_visible()
    finally:
        await home.commands(command | {"value": language | {"language": "en"}})


async def test_the_dashboard_follows_the_charge_points(charging_world: World) -> None:
    """One that is found while the dashboard is open gets a section; a removed one loses it."""
    screen = charging_world.screen
    await screen.open_dashboard()
    await expect(screen.section(WALLBOX)).to_be_visible()
    await expect(screen.section(GUEST)).to_have_count(0)
    guest = FimpSimulator(
        charging_world.public,
        ChargepointSetup(name="guest", profile="futurehome", serial="FC-0009"),
        adapter="guest",
    )
    async with guest:
        await expect(screen.section(GUEST)).to_be_visible()
        await guest.points["guest"].exclude()
    home = charging_world.home
    [devices] = await home.commands({"type": "config/device_registry/list"})
    [device] = [device for device in devices if device["name"] == GUEST]
    [entry_id] = device["config_entries"]
    removal = {"device_id": device["id"], "config_entry_id": entry_id}
    await home.commands({"type": "config/device_registry/remove_config_entry", **removal})
    await expect(screen.section(GUEST)).to_have_count(0)
    await expect(screen.section(WALLBOX)).to_be_visible()


async def test_the_dashboard_in_the_docs(charging_world: World) -> None:
    """The copy in the docs is what the demo's charge points get."""
    home, expected = charging_world.home, read_dashboard()
    entry_id = await home.add_account(API_TOKEN, fixed_price=PRICE)
    try:
        await until_present(home)
        deadline = time.monotonic() + PATIENCE_MS / 1000
        while (dashboard := await _without_cabin(home)) != expected:
            # Some entities are added when their first value is reported.
            if time.monotonic() > deadline:
                break
            await asyncio.sleep(1)
    finally:
        await home.delete(f"config/config_entries/entry/{entry_id}")
    assert dashboard == expected, f"run scripts/screenshots to make {FILE.name} anew"


async def _without_cabin(home: Home) -> dict[str, Any]:
    dashboard = await generated(home)
    [view] = dashboard["views"]
    view["sections"] = [
        section for section in view["sections"] if section["cards"][0]["heading"] != CABIN
    ]
    return dashboard


async def test_charging_is_switched_on_and_off(charging_world: World) -> None:
    screen, garage = charging_world.screen, charging_world.cars.points["garage"]
    await screen.open_dashboard()
    switch = screen.switch(WALLBOX, "Charging")
    status = screen.tile(WALLBOX, "Status")
    await expect(switch).to_have_attribute("aria-checked", "false")
    await expect(status).to_contain_text("No car connected")

    await garage.plug()
    await expect(status).to_contain_text("Ready to charge")
    await switch.click()
    await expect(status).to_contain_text("Charging")
    await expect(switch).to_have_attribute("aria-checked", "true")
    assert garage.connector.power > 1000
    power = f"{garage.connector.power:,.0f} W"
    await expect(screen.tile(WALLBOX, "Power")).to_contain_text(power)

    await switch.click()
    await expect(status).to_contain_text("Ready to charge")
    await expect(switch).to_have_attribute("aria-checked", "false")
    assert garage.connector.power == 0
    await expect(screen.tile(WALLBOX, "Session cost")).to_contain_text("NOK")

    last = screen.tile(WALLBOX, "Last session")
    await expect(last).to_contain_text("Unknown")
    await garage.unplug()
    await expect(status).to_contain_text("No car connected")
    await expect(last).to_contain_text("kWh")
    states = await charging_world.home.states()
    energy = float(states["sensor.acme_wallbox_last_session_energy"]["state"])
    assert energy == pytest.approx(garage.connector.energy, abs=0.001)


async def test_a_command_is_pending_until_it_is_proven(charging_world: World) -> None:
    """The charger has stopped long before its cloud reports it."""
    screen, cabin = charging_world.screen, charging_world.cars.points["cabin"]
    await screen.open_dashboard()
    switch, section = screen.switch(CABIN, "Charging"), screen.section(CABIN)
    await cabin.plug()
    await expect(screen.tile(CABIN, "Status")).to_contain_text("Ready to charge")
    await switch.click()
    await expect(screen.tile(CABIN, "Status")).to_contain_text("Charging")
    await expect(section).not_to_contain_text(WAITING)

    await switch.click()
    await until(lambda: cabin.stopped and not cabin.connector.power)
    await expect(section).to_contain_text(WAITING)
    await expect(switch).to_have_attribute("aria-checked", "false")
    await expect(screen.tile(CABIN, "Status")).to_contain_text("Charging")

    cabin.report_changes()
    await expect(screen.tile(CABIN, "Status")).to_contain_text("Ready to charge")
    await expect(section).not_to_contain_text(WAITING)
    await expect(switch).to_have_attribute("aria-checked", "false")


async def test_a_station_is_paused_and_resumed(charging_world: World) -> None:
    """An EVerest station starts automatically; the switch pauses the transaction."""
    screen, carport = charging_world.screen, charging_world.cars.points["carport"]
    await screen.open_dashboard()
    switch, status = screen.switch(STATION, "Charging"), screen.tile(STATION, "Status")
    await carport.plug()
    await expect(status).to_contain_text("Charging")
    await expect(switch).to_have_attribute("aria-checked", "true")
    await until(lambda: carport.connector.power > 1000)

    await switch.click()
    await expect(status).to_contain_text("Ready to charge")
    await expect(switch).to_have_attribute("aria-checked", "false")
    assert carport.connector.power == 0
    await expect(screen.section(STATION)).to_contain_text("Switched off")

    await switch.click()
    await expect(status).to_contain_text("Charging")
    await until(lambda: carport.connector.power > 1000)
    await carport.unplug()


async def test_the_current_is_limited(charging_world: World) -> None:
    screen, garage = charging_world.screen, charging_world.cars.points["garage"]
    await screen.open_dashboard()
    limit = screen.tile(WALLBOX, "Max. current")
    await expect(limit).to_contain_text("32 A")
    await limit.get_by_role("button", name="Decrement").click()
    await expect(limit).to_contain_text("31 A")
    await until(lambda: garage.max_current == 31)


async def test_the_cable_is_locked(charging_world: World) -> None:
    screen, garage = charging_world.screen, charging_world.cars.points["garage"]
    await screen.open_dashboard()
    lock = screen.tile(WALLBOX, "Cable lock")
    for word, result in (("Lock", "Locked"), ("Unlock", "Unlocked")):
        await lock.get_by_role("button", name=word, exact=True).click()
        await expect(lock).to_contain_text(result)
        await until(lambda word=word: garage.locked is (word == "Lock"))


async def test_a_mode_is_chosen(charging_world: World) -> None:
    """A mode that is selected while the car charges is sent at once."""
    screen, garage = charging_world.screen, charging_world.cars.points["garage"]
    await screen.open_dashboard()
    await garage.plug()
    await expect(screen.tile(WALLBOX, "Status")).to_contain_text("Ready to charge")
    mode = screen.tile(WALLBOX, "Charging mode")
    await mode.locator("hui-card-feature").get_by_role("button").click()
    await screen.choose("Slow")
    await expect(mode).to_contain_text("Slow")
    await screen.switch(WALLBOX, "Charging").click()
    await expect(screen.tile(WALLBOX, "Status")).to_contain_text("Charging")
    assert garage.session_current == garage.profile.modes["slow"]
    starts = [
        json.loads(payload)["props"]
        for _, payload in garage.adapter.received
        if '"cmd.charge.start"' in payload
    ]
    assert starts[-1] == {"charging_mode": "slow"}
    await garage.unplug()


async def test_a_refusal_is_shown_in_the_charge_points_own_words(
    charging_world: World,
) -> None:
    screen, garage = charging_world.screen, charging_world.cars.points["garage"]
    await screen.open_dashboard()
    await garage.plug()
    await expect(screen.tile(WALLBOX, "Status")).to_contain_text("Ready to charge")
    await garage.refuse(REFUSAL)
    switch = screen.switch(WALLBOX, "Charging")
    await switch.click()
    await screen.toasts(REFUSAL)
    await expect(switch).to_have_attribute("aria-checked", "false")
    assert not garage.allowed
    await garage.refuse()
    await garage.unplug()
