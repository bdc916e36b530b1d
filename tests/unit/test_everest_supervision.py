"""Heartbeats: to which modules, how often, and the message at the end."""

from dataclasses import replace
from typing import Any

import orjson
import pytest

from custom_components.fimp_chargepoint.chargepoint.errors import NotConnectedError

from .everest_modules import discovery
from .everest_site import ERRORS, EVSE, LIMITS, ROOT, Site

CHECK = "communication_check"
OCPP = "ocpp_consumer"


def site_with(*, check: bool = True, prefix: str = "") -> Site:
    """Return a station; the user has chosen whether it gets heartbeats."""
    site = Site(prefix)
    site.hub.options = replace(site.hub.options, communication_check=check)
    return site


def found(site: Site, kind: str, module: str, period: Any, topic: str | None = None) -> str:
    """Let a module answer the discovery; returns where answers go."""
    topic = topic or discovery(site)
    monitoring = {} if period is None else {"communication_check_period_s": period}
    api = {"type": kind, "module_id": module, "version": 1}
    site.hub.feed(topic, {"apis": [api | {"communication_monitoring": monitoring}]})
    return topic


def moments(site: Site, seconds: float, step: float = 0.5) -> list[float]:
    """Let time pass, and return when signs of life were sent."""
    times: list[float] = []
    passed = 0.0
    while passed < seconds:
        site.wait(step)
        passed += step
        times += [passed] * len(site.asked(CHECK))
        assert all(each is True for each in site.asked(CHECK))
        site.take()
    return times


async def test_off_by_default() -> None:
    site = site_with(check=False)
    assert Site().hub.options.communication_check is False
    site.evse("heartbeat", 1)
    site.publish(ERRORS, "errors_1", "heartbeat", 1)
    found(site, EVSE, "evse_1", 5)
    assert moments(site, 20) == []
    assert site.hub.disconnecting() == []


@pytest.mark.parametrize("prefix", ["", "site1/"])
def test_at_once_and_then_at_half_the_period(prefix: str) -> None:
    site = site_with(prefix=prefix)
    site.evse("heartbeat", 1)
    topic = f"{prefix}{ROOT}/{EVSE}/evse_1/m2e/{CHECK}"
    assert [each for each in site.hub.sent if CHECK in each[0]] == [(topic, b"true")]
    site.take()
    assert moments(site, 10) == [2.5, 5.0, 7.5, 10.0]


def test_every_module_is_told() -> None:
    site = site_with()
    for kind, module in ((EVSE, "a"), (EVSE, "b"), (ERRORS, "c"), (LIMITS, "d")):
        site.publish(kind, module, "heartbeat", 1)
    site.take()
    site.wait(2.5)
    assert sorted(topic.split("/")[-3] for topic in site.take() if CHECK in topic) == [*"abcd"]


def test_many_modules_need_one_wake() -> None:
    site, start, wakes = site_with(), Site().hub.clock.time, list[float]()
    for number in range(20):
        site.publish(ERRORS, f"errors_{number}", "heartbeat", 1)
        site.wait(0.05)
    site.take()
    while (due := site.hub.scheduler.next_deadline) is not None and due <= start + 10:
        site.hub.advance(due)
        if site.asked(CHECK):
            wakes.append(due - start)
        site.take()
    assert wakes == [2.5, 5.0, 7.5, 10.0]


def test_the_period_is_what_the_station_says() -> None:
    site = site_with()
    site.evse("heartbeat", 1)
    topic = found(site, EVSE, "evse_1", 20)
    site.take()
    assert moments(site, 30) == [10.0, 20.0, 30.0]
    # Repeated, it changes nothing; but another value does, at once.
    found(site, EVSE, "evse_1", 20, topic)
    assert site.asked(CHECK) == []
    found(site, EVSE, "evse_1", 4, topic)
    assert site.asked(CHECK) == [True]
    site.take()
    assert moments(site, 6) == [2.0, 4.0, 6.0]
    # If heartbeats are turned off, none is sent.
    found(site, EVSE, "evse_1", 0, topic)
    assert site.asked(CHECK) == []
    assert moments(site, 20) == []


@pytest.mark.parametrize("period", [None, "5", True, {}])
def test_a_period_that_is_none(period: Any) -> None:
    site = site_with()
    found(site, EVSE, "evse_1", period)
    site.take()
    assert moments(site, 5) == [2.5, 5.0]


def test_a_lost_link_ends_it_and_a_new_one_goes_on_at_once() -> None:
    site = site_with()
    site.evse("heartbeat", 1)
    site.take()
    site.cut()
    assert moments(site, 20) == []
    site.mend()
    assert site.asked(CHECK) == [True]
    site.take()
    assert moments(site, 5) == [2.5, 5.0]


@pytest.mark.parametrize("end", [True, False])
async def test_a_goodbye_only_for_good(*, end: bool) -> None:
    """The station has to notice the end of the heartbeats, for example if a reload fails."""
    site = site_with()
    site.evse("heartbeat", 1)
    site.publish(ERRORS, "errors_1", "heartbeat", 1)
    found(site, LIMITS, "limits_1", 0)
    site.take()
    last_messages = site.hub.disconnecting()
    if end:
        await site.hub.publish_all(last_messages)
    await site.hub.stop()
    reported = [each for each in site.hub.sent if CHECK in each[0]]
    expected = [f"{EVSE}/evse_1", f"{ERRORS}/errors_1"] if end else []
    assert reported == [(f"{ROOT}/{each}/m2e/{CHECK}", b"false") for each in expected]


async def test_no_goodbye_without_a_link() -> None:
    site = site_with()
    site.evse("heartbeat", 1)
    site.cut()
    site.take()
    await site.hub.publish_all(site.hub.disconnecting())
    await site.hub.stop()
    assert site.asked(CHECK) == []
    with pytest.raises(NotConnectedError):
        await site.hub.publish("x", b"")


def test_the_ocpp_client_is_told_as_well() -> None:
    site = site_with(prefix="site1/")
    site.publish(OCPP, "ocpp_1", "heartbeat", 1)
    topic = f"site1/{ROOT}/{OCPP}/ocpp_1/m2e/{CHECK}"
    assert [each for each in site.hub.sent if CHECK in each[0]] == [(topic, b"true")]
    site.take()
    assert moments(site, 5) == [2.5, 5.0]
    site.cut()
    site.mend()
    assert site.asked(CHECK) == [True]


def test_as_often_as_the_ocpp_client_wants_it() -> None:
    site = site_with()
    site.hub.connection_made()
    asked = dict(site.hub.take_sent())
    question = asked["everest_api/discover"]
    found(site, OCPP, "ocpp_1", 20, orjson.loads(question)["headers"]["replyTo"])
    site.take()
    assert moments(site, 30) == [10.0, 20.0, 30.0]


async def test_nothing_is_said_after_the_goodbye() -> None:
    """The broker may be slow, and others continue to publish."""
    site = site_with()
    site.evse("heartbeat", 1)
    site.publish(OCPP, "ocpp_1", "heartbeat", 1)
    site.take()
    publish = site.hub.publish

    async def slowly(topic: str, payload: bytes) -> None:
        await publish(topic, payload)
        site.wait(3)
        site.publish(ERRORS, "errors_1", "heartbeat", 1)

    site.hub.publish = slowly  # type: ignore[method-assign]
    await site.hub.publish_all(site.hub.disconnecting())
    await site.hub.stop()
    reported = [each for each in site.hub.sent if CHECK in each[0]]
    assert (f"{ROOT}/{EVSE}/evse_1/m2e/{CHECK}", b"false") in reported
    assert (f"{ROOT}/{OCPP}/ocpp_1/m2e/{CHECK}", b"false") in reported
    assert (f"{ROOT}/{EVSE}/evse_1/m2e/{CHECK}", b"true") not in reported
