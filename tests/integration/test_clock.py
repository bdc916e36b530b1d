"""A system clock that is set while Home Assistant runs, as after a start without a network."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util
import pytest

from custom_components.fimp_chargepoint.chargepoint import scheduler
from custom_components.fimp_chargepoint.chargepoint.sessions import tracker
from simulators.fimp import ChargepointSetup
from simulators.simulator import Timing
from tests.broker import BrokerProcess
from tests.helpers.waiting import PATIENCE

from .conftest import Chargepoint, running, until
from .limiting import limit, stored_limits

HOUR = timedelta(hours=1)
BOTH_WAYS = pytest.mark.parametrize("by", [HOUR, -HOUR], ids=["forward", "backward"])
#: Energy flows a thousand times faster than in life.
FAST = Timing(pace=0.0, poll=0.1, heartbeat=0.1, meter=0.1, speed=1000.0)


class SystemClock:
    """The clock of the computer, which can be set; that of the simulators is right."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, by: timedelta) -> None:
        """Begin with a time that is wrong: by so much it will be set."""
        self._real = scheduler.system_time
        self._by = by
        self._wrong = by
        monkeypatch.setattr(scheduler, "system_time", self._read)

    def _read(self) -> float:
        return self._real() - self._wrong.total_seconds()

    def now(self) -> datetime:
        """Return what it says."""
        return dt_util.utc_from_timestamp(self._read())

    def set(self) -> None:
        """Set it right."""
        self._wrong = timedelta()


def near(text: str, moment: datetime) -> bool:
    """Whether a time is the expected one, with some tolerance for a slow machine."""
    return abs(datetime.fromisoformat(text) - moment) < timedelta(minutes=1)


def amount(found: Chargepoint, key: str) -> float:
    """Return the state of a sensor, 0 if it has none."""
    state = found.state("sensor", key)
    return 0.0 if state in (None, "unknown", "unavailable") else float(state)


def ends(found: Chargepoint) -> datetime:
    """Return when the temporary limit ends."""
    until: datetime = found.node.snapshot.requested.temporary_limits["max_current"].until
    return until


@BOTH_WAYS
@pytest.mark.usefixtures("everything_enabled")
async def test_in_a_session(
    hass: HomeAssistant, broker: BrokerProcess, monkeypatch: pytest.MonkeyPatch, by: timedelta
) -> None:
    """It is one session; its record has the right times, and statistics see no new one."""
    monkeypatch.setattr(tracker, "SETTLING_TIME", 0.3)
    monkeypatch.setattr(tracker, "FIRST_REPORTS_TIME", 0.3)
    system = SystemClock(monkeypatch, by)
    setup = ChargepointSetup(profile="minimal", needed=1000.0)
    options = {"fixed_price": 1.0}
    async with running(hass, broker, setup, options=options, timing=FAST) as found:
        await found.wait_for_state("sensor", "session_energy", "0.0")
        begun = system.now()
        await found.point.plug()
        await found.wait_for_state("sensor", "status", "ready_to_charge")
        await found.call("switch", "turn_on", "charging")
        await until(lambda: amount(found, "session_cost") > 0)
        before = {
            key: found.attribute("sensor", key, "last_reset")
            for key in ("session_cost", "session_energy")
        }
        assert near(before["session_cost"], begun)

        system.set()
        keeper = found.entry.runtime_data.sessions.of(found.node.address)
        await until(lambda: keeper.tracker.active and keeper.tracker.active.offset)
        energy = amount(found, "session_energy")
        await until(lambda: amount(found, "session_energy") > energy)
        for key, last_reset in before.items():
            assert found.attribute("sensor", key, "last_reset") == last_reset

        await found.point.unplug()
        await until(lambda: keeper.tracker.records, "the record")
        (record,) = keeper.tracker.records
        assert near(record.started.isoformat(), begun + by)
        assert near(record.ended.isoformat(), dt_util.utcnow())
        assert 0 <= record.duration < 60
        assert record.cost == pytest.approx(record.energy, abs=0.001)
        shown = found.state("sensor", "last_session_ended")
        assert near(shown, dt_util.utcnow())


@BOTH_WAYS
async def test_with_a_temporary_limit(
    hass: HomeAssistant,
    broker: BrokerProcess,
    hass_storage: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    by: timedelta,
) -> None:
    """It lasts as long as requested, and its stored end is right."""
    system = SystemClock(monkeypatch, by)
    async with running(hass, broker, ChargepointSetup(profile="full")) as found:
        await found.wait_for_state("number", "max_current", "32")
        begun = hass.loop.time()
        response = await limit(found, 10, seconds=4)
        assert near(response["until"], system.now())
        system.set()
        await until(
            lambda: near(
                stored_limits(hass_storage, found)["max_current"]["until"], dt_util.utcnow()
            ),
            "its end to be corrected",
        )
        assert found.state("number", "max_current") == "10"
        await found.wait_for_state("number", "max_current", "32")
        assert hass.loop.time() - begun >= 4
        await until(lambda: stored_limits(hass_storage, found) == {})


@BOTH_WAYS
async def test_a_reload_after_that(
    hass: HomeAssistant,
    broker: BrokerProcess,
    monkeypatch: pytest.MonkeyPatch,
    by: timedelta,
) -> None:
    """The limit has the same time left."""
    system = SystemClock(monkeypatch, by)
    async with running(hass, broker, ChargepointSetup(profile="full")) as found:
        await found.wait_for_state("number", "max_current", "32")
        begun = hass.loop.time()
        await limit(found, 10, seconds=5)
        until_before = ends(found)
        system.set()
        await until(lambda: ends(found) != until_before)
        await hass.config_entries.async_reload(found.entry.entry_id)
        await found.wait_for_state("number", "max_current", "10")
        await found.wait_for_state("number", "max_current", "32")
        assert hass.loop.time() - begun >= 5


async def test_with_a_temporary_limit_of_an_earlier_run(
    hass: HomeAssistant, broker: BrokerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A computer that was off for an hour starts with an old time: the limit is over anyway."""
    system = SystemClock(monkeypatch, HOUR)
    async with running(hass, broker, ChargepointSetup(profile="full")) as found:
        await found.wait_for_state("number", "max_current", "32")
        # Set while the clock was right, and read again from the disk.
        await limit(found, 10, minutes=30)
        await hass.config_entries.async_unload(found.entry.entry_id)
        await hass.config_entries.async_setup(found.entry.entry_id)
        await found.wait_for_state("number", "max_current", "10")
        await asyncio.sleep(0.3)
        assert found.state("number", "max_current") == "10"
        system.set()
        await found.wait_for_state("number", "max_current", "32")


@BOTH_WAYS
async def test_with_a_command_that_waits(
    hass: HomeAssistant,
    chargepoint: Chargepoint,
    monkeypatch: pytest.MonkeyPatch,
    by: timedelta,
) -> None:
    """It has the time it has."""
    await chargepoint.point.plug()
    await chargepoint.wait_for_state("sensor", "status", "ready_to_charge")
    system = SystemClock(monkeypatch, -by)
    system.set()
    chargepoint.node._commands._timeout = 1.5
    await chargepoint.point.silence()
    begun = hass.loop.time()
    start = hass.async_create_task(chargepoint.call("switch", "turn_on", "charging"))
    await chargepoint.wait_for_state("switch", "charging", "on")
    system._wrong = by
    with pytest.raises(HomeAssistantError) as caught:
        await start
    assert caught.value.translation_key == "command_timeout"
    assert 1.4 < hass.loop.time() - begun < PATIENCE
    assert chargepoint.state("switch", "charging") == "off"
    await chargepoint.point.silence(on=False)
