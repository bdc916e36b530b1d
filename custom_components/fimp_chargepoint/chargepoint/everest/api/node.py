"""A node that stands for a module of EVerest's API v1: an EVSE, or an OCPP client."""

from abc import abstractmethod
import logging
from typing import Final, override

from ...commands.replies import PendingReplies
from ...model import NodeSnapshot, Reason
from ...node import Changes, Node
from ...watchdog import Inquiry, Patience, Watchdog
from .module import ApiModule

_LOGGER = logging.getLogger(__name__)

#: Seconds to wait for the reply to a request.
_REPLY_TIME: Final = 10.0
#: Seconds to wait for the reply to a `/get`; releases up to 2026.02 never answer one.
_ANSWER_TIME: Final = 3.0
#: The part of the allowed silence after which a reply is provoked.
_ASK_AFTER: Final = 2 / 3


class ApiNode[S: NodeSnapshot](Node[S]):
    """A node that is available while its module sends anything."""

    module: ApiModule

    def _attach(self, module: ApiModule, gettable: tuple[str, ...]) -> None:
        """Represent `module`, whose `gettable` variables are requested."""
        self.module = module
        self._calls = PendingReplies(self.host, self.timers, _REPLY_TIME)
        module.on_reply = self.answered
        self._gettable = gettable
        #: Whether `/get` is answered, None if that is not known.
        self._answers_gets: bool | None = None
        self._asked_at: float | None = None
        #: Since when it is available, or when it was restarted last.
        self.alive_since = self.host.clock.now()
        self._watchdog = Watchdog(
            self.timers, self._patience, ask=self._ask_for_reply, silent=self._silent
        )
        # The first requests may have come before the module was ready.
        self._gets = Inquiry(
            self.timers, "gets", self._ask_for_values, (_ANSWER_TIME,) * 2, gave_up=self._gave_up
        )

    @abstractmethod
    def handle_message(
        self, variable: str, value: object, now: float, *, requested: bool = False
    ) -> None:
        """Take the value of a variable: published, or as the reply to our `/get`."""

    @abstractmethod
    def _replied(self, request_id: str, operation: str, value: object, now: float) -> None:
        """Take the reply to a request other than a `/get`."""

    @abstractmethod
    def _ask_for_reply(self, now: float) -> None:
        """Send a request that every release answers."""

    @abstractmethod
    def _restarted(self, now: float) -> Changes:
        """Return what changes because the module was restarted."""

    # Questions and replies ------------------------------------------------------

    def answered(self, request_id: str, operation: str, value: object, now: float) -> None:
        """Take the reply to a request."""
        variable = operation.removesuffix("/get")
        if variable == operation:
            self._replied(request_id, operation, value, now)
            return
        self._answers_gets = True
        self._gets.answered()
        # `true` is the answer for a variable that was never published.
        if value is True or value is None:
            self._received(now)
        else:
            self.handle_message(variable, value, now, requested=True)

    def _ask_for_everything(self, now: float) -> None:
        """Request all values: nothing is retained."""
        self._answers_gets = self._asked_at = None
        self._gets.start(now)

    def _ask_for_values(self, now: float) -> None:
        if self._asked_at is not None and not self.snapshot.available:
            return
        self._asked_at = now
        for variable in self._gettable:
            self.module.ask(f"{variable}/get")

    def _gave_up(self, now: float) -> None:
        if not self.snapshot.available:
            return
        if self._asked_at is None or self._asked_at < self.alive_since:
            # It became available after the last request.
            self._gets.start(now)
        else:
            self._answers_gets = False
            _LOGGER.debug("%s answers no /get", self.address)

    # Availability ---------------------------------------------------------------

    def found(self, heartbeat_period: float | None, now: float) -> None:
        """Take the reply to a discovery, with the seconds between two heartbeats if known."""
        if heartbeat_period is not None:
            self.module.heartbeats.set_interval(heartbeat_period)
        self._received(now)

    def _heartbeat(self, value: object, now: float) -> Changes:
        before = self.module.heartbeats.silence_max
        restarted = self.module.received("heartbeat", value, now)
        if self.module.heartbeats.silence_max < before:
            self._watchdog.patience_changed(now)
        return self._restarted(now) if restarted else {}

    def _received(self, now: float, **changes: object) -> None:
        """Take `changes` from a message, which also shows that the module is available."""
        self.module.received_at = now
        self._watchdog.received(now)
        if not self.snapshot.available:
            self.alive_since = now
            self._set_unavailable(None, now, **changes)
            self._available_again(now)
        elif changes:
            self._update(now, **changes)

    def _available_again(self, now: float) -> None:
        if self._answers_gets is None and not self._gets.is_open:
            self._ask_for_everything(now)

    def _patience(self) -> Patience:
        allowed = self.module.heartbeats.silence_max
        return Patience(_ASK_AFTER * allowed, (1 - _ASK_AFTER) * allowed, 1)

    def _silent(self, now: float) -> None:
        self._set_unavailable(Reason.SILENT, now)

    @override
    def connection_made(self, now: float) -> None:
        super().connection_made(now)
        self.module.heartbeats.forget()
        self._watchdog.start(now)
        self._ask_for_everything(now)

    @override
    def close(self) -> None:
        super().close()
        self._calls.close()

    @override
    def connection_lost(self, now: float) -> None:
        self._calls.connection_lost()
        super().connection_lost(now)
        self.module.clear()

    @override
    def _set_unavailable(self, reason: Reason | None, now: float, **changes: object) -> None:
        if reason is not None:
            self._answers_gets = None
            self.module.heartbeats.missed()
        super()._set_unavailable(reason, now, **changes)
