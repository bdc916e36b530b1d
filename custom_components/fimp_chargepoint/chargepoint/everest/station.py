"""The station of several EVSEs: it has the errors, which name a driver and no EVSE.

EVerest API v1, error_history_consumer.
"""

from functools import partial
from typing import TYPE_CHECKING, override

from ..station import Station
from ..watchdog import Inquiry
from .api.companions import ErrorHistory

if TYPE_CHECKING:
    from ..model import ChargepointSnapshot
    from ..node import NodeHost
    from .api.chargepoint import EverestChargepoint

#: Seconds after which the errors are requested again if no list came.
_ASK_AGAIN = 3.0


def station_address(prefix: str) -> str:
    """Return the address of the station below a topic prefix."""
    return f"everest_station:{prefix}"


class EverestStation(Station):
    """A station that is available as long as one of its EVSEs is."""

    def __init__(self, address: str, name: str, host: NodeHost) -> None:
        """Start without any EVSE."""
        super().__init__(address, name, host)
        self._first: EverestChargepoint | None = None
        self._available: set[EverestChargepoint] = set()
        #: The error histories that belong to none of its EVSEs.
        self._histories: dict[ErrorHistory, None] = {}
        self._errors = Inquiry(self.timers, "errors", self._ask, (_ASK_AGAIN,), gave_up=self._ask)

    def add_evse(self, evse: EverestChargepoint) -> None:
        """Take one of its EVSEs."""
        self._first = self._first or evse
        look = partial(self._look, evse)
        evse.add_listener(look)
        evse.when_restarted = self._restarted
        look(evse.snapshot)

    def add_history(self, history: ErrorHistory) -> None:
        """Take a history that belongs to none of its EVSEs."""
        self._histories[history] = None
        history.add_listener(self._changed)
        history.request_list()

    def remove_history(self, history: ErrorHistory) -> None:
        """It belongs to an EVSE."""
        del self._histories[history]
        history.remove_listener(self._changed)

    def _look(self, evse: EverestChargepoint, snapshot: ChargepointSnapshot) -> None:
        """Take a change of one EVSE; there may be hundreds of others."""
        if snapshot.available:
            self._available.add(evse)
        else:
            self._available.discard(evse)
        now = self.host.clock.now()
        before = self.snapshot.available
        first = self._first or evse
        self.set_available(None if self._available else first.snapshot.unavailable, now)
        if self.snapshot.available and not before:
            self._ask_anew(now)

    def _restarted(self, now: float) -> None:
        self.take_faults(None, now)
        self._ask_anew(now)

    def _ask_anew(self, now: float) -> None:
        for history in self._histories:
            history.forget()
        self._errors.start(now)

    def _ask(self, _: float) -> None:
        unknown = [history for history in self._histories if not history.known]
        self.host.internal_errors.each(unknown, ErrorHistory.request_list)

    def _changed(self, _: frozenset[str], now: float) -> None:
        known = any(history.known for history in self._histories)
        names = frozenset[str]().union(*(history.names for history in self._histories))
        self.take_faults(names if known or names else None, now)

    @override
    def connection_lost(self, now: float) -> None:
        super().connection_lost(now)
        for history in self._histories:
            history.forget()
