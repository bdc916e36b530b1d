"""Temporary limits of the current: what they replace, when they end, and what follows."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
import logging
from typing import ClassVar, NamedTuple, Protocol

from ..commands.request import ExpectedState
from ..errors import (
    ChargepointError,
    CommandRejectedError,
    CommandSupersededError,
    InvalidRequestError,
)
from ..model import ChargepointSnapshot, Feature
from ..node import NodeHost
from ..scheduler import Timers
from .requested import LimitValue, TemporaryLimit

_LOGGER = logging.getLogger(__name__)

#: Seconds until the former limit is sent again to a charge point that did not accept it.
_RETRY = 300.0


class LimitOwner(Protocol):
    """What only the owner of all limits of a charge point knows or decides."""

    def still_holds(self, feature: Feature, limit: TemporaryLimit) -> bool | None:
        """Return whether no client has changed `limit`, None if that is not known yet."""

    def replace(self, feature: Feature, value: float, former: float) -> None:
        """Keep the `former` limit instead of the temporary one of `value`, which has ended."""

    def revoke_override(self, name: str) -> None:
        """Take note that another client has not overridden a limit after all."""

    def drop(self, name: str) -> None:
        """Forget a limit that the user has not set, or that no longer applies."""


class LimitedChargePoint(Protocol):
    """What limits need from their charge point."""

    takes_limits_from_outside: ClassVar[bool]
    snapshot: ChargepointSnapshot
    timers: Timers
    host: NodeHost

    @property
    def limits(self) -> LimitOwner:
        """The owner of its limits."""

    @property
    def mode_in_force(self) -> str | None:
        """The charging mode that was reported or confirmed."""

    def checked(self, feature: Feature, value: LimitValue) -> LimitValue:
        """Return what the charge point accepts for `value`, or raise InvalidRequestError."""

    def effect(self, feature: Feature, value: LimitValue) -> ExpectedState:
        """Return what setting `feature` changes."""

    def is_own_limit(self, feature: Feature, value: LimitValue) -> bool:
        """Whether the charge point reports `value` as its own, or as set by us."""

    async def set(self, feature: Feature, value: LimitValue, *, by_user: bool = True) -> None:
        """Return when the charge point has confirmed it, or raise a ChargepointError."""

    async def start_charging(self) -> None:
        """Return when the charge point charges, or raise a ChargepointError."""

    async def stop_charging(self) -> None:
        """Return when the charge point has stopped, or raise a ChargepointError."""

    async def start_mode(self, mode: str) -> None:
        """Continue charging in `mode`, or raise a ChargepointError."""

    def send_limits(self) -> None:
        """Send all limits at once, without waiting for a confirmation."""

    async def end_failsafe(self) -> None:
        """Send all limits in place of the failsafe limit, if `takes_limits_from_outside`."""

    def show_requested(self, **changes: object) -> None:
        """Publish changes of the snapshot's `requested`."""


class FormerLimit(NamedTuple):
    """What follows a temporary limit: a current in A, or the limit implied by a charging mode.

    If both are None, it is the limit of all sessions.
    """

    current: float | None = None
    mode: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitChange:
    """The result of `TemporaryLimits.set`; without a `temporary` limit it is permanent."""

    feature: Feature
    current: float
    former: FormerLimit
    temporary: TemporaryLimit | None


class Tasks:
    """Background commands of a charge point, cancelled when it is removed."""

    def __init__(self, charge_point: LimitedChargePoint) -> None:
        """Start without any."""
        self._charge_point = charge_point
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, command: Coroutine[object, object, None]) -> asyncio.Task[None]:
        """Run `command`, which handles the errors of charge points; others are bugs."""
        task = asyncio.get_running_loop().create_task(command)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and isinstance(error := task.exception(), Exception):
            self._charge_point.host.internal_errors.report(error, self._charge_point)

    def cancel(self) -> None:
        """Cancel all running commands."""
        for task in self._tasks:
            task.cancel()


class TemporaryLimits:
    """The temporary limits of one charge point: one for all sessions, one for the session.

    They are stored before anything is sent, so that the former limit also returns after a restart.
    A limit that was set in this run lasts for its duration, even if the system clock is set
    meanwhile. One of an earlier run ends at its calendar time.
    """

    def __init__(self, charge_point: LimitedChargePoint, tasks: Tasks) -> None:
        """Start without any."""
        self._charge_point = charge_point
        self._tasks = tasks
        #: The limits that were set in this run.
        self._measured: set[str] = set()
        #: The limits that end as soon as it is known whether they still apply.
        self._ending: set[str] = set()
        #: The limits whose former value was not accepted, which was logged.
        self._failed: set[str] = set()

    @property
    def feature(self) -> Feature:
        """The limit to set: that of the running session, if any, else the permanent one.

        A charge point that supports neither refuses it.
        """
        snapshot = self._charge_point.snapshot
        controls = snapshot.capabilities.controls
        for_session = snapshot.in_session or Feature.MAX_CURRENT not in controls
        if Feature.SESSION_CURRENT in controls and for_session:
            return Feature.SESSION_CURRENT
        return Feature.MAX_CURRENT

    @property
    def _limits(self) -> Mapping[str, TemporaryLimit]:
        return self._charge_point.snapshot.requested.temporary_limits

    async def set(
        self,
        current: float,
        duration: timedelta | None,
        store: Callable[[], Awaitable[None]],
    ) -> LimitChange:
        """Limit the current to so many A, for `duration` or until it is changed.

        `store` saves the requests of the charge point. Raises what `Chargepoint.set` raises.
        """
        charge_point, feature = self._charge_point, self.feature
        current = float(charge_point.checked(feature, current))
        earlier, was_measured = self._limits.get(feature), feature in self._measured
        former = self.former(feature) or FormerLimit()
        temporary = None
        if duration:
            clock = charge_point.host.clock
            temporary = TemporaryLimit(
                current=current,
                former=former.current,
                until=clock.to_datetime(clock.now()) + duration,
                session=charge_point.snapshot.session.started,
                mode=former.mode,
            )
        self._put(feature, temporary, is_measured=True)
        if earlier is not None or temporary is not None:
            await store()
        try:
            await charge_point.set(feature, current, by_user=temporary is None)
        except CommandSupersededError:
            # The newer command decides.
            raise
        except ChargepointError as error:
            # Unless it was refused, or the earlier one still applies, the limit is unknown.
            if isinstance(error, CommandRejectedError) or (
                earlier is not None and self._charge_point.limits.still_holds(feature, earlier)
            ):
                self._put(feature, earlier, is_measured=was_measured)
                if earlier is not None or temporary is not None:
                    await store()
            raise
        finally:
            self._schedule_end(feature)
        return LimitChange(feature=feature, current=current, former=former, temporary=temporary)

    def forget(self, feature: Feature) -> None:
        """End a limit that the user has replaced: nothing is restored."""
        if feature in self._limits:
            self._put(feature, None)

    def restore(self, limits: Mapping[str, TemporaryLimit]) -> None:
        """Take over the limits of an earlier run, unless there are newer ones."""
        if limits:
            self._charge_point.show_requested(temporary_limits={**limits, **self._limits})
            self.reconnected()

    def reconnected(self) -> None:
        """Wait for the end of each limit, which was not checked while the charge point was away."""
        for feature in self._limits:
            self._schedule_end(Feature(feature))

    def clock_set(self, by: float) -> None:
        """Adjust to a system clock that was set by `by` seconds."""
        self._charge_point.show_requested(
            temporary_limits={
                name: replace(limit, until=limit.until + timedelta(seconds=by))
                if name in self._measured
                else limit
                for name, limit in self._limits.items()
            }
        )
        self.reconnected()

    def changed(self) -> None:
        """Restore former limits if the new snapshot allows it."""
        for name in tuple(self._ending):
            feature, limit = Feature(name), self._limits.get(name)
            holds = limit is not None and self._charge_point.limits.still_holds(feature, limit)
            if holds is None:
                continue
            self._ending.discard(name)
            if limit is None:
                continue
            if holds:
                self._tasks.start(self._return(feature, limit))
                continue
            _LOGGER.debug("%s: another client has changed the temporary limit", self._name)
            self._put(feature, None)
            if limit.former is not None:
                self._charge_point.limits.replace(feature, limit.current, limit.former)

    def former(self, feature: Feature) -> FormerLimit | None:
        """Return what would follow a temporary limit, None if that is unknown.

        A temporary limit that replaces another one is followed by what was before the first.
        """
        snapshot, earlier = self._charge_point.snapshot, self._limits.get(feature)
        if earlier is not None and (
            snapshot.pending.get(feature) == earlier.current
            or self._charge_point.limits.still_holds(feature, earlier) is not False
        ):
            return FormerLimit(earlier.former, earlier.mode)
        own = snapshot.requested.limits.get(feature)
        if own is not None and self._charge_point.effect(feature, own).matches(snapshot):
            # This applies even if a stricter one hides it.
            return FormerLimit(float(own))
        holding: float | None = getattr(snapshot, feature)
        if holding is not None:
            return FormerLimit(holding)
        return self._former_of_session() if feature is Feature.SESSION_CURRENT else None

    def _former_of_session(self) -> FormerLimit | None:
        """Return what limits a session without a limit of ours: its mode, or nothing."""
        snapshot, mode = self._charge_point.snapshot, self._charge_point.mode_in_force
        numbers = snapshot.capabilities.ranges[Feature.SESSION_CURRENT]
        if offered := snapshot.meter.offered_current:
            known = (snapshot.max_current, snapshot.cable_current, numbers.maximum)
            if offered >= min(current for current in known if current is not None):
                return FormerLimit()
            if offered >= numbers.minimum:
                return FormerLimit(offered)
        elif not snapshot.charging or Feature.OFFERED_CURRENT not in snapshot.capabilities.reports:
            # During a pause, only the limit of all sessions applies.
            return FormerLimit()
        return None if mode is None else FormerLimit(mode=mode)

    @property
    def _name(self) -> str:
        return self._charge_point.snapshot.identity.name

    def _put(
        self, feature: Feature, limit: TemporaryLimit | None, *, is_measured: bool = False
    ) -> None:
        """Replace the limit before, or remove it."""
        self._charge_point.timers.cancel(f"temporary {feature}")
        self._ending.discard(feature)
        self._measured.discard(feature)
        self._failed.discard(feature)
        limits = {name: other for name, other in self._limits.items() if name != feature}
        if limit is not None:
            limits[feature.value] = limit
            if is_measured:
                self._measured.add(feature.value)
        self._charge_point.show_requested(temporary_limits=limits)

    def _schedule_end(self, feature: Feature) -> None:
        """Schedule the end of a limit."""
        if (limit := self._limits.get(feature)) is not None:
            clock = self._charge_point.host.clock
            left = limit.until - clock.to_datetime(clock.now())
            self._end_at(feature, clock.now() + left.total_seconds())

    def _end_at(self, feature: Feature, when: float) -> None:
        self._ending.discard(feature)
        self._charge_point.timers.set(f"temporary {feature}", when, partial(self._end, feature))

    def _end(self, feature: Feature, _: float) -> None:
        self._ending.add(feature.value)
        self.changed()

    async def _return(self, feature: Feature, limit: TemporaryLimit) -> None:
        """Restore what was before `limit`."""
        charge_point = self._charge_point
        try:
            if limit.mode is None:
                former = self._former_current(feature, limit)
                await charge_point.set(feature, former, by_user=False)
            else:
                mode = charge_point.checked(Feature.CHARGING_MODE, limit.mode)
                await charge_point.start_mode(str(mode))
        except InvalidRequestError as error:
            _LOGGER.warning("%s does not accept its former limit: %s", self._name, error)
        except ChargepointError as error:
            if self._limits.get(feature) != limit:
                return
            is_new = feature not in self._failed
            self._failed.add(feature)
            log = _LOGGER.warning if is_new else _LOGGER.debug
            log("%s has not accepted its former limit yet: %s", self._name, error)
            # If it is away, this continues when it is back (see `reconnected`).
            if charge_point.snapshot.available:
                self._end_at(feature, charge_point.host.clock.now() + _RETRY)
            return
        if self._limits.get(feature) == limit:
            self._put(feature, None)

    def _former_current(self, feature: Feature, limit: TemporaryLimit) -> float:
        """Return the current to set; if the session had no limit, the limit of all sessions."""
        snapshot = self._charge_point.snapshot
        numbers = snapshot.capabilities.ranges.get(feature)
        if numbers is None:
            raise InvalidRequestError("unsupported", feature=feature)
        former = snapshot.max_current if limit.former is None else limit.former
        return numbers.maximum if former is None else min(former, numbers.maximum)
