"""The blueprints, run as automations against a charge point."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from homeassistant.components import persistent_notification
from homeassistant.components.automation import DATA_COMPONENT
from homeassistant.components.blueprint import models
from homeassistant.core import HomeAssistant, ServiceCall, SupportsResponse
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import (
    async_fire_time_changed,
    async_mock_service,
)

from custom_components.fimp_chargepoint.chargepoint.sessions import tracker
from custom_components.fimp_chargepoint.const import DOMAIN
from tests.broker import BrokerProcess

from .blueprints import FOLDER, automate, blueprint
from .conftest import QUICK, Chargepoint, load, other_broker, simulator, until

CHEAPEST, SOLAR, FINISHED = "cheapest_hours", "solar_surplus", "session_finished"
LIMIT = "cmd.current_session.set_current"


@pytest.fixture(autouse=True)
def _news_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let reports of the first seconds create events as well."""
    monkeypatch.setattr(tracker, "FIRST_REPORTS_TIME", 0.0)


@pytest.fixture(autouse=True)
async def _ours(hass: HomeAssistant) -> AsyncIterator[None]:
    """Let Home Assistant find them, and leave none running."""

    def load(_: models.DomainBlueprints, path: str) -> models.Blueprint:
        return blueprint(Path(path).stem)

    with patch.object(models.DomainBlueprints, "_load_blueprint", load):
        yield
    if hass.services.has_service("automation", "turn_off"):
        await hass.services.async_call(
            "automation", "turn_off", {"entity_id": "all"}, blocking=True
        )


def device(chargepoint: Chargepoint) -> str:
    """Return the device of a charge point, which is what a blueprint asks for."""
    found = chargepoint.registered("switch", "charging").device_id
    assert found is not None
    return found


async def later(hass: HomeAssistant, **delta: float) -> None:
    """Let everything happen that is due in some time from now."""
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(**delta))
    await hass.async_block_till_done()


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_can_be_imported(path: Path) -> None:
    """Its source is the address that the link in the docs imports, also for updates."""
    found = blueprint(path.stem)
    assert found.validate() is None
    url = found.metadata["source_url"]
    assert url.endswith(f"/fimp_chargepoint/blob/main/{path.relative_to(FOLDER.parents[2])}")
    page = (FOLDER.parents[2] / "docs" / "automations.md").read_text()
    assert f"blueprint_url={url.replace(':', '%3A').replace('/', '%2F')}" in page


# The cheapest hours ---------------------------------------------------------------------------

type Slots = list[tuple[datetime, float]]


def quarter(hours: float = 0) -> datetime:
    """Return the beginning of this quarter of an hour, or of another one."""
    now = dt_util.now()
    return now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0) + timedelta(
        hours=hours
    )


def prices(now: float, then: float) -> Slots:
    """Return prices for the quarters of six hours: for the present one, and for later.

    The next one is as the present one, for the case that it begins during the test.
    """
    return [(quarter(each / 4), now if each < 2 else then) for each in range(24)]


async def by_price(hass: HomeAssistant, chargepoint: Chargepoint, **inputs: Any) -> None:
    """Set up an automation that charges for a quarter, of the five hours before departure."""
    inputs.setdefault("price_sensor", "sensor.price")
    await automate(
        hass,
        CHEAPEST,
        charge_point=device(chargepoint),
        departure=quarter(5).strftime("%H:%M:%S"),
        hours=inputs.pop("hours", 0.25),
        **inputs,
    )


#: What people have, with what it is called there.
SHAPES: dict[str, Callable[[Slots], dict[str, Any]]] = {
    "nordpool, hacs": lambda slots: {
        "raw_today": [
            {"start": start, "end": start + timedelta(minutes=15), "value": price}
            for start, price in slots[:8]
        ],
        "raw_tomorrow": [
            {"start": start, "end": start + timedelta(minutes=15), "value": price}
            for start, price in slots[8:]
        ],
        "today": [price for _, price in slots[:8]],
        "tomorrow": [],
    },
    "entso-e": lambda slots: {
        "prices_today": [{"time": str(start), "price": price} for start, price in slots[:8]],
        "prices_tomorrow": [{"time": str(start), "price": price} for start, price in slots[8:]],
        "prices": [{"time": str(start), "price": price} for start, price in slots],
    },
    "epex spot": lambda slots: {
        "data": [
            {"start_time": start.isoformat(), "price_per_kwh": price} for start, price in slots
        ]
    },
    "energi data service": lambda slots: {
        "raw_today": [{"hour": start, "price": price} for start, price in slots],
        "raw_tomorrow": None,
    },
    "frank energie": lambda slots: {
        "prices": [
            {"from": start, "till": start + timedelta(minutes=15), "price": price}
            for start, price in slots
        ]
    },
    "octopus": lambda slots: {
        "rates": [{"start": start, "value_inc_vat": price} for start, price in slots]
    },
}


@pytest.mark.parametrize("shape", SHAPES)
async def test_cheapest_by_sensor(
    hass: HomeAssistant, chargepoint: Chargepoint, shape: str
) -> None:
    """It charges while that is cheap, and not while it is not."""
    hass.states.async_set("sensor.price", "1", SHAPES[shape](prices(now=2, then=1)))
    await by_price(hass, chargepoint)
    await chargepoint.point.plug()
    await chargepoint.wait_for_state("sensor", "status", "ready_to_charge")
    await hass.async_block_till_done()
    assert not chargepoint.sent("cmd.charge.start")

    hass.states.async_set("sensor.price", "1", SHAPES[shape](prices(now=1, then=2)))
    await later(hass, minutes=15)
    await chargepoint.wait_for_state("sensor", "status", "charging")

    hass.states.async_set("sensor.price", "1", SHAPES[shape](prices(now=2, then=1)))
    await later(hass, minutes=30)
    await chargepoint.wait_for_state("sensor", "status", "ready_to_charge")


@pytest.mark.parametrize("current", [0, 10])
async def test_cheapest_leaves_the_end_that_was_set(
    hass: HomeAssistant, chargepoint: Chargepoint, current: int
) -> None:
    """It looks every quarter of an hour whether to charge; a start would clear the end."""
    hass.states.async_set("sensor.price", "1", SHAPES["epex spot"](prices(now=1, then=2)))
    await by_price(hass, chargepoint, current=current)
    await chargepoint.point.plug()
    await chargepoint.wait_for_state("sensor", "status", "charging")
    await hass.services.async_call(
        DOMAIN,
        "start_charging",
        {"energy": 9},
        target={"device_id": device(chargepoint)},
        blocking=True,
    )
    await later(hass, minutes=15)
    assert chargepoint.state("sensor", "energy_target") == "9.0"
    if current:
        await chargepoint.wait_for_state("sensor", "offered_current", "10.0")


async def test_cheapest_with_a_limit(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    hass.states.async_set("sensor.price", "1", SHAPES["epex spot"](prices(now=1, then=2)))
    await chargepoint.wait_for_state("number", "max_current", "32")
    await by_price(hass, chargepoint, current=10)
    await chargepoint.point.plug()
    await chargepoint.wait_for_state("sensor", "status", "charging")
    await chargepoint.wait_for_state("sensor", "offered_current", "10.0")


@pytest.mark.parametrize(("hours", "charges"), [(1, False), (5, True)])
@pytest.mark.parametrize("known", [[], prices(now=1, then=2)[:8]], ids=["none", "few"])
async def test_without_the_prices_of_tomorrow(
    hass: HomeAssistant,
    chargepoint: Chargepoint,
    known: Slots,
    hours: float,
    *,
    charges: bool,
) -> None:
    """It waits for them, as long as there is time."""
    hass.states.async_set("sensor.price", "1", SHAPES["epex spot"](known))
    await by_price(hass, chargepoint, hours=hours)
    await chargepoint.point.plug()
    if charges:
        await chargepoint.wait_for_state("sensor", "status", "charging")
    else:
        await chargepoint.wait_for_state("sensor", "status", "ready_to_charge")
        await hass.async_block_till_done()
        assert not chargepoint.sent("cmd.charge.start")


async def test_hours_before_the_car_came_are_no_use(
    hass: HomeAssistant, chargepoint: Chargepoint
) -> None:
    """The cheapest ones were before: then it is the cheapest of those that are left."""
    past = [(quarter(-each / 4), 0.0) for each in range(1, 40)]
    slots = [*past, *prices(now=1, then=2)]
    hass.states.async_set("sensor.price", "1", SHAPES["epex spot"](slots))
    await by_price(hass, chargepoint)
    await chargepoint.point.plug()
    await chargepoint.wait_for_state("sensor", "status", "charging")


async def test_hours_since_the_session_began_count(
    hass: HomeAssistant, chargepoint: Chargepoint
) -> None:
    """After a restart, the sensor of the session knows that it was charged already."""
    past = [(quarter(-each / 4), 0.0) for each in range(1, 40)]
    slots = [*past, *prices(now=1, then=2)]
    hass.states.async_set("sensor.price", "1", SHAPES["epex spot"](slots))
    hass.states.async_set("sensor.began", quarter(-2).isoformat())
    await by_price(hass, chargepoint, session_start="sensor.began")
    await chargepoint.point.plug()
    await chargepoint.wait_for_state("sensor", "status", "ready_to_charge")
    await later(hass, minutes=15)
    assert not chargepoint.sent("cmd.charge.start")


async def test_a_full_car_is_left_alone(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """To start it again would be refused, every quarter of an hour."""
    hass.states.async_set("sensor.price", "1", SHAPES["epex spot"](prices(now=1, then=1)))
    await by_price(hass, chargepoint, hours=5)
    await chargepoint.point.plug()
    await chargepoint.wait_for_state("sensor", "status", "charging")
    await chargepoint.point.full()
    await chargepoint.wait_for_state("sensor", "status", "finished")
    await later(hass, minutes=15)
    await later(hass, minutes=30)
    assert len(chargepoint.sent("cmd.charge.start")) == 1


@pytest.mark.parametrize("source", ["nordpool", "tibber"])
async def test_cheapest_by_action(
    hass: HomeAssistant, chargepoint: Chargepoint, source: str
) -> None:
    """The integrations of Home Assistant itself have no attributes, but an action."""
    calls = []

    def nordpool(call: ServiceCall) -> dict[str, Any]:
        calls.append(dict(call.data))
        slots = prices(now=1, then=2)
        rows = [
            {
                "start": start.isoformat(),
                "end": (start + timedelta(minutes=15)).isoformat(),
                "price": price,
            }
            for start, price in slots
            if start.date().isoformat() == call.data["date"]
        ]
        return {"NO1": rows}

    def tibber(call: ServiceCall) -> dict[str, Any]:
        calls.append(dict(call.data))
        rows = [
            {"start_time": start.isoformat(), "price": price}
            for start, price in prices(now=1, then=2)
        ]
        return {"prices": {"Home": rows}}

    name, handler = {
        "nordpool": ("get_prices_for_date", nordpool),
        "tibber": ("get_prices", tibber),
    }[source]
    hass.services.async_register(source, name, handler, supports_response=SupportsResponse.ONLY)
    await by_price(hass, chargepoint, source=source, nordpool_entry="12345")
    await chargepoint.point.plug()
    await chargepoint.wait_for_state("sensor", "status", "charging")
    today = dt_util.now().date()
    if source == "nordpool":
        assert calls == [
            {"config_entry": "12345", "date": str(today + timedelta(days=each))}
            for each in range(2)
        ]
    else:
        (call,) = calls
        assert datetime.fromisoformat(call["start"]) == dt_util.start_of_local_day()


async def test_cheapest_where_the_prices_cannot_be_asked_for(
    hass: HomeAssistant, chargepoint: Chargepoint
) -> None:
    """The last hours are better than none."""

    def broken(_: ServiceCall) -> None:
        raise ValueError

    hass.services.async_register(
        "nordpool", "get_prices_for_date", broken, supports_response=SupportsResponse.ONLY
    )
    await by_price(hass, chargepoint, source="nordpool", nordpool_entry="12345", hours=6)
    await chargepoint.point.plug()
    await chargepoint.wait_for_state("sensor", "status", "charging")


# Solar surplus --------------------------------------------------------------------------------


async def by_sun(hass: HomeAssistant, chargepoint: Chargepoint, **inputs: Any) -> None:
    """Set up an automation that charges on surplus, and connect a car."""
    await chargepoint.wait_for_state("number", "max_current", "32")
    await chargepoint.point.plug()
    await chargepoint.wait_for_state("sensor", "status", "ready_to_charge")
    await automate(
        hass,
        SOLAR,
        charge_point=device(chargepoint),
        charging_power="sensor.charging",
        grid_power="sensor.grid",
        start_after={"minutes": 20},
        stop_after={"minutes": 20},
        **inputs,
    )


def watts(hass: HomeAssistant, grid: float, charging: float = 0, unit: str = "W") -> None:
    """Show what goes over the meters."""
    for name, value in (("grid", grid), ("charging", charging)):
        attributes = {"device_class": "power", "unit_of_measurement": unit}
        hass.states.async_set(f"sensor.{name}", str(value), attributes)


#: What one ampere on each of three lines is, in W.
AMPERE = 3 * 230


def _minutes(hass: HomeAssistant, minutes: float) -> None:
    """Let what is due in some minutes from now begin; a run that waits is not waited for."""
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=minutes))


async def waits(hass: HomeAssistant) -> None:
    """Wait until the automation looks whether the surplus lasts, or the lack of it."""
    (automation,) = hass.data[DATA_COMPONENT].entities
    script = automation.action_script
    await until(lambda: script.is_running and script.last_action == "Check whether it lasts")


@pytest.mark.parametrize(
    ("inputs", "grid"),
    [
        ({}, {"grid": -8.4 * AMPERE}),
        ({"export_is_positive": True}, {"grid": 8.4 * AMPERE}),
        ({}, {"grid": -8.4 * AMPERE / 1000, "unit": "kW"}),
        ({"phases": "1", "maximum": 8}, {"grid": -8.4 * AMPERE}),
    ],
)
async def test_sun_comes_out(
    hass: HomeAssistant, chargepoint: Chargepoint, inputs: dict[str, Any], grid: dict[str, Any]
) -> None:
    """It begins when the surplus has lasted, with as much as there is."""
    watts(hass, **grid)
    await by_sun(hass, chargepoint, **inputs)
    _minutes(hass, 1)
    await waits(hass)
    assert not chargepoint.sent("cmd.charge.start")
    _minutes(hass, 22)
    await chargepoint.wait_for_state("sensor", "offered_current", "8.0")
    assert chargepoint.state("sensor", "status") == "charging"


async def test_sun_between_clouds(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """A short surplus does not count."""
    watts(hass, -8 * AMPERE)
    await by_sun(hass, chargepoint)
    _minutes(hass, 1)
    await waits(hass)
    watts(hass, -5 * AMPERE)
    # It has ended now, and there is nothing to wait for.
    await hass.async_block_till_done()
    await later(hass, minutes=22)
    assert not chargepoint.sent("cmd.charge.start")


async def test_sun_goes(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """The current follows it, down to the minimum, and after a while charging stops."""
    watts(hass, 0)
    await by_sun(hass, chargepoint, maximum=12)
    await chargepoint.call("switch", "turn_on", "charging")
    # The power of the car would be surplus, too.
    courses = (
        (-20 * AMPERE, 6 * AMPERE, 12),
        (2 * AMPERE, 12 * AMPERE, 10),
        (-1 * AMPERE, 7.5 * AMPERE, 8),
    )
    for minute, (grid, charging, expected) in enumerate(courses, 1):
        watts(hass, grid, charging)
        await later(hass, minutes=minute)
        await chargepoint.wait_for_state("sensor", "offered_current", f"{expected}.0")
    watts(hass, 5 * AMPERE, 8 * AMPERE)
    _minutes(hass, 4)
    await waits(hass)
    await chargepoint.wait_for_state("sensor", "offered_current", "6.0")
    assert not chargepoint.sent("cmd.charge.stop")
    _minutes(hass, 25)
    await chargepoint.wait_for_state("sensor", "status", "ready_to_charge")
    assert [each["val"] for each in chargepoint.sent(LIMIT)] == [12, 10, 8, 6]


async def test_cloud_passes(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """It charges on with the minimum meanwhile."""
    watts(hass, 0)
    await by_sun(hass, chargepoint)
    await chargepoint.call("switch", "turn_on", "charging")
    watts(hass, 4 * AMPERE, 6 * AMPERE)
    _minutes(hass, 1)
    await waits(hass)
    watts(hass, -4 * AMPERE, 6 * AMPERE)
    await hass.async_block_till_done()
    assert chargepoint.state("sensor", "offered_current") == "6.0"
    await later(hass, minutes=22)
    await chargepoint.wait_for_state("sensor", "offered_current", "10.0")
    assert not chargepoint.sent("cmd.charge.stop")


async def test_sun_and_a_full_car(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """There is nothing to wait for."""
    watts(hass, 0)
    await by_sun(hass, chargepoint)
    await chargepoint.call("switch", "turn_on", "charging")
    await chargepoint.point.full()
    await chargepoint.wait_for_state("sensor", "status", "finished")
    watts(hass, -8 * AMPERE)
    await later(hass, minutes=1)
    (automation,) = hass.data[DATA_COMPONENT].entities
    assert not automation.action_script.is_running


async def test_car_leaves_while_it_waits(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """Without a car, nothing is started."""
    watts(hass, -8 * AMPERE)
    await by_sun(hass, chargepoint)
    _minutes(hass, 1)
    await waits(hass)
    await chargepoint.point.unplug()
    await chargepoint.wait_for_state("binary_sensor", "plug", "off")
    await later(hass, minutes=22)
    assert not chargepoint.sent("cmd.charge.start")


async def test_no_meter(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """An unavailable meter counts as no surplus."""
    watts(hass, -20 * AMPERE, 6 * AMPERE)
    hass.states.async_set("sensor.grid", "unavailable")
    await by_sun(hass, chargepoint)
    for minutes in (1, 22):
        await later(hass, minutes=minutes)
    assert not chargepoint.sent("cmd.charge.start")


# The end of a session -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        (
            {"energy": 12.345, "duration": 7260, "cost": 3.5, "currency": "EUR", "who": "Anna"},
            "Charging has finished, 12.35 kWh, 2:01 h, 3.50 EUR, Anna",
        ),
        ({"energy": 1.0}, "Charging has finished, 1.00 kWh"),
        ({}, "Charging has finished"),
        ({"energy": 0.05, "duration": 60}, None),
    ],
)
async def test_words(
    hass: HomeAssistant,
    chargepoint: Chargepoint,
    attributes: dict[str, Any],
    message: str | None,
) -> None:
    """Only known values are in the message, and there is none without a session."""
    received = async_mock_service(hass, "notify", "phone")
    event = er.async_get(hass).async_get_or_create(
        "event", DOMAIN, "told", device_id=device(chargepoint)
    )
    hass.states.async_set(event.entity_id, "unknown")
    words = {"title": "{{ title }}", "message": "{{ message }}"}
    await automate(
        hass,
        FINISHED,
        charge_point=[device(chargepoint)],
        notify=[{"action": "notify.phone", "data": words}],
    )
    hass.states.async_set(
        event.entity_id,
        dt_util.utcnow().isoformat(timespec="milliseconds"),
        {"event_type": "session_finished", **attributes},
    )
    await hass.async_block_till_done()
    if message is None:
        assert received == []
    else:
        await until(lambda: received)
        assert [dict(each.data) for each in received] == [
            {"title": "Acme Wallbox", "message": message}
        ]


async def test_session_finished(
    hass: HomeAssistant, broker: BrokerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A car comes, charges at a price and leaves; by default, Home Assistant notifies."""
    monkeypatch.setattr(tracker, "SETTLING_TIME", 0.1)
    hass.config.currency = "EUR"
    assert await async_setup_component(hass, "persistent_notification", {})
    entry = other_broker(broker, options={"fixed_price": 0.5})
    async with simulator(broker, timing=replace(QUICK, speed=1000.0)) as point:
        chargepoint = Chargepoint(hass, point, await load(hass, entry))
        await chargepoint.wait_for_state("sensor", "status", "disconnected")
        await until(lambda: chargepoint.state("event", "session"))
        await automate(hass, FINISHED, charge_point=[device(chargepoint)])
        await point.plug()
        await chargepoint.wait_for_state("sensor", "status", "ready_to_charge")
        await chargepoint.call("switch", "turn_on", "charging")
        await until(lambda: float(chargepoint.state("sensor", "session_energy") or 0) > 1)
        await point.unplug()
        (received,) = await until(lambda: async_get_notifications(hass).values())
        assert received["title"] == "Acme Wallbox"
        energy, _, cost = received["message"].removeprefix("Charging has finished, ").split(", ")
        taken = point["garage"].connector.energy
        assert float(energy.removesuffix(" kWh")) == pytest.approx(taken, abs=0.01)
        assert float(cost.removesuffix(" EUR")) == pytest.approx(taken / 2, abs=0.01)
        await hass.config_entries.async_unload(entry.entry_id)


def async_get_notifications(hass: HomeAssistant) -> dict[str, Any]:
    """Return Home Assistant's notifications."""
    return persistent_notification._async_get_or_create_notifications(hass)
