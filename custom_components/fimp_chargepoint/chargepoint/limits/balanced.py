"""The current that load balancing assigns to a charge point, and the commands that set it.

The share is set as a limit that may be changed often. A charge point whose share is below the
minimum is stopped, and started again later unless it was stopped or started otherwise meanwhile.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
import logging
from typing import Final

from ..commands.command import Commands
from ..errors import ChargepointError, CommandSupersededError, InvalidRequestError
from ..features import Feature
from ..load_balancing import (
    CURRENT_MIN,
    RAISE_AFTER,
    REMEMBERED,
    Load,
    Measured,
    Share,
    drawn_when_measured,
    fallback,
    next_currents,
)
from ..model import ChargepointSnapshot, Status
from .plan import ChargingPlan
from .requested import BalancedLimit
from .temporary import LimitedChargePoint, Tasks

_LOGGER = logging.getLogger(__name__)

#: The voltage in V between line and neutral, if it is not measured.
_VOLTAGE: Final = 230.0
#: The step in A of a charge point that accepts any current.
_STEP: Final = 0.1
#: Seconds until a current that was not accepted is sent again.
_RETRY: Final = 10.0


class BalancingState(StrEnum):
    """The result of load balancing for a charge point."""

    BALANCED = "balanced"
    PAUSED = "paused"
    #: Neither its currents nor its power are known, so it gets the fallback current.
    DRAW_UNKNOWN = "draw_unknown"
    NOT_CHARGING = "not_charging"
    #: It has no limit that can be changed often.
    UNSUPPORTED = "unsupported"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True, kw_only=True)
class BalancingDecision:
    """The current in A for a charge point: 0 while it is paused, None if it is not charging."""

    state: BalancingState
    feature: Feature | None = None
    former: float | None = None
    current: float | None = None


def balanced_limit(snapshot: ChargepointSnapshot) -> Feature | None:
    """Return the limit that load balancing sets, None if no limit can be changed often."""
    capabilities = snapshot.capabilities
    for feature in (Feature.SESSION_CURRENT, Feature.MAX_CURRENT):
        can_be_set = feature in capabilities.controls and feature in capabilities.ranges
        if can_be_set and feature not in capabilities.lasting:
            return feature
    return None


def distribute(
    members: Sequence[BalancedCurrent],
    limits: Sequence[float],
    measured: Sequence[float] | None,
    *,
    share: str,
    safe_current: float,
) -> list[BalancingDecision]:
    """Return the current of each charge point; `BalancedCurrent.apply` sets it.

    `limits` and `measured` are those of `balance`; if nothing is measured, no charge point gets
    more than the `safe_current` in A. `share` is the value of a `Share`.
    """
    found = [
        # One that fails must not keep the others from being limited.
        member.internal_errors.ask(member.load, str(number), len(limits), measured)
        for number, member in enumerate(members)
    ]
    loads = [load for load in found if load is not None]
    currents = dict(fallback(loads, safe_current))
    if measured is not None:
        known = [load for load in loads if load.drawn]
        settled = all(member.is_settled for member in members)
        currents |= next_currents(limits, measured, known, share=Share(share), settled=settled)
    if any(currents[load.id] < load.now for load in loads):
        for member in members:
            member.lowered()
    return [
        member.decision(load, None if load is None else currents[load.id])
        for member, load in zip(members, found, strict=True)
    ]


class BalancedCurrent:
    """The share of one charge point."""

    def __init__(
        self,
        charge_point: LimitedChargePoint,
        commands: Commands,
        tasks: Tasks,
        plan: ChargingPlan,
    ) -> None:
        """Start without a share; `plan` remembers pauses."""
        self.internal_errors = charge_point.host.internal_errors
        self._charge_point = charge_point
        self._commands = commands
        self._tasks = tasks
        self._plan = plan
        self._was_charging = False
        self._decided: float | None = None
        self._changed_at = float("-inf")
        self._drawn: float | None = None
        #: When its current was looked up lately, and the current.
        self._draws: list[tuple[float, float]] = []
        self._phases: list[Measured] = []
        #: When its current was raised, and what it drew then.
        self._rose: tuple[float, float | None] = (float("-inf"), None)
        #: When the current of any charge point at the connection was lowered.
        self._lowered_at = float("-inf")
        self._starting: asyncio.Task[None] | None = None
        #: The current that was not accepted, and when that was.
        self._failed: tuple[float, float] | None = None

    @property
    def is_settled(self) -> bool:
        """Whether it has had time to adapt to its current."""
        return self._now >= self._changed_at + RAISE_AFTER

    def lowered(self) -> None:
        """Record that a current is lowered, its own or that of another charge point."""
        self._lowered_at = self._now

    @property
    def _now(self) -> float:
        return self._charge_point.host.clock.now()

    @property
    def _charging(self) -> bool | None:
        """Whether it charges, or is about to."""
        snapshot = self._charge_point.snapshot
        if self._is_stop_refused:
            # It still draws current, and may no longer have to stop.
            return True
        charging: bool | None = snapshot.pending.get(Feature.CHARGING, snapshot.charging)
        return charging

    @property
    def _is_stop_refused(self) -> bool:
        """Whether it charges on because it has refused a stop of ours for now."""
        charges = self._charge_point.snapshot.charging is True
        return self._plan.is_paused and charges and self._commands.was_refused(Feature.CHARGING)

    def load(self, name: str, phases: int, measured: Sequence[float] | None) -> Load | None:
        """Return its load on a connection with so many phases, which carries what is `measured`.

        None if it does not charge or cannot be limited: then it counts as a consumer of the house.
        Which of its phases is connected to which one is unknown, so its current on any phase counts
        on all of them. If `drawn` is empty, its current is unknown.
        """
        snapshot, charging = self._charge_point.snapshot, self._charging
        feature = balanced_limit(snapshot)
        active = snapshot.available and (charging or self._plan.is_paused)
        if feature is None or not active:
            self._was_charging = False
            return None
        numbers = snapshot.capabilities.ranges[feature]
        minimum, maximum = max(CURRENT_MIN, numbers.minimum), self._maximum(feature)
        if snapshot.status is Status.SUSPENDED_BY_EV:
            # It may continue at any time, but must not keep current from the others.
            maximum = min(maximum, minimum)
        self._drawn = draw = _draw(snapshot, phases)
        if charging and not self._was_charging:
            self._changed_at = self._now
            self._rose = self._now, draw
        # A car that has not stopped yet does not start if its stop is refused.
        self._was_charging = bool(charging or snapshot.charging)
        since, drawn_then = self._rose
        limit = self._limit(feature) if charging else 0.0
        requested = snapshot.pending.get(feature, limit) if charging else 0.0
        return Load(
            id=name,
            drawn=self._drawn_on(phases, measured),
            # A higher limit may apply before it is confirmed.
            limit=max(limit, requested),
            requested=requested,
            maximum=maximum,
            minimum=minimum,
            step=numbers.step or _STEP,
            is_stale=draw == drawn_then and self._now < since + RAISE_AFTER,
            is_lowered=self._now < self._lowered_at + RAISE_AFTER,
        )

    def _drawn_on(self, phases: int, measured: Sequence[float] | None) -> tuple[float, ...]:
        """Return the currents of a `Load`."""
        now, draw = self._now, self._drawn
        if draw is None:
            self._draws = []
            return ()
        recent = [each for each in self._draws if each[0] >= now - REMEMBERED]
        self._draws = [*recent, (now, draw)]
        if measured is None:
            return (draw,) * phases
        if len(self._phases) != phases:
            self._phases = [Measured(current, now, current) for current in measured]
        self._phases = [
            phase.next(current, now) for phase, current in zip(self._phases, measured, strict=True)
        ]
        drawn = drawn_when_measured(self._draws, self._phases)
        since, _ = self._rose
        if now < since + RAISE_AFTER:
            # The connection may have shown what it draws more before it has reported it.
            drawn = tuple(max(each, draw) for each in drawn)
        return drawn

    def decision(self, load: Load | None, current: float | None) -> BalancingDecision:
        """Return the decision for its `load`."""
        snapshot = self._charge_point.snapshot
        if load is None or current is None:
            state = BalancingState.NOT_CHARGING
            if not snapshot.available:
                state = BalancingState.UNAVAILABLE
            elif balanced_limit(snapshot) is None:
                state = BalancingState.UNSUPPORTED
            return BalancingDecision(state=state)
        state = BalancingState.BALANCED if load.drawn else BalancingState.DRAW_UNKNOWN
        return BalancingDecision(
            state=state if current else BalancingState.PAUSED,
            feature=balanced_limit(snapshot),
            former=load.now,
            current=current,
        )

    def apply(self, decision: BalancingDecision) -> None:
        """Send what a decision changes, without waiting for its confirmation.

        Raises:
            InvalidRequestError: it has no limit that can be changed often.

        """
        if decision.state is BalancingState.UNSUPPORTED:
            raise InvalidRequestError("cannot_balance")
        feature, current, former = decision.feature, decision.current, decision.former
        if feature is None or current is None or former is None:
            self._decided = None
            self._cancel_start()
            return
        if current != (former if self._decided is None else self._decided):
            self._changed_at = self._now
            if current > former:
                self._rose = self._now, self._drawn
        self._decided = current
        self._send(feature, current)

    def _send(self, feature: Feature, current: float) -> None:
        charge_point, snapshot = self._charge_point, self._charge_point.snapshot
        if not current:
            self._cancel_start()
            if self._charging and not self._is_stop_refused:
                self._plan.pause(paused=True)
                self._perform(current, charge_point.stop_charging)
        elif not self._charging:
            if self._starting is None or self._starting.done():
                self._starting = self._perform(current, partial(self._start, feature, current))
        elif not self._is_stop_refused or self._commands.withdraw(Feature.CHARGING):
            if snapshot.charging:
                self._plan.pause(paused=False)
            if snapshot.pending.get(feature, self._limit(feature)) != current:
                self._perform(current, partial(self._set, feature, current))

    def _maximum(self, feature: Feature) -> float:
        """Return the highest current that it may draw, whatever load balancing sets."""
        snapshot = self._charge_point.snapshot
        temporary = snapshot.requested.temporary_limits.get(feature)
        clock = self._charge_point.host.clock
        if temporary is not None and temporary.until <= clock.to_datetime(clock.now()):
            # What was before it is being set.
            temporary = None
        is_of_session = feature is Feature.SESSION_CURRENT
        known = [
            snapshot.capabilities.ranges[feature].maximum,
            snapshot.cable_current,
            None if temporary is None else temporary.current,
            snapshot.max_current if is_of_session else self._own_limit,
        ]
        return min((each for each in known if each), default=0.0)

    @property
    def _own_limit(self) -> float | None:
        """The limit of all sessions that the user has set, or is setting."""
        snapshot = self._charge_point.snapshot
        requested = snapshot.requested
        if requested.balanced is not None:
            return requested.balanced.own
        limit: float | None = snapshot.pending.get(Feature.MAX_CURRENT, requested.max_current)
        temporary = requested.temporary_limits.get(Feature.MAX_CURRENT)
        if temporary is not None and limit == temporary.current:
            return temporary.former
        return limit

    def _limit(self, feature: Feature) -> float:
        """Return the confirmed limit."""
        snapshot = self._charge_point.snapshot
        own: float | None = getattr(snapshot, feature)
        if own is None and feature is Feature.SESSION_CURRENT:
            own = snapshot.meter.offered_current or None
        maximum = self._maximum(feature)
        return maximum if own is None else min(own, maximum)

    def _perform(
        self, current: float, command: Callable[[], Coroutine[object, object, None]]
    ) -> asyncio.Task[None] | None:
        """Run a command for a current, unless one for the same current has just failed."""
        if self._failed is not None:
            failed, when = self._failed
            if failed == current and self._now < when + _RETRY:
                return None
        return self._tasks.start(self._run(current, command))

    async def _run(
        self, current: float, command: Callable[[], Coroutine[object, object, None]]
    ) -> None:
        try:
            await command()
        except CommandSupersededError:
            # The newer command decides.
            return
        except ChargepointError as error:
            log = _LOGGER.warning if self._failed is None else _LOGGER.debug
            name = self._charge_point.snapshot.identity.name
            log("%s has not accepted its share of %s A: %s", name, current, error)
            self._failed = current, self._now
        else:
            self._failed = None

    async def _set(self, feature: Feature, current: float) -> None:
        if feature is Feature.MAX_CURRENT:
            # If the user is setting a limit, this ends that.
            self._charge_point.show_requested(balanced=BalancedLimit(own=self._own_limit))
        await self._charge_point.set(feature, current, by_user=False)

    async def _start(self, feature: Feature, current: float) -> None:
        """Limit the current before charging starts, and again if the start has changed that."""
        charge_point = self._charge_point
        await self._set(feature, current)
        if not self._plan.is_paused:
            # It was stopped or started otherwise meanwhile.
            return
        await charge_point.start_charging()
        if getattr(charge_point.snapshot, feature) != current:
            await self._set(feature, current)

    def _cancel_start(self) -> None:
        if self._starting is not None:
            self._starting.cancel()
            self._starting = None


def _draw(snapshot: ChargepointSnapshot, phases: int) -> float | None:
    """Return the current in A of the phase with the highest load, None if it is unknown."""
    meter = snapshot.meter
    currents = (meter.current_l1, meter.current_l2, meter.current_l3, meter.current)
    known = [current for current in currents if current is not None]
    if known:
        return max(0.0, *known)
    if meter.power is None:
        return None
    used = min(phases, int(snapshot.phases or phases))
    return max(meter.power, 0.0) / (used * (meter.voltage_l1 or meter.voltage or _VOLTAGE))
