"""A day of a Blue Current charge point in Home Assistant, at the simulator of its server."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import async_mock_service

from custom_components.fimp_chargepoint.chargepoint.sessions import tracker
from custom_components.fimp_chargepoint.const import DOMAIN
from custom_components.fimp_chargepoint.trigger import TRIGGERS
from tests.helpers.blue_current import GRID
from tests.helpers.blue_current_home import AccountHome, account_home
from tests.helpers.waiting import until

_AMSTERDAM = ZoneInfo("Europe/Amsterdam")


@pytest.fixture(name="runs")
async def runs_fixture(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> list[ServiceCall]:
    """The actions of automations with each trigger, including those of the first reports."""
    monkeypatch.setattr(tracker, "FIRST_REPORTS_TIME", 0.0)
    monkeypatch.setattr(tracker, "SETTLING_TIME", 0.2)
    return async_mock_service(hass, "test", "automation")


class Day:
    """The events of the charge point, and the states in Home Assistant."""

    def __init__(self, home: AccountHome, runs: list[ServiceCall]) -> None:
        """Note each event of the sessions."""
        self.home = home
        self.runs = runs
        self.events: list[dict[str, Any]] = []
        entity_id = home.id("event", "session")

        def note(event: Any) -> None:
            if event.data["entity_id"] == entity_id and event.data["new_state"] is not None:
                self.events.append(dict(event.data["new_state"].attributes))

        home.hass.bus.async_listen("state_changed", note)

    async def automate(self) -> None:
        """Run an automation by each of our triggers."""
        target = {"device_id": self.home.device().id}
        automation = {
            "triggers": [
                {"trigger": f"{DOMAIN}.{each}", "target": target, "id": each} for each in TRIGGERS
            ],
            "actions": [{"action": "test.automation", "data": {"by": "{{ trigger.id }}"}}],
            "mode": "queued",
        }
        assert await async_setup_component(
            self.home.hass, "automation", {"automation": [automation]}
        )
        await self.home.hass.async_block_till_done()

    async def happens(self, event_type: str, run_by: str | None = None) -> dict[str, Any]:
        """Wait for an event of the session, and for the automation that it runs."""
        await until(
            lambda: any(each["event_type"] == event_type for each in self.events),
            f"{event_type} after {[each['event_type'] for each in self.events]}",
        )
        if run_by is not None:
            await until(lambda: run_by in [each.data["by"] for each in self.runs], run_by)
        found = next(each for each in self.events if each["event_type"] == event_type)
        self.events.clear()
        self.runs.clear()
        return found

    async def sees(self, **states: str) -> None:
        """Wait until sensors have these states."""
        for key, state in states.items():
            await self.home.wait_for_state("sensor", key, state)

    async def act(self, action: str, **data: Any) -> dict[str, Any]:
        """Run an action, and return its part of the response."""
        response = await self.home.hass.services.async_call(
            DOMAIN,
            action,
            {"device_id": self.home.device().id, **data},
            blocking=True,
            return_response=True,
        )
        assert response is not None
        (answer,) = response["charge_points"]
        return dict(answer)

    def number(self, key: str) -> float:
        """Return what a sensor shows."""
        return float(self.home.state("sensor", key) or "nan")


async def comes_and_starts(day: Day) -> None:
    """A car comes, and is started with a card."""
    home = day.home
    await home.simulator.plug()
    await day.happens("car_connected", "car_connected")
    await day.sees(status="ready_to_charge", not_charging_reason="switched_off", iec61851="b")
    assert home.state("binary_sensor", "plug") == "on"
    answer = await day.act("start_charging", card="Company card")
    assert answer["status"] == "charging"
    await day.happens("charging_started", "charging_started")
    await day.sees(status="charging", not_charging_reason="charging", iec61851="c")
    assert home.state("switch", "charging") == "on"
    await day.sees(power=str(3 * 16 * 230.0), max_current="16.0", effective_current="16.0")
    await until(lambda: day.number("session_energy") > 0.05)
    energy = home.shown("sensor", "session_energy").attributes
    assert energy["state_class"] == "total"
    assert energy["last_reset"][:19] == (home.state("sensor", "session_started") or "")[:19]


async def is_limited(day: Day) -> None:
    """A schedule limits the current for a while."""
    now = datetime.now(_AMSTERDAM)
    before, after = now - timedelta(hours=1), now + timedelta(hours=1)
    schedule = await day.act(
        "set_current_schedule",
        current=10,
        start_days=[f"{before:%a}".lower()],
        start_time=f"{before:%H:%M}",
        end_days=[f"{after:%a}".lower()],
        end_time=f"{after:%H:%M}",
    )
    await day.sees(effective_current="10.0", limited_by="smart_charging")
    await day.sees(power=str(3 * 10 * 230.0), status="charging")
    await day.act("clear_current_schedule", schedule_id=schedule["schedule_id"])
    await day.sees(effective_current="16.0", limited_by="unknown")
    await day.home.simulator.grid("20 19 18")
    await day.home.wait_for_state("sensor", "highest_load", "20.0", GRID)


async def waits(day: Day) -> None:
    """Smart charging lets the car wait, and continue."""
    await day.home.simulator.hold()
    await day.happens("charging_paused", "charging_stopped")
    await day.sees(status="suspended_by_evse", not_charging_reason="current_too_low")
    await day.home.simulator.hold("off")
    await day.happens("charging_resumed", "charging_started")


async def stops_and_leaves(day: Day) -> None:
    """The session is recorded with its energy and cost."""
    home = day.home
    await home.call("switch", "turn_off", "charging")
    await day.sees(status="ready_to_charge", power="0.0")
    charged = day.number("session_energy")
    await home.simulator.unplug()
    finished = await day.happens("session_finished", "session_finished")
    await day.sees(status="disconnected", not_charging_reason="no_car")
    energy, cost = pytest.approx(charged, abs=0.01), pytest.approx(charged * 0.5, abs=0.01)
    assert (finished["energy"], finished["cost"]) == (energy, cost)
    assert day.number("last_session_energy") == day.number("computed_energy") == energy
    assert day.number("last_session_cost") == cost
    # Blue Current itself charges another price.
    assert day.number("station_cost") == pytest.approx(charged * 0.29, abs=0.01)
    (session,) = (await day.act("get_sessions"))["sessions"]
    assert session["energy"] == finished["energy"]
    assert session["started"] == finished["started"]


async def is_away(day: Day) -> None:
    """The charge point is offline for a while, then the requests of the day are used up."""
    home, simulator = day.home, day.home.simulator
    total = home.state("sensor", "computed_energy")
    await simulator.offline()
    await day.sees(status="unavailable", power="unavailable")
    assert home.state("sensor", "offline_since") not in (None, "unknown", "unavailable")
    assert home.state("sensor", "computed_energy") == total
    await simulator.online()
    await day.sees(status="disconnected")
    await simulator.quota("0")
    await simulator.abort()
    await day.sees(status="unavailable", offline_since="unavailable")
    assert home.state("sensor", "load_l1", GRID) == "unavailable"
    assert home.state("sensor", "computed_energy") == total
    await simulator.quota()
    home.clock.ahead += 24 * 3600
    await day.sees(status="disconnected", computed_energy=str(total))
    assert len((await day.act("get_sessions"))["sessions"]) == 1


async def test_day(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch, runs: list[ServiceCall]
) -> None:
    async with account_home(hass, monkeypatch, options={"fixed_price": 0.5}) as home:
        day = Day(home, runs)
        await day.automate()
        for course in (comes_and_starts, is_limited, waits, stops_and_leaves, is_away):
            await course(day)


async def test_lifetime_energy_after_a_reload(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It continues in the middle of a session."""
    async with account_home(hass, monkeypatch) as home:
        await home.simulator.plug()
        await home.wait_for_state("sensor", "status", "ready_to_charge")
        await home.call("switch", "turn_on", "charging")

        def total() -> float:
            return float(home.state("sensor", "computed_energy") or "nan")

        await until(lambda: total() > 0.05)
        assert home.shown("sensor", "computed_energy").attributes["state_class"] == (
            "total_increasing"
        )
        before = total()
        assert await hass.config_entries.async_reload(home.entry.entry_id)
        await home.wait_for_state("sensor", "status", "charging")
        await until(lambda: total() > before)
        await home.call("switch", "turn_off", "charging")
        await hass.async_block_till_done()
        energy = home.simulator["driveway"].connector.energy
        assert total() == pytest.approx(energy, abs=0.02)
