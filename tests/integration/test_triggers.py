"""Triggers and conditions: what a car does is seen, what a broker does is not."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from homeassistant.const import Platform
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.helpers import area_registry as ar
from homeassistant.helpers import condition, trigger
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import async_mock_service

from custom_components.fimp_chargepoint.chargepoint.sessions import tracker
from custom_components.fimp_chargepoint.condition import CONDITIONS
from custom_components.fimp_chargepoint.const import DOMAIN
from custom_components.fimp_chargepoint.trigger import TRIGGERS
from simulators.everest import EverestSimulator, EvseSetup
from simulators.mqtt import Broker
from tests.broker import BrokerProcess

from .conftest import QUICK, Chargepoint, find, load, other_broker, until


@pytest.fixture(name="news_at_once")
def news_at_once_fixture(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let reports of the first seconds create events as well."""
    monkeypatch.setattr(tracker, "FIRST_REPORTS_TIME", 0.0)


@pytest.fixture(name="calls")
def calls_fixture(hass: HomeAssistant) -> list[ServiceCall]:
    """The actions of the automations."""
    return async_mock_service(hass, "test", "automation")


def device(chargepoint: Chargepoint) -> dict[str, Any]:
    """Return a charge point as a target."""
    return {"device_id": chargepoint.registered("switch", "charging").device_id}


async def automate(hass: HomeAssistant, *triggers: dict[str, Any], **config: Any) -> None:
    """Set up an automation that records the trigger that started it."""
    data = {"by": "{{ trigger.id }}", "entity": "{{ trigger.entity_id }}"}
    automation = {
        "triggers": list(triggers),
        "actions": [{"action": "test.automation", "data": data}],
        "mode": "queued",
        **config,
    }
    assert await async_setup_component(hass, "automation", {"automation": [automation]})
    await hass.async_block_till_done()
    (state,) = hass.states.async_all("automation")
    assert state.state == "on"


async def automate_all(hass: HomeAssistant, target: dict[str, Any]) -> None:
    """Set up an automation with each of our triggers."""
    await automate(
        hass,
        *({"trigger": f"{DOMAIN}.{each}", "target": target, "id": each} for each in TRIGGERS),
    )


async def run_by(hass: HomeAssistant, calls: list[ServiceCall], expected: str) -> None:
    """Wait until the automation was run by one trigger, and by no other."""
    await until(lambda: calls, f"the trigger {expected}")
    await hass.async_block_till_done()
    assert [each.data["by"] for each in calls] == [expected]
    calls.clear()


async def test_are_described(hass: HomeAssistant) -> None:
    """Home Assistant's own loaders find no fault with the files."""
    assert await async_setup_component(hass, DOMAIN, {})
    assert await async_setup_component(hass, "automation", {"automation": []})
    await hass.async_block_till_done()
    for described, names in (
        (await trigger.async_get_all_descriptions(hass), TRIGGERS),
        (await condition.async_get_all_descriptions(hass), CONDITIONS),
    ):
        for name in names:
            description = described[f"{DOMAIN}.{name}"]
            assert description is not None
            (entities,) = description["target"]["entity"]
            assert entities["integration"] == DOMAIN


@pytest.mark.usefixtures("news_at_once")
async def test_what_a_car_does(
    hass: HomeAssistant, chargepoint: Chargepoint, calls: list[ServiceCall]
) -> None:
    await automate_all(hass, device(chargepoint))
    point = chargepoint.point["garage"]

    await point.plug()
    await run_by(hass, calls, "car_connected")
    await chargepoint.call("switch", "turn_on", "charging")
    await run_by(hass, calls, "charging_started")
    await point.car_pause()
    await run_by(hass, calls, "charging_stopped")
    await point.car_resume()
    await run_by(hass, calls, "charging_started")
    await chargepoint.call("switch", "turn_off", "charging")
    await run_by(hass, calls, "charging_stopped")
    await point.fault()
    await run_by(hass, calls, "problem_occurred")
    await point.clear_fault()
    await run_by(hass, calls, "problem_solved")


@pytest.mark.usefixtures("news_at_once")
async def test_a_car_that_leaves(
    hass: HomeAssistant, chargepoint: Chargepoint, calls: list[ServiceCall]
) -> None:
    """While it charges, two events are sent at once."""
    await chargepoint.point.plug()
    await chargepoint.wait_for_state("binary_sensor", "plug", "on")
    await chargepoint.call("switch", "turn_on", "charging")
    await automate_all(hass, device(chargepoint))
    await chargepoint.point.unplug()
    await until(lambda: len(calls) == 3, "all triggers")
    by = [each.data["by"] for each in calls]
    assert by == ["charging_stopped", "session_finished", "car_disconnected"]


async def test_a_station_that_starts_anew(
    hass: HomeAssistant, broker: BrokerProcess, calls: list[ServiceCall]
) -> None:
    """It stops with its broker, and then reports for a moment that there is no car."""
    entry = await load(hass, other_broker(broker))
    async with EverestSimulator(
        Broker(broker.host, broker.port),
        EvseSetup(authorize=False),
        timing=replace(QUICK, pace=1.0),
    ) as station:
        found = Chargepoint(hass, station, entry)
        await found.wait_for_state("sensor", "status", "disconnected")
        await station.plug()
        await found.wait_for_state("binary_sensor", "plug", "on")
        await automate_all(hass, device(found))
        await hass.async_add_executor_job(broker.stop)
        await found.wait_for_state("binary_sensor", "plug", "unavailable")
        await hass.async_add_executor_job(broker.start)
        await found.wait_for_state("binary_sensor", "plug", "on")
        await hass.async_block_till_done()
        assert [each.data["by"] for each in calls if "car" in each.data["by"]] == []
        await hass.config_entries.async_unload(entry.entry_id)


@pytest.mark.parametrize("charging", [False, True])
async def test_what_the_connection_does(
    hass: HomeAssistant, chargepoint: Chargepoint, calls: list[ServiceCall], *, charging: bool
) -> None:
    """A charge point that comes back, or a restart, does not count as a car that arrives."""
    point = chargepoint.point["garage"]
    await point.plug()
    await chargepoint.wait_for_state("binary_sensor", "plug", "on")
    if charging:
        await chargepoint.call("switch", "turn_on", "charging")
    await chargepoint.wait_for_state("binary_sensor", "charging", "on" if charging else "off")
    await automate_all(hass, device(chargepoint))

    await point.offline()
    await chargepoint.wait_for_state("binary_sensor", "plug", "unavailable")
    await point.online()
    await chargepoint.wait_for_state("binary_sensor", "plug", "on")

    await hass.config_entries.async_reload(chargepoint.entry.entry_id)
    await chargepoint.wait_for_state("binary_sensor", "plug", "on")
    await chargepoint.wait_for_state("binary_sensor", "charging", "on" if charging else "off")
    await hass.async_block_till_done()
    assert calls == []


async def test_a_fault_that_was_there_before(
    hass: HomeAssistant, chargepoint: Chargepoint, calls: list[ServiceCall]
) -> None:
    point = chargepoint.point["garage"]
    await point.fault()
    await chargepoint.wait_for_state("binary_sensor", "problem", "on")
    await automate_all(hass, device(chargepoint))
    await point.offline()
    await chargepoint.wait_for_state("binary_sensor", "problem", "unavailable")
    await point.online()
    await chargepoint.wait_for_state("binary_sensor", "problem", "on")
    await hass.async_block_till_done()
    assert calls == []


@pytest.mark.usefixtures("news_at_once")
async def test_only_charge_points(
    hass: HomeAssistant, chargepoint: Chargepoint, calls: list[ServiceCall]
) -> None:
    """The lawn mower in the same garage charges as well."""
    area = ar.async_get(hass).async_get_or_create("Garage")
    dr.async_get(hass).async_update_device(**device(chargepoint), area_id=area.id)
    registry = er.async_get(hass)
    other = registry.async_get_or_create(
        "binary_sensor", "demo", "1", original_device_class="battery_charging"
    ).entity_id
    registry.async_update_entity(other, area_id=area.id)
    hass.states.async_set(other, "off", {"device_class": "battery_charging"})
    await automate_all(hass, {"area_id": area.id})
    hass.states.async_set(other, "on", {"device_class": "battery_charging"})
    await hass.async_block_till_done()
    assert calls == []
    await chargepoint.point.plug()
    await run_by(hass, calls, "car_connected")


# The end of a session, which is an event -----------------------------------------------------


def _event(hass: HomeAssistant, platform: str = DOMAIN) -> Callable[..., None]:
    """Return how to show what an event entity shows."""
    entity = er.async_get(hass).async_get_or_create(Platform.EVENT, platform, "session")

    def show(when: str, kind: str | None = None, **attributes: Any) -> None:
        shown = {"event_type": kind, "energy": 12.3, **attributes}
        hass.states.async_set(entity.entity_id, when, shown)

    return show


async def _finished(hass: HomeAssistant) -> None:
    (state,) = hass.states.async_all("event")
    await automate(
        hass,
        {
            "trigger": f"{DOMAIN}.session_finished",
            "target": {"entity_id": state.entity_id},
            "id": "session_finished",
        },
    )


def _later(seconds: float) -> str:
    return (dt_util.utcnow() + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")


async def test_session_finished(hass: HomeAssistant, calls: list[ServiceCall]) -> None:
    """The first one of all counts, and one after another; another event does not."""
    show = _event(hass)
    show("unknown")
    await _finished(hass)
    show(_later(0), "session_finished")
    await run_by(hass, calls, "session_finished")
    show(_later(1), "car_connected")
    show(_later(2), "session_finished")
    await run_by(hass, calls, "session_finished")


async def test_two_events_at_once(hass: HomeAssistant, calls: list[ServiceCall]) -> None:
    """They have the same time, and are two events anyway."""
    show, when = _event(hass), _later(0)
    show(when, "car_disconnected")
    await _finished(hass)
    show(when, "session_finished")
    await run_by(hass, calls, "session_finished")


async def test_session_that_finished_long_ago(
    hass: HomeAssistant, calls: list[ServiceCall]
) -> None:
    """It is shown again after a restart."""
    show = _event(hass)
    before = _later(-60)
    show(before, "session_finished")
    await _finished(hass)
    for _ in range(2):
        show("unavailable")
        show(before, "session_finished")
    await hass.async_block_till_done()
    assert calls == []
    show(_later(1), "session_finished")
    await run_by(hass, calls, "session_finished")


@pytest.mark.parametrize("event_type", ["session_finished", "car_disconnected"])
async def test_a_late_event(hass: HomeAssistant, calls: list[ServiceCall], event_type: str) -> None:
    """An automation runs hours later only if the user has chosen that."""
    show = _event(hass)
    show(_later(0), "car_connected")
    entity = next(each for each in hass.states.async_all("event"))
    common = {"trigger": f"{DOMAIN}.{event_type}", "target": {"entity_id": entity.entity_id}}
    await automate(
        hass,
        common | {"id": "at once"},
        common | {"id": "also late", "options": {"include_late": True}},
    )
    show(_later(1), event_type, late=True)
    await run_by(hass, calls, "also late")
    show(_later(2), event_type)
    await until(lambda: len(calls) == 2, "both triggers")
    assert {each.data["by"] for each in calls} == {"at once", "also late"}


async def test_session_of_something_else(hass: HomeAssistant, calls: list[ServiceCall]) -> None:
    show = _event(hass, "demo")
    show("unknown")
    await _finished(hass)
    show(_later(0), "session_finished")
    await hass.async_block_till_done()
    assert calls == []


# Conditions ----------------------------------------------------------------------------------


async def test_conditions(
    hass: HomeAssistant, chargepoint: Chargepoint, calls: list[ServiceCall]
) -> None:
    """Each condition passes if it should, and none passes while the state is unknown."""
    choices = [
        {
            "conditions": {"condition": f"{DOMAIN}.{each}", "target": device(chargepoint)},
            "sequence": {"action": "test.automation", "data": {"by": each}},
        }
        for each in CONDITIONS
    ]
    await automate(
        hass,
        {"trigger": "event", "event_type": "look"},
        actions=[{"parallel": [{"choose": [each]} for each in choices]}],
    )

    async def hold() -> set[str]:
        calls.clear()
        hass.bus.async_fire("look")
        await hass.async_block_till_done()
        return {each.data["by"] for each in calls}

    assert await hold() == {"is_not_connected", "is_not_charging"}
    await chargepoint.point.plug()
    await chargepoint.wait_for_state("binary_sensor", "plug", "on")
    assert await hold() == {"is_connected", "is_not_charging"}
    await chargepoint.call("switch", "turn_on", "charging")
    assert await hold() == {"is_connected", "is_charging"}
    await chargepoint.point["garage"].offline()
    await chargepoint.wait_for_state("binary_sensor", "plug", "unavailable")
    assert await hold() == set()


async def test_condition_only_charge_points(
    hass: HomeAssistant, chargepoint: Chargepoint, calls: list[ServiceCall]
) -> None:
    other = er.async_get(hass).async_get_or_create(
        "binary_sensor", "demo", "1", original_device_class="plug"
    )
    hass.states.async_set(other.entity_id, "on", {"device_class": "plug"})
    plug = find(hass, "binary_sensor", "plug")
    await automate(
        hass,
        {"trigger": "event", "event_type": "look"},
        conditions=[
            {
                "condition": f"{DOMAIN}.is_connected",
                "target": {"entity_id": [other.entity_id, plug]},
            }
        ],
        actions=[{"action": "test.automation", "data": {"by": "look"}}],
    )
    hass.bus.async_fire("look")
    await hass.async_block_till_done()
    assert calls == []
    await chargepoint.point.plug()
    await chargepoint.wait_for_state("binary_sensor", "plug", "on")
    hass.bus.async_fire("look")
    await run_by(hass, calls, "look")
