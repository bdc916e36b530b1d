"""The plan for a session: how much energy, until when, and a pause by load balancing.

A plan is stored before anything is sent, so that it survives a restart. It ends when the car
leaves, and is replaced by a start or stop from Home Assistant. It outlasts pauses, faults, and
starts by the charge point, even if the charge point counts the next energy as another session.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
import logging
from typing import Final

from ..errors import ChargepointError, CommandRefusedError, InvalidRequestError, NoSessionError
from ..features import Feature
from ..session import Identified, Session, is_same
from .requested import Plan
from .temporary import LimitedChargePoint, Tasks

_LOGGER = logging.getLogger(__name__)

#: Seconds until a charge point that did not stop is stopped again.
_RETRY: Final = 30.0
#: Seconds to wait for reports that show whether a session is another one.
_SETTLING_TIME: Final = 30.0
#: How far in the future charging can end.
_UNTIL_MAX: Final = timedelta(days=366)


class ChargingPlan:
    """The plan for the session of one charge point: the snapshot's `requested.plan`."""

    def __init__(self, charge_point: LimitedChargePoint, tasks: Tasks) -> None:
        """Start without a plan."""
        self._charge_point = charge_point
        self._tasks = tasks
        self._stopping: asyncio.Task[None] | None = None
        #: How many stops have not been confirmed yet.
        self._stops = 0
        #: Whether it was logged that the charge point did not stop.
        self._has_failed = False
        #: When it is decided whether the session is another one.
        self._counts_from: float | None = None
        #: The energy in kWh of the session of the plan, if the session was reported since the
        #: charge point is available.
        self._charged: float | None = None

    @property
    def _plan(self) -> Plan | None:
        return self._charge_point.snapshot.requested.plan

    @property
    def is_paused(self) -> bool:
        """Whether load balancing has stopped charging, and will start it again."""
        return self._plan is not None and self._plan.paused and not self._stops

    def check(self, energy: float | None, until: datetime | None) -> None:
        """Make sure that charging can end at `energy` in kWh of the session, and `until` a time.

        Raises:
            NoSessionError: no car is connected; a later one would charge without an end.
            InvalidRequestError: the session energy is not reported, or the end is in the past.

        """
        snapshot = self._charge_point.snapshot
        if snapshot.plugged is False and (energy or until) is not None:
            raise NoSessionError("no_car")
        if energy is not None:
            if Feature.SESSION_ENERGY not in snapshot.capabilities.reports:
                raise InvalidRequestError("session_energy_unknown")
            charged = snapshot.meter.session_energy
            if snapshot.in_session and charged is not None and charged >= energy:
                raise InvalidRequestError("energy_reached", value=energy, charged=charged)
        if until is not None and not timedelta() < until - self._time() <= _UNTIL_MAX:
            raise InvalidRequestError("until_past", until=until.isoformat(timespec="minutes"))

    async def start(
        self,
        energy: float | None = None,
        until: datetime | None = None,
        store: Callable[[], Awaitable[None]] | None = None,
        begin: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Start charging, up to so many kWh of the session, or `until` a time, or without an end.

        `store` saves the requests of the charge point, `begin` starts it in another way. Raises
        what `check` and `Chargepoint.start_charging` raise; after a refusal, the earlier plan is
        valid.
        """
        self.check(energy, until)
        earlier, plan = self._plan, None
        if energy is not None or until is not None:
            plan = replace(self._of_session(), energy=energy, until=until)
        self._put(plan)
        if store is not None and (plan or earlier) is not None:
            await store()
        try:
            await (begin or self._charge_point.start_charging)()
        except CommandRefusedError, InvalidRequestError:
            if self._plan == plan:
                self._put(earlier)
            raise

    async def stop(self) -> None:
        """Stop charging; the plan ends as soon as that is confirmed, or raise as above."""
        plan = self._plan
        await self._stop_charging()
        if self._is_valid(plan):
            self._put(None)

    def pause(self, *, paused: bool) -> None:
        """Record that load balancing stops charging or starts it again; the ends do not change."""
        plan = self._plan
        if plan is None:
            if not paused:
                return
            plan = self._of_session()
        plan = replace(plan, paused=paused)
        if plan != self._plan:
            has_end = plan.energy is not None or plan.until is not None
            self._put(plan if has_end or paused else None)

    def restore(self, plan: Plan | None) -> None:
        """Take over the plan of an earlier run, unless there is a newer one."""
        if plan is not None and self._plan is None:
            self._put(plan)
            self.changed()

    def reconnected(self) -> None:
        """Wait for the end again: the timers were cleared while the charge point was away."""
        self._counts_from = None
        self._schedule_end()
        self.changed()

    def changed(self) -> None:
        """Follow a new snapshot: the car may have left, or have enough energy."""
        plan, snapshot = self._plan, self._charge_point.snapshot
        charged, self._charged = self._charged, None
        energy = snapshot.meter.session_energy
        if plan is None or not (snapshot.available or snapshot.cut_off):
            return
        if charged is not None and self._has_restarted(plan):
            self._put(_continued(plan, snapshot.session, charged))
            return
        is_of_session = self._is_of_session(plan)
        if snapshot.plugged is False or is_of_session is False:
            _LOGGER.debug("%s: the session of the plan is over", snapshot.identity.name)
            self._put(None)
            return
        if is_of_session is None:
            return
        if snapshot.available and charged is not None:
            self._charged = energy
        session = snapshot.session
        is_running = snapshot.charging and session.ended is None
        if is_running and not _is_identified(plan) and _is_identified(session):
            self._put(replace(plan, id=session.id, started=session.started))
            return
        has_energy = plan.energy is not None and energy is not None and energy >= plan.energy
        is_late = plan.until is not None and plan.until <= self._time()
        if is_late or (is_running and has_energy):
            self._end()

    def session_reported(self) -> None:
        """Take note that the session was reported: the car has not left while it was away."""
        plan, snapshot = self._plan, self._charge_point.snapshot
        if plan is not None and snapshot.available and is_same(snapshot.session, plan):
            self._charged = snapshot.meter.session_energy

    def _of_session(self) -> Plan:
        """Return a plan of the session, or of the next one if it has ended already."""
        session = self._charge_point.snapshot.session
        return Plan() if session.ended else Plan(id=session.id, started=session.started)

    def _has_restarted(self, plan: Plan) -> bool:
        """Whether the charge point counts another session, although the car has not left.

        Its counter may restart while it charges without a new start being reported, and a start
        after a pause may begin another session. One that begins without charging is another car's:
        an adapter that polls its cloud misses a car that leaves between two polls.
        """
        snapshot = self._charge_point.snapshot
        session = snapshot.session
        is_inferred = session.id is None and session.offset is not None
        is_other = snapshot.plugged is not False and is_same(session, plan) is False
        is_charging = snapshot.pending.get(Feature.CHARGING, snapshot.charging)
        return is_other and bool(is_charging) and (is_inferred or plan.paused)

    def _is_of_session(self, plan: Plan) -> bool | None:
        """Whether the session is that of `plan`, None if that is not known yet.

        After a restart, the start of a session may follow its state, and be a guess at first.
        """
        session, now = self._charge_point.snapshot.session, self._charge_point.host.clock.now()
        same = is_same(session, plan)
        is_open = session.start_guessed
        if same is not False:
            is_open = same is None and _is_identified(plan) and not _is_identified(session)
        if not is_open:
            self._counts_from = None
        elif self._counts_from is None:
            self._counts_from = now + _SETTLING_TIME
            self._charge_point.timers.set("plan session", self._counts_from, self._check_end)
        if self._counts_from is not None and now < self._counts_from:
            return None
        return same is not False

    def _time(self) -> datetime:
        clock = self._charge_point.host.clock
        return clock.to_datetime(clock.now())

    def _put(self, plan: Plan | None) -> None:
        self._has_failed = False
        self._counts_from = None
        self._charge_point.timers.cancel("plan retry")
        self._charge_point.show_requested(plan=plan)
        self._schedule_end()

    def _schedule_end(self) -> None:
        """Schedule the end of the plan at its time."""
        timers, clock = self._charge_point.timers, self._charge_point.host.clock
        timers.cancel("plan")
        if self._plan is not None and self._plan.until is not None:
            left = (self._plan.until - self._time()).total_seconds()
            timers.set("plan", clock.now() + max(left, 0.0), self._check_end)

    def _check_end(self, _: float) -> None:
        self.changed()

    def _end(self) -> None:
        is_stopping = self._stopping is not None and not self._stopping.done()
        if not is_stopping and "plan retry" not in self._charge_point.timers:
            self._stopping = self._tasks.start(self._stop())

    async def _stop(self) -> None:
        """Stop charging, and again until it has stopped."""
        plan, charge_point = self._plan, self._charge_point
        try:
            await self._stop_charging()
        except ChargepointError as error:
            if not self._is_valid(plan):
                return
            log = _LOGGER.debug if self._has_failed else _LOGGER.warning
            log("%s has not stopped at the end yet: %s", charge_point.snapshot.identity.name, error)
            self._has_failed = True
            due = charge_point.host.clock.now() + _RETRY
            charge_point.timers.set("plan retry", due, self._check_end)
            return
        if self._is_valid(plan):
            self._put(None)

    async def _stop_charging(self) -> None:
        """Stop charging; even if that fails, load balancing must not start it again."""
        self._stops += 1
        try:
            await self._charge_point.stop_charging()
        finally:
            self._stops -= 1
            self.pause(paused=False)

    def _is_valid(self, plan: Plan | None) -> bool:
        """Whether there is no newer plan; its pause may have ended."""
        return plan is not None and self._plan == replace(plan, paused=False)


def _continued(plan: Plan, session: Session, charged: float) -> Plan:
    """Return the plan for the rest of its energy in another session, after `charged` kWh."""
    energy = None if plan.energy is None else max(plan.energy - charged, 0.0)
    return replace(plan, energy=energy, id=session.id, started=session.started)


def _is_identified(session: Identified) -> bool:
    return session.id is not None or session.started is not None
