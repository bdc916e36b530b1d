"""Shares the current of a grid connection among charge points. Pure.

Nobody's current is more than its share, so the connection is not overloaded as soon as the charge
points have followed. That takes seconds, and does not replace a protective device.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import floor
from typing import Final

#: A per phase below which no car charges (IEC 61851-1).
CURRENT_MIN: Final = 6.0
#: Currents closer than this are the same, in A.
_SAME: Final = 1e-6


class Share(StrEnum):
    """How the current beyond everybody's minimum is shared."""

    ORDER = "order"
    EQUAL = "equal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """A charge point at the connection; currents in A per phase.

    `phases` are the indexes of the phases it may draw from, all of them if that is unknown.
    `drawn` is what it draws now on each of the connection's phases. `limit` is the current that it
    may draw now, 0.0 if it does not charge. `wants` is whether a car would take current.
    """

    id: str
    phases: frozenset[int]
    drawn: tuple[float, ...]
    limit: float
    maximum: float
    minimum: float = CURRENT_MIN
    step: float = 1.0
    wants: bool = True


def balance(
    limits: Sequence[float],
    measured: Sequence[float],
    loads: Sequence[Load],
    *,
    share: Share = Share.EQUAL,
    raise_by: float = float("inf"),
) -> dict[str, float]:
    """Return the current for each load in A, 0.0 if it must not charge.

    `limits` is what the connection may carry per phase, `measured` what it carries now (negative if
    it feeds in), both in A and of the same length. Everybody gets their minimum, in the order of
    `loads`, before anybody gets more. A current that is raised is raised by `raise_by` at most;
    one that is lowered is lowered at once.
    """
    free = [
        limit - (now - sum(load.drawn[phase] for load in loads))
        for phase, (limit, now) in enumerate(zip(limits, measured, strict=True))
    ]
    granted: dict[str, float] = {}
    for load in loads:
        if load.wants and load.maximum >= load.minimum and _left(free, load) >= load.minimum:
            _grant(load, load.minimum, granted, free)
    served = [load for load in loads if load.id in granted]
    if share is Share.ORDER:
        for load in served:
            _grant(load, min(load.maximum - granted[load.id], _left(free, load)), granted, free)
    else:
        _fill(served, granted, free)
    return {load.id: _next(load, granted.get(load.id, 0.0), raise_by) for load in loads}


def _left(free: Sequence[float], load: Load) -> float:
    """Return what the phases of `load` have left, in A."""
    return min(free[phase] for phase in load.phases)


def _grant(load: Load, more: float, granted: dict[str, float], free: list[float]) -> None:
    granted[load.id] = granted.get(load.id, 0.0) + more
    for phase in load.phases:
        free[phase] -= more


def _fill(loads: Iterable[Load], granted: dict[str, float], free: list[float]) -> None:
    """Raise all alike, until the maximum of a load or the limit of a phase is reached."""
    rising = list(loads)
    while rising:
        users = [sum(phase in load.phases for load in rising) for phase in range(len(free))]
        more = min(
            *(load.maximum - granted[load.id] for load in rising),
            *(left / count for left, count in zip(free, users, strict=True) if count),
        )
        for load in rising:
            _grant(load, max(more, 0.0), granted, free)
        rising = [
            load
            for load in rising
            if load.maximum - granted[load.id] > _SAME and _left(free, load) > _SAME
        ]


def _next(load: Load, share: float, raise_by: float) -> float:
    """Return the current to set: raised slowly, in steps that the charge point takes."""
    if share < load.minimum:
        return 0.0
    slowly = min(share, max(load.limit + raise_by, load.minimum))
    # Half a millionth makes up for the floating point, not for the phase.
    steps = floor((slowly - load.minimum) / load.step + _SAME)
    return min(load.minimum + steps * load.step, load.maximum)


def currents_of(power: float, voltage: float, phases: int) -> tuple[float, ...]:
    """Return the currents in A per phase of a balanced `power` in W."""
    return (power / (voltage * phases),) * phases


def fallback(loads: Iterable[Load], current: float) -> Mapping[str, float]:
    """Return the currents while the connection is not measured: at most `current`, and no raise."""
    return {
        load.id: lower if (lower := min(current, load.limit, load.maximum)) >= load.minimum else 0.0
        for load in loads
    }
