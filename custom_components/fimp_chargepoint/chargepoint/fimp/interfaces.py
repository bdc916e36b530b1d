"""What a charge point can report and accept, according to its lists of interfaces. Pure.

Sources: Futurehome FIMP API, interfaces and properties of `chargepoint`, `meter_elec`,
`parameters` and `dev_sys`; `alarm_system` and `diagnostic` of the adapters built on cliffhanger.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
import re
from typing import Any, Final

from ..capabilities import Capabilities, Parameter, Range
from ..errors import CommandRefusedError, ProtocolError, Refusal, refused_with
from ..model import PHASES, Feature, Identity
from . import reports
from .inclusion import Service, Thing, identity
from .topic import ServiceAddress

#: Settings that the charge point stores permanently. A locked cable may be one of these, but
#: unlocking must never be delayed.
_LASTING: Final = frozenset({Feature.MAX_CURRENT, Feature.PHASE_MODE})
#: The capabilities of all charge points, including those without an inclusion report.
BASIC: Final = Capabilities(
    reports=frozenset({Feature.STATUS, Feature.SESSION_ENERGY}),
    controls=frozenset({Feature.CHARGING}),
    lasting=_LASTING,
)
#: The smallest current of IEC 61851, and the largest that a control pilot can signal.
_CURRENT_MIN: Final = 6.0
_CURRENT_MAX: Final = 80.0

#: The reports of the service `chargepoint`: the middle of their names.
_REPORTS: Final[Mapping[str, Feature]] = {
    "state": Feature.STATUS,
    "current_session": Feature.SESSION_ENERGY,
    "cable_lock": Feature.CABLE_LOCK,
    "max_current": Feature.MAX_CURRENT,
    "phase_mode": Feature.PHASE_MODE,
}
#: Those that are requested even if they are not listed. Easee's current adapter does not list the
#: cable lock, but replies.
_ALWAYS: Final = frozenset({"state", "current_session", "cable_lock"})
#: Interfaces are recognized by name: adapters list wrong directions and types.
_REPORTED_BY: Final[Mapping[str, Mapping[str, Feature]]] = {
    "chargepoint": _REPORTS,
    "diagnostic": {name: feature for feature, (name, _) in reports.HEALTH.items()},
}
_SET_BY: Final[Mapping[str, Mapping[str, Feature]]] = {
    "chargepoint": {
        "cmd.charge.start": Feature.CHARGING,
        "cmd.charge.stop": Feature.CHARGING,
        "cmd.cable_lock.set": Feature.CABLE_LOCK,
        "cmd.max_current.set": Feature.MAX_CURRENT,
        "cmd.current_session.set_current": Feature.SESSION_CURRENT,
        "cmd.phase_mode.set": Feature.PHASE_MODE,
    },
    "dev_sys": {"cmd.thing.reboot": Feature.RESTART},
}
#: The measured values, by the property that lists them.
_MEASURED_BY: Final[Mapping[str, Mapping[str, Feature]]] = {
    "sup_units": reports.UNITS,
    "sup_export_units": reports.EXPORT_UNITS,
    "sup_extended_vals": reports.VALUES,
}

#: How a feature is set: interface, value type, and conversion of the value.
SETTERS: Final[Mapping[Feature, tuple[str, str, Callable[[Any], object]]]] = {
    Feature.CABLE_LOCK: ("cmd.cable_lock.set", "bool", bool),
    Feature.MAX_CURRENT: ("cmd.max_current.set", "int", int),
    Feature.SESSION_CURRENT: ("cmd.current_session.set_current", "int", int),
    Feature.PHASE_MODE: ("cmd.phase_mode.set", "string", str.upper),
}

#: By sibling service: the middle of the names, and a property that implies the interface.
_QUESTIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "meter_elec": {
        "meter": "sup_units",
        "meter_export": "sup_export_units",
        "meter_ext": "sup_extended_vals",
    },
    "parameters": {"sup_params": ""},
    "alarm_system": {"alarm": ""},
    "diagnostic": {"errors": "", **{name: "" for name, _ in reports.HEALTH.values()}},
}

#: The report that shows a feature, if it has another name.
REPORT_OF: Final = {
    Feature.PHASES: Feature.PHASE_MODE,
    Feature.SESSION_CURRENT: Feature.SESSION_ENERGY,
}

#: The meaning of an error message; all others are final. Cliffhanger writes "failed to send" if the
#: report after a successful command fails, and "failed to set", "start" or "stop" if the command
#: itself fails. Easee's adapter refuses changes soon after the last one.
_REFUSALS: Final = (
    (re.compile(r"^(?:adapter: )?failed to send .*\breport\b"), Refusal.OF_REPORT),
    (
        re.compile(r"too many requests|status code: (?:429|503)\b", re.IGNORECASE),
        Refusal.FOR_NOW,
    ),
)
#: Maximum number of charging modes that are reported although not listed.
_MODES_MAX: Final = 20
_NO_SERVICE: Final = Service(frozenset(), {})


def _lower(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word.lower() for word in words))


def _highest(current: object) -> float:
    """Return the highest current; if it is not stated, the adapter refuses excessive values."""
    try:
        highest = reports.amperes(
            reports.expected(current, float, "sup_max_current"), "sup_max_current"
        )
    except ProtocolError:
        return _CURRENT_MAX
    return highest if highest >= _CURRENT_MIN else _CURRENT_MAX


def _question(middle: str) -> str:
    return f"cmd.{middle}.get_report"


#: The request for a fact of the service `chargepoint`.
ASKED_BY: Final[Mapping[str, str]] = {
    feature: _question(middle) for middle, feature in _REPORTS.items()
}


class Interfaces:
    """The identity and the capabilities of one charge point, as listed and as observed."""

    def __init__(self, address: ServiceAddress) -> None:
        """Start with nothing but the `address`."""
        self._address = address
        self._unnamed = Identity.of_unknown(f"{address.adapter.name} {address.address}")
        #: The thing as its adapter reports it, and as the hub's device list does.
        self._included: Thing | None = None
        self._listed: Thing | None = None
        self._services: dict[str, Service] = {}
        #: The reported features by service, whether listed or not.
        self.observed: dict[str, frozenset[Feature]] = {}
        self._modes: tuple[str, ...] = ()
        self.parameters: tuple[Parameter, ...] = ()

    @property
    def identity(self) -> Identity:
        """The identity reported by its adapter and the hub's device list."""
        return identity(self._unnamed, self._included, self._listed, self._address)

    @property
    def capabilities(self) -> Capabilities:
        """What it can report and accept, as listed, and as observed although not listed."""
        chargepoint = self._services.get("chargepoint", _NO_SERVICE)
        can_report, controls = {*BASIC.reports}.union(*self.observed.values()), set[Feature]()
        if not chargepoint.interfaces:
            controls.update(BASIC.controls)
        for name, service in self._services.items():
            can_report.update(
                feature
                for middle, feature in _REPORTED_BY.get(name, {}).items()
                if service.reports(middle)
            )
            controls.update(
                feature
                for interface, feature in _SET_BY.get(name, {}).items()
                if interface in service.interfaces
            )
        for prop, features in _MEASURED_BY.items():
            listed = self._services.get("meter_elec", _NO_SERVICE).strings(prop)
            can_report.update(features[name] for name in listed if name in features)

        charging_modes = _lower(chargepoint.strings("sup_charging_modes"))
        phase_modes = _lower(chargepoint.strings("sup_phase_modes"))
        phases = tuple(count for count in ("1", "3") if count in map(PHASES.get, phase_modes))
        if charging_modes and Feature.CHARGING in controls:
            controls.add(Feature.CHARGING_MODE)
        if not phase_modes:
            controls.discard(Feature.PHASE_MODE)
        elif Feature.PHASE_MODE in controls and len(phases) > 1:
            controls.add(Feature.PHASES)
        if Feature.SESSION_CURRENT in controls:
            can_report.add(Feature.OFFERED_CURRENT)
        currents = Range(_CURRENT_MIN, _highest(chargepoint.props.get("sup_max_current")))
        return Capabilities(
            reports=frozenset(can_report),
            controls=frozenset(controls),
            options={
                Feature.CHARGING_MODE: _lower((*charging_modes, *self._modes)),
                Feature.PHASE_MODE: phase_modes,
                Feature.PHASES: phases,
            },
            ranges={Feature.MAX_CURRENT: currents, Feature.SESSION_CURRENT: currents},
            lasting=_LASTING,
            parameters=self.parameters,
        )

    def has(self, service: str) -> bool:
        """Whether there is a service, listed or not."""
        return service in self._services or service in self.observed

    def questions(self) -> Iterator[tuple[str, str]]:
        """Yield service and interface of every request that is likely to be answered.

        A service that reports although it is not listed gets all requests, and so does the meter of
        an unlisted charge point: an adapter ignores requests that it does not know.
        """
        listed = self._services.get("chargepoint", _NO_SERVICE)
        observed = self.observed.get("chargepoint", ())
        for middle, feature in _REPORTS.items():
            if middle in _ALWAYS or feature in observed or listed.reports(middle):
                yield "chargepoint", _question(middle)
        for name, middles in _QUESTIONS.items():
            service = self._services.get(name)
            unlisted = name in self.observed or (name == "meter_elec" and not self._services)
            for middle, prop in middles.items():
                if (
                    unlisted
                    if service is None
                    else service.reports(middle) or service.props.get(prop)
                ):
                    yield name, _question(middle)

    def include(self, *, included: Thing | None = None, listed: Thing | None = None) -> bool:
        """Take an inclusion report or a listed device; return whether its services have changed."""
        before = self._services
        self._included, self._listed = included or self._included, listed or self._listed
        thing = self._included or self._listed
        self._services = {} if thing is None else thing.of(self._address)
        for service in before.keys() - self._services.keys():
            # A service that is no longer listed was removed, with all its features.
            self.observed.pop(service, None)
        if not self.has("parameters"):
            self.parameters = ()
        return self._services != before

    def observe(self, service: str, update: reports.ReportUpdate) -> None:
        """Take the features that a report shows, and put changed capabilities into it."""
        before = self.capabilities
        self.observed[service] = self.observed.get(service, frozenset()) | update.observed
        mode = update.changes.get("charging_mode")
        if mode is not None and mode not in self._modes and len(self._modes) < _MODES_MAX:
            self._modes = (*self._modes, mode)
        if (capabilities := self.capabilities) != before:
            update.changes["capabilities"] = capabilities


def phase_mode(offered: Iterable[str], phases: object) -> str | None:
    """Return the first of the `offered` phase modes with so many `phases`, if there is one."""
    return next((mode for mode in offered if PHASES.get(mode) == phases), None)


#: Part of an adapter, and what it could not do, each followed by a colon and the reason.
_WRAPPING: Final = re.compile(r"^((\w+|(request )?failed( to [^:]+)?): )+(?=\S)")


def rejection(words: str) -> CommandRefusedError:
    """Return the refusal in an error report: its last clause, which is the root cause.

    Each part of the adapter prefixes its own activity: `adapter: failed to start charging: client:
    failed to start charging: too many requests`.
    """
    return refused_with(_WRAPPING.sub("", words))


def refusal(words: str) -> Refusal:
    """Return the meaning of an error report's text."""
    return next((meaning for pattern, meaning in _REFUSALS if pattern.search(words)), Refusal.FINAL)
