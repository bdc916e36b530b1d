"""Cards and other tokens, and their use."""

from collections.abc import Callable, Iterable
from typing import Any

from .evse import Evse
from .framework import Station
from .requests import integer

_VALIDATION_SECONDS = 0.25
_USE_SECONDS = 0.05
_NEW_STATUSES = ("UsedToStart", "UsedToStop", "Withdrawn")


class Cards:
    """Handles cards for the whole station."""

    def __init__(self, station: Station) -> None:
        """Start for all EVSEs."""
        self.publishers: list[Callable[[str, object], None]] = []
        """Who publishes what becomes of cards."""
        self._station = station

    async def show(self, card: dict[str, Any], evses: Iterable[Evse]) -> bool:
        """Present a card to a reader; return whether it had an effect."""
        self.publish_status(card, "Processing")
        requested = card.get("connectors")
        # A plugged car that waits comes first, then one that this card has started.
        order = sorted(
            (evse for evse in evses if not requested or evse.number in requested),
            key=lambda evse: evse.voice.state != "AuthRequired",
        )
        for evse in order:
            if evse.course.wants(card):
                return await self._begin(card, evse)
            if evse.course.ends(card):
                evse.course.stop_transaction("Local")
                self.publish_status({**card, "connectors": [evse.number]}, "UsedToStop")
                return True
        self.publish_status(card, "Rejected")
        return False

    async def _begin(self, card: dict[str, Any], evse: Evse) -> bool:
        if not card.get("prevalidated"):
            await self._station.sleep(_VALIDATION_SECONDS)
        if not evse.course.wants(card):
            self.publish_status(card, "Rejected")
            return False
        self.publish_status(card, "Accepted")
        evse.course.authorize(card)
        await self._station.sleep(_USE_SECONDS)
        self.publish_status({**card, "connectors": [evse.number]}, "UsedToStart")
        return True

    def publish_status(self, card: dict[str, Any], status: str) -> None:
        """Report the result for a card; older releases have fewer terms for it."""
        if status in _NEW_STATUSES and not self._station.dialect.used:
            return
        for publish in self.publishers:
            value = {"messages": [], "status": status, "token": card}
            publish("token_validation_status", value)

    def withdraw(self, requested: dict[str, Any]) -> str:
        """Withdraw an authorization that has not been used yet."""
        evses: list[Evse] = list(self._station.points.values())
        if "evse_id" in requested:
            number = integer(requested["evse_id"])
            evses = [evse for evse in evses if evse.number == number]
            if not evses:
                return "EvseNotFound"
        number_on_card = requested.get("id_token")
        for evse in evses:
            card = evse.course.unused
            if card and number_on_card in (None, card["id_token"]):
                evse.course.deauthorize()
                self.publish_status(card, "Withdrawn")
                return "Accepted"
        return "AuthorizationNotFound"
