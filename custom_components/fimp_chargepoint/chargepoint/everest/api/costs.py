"""Reads the cost of a session, as calculated by the station. Pure.

EVerest API v1, session_cost_consumer, since 2025.12.
"""

from typing import Final

from ...model import Cost, Session
from ...readers import JsonObject, number, objects, part, text, timestamp

#: Decimals of a currency that reports none, and the most that are accepted.
_DECIMALS: Final = 2
_DECIMALS_MAX: Final = 6


def parse_cost(value: JsonObject) -> Cost:
    """Return the cost in `session_cost`, which counts in the smallest unit of the currency."""
    currency = part(value, "currency")
    smallest_unit = _smallest_unit(currency)
    by_category: dict[str, float] = {}
    ended = None
    for chunk in objects(value.get("cost_chunks")):
        amount = number(part(chunk, "cost").get("value"))
        if amount is not None:
            category = text(chunk.get("category")) or "Other"
            by_category[category] = by_category.get(category, 0.0) + amount * smallest_unit
        ended = timestamp(chunk.get("timestamp_to")) or ended
    total = sum(by_category.values()) if by_category else None
    return Cost(
        total=None if total is None else _rounded(total),
        currency=text(currency.get("code")),
        status=text(value.get("status")),
        parts={category: _rounded(amount) for category, amount in by_category.items()},
        prices=_prices(value.get("charging_price")),
        session_id=text(value.get("session_id")),
        until=ended,
    )


def is_of(cost: Cost, session: Session) -> bool:
    """Whether a cost may belong to `session`.

    The module that calculates the cost may give the session another id than the EVSE does.
    """
    if cost.session_id is not None and cost.session_id == session.id:
        return True
    if cost.until is not None and session.started is not None:
        return cost.until >= session.started
    return True


def _prices(components: object) -> dict[str, float]:
    """Return the price of each category, in the main unit of its currency."""
    found = {}
    for component in objects(components):
        price = part(component, "price")
        amount = number(part(price, "value").get("value"))
        if amount is not None:
            category = text(component.get("category")) or "Other"
            found[category] = _rounded(amount * _smallest_unit(part(price, "currency")))
    return found


def _smallest_unit(currency: JsonObject) -> float:
    """Return the smallest unit of a currency, in its main unit."""
    decimals = currency.get("decimals")
    if type(decimals) is not int or not 0 <= decimals <= _DECIMALS_MAX:
        decimals = _DECIMALS
    return float(10**-decimals)


def _rounded(amount: float) -> float:
    """Return an amount without binary rounding errors."""
    return round(amount, _DECIMALS_MAX)
