"""What a kWh costs: a fixed price, or an entity that knows it."""

from collections.abc import Callable, Mapping
import logging
import math
import re
from typing import Any, Final, NamedTuple

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import (
    ATTR_UNIT_OF_MEASUREMENT,
    STATE_UNAVAILABLE,
    STATE_UNKNOWN,
    Platform,
)
from homeassistant.core import (
    CALLBACK_TYPE,
    Event,
    EventStateChangedData,
    HomeAssistant,
    State,
    callback,
)
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.event import (
    async_track_entity_registry_updated_event,
    async_track_state_change_event,
)

from .chargepoint.bill import Price
from .const import CONF_FIXED_PRICE, CONF_PRICE_ENTITY

_LOGGER = logging.getLogger(__name__)

#: What may know a price.
PRICE_DOMAINS: Final = (Platform.SENSOR, Platform.NUMBER, "input_number")

#: How many kWh the energy in a unit is.
_ENERGY: Final = {"wh": 0.001, "kwh": 1.0, "mwh": 1000.0, "gwh": 1_000_000.0}
_SYMBOLS: Final = {"€": "EUR", "£": "GBP", "zł": "PLN", "kč": "CZK", "₺": "TRY", "₹": "INR"}
#: What may stand for the currency of Home Assistant, and for which ones.
_AMBIGUOUS: Final = {
    "kr": ("NOK", "SEK", "DKK", "ISK"),
    "$": ("USD", "CAD", "AUD", "NZD", "SGD", "HKD", "MXN"),
    "fr": ("CHF",),
}
#: The hundredths, and of which currencies they are.
_HUNDREDTHS: Final = {
    "øre": ("NOK", "DKK"),
    "öre": ("SEK",),
    "ore": ("NOK", "DKK", "SEK"),
    "ct": ("EUR",),
    "cent": ("EUR", "USD", "CAD", "AUD", "NZD"),
    "cents": ("EUR", "USD", "CAD", "AUD", "NZD"),
    "c": ("EUR", "USD", "CAD", "AUD", "NZD"),
    "¢": ("USD", "CAD", "AUD", "NZD"),
    "snt": ("EUR",),
    "p": ("GBP",),
    "gr": ("PLN",),
    "rp": ("CHF",),
}


class PriceUnit(NamedTuple):
    """The unit of a price: how much of `currency` for a kWh one of it is."""

    factor: float
    currency: str


def price_unit(unit: str | None, home_currency: str) -> PriceUnit | None:
    """Return what a unit such as `EUR/kWh`, `EUR/MWh` or `øre/kWh` means, None for others.

    A word that several currencies share stands for the one of Home Assistant.
    """
    money, slash, energy = (unit or "").replace(" ", "").partition("/")
    divisor = _ENERGY.get(energy.lower())
    if not slash or divisor is None:
        return None
    word = money.lower()
    if word in _HUNDREDTHS:
        currency = _one_of(_HUNDREDTHS[word], home_currency)
        return None if currency is None else PriceUnit(0.01 / divisor, currency)
    currency = _SYMBOLS.get(word)
    if word in _AMBIGUOUS:
        currency = _one_of(_AMBIGUOUS[word], home_currency)
    elif re.fullmatch(r"[A-Z]{3}", money):
        currency = money
    return None if currency is None else PriceUnit(1 / divisor, currency)


def _one_of(currencies: tuple[str, ...], home_currency: str) -> str | None:
    """Return which of `currencies` is meant, None where that is open."""
    if home_currency in currencies:
        return home_currency
    return currencies[0] if len(currencies) == 1 else None


@callback
def async_follow_price(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Go on with the entity of the price where the user gives it another id."""
    entity_id: str | None = entry.options.get(CONF_PRICE_ENTITY)
    if entity_id is None:
        return

    @callback
    def handle(event: Event[er.EventEntityRegistryUpdatedData]) -> None:
        if event.data["action"] == "update" and event.data["entity_id"] != entity_id:
            options = {**entry.options, CONF_PRICE_ENTITY: event.data["entity_id"]}
            hass.config_entries.async_update_entry(entry, options=options)
            hass.config_entries.async_schedule_reload(entry.entry_id)

    entry.async_on_unload(async_track_entity_registry_updated_event(hass, entity_id, handle))


class PriceSource:
    """The price of the options of an entry."""

    def __init__(self, hass: HomeAssistant, options: Mapping[str, Any]) -> None:
        """Read the options; there need not be a price in them."""
        self._hass = hass
        self._entity_id: str | None = options.get(CONF_PRICE_ENTITY)
        self._fixed: float | None = options.get(CONF_FIXED_PRICE)
        self._refused: str | None = None

    @property
    def is_named(self) -> bool:
        """Whether the user has named a price, which may not be known right now."""
        return self._entity_id is not None or self._fixed is not None

    @property
    def can_be_counted_with(self) -> bool:
        """Whether the unit of the entity, as far as that is there, is a price of energy."""
        state = None if self._entity_id is None else self._hass.states.get(self._entity_id)
        if state is None or ATTR_UNIT_OF_MEASUREMENT not in state.attributes:
            # It may come later; until then there is no price, unless it never has a unit.
            return state is None or state.state in (STATE_UNAVAILABLE, STATE_UNKNOWN)
        return self._unit(state) is not None

    @property
    def price(self) -> Price | None:
        """What a kWh costs now, None where that is not known."""
        if self._entity_id is None:
            if self._fixed is None:
                return None
            return Price(self._fixed, self._hass.config.currency, fixed=True)
        state = self._hass.states.get(self._entity_id)
        return None if state is None else self._read(state)

    def async_track(self, changed: Callable[[], None]) -> CALLBACK_TYPE:
        """Call `changed` when the price may be another one; returns how to stop that."""
        if self._entity_id is None:
            return lambda: None

        @callback
        def handle(_: Event[EventStateChangedData]) -> None:
            changed()

        return async_track_state_change_event(self._hass, self._entity_id, handle)

    def _read(self, state: State) -> Price | None:
        try:
            amount = float(state.state)
        except ValueError:
            return None
        if not math.isfinite(amount):
            return None
        unit = self._unit(state)
        if unit is None:
            self._refuse(str(state.attributes.get(ATTR_UNIT_OF_MEASUREMENT)))
            return None
        return Price(amount * unit.factor, unit.currency)

    def _unit(self, state: State) -> PriceUnit | None:
        text = state.attributes.get(ATTR_UNIT_OF_MEASUREMENT)
        return price_unit(text, self._hass.config.currency)

    def _refuse(self, unit: str) -> None:
        """Say once that a price has a unit that nobody can count with."""
        if unit != self._refused:
            self._refused = unit
            _LOGGER.warning(
                "The unit %r of %s is not a price of energy, such as EUR/kWh",
                unit,
                self._entity_id,
            )
