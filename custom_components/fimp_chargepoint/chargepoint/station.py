"""A station with several charge points: the faults of the station as a whole."""

from dataclasses import dataclass
from typing import override

from .capabilities import Capabilities
from .model import Feature, Identity, NodeKind, NodeSnapshot, Reason
from .node import Node, NodeHost


@dataclass(frozen=True, kw_only=True)
class StationSnapshot(NodeSnapshot):
    """All that is known of a station; `faults` is None until it reports them."""

    faults: frozenset[str] | None = None

    @property
    def problems(self) -> tuple[str, ...]:
        """The names of everything that is wrong."""
        return tuple(sorted(self.faults or ()))


class Station(Node[StationSnapshot]):
    """A station, whose charge points are nodes of their own."""

    def __init__(self, address: str, name: str, host: NodeHost) -> None:
        """Start with nothing known; `name` distinguishes it from others, and may be empty."""
        snapshot = StationSnapshot(
            identity=Identity(name=name, kind=NodeKind.STATION),
            capabilities=Capabilities(reports=frozenset({Feature.STATION_FAULTS})),
        )
        super().__init__(address, snapshot, host)

    def take_faults(self, faults: frozenset[str] | None, now: float) -> None:
        """Take the names of everything that is wrong, None if that is unknown."""
        if self.snapshot.available:
            self._update(now, faults=faults)

    def set_available(self, reason: Reason | None, now: float) -> None:
        """Take over why it is unavailable, None if it is available."""
        if reason is not self.snapshot.unavailable:
            self._set_unavailable(reason, now)

    @override
    def _set_unavailable(self, reason: Reason | None, now: float, **changes: object) -> None:
        """Forget its faults if their source is gone."""
        if reason is not None:
            changes = {"faults": None} | changes
        super()._set_unavailable(reason, now, **changes)
