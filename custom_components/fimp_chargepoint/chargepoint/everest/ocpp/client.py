"""The OCPP client of an EVerest station, by whichever ways it can be heard and told.

`ocpp_consumer` of API v1 where there is one; the bus inside the station, where the user wants
that, for what the API cannot; and the connection as the API before v1 says it.
"""

from collections.abc import Callable
import logging
from typing import Any, Final, override

from ...capabilities import Capabilities
from ...commands.command import Request
from ...errors import InvalidRequestError
from ...model import Feature, Identity, NodeKind, Reason
from ...node import NodeHost
from ...ocpp import (
    NOTHING_KNOWN,
    MonitorVariables,
    OcppClient,
    OcppCommand,
    OcppEvent,
    OcppSnapshot,
    Question,
)
from ...protocol import Handler
from ..envelope import address, mapping, text, timestamp
from ..heartbeat import HeartbeatMonitor, look
from ..internal_bus import bus
from ..internal_bus.bus import BusCall, BusModule
from ..module import Kind, Module
from ..station import station_address
from . import requests as ocpp_requests
from .requests import ApiCall
from .schedule import Schedule, of_station

_LOGGER = logging.getLogger(__name__)

#: Seconds after which is asked a second time what has not been answered.
_AGAIN: Final = 3.0
#: Seconds within which a module that starts says all that it says by itself.
_STARTUP_TIME: Final = 1.0
#: What can be asked for on main. Not `is_connected`: what was never published is answered
#: with `true`, which it can be as well.
_GETTABLE: Final = ("connection_status", "boot_notification_response", "charging_schedules")
#: The words of the API before v1; it also has one for not knowing.
LEGACY_WORDS: Final = {"connected": True, "disconnected": False}
_LEGACY_UNKNOWN: Final = "unknown"
#: What tells how the connection is.
_OF_CONNECTION: Final = frozenset({"is_connected", *_GETTABLE})
#: What the back end limits, by OCPP's word for its unit.
_LIMITS: Final = {"A": Feature.CSMS_CURRENT, "W": Feature.CSMS_POWER}
_BASICS: Final = Capabilities(reports=frozenset({Feature.CONNECTED}))


class EverestOcpp(OcppClient):
    """One OCPP client."""

    def __init__(self, address: str, host: NodeHost, prefix: str, module: str | None) -> None:
        """Speak to the `ocpp_consumer` called `module`; without one, by the other ways."""
        #: The `ocpp_consumer`, where there is one.
        self.module = None if module is None else Module(prefix, Kind.OCPP, module)
        self._bus: BusModule | None = None
        identity = Identity(name=module or "", kind=NodeKind.OCPP_CLIENT)
        snapshot = OcppSnapshot(
            identity=identity,
            # It stands below that where the station is shown, as with several EVSEs.
            parent=station_address(prefix),
            capabilities=_BASICS,
        )
        super().__init__(address, snapshot, host)
        self._heartbeats = HeartbeatMonitor()
        self._heard_at = host.clock.now()
        #: When it was told last how the connection is, and the last word of the older API.
        self._told_at = float("-inf")
        self._legacy_word = _LEGACY_UNKNOWN
        self._schedule = Schedule()
        #: Whether the release is one with all of `ocpp_consumer`, as far as has shown.
        self._has_all = False
        #: Whether it takes monitors, None where that has not shown.
        self._monitors: bool | None = None
        #: What was monitored, to be asked for again after a restart.
        self._monitored: list[MonitorVariables] = []
        self._reports: dict[str, Callable[[Any, float], dict[str, Any]]] = {
            "is_connected": self._is_connected,
            "connection_status": self._connection_status,
            "boot_notification_response": self._boot_notification,
            "charging_schedules": self._charging_schedules,
            "security_event": self._security_event,
            "event_data": self._event_data,
            "heartbeat": self._heartbeat,
            "ocpp_message": self._ocpp_message,
        }

    # What the API says ------------------------------------------------------------------

    def handle_message(self, variable: str, value: Any, now: float) -> None:
        """Take the `value` of a variable; one that is not known is a sign of life."""
        report = self._reports.get(variable)
        if variable in _OF_CONNECTION:
            self._told_at = now
        self._heard(now, **(report(value, now) if report is not None else {}))

    def found(self, heartbeat_period: float | None, now: float) -> None:
        """The module answered a discovery; its heartbeats are so many seconds apart."""
        self._has_all = self._monitors = True
        if heartbeat_period is not None:
            self._heartbeats.set_interval(heartbeat_period)
        self._heard(now)

    def _is_connected(self, value: Any, now: float) -> dict[str, Any]:
        return {"connected": value} if isinstance(value, bool) else {}

    def _connection_status(self, value: Any, now: float) -> dict[str, Any]:
        status = mapping(value)
        connected, profile = status.get("connected"), status.get("security_profile")
        self._has_all = self._monitors = True
        return {
            "connected": connected if isinstance(connected, bool) else None,
            "csms_url": address(status.get("csms_url")),
            "client_id": text(status.get("identity")),
            "version": text(status.get("ocpp_version")),
            "security_profile": profile if type(profile) is int else None,
            "capabilities": self._also(Feature.CSMS),
        }

    def _boot_notification(self, value: Any, now: float) -> dict[str, Any]:
        status = text(mapping(value).get("status"))
        return {"registration": status, "capabilities": self._also(Feature.REGISTRATION)}

    def _charging_schedules(self, value: Any, now: float) -> dict[str, Any]:
        self._monitors = True
        self._schedule = of_station(value, now, self.host.clock.to_datetime(now))
        feature = _LIMITS.get(self._schedule.unit or "")
        return self._limit(now) | ({} if feature is None else {"capabilities": self._also(feature)})

    def _limit(self, now: float) -> dict[str, Any]:
        """Return what may be drawn now, and look again when that changes."""
        change = self._schedule.next_change(now)
        if change is None:
            self.timers.cancel("limit")
        else:
            self.timers.set("limit", change, lambda at: self._update(at, **self._limit(at)))
        limit, unit = self._schedule.limit(now), self._schedule.unit
        return {each: limit if unit == of else None for of, each in _LIMITS.items()}

    def _security_event(self, value: Any, now: float) -> dict[str, Any]:
        event = mapping(value)
        critical = event.get("critical")
        self._tell(
            OcppEvent.SECURITY_EVENT,
            type=text(event.get("type")),
            info=text(event.get("info")),
            critical=critical if isinstance(critical, bool) else None,
            timestamp=timestamp(event.get("timestamp")),
        )
        return {}

    def _event_data(self, value: Any, now: float) -> dict[str, Any]:
        self._monitors = True
        self._tell(OcppEvent.VARIABLE_CHANGED, **ocpp_requests.event(value))
        return {}

    def _heartbeat(self, value: Any, now: float) -> dict[str, Any]:
        # 2025.10, the only release without monitors, sends no number.
        self._monitors = self._monitors or type(value) is int
        before = self._heartbeats.silence_max
        changes: dict[str, Any] = {}
        if self._heartbeats.received(value, now):
            _LOGGER.info("%s was restarted", self.address)
            if now - self._told_at > _STARTUP_TIME:
                # Up to 2026.02 it says nothing of the connection before there is one.
                changes = self._forgotten()
            self._begin_anew(now)
        if self._heartbeats.silence_max < before:
            self._watch(now)
        return changes

    def _forgotten(self) -> dict[str, Any]:
        """Forget what was said of the connection; returns the changes."""
        self._schedule = Schedule()
        self.timers.cancel("limit")
        return dict(NOTHING_KNOWN)

    def _ocpp_message(self, value: Any, now: float) -> dict[str, Any]:
        """Only the newest releases say it. What it is about is nobody's business."""
        self._has_all = self._monitors = True
        return {}

    def _begin_anew(self, now: float) -> None:
        """It may have been restarted: what it knew of our wishes is lost then."""
        self._ask_for_everything(now)
        for command in self._monitored:
            try:
                request = self._question(command, now).request
            except InvalidRequestError as error:
                _LOGGER.debug("%s monitors nothing any more: %s", self.address, error)
            else:
                self._send(request)

    # What the others say ----------------------------------------------------------------

    def take_bus(self, module: BusModule | None) -> None:
        """Take over its module on the bus inside the station."""
        self._bus = module

    def bus_says(self, name: str, value: Any, now: float) -> None:
        """Take a variable of the module on the bus, as far as the API does not say it."""
        changes: dict[str, Any] = {}
        by_api = self.module is not None and self.snapshot.available
        if name == "is_connected" and not by_api:
            changes = self._is_connected(value, now)
        elif name == "security_event" and not by_api:
            changes = self._security_event(value, now)
        elif name == "configuration_key" and not (by_api and self._monitors is not False):
            self._tell(OcppEvent.VARIABLE_CHANGED, **bus.key_changed(value))
        if not by_api:
            self._heard(now, **changes)

    def bus_lives(self, now: float) -> None:
        """The station has said something on the bus."""
        if self.module is None:
            self._heard(now)

    def bus_replies(self, result: bus.Result, now: float) -> None:
        """Take the result of a call."""
        if result.error is None:
            self._calls.replied(result.id, result.value)
        else:
            self._calls.refused(result.id, result.error)

    def legacy_says(self, word: str, now: float) -> None:
        """Take what the API before v1 says of the connection, every second."""
        before, self._legacy_word = self._legacy_word, word
        if self.module is None:
            connected = LEGACY_WORDS.get(word, self.snapshot.connected)
            if word == _LEGACY_UNKNOWN and before != word:
                # Said again after a restart. Where it never said anything else, others may.
                connected = None
            self._heard(now, connected=connected)
        elif self.snapshot.available and self.snapshot.connected is None:
            # Up to 2026.02 nothing else says it before it changes.
            self._update(now, connected=LEGACY_WORDS.get(word))

    # What it is asked -------------------------------------------------------------------

    @override
    def check(self, command: OcppCommand) -> None:
        if self._api_call(command) is None:
            self._bus_call(command)

    @override
    def _question(self, command: OcppCommand, now: float) -> Question:
        by_api = self._api_call(command)
        if by_api is not None:
            api, call = by_api
            if call.answer is None:
                return Question(api.message(call.operation, call.payload), None)
            return Question(api.request(call.operation, now, call.payload), call.answer)
        module, bus_call = self._bus_call(command)
        return Question(module.call(bus_call.command, bus_call.args), bus_call.answer)

    def _api_call(self, command: OcppCommand) -> tuple[Module, ApiCall] | None:
        """Return what to tell the API, and its module, None where it does not offer that."""
        call = ocpp_requests.api_call(command)
        if call is None or self.module is None:
            return None
        offered = {
            ocpp_requests.AVAILABILITY: self._has_all,
            ocpp_requests.SECURITY: self._has_all,
            ocpp_requests.MONITOR: self._monitors is not False,
        }
        return (self.module, call) if offered.get(call.operation, True) else None

    def _bus_call(self, command: OcppCommand) -> tuple[BusModule, BusCall]:
        """Return what to call on the bus, and whom."""
        call = bus.bus_call(command)
        if call is None:
            raise InvalidRequestError(
                "it needs ocpp_consumer of EVerest 2026.10 or later, which was not found here"
            )
        if self._bus is None:
            raise InvalidRequestError(
                "it is offered on the internal bus only, where nothing of OCPP 1.6 was heard"
                if self.host.options.internal_bus
                else "it is offered on the internal bus only, which is off in the options"
            )
        self._bus.require_written()
        return self._bus, call

    @override
    def _done(self, command: OcppCommand) -> None:
        if isinstance(command, MonitorVariables) and command not in self._monitored:
            self._monitored.append(command)

    def reply_handler(self, request_id: str) -> Handler | None:
        """Return what handles the reply to a request, None where it is not ours."""
        return None if self.module is None else self.module.reply_handler(request_id, self._replied)

    def _replied(self, request_id: str, operation: str, value: Any, now: float) -> None:
        variable = operation.removesuffix("/get")
        if variable == operation:
            self._heard(now)
            self._calls.replied(request_id, value)
            return
        self._has_all = self._monitors = True
        self.timers.cancel("gets")
        if isinstance(value, dict):
            self.handle_message(variable, value, now)
        else:
            self._heard(now)

    def _ask_for_everything(self, now: float) -> None:
        """Nothing is retained; releases up to 2026.02 answer none of this, and do not mind."""
        self._ask_for_values(now)
        # The first questions may have come before it was there.
        self.timers.set("gets", now + _AGAIN, self._ask_for_values)

    def _ask_for_values(self, now: float) -> None:
        if self.module is not None:
            for variable in _GETTABLE:
                self._send(self.module.request(f"{variable}/get", now))

    def _ask_for_life(self, now: float) -> None:
        """Ask something that it answers and that changes nothing."""
        ping = ocpp_requests.PING
        try:
            request = self._question(ping, now).request
        except InvalidRequestError:
            # On an older bus nothing can be asked; there all modules are heard.
            return
        self._send(request)

    def _send(self, request: Request) -> None:
        self.host.send(request.topic, request.payload)

    # Life -------------------------------------------------------------------------------

    @override
    def connection_made(self, now: float) -> None:
        super().connection_made(now)
        self._heartbeats.forget()
        self._heard_at = now
        self._ask_for_values(now)
        self._watch(now)

    @override
    def clock_set(self, by: float, now: float) -> None:
        self._schedule = self._schedule.after(by)
        self._update(now, **self._limit(now))

    @override
    def connection_lost(self, now: float) -> None:
        super().connection_lost(now)
        if self.module is not None:
            self.module.clear()
        if self._bus is not None:
            self._bus.dialect = None

    def _heard(self, now: float, **changes: Any) -> None:
        """Publish `changes`: it is there."""
        self._heard_at = now
        if self.snapshot.available:
            if changes:
                self._update(now, **changes)
            return
        self._set_unavailable(None, now, **changes)
        self._watch(now)
        self._begin_anew(now)

    def _watch(self, now: float) -> None:
        """Ask for a sign of life in time, and again and again once it is silent."""
        asks, silent, due = look(self._heard_at, self._heartbeats.silence_max, now)
        if asks:
            self._ask_for_life(now)
        if silent and self.snapshot.unavailable is not Reason.SILENT:
            self._set_unavailable(Reason.SILENT, now)
        self.timers.set("silence", due, self._watch)

    @override
    def _set_unavailable(self, reason: Reason | None, now: float, **changes: Any) -> None:
        if reason is not None:
            self._heartbeats.missed()
            changes = self._forgotten() | changes
        super()._set_unavailable(reason, now, **changes)

    def _also(self, *features: Feature) -> Capabilities:
        """Return the capabilities with `features`, which were evidently reported."""
        return self.snapshot.capabilities.reporting(*features)
