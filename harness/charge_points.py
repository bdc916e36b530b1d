"""The simulated charge points of the demo."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from simulators.blue_current import AccountSetup, BlueCurrentSimulator
from simulators.blue_current import ChargepointSetup as BlueCurrentSetup
from simulators.everest import CompanionSetup, EverestSimulator, EvseSetup
from simulators.fimp import ChargepointSetup, FimpSimulator
from simulators.mqtt import Broker
from simulators.simulator import Simulator, Timing

from .home import HomeError

#: Price per kWh in the currency of the demo.
PRICE = 1.5

_BROKER_SECONDS = 15.0
#: The charge point of the Blue Current account, and the API token of that.
ACCOUNT = "courtyard"
API_TOKEN = "demo"  # noqa: S105
#: Energy increases faster than in reality, so that changes are visible.
_TIMING = Timing(speed=10, poll=5)


class Cars:
    """The simulated charge points by name, and their control commands."""

    def __init__(self, account: BlueCurrentSimulator, *simulators: Simulator[Any]) -> None:
        """Collect the charge points of all simulators."""
        self.points = {
            name: point
            for simulator in (*simulators, account)
            for name, point in simulator.points.items()
        }
        #: The address of the Blue Current server.
        self.blue_current = account.url

    async def do(self, name: str, command: str) -> None:
        """Execute `command`, such as `plug` or `fault hot`, at the charge point `name`."""
        verb, _, argument = command.partition(" ")
        await self.points[name].do(verb, argument)


@asynccontextmanager
async def charge_points(broker: Broker, *others: Simulator[Any]) -> AsyncIterator[Cars]:
    """Run the charge points of the demo, and `others`, on `broker`.

    Raises:
        HomeError: the broker is not reachable.

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
            EvseSetup(name="carport", module="carport", evse_id="carport", limits="limits"),
            companions=CompanionSetup(errors="errors"),
            timing=_TIMING,
        ),
        *others,
    )
    account = BlueCurrentSimulator(
        BlueCurrentSetup(name=ACCOUNT),
        account=AccountSetup(api_token=API_TOKEN),
        timing=_TIMING,
    )
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(account)
        try:
            async with asyncio.timeout(_BROKER_SECONDS):
                for simulator in simulators:
                    await stack.enter_async_context(simulator)
        except TimeoutError as error:
            raise HomeError(f"no broker at {broker.host}:{broker.port}") from error
        yield Cars(account, *simulators)
