"""The failsafe of one charge point: what the broker limits it to if Home Assistant is gone.

The broker sends this limit when it loses a connection that has no other purpose (see
`FailsafeGuard`). Afterwards, the former limit is restored. Only the reports of the charge point
show whether the message was sent and received.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
import logging
import math
from typing import Final

from ..errors import ChargepointError, CommandSupersededError, NotConnectedError
from ..model import ChargepointSnapshot, Feature, Status
from .requested import FailsafeLimit
from .temporary import LimitedChargePoint, Tasks

_LOGGER = logging.getLogger(__name__)

#: Seconds in which the broker may still notice that a connection was lost, and a charge point
#: may still report the limit.
_SUSPICION_TIME: Final = 60.0
#: Seconds until the reports of a charge point show the former limit.
_REPORT_TIME: Final = 5.0
#: Seconds until a charge point that did not accept the former limit gets it again.
_RETRY: Final = 300.0


class Failsafe:
    """The failsafe of one charge point, which also restores the former limit.

    It is suspected to apply after its connection was lost, or after a restart.
    """

    def __init__(self, charge_point: LimitedChargePoint, tasks: Tasks) -> None:
        """Start without a limit."""
        self._charge_point = charge_point
        self._tasks = tasks
        #: Called when it is no longer suspected.
        self.when_settled: Callable[[], None] = lambda: None
        self._suspected = False
        #: Sets the former limit; and whether that was done since the suspicion.
        self._task: asyncio.Task[None] | None = None
        self._returned = False
        self._retry_at = 0.0
        self._has_failed = False
        #: The current in A of the limit before `_limit`, which may still be reported.
        self._earlier: float | None = None
        self._reconnections = 0
        self._is_stopped = False
        #: Whether it may have been sent before a restart, and no report might show that.
        self._is_of_earlier_run = False

    @property
    def _snapshot(self) -> ChargepointSnapshot:
        return self._charge_point.snapshot

    @property
    def _limit(self) -> FailsafeLimit | None:
        return self._snapshot.requested.failsafe

    # What is registered with the broker ------------------------------------------

    def current(self, safe_current: float) -> float | None:
        """Return what to limit to in A, None if that might let more current flow than now.

        It is `safe_current`, or what applies now if that is less.
        """
        snapshot = self._snapshot
        numbers = snapshot.capabilities.ranges.get(Feature.MAX_CURRENT)
        if numbers is None or Feature.MAX_CURRENT not in snapshot.capabilities.controls:
            return None
        applies = snapshot.effective_current
        if applies is None:
            applies = snapshot.max_current
        if applies is None and not self._charge_point.takes_limits_from_outside:
            return None
        if applies is not None and applies < numbers.minimum:
            hides = self._charge_point.takes_limits_from_outside
            if snapshot.status is Status.SUSPENDED_BY_EVSE or not hides:
                # Charging is held back, maybe by a limit that this one would replace.
                return None
            applies = None
        own = snapshot.requested.max_current
        if own is None and applies is not None:
            # Load balancing changes it often, but rarely by a whole ampere.
            applies = math.floor(applies)
        known = (
            *(applies, own, snapshot.pending.get(Feature.MAX_CURRENT)),
            self._limit.current if self._suspected and self._limit is not None else None,
        )
        least = min(safe_current, numbers.maximum, *(each for each in known if each is not None))
        return numbers.clamp_to_step(max(least, numbers.minimum))

    def registered(self, current: float | None) -> None:
        """Remember the limit in A that the broker is about to get, None if it has none now."""
        limit = self._limit
        if self._suspected:
            if limit is None or current in (None, limit.current):
                return
            self._earlier = limit.current
            limit = replace(limit, current=current)
        elif current is None:
            limit = None
        else:
            former = self._snapshot.requested.max_current
            if former is None and not self._charge_point.takes_limits_from_outside:
                former = self._snapshot.max_current
            if limit is not None and limit.current == current == former:
                # It may already apply, which is only noticed later.
                return
            limit = FailsafeLimit(current=current, former=former)
        if limit != self._limit:
            self._charge_point.show_requested(failsafe=limit)

    # The return of the former limit -----------------------------------------------

    def restore(self, limit: FailsafeLimit | None) -> None:
        """Take over the limit that was registered before a restart."""
        if limit is not None:
            self._is_of_earlier_run = self._charge_point.takes_limits_from_outside
            self._charge_point.show_requested(failsafe=limit)
            self.suspect(self._charge_point.host.clock.now())

    def suspect(self, now: float) -> None:
        """Take note that the broker may send the limit, or has sent it."""
        limit = self._limit
        if limit is not None and limit.current != limit.former:
            self._suspected = True
            # What looked like the limit of another client may be that of the failsafe.
            self._charge_point.limits.revoke_override(Feature.MAX_CURRENT)
            self._check_at(now + _SUSPICION_TIME)
            self.changed(now)

    def reconnected(self, now: float) -> None:
        """Continue with new timers: the charge point was away."""
        self._reconnections += 1
        self._retry_at = now
        if self._suspected:
            self.suspect(now)

    def stop(self) -> None:
        """No longer restore a limit: Home Assistant is stopping and is about to send its own."""
        self._is_stopped = True
        if self._task is not None:
            self._task.cancel()

    def explains(self, feature: str) -> bool:
        """Whether the failsafe is why the charge point reports another limit than ours."""
        return feature == Feature.MAX_CURRENT and (
            self._task is not None or (self._suspected and self._applies)
        )

    def changed(self, now: float) -> None:
        """Restore the former limit if a new snapshot shows that of the failsafe."""
        applies = self._applies or (self._is_of_earlier_run and self._is_ready)
        if self._suspected and now >= self._retry_at and applies:
            self._return()

    @property
    def _applies(self) -> bool:
        """Whether the charge point reports the limit, and no other one is being set."""
        limit = self._limit
        return (
            limit is not None
            and self._is_ready
            and Feature.MAX_CURRENT not in self._snapshot.pending
            and any(
                self._charge_point.is_own_limit(Feature.MAX_CURRENT, each)
                for each in (limit.current, self._earlier)
                if each is not None
            )
        )

    @property
    def _is_ready(self) -> bool:
        """Whether the charge point can be limited now."""
        snapshot = self._snapshot
        return snapshot.available and Feature.MAX_CURRENT in snapshot.capabilities.controls

    def _check_at(self, when: float) -> None:
        self._charge_point.timers.set("failsafe", when, self._check)

    def _check(self, now: float) -> None:
        """Stop suspecting, unless the limit applies or nothing is known."""
        snapshot, hides = self._snapshot, self._charge_point.takes_limits_from_outside
        is_known = self._is_ready and (hides or snapshot.max_current is not None)
        if not is_known or self._applies:
            self._check_at(now + _SUSPICION_TIME)
            self.changed(now)
            return
        if hides and not self._returned:
            # Another client's stricter limit would hide that of the failsafe.
            self._return()
        self._suspected = self._returned = False
        self._earlier = None
        self.when_settled()

    def _return(self) -> None:
        if self._task is None and not self._is_stopped:
            self._task = self._tasks.start(self._set_former())

    async def _set_former(self) -> None:
        charge_point, name = self._charge_point, self._snapshot.identity.name
        own, limit = self._snapshot.requested.max_current, self._limit
        reconnections = self._reconnections
        former = own if own is not None or limit is None else limit.former
        try:
            if charge_point.takes_limits_from_outside:
                # Not `set`: a stricter limit, or a station that never reports more, hides ours.
                await charge_point.end_failsafe()
            elif former is not None:
                await charge_point.set(Feature.MAX_CURRENT, former, by_user=False)
                if own is None:
                    # It was not set by the user.
                    charge_point.limits.drop(Feature.MAX_CURRENT)
        except CommandSupersededError:
            _LOGGER.debug("%s: there is a newer limit by now", name)
        except ChargepointError as error:
            now = charge_point.host.clock.now()
            # If so, it may not have received the limit.
            was_away = isinstance(error, NotConnectedError) or reconnections < self._reconnections
            log = _LOGGER.debug if was_away or self._has_failed else _LOGGER.warning
            log("%s has not accepted its former limit yet: %s", name, error)
            self._has_failed = self._has_failed or not was_away
            self._suspected = True
            self._retry_at = now + (_REPORT_TIME if was_away else _RETRY)
            self._check_at(self._retry_at)
        else:
            _LOGGER.info("%s has its former limit back after a failsafe", name)
            self._returned = True
            self._has_failed = self._is_of_earlier_run = False
            # Its reports may show the limit for a moment longer.
            self._retry_at = charge_point.host.clock.now() + _REPORT_TIME
        finally:
            self._task = None
