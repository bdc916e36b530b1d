"""The health of the device: alarms, errors, its own values, and its adapter's login."""

from typing import Any

import orjson
import pytest

from custom_components.fimp_chargepoint.chargepoint.errors import NotConnectedError
from custom_components.fimp_chargepoint.chargepoint.hub import Warned, Withdrawn
from custom_components.fimp_chargepoint.chargepoint.model import (
    ChargepointSnapshot,
    Feature,
    Health,
    Reason,
)
from custom_components.fimp_chargepoint.chargepoint.notices import LoginLost
from custom_components.fimp_chargepoint.chargepoint.scheduler import posix

from .fakes import OfflineHub
from .fimp_messages import (
    ADAPTER,
    ADDRESS,
    APP,
    CHARGER,
    commands,
    inclusion,
    kinds,
    node_report,
    report,
    state,
)

ALARMS = CHARGER.replace("sv:chargepoint", "sv:alarm_system")
DIAGNOSTIC = CHARGER.replace("sv:chargepoint", "sv:diagnostic")
LOGIN = ("pt:j1/mt:cmd/rt:ad/rn:easee/ad:1", "cmd.app.get_state", None)
KEY = "fimp:easee/1"
LOST = LoginLost(KEY, "easee")


def equipped(**interfaces: list[str]) -> dict[str, Any]:
    """Return the inclusion report of a charge point with more services beside it."""
    message = inclusion()
    message["val"]["services"] += [
        {
            "name": service,
            "address": f"/rt:dev/rn:easee/ad:1/sv:{service}/ad:1",
            "interfaces": [{"msg_t": name} for name in names],
        }
        for service, names in interfaces.items()
    ]
    return message


def alarm(event: str, status: str) -> dict[str, Any]:
    return report("evt.alarm.report", "str_map", {"event": event, "status": status})


def errors(*names: str) -> dict[str, Any]:
    return report("evt.errors.report", "str_array", list(names))


def login(auth: Any) -> dict[str, Any]:
    value = {"app": "RUNNING", "connection": "CONNECTED", "config": "CONFIGURED", "auth": auth}
    return report("evt.app.state_report", "object", value)


@pytest.fixture
def hub() -> OfflineHub:
    hub = OfflineHub()
    hub.connection_made()
    hub.feed(ADAPTER, inclusion())
    hub.feed(CHARGER, state())
    hub.advance(hub.clock.time + 5)
    hub.take_sent()
    return hub


def snapshot(hub: OfflineHub) -> ChargepointSnapshot:
    found = hub.nodes[ADDRESS].snapshot
    assert isinstance(found, ChargepointSnapshot)
    return found


# Alarms and errors ---------------------------------------------------------------------


@pytest.mark.parametrize(("begun", "ended"), [("activ", "deactiv"), ("active", "inactive")])
def test_an_alarm_begins_and_ends(hub: OfflineHub, begun: str, ended: str) -> None:
    hub.feed(ALARMS, alarm("RCD_TRIP_FAULT", begun))
    hub.feed(ALARMS, alarm("PEN_FAULT", begun))
    hub.feed(ALARMS, alarm("PEN_FAULT", begun))
    assert snapshot(hub).faults == {"rcd_trip_fault", "pen_fault"}
    assert snapshot(hub).problems == ("pen_fault", "rcd_trip_fault")
    hub.feed(ALARMS, alarm("RCD_TRIP_FAULT", ended))
    assert snapshot(hub).faults == {"pen_fault"}
    # One that never began may end.
    hub.feed(ALARMS, alarm("OVER_TEMP_FAULT", ended))
    hub.feed(ALARMS, alarm("PEN_FAULT", ended))
    assert snapshot(hub).problems == ()
    assert not hub.ignored


@pytest.mark.parametrize("status", ["", "perhaps", "ACTIV", None, 1, True, ["activ"]])
def test_an_alarm_in_an_unknown_state_changes_nothing(hub: OfflineHub, status: Any) -> None:
    hub.feed(ALARMS, alarm("PEN_FAULT", "activ"))
    value = {"event": "PEN_FAULT", "status": status}
    hub.feed(ALARMS, report("evt.alarm.report", "object", value))
    value = {"event": "RCD_TRIP_FAULT", "status": status}
    hub.feed(ALARMS, report("evt.alarm.report", "object", value))
    assert snapshot(hub).faults == {"pen_fault"}
    assert hub.ignored.total() == 2


def test_an_alarm_that_is_not_in_the_documents_counts(hub: OfflineHub) -> None:
    hub.feed(ALARMS, alarm("CONTACTOR_STUCK", "activ"))
    assert snapshot(hub).problems == ("contactor_stuck",)


def test_an_alarm_repeated_in_a_flood_does_not_end(hub: OfflineHub) -> None:
    for number in range(60):
        hub.feed(ALARMS, alarm(f"FAULT_{number}", "activ"))
    hub.feed(ALARMS, alarm("FAULT_0", "activ"))
    assert "fault_0" in snapshot(hub).faults
    assert len(snapshot(hub).faults) == 50


def test_errors_are_all_there_are(hub: OfflineHub) -> None:
    hub.feed(DIAGNOSTIC, errors("hot", "loud"))
    hub.feed(ALARMS, alarm("PEN_FAULT", "activ"))
    assert snapshot(hub).problems == ("hot", "loud", "pen_fault")
    hub.feed(DIAGNOSTIC, errors("loud"))
    assert snapshot(hub).errors == {"loud"}
    assert snapshot(hub).faults == {"pen_fault"}


@pytest.mark.parametrize("value", [[], None])
def test_no_errors(hub: OfflineHub, value: Any) -> None:
    """An adapter in Go may report null for an empty list, as it does for its things."""
    hub.feed(DIAGNOSTIC, errors("hot"))
    hub.feed(DIAGNOSTIC, report("evt.errors.report", "str_array", value))
    assert snapshot(hub).problems == ()
    assert not hub.ignored


def test_a_fault_does_not_change_charging(hub: OfflineHub) -> None:
    before = snapshot(hub)
    hub.feed(ALARMS, alarm("PEN_FAULT", "activ"))
    assert snapshot(hub).status == before.status
    assert snapshot(hub).capabilities == before.capabilities


# The device's own values -----------------------------------------------------------------

VALUES = [
    ("rssi", "int", -67, Feature.SIGNAL_STRENGTH),
    ("lqi", "int", 180, Feature.LINK_QUALITY),
    ("reboots_count", "int", 3, Feature.RESTARTS),
    ("reboot_reason", "string", "watchdog", Feature.RESTART_REASON),
]


@pytest.mark.parametrize(("name", "value_type", "value", "feature"), VALUES)
def test_the_device_reports_how_it_is(
    hub: OfflineHub, name: str, value_type: str, value: Any, feature: Feature
) -> None:
    assert feature not in snapshot(hub).capabilities.reports
    hub.feed(DIAGNOSTIC, report(f"evt.{name}.report", value_type, value))
    expected: dict[str, Any] = {feature: value}
    assert snapshot(hub).health == Health(**expected)
    # It was seen, so there will be something to show.
    assert feature in snapshot(hub).capabilities.reports


def test_since_when_it_runs(hub: OfflineHub) -> None:
    """That is a time that stays the same, also when it is read later."""
    started = posix(hub.clock.time)
    for passed, value_type in ((86_400, "int"), (90_000.5, "float")):
        hub.clock.time = started.timestamp() + passed
        hub.feed(DIAGNOSTIC, report("evt.uptime.report", value_type, passed))
        assert snapshot(hub).health == Health(uptime=started)
    hub.clock.time += 1000
    hub.feed(DIAGNOSTIC, report("evt.rssi.report", "int", -67))
    assert snapshot(hub).health.uptime == started
    assert Feature.UPTIME in snapshot(hub).capabilities.reports


@pytest.mark.parametrize("seconds", [-1, 1e11])
def test_an_uptime_that_cannot_be(hub: OfflineHub, seconds: float) -> None:
    hub.feed(DIAGNOSTIC, report("evt.uptime.report", "float", seconds))
    assert snapshot(hub).health.uptime is None
    assert hub.ignored == {"value": 1}


def test_one_value_does_not_touch_the_others(hub: OfflineHub) -> None:
    for name, value_type, value, _ in VALUES:
        hub.feed(DIAGNOSTIC, report(f"evt.{name}.report", value_type, value))
    assert snapshot(hub).health == Health(
        signal_strength=-67,
        link_quality=180,
        restarts=3,
        restart_reason="watchdog",
    )


@pytest.mark.parametrize("reason", [Reason.OFFLINE, Reason.NOT_CONNECTED, Reason.SILENT])
def test_what_does_not_speak_has_no_problems(hub: OfflineHub, reason: Reason) -> None:
    hub.feed(ALARMS, alarm("PEN_FAULT", "activ"))
    hub.feed(DIAGNOSTIC, errors("hot"))
    hub.feed(DIAGNOSTIC, report("evt.rssi.report", "int", -67))
    if reason is Reason.OFFLINE:
        hub.feed(ADAPTER, node_report("DOWN"))
    elif reason is Reason.NOT_CONNECTED:
        hub.connection_lost(NotConnectedError("gone"))
    else:
        hub.advance(hub.clock.time + 500)
    assert snapshot(hub).unavailable is reason
    assert snapshot(hub).problems == ()
    assert snapshot(hub).health == Health()
    # Its capabilities stay.
    assert Feature.SIGNAL_STRENGTH in snapshot(hub).capabilities.reports


# Questions -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("services", "asked"),
    [
        ({}, set()),
        ({"alarm_system": [], "diagnostic": []}, set()),
        ({"alarm_system": ["evt.alarm.report"]}, {"alarm"}),
        ({"alarm_system": ["cmd.alarm.get_report"]}, {"alarm"}),
        ({"diagnostic": ["evt.rssi.report", "cmd.uptime.get_report"]}, {"rssi", "uptime"}),
        (
            {
                "diagnostic": [
                    f"evt.{name}.report"
                    for name in ("errors", "lqi", "rssi", "uptime", "reboots_count")
                ]
                + ["cmd.reboot_reason.get_report"]
            },
            {"errors", "lqi", "rssi", "uptime", "reboots_count", "reboot_reason"},
        ),
        # A service that is not the one which has it.
        ({"diagnostic": ["evt.alarm.report"], "alarm_system": ["evt.rssi.report"]}, set()),
    ],
)
def test_only_what_is_listed_is_asked_for(services: dict[str, list[str]], asked: set[str]) -> None:
    hub = OfflineHub()
    hub.connection_made()
    hub.take_sent()
    hub.feed(ADAPTER, equipped(**services))
    questions = {kind for _, kind, _ in commands(hub) if kind.endswith(".get_report")}
    always = {"state", "current_session", "cable_lock"}
    assert questions == {f"cmd.{name}.get_report" for name in always | asked}


def test_questions_go_to_their_own_service() -> None:
    hub = OfflineHub()
    hub.connection_made()
    hub.feed(
        ADAPTER,
        equipped(alarm_system=["evt.alarm.report"], diagnostic=["evt.errors.report"]),
    )
    asked = {
        (topic, message["serv"], message["val_t"])
        for topic, payload in hub.take_sent(".get_report")
        for message in [orjson.loads(payload)]
        if message["serv"] in ("alarm_system", "diagnostic")
    }
    assert asked == {
        (ALARMS.replace("mt:evt", "mt:cmd"), "alarm_system", "null"),
        (DIAGNOSTIC.replace("mt:evt", "mt:cmd"), "diagnostic", "null"),
    }


def test_what_is_back_is_asked_how_it_is() -> None:
    hub = OfflineHub()
    hub.connection_made()
    hub.feed(ADAPTER, equipped(diagnostic=["evt.errors.report"]))
    hub.feed(CHARGER, state())
    hub.feed(ADAPTER, node_report("DOWN"))
    hub.take_sent()
    hub.feed(ADAPTER, node_report("UP"))
    assert "cmd.errors.get_report" in kinds(hub)


# The adapter's login at its vendor ---------------------------------------------------------


@pytest.fixture
def events(hub: OfflineHub) -> list[object]:
    found: list[object] = []
    hub.add_listener(found.append)
    return found


@pytest.mark.parametrize("topic", [ADAPTER, APP])
@pytest.mark.parametrize("auth", ["NOT_AUTHENTICATED", "LOST", "ERROR"])
@pytest.mark.parametrize("back", ["AUTHENTICATED", "NA"])
def test_a_lost_login_is_reported_until_it_is_back(
    hub: OfflineHub, events: list[object], topic: str, auth: str, back: str
) -> None:
    hub.feed(topic, login(auth))
    hub.feed(topic, login(auth))
    assert hub.warnings == {KEY: LOST}
    assert events == [Warned(LOST)]
    # Only an adapter that reports clearly that it is not logged in is no longer believed.
    assert snapshot(hub).available is (auth != "NOT_AUTHENTICATED")
    hub.feed(topic, login(back))
    hub.feed(topic, login(back))
    assert hub.warnings == {}
    assert events == [Warned(LOST), Withdrawn(LOST)]


@pytest.mark.parametrize("auth", ["", "IN_PROGRESS", "of another day", None])
def test_what_does_not_tell_changes_nothing(
    hub: OfflineHub, events: list[object], auth: Any
) -> None:
    hub.feed(ADAPTER, login(auth))
    assert hub.warnings == {}
    hub.feed(ADAPTER, login("LOST"))
    hub.feed(ADAPTER, login(auth))
    assert hub.warnings == {KEY: LOST}
    assert events == [Warned(LOST)]


def test_only_adapters_with_charge_points_count(hub: OfflineHub, events: list[object]) -> None:
    for topic in (ADAPTER, APP):
        hub.feed(topic.replace("rn:easee", "rn:sonos"), login("LOST"))
        hub.feed(topic.removesuffix("1") + "2", login("LOST"))
    assert hub.warnings == {}
    assert events == []


def test_with_the_last_charge_point_its_notice_goes(hub: OfflineHub, events: list[object]) -> None:
    hub.feed(ADAPTER, inclusion("2", ("2",)))
    hub.feed(ADAPTER, login("LOST"))
    gone = report("evt.thing.exclusion_report", "object", {"address": "1"})
    hub.feed(ADAPTER, gone)
    assert hub.warnings == {KEY: LOST}
    gone["val"] = {"address": "2"}
    hub.feed(ADAPTER, gone)
    assert hub.warnings == {}
    assert events[-1] == Withdrawn(LOST)
    hub.take_sent()
    hub.advance(hub.clock.time + 1300)
    assert "cmd.app.get_state" not in kinds(hub)


def test_the_login_is_asked_for_every_two_minutes() -> None:
    hub = OfflineHub()
    hub.connection_made()
    hub.take_sent()
    start = hub.clock.time
    # Two charge points of one adapter are one question.
    hub.feed(ADAPTER, inclusion())
    hub.feed(ADAPTER, inclusion("2", ("2",)))
    asked = []
    for after in (0, 119, 121, 239, 241, 361):
        hub.advance(start + after)
        asked.append([each for each in commands(hub) if "app" in each[1]])
    assert asked == [[LOGIN], [], [LOGIN], [], [LOGIN], [LOGIN]]


def test_without_a_charge_point_no_login_is_asked_for() -> None:
    hub = OfflineHub()
    hub.connection_made()
    hub.feed(ADAPTER, report("evt.network.all_nodes_report", "object", [{"address": "1"}]))
    hub.advance(hub.clock.time + 1300)
    assert "cmd.app.get_state" not in kinds(hub)


def test_the_login_is_asked_for_after_a_lost_connection(hub: OfflineHub) -> None:
    hub.connection_lost(NotConnectedError("gone"))
    hub.take_sent()
    hub.advance(hub.clock.time + 1300)
    assert hub.sent == []
    hub.connection_made()
    assert commands(hub).count(LOGIN) == 1
    hub.advance(hub.clock.time + 121)
    assert commands(hub).count(LOGIN) == 1


def test_a_lost_login_outlives_the_connection(hub: OfflineHub, events: list[object]) -> None:
    """It has not reported that it is back."""
    hub.feed(ADAPTER, login("LOST"))
    hub.connection_lost(NotConnectedError("gone"))
    hub.connection_made()
    hub.feed(ADAPTER, login("LOST"))
    assert hub.warnings == {KEY: LOST}
    assert [each for each in events if isinstance(each, Warned | Withdrawn)] == [Warned(LOST)]


def test_two_sites_have_logins_of_their_own() -> None:
    hub = OfflineHub(("", "site/"))
    hub.connection_made()
    hub.feed(ADAPTER, inclusion())
    hub.feed("site/" + ADAPTER, inclusion())
    hub.feed("site/" + APP, login("LOST"))
    assert set(hub.warnings) == {"fimp:site/easee/1"}
    hub.feed(APP, login("AUTHENTICATED"))
    assert set(hub.warnings) == {"fimp:site/easee/1"}
