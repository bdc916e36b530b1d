"""One of the programs that are compared, in a process of its own.

It prints a line of JSON when it is ready, and one for each line that it reads: `measure` begins a
measurement, `result` waits until the process is idle and reports it. `now` reports what was used so
far, `rows` how many states of a period are in the database, `wakes` how often the loop wakes up.
"""

import argparse
import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
import gc
import json
from pathlib import Path
import resource
import sqlite3
import sys
import time
from typing import Any
from unittest.mock import patch

import aiomqtt
from homeassistant.auth import auth_manager_from_config
from homeassistant.const import EVENT_STATE_CHANGED, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import entity_platform
from homeassistant.helpers.entity import Entity
from homeassistant.helpers.recorder import async_initialize_recorder, get_instance
from homeassistant.setup import async_setup_component
import orjson

from custom_components.fimp_chargepoint.chargepoint import MqttHub, admission
from custom_components.fimp_chargepoint.flow import discovery_scan
from harness.broker import HOST, free_port
from harness.headless import add_integration, headless

from . import fleet
from .home import resident

KINDS = ("core", "equal", "default", "floor")

#: What the charge points of the benchmark are asked for, for the same twelve values as in core.
_EQUAL_OPTIONS = {"measurement_interval": 0}
_EQUAL_KEYS = frozenset(
    {"frequency", *(f"{name}_l{n}" for name in ("current", "voltage") for n in "123")}
)
_EQUAL_KEYS_FIMP = _EQUAL_KEYS | {"power_l1", "power_l2"}
#: More charge points than anybody installs at once.
_NEW_MAX = 10_000
#: More entities than Home Assistant accepts for an entry, unless it is one of its own `mqtt`.
_ENTITIES_MAX = 1_000_000
#: A process that used less of a core than this, for so many intervals in a row, is idle. In
#: addition, each silent charge point is asked for a reply every 20 s.
_IDLE_SHARE = 0.04
_ASKING_SHARE = 0.00015
_IDLE_INTERVALS = 8
_INTERVAL = 0.1
_IDLE_TIME = 240.0
_NO_VALUE = frozenset({STATE_UNKNOWN, STATE_UNAVAILABLE})


class Measurement:
    """What a process used from its start, until it was idle again."""

    def __init__(self, charge_points: int) -> None:
        """Begin, with so many charge points."""
        self._idle_share = _IDLE_SHARE + charge_points * _ASKING_SHARE
        gc.collect()
        self._cpu = time.process_time()

    async def result(self) -> dict[str, Any]:
        """Wait until the process is idle; return its CPU seconds and when that was."""
        async with asyncio.timeout(_IDLE_TIME):
            quiet, last, at = 0, time.process_time(), time.monotonic()
            busy = (last, at)
            while quiet < _IDLE_INTERVALS:
                await asyncio.sleep(_INTERVAL)
                cpu, now = time.process_time(), time.monotonic()
                if (cpu - last) / (now - at) < self._idle_share:
                    quiet += 1
                else:
                    quiet, busy = 0, (cpu, now)
                last, at = cpu, now
        return {"cpu": busy[0] - self._cpu, "end": busy[1], "kB": resident()}


class States:
    """The state changes of a Home Assistant."""

    def __init__(self, hass: HomeAssistant, hub: MqttHub | None) -> None:
        """Count from now on; there is no `hub` in core."""
        self.hass = hass
        self.hub = hub
        self.changes = 0
        #: How often an entity became unavailable.
        self.lost = 0
        #: The entities that have had a value, and when the last of them got its first one.
        self.known: set[str] = set()
        self.known_at = 0.0
        #: The end of the id of the entity that latency is measured with.
        self.probed = ""
        self.arrivals: list[float] = []
        hass.bus.async_listen(EVENT_STATE_CHANGED, self._changed)

    @callback
    def _changed(self, event: Event[Any]) -> None:
        self.changes += 1
        entity_id, new = event.data["entity_id"], event.data["new_state"]
        self.lost += new is not None and new.state == STATE_UNAVAILABLE
        if entity_id not in self.known and new is not None and new.state not in _NO_VALUE:
            self.known.add(entity_id)
            self.known_at = time.monotonic()
        if entity_id.endswith(self.probed):
            self.arrivals.append(time.monotonic())

    def figures(self) -> dict[str, Any]:
        """Return what has happened; the arrivals are those since the last call."""
        arrivals, self.arrivals = self.arrivals, []
        return {
            "changes": self.changes,
            "entities": len(self.hass.states.async_entity_ids()),
            "lost": self.lost,
            "arrivals": arrivals,
            "known_at": self.known_at,
            "messages": None if self.hub is None else self.hub.received,
        }


@asynccontextmanager
async def home(
    kind: str,
    port: int,
    protocol: str,
    charge_points: int,
    *,
    recorder: Path | None = None,
    sites: int = 0,
) -> AsyncIterator[States]:
    """Run a Home Assistant that is connected, without any charge point yet."""
    async with AsyncExitStack() as exits:
        limit = "MAX_ENABLED_ENTITIES_PER_CONFIG_ENTRY"
        exits.enter_context(patch.object(entity_platform, limit, _ENTITIES_MAX))
        hass = await exits.enter_async_context(headless())
        if recorder is not None:
            async_initialize_recorder(hass)
            config = {"recorder": {"db_url": f"sqlite:///{recorder}"}}
            if not await async_setup_component(hass, "recorder", config):
                message = "the recorder does not start"
                raise RuntimeError(message)
        hub = None
        if kind == "core":
            # It reads the settings of YAML, too.
            await asyncio.to_thread(Path(hass.config.path("configuration.yaml")).touch)
            hass.auth = await auth_manager_from_config(hass, [], [])
            await async_setup_component(hass, "http", {"http": {"server_port": free_port()}})
            await _add_core_mqtt(hass, port)
        else:
            options = _EQUAL_OPTIONS if kind == "equal" else {}
            if kind == "equal":
                keys = _EQUAL_KEYS if protocol == "everest" else _EQUAL_KEYS_FIMP
                exits.enter_context(_enabled(keys))
            exits.enter_context(patch.object(admission, "NEW_MAX", _NEW_MAX))
            with patch.object(discovery_scan, "SEARCH_SECONDS", 0):
                entry = await add_integration(
                    hass, port, prefixes=fleet.prefixes(sites), options=options
                )
            hub = entry.runtime_data.hub
        await hass.async_block_till_done()
        states = States(hass, hub)
        probe = charge_points + 1
        is_padded = kind != "core" and fleet.spoken(protocol, probe) == "everest"
        states.probed = f"_{probe:04}_status" if is_padded else f"_{probe}_status"
        yield states


@contextmanager
def _enabled(keys: Collection[str]) -> Iterator[None]:
    """Enable entities that are disabled by default."""
    default: Any = Entity.entity_registry_enabled_default

    def enabled(self: Entity) -> bool:
        return self.entity_description.key in keys or bool(default.__get__(self))

    with patch.object(Entity, "entity_registry_enabled_default", property(enabled)):
        yield


async def _add_core_mqtt(hass: HomeAssistant, port: int) -> None:
    flow: Any = await hass.config_entries.flow.async_init("mqtt", context={"source": "user"})
    others = {"set_client_cert": False, "set_ca_cert": "off", "transport": "tcp"}
    user_input = {"broker": HOST, "port": port, "protocol": "5", "other_settings": others}
    while flow["type"] == "form":
        flow = await hass.config_entries.flow.async_configure(flow["flow_id"], user_input)
    if flow["type"] != "create_entry":
        message = f"the config flow of mqtt ended at {flow}"
        raise RuntimeError(message)


class Floor:
    """Receives everything with aiomqtt and decodes it, as everything on top of it has to."""

    messages = 0

    async def run(self, port: int) -> None:
        """Receive until cancelled."""
        async with aiomqtt.Client(HOST, port) as client:
            await client.subscribe("#")
            async for message in client.messages:
                orjson.loads(message.payload)
                self.messages += 1


async def run(arguments: argparse.Namespace) -> None:
    """Run the program, and answer the lines that are read."""
    commands = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(commands)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    if arguments.kind == "floor":
        counter = Floor()
        task = asyncio.create_task(counter.run(arguments.port))
        await _answer(commands, arguments.charge_points, lambda: {"messages": counter.messages})
        task.cancel()
        return
    async with home(
        arguments.kind,
        arguments.port,
        arguments.protocol,
        arguments.charge_points,
        recorder=arguments.recorder,
        sites=arguments.sites,
    ) as states:

        async def rows(since: float, until: float) -> int:
            await get_instance(states.hass).async_block_till_done()
            with sqlite3.connect(arguments.recorder) as database:
                query = "select count(*) from states where last_updated_ts between ? and ?"
                (found,) = database.execute(query, (since, until)).fetchone()
            return int(found)

        await _answer(commands, arguments.charge_points, states.figures, rows)


async def _answer(
    commands: asyncio.StreamReader,
    charge_points: int,
    figures: Callable[[], dict[str, Any]],
    rows: Callable[[float, float], Awaitable[int]] | None = None,
) -> None:
    _say({"kB": resident(), "cpu": time.process_time()})
    measurement = Measurement(charge_points)
    while words := (await commands.readline()).decode().split():
        match words:
            case ["measure"]:
                figures()
                measurement = Measurement(charge_points)
                _say({})
            case ["result"]:
                _say(await measurement.result() | figures())
            case ["now"]:
                used = {"cpu": time.process_time(), "at": time.monotonic(), "date": time.time()}
                _say(used | figures())
            case ["rows", since, until] if rows is not None:
                _say({"rows": await rows(float(since), float(until))})
            case ["wakes", seconds]:
                _say({"wakes": await _wakes(float(seconds))})


async def _wakes(seconds: float) -> float:
    """Return how often per second the event loop wakes up; a turn without sleep is no wake."""
    before = resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw
    await asyncio.sleep(seconds)
    # The end of this pause is a wake, too.
    return (resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw - before - 1) / seconds


def _say(value: dict[str, Any]) -> None:
    print(json.dumps(value), flush=True)


def main() -> None:
    """Read the arguments."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("port", type=int)
    parser.add_argument("protocol", choices=fleet.PROTOCOLS)
    parser.add_argument("charge_points", type=int)
    parser.add_argument("--recorder", type=Path)
    parser.add_argument("--sites", type=int, default=0)
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
