"""Recordings of FIMP, played to charge points with requests of an earlier run."""

from collections.abc import Callable
from pathlib import Path
import re

from custom_components.fimp_chargepoint.chargepoint.fimp.chargepoint import FimpChargepoint
from custom_components.fimp_chargepoint.chargepoint.hub import HubEvent, NodeAdded
from custom_components.fimp_chargepoint.chargepoint.limits.requested import Requested
from custom_components.fimp_chargepoint.chargepoint.model import ChargepointSnapshot
from simulators.recording import read_recording

from .fakes import OfflineHub
from .fimp_vinculum import reply_topic

_OUR_REPLIES = re.compile(r"^pt:j1/mt:rsp/rt:app/rn:fimp_chargepoint/")


def play(
    path: Path,
    *addresses: str,
    phases: str = "1",
    at: str = "",
    watch: Callable[[ChargepointSnapshot], object] = lambda _: None,
) -> OfflineHub:
    """Play a recording to a hub whose charge points at `addresses` remember `phases`.

    `watch` is called with every snapshot of the charge point `at` an address.
    """
    hub = OfflineHub()

    def found(event: HubEvent) -> None:
        if not isinstance(event, NodeAdded):
            return
        node = event.node
        assert isinstance(node, FimpChargepoint)
        if node.address in addresses:
            node.limits.restore(Requested(limits={"phases": phases}), hub.clock.now())
        if node.address == at:
            watch(node.snapshot)
            node.add_listener(watch)

    hub.add_listener(found)
    hub.connection_made()
    start, replies = hub.clock.time, reply_topic(hub)
    for line in read_recording(path):
        hub.advance(start + line.t)
        topic = replies if _OUR_REPLIES.match(line.topic) else line.topic
        hub.message(topic, line.payload, retained=False)
    return hub
