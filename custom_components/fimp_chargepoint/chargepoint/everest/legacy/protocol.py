"""How charge points behind EVerest's old API are found, and how their messages are routed.

All values are repeated every second, so they are found by listening. If a station offers v1 as
well, only v1 is used while it is received.
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final, override

from ...errors import ProtocolError
from ...hub import HubEvent, NodeAdded, NodeRemoved
from ...model import NodeSnapshot
from ...protocol import Handler, Protocol
from ...readers import text
from ...transport.topics import is_level
from ..api.module import Kind, is_node_of
from ..envelope import decode, error_name, mapping
from ..evse import Evse
from ..ocpp.client import LEGACY_WORDS
from ..ocpp.clients import OcppClients
from .chargepoint import LegacyChargepoint

if TYPE_CHECKING:
    from ...mqtt_hub import MqttHub

_ROOT: Final = "everest_api/"
_CONNECTORS: Final = f"{_ROOT}connectors"
_ERRORS: Final = f"{_ROOT}errors/var/active_errors"
_INFORMATION: Final = f"{_ROOT}info/var/info"
_OCPP: Final = f"{_ROOT}ocpp/var/connection_status"
#: Topic levels in the place of a module that are not modules.
_NO_MODULES: Final = frozenset({"errors", "info", "ocpp"})
#: The variables to subscribe to. The rest is raw text without further information.
_VARIABLES: Final = frozenset(
    {
        "session_info",
        "powermeter",
        "hardware_capabilities",
        "limits",
        "ev_info",
        "telemetry",
    }
)
#: The variable that identifies a charge point, and a key that it always contains.
_IDENTIFYING: Final = ("session_info", "state")

#: The keys of the information about the station, by field of the identity: the first one that is
#: reported counts, as they differ between releases.
_IDENTITY: Final = {
    "manufacturer": ("manufacturer", "vendor"),
    "model": ("model", "model_number"),
    "serial_number": ("chargepoint_serial",),
    "sw_version": ("firmware_version",),
}

#: Seconds to wait for v1 first: its meters and limits are sent every second.
_FIRST: Final = 3.0
#: Seconds to wait for the rest of v1 if it does not cover all connectors yet.
_REST: Final = 60.0
#: Maximum number of errors to process; a station has a handful.
_ERRORS_MAX: Final = 100
#: Maximum number of connectors, in addition to those that were known before.
_CONNECTORS_MAX: Final = 1000
#: Bytes of the state of the OCPP connection; more than any known word has.
_WORD_MAX: Final = 64


class LegacyProtocol(Protocol):
    """EVerest's old API on one broker, below one prefix.

    No message reveals which module of v1 is which connector here. So a station that offers v1 for
    as many EVSEs as it has connectors is handled by v1 alone.
    """

    filters = (f"{_ROOT}+/var/+", _CONNECTORS)
    values = frozenset({"powermeter", "telemetry"})

    def __init__(self, hub: MqttHub, prefix: str) -> None:
        """Use the old API on `hub`, with `prefix` before every topic."""
        super().__init__(hub, prefix)
        #: Found, but not necessarily known to the hub yet.
        self._chargepoints: dict[str, LegacyChargepoint] = {}
        #: The connectors that have reported, and those that the station lists.
        self._received: set[str] = set()
        self._listed: frozenset[str] = frozenset()
        self._registered = hub.admission.known
        #: The EVSEs of v1 below our prefix, and those that are received.
        self._known_v1: dict[str, Callable[[], None]] = {}
        self._received_v1: set[str] = set()
        self._ocpp_clients = OcppClients(hub, prefix, self._timers)
        hub.add_listener(self._hub_changed)

    @override
    def route(self, topic: str) -> Handler | None:
        if topic == _CONNECTORS:
            return self._connectors
        if topic == _ERRORS:
            return self._errors
        if topic == _INFORMATION:
            return self._information
        if topic == _OCPP:
            return self._ocpp_connection
        match topic.removeprefix(_ROOT).split("/") if topic.startswith(_ROOT) else []:
            case [module, "var", variable] if variable in _VARIABLES:
                if is_level(module) and module not in _NO_MODULES:
                    return partial(self._variable, module, variable)
        return None

    @override
    def recognise(self, topic: str, payload: bytes, now: float) -> LegacyChargepoint | None:
        # Only the list of connectors is not repeated every second with other values.
        listed = _listed(decode(payload)) if topic == _CONNECTORS else []
        module = next(filter(is_level, listed), None)
        return None if module is None else self._made(module)

    @override
    def connection_lost(self, now: float) -> None:
        super().connection_lost(now)
        self._ocpp_clients.connection_lost()
        # Charge points that were not announced yet have to start again.
        self._chargepoints = {
            module: each
            for module, each in self._chargepoints.items()
            if each.address in self._hub.nodes
        }

    # Messages -------------------------------------------------------------------

    def _connectors(self, payload: bytes, now: float) -> None:
        self._listed = frozenset(each for each in _listed(decode(payload)) if is_level(each))

    def _errors(self, payload: bytes, now: float) -> None:
        """Process the errors of the whole station; they name drivers, not connectors."""
        errors = _listed(decode(payload))[:_ERRORS_MAX]
        alone = self._count == 1
        names = frozenset(
            name
            for each in errors
            if alone and isinstance(each, dict) and (name := error_name(each))
        )
        self._hub.internal_errors.each(
            self._chargepoints.values(), lambda each: each.take_faults(names, now)
        )

    def _information(self, payload: bytes, now: float) -> None:
        """Take over the maker of the station, which v1 does not report."""
        found = mapping(decode(payload))
        information = {
            field: next(filter(None, (text(found.get(key)) for key in keys)), None)
            for field, keys in _IDENTITY.items()
        }
        v1 = (
            node
            for node in self._hub.nodes.values()
            if is_node_of(Kind.EVSE, node.address, self._prefix)
        )
        evses = [each for each in (*self._chargepoints.values(), *v1) if isinstance(each, Evse)]
        self._hub.internal_errors.each(evses, lambda each: each.take_information(information, now))

    def _ocpp_connection(self, payload: bytes, now: float) -> None:
        word = payload[:_WORD_MAX].decode(errors="replace")
        # Stations without OCPP report another value.
        found = self._ocpp_clients
        client = found.only_or_new(now) if word in LEGACY_WORDS else found.only
        if client is not None:
            client.legacy_reported(word, now)

    def _variable(self, module: str, variable: str, payload: bytes, now: float) -> None:
        if not payload:
            # Nothing is known of it yet.
            return
        chargepoint = self._chargepoints.get(module)
        if chargepoint is not None:
            chargepoint.handle_message(variable, decode(payload), now)
            return
        identifying, key = _IDENTIFYING
        if variable != identifying or self._hub.admission.waits(self._address(module), now):
            return
        value = mapping(decode(payload))
        # An invalid report does not identify a charge point.
        if text(value.get(key)) is None or not self._has_room_for(module):
            return
        self._received.add(module)
        if self._left_to_v1:
            return
        chargepoint = self._made(module)
        chargepoint.handle_message(variable, value, now)
        self._chargepoints[module] = chargepoint
        self._timers.set(module, now + _FIRST, partial(self._announce, module))

    def _has_room_for(self, module: str) -> bool:
        """Whether there is room for a connector; there always is for one that was known before."""
        known = self._hub.admission.knows(self._address(module))
        return known or len(self._received) < _CONNECTORS_MAX

    def _address(self, module: str) -> str:
        return f"everest_legacy:{self._prefix}{module}"

    def _made(self, module: str) -> LegacyChargepoint:
        return LegacyChargepoint(self._address(module), module, self._hub, self._prefix)

    # One station is one device ----------------------------------------------------

    def _announce(self, module: str, now: float, *, again: bool = True) -> None:
        """Announce a charge point, unless v1 handles it, or may be about to."""
        if self._left_to_v1:
            self._leave_to_v1()
        elif again and (self._known_v1 or self._awaits_v1):
            introduce = partial(self._announce, module, again=False)
            self._timers.set(module, now + _REST, introduce)
        elif self._hub.admission.admits(self._address(module), now):
            self._hub.add_node(self._chargepoints[module])
        else:
            # It waits until it is received again, within a second.
            del self._chargepoints[module]
            self._received.discard(module)

    def _hub_changed(self, event: HubEvent) -> None:
        match event:
            case NodeAdded(node) if is_node_of(Kind.EVSE, node.address, self._prefix):
                follow = partial(self._follow_v1, node.address)
                self._known_v1[node.address] = node.add_listener(follow)
                follow(node.snapshot)
            case NodeRemoved(node) if node.address in self._known_v1:
                self._known_v1.pop(node.address)()
                self._received_v1.discard(node.address)

    def _follow_v1(self, address: str, snapshot: NodeSnapshot) -> None:
        """Leave a station to v1 while it is received; an update of the station may remove v1."""
        if not snapshot.available:
            self._received_v1.discard(address)
        elif address not in self._received_v1:
            self._received_v1.add(address)
            if self._left_to_v1:
                self._leave_to_v1()

    def _leave_to_v1(self) -> None:
        for module in self._chargepoints:
            self._timers.cancel(module)
        chargepoints, self._chargepoints = self._chargepoints, {}
        for each in chargepoints.values():
            self._hub.remove_node(each.address)

    @property
    def _left_to_v1(self) -> bool:
        """Whether v1 handles all connectors."""
        return 0 < self._count <= len(self._received_v1)

    @property
    def _awaits_v1(self) -> bool:
        """Whether an EVSE of v1 was found that does not have a name yet."""
        new = self._hub.admission.known - self._registered - self._hub.nodes.keys()
        return any(is_node_of(Kind.EVSE, each, self._prefix) for each in new)

    @property
    def _count(self) -> int:
        """The number of connectors of this API."""
        return max(len(self._listed), len(self._received))


def _listed(value: object) -> list[object]:
    """Return a message that must be a list.

    Raises:
        ProtocolError: of kind `shape`.

    """
    if isinstance(value, list):
        return value
    raise ProtocolError("shape", f"a list was expected, not {type(value).__name__}")
