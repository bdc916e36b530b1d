"""Only in EVerest 2025.10.0 and in events: a pending release, reservations."""

import asyncio

import pytest

from custom_components.fimp_chargepoint.chargepoint.authorization import WithdrawAuthorization
from custom_components.fimp_chargepoint.chargepoint.errors import CommandRejectedError
from custom_components.fimp_chargepoint.chargepoint.model import Status

from .everest_site import Site


@pytest.mark.parametrize("end", ["ready", "session"])
def test_it_no_longer_waits_for_a_release(end: str) -> None:
    """It is reported once, at the start, and never that it has ended."""
    site = Site()
    site.evse("heartbeat", {})
    site.evse("waiting_for_external_ready", value=True)
    assert site.shown.details.waiting_for_release is True
    site.event("Enabled")
    assert site.shown.details.waiting_for_release is True
    if end == "ready":
        site.evse("ready", value=True)
    else:
        site.event("SessionStarted", session_started={"reason": "EVConnected"})
    assert site.shown.details.waiting_for_release is False


def test_ready_says_nothing_where_nothing_waits() -> None:
    site = Site()
    site.evse("heartbeat", {})
    site.evse("ready", value=True)
    assert site.shown.details.waiting_for_release is None


def test_a_reservation_is_shown_as_long_as_no_car_is_there() -> None:
    """No release reports it in session_info."""
    site = Site()
    site.info("Unplugged")
    site.event("ReservationStart")
    assert site.shown.status is Status.RESERVED
    site.info("Unplugged")
    assert site.shown.status is Status.RESERVED
    site.event("ReservationEnd")
    assert site.shown.status is Status.DISCONNECTED
    site.event("ReservationStart")
    site.event("SessionStarted", uuid="one", session_started={"reason": "EVConnected"})
    assert site.shown.status is Status.REQUESTING
    site.event("SessionFinished", uuid="one")
    site.wait(0.5)
    assert site.shown.status is Status.DISCONNECTED


@pytest.mark.parametrize("result", ["Accepted", "AuthorizationNotFound"])
async def test_an_authorization_is_withdrawn_on_every_release(result: str) -> None:
    """Since 2025.12 the module that decides about tokens takes it, and replies."""
    site = Site()
    site.evse("heartbeat", 1)
    site.publish("auth_consumer", "judge", "heartbeat", 1)
    site.answer("get_evse", {"id": 2, "connectors": []})
    task = asyncio.create_task(site.node().give_permission(WithdrawAuthorization()))
    await asyncio.sleep(0)
    (request,) = site.asked("withdraw_authorization")
    assert request["payload"] == {"evse_id": 2}
    assert "/auth_consumer/judge/" in request["headers"]["replyTo"]
    site.answer("withdraw_authorization", result)
    if result == "Accepted":
        assert await task == {}
    else:
        with pytest.raises(CommandRejectedError, match=result):
            await task
