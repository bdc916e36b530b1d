"""The station of several EVSEs: it has the errors, which name a driver and no EVSE.

EVerest API v1, error_history_consumer.
"""

from functools import partial
from typing import TYPE_CHECKING, override

from ..station import Station
from .api.errors import ASK_AGAIN, ErrorHistory

if TYPE_CHECKING:
    from ..model import ChargepointSnapshot
    from ..node import NodeHost
    from .api.chargepoint import EverestChargepoint


def station_address(prefix: str) -> str:
    """Return by which address the station below a prefix is known, if it is shown."""
    return f"everest_station:{prefix}"


class EverestStation(Station):
    """A station that is there as long as one of its EVSEs is."""

    def __init__(self, address: str, name: str, host: NodeHost) -> None:
        """Begin without any part."""
        super().__init__(address, name, host)
        self._first: EverestChargepoint | None = None
        #: Its EVSEs that are available, and the histories that are of none of them.
        self._there: set[EverestChargepoint] = set()
        self._histories: dict[ErrorHistory, None] = {}

    def add_evse(self, evse: EverestChargepoint) -> None:
        """Take over one of its EVSEs."""
        self._first = self._first or evse
        look = partial(self._look, evse)
        evse.add_listener(look)
        evse.when_restarted = self._begin_anew
        look(evse.snapshot)

    def add_history(self, history: ErrorHistory, now: float) -> None:
        """Take over a history that is of none of its EVSEs."""
        self._histories[history] = None
        history.listen(self._changed)
        history.ask(now)

    def remove_history(self, history: ErrorHistory) -> None:
        """It is that of an EVSE."""
        del self._histories[history]
        history.ignore(self._changed)

    def _look(self, evse: EverestChargepoint, snapshot: ChargepointSnapshot) -> None:
        """Be there where an EVSE is; there may be hundreds, so only look at the one."""
        if snapshot.available:
            self._there.add(evse)
        else:
            self._there.discard(evse)
        now = self.host.clock.now()
        before = self.snapshot.available
        first = self._first or evse
        self.set_available(None if self._there else first.snapshot.unavailable, now)
        if self.snapshot.available and not before:
            self._ask_twice(now)

    def _begin_anew(self, now: float) -> None:
        """It was restarted: what was wrong need not be so any more."""
        for each in self._histories:
            each.forget()
        self.take_faults(None, now)
        self._ask_twice(now)

    def _ask_twice(self, now: float) -> None:
        self._ask(now)
        self.timers.set("errors", now + ASK_AGAIN, self._ask)

    def _ask(self, now: float) -> None:
        self.host.internal_errors.each(self._histories, lambda each: each.ask(now))

    def _changed(self, _: frozenset[str], now: float) -> None:
        known = any(each.known for each in self._histories)
        names = frozenset[str]().union(*(each.names for each in self._histories))
        self.take_faults(names if known or names else None, now)

    @override
    def connection_lost(self, now: float) -> None:
        super().connection_lost(now)
        for each in self._histories:
            each.forget()
