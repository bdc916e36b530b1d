"""A FIMP charge point's reports and commands, without a broker."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from custom_components.fimp_chargepoint.chargepoint.errors import (
    CommandRejectedError,
    CommandSupersededError,
    CommandTimeoutError,
    InvalidRequestError,
    NotConnectedError,
)
from custom_components.fimp_chargepoint.chargepoint.fimp.chargepoint import FimpChargepoint
from custom_components.fimp_chargepoint.chargepoint.limits.requested import (
    StoredRequests,
)
from custom_components.fimp_chargepoint.chargepoint.model import Feature, Status

from .fakes import OfflineHub, lines, waits
from .fimp_commands import begin, last, refused, session
from .fimp_messages import ADAPTER, ADDRESS, CHARGER, METER, inclusion, report, state


@pytest.fixture
def hub() -> OfflineHub:
    hub = OfflineHub()
    hub.connection_made()
    hub.feed(
        ADAPTER,
        inclusion(
            meter=True,
            interfaces=["cmd.cable_lock.set"],
            props={"sup_charging_modes": ["normal", "slow"]},
        ),
    )
    hub.feed(CHARGER, state())
    hub.take_sent()
    return hub


@pytest.fixture
def node(hub: OfflineHub) -> FimpChargepoint:
    node = hub.nodes[ADDRESS]
    assert isinstance(node, FimpChargepoint)
    return node


# Reports ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "status", "plugged"),
    [
        ("available", Status.DISCONNECTED, False),
        ("preparing", Status.REQUESTING, True),
        ("paused", Status.READY_TO_CHARGE, True),
        ("SuspendedEVSE", Status.SUSPENDED_BY_EVSE, True),
        ("Finishing", Status.FINISHED, True),
        ("Faulted", Status.ERROR, None),
        ("unavailable", Status.OUT_OF_SERVICE, None),
        ("unknown", None, None),
        ("dancing", None, None),
    ],
)
def test_words_of_old_and_odd_adapters(
    hub: OfflineHub,
    node: FimpChargepoint,
    word: str,
    status: Status | None,
    plugged: bool | None,  # noqa: FBT001
) -> None:
    hub.feed(CHARGER, state(word))
    assert node.snapshot.status is status
    assert node.snapshot.plugged is plugged
    assert node.snapshot.raw_status == word
    assert node.snapshot.available


def test_an_unknown_word_is_logged_once(hub: OfflineHub, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        hub.feed(CHARGER, state("dancing"))
    assert caplog.text.count("dancing") == 1
    assert not hub.ignored


def test_a_flood_of_words_is_not_kept(
    hub: OfflineHub, node: FimpChargepoint, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(100):
        hub.feed(CHARGER, state(f"word {number} " + "x" * 300))
    assert len(caplog.records) <= 20
    assert len(node.snapshot.raw_status or "") <= 100


def test_the_topic_counts_not_the_service_field(hub: OfflineHub, node: FimpChargepoint) -> None:
    hub.feed(CHARGER, state("charging") | {"serv": "defa"})
    assert node.snapshot.status is Status.CHARGING


def test_a_partial_meter_report_is_merged(hub: OfflineHub, node: FimpChargepoint) -> None:
    hub.feed(METER, report("evt.meter.report", "float", 11040, unit="W"))
    for key in ("i1", "i2", "i3"):
        hub.feed(METER, report("evt.meter_ext.report", "float_map", {key: 16}))
    hub.feed(METER, report("evt.meter_ext.report", "float_map", {"i2": None, "e_import": 7}))
    assert node.snapshot.meter.power == 11040
    assert lines(node.snapshot.meter, "current") == (16, 16, 16)
    assert node.snapshot.meter.energy == 7
    hub.feed(METER, report("evt.meter_ext.report", "float_map", {"p_import": 5}))
    assert node.snapshot.meter.power == 5


def test_lifetime_energy_never_steps_back(hub: OfflineHub, node: FimpChargepoint) -> None:
    def count(value: float) -> float | None:
        hub.feed(METER, report("evt.meter.report", "float", value, unit="kWh"))
        return node.snapshot.meter.energy

    assert count(100.2) == 100.2
    assert count(100.1) == 100.2
    assert count(100.3) == 100.3
    # A new meter starts over; that is not jitter.
    assert count(0.5) == 0.5


def test_other_units_mean_nothing_to_us(hub: OfflineHub, node: FimpChargepoint) -> None:
    hub.feed(METER, report("evt.meter.report", "float", 230, unit="V"))
    hub.feed(METER, report("evt.meter.report", "float", 230))
    assert node.snapshot.meter.power is None


def test_a_missing_cable_current_means_not_reported(hub: OfflineHub, node: FimpChargepoint) -> None:
    hub.feed(CHARGER, report("evt.cable_lock.report", "bool", True, cable_current="32"))
    hub.feed(CHARGER, report("evt.cable_lock.report", "bool", True))
    assert node.snapshot.cable_current == 32


def test_a_session_whose_start_is_not_reported_began_when_we_saw_it(
    hub: OfflineHub, node: FimpChargepoint
) -> None:
    start = datetime.fromtimestamp(hub.clock.time, UTC)
    hub.feed(CHARGER, session(3.0))
    assert node.snapshot.session.started == start
    hub.clock.time += 60
    hub.feed(CHARGER, session(3.5))
    assert node.snapshot.session.started == start
    hub.clock.time += 60
    hub.feed(CHARGER, session(0))
    assert node.snapshot.session.started == datetime.fromtimestamp(hub.clock.time, UTC)


def test_the_old_session_repeated_loses_no_energy(hub: OfflineHub, node: FimpChargepoint) -> None:
    old = {"started_at": "2026-11-20T08:42:54Z", "finished_at": "2026-11-20T08:43:36Z"}
    hub.feed(CHARGER, session(0.069, **old))
    hub.feed(CHARGER, session(0, **old))
    assert node.snapshot.meter.session_energy == 0.069


def test_a_new_session_does_not_take_over_the_energy_of_the_one_before(
    hub: OfflineHub, node: FimpChargepoint
) -> None:
    """An adapter may report the new start before it has the new energy."""
    new = {"started_at": "2026-11-20T09:00:00Z", "previous_session": "0.37"}
    hub.feed(CHARGER, session(0.3638, started_at="2026-11-20T08:42:54Z"))
    hub.feed(CHARGER, session(0.3638, **new))
    assert node.snapshot.meter.session_energy is None
    hub.feed(CHARGER, session(0, **new))
    assert node.snapshot.meter.session_energy == 0
    assert node.snapshot.session.previous_energy == 0.37


def test_a_counter_that_is_reset_after_the_end_belongs_to_the_next_session(
    hub: OfflineHub, node: FimpChargepoint
) -> None:
    hub.feed(CHARGER, state("charging"))
    hub.feed(CHARGER, session(3.0))
    first = node.snapshot.session
    hub.feed(CHARGER, state("finished"))
    hub.clock.time += 60
    hub.feed(CHARGER, session(0))
    assert (node.snapshot.session, node.snapshot.meter.session_energy) == (first, 3.0)
    # Higher than before, but of another session.
    hub.clock.time += 60
    hub.feed(CHARGER, state("charging"))
    hub.feed(CHARGER, session(4.0))
    assert node.snapshot.session.started == datetime.fromtimestamp(hub.clock.time, UTC)
    assert node.snapshot.meter.session_energy == 4.0


def test_a_session_survives_a_restart_of_ours(hub: OfflineHub, node: FimpChargepoint) -> None:
    started = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
    node.restore_session(started, 4.0)
    hub.feed(CHARGER, session(4.5))
    assert node.snapshot.session.started == started
    # Restored after the first report came: the same.
    hub.feed(ADAPTER, report("evt.thing.exclusion_report", "object", {"address": "1"}))
    hub.feed(ADAPTER, inclusion())
    hub.feed(CHARGER, session(4.6))
    again = hub.nodes[ADDRESS]
    assert isinstance(again, FimpChargepoint)
    again.restore_session(started, 4.5)
    assert again.snapshot.session.started == started


def test_a_new_session_is_not_mistaken_for_the_one_before_the_restart(
    hub: OfflineHub, node: FimpChargepoint
) -> None:
    node.restore_session(datetime(2026, 11, 20, 8, 0, tzinfo=UTC), 4.0)
    hub.feed(CHARGER, session(0.1))
    assert node.snapshot.session.started == datetime.fromtimestamp(hub.clock.time, UTC)
    said = "2026-11-20T08:42:54Z"
    hub.feed(CHARGER, session(0.2, started_at=said))
    node.restore_session(datetime(2026, 11, 20, 8, 0, tzinfo=UTC), 0.1)
    assert node.snapshot.session.started == datetime.fromisoformat(said)


@pytest.mark.parametrize(
    "payload",
    [
        b"\xff",
        b"nonsense",
        report("evt.state.report", "string", None),
        report("evt.state.report", "int", 5),
        report("evt.state.report", "object", {"a": 1}),
        report("evt.current_session.report", "float", None),
        report("evt.current_session.report", "string", "1.5"),
        report("evt.current_session.report", "float", -1),
        report("evt.cable_lock.report", "string", "true"),
        report("evt.cable_lock.report", "int", 1),
    ],
)
def test_nonsense_changes_nothing_and_is_counted(
    hub: OfflineHub, node: FimpChargepoint, payload: Any
) -> None:
    before = node.snapshot
    hub.feed(CHARGER, payload)
    assert node.snapshot == before
    assert sum(hub.ignored.values()) == 1
    assert "internal" not in hub.ignored


@pytest.mark.parametrize(
    "payload",
    [
        b"\x00",
        report("evt.meter.report", "string", "5", unit="W"),
        report("evt.meter.report", "float", None, unit="W"),
        report("evt.meter_ext.report", "float_map", [1]),
        report("evt.meter_ext.report", "object", None),
    ],
)
def test_nonsense_from_the_meter(hub: OfflineHub, node: FimpChargepoint, payload: Any) -> None:
    before = node.snapshot
    hub.feed(METER, payload)
    assert node.snapshot == before
    assert sum(hub.ignored.values()) == 1


def test_undeclared_meter_values_of_other_types_are_refused(
    hub: OfflineHub, node: FimpChargepoint
) -> None:
    values = {"i1": "16", "i2": True, "i3": 5, "p_import": [1]}
    hub.feed(METER, report("evt.meter_ext.report", "object", values))
    assert lines(node.snapshot.meter, "current") == (None, None, None)
    assert hub.ignored["value"] == 1


# Commands -----------------------------------------------------------------------


async def test_start_waits_for_its_proof(hub: OfflineHub, node: FimpChargepoint) -> None:
    task = await begin(node.start_charging())
    assert last(hub)["type"] == "cmd.charge.start"
    # No choice, no property: a mode would change the current.
    assert last(hub)["props"] is None
    assert node.snapshot.pending.get("charging") is True
    assert node.snapshot.charging is False
    # The first report is stale.
    hub.feed(CHARGER, state("ready_to_charge"))
    assert await waits(task)
    hub.feed(CHARGER, state("charging"))
    await task
    assert node.snapshot.pending.get("charging") is None


async def test_stop_is_not_proven_by_a_stale_report(hub: OfflineHub, node: FimpChargepoint) -> None:
    hub.feed(CHARGER, state("charging"))
    task = await begin(node.stop_charging())
    hub.feed(CHARGER, state("charging"))
    hub.advance(hub.clock.time + 30)
    assert await waits(task)
    assert node.snapshot.pending.get("charging") is False
    hub.feed(CHARGER, state("ready_to_charge"))
    await task


async def test_while_waiting_the_charge_point_is_asked_again(
    hub: OfflineHub, node: FimpChargepoint
) -> None:
    task = await begin(node.start_charging())
    hub.take_sent()
    hub.advance(hub.clock.time + 21)
    assert [orjson.loads(payload)["type"] for _, payload in hub.sent] == [
        "cmd.state.get_report",
        "cmd.state.get_report",
    ]
    hub.feed(CHARGER, state("charging"))
    await task


async def test_a_refusal_is_the_last_clause_of_the_charge_points_own_words(
    hub: OfflineHub, node: FimpChargepoint, caplog: pytest.LogCaptureFixture
) -> None:
    """All of them are in the log, unless they refuse a question."""
    caplog.set_level("INFO")
    task = await begin(node.start_charging())
    words = "adapter: failed to start charging: charger is offline"
    others = report("evt.error.report", "string", "failed", msg="not ours")
    hub.feed(CHARGER, others | {"corid": "another-client"})
    assert await waits(task)
    refusal = report("evt.error.report", "string", "failed to process", msg=words)
    hub.feed(CHARGER, refusal | {"corid": last(hub)["uid"]})
    with pytest.raises(CommandRejectedError) as error:
        await task
    assert error.value.reason == "charger is offline"
    assert [each for each in caplog.messages if "refused" in each] == [
        f"fimp:easee/1/1 refused a command: {words!r}"
    ]
    assert node.snapshot.pending.get("charging") is None


async def test_a_refusal_without_properties(hub: OfflineHub, node: FimpChargepoint) -> None:
    task = await begin(node.start_charging())
    refusal = report("evt.error.report", "string", "TX_ERROR")
    hub.feed(CHARGER, refusal | {"corid": last(hub)["uid"]})
    with pytest.raises(CommandRejectedError, match="TX_ERROR"):
        await task


async def test_no_proof_in_time_is_an_error(hub: OfflineHub, node: FimpChargepoint) -> None:
    task = await begin(node.start_charging())
    hub.advance(hub.clock.time + 41)
    with pytest.raises(CommandTimeoutError) as error:
        await task
    assert error.value.values == {"seconds": 40}
    assert node.snapshot.pending.get("charging") is None
    assert node.snapshot.charging is False


async def test_what_is_so_already_sends_nothing(hub: OfflineHub, node: FimpChargepoint) -> None:
    await node.stop_charging()
    hub.feed(CHARGER, state("suspended_by_ev"))
    await node.start_charging()
    hub.feed(CHARGER, report("evt.cable_lock.report", "bool", True))
    await node.set(Feature.CABLE_LOCK, True)
    assert hub.sent == []


async def test_a_stop_supersedes_a_waiting_start(hub: OfflineHub, node: FimpChargepoint) -> None:
    start = await begin(node.start_charging())
    stop = await begin(node.stop_charging())
    with pytest.raises(CommandSupersededError):
        await start
    assert last(hub)["type"] == "cmd.charge.stop"
    assert node.snapshot.pending.get("charging") is False
    # The answer to the start, which comes late and is stale, proves no stop.
    hub.feed(CHARGER, state("ready_to_charge"))
    assert await waits(stop)
    hub.feed(CHARGER, state("charging"))
    hub.advance(hub.clock.time + 30)
    hub.feed(CHARGER, state("ready_to_charge"))
    await stop


async def test_a_start_supersedes_a_waiting_stop(hub: OfflineHub, node: FimpChargepoint) -> None:
    hub.feed(CHARGER, state("charging"))
    stop = await begin(node.stop_charging())
    start = await begin(node.start_charging())
    with pytest.raises(CommandSupersededError):
        await stop
    assert last(hub)["type"] == "cmd.charge.start"
    hub.feed(CHARGER, state("charging"))
    assert await waits(start)
    hub.advance(hub.clock.time + 30)
    hub.feed(CHARGER, state("charging"))
    await start


async def test_a_stop_after_a_start_that_may_still_work(
    hub: OfflineHub, node: FimpChargepoint
) -> None:
    start = await begin(node.start_charging())
    hub.advance(hub.clock.time + 41)
    with pytest.raises(CommandTimeoutError):
        await start
    # It shows as stopped, but is it?
    stop = await begin(node.stop_charging())
    assert last(hub)["type"] == "cmd.charge.stop"
    refusal = report("evt.error.report", "string", "failed", msg="cannot stop")
    hub.feed(CHARGER, state("ready_to_charge"))
    hub.feed(CHARGER, refusal | {"corid": last(hub)["uid"]})
    with pytest.raises(CommandRejectedError):
        await stop


async def test_nothing_can_still_work_once_the_car_is_gone(
    hub: OfflineHub, node: FimpChargepoint
) -> None:
    start = await begin(node.start_charging())
    hub.advance(hub.clock.time + 41)
    with pytest.raises(CommandTimeoutError):
        await start
    hub.feed(CHARGER, state("disconnected"))
    hub.sent.clear()
    await node.stop_charging()
    assert hub.sent == []


async def test_a_stop_while_a_mode_is_on_its_way_is_sent(
    hub: OfflineHub, node: FimpChargepoint
) -> None:
    hub.feed(CHARGER, state("charging"))
    change = await begin(node.set_charging_mode("slow"))
    hub.feed(CHARGER, state("ready_to_charge"))
    stop = await begin(node.stop_charging())
    assert last(hub)["type"] == "cmd.charge.stop"
    with pytest.raises(CommandSupersededError):
        await change
    hub.advance(hub.clock.time + 30)
    hub.feed(CHARGER, state("ready_to_charge"))
    await stop


def stops(hub: OfflineHub) -> list[str]:
    """Return the ids of the stops that were sent."""
    messages = [orjson.loads(payload) for _, payload in hub.sent]
    return [each["uid"] for each in messages if each["type"] == "cmd.charge.stop"]


async def test_a_repeated_stop_has_its_own_time(hub: OfflineHub, node: FimpChargepoint) -> None:
    hub.feed(CHARGER, state("charging"))
    first = await begin(node.stop_charging())
    hub.advance(hub.clock.time + 35)
    second = await begin(node.stop_charging())
    hub.advance(hub.clock.time + 10)
    with pytest.raises(CommandTimeoutError):
        await first
    assert await waits(second)
    # The first stop may still be carried out, so the refusal of the second is not the end.
    hub.feed(CHARGER, refused(stops(hub)[1], "too hot"))
    assert await waits(second)
    hub.advance(hub.clock.time + 30)
    with pytest.raises(CommandRejectedError, match="too hot"):
        await second


async def test_stops_that_are_repeated_do_not_prolong_each_other(
    hub: OfflineHub, node: FimpChargepoint
) -> None:
    hub.feed(CHARGER, state("charging"))
    calls = []
    for _ in range(20):
        calls.append(await begin(node.stop_charging()))
        hub.advance(hub.clock.time + 9)
    await asyncio.sleep(0)
    assert len([each for each in calls if not each.done()]) <= 5
    asked = [payload for _, payload in hub.sent if b"cmd.state.get_report" in payload]
    assert len(asked) > 10
    hub.advance(hub.clock.time + 41)
    await asyncio.gather(*calls, return_exceptions=True)
    assert node.snapshot.pending.get("charging") is None


async def test_after_a_refused_stop_a_start_may_still_work(
    hub: OfflineHub, node: FimpChargepoint
) -> None:
    start = await begin(node.start_charging())
    stop = await begin(node.stop_charging())
    hub.feed(CHARGER, refused(stops(hub)[0], "not charging yet"))
    with pytest.raises(CommandRejectedError):
        await stop
    again = await begin(node.stop_charging())
    assert len(stops(hub)) == 2
    again.cancel()
    await asyncio.gather(start, return_exceptions=True)


async def test_after_a_stop_that_did_not_leave_a_start_may_still_work(
    hub: OfflineHub, node: FimpChargepoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = await begin(node.start_charging())

    async def broken(topic: str, payload: bytes) -> None:
        raise NotConnectedError("not connected to the broker")

    with monkeypatch.context() as patched:
        patched.setattr(hub, "publish", broken)
        with pytest.raises(NotConnectedError):
            await node.stop_charging()
    hub.feed(CHARGER, state("ready_to_charge"))
    again = await begin(node.stop_charging())
    assert len(stops(hub)) == 1
    again.cancel()
    await asyncio.gather(start, return_exceptions=True)


async def test_reports_of_other_things_prove_nothing(
    hub: OfflineHub, node: FimpChargepoint
) -> None:
    start = await begin(node.start_charging())
    hub.advance(hub.clock.time + 41)
    await asyncio.gather(start, return_exceptions=True)
    hub.feed(CHARGER, session(1.0))
    stop = await begin(node.stop_charging())
    assert stops(hub)
    stop.cancel()


async def test_an_excluded_charge_point_takes_no_command(
    hub: OfflineHub, node: FimpChargepoint
) -> None:
    waiting = await begin(node.start_charging())
    hub.feed(ADAPTER, report("evt.thing.exclusion_report", "object", {"address": "1"}))
    with pytest.raises(NotConnectedError):
        await waiting
    with pytest.raises(NotConnectedError):
        await node.set(Feature.CABLE_LOCK, True)
    assert node.next_deadline is None


async def test_a_choice_of_mode_does_not_undo_a_stop(
    hub: OfflineHub, node: FimpChargepoint
) -> None:
    hub.feed(CHARGER, state("charging"))
    stop = await begin(node.stop_charging())
    await node.set_charging_mode("slow")
    assert await waits(stop)
    assert last(hub)["type"] == "cmd.charge.stop"
    hub.feed(CHARGER, state("ready_to_charge"))
    await stop


async def test_a_fault_is_no_stop(hub: OfflineHub, node: FimpChargepoint) -> None:
    """Charging may continue automatically afterwards."""
    hub.feed(CHARGER, state("charging"))
    hub.feed(CHARGER, state("error"))
    stop = await begin(node.stop_charging())
    assert stops(hub)
    hub.advance(hub.clock.time + 5)
    hub.feed(CHARGER, state("error"))
    assert await waits(stop)
    hub.feed(CHARGER, state("ready_to_charge"))
    await stop


async def test_a_hub_that_stops_ends_the_wait(hub: OfflineHub, node: FimpChargepoint) -> None:
    task = await begin(node.start_charging())
    await hub.stop()
    with pytest.raises(NotConnectedError):
        await task


async def test_the_same_command_waits_with_the_first(
    hub: OfflineHub, node: FimpChargepoint
) -> None:
    first = await begin(node.start_charging())
    second = await begin(node.start_charging())
    assert len(hub.sent) == 1
    # A caller that gives up does not end the wait of the other.
    first.cancel()
    hub.feed(CHARGER, state("charging"))
    await second


@pytest.mark.parametrize("number", [1, 2])
async def test_a_caller_that_has_given_up_gets_no_error(
    hub: OfflineHub, node: FimpChargepoint, number: int
) -> None:
    """The later result of a command is not an error that an event loop has to report."""
    reported: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
    callers = [await begin(node.start_charging()) for _ in range(number)]
    for each in callers:
        each.cancel()
    await asyncio.gather(*callers, return_exceptions=True)
    await hub.stop()
    await asyncio.sleep(0)
    assert reported == []


async def test_a_stop_is_repeated(hub: OfflineHub, node: FimpChargepoint) -> None:
    hub.feed(CHARGER, state("charging"))
    first = await begin(node.stop_charging())
    second = await begin(node.stop_charging())
    assert len(hub.sent) == 2
    hub.feed(CHARGER, state("finished"))
    await asyncio.gather(first, second)


async def test_a_lost_connection_ends_the_wait(hub: OfflineHub, node: FimpChargepoint) -> None:
    task = await begin(node.start_charging())
    hub.connection_lost(NotConnectedError("gone"))
    with pytest.raises(NotConnectedError):
        await task
    assert node.snapshot.pending.get("charging") is None


async def test_cable_lock(hub: OfflineHub, node: FimpChargepoint) -> None:
    task = await begin(node.set(Feature.CABLE_LOCK, True))
    message = last(hub)
    assert (message["type"], message["val_t"], message["val"]) == (
        "cmd.cable_lock.set",
        "bool",
        True,
    )
    assert node.snapshot.pending.get("cable_lock") is True
    hub.feed(CHARGER, report("evt.cable_lock.report", "bool", False))
    assert await waits(task)
    hub.feed(CHARGER, report("evt.cable_lock.report", "bool", True))
    await task


async def test_a_choice_of_mode_goes_with_the_next_start(
    hub: OfflineHub, node: FimpChargepoint
) -> None:
    assert node.snapshot.charging_mode is None
    await node.set_charging_mode("slow")
    assert hub.sent == []
    assert node.snapshot.charging_mode == "slow"
    task = await begin(node.start_charging())
    assert last(hub)["props"] == {"charging_mode": "slow"}
    hub.feed(CHARGER, state("charging"))
    await task


async def test_a_choice_of_mode_while_charging_is_sent_at_once(
    hub: OfflineHub, node: FimpChargepoint
) -> None:
    hub.feed(CHARGER, state("charging"))
    task = await begin(node.set_charging_mode("slow"))
    assert last(hub)["props"] == {"charging_mode": "slow"}
    assert node.snapshot.pending.get("charging_mode") == "slow"
    assert node.snapshot.charging_mode is None
    # This report may be of before; a refusal must have its time to come.
    hub.feed(CHARGER, state("charging"))
    assert await waits(task)
    hub.advance(hub.clock.time + 4)
    assert last(hub)["type"] == "cmd.state.get_report"
    hub.feed(CHARGER, state("charging"))
    await task
    assert node.snapshot.charging_mode == "slow"
    # In force already: not sent twice.
    hub.sent.clear()
    await node.set_charging_mode("slow")
    assert hub.sent == []


async def test_a_refused_mode_is_not_shown_as_chosen(
    hub: OfflineHub, node: FimpChargepoint
) -> None:
    hub.feed(CHARGER, state("charging"))
    task = await begin(node.set_charging_mode("slow"))
    refusal = report("evt.error.report", "string", "failed", msg="unsupported mode: slow")
    hub.feed(CHARGER, refusal | {"corid": last(hub)["uid"]})
    with pytest.raises(CommandRejectedError):
        await task
    assert node.snapshot.charging_mode is None


async def test_a_stop_ends_a_waiting_change_of_mode(hub: OfflineHub, node: FimpChargepoint) -> None:
    hub.feed(CHARGER, state("charging"))
    change = await begin(node.set_charging_mode("slow"))
    stop = await begin(node.stop_charging())
    with pytest.raises(CommandSupersededError):
        await change
    hub.advance(hub.clock.time + 30)
    hub.feed(CHARGER, state("ready_to_charge"))
    await stop


async def test_a_caller_that_gives_up_does_not_undo_the_choice(
    hub: OfflineHub, node: FimpChargepoint
) -> None:
    hub.feed(CHARGER, state("charging"))
    change = await begin(node.set_charging_mode("slow"))
    change.cancel()
    hub.advance(hub.clock.time + 4)
    hub.feed(CHARGER, state("charging"))
    assert node.snapshot.charging_mode == "slow"


async def test_a_mode_that_is_not_in_force_is_sent(hub: OfflineHub, node: FimpChargepoint) -> None:
    await node.set_charging_mode("slow")
    start = await begin(node.start_charging())
    hub.feed(CHARGER, report("evt.state.report", "string", "charging", charging_mode="normal"))
    await start
    # The requested value is shown until the next report.
    hub.feed(CHARGER, report("evt.state.report", "string", "charging", charging_mode="normal"))
    assert node.snapshot.charging_mode == "normal"
    hub.sent.clear()
    change = await begin(node.set_charging_mode("slow"))
    assert last(hub)["props"] == {"charging_mode": "slow"}
    change.cancel()


async def test_a_mode_nobody_chose_is_not_sent(hub: OfflineHub, node: FimpChargepoint) -> None:
    hub.feed(CHARGER, report("evt.state.report", "string", "charging", charging_mode="Turbo"))
    assert node.snapshot.charging_mode == "turbo"
    hub.feed(CHARGER, state("ready_to_charge"))
    assert node.snapshot.charging_mode is None
    task = await begin(node.start_charging())
    assert last(hub)["props"] is None
    hub.feed(CHARGER, state("charging"))
    await task


async def test_a_reported_mode_wins(hub: OfflineHub, node: FimpChargepoint) -> None:
    await node.set_charging_mode("slow")
    hub.feed(CHARGER, report("evt.state.report", "string", "charging", charging_mode="Normal"))
    assert node.snapshot.charging_mode == "normal"
    node.restore(StoredRequests.from_storage({"charging_mode": "slow"}))
    assert node.snapshot.charging_mode == "normal"


async def test_what_it_cannot_do_is_not_tried(hub: OfflineHub, node: FimpChargepoint) -> None:
    with pytest.raises(InvalidRequestError):
        await node.set_charging_mode("turbo")
    hub.feed(ADAPTER, inclusion())
    for command in (node.set_charging_mode("slow"), node.set(Feature.CABLE_LOCK, True)):
        with pytest.raises(InvalidRequestError):
            await command
    assert Feature.CABLE_LOCK not in node.snapshot.capabilities.controls
