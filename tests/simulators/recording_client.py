"""A client that records all messages of simulators, and can send requests to them."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
import json
from typing import Any, Self

import aiomqtt

from simulators.mqtt import Broker
from tests.broker import BrokerProcess
from tests.helpers.waiting import PATIENCE, until

FIMP_DEVICE = "/rt:dev/rn:easee/ad:1/sv:chargepoint/ad:1"
EVSE = "everest_api/1/evse_manager_consumer/evse_manager_api"


class RecordingClient:
    """A client that receives everything and sends requests."""

    def __init__(self, connection: aiomqtt.Client) -> None:
        """Begin without any message."""
        self.connection = connection
        self.messages: list[aiomqtt.Message] = []
        self._payloads: defaultdict[str, list[Any]] = defaultdict(list)

    @classmethod
    @asynccontextmanager
    async def connected(cls, broker: BrokerProcess) -> AsyncGenerator[Self]:
        """Connect, and record all messages until the end."""
        async with aiomqtt.Client(broker.host, broker.port) as connection:
            await connection.subscribe("#", qos=2)
            client = cls(connection)
            task = asyncio.create_task(client.listen())
            yield client
            task.cancel()

    async def listen(self) -> None:
        """Keep all messages."""
        async for message in self.connection.messages:
            self.messages.append(message)
            # Each is parsed once, since tests ask for them again and again.
            with suppress(ValueError):
                self._payloads[str(message.topic)].append(json.loads(message.payload))

    def payloads(self, topic: str) -> list[Any]:
        """Return the JSON messages on a topic."""
        return [*self._payloads[topic]]

    async def until(self, what: Callable[[], Any]) -> Any:
        """Wait until a condition is true, and return its result."""
        return await until(what)

    async def wait_for_silence(self) -> int:
        """Wait until nothing is published for some heartbeats; return the number of messages."""
        async with asyncio.timeout(PATIENCE):
            count = -1
            while count != (count := len(self.messages)):  # noqa: ASYNC110
                await asyncio.sleep(0.7)
        return count

    async def send(self, topic: str, body: Any) -> None:
        """Publish a value as JSON."""
        await self.connection.publish(topic, json.dumps(body), qos=1)

    async def send_fimp_command(
        self, kind: str, val_t: str = "null", val: Any = None, **more: Any
    ) -> None:
        """Send a command to the first FIMP charge point."""
        body = {"serv": "chargepoint", "type": kind, "val_t": val_t, "val": val, "uid": "u"}
        await self.send(f"pt:j1/mt:cmd{FIMP_DEVICE}", body | more)

    def last(self, kind: str, topic: str = f"pt:j1/mt:evt{FIMP_DEVICE}") -> Any:
        """Return the last FIMP message of a type."""
        return next((each for each in reversed(self.payloads(topic)) if each["type"] == kind), {})

    def state(self) -> str:
        """Return the state of the EVSE."""
        published = self.payloads(f"{EVSE}/e2m/session_info")
        return published[-1]["state"] if published else ""

    def events(self) -> list[str]:
        """Return the events of the EVSE."""
        return [each["event"] for each in self.payloads(f"{EVSE}/e2m/session_event")]


def broker_of(process: BrokerProcess) -> Broker:
    return Broker(process.host, process.port)


def kind_of(value: Any) -> Any:
    """Reduce a value to its shape."""
    match value:
        case bool():
            return "bool"
        case int() | float():
            return "number"
        case dict():
            return {key: kind_of(item) for key, item in sorted(value.items())}
        case list():
            return [kind_of(value[0])] if value else []
        case _:
            return type(value).__name__
