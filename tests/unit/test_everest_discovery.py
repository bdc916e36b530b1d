"""How EVerest charge points are found, and which one gets each message."""

import json
from typing import Any

import pytest

from custom_components.fimp_chargepoint.chargepoint.errors import NotConnectedError
from custom_components.fimp_chargepoint.chargepoint.everest.api import protocol
from custom_components.fimp_chargepoint.chargepoint.everest.api.chargepoint import (
    EverestChargepoint,
)
from custom_components.fimp_chargepoint.chargepoint.everest.api.protocol import EverestProtocol
from custom_components.fimp_chargepoint.chargepoint.hub import HubEvent, NodeAdded
from custom_components.fimp_chargepoint.chargepoint.model import Reason, Status

from .fakes import OfflineHub

EVSE = "everest_api/1/evse_manager_consumer"
API: dict[str, Any] = {
    "communication_monitoring": {"heartbeat_period_ms": 40_000},
    "module_id": "evse_1",
    "type": "evse_manager_consumer",
    "version": 1,
}
OTHER = API | {"module_id": "evse_2"}


@pytest.fixture(name="hub")
def hub_fixture() -> OfflineHub:
    return OfflineHub(("", "site1/"))


def discoveries(hub: OfflineHub, prefix: str = "") -> list[str]:
    """Return the topics for the replies to the discoveries."""
    return [
        json.loads(payload)["headers"]["replyTo"]
        for topic, payload in hub.take_sent()
        if topic == f"{prefix}everest_api/discover"
    ]


def test_a_well_formed_message_proves_a_charge_point(hub: OfflineHub) -> None:
    events: list[HubEvent] = []
    hub.add_listener(events.append)
    hub.feed(f"{EVSE}/evse_1/e2m/heartbeat", 7)
    hub.feed(f"{EVSE}/evse_1/e2m/something_new", None)
    assert list(hub.nodes) == ["everest:evse_1"]
    [event] = events
    assert isinstance(event, NodeAdded)
    assert event.node is hub.nodes["everest:evse_1"]
    assert event.node.snapshot.available


def test_the_first_message_counts(hub: OfflineHub) -> None:
    hub.feed(f"{EVSE}/evse_1/e2m/session_info", {"state": "Charging"})
    assert hub.nodes["everest:evse_1"].snapshot.status is Status.CHARGING


@pytest.mark.parametrize(
    ("variable", "payload"),
    [
        ("heartbeat", b"not json"),
        ("heartbeat", b""),
        ("heartbeat", b"\xff\xff"),
        ("session_info", b"[]"),
        ("powermeter", b"true"),
    ],
)
def test_garbage_proves_nothing(hub: OfflineHub, variable: str, payload: bytes) -> None:
    hub.feed(f"{EVSE}/evse_1/e2m/{variable}", payload)
    assert not hub.nodes
    assert hub.ignored.total() == 1
    assert not hub.sent
    hub.feed(f"{EVSE}/evse_1/e2m/heartbeat", {})
    assert len(hub.nodes) == 1


@pytest.mark.parametrize(
    "topic",
    [
        f"{EVSE}/evse_1/e2m/get_evse/4f1d",
        f"{EVSE}/evse_1/e2m/session_info/get/4f1d",
        f"{EVSE}/evse_1/e2m/heartbeat/",
        f"{EVSE}/evse_1/e2m/",
        f"{EVSE}/evse_1/e2m",
        f"{EVSE}/evse_1/m2e/get_evse",
        f"{EVSE}/evse_1/m2e/session_info/get",
        f"{EVSE}//e2m/heartbeat",
        f"{EVSE}/evse_1",
        "everest_api/1/display_message/display/e2m/heartbeat",
        "everest_api/1/fimp_chargepoint/somebody/e2m/discover/4f1d",
        "everest_api/2/evse_manager_consumer/evse_1/e2m/heartbeat",
        "everest_api/1.0/evse_manager_consumer/evse_1/e2m/heartbeat",
        "everest_api/connector_1/cmd/pause_charging",
        "site2/everest_api/1/evse_manager_consumer/evse_1/e2m/heartbeat",
    ],
)
def test_other_topics_are_not_ours(hub: OfflineHub, topic: str) -> None:
    assert EverestProtocol(hub, "").route(topic) is None
    hub.feed(topic, {})
    assert not hub.nodes
    assert not hub.ignored


def test_replies_to_others_are_no_variables(hub: OfflineHub) -> None:
    hub.feed(f"{EVSE}/evse_1/e2m/session_info", {"state": "Charging"})
    before = hub.nodes["everest:evse_1"].snapshot
    hub.feed(f"{EVSE}/evse_1/e2m/session_info/get/4f1d", {"state": "Finished"})
    hub.feed(f"{EVSE}/evse_1/e2m/pause_charging/4f1d", payload=False)
    assert hub.nodes["everest:evse_1"].snapshot == before


def test_our_replies_come_back_below_the_prefix(hub: OfflineHub) -> None:
    hub.feed(f"site1/{EVSE}/evse_1/e2m/heartbeat", 0)
    sent = hub.take_sent("session_info/get")
    [(topic, payload)] = sent
    assert topic == f"site1/{EVSE}/evse_1/m2e/session_info/get"
    reply_to = json.loads(payload)["headers"]["replyTo"]
    assert reply_to.startswith(f"{EVSE}/evse_1/e2m/session_info/get/")
    hub.feed(f"site1/{reply_to}", {"state": "Charging"})
    assert hub.nodes["everest:site1/evse_1"].snapshot.status is Status.CHARGING
    assert not hub.ignored


def test_prefix_and_module_identify_a_charge_point(hub: OfflineHub) -> None:
    for prefix in ("", "site1/"):
        for module in ("evse_1", "evse_2"):
            hub.feed(f"{prefix}{EVSE}/{module}/e2m/heartbeat", 0)
    assert set(hub.nodes) == {
        "everest:evse_1",
        "everest:evse_2",
        "everest:site1/evse_1",
        "everest:site1/evse_2",
    }


def test_the_filters_do_not_overlap_and_cover_what_is_routed(hub: OfflineHub) -> None:
    assert EverestProtocol.filters == (
        "everest_api/1/+/+/e2m/#",
        "everest_api/ready_beacon",
    )
    assert "site1/everest_api/ready_beacon" in hub.filters


# Asking ---------------------------------------------------------------------------


def test_asks_whenever_the_link_comes_up(hub: OfflineHub) -> None:
    hub.connection_made()
    sent = hub.take_sent("everest_api/discover")
    assert {topic for topic, _ in sent} == {
        "everest_api/discover",
        "site1/everest_api/discover",
    }
    replies = [json.loads(payload)["headers"]["replyTo"] for _, payload in sent]
    assert all(each.startswith("everest_api/1/fimp_chargepoint/") for each in replies)
    assert replies[0] != replies[1]


def test_charge_points_that_answer_are_added(hub: OfflineHub) -> None:
    hub.connection_made()
    [reply_to] = discoveries(hub, "site1/")
    hub.feed(f"site1/{reply_to}", {"apis": [API]})
    hub.feed(f"site1/{reply_to}", {"apis": [OTHER]})
    hub.feed(f"site1/{reply_to}", {"apis": [API]})
    assert list(hub.nodes) == ["everest:site1/evse_1", "everest:site1/evse_2"]
    node = hub.nodes["everest:site1/evse_1"]
    assert isinstance(node, EverestChargepoint)
    assert node.snapshot.available
    # It is asked for everything, and its pace is known.
    assert hub.take_sent("session_info/get")
    hub.advance(hub.clock.time + 119)
    assert node.snapshot.available
    hub.advance(hub.clock.time + 2)
    assert node.snapshot.unavailable is Reason.SILENT


@pytest.mark.parametrize(
    "api",
    [
        OTHER | {"type": "auth_consumer"},
        OTHER | {"type": None},
        OTHER | {"version": 2},
        API | {"module_id": ""},
        API | {"module_id": 5},
        API | {"module_id": "a/b"},
        API | {"module_id": "#"},
        API | {"module_id": "a\x00b"},
        API | {"module_id": "x" * 201},
        {},
        5,
        None,
        [],
    ],
)
def test_other_answers_add_nothing(hub: OfflineHub, api: Any) -> None:
    hub.connection_made()
    [reply_to] = discoveries(hub)
    hub.feed(reply_to, {"apis": [api, API]})
    assert list(hub.nodes) == ["everest:evse_1"]
    assert not hub.ignored


@pytest.mark.parametrize(
    "monitoring", [None, 5, {}, {"heartbeat_period_ms": "x"}, {"heartbeat_period_ms": -1}]
)
def test_an_answer_need_not_tell_the_pace(hub: OfflineHub, monitoring: Any) -> None:
    hub.connection_made()
    [reply_to] = discoveries(hub)
    hub.feed(reply_to, {"apis": [API | {"communication_monitoring": monitoring}]})
    hub.advance(hub.clock.time + 31)
    assert hub.nodes["everest:evse_1"].snapshot.unavailable is Reason.SILENT


@pytest.mark.parametrize("answer", [None, [], {}, {"apis": None}, {"apis": {"a": 1}}, b"garbage"])
def test_malformed_answers_add_nothing(hub: OfflineHub, answer: Any) -> None:
    hub.connection_made()
    [reply_to] = discoveries(hub)
    hub.feed(reply_to, answer)
    assert not hub.nodes
    assert "internal" not in hub.ignored


def test_a_starting_station_is_asked_once_for_all_its_beacons(hub: OfflineHub) -> None:
    hub.connection_made()
    hub.take_sent()
    for _ in range(4):
        hub.feed("everest_api/ready_beacon", {})
    assert discoveries(hub) == []
    hub.advance(hub.clock.time + 1)
    assert len(discoveries(hub)) == 1
    hub.advance(hub.clock.time + 10)
    assert discoveries(hub) == []
    hub.feed("everest_api/ready_beacon", b"")
    hub.advance(hub.clock.time + 0.6)
    hub.feed("everest_api/ready_beacon", b"")
    hub.advance(hub.clock.time + 0.6)
    assert len(discoveries(hub)) == 1


def test_a_lost_link_asks_nothing(hub: OfflineHub) -> None:
    hub.connection_made()
    hub.feed("everest_api/ready_beacon", {})
    hub.take_sent()
    for _, each in hub._protocols:
        each.connection_lost(hub.clock.time)
    hub.advance(hub.clock.time + 10)
    assert discoveries(hub) == []


def test_a_late_or_repeated_reply_is_ignored(hub: OfflineHub) -> None:
    hub.feed(f"{EVSE}/evse_1/e2m/heartbeat", 0)
    [(_, payload)] = hub.take_sent("session_info/get")
    reply_to = json.loads(payload)["headers"]["replyTo"]
    hub.feed(reply_to, {"state": "Charging"})
    hub.feed(reply_to, {"state": "Finished"})
    assert hub.nodes["everest:evse_1"].snapshot.status is Status.CHARGING
    assert not hub.ignored


# The EVSE id, which names a new EVSE and its entities ------------------------------------


@pytest.fixture(name="unnamed")
def unnamed_fixture(hub: OfflineHub, monkeypatch: pytest.MonkeyPatch) -> OfflineHub:
    """Return a hub that has received an EVSE, and waits for its id."""
    monkeypatch.setattr(protocol, "NAMING_TIME", 2.0)
    hub.connection_made()
    hub.feed(f"{EVSE}/evse_1/e2m/session_info", {"state": "Charging"})
    assert not hub.nodes
    return hub


def test_a_new_evse_is_known_with_its_id(unnamed: OfflineHub) -> None:
    unnamed.feed(f"{EVSE}/evse_1/e2m/evse_id", "DE*PNX*E12345*1")
    (node,) = unnamed.nodes.values()
    assert node.snapshot.identity.name == "EVerest DE*PNX*E12345*1"
    assert node.snapshot.status is Status.CHARGING


def test_a_new_evse_is_known_after_two_seconds_without_an_id(unnamed: OfflineHub) -> None:
    unnamed.advance(unnamed.clock.time + 1.9)
    assert not unnamed.nodes
    unnamed.advance(unnamed.clock.time + 0.1)
    assert unnamed.nodes["everest:evse_1"].snapshot.status is Status.CHARGING
    # Once only.
    unnamed.feed(f"{EVSE}/evse_1/e2m/evse_id", "DE*PNX*E12345*1")
    assert len(unnamed.nodes) == 1


def test_a_connection_that_is_lost_meanwhile_costs_nothing(unnamed: OfflineHub) -> None:
    unnamed.connection_lost(NotConnectedError("gone"))
    unnamed.advance(unnamed.clock.time + 60)
    assert not unnamed.nodes
    unnamed.connection_made()
    unnamed.feed(f"{EVSE}/evse_1/e2m/session_info", {"state": "Unplugged"})
    unnamed.feed(f"{EVSE}/evse_1/e2m/evse_id", "DE*PNX*E12345*1")
    assert unnamed.nodes["everest:evse_1"].snapshot.status is Status.DISCONNECTED


def test_the_older_api_waits_for_an_evse_that_waits_for_its_id(unnamed: OfflineHub) -> None:
    """One station is one device: the older API must not come and go."""
    added: list[HubEvent] = []
    unnamed.add_listener(added.append)
    info = {"state": "Charging"}
    unnamed.advance(unnamed.clock.time + 60)
    unnamed.remove_node("everest:evse_1")
    added.clear()
    for second in range(5):
        unnamed.feed("everest_api/connector_1/var/session_info", info)
        if second > 1:
            unnamed.feed(f"{EVSE}/evse_2/e2m/session_info", info)
        unnamed.advance(unnamed.clock.time + 1)
    assert [each.node.address for each in added if isinstance(each, NodeAdded)] == [
        "everest:evse_2"
    ]


def test_an_evse_with_a_device_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "NAMING_TIME", 2.0)
    hub = OfflineHub(known=["everest:evse_1"])
    hub.feed(f"{EVSE}/evse_1/e2m/session_info", {"state": "Charging"})
    assert "everest:evse_1" in hub.nodes
