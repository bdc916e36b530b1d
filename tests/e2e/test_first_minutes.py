"""The first minutes of a new owner: from *Add integration* to a charging car."""

import time

from playwright.async_api import Locator, expect
import pytest

from harness.charge_points import API_TOKEN
from harness.screen import Screen
from tests.broker import PASSWORD, USERNAME
from tests.helpers.texts import text

from .conftest import World

pytestmark = [
    pytest.mark.all,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(600),  # a venv may have to be made
]

#: What Home Assistant itself logs for every platform when its language is changed.
EXPECTED = ("Failed to load integration for translation",)
WALLBOX, CARPORT, COURTYARD = "Acme Wallbox", "EVerest carport", "Courtyard"
SIZES = ((1280, 1500), (390, 1800))


class Effort:
    """Counts the steps of a user, and how long everything takes."""

    def __init__(self, screen: Screen) -> None:
        """Start the clock."""
        self._screen = screen
        self._since = time.monotonic()
        self.clicks = self.fields = 0

    async def click(self, where: Locator) -> None:
        await where.click()
        self.clicks += 1

    async def press(self, name: str) -> None:
        await self.click(self._screen.page.get_by_role("button", name=name, exact=True))

    async def fill(self, name: str, value: str) -> None:
        await self._screen.fill(name, value)
        self.fields += 1

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._since


async def test_from_adding_to_a_charging_car(world: World) -> None:
    screen, garage = world.screen, world.cars.points["garage"]
    await garage.plug()
    await screen.open("config/integrations/dashboard")
    await expect(screen.page.get_by_role("button", name="Add integration")).to_be_visible()
    effort = Effort(screen)
    await effort.press("Add integration")
    found = await screen.search("charger")
    effort.fields += 1
    await effort.click(found)
    menu = "config.step.user.menu_options"
    await effort.click(screen.page.get_by_text(text(f"{menu}.broker"), exact=True))
    # There is no MQTT integration, so its broker was not offered.
    await expect(screen.page.get_by_text(text(f"{menu}.home_assistant"))).to_have_count(0)
    await screen.wait_for_text(text("config.step.broker.title"))
    await screen.wait_for_text("Futurehome hub")
    for field, value in (
        ("Host", world.broker.host),
        ("Port", str(world.broker.port)),
        ("Username", USERNAME),
        ("Password", PASSWORD),
    ):
        await effort.fill(field, value)
    await effort.press("Submit")
    await screen.wait_for_text(f"{WALLBOX}: Ready to charge")
    await effort.press("Finish")
    # The page gets the devices half a second apart, and shows the device if there is only one.
    await expect(screen.page.locator("step-flow-create-entry .device").nth(1)).to_be_visible()
    await effort.press("Skip and finish")
    await effort.click(screen.page.locator("ha-config-entry-device-row", has_text=WALLBOX))
    # It is complete: no page without entities.
    cards = screen.page.locator("ha-device-entities-card")
    await effort.click(cards.locator("ha-entity-toggle").first)
    status = cards.locator("hui-sensor-entity-row").filter(has_text="Status").first
    await expect(status).to_contain_text("Charging")
    assert garage.connector.power > 1000
    print(  # noqa: T201
        f"{effort.clicks} clicks, {effort.fields} fields and {effort.seconds:.1f} s"
        " from Add integration to a charging car"
    )
    assert effort.clicks <= 8
    assert effort.fields <= 5
    assert effort.seconds < 60
    reason = cards.locator("hui-sensor-entity-row").filter(has_text="Reason not charging")
    await expect(reason).to_contain_text("None")
    await expect(screen.page.locator("ha-logbook")).to_contain_text("Charging")
    for follower in ("Control pilot state", "Session start"):
        await expect(screen.page.locator("ha-logbook")).not_to_contain_text(follower)


async def test_nothing_is_cut_off(world: World) -> None:
    """In English and in German, which has the longest words, on a screen and on a phone."""
    await world.home.add_account(API_TOKEN)
    try:
        await _expect_nothing_cut_off(world, "MQTT broker", "Reason not charging", "Last session")
        language = {"language": "de", "number_format": "language", "time_format": "language"}
        await world.home.commands(
            {"type": "config/core/update", "language": "de"},
            {"type": "frontend/set_user_data", "key": "language", "value": language},
        )
        for entry in await world.home.get("config/config_entries/entry?domain=fimp_chargepoint"):
            await world.home.post(f"config/config_entries/entry/{entry['entry_id']}/reload", {})
        await _expect_nothing_cut_off(world, "MQTT-Broker", "Ladehindernis", "Zuletzt geladen")
    finally:
        await world.screen.resize(1280, 1000)


async def _expect_nothing_cut_off(world: World, broker: str, *names: str) -> None:
    """Look at the devices; wait until they have `names` in the expected language."""
    screen = world.screen
    for width, height in SIZES:
        await screen.resize(width, height)
        await screen.open("config/integrations/integration/fimp_chargepoint")
        rows = screen.page.locator("ha-config-entry-device-row")
        await expect(rows.filter(has_text=broker)).to_be_visible()
        for device in (WALLBOX, CARPORT, COURTYARD):
            await screen.open("config/integrations/integration/fimp_chargepoint")
            await expect(rows.filter(has_text=device)).to_be_visible()
            assert await screen.cut_off() == []
            await rows.filter(has_text=device).click()
            cards = screen.page.locator("ha-device-entities-card")
            for name in names:
                await expect(cards.filter(has_text=name)).to_be_visible()
            assert await screen.cut_off() == []
