"""A charge point behind a module of EVerest's API: asked, replied to, and watched.

Source: EVerest API v1, releases 2025.10 to 2026.10. Nothing is retained, and a refused
request gets no reply at all.
"""

from abc import abstractmethod
from functools import partial
import logging
from typing import Any, Final, override

from ...commands.command import Request
from ...model import Feature, Reason
from ...node import NodeHost
from ...protocol import Handler
from .. import random_delay
from ..evse import Evse
from ..heartbeat import HeartbeatMonitor, look
from ..module import Module

_LOGGER = logging.getLogger(__name__)

#: Seconds a station has to answer the first `/get`; releases up to 2026.02 never do.
_ANSWER_TIME: Final = 3.0
#: What is worth asking for: the rest comes by itself or not at all. Not `dlink_ready`: what
#: was never published is answered with `true`.
_GETTABLE: Final = (
    "session_info",
    # Of the last event only what session_info does not say is taken.
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


class ApiChargepoint(Evse):
    """A charge point that is there as long as its module says anything."""

    def __init__(self, address: str, module: Module, host: NodeHost) -> None:
        """Speak to `module`; `address` identifies the node."""
        super().__init__(address, module.id, host)
        self.module = module
        self._heard_at = host.clock.now()
        self._heartbeats = HeartbeatMonitor()
        #: Since when it is there, or since when it has started anew.
        self._alive_since = self._heard_at
        #: Whether `/get` is answered, None where that is not known (yet, or any more).
        self._answers_gets: bool | None = None

    @abstractmethod
    def handle_message(self, variable: str, value: Any, now: float, *, asked: bool = False) -> None:
        """Take the `value` of a variable, which was `asked` for or came by itself."""

    @abstractmethod
    def _replied(self, request_id: str, operation: str, value: Any, now: float) -> None:
        """Take the reply to a request that was no `/get`."""

    def found(self, heartbeat_period: float | None, now: float) -> None:
        """The module answered a discovery; its heartbeats are so many seconds apart."""
        if heartbeat_period is not None:
            self._heartbeats.set_interval(heartbeat_period)
        self._heard(now)

    # Requests and replies -----------------------------------------------------

    def reply_handler(self, request_id: str) -> Handler | None:
        """Return what handles the reply to a request, None where it is not ours."""
        return self.module.reply_handler(request_id, self._answered)

    def _answered(self, request_id: str, operation: str, value: Any, now: float) -> None:
        variable = operation.removesuffix("/get")
        if variable == operation:
            self._replied(request_id, operation, value, now)
            return
        self._answers_gets = True
        # What was never published is answered with `true`.
        if variable == "random_delay_countdown":
            # It may be of long ago; but where there is none nobody answers.
            self._heard(now, capabilities=random_delay.offered(self.snapshot.capabilities))
        elif value is True or value is None:
            self._heard(now)
        else:
            self.handle_message(variable, value, now, asked=True)

    def _request(self, operation: str, payload: Any = None) -> Request:
        return self.module.request(operation, self.host.clock.now(), payload)

    def _send(self, operation: str) -> None:
        request = self._request(operation)
        self.host.send(request.topic, request.payload)

    @override
    def _ask(self, report: str) -> None:
        if report == Feature.STATUS and self._answers_gets is not False:
            self._send("session_info/get")

    def _ask_for_everything(self, now: float) -> None:
        """Nothing is retained, so ask; what is not answered comes with the next event."""
        self._ask_for_values()
        self._send("get_evse")
        self._answers_gets = None
        self.timers.set("gets", now + _ANSWER_TIME, self._conclude)

    def _ask_for_values(self) -> None:
        for variable in _GETTABLE:
            self._send(f"{variable}/get")

    def _conclude(self, now: float, *, again: bool = True) -> None:
        """A station that speaks and has not answered a `/get` by now never does.

        It is asked a second time: the first questions may have come before it was there.
        """
        if self._answers_gets is not None or not self.snapshot.available:
            return
        if again:
            self._ask_for_values()
            self.timers.set("gets", now + _ANSWER_TIME, partial(self._conclude, again=False))
        else:
            self._answers_gets = False
            _LOGGER.debug("%s answers no /get", self.address)

    # Availability -------------------------------------------------------------

    @override
    def connection_made(self, now: float) -> None:
        super().connection_made(now)
        self._heartbeats.forget()
        self._heard_at = now
        self._ask_for_everything(now)
        self._watch(now)

    @override
    def connection_lost(self, now: float) -> None:
        super().connection_lost(now)
        self.module.clear()

    def _heard(self, now: float, **changes: Any) -> None:
        """Publish `changes`: the charge point is there."""
        self._heard_at = now
        if self.snapshot.available:
            if changes:
                self._update(now, **changes)
            return
        self._alive_since = now
        self._set_unavailable(None, now, **changes)
        self._watch(now)
        if self._answers_gets is None and "gets" not in self.timers:
            self._ask_for_everything(now)

    def _watch(self, now: float) -> None:
        """Ask for a sign of life in time, and again and again once it is silent."""
        asks, silent, due = look(self._heard_at, self._heartbeats.silence_max, now)
        if asks:
            self._send("get_evse")
        if silent and self.snapshot.unavailable is not Reason.SILENT:
            self._set_unavailable(Reason.SILENT, now)
        self.timers.set("silence", due, self._watch)

    @override
    def _set_unavailable(self, reason: Reason | None, now: float, **changes: Any) -> None:
        if reason is not None:
            self._answers_gets = None
            # The time without a heartbeat is no interval between two.
            self._heartbeats.missed()
        super()._set_unavailable(reason, now, **changes)
