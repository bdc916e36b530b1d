"""Cards and other tokens: what they are good for, and the modules that bring and tell it."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, override

from .requests import MalformedError, fields, integer
from .sisters import Sister
from .vocabulary import id_token, token

if TYPE_CHECKING:
    from .evse import Evse
    from .station import EverestSimulator

_VALIDATION_SECONDS = 0.25
_USE_SECONDS = 0.05
_TIMEOUT_SECONDS = (10, 300)
_NEW_STATUSES = ("UsedToStart", "UsedToStop", "Withdrawn")


class Cards:
    """Decides for the whole station what becomes of a card."""

    def __init__(self, station: EverestSimulator) -> None:
        """Decide for all EVSEs."""
        self._station = station

    async def show(self, card: dict[str, Any], evses: Iterable[Evse]) -> bool:
        """Hold a card to a reader; tells whether it was good for anything."""
        self.tell(card, "Processing")
        wanted = card.get("connectors")
        # A plugged car that waits comes first, then one that this card has started.
        order = sorted(
            (evse for evse in evses if not wanted or evse.number in wanted),
            key=lambda evse: evse.voice.state != "AuthRequired",
        )
        for evse in order:
            if evse.course.wants(card):
                return await self._begin(card, evse)
            if evse.course.ends(card):
                evse.course.stop_transaction("Local")
                self.tell({**card, "connectors": [evse.number]}, "UsedToStop")
                return True
        self.tell(card, "Rejected")
        return False

    async def _begin(self, card: dict[str, Any], evse: Evse) -> bool:
        if not card.get("prevalidated"):
            await self._station.sleep(_VALIDATION_SECONDS)
        if not evse.course.wants(card):
            self.tell(card, "Rejected")
            return False
        self.tell(card, "Accepted")
        evse.course.authorize(card)
        await self._station.sleep(_USE_SECONDS)
        self.tell({**card, "connectors": [evse.number]}, "UsedToStart")
        return True

    def tell(self, card: dict[str, Any], status: str) -> None:
        """Tell what has become of a card; older releases have fewer words for it."""
        if status in _NEW_STATUSES and not self._station.dialect.used:
            return
        for sister in self._station.sisters:
            if isinstance(sister, Authorizer):
                value = {"messages": [], "status": status, "token": card}
                sister.publish("token_validation_status", value)

    def withdraw(self, wanted: dict[str, Any]) -> str:
        """Take an authorisation back that has not been used yet."""
        evses = list(self._station.points.values())
        if "evse_id" in wanted:
            number = integer(wanted["evse_id"])
            evses = [evse for evse in evses if evse.number == number]
            if not evses:
                return "EvseNotFound"
        number_on_card = wanted.get("id_token")
        for evse in evses:
            card = evse.course.unused
            if card and number_on_card in (None, card["id_token"]):
                evse.course.deauthorize()
                self.tell(card, "Withdrawn")
                return "Accepted"
        return "AuthorizationNotFound"


class Authorizer(Sister):
    """Tells what becomes of cards, and takes authorisations back."""

    KIND = "auth_consumer"
    VARIABLES = ("token_validation_status",)

    @override
    def connect(self) -> None:
        """Take what can be asked."""
        self.requests["withdraw_authorization"] = self._withdraw
        if self.station.dialect.page:
            self.orders["set_connection_timeout"] = _set_timeout

    def _withdraw(self, body: Any) -> str:
        wanted = fields(body)
        if "id_token" in wanted:
            id_token(wanted["id_token"])
        return self.station.cards.withdraw(wanted)


class Tokens(Sister):
    """Takes cards that are held to a reader somewhere else."""

    KIND = "auth_token_provider"

    @override
    def connect(self) -> None:
        """Take cards."""
        self.orders["provided_token"] = self._provide

    def _provide(self, body: Any) -> None:
        card = token(body)
        station = self.station

        async def show() -> None:
            await station.cards.show(card, station.points.values())

        station.spawn(show())


def _set_timeout(value: Any) -> None:
    """Take a timeout, or by the same topic the group of master cards."""
    least, most = _TIMEOUT_SECONDS
    if not isinstance(value, str) and not least <= integer(value) <= most:
        raise MalformedError("there is no such timeout")
