"""Sessions of real charge points, from their recordings."""

from typing import Any

import pytest

from .session_playing import Watched

EVSE = "everest:evse_manager_api"
EASEE = "fimp:easee/1/1"
DEFA = "fimp:defa/1/DEFA12345"
FAULTS = "everest/live/enable_unlock_faults.jsonl"
TOP_UP = "fimp/live/easee_full_topup_full_again.jsonl"
NEXT = "fimp/live/easee_offline_midsession_limit_taken_but_refused.jsonl"

#: How the integration can be away: what it does then, and for how many seconds.
AWAY = pytest.mark.parametrize("restarts", [False, True], ids=["broker lost", "restart"])


def away(watched: Watched, *, restarts: bool) -> None:
    """Let the integration receive nothing for some time."""
    if restarts:
        watched.restart()
    else:
        watched.events.clear()
        watched.all.clear()
        watched.outage(1)


def records(watched: Watched) -> list[dict[str, Any]]:
    """Return what is kept."""
    return [record.as_dict() for record in watched.tracker.records]


# Events --------------------------------------------------------------------------------


def test_a_session_after_disable_and_enable_is_a_new_one() -> None:
    watched = Watched(EVSE)
    watched.play(FAULTS, 0, 134)
    watched.wait(10)
    assert watched.names[watched.events.index(("car_connected", 92.6)) :] == [
        "car_connected",
        "authorized",
        "charging_started",
        "session_finished",
        # Disabled and enabled again with the car in place.
        "authorized",
        "charging_started",
        "session_finished",
        "car_disconnected",
    ]
    reasons = [each["ended_by"] for each in records(watched)]
    assert reasons == ["remote", "evse_disabled", "local"]


def test_a_token_before_the_car_authorizes_once() -> None:
    watched = Watched(EVSE)
    watched.play(FAULTS, 110)
    watched.wait(10)
    names = watched.names[watched.names.index("car_disconnected") + 1 :]
    assert names[:3] == ["authorized", "car_connected", "charging_started"]
    assert names.count("authorized") == 1
    assert watched.all[-2].as_dict()["ended_by"] == "unlock_command"


def test_an_authorization_that_expires() -> None:
    watched = Watched(EVSE)
    watched.play(FAULTS, 0, 60)
    assert watched.names == ["authorized", "deauthorized"]
    assert not watched.tracker.records


# Unseen ends -----------------------------------------------------------------------------


@AWAY
def test_a_car_that_left_an_evse_in_a_gap(*, restarts: bool) -> None:
    watched = Watched(EVSE)
    watched.play(FAULTS, 110, 127)
    assert watched.names[-1] == "charging_started"
    away(watched, restarts=restarts)
    watched.play(FAULTS, 133, 134)
    watched.wait(9)
    assert watched.names == []
    watched.wait(2)
    assert watched.names == ["late session_finished", "late car_disconnected"]
    finished, gone = (event.as_dict() for event in watched.all)
    assert finished == records(watched)[-1] | {"late": True}
    assert finished["started"] == "2026-11-21T16:31:20.585000+00:00"
    assert finished["ended"] == gone["ended"] == "2026-11-21T16:31:35.662000+00:00"
    assert finished["energy"] == 0.017
    watched.wait(60)
    assert len(watched.events) == 2


@AWAY
def test_a_car_that_left_an_easee_in_a_gap(*, restarts: bool) -> None:
    watched = Watched(EASEE)
    watched.play(TOP_UP, 0, 100)
    assert watched.names[-1] == "charging_resumed"
    away(watched, restarts=restarts)
    watched.play(TOP_UP, 116)
    watched.wait(20)
    assert watched.names == ["late session_finished", "late car_disconnected"]
    assert records(watched)[-1] | {"late": True} == watched.all[0].as_dict()
    assert records(watched)[-1]["ended"] == "2026-11-21T16:17:44+00:00"
    assert records(watched)[-1]["energy"] == 4.123


@AWAY
def test_a_session_that_was_ended_in_a_gap(*, restarts: bool) -> None:
    """By disabling the station; the car stays, and no report says that it left."""
    watched = Watched(EVSE)
    watched.play(FAULTS, 90, 100)
    away(watched, restarts=restarts)
    watched.play(FAULTS, 108, 134)
    watched.wait(20)
    assert watched.names[0] == "late session_finished"
    assert watched.all[0].as_dict()["ended"] == "2026-11-21T16:31:06.698000+00:00"
    assert "late car_disconnected" not in watched.names
    assert "car_connected" not in watched.names
    assert len(records(watched)) == 2


# What chargers report of a session -------------------------------------------------------


def test_a_counter_that_is_reset_is_no_new_session() -> None:
    """DEFA's reports 0 kWh when charging has finished, while the car is still there."""
    watched = Watched(DEFA)
    watched.play("fimp/live/defa_real_adapter.jsonl")
    watched.wait(10)
    (record,) = records(watched)
    assert record["energy"] == 0.179
    assert watched.names[-2:] == ["session_finished", "car_disconnected"]
    assert watched.names.count("session_finished") == 1
    snapshot = watched.hub.nodes[DEFA].snapshot
    assert snapshot.meter.session_energy == pytest.approx(0.179, abs=0.001)  # type: ignore[attr-defined]


def test_the_charger_corrects_the_last_session() -> None:
    """It went on counting after its last report."""
    watched = Watched(EASEE)
    watched.play(TOP_UP)
    watched.wait(5)
    assert [each["energy"] for each in records(watched)] == [4.123]
    watched.play(NEXT, 0, 10)
    assert [each["energy"] for each in records(watched)] == [4.15]


def test_a_session_that_may_have_been_missed_corrects_nothing() -> None:
    watched = Watched(EASEE)
    watched.play(TOP_UP)
    watched.wait(5)
    watched.outage(1)
    watched.play(NEXT, 0, 10)
    assert [each["energy"] for each in records(watched)] == [4.123]
