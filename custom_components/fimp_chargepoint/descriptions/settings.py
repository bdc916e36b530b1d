"""The sensors of settings that can only be looked at and mean the same for all manufacturers."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final

from homeassistant.components.sensor import SensorDeviceClass
from homeassistant.const import DEGREE, PERCENTAGE, WEEKDAYS, UnitOfEnergy

from ..chargepoint.model import ChargepointSnapshot
from ..controls import parameter_text
from .charge_point import (
    CURRENT_LIMIT,
    DIAGNOSTIC,
    WORDS,
    ChargepointSensor,
    Quantity,
    SensorValue,
    Total,
    fact,
)

_ATTR_DAYS: Final = "days"
_DEGREES: Final = Quantity(unit=DEGREE, digits=5, state_class=None)
_PERCENT: Final = Quantity(unit=PERCENTAGE, digits=0, state_class=None)
_ENERGY: Final = Quantity(
    SensorDeviceClass.ENERGY_STORAGE, UnitOfEnergy.KILO_WATT_HOUR, 0, state_class=None
)
_PLAIN: Final = Quantity(digits=0, state_class=None)
_MONEY: Final = Quantity(SensorDeviceClass.MONETARY, digits=2, state_class=None)
_ENERGY_PRICE: Final = Quantity(digits=4, state_class=None)


def _number(snapshot: ChargepointSnapshot, setting: str) -> float | None:
    value = snapshot.parameters.get(setting)
    return float(value) if isinstance(value, int | float) else None


def _setting(
    setting: str,
    value_fn: Callable[[ChargepointSnapshot], SensorValue | Total],
    quantity: Quantity,
    *,
    is_enabled: bool,
) -> ChargepointSensor:
    found = fact(setting, value_fn, quantity=quantity, category=DIAGNOSTIC, is_enabled=is_enabled)
    return replace(found, key=f"parameter_{setting}")


def _words(setting: str, *, is_enabled: bool = False) -> ChargepointSensor:
    """Describe a text."""
    value_fn = partial(parameter_text, parameter_id=setting)
    return _setting(setting, value_fn, WORDS, is_enabled=is_enabled)


def _amount(setting: str, quantity: Quantity, *, is_enabled: bool = False) -> ChargepointSensor:
    """Describe a number."""
    value_fn = partial(_number, setting=setting)
    return _setting(setting, value_fn, quantity, is_enabled=is_enabled)


def _price(
    setting: str, quantity: Quantity = _MONEY, per: str = "", *, is_enabled: bool = False
) -> ChargepointSensor:
    """Describe an amount in the currency of the tariff, for once or `per` something."""

    def value(snapshot: ChargepointSnapshot) -> Total:
        currency = snapshot.parameters.get("tariff_currency")
        if not isinstance(currency, str):
            return Total(None)
        return Total(_number(snapshot, setting), unit=f"{currency}{per}")

    return _setting(setting, value, quantity, is_enabled=is_enabled)


def _weekdays(setting: str) -> ChargepointSensor:
    """Describe days of the week, which the library numbers from Monday on.

    They are also an attribute: Home Assistant translates each of its values.
    """

    def value(snapshot: ChargepointSnapshot) -> Total:
        numbers = snapshot.parameters.get(setting)
        chosen = numbers.split(",") if isinstance(numbers, str) else []
        days = [WEEKDAYS[(int(day) - 1) % len(WEEKDAYS)] for day in chosen if day.isdecimal()]
        return Total(", ".join(days) or None, attributes={_ATTR_DAYS: days})

    return _setting(setting, value, WORDS, is_enabled=False)


_PER_KWH: Final = f"/{UnitOfEnergy.KILO_WATT_HOUR}"

#: By the setting.
SETTING_SENSORS: Final = {
    "max_offline": _amount("max_offline", CURRENT_LIMIT, is_enabled=True),
    "smart_charging_max": _amount("smart_charging_max", CURRENT_LIMIT),
    "default_card": _words("default_card", is_enabled=True),
    "default_card_number": _words("default_card_number"),
    "default_card_owner": _words("default_card_owner"),
    "tariff_id": _words("tariff_id"),
    "tariff_price": _price("tariff_price", _ENERGY_PRICE, _PER_KWH, is_enabled=True),
    "tariff_price_ex_vat": _price("tariff_price_ex_vat", _ENERGY_PRICE, _PER_KWH),
    "tariff_start_price": _price("tariff_start_price"),
    "tariff_start_price_ex_vat": _price("tariff_start_price_ex_vat"),
    "latitude": _amount("latitude", _DEGREES),
    "longitude": _amount("longitude", _DEGREES),
    "led_brightness": _amount("led_brightness", _PLAIN),
    "delayed_charging_start": _words("delayed_charging_start"),
    "delayed_charging_end": _words("delayed_charging_end"),
    "delayed_charging_days": _weekdays("delayed_charging_days"),
    "expected_departure": _words("expected_departure"),
    "expected_energy": _amount("expected_energy", _ENERGY),
    "minimum_energy": _amount("minimum_energy", _ENERGY),
    "minimum_level": _amount("minimum_level", _PERCENT),
    "charge_level": _amount("charge_level", _PERCENT),
    "battery_size": _amount("battery_size", _ENERGY),
}
