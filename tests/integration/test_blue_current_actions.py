"""The actions for a Blue Current account: cards, smart charging, schedules of current limits."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
import pytest

from custom_components.fimp_chargepoint.chargepoint.blue_current import discovery
from custom_components.fimp_chargepoint.const import DOMAIN
from tests.helpers.blue_current import EVSE
from tests.helpers.blue_current_home import AccountHome, account_home


@pytest.fixture(autouse=True)
def _quick_replies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "_FINAL_TIME", 0.05)


async def act(home: AccountHome, action: str, **data: Any) -> dict[str, Any]:
    """Run an action on the charge point, and return its part of the response."""
    response = await home.hass.services.async_call(
        DOMAIN,
        action,
        {"entity_id": home.id("switch", "charging"), **data},
        blocking=True,
        return_response=True,
    )
    assert response is not None
    (answer,) = response["charge_points"]
    return dict(answer)


def sent(home: AccountHome, command: str) -> list[dict[str, Any]]:
    """Return the requests that the server received."""
    return [each for each in home.simulator.requests if each["command"] == command]


@pytest.mark.parametrize("card", ["my charge card", "046C8CCA8C1D90", " 046c8cca8c1d90 "])
async def test_start_with_a_card(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch, card: str
) -> None:
    async with account_home(hass, monkeypatch) as home:
        await home.simulator.plug()
        await home.wait_for_state("sensor", "status", "ready_to_charge")
        answer = await act(home, "start_charging", card=card)
        assert answer["status"] == "charging"
        assert sent(home, "START_SESSION")[-1]["session_token"] == "046C8CCA8C1D90"
        # The next start is with the usual card again.
        await act(home, "stop_charging")
        await act(home, "start_charging")
        assert sent(home, "START_SESSION")[-1]["session_token"] == "BCU-APP"


async def test_card_that_is_not_known(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the cards; a uid that is not listed is refused by Blue Current itself."""
    async with account_home(hass, monkeypatch) as home:
        await home.simulator.plug()
        await home.wait_for_state("sensor", "status", "ready_to_charge")
        with pytest.raises(ServiceValidationError) as raised:
            await act(home, "start_charging", card="Visitor")
        assert raised.value.translation_key == "unknown_card"
        placeholders = raised.value.translation_placeholders or {}
        assert placeholders["cards"] == "My Charge Card, Company card"
        # An account may have none, or has not reported them yet.
        home.entry.runtime_data.hub.protocol._requests.cards = ()
        with pytest.raises(ServiceValidationError) as raised:
            await act(home, "start_charging", card="Visitor")
        assert (raised.value.translation_placeholders or {})["cards"] == "-"
        assert not sent(home, "START_SESSION")
        with pytest.raises(HomeAssistantError) as raised_by_server:
            await act(home, "start_charging", card="00000000")
        assert raised_by_server.value.translation_placeholders == {
            "name": "Driveway",
            "reason": "REJECTED",
        }


async def test_delayed_charging(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> None:
    async with account_home(hass, monkeypatch) as home:
        hours = {"days": ["mon", "sun"], "start_time": "22:00:00", "end_time": "06:30:00"}
        await act(home, "set_delayed_charging", enabled=True, **hours)
        (request,) = sent(home, "SAVE_SCHEDULE_DELAYED_CHARGING")
        assert (request["days"], request["start_time"], request["end_time"]) == (
            "[1,7]",
            "22:00",
            "06:30",
        )
        await home.wait_for_state("switch", "parameter_delayed_charging", "on")
        await home.wait_for_state("binary_sensor", "parameter_smart_charging", "on")
        # One turns the other one off.
        await act(home, "set_price_based_charging", enabled=True, departure_time="07:30:00")
        await home.wait_for_state("switch", "parameter_price_based_charging", "on")
        await home.wait_for_state("switch", "parameter_delayed_charging", "off")
        (request,) = sent(home, "PATCH_PRICE_BASED_CHARGING_SETTINGS")
        assert request["expected_departure_time"] == "07:30"
        assert "minimum_pct" not in request
        with pytest.raises(ServiceValidationError) as raised:
            await act(home, "set_delayed_charging")
        assert raised.value.translation_key == "nothing_requested"


async def test_override(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> None:
    async with account_home(hass, monkeypatch) as home:
        with pytest.raises(ServiceValidationError) as raised:
            await act(home, "override_smart_charging")
        assert raised.value.translation_key == "no_profile"
        await home.call("switch", "turn_on", "parameter_delayed_charging")
        answer = await act(home, "override_smart_charging")
        assert answer["profile"] == "delayed_charging"
        await home.wait_for_state("binary_sensor", "parameter_boosting", "on")
        await home.simulator.refuse("not now")
        with pytest.raises(HomeAssistantError, match="not now"):
            await act(home, "override_smart_charging", enabled=False)


async def test_schedules_of_current_limits(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with account_home(hass, monkeypatch) as home:
        assert (await act(home, "get_current_schedules"))["schedules"] == []
        with pytest.raises(ServiceValidationError) as raised:
            await act(home, "set_current_schedule", current=8)
        assert raised.value.translation_key == "incomplete_schedule"
        created = await act(
            home,
            "set_current_schedule",
            current=8,
            start_days=["fri", "sun"],
            start_time="22:00:00",
            end_time="06:00:00",
        )
        (schedule,) = (await act(home, "get_current_schedules"))["schedules"]
        assert schedule == {
            "schedule_id": created["schedule_id"],
            "current": 8,
            "start_days": ["fri", "sun"],
            "start_time": "22:00:00",
            "end_days": ["mon", "sat"],
            "end_time": "06:00:00",
            "serial_numbers": [EVSE],
        }
        # Fields that are left out stay unchanged.
        await act(home, "set_current_schedule", schedule_id=created["schedule_id"], current=12)
        (changed,) = (await act(home, "get_current_schedules"))["schedules"]
        assert changed == schedule | {"current": 12}
        await act(home, "clear_current_schedule", schedule_id=created["schedule_id"])
        assert (await act(home, "get_current_schedules"))["schedules"] == []
        for action in ("set_current_schedule", "clear_current_schedule"):
            with pytest.raises(HomeAssistantError):
                await act(home, action, schedule_id=created["schedule_id"])


@pytest.mark.parametrize(
    ("action", "data", "error"),
    [
        ("start_charging", {"card": "My card"}, "no_cards"),
        ("get_current_schedules", {}, "no_smart_charging"),
        ("set_delayed_charging", {"enabled": True}, "no_smart_charging"),
    ],
)
async def test_other_charge_points_cannot_do_it(
    chargepoint: Any, action: str, data: dict[str, Any], error: str
) -> None:
    await chargepoint.point["garage"].plug()
    with pytest.raises(ServiceValidationError) as raised:
        await chargepoint.hass.services.async_call(
            DOMAIN,
            action,
            {"entity_id": chargepoint.id("switch", "charging"), **data},
            blocking=True,
            return_response=True,
        )
    assert raised.value.translation_key == error
