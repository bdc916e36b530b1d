"""An EVerest charge point: variables in, pause and resume out.

Source: EVerest API v1, evse_manager_consumer, releases 2025.10 to 2026.10. None of them
says which it is, so nothing here depends on a release: what is sent is taken, and what
is not answered is not asked again.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
import logging
from typing import Any, ClassVar, Final, override

from ..base import Chargepoint
from ..commands import Request
from ..model import (
    Capabilities,
    ChargepointSnapshot,
    Feature,
    Identity,
    Meter,
    Reason,
    Session,
)
from ..node import Outlet
from ..protocol import Handler
from . import powermeter, session
from .envelope import decode, mapping, text
from .requests import Requests

_LOGGER = logging.getLogger(__name__)

#: Seconds of silence that are always allowed, and heartbeats that may be missed.
_SILENCE_MIN: Final = 30.0
_MISSED_BEATS: Final = 3
#: The longest heartbeat that is believed, in seconds; examples of EVerest have 40.
_BEAT_INTERVAL_MAX: Final = 120.0
#: The part of the allowed silence after which the charge point is asked for a sign of life.
_ASK_AFTER: Final = 2 / 3
#: Seconds a station has to answer the first `/get`; releases up to 2026.02 never do.
_ANSWER_TIME: Final = 3.0
#: Seconds within which a starting EVerest says everything; its first heartbeat, which shows
#: that it was restarted, may come last.
_STARTUP_TIME: Final = 1.0

#: What is worth asking for: the rest comes by itself or not at all.
_GETTABLE: Final = ("session_info", "powermeter", "hw_capabilities", "evse_id")

_STATUS_VARIABLES: Final = frozenset({"session_info", "session_event"})

_REFUSALS: Final = {
    "pause_charging": "the station refused to pause: it has no transaction to pause",
    "resume_charging": "the station refused to resume: it has no transaction to resume",
}

_CONNECTORS: Final = {
    "IEC62196Type2Cable": "Type 2 cable",
    "IEC62196Type2Socket": "Type 2 socket",
}


class EverestChargepoint(Chargepoint):
    """One `evse_manager_consumer` module, which stands for one EVSE."""

    command_timeout: ClassVar[float] = 10.0
    report_age: ClassVar[float] = 2.5

    def __init__(self, address: str, module: str, outlet: Outlet, prefix: str) -> None:
        """Start with what every EVSE can do; `address` identifies the node."""
        super().__init__(
            address,
            ChargepointSnapshot(
                identity=Identity(name=f"EVerest {module}"),
                capabilities=Capabilities(
                    reports=frozenset({Feature.STATUS, Feature.SESSION_ENERGY}),
                    controls=frozenset({Feature.CHARGING}),
                ),
            ),
            outlet,
        )
        self._requests = Requests(prefix, module)
        self._session = session.State()
        self._session_heard_at = float("-inf")
        self._has_powermeter = False
        self._heard_at = outlet.clock.now()
        self._beat: int | None = None
        self._beat_at: float | None = None
        self._beat_interval = 0.0
        #: Whether `/get` is answered, None where that is not known (yet, or any more).
        self._answers_gets: bool | None = None
        self._reports: dict[str, Callable[[Any, float], dict[str, Any]]] = {
            "session_info": self._session_info,
            "session_event": self._session_event,
            "powermeter": self._powermeter,
            "hw_capabilities": self._hw_capabilities,
            "evse_id": self._evse_id,
            "heartbeat": self._heartbeat,
        }

    # Messages in --------------------------------------------------------------

    def apply(self, variable: str, value: Any, now: float) -> None:
        """Take the `value` of a variable; one that is not known is a sign of life."""
        report = self._reports.get(variable)
        self._heard(now, **(report(value, now) if report is not None else {}))
        if variable in _STATUS_VARIABLES:
            self._evidence(Feature.STATUS)

    def found(self, heartbeat_period: float | None, now: float) -> None:
        """The module answered a discovery; its heartbeats are so many seconds apart."""
        if heartbeat_period is not None:
            self._beat_interval = min(max(heartbeat_period, 0.0), _BEAT_INTERVAL_MAX)
        self._heard(now)

    def reply_handler(self, request_id: str) -> Handler | None:
        """Return what handles the reply to a request, None where it is not ours."""
        if not self._requests.expects(request_id):
            return None
        return partial(self._reply, request_id)

    def _reply(self, request_id: str, payload: bytes, now: float) -> None:
        value = decode(payload)
        operation = self._requests.claim(request_id)
        if operation is None:
            return
        variable = operation.removesuffix("/get")
        if variable != operation:
            self._answers_gets = True
            # What was never published is answered with `true`.
            if value is not True and value is not None:
                self.apply(variable, value, now)
                return
        self._heard(now)
        # `true` is no proof that anything happened; the status that follows is.
        if value is False and operation in _REFUSALS:
            self._commands.reject(request_id, _REFUSALS[operation])

    def _session_event(self, value: Any, now: float) -> dict[str, Any]:
        self._session_heard_at = now
        return self._course(session.on_event(self._session, mapping(value), now))

    def _session_info(self, value: Any, now: float) -> dict[str, Any]:
        info = mapping(value)
        self._session_heard_at = now
        changes = self._course(session.on_info(self._session, info, now))
        if self._has_powermeter:
            return changes
        power = powermeter.whole(info.get("latest_total_w"))
        if not power and Feature.POWER not in self.snapshot.capabilities.reports:
            # Also said where nothing measures power.
            return changes
        return changes | self._measured(
            replace(changes.get("meter", self.snapshot.meter), power=power)
        )

    def _powermeter(self, value: Any, now: float) -> dict[str, Any]:
        data = mapping(value)
        reading = powermeter.imported(data)
        if reading is not None:
            self._session = session.on_meter(self._session, reading)
        before = self.snapshot.meter
        meter = powermeter.measured(before, data)
        self._has_powermeter = self._has_powermeter or meter.power is not None
        return self._measured(
            replace(
                meter,
                power=meter.power if self._has_powermeter else before.power,
                session_energy=self._session.energy.value,
            )
        )

    def _hw_capabilities(self, value: Any, now: float) -> dict[str, Any]:
        connector = text(mapping(value).get("connector_type"))
        if connector is None:
            return {}
        model = f"EVSE ({_CONNECTORS.get(connector, connector)})"
        return {"identity": replace(self.snapshot.identity, model=model)}

    def _evse_id(self, value: Any, now: float) -> dict[str, Any]:
        evse_id = text(value)
        if evse_id is None:
            return {}
        capabilities = self.snapshot.capabilities
        return {
            "identity": replace(self.snapshot.identity, evse_id=evse_id),
            "capabilities": replace(
                capabilities, reports=capabilities.reports | {Feature.EVSE_ID}
            ),
        }

    def _heartbeat(self, value: Any, now: float) -> dict[str, Any]:
        """Count, to learn the pace and to see a restart. 2025.10 sends `{}`."""
        count = value if type(value) is int else None
        before, before_at = self._beat, self._beat_at
        self._beat, self._beat_at = count, now
        beats = 1 if count is None or before is None else count - before
        if beats < 0:
            return self._restarted(now)
        if beats > 0 and before_at is not None:
            before_interval = self._beat_interval
            self._beat_interval = min((now - before_at) / beats, _BEAT_INTERVAL_MAX)
            if self._beat_interval < before_interval:
                self._watch(now)
        return {}

    def _restarted(self, now: float) -> dict[str, Any]:
        """Forget what the life before this one said, and ask anew."""
        _LOGGER.info("%s was restarted", self.address)
        changes: dict[str, Any] = {}
        if now - self._session_heard_at > _STARTUP_TIME:
            changes = self._course(session.forgotten(self._session, restarted=True))
        changes["meter"] = changes.get("meter", self.snapshot.meter).counters()
        self._ask_for_everything(now)
        return changes

    @property
    @override
    def _may_start(self) -> bool:
        # Said right before charging, also when it goes on after a pause.
        return super()._may_start or self.snapshot.raw_status == "Preparing"

    # What follows from them ---------------------------------------------------

    def _course(self, state: session.State) -> dict[str, Any]:
        """Take over `state` and return what changes with it."""
        before, self._session = self._session, state
        if state is before and state.raw == self.snapshot.raw_status:
            return {}
        if state.deadline is None:
            self.timers.cancel("finished")
        elif state.deadline != before.deadline:
            self.timers.set("finished", state.deadline, self._finish)
        if not state.known:
            self._warn_of(str(state.word))
        return {
            "status": state.status,
            "raw_status": state.raw,
            "plugged": state.plugged,
            "session": Session(
                id=state.id,
                started=state.started,
                ended=state.ended,
                previous_energy=state.previous_energy,
            ),
            "meter": replace(self.snapshot.meter, session_energy=state.energy.value),
        }

    def _finish(self, now: float) -> None:
        """No other word followed: what looked like a pause is an end."""
        self._update(now, **self._course(session.expired(self._session, now)))
        self._evidence(Feature.STATUS)

    def _measured(self, meter: Meter) -> dict[str, Any]:
        """Return the changes that `meter` makes; what is measured can be reported."""
        capabilities = self.snapshot.capabilities
        reports = capabilities.reports
        if meter.power is not None and Feature.POWER not in reports:
            reports |= {Feature.POWER}
        if meter.energy is not None and Feature.ENERGY not in reports:
            reports |= {Feature.ENERGY}
        if reports is capabilities.reports:
            return {"meter": meter}
        return {"meter": meter, "capabilities": replace(capabilities, reports=reports)}

    # Requests out -------------------------------------------------------------

    @override
    def _start_request(self, mode: str | None) -> Request:
        return self._requests.make("resume_charging", self.outlet.clock.now())

    @override
    def _stop_request(self) -> Request:
        # Not stop_transaction: after that nothing but pulling the plug starts again.
        return self._requests.make("pause_charging", self.outlet.clock.now())

    @override
    def _ask(self, evidence: str) -> None:
        if evidence == Feature.STATUS and self._answers_gets is not False:
            self._send("session_info/get", self.outlet.clock.now())

    def _ask_for_everything(self, now: float) -> None:
        """Nothing is retained, so ask; what is not answered comes with the next event."""
        for variable in _GETTABLE:
            self._send(f"{variable}/get", now)
        self._send("get_evse", now)
        self._answers_gets = None
        self.timers.set("gets", now + _ANSWER_TIME, self._conclude)

    def _conclude(self, now: float, *, again: bool = True) -> None:
        """A station that speaks and has not answered a `/get` by now never does.

        It is asked a second time: the first questions may have come before it was there.
        """
        if self._answers_gets is not None or not self.snapshot.available:
            return
        if again:
            for variable in _GETTABLE:
                self._send(f"{variable}/get", now)
            self.timers.set("gets", now + _ANSWER_TIME, partial(self._conclude, again=False))
        else:
            self._answers_gets = False
            _LOGGER.debug("%s answers no /get", self.address)

    def _send(self, operation: str, now: float) -> None:
        request = self._requests.make(operation, now)
        self.outlet.send(request.topic, request.payload)

    # Availability -------------------------------------------------------------

    @override
    def link_up(self, now: float) -> None:
        super().link_up(now)
        self._beat = self._beat_at = None
        self._heard_at = now
        self._ask_for_everything(now)
        self._watch(now)

    @override
    def link_down(self, now: float) -> None:
        super().link_down(now)
        self._requests.clear()

    def _heard(self, now: float, **changes: Any) -> None:
        """Publish `changes`: the charge point is there."""
        self._heard_at = now
        if self.snapshot.available:
            if changes:
                self._update(now, **changes)
            return
        self._set_unavailable(None, now, **changes)
        self._watch(now)
        if self._answers_gets is None and "gets" not in self.timers:
            self._ask_for_everything(now)

    def _watch(self, now: float) -> None:
        """Ask for a sign of life in time, and again and again once it is silent."""
        limit = max(_SILENCE_MIN, _MISSED_BEATS * self._beat_interval)
        ask_at = self._heard_at + _ASK_AFTER * limit
        silent_at = self._heard_at + limit
        if now < ask_at:
            due = ask_at
        else:
            self._send("get_evse", now)
            due = silent_at
        if now >= silent_at:
            if self.snapshot.unavailable is not Reason.SILENT:
                self._set_unavailable(Reason.SILENT, now)
            due = now + _ASK_AFTER * limit
        self.timers.set("silence", due, self._watch)

    @override
    def _set_unavailable(self, reason: Reason | None, now: float, **changes: Any) -> None:
        if reason is not None:
            # The base forgets what is shown; what follows from it must not come back.
            self._session = session.forgotten(self._session)
            self._answers_gets = None
            # The time without a heartbeat is no interval between two.
            self._beat_at = None
            self.timers.cancel("finished")
        super()._set_unavailable(reason, now, **changes)
