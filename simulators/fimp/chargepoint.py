"""One FIMP charge point: its facts, and the control words that change them."""

from dataclasses import replace
from datetime import UTC, datetime
import math
from typing import override

from simulators.car import MIN_CURRENT, Connector
from simulators.simulator import Chargepoint, ControlError

from .bus import AnyAdapter
from .garbage import HUB_NONSENSE, NONSENSE
from .message import Report
from .profile import ALARMS
from .profiles import PROFILES, ChargepointSetup
from .reporting import ReportingChargepoint
from .reports import BUILDERS, lock_report

_CLOUD_LIFETIME_SECONDS = 3600.0


class FimpChargepoint(ReportingChargepoint):
    """A charge point behind a FIMP adapter."""

    WORDS = Chargepoint.WORDS | {
        "exclude": "remove the charge point from the adapter",
        "include": "add it again, under a new address",
        "relist": "send the inclusion report again",
        "modes": "have these charging modes from now on, such as fast,eco; none: no modes",
        "max": "allow so many ampere at most from now on",
        "alarm": "raise an alarm beside the state; the event, such as OVER_TEMP_FAULT",
        "clear_alarm": "let that alarm be gone; without an event all of them",
        "logout": "the adapter loses its login at the maker's cloud",
        "login": "the adapter is logged in again",
        "cloud": "'off' takes the adapter's way to the maker's cloud, 'on' gives it back",
        "restart": "the adapter restarts, and reports everything again",
        "rename": "the user calls it so, on a hub",
        "room": "the user puts it into that room, on a hub; none: into no room",
    }

    def __init__(self, adapter: AnyAdapter, setup: ChargepointSetup) -> None:
        """Build a charge point with the configured profile."""
        timing = adapter.timing
        # An adapter polls too rarely to see a current rise.
        connector = Connector(
            needed=setup.needed, speed=timing.speed, ramp=math.inf, max_current=32
        )
        super().__init__(setup.name, connector, adapter, PROFILES[setup.profile])
        self.serial = setup.serial
        self.address = setup.address
        self.title = setup.title
        self.place = setup.room
        self.allowed = False
        self.stopped = False
        """Whether charging was stopped in this session."""
        self.locked = False
        self.max_current = self.profile.max_current
        self.session_current = self.profile.max_current
        self.requested_current: int | None = None
        """The limit that was asked for, which a start does not forget."""
        self.current_set_at = -math.inf
        self.phase_mode = "NL1L2L3"
        self.parameters = {
            item["parameter_id"]: item["default_value"] for item in self.profile.parameters
        }
        self.alarms: set[str] = set()
        self._fault_alarm = ALARMS[-1]
        self.reboots: int = 3
        self.reboot_reason: str = "power_on"
        self._booted_at = connector.clock()
        self.started: datetime | None = None
        self.finished: datetime | None = None
        self._counted = connector.lifetime
        self._counted_at = -math.inf

    # Facts --------------------------------------------------------------------

    @property
    def thing(self) -> str:
        """The address of the thing; one thing can have several service addresses."""
        return self.address.partition("_")[0]

    @property
    def state(self) -> str:
        """The state in the terms of FIMP."""
        connector = self.connector
        if self.trouble:
            return "error"
        if not connector.plugged:
            state = "disconnected"
        elif connector.full:
            state = "finished"
        elif not self.allowed:
            state = "ready_to_charge"
        elif connector.car_paused:
            state = "suspended_by_ev"
        else:
            state = "charging"
        return self.profile.state(state)

    @property
    def word(self) -> str:
        """The state in the terms of its adapter."""
        state, names = self.state, self.profile.names
        if self.stopped and state == "ready_to_charge" and "stopped" in names:
            return names["stopped"]
        return names.get(state, state)

    @property
    def offline_reason(self) -> str:
        """The adapter's reason why it cannot reach the charge point."""
        answers_from_cache, account = self.adapter.habits.answers_from_cache, self.adapter.account
        if not account.valid:
            empty = "unable to get access token: credentials are empty: login first"
            return empty if answers_from_cache else "not logged in"
        if not account.connected:
            return "transport error: no route to host"
        words = "charger is offline"
        if self.profile.cloud:
            return f"charger {self.serial} is not connected: {words}"
        return words

    @property
    def cloud_accepts(self) -> bool:
        """Whether the vendor's cloud accepts commands, for when the charge point is back."""
        return self.adapter.habits.answers_from_cache and self.adapter.account.live

    @property
    def uptime(self) -> int:
        """Seconds since the charge point was started."""
        return int(self.connector.clock() - self._booted_at)

    @property
    def errors(self) -> list[str]:
        """The present errors, as diagnostics list them."""
        return [*filter(None, [self.trouble]), *sorted(self.alarms - {self._fault_alarm})]

    def read_meter(self) -> float:
        """Return the energy meter's reading; a cloud forwards it only once an hour."""
        pace = self.adapter.timing.pace if self.profile.cloud else 0
        now = self.connector.clock()
        if now - self._counted_at >= _CLOUD_LIFETIME_SECONDS * pace:
            self._counted, self._counted_at = self.connector.lifetime, now
        return round(self._counted, 3)

    @override
    def build(self, kind: str) -> tuple[Report, ...]:
        """Build the reports of a kind from the present facts."""
        return tuple(BUILDERS[kind](self))

    # Events --------------------------------------------------------------------

    @override
    def apply(self) -> None:
        """Offer the car the current that commands and faults permit."""
        allowed = self.allowed and self.connector.plugged and not self.trouble
        current = min(self.max_current, self.session_current)
        lines = max(1, sum(map(str.isdigit, self.phase_mode)))
        self.connector.offer(current if allowed else 0, lines)

    def reboot(self) -> None:
        """Restart on command."""
        self.reboots += 1
        self.reboot_reason = "remote_reset"
        self._booted_at = self.connector.clock()

    @override
    def changed(self, word: str) -> None:
        """Handle a changed fact, and report the changes."""
        match word:
            case "plug":
                self._plugged()
            case "unplug":
                self.finished = datetime.now(UTC)
                self.allowed = self.locked = self.stopped = False
            case "offline" | "online":
                if self.included:
                    self.adapter.report_node(self)
                if self.reachable:
                    # This includes commands that the cloud has accepted meanwhile.
                    self.apply()
                # Unchanged values are not reported again.
                return
            case "fault" | "clear_fault":
                self.alarms.discard(self._fault_alarm)
                if self.trouble:
                    known = self.trouble in ALARMS
                    self._fault_alarm = self.trouble if known else ALARMS[-1]
                    self.alarms.add(self._fault_alarm)
        self.apply()
        self.report_changes()

    def _plugged(self) -> None:
        self.locked = True
        if self.profile.cloud and self.started:
            # The reports of a new session come before the session itself.
            for report in self.build("session"):
                self.send_report(report)
        self.started, self.finished = datetime.now(UTC), None
        self.session_current = self.max_current
        self.requested_current = None
        if self.profile.cloud:
            # The rating of the cable is known a moment later.
            self.send_report(lock_report(self))

    # Control words ------------------------------------------------------------

    async def exclude(self) -> None:
        """Remove the charge point from the adapter."""
        self.adapter.exclude_thing(self)

    async def include(self) -> None:
        """Add the charge point again; addresses are never reused."""
        self.adapter.include_thing(self)

    async def relist(self) -> None:
        """Send the inclusion report again."""
        if not self.included:
            raise ControlError("it is excluded")
        self.adapter.report_inclusion(self)

    async def modes(self, names: str = "") -> None:
        """Change the charging modes; a new one means the full current."""
        before, most = self.profile.modes, self.profile.max_current
        requested = [name.strip() for name in names.split(",") if name.strip()]
        modes = {name: before.get(name, most) for name in requested}
        self.profile = replace(self.profile, modes=modes)
        await self.relist()

    async def max(self, amps: str) -> None:
        """Change the maximum current, which also limits the currents in use."""
        if not amps.isdecimal() or int(amps) < MIN_CURRENT:
            raise ControlError(f"{amps!r} is no number of ampere a car could use")
        most = int(amps)
        self.profile = replace(self.profile, max_current=most)
        self.max_current = min(self.max_current, most)
        self.session_current = min(self.session_current, most)
        await self.relist()
        self.apply()
        self.report_changes()

    async def alarm(self, event: str) -> None:
        """Raise an alarm that does not change the state."""
        self._expect_alarms(event)
        self.alarms.add(event)
        self.report_changes()

    async def clear_alarm(self, event: str = "") -> None:
        """Clear an alarm, or all of them."""
        self._expect_alarms(event or ALARMS[-1])
        self.alarms -= {event} if event else set(self.alarms)
        self.report_changes()

    def _expect_alarms(self, event: str) -> None:
        if not self.profile.alarms:
            raise ControlError("it has no alarms")
        if event not in ALARMS:
            raise ControlError(f"unknown alarm {event!r}; known are {', '.join(ALARMS)}")

    async def logout(self) -> None:
        """Let the adapter lose its login."""
        self.adapter.log_in(success=False)

    async def login(self) -> None:
        """Let the adapter log in again."""
        self.adapter.log_in(success=True)

    async def cloud(self, on: bool | str = True) -> None:  # noqa: FBT001, FBT002
        """Disconnect the adapter from its cloud, or connect it again."""
        self.adapter.connect(success=on not in (False, "off"))

    async def restart(self) -> None:
        """Restart the adapter."""
        self.adapter.restart_adapter()

    async def rename(self, title: str) -> None:
        """Rename it on the hub, as a user would."""
        self._expect_hub()
        self.title = title
        self.adapter.tell_hub(self, "client")

    async def room(self, name: str = "") -> None:
        """Move it to another room, as a user would."""
        self._expect_hub()
        self.place = name
        self.adapter.tell_hub(self, "room")

    def _expect_hub(self) -> None:
        if not self.adapter.has_hub:
            raise ControlError("there is no hub that knows names and rooms")

    @override
    async def garbage(self) -> None:
        """Publish invalid messages in place of reports."""
        addresses = [
            self.adapter.service_address(service, self.address) for service in self.profile.services
        ]
        for address in (*addresses, self.adapter.own_address):
            for nonsense in NONSENSE:
                self.adapter.send(f"pt:j1/mt:evt{address}", nonsense)
        self.adapter.send_garbage_as_hub(HUB_NONSENSE)
