"""The current of an EVSE under load balancing, whose limit is also that of the user."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from custom_components.fimp_chargepoint.chargepoint import StoredRequests, distribute
from custom_components.fimp_chargepoint.chargepoint.errors import CommandSupersededError
from custom_components.fimp_chargepoint.chargepoint.limits.balanced import (
    BalancingDecision,
    BalancingState,
)

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
    later = Station()
    later.site.evse("enforced_limits", holding(7.0, OURS))
    stored = StoredRequests.from_storage(station.site.node().to_storage())
    later.site.node().restore(stored)
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


async def test_the_end_of_a_temporary_limit_is_not_a_limit_of_the_user() -> None:
    station = Station()
    await station.limit(10)
    assert await station.share(18) == 7

    async def store() -> None:
        """Nothing is stored."""

    temporary = station.site.node().limits.temporary
    task = asyncio.create_task(temporary.set(6.5, timedelta(minutes=5), store))
    await asyncio.sleep(0)
    assert await station.share(3, 1) == 6.5
    await task
    assert await station.share(3) == 6.5
    assert [await station.share(3) for _ in range(8)][-1] == 10


async def test_without_a_limit_of_the_user_all_current_is_shared() -> None:
    station = Station()
    assert await station.share(18) == 7
    assert [await station.share(3) for _ in range(5)][-1] == 21
