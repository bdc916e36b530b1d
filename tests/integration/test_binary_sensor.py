"""Binary sensors: plug, charging, problems, and a read-only cable lock."""

from homeassistant.core import HomeAssistant
import pytest

from simulators.fimp import ChargepointSetup
from tests.broker import BrokerProcess

from .conftest import QUIET, Chargepoint, find, load, other_broker, running, simulator, until


async def shows_both(chargepoint: Chargepoint, plug: str, charging: str) -> None:
    """Wait until both facts are as they should be."""
    await chargepoint.wait_for_state("binary_sensor", "plug", plug)
    await chargepoint.wait_for_state("binary_sensor", "charging", charging)


async def problems(chargepoint: Chargepoint, state: str, *names: str) -> None:
    """Wait until just these problems are named."""
    await chargepoint.wait_for_state("binary_sensor", "problem", state)
    await until(
        lambda: chargepoint.attribute("binary_sensor", "problem", "problems") == list(names),
        f"the problems {names}",
    )


async def diagnosed(chargepoint: Chargepoint) -> None:
    """Wait until the charge point has been asked for everything that may be wrong."""
    await until(lambda: chargepoint.node.snapshot.health.restarts, "the diagnostics")


async def test_what_they_are(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    for key, device_class, category in (
        ("plug", "plug", None),
        ("charging", "battery_charging", None),
        ("problem", "problem", "diagnostic"),
    ):
        assert chargepoint.attribute("binary_sensor", key, "device_class") == device_class
        assert chargepoint.registered("binary_sensor", key).entity_category == category


async def test_plug_and_charging(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """Charging means that energy may flow, not only that it is allowed."""
    await shows_both(chargepoint, "off", "off")
    await chargepoint.point.plug()
    await shows_both(chargepoint, "on", "off")
    await chargepoint.call("switch", "turn_on", "charging")
    await shows_both(chargepoint, "on", "on")
    await chargepoint.point.car_pause()
    await shows_both(chargepoint, "on", "off")
    assert chargepoint.state("switch", "charging") == "on"
    await chargepoint.point.car_resume()
    await shows_both(chargepoint, "on", "on")
    await chargepoint.point.full()
    await shows_both(chargepoint, "on", "off")
    await chargepoint.point.unplug()
    await shows_both(chargepoint, "off", "off")


async def test_a_fault_hides_the_plug(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """In the state of error, it is unknown whether a car is there."""
    await chargepoint.point.plug()
    await shows_both(chargepoint, "on", "off")
    await chargepoint.point.fault("GROUNDING_FAULT")
    await shows_both(chargepoint, "unknown", "off")
    await chargepoint.point.clear_fault()
    await shows_both(chargepoint, "on", "off")


async def test_alarms(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """Each alarm is named; an alarm beside the state is a problem too."""
    await diagnosed(chargepoint)
    await problems(chargepoint, "off")
    await chargepoint.point.alarm("OVER_TEMP_FAULT")
    await problems(chargepoint, "on", "Over temp fault")
    await chargepoint.point.alarm("METER_COM_FAULT")
    await problems(chargepoint, "on", "Meter com fault", "Over temp fault")
    assert chargepoint.state("sensor", "status") == "disconnected"
    await chargepoint.point.clear_alarm("OVER_TEMP_FAULT")
    await problems(chargepoint, "on", "Meter com fault")
    await chargepoint.point.clear_alarm()
    await problems(chargepoint, "off")


async def test_fault(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    await diagnosed(chargepoint)
    await chargepoint.point.fault("GROUNDING_FAULT")
    await problems(chargepoint, "on", "Grounding fault")
    assert chargepoint.state("sensor", "status") == "error"
    assert chargepoint.attribute("sensor", "status", "problems") == ["Grounding fault"]
    await chargepoint.point.clear_fault()
    await problems(chargepoint, "off")


async def test_state_alone_is_a_problem(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """Without alarms, the state is used."""
    async with running(hass, broker, ChargepointSetup(profile="minimal")) as chargepoint:
        await problems(chargepoint, "off")
        await chargepoint.point.fault("smoke")
        await problems(chargepoint, "on")
        await chargepoint.point.clear_fault()
        await problems(chargepoint, "off")


@pytest.mark.parametrize(("word", "undo"), [("alarm", "clear_alarm"), ("fault", "clear_fault")])
async def test_what_was_wrong_before(
    hass: HomeAssistant, broker: BrokerProcess, word: str, undo: str
) -> None:
    """It is asked for when we come, is named once, and goes when it is put right."""
    async with simulator(broker, announce=False) as point:
        await point["garage"].do(word, "PEN_FAULT")
        entry = await load(hass, other_broker(broker))
        chargepoint = Chargepoint(hass, point, entry)
        await chargepoint.wait_for_state("binary_sensor", "problem", "on")
        await diagnosed(chargepoint)
        names = chargepoint.attribute("binary_sensor", "problem", "problems")
        await point["garage"].do(undo)
        await problems(chargepoint, "off")
        await hass.config_entries.async_unload(entry.entry_id)
    assert [each.lower() for each in names] == ["pen fault"]


async def test_problems_are_not_live_while_offline(
    hass: HomeAssistant, chargepoint: Chargepoint
) -> None:
    await chargepoint.point.alarm("OVER_TEMP_FAULT")
    await problems(chargepoint, "on", "Over temp fault")
    await chargepoint.point.offline()
    await chargepoint.wait_for_state("binary_sensor", "problem", "unavailable")
    chargepoint.point["garage"].alarms.clear()
    await chargepoint.point.online()
    await problems(chargepoint, "off")


async def test_lock_that_only_reports(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """On means unlocked there, as Home Assistant wants it; no list mentions it at all."""
    async with running(hass, broker, ChargepointSetup(profile="easee")) as chargepoint:
        await until(lambda: find(hass, "binary_sensor", "cable_lock"))
        assert find(hass, "lock", "cable") is None
        assert chargepoint.attribute("binary_sensor", "cable_lock", "device_class") == "lock"
        await chargepoint.wait_for_state("binary_sensor", "cable_lock", "on")
        await chargepoint.point.plug()
        await chargepoint.wait_for_state("binary_sensor", "cable_lock", "off")
        await chargepoint.wait_for_state("sensor", "cable_current", "32.0")
        await chargepoint.point.unplug()
        await chargepoint.wait_for_state("binary_sensor", "cable_lock", "on")
        await chargepoint.wait_for_state("sensor", "cable_current", "unknown")


async def test_lock_of_a_quiet_adapter(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """It only reports changes, and the next one may be days away; so it is requested."""
    setup = ChargepointSetup(profile="easee")
    async with simulator(broker, setup, announce=False, timing=QUIET) as point:
        entry = await load(hass, other_broker(broker))
        chargepoint = Chargepoint(hass, point, entry)
        await chargepoint.wait_for_state("sensor", "status", "disconnected")
        await chargepoint.wait_for_state("binary_sensor", "cable_lock", "on")
        await hass.config_entries.async_unload(entry.entry_id)


@pytest.mark.parametrize("profile", ["full", "minimal"])
async def test_no_sensor_for_a_lock(
    hass: HomeAssistant, broker: BrokerProcess, profile: str
) -> None:
    """A lock that can be set is a lock; one that was never reported is nothing."""
    async with running(hass, broker, ChargepointSetup(profile=profile)):
        assert find(hass, "binary_sensor", "cable_lock") is None
