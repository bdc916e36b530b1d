"""A station with several charge points: the faults of the station as a whole."""

from dataclasses import dataclass

from .model import NodeSnapshot


@dataclass(frozen=True, eq=False, kw_only=True)
class StationSnapshot(NodeSnapshot):
    """All that is known of a station; `faults` is None until it reports them."""

    faults: frozenset[str] | None = None

    @property
    def problems(self) -> tuple[str, ...]:
        """The names of everything that is wrong."""
        return tuple(sorted(self.faults or ()))
