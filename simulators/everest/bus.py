"""The OCPP 1.6 module for other modules of EVerest, on the internal bus.

No mistake is tolerated there: a message that no module of EVerest would write crashes it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
import json
from typing import Any, override

from .dialects import Bus
from .framework import Station
from .ocpp import Ocpp, Publisher
from .requests import FatalError, MalformedError, load

_NAME_LENGTH = 50
_VALUE_LENGTH = 500


@dataclass(frozen=True)
class _Command:
    """A command and its arguments."""

    run: Callable[..., Any]
    arguments: tuple[str, ...] = ()


class OcppBus(Publisher):
    """Answers commands and publishes variables in the form of the release."""

    def __init__(self, station: Station, ocpp: Ocpp, where: str) -> None:
        """Build it; ``where`` is the module, or the module and the implementation."""
        self._station = station
        self._ocpp = ocpp
        self._module, _, implementation = where.partition("/")
        self._implementation = implementation or "main"
        self._form = station.dialect.bus
        self._monitored: set[str] = set()
        ocpp.publishers.append(self)
        named = self._form is Bus.NAMED
        self._commands = {
            "stop": _Command(ocpp.stop),
            "restart": _Command(ocpp.restart),
            "get_configuration_key": _Command(self._get, ("keys",)),
            "set_configuration_key" if named else "set_custom_configuration_key": _Command(
                self._set, ("key", "value")
            ),
            "monitor_configuration_keys": _Command(self._monitor, ("keys",)),
            "security_event": _Command(self._security_event, ("type", "info")),
        }

    @property
    def root(self) -> str:
        """The beginning of the topics of the implementation."""
        everest = f"{self._station.prefix}everest"
        if self._form is Bus.WHOLE:
            return f"{everest}/{self._module}/{self._implementation}"
        return f"{everest}/modules/{self._module}/impl/{self._implementation}"

    @property
    def topics(self) -> Iterable[str]:
        """The topics of commands."""
        return [f"{self.root}/cmd/+" if self._form is Bus.NAMED else f"{self.root}/cmd"]

    def boot(self) -> None:
        """Start without any monitored variable."""
        self._monitored.clear()

    # Reports --------------------------------------------------------------------------

    @override
    def connection(self) -> None:
        """Report whether the connection is up."""
        self._publish("is_connected", self._ocpp.connected)

    @override
    def key_changed(self, name: str) -> None:
        """Report that the back end has changed a key, if it is monitored."""
        if name in self._monitored:
            self._publish("configuration_key", self._describe(name))

    @override
    def secured(self, event: dict[str, Any]) -> None:
        """Report a security event of the station."""
        self._publish("security_event", event)

    def _publish(self, name: str, value: object) -> None:
        if self._form is Bus.NAMED:
            self._send(f"var/{name}", {"data": {"data": value}, "msg_type": "Var"})
        else:
            self._send("var", {"data": value, "name": name})

    def _send(self, topic: str, value: object) -> None:
        text = json.dumps(value, separators=(",", ":"), sort_keys=True)
        self._station.send(f"{self.root}/{topic}", text)

    # Commands -------------------------------------------------------------------------

    def receive(self, topic: str, payload: bytes) -> bool:
        """Process a command, if it is one; return whether the topic belongs to this module."""
        start = f"{self.root}/cmd"
        if not topic.startswith(start):
            return False
        try:
            self._take(topic.removeprefix(start).removeprefix("/"), payload)
        except MalformedError as error:
            self._station.refuses(topic, payload, str(error))
        except FatalError as error:
            self._station.die(f"{topic} {payload.decode(errors='replace')}: {error}")
        return True

    def _take(self, name: str, payload: bytes) -> None:
        try:
            body = load(payload)
        except MalformedError as error:
            raise FatalError(str(error)) from error
        if self._form is Bus.NAMED:
            match body:
                case {"msg_type": "Cmd", "data": dict(data), **rest} if not rest:
                    call = data
                case _:
                    raise FatalError("no command")
        else:
            match body:
                case {"name": str(name), "type": "call", "data": dict(data)}:
                    call = data
                case {"type": "result"}:
                    # This is our own message, on the same topic.
                    return
                case _:
                    raise FatalError("no command")
        self._answer(name, call)

    def _answer(self, name: str, call: dict[str, Any]) -> None:
        match call:
            case {"id": str(number), "origin": str(origin), **rest} if number and origin:
                arguments = rest.get("args")
            case _:
                raise FatalError("no id, or no origin")
        if set("/+#") & set(origin):
            raise FatalError("nothing can be published for that origin")
        if name not in self._commands:
            raise MalformedError("there is no such command")
        command = self._commands[name]
        values = _arguments(arguments, command.arguments)
        self.reply(name, origin, number, command.run(*values))

    def reply(self, name: str, origin: str, number: str, value: object) -> None:
        """Reply with the result, or with the reason of a refusal."""
        outcome: dict[str, Any] = {"retval": value}
        refusal = next((e.refusal for e in self._station.points.values() if e.refusal), None)
        if refusal and self._form is Bus.NAMED:
            outcome = {
                "error": {
                    "__everest__error_type": "HandlerException",
                    "__everest__error_msg": refusal,
                }
            }
        data = {"id": number, "origin": self._module, **outcome}
        if self._form is Bus.NAMED:
            result = {"data": {"data": data, "type": "result"}, "msg_type": "CmdResult"}
            self._send(f"cmd/{name}/response/{origin}", result)
        else:
            self._send("cmd", {"data": data, "name": name, "type": "result"})

    def _describe(self, name: str) -> dict[str, Any]:
        key = self._ocpp.keys[name]
        return {"key": name, "read_only": key.read_only, "value": key.value}

    def _get(self, names: list[str]) -> dict[str, Any]:
        keys = self._ocpp.keys
        return {
            "configuration_keys": [self._describe(name) for name in names or keys if name in keys],
            "unknown_keys": [name for name in names if name not in keys],
        }

    def _set(self, name: str, value: str) -> str:
        # At first, standard keys could not be set this way.
        return self._ocpp.write(name, value, only_custom=self._form is not Bus.NAMED)

    def _monitor(self, names: list[str]) -> None:
        self._monitored |= set(names)

    def _security_event(self, kind: str, info: str) -> None:
        self._ocpp.security_events.append((kind, info))


_LENGTHS = {"key": _NAME_LENGTH, "value": _VALUE_LENGTH}


def _arguments(given: Any, requested: tuple[str, ...]) -> list[Any]:
    """Check arguments, which the framework does not before it crashes."""
    if given is None:
        given = {}
    if not isinstance(given, dict) or set(given) != set(requested):
        raise FatalError(f"the arguments are {', '.join(requested) or 'none'}")
    for name, value in given.items():
        match value:
            case str() if name != "keys" and len(value) <= _LENGTHS.get(name, len(value)):
                pass
            case [*names] if name == "keys" and all(_is_name(each) for each in names):
                pass
            case _:
                raise FatalError(f"{name} is of another type, or too long")
    return [given[name] for name in requested]


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _NAME_LENGTH
