"""The cost of charging, and the module that reports it."""

from typing import Any, override

from . import messages
from .companions import Companion
from .evse import Evse

_CURRENCY = {"code": "EUR", "decimals": 2}
_STATUS_AFTER = {
    "TransactionStarted": "Running",
    "ChargingStarted": "Running",
    "ChargingResumed": "Running",
    "ChargingPausedEV": "Idle",
    "ChargingPausedEVSE": "Idle",
    "TransactionFinished": "Finished",
}


def cents(amount: float) -> dict[str, int]:
    """Return an amount of money; the currency defines the number of decimals."""
    return {"value": round(amount * 100)}


class SessionCosts(Companion):
    """Reports the cost of each session, the tariff and the default price."""

    KIND = "session_cost_consumer"
    VARIABLES = ("default_price", "session_cost", "tariff_message")

    @override
    def connect(self) -> None:
        """Start without any costs."""
        self._status = "Running"

    @override
    def introduce(self) -> None:
        """Report the current price, if the release supports that."""
        if self.station.dialect.failures:
            self.publish("default_price", {"messages": [self._price()]})

    @override
    def handle_event(self, evse: Evse, event: str) -> None:
        """Report the costs after an event that changes them."""
        session = evse.voice.session
        if event == "TransactionStarted" and session:
            tariff = {
                "messages": [self._price()],
                "identifier_id": session.uuid,
                "identifier_type": "SessionId",
            }
            self.publish("tariff_message", tariff)
        if event in _STATUS_AFTER:
            self._status = _STATUS_AFTER[event]
            self.publish_cost(evse)

    def publish_cost(self, evse: Evse, total: float | None = None) -> bool:
        """Report the cost of a session, or the given one; without a session there is none."""
        session = evse.voice.session
        if session is None or not session.transaction_started:
            return False
        until = evse.connector.lifetime
        price = self.station.site.price
        if total is None:
            total = (until - session.cost_from) * price
        chunk = {
            "category": "Energy",
            "cost": cents(total),
            "metervalue_from": int(session.cost_from * 1000),
            "metervalue_to": int(until * 1000),
            "timestamp_from": session.transaction_started,
            "timestamp_to": messages.now(),
        }
        cost: dict[str, Any] = {
            "charging_price": [
                {
                    "category": "Energy",
                    "price": {"currency": _CURRENCY, "value": cents(price)},
                }
            ],
            "cost_chunks": [chunk],
            "currency": _CURRENCY,
            "session_id": session.uuid,
            "status": self._status,
        }
        if session.token:
            cost["id_tag"] = session.token
        self.publish("session_cost", cost)
        return True

    def _price(self) -> dict[str, str]:
        price = self.station.site.price
        return {"content": f"{price:.2f} EUR/kWh", "format": "UTF8", "language": "en"}
