"""An EVerest charge point: variables in, pause and resume out.

Source: EVerest API v1, evse_manager_consumer, releases 2025.10 to 2026.10. None of them
says which it is, so nothing here depends on a release: what is sent is taken, and what
is not answered is not asked again.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
import logging
from typing import Any, Final, override

from ...authorization import Permission, TakesPermissions
from ...commands.command import Request
from ...commands.replies import PendingReplies
from ...errors import CommandRejectedError, NotConnectedError
from ...model import Cost, Feature, Reason
from ...node import NodeHost
from .. import random_delay, session
from ..envelope import mapping, text
from ..evse import ASKS_FOR_TOKEN
from ..limits import Enforced
from ..module import Kind, Module
from ..status import State
from . import costs, dc_supply, details, operations
from .authorization import AuthorizationClient
from .companions import CompanionModules
from .errors import ASK_AGAIN
from .limiting import LimitedChargepoint
from .tokens import TokenProvider

_LOGGER = logging.getLogger(__name__)

#: Seconds within which a starting EVerest says everything; its first heartbeat, which shows
#: that it was restarted, may come last.
_STARTUP_TIME: Final = 1.0
#: Seconds that a start takes, in which more than one thing shows it.
_START_TIME: Final = 5.0

_DISABLED: Final = "Disabled"
#: What is said of a token that starts no session.
_REFUSED_TOKEN: Final = frozenset({"Rejected", "TimedOut"})


class EverestChargepoint(LimitedChargepoint, TakesPermissions):
    """One `evse_manager_consumer` module, which stands for one EVSE."""

    always_reported = LimitedChargepoint.always_reported | {Feature.END_REASON}

    def __init__(self, address: str, module: str, host: NodeHost, prefix: str) -> None:
        """Start with what every EVSE can do; `address` identifies the node."""
        super().__init__(address, Module(prefix, Kind.EVSE, module), host)
        self._calls = PendingReplies(host, self.timers, self.command_timeout)
        self._authorization_client = AuthorizationClient(self.module, host, self._calls)
        #: Whether an event was heard since the last gap, so that the last one is known.
        self._event_heard = False
        self._connector = 1
        #: By which number the station knows it, None where that is not known.
        self._number: int | None = None
        self._session_heard_at = float("-inf")
        #: When a start was seen that no heartbeat had shown.
        self._start_seen_at = float("-inf")
        #: Who else wants to know of a restart: the station that it is a part of.
        self.when_restarted: Callable[[float], None] | None = None
        self._reports: dict[str, Callable[[Any, float], dict[str, Any]]] = {
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
    def handle_message(self, variable: str, value: Any, now: float, *, asked: bool = False) -> None:
        """Take the `value` of a variable; one that is not known is a sign of life."""
        if asked and variable == "ev_info" and self._session.plugged is False:
            # It was kept for those who ask, and is of the car that has left.
            value = {}
        if asked and variable == "session_event":
            self._last_event(value, now)
            return
        started = not asked and self._is_of_start(variable, value, now)
        report = self._reports.get(variable)
        self._heard(now, **(report or partial(self._detail, variable))(value, now))
        if started:
            self._start_seen_at = now
            self._heard(now, **self._restarted(now))
        self._authorization_client.heard(variable, value)
        self._confirm_by(variable)

    def assign(self, companions: CompanionModules, now: float) -> None:
        """Take over the modules beside it that belong to it."""
        before, self._companions = self._companions, companions
        for old, new, listener in (
            (before.errors, companions.errors, self.take_faults),
            (before.authorization, companions.authorization, self._token_judged),
            (before.costs, companions.costs, self._costs_told),
        ):
            if old is not None:
                old.ignore(listener)
            if new is not None:
                new.listen(listener)
        if companions.errors is not before.errors:
            self.take_faults(frozenset(), now)
            if companions.errors is not None:
                companions.errors.ask(now)
        if companions.limits is not before.limits:
            self._update(now, capabilities=self._with_limits())

    @override
    def _replied(self, request_id: str, operation: str, value: Any, now: float) -> None:
        if operation == "get_evse":
            self._connector = operations.first_connector(value) or self._connector
            self._number = operations.number_of(value) or self._number
        if operation == "enable_disable" and isinstance(value, bool):
            # The state that results, which need not be what we wanted.
            self._heard(now, enabled=value)
            if value is self.snapshot.pending.get(Feature.ENABLED, value):
                self._commands.confirm(request_id)
            else:
                self._commands.reject(request_id, operations.HIGHER_PRIORITY)
            return
        self._heard(now)
        self._calls.replied(request_id, value)
        if self._asleep and operation in ("pause_charging", "resume_charging"):
            pauses = operation == "pause_charging"
            self._replied_asleep(request_id, value, pauses=pauses)
        if value is False and operation in operations.REFUSALS:
            self._commands.reject(request_id, operations.REFUSALS[operation])
        elif value is True:
            self._commands.accept(request_id)

    def _last_event(self, value: Any, now: float) -> None:
        """Take why it pauses, in an answer that tells of nothing that happens now."""
        state = self._session
        if not self._event_heard:
            state = session.on_last_event(state, mapping(value))
        self._heard(now, **self._with_session(state))

    def _session_event(self, value: Any, now: float) -> dict[str, Any]:
        self._session_heard_at = now
        self._event_heard = True
        seen = self.host.clock.to_datetime(now)
        return self._with_session(session.on_event(self._session, mapping(value), now, seen))

    def _session_info(self, value: Any, now: float) -> dict[str, Any]:
        info = mapping(value)
        self._session_heard_at = now
        seen = self.host.clock.to_datetime(now)
        changes = self._with_session(session.on_info(self._session, info, now, seen))
        return self._with_total_power(changes, info)

    def _random_delay_countdown(self, value: Any, now: float) -> dict[str, Any]:
        when = self.host.clock.to_datetime(now)
        return self._countdown.parse(self.snapshot, mapping(value), when)

    def _evse_id(self, value: Any, now: float) -> dict[str, Any]:
        evse_id = text(value)
        if evse_id is None:
            return {}
        return {
            "identity": replace(self.snapshot.identity, name=f"EVerest {evse_id}", evse_id=evse_id),
            "capabilities": self._also(Feature.EVSE_ID),
        }

    def _detail(self, variable: str, value: Any, now: float) -> dict[str, Any]:
        """Take what has no handler of its own."""
        if measured := dc_supply.facts(variable, value):
            said = (each for each in measured if measured[each] is not None)
            return {
                "direct": replace(self.snapshot.direct, **measured),
                "capabilities": self._also(*said),
            } | self._supply_failed(measured)
        found = details.fact(variable, value)
        if found is None:
            return {}
        feature, meaning = found
        known = {"capabilities": self._also(feature)}
        if feature is Feature.CABLE_CURRENT:
            return known | {"cable_current": meaning}
        return known | {"details": replace(self.snapshot.details, **{feature: meaning})}

    def _heartbeat(self, value: Any, now: float) -> dict[str, Any]:
        before = self._heartbeats.silence_max
        if self._heartbeats.received(value, now) and now - self._start_seen_at >= _START_TIME:
            return self._restarted(now)
        if self._heartbeats.silence_max < before:
            self._watch(now)
        return {}

    def _is_of_start(self, variable: str, value: Any, now: float) -> bool:
        """Whether a variable is only said at a start, which nothing has shown so far.

        2025.10 does not count its heartbeats, and they can be switched off.
        """
        if not self.snapshot.available or now - self._alive_since < _START_TIME:
            return False
        if variable == "ready":
            return value is True
        # Another one may have been set meanwhile.
        known = self.snapshot.identity.evse_id
        return variable == "evse_id" and text(value) is not None and known in (None, value)

    def _restarted(self, now: float) -> dict[str, Any]:
        """Forget what the life before this one said, and ask anew."""
        _LOGGER.info("%s was restarted", self.address)
        self._alive_since = now
        # Before all else: until then the car may have what it wants.
        self.limit_ownership.reconnected(now, lost=True)
        self._request_pause(accepted=None)
        changes: dict[str, Any] = {}
        if now - self._session_heard_at > _STARTUP_TIME:
            changes = self._with_session(session.forgotten(self._session, restarted=True))
        changes["meter"] = changes.get("meter", self.snapshot.meter).counters()
        changes |= {"faults": frozenset(), "errors": frozenset()} | self._without_car()
        changes["direct"] = dc_supply.unmeasured(self.snapshot.direct)
        # It starts without a delay; what was counted since then is counted again.
        changes |= dict.fromkeys(("random_delay", "random_delay_duration", "delayed_until"))
        self._countdown.forget()
        self._authorization_client.forget()
        self._forget_companions()
        changes |= self._limited(Enforced())
        self._ask_for_everything(now)
        if self.when_restarted is not None:
            self.host.internal_errors.call(self.when_restarted, now)
        return changes

    def _supply_failed(self, measured: dict[Feature, Any]) -> dict[str, Any]:
        mode = measured.get(Feature.DC_MODE)
        return {} if mode is None else self._wrong("dc_mode: Fault", mode == dc_supply.FAULT)

    @override
    def _with_session(self, state: State) -> dict[str, Any]:
        changes = super()._with_session(state)
        if changes:
            changes["enabled"] = None if state.word is None else state.word != _DISABLED
        return changes

    def belongs_to(self, parent: str | None, now: float) -> None:
        """Take over of which station it is a part."""
        self._update(now, parent=parent)

    # The modules beside it ------------------------------------------------------

    @property
    @override
    def takes_token(self) -> bool | None:
        asks = super().takes_token is not None
        return self._companions.tokens is not None if asks else None

    def _costs_told(self, cost: Cost, now: float) -> None:
        """Take what the session costs by the station's own account."""
        if self.snapshot.available and costs.is_of(cost, self.snapshot.session):
            self._update(now, charged=cost, capabilities=self._also(Feature.STATION_COST))

    def _token_judged(self, value: str, status: str) -> None:
        """Take what the station says of a token that somebody has shown."""
        self._authorization_client.judged(value, status)
        token = self.host.options.token
        if token is not None and value == token.value and status in _REFUSED_TOKEN:
            refusal = CommandRejectedError(f"the station refused the token: {status}")
            self._commands.give_up(Feature.CHARGING, refusal)

    @override
    def check_permission(self, permission: Permission) -> None:
        self._authorization_client.check(permission, self._reader)

    @override
    async def give_permission(self, permission: Permission) -> dict[str, Any]:
        self.check_permission(permission)
        if not self.snapshot.available:
            raise NotConnectedError("the station is not there")
        return await self._authorization_client.give(
            permission,
            self._reader,
            evse=self._number if self._companions.shared else None,
            judged=self._companions.authorization is not None,
        )

    @property
    def _reader(self) -> TokenProvider | None:
        """What a token can be shown to so that no other EVSE takes it."""
        known = self._number is not None or not self._companions.shared
        return self._companions.tokens if known else None

    # Requests out -------------------------------------------------------------

    @override
    def _start_request(self, mode: str | None) -> Request:
        token, reader = self.host.options.token, self._reader
        if self.snapshot.raw_status in ASKS_FOR_TOKEN and token and reader:
            # Only then: the token that started a session ends it when it is shown again.
            return reader.request(token, self._number if self._companions.shared else None)
        return self._request("resume_charging")

    @override
    def _stop_request(self) -> Request:
        # Not stop_transaction: after that nothing but pulling the plug starts again.
        return self._request("pause_charging")

    @override
    def _set_request(self, feature: Feature, value: Any) -> Request:
        if feature is Feature.ENABLED:
            return self._request("enable_disable", operations.enable_disable(enable=value))
        if feature in (Feature.RANDOM_DELAY, Feature.RANDOM_DELAY_DURATION):
            return random_delay.command(self.module, feature, value)
        return self._limits_request({**self.snapshot.pending, feature: value})

    @override
    def _act_request(self, feature: Feature) -> Request:
        if feature is Feature.STOP_TRANSACTION:
            return self._request("stop_transaction", operations.STOP_TRANSACTION)
        if feature is Feature.SKIP_RANDOM_DELAY:
            return random_delay.command(self.module, feature, value=True)
        return self._request("force_unlock", self._connector)

    @override
    def close(self) -> None:
        super().close()
        self._calls.close()

    @override
    def connection_lost(self, now: float) -> None:
        self._calls.connection_lost()
        super().connection_lost(now)

    # Life -----------------------------------------------------------------------

    @override
    def _ask_for_everything(self, now: float) -> None:
        super()._ask_for_everything(now)
        errors = self._companions.errors
        if errors is not None:
            errors.ask(now)
            self.timers.set("errors", now + ASK_AGAIN, errors.ask)

    def _forget_companions(self) -> None:
        """What they have said and were asked may be of before a restart."""
        self._enforced = Enforced()
        if self._companions.errors is not None:
            self._companions.errors.forget()

    @override
    def _set_unavailable(self, reason: Reason | None, now: float, **changes: Any) -> None:
        if reason is not None:
            self._event_heard = False
            self._countdown.forget()
            self._authorization_client.forget()
            self._forget_companions()
        elif self._companions.errors is not None:
            changes = {"faults": self._companions.errors.names} | changes
        super()._set_unavailable(reason, now, **changes)
