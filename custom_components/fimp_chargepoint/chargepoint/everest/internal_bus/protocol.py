"""How OCPP 1.6 modules on the internal bus of a station are found, and what they add.

Nothing is subscribed to unless the user has entered the bus's topic prefix.
"""

from functools import partial
from typing import TYPE_CHECKING, Final, override
from uuid import uuid4

from ...protocol import Handler, Protocol
from ...transport.topics import is_level
from ..ocpp import requests as ocpp_requests
from ..ocpp.clients import OcppClients
from . import bus
from .bus import BusModule

if TYPE_CHECKING:
    from ...mqtt_hub import MqttHub

#: What the OCPP 1.6 module publishes. Its generic interface publishes the same in another form,
#: as another implementation.
_VARIABLES: Final = frozenset({"is_connected", "configuration_key", "security_event"})
#: The variable that only OCPP 1.6 has.
_ONLY_1_6: Final = "configuration_key"
#: What every EVSE publishes each second: it shows the dialect, and that the bus is alive.
_CHATTER: Final = "powermeter"
_MODULES_MAX: Final = 64


class InternalBus(Protocol):
    """The internal bus of the stations below one topic prefix."""

    def __init__(self, hub: MqttHub, prefix: str) -> None:
        """Look for OCPP 1.6 on `hub`, with `prefix` before each topic."""
        super().__init__(hub, prefix)
        self._root = hub.options.internal_bus
        self._origin = f"fimp_chargepoint_{uuid4().hex}"
        self._clients = OcppClients(hub, prefix, self._timers, self._assign_module)
        #: By module and implementation.
        self._modules: dict[tuple[str, str], BusModule] = {}
        #: The id of the request that finds out whether the module with the usual name exists.
        self._asked: str | None = None
        self._has_asked = False
        root = f"{self._root}/modules/+/impl/+/"
        self.filters = (
            ()
            if not self._root
            else (
                f"{self._root}/+/+/var",
                f"{root}var",
                *(f"{root}var/{name}" for name in (*sorted(_VARIABLES), _CHATTER)),
                f"{root}cmd/+/response/{self._origin}",
            )
        )

    @override
    def route(self, topic: str) -> Handler | None:
        if not self._root or not topic.startswith(f"{self._root}/"):
            return None
        levels = topic.removeprefix(f"{self._root}/").split("/")
        match levels:
            case ["modules", module, "impl", implementation, "cmd", _, "response", origin]:
                ours = origin == self._origin
                return partial(self._result, module, implementation) if ours else None
        return partial(self._variable, levels)

    @override
    def recognise(self, topic: str, payload: bytes, now: float) -> None:
        return None

    @override
    def connection_made(self, now: float) -> None:
        """Wait for the first message of a module."""

    @override
    def connection_lost(self, now: float) -> None:
        super().connection_lost(now)
        self._clients.connection_lost()
        for module in self._modules.values():
            module.is_newest = None
        self._asked, self._has_asked = None, False

    def _variable(self, levels: list[str], payload: bytes, now: float) -> None:
        variable = bus.variable(levels, payload)
        if variable is None:
            return
        address = variable.module, variable.implementation
        module = self._modules.get(address)
        # Only one is used, but all of them are known.
        is_new = (
            module is None and len(self._modules) < _MODULES_MAX and all(map(is_level, address))
        )
        if is_new and _is_ocpp(variable):
            module = self._found(*address)
        if module is not None:
            module.is_newest = variable.is_newest
        if variable.is_newest:
            # This comes first, so that a client that was silent can be sent its monitors again.
            self._newest_received()
        if module is None or variable.name not in _VARIABLES:
            if self._modules and (client := self._clients.only) is not None:
                client.bus_alive(now)
        elif (client := self._clients.only_or_new(now)) is not None and len(self._modules) == 1:
            client.bus_reported(variable.name, variable.value, now)

    def _newest_received(self) -> None:
        """Take note of a message in the newest dialect, the only one that is written."""
        for module in self._modules.values():
            if module.is_newest is None:
                module.is_newest = True
        if not self._modules and not self._has_asked:
            # OCPP may publish nothing for days.
            self._has_asked = True
            usual = self._module(bus.USUAL_MODULE, bus.IMPLEMENTATION)
            usual.is_newest = True
            question = usual.question(ocpp_requests.PING).request
            self._asked = question.id
            self._hub.send(question.topic, question.payload)

    def _result(self, module: str, implementation: str, payload: bytes, now: float) -> None:
        result = bus.result(payload)
        if result.id == self._asked and result.error is None:
            self._asked = None
            if (module, implementation) not in self._modules:
                self._found(module, implementation).is_newest = True
                if (client := self._clients.only_or_new(now)) is not None:
                    client.bus_alive(now)
        elif (client := self._clients.only) is not None:
            client.bus_alive(now)
            client.bus_replied(result.id, result.value, result.error)

    def _module(self, module: str, implementation: str) -> BusModule:
        return BusModule(self._prefix + self._root, module, implementation, self._origin)

    def _found(self, module: str, implementation: str) -> BusModule:
        found = self._modules[module, implementation] = self._module(module, implementation)
        self._assign_module()
        return found

    def _assign_module(self) -> None:
        """Assign the only module to the only client: no message links several of them."""
        modules = [*self._modules.values()]
        for client in self._clients.all:
            alone = client is self._clients.only and len(modules) == 1
            self._hub.internal_errors.call(client.use_bus, modules[0].question if alone else None)


def _is_ocpp(variable: bus.Variable) -> bool:
    """Whether only the OCPP 1.6 module publishes this."""
    if variable.name == "is_connected":
        return variable.implementation == bus.IMPLEMENTATION and isinstance(variable.value, bool)
    return (
        variable.name == _ONLY_1_6 and isinstance(variable.value, dict) and "key" in variable.value
    )
