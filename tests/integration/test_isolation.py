"""A bug beside a charge point costs what has it: the charge point is shown, and obeys."""

import signal
from typing import NoReturn

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest

from custom_components.fimp_chargepoint import coordinator
from custom_components.fimp_chargepoint.chargepoint.limits.temporary import TemporaryLimits
from custom_components.fimp_chargepoint.chargepoint.sessions.tracker import SessionTracker
from custom_components.fimp_chargepoint.chargepoint.transport import mqtt
from custom_components.fimp_chargepoint.repair_issues import table, watcher
from custom_components.fimp_chargepoint.sensor import NodeSensor
from simulators.fimp import ChargepointSetup
from tests.broker import BrokerProcess

from .conftest import Chargepoint, load, other_broker, running, simulator, until

FULL = ChargepointSetup(profile="full")
STOP = "cmd.charge.stop"


def fail(*_: object, **__: object) -> NoReturn:
    """Have a bug."""
    raise KeyError("bug")


async def charge(found: Chargepoint) -> None:
    """Plug a car in, and let it charge."""
    await found.point.plug()
    await found.wait_for_state("sensor", "status", "ready_to_charge")
    await found.call("switch", "turn_on", "charging")
    assert found.state("sensor", "status") == "charging"


async def test_a_bug_in_the_sessions_keeps_no_stop_from_leaving(
    hass: HomeAssistant,
    chargepoint: Chargepoint,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The car stops, and the user sees that."""
    await charge(chargepoint)
    monkeypatch.setattr(SessionTracker, "take", fail)
    await chargepoint.call("switch", "turn_off", "charging")
    assert len(chargepoint.sent(STOP)) == 1
    assert chargepoint.point["garage"].connector.current == 0
    assert chargepoint.state("switch", "charging") == "off"
    assert chargepoint.attribute("switch", "charging", "pending") is False
    assert chargepoint.state("sensor", "status") == "ready_to_charge"
    # The maintainer sees it, once.
    assert caplog.text.count("please report this") == 1
    assert caplog.text.count("KeyError: 'bug'") == 1
    assert chargepoint.entry.runtime_data.hub.ignored["internal"] > 1


async def test_a_bug_that_was_there_from_the_beginning(
    hass: HomeAssistant, broker: BrokerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if all other parts beside it fail."""
    monkeypatch.setattr(SessionTracker, "take", fail)
    monkeypatch.setattr(SessionTracker, "tick", fail)
    monkeypatch.setattr(SessionTracker, "close", fail)
    monkeypatch.setattr(watcher.EntryWatch, "devices", fail)
    monkeypatch.setattr(table, "Finding", fail)
    monkeypatch.setattr(TemporaryLimits, "changed", fail)
    monkeypatch.setattr(coordinator, "async_register_device", fail)
    async with running(hass, broker, FULL) as found:
        await charge(found)
        await found.call("switch", "turn_off", "charging")
        assert found.state("sensor", "status") == "ready_to_charge"
        assert found.state("switch", "charging") == "off"
        await found.point.exclude()
        await until(lambda: not found.entry.runtime_data.coordinators)
        await hass.async_block_till_done()
        assert found.state("switch", "charging") is None
    assert found.entry.state is ConfigEntryState.NOT_LOADED


async def test_an_entity_that_raises_costs_no_other(
    hass: HomeAssistant,
    chargepoint: Chargepoint,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """All sensors fail; what follows them is up to date."""
    monkeypatch.setattr(NodeSensor, "_read", fail)
    await chargepoint.point.plug()
    await chargepoint.wait_for_state("binary_sensor", "plug", "on")
    await chargepoint.call("switch", "turn_on", "charging")
    assert chargepoint.state("switch", "charging") == "on"
    assert chargepoint.state("sensor", "status") == "disconnected"
    assert caplog.text.count("please report this") == 1
    monkeypatch.undo()
    await chargepoint.call("switch", "turn_off", "charging")
    await chargepoint.wait_for_state("sensor", "status", "ready_to_charge")


async def test_one_charge_point_costs_no_other(
    hass: HomeAssistant, broker: BrokerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of one is not even noticed at the other."""
    garage, carport = (ChargepointSetup(name=each, profile="full") for each in ("a", "b"))
    async with simulator(broker, garage, carport) as point:
        entry = await load(hass, other_broker(broker))
        data = entry.runtime_data
        await until(lambda: len(data.coordinators) == 2)
        await hass.async_block_till_done()
        one, other = data.hub.nodes.values()
        one.timers.set("breaks", data.hub.clock.now(), fail)
        monkeypatch.setattr(one, "connection_lost", fail)
        monkeypatch.setattr(one, "connection_made", fail)
        await hass.async_add_executor_job(broker.stop)
        await until(lambda: not other.snapshot.available)
        await hass.async_add_executor_job(broker.start)
        await until(lambda: other.snapshot.status, "the other one to speak again")
        assert point is not None
        await hass.config_entries.async_unload(entry.entry_id)


@pytest.mark.parametrize("comes_back", [True, False])
async def test_a_stop_on_a_link_that_hangs(
    hass: HomeAssistant,
    chargepoint: Chargepoint,
    broker: BrokerProcess,
    monkeypatch: pytest.MonkeyPatch,
    *,
    comes_back: bool,
) -> None:
    """It is shown as pending at once, because it is on its way: it may well arrive."""
    await charge(chargepoint)
    if not comes_back:
        client = chargepoint.entry.runtime_data.hub.transport._client
        monkeypatch.setattr(client, "timeout", 2.0)
    process = broker._process
    assert process is not None
    process.send_signal(signal.SIGSTOP)
    try:
        stop = hass.async_create_task(chargepoint.call("switch", "turn_off", "charging"))
        await chargepoint.wait_for_state("switch", "charging", "off")
        assert chargepoint.attribute("switch", "charging", "pending") is True
        assert chargepoint.state("sensor", "status") == "charging"
        if not comes_back:
            with pytest.raises(HomeAssistantError) as caught:
                await stop
            assert caught.value.translation_key == "connection_lost"
            # The result is unknown; the known values are shown.
            assert chargepoint.state("switch", "charging") == "on"
            assert chargepoint.attribute("switch", "charging", "pending") is False
    finally:
        process.send_signal(signal.SIGCONT)
    if comes_back:
        await stop
    await chargepoint.wait_for_state("switch", "charging", "off")
    assert chargepoint.attribute("switch", "charging", "pending") is False
    assert chargepoint.point["garage"].connector.current == 0


async def test_an_unforeseen_failure_of_the_link_is_logged_once(
    hass: HomeAssistant,
    chargepoint: Chargepoint,
    broker: BrokerProcess,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is tried again and again; the log would be full of it."""
    hub = chargepoint.entry.runtime_data.hub
    monkeypatch.setattr(mqtt, "_BACKOFF_MIN", 0.01)
    monkeypatch.setattr(mqtt, "_BACKOFF_MAX", 0.01)
    monkeypatch.setattr(hub.transport, "_settings", fail)
    await hass.async_add_executor_job(broker.stop)
    await until(lambda: hub.ignored["internal"] > 5)
    assert caplog.text.count("please report this") == 1
    monkeypatch.undo()
    await hass.async_add_executor_job(broker.start)
    await until(lambda: hub.transport.connected, "the link to come back")
