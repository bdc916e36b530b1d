"""An EVSE: its parts, its start, and its inputs."""

import asyncio
from typing import override

from simulators.car import Connector

from .course import Course
from .delay import RandomDelay
from .energy import Energy
from .framework import Station
from .module import ApiModule
from .point import Point
from .setups import EvseSetup
from .vocabulary import Source

_FAULT = "evse_board_support/VendorError"
# The protocol while there is no car.
_IDLE = "Unknown"


class Evse(Point):
    """One EVSE with one connector, seen through its API module."""

    def __init__(self, station: Station, setup: EvseSetup, number: int) -> None:
        """Build an EVSE that is not running yet; ``boot`` starts it."""
        timing = station.timing
        ramp = 16.0 / timing.pace if timing.pace else float("inf")
        connector = Connector(
            max_current=setup.max_current,
            phases=setup.phases,
            needed=setup.needed,
            speed=timing.speed,
            ramp=ramp,
            lifetime=0.0,
        )
        super().__init__(station, setup, number, connector)
        self.delay = RandomDelay(self)
        self.energy = Energy(self, self.delay)
        self.course = Course(self, self.energy, self.delay)
        self._waits_for_others = False
        self._loops: list[asyncio.Task[None]] = []
        self._errors: dict[str, str] = {}
        self._faults: list[str] = []

    @property
    def api(self) -> ApiModule:
        """The module through which everything is sent and received."""
        return self.voice.api

    # Start and stop -----------------------------------------------------------

    def boot(self, *, resume: bool = False) -> None:
        """Start like EVerest: a session is lost as a whole, but not a car."""
        before = self.voice.session
        self.shut_down()
        self.course.reset()
        self.energy.sleep()
        self.delay.reset()
        self._errors.clear()
        self._faults.clear()
        self.connector.cut()
        if self.voice.echo:
            self.voice.echo.forget()
        self.api.start()
        self.voice.introduce()
        if resume:
            self.course.lose_power(before)
        self._waits_for_others = self.setup.external_ready and self.station.dialect.page
        if self.station.dialect.page:
            self.api.publish("waiting_for_external_ready", self._waits_for_others)
        if not self._waits_for_others:
            self._get_ready()

    def _get_ready(self) -> None:
        """Begin to operate."""
        self.voice.event("Enabled", _IDLE, session="", source=Source().encode())
        if self.station.dialect.page:
            self.api.publish("ready", True)  # noqa: FBT003
        spawn = self.station.spawn
        self._loops += [spawn(self._measure()), spawn(self.energy.manage())]
        if self.connector.plugged:
            self.course.replug()
        if self.trouble:
            self._tell_fault()

    def start_charging_allowed(self) -> bool:
        """Continue, as all others are ready; return whether this was awaited."""
        waited, self._waits_for_others = self._waits_for_others, False
        if waited:
            self._get_ready()
        return waited

    def shut_down(self) -> None:
        """End all running tasks."""
        for task in self._loops:
            task.cancel()
        self._loops.clear()
        self.api.stop()
        self.course.halt()
        self.delay.reset()

    @override
    def settle(self) -> None:
        self.course.settle()

    @override
    def changed(self, word: str) -> None:
        """Handle a fact that has changed."""
        self.api.reachable = self.reachable
        self.api.silent = self.silent
        serves = self.reachable and self.station.running and not self._waits_for_others
        match word:
            case "offline":
                self.shut_down()
            case "online" if self.station.running:
                self.boot()
            case "plug" if self.course.enabled and serves:
                self.course.arrive()
            case "unplug" if serves:
                self.course.leave()
            case "fault" | "clear_fault" if serves:
                self._tell_fault()
                self.course.settle()
            case _ if serves:
                self.course.settle()

    def _tell_fault(self) -> None:
        """Raise or clear the fault, which both the driver and EvseManager report."""
        for number in self._faults:
            self.station.faults.clear(number)
        self._faults.clear()
        if self.trouble:
            driver = (f"driver_{self.number}", "board_support")
            manager = (self.voice.connector_id, "evse")
            self._faults = [
                self.station.faults.report(_FAULT, self.trouble, origin=origin)
                for origin in (driver, manager)
            ]

    @override
    async def silence(self, on: bool | str = True) -> None:
        """Ignore all commands, or obey again."""
        await super().silence(on)
        self.api.silent = self.silent

    async def _measure(self) -> None:
        while True:
            await asyncio.sleep(self.station.timing.meter)
            self.voice.sample()
            if self.voice.in_session:
                self.voice.info()
            if self.voice.state == "Charging" and self.connector.full:
                self.course.settle()
