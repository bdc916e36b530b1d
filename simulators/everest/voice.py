"""What an EVSE says: events, and the state, energy and power that follow them."""

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
import uuid

from simulators.car import Connector

from . import messages
from .module import ApiModule

if TYPE_CHECKING:
    from .station import EverestSimulator, EvseSetup

# The state each event leads to; events not listed here leave the state alone.
_STATE_AFTER = {
    "Enabled": "Unplugged",
    "Disabled": "Disabled",
    "SessionStarted": "Preparing",
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
# Events that are not followed by the protocol in use.
_NO_PROTOCOL = (
    "SessionStarted",
    "PrepareCharging",
    "ChargingPausedEVSE",
    "TransactionFinished",
)

VARIABLES = (
    "ac_nr_of_phases_available",
    "ac_pp_ampacity",
    "enforced_limits",
    "ev_info",
    "evse_id",
    "hlc_session_failed",
    "hw_capabilities",
    "powermeter",
    "powermeter_public_key_ocmf",
    "random_delay_countdown",
    "selected_protocol",
    "session_event",
    "session_info",
    "supported_energy_transfer_modes",
)


@dataclass
class Session:
    """One stay of a car."""

    uuid: str = field(default_factory=lambda: str(uuid.uuid4()))
    started: str = field(default_factory=messages.now)
    began: float = field(default_factory=lambda: asyncio.get_running_loop().time())
    ended: str | None = None
    token: dict[str, Any] | None = None
    transaction_started: str | None = None
    transaction_began: float = 0.0
    transaction_ended: str | None = None
    stopping: bool = False
    """Whether the transaction is about to end, which nothing can change any more."""

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction has begun and not ended."""
        return bool(self.transaction_started) and not self.transaction_ended

    @property
    def charging_allowed(self) -> bool:
        """Whether charging can go on."""
        return self.in_transaction and not self.stopping


class Voice:
    """The published side of an EVSE."""

    def __init__(
        self, station: EverestSimulator, setup: EvseSetup, number: int, connector: Connector
    ) -> None:
        """Build it silent; ``introduce`` says the first words."""
        self.api = ApiModule(
            station, "evse_manager_consumer", setup.module, station.timing.heartbeat
        )
        self.api.variables = VARIABLES
        self.session: Session | None = None
        self.state = "Unknown"
        self.protocol: str | None = None
        self.meter_value: dict[str, Any] = {}
        self._station = station
        self._setup = setup
        self._number = number
        self._connector = connector
        self._info: dict[str, Any] = {}
        self._samples = 0

    @property
    def in_session(self) -> bool:
        """Whether anything but the meter is worth repeating."""
        return self.state not in _NO_SESSION

    def introduce(self) -> None:
        """Say what is said once, at a start."""
        setup, publish = self._setup, self.api.publish
        self.api.forget()
        self.session = None
        self.protocol = None
        publish("evse_id", setup.evse_id or f"DE*SIM*E{self._number:05}*1")
        publish("powermeter_public_key_ocmf", "TESTPUBLICKEY1")
        state_e = self._station.dialect.state_e
        publish(
            "hw_capabilities",
            messages.capabilities(setup.phases, setup.max_current, state_e=state_e),
        )
        self._info = dict(_NOTHING)
        self.sample()
        publish("supported_energy_transfer_modes", {"modes": []})

    def begin(self, session: Session) -> None:
        """Count from zero for a new session; the old one was to be seen until now."""
        self.session = session
        self.protocol = None
        self._info = dict(_NOTHING)

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

    def info(self) -> None:
        """Publish the state, with the numbers of the last meter sample."""
        session = self.session
        sometimes = {
            "selected_protocol": self.protocol,
            "session_start_time": session and session.started,
            "session_end_time": session and session.ended,
            "transaction_start_time": session and session.transaction_started,
            "transaction_end_time": session and session.transaction_ended,
        }
        info = {**self._info, "state": self.state, "timestamp": messages.now()}
        info |= {key: value for key, value in sometimes.items() if value}
        self.api.publish("session_info", info)

    def limits(self, current: float, source: str) -> None:
        """Publish the limit in force."""
        name, phases = f"connector_{self._number}", self._setup.phases
        limits = messages.enforced_limits(name, current, source, phases)
        self.api.publish("enforced_limits", limits)

    def sample(self) -> None:
        """Read the meter; the numbers of a session change only here."""
        self._connector.advance()
        self._samples += 1
        self.meter_value = messages.powermeter(self._connector, self._samples)
        session = self.session
        if session and not session.ended:
            moment = asyncio.get_running_loop().time()
            self._info["session_duration_s"] = int(moment - session.began)
            self._info["charged_energy_wh"] = int(self._connector.energy * 1000)
            if session.in_transaction:
                seconds = int(moment - session.transaction_began)
                self._info["transaction_duration_s"] = seconds
        if self._info:  # not yet at a start
            self._info["latest_total_w"] = int(self.meter_value["power_W"]["total"])
        self.api.publish("powermeter", self.meter_value)
