"""The vendor's own library at the simulator: what we simulate is what it expects."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

import aiohttp
from bluecurrent_api import Client
from bluecurrent_api.exceptions import (
    AlreadyConnected,
    BlueCurrentException,
    InvalidApiToken,
    RequestLimitReached,
    WebsocketError,
)
from bluecurrent_api.types import OverrideCurrentPayload, UpdatePriceBasedSettingsPayload
import pytest

from simulators.blue_current import AccountSetup, BlueCurrentSimulator, ChargepointSetup
from simulators.simulator import Timing
from tests.helpers.waiting import until

pytestmark = pytest.mark.usefixtures("socket_enabled")

QUICK = Timing(pace=0.01, speed=100)
EVSE = "BCU100001"


class Referee:
    """The vendor's library, with all that it received."""

    def __init__(self) -> None:
        self.client = Client()
        self.received: list[dict[str, Any]] = []
        #: How the connection ended; the library returns without an error from a clean close.
        self.ended: BaseException | str | None = None

    async def take(self, message: dict[str, Any]) -> None:
        self.received.append(message)

    def last(self, name: str) -> dict[str, Any] | None:
        found = [message for message in self.received if message["object"] == name]
        return found[-1] if found else None

    def activity(self) -> object:
        status = self.last("CH_STATUS")
        return status and status["data"]["activity"]

    def activities(self, since: int = 0) -> list[object]:
        """Return all activities after so many messages: some last only for a moment."""
        return [
            message["data"]["activity"]
            for message in self.received[since:]
            if message["object"] == "CH_STATUS"
        ]


@asynccontextmanager
async def simulating(
    monkeypatch: pytest.MonkeyPatch,
    *setups: ChargepointSetup,
    account: AccountSetup | None = None,
) -> AsyncIterator[BlueCurrentSimulator]:
    async with BlueCurrentSimulator(*setups, account=account, timing=QUICK) as simulator:
        monkeypatch.setattr("bluecurrent_api.websocket.URL", simulator.url)
        yield simulator


@asynccontextmanager
async def logged_in(simulator: BlueCurrentSimulator) -> AsyncIterator[Referee]:
    """Yield the library once it is connected and has the charge points."""
    referee = Referee()
    await referee.client.validate_api_token("good")

    async def run() -> None:
        try:
            await referee.client.connect(referee.take, referee.client.get_charge_points)
            referee.ended = "without an error"
        except Exception as error:  # noqa: BLE001
            referee.ended = error

    task = asyncio.create_task(run())
    try:
        await until(lambda: referee.last("CHARGE_POINTS"))
        yield referee
    finally:
        with suppress(WebsocketError):
            await referee.client.disconnect()
        await asyncio.wait([task])


async def test_account(monkeypatch: pytest.MonkeyPatch) -> None:
    async with simulating(monkeypatch):
        client = Client()
        assert await client.validate_api_token("good") == "C-1"
        assert await client.get_email() == "user@example.com"
        with pytest.raises(InvalidApiToken):
            await Client().validate_api_token("bad")


async def test_every_report_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    async with simulating(monkeypatch) as simulator, logged_in(simulator) as referee:
        client = referee.client
        await client.get_status(EVSE)
        await client.get_settings(EVSE)
        await client.get_grid_status(EVSE)
        await client.get_charge_cards()
        await simulator.grid("5 6 7")
        await until(lambda: referee.last("GRID_CURRENT"))
        for name in ("CH_STATUS", "CH_SETTINGS", "GRID_STATUS", "CHARGE_CARDS"):
            await until(partial(referee.last, name), name)
        status = referee.last("CH_STATUS")["data"]
        assert (status["activity"], status["vehicle_status"]) == ("available", "standby")
        assert referee.last("GRID_CURRENT")["data"]["grid_max_current"] == 7
        settings = referee.last("CH_SETTINGS")["data"]
        assert (settings["plug_and_charge"], settings["linked_charge_cards_only"]) == (False, False)


async def test_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plug in, start with a card, charge, pause, stop, unplug."""
    async with simulating(monkeypatch) as simulator, logged_in(simulator) as referee:
        await simulator.plug()
        await until(lambda: referee.activity() == "available")
        await referee.client.start_session(EVSE, "046C8CCA8C1D90")
        await until(lambda: referee.activity() == "charging")
        assert referee.last("START_SESSION")["success"] is True
        await until(lambda: referee.last("CH_STATUS")["data"]["actual_kwh"] > 0)
        status = referee.last("CH_STATUS")["data"]
        assert status["vehicle_status"] == "ready"
        await simulator.car_pause()
        await until(
            lambda: referee.last("CH_STATUS")["data"]["vehicle_status"] == "vehicle_detected"
        )
        await referee.client.stop_session(EVSE)
        await until(lambda: referee.activity() == "available")
        await simulator.unplug()
        await until(lambda: referee.last("CH_STATUS")["data"]["vehicle_status"] == "standby")
        status = referee.last("CH_STATUS")["data"]
        assert status["stop_datetime"] > status["start_datetime"]


async def test_first_report_of_a_session_has_the_times_of_the_one_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with simulating(monkeypatch) as simulator, logged_in(simulator) as referee:
        await simulator.plug()
        await referee.client.start_session(EVSE, "BCU-APP")
        await until(lambda: referee.activity() == "charging")
        charging = [
            message["data"]["start_datetime"]
            for message in referee.received
            if message["object"] == "CH_STATUS" and message["data"]["activity"] == "charging"
        ]
        assert charging[0] is None
        await until(lambda: referee.last("CH_STATUS")["data"]["start_datetime"])


async def test_settings_and_actions(monkeypatch: pytest.MonkeyPatch) -> None:
    async with simulating(monkeypatch) as simulator, logged_in(simulator) as referee:
        client = referee.client
        await client.set_plug_and_charge(EVSE, value=True)
        await until(lambda: referee.last("PLUG_AND_CHARGE"))
        assert referee.last("PLUG_AND_CHARGE")["result"] is True
        await client.set_linked_charge_cards_only(EVSE, value=True)
        await until(lambda: referee.last("LINKED_CHARGE_CARDS_ONLY"))
        assert referee.last("LINKED_CHARGE_CARDS_ONLY")["result"] is True
        assert simulator["driveway"].settings["public_charging"] is False
        await client.block(EVSE, value=True)
        await until(lambda: referee.activity() == "unavailable")
        await client.block(EVSE, value=False)
        await until(lambda: referee.activity() == "available")
        await client.reset(EVSE)
        await until(lambda: "offline" in referee.activities())
        await until(lambda: referee.activity() == "available")
        before = len(referee.received)
        await client.reboot(EVSE)
        await until(lambda: "offline" in referee.activities(before))
        assert referee.last("REBOOT")["success"] is True


async def test_schedules(monkeypatch: pytest.MonkeyPatch) -> None:
    async with simulating(monkeypatch) as simulator, logged_in(simulator) as referee:
        client = referee.client
        payload = OverrideCurrentPayload([EVSE], "15:00", ["SA", "MO"], "13:00", ["SU"], 12.0)
        await client.set_user_override_current(payload)
        await until(lambda: referee.last("POST_SET_OVERRIDE_CURRENT"))
        created = referee.last("POST_SET_OVERRIDE_CURRENT")["data"]
        assert created["override_start_days"] == ["SA", "MO"]
        payload.overridevalue = 10.0
        await client.edit_user_override_current(created["schedule_id"], payload)
        await client.wait_for_update_override_current()
        await client.get_user_override_currents_list()
        await until(lambda: referee.last("LIST_OVERRIDE_CURRENT"))
        (listed,) = referee.last("LIST_OVERRIDE_CURRENT")["data"]
        assert listed["override_current"] == 10.0
        await client.clear_user_override_current(created["schedule_id"])
        await until(lambda: referee.last("POST_CLEAR_OVERRIDE_CURRENT"))
        await client.set_delayed_charging_settings(EVSE, [1, 7], "22:00", "06:00")
        await client.set_delayed_charging(EVSE, value=True)
        settings = UpdatePriceBasedSettingsPayload("07:30", 20, 40, 77)
        await client.update_price_based_charging_settings(EVSE, settings)
        await until(lambda: "price_based_charging_details" in simulator["driveway"].settings)
        assert simulator["driveway"].settings["smart_charging"] is True


@pytest.mark.parametrize(
    ("words", "refusal"),
    [("not today", "not today"), ("REJECTED", "rejected"), ("TIMEOUT", "timeout")],
)
async def test_refusal(monkeypatch: pytest.MonkeyPatch, words: str, refusal: str) -> None:
    async with simulating(monkeypatch) as simulator, logged_in(simulator) as referee:
        await simulator.plug()
        await simulator.refuse(words)
        await referee.client.start_session(EVSE, "BCU-APP")
        await until(lambda: referee.last("START_SESSION"))
        assert (
            referee.last("START_SESSION")["error"]
            == f"start_session {refusal} for chargepoint: {EVSE}"
        )
        await referee.client.stop_session(EVSE)
        await until(lambda: referee.last("STOP_SESSION"))
        assert "no active session" in referee.last("STOP_SESSION")["error"]


@pytest.mark.parametrize("code", ["1", "2", "9", "42"])
async def test_errors(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    async with simulating(monkeypatch) as simulator, logged_in(simulator) as referee:
        await simulator.error(code)
        error = await until(lambda: referee.ended)
        assert isinstance(error, RequestLimitReached if code == "42" else WebsocketError)


async def test_ends_of_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    async with simulating(monkeypatch) as simulator, logged_in(simulator) as referee:
        await simulator.close()
        assert await until(lambda: referee.ended) == "without an error"
    expected = {"close 4001": RequestLimitReached, "close 1011": WebsocketError}
    for line, kind in (expected | {"abort": WebsocketError}).items():
        async with simulating(monkeypatch) as simulator, logged_in(simulator) as referee:
            await simulator.do(line)
            assert isinstance(await until(lambda: referee.ended), kind)


async def test_odd_frames_end_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """These faults are why the library is not used; they must not harm the integration."""
    for line in ("null_dates on", "letter Z", "frame no json", 'frame {"value": true}', "garbage"):
        async with simulating(monkeypatch) as simulator, logged_in(simulator) as referee:
            await simulator.do(line)
            await until(lambda: referee.ended)
    async with simulating(monkeypatch) as simulator, logged_in(simulator) as referee:
        await simulator.no_result()
        await referee.client.set_plug_and_charge(EVSE, value=True)
        assert isinstance(await until(lambda: referee.ended), KeyError)


async def test_refused_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    async with simulating(monkeypatch) as simulator:
        await simulator.reject("Request limit reached")
        with pytest.raises(RequestLimitReached):
            await Client().validate_api_token("good")
        await simulator.reject("Already connected")
        with pytest.raises(AlreadyConnected):
            await Client().validate_api_token("good")
        await simulator.reject("")
        await simulator.away()
        with pytest.raises(OSError, match="Connect"):
            await Client().validate_api_token("good")
        await simulator.back()
        assert await Client().validate_api_token("good") == "C-1"


async def test_second_connection_of_an_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    async with simulating(monkeypatch) as simulator:
        async with logged_in(simulator):
            with pytest.raises(AlreadyConnected):
                await Client().validate_api_token("good")
        assert await Client().validate_api_token("good") == "C-1"
    several = AccountSetup(single=False)
    async with simulating(monkeypatch, account=several) as simulator, logged_in(simulator):
        assert await Client().validate_api_token("good") == "C-1"


async def test_quota(monkeypatch: pytest.MonkeyPatch) -> None:
    async with simulating(monkeypatch, account=AccountSetup(quota=4)) as simulator:
        async with logged_in(simulator) as referee:
            with suppress(BlueCurrentException):
                for _ in range(4):
                    await referee.client.get_status(EVSE)
            assert isinstance(await until(lambda: referee.ended), RequestLimitReached)
        with pytest.raises(RequestLimitReached):
            await Client().validate_api_token("good")


async def test_expired_and_revoked_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    async with simulating(monkeypatch) as simulator, logged_in(simulator) as referee:
        await simulator.expire()
        await referee.client.get_status(EVSE)
        assert isinstance(await until(lambda: referee.ended), WebsocketError)
        await until(lambda: not simulator.connections)
        assert await Client().validate_api_token("good") == "C-1"
        await simulator.revoke()
        with pytest.raises(InvalidApiToken):
            await Client().validate_api_token("good")
        await simulator.reinstate()
        assert await Client().validate_api_token("good") == "C-1"


async def test_words_by_http() -> None:
    async with (
        BlueCurrentSimulator(timing=QUICK) as simulator,
        aiohttp.ClientSession() as session,
    ):
        (name,) = simulator.points
        assert not [word for word in simulator[name].WORDS if hasattr(type(simulator), word)]

        async def say(line: str) -> str:
            async with session.post(
                simulator.url.replace("ws:", "http:").replace("haserver", "do"), data=line
            ) as answer:
                return await answer.text()

        for line in ("plug", "limit 10", "hold on", "grid 1 2 3", "leave", "join", "freeze off"):
            assert await say(line) == "ok"
        for line in ("fly", "plug", "grid 1", "limit many"):
            assert (await say(line)).startswith("error: ")
    await until(lambda: asyncio.all_tasks() == {asyncio.current_task()})
