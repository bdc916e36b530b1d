"""Every request of ours compared with that of the vendor's own client: the same frames."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import time
from typing import Any

from bluecurrent_api import Client
from bluecurrent_api.exceptions import WebsocketError
from bluecurrent_api.types import OverrideCurrentPayload, UpdatePriceBasedSettingsPayload
import pytest

from custom_components.fimp_chargepoint.chargepoint.blue_current import discovery
from custom_components.fimp_chargepoint.chargepoint.blue_current.chargepoint import (
    BlueCurrentChargepoint,
)
from custom_components.fimp_chargepoint.chargepoint.errors import ChargepointError
from custom_components.fimp_chargepoint.chargepoint.model import Feature, Status
from custom_components.fimp_chargepoint.chargepoint.smart_charging import (
    CurrentSchedule,
    DelayedCharging,
    PriceBasedCharging,
    Profile,
    Weekday,
)
from simulators.blue_current import BlueCurrentSimulator
from tests.helpers.blue_current import EVSE, QUICK, House, blue_current
from tests.helpers.waiting import until

pytestmark = pytest.mark.usefixtures("socket_enabled")

type Theirs = Callable[[Client], Awaitable[None]]
type Ours = Callable[[BlueCurrentChargepoint], Awaitable[Any]]

SCHEDULE = CurrentSchedule(
    charge_points=(EVSE, "BCU100002"),
    start_days=frozenset({Weekday.SATURDAY, Weekday.MONDAY}),
    start=time(15),
    end_days=frozenset({Weekday.SUNDAY}),
    end=time(13),
    current=12,
)
PAYLOAD = OverrideCurrentPayload([EVSE, "BCU100002"], "15:00", ["MO", "SA"], "13:00", ["SU"], 12.0)

COMMANDS: dict[str, tuple[Theirs, Ours]] = {
    "start with a card": (
        lambda client: client.start_session(EVSE, "046C8CCA8C1D90"),
        lambda node: node.start_with_card("046C8CCA8C1D90"),
    ),
    "start without a card": (
        lambda client: client.start_session(EVSE, "BCU-APP"),
        lambda node: node.start_charging(),
    ),
    "block": (
        lambda client: client.block(EVSE, value=True),
        lambda node: node.set(Feature.ENABLED, value=False),
    ),
    "reset": (lambda client: client.reset(EVSE), lambda node: node.act(Feature.RESET)),
    "reboot": (lambda client: client.reboot(EVSE), lambda node: node.act(Feature.RESTART)),
    "plug and charge": (
        lambda client: client.set_plug_and_charge(EVSE, value=True),
        lambda node: node.set_parameter("plug_and_charge", value=True),
    ),
    "linked cards": (
        lambda client: client.set_linked_charge_cards_only(EVSE, value=True),
        lambda node: node.set_parameter("linked_charge_cards_only", value=True),
    ),
    "delayed charging": (
        lambda client: client.set_delayed_charging(EVSE, value=True),
        lambda node: node.set_profile(Profile.DELAYED, on=True),
    ),
    "delayed charging schedule": (
        lambda client: client.set_delayed_charging_settings(EVSE, [1, 7], "22:00", "06:30"),
        lambda node: node.set_delayed_charging(
            DelayedCharging(
                days=frozenset({Weekday.MONDAY, Weekday.SUNDAY}), start=time(22), end=time(6, 30)
            )
        ),
    ),
    "delayed charging override": (
        lambda client: client.override_delayed_charging_profile(EVSE, value=True),
        lambda node: node.override_profile(Profile.DELAYED, on=True),
    ),
    "price-based charging": (
        lambda client: client.set_price_based_charging(EVSE, value=True),
        lambda node: node.set_profile(Profile.PRICE_BASED, on=True),
    ),
    "price-based charging settings": (
        lambda client: client.update_price_based_charging_settings(
            EVSE, UpdatePriceBasedSettingsPayload("07:30", None, 20, 77)
        ),
        lambda node: node.set_price_based_charging(
            PriceBasedCharging(departure=time(7, 30), minimum_level=20, battery_size=77)
        ),
    ),
    "price-based charging override": (
        lambda client: client.override_price_based_charging_profile(EVSE, value=False),
        lambda node: node.override_profile(Profile.PRICE_BASED, on=False),
    ),
    "schedules": (
        lambda client: client.get_user_override_currents_list(),
        lambda node: node.current_schedules(),
    ),
    "set schedule": (
        lambda client: client.set_user_override_current(PAYLOAD),
        lambda node: node.set_current_schedule(SCHEDULE),
    ),
    "edit schedule": (
        lambda client: client.edit_user_override_current("122", PAYLOAD),
        lambda node: node.set_current_schedule(
            CurrentSchedule(
                id="122",
                charge_points=SCHEDULE.charge_points,
                start_days=SCHEDULE.start_days,
                start=SCHEDULE.start,
                end_days=SCHEDULE.end_days,
                end=SCHEDULE.end,
                current=12,
            )
        ),
    ),
    "clear schedule": (
        lambda client: client.clear_user_override_current("122"),
        lambda node: node.clear_current_schedule("122"),
    ),
}


def frames(simulator: BlueCurrentSimulator, since: int = 0) -> list[dict[str, Any]]:
    """Return what the server received, with a mark for a token that it has issued."""
    return [
        request | {"Authorization": str(request["Authorization"]).partition(" ")[0]}
        if "Authorization" in request
        else request
        for request in simulator.requests[since:]
    ]


@asynccontextmanager
async def referee(
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[tuple[Client, BlueCurrentSimulator]]:
    """Connect the vendor's client to a simulator."""
    async with BlueCurrentSimulator(timing=QUICK) as simulator:
        monkeypatch.setattr("bluecurrent_api.websocket.URL", simulator.url)
        client, received = Client(), []

        async def take(message: dict[str, Any]) -> None:
            received.append(message)

        async def run() -> None:
            with suppress(Exception):
                await client.connect(take, client.get_charge_points)

        await client.validate_api_token("good")
        task = asyncio.create_task(run())
        await until(lambda: received)
        yield client, simulator
        with suppress(WebsocketError):
            await client.disconnect()
        await asyncio.wait([task])


async def ours(house: House, command: Ours) -> None:
    """Give a command whose outcome does not matter here."""
    with suppress(ChargepointError):
        await command(house.node)


@pytest.mark.parametrize("name", COMMANDS)
async def test_command(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(discovery, "_FINAL_TIME", 0.05)
    theirs_command, ours_command = COMMANDS[name]
    async with referee(monkeypatch) as (client, simulator):
        since = len(simulator.requests)
        await theirs_command(client)
        await until(lambda: len(simulator.requests) > since)
        (theirs,) = frames(simulator, since)
    async with blue_current() as house:
        await until(lambda: house.shown.available and house.hub.protocol._requests.cards)
        await house.simulator.plug()
        await until(lambda: house.shown.plugged)
        since = len(house.simulator.requests)
        await ours(house, ours_command)
        assert [
            frame
            for frame in frames(house.simulator, since)
            if not frame["command"].startswith("GET_")
        ] == [theirs]


async def test_stop_and_unblock(monkeypatch: pytest.MonkeyPatch) -> None:
    """They need a charge point that charges, or that is blocked."""
    async with referee(monkeypatch) as (client, simulator):
        since = len(simulator.requests)
        await client.stop_session(EVSE)
        await client.block(EVSE, value=False)
        await until(lambda: len(simulator.requests) == since + 2)
        stop, unblock = frames(simulator, since)
    async with blue_current() as house:
        await until(lambda: house.shown.available)
        await house.simulator.plug()
        await until(lambda: house.shown.plugged)
        await house.node.start_charging()
        await house.node.stop_charging()
        assert frames(house.simulator)[-1] == stop
        await house.node.set(Feature.ENABLED, value=False)
        assert house.shown.status is Status.OUT_OF_SERVICE
        await house.node.set(Feature.ENABLED, value=True)
        assert frames(house.simulator)[-1] == unblock


async def test_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    """The token, the first frames and the questions, in the order of the vendor's client."""
    async with referee(monkeypatch) as (client, simulator):
        await client.get_charge_cards()
        await client.get_status(EVSE)
        await client.get_settings(EVSE)
        await client.get_grid_status(EVSE)
        await until(lambda: len(simulator.requests) == 7)
        theirs = frames(simulator)
    async with blue_current() as house:
        await until(lambda: len(house.simulator.requests) == 7)
        found = frames(house.simulator)
        assert found[:3] == theirs[:3]
        assert sorted(map(str, map(_sorted, found))) == sorted(map(str, map(_sorted, theirs)))


async def test_every_command_of_the_vendor_is_compared() -> None:
    names = {name for name in vars(Client) if not name.startswith("_")}
    not_requests = {
        *("connect", "disconnect", "is_connected", "get_next_reset_delta"),
        *(name for name in names if name.startswith("wait_for_")),
    }
    compared = {name for pair in COMMANDS.values() for name in pair[0].__code__.co_names}
    elsewhere = {"validate_api_token", "get_email", "stop_session"} | {
        f"get_{name}"
        for name in ("charge_cards", "charge_points", "status", "settings", "grid_status")
    }
    assert (
        names - not_requests
        == compared - {"UpdatePriceBasedSettingsPayload", "EVSE", "PAYLOAD"} | elsewhere
    )


def _sorted(frame: dict[str, Any]) -> list[tuple[str, Any]]:
    return sorted(frame.items())
