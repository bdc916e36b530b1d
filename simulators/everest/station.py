"""The station: EVerest's modules behind one broker."""

import asyncio
from collections.abc import Iterable
import logging
from typing import override

from simulators.mqtt import Broker
from simulators.simulator import Simulator, Timing

from .bus import OcppBus
from .cards import Authorizer, Cards, Tokens
from .cost import SessionCosts
from .dialects import DIALECTS
from .energy import ExternalLimits
from .evse import Evse
from .faults import ErrorHistory, Faults
from .legacy import LegacyStation
from .module import ApiModule
from .ocpp import Ocpp
from .ocpp_api import OcppConsumer
from .requests import FatalError, MalformedError, envelope
from .setups import EvseSetup, SisterSetup, SiteSetup
from .sisters import Sister

_LOGGER = logging.getLogger(__name__)

_BEACONS = 4
_RESTART_SECONDS = 3.0
_ROOT = "everest_api/"


class EverestSimulator(Simulator[Evse]):
    """One EVerest station with one or more EVSEs."""

    def __init__(
        self,
        broker: Broker,
        *evses: EvseSetup,
        prefix: str = "",
        dialect: str = "main",
        sisters: SisterSetup | None = None,
        site: SiteSetup | None = None,
        timing: Timing | None = None,
    ) -> None:
        """Build the modules; without any EVSE given there is one."""
        super().__init__(broker, timing or Timing(), qos=2)
        self.prefix = prefix
        self.dialect = DIALECTS[dialect]
        self.site = site or SiteSetup()
        self.ids = sisters or SisterSetup()
        self.legacy = self.dialect.legacy or self.site.legacy
        self.sisters: list[Sister] = []
        self.faults = Faults(self)
        self.cards = Cards(self)
        self.running = False
        """Whether EVerest is up; while it is not, nothing is heard."""
        self.passable = True
        """Whether the way to the broker is open."""
        self.dead: str | None = None
        """What EVerest has died of."""
        self.mistakes: list[str] = []
        """What was wrong with the requests that came in, whatever EVerest makes of it."""
        self._asked: set[str] = set()
        self._loops: list[asyncio.Task[None]] = []
        for number, setup in enumerate(evses or (EvseSetup(),), 1):
            self.add(Evse(self, setup, number))
        self.back_end = Ocpp(self) if self.ids.ocpp or self.ids.bus else None
        self._bus = (
            OcppBus(self, self.back_end, self.ids.bus)
            if self.back_end and self.ids.bus
            else None
        )
        self._legacy = LegacyStation(self) if self.legacy else None
        if self.dialect.api:
            self._add_sisters()
        known = [(module.kind, module.module_id) for module in self._modules()]
        if len(set(known)) < len(known):
            raise ValueError("every module needs an id of its own")

    def _add_sisters(self) -> None:
        ids = self.ids
        self.sisters += [
            ExternalLimits(self, evse.setup.limits, evse)
            for evse in self.points.values()
            if evse.setup.limits
        ]
        kinds: dict[type[Sister], str] = {
            ErrorHistory: ids.errors,
            Authorizer: ids.authorizer,
            Tokens: ids.tokens,
            SessionCosts: ids.cost if self.dialect.costs else "",
            OcppConsumer: ids.ocpp,
        }
        self.sisters += [
            kind(self, module_id) for kind, module_id in kinds.items() if module_id
        ]

    @property
    @override
    def topics(self) -> Iterable[str]:
        """Listen for requests, orders and discovery."""
        root = f"{self.prefix}everest_api"
        topics = [f"{root}/1/+/+/m2e/#"]
        if self.dialect.discovers:
            topics += [f"{root}/discover", f"{root}/query-modules/+"]
        if self.legacy:
            topics.append(f"{root}/+/cmd/+")
        if self._bus:
            topics += self._bus.topics
        return topics

    # Life -------------------------------------------------------------------------

    @override
    def connected(self, *, first: bool) -> None:
        """Start from the beginning: without its broker EVerest does not survive."""
        if self.dead is None:
            self.boot(resume=self.site.store)

    def boot(self, *, resume: bool = False) -> None:
        """Start all modules anew."""
        self._halt()
        self.dead = None
        self.running = True
        self.faults.reboot()
        if self.dialect.discovers:
            for _ in range(_BEACONS):
                self.send(f"{self.prefix}{_ROOT}ready_beacon", "{}")
        for sister in self.sisters:
            sister.start()
            sister.introduce()
        if self._bus:
            self._bus.boot()
        if self._legacy:
            self._loops.append(self.spawn(self._legacy.repeat()))
        for evse in self.points.values():
            if evse.reachable:
                evse.boot(resume=resume)
        if self.back_end:
            self.back_end.boot()

    async def reboot(self, *, resume: bool) -> None:
        """Be away for a while, and start anew."""
        self._halt()
        await self.sleep(_RESTART_SECONDS)
        self.boot(resume=resume or self.site.store)

    def die(self, reason: str) -> None:
        """Die of something; only a restart helps."""
        _LOGGER.error("EVerest has died of %s", reason)
        self.mistakes.append(reason)
        self._halt()
        self.dead = reason

    def _halt(self) -> None:
        self.running = False
        for task in self._loops:
            task.cancel()
        self._loops.clear()
        for sister in self.sisters:
            sister.stop()
        for evse in self.points.values():
            evse.shut_down()

    @override
    async def stop(self) -> None:
        """End it; a strict site raises what was wrong with the requests."""
        await super().stop()
        if self.site.strict and self.mistakes:
            found, self.mistakes = self.mistakes, []
            raise ValueError("; ".join(found))

    # The way to the broker ----------------------------------------------------------

    @override
    def send(self, topic: str, payload: str | bytes) -> None:
        """Publish, if EVerest lives and the way is open for the topic."""
        control = topic.startswith("simulators/")
        if control or (self.running and self.passable and self._passes(topic)):
            super().send(topic, payload)

    @override
    def handle(self, topic: str, payload: bytes) -> None:
        """Take what is meant for one module, or for all that are discovered."""
        if not self.running or not self.passable or not self._passes(topic):
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
            case ["everest_api", connector, "cmd", command]:
                self._command(connector, command, payload)

    def _ask(self, kind: str, module_id: str, operation: str, payload: bytes) -> None:
        for module in self._modules():
            if (module.kind, module.module_id) == (kind, module_id):
                module.receive(operation, payload)

    def _command(self, connector: str, command: str, payload: bytes) -> None:
        for evse in self.points.values():
            if evse.voice.legacy and evse.voice.connector_id == connector:
                evse.voice.legacy.receive(command, payload)

    def _passes(self, topic: str) -> bool:
        return not self.site.bridged or topic.startswith(f"{self.prefix}{_ROOT}")

    def refuses(self, topic: str, payload: bytes, why: str) -> None:
        """Note that something was wrong with what came in."""
        text = payload.decode(errors="replace")
        _LOGGER.warning("%s %s: %s", topic, text, why)
        self.mistakes.append(f"{topic} {text}: {why}")

    def complaint(self, reply_to: str) -> str:
        """Find what is wrong with the topic for a reply; each can be used only once."""
        known = reply_to in self._asked
        self._asked.add(reply_to)
        if not reply_to or set("#+") & set(reply_to):
            return "nothing can be published there"
        if self.prefix and reply_to.startswith(self.prefix):
            return "the prefix will be there twice"
        if not self._passes(f"{self.prefix}{reply_to}"):
            return "the answer does not pass the bridge"
        return "the reply topic was used before" if known else ""

    # What the parts tell each other -----------------------------------------------------

    def happened(self, number: int, event: str) -> None:
        """Tell all modules what has happened at an EVSE."""
        evse = [*self.points.values()][number - 1]
        for sister in self.sisters:
            sister.heard(evse, event)

    def tell_cost(self, evse: Evse, total: float | None) -> bool:
        """Tell the cost of a session, if there are one and a module that tells."""
        tellers = [each for each in self.sisters if isinstance(each, SessionCosts)]
        told = [each.tell(evse, total) for each in tellers]
        return any(told)

    def scheduled(self, schedules: object) -> None:
        """Let the old API tell what the back end lets be drawn."""
        if self._legacy:
            self._legacy.schedules(schedules)

    def _discover(self, payload: bytes, kind: str | None = None) -> None:
        """Let every module answer on its own, as real ones do."""
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
        return [*self.sisters, *(evse.api for evse in self.points.values())]
