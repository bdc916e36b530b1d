"""What `bench.compare` has measured: the figures of each round, and why others are missing."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from .scenarios import Figures, Scenario

#: A reason is a line of a list, not a log.
_REASON_MAX = 200


def reason_of(error: BaseException) -> str:
    """Return in one line what went wrong."""
    name, text = type(error).__name__, " ".join(str(error).split())
    return (f"{name}: {text}" if text else name).replace("|", "/")[-_REASON_MAX:]


@dataclass
class Results:
    """Grows while it is measured; a round that failed keeps its place, with what it had."""

    #: The figures of each round, by the title of the scenario and the program.
    rounds: dict[str, dict[str, list[Figures]]] = field(default_factory=dict)
    #: Why figures are missing.
    problems: dict[str, dict[str, list[str]]] = field(default_factory=dict)

    @classmethod
    def planned(cls, scenarios: Iterable[Scenario]) -> Results:
        """Return what is about to be measured."""
        return cls({each.title: {kind: [] for kind in each.kinds} for each in scenarios})

    def add(self, scenario: Scenario, kind: str, figures: Figures, problem: str | None) -> None:
        """Add what one program did in a round."""
        rounds = self.rounds[scenario.title][kind]
        rounds.append(figures)
        if problem is not None:
            problems = self.problems.setdefault(scenario.title, {}).setdefault(kind, [])
            problems.append(f"round {len(rounds)}: {problem}")

    def is_planned(self, scenario: Scenario, kind: str) -> bool:
        """Return whether a program is to be measured with a fleet."""
        return kind in self.rounds.get(scenario.title, {})

    def values(self, scenario: Scenario, kind: str, figure: str) -> list[float | None]:
        """Return a figure of each round, None if it is missing."""
        rounds = self.rounds.get(scenario.title, {}).get(kind, ())
        return [figures.get(figure) for figures in rounds]

    def reason(self, scenario: Scenario, kind: str) -> str:
        """Return why a figure is missing; empty if nothing is known to have failed."""
        if not self.rounds[scenario.title][kind]:
            return f"{kind} was not reached"
        problems = self.problems.get(scenario.title, {}).get(kind)
        return f"{kind}, {problems[0]}" if problems else ""
