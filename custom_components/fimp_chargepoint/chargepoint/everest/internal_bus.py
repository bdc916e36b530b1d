"""The internal MQTT bus of an EVerest station, as far as it concerns OCPP 1.6.

Nothing is subscribed to unless the user has entered the bus's topic prefix. There are three
dialects: framework up to 0.18, 0.19 to 0.24, and from 0.25 on. No message names its dialect. The
bus is not meant for other clients: a module trusts every message, and one that fails terminates the
whole station. So only the newest dialect is written, the only one that was recorded.
"""

from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple, override
from uuid import uuid4

import orjson

from ..errors import CommandRefusedError, InvalidRequestError, ProtocolError
from ..node import Request
from ..ocpp import (
    GetVariables,
    MonitorVariables,
    OcppCommand,
    Question,
    RestartOcpp,
    SendSecurityEvent,
    SetVariable,
    StopOcpp,
)
from ..protocol import Handler, Protocol
from ..readers import objects, part, text
from ..transport.topics import is_level
from .envelope import decode
from .ocpp import arguments
from .ocpp import requests as ocpp_requests
from .ocpp.clients import OcppClients
from .ocpp.requests import OcppCall, key, status_answer

if TYPE_CHECKING:
    from ..mqtt_hub import MqttHub

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
    def connection_lost(self, now: float) -> None:
        super().connection_lost(now)
        self._clients.connection_lost()
        for module in self._modules.values():
            module.is_newest = None
        self._asked, self._has_asked = None, False

    def _variable(self, levels: list[str], payload: bytes, now: float) -> None:
        variable = parse_variable(levels, payload)
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
            usual = self._module(USUAL_MODULE, IMPLEMENTATION)
            usual.is_newest = True
            question = usual.question(ocpp_requests.PING).request
            self._asked = question.id
            self._hub.send(question.topic, question.payload)

    def _result(self, module: str, implementation: str, payload: bytes, now: float) -> None:
        result = parse_result(payload)
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


def _is_ocpp(variable: Variable) -> bool:
    """Whether only the OCPP 1.6 module publishes this."""
    if variable.name == "is_connected":
        return variable.implementation == IMPLEMENTATION and isinstance(variable.value, bool)
    return (
        variable.name == _ONLY_1_6 and isinstance(variable.value, dict) and "key" in variable.value
    )


# What is on the bus: pure ----------------------------------------------------------------

#: The usual name of the OCPP 1.6 module.
USUAL_MODULE: Final = "ocpp"
IMPLEMENTATION: Final = "main"
_VALUE_MAX: Final = 500


class Variable(NamedTuple):
    """A variable of an implementation of a module, and whether it is in the newest dialect."""

    module: str
    implementation: str
    name: str
    value: object
    is_newest: bool


class Result(NamedTuple):
    """The result of a call; `error` is None if it succeeded."""

    id: str
    value: object
    error: str | None


def parse_variable(levels: list[str], payload: bytes) -> Variable | None:
    """Return the variable on a topic with these `levels` below the root of the bus.

    None if no variable is published there.

    Raises:
        ProtocolError: of kind `shape`.

    """
    match levels:
        case ["modules", module, "impl", implementation, "var", name]:
            match decode(payload):
                case {"msg_type": "Var", "data": {"data": value}}:
                    return Variable(module, implementation, name, value, is_newest=True)
            raise ProtocolError("shape", "no variable of the bus")
        case ["modules", module, "impl", implementation, "var"] | [module, implementation, "var"]:
            pass
        case _:
            return None
    match decode(payload):
        case {"name": str(name), "data": value}:
            return Variable(module, implementation, name, value, is_newest=False)
    raise ProtocolError("shape", "no variable of the bus")


def parse_result(payload: bytes) -> Result:
    """Return the result of a call.

    Raises:
        ProtocolError: of kind `shape`.

    """
    match decode(payload):
        case {"msg_type": "CmdResult", "data": {"data": {"id": str(call_id)} as outcome}}:
            pass
        case _:
            raise ProtocolError("shape", "no result of a call")
    if "retval" in outcome:
        return Result(call_id, outcome["retval"], None)
    error = part(outcome, "error")
    words = text(error.get("__everest__error_msg")) or text(error.get("__everest__error_type"))
    return Result(call_id, None, words or "")


class BusModule:
    """The OCPP 1.6 module of a station, on its bus."""

    def __init__(self, root: str, module: str, implementation: str, origin: str) -> None:
        """Address an implementation below the topic `root`, as `origin`."""
        #: Whether it uses the newest dialect, None if it was not received yet, or since a gap.
        self.is_newest: bool | None = None
        self._topic = f"{root}/modules/{module}/impl/{implementation}/cmd/"
        self._origin = origin

    def question(self, command: OcppCommand) -> Question:
        """Return the call for `command`, and how to read its result.

        Raises:
            InvalidRequestError: the station's dialect is not written, or the arguments are
                invalid.

        """
        call = bus_call(command)
        if call is None:
            raise InvalidRequestError("needs_ocpp_consumer", release="2026.10")
        if not self.is_newest:
            code = "bus_silent" if self.is_newest is None else "bus_too_old"
            raise InvalidRequestError(code)
        call_id = str(uuid4())
        data = {"args": call.payload, "id": call_id, "origin": self._origin}
        payload = orjson.dumps({"data": data, "msg_type": "Cmd"})
        return Question(Request(call_id, self._topic + call.operation, payload), call.answer)


def bus_call(command: OcppCommand) -> OcppCall | None:
    """Return the call for `command`, None if OCPP 1.6 does not offer it on the bus.

    Raises:
        InvalidRequestError: its arguments are invalid, or the bus does not take them.

    """
    if getattr(command, "component", ""):
        raise InvalidRequestError("no_components")
    match command:
        case GetVariables(names=names):
            keys = {"keys": arguments.names(names, "key")}
            return OcppCall("get_configuration_key", keys, _values)
        case MonitorVariables(names=names):
            if not names:
                raise InvalidRequestError("no_key")
            keys = {"keys": arguments.names(names, "key")}
            return OcppCall("monitor_configuration_keys", keys, _nothing)
        case SetVariable(name=name, value=value):
            pair = {
                "key": arguments.name(name, "key"),
                "value": arguments.ascii_text(value, "value", _VALUE_MAX),
            }
            return OcppCall("set_configuration_key", pair, status_answer)
        case SendSecurityEvent(kind=kind, info=info, critical=critical):
            if critical is not None:
                raise InvalidRequestError("critical_fixed")
            longest = arguments.SECURITY_INFO_MAX
            event = {
                "type": arguments.name(kind, "type"),
                "info": arguments.ascii_text(info, "info", longest),
            }
            return OcppCall("security_event", event, _nothing)
        case StopOcpp() | RestartOcpp():
            return OcppCall("stop" if isinstance(command, StopOcpp) else "restart", None, _done)
    return None


def _nothing(_: object) -> dict[str, object]:
    return {}


def _done(value: object) -> dict[str, object]:
    if value is not True:
        raise CommandRefusedError("ocpp_state_refused")
    return {}


def _values(value: object) -> dict[str, object]:
    """Return the value of each key, the unknown ones last."""
    answer = value if isinstance(value, dict) else {}
    unknown = answer.get("unknown_keys")
    known = [
        key(item) | {"status": "Accepted"} for item in objects(answer.get("configuration_keys"))
    ]
    return {
        "keys": known
        + [
            {"key": name, "status": "UnknownVariable"}
            for name in (unknown if isinstance(unknown, list) else ())
            if isinstance(name, str)
        ]
    }
