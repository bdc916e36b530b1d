"""The actions: what they are for, what they refuse, and that they refuse it in time."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
import json
from typing import Any

from homeassistant.auth.const import GROUP_ID_READ_ONLY
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import (
    HomeAssistantError,
    ServiceValidationError,
    Unauthorized,
    UnknownUser,
)
from homeassistant.helpers import area_registry as ar
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.translation import async_get_translations, async_load_integrations
import probatio
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser

from custom_components.fimp_chargepoint.chargepoint.charge_point import (
    Chargepoint as LibraryChargepoint,
)
from custom_components.fimp_chargepoint.chargepoint.errors import InvalidRequestError
from custom_components.fimp_chargepoint.chargepoint.features import Feature
from custom_components.fimp_chargepoint.const import DOMAIN
from custom_components.fimp_chargepoint.entity import async_message, translated
from custom_components.fimp_chargepoint.services import ACTIONS
from simulators.everest import EverestSimulator, EvseSetup
from simulators.fimp import ChargepointSetup, FimpSimulator
from simulators.mqtt import Broker
from tests.broker import BrokerProcess

from .conftest import QUICK, Chargepoint, load, other_broker, running, simulator, until

LIMIT = "cmd.current_session.set_current"
START = "cmd.charge.start"


async def act(hass: HomeAssistant, action: str, target: Any, **data: Any) -> list[Any]:
    """Call one of our actions, and return its response for each charge point."""
    answer = await hass.services.async_call(
        DOMAIN, action, data, blocking=True, return_response=True, target=target
    )
    found: list[Any] = answer["charge_points"]
    return found


async def plugged(chargepoint: Chargepoint) -> dict[str, Any]:
    """Connect a car, and return what the charge point is as a target."""
    await chargepoint.wait_for_state("number", "max_current", "32")
    await chargepoint.point.plug()
    await chargepoint.wait_for_state("sensor", "status", "ready_to_charge")
    return {"device_id": chargepoint.registered("switch", "charging").device_id}


async def test_are_there_without_an_entry(hass: HomeAssistant) -> None:
    """An automation can be checked before the broker has answered."""
    entry = MockConfigEntry(domain=DOMAIN)
    entry.add_to_hass(hass)
    await load(hass, entry)
    assert set(hass.services.async_services_for_domain(DOMAIN)) == set(ACTIONS)
    for target in ({"device_id": "nothing"}, {"entity_id": "switch.nothing"}):
        with pytest.raises(ServiceValidationError, match="nothing is not a charge point"):
            await act(hass, "start_charging", target)


async def test_start_charging(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """The limit comes before the current that it limits, and again after the mode's own."""
    target = await plugged(chargepoint)
    (answer,) = await act(hass, "start_charging", target, mode="slow", current=8.5)
    assert answer == {
        **target,
        "name": "Acme Wallbox",
        "status": "charging",
        "mode": "slow",
        "limit": "session_current",
        "current": 8.0,
    }
    assert chargepoint.state("number", "session_current") == "8"
    assert chargepoint.state("select", "charging_mode") == "slow"
    await chargepoint.wait_for_state("sensor", "offered_current", "8.0")
    assert chargepoint.state("number", "session_current") == "8"
    commands = [json.loads(text)["type"] for _, text in chargepoint.point.received]
    assert [each for each in commands if each in (LIMIT, START)] == [LIMIT, START, LIMIT]
    (start,) = chargepoint.sent(START)
    assert start["props"]["charging_mode"] == "slow"


@pytest.mark.parametrize(
    ("language", "word"), [("en", " Slow "), ("de", "Langsam"), ("de", "SLOW")]
)
async def test_a_mode_may_be_called_as_it_is_shown(
    hass: HomeAssistant, chargepoint: Chargepoint, language: str, word: str
) -> None:
    target = await plugged(chargepoint)
    hass.config.language = language
    await async_get_translations(hass, language, "entity", {DOMAIN})
    (answer,) = await act(hass, "start_charging", target, mode=word)
    assert answer["mode"] == "slow"


async def test_start_charging_as_it_is(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """Without fields it starts like the switch, and a second call does nothing."""
    target = await plugged(chargepoint)
    for _ in range(2):
        (answer,) = await act(hass, "start_charging", target)
        assert answer["status"] == "charging"
        assert "current" not in answer
    assert len(chargepoint.sent(START)) == 1


async def test_stop_charging(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    target = await plugged(chargepoint)
    await act(hass, "start_charging", target)
    (answer,) = await act(hass, "stop_charging", target)
    assert answer["status"] == "ready_to_charge"
    assert chargepoint.state("switch", "charging") == "off"


async def test_limit_alone(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    target = await plugged(chargepoint)
    (answer,) = await act(hass, "start_charging", target, current=8)
    assert answer["current"] == 8.0
    await chargepoint.wait_for_state("sensor", "offered_current", "8.0")
    assert len(chargepoint.sent(LIMIT)) == 1


async def test_another_mode_while_charging(hass: HomeAssistant, broker: BrokerProcess) -> None:
    async with running(hass, broker, ChargepointSetup(profile="easee")) as chargepoint:
        await chargepoint.settles()
        target = await plugged(chargepoint)
        await act(hass, "start_charging", target, mode="normal")
        (answer,) = await act(hass, "start_charging", target, mode="slow")
        assert answer["mode"] == "slow"
        modes = [each["props"]["charging_mode"] for each in chargepoint.sent(START)]
        assert modes == ["normal", "slow"]


async def test_where_there_is_no_limit_of_the_session(
    hass: HomeAssistant, broker: BrokerProcess
) -> None:
    """Without a session, the maximum current is set."""
    station = EverestSimulator(
        Broker(broker.host, broker.port), EvseSetup(limits="limits_api"), timing=QUICK
    )
    entry = await load(hass, other_broker(broker))
    async with station:
        chargepoint = Chargepoint(hass, station, entry)
        await chargepoint.wait_for_state("number", "max_current", "16")
        await station.plug()
        await chargepoint.wait_for_state("sensor", "status", "charging")
        await chargepoint.call("switch", "turn_off", "charging")
        target = {"device_id": chargepoint.registered("switch", "charging").device_id}
        (answer,) = await act(hass, "start_charging", target, current=8)
        assert answer["limit"] == "max_current"
        assert answer["current"] == 8.0
        assert answer["status"] == "charging"
        with pytest.raises(ServiceValidationError, match="does not support this: Charging mode"):
            await act(hass, "start_charging", target, mode="slow")
        await hass.config_entries.async_unload(entry.entry_id)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"mode": "warp"}, "Acme Wallbox does not offer warp. It offers: normal, slow"),
        ({"current": 3}, "3 A is outside the range 6 to 32 A of Acme Wallbox"),
        ({"mode": "slow", "current": 64}, "64 A is outside the range 6 to 32 A"),
    ],
)
async def test_the_impossible_costs_no_message(
    hass: HomeAssistant, chargepoint: Chargepoint, data: dict[str, Any], words: str
) -> None:
    target = await plugged(chargepoint)
    with pytest.raises(ServiceValidationError, match=words):
        await act(hass, "start_charging", target, **data)
    for kind in (START, LIMIT, "cmd.max_current.set"):
        assert not chargepoint.sent(kind)
    assert chargepoint.state("select", "charging_mode") == "unknown"


async def test_refusal_in_its_own_words(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    target = await plugged(chargepoint)
    await chargepoint.point["garage"].refuse("not on Sundays")
    with pytest.raises(HomeAssistantError, match=r"refused: .*not on Sundays"):
        await act(hass, "start_charging", target)


async def test_not_there(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """It is an error, unlike an action on an unavailable entity."""
    target = await plugged(chargepoint)
    await chargepoint.point["garage"].offline()
    await chargepoint.wait_for_state("sensor", "status", "unavailable")
    with pytest.raises(HomeAssistantError, match="Acme Wallbox is unavailable"):
        await act(hass, "start_charging", target)
    assert not chargepoint.sent(START)


# Which charge points --------------------------------------------------------------------------


@dataclass
class Two:
    """Two charge points with a car each, and the ids of their devices."""

    point: FimpSimulator
    left: str
    right: str

    @property
    def states(self) -> list[str]:
        """The commands of both, left first."""
        return [self.point[each].state for each in ("left", "right")]


@pytest.fixture(name="two")
async def two_fixture(hass: HomeAssistant, broker: BrokerProcess) -> AsyncGenerator[Two]:
    """Two charge points; only the left one knows modes."""
    setups = (
        ChargepointSetup(name="left", serial="L", address="1_1"),
        ChargepointSetup(name="right", serial="R", address="2_1", profile="minimal"),
    )
    async with simulator(broker, *setups) as point:
        entry = await load(hass, other_broker(broker))
        for each in ("left", "right"):
            await point[each].plug()

        def ready() -> bool:
            snapshots = [each.data for each in entry.runtime_data.coordinators.values()]
            return [each.status for each in snapshots] == ["ready_to_charge"] * 2 and all(
                each.identity.serial_number for each in snapshots
            )

        await until(ready)
        await hass.async_block_till_done()
        registry = dr.async_get(hass)
        ids = {
            device.serial_number: device.id
            for device in dr.async_entries_for_config_entry(registry, entry.entry_id)
        }
        for serial, name in (("L", "Left"), ("R", "Right")):
            registry.async_update_device(ids[serial], name_by_user=name)
        yield Two(point, ids["L"], ids["R"])
        await hass.config_entries.async_unload(entry.entry_id)


async def test_several(hass: HomeAssistant, two: Two) -> None:
    answers = await act(hass, "start_charging", {"device_id": [two.left, two.right]})
    assert {each["name"]: each["status"] for each in answers} == {
        "Left": "charging",
        "Right": "charging",
    }
    assert two.states == ["charging", "charging"]


async def test_what_is_impossible_for_one_is_not_done_to_any(hass: HomeAssistant, two: Two) -> None:
    with pytest.raises(ServiceValidationError):
        await act(hass, "start_charging", {"device_id": [two.left, two.right]}, mode="slow")
    assert two.states == ["ready_to_charge", "ready_to_charge"]


async def test_what_fails_for_one_is_done_to_the_others(hass: HomeAssistant, two: Two) -> None:
    await two.point["right"].refuse("no")
    with pytest.raises(HomeAssistantError, match=r"^Failed .* Right refused: ") as error:
        await act(hass, "start_charging", {"device_id": [two.left, two.right]})
    assert "Left" not in str(error.value)
    assert two.states == ["charging", "ready_to_charge"]


async def test_one_that_cannot_be_stopped_costs_the_others_no_stop(
    hass: HomeAssistant, two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A start is checked for all of them first; a stop is sent to all that accept it."""
    both = {"device_id": [two.left, two.right]}
    await act(hass, "start_charging", both)

    def stops(charge_point: LibraryChargepoint, feature: Feature, *_: object) -> None:
        if charge_point.snapshot.identity.serial_number == "L" and feature is Feature.CHARGING:
            raise InvalidRequestError("unsupported", feature=feature)

    monkeypatch.setattr(LibraryChargepoint, "_require", stops)
    monkeypatch.setattr(LibraryChargepoint, "checked", stops)
    with pytest.raises(HomeAssistantError):
        await act(hass, "stop_charging", both)
    await until(lambda: two.states == ["charging", "ready_to_charge"])


async def test_area(hass: HomeAssistant, two: Two) -> None:
    """Other devices in the area are left alone."""
    area = ar.async_get(hass).async_get_or_create("Garage")
    dr.async_get(hass).async_update_device(two.left, area_id=area.id)
    hass.states.async_set("light.garage", "on")
    stranger = er.async_get(hass).async_get_or_create("light", "demo", "1")
    er.async_get(hass).async_update_entity(stranger.entity_id, area_id=area.id)
    (answer,) = await act(hass, "start_charging", {"area_id": area.id})
    assert answer["name"] == "Left"
    assert two.states == ["charging", "ready_to_charge"]
    empty = ar.async_get(hass).async_get_or_create("Attic")
    with pytest.raises(ServiceValidationError, match="No charge point found"):
        await act(hass, "start_charging", {"area_id": empty.id})


async def test_entity(hass: HomeAssistant, two: Two) -> None:
    """Any entity stands for its charge point, and several for one."""
    registry = er.async_get(hass)
    ids = [each.entity_id for each in er.async_entries_for_device(registry, two.right)]
    (answer,) = await act(hass, "start_charging", {"entity_id": ids})
    assert answer["device_id"] == two.right
    assert two.states == ["ready_to_charge", "charging"]


async def test_what_is_named_has_to_be_a_charge_point(hass: HomeAssistant, two: Two) -> None:
    stranger = er.async_get(hass).async_get_or_create("light", "demo", "1")
    with pytest.raises(ServiceValidationError, match=stranger.entity_id):
        await act(
            hass,
            "start_charging",
            {"device_id": two.left, "entity_id": stranger.entity_id},
        )
    assert two.states == ["ready_to_charge", "ready_to_charge"]


async def test_user_may(hass: HomeAssistant, two: Two, hass_admin_user: MockUser) -> None:
    await hass.services.async_call(
        DOMAIN,
        "start_charging",
        blocking=True,
        context=Context(user_id=hass_admin_user.id),
        target={"device_id": two.left},
    )
    assert two.states == ["charging", "ready_to_charge"]


async def test_a_user_that_is_gone_may_not(hass: HomeAssistant, two: Two) -> None:
    with pytest.raises(UnknownUser):
        await hass.services.async_call(
            DOMAIN,
            "start_charging",
            blocking=True,
            context=Context(user_id="gone"),
            target={"device_id": two.left},
        )
    assert two.states == ["ready_to_charge", "ready_to_charge"]


async def test_who_may(hass: HomeAssistant, two: Two, hass_read_only_user: MockUser) -> None:
    assert hass_read_only_user.groups[0].id == GROUP_ID_READ_ONLY
    with pytest.raises(Unauthorized):
        await hass.services.async_call(
            DOMAIN,
            "start_charging",
            blocking=True,
            context=Context(user_id=hass_read_only_user.id),
            target={"device_id": two.left},
        )
    assert two.states == ["ready_to_charge", "ready_to_charge"]


# Invalid times --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "data"),
    [
        ("set_current_limit", {"current": 10, "duration": {"days": 999_999_999}}),
        ("set_current_limit", {"current": 10, "duration": {"days": 367}}),
        ("get_sessions", {"since": "0001-01-01 00:00:00"}),
    ],
)
async def test_time_that_cannot_be(
    hass: HomeAssistant, chargepoint: Chargepoint, action: str, data: dict[str, Any]
) -> None:
    """It is refused like any other invalid input, and changes nothing."""
    # There the year 1 began before there was any year.
    await hass.config.async_set_time_zone("Asia/Tokyo")
    target = await plugged(chargepoint)
    with pytest.raises(probatio.Invalid):
        await act(hass, action, target, **data)
    for kind in (LIMIT, "cmd.max_current.set"):
        assert not chargepoint.sent(kind)


async def test_an_error_names_a_feature_in_the_language_of_the_system(hass: HomeAssistant) -> None:
    hass.config.language = "de"
    hass.config.components.add("button")
    await async_load_integrations(hass, {DOMAIN, "button"})
    for feature, name in (
        (Feature.CHARGING_MODE, "Lademodus"),
        # The entity has the name of the device, or that of its class.
        (Feature.CHARGING, "Laden"),
        (Feature.RESTART, "Neu starten"),
    ):
        error = InvalidRequestError("unsupported", feature=feature)
        text = async_message(hass, translated(hass, error, "Garage"))
        assert text == f"Garage unterstützt das nicht: {name}"
