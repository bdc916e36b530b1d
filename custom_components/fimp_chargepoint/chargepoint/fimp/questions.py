"""What a FIMP charge point can be asked for. Pure.

A question for what is not supported is answered by an error, so the lists of interfaces
are looked at, and what was seen although no list says it.
"""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Final

from ..model import Feature
from .health import HEALTH
from .inclusion import Service

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
