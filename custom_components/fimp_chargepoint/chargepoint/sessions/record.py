"""The record of a session that has ended."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Self

from ..session import EndReason
from ..stored import DamagedError, Readers, fields, number, one_of, text, timestamp

#: Further digits are noise.
_ENERGY_DIGITS = 3
_COST_DIGITS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRecord:
    """A finished session: energy in kWh, `cost` in `currency`.

    It begins when the car is plugged in, and ends when charging is over or the car leaves. `who` is
    the end of the token that was used, else the id of the car.
    """

    started: datetime | None = None
    ended: datetime | None = None
    energy: float | None = None
    cost: float | None = None
    currency: str | None = None
    who: str | None = None
    ended_by: EndReason | None = None
    #: Fields stored by a newer version.
    unknown: Mapping[str, object] = field(default_factory=dict, compare=False, repr=False)

    @property
    def duration(self) -> int | None:
        """Its duration in seconds."""
        if self.started is None or self.ended is None:
            return None
        return round((self.ended - self.started).total_seconds())

    @property
    def average_power(self) -> float | None:
        """Its energy divided by its duration, in W."""
        if self.energy is None or not self.duration:
            return None
        return round(self.energy * 3_600_000 / self.duration)

    def with_energy(self, energy: float) -> Self:
        """Return the record with another energy, at the same average price."""
        cost = self.cost * energy / self.energy if self.cost and self.energy else self.cost
        return replace(self, energy=energy, cost=cost).rounded()

    def rounded(self) -> Self:
        """Return the record without insignificant digits."""
        return replace(
            self,
            energy=None if self.energy is None else round(self.energy, _ENERGY_DIGITS),
            cost=None if self.cost is None else round(self.cost, _COST_DIGITS),
        )

    def as_dict(self) -> dict[str, object]:
        """Return all its data, fit for JSON, for users and automations."""
        values = {
            **self._stored(),
            "duration": self.duration,
            "average_power": self.average_power,
        }
        return {name: value for name, value in values.items() if value is not None}

    def to_storage(self) -> dict[str, object]:
        """Return what `from_storage` takes, fit for JSON."""
        return {**self.unknown, **self._stored()}

    def _stored(self) -> dict[str, object]:
        return {name: as_json(getattr(self, name)) for name in _READERS}

    @classmethod
    def from_storage(cls, data: object) -> Self:
        """Return the record that was stored, as far as it can be read.

        Raises:
            DamagedError: none of it can be read.

        """
        known, unknown = fields(data, _READERS)
        if not known:
            raise DamagedError("nothing is known of it")
        if "currency" not in known:
            # Without a currency the number is meaningless.
            known.pop("cost", None)
        return cls(**known, unknown=unknown)


def as_json(value: object) -> object:
    """Return a value fit for JSON."""
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, EndReason) else value


_READERS: Readers = {
    "started": timestamp,
    "ended": timestamp,
    "energy": number,
    "cost": number,
    "currency": text,
    "who": text,
    "ended_by": lambda value: EndReason(one_of(*EndReason)(value)),
}
