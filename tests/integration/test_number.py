"""The limits of the current: what they show, where their bounds are, what they send."""

import asyncio

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import entity_registry as er
import pytest

from custom_components.fimp_chargepoint.const import DOMAIN
from simulators.fimp import ChargepointSetup
from simulators.fimp.interfaces import FEATURES
from tests.broker import BrokerProcess

from .conftest import Chargepoint, find, load, other_broker, running, simulator, until

LIMITS = {
    "max_current": "cmd.max_current.set",
    "session_current": "cmd.current_session.set_current",
}


async def set_to(chargepoint: Chargepoint, key: str, value: float) -> None:
    """Choose a number."""
    await chargepoint.call("number", "set_value", key, value=value)


async def plugged(chargepoint: Chargepoint) -> None:
    """Begin a session, with the limit known."""
    await chargepoint.wait_for_state("number", "max_current", "32")
    # If a pause already looks like the result, no refusal is the confirmation.
    chargepoint.node._commands._timeout = 4.0
    await chargepoint.point.plug()
    await chargepoint.wait_for_state("sensor", "status", "ready_to_charge")


async def nothing_comes(chargepoint: Chargepoint) -> None:
    """Wait until all that was on its way has come: it would prove something."""
    hub, heard = chargepoint.entry.runtime_data.hub, -1
    while heard != hub.received:
        heard = hub.received
        await asyncio.sleep(0.2)


async def test_what_it_is(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    for key in LIMITS:
        assert chargepoint.attribute("number", key, "device_class") == "current"
        assert chargepoint.attribute("number", key, "unit_of_measurement") == "A"
        assert chargepoint.attribute("number", key, "min") == 6
        assert chargepoint.attribute("number", key, "max") == 32
        assert chargepoint.attribute("number", key, "step") == 1
        assert chargepoint.attribute("number", key, "mode") == "box"
        assert chargepoint.attribute("number", key, "pending") is False
        # People set these in automations: they are controls, not configuration.
        assert chargepoint.registered("number", key).entity_category is None
    # It is one or the other.
    assert find(hass, "sensor", "max_current") is None


async def test_max_current(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """The action returns when the charge point has confirmed it."""
    await chargepoint.wait_for_state("number", "max_current", "32")
    await set_to(chargepoint, "max_current", 16)
    assert chargepoint.state("number", "max_current") == "16"
    assert chargepoint.point["garage"].max_current == 16
    # A value that applies already needs no message.
    await set_to(chargepoint, "max_current", 16)
    assert [each["val"] for each in chargepoint.sent("cmd.max_current.set")] == [16]


async def test_fractions(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """There are whole ampere only, and never more than was asked for."""
    await set_to(chargepoint, "max_current", 10.7)
    (command,) = chargepoint.sent("cmd.max_current.set")
    assert (command["val"], type(command["val"])) == (10, int)
    assert chargepoint.state("number", "max_current") == "10"


async def test_changed_elsewhere(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    chargepoint.point["garage"].max_current = 20
    await chargepoint.wait_for_state("number", "max_current", "20")


async def test_session_current(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """There is one as long as there is a session, and each session has its own."""
    assert chargepoint.state("number", "session_current") == "unknown"
    await plugged(chargepoint)
    # Nothing is offered in a pause, so the limit is unknown.
    assert chargepoint.state("number", "session_current") == "unknown"
    await set_to(chargepoint, "session_current", 10)
    assert chargepoint.state("number", "session_current") == "10"
    await chargepoint.call("switch", "turn_on", "charging")
    await chargepoint.wait_for_state("sensor", "offered_current", "10.0")
    assert chargepoint.state("number", "session_current") == "10"
    await set_to(chargepoint, "session_current", 16)
    assert chargepoint.state("number", "session_current") == "16"
    assert chargepoint.state("sensor", "offered_current") == "16.0"
    await chargepoint.call("switch", "turn_off", "charging")
    await chargepoint.wait_for_state("sensor", "offered_current", "0.0")
    assert chargepoint.state("number", "session_current") == "16"
    await chargepoint.point.unplug()
    await chargepoint.wait_for_state("sensor", "status", "disconnected")
    await chargepoint.wait_for_state("number", "session_current", "unknown")
    assert [each["val"] for each in chargepoint.sent("cmd.current_session.set_current")] == [
        10,
        16,
    ]


async def test_offered_is_no_limit(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """The offered current may be lower for many reasons; if it is higher, the limit is gone."""
    await plugged(chargepoint)
    await chargepoint.call("switch", "turn_on", "charging")
    await chargepoint.wait_for_state("sensor", "offered_current", "32.0")
    assert chargepoint.state("number", "session_current") == "unknown"
    await set_to(chargepoint, "session_current", 16)
    await set_to(chargepoint, "max_current", 10)
    await chargepoint.wait_for_state("sensor", "offered_current", "10.0")
    assert chargepoint.state("number", "session_current") == "16"
    # Another client sets it in the app of the maker.
    await set_to(chargepoint, "max_current", 32)
    chargepoint.point["garage"].session_current = 20
    chargepoint.point["garage"].apply()
    await chargepoint.wait_for_state("sensor", "offered_current", "20.0")
    await chargepoint.wait_for_state("number", "session_current", "unknown")


async def test_no_session(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """A limit of a session cannot be set before there is one."""
    with pytest.raises(ServiceValidationError) as caught:
        await set_to(chargepoint, "session_current", 10)
    assert caught.value.translation_domain == "fimp_chargepoint"
    assert caught.value.translation_key == "no_session"
    assert "Connect a car" in str(caught.value)
    assert chargepoint.sent("cmd.current_session.set_current") == []
    # Before and after a session is the same.
    await plugged(chargepoint)
    await chargepoint.point.unplug()
    await chargepoint.wait_for_state("sensor", "status", "disconnected")
    with pytest.raises(ServiceValidationError) as caught:
        await set_to(chargepoint, "session_current", 10)
    assert caught.value.translation_key == "no_session"


async def test_out_of_range(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """Neither less than a car can use, nor more than the charge point can do."""
    await plugged(chargepoint)
    for key, command in LIMITS.items():
        for value in (0, 5, 33):
            with pytest.raises(ServiceValidationError) as caught:
                await set_to(chargepoint, key, value)
            assert caught.value.translation_key == "out_of_range"
        assert chargepoint.sent(command) == []


async def test_bounds_change(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """A charge point may be allowed more or less at run time."""
    await chargepoint.point.max("20")
    for key in LIMITS:
        await until(lambda key=key: chargepoint.attribute("number", key, "max") == 20)
    await chargepoint.wait_for_state("number", "max_current", "20")
    with pytest.raises(ServiceValidationError) as caught:
        await set_to(chargepoint, "max_current", 25)
    assert caught.value.translation_key == "out_of_range"
    await chargepoint.point.max("40")
    await until(lambda: chargepoint.attribute("number", "max_current", "max") == 40)
    await set_to(chargepoint, "max_current", 40)
    assert chargepoint.state("number", "max_current") == "40"


@pytest.mark.parametrize("key", LIMITS)
async def test_pending(hass: HomeAssistant, chargepoint: Chargepoint, key: str) -> None:
    """The requested value is shown at once, and marked until it is confirmed or given up."""
    await plugged(chargepoint)
    before = chargepoint.state("number", key)
    chargepoint.node._commands._timeout = 1.0
    await chargepoint.point.silence()
    await nothing_comes(chargepoint)
    call = hass.async_create_task(set_to(chargepoint, key, 8))
    await chargepoint.wait_for_state("number", key, "8")
    assert chargepoint.attribute("number", key, "pending") is True
    with pytest.raises(HomeAssistantError) as caught:
        await call
    assert caught.value.translation_key == "command_timeout"
    assert chargepoint.state("number", key) == before
    assert chargepoint.attribute("number", key, "pending") is False


@pytest.mark.parametrize("key", LIMITS)
async def test_refused(hass: HomeAssistant, chargepoint: Chargepoint, key: str) -> None:
    """The charge point is quoted, and the old number is shown again."""
    await plugged(chargepoint)
    before = chargepoint.state("number", key)
    await chargepoint.point.refuse("the fuse is too small")
    with pytest.raises(HomeAssistantError, match="the fuse is too small") as caught:
        await set_to(chargepoint, key, 8)
    assert caught.value.translation_key == "command_rejected"
    assert chargepoint.state("number", key) == before
    await chargepoint.point.refuse()
    await set_to(chargepoint, key, 8)
    assert chargepoint.state("number", key) == "8"


async def test_the_last_wins(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """A slider that is dragged sends many numbers."""
    chargepoint.node.report_age = 0.2
    await chargepoint.point.silence()
    first = hass.async_create_task(set_to(chargepoint, "max_current", 10))
    await until(lambda: chargepoint.sent("cmd.max_current.set"))
    await chargepoint.point.silence("off")
    await set_to(chargepoint, "max_current", 12)
    with pytest.raises(HomeAssistantError) as caught:
        await first
    assert caught.value.translation_key == "command_superseded"
    assert chargepoint.state("number", "max_current") == "12"
    assert chargepoint.point["garage"].max_current == 12


async def test_two_limits_at_once(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """One does not wait for the other, nor does it end it."""
    await plugged(chargepoint)
    await asyncio.gather(
        set_to(chargepoint, "max_current", 20), set_to(chargepoint, "session_current", 10)
    )
    assert chargepoint.point["garage"].max_current == 20
    assert chargepoint.point["garage"].session_current == 10


async def test_offline(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    await chargepoint.point.offline()
    await chargepoint.wait_for_state("number", "max_current", "unavailable")
    await chargepoint.point.online()
    await chargepoint.wait_for_state("number", "max_current", "32")


async def test_easee_takes_its_time(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """It answers first with what was, and only then with what is."""
    async with running(hass, broker, ChargepointSetup(profile="easee")) as chargepoint:
        await plugged(chargepoint)
        await set_to(chargepoint, "max_current", 16)
        assert chargepoint.state("number", "max_current") == "16"
        await chargepoint.call("switch", "turn_on", "charging")
        await chargepoint.wait_for_state("sensor", "offered_current", "16.0")
        await set_to(chargepoint, "session_current", 10)
        assert chargepoint.state("number", "session_current") == "10"
        await chargepoint.wait_for_state("sensor", "offered_current", "10.0")


async def test_only_where_it_can_be_told(hass: HomeAssistant, broker: BrokerProcess) -> None:
    async with running(hass, broker, ChargepointSetup(profile="minimal")):
        assert hass.states.async_entity_ids("number") == []


async def test_what_could_only_be_reported_before(
    hass: HomeAssistant, broker: BrokerProcess
) -> None:
    """Its sensor of an earlier run goes: there is a number now, and a lock."""
    entry = other_broker(broker)
    entry.add_to_hass(hass)
    registry = er.async_get(hass)
    former = [
        registry.async_get_or_create(
            platform, DOMAIN, f"{entry.unique_id}_fimp:easee/1/1_{key}", config_entry=entry
        ).entity_id
        for platform, key in (("sensor", "max_current"), ("binary_sensor", "cable_lock"))
    ]
    async with simulator(broker, ChargepointSetup(profile="full")) as point:
        await load(hass, entry)
        found = Chargepoint(hass, point, entry)
        await found.wait_for_state("number", "max_current", "32")
        await found.wait_for_state("lock", "cable", "unlocked")
        assert [each for each in former if registry.async_get(each)] == []
        await hass.config_entries.async_unload(entry.entry_id)


async def test_what_can_be_set_later_is_no_sensor_any_longer(
    hass: HomeAssistant, broker: BrokerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An adapter lists the command later, in the same run: the number takes the sensor's place."""
    listed = FEATURES["max_current"]
    only_reported = tuple(each for each in listed if each[1] != "cmd.max_current.set")
    monkeypatch.setitem(FEATURES, "max_current", only_reported)
    async with running(hass, broker, ChargepointSetup(profile="full")) as chargepoint:
        await chargepoint.wait_for_state("sensor", "max_current", "32.0")
        twin = chargepoint.id("sensor", "max_current")
        assert find(hass, "number", "max_current") is None
        monkeypatch.setitem(FEATURES, "max_current", listed)
        await chargepoint.point.relist()
        await until(lambda: find(hass, "number", "max_current"), "the number")
        await chargepoint.wait_for_state("number", "max_current", "32")
        await until(lambda: find(hass, "sensor", "max_current") is None, "its sensor to go")
        assert hass.states.get(twin) is None
        await set_to(chargepoint, "max_current", 16)
        assert chargepoint.state("number", "max_current") == "16"
        assert find(hass, "sensor", "max_current") is None
