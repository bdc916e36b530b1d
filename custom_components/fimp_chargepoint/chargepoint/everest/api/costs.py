"""What a session costs, by the account of the station.

EVerest API v1, session_cost_consumer, since 2025.12.
"""

from typing import Final

from ...model import Cost, Session
from ...readers import JsonObject, number, objects, part, text, timestamp

#: Decimals of a currency that names none, and the most that are believed.
_DECIMALS: Final = 2
_DECIMALS_MAX: Final = 6


def parse_cost(value: JsonObject) -> Cost:
    """Return what `session_cost` says; amounts come in the smallest coin there is."""
    currency = part(value, "currency")
    coin = _coin(currency)
    by_category: dict[str, float] = {}
    ended = None
    for chunk in objects(value.get("cost_chunks")):
        amount = number(part(chunk, "cost").get("value"))
        if amount is not None:
            category = text(chunk.get("category")) or "Other"
            by_category[category] = by_category.get(category, 0.0) + amount * coin
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
    """Whether a cost is of `session`, as far as that can be told.

    Who asks for money may call the session by another name than who charges.
    """
    if cost.session_id is not None and cost.session_id == session.id:
        return True
    if cost.until is not None and session.started is not None:
        return cost.until >= session.started
    return True


def _prices(components: object) -> dict[str, float]:
    """Return the price of each category, in its currency's usual unit."""
    found = {}
    for component in objects(components):
        price = part(component, "price")
        amount = number(part(price, "value").get("value"))
        if amount is not None:
            category = text(component.get("category")) or "Other"
            found[category] = _rounded(amount * _coin(part(price, "currency")))
    return found


def _coin(currency: JsonObject) -> float:
    """Return what the smallest coin is worth."""
    decimals = currency.get("decimals")
    if type(decimals) is not int or not 0 <= decimals <= _DECIMALS_MAX:
        decimals = _DECIMALS
    return float(10**-decimals)


def _rounded(amount: float) -> float:
    """Return an amount without the noise of binary fractions."""
    return round(amount, _DECIMALS_MAX)
