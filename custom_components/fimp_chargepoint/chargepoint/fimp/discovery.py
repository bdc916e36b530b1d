"""How FIMP charge points are found, and who gets which message.

Two paths (Futurehome FIMP API, sections "Discovery" and "Inclusion"): passively, since
a report on a chargepoint service proves a charge point; and by asking the adapters for
their things. Nothing answers for sure, so each step works without the others.
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, override

from ..base import Handler, Protocol
from ..errors import ProtocolError
from ..topics import is_level
from .chargepoint import FimpChargepoint
from .inclusion import parse_thing
from .message import Message, decode, encode
from .topic import (
    DISCOVERY_COMMANDS,
    Adapter,
    ServiceAddress,
    ServiceTopic,
    is_discovery,
    parse_event,
)

if TYPE_CHECKING:
    from ..hub import Hub

#: Seconds between two questions for an inclusion report: a house has hundreds of things.
_INCLUSION_PACE = 0.5
_INCLUSIONS_MAX = 500
#: Seconds a charge point that was seen may take to say who it is.
_INTRODUCTION_TIME = 3.0
#: Adapters whose many things are no chargers; the few that are turn up passively.
_RADIO_ADAPTERS = frozenset({"zigbee", "zw", "zwave-ad"})


class FimpProtocol(Protocol):
    """FIMP on one broker, below one prefix."""

    filters: ClassVar[tuple[str, ...]] = (
        # The first level is pt:j1 or, compressed, pt:j1c1.
        "+/mt:evt/rt:dev/+/+/sv:chargepoint/+",
        "+/mt:evt/rt:dev/+/+/sv:meter_elec/+",
        "+/mt:evt/rt:ad/+/+",
        "+/mt:evt/rt:discovery",
    )

    def __init__(self, hub: Hub, prefix: str) -> None:
        """Speak FIMP on `hub`, with `prefix` before every topic."""
        super().__init__(hub, prefix)
        self._nodes: dict[ServiceAddress, FimpChargepoint] = {}
        #: Seen, but not introduced yet: not on the hub.
        self._strangers: set[ServiceAddress] = set()
        #: Questions for inclusion reports, in order.
        self._inclusions: dict[tuple[Adapter, str], None] = {}
        self._adapter_events: dict[str, Callable[[Adapter, Message, float], None]] = {
            "evt.thing.inclusion_report": self._inclusion_report,
            "evt.thing.exclusion_report": self._exclusion_report,
            "evt.network.all_nodes_report": self._all_nodes_report,
            "evt.network.node_report": self._node_report,
            # The documents' name for it.
            "evt.thing.node_report": self._node_report,
        }

    @override
    def route(self, topic: str) -> Handler | None:
        if is_discovery(topic):
            return self._discovery_event
        match parse_event(topic):
            case ServiceTopic("chargepoint", address):
                return partial(self._chargepoint_event, address)
            case ServiceTopic("meter_elec", address):
                return partial(self._meter_event, address)
            case Adapter() as adapter:
                return partial(self._adapter_event, adapter)
        return None

    @override
    def link_up(self, now: float) -> None:
        _, payload = encode("cmd.discovery.request", "system", now)
        self._hub.send(self._prefix + DISCOVERY_COMMANDS, payload)
        for address in self._nodes:
            self._ask_inclusion(address.adapter, address.thing, now, first=True)

    @override
    def link_down(self, now: float) -> None:
        super().link_down(now)
        self._inclusions.clear()
        for address in tuple(self._strangers):
            self._forget(address)

    # Events -------------------------------------------------------------------

    def _chargepoint_event(self, address: ServiceAddress, payload: bytes, now: float) -> None:
        message = decode(payload)
        node = self._nodes.get(address)
        if node is not None:
            node.apply(message, now)
        elif message.type in FimpChargepoint.PROOFS:
            # It must be understood before anybody is told of it.
            node = self._made(address)
            node.apply(message, now)
            self._meet(address, node, now)

    def _meter_event(self, address: ServiceAddress, payload: bytes, now: float) -> None:
        # A house has many meters; only those beside a charge point are looked into.
        node = self._nodes.get(address)
        if node is not None:
            node.apply_meter(decode(payload), now)

    def _adapter_event(self, adapter: Adapter, payload: bytes, now: float) -> None:
        message = decode(payload)
        handle = self._adapter_events.get(message.type)
        if handle is not None:
            handle(adapter, message, now)

    def _discovery_event(self, payload: bytes, now: float) -> None:
        message = decode(payload)
        report = message.value
        if message.type != "evt.discovery.report" or not isinstance(report, dict):
            return
        name = report.get("resource_name")
        if report.get("resource_type") != "ad" or not is_level(name):
            return
        instance = report.get("instance_id")
        adapter = Adapter(name, instance if is_level(instance) else "1")
        self._command(adapter, "cmd.network.get_all_nodes", now)

    def _inclusion_report(self, adapter: Adapter, message: Message, now: float) -> None:
        thing = parse_thing(message.value)
        for address in thing.chargepoints:
            if address not in self._nodes:
                self._add(address, self._made(address))
            self._nodes[address].apply_thing(thing, now)
            self._introduce(address)

    def _exclusion_report(self, adapter: Adapter, message: Message, now: float) -> None:
        thing = _address(message.value)
        if thing is None:
            raise ProtocolError("address", message.value)
        for address in self._of(adapter, thing):
            self._forget(address)
        self._inclusions.pop((adapter, thing), None)

    def _all_nodes_report(self, adapter: Adapter, message: Message, now: float) -> None:
        # Null is what an adapter without things says.
        if message.value is not None and not isinstance(message.value, list):
            raise ProtocolError("value", message.type)
        for report in message.value or ():
            thing = self._thing_status(adapter, report, now)
            if thing is None or adapter.name in _RADIO_ADAPTERS:
                continue
            if not self._of(adapter, thing):
                self._ask_inclusion(adapter, thing, now)

    def _node_report(self, adapter: Adapter, message: Message, now: float) -> None:
        if self._thing_status(adapter, message.value, now) is None:
            raise ProtocolError("address", message.value)

    def _thing_status(self, adapter: Adapter, report: Any, now: float) -> str | None:
        """Pass on whether a thing is up; returns its address, None where there is none."""
        thing = _address(report)
        if thing is not None and (status := report.get("status")) in ("UP", "DOWN"):
            for address in self._of(adapter, thing):
                self._nodes[address].apply_thing_status(up=status == "UP", now=now)
        return thing

    # Nodes --------------------------------------------------------------------

    def _of(self, adapter: Adapter, thing: str) -> list[ServiceAddress]:
        """Return the charge points of a thing: one per connector."""
        return [each for each in self._nodes if each.adapter == adapter and each.thing == thing]

    def _made(self, address: ServiceAddress) -> FimpChargepoint:
        return FimpChargepoint(
            f"fimp:{self._prefix}{address}", address, self._hub, self._prefix
        )

    def _add(self, address: ServiceAddress, node: FimpChargepoint) -> None:
        self._nodes[address] = node
        self._strangers.add(address)

    def _meet(self, address: ServiceAddress, node: FimpChargepoint, now: float) -> None:
        """Take in a charge point that spoke, and give it the time to say who it is."""
        self._add(address, node)
        node.ask_everything()
        self._ask_inclusion(address.adapter, address.thing, now, first=True)
        self._timers.set(
            f"introduce {address}",
            now + _INTRODUCTION_TIME,
            lambda _: self._introduce(address),
        )

    def _introduce(self, address: ServiceAddress) -> None:
        """Put a charge point on the hub, as known by now."""
        if address in self._strangers:
            self._strangers.remove(address)
            self._timers.cancel(f"introduce {address}")
            self._hub.add_node(self._nodes[address])

    def _forget(self, address: ServiceAddress) -> None:
        node = self._nodes.pop(address)
        self._strangers.discard(address)
        self._timers.cancel(f"introduce {address}")
        self._hub.remove_node(node.address)

    # Questions ------------------------------------------------------------------

    def _ask_inclusion(
        self, adapter: Adapter, thing: str, now: float, *, first: bool = False
    ) -> None:
        """Queue a question for an inclusion report; known charge points go first."""
        if first:
            self._inclusions = {(adapter, thing): None} | self._inclusions
        elif len(self._inclusions) < _INCLUSIONS_MAX:
            self._inclusions.setdefault((adapter, thing))
        if "inclusions" not in self._timers:
            self._next_inclusion(now)

    def _next_inclusion(self, now: float) -> None:
        if self._inclusions:
            adapter, thing = next(iter(self._inclusions))
            del self._inclusions[adapter, thing]
            self._command(
                adapter,
                "cmd.thing.get_inclusion_report",
                now,
                value_type="string",
                value=thing,
            )
            self._timers.set("inclusions", now + _INCLUSION_PACE, self._next_inclusion)

    def _command(self, adapter: Adapter, kind: str, now: float, **fields: Any) -> None:
        _, payload = encode(kind, adapter.service, now, **fields)
        self._hub.send(self._prefix + adapter.commands, payload)


def _address(report: Any) -> str | None:
    """Return the thing's address in a report, None where there is none."""
    address = report.get("address") if isinstance(report, dict) else None
    return address if isinstance(address, str) and address else None
