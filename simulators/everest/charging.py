"""Charging: continuing, pausing, and the states in between."""

from typing import Any

from simulators.car import MIN_CURRENT

from .delay import RandomDelay
from .energy import Energy
from .point import Point

# Durations of the steps of a real EVerest, in seconds.
_PREPARE = 0.7
_STOP_BY_EVSE = 1.1
_STOP_BY_CAR = 0.1
_SWITCH_PHASES = 2.0

_CHARGING = "Charging"
_PREPARING = "Preparing"
_PAUSED_EV = "ChargingPausedEV"
_PAUSED_EVSE = "ChargingPausedEVSE"


class Charging:
    """Whether and how a car charges within a transaction."""

    def __init__(self, evse: Point, energy: Energy, delay: RandomDelay) -> None:
        """Start without any published state."""
        self._evse = evse
        self._energy = energy
        self._delay = delay
        self._station = evse.station
        self._reasons: tuple[str, ...] = ()
        self.paused = False
        """Whether a pause was requested."""

    def reset(self) -> None:
        """Start again with the next transaction."""
        self._reasons = ()
        self.paused = False

    async def settle(self, prepare: float = _PREPARE) -> None:
        """Move from the present state to the one that the facts require."""
        self._evse.connector.advance()
        while await self._step(self._goal(self.reasons_to_pause()), prepare):
            # The facts may have changed while waiting.
            prepare = _PREPARE

    def _goal(self, reasons: tuple[str, ...]) -> str:
        """Return the state that the facts require, from the present one."""
        asleep = self._evse.connector.car_paused or self._evse.connector.full
        state, waits = self._evse.voice.state, self._station.dialect.waits
        if waits and reasons == ("NoEnergy",):
            return "WaitingForEnergy"
        if not waits and self._is_unnoticed(reasons, asleep=asleep):
            return state
        # A car that wakes up charges for a moment, until the pause takes effect.
        wakes = not waits and state in (_PREPARING, _PAUSED_EV) and reasons == ("UserPause",)
        if reasons and not wakes:
            return _PAUSED_EVSE
        if asleep:
            return _PAUSED_EV if waits or state != _PAUSED_EVSE else _PREPARING
        return _CHARGING

    def _is_unnoticed(self, reasons: tuple[str, ...], *, asleep: bool) -> bool:
        """Return whether the reasons to pause are not reported, because nothing is charged."""
        match self._evse.voice.state:
            case "Preparing":
                return "Error" not in reasons and (asleep or "NoEnergy" in reasons)
            case "ChargingPausedEV":
                return asleep and "NoEnergy" not in reasons
        return False

    async def _step(self, goal: str, prepare: float) -> bool:
        """Take a step to `goal`; return whether more steps may follow."""
        connector, voice = self._evse.connector, self._evse.voice
        reasons = self.reasons_to_pause() if goal == _PAUSED_EVSE else ()
        if goal == "WaitingForEnergy":
            reasons = ("NoEnergy",)
        if (goal, reasons) == (voice.state, self._reasons):
            if goal == _CHARGING:
                await self._follow_limits()
            return False
        if goal == _PREPARING:
            if voice.state != _PREPARING:
                voice.event("PrepareCharging")
            self._reasons = ()
            return False
        if goal == _CHARGING:
            event = await self._prepare(prepare)
        else:
            await self._interrupt(reasons)
            event = goal
        self._reasons = reasons
        details: dict[str, Any] = {}
        if reasons:
            voice.sample()
            if not self._station.dialect.waits:
                details["charging_paused_evse"] = {"reasons": list(reasons)}
        if event != "WaitingForEnergy":
            details["charging_state_changed_event"] = {"meter_value": voice.meter_value}
        voice.event(event, **details)
        connector.advance()
        return bool(goal == _CHARGING and self.reasons_to_pause())

    async def _prepare(self, seconds: float) -> str:
        """Let the car charge, and return the event for that."""
        voice, energy = self._evse.voice, self._energy
        if self._station.dialect.waits and voice.state == "ChargingPausedEV":
            self._evse.connector.offer(energy.current, energy.phases)
            return "ChargingResumed"
        if self._station.dialect.waits and voice.state == "ChargingPausedEVSE":
            voice.event("WaitingForEnergy")
        if voice.state == _PAUSED_EV:
            # Only the car was missing.
            seconds = 0.0
        if voice.state != _PREPARING:
            voice.event("PrepareCharging")
        await self._station.sleep(seconds)
        # Independent of the pace: the meter is read meanwhile.
        voice.sample()
        self._evse.connector.offer(energy.current, energy.phases)
        return "ChargingStarted"

    async def _interrupt(self, reasons: tuple[str, ...]) -> None:
        """Interrupt the car; only newer releases have an event for that."""
        connector, voice = self._evse.connector, self._evse.voice
        was_charging = voice.state == _CHARGING
        if was_charging or voice.state == "FinishedEV":
            if "Error" in reasons and was_charging:
                # The reason is unknown, but this is the first event.
                voice.event("ChargingStarted", **self._metered())
            if was_charging and not self._station.dialect.waits:
                voice.event("StoppingCharging")
            pause = _STOP_BY_EVSE if reasons else _STOP_BY_CAR
            await self._station.sleep(pause / 2)
            connector.offer(0)
            await self._station.sleep(pause / 2)
        connector.offer(0)

    def _metered(self) -> dict[str, Any]:
        meter_value = self._evse.voice.meter_value
        return {"charging_state_changed_event": {"meter_value": meter_value}}

    async def _follow_limits(self) -> None:
        """Continue with another current, or after a break on other phases."""
        connector, voice, energy = self._evse.connector, self._evse.voice, self._energy
        if energy.phases != connector.phases:
            voice.event("SwitchingPhases")
            connector.offer(0)
            await self._station.sleep(_SWITCH_PHASES)
            voice.event("PrepareCharging")
            await self._station.sleep(_PREPARE)
            connector.offer(energy.current, energy.phases)
            voice.event("ChargingStarted", **self._metered())
        else:
            connector.offer(energy.current, energy.phases)

    def reasons_to_pause(self) -> tuple[str, ...]:
        """Return what prevents the EVSE from letting the car charge."""
        facts = {
            "UserPause": self.paused,
            "Error": self._evse.trouble is not None,
            "NoEnergy": self._energy.current < MIN_CURRENT or self._delay.remaining > 0,
        }
        return tuple(reason for reason, holds in facts.items() if holds)

    async def stop(self) -> None:
        """Stop the car for good."""
        voice, station = self._evse.voice, self._station
        pause = _STOP_BY_EVSE if voice.state == "Charging" else _STOP_BY_CAR
        voice.event("StoppingCharging")
        await station.sleep(pause / 2)
        self._evse.connector.offer(0)
        await station.sleep(pause / 2)
