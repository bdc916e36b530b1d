"""The basis of all modules of a station: its release, its site, its connection to the broker."""

from abc import abstractmethod
from collections.abc import Iterable
import logging
from typing import Any, override

from simulators.mqtt import Broker
from simulators.simulator import Chargepoint, Simulator, Timing

from .dialects import DIALECTS
from .faults import Faults
from .setups import CompanionSetup, SiteSetup

_LOGGER = logging.getLogger(__name__)

_RESTART_SECONDS = 3.0
ROOT = "everest_api/"

#: A station as its modules know it, with any kind of charge points.
type Station = Framework[Any]


class Framework[P: Chargepoint](Simulator[P]):
    """A station without its modules."""

    def __init__(
        self,
        broker: Broker,
        prefix: str,
        dialect: str,
        ids: CompanionSetup | None,
        site: SiteSetup | None,
        timing: Timing | None,
    ) -> None:
        """Build it; ``dialect`` names the release."""
        super().__init__(broker, timing or Timing(), qos=2)
        self.prefix = prefix
        self.dialect = DIALECTS[dialect]
        self.site = site or SiteSetup()
        self.ids = ids or CompanionSetup()
        self.faults = Faults()
        self.running = False
        """Whether EVerest is up; while it is not, no message is received."""
        self.passable = True
        """Whether the way to the broker is open."""
        self.dead: str | None = None
        """What EVerest has died of."""
        self.mistakes: list[str] = []
        """The errors in received requests, even if EVerest accepts them."""
        self._asked: set[str] = set()

    # Start and stop ---------------------------------------------------------------

    @abstractmethod
    def boot(self, *, resume: bool = False) -> None:
        """Start all modules."""

    @abstractmethod
    def halt(self) -> None:
        """End all modules."""

    async def reboot(self, *, resume: bool) -> None:
        """Be offline for a while, then start again."""
        self.halt()
        await self.sleep(_RESTART_SECONDS)
        self.boot(resume=resume or self.site.store)

    def die(self, reason: str) -> None:
        """Crash for the given reason; only a restart helps."""
        _LOGGER.error("EVerest has died of %s", reason)
        self.mistakes.append(reason)
        self.halt()
        self.dead = reason

    @override
    async def stop(self) -> None:
        """Stop; a strict site raises what was wrong with the requests."""
        await super().stop()
        if self.site.strict and self.mistakes:
            found, self.mistakes = self.mistakes, []
            raise ValueError("; ".join(found))

    # Connection to the broker -------------------------------------------------------

    @override
    def send(self, topic: str, payload: str | bytes) -> None:
        """Publish, if EVerest is running and the topic passes the bridge."""
        control = topic.startswith("simulators/")
        if control or (self.running and self.passable and self.passes(topic)):
            super().send(topic, payload)

    def passes(self, topic: str) -> bool:
        """Return whether a topic passes the bridge, if there is one."""
        return not self.site.bridged or topic.startswith(f"{self.prefix}{ROOT}")

    def refuses(self, topic: str, payload: bytes, why: str) -> None:
        """Record an invalid message."""
        text = payload.decode(errors="replace")
        _LOGGER.warning("%s %s: %s", topic, text, why)
        self.mistakes.append(f"{topic} {text}: {why}")

    def complaint(self, reply_to: str) -> str:
        """Return what is wrong with the topic for a reply; each can be used only once."""
        known = reply_to in self._asked
        self._asked.add(reply_to)
        if not reply_to or set("#+") & set(reply_to):
            return "nothing can be published there"
        if self.prefix and reply_to.startswith(self.prefix):
            return "the prefix will be there twice"
        if not self.passes(f"{self.prefix}{reply_to}"):
            return "the answer does not pass the bridge"
        return "the reply topic was used before" if known else ""

    # Between the modules ------------------------------------------------------------------

    @abstractmethod
    def happened(self, number: int, event: str) -> None:
        """Notify all modules of an event of the EVSE with a number."""

    @abstractmethod
    def publish_cost(self, number: int, total: float | None) -> bool:
        """Report the cost of a session, if there are one and a module that reports it."""

    @abstractmethod
    def topics_of(self, number: int) -> Iterable[str]:
        """Return the topics on which an EVSE and its companion modules publish."""
