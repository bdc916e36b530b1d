"""Finds the OCPP client for the older API and the internal bus, which do not name it."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from ...hub import HubEvent, NodeAdded, NodeRemoved
from ...scheduler import Timers
from ..api.module import Kind, is_node_of, node_address
from .client import EverestOcpp

if TYPE_CHECKING:
    from ...mqtt_hub import MqttHub

#: Seconds to wait for API v1 first, and more if it is used for the EVSEs.
_FIRST: Final = 3.0
_REST: Final = 60.0


class OcppClients:
    """The OCPP clients below one topic prefix."""

    def __init__(
        self, hub: MqttHub, prefix: str, timers: Timers, changed: Callable[[], None] = lambda: None
    ) -> None:
        """Follow those of `hub`; `changed()` is called after each change."""
        self._hub = hub
        self._prefix = prefix
        self._timers = timers
        self._changed = changed
        self._clients: dict[str, EverestOcpp] = {}
        #: The one without a module, before it is announced.
        self._new: EverestOcpp | None = None
        hub.add_listener(self._hub_changed)

    @property
    def all(self) -> list[EverestOcpp]:
        """All of them, including the one that is not announced yet."""
        return [*self._clients.values(), *([self._new] if self._new else [])]

    @property
    def only(self) -> EverestOcpp | None:
        """The only one, None if there are several or none."""
        found = self.all
        return found[0] if len(found) == 1 else None

    def only_or_new(self, now: float) -> EverestOcpp | None:
        """Return the only one, which has just been received; create it if there is none."""
        if not self._clients and self._new is None:
            self._new = EverestOcpp(self._hub, self._prefix)
            self._timers.set("announce OCPP", now + _FIRST, self._announce)
            self._changed()
        return self.only

    def connection_lost(self) -> None:
        """Forget the one that is not announced yet."""
        self._new = None

    def _announce(self, now: float, *, again: bool = True) -> None:
        """Announce it, unless API v1 may be about to report it."""
        nodes = self._hub.nodes
        if again and any(is_node_of(Kind.EVSE, address, self._prefix) for address in nodes):
            self._timers.set("announce OCPP", now + _REST, partial(self._announce, again=False))
        elif self._new is not None:
            self._hub.add_node(self._new)

    def _hub_changed(self, event: HubEvent) -> None:
        match event:
            case NodeAdded(EverestOcpp() as client) if self._is_ours(client):
                self._new = None
                self._clients[client.address] = client
                other = node_address(Kind.OCPP, self._prefix, "")
                if client.has_module and other in self._hub.nodes:
                    self._hub.remove_node(other)
                self._changed()
            case NodeRemoved(EverestOcpp() as client):
                self._clients.pop(client.address, None)
                self._changed()

    def _is_ours(self, client: EverestOcpp) -> bool:
        if client.has_module:
            return is_node_of(Kind.OCPP, client.address, self._prefix)
        return client.address == node_address(Kind.OCPP, self._prefix, "")
