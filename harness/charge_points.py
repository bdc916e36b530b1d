"""The charge points of the demo, and the words they obey."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from simulators.everest import EverestSimulator, EvseSetup, SisterSetup
from simulators.fimp import ChargepointSetup, FimpSimulator
from simulators.mqtt import Broker
from simulators.simulator import Simulator, Timing

from .home import HomeError

#: What a kWh costs there, in the currency of the demo.
PRICE = 1.5

_BROKER_SECONDS = 15.0
#: Energy flows faster than life, so that there is something to see.
_TIMING = Timing(speed=10, poll=5)


class Cars:
    """The simulated charge points by name, and the words they obey."""

    def __init__(self, *simulators: Simulator[Any]) -> None:
        """Collect the charge points of all simulators."""
        self.points = {name: point for each in simulators for name, point in each.points.items()}

    async def do(self, name: str, words: str) -> None:
        """Let the charge point `name` obey `words`, such as `plug`."""
        word, _, argument = words.partition(" ")
        await self.points[name].do(word, argument)


@asynccontextmanager
async def charge_points(broker: Broker, *others: Simulator[Any]) -> AsyncIterator[Cars]:
    """Run the charge points of the demo on `broker`, and `others` beside them.

    Raises:
        HomeError: there is no broker.

    """
    simulators: tuple[Simulator[Any], ...] = (
        FimpSimulator(
            broker,
            ChargepointSetup(name="garage", profile="full", serial="WB-0001"),
            ChargepointSetup(name="driveway", profile="minimal", serial="SO-0002"),
            adapter="acme",
            timing=_TIMING,
        ),
        EverestSimulator(
            broker,
            EvseSetup(name="carport", module="carport", limits="limits"),
            companions=SisterSetup(errors="errors"),
            timing=_TIMING,
        ),
        *others,
    )
    async with AsyncExitStack() as stack:
        try:
            async with asyncio.timeout(_BROKER_SECONDS):
                for each in simulators:
                    await stack.enter_async_context(each)
        except TimeoutError as error:
            raise HomeError(f"no broker at {broker.host}:{broker.port}") from error
        yield Cars(*simulators)
