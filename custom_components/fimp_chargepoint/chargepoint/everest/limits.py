"""Limits of an EVSE: those that apply, and those that we request, in A, W and phases. Pure.

EVerest API v1: `enforced_limits` of evse_manager_consumer, `set_external_limits` of
external_energy_limits_consumer. Each request replaces the previous one as a whole, and stays until
it is replaced or EVerest restarts.
"""

from dataclasses import dataclass, replace
from datetime import datetime
import re
from typing import Final
from urllib.parse import quote, unquote

from ..capabilities import Range
from ..model import Feature
from .envelope import JsonObject, number, part, text

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """A current in A, a power in W for all phases, and a number of phases.

    Each is None if there is no limit, or none is known.
    """

    current: float | None = None
    power: float | None = None
    phases: int | None = None

    def with_(self, feature: str, value: object) -> Limits:
        """Return these limits with another value of one of them; other features change nothing."""
        match feature:
            case Feature.MAX_CURRENT:
                return replace(self, current=number(value))
            case Feature.MAX_POWER:
                return replace(self, power=number(value))
            case Feature.PHASES:
                return replace(self, phases=int(str(value)))
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Enforced:
    """The limits that apply, the source of the current limit, and which of them are ours.

    `modules` are the limits modules that ours were sent to. `power` is a limit in W for all phases,
    by `power_source`.
    """

    limits: Limits = Limits()
    source: str | None = None
    ours: Limits = Limits()
    modules: frozenset[str] = frozenset()
    power: float | None = None
    power_source: str | None = None

    @property
    def is_nothing(self) -> bool:
        """Whether no current may flow and no source is named, so that ours cannot be seen.

        It means that there is no energy, as with any limit below 6 A. EVerest also reports it for a
        moment after its start, without meaning.
        """
        return self.limits.current == 0 and self.source is None

    def with_(self, *, current: float | None, phases: int | None) -> Enforced:
        """Return it with other limits that apply."""
        return replace(self, limits=Limits(current=current, phases=phases))

    def by_power(self, voltage: float | None) -> Enforced:
        """Return it with the current that the power limit permits, if that is clearly stricter.

        `voltage` is that between a phase and neutral, in V.
        """
        watts = (voltage or 0.0) * (self.limits.phases or 0)
        if self.power is None or (self.power and not watts):
            return self
        current = round(self.power / watts, 2) if self.power else 0.0
        known = self.limits.current
        if known is not None and current >= known * _VOLTAGE_TOLERANCE:
            return self
        limits = replace(self.limits, current=current)
        return replace(self, limits=limits, source=self.power_source)


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
    limit, lines = part(root, "ac_max_current_A"), part(root, "ac_max_phase_count")
    current, source = number(limit.get("value")), limit.get("source")
    current = None if current is None else round(current, 2)
    count = number(lines.get("value"))
    phases = None if count is None else int(count)
    total = part(root, "total_power_W")
    power = number(total.get("value"))
    power = None if power is None else float(round(power))
    return Enforced(
        limits=Limits(current=current, phases=phases),
        source=text(source),
        power=power,
        power_source=text(total.get("source")),
        ours=Limits(
            current=current if is_own(source, module) else None,
            power=power if is_own(total.get("source"), module) else None,
            phases=phases if is_own(lines.get("source"), module) else None,
        ),
        modules=frozenset().union(
            *(modules_of(each.get("source")) for each in (limit, total, lines))
        ),
    )


def command(limits: Limits, when: datetime, module: str) -> dict[str, object]:
    """Return the value of `set_external_limits`; without any limit, ours is withdrawn."""
    leaves: dict[str, object] = {}
    source = source_of(module)
    if limits.current is not None:
        leaves["ac_max_current_A"] = {"value": limits.current, "source": source}
    if limits.power is not None:
        leaves["total_power_W"] = {"value": limits.power, "source": source}
    if limits.phases is not None:
        leaves["ac_max_phase_count"] = {"value": limits.phases, "source": source}
    schedule = [
        {
            "timestamp": when.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "limits_to_root": {},
            "limits_to_leaves": leaves,
        }
    ]
    return {
        "schedule_import": schedule if leaves else [],
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
