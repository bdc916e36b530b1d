"""What an Easee refuses temporarily, accepts without a result, or no longer offers."""

from dataclasses import replace
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest

from custom_components.fimp_chargepoint.chargepoint.commands import command
from custom_components.fimp_chargepoint.const import DOMAIN
from simulators.fimp import ChargepointSetup
from tests.broker import BrokerProcess

from .conftest import QUICK, Chargepoint, load, other_broker, running, simulator, until

EASEE = ChargepointSetup(profile="easee")
STOP, SET = "cmd.charge.stop", "cmd.max_current.set"
SESSION = "cmd.current_session.set_current"


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again soon."""
    monkeypatch.setattr(command, "_RETRY_AFTER", 0.2)
    monkeypatch.setattr(command, "_RETRY_FOR", 5.0)


async def charging(found: Chargepoint) -> None:
    """Let it charge, which it has begun a moment ago."""
    await found.point.plug()
    await found.wait_for_state("sensor", "status", "ready_to_charge")
    await found.call("switch", "turn_on", "charging")
    await found.wait_for_state("sensor", "status", "charging")


@pytest.mark.parametrize(
    ("entity", "action", "data", "shown"),
    [
        (("switch", "charging"), "turn_off", {}, ("on", "off")),
        (("number", "max_current"), "set_value", {"value": 10}, ("32", "10")),
        (("number", "session_current"), "set_value", {"value": 10}, ("unknown", "10")),
    ],
)
async def test_too_soon_after_a_start(
    hass: HomeAssistant,
    broker: BrokerProcess,
    entity: tuple[str, str],
    action: str,
    data: dict[str, Any],
    shown: tuple[str, str],
) -> None:
    """It is pending as long as it is refused, and then it is done."""
    platform, key = entity
    before, after = shown
    timing = replace(QUICK, pace=0.03)
    async with running(hass, broker, EASEE, timing=timing) as found:
        await charging(found)
        await found.wait_for_state(platform, key, before)
        found.point.received.clear()
        call = hass.async_create_task(found.call(platform, action, key, **data))
        await found.wait_for_state(platform, key, after)
        assert found.attribute(platform, key, "pending") is True
        assert found.point["garage"].connector.offered == 32
        await call
        assert found.state(platform, key) == after
        assert found.attribute(platform, key, "pending") is False
        assert sum(len(found.sent(kind)) for kind in (STOP, SET, SESSION)) > 1


async def test_too_soon_for_too_long(hass: HomeAssistant, broker: BrokerProcess) -> None:
    timing = replace(QUICK, pace=1.0)
    async with running(hass, broker, EASEE, timing=timing) as found:
        await charging(found)
        call = hass.async_create_task(found.call("switch", "turn_off", "charging"))
        await found.wait_for_state("switch", "charging", "off")
        with pytest.raises(HomeAssistantError, match="too many requests to the charger") as error:
            await call
        assert error.value.translation_key == "command_rejected"
        assert found.state("switch", "charging") == "on"
        assert found.attribute("switch", "charging", "pending") is False


async def test_accepted_although_it_reports_a_refusal(
    hass: HomeAssistant, broker: BrokerProcess
) -> None:
    """The result is unknown, which the error reports, and is requested when it is back."""
    async with running(hass, broker, EASEE) as found:
        await charging(found)
        await found.wait_for_state("number", "max_current", "32")
        found.point["garage"].reachable = False
        with pytest.raises(HomeAssistantError, match=r"is not known yet") as error:
            await found.call("number", "set_value", "max_current", value=18)
        assert error.value.translation_key == "outcome_unknown"
        assert "charger is offline" in str(error.value)
        assert found.attribute("number", "max_current", "pending") is False
        await found.point.online()
        await found.wait_for_state("number", "max_current", "18")
        await until(lambda: found.node.snapshot.requested.limits == {"max_current": 18})


@pytest.mark.parametrize("profile", ["easee", "futurehome", "minimal"])
@pytest.mark.parametrize("phases", ["1", "3", "2"])
async def test_phases_of_an_earlier_run(
    hass: HomeAssistant,
    broker: BrokerProcess,
    hass_storage: dict[str, Any],
    profile: str,
    phases: str,
) -> None:
    """A charger whose phases can no longer be set stays available, and so do others."""
    addresses = ("1", "2")
    setups = [ChargepointSetup(profile=profile, name=each, address=each) for each in addresses]
    entry = other_broker(broker)
    kept = {f"fimp:easee/1/{each}": {"limits": {"phases": phases}} for each in addresses}
    key = f"{DOMAIN}.{entry.entry_id}.state"
    async with simulator(broker, *setups, adapter="easee") as point:
        await load(hass, entry)
        await until(lambda: set(entry.runtime_data.coordinators) == set(kept))
        await hass.config_entries.async_unload(entry.entry_id)
        hass_storage[key] = {"version": 1, "key": key, "data": {"charge_points": kept}}
        await hass.config_entries.async_setup(entry.entry_id)
        coordinators = entry.runtime_data.coordinators
        await until(lambda: set(coordinators) == set(kept))
        for coordinator in coordinators.values():
            assert coordinator.data.requested.limits == {"phases": phases}
            await until(lambda each=coordinator: each.data.status == "disconnected")
        await hass.async_block_till_done()
        charging = [each for each in hass.states.async_all("switch") if each.state == "off"]
        assert len(charging) >= len(addresses)
        assert not entry.runtime_data.hub.ignored
        assert not [each for _, each in point.received if "phase_mode.set" in each]
        await hass.config_entries.async_unload(entry.entry_id)
