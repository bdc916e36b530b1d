"""A session that is over, as it is kept and told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from ..stored import DamagedError, Readers, fields, number, text, timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRecord:
    """What is known of a session for sure: energy in kWh, `cost` in `currency`, `who` charged.

    It begins when the car comes, and ends when charging is over or the car goes.
    """

    started: datetime | None = None
    ended: datetime | None = None
    energy: float | None = None
    cost: float | None = None
    currency: str | None = None
    who: str | None = None
    #: What a newer version has stored with it.
    unknown: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)

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

    def as_dict(self) -> dict[str, Any]:
        """Return all of it for people and automations; what is not known is left out."""
        values = {
            **self._fields(),
            "duration": self.duration,
            "average_power": self.average_power,
        }
        return {key: value for key, value in values.items() if value is not None}

    def to_storage(self) -> dict[str, Any]:
        """Return what `from_storage` takes, fit for JSON."""
        return {**self.unknown, **self._fields()}

    def _fields(self) -> dict[str, Any]:
        return {
            "energy": self.energy,
            "cost": self.cost,
            "currency": self.currency,
            "who": self.who,
            "started": _text(self.started),
            "ended": _text(self.ended),
        }

    @classmethod
    def from_storage(cls, data: Any) -> Self:
        """Return what `to_storage` was made of, as far as it can be read.

        Raises:
            DamagedError: nothing of it can be.

        """
        known, unknown = fields(data, _READERS)
        if not known:
            raise DamagedError("nothing is known of it")
        if "currency" not in known:
            # Without it nobody knows what the number means.
            known.pop("cost", None)
        return cls(**known, unknown=unknown)


_READERS: Readers = {
    "energy": number,
    "cost": number,
    "currency": text,
    "who": text,
    "started": timestamp,
    "ended": timestamp,
}


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
