"""A charge point of a Blue Current account: frames in, requests out."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
import logging
from typing import ClassVar, Final, override

from ..authorization import TakesCards
from ..capabilities import Capabilities, Parameter, ParameterValue
from ..charge_point import Chargepoint
from ..commands.replies import PendingReplies
from ..errors import Refusal, refused_with
from ..model import (
    ChargepointSnapshot,
    Feature,
    Health,
    Identity,
    NodeKind,
    Reason,
    Session,
    parameter_kind,
    rising,
)
from ..node import NodeHost, Request
from ..session import is_same, restored
from ..smart_charging import (
    CurrentSchedule,
    DelayedCharging,
    PriceBasedCharging,
    Profile,
    SmartCharging,
)
from ..watchdog import Inquiry
from . import frames, parameters, status
from .requests import NO_CARD, OVERRIDES, SETTING_COMMANDS, Requests, schedule_id, schedules

_LOGGER = logging.getLogger(__name__)

#: Seconds between two requests for what a command has changed: the requests of a day are
#: limited.
_ASK_INTERVAL: Final = 25.0
#: Seconds until the status is requested again if it has not been reported yet.
_ASK_AGAIN: Final = (30.0, 300.0, 1800.0)
#: Blue Current's error if the charge point did not answer.
_NO_ANSWER: Final = "TIMEOUT"

_CONTROLS: Final = frozenset({Feature.CHARGING, Feature.ENABLED, Feature.RESTART, Feature.RESET})
_ACTIONS: Final = {Feature.RESTART: "REBOOT", Feature.RESET: "SOFT_RESET"}
_STATUS: Final = "GET_CH_STATUS"
_SETTINGS: Final = "GET_CH_SETTINGS"


class BlueCurrentChargepoint(Chargepoint, SmartCharging, TakesCards):
    """One charge point of an account."""

    # Blue Current itself gives up after about 30 s, and reports that.
    command_timeout: ClassVar[float] = 60.0
    report_age: ClassVar[float] = 5.0

    def __init__(
        self,
        address: str,
        evse_id: str,
        host: NodeHost,
        requests: Requests,
        replies: PendingReplies,
    ) -> None:
        """Start with nothing known; `requests` and `replies` are those of the account."""
        identity = Identity(
            name=evse_id,
            kind=NodeKind.CHARGE_POINT,
            manufacturer="Blue Current",
            serial_number=evse_id,
        )
        capabilities = Capabilities(controls=_CONTROLS)
        super().__init__(
            address, ChargepointSnapshot(identity=identity, capabilities=capabilities), host
        )
        self.evse_id = evse_id
        self._requests = requests
        self._replies = replies
        #: Whether the account may change the parameters that it has ever reported.
        self._may_change: dict[str, bool] = {}
        self._sockets: tuple[int, ...] = ()
        self._has_settings = False
        #: When it was last asked, by command.
        self._asked_at: dict[str, float] = {}
        self._inquiry = Inquiry(
            self.timers, "status", lambda now: self._ask_for(_STATUS, now), _ASK_AGAIN
        )
        self._unreadable: set[str] = set()
        #: The values of its parameters, whether it is online or not.
        self._parameters: dict[str, ParameterValue] = {}
        #: The start and the energy of a session that began in an earlier run.
        self._restored: tuple[datetime, float] | None = None
        #: The card of the last or the delayed start, None for none.
        self._card_uid: str | None = None

    # Received frames ----------------------------------------------------------------

    def handle_settings(self, report: frames.ChargePointSettings, now: float) -> None:
        """Handle a report of its identity and its settings."""
        self._warn_of_unreadable(report.unreadable)
        self._sockets = report.sockets or self._sockets
        self._may_change |= parameters.writable(report)
        known = self.snapshot
        identity = replace(
            known.identity.named(report.name),
            model=report.model_type or known.identity.model,
            hw_version=report.chargepoint_type or known.identity.hw_version,
        )
        for parameter_id in parameters.missing(report):
            self._parameters.pop(parameter_id, None)
        self._take_parameters(parameters.values(report), now, identity=identity)
        if "led_intensity" in report.settings:
            # The list of charge points contains everything but this.
            self._has_settings = True
        if report.activity == status.OFFLINE:
            self._set_unavailable(Reason.OFFLINE, now)
        for parameter_id in SETTING_COMMANDS:
            self._reported(parameter_kind(parameter_id))

    def handle_status(self, frame: frames.Status, now: float) -> None:
        """Handle a report of its status."""
        if frame.socket_id is not None and self._sockets[:1] not in ((), (frame.socket_id,)):
            # Commands contain no socket, so they concern the first one.
            return
        self._warn_of_unreadable(frame.unreadable)
        self._inquiry.answered()
        for word in status.unknown_words(frame):
            self._warn_of(word)
        if frame.activity == status.OFFLINE:
            self._set_unavailable(
                Reason.OFFLINE, now, health=Health(offline_since=frame.offline_since)
            )
            self._update(now, capabilities=self._reporting(Feature.OFFLINE_SINCE))
            return
        known = self.snapshot
        session = self._session(frame, now)
        if session.started == known.session.started and session.ended is None:
            # One session never loses energy.
            frame = replace(frame, energy=rising(known.meter.session_energy, frame.energy))
        changes = status.read(known, frame, is_smart=self._is_smart, currency=self._currency)
        if is_same(session, known.session) is False:
            changes.setdefault("charged", None)
        self._update(now, capabilities=self._reporting(*status.reported(frame, changes)))
        self._set_unavailable(None, now, health=Health(), session=session, **changes)
        self._take_parameters(parameters.values_of_status(frame), now)
        for report in (Feature.STATUS, Feature.ENABLED, Feature.SESSION_ENERGY):
            self._reported(report)

    def handle_reply(self, reply: frames.Reply, request_id: str, now: float) -> None:
        """Handle the reply to a request for this charge point."""
        setting = _SETTINGS_BY_COMMAND.get(reply.command)
        if reply.error is not None:
            self._commands.reject(request_id, refused_with(reply.error), _refusal(reply))
        elif reply.final and setting is not None:
            parameter_id, is_inverted = setting
            if reply.value is None or parameter_id in tuple(Profile):
                # The value is missing, or one profile has turned the other one off.
                self._ask_for(_SETTINGS, now)
            if reply.value is not None:
                value = reply.value is not is_inverted
                self._take_parameters({parameter_id: value}, now)
                self._reported(parameter_kind(parameter_id))
        elif reply.final:
            self._commands.accept(request_id)

    @property
    def is_online(self) -> bool:
        """Whether it is connected to Blue Current, as far as is known."""
        return self.snapshot.unavailable is not Reason.OFFLINE

    def _session(self, frame: frames.Status, now: float) -> Session:
        known = self.snapshot.session
        moment = self.host.clock.to_datetime(now)
        session = status.next_session(
            known,
            self.snapshot.meter.session_energy,
            frame,
            moment,
            seen_idle=self.snapshot.charging is False,
        )
        return self._of_earlier_run(session, frame.energy)

    def _of_earlier_run(self, session: Session, energy: float | None) -> Session:
        """Return a session that was already running with the start from an earlier run."""
        if not session.start_guessed or self._restored is None:
            return session
        earlier, self._restored = self._restored, None
        return restored(session, energy, *earlier)

    def _take_parameters(
        self, found: Mapping[str, ParameterValue], now: float, **changes: object
    ) -> None:
        """Take over values of parameters, which are also reported while it is offline."""
        self._parameters |= found
        self._may_change = dict.fromkeys(found, False) | self._may_change
        known = self.snapshot
        capabilities = replace(
            known.capabilities, parameters=parameters.described(self._may_change)
        )
        shown = dict(self._parameters) if known.available else {}
        self._update(now, parameters=shown, capabilities=capabilities, **changes)

    def _warn_of_unreadable(self, names: Collection[str]) -> None:
        if new := set(names) - self._unreadable:
            self._unreadable |= new
            _LOGGER.warning(
                "%s reports values that cannot be read: %s", self.address, ", ".join(sorted(new))
            )

    @property
    def _is_smart(self) -> bool:
        return self._parameters.get(parameters.SMART_CHARGING) is True

    @property
    def _currency(self) -> str:
        currency = self._parameters.get(parameters.CURRENCY)
        return currency if isinstance(currency, str) else "EUR"

    # Requests for reports -----------------------------------------------------------

    def ask_everything(self, now: float) -> None:
        """Request what the list does not contain: its status, and the settings of its LEDs."""
        self._inquiry.start(now)
        if not self._has_settings:
            self._ask_for(_SETTINGS, now)

    @override
    def _ask(self, report: str) -> None:
        now = self.host.clock.now()
        command = _STATUS if report in (Feature.STATUS, Feature.ENABLED) else _SETTINGS
        if now - self._asked_at.get(command, float("-inf")) >= _ASK_INTERVAL:
            self._ask_for(command, now)

    def _ask_for(self, command: str, now: float) -> None:
        self._asked_at[command] = now
        request = self._requests.make(command, self.evse_id)
        self.host.send(request.topic, request.payload)

    # Life -------------------------------------------------------------------------

    @override
    def connection_lost(self, now: float) -> None:
        super().connection_lost(now)
        # They may change while the connection is down.
        self._parameters.clear()
        self._has_settings = False

    @override
    def restore_session(self, started: datetime, energy: float) -> None:
        self._restored = started, energy
        known = self.snapshot
        session = self._of_earlier_run(known.session, known.meter.session_energy)
        self._update(self.host.clock.now(), session=session)

    # Commands ---------------------------------------------------------------------

    @override
    def check_card(self, card: str) -> None:
        self._requests.card_uid(card)

    @override
    async def start_with_card(self, card: str) -> None:
        self._card_uid = self._requests.card_uid(card)
        await super().start_charging()

    @override
    async def start_charging(self) -> None:
        if not self._commands.is_queued(Feature.CHARGING):
            # Else it joins a delayed start, which keeps its card even if its caller gives up.
            self._card_uid = None
        await super().start_charging()

    @override
    def _start_request(self, mode: str | None) -> Request:
        token = self._card_uid or NO_CARD
        return self._requests.make("START_SESSION", self.evse_id, session_token=token)

    @override
    def _stop_request(self) -> Request:
        return self._requests.make("STOP_SESSION", self.evse_id)

    @override
    def _set_request(self, feature: Feature, value: object) -> Request:
        return self._requests.make("SET_OPERATIVE" if value else "SET_INOPERATIVE", self.evse_id)

    @override
    def _parameter_request(self, parameter: Parameter, value: ParameterValue) -> Request:
        return self._setting_request(parameter.id, on=bool(value))

    def _setting_request(self, setting: str, *, on: bool) -> Request:
        """Return the request that changes one of `SETTING_COMMANDS`."""
        command, is_inverted = SETTING_COMMANDS[setting]
        return self._requests.make(command, self.evse_id, value=on is not is_inverted)

    @override
    def _act_request(self, feature: Feature) -> Request:
        return self._requests.make(_ACTIONS[feature], self.evse_id)

    # Smart charging -----------------------------------------------------------------

    @override
    async def set_profile(self, profile: Profile, *, on: bool) -> None:
        if profile in self.snapshot.parameters:
            await self.set_parameter(profile, on)
        else:
            await self._replies.ask(self._setting_request(profile, on=on))

    @override
    async def set_delayed_charging(self, schedule: DelayedCharging) -> None:
        await self._replies.ask(self._requests.delayed_charging(self.evse_id, schedule))
        self._ask_for(_SETTINGS, self.host.clock.now())

    @override
    async def set_price_based_charging(self, settings: PriceBasedCharging) -> None:
        await self._replies.ask(self._requests.price_based_charging(self.evse_id, settings))
        self._ask_for(_SETTINGS, self.host.clock.now())

    @override
    async def override_profile(self, profile: Profile, *, on: bool) -> None:
        await self._replies.ask(self._requests.make(OVERRIDES[profile], self.evse_id, value=on))

    @override
    async def current_schedules(self) -> Sequence[CurrentSchedule]:
        found = schedules(await self._replies.ask(self._requests.make("LIST_OVERRIDE_CURRENT")))
        return [schedule for schedule in found if self.evse_id in schedule.charge_points]

    @override
    async def set_current_schedule(self, schedule: CurrentSchedule) -> str | None:
        charge_points = tuple(dict.fromkeys((self.evse_id, *schedule.charge_points)))
        request = self._requests.set_schedule(replace(schedule, charge_points=charge_points))
        return schedule_id(await self._replies.ask(request)) or schedule.id

    @override
    async def clear_current_schedule(self, schedule_id: str) -> None:
        await self._replies.ask(self._requests.clear_schedule(schedule_id))


_SETTINGS_BY_COMMAND: Final = {
    command: (parameter_id, is_inverted)
    for parameter_id, (command, is_inverted) in SETTING_COMMANDS.items()
}


def _refusal(reply: frames.Reply) -> Refusal:
    """Return the meaning of an error: after a timeout, the command may still take effect."""
    if reply.error != _NO_ANSWER:
        return Refusal.FINAL
    return Refusal.FOR_NOW if reply.command == "STOP_SESSION" else Refusal.OF_REPORT
