"""Load balancing: a blueprint, a house that draws in steps, and charge points that follow."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count
import time
from typing import Any
from unittest.mock import patch

from homeassistant.components.blueprint import models
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import area_registry as ar
from homeassistant.helpers import device_registry as dr
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_mock_service

from custom_components.fimp_chargepoint.actions.targets import async_all_nodes
from custom_components.fimp_chargepoint.chargepoint.commands import command
from custom_components.fimp_chargepoint.chargepoint.fimp.chargepoint import FimpChargepoint
from custom_components.fimp_chargepoint.chargepoint.limits import balanced
from custom_components.fimp_chargepoint.chargepoint.limits.balanced import balanced_limit
from custom_components.fimp_chargepoint.chargepoint.model import ChargepointSnapshot, Feature
from custom_components.fimp_chargepoint.const import DOMAIN
from custom_components.fimp_chargepoint.devices import node_identifier
from harness.house import GridConnection, Step
from simulators.everest import EverestSimulator, EvseSetup
from simulators.fimp import ChargepointSetup, FimpSimulator
from simulators.mqtt import Broker
from tests.broker import BrokerProcess

from .blueprints import automate, blueprint
from .conftest import QUICK, Chargepoint, load, other_broker, simulator, until

#: Seconds of the simulation for one second of a test, while the test only waits.
PACE = 10.0


@pytest.fixture(autouse=True)
async def _ours(hass: HomeAssistant) -> AsyncIterator[None]:
    """Let Home Assistant find the blueprint, and leave no automation running."""
    with patch.object(
        models.DomainBlueprints, "_load_blueprint", lambda *_: blueprint("load_balancing")
    ):
        yield
    if hass.services.has_service("automation", "turn_off"):
        await hass.services.async_call(
            "automation", "turn_off", {"entity_id": "all"}, blocking=True
        )


@pytest.fixture(autouse=True)
def _quick_balance(monkeypatch: pytest.MonkeyPatch) -> None:
    """Raise sooner, and repeat sooner what was refused."""
    monkeypatch.setattr(balanced, "RAISE_AFTER", 60 / PACE)
    monkeypatch.setattr(balanced, "_RETRY", 10 / PACE)
    monkeypatch.setattr(FimpChargepoint, "report_age", 30 / PACE)
    monkeypatch.setattr(command, "_RETRY_AFTER", 5 / PACE)


@asynccontextmanager
async def everest(broker: BrokerProcess) -> AsyncGenerator[EverestSimulator]:
    """Simulate an EVSE with a limits module; a card is presented."""
    async with EverestSimulator(
        Broker(broker.host, broker.port), EvseSetup(limits="limits_api"), timing=QUICK
    ) as station:
        yield station


@asynccontextmanager
async def easee(broker: BrokerProcess) -> AsyncGenerator[FimpSimulator]:
    """Simulate a charger that polls, and refuses a second change within 30 s, ten times faster."""
    timing = replace(QUICK, pace=1 / PACE, poll=30 / PACE)
    async with simulator(broker, ChargepointSetup(profile="easee"), timing=timing) as point:
        yield point


async def balance(hass: HomeAssistant, *devices: str, **data: Any) -> list[dict[str, Any]]:
    """Call the action, and return what it has decided."""
    answer = await hass.services.async_call(
        DOMAIN,
        "balance_load",
        data,
        blocking=True,
        return_response=True,
        target={"device_id": list(devices)},
    )
    decisions: list[dict[str, Any]] = answer["charge_points"]
    return decisions


def devices(hass: HomeAssistant, entry: MockConfigEntry) -> list[str]:
    """Return the devices of the charge points of an entry, sorted by name."""
    found = async_all_nodes(hass, ChargepointSnapshot)
    return sorted(found, key=lambda each: found[each].device_name)


def show(hass: HomeAssistant, currents: tuple[float, ...]) -> None:
    """Let the sensors of the grid connection report."""
    for phase, current in enumerate(currents, 1):
        attributes = {"device_class": "current", "unit_of_measurement": "A"}
        hass.states.async_set(f"sensor.grid_l{phase}", f"{current:.2f}", attributes)


async def live(hass: HomeAssistant, grid: GridConnection, seconds: float) -> None:
    """Let the house draw, and its meter report ten times a second."""
    begin = time.monotonic()
    for tick in count():
        if (at := time.monotonic() - begin) >= seconds:
            return
        # Nothing is as steady as in a simulation.
        show(hass, tuple(current + tick % 3 / 50 for current in grid.measure(at)))
        await asyncio.sleep(max(0.0, begin + (tick + 1) / 10 - time.monotonic()))


def nodes(entry: MockConfigEntry) -> list[Any]:
    """Return the charge points of an entry."""
    return [
        each for each in entry.runtime_data.hub.nodes.values() if hasattr(each.snapshot, "charging")
    ]


async def begin(hass: HomeAssistant, entry: MockConfigEntry, **inputs: Any) -> None:
    """Balance all charge points of an entry by the blueprint, with 25 A."""
    await automate(
        hass,
        "load_balancing",
        charge_points=devices(hass, entry),
        sensors=[f"sensor.grid_l{phase}" for phase in (1, 2, 3)],
        limit=25,
        **inputs,
    )


#: Seconds, and A that the house draws on its phases: an oven, a heat pump, nearly everything.
STEPS = (
    Step(0, (2, 3, 1)),
    Step(4, (8, 12, 1)),
    Step(8, (8, 22, 9)),
    Step(12, (2, 3, 1)),
)


async def test_blueprint(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """Two cars share the current; they pause while there is too little, and resume."""
    entry = await load(hass, other_broker(broker))
    async with everest(broker) as station, simulator(broker) as garage:
        await until(lambda: len(nodes(entry)) == 2, "both charge points")
        points = [*station.points.values(), *garage.points.values()]
        for point in points:
            await point.plug()
        await until(lambda: all(each.snapshot.plugged for each in nodes(entry)))
        await asyncio.gather(*(each.start_charging() for each in nodes(entry)))
        await until(lambda: all(balanced_limit(each.snapshot) for each in nodes(entry)))
        grid = GridConnection(25, STEPS, [point.connector for point in points])
        show(hass, grid.measure(0))
        await begin(hass, entry)
        await live(hass, grid, 35)
        assert grid.overloads()
        assert max(seconds for _, seconds in grid.overloads()) <= 5
        # With 22 A in the house there is not enough for any car.
        assert min(sum(sample.cars) for sample in grid.samples if 8 < sample.at < 12) < 0.5
        # Afterwards both charge again, and use what is left.
        assert all(current >= 6 for current in grid.samples[-1].cars)
        await hass.config_entries.async_unload(entry.entry_id)


async def test_blueprint_with_easee(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """A charger that takes a change only every 30 s follows within 35 s, in life."""
    entry = await load(hass, other_broker(broker))
    async with easee(broker) as point:
        found = Chargepoint(hass, point, entry)
        await found.comes()
        await until(lambda: Feature.SESSION_CURRENT in found.node.snapshot.capabilities.controls)
        await point.plug()
        await until(lambda: found.node.snapshot.plugged)
        await found.call("switch", "turn_on", "charging")
        steps = (Step(0, (2, 3, 1)), Step(10, (8, 12, 1)), Step(12, (8, 17, 1)))
        grid = GridConnection(25, steps, [point["garage"].connector])
        show(hass, grid.measure(0))
        await begin(hass, entry)
        # Its reports may be outdated: then it pauses although there is current, and resumes later.
        await live(hass, grid, 36)
        overloads = grid.overloads()
        assert max(seconds for _, seconds in overloads) * PACE <= 35 + PACE
        assert 6 <= grid.samples[-1].cars[0] <= 8
        await hass.config_entries.async_unload(entry.entry_id)


@pytest.mark.parametrize(
    ("values", "units", "measured"),
    [
        (["12", "8", "-3"], ["A", "A", "A"], {"currents": [12, 8, -3]}),
        (["12000", "8", "0"], ["mA", "A", "A"], {"currents": [12, 8, 0]}),
        (["2.3", "460", "0"], ["kW", "W", "W"], {"currents": [10, 2, 0]}),
        (["4.6"], ["kW"], {"power": 4600, "phases": 3}),
        # 0.0046 A would seem to be next to nothing.
        (["0.0046"], ["MW"], {"currents": [None]}),
        (["12", "2000", "0"], ["A", "W", "A"], {"currents": [12, None, 0]}),
        (["12", "unknown", "0"], ["A", "A", "A"], {"currents": [12, None, 0]}),
    ],
)
async def test_units(
    hass: HomeAssistant, values: list[str], units: list[str], measured: dict[str, Any]
) -> None:
    """A sensor whose unit is not known counts as unavailable."""
    calls = async_mock_service(hass, DOMAIN, "balance_load")
    sensors = [f"sensor.grid_{number}" for number in range(len(values))]
    for sensor, value, unit in zip(sensors, values, units, strict=True):
        hass.states.async_set(sensor, value, {"unit_of_measurement": unit})
    await automate(hass, "load_balancing", charge_points=["x"], sensors=sensors, limit=25)
    await hass.services.async_call("automation", "trigger", {"entity_id": "all"}, blocking=True)
    await hass.async_block_till_done()
    assert calls
    assert measured.items() <= calls[-1].data.items()


async def test_without_a_sensor(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """No charge point gets more than the safe current, and none gets less than 6 A."""
    await chargepoint.point.plug()
    await chargepoint.wait_for_state("sensor", "status", "ready_to_charge")
    device = chargepoint.registered("switch", "charging").device_id or ""
    (result,) = await balance(hass, device, limit=25, currents=[1, 2, "unavailable"])
    assert result["state"] == "not_charging"
    await chargepoint.call("switch", "turn_on", "charging")
    (result,) = await balance(hass, device, limit=25, currents=[1, 2, "unavailable"])
    assert (result["former"], result["current"], result["limit"]) == (32, 6, "session_current")
    await chargepoint.wait_for_state("sensor", "offered_current", "6.0")
    (result,) = await balance(hass, device, limit=25, power="unknown", safe_current=0)
    assert (result["state"], result["current"]) == ("paused", 0)
    await chargepoint.wait_for_state("sensor", "status", "ready_to_charge")


async def test_a_stop_of_the_user_is_respected(
    hass: HomeAssistant, chargepoint: Chargepoint
) -> None:
    """Only a pause by load balancing ends when there is room."""
    await chargepoint.point.plug()
    await chargepoint.wait_for_state("sensor", "status", "ready_to_charge")
    await chargepoint.call("switch", "turn_on", "charging")
    device = chargepoint.registered("switch", "charging").device_id or ""
    await balance(hass, device, limit=25, power=None, safe_current=0)
    await chargepoint.wait_for_state("sensor", "status", "ready_to_charge")
    assert chargepoint.node.snapshot.requested.plan.paused
    await chargepoint.wait_for_state("sensor", "not_charging_reason", "paused_by_load_balancing")
    await chargepoint.call("switch", "turn_off", "charging")
    await chargepoint.wait_for_state("sensor", "not_charging_reason", "switched_off")
    (result,) = await balance(hass, device, limit=25, currents=[0, 0, 0])
    assert result["state"] == "not_charging"


async def test_one_that_cannot_be_limited(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """The error names it, and the others are limited nevertheless."""
    entry = await load(hass, other_broker(broker))
    setups = ChargepointSetup(name="socket", profile="minimal"), ChargepointSetup()
    async with simulator(broker, *setups) as site:
        await until(lambda: len(nodes(entry)) == 2, "both charge points")
        for point in site.points.values():
            await point.plug()
        await until(lambda: all(each.snapshot.plugged for each in nodes(entry)))
        await asyncio.gather(*(each.start_charging() for each in nodes(entry)))
        garage = site["garage"].connector
        with pytest.raises(ServiceValidationError, match="Acme Socket cannot take part"):
            await balance(hass, devices(hass, entry)[0], limit=25, currents=[40, 40, 40])
        with pytest.raises(HomeAssistantError, match="Acme Socket cannot take part"):
            await balance(hass, *devices(hass, entry), limit=25, currents=[40, 40, 40])
        await until(lambda: garage.offered < 32)
        await hass.config_entries.async_unload(entry.entry_id)


def in_area(hass: HomeAssistant, entry: MockConfigEntry) -> dict[str, str]:
    """Return an area with all devices of an entry, also that of a station that was not found."""
    registry = dr.async_get(hass)
    registry.async_get_or_create(
        config_entry_id=entry.entry_id, identifiers={(DOMAIN, node_identifier(entry, "everest:x"))}
    )
    area_id = ar.async_get(hass).async_get_or_create("Yard").id
    for device in dr.async_entries_for_config_entry(registry, entry.entry_id):
        registry.async_update_device(device.id, area_id=area_id)
    return {"area_id": area_id}


async def test_one_that_is_not_found_after_a_restart(
    hass: HomeAssistant, broker: BrokerProcess
) -> None:
    """The others are limited and stopped nevertheless; the error of a stop names it."""
    entry = await load(hass, other_broker(broker))
    async with everest(broker) as station:
        async with simulator(broker):
            await until(lambda: len(nodes(entry)) == 2, "both charge points")
            both = devices(hass, entry)
        await hass.config_entries.async_reload(entry.entry_id)
        await until(lambda: bool(nodes(entry)), "the station")
        (point,) = station.points.values()
        await point.plug()
        (node,) = nodes(entry)
        await until(lambda: node.snapshot.charging and balanced_limit(node.snapshot))
        results = await balance(hass, *both, limit=25, currents=[40, 40, 40], safe_current=6)
        assert {each["state"] for each in results} == {"unavailable", "balanced"}
        await until(lambda: (node.snapshot.max_current or 32) < 32, "the limit")
        with pytest.raises(HomeAssistantError, match="is unavailable"):
            await hass.services.async_call(
                DOMAIN, "stop_charging", blocking=True, target={"device_id": both}
            )
        assert node.snapshot.charging is False
        area = in_area(hass, entry)
        answer = await hass.services.async_call(
            DOMAIN,
            "balance_load",
            {**area, "limit": 25, "currents": [40, 40, 40]},
            blocking=True,
            return_response=True,
        )
        states = [each["state"] for each in answer["charge_points"]]
        assert states == ["not_charging", "unavailable"]
        with pytest.raises(HomeAssistantError, match="Acme Wallbox is unavailable"):
            await hass.services.async_call(DOMAIN, "stop_charging", area, blocking=True)
        with pytest.raises(ServiceValidationError, match="is not a charge point"):
            await hass.services.async_call(
                DOMAIN, "start_charging", blocking=True, target={"device_id": both}
            )
        await hass.config_entries.async_unload(entry.entry_id)


async def test_shares_in_order(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """The one that is named first comes first."""
    entry = await load(hass, other_broker(broker))
    setups = [ChargepointSetup(name=name, title=name) for name in ("first", "second")]
    async with simulator(broker, *setups) as site:
        await until(lambda: len(nodes(entry)) == 2, "both charge points")
        for point in site.points.values():
            await point.plug()
        await until(lambda: all(each.snapshot.plugged for each in nodes(entry)))
        await asyncio.gather(*(each.start_charging() for each in nodes(entry)))
        await until(lambda: all(each.snapshot.meter.power for each in nodes(entry)))
        one, other = devices(hass, entry)
        results = await balance(hass, other, one, limit=30, currents=[70, 70, 70], share="order")
        assert [each["device_id"] for each in results] == [other, one]
        assert [each["current"] for each in results] == [18, 6]
        await hass.config_entries.async_unload(entry.entry_id)
