"""Pauses that do not show: accepted while the car sleeps, or sent again when it wakes up."""

import asyncio
from typing import Any

import orjson
import pytest

from custom_components.fimp_chargepoint.chargepoint.errors import (
    CommandRefusedError,
    CommandSupersededError,
    CommandTimeoutError,
    NotConnectedError,
)
from custom_components.fimp_chargepoint.chargepoint.model import Feature, PauseReason, Status

from .everest_legacy_site import Site as LegacySite
from .everest_site import Site, begin, outcome
from .fakes import waits

NO_ENERGY = {"charging_paused_evse": {"reasons": ["NoEnergy"]}}
USER = {"charging_paused_evse": {"reasons": ["UserPause"]}}
STARTED = "2026-11-20T09:00:00Z"
LATER = "2026-11-20T10:00:00Z"
OFF = {Feature.CHARGING: False}


@pytest.fixture(name="site", params=["", "site1/"])
def site_fixture(request: pytest.FixtureRequest) -> Site:
    """A station whose car pauses on its own."""
    site = Site(request.param)
    began = {"session_started": {"reason": "EVConnected"}}
    site.event("SessionStarted", uuid="one", timestamp=STARTED, **began)
    site.event("TransactionStarted", uuid="one")
    site.event("ChargingPausedEV", uuid="one")
    report_state(site, "ChargingPausedEV")
    site.wait(5)
    site.take()
    return site


def report_state(site: Site, word: str, started: str = STARTED) -> None:
    """Report a state, with the start of the session as in v1."""
    site.info(word, session_start_time=started, transaction_start_time=started)


async def stop(site: Site, *, reply: Any) -> None:
    """Stop charging, and let the station reply; raises the error of the command."""
    task = await begin(site.node().stop_charging())
    site.answer("pause_charging", value=reply)
    await outcome(task)


async def settle() -> None:
    """Let all tasks continue."""
    for _ in range(5):
        await asyncio.sleep(0)


# Accepted ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "details", "word"),
    [
        ("ChargingPausedEV", {}, "ChargingPausedEV"),
        ("ChargingPausedEVSE", NO_ENERGY, "ChargingPausedEVSE"),
        ("PrepareCharging", {}, "Preparing"),
    ],
)
async def test_accepted_where_nothing_else_shows_it(
    site: Site, event: str, details: dict[str, Any], word: str
) -> None:
    site.event(event, uuid="one", **details)
    status = site.shown.status
    assert site.shown.charging is True
    await stop(site, reply=True)
    assert (site.shown.status, site.shown.charging, site.shown.pending) == (status, False, {})
    report_state(site, word)
    site.wait(60)
    assert site.shown.charging is not True
    report_state(site, word)
    assert site.shown.charging is False
    # The reply proves its end as well.
    task = await begin(site.node().start_charging())
    site.answer("resume_charging", value=True)
    await outcome(task)
    assert (site.shown.charging, site.shown.pending) == (True, {})


async def test_while_it_charges_the_reply_proves_nothing(site: Site) -> None:
    site.event("ChargingStarted", uuid="one")
    task = await begin(site.node().stop_charging())
    site.answer("pause_charging", value=True)
    assert await waits(task)
    assert site.shown.requested.pause is None
    site.event("ChargingPausedEVSE", uuid="one", **USER)
    await outcome(task)
    assert site.shown.requested.pause is None


@pytest.mark.parametrize(("seconds", "charging"), [(4.9, False), (5.1, True)])
async def test_a_moment_of_charging_is_no_end_of_it(
    site: Site, seconds: float, *, charging: bool
) -> None:
    await stop(site, reply=True)
    site.event("ChargingStarted", uuid="one")
    assert (site.shown.status, site.shown.charging) == (Status.CHARGING, False)
    site.wait(seconds)
    assert site.shown.charging is charging
    site.event("ChargingPausedEV", uuid="one")
    site.wait(20)
    assert site.shown.charging is charging


async def test_once_the_station_shows_it_that_counts(site: Site) -> None:
    """Another client may resume it: then the switch is on at once."""
    await stop(site, reply=True)
    site.event("ChargingPausedEVSE", uuid="one", **USER)
    assert (site.shown.charging, site.shown.requested.pause) == (False, None)
    site.event("PrepareCharging", uuid="one")
    site.event("ChargingStarted", uuid="one")
    assert site.shown.charging is True


@pytest.mark.parametrize(
    "end",
    [
        lambda site: site.event("SessionFinished", uuid="one"),
        lambda site: site.event("TransactionFinished", uuid="one"),
        lambda site: site.event("SessionStarted", uuid="two"),
        lambda site: report_state(site, "ChargingPausedEV", LATER),
        lambda site: site.event("Disabled"),
    ],
)
async def test_it_ends_with_its_session(site: Site, end: Any) -> None:
    await stop(site, reply=True)
    assert site.shown.requested.pause is not None
    end(site)
    assert site.shown.requested.pause is None


async def test_it_ends_with_the_life_of_the_station(site: Site) -> None:
    site.evse("heartbeat", 100)
    await stop(site, reply=True)
    site.evse("heartbeat", 0)
    assert site.shown.requested.pause is None


async def test_it_outlives_a_lost_link_and_silence(site: Site) -> None:
    await stop(site, reply=True)
    site.cut()
    assert site.shown.charging is None
    site.mend()
    report_state(site, "ChargingPausedEV")
    assert site.shown.charging is False
    site.wait(31)
    assert site.shown.charging is None
    report_state(site, "ChargingPausedEV")
    assert site.shown.charging is False


async def test_a_refused_resume_leaves_it(site: Site) -> None:
    await stop(site, reply=True)
    task = await begin(site.node().start_charging())
    site.answer("resume_charging", value=False)
    with pytest.raises(CommandRefusedError):
        await outcome(task)
    assert site.shown.charging is False


async def test_no_reply_is_no_proof(site: Site) -> None:
    task = await begin(site.node().stop_charging())
    for _ in range(10):
        site.wait(1)
        report_state(site, "ChargingPausedEV")
        await settle()
    site.wait(0.1)
    with pytest.raises(CommandTimeoutError):
        await outcome(task)
    assert (site.shown.charging, site.shown.pending) == (True, {})


# Refused while the car sleeps (up to 2025.12) --------------------------------------------


@pytest.mark.parametrize("word", ["ChargingPausedEV", "WaitingForEnergy", "Preparing"])
async def test_refused_it_is_sent_again_when_it_charges(site: Site, word: str) -> None:
    site.info(word)
    await stop(site, reply=False)
    assert site.shown.pending == OFF
    # However long that takes.
    for _ in range(100):
        site.wait(10)
        site.info(word)
    assert site.shown.pending == OFF
    site.take()
    site.info("Charging")
    await settle()
    assert len(site.asked("pause_charging")) == 1
    assert site.shown.pending == OFF
    site.answer("pause_charging", value=True)
    site.event("ChargingPausedEVSE", uuid="one")
    await settle()
    assert (site.shown.charging, site.shown.pending) == (False, {})
    site.take()
    site.info("Charging")
    await settle()
    assert site.take() == []


@pytest.mark.parametrize("reply", [False, None])
async def test_then_the_truth_is_shown(
    site: Site, reply: Any, caplog: pytest.LogCaptureFixture
) -> None:
    await stop(site, reply=False)
    site.info("Charging")
    await settle()
    if reply is None:
        site.wait(10.1)
    else:
        site.answer("pause_charging", value=reply)
    await settle()
    assert (site.shown.charging, site.shown.pending) == (True, {})
    assert "charges although it was to pause" in caplog.text
    # Attempts end at some time.
    site.take()
    site.info("ChargingPausedEV")
    site.info("Charging")
    await settle()
    assert not site.asked("pause_charging")


async def test_asleep_again_before_the_answer_it_goes_on_standing(site: Site) -> None:
    await stop(site, reply=False)
    site.info("Charging")
    await settle()
    site.info("ChargingPausedEV")
    site.answer("pause_charging", value=False)
    await settle()
    assert site.shown.pending == OFF
    site.take()
    site.info("Charging")
    await settle()
    assert len(site.asked("pause_charging")) == 1
    site.answer("pause_charging", value=True)
    site.info("ChargingPausedEVSE")
    await settle()
    assert site.shown.pending == {}


async def test_while_it_charges_a_refusal_is_final(site: Site) -> None:
    site.info("Charging")
    with pytest.raises(CommandRefusedError):
        await stop(site, reply=False)
    site.take()
    site.info("ChargingPausedEV")
    site.info("Charging")
    await settle()
    assert site.take() == []
    assert (site.shown.charging, site.shown.pending) == (True, {})


async def test_without_a_transaction_a_refusal_is_final(site: Site) -> None:
    site.event("TransactionFinished", uuid="one")
    site.event("SessionStarted", uuid="two", session_started={"reason": "Authorized"})
    assert site.shown.raw_status == "Preparing"
    with pytest.raises(CommandRefusedError, match="pause_refused"):
        await stop(site, reply=False)
    assert site.shown.pending == {}


async def test_a_start_calls_it_off_without_a_message(site: Site) -> None:
    """The station was never paused, and would refuse to resume."""
    await stop(site, reply=False)
    site.take()
    await site.node().start_charging()
    assert site.take() == []
    assert (site.shown.charging, site.shown.pending) == (True, {})
    site.info("Charging")
    await settle()
    assert site.take() == []


async def test_wanted_once_more_it_is_asked_once_more(site: Site) -> None:
    await stop(site, reply=False)
    await stop(site, reply=False)
    assert len(site.asked("pause_charging")) == 2
    assert site.shown.pending == OFF


@pytest.mark.parametrize(
    "end",
    [
        lambda site: site.event("SessionFinished", uuid="one"),
        lambda site: site.event("TransactionFinished", uuid="one"),
        lambda site: site.info("Charging", session_start_time=LATER),
    ],
)
async def test_it_stands_for_its_session_only(site: Site, end: Any) -> None:
    await stop(site, reply=False)
    site.take()
    end(site)
    await settle()
    assert site.shown.pending == {}
    assert not site.asked("pause_charging")


async def test_it_stands_while_the_link_is_lost(site: Site) -> None:
    await stop(site, reply=False)
    site.cut()
    site.mend()
    report_state(site, "ChargingPausedEV")
    assert site.shown.pending == OFF
    site.take()
    report_state(site, "Charging")
    await settle()
    assert len(site.asked("pause_charging")) == 1
    site.answer("pause_charging", value=True)
    site.info("ChargingPausedEVSE")
    await settle()
    assert site.shown.pending == {}


async def test_it_stands_beside_other_wishes(site: Site) -> None:
    await stop(site, reply=False)
    task = await begin(site.node().set(Feature.ENABLED, value=False))
    assert site.shown.pending == OFF | {Feature.ENABLED: False}
    site.answer("enable_disable", value=False)
    await outcome(task)
    assert site.shown.pending == OFF


# The API before v1 -------------------------------------------------------------------------


@pytest.fixture(name="old")
def old_fixture() -> LegacySite:
    """A station with the old API, whose car pauses on its own."""
    site = LegacySite()
    site.wait(4, "Charging")
    site.wait(4, "ChargingPausedEV")
    return site


async def commands_sent(site: LegacySite) -> list[str]:
    """Return the commands that were sent since the last call."""
    await settle()
    topics = [topic for topic, _ in site.hub.sent]
    commands = [each.rsplit("/", 1)[1] for each in topics if "/cmd/" in each]
    site.hub.sent.clear()
    return commands


async def wait(site: LegacySite, seconds: int, word: str) -> None:
    """Let it report the same for some seconds."""
    for _ in range(seconds):
        site.wait(1, word)
        await settle()


async def test_a_stop_that_nobody_replies_to_stands(old: LegacySite) -> None:
    task = await begin(old.node.stop_charging())
    assert await commands_sent(old) == ["pause_charging"]
    await wait(old, 11, "ChargingPausedEV")
    await outcome(task)
    await wait(old, 100, "ChargingPausedEV")
    assert (old.shown.charging, old.shown.pending) == (True, OFF)
    assert await commands_sent(old) == []
    await wait(old, 1, "Charging")
    assert await commands_sent(old) == ["pause_charging"]
    await wait(old, 1, "ChargingPausedEVSE")
    assert (old.shown.charging, old.shown.pending) == (False, {})


async def test_a_car_that_wakes_up_before_the_time_is_over(old: LegacySite) -> None:
    task = await begin(old.node.stop_charging())
    await wait(old, 5, "ChargingPausedEV")
    await commands_sent(old)
    await wait(old, 1, "Charging")
    assert await commands_sent(old) == ["pause_charging"]
    await wait(old, 1, "ChargingPausedEVSE")
    await outcome(task)
    assert (old.shown.charging, old.shown.pending) == (False, {})


async def test_a_start_takes_it_back(old: LegacySite) -> None:
    """Newer releases have accepted it, so it has to be sent."""
    stop = await begin(old.node.stop_charging())
    await wait(old, 11, "ChargingPausedEV")
    await outcome(stop)
    await commands_sent(old)
    start = await begin(old.node.start_charging())
    assert await commands_sent(old) == ["resume_charging"]
    assert old.shown.pending == {Feature.CHARGING: True}
    await wait(old, 4, "ChargingPausedEV")
    await outcome(start)
    assert (old.shown.charging, old.shown.pending) == (True, {})
    await wait(old, 1, "Charging")
    assert await commands_sent(old) == []


async def test_a_start_at_once_takes_its_place(old: LegacySite) -> None:
    stop = await begin(old.node.stop_charging())
    start = await begin(old.node.start_charging())
    with pytest.raises(CommandSupersededError):
        await outcome(stop)
    await wait(old, 4, "ChargingPausedEV")
    await outcome(start)
    assert (old.shown.charging, old.shown.pending) == (True, {})


async def test_who_gives_up_does_not_take_it_back(old: LegacySite) -> None:
    task = await begin(old.node.stop_charging())
    task.cancel()
    await asyncio.wait([task])
    await wait(old, 20, "ChargingPausedEV")
    assert old.shown.pending == OFF
    await commands_sent(old)
    await wait(old, 1, "Charging")
    assert await commands_sent(old) == ["pause_charging"]
    await wait(old, 1, "ChargingPausedEVSE")
    assert old.shown.pending == {}


async def test_what_did_not_leave_does_not_stand(old: LegacySite) -> None:
    async def publish(topic: str, payload: bytes) -> None:
        raise NotConnectedError("gone")

    old.hub.publish = publish  # type: ignore[method-assign]
    with pytest.raises(NotConnectedError):
        await old.node.stop_charging()
    assert old.shown.pending == {}


# Why it pauses --------------------------------------------------------------------------


def last_event(site: Site, *reasons: str, uuid: str = "one") -> None:
    """Answer which event was the last one."""
    details = {"charging_paused_evse": {"reasons": list(reasons)}}
    site.answer("session_event/get", {"event": "ChargingPausedEVSE", "uuid": uuid} | details)


@pytest.fixture(name="late")
def late_fixture() -> Site:
    """A station that pauses, and reported the reason before we connected."""
    site = Site()
    report_state(site, "ChargingPausedEVSE")
    return site


@pytest.mark.parametrize(
    ("reason", "status", "shown"),
    [
        ("Error", Status.SUSPENDED_BY_EVSE, PauseReason.FAULT),
        ("NoEnergy", Status.SUSPENDED_BY_EVSE, PauseReason.NO_ENERGY),
        ("UserPause", Status.READY_TO_CHARGE, None),
    ],
)
def test_the_last_event_says_why(
    late: Site, reason: str, status: Status, shown: PauseReason | None
) -> None:
    assert late.shown.status is Status.READY_TO_CHARGE
    last_event(late, reason)
    assert (late.shown.status, late.shown.pause_reason) == (status, shown)
    # It is not an event: nothing else follows from it.
    assert late.shown.session.id is None
    # session_info continues, and takes nothing back.
    report_state(late, "ChargingPausedEVSE")
    assert late.shown.status is status


@pytest.mark.parametrize(
    "answer",
    [True, None, {"event": "Authorized", "uuid": "one"}, {"event": "ChargingStarted"}, {}],
)
def test_an_answer_that_does_not_say_why(late: Site, answer: Any) -> None:
    late.answer("session_event/get", answer)
    shown = late.shown
    assert (shown.status, shown.raw_status, shown.session.authorized) == (
        Status.READY_TO_CHARGE,
        "ChargingPausedEVSE",
        None,
    )


def test_what_was_heard_since_counts_more(late: Site) -> None:
    late.event("ChargingPausedEVSE", uuid="one", **USER)
    last_event(late, "NoEnergy")
    assert late.shown.status is Status.READY_TO_CHARGE


def test_only_of_the_pause_that_goes_on(late: Site) -> None:
    report_state(late, "Charging")
    last_event(late, "NoEnergy")
    assert late.shown.status is Status.CHARGING
    report_state(late, "ChargingPausedEVSE")
    assert late.shown.status is Status.READY_TO_CHARGE


def test_it_is_of_another_session(site: Site) -> None:
    site.cut()
    site.mend()
    report_state(site, "ChargingPausedEVSE")
    last_event(site, "NoEnergy", uuid="another")
    assert site.shown.status is Status.READY_TO_CHARGE
    assert site.hub.ignored == {}


# Over a restart of Home Assistant -------------------------------------------------------------


def stored(site: Site) -> dict[str, Any]:
    """Return what is stored, as it comes back from the disk."""
    found: dict[str, Any] = orjson.loads(orjson.dumps(site.node().stored_pauses()))
    return found


async def test_what_is_stored(site: Site) -> None:
    assert stored(site) == {}
    await stop(site, reply=True)
    session = {"session_id": "one", "started": "2026-11-20T09:00:00+00:00"}
    pause = {"pause": {"accepted": True, **session}}
    assert stored(site) == pause
    site.event("ChargingPausedEVSE", uuid="one", **NO_ENERGY)
    assert stored(site) == {**pause, "reasons": ["NoEnergy"], **session}
    site.event("ChargingPausedEVSE", uuid="one", **USER)
    assert stored(site) == {"reasons": ["UserPause"], **session}


@pytest.mark.parametrize(("started", "same"), [(STARTED, True), (LATER, False)])
async def test_a_stop_that_stands_outlives_home_assistant(
    site: Site, started: str, *, same: bool
) -> None:
    await stop(site, reply=False)
    kept = stored(site)

    later = Site(site.prefix)
    report_state(later, "ChargingPausedEV", started)
    later.node().restore_pauses(kept)
    assert later.shown.pending == (OFF if same else {})
    later.take()
    report_state(later, "Charging", started)
    await settle()
    assert len(later.asked("pause_charging")) == int(same)
    if same:
        later.answer("pause_charging", value=True)
    report_state(later, "ChargingPausedEVSE", started)
    await settle()
    assert later.shown.pending == {}


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(("started", "same"), [(STARTED, True), (LATER, False)])
async def test_what_an_earlier_run_knew(
    site: Site, started: str, *, known: bool, same: bool
) -> None:
    await stop(site, reply=True)
    site.event("ChargingPausedEVSE", uuid="one", **NO_ENERGY)
    kept = stored(site)

    later = Site(site.prefix)
    later.evse("heartbeat", 100)
    if known:
        report_state(later, "ChargingPausedEVSE", started)
    later.node().restore_pauses(kept)
    if not known:
        assert later.shown.status is None
        report_state(later, "ChargingPausedEVSE", started)
    assert later.shown.charging is False
    status = Status.SUSPENDED_BY_EVSE if same else Status.READY_TO_CHARGE
    assert later.shown.status is status
    assert (later.shown.requested.pause is not None) is same
    # The current report of the station counts more.
    later.event("ChargingPausedEVSE", uuid="one" if same else "two", **NO_ENERGY)
    later.event("ChargingStarted", uuid="one" if same else "two")
    later.wait(5.1)
    assert later.shown.charging is True


@pytest.mark.parametrize(
    "damaged",
    [
        {"pause": None},
        {"pause": []},
        {"pause": {}},
        {"pause": {"accepted": True, "session_id": 5, "started": "yesterday"}},
        {"pause": {"accepted": False, "session_id": None, "started": None}},
        {"pause": {"accepted": "yes", "session_id": "one"}},
        {"reasons": "NoEnergy", "session_id": "one"},
        {"reasons": ["NoEnergy"]},
        {"reasons": [5, None], "session_id": "one", "started": STARTED},
        {"reasons": ["NoEnergy"], "session_id": None, "started": "2026-11-20T09:00:00"},
    ],
)
def test_what_is_damaged_is_left_out(late: Site, damaged: dict[str, Any]) -> None:
    late.node().restore_pauses(damaged)
    shown = late.shown
    assert (shown.status, shown.requested.pause, shown.pending) == (
        Status.READY_TO_CHARGE,
        None,
        {},
    )


def test_what_a_newer_version_has_stored_stays(late: Site) -> None:
    late.node().restore_pauses({"newer": {"field": 1}, "reasons": ["NoEnergy"]})
    assert stored(late) == {"newer": {"field": 1}}
