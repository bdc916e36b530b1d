"""The energy of all sessions of a charge point, for those that report no meter reading."""

from datetime import timedelta

from custom_components.fimp_chargepoint.chargepoint.model import Session, Status
from custom_components.fimp_chargepoint.chargepoint.sessions import SessionTracker

from .session_home import Home, at


def charge(home: Home, minute: float, *energies: float) -> Session:
    """Let a car come and charge up to each of `energies`, one minute after the other."""
    session = Session(started=at(minute))
    home.report(minute, Status.READY_TO_CHARGE)
    home.report(minute + 0.5, Status.CHARGING, 0.0, session=session)
    for offset, energy in enumerate(energies, 1):
        home.report(minute + offset, energy=energy)
    return session


def leave(home: Home, minute: float, session: Session) -> None:
    """Let the car leave."""
    ended = Session(started=session.started, ended=at(minute))
    home.report(minute, Status.DISCONNECTED, session=ended)
    home.waits(minute + 1)


def test_sum_of_sessions() -> None:
    home = Home()
    home.report(0, Status.DISCONNECTED)
    assert home.tracker.energy == 0
    leave(home, 20, charge(home, 10, 1.0, 2.5))
    assert home.tracker.energy == 2.5
    leave(home, 40, charge(home, 30, 0.5))
    assert home.tracker.energy == 3.0
    assert home.tracker.energy == sum(each.energy or 0 for each in home.tracker.records)


def test_it_grows_while_a_car_charges_and_survives_a_restart() -> None:
    home = Home()
    home.report(0, Status.DISCONNECTED)
    session = charge(home, 10, 1.0, 2.0)
    assert home.tracker.energy == 2.0
    home.restarts()
    home.report(20, Status.CHARGING, 2.0, session=session)
    assert home.tracker.energy == 2.0
    home.report(21, energy=3.5)
    assert home.tracker.energy == 3.5


def test_it_counts_what_was_charged_in_a_gap() -> None:
    home = Home()
    home.report(0, Status.DISCONNECTED)
    session = charge(home, 10, 1.0)
    home.lost(15)
    leave(home, 60, session)
    known = home.tracker.energy
    assert known == 1.0
    home.report(70, Status.READY_TO_CHARGE)
    session = Session(started=at(70))
    home.report(71, Status.CHARGING, 0.5, session=session)
    home.lost(75)
    home.report(90, Status.CHARGING, 4.0, session=session)
    assert home.tracker.energy == known + 4.0


def test_the_energy_of_the_session_before_is_not_counted_again() -> None:
    """Many charge points report it until the next session begins."""
    home = Home()
    home.report(0, Status.DISCONNECTED)
    session = charge(home, 10, 6.0)
    leave(home, 20, session)
    home.report(30, Status.READY_TO_CHARGE)
    home.waits(40)
    home.restarts()
    old = Session(started=session.started, ended=at(20))
    home.report(50, Status.READY_TO_CHARGE, 6.0, session=old)
    home.waits(55)
    assert home.tracker.energy == 6.0


def test_a_step_back_takes_nothing_away() -> None:
    home = Home()
    home.report(0, Status.DISCONNECTED)
    session = charge(home, 10, 6.0)
    home.report(15, energy=5.0)
    assert home.tracker.energy == 6.0
    leave(home, 20, session)
    assert home.tracker.energy == 6.0


def test_two_histories_become_one() -> None:
    stored = []
    for energy in (2.0, 3.0):
        home = Home()
        home.report(0, Status.DISCONNECTED)
        leave(home, 20, charge(home, 10, energy))
        stored.append(home.tracker.to_storage())
    merged = SessionTracker()
    merged.restore(SessionTracker.merged(*stored))
    assert merged.energy == 5.0


def test_a_damaged_sum_starts_over() -> None:
    home = Home()
    home.report(0, Status.DISCONNECTED)
    leave(home, 20, charge(home, 10, 2.0))
    stored = home.tracker.to_storage() | {"energy": "many"}
    tracker = SessionTracker()
    tracker.restore(stored)
    assert tracker.energy == 0
    assert tracker.records[0].duration == timedelta(minutes=10).total_seconds()
