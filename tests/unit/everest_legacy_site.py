"""A station with the API before v1, whose messages a test writes and reads."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from custom_components.fimp_chargepoint.chargepoint.everest.legacy.chargepoint import (
    LegacyChargepoint,
)
from custom_components.fimp_chargepoint.chargepoint.model import ChargepointSnapshot

from .fakes import OfflineHub


class Site:
    """A station that reports everything each second while a test calls `wait`."""

    def __init__(self, *connectors: str, prefix: str = "") -> None:
        """Begin with a connection, and connectors that have reported nothing."""
        self.hub = OfflineHub(("", "site1/"))
        self.prefix = prefix
        self.events: list[Any] = []
        self.hub.add_listener(self.events.append)
        self.hub.connection_made()
        #: The EVSEs that also have API v1.
        self.evses: set[str] = set()
        self.info: dict[str, dict[str, Any]] = {
            each: {
                "active_enable_disable_source": {
                    "priority": 10000,
                    "source": "Unspecified",
                    "state": "Unassigned",
                },
                "charged_energy_wh": 0,
                "latest_total_w": 0.0,
                "permanent_fault": False,
                "state": "Unplugged",
            }
            for each in connectors or ("connector_1",)
        }

    def var(self, variable: str, value: Any, connector: str = "connector_1") -> None:
        """Publish a variable of a connector."""
        self.hub.feed(f"{self.prefix}everest_api/{connector}/var/{variable}", value)

    def v1(self, module: str) -> None:
        """Let an EVSE also use API v1 from now on."""
        self.evses.add(module)
        topic = f"{self.prefix}everest_api/1/evse_manager_consumer/{module}/e2m/session_info"
        self.hub.feed(topic, {"state": "Unplugged"})

    def report(self, word: str | None = None, **fields: Any) -> None:
        """Change the state of the first connector, and let all connectors report."""
        first = next(iter(self.info.values()))
        first.update({} if word is None else {"state": word}, **fields)
        self.hub.feed(f"{self.prefix}everest_api/connectors", list(self.info))
        for connector, info in self.info.items():
            self.var("session_info", info, connector)
        for module in self.evses:
            self.v1(module)

    def wait(self, seconds: int, word: str | None = None, **fields: Any) -> None:
        """Let seconds pass; everything is reported again in each of them."""
        for _ in range(seconds):
            self.hub.advance(self.hub.clock.time + 1)
            self.report(word, **fields)

    def silence(self, seconds: float) -> None:
        """Let time pass without any message."""
        self.hub.advance(self.hub.clock.time + seconds)

    def limits(self, current: float, phases: int = 3) -> None:
        """Publish the limits that apply."""
        holding = {"nr_of_phases_available": phases, "max_current": current}
        self.var("limits", {"uuid": "connector_1"} | holding)

    @property
    def nodes(self) -> list[str]:
        """The addresses of all nodes."""
        return list(self.hub.nodes)

    @property
    def node(self) -> LegacyChargepoint:
        """The first connector."""
        node = self.hub.nodes[f"everest_legacy:{self.prefix}connector_1"]
        assert isinstance(node, LegacyChargepoint)
        return node

    @property
    def shown(self) -> ChargepointSnapshot:
        """The snapshot of the first connector."""
        return self.node.snapshot

    async def send(
        self, command: Coroutine[Any, Any, None]
    ) -> tuple[asyncio.Task[None], str, bytes]:
        """Begin a command; return it with the end of its topic and its payload."""
        self.hub.sent.clear()
        task = asyncio.create_task(command)
        await asyncio.sleep(0)
        ((topic, payload),) = self.hub.sent
        start = f"{self.prefix}everest_api/connector_1/cmd/"
        assert topic.startswith(start)
        return task, topic.removeprefix(start), payload
