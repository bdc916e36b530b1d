"""Authorization: tokens on every release, and requests that only the first release accepts."""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

import pytest

from custom_components.fimp_chargepoint.actions.authorization import _STATUSES
from custom_components.fimp_chargepoint.chargepoint.authorization import (
    AllowCharging,
    AnswerAuthorization,
    CancelReservation,
    Permission,
    Reserve,
    ShowToken,
    WithdrawAuthorization,
)
from custom_components.fimp_chargepoint.chargepoint.errors import (
    CommandRefusedError,
    CommandTimeoutError,
    InvalidRequestError,
    NotConnectedError,
)
from custom_components.fimp_chargepoint.chargepoint.everest.api.authorization import STATUSES
from custom_components.fimp_chargepoint.chargepoint.options import Token

from .everest_site import EVSE, ROOT, Site
from .fakes import UNTHROTTLED

TOKENS, JUDGE = "auth_token_provider", "auth_consumer"
CARD = Token("DEADBEEF", "ISO14443")
DECISION = AnswerAuthorization(token=CARD, status="Accepted", kind="RFID")
#: The requests that only the first release accepts, by their operations.
ONLY_FIRST: dict[str, Permission] = {
    "reserve": Reserve(7),
    "cancel_reservation": CancelReservation(),
    "withdraw_authorization": WithdrawAuthorization(),
    "authorize_response": DECISION,
    "external_ready_to_start_charging": AllowCharging(),
}


@pytest.fixture(name="site", params=["", "site1/"])
def site_fixture(request: pytest.FixtureRequest) -> Site:
    """A station with one EVSE, of a release that accepts none of these requests."""
    site = Site(request.param)
    site.info("AuthRequired")
    site.evse("heartbeat", 100)
    site.take()
    return site


async def tell(site: Site, permission: Permission) -> asyncio.Task[dict[str, Any]]:
    """Begin a request to the EVSE, and let the message leave."""
    command: Coroutine[Any, Any, dict[str, Any]] = site.node().give_permission(permission)
    task = asyncio.create_task(command)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return task


async def result(task: asyncio.Task[dict[str, Any]]) -> dict[str, Any]:
    """Return or raise what came of it; it must be decided by now."""
    async with asyncio.timeout(1):
        return await task


# The first release -------------------------------------------------------------------------


@pytest.mark.parametrize("permission", ONLY_FIRST.values(), ids=ONLY_FIRST)
async def test_nothing_is_sent_to_other_releases(site: Site, permission: Permission) -> None:
    is_withdrawal = isinstance(permission, WithdrawAuthorization)
    code = "needs_auth_consumer" if is_withdrawal else "only_everest_2025_10"
    with pytest.raises(InvalidRequestError, match=code):
        site.node().check_permission(permission)
    with pytest.raises(InvalidRequestError):
        await site.node().give_permission(permission)
    assert site.take() == []


@pytest.mark.parametrize(
    ("variable", "value"),
    [("heartbeat", {}), ("ready", True), ("limits", {"max_current": 16.0})],
)
async def test_the_first_release_shows_itself(site: Site, variable: str, value: Any) -> None:
    site.evse(variable, value)
    site.node().check_permission(Reserve(7))
    # Another one may come back.
    site.cut()
    site.mend()
    site.evse("heartbeat", 1)
    with pytest.raises(InvalidRequestError):
        site.node().check_permission(Reserve(7))


@pytest.mark.parametrize("variable", ["ready", "limits"])
def test_another_one_may_be_there_after_a_restart(site: Site, variable: str) -> None:
    site.evse(variable, {"max_current": 16.0} if variable == "limits" else True)
    site.evse("heartbeat", 1000)
    site.node().check_permission(Reserve(7))
    site.wait(10)
    site.evse("heartbeat", 0)
    with pytest.raises(InvalidRequestError):
        site.node().check_permission(Reserve(7))


def test_a_restart_of_the_first_release(site: Site) -> None:
    site.evse("heartbeat", {})
    site.wait(10)
    site.evse("ready", value=True)
    site.node().check_permission(Reserve(7))


def test_who_counts_heartbeats_is_another_one(site: Site) -> None:
    site.evse("heartbeat", {})
    site.evse("heartbeat", 1)
    with pytest.raises(InvalidRequestError):
        site.node().check_permission(Reserve(7))


async def test_reserve(site: Site) -> None:
    site.evse("heartbeat", {})
    site.take()
    task = await tell(site, Reserve(7))
    (message,) = site.asked("reserve")
    reply_to = message["headers"]["replyTo"]
    assert reply_to.startswith(f"{ROOT}/{EVSE}/evse_1/e2m/reserve/")
    assert message["payload"] == 7
    site.answer("reserve", value=True)
    assert await result(task) == {}
    task = await tell(site, Reserve(0))
    site.answer("reserve", value=False)
    with pytest.raises(CommandRefusedError, match="reservation_refused"):
        await result(task)


async def test_nobody_replies(site: Site) -> None:
    site.evse("heartbeat", {})
    task = await tell(site, Reserve(7))
    site.wait(11)
    with pytest.raises(CommandTimeoutError):
        await result(task)


@pytest.mark.parametrize("used", [True, False])
async def test_allow_charging(site: Site, *, used: bool) -> None:
    site.evse("ready", True)
    task = await tell(site, AllowCharging())
    site.answer("external_ready_to_start_charging", used)
    assert await result(task) == {"used": used}


@pytest.mark.parametrize(
    ("permission", "operation", "value"),
    [
        (CancelReservation(), "cancel_reservation", {}),
        (WithdrawAuthorization(), "withdraw_authorization", {}),
        (
            DECISION,
            "authorize_response",
            {
                "token": {
                    "id_token": {"value": "DEADBEEF", "type": "ISO14443"},
                    "authorization_type": "RFID",
                },
                "result": {"authorization_status": "Accepted", "tariff_messages": []},
            },
        ),
    ],
)
async def test_what_has_no_reply(
    site: Site, permission: Permission, operation: str, value: Any
) -> None:
    site.evse("limits", {"max_current": 16.0})
    site.take()
    assert await site.node().give_permission(permission) == {}
    assert site.asked(operation) == [value]
    assert site.take() == [f"{site.prefix}{ROOT}/{EVSE}/evse_1/m2e/{operation}"]


@pytest.mark.parametrize(
    "permission",
    [
        Reserve(-1),
        Reserve(2**31),
        Reserve(True),
        Reserve(1.5),  # type: ignore[arg-type]
        AnswerAuthorization(token=Token("", "ISO14443"), status="Accepted", kind="RFID"),
        AnswerAuthorization(token=Token("x" * 37, "ISO14443"), status="Accepted", kind="RFID"),
        AnswerAuthorization(token=Token("a\nb", "ISO14443"), status="Accepted", kind="RFID"),
        AnswerAuthorization(token=Token("CAFE", "iso14443"), status="Accepted", kind="RFID"),
        AnswerAuthorization(token=CARD, status="accepted", kind="RFID"),
        AnswerAuthorization(token=CARD, status="Accepted", kind="rfid"),
    ],
)
async def test_what_makes_no_sense_never_leaves(site: Site, permission: Permission) -> None:
    site.evse("heartbeat", {})
    site.take()
    with pytest.raises(InvalidRequestError):
        await site.node().give_permission(permission)
    assert site.take() == []


async def test_a_station_that_is_not_there(site: Site) -> None:
    site.publish(TOKENS, "reader", "heartbeat", 1)
    site.cut()
    with pytest.raises(NotConnectedError):
        await site.node().give_permission(ShowToken(CARD))


# Tokens ------------------------------------------------------------------------------------


def judged(site: Site, status: str, value: str = "DEADBEEF") -> None:
    """Let the station report the result for a token."""
    token = {"id_token": {"value": value, "type": "ISO14443"}, "authorization_type": "RFID"}
    validation = {"messages": [], "status": status, "token": token}
    site.publish(JUDGE, "auth", "token_validation_status", validation)


@pytest.fixture(name="with_reader")
def with_reader_fixture(site: Site) -> Site:
    """The same station, with a reader and a module that validates tokens."""
    site.publish(TOKENS, "reader", "heartbeat", 1)
    site.publish(JUDGE, "auth", "heartbeat", 1)
    site.take()
    return site


async def test_without_a_reader(site: Site) -> None:
    with pytest.raises(InvalidRequestError, match="no_token_module"):
        await site.node().give_permission(ShowToken(CARD))
    assert site.take() == []


async def test_only_the_authorization_of_a_known_evse_is_withdrawn() -> None:
    """Without the number of an EVSE, the station withdraws those of all EVSEs."""
    site = Site()
    for module in ("evse_1", "evse_2"):
        site.evse("session_info", {"state": "Unplugged"}, module)
    site.publish(JUDGE, "auth", "heartbeat", 1)
    site.take()
    with pytest.raises(InvalidRequestError, match="evse_number_unknown"):
        await site.node().give_permission(WithdrawAuthorization())
    assert site.take() == []


@pytest.mark.parametrize("modules", [(), ("one", "other")])
async def test_a_start_with_a_token_that_no_module_takes(modules: tuple[str, ...]) -> None:
    """With two modules, the user has to choose one; a request to resume would be refused."""
    site = Site(options=replace(UNTHROTTLED, token=CARD))
    site.info("AuthRequired")
    for module in modules:
        site.publish(TOKENS, module, "heartbeat", 1)
    site.take()
    task = asyncio.create_task(site.node().start_charging())
    with pytest.raises(InvalidRequestError, match="no_token_module"):
        async with asyncio.timeout(1):
            await task
    assert site.take() == []
    assert site.shown.pending == {}


async def test_a_reader_that_another_evse_may_use_needs_the_number() -> None:
    """There is a module for tokens: what is missing is the number of the EVSE."""
    site = Site(options=replace(UNTHROTTLED, modules={"everest:evse_1": {"tokens": "reader"}}))
    for module in ("evse_1", "evse_2"):
        site.evse("session_info", {"state": "Unplugged"}, module)
    site.publish(TOKENS, "reader", "heartbeat", 1)
    site.take()
    with pytest.raises(InvalidRequestError, match="evse_number_unknown"):
        await site.node().give_permission(ShowToken(CARD))
    assert site.take() == []


@pytest.mark.parametrize("status", ["Accepted", "UsedToStart", "UsedToStop", "SomethingNew"])
async def test_a_token(with_reader: Site, status: str) -> None:
    site = with_reader
    task = await tell(site, ShowToken(CARD))
    assert site.asked("provided_token") == [
        {
            "id_token": {"value": "DEADBEEF", "type": "ISO14443"},
            "authorization_type": "RFID",
        }
    ]
    judged(site, "Processing")
    judged(site, "Rejected", "ANOTHER")
    await asyncio.sleep(0)
    assert not task.done()
    judged(site, status)
    assert await result(task) == {"status": status}
    # Later results are ignored.
    judged(site, "TimedOut")


@pytest.mark.parametrize("status", ["Rejected", "TimedOut", "Withdrawn"])
async def test_a_token_that_is_refused(with_reader: Site, status: str) -> None:
    task = await tell(with_reader, ShowToken(CARD))
    judged(with_reader, status)
    with pytest.raises(CommandRefusedError, match=status):
        await result(task)


async def test_the_same_token_twice_at_once_is_shown_once(with_reader: Site) -> None:
    """The token that started a session ends it when it is shown again."""
    task = await tell(with_reader, ShowToken(CARD))
    with pytest.raises(CommandRefusedError, match="token_in_use"):
        await with_reader.node().give_permission(ShowToken(CARD))
    assert len(with_reader.asked("provided_token")) == 1
    judged(with_reader, "UsedToStart")
    assert await result(task) == {"status": "UsedToStart"}
    again = await tell(with_reader, ShowToken(CARD))
    assert len(with_reader.asked("provided_token")) == 2
    judged(with_reader, "UsedToStop")
    assert await result(again) == {"status": "UsedToStop"}


async def test_nobody_judges(site: Site) -> None:
    site.publish(TOKENS, "reader", "heartbeat", 1)
    assert await site.node().give_permission(ShowToken(CARD)) == {"status": None}
    assert len(site.asked("provided_token")) == 1


async def test_the_link_is_lost_meanwhile(with_reader: Site) -> None:
    task = await tell(with_reader, ShowToken(CARD))
    with_reader.cut()
    with pytest.raises(NotConnectedError):
        await result(task)


@pytest.mark.parametrize("token", [Token("", "Local"), Token("x" * 37, "Local"), Token("a", "b")])
async def test_a_token_that_is_none(with_reader: Site, token: Token) -> None:
    with pytest.raises(InvalidRequestError):
        await with_reader.node().give_permission(ShowToken(token))
    assert with_reader.take() == []


@pytest.mark.parametrize("status", sorted(STATUSES))
async def test_every_decision_about_a_token_is_sent(status: str) -> None:
    """Among them NotAllowedTypeEVSE, which the action offers as `not_allowed_here`."""
    assert _STATUSES["not_allowed_here"] == "NotAllowedTypeEVSE"
    assert set(_STATUSES.values()) == STATUSES
    site = Site()
    site.evse("heartbeat", {})
    await site.node().give_permission(replace(DECISION, status=status))
    (answer,) = site.asked("authorize_response")
    assert answer["result"]["authorization_status"] == status
