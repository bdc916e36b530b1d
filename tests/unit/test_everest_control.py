"""An EVSE is enabled and disabled, a transaction ended, a lock forced open."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import orjson
import pytest

from custom_components.fimp_chargepoint.chargepoint.errors import (
    CommandRefusedError,
    CommandSupersededError,
    CommandTimeoutError,
    NotConnectedError,
)
from custom_components.fimp_chargepoint.chargepoint.model import Feature, Reason, Status

from .everest_site import EVSE, OPERATIONS, ROOT, Site, begin, outcome
from .fakes import waits

ACTIONS = (Feature.STOP_TRANSACTION, Feature.UNLOCK_CONNECTOR)


@pytest.fixture(name="site", params=["", "site1/"])
def site_fixture(request: pytest.FixtureRequest) -> Site:
    """A station with one EVSE that charges, on the same broker and behind a bridge."""
    site = Site(request.param)
    site.info("Charging")
    for operation in ("session_info/get", "get_evse"):
        site.answer(
            operation,
            {"state": "Charging", "id": 1, "connectors": [{"id": 1}]},
        )
    site.take()
    return site


async def idle(site: Site) -> None:
    """Let an EVSE without a car publish only heartbeats, for less than a timeout."""
    for count in range(9):
        site.wait(1)
        site.evse("heartbeat", 100 + count)
        await asyncio.sleep(0)


def enable(site: Site, *, on: bool) -> Coroutine[Any, Any, None]:
    """Return the command that enables or disables the EVSE."""
    return site.node().set(Feature.ENABLED, on)


# Enable and disable ------------------------------------------------------------------


async def test_disable_says_who_wants_it_and_how_much_it_counts(site: Site) -> None:
    task = await begin(enable(site, on=False))
    [(topic, payload)] = site.hub.sent
    assert topic == f"{site.prefix}{ROOT}/{EVSE}/evse_1/m2e/enable_disable"
    message = orjson.loads(payload)
    reply_to = message["headers"].pop("replyTo")
    assert reply_to.startswith(f"{ROOT}/{EVSE}/evse_1/e2m/enable_disable/")
    assert message == {
        "headers": {},
        "payload": {
            "connector_id": 0,
            "source": {
                "enable_source": "LocalAPI",
                "enable_state": "Disable",
                "enable_priority": 100,
            },
        },
    }
    assert site.shown.pending == {Feature.ENABLED: False}
    site.answer("enable_disable", value=False)
    await outcome(task)
    assert site.shown.enabled is False
    assert not site.shown.pending
    # A value that applies already needs no message.
    site.take()
    await enable(site, on=False)
    assert site.take() == []

    task = await begin(enable(site, on=True))
    assert site.asked("enable_disable")[0]["payload"]["source"]["enable_state"] == "Enable"
    site.answer("enable_disable", value=True)
    await outcome(task)
    assert site.shown.enabled is True


@pytest.mark.parametrize("expected", [True, False])
async def test_the_reply_is_the_state_that_results(site: Site, *, expected: bool) -> None:
    """A source with a higher priority decides otherwise: no success, but the actual state."""
    if expected:
        site.event("Disabled")
    task = await begin(enable(site, on=expected))
    site.answer("enable_disable", value=not expected)
    with pytest.raises(CommandRefusedError, match="higher_priority"):
        await outcome(task)
    assert site.shown.enabled is (not expected)
    assert not site.shown.pending


@pytest.mark.parametrize("value", [None, 0, 1, "false", {}, [], {"enabled": False}])
async def test_another_reply_decides_nothing(site: Site, value: Any) -> None:
    task = await begin(enable(site, on=False))
    site.answer("enable_disable", value)
    assert await waits(task)
    assert site.shown.enabled is True
    site.wait(10.1)
    with pytest.raises(CommandTimeoutError):
        await outcome(task)


async def test_no_reply_is_a_time_out(site: Site) -> None:
    """A refused request gets no reply at all."""
    task = await begin(enable(site, on=False))
    for _ in range(9):
        site.wait(1)
        site.info("Charging")
    assert await waits(task)
    site.wait(1.1)
    with pytest.raises(CommandTimeoutError):
        await outcome(task)
    assert site.shown.enabled is True
    assert not site.shown.pending


async def test_the_reply_to_another_client_is_not_ours(site: Site) -> None:
    task = await begin(enable(site, on=False))
    site.hub.feed(f"{site.prefix}{ROOT}/{EVSE}/evse_1/e2m/enable_disable/4f1d", payload=False)
    site.hub.feed("fimp_test/c074cc91", payload=False)
    assert await waits(task)
    assert site.shown.enabled is True
    site.answer("enable_disable", value=False)
    await outcome(task)


async def test_a_reply_counts_once(site: Site) -> None:
    task = await begin(enable(site, on=False))
    site.answer("enable_disable", value=False)
    await outcome(task)
    site.answer("enable_disable", value=True)
    assert site.shown.enabled is False


async def test_a_late_reply_still_tells_the_state(site: Site) -> None:
    task = await begin(enable(site, on=False))
    site.wait(10.1)
    with pytest.raises(CommandTimeoutError):
        await outcome(task)
    site.answer("enable_disable", value=False)
    assert site.shown.enabled is False


async def test_on_again_before_the_answer(site: Site) -> None:
    """The last word of the user counts, and its own reply proves it."""
    off = await begin(enable(site, on=False))
    on = await begin(enable(site, on=True))
    with pytest.raises(CommandSupersededError):
        await outcome(off)
    first, second = (each["headers"]["replyTo"] for each in site.asked("enable_disable"))
    site.hub.feed(f"{site.prefix}{first}", payload=False)
    assert await waits(on)
    site.hub.feed(f"{site.prefix}{second}", payload=True)
    await idle(site)
    await outcome(on)
    assert site.shown.enabled is True


@pytest.mark.parametrize("event", ["Disabled", ""])
async def test_on_after_an_off_that_was_not_answered(site: Site, event: str) -> None:
    """A reply names its request, so nothing older can be meant by it."""
    off = await begin(enable(site, on=False))
    site.wait(10.1)
    with pytest.raises(CommandTimeoutError):
        await outcome(off)
    if event:
        site.event(event)
    on = await begin(enable(site, on=True))
    site.answer("enable_disable", value=True)
    await idle(site)
    await outcome(on)


@pytest.mark.parametrize(
    ("event", "enabled"), [("Disabled", False), ("Enabled", True), ("SessionStarted", True)]
)
def test_events_move_it(site: Site, event: str, *, enabled: bool) -> None:
    site.event("Disabled" if enabled else "Enabled")
    assert site.shown.enabled is (not enabled)
    site.event(event)
    assert site.shown.enabled is enabled


def test_session_info_moves_it(site: Site) -> None:
    assert site.shown.enabled is True
    site.info("Disabled")
    assert (site.shown.enabled, site.shown.status) == (False, Status.OUT_OF_SERVICE)
    site.info("Unplugged")
    assert site.shown.enabled is True


def test_it_is_not_known_before_the_state_is() -> None:
    site = Site()
    site.evse("heartbeat", 3)
    assert site.shown.enabled is None
    assert Feature.ENABLED in site.shown.capabilities.controls
    site.info("Unplugged")
    site.evse("heartbeat", 0)
    assert site.shown.enabled is True
    site.wait(5)
    site.evse("heartbeat", 5)
    site.wait(5)
    site.evse("heartbeat", 0)
    assert site.shown.enabled is None
    site.event("Disabled")
    assert site.shown.enabled is False
    site.wait(31)
    assert (site.shown.unavailable, site.shown.enabled) == (Reason.SILENT, None)


async def test_the_state_of_the_session_need_not_follow(site: Site) -> None:
    """The reply comes first, or alone; the status keeps its own course."""
    task = await begin(enable(site, on=False))
    site.answer("enable_disable", value=False)
    await outcome(task)
    assert (site.shown.enabled, site.shown.status) == (False, Status.CHARGING)
    site.event("Disabled")
    assert (site.shown.enabled, site.shown.status) == (False, Status.OUT_OF_SERVICE)


# Done once -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("feature", "payload"),
    [(Feature.STOP_TRANSACTION, {"reason": "Remote"}), (Feature.UNLOCK_CONNECTOR, 1)],
)
async def test_accepted(site: Site, feature: Feature, payload: Any) -> None:
    task = await begin(site.node().act(feature))
    [(topic, sent)] = site.hub.sent
    assert topic == f"{site.prefix}{ROOT}/{EVSE}/evse_1/m2e/{OPERATIONS.get(feature, feature)}"
    message = orjson.loads(sent)
    assert message["payload"] == payload
    assert message["headers"]["replyTo"].startswith(
        f"{ROOT}/{EVSE}/evse_1/e2m/{OPERATIONS.get(feature, feature)}/"
    )
    assert site.shown.pending == {feature: True}
    assert await waits(task)
    site.answer(feature, value=True)
    await outcome(task)
    assert not site.shown.pending


@pytest.mark.parametrize(
    ("feature", "reported"),
    [
        (Feature.STOP_TRANSACTION, "stop_transaction_refused"),
        (Feature.UNLOCK_CONNECTOR, "unlock_refused"),
    ],
)
async def test_refused(site: Site, feature: Feature, reported: str) -> None:
    task = await begin(site.node().act(feature))
    site.answer(feature, value=False)
    with pytest.raises(CommandRefusedError, match=reported):
        await outcome(task)
    assert not site.shown.pending


@pytest.mark.parametrize("feature", ACTIONS)
@pytest.mark.parametrize("value", [None, 1, "true", {}])
async def test_neither_accepted_nor_refused(site: Site, feature: Feature, value: Any) -> None:
    """A request that EVerest cannot read gets no reply; other replies mean nothing."""
    task = await begin(site.node().act(feature))
    site.answer(feature, value)
    site.info("Finished")
    assert await waits(task)
    site.wait(10.1)
    with pytest.raises(CommandTimeoutError):
        await outcome(task)


@pytest.mark.parametrize("feature", ACTIONS)
async def test_pressed_twice_it_is_asked_once(site: Site, feature: Feature) -> None:
    one, two = [await begin(site.node().act(feature)) for _ in range(2)]
    assert len(site.asked(feature)) == 1
    site.answer(feature, value=True)
    await outcome(one)
    await outcome(two)
    # Later it is asked again.
    three = await begin(site.node().act(feature))
    assert len(site.asked(feature)) == 2
    site.answer(feature, value=True)
    await outcome(three)


async def test_each_reply_belongs_to_its_own_request(site: Site) -> None:
    stop = await begin(site.node().act(Feature.STOP_TRANSACTION))
    unlock = await begin(site.node().act(Feature.UNLOCK_CONNECTOR))
    pause = await begin(site.node().stop_charging())
    site.answer("force_unlock", value=False)
    with pytest.raises(CommandRefusedError, match="unlock_refused"):
        await outcome(unlock)
    site.answer("pause_charging", value=True)
    assert await waits(stop)
    assert await waits(pause)
    site.answer("stop_transaction", value=True)
    await outcome(stop)
    site.info("Finished")
    await outcome(pause)


@pytest.mark.parametrize(
    ("evse", "number"),
    [
        ({"connectors": [{"id": 1, "type": "cType2"}], "id": 1}, 1),
        ({"connectors": [{"id": 3}], "id": 7}, 3),
        ({"connectors": [{"id": 4}, {"id": 5}], "id": 1}, 4),
        # 0 stands for all of them.
        ({"connectors": [{"id": 0}], "id": 1}, 1),
        ({"connectors": [{}, {"id": "2"}, {"id": 2.5}, {"id": True}, 5, {"id": 6}]}, 6),
        # Nothing that makes sense leaves the usual number.
        ({"connectors": []}, 1),
        ({"connectors": {"id": 9}}, 1),
        ({"id": 9}, 1),
        ([{"id": 9}], 1),
        (True, 1),
        (None, 1),
    ],
)
async def test_the_lock_has_the_number_of_its_connector(evse: Any, number: int) -> None:
    site = Site()
    site.evse("heartbeat", 3)
    site.answer("get_evse", evse)
    task = await begin(site.node().act(Feature.UNLOCK_CONNECTOR))
    assert site.asked("force_unlock")[0]["payload"] == number
    site.answer("force_unlock", value=True)
    await outcome(task)
    assert not site.hub.ignored


# What always holds -----------------------------------------------------------------------

COMMANDS = [
    lambda node: node.set(Feature.ENABLED, value=False),
    lambda node: node.act(Feature.STOP_TRANSACTION),
    lambda node: node.act(Feature.UNLOCK_CONNECTOR),
    lambda node: node.stop_charging(),
]


@pytest.mark.parametrize("command", COMMANDS)
async def test_without_the_link_nothing_is_sent(site: Site, command: Any) -> None:
    site.hub.connected = False
    with pytest.raises(NotConnectedError):
        await command(site.node())
    assert site.take() == []
    assert not site.shown.pending


@pytest.mark.parametrize("command", COMMANDS)
async def test_a_lost_link_ends_the_wait(site: Site, command: Any) -> None:
    task = await begin(command(site.node()))
    [(_, payload)] = site.hub.sent
    reply_to = orjson.loads(payload)["headers"]["replyTo"]
    site.cut()
    with pytest.raises(NotConnectedError):
        await outcome(task)
    site.mend()
    site.take()
    before = site.shown
    # A request on the old connection is not answered on the new one.
    site.hub.feed(f"{site.prefix}{reply_to}", payload=False)
    assert site.shown == before


async def test_every_request_has_a_reply_topic_of_its_own(site: Site) -> None:
    """An empty one ends an EVerest up to 2025.12; what is below `everest/` is not ours."""
    tasks = [await begin(command(site.node())) for command in COMMANDS for _ in range(3)]
    for _ in range(30):
        site.wait(10)
        site.evse("heartbeat", {})
    sent = site.hub.sent
    replies = [orjson.loads(payload)["headers"]["replyTo"] for _, payload in sent]
    assert len(sent) > len(COMMANDS)
    assert len(set(replies)) == len(replies)
    for (topic, _), reply_to in zip(sent, replies, strict=True):
        start = f"{ROOT}/{EVSE}/evse_1"
        operation = topic.removeprefix(f"{site.prefix}{start}/m2e/")
        assert topic == f"{site.prefix}{start}/m2e/{operation}"
        assert reply_to.startswith(f"{start}/e2m/{operation}/")
        assert not set("#+ ") & set(reply_to)
    await asyncio.gather(*tasks, return_exceptions=True)
