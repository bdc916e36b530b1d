"""Heartbeats that a station may require from us: `communication_check` of every module.

EVerest API v1. A station that is configured so reports an error until the first `true`, and
whenever none arrives in time. `false` turns that off until EVerest restarts. Charging is never
blocked by it.
"""

from functools import partial
from typing import TYPE_CHECKING, Final

from ...scheduler import Timers
from .module import ApiModule

if TYPE_CHECKING:
    from ...mqtt_hub import MqttHub

#: Seconds within which a heartbeat is expected if unknown: EVerest's default.
_PERIOD: Final = 5.0


class CommunicationCheck:
    """Sends the modules heartbeats, if the user wants that."""

    def __init__(self, hub: MqttHub, timers: Timers) -> None:
        """Start without any module."""
        self._hub = hub
        self._timers = timers
        self._periods: dict[ApiModule, float] = {}
        self._has_left = False

    def watch(self, module: ApiModule, period: float | None, now: float) -> None:
        """Send `module` heartbeats, within each `period` of seconds; None if unknown (yet)."""
        known = self._periods.get(module)
        if not self._hub.options.communication_check or (known is not None and period is None):
            return
        period = _PERIOD if period is None else period
        if known != period:
            self._periods[module] = period
            self._send(module, now)

    def connection_made(self, now: float) -> None:
        """Send them all again at once."""
        self._hub.internal_errors.each(self._periods, lambda module: self._send(module, now))

    def leave(self) -> list[tuple[str, bytes]]:
        """Send none any more; return the messages that make nobody expect one."""
        # A heartbeat after them would undo that.
        self._has_left = True
        watched = [module for module, period in self._periods.items() if period > 0]
        goodbyes = [module.message("communication_check", value=False) for module in watched]
        return [(goodbye.topic, goodbye.payload) for goodbye in goodbyes]

    def _send(self, module: ApiModule, now: float) -> None:
        name, period = f"check {module.address}", self._periods[module]
        if period <= 0 or self._has_left:
            self._timers.cancel(name)
            return
        module.send(module.message("communication_check", value=True))
        self._timers.set(name, now + period / 2, partial(self._send, module))
