"""Looking for charge points on a broker that is about to be set up."""

import asyncio
from typing import NamedTuple

from ..chargepoint.echo import is_heard
from ..chargepoint.hub import Hub
from ..chargepoint.model import ChargepointSnapshot

#: Seconds to look for charge points; most heartbeats come within five.
SEARCH_SECONDS = 6.0
#: Seconds to wait for our own message to come back.
ECHO_SECONDS = 3.0


class DiscoveryScan(NamedTuple):
    """What came of looking for charge points."""

    names: list[str]
    delivers: bool

    @property
    def next_step(self) -> str:
        """The page that explains it."""
        if self.names:
            return "found"
        return "nothing_found" if self.delivers else "nothing_delivered"


async def async_search(hub: Hub, prefixes: list[str]) -> DiscoveryScan:
    """Look for charge points on a connected hub, and stop it."""
    try:
        await asyncio.sleep(SEARCH_SECONDS)
        snapshots = [node.snapshot for node in hub.nodes.values()]
        names = sorted(
            each.identity.name for each in snapshots if isinstance(each, ChargepointSnapshot)
        )
        # Nothing found may mean that access rules keep everything from us.
        delivers = bool(names) or all(
            [await is_heard(hub, prefix, [hub], ECHO_SECONDS) for prefix in prefixes]
        )
    finally:
        await hub.stop()
    return DiscoveryScan(names, delivers)
