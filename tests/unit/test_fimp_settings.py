"""Settings of a charge point: confirmations, ranges, refusals."""

from typing import Any

import orjson
import pytest

from custom_components.fimp_chargepoint.chargepoint.capabilities import Range
from custom_components.fimp_chargepoint.chargepoint.errors import (
    CommandRefusedError,
    CommandRejectedError,
    CommandSupersededError,
    CommandTimeoutError,
    InvalidRequestError,
    NoSessionError,
    NotConnectedError,
    OutOfRangeError,
)
from custom_components.fimp_chargepoint.chargepoint.fimp.chargepoint import FimpChargepoint
from custom_components.fimp_chargepoint.chargepoint.model import Feature, Reason

from .fakes import OfflineHub, waits
from .fimp_commands import begin, last, refused
from .fimp_messages import ADAPTER, ADDRESS, CHARGER, inclusion, kinds, report, state
from .fimp_settings import MODES, SETTERS, lock, max_current, offered, phase_mode, thing

COMMANDS = CHARGER.replace("mt:evt", "mt:cmd")
#: Seconds for a refusal if the requested value applied before; Easee takes 3 for an answer.
REFUSAL = 4.0


@pytest.fixture
def hub() -> OfflineHub:
    hub = OfflineHub()
    hub.connection_made()
    hub.feed(ADAPTER, thing())
    hub.feed(CHARGER, state("charging"))
    for message in (lock(value=False), max_current(16), phase_mode("NL1L2L3"), offered(16)):
        hub.feed(CHARGER, message)
    hub.advance(hub.clock.time + 5)
    hub.take_sent()
    return hub


@pytest.fixture
def node(hub: OfflineHub) -> FimpChargepoint:
    node = hub.nodes[ADDRESS]
    assert isinstance(node, FimpChargepoint)
    return node


def pause(hub: OfflineHub) -> None:
    """Let charging pause: the session continues, and nothing is offered."""
    hub.feed(CHARGER, state("ready_to_charge"))
    hub.feed(CHARGER, offered(0))


async def limit(hub: OfflineHub, node: FimpChargepoint, value: float) -> None:
    """Set the limit of the running session, which is offered at once."""
    task = await begin(node.set(Feature.SESSION_CURRENT, value))
    hub.feed(CHARGER, offered(value))
    hub.advance(hub.clock.time + REFUSAL)
    hub.feed(CHARGER, offered(value))
    await task
    hub.take_sent()


# How each is set and confirmed ---------------------------------------------------------

#: feature, value, interface, value type, value on the wire, the report before and after.
SETTINGS = [
    (
        Feature.CABLE_LOCK,
        True,
        ("cmd.cable_lock.set", "bool", True),
        lock(value=False),
        lock(value=True),
    ),
    (
        Feature.MAX_CURRENT,
        10.0,
        ("cmd.max_current.set", "int", 10),
        max_current(16),
        max_current(10),
    ),
    (
        Feature.SESSION_CURRENT,
        10.0,
        ("cmd.current_session.set_current", "int", 10),
        offered(16),
        offered(10),
    ),
    (
        Feature.PHASE_MODE,
        "nl1",
        ("cmd.phase_mode.set", "string", "NL1"),
        phase_mode("NL1L2L3"),
        phase_mode("NL1"),
    ),
    (
        Feature.PHASES,
        "1",
        ("cmd.phase_mode.set", "string", "NL2"),
        phase_mode("NL1L2L3"),
        phase_mode("NL2"),
    ),
]
each_setting = pytest.mark.parametrize(
    ("feature", "value", "wire", "before", "after"),
    [pytest.param(*each, id=str(each[0])) for each in SETTINGS],
)


@each_setting
async def test_a_setting_is_done_when_a_report_shows_it(
    hub: OfflineHub,
    node: FimpChargepoint,
    feature: Feature,
    value: Any,
    wire: tuple[str, str, Any],
    before: dict[str, Any],
    after: dict[str, Any],
) -> None:
    old = getattr(node.snapshot, feature)
    task = await begin(node.set(feature, value))
    message = last(hub)
    assert hub.sent[-1][0] == COMMANDS
    assert (message["type"], message["val_t"], message["val"]) == wire
    assert type(message["val"]) is type(wire[2])
    assert message["props"] is None
    # It is requested, and not confirmed yet.
    assert node.snapshot.pending == {feature: value}
    assert getattr(node.snapshot, feature) == old
    # The first report is of before.
    hub.feed(CHARGER, before)
    assert await waits(task)
    assert node.snapshot.pending == {feature: value}
    # An adapter may take three seconds for it, and answer nothing meanwhile.
    hub.advance(hub.clock.time + 3)
    hub.feed(CHARGER, after)
    await task
    assert node.snapshot.pending == {}
    assert getattr(node.snapshot, feature) == value


@each_setting
async def test_a_setting_is_asked_for_until_it_shows(
    hub: OfflineHub,
    node: FimpChargepoint,
    feature: Feature,
    value: Any,
    wire: tuple[str, str, Any],
    before: dict[str, Any],
    after: dict[str, Any],
) -> None:
    task = await begin(node.set(feature, value))
    hub.take_sent()
    hub.advance(hub.clock.time + 21)
    question = before["type"].replace("evt.", "cmd.").replace(".report", ".get_report")
    assert kinds(hub) == [question] * 2
    hub.feed(CHARGER, after)
    await task
    hub.advance(hub.clock.time + 60)
    assert kinds(hub) == []


@each_setting
async def test_a_refused_setting(
    hub: OfflineHub,
    node: FimpChargepoint,
    feature: Feature,
    value: Any,
    wire: tuple[str, str, Any],
    before: dict[str, Any],
    after: dict[str, Any],
) -> None:
    old = getattr(node.snapshot, feature)
    task = await begin(node.set(feature, value))
    words = "the fuse is blown"
    hub.feed(CHARGER, refused(last(hub)["uid"], words))
    with pytest.raises(CommandRejectedError) as error:
        await task
    assert error.value.reason == words
    assert node.snapshot.pending == {}
    assert getattr(node.snapshot, feature) == old
    # It was refused, so it cannot come to pass: what is so already needs no message.
    hub.take_sent()
    if old is not None:
        await node.set(feature, old)
    assert hub.sent == []


@each_setting
async def test_a_setting_without_proof(
    hub: OfflineHub,
    node: FimpChargepoint,
    feature: Feature,
    value: Any,
    wire: tuple[str, str, Any],
    before: dict[str, Any],
    after: dict[str, Any],
) -> None:
    old = getattr(node.snapshot, feature)
    task = await begin(node.set(feature, value))
    for _ in range(8):
        hub.feed(CHARGER, before)
        hub.advance(hub.clock.time + 5)
    with pytest.raises(CommandTimeoutError):
        await task
    assert node.snapshot.pending == {}
    assert getattr(node.snapshot, feature) == old


@each_setting
async def test_a_setting_without_connection(
    hub: OfflineHub,
    node: FimpChargepoint,
    feature: Feature,
    value: Any,
    wire: tuple[str, str, Any],
    before: dict[str, Any],
    after: dict[str, Any],
) -> None:
    task = await begin(node.set(feature, value))
    hub.connection_lost(NotConnectedError("gone"))
    with pytest.raises(NotConnectedError):
        await task
    assert node.snapshot.pending == {}


@each_setting
async def test_what_is_so_already_sends_nothing(
    hub: OfflineHub,
    node: FimpChargepoint,
    feature: Feature,
    value: Any,
    wire: tuple[str, str, Any],
    before: dict[str, Any],
    after: dict[str, Any],
) -> None:
    if feature is Feature.SESSION_CURRENT:
        # No report holds it: only what was set here is known.
        await limit(hub, node, value)
    hub.feed(CHARGER, after)
    hub.take_sent()
    await node.set(feature, value)
    assert hub.sent == []


@each_setting
async def test_what_is_not_listed_cannot_be_set(
    hub: OfflineHub,
    node: FimpChargepoint,
    feature: Feature,
    value: Any,
    wire: tuple[str, str, Any],
    before: dict[str, Any],
    after: dict[str, Any],
) -> None:
    hub.feed(ADAPTER, thing([each for each in SETTERS if each != wire[0]]))
    assert feature not in node.snapshot.capabilities.controls
    hub.take_sent()
    with pytest.raises(InvalidRequestError):
        await node.set(feature, value)
    assert hub.sent == []


async def test_a_newer_value_takes_the_place_of_a_waiting_one(
    hub: OfflineHub, node: FimpChargepoint
) -> None:
    first = await begin(node.set(Feature.MAX_CURRENT, 10))
    second = await begin(node.set(Feature.MAX_CURRENT, 16))
    with pytest.raises(CommandSupersededError):
        await first
    # It shows 16 all the time, but the 10 may still come to pass: it was sent.
    assert last(hub)["val"] == 16
    hub.feed(CHARGER, max_current(16))
    hub.advance(hub.clock.time + 3)
    hub.feed(CHARGER, max_current(10))
    assert await waits(second)
    hub.advance(hub.clock.time + 30)
    hub.feed(CHARGER, max_current(16))
    await second


async def test_the_same_value_waits_with_the_first(hub: OfflineHub, node: FimpChargepoint) -> None:
    first = await begin(node.set(Feature.MAX_CURRENT, 10))
    second = await begin(node.set(Feature.MAX_CURRENT, 10.4))
    assert len(hub.sent) == 1
    hub.feed(CHARGER, max_current(10))
    await first
    await second


async def test_settings_do_not_get_in_each_others_way(
    hub: OfflineHub, node: FimpChargepoint
) -> None:
    stop = await begin(node.stop_charging())
    limit = await begin(node.set(Feature.MAX_CURRENT, 10))
    locked = await begin(node.set(Feature.CABLE_LOCK, True))
    assert node.snapshot.pending == {"charging": False, "max_current": 10, "cable_lock": True}
    hub.feed(CHARGER, max_current(10))
    await limit
    hub.feed(CHARGER, lock(value=True))
    await locked
    assert await waits(stop)
    hub.feed(CHARGER, state("ready_to_charge"))
    await stop


# Currents ------------------------------------------------------------------------------

currents = pytest.mark.parametrize("feature", [Feature.MAX_CURRENT, Feature.SESSION_CURRENT])


@currents
@pytest.mark.parametrize("value", [5.9, 0, -10, 32.1, 1000, float("nan"), float("inf")])
async def test_a_current_out_of_range(
    hub: OfflineHub, node: FimpChargepoint, feature: Feature, value: float
) -> None:
    with pytest.raises(OutOfRangeError) as error:
        await node.set(feature, value)
    assert error.value.values.items() >= {"minimum": 6, "maximum": 32}.items()
    assert hub.sent == []


@currents
@pytest.mark.parametrize(
    ("value", "sent"), [(6, 6), (6.9, 6), (10.5, 10), (15.999, 15), (31.99, 31), (32, 32)]
)
async def test_a_fraction_is_never_rounded_up(
    hub: OfflineHub, node: FimpChargepoint, feature: Feature, value: float, sent: int
) -> None:
    task = await begin(node.set(feature, value))
    payload = hub.sent[-1][1]
    assert orjson.loads(payload)["val"] == sent
    # A number with a fraction, even .0, is misread by adapters.
    assert b'"val":%d,' % sent in payload
    assert node.snapshot.pending == {feature: sent}
    task.cancel()


@pytest.mark.parametrize(
    ("highest", "maximum"),
    [
        (32, 32),
        (16, 16),
        (16.0, 16),
        (16.5, 16.5),
        (6, 6),
        (None, 80),
        ("32", 80),
        (True, 80),
        ([32], 80),
        (0, 80),
        (-1, 80),
        (1e9, 80),
        (1e300, 80),
    ],
)
def test_the_highest_current(
    hub: OfflineHub, node: FimpChargepoint, highest: Any, maximum: float
) -> None:
    """If it is not reported, or is impossible, the adapter refuses excessive values."""
    hub.feed(ADAPTER, thing(sup_max_current=highest))
    ranges = node.snapshot.capabilities.ranges
    assert ranges[Feature.MAX_CURRENT] == Range(6, maximum, 1)
    assert ranges[Feature.SESSION_CURRENT] == Range(6, maximum, 1)


def test_the_highest_current_is_missing(hub: OfflineHub, node: FimpChargepoint) -> None:
    hub.feed(ADAPTER, inclusion(interfaces=SETTERS))
    assert node.snapshot.capabilities.ranges[Feature.MAX_CURRENT] == Range(6, 80, 1)


# The limit of a session ------------------------------------------------------------------


@pytest.mark.parametrize(
    "messages",
    [
        [state("disconnected")],
        [offered(0, finished_at="2026-11-20T09:00:00Z")],
        [state("ready_to_charge"), offered(0, finished_at="2026-11-20T09:00:00Z")],
    ],
)
async def test_without_a_session_there_is_no_limit_of_it(
    hub: OfflineHub, node: FimpChargepoint, messages: list[Any]
) -> None:
    for message in messages:
        hub.feed(CHARGER, message)
    with pytest.raises(NoSessionError):
        await node.set(Feature.SESSION_CURRENT, 10)
    assert hub.sent == []
    # An invalid value is invalid here, too.
    with pytest.raises(OutOfRangeError):
        await node.set(Feature.SESSION_CURRENT, 100)


async def test_in_a_pause_a_limit_counts_when_no_refusal_came(
    hub: OfflineHub, node: FimpChargepoint
) -> None:
    """Nothing is offered before and after: only the time for a refusal confirms it."""
    await limit(hub, node, 16)
    pause(hub)
    assert node.snapshot.session_current == 16
    task = await begin(node.set(Feature.SESSION_CURRENT, 10))
    hub.feed(CHARGER, offered(0))
    assert await waits(task)
    assert node.snapshot.session_current == 16
    hub.take_sent()
    hub.advance(hub.clock.time + REFUSAL)
    assert kinds(hub) == ["cmd.current_session.get_report"]
    hub.feed(CHARGER, offered(0))
    await task
    assert node.snapshot.session_current == 10
    # It stays known while charging pauses, and when it resumes.
    hub.feed(CHARGER, offered(0))
    assert node.snapshot.session_current == 10
    await node.set(Feature.SESSION_CURRENT, 10)
    assert hub.sent == []
    hub.feed(CHARGER, state("charging"))
    hub.feed(CHARGER, offered(10))
    assert node.snapshot.session_current == 10


async def test_in_a_pause_a_refusal_after_the_three_seconds_of_easee_counts(
    hub: OfflineHub, node: FimpChargepoint
) -> None:
    await limit(hub, node, 16)
    pause(hub)
    task = await begin(node.set(Feature.SESSION_CURRENT, 10))
    uid = last(hub)["uid"]
    for _ in range(3):
        hub.feed(CHARGER, offered(0))
        hub.advance(hub.clock.time + 1.1)
    hub.feed(CHARGER, refused(uid, "the fuse is blown"))
    with pytest.raises(CommandRejectedError):
        await task
    assert node.snapshot.session_current == 16


@pytest.mark.parametrize(
    "message",
    [state("disconnected"), offered(0, finished_at="2026-11-20T09:00:00Z")],
)
async def test_a_session_that_ends_ends_the_wait_for_its_limit(
    hub: OfflineHub, node: FimpChargepoint, message: dict[str, Any]
) -> None:
    task = await begin(node.set(Feature.SESSION_CURRENT, 10))
    hub.feed(CHARGER, message)
    assert not await waits(task)
    with pytest.raises(NoSessionError):
        await task
    assert node.snapshot.pending == {}
    # Easee's offer to the session that has ended confirms nothing either.
    hub.feed(CHARGER, offered(10))
    assert node.snapshot.session_current is None


async def test_while_charging_nothing_offered_confirms_nothing(
    hub: OfflineHub, node: FimpChargepoint
) -> None:
    task = await begin(node.set(Feature.SESSION_CURRENT, 10))
    hub.feed(CHARGER, offered(0))
    hub.feed(CHARGER, offered(None))
    hub.advance(hub.clock.time + 3)
    hub.feed(CHARGER, offered(0))
    assert await waits(task)
    hub.feed(CHARGER, offered(10))
    await task


@pytest.mark.parametrize(
    ("highest", "cable", "shown"), [(20, "32", 20), (32, "20", 20), (20, None, 20)]
)
async def test_a_limit_above_the_highest_shows_as_the_highest(
    hub: OfflineHub,
    node: FimpChargepoint,
    highest: int,
    cable: str | None,
    shown: int,
) -> None:
    hub.feed(CHARGER, max_current(highest))
    if cable is not None:
        hub.feed(CHARGER, report("evt.cable_lock.report", "bool", True, cable_current=cable))
    task = await begin(node.set(Feature.SESSION_CURRENT, 31))
    hub.feed(CHARGER, offered(16))
    assert await waits(task)
    hub.feed(CHARGER, offered(shown))
    await task
    assert node.snapshot.session_current == 31


async def test_a_limit_above_the_highest_that_is_offered_already(
    hub: OfflineHub, node: FimpChargepoint
) -> None:
    """The requested state exists before: it counts only after the time for a refusal."""
    task = await begin(node.set(Feature.SESSION_CURRENT, 32))
    assert last(hub)["val"] == 32
    hub.feed(CHARGER, offered(16))
    assert await waits(task)
    hub.advance(hub.clock.time + REFUSAL)
    hub.feed(CHARGER, offered(16))
    await task


async def test_where_the_highest_is_not_known_the_limit_itself_must_show(
    hub: OfflineHub, node: FimpChargepoint
) -> None:
    hub.connection_lost(NotConnectedError("gone"))
    hub.connection_made()
    hub.feed(CHARGER, state("charging"))
    assert node.snapshot.max_current is None
    task = await begin(node.set(Feature.SESSION_CURRENT, 32))
    hub.feed(CHARGER, offered(16))
    assert await waits(task)
    hub.feed(CHARGER, offered(32))
    await task


def test_what_is_offered_is_no_limit_that_we_set(node: FimpChargepoint) -> None:
    assert node.snapshot.meter.offered_current == 16
    assert node.snapshot.session_current is None


NEW = "2026-11-20T10:00:00Z"


@pytest.mark.parametrize(
    ("messages", "shown"),
    [
        # Less may be offered for other reasons; for more, another client set another limit.
        ([offered(10)], 16),
        ([offered(20)], None),
        ([offered(None)], 16),
        ([state("ready_to_charge"), offered(0)], 16),
        ([state("finished"), offered(0)], 16),
        ([state("error")], 16),
        ([state("disconnected")], None),
        ([state("disconnected"), offered(16)], None),
        ([offered(0, finished_at="2026-11-20T09:00:00Z")], None),
        ([offered(16, finished_at="2026-11-20T09:00:00Z")], None),
        ([offered(0, 0, started_at=NEW)], None),
        ([offered(None, 0, started_at=NEW)], None),
        ([offered(16, 0, started_at=NEW)], None),
    ],
)
async def test_the_limit_of_a_session_ends_with_it(
    hub: OfflineHub, node: FimpChargepoint, messages: list[Any], shown: float | None
) -> None:
    await limit(hub, node, 16)
    assert node.snapshot.session_current == 16
    for message in messages:
        hub.feed(CHARGER, message)
    assert node.snapshot.session_current == shown


async def test_a_limit_set_in_a_pause_ends_with_its_session(
    hub: OfflineHub, node: FimpChargepoint
) -> None:
    pause(hub)
    task = await begin(node.set(Feature.SESSION_CURRENT, 10))
    hub.advance(hub.clock.time + REFUSAL)
    hub.feed(CHARGER, offered(0))
    await task
    assert node.snapshot.session_current == 10
    hub.feed(CHARGER, state("disconnected"))
    assert node.snapshot.session_current is None
    hub.feed(CHARGER, state("ready_to_charge"))
    hub.feed(CHARGER, offered(0, 0, started_at=NEW))
    assert node.snapshot.session_current is None


@pytest.mark.parametrize("reason", [Reason.OFFLINE, Reason.SILENT, Reason.NOT_CONNECTED])
async def test_nothing_is_known_of_what_does_not_speak(
    hub: OfflineHub, node: FimpChargepoint, reason: Reason
) -> None:
    await limit(hub, node, 16)
    if reason is Reason.OFFLINE:
        down = {"address": "1", "status": "DOWN"}
        hub.feed(ADAPTER, report("evt.network.node_report", "object", down))
    elif reason is Reason.SILENT:
        hub.advance(hub.clock.time + 500)
    else:
        hub.connection_lost(NotConnectedError("gone"))
    snapshot = node.snapshot
    assert snapshot.unavailable is reason
    assert (snapshot.max_current, snapshot.session_current) == (None, None)
    assert (snapshot.phases, snapshot.phase_mode, snapshot.cable_lock) == (None, None, None)


# Phases ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("modes", "now", "phases", "sent"),
    [
        (MODES, "NL1L2L3", "1", "NL2"),
        (MODES, "NL1", "3", "NL1L2L3"),
        (["NL1", "NL1L2L3", "NL2"], "NL1L2L3", "1", "NL1"),
        (["L1L2L3", "L3L1", "L1L2"], "L1L2L3", "1", "L3L1"),
        (["nl1", "nl1l2l3"], "NL1", "3", "NL1L2L3"),
        (["NL1L2", "NL1", "NL1L2L3"], "NL1L2", "1", "NL1"),
        (["odd", "NL1", "NL1L2L3"], "odd", "3", "NL1L2L3"),
    ],
)
async def test_which_mode_has_so_many_phases(
    hub: OfflineHub,
    node: FimpChargepoint,
    modes: list[str],
    now: str,
    phases: str,
    sent: str,
) -> None:
    hub.feed(ADAPTER, thing(sup_phase_modes=modes))
    hub.feed(CHARGER, phase_mode(now))
    task = await begin(node.set(Feature.PHASES, phases))
    assert last(hub)["val"] == sent
    hub.feed(CHARGER, phase_mode(sent))
    await task
    assert node.snapshot.phases == phases


@pytest.mark.parametrize("now", ["NL1", "NL2", "NL3"])
async def test_a_mode_with_so_many_phases_is_kept(
    hub: OfflineHub, node: FimpChargepoint, now: str
) -> None:
    hub.feed(CHARGER, phase_mode(now))
    await node.set(Feature.PHASES, "1")
    assert hub.sent == []


async def test_phases_and_phase_mode_are_about_the_same(
    hub: OfflineHub, node: FimpChargepoint
) -> None:
    first = await begin(node.set(Feature.PHASES, "1"))
    second = await begin(node.set(Feature.PHASE_MODE, "nl3"))
    with pytest.raises(CommandSupersededError):
        await first
    assert node.snapshot.pending == {Feature.PHASE_MODE: "nl3"}
    third = await begin(node.set(Feature.PHASES, "3"))
    with pytest.raises(CommandSupersededError):
        await second
    assert node.snapshot.pending == {Feature.PHASES: "3"}
    assert last(hub)["val"] == "NL1L2L3"
    # It shows three phases all the time: only later that proves anything.
    hub.feed(CHARGER, phase_mode("NL1L2L3"))
    assert await waits(third)
    hub.advance(hub.clock.time + 30)
    hub.feed(CHARGER, phase_mode("NL1L2L3"))
    await third


@pytest.mark.parametrize(
    ("feature", "value"),
    [
        (Feature.PHASES, "2"),
        (Feature.PHASES, "4"),
        (Feature.PHASES, ""),
        (Feature.PHASES, 1),
        (Feature.PHASE_MODE, "l1l2l3"),
        (Feature.PHASE_MODE, "NL1"),
        (Feature.PHASE_MODE, ""),
    ],
)
async def test_a_mode_that_it_does_not_have(
    hub: OfflineHub, node: FimpChargepoint, feature: Feature, value: Any
) -> None:
    with pytest.raises(InvalidRequestError):
        await node.set(feature, value)
    assert hub.sent == []


@pytest.mark.parametrize(
    ("modes", "controls"),
    [
        (["NL1", "NL1L2L3"], {Feature.PHASE_MODE, Feature.PHASES}),
        (["NL1", "NL2"], {Feature.PHASE_MODE}),
        (["NL1L2", "NL1L2L3"], {Feature.PHASE_MODE}),
        (["NL1L2L3"], {Feature.PHASE_MODE}),
        ([], set()),
        (None, set()),
        ("NL1", set()),
        ([None, 5], set()),
    ],
)
def test_the_set_interface_alone_is_not_enough(
    hub: OfflineHub, node: FimpChargepoint, modes: Any, controls: set[Feature]
) -> None:
    hub.feed(ADAPTER, thing(sup_phase_modes=modes))
    phased = {Feature.PHASE_MODE, Feature.PHASES}
    assert node.snapshot.capabilities.controls & phased == controls


def test_modes_that_cannot_be_set(hub: OfflineHub, node: FimpChargepoint) -> None:
    hub.feed(ADAPTER, thing(["evt.phase_mode.report"]))
    capabilities = node.snapshot.capabilities
    assert capabilities.options[Feature.PHASE_MODE] == ("nl1l2l3", "nl2", "nl1", "nl3")
    assert not capabilities.controls & {Feature.PHASE_MODE, Feature.PHASES}
    assert Feature.PHASE_MODE in capabilities.reports


# Capabilities ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "seen"),
    [
        (lock(value=True), {Feature.CABLE_LOCK}),
        (max_current(16), {Feature.MAX_CURRENT}),
        (phase_mode("NL1"), {Feature.PHASE_MODE}),
        (offered(16), {Feature.OFFERED_CURRENT}),
        (
            report("evt.cable_lock.report", "bool", True, cable_current="32"),
            {Feature.CABLE_LOCK, Feature.CABLE_CURRENT},
        ),
    ],
)
def test_what_is_seen_can_be_reported_whatever_the_list_says(
    message: dict[str, Any], seen: set[Feature]
) -> None:
    hub = OfflineHub()
    hub.connection_made()
    hub.feed(ADAPTER, inclusion())
    node = hub.nodes[ADDRESS]
    assert not node.snapshot.capabilities.reports & seen
    hub.feed(CHARGER, message)
    assert seen <= node.snapshot.capabilities.reports
    assert node.snapshot.capabilities.controls == {Feature.CHARGING}
    # And stays so, after the next list too.
    hub.feed(ADAPTER, inclusion(interfaces=["cmd.charge.start"]))
    assert seen <= node.snapshot.capabilities.reports


def test_a_list_with_less_takes_away_what_was_not_seen() -> None:
    hub = OfflineHub()
    hub.connection_made()
    hub.feed(ADAPTER, thing((*SETTERS, "evt.max_current.report", "evt.phase_mode.report")))
    hub.feed(CHARGER, phase_mode("NL1"))
    hub.feed(ADAPTER, inclusion())
    capabilities = hub.nodes[ADDRESS].snapshot.capabilities
    assert capabilities.controls == {Feature.CHARGING}
    assert capabilities.options[Feature.PHASE_MODE] == ()
    assert capabilities.options[Feature.PHASES] == ()
    assert Feature.PHASE_MODE in capabilities.reports
    assert Feature.MAX_CURRENT not in capabilities.reports


async def test_a_list_with_less_while_a_command_waits(
    hub: OfflineHub, node: FimpChargepoint
) -> None:
    task = await begin(node.set(Feature.PHASE_MODE, "nl1"))
    hub.feed(ADAPTER, thing(sup_phase_modes=None))
    hub.feed(CHARGER, phase_mode("NL1"))
    await task
    assert not any(key == "internal" for key in hub.ignored)


@pytest.mark.parametrize("direction", ["in", "out", None])
def test_the_names_of_interfaces_count_not_their_directions(
    hub: OfflineHub, node: FimpChargepoint, direction: str | None
) -> None:
    message = inclusion()
    message["val"]["services"][0]["interfaces"] = [
        {"msg_t": name, "intf_t": direction, "val_t": "bool"} for name in SETTERS
    ]
    hub.feed(ADAPTER, message)
    assert {
        Feature.CABLE_LOCK,
        Feature.MAX_CURRENT,
        Feature.SESSION_CURRENT,
    } <= node.snapshot.capabilities.controls


@pytest.mark.parametrize(
    ("interfaces", "message", "asked"),
    [
        ([], None, set()),
        (["evt.cable_lock.report"], None, {"cable_lock"}),
        (["cmd.phase_mode.get_report"], None, {"phase_mode"}),
        # It can be set, but is not listed as something that can be requested.
        (["cmd.max_current.set"], None, set()),
        ([], max_current(16), {"max_current"}),
        ([], lock(value=True), {"cable_lock"}),
        ([], offered(16), set()),
    ],
)
def test_what_is_asked_for(
    interfaces: list[str], message: dict[str, Any] | None, asked: set[str]
) -> None:
    hub = OfflineHub()
    hub.connection_made()
    hub.feed(ADAPTER, inclusion(interfaces=interfaces))
    if message is not None:
        hub.feed(CHARGER, message)
    hub.advance(hub.clock.time + 1)
    hub.connection_lost(NotConnectedError("gone"))
    hub.take_sent()
    hub.connection_made()
    questions = {each for each in kinds(hub) if each.endswith(".get_report")}
    always = {"state", "current_session", "cable_lock"}
    assert questions == {f"cmd.{each}.get_report" for each in always | asked}


# Restart ---------------------------------------------------------------------------------

SYSTEM = CHARGER.replace("sv:chargepoint", "sv:dev_sys")


def accepted(corid: Any) -> dict[str, Any]:
    props = {"cmd_service": "dev_sys", "cmd_type": "cmd.thing.reboot"}
    return report("evt.success.report", "null", None, **props) | {"corid": corid}


async def test_a_restart_is_done_when_it_is_accepted(
    hub: OfflineHub, node: FimpChargepoint
) -> None:
    task = await begin(node.act(Feature.RESTART))
    message = last(hub)
    assert hub.sent[-1][0] == SYSTEM.replace("mt:evt", "mt:cmd")
    assert (message["type"], message["serv"]) == ("cmd.thing.reboot", "dev_sys")
    # False asks for a soft restart.
    assert (message["val_t"], message["val"]) == ("bool", False)
    assert node.snapshot.pending == {Feature.RESTART: True}
    for corid in ("", None, 5, "another-client"):
        hub.feed(SYSTEM, accepted(corid))
    hub.feed(CHARGER, state("charging"))
    hub.feed(CHARGER, offered(16))
    assert await waits(task)
    hub.feed(SYSTEM, accepted(message["uid"]))
    await task
    assert node.snapshot.pending == {}
    assert not hub.ignored


async def test_a_refused_restart(hub: OfflineHub, node: FimpChargepoint) -> None:
    task = await begin(node.act(Feature.RESTART))
    uid = last(hub)["uid"]
    hub.feed(SYSTEM, refused("another-client", "not you"))
    assert await waits(task)
    hub.feed(SYSTEM, refused(uid, "charger is offline"))
    with pytest.raises(CommandRejectedError, match="charger is offline"):
        await task
    assert node.snapshot.pending == {}


async def test_a_restart_that_nobody_answers(hub: OfflineHub, node: FimpChargepoint) -> None:
    task = await begin(node.act(Feature.RESTART))
    hub.take_sent()
    hub.advance(hub.clock.time + 41)
    with pytest.raises(CommandTimeoutError):
        await task
    # There is nothing to ask for.
    assert kinds(hub) == []
    again = await begin(node.act(Feature.RESTART))
    hub.feed(SYSTEM, accepted(last(hub)["uid"]))
    await again


async def test_a_success_proves_no_other_command(hub: OfflineHub, node: FimpChargepoint) -> None:
    """Those that have a report are done when it shows."""
    task = await begin(node.set(Feature.MAX_CURRENT, 10))
    hub.feed(CHARGER, accepted(last(hub)["uid"]))
    assert await waits(task)
    hub.feed(CHARGER, max_current(10))
    await task


async def test_what_cannot_be_restarted(hub: OfflineHub, node: FimpChargepoint) -> None:
    hub.feed(ADAPTER, inclusion())
    hub.take_sent()
    with pytest.raises(InvalidRequestError):
        await node.act(Feature.RESTART)
    assert hub.sent == []


async def test_a_refusal_without_end_is_cut(hub: OfflineHub, node: FimpChargepoint) -> None:
    """A person has to read it."""
    for refusal in (
        report("evt.error.report", "string", "failed", msg="x" * 100_000),
        report("evt.error.report", "string", "x" * 100_000),
        report("evt.error.report", "object", ["x" * 100_000]),
    ):
        task = await begin(node.set(Feature.CABLE_LOCK, True))
        hub.feed(CHARGER, refusal | {"corid": last(hub)["uid"]})
        with pytest.raises(CommandRefusedError) as error:
            await task
        assert len(str(error.value)) <= 1040


@pytest.mark.parametrize(
    ("value_type", "value"), [("string", 5), ("int", "x"), ("bool", None), ("null", "x")]
)
async def test_a_refusal_with_a_wrong_value_is_one(
    hub: OfflineHub, node: FimpChargepoint, value_type: str, value: Any
) -> None:
    task = await begin(node.set(Feature.CABLE_LOCK, True))
    refusal = report("evt.error.report", value_type, value, msg="cannot unlock")
    hub.feed(CHARGER, refusal | {"corid": last(hub)["uid"]})
    hub.advance(hub.clock.time + 41)
    with pytest.raises(CommandRejectedError, match="cannot unlock"):
        await task
