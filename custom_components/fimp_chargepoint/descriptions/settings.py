"""The sensors of settings that can only be looked at and mean the same for all manufacturers."""

from dataclasses import replace
from typing import Final

from homeassistant.components.sensor import SensorDeviceClass
from homeassistant.const import DEGREE, PERCENTAGE, WEEKDAYS, EntityCategory, UnitOfEnergy

from ..chargepoint.model import ChargepointSnapshot
from ..controls import parameter_text
from .charge_point import (
    WORDS,
    ChargepointSensorDescription,
    Quantity,
    SensorValue,
    Total,
)
from .meter import CURRENT

_ATTR_DAYS: Final = "days"
_DEGREES: Final = Quantity(unit=DEGREE, digits=5, state_class=None)
_PERCENT: Final = Quantity(unit=PERCENTAGE, digits=0, state_class=None)
_ENERGY: Final = Quantity(
    SensorDeviceClass.ENERGY_STORAGE, UnitOfEnergy.KILO_WATT_HOUR, 0, state_class=None
)
_LIMIT: Final = CURRENT._replace(digits=0, state_class=None)
_PLAIN: Final = Quantity(digits=0, state_class=None)


def _number(snapshot: ChargepointSnapshot, setting: str) -> float | None:
    value = snapshot.parameters.get(setting)
    return float(value) if isinstance(value, int | float) else None


def _sensor(
    setting: str, quantity: Quantity = WORDS, *, is_enabled: bool = False
) -> ChargepointSensorDescription:
    """Describe a text, or a number with a unit."""
    is_number = quantity is not WORDS

    def value(snapshot: ChargepointSnapshot) -> SensorValue:
        return _number(snapshot, setting) if is_number else parameter_text(snapshot, setting)

    return ChargepointSensorDescription(
        key=f"parameter_{setting}",
        translation_key=setting,
        device_class=quantity.device_class,
        native_unit_of_measurement=quantity.unit,
        suggested_display_precision=quantity.digits,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=is_enabled,
        value_fn=value,
    )


def _price(
    setting: str, per: str = "", *, is_enabled: bool = False
) -> ChargepointSensorDescription:
    """Describe an amount in the currency of the tariff, for once or `per` something."""

    def value(snapshot: ChargepointSnapshot) -> Total:
        currency = snapshot.parameters.get("tariff_currency")
        if not isinstance(currency, str):
            return Total(None)
        return Total(_number(snapshot, setting), unit=f"{currency}{per}")

    return ChargepointSensorDescription(
        key=f"parameter_{setting}",
        translation_key=setting,
        device_class=None if per else SensorDeviceClass.MONETARY,
        suggested_display_precision=4 if per else 2,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=is_enabled,
        value_fn=value,
    )


def _weekdays(setting: str) -> ChargepointSensorDescription:
    """Describe days of the week, which the library numbers from Monday on.

    They are also an attribute: Home Assistant translates each of its values.
    """

    def value(snapshot: ChargepointSnapshot) -> Total:
        numbers = snapshot.parameters.get(setting)
        chosen = numbers.split(",") if isinstance(numbers, str) else []
        days = [WEEKDAYS[(int(day) - 1) % len(WEEKDAYS)] for day in chosen if day.isdecimal()]
        return Total(", ".join(days) or None, attributes={_ATTR_DAYS: days})

    return replace(_sensor(setting), value_fn=value)


_PER_KWH: Final = f"/{UnitOfEnergy.KILO_WATT_HOUR}"

#: By the setting.
SETTING_SENSORS: Final = {
    "max_offline": _sensor("max_offline", _LIMIT, is_enabled=True),
    "smart_charging_max": _sensor("smart_charging_max", _LIMIT),
    "default_card": _sensor("default_card", is_enabled=True),
    "default_card_number": _sensor("default_card_number"),
    "default_card_owner": _sensor("default_card_owner"),
    "tariff_id": _sensor("tariff_id"),
    "tariff_price": _price("tariff_price", _PER_KWH, is_enabled=True),
    "tariff_price_ex_vat": _price("tariff_price_ex_vat", _PER_KWH),
    "tariff_start_price": _price("tariff_start_price"),
    "tariff_start_price_ex_vat": _price("tariff_start_price_ex_vat"),
    "latitude": _sensor("latitude", _DEGREES),
    "longitude": _sensor("longitude", _DEGREES),
    "led_brightness": _sensor("led_brightness", _PLAIN),
    "delayed_charging_start": _sensor("delayed_charging_start"),
    "delayed_charging_end": _sensor("delayed_charging_end"),
    "delayed_charging_days": _weekdays("delayed_charging_days"),
    "expected_departure": _sensor("expected_departure"),
    "expected_energy": _sensor("expected_energy", _ENERGY),
    "minimum_energy": _sensor("minimum_energy", _ENERGY),
    "minimum_level": _sensor("minimum_level", _PERCENT),
    "charge_level": _sensor("charge_level", _PERCENT),
    "battery_size": _sensor("battery_size", _ENERGY),
}
