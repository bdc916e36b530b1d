"""Temporary limits, set and watched."""

from datetime import timedelta
from typing import Any

from homeassistant.core import HomeAssistant

from custom_components.fimp_chargepoint.const import DATA_CLOCK, DOMAIN
from custom_components.fimp_chargepoint.coordinator import FimpConfigEntry

from .conftest import Chargepoint
from .house import QuickClock

SESSION = "cmd.current_session.set_current"


async def limit(chargepoint: Chargepoint, current: float, **duration: float) -> dict[str, Any]:
    """Limit the current, and return the answer."""
    data: dict[str, Any] = {"current": current}
    if duration:
        data["duration"] = duration
    answer = await chargepoint.hass.services.async_call(
        DOMAIN,
        "set_current_limit",
        data,
        blocking=True,
        return_response=True,
        target={"device_id": chargepoint.registered("switch", "charging").device_id},
    )
    (response,) = answer["charge_points"]
    return response


def sent(chargepoint: Chargepoint, kind: str) -> list[float]:
    """Return the limits that were sent."""
    return [message["val"] for message in chargepoint.sent(kind)]


def stored(hass_storage: dict[str, Any], found: Chargepoint) -> dict[str, Any]:
    """Return the requests that are stored of the only charge point."""
    file = hass_storage.get(f"{DOMAIN}.{found.entry.entry_id}.state", {"data": {}})
    (record,) = file["data"].get("charge_points", {}).values() or ({},)
    return dict(record)


def stored_limits(hass_storage: dict[str, Any], found: Chargepoint) -> dict[str, Any]:
    """Return the temporary limits that are stored of a charge point, by feature."""
    limits: dict[str, Any] = stored(hass_storage, found).get("temporary_limits", {})
    return limits


async def later(hass: HomeAssistant, **delta: float) -> None:
    """Let the clock show some time after the start of the test, and what is due happen."""
    clock = hass.data[DATA_CLOCK]
    assert isinstance(clock, QuickClock)
    clock.ahead = timedelta(**delta).total_seconds()
    entry: FimpConfigEntry
    for entry in hass.config_entries.async_loaded_entries(DOMAIN):
        entry.runtime_data.hub.scheduler.rearm()
    await hass.async_block_till_done()
