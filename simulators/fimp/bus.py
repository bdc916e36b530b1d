"""An adapter without its charge points: its behavior, its login, and its messages."""

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from simulators.mqtt import Broker
from simulators.simulator import Chargepoint, Simulator, Timing

from .message import Report, Request
from .profile import Habits

#: An adapter with any kind of charge points.
type AnyAdapter = Adapter[Any]


_RUNNING = {
    "app": "RUNNING",
    "connection": "CONNECTED",
    "config": "CONFIGURED",
    "auth": "AUTHENTICATED",
}
_LOST = _RUNNING | {"connection": "DISCONNECTED", "auth": "LOST"}
_LOGGED_OUT = {
    "app": "NOT_CONFIGURED",
    "connection": "DISCONNECTED",
    "config": "NOT_CONFIGURED",
    "auth": "NOT_AUTHENTICATED",
}
_NO_ERROR = {"last_error_text": "", "last_error_code": ""}


class Account:
    """The login of the adapter, in the terms of its state reports."""

    def __init__(self) -> None:
        """Start logged in and connected."""
        self.valid = True
        self.connected = True

    @property
    def live(self) -> bool:
        """Whether the adapter receives anything from its charge points."""
        return self.valid and self.connected

    @property
    def states(self) -> dict[str, str]:
        """The four states of the adapter, as reported on request."""
        states = _RUNNING if self.valid else _LOGGED_OUT
        if not self.connected:
            states = states | {"connection": "DISCONNECTED"}
        return states | _NO_ERROR

    @property
    def alarm(self) -> dict[str, str]:
        """The report when the login is lost."""
        return _LOST | _NO_ERROR

    @property
    def status(self) -> dict[str, str]:
        """The outcome of a login or logout."""
        return {"status": self.states["auth"], "error_text": "", "error_code": ""}


class Adapter[P: Chargepoint](Simulator[P]):
    """An adapter without its charge points."""

    def __init__(self, broker: Broker, timing: Timing | None, habits: Habits, name: str) -> None:
        """Build it logged in; without a name it gets the usual one."""
        super().__init__(broker, timing or Timing(), qos=1)
        self.habits = habits
        self.adapter = name or habits.name
        self.account = Account()

    @property
    def own_address(self) -> str:
        """The address of the adapter itself."""
        return f"/rt:ad/rn:{self.adapter}/ad:1"

    def service_address(self, service: str, address: str) -> str:
        """Return the address of a service of a charge point."""
        return f"/rt:dev/rn:{self.adapter}/ad:1/sv:{service}/ad:{address}"

    # Messages out -------------------------------------------------------------

    def send_event(self, address: str, report: Report) -> None:
        """Publish a report as an event of an address."""
        topic = f"pt:j1/mt:evt{address}"
        self.send(topic, self._signed(topic, report).encode(self.adapter))

    def reply(self, request: Request, report: Report) -> None:
        """Answer a command if a reply is requested."""
        signed = self._signed(request.topic, report)
        self.send(request.reply_topic, signed.encode(self.adapter, request.uid))

    def reply_error(self, request: Request, reason: str) -> None:
        """Reply that a command has failed."""
        report = Report(request.service, "evt.error.report", "string", self.habits.error_code)
        if not self.habits.error_code:
            value = "failed to process incoming message"
            props = {**_about(request), "msg": f"{self.habits.words}{reason}"}
            # Only services of things ask the hub not to store their errors.
            storage = {"strategy": "skip"} if "/rt:dev/" in request.topic else None
            report = replace(report, val=value, props=props, storage=storage)
        self.reply(request, report)

    def reply_success(self, request: Request) -> None:
        """Reply that a command has succeeded, as few commands do."""
        kind = "evt.success.report"
        about = _about(request)
        self.reply(request, Report(request.service, kind, "null", None, about))

    def _signed(self, topic: str, report: Report) -> Report:
        if self.habits.signs and "/rt:dev/" in topic:
            return replace(report, service=self.adapter)
        return report

    # For its charge points ----------------------------------------------------

    @property
    @abstractmethod
    def has_hub(self) -> bool:
        """Whether the adapter is on a hub, which knows the names from the user."""

    @abstractmethod
    def report_node(self, point: P) -> None:
        """Report whether a charge point is up or down."""

    @abstractmethod
    def include_thing(self, point: P) -> None:
        """Add a charge point that was removed."""

    @abstractmethod
    def exclude_thing(self, point: P) -> None:
        """Remove a charge point."""

    @abstractmethod
    def report_inclusion(self, point: P) -> None:
        """Report that the capabilities of a charge point have changed."""

    @abstractmethod
    def tell_hub(self, point: P, *changed: str) -> None:
        """Notify the hub, if there is one, of changes."""

    @abstractmethod
    def send_garbage_as_hub(self, nonsense: Iterable[bytes]) -> None:
        """Publish invalid messages in the name of the hub, if there is one."""

    @abstractmethod
    def log_in(self, *, success: bool) -> None:
        """Log in to the vendor's cloud, or lose the login."""

    @abstractmethod
    def restart_adapter(self) -> None:
        """Start as a new process: things are remembered, reports are not."""


def _about(request: Request) -> dict[str, str]:
    """Quote a command in its reply."""
    return {
        "cmd_service": request.service,
        "cmd_topic": request.topic,
        "cmd_type": request.type,
    }
