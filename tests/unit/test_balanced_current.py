"""The current of one charge point under load balancing, call after call."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
import random

import pytest

from custom_components.fimp_chargepoint.chargepoint import distribute
from custom_components.fimp_chargepoint.chargepoint.errors import CommandTimeoutError
from custom_components.fimp_chargepoint.chargepoint.limits.balanced import BalancingDecision
from custom_components.fimp_chargepoint.chargepoint.limits.requested import StoredRequests
from harness.house import Step

from .fakes import UNTHROTTLED
from .fimp_garage import LIMIT, START, STOP, Garage
from .fimp_settings import offered

SET = "cmd.current_session.set_current"


@pytest.fixture
async def garage() -> Garage:
    """A car charges, and may draw 16 A."""
    garage = Garage(UNTHROTTLED)
    garage.report_state("charging")
    garage.report_answer("cmd.current_session.get_report", offered(16, 1.0))
    draws(garage, 16)
    return garage


def draws(garage: Garage, current: float | None) -> None:
    """Report what is drawn on each phase."""
    node = garage.node
    meter = replace(node.snapshot.meter, current_l1=current, current_l2=current, current_l3=current)
    node._update(node.host.clock.now(), meter=meter)


async def balance(
    garage: Garage, measured: float | Sequence[float] | None, at: float
) -> BalancingDecision:
    """Let a connection of 25 A carry so much at some seconds, on each phase or on all."""
    await garage.until(at)
    balanced = garage.node.limits.balanced
    currents = [measured] * 3 if isinstance(measured, float | int) else measured
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
    assert garage.received_of(SET) == [(1.0, 10), (62.0, 14)]


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
    assert garage.received_of(STOP) == [(61.0, None)]
    assert garage.node.limits.plan.is_paused
    later = Garage(UNTHROTTLED)
    later.node.restore(StoredRequests.from_storage(garage.node.to_storage()))
    later.report_state("ready_to_charge")
    later.report_answer("cmd.current_session.get_report", offered(0, 1.0))
    draws(later, 0)
    assert (await balance(later, 20, 1)).current == 0
    assert (await balance(later, 18, 2)).current == 6
    await later.until(60)
    assert later.received_of(SET)[0] == (2.0, 6)
    assert len(later.received_of(START)) == 1
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
    garage.report_state("suspended_by_ev")
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
    garage.refuses_commands = True
    for at in range(61, 91):
        await balance(garage, 10, at)
    assert 1 <= len(garage.received_of(SET)) <= 4


async def test_a_car_whose_draw_is_not_reported_yet_is_not_stopped(garage: Garage) -> None:
    """It seems to be the house's; adapters may take more than half a minute to report it."""
    garage.report_state("ready_to_charge")
    draws(garage, 0)
    await balance(garage, 3, 0)
    garage.report_state("charging")
    for at in (1, 20, 36, 59):
        assert (await balance(garage, 35, at)).current == 6
    assert garage.received_of(STOP) == []


async def paused(garage: Garage) -> None:
    """Let load balancing stop charging, so that it will start again."""
    await balance(garage, 20, 0)
    await balance(garage, 40, 61)
    draws(garage, 0)
    assert garage.node.limits.plan.is_paused


async def test_a_start_of_the_user_ends_a_pause(garage: Garage) -> None:
    """Also if the automation no longer runs."""
    await paused(garage)
    await (await garage.call(garage.node.limits.plan.start()))
    assert len(garage.received_of(START)) == 1
    assert not garage.node.limits.plan.is_paused


async def test_a_stop_between_the_share_and_the_start_is_not_lost(garage: Garage) -> None:
    """Nothing charges yet, so the stop sends nothing: it must keep the start from leaving."""
    await paused(garage)
    garage.answers_requests = False
    assert (await balance(garage, 5, 130)).current
    assert garage.received_of(SET)
    assert garage.received_of(START) == []
    await (await garage.call(garage.node.limits.plan.stop()))
    garage.answers_requests = True
    garage.report_answer("cmd.current_session.get_report", offered(0, 1.0))
    await garage.until(200)
    assert garage.received_of(START) == []


async def started(garage: Garage) -> None:
    """Let load balancing start charging again, and a stop come right after."""
    assert (await balance(garage, 5, 130)).current
    await garage.until(131)
    assert len(garage.received_of(START)) == 1


async def confirmed(garage: Garage, word: str) -> None:
    """Let nothing wait any longer."""
    garage.answers_requests = True
    garage.report_state(word)
    await garage.until(160)


async def test_a_stop_that_is_confirmed_late_is_not_followed_by_a_start(garage: Garage) -> None:
    """The user has received an error, but the charge point has stopped after all."""
    await paused(garage)
    await started(garage)
    garage.answers_requests = False
    stopping = await garage.call(garage.node.limits.plan.stop())
    await garage.until(130 + LIMIT + 5)
    with pytest.raises(CommandTimeoutError):
        await stopping
    await confirmed(garage, "ready_to_charge")
    await balance(garage, 5, 200)
    await garage.until(201)
    assert len(garage.received_of(START)) == 1


async def test_an_end_that_is_confirmed_late_is_not_followed_by_a_start(garage: Garage) -> None:
    """It is not sent again at once if it seems to have failed."""
    end = datetime.fromtimestamp(garage.begun + 170, UTC)
    await (await garage.call(garage.node.limits.plan.start(until=end)))
    await paused(garage)
    await started(garage)
    garage.answers_requests = False
    await garage.until(170 + LIMIT + 5)
    garage.answers_requests = True
    garage.report_state("ready_to_charge")
    assert garage.node.snapshot.requested.plan is not None
    await balance(garage, 5, garage.now + 1)
    await garage.until(garage.now + 2)
    assert len(garage.received_of(START)) == 1


async def test_a_share_that_was_just_lowered_is_not_raised_without_a_measurement(
    garage: Garage,
) -> None:
    await balance(garage, 20, 0)
    garage.answers_requests = False
    assert (await balance(garage, 33, 61)).current == 8
    await garage.until(62)
    balanced = garage.node.limits.balanced
    (decision,) = distribute([balanced], [25] * 3, None, share="equal", safe_current=32)
    assert decision.current == 8
    await confirmed(garage, "charging")


#: Seconds, and A that the house draws on each phase: lights, a heat pump, an oven, nearly all.
COURSE = (
    Step(0, (2, 3, 1)),
    Step(90, (8, 12, 2)),
    Step(105, (8, 17, 9)),
    Step(180, (8, 22, 9)),
    Step(240, (2, 3, 1)),
)


class Site:
    """A house and the car, on a meter whose sensors report one after another each second."""

    def __init__(self, garage: Garage, steps: Sequence[Step], seed: int, own: float = 99.0) -> None:
        """Let the car draw no more than `own` A now and then, for reasons of its own."""
        self._garage = garage
        self._steps = steps
        self._own = own
        self._random = random.Random(seed)
        #: What the car draws at each second, and whether the connection is overloaded.
        self.car: list[float] = []
        self.overloaded: list[bool] = []
        self._reported = [0.0] * 3

    async def live(self, seconds: int) -> None:
        """Let the time pass; the car takes a second to follow its limit."""
        for second in range(seconds):
            house = max(step for step in self._steps if step.at <= second).currents
            drawn = self._allowed if second % 70 < 50 else min(self._own, self._allowed)
            self.car.append(drawn)
            self.overloaded.append(max(house) + drawn > 25)
            for phase, current in enumerate(house):
                noise = self._random.choice((-0.1, 0.0, 0.1))
                self._reported[phase] = round(current + drawn + noise, 1)
                if phase == self._random.randrange(3):
                    draws(self._garage, drawn)
                await balance(self._garage, list(self._reported), second + phase / 10)
            draws(self._garage, drawn)

    @property
    def _allowed(self) -> float:
        if not self._garage.node.snapshot.charging:
            return 0.0
        return float([16.0, *(value for _, value in self._garage.received_of(SET))][-1])

    def between(self, begin: int, end: int) -> set[float]:
        """Return what the car draws in these seconds."""
        return set(self.car[begin:end])

    @property
    def longest_overload(self) -> int:
        """Return for how many seconds the connection is overloaded at most."""
        return max(len(list(group)) for key, group in groupby(self.overloaded) if key)


@pytest.mark.parametrize("seed", range(4))
async def test_sensors_that_report_one_after_another_pause_nobody(
    garage: Garage, seed: int
) -> None:
    """The car's meter already shows a lower current; the sensor of the full phase does not."""
    site = Site(garage, COURSE, seed)
    await site.live(330)
    assert min(site.between(95, 105)) >= 12
    assert min(site.between(110, 180)) >= 7
    # With 22 A in the house there is not enough.
    assert site.between(185, 240) == {0}
    assert min(site.between(310, 330)) >= 6
    assert site.longest_overload <= 3


@pytest.mark.parametrize("seed", range(2))
async def test_noise_pauses_nobody(garage: Garage, seed: int) -> None:
    """There is room for 6 A and no more."""
    site = Site(garage, (Step(0, (2, 3, 1)), Step(70, (8, 19, 9)), Step(200, (8, 21, 9))), seed)
    await site.live(260)
    assert site.between(80, 200) == {6}
    assert site.between(205, 260) == {0}


@pytest.mark.parametrize("seed", range(5))
async def test_no_overload_lasts(garage: Garage, seed: int) -> None:
    """Whatever the house and the car do at the same time."""
    house = random.Random(seed)
    steps = [
        Step(at, (house.choice((2, 8, 17)), house.choice((3, 12, 18)), house.choice((1, 9, 19))))
        for at in (0, *sorted(house.sample(range(1, 200), 12)))
    ]
    site = Site(garage, steps, seed, own=house.choice((0.5, 6, 8)))
    await site.live(200)
    assert site.longest_overload <= 3


async def test_a_car_that_draws_less_on_its_own_is_not_limited(garage: Garage) -> None:
    """The connection does not show yet that the car is full."""
    await balance(garage, 23.9, 0)
    assert (await balance(garage, 24, 61)).current == 16
    garage.report_state("suspended_by_ev")
    draws(garage, 0)
    assert (await balance(garage, 24, 62)).state == "balanced"
    assert (await balance(garage, 8, 63)).state == "balanced"


async def test_others_that_draw_more_at_the_same_time_lower_it_at_once(garage: Garage) -> None:
    """The car has just been lowered, and its meter shows that."""
    await balance(garage, 20, 0)
    assert (await balance(garage, 28, 1)).current == 13
    draws(garage, 13)
    assert (await balance(garage, 30, 2)).current == 8


async def test_a_stop_that_was_refused_is_not_repeated_if_there_is_room_again(
    garage: Garage,
) -> None:
    """It has charged on meanwhile, and goes on with less."""
    await balance(garage, 20, 0)
    garage.refuses_commands, garage.refusal = True, "too many requests"
    for at in (61, 64, 67):
        assert (await balance(garage, 40, at)).current == 0
    assert [when for when, _ in garage.received_of(STOP)] == [61.0, 66.0]
    garage.refuses_commands = False
    assert (await balance(garage, 29, 68)).current == 12
    await garage.until(200)
    assert len(garage.received_of(STOP)) == 2
    assert [value for _, value in garage.received_of(SET, START)] == [12]
    assert garage.node.snapshot.charging
    assert not garage.node.limits.plan.is_paused


async def test_a_stop_that_is_refused_late_is_not_withdrawn(garage: Garage) -> None:
    """A car that has not stopped has not started, so its meter does not lag behind."""
    await balance(garage, 20, 0)
    garage.obeys = False
    assert (await balance(garage, 40, 61)).current == 0
    assert (await balance(garage, 40, 62)).current == 0
    garage.refuse("too many requests")
    for at in (63, 64, 65):
        assert (await balance(garage, 40, at)).current == 0
    assert garage.node.limits.plan.is_paused
    garage.obeys = True
    await garage.until(70)
    assert garage.node.snapshot.charging is False


async def test_a_stop_of_the_user_is_repeated_even_if_there_is_room(garage: Garage) -> None:
    await balance(garage, 20, 0)
    garage.refuses_commands, garage.refusal = True, "too many requests"
    assert (await balance(garage, 40, 61)).current == 0
    stopping = await garage.call(garage.node.limits.plan.stop())
    assert (await balance(garage, 20, 62)).state == "not_charging"
    garage.refuses_commands = False
    await garage.until(75)
    await stopping
    assert not garage.node.snapshot.charging


async def test_one_that_fails_costs_the_others_no_limit(
    garage: Garage, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Garage(UNTHROTTLED)
    monkeypatch.setattr(other.node.limits.balanced, "_limit", None)
    other.report_state("charging")
    members = [each.node.limits.balanced for each in (other, garage)]
    decisions = distribute(members, [25] * 3, [31] * 3, share="equal", safe_current=6)
    assert [each.current for each in decisions] == [None, 10]
    assert other.hub.internal_errors.counts


@pytest.mark.parametrize("lag", [0.5, 4, 20])
async def test_a_start_that_is_reported_later_than_the_connection_shows_it_stops_nobody(
    garage: Garage, lag: float
) -> None:
    garage.report_state("ready_to_charge")
    draws(garage, 0)
    await balance(garage, 3, 0)
    garage.report_state("charging")
    assert (await balance(garage, 35, 1)).current == 6
    assert (await balance(garage, 35, 1 + lag)).current == 6
    draws(garage, 32)
    assert (await balance(garage, 35, 1.5 + lag)).current == 6
    # What the house draws more still counts.
    assert (await balance(garage, 58, 2 + lag)).current == 0


async def test_a_temporary_limit_ends(garage: Garage) -> None:
    """The charge point confirms what follows only after some calls."""

    async def store() -> None:
        """Nothing is stored."""

    limit = garage.node.limits.temporary.set(8, timedelta(seconds=100), store)
    await (await garage.call(limit))
    draws(garage, 8)
    for at in range(5, 100, 5):
        assert (await balance(garage, 17, at)).current == 8
    garage.answers_requests = False
    garage.ignore_request("cmd.current_session.get_report")
    for at in range(105, 125, 5):
        await balance(garage, 17, at)
    assert garage.received_of(SET)[1:] == [(100.0, 16)]
    garage.answers_requests = True
    garage.report_answer("cmd.current_session.get_report", offered(16, 1.0))
    await garage.until(130)
    assert garage.node.snapshot.requested.temporary_limits == {}
