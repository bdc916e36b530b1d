"""A grid connection: the load of the building that charge points share."""

from dataclasses import dataclass, field
from typing import override

from .capabilities import Capabilities
from .features import Feature
from .model import Identity, Meter, NodeKind, NodeSnapshot, Reason
from .node import Node, NodeHost


@dataclass(frozen=True, eq=False, kw_only=True)
class GridSnapshot(NodeSnapshot):
    """All that is known of a grid connection; currents in A.

    `meter` holds the current of each phase and their average. `installed_current` is what the
    connection can carry, `reserved_current` what the charge points may use of it together.
    """

    meter: Meter = field(default=Meter())
    installed_current: float | None = None
    reserved_current: float | None = None

    @property
    def highest_current(self) -> float | None:
        """The current of the phase with the highest load."""
        phases = (self.meter.current_l1, self.meter.current_l2, self.meter.current_l3)
        return max((current for current in phases if current is not None), default=None)


class GridConnection(Node[GridSnapshot]):
    """A grid connection, which is read-only."""

    def __init__(self, address: str, name: str, host: NodeHost) -> None:
        """Start with nothing known; `name` distinguishes it from others."""
        snapshot = GridSnapshot(identity=Identity(name=name, kind=NodeKind.GRID_CONNECTION))
        super().__init__(address, snapshot, host)

    def handle_report(
        self,
        meter: Meter,
        now: float,
        *,
        installed_current: float | None,
        reserved_current: float | None,
    ) -> None:
        """Take over a report; a limit that it does not contain remains."""
        limits = {"installed_current": installed_current, "reserved_current": reserved_current}
        known = {name: limit for name, limit in limits.items() if limit is not None}
        self._set_unavailable(None, now, meter=meter, **known)
        self._update(now, capabilities=_capabilities(self.snapshot))

    def set_unavailable(self, reason: Reason, now: float) -> None:
        """Forget the load: its source is gone."""
        self._set_unavailable(reason, now)

    @override
    def _set_unavailable(self, reason: Reason | None, now: float, **changes: object) -> None:
        if reason is not None:
            changes = {"meter": Meter()} | changes
        super()._set_unavailable(reason, now, **changes)


def _capabilities(snapshot: GridSnapshot) -> Capabilities:
    """Return the capabilities according to the reports so far."""
    values = {
        Feature.CURRENT: snapshot.meter.current,
        Feature.CURRENT_L1: snapshot.meter.current_l1,
        Feature.CURRENT_L2: snapshot.meter.current_l2,
        Feature.CURRENT_L3: snapshot.meter.current_l3,
        Feature.HIGHEST_CURRENT: snapshot.highest_current,
        Feature.INSTALLED_CURRENT: snapshot.installed_current,
        Feature.RESERVED_CURRENT: snapshot.reserved_current,
    }
    shown = (feature for feature, value in values.items() if value is not None)
    return snapshot.capabilities.reporting(*shown)
