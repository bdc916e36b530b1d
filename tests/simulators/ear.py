"""Somebody at the broker who hears all that simulators say, and can talk to them."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
import json
from typing import Any

import aiomqtt

from simulators.mqtt import Broker
from tests.broker import BrokerProcess
from tests.helpers.waiting import PATIENCE, until

FIMP_DEVICE = "/rt:dev/rn:easee/ad:1/sv:chargepoint/ad:1"
EVSE = "everest_api/1/evse_manager_consumer/evse_manager_api"


class Ear:
    """A client that hears everything and says something."""

    def __init__(self, client: aiomqtt.Client) -> None:
        """Hear nothing yet."""
        self.client = client
        self.heard: list[aiomqtt.Message] = []
        self._said: defaultdict[str, list[Any]] = defaultdict(list)

    async def listen(self) -> None:
        """Keep all messages."""
        async for message in self.client.messages:
            self.heard.append(message)
            # Each is read once: tests ask for them again and again.
            with suppress(ValueError):
                self._said[str(message.topic)].append(json.loads(message.payload))

    def said(self, topic: str) -> list[Any]:
        """Return what was said on a topic, as far as it is JSON."""
        return [*self._said[topic]]

    async def until(self, what: Callable[[], Any]) -> Any:
        """Wait until something holds, and return it."""
        return await until(what)

    async def hears_no_more(self) -> int:
        """Wait until nothing was said for some heartbeats; returns how much was before."""
        async with asyncio.timeout(PATIENCE):
            heard = -1
            while heard != (heard := len(self.heard)):  # noqa: ASYNC110
                await asyncio.sleep(0.7)
        return heard

    async def ask(self, topic: str, body: Any) -> None:
        """Say something as JSON."""
        await self.client.publish(topic, json.dumps(body), qos=1)

    async def tell_fimp(self, kind: str, val_t: str = "null", val: Any = None, **more: Any) -> None:
        """Send a command to the first FIMP charge point."""
        body = {"serv": "chargepoint", "type": kind, "val_t": val_t, "val": val, "uid": "u"}
        await self.ask(f"pt:j1/mt:cmd{FIMP_DEVICE}", body | more)

    def last(self, kind: str, topic: str = f"pt:j1/mt:evt{FIMP_DEVICE}") -> Any:
        """Return the last FIMP message of a type."""
        return next((each for each in reversed(self.said(topic)) if each["type"] == kind), {})

    def state(self) -> str:
        """Return the state of the EVSE."""
        said = self.said(f"{EVSE}/e2m/session_info")
        return said[-1]["state"] if said else ""

    def events(self) -> list[str]:
        """Return the events of the EVSE."""
        return [each["event"] for each in self.said(f"{EVSE}/e2m/session_event")]


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
