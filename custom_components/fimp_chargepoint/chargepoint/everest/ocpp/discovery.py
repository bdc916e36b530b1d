"""How the OCPP clients of EVerest stations are found, and who gets which message.

Each `ocpp_consumer` of API v1 stands for one. A station without such a module may still tell of
its connection: on the bus inside it, where the user wants that, or by the API before v1.
"""

from functools import partial
from typing import TYPE_CHECKING, Any, Final, override
from uuid import uuid4

from ...protocol import Handler, Protocol
from ...transport.topics import is_level
from ..api.communication_check import CommunicationCheck
from ..envelope import ReplyTopic, decode, mapping, number, part, request
from ..heartbeat import is_heartbeat
from ..internal_bus import bus
from ..internal_bus.bus import BusModule, Dialect
from ..module import Kind, is_v1
from . import requests as ocpp_requests
from .client import LEGACY_WORDS, EverestOcpp

if TYPE_CHECKING:
    from ...hub import Hub

_MODULES: Final = f"everest_api/1/{Kind.OCPP}/"
_QUERY: Final = f"everest_api/query-modules/{Kind.OCPP}"
_OWN_INTERFACE: Final = "fimp_chargepoint"
_LEGACY: Final = "everest_api/ocpp/var/connection_status"

#: The variables that prove a module, with a key they hold; `heartbeat` and `is_connected`,
#: which are no objects, do as well.
_PROOFS: Final = {
    "boot_notification_response": "status",
    "charging_schedules": "schedules",
    "connection_status": "connected",
    "event_data": "component_variable",
    "security_event": "type",
}
#: What the OCPP 1.6 module says on the bus. Its generic interface says the same in other
#: words, under another name of an implementation.
_ON_BUS: Final = frozenset({"is_connected", "configuration_key", "security_event"})
#: The variable that only OCPP 1.6 has.
_ONLY_1_6: Final = "configuration_key"
#: What every EVSE says every second: it shows how the modules talk, and that they do.
_CHATTER: Final = "powermeter"

#: Seconds that API v1 has to speak first, and more where it is there for the EVSEs.
_FIRST: Final = 3.0
_REST: Final = 60.0


class OcppProtocol(Protocol):
    """OCPP of EVerest stations on one broker, below one prefix.

    What is below `everest_api/` is subscribed to by the protocols for the EVSEs.
    """

    def __init__(self, hub: Hub, prefix: str) -> None:
        """Look for OCPP on `hub`, with `prefix` before every topic."""
        super().__init__(hub, prefix)
        self._reply_to: ReplyTopic | None = None
        #: Those with an `ocpp_consumer`, by its id.
        self._clients: dict[str, EverestOcpp] = {}
        #: The one that is only heard by other ways. The hub may not know it yet.
        self._other: EverestOcpp | None = None
        self._origin = f"fimp_chargepoint_{uuid4().hex}"
        self._root = f"{hub.options.internal_bus}/" if hub.options.internal_bus else None
        self._on_bus: dict[tuple[str, str], BusModule] = {}
        #: The module by its usual name, and the id of the question whether it is there.
        self._usual: BusModule | None = None
        self._asked: str | None = None
        self.filters = () if self._root is None else self._bus_filters(self._root)
        self._communication_check = CommunicationCheck(hub, self._timers)

    def _bus_filters(self, root: str) -> tuple[str, ...]:
        implementation = f"{root}modules/+/impl/+/"
        return (
            f"{root}+/+/var",
            f"{implementation}var",
            *(f"{implementation}var/{name}" for name in (*sorted(_ON_BUS), _CHATTER)),
            f"{implementation}cmd/+/response/{self._origin}",
        )

    @override
    def route(self, topic: str) -> Handler | None:
        if topic == _LEGACY:
            return self._legacy
        if self._reply_to is not None and topic == str(self._reply_to):
            return self._discovered
        if topic.startswith(_MODULES):
            return self._route_module(topic.removeprefix(_MODULES).split("/"))
        if self._root is not None and topic.startswith(self._root):
            return self._route_bus(topic.removeprefix(self._root).split("/"))
        return None

    def _route_module(self, levels: list[str]) -> Handler | None:
        match levels:
            case [module, "e2m", name] if module and name:
                return partial(self._variable, module, name)
            case [module, "e2m", *_, request_id] if module in self._clients:
                return self._clients[module].reply_handler(request_id)
        return None

    def _route_bus(self, levels: list[str]) -> Handler | None:
        match levels:
            case ["modules", module, "impl", implementation, "cmd", _, "response", origin]:
                if origin == self._origin:
                    return partial(self._result, module, implementation)
                return None
        return partial(self._bus_variable, levels)

    @override
    def recognise(self, topic: str, payload: bytes, now: float) -> None:
        # It is no charge point; those of its station prove themselves.
        return None

    @override
    def connection_made(self, now: float) -> None:
        # Every module replies on its own, so there is one topic for all; but only once.
        self._reply_to = ReplyTopic(_OWN_INTERFACE, uuid4().hex, "query-modules")
        self._hub.send(f"{self._prefix}{_QUERY}", request(self._reply_to))
        self._communication_check.connection_made(now)

    @override
    def leave(self) -> list[tuple[str, bytes]]:
        return self._communication_check.leave()

    @override
    def connection_lost(self, now: float) -> None:
        super().connection_lost(now)
        for module in (*self._on_bus.values(), self._usual):
            if module is not None:
                module.dialect = None
        self._usual = self._asked = None
        if self._other is not None and self._other.address not in self._hub.nodes:
            # It was not introduced yet, and has to begin anew.
            self._other = None

    # API v1 -----------------------------------------------------------------------------

    def _discovered(self, payload: bytes, now: float) -> None:
        apis = mapping(decode(payload)).get("apis")
        found = apis if isinstance(apis, list) else ()
        self._hub.internal_errors.each(found, lambda api: self._api(api, now))

    def _api(self, api: Any, now: float) -> None:
        if not isinstance(api, dict) or api.get("type") != Kind.OCPP:
            return
        module = api.get("module_id")
        if api.get("version", 1) == 1 and is_level(module) and self._admits(module, now):
            monitoring = part(api, "communication_monitoring")
            period = number(monitoring.get("heartbeat_period_ms"))
            check = number(monitoring.get("communication_check_period_s"))
            client = self._clients.get(module) or self._made(module)
            client.found(None if period is None else period / 1000, now)
            self._add(module, client)
            self._watch(client, check, now)

    def _variable(self, module: str, name: str, payload: bytes, now: float) -> None:
        client = self._clients.get(module)
        if client is None and self._hub.admission.waits(self._address(module), now):
            return
        value = decode(payload)
        if client is None:
            # What makes no sense proves nothing.
            if not _identifies(name, value) or not self._admits(module, now):
                return
            client = self._made(module)
        client.handle_message(name, value, now)
        self._add(module, client)
        self._watch(client, None, now)

    def _watch(self, client: EverestOcpp, check: float | None, now: float) -> None:
        """Tell its module that we live, within each `check` seconds where that is known."""
        if client.module is not None:
            self._communication_check.watch(client.module, check, now)

    def _address(self, module: str) -> str:
        return f"everest_ocpp:{self._prefix}{module}"

    def _admits(self, module: str, now: float) -> bool:
        """Whether a client is there or may come in; else it has to wait from now on."""
        return module in self._clients or self._hub.admission.admits(self._address(module), now)

    def _made(self, module: str) -> EverestOcpp:
        return EverestOcpp(self._address(module), self._hub, self._prefix, module)

    def _add(self, module: str, client: EverestOcpp) -> None:
        if module in self._clients:
            return
        self._clients[module] = client
        other, self._other = self._other, None
        if other is not None:
            # It was the same one.
            self._timers.cancel("introduce")
            self._hub.remove_node(other.address)
        self._hub.add_node(client)
        self._link_bus()

    # A station without `ocpp_consumer` ---------------------------------------------------

    @property
    def _client(self) -> EverestOcpp | None:
        """The only client, None where there are several or none."""
        if not self._clients:
            return self._other
        return next(iter(self._clients.values())) if len(self._clients) == 1 else None

    def _client_by_other_ways(self, now: float) -> EverestOcpp | None:
        """Return the only client, which was just heard; it is made where there is none."""
        if not self._clients and self._other is None:
            address = f"everest_ocpp:{self._prefix}"
            self._other = EverestOcpp(address, self._hub, self._prefix, None)
            self._timers.set("introduce", now + _FIRST, self._announce)
            self._link_bus()
        return self._client

    def _announce(self, now: float, *, again: bool = True) -> None:
        """Make it known, unless API v1 may be about to speak for it."""
        if again and any(is_v1(each, self._prefix) for each in self._hub.nodes):
            self._timers.set("introduce", now + _REST, partial(self._announce, again=False))
        elif self._other is not None:
            self._hub.add_node(self._other)

    def _legacy(self, payload: bytes, now: float) -> None:
        word = payload.decode(errors="replace")
        # It is said of stations without OCPP as well, by another word.
        client = self._client_by_other_ways(now) if word in LEGACY_WORDS else self._client
        if client is not None:
            client.legacy_says(word, now)

    # The bus inside ---------------------------------------------------------------------

    def _bus_variable(self, levels: list[str], payload: bytes, now: float) -> None:
        said = bus.variable(levels, payload)
        if said is None:
            return
        where = said.module, said.implementation
        module = self._on_bus.get(where)
        if module is None and _is_ocpp(said):
            module = self._found(*where)
        if module is not None:
            module.dialect = said.dialect
        if said.dialect is Dialect.NAMED:
            # First, so that who has been silent can be told again what is to be monitored.
            self._spoken(now)
        client = self._client
        if module is not None and said.name in _ON_BUS:
            client = self._client_by_other_ways(now)
            if client is not None and len(self._on_bus) == 1:
                client.bus_says(said.name, said.value, now)
        elif client is not None and self._on_bus:
            client.bus_lives(now)

    def _spoken(self, now: float) -> None:
        """The modules were heard in the dialect that is written here."""
        for module in self._on_bus.values():
            if module.dialect is None:
                module.dialect = Dialect.NAMED
        if not self._on_bus and self._usual is None:
            # OCPP says nothing by itself for days.
            self._usual = self._module(bus.USUAL_MODULE, bus.IMPLEMENTATION)
            self._usual.dialect = Dialect.NAMED
            call = bus.bus_call(ocpp_requests.PING)
            assert call is not None  # noqa: S101
            question = self._usual.call(call.command, call.args)
            self._asked = question.id
            self._hub.send(question.topic, question.payload)

    def _result(self, module: str, implementation: str, payload: bytes, now: float) -> None:
        result = bus.result(payload)
        if result.id == self._asked and result.error is None:
            self._asked = None
            if (module, implementation) not in self._on_bus:
                self._found(module, implementation).dialect = Dialect.NAMED
                client = self._client_by_other_ways(now)
                if client is not None:
                    client.bus_lives(now)
        elif self._client is not None:
            self._client.bus_lives(now)
            self._client.bus_replies(result, now)

    def _module(self, module: str, implementation: str) -> BusModule:
        assert self._root is not None  # noqa: S101
        root = self._prefix + self._root.removesuffix("/")
        return BusModule(root, module, implementation, self._origin)

    def _found(self, module: str, implementation: str) -> BusModule:
        found = self._module(module, implementation)
        self._on_bus[module, implementation] = found
        self._link_bus()
        return found

    def _link_bus(self) -> None:
        """Give the only client the only module on the bus: nothing says who belongs to whom."""
        modules = [*self._on_bus.values()]
        for client in (*self._clients.values(), self._other):
            if client is not None:
                alone = client is self._client and len(modules) == 1
                bus_module = modules[0] if alone else None
                self._hub.internal_errors.call(client.take_bus, bus_module)


def _identifies(name: str, value: Any) -> bool:
    """Whether only an `ocpp_consumer` says so."""
    if name == "heartbeat":
        return is_heartbeat(value)
    if name == "is_connected":
        return isinstance(value, bool)
    key = _PROOFS.get(name)
    return key is not None and isinstance(value, dict) and key in value


def _is_ocpp(said: bus.Variable) -> bool:
    """Whether only the OCPP 1.6 module says so."""
    if said.name == "is_connected":
        return said.implementation == bus.IMPLEMENTATION and isinstance(said.value, bool)
    return said.name == _ONLY_1_6 and isinstance(said.value, dict) and "key" in said.value
