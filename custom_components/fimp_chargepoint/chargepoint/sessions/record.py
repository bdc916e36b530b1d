"""The record of a session that has ended, and the cost of its energy. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar, NamedTuple, Self, override

from ..session import EndReason
from ..stored import (
    DamagedError,
    Readers,
    Stored,
    fields,
    flag,
    number,
    one_of,
    text,
    timestamp,
    whole,
)

#: Further digits are noise.
_ENERGY_DIGITS = 3
_COST_DIGITS = 4


def end_reason(value: object) -> EndReason:
    """Read why a session ended."""
    return EndReason(one_of(*EndReason)(value))


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRecord(Stored):
    """A finished session: energy in kWh, `cost` in `currency`.

    It begins when the car is plugged in, and ends when charging is over or the car leaves. `who` is
    the end of the token that was used, else the id of the car.
    """

    READERS: ClassVar[Readers] = {
        "started": timestamp,
        "ended": timestamp,
        "energy": number,
        "cost": number,
        "currency": text,
        "who": text,
        "ended_by": end_reason,
    }

    started: datetime | None = None
    ended: datetime | None = None
    energy: float | None = None
    cost: float | None = None
    currency: str | None = None
    who: str | None = None
    ended_by: EndReason | None = None

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
            **self.known_fields(),
            "duration": self.duration,
            "average_power": self.average_power,
        }
        return {name: value for name, value in values.items() if value is not None}

    @override
    @classmethod
    def from_storage(cls, data: object) -> Self:
        known, unknown = fields(data, cls.READERS)
        if not known:
            raise DamagedError("nothing is known of it")
        if "currency" not in known:
            # Without a currency the number is meaningless.
            known.pop("cost", None)
        return cls(**known, unknown=unknown)


class Price(NamedTuple):
    """The price of a kWh now. A `fixed` one also applies to energy used before."""

    amount: float
    currency: str
    fixed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionCost(Stored):
    """The cost of a session's first `priced` kWh, None if their number is unknown.

    Energy used while the price is unknown gets the next known price. `partial` means that some
    energy will never have a price.
    """

    READERS: ClassVar[Readers] = {
        "cost": number,
        "currency": text,
        "priced": number,
        "partial": flag,
    }

    cost: float = 0.0
    currency: str | None = None
    priced: float | None = 0.0
    partial: bool = False

    def total(self, energy: float | None) -> float | None:
        """Return the cost of `energy`, all of the session, None if it is unknown."""
        if self.partial or self.currency is None or energy is None or energy != self.priced:
            return None
        return self.cost

    def charged(self, energy: float | None, price: Price | None) -> Self:
        """Return the cost of `energy`, all of the session, if the new part costs `price`."""
        if energy is None:
            return self
        priced, partial = self.priced, self.partial
        if priced is None:
            # The session was already running, and only a fixed price covers what it had used.
            covered = price is not None and price.fixed
            priced, partial = 0.0 if covered else energy, not covered and energy > 0
        if price is None:
            return replace(self, priced=priced, partial=partial)
        return replace(
            self,
            cost=self.cost + (energy - priced) * price.amount,
            currency=price.currency,
            priced=energy,
            partial=partial or self.currency not in (None, price.currency),
        )

    def unpriced(self, energy: float | None) -> Self:
        """Return the cost of `energy`, all of the session, if no price will follow."""
        if energy is None or energy == self.priced:
            return self
        return replace(self, priced=energy, partial=True)

    @override
    @classmethod
    def from_storage(cls, data: object) -> Self:
        # If any of it cannot be read, the sum would be wrong.
        known, unknown = whole(data, cls.READERS, nullable=("currency", "priced"))
        return cls(**known, unknown=unknown)
