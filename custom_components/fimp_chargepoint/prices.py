"""The price of a kWh: a fixed one, or that of an entity."""

from collections.abc import Callable
import logging
import math
from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import (
    ATTR_UNIT_OF_MEASUREMENT,
    CURRENCY_DOLLAR,
    CURRENCY_EURO,
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

from .chargepoint.sessions import Price
from .const import CONF_FIXED_PRICE, CONF_PRICE_ENTITY, Fields

_LOGGER = logging.getLogger(__name__)

#: The domains of entities that can have a price.
PRICE_DOMAINS: Final = (Platform.SENSOR, Platform.NUMBER, "input_number")

#: How many kWh the energy in a unit is.
_ENERGY: Final = {"wh": 0.001, "kwh": 1.0, "mwh": 1000.0, "gwh": 1_000_000.0}


def price_factor(unit: str | None, currency: str) -> float | None:
    """Return the price of a kWh in `currency` if the price in a unit such as `EUR/MWh` is 1.

    None if the unit is not a price in that currency. Names such as cent or øre are not
    accepted: a wrong guess would be wrong by a factor of 100.
    """
    money, _, energy = (unit or "").replace(" ", "").partition("/")
    kwh = _ENERGY.get(energy.lower())
    return None if kwh is None or not _is_in(money, currency) else 1 / kwh


def _is_in(money: str, currency: str) -> bool:
    """Return whether `money` is the code of a currency, or Home Assistant's sign for it."""
    return (
        money.upper() == currency
        or (money == CURRENCY_EURO and currency == "EUR")
        or (money == CURRENCY_DOLLAR and currency.endswith("D"))
    )


@callback
def async_follow_price(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Follow the entity of the price if the user renames it."""
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

    def __init__(self, hass: HomeAssistant, options: Fields) -> None:
        """Read the options, which need not have a price."""
        self._hass = hass
        self._entity_id: str | None = options.get(CONF_PRICE_ENTITY)
        self._fixed: float | None = options.get(CONF_FIXED_PRICE)
        self._warned_of: str | None = None

    @property
    def is_named(self) -> bool:
        """Whether the user has set a price, which may not be known right now."""
        return self._entity_id is not None or self._fixed is not None

    @property
    def can_be_counted_with(self) -> bool:
        """Whether the unit of the entity is a price of energy, as far as is known."""
        state = None if self._entity_id is None else self._hass.states.get(self._entity_id)
        if state is None or ATTR_UNIT_OF_MEASUREMENT not in state.attributes:
            # It may come later; until then there is no price, unless it never has a unit.
            return state is None or state.state in (STATE_UNAVAILABLE, STATE_UNKNOWN)
        return self._factor(state) is not None

    @property
    def price(self) -> Price | None:
        """The price of a kWh now, None if it is not known."""
        if self._entity_id is None:
            if self._fixed is None:
                return None
            return Price(self._fixed, self._hass.config.currency, fixed=True)
        state = self._hass.states.get(self._entity_id)
        return None if state is None else self._read(state)

    def async_track(self, changed: Callable[[], None]) -> CALLBACK_TYPE:
        """Call `changed` when the price may have changed; returns how to stop that."""
        if self._entity_id is None:
            return lambda: None

        @callback
        def handle(_: Event[EventStateChangedData]) -> None:
            changed()

        return async_track_state_change_event(self._hass, self._entity_id, handle)

    def _read(self, state: State) -> Price | None:
        factor = self._factor(state)
        if factor is None:
            if state.state not in (STATE_UNAVAILABLE, STATE_UNKNOWN):
                self._warn_of(str(state.attributes.get(ATTR_UNIT_OF_MEASUREMENT)))
            return None
        try:
            amount = float(state.state)
        except ValueError:
            return None
        currency = self._hass.config.currency
        return Price(amount * factor, currency) if math.isfinite(amount) else None

    def _factor(self, state: State) -> float | None:
        unit = state.attributes.get(ATTR_UNIT_OF_MEASUREMENT)
        return price_factor(unit, self._hass.config.currency)

    def _warn_of(self, unit: str) -> None:
        """Log once that a unit is not a price of energy."""
        if unit != self._warned_of:
            self._warned_of = unit
            _LOGGER.warning(
                "The unit %r of %s is not a price of energy, such as %s/kWh",
                unit,
                self._entity_id,
                self._hass.config.currency,
            )
