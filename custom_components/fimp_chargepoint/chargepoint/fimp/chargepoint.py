"""A FIMP charge point: reports in, commands out.

Sources: Futurehome FIMP API, service `chargepoint` (both versions of the document) and its
sibling services on the same address, and the adapters built on cliffhanger.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar, Final, override

from ..base import Chargepoint, parameter_kind
from ..clock import moment
from ..commands import Effect, Request
from ..errors import NoSessionError, ProtocolError
from ..model import (
    PHASES,
    Capabilities,
    ChargepointSnapshot,
    Feature,
    Identity,
    Parameter,
    ParameterValue,
    Reason,
)
from ..node import Outlet
from . import control, health, meter, parameters
from .capabilities import BASIC, capabilities
from .inclusion import Service, Thing
from .message import Message, encode, number
from .questions import ASKED_BY, questions
from .reports import Reader, Reading, amperes, expect
from .session import limit_of, next_session, offers
from .topic import ServiceAddress

#: Seconds of silence after which the charge point is asked: adapters report unchanged
#: values every 30 minutes only.
_ASK_AFTER: Final = 300.0
#: Seconds it has for an answer, and how often it is asked before it counts as silent.
_ANSWER_TIME: Final = 30.0
_TRIES: Final = 3
#: Seconds between the questions to one whose state is not known since the link came up:
#: its adapter may come back to the broker later than we do.
_ASK_AGAIN: Final = (2.0, 5.0, 15.0, 60.0)

#: Characters of a refusal that are shown.
_REASON_MAX: Final = 500

#: How a feature is set: interface, value type, and how the value is spelt.
_SETTERS: Final[dict[Feature, tuple[str, str, Callable[[Any], Any]]]] = {
    Feature.CABLE_LOCK: ("cmd.cable_lock.set", "bool", bool),
    Feature.MAX_CURRENT: ("cmd.max_current.set", "int", int),
    Feature.SESSION_CURRENT: ("cmd.current_session.set_current", "int", int),
    Feature.PHASE_MODE: ("cmd.phase_mode.set", "string", str.upper),
}


class FimpChargepoint(Chargepoint):
    """One `chargepoint` service and the services beside it, on the same address."""

    # Adapters poll their cloud every 30 s, and prove a stop only then.
    command_timeout: ClassVar[float] = 40.0
    report_age: ClassVar[float] = 30.0
    #: The reports that prove a charge point where none was known. An error report does
    #: not: it may answer somebody's typing error.
    PROOFS: ClassVar = frozenset({*control.READERS, "evt.current_session.report"})

    def __init__(self, key: str, address: ServiceAddress, outlet: Outlet, prefix: str) -> None:
        """Start with what every FIMP charge point can do; `key` identifies the node."""
        #: Who it is until somebody tells.
        self._stranger = Identity(name=f"{address.adapter.name} {address.address}")
        super().__init__(
            key, ChargepointSnapshot(identity=self._stranger, capabilities=BASIC), outlet
        )
        self.service_address = address
        self._prefix = prefix
        #: What its adapter says of the thing, and what the hub's device list does.
        self._included: Thing | None = None
        self._listed: Thing | None = None
        self._services: dict[str, Service] = {}
        self._seen: frozenset[Feature] = frozenset()
        #: Services that were heard, whether they are listed or not.
        self._speaking: set[str] = set()
        self._parameters: tuple[Parameter, ...] = ()
        self._asked = False
        self._thing_up: bool | None = None
        self._heard_at = outlet.clock.now()
        self._unanswered = 0
        self._restored_energy: float | None = None
        self._start_was_seen = False
        self._readers: dict[str, dict[str, Reader]] = {
            "chargepoint": control.READERS
            | {
                "evt.state.report": self._state,
                "evt.current_session.report": self._current_session,
            },
            "meter_elec": dict(meter.READERS),
            "parameters": parameters.READERS | {"evt.sup_params.report": self._described},
            "alarm_system": dict(health.ALARM_READERS),
            "diagnostic": dict(health.DIAGNOSTIC_READERS),
            "dev_sys": {},
        }
        self._watch_silence(self._heard_at)

    # Messages in --------------------------------------------------------------

    def apply(self, service: str, message: Message, now: float) -> None:
        """Take a message of one of the services.

        Raises:
            ProtocolError: it makes no sense, and has changed nothing.

        """
        if message.type == "evt.error.report":
            # Our own polling is answered by these while the thing is down: no sign of life.
            reason = message.props.get("msg") or message.value or "no reason was given"
            self._commands.reject(message.corid, reason[:_REASON_MAX])
            return
        if message.type == "evt.success.report":
            self._commands.accept(message.corid)
        reader = self._readers[service].get(message.type)
        if reader is None:
            self._heard(now)
            return
        reading = reader(self.snapshot, message)
        self._speaking.add(service)
        if not reading.seen <= self._seen:
            self._seen |= reading.seen
            reading.changes["capabilities"] = self._capabilities()
        if reading.live:
            self._heard(now, **reading.changes)
        else:
            self._update(now, **reading.changes)
        if reading.evidence:
            self._evidence(reading.evidence)
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

    @property
    def introduced(self) -> bool:
        """Whether its adapter has said who it is."""
        return self._included is not None

    # Who it is and what it can do -----------------------------------------------

    def _described_anew(self, now: float) -> None:
        before = self._services
        stated = self._included or self._listed
        self._services = {} if stated is None else stated.of(self.service_address)
        self._update(now, identity=self._identity(), capabilities=self._capabilities())
        if self._services != before or not self._asked:
            self.ask_everything()

    def _identity(self) -> Identity:
        """Return who it is: what its adapter knows, below the name that the user gave."""
        identity = self._stranger
        if self._included is not None:
            name = self._included.identity.name
            if name and len(self._included.chargepoints) > 1:
                name = f"{name} {self.service_address.address}"
            identity = replace(self._included.identity, name=name or identity.name)
        if self._listed is not None:
            listed = self._listed.identity
            identity = replace(
                identity,
                name=listed.name or identity.name,
                model=identity.model or listed.model,
                area=listed.area,
            )
        return identity

    def _capabilities(self) -> Capabilities:
        """Return what the lists say, and what was seen although they do not say it."""
        stated = capabilities(self._services) if self._services else BASIC
        return replace(stated, reports=stated.reports | self._seen, parameters=self._parameters)

    # Reports that need more than the snapshot -------------------------------------

    def _state(self, snapshot: ChargepointSnapshot, message: Message) -> Reading:
        reading = control.state(snapshot, message)
        word = reading.changes["raw_status"]
        if word.lower() not in control.STATUS:
            self._warn_of(word)
        self._mode_reported(reading.changes.get("charging_mode"))
        if reading.changes["plugged"] is False:
            # Not every adapter says that the session is over.
            reading.changes["session_current"] = None
        return reading

    def _current_session(self, snapshot: ChargepointSnapshot, message: Message) -> Reading:
        energy = expect(message, float)
        if energy < 0:
            raise ProtocolError("value", f"session energy {energy}")
        offered = number(message.props.get("offered_current"))
        if offered is not None:
            amperes(offered, "offered_current")
        values = snapshot.meter
        known = (
            self._restored_energy if values.session_energy is None else values.session_energy
        )
        session, energy = next_session(
            snapshot.session, known, energy, message.props, moment(self.outlet.clock.now())
        )
        self._start_was_seen = "started_at" not in message.props
        changes: dict[str, Any] = {
            "session": session,
            "session_current": limit_of(snapshot, session, offered),
            "meter": replace(values, session_energy=energy, offered_current=offered),
        }
        seen = set() if offered is None else {Feature.OFFERED_CURRENT}
        return Reading(changes, frozenset(seen), Feature.SESSION_ENERGY)

    def _described(self, _: ChargepointSnapshot, message: Message) -> Reading:
        found = parameters.described(message)
        self._parameters = found
        for each in found:
            self._get("parameters", "cmd.param.get_report", value_type="string", value=each.id)
        # An adapter may know this by heart, also while the charge point is down.
        return Reading({"capabilities": self._capabilities()}, live=False)

    # Questions ------------------------------------------------------------------

    def ask_everything(self) -> None:
        """Ask for every report there is; nothing is retained."""
        self._asked = True
        for service, kind in questions(self._services, self._seen, self._speaking):
            self._get(service, kind)

    @override
    def _ask(self, evidence: str) -> None:
        if (kind := ASKED_BY.get(evidence)) is not None:
            self._get("chargepoint", kind)
        for each in self._parameters:
            if evidence == parameter_kind(each.id):
                self._get(
                    "parameters", "cmd.param.get_report", value_type="string", value=each.id
                )

    def _get(self, service: str, kind: str, **fields: Any) -> None:
        request = self._request(service, kind, **fields)
        self.outlet.send(request.topic, request.payload)

    def _request(self, service: str, kind: str, **fields: Any) -> Request:
        uid, payload = encode(kind, service, self.outlet.clock.now(), **fields)
        return Request(uid, self._prefix + self.service_address.commands(service), payload)

    # Life ------------------------------------------------------------------------

    @override
    def link_up(self, now: float) -> None:
        super().link_up(now)
        self._thing_up = None
        self._heard_at = now
        self._unanswered = 0
        self._watch_silence(now)
        self.ask_everything()
        self._ask_until_known(now, *_ASK_AGAIN)

    def _ask_until_known(self, now: float, pause: float, *pauses: float) -> None:
        """Ask again until the state was said; other reports may come, and it alone not."""

        def ask(now: float) -> None:
            if self.snapshot.raw_status is None:
                self.ask_everything()
                self._ask_until_known(now, *(pauses or (_ASK_AFTER,)))

        self.timers.set("ask until known", now + pause, ask)

    def _heard(self, now: float, **changes: Any) -> None:
        """Take a sign of life, with what it changes; ask for the rest where it came back."""
        self._heard_at = now
        self._unanswered = 0
        came_back = self.snapshot.unavailable in (Reason.OFFLINE, Reason.SILENT)
        self._set_unavailable(None, now, **changes)
        if came_back:
            self._watch_silence(now)
            self.ask_everything()

    def _watch_silence(self, now: float) -> None:
        """Ask a charge point that says nothing, and stop believing in it in the end."""
        if now - self._heard_at < _ASK_AFTER:
            self.timers.set("silence", self._heard_at + _ASK_AFTER, self._watch_silence)
            return
        if self._unanswered == _TRIES and self.snapshot.unavailable is not Reason.OFFLINE:
            self._set_unavailable(Reason.SILENT, now)
        self._unanswered += 1
        self._get("chargepoint", "cmd.state.get_report")
        pause = _ANSWER_TIME if self._unanswered <= _TRIES else _ASK_AFTER
        self.timers.set("silence", now + pause, self._watch_silence)

    @override
    def restore_session(self, started: datetime, energy: float) -> None:
        session = self.snapshot.session
        reported = self.snapshot.meter.session_energy
        if session.started is None or (
            reported is not None and self._start_was_seen and reported >= energy
        ):
            self._restored_energy = energy
            session = replace(session, started=started, start_guessed=True)
            self._update(self.outlet.clock.now(), session=session)

    # Commands ----------------------------------------------------------------------

    @override
    def _start_request(self, mode: str | None) -> Request:
        # No choice, no property: a mode changes the current.
        props = {"charging_mode": mode} if mode else None
        return self._request("chargepoint", "cmd.charge.start", props=props)

    @override
    def _stop_request(self) -> Request:
        return self._request("chargepoint", "cmd.charge.stop")

    @override
    def _set_request(self, feature: Feature, value: Any) -> Request:
        if feature is Feature.PHASES:
            feature, value = Feature.PHASE_MODE, self._phase_mode(value)
        kind, value_type, spell = _SETTERS[feature]
        return self._request("chargepoint", kind, value_type=value_type, value=spell(value))

    @override
    def _set_effect(self, feature: Feature, value: Any) -> Effect:
        if feature is Feature.PHASES:
            return super()._set_effect(Feature.PHASE_MODE, self._phase_mode(value))
        if feature is Feature.SESSION_CURRENT:
            return Effect(feature, value, lambda snapshot: offers(snapshot, value))
        return super()._set_effect(feature, value)

    @override
    def _set_evidence(self, feature: Feature) -> str:
        if feature is Feature.PHASES:
            return Feature.PHASE_MODE
        return Feature.SESSION_ENERGY if feature is Feature.SESSION_CURRENT else feature

    @override
    def _was_set(self, feature: Feature, value: Any) -> None:
        # No report holds it.
        if feature is Feature.SESSION_CURRENT:
            self._update(self.outlet.clock.now(), session_current=value)

    def _phase_mode(self, phases: str) -> str:
        """Return the phase mode with so many phases: the one in use, else the first."""
        if self.snapshot.phases == phases and self.snapshot.phase_mode is not None:
            return self.snapshot.phase_mode
        modes = self.snapshot.capabilities.options[Feature.PHASE_MODE]
        return next(each for each in modes if PHASES.get(each) == phases)

    @override
    def _parameter_request(self, parameter: Parameter, value: ParameterValue) -> Request:
        return self._request(
            "parameters",
            "cmd.param.set",
            value_type="object",
            value=parameters.command(parameter, value),
        )

    @override
    def _restart_request(self) -> Request:
        # False asks for a soft restart.
        return self._request("dev_sys", "cmd.thing.reboot", value_type="bool", value=False)
