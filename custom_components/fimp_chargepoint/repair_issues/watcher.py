"""Shows each repair issue while its condition holds: the one watcher of all conditions.

The conditions are looked at once a minute, when the state of an entry changes, when a charge
point reports a new fact, and after the events of a hub that a condition names.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, override

from homeassistant.components.repairs import FlowType
from homeassistant.config_entries import (
    SIGNAL_CONFIG_ENTRY_CHANGED,
    ConfigEntryChange,
    ConfigEntryState,
)
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.event import async_track_time_interval

from ..chargepoint import (
    Chargepoint,
    CompetingController,
    ConnectionMade,
    HubEvent,
    InternalErrors,
    LastSeen,
)
from ..const import DATA_CLOCK, DOMAIN
from ..coordinator import LAST, AnyCoordinator, FimpConfigEntry
from ..devices import async_find_device, device_identifier, device_name, node_address
from ..flow.schemas import plain_text
from ..storage import report_lost

#: Keys of the data of each issue.
ENTRY_ID: Final = "entry_id"
SUBJECT: Final = "subject"

_INTERVAL: Final = timedelta(minutes=1)
#: The conditions of an entry wait until it has another state.
_IN_BETWEEN: Final = (ConfigEntryState.SETUP_IN_PROGRESS, ConfigEntryState.UNLOAD_IN_PROGRESS)

#: The data of an issue, and what its fix does; it may return a flow to go on with.
type IssueData = Mapping[str, str | int | float | None]
type Fix = Callable[
    [HomeAssistant, FimpConfigEntry, IssueData], Awaitable[tuple[FlowType, str] | None]
]


@dataclass(frozen=True)
class Finding:
    """A condition that holds.

    Without `placeholders` there is nothing new to show: an issue that is shown stays.
    """

    placeholders: Mapping[str, str] | None = None
    data: Mapping[str, str] = field(default_factory=dict)


#: By what identifies the subject of the condition, such as the id of a device.
type Findings = Mapping[str, Finding]


@dataclass(frozen=True, kw_only=True)
class IssueType(ABC):
    """A row of the table of issues: a condition, for how long it holds, what its fix does.

    `key` is its translation key and the start of its ids, `after` the seconds for which the
    condition must hold first. An issue with a `fix` can be submitted. Each ends with its condition.
    """

    key: str
    after: float = 0.0
    severity: ir.IssueSeverity = ir.IssueSeverity.WARNING
    learn_more_url: str | None = None
    fix: Fix | None = None

    @abstractmethod
    def find(self, watch: EntryWatch) -> Findings:
        """Return the findings: what the condition is true for."""


@dataclass(frozen=True, kw_only=True)
class EntryIssue(IssueType):
    """An issue of an entry; `on` are the events of its hub that may change the condition."""

    condition: Callable[[EntryWatch], Findings]
    on: tuple[type[HubEvent], ...] = ()
    #: Whether the condition can also hold while the entry is not loaded.
    unloaded: bool = False

    @override
    def find(self, watch: EntryWatch) -> Findings:
        return self.condition(watch) if watch.memory is not None or self.unloaded else {}


@dataclass(frozen=True, kw_only=True)
class ChargePointIssue(IssueType):
    """An issue of one charge point."""

    condition: Callable[[Subject], Finding | None]

    @override
    def find(self, watch: EntryWatch) -> Findings:
        if watch.memory is None:
            return {}
        coordinators = watch.entry.runtime_data.coordinators.values()
        there = {coordinator.identifier: coordinator for coordinator in coordinators}
        found = {
            device.id: watch.errors.ask(self.find_at, watch, device, there.get(identifier))
            for identifier, device in watch.devices().items()
        }
        return {subject: finding for subject, finding in found.items() if finding is not None}

    def find_at(
        self, watch: EntryWatch, device: dr.DeviceEntry, coordinator: AnyCoordinator | None
    ) -> Finding | None:
        """Return whether the condition holds for the charge point with a device."""
        if watch.memory is None:
            return None
        is_shown = watch.is_shown(f"{self.key}_{device.id}")
        finding = self.condition(Subject(watch, watch.memory, device, coordinator, is_shown))
        if finding is None or finding.placeholders is None:
            return finding
        return Finding({"name": device_name(device), **finding.placeholders}, finding.data)


@dataclass
class Memory:
    """What conditions remember while an entry is loaded; times are those of `now`."""

    loaded_at: float
    connected_at: float
    #: Those that were reported, by the ids of the devices of the charge points.
    competing_controllers: dict[str, CompetingController] = field(default_factory=dict)
    #: The ids of other entries that receive the same messages, and when that is probed next.
    duplicates: set[str] = field(default_factory=set)
    probe_at: float | None = None
    #: By the addresses of the nodes.
    last_seen: dict[str, LastSeen] = field(default_factory=dict)


@dataclass(frozen=True)
class Subject:
    """A charge point, as its conditions see it.

    The `coordinator` is None if it was not found since the entry was loaded.
    """

    watch: EntryWatch
    memory: Memory
    device: dr.DeviceEntry
    coordinator: AnyCoordinator | None
    is_shown: bool

    @property
    def charge_point(self) -> Chargepoint | None:
        """The charge point, if it is there and is one."""
        node = None if self.coordinator is None else self.coordinator.node
        return node if isinstance(node, Chargepoint) else None

    @property
    def last_seen(self) -> LastSeen:
        """When it was last seen, which is stored from now on."""
        entry, known = self.watch.entry, self.memory.last_seen
        address = node_address(entry, device_identifier(self.device) or "")
        records = entry.runtime_data.storage.last_seen
        if address not in known:
            stored = records.get(address)
            known[address] = LastSeen(entry.runtime_data.hub.clock, stored)
            if stored is not None:
                report_lost(f"when {address} was last seen", stored, known[address].to_storage())
        # Again each time: the record may have been deleted with an earlier device.
        records.watch(address, known[address].to_storage)
        return known[address]


class EntryWatch:
    """Follows the conditions of one entry."""

    def __init__(
        self, hass: HomeAssistant, entry: FimpConfigEntry, issue_types: tuple[IssueType, ...]
    ) -> None:
        """Start with nothing found."""
        self.hass = hass
        self.entry = entry
        self.memory: Memory | None = None
        self.errors = InternalErrors()
        self._issue_types = issue_types
        #: Since when each condition holds, and which issues are shown; by type and subject.
        self._since: dict[tuple[str, str], float] = {}
        self._shown: set[tuple[str, str]] = set()

    def now(self) -> float:
        """Return the time in seconds, by the clock of all hubs if there is one."""
        clock = self.hass.data.get(DATA_CLOCK)
        return self.hass.loop.time() if clock is None else clock.now()

    @callback
    def look(self) -> None:
        """Look at all conditions."""
        if self.entry.state in _IN_BETWEEN:
            return
        if self.entry.state is not ConfigEntryState.LOADED:
            self.memory = None
        elif self.memory is None:
            self._start()
        self.errors.each(self._issue_types, self._look_at)

    @callback
    def forget(self, device_id: str) -> None:
        """End the issues of a device that was removed."""
        for issue_type in self._issue_types:
            if (issue_type.key, device_id) in self._since:
                self._take(issue_type, device_id, None)

    @callback
    def end(self) -> None:
        """Show nothing of an entry that was removed."""
        for key, subject in self._shown:
            ir.async_delete_issue(self.hass, DOMAIN, f"{key}_{subject}")

    def is_shown(self, issue_id: str) -> bool:
        """Whether an issue is in the list of those to repair."""
        issue = ir.async_get(self.hass).async_get_issue(DOMAIN, issue_id)
        return issue is not None and issue.active

    def devices(self) -> dict[str, dr.DeviceEntry]:
        """Return the devices of charge points by identifier: others have some below them."""
        devices = dr.async_entries_for_config_entry(dr.async_get(self.hass), self.entry.entry_id)
        above = {device.via_device_id for device in devices}
        return {
            identifier: device
            for device in devices
            if device.id not in above
            and device.entry_type is None
            and (identifier := device_identifier(device)) is not None
        }

    def _start(self) -> None:
        """Follow what happens in an entry that has just been loaded."""
        now, data = self.now(), self.entry.runtime_data
        self.memory = Memory(loaded_at=now, connected_at=now)
        self.errors = data.hub.internal_errors
        self.entry.async_on_unload(data.hub.add_listener(self._handle))
        self.entry.async_on_unload(data.async_for_each_node(self._follow))

    @callback
    def _handle(self, event: HubEvent) -> None:
        if self.memory is not None and isinstance(event, ConnectionMade):
            self.memory.connected_at = self.now()
        for issue_type in self._issue_types:
            if isinstance(issue_type, EntryIssue) and isinstance(event, issue_type.on):
                self.errors.call(self._look_at, issue_type)

    @callback
    def _follow(self, coordinator: AnyCoordinator) -> None:
        """Look at the conditions of a charge point whenever it reports a new fact."""

        @callback
        def look() -> None:
            device = async_find_device(self.hass, self.entry.entry_id, coordinator.identifier)
            if device is None:
                return
            there = None if coordinator.is_gone else coordinator
            for issue_type in self._issue_types:
                if isinstance(issue_type, ChargePointIssue):
                    finding = self.errors.ask(issue_type.find_at, self, device, there)
                    self._take(issue_type, device.id, finding)

        if isinstance(coordinator.node, Chargepoint):
            look()
            coordinator.async_on_shutdown(coordinator.async_add_listener(look, LAST))

    def _look_at(self, issue_type: IssueType) -> None:
        """Look at a condition, and end the issues for which it no longer holds."""
        found = issue_type.find(self)
        for subject, finding in found.items():
            self._take(issue_type, subject, finding)
        for key, subject in tuple(self._since):
            if key == issue_type.key and subject not in found:
                self._take(issue_type, subject, None)

    def _take(self, issue_type: IssueType, subject: str, finding: Finding | None) -> None:
        """Show, keep or end an issue."""
        key, now = (issue_type.key, subject), self.now()
        issue_id = "_".join(key)
        if finding is None:
            self._since.pop(key, None)
            if key in self._shown:
                self._shown.discard(key)
                ir.async_delete_issue(self.hass, DOMAIN, issue_id)
            return
        if key in self._shown and not self.is_shown(issue_id):
            # The user has submitted it. If that was no use, it is shown after the same time.
            self._shown.discard(key)
            self._since[key] = now
        since = self._since.setdefault(key, now)
        if finding.placeholders is None or now - since < issue_type.after:
            return
        if key not in self._shown and self.is_shown(issue_id):
            # The other entry that it is about shows it.
            return
        self._shown.add(key)
        ir.async_create_issue(
            self.hass,
            DOMAIN,
            issue_id,
            # Not persistent: diagnostics would show the data.
            data={ENTRY_ID: self.entry.entry_id, SUBJECT: subject, **finding.data},
            is_fixable=issue_type.fix is not None,
            learn_more_url=issue_type.learn_more_url,
            severity=issue_type.severity,
            translation_key=issue_type.key,
            translation_placeholders=_placeholders(
                {"title": self.entry.title, **finding.placeholders}
            ),
        )


def _placeholders(values: Mapping[str, str]) -> dict[str, str]:
    """Return values for the description of an issue, which is Markdown, and for its plain title.

    Users, charge points and others have chosen the names in them.
    """
    escaped = {
        name: "\n".join(map(plain_text, value.split("\n"))) for name, value in values.items()
    }
    return escaped | {f"plain_{name}": value for name, value in values.items()}


class Watcher:
    """Follows the conditions of all entries, whether or not they are loaded."""

    def __init__(self, hass: HomeAssistant, issue_types: tuple[IssueType, ...]) -> None:
        """Watch for as long as Home Assistant runs."""
        self._hass = hass
        self._issue_types = issue_types
        self._watches: dict[str, EntryWatch] = {}
        async_track_time_interval(hass, self._look, _INTERVAL, cancel_on_shutdown=True)
        async_dispatcher_connect(hass, SIGNAL_CONFIG_ENTRY_CHANGED, self._changed)
        hass.bus.async_listen(dr.EVENT_DEVICE_REGISTRY_UPDATED, self._device_changed)

    @callback
    def _look(self, _: datetime | None = None) -> None:
        for entry in self._hass.config_entries.async_entries(DOMAIN):
            if entry.entry_id not in self._watches:
                watch = EntryWatch(self._hass, entry, self._issue_types)
                self._watches[entry.entry_id] = watch
            self._watches[entry.entry_id].look()

    @callback
    def _changed(self, change: ConfigEntryChange, entry: FimpConfigEntry) -> None:
        if entry.domain != DOMAIN:
            return
        if change is ConfigEntryChange.REMOVED and entry.entry_id in self._watches:
            self._watches.pop(entry.entry_id).end()
        # The issues of other entries may be about this one as well.
        self._look()

    @callback
    def _device_changed(self, event: Event[dr.EventDeviceRegistryUpdatedData]) -> None:
        if event.data["action"] == "remove":
            for watch in self._watches.values():
                watch.forget(event.data["device_id"])
