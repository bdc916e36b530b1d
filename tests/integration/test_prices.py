"""The price of a kWh, in different units."""

from homeassistant.core import HomeAssistant
import pytest

from custom_components.fimp_chargepoint.chargepoint.sessions.record import Price
from custom_components.fimp_chargepoint.prices import PriceSource, price_factor


@pytest.mark.parametrize(
    ("unit", "currency", "factor"),
    [
        ("EUR/kWh", "EUR", 1),
        ("NOK / kWh", "NOK", 1),
        ("nok/kwh", "NOK", 1),
        ("EUR/MWh", "EUR", 0.001),
        ("EUR/Wh", "EUR", 1000),
        # As Home Assistant's own integrations write it.
        ("€/kWh", "EUR", 1),
        ("$/kWh", "CAD", 1),
    ],
)
def test_unit(unit: str, currency: str, factor: float) -> None:
    assert price_factor(unit, currency) == pytest.approx(factor)


@pytest.mark.parametrize(
    ("unit", "currency"),
    [
        (None, "EUR"),
        ("", "EUR"),
        ("EUR", "EUR"),
        ("kWh", "EUR"),
        ("/kWh", "EUR"),
        ("EUR/h", "EUR"),
        ("EUR/kWh/h", "EUR"),
        ("bananas/kWh", "EUR"),
        # Another currency, and what is worth a hundredth.
        ("EUR/kWh", "NOK"),
        ("€/kWh", "NOK"),
        ("$/kWh", "EUR"),
        ("øre/kWh", "NOK"),
        ("ct/kWh", "EUR"),
        ("¢/kWh", "USD"),
    ],
)
def test_not_a_price(unit: str | None, currency: str) -> None:
    assert price_factor(unit, currency) is None


def source(hass: HomeAssistant, state: str, unit: str | None = "NOK/MWh") -> PriceSource:
    """Return the price of an entity in a house in Norway."""
    hass.config.currency = "NOK"
    hass.states.async_set("sensor.price", state, unit and {"unit_of_measurement": unit})
    return PriceSource(hass, {"price_entity": "sensor.price"})


async def test_price(hass: HomeAssistant) -> None:
    assert source(hass, "1500").price == Price(1.5, "NOK")
    assert source(hass, "-500").price == Price(-0.5, "NOK")
    assert PriceSource(hass, {"fixed_price": 2.0}).price == Price(2.0, "NOK", fixed=True)
    assert PriceSource(hass, {"fixed_price": 0.0}).is_named
    assert PriceSource(hass, {}).price is None
    assert not PriceSource(hass, {}).is_named


@pytest.mark.parametrize("state", ["unknown", "unavailable", "free", "nan", "inf"])
async def test_no_price(hass: HomeAssistant, state: str) -> None:
    """It is unknown, which is not nothing."""
    found = source(hass, state)
    assert found.price is None
    assert found.is_named
    assert PriceSource(hass, {"price_entity": "sensor.unavailable_target"}).price is None


async def test_a_unit_that_is_refused(
    hass: HomeAssistant, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged once, since the unit may change later."""
    found = source(hass, "150", "EUR")
    for _ in range(3):
        assert found.price is None
    assert caplog.text.count("is not a price of energy") == 1
    assert "'EUR' of sensor.price" in caplog.text
