"""A hub for a Blue Current account, end to end: what is shown, and what commands do."""

import asyncio
from datetime import time
from pathlib import Path
import subprocess
import sys

import aiohttp
import pytest

from custom_components.fimp_chargepoint.chargepoint.blue_current import discovery
from custom_components.fimp_chargepoint.chargepoint.blue_current.account import look_up
from custom_components.fimp_chargepoint.chargepoint.capabilities import ParameterKind
from custom_components.fimp_chargepoint.chargepoint.errors import (
    AlreadyConnectedError,
    AuthenticationError,
    CommandRejectedError,
    InvalidRequestError,
    NotConnectedError,
)
from custom_components.fimp_chargepoint.chargepoint.hub import NodeAdded, NodeRemoved
from custom_components.fimp_chargepoint.chargepoint.model import (
    Feature,
    PauseReason,
    Reason,
    Status,
)
from custom_components.fimp_chargepoint.chargepoint.smart_charging import (
    CurrentSchedule,
    DelayedCharging,
    PriceBasedCharging,
    Profile,
    Weekday,
)
from simulators.blue_current import AccountSetup, ChargepointSetup
from tests.helpers.blue_current import ADDRESS, EVSE, GRID, blue_current
from tests.helpers.waiting import until

pytestmark = pytest.mark.usefixtures("socket_enabled")


async def test_what_is_found() -> None:
    async with blue_current() as house:
        await until(lambda: house.shown.available and GRID in house.hub.nodes)
        shown = house.shown
        assert (shown.status, shown.raw_status) == (Status.DISCONNECTED, "available A")
        assert (shown.plugged, shown.charging, shown.enabled) == (False, False, True)
        identity = shown.identity
        assert (identity.name, identity.model, identity.manufacturer, identity.serial_number) == (
            "Driveway",
            "U:MOVE22",
            "Blue Current",
            EVSE,
        )
        assert (shown.max_current, shown.effective_current, shown.limited_by) == (16, 16, None)
        grid = house.grid.snapshot
        assert (grid.meter.current_l1, grid.meter.current_l3, grid.highest_current) == (3, 1, 3)
        assert (grid.installed_current, grid.reserved_current) == (40, 25)
        await house.simulator.grid("5 6 7")
        await until(lambda: house.grid.snapshot.highest_current == 7)
        assert house.grid.snapshot.meter.current == 6
        assert house.grid.snapshot.installed_current == 40
        await until(lambda: house.hub.protocol._requests.cards)
        assert house.hub.protocol._requests.cards[0].uid == "046C8CCA8C1D90"


async def test_day() -> None:
    """Plug in, start with a card, charge, limit, pause, stop, unplug."""
    async with blue_current() as house:
        await until(lambda: house.shown.available)
        await house.simulator.plug()
        await until(lambda: house.shown.status is Status.READY_TO_CHARGE)
        assert house.shown.plugged is True
        starting = asyncio.create_task(house.node.start_with_card("046C8CCA8C1D90"))
        await until(lambda: house.shown.pending.get(Feature.CHARGING) is True)
        await starting
        assert house.shown.status is Status.CHARGING
        assert house.sent("START_SESSION")[-1]["session_token"] == "046C8CCA8C1D90"
        began = house.shown.session.started
        await until(lambda: house.shown.meter.current_l1 == 16)
        meter = house.shown.meter
        assert meter.power == 3 * 16 * 230
        assert (meter.power_l1, meter.current, meter.voltage) == (16 * 230, 16, 230)
        await until(lambda: (house.shown.meter.session_energy or 0) > 0)
        await house.simulator.limit("10")
        await until(lambda: house.shown.limited_by == "smart_charging")
        assert (house.shown.max_current, house.shown.effective_current) == (16, 10)
        await house.simulator.hold()
        await until(lambda: house.shown.status is Status.SUSPENDED_BY_EVSE)
        assert house.shown.pause_reason is PauseReason.NO_ENERGY
        await house.simulator.hold("off")
        await until(lambda: house.shown.status is Status.CHARGING)
        await house.simulator.car_pause()
        await until(lambda: house.shown.status is Status.SUSPENDED_BY_EV)
        assert house.shown.charging is True
        await house.node.stop_charging()
        assert house.shown.status is Status.READY_TO_CHARGE
        assert house.shown.session.started == began
        assert house.shown.session.ended is not None
        energy = house.shown.meter.session_energy
        await house.simulator.unplug()
        await until(lambda: house.shown.status is Status.DISCONNECTED)
        assert house.shown.meter.session_energy == energy
        assert house.shown.charged is not None
        assert house.shown.charged.currency == "EUR"


async def test_switch_that_is_as_requested_sends_nothing() -> None:
    async with blue_current() as house:
        await until(lambda: house.shown.available)
        await house.node.stop_charging()
        await house.node.set(Feature.ENABLED, value=True)
        assert not house.sent("STOP_SESSION") + house.sent("SET_OPERATIVE")


async def test_refusal_of_a_repeated_request() -> None:
    """Its receipt is not taken for that of an earlier one, which has no other answer."""
    async with blue_current() as house:
        await until(lambda: house.shown.available)
        await house.node.set(Feature.ENABLED, value=False)
        await house.node.set(Feature.ENABLED, value=True)
        await house.node.override_profile(Profile.DELAYED, on=True)
        await house.simulator.refuse("not now")
        with pytest.raises(CommandRejectedError, match="not now"):
            await house.node.override_profile(Profile.DELAYED, on=False)


async def test_switch_starts_without_a_card() -> None:
    async with blue_current() as house:
        await until(lambda: house.shown.available)
        await house.simulator.plug()
        await until(lambda: house.shown.plugged)
        await house.node.start_charging()
        assert house.sent("START_SESSION")[-1]["session_token"] == "BCU-APP"


async def test_refusals_in_the_words_of_blue_current() -> None:
    async with blue_current() as house:
        await until(lambda: house.shown.available)
        await house.simulator.plug()
        await until(lambda: house.shown.plugged)
        await house.simulator.refuse("REJECTED")
        with pytest.raises(CommandRejectedError, match=r"=REJECTED\)$"):
            await house.node.start_charging()
        with pytest.raises(CommandRejectedError, match=r"=REJECTED\)$"):
            await house.node.act(Feature.RESTART)
        with pytest.raises(CommandRejectedError, match=r"=REJECTED\)$"):
            await house.node.set_parameter("plug_and_charge", value=True)
        assert not house.shown.pending
        await house.simulator.refuse("")
        await house.node.start_charging()
        # The server knows of no session that ended in this moment.
        house.simulator["driveway"].charging = False
        with pytest.raises(CommandRejectedError, match="no active session for chargepoint"):
            await house.node.stop_charging()


async def test_unknown_card() -> None:
    async with blue_current() as house:
        await until(lambda: house.shown.available)
        await house.simulator.plug()
        await until(lambda: house.shown.plugged)
        with pytest.raises(CommandRejectedError, match="REJECTED"):
            await house.node.start_with_card("00000000")


async def test_block() -> None:
    async with blue_current() as house:
        await until(lambda: house.shown.available)
        await house.node.set(Feature.ENABLED, value=False)
        assert (house.shown.status, house.shown.enabled) == (Status.OUT_OF_SERVICE, False)
        assert house.shown.available
        await house.node.set(Feature.ENABLED, value=True)
        assert (house.shown.status, house.shown.enabled) == (Status.DISCONNECTED, True)


@pytest.mark.parametrize(
    ("feature", "command"), [(Feature.RESTART, "REBOOT"), (Feature.RESET, "SOFT_RESET")]
)
async def test_restarts(feature: Feature, command: str) -> None:
    async with blue_current() as house:
        await until(lambda: house.shown.available and GRID in house.hub.nodes)
        await house.node.act(feature)
        assert house.sent(command) == [{"command": command, "evse_id": EVSE}]
        await until(lambda: house.shown.unavailable is Reason.OFFLINE)
        assert house.shown.health.offline_since is not None
        assert house.grid.snapshot.unavailable is Reason.OFFLINE
        await until(lambda: house.shown.available)
        assert house.shown.health.offline_since is None
        await until(lambda: house.grid.snapshot.available)


async def test_settings() -> None:
    async with blue_current() as house:
        await until(lambda: house.shown.available and "led_brightness" in house.shown.parameters)
        parameters = house.shown.parameters
        assert parameters["plug_and_charge"] is False
        assert parameters["linked_charge_cards_only"] is False
        assert (parameters["led_brightness"], parameters["led_interaction"]) == (50, True)
        assert parameters["tariff_price"] == 0.29
        assert parameters["max_offline"] == 7
        await house.node.set_parameter("plug_and_charge", value=True)
        assert house.shown.parameters["plug_and_charge"] is True
        await house.node.set_parameter("linked_charge_cards_only", value=True)
        assert house.shown.parameters["linked_charge_cards_only"] is True
        assert house.sent("SET_PUBLIC_CHARGING")[-1]["value"] is False
        led = house.shown.capabilities.parameter("led_brightness")
        assert led is not None
        assert led.kind is ParameterKind.VALUE
        with pytest.raises(InvalidRequestError):
            await house.node.set_parameter("led_brightness", value=10)
        # They stay readable while a car charges.
        await house.simulator.plug()
        await until(lambda: house.shown.charging)
        assert house.shown.parameters["plug_and_charge"] is True
        await house.simulator.offline()
        await until(lambda: house.shown.unavailable is Reason.OFFLINE)
        assert not house.shown.parameters
        await house.simulator.online()
        await until(lambda: house.shown.available)
        assert house.shown.parameters["plug_and_charge"] is True


async def test_setting_whose_reply_has_no_result() -> None:
    async with blue_current() as house:
        await until(lambda: house.shown.available)
        await house.simulator.no_result()
        await house.node.set_parameter("plug_and_charge", value=True)
        assert house.shown.parameters["plug_and_charge"] is True


async def test_smart_charging(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "_FINAL_TIME", 0.1)
    monday = frozenset({Weekday.MONDAY, Weekday.SUNDAY})
    async with blue_current() as house:
        await until(lambda: house.shown.available)
        await house.node.set_delayed_charging(
            DelayedCharging(days=monday, start=time(22), end=time(6, 30))
        )
        await house.node.set_profile(Profile.DELAYED, on=True)
        await until(lambda: house.shown.parameters.get("delayed_charging_days") == "1,7")
        assert house.shown.parameters["delayed_charging_start"] == "22:00"
        assert house.shown.parameters["smart_charging"] is True
        await house.node.set_profile(Profile.PRICE_BASED, on=True)
        await until(lambda: house.shown.parameters["delayed_charging"] is False)
        await house.node.set_price_based_charging(
            PriceBasedCharging(departure=time(7, 30), minimum_level=20, battery_size=77)
        )
        await until(lambda: house.shown.parameters.get("expected_departure") == "07:30")
        await house.simulator.hold()
        await house.node.override_profile(Profile.PRICE_BASED, on=True)
        await until(lambda: house.shown.parameters.get("boosting") is True)
        await house.simulator.refuse("not now")
        with pytest.raises(CommandRejectedError, match="not now"):
            await house.node.override_profile(Profile.DELAYED, on=True)
        for wrong in (DelayedCharging(days=frozenset(), start=time(1), end=time(2)),):
            with pytest.raises(InvalidRequestError):
                await house.node.set_delayed_charging(wrong)
        with pytest.raises(InvalidRequestError):
            await house.node.set_price_based_charging(PriceBasedCharging(level=101))


async def test_new_days_of_delayed_charging(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blue Current reports the schedule of a profile only while the profile is on."""
    monkeypatch.setattr(discovery, "_FINAL_TIME", 0.1)

    def days(*numbers: int) -> DelayedCharging:
        found = frozenset(map(Weekday, numbers))
        return DelayedCharging(days=found, start=time(22), end=time(6, 30))

    async with blue_current() as house:
        await until(lambda: house.shown.available)
        await house.node.set_delayed_charging(days(1, 7))
        await house.node.set_profile(Profile.DELAYED, on=True)
        await until(lambda: house.shown.parameters.get("delayed_charging_days") == "1,7")
        await house.node.set_delayed_charging(days(2, 3))
        await until(lambda: house.shown.parameters["delayed_charging_days"] == "2,3")
        await house.node.set_profile(Profile.DELAYED, on=False)
        await house.node.set_delayed_charging(days(4))
        await until(lambda: "delayed_charging_days" not in house.shown.parameters)
        await house.node.set_profile(Profile.DELAYED, on=True)
        await until(lambda: house.shown.parameters.get("delayed_charging_days") == "4")


async def test_current_schedules() -> None:
    async with blue_current() as house:
        await until(lambda: house.shown.available)
        schedule = CurrentSchedule(
            charge_points=(EVSE,),
            start_days=frozenset({Weekday.SATURDAY}),
            start=time(15),
            end_days=frozenset({Weekday.SUNDAY}),
            end=time(13),
            current=12,
        )
        number = await house.node.set_current_schedule(schedule)
        assert number is not None
        (found,) = await house.node.current_schedules()
        assert (found.id, found.current, found.start_days) == (
            number,
            12,
            frozenset({Weekday.SATURDAY}),
        )
        await house.node.set_current_schedule(
            CurrentSchedule(
                **{name: getattr(found, name) for name in found.__slots__} | {"current": 8}
            )
        )
        (found,) = await house.node.current_schedules()
        assert found.current == 8
        await house.node.clear_current_schedule(number)
        assert not await house.node.current_schedules()
        with pytest.raises(CommandRejectedError, match="not found"):
            await house.node.clear_current_schedule(number)
        with pytest.raises(InvalidRequestError):
            await house.node.clear_current_schedule("all of them")


async def test_charge_points_come_and_go() -> None:
    setups = (ChargepointSetup(), ChargepointSetup(name="carport", evse_id="BCU100002"))
    async with blue_current(*setups) as house:
        events: list[object] = []
        house.hub.add_listener(events.append)
        await until(lambda: all(node.snapshot.available for node in house.hub.nodes.values()))
        other = "bluecurrent:BCU100002"
        # Both are on the same grid connection, and each reports its load.
        await until(lambda: set(house.hub.nodes) == {ADDRESS, other, GRID})
        await until(lambda: len(house.hub.protocol._grid_ids) == 2)
        await house.simulator.grid("8 8 8")
        await until(lambda: house.grid.snapshot.highest_current == 8)
        await house.node.current_schedules()
        assert set(house.hub.nodes) == {ADDRESS, other, GRID}
        await house.simulator.do("carport leave")
        await house.simulator.close()
        await until(lambda: other not in house.hub.nodes)
        assert any(isinstance(event, NodeRemoved) for event in events)
        await until(lambda: house.grid.snapshot.available)
        await house.simulator.do("carport join")
        house.hub.protocol._listed_at = float("-inf")
        await house.simulator.do("carport join")
        await until(lambda: other in house.hub.nodes)
        assert any(isinstance(event, NodeAdded) for event in events)


async def test_account_without_charge_points() -> None:
    async with blue_current(start=False) as house:
        await house.simulator.leave()
        await house.hub.start()
        assert not house.hub.nodes
        house.hub.protocol._listed_at = float("-inf")
        await house.simulator.join()
        await until(lambda: ADDRESS in house.hub.nodes and house.shown.available)
        # An empty list is not believed: the account would lose all of its devices.
        await house.simulator.leave()
        await house.simulator.close()
        await until(lambda: house.hub.connections == 2)
        assert house.shown.unavailable is Reason.NOT_HEARD


async def test_two_accounts_behind_one_address() -> None:
    """With a server that allows it; the charge points of two accounts never meet."""
    several = AccountSetup(single=False)
    other = ChargepointSetup(name="office", evse_id="BCU200001")
    async with blue_current(account=several) as one, blue_current(other, account=several) as two:
        await until(lambda: one.shown.available)
        await until(lambda: two.hub.nodes["bluecurrent:BCU200001"].snapshot.available)
        assert not one.hub.nodes.keys() & two.hub.nodes.keys()


async def test_owner_of_a_token() -> None:
    async with blue_current(start=False) as house, aiohttp.ClientSession() as session:
        url = house.simulator.url
        owner = await look_up(session, "good", url=url)
        assert owner == ("C-1", "user@example.com", ("Driveway",))
        with pytest.raises(AuthenticationError, match="invalid"):
            await look_up(session, "bad", url=url)
        await house.hub.start()
        with pytest.raises(AlreadyConnectedError):
            await look_up(session, "good", url=url)
        await house.hub.stop()
        assert (await look_up(session, "good", url=url)).customer_id == "C-1"


async def test_commands_without_a_connection() -> None:
    async with blue_current() as house:
        await until(lambda: house.shown.available)
        await house.hub.stop()
        assert house.shown.unavailable is Reason.NOT_CONNECTED
        with pytest.raises(NotConnectedError):
            await house.node.set(Feature.ENABLED, value=False)
        with pytest.raises(NotConnectedError):
            await house.node.current_schedules()


async def test_requests_are_counted_and_spared() -> None:
    async with blue_current() as house:
        await until(lambda: house.shown.available and GRID in house.hub.nodes)
        await until(lambda: house.hub.protocol._requests.cards)
        first = sum(house.hub.account.requests.today.values())
        assert first == len(house.simulator.requests) == 7
        await house.simulator.plug()
        await until(lambda: house.shown.plugged)
        await house.simulator.close()
        await until(lambda: house.hub.connections == 2 and house.shown.available)
        await until(lambda: house.grid.snapshot.available)
        # The auth token and the cards need not be asked for again.
        await until(lambda: "led_brightness" in house.shown.parameters)
        assert sum(house.hub.account.requests.today.values()) - first == 5
        assert house.hub.account.requests.today["VALIDATE_API_TOKEN"] == 1
        assert len(house.simulator.requests) == first + 5


async def test_token_is_in_no_journal() -> None:
    async with blue_current(api_token="good") as house:
        await until(lambda: house.shown.available)
        await house.node.set(Feature.ENABLED, value=False)
        kept = b" ".join(line.payload for line in house.hub.journal.recent)
        assert b"SET_INOPERATIVE" in kept
        for request in house.simulator.requests:
            secret = str(request.get("Authorization", request.get("token")))
            assert secret.encode() not in kept


def test_nobody_else_imports_it() -> None:
    """An entry for a broker loads nothing of it."""
    folder = Path(discovery.__file__).parents[2]
    code = (
        f"import sys; sys.path.insert(0, {str(folder)!r}); import chargepoint; print(*sys.modules)"
    )
    command = [sys.executable, "-c", code]
    found = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    loaded = set(found.stdout.split())
    assert "chargepoint.fimp.discovery" in loaded
    assert not [name for name in loaded if "blue_current" in name or "aiohttp" in name]
