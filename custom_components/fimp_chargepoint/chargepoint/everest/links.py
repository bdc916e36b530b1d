"""Which modules of a station belong to which EVSE. Pure.

Nothing on the wire tells. Where there is one of each they belong together; otherwise the user
has to say. What judges tokens is there for the whole station.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from ..options import LinkChoice
from .module import Kind

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


def linked(
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


def choices(evses: Mapping[str, str], found: Found, *, alone: bool) -> list[LinkChoice]:
    """Return what the user can choose for `evses`, which are names by address.

    `alone` is whether there is only the one.
    """
    offered = {name: tuple(sorted(found.get(kind, ()))) for name, kind in ASKED.items()}
    return [
        LinkChoice(address=address, name=name, kind=kind, modules=modules)
        for address, name in sorted(evses.items())
        for kind, modules in offered.items()
        if modules and not (alone and len(modules) == 1)
    ]


def undecided(
    offered: Sequence[LinkChoice], chosen: Mapping[str, Mapping[str, str]]
) -> list[LinkChoice]:
    """Return which of the `offered` choices the user has to make."""
    return [
        each
        for each in offered
        if each.kind in _NEEDED and each.kind not in chosen.get(each.address, {})
    ]
