"""The station: EVerest's modules behind one broker."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import override

from simulators.mqtt import Broker
from simulators.simulator import Simulator, Timing

from .evse import Evse
from .module import ApiModule, MalformedError, envelope
from .sisters import Authorizer, ErrorHistory, ExternalLimits, Sister, Tokens


@dataclass(frozen=True)
class Dialect:
    """What a release can do."""

    latches: bool
    """Variables can be asked for with ``/get``."""
    discovers: bool
    state_e: bool


DIALECTS: dict[str, Dialect] = {
    "main": Dialect(latches=True, discovers=True, state_e=True),
    "2026.02": Dialect(latches=False, discovers=False, state_e=False),
}


@dataclass(frozen=True, kw_only=True)
class EvseSetup:
    """One EVSE as asked for on the command line or by a test."""

    name: str = "carport"
    module: str = "evse_manager_api"
    evse_id: str = ""
    """Empty makes one up."""
    phases: int = 3
    max_current: float = 16.0
    wanted: float = 40.0
    """Energy in kWh after which a car is full."""
    authorize: bool = True
    """Whether somebody holds a card to the reader soon after each plug-in."""
    lock: bool = True
    """Whether there is a connector lock, to be forced open."""
    limits: str = ""
    """Id of an ``external_energy_limits_consumer`` module for this EVSE."""


@dataclass(frozen=True, kw_only=True)
class SisterSetup:
    """Ids of the modules that serve the whole station; empty leaves one out."""

    errors: str = ""
    """``error_history_consumer``"""
    tokens: str = ""
    """``auth_token_provider``"""
    authorizer: str = ""
    """``auth_consumer``"""


class EverestSimulator(Simulator[Evse]):
    """One EVerest station with one or more EVSEs."""

    def __init__(
        self,
        broker: Broker,
        *evses: EvseSetup,
        prefix: str = "",
        dialect: str = "main",
        sisters: SisterSetup | None = None,
        timing: Timing | None = None,
    ) -> None:
        """Build the modules; without any EVSE given there is one."""
        super().__init__(broker, timing or Timing(), qos=2)
        self.prefix = prefix
        self.dialect = DIALECTS[dialect]
        self.sisters: list[Sister] = []
        self._beats: list[asyncio.Task[None]] = []
        for number, setup in enumerate(evses or (EvseSetup(),), 1):
            evse = Evse(self, setup, number)
            self.add(evse)
            if setup.limits:
                self.sisters.append(ExternalLimits(self, setup.limits, evse))
        ids = sisters or SisterSetup()
        if ids.errors:
            self.sisters.append(ErrorHistory(self, ids.errors))
        authorizer = Authorizer(self, ids.authorizer) if ids.authorizer else None
        if authorizer:
            self.sisters.append(authorizer)
        if ids.tokens:
            self.sisters.append(Tokens(self, ids.tokens, authorizer))

    @property
    @override
    def topics(self) -> Iterable[str]:
        """Listen for requests, orders and discovery."""
        root = f"{self.prefix}everest_api"
        topics = [f"{root}/1/+/+/m2e/#"]
        if self.dialect.discovers:
            topics += [f"{root}/discover", f"{root}/query-modules/+"]
        return topics

    @override
    def connected(self, *, first: bool) -> None:
        """Start from the beginning: without its broker EVerest does not survive."""
        self.boot()

    def boot(self) -> None:
        """Start all modules anew."""
        for task in self._beats:
            task.cancel()
        self._beats = []
        if self.dialect.discovers:
            self.send(f"{self.prefix}everest_api/ready_beacon", "{}")
        for sister in self.sisters:
            sister.forget()
            self._beats.append(self.spawn(sister.beat()))
            sister.boot()
        for evse in self.points.values():
            if evse.reachable:
                evse.boot()

    def tell_error(self, evse: Evse) -> None:
        """Raise or clear the error of an EVSE, if there is a module to tell it."""
        for sister in self.sisters:
            sister.trouble(evse)

    @override
    def handle(self, topic: str, payload: bytes) -> None:
        """Take what is meant for one module, or for all that are discovered."""
        match topic.removeprefix(self.prefix).split("/"):
            case ["everest_api", "1", kind, module_id, "m2e", *operation]:
                for module in self._modules():
                    if (module.kind, module.module_id) == (kind, module_id):
                        module.receive("/".join(operation), payload)
            case ["everest_api", "discover"]:
                self._discover(payload)
            case ["everest_api", "query-modules", kind]:
                self._discover(payload, kind)

    def _discover(self, payload: bytes, kind: str | None = None) -> None:
        """Let every module answer on its own, as real ones do."""
        try:
            _, reply_to = envelope(payload)
        except MalformedError:
            return
        for module in self._modules():
            if kind in (None, module.kind) and module.reachable and not module.silent:
                module.reply(reply_to, {"apis": [module.entry()]})

    def _modules(self) -> list[ApiModule]:
        return [*self.sisters, *(evse.api for evse in self.points.values())]
