"""One EVSE of EVerest, with either API: how its messages change the snapshot.

EVerest identifies it by the id of a module. API v1 and the API before it use the same contents and
terms, but they transport them in different ways.
"""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Final, override

from ..capabilities import Capabilities
from ..commands.request import ExpectedState, expects
from ..errors import NoSessionError
from ..model import ChargepointSnapshot, Feature, Identity, Meter, Reason, Session, Status, Vehicle
from ..node import Changes, NodeHost, Request
from ..readers import JsonObject, rounded, text
from ..session import corrected
from . import limits, powermeter, session
from .envelope import mapping
from .limits import Enforced
from .pauses import PausingChargepoint
from .status import ASKS_FOR_TOKEN, ENDED, State, Word, differs_beyond_energy, is_another
from .vehicle import parse_vehicle, reported

_STATES: Final = Feature.STATUS, Feature.ENABLED
#: The features that each variable reports, in both APIs.
_REPORTED_FEATURES: Final[Mapping[str, tuple[Feature, ...]]] = {
    "session_info": (*_STATES, Feature.DELAYED_UNTIL, Feature.SESSION_ENERGY),
    "session_event": _STATES,
    "enforced_limits": (Feature.MAX_CURRENT, Feature.RANDOM_DELAY, Feature.DELAYED_UNTIL),
    "random_delay_countdown": (Feature.RANDOM_DELAY, Feature.DELAYED_UNTIL),
    "limits": (Feature.MAX_CURRENT,),
}

#: The readable names of `hw_capabilities.connector_type`.
CONNECTORS: Final = {
    "IEC62196Type2Cable": "Type 2 cable",
    "IEC62196Type2Socket": "Type 2 socket",
}

#: The limits that are reported together with that of the current.
_REPORTED_TOGETHER: Final = frozenset({Feature.MAX_POWER, Feature.PHASES})

#: The fields that the status depends on.
_STATUS_FIELDS: Final = frozenset({"status", "effective_current", "delayed_until"})

#: The fault for a wrong phase rotation, in the term of the power meter.
PHASE_SEQUENCE_FAULT: Final = "phase_seq_error"


class Evse(PausingChargepoint):
    """What all EVSEs of EVerest have in common."""

    takes_limits_from_outside: ClassVar[bool] = True
    #: The features that can be reported from the beginning.
    always_reported: ClassVar[frozenset[Feature]] = frozenset(
        {Feature.STATUS, Feature.SESSION_ENERGY}
    )
    command_timeout: ClassVar[float] = 10.0
    report_age: ClassVar[float] = 2.5

    def __init__(self, address: str, module: str, host: NodeHost) -> None:
        """Start with what all EVSEs can do; `address` identifies the node."""
        super().__init__(
            address,
            ChargepointSnapshot(
                identity=Identity(name=f"EVerest {module}", provisional=True),
                capabilities=Capabilities(
                    reports=self.always_reported,
                    controls=frozenset(
                        {
                            Feature.CHARGING,
                            Feature.ENABLED,
                            Feature.STOP_TRANSACTION,
                            Feature.UNLOCK_CONNECTOR,
                        }
                    ),
                ),
            ),
            host,
        )
        #: The limits that apply, as last reported.
        self._enforced = Enforced()
        self._hardware: JsonObject = {}
        #: What the station reports about its maker and its software, by field of the identity.
        self._information: Changes = {}
        self._has_powermeter = False

    @property
    def _highest_limit(self) -> float | None:
        """The limit in A that has no effect, if limits cannot be withdrawn."""
        return None

    @property
    @abstractmethod
    def _takes_limits(self) -> bool:
        """Whether a module takes our limits for this EVSE."""

    @property
    @override
    def _may_start(self) -> bool:
        # Reported right before charging, including when it continues after a pause.
        return super()._may_start or self.snapshot.raw_status == Word.PREPARING

    @property
    @override
    def takes_token(self) -> bool | None:
        return False if self.snapshot.raw_status in ASKS_FOR_TOKEN else None

    @override
    async def start_charging(self) -> None:
        state = self._session
        if self.snapshot.plugged is False:
            raise NoSessionError("no_car")
        # After the end of a transaction, or if enabled with a car, EVerest starts no other one.
        if state.word in ENDED or (state.in_doubt and state.status is None):
            raise NoSessionError("replug_first")
        await super().start_charging()

    # Reports: each method returns the changes of the snapshot -------------------

    def _powermeter(self, value: object, now: float) -> Changes:
        data = mapping(value)
        reading = powermeter.imported(data)
        if reading is not None:
            self._session = session.on_meter(self._session, reading)
        before = self.snapshot.meter
        meter = powermeter.measured(before, data)
        self._has_powermeter = self._has_powermeter or meter.power is not None
        power = meter.power if self._has_powermeter else before.power
        energy = self._session.energy.value
        changes = self._measured(meter.with_(power=power, session_energy=energy))
        return changes | self._with_fault(PHASE_SEQUENCE_FAULT, data.get("phase_seq_error"))

    def _with_total_power(self, changes: Changes, info: JsonObject) -> Changes:
        """Return the `changes` by a session_info, with its power if that counts."""
        power = rounded(info.get("latest_total_w"))
        measures = power or Feature.POWER in self.snapshot.capabilities.reports
        if self._has_powermeter or not measures:
            # Zero is also reported if nothing measures power.
            return changes
        meter = changes.get("meter", self.snapshot.meter)
        return changes | self._measured(meter.with_(power=power))

    def _with_fault(self, name: str, is_active: object) -> Changes:
        """Return the changes for the fault `name`; `is_active` is a bool if it is known."""
        errors = self.snapshot.errors
        if not isinstance(is_active, bool) or is_active is (name in errors):
            return {}
        return {"errors": errors | {name} if is_active else errors - {name}}

    def take_information(self, information: Changes, now: float) -> None:
        """Take over the maker and the software of the station."""
        if information != self._information:
            self._information = information
            self._update(now, identity=self._identity())

    def _identity(self) -> Identity:
        """Return the identity, as far as it was reported."""
        found, known = self._information, self.snapshot.identity
        connector = text(self._hardware.get("connector_type"))
        model = found.get("model") or ("EVSE" if connector else known.model)
        if connector:
            model = f"{model} ({CONNECTORS.get(connector, connector)})"
        return replace(known, **found | {"model": model})

    def _hardware_capabilities(self, value: object, now: float) -> Changes:
        self._hardware = mapping(value)
        return {"capabilities": self._with_limits(), "identity": self._identity()}

    def _ev_info(self, value: object, now: float) -> Changes:
        vehicle = parse_vehicle(mapping(value))
        return {"vehicle": vehicle, "capabilities": self._reporting(*reported(vehicle))}

    # Consequences ---------------------------------------------------------------

    @override
    def _with_session(self, state: State) -> Changes:
        before, self._session = self._session, state
        meter = self.snapshot.meter.with_(session_energy=state.energy.value)
        if state.raw == self.snapshot.raw_status and not differs_beyond_energy(state, before):
            return {} if state is before else {"meter": meter}
        if state.deadline is None:
            self.timers.cancel("finished")
        elif state.deadline != before.deadline:
            self.timers.set("finished", state.deadline, self._expire)
        if not state.known:
            self._warn_of(str(state.word))
        # `_update` handles the other fields that the status depends on.
        changes = self._without_car() if state.plugged is False else {}
        if is_another(state, before):
            changes["charged"] = None
        return (
            changes
            | self._without_past_pause(state)
            | {
                "status": state.status,
                "raw_status": state.raw,
                "pause_reason": state.pause_reason,
                "plugged": state.plugged,
                "session": self._session_of(state, before),
                "meter": meter,
            }
        )

    @override
    def _update(self, now: float, **changes: object) -> None:
        if not _STATUS_FIELDS.isdisjoint(changes):
            changes["status"] = self._status(self.snapshot.with_(**changes))
        super()._update(now, **changes)

    def _status(self, known: ChargepointSnapshot) -> Status | None:
        """Return the status by the session and the other `known` fields."""
        state = self._session
        if state.reserved and state.status is Status.DISCONNECTED:
            return Status.RESERVED
        if state.word == Word.PREPARING and state.transaction and _gives_nothing(known):
            # It reports that it is about to charge, but the car cannot begin.
            return Status.SUSPENDED_BY_EVSE
        return state.status

    def _session_of(self, state: State, before: State) -> Session:
        """Return the session of `state`, which follows the state `before`."""
        return Session(
            id=state.id,
            started=state.started,
            ended=state.ended,
            end_reason=state.end_reason,
            authorized=state.authorized,
            token=state.token,
        )

    @override
    def clock_set(self, by: float, now: float) -> None:
        super().clock_set(by, now)
        self._update(now, delayed_until=corrected(self.snapshot.delayed_until, by))

    def _without_car(self) -> Changes:
        """Return the changes for values that end when the car leaves."""
        details = replace(
            self.snapshot.details, vehicle_manufacturer=None, communication_failure=None
        )
        return {"vehicle": Vehicle(), "details": details}

    def _expire(self, now: float) -> None:
        """Accept a state that was expected to be transient, but was not followed by another."""
        self._update(now, **self._with_session(session.expired(self._session, now)))
        self._reported(Feature.STATUS)

    def _confirm_reports(self, variable: str) -> None:
        """End the waits for a report that has just arrived."""
        for report in _REPORTED_FEATURES.get(variable, ()):
            self._reported(report)

    def _measured(self, meter: Meter) -> Changes:
        """Return the changes by `meter`; its measured values become features."""
        capabilities = self._reporting(*powermeter.features(meter))
        if capabilities is self.snapshot.capabilities:
            return {"meter": meter}
        return {"meter": meter, "capabilities": capabilities}

    def _with_limits(self) -> Capabilities:
        """Return the capabilities with the limits that can be set."""
        known = self.snapshot.capabilities
        controls = known.controls - {Feature.MAX_CURRENT, Feature.PHASES}
        if self._takes_limits:
            controls |= {Feature.MAX_CURRENT}
            if limits.switches_phases(self._hardware):
                controls |= {Feature.PHASES}
        return replace(
            known,
            controls=controls,
            options={Feature.PHASES: ("1", "3")},
            ranges={**known.ranges, Feature.MAX_CURRENT: limits.possible(self._hardware)},
        )

    # Limits ---------------------------------------------------------------------

    def _limited(self, enforced: Enforced) -> Changes:
        """Return the changes by the limits that apply."""
        enforced = enforced.by_power(powermeter.mean_voltage(self.snapshot.meter))
        limit = enforced.limits
        if enforced.is_nothing and limit.phases is None:
            # It does not report phases while no current flows; they have not changed.
            enforced = enforced.with_(Feature.PHASES, self._enforced.limits.phases)
        self._enforced = enforced
        holding: Changes = {
            "effective_current": limit.max_current,
            "limited_by": enforced.source,
            "power_limit": limit.max_power,
        }
        return holding | self._shown_limits(self.snapshot.with_(**holding))

    def _shown_limits(self, known: ChargepointSnapshot) -> Changes:
        """Return the limits to show: ours, even behind stricter ones, else those that apply."""
        holding, requested = self._enforced.limits, known.requested
        current, own = holding.max_current, requested.max_current
        if own is not None and self.effect(Feature.MAX_CURRENT, own).matches(known):
            current = own
        phases = None if holding.phases is None else f"{holding.phases:g}"
        if holding.max_current == 0:
            phases = requested.phases or phases
        return {"max_current": current, "phases": phases}

    @abstractmethod
    def _limits_request(self, requested: Mapping[str, object]) -> Request:
        """Return the message for all limits set from Home Assistant, and those `requested` now."""

    @abstractmethod
    def _no_limits_request(self) -> Request:
        """Return the message that withdraws our limits."""

    @override
    def send_limits(self) -> None:
        if self._takes_limits:
            request = self._limits_request(self.snapshot.pending)
            self.host.send_now(request.topic, request.payload)

    @override
    async def end_failsafe(self) -> None:
        self._require(Feature.MAX_CURRENT)
        own = self.snapshot.requested.max_current
        current = self._highest_limit if own is None else own
        request = self._limits_request({Feature.MAX_CURRENT: current, **self.snapshot.pending})
        await self.host.publish(request.topic, request.payload)

    @override
    async def withdraw_limits(self) -> None:
        self._require(Feature.MAX_CURRENT)
        request = self._no_limits_request()
        await self.host.publish(request.topic, request.payload)

    @override
    def show_requested(self, **changes: Any) -> None:
        requested = replace(self.snapshot.requested, **changes)
        shown = self._shown_limits(self.snapshot.with_(requested=requested))
        self._update(self.host.clock.now(), requested=requested, **shown)

    @override
    def effect(self, feature: Feature, value: object) -> ExpectedState:
        if feature is Feature.PHASES:
            return ExpectedState(feature, value, lambda snapshot: _has_phases(snapshot, value))
        return super().effect(feature, value)

    # The errors of the station ----------------------------------------------------

    def take_faults(self, names: frozenset[str], now: float) -> None:
        """Take the names of all active errors of the station."""
        if self.snapshot.available:
            self._update(now, faults=names)

    # -------------------------------------------------------------------------------

    @override
    def _act_effect(self, feature: Feature) -> ExpectedState | None:
        if feature is Feature.SKIP_RANDOM_DELAY:
            return expects(Feature.DELAYED_UNTIL, None)
        return super()._act_effect(feature)

    @override
    def _was_set(self, feature: Feature, value: object) -> None:
        if feature in self.snapshot.capabilities.assumed:
            # This is never reported, so the requested value is all that is known.
            self._update(self.host.clock.now(), **{feature: value})

    @override
    def _report_of(self, feature: Feature) -> str:
        # They come in one message.
        return Feature.MAX_CURRENT if feature in _REPORTED_TOGETHER else feature

    @override
    def _set_unavailable(self, reason: Reason | None, now: float, **changes: object) -> None:
        if reason is not None:
            # The base class resets the values; consequences of the session must not restore them.
            self._session = session.after_gap(self._session)
            self._enforced = Enforced()
            self.timers.cancel("finished")
        super()._set_unavailable(reason, now, **changes)


def _gives_nothing(snapshot: ChargepointSnapshot) -> bool:
    """Whether a car that is allowed to charge gets no energy for now."""
    return snapshot.effective_current == 0 or snapshot.delayed_until is not None


def _has_phases(snapshot: ChargepointSnapshot, phases: object) -> bool:
    """Whether a number of phases is shown; it is not reported while no current flows."""
    return snapshot.phases == phases or snapshot.effective_current == 0
