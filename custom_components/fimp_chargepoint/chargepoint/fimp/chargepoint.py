"""A FIMP charge point: reports in, commands out.

Sources: Futurehome FIMP API, services `chargepoint` and `meter_elec`; both versions of
the chargepoint document, and the adapters built on cliffhanger.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar, override

from ..base import Chargepoint
from ..clock import moment
from ..commands import Request
from ..errors import ProtocolError
from ..model import (
    PLUGGED,
    Capabilities,
    ChargepointSnapshot,
    Feature,
    Identity,
    Phases,
    Reason,
    Status,
    rising,
)
from ..node import Outlet
from .inclusion import BASIC, METER_UNITS, METER_VALUES, Thing
from .message import Message, encode, number
from .session import next_session
from .topic import ServiceAddress

#: Seconds of silence after which the charge point is asked: adapters report unchanged
#: values every 30 minutes only.
_ASK_AFTER = 300.0
#: Seconds it has for an answer, and how often it is asked before it counts as silent.
_ANSWER_TIME = 30.0
_TRIES = 3
#: Seconds between the questions to one whose state is not known since the link came up:
#: its adapter may come back to the broker later than we do.
_ASK_AGAIN = (2.0, 5.0, 15.0, 60.0)

#: Characters of a state that are shown.
_WORD_MAX = 100

#: The words of the documents, of older adapters, and OCPP's where they are passed on.
_STATUS = {
    "disconnected": Status.DISCONNECTED,
    "available": Status.DISCONNECTED,
    "requesting": Status.REQUESTING,
    "preparing": Status.REQUESTING,
    "ready_to_charge": Status.READY_TO_CHARGE,
    "paused": Status.READY_TO_CHARGE,
    "charging": Status.CHARGING,
    "suspended_by_ev": Status.SUSPENDED_BY_EV,
    "suspendedev": Status.SUSPENDED_BY_EV,
    "suspended_by_evse": Status.SUSPENDED_BY_EVSE,
    "suspendedevse": Status.SUSPENDED_BY_EVSE,
    "switching_phases": Status.SWITCHING_PHASES,
    "finished": Status.FINISHED,
    "finishing": Status.FINISHED,
    "reserved": Status.RESERVED,
    "unavailable": Status.OUT_OF_SERVICE,
    "error": Status.ERROR,
    "faulted": Status.ERROR,
    "unknown": None,
}


#: What a report is the evidence of.
_EVIDENCE = {
    "evt.state.report": Feature.STATUS,
    "evt.current_session.report": Feature.SESSION_ENERGY,
    "evt.cable_lock.report": Feature.CABLE_LOCK,
}


class FimpChargepoint(Chargepoint):
    """One `chargepoint` service and the `meter_elec` service beside it."""

    # Adapters poll their cloud every 30 s, and prove a stop only then.
    command_timeout: ClassVar[float] = 40.0
    report_age: ClassVar[float] = 30.0
    #: The reports that prove a charge point where none was known. An error report does
    #: not: it may answer somebody's typing error.
    PROOFS: ClassVar = frozenset(_EVIDENCE)

    def __init__(self, key: str, address: ServiceAddress, outlet: Outlet, prefix: str) -> None:
        """Start with what every FIMP charge point can do; `key` identifies the node."""
        super().__init__(
            key,
            ChargepointSnapshot(
                identity=Identity(name=f"{address.adapter.name} {address.address}"),
                capabilities=BASIC,
            ),
            outlet,
        )
        self.service_address = address
        self._prefix = prefix
        self._has_meter = False
        self._asked = False
        self._thing_up: bool | None = None
        self._heard_at = outlet.clock.now()
        self._unanswered = 0
        self._restored_energy: float | None = None
        self._start_was_seen = False
        self._reports: dict[str, Callable[[Message, float], dict[str, Any]]] = {
            "evt.state.report": self._state,
            "evt.current_session.report": self._current_session,
            "evt.cable_lock.report": self._cable_lock,
        }
        self._meter_reports: dict[str, Callable[[Message], dict[str, Any]]] = {
            "evt.meter.report": self._meter,
            "evt.meter_ext.report": self._meter_extended,
        }
        self._watch_silence(self._heard_at)

    # Messages in --------------------------------------------------------------

    def apply(self, message: Message, now: float) -> None:
        """Take a message of the chargepoint service."""
        if message.type == "evt.error.report":
            # Our own polling is answered by these while the thing is down: no sign of life.
            reason = message.props.get("msg") or message.value or "no reason was given"
            self._commands.reject(message.corid, str(reason))
            return
        report = self._reports.get(message.type)
        changes = report(message, now) if report is not None else {}
        self._heard(now, **changes)
        if report is not None:
            self._evidence(_EVIDENCE[message.type])

    def apply_meter(self, message: Message, now: float) -> None:
        """Take a message of the meter beside the charge point."""
        if message.type == "evt.error.report":
            return
        report = self._meter_reports.get(message.type)
        self._heard(now, **(report(message) if report is not None else {}))

    def apply_thing(self, thing: Thing, now: float) -> None:
        """Take an inclusion report; capabilities may have changed."""
        several = len(thing.chargepoints) > 1
        name = thing.identity.name or self.snapshot.identity.name
        if several:
            name = f"{name} {self.service_address.address}"
        known = self.snapshot.capabilities
        stated = thing.capabilities(self.service_address)
        has_meter, self._has_meter = self._has_meter, thing.has_meter(self.service_address)
        self._update(
            now,
            identity=replace(thing.identity, name=name),
            # The list may be too short: what was seen stays.
            capabilities=replace(stated, reports=stated.reports | known.reports),
        )
        changed = self.snapshot.capabilities != known or self._has_meter != has_meter
        if changed or not self._asked:
            self.ask_everything()

    def apply_thing_status(self, *, up: bool, now: float) -> None:
        """Take a node report. Only a change counts: some hubs repeat DOWN for what works."""
        before, self._thing_up = self._thing_up, up
        if up:
            self._heard(now)
        elif before is not False:
            self._set_unavailable(Reason.OFFLINE, now)

    def ask_everything(self) -> None:
        """Ask for every report there is; nothing is retained."""
        self._asked = True
        self._get("chargepoint", "cmd.state.get_report")
        self._get("chargepoint", "cmd.current_session.get_report")
        if Feature.CABLE_LOCK in self.snapshot.capabilities.reports:
            self._get("chargepoint", "cmd.cable_lock.get_report")
        if self._has_meter:
            self._get("meter_elec", "cmd.meter.get_report")
            self._get("meter_elec", "cmd.meter_ext.get_report")

    # Reports: each returns the changes it means ---------------------------------

    def _state(self, message: Message, _: float) -> dict[str, Any]:
        word = _expect(message, str)[:_WORD_MAX]
        status = _STATUS.get(word.lower())
        if word.lower() not in _STATUS:
            self._warn_of(word)
        mode = message.props.get("charging_mode", "").lower() or None
        return {
            "status": status,
            "raw_status": word,
            "plugged": None if status is None else PLUGGED.get(status),
            **self._reported_mode(mode),
        }

    def _current_session(self, message: Message, now: float) -> dict[str, Any]:
        energy = _expect(message, float)
        if energy < 0:
            raise ProtocolError("value", f"session energy {energy}")
        meter = self.snapshot.meter
        known = self._restored_energy if meter.session_energy is None else meter.session_energy
        session, energy = next_session(
            self.snapshot.session, known, energy, message.props, moment(now)
        )
        self._start_was_seen = "started_at" not in message.props
        return {"session": session, "meter": replace(meter, session_energy=energy)}

    def _cable_lock(self, message: Message, _: float) -> dict[str, Any]:
        current = number(message.props.get("cable_current"))
        return {
            "cable_locked": _expect(message, bool),
            # A missing key means not said, not gone.
            "cable_current": self.snapshot.cable_current if current is None else current,
            "capabilities": self._also({Feature.CABLE_LOCK}),
        }

    def _meter(self, message: Message) -> dict[str, Any]:
        feature = METER_UNITS.get(message.props.get("unit", ""))
        return {} if feature is None else self._measured({feature: _expect(message, float)}, {})

    def _meter_extended(self, message: Message) -> dict[str, Any]:
        values = {
            key: float(value)
            for key, value in _expect(message, dict).items()
            if isinstance(value, int | float) and not isinstance(value, bool)
        }
        features = {
            feature: values[key] for key, feature in METER_VALUES.items() if key in values
        }
        return self._measured(features, values)

    def _measured(
        self, features: dict[Feature, float], values: dict[str, float]
    ) -> dict[str, Any]:
        """Merge measurements into what is known: a report holds only some of them."""
        meter = self.snapshot.meter
        return {
            "meter": replace(
                meter,
                power=features.get(Feature.POWER, meter.power),
                energy=rising(meter.energy, features.get(Feature.ENERGY)),
                currents=_merge(meter.currents, values, "i"),
                voltages=_merge(meter.voltages, values, "u"),
            ),
            "capabilities": self._also(features),
        }

    def _also(self, seen: Any) -> Capabilities:
        """Return the capabilities with what was `seen` in use, whatever the list says."""
        known = self.snapshot.capabilities
        return (
            known
            if known.reports.issuperset(seen)
            else replace(known, reports=known.reports | frozenset(seen))
        )

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
            self._update(self.outlet.clock.now(), session=replace(session, started=started))

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
    def _cable_lock_request(self, *, locked: bool) -> Request:
        return self._request(
            "chargepoint", "cmd.cable_lock.set", value_type="bool", value=locked
        )

    @override
    def _ask(self, feature: Feature) -> None:
        for kind, evidence in _EVIDENCE.items():
            if evidence is feature:
                self._get(
                    "chargepoint", kind.replace("evt", "cmd").replace("report", "get_report")
                )

    def _get(self, service: str, kind: str) -> None:
        request = self._request(service, kind)
        self.outlet.send(request.topic, request.payload)

    def _request(self, service: str, kind: str, **fields: Any) -> Request:
        uid, payload = encode(kind, service, self.outlet.clock.now(), **fields)
        return Request(uid, self._prefix + self.service_address.commands(service), payload)


def _merge(known: Phases, values: dict[str, float], letter: str) -> Phases:
    """Return phase values: what `values` has of them (`i1`..), else what was known."""
    one, two, three = known
    return (
        values.get(f"{letter}1", one),
        values.get(f"{letter}2", two),
        values.get(f"{letter}3", three),
    )


def _expect[T](message: Message, kind: type[T]) -> T:
    """Return the value of a report, which must be of `kind`.

    Raises:
        ProtocolError: of kind `value`.

    """
    value = message.value
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, kind):
        raise ProtocolError("value", f"{message.type}: {value!r:.80}")
    return value
