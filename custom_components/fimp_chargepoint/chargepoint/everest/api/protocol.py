"""How the modules of EVerest's API v1 are found, and which messages they get.

A valid message from a module is enough; newer releases also list their modules on request.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final, override
from uuid import uuid4

from ...commands.replies import PendingReplies
from ...model import ChargepointSnapshot
from ...notices import ModulesUnassigned
from ...options import ModuleChoices
from ...protocol import Handler, Protocol
from ...readers import JsonObject, number, objects, part
from ...transport.topics import is_level
from ..envelope import ReplyTopic, decode, mapping, request
from ..ocpp.client import EverestOcpp
from .chargepoint import EverestChargepoint
from .companions import COMPANIONS, CompanionModule, ErrorHistory
from .module import CommunicationCheck, Kind, identifies, node_address
from .module_assignment import Assignment

if TYPE_CHECKING:
    from ...mqtt_hub import MqttHub

_MODULES: Final = "everest_api/1/"
_OWN_INTERFACE: Final = "fimp_chargepoint"
_READY: Final = "everest_api/ready_beacon"

type _ApiNode = EverestChargepoint | EverestOcpp
type _Member = _ApiNode | CompanionModule

_NODES: Final[dict[Kind, type[_ApiNode]]] = {
    Kind.EVSE: EverestChargepoint,
    Kind.OCPP: EverestOcpp,
}
_SIGNATURES: Final = {kind: node.SIGNATURE for kind, node in _NODES.items()} | {
    kind: companion.SIGNATURE for kind, (_, companion) in COMPANIONS.items()
}

#: Seconds after which all modules of a station have sent something.
_SETTLING_TIME: Final = 30.0
#: Seconds between two checks for modules that are gone.
_CHECK_INTERVAL: Final = 60.0
#: Seconds in which all EVSEs that a limit applies to report it: they report each second.
_REPORTING_TIME: Final = 5.0
#: Seconds that a new EVSE may take to report its EVSE id, which names it and its entities.
NAMING_TIME: Final = 2.0
#: Seconds to wait for the reply to a request for the error history.
_REPLY_TIME: Final = 3.0
#: Maximum number of companion modules; the largest station has a few for each EVSE.
_COMPANIONS_MAX: Final = 2000
#: Seconds to collect beacons for: a starting EVerest sends one for each API module.
_BEACON_TIME: Final = 1.0


class EverestProtocol(Protocol):
    """EVerest API v1 on one broker, below one topic prefix."""

    filters = (f"{_MODULES}+/+/e2m/#", _READY)
    values = frozenset({"heartbeat", "powermeter"})

    def __init__(self, hub: MqttHub, prefix: str) -> None:
        """Look for modules on `hub`, with `prefix` before each topic."""
        super().__init__(hub, prefix)
        self._members: dict[tuple[str, str], _Member] = {}
        #: The addresses of nodes that already have a device, so that their names are known.
        self._registered = hub.admission.known
        #: New EVSEs that are not announced yet, because their EVSE ids may still arrive.
        self._unnamed: dict[EverestChargepoint, Callable[[], None]] = {}
        self._companions = 0
        #: The keys of the warnings about choices that reports contradict.
        self._contradicted: frozenset[str] = frozenset()
        self._assignment = Assignment(hub, prefix, self._update_assignment_soon)
        #: The topic for replies to discoveries: each module sends one. The id distinguishes us from
        #: other clients of our kind.
        self._reply_to = ReplyTopic(_OWN_INTERFACE, uuid4().hex, "discover")
        self._communication_check = CommunicationCheck(hub, self._timers)
        self._replies = PendingReplies(hub, self._timers, _REPLY_TIME)

    @override
    def route(self, topic: str) -> Handler | None:
        if topic == _READY:
            return self._ready
        if topic == str(self._reply_to):
            return self._discovered
        match _levels(topic):
            case [kind, module, "e2m", variable] if (
                kind in _SIGNATURES and is_level(module) and is_level(variable)
            ):
                return partial(self._variable, Kind(kind), module, variable)
            case [kind, module, "e2m", *_, request_id] if (kind, module) in self._members:
                return self._members[kind, module].module.reply_handler(request_id)
        return None

    @override
    def recognise(self, topic: str, payload: bytes, now: float) -> EverestChargepoint | None:
        match _levels(topic):
            case [Kind.EVSE, module, "e2m", variable] if is_level(module) and identifies(
                EverestChargepoint.SIGNATURE, variable, decode(payload)
            ):
                return EverestChargepoint(self._hub, self._prefix, module)
        return None

    @override
    def connection_made(self, now: float) -> None:
        self._discover(now)
        self._communication_check.connection_made(now)
        for evse in self._unnamed:
            self._hub.internal_errors.call(evse.connection_made, now)
            self._timers.set(evse.address, now + NAMING_TIME, partial(self._announce_evse, evse))
        if self._members:
            # The connection may have been lost before they were assigned.
            self._check_assignment_later(now)

    @override
    def connection_lost(self, now: float) -> None:
        self._replies.connection_lost()
        super().connection_lost(now)
        self._hub.internal_errors.each(self._unnamed, lambda evse: evse.connection_lost(now))

    @override
    async def error_history(self) -> dict[str, object]:
        histories = [each for each in self._members.values() if isinstance(each, ErrorHistory)]
        found = await asyncio.gather(*(each.past(self._replies) for each in histories))
        return {each.address: errors for each, errors in zip(histories, found, strict=True)}

    @override
    def disconnecting(self) -> list[tuple[str, bytes]]:
        return self._communication_check.disconnecting()

    # Discovery --------------------------------------------------------------------

    def _discover(self, _: float) -> None:
        self._hub.send(f"{self._prefix}everest_api/discover", request(self._reply_to))

    def _ready(self, _: bytes, now: float) -> None:
        self._discover_soon(now)

    def _discover_soon(self, now: float) -> None:
        if "discover" not in self._timers:
            self._timers.set("discover", now + _BEACON_TIME, self._discover)

    def _discovered(self, payload: bytes, now: float) -> None:
        found = objects(mapping(decode(payload)).get("apis"))
        self._hub.internal_errors.each(found, lambda api: self._api(api, now))

    def _api(self, api: JsonObject, now: float) -> None:
        module, kind = api.get("module_id"), api.get("type")
        if api.get("version", 1) != 1 or not isinstance(kind, str) or not is_level(module):
            return
        if kind not in _SIGNATURES:
            return
        key = Kind(kind), module
        member = self._members.get(key) or self._admitted(*key, now)
        if member is None:
            return
        monitoring = part(api, "communication_monitoring")
        period = number(monitoring.get("heartbeat_period_ms"))
        member.found(None if period is None else period / 1000, now)
        self._add(member, now)
        check = number(monitoring.get("communication_check_period_s"))
        self._communication_check.watch(member.module, check, now)

    def _variable(self, kind: Kind, module: str, variable: str, payload: bytes, now: float) -> None:
        member = self._members.get((kind, module))
        if member is not None:
            member.handle_message(variable, decode(payload), now)
            return
        if self._hub.admission.waits(node_address(kind, self._prefix, module), now):
            return
        # An invalid message does not identify a module.
        value = decode(payload)
        if not identifies(_SIGNATURES[kind], variable, value):
            return
        if (member := self._admitted(kind, module, now)) is not None:
            member.handle_message(variable, value, now)
            self._add(member, now)

    def _admitted(self, kind: Kind, module: str, now: float) -> _Member | None:
        """Return a new module, None if it is not admitted (yet).

        A companion module is used from now on, a node after its first message.
        """
        if (node := _NODES.get(kind)) is not None:
            address = node_address(kind, self._prefix, module)
            # It will be received again, but not necessarily within seconds.
            if self._hub.admission.admits(address, now, self._discover_soon):
                return node(self._hub, self._prefix, module)
            if kind is Kind.EVSE:
                self._assignment.evse_waits(address, now)
            return None
        # In a flood, only the modules that the user has chosen are used.
        if self._companions >= _COMPANIONS_MAX and not self._assignment.is_chosen(kind, module):
            return None
        companion = COMPANIONS[kind][1](self._hub, self._prefix, module)
        self._companions += 1
        self._members[kind, module] = companion
        self._assignment.add_module(companion, now)
        self._check_assignment_later(now)
        self._communication_check.watch(companion, None, now)
        return companion

    def _add(self, member: _Member, now: float) -> None:
        """Use a node from now on; companion modules are already used."""
        key = member.module.kind, member.module.id
        if isinstance(member, CompanionModule) or key in self._members:
            return
        self._members[key] = member
        if isinstance(member, EverestChargepoint):
            self._assignment.add_evse(member, now)
            self._check_assignment_later(now)
        if isinstance(member, EverestChargepoint) and member.address not in self._registered:
            self._add_when_named(member, now)
        else:
            self._hub.add_node(member)
        self._communication_check.watch(member.module, None, now)

    def _add_when_named(self, evse: EverestChargepoint, now: float) -> None:
        """Announce a new EVSE once it has its EVSE id, or when the time for that is up."""

        def look(snapshot: ChargepointSnapshot) -> None:
            if snapshot.identity.evse_id is not None:
                self._announce_evse(evse, now)

        self._unnamed[evse] = evse.add_listener(look)
        self._timers.set(evse.address, now + NAMING_TIME, partial(self._announce_evse, evse))
        look(evse.snapshot)

    def _announce_evse(self, evse: EverestChargepoint, _: float) -> None:
        """Announce a new EVSE."""
        self._timers.cancel(evse.address)
        self._unnamed.pop(evse)()
        self._hub.add_node(evse)

    # Which modules belong together --------------------------------------------------

    @property
    @override
    def module_choices(self) -> ModuleChoices:
        self._update_assignment(self._hub.clock.now())
        return ModuleChoices(self._assignment.module_choices, self._assignment.gone)

    def _update_assignment_soon(self, now: float) -> None:
        """Update the assignment once the other EVSEs have reported their limits, too."""
        self._timers.set("update", now + _REPORTING_TIME, self._update_assignment)

    def _update_assignment(self, now: float) -> None:
        """Update the assignment, and warn about choices that reports contradict."""
        if not self._assignment.update(now):
            self._update_assignment_soon(now)
            return
        found = {each.key: each for each in self._assignment.contradicted}
        for warning in found.values():
            self._hub.warn(warning)
        for key in self._contradicted - found.keys():
            self._hub.withdraw(key)
        self._contradicted = frozenset(found)

    def _check_assignment_later(self, now: float) -> None:
        self._timers.set("assignment", now + _SETTLING_TIME, self._check_assignment)

    def _check_assignment(self, now: float) -> None:
        """Ask the user about the modules that cannot be assigned, and check again later."""
        self._timers.set("assignment", now + _CHECK_INTERVAL, self._check_assignment)
        self._update_assignment(now)
        missing = self._assignment.undecided
        key = f"modules {self._prefix}"
        if missing:
            names = dict.fromkeys(choice.name for choice in missing)
            self._hub.warn(ModulesUnassigned(key, ", ".join(names)))
        else:
            self._hub.withdraw(key)


def _levels(topic: str) -> list[str]:
    """Return the levels of a topic below those of all modules."""
    return topic.removeprefix(_MODULES).split("/") if topic.startswith(_MODULES) else []
