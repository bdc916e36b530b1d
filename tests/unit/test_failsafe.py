"""The limits that a failsafe may set, and how the former limit returns."""

from dataclasses import replace

import pytest

from custom_components.fimp_chargepoint.chargepoint.errors import NotConnectedError
from custom_components.fimp_chargepoint.chargepoint.limits.requested import (
    FailsafeLimit,
    Requested,
    StoredRequests,
)
from custom_components.fimp_chargepoint.chargepoint.model import Feature

from .fimp_garage import Garage
from .fimp_settings import max_current

SET = "cmd.max_current.set"


@pytest.fixture(name="garage")
async def garage_fixture() -> Garage:
    """A FIMP charge point whose maximum current is 32 A."""
    return Garage()


def gives(garage: Garage, current: float) -> None:
    """Let the broker have a limit."""
    garage.node.limits.failsafe.registered(current)


def suspect(garage: Garage) -> None:
    """Let it be possible that the broker has sent the limit."""
    garage.node.limits.failsafe.suspect(garage.hub.clock.now())


async def ignore_return(garage: Garage) -> None:
    """Let the failsafe apply, and the command that restores the former limit be ignored."""
    gives(garage, 10)
    garage.obeys = False
    suspect(garage)
    report_max_current(garage, 10)
    await garage.until(1)


def report_max_current(garage: Garage, current: float) -> None:
    garage.report_answer("cmd.max_current.get_report", max_current(current))


@pytest.mark.parametrize(("safe", "current"), [(10, 10), (40, 32), (3, 6), (10.7, 10)])
def test_it_is_within_what_is_possible(garage: Garage, safe: float, current: float) -> None:
    assert garage.node.limits.failsafe.current(safe) == current


def test_it_is_never_more_than_what_is_reported(garage: Garage) -> None:
    report_max_current(garage, 8)
    assert garage.node.limits.failsafe.current(10) == 8


def test_there_is_none_that_would_raise_a_limit_too_low_to_set(garage: Garage) -> None:
    """Another client pauses the car with 0 A, which the message would replace."""
    report_max_current(garage, 0)
    assert garage.node.limits.failsafe.current(10) is None


def test_there_is_none_while_nothing_is_known(garage: Garage) -> None:
    garage.hub.connection_lost(NotConnectedError("gone"))
    assert garage.node.limits.failsafe.current(10) is None


async def test_what_was_there_returns_once(garage: Garage) -> None:
    gives(garage, 10)
    assert garage.node.snapshot.requested.failsafe == FailsafeLimit(current=10, former=32)
    suspect(garage)
    report_max_current(garage, 10)
    await garage.until(30)
    assert [value for _, value in garage.received_of(SET)] == [32]
    assert garage.node.snapshot.requested.limits == {}


@pytest.mark.parametrize("meanwhile", ["nothing", "reconnected", "returning"])
async def test_nothing_returns_after_a_stop(garage: Garage, meanwhile: str) -> None:
    """The limit is sent on purpose, maybe within a minute of an earlier failsafe."""
    gives(garage, 10)
    suspect(garage)
    if meanwhile == "returning":
        report_max_current(garage, 10)
    garage.node.limits.failsafe.stop()
    if meanwhile == "reconnected":
        garage.reconnect()
    report_max_current(garage, 10)
    await garage.until(130)
    assert garage.received == []
    assert garage.node.snapshot.requested.failsafe == FailsafeLimit(current=10, former=32)


async def test_what_returns_is_the_limit_of_today(garage: Garage) -> None:
    """The message is the same, but the limit was lowered in the app of the manufacturer."""
    gives(garage, 10)
    report_max_current(garage, 20)
    gives(garage, 10)
    # The failsafe applies, which is noticed only afterwards.
    report_max_current(garage, 10)
    gives(garage, 10)
    suspect(garage)
    await garage.until(30)
    assert [value for _, value in garage.received_of(SET)] == [20]


@pytest.mark.parametrize("applied", [10, 8])
async def test_another_limit_is_registered_while_the_first_may_apply(
    garage: Garage, applied: float
) -> None:
    gives(garage, 10)
    suspect(garage)
    gives(garage, 8)
    assert garage.node.snapshot.requested.failsafe == FailsafeLimit(current=8, former=32)
    report_max_current(garage, applied)
    await garage.until(30)
    assert [value for _, value in garage.received_of(SET)] == [32]


async def test_a_charge_point_that_was_away_gets_it_soon(garage: Garage) -> None:
    """Unlike the hub, it was away while the former limit was sent."""
    await ignore_return(garage)
    garage.node.apply_thing_status(up=False, now=garage.hub.clock.now())
    await garage.until(5)
    garage.obeys = True
    garage.node.apply_thing_status(up=True, now=garage.hub.clock.now())
    report_max_current(garage, 10)
    await garage.until(60)
    assert [value for _, value in garage.received_of(SET)] == [32, 32]
    assert garage.node.snapshot.max_current == 32


async def test_nothing_returns_if_it_was_not_sent(garage: Garage) -> None:
    gives(garage, 10)
    suspect(garage)
    await garage.until(61)
    # Another client sets that very limit, later.
    report_max_current(garage, 10)
    await garage.until(200)
    assert garage.received == []


async def test_a_refusal_is_not_followed_by_a_flood(
    garage: Garage, caplog: pytest.LogCaptureFixture
) -> None:
    gives(garage, 10)
    suspect(garage)
    garage.refuses_commands = True
    report_max_current(garage, 10)
    for seconds in range(1, 290, 7):
        await garage.until(seconds)
        garage.report_state("ready_to_charge")
    assert len(garage.received_of(SET)) == 1
    assert "has not accepted its former limit yet" in caplog.text
    garage.refuses_commands = False
    await garage.until(400)
    assert len(garage.received_of(SET)) == 2
    assert garage.node.snapshot.max_current == 32


async def test_a_connection_lost_meanwhile_delays_nothing(garage: Garage) -> None:
    """After a freeze, both connections end; the failsafe's may be the first to be noticed."""
    await ignore_return(garage)
    garage.hub.connection_lost(NotConnectedError("gone"))
    await garage.until(10)
    garage.obeys = True
    garage.hub.connection_made()
    garage.report_state("ready_to_charge")
    report_max_current(garage, 10)
    await garage.until(30)
    assert [value for _, value in garage.received_of(SET)] == [32, 32]
    assert garage.node.snapshot.max_current == 32


async def test_a_limit_of_the_user_is_not_overruled(garage: Garage) -> None:
    """A limit that is set while the failsafe applies stays."""
    gives(garage, 10)
    suspect(garage)
    await (await garage.call(garage.node.set(Feature.MAX_CURRENT, 20)))
    await garage.until(200)
    assert [value for _, value in garage.received_of(SET)] == [20]


async def test_it_waits_for_a_charge_point_that_is_away(garage: Garage) -> None:
    gives(garage, 10)
    garage.hub.connection_lost(NotConnectedError("gone"))
    suspect(garage)
    await garage.until(600)
    assert garage.received == []
    garage.hub.connection_made()
    garage.report_state("ready_to_charge")
    report_max_current(garage, 10)
    await garage.until(700)
    assert [value for _, value in garage.received_of(SET)] == [32]


def test_it_is_stored() -> None:
    limit = FailsafeLimit(current=10.0, former=None)
    stored = StoredRequests(requested=Requested(failsafe=limit))
    assert StoredRequests.from_storage(stored.to_storage()) == stored
    damaged = {"failsafe": {"former": 16}}
    assert StoredRequests.from_storage(damaged) == replace(stored, requested=Requested())
