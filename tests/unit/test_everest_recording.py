"""A real EVerest (main, simulated AC car, three sessions), played through the hub."""

from datetime import UTC, datetime

import pytest

from custom_components.fimp_chargepoint.chargepoint.model import Feature, Status
from tests.helpers.recordings import recording, samples

from .fakes import OfflineHub, Playback, lines

EVSE = "everest:evse_manager_api"


@pytest.fixture(name="play", scope="module")
def play_fixture() -> Playback:
    return Playback(recording("everest/recorded/api_v1_main_ac_sessions"))


def test_nothing_in_it_is_ignored(play: Playback) -> None:
    assert not play.hub.ignored
    assert list(play.hub.nodes) == [EVSE]


def test_it_introduces_itself(play: Playback) -> None:
    snapshot = play.at(6.0, EVSE)
    assert snapshot.available
    assert snapshot.identity.name == "EVerest DE*PNX*E12345*1"
    assert snapshot.identity.model == "EVSE (Type 2 cable)"
    assert snapshot.identity.evse_id == "DE*PNX*E12345*1"
    assert snapshot.capabilities.reports >= {
        Feature.STATUS,
        Feature.SESSION_ENERGY,
        Feature.POWER,
        Feature.ENERGY,
        Feature.EVSE_ID,
        Feature.LIMITED_BY,
        Feature.TEMPERATURE,
        Feature.POWER_L1,
    }
    # A module for limits stands beside it.
    assert snapshot.capabilities.controls >= {Feature.CHARGING, Feature.MAX_CURRENT}
    assert (snapshot.status, snapshot.plugged) == (Status.DISCONNECTED, False)
    assert snapshot.meter.session_energy is None
    assert snapshot.session.started is None


@pytest.mark.parametrize(
    ("t", "status", "plugged"),
    [
        (23.5, Status.REQUESTING, True),
        (29.9, Status.CHARGING, True),
        (49.95, Status.CHARGING, True),
        (51.0, Status.CHARGING, True),
        (51.02, Status.READY_TO_CHARGE, True),
        (60.1, Status.READY_TO_CHARGE, True),
        (60.8, Status.CHARGING, True),
        (74.2, Status.SUSPENDED_BY_EVSE, True),
        (84.4, Status.CHARGING, True),
        (117.5, Status.FINISHED, True),
        (132.5, Status.DISCONNECTED, False),
        (135.9, Status.REQUESTING, False),
        (141.0, Status.REQUESTING, False),
        (141.5, Status.REQUESTING, True),
        (143.4, Status.CHARGING, True),
        (155.5, Status.SUSPENDED_BY_EV, True),
        (169.8, Status.SUSPENDED_BY_EV, True),
        (169.9, Status.FINISHED, True),
        (179.5, Status.DISCONNECTED, False),
        (182.9, Status.OUT_OF_SERVICE, None),
        (186.1, Status.DISCONNECTED, False),
        (193.2, Status.REQUESTING, True),
        (197.6, Status.OUT_OF_SERVICE, None),
        (201.8, None, None),
        (225.0, None, None),
    ],
)
def test_what_a_person_would_say(
    play: Playback, t: float, status: Status | None, *, plugged: bool | None
) -> None:
    snapshot = play.at(t, EVSE)
    assert (snapshot.status, snapshot.plugged) == (status, plugged)


def test_no_pause_looks_finished(play: Playback) -> None:
    course = play.course(EVSE, "status")
    assert course.count(Status.FINISHED) == 2
    assert Status.ERROR not in course


def test_energy_and_sessions(play: Playback) -> None:
    first = play.at(131.3, EVSE)
    assert first.session.id == "b001f436-950d-4851-969c-e0c435b83604"
    assert first.session.started == datetime(2026, 11, 20, 9, 15, 59, 600_000, UTC)
    assert first.session.ended == datetime(2026, 11, 20, 9, 17, 47, 315_000, UTC)
    assert first.meter.session_energy == 0.134

    second = play.at(155.5, EVSE)
    assert second.meter.session_energy in (0.033, 0.034)
    assert play.at(178.4, EVSE).meter.session_energy == 0.034

    third = play.at(193.3, EVSE)
    assert third.meter.session_energy == 0


def test_energy_never_falls_within_a_session(play: Playback) -> None:
    before, of = 0.0, None
    for snapshot in (nodes[EVSE] for _, nodes in play._frames if EVSE in nodes):
        energy = snapshot.meter.session_energy
        if snapshot.session.id != of:
            of, before = snapshot.session.id, 0.0
        if of is not None:
            assert energy is not None
            assert energy >= before
            before = energy


def test_measurements_are_what_they_can_mean(play: Playback) -> None:
    meter = play.at(36.3, EVSE).meter
    assert meter.power == 10758
    assert meter.energy == 0.018
    assert all(each == round(each or 0, 2) for each in lines(meter, "current"))
    assert all(each == round(each or 0, 1) for each in lines(meter, "voltage"))
    assert play.at(52.0, EVSE).meter.power == 0


def test_what_everest_s_own_serializer_writes_is_taken() -> None:
    hub = OfflineHub()
    names = {
        "ac_nr_of_phases_available",
        "ac_pp_ampacity",
        "dc_mode",
        "dc_voltage_current",
        "dlink_ready",
        "enforced_limits",
        "ev_info",
        "evse_id",
        "heartbeat",
        "hw_capabilities",
        "powermeter",
        "selected_protocol",
        "session_event",
        "session_info",
        "supported_energy_transfer_modes",
    }
    fed = 0
    for path in samples():
        name = next((each for each in names if path.stem.startswith(each)), None)
        if name is not None:
            hub.feed(f"everest_api/1/evse_manager_consumer/api/e2m/{name}", path.read_bytes())
            fed += 1
    assert fed > 20
    assert not hub.ignored
    meter = hub.nodes["everest:api"].snapshot.meter
    assert meter.energy == 4.612
    assert lines(meter, "voltage") == (228.5, 229.1, 230.0)
