"""The station of several EVSEs: it has the errors, which name a driver and no EVSE.

EVerest API v1, error_history_consumer.
"""

from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING, Final, override

from ..capabilities import Capabilities
from ..model import Feature, Identity, NodeKind, Reason
from ..node import Node, NodeHost
from ..station import StationSnapshot
from .api.companions import ErrorHistory

if TYPE_CHECKING:
    from ..model import ChargepointSnapshot
    from .api.chargepoint import EverestChargepoint


#: Why it is unavailable if its EVSEs differ: the first one that holds for any of them. An EVSE that
#: has not reported yet says nothing of a station that was available and is silent.
_REASONS: Final = None, Reason.NOT_CONNECTED, Reason.SILENT, Reason.NOT_HEARD


def station_address(prefix: str) -> str:
    """Return the address of the station below a topic prefix."""
    return f"everest_station:{prefix}"


class EverestStation(Node[StationSnapshot]):
    """A station that is available as long as one of its EVSEs is."""

    def __init__(self, address: str, name: str, host: NodeHost) -> None:
        """Start without any EVSE; `name` distinguishes it from others, and may be empty."""
        snapshot = StationSnapshot(
            identity=Identity(name=name, kind=NodeKind.STATION),
            capabilities=Capabilities(reports=frozenset({Feature.STATION_FAULTS})),
        )
        super().__init__(address, snapshot, host)
        #: Its EVSEs by why they are unavailable, None if they are available.
        self._evses: dict[Reason | None, set[EverestChargepoint]] = defaultdict(set)
        #: The error histories that belong to none of its EVSEs.
        self._histories: dict[ErrorHistory, None] = {}

    def add_evse(self, evse: EverestChargepoint) -> None:
        """Add one of its EVSEs."""
        evse.add_listener(partial(self._evse_changed, evse))
        evse.on_restart = self._restarted
        self._evse_changed(evse, evse.snapshot)

    def set_history(self, history: ErrorHistory, *, is_ours: bool) -> None:
        """Take over a history that belongs to none of its EVSEs, or give it to an EVSE."""
        if is_ours == (history in self._histories):
            return
        if is_ours:
            self._histories[history] = None
            history.add_listener(self._errors_changed)
            history.request_list(self.host.clock.now())
        else:
            del self._histories[history]
            history.remove_listener(self._errors_changed)

    def _evse_changed(self, evse: EverestChargepoint, snapshot: ChargepointSnapshot) -> None:
        """Take a change of one EVSE; there may be hundreds of others."""
        for evses in self._evses.values():
            evses.discard(evse)
        self._evses[snapshot.unavailable].add(evse)
        now = self.host.clock.now()
        reason = next(filter(self._evses.get, _REASONS), snapshot.unavailable)
        if reason is not self.snapshot.unavailable:
            self._set_unavailable(reason, now)
            if reason is None:
                self._ask_anew(now)

    def _restarted(self, now: float) -> None:
        self._take_faults(None, now)
        self._ask_anew(now)

    def _take_faults(self, faults: frozenset[str] | None, now: float) -> None:
        if self.snapshot.available:
            self._update(now, faults=faults)

    def _ask_anew(self, now: float) -> None:
        self._forget_errors()
        self.host.internal_errors.each(self._histories, lambda each: each.request_list(now))

    def _forget_errors(self) -> None:
        for history in self._histories:
            history.forget()

    def _errors_changed(self, _: frozenset[str], now: float) -> None:
        known = any(history.known for history in self._histories)
        names = frozenset[str]().union(*(history.names for history in self._histories))
        self._take_faults(names if known or names else None, now)

    @override
    def _set_unavailable(self, reason: Reason | None, now: float, **changes: object) -> None:
        """Forget its faults if their source is gone."""
        if reason is not None:
            changes = {"faults": None} | changes
        super()._set_unavailable(reason, now, **changes)

    @override
    def connection_lost(self, now: float) -> None:
        super().connection_lost(now)
        self._forget_errors()
