"""The owner of all limits of one charge point that were set from Home Assistant.

A protocol knows what a report shows (`effect`, `is_own_limit`). Whether a limit is still ours is
decided here alone, for temporary limits, the failsafe, *restore limits* and competing controllers.

A limit is confirmed, lost while the charge point was away, or overridden by another client. A lost
limit is set again, once, if the user has enabled that. The first reports after an absence may be
stale, so only reports some seconds later count, unless limits are not settings of the charge point
itself: then it reports them at once. If another client changes a limit while the charge point is
connected, that limit stays, and a client that does so repeatedly is reported.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
import logging
from typing import Final

from ..commands.command import Commands
from ..commands.request import ExpectedState
from ..errors import ChargepointError, CommandSupersededError
from ..model import ChargepointSnapshot, Feature
from .balanced import BalancedCurrent
from .failsafe import Failsafe
from .plan import ChargingPlan
from .requested import (
    LASTING_LIMITS,
    BalancedLimit,
    CompetingController,
    LimitValue,
    Requested,
    TemporaryLimit,
)
from .temporary import LimitedChargePoint, Tasks, TemporaryLimits

_LOGGER = logging.getLogger(__name__)

#: Seconds after an absence until reports count, and the interval between checks.
_SETTLING_TIME: Final = 10.0
_CHECKS: Final = 6
#: Seconds after which a different value replaces ours. Before, it may be a late report, or the
#: first sign of a restart.
_OVERRIDDEN_AFTER: Final = 60.0
#: Seconds after a restart until a report shows the limits that were sent immediately.
_TAKING_TIME: Final = 2.5
#: A client that overrides a limit this many times within so many seconds competes with us.
_COMPETING_TIMES: Final = 3
_COMPETING_TIME: Final = 7200.0
#: A difference in A of up to this is rounding.
_ROUNDING: Final = 0.05


class _State(Enum):
    """What happened to a confirmed limit that the charge point no longer reports."""

    LOST = "lost"
    OVERRIDDEN = "overridden"


class LimitOwnership:
    """The limits that were set from Home Assistant: the snapshot's `requested`."""

    def __init__(
        self, charge_point: LimitedChargePoint, commands: Commands, *, restores: bool
    ) -> None:
        """Start without any; `restores` is whether lost limits are set again."""
        self._charge_point = charge_point
        self._restores = restores
        self._tasks = Tasks(charge_point)
        self.temporary = TemporaryLimits(charge_point, self._tasks)
        self.failsafe = Failsafe(charge_point, self._tasks)
        self.plan = ChargingPlan(charge_point, self._tasks)
        self.balanced = BalancedCurrent(charge_point, commands, self._tasks, self.plan)
        #: The states of the limits that are not reported, by feature.
        self._states: dict[str, _State] = {}
        #: Those that are being set again.
        self._restoring: dict[str, LimitValue] = {}
        #: When reports start to show whether a lost limit applies.
        self._counts_from = 0.0
        #: When another client has changed the current.
        self._overrides: deque[float] = deque(maxlen=_COMPETING_TIMES)

    @property
    def _snapshot(self) -> ChargepointSnapshot:
        return self._charge_point.snapshot

    @contextmanager
    def setting(self, feature: Feature, value: LimitValue, *, by_user: bool) -> Iterator[None]:
        """Let load balancing respect a limit of the user from now on, unless setting it fails."""
        former = self._snapshot.requested.balanced
        if feature is not Feature.MAX_CURRENT or former is None or not by_user:
            yield
            return
        balanced = BalancedLimit(own=float(value))
        self._charge_point.show_requested(balanced=balanced)
        try:
            yield
        except CommandSupersededError:
            # Load balancing may set a lower one.
            raise
        except ChargepointError:
            if self._snapshot.requested.balanced == balanced:
                self._charge_point.show_requested(balanced=former)
            raise

    def record(self, feature: Feature, value: LimitValue, *, by_user: bool) -> None:
        """Record that a limit was confirmed."""
        if feature not in LASTING_LIMITS:
            return
        fact = self._effect(feature, value).fact
        others = {
            name: other
            for name, other in self._snapshot.requested.limits.items()
            if self._effect(name, other).fact != fact
        }
        self._clear_state(feature)
        changes: dict[str, object] = {"limits": {**others, feature.value: value}}
        if feature is Feature.MAX_CURRENT and by_user:
            changes["balanced"] = None
            self.temporary.forget(feature)
        self._charge_point.show_requested(**changes)

    def restore(self, requested: Requested, now: float) -> None:
        """Take over the limits of an earlier run, unless there are newer ones.

        The charge point refuses those that it does not support.
        """
        self.failsafe.restore(requested.failsafe)
        if requested.limits and not self._snapshot.requested.limits:
            self._charge_point.show_requested(limits=requested.limits, balanced=requested.balanced)
            if self._snapshot.available:
                self.reconnected(now)
        self.temporary.restore(requested.temporary_limits)
        self.plan.restore(requested.plan)

    def reconnected(self, now: float, *, lost: bool = False) -> None:
        """Handle a connection or restart; after a restart its limits may be `lost`."""
        limits = self._snapshot.requested.limits
        self.failsafe.reconnected(now)
        for name in limits:
            if lost:
                # The restart has caused a different value.
                self.revoke_override(name)
            self._clear_state(name)
        if limits and self._restores:
            self._states = dict.fromkeys(limits, _State.LOST)
            self._counts_from = max(self._counts_from, now)
            if lost and self._charge_point.takes_limits_from_outside:
                self._charge_point.send_limits()
                self._counts_from = now + _TAKING_TIME
            self._check_later(_CHECKS, now)
        elif lost:
            self._charge_point.show_requested(limits={})
        self._watch_competition()
        self.temporary.reconnected()
        self.plan.reconnected()

    def changed(self, before: ChargepointSnapshot, now: float) -> None:
        """Process a new snapshot; `before` is the one it replaced.

        A bug in this must not affect commands.
        """
        try:
            snapshot = self._snapshot
            self.failsafe.changed(now)
            for name, value in snapshot.requested.limits.items():
                effect = self._effect(name, value)
                if effect.matches(snapshot) or not snapshot.available:
                    if snapshot.available and not self._is_requested(effect, before):
                        # A different value was a late report.
                        self.revoke_override(name)
                    elif self._states.get(name) is _State.OVERRIDDEN:
                        self._clear_state(name)
                elif (
                    self._states.get(name) is _State.LOST
                    or self._is_requested(effect, snapshot)
                    or self.failsafe.explains(name)
                ):
                    continue
                elif (held := effect.matches(before)) or self._was_lost_unseen(name):
                    self._overridden(name, now)
                    if held and name == Feature.MAX_CURRENT:
                        self._count_override(float(value), now)
            self.temporary.changed()
            self.plan.changed()
            if (
                self._charge_point.takes_limits_from_outside
                and now >= self._counts_from
                and _State.LOST in self._states.values()
            ):
                self._restore_lost()
        except Exception as error:  # noqa: BLE001
            self._charge_point.host.internal_errors.report(error, self)

    def clock_set(self, by: float) -> None:
        """Adjust to a system clock that was set by `by` seconds."""
        self.temporary.clock_set(by)
        self.plan.reconnected()

    def still_holds(self, feature: Feature, limit: TemporaryLimit) -> bool | None:
        """Return whether no client has changed `limit`, None if that is not known yet."""
        return still_holds(feature, limit, self._snapshot, self._effect(feature, limit.current))

    def close(self) -> None:
        """Stop setting limits."""
        self._tasks.cancel()

    # Overridden by another client -----------------------------------------------

    def _overridden(self, name: str, now: float) -> None:
        self._states[name] = _State.OVERRIDDEN

        def accept(_: float) -> None:
            _LOGGER.debug("%s: another client has set %s", self._name, name)
            self.drop(name)

        self._charge_point.timers.set(f"overridden {name}", now + _OVERRIDDEN_AFTER, accept)

    def revoke_override(self, name: str) -> None:
        """Take note that another client has not overridden a limit after all."""
        if self._states.get(name) is _State.OVERRIDDEN:
            if name == Feature.MAX_CURRENT and self._overrides:
                self._overrides.pop()
            self._clear_state(name)

    def _clear_state(self, name: str) -> None:
        """Forget what happened to a limit: this is no longer known or relevant."""
        self._states.pop(name, None)
        self._charge_point.timers.cancel(f"overridden {name}")

    def _was_lost_unseen(self, name: str) -> bool:
        """Whether a limit was lost unnoticed, and is not set again."""
        is_known = getattr(self._snapshot, name) is not None
        return is_known and not self._restores and name not in self._states

    def drop(self, name: str) -> None:
        """Forget a limit that the user has not set, or no longer applies."""
        self._clear_state(name)
        limits = self._snapshot.requested.limits
        self._charge_point.show_requested(
            limits={other: value for other, value in limits.items() if other != name}
        )

    def _count_override(self, ours: float, now: float) -> None:
        theirs = self._snapshot.max_current
        if theirs is None or abs(theirs - ours) < _ROUNDING:
            return
        self._overrides.append(now)
        self._watch_competition()
        times = len(self._overrides)
        if times == _COMPETING_TIMES and now - self._overrides[0] <= _COMPETING_TIME:
            known = self._snapshot.requested.competing_controller
            self._charge_point.show_requested(
                competing_controller=CompetingController(
                    ours, theirs, times if known is None else known.times + 1
                )
            )

    def _watch_competition(self) -> None:
        """Show no competing controller any longer once it has not overridden for a while."""

        def end(_: float) -> None:
            self._charge_point.show_requested(competing_controller=None)

        if self._overrides:
            due = self._overrides[-1] + _COMPETING_TIME
            self._charge_point.timers.set("competing controller", due, end)

    # Set again ------------------------------------------------------------------

    def replace(self, feature: Feature, value: float, former: float) -> None:
        """Keep the former limit in place of a temporary one that has ended."""
        limits = self._snapshot.requested.limits
        if limits.get(feature) == value:
            self._charge_point.show_requested(limits={**limits, feature.value: former})
            if self._restoring.get(feature) == value:
                self._restore(feature, former)

    def _check_later(self, checks: int, now: float) -> None:
        """Check in a moment whether limits are lost; repeat that so many times."""

        def check(now: float) -> None:
            self._restore_lost(is_last=checks == 1)
            if checks > 1 and _State.LOST in self._states.values():
                self._check_later(checks - 1, now)

        self._charge_point.timers.set("restore limits", now + _SETTLING_TIME, check)

    def _restore_lost(self, *, is_last: bool = False) -> None:
        """Set lost limits again, once they are known to be lost.

        A charge point that has not reported a limit by the last check has none.
        """
        snapshot, charge_point = self._snapshot, self._charge_point
        if not snapshot.available:
            return
        for name, value in snapshot.requested.limits.items():
            feature = Feature(name)
            if (
                self._states.get(name) is not _State.LOST
                or self.failsafe.explains(name)
                or feature not in snapshot.capabilities.controls
                or (getattr(snapshot, name) is None and not is_last)
            ):
                continue
            del self._states[name]
            effect = self._effect(name, value)
            # Another client's limit that is as low hides whether ours applies.
            holds = effect.matches(snapshot) and charge_point.is_own_limit(feature, value)
            if not holds and not self._is_requested(effect, snapshot):
                self._restore(feature, value)

    def _restore(self, feature: Feature, value: LimitValue) -> None:
        _LOGGER.info("%s has lost its limit (%s %s): it is set again", self._name, feature, value)
        self._restoring[feature] = value
        self._tasks.start(self._set(feature, value))

    async def _set(self, feature: Feature, value: LimitValue) -> None:
        try:
            await self._charge_point.set(feature, value, by_user=False)
        except CommandSupersededError:
            _LOGGER.debug("%s: there is a newer %s by now", self._name, feature)
        except ChargepointError as error:
            _LOGGER.warning(
                "%s did not accept its former limit (%s %s): %s", self._name, feature, value, error
            )
        finally:
            if self._restoring.get(feature) == value:
                del self._restoring[feature]

    # ----------------------------------------------------------------------------

    @property
    def _name(self) -> str:
        return self._snapshot.identity.name

    def _effect(self, name: str, value: LimitValue) -> ExpectedState:
        return self._charge_point.effect(Feature(name), value)

    def _is_requested(self, effect: ExpectedState, snapshot: ChargepointSnapshot) -> bool:
        """Whether a command for the same fact is pending."""
        return any(
            self._effect(kind, value).fact == effect.fact
            for kind, value in snapshot.pending.items()
            if kind in LASTING_LIMITS
        )


def still_holds(
    feature: Feature, limit: TemporaryLimit, snapshot: ChargepointSnapshot, effect: ExpectedState
) -> bool | None:
    """Return whether no client has changed `limit`, None if that is not known yet.

    `effect` is what it changes: a lower limit of another client only hides it.
    """
    if not snapshot.available:
        return None
    if feature is Feature.MAX_CURRENT:
        return None if snapshot.max_current is None else effect.matches(snapshot)
    if snapshot.plugged is None:
        return None
    started = snapshot.session.started
    is_same = None in (started, limit.session) or started == limit.session
    return snapshot.in_session and is_same and _holds_in_session(limit, snapshot)


def _holds_in_session(limit: TemporaryLimit, snapshot: ChargepointSnapshot) -> bool | None:
    """Return whether no client has changed `limit` in its session, None as above."""
    if limit.mode is not None and not snapshot.charging:
        # Starting the former mode again would start charging.
        return None
    if snapshot.session_current is not None:
        return snapshot.session_current == limit.current
    # The limit of the session is not reported after a restart. A higher offer means another limit.
    offered = snapshot.meter.offered_current
    if offered is None:
        return None if Feature.OFFERED_CURRENT in snapshot.capabilities.reports else True
    return offered <= limit.current
