"""After the first day: options, a download for a bug report, other credentials."""

from pathlib import Path

from playwright.async_api import expect
import pytest

from harness.screen import until
from simulators.recording import read
from tests.broker import PASSWORD, USERNAME
from tests.helpers.texts import part_of, text

from .conftest import World

pytestmark = [
    pytest.mark.all,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(300),
    pytest.mark.parametrize("python", ["oldest"], indirect=True, scope="module"),
]

#: The log entries when the broker refuses the connection, as this test makes it do.
EXPECTED = ("could not authenticate",)
NEW_PASSWORD = "plug-in-8"
INTERVAL = text("options.step.init.sections.measurements.data.measurement_interval")


def questions(world: World) -> int:
    """Return how often the adapter of the wallbox was asked what it has."""
    adapter = world.cars.points["garage"].adapter
    return sum("cmd.network.get_all_nodes" in payload for _, payload in adapter.received)


async def test_options_are_saved_and_used(charging_world: World) -> None:
    """Saving them reloads the integration, which then requests everything again."""
    screen, asked = charging_world.screen, questions(charging_world)
    await screen.open_integration()
    await screen.press("Configure")
    await screen.wait_for_text(text("options.step.init.sections.measurements.name"))
    await screen.fill(INTERVAL, "7")
    await screen.press("Submit")
    await screen.wait_for_text("Options successfully saved.")
    await screen.press("Finish")
    await until(lambda: questions(charging_world) > asked)

    await screen.open_integration()
    await screen.press("Configure")
    await expect(screen.page.get_by_role("spinbutton", name=INTERVAL)).to_have_value("7")


async def test_diagnostics_are_downloaded(charging_world: World, tmp_path: Path) -> None:
    screen = charging_world.screen
    await screen.open_integration()
    entry = screen.page.locator("ha-config-entry-row")
    await entry.get_by_role("button", name="Menu").first.click()
    async with screen.page.expect_download() as download:
        await screen.choose("Download diagnostics")
    file = tmp_path / "diagnostics.json"
    await (await download.value).save_as(file)
    text = file.read_text(encoding="utf-8")
    assert read(file).lines
    for secret in (USERNAME, PASSWORD, "WB-0001"):
        assert secret not in text


async def test_other_credentials_are_asked_for(charging_world: World) -> None:
    screen, broker = charging_world.screen, charging_world.broker
    broker.stop()
    broker.start(password=NEW_PASSWORD)
    await screen.open_integration()
    entry = screen.page.locator("ha-config-entry-row")
    await entry.get_by_role("button", name="Menu").first.click()
    await screen.choose("Reload")
    await screen.wait_for_text(part_of("exceptions.invalid_auth.message"))
    # Other logs of the frontend are gone with the page.
    await screen.open_integration()
    await screen.press("Reconfigure")
    await screen.wait_for_text(part_of("config.step.reauth_confirm.description"))
    await screen.fill("Password", NEW_PASSWORD)
    await screen.press("Submit")
    await screen.wait_for_text("Re-authentication was successful")

    await screen.open_dashboard()
    await charging_world.cars.do("garage", "plug")
    await expect(screen.tile("Acme Wallbox", "Status")).to_contain_text("Ready to charge")
