"""A house with a charge point that falls silent."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
import itertools
from typing import override

from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)

from custom_components.fimp_chargepoint.chargepoint.scheduler import SteadyClock
from custom_components.fimp_chargepoint.const import DATA_CLOCK

HOUR = 3600.0


class QuickClock(SteadyClock):
    """A clock whose hours pass when a test moves it."""

    def __init__(self) -> None:
        """Begin with the real time."""
        super().__init__()
        self.ahead = 0.0

    @override
    def now(self) -> float:
        return super().now() + self.ahead

    @override
    def call_at(self, when: float, callback: Callable[[], None]) -> Callable[[], None]:
        return super().call_at(when - self.ahead, callback)


class House:
    """Home Assistant, and how its time passes."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Use a clock that can be moved."""
        self.hass = hass
        self.clock = hass.data[DATA_CLOCK] = QuickClock()
        self._hours = itertools.count(1)

    async def waits(self, entry: MockConfigEntry, hours: float) -> None:
        """Let hours pass, for the library and for Home Assistant."""
        for _ in range(int(hours * 4)):
            self.clock.ahead += HOUR / 4
            entry.runtime_data.hub.scheduler.rearm()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        passed = timedelta(hours=next(self._hours), minutes=1)
        async_fire_time_changed(self.hass, dt_util.utcnow() + passed)
        await self.hass.async_block_till_done()

    async def passes(self, minutes: float) -> None:
        """Let minutes pass at once, for the clock of the library and for Home Assistant."""
        self.clock.ahead += minutes * 60
        passed = timedelta(minutes=minutes, seconds=1)
        async_fire_time_changed(self.hass, dt_util.utcnow() + passed)
        await self.hass.async_block_till_done(wait_background_tasks=True)

    @property
    def issues(self) -> list[ir.IssueEntry]:
        """The issues about silent charge points."""
        issues = ir.async_get(self.hass).issues.values()
        return [each for each in issues if each.translation_key == "silent"]
