"""What the energy of a session costs, at the price of the time it was used. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Self

from ..stored import Readers, flag, number, text, whole


class Price(NamedTuple):
    """What a kWh costs now. A fixed price holds for what was used before, too."""

    amount: float
    currency: str
    fixed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionCost:
    """The cost of the first `priced` kWh, None where it is not known what they were.

    Energy that comes while no price is known waits for the next one. `partial`: some of it
    has no price for good.
    """

    cost: float = 0.0
    currency: str | None = None
    priced: float | None = 0.0
    partial: bool = False
    #: What a newer version has stored with it.
    unknown: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def total(self, energy: float | None) -> float | None:
        """Return what `energy`, all of the session, costs; None where nobody knows."""
        if self.partial or self.currency is None or energy is None or energy != self.priced:
            return None
        return self.cost

    def to_storage(self) -> dict[str, Any]:
        """Return what `from_storage` takes, fit for JSON."""
        return {**self.unknown, **{name: getattr(self, name) for name in _READERS}}

    @classmethod
    def from_storage(cls, data: Any) -> Self:
        """Return what `to_storage` was made of.

        Raises:
            DamagedError: some of it cannot be read; the rest would be a wrong sum.

        """
        known, unknown = whole(data, _READERS, nullable=("currency", "priced"))
        return cls(**known, unknown=unknown)


_READERS: Readers = {"cost": number, "currency": text, "priced": number, "partial": flag}


def charged(
    session_cost: SessionCost, energy: float | None, price: Price | None
) -> tuple[SessionCost, float]:
    """Return the bill of `energy`, all of the session, and what was added to its cost."""
    if energy is None:
        return session_cost, 0.0
    if session_cost.priced is None:
        # The session was there before us: what it had used then, nobody can price.
        known = price is not None and price.fixed
        session_cost = replace(
            session_cost, priced=0.0 if known else energy, partial=not known and energy > 0
        )
    if price is None or session_cost.priced is None:
        return session_cost, 0.0
    added = (energy - session_cost.priced) * price.amount
    return replace(
        session_cost,
        cost=session_cost.cost + added,
        currency=price.currency,
        priced=energy,
        partial=session_cost.partial or session_cost.currency not in (None, price.currency),
    ), added


def unpriced(session_cost: SessionCost, energy: float | None) -> SessionCost:
    """Return the bill of `energy` where the user has named no price."""
    if energy is None or energy == session_cost.priced:
        return session_cost
    return replace(session_cost, priced=energy, partial=True)
