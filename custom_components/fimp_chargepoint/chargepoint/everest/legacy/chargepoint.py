"""A charge point behind EVerest's old API, which sends reports and no replies.

Source: EVerest's module `API` (2023 to 2026.10): `everest_api/<id>/var/...` and `.../cmd/...`. All
values are repeated every second, nothing can be requested and there are no replies, so the effect
of a command shows in later reports.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, ClassVar, Final, override
from uuid import uuid4

import orjson

from ...commands.request import ExpectedState
from ...errors import CommandTimeoutError
from ...model import ChargepointSnapshot, Feature, Reason, Session, Status
from ...node import Changes, NodeHost, Request
from ...readers import JsonObject, number, part, rounded, text
from ...session import inferred
from ...watchdog import Patience, Watchdog
from .. import powermeter, random_delay, session
from ..energy import Counter, with_start_reading
from ..envelope import mapping
from ..evse import Evse
from ..limits import Enforced, Limits
from ..status import ASKS_FOR_TOKEN, ENDED, IDLE, IN_TRANSACTION, NO_TRANSACTION, State, Word

#: Seconds of silence after which it is offline: all values are repeated every second.
SILENCE_MAX: Final = 30.0

#: The states of a transaction: before it, `charged_energy_wh` is that of the previous one.
_COUNTING: Final = ENDED | IN_TRANSACTION | {Word.FINISHED_EV}
_SESSION: Final = _COUNTING | ASKS_FOR_TOKEN | {Word.PREPARING}

#: One-time actions that end the transaction.
_ACTS: Final = {
    Feature.STOP_TRANSACTION: "stop_charging",
    Feature.UNLOCK_CONNECTOR: "force_unlock",
}
#: The connector to unlock; unreadable content would unlock it too. The others accept anything.
_CONNECTOR: Final = b"1"
#: Whether the whole EVSE may be used; a client with a lower number has precedence.
_ENABLE: Final = {"connector_id": 0, "source": "LocalAPI", "state": "", "priority": 100}


class LegacyChargepoint(Evse):
    """One EvseManager module, which represents one EVSE."""

    infers_session_start: ClassVar[bool] = True

    def __init__(self, address: str, module: str, host: NodeHost, prefix: str) -> None:
        """Start with what all EVSEs can do; `address` identifies the node."""
        super().__init__(address, module, host)
        self._topic = f"{prefix}everest_api/{module}/cmd/"
        self._faulty = False
        self._reading: float | None = None
        self._watchdog = Watchdog(
            self.timers,
            lambda: Patience(ask_after=SILENCE_MAX),
            # Nothing can be requested.
            ask=None,
            silent=partial(self._set_unavailable, Reason.SILENT),
        )
        #: The highest limit so far, in A.
        self._ceiling = 0.0
        self._reports: dict[str, Callable[[object, float], Changes]] = {
            "session_info": self._session_info,
            "powermeter": self._powermeter,
            "hardware_capabilities": self._hardware_capabilities,
            "limits": self._limits,
            "ev_info": self._ev_info,
            "telemetry": self._telemetry,
        }

    @property
    @override
    def _takes_limits(self) -> bool:
        return True

    # Messages in --------------------------------------------------------------

    def handle_message(self, variable: str, value: object, now: float) -> None:
        """Process the `value` of a variable, which must be one of those handled here.

        Raises:
            ProtocolError: of kind `shape`.

        """
        changes = self._reports[variable](value, now)
        self._set_unavailable(None, now, **changes)
        self._watchdog.received(now)
        self._confirm_reports(variable)
        if variable == "session_info" and self._session.word in NO_TRANSACTION:
            # There is no reply, but the transaction that was to end has ended.
            for act in _ACTS:
                self._commands.accept(act)

    def _session_info(self, value: object, now: float) -> Changes:
        info = mapping(value)
        if text(info.get("state")) is None:
            return {}
        before = self._session
        state = after_report(before, info, self._reading, now, self.host.clock.to_datetime(now))
        if state.word == Word.UNKNOWN and before.word not in (None, Word.UNKNOWN):
            # EVerest was restarted, and has lost our limits.
            self.limits.reconnected(now, lost=True)
        self._faulty = faulty(info)
        changes = self._with_session(state) | {"enabled": enabled(info)}
        return self._with_random_delay(self._with_total_power(changes, info), info, now)

    @override
    def _powermeter(self, value: object, now: float) -> Changes:
        self._reading = powermeter.imported(mapping(value))
        return super()._powermeter(value, now)

    def _telemetry(self, value: object, now: float) -> Changes:
        # `phase_seq_error` actually reports whether the relay is closed: a bug in EVerest.
        found = mapping(value)
        if "temperature" not in found:
            return {}
        temperature = rounded(found["temperature"], 1)
        changes: Changes = {"health": replace(self.snapshot.health, board_temperature=temperature)}
        if temperature is not None:
            changes["capabilities"] = self._reporting(Feature.BOARD_TEMPERATURE)
        return changes

    def _with_random_delay(self, changes: Changes, info: JsonObject, now: float) -> Changes:
        """Return the `changes` by a session_info, with its random delay."""
        left, known = part(info, "uk_random_delay").get("remaining_s"), self.snapshot
        end = random_delay.until(left, known.delayed_until, self.host.clock.to_datetime(now))
        if end is None:
            return changes | {"delayed_until": None}
        capabilities = changes.get("capabilities", known.capabilities)
        return changes | {
            "random_delay": True,
            "delayed_until": end,
            "capabilities": random_delay.offered(capabilities, Feature.RANDOM_DELAY),
        }

    def _limits(self, value: object, now: float) -> Changes:
        limit = mapping(value)
        current = rounded(limit.get("max_current"), 2)
        if not current and "uuid" not in limit:
            # EVerest reports this right after its start, when it means nothing.
            return {}
        count = number(limit.get("nr_of_phases_available"))
        self._ceiling = max(self._ceiling, current or 0.0)
        phases = int(count) if count in (1, 2, 3) else None
        enforced = Enforced(limits=Limits(max_current=current, phases=phases))
        known = self._reporting(Feature.MAX_CURRENT, Feature.EFFECTIVE_CURRENT)
        return self._limited(enforced) | {"capabilities": known}

    # Consequences -------------------------------------------------------------

    @override
    def _status(self, known: ChargepointSnapshot) -> Status | None:
        return Status.ERROR if self._faulty else super()._status(known)

    @override
    def restore_session(self, started: datetime, energy: float) -> None:
        super().restore_session(started, energy)
        state, shown = self._session, self.snapshot
        if shown.session.started != state.started:
            counted = replace(state.energy, value=shown.meter.session_energy)
            self._session = replace(state, started=shown.session.started, energy=counted)

    @override
    def _session_of(self, state: State, before: State) -> Session:
        session, known = super()._session_of(state, before), self.snapshot.session
        if state.started is None:
            return session
        continues = state.started == known.started
        observed = before.word is not None
        return inferred(session, known, state.started, continues=continues, observed=observed)

    # Requests out -------------------------------------------------------------

    def _command(self, name: str, payload: bytes = _CONNECTOR) -> Request:
        return Request(uuid4().hex, self._topic + name, payload)

    @override
    async def stop_charging(self) -> None:
        if not self._asleep:
            await super().stop_charging()
            return
        # Whether a pause is accepted while the car sleeps is not reported.
        self._unconfirmed_stop = True
        try:
            await super().stop_charging()
        except CommandTimeoutError:
            if not self._asleep:
                raise
            self._request_pause(accepted=False)
        except asyncio.CancelledError:
            # A caller that gives up does not take it back.
            self._request_pause(accepted=False)
            raise
        finally:
            if self._unconfirmed_stop:
                self._request_pause(accepted=None)

    @override
    def _start_request(self, mode: str | None) -> Request:
        return self._command("resume_charging")

    @override
    def _stop_request(self) -> Request:
        # Not stop_charging: after that, charging only starts again after replugging.
        return self._command("pause_charging")

    @override
    def _set_request(self, feature: Feature, value: object) -> Request:
        if feature is Feature.ENABLED:
            state = {"state": "Enable" if value else "Disable"}
            return self._command("enable_disable", orjson.dumps(_ENABLE | state))
        if feature is Feature.RANDOM_DELAY:
            return self._command("uk_random_delay", b"enable" if value else b"disable")
        if feature is Feature.RANDOM_DELAY_DURATION:
            seconds = f"{value:.0f}".encode()
            return self._command("uk_random_delay_set_max_duration_s", seconds)
        return self._limits_request({**self.snapshot.pending, feature: value})

    @override
    def _limits_request(self, requested: Mapping[str, Any]) -> Request:
        """Return the message for all limits set from Home Assistant, and those `requested` now.

        It replaces the earlier request, and takes no phases without a current: if no current was
        set from Home Assistant, the message contains the one that applies.
        """
        requested = {**self.snapshot.requested.limits, **requested}
        switches = Feature.PHASES in self.snapshot.capabilities.controls
        if switches and self.snapshot.phases == "1":
            requested = {Feature.PHASES: "1", **requested}
        current = requested.get(Feature.MAX_CURRENT) or self._current_to_keep()
        return self._limit_request(round(current, 2), requested.get(Feature.PHASES))

    def _limit_request(self, amps: float, phases: str | int | None) -> Request:
        if phases is None:
            return self._command("set_limit_amps", f"{amps:g}".encode())
        both = {"amps": amps, "phases": int(phases)}
        return self._command("set_limit_amps_phases", orjson.dumps(both))

    @property
    @override
    def _highest_limit(self) -> float:
        return self.snapshot.capabilities.ranges[Feature.MAX_CURRENT].maximum

    @override
    def _no_limits_request(self) -> Request:
        switches = Feature.PHASES in self.snapshot.capabilities.controls
        return self._limit_request(self._highest_limit, 3 if switches else None)

    def _current_to_keep(self) -> float:
        """Return the current for a message that changes the phases."""
        holding = self.snapshot.effective_current or 0.0
        possible = self.snapshot.capabilities.ranges[Feature.MAX_CURRENT]
        # A pause for lack of energy must not become permanent.
        return holding if holding >= possible.minimum else possible.maximum

    @override
    def effect(self, feature: Feature, value: object) -> ExpectedState:
        if feature is not Feature.MAX_CURRENT or not isinstance(value, int | float):
            return super().effect(feature, value)
        limit: float = round(value, 2)

        def limits_to(snapshot: ChargepointSnapshot) -> bool:
            holding = snapshot.effective_current
            # It applies, or the station never allows that much. It cannot be seen if no current may
            # flow, for whatever reason.
            return holding in (limit, 0) or holding == self._ceiling < limit

        return ExpectedState(feature, value, limits_to)

    @override
    def _act_request(self, feature: Feature) -> Request:
        if feature is Feature.SKIP_RANDOM_DELAY:
            return self._command("uk_random_delay", b"cancel")
        return self._command(_ACTS[feature])._replace(id=feature)

    # Availability -------------------------------------------------------------

    @override
    def connection_made(self, now: float) -> None:
        super().connection_made(now)
        self._watchdog.start(now)

    @override
    def _set_unavailable(self, reason: Reason | None, now: float, **changes: object) -> None:
        if reason is not None:
            self._reading = None
            self._ceiling = 0.0
        super()._set_unavailable(reason, now, **changes)


# Meaning of the messages: pure ---------------------------------------------------


def after_report(
    state: State, info: JsonObject, reading: float | None, now: float, when: datetime
) -> State:
    """Return the state after a session_info, by the rules of v1, with the meter at `reading`.

    It does not report when its session began, so the start is `when` it was first seen.
    """
    word = text(info.get("state"))
    if word == Word.UNKNOWN and state.word != word:
        # Only reported before anything has happened since the start of EVerest.
        state = session.after_gap(state, restarted=True)
    seen = state.word is not None
    charged = number(info.get("charged_energy_wh")) if word in _COUNTING else None
    begins = _begins(state, word, charged)
    as_v1 = {
        "state": word,
        "session_start_time": when.isoformat() if begins else None,
        "charged_energy_wh": charged,
    }
    state = session.on_info(replace(state, started=None) if begins else state, as_v1, now, when)
    if begins and seen:
        state = replace(state, energy=with_start_reading(state.energy, reading))
    return state


def _begins(state: State, word: str | None, charged: float | None) -> bool:
    """Whether `word` belongs to another session than the known one."""
    if word not in _SESSION:
        return False
    # After the end of a transaction, only replugging starts another one.
    over = state.word in IDLE or (state.word in ENDED and word not in ENDED)
    if over or state.started is None or state.ended is not None:
        return True
    if charged is None or charged < 0 or state.energy.counter is not Counter.TRUSTED:
        return False
    value = state.energy.value or 0.0
    # This is more than jitter of the meter.
    return value - charged / 1000 > max(0.01, value / 10)


def enabled(info: JsonObject) -> bool | None:
    """Return whether the EVSE may be used, according to session_info."""
    word = text(info.get("state"))
    source = part(info, "active_enable_disable_source").get("state")
    if word == Word.DISABLED or source == "Disable":
        return False
    return None if word == Word.UNKNOWN else True


def faulty(info: JsonObject) -> bool:
    """Whether there is a lasting fault: a list in 2024.3, later a bool; before that a string."""
    return info.get("permanent_fault") is True or bool(info.get("active_permanent_faults"))
