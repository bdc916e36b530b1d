"""Home Assistant in the Chromium browser of the system."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
import os
import shutil

from playwright.async_api import Page, async_playwright

from .home import PASSWORD, USER, Home, HomeError

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
_ARGUMENTS = (
    # The sandbox does not work as root.
    *(["--no-sandbox"] if os.geteuid() == 0 else []),
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def chromium() -> str | None:
    """Return the path of Chromium, None if it is not installed."""
    return next(filter(None, map(shutil.which, _PROGRAMS)), None)


@asynccontextmanager
async def open_page(
    *, width: int = 1280, height: int = 1000, scale: float = 1
) -> AsyncIterator[Page]:
    """Open an empty page in a new profile; `scale` is the number of pixels per CSS pixel.

    Raises:
        HomeError: Chromium is not installed.

    """
    program = chromium()
    if program is None:
        raise HomeError(f"none of {', '.join(_PROGRAMS)} is installed")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=_ARGUMENTS)
        try:
            context = await browser.new_context(
                viewport={"width": width, "height": height},
                device_scale_factor=scale,
                locale="en-GB",
                timezone_id="Europe/Oslo",
            )
            yield await context.new_page()
        finally:
            await browser.close()


async def log_in(page: Page, home: Home) -> None:
    """Log in with the login form; returns when Home Assistant is shown."""
    await page.goto(home.url)
    await page.get_by_label("Username").fill(USER)
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await page.get_by_role("button", name="Log in").click()
    await page.locator("home-assistant-main").wait_for()
