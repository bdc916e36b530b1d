"""The messages to a charge point's services, and what it means where they are refused.

Source: Futurehome FIMP API, services `chargepoint`, `parameters` and `dev_sys`.
"""

from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
import re
from typing import Any, Final

from ..capabilities import Parameter, ParameterValue
from ..commands.command import Request
from ..errors import Refusal
from ..model import Feature
from ..scheduler import Clock
from . import parameters
from .health import HEALTH
from .inclusion import Service
from .message import encode
from .topic import ServiceAddress

#: The middle of the names of what is asked in any case. Today's Easee lists no cable lock,
#: and answers all the same.
_ALWAYS: Final = ("state", "current_session", "cable_lock")
#: The middle of the names, and what shows, beside the list, that it makes sense to ask.
_IF_SEEN: Final[Mapping[str, Feature]] = {
    "max_current": Feature.MAX_CURRENT,
    "phase_mode": Feature.PHASE_MODE,
}
#: By sibling service: the middle of the names, and the property of the service that also
#: shows that it makes sense to ask.
_QUESTIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "meter_elec": {
        "meter": "sup_units",
        "meter_export": "sup_export_units",
        "meter_ext": "sup_extended_vals",
    },
    "parameters": {"sup_params": ""},
    "alarm_system": {"alarm": ""},
    "diagnostic": {"errors": "", **{name: "" for name, _ in HEALTH.values()}},
}

#: Seconds of silence after which the charge point is asked: adapters report unchanged
#: values every 30 minutes only.
ASK_AFTER: Final = 300.0
#: Seconds it has for an answer, and how often it is asked before it counts as silent.
ANSWER_TIME: Final = 30.0
TRIES: Final = 3

#: The question for a fact of the service `chargepoint`.
ASKED_BY: Final[Mapping[str, str]] = {
    Feature.STATUS: "cmd.state.get_report",
    Feature.SESSION_ENERGY: "cmd.current_session.get_report",
    Feature.CABLE_LOCK: "cmd.cable_lock.get_report",
    Feature.MAX_CURRENT: "cmd.max_current.get_report",
    Feature.PHASE_MODE: "cmd.phase_mode.get_report",
}


def questions(
    services: Mapping[str, Service], seen: Mapping[str, AbstractSet[Feature]]
) -> Iterator[tuple[str, str]]:
    """Yield service and interface of every question that is likely to be answered.

    `services` are those that some list names, `seen` is what was heard, by service; what
    speaks without being listed is asked everything.
    """
    chargepoint = services.get("chargepoint")
    heard = seen.get("chargepoint", frozenset())
    for middle in _ALWAYS:
        yield "chargepoint", _question(middle)
    for middle, feature in _IF_SEEN.items():
        if feature in heard or (chargepoint is not None and chargepoint.reports(middle)):
            yield "chargepoint", _question(middle)
    for name, middles in _QUESTIONS.items():
        service = services.get(name)
        for middle, prop in middles.items():
            if (
                name in seen
                if service is None
                else service.reports(middle) or service.props.get(prop)
            ):
                yield name, _question(middle)


def _question(middle: str) -> str:
    return f"cmd.{middle}.get_report"


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
        when = self._clock.to_datetime(self._clock.now())
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
