"""The options of an entry: a table, and the form made of it.

An option with the name of a field of the library's `Options` is passed on as it is.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import section
from homeassistant.helpers.selector import (
    BooleanSelector,
    EntitySelector,
    EntitySelectorConfig,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectOptionDict,
    Selector,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
import probatio

from ..chargepoint import Options, Token, is_level
from ..const import (
    CONF_COMMUNICATION_CHECK,
    CONF_FAILSAFE,
    CONF_FAILSAFE_ON_STOP,
    CONF_FIXED_PRICE,
    CONF_INTERNAL_BUS,
    CONF_MEASUREMENT_INTERVAL,
    CONF_PRICE_ENTITY,
    CONF_PROTOCOLS,
    CONF_RESTART_DELAY,
    CONF_RESTORE_LIMITS,
    CONF_SAFE_CURRENT,
    CONF_SAFE_CURRENTS,
    CONF_TOKEN,
    CONF_TOKEN_TYPE,
    Fields,
)
from ..prices import PRICE_DOMAINS, PriceSource
from .schemas import FormError, choice

#: What a token can be: our names of OCPP's words.
TOKEN_TYPES: Final = {
    "iso14443": "ISO14443",
    "iso15693": "ISO15693",
    "local": "Local",
    "keycode": "KeyCode",
    "emaid": "eMAID",
    "macaddress": "MacAddress",
    "central": "Central",
}
CARD: Final = "iso14443"

_UNTOUCHED: Final = Options()
CONF_COSTS: Final = "costs"
#: The sections that also concern an account: it has no topics, tokens or limits to restore.
_ACCOUNT_SECTIONS: Final = ("measurements", "charging", CONF_COSTS)
#: What is passed on as it is. A token consists of two options.
_LIBRARY: Final = {each.name for each in fields(Options)} - {CONF_TOKEN}


@dataclass(frozen=True, kw_only=True)
class Preference:
    """A field of the form; one without a default may stay empty."""

    key: str
    selector: Selector[Any]
    default: bool | float | str | list[str] | None = None

    @property
    def marker(self) -> probatio.Marker:
        """The key of the field in the schema of the form."""
        if self.default is None:
            return probatio.Optional(self.key)
        return probatio.Required(self.key, default=self.default)


class Section:
    """A part of the form; what few people need is collapsed."""

    def __init__(self, name: str, *preferences: Preference, collapsed: bool = True) -> None:
        """Hold `preferences` under the headline of `name`."""
        self.name = name
        self.preferences = preferences
        self.collapsed = collapsed


def _number(unit: str, minimum: float, maximum: float) -> NumberSelector:
    return NumberSelector(
        NumberSelectorConfig(
            min=minimum, max=maximum, mode=NumberSelectorMode.BOX, unit_of_measurement=unit
        )
    )


def _charge_points(choices: Iterable[SelectOptionDict]) -> SelectSelector:
    return SelectSelector(SelectSelectorConfig(options=[*choices], multiple=True))


def _price(currency: str) -> NumberSelector:
    return NumberSelector(
        NumberSelectorConfig(
            min=0, step="any", mode=NumberSelectorMode.BOX, unit_of_measurement=f"{currency}/kWh"
        )
    )


#: All options, in the order of the form.
SECTIONS: Final = (
    Section(
        "measurements",
        Preference(
            key=CONF_MEASUREMENT_INTERVAL,
            selector=_number("s", 0, 300),
            default=_UNTOUCHED.measurement_interval,
        ),
        collapsed=False,
    ),
    Section(
        "charging",
        Preference(
            key=CONF_RESTART_DELAY,
            selector=_number("s", 0, 600),
            default=_UNTOUCHED.restart_delay,
        ),
        Preference(
            key=CONF_RESTORE_LIMITS,
            selector=BooleanSelector(),
            default=_UNTOUCHED.restore_limits,
        ),
        collapsed=False,
    ),
    Section(
        CONF_COSTS,
        Preference(
            key=CONF_PRICE_ENTITY,
            selector=EntitySelector(EntitySelectorConfig(domain=list(PRICE_DOMAINS))),
        ),
        Preference(
            key=CONF_FIXED_PRICE,
            # In the user's currency (see `options_schema`).
            selector=_price(""),
        ),
    ),
    Section(
        CONF_FAILSAFE,
        # Its choices are the charge points (see `options_schema`).
        Preference(key=CONF_FAILSAFE, selector=_charge_points(()), default=[]),
        Preference(
            key=CONF_FAILSAFE_ON_STOP,
            selector=BooleanSelector(),
            default=_UNTOUCHED.failsafe_on_stop,
        ),
    ),
    Section(
        CONF_PROTOCOLS,
        Preference(
            key=CONF_PROTOCOLS,
            selector=SelectSelector(
                SelectSelectorConfig(
                    options=list(_UNTOUCHED.protocols),
                    multiple=True,
                    mode=SelectSelectorMode.LIST,
                    translation_key=CONF_PROTOCOLS,
                )
            ),
            default=list(_UNTOUCHED.protocols),
        ),
    ),
    Section(
        "everest",
        Preference(
            key=CONF_TOKEN,
            selector=TextSelector(TextSelectorConfig(type=TextSelectorType.PASSWORD)),
        ),
        Preference(
            key=CONF_TOKEN_TYPE,
            selector=choice(TOKEN_TYPES, CONF_TOKEN_TYPE),
            default=CARD,
        ),
        Preference(key=CONF_INTERNAL_BUS, selector=TextSelector()),
        Preference(
            key=CONF_COMMUNICATION_CHECK,
            selector=BooleanSelector(),
            default=_UNTOUCHED.communication_check,
        ),
    ),
)

#: What a safe current may be, in A; a charge point may allow less.
SAFE_CURRENT_SCHEMA = probatio.Schema(
    {probatio.Required(CONF_SAFE_CURRENT, default=6): _number("A", 6, 80)}
)


def options_schema(
    currency: str, charge_points: Iterable[SelectOptionDict], *, is_account: bool
) -> probatio.Schema:
    """Return the form, with prices in `currency`.

    `charge_points` are those that can have a failsafe. An account has fewer options.
    """
    selectors = {CONF_FAILSAFE: _charge_points(charge_points), CONF_FIXED_PRICE: _price(currency)}
    return probatio.Schema(
        {
            probatio.Required(part.name): section(
                probatio.Schema(
                    {
                        each.marker: selectors.get(each.key, each.selector)
                        for each in part.preferences
                        if not is_account or each.key != CONF_RESTORE_LIMITS
                    }
                ),
                {"collapsed": part.collapsed},
            )
            for part in SECTIONS
            if not is_account or part.name in _ACCOUNT_SECTIONS
        }
    )


def price_schema(currency: str) -> probatio.Schema:
    """Return the form of the price alone."""
    schema = options_schema(currency, (), is_account=False).schema
    form: probatio.Schema = schema[CONF_COSTS].schema
    return form


def price_options(hass: HomeAssistant, form: Mapping[str, object]) -> dict[str, object]:
    """Return the options of a filled in `price_schema`, without empty fields.

    Raises:
        FormError: the price is invalid.

    """
    options = _trimmed(form)
    if CONF_PRICE_ENTITY in options and CONF_FIXED_PRICE in options:
        raise FormError("two_prices")
    if not PriceSource(hass, options).can_be_counted_with:
        raise FormError("price_unit")
    return options


def entry_options(
    hass: HomeAssistant, form: Mapping[str, Mapping[str, object]]
) -> dict[str, object]:
    """Return the options of a filled in `options_schema`: flat, without empty fields.

    Raises:
        FormError: no protocol is chosen, or a topic or a price is invalid.

    """
    options = {key: value for part in form.values() for key, value in _trimmed(part).items()}
    if not options.get(CONF_PROTOCOLS, True):
        raise FormError("protocol_missing")
    bus = options.get(CONF_INTERNAL_BUS)
    if isinstance(bus, str) and not all(map(is_level, bus.split("/"))):
        raise FormError("internal_bus_invalid")
    return options | price_options(hass, form[CONF_COSTS])


def _trimmed(part: Mapping[str, object]) -> dict[str, object]:
    """Return what was filled in, without spaces around it."""
    trimmed = {
        key: value.strip() if isinstance(value, str) else value for key, value in part.items()
    }
    return {key: value for key, value in trimmed.items() if value is not None and value != ""}


def suggested_options(options: Mapping[str, object]) -> dict[str, dict[str, object]]:
    """Return what to fill `options_schema` with from the options of an entry."""
    if currents := safe_currents(options):
        options = {**options, CONF_FAILSAFE: list(currents)}
    return {
        part.name: {each.key: options[each.key] for each in part.preferences if each.key in options}
        for part in SECTIONS
    }


def safe_currents(options: Fields) -> dict[str, float]:
    """Return the safe current in A of each charge point that has a failsafe, by address."""
    return dict(options.get(CONF_SAFE_CURRENTS, {}))


def library_options(options: Fields) -> Options:
    """Return the preferences of an entry as the library takes them."""
    token = options.get(CONF_TOKEN)
    kind = TOKEN_TYPES[options.get(CONF_TOKEN_TYPE, CARD)]
    chosen: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in options.items()
        if key in _LIBRARY
    }
    return Options(**chosen, token=Token(token, kind) if token else None)
