"""EVerest's API before v1: discovery, reports and commands, and unused if there is v1."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from custom_components.fimp_chargepoint.chargepoint.errors import (
    CommandTimeoutError,
    InvalidRequestError,
    NotConnectedError,
)
from custom_components.fimp_chargepoint.chargepoint.hub import (
    ConnectionMade,
    NodeAdded,
    NodeRemoved,
)
from custom_components.fimp_chargepoint.chargepoint.model import (
    ChargepointSnapshot,
    Feature,
    Reason,
    Status,
)
from tests.helpers.recordings import recording

from .everest_legacy_site import Site
from .fakes import Playback, lines, waits

ONE, TWO = "everest_legacy:connector_1", "everest_legacy:connector_2"
HARDWARE = {
    "max_current_A_import": 32.0,
    "min_current_A_import": 6.0,
    "max_phase_count_import": 3,
    "min_phase_count_import": 1,
    "supports_changing_phases_during_charging": True,
    "connector_type": "IEC62196Type2Socket",
}
ERROR = {"type": "generic/CommunicationFault", "sub_type": "Lost", "uuid": "59e6"}


@pytest.fixture(name="site")
def site_fixture() -> Site:
    """A station with one connector, which is known."""
    site = Site()
    site.report()
    site.wait(3)
    site.var("hardware_capabilities", HARDWARE)
    site.limits(16.0)
    return site


# Found ----------------------------------------------------------------------------


def test_found_after_v1_had_the_time_to_speak() -> None:
    site = Site()
    site.report()
    site.wait(2)
    assert site.nodes == []
    site.wait(1)
    assert site.nodes == [ONE]
    assert site.shown.available
    assert site.shown.identity.name == "EVerest connector_1"
    assert site.shown.status is Status.DISCONNECTED
    assert site.shown.plugged is False
    assert site.shown.enabled is True
    assert site.hub.ignored == {}
    assert not site.hub.take_sent("/cmd/")


def test_below_a_prefix() -> None:
    site = Site(prefix="site1/")
    site.report()
    site.wait(3)
    assert site.nodes == ["everest_legacy:site1/connector_1"]


@pytest.mark.parametrize(
    ("module", "variable", "value"),
    [
        ("connector_1", "powermeter", {"energy_Wh_import": {"total": 1}}),
        ("connector_1", "session_info", {"charged_energy_wh": 1}),
        ("connector_1", "session_info", {"state": 5}),
        ("connector_1", "selected_protocol", b"IEC61851-1"),
        ("connector_1", "datetime", b"2026-11-20T09:16:06.184Z"),
        ("connector_1", "logging_path", b"/tmp/x"),
        ("ocpp", "connection_status", b"unknown"),
        ("info", "session_info", {"state": "Unplugged"}),
        ("ocpp", "session_info", {"state": "Unplugged"}),
        ("errors", "active_errors", [ERROR]),
        ("connector_1", "hardware_capabilities", b""),
        ("bad\x07name", "session_info", {"state": "Unplugged"}),
    ],
)
def test_what_proves_nothing(module: str, variable: str, value: Any) -> None:
    site = Site()
    site.var(variable, value, module)
    site.silence(10)
    assert site.nodes == []
    assert site.hub.ignored == {}


def test_whoever_was_not_introduced_when_the_link_broke_begins_anew() -> None:
    site = Site()
    site.report()
    site.hub.connection_lost(InvalidRequestError("gone"))
    site.silence(10)
    assert site.nodes == []
    site.hub.connection_made()
    site.report()
    site.wait(3)
    assert site.nodes == [ONE]


# One station is one device ----------------------------------------------------------


def test_v1_spoke_first() -> None:
    site = Site()
    site.v1("evse")
    site.wait(70)
    assert site.nodes == ["everest:evse"]


def test_v1_speaks_within_the_time() -> None:
    site = Site()
    site.report()
    site.wait(2)
    site.v1("evse")
    site.wait(70)
    assert site.nodes == ["everest:evse"]
    assert not any(isinstance(each, NodeRemoved) for each in site.events)


def test_v1_turns_up_later(site: Site) -> None:
    site.v1("evse")
    assert site.nodes == ["everest:evse"]
    kinds = [type(each) for each in site.events if not isinstance(each, ConnectionMade)]
    # Not known to anybody twice at any moment.
    assert kinds == [NodeAdded, NodeRemoved, NodeAdded]
    site.wait(70)
    assert site.nodes == ["everest:evse"]


def test_v1_below_another_prefix_is_another_station() -> None:
    site = Site()
    site.hub.feed(
        "site1/everest_api/1/evse_manager_consumer/evse/e2m/session_info", {"state": "Charging"}
    )
    site.report()
    site.wait(3)
    assert site.nodes == ["everest:site1/evse", ONE]


def test_v1_speaks_for_some_connectors_only() -> None:
    """Rather a connector twice than one that is missing."""
    site = Site("connector_1", "connector_2")
    site.v1("evse")
    site.report()
    site.wait(60)
    assert site.nodes == ["everest:evse"]
    site.wait(4)
    assert site.nodes == ["everest:evse", ONE, TWO]
    site.v1("other")
    assert site.nodes == ["everest:evse", "everest:other"]


def test_the_rest_of_v1_turns_up_in_time() -> None:
    site = Site("connector_1", "connector_2")
    site.v1("evse")
    site.wait(30)
    site.v1("other")
    site.wait(70)
    assert site.nodes == ["everest:evse", "everest:other"]


def test_a_station_loses_v1() -> None:
    """After another update, or as its configuration was changed."""
    site = Site()
    site.v1("evse")
    site.wait(5)
    assert site.nodes == ["everest:evse"]
    site.evses.clear()
    # It may be silent for 30 s; after that, it has a minute to come back.
    site.wait(90)
    assert site.nodes == ["everest:evse"]
    site.wait(6)
    assert site.nodes == ["everest:evse", ONE]
    assert not site.hub.nodes["everest:evse"].snapshot.available
    assert site.shown.available
    site.v1("evse")
    assert site.nodes == ["everest:evse"]
    site.wait(20)
    assert site.nodes == ["everest:evse"]


def test_a_lost_link_is_no_lost_v1() -> None:
    site = Site()
    site.v1("evse")
    site.report()
    site.evses.clear()
    site.hub.connection_lost(NotConnectedError("gone"))
    site.silence(600)
    site.hub.connection_made()
    site.wait(30)
    site.v1("evse")
    site.wait(40)
    assert site.nodes == ["everest:evse"]
    assert not any(isinstance(each, NodeRemoved) for each in site.events)


def test_a_connector_was_listed_that_is_none() -> None:
    site = Site()
    site.hub.feed("everest_api/connectors", ["connector_1", "more"])
    site.v1("evse")
    site.var("session_info", site.info["connector_1"])
    site.hub.feed("everest_api/connectors", ["connector_1"])
    site.silence(70)
    assert site.nodes == ["everest:evse"]


# Read -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "status", "plugged"),
    [
        ("Preparing", Status.REQUESTING, None),
        ("AuthRequired", Status.REQUESTING, True),
        ("AuthTimeout", Status.REQUESTING, None),
        ("Charging", Status.CHARGING, True),
        ("ChargingPausedEV", Status.SUSPENDED_BY_EV, True),
        ("ChargingPausedEVSE", Status.READY_TO_CHARGE, True),
        ("WaitingForEnergy", Status.SUSPENDED_BY_EVSE, True),
        ("Finished", Status.FINISHED, True),
        ("FinishedEVSE", Status.FINISHED, True),
        ("Disabled", Status.OUT_OF_SERVICE, None),
        ("Reserved", Status.RESERVED, False),
        ("Error", Status.ERROR, False),
        ("PermanentFault", Status.ERROR, False),
        ("Unknown", None, None),
        ("TeaBreak", None, False),
    ],
)
def test_words(
    site: Site,
    word: str,
    status: Status | None,
    caplog: pytest.LogCaptureFixture,
    *,
    plugged: bool | None,
) -> None:
    site.report(word)
    shown = site.shown
    assert (shown.status, shown.plugged, shown.raw_status) == (status, plugged, word)
    assert ("unknown state" in caplog.text) is (word == "TeaBreak")


@pytest.mark.parametrize(
    "fault", [{"permanent_fault": True}, {"active_permanent_faults": [{"type": "x"}]}]
)
def test_a_permanent_fault(site: Site, fault: dict[str, Any]) -> None:
    site.report("AuthRequired", **fault)
    assert site.shown.status is Status.ERROR
    assert site.shown.plugged is True
    site.report(permanent_fault=False, active_permanent_faults=[])
    assert site.shown.status is Status.REQUESTING


def test_a_pause_does_not_look_finished(site: Site) -> None:
    site.wait(2, "Charging")
    site.wait(1, "FinishedEV")
    assert site.shown.status is Status.CHARGING
    site.wait(1, "ChargingPausedEVSE")
    assert site.shown.status is Status.READY_TO_CHARGE


def test_the_end_of_older_releases(site: Site) -> None:
    site.wait(2, "Charging")
    site.wait(14, "FinishedEV")
    assert site.shown.status is Status.CHARGING
    site.wait(3)
    assert site.shown.status is Status.FINISHED


@pytest.mark.parametrize(
    ("word", "source", "enabled"),
    [
        ("Unplugged", {"state": "Unassigned"}, True),
        ("Unplugged", {"state": "Enable"}, True),
        ("Error", {"state": "Disable"}, False),
        ("Disabled", None, False),
        ("Unplugged", None, True),
        ("Unknown", {"state": "Enabled"}, None),
    ],
)
def test_enabled(site: Site, word: str, source: Any, *, enabled: bool | None) -> None:
    site.report(word, active_enable_disable_source=source)
    assert site.shown.enabled is enabled


def test_enabling_says_unplugged_though_the_car_is_there(site: Site) -> None:
    site.wait(1, "AuthRequired")
    site.wait(1, "Disabled")
    site.wait(1, "Unplugged")
    assert (site.shown.status, site.shown.plugged) == (None, None)
    site.wait(1, "AuthRequired")
    assert site.shown.plugged is True


def test_power_without_a_powermeter(site: Site) -> None:
    assert Feature.POWER not in site.shown.capabilities.reports
    site.report("Charging", latest_total_w=10743.4)
    assert site.shown.meter.power == 10743
    assert Feature.POWER in site.shown.capabilities.reports
    site.report(latest_total_w=0.0)
    assert site.shown.meter.power == 0


def test_the_powermeter_is_believed(site: Site) -> None:
    meter = {
        "energy_Wh_import": {"total": 1234.5},
        "power_W": {"total": 7000.4},
        "voltage_V": {"L1": 230.04, "L2": 229.1, "L3": 230},
    }
    site.var("powermeter", meter)
    site.report("Charging", latest_total_w=9.0)
    assert site.shown.meter.power == 7000
    assert site.shown.meter.energy == 1.234
    assert lines(site.shown.meter, "voltage") == (230.0, 229.1, 230.0)


def test_what_the_hardware_can(site: Site) -> None:
    capabilities = site.shown.capabilities
    assert site.shown.identity.model == "EVSE (Type 2 socket)"
    assert capabilities.controls == {
        Feature.CHARGING,
        Feature.ENABLED,
        Feature.UNLOCK_CONNECTOR,
        Feature.STOP_TRANSACTION,
        Feature.MAX_CURRENT,
        Feature.PHASES,
    }
    assert capabilities.ranges[Feature.MAX_CURRENT][:2] == (6, 32)
    single = {"max_phase_count_import": 1}
    site.var("hardware_capabilities", HARDWARE | single)
    assert Feature.PHASES not in site.shown.capabilities.controls


def test_limits(site: Site) -> None:
    assert (site.shown.max_current, site.shown.phases) == (16, "3")
    site.var("limits", {"nr_of_phases_available": 3, "max_current": 0.0})
    assert site.shown.max_current == 16
    site.limits(0.0, 0)
    # The phases are not reported then, and have not changed.
    assert (site.shown.effective_current, site.shown.phases) == (0, "3")


def test_the_car(site: Site) -> None:
    site.var("ev_info", {})
    assert Feature.VEHICLE not in site.shown.capabilities.reports
    site.var("ev_info", {"soc": 42.5})
    assert site.shown.vehicle.state_of_charge == 42.5
    assert Feature.VEHICLE in site.shown.capabilities.reports


def test_errors_of_a_single_connector(site: Site) -> None:
    site.var("active_errors", [ERROR, {"type": "a/b"}, {}, 5], "errors")
    assert site.shown.faults == {"generic/CommunicationFault: Lost", "a/b"}
    site.var("active_errors", [], "errors")
    assert site.shown.faults == frozenset()


def test_errors_of_several_connectors_are_nobody_s() -> None:
    site = Site("connector_1", "connector_2")
    site.report()
    site.wait(3)
    site.var("active_errors", [ERROR], "errors")
    assert site.shown.faults == frozenset()


def test_the_same_again_is_not_published(site: Site) -> None:
    published: list[ChargepointSnapshot] = []
    site.wait(1, "Charging", charged_energy_wh=5)
    site.node.add_listener(published.append)
    site.wait(20)
    site.limits(16.0)
    site.var("hardware_capabilities", HARDWARE)
    assert published == []


# Sessions ---------------------------------------------------------------------------


def at(site: Site) -> datetime:
    """Return the present moment."""
    return datetime.fromtimestamp(site.hub.clock.time, UTC)


def test_a_session(site: Site) -> None:
    # Reports before the transaction begins are of the previous one.
    site.wait(1, "AuthRequired", charged_energy_wh=134)
    started = at(site)
    assert site.shown.session.started == started
    assert not site.shown.session.start_guessed
    assert site.shown.meter.session_energy is None
    site.wait(1, "Charging", charged_energy_wh=0)
    site.wait(5, charged_energy_wh=50)
    site.wait(1, "Finished", charged_energy_wh=51)
    assert site.shown.session.ended is None
    site.wait(1, "Unplugged")
    assert site.shown.session.started == started
    assert site.shown.session.ended == at(site)
    assert site.shown.meter.session_energy == 0.051

    site.wait(1, "Preparing")
    assert site.shown.session.started == at(site)
    assert site.shown.plugged is None


def test_a_session_that_was_running_before() -> None:
    site = Site()
    site.report("Charging", charged_energy_wh=7000)
    site.wait(3)
    assert site.shown.session.start_guessed
    assert site.shown.meter.session_energy == 7
    begun = datetime(2026, 1, 1, tzinfo=UTC)
    site.node.restore_session(begun, 8.0)
    assert site.shown.session.started != begun
    site.node.restore_session(begun, 6.5)
    assert (site.shown.session.started, site.shown.meter.session_energy) == (begun, 7)
    site.wait(1, charged_energy_wh=7100)
    assert (site.shown.session.started, site.shown.meter.session_energy) == (begun, 7.1)


def test_what_an_earlier_run_knew_is_kept_without_a_car(site: Site) -> None:
    begun = datetime(2026, 1, 1, tzinfo=UTC)
    site.node.restore_session(begun, 8.0)
    site.wait(1)
    assert (site.shown.session.started, site.shown.meter.session_energy) == (begun, 8)
    site.wait(1, "AuthRequired")
    assert site.shown.session.started == at(site)
    site.node.restore_session(begun, 8.0)
    assert site.shown.session.started == at(site)


def test_a_counter_below_zero_leaves_it_to_the_meter(site: Site) -> None:
    def meter(total: float) -> None:
        site.var("powermeter", {"energy_Wh_import": {"total": total}})

    meter(100)
    site.wait(1, "AuthRequired", charged_energy_wh=-100)
    site.wait(1, "Charging", charged_energy_wh=-100)
    meter(140)
    assert site.shown.meter.session_energy == 0.04


@pytest.mark.parametrize("words", [["Charging"], ["Finished", "Charging"]])
def test_another_session_that_was_not_seen_to_begin(site: Site, words: list[str]) -> None:
    site.wait(1, "Charging", charged_energy_wh=5000)
    for word in words[:-1]:
        site.wait(1, word)
    site.wait(1, words[-1], charged_energy_wh=3)
    assert site.shown.session.started == at(site)
    assert site.shown.meter.session_energy == 0.003


def test_two_sessions_within_a_moment(site: Site) -> None:
    site.wait(1, "AuthRequired")
    site.wait(1, "Unplugged")
    site.wait(1, "AuthRequired")
    started = at(site)
    site.wait(3)
    assert (site.shown.session.started, site.shown.session.ended) == (started, None)


def test_the_same_session_after_a_gap(site: Site) -> None:
    site.wait(1, "Charging", charged_energy_wh=5000)
    started = site.shown.session.started
    site.silence(31)
    site.wait(1, charged_energy_wh=6000)
    assert site.shown.session.started == started
    assert site.shown.meter.session_energy == 6


def test_a_restart_begins_a_new_session(site: Site) -> None:
    site.wait(1, "Charging", charged_energy_wh=5000)
    site.wait(1, "Unknown", charged_energy_wh=0)
    assert (site.shown.status, site.shown.plugged, site.shown.enabled) == (None, None, None)
    site.wait(1, "AuthRequired")
    assert site.shown.session.started == at(site)


# Availability -----------------------------------------------------------------------


def test_silence(site: Site) -> None:
    site.wait(1, "Charging")
    site.silence(29.5)
    assert site.shown.available
    site.silence(1)
    assert site.shown.unavailable is Reason.SILENT
    assert (site.shown.status, site.shown.max_current) == (None, None)
    site.report()
    assert site.shown.available
    assert site.shown.status is Status.CHARGING


def test_the_link(site: Site) -> None:
    site.hub.connection_lost(InvalidRequestError("gone"))
    assert site.shown.unavailable is Reason.NOT_CONNECTED
    site.hub.connection_made()
    assert site.shown.unavailable is Reason.NOT_HEARD
    site.silence(31)
    assert site.shown.unavailable is Reason.SILENT
    site.report()
    assert site.shown.available


@pytest.mark.parametrize(
    ("variable", "garbage"),
    [
        *(("session_info", each) for each in (b"{", b"\xff", b"[]", b"5", b"x" * 300_000)),
        ("limits", b"null"),
        ("hardware_capabilities", b"nonsense"),
        ("powermeter", b"[1]"),
        ("ev_info", b'"x"'),
    ],
)
def test_garbage_is_counted_and_changes_nothing(site: Site, variable: str, garbage: bytes) -> None:
    before = site.shown
    site.var(variable, garbage)
    assert site.shown == before
    assert sum(site.hub.ignored.values()) == 1
    assert "internal" not in site.hub.ignored


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("session_info", {}),
        ("session_info", {"permanent_fault": True}),
        ("session_info", {"state": 5, "permanent_fault": 1, "latest_total_w": []}),
        ("limits", {}),
        ("limits", {"max_current": "x"}),
    ],
)
def test_what_makes_no_sense_changes_nothing(
    site: Site, variable: str, value: dict[str, Any]
) -> None:
    before = site.shown
    site.var(variable, value)
    assert site.shown == before


@pytest.mark.parametrize(
    "topic", ["everest_api/connectors", "everest_api/errors/var/active_errors"]
)
def test_garbage_about_the_station(site: Site, topic: str) -> None:
    before = site.shown
    for each in (b"{}", b"5", b"{", b"\xff"):
        site.hub.feed(topic, each)
    site.hub.feed(topic, [5, {}, "a/b", None, []])
    assert site.shown == before
    assert sum(site.hub.ignored.values()) == 4
    assert "internal" not in site.hub.ignored


# Commands -----------------------------------------------------------------------------


async def test_pause_and_resume(site: Site) -> None:
    site.wait(3, "Charging")
    task, command, payload = await site.send(site.node.stop_charging())
    assert (command, payload) == ("pause_charging", b"1")
    site.wait(1)
    site.wait(1, "FinishedEV")
    assert await waits(task)
    site.wait(1, "ChargingPausedEVSE")
    await task
    site.wait(5)
    task, command, _ = await site.send(site.node.start_charging())
    assert command == "resume_charging"
    site.wait(1, "Charging")
    await task


async def test_a_start_that_nothing_follows_is_given_up(site: Site) -> None:
    site.wait(1, "ChargingPausedEVSE")
    task, *_ = await site.send(site.node.start_charging())
    site.wait(11)
    with pytest.raises(CommandTimeoutError):
        await task


async def test_disable_and_enable(site: Site) -> None:
    task, command, payload = await site.send(site.node.set(Feature.ENABLED, False))
    assert command == "enable_disable"
    assert payload == (b'{"connector_id":0,"source":"LocalAPI","state":"Disable","priority":100}')
    site.wait(1)
    assert await waits(task)
    site.wait(1, "Disabled", active_enable_disable_source={"state": "Disable"})
    await task
    site.wait(3)
    task, _, payload = await site.send(site.node.set(Feature.ENABLED, True))
    assert b'"Enable"' in payload
    site.wait(1, "Unplugged", active_enable_disable_source={"state": "Enable"})
    await task


async def test_set_the_current(site: Site) -> None:
    task, command, payload = await site.send(site.node.set(Feature.MAX_CURRENT, 8.36))
    assert (command, payload) == ("set_limit_amps", b"8.3")
    site.limits(16.0)
    assert await waits(task)
    site.limits(8.3)
    await task


@pytest.mark.parametrize("sent", ["end_failsafe", "send_limits"])
async def test_what_is_on_its_way_goes_along_with_all_others(site: Site, sent: str) -> None:
    """After a failsafe or a restart, all limits are sent at once: none overtakes a newer one."""
    task, *_ = await site.send(site.node.set(Feature.MAX_CURRENT, 10))

    async def send() -> None:
        if sent == "send_limits":
            site.node.send_limits()
        else:
            await site.node.end_failsafe()

    again, command, payload = await site.send(send())
    assert (command, payload) == ("set_limit_amps", b"10")
    site.limits(10.0)
    await task
    await again


async def test_a_current_that_the_station_never_allows(site: Site) -> None:
    task, *_ = await site.send(site.node.set(Feature.MAX_CURRENT, 8))
    site.limits(8.0)
    await task
    site.silence(3)
    task, _, payload = await site.send(site.node.set(Feature.MAX_CURRENT, 32))
    assert payload == b"32"
    site.limits(8.0)
    assert await waits(task)
    site.limits(16.0)
    await task


async def test_without_a_way_to_the_energy_nothing_happens(site: Site) -> None:
    task, *_ = await site.send(site.node.set(Feature.MAX_CURRENT, 8))
    for _ in range(11):
        site.limits(16.0)
        site.wait(1)
    with pytest.raises(CommandTimeoutError):
        await task


async def test_phases(site: Site) -> None:
    task, *_ = await site.send(site.node.set(Feature.MAX_CURRENT, 10))
    site.limits(10.0)
    await task
    site.limits(0.0)
    assert (site.shown.max_current, site.shown.effective_current) == (10, 0)
    task, command, payload = await site.send(site.node.set(Feature.PHASES, "1"))
    assert command == "set_limit_amps_phases"
    assert orjson.loads(payload) == {"amps": 10, "phases": 1}
    site.silence(2)
    site.limits(10.0, 3)
    assert await waits(task)
    site.limits(10.0, 1)
    await task
    # A new current must not take the limit of the phases away.
    task, command, payload = await site.send(site.node.set(Feature.MAX_CURRENT, 12))
    assert command == "set_limit_amps_phases"
    assert orjson.loads(payload) == {"amps": 12, "phases": 1}
    site.limits(12.0, 1)
    await task
    task, _, payload = await site.send(site.node.set(Feature.PHASES, "3"))
    assert orjson.loads(payload) == {"amps": 12, "phases": 3}
    site.limits(12.0, 3)
    await task


@pytest.mark.parametrize(("holding", "kept"), [(13.0, 13), (0.0, 32)])
async def test_phases_keep_the_current_that_holds(site: Site, holding: float, kept: float) -> None:
    site.limits(holding)
    task, _, payload = await site.send(site.node.set(Feature.PHASES, "1"))
    assert orjson.loads(payload) == {"amps": kept, "phases": 1}
    site.silence(2)
    site.limits(kept, 1)
    await task


@pytest.mark.parametrize(("seconds", "current"), [(5, 8), (65, 13)])
async def test_what_was_set_from_here_goes_along_until_somebody_else_decides(
    site: Site, seconds: int, current: float
) -> None:
    task, *_ = await site.send(site.node.set(Feature.MAX_CURRENT, 8))
    site.limits(8.0)
    await task
    # A stricter limit of another client hides ours; another one that lasts ends it.
    site.limits(7.0)
    site.limits(13.0)
    site.wait(seconds)
    task, _, payload = await site.send(site.node.set(Feature.PHASES, "1"))
    assert orjson.loads(payload) == {"amps": current, "phases": 1}
    site.limits(13.0, 1)
    await task


async def test_what_a_restart_has_taken_away_does_not_come_back(site: Site) -> None:
    task, *_ = await site.send(site.node.set(Feature.MAX_CURRENT, 8))
    site.limits(8.0)
    await task
    site.wait(1, "Unknown")
    site.limits(16.0)
    task, _, payload = await site.send(site.node.set(Feature.PHASES, "1"))
    assert orjson.loads(payload) == {"amps": 16, "phases": 1}
    site.limits(16.0, 1)
    await task


async def test_phases_where_the_hardware_cannot(site: Site) -> None:
    site.var("hardware_capabilities", HARDWARE | {"max_phase_count_import": 1})
    with pytest.raises(InvalidRequestError):
        await site.node.set(Feature.PHASES, "1")
    site.limits(16.0, 1)
    task, command, _ = await site.send(site.node.set(Feature.MAX_CURRENT, 8))
    assert command == "set_limit_amps"
    site.limits(8.0, 1)
    await task


@pytest.mark.parametrize(
    ("feature", "expected"),
    [
        (Feature.STOP_TRANSACTION, "stop_charging"),
        (Feature.UNLOCK_CONNECTOR, "force_unlock"),
    ],
)
async def test_what_ends_the_transaction(site: Site, feature: Feature, expected: str) -> None:
    site.wait(3, "Charging")
    task, command, payload = await site.send(site.node.act(feature))
    assert (command, payload) == (expected, b"1")
    again = asyncio.create_task(site.node.act(feature))
    site.wait(1)
    site.wait(1, "FinishedEV")
    assert await waits(task)
    site.wait(1, "FinishedEVSE")
    await task
    await again


async def test_a_transaction_that_does_not_end(site: Site) -> None:
    site.wait(3, "Charging")
    task, *_ = await site.send(site.node.act(Feature.STOP_TRANSACTION))
    site.wait(11)
    with pytest.raises(CommandTimeoutError):
        await task


async def test_unlock_without_a_transaction(site: Site) -> None:
    site.wait(3, "Finished")
    task, *_ = await site.send(site.node.act(Feature.UNLOCK_CONNECTOR))
    assert await waits(task)
    site.wait(1)
    await task


# A real station -----------------------------------------------------------------------


@pytest.fixture(name="play", scope="module")
def play_fixture() -> Playback:
    return Playback(recording("everest/recorded/legacy_api_main_ac_sessions_thinned"))


def test_recorded_nothing_is_ignored(play: Playback) -> None:
    assert not play.hub.ignored
    assert list(play.hub.nodes) == [ONE]


@pytest.mark.parametrize(
    ("t", "status", "plugged", "enabled"),
    [
        (7.9, Status.DISCONNECTED, False, True),
        (24.1, Status.REQUESTING, True, True),
        (30.1, Status.CHARGING, True, True),
        (50.1, Status.CHARGING, True, True),
        (51.1, Status.READY_TO_CHARGE, True, True),
        (61.1, Status.CHARGING, True, True),
        (74.1, Status.CHARGING, True, True),
        (75.1, Status.READY_TO_CHARGE, True, True),
        (96.1, Status.READY_TO_CHARGE, True, True),
        (102.1, Status.CHARGING, True, True),
        (117.5, Status.FINISHED, True, True),
        (132.1, Status.DISCONNECTED, False, True),
        (136.1, Status.REQUESTING, None, True),
        (144.1, Status.CHARGING, True, True),
        (156.1, Status.SUSPENDED_BY_EV, True, True),
        (169.9, Status.FINISHED, True, True),
        (179.1, Status.DISCONNECTED, False, True),
        (183.1, Status.OUT_OF_SERVICE, None, False),
        (186.1, Status.DISCONNECTED, False, True),
        (194.1, Status.REQUESTING, True, True),
        (198.1, Status.OUT_OF_SERVICE, None, False),
        (202.1, None, None, True),
    ],
)
def test_recorded_what_a_person_would_say(
    play: Playback, t: float, status: Status | None, *, plugged: bool | None, enabled: bool
) -> None:
    shown = play.at(t, ONE)
    assert (shown.status, shown.plugged, shown.enabled) == (status, plugged, enabled)


def test_recorded_limits_and_errors(play: Playback) -> None:
    assert play.at(6.5, ONE).faults == {"generic/CommunicationFault: Initial communication check"}
    assert play.at(21, ONE).faults == frozenset()
    assert len(play.at(214.8, ONE).faults) == 1
    course = play.course(ONE, "max_current")
    assert course == [16, 10, 0, 16, 8, 16]
    assert play.at(200, ONE).phases == "3"
    assert play.at(200, ONE).identity.model == "EVSE (Type 2 cable)"


def test_recorded_energy_and_sessions(play: Playback) -> None:
    first = play.at(132.1, ONE)
    assert first.meter.session_energy == 0.134
    assert first.session.started is not None
    assert first.session.ended is not None
    assert not first.session.start_guessed
    seconds = (first.session.ended - first.session.started).total_seconds()
    assert seconds == pytest.approx(132.036 - 24.033, abs=0.1)

    second = play.at(179.1, ONE)
    # The counter is negative there; the recording has one reading of the meter in five
    # seconds, so the first of them is lost.
    assert second.meter.session_energy == pytest.approx(0.032, abs=0.003)
    assert play.at(194.1, ONE).session.started != second.session.started
    assert play.at(36.3, ONE).meter.power == pytest.approx(10731)
    assert play.at(36.3, ONE).meter.energy == 0.015
