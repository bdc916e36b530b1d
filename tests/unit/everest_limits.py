"""Limits as EVerest publishes and accepts them."""

from collections.abc import Coroutine
from typing import Any

from custom_components.fimp_chargepoint.chargepoint.everest.limits import SOURCE
from custom_components.fimp_chargepoint.chargepoint.model import Feature

from .everest_site import Site

FUSE = "grid/module_config"
OURS = f"api_sink/{SOURCE}"
HARDWARE: dict[str, Any] = {
    "connector_type": "IEC62196Type2Cable",
    "max_current_A_import": 32.0,
    "max_phase_count_import": 3,
    "min_current_A_import": 6.0,
    "min_phase_count_import": 1,
    "supports_changing_phases_during_charging": True,
}


def holding(
    current: Any = None, source: Any = FUSE, phases: Any = 3, phases_source: Any = FUSE
) -> dict[str, Any]:
    """Return `enforced_limits` with a current, and how many phases."""
    root = {}
    if current is not None:
        root["ac_max_current_A"] = {"value": current, "source": source}
    if phases is not None:
        root["ac_max_phase_count"] = {"value": phases, "source": phases_source}
    return {"uuid": "connector_1", "valid_for": 10, "limits_root_side": root, "schedule": []}


def given(
    current: float, source: str = OURS, phases: int = 3, *, nominal: float = 230.0
) -> dict[str, Any]:
    """Return `enforced_limits` if anybody limits the power: it holds the power that is given."""
    value = holding(current, source, phases, FUSE)
    power = {"value": current * phases * nominal, "source": source}
    value["limits_root_side"]["total_power_W"] = power
    return value


def limit_power(site: Site, watts: float) -> Coroutine[Any, Any, None]:
    """Return the command that limits the power."""
    return site.node().set(Feature.MAX_POWER, watts)


def limit(site: Site, ampere: float) -> Coroutine[Any, Any, None]:
    """Return the command that limits the current."""
    return site.node().set(Feature.MAX_CURRENT, ampere)


def split(site: Site, phases: str) -> Coroutine[Any, Any, None]:
    """Return the command that sets the number of phases."""
    return site.node().set(Feature.PHASES, phases)


def ordered(site: Site) -> list[dict[str, Any]]:
    """Return the limits that were asked for, oldest first."""
    return [
        {name: limit["value"] for name, limit in entry["limits_to_leaves"].items()}
        for message in site.asked("set_external_limits")
        for entry in message["schedule_import"]
    ]
