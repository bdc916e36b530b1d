"""A station with an OCPP client, whose messages a test writes and reads."""

import asyncio
from dataclasses import replace
from typing import Any

import orjson

from custom_components.fimp_chargepoint.chargepoint.everest.ocpp.client import EverestOcpp
from custom_components.fimp_chargepoint.chargepoint.ocpp import (
    OcppCommand,
    OcppNotification,
    OcppSnapshot,
)

from .fakes import UNTHROTTLED, OfflineHub

ROOT = "everest_api/1/ocpp_consumer/ocpp_1"


class Station:
    """The messages of a station, and the requests to it."""

    def __init__(self, **options: Any) -> None:
        """Begin with a connection and no module."""
        self.hub = OfflineHub(options=replace(UNTHROTTLED, **options))
        self.hub.connection_made()
        self.hub.take_sent()
        self.notifications: list[OcppNotification] = []

    def publish(self, variable: str, value: Any) -> None:
        """Let the module publish a variable."""
        self.hub.feed(f"{ROOT}/e2m/{variable}", value)

    def bus(self, name: str, value: Any) -> None:
        """Let the module on the bus publish a variable."""
        topic = f"everest/modules/ocpp/impl/main/var/{name}"
        self.hub.feed(topic, {"msg_type": "Var", "data": {"data": value}})

    def legacy(self, word: bytes) -> None:
        """Let the API before v1 report the connection to the CSMS."""
        self.hub.feed("everest_api/ocpp/var/connection_status", word)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.hub.advance(self.hub.clock.time + seconds)

    def asked(self, operation: str) -> list[Any]:
        """Return and forget what was sent for an operation."""
        found = [
            orjson.loads(payload)
            for topic, payload in self.hub.sent
            if topic.startswith(f"{ROOT}/m2e/") and topic.endswith(f"/{operation}")
        ]
        self.hub.sent.clear()
        return found

    def reply_on_bus(self, value: Any) -> None:
        """Let the module on the bus reply to the call that was made last."""
        topic, payload = self.hub.sent[-1]
        call = orjson.loads(payload)["data"]
        self.hub.sent.clear()
        answer = {"id": call["id"], "origin": "ocpp", "retval": value}
        result = {"msg_type": "CmdResult", "data": {"type": "result", "data": answer}}
        self.hub.feed(f"{topic}/response/{call['origin']}", result)

    @property
    def client(self) -> EverestOcpp:
        """The only client."""
        (client,) = self.hub.nodes.values()
        assert isinstance(client, EverestOcpp)
        return client

    @property
    def shown(self) -> OcppSnapshot:
        """The snapshot of the client."""
        return self.client.snapshot

    def listen(self) -> None:
        """Keep its notifications from now on."""
        self.client.add_event_listener(self.notifications.append)

    async def perform(self, command: OcppCommand, reply: Any) -> dict[str, Any]:
        """Send a command, and reply to it."""
        task = asyncio.create_task(self.client.perform(command))
        await asyncio.sleep(0)
        (sent,) = [orjson.loads(payload) for _, payload in self.hub.sent[-1:]]
        self.hub.feed(sent["headers"]["replyTo"], reply)
        return await task


def schedule(**more: Any) -> dict[str, Any]:
    """Return the schedule of a whole station: 16 A, after a minute 6 A, after two none."""
    whole = {
        "evse": 0,
        "charging_rate_unit": "A",
        "duration": 120,
        "charging_schedule_period": [
            {"start_period": 0, "limit": 16.0},
            {"start_period": 60, "limit": 6.0},
        ],
    }
    return {"schedules": [{"evse": 1, "charging_rate_unit": "A"}, whole | more]}
