"""The snapshots show what a person reads in the recordings of real FIMP adapters."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest

from custom_components.fimp_chargepoint.chargepoint.capabilities import (
    Parameter,
    ParameterKind,
    Range,
)
from custom_components.fimp_chargepoint.chargepoint.model import Feature, Reason, Status
from tests.helpers.recordings import recording

from .fakes import Playback, lines

EASEE = "fimp:easee/1/1"
WALLBOX = "fimp:testcharger/1/1"
MINIMAL = "fimp:mincharger/1/1"


@pytest.fixture(scope="module")
def easee() -> Playback:
    return Playback(recording("fimp/captures/easee_adapter"))


@pytest.fixture(scope="module")
def full() -> Playback:
    return Playback(recording("fimp/captures/charger_full"))


def test_easee_introduces_itself(easee: Playback) -> None:
    snapshot = easee.at(2.1, EASEE)
    assert snapshot.identity.name == "Easee Home"
    assert snapshot.identity.manufacturer == "Easee"
    assert snapshot.identity.serial_number == "XX12345"
    assert snapshot.identity.sw_version is None
    assert snapshot.available
    assert snapshot.status is Status.DISCONNECTED
    assert snapshot.plugged is False
    assert snapshot.cable_lock is False
    assert snapshot.meter.power == 0
    assert snapshot.meter.energy == 1234.5
    # Its lock is reported, though not listed, and cannot be set.
    assert Feature.CABLE_LOCK in snapshot.capabilities.reports
    assert Feature.CABLE_LOCK not in snapshot.capabilities.controls
    assert snapshot.capabilities.options[Feature.CHARGING_MODE] == ("normal", "slow")


def test_easee_first_session(easee: Playback) -> None:
    plugged = easee.at(14.0, EASEE)
    assert plugged.status is Status.READY_TO_CHARGE
    assert plugged.plugged is True
    assert plugged.cable_lock is True
    assert plugged.cable_current == 32
    assert plugged.session.started == datetime(2026, 11, 20, 8, 42, 54, tzinfo=UTC)
    assert plugged.session.ended is None

    charging = easee.at(18.0, EASEE)
    assert charging.status is Status.CHARGING
    assert charging.meter.power == 11040
    assert lines(charging.meter, "current") == (16, 16, 16)
    assert charging.meter.session_energy == 0.0306

    slow = easee.at(24.0, EASEE)
    assert slow.meter.power == 6900
    assert lines(slow.meter, "current") == (10, 10, 10)


def test_easee_stop_is_proven_three_seconds_late(easee: Playback) -> None:
    assert easee.at(44.5, EASEE).status is Status.CHARGING
    assert easee.at(44.5, EASEE).meter.power == 0
    assert easee.at(47.0, EASEE).status is Status.READY_TO_CHARGE


def test_easee_walks_through_its_states(easee: Playback) -> None:
    assert easee.course(EASEE, "status") == [
        None,
        Status.DISCONNECTED,
        Status.READY_TO_CHARGE,
        Status.CHARGING,
        Status.READY_TO_CHARGE,
        Status.SUSPENDED_BY_EV,
        Status.REQUESTING,
        Status.ERROR,
        Status.FINISHED,
        Status.DISCONNECTED,
        None,
        Status.READY_TO_CHARGE,
        Status.CHARGING,
        Status.DISCONNECTED,
    ]


def test_easee_goes_offline_and_returns(easee: Playback) -> None:
    offline = easee.at(57.0, EASEE)
    assert offline.unavailable is Reason.OFFLINE
    assert offline.status is None
    assert offline.meter.power is None
    # An error report, the answer to our own polling, does not show that it is online.
    assert easee.at(70.0, EASEE).unavailable is Reason.OFFLINE
    back = easee.at(77.0, EASEE)
    assert back.available
    assert back.status is None
    assert back.meter.power == 0


def test_easee_second_session_never_shows_the_first_one_again(easee: Playback) -> None:
    ended = easee.at(54.0, EASEE)
    assert ended.session.ended == datetime(2026, 11, 20, 8, 43, 36, tzinfo=UTC)
    assert ended.meter.session_energy == 0.069

    second = easee.at(84.0, EASEE)
    assert second.session.started == datetime(2026, 11, 20, 8, 44, 5, tzinfo=UTC)
    assert second.session.ended is None
    assert second.meter.session_energy == 0

    energies = [
        (nodes[EASEE].session.started, nodes[EASEE].meter.session_energy)
        for _, nodes in easee._frames
        if EASEE in nodes and nodes[EASEE].meter.session_energy is not None
    ]
    for (started, before), (same, after) in pairwise(energies):
        assert started != same or after >= before
    assert energies[-1][1] == 0.0766


def test_easee_is_deleted_in_the_end(easee: Playback) -> None:
    assert EASEE in easee.nodes_at(115.2)
    assert easee.nodes_at(116.7) == {}
    # The typing error for address 99 was answered by an error report: no charge point.
    assert all(set(nodes) <= {EASEE} for _, nodes in easee._frames)


def test_full_charger_can_everything(full: Playback) -> None:
    capabilities = full.at(1.0, WALLBOX).capabilities
    assert Feature.CABLE_LOCK in capabilities.controls
    assert {Feature.POWER, Feature.ENERGY} <= capabilities.reports
    assert "slow" in capabilities.options[Feature.CHARGING_MODE]


def test_full_charger_session(full: Playback) -> None:
    slow = full.at(45.0, WALLBOX)
    assert slow.status is Status.CHARGING
    assert slow.meter.power == 6900
    assert slow.meter.energy == 100.003
    assert lines(slow.meter, "voltage") == (230.1, 229.7, 231.2)
    one_phase = full.at(60.0, WALLBOX)
    assert one_phase.meter.power == 2760
    assert lines(one_phase.meter, "current") == (12, 0, 0)
    assert full.at(62.0, WALLBOX).status is Status.READY_TO_CHARGE
    unlocked = full.at(62.3, WALLBOX)
    assert unlocked.cable_lock is False
    assert unlocked.cable_current == 32
    assert full.at(62.7, WALLBOX).cable_lock is True


def test_full_charger_reports_every_state(full: Playback) -> None:
    for t, status in (
        (85, Status.REQUESTING),
        (90, Status.SUSPENDED_BY_EV),
        (95, Status.SUSPENDED_BY_EVSE),
        (100, Status.FINISHED),
        (105, Status.ERROR),
        (115, Status.OUT_OF_SERVICE),
        (120, None),
        (125, Status.DISCONNECTED),
    ):
        assert full.at(t, WALLBOX).status is status
    assert full.at(120, WALLBOX).raw_status == "unknown"
    assert full.at(115, WALLBOX).plugged is None


def test_full_charger_comes_and_goes(full: Playback) -> None:
    assert full.at(131, WALLBOX).unavailable is Reason.OFFLINE
    assert full.at(135, WALLBOX).available
    three = {f"fimp:testcharger/1/{number}" for number in (1, 2, 3)}
    assert set(full.nodes_at(150)) == three
    assert set(full.nodes_at(155.1)) == three - {"fimp:testcharger/1/2"}
    assert full.nodes_at(157.2) == {}
    assert set(full.nodes_at(160)) == {WALLBOX}


def test_minimal_charger(full: Playback) -> None:
    capabilities = full.at(290, MINIMAL).capabilities
    assert Feature.CABLE_LOCK not in capabilities.reports
    assert Feature.CHARGING_MODE not in capabilities.controls
    charging = full.at(300, MINIMAL)
    assert charging.status is Status.CHARGING
    assert charging.meter.power == 22080
    assert charging.meter.energy == 100.012
    assert charging.cable_lock is None
    ended = full.at(315, MINIMAL)
    assert ended.status is Status.DISCONNECTED
    assert ended.meter.session_energy == 0.047
    assert ended.session.ended == datetime(2026, 11, 20, 8, 48, 22, tzinfo=UTC)


def test_easee_reports_and_takes_its_currents_and_phases(easee: Playback) -> None:
    capabilities = easee.at(30.0, EASEE).capabilities
    assert {Feature.MAX_CURRENT, Feature.SESSION_CURRENT} <= capabilities.controls
    assert capabilities.ranges[Feature.MAX_CURRENT] == Range(6, 32)
    # Its phases are only reported.
    assert not capabilities.controls & {Feature.PHASE_MODE, Feature.PHASES}
    assert {Feature.PHASE_MODE, Feature.OFFERED_CURRENT} <= capabilities.reports
    assert easee.course(EASEE, "max_current")[:3] == [None, 32, 20]
    assert easee.course(EASEE, "phase_mode")[:3] == [None, "nl1", "nl1l2l3"]
    assert easee.course(EASEE, "phases")[:3] == [None, "1", "3"]


def test_what_is_offered_is_no_limit_that_we_set(easee: Playback, full: Playback) -> None:
    """When the car is gone, Easee offers 20 A once more to the session that is over."""
    assert easee.course(EASEE, "session_current") == [None]
    assert full.course(WALLBOX, "session_current") == [None]
    offered = [easee.at(t, EASEE).meter.offered_current for t in (18, 24, 47, 84, 86)]
    assert offered == [16, 10, 0, 0, 20]


def test_easee_has_one_setting(easee: Playback) -> None:
    assert easee.at(1.0, EASEE).capabilities.parameters == (
        Parameter(
            id="cable_always_locked",
            name="Cable always locked",
            kind=ParameterKind.SWITCH,
            value_type="bool",
            choices={"Yes": True, "No": False},
        ),
    )
    # Nothing is known while it is offline; afterwards it is reported and set again.
    assert easee.course(EASEE, "parameters") == [
        {},
        {"cable_always_locked": False},
        {},
        {"cable_always_locked": False},
        {"cable_always_locked": True},
    ]


def test_full_charger_has_settings(full: Playback) -> None:
    assert full.at(40.0, WALLBOX).capabilities.parameters == (
        Parameter(
            id="cable_always_locked",
            name="Cable always locked",
            kind=ParameterKind.SWITCH,
            value_type="bool",
            choices={"Yes": True, "No": False},
        ),
        Parameter(
            id="free_charging",
            name="Free charging",
            kind=ParameterKind.SWITCH,
            value_type="bool",
            choices={"Yes": True, "No": False},
        ),
        Parameter(
            id="led_brightness",
            name="LED brightness",
            kind=ParameterKind.NUMBER,
            value_type="int",
            range=Range(0, 100),
        ),
    )
    assert full.at(40.0, WALLBOX).parameters == {"led_brightness": 50}
    assert full.at(142.0, WALLBOX).parameters == {"led_brightness": 80}


def test_full_charger_currents_and_phases(full: Playback) -> None:
    capabilities = full.at(40.0, WALLBOX).capabilities
    assert {
        Feature.MAX_CURRENT,
        Feature.SESSION_CURRENT,
        Feature.PHASE_MODE,
        Feature.PHASES,
        Feature.RESTART,
    } <= capabilities.controls
    assert capabilities.options[Feature.PHASE_MODE] == ("nl1l2l3", "nl1", "nl2", "nl3")
    assert full.course(WALLBOX, "phases")[:4] == [None, "3", "1", "3"]
    assert full.course(WALLBOX, "max_current")[:4] == [None, 32, 12, 32]


def test_nothing_in_the_recordings_is_ignored(easee: Playback, full: Playback) -> None:
    assert not easee.hub.ignored
    assert not full.hub.ignored
