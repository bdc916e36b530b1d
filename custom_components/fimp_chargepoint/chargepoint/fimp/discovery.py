"""How FIMP charge points are found, and how their messages are routed.

There are three ways (Futurehome FIMP API, sections "Discovery" and "Inclusion"): a report of a
chargepoint service; the replies of adapters to requests for their things; and the device list of a
Futurehome hub. No reply is certain, so each way works without the others.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Final, override
from uuid import uuid4

from ..errors import ProtocolError
from ..model import Reason
from ..mqtt_hub import MqttHub
from ..notices import CloudLost, LoginLost
from ..protocol import Handler, Protocol
from ..transport.inbox import Content
from ..transport.topics import is_level
from ..watchdog import Inquiry
from .adapters import Adapters
from .chargepoint import FimpChargepoint
from .inclusion import Thing, parse_thing
from .message import SOURCE, Message, decode, encode
from .topic import (
    DISCOVERY_COMMANDS,
    DISCOVERY_EVENTS,
    VINCULUM_COMMANDS,
    VINCULUM_EVENTS,
    Adapter,
    ServiceAddress,
    ServiceTopic,
    addresses,
    content,
    of_any_payload,
    parse_event,
)
from .vinculum import NOTIFICATION, Changes, VinculumDirectory, is_of_vinculum, request

#: Seconds to wait for the inclusion report after the first report of a charge point.
_ANNOUNCE_AFTER: Final = 3.0
#: Seconds between the requests for an inclusion report; the last one is repeated.
_INQUIRY_PAUSES: Final = (10.0, 60.0, 300.0, 1800.0)
#: Reports of a meter of a potential charge point: seconds for which they are kept, how many per
#: meter, and how many meters.
_METER_TIME: Final = 300.0
_METER_REPORTS_MAX: Final = 8
_METERS_MAX: Final = 200


class FimpProtocol(Protocol):
    """FIMP on one broker, below one prefix."""

    def __init__(self, hub: MqttHub, prefix: str) -> None:
        """Use `hub`, with `prefix` before every topic."""
        super().__init__(hub, prefix)
        # No other client gets our replies.
        self._replies = f"mt:rsp/rt:app/rn:{SOURCE}/ad:{uuid4().hex[:12]}"
        # The first level is pt:j1 or, compressed, pt:j1c1.
        self.filters = (
            *(f"+/mt:evt/rt:dev/+/+/sv:{service}/+" for service in FimpChargepoint.SERVICES),
            "+/mt:evt/rt:ad/+/+",
            f"+/{DISCOVERY_EVENTS}",
            # Vinculum is an app, and newer adapters report their login as one.
            "+/mt:evt/rt:app/+/+",
            f"+/{self._replies}",
        )
        #: The beginning of the keys of our nodes.
        self._start = f"fimp:{prefix}"
        self._nodes: dict[ServiceAddress, FimpChargepoint] = {}
        #: Found, but not on the hub yet.
        self._pending: set[ServiceAddress] = set()
        #: The last reports of meters that are not ours yet: a meter may report first.
        self._meters: dict[ServiceAddress, deque[tuple[float, bytes]]] = {}
        self._adapters = Adapters(self._send, self._timers, hub.clock)
        self._directory = VinculumDirectory(lambda address: hub.admission.knows(self._key(address)))
        self._adapter_events: Mapping[str, Callable[[Adapter, Message, float], None]] = {
            "evt.thing.inclusion_report": self._inclusion_report,
            "evt.thing.exclusion_report": self._exclusion_report,
            "evt.network.all_nodes_report": self._all_nodes_report,
            "evt.network.node_report": self._node_report,
            # The name in the documentation.
            "evt.thing.node_report": self._node_report,
            "evt.app.state_report": self._app_state_report,
            # The name of 2021 for the same, and the report of a login alone.
            "evt.app.manifest_report": self._app_state_report,
            "evt.auth.status_report": self._app_state_report,
        }

    @override
    def route(self, topic: str) -> Handler | None:
        rest = of_any_payload(topic)
        if rest in (DISCOVERY_EVENTS, VINCULUM_EVENTS):
            return self._discovery_event if rest == DISCOVERY_EVENTS else self._vinculum_event
        if rest == self._replies:
            return self._vinculum_reply
        match parse_event(topic):
            case ServiceTopic(service, address) if service in FimpChargepoint.SERVICES:
                return partial(self._service_event, service, address)
            case Adapter() as adapter:
                return partial(self._adapter_event, adapter)
        return None

    @override
    def content(self, topic: str, payload: bytes) -> Content | None:
        return content(topic, payload) or super().content(topic, payload)

    @override
    def recognise(self, topic: str, payload: bytes, now: float) -> FimpChargepoint | None:
        match parse_event(topic):
            case ServiceTopic("chargepoint", address):
                return self._identified(address, payload, now)
        return None

    @override
    def reads(self, topic: str, payload: bytes) -> bool:
        # Adapters and apps also send reports that are not about charge points.
        if not isinstance(parse_event(topic), Adapter):
            return True
        try:
            message = decode(payload)
        except ProtocolError:
            return False
        return message.type in self._adapter_events or is_of_vinculum(message)

    @override
    def connection_made(self, now: float) -> None:
        # The device list of a hub comes first: it may save hundreds of requests.
        when = self._hub.clock.to_datetime(now)
        _, payload = request(when, f"pt:j1/{self._replies}")
        self._send(VINCULUM_COMMANDS, payload)
        _, payload = encode("cmd.discovery.request", "system", when)
        self._send(DISCOVERY_COMMANDS, payload)
        # These come before all others, so that a flood of new things cannot displace them.
        known = {*addresses(self._hub.admission.known, self._start)} - self._nodes.keys()
        asked = [*sorted(known), *self._nodes]
        self._hub.internal_errors.each(asked, lambda address: self._inquiry(address).start(now))

    @override
    def connection_lost(self, now: float) -> None:
        super().connection_lost(now)
        self._meters.clear()
        self._adapters.connection_lost()
        self._hub.internal_errors.each(self._pending, self._remove)

    # Events -------------------------------------------------------------------

    def _service_event(
        self, service: str, address: ServiceAddress, payload: bytes, now: float
    ) -> None:
        node = self._nodes.get(address)
        if node is not None:
            node.handle_message(service, decode(payload), now)
        elif service == "meter_elec":
            self._keep_meter_report(address, payload, now)
        elif service == "chargepoint" and not self._hub.admission.waits(self._key(address), now):
            node = self._identified(address, payload, now)
            if node is not None and self._admitted([address], now):
                self._register(address, node, now)

    def _adapter_event(self, adapter: Adapter, payload: bytes, now: float) -> None:
        message = decode(payload)
        handle = self._adapter_events.get(message.type)
        if handle is not None:
            handle(adapter, message, now)

    def _discovery_event(self, payload: bytes, now: float) -> None:
        message = decode(payload)
        if message.type != "evt.discovery.report":
            return
        match message.value:
            case {"resource_type": "ad", "resource_name": str(name), **report} if is_level(name):
                instance = report.get("instance_id")
                adapter = Adapter(name, instance if is_level(instance) else "1")
                self._adapters.ask_things(adapter, now)
            case {"resource_type": str(kind)} if kind != "ad":
                pass
            case _:
                raise ProtocolError("value", message.type)

    def _vinculum_event(self, payload: bytes, now: float) -> None:
        message = decode(payload)
        if message.type == NOTIFICATION:
            self._directory_changed(self._directory.notified(message.value), now)

    def _vinculum_reply(self, payload: bytes, now: float) -> None:
        # Replies to other clients have other topics, and may contain only part of the list.
        message = decode(payload)
        if message.type == "evt.pd7.response":
            changes = self._directory.answered(message.value)
            self._adapters.only_chargers()
            self._directory_changed(changes, now)

    def _inclusion_report(self, _: Adapter, message: Message, now: float) -> None:
        thing = parse_thing(message.value)

        def announce(address: ServiceAddress) -> None:
            self._add(address, now)
            self._nodes[address].apply_thing(now, included=thing)
            self._announce(address)
            self._inquiry(address).answered()

        self._hub.internal_errors.each(self._admitted(thing.chargepoints, now), announce)

    def _exclusion_report(self, adapter: Adapter, message: Message, _: float) -> None:
        thing = _address(message.value)
        if thing is None:
            raise ProtocolError("address", message.value)
        self._hub.internal_errors.each(self._of(adapter, thing), self._remove)
        for address in addresses(self._hub.admission.waiting, self._start):
            if address.adapter == adapter and address.thing == thing:
                self._hub.admission.forget(self._key(address))
        # Remove it even if it is not known yet.
        self._adapters.remove(adapter, thing)

    def _all_nodes_report(self, adapter: Adapter, message: Message, now: float) -> None:
        # Null means that an adapter has no things.
        if message.value is not None and not isinstance(message.value, list):
            raise ProtocolError("value", message.type)

        def take(report: object) -> None:
            thing = _address(report)
            if thing is None:
                return
            if self._of(adapter, thing):
                self._thing_status(adapter, thing, report, now)
            else:
                self._adapters.ask_about(adapter, thing, now)

        self._hub.internal_errors.each(message.value or (), take)

    def _node_report(self, adapter: Adapter, message: Message, now: float) -> None:
        thing = _address(message.value)
        if thing is None or not self._thing_status(adapter, thing, message.value, now):
            raise ProtocolError("address", message.value)

    def _thing_status(self, adapter: Adapter, thing: str, report: object, now: float) -> bool:
        """Take over whether a thing is up; return whether a status was reported."""
        status = report.get("status") if isinstance(report, dict) else None
        # The values of other versions have no meaning here.
        if status in ("UP", "DOWN"):
            warned = self._notice(adapter) in self._hub.warnings
            if status == "UP" and (warned or self._adapters.cut_off(adapter)):
                # It may be logged in again.
                self._adapters.ask_login(adapter, now)
            self._hub.internal_errors.each(
                self._of(adapter, thing),
                lambda address: self._nodes[address].apply_thing_status(up=status == "UP", now=now),
            )
        return isinstance(status, str) and status != ""

    def _app_state_report(self, adapter: Adapter, message: Message, now: float) -> None:
        lost = self._adapters.handle_state(adapter, message.value, now)
        login, cloud = self._notice(adapter), self._notice(adapter, " cloud")
        ours = [node for address, node in self._nodes.items() if address.adapter == adapter]
        if lost and ours:
            self._hub.warn(LoginLost(login, adapter.name))
        elif lost is False:
            self._hub.withdraw(login)
        reason = self._adapters.cut_off(adapter)
        if reason is Reason.CLOUD_LOST and ours and login not in self._hub.warnings:
            self._hub.warn(CloudLost(cloud, adapter.name))
        else:
            self._hub.withdraw(cloud)
        self._hub.internal_errors.each(ours, lambda node: node.apply_cut_off(reason, now))

    def _directory_changed(self, changes: Changes, now: float) -> None:
        def describe(device: Thing, address: ServiceAddress) -> None:
            if address not in self._nodes:
                self._add(address, now)
                self._inquiry(address).start(now)
            self._nodes[address].apply_thing(now, listed=device)
            self._announce(address)

        for device in changes.described:
            admitted = self._admitted(device.chargepoints, now)
            self._hub.internal_errors.each(admitted, partial(describe, device))
        self._hub.internal_errors.each(changes.removed, self._remove)

    # Nodes --------------------------------------------------------------------

    def _of(self, adapter: Adapter, thing: str) -> list[ServiceAddress]:
        """Return the charge points of a thing, one per connector."""
        return [each for each in self._nodes if (each.adapter, each.thing) == (adapter, thing)]

    def _key(self, address: ServiceAddress) -> str:
        """Return the key that identifies the node of a charge point."""
        return f"{self._start}{address}"

    def _admitted(self, addresses: Iterable[ServiceAddress], now: float) -> list[ServiceAddress]:
        """Return those of `addresses` that have a node or may have one; others wait."""
        admits = self._hub.admission.admits
        return [
            address
            for address in addresses
            if address in self._nodes
            or admits(self._key(address), now, partial(self._add_admitted, address))
        ]

    def _add_admitted(self, address: ServiceAddress, now: float) -> None:
        """Add a charge point that the user has admitted, which may not report for days."""
        if address not in self._nodes:
            self._register(address, self._create(address), now)

    def _create(self, address: ServiceAddress) -> FimpChargepoint:
        return FimpChargepoint(self._key(address), address, self._hub, self._prefix)

    def _identified(
        self, address: ServiceAddress, payload: bytes, now: float
    ) -> FimpChargepoint | None:
        """Return the node of a charge point that a message identifies."""
        message = decode(payload)
        if message.type not in FimpChargepoint.IDENTIFYING:
            return None
        node = self._create(address)
        node.handle_message("chargepoint", message, now)
        return node

    def _add(
        self, address: ServiceAddress, now: float, node: FimpChargepoint | None = None
    ) -> None:
        """Add a charge point from a list, or the `node` of one that has reported."""
        if address in self._nodes:
            return
        node = self._nodes[address] = node or self._create(address)
        self._pending.add(address)
        node.apply_cut_off(self._adapters.cut_off(address.adapter), now)
        self._adapters.watch_login(address.adapter, now)
        for received_at, payload in self._meters.pop(address, ()):
            if now - received_at <= _METER_TIME:
                self._hub.internal_errors.ask(
                    self._service_event, "meter_elec", address, payload, now
                )

    def _register(self, address: ServiceAddress, node: FimpChargepoint, now: float) -> None:
        """Add a charge point that has reported, after a short wait for its inclusion report."""
        self._add(address, now, node)
        node.ask_everything(now)
        self._inquiry(address).start(now)
        self._timers.set(
            f"announce {address}", now + _ANNOUNCE_AFTER, lambda _: self._announce(address)
        )

    def _announce(self, address: ServiceAddress) -> None:
        """Add a charge point to the hub with what is known so far."""
        if address in self._pending:
            self._pending.remove(address)
            self._timers.cancel(f"announce {address}")
            self._hub.add_node(self._nodes[address])

    def _inquiry(self, address: ServiceAddress) -> Inquiry:
        """Return the request that identifies a charge point, open until its inclusion report."""
        return Inquiry(
            self._timers, f"identify {address}", partial(self._ask_about, address), _INQUIRY_PAUSES
        )

    def _ask_about(self, address: ServiceAddress, now: float) -> None:
        self._adapters.ask_about_charger(address.adapter, address.thing, now)
        if address in self._nodes:
            self._adapters.watch_login(address.adapter, now)
        else:
            # Known from an earlier run. Its adapter may not reply for it, nor the hub list it.
            self._create(address).ask_everything(now)

    def _keep_meter_report(self, address: ServiceAddress, payload: bytes, now: float) -> None:
        """Store a report undecoded: a home has many meters, few of them at a charge point."""
        reports = self._meters.pop(address, None) or deque(maxlen=_METER_REPORTS_MAX)
        self._meters[address] = reports
        reports.append((now, payload))
        if len(self._meters) > _METERS_MAX:
            del self._meters[next(iter(self._meters))]

    def _remove(self, address: ServiceAddress) -> None:
        node = self._nodes.pop(address, None)
        if node is None:
            self._hub.admission.forget(self._key(address))
            return
        self._pending.discard(address)
        self._timers.cancel(f"announce {address}")
        self._inquiry(address).answered()
        self._adapters.remove(address.adapter, address.thing)
        self._hub.remove_node(node.address)
        if not any(other.adapter == address.adapter for other in self._nodes):
            self._adapters.forget_login(address.adapter)
            self._hub.withdraw(self._notice(address.adapter))
            self._hub.withdraw(self._notice(address.adapter, " cloud"))

    def _notice(self, adapter: Adapter, about: str = "") -> str:
        """Return the key of the warning that `adapter` lost its login, or its vendor's cloud."""
        return f"{self._start}{adapter.name}/{adapter.address}{about}"

    def _send(self, topic: str, payload: bytes) -> None:
        self._hub.send(self._prefix + topic, payload)


def _address(report: object) -> str | None:
    """Return the thing's address in a report, None if there is none."""
    address = report.get("address") if isinstance(report, dict) else None
    return address if isinstance(address, str) and address else None
