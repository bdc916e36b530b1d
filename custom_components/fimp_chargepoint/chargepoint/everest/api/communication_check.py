"""Signs of life that a station may want from us: `communication_check` of every module.

EVerest API v1. A station that is configured so reports an error until the first `true`, and
whenever none comes in time. `false` ends that until EVerest starts anew. Charging is never
blocked by it.
"""

from functools import partial
from typing import TYPE_CHECKING, Final

from ...scheduler import Timers
from ..module import Module

if TYPE_CHECKING:
    from ...hub import Hub

#: Seconds within which a sign is wanted where nobody tells; what EVerest has by default.
_PERIOD: Final = 5.0


class CommunicationCheck:
    """Tells the modules that we live, as often as they want it, where the user does."""

    def __init__(self, hub: Hub, timers: Timers) -> None:
        """Know of no module yet."""
        self._hub = hub
        self._timers = timers
        self._periods: dict[str, tuple[Module, float]] = {}
        self._has_left = False

    def watch(self, module: Module, period: float | None, now: float) -> None:
        """Tell `module` from now on, within each `period` of seconds; None is not told yet."""
        known = self._periods.get(module.address)
        if not self._hub.options.communication_check or (known and period is None):
            return
        period = _PERIOD if period is None else period
        if known is None or known[1] != period:
            self._periods[module.address] = (module, period)
            self._tell(module.address, now)

    def connection_made(self, now: float) -> None:
        """Nobody has heard from us for a while."""
        self._hub.internal_errors.each(self._periods, lambda address: self._tell(address, now))

    def leave(self) -> list[tuple[str, bytes]]:
        """Give no sign any more; returns what lets nobody miss us."""
        # A sign after the goodbye would call it off, and nobody would say it again.
        self._has_left = True
        wanted = [module for module, period in self._periods.values() if period > 0]
        goodbyes = [each.message("communication_check", value=False) for each in wanted]
        return [(each.topic, each.payload) for each in goodbyes]

    def _tell(self, address: str, now: float) -> None:
        module, period = self._periods[address]
        name = f"check {address}"
        if period <= 0 or self._has_left:
            # It wants none, or gets none any more.
            self._timers.cancel(name)
            return
        message = module.message("communication_check", value=True)
        self._hub.send(message.topic, message.payload)
        self._timers.set(name, now + period / 2, partial(self._tell, address))
