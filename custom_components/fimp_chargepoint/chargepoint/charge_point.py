"""A charge point with commands: what every protocol implements."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar, override

from .capabilities import UNITS, Parameter, ParameterKind, ParameterValue
from .commands.command import Commands
from .commands.mode import Mode
from .commands.pacing import RateLimiter, overtakes_limit, overtakes_stop
from .commands.request import Command, ExpectedState, expects
from .errors import CommandRefusedError, InvalidRequestError, NoSessionError
from .limits.ownership import LimitOwnership
from .limits.requested import LimitValue, StoredRequests
from .model import MEASURED, ChargepointSnapshot, Feature, Reason, Status, parameter_kind
from .node import Node, NodeHost, Request
from .session import restored


class Chargepoint(Node[ChargepointSnapshot], ABC):
    """A charge point: commands return when they are confirmed, or raise a ChargepointError."""

    #: Seconds that a command waits for its confirmation.
    command_timeout: ClassVar[float]
    #: Seconds that a report may lag behind the change that it reports.
    report_age: ClassVar[float]
    #: Whether we infer when a session began, because the charge point does not report it.
    infers_session_start: ClassVar[bool] = False
    #: Whether limits set from Home Assistant are not its own settings, and can be withdrawn.
    takes_limits_from_outside: ClassVar[bool] = False

    def __init__(self, address: str, snapshot: ChargepointSnapshot, host: NodeHost) -> None:
        """Start without any command in progress."""
        super().__init__(address, snapshot, host)
        self._commands = Commands(
            self,
            ask=self._ask,
            show=lambda pending: self._update(self.host.clock.now(), pending=pending),
        )
        self._pace = RateLimiter(host.options.restart_delay, host.options.write_interval)
        self._mode = Mode()
        self.limits = LimitOwnership(self, self._commands, restores=host.options.restore_limits)
        self._stored = StoredRequests(withdraw=self.takes_limits_from_outside)

    @abstractmethod
    def _start_request(self, mode: str | None) -> Request:
        """Return the message that starts or resumes charging."""

    @abstractmethod
    def _stop_request(self) -> Request:
        """Return the message that stops or pauses charging."""

    def _set_request(self, feature: Feature, value: Any) -> Request:
        """Return the message that sets `feature`, one of the capabilities' controls."""
        raise NotImplementedError

    def effect(self, feature: Feature, value: Any) -> ExpectedState:
        """Return the state to expect after setting `feature`."""
        return expects(feature, value)

    def _report_of(self, feature: Feature) -> str:
        """Return the name of the report that shows `feature`."""
        return feature

    def is_own_limit(self, feature: Feature, value: LimitValue) -> bool:
        """Whether it reports `value` as its own limit, or as set by us."""
        return bool(getattr(self.snapshot, feature) == value)

    def _was_set(self, feature: Feature, value: object) -> None:
        """Take over a confirmed value that no report contains."""

    def send_limits(self) -> None:
        """Send all limits at once, unconfirmed, if `takes_limits_from_outside`."""

    def show_requested(self, **changes: Any) -> None:
        """Publish changes of the snapshot's `requested`."""
        requested = replace(self.snapshot.requested, **changes)
        self._update(self.host.clock.now(), requested=requested)

    def _parameter_request(self, parameter: Parameter, value: ParameterValue) -> Request:
        """Return the message that sets a parameter."""
        raise NotImplementedError

    def _act_request(self, feature: Feature) -> Request:
        """Return the message that triggers a one-time action."""
        raise NotImplementedError

    def _act_effect(self, feature: Feature) -> ExpectedState | None:
        """Return the state to expect after `_act_request`, None if acceptance is enough."""
        return None

    def _acted(self, feature: Feature) -> None:
        """Handle the acceptance of an action."""

    def _ask(self, report: str) -> None:
        """Request the report called `report` from the charge point, if it can be requested."""

    @property
    def _may_start(self) -> bool:
        """Whether it is not charging, but may begin automatically, as after a fault."""
        return self.snapshot.status is Status.ERROR

    @property
    def takes_token(self) -> bool | None:
        """Whether it accepts the token that it asks for; None while it asks for none."""
        return None

    def checked(self, feature: Feature, value: Any) -> Any:
        """Return what the charge point accepts for `value`, or raise InvalidRequestError."""
        self._require(feature)
        capabilities = self.snapshot.capabilities
        if (numbers := capabilities.ranges.get(feature)) is not None:
            value = numbers.clamp_to_step(value, UNITS.get(feature, ""))
        elif feature in capabilities.options and value not in capabilities.options[feature]:
            options = capabilities.options[feature]
            raise InvalidRequestError("unknown_option", value=str(value), options=options)
        if feature is Feature.SESSION_CURRENT and not self.snapshot.in_session:
            raise NoSessionError("no_session")
        return value

    async def start_charging(self) -> None:
        """Start or resume charging, in the chosen charging mode if there is one."""
        self._require(Feature.CHARGING)
        if self._commands.is_noop(Feature.CHARGING, _CHARGING):
            return
        command = self._start_command(Feature.CHARGING, lambda: self._next_mode)
        command.not_before = lambda: self._pace.start_at
        await self._commands.perform(command)

    async def stop_charging(self) -> None:
        """Stop charging so that it can be started again. The request is never delayed."""
        self._require(Feature.CHARGING)
        is_noop = not self._may_start and self._commands.is_noop(Feature.CHARGING, _NOT_CHARGING)
        if is_noop and not self._commands.waits(Feature.CHARGING):
            return

        def request() -> Request:
            self._pace.stopped(self.host.clock.now())
            return self._stop_request()

        try:
            await self._commands.perform(
                Command(
                    kind=Feature.CHARGING,
                    requested=False,
                    effect=_NOT_CHARGING,
                    report=Feature.STATUS,
                    request=request,
                    confirmed=lambda: not self._may_start,
                    overtaken=overtakes_stop,
                )
            )
        except CommandRefusedError:
            # This cancelled a start that had not been sent, so there was nothing to stop.
            if not is_noop:
                raise

    async def set(self, feature: Feature, value: LimitValue, *, by_user: bool = True) -> None:
        """Set one of the controls in the capabilities: a lock, a current in A, an option.

        A limit is not set `by_user` if it is temporary, restored, or that of load balancing.
        """
        value = self.checked(feature, value)
        assumed = feature in self.snapshot.capabilities.assumed
        effect = None if assumed else self.effect(feature, value)
        if effect and self.is_own_limit(feature, value) and self._commands.is_noop(feature, effect):
            self._commands.cancel_queued(feature, effect)
            self.limits.record(feature, value, by_user=by_user)
            return

        def achieved() -> None:
            self._was_set(feature, value)
            self.limits.record(feature, value, by_user=by_user)

        def request() -> Request:
            # The command may have been delayed for a while.
            self._require(feature)
            return self._set_request(feature, value)

        command = Command(
            kind=feature,
            requested=value,
            effect=effect,
            report=None if assumed else self._report_of(feature),
            request=request,
            achieved=achieved,
            overtaken=overtakes_limit(feature, value, self.snapshot),
        )
        with self.limits.setting(feature, value, by_user=by_user):
            if effect is not None and effect.fact in self.snapshot.capabilities.lasting:
                await self._write(effect.fact, command)
            else:
                await self._commands.perform(command)

    async def set_parameter(self, parameter_id: str, value: ParameterValue) -> None:
        """Set one of the parameters in the capabilities to a valid value."""
        parameter = self.snapshot.capabilities.parameter(parameter_id)
        if parameter is None or parameter.kind in (ParameterKind.FLAG, ParameterKind.VALUE):
            raise InvalidRequestError("unknown_setting", setting=parameter_id)
        value = parameter.validate(value)
        kind = parameter_kind(parameter_id)
        effect = ExpectedState(
            kind, value, lambda known: known.parameters.get(parameter_id) == value
        )
        if self._commands.is_noop(kind, effect):
            self._commands.cancel_queued(kind, effect)
            return
        command = Command(
            kind=kind,
            requested=value,
            effect=effect,
            report=kind,
            request=lambda: self._parameter_request(parameter, value),
        )
        await self._write(kind, command)

    async def act(self, feature: Feature) -> None:
        """Trigger a one-time action, such as a restart; return when it was accepted."""
        self._require(feature)
        effect = self._act_effect(feature)
        if effect is not None and self._commands.is_noop(feature, effect):
            return
        await self._commands.perform(
            Command(
                kind=feature,
                requested=True,
                effect=effect,
                report="" if effect is None else effect.fact,
                request=lambda: self._act_request(feature),
                achieved=lambda: self._acted(feature),
            )
        )

    async def set_charging_mode(self, mode: str) -> None:
        """Choose the mode of the next start; while charging it is sent at once."""
        self.checked(Feature.CHARGING_MODE, mode)
        charges = self.snapshot.pending.get(Feature.CHARGING, self.snapshot.charging)
        if not charges or self._commands.is_queued(Feature.CHARGING):
            self._mode.chosen = mode
            self._show_mode()
        elif mode != self._mode.in_force or self._commands.waits(Feature.CHARGING_MODE):
            await self.start_mode(mode)

    async def start_mode(self, mode: str) -> None:
        """Continue charging in `mode`, with the settings it implies, even if it is the same."""
        command = self._start_command(Feature.CHARGING_MODE, lambda: mode, requested=mode)
        command.confirmed = lambda: self._mode.reported in (None, mode)
        await self._commands.perform(command)

    def _start_command(
        self, kind: Feature, mode: Callable[[], str | None], *, requested: object = True
    ) -> Command:
        """Return the command that starts or continues charging in the `mode` at that time."""
        return Command(
            kind=kind,
            requested=requested,
            effect=_CHARGING,
            report=Feature.STATUS,
            request=lambda: self._start_request(mode()),
            achieved=lambda: self._take_mode(mode()),
        )

    @property
    def mode_in_force(self) -> str | None:
        """The charging mode that was reported or confirmed."""
        return self._mode.in_force

    async def withdraw_limits(self) -> None:
        """Withdraw the limits that were set, if `takes_limits_from_outside`."""

    async def end_failsafe(self) -> None:
        """Send all limits in place of the failsafe limit, if `takes_limits_from_outside`."""

    def failsafe_request(self, current: float) -> Request:
        """Return the message that limits the current to so many A, for the broker to send."""
        return self._set_request(Feature.MAX_CURRENT, current)

    def to_storage(self) -> dict[str, object]:
        """Return what `restore` reads; while it is away, this includes its last known pause."""
        if self.snapshot.status is not None:
            self._stored = replace(self._stored, pauses=self.stored_pauses())
        return replace(self._stored, requested=self.snapshot.requested).to_storage()

    def restore(self, stored: StoredRequests) -> None:
        """Take over what was requested in an earlier run, unless there is something newer."""
        self._stored = replace(stored, withdraw=self.takes_limits_from_outside)
        self._mode.chosen = self._mode.chosen or stored.requested.charging_mode
        self._show_mode()
        self.limits.restore(stored.requested, self.host.clock.now())
        self.restore_pauses(stored.pauses)

    def stored_pauses(self) -> Mapping[str, object]:
        """Return what the charge point will not report again about its pause, fit for JSON."""
        return {}

    def restore_pauses(self, stored: Mapping[str, object]) -> None:
        """Take over what `stored_pauses` returned in an earlier run; it may be damaged."""

    def restore_session(self, started: datetime, energy: float) -> None:
        """Take over a start that an earlier run inferred for a session of `energy` kWh."""
        known, meter = self.snapshot.session, self.snapshot.meter
        session = restored(known, meter.session_energy, started, energy)
        if self.infers_session_start and session != known:
            meter = meter.with_(session_energy=meter.session_energy or energy)
            self._update(self.host.clock.now(), session=session, meter=meter)

    def _require(self, feature: Feature) -> None:
        if feature not in self.snapshot.capabilities.controls:
            raise InvalidRequestError("unsupported", feature=feature)

    async def _write(self, setting: str, command: Command) -> None:
        """Change `setting`, which is stored in non-volatile memory, but not too often."""
        request = command.request

        def write() -> Request:
            made = request()
            self._pace.written(setting, self.host.clock.now())
            return made

        command.request = write
        command.not_before = lambda: self._pace.write_at(setting)
        try:
            await self._commands.perform(command)
        except CommandRefusedError:
            self._pace.refused(setting)
            raise

    @override
    def _update(self, now: float, **changes: object) -> None:
        before = self.snapshot
        super()._update(now, **changes)
        if changes.keys() <= MEASURED:
            # This is true of most messages. Only the end of a plan depends on measurements.
            if self.snapshot.requested.plan is not None:
                self.limits.plan.changed()
            return
        if before.charging and self.snapshot.charging is False:
            self._pace.stopped(now)
        self.limits.changed(before, now)

    @property
    def _next_mode(self) -> str | None:
        """The mode to start charging in, None if the charge point decides."""
        modes = self.snapshot.capabilities.options.get(Feature.CHARGING_MODE, ())
        return self._mode.chosen if self._mode.chosen in modes else None

    def _take_mode(self, mode: str | None) -> None:
        """Take note that charging continues in `mode`, as requested."""
        if mode is not None:
            self._mode.take(mode)
            # A mode may imply a limit of its own.
            self._show_mode(session_current=None)

    def _show_mode(self, **changes: object) -> None:
        requested = replace(self.snapshot.requested, charging_mode=self._mode.chosen)
        changes |= {"charging_mode": self._mode.shown, "requested": requested}
        self._update(self.host.clock.now(), **changes)

    def _reported(self, report: str) -> None:
        """End the waits that the report called `report`, which has just arrived, confirms."""
        self._commands.reported(report)
        if report == Feature.SESSION_ENERGY:
            self.limits.plan.session_reported()
        elif report == Feature.STATUS and self.snapshot.charging is False:
            self._mode.end()
            self._show_mode()

    @override
    def clock_set(self, by: float, now: float) -> None:
        self.limits.clock_set(by)
        if (session := self.snapshot.session).offset is not None:
            self._update(now, session=replace(session, offset=session.offset + by))

    @override
    def close(self) -> None:
        super().close()
        self.limits.close()
        self._commands.close()

    @override
    def connection_lost(self, now: float) -> None:
        self._commands.connection_lost()
        super().connection_lost(now)

    @override
    def _set_unavailable(self, reason: Reason | None, now: float, **changes: object) -> None:
        """Drop live values if their source is gone; counters and sessions stay valid."""
        if reason is not None:
            self._mode.forget()
            changes = self.snapshot.forgotten() | {"charging_mode": self._mode.shown} | changes
        was_away = self.snapshot.unavailable is not None
        super()._set_unavailable(reason, now, **changes)
        if was_away and reason is None:
            self.limits.reconnected(now)


_CHARGING = expects(Feature.CHARGING, value=True)
_NOT_CHARGING = expects(Feature.CHARGING, value=False)
