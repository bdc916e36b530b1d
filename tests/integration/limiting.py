"""Limits for a while, set and watched."""

from datetime import timedelta
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.fimp_chargepoint.const import DOMAIN

from .conftest import Chargepoint

STORE = f"{DOMAIN}.temporary_limits"
SESSION = "cmd.current_session.set_current"


async def limit(chargepoint: Chargepoint, current: float, **duration: float) -> dict[str, Any]:
    """Limit the current, and return what is said of it."""
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
    (said,) = answer["charge_points"]
    return said


def sent(chargepoint: Chargepoint, kind: str) -> list[float]:
    """Return the limits that were sent."""
    return [each["val"] for each in chargepoint.sent(kind)]


async def later(hass: HomeAssistant, **delta: float) -> None:
    """Let everything happen that is due in some time from now."""
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(**delta))
    await hass.async_block_till_done()
