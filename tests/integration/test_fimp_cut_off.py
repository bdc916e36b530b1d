"""A charger whose adapter is signed out, or has lost its cloud: no readings, but a stop."""

import json

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest

from custom_components.fimp_chargepoint.const import DOMAIN
from custom_components.fimp_chargepoint.diagnostics import async_get_config_entry_diagnostics
from simulators.fimp import ChargepointSetup

from .conftest import Chargepoint, until
from .house import House

STOP = "cmd.charge.stop"
TOPIC = "pt:j1/mt:evt/rt:ad/rn:easee/ad:1"


@pytest.fixture(name="setups")
def setups_fixture() -> tuple[ChargepointSetup, ...]:
    return (ChargepointSetup(profile="easee"),)


@pytest.fixture(name="car")
async def car_fixture(chargepoint: Chargepoint) -> Chargepoint:
    """It charges."""
    await chargepoint.point.plug()
    await chargepoint.wait_for_state("sensor", "status", "ready_to_charge")
    await chargepoint.call("switch", "turn_on", "charging")
    await chargepoint.wait_for_state("sensor", "power", "22080.0")
    return chargepoint


async def cut_off(car: Chargepoint, word: str) -> None:
    """Let its adapter lose the cloud, and be asked."""
    await car.point.do(word)
    ask(car)
    await car.wait_for_state("switch", "charging", "unknown")


def ask(car: Chargepoint) -> None:
    """Let it be asked for its state now, which else takes two minutes."""
    hub = car.entry.runtime_data.hub
    protocol = next(each for _, each in hub._protocols if hasattr(each, "_adapters"))
    (address,) = protocol._nodes
    protocol._adapters.ask_login(address.adapter, hub.clock.now())


WORDS = pytest.mark.parametrize(
    ("word", "reason", "back"),
    [("logout", "signed_out", "login"), ("cloud off", "cloud_lost", "cloud on")],
)


@WORDS
async def test_what_is_shown(
    hass: HomeAssistant, car: Chargepoint, word: str, reason: str, back: str
) -> None:
    await cut_off(car, word)
    assert car.attribute("switch", "charging", "no_readings_because") == reason
    for platform, key in (
        ("sensor", "status"),
        ("sensor", "power"),
        ("sensor", "offered_current"),
        ("binary_sensor", "plug"),
        ("binary_sensor", "charging"),
        ("number", "max_current"),
        ("switch", "parameter_cable_always_locked"),
    ):
        assert car.state(platform, key) == "unavailable", key
    diagnostics = await async_get_config_entry_diagnostics(hass, car.entry)
    (node,) = diagnostics["nodes"].values()
    assert node["snapshot"]["unavailable"] == reason
    # The car leaves unnoticed. The old reports of charging have changed no value.
    await car.point.unplug()
    await car.point.do(back)
    ask(car)
    await car.wait_for_state("switch", "charging", "off")
    await car.wait_for_state("sensor", "status", "disconnected")
    await car.wait_for_state("sensor", "power", "0.0")
    assert car.attribute("switch", "charging", "no_readings_because") is None


@WORDS
async def test_a_stop_is_sent_and_refused_in_its_own_words(
    hass: HomeAssistant, car: Chargepoint, word: str, reason: str, back: str
) -> None:
    """By the switch, and by the action; nothing is passed over in silence."""
    await cut_off(car, word)
    refusal = "credentials are empty" if reason == "signed_out" else "no route to host"
    with pytest.raises(HomeAssistantError, match=refusal):
        await car.call("switch", "turn_off", "charging")
    device_id = car.registered("switch", "charging").device_id
    with pytest.raises(HomeAssistantError, match=refusal):
        await hass.services.async_call(
            DOMAIN, "stop_charging", blocking=True, target={"device_id": device_id}
        )
    assert len(car.sent(STOP)) == 2
    assert car.state("switch", "charging") == "unknown"
    assert car.attribute("switch", "charging", "pending") is False


async def test_a_false_report_locks_nobody_out(hass: HomeAssistant, car: Chargepoint) -> None:
    """The adapter reaches its cloud, although it reports otherwise."""

    def say(connection: str) -> None:
        value = {"app": "RUNNING", "connection": connection, "auth": "AUTHENTICATED"}
        message = {"type": "evt.app.state_report", "val_t": "object", "val": value}
        car.point.send(TOPIC, json.dumps(message))

    say("DISCONNECTED")
    await car.wait_for_state("switch", "charging", "unknown")
    await car.call("switch", "turn_off", "charging")
    assert car.point["garage"].state == "ready_to_charge"
    assert car.state("switch", "charging") == "unknown"
    say("CONNECTED")
    await car.wait_for_state("switch", "charging", "off")


async def test_other_actions_are_refused(hass: HomeAssistant, car: Chargepoint) -> None:
    await cut_off(car, "cloud off")
    car.point.received.clear()
    device_id = car.registered("switch", "charging").device_id
    for action, fields in (("start_charging", {}), ("set_current_limit", {"current": 8})):
        with pytest.raises(HomeAssistantError, match="is unavailable"):
            await hass.services.async_call(
                DOMAIN, action, fields, blocking=True, target={"device_id": device_id}
            )
    assert not [each for _, each in car.point.received if "get" not in json.loads(each)["type"]]


async def test_it_is_not_silent(
    hass: HomeAssistant, house: House, chargepoint: Chargepoint
) -> None:
    """Its device is not offered for removal."""
    await cut_off(chargepoint, "cloud off")
    await house.waits(chargepoint.entry, 30)
    await house.waits(chargepoint.entry, 1)
    assert chargepoint.state("switch", "charging") == "unknown"
    assert not house.issues


async def test_stop_of_one_that_is_offline_is_tried(
    hass: HomeAssistant, chargepoint: Chargepoint
) -> None:
    """With several targets, the others are stopped, and the error is reported."""
    await chargepoint.point.offline()
    await chargepoint.wait_for_state("sensor", "status", "unavailable")
    device_id = chargepoint.registered("switch", "charging").device_id
    with pytest.raises(HomeAssistantError, match="charger is offline"):
        await hass.services.async_call(
            DOMAIN, "stop_charging", blocking=True, target={"device_id": device_id}
        )
    await until(lambda: chargepoint.sent(STOP))
