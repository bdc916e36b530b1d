"""Gives each EVSE the modules that are its own, and the station the errors that are of none.

A station can have hundreds of EVSEs and as many modules. So only those are looked at for
which something that was found makes a difference (see `modules` for the rules).
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from ...options import ModuleChoice
from ..station import EverestStation, station_address
from .chargepoint import EverestChargepoint
from .companions import COMPANIONS, CompanionModule, CompanionModules, ErrorHistory
from .module import Kind, is_node_of

if TYPE_CHECKING:
    from ...mqtt_hub import MqttHub


#: The kinds that the user is asked about, by our names of them.
ASKED: Final = {
    "limits": Kind.LIMITS,
    "tokens": Kind.TOKENS,
    "costs": Kind.COSTS,
    "errors": Kind.ERRORS,
}
_NAMES: Final = {kind: name for name, kind in ASKED.items()}
#: What is of no use as long as nobody knows whose it is; errors are the station's then.
_NEEDED: Final = frozenset({"limits", "tokens", "costs"})

#: The ids of the modules of each kind.
type Found = Mapping[Kind, Collection[str]]


def assigned_modules(
    address: str, found: Found, chosen: Mapping[str, Mapping[str, str]], *, alone: bool
) -> dict[Kind, str]:
    """Return the modules that belong to the EVSE with `address`, which may be `alone`.

    What was `chosen` is of this station; an empty text is none.
    """
    mine: dict[Kind, str] = {}
    # Where the user has chosen for another one, it is only not heard yet.
    alone = alone and chosen.keys() <= {address}
    for kind, modules in found.items():
        if kind not in _NAMES:
            if len(modules) == 1:
                (mine[kind],) = modules
            continue
        choice = chosen.get(address, {}).get(_NAMES[kind])
        if choice is not None:
            if choice in modules:
                mine[kind] = choice
        elif alone and len(modules) == 1:
            (mine[kind],) = modules
    return mine


def choices(evses: Mapping[str, str], found: Found, *, alone: bool) -> list[ModuleChoice]:
    """Return what the user can choose for `evses`, which are names by address.

    `alone` is whether there is only the one.
    """
    offered = {name: tuple(sorted(found.get(kind, ()))) for name, kind in ASKED.items()}
    return [
        ModuleChoice(address=address, name=name, kind=kind, modules=modules)
        for address, name in sorted(evses.items())
        for kind, modules in offered.items()
        if modules and not (alone and len(modules) == 1)
    ]


def undecided(
    offered: Sequence[ModuleChoice], chosen: Mapping[str, Mapping[str, str]]
) -> list[ModuleChoice]:
    """Return which of the `offered` choices the user has to make."""
    return [
        each
        for each in offered
        if each.kind in _NEEDED and each.kind not in chosen.get(each.address, {})
    ]


#: From the second one on nothing is certain.
_TWO: Final = 2


class Assignment:
    """The EVSEs and the other modules below one prefix, and what belongs to what."""

    def __init__(self, hub: MqttHub, prefix: str) -> None:
        """Know of no module yet."""
        self._hub = hub
        self._prefix = prefix
        #: By address.
        self._evses: dict[str, EverestChargepoint] = {}
        self._modules: dict[Kind, dict[str, CompanionModule]] = {}
        #: One that was heard, and has to wait until the user lets it in.
        self._other: str | None = None
        #: The error histories of EVSEs, of how many each one is, and those that are of none.
        self._histories: dict[str, ErrorHistory] = {}
        self._owners: Counter[ErrorHistory] = Counter()
        self._free: dict[ErrorHistory, None] = {}
        self._station: EverestStation | None = None

    def add_evse(self, evse: EverestChargepoint, now: float) -> None:
        """Give a new EVSE what is its own."""
        self._evses[evse.address] = evse
        if self._station is not None:
            self._station.add_evse(evse)
            evse.belongs_to(self._station.address, now)
        # With the second one it is certain no more what belongs to the first one.
        self._link(self._evses.values() if len(self._evses) <= _TWO else [evse], now)
        self._look_for_station(now)

    def add_module(self, companion: CompanionModule, now: float) -> None:
        """Give a new module to those whose own it is."""
        kind, module = companion.kind, companion.id
        others = self._modules.setdefault(kind, {})
        others[module] = companion
        # What is there once for the whole station is certain no more with the second one.
        for_all = kind not in ASKED.values() and len(others) <= _TWO
        if for_all or len(self._evses) == 1:
            self._link(self._evses.values(), now)
        else:
            chosen = self._chosen_for.get((kind, module), ())
            self._link([self._evses[each] for each in chosen if each in self._evses], now)
        if isinstance(companion, ErrorHistory) and not self._owners[companion]:
            self._set_free(companion)
        self._look_for_station(now)

    def held_back(self, address: str, now: float) -> None:
        """Another EVSE is there, and waits: what is found need not belong to the only one."""
        if self._other is None:
            self._other = address
            self._link(self._evses.values() if len(self._evses) == 1 else (), now)

    def is_chosen(self, kind: Kind, module: str) -> bool:
        """Return whether the user has chosen a module for an EVSE."""
        return (kind, module) in self._chosen_for

    @property
    def module_choices(self) -> list[ModuleChoice]:
        """What nobody but the user can say belongs to an EVSE."""
        names = {each.address: each.snapshot.identity.name for each in self._evses.values()}
        return choices(names, self._modules, alone=self._is_alone)

    @property
    def undecided(self) -> list[ModuleChoice]:
        """What the user has to say."""
        return undecided(self.module_choices, self._chosen)

    @property
    def _is_alone(self) -> bool:
        """Whether there is one EVSE, and nobody waits who may be another one."""
        return len(self._evses) == 1 and self._other is None

    def _link(self, evses: Iterable[EverestChargepoint], now: float) -> None:
        """Give `evses` the modules that are theirs, as far as that is certain."""
        alone = self._is_alone
        for evse in evses:
            mine = assigned_modules(evse.address, self._modules, self._chosen, alone=alone)
            parts: dict[str, Any] = {
                COMPANIONS[kind][0]: self._modules[kind][module] for kind, module in mine.items()
            }
            companions = CompanionModules(**parts, shared=not alone)
            evse.assign(companions, now)
            self._own(evse.address, companions.errors)

    # The station --------------------------------------------------------------------

    def _own(self, address: str, history: ErrorHistory | None) -> None:
        """Take note of which history is that of an EVSE: it is not the station's."""
        before = self._histories.pop(address, None)
        if history is not None:
            self._histories[address] = history
        if before is history:
            return
        if history is not None:
            self._owners[history] += 1
            if history in self._free:
                del self._free[history]
                if self._station is not None:
                    self._station.remove_history(history)
        if before is not None:
            self._owners[before] -= 1
            if not self._owners[before]:
                self._set_free(before)

    def _set_free(self, history: ErrorHistory) -> None:
        self._free[history] = None
        if self._station is not None:
            self._station.add_history(history)

    def _look_for_station(self, now: float) -> None:
        """Several EVSEs are parts of one station, which has the errors that are of none."""
        if self._station is not None or len(self._evses) < _TWO or not self._free:
            return
        name = self._prefix.strip(" /")
        self._station = EverestStation(station_address(self._prefix), name, self._hub)
        for evse in self._evses.values():
            self._station.add_evse(evse)
        for history in self._free:
            self._station.add_history(history)
        self._hub.add_node(self._station)
        for evse in self._evses.values():
            evse.belongs_to(self._station.address, now)

    # What the user has chosen ----------------------------------------------------------

    @cached_property
    def _chosen(self) -> dict[str, Mapping[str, str]]:
        """What the user has chosen for the EVSEs below our prefix; it never changes."""
        return {
            address: each
            for address, each in self._hub.options.modules.items()
            if is_node_of(Kind.EVSE, address, self._prefix)
        }

    @cached_property
    def _chosen_for(self) -> dict[tuple[Kind, str], list[str]]:
        """The EVSEs that each module was chosen for."""
        found: dict[tuple[Kind, str], list[str]] = {}
        for address, kinds in self._chosen.items():
            for name, module in kinds.items():
                if name in ASKED:
                    found.setdefault((ASKED[name], module), []).append(address)
        return found
