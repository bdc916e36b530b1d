"""Assigns modules to EVSEs, and the errors that belong to no EVSE to the station.

A station can have hundreds of EVSEs and as many modules. So a new one is only assigned to the EVSEs
that it can belong to (see `assigned_modules` for the rules).
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Final

from ...features import Feature
from ...node import Changes
from ...notices import LimitsModuleElsewhere
from ...options import ModuleChoice
from ..station import EverestStation, station_address
from .chargepoint import EverestChargepoint
from .companions import COMPANIONS, CompanionModule, CompanionModules, ErrorHistory
from .module import Kind, is_node_of

if TYPE_CHECKING:
    from ...mqtt_hub import MqttHub


#: The kinds that the user is asked about, by our names for them.
ASKED: Final = {
    "limits": Kind.LIMITS,
    "tokens": Kind.TOKENS,
    "costs": Kind.COSTS,
    "errors": Kind.ERRORS,
}
_NAMES: Final = {kind: name for name, kind in ASKED.items()}
#: The kinds that cannot be used until they are assigned; errors belong to the station until then.
_NEEDED: Final = frozenset({"limits", "tokens", "costs"})

#: The ids of the modules of each kind.
type Found = Mapping[Kind, Collection[str]]
#: What was chosen for each EVSE, by its address and the name of the kind; empty is none.
type Chosen = Mapping[str, Mapping[str, str]]
#: The EVSEs that were limited through each limits module.
type Limited = Mapping[str, frozenset[str]]


def assigned_modules(
    address: str, found: Found, chosen: Chosen, *, alone: bool, limited: Limited
) -> dict[Kind, str]:
    """Return the modules of the EVSE with `address`; `alone` is whether it is the only one.

    A limits module belongs to the EVSE that it has limited. If it has limited several, it is not
    assigned to any.
    """
    mine: dict[Kind, str] = {}
    # If the user has made a choice for another one, that one was only not received yet.
    alone = alone and chosen.keys() <= {address}
    for kind, modules in found.items():
        if kind not in _NAMES:
            if len(modules) == 1:
                (mine[kind],) = modules
            continue
        choice = chosen.get(address, {}).get(_NAMES[kind])
        if choice == "":
            continue
        seen = limited if kind is Kind.LIMITS else {}
        certain = [each for each in seen if seen[each] == {address} and each in modules]
        confused = _confused(certain, choice, address, chosen) if certain else []
        if len(confused) == 1:
            (mine[kind],) = confused
        elif choice is not None and choice in modules and seen.get(choice, {address}) == {address}:
            mine[kind] = choice
        elif len(certain) == 1:
            (mine[kind],) = certain
        elif choice is None and alone and len(modules) == 1 and seen.keys().isdisjoint(modules):
            (mine[kind],) = modules
    return mine


def _confused(
    certain: Sequence[str], choice: str | None, address: str, chosen: Chosen
) -> list[str]:
    """Return the `certain` limits modules of an EVSE that the user has chosen for other EVSEs."""
    if choice in certain:
        return []
    others = {each.get(_NAMES[Kind.LIMITS]) for key, each in chosen.items() if key != address}
    return [each for each in certain if each in others]


def choices(
    evses: Mapping[str, str], found: Found, chosen: Chosen, *, alone: bool
) -> list[ModuleChoice]:
    """Return what the user can choose for `evses`, which are names by address.

    `alone` is whether there is only one. Then only an invalid choice has to be corrected.
    """
    offered = {name: tuple(sorted(found.get(kind, ()))) for name, kind in ASKED.items()}
    return [
        ModuleChoice(address=address, name=name, kind=kind, modules=modules)
        for address, name in sorted(evses.items())
        for kind, modules in offered.items()
        if len(modules) > 1
        or (modules and not alone)
        or (modules and chosen.get(address, {}).get(kind, modules[0]) not in modules)
    ]


def undecided(offered: Sequence[ModuleChoice], chosen: Chosen) -> list[ModuleChoice]:
    """Return which of the `offered` choices the user has to make."""
    return [
        each
        for each in offered
        if each.kind in _NEEDED
        and chosen.get(each.address, {}).get(each.kind) not in ("", *each.modules)
    ]


#: With a second EVSE, or a second module of a kind, the assignment is no longer certain.
_TWO: Final = 2
#: Seconds after a start in which not every EVSE has reported its limits again.
_STARTING_TIME: Final = 10.0
#: Seconds after which an EVSE with a choice by the user would have been received.
_MISSING_TIME: Final = 180.0


class Assignment:
    """The EVSEs and the companion modules below one prefix, and which belong together.

    `on_limited` is called if an EVSE is limited through a module that is new for it.
    """

    def __init__(self, hub: MqttHub, prefix: str, on_limited: Callable[[float], None]) -> None:
        """Start without any module."""
        self._hub = hub
        self._prefix = prefix
        self._on_limited = on_limited
        #: By address.
        self._evses: dict[str, EverestChargepoint] = {}
        self._modules: dict[Kind, dict[str, CompanionModule]] = {}
        #: The addresses of EVSEs and modules that are gone, and of EVSEs that never appeared.
        self._gone: frozenset[str] = frozenset()
        self._limited: Limited = {}
        #: An EVSE that was received, and has to wait until the user admits it.
        self._other: str | None = None
        #: The error histories, and how many EVSEs share each one; the station has the others.
        self._histories: list[ErrorHistory] = []
        self._owners: Counter[ErrorHistory] = Counter()
        self._station: EverestStation | None = None

    def add_evse(self, evse: EverestChargepoint, now: float) -> None:
        """Add a new EVSE, and assign its modules."""
        self._evses[evse.address] = evse
        self._gone -= {evse.address}
        evse.on_limited = self._on_limited
        if self._station is not None:
            self._station.add_evse(evse)
            evse.belongs_to(self._station.address, now)
        # With the second one, it is no longer certain which modules belong to the first one.
        present = self._present
        self._assign(present if len(present) <= _TWO else [evse], now)
        self._add_station_if_needed(now)

    def add_module(self, companion: CompanionModule, now: float) -> None:
        """Add a new module, and assign it to the EVSEs that it belongs to."""
        kind, module = companion.kind, companion.id
        others = self._modules.setdefault(kind, {})
        others[module] = companion
        # With the second one, a module is no longer certain to be there for the whole station.
        for_all = kind not in ASKED.values() and len(others) <= _TWO
        if for_all or len(self._present) == 1:
            self._assign(self._present, now)
        else:
            chosen = self._chosen_for.get((kind, module), ())
            self._assign([self._evses[each] for each in chosen if each in self._evses], now)
        if isinstance(companion, ErrorHistory):
            self._histories.append(companion)
            self._give_to_station(companion)
        self._add_station_if_needed(now)

    def evse_waits(self, address: str, now: float) -> None:
        """Take note that another EVSE waits: modules need not belong to the only known one."""
        if self._other is None:
            self._other = address
            self._assign(self._present if len(self._present) == 1 else (), now)

    def is_chosen(self, kind: Kind, module: str) -> bool:
        """Return whether the user has chosen a module for an EVSE."""
        return (kind, module) in self._chosen_for

    # What is there, and what was observed ------------------------------------------------

    def update(self, now: float) -> bool:
        """Find out what is gone, and which EVSEs are limited through which modules.

        Returns False if it is too early after a start.
        """
        started = [each.alive_since for each in self._evses.values() if each.snapshot.available]
        if not started:
            return True
        if now - max(started) < _STARTING_TIME:
            return False
        since = min(started)
        gone = frozenset(
            evse.address
            for evse in self._evses.values()
            if not evse.snapshot.available and now - since >= evse.module.heartbeats.silence_max
        ) | frozenset(
            module.address
            for modules in self._modules.values()
            for module in modules.values()
            if module.is_gone(now, since)
        )
        if now - since >= _MISSING_TIME:
            gone |= self._chosen.keys() - self._evses.keys() - {self._other}
        limited = self._observed_limits(gone)
        if (gone, limited) != (self._gone, self._limited):
            self._gone, self._limited = gone, limited
            self._assign(self._present, now)
        return True

    def _observed_limits(self, gone: Collection[str]) -> Limited:
        """Return the EVSEs that were limited through each module.

        Observations from before a restart only count if there are none since.
        """
        before: dict[str, set[str]] = {}
        since: dict[str, set[str]] = {}
        for address in self._evses.keys() - gone:
            evse = self._evses[address]
            for module, at in evse.limited_through.items():
                seen = since if at >= evse.alive_since else before
                seen.setdefault(module, set()).add(address)
        return {module: frozenset(seen) for module, seen in (before | since).items()}

    @property
    def _present(self) -> list[EverestChargepoint]:
        return [each for address, each in self._evses.items() if address not in self._gone]

    @property
    def _found(self) -> Mapping[Kind, Mapping[str, CompanionModule]]:
        """The modules that are not gone."""
        if not self._gone:
            return self._modules
        return {
            kind: {id_: each for id_, each in modules.items() if each.address not in self._gone}
            for kind, modules in self._modules.items()
        }

    @property
    def gone(self) -> frozenset[str]:
        """The addresses of EVSEs that no longer exist."""
        return self._gone & (self._evses.keys() | self._chosen.keys())

    @property
    def module_choices(self) -> list[ModuleChoice]:
        """What only the user can assign to an EVSE."""
        names = {each.address: each.snapshot.identity.name for each in self._present}
        return choices(names, self._found, self._current_choices, alone=self._is_alone)

    @property
    def undecided(self) -> list[ModuleChoice]:
        """What the user has to choose."""
        missing = undecided(self.module_choices, self._current_choices)
        # If the limits module was recognized, there is nothing to choose.
        return [
            each
            for each in missing
            if each.kind != _NAMES[Kind.LIMITS]
            or Feature.MAX_CURRENT not in self._evses[each.address].snapshot.capabilities.controls
        ]

    @property
    def contradicted(self) -> list[LimitsModuleElsewhere]:
        """The choices of limits modules that limit other EVSEs."""
        found = []
        for address, kinds in self._current_choices.items():
            module = kinds.get(_NAMES[Kind.LIMITS], "")
            evse, limited = self._evses.get(address), self._limited.get(module, {address})
            if evse is not None and limited != {address}:
                key, name = f"limits {address}", evse.snapshot.identity.name
                others = sorted(self._evses[each].snapshot.identity.name for each in limited)
                found.append(LimitsModuleElsewhere(key, module, name, ", ".join(others)))
        return found

    @property
    def _is_alone(self) -> bool:
        """Whether there is one EVSE, and none that waits or was only not received yet."""
        present = {each.address for each in self._present}
        return len(present) == 1 and self._other is None and self._current_choices.keys() <= present

    def _assign(self, evses: Iterable[EverestChargepoint], now: float) -> None:
        """Assign their modules to `evses`, if that is certain."""
        alone, found, chosen = self._is_alone, self._found, self._current_choices

        def link(evse: EverestChargepoint) -> None:
            mine = assigned_modules(evse.address, found, chosen, alone=alone, limited=self._limited)
            parts: Changes = {
                COMPANIONS[kind][0]: found[kind][module] for kind, module in mine.items()
            }
            before = evse.companions.errors
            evse.assign(CompanionModules(**parts, shared=not alone), now)
            if evse.companions.errors is not before:
                self._count_owner(before, -1)
                self._count_owner(evse.companions.errors, 1)

        self._hub.internal_errors.each(evses, link)

    # The station --------------------------------------------------------------------

    def _count_owner(self, history: ErrorHistory | None, change: int) -> None:
        """Count an EVSE that a history belongs to from now on, or no longer."""
        if history is not None:
            self._owners[history] += change
            if not self._owners[history]:
                del self._owners[history]
            self._give_to_station(history)

    def _give_to_station(self, history: ErrorHistory) -> None:
        if self._station is not None:
            self._station.set_history(history, is_ours=history not in self._owners)

    def _add_station_if_needed(self, now: float) -> None:
        """Several EVSEs are parts of one station, which has the errors that belong to none."""
        is_needed = len(self._evses) >= _TWO and len(self._histories) > len(self._owners)
        if self._station is not None or not is_needed:
            return
        name = self._prefix.strip(" /")
        self._station = EverestStation(station_address(self._prefix), name, self._hub)
        for evse in self._evses.values():
            self._station.add_evse(evse)
        for history in self._histories:
            self._give_to_station(history)
        self._hub.add_node(self._station)
        for evse in self._evses.values():
            evse.belongs_to(self._station.address, now)

    # What the user has chosen ----------------------------------------------------------

    @cached_property
    def _chosen(self) -> dict[str, Mapping[str, str]]:
        """What the user has chosen for the EVSEs below our prefix. It never changes."""
        return {
            address: each
            for address, each in self._hub.options.modules.items()
            if is_node_of(Kind.EVSE, address, self._prefix)
        }

    @property
    def _current_choices(self) -> Chosen:
        """What the user has chosen for EVSEs that are not gone."""
        if self._gone.isdisjoint(self._chosen):
            return self._chosen
        return {key: each for key, each in self._chosen.items() if key not in self._gone}

    @cached_property
    def _chosen_for(self) -> dict[tuple[Kind, str], list[str]]:
        """The EVSEs that each module was chosen for."""
        found: dict[tuple[Kind, str], list[str]] = {}
        for address, kinds in self._chosen.items():
            for name, module in kinds.items():
                if name in ASKED:
                    found.setdefault((ASKED[name], module), []).append(address)
        return found
