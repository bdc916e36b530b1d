"""An EVSE behind EVerest API v1.

Source: evse_manager_consumer, releases 2025.10 to 2026.10. All releases report the same version, so
nothing depends on it: every variable is accepted, and requests without a reply are not repeated.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
import logging
from typing import Any, ClassVar, Final, override

from ...authorization import Permission, ShowToken, TakesPermissions
from ...errors import CommandRefusedError, NotConnectedError
from ...model import MEASURED, Feature, PauseReason, Reason
from ...node import Changes, NodeHost, Request
from ...readers import JsonObject, objects, part, text
from .. import random_delay, session
from ..envelope import mapping
from ..limits import Enforced
from ..status import ASKS_FOR_TOKEN, IDLE, State, end_reason
from . import details
from .authorization import AuthorizationClient
from .limiting import LimitedChargepoint
from .module import ApiModule, Kind, Signature, node_address

_LOGGER = logging.getLogger(__name__)

#: The variables that are requested; the others are repeated or rare. Not `dlink_ready`: `true`
#: is also the reply for a variable that was never published.
GETTABLE: Final = (
    "session_info",
    # Only for the reason of a pause, which session_info does not have.
    "session_event",
    "powermeter",
    "hw_capabilities",
    "evse_id",
    "ev_info",
    "selected_protocol",
    "supported_energy_transfer_modes",
    "ac_nr_of_phases_available",
    "ac_pp_ampacity",
    "powermeter_public_key_ocmf",
    "dc_mode",
    "dc_capabilities",
    "random_delay_countdown",
)
#: The request for the state of the session.
_INFO: Final = "session_info/get"
#: Seconds within which a starting EVerest publishes everything; the heartbeat that shows the
#: restart may come last.
_STARTUP_TIME: Final = 1.0
#: Seconds that a start takes, in which more than one message shows it.
_START_TIME: Final = 5.0

#: What `false` means as a reply. `true` only confirms what no report can show.
_REFUSALS: Final = {
    "pause_charging": "pause_refused",
    "resume_charging": "resume_refused",
    "stop_transaction": "stop_transaction_refused",
    "force_unlock": "unlock_refused",
}
#: The name of a fault that is only known by the pause that it leads to.
PAUSED_BY_ERROR: Final = "ChargingPausedEVSE: Error"
#: The priority with which we enable and disable; lower numbers win (0 to 10000).
_PRIORITY: Final = 100
#: The decisions about a token that start no session.
_REFUSED_TOKEN: Final = frozenset({"Rejected", "TimedOut"})


class EverestChargepoint(LimitedChargepoint, TakesPermissions):
    """One `evse_manager_consumer` module, which represents one EVSE."""

    SIGNATURE: ClassVar[Signature] = {
        "session_info": ("state", str),
        "session_event": ("event", str),
        "powermeter": ("energy_Wh_import", dict),
        "enforced_limits": ("limits_root_side", dict),
        "hw_capabilities": ("max_current_A_import", int | float),
        "evse_id": ("", str),
        "selected_protocol": ("", str),
    }

    always_reported = LimitedChargepoint.always_reported | {Feature.END_REASON}

    def __init__(self, host: NodeHost, prefix: str, module: str) -> None:
        """Represent a module below a topic prefix."""
        super().__init__(node_address(Kind.EVSE, prefix, module), module, host)
        self._attach(ApiModule(host, prefix, Kind.EVSE, module), GETTABLE)
        self._authorization_client = AuthorizationClient(self, self._calls)
        #: Whether an event was received since the last gap, so that the last one is known.
        self._event_received = False
        self._connector = 1
        self._session_received_at = float("-inf")
        #: When a restart was recognized without a heartbeat.
        self._start_seen_at = float("-inf")
        #: Called after a restart, for the station that it is a part of.
        self.on_restart: Callable[[float], None] | None = None
        self._reports: dict[str, Callable[[object, float], Changes]] = {
            "session_info": self._session_info,
            "session_event": self._session_event,
            "powermeter": self._powermeter,
            "hw_capabilities": self._hardware_capabilities,
            "evse_id": self._evse_id,
            "heartbeat": self._heartbeat,
            "enforced_limits": self._enforced_limits,
            "ev_info": self._ev_info,
            "random_delay_countdown": self._random_delay_countdown,
        }

    # Messages in --------------------------------------------------------------

    @override
    def handle_message(
        self, variable: str, value: object, now: float, *, requested: bool = False
    ) -> None:
        if requested and variable == "ev_info" and self._session.plugged is False:
            # The reply is about the car that has left.
            value = {}
        if requested and variable == "session_event":
            self._last_event(value, now)
            return
        started = not requested and self._shows_restart(variable, value, now)
        report = self._reports.get(variable)
        self._received(now, **(report or partial(self._detail, variable))(value, now))
        if started:
            self._start_seen_at = now
            self._received(now, **self._reset(now))
        self._authorization_client.received(variable, value)
        self._confirm_reports(variable)

    @override
    def _replied(self, request_id: str, operation: str, value: object, now: float) -> None:
        if operation == "get_evse" and isinstance(value, dict):
            self.number = _number(value) or self.number
            connectors = (_number(each) for each in objects(value.get("connectors")))
            self._connector = next(filter(None, connectors), self._connector)
        if operation == "enable_disable" and isinstance(value, bool):
            # The resulting state, which need not be the requested one.
            self._received(now, **self._with_session(replace(self._session, enabled=value)))
            if value is self.snapshot.pending.get(Feature.ENABLED, value):
                self._commands.confirm(request_id)
            else:
                self._commands.reject(request_id, CommandRefusedError("higher_priority"))
            return
        self._received(now)
        self._calls.replied(request_id, value)
        if self._asleep and operation in ("pause_charging", "resume_charging"):
            self._replied_asleep(request_id, value, pauses=operation == "pause_charging")
        if value is False and operation in _REFUSALS:
            resumes = operation == "resume_charging"
            waits = resumes and self.snapshot.raw_status in ASKS_FOR_TOKEN
            code = "not_authorized" if waits else _REFUSALS[operation]
            self._commands.reject(request_id, CommandRefusedError(code))
        elif value is True:
            self._commands.accept(request_id)

    def _last_event(self, value: object, now: float) -> None:
        """Take the reason of a pause from a reply, which contains an earlier event."""
        state = self._session
        if not self._event_received:
            state = session.on_last_event(state, mapping(value))
        self._received(now, **self._with_session(state))

    def _session_event(self, value: object, now: float) -> Changes:
        self._session_received_at = now
        self._event_received = True
        # A reply that has not arrived yet may be older than this event.
        if self.module.withdraw(_INFO) and self._answers_gets:
            self.module.ask(_INFO)
        seen, event = self.host.clock.to_datetime(now), mapping(value)
        reason = text(part(event, "transaction_finished").get("reason"))
        if reason is not None and end_reason(reason) is None:
            self._warn_of(reason, "end reason")
        return self._with_session(session.on_event(self._session, event, now, seen))

    def _session_info(self, value: object, now: float) -> Changes:
        info = mapping(value)
        self._session_received_at = now
        seen = self.host.clock.to_datetime(now)
        changes = self._with_session(session.on_info(self._session, info, now, seen))
        return self._with_total_power(changes, info)

    def _evse_id(self, value: object, now: float) -> Changes:
        evse_id = text(value)
        if evse_id is None:
            return {}
        name = f"EVerest {evse_id}"
        known = replace(self.snapshot.identity, name=name, provisional=False, evse_id=evse_id)
        return {"identity": known, "capabilities": self._reporting(Feature.EVSE_ID)}

    def _detail(self, variable: str, value: object, now: float) -> Changes:
        """Take a variable without a handler of its own."""
        if variable == "ready" and self.snapshot.details.waiting_for_release is not None:
            # It reports at its start that it waits, but never that it does not.
            variable, value = "waiting_for_external_ready", value is not True
        found = details.facts(variable, value)
        if not found:
            return {}
        changes = details.changed(self.snapshot, found)
        if (mode := found.get(Feature.DC_MODE)) is not None:
            changes |= self._with_fault("dc_mode: Fault", mode == details.FAULT)
        return changes | {"capabilities": self._reporting(*details.offered(found))}

    @override
    def answered(self, request_id: str, operation: str, value: object, now: float) -> None:
        if operation == "random_delay_countdown/get":
            # The value may be old, but only a station with a random delay replies.
            offered = random_delay.offered(self.snapshot.capabilities)
            self._received(now, capabilities=offered)
            value = None
        super().answered(request_id, operation, value, now)

    # Restarts -------------------------------------------------------------------

    def _shows_restart(self, variable: str, value: object, now: float) -> bool:
        """Whether this is only published at a start that was not recognized yet.

        2025.10 does not count its heartbeats, and they can be switched off.
        """
        if not self.snapshot.available or now - self.alive_since < _START_TIME:
            return False
        if variable == "ready":
            return value is True
        # Another value may also be a change of the configuration.
        known = self.snapshot.identity.evse_id
        return variable == "evse_id" and text(value) is not None and known in (None, value)

    @override
    def _restarted(self, now: float) -> Changes:
        return self._reset(now) if now - self._start_seen_at >= _START_TIME else {}

    def _reset(self, now: float) -> Changes:
        """Forget what was reported before a restart, and ask for everything."""
        _LOGGER.info("%s was restarted", self.address)
        self.alive_since = now
        # This comes first: until then nothing limits the car.
        self.limits.reconnected(now, lost=True)
        self._request_pause(accepted=None)
        state = self._session
        is_of_before = now - self._session_received_at > _STARTUP_TIME
        changes = self._with_session(
            session.after_gap(state, restarted=True)
            if is_of_before
            else session.after_restart(state)
        )
        changes["meter"] = changes.get("meter", self.snapshot.meter).counters()
        changes |= {"faults": frozenset(), "errors": frozenset()} | self._without_car()
        changes["direct"] = details.unmeasured(self.snapshot.direct)
        # EVerest starts without a random delay.
        changes |= dict.fromkeys(("random_delay", "random_delay_duration", "delayed_until"))
        self._forget_reports()
        changes |= self._limited(Enforced())
        self._ask_for_everything(now)
        if self.on_restart is not None:
            self.host.internal_errors.call(self.on_restart, now)
        return changes

    def _forget_reports(self) -> None:
        """Forget what may be older than a gap or a restart."""
        self._countdown.forget()
        self._authorization_client.forget()
        self._enforced = Enforced()
        if self.companions.errors is not None:
            self.companions.errors.forget()

    @override
    def _ask_for_everything(self, now: float) -> None:
        super()._ask_for_everything(now)
        self.module.ask("get_evse")
        errors = self.companions.errors
        if errors is not None and not errors.known:
            errors.request_list(now)

    @override
    def _ask_for_reply(self, now: float) -> None:
        self.module.ask("get_evse")

    @override
    def _ask(self, report: str) -> None:
        if report == Feature.STATUS and self._answers_gets is not False:
            self.module.ask(_INFO)

    @override
    def _with_session(self, state: State) -> Changes:
        changes = super()._with_session(state)
        if changes.keys() <= MEASURED:
            return changes
        changes["enabled"] = state.enabled
        if self.companions.errors is None:
            # Errors do not name an EVSE, but this one pauses because of one.
            changes |= self._with_fault(PAUSED_BY_ERROR, state.pause_reason is PauseReason.FAULT)
        known = changes.get("details", self.snapshot.details)
        if known.waiting_for_release and state.word and state.word not in IDLE:
            changes["details"] = replace(known, waiting_for_release=False)
        return changes

    def belongs_to(self, parent: str | None, now: float) -> None:
        """Take the address of the station that it is a part of."""
        self._update(now, parent=parent)

    # Companion modules ----------------------------------------------------------

    @override
    def _token_decided(self, value: str, status: str) -> None:
        self._authorization_client.decided(value, status)
        token = self.host.options.token
        if token is not None and value == token.value and status in _REFUSED_TOKEN:
            refusal = CommandRefusedError("token_refused", status=status)
            self._commands.give_up(Feature.CHARGING, refusal)

    @override
    def check_permission(self, permission: Permission) -> None:
        self._authorization_client.call(permission)

    @override
    async def give_permission(self, permission: Permission) -> dict[str, object]:
        self.check_permission(permission)
        if not self.snapshot.available:
            raise NotConnectedError("station_unavailable")
        return await self._authorization_client.give(permission)

    # Requests out -------------------------------------------------------------

    @override
    def _start_request(self, mode: str | None) -> Request:
        token = self.host.options.token
        if self.snapshot.raw_status in ASKS_FOR_TOKEN and token:
            # Only now: the token that started a session ends it if it is presented again.
            call = self._authorization_client.call(ShowToken(token))
            return call.module.message(call.operation, call.payload)
        return self.module.request("resume_charging")

    @override
    def _stop_request(self) -> Request:
        # Not stop_transaction: after that, charging only starts again after replugging.
        return self.module.request("pause_charging")

    @override
    def _set_request(self, feature: Feature, value: Any) -> Request:
        if feature is Feature.ENABLED:
            source = {
                "enable_source": "LocalAPI",
                "enable_state": "Enable" if value else "Disable",
                "enable_priority": _PRIORITY,
            }
            # Connector 0 is the whole EVSE.
            return self.module.request("enable_disable", {"connector_id": 0, "source": source})
        if feature is Feature.RANDOM_DELAY:
            if value:
                return self.module.message("random_delay_enable", {})
            return self.module.message("random_delay_disable", {})
        if feature is Feature.RANDOM_DELAY_DURATION:
            return self.module.message("random_delay_set_duration_s", int(value))
        return self._limits_request({**self.snapshot.pending, feature: value})

    @override
    def _act_request(self, feature: Feature) -> Request:
        if feature is Feature.STOP_TRANSACTION:
            return self.module.request("stop_transaction", {"reason": "Remote"})
        if feature is Feature.SKIP_RANDOM_DELAY:
            return self.module.message("random_delay_cancel", {})
        return self.module.request("force_unlock", self._connector)

    # Availability -----------------------------------------------------------------

    @override
    def _set_unavailable(self, reason: Reason | None, now: float, **changes: object) -> None:
        if reason is not None:
            self._event_received = False
            self._forget_reports()
        elif self.companions.errors is not None:
            changes = {"faults": self.companions.errors.names} | changes
        super()._set_unavailable(reason, now, **changes)


def _number(found: JsonObject) -> int | None:
    """Return the number of an EVSE, or of its connector, from the reply to `get_evse`."""
    number = found.get("id")
    return number if type(number) is int else None
