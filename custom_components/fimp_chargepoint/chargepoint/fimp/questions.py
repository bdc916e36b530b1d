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

#: The middle of the names of what is asked in any case.
_ALWAYS: Final = ("state", "current_session")
#: By service: the middle of the names, and the property of the service or the feature that
#: also shows that it makes sense to ask.
_QUESTIONS: Final[Mapping[str, Mapping[str, str | None]]] = {
    "chargepoint": {
        "cable_lock": Feature.CABLE_LOCK,
        "max_current": Feature.MAX_CURRENT,
        "phase_mode": Feature.PHASE_MODE,
    },
    "meter_elec": {
        "meter": "sup_units",
        "meter_export": "sup_export_units",
        "meter_ext": "sup_extended_vals",
    },
    "parameters": {"sup_params": None},
    "alarm_system": {"alarm": None},
    "diagnostic": {"errors": None, **{name: None for name, _ in HEALTH.values()}},
}

#: The question for a fact of the service `chargepoint`.
ASKED_BY: Final[Mapping[str, str]] = {
    Feature.STATUS: "cmd.state.get_report",
    Feature.SESSION_ENERGY: "cmd.current_session.get_report",
    Feature.CABLE_LOCK: "cmd.cable_lock.get_report",
    Feature.MAX_CURRENT: "cmd.max_current.get_report",
    Feature.PHASE_MODE: "cmd.phase_mode.get_report",
}


def questions(
    services: Mapping[str, Service], seen: AbstractSet[Feature]
) -> Iterator[tuple[str, str]]:
    """Yield service and interface of every question that will be answered by a report."""
    for middle in _ALWAYS:
        yield "chargepoint", f"cmd.{middle}.get_report"
    for name, middles in _QUESTIONS.items():
        service = services.get(name)
        for middle, hint in middles.items():
            listed = service is not None and (
                service.reports(middle) or bool(hint and service.props.get(hint))
            )
            if listed or hint in seen:
                yield name, f"cmd.{middle}.get_report"
