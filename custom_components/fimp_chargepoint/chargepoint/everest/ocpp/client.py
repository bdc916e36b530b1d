"""The OCPP client of an EVerest station, and all ways to reach it.

`ocpp_consumer` of API v1 if there is one, the internal bus of the station for what the API does
not offer, and what the older API reports of the connection.
"""

from collections.abc import Callable
import logging
from typing import ClassVar, Final, override

from ...capabilities import Capabilities
from ...errors import InvalidRequestError
from ...model import Feature, Identity, NodeKind, Reason
from ...node import Changes, NodeHost
from ...ocpp import (
    NOTHING_KNOWN,
    ChangeAvailability,
    GetVariables,
    MonitorVariables,
    OcppClient,
    OcppCommand,
    OcppEvent,
    OcppSnapshot,
    Question,
    SendSecurityEvent,
)
from ...readers import text, timestamp
from ..api.module import ApiModule, Kind, Signature, node_address
from ..api.node import ApiNode
from ..envelope import address, mapping
from ..station import station_address
from . import requests as ocpp_requests
from .schedule import Schedule, of_station

_LOGGER = logging.getLogger(__name__)

#: Seconds within which a starting module publishes everything.
_STARTUP_TIME: Final = 1.0
#: The variables that main sends on request. Not `is_connected`: `true` is also the reply for a
#: variable that was never published.
GETTABLE: Final = ("connection_status", "boot_notification_response", "charging_schedules")
#: The words of the older API; there is also one for an unknown state.
LEGACY_WORDS: Final = {"connected": True, "disconnected": False}
_LEGACY_UNKNOWN: Final = "unknown"
#: The variables about the connection.
_CONNECTION_VARIABLES: Final = frozenset({"is_connected", *GETTABLE})
#: What the back end limits, by OCPP's word for the unit.
_LIMITS: Final = {"A": Feature.CSMS_CURRENT, "W": Feature.CSMS_POWER}


#: Returns what to send on the internal bus of the station for a command, or raises
#: InvalidRequestError if the bus does not offer it, or its arguments make no sense.
type BusQuestion = Callable[[OcppCommand], Question]


class EverestOcpp(ApiNode[OcppSnapshot], OcppClient):
    """One OCPP client. Without a module, it is only reached in the other ways."""

    SIGNATURE: ClassVar[Signature] = {
        "is_connected": ("", bool),
        "boot_notification_response": ("status", object),
        "charging_schedules": ("schedules", object),
        "connection_status": ("connected", object),
        "event_data": ("component_variable", object),
        "security_event": ("type", object),
    }

    def __init__(self, host: NodeHost, prefix: str, module: str = "") -> None:
        """Represent the `ocpp_consumer` called `module` below a topic prefix."""
        snapshot = OcppSnapshot(
            identity=Identity(name=module, kind=NodeKind.OCPP_CLIENT),
            # With several EVSEs the station is a device of its own.
            parent=station_address(prefix),
            capabilities=Capabilities(reports=frozenset({Feature.CONNECTED})),
        )
        super().__init__(node_address(Kind.OCPP, prefix, module), snapshot, host)
        #: Whether it has an `ocpp_consumer`.
        self.has_module = bool(module)
        self._attach(ApiModule(host, prefix, Kind.OCPP, module), GETTABLE if module else ())
        self._bus: BusQuestion | None = None
        #: When the connection was reported last, and the last word of the older API.
        self._connection_received_at = float("-inf")
        self._legacy_word = _LEGACY_UNKNOWN
        self._schedule = Schedule()
        #: Whether the release is known to offer all of `ocpp_consumer`.
        self._has_all = False
        #: Whether it takes monitors, None if that is not known.
        self._monitors: bool | None = None
        #: What is monitored, to be requested again after a restart.
        self._monitored: list[MonitorVariables] = []
        self._reports: dict[str, Callable[[object, float], Changes]] = {
            "is_connected": self._is_connected,
            "connection_status": self._connection_status,
            "boot_notification_response": self._boot_notification,
            "charging_schedules": self._charging_schedules,
            "security_event": self._security_event,
            "event_data": self._event_data,
            "heartbeat": self._heartbeat,
            "ocpp_message": self._ocpp_message,
        }

    # Messages of the module -----------------------------------------------------

    @override
    def handle_message(
        self, variable: str, value: object, now: float, *, requested: bool = False
    ) -> None:
        if variable in _CONNECTION_VARIABLES:
            self._connection_received_at = now
        report = self._reports.get(variable)
        self._received(now, **(report(value, now) if report is not None else {}))

    @override
    def found(self, heartbeat_period: float | None, now: float) -> None:
        self._newest_received()
        super().found(heartbeat_period, now)

    @override
    def answered(self, request_id: str, operation: str, value: object, now: float) -> None:
        if operation.endswith("/get"):
            self._newest_received()
        super().answered(request_id, operation, value, now)

    @override
    def _replied(self, request_id: str, operation: str, value: object, now: float) -> None:
        self._received(now)
        self._calls.replied(request_id, value)

    def _newest_received(self) -> None:
        """Take note of a message that only the newest release sends."""
        self._has_all = self._monitors = True

    def _is_connected(self, value: object, now: float) -> Changes:
        return {"connected": value} if isinstance(value, bool) else {}

    def _connection_status(self, value: object, now: float) -> Changes:
        status = mapping(value)
        connected, profile = status.get("connected"), status.get("security_profile")
        self._newest_received()
        return {
            "connected": connected if isinstance(connected, bool) else None,
            "csms_url": address(status.get("csms_url")),
            "client_id": text(status.get("identity")),
            "version": text(status.get("ocpp_version")),
            "security_profile": profile if type(profile) is int else None,
            "capabilities": self._reporting(Feature.CSMS),
        }

    def _boot_notification(self, value: object, now: float) -> Changes:
        status = text(mapping(value).get("status"))
        return {"registration": status, "capabilities": self._reporting(Feature.REGISTRATION)}

    def _charging_schedules(self, value: object, now: float) -> Changes:
        self._monitors = True
        self._schedule = of_station(value, now, self.host.clock.to_datetime(now))
        feature = _LIMITS.get(self._schedule.unit or "")
        return self._limit(now) | (
            {} if feature is None else {"capabilities": self._reporting(feature)}
        )

    def _limit(self, now: float) -> Changes:
        """Return the present limit, and update it when it changes."""
        change = self._schedule.next_change(now)
        if change is None:
            self.timers.cancel("limit")
        else:
            self.timers.set("limit", change, lambda at: self._update(at, **self._limit(at)))
        limit, unit = self._schedule.limit(now), self._schedule.unit
        return {feature: limit if unit == word else None for word, feature in _LIMITS.items()}

    def _security_event(self, value: object, now: float) -> Changes:
        event = mapping(value)
        critical = event.get("critical")
        self._notify(
            OcppEvent.SECURITY_EVENT,
            type=text(event.get("type")),
            info=text(event.get("info")),
            critical=critical if isinstance(critical, bool) else None,
            timestamp=timestamp(event.get("timestamp")),
        )
        return {}

    def _event_data(self, value: object, now: float) -> Changes:
        self._monitors = True
        self._notify(OcppEvent.VARIABLE_CHANGED, **ocpp_requests.event(value))
        return {}

    def _ocpp_message(self, value: object, now: float) -> Changes:
        # The content is private.
        self._newest_received()
        return {}

    @override
    def _heartbeat(self, value: object, now: float) -> Changes:
        # 2025.10, the only release without monitors, does not count its heartbeats.
        self._monitors = self._monitors or type(value) is int
        return super()._heartbeat(value, now)

    @override
    def _restarted(self, now: float) -> Changes:
        _LOGGER.info("%s was restarted", self.address)
        # Up to 2026.02 it does not report the connection before there is one.
        is_old = now - self._connection_received_at > _STARTUP_TIME
        changes = self._forgotten() if is_old else {}
        self._ask_for_everything(now)
        self._monitor_again()
        return changes

    def _forgotten(self) -> Changes:
        self._schedule = Schedule()
        self.timers.cancel("limit")
        return dict(NOTHING_KNOWN)

    # The other ways ---------------------------------------------------------------

    def use_bus(self, bus: BusQuestion | None) -> None:
        """Use the internal bus for what the API does not offer."""
        self._bus = bus

    def bus_reported(self, variable: str, value: object, now: float) -> None:
        """Take a variable from the internal bus, unless the API reports the same."""
        by_api = self.has_module and self.snapshot.available
        changes: Changes = {}
        if variable == "is_connected" and not by_api:
            changes = self._is_connected(value, now)
        elif variable == "security_event" and not by_api:
            self._security_event(value, now)
        elif variable == "configuration_key" and not (by_api and self._monitors is not False):
            self._notify(OcppEvent.VARIABLE_CHANGED, **ocpp_requests.key_changed(value))
        if not by_api:
            self._received(now, **changes)

    def bus_alive(self, now: float) -> None:
        """Something was received from the internal bus of its station."""
        if not self.has_module:
            self._received(now)

    def bus_replied(self, call_id: str, value: object, error: str | None) -> None:
        """Take the result of a call on the internal bus, or the `error` that it led to."""
        if error is None:
            self._calls.replied(call_id, value)
        else:
            self._calls.refused(call_id, error)

    def legacy_reported(self, word: str, now: float) -> None:
        """Take the state of the connection from the older API, each second."""
        before, self._legacy_word = self._legacy_word, word
        if not self.has_module:
            connected = LEGACY_WORDS.get(word, self.snapshot.connected)
            if word == _LEGACY_UNKNOWN and before != word:
                # It was restarted. A station that never reports another word is left alone.
                connected = None
            self._received(now, connected=connected)
        elif self.snapshot.available and self.snapshot.connected is None:
            # Up to 2026.02 `ocpp_consumer` only reports changes.
            self._update(now, connected=LEGACY_WORDS.get(word))

    # Commands -----------------------------------------------------------------------

    @override
    def check(self, command: OcppCommand) -> None:
        if self._by_api(command) is None:
            self._by_bus(command)

    @override
    def _question(self, command: OcppCommand, now: float) -> Question:
        call = self._by_api(command)
        if call is None:
            return self._by_bus(command)
        make = self.module.message if call.answer is None else self.module.request
        return Question(make(call.operation, call.payload), call.answer)

    def _by_api(self, command: OcppCommand) -> ocpp_requests.OcppCall | None:
        """Return the call of the API for `command`, None if this release does not offer it."""
        match command:
            case ChangeAvailability() | SendSecurityEvent():
                is_offered = self._has_all
            case MonitorVariables():
                is_offered = self._monitors is not False
            case _:
                is_offered = not self._is_for_bus(command)
        call = ocpp_requests.api_call(command)
        return call if is_offered and self.has_module else None

    def _is_for_bus(self, command: OcppCommand) -> bool:
        """Whether the bus is preferred: only there can all keys be requested."""
        if self._bus is None or command != GetVariables():
            return False
        try:
            self._bus(command)
        except InvalidRequestError:
            return False
        return True

    def _by_bus(self, command: OcppCommand) -> Question:
        release = ocpp_requests.API_SINCE.get(type(command), "")
        if isinstance(command, ChangeAvailability):
            raise InvalidRequestError("needs_ocpp_consumer", release=release)
        if self._bus is not None:
            return self._bus(command)
        if release:
            raise InvalidRequestError("needs_ocpp_consumer_or_bus", release=release)
        is_on = self.host.options.internal_bus
        raise InvalidRequestError("bus_without_ocpp" if is_on else "bus_off")

    @override
    def _done(self, command: OcppCommand) -> None:
        if isinstance(command, MonitorVariables) and command not in self._monitored:
            self._monitored.append(command)

    def _monitor_again(self) -> None:
        """Request all monitors again: a restarted module has forgotten them."""
        for command in self._monitored:
            self._send(command)

    @override
    def _ask_for_reply(self, now: float) -> None:
        # An older bus takes no requests, but its modules send regularly.
        self._send(ocpp_requests.PING)

    def _send(self, command: OcppCommand) -> None:
        try:
            request = self._question(command, self.host.clock.now()).request
        except InvalidRequestError as error:
            _LOGGER.debug("%s is no longer asked: %s", self.address, error)
        else:
            self.module.send(request)

    # Availability -------------------------------------------------------------------

    @override
    def _available_again(self, now: float) -> None:
        super()._available_again(now)
        self._monitor_again()

    @override
    def clock_set(self, by: float, now: float) -> None:
        self._schedule = self._schedule.after(by)
        self._update(now, **self._limit(now))

    @override
    def _set_unavailable(self, reason: Reason | None, now: float, **changes: object) -> None:
        if reason is not None:
            changes = self._forgotten() | changes
        super()._set_unavailable(reason, now, **changes)
