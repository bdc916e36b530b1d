"""A hub of ours at the simulator of Blue Current."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import override

import aiohttp

from custom_components.fimp_chargepoint.chargepoint.blue_current.chargepoint import (
    BlueCurrentChargepoint,
)
from custom_components.fimp_chargepoint.chargepoint.blue_current.discovery import BlueCurrentHub
from custom_components.fimp_chargepoint.chargepoint.grid import GridConnection
from custom_components.fimp_chargepoint.chargepoint.model import ChargepointSnapshot
from custom_components.fimp_chargepoint.chargepoint.options import Options
from custom_components.fimp_chargepoint.chargepoint.scheduler import SteadyClock
from custom_components.fimp_chargepoint.chargepoint.transport import Backoff
from simulators.blue_current import AccountSetup, BlueCurrentSimulator, ChargepointSetup
from simulators.simulator import Timing

EVSE = "BCU100001"
ADDRESS = f"bluecurrent:{EVSE}"
GRID = f"bluecurrent:GRID-{EVSE}"
QUICK = Timing(pace=0.01, speed=100)
UNTHROTTLED = Options(measurement_interval=0.0, restart_delay=0.0, write_interval=0.0)
BACKOFF = Backoff(0.05, 0.2)


class CalendarClock(SteadyClock):
    """A real clock whose calendar can be set: `ahead` is in seconds."""

    ahead = 0.0

    @override
    def to_datetime(self, when: float) -> datetime:
        return super().to_datetime(when + self.ahead)


class House:
    """A simulated account, and a hub of ours that is connected to it."""

    def __init__(
        self, simulator: BlueCurrentSimulator, hub: BlueCurrentHub, clock: CalendarClock
    ) -> None:
        """Hold both together."""
        self.simulator = simulator
        self.hub = hub
        self.clock = clock

    @property
    def node(self) -> BlueCurrentChargepoint:
        """The first charge point."""
        node = self.hub.nodes[ADDRESS]
        assert isinstance(node, BlueCurrentChargepoint)
        return node

    @property
    def shown(self) -> ChargepointSnapshot:
        """The snapshot of the first charge point."""
        return self.node.snapshot

    @property
    def grid(self) -> GridConnection:
        """The grid connection."""
        node = self.hub.nodes[GRID]
        assert isinstance(node, GridConnection)
        return node

    def sent(self, command: str) -> list[dict[str, object]]:
        """Return the requests that the server received, without the authorization."""
        return [
            {name: value for name, value in request.items() if name != "Authorization"}
            for request in self.simulator.requests
            if request["command"] == command
        ]


@asynccontextmanager
async def blue_current(
    *setups: ChargepointSetup,
    account: AccountSetup | None = None,
    options: Options = UNTHROTTLED,
    api_token: str = "good",  # noqa: S107
    start: bool = True,
) -> AsyncIterator[House]:
    """Run a simulator and a hub."""
    async with (
        BlueCurrentSimulator(*setups, account=account, timing=QUICK) as simulator,
        aiohttp.ClientSession() as session,
    ):
        clock = CalendarClock()
        hub = BlueCurrentHub(
            session, api_token, url=simulator.url, backoff=BACKOFF, clock=clock, options=options
        )
        try:
            if start:
                await hub.start()
            yield House(simulator, hub, clock)
        finally:
            await hub.stop()
