"""An API module: its topics, its heartbeat, its requests and replies."""

import asyncio
from collections.abc import Callable
from typing import Any

from . import requests
from .framework import Station
from .messages import encode
from .requests import FatalError, MalformedError

_REPLY_SECONDS = 0.05
_REQUEST_REPLY_TIMEOUT_SECONDS = 550

_COMMUNICATION = "generic/CommunicationFault"
_COMMUNICATION_TEXT = "Communication with the underlying hardware or device has a fault"
_COMMUNICATION_HELP = "Send communication_check to clear the error"
_NOT_YET = "Initial communication check"
_NO_MORE = "Bridge to implementation connection lost"


class ApiModule:
    """One module of EVerest API v1.

    ``requests`` are answered on the topic that the client names, ``orders`` never, and ``signals``
    are orders whose payload is ignored. The last value of each variable can be requested, if the
    release supports that.
    """

    def __init__(self, station: Station, kind: str, module_id: str) -> None:
        """Build a module without any values."""
        self.station = station
        self.kind = kind
        self.module_id = module_id
        self.heartbeat = 0.0
        self.check = 0.0
        """Seconds within which a client has to show that it lives."""
        self.variables: tuple[str, ...] = ()
        self.requests: dict[str, Callable[[Any], Any]] = {}
        self.orders: dict[str, Callable[[Any], None]] = {"communication_check": self._checked}
        self.signals: dict[str, Callable[[], None]] = {}
        self.silent = False
        self.reachable = True
        self._latest: dict[str, Any] = {}
        self._loops: list[asyncio.Task[None]] = []
        self._watch: asyncio.Task[None] | None = None
        self._fault = ""

    @property
    def topic(self) -> str:
        """The beginning of the topics of this module."""
        return f"{self.station.prefix}everest_api/1/{self.kind}/{self.module_id}"

    def start(self) -> None:
        """Start, and wait for a heartbeat of a client."""
        self.stop()
        self._latest.clear()
        self._fault = ""
        self._loops.append(self.station.spawn(self._beat()))
        if self.check:
            self._complain(_NOT_YET)

    def stop(self) -> None:
        """Stop sending."""
        for task in self._loops:
            task.cancel()
        self._loops.clear()
        self._watch_for(None)

    def publish(self, variable: str, value: object) -> None:
        """Publish a variable, and keep it for later requests."""
        if self.reachable and self.station.dialect.api:
            if variable != "heartbeat":
                self._latest[variable] = value
            self.station.send(f"{self.topic}/e2m/{variable}", encode(value))

    async def _beat(self) -> None:
        """Send heartbeats, counted from the start of the module."""
        count = 0
        while self.heartbeat > 0:
            self.publish("heartbeat", count if self.station.dialect.counts else {})
            count += 1
            await asyncio.sleep(self.heartbeat)

    def entry(self) -> dict[str, Any]:
        """Describe the module for discovery."""
        monitoring = {
            "communication_check_period_s": int(self.check),
            "heartbeat_period_ms": int(self.heartbeat * 1000),
        }
        # Modules that only answer requests for lists do not report this, although they reply.
        if "get_evse" in self.requests or "get_variables" in self.requests:
            monitoring["request_reply_timeout_s"] = _REQUEST_REPLY_TIMEOUT_SECONDS
        return {
            "communication_monitoring": monitoring,
            "module_id": self.module_id,
            "type": self.kind,
            "version": 1,
        }

    def receive(self, operation: str, payload: bytes) -> None:
        """Process a request or an order; malformed and unknown ones get no reply."""
        if self.silent or not self.reachable:
            return
        station = self.station
        try:
            self._take(operation, payload)
        except MalformedError as error:
            station.refuses(f"{self.topic}/m2e/{operation}", payload, str(error))
        except FatalError as error:
            station.die(f"{self.topic}/m2e/{operation} {payload.decode(errors='replace')}: {error}")

    def _take(self, operation: str, payload: bytes) -> None:
        station = self.station
        if operation in self.signals:
            self.signals[operation]()
        elif operation in self.orders:
            self.orders[operation](requests.load(payload))
        elif operation in self.requests:
            body, reply_to = requests.envelope(payload, station.dialect)
            self._judge(operation, payload, reply_to)
            self.reply(reply_to, self.requests[operation](body))
        elif operation.endswith("/get"):
            # Trying this on a release that does not support it is not a mistake.
            if station.dialect.latches and station.site.latch:
                self._get(operation.removesuffix("/get"), payload)
        else:
            raise MalformedError("there is no such operation")

    def reply(self, reply_to: str, value: object) -> None:
        """Answer a request, a moment later."""
        if reply_to and not set("#+") & set(reply_to):
            self.station.spawn(self._reply(reply_to, encode(value)))

    async def _reply(self, reply_to: str, text: str) -> None:
        await self.station.sleep(_REPLY_SECONDS)
        self.station.send(f"{self.station.prefix}{reply_to}", text)

    def _get(self, variable: str, payload: bytes) -> None:
        """Reply with the last value, or ``true`` if there is none, as EVerest does."""
        if variable in self.variables or variable in self._latest:
            _, reply_to = requests.envelope(payload, self.station.dialect)
            self._judge(f"{variable}/get", payload, reply_to)
            self.reply(reply_to, self._latest.get(variable, True))

    def _judge(self, operation: str, payload: bytes, reply_to: str) -> None:
        """Record an invalid reply topic, although the request is obeyed."""
        complaint = self.station.complaint(reply_to)
        if complaint:
            self.station.refuses(f"{self.topic}/m2e/{operation}", payload, complaint)

    # Heartbeats of the client ---------------------------------------------------

    def _checked(self, alive: object) -> None:
        """Process a heartbeat, or the request to stop expecting them."""
        if not isinstance(alive, bool):
            raise MalformedError("not a bool")
        if self._fault:
            self.station.faults.clear(self._fault)
            self._fault = ""
        requested = self.check and (alive or None)
        self._watch_for(self.check if requested else None)

    def _watch_for(self, seconds: float | None) -> None:
        if self._watch:
            self._watch.cancel()
        self._watch = self.station.spawn(self._lose(seconds)) if seconds else None

    async def _lose(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._complain(_NO_MORE)

    def _complain(self, about: str) -> None:
        self._fault = self.station.faults.report(
            _COMMUNICATION,
            _COMMUNICATION_HELP,
            origin=(self.module_id, "main"),
            description=_COMMUNICATION_TEXT,
            sub_type=about,
        )
