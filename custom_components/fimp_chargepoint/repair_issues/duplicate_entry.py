"""Two entries that receive the same messages: each charge point would be there twice.

Names and addresses do not tell, since a broker can have many. So the flow asks the entries
that are loaded. Access rules may keep them from hearing that, and an entry may not have been
loaded then; the messages they have in common tell later.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.event import async_call_later, async_track_time_interval

from ..chargepoint.echo import have_common_messages, is_heard
from ..chargepoint.hub import Hub
from ..const import CONF_PREFIXES, DOMAIN
from ..coordinator import FimpConfigEntry

#: Seconds within which another entry hears what we say, where it can.
HEARING_SECONDS = 1.0
#: When it is looked first, since what an entry asks when it is loaded is answered soon, and
#: how often from then on.
_FIRST = timedelta(minutes=1)
_OFTEN = timedelta(minutes=10)


async def async_is_heard_elsewhere(
    hass: HomeAssistant, hub: Hub, prefixes: Sequence[str], entry_id: str | None
) -> bool:
    """Return whether an entry, other than the one with `entry_id`, hears what `hub` says."""
    others = [
        each.runtime_data.hub
        for each in hass.config_entries.async_loaded_entries(DOMAIN)
        if each.entry_id != entry_id
    ]
    if not others:
        return False
    return any(
        await asyncio.gather(
            *(is_heard(hub, prefix, others, HEARING_SECONDS) for prefix in prefixes)
        )
    )


@callback
def async_watch_for_duplicates(hass: HomeAssistant, entry: FimpConfigEntry) -> None:
    """Tell of every other entry that receives the same messages as this one."""

    async def look(_: datetime) -> None:
        for other in hass.config_entries.async_entries(DOMAIN):
            if other is not entry and await _async_are_duplicates(entry, other):
                _report(hass, entry, other)

    @callback
    def forget() -> None:
        for other in hass.config_entries.async_entries(DOMAIN):
            ir.async_delete_issue(hass, DOMAIN, _issue_id(entry, other))

    entry.async_on_unload(async_call_later(hass, _FIRST, look))
    entry.async_on_unload(async_track_time_interval(hass, look, _OFTEN))
    entry.async_on_unload(forget)


async def _async_are_duplicates(entry: FimpConfigEntry, other: FimpConfigEntry) -> bool:
    """Whether both are loaded and receive the same messages."""
    if not _are_loaded(entry, other):
        return False
    one, two = entry.runtime_data.hub, other.runtime_data.hub
    found = have_common_messages(one, two) or any(
        [
            await is_heard(one, prefix, [two], HEARING_SECONDS)
            for prefix in entry.data[CONF_PREFIXES]
        ]
    )
    # They may have been unloaded meanwhile.
    return found and _are_loaded(entry, other)


def _are_loaded(*entries: FimpConfigEntry) -> bool:
    return all(each.state is ConfigEntryState.LOADED for each in entries)


@callback
def _report(hass: HomeAssistant, entry: FimpConfigEntry, other: FimpConfigEntry) -> None:
    one, two = sorted((entry.title, other.title))
    ir.async_create_issue(
        hass,
        DOMAIN,
        _issue_id(entry, other),
        is_fixable=False,
        severity=ir.IssueSeverity.WARNING,
        translation_key="duplicate_entry",
        translation_placeholders={"one": one, "two": two},
    )


def _issue_id(entry: FimpConfigEntry, other: FimpConfigEntry) -> str:
    return "_".join(("duplicate_entry", *sorted((entry.entry_id, other.entry_id))))
