"""The modules beside those of the EVSEs: errors, limits, tokens and costs.

EVerest API v1; costs since 2025.12. No message reveals which EVSE such a module belongs to (see
`module_assignment`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Final, override

from ...commands.replies import PendingReplies
from ...errors import ChargepointError, InvalidRequestError
from ...model import Cost, Session
from ...node import NodeHost, Request
from ...options import Token
from ...readers import JsonObject, number, objects, part, text, timestamp
from ...scheduler import Timers
from ...watchdog import Inquiry
from .. import limits
from ..envelope import error_name, mapping
from ..limits import Limits
from .module import ApiModule, Kind, Signature


class CompanionModule(ApiModule):
    """A module that belongs to one or more EVSEs, which listen to it."""

    KIND: ClassVar[Kind]
    SIGNATURE: ClassVar[Signature] = {}

    def __init__(self, host: NodeHost, prefix: str, module_id: str) -> None:
        """Address a module below a topic prefix."""
        super().__init__(host, prefix, self.KIND, module_id)
        self._listeners: dict[Callable[..., None], None] = {}

    @property
    def module(self) -> ApiModule:
        """Return the module itself, as for a node."""
        return self

    def add_listener(self, listener: Callable[..., None]) -> None:
        """Call `listener` with what the module reports."""
        self._listeners[listener] = None

    def remove_listener(self, listener: Callable[..., None]) -> None:
        """Stop calling `listener`."""
        self._listeners.pop(listener, None)

    def _notify(self, *what: object) -> None:
        self.host.internal_errors.notify(self._listeners, *what)

    def found(self, heartbeat_period: float | None, now: float) -> None:
        """Take the reply to a discovery, with the seconds between two heartbeats if known."""
        if heartbeat_period is not None:
            self.heartbeats.set_interval(heartbeat_period)
        self.received_at = now

    def handle_message(self, variable: str, value: object, now: float) -> None:
        """Take the value of a variable."""
        self.received(variable, value, now)


#: Errors that are kept; a station has a handful.
_ERRORS_MAX: Final = 100
#: Seconds after which the errors are requested again if no list came: the first request may have
#: come before the module was ready.
_ASK_AGAIN: Final = 3.0


class ErrorHistory(CompanionModule):
    """Reports the names of all active errors of the station: `listener(names, now)`.

    Source: error_history_consumer. An error names a driver, not an EVSE.
    """

    KIND = Kind.ERRORS
    SIGNATURE: ClassVar = {"error_raised": ("uuid", object), "error_cleared": ("uuid", object)}

    def __init__(self, host: NodeHost, prefix: str, module_id: str) -> None:
        """Start without any error."""
        super().__init__(host, prefix, module_id)
        self._active: dict[str, str] = {}
        timers = Timers(host.scheduler, self)
        self._inquiry = Inquiry(timers, "errors", self._ask, (_ASK_AGAIN,), gave_up=self._ask_again)
        #: Whether an error was raised or cleared since the list was requested.
        self._is_outdated = False
        #: Whether the station has sent the list.
        self.known = False

    @property
    def names(self) -> frozenset[str]:
        """The names of all active errors."""
        return frozenset(self._active.values())

    def forget(self) -> None:
        """Forget what was reported before a gap or a restart."""
        self._active.clear()
        self.known = False
        self.clear()

    def request_list(self, now: float) -> None:
        """Request the active errors, twice if necessary."""
        self._inquiry.start(now)

    def _ask(self, _: float) -> None:
        self._is_outdated = False
        self.ask("active_errors")

    def _ask_again(self, now: float) -> None:
        if not self.known:
            self._ask(now)

    async def past(self, replies: PendingReplies) -> list[JsonObject] | None:
        """Return the newest errors, including those that are over; None without a reply."""
        try:
            # A filter that is left out lets everything pass.
            reply = await replies.ask(self.request("get_errors", {}, to=replies))
        except ChargepointError:
            return None
        found = objects(reply.get("errors")) if isinstance(reply, dict) else []
        return sorted(found, key=lambda error: str(error.get("timestamp")))[-_ERRORS_MAX:]

    @override
    def handle_message(self, variable: str, value: object, now: float) -> None:
        super().handle_message(variable, value, now)
        if variable not in self.SIGNATURE:
            return
        error = mapping(value)
        uuid, name = text(error.get("uuid")), error_name(error)
        if uuid is None:
            return
        self._is_outdated = True
        if variable == "error_cleared":
            self._active.pop(uuid, None)
        elif name is not None and len(self._active) < _ERRORS_MAX:
            self._active[uuid] = name
        self._notify(self.names, now)

    @override
    def answered(self, request_id: str, operation: str, value: object, now: float) -> None:
        errors = mapping(value).get("errors")
        if not isinstance(errors, list):
            return
        if self._is_outdated:
            # The list may be older than that.
            self._ask(now)
            return
        self._active = {
            uuid: name
            for error in objects(errors, _ERRORS_MAX)
            if (uuid := text(error.get("uuid"))) and (name := error_name(error))
        }
        self.known = True
        self._notify(self.names, now)


class EnergyLimits(CompanionModule):
    """Takes our limits. Source: external_energy_limits_consumer."""

    KIND = Kind.LIMITS
    SIGNATURE: ClassVar = {
        "capabilities": ("nominal_voltage_V", object),
        "enforced_limits": ("limits_root_side", object),
    }

    def limits_request(self, requested: Limits) -> Request:
        """Return the message that replaces our former limits; it has no reply."""
        clock = self.host.clock
        value = limits.command(requested, clock.to_datetime(clock.now()), self.id)
        return self.message("set_external_limits", value)


#: The types that EVerest knows; any other one may terminate it.
TOKEN_TYPES: Final = frozenset(
    {
        "Central",
        "eMAID",
        "MacAddress",
        "ISO14443",
        "ISO15693",
        "KeyCode",
        "Local",
        "NoAuthorization",
    }
)
_TOKEN_MAX: Final = 36


def check_option(value: str, options: frozenset[str]) -> None:
    """Raise InvalidRequestError if `value` is not one of the `options`."""
    if value not in options:
        raise InvalidRequestError("unknown_option", value=value, options=sorted(options))


def provided_token(token: Token, evse: int | None = None, kind: str = "RFID") -> dict[str, object]:
    """Return the object that presents `token` to the EVSE with that number, or to any.

    Raises:
        InvalidRequestError: for a token that may terminate EVerest.

    """
    if not 0 < len(token.value.encode()) <= _TOKEN_MAX or not token.value.isprintable():
        raise InvalidRequestError("invalid_token", maximum=_TOKEN_MAX)
    check_option(token.kind, TOKEN_TYPES)
    found: dict[str, object] = {
        "id_token": {"value": token.value, "type": token.kind},
        "authorization_type": kind,
    }
    return found if evse is None else found | {"connectors": [evse]}


class TokenProvider(CompanionModule):
    """A card reader that we present a token to. Source: auth_token_provider."""

    KIND = Kind.TOKENS


class Authorization(CompanionModule):
    """Reports the station's decision about a token: `listener(token, status)`.

    Source: auth_consumer.
    """

    KIND = Kind.AUTHORIZATION
    SIGNATURE: ClassVar = {"token_validation_status": ("token", object)}

    @override
    def handle_message(self, variable: str, value: object, now: float) -> None:
        super().handle_message(variable, value, now)
        if variable != "token_validation_status":
            return
        decision = mapping(value)
        token = text(part(part(decision, "token"), "id_token").get("value"))
        status = text(decision.get("status"))
        if token is not None and status is not None:
            self._notify(token, status)


class SessionCosts(CompanionModule):
    """Reports what a session costs: `listener(cost, now)`. Source: session_cost_consumer."""

    KIND = Kind.COSTS
    SIGNATURE: ClassVar = {
        "session_cost": ("currency", object),
        "tariff_message": ("messages", object),
        "default_price": ("messages", object),
    }

    @override
    def handle_message(self, variable: str, value: object, now: float) -> None:
        super().handle_message(variable, value, now)
        if variable == "session_cost":
            self._notify(parse_cost(mapping(value)), now)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanionModules:
    """The modules that belong to one EVSE, as far as that is known.

    `shared` is whether they may belong to other EVSEs as well.
    """

    errors: ErrorHistory | None = None
    limits: EnergyLimits | None = None
    tokens: TokenProvider | None = None
    authorization: Authorization | None = None
    costs: SessionCosts | None = None
    shared: bool = False


#: The field of `CompanionModules` and the class for each kind.
COMPANIONS: Final[dict[Kind, tuple[str, type[CompanionModule]]]] = {
    Kind.ERRORS: ("errors", ErrorHistory),
    Kind.LIMITS: ("limits", EnergyLimits),
    Kind.TOKENS: ("tokens", TokenProvider),
    Kind.AUTHORIZATION: ("authorization", Authorization),
    Kind.COSTS: ("costs", SessionCosts),
}


# The cost of a session, as calculated by the station: pure ------------------------------

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
