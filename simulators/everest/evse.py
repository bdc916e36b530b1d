"""An EVSE: the session state machine behind ``evse_manager_consumer``."""

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, override

from simulators.car import MIN_CURRENT, Connector
from simulators.simulator import Chargepoint, ControlError

from . import messages
from .module import ApiModule
from .operations import Source, connect
from .voice import VARIABLES, Session, Voice

if TYPE_CHECKING:
    from .station import EverestSimulator, EvseSetup

# How long the steps of a real EVerest take, in seconds.
_AUTHORIZE = 1.0
_TRANSACTION = 0.1
_FIRST_PREPARE = 1.7
_PREPARE = 0.7
_STOP_BY_EVSE = 1.1
_STOP_BY_CAR = 0.1
_REPLUG_AFTER_BOOT = 0.7
_LIMITS_PERIOD = 1.0

# The protocol between EVSE and car, without a car and with any AC car.
_IDLE = "Unknown"
_BASIC = "IEC61851-1"


class Evse(Chargepoint):
    """One EVSE with one connector, seen through its API module."""

    WORDS = Chargepoint.WORDS | {
        "swipe": "hold an RFID card to the reader; its number may follow",
        "limit": "limit the current to so many ampere",
        "restart": "restart EVerest",
    }

    def __init__(self, station: EverestSimulator, setup: EvseSetup, number: int) -> None:
        """Build an EVSE that is not running yet; ``boot`` starts it."""
        timing = station.timing
        ramp = 16.0 / timing.pace if timing.pace else float("inf")
        connector = Connector(
            max_current=setup.max_current,
            phases=setup.phases,
            wanted=setup.wanted,
            speed=timing.speed,
            ramp=ramp,
            lifetime=0.0,
        )
        super().__init__(setup.name, connector)
        self.station = station
        self.setup = setup
        self.number = number
        self.voice = Voice(station, setup, number, connector)
        self.current_limit = setup.max_current
        self.limit_source = "module_config"
        self.sources: dict[str, Source] = {}
        self.enabled = True
        self.paused = False
        self._reasons: tuple[str, ...] = ()
        self._procedure: asyncio.Task[None] | None = None
        self._loops: list[asyncio.Task[None]] = []
        connect(self)

    @property
    def api(self) -> ApiModule:
        """The module through which all is said and heard."""
        return self.voice.api

    # Life ---------------------------------------------------------------------

    def boot(self) -> None:
        """Start, as EVerest does: everything of a session is lost, but not a car."""
        self.shut_down()
        self.paused = False
        self._reasons = ()
        self.sources.clear()
        self.enabled = True
        self.connector.cut()
        spawn = self.station.spawn
        self._loops.append(spawn(self.api.beat()))
        self.voice.introduce()
        source = Source().encode()
        self.voice.event("Enabled", _IDLE, session="", source=source)
        self._tell_limit()
        self._loops += [spawn(self._measure()), spawn(self._repeat_limits())]
        if self.connector.plugged:
            self._proceed(self._replug())

    def shut_down(self) -> None:
        """End everything that runs."""
        for task in self._loops:
            task.cancel()
        self._loops.clear()
        if self._procedure:
            self._procedure.cancel()

    @override
    def changed(self, word: str) -> None:
        """Act on a fact that has changed."""
        self.api.reachable = self.reachable
        self.api.silent = self.silent
        match word:
            case "offline":
                self.shut_down()
            case "online":
                self.boot()
            case "plug" if self.enabled and self.reachable:
                self._arrive()
            case "unplug" if self.reachable:
                self._leave()
            case "fault" | "clear_fault" if self.reachable:
                self.station.tell_error(self)
                self.settle()
            case _ if self.reachable:
                self.settle()

    async def swipe(self, number: str = "DEADBEEF") -> None:
        """Hold an RFID card to the reader: to begin, or with the same card to end."""
        if self.swiped(messages.token(number)) == "Rejected":
            raise ControlError("the card is rejected")

    async def limit(self, ampere: float | str) -> None:
        """Limit the current."""
        try:
            self.set_limit(float(ampere), "limit")
        except ValueError as error:
            raise ControlError(f"{ampere} is no current") from error

    async def restart(self) -> None:
        """Restart EVerest as a whole."""
        self.station.boot()

    @override
    async def silence(self, on: bool | str = True) -> None:
        """Take no notice of any command, or do so again."""
        await super().silence(on)
        self.api.silent = self.silent

    @override
    async def garbage(self) -> None:
        """Publish nonsense on every topic of the module."""
        for variable in (*VARIABLES, "heartbeat", "no_such_variable"):
            for nonsense in messages.NONSENSE:
                self.station.send(f"{self.api.topic}/e2m/{variable}", nonsense)

    # What can be asked of it ----------------------------------------------------

    @property
    def charging_allowed(self) -> bool:
        """Whether a transaction is running."""
        return self.voice.session is not None and self.voice.session.charging_allowed

    def set_limit(self, ampere: float, source: str) -> None:
        """Put another limit in force; ours never goes above that of the fuse."""
        fuse = self.setup.max_current
        self.current_limit = min(ampere, fuse)
        self.limit_source = source if ampere < fuse else "module_config"
        self._tell_limit()
        self.settle()

    def swiped(self, token: dict[str, Any]) -> str:
        """Take a card, and tell what it was used for."""
        if not self.enabled or not self.reachable:
            return "Rejected"
        session = self.voice.session
        if session is None or session.ended:
            if self.connector.plugged:
                return "Rejected"
            self._begin_session("Authorized", token)
            return "UsedToStart"
        if session.token is None:
            self._proceed(self._start_transaction(token))
            return "UsedToStart"
        if session.charging_allowed and session.token["id_token"] == token["id_token"]:
            self.stop_transaction("Local")
            return "UsedToStop"
        return "Rejected"

    def settle(self) -> None:
        """Go from where the EVSE is to where the facts want it."""
        if self.charging_allowed:
            self._proceed(self._settle(_PREPARE))

    def stop_transaction(self, reason: str) -> None:
        """End the transaction; only another plug-in brings a new one."""
        if self.voice.session and self.voice.session.charging_allowed:
            self.voice.session.stopping = True
            self._proceed(self._stop(reason))

    def enable(self, source: Source, connector: int) -> bool:
        """Take the opinion of one source on whether to be enabled; the first wins."""
        if source.state == "Unassigned":
            self.sources.pop(source.name, None)
        else:
            self.sources[source.name] = source
        first = min(self.sources.values(), key=lambda s: s.priority, default=None)
        enabled = first is None or first.state == "Enable"
        if enabled is not self.enabled:
            self.enabled = enabled
            if not enabled:
                self._end("EVSEDisabled" if self.station.dialect.latches else "Other")
            details: dict[str, Any] = {"source": source.encode()}
            if connector:
                details["connector_id"] = connector
            self.voice.event("Enabled" if enabled else "Disabled", session="", **details)
        return enabled

    # Procedures ---------------------------------------------------------------

    def _proceed(self, procedure: Coroutine[Any, Any, None]) -> None:
        """Follow a procedure; the one before, if it is not through, is given up."""
        if self._procedure:
            self._procedure.cancel()
        self._procedure = self.station.spawn(procedure)

    def _arrive(self) -> None:
        """Notice a car."""
        self.api.publish("ev_info", {})
        session = self.voice.session
        if session and not session.ended and session.token:
            # The card came first.
            self.voice.event("AuthRequired")
            self._proceed(self._start_transaction(session.token))
            return
        self._begin_session("EVConnected")
        if self.setup.authorize:
            self._proceed(self._swipe_soon())

    def _leave(self) -> None:
        """Notice that the car has gone."""
        self.paused = False
        self._end("EVDisconnected")

    def _begin_session(self, reason: str, token: dict[str, Any] | None = None) -> None:
        self.voice.begin(Session(token=token))
        self.connector.previous, self.connector.energy = self.connector.energy, 0.0
        started: dict[str, Any] = {"meter_value": self.voice.meter_value, "reason": reason}
        if token:
            started["id_tag"] = {**token, "connectors": [1]}
        self.voice.event("SessionStarted", session_started=started)
        self.voice.event("Authorized" if token else "AuthRequired", _BASIC)

    async def _replug(self) -> None:
        await self.station.sleep(_REPLUG_AFTER_BOOT)
        self.connector.plug()
        self._arrive()

    async def _swipe_soon(self) -> None:
        await self.station.sleep(_AUTHORIZE)
        await self.swipe()

    async def _start_transaction(self, token: dict[str, Any]) -> None:
        session = self.voice.session
        if session is None:
            return
        if session.token is None:
            session.token = token
            self.voice.event("Authorized")
        if not self.connector.plugged:
            return
        await self.station.sleep(_TRANSACTION)
        session.transaction_started = messages.now()
        session.transaction_began = asyncio.get_running_loop().time()
        tag = {**token, "connectors": [1]}
        started = {"id_tag": tag, "meter_value": self.voice.meter_value}
        started["signed_meter_value"] = messages.signed("start")
        self.voice.event("TransactionStarted", transaction_started=started)
        self.voice.event("PrepareCharging")
        await self._settle(_FIRST_PREPARE)

    async def _settle(self, prepare: float) -> None:
        connector = self.connector
        connector.advance()
        reasons = self._reasons_to_pause()
        if reasons:
            goal = "ChargingPausedEVSE"
        elif connector.car_paused or connector.full:
            goal = "ChargingPausedEV"
        else:
            goal = "Charging"
        if (goal, reasons) == (self.voice.state, self._reasons):
            if goal == "Charging":
                connector.offer(self.current_limit)
            return
        if goal == "Charging":
            if self.voice.state != "Preparing":
                self.voice.event("PrepareCharging")
            await self.station.sleep(prepare)
            connector.offer(self.current_limit)
            event = "ChargingStarted"
        else:
            if self.voice.state in ("Charging", "FinishedEV"):
                if self.voice.state == "Charging":
                    self.voice.event("StoppingCharging")
                pause = _STOP_BY_EVSE if reasons else _STOP_BY_CAR
                await self.station.sleep(pause / 2)
                connector.offer(0)
                await self.station.sleep(pause / 2)
            connector.offer(0)
            event = goal
        self._reasons = reasons
        details: dict[str, Any] = {}
        if reasons:
            details["charging_paused_evse"] = {"reasons": list(reasons)}
        self.voice.sample()
        details["charging_state_changed_event"] = {"meter_value": self.voice.meter_value}
        self.voice.event(event, **details)

    def _reasons_to_pause(self) -> tuple[str, ...]:
        facts = {
            "UserPause": self.paused,
            "Error": self.trouble is not None,
            "NoEnergy": self.current_limit < MIN_CURRENT,
        }
        return tuple(reason for reason, holds in facts.items() if holds)

    async def _stop(self, reason: str) -> None:
        pause = _STOP_BY_EVSE if self.voice.state == "Charging" else _STOP_BY_CAR
        self.voice.event("StoppingCharging")
        await self.station.sleep(pause / 2)
        self.connector.offer(0)
        await self.station.sleep(pause / 2)
        self._finish(reason)

    def _finish(self, reason: str) -> None:
        """Close the transaction."""
        session = self.voice.session
        if session is None or not session.in_transaction:
            return
        self.connector.offer(0)
        self.voice.sample()
        self.paused = False
        self._reasons = ()
        self.voice.event("ChargingFinished")
        session.transaction_ended = messages.now()
        finished: dict[str, Any] = {
            "meter_value": self.voice.meter_value,
            "reason": reason,
            "signed_meter_value": messages.signed("stop"),
            "start_signed_meter_value": messages.signed("start"),
        }
        if reason == "Local" and session.token:
            finished["id_tag"] = session.token
        self.voice.event("TransactionFinished", transaction_finished=finished)

    def _end(self, reason: str) -> None:
        """Close the session, and the transaction in it, at once."""
        if self._procedure:
            self._procedure.cancel()
        session = self.voice.session
        if session is None or session.ended:
            return
        if session.in_transaction:
            if not session.stopping:
                self.voice.event("StoppingCharging")
            self._finish(reason)
        self.connector.offer(0)
        self.voice.sample()
        session.ended = messages.now()
        self.api.publish("ev_info", {})
        finished = {"meter_value": self.voice.meter_value}
        self.voice.event("SessionFinished", _IDLE, session_finished=finished)

    # What it keeps saying -------------------------------------------------------

    async def _measure(self) -> None:
        while True:
            await asyncio.sleep(self.station.timing.meter)
            self.voice.sample()
            if self.voice.in_session:
                self.voice.info()
            if self.voice.state == "Charging" and self.connector.full:
                self.settle()

    async def _repeat_limits(self) -> None:
        while True:
            await asyncio.sleep(_LIMITS_PERIOD)
            self._tell_limit()

    def _tell_limit(self) -> None:
        current = self.current_limit if self.current_limit >= MIN_CURRENT else 0.0
        self.voice.limits(current, self.limit_source)
