"""The API before v1: all values are repeated every second, and there are no replies."""

import asyncio
from collections.abc import Callable
import json
from typing import Any, override

from . import messages
from .energy import RequestedLimits
from .evse import Evse
from .framework import Station
from .ocpp import Ocpp, Publisher
from .requests import MalformedError, fields, integer, load, one_of
from .vocabulary import ENABLE_STATES, SOURCES, Source

_SOURCE = "API_module"
_DEFAULTS: dict[str, Any] = {
    "connector_id": 0,
    "source": "LocalAPI",
    "state": "Enable",
    "priority": 100,
}
_PHASES = (1, 3)
_TELEMETRY = {
    "temperature": 25.0,
    "fan_rpm": 1500.0,
    "supply_voltage_12V": 12.01,
    "supply_voltage_minus_12V": -11.8,
}
_INFORMATION = {
    "vendor": "Simulated",
    "model": "Carport 22",
    "chargepoint_serial": "SIM-0001",
    "friendly_name": "Carport",
    "manufacturer": "Simulated",
    "model_number": "C22",
    "firmware_version": "1.2.3",
}
VARIABLES = (
    "session_info",
    "hardware_capabilities",
    "selected_protocol",
    "datetime",
    "limits",
    "powermeter",
    "telemetry",
    "ev_info",
)


def encode(value: object) -> str:
    """Write JSON like the old API: in the order of the fields, with two decimals."""
    match value:
        case dict():
            inner = (f'"{key}": {encode(item)}' for key, item in value.items())
            return f"{{{','.join(inner)}}}"
        case float():
            return f"{value:.2f}"
        case _:
            return json.dumps(value)


def _plain(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


class LegacyStation(Publisher):
    """The messages of the old API about the station as a whole."""

    def __init__(self, station: Station, ocpp: Ocpp | None) -> None:
        """Build it for all EVSEs, and for OCPP if that is configured."""
        self._station = station
        self._ocpp = ocpp
        self._evses = [LegacyEvse(station, evse) for evse in station.points.values()]
        if ocpp:
            ocpp.publishers.append(self)

    @property
    def root(self) -> str:
        """The beginning of all topics."""
        return f"{self._station.prefix}everest_api"

    async def repeat(self) -> None:
        """Repeat all values every second, beginning with the empty ones."""
        station = self._station
        names = [evse.connector_id for evse in self._evses]
        while True:
            station.send(f"{self.root}/connectors", json.dumps(names))
            status = "unknown"
            if self._ocpp:
                status = "connected" if self._ocpp.connected else "disconnected"
            station.send(f"{self.root}/ocpp/var/connection_status", status)
            if station.site.information:
                station.send(f"{self.root}/info/var/info", _plain(_INFORMATION))
            if station.ids.errors:
                errors = _plain(station.faults.active)
                station.send(f"{self.root}/errors/var/active_errors", errors)
            for evse in self._evses:
                evse.repeat()
            await asyncio.sleep(station.timing.heartbeat or 1.0)

    @override
    def scheduled(self, schedules: dict[str, Any]) -> None:
        """Publish the schedule that OCPP requests."""
        self._station.send(f"{self.root}/ocpp/var/charging_schedules", _plain(schedules))

    def receive(self, connector: str, command: str, payload: bytes) -> None:
        """Forward a command to its EVSE."""
        for evse in self._evses:
            if evse.connector_id == connector:
                evse.receive(command, payload)


class LegacyEvse:
    """One EVSE in the old API."""

    def __init__(self, station: Station, evse: Evse) -> None:
        """Build it for one EVSE, whose messages it also publishes."""
        self._station = station
        self._evse = evse
        evse.voice.echo = self
        self._awake = False
        self._commands: dict[str, Callable[[str], object]] = {
            "pause_charging": lambda _: evse.course.pause(paused=True),
            "resume_charging": lambda _: evse.course.pause(paused=False),
            "stop_charging": lambda _: evse.course.stop_transaction("Local"),
            "set_limit_amps": self._limit_amps,
            "set_limit_watts": self._limit_watts,
            "set_limit_amps_phases": self._limit_amps_phases,
            "enable": lambda text: self._enable(text, "Enable"),
            "disable": lambda text: self._enable(text, "Disable"),
            "enable_disable": self._enable_disable,
            "force_unlock": self._force_unlock,
            "uk_random_delay": self._delay,
            "uk_random_delay_set_max_duration_s": self._delay_seconds,
        }

    @property
    def connector_id(self) -> str:
        """The name of this EVSE in the API."""
        return self._evse.voice.connector_id

    @property
    def root(self) -> str:
        """The beginning of the topics of this EVSE."""
        return f"{self._station.prefix}everest_api/{self.connector_id}"

    def forget(self) -> None:
        """Forget all values, as after a start."""
        self._awake = False

    def publish(self, variable: str, value: object) -> None:
        """Publish a variable; a text is written as it is, without quotes."""
        if self._evse.reachable:
            text = value if isinstance(value, str) else encode(value)
            self._station.send(f"{self.root}/var/{variable}", text)

    def metered(self, value: dict[str, Any]) -> None:
        """Publish the values of the meter, except for the temperatures."""
        self.publish("powermeter", {k: v for k, v in value.items() if k != "temperatures"})
        # A bug in EVerest: this reports whether the relay is closed.
        closed = self._evse.voice.state == "Charging"
        self.publish("telemetry", {"phase_seq_error": closed, **_TELEMETRY})

    def repeat(self) -> None:
        """Publish everything that is repeated every second, unless it is offline."""
        if not self._evse.reachable:
            return
        voice = self._evse.voice
        self.publish("session_info", _plain(self._session_info()))
        hardware = {k: v for k, v in voice.capabilities.items() if k != "supports_cp_state_E"}
        self.publish("hardware_capabilities", hardware if self._awake else "")
        self.publish("selected_protocol", (self._awake and voice.protocol) or "")
        self.publish("datetime", messages.now())
        self._awake = True

    def _session_info(self) -> dict[str, Any]:
        evse, voice = self._evse, self._evse.voice
        source = evse.course.source
        numbers = voice.numbers
        info = {
            "active_enable_disable_source": {
                "priority": source.priority if self._awake else 0,
                "source": source.name,
                "state": source.state if self._awake else "Enabled",
            },
            "charged_energy_wh": numbers.get("charged_energy_wh", 0),
            "charging_duration_s": numbers.get("transaction_duration_s", 0),
            "datetime": messages.now(),
            "discharged_energy_wh": 0,
            "latest_total_w": float(numbers.get("latest_total_w", 0)),
            "permanent_fault": False,
            "state": voice.state if self._awake else "Unknown",
        }
        if evse.delay.remaining:
            info["uk_random_delay"] = {
                "remaining_s": evse.delay.remaining,
                **evse.delay.describe(evse.energy.current),
            }
        return info

    # Commands ---------------------------------------------------------------------

    def receive(self, command: str, payload: bytes) -> None:
        """Carry out a command, unless it is unreadable."""
        if self._evse.silent or not self._evse.reachable or self._evse.refusal:
            return
        topic = f"{self.root}/cmd/{command}"
        try:
            if command not in self._commands:
                raise MalformedError("there is no such command")
            self._commands[command](payload.decode())
        except (MalformedError, UnicodeDecodeError) as error:
            self._station.refuses(topic, payload, str(error))

    def _limit(self, **limits: float) -> None:
        """Replace all previous limits, if there is an energy node."""
        if self._evse.setup.sink:
            self._evse.energy.later(RequestedLimits.now(_SOURCE, **limits))

    def _limit_amps(self, text: str) -> None:
        # A negative current draws nothing and may export energy.
        self._limit(ac_max_current_A=max(0.0, _number(text)))

    def _limit_watts(self, text: str) -> None:
        self._limit(total_power_W=max(0.0, _number(text)))

    def _limit_amps_phases(self, text: str) -> None:
        requested = fields(load(text.encode()), amps=(int, float), phases=int)
        if requested["phases"] not in _PHASES:
            raise MalformedError("phases is neither 1 nor 3")
        self._limit(
            ac_max_current_A=float(requested["amps"]), ac_max_phase_count=requested["phases"]
        )

    def _enable(self, text: str, state: str) -> None:
        connector = int(_number(text))
        self._evse.course.enable(Source("LocalAPI", state, _DEFAULTS["priority"]), connector)

    def _enable_disable(self, text: str) -> None:
        requested = _DEFAULTS | fields(load(text.encode()))
        source = Source(
            one_of(requested["source"], SOURCES),
            one_of(requested["state"], ENABLE_STATES),
            integer(requested["priority"]),
        )
        self._evse.course.enable(source, integer(requested["connector_id"]))

    def _force_unlock(self, text: str) -> None:
        """Unlock the connector, even if the number is unreadable."""
        self._evse.course.unlock()
        _number(text)

    def _delay(self, text: str) -> None:
        delay = self._evse.delay
        words = {"enable": delay.enable, "disable": delay.disable, "cancel": delay.cancel}
        words[one_of(text, tuple(words))]()

    def _delay_seconds(self, text: str) -> None:
        self._evse.delay.set_longest(int(_number(text)))


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise MalformedError(f"{text!r} is no number") from error
