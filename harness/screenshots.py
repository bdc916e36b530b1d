"""Take the screenshots for the docs: set up and use the demo in a browser."""

import argparse
import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
import io
from pathlib import Path
import sys
from tempfile import TemporaryDirectory
from typing import Any

from PIL import Image
from playwright.async_api import expect

from simulators.mqtt import Broker

from .broker import HOST, embedded_broker, free_port
from .browser import log_in, open_page
from .charge_points import API_TOKEN, PRICE, Cars, charge_points
from .check import until_present
from .dashboard import generated, make_dashboard, write_dashboard
from .home import Home, HomeError, running_home
from .screen import PATIENCE_MS, Screen

FOLDER = Path(__file__).parents[1] / "docs" / "images"


def _of(entity_id: str, **data: Any) -> dict[str, Any]:
    return {"entity_id": entity_id} | data


#: Enough for a good picture at a quarter of the file size.
_COLORS = 128
_SCALE = 1.5
#: Measurements may never stop changing.
_TRIES = 8
#: Hours of history to show: the duration of the scene.
_HOURS = 0.05
#: Seconds to wait, then either an action with its data, or a charge point and its command.
_SCENE: tuple[tuple[float, str, str | dict[str, Any]], ...] = (
    (0, "garage", "plug"),
    (0, "carport", "plug"),
    (5, "select.select_option", _of("select.acme_wallbox_charging_mode", option="normal")),
    (0, "switch.turn_on", _of("switch.acme_wallbox")),
    (25, "garage", "unplug"),
    (0, "carport", "unplug"),
    (12, "garage", "plug"),
    (3, "switch.turn_on", _of("switch.acme_wallbox")),
    (10, "carport", "plug"),
    (25, "carport", "car_pause"),
    (10, "number.set_value", _of("number.acme_wallbox_maximum_current", value=16)),
    (15, "carport", "car_resume"),
    (25, "driveway", "plug"),
    (10, "", ""),
)
#: kWh per day before today, newest last.
_DAYS = (18.2, 0, 22.4, 9.1, 0, 31.0, 12.7, 16.3, 0, 8.8, 24.9, 0, 19.5, 27.1)


async def take() -> None:
    """Take all screenshots."""
    FOLDER.mkdir(exist_ok=True)
    expect.set_options(timeout=PATIENCE_MS)
    async with AsyncExitStack() as stack:
        broker = Broker(HOST, await stack.enter_async_context(embedded_broker()))
        cars = await stack.enter_async_context(charge_points(broker))
        folder = stack.enter_context(TemporaryDirectory())
        home = await stack.enter_async_context(
            running_home(Path(folder), free_port(), blue_current=cars.blue_current)
        )
        page = await stack.enter_async_context(open_page(scale=_SCALE))
        page.set_default_timeout(PATIENCE_MS)
        await log_in(page, home)
        screen = Screen(page, home)
        await _add(screen, broker)
        await home.add_account(API_TOKEN)
        await home.set_options(costs={"fixed_price": PRICE})
        await until_present(home)
        await _fill_statistics(home)
        await _play(home, cars)
        # By now, everything has been reported that the dashboard has a card for.
        write_dashboard(await generated(home))
        await make_dashboard(home, hours=_HOURS)
        await _show(screen)


async def _add(screen: Screen, broker: Broker) -> None:
    """Add the integration."""
    await screen.resize(900, 640)
    await screen.begin_adding()
    await screen.page.get_by_text("An MQTT broker by its address", exact=True).click()
    await screen.fill("Host", broker.host)
    await screen.fill("Port", str(broker.port))
    await screen.press("Submit")
    await screen.wait_for_text("Charge points found")
    await _shoot(screen, "found")
    await screen.press("Finish")
    await screen.press("Skip and finish")


async def _fill_statistics(home: Home) -> None:
    """Add statistics of the past days, with charging on most evenings."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    for slug, share in (("acme_wallbox", 1.0), ("everest_carport", 0.6)):
        entity_id = f"sensor.{slug}_lifetime_energy"
        while (now := (await home.states())[entity_id]["state"]) in ("unknown", "unavailable"):
            await asyncio.sleep(0.1)
        first = float(now) - sum(_DAYS) * share
        total, stats = 0.0, []
        for ago, energy in zip(range(len(_DAYS), 0, -1), _DAYS, strict=True):
            for hour, part in ((17, 0.0), (18, 0.6), (19, 0.4)):
                total += energy * share * part
                start = today - timedelta(days=ago) + timedelta(hours=hour)
                stats.append({"start": start.isoformat(), "state": first + total, "sum": total})
        metadata = {
            "has_sum": True,
            "mean_type": 0,
            "name": None,
            "source": "recorder",
            "statistic_id": entity_id,
            "unit_class": "energy",
            "unit_of_measurement": "kWh",
        }
        await home.commands(
            {"type": "recorder/import_statistics", "metadata": metadata, "stats": stats}
        )


async def _play(home: Home, cars: Cars) -> None:
    """Play the scene."""
    for seconds, name, command in _SCENE:
        await asyncio.sleep(seconds)
        match command:
            case dict():
                await home.call(name, **command)
            case str() if name:
                await cars.do(name, command)


async def _show(screen: Screen) -> None:
    """Take the screenshots of the pages."""
    await screen.resize(1400, 1510)
    await screen.open_dashboard()
    await _shoot(screen, "dashboard")
    await screen.resize(390, 844)
    await _shoot(screen, "phone")
    await screen.resize(1280, 1040)
    await screen.open_device("Acme Wallbox")
    await _shoot(screen, "device")


async def _shoot(screen: Screen, name: str) -> None:
    """Save a screenshot as soon as the page no longer changes."""
    picture = b""
    for _ in range(_TRIES):
        before, picture = picture, await screen.page.screenshot(animations="disabled")
        if picture == before:
            break
        await asyncio.sleep(1)
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    path = FOLDER / f"{name}.png"
    image.quantize(_COLORS).save(path, optimize=True)
    print(f"{path.relative_to(Path.cwd())}: {path.stat().st_size / 1000:.0f} kB", file=sys.stderr)


def main() -> int:
    """Take the screenshots; returns the exit code."""
    parser = argparse.ArgumentParser(prog="scripts/screenshots", description=__doc__)
    parser.parse_args()
    try:
        asyncio.run(take())
    except HomeError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
