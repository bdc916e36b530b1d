"""One FIMP charge point: its facts, and the reports that tell them."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
import math
from typing import TYPE_CHECKING, Any, override

from simulators.car import Connector
from simulators.simulator import Chargepoint

from .message import Report
from .profiles import ALARMS, PROFILES, ChargepointSetup
from .reports import BUILDERS, key, lock_report

if TYPE_CHECKING:
    from .adapter import FimpSimulator

_CLOUD_SECONDS = 0.2
_CLOUD_LIFETIME_SECONDS = 3600.0

# What a charge point says for a state it does not have.
_NEAREST = {"finished": "ready_to_charge", "suspended_by_ev": "charging"}

_NONSENSE: tuple[bytes, ...] = (
    b"",
    b"nonsense",
    b"\xff\xfe\x00",
    b"null",
    b"[1, 2, 3]",
    b'{"type": 5, "serv": null}',
    b'{"type": "evt.state.report", "serv": "chargepoint", "val_t": "string"}',
    b'{"type": "evt.state.report", "val_t": "object", "val": {"a": [1]}, "props": 7}',
    b'{"type": "evt.current_session.report", "val": NaN, "props": {"started_at": "noon"}}',
    b'{"type": "evt.meter_ext.report", "val_t": "float_map", "val": ["i1"]}',
    b'{"type": "evt.error.report", "val_t": "string", "val": null, "props": []}',
)


class FimpChargepoint(Chargepoint):
    """A charge point behind a FIMP adapter."""

    WORDS = Chargepoint.WORDS | {
        "exclude": "remove the charge point from the adapter",
        "include": "add it again, under a new address",
    }

    def __init__(self, adapter: FimpSimulator, setup: ChargepointSetup) -> None:
        """Build a charge point of the profile that was asked for."""
        timing = adapter.timing
        # An adapter looks too seldom to see a current rise.
        connector = Connector(
            wanted=setup.wanted, speed=timing.speed, ramp=math.inf, max_current=32
        )
        super().__init__(setup.name, connector)
        self.adapter = adapter
        self.serial = setup.serial
        self.address = setup.address
        self.profile = PROFILES[setup.profile]
        self.included = True
        self.allowed = False
        self.locked = False
        self.max_current = self.profile.max_current
        self.session_current = self.profile.max_current
        self.current_set_at = -math.inf
        self.phase_mode = "NL1L2L3"
        self.parameters = {
            item["parameter_id"]: item["default_value"] for item in self.profile.parameters
        }
        self._event = ALARMS[-1]
        self.started: datetime | None = None
        self.finished: datetime | None = None
        self._counted = connector.lifetime
        self._counted_at = -math.inf
        # What the adapter knows, and what it has said last.
        self._known: dict[str, tuple[Report, ...]] = {}
        self._said: dict[tuple[str, str], Any] = {}

    # What the charge point is -------------------------------------------------

    @property
    def thing(self) -> str:
        """The address of the thing; one thing can have several service addresses."""
        return self.address.partition("_")[0]

    @property
    def state(self) -> str:
        """The state in FIMP's words."""
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
        return state if state in self.profile.states else _NEAREST.get(state, state)

    @property
    def offline_words(self) -> str:
        """How the adapter explains that it cannot reach the charge point."""
        words = "charger is offline"
        if self.profile.cloud:
            return f"charger {self.serial} is not connected: {words}"
        return words

    def node(self) -> dict[str, Any]:
        """Describe the charge point as a node of its network."""
        technology, quality, way = self.profile.network
        return {
            "address": self.thing,
            "hash": self._hash,
            "alias": self.profile.product,
            "power_source": "ac",
            "wakeup_interval": "-1",
            "comm_tech": technology,
            "status": "UP" if self.reachable else "DOWN",
            "operationability": [],
            "conn_quality": quality,
            "conn_type": way,
        }

    def inclusion(self) -> dict[str, Any]:
        """Describe the charge point with all its services."""
        profile = self.profile
        product_id, hardware, software = profile.versions
        group = f"ch_{self.address.partition('_')[2] or 0}"
        services = [
            {
                "name": service,
                "alias": "",
                "address": self.adapter.service_address(service, self.address),
                "enabled": True,
                "groups": [group],
                "props": profile.properties(service),
                "tags": None,
                "prop_set_ref": "",
                "interfaces": profile.interfaces(service),
            }
            for service in profile.services
        ]
        return {
            "address": self.thing,
            "groups": [group],
            "services": services,
            "product_name": profile.product,
            "product_hash": self._hash,
            "product_id": product_id,
            "manufacturer_id": profile.manufacturer,
            "device_id": self.serial,
            "hw_ver": hardware,
            "sw_ver": software,
            "comm_tech": profile.network[0],
            "power_source": "ac",
            "wakeup_interval": "-1",
            "security": profile.security,
            "tech_specific_props": None,
            "prop_set": None,
        }

    @property
    def _hash(self) -> str:
        names = (self.adapter.adapter, self.profile.manufacturer, self.profile.product)
        return " - ".join(names)

    # What it reports ----------------------------------------------------------

    def say(self, report: Report) -> None:
        """Send a report, whether it is news or not."""
        if not (self.reachable and self.included):
            return
        topic = self.adapter.service_address(report.service, self.address)
        self.adapter.send_event(topic, report)
        self._said[key(report)] = (report.val, report.props)

    def answer(self, kind: str) -> None:
        """Send the reports of a kind as the adapter knows them."""
        for report in self.know(kind):
            self.say(report)

    def know(self, kind: str) -> tuple[Report, ...]:
        """Tell what the adapter knows; with a cloud in between, that may be old."""
        if not self.profile.cloud or kind not in self._known:
            self._look(kind)
        return self._known[kind]

    def tell_news(self, kinds: Iterable[str] | None = None) -> None:
        """Look at the charge point, and send what differs from what was said last."""
        self.connector.advance()
        for kind in kinds or self._kinds():
            self._look(kind)
            for report in self._known[kind]:
                for piece in self._pieces(report):
                    if self._said.get(key(piece)) != (piece.val, piece.props):
                        self.say(piece)

    def forget(self) -> None:
        """Take everything for news again, as after a start."""
        self._said.clear()

    async def later(self, *kinds: str, forced: str = "") -> None:
        """Let a cloud tell the adapter what a command has changed."""
        await self.adapter.sleep(_CLOUD_SECONDS)
        self.apply()
        if forced:
            self._look(forced)
            self.answer(forced)
        self.tell_news(kinds)

    def apply(self) -> None:
        """Offer the car what commands and faults allow."""
        allowed = self.allowed and self.connector.plugged and not self.trouble
        current = min(self.max_current, self.session_current)
        lines = max(1, sum(map(str.isdigit, self.phase_mode)))
        self.connector.offer(current if allowed else 0, lines)

    def _look(self, kind: str) -> None:
        self.connector.advance()
        self._known[kind] = tuple(BUILDERS[kind](self))

    def _kinds(self) -> list[str]:
        """List what is reported without being asked."""
        profile = self.profile
        # With extended values the plain meter is silent, except behind a cloud.
        meter = profile.units and (profile.cloud or not profile.values)
        reported = {
            "session": True,
            "state": True,
            "max_current": profile.has("max_current"),
            "phase_mode": profile.has("phase_mode"),
            "cable_lock": profile.has("cable_lock"),
            "meter": meter,
            "meter_ext": profile.values,
        }
        return [kind for kind, there in reported.items() if there]

    def _pieces(self, report: Report) -> list[Report]:
        """Cut a map of values into single ones where the adapter gets them so."""
        if report.type != "evt.meter_ext.report" or not self.profile.cloud:
            return [report]
        return [replace(report, val={k: v}) for k, v in report.val.items()]

    def read_meter(self) -> float:
        """Read the energy meter; a cloud passes its reading on once an hour only."""
        pace = self.adapter.timing.pace if self.profile.cloud else 0
        now = self.connector.clock()
        if now - self._counted_at >= _CLOUD_LIFETIME_SECONDS * pace:
            self._counted, self._counted_at = self.connector.lifetime, now
        return round(self._counted, 3)

    # What happens to it -------------------------------------------------------

    @override
    def changed(self, word: str) -> None:
        """Act on a fact that has changed, and report the news."""
        match word:
            case "plug":
                self._plugged()
            case "unplug":
                self.finished = datetime.now(UTC)
                self.allowed = self.locked = False
            case "offline" | "online":
                if self.included:
                    self.adapter.tell_node(self)
                # Coming back, what has not changed is not said again.
                return
            case "fault" | "clear_fault" if "alarm_system" in self.profile.services:
                self._alarm(word)
        self.apply()
        self.tell_news()

    def _plugged(self) -> None:
        self.locked = True
        if self.profile.cloud and self.started:
            # The news of a new session comes before the session itself.
            for report in BUILDERS["session"](self):
                self.say(report)
        self.started, self.finished = datetime.now(UTC), None
        self.session_current = self.max_current
        if self.profile.cloud:
            # How much the cable can carry is found out a moment later.
            self.say(lock_report(self))

    def _alarm(self, word: str) -> None:
        """Report a fault as an alarm; one of no known kind has a kind of its own."""
        if word == "fault" and self.trouble:
            self._event = self.trouble if self.trouble in ALARMS else ALARMS[-1]
        status = "activ" if word == "fault" else "deactiv"
        event = {"event": self._event, "status": status}
        self.say(Report("alarm_system", "evt.alarm.report", "str_map", event))

    async def exclude(self) -> None:
        """Remove the charge point from the adapter."""
        self.adapter.exclude_thing(self)

    async def include(self) -> None:
        """Add the charge point again; addresses are never used twice."""
        self.adapter.include_thing(self)

    @override
    async def garbage(self) -> None:
        """Publish nonsense where reports are expected."""
        for service in self.profile.services:
            address = self.adapter.service_address(service, self.address)
            for nonsense in _NONSENSE:
                self.adapter.send(f"pt:j1/mt:evt{address}", nonsense)
        for nonsense in _NONSENSE:
            self.adapter.send(f"pt:j1/mt:evt{self.adapter.own_address}", nonsense)
