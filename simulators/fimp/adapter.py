"""The adapter: the process that gives charge points a place on the FIMP bus."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, override

from simulators.mqtt import Broker
from simulators.simulator import ControlError, Simulator, Timing

from .chargepoint import FimpChargepoint
from .commands import COMMANDS, obey
from .message import Report, Request, read
from .profiles import ChargepointSetup

_DISCOVERY = "pt:j1/mt:cmd/rt:discovery"
_RUNNING = {
    "app": "RUNNING",
    "connection": "CONNECTED",
    "config": "CONFIGURED",
    "auth": "AUTHENTICATED",
    "last_error_text": "",
    "last_error_code": "",
}


class FimpSimulator(Simulator[FimpChargepoint]):
    """One FIMP adapter with one or more charge points."""

    def __init__(
        self,
        broker: Broker,
        *chargepoints: ChargepointSetup,
        adapter: str = "easee",
        timing: Timing | None = None,
        announce: bool = True,
    ) -> None:
        """Build the charge points; without any given there is one, of profile full.

        With ``announce=False`` it behaves like an adapter that was started long ago:
        nobody hears of it before asking.
        """
        super().__init__(broker, timing or Timing(), qos=1)
        self.adapter = adapter
        self._announce = announce
        self._last_address = 0
        self._about_things: dict[str, Callable[[FimpChargepoint], None]] = {
            "cmd.network.get_node": self.tell_node,
            "cmd.thing.get_inclusion_report": self._tell_inclusion,
            "cmd.thing.delete": self.exclude_thing,
            "cmd.ping.send": self._ping,
        }
        for setup in chargepoints or (ChargepointSetup(),):
            point = FimpChargepoint(self, setup)
            point.address = setup.address or self._next_address()
            self.add(point)

    @property
    @override
    def topics(self) -> Iterable[str]:
        """Listen for discovery, for the adapter and for its devices."""
        return (
            _DISCOVERY,
            f"pt:j1/mt:cmd{self.own_address}",
            f"pt:j1/mt:cmd/rt:dev/rn:{self.adapter}/ad:1/+/+",
        )

    @property
    def own_address(self) -> str:
        """The address of the adapter itself."""
        return f"/rt:ad/rn:{self.adapter}/ad:1"

    def service_address(self, service: str, address: str) -> str:
        """Give the address of a service of a charge point."""
        return f"/rt:dev/rn:{self.adapter}/ad:1/sv:{service}/ad:{address}"

    # What it says -------------------------------------------------------------

    def send_event(self, address: str, report: Report) -> None:
        """Publish a report as an event of an address."""
        self.send(f"pt:j1/mt:evt{address}", report.encode(self.adapter))

    def reply(self, request: Request, report: Report) -> None:
        """Answer a command where the asker wants it."""
        self.send(request.reply_topic, report.encode(self.adapter, request.uid))

    def reply_error(self, request: Request, reason: str) -> None:
        """Answer that a command has failed."""
        value = "failed to process incoming message"
        props = {**_about(request), "msg": reason}
        self.reply(
            request,
            Report(
                request.service,
                "evt.error.report",
                "string",
                value,
                props,
                # Only services of things tell the hub not to store their errors.
                {"strategy": "skip"} if "/rt:dev/" in request.topic else None,
            ),
        )

    def reply_success(self, request: Request) -> None:
        """Answer that a command has succeeded, which few commands do."""
        kind = "evt.success.report"
        about = _about(request)
        self.reply(request, Report(request.service, kind, "null", None, about))

    def tell_node(self, point: FimpChargepoint) -> None:
        """Report whether a charge point is up or down."""
        self._tell("evt.network.node_report", point.node())

    def include_thing(self, point: FimpChargepoint) -> None:
        """Add a charge point that was removed."""
        if point.included:
            raise ControlError("it is included already")
        point.included = True
        point.address = self._next_address()
        self._introduce(point)

    def exclude_thing(self, point: FimpChargepoint) -> None:
        """Remove a charge point."""
        if not point.included:
            raise ControlError("it is excluded already")
        for other in self._included():
            if other.thing == point.thing:
                other.included = False
        self._tell("evt.thing.exclusion_report", {"address": point.thing})

    @override
    def connected(self, *, first: bool) -> None:
        """Introduce the charge points; a new connection is no new start."""
        if not first:
            return
        for point in self.points.values():
            if self._announce:
                self._introduce(point)
            self.spawn(self._poll(point))

    def _introduce(self, point: FimpChargepoint) -> None:
        self._tell_inclusion(point)
        self.tell_node(point)
        point.forget()
        point.tell_news()

    def _tell_inclusion(self, point: FimpChargepoint) -> None:
        """Report a thing with all its services, which can be several charge points."""
        value = point.inclusion()
        for other in self._included():
            if other.thing == point.thing and other is not point:
                more = other.inclusion()
                value["groups"] += more["groups"]
                value["services"] += more["services"]
        self._tell("evt.thing.inclusion_report", value)

    def _tell(self, kind: str, value: object) -> None:
        report = Report(self.adapter, kind, "object", value)
        self.send_event(self.own_address, report)

    async def _poll(self, point: FimpChargepoint) -> None:
        while True:
            await asyncio.sleep(self.timing.poll)
            point.tell_news()

    # What it hears ------------------------------------------------------------

    @override
    def handle(self, topic: str, payload: bytes) -> None:
        """Take a command; what is unknown or meant for others gets no answer."""
        request = read(topic, payload)
        if request is None:
            return
        match topic.split("/")[2:]:
            case ["rt:discovery"]:
                self._discover(request)
            case ["rt:ad", *_]:
                self._manage(request)
            case ["rt:dev", _, _, service, address]:
                self._command(request, service.removeprefix("sv:"), address[3:])

    def _command(self, request: Request, service: str, address: str) -> None:
        """Pass a command on to the service of a charge point."""
        if request.service != service or service not in COMMANDS:
            return
        for point in self._included():
            if point.address == address and service in point.profile.services:
                if not point.silent:
                    obey(point, request)
                return
        if request.type in COMMANDS[service]:
            self._not_found(request, "service", address)

    def _discover(self, request: Request) -> None:
        if request.type != "cmd.discovery.request" or self._silent:
            return
        about: dict[str, Any] = {
            "resource_name": self.adapter,
            "resource_type": "ad",
            "resource_full_name": self.adapter.capitalize(),
            "description": "Simulated charge points",
            "author": "simulators",
            "version": "1",
            "package_name": "",
            "state": "",
            "app_info": {},
            "adapter_info": {
                "fw_version": "all",
                "technology": self.adapter,
                "hw_dependency": None,
                "network_management_type": "inclusion_exclusion",
            },
            "config_required": False,
            "configs": None,
            "props": None,
            "doc_url": "",
            "is_instance_configurable": False,
            "instance_id": "1",
        }
        self.reply(request, Report("system", "evt.discovery.report", "object", about))

    def _manage(self, request: Request) -> None:
        """Answer what is asked of the adapter itself."""
        if request.service != self.adapter or self._silent:
            return
        match request.type:
            case "cmd.network.get_all_nodes":
                nodes = {point.thing: point.node() for point in self._included()}
                self._tell("evt.network.all_nodes_report", [*nodes.values()] or None)
            case "cmd.app.get_state":
                kind = "evt.app.state_report"
                self.reply(request, Report(self.adapter, kind, "object", _RUNNING))
            case kind if kind in self._about_things:
                value = request.val
                address = value.get("address") if isinstance(value, dict) else value
                points = [p for p in self._included() if p.thing == address]
                if not points:
                    self._not_found(request, "thing", address)
                elif not points[0].silent:
                    self._about_things[kind](points[0])

    def _ping(self, point: FimpChargepoint) -> None:
        status = "SUCCESS" if point.reachable else "FAILED"
        pong = {"address": point.thing, "delay": 0, "status": status}
        self._tell("evt.ping.report", pong)

    def _not_found(self, request: Request, what: str, address: object) -> None:
        words = next(iter(self.points.values())).profile.words
        text = f"{words}{what} not found under the provided address: {address}"
        self.reply_error(request, text)

    def _included(self) -> list[FimpChargepoint]:
        return [point for point in self.points.values() if point.included]

    @property
    def _silent(self) -> bool:
        """An adapter of silent charge points is silent itself."""
        return all(point.silent for point in self.points.values())

    def _next_address(self) -> str:
        self._last_address += 1
        return str(self._last_address)


def _about(request: Request) -> dict[str, str]:
    """Quote a command in the answer to it."""
    return {
        "cmd_service": request.service,
        "cmd_topic": request.topic,
        "cmd_type": request.type,
    }
