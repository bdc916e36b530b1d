"""The station of several EVSEs: it has the errors, which name a driver and no EVSE.

EVerest API v1, error_history_consumer.
"""

from typing import TYPE_CHECKING, override

from ..station import Station
from .errors import ASK_AGAIN, ErrorHistory

if TYPE_CHECKING:
    from ..node import Outlet
    from .chargepoint import EverestChargepoint


def station_address(prefix: str) -> str:
    """Return by which address the station below a prefix is known, if it is shown."""
    return f"everest_station:{prefix}"


class EverestStation(Station):
    """A station that is there as long as one of its EVSEs is."""

    def __init__(self, address: str, name: str, outlet: Outlet) -> None:
        """Begin without any part."""
        super().__init__(address, name, outlet)
        self._evses: list[EverestChargepoint] = []
        self._histories: list[ErrorHistory] = []

    def take_parts(
        self, evses: list[EverestChargepoint], histories: list[ErrorHistory], now: float
    ) -> None:
        """Take over its EVSEs, and the histories that are of none of them."""
        for evse in evses:
            if evse not in self._evses:
                self._evses.append(evse)
                evse.add_listener(self._look)
                evse.when_restarted = self._begin_anew
        for each in self._histories:
            if each not in histories:
                each.ignore(self._changed)
        new = [each for each in histories if each not in self._histories]
        self._histories = histories
        for each in new:
            each.listen(self._changed)
            each.ask(now)
        self._look(None)

    def _look(self, _: object) -> None:
        """Be there where an EVSE is."""
        now = self.outlet.clock.now()
        before = self.snapshot.available
        reasons = [each.snapshot.unavailable for each in self._evses]
        self.set_available(None if None in reasons else reasons[0], now)
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
        for each in self._histories:
            each.ask(now)

    def _changed(self, _: frozenset[str], now: float) -> None:
        known = any(each.known for each in self._histories)
        names = frozenset[str]().union(*(each.names for each in self._histories))
        self.take_faults(names if known or names else None, now)

    @override
    def link_down(self, now: float) -> None:
        super().link_down(now)
        for each in self._histories:
            each.forget()
