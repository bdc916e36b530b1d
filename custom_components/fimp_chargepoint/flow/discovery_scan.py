"""The scan for charge points on a broker that is being set up."""

import asyncio
from typing import NamedTuple

from ..chargepoint import Hub, is_heard
from ..chargepoint.model import ChargepointSnapshot, Identity

#: Seconds to look for charge points; most heartbeats come within five.
SEARCH_SECONDS = 6.0
#: Seconds to wait for our own message to come back.
ECHO_SECONDS = 3.0


class DiscoveryScan(NamedTuple):
    """The result of a scan for charge points."""

    found: list[Identity]
    delivers: bool

    @property
    def next_step(self) -> str:
        """The page that explains it."""
        if self.found:
            return "found"
        return "nothing_found" if self.delivers else "nothing_delivered"


async def async_search(hub: Hub, prefixes: list[str]) -> DiscoveryScan:
    """Look for charge points on a connected hub, and stop it."""
    try:
        await asyncio.sleep(SEARCH_SECONDS)
        snapshots = [node.snapshot for node in hub.nodes.values()]
        found = [
            snapshot.identity for snapshot in snapshots if isinstance(snapshot, ChargepointSnapshot)
        ]
        # If nothing is found, access rules may block all messages.
        delivers = bool(found) or all(
            [await is_heard(hub, prefix, [hub], ECHO_SECONDS) for prefix in prefixes]
        )
    finally:
        await hub.stop()
    return DiscoveryScan(found, delivers)
