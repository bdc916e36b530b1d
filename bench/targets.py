"""What the figures of `bench.compare` have to reach."""

from collections.abc import Iterable
from dataclasses import dataclass

from .results import Results
from .scenarios import DISCOVERY, EVEREST, FEW, FIGURES, FIMP, MANY, RECORDER, Scenario


@dataclass(frozen=True)
class Target:
    """A figure, or a ratio of one, that is to be reached."""

    figure: str
    ours: tuple[Scenario, str]
    limit: float
    theirs: tuple[Scenario, str] | None = None
    at_least: bool = False

    @property
    def text(self) -> str:
        """What is measured."""
        name = FIGURES[self.figure][0]
        scenario, kind = self.ours
        if self.theirs is None:
            return f"{name}: {kind} ({scenario.title})"
        other, other_kind = self.theirs
        if other is scenario:
            return f"{name}: {kind} / {other_kind} ({scenario.title})"
        return f"{name}: {kind}, {scenario.charge_points} / {other.charge_points} charge points"

    @property
    def needed(self) -> list[tuple[Scenario, str]]:
        """The programs that have to be measured for it."""
        return [self.ours] if self.theirs is None else [self.ours, self.theirs]

    def measured(self, results: Results) -> list[float]:
        """Return the values of all rounds that have one."""
        ours = results.values(*self.ours, self.figure)
        if self.theirs is None:
            return [value for value in ours if value is not None]
        theirs = results.values(*self.theirs, self.figure)
        # What was measured in the same round is compared.
        pairs = zip(ours, theirs, strict=False)
        return [one / other for one, other in pairs if one is not None and other]


def _ratios(scenario: Scenario) -> Iterable[Target]:
    """Yield the targets of a fleet of 100 charge points."""
    equal, default = (scenario, "equal"), (scenario, "default")
    core, floor = (scenario, "core"), (scenario, "floor")
    yield Target("burst", equal, 0.4, core)
    # This rate is also the natural one of 100 charge points, whose limit is the lower one.
    yield Target("steady", equal, 0.8, core)
    yield Target("burst", default, 2.0, floor)
    yield Target("steady", default, 1.4, floor)
    yield Target("drained", default, 20_000, at_least=True)
    yield Target("kB_entity", equal, 0.45, core)
    for ours in (equal, default):
        yield Target("p50", ours, 1.0, core)
        yield Target("p99", ours, 1.0, core)


TARGETS = (
    *_ratios(EVEREST),
    *_ratios(FIMP),
    Target("core", (RECORDER, "default"), 0.2, (RECORDER, "core")),
    Target("rows", (RECORDER, "default"), 0.2, (RECORDER, "core")),
    Target("steady", (MANY, "equal"), 1.2, (FEW, "equal")),
    Target("discovery", (DISCOVERY, "default"), 0.5, (DISCOVERY, "core")),
    Target("wakes", (EVEREST, "default"), 1.0),
)
