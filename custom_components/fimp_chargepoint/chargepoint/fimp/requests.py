"""The messages to a charge point's services, and what it means where they are refused.

Source: Futurehome FIMP API, services `chargepoint`, `parameters` and `dev_sys`.
"""

from collections.abc import Callable
import re
from typing import Any, Final

from ..capabilities import Parameter, ParameterValue
from ..clock import Clock
from ..commands import Request
from ..errors import Refusal
from ..model import Feature
from . import parameters
from .message import encode
from .topic import ServiceAddress

#: How a feature is set: interface, value type, and how the value is spelt.
_SETTERS: Final[dict[Feature, tuple[str, str, Callable[[Any], Any]]]] = {
    Feature.CABLE_LOCK: ("cmd.cable_lock.set", "bool", bool),
    Feature.MAX_CURRENT: ("cmd.max_current.set", "int", int),
    Feature.SESSION_CURRENT: ("cmd.current_session.set_current", "int", int),
    Feature.PHASE_MODE: ("cmd.phase_mode.set", "string", str.upper),
}


#: What a refusal means that holds one of these; any other one is final. Cliffhanger, on
#: which most adapters are built, says "failed to send" of the report that follows a command
#: it has carried out, and "failed to set", "start" or "stop" of one that it has not. Easee's
#: adapter takes no change of the current, and no stop, soon after the last change.
_REFUSALS: Final = (
    (re.compile(r"^(?:adapter: )?failed to send .*\breport\b"), Refusal.OF_REPORT),
    (
        re.compile(r"too many requests|status code: (?:429|503)\b", re.IGNORECASE),
        Refusal.FOR_NOW,
    ),
)


def refusal(words: str) -> Refusal:
    """Return what is meant by the words of an error report."""
    return next((each for pattern, each in _REFUSALS if pattern.search(words)), Refusal.FINAL)


class Requests:
    """Makes the messages to the services at one address."""

    def __init__(self, prefix: str, address: ServiceAddress, clock: Clock) -> None:
        """Speak to `address`, with `prefix` before every topic."""
        self._prefix = prefix
        self._address = address
        self._clock = clock

    def make(self, service: str, kind: str, **fields: Any) -> Request:
        """Return a message to a service; `fields` as in `encode`."""
        when = self._clock.moment(self._clock.now())
        uid, payload = encode(kind, service, when, **fields)
        return Request(uid, self._prefix + self._address.commands(service), payload)

    def start(self, mode: str | None) -> Request:
        """Return the message that starts charging."""
        # No choice, no property: a mode changes the current.
        props = {"charging_mode": mode} if mode else None
        return self.make("chargepoint", "cmd.charge.start", props=props)

    def stop(self) -> Request:
        """Return the message that stops charging."""
        return self.make("chargepoint", "cmd.charge.stop")

    def set(self, feature: Feature, value: Any) -> Request:
        """Return the message that sets a feature of the charge point."""
        kind, value_type, spell = _SETTERS[feature]
        return self.make("chargepoint", kind, value_type=value_type, value=spell(value))

    def set_parameter(self, parameter: Parameter, value: ParameterValue) -> Request:
        """Return the message that sets a parameter."""
        command = parameters.command(parameter, value)
        return self.make("parameters", "cmd.param.set", value_type="object", value=command)

    def get_parameter(self, parameter: Parameter) -> Request:
        """Return the question for the value of a parameter."""
        return self.make(
            "parameters", "cmd.param.get_report", value_type="string", value=parameter.id
        )

    def restart(self) -> Request:
        """Return the message that restarts the device."""
        # False asks for a soft restart.
        return self.make("dev_sys", "cmd.thing.reboot", value_type="bool", value=False)
