"""Smart charging by a charge point's own service: its schedules and profiles.

Part of the vocabulary, independent of the format of any protocol.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import time
from enum import IntEnum, StrEnum


class Weekday(IntEnum):
    """A day of the week, with its number in ISO 8601."""

    MONDAY = 1
    TUESDAY = 2
    WEDNESDAY = 3
    THURSDAY = 4
    FRIDAY = 5
    SATURDAY = 6
    SUNDAY = 7


class Profile(StrEnum):
    """What decides when a car charges. At most one profile is on."""

    DELAYED = "delayed_charging"
    PRICE_BASED = "price_based_charging"


@dataclass(frozen=True, slots=True, kw_only=True)
class DelayedCharging:
    """Charge only from `start` to `end` on some `days`; the window may span midnight."""

    days: frozenset[Weekday]
    start: time
    end: time


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceBasedCharging:
    """Charge in the cheapest hours before `departure`; None does not change a setting.

    Charge levels in percent, the size of the battery in kWh. Below `minimum_level` the car
    charges at any price.
    """

    departure: time | None = None
    level: int | None = None
    minimum_level: int | None = None
    battery_size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentSchedule:
    """A current limit in A that applies at certain times of the week.

    `charge_points` are their ids at the service. `current` and `id` are None if unknown; a
    schedule that is yet to be created has no id.
    """

    charge_points: tuple[str, ...]
    start_days: frozenset[Weekday]
    start: time
    end_days: frozenset[Weekday]
    end: time
    current: float | None = None
    id: str | None = None


class SmartCharging(ABC):
    """A charge point whose service decides when it charges.

    Every method raises NotConnectedError, CommandRejectedError with the words of the service,
    CommandTimeoutError, or InvalidRequestError before anything is sent.
    """

    @abstractmethod
    async def set_profile(self, profile: Profile, *, on: bool) -> None:
        """Turn a profile on, which turns the other one off, or turn it off."""

    @abstractmethod
    async def set_delayed_charging(self, schedule: DelayedCharging) -> None:
        """Set the times in which delayed charging lets it charge."""

    @abstractmethod
    async def set_price_based_charging(self, settings: PriceBasedCharging) -> None:
        """Set the target of price-based charging."""

    @abstractmethod
    async def override_profile(self, profile: Profile, *, on: bool) -> None:
        """Charge now although the profile would wait, or follow the profile again."""

    @abstractmethod
    async def current_schedules(self) -> Sequence[CurrentSchedule]:
        """Return the schedules of current limits that concern this charge point."""

    @abstractmethod
    async def set_current_schedule(self, schedule: CurrentSchedule) -> str | None:
        """Create a schedule, or change the one with its id; returns the id if it is known.

        It always includes this charge point.
        """

    @abstractmethod
    async def clear_current_schedule(self, schedule_id: str) -> None:
        """Delete a schedule."""
