"""A connector, the car in it and the energy that flows between them."""

from collections.abc import Callable
from dataclasses import dataclass, field
import math
import time

NOMINAL_VOLTAGE = 230.0
MIN_CURRENT = 6.0

_LET_GO = 4


@dataclass
class Connector:
    """The physical side of a charge point: plug, current, power and energy.

    The charge point sets its offer (``offered``); the car takes as much of it as it can and needs.
    Nothing changes automatically: ``advance`` updates the numbers to the present.
    """

    max_current: float = 32.0
    """What the car can take, per phase, in ampere."""
    phases: int = 3
    needed: float = math.inf
    """Energy in kWh after which a car is full."""
    speed: float = 1.0
    """How much faster than life the energy flows."""
    ramp: float = 16.0
    """How fast the current rises, in ampere per second; infinite is at once."""
    lifetime: float = 1234.5
    """What the meter has counted so far, in kWh."""
    clock: Callable[[], float] = time.monotonic

    plugged: bool = field(default=False, init=False)
    offered: float = field(default=0.0, init=False)
    car_paused: bool = field(default=False, init=False)
    current: float = field(default=0.0, init=False)
    energy: float = field(default=0.0, init=False)
    """Energy of this session, or of the last one when nothing is plugged, in kWh."""
    previous: float = field(default=0.0, init=False)
    """Energy of the session before, in kWh."""
    _need: float = field(default=math.inf, init=False)
    _then: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        """Start the clock."""
        self._then = self.clock()

    def plug(self) -> None:
        """Plug in an empty car."""
        self.advance()
        self.plugged = True
        self.car_paused = False
        self.previous, self.energy = self.energy, 0.0
        self._need = self.needed

    def unplug(self) -> None:
        """Unplug the car; the energy it took stays readable."""
        self.cut()
        self.plugged = False

    def cut(self) -> None:
        """Open the contactor."""
        self.advance()
        self.current = 0.0
        self.offered = 0.0

    def fill(self) -> None:
        """Give the car all the energy that it needs."""
        self.advance()
        self._need = self.energy

    @property
    def full(self) -> bool:
        """Whether the car has all the energy that it needs."""
        return self.plugged and self.energy >= self._need

    @property
    def power(self) -> float:
        """The present power in W."""
        return self.current * self.phases * NOMINAL_VOLTAGE

    @property
    def _target(self) -> float:
        """The current that this car would take of the present offer."""
        wants = self.plugged and not self.car_paused and not self.full
        takes = min(self.offered, self.max_current)
        return takes if wants and takes >= MIN_CURRENT else 0.0

    def advance(self) -> None:
        """Simulate the time since the last call: ramp the current, count the energy."""
        now = self.clock()
        elapsed, self._then = now - self._then, now
        before, target = self.power, self._target
        if math.isinf(self.ramp):
            self.current, mean = target, before
        else:
            step = self.ramp * elapsed
            # Current falls faster than it rises.
            self.current += max(-_LET_GO * step, min(step, target - self.current))
            # Power ramps linearly; the mean is exact enough.
            mean = (before + self.power) / 2
        taken = mean * elapsed * self.speed / 3_600_000
        taken = min(taken, max(0.0, self._need - self.energy))
        self.energy += taken
        self.lifetime += taken
        if self.full and math.isinf(self.ramp):
            self.current = 0.0

    def offer(self, current: float, phases: int | None = None) -> None:
        """Change the current offered to the car."""
        self.advance()
        self.offered = current
        self.phases = phases or self.phases
        self.advance()
