"""Every option has the documented effect, over a real broker."""

import asyncio
from collections.abc import Callable
from typing import Any, override

from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest

from custom_components.fimp_chargepoint import config_flow, requests
from custom_components.fimp_chargepoint.chargepoint.echo import TOPIC
from custom_components.fimp_chargepoint.chargepoint.everest.api import (
    chargepoint as everest_chargepoint,
)
from custom_components.fimp_chargepoint.chargepoint.everest.api import module as api_module
from custom_components.fimp_chargepoint.chargepoint.everest.api.chargepoint import (
    EverestChargepoint,
)
from custom_components.fimp_chargepoint.chargepoint.everest.legacy import (
    chargepoint as legacy_chargepoint,
)
from custom_components.fimp_chargepoint.chargepoint.everest.legacy import (
    protocol as legacy_protocol,
)
from custom_components.fimp_chargepoint.chargepoint.fimp import chargepoint as fimp_chargepoint
from custom_components.fimp_chargepoint.chargepoint.fimp.chargepoint import FimpChargepoint
from custom_components.fimp_chargepoint.chargepoint.limits import ownership
from custom_components.fimp_chargepoint.chargepoint.model import Feature
from custom_components.fimp_chargepoint.chargepoint.mqtt_hub import MqttHub
from custom_components.fimp_chargepoint.chargepoint.scheduler import SteadyClock
from custom_components.fimp_chargepoint.chargepoint.watchdog import Patience
from custom_components.fimp_chargepoint.const import DATA_CLOCK
from custom_components.fimp_chargepoint.hubs import broker_hub
from simulators.everest import EverestSimulator, EvseSetup
from simulators.fimp import ChargepointSetup
from simulators.mqtt import Broker
from tests.broker import BrokerProcess

from .conftest import (
    QUICK,
    QUIET,
    Chargepoint,
    load,
    other_broker,
    running,
    simulator,
    until,
)
from .flow import form, submit
from .limiting import stored


def station(broker: BrokerProcess, dialect: str = "main") -> EverestSimulator:
    """Return an EVSE of EVerest."""
    return EverestSimulator(
        Broker(broker.host, broker.port),
        EvseSetup(module="carport", authorize=True),
        dialect=dialect,
        timing=QUICK,
    )


async def test_measurement_interval(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """Measurements are held back, and what changes with them is not."""
    slowly = {"measurement_interval": 3600}
    async with running(hass, broker, ChargepointSetup(profile="full"), options=slowly) as point:
        await point.point.plug()
        await point.wait_for_state("sensor", "status", "ready_to_charge")
        await point.call("switch", "turn_on", "charging")
        assert point.state("sensor", "status") == "charging"
        # The meter continues, and only the library sees it.
        shown = point.entry.runtime_data.coordinators[point.node.address].data.meter
        await until(lambda: point.node.snapshot.meter.energy != shown.energy)
        await until(lambda: point.node._published.meter != point.node.snapshot.meter)


@pytest.mark.parametrize("protocol", ["fimp", "everest"])
async def test_no_confirmation(
    hass: HomeAssistant, broker: BrokerProcess, protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for each in (FimpChargepoint, EverestChargepoint):
        monkeypatch.setattr(each, "command_timeout", 0.4)
    entry = other_broker(broker)
    async with (
        simulator(broker, ChargepointSetup(profile="full"))
        if protocol == "fimp"
        else station(broker) as point
    ):
        await load(hass, entry)
        found = Chargepoint(hass, point, entry)
        await point.plug()
        # The station authorizes the car.
        status, action = (
            ("ready_to_charge", "turn_on") if protocol == "fimp" else ("charging", "turn_off")
        )
        await found.wait_for_state("sensor", "status", status)
        await point.silence()
        with pytest.raises(HomeAssistantError, match=r"within 0\.4 seconds") as caught:
            await found.call("switch", action, "charging")
        assert caught.value.translation_key == "command_timeout"
        await hass.config_entries.async_unload(entry.entry_id)


async def test_silence_with_fimp(
    hass: HomeAssistant, broker: BrokerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A silent charger is asked, and stays available while it answers."""
    monkeypatch.setattr(fimp_chargepoint, "PATIENCE", Patience(0.6, 0.2, tries=3))
    full = ChargepointSetup(profile="full")
    async with running(hass, broker, full, timing=QUIET) as point:
        asked = len(point.sent("cmd.state.get_report"))
        await until(lambda: len(point.sent("cmd.state.get_report")) > asked + 2)
        assert point.state("sensor", "status") == "disconnected"
        await point.point.silence()
        await point.wait_for_state("sensor", "status", "unavailable")
        assert point.node.snapshot.unavailable == "silent"
        await point.point.silence("off")
        await point.wait_for_state("sensor", "status", "disconnected")


@pytest.mark.parametrize("dialect", ["main", "legacy"])
async def test_silence_with_everest(
    hass: HomeAssistant,
    broker: BrokerProcess,
    dialect: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(legacy_protocol, "_FIRST", 0.2)
    monkeypatch.setattr(api_module, "SILENCE_MIN", 1.5)
    monkeypatch.setattr(legacy_chargepoint, "SILENCE_MAX", 1.5)
    entry = other_broker(broker)
    async with station(broker, dialect) as point:
        await load(hass, entry)
        found = Chargepoint(hass, point, entry)
        await found.wait_for_state("sensor", "status", "disconnected")
    await found.wait_for_state("sensor", "status", "unavailable")
    assert found.node.snapshot.unavailable == "silent"
    await hass.config_entries.async_unload(entry.entry_id)


@pytest.mark.parametrize(
    ("protocols", "addresses", "topics"),
    [
        (["fimp"], "fimp:", ["pt:j1"]),
        (["everest"], "everest:", ["everest_api"]),
        (["fimp", "everest"], "everest: fimp:", ["everest_api", "pt:j1"]),
    ],
    ids=str,
)
async def test_protocols(
    hass: HomeAssistant,
    broker: BrokerProcess,
    protocols: list[str],
    addresses: str,
    topics: list[str],
) -> None:
    """Not one message of the other is delivered."""
    entry = other_broker(broker, options={"protocols": protocols})
    async with station(broker) as everest, simulator(broker) as fimp:
        await load(hass, entry)
        hub = entry.runtime_data.hub
        await until(lambda: len(hub.nodes) == len(protocols))
        # Both publish something, and the one that we subscribe to publishes last.
        for point in (everest, fimp) if protocols[0] == "fimp" else (fimp, everest):
            await point.plug()
        expected = next(iter(hub.nodes.values()))
        await until(lambda: expected.snapshot.plugged)
        found = {address.partition(":")[0] + ":" for address in hub.nodes}
        assert " ".join(sorted(found)) == addresses
        assert sorted({topic.partition("/")[0] for topic in hub._routes}) == topics
        await hass.config_entries.async_unload(entry.entry_id)


async def test_protocols_are_also_those_of_a_changed_connection(
    hass: HomeAssistant, broker: BrokerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection that is tried out asks for no topic of the other either."""
    hubs: list[MqttHub] = []

    def remembered(*args: Any, **keywords: Any) -> MqttHub:
        hubs.append(broker_hub(*args, **keywords))
        return hubs[-1]

    monkeypatch.setattr(config_flow, "broker_hub", remembered)
    entry = other_broker(broker, options={"protocols": ["everest"]})
    entry.add_to_hass(hass)
    result = await submit(hass, await entry.start_reconfigure_flow(hass), form(broker))
    assert result["reason"] == "reconfigure_successful"
    await hass.async_block_till_done()
    (hub,) = hubs
    others = set(hub.filters) - {TOPIC}
    assert others
    assert all(each.startswith("everest_api/") for each in others)


class SkippingClock(SteadyClock):
    """Real time, of which some can be skipped."""

    skipped = 0.0

    @override
    def now(self) -> float:
        return super().now() + self.skipped

    @override
    def call_at(self, when: float, callback: Callable[[], None]) -> Callable[[], None]:
        return super().call_at(when - self.skipped, callback)


def skip(found: Chargepoint, seconds: float) -> None:
    """Let time pass for the library at once."""
    hub = found.entry.runtime_data.hub
    hub.clock.skipped += seconds
    hub.scheduler.rearm()


async def test_dwell(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """A start waits for a while after a stop, and a stop waits for nothing."""
    hass.data[DATA_CLOCK] = SkippingClock()
    full = ChargepointSetup(profile="full")
    async with running(hass, broker, full, options={"restart_delay": 600}) as found:
        await found.point.plug()
        await found.wait_for_state("sensor", "status", "ready_to_charge")
        await found.call("switch", "turn_on", "charging")
        await found.call("switch", "turn_off", "charging")
        start = hass.async_create_task(found.call("switch", "turn_on", "charging"))
        await found.wait_for_state("switch", "charging", "on")
        assert found.attribute("switch", "charging", "pending") is True
        assert found.state("sensor", "status") == "ready_to_charge"
        assert len(found.sent("cmd.charge.start")) == 1
        # A stop takes its place, and is sent.
        stop = hass.async_create_task(found.call("switch", "turn_off", "charging"))
        with pytest.raises(HomeAssistantError) as caught:
            await start
        assert caught.value.translation_key == "command_superseded"
        await until(lambda: len(found.sent("cmd.charge.stop")) == 2)
        await stop
        assert found.state("switch", "charging") == "off"
        # Once it is over, charging starts.
        start = hass.async_create_task(found.call("switch", "turn_on", "charging"))
        await found.wait_for_state("switch", "charging", "on")
        assert len(found.sent("cmd.charge.start")) == 1
        skip(found, 600)
        await start
        assert found.state("sensor", "status") == "charging"
        assert len(found.sent("cmd.charge.start")) == 2


async def test_a_dragged_slider(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """Twenty numbers at once wear the memory of the charger out by two at most."""
    hass.data[DATA_CLOCK] = SkippingClock()
    full = ChargepointSetup(profile="full")
    async with running(hass, broker, full, options={"write_interval": 15}) as found:
        await found.wait_for_state("number", "max_current", "32")
        found.node.report_age = 0.2
        calls = [
            hass.async_create_task(found.call("number", "set_value", "max_current", value=value))
            for value in range(6, 26)
        ]
        await found.wait_for_state("number", "max_current", "25")
        await until(lambda: found.sent("cmd.max_current.set"))
        assert found.attribute("number", "max_current", "pending") is True
        skip(found, 15)
        *results, last = await asyncio.gather(*calls, return_exceptions=True)
        assert last is None
        assert all(each is None or each.translation_key == "command_superseded" for each in results)
        assert [each["val"] for each in found.sent("cmd.max_current.set")] == [6, 25]
        assert found.point["garage"].max_current == 25
        assert found.state("number", "max_current") == "25"
        assert found.attribute("number", "max_current", "pending") is False


async def test_everest_keeps_no_limit_in_lasting_memory(
    hass: HomeAssistant, broker: BrokerProcess
) -> None:
    """There, numbers may come as quickly as anybody likes."""
    hass.data[DATA_CLOCK] = SkippingClock()
    point = EverestSimulator(
        Broker(broker.host, broker.port),
        EvseSetup(module="carport", limits="limits_api"),
        timing=QUICK,
    )
    async with point:
        entry = await load(hass, other_broker(broker, options={"write_interval": 600}))
        found = Chargepoint(hass, point, entry)
        await found.wait_for_state("number", "max_current", "16")
        for current in (8, 10):
            await found.node.set(Feature.MAX_CURRENT, current)
            assert found.state("number", "max_current") == str(current)
        await hass.config_entries.async_unload(entry.entry_id)


# Keeping limits ---------------------------------------------------------------------------


@pytest.fixture(name="settles_soon")
def settles_soon_fixture(monkeypatch: pytest.MonkeyPatch) -> None:
    """Accept the reports of a returning charge point sooner."""
    monkeypatch.setattr(ownership, "_SETTLING_TIME", 0.5)
    # A second start right after the first one would be the same.
    monkeypatch.setattr(everest_chargepoint, "_START_TIME", 0.1)


def limited(broker: BrokerProcess, dialect: str = "main") -> EverestSimulator:
    """Return an EVSE of EVerest that takes limits, behind a fuse of 16 A."""
    return EverestSimulator(
        Broker(broker.host, broker.port),
        EvseSetup(module="carport", limits="limits_api"),
        dialect=dialect,
        timing=QUICK,
    )


@pytest.mark.usefixtures("settles_soon")
@pytest.mark.parametrize("dialect", ["main", "2026.02", "2025.10"])
@pytest.mark.parametrize("keep", [True, False])
async def test_keep_limits_of_a_station_that_is_restarted(
    hass: HomeAssistant,
    broker: BrokerProcess,
    dialect: str,
    keep: bool,  # noqa: FBT001
) -> None:
    entry = await load(hass, other_broker(broker, options={"restore_limits": keep}))
    async with limited(broker, dialect) as point:
        found = Chargepoint(hass, point, entry)
        await found.wait_for_state("number", "max_current", "16")
        await found.call("number", "set_value", "max_current", value=8)
        await found.call("select", "select_option", "phases", option="1")
        restarted = found.node.alive_since
        await point.restart()
        await until(lambda: found.node.alive_since != restarted, "the restart to be seen")
        if keep:
            await found.wait_for_state("number", "max_current", "8")
            await found.wait_for_state("select", "phases", "1")
        else:
            assert "keep" not in found.node.timers
            await found.wait_for_state("number", "max_current", "16")
        await hass.config_entries.async_unload(entry.entry_id)


@pytest.mark.usefixtures("settles_soon")
async def test_keep_limits_of_a_station_with_the_old_api(
    hass: HomeAssistant, broker: BrokerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(legacy_protocol, "_FIRST", 0.2)
    async with limited(broker, "legacy") as point:
        entry = await load(hass, other_broker(broker, options={"restore_limits": True}))
        found = Chargepoint(hass, point, entry)
        await found.wait_for_state("number", "max_current", "16")
        # Its reports from before a restart must not look like one.
        await point.plug()
        await until(lambda: found.node.snapshot.plugged)
        await found.call("number", "set_value", "max_current", value=8)
        await point.unplug()
        await until(lambda: found.node.snapshot.plugged is False)
        (evse,) = point.points.values()
        await point.restart()
        assert evse.energy.current == 16
        await until(lambda: evse.energy.current == 8)
        await found.wait_for_state("number", "max_current", "8")
        await hass.config_entries.async_unload(entry.entry_id)


@pytest.mark.usefixtures("settles_soon")
async def test_keep_limits_over_a_restart_of_home_assistant(
    hass: HomeAssistant, broker: BrokerProcess, hass_storage: dict[str, Any]
) -> None:
    """A change during a disconnection is corrected, once."""
    full = ChargepointSetup(profile="full")
    async with running(hass, broker, full, options={"restore_limits": True}) as found:
        await found.wait_for_state("number", "max_current", "32")
        await found.call("number", "set_value", "max_current", value=10)
        assert await hass.config_entries.async_unload(found.entry.entry_id)
        found.point["garage"].max_current = 20
        # As after a restart, all that is known is on disk.
        assert stored(hass_storage, found)["limits"] == {"max_current": 10.0}
        await hass.config_entries.async_setup(found.entry.entry_id)
        await until(lambda: found.point["garage"].max_current == 10)
        await found.wait_for_state("number", "max_current", "10")
        assert [each["val"] for each in found.sent("cmd.max_current.set")] == [10, 10]


@pytest.mark.parametrize("dialect", ["main", "legacy"])
async def test_a_limit_from_outside_goes_with_the_entry(
    hass: HomeAssistant,
    broker: BrokerProcess,
    hass_storage: dict[str, Any],
    dialect: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(legacy_protocol, "_FIRST", 0.2)
    entry = await load(hass, other_broker(broker))
    async with limited(broker, dialect) as point:
        found = Chargepoint(hass, point, entry)
        await found.wait_for_state("number", "max_current", "16")
        await until(lambda: found.state("select", "phases") == "3")
        await found.call("number", "set_value", "max_current", value=8)
        await found.call("select", "select_option", "phases", option="1")
        (evse,) = point.points.values()
        assert (evse.energy.current, evse.energy.phases) == (8, 1)
        await hass.config_entries.async_remove(entry.entry_id)
        await until(lambda: (evse.energy.current, evse.energy.phases) == (16, 3))
    assert not [key for key in hass_storage if key.startswith("fimp_chargepoint")]


async def test_a_limit_goes_with_an_entry_that_was_disabled(
    hass: HomeAssistant,
    broker: BrokerProcess,
    hass_storage: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The integration was not set up when Home Assistant started."""
    entry = await load(hass, other_broker(broker))
    async with limited(broker) as point:
        found = Chargepoint(hass, point, entry)
        await found.wait_for_state("number", "max_current", "16")
        await found.call("number", "set_value", "max_current", value=8)
        await hass.config_entries.async_set_disabled_by(entry.entry_id, ConfigEntryDisabler.USER)
        (evse,) = point.points.values()
        assert evse.energy.current == 8
        await hass.config_entries.async_remove(entry.entry_id)
        await until(lambda: evse.energy.current == 16)
    assert not [key for key in hass_storage if key.startswith("fimp_chargepoint")]
    assert "Error" not in caplog.text


async def test_a_setting_of_the_charge_point_stays(
    hass: HomeAssistant, broker: BrokerProcess
) -> None:
    async with simulator(broker, ChargepointSetup(profile="full")) as point:
        entry = await load(hass, other_broker(broker))
        found = Chargepoint(hass, point, entry)
        await found.wait_for_state("number", "max_current", "32")
        await found.call("number", "set_value", "max_current", value=10)
        await hass.config_entries.async_remove(entry.entry_id)
        assert point["garage"].max_current == 10


async def test_a_limit_that_cannot_be_withdrawn(
    hass: HomeAssistant,
    broker: BrokerProcess,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The charge point is offline; the entry is removed anyway."""
    monkeypatch.setattr(requests, "_FINDING_TIME", 0.3)
    entry = await load(hass, other_broker(broker))
    async with limited(broker) as point:
        found = Chargepoint(hass, point, entry)
        await found.wait_for_state("number", "max_current", "16")
        await found.call("number", "set_value", "max_current", value=8)
    await hass.config_entries.async_remove(entry.entry_id)
    assert (
        "The limit of everest:carport stays until it is restarted: it is not there" in caplog.text
    )
