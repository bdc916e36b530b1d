"""The broker limits a charge point whose failsafe has lost its connection, and it ends again."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
import json
from typing import Any

from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import HomeAssistant
import pytest

from custom_components.fimp_chargepoint.chargepoint import StoredRequests
from custom_components.fimp_chargepoint.chargepoint import failsafe as guard_module
from custom_components.fimp_chargepoint.chargepoint.errors import NoAnswerError, NotConnectedError
from custom_components.fimp_chargepoint.chargepoint.everest.legacy import (
    protocol as legacy_protocol,
)
from custom_components.fimp_chargepoint.chargepoint.limits import failsafe as limits_module
from custom_components.fimp_chargepoint.chargepoint.transport import mqtt
from custom_components.fimp_chargepoint.flow.options import suggested_options
from simulators.fimp import ChargepointSetup
from tests.broker import BrokerProcess
from tests.conftest import MakeBroker

from .conftest import load, other_broker, simulator, until
from .guarding import ADDRESSES, Guarded, guarded, set_limit
from .limiting import stored


@pytest.fixture(autouse=True)
def _quick_failsafe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard_module, "_SETTLING_TIME", 0.1)
    monkeypatch.setattr(limits_module, "_SUSPICION_TIME", 5.0)
    monkeypatch.setattr(legacy_protocol, "_FIRST", 0.5)


@pytest.fixture(name="point", params=ADDRESSES)
async def point_fixture(
    hass: HomeAssistant, broker: BrokerProcess, request: pytest.FixtureRequest
) -> AsyncGenerator[Guarded]:
    async with AsyncExitStack() as stack:
        yield await guarded(stack, hass, broker, request.param)


@pytest.fixture(name="fimp")
async def fimp_fixture(hass: HomeAssistant, broker: BrokerProcess) -> AsyncGenerator[Guarded]:
    async with AsyncExitStack() as stack:
        yield await guarded(stack, hass, broker, "fimp")


async def test_the_connection_alone_is_lost(point: Guarded) -> None:
    """The charge point is limited, and the former limit is restored once, without competition."""
    await set_limit(point, 16)
    await point.registers(10)
    before = len(point.commands)
    await point.cut()
    await until(lambda: len(point.commands) >= before + 2, "the failsafe and its end")
    await point.limits_to(16)
    await point.registers(10)
    await asyncio.sleep(6)
    assert len(point.commands) == before + 2
    assert point.node.snapshot.requested.limits == {"max_current": 16}
    assert not point.node.limits._overrides
    assert not point.node.limits.failsafe._suspected


async def test_without_a_limit_of_the_user(point: Guarded) -> None:
    """The former limit returns, and the failsafe is not mistaken for a limit of the user."""
    before = len(point.commands)
    assert point.limit == 32
    await point.cut()
    await until(lambda: len(point.commands) >= before + 2, "the failsafe and its end")
    await point.limits_to(32)
    await until(lambda: not point.node.limits.failsafe._suspected)
    assert point.node.snapshot.requested.limits == {}
    assert len(point.commands) == before + 2


async def test_never_more_than_applies(point: Guarded) -> None:
    """A lower limit is registered at once, and a higher one is limited to the safe current."""
    await set_limit(point, 8)
    await point.registers(8)
    await point.cut()
    await asyncio.sleep(1)
    assert point.limit == 8
    await point.registers(8)
    await set_limit(point, 20)
    await point.registers(10)


async def test_never_more_while_a_limit_is_pending(fimp: Guarded) -> None:
    """The former message is withdrawn before the new limit is confirmed."""
    await fimp.point.silence()
    command = asyncio.create_task(set_limit(fimp, 6))
    await until(lambda: "max_current" in fimp.node.snapshot.pending)
    await fimp.registers(6)
    command.cancel()


async def test_limits_of_others_count(fimp: Guarded) -> None:
    """A limit that was set in the app of the manufacturer is not raised."""
    (point,) = fimp.point.points.values()
    point.max_current = 7
    point.forget()
    await fimp.registers(7)


async def test_a_limit_of_others_returns(fimp: Guarded) -> None:
    """It was set after the message was registered, which stays the same."""
    (point,) = fimp.point.points.values()
    point.max_current = 20
    point.forget()
    await until(lambda: fimp.node.snapshot.requested.failsafe.former == 20)
    await fimp.cut()
    await until(lambda: len(fimp.commands) >= 2, "the failsafe and its end")
    await fimp.limits_to(20)


async def test_an_attempt_to_connect_is_enough(fimp: Guarded) -> None:
    """The broker gets the message with it, even if its answer is lost."""
    fimp.guard._is_guarded = False
    fimp.guard.connection_lost(NotConnectedError("unreachable"))
    assert not fimp.node.limits.failsafe._suspected
    fimp.guard.connection_lost(NoAnswerError("no_answer"))
    assert fimp.node.limits.failsafe._suspected


@pytest.mark.parametrize("protocol", ["everest", "legacy"])
async def test_phases_go_along(hass: HomeAssistant, broker: BrokerProcess, protocol: str) -> None:
    async with AsyncExitStack() as stack:
        point = await guarded(stack, hass, broker, protocol)
        await point.wait_for_state("select", "phases", "3")
        await point.call("select", "select_option", "phases", option="1")
        await until(lambda: point.guard._registered and "1" in point.guard._registered.others)
        await point.registers(10)
        before = len(point.commands)
        await point.cut()
        await until(lambda: len(point.commands) >= before + 2, "the failsafe and its end")
        for command in point.commands[before:]:
            assert "phase" in command
        (evse,) = point.point.points.values()
        await until(lambda: evse.energy.phases == 1)
        await point.limits_to(32)


async def test_a_pause_stays_a_pause(point: Guarded) -> None:
    await point.point.plug()
    if point.state("sensor", "status") != "charging":
        await until(lambda: point.node.snapshot.plugged)
        await point.call("switch", "turn_on", "charging")
    await point.wait_for_state("sensor", "status", "charging")
    await point.call("switch", "turn_off", "charging")
    before = len(point.commands)
    await point.cut()
    await until(lambda: len(point.commands) >= before + 2, "the failsafe and its end")
    await asyncio.sleep(1)
    (simulated,) = point.point.points.values()
    assert simulated.connector.current == 0
    assert point.state("switch", "charging") == "off"


async def test_a_limit_of_nothing_is_not_replaced(
    hass: HomeAssistant, broker: BrokerProcess
) -> None:
    """Another client allows no current: no message is registered that would resume charging."""
    async with AsyncExitStack() as stack:
        point = await guarded(stack, hass, broker, "everest")
        await point.point.plug()
        await point.wait_for_state("sensor", "status", "charging")
        await point.point.limit(0)
        await point.wait_for_state("sensor", "status", "suspended_by_evse")
        await until(lambda: point.guard._registered is None)
        await point.point.limit(32)
        await point.registers(10)


@pytest.mark.parametrize("protocol", ADDRESSES)
async def test_the_broker_restarts(
    hass: HomeAssistant, make_broker: MakeBroker, protocol: str
) -> None:
    """A broker that stops sends the message to whom it still can; the limit returns."""
    broker = make_broker()
    async with AsyncExitStack() as stack:
        point = await guarded(stack, hass, broker, protocol)
        await set_limit(point, 16)
        await point.registers(10)
        await asyncio.to_thread(broker.stop)
        await asyncio.to_thread(broker.start)
        await until(lambda: point.node.snapshot.max_current == 16, "the limit to be there again")
        await point.limits_to(16)
        await point.registers(10)
        await until(lambda: not point.node.limits.failsafe._suspected)
        assert point.limit == 16
        assert not point.node.limits._overrides


async def test_a_clean_stop_soon_after_a_failsafe(
    hass: HomeAssistant, broker: BrokerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The charge point is still suspected to be limited, but this limit stays."""
    monkeypatch.setattr(limits_module, "_SUSPICION_TIME", 60.0)
    monkeypatch.setattr(limits_module, "_REPORT_TIME", 0.1)
    async with AsyncExitStack() as stack:
        point = await guarded(stack, hass, broker, "fimp", failsafe_on_stop=True)
        before = len(point.commands)
        await point.cut()
        await until(lambda: len(point.commands) >= before + 2, "the failsafe and its end")
        await point.limits_to(32)
        await point.registers(10)
        assert point.node.limits.failsafe._suspected
        stop = point.guard._transport.stop

        async def stop_slowly() -> None:
            # As if there were many of them: the hub hears the charge point meanwhile.
            await asyncio.sleep(1)
            await stop()

        monkeypatch.setattr(point.guard._transport, "stop", stop_slowly)
        await hass.config_entries.async_set_disabled_by(
            point.entry.entry_id, ConfigEntryDisabler.USER
        )
        await point.limits_to(10)
        assert [json.loads(each)["val"] for each in point.commands[before:]] == [10, 32, 10]


@pytest.mark.parametrize("on_stop", [False, True])
async def test_a_clean_stop(
    hass: HomeAssistant,
    broker: BrokerProcess,
    hass_storage: dict[str, Any],
    on_stop: bool,  # noqa: FBT001
) -> None:
    """It limits the charge point only if that was chosen, and not on a mere reload."""
    async with AsyncExitStack() as stack:
        point = await guarded(stack, hass, broker, "fimp", failsafe_on_stop=on_stop)
        before = len(point.commands)
        entry_id = point.entry.entry_id
        await hass.config_entries.async_reload(entry_id)
        await until(lambda: point.entry.runtime_data.hub._guards)
        await point.registers(10)
        assert len(point.commands) == before
        await hass.config_entries.async_set_disabled_by(entry_id, ConfigEntryDisabler.USER)
        await asyncio.sleep(0.5)
        await point.limits_to(10 if on_stop else 32)
        assert bool(stored(hass_storage, point).get("failsafe")) is on_stop
        await hass.config_entries.async_set_disabled_by(entry_id, None)
        await point.limits_to(32)
        await point.registers(10)
        assert len(point.commands) == before + (2 if on_stop else 0)


async def test_a_clean_stop_while_its_connection_is_renewed(
    hass: HomeAssistant, broker: BrokerProcess
) -> None:
    """The message leaves on the connection of the hub, and the former limit returns later."""
    async with AsyncExitStack() as stack:
        point = await guarded(stack, hass, broker, "fimp", failsafe_on_stop=True)
        await point.guard._transport.stop()
        entry_id = point.entry.entry_id
        await hass.config_entries.async_set_disabled_by(entry_id, ConfigEntryDisabler.USER)
        await point.limits_to(10)
        await hass.config_entries.async_set_disabled_by(entry_id, None)
        await point.limits_to(32)


async def test_a_restart_after_the_failsafe(
    hass: HomeAssistant, broker: BrokerProcess, hass_storage: dict[str, Any]
) -> None:
    """The stored limit of a former run returns, without the option to restore limits."""
    async with AsyncExitStack() as stack:
        point = await guarded(stack, hass, broker, "fimp")
        requests = StoredRequests.from_storage(
            {"failsafe": {"current": 10, "former": 32}, "limits": {"max_current": 25}}
        )
        assert StoredRequests.from_storage(requests.to_storage()) == requests
        (simulated,) = point.point.points.values()
        await hass.config_entries.async_unload(point.entry.entry_id)
        simulated.max_current = 10
        file = hass_storage[f"fimp_chargepoint.{point.entry.entry_id}.state"]
        file["data"]["charge_points"][ADDRESSES["fimp"]] = requests.to_storage()
        await hass.config_entries.async_setup(point.entry.entry_id)
        await point.limits_to(25)
        assert point.sent("cmd.max_current.set")[-1]["val"] == 25
        assert point.node.snapshot.requested.limits == {"max_current": 25}


async def test_power_loss(
    hass: HomeAssistant, broker: BrokerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker notices after 1.5 times the keepalive that nothing comes, without any FIN."""
    monkeypatch.setattr(mqtt, "_KEEPALIVE", 2)
    async with AsyncExitStack() as stack:
        point = await guarded(stack, hass, broker, "fimp")
        client = point.guard._transport._client
        assert client is not None
        # It is no longer polled, so it sends nothing.
        client._misc_task.cancel()
        await point.limits_to(10)
        await point.limits_to(32)
        assert [float(each["val"]) for each in point.sent("cmd.max_current.set")] == [10, 32]


async def test_a_charge_point_that_is_removed(fimp: Guarded, broker: BrokerProcess) -> None:
    """Its connection ends, and the broker limits nothing."""
    guard = fimp.guard
    fimp.entry.runtime_data.hub.remove_node(ADDRESSES["fimp"])
    await until(lambda: not fimp.entry.runtime_data.hub._guards)
    await until(lambda: not guard._transport.connected)
    await asyncio.sleep(0.5)
    assert fimp.limit == 32


async def test_one_connection_for_each(
    hass: HomeAssistant, broker: BrokerProcess, caplog: pytest.LogCaptureFixture
) -> None:
    """Only for the charge point that has the option."""
    setups = ChargepointSetup(profile="full"), ChargepointSetup(name="b")
    async with simulator(broker, *setups):
        options = {"safe_currents": {ADDRESSES["fimp"]: 10}}
        entry = await load(hass, other_broker(broker, options=options))
        hub = entry.runtime_data.hub
        await until(lambda: len(hub.nodes) == 2)
        assert [*hub._guards] == [ADDRESSES["fimp"]]
        await hass.config_entries.async_unload(entry.entry_id)
        assert not [each for each in asyncio.all_tasks() if each.get_name().startswith("mqtt")]


async def test_it_is_chosen_in_the_options(hass: HomeAssistant, fimp: Guarded) -> None:
    """Charge points with a failsafe are preselected; each has a page for its safe current."""
    entry, flows = fimp.entry, hass.config_entries.options
    name = entry.runtime_data.coordinators[ADDRESSES["fimp"]].device_name
    answer = suggested_options(entry.options)
    assert answer["failsafe"] == {"failsafe": [ADDRESSES["fimp"]]}
    flow = await flows.async_init(entry.entry_id)
    page = await flows.async_configure(flow["flow_id"], answer)
    assert page["step_id"] == "safe_current"
    assert page["description_placeholders"]["plain_name"] == name
    done = await flows.async_configure(flow["flow_id"], {"safe_current": 12})
    assert done["data"]["safe_currents"] == {ADDRESSES["fimp"]: 12}
    await hass.async_block_till_done()
    await until(lambda: entry.runtime_data.hub._guards)
    await fimp.registers(12)
    flow = await flows.async_init(entry.entry_id)
    answer["failsafe"]["failsafe"] = []
    done = await flows.async_configure(flow["flow_id"], answer)
    assert "safe_currents" not in done["data"]
    await hass.async_block_till_done()
    assert not entry.runtime_data.hub._guards
