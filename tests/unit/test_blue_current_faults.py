"""Every fault of the connection to Blue Current: what is shown meanwhile, and that it recovers."""

import asyncio
from datetime import UTC, datetime
import time

import aiohttp
import pytest

from custom_components.fimp_chargepoint.chargepoint.blue_current import account as account_module
from custom_components.fimp_chargepoint.chargepoint.blue_current.chargepoint import (
    BlueCurrentChargepoint,
)
from custom_components.fimp_chargepoint.chargepoint.blue_current.discovery import BlueCurrentHub
from custom_components.fimp_chargepoint.chargepoint.capabilities import Parameter
from custom_components.fimp_chargepoint.chargepoint.errors import (
    AlreadyConnectedError,
    AuthenticationError,
    CommandRejectedError,
    CommandTimeoutError,
    NoAnswerError,
    NotConnectedError,
    OutcomeUnknownError,
    RequestLimitError,
)
from custom_components.fimp_chargepoint.chargepoint.hub import ConnectionRefused
from custom_components.fimp_chargepoint.chargepoint.model import Feature, Reason, Status
from custom_components.fimp_chargepoint.chargepoint.transport import websocket
from simulators.blue_current import AccountSetup
from tests.helpers.blue_current import ADDRESS, GRID, House, blue_current
from tests.helpers.waiting import until

pytestmark = pytest.mark.usefixtures("socket_enabled")

type Events = list[object]


async def known(house: House) -> House:
    """Wait until all is known, with a car plugged in."""
    await until(lambda: house.shown.available and GRID in house.hub.nodes)
    await house.simulator.plug()
    await until(lambda: house.shown.plugged)
    return house


def is_unavailable(house: House) -> bool:
    """Whether no outdated value is shown, neither of the charge point nor of the grid."""
    shown, grid = house.shown, house.grid.snapshot
    if shown.available or grid.available:
        return False
    assert shown.status is shown.raw_status is shown.plugged is shown.meter.power is None
    assert grid.meter.current is None
    assert not shown.parameters
    return True


@pytest.mark.parametrize("fault", ["close 1000", "close 1011", "abort"])
async def test_connection_that_ends_is_made_again(fault: str) -> None:
    async with blue_current() as house:
        await known(house)
        await house.simulator.reject("Maintenance")
        await house.simulator.do(fault)
        await until(lambda: is_unavailable(house))
        assert house.shown.unavailable is Reason.NOT_CONNECTED
        await house.simulator.reject("")
        began = time.monotonic()
        await until(lambda: house.shown.available and house.grid.snapshot.available)
        assert time.monotonic() - began < 10
        assert house.shown.status is Status.READY_TO_CHARGE
        # The auth token is still good.
        assert house.hub.account.requests.today["VALIDATE_API_TOKEN"] == 1


async def test_refused_connects_are_lived_through() -> None:
    async with blue_current() as house:
        await known(house)
        await house.simulator.away()
        await house.simulator.abort()
        await until(lambda: is_unavailable(house))
        await asyncio.sleep(0.5)
        assert isinstance(house.hub.last_error, NotConnectedError)
        await house.simulator.back()
        await until(lambda: house.shown.available)


async def test_start_without_a_server_reports_it() -> None:
    async with blue_current(start=False) as house:
        await house.simulator.away()
        with pytest.raises(NotConnectedError):
            await house.hub.start()
        await house.simulator.back()
        await house.hub.start()
        await until(lambda: house.shown.available)


async def test_odd_frames_cost_themselves() -> None:
    async with blue_current() as house:
        await known(house)
        await house.simulator.garbage()
        await house.simulator.frame('{"object":"ERROR","error":9,"message":"Unknown error"}')
        await house.simulator.grid("9 9 9")
        await until(lambda: house.grid.snapshot.highest_current == 9)
        assert house.hub.connections == 1
        assert house.shown.available
        assert not house.hub.internal_errors.counts
        assert set(house.hub.ignored) == {"json", "object", "data", "error", "evse_id"}


async def test_null_dates_and_unknown_letters_are_unknown() -> None:
    async with blue_current() as house:
        await known(house)
        await house.simulator.null_dates()
        await house.simulator.letter("Z")
        await until(lambda: house.shown.raw_status == "available Z")
        assert house.shown.available
        assert (house.shown.status, house.shown.plugged) == (None, None)
        assert house.shown.enabled is True
        await house.simulator.letter("")
        await until(lambda: house.shown.status is Status.READY_TO_CHARGE)
        await house.node.start_charging()
        assert house.shown.session.started is not None


async def test_error_42_and_4001_wait_until_the_reset(monkeypatch: pytest.MonkeyPatch) -> None:
    for fault in ("error 42", "close 4001", "quota 0"):
        async with blue_current() as house:
            await known(house)
            await house.simulator.do(fault)
            if fault == "quota 0":
                house.node.ask_everything(house.clock.now())
            await until(lambda: is_unavailable(house))
            error = house.hub.last_error
            assert isinstance(error, RequestLimitError)
            assert error.until > datetime.now(UTC)
            received = len(house.simulator.requests)
            await asyncio.sleep(0.5)
            assert (len(house.simulator.requests), house.hub.connections) == (received, 1)
            await house.simulator.quota("")
            # A day later, as the calendar has it.
            monkeypatch.setattr(websocket, "_CALENDAR_INTERVAL", 0.05)
            house.clock.ahead = 90_000.0


async def test_limit_that_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "_CALENDAR_INTERVAL", 0.05)
    async with blue_current() as house:
        await known(house)
        await house.simulator.quota("0")
        await house.simulator.close("4001")
        await until(lambda: is_unavailable(house))
        await asyncio.sleep(0.3)
        await house.simulator.quota("")
        house.clock.ahead = 90_000.0
        await until(lambda: house.shown.available)
        assert house.shown.status is Status.READY_TO_CHARGE


@pytest.mark.parametrize("fault", ["reject Request limit reached", "quota 0", "quota 1"])
async def test_limit_at_the_start(monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    """Each attempt would be another request, so its end is waited for."""
    monkeypatch.setattr(websocket, "_CALENDAR_INTERVAL", 0.05)
    async with blue_current(start=False) as house:
        await house.simulator.do(fault)
        await house.hub.start()
        await until(lambda: isinstance(house.hub.last_error, RequestLimitError))
        received = len(house.simulator.requests)
        await asyncio.sleep(0.3)
        assert len(house.simulator.requests) == received
        await house.simulator.reject("")
        await house.simulator.quota("")
        house.clock.ahead = 90_000.0
        await until(lambda: house.hub.nodes and house.shown.available)


async def test_expired_auth_token_is_renewed() -> None:
    async with blue_current() as house:
        await known(house)
        await house.simulator.expire()
        house.node.ask_everything(house.clock.now())
        await until(lambda: house.hub.connections == 2 and house.shown.available)
        assert house.hub.account.requests.today["VALIDATE_API_TOKEN"] == 2


async def test_revoked_api_token_is_refused_for_good() -> None:
    async with blue_current() as house:
        events: Events = []
        house.hub.add_listener(events.append)
        await known(house)
        await house.simulator.revoke()
        house.node.ask_everything(house.clock.now())
        await until(lambda: any(isinstance(event, ConnectionRefused) for event in events))
        assert is_unavailable(house)
        received = len(house.simulator.requests)
        await asyncio.sleep(0.5)
        assert len(house.simulator.requests) == received
    async with blue_current(api_token="bad", start=False) as house:
        with pytest.raises(AuthenticationError, match="invalid"):
            await house.hub.start()


async def test_second_connection_waits_longer() -> None:
    async with blue_current() as house:
        await known(house)
        await house.simulator.reject("Already connected")
        await house.simulator.close()
        await until(lambda: isinstance(house.hub.last_error, AlreadyConnectedError))
        assert house.hub.account.pause(AlreadyConnectedError("")) == 30
        assert is_unavailable(house)


async def test_silent_server_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "_HEARTBEAT", 0.3)
    monkeypatch.setattr(websocket, "_PONG_TIMEOUT", 0.3)
    monkeypatch.setattr(account_module, "_LIST_TIMEOUT", 0.5)
    # While nothing is read, the server does not see that a connection ends.
    async with blue_current(account=AccountSetup(single=False)) as house:
        await known(house)
        await asyncio.sleep(1.0)
        assert house.hub.connections == 1, "a ping is answered"
        await house.simulator.freeze()
        await until(lambda: is_unavailable(house))
        assert isinstance(house.hub.last_error, NoAnswerError)
        await house.simulator.freeze("off")
        await until(lambda: house.shown.available)


async def test_server_without_an_answer_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_module, "_REPLY_TIMEOUT", 0.2)
    async with blue_current(start=False) as house:
        await house.simulator.freeze()
        with pytest.raises(NoAnswerError):
            await house.hub.start()


async def test_command_whose_connection_breaks() -> None:
    async with blue_current() as house:
        await known(house)
        await house.simulator.silence()
        starting = asyncio.create_task(house.node.start_charging())
        await until(lambda: house.sent("START_SESSION"))
        await house.simulator.abort()
        with pytest.raises(NotConnectedError):
            await starting
        asking = asyncio.create_task(_asked(house))
        await until(lambda: house.shown.available)
        await asking


async def _asked(house: House) -> None:
    with pytest.raises(NotConnectedError):
        await house.node.current_schedules()


async def test_charge_point_that_does_not_answer() -> None:
    """Blue Current gives up after 30 s; a start may still happen, and a stop is sent again."""
    async with blue_current() as house:
        await known(house)
        await house.simulator.silence()
        with pytest.raises(OutcomeUnknownError, match="TIMEOUT"):
            await house.node.start_charging()
        await house.simulator.silence("off")
        await house.node.start_charging()
        assert house.shown.charging
        await house.simulator.silence()
        stopping = asyncio.create_task(house.node.stop_charging())
        await until(lambda: house.sent("STOP_SESSION"))
        await house.simulator.silence("off")
        await stopping
        assert house.shown.charging is False


async def test_request_without_any_reply(monkeypatch: pytest.MonkeyPatch) -> None:
    async with blue_current() as house:
        await known(house)
        monkeypatch.setattr(house.node._replies, "_timeout", 0.2)
        monkeypatch.setattr(house.simulator._requests, "answer", _never)
        with pytest.raises(CommandTimeoutError):
            await house.node.current_schedules()


async def _never(_: object) -> None:
    """Reply nothing."""


async def test_error_without_a_name_is_for_the_last_request() -> None:
    async with blue_current() as house:
        await known(house)
        house.simulator["driveway"].evse_id = "BCU999999"
        with pytest.raises(CommandRejectedError, match="forbidden"):
            await house.node.set(Feature.ENABLED, value=False)
        assert house.hub.connections == 1


async def test_nothing_is_left_behind() -> None:
    """The harness fails a test that leaves a task or a timer; here in every stage."""
    for line in ("freeze", "away", "reject x", "close", "abort", "error 1", "error 42"):
        async with blue_current() as house:
            await house.simulator.do(line)
    async with blue_current(start=False) as house:
        starting = asyncio.create_task(house.hub.start())
        await asyncio.sleep(0)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting


async def test_settings_never_vanish_from_the_capabilities() -> None:
    """Their entities would go and come with every connection that breaks."""
    async with blue_current() as house:
        await until(lambda: house.shown.available and "led_brightness" in house.shown.parameters)
        before = house.shown.capabilities.parameters
        seen: list[tuple[Parameter, ...]] = []
        house.node.add_listener(lambda snapshot: seen.append(snapshot.capabilities.parameters))
        await house.simulator.close()
        await until(lambda: house.hub.connections == 2 and house.shown.parameters)
        await until(lambda: "led_brightness" in house.shown.parameters)
        assert {parameter.id for found in seen for parameter in found} == {
            parameter.id for parameter in before
        }
        assert all(len(found) == len(before) for found in seen)


async def test_command_that_uses_up_the_quota() -> None:
    async with blue_current() as house:
        await known(house)
        await house.simulator.quota("0")
        with pytest.raises(CommandRejectedError, match="Request limit reached"):
            await house.node.set(Feature.ENABLED, value=False)
        await until(lambda: is_unavailable(house))
        assert isinstance(house.hub.last_error, RequestLimitError)
        assert any(line.topic == "ERROR" for line in house.hub.journal.recent)


async def test_session_of_an_earlier_run() -> None:
    """While Blue Current reports no times, only the run before knows when a session began."""
    async with blue_current() as house:
        await known(house)
        await house.simulator.dateless()
        await house.node.start_charging()
        began = house.shown.session.started
        assert began is not None
        assert house.shown.session.start_guessed is False
        await until(lambda: (house.shown.meter.session_energy or 0) > 0)
        energy = house.shown.meter.session_energy or 0.0
        await house.hub.stop()
        async with aiohttp.ClientSession() as session:
            hub = BlueCurrentHub(session, "good", url=house.simulator.url)
            try:
                await hub.start()
                node = hub.nodes[ADDRESS]
                assert isinstance(node, BlueCurrentChargepoint)
                node.restore_session(began, energy)
                await until(lambda: node.snapshot.session.started == began)
                assert node.snapshot.in_session
            finally:
                await hub.stop()
