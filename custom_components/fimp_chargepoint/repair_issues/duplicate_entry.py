"""Two entries that receive the same messages: each charge point would appear twice.

Names and addresses do not prove it, since a broker can have many. So the config flow sends a probe
to the entries that are loaded. Access rules may block the probe, and an entry may not be loaded at
that time; the messages that two entries have in common prove it later.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant

from ..chargepoint import Hub, reaches_any, share_messages
from ..const import CONF_PREFIXES, DOMAIN
from .watcher import EntryWatch, Finding, Findings, Memory

#: Seconds within which another entry receives a probe, if it can.
HEARING_SECONDS = 1.0
#: Seconds until an entry that was loaded is probed, since the replies to what it asked are
#: there by then, and between two probes.
_FIRST: Final = 60.0
_INTERVAL: Final = 600.0


async def async_is_heard_elsewhere(
    hass: HomeAssistant, hub: Hub, prefixes: Sequence[str], entry_id: str | None
) -> bool:
    """Return whether an entry other than that with `entry_id` receives what `hub` sends."""
    others = [
        entry.runtime_data.hub
        for entry in hass.config_entries.async_loaded_entries(DOMAIN)
        if entry.entry_id != entry_id and CONF_PREFIXES in entry.data
    ]
    if not others:
        return False
    return any(
        await asyncio.gather(
            *(reaches_any(hub, prefix, others, HEARING_SECONDS) for prefix in prefixes)
        )
    )


def find_duplicates(watch: EntryWatch) -> Findings:
    """Return each other entry that receives the same messages, and probe them if it is time."""
    memory, now = watch.memory, watch.now()
    entry = watch.entry
    if memory is None or CONF_PREFIXES not in entry.data:
        return {}
    loaded = watch.hass.config_entries.async_loaded_entries(DOMAIN)
    if memory.probe_at is None:
        memory.probe_at = memory.loaded_at + _FIRST
    if now >= memory.probe_at and len(loaded) > 1:
        memory.probe_at = now + _INTERVAL
        probe = _async_probe(watch, memory)
        entry.async_create_background_task(watch.hass, probe, f"{DOMAIN} probe")
    others = {other.entry_id: other for other in loaded if other is not entry}
    # One that was unloaded meanwhile may have been reconfigured.
    memory.duplicates &= others.keys()
    found = {}
    for other_id in memory.duplicates:
        one, two = sorted((entry.title, others[other_id].title))
        subject = "_".join(sorted((entry.entry_id, other_id)))
        found[subject] = Finding({"one": one, "two": two})
    return found


async def _async_probe(watch: EntryWatch, memory: Memory) -> None:
    """Note which of the loaded entries receive the same messages."""
    hub, prefixes = watch.entry.runtime_data.hub, watch.entry.data[CONF_PREFIXES]
    for other in watch.hass.config_entries.async_loaded_entries(DOMAIN):
        if other is watch.entry or CONF_PREFIXES not in other.data:
            continue
        there: Hub = other.runtime_data.hub
        found = share_messages(hub, there) or any(
            [await reaches_any(hub, prefix, [there], HEARING_SECONDS) for prefix in prefixes]
        )
        # It may have been unloaded meanwhile.
        if found and other.state is ConfigEntryState.LOADED and other.runtime_data.hub is there:
            memory.duplicates.add(other.entry_id)
    watch.look()
