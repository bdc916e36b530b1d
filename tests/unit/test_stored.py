"""Damaged stored data costs only itself, and unknown fields are kept."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
import json
from typing import Any

import pytest

from custom_components.fimp_chargepoint.chargepoint.limits.requested import (
    StoredRequests,
)
from custom_components.fimp_chargepoint.chargepoint.session import EndReason, Session
from custom_components.fimp_chargepoint.chargepoint.sessions import (
    RECORDS_MAX,
    SessionTracker,
)
from custom_components.fimp_chargepoint.chargepoint.sessions.history import ActiveSession
from custom_components.fimp_chargepoint.chargepoint.sessions.record import (
    Price,
    SessionCost,
    SessionRecord,
)
from custom_components.fimp_chargepoint.chargepoint.stored import (
    DamagedError,
    dict_of,
    flag,
    list_of,
    lost,
    number,
    one_of,
    text,
    timestamp,
)
from tests.helpers.damage import places, put

BEGAN = datetime(2026, 11, 20, 8, tzinfo=UTC)

#: What can happen to a field. `...` stands for a field that is missing.
DAMAGE: dict[str, Any] = {
    "missing": ...,
    "null": None,
    "a text": "nonsense",
    "an empty text": "",
    "a long text": "x" * 100_000,
    "a number": -7,
    "a huge number": 1e300,
    "a huge integer": 10**400,
    "a yes": True,
    "a list": [1, "2", None],
    "a long list": [{}] * 10_000,
    "an object": {"x": {"y": 1}},
    "a moment without a zone": "2026-11-20T08:00:00",
    "a moment long ago": "0001-01-01T00:00:00+14:00",
    "a moment far away": "9999-12-31T23:59:59-14:00",
}


def hours(count: float) -> datetime:
    return BEGAN + timedelta(hours=count)


def book() -> SessionTracker:
    """Return a session tracker with a value in every field: two sessions, one that continues."""
    tracker = SessionTracker(has_price=True)
    tracker.records = [
        SessionRecord(
            started=hours(number),
            ended=hours(number + 0.5),
            energy=5.0 + number,
            cost=1.5 + number,
            currency="NOK",
            who=f"car {number}",
            ended_by=EndReason.REMOTE,
        )
        for number in range(3)
    ]
    tracker.past, tracker.active = (
        ActiveSession(
            since=hours(number),
            offset=0.0,
            session=Session(
                id=f"session {number}",
                started=hours(number),
                start_guessed=True,
                offset=float(number),
                end_reason=EndReason.REMOTE,
            ),
            energy=5.0 + number,
            charging_seen=True,
            who=f"car {number}",
            ended=hours(number + 0.5),
            recorded=True,
            session_cost=SessionCost(cost=1.5 + number, currency="NOK", priced=5.0 + number),
        )
        for number in (1, 2)
    )
    tracker.totals = {"NOK": 100.0, "EUR": 2.0}
    tracker.watched = hours(2), 7.0
    return tracker


def read(data: Any) -> SessionTracker:
    """Return a logbook with what is stored in `data`, if that is an object."""
    tracker = SessionTracker(has_price=True)
    tracker.restore(data)
    return tracker


STORED = book().to_storage()
PLACES = list(places(STORED))


def rest(data: dict[str, Any], place: tuple[Any, ...]) -> dict[str, Any]:
    """Return all that is not touched by what happens at a place."""
    return {key: each for key, each in data.items() if key != place[0]}


def test_everything_is_damaged_below() -> None:
    """No field of any of them is left out."""
    names = {name for place in PLACES for name in place if isinstance(name, str)}
    stored = {
        *(
            each.name
            for kind in (SessionRecord, ActiveSession, SessionCost)
            for each in fields(kind)
        ),
        *("records", "active", "past", "totals", "watched", "NOK", "EUR"),
        *("id", "start_guessed", "end_reason"),
    }
    assert names == stored - {"unknown", "stale", "restored"}
    assert all(each is not None for each in json.loads(json.dumps(STORED)).values())


@pytest.mark.parametrize("place", PLACES, ids=lambda place: ".".join(map(str, place)))
def test_damage_costs_itself(place: tuple[Any, ...]) -> None:
    """The other data in the file stays, and the rest makes sense."""
    for what, value in DAMAGE.items():
        damaged = put(STORED, place, value)
        tracker = read(damaged)
        after = tracker.to_storage()
        assert rest(after, place) == rest(STORED, place), what
        if place[0] == "records" and len(place) > 1:
            # The other sessions; of this one what can be read, or nothing.
            records = STORED["records"]
            others = [each for number, each in enumerate(records) if number != place[1]]
            assert [each for each in after["records"] if each in others] == others, what
            assert len(after["records"]) <= len(records), what
        # The lost data can be found there, and only there.
        assert {name.split(".")[0] for name in lost(damaged, after)} <= {place[0]}, what
        # It can be stored and read again, and continues.
        assert read(json.loads(json.dumps(after))).to_storage() == after, what
        tracker.reprice(Price(2.0, "NOK"))
        assert SessionTracker.merged(damaged, STORED)["active"] == STORED["active"], what
        assert SessionTracker.merged(STORED, damaged)["records"][:3] == STORED["records"], what


@pytest.mark.parametrize("name", STORED["active"])
def test_one_field_of_an_active_session(name: str) -> None:
    """The others are as they were; only without its time it is worth nothing."""
    after = read(put(STORED, ("active", name), [])).active
    if name == "since":
        assert after is None
        return
    assert after is not None
    assert list(
        lost(
            put(STORED, ("active", name), []),
            read(put(STORED, ("active", name), [])).to_storage(),
        )
    ) == [f"active.{name}"]
    assert replace(book().active, **{name: getattr(after, name)}) == replace(after)
    assert after.unknown == {}


@pytest.mark.parametrize("name", STORED["records"][1])
def test_one_field_of_a_record(name: str) -> None:
    after = read(put(STORED, ("records", 1, name), [])).records[1]
    expected = replace(book().records[1], **{name: None})
    # A number without its currency is not an amount of money.
    assert after == (replace(expected, cost=None) if name == "currency" else expected)


@pytest.mark.parametrize("name", STORED["active"]["session_cost"])
def test_one_field_of_a_bill(name: str) -> None:
    """The cost is lost; the totals are still right in the end."""
    tracker = read(
        put(STORED, ("active", "session_cost", name), "nonsense" if name != "currency" else 5)
    )
    active = tracker.active
    assert active is not None
    assert active.cost is None
    before = active.session_cost.cost
    active = replace(active, energy=9.0).billed(Price(2.0, "NOK"), has_price=True)
    assert active.cost is None
    assert active.session_cost.cost - before == 2.0 * (9.0 - 7.0)


def test_a_bill_without_its_energy() -> None:
    """Then it is a session that began before the first connection."""
    data = put(put(STORED, ("active", "session_cost"), 5), ("active", "energy"), None)
    active = read(data).active
    assert active is not None
    active = replace(active, energy=9.0).billed(Price(2.0, "NOK"), has_price=True)
    assert (active.cost, active.session_cost.cost) == (None, 0.0)


@pytest.mark.parametrize("what", ["nonsense", None, ...])
def test_the_next_record_takes_the_place_of_its_own_only(what: Any) -> None:
    """The last session continues; its record was lost, and the one before it stays."""
    tracker = read(put(put(STORED, ("records", 2), what), ("active", "newer"), 1))
    energies = [each.energy for each in tracker.records]
    if what is ...:
        # A missing record at the end cannot be noticed.
        assert energies == [5.0, 6.0]
        return
    assert energies == [5.0, 6.0, 7.0]
    assert tracker.active is not None
    tracker.finish(replace(tracker.active, energy=8.0), None)
    assert [each.energy for each in tracker.records] == [5.0, 6.0, 8.0]


def test_records_that_are_all_lost() -> None:
    for what in (None, ..., "nonsense", []):
        tracker = read(put(STORED, ("records",), what))
        assert [each.energy for each in tracker.records] == [7.0]


def test_what_is_no_object() -> None:
    for data in (None, 5, "x", [], [STORED]):
        with pytest.raises(DamagedError):
            SessionTracker().restore(data)
        assert SessionTracker.merged(data, STORED) == STORED
        alone = SessionTracker().to_storage() | {
            each: STORED[each] for each in ("records", "totals")
        }
        assert SessionTracker.merged(STORED, data) == alone
    assert read({}).to_storage() == SessionTracker().to_storage()


def test_what_is_unknown_is_kept() -> None:
    """A newer version can have stored more, anywhere; also if a record is stored again."""
    more = {"newer": {"of": ["anything", 1]}}
    data = deepcopy(STORED) | more
    for inner in (
        *data["records"],
        data["active"],
        data["past"],
        data["active"]["session_cost"],
    ):
        inner.update(more)
    tracker = read(data)
    assert tracker.to_storage() == data
    assert list(lost(data, tracker.to_storage())) == []
    assert "newer" not in tracker.records[0].as_dict()
    assert tracker.active is not None
    tracker.finish(replace(tracker.active, energy=8.0), None)
    assert tracker.to_storage()["records"][2] == data["records"][2] | {
        "energy": 8.0,
        "cost": None,
        "currency": None,
    }
    assert SessionTracker.merged(data, STORED)["newer"] == more["newer"]


def test_a_list_is_not_endless() -> None:
    records = [{"energy": float(number)} for number in range(RECORDS_MAX + 5)]
    kept = read({"records": records}).records
    assert [each.energy for each in kept] == [each["energy"] for each in records[5:]]


# Readers ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reader", "good", "bad"),
    [
        (number, [0, -1.5, 1e12], [True, "1", None, 1e13, 10**400, float("nan"), float("inf")]),
        (text, ["x", "x" * 255], ["", "x" * 256, 1, None]),
        (flag, [True, False], [0, 1, "true", None]),
        (
            timestamp,
            # A charge point without a clock reports times in 1970.
            [BEGAN, datetime(1970, 1, 2, tzinfo=UTC)],
            ["2026-11-20T08:00:00", "x", 5, "0001-01-01T00:00:00Z", "9999-01-01T00:00:00Z"],
        ),
        (one_of("1", "3"), ["1", "3"], ["2", 1, None, [], {}]),
        (list_of(number), [[1.0]], [1, {}, "1", None]),
        (dict_of(number), [{"x": 1.0}], [1, [], "1", None]),
    ],
)
def test_readers(reader: Callable[[Any], Any], good: list[Any], bad: list[Any]) -> None:
    for each in good:
        assert reader(each.isoformat() if isinstance(each, datetime) else each) == each
    for each in bad:
        with pytest.raises(DamagedError):
            reader(each)


def test_what_is_lost() -> None:
    before = {"a": 1, "b": {"c": 2, "d": None}, "e": [1], "f": "x"}
    assert list(lost(before, before)) == []
    assert list(lost(before, {"a": 1.0, "b": {"c": 3}, "e": [], "f": "x"})) == ["b.c", "e.0"]
    assert list(lost(before, {"a": 1, "b": None, "e": [1]})) == ["b", "f"]
    assert list(lost([1, {"x": 1}, 2], [2, 1])) == ["1"]
    assert list(lost([], None)) == ["all of it"]


# Limits -------------------------------------------------------------------------------------

LIMITS = {"max_current": 10.0, "phases": "1", "phase_mode": "nl1"}


@pytest.mark.parametrize("name", LIMITS)
def test_a_damaged_limit_costs_itself(name: str) -> None:
    others = {key: each for key, each in LIMITS.items() if key != name}
    for value in DAMAGE.values():
        found = StoredRequests.from_storage({"limits": put(LIMITS, (name,), value)})
        limits = found.requested.limits
        assert {key: each for key, each in limits.items() if key != name} == others


TEMPORARY = {
    "current": 10.0,
    "former": 16.0,
    "until": hours(2).isoformat(),
    "session": hours(0).isoformat(),
    "mode": "slow",
}
REQUESTS: dict[str, Any] = {
    "charging_mode": "slow",
    "limits": LIMITS,
    "withdraw": False,
    "temporary_limits": {"max_current": dict(TEMPORARY), "session_current": dict(TEMPORARY)},
    "pauses": {"pause": {"accepted": True}},
}


@pytest.mark.parametrize("place", list(places(REQUESTS)))
def test_a_damaged_request_costs_itself(place: tuple[Any, ...]) -> None:
    """At most a temporary limit whose end or former limit is unreadable."""
    for value in DAMAGE.values():
        stored = StoredRequests.from_storage(put(REQUESTS, place, value)).to_storage()
        if place[0] == "limits":
            # There may be nothing left to withdraw.
            stored.setdefault("withdraw", REQUESTS["withdraw"])
        assert rest(stored, place) == rest(REQUESTS, place)
        if place[0] == "temporary_limits" and len(place) > 1:
            limits = stored[place[0]]
            assert rest(limits, place[1:]) == rest(REQUESTS[place[0]], place[1:])


def test_what_is_stored_is_what_is_read() -> None:
    assert StoredRequests.from_storage(REQUESTS).to_storage() == REQUESTS
    newer = {"battery_current": 7}
    changed = REQUESTS | newer | {"limits": LIMITS | newer}
    changed["temporary_limits"] = {"max_current": TEMPORARY | newer}
    assert StoredRequests.from_storage(changed).to_storage() == changed
    assert StoredRequests.from_storage({}).to_storage() == {}
    with pytest.raises(DamagedError):
        StoredRequests.from_storage([])


def test_a_lasting_limit_without_its_former_one_is_lost() -> None:
    """The former limit is unreadable; after a session's limit, its maximum follows."""
    unknown = TEMPORARY | {"former": None}
    limits = {"max_current": unknown, "session_current": unknown}
    found = StoredRequests.from_storage({"temporary_limits": limits})
    assert [*found.requested.temporary_limits] == ["session_current"]
