"""A FIMP charge point: reports in, commands out.

Sources: Futurehome FIMP API, service `chargepoint` (both versions of the document) and the
other services on the same address, and the adapters built on cliffhanger.
"""

from collections.abc import Callable
from datetime import datetime
import logging
from typing import Any, ClassVar, Final, override

from ..capabilities import Parameter, ParameterValue
from ..charge_point import Chargepoint
from ..commands.request import ExpectedState
from ..errors import InvalidRequestError, NoSessionError
from ..model import CHARGING_ALLOWED, ChargepointSnapshot, Feature, Reason, Status
from ..model import parameter_kind as kind_of
from ..node import NodeHost, Request
from ..watchdog import Inquiry, Patience, Watchdog
from . import parameters, reports
from .inclusion import Thing
from .interfaces import ASKED_BY, REPORT_OF, SETTERS, Interfaces, phase_mode, refusal, rejection
from .message import Message, encode
from .reports import Reader, ReportUpdate
from .session import SessionReader, is_idle, offers
from .topic import ServiceAddress

_LOGGER = logging.getLogger(__name__)
#: Adapters repeat unchanged values only every 30 minutes.
PATIENCE: Final = Patience(ask_after=300.0, answer_time=30.0, tries=3)
#: Seconds between the requests while the state is unknown: the adapter may connect later.
_UNTIL_KNOWN: Final = (2.0, 5.0, 15.0, 60.0, 300.0)

#: Seconds between two requests for the health of the device, for a restart, and between a change of
#: the status or of an alarm and such a request.
_HEALTH_EVERY: Final = 1800.0
_RESTART_TIME: Final = 60.0
_HEALTH_SOON: Final = 1.0
#: Maximum length of a refusal that is shown, in characters.
_REASON_MAX: Final = 500


class FimpChargepoint(Chargepoint):
    """One `chargepoint` service and the services beside it, on the same address."""

    # Adapters poll their cloud every 30 s; only then do they confirm a stop.
    reports_errors: ClassVar[bool] = True
    command_timeout: ClassVar[float] = 40.0
    infers_session_start: ClassVar[bool] = True
    report_age: ClassVar[float] = 30.0
    #: The services of a charge point, all at the same address.
    SERVICES: ClassVar = (*reports.READERS, "parameters")
    #: The reports that identify a charge point. An error report does not: it may be the reply to a
    #: mistyped address.
    IDENTIFYING: ClassVar = frozenset(
        {*reports.READERS["chargepoint"], "evt.current_session.report"}
    )

    def __init__(self, key: str, address: ServiceAddress, host: NodeHost, prefix: str) -> None:
        """Start with what all FIMP charge points can do; `key` identifies the node."""
        self._interfaces = Interfaces(address)
        snapshot = ChargepointSnapshot(
            identity=self._interfaces.identity, capabilities=self._interfaces.capabilities
        )
        super().__init__(key, snapshot, host)
        self.service_address = address
        self._prefix = prefix
        #: Service, interface and value of the requests since it was last unavailable.
        self._asked: set[tuple[str, str, object]] = set()
        self._thing_up: bool | None = None
        #: Why its adapter cannot reach it, and whether it charges according to the cache of the
        #: adapter.
        self._cut_off: Reason | None = None
        self._cached_charging: bool | None = None
        self._last_stop = ""
        #: The id of the last command to each service.
        self._last_commands: dict[str, str] = {}
        self._sessions = SessionReader()
        self._readers: dict[str, dict[str, Reader]] = {
            service: dict(readers) for service, readers in reports.READERS.items()
        }
        self._readers["chargepoint"] |= {
            "evt.state.report": self._state,
            "evt.current_session.report": self._timed(self._sessions.read),
        }
        self._readers["diagnostic"]["evt.uptime.report"] = self._timed(reports.uptime)
        self._readers["parameters"] = {
            "evt.param.report": parameters.reported,
            "evt.sup_params.report": self._described,
        }
        self._state_inquiry = Inquiry(
            self.timers, "ask until known", lambda _: self._ask_everything(), _UNTIL_KNOWN
        )
        self._watchdog = Watchdog(
            self.timers,
            lambda: PATIENCE,
            ask=lambda _: self._get("chargepoint", "cmd.state.get_report"),
            silent=self._silent,
        )
        self._watchdog.start(host.clock.now())

    def handle_message(self, service: str, message: Message, now: float) -> None:
        """Process a message of one of the services, and publish its changes at once.

        Raises:
            ProtocolError: it is invalid, and has changed nothing.

        """
        self._collects = True
        try:
            self._handle(service, message, now)
        finally:
            self._publish_collected(now)

    def _handle(self, service: str, message: Message, now: float) -> None:
        if message.type == "evt.error.report":
            # It may answer our requests while the thing is down, so it does not show that it is up.
            self._refused(service, message)
            return
        if message.type == "evt.success.report":
            self._commands.accept(message.corid)
        reader = self._readers[service].get(message.type)
        if reader is None:
            self._received(now)
            return
        before = self.snapshot
        update = reader(before, message)
        known = self._interfaces.observed.get(service)
        if known is None or not update.observed <= known or "charging_mode" in update.changes:
            self._interfaces.observe(service, update)
        if self._cut_off is not None:
            self._take_cached(update, now)
            return
        if update.live:
            self._received(now, **update.changes)
        else:
            self._update(now, **update.changes)
        if before.raw_status is None and self.snapshot.raw_status is not None:
            self._state_inquiry.answered()
        if update.report:
            self._reported(update.report)
        self._follow_up(before, now)

    def _follow_up(self, before: ChargepointSnapshot, now: float) -> None:
        """Request what a report makes outdated, and end the waits that it makes pointless."""
        after = self.snapshot
        if before.status is not after.status or before.faults != after.faults:
            # The list of errors is only reported on request.
            self._ask_health_soon(now)
        is_charging = after.status is Status.CHARGING and after.meter.power == 0
        if is_charging and is_idle(after) and not is_idle(before):
            # Adapters report a state up to 30 s later than its consequences.
            self._get("chargepoint", "cmd.state.get_report")
        if not after.in_session:
            # Commands for the session can no longer be confirmed.
            self._commands.give_up(Feature.SESSION_CURRENT, NoSessionError("session_over"))

    def _refused(self, service: str, message: Message) -> None:
        given = message.props.get("msg") or message.value
        words = given[:_REASON_MAX] if isinstance(given, str) else ""
        request_id = message.corid
        if not request_id:
            if message.props.get("cmd_type", "").endswith(".get_report"):
                return
            self._report_error(words)
            if self._commands.only_request == self._last_commands.get(service):
                request_id = self._commands.only_request
        if self._commands.reject(request_id, rejection(words), refusal(words)):
            # Quoted: the text could contain what looks like lines of the log.
            _LOGGER.info("%s refused a command: %r", self.address, words)

    def _take_cached(self, update: ReportUpdate, now: float) -> None:
        """Take over what is valid in a report from the cache of an adapter that is cut off."""
        listed = {key: value for key, value in update.changes.items() if key == "capabilities"}
        self._received(now, **listed)
        if update.report == Feature.STATUS:
            before, status = self._cached_charging, update.changes["status"]
            self._cached_charging = status and (status in CHARGING_ALLOWED)
            if before and self._cached_charging is False:
                # The cache has changed: the stop was received.
                self._commands.confirm(self._last_stop)

    def apply_thing(
        self, now: float, *, included: Thing | None = None, listed: Thing | None = None
    ) -> None:
        """Process an inclusion report, or an entry of the hub's device list.

        Both may differ from the previous one. The device list has the user's name, and the room.
        """
        known = self._interfaces
        is_new = known.include(included=included, listed=listed)
        self._update(now, identity=known.identity, capabilities=known.capabilities)
        if not self._asked:
            self.ask_everything(now)
        elif is_new:
            self._ask_the_rest()

    def apply_thing_status(self, *, up: bool, now: float) -> None:
        """Process a node report. Only changes count: some hubs repeat DOWN for working devices."""
        before, self._thing_up = self._thing_up, up
        if up:
            self._received(now)
        elif before is not False:
            self._set_unavailable(Reason.OFFLINE, now)

    def apply_cut_off(self, reason: Reason | None, now: float) -> None:
        """Take over why its adapter cannot reach it, None if it can.

        Meanwhile, its reports contain what it last knew, and change no value.
        """
        if reason is self._cut_off:
            return
        if self._cut_off is None:
            self._cached_charging = self.snapshot.charging
        self._cut_off = reason
        if reason is None:
            self.ask_everything(now)
            reason = Reason.OFFLINE if self._thing_up is False else Reason.NOT_HEARD
        self._set_unavailable(reason, now)

    def _state(self, snapshot: ChargepointSnapshot, message: Message) -> ReportUpdate:
        update = reports.state(snapshot, message)
        word = update.changes["raw_status"]
        if word.lower() not in reports.STATUS:
            self._warn_of(word)
        self._mode.report(update.changes.get("charging_mode"))
        return update

    def _timed(
        self, read: Callable[[ChargepointSnapshot, Message, datetime], ReportUpdate]
    ) -> Reader:
        clock = self.host.clock
        return lambda snapshot, message: read(snapshot, message, clock.to_datetime(clock.now()))

    def _described(self, _: ChargepointSnapshot, message: Message) -> ReportUpdate:
        found = self._interfaces.parameters = parameters.described(message)
        ids = {None, *(parameter.id for parameter in found)}
        self._asked = {asked for asked in self._asked if asked[2] in ids}
        for parameter in found:
            self._ask_once("parameters", "cmd.param.get_report", parameter.id)
        # An adapter may answer this from its cache, even while the charge point is down.
        return ReportUpdate({"capabilities": self._interfaces.capabilities}, live=False)

    def ask_everything(self, now: float) -> None:
        """Request all reports, repeatedly until the state is known: nothing is retained."""
        self._state_inquiry.start(now)
        if self.snapshot.raw_status is not None:
            self._state_inquiry.answered()

    def _ask_everything(self) -> None:
        self._asked.clear()
        self._ask_the_rest()

    def _ask_the_rest(self) -> None:
        for service, kind in self._interfaces.questions():
            self._ask_once(service, kind)
        self._watch_health(self.host.clock.now() + _HEALTH_EVERY)

    def _ask_once(self, service: str, kind: str, value: str | None = None) -> None:
        if (service, kind, value) not in self._asked:
            self._asked.add((service, kind, value))
            self._get(service, kind, value)

    def _ask_health(self, now: float) -> None:
        """Request values that no charge point reports automatically."""
        for service, kind in self._interfaces.questions():
            if service == "diagnostic":
                self._get(service, kind)
        self._watch_health(now + _HEALTH_EVERY)

    def _ask_health_soon(self, now: float) -> None:
        if "health soon" not in self.timers:
            self.timers.set("health soon", now + _HEALTH_SOON, self._ask_health)

    def _watch_health(self, when: float) -> None:
        if self._interfaces.has("diagnostic"):
            self.timers.set("health", when, self._ask_health)

    @override
    def _ask(self, report: str) -> None:
        if (kind := ASKED_BY.get(report)) is not None:
            self._get("chargepoint", kind)
        for parameter in self._interfaces.parameters:
            if report == kind_of(parameter.id):
                self._get("parameters", "cmd.param.get_report", parameter.id)

    def _get(self, service: str, kind: str, value: str | None = None) -> None:
        fields = {} if value is None else {"value_type": "string", "value": value}
        request = self._request(service, kind, **fields)
        self.host.send(request.topic, request.payload)

    @override
    def connection_made(self, now: float) -> None:
        super().connection_made(now)
        self._thing_up = None
        self._watchdog.start(now)
        self.ask_everything(now)

    @override
    def _set_unavailable(self, reason: Reason | None, now: float, **changes: object) -> None:
        if reason is not Reason.NOT_CONNECTED:
            reason = self._cut_off or reason  # Its adapter reports no other reason.
        super()._set_unavailable(reason, now, **changes)

    def _received(self, now: float, **changes: object) -> None:
        """Take over a report and its changes; request the rest if it was unavailable."""
        self._watchdog.received(now)
        if self.snapshot.unavailable is None:
            self._update(now, **changes)
            return
        was_away = self.snapshot.unavailable in (Reason.OFFLINE, Reason.SILENT)
        self._set_unavailable(None, now, **changes)
        if was_away:
            self.ask_everything(now)

    def _silent(self, now: float) -> None:
        if self.snapshot.unavailable is not Reason.OFFLINE:
            self._set_unavailable(Reason.SILENT, now)

    def _request(self, service: str, kind: str, **fields: Any) -> Request:
        """Return a message to a service; `fields` as in `encode`."""
        request = self._message(service, kind, **fields)
        if not kind.endswith(".get_report"):
            self._last_commands[service] = request.id
        return request

    def _message(self, service: str, kind: str, **fields: Any) -> Request:
        when = self.host.clock.to_datetime(self.host.clock.now())
        uid, payload = encode(kind, service, when, **fields)
        return Request(uid, self._prefix + self.service_address.commands(service), payload)

    @override
    def _start_request(self, mode: str | None) -> Request:
        # Without a chosen mode, omit the property: a mode changes the current.
        props = {"charging_mode": mode} if mode else None
        return self._request("chargepoint", "cmd.charge.start", props=props)

    @override
    def _stop_request(self) -> Request:
        request = self._request("chargepoint", "cmd.charge.stop")
        self._last_stop = request.id
        return request

    @override
    def _set_request(self, feature: Feature, value: Any) -> Request:
        if feature is Feature.PHASES:
            feature, value = Feature.PHASE_MODE, self._phase_mode(value)
            if value is None:
                raise InvalidRequestError("unsupported", feature=Feature.PHASES)
        kind, value_type, convert = SETTERS[feature]
        return self._request("chargepoint", kind, value_type=value_type, value=convert(value))

    @override
    def failsafe_request(self, current: float) -> Request:
        # We have not sent it, so no error report refers to it as our last command.
        kind, value_type, convert = SETTERS[Feature.MAX_CURRENT]
        return self._message("chargepoint", kind, value_type=value_type, value=convert(current))

    @override
    def effect(self, feature: Feature, value: Any) -> ExpectedState:
        if feature is Feature.PHASES:
            mode = self._phase_mode(value)
            if mode is None:
                return ExpectedState(Feature.PHASE_MODE, value, lambda known: known.phases == value)
            return super().effect(Feature.PHASE_MODE, mode)
        if feature is Feature.SESSION_CURRENT:
            return ExpectedState(feature, value, lambda snapshot: offers(snapshot, value))
        return super().effect(feature, value)

    def _phase_mode(self, phases: object) -> str | None:
        """Return the mode in use if it has so many `phases`, else the first offered, if any."""
        snapshot = self.snapshot
        if snapshot.phase_mode is not None and snapshot.phases == phases:
            return snapshot.phase_mode
        return phase_mode(snapshot.capabilities.options.get(Feature.PHASE_MODE, ()), phases)

    @override
    def _report_of(self, feature: Feature) -> str:
        return REPORT_OF.get(feature, feature)

    @override
    def _was_set(self, feature: Feature, value: object) -> None:
        if feature is Feature.SESSION_CURRENT:  # No report contains it.
            self._update(self.host.clock.now(), session_current=value)

    @override
    def _parameter_request(self, parameter: Parameter, value: ParameterValue) -> Request:
        command = parameters.command(parameter, value)
        return self._request("parameters", "cmd.param.set", value_type="object", value=command)

    @override
    def _act_request(self, feature: Feature) -> Request:
        # False requests a soft restart.
        return self._request("dev_sys", "cmd.thing.reboot", value_type="bool", value=False)

    @override
    def _acted(self, feature: Feature) -> None:
        now = self.host.clock.now()
        self._ask_health_soon(now)
        self._watch_health(now + _RESTART_TIME)
