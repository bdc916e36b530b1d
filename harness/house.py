"""A house that draws in steps, beside charging cars: the load of its grid connection."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from simulators.car import Connector


class Step(NamedTuple):
    """From `at` seconds on, the house draws so many A on each phase."""

    at: float
    currents: tuple[float, float, float]


class Sample(NamedTuple):
    """What was drawn `at` some seconds, in A: on each phase, and by each car."""

    at: float
    phases: tuple[float, ...]
    cars: tuple[float, ...]


@dataclass
class GridConnection:
    """A connection that may carry `limit` A per phase, for a house and cars on three phases."""

    limit: float
    steps: Sequence[Step]
    cars: Sequence[Connector]
    samples: list[Sample] = field(default_factory=list)

    def measure(self, at: float) -> tuple[float, ...]:
        """Return what each phase carries now, and keep it."""
        house = max(step for step in self.steps if step.at <= at).currents
        drawn = []
        for car in self.cars:
            car.advance()
            drawn.append(car.current)
        carried = tuple(current + sum(drawn) for current in house)
        self.samples.append(Sample(at, carried, tuple(drawn)))
        return carried

    def overloads(self) -> list[tuple[float, float]]:
        """Return when it carried more than the limit, and for how many seconds each time."""
        return list(_overloads(self.samples, self.limit))


def _overloads(samples: Sequence[Sample], limit: float) -> Iterable[tuple[float, float]]:
    since = None
    for sample in samples:
        if max(sample.phases) > limit + 0.05:
            since = sample.at if since is None else since
        elif since is not None:
            yield since, sample.at - since
            since = None
    if since is not None:
        yield since, samples[-1].at - since
