"""A start some time after a stop, never a delayed stop; lasting settings written seldom."""

import asyncio
from itertools import pairwise
import random

import orjson
import pytest

from custom_components.fimp_chargepoint.chargepoint.errors import (
    ChargepointError,
    CommandRejectedError,
    CommandSupersededError,
    CommandTimeoutError,
    InvalidRequestError,
    NotConnectedError,
)
from custom_components.fimp_chargepoint.chargepoint.model import Feature
from custom_components.fimp_chargepoint.chargepoint.options import Options

from .fakes import waits
from .fimp_garage import DWELL, INTERVAL, LIMIT, START, STOP, Garage
from .fimp_messages import ADAPTER, CHARGER
from .fimp_parameters import TOPIC, parameter_report
from .fimp_settings import max_current, offered, thing


@pytest.fixture
def garage() -> Garage:
    return Garage()


async def stopped(garage: Garage) -> None:
    """Charge, and stop at second 0, which is confirmed at once."""
    await (await garage.call(garage.node.start_charging()))
    garage.begun = garage.hub.clock.time
    garage.received.clear()
    # A stop is confirmed once a report can no longer be outdated.
    await (await garage.call(garage.node.stop_charging()))
    assert garage.received_of(STOP) == [(0.0, None)]


# A start after a stop -------------------------------------------------------------------


async def test_the_first_start_waits_for_nothing(garage: Garage) -> None:
    await (await garage.call(garage.node.start_charging()))
    assert garage.received_of(START) == [(0.0, None)]


async def test_a_start_after_a_stop_is_delayed(garage: Garage) -> None:
    await stopped(garage)
    await garage.until(4)
    start = await garage.call(garage.node.start_charging())
    await garage.until(9.5)
    assert await waits(start)
    assert garage.node.snapshot.pending == {Feature.CHARGING: True}
    assert garage.received_of(START) == []
    await garage.until(DWELL)
    await start
    assert garage.received_of(START) == [(DWELL, None)]
    assert garage.node.snapshot.pending == {}
    assert garage.node.snapshot.charging


async def test_the_time_limit_counts_from_the_sending(garage: Garage) -> None:
    await stopped(garage)
    garage.answers_requests = False
    start = await garage.call(garage.node.start_charging())
    await garage.until(DWELL + LIMIT - 0.5)
    assert await waits(start)
    await garage.until(DWELL + LIMIT)
    with pytest.raises(CommandTimeoutError):
        await start
    assert garage.node.snapshot.pending == {}


async def test_a_stop_takes_the_place_of_a_delayed_start_and_is_sent(garage: Garage) -> None:
    await stopped(garage)
    await garage.until(3)
    start = await garage.call(garage.node.start_charging())
    await garage.until(5)
    stop = await garage.call(garage.node.stop_charging())
    with pytest.raises(CommandSupersededError):
        await start
    assert garage.received_of(START, STOP) == [(0.0, None), (5.0, None)]
    await garage.until(40)
    await stop
    assert garage.received_of(START) == []
    assert garage.node.snapshot.pending == {}


async def test_a_stop_of_what_does_not_charge_may_be_refused(garage: Garage) -> None:
    """If the value applies already, a refusal does not matter; otherwise it is quoted."""
    await stopped(garage)
    await garage.until(35)  # the stop is past doubt
    garage.report_state("charging")
    garage.report_state("ready_to_charge")
    start = await garage.call(garage.node.start_charging())
    garage.refuses_commands = True
    await (await garage.call(garage.node.stop_charging()))
    assert len(garage.received_of(STOP)) == 2
    with pytest.raises(CommandSupersededError):
        await start
    garage.report_state("charging")
    with pytest.raises(CommandRejectedError):
        await (await garage.call(garage.node.stop_charging()))


async def test_the_delay_counts_from_the_last_stop(garage: Garage) -> None:
    await stopped(garage)
    await garage.until(3)
    first = await garage.call(garage.node.start_charging())
    await garage.until(8)
    stop = await garage.call(garage.node.stop_charging())
    second = await garage.call(garage.node.start_charging())
    await garage.until(60)
    assert garage.received_of(START) == [(8 + DWELL, None)]
    await second
    for each in (first, stop):
        with pytest.raises(CommandSupersededError):
            await each


async def test_what_stops_by_itself_has_stopped(garage: Garage) -> None:
    await (await garage.call(garage.node.start_charging()))
    await garage.until(20)
    garage.report_state("ready_to_charge")
    start = await garage.call(garage.node.start_charging())
    await garage.until(60)
    await start
    assert garage.received_of(START) == [(0.0, None), (20 + DWELL, None)]


async def test_a_stop_that_shows_during_the_delay_prolongs_it(garage: Garage) -> None:
    """A slow charge point has charged until then."""
    await (await garage.call(garage.node.start_charging()))
    garage.answers_requests = False
    stop = await garage.call(garage.node.stop_charging())
    await garage.until(2)
    start = await garage.call(garage.node.start_charging())
    with pytest.raises(CommandSupersededError):
        await stop
    await garage.until(6)
    garage.report_state("ready_to_charge")
    await garage.until(6 + DWELL)
    assert garage.received_of(START) == [(0.0, None), (6 + DWELL, None)]
    garage.answers_requests = True
    await garage.until(60)
    await start


async def test_what_charges_by_then_is_not_started_again(garage: Garage) -> None:
    await stopped(garage)
    await garage.until(35)  # the stop is past doubt
    garage.report_state("charging")
    garage.report_state("ready_to_charge")
    start = await garage.call(garage.node.start_charging())
    await garage.until(40)
    garage.report_state("charging")
    assert await waits(start)
    await garage.until(45)
    await start
    assert garage.received_of(START) == []
    assert garage.node.snapshot.pending == {}


async def test_a_mode_that_is_chosen_during_the_delay(garage: Garage) -> None:
    """There is one start, and it takes the mode along."""
    await stopped(garage)
    start = await garage.call(garage.node.start_charging())
    await (await garage.call(garage.node.set_charging_mode("slow")))
    assert garage.received_of(START) == []
    await garage.until(60)
    await start
    starts = [
        message["props"]
        for _, payload in garage.hub.sent
        if (message := orjson.loads(payload)).get("type") == START
    ]
    assert starts == [None, {"charging_mode": "slow"}]
    assert garage.node.snapshot.charging_mode == "slow"


async def test_two_starts_wait_together(garage: Garage) -> None:
    await stopped(garage)
    first = await garage.call(garage.node.start_charging())
    second = await garage.call(garage.node.start_charging())
    await garage.until(50)
    await asyncio.gather(first, second)
    assert len(garage.received_of(START)) == 1


async def test_who_gives_up_does_not_end_the_delay(garage: Garage) -> None:
    await stopped(garage)
    start = await garage.call(garage.node.start_charging())
    start.cancel()
    await garage.until(DWELL)
    assert garage.received_of(START) == [(DWELL, None)]


async def test_a_lost_connection_ends_the_delay(garage: Garage) -> None:
    await stopped(garage)
    start = await garage.call(garage.node.start_charging())
    garage.hub.connection_lost(NotConnectedError("gone"))
    with pytest.raises(NotConnectedError):
        await start
    garage.hub.connection_made()
    await garage.until(60)
    assert garage.received_of(START) == []
    assert garage.node.snapshot.pending == {}


async def test_without_a_dwell_nothing_is_delayed() -> None:
    garage = Garage(Options(measurement_interval=0.0, restart_delay=0.0))
    await stopped(garage)
    await garage.call(garage.node.start_charging())
    assert garage.received_of(START) == [(0.0, None)]


# Lasting settings ---------------------------------------------------------------------


async def test_a_dragged_slider_writes_twice(garage: Garage) -> None:
    """The first value and the last: twenty in two seconds."""
    calls = []
    for number in range(20):
        await garage.until(number / 10)
        calls.append(await garage.call(garage.node.set(Feature.MAX_CURRENT, 10 + number)))
        assert garage.node.snapshot.pending.get(Feature.MAX_CURRENT, 10) == 10 + number
    await garage.until(INTERVAL - 0.5)
    assert garage.node.snapshot.pending == {Feature.MAX_CURRENT: 29}
    await garage.until(INTERVAL)
    assert garage.received_of("cmd.max_current.set") == [(0.0, 10), (INTERVAL, 29)]
    await calls[0]
    await calls[-1]
    for each in calls[1:-1]:
        with pytest.raises(CommandSupersededError):
            await each
    assert garage.node.snapshot.max_current == 29
    assert garage.node.snapshot.pending == {}


async def test_back_to_what_holds(garage: Garage) -> None:
    """Requests that were replaced before they were sent are never sent."""
    await (await garage.call(garage.node.set(Feature.MAX_CURRENT, 16)))
    held = await garage.call(garage.node.set(Feature.MAX_CURRENT, 20))
    await (await garage.call(garage.node.set(Feature.MAX_CURRENT, 16)))
    with pytest.raises(CommandSupersededError):
        await held
    assert garage.node.snapshot.pending == {}
    await garage.until(60)
    assert garage.received_of("cmd.max_current.set") == [(0.0, 16)]


async def test_somebody_else_sets_what_is_held(garage: Garage) -> None:
    await (await garage.call(garage.node.set(Feature.MAX_CURRENT, 16)))
    held = await garage.call(garage.node.set(Feature.MAX_CURRENT, 20))
    await garage.until(5)
    garage.hub.feed(CHARGER, max_current(20))
    await garage.until(INTERVAL)
    await held
    assert garage.received_of("cmd.max_current.set") == [(0.0, 16)]


async def test_what_was_refused_was_not_written(garage: Garage) -> None:
    garage.refuses_commands = True
    with pytest.raises(CommandRejectedError):
        await (await garage.call(garage.node.set(Feature.MAX_CURRENT, 16)))
    garage.refuses_commands = False
    await (await garage.call(garage.node.set(Feature.MAX_CURRENT, 16)))
    assert garage.received_of("cmd.max_current.set") == [(0.0, 16), (0.0, 16)]


async def test_each_setting_has_its_own_pace(garage: Garage) -> None:
    for command in (
        garage.node.set(Feature.MAX_CURRENT, 16),
        garage.node.set(Feature.PHASE_MODE, "nl1"),
        garage.node.set_parameter("led_brightness", 20),
    ):
        await (await garage.call(command))
    assert len(garage.received) == 3
    # One mode of the phases is written, whichever way it was asked for.
    phases = await garage.call(garage.node.set(Feature.PHASES, "3"))
    brightness = await garage.call(garage.node.set_parameter("led_brightness", 30))
    assert len(garage.received) == 3
    await garage.until(INTERVAL)
    assert len(garage.received) == 5
    await asyncio.gather(phases, brightness)


async def test_what_does_not_last_is_not_delayed(garage: Garage) -> None:
    await (await garage.call(garage.node.start_charging()))
    garage.hub.feed(CHARGER, offered(32))
    for current in (10, 12):
        await (await garage.call(garage.node.set(Feature.SESSION_CURRENT, current)))
    for locked in (True, False):
        await garage.call(garage.node.set(Feature.CABLE_LOCK, locked))
    assert garage.received_of("cmd.current_session.set_current") == [(0.0, 10), (0.0, 12)]
    assert garage.received_of("cmd.cable_lock.set") == [(0.0, True), (0.0, False)]


async def test_off_repeated_is_not_written_again(garage: Garage) -> None:
    """Unlike a stop, it may not be sent as often as a user likes."""
    garage.answers_requests = False
    name = "cable_always_locked"
    first = await garage.call(garage.node.set_parameter(name, False))
    second = await garage.call(garage.node.set_parameter(name, False))
    await garage.until(INTERVAL - 1)
    assert len(garage.received) == 1
    garage.hub.feed(TOPIC, parameter_report(name, "bool", False))
    await asyncio.gather(first, second)


async def test_what_can_no_longer_be_set_when_its_time_has_come(garage: Garage) -> None:
    await (await garage.call(garage.node.set(Feature.MAX_CURRENT, 16)))
    held = await garage.call(garage.node.set(Feature.MAX_CURRENT, 20))
    garage.hub.feed(ADAPTER, thing(["cmd.cable_lock.set"]))
    await garage.until(INTERVAL)
    with pytest.raises(InvalidRequestError):
        await held
    assert garage.received_of("cmd.max_current.set") == [(0.0, 16)]
    assert garage.node.snapshot.pending == {}
    assert "internal" not in garage.hub.ignored


# At random -----------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
async def test_random_wishes(seed: int) -> None:
    """No start too soon after a stop, no stop late, and in the end the last request applies."""
    chance = random.Random(seed)
    garage = Garage()
    node = garage.node
    calls: list[asyncio.Task[None]] = []

    async def start() -> None:
        calls.append(await garage.call(node.start_charging()))

    async def stop() -> None:
        needed = node.snapshot.charging or Feature.CHARGING in node.snapshot.pending
        calls.append(await garage.call(node.stop_charging()))
        assert not needed or garage.received_of(STOP)[-1][0] == garage.now

    async def current() -> None:
        value = chance.randint(6, 32)
        calls.append(await garage.call(node.set(Feature.MAX_CURRENT, value)))

    async def mood() -> None:
        garage.refuses_commands = chance.random() < 0.3

    async def somebody() -> None:
        word = chance.choice(("charging", "ready_to_charge", "suspended_by_ev"))
        garage.report_state(word)

    async def transport() -> None:
        garage.reconnect()

    for _ in range(60):
        events = (start, stop, current, mood, somebody, transport)
        await chance.choices(events, weights=(4, 4, 4, 1, 2, 0.3))[0]()
        await garage.until(garage.now + chance.choice((0.0, 0.5, 1.0, 4.0, 20.0)))
    garage.refuses_commands = False
    calls.append(await garage.call(node.set(Feature.MAX_CURRENT, 13)))
    await garage.until(garage.now + 3 * LIMIT)
    *results, last = await asyncio.gather(*calls, return_exceptions=True)
    assert all(each is None or isinstance(each, ChargepointError) for each in results), results
    assert last is None
    assert node.snapshot.max_current == 13
    assert node.snapshot.pending == {}
    assert "internal" not in garage.hub.ignored
    stops = [when for when, _ in garage.received_of(STOP)]
    for started, _ in garage.received_of(START):
        # Refused or not: it may have charged until then.
        assert not [each for each in stops if 0 < started - each < DWELL]


@pytest.mark.parametrize("seed", range(10))
async def test_random_writes(seed: int) -> None:
    chance = random.Random(seed)
    garage = Garage()
    calls = []
    for _ in range(80):
        garage.answers_requests = chance.random() < 0.9
        expected = chance.randint(6, 32)
        calls.append(await garage.call(garage.node.set(Feature.MAX_CURRENT, expected)))
        await garage.until(garage.now + chance.choice((0.0, 0.1, 0.5, 3.0, 15.0)))
    garage.answers_requests = True
    last = await garage.call(garage.node.set(Feature.MAX_CURRENT, 13))
    await garage.until(garage.now + INTERVAL + LIMIT)
    await last
    moments = [when for when, _ in garage.received_of("cmd.max_current.set")]
    assert all(later - earlier >= INTERVAL - 0.01 for earlier, later in pairwise(moments))
    assert garage.received_of("cmd.max_current.set")[-1][1] == 13
    await asyncio.gather(*calls, return_exceptions=True)
