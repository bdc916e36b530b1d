"""The fleets that `bench.compare` measures, and the resulting figures."""

from collections.abc import Sequence
from dataclasses import dataclass

from .subject import KINDS

type Figures = dict[str, float]

#: What is compared: figure -> its name, and its unit.
FIGURES = {
    "burst": ("CPU per message, burst", "us"),
    "drained": ("messages per second, burst", "/s"),
    "handled": ("share of the burst that no newer message replaced", ""),
    "steady": ("CPU per message, 200/s", "us"),
    "natural": ("CPU per message, 2/s for each charge point", "us"),
    "changes": ("state changes per message", ""),
    "core": ("share of a core, 2/s for each charge point", ""),
    "rows": ("database rows of states, 2/s for each charge point", "/s"),
    "p50": ("latency, median", "ms"),
    "p99": ("latency, 99 %", "ms"),
    "max": ("latency, maximum", "ms"),
    "start": ("CPU to start", "s"),
    "discovery": ("from discovery until all states are true", "s"),
    "entities": ("entities", ""),
    "kB": ("memory per charge point", "kB"),
    "kB_entity": ("memory per entity", "kB"),
    "wakes": ("wakes of the loop in silence", "/s"),
}


@dataclass(frozen=True)
class Scenario:
    """A fleet, the programs that are compared with it, and what it does."""

    protocol: str
    charge_points: int
    kinds: Sequence[str] = KINDS
    loads: Sequence[str] = ("steady", "natural", "latency", "burst")
    recorder: bool = False
    sites: int = 0

    @property
    def title(self) -> str:
        """The title of its table."""
        extra = ", recorder" if self.recorder else ""
        extra += f", {self.sites} sites" if self.sites else ""
        return f"{self.protocol}, {self.charge_points} charge points{extra}"


#: 100 charge points publish 200 messages a second, which is also their natural rate.
_LOADS = ("steady", "latency", "burst")
EVEREST = Scenario("everest", 100, loads=(*_LOADS, "silence"))
FIMP = Scenario("fimp", 100, loads=_LOADS)
FEW = Scenario("everest", 10, ("equal",), ("steady",))
MANY = Scenario("everest", 1000, ("equal",), ("steady",))
DISCOVERY = Scenario("everest", 500, ("core", "default"), ())
RECORDER = Scenario("everest", 100, ("core", "default"), ("natural",), recorder=True)
#: What covers all targets.
SCENARIOS = (EVEREST, FIMP, FEW, MANY, DISCOVERY, RECORDER)
