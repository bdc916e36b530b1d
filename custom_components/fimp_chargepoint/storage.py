"""What is stored for a config entry, in two files: its state, and its history.

The state is small and written immediately: what was requested of each charge point. The history is
large and written rarely: the sessions, and when each charge point was last seen. No damage to the
files may prevent the integration from starting.
"""

from collections.abc import Callable, Iterable, Iterator
import logging
from math import inf
import os
from typing import Final, override

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.storage import Store
from homeassistant.util import dt as dt_util
from homeassistant.util.file import WriteError
from homeassistant.util.hass_dict import HassKey

from .chargepoint import lost
from .chargepoint.sessions import SessionTracker
from .const import DOMAIN

_LOGGER = logging.getLogger(__name__)

_VERSION: Final = 1
#: Seconds until a change of the state is written.
SAVE_SOON: Final = 1.0
#: Seconds until a file that could not be written is written again: the disk may be full.
_RETRY_AFTER: Final = 300.0
#: Maximum number of names in a message.
_NAMES_MAX: Final = 10

type Json = dict[str, object]

#: Where files were set aside in this run of Home Assistant, by their paths: the set-up of an entry
#: that fails afterwards must not hide it.
_SET_ASIDE: HassKey[dict[str, str]] = HassKey(f"{DOMAIN}_set_aside")
#: The files whose last content could not be written, by their paths. The next set-up of their entry
#: goes on with that content.
_UNWRITTEN: HassKey[dict[str, _Store]] = HassKey(f"{DOMAIN}_unwritten")


class Storage:
    """The stored data of one config entry: sections with one owner each."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry) -> None:
        """Prepare; `async_load` has to follow."""
        self.requests = Records("charge_points")
        #: Charge points that may be re-added ones, which was reported.
        self.readded = Records("readded")
        self.sessions = Records("sessions", SessionTracker.merged)
        self.last_seen = Records("last_seen")
        start = f"{DOMAIN}.{entry.entry_id}"
        self.state = _File(hass, f"{start}.state", self.requests, self.readded)
        self.history = _File(hass, f"{start}.history", self.sessions, self.last_seen)

    async def async_load(self) -> None:
        """Read both files."""
        for file in (self.state, self.history):
            await file.async_load()

    async def async_save(self) -> None:
        """Write what has changed."""
        for file in (self.state, self.history):
            await file.async_save()

    async def async_remove(self) -> None:
        """Delete both files."""
        for file in (self.state, self.history):
            await file.async_remove()

    @property
    def set_aside(self) -> list[str]:
        """The paths of the files that were set aside because they could not be read."""
        return [aside for file in (self.state, self.history) if (aside := file.aside) is not None]

    @callback
    def dismiss(self) -> None:
        """Stop reporting them."""
        for file in (self.state, self.history):
            file.dismiss()

    @callback
    def move(self, old: str, new: str) -> None:
        """Move the stored data of a charge point that is gone to another address."""
        for records in (self.requests, self.sessions, self.last_seen):
            records.move(old, new)

    @callback
    def forget(self, address: str) -> None:
        """Delete the stored data of a charge point whose device is deleted."""
        for records in (self.requests, self.readded, self.sessions, self.last_seen):
            records.forget(address)


async def async_forget(hass: HomeAssistant, entry: ConfigEntry, address: str) -> None:
    """Delete the stored data of a charge point of an entry that is not loaded."""
    storage = Storage(hass, entry)
    await storage.async_load()
    storage.forget(address)
    await storage.async_save()


class Records:
    """A section with a record of each charge point, by address.

    Records of absent charge points stay as they were read, until their device is deleted. A record
    without a device is kept: Home Assistant writes its devices later than this is written.
    """

    def __init__(
        self,
        name: str,
        merge: Callable[[object, object], object] = lambda _, later: later,
    ) -> None:
        """Start without any; `merge` combines two records, the earlier one first."""
        self.name = name
        #: Set by the file that the section is in.
        self.save: Callable[[float], None] = lambda _: None
        self._merge = merge
        self._stored: Json = {}
        self._watched: dict[str, Callable[[], object]] = {}

    def load(self, stored: object) -> None:
        """Take over the data that was read."""
        found = stored if isinstance(stored, dict) else {}
        records: Json = {
            address: record for address, record in found.items() if isinstance(record, dict)
        }
        if stored is not None:
            report_lost(self.name, stored, records)
        self._stored = records

    def content(self) -> Json:
        """Return all records."""
        return {**self._stored, **{address: data() for address, data in self._watched.items()}}

    @callback
    def get(self, address: str) -> object:
        """Return the stored record of a charge point that is not watched, None without one."""
        return self._stored.get(address)

    @callback
    def watch(self, address: str, data: Callable[[], object]) -> None:
        """Let `data` return the record of a charge point from now on."""
        self._watched[address] = data
        self._stored.pop(address, None)

    @callback
    def leave(self, address: str) -> None:
        """Keep the record of a charge point that is no longer watched."""
        if (data := self._watched.pop(address, None)) is not None:
            self._stored[address] = data()

    @callback
    def forget(self, address: str) -> None:
        """Delete the record of a charge point."""
        self._watched.pop(address, None)
        self._stored.pop(address, None)
        self.save(SAVE_SOON)

    @callback
    def move(self, old: str, new: str) -> None:
        """Change the address of the record of a charge point, which is no longer watched."""
        self.leave(old)
        if (record := self._stored.pop(old, None)) is not None:
            later = self._stored.get(new)
            self._stored[new] = self._merge(record, later) if later else record
            self.save(SAVE_SOON)

    @callback
    def replace(self, addresses: Iterable[str]) -> None:
        """Keep records of these charge points only."""
        self._stored = {address: self._stored.get(address, {}) for address in addresses}
        self.save(SAVE_SOON)

    def __iter__(self) -> Iterator[tuple[str, object]]:
        """Return the stored records of the charge points that are not watched."""
        return iter(self._stored.items())


class _File:
    """A file of named sections. Unknown sections stay as they are."""

    def __init__(self, hass: HomeAssistant, key: str, *sections: Records) -> None:
        """Prepare; `async_load` has to follow."""
        self._hass = hass
        store = _Store(hass, _VERSION, key)
        self._store = hass.data.get(_UNWRITTEN, {}).get(store.path, store)
        self._store.failed = self._retry
        self._sections = sections
        self._unknown: Json = {}
        #: When it is due to be written.
        self._due = inf
        #: What was to be written last.
        self._last: Json | None = None
        for section in sections:
            section.save = self.save

    @property
    def aside(self) -> str | None:
        """The path of an unreadable file that was set aside, until the user dismisses that."""
        return self._hass.data.get(_SET_ASIDE, {}).get(self._store.path)

    @callback
    def dismiss(self) -> None:
        """Stop reporting that it was set aside."""
        self._hass.data.get(_SET_ASIDE, {}).pop(self._store.path, None)

    async def async_load(self) -> None:
        """Read it; anything unreadable is set aside, and reported."""
        self._unknown = await self._async_read()
        for section in self._sections:
            section.load(self._unknown.pop(section.name, None))
        if self._store.path in self._hass.data.get(_UNWRITTEN, {}):
            self.save(SAVE_SOON)

    @callback
    def save(self, delay: float) -> None:
        """Write it after so many seconds, or earlier if that was requested before."""
        due = self._hass.loop.time() + delay
        if due < self._due:
            self._due = due
            self._store.async_delay_save(self._content, delay)

    async def async_save(self) -> None:
        """Write it for the last time, if something has changed."""
        if self._due < inf:
            self._last = self._content()
            await self._store.async_save(self._last)

    async def async_remove(self) -> None:
        """Delete it."""
        self._due = inf
        self._hass.data.get(_UNWRITTEN, {}).pop(self._store.path, None)
        await self._store.async_remove()

    @callback
    def _retry(self) -> None:
        if (last := self._last) is None:
            self.save(_RETRY_AFTER)
        else:
            self._store.async_delay_save(lambda: last, _RETRY_AFTER)

    def _content(self) -> Json:
        self._due = inf
        return {**self._unknown, **{section.name: section.content() for section in self._sections}}

    async def _async_read(self) -> Json:
        try:
            # This sets aside and reports content that is not JSON.
            data: object = await self._store.async_load()
        except Exception as error:  # noqa: BLE001
            # A newer version, a missing field of Home Assistant's own, an unreadable disk.
            problem = repr(error)
        else:
            if data is None:
                return {}
            if isinstance(data, dict):
                return data
            problem = f"a {type(data).__name__} is in it"
        path = self._store.path
        aside = f"{path}.unreadable.{dt_util.utcnow().isoformat()}"
        _LOGGER.error("Cannot read %s (%s): it is set aside as %s", path, problem, aside)
        try:
            await self._hass.async_add_executor_job(os.rename, path, aside)
            self._hass.data.setdefault(_SET_ASIDE, {})[path] = aside
        except OSError as error:
            _LOGGER.error("Cannot set it aside: %s", error)  # noqa: TRY400
        return {}


class _Store(Store[Json]):
    """Writes a file of a newer minor version as one: its unknown fields are kept."""

    #: Called if the file cannot be written, which Home Assistant logs.
    failed: Callable[[], None]

    @override
    async def _async_write_data(self, data: Json) -> None:
        unwritten = self.hass.data.setdefault(_UNWRITTEN, {})
        try:
            await super()._async_write_data(data)
        except (HomeAssistantError, OSError) as error:
            unwritten[self.path] = self
            self.failed()
            raise WriteError(error) from error
        unwritten.pop(self.path, None)

    @override
    async def _async_migrate_func(
        self, old_major_version: int, old_minor_version: int, old_data: Json
    ) -> Json:
        if old_major_version != self.version:
            raise NotImplementedError
        self.minor_version = old_minor_version
        return old_data


def report_lost(what: str, before: object, after: object) -> None:
    """Log which parts of `before`, as it was read from a file, are not in `after`."""
    if names := sorted(lost(before, after)):
        shown = ", ".join(names[:_NAMES_MAX])
        _LOGGER.warning("A part of %s cannot be read and is lost: %s", what, shown)
