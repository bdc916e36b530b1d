"""Limits of an EVSE: those that apply, and those that we request, in A, W and phases. Pure.

EVerest API v1: `enforced_limits` of evse_manager_consumer, `set_external_limits` of
external_energy_limits_consumer. Each request replaces the previous one as a whole, and stays until
it is replaced or EVerest restarts.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
import re
from typing import Final
from urllib.parse import quote, unquote

from ..capabilities import Range
from ..model import Feature
from ..readers import JsonObject, number, part, rounded, text

#: The source that EVerest reports for our limits.
SOURCE: Final = "fimp_chargepoint"
#: One of several sources, perhaps after the name of a node; it may end with a module's id.
_OWN_SOURCE: Final = re.compile(rf"(?:^|[,/]){SOURCE}(?:/([^,/]+))?(?=,|$)")
#: The smallest current there is (IEC 61851), and the largest if none is reported, in A.
_CURRENT_MIN: Final = 6.0
_CURRENT_MAX: Final = 32.0
#: V between a phase and neutral, with which the range of the power is calculated.
_VOLTAGE: Final = 230.0
_PHASES_MAX: Final = 3
#: How much lower a current by power and measured voltage has to be to count. EVerest has already
#: converted the power with the nominal voltage, which may differ from it by a tenth (EN 50160).
_VOLTAGE_TOLERANCE: Final = 0.9


def _count(value: object) -> int | None:
    found = number(value)
    return None if found is None else int(found)


#: The key of each limit in both messages, and how it is read.
_LIMITS: Final[Mapping[Feature, tuple[str, Callable[[object], float | None]]]] = {
    Feature.MAX_CURRENT: ("ac_max_current_A", partial(rounded, digits=2)),
    Feature.MAX_POWER: ("total_power_W", rounded),
    Feature.PHASES: ("ac_max_phase_count", _count),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """A current in A, a power in W for all phases, and a number of phases.

    Each is None if there is no limit, or none is known.
    """

    max_current: float | None = None
    max_power: float | None = None
    phases: float | None = None

    def with_(self, feature: str, value: object) -> Limits:
        """Return these limits with another value of one of them; other features change nothing."""
        if feature not in _LIMITS:
            return self
        # The number of phases is an option, so it is a text.
        found = int(str(value)) if feature == Feature.PHASES else number(value)
        return replace(self, **{feature: found})


@dataclass(frozen=True, slots=True, kw_only=True)
class Enforced:
    """The limits that apply, their sources, and which of them are ours.

    `source` is the source of the current limit. `modules` are the limits modules that ours were
    sent to.
    """

    limits: Limits = Limits()
    source: str | None = None
    power_source: str | None = None
    ours: Limits = Limits()
    modules: frozenset[str] = frozenset()

    @property
    def is_nothing(self) -> bool:
        """Whether no current may flow and no source is named, so that ours cannot be seen.

        It means that there is no energy, as with any limit below 6 A. EVerest also reports it for a
        moment after its start, without meaning.
        """
        return self.limits.max_current == 0 and self.source is None

    def with_(self, feature: Feature, value: float | None) -> Enforced:
        """Return it with another value of one limit."""
        return replace(self, limits=replace(self.limits, **{feature: value}))

    def by_power(self, voltage: float | None) -> Enforced:
        """Return it with the current that the power limit permits, if that is clearly stricter.

        `voltage` is that between a phase and neutral, in V.
        """
        known, power = self.limits.max_current, self.limits.max_power
        watts = (voltage or 0.0) * (self.limits.phases or 0)
        if power is None or (power and not watts):
            return self
        current = round(power / watts, 2) if power else 0.0
        if known is not None and current >= known * _VOLTAGE_TOLERANCE:
            return self
        return replace(self.with_(Feature.MAX_CURRENT, current), source=self.power_source)


def source_of(module: str) -> str:
    """Return the source of limits that are sent to a limits module."""
    return f"{SOURCE}/{quote(module, safe='')}"


def modules_of(source: object) -> frozenset[str]:
    """Return the limits modules to which we sent the limits of a `source`."""
    found = _OWN_SOURCE.findall(source) if isinstance(source, str) else []
    return frozenset(unquote(module) for module in found if module)


def is_own(source: object, module: str | None) -> bool:
    """Whether a `source` includes the limits that were sent to `module`."""
    found = _OWN_SOURCE.findall(source) if isinstance(source, str) else []
    return any(not each or unquote(each) == module for each in found)


def enforced(value: JsonObject, module: str | None = None) -> Enforced:
    """Return the limits in `enforced_limits`; ours are those that were sent to `module`."""
    root = part(value, "limits_root_side")
    values: dict[str, float | None] = {}
    sources: dict[str, object] = {}
    for feature, (key, read) in _LIMITS.items():
        entry = part(root, key)
        values[feature], sources[feature] = read(entry.get("value")), entry.get("source")
    ours = {feature: values[feature] for feature in values if is_own(sources[feature], module)}
    return Enforced(
        limits=Limits(**values),
        source=text(sources[Feature.MAX_CURRENT]),
        power_source=text(sources[Feature.MAX_POWER]),
        ours=Limits(**ours),
        modules=frozenset().union(*map(modules_of, sources.values())),
    )


def command(limits: Limits, when: datetime, module: str) -> dict[str, object]:
    """Return the value of `set_external_limits`; without any limit, ours is withdrawn."""
    leaves = {
        key: {"value": value, "source": source_of(module)}
        for feature, (key, _) in _LIMITS.items()
        if (value := getattr(limits, feature)) is not None
    }
    entry = {
        "timestamp": when.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "limits_to_root": {},
        "limits_to_leaves": leaves,
    }
    return {
        "schedule_import": [entry] if leaves else [],
        "schedule_export": [],
        "schedule_setpoints": [],
    }


def possible(hardware: JsonObject) -> Range:
    """Return the currents that can be requested, from `hw_capabilities`."""
    highest = number(hardware.get("max_current_A_import"))
    lowest = number(hardware.get("min_current_A_import"))
    minimum = max(_CURRENT_MIN, lowest or 0.0)
    return Range(minimum, max(minimum, highest or _CURRENT_MAX), 0.1)


def possible_power(hardware: JsonObject) -> Range:
    """Return which power can be requested, by `hw_capabilities`: the currents on all phases."""
    currents = possible(hardware)
    fewest = number(hardware.get("min_phase_count_import")) or 1
    most = number(hardware.get("max_phase_count_import")) or _PHASES_MAX
    return Range(currents.minimum * fewest * _VOLTAGE, currents.maximum * most * _VOLTAGE)


def switches_phases(hardware: JsonObject) -> bool:
    """Whether both one phase and three can be requested, from `hw_capabilities`."""
    lowest = number(hardware.get("min_phase_count_import"))
    highest = number(hardware.get("max_phase_count_import"))
    may = hardware.get("supports_changing_phases_during_charging") is True
    return may and lowest == 1 and highest == 3  # noqa: PLR2004
