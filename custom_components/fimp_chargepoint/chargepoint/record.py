"""A session that is over, as it is kept and told."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What is known of a session for sure: energy in kWh, `cost` in `currency`, `who` charged.

    It begins when the car comes, and ends when charging is over or the car goes.
    """

    started: datetime | None = None
    ended: datetime | None = None
    energy: float | None = None
    cost: float | None = None
    currency: str | None = None
    who: str | None = None

    @property
    def duration(self) -> int | None:
        """How many seconds it took."""
        if self.started is None or self.ended is None:
            return None
        return round((self.ended - self.started).total_seconds())

    @property
    def average_power(self) -> float | None:
        """Its energy by its duration, in W."""
        if self.energy is None or not self.duration:
            return None
        return round(self.energy * 3_600_000 / self.duration)

    def told(self) -> dict[str, Any]:
        """Return all of it for people and automations; what is not known is left out."""
        values = {
            **self.stored(),
            "duration": self.duration,
            "average_power": self.average_power,
        }
        return {key: value for key, value in values.items() if value is not None}

    def stored(self) -> dict[str, Any]:
        """Return what `restored` takes, fit for JSON."""
        return {
            "energy": self.energy,
            "cost": self.cost,
            "currency": self.currency,
            "who": self.who,
            "started": _text(self.started),
            "ended": _text(self.ended),
        }

    @classmethod
    def restored(cls, data: Mapping[str, Any]) -> Self:
        """Return what `stored` was made of.

        Raises:
            ValueError, TypeError, KeyError: it was not.

        """
        return cls(
            started=restored_moment(data["started"]),
            ended=restored_moment(data["ended"]),
            energy=data["energy"],
            cost=data["cost"],
            currency=data["currency"],
            who=data["who"],
        )


def restored_moment(text: str | None) -> datetime | None:
    """Return the moment of an ISO 8601 text."""
    return None if text is None else datetime.fromisoformat(text)


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
