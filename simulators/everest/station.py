"""The station: EVerest's modules behind one broker."""

import asyncio
from collections.abc import Iterable
from typing import override

from simulators.mqtt import Broker
from simulators.simulator import Timing

from . import legacy
from .bus import OcppBus
from .cards import Cards
from .companions import Authorizer, Companion, ErrorHistory, ExternalLimits, Tokens
from .control import EverestChargepoint
from .cost import SessionCosts
from .framework import ROOT, Framework
from .legacy import LegacyStation
from .module import ApiModule
from .ocpp import Ocpp
from .ocpp_api import OcppConsumer
from .requests import FatalError, MalformedError, envelope
from .setups import CompanionSetup, EvseSetup, SiteSetup

_BEACONS = 4


class EverestSimulator(Framework[EverestChargepoint]):
    """One EVerest station with one or more EVSEs."""

    def __init__(
        self,
        broker: Broker,
        *evses: EvseSetup,
        prefix: str = "",
        dialect: str = "main",
        companions: CompanionSetup | None = None,
        site: SiteSetup | None = None,
        timing: Timing | None = None,
    ) -> None:
        """Build the modules; by default there is one EVSE."""
        super().__init__(broker, prefix, dialect, companions, site, timing)
        setups = evses or (EvseSetup(),)
        has_ocpp = self.ids.ocpp or self.ids.bus
        self.back_end = Ocpp(self, len(setups)) if has_ocpp else None
        self.companions: list[Companion] = []
        self._cards = Cards(self)
        self._loops: list[asyncio.Task[None]] = []
        for number, setup in enumerate(setups, 1):
            self.add(EverestChargepoint(self, setup, number, self._cards, self.back_end))
        self._bus = (
            OcppBus(self, self.back_end, self.ids.bus) if self.back_end and self.ids.bus else None
        )
        if self.dialect.api:
            self._add_companions()
        has_legacy = self.dialect.legacy or self.site.legacy
        self._legacy = LegacyStation(self, self.back_end) if has_legacy else None
        known = [(module.kind, module.module_id) for module in self._modules()]
        if len(set(known)) < len(known):
            raise ValueError("every module needs an id of its own")

    def _add_companions(self) -> None:
        ids = self.ids
        self.companions += [
            ExternalLimits(self, evse.setup.limits, evse)
            for evse in self.points.values()
            if evse.setup.limits
        ]
        if ids.grid:
            self.companions.append(ExternalLimits(self, ids.grid, *self.points.values(), grid=True))
        if ids.errors:
            self.companions.append(ErrorHistory(self, ids.errors))
        if ids.authorizer:
            self.companions.append(Authorizer(self, ids.authorizer, self._cards))
        if ids.tokens:
            self.companions.append(Tokens(self, ids.tokens, self._cards))
        if ids.cost and self.dialect.costs:
            self.companions.append(SessionCosts(self, ids.cost))
        if ids.ocpp and self.back_end:
            self.companions.append(OcppConsumer(self, ids.ocpp, self.back_end))

    @property
    @override
    def topics(self) -> Iterable[str]:
        """Subscribe to requests, orders and discovery."""
        root = f"{self.prefix}everest_api"
        topics = [f"{root}/1/+/+/m2e/#"]
        if self.dialect.discovers:
            topics += [f"{root}/discover", f"{root}/query-modules/+"]
        if self._legacy:
            topics.append(f"{root}/+/cmd/+")
        if self._bus:
            topics += self._bus.topics
        return topics

    # Start and stop ---------------------------------------------------------------

    @override
    def connected(self, *, first: bool) -> None:
        """Start from the beginning: EVerest does not survive without its broker."""
        if self.dead is None:
            self.boot(resume=self.site.store)

    @override
    def boot(self, *, resume: bool = False) -> None:
        self.halt()
        self.dead = None
        self.running = True
        self.faults.reboot()
        if self.dialect.discovers:
            for _ in range(_BEACONS):
                self.send(f"{self.prefix}{ROOT}ready_beacon", "{}")
        for companion in self.companions:
            companion.start()
            companion.introduce()
        if self._bus:
            self._bus.boot()
        if self._legacy:
            self._loops.append(self.spawn(self._legacy.repeat()))
        for evse in self.points.values():
            if evse.reachable:
                evse.boot(resume=resume)
        if self.back_end:
            self.back_end.boot()

    @override
    def halt(self) -> None:
        self.running = False
        for task in self._loops:
            task.cancel()
        self._loops.clear()
        for companion in self.companions:
            companion.stop()
        for evse in self.points.values():
            evse.shut_down()

    # Connection to the broker -------------------------------------------------------

    @override
    def handle(self, topic: str, payload: bytes) -> None:
        """Process a message for one module, or for all that support discovery."""
        if not self.running or not self.passable or not self.passes(topic):
            return
        if self._bus and self._bus.receive(topic, payload):
            return
        match topic.removeprefix(self.prefix).split("/"):
            case ["everest_api", "1", kind, module_id, "m2e", *operation]:
                self._ask(kind, module_id, "/".join(operation), payload)
            case ["everest_api", "discover"]:
                self._discover(payload)
            case ["everest_api", "query-modules", kind]:
                self._discover(payload, kind)
            case ["everest_api", connector, "cmd", command] if self._legacy:
                self._legacy.receive(connector, command, payload)

    def _ask(self, kind: str, module_id: str, operation: str, payload: bytes) -> None:
        for module in self._modules():
            if (module.kind, module.module_id) == (kind, module_id):
                module.receive(operation, payload)

    # Between the modules ----------------------------------------------------------------

    @override
    def happened(self, number: int, event: str) -> None:
        for companion in self.companions:
            companion.handle_event(self._evse(number), event)

    @override
    def publish_cost(self, number: int, total: float | None) -> bool:
        publishers = [each for each in self.companions if isinstance(each, SessionCosts)]
        published = [each.publish_cost(self._evse(number), total) for each in publishers]
        return any(published)

    @override
    def topics_of(self, number: int) -> Iterable[str]:
        evse = self._evse(number)
        modules: list[ApiModule] = [evse.api, *self.companions]
        topics = [
            f"{module.topic}/e2m/{variable}"
            for module in modules
            for variable in (*module.variables, "heartbeat", "no_such_variable")
            if self.dialect.api
        ]
        if self._legacy:
            root = f"{self._legacy.root}/{evse.voice.connector_id}"
            topics += [f"{root}/var/{variable}" for variable in legacy.VARIABLES]
        return topics

    def _evse(self, number: int) -> EverestChargepoint:
        return [*self.points.values()][number - 1]

    def _discover(self, payload: bytes, kind: str | None = None) -> None:
        """Let every module reply separately, like real ones."""
        try:
            _, reply_to = envelope(payload, self.dialect)
        except (MalformedError, FatalError) as error:
            self.refuses("discover", payload, str(error))
            return
        complaint = self.complaint(reply_to)
        if complaint:
            self.refuses("discover", payload, complaint)
        for module in self._modules():
            if kind in (None, module.kind) and module.reachable and not module.silent:
                module.reply(reply_to, {"apis": [module.entry()]})

    def _modules(self) -> list[ApiModule]:
        if not self.dialect.api:
            return []
        return [*self.companions, *(evse.api for evse in self.points.values())]
