"""Shares the current of a grid connection among charge points. Pure.

No charge point gets more than its share, so the connection is no longer overloaded once the charge
points have followed. This takes seconds, and does not replace a protective device.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import floor
from typing import Final

#: A per phase below which no car charges (IEC 61851-1).
CURRENT_MIN: Final = 6.0
#: Seconds after a change until a current may be raised: by then, all have reported what they draw.
RAISE_AFTER: Final = 60.0
#: A by which a current is raised at most.
RAISE_BY: Final = 4.0
#: A that stay free when a current is raised, so that it is not lowered again at once.
_MARGIN: Final = 1.0
#: A that a phase may exceed its limit by before a car that charges with its minimum is paused.
#: Sensors are no more exact, and a fuse carries this permanently: it does not blow below 1.13 times
#: its rating (IEC 60898-1).
_TOLERANCE: Final = 0.5
#: Currents closer than this are the same, in A.
_SAME: Final = 1e-6
#: Seconds by which a measurement of the connection may be older than a report of a charge point.
_LAG: Final = 2.0
#: Seconds within which the sensors of all phases report.
_TOGETHER: Final = 1.0
#: Seconds after which a value that has not changed since is a new measurement.
_UNCHANGED: Final = 13.0
#: A by which a new value is higher if others draw more, and not due to noise.
_RISE: Final = 1.0
#: Seconds for which `drawn_when_measured` needs to know what was drawn.
REMEMBERED: Final = _UNCHANGED + _LAG


class Share(StrEnum):
    """How the current beyond the minimum of each charge point is shared."""

    ORDER = "order"
    EQUAL = "equal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """A charge point at the connection; currents in A per phase.

    `drawn` is what it drew on each of the connection's phases when they were measured. `limit` is
    the current that it may draw now, on any phase, 0.0 if it does not charge, `requested` the one
    that was requested last. `is_stale` is whether it may already draw more than `drawn`, so that
    the rest seems to be drawn by others. If `is_lowered`, it may still draw more than its limit;
    otherwise, what exceeds the limit counts as drawn by others.
    """

    id: str
    drawn: tuple[float, ...]
    limit: float
    maximum: float
    minimum: float = CURRENT_MIN
    step: float = 1.0
    requested: float | None = None
    is_stale: bool = False
    is_lowered: bool = False

    @property
    def now(self) -> float:
        """The current that was requested last."""
        return self.limit if self.requested is None else self.requested

    def own(self, phase: int) -> float:
        """Return which current on a phase is its own, in A."""
        return self.drawn[phase] if self.is_lowered else min(self.drawn[phase], self.limit)


def next_currents(
    limits: Sequence[float],
    measured: Sequence[float],
    loads: Sequence[Load],
    *,
    share: Share = Share.EQUAL,
    settled: bool = True,
) -> dict[str, float]:
    """Return the current to set for each load in A, 0.0 if it must not charge.

    The arguments are those of `balance`. `settled` is whether the last change was `RAISE_AFTER`
    seconds ago. Until then, currents are only changed if the connection is overloaded. No current
    is raised while another one has to be lowered, and a load that `is_stale` is not stopped.
    """
    now = {load.id: load.now for load in loads}
    shares = balance(limits, measured, loads, share=share)
    lowered = {
        load.id: min(shares[load.id], load.now)
        or (min(load.minimum, load.now) if load.is_stale else 0.0)
        for load in loads
    }
    overloaded = any(
        current > limit + _SAME for current, limit in zip(measured, limits, strict=True)
    )
    if overloaded or (settled and lowered != now):
        return lowered
    if not settled:
        return now
    tighter = [limit - _MARGIN for limit in limits]
    raised = balance(tighter, measured, loads, share=share, raise_by=RAISE_BY)
    raised = {load.id: max(load.now, raised[load.id]) for load in loads}
    total = sum(max(load.limit, raised[load.id]) for load in loads)
    return raised if total <= _free(limits, measured, loads) + _SAME else now


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
    it feeds in), both in A and of the same length. Each load gets its minimum, in the order of
    `loads`, before any load gets more. A current is raised by `raise_by` at most, and lowered at
    once. A load that charges keeps its minimum if the limit is hardly exceeded (`_TOLERANCE`).
    """
    free = _free(limits, measured, loads)
    granted: dict[str, float] = {}
    for load in loads:
        needed = load.minimum - (_TOLERANCE if load.now else 0.0)
        if load.maximum >= load.minimum and free >= needed:
            granted[load.id] = load.minimum
            free -= load.minimum
    served = [load for load in loads if load.id in granted]
    if share is Share.ORDER:
        for load in served:
            more = max(min(load.maximum - load.minimum, free), 0.0)
            granted[load.id] += more
            free -= more
    else:
        _fill(served, granted, free)
    return {load.id: _next(load, granted.get(load.id, 0.0), raise_by) for load in loads}


def _free(limits: Sequence[float], measured: Sequence[float], loads: Sequence[Load]) -> float:
    """Return the current in A that the connection has for the loads, on every phase."""
    return min(
        limit - (now - sum(load.own(phase) for load in loads))
        for phase, (limit, now) in enumerate(zip(limits, measured, strict=True))
    )


def _fill(loads: Iterable[Load], granted: dict[str, float], free: float) -> None:
    """Raise all equally, until the maximum of a load or the limit is reached."""
    rising = list(loads)
    while rising:
        left = min(load.maximum - granted[load.id] for load in rising)
        more = max(min(left, free / len(rising)), 0.0)
        for load in rising:
            granted[load.id] += more
        free -= more * len(rising)
        rising = [
            load for load in rising if load.maximum - granted[load.id] > _SAME and free > _SAME
        ]


def _next(load: Load, share: float, raise_by: float) -> float:
    """Return the current to set: raised slowly, in steps that the charge point takes."""
    if share < load.minimum:
        return 0.0
    slowly = min(share, max(load.limit + raise_by, load.minimum))
    # The tolerance compensates for floating-point errors.
    steps = floor((slowly - load.minimum) / load.step + _SAME)
    return min(load.minimum + steps * load.step, load.maximum)


@dataclass(frozen=True, slots=True)
class Measured:
    """The current in A that a phase of the connection carries, since when, and what before."""

    current: float
    since: float
    before: float

    def next(self, current: float, now: float) -> Measured:
        """Return what is measured now."""
        return self if current == self.current else Measured(current, now, self.current)


def drawn_when_measured(
    draws: Sequence[tuple[float, float]], phases: Sequence[Measured]
) -> tuple[float, ...]:
    """Return what a load drew on each phase when that was measured, in A.

    `draws` are the times at which its current was looked up, the last one now, and the currents. If
    a load draws less than when a phase was measured, the difference must not seem to be drawn by
    others, or it would be paused. As the time is uncertain, this is the highest current within
    `_LAG` seconds. Only if others draw more, it is the present one: they must not exceed the limit
    for longer.
    """
    now, present = draws[-1]
    newest = max(phase.since for phase in phases)
    drawn = []
    for phase in phases:
        at = max(phase.since, newest - _TOGETHER, now - _UNCHANGED)
        then = [current for when, current in draws if at - _LAG <= when <= at]
        has_risen = phase.since == now and phase.current >= phase.before + _RISE
        drawn.append(present if has_risen else max(then, default=present))
    return tuple(drawn)


def fallback(loads: Iterable[Load], current: float) -> Mapping[str, float]:
    """Return the currents while the connection is not measured: at most `current`, and no raise."""
    return {
        load.id: lower if (lower := min(current, load.now, load.maximum)) >= load.minimum else 0.0
        for load in loads
    }
