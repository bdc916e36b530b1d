"""The OCPP client of a station: its keys, its connection, and those that report on it."""

from dataclasses import dataclass
from typing import Any
import uuid

from . import messages
from .framework import Station

_CONNECT_SECONDS = 1.0
URL = "ws://localhost:9000"
IDENTITY = "cp001"
VERSION = "1.6"


@dataclass
class Key:
    """A configuration key."""

    value: str
    read_only: bool = False
    reboot: bool = False
    """A new value counts only after a restart."""
    custom: bool = False
    """It is not one of the standard."""


def _keys(evses: int) -> dict[str, Key]:
    return {
        "AuthorizeRemoteTxRequests": Key("true"),
        "CentralSystemURI": Key(URL, reboot=True),
        "ConnectionTimeOut": Key("60"),
        "HeartbeatInterval": Key("300"),
        "MeterValueSampleInterval": Key("60"),
        "NumberOfConnectors": Key(str(evses), read_only=True),
        "SupportedFeatureProfiles": Key("Core,SmartCharging", read_only=True),
        "WebSocketPingInterval": Key("10"),
        "DisplayText": Key("Hello", custom=True),
    }


class Publisher:
    """Reports the events of OCPP, as far as its protocol has messages for them."""

    def connection(self) -> None:
        """Report whether the connection is up."""

    def key_changed(self, name: str) -> None:
        """Report that the back end has changed a key."""

    def secured(self, event: dict[str, Any]) -> None:
        """Report a security event of the station."""

    def scheduled(self, schedules: dict[str, Any]) -> None:
        """Report what the back end lets the station draw."""

    def transferred(self, data: dict[str, Any]) -> None:
        """Report data sent by the back end."""


class Ocpp:
    """State and actions of the client, independent of the API."""

    def __init__(self, station: Station, evses: int) -> None:
        """Start without a connection, for a station with so many EVSEs."""
        self._station = station
        self.publishers: list[Publisher] = []
        self.keys = _keys(evses)
        self.connected = False
        self.stopped = False
        self.security_events: list[tuple[str, str]] = []
        """The security events that went to the back end, as (type, information)."""

    def boot(self) -> None:
        """Connect, after a moment."""
        self.connected = False
        self.stopped = False

        async def connect() -> None:
            await self._station.sleep(_CONNECT_SECONDS)
            self.connect(on=True)

        self._station.spawn(connect())

    def connect(self, *, on: bool) -> None:
        """Connect to the back end, or disconnect."""
        if on is not self.connected and not (on and self.stopped):
            self.connected = on
            for publisher in self.publishers:
                publisher.connection()

    def stop(self) -> bool:
        """Stop OCPP; return whether it was running."""
        was_running, self.stopped = not self.stopped, True
        self.connect(on=False)
        return was_running

    def restart(self) -> bool:
        """Start again after a stop; return whether it was stopped."""
        was_stopped, self.stopped = self.stopped, False
        if was_stopped:
            self.connect(on=True)
        return was_stopped

    def write(self, name: str, value: str, *, only_custom: bool = False) -> str:
        """Set a key on behalf of the station."""
        key = self.keys.get(name)
        if key is None:
            return "NotSupported"
        if key.read_only or (only_custom and not key.custom):
            return "Rejected"
        key.value = value
        return "RebootRequired" if key.reboot else "Accepted"

    def dictate(self, name: str, value: str) -> bool:
        """Set a key on behalf of the back end, and report it to those that monitor it."""
        key = self.keys.get(name)
        if key is None:
            return False
        key.value = value
        for publisher in self.publishers:
            publisher.key_changed(name)
        return True

    def secure(self, kind: str, info: str) -> None:
        """Raise a security event."""
        event = {"type": kind, "info": info, "critical": True, "timestamp": messages.now()}
        self.security_events.append((kind, info))
        for publisher in self.publishers:
            publisher.secured(event)

    def schedule(self, current: float) -> None:
        """Limit the current on behalf of the back end."""
        period = {"start_period": 0, "limit": current, "stack_level": 0}
        schedule = {
            "evse": 0,
            "charging_rate_unit": "A",
            "charging_schedule_period": [period],
            "duration": 86400,
            "start_schedule": messages.now(),
        }
        schedules = {"schedules": [schedule]}
        for publisher in self.publishers:
            publisher.scheduled(schedules)

    def transfer(self, vendor: str, data: str) -> None:
        """Send data on behalf of the back end."""
        sent = {"vendor_id": vendor, "message_id": str(uuid.uuid4()), "data": data}
        for publisher in self.publishers:
            publisher.transferred(sent)
