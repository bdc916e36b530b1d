"""The internal bus of EVerest, as far as it concerns OCPP 1.6: what is on it. Pure.

There are three dialects: framework up to 0.18, 0.19 to 0.24, and from 0.25 on. No message names its
dialect. The bus is not meant for other clients: a module trusts every message, and one that fails
terminates the whole station. So only the newest dialect is written, the only one that was recorded.
"""

from typing import Final, NamedTuple
from uuid import uuid4

import orjson

from ...commands.request import Request
from ...errors import CommandRefusedError, InvalidRequestError, ProtocolError
from ...ocpp import (
    GetVariables,
    MonitorVariables,
    OcppCommand,
    Question,
    RestartOcpp,
    SendSecurityEvent,
    SetVariable,
    StopOcpp,
)
from ...readers import objects, part, text
from ..envelope import decode
from ..ocpp import arguments
from ..ocpp.requests import OcppCall, key, status_answer

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


def variable(levels: list[str], payload: bytes) -> Variable | None:
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


def result(payload: bytes) -> Result:
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
