"""The adapter: the process that connects charge points to the FIMP bus."""

import asyncio
from collections.abc import Callable, Iterable
from typing import override

from simulators.mqtt import Broker
from simulators.simulator import ControlError, Timing

from . import description
from .bus import Adapter
from .chargepoint import FimpChargepoint
from .commands import COMMANDS, execute
from .hub import Vinculum
from .lamps import Lamps
from .message import Report, Request, read
from .profiles import PROFILES, ChargepointSetup

_DISCOVERY = "pt:j1/mt:cmd/rt:discovery"


class FimpSimulator(Adapter[FimpChargepoint]):
    """One FIMP adapter with one or more charge points, optionally with a hub."""

    def __init__(
        self,
        broker: Broker,
        *chargepoints: ChargepointSetup,
        adapter: str = "",
        timing: Timing | None = None,
        announce: bool = True,
        hub: bool = False,
        others: int = 0,
    ) -> None:
        """Build the charge points; by default there is one, with the profile full.

        The adapter behaves like that of its first charge point, and has its name too unless another
        is given. With ``announce=False`` it behaves like an adapter that was started long ago: it
        only reports on request. A ``hub`` has vinculum on the same bus; ``others`` is the number of
        lamps behind a zigbee adapter.
        """
        setups = chargepoints or (ChargepointSetup(),)
        super().__init__(broker, timing, PROFILES[setups[0].profile].habits, adapter)
        self._announce = announce
        self._addresses: set[str] = set()
        self._lamps = Lamps(others, self.send) if others else None
        self._hub = Vinculum(self.send, self._lamps) if hub else None
        self._about_things: dict[str, Callable[[FimpChargepoint], None]] = {
            "cmd.network.get_node": self.report_node,
            "cmd.thing.get_inclusion_report": self._tell_inclusion,
            "cmd.thing.delete": self.exclude_thing,
            "cmd.ping.send": self._ping,
        }
        for setup in setups:
            point = FimpChargepoint(self, setup)
            point.address = setup.address or self._next_address(point)
            self._addresses.add(point.thing)
            self.add(point)
            if self._hub:
                self._hub.add(point, silently=True)

    @property
    @override
    def topics(self) -> Iterable[str]:
        """Subscribe to discovery, to the adapter and to its devices."""
        return (
            _DISCOVERY,
            f"pt:j1/mt:cmd{self.own_address}",
            f"pt:j1/mt:cmd/rt:dev/rn:{self.adapter}/ad:1/+/+",
            *(each.topic for each in (self._hub, self._lamps) if each),
        )

    @property
    @override
    def has_hub(self) -> bool:
        return self._hub is not None

    # Messages out ---------------------------------------------------------------

    @override
    def report_node(self, point: FimpChargepoint) -> None:
        if self.habits.tells_nodes:
            self._tell("evt.network.node_report", description.node(point))

    @override
    def include_thing(self, point: FimpChargepoint) -> None:
        if point.included:
            raise ControlError("it is included already")
        point.included = True
        point.address = self._next_address(point)
        self._introduce(point)
        if self._hub:
            self._hub.add(point)

    @override
    def exclude_thing(self, point: FimpChargepoint) -> None:
        if not point.included:
            raise ControlError("it is excluded already")
        gone = [other for other in self._included() if other.thing == point.thing]
        for other in gone:
            other.included = False
        self._tell("evt.thing.exclusion_report", {"address": point.thing})
        for other in gone:
            if self._hub:
                self._hub.delete(other)

    @override
    def report_inclusion(self, point: FimpChargepoint) -> None:
        self._tell_inclusion(point)
        self.tell_hub(point, "services")

    @override
    def tell_hub(self, point: FimpChargepoint, *changed: str) -> None:
        if self._hub:
            self._hub.edit(point, *changed)

    @override
    def send_garbage_as_hub(self, nonsense: Iterable[bytes]) -> None:
        if self._hub:
            for each in nonsense:
                self.send(self._hub.events, each)

    @override
    def log_in(self, *, success: bool) -> None:
        if self.account.valid is success:
            raise ControlError(f"it is logged {'in' if success else 'out'} already")
        self.account.valid = success
        old = self.habits.state_report != "evt.app.state_report"
        if not success and not old and not self.habits.answers_from_cache:
            # The only state that is sent automatically, on the topic of an application.
            report = Report(self.adapter, self.habits.state_report, "object", self.account.alarm)
            self.send_event(f"/rt:app/rn:{self.adapter}/ad:1", report)
        status = self.account.states if old else self.account.status
        self._tell("evt.auth.status_report", status)
        for point in self._included():
            self.report_node(point)
            point.report_changes()

    def connect(self, *, success: bool) -> None:
        """Connect to the vendor's cloud, or lose it, which is only reported on request."""
        if self.account.connected is success:
            raise ControlError(f"it is {'connected' if success else 'disconnected'} already")
        self.account.connected = success
        for point in self._included():
            if not self.habits.answers_from_cache:
                self.report_node(point)
            point.report_changes()

    @override
    def restart_adapter(self) -> None:
        for point in self._included():
            self.report_node(point)
            point.forget()
            point.report_changes()

    @override
    def connected(self, *, first: bool) -> None:
        """Announce the charge points; reconnecting is not a restart."""
        if not first:
            return
        for point in self.points.values():
            if self._announce:
                self._introduce(point)
            self.spawn(self._poll(point))

    def _introduce(self, point: FimpChargepoint) -> None:
        self._tell_inclusion(point)
        self.report_node(point)
        point.forget()
        point.report_changes()

    def _tell_inclusion(self, point: FimpChargepoint) -> None:
        """Report a thing with all its services, which may be several charge points."""
        value = description.inclusion(point)
        for other in self._included():
            if other.thing == point.thing and other is not point:
                more = description.inclusion(other)
                value["groups"] += more["groups"]
                value["services"] += more["services"]
        self._tell("evt.thing.inclusion_report", value)

    def _tell(self, kind: str, value: object) -> None:
        report = Report(self.adapter, kind, "object", value)
        self.send_event(self.own_address, report)

    async def _poll(self, point: FimpChargepoint) -> None:
        while True:
            await asyncio.sleep(self.timing.poll)
            point.report_changes()

    # Messages in ---------------------------------------------------------------

    @override
    def handle(self, topic: str, payload: bytes) -> None:
        """Process a command; unknown ones and those for other adapters get no reply."""
        request = read(topic, payload)
        if request is None:
            return
        if self._hub and topic == self._hub.topic:
            self._hub.request(request)
        elif self._lamps and topic == self._lamps.topic:
            self._lamps.handle(request)
        elif request.type not in self.habits.ignored:
            self._route(request)

    def _route(self, request: Request) -> None:
        match request.topic.split("/")[2:]:
            case ["rt:discovery"]:
                self._discover(request)
            case ["rt:ad", *_]:
                self._manage(request)
            case ["rt:dev", _, _, service, address]:
                self._command(request, service.removeprefix("sv:"), address[3:])

    def _command(self, request: Request, service: str, address: str) -> None:
        """Forward a command to the service of a charge point."""
        if request.service != service or service not in COMMANDS:
            return
        for point in self._included():
            if point.address == address and service in point.profile.services:
                if not point.silent:
                    execute(point, request)
                return
        if request.type in COMMANDS[service]:
            self._not_found(request, "service", address)

    def _discover(self, request: Request) -> None:
        if request.type != "cmd.discovery.request":
            return
        if not self._silent:
            about = description.resource(self.adapter, self.adapter.capitalize())
            self.reply(request, Report("system", "evt.discovery.report", "object", about))
        if self._lamps:
            self._lamps.discover(request)

    def _manage(self, request: Request) -> None:
        """Answer a command to the adapter itself."""
        if request.service != self.adapter or self._silent:
            return
        match request.type:
            case "cmd.network.get_all_nodes":
                nodes = {point.thing: description.node(point) for point in self._included()}
                self._tell("evt.network.all_nodes_report", [*nodes.values()] or None)
            case "cmd.app.get_state":
                kind, states = self.habits.state_report, self.account.states
                self.reply(request, Report(self.adapter, kind, "object", states))
            case kind if kind in self._about_things:
                value = request.val
                address = value.get("address") if isinstance(value, dict) else value
                points = [p for p in self._included() if p.thing == address]
                if not points:
                    self._not_found(request, "thing", address)
                elif not points[0].silent:
                    self._about_things[kind](points[0])

    def _ping(self, point: FimpChargepoint) -> None:
        status = "SUCCESS" if point.linked else "FAILED"
        pong = {"address": point.thing, "delay": 0, "status": status}
        self._tell("evt.ping.report", pong)

    def _not_found(self, request: Request, what: str, address: object) -> None:
        if self.habits.knows_strangers:
            self.reply_error(request, f"{what} not found under the provided address: {address}")

    def _included(self) -> list[FimpChargepoint]:
        return [point for point in self.points.values() if point.included]

    @property
    def _silent(self) -> bool:
        """Whether the adapter is silent because its charge points are."""
        return all(point.silent for point in self.points.values())

    def _next_address(self, point: FimpChargepoint) -> str:
        """Return an address that was never used, or the serial number if the adapter uses it."""
        if self.habits.by_serial:
            return point.serial
        number = 1
        while str(number) in self._addresses:
            number += 1
        self._addresses.add(str(number))
        return f"{number}{self.habits.connector}"
