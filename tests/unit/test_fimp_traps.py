"""The traps of FIMP, in the order of the protocol's own list: one test for each."""

from typing import Any

import orjson
import pytest

from custom_components.fimp_chargepoint.chargepoint.errors import (
    CommandRejectedError,
    CommandTimeoutError,
)
from custom_components.fimp_chargepoint.chargepoint.fimp.chargepoint import FimpChargepoint
from custom_components.fimp_chargepoint.chargepoint.model import Feature, Status

from .fakes import OfflineHub, lines, waits
from .fimp_commands import begin, last
from .fimp_messages import (
    ADAPTER,
    ADDRESS,
    CHARGER,
    METER,
    commands,
    inclusion,
    kinds,
    report,
    state,
)

COMMANDS = CHARGER.replace("mt:evt", "mt:cmd")


@pytest.fixture
def hub() -> OfflineHub:
    hub = OfflineHub()
    hub.connection_made()
    hub.feed(ADAPTER, inclusion(meter=True))
    hub.feed(CHARGER, state())
    hub.take_sent()
    return hub


@pytest.fixture
def node(hub: OfflineHub) -> FimpChargepoint:
    node = hub.nodes[ADDRESS]
    assert isinstance(node, FimpChargepoint)
    return node


@pytest.mark.parametrize(
    ("topic", "serv", "charges"),
    [
        (CHARGER, "defa", True),
        (CHARGER, None, True),
        (CHARGER.replace("sv:chargepoint", "sv:meter_elec"), "chargepoint", False),
        (CHARGER.replace("rn:easee", "rn:zaptec"), "chargepoint", False),
        (CHARGER.replace("rn:easee/ad:1", "rn:easee/ad:2"), "chargepoint", False),
        (CHARGER.removesuffix("1") + "2", "chargepoint", False),
    ],
)
def test_1_the_topic_identifies_the_sender_not_the_service_nor_the_source(
    hub: OfflineHub,
    node: FimpChargepoint,
    topic: str,
    serv: str | None,
    charges: bool,  # noqa: FBT001
) -> None:
    hub.feed(topic, state("charging") | {"serv": serv, "src": "somebody"})
    assert (node.snapshot.status is Status.CHARGING) is charges


def test_2_commands_of_others_are_no_reports(hub: OfflineHub, node: FimpChargepoint) -> None:
    before = node.snapshot
    for topic in (COMMANDS, COMMANDS.replace("ad:1", "ad:9"), COMMANDS.replace("j1", "j1c1")):
        hub.feed(topic, state("charging"))
        hub.feed(topic, report("cmd.charge.start", "null", None))
        hub.feed(topic, b"nonsense")
    hub.feed(ADAPTER.replace("mt:evt", "mt:cmd"), inclusion("2", ("2",)))
    hub.advance(hub.clock.time + 10)
    assert node.snapshot == before
    assert set(hub.nodes) == {ADDRESS}
    assert not hub.ignored
    assert not any("mt:cmd" in each or "+/+/rt" in each for each in hub.filters)


@pytest.mark.parametrize("payload", [b"nonsense", b"[]", {"type": "evt.state.report"}])
def test_3_what_is_missing_or_no_message_costs_only_itself(
    hub: OfflineHub, node: FimpChargepoint, payload: Any
) -> None:
    before = node.snapshot
    hub.feed(CHARGER, payload)
    assert node.snapshot == before
    assert hub.ignored.total() == 1
    hub.feed(CHARGER, {"type": "evt.state.report", "val": "charging", "props": None})
    assert node.snapshot.status is Status.CHARGING
    assert hub.ignored.total() == 1


@pytest.mark.parametrize(
    ("value_type", "value", "shown"),
    [
        ("int", 20, 20),
        ("float", 20, 20),
        ("float", 20.0, 20),
        ("int", 20.0, 20),
        ("object", 20, 20),
        ("int", True, None),
        ("bool", True, None),
        ("object", True, None),
        ("float", "20", None),
    ],
)
def test_4_true_is_no_number_and_an_integer_is_a_float(
    hub: OfflineHub,
    node: FimpChargepoint,
    value_type: str,
    value: Any,
    shown: float | None,
) -> None:
    hub.feed(CHARGER, report("evt.max_current.report", value_type, value))
    assert node.snapshot.max_current == shown
    assert hub.ignored.total() == (shown is None)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_4_what_is_not_finite_is_no_number(
    hub: OfflineHub, node: FimpChargepoint, number: str
) -> None:
    hub.feed(METER, report("evt.meter.report", "float", 5, unit="W"))
    payload = orjson.dumps(report("evt.meter.report", "float", 12345, unit="W"))
    hub.feed(METER, payload.replace(b"12345", number.encode()))
    hub.feed(CHARGER, report("evt.cable_lock.report", "bool", True, cable_current="32"))
    hub.feed(CHARGER, report("evt.cable_lock.report", "bool", False, cable_current=number))
    assert node.snapshot.meter.power == 5
    # The rest of the report counts.
    assert node.snapshot.cable_current == 32
    assert node.snapshot.cable_lock is False


@pytest.mark.parametrize(
    ("offered", "shown"),
    [("16", 16), ("16.5", 16.5), ("", None), ("x", None), (None, None), (16, None)],
)
def test_5_properties_are_strings(
    hub: OfflineHub, node: FimpChargepoint, offered: Any, shown: float | None
) -> None:
    message = report("evt.current_session.report", "float", 1.5)
    hub.feed(CHARGER, message | {"props": {"offered_current": offered}})
    assert node.snapshot.meter.offered_current == shown
    assert node.snapshot.meter.session_energy == 1.5
    assert not hub.ignored


def test_6_the_list_of_things_may_be_null(hub: OfflineHub) -> None:
    hub.feed(ADAPTER, report("evt.network.all_nodes_report", "object", None))
    assert not hub.ignored
    assert set(hub.nodes) == {ADDRESS}


def test_7_partial_reports_are_merged(hub: OfflineHub, node: FimpChargepoint) -> None:
    for key in ("i1", "i2", "i3"):
        hub.feed(METER, report("evt.meter_ext.report", "float_map", {key: 16}))
    assert lines(node.snapshot.meter, "current") == (16, 16, 16)


async def test_8_nothing_is_shown_as_done_that_is_only_wanted(
    hub: OfflineHub, node: FimpChargepoint
) -> None:
    before = node.snapshot
    task = await begin(node.start_charging())
    expected = node.snapshot
    assert expected.pending == {"charging": True}
    assert (expected.status, expected.charging) == (before.status, before.charging)
    hub.feed(CHARGER, state("charging"))
    await task
    assert node.snapshot.pending == {}


def test_9_after_connecting_everything_is_asked_for_in_order() -> None:
    hub = OfflineHub()
    hub.connection_made()
    assert kinds(hub)[:2] == ["cmd.pd7.request", "cmd.discovery.request"]
    resource = {"resource_name": "easee", "resource_type": "ad"}
    hub.feed("pt:j1/mt:evt/rt:discovery", report("evt.discovery.report", "object", resource))
    assert kinds(hub) == ["cmd.network.get_all_nodes"]
    things = [{"address": "1", "status": "UP"}]
    hub.feed(ADAPTER, report("evt.network.all_nodes_report", "object", things))
    assert kinds(hub) == ["cmd.thing.get_inclusion_report"]
    message = inclusion(meter=True)
    message["val"]["services"][1]["props"]["sup_extended_vals"] = ["i1"]
    hub.feed(ADAPTER, message)
    asked = commands(hub)
    assert [(kind, value) for _, kind, value in asked if "get_report" in kind] == [
        ("cmd.state.get_report", None),
        ("cmd.current_session.get_report", None),
        ("cmd.cable_lock.get_report", None),
        ("cmd.meter.get_report", None),
        ("cmd.meter_ext.get_report", None),
    ]
    # Nothing is retained: it is all asked again after the next connection.
    hub.feed(CHARGER, state())
    hub.connection_lost(ConnectionError())  # type: ignore[arg-type]
    hub.take_sent()
    hub.connection_made()
    again = kinds(hub)
    for _, kind, _ in asked:
        assert kind in again
    assert "cmd.thing.get_inclusion_report" in again


@pytest.mark.parametrize(
    ("interface", "question"),
    [
        ("evt.max_current.report", "cmd.max_current.get_report"),
        ("cmd.max_current.get_report", "cmd.max_current.get_report"),
        ("evt.phase_mode.report", "cmd.phase_mode.get_report"),
    ],
)
def test_10_what_is_not_supported_is_not_asked_for(
    hub: OfflineHub, node: FimpChargepoint, interface: str, question: str
) -> None:
    node.ask_everything(hub.clock.now())
    assert kinds(hub) == [
        "cmd.state.get_report",
        "cmd.current_session.get_report",
        # Today's Easee does not list it, but answers anyway.
        "cmd.cable_lock.get_report",
        "cmd.meter.get_report",
    ]
    hub.feed(ADAPTER, inclusion(interfaces=[interface]))
    assert question in kinds(hub)


async def test_11_a_refusal_is_matched_by_its_id_and_keeps_its_words(
    hub: OfflineHub, node: FimpChargepoint
) -> None:
    task = await begin(node.start_charging())
    refusal = report("evt.error.report", "string", "failed", msg="unsupported mode: turbo")
    hub.feed(CHARGER, refusal | {"corid": "another-client"})
    assert await waits(task)
    hub.feed(CHARGER, refusal | {"corid": last(hub)["uid"]})
    with pytest.raises(CommandRejectedError, match="unsupported mode: turbo"):
        await task
    again = await begin(node.start_charging())
    code = report("evt.error.report", "string", "TX_ERROR") | {"corid": last(hub)["uid"]}
    hub.feed(CHARGER, code)
    with pytest.raises(CommandRejectedError, match="TX_ERROR"):
        await again


async def test_11_no_proof_is_no_success(hub: OfflineHub, node: FimpChargepoint) -> None:
    hub.feed(ADAPTER, inclusion(interfaces=["cmd.max_current.set"]))
    hub.feed(CHARGER, report("evt.max_current.report", "int", 16))
    task = await begin(node.set(Feature.MAX_CURRENT, 10))
    start = hub.clock.time
    for after in range(39):
        hub.advance(start + after)
        hub.feed(CHARGER, report("evt.max_current.report", "int", 16))
        hub.feed(CHARGER, state())
    assert await waits(task)
    hub.advance(start + 40)
    with pytest.raises(CommandTimeoutError):
        await task
    assert node.snapshot.max_current == 16
