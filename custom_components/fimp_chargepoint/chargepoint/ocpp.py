"""The OCPP client of a station: what is known of it, and the commands it accepts.

It is the part of a station that communicates with the operator's back end (the CSMS). This module
is independent of any protocol's format.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Final

from .commands.replies import PendingReplies
from .errors import NotConnectedError
from .model import NodeSnapshot
from .node import Node, NodeHost, Request


@dataclass(frozen=True, eq=False, kw_only=True)
class OcppSnapshot(NodeSnapshot):
    """All that is known of an OCPP client at one moment.

    `connected` is whether it is connected to its back end, at `csms_url`, where it is known as
    `client_id`. `registration` is its status at the back end, `csms_current` (A) and `csms_power`
    (W) what the back end lets the whole station draw now.
    """

    connected: bool | None = None
    csms_url: str | None = None
    client_id: str | None = None
    version: str | None = None
    security_profile: int | None = None
    registration: str | None = None
    csms_current: float | None = None
    csms_power: float | None = None


#: The fields that are only valid while they are being reported.
NOTHING_KNOWN: Final = dict.fromkeys(
    {each.name for each in fields(OcppSnapshot)} - {each.name for each in fields(NodeSnapshot)}
)


class OcppEvent(StrEnum):
    """The kinds of notifications."""

    SECURITY_EVENT = "security_event"
    VARIABLE_CHANGED = "variable_changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class OcppNotification:
    """A notification of an event: its kind and its details."""

    kind: OcppEvent
    details: dict[str, object]


# Commands -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class GetVariables:
    """Get the values of variables; without names, all of them.

    OCPP 1.6 calls them configuration keys, and has no components.
    """

    names: tuple[str, ...] = ()
    component: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetVariable:
    """Set the value of a variable."""

    name: str
    value: str
    component: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorVariables:
    """Send a notification when the back end changes one of these variables."""

    names: tuple[str, ...]
    component: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SendSecurityEvent:
    """Report a security event to the back end; if `critical` is None, the client decides that."""

    kind: str
    info: str = ""
    critical: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeAvailability:
    """Make the whole station, an EVSE, or one of its connectors available for charging, or not."""

    operative: bool
    evse: int | None = None
    connector: int | None = None


@dataclass(frozen=True, slots=True)
class StopOcpp:
    """Disconnect from the back end, and store no messages for it."""


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
    """A message to the client, and how to read the reply; None if there is none."""

    request: Request
    answer: Callable[[object], dict[str, object]] | None


class OcppClient(Node[OcppSnapshot], ABC):
    """An OCPP client that sends notifications and replies to commands."""

    #: Its requests that wait for a reply.
    _calls: PendingReplies

    def __init__(self, address: str, snapshot: OcppSnapshot, host: NodeHost) -> None:
        """Start without listeners."""
        super().__init__(address, snapshot, host)
        self._event_listeners: list[Callable[[OcppNotification], None]] = []

    def add_event_listener(
        self, listener: Callable[[OcppNotification], None]
    ) -> Callable[[], None]:
        """Call `listener` with every notification; return a function that stops that."""
        self._event_listeners.append(listener)
        return lambda: self._event_listeners.remove(listener)

    @abstractmethod
    def check(self, command: OcppCommand) -> None:
        """Check that it accepts a command; sends nothing.

        Raises:
            InvalidRequestError: it does not, or the command is invalid.

        """

    @abstractmethod
    def _question(self, command: OcppCommand, now: float) -> Question:
        """Return the message to send; raises like `check`."""

    def _done(self, command: OcppCommand) -> None:
        """Handle the acceptance of a command."""

    async def perform(self, command: OcppCommand) -> dict[str, object]:
        """Send a command; return the reply in plain values.

        Raises:
            NotConnectedError, CommandRejectedError, CommandTimeoutError,
            InvalidRequestError: see there.

        """
        question = self._question(command, self.host.clock.now())
        if not self.snapshot.available:
            raise NotConnectedError("station_unavailable")
        if question.answer is None:
            await self.host.deliver(question.request)
            answer: dict[str, object] = {}
        else:
            answer = question.answer(await self._calls.ask(question.request))
        self._done(command)
        return answer

    def _notify(self, kind: OcppEvent, **details: object) -> None:
        """Notify the listeners of an event; unknown details are left out."""
        known = {key: value for key, value in details.items() if value is not None}
        notification = OcppNotification(kind=kind, details=known)
        self.host.internal_errors.notify(self._event_listeners, notification)
