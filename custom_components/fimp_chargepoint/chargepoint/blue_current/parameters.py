"""The settings of a charge point as parameters: a table, and how reports are read. Pure.

A setting that the account may change is a switch, all others are read-only.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from ..capabilities import Parameter, ParameterKind, ParameterValue
from . import frames
from .requests import SETTING_COMMANDS

#: Parameters that are reported by other frames, or are part of a card.
MAX_OFFLINE: Final = "max_offline"
SMART_CHARGING_MAX: Final = "smart_charging_max"
DEFAULT_CARD: Final = "default_card"
CARD_NUMBER: Final = "default_card_number"
CARD_OWNER: Final = "default_card_owner"
BOOSTING: Final = "boosting"
SMART_CHARGING: Final = "smart_charging"
#: The unit of the prices, not a setting of its own.
CURRENCY: Final = "tariff_currency"


class _Row(NamedTuple):
    """A parameter and its setting in the API; `is_inverted` if it is the opposite of that."""

    id: str
    name: str
    setting: str
    is_flag: bool = False
    is_inverted: bool = False


def _flag(name: str, text: str) -> _Row:
    return _Row(name, text, name, is_flag=True)


_ROWS: Final = (
    _flag("plug_and_charge", "Plug and charge"),
    _Row(
        "linked_charge_cards_only",
        "Linked cards only",
        "public_charging",
        is_flag=True,
        is_inverted=True,
    ),
    _flag("delayed_charging", "Delayed charging"),
    _flag("price_based_charging", "Price-based charging"),
    _flag("smart_charging", "Smart charging"),
    _flag("smart_charging_dynamic", "Dynamic smart charging"),
    _flag("plug_and_charge_notification", "Plug-and-charge notification"),
    _flag("led_interaction", "LED interaction"),
    _flag("publish_location", "Published location"),
    _Row("led_brightness", "LED brightness", "led_intensity"),
    _Row("latitude", "Latitude", "location.x_coord"),
    _Row("longitude", "Longitude", "location.y_coord"),
    _Row("tariff_id", "Tariff", "tariff.tariff_id"),
    _Row("tariff_price", "Price per kWh", "tariff.price_in_vat"),
    _Row("tariff_price_ex_vat", "Price per kWh without VAT", "tariff.price_ex_vat"),
    _Row("tariff_start_price", "Start fee", "tariff.start_price_in_vat"),
    _Row("tariff_start_price_ex_vat", "Start fee without VAT", "tariff.start_price_ex_vat"),
    _Row(CURRENCY, "Currency", "tariff.currency"),
    _Row("delayed_charging_start", "Delayed charging start", "delayed_charging.start_time"),
    _Row("delayed_charging_end", "Delayed charging end", "delayed_charging.end_time"),
    _Row("delayed_charging_days", "Delayed charging days", "delayed_charging.selected_days"),
    _Row("expected_departure", "Expected departure", "price_based_charging.expected_leave_time"),
    _Row(
        "expected_departure", "Expected departure", "price_based_charging.expected_departure_time"
    ),
    _Row("expected_energy", "Expected energy", "price_based_charging.expected_kwh"),
    _Row("minimum_energy", "Minimum energy", "price_based_charging.minimum_kwh"),
    _Row("minimum_level", "Minimum charge level", "price_based_charging.minimum_pct"),
    _Row("charge_level", "Charge level", "price_based_charging.current_battery_pct"),
    _Row("battery_size", "Battery size", "price_based_charging.battery_size_kwh"),
)
_NAMES: Final = {row.id: row.name for row in _ROWS} | {
    MAX_OFFLINE: "Offline current limit",
    SMART_CHARGING_MAX: "Smart charging limit",
    DEFAULT_CARD: "Default card",
    CARD_NUMBER: "Default card number",
    CARD_OWNER: "Default card owner",
    BOOSTING: "Boost",
}
_FLAGS: Final = {row.id for row in _ROWS if row.is_flag} | {BOOSTING}


def values(report: frames.ChargePointSettings) -> dict[str, ParameterValue]:
    """Return the values of the parameters in a report."""
    found: dict[str, ParameterValue] = {}
    for row in _ROWS:
        setting = report.settings.get(row.setting)
        if setting is not None:
            found[row.id] = not setting.value if row.is_inverted else setting.value
    if (card := report.default_card) is not None:
        # The uid is not shown: it is enough to copy the card.
        shown = {
            DEFAULT_CARD: card.name or card.id,
            CARD_NUMBER: card.id,
            CARD_OWNER: card.customer_name,
        }
        found |= {name: text for name, text in shown.items() if text is not None}
    return found


def missing(report: frames.ChargePointSettings) -> set[str]:
    """Return the parameters of profiles in a report that has no value for them.

    A profile that is off is reported without its schedule, which may have been changed.
    """
    of_profiles = {row.id for row in _ROWS if row.setting.partition(".")[0] in report.settings}
    return of_profiles - values(report).keys()


def values_of_status(frame: frames.Status) -> dict[str, ParameterValue]:
    """Return the values of the parameters in a status."""
    found: dict[str, ParameterValue | None] = {
        MAX_OFFLINE: frame.max_offline,
        SMART_CHARGING_MAX: frame.smart_charging_max_usage,
        BOOSTING: frame.boosting,
    }
    return {name: value for name, value in found.items() if value is not None}


def writable(report: frames.ChargePointSettings) -> dict[str, bool]:
    """Return which parameters in a report the account may change."""
    return {
        row.id: setting.writable and row.id in SETTING_COMMANDS
        for row in _ROWS
        if (setting := report.settings.get(row.setting)) is not None
    }


def described(may_change: Mapping[str, bool]) -> tuple[Parameter, ...]:
    """Return the descriptions of parameters, by whether the account may change them."""
    return tuple(
        Parameter(
            id=parameter_id,
            name=_NAMES[parameter_id],
            kind=_kind(parameter_id, is_writable=is_writable),
        )
        for parameter_id, is_writable in may_change.items()
        if parameter_id != CURRENCY
    )


def _kind(parameter_id: str, *, is_writable: bool) -> ParameterKind:
    if parameter_id not in _FLAGS:
        return ParameterKind.VALUE
    return ParameterKind.SWITCH if is_writable else ParameterKind.FLAG
