"""The base of all simulators: charge points behind one connection, controlled by words."""

from abc import ABC, abstractmethod
import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass
import inspect
import logging
from types import TracebackType
from typing import Any, ClassVar, Self

from .car import Connector
from .mqtt import Broker, Link

_LOGGER = logging.getLogger(__name__)

_CONTROL = "simulators"


class ControlError(Exception):
    """A control word cannot be carried out, or was not understood."""


@dataclass(frozen=True)
class Timing:
    """The speed of the simulation.

    ``pace`` scales every delay of the devices (0.1 is ten times faster than real devices),
    ``speed`` only the flow of energy. Periods are real seconds.
    """

    pace: float = 1.0
    speed: float = 1.0
    poll: float = 30.0
    """FIMP: how often an adapter looks at its charge points."""
    heartbeat: float = 1.0
    """EVerest: time between two heartbeats; 0 sends none."""
    meter: float = 0.5
    """EVerest: time between two meter samples."""


class Chargepoint(ABC):
    """One charge point: a connector, and the control words that it obeys.

    A word changes a fact (a car is plugged in, a fault appears); ``changed`` then lets the protocol
    draw its consequences and report them in its own way.
    """

    WORDS: ClassVar[dict[str, str]] = {
        "plug": "plug a car in",
        "unplug": "take the car away",
        "car_pause": "the car takes a break",
        "car_resume": "the car goes on",
        "full": "the car is full",
        "fault": "raise a fault; the rest of the line describes it",
        "clear_fault": "the fault is gone",
        "offline": "the charge point loses its connection",
        "online": "the connection is back",
        "silence": "'on' ignores all commands, 'off' does again",
        "refuse": "refuse every charge command in the given words; none: obey again",
        "garbage": "publish nonsense",
    }
    """The words, and what they do; each is the name of a method."""

    def __init__(self, name: str, connector: Connector) -> None:
        """Start unplugged, healthy, online and obedient."""
        self.name = name
        self.connector = connector
        self.trouble: str | None = None
        self.reachable = True
        self.silent = False
        self.refusal: str | None = None

    @abstractmethod
    def changed(self, word: str) -> None:
        """Handle a fact that has just changed, by the given word."""

    @abstractmethod
    async def garbage(self) -> None:
        """Publish invalid messages on the topics of this charge point."""

    async def plug(self) -> None:
        """Plug a car in."""
        self._expect(plugged=False)
        self.connector.plug()
        self.changed("plug")

    async def unplug(self) -> None:
        """Unplug the car."""
        self._expect(plugged=True)
        self.connector.unplug()
        self.changed("unplug")

    async def car_pause(self) -> None:
        """Let the car pause."""
        self._expect(plugged=True)
        self.connector.advance()
        self.connector.car_paused = True
        self.changed("car_pause")

    async def car_resume(self) -> None:
        """Let the car continue after a pause."""
        self._expect(plugged=True)
        self.connector.advance()
        self.connector.car_paused = False
        self.changed("car_resume")

    async def full(self) -> None:
        """Let the car be full."""
        self._expect(plugged=True)
        self.connector.fill()
        self.changed("full")

    async def fault(self, text: str = "fault") -> None:
        """Raise a fault."""
        self.trouble = text or "fault"
        self.changed("fault")

    async def clear_fault(self) -> None:
        """Clear the fault."""
        self.trouble = None
        self.changed("clear_fault")

    async def offline(self) -> None:
        """Lose the connection of this charge point."""
        if self.reachable:
            self.reachable = False
            self.changed("offline")

    async def online(self) -> None:
        """Restore the connection of this charge point."""
        if not self.reachable:
            self.reachable = True
            self.changed("online")

    async def silence(self, on: bool | str = True) -> None:  # noqa: FBT001, FBT002
        """Ignore all commands, or obey again."""
        self.silent = on not in (False, "off")

    async def refuse(self, words: str = "") -> None:
        """Refuse every charge command with this text; without a text, obey again."""
        self.refusal = words or None

    async def do(self, word: str, argument: str = "") -> None:
        """Carry out one of ``WORDS``."""
        if word not in self.WORDS:
            raise ControlError(f"unknown word {word!r}; known are {', '.join(self.WORDS)}")
        method = getattr(self, word)
        arguments = [argument] if argument else []
        try:
            inspect.signature(method).bind(*arguments)
        except TypeError as error:
            raise ControlError(f"{word}: {error}") from error
        await method(*arguments)

    def _expect(self, *, plugged: bool) -> None:
        if self.connector.plugged is not plugged:
            raise ControlError("no car is plugged in" if plugged else "a car is plugged in already")


class Simulator[P: Chargepoint](ABC):
    """Charge points behind one connection; use it as ``async with``.

    Entering waits until the broker is there and the charge points have announced themselves;
    leaving ends every task. Charge points are found by name (``simulator["garage"]``), and a
    control word for the simulator itself goes to the first one (``await simulator.plug()``).
    """

    def __init__(self, broker: Broker, timing: Timing, qos: int) -> None:
        """Prepare; entering the context connects."""
        self.timing = timing
        self.received: list[tuple[str, str]] = []
        """Every command that came in, as (topic, payload), oldest first."""
        self.points: dict[str, P] = {}
        self._broker = broker
        self._qos = qos
        self._link: Link | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._connections = 0

    @property
    @abstractmethod
    def topics(self) -> Iterable[str]:
        """The topics on which commands are received."""

    @abstractmethod
    def connected(self, *, first: bool) -> None:
        """Announce the charge points: the connection is up, for the first time or again."""

    @abstractmethod
    def handle(self, topic: str, payload: bytes) -> None:
        """Process a command."""

    async def __aenter__(self) -> Self:
        """Connect and announce."""
        control = [f"{_CONTROL}/{name}/do" for name in self.points]
        self._link = Link(self._broker, [*self.topics, *control], self._receive, qos=self._qos)
        try:
            await self._link.start(self._connected)
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Disconnect and end every task."""
        await self.stop()

    async def stop(self) -> None:
        """Disconnect and end every task; raise a bug found in one of them."""
        # Do this first: a further message would start another task.
        if self._link is not None:
            await self._link.stop()
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception):
                raise result

    async def kill(self) -> None:
        """End as a process that is killed; entering again is its next start.

        The charge points are devices of their own: they continue, and remember.
        """
        self._connections = 0
        if self._link is not None:
            await self._link.abort()
        await self.stop()

    def add(self, point: P) -> None:
        """Add a charge point during construction."""
        if point.name in self.points:
            raise ValueError(f"there is a charge point named {point.name} already")
        self.points[point.name] = point

    def send(self, topic: str, payload: str | bytes) -> None:
        """Publish a message."""
        if self._link is not None:
            self._link.send(topic, payload)

    def spawn(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a coroutine in the background, until it or the simulator ends."""
        task = asyncio.create_task(coroutine, name=f"simulator {coroutine!r}")
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    async def sleep(self, seconds: float) -> None:
        """Wait for a delay of the real device, scaled by our pace."""
        await asyncio.sleep(seconds * self.timing.pace)

    async def do(self, line: str) -> None:
        """Carry out a line such as ``plug``, or ``garage plug`` for one of several."""
        name, _, rest = line.strip().partition(" ")
        if name in self.points:
            line = rest
        else:
            name = next(iter(self.points))
        word, _, argument = line.strip().partition(" ")
        await self[name].do(word, argument.strip())

    def __getitem__(self, name: str) -> P:
        """Find a charge point by name."""
        return self.points[name]

    def __getattr__(self, word: str) -> Callable[..., Awaitable[None]]:
        """Let the first charge point carry out a control word."""
        points = self.__dict__.get("points")
        first = next(iter(points.values()), None) if points else None
        if first is None or word not in first.WORDS:
            raise AttributeError(word)
        method: Callable[..., Awaitable[None]] = getattr(first, word)
        return method

    def _connected(self) -> None:
        self._connections += 1
        self.connected(first=self._connections == 1)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or task.exception() is None:
            self._tasks.discard(task)
        else:
            # It is kept, and raised by ``stop``.
            _LOGGER.error("A simulator task failed", exc_info=task.exception())

    def _receive(self, topic: str, payload: bytes) -> None:
        text = payload.decode(errors="replace")
        match topic.split("/"):
            case [root, name, "do"] if root == _CONTROL and name in self.points:
                self.spawn(self._obey(name, text))
            case _:
                self.received.append((topic, text))
                self.handle(topic, payload)

    async def _obey(self, name: str, line: str) -> None:
        """Carry out a line from the control topic, and answer on a topic beside it."""
        try:
            await self.do(f"{name} {line}")
        except ControlError as error:
            answer = f"error: {error}"
        else:
            answer = "ok"
        self.send(f"{_CONTROL}/{name}/did", answer)
