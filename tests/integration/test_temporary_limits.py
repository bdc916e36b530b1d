"""Temporary limits: the former one returns in every case, unless it was changed."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
import logging
from typing import Any
from unittest.mock import patch

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.util import dt as dt_util
import pytest

from custom_components.fimp_chargepoint.chargepoint.capabilities import Capabilities
from custom_components.fimp_chargepoint.chargepoint.commands.request import expects
from custom_components.fimp_chargepoint.chargepoint.everest.api import module as api_module
from custom_components.fimp_chargepoint.chargepoint.fimp.chargepoint import FimpChargepoint
from custom_components.fimp_chargepoint.chargepoint.limits import ownership, temporary
from custom_components.fimp_chargepoint.chargepoint.limits.ownership import still_holds
from custom_components.fimp_chargepoint.chargepoint.limits.requested import TemporaryLimit
from custom_components.fimp_chargepoint.chargepoint.model import (
    ChargepointSnapshot,
    Feature,
    Identity,
    Meter,
    Reason,
    Session,
)
from custom_components.fimp_chargepoint.const import DATA_CLOCK, DOMAIN
from simulators.everest import EverestSimulator, EvseSetup
from simulators.fimp import ChargepointSetup
from simulators.mqtt import Broker
from tests.broker import BrokerProcess

from .conftest import QUICK, Chargepoint, load, other_broker, running, until
from .house import QuickClock
from .limiting import SESSION, later, limit, sent, stored_limits

MAX = "cmd.max_current.set"


@pytest.fixture(autouse=True)
async def _clock(hass: HomeAssistant) -> None:
    """Let tests move the clock."""
    hass.data[DATA_CLOCK] = QuickClock()


@pytest.fixture(name="point")
async def point_fixture(chargepoint: Chargepoint) -> Chargepoint:
    """A charge point that has reported its limit."""
    await chargepoint.wait_for_state("number", "max_current", "32")
    return chargepoint


@pytest.fixture(name="car")
async def car_fixture(point: Chargepoint) -> Chargepoint:
    """The same, with a car that charges."""
    await point.point.plug()
    await point.wait_for_state("sensor", "status", "ready_to_charge")
    await point.call("switch", "turn_on", "charging")
    await point.wait_for_state("sensor", "offered_current", "32.0")
    return point


async def test_for_good(
    hass: HomeAssistant, point: Chargepoint, hass_storage: dict[str, Any]
) -> None:
    response = await limit(point, 16.4)
    assert response["limit"] == "max_current"
    assert response["current"] == 16.0
    assert response["former"] == 32.0
    assert response["until"] is None
    assert sent(point, MAX) == [16]
    assert not stored_limits(hass_storage, point)


async def test_for_a_while(
    hass: HomeAssistant,
    point: Chargepoint,
    hass_storage: dict[str, Any],
) -> None:
    response = await limit(point, 10, hours=2)
    left = datetime.fromisoformat(response["until"]) - dt_util.utcnow()
    assert timedelta(minutes=119) < left < timedelta(hours=2)
    assert point.state("number", "max_current") == "10"
    await later(hass, minutes=119)
    assert sent(point, MAX) == [10]
    await later(hass, minutes=121)
    await point.wait_for_state("number", "max_current", "32")
    await until(lambda: stored_limits(hass_storage, point) == {})
    assert sent(point, MAX) == [10, 32]


async def test_longer(hass: HomeAssistant, point: Chargepoint) -> None:
    """A second one takes the place of the first; what was before both returns."""
    await limit(point, 10, minutes=10)
    assert (await limit(point, 8, minutes=20))["former"] == 32.0
    await later(hass, minutes=11)
    assert sent(point, MAX) == [10, 8]
    await later(hass, minutes=21)
    await point.wait_for_state("number", "max_current", "32")


async def test_then_for_good(hass: HomeAssistant, point: Chargepoint) -> None:
    await limit(point, 10, minutes=10)
    await limit(point, 10)
    await later(hass, minutes=11)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert sent(point, MAX) == [10]


@pytest.mark.parametrize("who", ["user", "somebody"])
async def test_changed_meanwhile(
    hass: HomeAssistant,
    point: Chargepoint,
    hass_storage: dict[str, Any],
    who: str,
) -> None:
    """By the number, or in the app of the maker: that is what holds now."""
    await limit(point, 10, minutes=10)
    if who == "user":
        await point.call("number", "set_value", "max_current", value=6)
    else:
        point.point["garage"].max_current = 6
        await point.wait_for_state("number", "max_current", "6")
    await later(hass, minutes=11)
    await until(lambda: stored_limits(hass_storage, point) == {})
    assert point.point["garage"].max_current == 6


async def test_away_when_it_ends(hass: HomeAssistant, point: Chargepoint) -> None:
    await limit(point, 10, minutes=10)
    await point.point["garage"].offline()
    await point.wait_for_state("number", "max_current", "unavailable")
    await later(hass, minutes=11)
    assert sent(point, MAX) == [10]
    await point.point["garage"].online()
    await point.wait_for_state("number", "max_current", "32")


@pytest.mark.parametrize("late", [False, True])
async def test_restart(
    hass: HomeAssistant,
    point: Chargepoint,
    hass_storage: dict[str, Any],
    *,
    late: bool,
) -> None:
    """Also one that is longer than the limit."""
    await limit(point, 10, minutes=10)
    await hass.config_entries.async_unload(point.entry.entry_id)
    if late:
        stored_limits(hass_storage, point)["max_current"]["until"] = dt_util.utcnow().isoformat()
    assert await hass.config_entries.async_setup(point.entry.entry_id)
    if not late:
        await point.wait_for_state("number", "max_current", "10")
        await later(hass, minutes=11)
    await until(lambda: sent(point, MAX) == [10, 32])
    await point.wait_for_state("number", "max_current", "32")
    await until(lambda: stored_limits(hass_storage, point) == {})


async def test_removed(
    hass: HomeAssistant, point: Chargepoint, hass_storage: dict[str, Any]
) -> None:
    """Nothing is left on disk."""
    await limit(point, 10, minutes=10)
    assert stored_limits(hass_storage, point)
    await hass.config_entries.async_remove(point.entry.entry_id)
    assert not [key for key in hass_storage if key.startswith(DOMAIN)]
    # The fixture unloads it again.
    await hass.config_entries.async_add(point.entry)


async def test_refused(
    hass: HomeAssistant, point: Chargepoint, hass_storage: dict[str, Any]
) -> None:
    """All is as before, with the one before."""
    await limit(point, 10, hours=1)
    kept = stored_limits(hass_storage, point)
    await point.point["garage"].refuse("no")
    with pytest.raises(HomeAssistantError, match="refused"):
        await limit(point, 8, minutes=1)
    assert stored_limits(hass_storage, point) == kept


@pytest.mark.parametrize("duration", [{"minutes": 20}, {}], ids=["for a while", "for good"])
async def test_no_answer(
    hass: HomeAssistant, broker: BrokerProcess, duration: dict[str, float]
) -> None:
    """If the previous one still applies, it ends in time."""
    full = ChargepointSetup(profile="full")
    async with running(hass, broker, full) as found:
        await found.wait_for_state("number", "max_current", "32")
        await limit(found, 10, minutes=10)
        await found.point.silence()
        found.node._commands._timeout = 0.4
        with pytest.raises(HomeAssistantError, match="within"):
            await limit(found, 8, **duration)
        found.node._commands._timeout = FimpChargepoint.command_timeout
        await found.point.silence(on=False)
        await later(hass, minutes=11)
        await found.wait_for_state("number", "max_current", "32")


async def test_another_one_at_the_same_time(
    hass: HomeAssistant,
    point: Chargepoint,
    hass_storage: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The newest counts, and what was before all of them returns."""
    # A report may be of before the newest command for as long.
    monkeypatch.setattr(type(point.node), "report_age", 1.0)
    await limit(point, 10, minutes=10)
    results = await asyncio.gather(
        limit(point, 8, minutes=15), limit(point, 6, minutes=20), return_exceptions=True
    )
    assert isinstance(results[0], HomeAssistantError)
    kept = stored_limits(hass_storage, point)["max_current"]
    assert (kept["current"], kept["former"]) == (6, 32)
    await later(hass, minutes=21)
    await point.wait_for_state("number", "max_current", "32")


async def test_return_is_refused(
    hass: HomeAssistant,
    point: Chargepoint,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is retried, and logged once."""
    caplog.set_level(logging.DEBUG, temporary.__name__)

    def received() -> list[int]:
        records = [each for each in caplog.records if "former limit yet" in each.message]
        return [each.levelno for each in records]

    await limit(point, 10, minutes=10)
    for number, minutes in enumerate((11, 17), 1):
        await point.point["garage"].refuse("no")
        await later(hass, minutes=minutes)
        # If it was unavailable after the jump of the clock, its return is a further occasion.
        await until(lambda number=number: len(received()) >= number)
    first, *others = received()
    assert first == logging.WARNING
    assert set(others) == {logging.DEBUG}
    await later(hass, minutes=23)
    await until(lambda: len(sent(point, MAX)) > len(received()) + 1)
    assert set(sent(point, MAX)[1:]) == {32}
    await point.wait_for_state("number", "max_current", "32")
    await until(lambda: point.attribute("number", "max_current", "pending") is False)


async def test_former_is_too_much_by_now(hass: HomeAssistant, point: Chargepoint) -> None:
    """Then it is the highest possible limit."""
    await limit(point, 10, minutes=10)
    await point.point["garage"].max("20")
    await until(lambda: point.attribute("number", "max_current", "max") == 20)
    await later(hass, minutes=11)
    await until(lambda: sent(point, MAX) == [10, 20])
    await until(lambda: point.attribute("number", "max_current", "pending") is False)


async def test_cannot_be_limited_any_longer(
    hass: HomeAssistant,
    point: Chargepoint,
    hass_storage: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is logged, and not retried forever."""
    await limit(point, 10, minutes=10)
    capabilities = replace(point.node.snapshot.capabilities, ranges={})
    point.node._update(point.node.host.clock.now(), capabilities=capabilities)
    await later(hass, minutes=11)
    await until(lambda: "does not accept its former limit" in caplog.text)
    await until(lambda: stored_limits(hass_storage, point) == {})
    assert sent(point, MAX) == [10]


async def test_removed_and_added_again(hass: HomeAssistant, point: Chargepoint) -> None:
    """By its own system, while it waits."""
    await limit(point, 10, minutes=10)
    garage = point.point["garage"]
    await garage.offline()
    await point.wait_for_state("number", "max_current", "unavailable")
    await later(hass, minutes=11)
    await garage.exclude()
    await until(lambda: not point.entry.runtime_data.coordinators)
    await hass.async_block_till_done(wait_background_tasks=True)
    await garage.online()
    garage.included = True
    garage.forget()
    await until(lambda: sent(point, MAX) == [10, 32])
    await until(lambda: point.attribute("number", "max_current", "pending") is False)


async def test_added_again_under_another_address(
    hass: HomeAssistant, point: Chargepoint, hass_storage: dict[str, Any]
) -> None:
    """It keeps its device, and its limit with it."""
    await limit(point, 10, minutes=10)
    before = point.node.address
    await point.point.exclude()
    await until(lambda: not point.entry.runtime_data.coordinators)
    await point.point.include()
    await point.wait_for_state("number", "max_current", "10")
    assert point.node.address != before
    await later(hass, minutes=11)
    await point.wait_for_state("number", "max_current", "32")
    await until(lambda: stored_limits(hass_storage, point) == {})


async def test_impossible(
    hass: HomeAssistant, point: Chargepoint, hass_storage: dict[str, Any]
) -> None:
    with pytest.raises(ServiceValidationError, match="6 to 32"):
        await limit(point, 40, hours=1)
    point.node._update(point.node.host.clock.now(), max_current=None)
    with pytest.raises(ServiceValidationError, match="cannot be restored"):
        await limit(point, 10, hours=1)
    assert not stored_limits(hass_storage, point)
    assert not sent(point, MAX)


# A station that keeps ours apart from what others limit to ------------------------------------


@asynccontextmanager
async def station(
    hass: HomeAssistant, broker: BrokerProcess, *, restore_limits: bool = False
) -> AsyncGenerator[Chargepoint]:
    """An EVSE of EVerest behind a fuse of 16 A."""
    entry = await load(hass, other_broker(broker, options={"restore_limits": restore_limits}))
    simulated = EverestSimulator(
        Broker(broker.host, broker.port), EvseSetup(limits="limits_api"), timing=QUICK
    )
    with patch.object(api_module, "SILENCE_MIN", 1.0):
        async with simulated as point:
            found = Chargepoint(hass, point, entry)
            await found.wait_for_state("number", "max_current", "16")
            yield found
            await hass.config_entries.async_unload(entry.entry_id)


async def fuse(found: Chargepoint, current: float, shown: float) -> None:
    """Let there be another fuse, until a limit holds."""
    (evse,) = found.point.points.values()
    evse.setup = replace(evse.setup, max_current=current)
    evse.energy.update()
    await found.wait_for_state("sensor", "effective_current", f"{shown:.1f}")


async def test_lost_while_it_ended(
    hass: HomeAssistant, broker: BrokerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stored former limit is the one before the first temporary limit, not an ended one."""
    monkeypatch.setattr(ownership, "_SETTLING_TIME", 0.5)
    async with station(hass, broker, restore_limits=True) as found:
        await found.call("number", "set_value", "max_current", value=12)
        await limit(found, 8, minutes=10)
        await found.point.bridge(on=False)
        await found.wait_for_state("number", "max_current", "unavailable")
        await later(hass, minutes=11)
        await found.point.restart()
        await found.point.bridge()
        await found.wait_for_state("number", "max_current", "12")
        assert found.node.snapshot.requested.limits == {"max_current": 12}


async def test_somebody_limits_to_less(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """No client has changed ours, so it ends in time."""
    async with station(hass, broker) as found:
        await limit(found, 10, seconds=3)
        await fuse(found, 8, 8)
        await until(lambda: not found.node.snapshot.requested.temporary_limits)
        await fuse(found, 16, 16)


async def test_somebody_limited_to_less_before(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """The limit that was hidden then returns."""
    async with station(hass, broker) as found:
        await found.call("number", "set_value", "max_current", value=12)
        await fuse(found, 9, 9)
        assert (await limit(found, 8, seconds=3))["former"] == 12
        await until(lambda: not found.node.snapshot.requested.temporary_limits)
        await fuse(found, 16, 12)


# Of a session ---------------------------------------------------------------------------------


async def test_of_a_session(hass: HomeAssistant, car: Chargepoint) -> None:
    """One that had none of its own has none again: it may have what all sessions may."""
    response = await limit(car, 10, minutes=10)
    assert (response["limit"], response["former"]) == ("session_current", None)
    await car.wait_for_state("sensor", "offered_current", "10.0")
    await later(hass, minutes=11)
    await car.wait_for_state("sensor", "offered_current", "32.0")
    assert sent(car, SESSION) == [10, 32]
    assert not sent(car, MAX)


async def test_session_ends_first(
    hass: HomeAssistant,
    car: Chargepoint,
    hass_storage: dict[str, Any],
) -> None:
    """Its limit has ended with it."""
    await limit(car, 10, minutes=10)
    await car.point.unplug()
    await car.wait_for_state("sensor", "status", "disconnected")
    await later(hass, minutes=11)
    await until(lambda: stored_limits(hass_storage, car) == {})
    assert sent(car, SESSION) == [10]


async def test_session_goes_on_after_a_restart(hass: HomeAssistant, car: Chargepoint) -> None:
    """Its limit is not reported then."""
    await limit(car, 10, minutes=10)
    await car.wait_for_state("sensor", "offered_current", "10.0")
    await hass.config_entries.async_reload(car.entry.entry_id)
    await car.wait_for_state("sensor", "offered_current", "10.0")
    assert car.state("number", "session_current") == "unknown"
    await later(hass, minutes=11)
    await car.wait_for_state("sensor", "offered_current", "32.0")


# Requirements --------------------------------------------------------------------------------

STARTED = datetime(2026, 11, 20, 18, tzinfo=UTC)
OF_SESSION = TemporaryLimit(current=10.0, former=None, until=STARTED, session=STARTED)
LASTING = TemporaryLimit(current=10.0, former=32.0, until=STARTED)
HERE = ChargepointSnapshot(
    identity=Identity(name="Garage"),
    unavailable=None,
    plugged=True,
    session=Session(started=STARTED),
    capabilities=Capabilities(reports=frozenset({Feature.OFFERED_CURRENT})),
)


@pytest.mark.parametrize(
    ("changes", "holds"),
    [
        ({}, None),
        ({"max_current": 10.0}, True),
        ({"max_current": 16.0}, False),
        ({"max_current": 10.0, "unavailable": Reason.OFFLINE}, None),
    ],
)
def test_lasting_limit_holds(changes: dict[str, Any], holds: bool | None) -> None:  # noqa: FBT001
    effect = expects("max_current", 10.0)
    assert still_holds(Feature.MAX_CURRENT, LASTING, replace(HERE, **changes), effect) is holds


@pytest.mark.parametrize(
    ("changes", "holds"),
    [
        ({}, None),
        ({"session_current": 10.0}, True),
        ({"session_current": 16.0}, False),
        ({"meter": Meter(offered_current=0.0)}, True),
        ({"meter": Meter(offered_current=10.0)}, True),
        ({"meter": Meter(offered_current=16.0)}, False),
        ({"capabilities": Capabilities()}, True),
        ({"session_current": 10.0, "plugged": None}, None),
        ({"session_current": 10.0, "plugged": False}, False),
        ({"session_current": 10.0, "session": Session()}, True),
        ({"session_current": 10.0, "session": Session(started=STARTED, ended=STARTED)}, False),
        (
            {
                "session_current": 10.0,
                "session": Session(started=STARTED + timedelta(seconds=1)),
            },
            False,
        ),
    ],
)
def test_limit_of_a_session_holds(changes: dict[str, Any], holds: bool | None) -> None:  # noqa: FBT001
    effect = expects("session_current", 10.0)
    assert (
        still_holds(Feature.SESSION_CURRENT, OF_SESSION, replace(HERE, **changes), effect) is holds
    )
