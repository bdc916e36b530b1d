"""Diagnostics downloads, as the user gets them and as `scripts/replay` plays them."""

from http import HTTPStatus
from pathlib import Path

from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from .replaying import states


async def download(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    entry: MockConfigEntry,
    device: dr.DeviceEntry | None = None,
) -> str:
    """Return the text of the diagnostics of an entry, or of a device of it."""
    assert await async_setup_component(hass, "diagnostics", {})
    await hass.async_block_till_done()
    url = f"/api/diagnostics/config_entry/{entry.entry_id}"
    if device is not None:
        url += f"/device/{device.id}"
    response = await (await hass_client()).get(url)
    assert response.status == HTTPStatus.OK
    return await response.text()


async def played(text: str, folder: Path) -> dict[str, str]:
    """Return the states that `scripts/replay` prints for a download."""
    path = folder / "download.json"
    path.write_text(text)
    return {key: each["state"] for key, each in (await states(path)).items()}
