"""A real EVerest with the integration connected, played with what was asked of it then."""

from dataclasses import replace
from typing import Any

import orjson
import pytest

from custom_components.fimp_chargepoint.chargepoint.derived import (
    NotChargingReason,
    not_charging_reason,
)
from custom_components.fimp_chargepoint.chargepoint.errors import NoSessionError
from custom_components.fimp_chargepoint.chargepoint.limits.requested import Requested
from custom_components.fimp_chargepoint.chargepoint.model import Feature, PauseReason, Status

from .everest_limits import HARDWARE
from .everest_site import begin, outcome
from .fakes import UNTHROTTLED
from .live import Live

EVSE = "everest:evse_manager_api"
LEGACY = "everest_legacy:connector_1"
LINKED = replace(UNTHROTTLED, modules={EVSE: {"limits": "limits_api"}})


def requested(live: Live) -> list[dict[str, Any]]:
    """Return the limits that were asked for, oldest first."""
    return [
        {name: limit["value"] for name, limit in entry["limits_to_leaves"].items()}
        for message in live.asked("set_external_limits")
        for entry in orjson.loads(message)["schedule_import"]
    ]


def limits(live: Live) -> tuple[float | None, float | None, str | None, str | None]:
    """Return the limit that was set, the one that holds, whose that is, and the phases."""
    shown = live.shown
    return shown.max_current, shown.effective_current, shown.limited_by, shown.phases


def switches_phases(live: Live) -> None:
    """Let the EVSE answer what its hardware can, which the recording's was not asked."""
    topic = "everest_api/1/evse_manager_consumer/evse_manager_api/e2m/hw_capabilities"
    live.hub.feed(topic, HARDWARE)


FUSE = "api_sink/module_config,connector_1/evse_board_support_caps"
OURS = "fimp_chargepoint"


# Limits --------------------------------------------------------------------------------


async def test_phases_are_set_while_somebody_else_allows_nothing() -> None:
    """Our 13 A go along, so that they hold when the other one withdraws."""
    live = Live("grid_limit_phases.jsonl", EVSE, LINKED)
    await live.until(12.88)
    switches_phases(live)
    task = await begin(live.node.set(Feature.MAX_CURRENT, 13))
    await live.until(14.6)
    await outcome(task)
    assert limits(live) == (13, 13, OURS, "3")
    # Another module sets 0 A: no source, and not a word of phases.
    await live.until(20.1)
    assert limits(live) == (13, 0, None, "3")
    assert (live.shown.status, live.shown.pause_reason) == (
        Status.SUSPENDED_BY_EVSE,
        PauseReason.NO_ENERGY,
    )
    assert not_charging_reason(live.shown) is NotChargingReason.CURRENT_TOO_LOW
    await live.until(22.6)
    task = await begin(live.node.set(Feature.PHASES, "1"))
    await live.until(26)
    await outcome(task)
    assert limits(live) == (13, 0, None, "1")
    assert live.shown.requested.limits == {"max_current": 13, "phases": "1"}
    # The same the other way round.
    task = await begin(live.node.set(Feature.MAX_CURRENT, 10))
    await live.until(30)
    await outcome(task)
    assert requested(live) == [
        {"ac_max_current_A": 13},
        {"ac_max_current_A": 13, "ac_max_phase_count": 1},
        {"ac_max_current_A": 10, "ac_max_phase_count": 1},
    ]


async def test_the_same_after_a_reload_in_between() -> None:
    live = Live("grid_limit_phases.jsonl", EVSE, LINKED, begin=19)
    await live.until(22.6)
    switches_phases(live)
    # As the store does when it has found the charge point.
    live.node.limits.restore(Requested(limits={"max_current": 13}), live.hub.clock.time)
    task = await begin(live.node.set(Feature.PHASES, "1"))
    await live.until(26)
    await outcome(task)
    assert requested(live) == [{"ac_max_current_A": 13, "ac_max_phase_count": 1}]
    assert limits(live) == (13, 0, None, "1")


#: The limits that Home Assistant set in the recording, and when.
SET = ((15, 10), (21.6, 16), (28.1, 6), (34.1, 32), (40.7, 13.3), (60.7, 16))


@pytest.mark.parametrize(
    ("t", "shown"),
    [
        (7.5, (32, 32, FUSE, "3")),
        (16.5, (10, 10, OURS, "3")),
        (22.8, (16, 16, OURS, "3")),
        (29.2, (6, 6, OURS, "3")),
        # Ours is as high as the fuse, which names itself.
        (35.6, (32, 32, FUSE, "3")),
        (42.0, (13.3, 13.3, OURS, "3")),
        # 4 A from another client count as no energy.
        (49.0, (13.3, 0, None, "3")),
        (60.0, (13.3, 0, None, "3")),
        (62.2, (16, 16, OURS, "3")),
    ],
)
async def test_limits_set_from_here_and_by_others(t: float, shown: tuple[Any, ...]) -> None:
    live = Live("limits.jsonl", EVSE, LINKED)
    for when, current in SET:
        if when > t:
            break
        await live.until(when)
        task = await begin(live.node.set(Feature.MAX_CURRENT, current))
        await live.until(when + 2)
        await outcome(task)
    await live.until(t)
    assert limits(live) == shown


async def test_a_limit_is_confirmed_while_nothing_flows() -> None:
    """It cannot be seen then, as any limit behind a stricter one."""
    live = Live("limits.jsonl", EVSE, LINKED)
    await live.until(50)
    task = await begin(live.node.set(Feature.MAX_CURRENT, 11))
    await live.until(55)
    await outcome(task)
    assert limits(live) == (11, 0, None, "3")
    assert not_charging_reason(live.shown) is NotChargingReason.CURRENT_TOO_LOW


async def test_no_flicker_where_phases_are_switched_or_a_pause_ends() -> None:
    live = Live("limits.jsonl", EVSE, LINKED)
    await live.until(6)
    course: list[Status | None] = []
    live.node.add_listener(lambda snapshot: course.append(snapshot.status))
    await live.until(96)
    assert Status.REQUESTING not in course[course.index(Status.CHARGING) :]
    assert {Status.SWITCHING_PHASES, Status.SUSPENDED_BY_EVSE} < set(course)
    assert Status.SUSPENDED_BY_EV not in course


# Restore limits ------------------------------------------------------------------------


async def test_limits_are_the_first_thing_a_restarted_station_is_told() -> None:
    options = replace(LINKED, restore_limits=True)
    live = Live("noenergy_ha_restart_keep_limits.jsonl", EVSE, options, begin=39)
    await live.until(45)
    live.node.limits.restore(
        Requested(limits={"max_current": 9, "phases": "3"}), live.hub.clock.time
    )
    # It is not visible anywhere yet, because 0 A of another client hide it.
    await live.until(56)
    assert requested(live)[-1] == {"ac_max_current_A": 9, "ac_max_phase_count": 3}
    await live.until(66.2)
    assert limits(live) == (9, 9, OURS, "3")
    live.hub.sent.clear()
    await live.until(66.7)
    topics = [topic for topic, _ in live.hub.sent]
    assert topics[0].endswith("/set_external_limits")
    assert requested(live) == [{"ac_max_current_A": 9, "ac_max_phase_count": 3}]
    # The station of this recording did not get the limit before 76.25, and shows that it has none:
    # it is sent once more, and this time it is monitored.
    await live.until(72)
    assert limits(live)[:2] == (32, 32)
    assert len(requested(live)) > 1
    await live.until(80)
    assert limits(live) == (9, 9, OURS, "3")
    assert live.shown.requested.limits == {"max_current": 9, "phases": "3"}


async def test_without_the_option_limits_are_gone_with_the_station_that_had_them() -> None:
    live = Live("noenergy_ha_restart_keep_limits.jsonl", EVSE, LINKED, begin=39)
    await live.until(45)
    live.node.limits.restore(Requested(limits={"max_current": 9}), live.hub.clock.time)
    await live.until(66.2)
    assert live.shown.requested.limits == {"max_current": 9}
    await live.until(72)
    assert live.shown.requested.limits == {}
    assert limits(live)[:2] == (32, 32)
    assert requested(live) == []


# Why it pauses -------------------------------------------------------------------------


async def test_what_is_known_of_a_pause_outlives_home_assistant() -> None:
    """The recording's station was not asked for its last event, as none was before 2026.10."""
    before = Live("noenergy_ha_restart_keep_limits.jsonl", EVSE, LINKED)
    await before.until(30)
    assert before.shown.status is Status.SUSPENDED_BY_EVSE
    stored = orjson.loads(orjson.dumps(before.node.stored_pauses()))

    live = Live("noenergy_ha_restart_keep_limits.jsonl", EVSE, LINKED, begin=39)
    await live.until(40.5)
    assert live.shown.raw_status == "ChargingPausedEVSE"
    live.node.restore_pauses(stored)
    assert (live.shown.status, live.shown.charging) == (Status.SUSPENDED_BY_EVSE, True)
    assert not_charging_reason(live.shown) is NotChargingReason.CURRENT_TOO_LOW


async def test_a_fault_is_the_reason_after_a_reload() -> None:
    """The entry is reloaded in a pause by a fault; main reports why when it is asked."""
    live = Live("enable_unlock_faults.jsonl", EVSE, begin=220)
    await live.until(250.7)
    assert live.shown.status is Status.READY_TO_CHARGE
    (question,) = live.asked("session_event/get")[-1:]
    reply_to = orjson.loads(question)["headers"]["replyTo"]
    reported = {
        "charging_paused_evse": {"reasons": ["Error"]},
        "event": "ChargingPausedEVSE",
        "uuid": "b41bfb40-9c06-4065-bced-886361f6c44b",
    }
    live.hub.feed(reply_to, reported)
    assert live.shown.pause_reason is PauseReason.FAULT
    assert (live.shown.status, live.shown.charging) == (Status.SUSPENDED_BY_EVSE, True)
    assert not_charging_reason(live.shown) is NotChargingReason.FAULT
    await live.until(256)
    assert live.shown.status is Status.FINISHED


# Pauses while the car sleeps -----------------------------------------------------------


async def test_a_pause_while_the_car_pauses_is_proven_by_its_reply() -> None:
    live = Live("ev_pause_and_switch.jsonl", EVSE)
    await live.until(4.8)
    assert (live.shown.status, live.shown.charging) == (Status.SUSPENDED_BY_EV, True)
    task = await begin(live.node.stop_charging())
    await live.until(5)
    await outcome(task)
    assert (live.shown.status, live.shown.charging) == (Status.SUSPENDED_BY_EV, False)
    assert not live.shown.pending
    assert not_charging_reason(live.shown) is NotChargingReason.SWITCHED_OFF
    # Once more the same needs no message.
    await live.node.stop_charging()
    assert len(live.asked("pause_charging")) == 1
    # It wakes up at 15.4, charges for a moment, and is paused: never a doubt about the switch.
    seen: set[bool | None] = set()
    live.node.add_listener(lambda snapshot: seen.add(snapshot.charging))
    await live.until(25.5)
    assert seen <= {False}
    assert live.shown.status is Status.READY_TO_CHARGE
    # By now the station itself reports it.
    assert live.shown.requested.pause is None
    course: list[Status | None] = []
    live.node.add_listener(lambda snapshot: course.append(snapshot.status))
    task = await begin(live.node.start_charging())
    await live.until(26.4)
    await outcome(task)
    assert set(course) == {Status.READY_TO_CHARGE, Status.CHARGING}


async def test_a_pause_while_the_car_pauses_over_a_restart_of_home_assistant() -> None:
    live = Live("ev_pause_and_switch.jsonl", EVSE)
    await live.until(4.8)
    task = await begin(live.node.stop_charging())
    await live.until(5)
    await outcome(task)
    stored = orjson.loads(orjson.dumps(live.node.stored_pauses()))

    again = Live("ev_pause_and_switch.jsonl", EVSE, begin=5)
    await again.until(9)
    again.node.restore_pauses(stored)
    assert (again.shown.status, again.shown.charging) == (Status.SUSPENDED_BY_EV, False)
    await again.until(15.5)
    assert again.shown.charging is False

    # Another session is another car.
    later = Live("ev_pause_and_switch.jsonl", EVSE, begin=60)
    await later.until(62)
    later.node.restore_pauses(stored)
    assert (later.shown.status, later.shown.charging) == (Status.SUSPENDED_BY_EV, True)


async def test_an_authorised_car_that_asks_for_no_power() -> None:
    live = Live("ev_pause_and_switch.jsonl", EVSE)
    course: list[Status | None] = []
    await live.until(38.3)
    live.node.add_listener(lambda snapshot: course.append(snapshot.status))
    await live.until(40.5)
    assert not_charging_reason(live.shown) is NotChargingReason.PAUSED_BY_CAR
    assert live.shown.charging is False
    # Two seconds pass at every start; what lasts longer is the car.
    await live.until(43.0)
    assert (live.shown.raw_status, live.shown.status) == ("Preparing", Status.REQUESTING)
    await live.until(44)
    assert (live.shown.status, live.shown.charging) == (Status.SUSPENDED_BY_EV, True)
    assert not_charging_reason(live.shown) is NotChargingReason.PAUSED_BY_CAR
    await live.until(50.4)
    task = await begin(live.node.stop_charging())
    await live.until(50.6)
    await outcome(task)
    assert live.shown.charging is False
    await live.until(62.4)
    assert (live.shown.charging, live.shown.pending) == (False, {})
    task = await begin(live.node.start_charging())
    await live.until(62.6)
    await outcome(task)
    assert (live.shown.status, live.shown.charging) == (Status.SUSPENDED_BY_EV, True)
    await live.until(76.1)
    assert live.shown.status is Status.CHARGING
    assert list(dict.fromkeys(course)) == [
        Status.REQUESTING,
        Status.SUSPENDED_BY_EV,
        Status.CHARGING,
    ]


@pytest.mark.parametrize(
    ("name", "node", "t", "code"),
    [
        # Its transaction was stopped: EVerest refuses to resume, and every token.
        ("enable_unlock_faults.jsonl", EVSE, 81.7, "replug_first"),
        ("enable_unlock_faults.jsonl", EVSE, 90.0, "no_car"),
        # Enabled with a car, for which it starts no session.
        ("enable_unlock_faults.jsonl", EVSE, 116.0, "replug_first"),
        # This API never replies.
        ("legacy_only.jsonl", LEGACY, 8.0, "no_car"),
        ("legacy_only.jsonl", LEGACY, 105.0, "no_car"),
    ],
)
async def test_what_keeps_it_from_starting_is_reported_at_once(
    name: str, node: str, t: float, code: str
) -> None:
    live = Live(name, node, begin=max(0, t - 30))
    await live.until(t)
    live.hub.sent.clear()
    task = await begin(live.node.start_charging())
    with pytest.raises(NoSessionError, match=code):
        await outcome(task)
    assert not live.hub.sent
    assert not live.shown.pending


# The API before v1 ---------------------------------------------------------------------


async def test_the_relay_is_no_problem() -> None:
    live = Live("legacy_only.jsonl", LEGACY)
    problems: set[tuple[str, ...]] = set()
    await live.until(5)
    live.node.add_listener(lambda snapshot: problems.add(snapshot.problems))
    await live.until(90)
    assert problems == {()}
    # The emergency stop is one.
    await live.until(93)
    assert "evse_board_support/MREC8EmergencyStop" in live.shown.problems
    await live.until(97)
    assert live.shown.problems == ()


async def test_no_flicker_where_phases_are_switched_through_the_older_api() -> None:
    """It reports `Preparing` for a second then, and nothing of the phases."""
    live = Live("legacy_only.jsonl", LEGACY)
    await live.until(26)
    course: set[Status | None] = set()
    live.node.add_listener(lambda snapshot: course.add(snapshot.status))
    await live.until(32.8)
    assert live.shown.raw_status == "Preparing"
    await live.until(40)
    assert live.shown.phases == "1"
    assert course == {Status.CHARGING}


async def test_a_stop_that_nobody_replies_to_is_sent_again_when_the_car_wakes_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    live = Live("legacy_only.jsonl", LEGACY)
    await live.until(73)
    assert (live.shown.status, live.shown.charging) == (Status.SUSPENDED_BY_EV, True)
    task = await begin(live.node.stop_charging())
    await live.until(84)
    await outcome(task)
    assert live.shown.pending == {Feature.CHARGING: False}
    assert len(live.asked("pause_charging")) == 1
    await live.until(88.4)
    assert live.shown.status is Status.CHARGING
    assert len(live.asked("pause_charging")) == 2
    assert live.shown.pending == {Feature.CHARGING: False}
    # The station of this recording got no stop, and continues to charge: then that is shown.
    await live.until(99.5)
    assert live.shown.pending == {}
    assert (live.shown.status, live.shown.charging) == (Status.CHARGING, True)
    assert "EVerest connector_1 charges although it was to pause" in caplog.text


# Other recordings ----------------------------------------------------------------------


async def test_a_fault_of_one_of_two_evses_is_its_own_problem() -> None:
    """The errors of the station name drivers; the event of the pause names the EVSE."""
    live = Live("two_evses_linked.jsonl", f"{EVSE}_2")
    await live.until(20)
    first = live.hub.nodes[f"{EVSE}_1"]
    assert (live.shown.status, live.shown.problems) == (Status.CHARGING, ())
    await live.until(38)
    assert live.shown.problems == ("ChargingPausedEVSE: Error",)
    assert not_charging_reason(live.shown) is NotChargingReason.FAULT
    assert first.snapshot.problems == ()
    assert first.snapshot.status is Status.CHARGING
    station = live.hub.nodes["everest_station:"]
    assert "evse_board_support/MREC8EmergencyStop" in station.snapshot.problems
    await live.until(42)
    assert (live.shown.status, live.shown.problems) == (Status.CHARGING, ())
    assert station.snapshot.problems == ()
    await live.until(46)
    assert live.shown.status is first.snapshot.status is Status.DISCONNECTED


MOMENTS: tuple[tuple[float, Status | None, bool | None], ...] = (
    (2.0, Status.OUT_OF_SERVICE, None),
    (8.0, Status.REQUESTING, True),
    # Disabled with a car: it is unknown whether it stays.
    (12.0, Status.OUT_OF_SERVICE, None),
    (14.0, None, None),
    # A token before the car, which does not come.
    (20.0, Status.REQUESTING, None),
    (50.0, Status.DISCONNECTED, False),
    (66.0, Status.CHARGING, True),
    (75.0, Status.FINISHED, True),
    (90.0, Status.DISCONNECTED, False),
    # Disabled while it charges, enabled again, and a new session.
    (100.0, Status.CHARGING, True),
    (106.0, Status.OUT_OF_SERVICE, None),
    (110.0, None, None),
    (119.0, Status.REQUESTING, True),
    (125.0, Status.CHARGING, True),
    (131.0, Status.FINISHED, True),
    (145.0, Status.CHARGING, True),
    (168.0, Status.SUSPENDED_BY_EVSE, True),
    (175.0, Status.CHARGING, True),
    (262.0, Status.DISCONNECTED, False),
)


async def test_disabled_enabled_and_faulty() -> None:
    live = Live("enable_unlock_faults.jsonl", EVSE)
    seen = []
    for t, *_ in MOMENTS:
        await live.until(t)
        seen.append((t, live.shown.status, live.shown.plugged))
    assert seen == list(MOMENTS)


async def test_everest_is_killed_in_a_session_and_starts_at_once() -> None:
    live = Live("outage_evquick.jsonl", EVSE)
    await live.until(10)
    assert live.shown.status is Status.CHARGING
    before = live.shown.session.id
    await live.until(22.5)
    # It reports `Unplugged` although the car is there.
    assert live.shown.available
    assert live.shown.status in (None, Status.FINISHED, Status.DISCONNECTED)
    assert live.shown.meter.power in (None, 0)
    await live.until(25)
    assert (live.shown.status, live.shown.plugged) == (Status.REQUESTING, True)
    assert live.shown.session.id not in (None, before)
