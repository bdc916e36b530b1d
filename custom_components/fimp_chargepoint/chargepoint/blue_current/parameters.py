"""The settings of a charge point as parameters: a table, and how reports are read. Pure.

What the account may change is a switch, everything else a value to look at.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from ..capabilities import Parameter, ParameterKind, ParameterValue
from . import frames
from .requests import SETTING_COMMANDS


class _Row(NamedTuple):
    """A parameter, and the setting in the API that it is; `is_inverted` if it is the opposite."""

    id: str
    name: str
    setting: str
    is_inverted: bool = False


_ROWS: Final = (
    _Row("plug_and_charge", "Plug and charge", "plug_and_charge"),
    _Row(
        "linked_charge_cards_only", "Linked charge cards only", "public_charging", is_inverted=True
    ),
    _Row("delayed_charging", "Delayed charging", "delayed_charging"),
    _Row("price_based_charging", "Price-based charging", "price_based_charging"),
    _Row("smart_charging", "Smart charging", "smart_charging"),
    _Row("smart_charging_dynamic", "Dynamic smart charging", "smart_charging_dynamic"),
    _Row(
        "plug_and_charge_notification",
        "Plug and charge notification",
        "plug_and_charge_notification",
    ),
    _Row("led_intensity", "LED intensity", "led_intensity"),
    _Row("led_interaction", "LED interaction", "led_interaction"),
    _Row("publish_location", "Published location", "publish_location"),
    _Row("latitude", "Latitude", "location.x_coord"),
    _Row("longitude", "Longitude", "location.y_coord"),
    _Row("tariff_id", "Tariff", "tariff.tariff_id"),
    _Row("tariff_price", "Price per kWh", "tariff.price_in_vat"),
    _Row("tariff_price_ex_vat", "Price per kWh without VAT", "tariff.price_ex_vat"),
    _Row("tariff_start_price", "Start fee", "tariff.start_price_in_vat"),
    _Row("tariff_start_price_ex_vat", "Start fee without VAT", "tariff.start_price_ex_vat"),
    _Row("tariff_currency", "Currency", "tariff.currency"),
    _Row("delayed_charging_start", "Delayed charging start", "delayed_charging.start_time"),
    _Row("delayed_charging_end", "Delayed charging end", "delayed_charging.end_time"),
    _Row("delayed_charging_days", "Delayed charging days", "delayed_charging.selected_days"),
    _Row("departure", "Expected departure", "price_based_charging.expected_leave_time"),
    _Row("departure", "Expected departure", "price_based_charging.expected_departure_time"),
    _Row("expected_energy", "Expected energy", "price_based_charging.expected_kwh"),
    _Row("minimum_energy", "Minimum energy", "price_based_charging.minimum_kwh"),
    _Row("minimum_level", "Minimum charge level", "price_based_charging.minimum_pct"),
    _Row("charge_level", "Charge level", "price_based_charging.current_battery_pct"),
    _Row("battery_size", "Battery size", "price_based_charging.battery_size_kwh"),
)
#: What other frames report.
MAX_OFFLINE: Final = "max_offline"
DEFAULT_CARD: Final = "default_card"
BOOSTING: Final = "boosting"
SMART_CHARGING: Final = "smart_charging"
_NAMES: Final = {row.id: row.name for row in _ROWS} | {
    MAX_OFFLINE: "Current limit while offline",
    DEFAULT_CARD: "Default charge card",
    BOOSTING: "Boost",
}


def values(report: frames.ChargePointSettings) -> dict[str, ParameterValue]:
    """Return the values of the parameters in a report."""
    found: dict[str, ParameterValue] = {}
    for row in _ROWS:
        setting = report.settings.get(row.setting)
        if setting is not None:
            found[row.id] = not setting.value if row.is_inverted else setting.value
    card = report.default_card
    if card is not None:
        found[DEFAULT_CARD] = card.name or card.id or card.uid
    return found


def values_of_status(frame: frames.Status) -> dict[str, ParameterValue]:
    """Return the values of the parameters in a status."""
    found: dict[str, ParameterValue | None] = {
        MAX_OFFLINE: frame.max_offline,
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
            kind=ParameterKind.SWITCH if is_writable else ParameterKind.VALUE,
        )
        for parameter_id, is_writable in may_change.items()
    )
