"""Refused for now is tried again; refused although taken is not known; the rest is final."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, override

import orjson
import pytest

from custom_components.fimp_chargepoint.chargepoint.errors import (
    CommandRefusedError,
    CommandRejectedError,
    CommandSupersededError,
    CommandTimeoutError,
    NotConnectedError,
    OutcomeUnknownError,
    Refusal,
)
from custom_components.fimp_chargepoint.chargepoint.fimp.chargepoint import FimpChargepoint
from custom_components.fimp_chargepoint.chargepoint.fimp.interfaces import refusal, rejection
from custom_components.fimp_chargepoint.chargepoint.model import Feature, Reason, Status
from simulators.recording import read_recording
from tests.helpers.recordings import recording

from .fakes import UNTHROTTLED, OfflineHub, waits
from .fimp_commands import begin, last, refused
from .fimp_garage import LIMIT, START, STOP, Garage
from .fimp_messages import ADAPTER, CHARGER, node_report, state
from .fimp_settings import max_current, offered

SET, SESSION = "cmd.max_current.set", "cmd.current_session.set_current"
HASTE = {
    STOP: "adapter: failed to stop charging: chargepoint: failed to stop charging: client: "
    "failed to stop charging: too many requests to the charger",
    START: "adapter: failed to start charging: chargepoint: failed to start charging: client: "
    "failed to update dynamic current: too many requests",
}
OFFLINE = "charger EH123456 is not connected: charger is offline"
NOT_TOLD = (
    "adapter: failed to send chargepoint max current report: chargepoint: failed to retrieve "
    f"max current report: {OFFLINE}"
)


@pytest.mark.parametrize(
    ("words", "meaning"),
    [
        *((each, Refusal.FOR_NOW) for each in HASTE.values()),
        ("Too Many Requests", Refusal.FOR_NOW),
        ("request failed: unexpected status code, status code: 429", Refusal.FOR_NOW),
        ("unexpected status code, status code: 503", Refusal.FOR_NOW),
        ("unexpected status code, status code: 500", Refusal.FINAL),
        (NOT_TOLD, Refusal.OF_REPORT),
        (NOT_TOLD.removeprefix("adapter: "), Refusal.OF_REPORT),
        ("failed to send parameter report: parameters: offline", Refusal.OF_REPORT),
        # It may have been too hasty with the question only: it is taken.
        (f"{NOT_TOLD}: too many requests", Refusal.OF_REPORT),
        (f"failed to start charging: chargepoint: {OFFLINE}", Refusal.FINAL),
        ("TX_ERROR", Refusal.FINAL),
        ("failed to stop charging: I have failed to send the report", Refusal.FINAL),
        ("", Refusal.FINAL),
    ],
)
def test_what_a_refusal_means(words: str, meaning: Refusal) -> None:
    assert refusal(words) is meaning


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (HASTE[STOP], "too many requests to the charger"),
        (HASTE[START], "too many requests"),
        (NOT_TOLD, OFFLINE),
        (
            "adapter: failed to start charging: unsupported mode: turbo: supported modes: []",
            "unsupported mode: turbo: supported modes: []",
        ),
        ("not on Sundays: the grid is too weak", "not on Sundays: the grid is too weak"),
        ("failed to start: ", "failed to start: "),
        ("TX_ERROR", "TX_ERROR"),
    ],
)
def test_only_the_last_clause_is_shown(words: str, shown: str) -> None:
    assert rejection(words).values["reason"] == shown


class Easee(Garage):
    """One that charges, and takes nothing within some seconds after the last change."""

    def __init__(self, patience: float = 30.0) -> None:
        super().__init__(replace(UNTHROTTLED))
        self.patience = patience
        self.changed_at = 0.0
        self.report_answer("cmd.current_session.get_report", offered(16))
        self.report_answer("cmd.max_current.get_report", max_current(16))
        self.report_state("charging")
        self.begun = self.hub.clock.time
        self.received.clear()

    @override
    def _obey(self, message: dict[str, Any]) -> None:
        if self.now - self.changed_at < self.patience:
            words = HASTE.get(message["type"], "too many requests")
            self.hub.feed(CHARGER, refused(message["uid"], words))
        else:
            self.changed_at = self.now
            super()._obey(message)

    @property
    def pending(self) -> dict[str, Any]:
        return dict(self.node.snapshot.pending)


TRIES = [0.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0]


@pytest.fixture
async def easee() -> Easee:
    return Easee()


# A stop -------------------------------------------------------------------------------------


async def test_a_stop_that_is_refused_for_now_is_sent_until_it_is_taken(easee: Easee) -> None:
    task = await easee.call(easee.node.stop_charging())
    await easee.until(29)
    assert easee.pending == {"charging": False}
    assert not task.done()
    assert easee.node.snapshot.status is Status.CHARGING
    await easee.until(30)
    await task
    assert easee.pending == {}
    assert easee.node.snapshot.status is Status.READY_TO_CHARGE
    assert [when for when, _ in easee.received_of(STOP)] == TRIES
    await easee.until(200)
    assert len(easee.received) == len(TRIES)


async def test_after_a_minute_the_refusal_counts() -> None:
    easee = Easee(patience=10_000)
    task = await easee.call(easee.node.stop_charging())
    await easee.until(59)
    assert not task.done()
    await easee.until(61)
    with pytest.raises(CommandRejectedError, match="too many requests to the charger"):
        await task
    assert [when for when, _ in easee.received_of(STOP)] == [5.0 * each for each in range(13)]
    assert easee.pending == {}
    assert easee.node.snapshot.status is Status.CHARGING
    await easee.until(300)
    assert len(easee.received) == 13


async def test_all_who_wait_for_it_are_told(easee: Easee) -> None:
    """One repeats it meanwhile, which gives it a new minute; none has waited in vain."""
    easee.patience = 70
    first = await easee.call(easee.node.stop_charging())
    await easee.until(32)
    second = await easee.call(easee.node.stop_charging())
    await easee.until(69)
    assert not first.done()
    assert not second.done()
    await easee.until(75)
    await first
    await second
    assert 32.0 in [when for when, _ in easee.received_of(STOP)]


async def test_charging_that_stops_by_itself_ends_it(easee: Easee) -> None:
    task = await easee.call(easee.node.stop_charging())
    await easee.until(12)
    easee.report_state("finished")
    await easee.until(13)
    await task
    await easee.until(100)
    assert [when for when, _ in easee.received_of(STOP)] == [0.0, 5.0, 10.0]


async def test_a_stop_soon_after_a_start_is_not_lost(easee: Easee) -> None:
    """It looks stopped, and is not: what was started before may still begin."""
    easee.report_state("ready_to_charge")
    easee.changed_at, easee.answers_requests = -100, False
    start = await easee.call(easee.node.start_charging())
    stop = await easee.call(easee.node.stop_charging())
    with pytest.raises(CommandSupersededError):
        await start
    easee.answers_requests = True
    easee.report_state("ready_to_charge")
    await easee.until(25)
    assert easee.pending == {"charging": False}
    easee.report_state("charging")
    await easee.until(45)
    await stop
    assert [when for when, _ in easee.received_of(STOP)] == TRIES
    assert easee.node.snapshot.status is Status.READY_TO_CHARGE


@pytest.mark.parametrize("word", ["disconnected", "charging"])
async def test_a_car_that_leaves_ends_it(easee: Easee, word: str) -> None:
    """Another one is there at once: it is none of its business."""
    task = await easee.call(easee.node.stop_charging())
    await easee.until(11)
    easee.report_answer(
        "cmd.current_session.get_report", offered(16, started_at="2026-11-21T08:00:00Z")
    )
    easee.report_state(word)
    await easee.until(100)
    assert [when for when, _ in easee.received_of(STOP)] == [0.0, 5.0, 10.0]
    if word == "disconnected":
        await task
    else:
        with pytest.raises(CommandRejectedError):
            await task
    assert easee.pending == {}


async def test_a_lost_link_ends_it(easee: Easee) -> None:
    task = await easee.call(easee.node.stop_charging())
    await easee.until(11)
    easee.hub.connection_lost(NotConnectedError("gone"))
    with pytest.raises(NotConnectedError):
        await task
    easee.hub.connection_made()
    easee.report_state("charging")
    await easee.until(100)
    assert len(easee.received) == 3


async def test_a_start_ends_it(easee: Easee) -> None:
    task = await easee.call(easee.node.stop_charging())
    await easee.until(11)
    start = await easee.call(easee.node.start_charging())
    with pytest.raises(CommandSupersededError):
        await task
    # A start is refused permanently.
    with pytest.raises(CommandRejectedError):
        await start
    await easee.until(100)
    assert len(easee.received_of(STOP)) == 3
    assert len(easee.received_of(START)) == 1


async def test_a_caller_that_gives_up_does_not_end_it(easee: Easee) -> None:
    task = await easee.call(easee.node.stop_charging())
    await easee.until(11)
    task.cancel()
    await easee.until(31)
    assert easee.node.snapshot.status is Status.READY_TO_CHARGE


async def test_any_other_refusal_is_final(easee: Easee) -> None:
    easee.changed_at, easee.refuses_commands = -100, True
    task = await easee.call(easee.node.stop_charging())
    with pytest.raises(CommandRejectedError):
        await task
    await easee.until(100)
    assert len(easee.received) == 1


# A limit ------------------------------------------------------------------------------------

LIMITS = pytest.mark.parametrize(
    ("feature", "kind"), [(Feature.MAX_CURRENT, SET), (Feature.SESSION_CURRENT, SESSION)]
)


@LIMITS
async def test_a_lower_limit_is_sent_until_it_is_taken(
    easee: Easee, feature: Feature, kind: str
) -> None:
    task = await easee.call(easee.node.set(feature, 8))
    await easee.until(29)
    assert easee.pending == {feature: 8}
    await easee.until(35)
    await task
    assert getattr(easee.node.snapshot, feature) == 8
    assert easee.received_of(kind) == [(when, 8) for when in TRIES]
    # Lasting memory was written once, by the one that was taken.


@LIMITS
@pytest.mark.parametrize("value", [16.0, 20.0])
async def test_a_limit_that_does_not_lower_is_refused_at_once(
    easee: Easee, feature: Feature, kind: str, value: float
) -> None:
    easee.report_answer("cmd.max_current.get_report", max_current(20))
    other = 17.0 if feature is Feature.MAX_CURRENT else 16.0
    easee.report_answer("cmd.max_current.get_report", max_current(other))
    task = await easee.call(easee.node.set(feature, max(value, other + 1)))
    with pytest.raises(CommandRejectedError, match="too many requests"):
        await task
    assert len(easee.received_of(kind)) == 1


@LIMITS
async def test_charging_that_stops_ends_a_limit(easee: Easee, feature: Feature, kind: str) -> None:
    task = await easee.call(easee.node.set(feature, 8))
    await easee.until(11)
    easee.report_state("ready_to_charge")
    easee.report_answer("cmd.current_session.get_report", offered(0))
    await easee.until(100)
    with pytest.raises(CommandRejectedError, match="too many requests"):
        await task
    assert len(easee.received_of(kind)) == 3
    assert easee.pending == {}


@LIMITS
@pytest.mark.parametrize("other", [12, 20])
async def test_another_controllers_limit_ends_it(
    easee: Easee, feature: Feature, kind: str, other: int
) -> None:
    """For example in the manufacturer's app: theirs is newer, and stays."""
    task = await easee.call(easee.node.set(feature, 8))
    await easee.until(11)
    if feature is Feature.MAX_CURRENT:
        easee.report_answer("cmd.max_current.get_report", max_current(other))
    easee.report_answer("cmd.current_session.get_report", offered(other))
    await easee.until(100)
    with pytest.raises(CommandRejectedError):
        await task
    assert len(easee.received_of(kind)) == 3


@LIMITS
async def test_a_newer_limit_of_ours_takes_its_place(
    easee: Easee, feature: Feature, kind: str
) -> None:
    task = await easee.call(easee.node.set(feature, 8))
    await easee.until(11)
    newer = await easee.call(easee.node.set(feature, 6))
    with pytest.raises(CommandSupersededError):
        await task
    await easee.until(35)
    await newer
    assert getattr(easee.node.snapshot, feature) == 6
    assert [value for _, value in easee.received_of(kind)][:4] == [8, 8, 8, 6]


async def test_phases_are_refused_at_once(easee: Easee) -> None:
    task = await easee.call(easee.node.set(Feature.PHASES, "1"))
    with pytest.raises(CommandRejectedError, match="too many requests"):
        await task


# Accepted without a result -----------------------------------------------------------------


def real_inclusion() -> dict[str, Any]:
    """Return the reports of the recorded Easee adapter about its first charger."""
    path = recording("fimp/live/easee_logged_out_stale_charging")
    payloads = (orjson.loads(each)["payload"] for each in path.read_bytes().splitlines())
    reports: Iterator[dict[str, Any]] = (
        each
        for each in payloads
        if each.get("type") == "evt.thing.inclusion_report" and each["src"] == "easee"
    )
    return next(each for each in reports if each["val"]["address"] == "1")


async def test_the_real_limit_that_was_taken_but_refused() -> None:
    """Recorded: 18 A are set, the charger is offline; half a minute later they hold."""
    path = recording("fimp/live/easee_offline_midsession_limit_taken_but_refused")
    lines = map(orjson.loads, path.read_bytes().splitlines())
    (command,) = (each for each in lines if each["payload"].get("type") == SET)
    theirs, ours = command["payload"]["uid"].encode(), b""
    hub = OfflineHub()
    hub.connection_made()
    # Its identity was reported in another recording of the same day.
    hub.feed(ADAPTER, real_inclusion())
    start = hub.clock.time
    refused_at = asked_at = 0.0
    for line in read_recording(path):
        hub.advance(start + line.t)
        if line.t > command["t"] and not ours:
            node = hub.nodes["fimp:easee/1/1"]
            assert isinstance(node, FimpChargepoint)
            assert node.snapshot.status is Status.CHARGING
            assert node.snapshot.max_current is None
            task = await begin(node.set(Feature.MAX_CURRENT, 18))
            ours = last(hub)["uid"].encode()
        hub.message(line.topic, line.payload.replace(theirs, ours or theirs), retained=False)
        if ours and ours in line.payload.replace(theirs, ours):
            with pytest.raises(OutcomeUnknownError, match="charger is offline"):
                await task
            assert node.snapshot.unavailable is Reason.OFFLINE
            assert node.snapshot.pending == {}
            refused_at = line.t
            hub.take_sent()
        elif refused_at and hub.take_sent(ANSWERS[SET]) and not asked_at:
            asked_at = line.t
            assert node.snapshot.available
    # It was asked when it was back, and what was found is ours.
    assert asked_at > refused_at > 0
    assert node.snapshot.max_current == 18
    assert node.snapshot.requested.limits == {"max_current": 18}
    assert not hub.ignored


async def doubt(easee: Easee, feature: Feature = Feature.MAX_CURRENT) -> None:
    """Let it accept a limit of 8 A, and fail to report it."""
    easee.answers_requests = False
    command = asyncio.create_task(easee.node.set(feature, 8))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    easee.hub.feed(CHARGER, refused(last(easee.hub)["uid"], NOT_TOLD))
    with pytest.raises(OutcomeUnknownError):
        await command
    easee._taken = len(easee.hub.sent)
    easee.answers_requests = True


def asked(easee: Easee, question: str) -> int:
    """Return how often a question was asked."""
    return sum(question.encode() in payload for _, payload in easee.hub.sent)


@LIMITS
async def test_it_is_asked_until_it_is_known(easee: Easee, feature: Feature, kind: str) -> None:
    """Also if its absence is not reported; then its effect is the same."""
    await doubt(easee, feature)
    question = ANSWERS[kind]
    easee.ignore_request(question)
    before = asked(easee, question)
    await easee.until(100)
    assert 3 <= asked(easee, question) - before <= 5
    answer = max_current(8) if feature is Feature.MAX_CURRENT else offered(8)
    easee.report_answer(question, answer)
    await easee.until(101)
    assert getattr(easee.node.snapshot, feature) == 8
    if feature is Feature.MAX_CURRENT:
        assert easee.node.snapshot.requested.limits == {"max_current": 8}
    count = asked(easee, question)
    await easee.until(250)
    assert asked(easee, question) == count


ANSWERS = {SET: "cmd.max_current.get_report", SESSION: "cmd.current_session.get_report"}


@pytest.mark.parametrize("waits_for", ["the first one", "none"])
@pytest.mark.parametrize("is_done", [True, False])
async def test_a_stop_without_a_reply_is_refused_when_repeated(
    waits_for: str,
    is_done: bool,  # noqa: FBT001
) -> None:
    """The first one may be why: only the charge point knows whether it has stopped."""
    garage = Garage(replace(UNTHROTTLED))
    garage.report_state("charging")
    garage.answers_requests = False
    stops = [await garage.call(garage.node.stop_charging())]
    if not is_done:
        garage.report_answer("cmd.state.get_report", state("charging"))
    if waits_for == "none":
        await garage.until(LIMIT + 1)
        with pytest.raises(CommandTimeoutError):
            await stops.pop()
    garage.refuses_commands = True
    stops.append(await garage.call(garage.node.stop_charging()))
    garage.answers_requests = True
    await garage.until(2 * LIMIT + 2)
    for each in stops:
        if is_done:
            await each
        else:
            with pytest.raises(CommandRefusedError):
                await each
    assert garage.node.snapshot.charging is not is_done
    assert garage.node.snapshot.pending == {}


async def test_it_may_turn_out_that_it_was_not_done(easee: Easee) -> None:
    """A first report may be stale; that of half a minute later counts."""
    await doubt(easee)
    await easee.until(5)
    easee.report_answer(ANSWERS[SET], max_current(16))
    await easee.until(100)
    assert easee.node.snapshot.requested.limits == {}
    count = asked(easee, ANSWERS[SET])
    await easee.until(400)
    assert asked(easee, ANSWERS[SET]) == count
    easee.report_answer(ANSWERS[SET], max_current(8))
    # Another client's.
    assert easee.node.snapshot.requested.limits == {}


async def test_who_is_offline_is_not_pestered(easee: Easee) -> None:
    await doubt(easee)
    easee.hub.feed(CHARGER.replace("rt:dev", "rt:ad").partition("/sv:")[0], node_report("DOWN"))
    count = asked(easee, ANSWERS[SET])
    await easee.until(250)
    assert asked(easee, ANSWERS[SET]) == count
    easee.report_state("charging")
    assert asked(easee, ANSWERS[SET]) == count + 1


async def test_a_newer_command_makes_it_unimportant(easee: Easee) -> None:
    await doubt(easee)
    easee.changed_at = -100
    task = await easee.call(easee.node.set(Feature.MAX_CURRENT, 10))
    # The one before may still come.
    await easee.until(45)
    await task
    assert easee.node.snapshot.requested.limits == {"max_current": 10}
    easee.report_answer(ANSWERS[SET], max_current(8))
    assert easee.node.snapshot.requested.limits == {"max_current": 10}


async def test_a_stop_may_have_been_done(easee: Easee) -> None:
    """Whether it stops is unknown, so a stop is sent again in any case."""
    easee.answers_requests = False
    command = await begin(easee.node.stop_charging())
    words = NOT_TOLD.replace("max current", "state")
    easee.hub.feed(CHARGER, refused(last(easee.hub)["uid"], words))
    with pytest.raises(OutcomeUnknownError):
        await command
    assert easee.node.snapshot.status is Status.CHARGING
    easee.hub.feed(CHARGER, state("ready_to_charge"))
    assert easee.node.snapshot.charging is False
    # A start cannot be confirmed at once then: the stop may still take effect.
    easee.hub.take_sent()
    task = await begin(easee.node.start_charging())
    assert last(easee.hub)["type"] == START
    assert await waits(task)
    task.cancel()
