"""A FIMP charge point: reports in, commands out.

Sources: Futurehome FIMP API, service `chargepoint` (both versions of the document) and its
sibling services on the same address, and the adapters built on cliffhanger.
"""

from dataclasses import replace
from typing import Any, ClassVar, Final, override

from ..capabilities import Capabilities, Parameter, ParameterValue
from ..charge_point import Chargepoint
from ..commands.command import ExpectedState, Request
from ..errors import InvalidRequestError, NoSessionError
from ..model import (
    CHARGING_ALLOWED,
    ChargepointSnapshot,
    Feature,
    Identity,
    Reason,
    parameter_kind,
)
from ..node import NodeHost
from . import control, health, meter, parameters
from .capabilities import BASIC, capabilities
from .inclusion import Service, Thing, identity
from .message import Message
from .reports import Reader, Reading
from .requests import ANSWER_TIME, ASK_AFTER, ASKED_BY, TRIES, Requests, questions, refusal
from .session import SessionReader, offers
from .topic import ServiceAddress

#: Seconds between the questions to one whose state is not known since the link came up:
#: its adapter may come back to the broker later than we do.
_ASK_AGAIN: Final = (2.0, 5.0, 15.0, 60.0)

#: Seconds between two questions for the health of the device, and to a restart's end.
_HEALTH_EVERY: Final = 1800.0
_RESTART_TIME: Final = 60.0
#: Seconds after a change of the status or of an alarm until it is asked for.
_HEALTH_SOON: Final = 1.0
#: Characters of a refusal that are shown.
_REASON_MAX: Final = 500


class FimpChargepoint(Chargepoint):
    """One `chargepoint` service and the services beside it, on the same address."""

    # Adapters poll their cloud every 30 s, and prove a stop only then.
    infers_session_start: ClassVar[bool] = True
    command_timeout: ClassVar[float] = 40.0
    report_age: ClassVar[float] = 30.0
    #: The reports that prove a charge point where none was known. An error report does
    #: not: it may answer somebody's typing error.
    PROOFS: ClassVar = frozenset({*control.READERS, "evt.current_session.report"})

    def __init__(self, key: str, address: ServiceAddress, host: NodeHost, prefix: str) -> None:
        """Start with what every FIMP charge point can do; `key` identifies the node."""
        #: Who it is until somebody tells.
        self._stranger = Identity.of_stranger(f"{address.adapter.name} {address.address}")
        super().__init__(
            key, ChargepointSnapshot(identity=self._stranger, capabilities=BASIC), host
        )
        self.service_address = address
        self._requests = Requests(prefix, address, host.clock)
        #: What its adapter says of the thing, and what the hub's device list does.
        self._included: Thing | None = None
        self._listed: Thing | None = None
        self._services: dict[str, Service] = {}
        #: What was heard, by service, whether it is listed or not.
        self._seen: dict[str, frozenset[Feature]] = {}
        self._parameters: tuple[Parameter, ...] = ()
        self._asked = False
        self._thing_up: bool | None = None
        #: Why its adapter does not reach it, and whether it charges, as that says by heart.
        self._cut_off: Reason | None = None
        self._by_heart: bool | None = None
        self._last_stop = ""
        self._heard_at = host.clock.now()
        self._unanswered = 0
        self._sessions = SessionReader()
        self._readers: dict[str, dict[str, Reader]] = {
            "chargepoint": control.READERS
            | {
                "evt.state.report": self._state,
                "evt.current_session.report": self._current_session,
            },
            "meter_elec": dict(meter.READERS),
            "parameters": parameters.READERS | {"evt.sup_params.report": self._described},
            "alarm_system": dict(health.ALARM_READERS),
            "diagnostic": health.DIAGNOSTIC_READERS | {"evt.uptime.report": self._uptime},
            "dev_sys": {},
        }
        self._watch_silence(self._heard_at)

    # Messages in --------------------------------------------------------------

    def handle_message(self, service: str, message: Message, now: float) -> None:
        """Take a message of one of the services.

        Raises:
            ProtocolError: it makes no sense, and has changed nothing.

        """
        if message.type == "evt.error.report":
            # Our own polling is answered by these while the thing is down: no sign of life.
            reason = message.props.get("msg") or message.value or "no reason was given"
            self._commands.reject(message.corid, reason[:_REASON_MAX], refusal(reason))
            return
        if message.type == "evt.success.report":
            self._commands.accept(message.corid)
        reader = self._readers[service].get(message.type)
        if reader is None:
            self._heard(now)
            return
        before = self.snapshot
        reading = reader(before, message)
        seen = self._seen.setdefault(service, frozenset())
        if not reading.seen <= seen:
            self._seen[service] = seen | reading.seen
            reading.changes["capabilities"] = self._capabilities()
        if self._cut_off is not None:
            self._told_by_heart(reading, now)
            return
        if reading.live:
            self._heard(now, **reading.changes)
        else:
            self._update(now, **reading.changes)
        if reading.report:
            self._reported(reading.report)
        if before.status is not self.snapshot.status or before.faults != self.snapshot.faults:
            # The list of errors is said only to who asks.
            self._ask_health_soon(now)
        if not self.snapshot.in_session:
            # What belongs to a session cannot be proven any more.
            self._commands.give_up(Feature.SESSION_CURRENT, NoSessionError("it is over"))

    def apply_thing(self, thing: Thing, now: float) -> None:
        """Take an inclusion report; it may say something else than the one before."""
        self._included = thing
        self._described_anew(now)

    def apply_device(self, device: Thing, now: float) -> None:
        """Take what the hub's device list says: the user's own name, and the room."""
        self._listed = device
        self._described_anew(now)

    def apply_thing_status(self, *, up: bool, now: float) -> None:
        """Take a node report. Only a change counts: some hubs repeat DOWN for what works."""
        before, self._thing_up = self._thing_up, up
        if up:
            self._heard(now)
        elif before is not False:
            self._set_unavailable(Reason.OFFLINE, now)

    def apply_cut_off(self, reason: Reason | None, now: float) -> None:
        """Take why its adapter does not reach it any more, None where it does.

        As long as it does not, its reports are what it knew last, and hold no value.
        """
        if reason is self._cut_off:
            return
        if self._cut_off is None:
            self._by_heart = self.snapshot.charging
        self._cut_off = reason
        if reason is None:
            reason = Reason.OFFLINE if self._thing_up is False else Reason.NOT_HEARD
            self.ask_everything()
            self._ask_until_known(now, *_ASK_AGAIN)
        self._set_unavailable(reason, now)

    def _told_by_heart(self, reading: Reading, now: float) -> None:
        """Take of a report what holds although its adapter does not reach it."""
        listed = {key: each for key, each in reading.changes.items() if key == "capabilities"}
        self._heard(now, **listed)
        if reading.report == Feature.STATUS:
            status = reading.changes["status"]
            before, self._by_heart = self._by_heart, status and status in CHARGING_ALLOWED
            if before and self._by_heart is False:
                # No memory changes: it does reach it, and this is what the stop has done.
                self._commands.confirm(self._last_stop)

    @property
    def announced(self) -> bool:
        """Whether its adapter has said who it is."""
        return self._included is not None

    # Who it is and what it can do -----------------------------------------------

    def _described_anew(self, now: float) -> None:
        before = self._services
        stated = self._included or self._listed
        self._services = {} if stated is None else stated.of(self.service_address)
        for service in before.keys() - self._services.keys():
            # What was listed and is not any more is gone with all that was heard of it.
            self._seen.pop(service, None)
        if "parameters" not in self._services and "parameters" not in self._seen:
            self._parameters = ()
        self._update(
            now,
            identity=identity(self._stranger, self._included, self._listed, self.service_address),
            capabilities=self._capabilities(),
        )
        if self._services != before or not self._asked:
            self.ask_everything()

    def _capabilities(self) -> Capabilities:
        """Return what the lists say, and what was seen although they do not say it."""
        stated = capabilities(self._services) if self._services else BASIC
        return replace(
            stated,
            reports=stated.reports.union(*self._seen.values()),
            parameters=self._parameters,
        )

    # Reports that need more than the snapshot -------------------------------------

    def _state(self, snapshot: ChargepointSnapshot, message: Message) -> Reading:
        reading = control.state(snapshot, message)
        word = reading.changes["raw_status"]
        if word.lower() not in control.STATUS:
            self._warn_of(word)
        self._mode.report(reading.changes.get("charging_mode"))
        if reading.changes["plugged"] is False:
            # Not every adapter says that the session is over.
            reading.changes["session_current"] = None
        return reading

    def _current_session(self, snapshot: ChargepointSnapshot, message: Message) -> Reading:
        clock = self.host.clock
        return self._sessions.read(snapshot, message, clock.to_datetime(clock.now()))

    def _uptime(self, snapshot: ChargepointSnapshot, message: Message) -> Reading:
        clock = self.host.clock
        return health.uptime(snapshot, message, clock.to_datetime(clock.now()))

    def _described(self, _: ChargepointSnapshot, message: Message) -> Reading:
        found = parameters.described(message)
        self._parameters = found
        for each in found:
            self._send(self._requests.get_parameter(each))
        # An adapter may know this by heart, also while the charge point is down.
        return Reading({"capabilities": self._capabilities()}, live=False)

    # Questions ------------------------------------------------------------------

    def ask_everything(self) -> None:
        """Ask for every report there is; nothing is retained."""
        self._asked = True
        for service, kind in questions(self._services, self._seen):
            self._get(service, kind)
        self._watch_health(self.host.clock.now() + _HEALTH_EVERY)

    def _ask_health(self, now: float) -> None:
        """Ask for what no charge point says by itself."""
        for service, kind in questions(self._services, self._seen):
            if service == "diagnostic":
                self._get(service, kind)
        self._watch_health(now + _HEALTH_EVERY)

    def _ask_health_soon(self, now: float) -> None:
        if "health soon" not in self.timers:
            self.timers.set("health soon", now + _HEALTH_SOON, self._ask_health)

    def _watch_health(self, when: float) -> None:
        if "diagnostic" in self._services or "diagnostic" in self._seen:
            self.timers.set("health", when, self._ask_health)

    @override
    def _ask(self, report: str) -> None:
        if (kind := ASKED_BY.get(report)) is not None:
            self._get("chargepoint", kind)
        for each in self._parameters:
            if report == parameter_kind(each.id):
                self._send(self._requests.get_parameter(each))

    def _get(self, service: str, kind: str) -> None:
        self._send(self._requests.make(service, kind))

    def _send(self, request: Request) -> None:
        self.host.send(request.topic, request.payload)

    # Life ------------------------------------------------------------------------

    @override
    def connection_made(self, now: float) -> None:
        super().connection_made(now)
        self._thing_up = None
        self._heard_at = now
        self._unanswered = 0
        self._watch_silence(now)
        self.ask_everything()
        self._ask_until_known(now, *_ASK_AGAIN)

    @override
    def _set_unavailable(self, reason: Reason | None, now: float, **changes: Any) -> None:
        # Whatever else is wrong: who is cut off cannot tell.
        if reason is not Reason.NOT_CONNECTED:
            reason = self._cut_off or reason
        super()._set_unavailable(reason, now, **changes)

    def _ask_until_known(self, now: float, pause: float, *pauses: float) -> None:
        """Ask again until the state was said; other reports may come, and it alone not."""

        def ask(now: float) -> None:
            if self.snapshot.raw_status is None:
                self.ask_everything()
                self._ask_until_known(now, *(pauses or (ASK_AFTER,)))

        self.timers.set("ask until known", now + pause, ask)

    def _heard(self, now: float, **changes: Any) -> None:
        """Take a sign of life, with what it changes; ask for the rest where it came back."""
        self._heard_at = now
        self._unanswered = 0
        reconnected = self.snapshot.unavailable in (Reason.OFFLINE, Reason.SILENT)
        self._set_unavailable(None, now, **changes)
        if reconnected:
            self._watch_silence(now)
            self.ask_everything()

    def _watch_silence(self, now: float) -> None:
        """Ask a charge point that says nothing, and stop believing in it in the end."""
        if now - self._heard_at < ASK_AFTER:
            self.timers.set("silence", self._heard_at + ASK_AFTER, self._watch_silence)
            return
        if self._unanswered == TRIES and self.snapshot.unavailable is not Reason.OFFLINE:
            self._set_unavailable(Reason.SILENT, now)
        self._unanswered += 1
        self._get("chargepoint", "cmd.state.get_report")
        pause = ANSWER_TIME if self._unanswered <= TRIES else ASK_AFTER
        self.timers.set("silence", now + pause, self._watch_silence)

    # Commands ----------------------------------------------------------------------

    @override
    def _start_request(self, mode: str | None) -> Request:
        return self._requests.start(mode)

    @override
    def _stop_request(self) -> Request:
        request = self._requests.stop()
        self._last_stop = request.id
        return request

    @override
    def _set_request(self, feature: Feature, value: Any) -> Request:
        if feature is Feature.PHASES:
            mode = control.mode_with(value, self.snapshot)
            if mode is None:
                raise InvalidRequestError(str(value))
            return self._requests.set(Feature.PHASE_MODE, mode)
        return self._requests.set(feature, value)

    @override
    def _set_effect(self, feature: Feature, value: Any) -> ExpectedState:
        if feature is Feature.PHASES:
            mode = control.mode_with(value, self.snapshot)
            if mode is None:
                return ExpectedState(Feature.PHASE_MODE, value, lambda known: known.phases == value)
            return super()._set_effect(Feature.PHASE_MODE, mode)
        if feature is Feature.SESSION_CURRENT:
            return ExpectedState(feature, value, lambda snapshot: offers(snapshot, value))
        return super()._set_effect(feature, value)

    @override
    def _report_of(self, feature: Feature) -> str:
        if feature is Feature.PHASES:
            return Feature.PHASE_MODE
        return Feature.SESSION_ENERGY if feature is Feature.SESSION_CURRENT else feature

    @override
    def _was_set(self, feature: Feature, value: Any) -> None:
        # No report holds it.
        if feature is Feature.SESSION_CURRENT:
            self._update(self.host.clock.now(), session_current=value)

    @override
    def _parameter_request(self, parameter: Parameter, value: ParameterValue) -> Request:
        return self._requests.set_parameter(parameter, value)

    @override
    def _act_request(self, feature: Feature) -> Request:
        return self._requests.restart()

    @override
    def _acted(self, feature: Feature) -> None:
        now = self.host.clock.now()
        self._ask_health_soon(now)
        self._watch_health(now + _RESTART_TIME)
