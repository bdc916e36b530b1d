"""A temporary limit ends by the clock of the library, and what was before it returns."""

from datetime import timedelta

import pytest

from custom_components.fimp_chargepoint.chargepoint.errors import (
    CommandRejectedError,
    NotConnectedError,
)
from custom_components.fimp_chargepoint.chargepoint.limits.requested import StoredRequests

from .fakes import UNTHROTTLED
from .fimp_garage import Garage
from .fimp_settings import max_current

SET = "cmd.max_current.set"


class Store:
    """Counts how often the requests are stored, and what of a limit was sent before."""

    def __init__(self, garage: Garage) -> None:
        self.garage = garage
        self.received: list[int] = []

    async def __call__(self) -> None:
        self.received.append(len(self.garage.received))


@pytest.fixture
async def garage() -> Garage:
    """A charger without a car, whose maximum current is 32 A."""
    garage = Garage(UNTHROTTLED)
    garage.report_state("disconnected")
    return garage


async def limit(garage: Garage, current: float, seconds: float) -> Store:
    """Limit the current for a while."""
    store = Store(garage)
    duration = timedelta(seconds=seconds)

    async def command() -> None:
        await garage.node.limits.temporary.set(current, duration, store)

    await (await garage.call(command()))
    return store


def again(garage: Garage) -> Garage:
    """Restart with the stored data, at the same time."""
    later = Garage(UNTHROTTLED)
    later.begun = garage.begun
    later.hub.clock.time = garage.hub.clock.time
    later.report_state("disconnected")
    later.report_answer("cmd.max_current.get_report", max_current(10))
    later.node.restore(StoredRequests.from_storage(garage.node.to_storage()))
    return later


async def test_it_ends_in_time(garage: Garage) -> None:
    store = await limit(garage, 10, 600)
    # It was stored before anything was sent.
    assert store.received == [0]
    await garage.until(599)
    assert garage.received_of(SET) == [(0.0, 10)]
    await garage.until(601)
    assert garage.received_of(SET)[1:] == [(600.0, 32)]
    assert garage.node.snapshot.requested.temporary_limits == {}
    assert garage.node.next_deadline is not None


async def test_it_ends_while_it_is_not_connected(garage: Garage) -> None:
    await limit(garage, 10, 600)
    garage.hub.connection_lost(NotConnectedError("gone"))
    await garage.until(700)
    assert len(garage.received) == 1
    garage.hub.connection_made()
    garage.report_state("disconnected")
    garage.report_answer("cmd.max_current.get_report", max_current(10))
    await garage.until(710)
    assert [value for _, value in garage.received_of(SET)] == [10, 32]


@pytest.mark.parametrize("by", [3600.0, -3600.0])
async def test_it_lasts_as_long_if_the_clock_is_set(garage: Garage, by: float) -> None:
    await limit(garage, 10, 600)
    until = garage.node.snapshot.requested.temporary_limits["max_current"].until
    garage.hub.clock.set_calendar(by)
    await garage.until(599)
    garage.report_state("disconnected")
    (found,) = garage.node.snapshot.requested.temporary_limits.values()
    assert found.until == until + timedelta(seconds=by)
    assert len(garage.received) == 1
    await garage.until(601)
    # Messages have the time of the calendar.
    assert garage.received_of(SET)[1:] == [(600.0 + by, 32)]


async def test_one_of_an_earlier_run_ends_at_its_time(garage: Garage) -> None:
    await limit(garage, 10, 600)
    await garage.until(300)
    later = again(garage)
    later.hub.clock.set_calendar(200)
    await later.until(390)
    later.report_state("disconnected")
    assert later.received == []
    await later.until(401)
    assert later.received_of(SET) == [(400.0 + 200.0, 32)]


async def test_a_refused_return_is_tried_again(garage: Garage) -> None:
    await limit(garage, 10, 600)
    garage.refuses_commands = True
    await garage.until(601)
    garage.refuses_commands = False
    await garage.until(899)
    assert len(garage.received_of(SET)) == 2
    await garage.until(901)
    assert garage.received_of(SET)[1:] == [(600.0, 32), (900.0, 32)]
    assert garage.node.snapshot.max_current == 32


async def test_a_refused_one_leaves_the_one_before(garage: Garage) -> None:
    await limit(garage, 10, 600)
    before = garage.node.snapshot.requested.temporary_limits
    garage.refuses_commands = True
    with pytest.raises(CommandRejectedError):
        await limit(garage, 8, 60)
    garage.refuses_commands = False
    assert garage.node.snapshot.requested.temporary_limits == before
    await garage.until(601)
    assert garage.node.snapshot.max_current == 32


async def test_nothing_happens_after_the_end_of_the_charge_point(garage: Garage) -> None:
    await limit(garage, 10, 600)
    garage.node.close()
    await garage.until(700)
    assert len(garage.received) == 1
