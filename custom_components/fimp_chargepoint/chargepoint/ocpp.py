"""The OCPP client of a station: what is known of it, and what it can be asked.

That is the part of a station that talks to the operator's back end (the CSMS). Nothing here
knows how a protocol spells anything.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, override

from .commands.command import Request
from .commands.replies import PendingReplies
from .errors import NotConnectedError
from .model import NodeSnapshot, Reason
from .node import Node, NodeHost

#: Seconds that a reply is waited for.
_TIMEOUT = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OcppSnapshot(NodeSnapshot):
    """All that is known of an OCPP client at one moment.

    `connected` is whether it talks to its back end, at `csms_url`, where it is known as
    `client_id`. `registration` is what the back end thinks of it, `csms_current` (A) and
    `csms_power` (W) what it lets the whole station draw now.
    """

    connected: bool | None = None
    csms_url: str | None = None
    client_id: str | None = None
    version: str | None = None
    security_profile: int | None = None
    registration: str | None = None
    csms_current: float | None = None
    csms_power: float | None = None


#: The fields of all that only holds as long as somebody says it.
NOTHING_KNOWN: Final = dict.fromkeys(
    {each.name for each in fields(OcppSnapshot)} - {each.name for each in fields(NodeSnapshot)}
)


class OcppEvent(StrEnum):
    """What it tells as it happens."""

    SECURITY_EVENT = "security_event"
    VARIABLE_CHANGED = "variable_changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class OcppNotification:
    """Something that has happened: of what kind, and what is said of it."""

    kind: OcppEvent
    details: dict[str, Any]


# What it can be asked -------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class GetVariables:
    """Tell the values of variables, without any name of all.

    OCPP 1.6 calls them configuration keys, and has no components.
    """

    names: tuple[str, ...] = ()
    component: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetVariable:
    """Take a value for a variable."""

    name: str
    value: str
    component: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorVariables:
    """Tell when the back end changes one of these variables."""

    names: tuple[str, ...]
    component: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SendSecurityEvent:
    """Tell the back end of a security event; `critical` None lets the client decide that."""

    kind: str
    info: str = ""
    critical: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeAvailability:
    """Be available for charging or not: the whole station, an EVSE, or one connector of it."""

    operative: bool
    evse: int | None = None
    connector: int | None = None


@dataclass(frozen=True, slots=True)
class StopOcpp:
    """Disconnect from the back end, and store nothing for it."""


@dataclass(frozen=True, slots=True)
class RestartOcpp:
    """Connect again after a stop."""


type OcppCommand = (
    GetVariables
    | SetVariable
    | MonitorVariables
    | SendSecurityEvent
    | ChangeAvailability
    | StopOcpp
    | RestartOcpp
)


@dataclass(frozen=True, slots=True)
class Question:
    """A message to the client, and how to read the reply; None where there is none."""

    request: Request
    answer: Callable[[Any], dict[str, Any]] | None


class OcppClient(Node[OcppSnapshot], ABC):
    """An OCPP client that tells of itself and answers questions."""

    def __init__(self, address: str, snapshot: OcppSnapshot, host: NodeHost) -> None:
        """Start with no question open."""
        super().__init__(address, snapshot, host)
        self._calls = PendingReplies(host, self.timers, _TIMEOUT)
        self._event_listeners: list[Callable[[OcppNotification], None]] = []

    def add_event_listener(
        self, listener: Callable[[OcppNotification], None]
    ) -> Callable[[], None]:
        """Call `listener(told)` whenever something happens; returns how to stop that."""
        self._event_listeners.append(listener)
        return lambda: self._event_listeners.remove(listener)

    @abstractmethod
    def check(self, command: OcppCommand) -> None:
        """Make sure that it can be told so; sends nothing.

        Raises:
            InvalidRequestError: it cannot, or what was asked for makes no sense.

        """

    @abstractmethod
    def _question(self, command: OcppCommand, now: float) -> Question:
        """Return what to ask; raises as `check` does."""

    def _done(self, command: OcppCommand) -> None:
        """It has taken a command."""

    async def perform(self, command: OcppCommand) -> dict[str, Any]:
        """Let it do something; returns what it replies, in plain values.

        Raises:
            NotConnectedError, CommandRejectedError, CommandTimeoutError,
            InvalidRequestError: as they say.

        """
        question = self._question(command, self.host.clock.now())
        if not self.snapshot.available:
            raise NotConnectedError("station_unavailable")
        if question.answer is None:
            await self.host.deliver(question.request)
            answer: dict[str, Any] = {}
        else:
            answer = question.answer(await self._calls.ask(question.request))
        self._done(command)
        return answer

    def _tell(self, kind: OcppEvent, **details: str | bool | float | datetime | None) -> None:
        """Tell of something that has just happened; what is not known of it is left out."""
        known = {key: value for key, value in details.items() if value is not None}
        told = OcppNotification(kind=kind, details=known)
        self.host.internal_errors.tell(self._event_listeners, told)

    @override
    def close(self) -> None:
        super().close()
        self._calls.close()

    @override
    def connection_lost(self, now: float) -> None:
        self._calls.connection_lost()
        super().connection_lost(now)

    @override
    def _set_unavailable(self, reason: Reason | None, now: float, **changes: Any) -> None:
        """Forget with their source what is not known any more."""
        if reason is not None:
            changes = NOTHING_KNOWN | changes
        super()._set_unavailable(reason, now, **changes)
