"""The price of a kWh, whatever the unit it comes in."""

from homeassistant.core import HomeAssistant
import pytest

from custom_components.fimp_chargepoint.chargepoint.bill import Price
from custom_components.fimp_chargepoint.prices import PriceSource, price_unit


@pytest.mark.parametrize(
    ("unit", "home", "factor", "currency"),
    [
        ("EUR/kWh", "EUR", 1, "EUR"),
        ("EUR/kWh", "NOK", 1, "EUR"),
        ("NOK / kWh", "NOK", 1, "NOK"),
        ("EUR/MWh", "EUR", 0.001, "EUR"),
        ("EUR/Wh", "EUR", 1000, "EUR"),
        ("€/kWh", "NOK", 1, "EUR"),
        ("£/kWh", "GBP", 1, "GBP"),
        ("kr/kWh", "NOK", 1, "NOK"),
        ("kr/kWh", "SEK", 1, "SEK"),
        ("$/kWh", "CAD", 1, "CAD"),
        ("øre/kWh", "NOK", 0.01, "NOK"),
        ("øre/kWh", "DKK", 0.01, "DKK"),
        ("Øre/kWh", "NOK", 0.01, "NOK"),
        ("öre/kWh", "EUR", 0.01, "SEK"),
        ("ct/kWh", "EUR", 0.01, "EUR"),
        ("cent/kWh", "USD", 0.01, "USD"),
        ("p/kWh", "GBP", 0.01, "GBP"),
    ],
)
def test_unit(unit: str, home: str, factor: float, currency: str) -> None:
    found = price_unit(unit, home)
    assert found is not None
    assert found.factor == pytest.approx(factor)
    assert found.currency == currency


@pytest.mark.parametrize(
    ("unit", "home"),
    [
        (None, "EUR"),
        ("", "EUR"),
        ("EUR", "EUR"),
        ("kWh", "EUR"),
        ("EUR/h", "EUR"),
        ("EUR/kWh/h", "EUR"),
        ("bananas/kWh", "EUR"),
        # Whose kroner or cents they are, nobody knows.
        ("kr/kWh", "EUR"),
        ("øre/kWh", "EUR"),
        ("cent/kWh", "NOK"),
        ("$/kWh", "EUR"),
    ],
)
def test_not_a_price(unit: str | None, home: str) -> None:
    assert price_unit(unit, home) is None


def source(hass: HomeAssistant, state: str, unit: str | None = "øre/kWh") -> PriceSource:
    """Return the price of an entity in a house in Norway."""
    hass.config.currency = "NOK"
    hass.states.async_set("sensor.price", state, unit and {"unit_of_measurement": unit})
    return PriceSource(hass, {"price_entity": "sensor.price"})


async def test_price(hass: HomeAssistant) -> None:
    assert source(hass, "150").price == Price(1.5, "NOK")
    assert source(hass, "-50").price == Price(-0.5, "NOK")
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
    assert PriceSource(hass, {"price_entity": "sensor.not_there"}).price is None


async def test_a_unit_that_is_refused(
    hass: HomeAssistant, caplog: pytest.LogCaptureFixture
) -> None:
    """It is said once, for the unit may change behind our back."""
    found = source(hass, "150", "EUR")
    for _ in range(3):
        assert found.price is None
    assert caplog.text.count("is not a price of energy") == 1
    assert "'EUR' of sensor.price" in caplog.text
