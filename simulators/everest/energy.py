"""How much an EVSE may draw: the fuse, the requested limits, and the result."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
import time

from simulators.car import MIN_CURRENT, NOMINAL_VOLTAGE

from . import messages
from .delay import RandomDelay
from .point import Point

_ENERGY_MANAGER_SECONDS = 1.0
# Clocks differ slightly.
_EARLY_SECONDS = 5.0

_CURRENT = "ac_max_current_A"
_PHASES = "ac_max_phase_count"
_POWER = "total_power_W"
NUMBERS = (_CURRENT, _POWER, "ac_min_current_A")
INTEGERS = (_PHASES, "ac_min_phase_count")

type Limits = dict[str, tuple[float, str]]


@dataclass(frozen=True)
class RequestedLimits:
    """Limits requested from a certain time on."""

    since: float
    limits: Limits

    @classmethod
    def now(cls, source: str, **limits: float) -> RequestedLimits:
        """Request limits that apply at once; all have the same source."""
        return cls(0.0, {name: (value, source) for name, value in limits.items()})


class Energy:
    """The limits of one EVSE; the last request applies."""

    def __init__(self, evse: Point, delay: RandomDelay) -> None:
        """Start with the fuse only."""
        self.publishers: list[Callable[[str, object], None]] = []
        """Who else publishes what is in force."""
        self._station = evse.station
        self._evse = evse
        self._delay = delay
        self._requested: tuple[RequestedLimits, ...] = ()
        self._grid: tuple[RequestedLimits, ...] = ()
        self._published: tuple[float, int] = (0.0, 0)
        self._awake = False

    @property
    def limits(self) -> Limits:
        """The limits that apply, with their sources; a limit above the fuse has no effect."""
        setup = self._evse.setup
        found: Limits = {
            _CURRENT: (setup.max_current, "module_config"),
            _PHASES: (setup.phases, "grid/module_config"),
        }
        for requested in (_due(self._requested), _due(self._grid)):
            self._apply(requested, found)
        if found[_CURRENT][0] < MIN_CURRENT or not found[_PHASES][0]:
            nothing: Limits = {_CURRENT: (0.0, "")}
            return nothing | {_POWER: (0.0, "")} if _POWER in found else nothing
        if _POWER in found:
            # The granted power is reported, not the requested one; the strictest limit applies.
            current, source = found[_CURRENT]
            found[_POWER] = current * found[_PHASES][0] * NOMINAL_VOLTAGE, source
        return found

    def _apply(self, requested: Limits, found: Limits) -> None:
        """Apply the limits requested at one node to `found` if they are stricter."""
        setup = self._evse.setup
        if setup.switches and requested.get(_PHASES, (3, ""))[0] < found[_PHASES][0]:
            found[_PHASES] = requested[_PHASES]
        if _POWER in requested:
            found[_POWER] = requested[_POWER]
            watts, source = requested[_POWER]
            phases = found[_PHASES][0] or 1
            found[_CURRENT] = min(found[_CURRENT], (watts / NOMINAL_VOLTAGE / phases, source))
        if _CURRENT in requested and requested[_CURRENT][0] < found[_CURRENT][0]:
            found[_CURRENT] = requested[_CURRENT]

    @property
    def current(self) -> float:
        """The permitted current in A."""
        return self.limits[_CURRENT][0]

    @property
    def phases(self) -> int:
        """The number of phases; irrelevant while no current flows."""
        return int(self.limits.get(_PHASES, (self._evse.setup.phases, ""))[0])

    def request(self, *requests: RequestedLimits) -> None:
        """Replace all earlier requests."""
        self._requested = requests
        self.update()

    def later(self, *requests: RequestedLimits, grid: bool = False) -> None:
        """Request limits from the next round of the energy manager on.

        Those at the grid's node apply in addition to those at the EVSE's; the stricter ones count.
        """

        async def wait() -> None:
            await self._station.sleep(_ENERGY_MANAGER_SECONDS)
            if grid:
                self._grid = requests
                self.update()
            else:
                self.request(*requests)

        self._station.spawn(wait())

    def sleep(self) -> None:
        """Forget all requests, and that there ever were any."""
        self._requested = self._grid = ()
        self._published = (0.0, 0)
        self._awake = False

    async def manage(self) -> None:
        """Publish the limits that apply periodically; at first, that there are none."""
        self._publish({_CURRENT: (0.0, "")})
        await self._station.sleep(_ENERGY_MANAGER_SECONDS)
        self._awake = True
        while True:
            self.update()
            await asyncio.sleep(_ENERGY_MANAGER_SECONDS)

    def update(self) -> None:
        """Publish the limits that apply, and update the EVSE if they have changed."""
        if not self._awake:
            return
        limits = self.limits
        self._publish(limits)
        now = (self.current, self.phases)
        if now != self._published:
            rises = self._published[0] < MIN_CURRENT <= now[0]
            self._published = now
            if rises:
                self._delay.begin()
            self._evse.settle()

    def _publish(self, limits: Limits) -> None:
        voice = self._evse.voice
        described = messages.enforced_limits(voice.connector_id, limits)
        voice.api.publish("enforced_limits", described)
        for publish in self.publishers:
            publish("enforced_limits", described)
        phases = int(limits.get(_PHASES, (self._evse.setup.phases, ""))[0])
        voice.limits(limits[_CURRENT][0], phases)
        self._delay.publish(self.current)


def _due(requests: tuple[RequestedLimits, ...]) -> Limits:
    """Return the limits that apply now; later ones replace earlier ones."""
    soon = time.time() + _EARLY_SECONDS
    due = [request for request in requests if request.since <= soon]
    return max(due, key=lambda request: request.since).limits if due else {}
