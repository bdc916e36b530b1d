"""The entities and controls of a Blue Current account in Home Assistant."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
import pytest

from custom_components.fimp_chargepoint.const import DOMAIN
from custom_components.fimp_chargepoint.dashboard import async_dashboard
from tests.helpers.blue_current import EVSE, GRID
from tests.helpers.blue_current_home import AccountHome, account_home
from tests.helpers.waiting import until
from tests.metadata.pages import entities


@pytest.mark.usefixtures("everything_enabled")
async def test_what_you_get(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> None:
    """docs/what-you-get.md lists the entities."""
    async with account_home(hass, monkeypatch, options={"fixed_price": 0.3}) as home:
        rows = list(entities())
        always = {(row.platform, row.name) for row in rows if row.blue_current == "yes"}
        never = {(row.platform, row.name) for row in rows if row.blue_current == "no"}

        def there() -> set[tuple[str, str]]:
            registry = er.async_get(hass)
            return {
                (each.domain, each.original_name or each.unique_id.rpartition("_")[2])
                for each in er.async_entries_for_config_entry(registry, home.entry.entry_id)
            }

        await until(lambda: always <= there(), f"{always}")
        await home.simulator.limit("10")
        await home.wait_for_state("sensor", "limited_by", "smart_charging")
        await hass.async_block_till_done()
        assert not there() & never
        assert there() <= {(row.platform, row.name) for row in rows}


@pytest.mark.usefixtures("everything_enabled")
async def test_days_of_delayed_charging(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are shown as Home Assistant calls them, with an attribute that it translates."""
    async with account_home(hass, monkeypatch) as home:
        await hass.services.async_call(
            DOMAIN,
            "set_delayed_charging",
            {
                "enabled": True,
                "days": ["sun", "mon"],
                "start_time": "22:00:00",
                "end_time": "06:30:00",
            },
            target={"device_id": home.device().id},
            blocking=True,
            return_response=True,
        )
        key = "parameter_delayed_charging_days"
        await home.wait_for_state("sensor", key, "mon, sun")
        assert home.shown("sensor", key).attributes["days"] == ["mon", "sun"]


@pytest.mark.usefixtures("everything_enabled")
async def test_settings(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> None:
    """They have names of their own and units, and stay readable while a car charges."""
    async with account_home(hass, monkeypatch) as home:
        await home.wait_for_state("sensor", "parameter_led_brightness", "50.0")
        shown = {
            ("sensor", "tariff_price"): ("0.29", "EUR/kWh"),
            ("sensor", "tariff_price_ex_vat"): ("0.2397", "EUR/kWh"),
            ("sensor", "tariff_start_price"): ("0.0", "EUR"),
            ("sensor", "tariff_id"): ("NLBCUT994", None),
            ("sensor", "default_card"): ("BCU-APP", None),
            ("sensor", "max_offline"): ("7.0", "A"),
            ("sensor", "smart_charging_max"): ("6.0", "A"),
            ("sensor", "latitude"): ("50.824811", "°"),
            ("sensor", "longitude"): ("4.342838", "°"),
            ("binary_sensor", "smart_charging"): ("off", None),
            ("binary_sensor", "led_interaction"): ("on", None),
            ("binary_sensor", "boosting"): ("off", None),
            ("switch", "linked_charge_cards_only"): ("off", None),
        }

        def seen() -> dict[tuple[str, str], tuple[str, object]]:
            states = {key: home.shown(key[0], f"parameter_{key[1]}") for key in shown}
            return {
                key: (state.state, state.attributes.get("unit_of_measurement"))
                for key, state in states.items()
            }

        assert seen() == shown
        await home.call("switch", "turn_on", "parameter_plug_and_charge")
        await home.call("switch", "turn_on", "parameter_linked_charge_cards_only")
        shown["switch", "linked_charge_cards_only"] = "on", None
        await home.simulator.plug()
        await home.wait_for_state("sensor", "status", "charging")
        assert home.state("switch", "parameter_plug_and_charge") == "on"
        assert seen() == shown


async def test_setting_without_permission(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is a binary sensor, and becomes a switch if the account may change it."""
    async with account_home(hass, monkeypatch) as home:
        frame = (
            '{{"object": "CH_SETTINGS", "data": {{"evse_id": "{evse}",'
            ' "plug_and_charge": {{"value": true, "permission": "{permission}"}}}}}}'
        )
        await home.wait_for_state("switch", "parameter_plug_and_charge", "off")
        await home.simulator.frame(frame.format(evse=EVSE, permission="read"))
        await home.wait_for_state("binary_sensor", "parameter_plug_and_charge", "on")
        assert home.state("switch", "parameter_plug_and_charge") is None
        await home.simulator.frame(frame.format(evse=EVSE, permission="write"))
        await home.wait_for_state("switch", "parameter_plug_and_charge", "on")
        assert home.state("binary_sensor", "parameter_plug_and_charge") is None


async def test_grid_connection(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> None:
    async with account_home(hass, monkeypatch) as home:
        await home.simulator.grid("5 6 10")
        await home.wait_for_state("sensor", "highest_load", "10.0", GRID)
        values = {
            key: home.state("sensor", key, GRID)
            for key in ("load_l1", "load_l2", "load_l3", "average_load")
        }
        assert values == {
            "load_l1": "5.0",
            "load_l2": "6.0",
            "load_l3": "10.0",
            "average_load": "7.0",
        }
        assert home.state("sensor", "installed_current", GRID) == "40.0"
        assert home.state("sensor", "reserved_current", GRID) == "25.0"
        # It is not measured while the only charge point is offline.
        await home.simulator.offline()
        await home.wait_for_state("sensor", "load_l1", "unavailable", GRID)
        await home.simulator.online()
        await home.wait_for_state("sensor", "load_l1", "5.0", GRID)


async def test_dashboard(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> None:
    """The charge point and the grid connection have a section each."""
    async with account_home(hass, monkeypatch) as home:
        await home.wait_for_state("sensor", "installed_current", "40.0", GRID)
        found: Any = await async_dashboard(hass, "en")
        charge_point, grid = found["views"][0]["sections"]
        assert charge_point["cards"][0]["heading"] == "Driveway"
        (energy,) = (each for each in charge_point["cards"] if each["type"] == "statistics-graph")
        assert energy["entities"] == [home.id("sensor", "computed_energy")]
        heading, *tiles, history = grid["cards"]
        assert heading["heading"] == f"Grid connection GRID-{EVSE}"
        assert [each["entity"] for each in tiles] == [
            home.id("sensor", f"load_l{line}", GRID) for line in (1, 2, 3)
        ]
        assert tiles[0]["features"] == [{"type": "bar-gauge", "min": 0, "max": 40.0}]
        assert len(history["entities"]) == 3


async def test_offline(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> None:
    """All is unavailable but what is known of it."""
    async with account_home(hass, monkeypatch) as home:
        await home.simulator.offline()
        await home.wait_for_state("sensor", "status", "unavailable")
        assert home.state("sensor", "offline_since") not in (None, "unknown", "unavailable")
        assert home.state("switch", "charging") == "unavailable"
        assert home.state("sensor", "computed_energy") == "0.0"
        await home.simulator.online()
        await home.wait_for_state("sensor", "status", "disconnected")
        assert home.state("sensor", "offline_since") == "unknown"
        # Without the connection, it is unknown whether it is offline.
        await home.simulator.offline()
        await until(lambda: home.state("sensor", "offline_since") not in ("unknown", "unavailable"))
        await home.simulator.away()
        await home.simulator.abort()
        await home.wait_for_state("sensor", "offline_since", "unavailable")
        await home.simulator.back()


async def refused(home: AccountHome, platform: str, action: str, key: str) -> str:
    """Return the text of the error of an action that fails."""
    with pytest.raises(HomeAssistantError) as raised:
        await home.call(platform, action, key)
    return str(raised.value)


async def test_refusals(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are shown in Blue Current's words, wherever these come."""
    async with account_home(hass, monkeypatch) as home:
        await home.simulator.plug()
        await home.wait_for_state("sensor", "status", "ready_to_charge")
        await home.simulator.refuse("REJECTED")
        for platform, action, key in (
            ("switch", "turn_on", "charging"),
            ("switch", "turn_on", "parameter_plug_and_charge"),
            ("button", "press", "restart"),
            ("button", "press", "reset"),
        ):
            text = await refused(home, platform, action, key)
            assert text == "Driveway refused: REJECTED", key
            assert home.state("sensor", "status") == "ready_to_charge"
        assert home.state("switch", "charging") == "off"
        await home.simulator.refuse()
        await home.call("switch", "turn_on", "charging")
        # Only the receipt has an error.
        home.simulator["driveway"].charging = False
        text = await refused(home, "switch", "turn_off", "charging")
        assert text == f"Driveway refused: no active session for chargepoint: {EVSE}"


async def test_block_and_buttons(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> None:
    async with account_home(hass, monkeypatch) as home:
        await home.call("switch", "turn_off", "enabled")
        assert home.state("sensor", "status") == "out_of_service"
        assert home.state("switch", "enabled") == "off"
        await home.call("switch", "turn_on", "enabled")
        assert home.state("sensor", "status") == "disconnected"
        for key, command in (("restart", "REBOOT"), ("reset", "SOFT_RESET")):
            await home.call("button", "press", key)
            assert home.simulator.requests[-1]["command"] == command
            await home.wait_for_state("sensor", "status", "unavailable")
            await home.wait_for_state("sensor", "status", "disconnected")


@pytest.mark.usefixtures("everything_enabled")
async def test_requests(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are counted until midnight in Amsterdam, and nothing is polled."""
    async with account_home(hass, monkeypatch) as home:

        def count() -> int:
            (entity,) = (
                each
                for each in er.async_get(hass).entities.values()
                if each.unique_id == f"{home.entry.unique_id}_requests_sent"
            )
            assert entity.platform == DOMAIN
            assert entity.device_id == home.hub_device.id
            state = hass.states.get(entity.entity_id)
            assert state is not None
            return int(state.state)

        await home.wait_for_state("sensor", "parameter_led_brightness", "50.0")
        await until(lambda: count() == len(home.simulator.requests))
        before = count()
        await home.simulator.plug()
        await home.wait_for_state("sensor", "status", "ready_to_charge")
        assert count() == before
        await home.call("switch", "turn_on", "charging")
        assert count() == before + 1
        home.clock.ahead += 24 * 3600
        await home.call("switch", "turn_off", "charging")
        assert count() == 1
