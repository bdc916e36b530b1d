"""The scan for charge points on a broker that is being set up."""

import asyncio
from collections.abc import Collection
from contextlib import suppress
from typing import NamedTuple

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers.translation import async_get_translations
from homeassistant.util.hass_dict import HassKey

from ..chargepoint import Hub, HubEvent, reaches_any
from ..chargepoint.model import ChargepointSnapshot, Status
from ..const import DOMAIN
from ..devices import async_display_name

#: Seconds to look for charge points; most heartbeats come within five.
SEARCH_SECONDS = 6.0
#: Seconds to wait for our own message to come back.
ECHO_SECONDS = 3.0
#: Seconds in which a new entry finds again what the scan has found.
READY_SECONDS = 8.0

#: The addresses of what was found for entries that are being created, by unique id.
_FOUND: HassKey[dict[str, Collection[str]]] = HassKey(f"{DOMAIN}_found")


class DiscoveryScan(NamedTuple):
    """The result of a scan for charge points."""

    found: list[ChargepointSnapshot]
    #: Their addresses, and those of everything beside them.
    addresses: frozenset[str]
    delivers: bool

    @property
    def next_step(self) -> str:
        """The page that explains it."""
        if self.found:
            return "found"
        return "nothing_found" if self.delivers else "nothing_delivered"


async def async_search(hub: Hub, prefixes: list[str]) -> DiscoveryScan:
    """Look for charge points on a connected hub, and stop it."""
    try:
        await asyncio.sleep(SEARCH_SECONDS)
        snapshots = [node.snapshot for node in hub.nodes.values()]
        found = [each for each in snapshots if isinstance(each, ChargepointSnapshot)]
        addresses = frozenset(hub.nodes)
        # If nothing is found, access rules may block all messages.
        delivers = bool(found) or all(
            [await reaches_any(hub, prefix, [hub], ECHO_SECONDS) for prefix in prefixes]
        )
    finally:
        await hub.stop()
    return DiscoveryScan(found, addresses, delivers)


async def async_describe(hass: HomeAssistant, found: ChargepointSnapshot) -> str:
    """Return what a charge point is called and what it does: `Garage: Charging (11 kW)`."""
    name = await async_display_name(hass, found.identity)
    if found.status is None:
        return name
    texts = await async_get_translations(hass, hass.config.language, "entity", {DOMAIN})
    status = texts[f"component.{DOMAIN}.entity.sensor.status.state.{found.status}"]
    power = found.meter.power
    if found.status is not Status.CHARGING or power is None:
        return f"{name}: {status}"
    return f"{name}: {status} ({power / 1000:.2g} kW)"


def remember_found(hass: HomeAssistant, unique_id: str, addresses: Collection[str]) -> None:
    """Remember what was found, for the set-up of a new entry."""
    hass.data.setdefault(_FOUND, {})[unique_id] = addresses


async def async_until_found(hass: HomeAssistant, entry: ConfigEntry, hub: Hub) -> None:
    """Wait until a new entry has found again what the scan has found.

    The user is asked for the names and areas of its devices as soon as it is set up.
    """
    missing = set(hass.data.get(_FOUND, {}).pop(entry.unique_id or "", ()))
    complete = asyncio.Event()

    def look(_: HubEvent | None = None) -> None:
        if missing <= hub.nodes.keys():
            complete.set()

    stop = hub.add_listener(look)
    look()
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(READY_SECONDS):
                await complete.wait()
    finally:
        stop()
