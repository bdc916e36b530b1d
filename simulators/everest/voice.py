"""The messages of an EVSE: events, and the state, energy and power that follow them."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, Protocol
import uuid

from simulators.car import Connector

from . import direct, messages
from .framework import Station
from .module import ApiModule
from .setups import EvseSetup

# The state that each event leads to; other events do not change the state.
_STATE_AFTER = {
    "Enabled": "Unplugged",
    "Disabled": "Disabled",
    "SessionStarted": "Preparing",
    "WaitingForEnergy": "WaitingForEnergy",
    "ChargingResumed": "Charging",
    "PluginTimeout": "AuthTimeout",
    "PrepareCharging": "Preparing",
    "TransactionStarted": "Preparing",
    "AuthRequired": "AuthRequired",
    "ChargingStarted": "Charging",
    "ChargingPausedEV": "ChargingPausedEV",
    "ChargingPausedEVSE": "ChargingPausedEVSE",
    "StoppingCharging": "FinishedEV",
    "ChargingFinished": "Finished",
    "TransactionFinished": "Finished",
    "SessionFinished": "Unplugged",
}
_NOTHING = {
    "charged_energy_wh": 0,
    "discharged_energy_wh": 0,
    "latest_total_w": 0,
    "session_duration_s": 0,
}
_NO_SESSION = ("Unplugged", "Disabled", "Unknown")
_AC_MODES = ("AC_single_phase_core", "AC_three_phase_core")
_DC_MODES = {
    "ChargingStarted": "Export",
    "ChargingPausedEV": "Off",
    "ChargingPausedEVSE": "Off",
    "WaitingForEnergy": "Off",
    "ChargingResumed": "Export",
    "ChargingFinished": "Off",
}
# Events that are not followed by the protocol in use.
_NO_PROTOCOL = (
    "SessionStarted",
    "PrepareCharging",
    "ChargingPausedEVSE",
    "TransactionFinished",
)

_VARIABLES = (
    "ac_nr_of_phases_available",
    "ac_pp_ampacity",
    "enforced_limits",
    "ev_info",
    "evse_id",
    "hlc_session_failed",
    "hw_capabilities",
    "powermeter",
    "powermeter_public_key_ocmf",
    "selected_protocol",
    "session_event",
    "session_info",
    "supported_energy_transfer_modes",
)


@dataclass
class Session:
    """One stay of a car, from plug-in to plug-out."""

    uuid: str = field(default_factory=lambda: str(uuid.uuid4()))
    started: str = field(default_factory=messages.now)
    began: float = field(default_factory=lambda: asyncio.get_running_loop().time())
    ended: str | None = None
    token: dict[str, Any] | None = None
    transaction_started: str | None = None
    transaction_began: float = 0.0
    transaction_ended: str | None = None
    cost_from: float = 0.0
    """What the meter had counted when the transaction began, in kWh."""
    stopping: bool = False
    """Whether the transaction is about to end, which nothing can change anymore."""

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction has begun and not ended."""
        return bool(self.transaction_started) and not self.transaction_ended

    @property
    def charging_allowed(self) -> bool:
        """Whether charging may continue."""
        return self.in_transaction and not self.stopping


class Echo(Protocol):
    """Another API that publishes some of the same values."""

    def forget(self) -> None:
        """Forget all values, as after a start."""

    def publish(self, variable: str, value: object) -> None:
        """Publish a variable."""

    def metered(self, value: dict[str, Any]) -> None:
        """Publish the values of the meter."""


class Voice:
    """The published side of an EVSE."""

    def __init__(
        self, station: Station, setup: EvseSetup, number: int, connector: Connector
    ) -> None:
        """Build it silent; ``introduce`` publishes the first values."""
        self.api = ApiModule(station, "evse_manager_consumer", setup.module)
        self.api.heartbeat = station.timing.heartbeat
        self.api.check = setup.check
        self.api.variables = (
            *_VARIABLES,
            *(direct.VARIABLES if setup.dc else ()),
            *(("random_delay_countdown",) if setup.delay else ()),
        )
        self.connector_id = setup.connector or f"connector_{number}"
        """The id of the EvseManager that the API module belongs to."""
        self.echo: Echo | None = None
        self.session: Session | None = None
        self.state = "Unknown"
        self.protocol: str | None = None
        self.meter_value: dict[str, Any] = {}
        self.numbers: dict[str, int] = {}
        """The counters of the session."""
        self.no_power = False
        """Whether the meter fails to report the power."""
        self.lost = 0.0
        """What the meter has forgotten since the session began, in kWh."""
        self._station = station
        self._setup = setup
        self._number = number
        self._connector = connector
        self._samples = 0
        self._phases = 0

    @property
    def charging_allowed(self) -> bool:
        """Whether a transaction is running."""
        return self.session is not None and self.session.charging_allowed

    @property
    def in_session(self) -> bool:
        """Whether values other than those of the meter are repeated."""
        return self.state not in _NO_SESSION

    def introduce(self) -> None:
        """Publish the values that are sent once, at a start."""
        setup, publish = self._setup, self.api.publish
        self.session = None
        self.protocol = None
        self.state = "Unknown"
        self._phases = 0
        self.lost = 0.0
        publish("evse_id", setup.evse_id or f"DE*SIM*E{self._number:05}*1")
        publish("powermeter_public_key_ocmf", "TESTPUBLICKEY1")
        publish("hw_capabilities", self.capabilities)
        self.numbers = dict(_NOTHING)
        if setup.dc:
            publish("dc_capabilities", direct.CAPABILITIES)
            publish("dc_mode", "Off")
        self.sample()
        modes = direct.MODES if setup.dc else _AC_MODES if setup.protocol else ()
        publish("supported_energy_transfer_modes", {"modes": [*modes]})

    @property
    def capabilities(self) -> dict[str, Any]:
        """The capabilities of the hardware."""
        setup = self._setup
        return messages.capabilities(
            setup.phases,
            setup.max_current,
            socket=setup.socket,
            switches=setup.switches,
            state_e=self._station.dialect.state_e,
        )

    def car(self, *, here: bool) -> None:
        """Publish what is known of a car that comes or leaves."""
        publish = self.api.publish
        if self._setup.socket:
            publish("ac_pp_ampacity", {"ampacity": "A_32" if here else "None"})
        if self._station.dialect.page and here:
            publish("car_manufacturer", "Unknown")
        if self._setup.dc:
            publish("dlink_ready", here)
            publish("dc_mode", "Off")
        self.tell_car(here=here)

    def tell_car(self, *, here: bool) -> None:
        """Publish what the car has reported of itself; with AC that is nothing."""
        info: dict[str, Any] = {}
        if self._setup.dc and here:
            soc = direct.charge(self._connector)
            info = direct.ev_info(self._connector, soc, self._samples)
        self.api.publish("ev_info", info)
        if self.echo:
            self.echo.publish("ev_info", info)

    def limits(self, current: float, phases: int) -> None:
        """Publish the limits that apply in the old formats."""
        limits: dict[str, Any] = {"max_current": current, "nr_of_phases_available": phases}
        if self._phases:  # not yet at a start
            limits["uuid"] = self.connector_id
        if self._station.dialect.page:
            self.api.publish("limits", limits)
        if self.echo:
            self.echo.publish("limits", limits)
        if self._phases not in (0, phases):
            self.api.publish("ac_nr_of_phases_available", phases)
        self._phases = phases

    def begin(self, session: Session) -> None:
        """Count from zero for a new session; the old one was visible until now."""
        self.session = session
        self.protocol = None
        self.lost = 0.0
        self.numbers = dict(_NOTHING)

    def event(
        self,
        event: str,
        protocol: str | None = None,
        *,
        session: str | None = None,
        **details: Any,
    ) -> None:
        """Publish an event, the state it leads to, and the protocol in use.

        A new protocol is not in the state yet, only after it.
        """
        if session is None:
            session = self.session.uuid if self.session else ""
        self.state = _STATE_AFTER.get(event, self.state)
        if details.get("transaction_finished", {}).get("reason") == "Local":
            self.state = "FinishedEVSE"
        body = {"event": event, "timestamp": messages.now(), "uuid": session, **details}
        self.api.publish("session_event", body)
        self.info()
        self.protocol = protocol or self.protocol
        if event not in _NO_PROTOCOL:
            self.api.publish("selected_protocol", self.protocol)
        if self._setup.dc and event in _DC_MODES:
            self.api.publish("dc_mode", _DC_MODES[event])
        self._station.happened(self._number, event)

    def info(self) -> None:
        """Publish the state, with the numbers of the last meter sample."""
        if not self._station.dialect.info:
            return
        session = self.session
        sometimes = {
            "selected_protocol": self.protocol,
            "session_start_time": session and session.started,
            "session_end_time": session and session.ended,
            "transaction_start_time": session and session.transaction_started,
            "transaction_end_time": session and session.transaction_ended,
        }
        info = {**self.numbers, "state": self.state, "timestamp": messages.now()}
        info |= {key: value for key, value in sometimes.items() if value}
        self.api.publish("session_info", info)

    def sample(self) -> None:
        """Read the meter; the numbers of a session change only here."""
        self._connector.advance()
        self._samples += 1
        read = direct.powermeter if self._setup.dc else messages.powermeter
        self.meter_value = read(self._connector, self._samples)
        watts = int(self.meter_value["power_W"]["total"])
        if self.no_power:
            self.meter_value["power_W"] = {"total": None}
        session = self.session
        if session and not session.ended:
            moment = asyncio.get_running_loop().time()
            self.numbers["session_duration_s"] = int(moment - session.began)
            energy = self._connector.energy - self.lost
            self.numbers["charged_energy_wh"] = int(energy * 1000)
            if session.in_transaction:
                seconds = int(moment - session.transaction_began)
                self.numbers["transaction_duration_s"] = seconds
        self.numbers["latest_total_w"] = watts
        self.api.publish("powermeter", self.meter_value)
        if self.echo:
            self.echo.metered(self.meter_value)
        if self._setup.dc and self._connector.plugged:
            measured = direct.voltage_current(self._connector, self._samples)
            self.api.publish("dc_voltage_current", measured)
            self.api.publish("isolation_measurement", direct.isolation(self._samples))
            if self.state == "Charging":
                self.tell_car(here=True)
