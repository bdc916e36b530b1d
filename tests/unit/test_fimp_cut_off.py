"""An adapter that is signed out, or has lost its cloud, repeats the last values it received."""

import asyncio
from typing import Any

import pytest

from custom_components.fimp_chargepoint.chargepoint.errors import (
    CommandRejectedError,
    CommandTimeoutError,
    NotConnectedError,
)
from custom_components.fimp_chargepoint.chargepoint.fimp.chargepoint import FimpChargepoint
from custom_components.fimp_chargepoint.chargepoint.model import Feature, Reason, Status
from tests.helpers.recordings import recording

from .fakes import OfflineHub, waits
from .fimp_commands import begin, last, session
from .fimp_messages import (
    ADAPTER,
    ADDRESS,
    APP,
    CHARGER,
    METER,
    inclusion,
    kinds,
    node_report,
    report,
    state,
)
from .fimp_playing import play

STATE = "evt.app.state_report"
LOGIN = "evt.auth.status_report"
FINE = {"app": "RUNNING", "connection": "CONNECTED", "config": "CONFIGURED"}


def adapter_report(kind: str = STATE, **words: Any) -> dict[str, Any]:
    """Return a report of an adapter about itself."""
    return report(kind, "object", (FINE if kind == STATE else {}) | words)


SIGNED_OUT = adapter_report(LOGIN, status="NOT_AUTHENTICATED")
CLOUD_LOST = adapter_report(auth="AUTHENTICATED", connection="DISCONNECTED")
BACK = adapter_report(auth="AUTHENTICATED")


@pytest.fixture
def hub() -> OfflineHub:
    """An Easee that charges with 11 kW."""
    hub = OfflineHub()
    hub.connection_made()
    fields = {"interfaces": ["cmd.max_current.set"], "props": {"sup_max_current": 32}}
    hub.feed(ADAPTER, inclusion(meter=True, **fields))
    reports(hub)
    assert charges(hub)
    return hub


def reports(hub: OfflineHub, word: str = "charging") -> None:
    """Let it report everything."""
    hub.feed(CHARGER, state(word))
    hub.feed(CHARGER, session(4.65, started_at="2026-11-21T16:17:52Z", offered_current="16"))
    hub.feed(METER, report("evt.meter.report", "float", 11040, unit="W"))


@pytest.fixture
def node(hub: OfflineHub) -> FimpChargepoint:
    node = hub.nodes[ADDRESS]
    assert isinstance(node, FimpChargepoint)
    return node


def charges(hub: OfflineHub) -> bool:
    snapshot = hub.nodes[ADDRESS].snapshot
    shown = (snapshot.status, snapshot.meter.power, snapshot.meter.offered_current)
    if snapshot.available:
        assert shown == (Status.CHARGING, 11040, 16)
    else:
        assert shown == (None, None, None)
    assert snapshot.meter.session_energy == 4.65
    return snapshot.available


# The shown values ---------------------------------------------------------------------------


def test_the_real_adapter_charges_by_heart() -> None:
    """It reports that on each request; the car has left. Another adapter is not affected."""
    path = recording("fimp/live/easee_logged_out_stale_charging")
    hub = play(path)
    for address in ("fimp:easee/1/1", "fimp:easee/1/2"):
        snapshot = hub.nodes[address].snapshot
        assert snapshot.unavailable is Reason.SIGNED_OUT
        assert snapshot.status is None
        assert snapshot.meter.power is None
        assert Feature.MAX_CURRENT in snapshot.capabilities.controls
    assert hub.nodes["fimp:charger/1/1"].snapshot.status is Status.DISCONNECTED
    assert not hub.ignored


def test_the_real_adapter_is_never_seen_to_charge() -> None:
    seen: set[Status | None] = set()
    path = recording("fimp/live/easee_logged_out_stale_charging")
    hub = play(path, watch=lambda each: seen.add(each.status), at="fimp:easee/1/1")
    assert seen == {None}
    assert hub.nodes["fimp:easee/1/1"].snapshot.cut_off


@pytest.mark.parametrize("topic", [ADAPTER, APP])
@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (SIGNED_OUT, Reason.SIGNED_OUT),
        (adapter_report(auth="NOT_AUTHENTICATED"), Reason.SIGNED_OUT),
        (CLOUD_LOST, Reason.CLOUD_LOST),
        (adapter_report(auth="LOST", connection="DISCONNECTED"), Reason.CLOUD_LOST),
        (adapter_report(auth="NOT_AUTHENTICATED", connection="DISCONNECTED"), Reason.SIGNED_OUT),
    ],
)
def test_its_readings_are_gone_until_it_reports_otherwise(
    hub: OfflineHub, topic: str, message: dict[str, Any], reason: Reason
) -> None:
    hub.feed(topic, message)
    assert not charges(hub)
    assert hub.nodes[ADDRESS].snapshot.unavailable is reason
    reports(hub)
    assert not charges(hub)
    hub.feed(topic, BACK)
    assert hub.nodes[ADDRESS].snapshot.unavailable is Reason.NOT_HEARD
    # Everything is requested: unchanged values are not repeated.
    assert {"cmd.state.get_report", "cmd.meter.get_report"} <= set(kinds(hub))
    reports(hub)
    assert charges(hub)


@pytest.mark.parametrize(
    "message",
    [
        adapter_report(auth="NA"),
        adapter_report(auth="NA", connection="NA"),
        adapter_report(auth="IN_PROGRESS"),
        adapter_report(auth="AUTHENTICATED", connection="CONNECTING"),
        adapter_report(auth="LOST"),
        adapter_report(auth="ERROR"),
        adapter_report(LOGIN, status="IN_PROGRESS"),
        adapter_report(LOGIN, status=""),
        adapter_report(app="ERROR", auth="AUTHENTICATED"),
        adapter_report(config="NOT_CONFIGURED"),
    ],
)
def test_nothing_else_takes_them_away(hub: OfflineHub, message: dict[str, Any]) -> None:
    hub.feed(ADAPTER, message)
    assert charges(hub)


@pytest.mark.parametrize(
    "message",
    [
        adapter_report(LOGIN, status="IN_PROGRESS"),
        adapter_report(auth="IN_PROGRESS", connection="CONNECTING"),
        adapter_report(LOGIN, status="AUTHENTICATED"),
    ],
)
def test_half_of_it_brings_nothing_back(hub: OfflineHub, message: dict[str, Any]) -> None:
    hub.feed(ADAPTER, adapter_report(auth="NOT_AUTHENTICATED", connection="DISCONNECTED"))
    hub.feed(ADAPTER, message)
    assert not charges(hub)
    # So it is asked soon, and again until it is well.
    hub.take_sent()
    for _ in range(3):
        hub.advance(hub.clock.time + 31)
        assert "cmd.app.get_state" in kinds(hub)
    hub.feed(ADAPTER, BACK)
    reports(hub)
    assert charges(hub)


def test_another_adapter_does_not_matter(hub: OfflineHub) -> None:
    hub.feed(ADAPTER.replace("easee", "zaptec"), SIGNED_OUT)
    hub.feed(ADAPTER.removesuffix("1") + "2", SIGNED_OUT)
    assert charges(hub)


def test_a_charge_point_that_is_found_later_is_cut_off_at_once(hub: OfflineHub) -> None:
    hub.feed(ADAPTER, CLOUD_LOST)
    hub.feed(ADAPTER, inclusion("2", ("2",)))
    hub.feed(CHARGER.removesuffix("1") + "2", state("charging"))
    assert hub.nodes["fimp:easee/1/2"].snapshot.unavailable is Reason.CLOUD_LOST


def test_it_may_have_reported_that_before_its_charge_point_was_known() -> None:
    hub = OfflineHub()
    hub.connection_made()
    hub.feed(ADAPTER, SIGNED_OUT)
    hub.feed(CHARGER, state("charging"))
    hub.advance(hub.clock.time + 5)
    assert hub.nodes[ADDRESS].snapshot.unavailable is Reason.SIGNED_OUT


@pytest.mark.parametrize("status", ["UP", "DOWN"])
def test_what_it_reports_of_its_nodes_is_no_more_than_that(hub: OfflineHub, status: str) -> None:
    hub.feed(ADAPTER, CLOUD_LOST)
    hub.feed(ADAPTER, node_report(status))
    assert hub.nodes[ADDRESS].snapshot.unavailable is Reason.CLOUD_LOST
    hub.feed(ADAPTER, BACK)
    after = {"UP": Reason.NOT_HEARD, "DOWN": Reason.OFFLINE}
    assert hub.nodes[ADDRESS].snapshot.unavailable is after[status]
    reports(hub)
    assert charges(hub)


def test_silence_is_no_other_reason(hub: OfflineHub) -> None:
    hub.feed(ADAPTER, CLOUD_LOST)
    hub.advance(hub.clock.time + 4000)
    assert hub.nodes[ADDRESS].snapshot.unavailable is Reason.CLOUD_LOST


def test_it_outlives_a_lost_connection(hub: OfflineHub) -> None:
    """It has not reported that it is back, so it is asked."""
    hub.feed(ADAPTER, SIGNED_OUT)
    hub.connection_lost(NotConnectedError("gone"))
    assert hub.nodes[ADDRESS].snapshot.unavailable is Reason.NOT_CONNECTED
    hub.take_sent()
    hub.connection_made()
    assert "cmd.app.get_state" in kinds(hub)
    reports(hub)
    assert not charges(hub)
    hub.feed(ADAPTER, BACK)
    reports(hub)
    assert charges(hub)


def test_it_is_reported_once(hub: OfflineHub, caplog: pytest.LogCaptureFixture) -> None:
    hub.feed(ADAPTER, CLOUD_LOST)
    reports(hub)
    hub.feed(ADAPTER, CLOUD_LOST)
    hub.feed(ADAPTER, BACK)
    reports(hub)
    received = [each.message for each in caplog.records if "available" in each.message]
    assert received == [f"{ADDRESS} is not available: cloud_lost", f"{ADDRESS} is available again"]


# Stop ---------------------------------------------------------------------------------------


async def stop(hub: OfflineHub, node: FimpChargepoint) -> asyncio.Task[None]:
    """Begin to stop; the message must have left."""
    task = await begin(node.stop_charging())
    assert last(hub)["type"] == "cmd.charge.stop"
    return task


@pytest.mark.parametrize("message", [SIGNED_OUT, CLOUD_LOST])
async def test_a_stop_leaves_and_its_refusal_is_told(
    hub: OfflineHub, node: FimpChargepoint, message: dict[str, Any]
) -> None:
    hub.feed(ADAPTER, message)
    reports(hub)
    command = await stop(hub, node)
    assert node.snapshot.pending == {"charging": False}
    words = "failed to stop charging: unable to get access token: credentials are empty"
    refusal = report("evt.error.report", "string", "failed", msg=words)
    hub.feed(CHARGER, refusal | {"corid": last(hub)["uid"]})
    with pytest.raises(CommandRejectedError, match="credentials are empty"):
        await command


async def test_a_memory_proves_nothing(hub: OfflineHub, node: FimpChargepoint) -> None:
    hub.feed(ADAPTER, CLOUD_LOST)
    reports(hub, "ready_to_charge")
    for word in ("ready_to_charge", "charging", "charging"):
        command = await stop(hub, node)
        hub.feed(CHARGER, state(word))
        assert await waits(command)
        hub.advance(hub.clock.time + 45)
        with pytest.raises(CommandTimeoutError):
            await command


async def test_a_false_report_locks_nobody_out(hub: OfflineHub, node: FimpChargepoint) -> None:
    """A change after the stop is not an old value. The readings stay unavailable anyway."""
    hub.feed(ADAPTER, CLOUD_LOST)
    command = await stop(hub, node)
    hub.feed(CHARGER, state("charging"))
    assert await waits(command)
    hub.feed(CHARGER, state("ready_to_charge"))
    async with asyncio.timeout(1):
        await command
    assert node.snapshot.unavailable is Reason.CLOUD_LOST
    assert node.snapshot.pending == {}
