"""Nothing grows while an entry is loaded, however many charge points and outages it sees."""

import asyncio
from collections import Counter
import gc
from typing import Any

from homeassistant.core import HomeAssistant

from custom_components.fimp_chargepoint.chargepoint.fimp.chargepoint import FimpChargepoint
from custom_components.fimp_chargepoint.coordinator import PushCoordinator
from custom_components.fimp_chargepoint.repair_issues.watcher import EntryWatch
from custom_components.fimp_chargepoint.sessions import SessionRecorder
from simulators.fimp import ChargepointSetup
from tests.broker import BrokerProcess
from tests.helpers.waiting import PATIENCE

from .conftest import QUIET, Chargepoint, find, running, until

TIMES = 20
KINDS = (FimpChargepoint, PushCoordinator, SessionRecorder)
PACKAGE = "custom_components"


async def size(found: Chargepoint) -> Counter[str]:
    """Count what could grow, while nothing else is running."""
    hass, entry = found.hass, found.entry
    await hass.async_block_till_done()
    gc.collect()
    data = entry.runtime_data
    (coordinator,) = data.coordinators.values()
    loop: Any = hass.loop
    objects = gc.get_objects()
    (watch,) = [each for each in objects if isinstance(each, EntryWatch) and each.entry is entry]
    assert watch.memory is not None
    sizes = {
        "on unload": entry._on_unload,
        "on state change": entry._on_state_change or (),
        "listeners of the hub": data.hub._listeners,
        "actions": data._actions,
        "listeners of the node": found.node._listeners,
        "listeners of the coordinator": coordinator._listeners,
        "ends": coordinator._on_shutdown,
        "timers": [each for each in loop._scheduled if not each.cancelled()],
        "conditions": watch._since,
        "competing controllers": watch.memory.competing_controllers,
        "retired": data._retired,
    }
    coroutines = (each.get_coro() for each in asyncio.all_tasks())
    ours = [each for each in coroutines if PACKAGE in each.cr_code.co_filename]
    alive = [each for each in objects if isinstance(each, KINDS)]
    return (
        Counter({name: len(each) for name, each in sizes.items()})
        + Counter(f"listeners of {event}" for event in hass.bus.async_listeners())
        + Counter(hass.bus.async_listeners())
        + Counter(f"task {each.__qualname__}" for each in ours)
        + Counter(type(each).__name__ for each in alive)
    )


async def growth(found: Chargepoint, before: Counter[str]) -> Counter[str]:
    """Return what has grown since, once all that takes a moment has ended."""
    end = found.hass.loop.time() + PATIENCE / 3
    while (grown := await size(found) - before) and found.hass.loop.time() < end:  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    return grown


async def settled(found: Chargepoint) -> Counter[str]:
    """Measure when all that takes a moment has ended, and all entities are there."""
    (coordinator,) = found.entry.runtime_data.coordinators.values()
    entities, still = 0, 0
    while still < 10:
        await asyncio.sleep(0.1)
        before, entities = entities, len(coordinator._listeners)
        still = still + 1 if entities == before else 0
    least = await size(found)
    for _ in range(5):
        await asyncio.sleep(0.05)
        # Between two things that happen there is the least.
        least &= await size(found)
    return least


async def test_charge_points_that_come_and_go(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """The parts of a node are removed with it."""
    setup = ChargepointSetup(profile="full")
    async with running(hass, broker, setup) as found:
        data = found.entry.runtime_data
        (garage,) = found.point.points.values()

        async def come_and_go() -> None:
            await found.point.exclude()
            await until(lambda: not data.coordinators)
            await hass.async_block_till_done()
            garage.included = True
            garage.forget()
            await until(lambda: len(data.coordinators) == 1)
            await until(lambda: find(hass, "switch", "charging"))
            await found.wait_for_state("switch", "charging", "off")

        # The first time some things are made that stay.
        await come_and_go()
        before = await settled(found)
        assert {each.__name__: before[each.__name__] for each in KINDS} == {
            "FimpChargepoint": 1,
            "PushCoordinator": 1,
            "SessionRecorder": 1,
        }
        for _ in range(TIMES):
            await come_and_go()
        assert not await growth(found, before)


async def test_charge_points_under_ever_new_addresses(
    hass: HomeAssistant, broker: BrokerProcess
) -> None:
    """Without a serial number they cannot be recognized, and their devices are removed at once."""
    setup = ChargepointSetup(profile="full", serial="")
    async with running(hass, broker, setup, timing=QUIET) as found:
        data = found.entry.runtime_data

        async def move() -> None:
            before = [*data.coordinators]
            await found.point.exclude()
            await found.point.include()
            await until(lambda: data.coordinators and [*data.coordinators] != before)
            await found.wait_for_state("switch", "charging", "off")

        await move()
        before = await settled(found)
        for _ in range(TIMES // 2):
            await move()
        assert not await growth(found, before)


async def test_limits_that_end(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """An automation may set one every minute."""
    async with running(hass, broker, ChargepointSetup(profile="full"), timing=QUIET) as found:
        await found.wait_for_state("number", "max_current", "32")
        device_id = found.registered("switch", "charging").device_id
        limits = found.node.limits.temporary

        async def limit(current: int) -> None:
            await hass.services.async_call(
                "fimp_chargepoint",
                "set_current_limit",
                {"current": current, "duration": {"seconds": 1}},
                blocking=True,
                target={"device_id": device_id},
            )

        before = await settled(found)
        for current in (*range(6, 16), 10, 11):
            await limit(current)
        await found.wait_for_state("number", "max_current", "32")
        await until(lambda: not limits._limits and not limits._tasks._tasks)
        assert (limits._measured, limits._ending, limits._failed) == (set(), set(), set())
        assert not await growth(found, before)


async def test_outages(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """The watchers of a node end with it."""
    async with running(hass, broker, ChargepointSetup(profile="full"), timing=QUIET) as found:
        hub = found.entry.runtime_data.hub

        async def outage() -> None:
            await hass.async_add_executor_job(broker.stop)
            await until(lambda: not hub.transport.connected)
            await hass.async_add_executor_job(broker.start)
            await until(lambda: hub.transport.connected)
            (garage,) = found.point.points.values()

            def back() -> bool:
                garage.forget()
                return found.state("switch", "charging") == "off"

            await until(back, "the charge point to be back")

        await outage()
        before = await settled(found)
        for _ in range(TIMES):
            await outage()
        assert not await growth(found, before)
