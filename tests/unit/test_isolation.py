"""A bug affects only its source: listeners, charge points, protocols, commands."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn, override

import orjson
import pytest

from custom_components.fimp_chargepoint.chargepoint.blue_current.discovery import (
    BlueCurrentProtocol,
)
from custom_components.fimp_chargepoint.chargepoint.errors import (
    CommandSupersededError,
    CommandTimeoutError,
    NotConnectedError,
    ProtocolError,
)
from custom_components.fimp_chargepoint.chargepoint.fimp.chargepoint import FimpChargepoint
from custom_components.fimp_chargepoint.chargepoint.fimp.discovery import FimpProtocol
from custom_components.fimp_chargepoint.chargepoint.hub import HubEvent, NodeRemoved, Warned
from custom_components.fimp_chargepoint.chargepoint.internal_errors import InternalErrors
from custom_components.fimp_chargepoint.chargepoint.model import ChargepointSnapshot, Feature
from custom_components.fimp_chargepoint.chargepoint.scheduler import SteadyClock, posix

from .everest_site import Site
from .fakes import OfflineHub, waits
from .fimp_commands import begin
from .fimp_garage import OPTIONS
from .fimp_messages import ADAPTER, ADDRESS, CHARGER, inclusion, report, state
from .fimp_settings import SETTERS, max_current, thing

ONE, OTHER = "fimp:easee/1/1_1", "fimp:easee/1/1_2"
INTERNAL = "please report this"


def fail(*_: object) -> NoReturn:
    """Have a bug."""
    raise KeyError("bug")


class Listener:
    """The snapshots that a listener received, and the number of messages sent before each."""

    def __init__(self, hub: OfflineHub, node: FimpChargepoint) -> None:
        """Listen from now on."""
        self.seen: list[tuple[dict[str, Any], int]] = []
        self._hub = hub
        node.add_listener(self._take)

    def _take(self, snapshot: ChargepointSnapshot) -> None:
        self.seen.append((dict(snapshot.pending), len(commands(self._hub))))


def commands(hub: OfflineHub) -> list[str]:
    """Return the commands to the charge point, oldest first."""
    kinds = (orjson.loads(payload)["type"] for _, payload in hub.sent)
    return [each for each in kinds if each.startswith("cmd.charge.") or each.endswith(".set")]


def found(hub: OfflineHub) -> FimpChargepoint:
    """Return a charge point that charges."""
    hub.connection_made()
    hub.feed(ADAPTER, thing(SETTERS))
    hub.feed(CHARGER, state("charging"))
    hub.feed(CHARGER, max_current(32))
    hub.sent.clear()
    node = hub.nodes[ADDRESS]
    assert isinstance(node, FimpChargepoint)
    return node


@pytest.fixture
def hub() -> OfflineHub:
    return OfflineHub()


@pytest.fixture
def node(hub: OfflineHub) -> FimpChargepoint:
    return found(hub)


# Logging ----------------------------------------------------------------------------------


def one_place() -> NoReturn:
    raise ValueError("here")


def another_place(kind: type[Exception]) -> NoReturn:
    raise kind("there")


def test_every_distinct_error_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """Errors are distinguished by their type and place."""
    errors = InternalErrors()
    for _ in range(3):
        errors.call(one_place)
        errors.call(another_place, ValueError)
        errors.call(another_place, TypeError)
    records = [each for each in caplog.records if INTERNAL in each.message]
    assert [type(each.exc_info[1]) for each in records if each.exc_info] == [
        ValueError,
        ValueError,
        TypeError,
    ]
    assert caplog.text.count("in one_place") == 1
    assert caplog.text.count("in another_place") == 2
    assert [*errors.counts.values()] == [3, 3, 3]


def test_the_place_is_the_innermost_that_is_ours(node: FimpChargepoint) -> None:
    """One function of Python's may fail at many of our places."""
    errors = InternalErrors()
    errors.call(node._update, 0.0, nonsense=1)
    errors.call(SteadyClock)
    errors.call(posix, float("nan"))
    errors.call(posix, float("inf"))
    places = [key.partition(" at ")[2].partition(":")[0] for key in errors.counts]
    assert places == ["chargepoint/model.py", *3 * ["chargepoint/scheduler.py"]]


def test_a_flood_of_errors_is_not_kept(caplog: pytest.LogCaptureFixture) -> None:
    errors = InternalErrors()
    for number in range(300):
        errors.call(another_place, type(f"Error{number}", (Exception,), {}))
    assert len(errors.counts) == 101
    assert errors.counts["more"] == 200
    assert len(caplog.records) == 101


# Listeners --------------------------------------------------------------------------------


def test_a_listener_that_raises_costs_nobody_else_a_snapshot(
    hub: OfflineHub, node: FimpChargepoint, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[ChargepointSnapshot] = []
    node.add_listener(fail)
    node.add_listener(seen.append)
    hub.feed(CHARGER, state("ready_to_charge"))
    hub.feed(CHARGER, state("charging"))
    assert [each.charging for each in seen] == [False, True]
    assert caplog.text.count(INTERNAL) == 1
    assert "in fail" in caplog.text
    assert hub.ignored["internal"] == 2


async def test_what_a_listener_breaks_is_proven_all_the_same(
    hub: OfflineHub, node: FimpChargepoint
) -> None:
    """The consequences of a report are not lost because a listener was notified first."""
    node.add_listener(fail)
    task = await begin(node.stop_charging())
    assert commands(hub) == ["cmd.charge.stop"]
    hub.feed(CHARGER, state("ready_to_charge"))
    await task
    assert node.snapshot.pending == {}


def test_a_listener_of_the_hub(hub: OfflineHub) -> None:
    events: list[HubEvent] = []
    hub.add_listener(fail)
    hub.add_listener(events.append)
    found(hub)
    # The others keep listening, and what was about to be done is done.
    assert [type(each).__name__ for each in events] == ["ConnectionMade", "NodeAdded"]
    assert ADDRESS in hub.nodes
    assert hub.ignored == {"internal": 2}


def test_a_listener_may_leave_while_it_is_called(node: FimpChargepoint) -> None:
    stops: list[Callable[[], None]] = []
    seen: list[object] = []
    stops.append(node.add_listener(lambda _: stops[0]()))
    node.add_listener(seen.append)
    for now in (1e10, 2e10):
        node._update(now, raw_status=str(now))
    assert len(seen) == 2
    assert not node.host.internal_errors.counts


# Charge points and protocols ------------------------------------------------------------------


@pytest.fixture
def two(hub: OfflineHub) -> tuple[FimpChargepoint, FimpChargepoint]:
    """Two charge points of one thing, in the order in which they are walked: last first."""
    hub.connection_made()
    hub.feed(ADAPTER, inclusion(addresses=("1_1", "1_2")))
    for group in (1, 2):
        hub.feed(f"{CHARGER}_{group}", state("charging"))
    hub.take_sent()
    one, other = hub.nodes[ONE], hub.nodes[OTHER]
    assert isinstance(one, FimpChargepoint)
    assert isinstance(other, FimpChargepoint)
    return one, other


@pytest.mark.parametrize("broken", ["connection_lost", "connection_made", "clock_set"])
def test_a_charge_point_that_raises_costs_no_other(
    hub: OfflineHub,
    two: tuple[FimpChargepoint, FimpChargepoint],
    monkeypatch: pytest.MonkeyPatch,
    broken: str,
) -> None:
    one, other = two
    called: list[str] = []
    monkeypatch.setattr(other, broken, fail)
    method = getattr(one, broken)
    monkeypatch.setattr(one, broken, lambda *each: (called.append(broken), method(*each)))
    hub.clock.set_calendar(60)
    hub.connection_lost(NotConnectedError("gone"))
    hub.connection_made()
    hub.scheduler.run(hub.clock.now())
    assert called
    assert hub.ignored["internal"]


def test_a_deadline_that_raises_costs_no_other(
    hub: OfflineHub, two: tuple[FimpChargepoint, FimpChargepoint], caplog: pytest.LogCaptureFixture
) -> None:
    one, other = two
    ran: list[str] = []
    due = hub.clock.time + 1
    other.timers.set("breaks", due, fail)
    other.timers.set("its own", due, lambda _: ran.append("its own"))
    one.timers.set("another's", due, lambda _: ran.append("another's"))
    hub.advance(due)
    assert ran == ["its own", "another's"]
    assert hub.internal_errors.counts
    assert f"Failed at {other!r}" in caplog.text
    # The timer continues.
    one.timers.set("later", due + 1, lambda _: ran.append("later"))
    hub.advance(due + 1)
    assert ran[-1] == "later"


@pytest.mark.parametrize(
    "broken", ["route", "recognise", "reads", "disconnecting", "connection_made"]
)
async def test_a_protocol_that_raises_costs_no_other(
    monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """Also one that is asked first, as that below the empty prefix."""
    hub = OfflineHub(("", "site1/"))

    class Broken(FimpProtocol):
        """An invented protocol."""

    monkeypatch.setattr(Broken, broken, fail)
    hub._protocols.insert(0, ("", Broken(hub, "")))
    monkeypatch.setattr(hub.transport, "stop", partial(asyncio.sleep, 0))
    hub.connection_made()
    report_bytes = orjson.dumps(state())
    recognised = hub.recognise(f"site1/{CHARGER}", report_bytes)
    assert recognised is not None
    hub.feed(f"site1/{CHARGER}", state())
    hub.feed(f"site1/{ADAPTER}", inclusion())
    assert "fimp:site1/easee/1/1" in hub.nodes
    # An unreadable value is not shown.
    assert any(map(hub.reads, hub.journal.recent)) is not (broken == "reads")
    hub.disconnecting()
    await hub.stop()
    assert sum(hub.internal_errors.counts.values()) >= 1


def test_a_message_that_makes_no_sense_is_no_internal_error(hub: OfflineHub) -> None:
    errors = hub.internal_errors
    assert errors.ask(lambda: 5) == 5

    def nonsense() -> int:
        raise ProtocolError("value", "nonsense")

    assert errors.ask(nonsense) is None
    assert hub.recognise(CHARGER, b"{") is None
    assert not errors.counts


def test_one_that_fails_to_leave_is_gone_all_the_same(
    hub: OfflineHub, node: FimpChargepoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[HubEvent] = []
    hub.add_listener(events.append)
    monkeypatch.setattr(node, "connection_lost", fail)
    monkeypatch.setattr(node, "close", fail)
    hub.remove_node(ADDRESS)
    assert [type(each) for each in events] == [NodeRemoved]
    assert hub.ignored == {"internal": 2}


def test_one_charge_point_of_a_thing_costs_no_other(
    hub: OfflineHub,
    two: tuple[FimpChargepoint, FimpChargepoint],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One message can be about several."""
    one, other = two
    monkeypatch.setattr(one, "apply_thing", fail)
    monkeypatch.setattr(one, "apply_thing_status", fail)
    modes = {"sup_charging_modes": ["x"]}
    hub.feed(ADAPTER, inclusion(addresses=("1_1", "1_2"), props=modes))
    assert Feature.CHARGING_MODE in other.snapshot.capabilities.controls
    hub.feed(
        ADAPTER, report("evt.network.node_report", "object", {"address": "1", "status": "DOWN"})
    )
    assert not other.snapshot.available
    assert one.snapshot.available


def test_one_charge_point_of_an_account_costs_no_other(
    hub: OfflineHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub._protocols.clear()
    hub.add_protocol("", BlueCurrentProtocol(hub))
    hub.connection_made()
    names = ("BCU1", "BCU2")
    listed = orjson.dumps(
        {"object": "CHARGE_POINTS", "data": [{"evse_id": each} for each in names]}
    )
    hub.feed("CHARGE_POINTS", listed)
    asked = []
    one, other = (hub.nodes[f"bluecurrent:{each}"] for each in names)
    monkeypatch.setattr(one, "handle_settings", fail)
    monkeypatch.setattr(other, "ask_everything", asked.append)
    hub.feed("CHARGE_POINTS", listed)
    assert len(asked) == 1
    assert hub.ignored["internal"] == 1


def test_one_evse_of_a_station_costs_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site()
    for evse in ("evse_1", "evse_2"):
        site.evse("session_info", {"state": "Unplugged"}, evse)
    monkeypatch.setattr(site.node("evse_1"), "assign", fail)
    # It is the only one of its kind, so it belongs to the whole station.
    assigned: list[object] = []
    monkeypatch.setattr(site.node("evse_2"), "assign", lambda *each: assigned.append(each))
    site.publish("auth_consumer", "judge", "heartbeat", 1)
    assert len(assigned) == 1
    assert site.hub.ignored["internal"] == 1


def test_a_warning_reaches_those_who_listen(hub: OfflineHub, node: FimpChargepoint) -> None:
    events: list[HubEvent] = []
    hub.add_listener(fail)
    hub.add_listener(events.append)
    lost = report("evt.auth.status_report", "object", {"status": "NOT_AUTHENTICATED"})
    hub.feed(ADAPTER, lost)
    assert [type(each) for each in events] == [Warned]


# Commands: sent before listeners are notified -----------------------------------------------


async def test_a_stop_has_left_before_anybody_is_told(
    hub: OfflineHub, node: FimpChargepoint
) -> None:
    received = Listener(hub, node)
    task = await begin(node.stop_charging())
    assert received.seen == [({Feature.CHARGING: False}, 1)]
    hub.feed(CHARGER, state("ready_to_charge"))
    await task
    assert received.seen[-1] == ({}, 1)


async def test_what_takes_a_place_is_shown_in_one_go(
    hub: OfflineHub, node: FimpChargepoint
) -> None:
    first = await begin(node.set(Feature.MAX_CURRENT, 10))
    received = Listener(hub, node)
    second = await begin(node.set(Feature.MAX_CURRENT, 12))
    assert received.seen == [({Feature.MAX_CURRENT: 12}, 2)]
    with pytest.raises(CommandSupersededError):
        await first
    hub.advance(hub.clock.time + node.report_age)
    hub.feed(CHARGER, max_current(12))
    await second


async def test_a_listener_cannot_prevent_a_delayed_message() -> None:
    """It is shown while it waits, and leaves in time, whatever listeners do."""
    hub = OfflineHub(options=OPTIONS)
    node = found(hub)
    first = await begin(node.set(Feature.MAX_CURRENT, 10))
    hub.feed(CHARGER, max_current(10))
    await first
    second = await begin(node.set(Feature.MAX_CURRENT, 12))
    assert (node.snapshot.pending, len(commands(hub))) == ({Feature.MAX_CURRENT: 12}, 1)
    node.add_listener(fail)
    hub.advance(hub.clock.time + OPTIONS.write_interval)
    assert len(commands(hub)) == 2
    hub.feed(CHARGER, max_current(12))
    await second


async def test_a_bug_in_what_is_made_of_a_command_is_for_who_wanted_it(
    hub: OfflineHub, node: FimpChargepoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No caller waits forever for a message that was never sent."""
    monkeypatch.setattr(node, "_stop_request", fail)
    for _ in range(2):
        with pytest.raises(KeyError):
            await node.stop_charging()
    assert node.snapshot.pending == {}
    monkeypatch.undo()
    task = await begin(node.stop_charging())
    hub.feed(CHARGER, state("ready_to_charge"))
    await task


async def test_a_bug_in_the_bookkeeping_keeps_no_stop_from_leaving(
    hub: OfflineHub, node: FimpChargepoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node._commands._outstanding, "remember", fail)
    with pytest.raises(KeyError):
        await node.stop_charging()
    assert commands(hub) == ["cmd.charge.stop"]
    assert node.snapshot.pending == {}


class HangingHub(OfflineHub):
    """A hub whose broker accepts messages and acknowledges none until asked to."""

    def __init__(self) -> None:
        """Begin to hang."""
        super().__init__()
        self.goes_on = asyncio.Event()
        self.broken = False

    @override
    async def publish(self, topic: str, payload: bytes) -> None:
        await super().publish(topic, payload)
        await self.goes_on.wait()
        if self.broken:
            raise NotConnectedError("the connection was lost meanwhile")


async def test_a_stop_on_a_link_that_hangs_is_shown_at_once() -> None:
    """It was handed over, and may arrive: that is what pending means."""
    hub = HangingHub()
    node = found(hub)
    task = await begin(node.stop_charging())
    assert commands(hub) == ["cmd.charge.stop"]
    assert node.snapshot.pending == {Feature.CHARGING: False}
    # Nothing waits for the broker: it can be sent again.
    again = await begin(node.stop_charging())
    assert len(commands(hub)) == 2
    hub.broken = True
    hub.goes_on.set()
    for each in (task, again):
        with pytest.raises(NotConnectedError):
            await each
    assert node.snapshot.pending == {}


async def test_a_reply_that_overtakes_the_broker_is_the_last_word() -> None:
    hub = HangingHub()
    node = found(hub)
    received = Listener(hub, node)
    task = await begin(node.stop_charging())
    hub.feed(CHARGER, state("ready_to_charge"))
    await task
    hub.goes_on.set()
    assert not await waits(asyncio.ensure_future(asyncio.sleep(0)))
    assert [pending for pending, _ in received.seen] == [{Feature.CHARGING: False}, {}]
    assert node.snapshot.charging is False


async def test_a_caller_that_gives_up_takes_no_stop_back() -> None:
    """An automation that is restarted cancels its previous run."""
    hub = HangingHub()
    node = found(hub)
    task = asyncio.create_task(node.stop_charging())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert commands(hub) == ["cmd.charge.stop"]
    assert node.snapshot.pending == {Feature.CHARGING: False}
    hub.goes_on.set()
    await asyncio.sleep(0)
    hub.feed(CHARGER, state("ready_to_charge"))
    assert node.snapshot.pending == {}
    assert not hub.internal_errors.counts


async def test_a_link_that_hangs_for_long_is_a_timeout() -> None:
    hub = HangingHub()
    node = found(hub)
    task = await begin(node.stop_charging())
    hub.advance(hub.clock.time + node.command_timeout)
    with pytest.raises(CommandTimeoutError):
        await task
    assert node.snapshot.pending == {}
    hub.goes_on.set()
