"""Adding the integration by clicking, from a fresh login to the page of a device."""

from collections.abc import AsyncGenerator

from playwright.async_api import expect
import pytest
import pytest_asyncio

from harness.charge_points import API_TOKEN
from harness.screen import INTEGRATION
from simulators.fimp import ChargepointSetup, FimpSimulator
from simulators.mqtt import Broker
from tests.broker import PASSWORD, USERNAME, BrokerProcess
from tests.helpers.texts import part_of, text

from .conftest import World

pytestmark = [
    pytest.mark.all,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(600),  # a venv may have to be made
]

DISCOVERED = "Futurehome Charge"
FOUND = ("Acme Socket", "Acme Wallbox", "Easee Home", "EVerest carport")


@pytest_asyncio.fixture(name="house", scope="module", loop_scope="module")
async def house_fixture(
    world: World, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[World]:
    """A Home Assistant that has a broker of its own, and a charge point on that as well."""
    broker = BrokerProcess(tmp_path_factory.mktemp("own_broker"))
    broker.start()
    try:
        path = "config/config_entries/flow"
        flow = await world.home.post(path, {"handler": "mqtt"})
        others = {"set_client_cert": False, "set_ca_cert": "off"}
        form = {"broker": broker.host, "port": broker.port, "other_settings": others}
        await world.home.post(f"{path}/{flow['flow_id']}", form)
        barn = FimpSimulator(
            Broker(broker.host, broker.port),
            ChargepointSetup(name="barn", profile="futurehome", serial="FC-0004"),
        )
        async with barn:
            world.cars.points |= barn.points
            yield world
    finally:
        broker.stop()


async def test_a_search_finds_it(house: World) -> None:
    """By each name that people use: only the first 20 letters of a name count."""
    screen = house.screen
    await screen.begin_adding()
    await screen.wait_for_text(text("config.step.user.title"))
    await screen.open("config/integrations/dashboard")
    await screen.press("Add integration")
    for word in ("EVerest", "FIMP", "Futurehome", "charger", "EV charger", "chargepoint"):
        await expect(await screen.search(word)).to_be_visible()
    await expect(await screen.search("zigbee")).to_have_count(0)


async def test_adding_the_integration(house: World) -> None:
    screen, port = house.screen, str(house.broker.port)
    await screen.begin_adding()
    await screen.wait_for_text(text("config.step.user.title"))
    await screen.page.get_by_text(text("config.step.user.menu_options.broker"), exact=True).click()

    await screen.wait_for_text(text("config.step.broker.title"))
    for field, value in (
        ("Host", house.broker.host),
        ("Port", port),
        ("Username", USERNAME),
        ("Password", "mistyped"),
    ):
        await screen.fill(field, value)
    await screen.press("Submit")
    await screen.wait_for_text(part_of("config.error.invalid_auth"))
    await screen.fill("Password", PASSWORD)
    await screen.press("Submit")
    await screen.wait_for_text(part_of("config.progress.search"))

    await screen.wait_for_text(text("config.step.found.title"))
    for name in FOUND:
        await screen.wait_for_text(f"{name}: No car connected")
    await screen.fill("Fixed price", "1.5")
    await screen.press("Finish")
    await screen.wait_for_text("Name and assign")
    # One for each charge point, and one for the broker.
    names = screen.page.get_by_role("textbox", name="Device name")
    await expect(names).to_have_count(len(FOUND) + 1)
    # Nothing is left to wait for.
    states = await house.home.states()
    assert "sensor.acme_wallbox_session_cost" in states
    await screen.press("Skip and finish")

    entries = screen.page.locator("ha-config-entry-row")
    await expect(entries).to_have_count(1)
    for name in FOUND:
        device = screen.page.locator("ha-config-entry-device-row", has_text=name)
        await expect(device).to_be_visible()
    [entry] = await house.home.get("config/config_entries/entry?domain=fimp_chargepoint")
    assert (entry["state"], entry["title"]) == ("loaded", house.broker.host)


async def test_a_device_shows_what_it_is_and_does(house: World) -> None:
    screen, garage = house.screen, house.cars.points["garage"]
    await screen.open_device("Acme Wallbox")
    info = screen.page.locator("ha-device-info-card")
    for fact in ("Acme Wallbox", "by Acme", "Firmware: 2.3.4", garage.serial):
        await expect(info).to_contain_text(fact)
    cards = screen.page.locator("ha-device-entities-card")
    status = cards.locator("hui-sensor-entity-row").filter(has_text="Status").first
    await expect(status).to_contain_text("No car connected")
    await garage.plug()
    await expect(status).to_contain_text("Ready to charge")
    await expect(screen.page.locator("ha-logbook")).to_contain_text("Plugged in")
    await garage.unplug()


async def test_a_charge_point_is_discovered(house: World) -> None:
    """One on Home Assistant's own broker needs no form, only a click."""
    screen = house.screen
    await screen.open("config/integrations/dashboard")
    await house.cars.points["barn"].plug()
    card = screen.page.locator("ha-config-flow-card")
    await expect(card).to_contain_text(INTEGRATION)
    await card.get_by_role("button", name="Add").click()
    await screen.wait_for_text(text("config.step.confirm.title"))
    await screen.wait_for_text(part_of("config.step.confirm.description"))
    await screen.press("Submit")
    await screen.wait_for_text("Name and assign")
    await screen.press("Skip and finish")

    await screen.open_integration()
    device = screen.page.locator("ha-config-entry-device-row", has_text=DISCOVERED)
    await expect(device).to_be_visible()


async def test_adding_a_blue_current_account(house: World) -> None:
    screen = house.screen
    await screen.begin_adding()
    choice = text("config.step.user.menu_options.blue_current")
    await screen.page.get_by_text(choice, exact=True).click()
    await screen.wait_for_text(text("config.step.blue_current.title"))
    portal = screen.page.get_by_role("link", name="driver portal")
    await expect(portal).to_have_attribute("href", "https://my.bluecurrent.nl")
    await screen.fill("API token", "mistyped")
    await screen.press("Submit")
    await screen.wait_for_text(text("config.error.invalid_api_token"))
    await screen.fill("API token", API_TOKEN)
    await screen.press("Submit")
    await screen.wait_for_text(text("config.step.account.title"))
    await screen.fill("Fixed price", "1.5")
    await screen.press("Finish")
    await screen.wait_for_text("Name and assign")
    await screen.press("Skip and finish")

    await screen.open_integration()
    row = screen.page.locator("ha-config-entry-row", has_text="user@example.com")
    await expect(row).to_be_visible()
    await screen.open_device("Courtyard")
    info = screen.page.locator("ha-device-info-card")
    for fact in ("U:MOVE22", "by Blue Current", "BCU100001"):
        await expect(info).to_contain_text(fact)
    courtyard = house.cars.points["courtyard"]
    cards = screen.page.locator("ha-device-entities-card")
    status = cards.locator("hui-sensor-entity-row").filter(has_text="Status").first
    await expect(status).to_contain_text("No car connected")
    await courtyard.plug()
    await expect(status).to_contain_text("Ready to charge")
    await courtyard.unplug()
