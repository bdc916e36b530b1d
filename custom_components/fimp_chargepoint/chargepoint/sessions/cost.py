"""The cost of a session's energy, at the price when it was used. Pure."""

from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple, Self, override

from ..stored import Readers, Stored, flag, number, text, whole


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
