"""A charge point in a session, seen by Home Assistant through a proxy, and what must hold."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager
import json
import logging
import os
from pathlib import Path
import threading
import time
from typing import Any

from homeassistant.const import CONF_PORT
from homeassistant.core import HomeAssistant
import pytest

from custom_components.fimp_chargepoint.chargepoint.sessions.tracker import SessionTracker
from custom_components.fimp_chargepoint.const import DOMAIN
from harness.broker import HOST
from simulators.fimp import ChargepointSetup, FimpSimulator
from simulators.mqtt import Broker
from simulators.simulator import Timing
from tests.broker import CHARGER_USERNAME, PASSWORD, BrokerProcess
from tests.helpers.proxy import Proxy, proxy_to
from tests.helpers.waiting import until
from tests.integration.conftest import Chargepoint, load, other_broker

#: Energy flows a hundred times faster than in life.
TIMING = Timing(pace=0.0, poll=0.5, heartbeat=0.5, meter=0.5, speed=100.0)
#: Seconds after which everything must be true again.
TRUTH_TIME = 10.0
_CAR = 1000.0
_CLOSE = 0.02


class Scene:
    """A charge point in Home Assistant, and the checks that follow every fault."""

    def __init__(
        self,
        found: Chargepoint,
        broker: BrokerProcess,
        proxy: Proxy,
        patch: pytest.MonkeyPatch,
    ) -> None:
        """Take note of what is there before the fault; the end of the test undoes `patch`."""
        self.found = found
        self.hass = found.hass
        self.broker = broker
        self.proxy = proxy
        self.patch = patch
        self.point = next(iter(found.point.points.values()))
        self._began = 0.0

    @property
    def hub(self) -> Any:
        """The hub, which is another one after a reload."""
        return self.found.entry.runtime_data.hub

    @property
    def tracker(self) -> SessionTracker:
        """The session tracker."""
        runtime_data = self.found.entry.runtime_data
        (address,) = runtime_data.coordinators
        tracker: SessionTracker = runtime_data.sessions.of(address).tracker
        return tracker

    def file(self, name: str) -> Path:
        """Return a file of the entry: `state` or `history`."""
        return Path(self.hass.config.path(f".storage/{DOMAIN}.{self.found.entry.entry_id}.{name}"))

    async def denied(self, right: str) -> None:
        """Remove all rules of Home Assistant to `read` or `write`, without any report to it."""
        rules = self._rules.read_text()
        lines = rules.splitlines(keepends=True)
        self._rules.write_text("".join(x for x in lines if not x.startswith(f"topic {right} ")))
        await self._reload_rules()
        self._former_rules = rules

    async def allowed(self) -> None:
        """Restore the access rules."""
        self._rules.write_text(self._former_rules)
        await self._reload_rules()

    @property
    def _rules(self) -> Path:
        return Path(self.broker.lines.removeprefix("acl_file "))

    async def _reload_rules(self) -> None:
        before = self.broker.log.count("Reloading config")
        self.broker.resume()
        await until(lambda: self.broker.log.count("Reloading config") > before, "the rules")

    async def begin(self) -> None:
        """Plug a car in and charge it."""
        self._began = time.monotonic()
        await self.found.point.plug()
        await self.found.wait_for_state("sensor", "status", "ready_to_charge")
        await self.found.call("switch", "turn_on", "charging")
        await self.found.wait_for_state("sensor", "status", "charging")
        await until(lambda: self.point.connector.energy > _CLOSE, "energy to flow")

    @property
    def is_true(self) -> bool:
        """Whether all entities have the values of the charge point, measurements aside."""
        point, state = self.point, self.found.state
        power = state("sensor", "power")
        return (
            self.hub.transport.connected
            and state("sensor", "status") == point.state
            and state("switch", "charging") == ("on" if point.state == "charging" else "off")
            and state("number", "max_current") == f"{point.max_current:g}"
            and state("lock", "cable") == ("locked" if point.locked else "unlocked")
            and power not in (None, "unknown", "unavailable")
            and abs(float(power) - point.connector.power) < 1.0  # kW or W
        )

    @property
    def starts(self) -> int:
        """The number of starts that the charge point has received."""
        return len(self.found.sent("cmd.charge.start"))

    async def lost(self) -> None:
        """Wait until the fault was noticed."""
        await until(lambda: not self.hub.transport.connected, "the fault to be noticed")

    async def becomes_true(self) -> float:
        """Return the seconds until everything is true, once there is a connection again."""
        await until(lambda: self.hub.transport.connected, "the connection")
        began = time.monotonic()
        await until(lambda: self.is_true, "everything to be true")
        seconds = time.monotonic() - began
        assert seconds < TRUTH_TIME
        return seconds

    async def end(self) -> None:
        """End the session; its energy is what the charge point has counted."""
        await self.found.call("switch", "turn_off", "charging")
        await self.found.wait_for_state("sensor", "status", "ready_to_charge")
        counted = self.point.connector.energy
        assert counted > _CLOSE

        def shown() -> float:
            return float(self.found.state("sensor", "session_energy") or "nan")

        await until(lambda: abs(shown() - counted) < _CLOSE, "the energy of the session")
        await self.found.point.unplug()
        await self.found.wait_for_state("sensor", "status", "disconnected")
        (record,) = await until(lambda: self.tracker.records, "the record of the session")
        assert record.energy == pytest.approx(counted, abs=_CLOSE)
        assert record.duration is not None
        assert 0 <= record.duration <= time.monotonic() - self._began + 1


def leftovers() -> Counter[str]:
    """Count tasks of ours, threads and open sockets."""
    tasks = (task.get_name() for task in asyncio.all_tasks())
    sockets = 0
    for number in os.listdir("/proc/self/fd"):  # noqa: PTH208
        try:
            target = os.readlink(f"/proc/self/fd/{number}")  # noqa: PTH115
        except OSError:
            continue
        sockets += target.startswith("socket:")
    threads = (each for each in threading.enumerate() if "waitpid" not in each.name)
    ours = (name for name in tasks if name.startswith("mqtt"))
    pool = ("asyncio_", "SyncWorker", "ImportExecutor")
    own_threads = [each.name for each in threads if not each.name.startswith(pool)]
    return Counter(ours) + Counter({"sockets": sockets, "threads": len(own_threads)})


@asynccontextmanager
async def scene(hass: HomeAssistant, broker: BrokerProcess, **data: Any) -> AsyncGenerator[Scene]:
    """Run a charge point in a session; between Home Assistant and the broker is a proxy."""
    setup = ChargepointSetup(profile="full", needed=_CAR)
    user = (CHARGER_USERNAME, PASSWORD) if broker.credentials else ()
    charger = FimpSimulator(Broker(HOST, broker.port, *user), setup, timing=TIMING)
    async with proxy_to(broker.port) as proxy, charger as point:
        entry = await load(hass, other_broker(broker, **{CONF_PORT: proxy.port, **data}))
        found = Chargepoint(hass, point, entry)
        await found.comes()
        await found.settles()
        with pytest.MonkeyPatch.context() as patch:
            made = Scene(found, broker, proxy, patch)
            await made.begin()
            yield made
        await hass.config_entries.async_unload(entry.entry_id)


class Lines(logging.Handler):
    """Counts the lines of the log about the connection."""

    def __init__(self) -> None:
        """Start with none."""
        super().__init__(logging.INFO)
        self.counts: Counter[str] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        """Count a line."""
        text = record.getMessage()
        self.counts["down"] += text.startswith("The connection is lost")
        self.counts["up"] += text.startswith("The connection is back")
        self.counts["errors"] += record.levelno >= logging.ERROR


@contextmanager
def log_lines() -> Iterator[Counter[str]]:
    """Count what the integration logs."""
    handler = Lines()
    logger = logging.getLogger("custom_components.fimp_chargepoint")
    level = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    try:
        yield handler.counts
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def report(fault: str, asserted: str, seconds: float) -> None:
    """Add a line to the file from which `bench/faults` makes a table, if requested."""
    if file := os.environ.get("FAULTS_REPORT"):
        with Path(file).open("a") as output:
            row = {"fault": fault, "asserted": asserted, "seconds": seconds}
            output.write(json.dumps(row) + "\n")
