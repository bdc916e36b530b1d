"""Home Assistant's frontend, as a user operates it."""

import asyncio
from collections.abc import Callable
import re

from playwright.async_api import Locator, Page, expect

from .dashboard import URL_PATH
from .home import Home

#: Timeout for each expectation; a browser on a busy machine is slow.
PATIENCE_MS = 60_000

#: The name of the integration in all dialogs.
INTEGRATION = "EV Charger EVerest/Futurehome"


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition outside the browser."""
    async with asyncio.timeout(PATIENCE_MS / 1000):
        while not condition():
            await asyncio.sleep(0.05)


#: The texts on the page that end in an ellipsis, also those inside of components.
_CUT_OFF = """() => {
  const found = new Set();
  const look = (root) => root.querySelectorAll("*").forEach((element) => {
    if (element.shadowRoot) look(element.shadowRoot);
    const isCut = element.clientWidth > 0 && element.scrollWidth > element.clientWidth + 1;
    if (isCut && getComputedStyle(element).textOverflow === "ellipsis") {
      const text = (element.innerText || "").trim();
      if (text) found.add(text);
    }
  });
  look(document);
  return [...found];
}"""


class Screen:
    """The page in the browser and its controls."""

    def __init__(self, page: Page, home: Home) -> None:
        """Show `home` in `page`."""
        self.page = page
        self._home = home

    async def open(self, path: str) -> None:
        """Open a page of Home Assistant."""
        await self.page.goto(f"{self._home.url}/{path}")

    async def open_integration(self) -> None:
        """Open Settings > Devices & services > this integration."""
        await self.open("config/integrations/integration/fimp_chargepoint")
        await expect(self.page.get_by_text(INTEGRATION).first).to_be_visible()

    async def open_device(self, name: str) -> None:
        """Open the page of a device of this integration."""
        await self.open_integration()
        await self.page.locator("ha-config-entry-device-row", has_text=name).click()
        await expect(self.page.locator("ha-config-device-page")).to_contain_text(name)

    async def begin_adding(self, search: str = "EV charger") -> None:
        """Open Settings > Devices & services > Add integration, and select this one."""
        await self.open("config/integrations/dashboard")
        await self.press("Add integration")
        await (await self.search(search)).click()

    async def search(self, word: str) -> Locator:
        """Search the open list of brands; return the position of this integration."""
        await self.page.get_by_placeholder("Search for a brand name").fill(word)
        return self.page.locator("ha-integration-list-item", has_text=INTEGRATION)

    async def resize(self, width: int, height: int) -> None:
        """Resize the window."""
        await self.page.set_viewport_size({"width": width, "height": height})

    async def cut_off(self) -> list[str]:
        """Return the texts on the page that do not fit."""
        return list(await self.page.evaluate(_CUT_OFF))

    async def press(self, name: str) -> None:
        """Press a button by its label."""
        await self.page.get_by_role("button", name=name, exact=True).click()

    async def fill(self, name: str, value: str) -> None:
        """Fill in a field by its label."""
        text = self.page.get_by_role("textbox", name=name)
        await text.or_(self.page.get_by_role("spinbutton", name=name)).fill(value)

    async def choose(self, name: str) -> None:
        """Select an item of the open menu."""
        await self.page.get_by_role("menuitem", name=name, exact=True).click()

    async def wait_for_text(self, text: str | re.Pattern[str]) -> None:
        """Wait until a text is visible anywhere."""
        await expect(self.page.get_by_text(text).first).to_be_visible()

    async def toasts(self, text: str) -> None:
        """Wait for a notification that contains `text`."""
        await expect(self.page.locator("ha-toast .message")).to_contain_text(text)

    async def open_dashboard(self) -> None:
        """Open the dashboard of the docs."""
        await self.open(URL_PATH)

    def section(self, heading: str) -> Locator:
        """Return the section of a charge point on the dashboard."""
        return self.page.locator("hui-grid-section").filter(
            has=self.page.locator("hui-heading-card", has_text=heading)
        )

    def tile(self, heading: str, name: str) -> Locator:
        """Return a tile of a charge point on the dashboard."""
        primary = self.page.locator("[slot=primary]").get_by_text(name, exact=True)
        return self.section(heading).locator("hui-tile-card").filter(has=primary)

    def switch(self, heading: str, name: str) -> Locator:
        """Return the switch of a tile."""
        return self.tile(heading, name).get_by_role("switch")
