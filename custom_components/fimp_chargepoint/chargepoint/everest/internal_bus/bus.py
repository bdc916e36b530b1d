"""The bus between the modules inside EVerest, as far as it concerns OCPP 1.6.

Framework up to 0.18, 0.19 to 0.24, from 0.25 on: three dialects, none of which says what it
is. Nothing on it is meant for others, and nothing is forgiven: a module trusts what it is told,
and one that fails takes the whole station down. So nothing is sent but in the newest dialect,
the only one that was recorded, and to whoever was heard in it.
"""

from enum import Enum
from typing import Any, Final, NamedTuple
from uuid import uuid4

import orjson

from ...commands.command import Request
from ...errors import CommandRejectedError, InvalidRequestError, ProtocolError
from ...ocpp import (
    GetVariables,
    MonitorVariables,
    OcppCommand,
    RestartOcpp,
    SendSecurityEvent,
    SetVariable,
    StopOcpp,
)
from ..envelope import decode, mapping, part, text
from ..ocpp.requests import status_answer
from . import arguments

#: Where the OCPP 1.6 module is, unless somebody called it otherwise.
USUAL_MODULE: Final = "ocpp"
IMPLEMENTATION: Final = "main"
_VALUE_MAX: Final = 500


class Dialect(Enum):
    """How the modules of a release talk to each other."""

    WHOLE = "everest/<module>/<implementation>/var"
    MODULES = "everest/modules/<module>/impl/<implementation>/var"
    NAMED = "everest/modules/<module>/impl/<implementation>/var/<name>"


class Variable(NamedTuple):
    """What an implementation of a module says."""

    dialect: Dialect
    module: str
    implementation: str
    name: str
    value: Any


class Result(NamedTuple):
    """What a call has led to; `error` is None where nothing went wrong."""

    id: str
    value: Any
    error: str | None


def variable(levels: list[str], payload: bytes) -> Variable | None:
    """Return what is said on a topic, whose levels below the bus's root are `levels`.

    None where nothing is said there.

    Raises:
        ProtocolError: it is not said as in any dialect.

    """
    match levels:
        case ["modules", module, "impl", implementation, "var", name]:
            match decode(payload):
                case {"msg_type": "Var", "data": {"data": value}}:
                    return Variable(Dialect.NAMED, module, implementation, name, value)
            raise ProtocolError("shape", "no variable of the bus")
        case ["modules", module, "impl", implementation, "var"]:
            dialect = Dialect.MODULES
        case [module, implementation, "var"]:
            dialect = Dialect.WHOLE
        case _:
            return None
    match decode(payload):
        case {"name": str(name), "data": value}:
            return Variable(dialect, module, implementation, name, value)
    raise ProtocolError("shape", "no variable of the bus")


def result(payload: bytes) -> Result:
    """Return what a call has led to.

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
    return Result(call_id, None, words or "an error without words")


class BusModule:
    """The OCPP 1.6 module of a station, on its bus."""

    def __init__(self, root: str, module: str, implementation: str, origin: str) -> None:
        """Speak to an implementation below the topic `root`, as `origin`."""
        self.module = module
        self.implementation = implementation
        #: As it was heard, None where it was not heard (yet, or any more).
        self.dialect: Dialect | None = None
        self._topic = f"{root}/modules/{module}/impl/{implementation}/cmd/"
        self._origin = origin

    def require_written(self) -> None:
        """Make sure that the station speaks a dialect that is written here.

        Raises:
            InvalidRequestError: it does not, or nothing was heard of it.

        """
        if self.dialect is None:
            raise InvalidRequestError("nothing was heard on the station's internal bus yet")
        if self.dialect is not Dialect.NAMED:
            raise InvalidRequestError(
                "its internal bus is older than EVerest 2025.12, and is only read"
            )

    def call(self, command: str, args: dict[str, Any] | None) -> Request:
        """Return the message of a call; its result names the id. Raises as above."""
        self.require_written()
        call_id = str(uuid4())
        data = {"args": args, "id": call_id, "origin": self._origin}
        payload = orjson.dumps({"data": data, "msg_type": "Cmd"})
        return Request(call_id, self._topic + command, payload)


class BusCall(NamedTuple):
    """A command on the bus, its arguments, None for none, and how to read the result."""

    command: str
    args: dict[str, Any] | None
    answer: Any


def bus_call(command: OcppCommand) -> BusCall | None:
    """Return what to call for `command`, None where OCPP 1.6 has no such thing on the bus.

    Raises:
        InvalidRequestError: its arguments make no sense, or not here.

    """
    call: BusCall | None = None
    match command:
        case GetVariables():
            call = BusCall("get_configuration_key", _keys(command), _values)
        case MonitorVariables():
            if not command.names:
                raise InvalidRequestError("there is no key")
            call = BusCall("monitor_configuration_keys", _keys(command), _nothing)
        case SetVariable():
            call = BusCall("set_configuration_key", _pair(command), status_answer)
        case SendSecurityEvent():
            call = BusCall("security_event", _security_event(command), _nothing)
        case StopOcpp():
            call = BusCall("stop", None, _done)
        case RestartOcpp():
            call = BusCall("restart", None, _done)
    return call


def _keys(command: GetVariables | MonitorVariables) -> dict[str, Any]:
    _without(command.component)
    return {"keys": arguments.names(command.names, "key")}


def _pair(command: SetVariable) -> dict[str, Any]:
    _without(command.component)
    return {
        "key": arguments.name(command.name, "key"),
        "value": arguments.ascii_text(command.value, "value", _VALUE_MAX),
    }


def _security_event(command: SendSecurityEvent) -> dict[str, Any]:
    if command.critical is not None:
        raise InvalidRequestError("this station decides itself what is critical")
    longest = arguments.SECURITY_INFO_MAX
    return {
        "type": arguments.name(command.kind, "type"),
        "info": arguments.ascii_text(command.info, "information", longest),
    }


def _without(component: str) -> None:
    if component:
        raise InvalidRequestError("OCPP 1.6 has no components")


def _nothing(_: Any) -> dict[str, Any]:
    return {}


def _done(value: Any) -> dict[str, Any]:
    if value is not True:
        raise CommandRejectedError("OCPP was in that state already, or cannot be brought there")
    return {}


def _values(value: Any) -> dict[str, Any]:
    """Return what is known of each key, those that are not known last."""
    answer = value if isinstance(value, dict) else {}
    known, unknown = answer.get("configuration_keys"), answer.get("unknown_keys")
    found = [
        key(each) | {"status": "Accepted"}
        for each in (known if isinstance(known, list) else ())
        if isinstance(each, dict)
    ]
    return {
        "keys": found
        + [
            {"key": each, "status": "UnknownVariable"}
            for each in (unknown if isinstance(unknown, list) else ())
            if isinstance(each, str)
        ]
    }


def key_changed(data: Any) -> dict[str, Any]:
    """Return what is said of a key that the back end has changed; raises as `key` does."""
    return {name: text(each) if isinstance(each, str) else each for name, each in key(data).items()}


def key(data: Any) -> dict[str, Any]:
    """Return what is said of a configuration key.

    Raises:
        ProtocolError: of kind `shape`.

    """
    found = mapping(data)
    said: dict[str, Any] = {"key": text(found.get("key"))}
    if isinstance(found.get("value"), str):
        said["value"] = found["value"]
    if isinstance(found.get("read_only"), bool):
        said["read_only"] = found["read_only"]
    return said
