"""The current of an EVSE under load balancing, whose limit is also that of the user."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from custom_components.fimp_chargepoint.chargepoint import StoredRequests, distribute
from custom_components.fimp_chargepoint.chargepoint.errors import (
    CommandSupersededError,
    NotConnectedError,
)
from custom_components.fimp_chargepoint.chargepoint.limits.balanced import (
    BalancingDecision,
    BalancingState,
)
from custom_components.fimp_chargepoint.chargepoint.model import Feature

from .everest_limits import HARDWARE, OURS, holding, limit
from .everest_site import LIMITS, Site, begin, outcome


class Station:
    """An EVSE that charges with 10 A, the limit that the user has set."""

    def __init__(self) -> None:
        self.site = Site()
        self.site.info("Charging")
        self.site.publish(LIMITS, "limits_1", "heartbeat", 1)
        self.site.evse("hw_capabilities", HARDWARE)
        self.site.evse("enforced_limits", holding(32.0))
        self.site.wait(5)

    async def limit(self, current: float) -> None:
        """Let the user limit it."""
        task = await begin(limit(self.site, current))
        self.site.evse("enforced_limits", holding(current, OURS))
        await outcome(task)

    async def limit_for_a_while(self, current: float) -> None:
        """Let the user limit it for five minutes."""

        async def store() -> None:
            """Nothing is stored."""

        temporary = self.site.node().limits.temporary
        task = asyncio.create_task(temporary.set(current, timedelta(minutes=5), store))
        await asyncio.sleep(0)
        self.site.evse("enforced_limits", holding(current, OURS))
        async with asyncio.timeout(1):
            await task

    async def end(self) -> None:
        """Let the temporary limit end."""
        for _ in range(61):
            self.site.publish(LIMITS, "limits_1", "heartbeat", 1)
            self.site.wait(5)
            await asyncio.sleep(0)
            shown = self.site.shown
            current = shown.pending.get("max_current", shown.max_current)
            self.site.evse("enforced_limits", holding(current, OURS))
            await asyncio.sleep(0)

    def again(self, current: float) -> Station:
        """Return it after a restart, with the limit that it still has."""
        later = Station()
        later.site.evse("enforced_limits", holding(current, OURS))
        later.site.node().restore(StoredRequests.from_storage(self.site.node().to_storage()))
        return later

    async def rise(self) -> float | None:
        """Return the share that follows if nothing but the limits restricts it."""
        return [await self.share(3) for _ in range(4)][-1]

    async def share(self, house: float, calls: int = 14) -> float | None:
        """Return the share that follows if the house draws so much for a minute."""
        decision = BalancingDecision(state=BalancingState.NOT_CHARGING)
        for number in range(calls):
            self.site.publish(LIMITS, "limits_1", "heartbeat", number)
            node = self.site.node()
            drawn = node.snapshot.effective_current
            meter = replace(node.snapshot.meter, current_l1=drawn)
            node._update(node.host.clock.now(), meter=meter)
            (decision,) = distribute(
                [node.limits.balanced], [25] * 3, [house + drawn] * 3, share="equal", safe_current=6
            )
            node.limits.balanced.apply(decision)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            self.site.evse("enforced_limits", holding(decision.current, OURS))
            self.site.wait(5)
        return decision.current


async def test_the_limit_of_the_user_is_not_exceeded() -> None:
    """A station has one limit for both, and a restart changes nothing."""
    station = Station()
    await station.limit(10)
    assert await station.share(18) == 7
    assert station.site.shown.max_current == 7
    assert await station.share(3) == 10
    assert await station.share(18) == 7
    later = station.again(7)
    assert [await later.share(3) for _ in range(3)][-1] == 10
    await later.limit(12)
    assert [await later.share(3) for _ in range(3)][-1] == 12


@pytest.mark.parametrize("current", [6, 9])
async def test_a_limit_that_the_user_is_setting_is_not_exceeded(current: float) -> None:
    """If it has to be lower, that of the user fails, and counts nevertheless."""
    station = Station()
    await station.limit(10)
    assert await station.share(18) == 7
    task = await begin(limit(station.site, current))
    assert await station.share(18, 1) == min(current, 7)
    if current < 7:
        await outcome(task)
    else:
        with pytest.raises(CommandSupersededError):
            await outcome(task)
    assert [await station.share(3) for _ in range(3)][-1] == current


@pytest.mark.parametrize("restarts", [False, True])
async def test_the_user_sets_the_value_of_load_balancing(*, restarts: bool) -> None:
    """That is a limit of the user nevertheless, also if nothing has to be sent."""
    station = Station()
    await station.limit(10)
    assert await station.share(18) == 7
    if restarts:
        station = station.again(7)
    await station.limit(7)
    assert await station.rise() == 7
    await station.limit(9)
    await station.limit(7)
    assert await station.rise() == 7


async def test_the_user_sets_what_load_balancing_is_setting() -> None:
    """One message is enough for both."""
    station = Station()
    await station.limit(10)
    site = station.site
    decision = BalancingDecision(
        state=BalancingState.BALANCED, feature=Feature.MAX_CURRENT, former=10, current=7
    )
    site.node().limits.balanced.apply(decision)
    await asyncio.sleep(0)
    assert site.shown.pending == {"max_current": 7}
    task = await begin(limit(site, 7))
    site.evse("enforced_limits", holding(7, OURS))
    await outcome(task)
    assert await station.rise() == 7


async def test_a_limit_of_the_user_that_fails_does_not_count() -> None:
    station = Station()
    await station.limit(10)
    assert await station.share(18) == 7
    task = await begin(limit(station.site, 12))
    station.site.cut()
    with pytest.raises(NotConnectedError):
        await outcome(task)
    assert await station.again(7).rise() == 10


async def test_the_end_of_a_temporary_limit_is_not_a_limit_of_the_user() -> None:
    """Load balancing changes it meanwhile, and sets its value again."""
    station = Station()
    await station.limit(16)
    assert await station.share(15) == 10
    await station.limit_for_a_while(8)
    for house, share in ((18, 7), (3, 8)):
        assert await station.share(house) == share
    await station.end()
    assert station.site.shown.requested.temporary_limits == {}
    assert station.site.shown.max_current == 10
    assert await station.rise() == 16


async def test_a_limit_of_the_user_ends_a_temporary_one() -> None:
    """Also if load balancing sets the value of the temporary one again."""
    station = Station()
    await station.limit(16)
    assert await station.share(15) == 10
    await station.limit_for_a_while(8)
    await station.limit(12)
    assert await station.share(17) == 8
    await station.end()
    assert await station.rise() == 12


async def test_a_temporary_limit_that_the_user_is_setting_permanently_stays() -> None:
    """One message is enough for both."""
    station = Station()
    await station.limit(16)
    task = await begin(limit(station.site, 8))
    await station.limit_for_a_while(8)
    await outcome(task)
    await station.end()
    assert station.site.shown.requested.temporary_limits == {}
    assert await station.rise() == 8


async def test_without_a_limit_of_the_user_all_current_is_shared() -> None:
    station = Station()
    assert await station.share(18) == 7
    assert [await station.share(3) for _ in range(5)][-1] == 21
