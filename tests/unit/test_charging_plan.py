"""Charging ends at an energy or a time, in all circumstances."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from custom_components.fimp_chargepoint.chargepoint.errors import (
    ChargepointError,
    InvalidRequestError,
    NoSessionError,
    NotConnectedError,
)
from custom_components.fimp_chargepoint.chargepoint.limits.requested import Plan, StoredRequests

from .fakes import UNTHROTTLED
from .fimp_garage import START, STOP, Garage
from .fimp_messages import CHARGER
from .fimp_settings import STARTED, offered


@pytest.fixture
async def garage() -> Garage:
    """A car is connected, and has 1 kWh."""
    garage = Garage(UNTHROTTLED)
    garage.report_state("ready_to_charge")
    garage.hub.feed(CHARGER, offered(0, 1.0))
    return garage


def after(garage: Garage, seconds: float) -> datetime:
    """Return the time some seconds from the begin."""
    return datetime.fromtimestamp(garage.begun + seconds, UTC)


async def start(garage: Garage, energy: float | None = None, until: float | None = None) -> None:
    """Start with an end."""
    end = None if until is None else after(garage, until)
    await (await garage.call(garage.node.limits.plan.start(energy, end)))


def plan(garage: Garage) -> Plan | None:
    return garage.node.snapshot.requested.plan


def stops(garage: Garage) -> list[float]:
    return [when for when, _ in garage.received_of(STOP)]


async def test_it_ends_at_its_time(garage: Garage) -> None:
    await start(garage, until=600)
    assert garage.node.snapshot.requested.charging_ends == after(garage, 600)
    await garage.until(599)
    assert stops(garage) == []
    await garage.until(601)
    assert stops(garage) == [600.0]
    assert plan(garage) is None


async def test_it_ends_at_its_energy(garage: Garage) -> None:
    await start(garage, energy=5)
    for energy in (2.0, 4.99):
        garage.hub.feed(CHARGER, offered(16, energy))
    await garage.until(10)
    assert stops(garage) == []
    garage.hub.feed(CHARGER, offered(16, 5.0))
    await garage.until(20)
    assert len(stops(garage)) == 1
    assert plan(garage) is None


async def test_whatever_comes_first(garage: Garage) -> None:
    await start(garage, energy=5, until=100)
    await garage.until(101)
    assert stops(garage) == [100.0]


async def test_a_refused_stop_is_sent_again(garage: Garage) -> None:
    await start(garage, until=100)
    garage.refuses_commands = True
    await garage.until(101)
    assert plan(garage) is not None
    garage.refuses_commands = False
    await garage.until(200)
    assert stops(garage)[0] == 100.0
    assert garage.node.snapshot.charging is False
    assert plan(garage) is None


async def test_it_ends_while_it_is_not_connected(garage: Garage) -> None:
    """The stop is sent as soon as the charge point is back."""
    await start(garage, until=100)
    garage.hub.connection_lost(NotConnectedError("gone"))
    await garage.until(200)
    assert stops(garage) == []
    garage.hub.connection_made()
    garage.report_state("charging")
    garage.hub.feed(CHARGER, offered(16, 2.0))
    await garage.until(300)
    assert stops(garage)[0] == pytest.approx(200, abs=1)
    assert plan(garage) is None


async def test_the_car_leaves(garage: Garage) -> None:
    await start(garage, energy=5, until=100)
    garage.report_state("disconnected")
    assert plan(garage) is None
    garage.report_state("charging")
    await garage.until(200)
    assert stops(garage) == []


async def test_another_session(garage: Garage) -> None:
    """The car was not seen leaving, but another session has begun."""
    await start(garage, energy=5)
    garage.hub.feed(CHARGER, offered(16, 0.1, started_at="2026-11-20T18:00:00Z"))
    assert plan(garage) is None


def without_start(energy: float) -> dict[str, Any]:
    """Return the report of an adapter that does not report when the session began."""
    report = offered(16, energy)
    del report["props"]["started_at"]
    return report


async def test_a_counter_that_restarts_in_a_session(garage: Garage) -> None:
    """The car has not left, so what it has charged counts towards the target."""
    garage.hub.feed(CHARGER, without_start(1.0))
    await start(garage, energy=5, until=600)
    garage.hub.feed(CHARGER, without_start(2.5))
    await garage.until(10)
    garage.hub.feed(CHARGER, without_start(0.5))
    assert garage.node.snapshot.requested.energy_target == 2.5
    assert garage.node.snapshot.requested.charging_ends == after(garage, 600)
    garage.hub.feed(CHARGER, without_start(2.5))
    await garage.until(20)
    assert len(stops(garage)) == 1


async def test_a_counter_that_restarts_while_away(garage: Garage) -> None:
    """It may be another car: its charging is not ended."""
    garage.hub.feed(CHARGER, without_start(1.0))
    await start(garage, until=100)
    garage.reconnect("charging")
    garage.hub.feed(CHARGER, without_start(0.5))
    assert plan(garage) is None


async def test_a_pause_by_load_balancing_that_ends_the_session(garage: Garage) -> None:
    """At some charge points, a start begins another session, although the car has not left."""
    await start(garage, energy=5, until=600)
    garage.hub.feed(CHARGER, offered(16, 2.0))
    garage.node.limits.plan.pause(paused=True)
    garage.report_state("ready_to_charge")
    garage.report_state("charging")
    garage.hub.feed(CHARGER, offered(16, 0.0, started_at="2026-11-20T18:00:00Z"))
    garage.node.limits.plan.pause(paused=False)
    assert garage.node.snapshot.requested.energy_target == 3.0
    assert garage.node.snapshot.requested.charging_ends == after(garage, 600)
    garage.report_state("disconnected")
    assert plan(garage) is None


async def test_a_link_that_drops_in_a_pause_by_load_balancing(garage: Garage) -> None:
    """Nothing has changed when it is back: the same car is there, and charges on later."""
    await start(garage, energy=5, until=600)
    session = offered(16, 2.0)
    garage.hub.feed(CHARGER, session)
    garage.node.limits.plan.pause(paused=True)
    garage.report_state("ready_to_charge")
    garage.reconnect()
    garage.hub.feed(CHARGER, session)
    assert garage.node.limits.plan.is_paused
    garage.report_state("charging")
    garage.hub.feed(CHARGER, offered(16, 0.0, started_at="2026-11-20T18:00:00Z"))
    assert garage.node.limits.plan.is_paused
    assert garage.node.snapshot.requested.energy_target == 3.0
    assert garage.node.snapshot.requested.charging_ends == after(garage, 600)


async def test_another_car_while_the_link_is_down_in_a_pause(garage: Garage) -> None:
    await start(garage, energy=5)
    garage.hub.feed(CHARGER, offered(16, 2.0))
    garage.node.limits.plan.pause(paused=True)
    garage.report_state("ready_to_charge")
    garage.reconnect("charging")
    garage.hub.feed(CHARGER, offered(16, 0.0, started_at="2026-11-20T18:00:00Z"))
    assert plan(garage) is None


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (without_start(2.0), without_start(0.0)),
        (offered(16, 2.0), offered(0, 0.0, started_at="2026-11-20T18:00:00Z")),
    ],
    ids=["inferred", "reported"],
)
async def test_another_car_between_two_polls(
    garage: Garage, first: dict[str, Any], second: dict[str, Any]
) -> None:
    """The adapter has not seen the first one leave: another session is all it reports."""
    garage.hub.feed(CHARGER, first)
    await start(garage, energy=5, until=100)
    garage.hub.feed(CHARGER, first)
    garage.node.limits.plan.pause(paused=True)
    garage.report_state("ready_to_charge")
    garage.hub.feed(CHARGER, second)
    assert plan(garage) is None
    garage.report_state("charging")
    await garage.until(200)
    assert stops(garage) == []


async def test_a_session_that_may_be_another_one_is_not_stopped(garage: Garage) -> None:
    """After a restart, its start is a guess until it is restored, or found to be another one."""
    await start(garage, energy=5, until=100)
    stored = garage.node.to_storage()
    later = Garage(UNTHROTTLED)
    later.begun, later.hub.clock.time = garage.begun, garage.begun + 150
    later.node.restore(StoredRequests.from_storage(stored))
    later.report_state("charging")
    report = without_start(7.0)
    later.hub.feed(CHARGER, report)
    await later.until(250)
    assert stops(later) == []
    assert plan(later) is None


async def test_the_session_before_is_not_that_of_a_plan(garage: Garage) -> None:
    """The car has stayed, and charging begins another session."""
    ended = offered(0, 1.0, finished_at="2026-11-20T09:00:00Z")
    garage.hub.feed(CHARGER, ended)
    await start(garage, energy=5)
    garage.hub.feed(CHARGER, ended)
    garage.hub.feed(CHARGER, offered(16, 0.1, started_at="2026-11-20T18:00:00Z"))
    assert plan(garage) is not None
    garage.hub.feed(CHARGER, offered(16, 5.0, started_at="2026-11-20T18:00:00Z"))
    await garage.until(20)
    assert len(stops(garage)) == 1


@pytest.mark.parametrize("command", ["stop", "start"])
async def test_a_stop_or_a_start_replaces_it(garage: Garage, command: str) -> None:
    await start(garage, until=100)
    await (await garage.call(getattr(garage.node.limits.plan, command)()))
    assert plan(garage) is None
    garage.report_state("charging")
    await garage.until(200)
    assert len(stops(garage)) == (command == "stop")


async def test_limits_and_pauses_of_others_do_not(garage: Garage) -> None:
    await start(garage, until=100)
    await (await garage.call(garage.node.set(garage.node.limits.temporary.feature, 10)))
    garage.report_state("ready_to_charge")
    garage.report_state("charging")
    await garage.until(101)
    assert stops(garage) == [100.0]


async def test_a_refused_start_leaves_the_earlier_plan(garage: Garage) -> None:
    await start(garage, until=100)
    garage.report_state("ready_to_charge")
    earlier = plan(garage)
    garage.refuses_commands = True
    with pytest.raises(ChargepointError, match="command_rejected"):
        await start(garage, until=500)
    assert plan(garage) == earlier


@pytest.mark.parametrize("seconds", [50, 150])
async def test_it_survives_a_restart(garage: Garage, seconds: float) -> None:
    """Also one that is longer than the time that was left."""
    await start(garage, energy=7, until=100)
    stored = garage.node.to_storage()
    later = Garage(UNTHROTTLED)
    later.begun, later.hub.clock.time = garage.begun, garage.begun + seconds
    later.node.restore(StoredRequests.from_storage(stored))
    later.report_state("charging")
    later.hub.feed(CHARGER, offered(16, 2.0))
    await later.until(seconds)
    await later.until(160)
    assert stops(later)[0] == max(100.0, seconds)
    assert plan(later) is None


async def test_the_clock_is_set(garage: Garage) -> None:
    """A time of day is that of the calendar."""
    await start(garage, until=1000)
    garage.hub.clock.set_calendar(900)
    await garage.until(99)
    assert stops(garage) == []
    await garage.until(161)
    assert stops(garage) != []


async def test_what_is_impossible(garage: Garage) -> None:
    with pytest.raises(InvalidRequestError, match="energy_reached"):
        await start(garage, energy=1)
    for until in (-1.0, 400 * 86400.0):
        with pytest.raises(InvalidRequestError, match="until_past"):
            await start(garage, until=until)
    assert garage.received_of(START) == []


async def test_without_a_car_there_is_no_end(garage: Garage) -> None:
    """A car that is plugged in while the start waits would charge without it."""
    garage.report_state("disconnected")
    for end in ({"energy": 5.0}, {"until": 600.0}):
        with pytest.raises(NoSessionError, match="no_car"):
            await start(garage, **end)
    assert garage.received_of(START) == []
    assert plan(garage) is None


async def test_a_bug_in_the_background_is_reported(garage: Garage) -> None:
    async def broken() -> None:
        raise ZeroDivisionError

    await asyncio.wait([garage.node.limits._tasks.start(broken())])
    await asyncio.sleep(0)
    assert [each.split(" at ")[0] for each in garage.hub.internal_errors.counts] == [
        "ZeroDivisionError"
    ]


def test_damaged_fields_cost_themselves() -> None:
    stored = {"plan": {"energy": "much", "until": STARTED, "paused": 1, "newer": 1}}
    requests = StoredRequests.from_storage(stored)
    until = datetime.fromisoformat(STARTED)
    assert requests.requested.plan == Plan(until=until, unknown={"newer": 1})
    assert requests.to_storage()["plan"]["newer"] == 1  # type: ignore[index]
