"""The sessions of a charge point, from reports like those of FIMP and EVerest."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from custom_components.fimp_chargepoint.chargepoint.model import Session, Status, Vehicle
from custom_components.fimp_chargepoint.chargepoint.sessions import (
    RECORDS_MAX,
    SessionTracker,
)
from custom_components.fimp_chargepoint.chargepoint.sessions.history import ActiveSession
from custom_components.fimp_chargepoint.chargepoint.sessions.record import Price
from custom_components.fimp_chargepoint.chargepoint.sessions.tracker import SETTLING_TIME

from .session_home import Home, at

FIXED = Price(2.0, "NOK", fixed=True)


def charging(home: Home) -> None:
    """Let a car come at minute 10, and begin to charge at minute 20."""
    home.report(0, Status.DISCONNECTED)
    home.report(10, Status.READY_TO_CHARGE)
    home.report(10.5, session=Session(started=at(10)), energy=0.0)
    home.report(20, Status.CHARGING)
    home.report(30, energy=1.0)


def test_a_whole_session() -> None:
    """Each event is sent once, the end a moment late but with the time it was seen."""
    home = Home()
    charging(home)
    home.report(40, Status.SUSPENDED_BY_EV)
    home.report(50, Status.CHARGING)
    home.report(70, Status.DISCONNECTED)
    # The final energy is reported after the status.
    home.report(70.01, energy=6.0, session=Session(started=at(10), ended=at(70)))
    home.waits(80)
    assert home.events == [
        ("car_connected", 10),
        ("charging_started", 20),
        ("charging_paused", 40),
        ("charging_resumed", 50),
        ("session_finished", 70),
        ("car_disconnected", 70),
    ]
    assert home.received == [home.record]
    assert home.record == {
        "energy": 6.0,
        "duration": 3600,
        "average_power": 6000,
        "started": at(10).isoformat(),
        "ended": at(70).isoformat(),
    }
    assert home.tracker.active is None


def test_the_end_is_reported_after_a_moment() -> None:
    home = Home()
    charging(home)
    home.report(70, Status.DISCONNECTED)
    assert home.tracker.next_deadline == at(70).timestamp() + SETTLING_TIME
    assert home.tracker.tick(at(70).timestamp() + SETTLING_TIME - 0.1) == []
    assert [str(each.event_type) for each in home.tracker.close()] == [
        "session_finished",
        "car_disconnected",
    ]


def test_a_full_car_that_stays() -> None:
    """The session is over when the car is full; what it takes later belongs to it."""
    home = Home()
    charging(home)
    home.report(70, Status.FINISHED, energy=6.0)
    home.report(100, energy=6.1)
    assert home.events[-1] == ("session_finished", 70)
    assert home.record["energy"] == 6.1
    home.report(110, Status.CHARGING)
    home.report(130, Status.FINISHED, energy=7.0)
    home.waits(140)
    assert home.events[-2:] == [("charging_resumed", 110), ("session_finished", 130)]
    assert [each["energy"] for each in home.received] == [6.0, 7.0]
    home.report(600, Status.DISCONNECTED)
    home.waits(610)
    assert home.events[-1] == ("car_disconnected", 600)
    assert len(home.received) == 2
    assert home.record["energy"] == 7.0
    assert home.record["ended"] == at(130).isoformat()


def test_it_was_not_the_end() -> None:
    """A passing moment between two others."""
    home = Home()
    charging(home)
    home.report(70, Status.FINISHED)
    home.report(70.01, Status.CHARGING)
    home.waits(80)
    assert home.events[-1] == ("charging_started", 20)
    assert not home.tracker.records


def test_only_taken_out_of_service() -> None:
    """A station that is disabled reports for a moment that the car has left."""
    home = Home()
    charging(home)
    home.report(70, Status.DISCONNECTED)
    home.report(70.002, Status.OUT_OF_SERVICE)
    home.waits(80)
    home.report(90, Status.READY_TO_CHARGE, session=Session(started=at(90)), energy=0.0)
    assert home.events[2:] == [("session_finished", 70)]
    home.report(100, Status.DISCONNECTED)
    home.waits(110)
    assert home.events[3:] == [("car_disconnected", 100)]


def test_a_car_that_only_stood_there() -> None:
    home = Home()
    home.report(0, Status.DISCONNECTED)
    home.report(10, Status.READY_TO_CHARGE)
    home.report(20, Status.DISCONNECTED)
    home.waits(30)
    assert home.events == [("car_connected", 10), ("car_disconnected", 20)]
    assert not home.tracker.records


def test_another_car_at_once() -> None:
    home = Home()
    charging(home)
    home.report(70, Status.DISCONNECTED, energy=6.0)
    home.report(70.01, Status.REQUESTING)
    assert [name for name, _ in home.events[2:]] == [
        "session_finished",
        "car_disconnected",
        "car_connected",
    ]
    assert home.record["energy"] == 6.0


def test_whose_car_it_was() -> None:
    """It is reported early, and forgotten when the car has left."""
    home = Home()
    charging(home)
    home.report(40, vehicle=Vehicle(id="NO-1"))
    home.report(70, Status.DISCONNECTED, vehicle=Vehicle())
    home.waits(80)
    assert home.record["who"] == "NO-1"


# What a charge point reports of its session ----------------------------------------------


def test_the_session_is_reported_before_the_car() -> None:
    home = Home()
    home.report(0, Status.DISCONNECTED)
    home.report(10, session=Session(started=at(10)), energy=0.0)
    home.report(10.01, Status.CHARGING)
    home.report(70, Status.DISCONNECTED, energy=4.0)
    home.waits(80)
    assert home.record["energy"] == 4.0
    assert home.record["started"] == at(10).isoformat()


def test_the_old_session_is_reported_for_a_while() -> None:
    """Its energy is not that of the car that has just come."""
    home = Home()
    home.report(0, Status.DISCONNECTED)
    home.report(10, Status.CHARGING)
    assert home.tracker.active is not None
    assert home.tracker.active.energy is None
    home.report(10.5, session=Session(started=at(10)), energy=0.1)
    assert home.tracker.active.energy == 0.1


def test_it_never_reports_when_a_session_began() -> None:
    """Then it began when the car came, and a drop of its energy is its begin."""
    home = Home()
    home.report(0, Status.DISCONNECTED, session=Session(started=at(-5), start_guessed=True))
    home.report(10, Status.CHARGING)
    home.report(12, session=Session(started=at(12)), energy=0.2)
    home.report(70, Status.DISCONNECTED, energy=4.0)
    home.waits(80)
    assert home.record["energy"] == 4.0
    assert home.record["started"] == at(12).isoformat()


def test_nothing_falls_where_nothing_was() -> None:
    home = Home()
    guess = Session(started=at(-5), start_guessed=True)
    home.report(0, Status.DISCONNECTED, session=guess, energy=0.0)
    for start in (10, 110):
        before = home.snapshot.meter.session_energy
        home.report(start, Status.CHARGING)
        home.report(start + 30, energy=before + 4.0)
        home.report(start + 60, Status.DISCONNECTED)
        home.waits(start + 70)
    assert [each["energy"] for each in home.received] == [4.0, 8.0]
    assert home.received[0]["started"] == at(10).isoformat()


def test_energy_never_falls() -> None:
    home = Home()
    charging(home)
    home.report(40, energy=0.5)
    assert home.tracker.active is not None
    assert home.tracker.active.energy == 1.0


def test_the_start_is_reported_a_little_differently() -> None:
    home = Home()
    charging(home)
    home.report(40, session=Session(started=at(10) + timedelta(seconds=1)))
    home.report(70, Status.DISCONNECTED)
    home.waits(80)
    assert home.record["started"] == (at(10) + timedelta(seconds=1)).isoformat()


def test_an_end_before_the_beginning_is_not_believed() -> None:
    home = Home()
    charging(home)
    home.report(70, Status.DISCONNECTED, session=Session(started=at(10), ended=at(5)))
    home.waits(80)
    assert home.record["ended"] == at(70).isoformat()


def test_another_session_with_the_car_in_place() -> None:
    """The first one is over then."""
    home = Home()
    charging(home)
    home.report(40, Status.READY_TO_CHARGE, session=Session(started=at(40)), energy=0.0)
    assert home.record["energy"] == 1.0
    home.report(45, Status.CHARGING, energy=0.5)
    home.report(70, Status.DISCONNECTED)
    home.waits(80)
    assert [each.energy for each in home.tracker.records] == [1.0, 0.5]
    assert [each["energy"] for each in home.received] == [1.0, 0.5]
    assert home.events[2:4] == [("session_finished", 40), ("charging_started", 45)]


# While disconnected ---------------------------------------------------------------------


def test_a_gap_in_mid_session() -> None:
    home = Home()
    charging(home)
    home.lost(40)
    home.report(45, Status.CHARGING)
    home.report(46, energy=3.0)
    home.report(70, Status.DISCONNECTED)
    home.waits(80)
    assert [name for name, _ in home.events] == [
        "car_connected",
        "charging_started",
        "session_finished",
        "car_disconnected",
    ]
    assert home.record["energy"] == 3.0
    assert home.record["duration"] == 3600


def test_an_end_before_a_gap_is_an_end() -> None:
    home = Home()
    charging(home)
    home.report(70, Status.DISCONNECTED)
    home.lost(70.01)
    assert home.events[-1] == ("car_disconnected", 70)
    assert home.record["ended"] == at(70).isoformat()


@pytest.mark.parametrize(
    ("session", "known"),
    [
        # It reports when the session ended, so it knows its energy as well.
        (
            Session(started=at(10), ended=at(50)),
            {"energy": 6.0, "duration": 2400, "average_power": 9000},
        ),
        # It ended at that time.
        (Session(started=at(10), ended=at(60.1)), {}),
        # Whether its energy is from before the gap is unknown.
        (Session(started=at(10)), {}),
        (Session(started=at(55)), {}),
    ],
)
def test_an_end_in_a_gap(session: Session, known: dict[str, Any]) -> None:
    """Certain facts are kept, and reported as late."""
    home = Home()
    charging(home)
    home.lost(40)
    home.report(60, Status.DISCONNECTED)
    home.report(60.01, session=session, energy=6.0)
    home.waits(70)
    assert home.events[2:] == [("late session_finished", 60), ("late car_disconnected", 60)]
    assert home.received == [home.record | {"late": True}]
    for key, value in known.items():
        assert home.record[key] == value
    assert ("energy" in home.record) is ("ended" in home.record) is bool(known)
    assert home.record["started"] == at(10).isoformat()
    assert home.tracker.active is None


def test_a_restart_in_mid_session() -> None:
    home = Home()
    charging(home)
    home.restarts()
    home.report(50, Status.CHARGING)
    # Only now it is sure that it is the same car.
    home.report(50.01, session=Session(started=at(10)), energy=4.0)
    home.report(70, Status.DISCONNECTED, energy=6.0)
    home.waits(80)
    assert home.record["energy"] == 6.0
    assert home.record["duration"] == 3600
    assert home.events[2:] == [("session_finished", 70), ("car_disconnected", 70)]


def test_an_end_between_two_runs() -> None:
    home = Home()
    charging(home)
    home.restarts()
    home.report(60, Status.DISCONNECTED)
    home.report(60.01, session=Session(started=at(10), ended=at(50)), energy=6.0)
    home.waits(70)
    assert home.events[2:] == [("late session_finished", 60), ("late car_disconnected", 60)]
    assert home.record["energy"] == 6.0
    assert home.record["ended"] == at(50).isoformat()


def test_an_energy_of_this_run_is_sure() -> None:
    """Its end is not reported, but its energy was not known before."""
    home = Home()
    charging(home)
    home.restarts()
    home.report(60, Status.DISCONNECTED)
    home.report(60.01, session=Session(started=at(10), start_guessed=True), energy=6.0)
    home.waits(70)
    assert home.record == {"energy": 6.0, "started": at(10).isoformat()}


def test_another_car_between_two_runs() -> None:
    home = Home()
    charging(home)
    home.restarts()
    home.report(60, Status.CHARGING)
    home.report(60.01, session=Session(started=at(55)), energy=0.5)
    assert "energy" not in home.record
    home.report(70, Status.DISCONNECTED, energy=1.5)
    home.waits(80)
    assert [each.energy for each in home.tracker.records] == [None, 1.5]
    # The departure of the first car was not seen: it may be the same one.
    assert [each.get("energy") for each in home.received] == [None, 1.5]
    assert home.events[2:] == [
        ("late session_finished", 60),
        ("session_finished", 70),
        ("car_disconnected", 70),
    ]


def test_energy_is_reported_before_the_status() -> None:
    """The meter is reported before the status."""
    home = Home()
    home.report(0, Status.DISCONNECTED)
    home.report(10, Status.REQUESTING, session=Session(started=at(10)), energy=0.0)
    home.report(11, energy=0.1)
    home.report(12, Status.CHARGING)
    assert home.events[-1] == ("charging_started", 12)


def test_it_has_charged_before_this_run() -> None:
    """The energy of the session may be reported only after its status."""
    home = Home()
    charging(home)
    home.report(40, Status.READY_TO_CHARGE)
    home.restarts()
    home.report(50, Status.READY_TO_CHARGE)
    home.report(51, session=Session(started=at(10)), energy=1.0)
    home.report(60, Status.CHARGING)
    assert home.events[-1] == ("charging_resumed", 60)


def test_the_first_reports_are_no_news() -> None:
    """A station that was restarted begins without a car, and then finds one."""
    home = Home()
    charging(home)
    home.lost(40)
    home.report(45, Status.DISCONNECTED, session=Session(started=at(10), ended=at(45)))
    home.report(45.01, Status.REQUESTING, session=Session(started=at(45.01)), energy=0.0)
    home.report(45.1, Status.CHARGING)
    assert home.events[2:] == [("late session_finished", 45)]
    home.report(60, Status.SUSPENDED_BY_EV, energy=2.0)
    home.report(70, Status.DISCONNECTED)
    home.waits(80)
    assert home.events[3:] == [
        ("charging_paused", 60),
        ("session_finished", 70),
        ("car_disconnected", 70),
    ]
    assert [each.energy for each in home.tracker.records] == [1.0, 2.0]


def test_an_end_among_the_first_reports_is_late() -> None:
    """The report before may have been outdated, so the time of the end is unknown."""
    home = Home()
    charging(home)
    home.lost(40)
    home.report(45, Status.CHARGING)
    home.report(45.05, Status.DISCONNECTED, energy=3.0)
    home.waits(50)
    assert home.events[2:] == [("late session_finished", 45), ("late car_disconnected", 45)]
    assert home.record["energy"] == 3.0
    assert "ended" not in home.record


def test_another_car_among_the_first_reports() -> None:
    """The session has ended when its successor is reported, and a moment before."""
    home = Home()
    first = Session(started=at(0))
    home.report(0, Status.READY_TO_CHARGE, energy=0, session=first)
    home.report(1, Status.CHARGING, energy=3)
    home.lost(30)
    home.report(31, Status.READY_TO_CHARGE)
    home.report(31.02, Status.DISCONNECTED)
    home.report(31.12, Status.READY_TO_CHARGE)
    home.report(31.12, energy=0, session=Session(started=at(31.12)))
    assert home.events[1:] == [("late session_finished", 31)]
    assert home.tracker.records[0].energy == 3


def test_a_full_car_between_two_runs() -> None:
    """Its session was recorded, and stays what it was."""
    home = Home()
    charging(home)
    home.report(40, Status.FINISHED)
    home.waits(41)
    before = home.record
    home.restarts()
    home.report(60, Status.DISCONNECTED)
    home.waits(70)
    assert home.record == before
    assert home.events[3:] == [("late car_disconnected", 60)]


def test_found_in_mid_session() -> None:
    """The begin was before the first connection, but the end is seen."""
    home = Home()
    home.report(0, Status.CHARGING, session=Session(started=at(-60)), energy=3.0)
    home.report(60, Status.DISCONNECTED, energy=9.0)
    home.waits(70)
    assert [name for name, _ in home.events] == ["session_finished", "car_disconnected"]
    assert home.record["energy"] == 9.0
    assert home.record["duration"] == 7200


def test_found_full() -> None:
    """That charging is over is not an event; that the session is when the car leaves, is."""
    home = Home()
    home.report(0, Status.FINISHED, session=Session(started=at(-60)), energy=3.0)
    home.report(60, Status.DISCONNECTED)
    home.waits(70)
    assert home.events == [("session_finished", 60), ("car_disconnected", 60)]


def test_a_guessed_beginning_is_left_out() -> None:
    home = Home()
    guess = Session(started=at(0), start_guessed=True)
    home.report(0, Status.CHARGING, session=guess, energy=3.0)
    home.report(60, Status.DISCONNECTED, energy=9.0)
    home.waits(70)
    assert home.record == {"energy": 9.0, "ended": at(60).isoformat()}


def test_known_by_its_id() -> None:
    """EVerest's events name the session, and some releases publish no more to late clients."""
    home = Home()
    home.report(0, Status.CHARGING, session=Session(id="u1", started=at(-60)), energy=3.0)
    home.restarts()
    home.report(10, Status.CHARGING, session=Session(id="u1"), energy=4.0)
    assert home.tracker.active is not None
    assert home.tracker.active.energy == 4.0
    home.report(20, session=Session(id="u2"), energy=0.5)
    assert len(home.tracker.records) == 1


# Costs ------------------------------------------------------------------------------------


def test_each_kwh_at_its_own_price() -> None:
    home = Home(price=Price(1.0, "NOK"))
    charging(home)
    home.price = Price(3.0, "NOK")
    home.report(40, energy=3.0)
    home.report(70, Status.DISCONNECTED)
    home.waits(80)
    assert home.record["cost"] == 7.0
    assert home.record["currency"] == "NOK"
    assert home.tracker.totals == {"NOK": 7.0}


def test_energy_waits_for_a_price() -> None:
    """Energy is never free only because its price is unknown."""
    home = Home(has_price=True)
    charging(home)
    active = home.tracker.active
    assert active is not None
    assert active.cost is None
    assert home.tracker.totals == {}
    home.price = Price(2.0, "NOK")
    home.tracker.reprice(home.price)
    assert home.tracker.active is not None
    assert home.tracker.active.cost == 2.0
    home.price = None
    home.report(70, Status.DISCONNECTED, energy=6.0)
    home.waits(80)
    assert "cost" not in home.record
    assert "currency" not in home.record
    assert home.tracker.totals == {"NOK": 2.0}


def test_costs_survive_a_restart() -> None:
    home = Home(price=Price(1.0, "NOK"))
    charging(home)
    home.restarts()
    assert home.tracker.totals == {"NOK": 1.0}
    # Whether it is the same car is unknown yet, and the price may come later.
    home.price = None
    home.report(50, Status.CHARGING)
    home.price = Price(3.0, "NOK")
    home.tracker.reprice(home.price)
    home.report(50.01, session=Session(started=at(10)), energy=2.0)
    home.report(70, Status.DISCONNECTED, energy=3.0)
    home.waits(80)
    assert home.record["cost"] == 7.0
    assert home.tracker.totals == {"NOK": 7.0}


@pytest.mark.parametrize(
    ("price", "cost", "total"),
    [(FIXED, 18.0, 18.0), (Price(2.0, "NOK"), None, 12.0)],
    ids=["fixed", "changing"],
)
def test_found_in_mid_session_with_a_price(price: Price, cost: float | None, total: float) -> None:
    """Only a fixed price covers the energy used before."""
    home = Home(price=price)
    home.report(0, Status.CHARGING, session=Session(started=at(-60)), energy=3.0)
    home.report(60, Status.DISCONNECTED, energy=9.0)
    home.waits(70)
    assert home.record.get("cost") == cost
    assert home.tracker.totals == {"NOK": total}


def test_no_price_is_named() -> None:
    """And when one is, it is not for what was used before."""
    home = Home()
    charging(home)
    home.has_price, home.price = True, Price(2.0, "NOK")
    home.restarts()
    home.report(50, Status.CHARGING, session=Session(started=at(10)), energy=4.0)
    home.report(70, Status.DISCONNECTED)
    home.waits(80)
    assert "cost" not in home.record
    assert home.tracker.totals == {"NOK": 6.0}


def test_another_currency() -> None:
    """Two of them make no sum."""
    home = Home(price=Price(1.0, "NOK"))
    charging(home)
    home.price = Price(0.1, "EUR")
    home.report(70, Status.DISCONNECTED, energy=2.0)
    home.waits(80)
    assert "cost" not in home.record
    assert home.tracker.totals == {"NOK": 1.0, "EUR": pytest.approx(0.1)}


def test_one_may_be_paid_for_charging() -> None:
    home = Home(price=Price(-0.5, "EUR"))
    charging(home)
    home.report(70, Status.DISCONNECTED)
    home.waits(80)
    assert home.record["cost"] == -0.5


# Storage ----------------------------------------------------------------------------------


def test_only_the_last_ones_are_kept() -> None:
    home = Home()
    home.report(0, Status.DISCONNECTED)
    for number in range(RECORDS_MAX + 5):
        start = 100.0 * number + 10
        home.report(start, Status.CHARGING, session=Session(started=at(start)), energy=0.0)
        home.report(start + 10, Status.DISCONNECTED, energy=number + 1.0)
        home.waits(start + 20)
    kept = [each.energy for each in home.tracker.records]
    assert kept == [number + 1.0 for number in range(5, RECORDS_MAX + 5)]


def test_what_is_stored_makes_sense() -> None:
    home = Home(price=FIXED)
    charging(home)
    home.report(70, Status.DISCONNECTED, energy=2.0)
    home.waits(75)
    home.report(80, Status.CHARGING, session=Session(started=at(80)), energy=0.5)
    before = home.tracker
    home.restarts()
    assert home.tracker.to_storage() == before.to_storage()
    assert home.tracker.records == before.records
    assert home.tracker.active == before.active
    assert home.tracker.past == before.past
    assert home.tracker.watched == (at(80), 0.5)


def test_two_of_the_same_become_one() -> None:
    """The earlier one may be of a run that counted in another currency, too."""
    homes = Home(price=Price(1.0, "NOK")), Home(price=Price(2.0, "EUR"))
    for home in homes:
        charging(home)
        home.report(70, Status.DISCONNECTED, energy=2.0)
        home.waits(80)
    earlier, later = (home.tracker.to_storage() for home in homes)
    both = SessionTracker()
    both.restore(SessionTracker.merged(earlier, later))
    assert [each.currency for each in both.records] == ["NOK", "EUR"]
    assert both.totals == {"NOK": 2.0, "EUR": 4.0}
    assert both.past == homes[1].tracker.past


def test_a_clock_behind_that_of_the_charge_point() -> None:
    """The record has times of one clock; a reported end is used if it fits the reported start."""
    plugged = datetime(2026, 11, 22, 4, tzinfo=UTC)
    ahead, duration = timedelta(hours=1), timedelta(minutes=10)
    session = Session(started=plugged + ahead)
    active = ActiveSession(since=plugged, offset=0.0, session=session, ended=plugged + duration)
    assert (active.record.started, active.record.duration) == (plugged, 600)
    ended = plugged + ahead + duration
    assert active.end_of(replace(session, ended=ended), plugged + duration) == ended
    late = ended + timedelta(minutes=30)
    assert active.end_of(replace(session, ended=late), plugged + duration) == plugged + duration
