"""What load balancing makes of one charge point, call after call."""

from dataclasses import replace
from datetime import timedelta

import pytest

from custom_components.fimp_chargepoint.chargepoint import distribute
from custom_components.fimp_chargepoint.chargepoint.limits.balanced import BalancingDecision
from custom_components.fimp_chargepoint.chargepoint.limits.stored_requests import StoredRequests

from .fakes import UNTHROTTLED
from .fimp_garage import START, STOP, Garage
from .fimp_settings import offered

SET = "cmd.current_session.set_current"


@pytest.fixture
async def garage() -> Garage:
    """A car charges, and may draw 16 A."""
    garage = Garage(UNTHROTTLED)
    garage.say("charging")
    garage.knows("cmd.current_session.get_report", offered(16, 1.0))
    draws(garage, 16)
    return garage


def draws(garage: Garage, current: float | None) -> None:
    """Report what is drawn on each phase."""
    node = garage.node
    meter = replace(node.snapshot.meter, current_l1=current, current_l2=current, current_l3=current)
    node._update(node.host.clock.now(), meter=meter)


async def balance(garage: Garage, measured: float | None, at: float) -> BalancingDecision:
    """Let a connection of 25 A carry so much at some seconds."""
    await garage.until(at)
    balanced = garage.node.limits.balanced
    currents = None if measured is None else [measured] * 3
    (decision,) = distribute([balanced], [25] * 3, currents, share="equal", safe_current=6)
    balanced.apply(decision)
    await garage.until(at)
    return decision


async def test_it_is_lowered_at_once_and_raised_slowly(garage: Garage) -> None:
    assert (await balance(garage, 20, 0)).current == 16
    assert (await balance(garage, 31, 1)).current == 10
    draws(garage, 10)
    for at in (5, 30, 60):
        assert (await balance(garage, 12, at)).current == 10
    assert (await balance(garage, 12, 62)).current == 14
    assert garage.told_of(SET) == [(1.0, 10), (62.0, 14)]


async def test_a_meter_that_lags_behind_stops_nobody(garage: Garage) -> None:
    await balance(garage, 20, 0)
    assert (await balance(garage, 31, 61)).current == 10
    draws(garage, 10)
    # The very same value, or nearly so: the car has followed, and the meter has not reported.
    assert (await balance(garage, 31, 62)).current == 10
    assert (await balance(garage, 30.5, 63)).current == 10
    # By now it must be the house.
    assert (await balance(garage, 31, 80)).current == 0


async def test_a_pause_survives_a_restart_and_ends_when_there_is_room(garage: Garage) -> None:
    await balance(garage, 20, 0)
    assert (await balance(garage, 40, 61)).current == 0
    assert garage.told_of(STOP) == [(61.0, None)]
    assert garage.node.limits.plan.is_paused
    later = Garage(UNTHROTTLED)
    later.node.restore(StoredRequests.from_storage(garage.node.to_storage()))
    later.say("ready_to_charge")
    later.knows("cmd.current_session.get_report", offered(0, 1.0))
    draws(later, 0)
    assert (await balance(later, 20, 1)).current == 0
    assert (await balance(later, 18, 2)).current == 6
    await later.until(60)
    assert later.told_of(SET)[0] == (2.0, 6)
    assert len(later.told_of(START)) == 1
    assert (await balance(later, 18, 61)).state == "balanced"
    assert not later.node.limits.plan.is_paused


async def test_a_pause_keeps_the_end(garage: Garage) -> None:
    """The end of a session applies to all of it."""
    await (await garage.call(garage.node.limits.plan.start(5.0)))
    await balance(garage, 20, 0)
    await balance(garage, 40, 61)
    assert garage.node.limits.plan.is_paused
    assert garage.node.snapshot.requested.energy_target == 5.0


async def test_what_is_drawn_is_unknown(garage: Garage) -> None:
    """Then it gets the safe current."""
    draws(garage, None)
    decision = await balance(garage, 10, 0)
    assert (decision.state, decision.current) == ("draw_unknown", 6)


async def test_a_car_that_pauses_leaves_its_share_to_the_others(garage: Garage) -> None:
    garage.say("suspended_by_ev")
    draws(garage, 0)
    assert (await balance(garage, 10, 61)).current == 16
    assert (await balance(garage, 10, 122)).current == 6


async def test_a_temporary_limit_is_respected(garage: Garage) -> None:
    async def store() -> None:
        """Nothing is stored."""

    limit = garage.node.limits.temporary.set(8, timedelta(hours=1), store)
    await (await garage.call(limit))
    draws(garage, 8)
    for at in (1, 62, 123):
        assert (await balance(garage, 10, at)).current == 8


async def test_a_refused_share_is_not_sent_all_the_time(garage: Garage) -> None:
    """It is repeated after some seconds."""
    await balance(garage, 20, 0)
    garage.refuses = True
    for at in range(61, 91):
        await balance(garage, 10, at)
    assert 1 <= len(garage.told_of(SET)) <= 4


async def test_a_car_whose_draw_is_not_reported_yet_is_not_stopped(garage: Garage) -> None:
    """It seems to be the house's; adapters may take more than half a minute to report it."""
    garage.say("ready_to_charge")
    draws(garage, 0)
    await balance(garage, 3, 0)
    garage.say("charging")
    for at in (1, 20, 36, 59):
        assert (await balance(garage, 35, at)).current == 6
    assert garage.told_of(STOP) == []
