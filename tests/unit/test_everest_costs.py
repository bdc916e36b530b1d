"""The session cost that a station reports."""

from datetime import UTC, datetime
from typing import Any

import pytest

from custom_components.fimp_chargepoint.chargepoint.everest.api.companions import parse_cost
from custom_components.fimp_chargepoint.chargepoint.model import Cost, Feature

from .everest_site import Site

COSTS = "session_cost_consumer"
STARTED = "2026-11-20T09:15:59.600Z"
LATER = "2026-11-20T09:17:00.000Z"


def chunk(value: Any, category: Any = "Energy", **fields: Any) -> dict[str, Any]:
    """Return a part of the costs."""
    return {"category": category, "cost": {"value": value}} | fields


def cost(*chunks: Any, **fields: Any) -> dict[str, Any]:
    """Return the costs of a session."""
    return {
        "session_id": "one",
        "currency": {"code": "EUR", "decimals": 2},
        "status": "Running",
        "cost_chunks": list(chunks),
    } | fields


@pytest.fixture(name="site", params=["", "site1/"])
def site_fixture(request: pytest.FixtureRequest) -> Site:
    """A station with one EVSE that charges, and a module that reports the costs."""
    site = Site(request.param)
    site.evse("heartbeat", 100)
    site.event("SessionStarted", uuid="one", timestamp=STARTED)
    site.info("Charging", session_start_time=STARTED)
    return site


def tells(site: Site, value: Any, variable: str = "session_cost") -> None:
    """Let the station report the costs."""
    site.publish(COSTS, "cost_1", variable, value)


def test_the_sum_of_all_parts(site: Site) -> None:
    assert Feature.STATION_COST not in site.shown.capabilities.reports
    price = {
        "category": "Energy",
        "price": {"currency": {"code": "EUR"}, "value": {"value": 30}},
    }
    tells(
        site,
        cost(chunk(110), chunk(20, "Time"), chunk(3), charging_price=[price], status="Idle"),
    )
    assert Feature.STATION_COST in site.shown.capabilities.reports
    assert site.shown.charged == Cost(
        total=1.33,
        currency="EUR",
        status="Idle",
        parts={"Energy": 1.13, "Time": 0.2},
        prices={"Energy": 0.3},
        session_id="one",
    )


@pytest.mark.parametrize("variable", ["tariff_message", "default_price"])
def test_a_tariff_is_no_cost(site: Site, variable: str) -> None:
    tells(site, {"messages": [{"content": "0.30 EUR/kWh"}]}, variable)
    assert site.shown.charged is None
    assert Feature.STATION_COST not in site.shown.capabilities.reports


@pytest.mark.parametrize(
    ("currency", "total"),
    [
        ({"code": "JPY", "decimals": 0}, 133.0),
        ({"code": "EUR", "decimals": 3}, 0.133),
        ({"code": "EUR"}, 1.33),
        ({"code": "EUR", "decimals": "2"}, 1.33),
        ({"code": "EUR", "decimals": -1}, 1.33),
        ({"code": "EUR", "decimals": 300}, 1.33),
    ],
)
def test_the_smallest_coin(currency: dict[str, Any], total: float) -> None:
    assert parse_cost(cost(chunk(133), currency=currency)).total == total


@pytest.mark.parametrize(
    "chunks", [None, [], {}, [5], [{}], [{"cost": {}}], [chunk("1")], [chunk(None)]]
)
def test_nothing_is_no_zero(chunks: Any) -> None:
    assert parse_cost(cost() | {"cost_chunks": chunks}).total is None


@pytest.mark.parametrize("value", [{}, {"currency": 5}, {"currency": {"code": 5}, "status": {}}])
def test_what_makes_no_sense(value: dict[str, Any]) -> None:
    found = parse_cost(value | {"charging_price": [5, {}, {"price": {"value": 5}}]})
    assert found == Cost()


def test_nonsense_makes_no_module_and_no_cost(site: Site) -> None:
    for value in ([], 5, {}, {"total": 3}, "null"):
        tells(site, value)
    assert site.shown.charged is None
    assert Feature.STATION_COST not in site.shown.capabilities.reports


def test_the_next_session_begins_without_a_cost(site: Site) -> None:
    tells(site, cost(chunk(110)))
    # It stays to be seen until then.
    site.event("SessionFinished", uuid="one", timestamp=LATER)
    site.info("Unplugged", session_start_time=STARTED, session_end_time=LATER)
    assert site.shown.charged is not None
    site.event("SessionStarted", uuid="two", timestamp="2026-11-20T10:00:00.000Z")
    assert site.shown.charged is None
    # The last word about the session before comes late.
    tells(site, cost(chunk(112, timestamp_to=LATER), status="Finished"))
    assert site.shown.charged is None
    tells(site, cost(chunk(1, timestamp_to="2026-11-20T10:00:01.000Z"), session_id="two"))
    assert site.shown.charged is not None
    assert site.shown.charged.total == 0.01


def test_what_becomes_known_of_a_session_makes_no_other_one() -> None:
    site = Site()
    site.info("Charging", session_start_time=STARTED)
    tells(site, cost(chunk(110, timestamp_to=LATER)))
    site.event("ChargingPausedEV", uuid="one", timestamp=LATER)
    site.info("ChargingPausedEV", session_start_time=STARTED.replace(".600", ".000"))
    assert site.shown.charged is not None
    assert site.shown.charged.until == datetime(2026, 11, 20, 9, 17, tzinfo=UTC)


def test_with_two_evses_nobody_knows_whose_it_is(site: Site) -> None:
    site.evse("heartbeat", 1, "evse_2")
    tells(site, cost(chunk(110)))
    assert site.shown.charged is None
