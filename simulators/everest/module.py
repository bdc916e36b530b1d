"""An API module: its topics, its heartbeat, its requests and replies."""

import asyncio
from collections.abc import Callable
import json
from typing import TYPE_CHECKING, Any

from .messages import encode

if TYPE_CHECKING:
    from .station import EverestSimulator

_REPLY_SECONDS = 0.05
_REQUEST_REPLY_TIMEOUT_SECONDS = 550


class MalformedError(Exception):
    """What came in cannot be used; EVerest logs that and says nothing."""


class ApiModule:
    """One module of EVerest API v1.

    ``requests`` are answered on the topic the asker names, ``orders`` never. What was
    published last of each variable can be asked for, where the release can do that.
    """

    def __init__(
        self, station: EverestSimulator, kind: str, module_id: str, heartbeat: float
    ) -> None:
        """Build a module that knows nothing yet but its heartbeat."""
        self.station = station
        self.kind = kind
        self.module_id = module_id
        self.heartbeat = heartbeat
        self.variables: tuple[str, ...] = ()
        self.requests: dict[str, Callable[[Any], Any]] = {}
        self.orders: dict[str, Callable[[Any], None]] = {"communication_check": _expect_bool}
        self.silent = False
        self.reachable = True
        self._latest: dict[str, Any] = {}

    @property
    def topic(self) -> str:
        """Where the topics of this module begin."""
        return f"{self.station.prefix}everest_api/1/{self.kind}/{self.module_id}"

    def publish(self, variable: str, value: object) -> None:
        """Publish a variable, and keep it for those who ask later."""
        if self.reachable:
            if variable != "heartbeat":
                self._latest[variable] = value
            self.station.send(f"{self.topic}/e2m/{variable}", encode(value))

    def forget(self) -> None:
        """Lose what was published, as in a restart."""
        self._latest.clear()

    async def beat(self) -> None:
        """Send heartbeats, counted from the start of the module."""
        count = 0
        while self.heartbeat > 0:
            self.publish("heartbeat", count)
            count += 1
            await asyncio.sleep(self.heartbeat)

    def entry(self) -> dict[str, Any]:
        """Describe the module to somebody who discovers it."""
        period = int(self.heartbeat * 1000)
        monitoring = {"communication_check_period_s": 0, "heartbeat_period_ms": period}
        if self.requests:
            monitoring["request_reply_timeout_s"] = _REQUEST_REPLY_TIMEOUT_SECONDS
        return {
            "communication_monitoring": monitoring,
            "module_id": self.module_id,
            "type": self.kind,
            "version": 1,
        }

    def receive(self, operation: str, payload: bytes) -> None:
        """Take a request or an order; what is malformed or unknown gets no answer."""
        if self.silent or not self.reachable:
            return
        try:
            if operation in self.orders:
                self.orders[operation](_load(payload))
            elif operation in self.requests:
                body, reply_to = envelope(payload)
                self.reply(reply_to, self.requests[operation](body))
            elif operation.endswith("/get") and self.station.dialect.latches:
                self._get(operation.removesuffix("/get"), payload)
        except MalformedError:
            return

    def reply(self, reply_to: str, value: object) -> None:
        """Answer a request, a moment later."""
        if reply_to and not set("#+") & set(reply_to):
            self.station.spawn(self._reply(reply_to, encode(value)))

    async def _reply(self, reply_to: str, text: str) -> None:
        await self.station.sleep(_REPLY_SECONDS)
        self.station.send(f"{self.station.prefix}{reply_to}", text)

    def _get(self, variable: str, payload: bytes) -> None:
        """Tell the latest value, or ``true`` where there is none, as EVerest does."""
        if variable in self.variables or variable in self._latest:
            _, reply_to = envelope(payload)
            self.reply(reply_to, self._latest.get(variable, True))


def envelope(payload: bytes) -> tuple[Any, str]:
    """Open a request: its payload and the topic for the reply.

    Any JSON is a request, if only one without payload and reply; but a reply topic
    must be a text where there is one.
    """
    match _load(payload):
        case {"headers": {"replyTo": reply_to}, **rest}:
            if not isinstance(reply_to, str):
                raise MalformedError
            return rest.get("payload"), reply_to
        case {"payload": body}:
            return body, ""
        case _:
            return None, ""


def _load(payload: bytes) -> Any:
    try:
        return json.loads(payload)
    except ValueError as error:
        raise MalformedError from error


def _expect_bool(value: object) -> None:
    if not isinstance(value, bool):
        raise MalformedError
