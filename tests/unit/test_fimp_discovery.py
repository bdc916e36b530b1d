"""How FIMP charge points are found, announced, checked and removed."""

from typing import Any

import orjson
import pytest

from custom_components.fimp_chargepoint.chargepoint.hub import NodeAdded, NodeRemoved
from custom_components.fimp_chargepoint.chargepoint.model import (
    Feature,
    NodeKind,
    Reason,
    Status,
)

from .fakes import OfflineHub
from .fimp_messages import (
    ADAPTER,
    ADDRESS,
    CHARGER,
    METER,
    commands,
    inclusion,
    kinds,
    node_report,
    report,
    state,
)


@pytest.fixture
def hub() -> OfflineHub:
    hub = OfflineHub()
    hub.connection_made()
    return hub


def test_adapters_are_asked_for_their_things(hub: OfflineHub) -> None:
    assert ("pt:j1/mt:cmd/rt:discovery", "cmd.discovery.request", None) in commands(hub)
    hub.feed(
        "pt:j1/mt:evt/rt:discovery",
        report(
            "evt.discovery.report",
            "object",
            {"resource_name": "easee", "resource_type": "ad", "instance_id": "1"},
        ),
    )
    to_adapter = "pt:j1/mt:cmd/rt:ad/rn:easee/ad:1"
    assert commands(hub) == [(to_adapter, "cmd.network.get_all_nodes", None)]
    hub.feed(
        ADAPTER,
        report(
            "evt.network.all_nodes_report",
            "object",
            [{"address": "1", "status": "UP"}, None, {"address": "2"}, {"address": "3"}],
        ),
    )
    asked = "cmd.thing.get_inclusion_report"
    # Not all at once: a house has hundreds of things.
    assert commands(hub) == [(to_adapter, asked, "1")]
    hub.advance(hub.clock.time + 0.5)
    assert commands(hub) == [(to_adapter, asked, "2")]
    hub.advance(hub.clock.time + 5)
    assert commands(hub) == [(to_adapter, asked, "3")]


def test_apps_and_radio_networks_are_not_asked(hub: OfflineHub) -> None:
    hub.take_sent()
    hub.feed(
        "pt:j1/mt:evt/rt:discovery",
        report("evt.discovery.report", "object", {"resource_name": "x", "resource_type": "app"}),
    )
    hub.feed(
        "pt:j1/mt:evt/rt:ad/rn:zigbee/ad:1",
        report("evt.network.all_nodes_report", "object", [{"address": "7"}]),
    )
    assert kinds(hub) == []


def test_no_things_is_no_error(hub: OfflineHub) -> None:
    hub.feed(ADAPTER, report("evt.network.all_nodes_report", "object", None))
    assert not hub.ignored


def test_an_inclusion_report_introduces_a_charge_point(hub: OfflineHub) -> None:
    events: list[object] = []
    hub.add_listener(events.append)
    hub.take_sent()
    hub.feed(
        ADAPTER,
        inclusion(
            meter=True,
            interfaces=["cmd.cable_lock.set", "cmd.cable_lock.get_report"],
            props={"sup_charging_modes": ["Normal", "slow", "slow"]},
        ),
    )
    node = hub.nodes[ADDRESS]
    assert events == [NodeAdded(node)]
    assert node.snapshot.identity.name == "Easee Home"
    assert node.snapshot.identity.serial_number is None
    assert node.snapshot.capabilities.options[Feature.CHARGING_MODE] == ("normal", "slow")
    assert Feature.CABLE_LOCK in node.snapshot.capabilities.controls
    # Whether its adapter reaches it comes first: else it answers with old values.
    assert kinds(hub) == [
        "cmd.app.get_state",
        "cmd.state.get_report",
        "cmd.current_session.get_report",
        "cmd.cable_lock.get_report",
        "cmd.meter.get_report",
    ]
    # Not available before its first report.
    assert node.snapshot.unavailable is Reason.NOT_HEARD
    hub.feed(CHARGER, state())
    assert node.snapshot.available


def test_a_report_alone_proves_a_charge_point(hub: OfflineHub) -> None:
    hub.take_sent()
    hub.feed(CHARGER, state())
    # Its identity is requested before it is shown under a poor name.
    assert hub.nodes == {}
    assert "cmd.thing.get_inclusion_report" in kinds(hub)
    hub.feed(ADAPTER, inclusion())
    assert hub.nodes[ADDRESS].snapshot.status is Status.READY_TO_CHARGE
    assert hub.nodes[ADDRESS].snapshot.identity.name == "Easee Home"
    assert hub.nodes[ADDRESS].snapshot.identity.kind is None


def test_a_charge_point_that_never_introduces_itself_is_shown_all_the_same(
    hub: OfflineHub,
) -> None:
    hub.feed(CHARGER, state())
    hub.advance(hub.clock.time + 3)
    assert hub.nodes[ADDRESS].snapshot.identity.name == "easee 1"
    assert hub.nodes[ADDRESS].snapshot.identity.kind is NodeKind.CHARGE_POINT
    assert hub.nodes[ADDRESS].snapshot.status is Status.READY_TO_CHARGE


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        (CHARGER, report("evt.error.report", "string", "failed")),
        (CHARGER, report("cmd.state.get_report", "null", None)),
        (CHARGER, b"\xff\xff"),
        (CHARGER, b"{}"),
        (METER, report("evt.meter.report", "float", 5, unit="W")),
    ],
)
def test_what_proves_nothing(hub: OfflineHub, topic: str, payload: Any) -> None:
    hub.feed(topic, payload)
    hub.advance(hub.clock.time + 10)
    assert hub.nodes == {}


def test_two_connectors_of_one_thing(hub: OfflineHub) -> None:
    hub.feed(ADAPTER, inclusion("3", ("3_1", "3_2")))
    assert {node.snapshot.identity.name for node in hub.nodes.values()} == {
        "Easee Home 3_1",
        "Easee Home 3_2",
    }
    hub.feed(
        ADAPTER,
        report("evt.network.node_report", "object", {"address": "3", "status": "DOWN"}),
    )
    assert {node.snapshot.unavailable for node in hub.nodes.values()} == {Reason.OFFLINE}
    hub.feed(ADAPTER, report("evt.thing.exclusion_report", "object", {"address": "3"}))
    assert hub.nodes == {}


@pytest.mark.parametrize("level", ["1\u0000", "+", "#", "1/2", "x" * 300])
def test_names_that_no_topic_can_have(hub: OfflineHub, level: str) -> None:
    """A broker hangs up on some of them, and would again at every connection."""
    hub.feed(ADAPTER, inclusion(addresses=(level,)))
    hub.feed(
        "pt:j1/mt:evt/rt:discovery",
        report("evt.discovery.report", "object", {"resource_name": level, "resource_type": "ad"}),
    )
    hub.advance(hub.clock.time + 5)
    assert hub.nodes == {}
    assert not any(level in topic for topic, _ in hub.sent)


def test_a_report_of_very_many_things(hub: OfflineHub) -> None:
    nodes = [{"address": str(number)} for number in range(20_000)]
    hub.feed(ADAPTER, report("evt.network.all_nodes_report", "object", nodes))
    hub.advance(hub.clock.time + 3600)
    assert 0 < kinds(hub).count("cmd.thing.get_inclusion_report") <= 2000


def test_an_excluded_charge_point_is_gone_until_it_speaks(hub: OfflineHub) -> None:
    hub.feed(ADAPTER, inclusion())
    node = hub.nodes[ADDRESS]
    events: list[object] = []
    hub.add_listener(events.append)
    hub.feed(ADAPTER, report("evt.thing.exclusion_report", "object", {"address": "1"}))
    assert events == [NodeRemoved(node)]
    # A question that was on its way is answered on the old topic by an error.
    hub.feed(CHARGER, report("evt.error.report", "string", "service not found"))
    hub.advance(hub.clock.time + 10)
    assert hub.nodes == {}


def test_capabilities_change_with_the_next_inclusion_report(hub: OfflineHub) -> None:
    hub.feed(ADAPTER, inclusion())
    node = hub.nodes[ADDRESS]
    hub.feed(CHARGER, report("evt.cable_lock.report", "bool", True))
    assert Feature.CABLE_LOCK in node.snapshot.capabilities.reports
    hub.feed(ADAPTER, inclusion(props={"sup_charging_modes": ["slow"]}))
    assert node.snapshot.capabilities.options[Feature.CHARGING_MODE] == ("slow",)
    # An observed feature stays, even if the list does not name it.
    assert Feature.CABLE_LOCK in node.snapshot.capabilities.reports


def test_reconnect_forgets_live_values_and_asks_again(hub: OfflineHub) -> None:
    hub.feed(ADAPTER, inclusion())
    hub.feed(CHARGER, state("charging"))
    hub.feed(CHARGER, report("evt.current_session.report", "float", 1.5))
    node = hub.nodes[ADDRESS]
    hub.connection_lost(ConnectionError())  # type: ignore[arg-type]
    assert node.snapshot.unavailable is Reason.NOT_CONNECTED
    assert node.snapshot.status is None
    hub.take_sent()
    hub.connection_made()
    assert node.snapshot.unavailable is Reason.NOT_HEARD
    assert {"cmd.state.get_report", "cmd.thing.get_inclusion_report"} <= set(kinds(hub))
    hub.feed(CHARGER, state("charging"))
    assert node.snapshot.available
    # The counter of a session is not a live value: it continued.
    assert node.snapshot.meter.session_energy == 1.5


def test_an_adapter_that_returns_later_than_we_do_is_asked_again(hub: OfflineHub) -> None:
    hub.feed(ADAPTER, inclusion())
    hub.feed(CHARGER, state())
    hub.connection_lost(ConnectionError())  # type: ignore[arg-type]
    hub.connection_made()
    up = hub.clock.time
    hub.take_sent()
    for after in (2, 7, 22, 82, 382, 682):
        hub.advance(up + after)
        # Other reports prove that it is there, but its state is not among them.
        hub.feed(METER, report("evt.meter.report", "float", after, unit="W"))
        assert "cmd.state.get_report" in kinds(hub)
    hub.connection_made()
    hub.feed(CHARGER, state())
    hub.feed(ADAPTER, inclusion())
    hub.take_sent()
    hub.advance(hub.clock.time + 100)
    assert set(kinds(hub)) <= {"cmd.app.get_state"}


def test_a_silent_charge_point_is_asked_and_then_doubted(hub: OfflineHub) -> None:
    hub.feed(ADAPTER, inclusion())
    hub.feed(CHARGER, state())
    node = hub.nodes[ADDRESS]
    start = hub.clock.time
    hub.take_sent()
    hub.advance(start + 299)
    assert set(kinds(hub)) == {"cmd.app.get_state"}
    hub.advance(start + 301)
    assert kinds(hub) == ["cmd.state.get_report"]
    hub.advance(start + 389)
    assert node.snapshot.available
    hub.advance(start + 391)
    assert node.snapshot.unavailable is Reason.SILENT
    hub.take_sent()
    hub.advance(start + 391 + 301)
    assert "cmd.state.get_report" in kinds(hub)
    # The answer brings it back, and everything is asked again.
    hub.feed(CHARGER, state())
    assert node.snapshot.available
    assert "cmd.current_session.get_report" in kinds(hub)


def test_an_answer_in_time_keeps_a_quiet_charge_point_available(hub: OfflineHub) -> None:
    hub.feed(ADAPTER, inclusion())
    node = hub.nodes[ADDRESS]
    hub.feed(CHARGER, state())
    for _ in range(3):
        hub.advance(hub.clock.time + 310)
        hub.feed(CHARGER, state())
        assert node.snapshot.available


def test_a_report_newer_than_down_overrules_it(hub: OfflineHub) -> None:
    hub.feed(ADAPTER, inclusion())
    node = hub.nodes[ADDRESS]
    hub.feed(CHARGER, state())
    hub.feed(ADAPTER, node_report("DOWN"))
    assert node.snapshot.unavailable is Reason.OFFLINE
    hub.feed(CHARGER, report("evt.error.report", "string", "offline"))
    assert node.snapshot.unavailable is Reason.OFFLINE
    hub.feed(CHARGER, state())
    assert node.snapshot.available
    # A hub that repeats DOWN every hour for what works is not believed again.
    hub.feed(ADAPTER, node_report("DOWN"))
    assert node.snapshot.available
    hub.feed(ADAPTER, node_report("UP"))
    hub.feed(ADAPTER, node_report("DOWN"))
    assert node.snapshot.unavailable is Reason.OFFLINE


def test_up_after_down_asks_for_what_is_not_repeated(hub: OfflineHub) -> None:
    hub.feed(ADAPTER, inclusion())
    hub.feed(ADAPTER, node_report("DOWN"))
    hub.take_sent()
    hub.feed(ADAPTER, node_report("UP"))
    assert "cmd.state.get_report" in kinds(hub)


def test_prefixes_keep_two_sites_apart() -> None:
    hub = OfflineHub(("", "site1/"))
    hub.connection_made()
    hub.feed(ADAPTER, inclusion())
    hub.feed("site1/" + ADAPTER, inclusion())
    assert set(hub.nodes) == {ADDRESS, "fimp:site1/easee/1/1"}
    hub.take_sent()
    discovery = {"resource_name": "easee", "resource_type": "ad"}
    hub.feed(
        "site1/pt:j1/mt:evt/rt:discovery",
        report("evt.discovery.report", "object", discovery),
    )
    assert [topic for topic, _ in hub.take_sent()] == ["site1/pt:j1/mt:cmd/rt:ad/rn:easee/ad:1"]
    hub.nodes["fimp:site1/easee/1/1"].ask_everything(0)  # type: ignore[attr-defined]
    assert all(topic.startswith("site1/pt:j1/mt:cmd/") for topic, _ in hub.take_sent())


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff",
        b"[1]",
        report("evt.thing.inclusion_report", "object", None),
        report("evt.thing.inclusion_report", "object", {"address": 1, "services": []}),
        report("evt.thing.inclusion_report", "object", {"address": "1", "services": {}}),
        report("evt.thing.exclusion_report", "object", {"address": None}),
        report("evt.network.node_report", "object", ["x"]),
        report("evt.network.all_nodes_report", "object", {"address": "1"}),
    ],
)
def test_nonsense_from_an_adapter_costs_only_itself(hub: OfflineHub, payload: Any) -> None:
    hub.feed(ADAPTER, payload)
    assert sum(hub.ignored.values()) == 1
    assert "internal" not in hub.ignored
    hub.feed(ADAPTER, inclusion())
    assert ADDRESS in hub.nodes


def test_half_a_service_list_still_counts(hub: OfflineHub) -> None:
    message = inclusion()
    message["val"]["services"] += [None, {}, {"address": 5}, {"address": "/rt:dev/nonsense"}]
    hub.feed(ADAPTER, message)
    assert ADDRESS in hub.nodes


def test_a_retained_message_is_of_another_day(hub: OfflineHub) -> None:
    hub.message(CHARGER, orjson.dumps(state("charging")), retained=True)
    hub.advance(hub.clock.time + 5)
    assert hub.nodes == {}
    assert hub.ignored["retained"] == 1
