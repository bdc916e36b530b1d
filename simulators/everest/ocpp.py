"""The OCPP client of a station: its keys, its connection, and those who tell of it."""

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


class Teller:
    """Somebody who tells what happens to OCPP, as far as there are words for it."""

    def connection(self) -> None:
        """Tell that the connection is there or gone."""

    def key_changed(self, name: str) -> None:
        """Tell that the back end has changed a key."""

    def secured(self, event: dict[str, Any]) -> None:
        """Tell a security event of the station."""

    def scheduled(self, schedules: dict[str, Any]) -> None:
        """Tell what the back end lets be drawn."""

    def transferred(self, data: dict[str, Any]) -> None:
        """Tell that the back end has sent data."""


class Ocpp:
    """What is known and done, whoever asks for it."""

    def __init__(self, station: Station, evses: int) -> None:
        """Begin without a connection, for a station with so many EVSEs."""
        self._station = station
        self.tellers: list[Teller] = []
        self.keys = _keys(evses)
        self.connected = False
        self.stopped = False
        self.told: list[tuple[str, str]] = []
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
        """Find the back end, or lose it."""
        if on is not self.connected and not (on and self.stopped):
            self.connected = on
            for teller in self.tellers:
                teller.connection()

    def stop(self) -> bool:
        """End OCPP; tells whether it was running."""
        was_running, self.stopped = not self.stopped, True
        self.connect(on=False)
        return was_running

    def restart(self) -> bool:
        """Begin again after an end; tells whether there was one."""
        was_stopped, self.stopped = self.stopped, False
        if was_stopped:
            self.connect(on=True)
        return was_stopped

    def write(self, name: str, value: str, *, only_custom: bool = False) -> str:
        """Let somebody at the station set a key."""
        key = self.keys.get(name)
        if key is None:
            return "NotSupported"
        if key.read_only or (only_custom and not key.custom):
            return "Rejected"
        key.value = value
        return "RebootRequired" if key.reboot else "Accepted"

    def dictate(self, name: str, value: str) -> bool:
        """Let the back end set a key, which is told to those who want to know."""
        key = self.keys.get(name)
        if key is None:
            return False
        key.value = value
        for teller in self.tellers:
            teller.key_changed(name)
        return True

    def secure(self, kind: str, info: str) -> None:
        """Have a security event."""
        event = {"type": kind, "info": info, "critical": True, "timestamp": messages.now()}
        self.told.append((kind, info))
        for teller in self.tellers:
            teller.secured(event)

    def schedule(self, current: float) -> None:
        """Let the back end limit the current."""
        period = {"start_period": 0, "limit": current, "stack_level": 0}
        schedule = {
            "evse": 0,
            "charging_rate_unit": "A",
            "charging_schedule_period": [period],
            "duration": 86400,
            "start_schedule": messages.now(),
        }
        schedules = {"schedules": [schedule]}
        for teller in self.tellers:
            teller.scheduled(schedules)

    def transfer(self, vendor: str, data: str) -> None:
        """Let the back end send data."""
        sent = {"vendor_id": vendor, "message_id": str(uuid.uuid4()), "data": data}
        for teller in self.tellers:
            teller.transferred(sent)
