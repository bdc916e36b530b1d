"""How FIMP charge points are found, and who gets which message.

Three paths (Futurehome FIMP API, sections "Discovery" and "Inclusion"): passively, since
a report on a chargepoint service proves a charge point; by asking the adapters for their
things; and by the device list of a Futurehome hub. Nothing answers for sure, so each
works without the others.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, override
from uuid import uuid4

from ..errors import ProtocolError
from ..hub import Hub
from ..model import Reason
from ..notices import CloudLost, LoginLost
from ..protocol import Handler, Protocol
from ..transport.topics import is_level
from .adapters import Adapters, signed_out
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
    of_any_payload,
    parse_event,
)
from .vinculum import NOTIFICATION, Changes, VinculumDirectory, is_of_vinculum, request

#: Seconds a charge point that was seen may take to say who it is.
_INTRODUCTION_TIME = 3.0
#: Seconds between the questions who it is, the last one over and over.
_WHO_AGAIN = (10.0, 60.0, 300.0, 1800.0)
#: A charge point's services; all of them are at one address.
_SERVICES = ("chargepoint", "meter_elec", "parameters", "dev_sys", "alarm_system", "diagnostic")


class FimpProtocol(Protocol):
    """FIMP on one broker, below one prefix."""

    def __init__(self, hub: Hub, prefix: str) -> None:
        """Speak FIMP on `hub`, with `prefix` before every topic."""
        super().__init__(hub, prefix)
        # Nobody else gets our replies.
        self._replies = f"mt:rsp/rt:app/rn:{SOURCE}/ad:{uuid4().hex[:12]}"
        # The first level is pt:j1 or, compressed, pt:j1c1.
        self.filters = (
            *(f"+/mt:evt/rt:dev/+/+/sv:{service}/+" for service in _SERVICES),
            "+/mt:evt/rt:ad/+/+",
            f"+/{DISCOVERY_EVENTS}",
            # Vinculum is an app, and newer adapters tell of their login as one.
            "+/mt:evt/rt:app/+/+",
            f"+/{self._replies}",
        )
        #: What the keys of our nodes begin with.
        self._start = f"fimp:{prefix}"
        self._nodes: dict[ServiceAddress, FimpChargepoint] = {}
        #: Seen, but not introduced yet: not on the hub.
        self._newcomers: set[ServiceAddress] = set()
        self._adapters = Adapters(self._send, self._timers, hub.clock)
        self._directory = VinculumDirectory(lambda address: hub.admission.knows(self._key(address)))
        self._adapter_events: dict[str, Callable[[Adapter, Message, float], None]] = {
            "evt.thing.inclusion_report": self._inclusion_report,
            "evt.thing.exclusion_report": self._exclusion_report,
            "evt.network.all_nodes_report": self._all_nodes_report,
            "evt.network.node_report": self._node_report,
            # The documents' name for it.
            "evt.thing.node_report": self._node_report,
            "evt.app.state_report": self._app_state_report,
            # The word of adapters of 2021 for the same, and what is said of a login alone.
            "evt.app.manifest_report": self._app_state_report,
            "evt.auth.status_report": self._app_state_report,
        }

    @override
    def route(self, topic: str) -> Handler | None:
        match of_any_payload(topic):
            case str(rest) if rest == DISCOVERY_EVENTS:
                return self._discovery_event
            case str(rest) if rest == VINCULUM_EVENTS:
                return self._vinculum_event
            case str(rest) if rest == self._replies:
                return self._vinculum_reply
        match parse_event(topic):
            case ServiceTopic(service, address) if service in _SERVICES:
                return partial(self._service_event, service, address)
            case Adapter() as adapter:
                return partial(self._adapter_event, adapter)
        return None

    @override
    def recognise(self, topic: str, payload: bytes, now: float) -> FimpChargepoint | None:
        match parse_event(topic):
            case ServiceTopic("chargepoint", address):
                return self._identified(address, payload, now)
        return None

    @override
    def reads(self, topic: str, payload: bytes) -> bool:
        # Adapters and apps speak of more than charge points: of their settings, for one.
        if not isinstance(parse_event(topic), Adapter):
            return True
        try:
            message = decode(payload)
        except ProtocolError:
            return False
        return message.type in self._adapter_events or is_of_vinculum(message)

    @override
    def connection_made(self, now: float) -> None:
        # The device list of a hub comes first: where there is one, hundreds of questions
        # need not be asked.
        when = self._hub.clock.to_datetime(now)
        _, payload = request(when, f"pt:j1/{self._replies}")
        self._send(VINCULUM_COMMANDS, payload)
        _, payload = encode("cmd.discovery.request", "system", when)
        self._send(DISCOVERY_COMMANDS, payload)
        each, ask = self._hub.internal_errors.each, self._adapters.ask_about_charger
        # Before all others: no flood of strangers may keep us from asking about these.
        known = {*addresses(self._hub.admission.known, self._start)} - self._nodes.keys()
        each(sorted(known), lambda address: ask(address.adapter, address.thing, now))
        each(self._nodes, lambda address: self._ask_about(address, now))

    @override
    def connection_lost(self, now: float) -> None:
        super().connection_lost(now)
        self._adapters.connection_lost()
        self._hub.internal_errors.each(self._newcomers, self._forget)

    # Events -------------------------------------------------------------------

    def _service_event(
        self, service: str, address: ServiceAddress, payload: bytes, now: float
    ) -> None:
        node = self._nodes.get(address)
        if node is not None:
            node.handle_message(service, decode(payload), now)
        elif service == "chargepoint" and not self._waits(address, now):
            # A house has many meters; only those beside a charge point are looked into.
            node = self._identified(address, payload, now)
            if node is not None and self._admits(address, now):
                self._register(address, node, now)

    def _adapter_event(self, adapter: Adapter, payload: bytes, now: float) -> None:
        message = decode(payload)
        handle = self._adapter_events.get(message.type)
        if handle is not None:
            handle(adapter, message, now)

    def _discovery_event(self, payload: bytes, now: float) -> None:
        message = decode(payload)
        report = message.value
        if message.type != "evt.discovery.report":
            return
        if not isinstance(report, dict):
            raise ProtocolError("value", message.type)
        name, kind = report.get("resource_name"), report.get("resource_type")
        if kind == "ad":
            if not is_level(name):
                raise ProtocolError("value", message.type)
            instance = report.get("instance_id")
            self._adapters.found(Adapter(name, instance if is_level(instance) else "1"), now)
        elif not isinstance(kind, str):
            raise ProtocolError("value", message.type)

    def _vinculum_event(self, payload: bytes, now: float) -> None:
        message = decode(payload)
        if message.type == NOTIFICATION:
            self._directory_changed(self._directory.notified(message.value), now)

    def _vinculum_reply(self, payload: bytes, now: float) -> None:
        # Replies to others come elsewhere, and may be of a part of the house only.
        message = decode(payload)
        if message.type == "evt.pd7.response":
            changes = self._directory.answered(message.value)
            self._adapters.only_chargers()
            self._directory_changed(changes, now)

    def _inclusion_report(self, _: Adapter, message: Message, now: float) -> None:
        thing = parse_thing(message.value)

        def announce(address: ServiceAddress) -> None:
            self._known(address).apply_thing(thing, now)
            self._announce(address, now)

        self._hub.internal_errors.each(self._admitted(thing.chargepoints, now), announce)

    def _exclusion_report(self, adapter: Adapter, message: Message, _: float) -> None:
        thing = _address(message.value)
        if thing is None:
            raise ProtocolError("address", message.value)
        self._hub.internal_errors.each(self._of(adapter, thing), self._forget)
        for address in addresses(self._hub.admission.waiting, self._start):
            if address.adapter == adapter and address.thing == thing:
                self._hub.admission.forget(self._key(address))
        # Also one that was not heard of yet.
        self._adapters.forget(adapter, thing)

    def _all_nodes_report(self, adapter: Adapter, message: Message, now: float) -> None:
        # Null is what an adapter without things says.
        if message.value is not None and not isinstance(message.value, list):
            raise ProtocolError("value", message.type)

        def take(report: Any) -> None:
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

    def _thing_status(
        self, adapter: Adapter, thing: str, report: dict[str, Any], now: float
    ) -> bool:
        """Pass on whether a thing is up; returns whether anything is said of that."""
        status = report.get("status")
        # A word of another version does not tell.
        if status in ("UP", "DOWN"):
            warned = self._notice(adapter) in self._hub.warnings
            if status == "UP" and (warned or self._adapters.cut_off(adapter)):
                # It may be logged in again.
                self._adapters.ask_login(adapter, now)
            self._hub.internal_errors.each(
                self._of(adapter, thing),
                lambda each: self._nodes[each].apply_thing_status(up=status == "UP", now=now),
            )
        return isinstance(status, str) and status != ""

    def _app_state_report(self, adapter: Adapter, message: Message, now: float) -> None:
        lost = signed_out(message.value)
        ours = [node for each, node in self._nodes.items() if each.adapter == adapter]
        if lost and ours:
            self._hub.warn(LoginLost(self._notice(adapter), adapter.name))
        elif lost is False:
            self._hub.withdraw(self._notice(adapter))
        self._adapters.handle_state(adapter, message.value, now)
        reason = self._adapters.cut_off(adapter)
        is_signed_out = self._notice(adapter) in self._hub.warnings
        if reason is Reason.CLOUD_LOST and ours and not is_signed_out:
            self._hub.warn(CloudLost(self._cloud_notice(adapter), adapter.name))
        else:
            self._hub.withdraw(self._cloud_notice(adapter))
        self._hub.internal_errors.each(ours, lambda each: each.apply_cut_off(reason, now))

    def _directory_changed(self, changes: Changes, now: float) -> None:
        def describe(device: Thing, address: ServiceAddress) -> None:
            known = address in self._nodes
            self._known(address).apply_device(device, now)
            if not known:
                self._adapters.ask_about_charger(address.adapter, address.thing, now)
            self._announce(address, now)

        def forget(address: ServiceAddress) -> None:
            if address in self._nodes:
                self._forget(address)
            else:
                self._hub.admission.forget(self._key(address))

        for device in changes.described:
            admitted = self._admitted(device.chargepoints, now)
            self._hub.internal_errors.each(admitted, partial(describe, device))
        self._hub.internal_errors.each(changes.removed, forget)

    # Nodes --------------------------------------------------------------------

    def _of(self, adapter: Adapter, thing: str) -> list[ServiceAddress]:
        """Return the charge points of a thing: one per connector."""
        return [each for each in self._nodes if each.adapter == adapter and each.thing == thing]

    def _key(self, address: ServiceAddress) -> str:
        """Return what identifies the node of a charge point."""
        return f"{self._start}{address}"

    def _waits(self, address: ServiceAddress, now: float) -> bool:
        """Whether a charge point that was just heard waits for the user to let it in."""
        return self._hub.admission.waits(self._key(address), now)

    def _admits(self, address: ServiceAddress, now: float) -> bool:
        """Whether a new charge point may come in, or has to wait from now on."""
        key, let_in = self._key(address), partial(self._let_in, address)
        return self._hub.admission.admits(key, now, let_in)

    def _admitted(self, addresses: Iterable[ServiceAddress], now: float) -> list[ServiceAddress]:
        """Return those of `addresses` that are there or may come in."""
        return [each for each in addresses if each in self._nodes or self._admits(each, now)]

    def _let_in(self, address: ServiceAddress, now: float) -> None:
        """The user has let it in: it may have nothing to say for days, so it is asked."""
        if address not in self._nodes:
            self._register(address, self._made(address), now)

    def _made(self, address: ServiceAddress) -> FimpChargepoint:
        return FimpChargepoint(self._key(address), address, self._hub, self._prefix)

    def _identified(
        self, address: ServiceAddress, payload: bytes, now: float
    ) -> FimpChargepoint | None:
        """Return the node of a charge point that a message proves.

        The message must be understood before anybody is told of it.
        """
        message = decode(payload)
        if message.type not in FimpChargepoint.PROOFS:
            return None
        node = self._made(address)
        node.handle_message("chargepoint", message, now)
        return node

    def _known(self, address: ServiceAddress) -> FimpChargepoint:
        """Return the node of a charge point that somebody told us of."""
        if address not in self._nodes:
            self._add(address, self._made(address))
        return self._nodes[address]

    def _add(self, address: ServiceAddress, node: FimpChargepoint) -> None:
        self._nodes[address] = node
        self._newcomers.add(address)
        now = self._hub.clock.now()
        node.apply_cut_off(self._adapters.cut_off(address.adapter), now)
        # Before all that it may answer by heart.
        self._adapters.watch_login(address.adapter, now)

    def _register(self, address: ServiceAddress, node: FimpChargepoint, now: float) -> None:
        """Take in a charge point that spoke, and give it the time to say who it is."""
        self._add(address, node)
        node.ask_everything()
        self._adapters.ask_about_charger(address.adapter, address.thing, now)
        self._timers.set(
            f"introduce {address}",
            now + _INTRODUCTION_TIME,
            lambda now: self._announce(address, now),
        )

    def _announce(self, address: ServiceAddress, now: float) -> None:
        """Put a charge point on the hub, as known by now."""
        if address in self._newcomers:
            self._newcomers.remove(address)
            self._timers.cancel(f"introduce {address}")
            self._hub.add_node(self._nodes[address])
            self._ask_who(address, now, *_WHO_AGAIN)

    def _ask_about(self, address: ServiceAddress, now: float) -> None:
        """Ask who a charge point is, and whether its adapter is logged in."""
        self._adapters.ask_about_charger(address.adapter, address.thing, now)
        self._adapters.watch_login(address.adapter, now)
        self._ask_who(address, now, *_WHO_AGAIN)

    def _ask_who(self, address: ServiceAddress, now: float, pause: float, *pauses: float) -> None:
        """Ask again until its adapter has said who it is: one answer may be lost."""

        def ask(now: float) -> None:
            if not self._nodes[address].announced:
                self._adapters.ask_about_charger(address.adapter, address.thing, now)
                self._ask_who(address, now, *(pauses or (pause,)))

        self._timers.set(f"who is {address}", now + pause, ask)

    def _forget(self, address: ServiceAddress) -> None:
        node = self._nodes.pop(address)
        self._newcomers.discard(address)
        self._timers.cancel(f"introduce {address}")
        self._timers.cancel(f"who is {address}")
        self._adapters.forget(address.adapter, address.thing)
        self._hub.remove_node(node.address)
        if not any(each.adapter == address.adapter for each in self._nodes):
            self._adapters.forget_login(address.adapter)
            self._hub.withdraw(self._notice(address.adapter))
            self._hub.withdraw(self._cloud_notice(address.adapter))

    def _cloud_notice(self, adapter: Adapter) -> str:
        return f"{self._notice(adapter)} cloud"

    def _notice(self, adapter: Adapter) -> str:
        """Return what identifies the notice that `adapter` lost its login."""
        return f"{self._start}{adapter.name}/{adapter.address}"

    def _send(self, topic: str, payload: bytes) -> None:
        self._hub.send(self._prefix + topic, payload)


def _address(report: Any) -> str | None:
    """Return the thing's address in a report, None where there is none."""
    address = report.get("address") if isinstance(report, dict) else None
    return address if isinstance(address, str) and address else None
