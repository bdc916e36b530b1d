"""What a link to a broker needs to know, and whom it tells. Knows no MQTT library."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
import ssl
from typing import Literal, Protocol

from ..errors import ChargepointError
from ..internal_errors import InternalErrors


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttSettings:
    """How to reach a broker. `tls` is a ready context, None means no TLS."""

    host: str
    port: int = 1883
    username: str | None = None
    password: str | None = None
    tls: ssl.SSLContext | None = None
    transport: Literal["tcp", "websockets"] = "tcp"
    websocket_path: str | None = None
    websocket_headers: Mapping[str, str] | None = None


#: Called at every attempt to connect, so that changed settings are seen.
type SettingsSource = Callable[[], Awaitable[MqttSettings]]


class ConnectionListener(Protocol):
    """What the link talks to. No method may raise."""

    internal_errors: InternalErrors

    @property
    def filters(self) -> tuple[str, ...]:
        """The topic filters to subscribe to; they must not overlap."""

    def connection_made(self) -> None:
        """Subscribed: messages come from now on."""

    def connection_lost(self, error: ChargepointError) -> None:
        """The link broke or could not be made; it is tried again."""

    def connection_refused(self, error: ChargepointError) -> None:
        """The credentials are wrong; it is not tried again."""

    def message(self, topic: str, payload: bytes, *, retained: bool) -> None:
        """Take a message."""
