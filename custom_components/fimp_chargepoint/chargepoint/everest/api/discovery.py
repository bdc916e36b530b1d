"""How EVerest charge points are found, and who gets which message.

Two paths (EVerest API v1): passively, since a message of an `evse_manager_consumer`
module proves an EVSE; and, on newer releases, by asking `everest_api/discover`.
"""

from collections import deque
from functools import partial
from types import UnionType
from typing import TYPE_CHECKING, Any, Final, override
from uuid import uuid4

from ...notices import ModulesUnassigned
from ...options import ModuleChoice
from ...protocol import Handler, Protocol
from ...transport.topics import is_level
from ..envelope import ReplyTopic, decode, mapping, number, part, request, text
from ..heartbeat import is_heartbeat
from ..module import Kind, Module, address_of
from .chargepoint import EverestChargepoint
from .communication_check import CommunicationCheck
from .companion import CompanionModule
from .companions import COMPANIONS
from .module_assignment import Assignment

if TYPE_CHECKING:
    from ...hub import Hub

_MODULES: Final = "everest_api/1/"
_OWN_INTERFACE: Final = "fimp_chargepoint"
_READY: Final = "everest_api/ready_beacon"

#: The variables that prove a charge point where none was known, with what they hold.
_PROOFS: Final[dict[str, tuple[str, type | UnionType]]] = {
    "session_info": ("state", str),
    "session_event": ("event", str),
    "powermeter": ("energy_Wh_import", dict),
    "enforced_limits": ("limits_root_side", dict),
    "hw_capabilities": ("max_current_A_import", int | float),
}

#: The same, where they hold a text.
_PROVING_TEXTS: Final = frozenset({"evse_id", "selected_protocol"})

#: Seconds after which all modules of a station have been heard.
_SETTLING_TIME: Final = 30.0
#: Discoveries whose replies may still come.
_DISCOVERIES: Final = 4
#: Modules beside the EVSEs that are kept; the largest station has a few for each.
_SISTERS_MAX: Final = 2000
#: Seconds to collect beacons for: a starting EVerest sends one per API module.
_BEACON_TIME: Final = 1.0


class EverestProtocol(Protocol):
    """EVerest API v1 on one broker, below one prefix."""

    filters = (
        # All kinds of modules, and what is said to us.
        f"{_MODULES}+/+/e2m/#",
        _READY,
    )

    def __init__(self, hub: Hub, prefix: str) -> None:
        """Speak EVerest on `hub`, with `prefix` before every topic."""
        super().__init__(hub, prefix)
        self._chargepoints: dict[str, EverestChargepoint] = {}
        self._assignment = Assignment(hub, prefix)
        #: The modules beside them, by kind and id.
        self._companions: dict[tuple[Kind, str], CompanionModule] = {}
        # The id keeps us apart from other clients of our kind.
        self._own_id = uuid4().hex
        #: Where the replies to the last discoveries go: each module replies on its own.
        self._reply_to: deque[str] = deque(maxlen=_DISCOVERIES)
        self._communication_check = CommunicationCheck(hub, self._timers)

    @override
    def route(self, topic: str) -> Handler | None:
        if topic == _READY or topic in self._reply_to:
            return self._ready if topic == _READY else self._discovered
        match topic.removeprefix(_MODULES).split("/") if topic.startswith(_MODULES) else []:
            case [Kind.EVSE, module, "e2m", variable] if module and variable:
                return partial(self._variable, module, variable)
            case [Kind.EVSE, module, "e2m", *_, request_id] if module in self._chargepoints:
                return self._chargepoints[module].reply_handler(request_id)
            case [kind, module, "e2m", variable] if kind in COMPANIONS and module and variable:
                return partial(self._companion_variable, Kind(kind), module, variable)
            case [kind, module, "e2m", *_, request_id] if kind in COMPANIONS:
                companion = self._companions.get((Kind(kind), module))
                return None if companion is None else companion.reply_handler(request_id)
        return None

    @override
    def recognise(self, topic: str, payload: bytes, now: float) -> EverestChargepoint | None:
        match topic.removeprefix(_MODULES).split("/") if topic.startswith(_MODULES) else []:
            case [Kind.EVSE, module, "e2m", variable] if module:
                return self._made(module) if _identifies(variable, decode(payload)) else None
        return None

    @override
    def connection_made(self, now: float) -> None:
        self._discover(now)
        self._communication_check.connection_made(now)
        if self._chargepoints:
            # The link may have been lost before it was looked.
            self._check_assignment_later(now)

    @override
    def leave(self) -> list[tuple[str, bytes]]:
        return self._communication_check.leave()

    def _discover(self, _: float) -> None:
        reply_to = ReplyTopic(_OWN_INTERFACE, self._own_id, "discover")
        self._reply_to.append(str(reply_to))
        self._hub.send(f"{self._prefix}everest_api/discover", request(reply_to))

    def _ready(self, _: bytes, now: float) -> None:
        self._discover_soon(now)

    def _discover_soon(self, now: float) -> None:
        if "discover" not in self._timers:
            self._timers.set("discover", now + _BEACON_TIME, self._discover)

    def _discovered(self, payload: bytes, now: float) -> None:
        apis = mapping(decode(payload)).get("apis")
        found = apis if isinstance(apis, list) else ()
        self._hub.internal_errors.each(found, lambda api: self._api(api, now))

    def _api(self, api: Any, now: float) -> None:
        if not isinstance(api, dict):
            return
        module, kind = api.get("module_id"), api.get("type")
        if api.get("version", 1) != 1 or not is_level(module):
            return
        monitoring = part(api, "communication_monitoring")
        check = number(monitoring.get("communication_check_period_s"))
        if isinstance(kind, str) and kind in COMPANIONS:
            self._companion(Kind(kind), module, now, check)
        if kind != Kind.EVSE:
            return
        if not self._admits(module, now):
            return
        period = number(monitoring.get("heartbeat_period_ms"))
        chargepoint = self._chargepoints.get(module) or self._made(module)
        chargepoint.found(None if period is None else period / 1000, now)
        self._add(module, chargepoint, now)
        self._communication_check.watch(chargepoint.module, check, now)

    def _variable(self, module: str, variable: str, payload: bytes, now: float) -> None:
        chargepoint = self._chargepoints.get(module)
        if chargepoint is not None:
            chargepoint.handle_message(variable, decode(payload), now)
            return
        if self._hub.admission.waits(self._address(module), now):
            return
        # What makes no sense proves nothing: it must be understood first.
        value = decode(payload)
        if not _identifies(variable, value) or not self._admits(module, now):
            return
        chargepoint = self._made(module)
        chargepoint.handle_message(variable, value, now)
        self._add(module, chargepoint, now)

    def _companion_variable(
        self, kind: Kind, module: str, variable: str, payload: bytes, now: float
    ) -> None:
        value = decode(payload)
        if (kind, module) in self._companions or COMPANIONS[kind].identifies(variable, value):
            companion = self._companion(kind, module, now)
            if companion is not None:
                companion.handle_message(variable, value, now)

    def _companion(
        self, kind: Kind, module: str, now: float, check: float | None = None
    ) -> CompanionModule | None:
        """Return a module beside the EVSEs, which is made known where it was not.

        It wants a sign of life within each `check` seconds, where that is known. None of a
        flood of them is made known, but for those that the user has chosen.
        """
        companion = self._companions.get((kind, module))
        if companion is None:
            chosen = self._assignment.is_chosen(kind, module)
            if len(self._companions) >= _SISTERS_MAX and not chosen:
                return None
            companion = COMPANIONS[kind](Module(self._prefix, kind, module), self._hub)
            self._companions[kind, module] = companion
            self._assignment.add_module(companion, now)
            self._check_assignment_later(now)
        self._communication_check.watch(companion.module, check, now)
        return companion

    @property
    @override
    def module_choices(self) -> list[ModuleChoice]:
        return self._assignment.module_choices

    def _check_assignment_later(self, now: float) -> None:
        self._timers.set("assignment", now + _SETTLING_TIME, self._check_assignment)

    def _check_assignment(self, _: float) -> None:
        """Ask the user where nobody else can tell."""
        missing = self._assignment.undecided
        key = f"modules {self._prefix}"
        if missing:
            names = dict.fromkeys(each.name for each in missing)
            self._hub.warn(ModulesUnassigned(key, ", ".join(names)))
        else:
            self._hub.withdraw(key)

    def _address(self, module: str) -> str:
        return address_of(self._prefix, module)

    def _admits(self, module: str, now: float) -> bool:
        """Whether an EVSE is there or may come in; else it has to wait from now on."""
        if module in self._chargepoints:
            return True
        address = self._address(module)
        # It speaks often, but not every one within seconds.
        if self._hub.admission.admits(address, now, self._discover_soon):
            return True
        self._assignment.held_back(address, now)
        return False

    def _made(self, module: str) -> EverestChargepoint:
        return EverestChargepoint(self._address(module), module, self._hub, self._prefix)

    def _add(self, module: str, chargepoint: EverestChargepoint, now: float) -> None:
        if module not in self._chargepoints:
            self._chargepoints[module] = chargepoint
            self._assignment.add_evse(chargepoint, now)
            self._check_assignment_later(now)
            self._hub.add_node(chargepoint)
            self._communication_check.watch(chargepoint.module, None, now)


def _identifies(variable: str, value: Any) -> bool:
    """Whether only an EVSE says so.

    Raises:
        ProtocolError: of kind `shape`.

    """
    if variable == "heartbeat":
        return is_heartbeat(value)
    if variable in _PROVING_TEXTS:
        return text(value) is not None
    if variable not in _PROOFS:
        return False
    key, kind = _PROOFS[variable]
    return isinstance(mapping(value).get(key), kind)
