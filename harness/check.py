"""An automatic test of the demo: all values exist, and all commands are confirmed."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
import time
from typing import Any

from .home import Home, HomeError

_NO_VALUE = ("unknown", "unavailable")
_PATIENCE = 60.0

type Car = Callable[[str, str], Awaitable[None]]


@dataclass(frozen=True)
class Expected:
    """A charge point of the demo: the slug of its entity ids, and its expected entities."""

    slug: str
    values: tuple[str, ...]
    locks: bool = False
    modes: tuple[str, ...] = ()
    #: Whether the station starts automatically when a car is connected and authorized.
    starts_automatically: bool = False

    @property
    def switch(self) -> str:
        """The charge switch, which has the name of the device."""
        return f"switch.{self.slug}"

    def entity(self, domain: str, name: str) -> str:
        """Return an entity id of this charge point."""
        return f"{domain}.{self.slug}_{name}"

    @property
    def entities(self) -> Iterable[str]:
        """All entities that must have a value before the test begins."""
        yield self.switch
        yield from (self.entity("sensor", name) for name in self.values)
        if self.locks:
            yield self.entity("lock", "cable_lock")


_METERED = ("status", "power", "lifetime_energy")

#: The charge points of the demo by name.
EXPECTED = {
    "garage": Expected("acme_wallbox", _METERED, locks=True, modes=("normal", "slow")),
    "driveway": Expected("acme_socket", ("status",)),
    "carport": Expected("everest_carport", _METERED, starts_automatically=True),
    "courtyard": Expected("courtyard", ("status", "power")),
}


#: All expected entities of the demo.
ENTITIES = frozenset(entity_id for expected in EXPECTED.values() for entity_id in expected.entities)


async def until_present(home: Home, entity_ids: AbstractSet[str] = ENTITIES) -> None:
    """Wait until all these entities exist, with or without a value."""
    deadline = time.monotonic() + _PATIENCE
    while missing := entity_ids - set(await home.states()):
        if time.monotonic() > deadline:
            raise HomeError(f"missing after {_PATIENCE:g} s: {', '.join(sorted(missing))}")
        await asyncio.sleep(0.1)


@dataclass
class Check:
    """Tests the main functions and records the results."""

    home: Home
    car: Car
    commands: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    _since: float = field(default_factory=time.monotonic)

    async def run(self) -> dict[str, Any]:
        """Return the report; raises HomeError at the first failure."""
        for name, expected in EXPECTED.items():
            for entity_id in expected.entities:
                await self._until(entity_id, lambda _: True)
            self._record_time(f"{name} values")
        for name, expected in EXPECTED.items():
            await self._charge(name, expected)
        states = await self.home.states()
        return {
            "ok": True,
            "chargepoints": {
                name: {
                    entity_id: state["state"]
                    for entity_id, state in sorted(states.items())
                    if expected.slug in entity_id
                }
                for name, expected in EXPECTED.items()
            },
            "commands": self.commands,
            "seconds": self.seconds,
        }

    async def _charge(self, name: str, expected: Expected) -> None:
        status = expected.entity("sensor", "status")
        await self.car(name, "plug")
        plugged = "charging" if expected.starts_automatically else "ready_to_charge"
        await self._until(status, lambda state: state == plugged)
        self._record(name, "plug", plugged)
        switch = expected.switch
        if expected.starts_automatically:
            await self._command(name, "pause", "switch.turn_off", switch, "off")
        for mode in expected.modes:
            # It applies to the next start.
            select = expected.entity("select", "charging_mode")
            await self._command(
                name, f"mode {mode}", "select.select_option", select, mode, option=mode
            )
        await self._command(name, "start", "switch.turn_on", switch, "on")
        # Before the first session, there may be no value.
        await self._until(expected.entity("sensor", "session_energy"), lambda _: True)
        if "power" in expected.values:
            power = expected.entity("sensor", "power")
            await self._until(power, lambda state: float(state) > 1000)  # noqa: PLR2004
            self._record(name, "power", (await self.home.states())[power]["state"])
        await self._command(name, "stop", "switch.turn_off", switch, "off")
        if expected.locks:
            lock = expected.entity("lock", "cable_lock")
            await self._command(name, "unlock", "lock.unlock", lock, "unlocked")
            await self._command(name, "lock", "lock.lock", lock, "locked")
        await self.car(name, "unplug")
        await self._until(status, lambda state: state == "disconnected")
        self._record(name, "unplug", "disconnected")

    async def _command(
        self, name: str, what: str, action: str, entity_id: str, expected: str, **data: Any
    ) -> None:
        """Call an action; it returns when the command is confirmed, so check the state."""
        await self.home.call(action, entity_id, **data)
        state = (await self.home.states())[entity_id]
        if state["state"] != expected or state["attributes"].get("pending"):
            raise HomeError(f"{what} of {name} returned, but {entity_id} is {state}")
        self._record(name, what, expected)

    async def _until(self, entity_id: str, matches: Callable[[str], bool]) -> None:
        """Wait until an entity exists, has a value, and its value matches."""
        last = "missing"
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            states = await self.home.states()
            last = states[entity_id]["state"] if entity_id in states else "missing"
            if last != "missing" and last not in _NO_VALUE and matches(last):
                return
            await asyncio.sleep(0.1)
        raise HomeError(f"{entity_id} is {last} after {_PATIENCE:g} s")

    def _record(self, name: str, what: str, state: str) -> None:
        self.commands[f"{name} {what}"] = state
        self._record_time(f"{name} {what}")

    def _record_time(self, what: str) -> None:
        now = time.monotonic()
        self.seconds[what] = round(now - self._since, 2)
        self._since = now
