"""The current of a connection is shared, and never more than there is."""

from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from custom_components.fimp_chargepoint.chargepoint.load_balancing import (
    CURRENT_MIN,
    RAISE_BY,
    Load,
    Measured,
    Share,
    balance,
    drawn_when_measured,
    fallback,
    next_currents,
)

PHASES = 3
#: A by which the limit may be exceeded before a car that charges with its minimum is paused.
TOLERANCE = 0.5


def load(name: str, **values: object) -> Load:
    """Return a load that draws nothing."""
    nothing = Load(id=name, drawn=(0.0,) * PHASES, limit=0.0, maximum=32.0)
    return replace(nothing, **values)


currents = st.floats(min_value=0, max_value=80, allow_nan=False)


@st.composite
def loads(draw: st.DrawFn) -> list[Load]:
    """Return some loads, each drawing at most its limit."""
    found = []
    for number in range(draw(st.integers(1, 6))):
        phases = draw(st.sampled_from([1, PHASES]))
        limit = draw(st.sampled_from([0.0, *(float(amperes) for amperes in range(6, 33))]))
        part = draw(st.floats(min_value=0, max_value=1))
        found.append(
            load(
                str(number),
                limit=limit,
                drawn=tuple(limit * part if phase < phases else 0.0 for phase in range(PHASES)),
                maximum=float(draw(st.integers(6, 32))),
                step=draw(st.sampled_from([0.1, 1.0])),
            )
        )
    return found


@st.composite
def houses(draw: st.DrawFn) -> tuple[list[float], list[float], list[Load]]:
    """Return the limits of a connection, what is measured there, and the loads."""
    all_loads = draw(loads())
    limits = [draw(st.floats(min_value=10, max_value=63)) for _ in range(PHASES)]
    house = [draw(st.floats(min_value=-30, max_value=70)) for _ in range(PHASES)]
    measured = [
        own + sum(found.drawn[phase] for found in all_loads) for phase, own in enumerate(house)
    ]
    return limits, measured, all_loads


def house_of(measured: list[float], found: list[Load]) -> list[float]:
    """Return what everything but the loads draws."""
    return [now - sum(one.drawn[phase] for one in found) for phase, now in enumerate(measured)]


@given(houses(), st.sampled_from(Share), st.floats(min_value=0, max_value=40))
def test_never_more_than_there_is(
    site: tuple[list[float], list[float], list[Load]], share: Share, raise_by: float
) -> None:
    limits, measured, found = site
    result = balance(limits, measured, found, share=share, raise_by=raise_by)
    for limit, house in zip(limits, house_of(measured, found), strict=True):
        served = [one for one in found if result[one.id]]
        keep = any(one.limit and result[one.id] == one.minimum for one in served)
        total = sum(result[one.id] for one in served)
        assert total == 0 or house + total <= limit + (TOLERANCE if keep else 1e-4)


@given(houses(), st.sampled_from(Share), st.floats(min_value=0, max_value=40))
def test_what_a_charge_point_can_be_set_to(
    site: tuple[list[float], list[float], list[Load]], share: Share, raise_by: float
) -> None:
    """Nothing or at least the minimum."""
    for one in (found := site[2]):
        current = balance(*site, share=share, raise_by=raise_by)[one.id]
        assert current == 0 or one.minimum <= current <= one.maximum
        if current > one.limit:
            assert current <= max(one.limit + raise_by, one.minimum) + 1e-6
    assert len(found) == len(balance(*site))


@given(houses(), st.sampled_from(Share))
def test_everybody_gets_the_minimum_before_anybody_gets_more(
    site: tuple[list[float], list[float], list[Load]], share: Share
) -> None:
    """One that gets nothing would not get it if the others had only their minimum."""
    limits, measured, found = site
    result = balance(limits, measured, found, share=share)
    free = [limit - house for limit, house in zip(limits, house_of(measured, found), strict=True)]
    for one in found:
        needed = one.minimum - (TOLERANCE if one.limit else 0)
        served = min(free) >= needed
        assert (result[one.id] > 0) is served
        if served:
            free = [each - one.minimum for each in free]


@given(houses())
def test_equal_shares(site: tuple[list[float], list[float], list[Load]]) -> None:
    """Two differ only by their maximum and their step."""
    result = balance(*site, share=Share.EQUAL)
    served = [one for one in site[2] if result[one.id]]
    for one, other in pairwise(served):
        if result[one.id] + 1.1 < result[other.id]:
            assert result[one.id] + one.step > one.maximum


def test_the_first_one_gets_what_is_left() -> None:
    first, second = load("first"), load("second")
    result = balance([25] * 3, [0] * 3, [first, second], share=Share.ORDER)
    assert result == {"first": 19, "second": 6}
    assert balance([25] * 3, [0] * 3, [first, second]) == {"first": 12, "second": 12}


def test_the_phase_with_the_highest_load_counts() -> None:
    first, second = load("first"), load("second")
    result = balance([20, 20, 20], [0, 1, 0], [first, second], share=Share.ORDER)
    assert result == {"first": 13, "second": 6}


def test_it_is_raised_slowly_and_lowered_at_once() -> None:
    charging = load("a", limit=10.0, drawn=(10.0,) * 3)
    assert balance([32] * 3, [10] * 3, [charging], raise_by=2) == {"a": 12}
    assert balance([32] * 3, [35] * 3, [charging], raise_by=2) == {"a": 7}
    # Raising from a stop begins with the minimum.
    assert balance([32] * 3, [0] * 3, [load("a")], raise_by=2) == {"a": 6}


def test_surplus_can_be_used() -> None:
    """Feeding in makes room beyond the limit of the connection."""
    assert balance([10] * 3, [-8] * 3, [load("a")]) == {"a": 18}


def test_a_connection_that_is_full() -> None:
    assert balance([16] * 3, [16, 0, 0], [load("a", limit=10.0)]) == {"a": 0}


def test_one_that_is_overloaded_by_others_stops_everybody() -> None:
    charging = load("a", limit=6.0, drawn=(6.0,) * 3)
    assert balance([16] * 3, [30] * 3, [charging]) == {"a": 0}


@given(loads(), currents)
def test_without_a_measurement(found: list[Load], current: float) -> None:
    """Never more than now, and at most what was agreed."""
    result = fallback(found, current)
    for one in found:
        assert result[one.id] <= min(one.limit, current)
        assert result[one.id] == 0 or result[one.id] >= CURRENT_MIN


# The next limits, call after call ---------------------------------------------------------------


@given(site=houses(), share=st.sampled_from(Share), settled=st.booleans())
def test_nobody_gets_more_than_is_left(
    site: tuple[list[float], list[float], list[Load]], share: Share, *, settled: bool
) -> None:
    """Also if everybody draws at once all that they may draw."""
    limits, measured, found = site
    result = next_currents(limits, measured, found, share=share, settled=settled)
    raised = any(result[one.id] > one.limit for one in found)
    assert not raised or settled
    for phase, (limit, house) in enumerate(zip(limits, house_of(measured, found), strict=True)):
        total = sum(result[one.id] for one in found)
        if raised or measured[phase] > limit:
            keep = any(result[one.id] == one.minimum and one.limit for one in found)
            assert total == 0 or house + total <= limit + (TOLERANCE if keep else 1e-4)


@given(houses(), st.sampled_from(Share))
def test_nobody_gets_more_while_anybody_has_to_get_less(
    site: tuple[list[float], list[float], list[Load]], share: Share
) -> None:
    result = next_currents(*site, share=share)
    changes = [result[one.id] - one.limit for one in site[2]]
    assert min(changes) >= 0 or max(changes) <= 0
    assert max(changes) <= max(RAISE_BY, *(one.minimum for one in site[2])) + 1e-6


def test_it_waits_until_the_last_change_shows() -> None:
    charging = load("a", limit=10.0, drawn=(10.0,) * 3)
    assert next_currents([32] * 3, [10] * 3, [charging], settled=False) == {"a": 10}
    assert next_currents([32] * 3, [10] * 3, [charging]) == {"a": 14}
    # An overload does not wait.
    assert next_currents([32] * 3, [35] * 3, [charging], settled=False) == {"a": 7}


def test_it_does_not_swing_around_the_limit() -> None:
    charging = load("a", limit=10.0, drawn=(10.0,) * 3)
    assert next_currents([32] * 3, [31.5] * 3, [charging]) == {"a": 10}
    assert next_currents([32] * 3, [32] * 3, [charging]) == {"a": 10}
    assert next_currents([32] * 3, [32.1] * 3, [charging]) == {"a": 9}


def test_what_is_not_lowered_yet_counts_as_the_house() -> None:
    """The current that a slow charge point still draws is given to no other one."""
    slow = load("slow", limit=6.0, drawn=(16.0,) * 3, maximum=6.0)
    other = load("other", limit=6.0, drawn=(6.0,) * 3)
    assert next_currents([32] * 3, [26] * 3, [slow, other])["other"] == 10
    assert next_currents([26] * 3, [26] * 3, [slow, other])["other"] == 6


def test_what_does_not_show_yet_is_no_reason_to_stop() -> None:
    """A meter may report what was before."""
    lowered = load("a", limit=10.0, drawn=(32.0,) * 3, is_lowered=True)
    assert next_currents([25] * 3, [35] * 3, [lowered], settled=False) == {"a": 10}
    followed = replace(lowered, drawn=(10.0,) * 3)
    assert next_currents([25] * 3, [35] * 3, [followed], settled=False) == {"a": 0}


def test_a_current_that_is_on_its_way_is_not_taken_back() -> None:
    pending = load("a", limit=16.0, requested=10.0, drawn=(16.0,) * 3, is_lowered=True)
    assert next_currents([25] * 3, [31] * 3, [pending], settled=False) == {"a": 10}
    assert next_currents([25] * 3, [24] * 3, [pending], settled=False) == {"a": 10}


def test_a_car_that_has_just_begun_is_not_stopped() -> None:
    """Its current is not reported yet, and seems to be that of the house."""
    begun = load("a", limit=32.0, is_stale=True)
    assert next_currents([25] * 3, [28] * 3, [begun], settled=False) == {"a": 6}
    assert next_currents([25] * 3, [28] * 3, [replace(begun, is_stale=False)]) == {"a": 0}


def test_a_paused_car_needs_room_to_start_again() -> None:
    paused = load("a")
    assert next_currents([20] * 3, [13.5] * 3, [paused]) == {"a": 0}
    assert next_currents([20] * 3, [13] * 3, [paused]) == {"a": 6}


def test_noise_pauses_nobody() -> None:
    """A car that charges with its minimum keeps it; a paused one needs all of it."""
    charging, paused = load("a", limit=6.0, drawn=(6.0,) * 3), load("b")
    assert balance([25] * 3, [25.4] * 3, [charging, paused]) == {"a": 6, "b": 0}
    assert balance([25] * 3, [25.6] * 3, [charging]) == {"a": 0}
    assert balance([25] * 3, [19.1] * 3, [paused]) == {"b": 0}
    for share in Share:
        found = [charging, replace(charging, id="c", limit=9.0, drawn=(9.0,) * 3)]
        assert balance([25] * 3, [28.3] * 3, found, share=share) == {"a": 6, "c": 6}


# What was drawn when the connection was measured ----------------------------------------------

histories = st.lists(
    st.tuples(st.floats(min_value=0, max_value=30), st.floats(min_value=0, max_value=32)),
    min_size=1,
    max_size=20,
).map(sorted)


@given(histories, st.lists(st.floats(min_value=0, max_value=30), min_size=3, max_size=3))
def test_only_what_was_drawn_lately_counts(
    draws: list[tuple[float, float]], changed: list[float]
) -> None:
    """Never longer than 3 s if any phase reports, and 15 s if none does."""
    now, present = draws[-1]
    phases = [Measured(20.0, min(since, now), 20.0) for since in changed]
    newest = max(phase.since for phase in phases)
    for drawn in drawn_when_measured(draws, phases):
        since = max(newest - 3, now - 15)
        assert drawn in {current for when, current in draws if when >= since} | {present}


@given(histories, st.floats(min_value=1, max_value=30))
def test_a_rise_is_that_of_others(draws: list[tuple[float, float]], rise: float) -> None:
    now, present = draws[-1]
    (drawn,) = drawn_when_measured(draws, [Measured(20.0, 0.0, 20.0).next(20.0 + rise, now)])
    assert drawn == present or now == 0


def test_a_phase_that_has_not_reported_yet() -> None:
    """Its value contains what the car drew before; that of another phase does not."""
    draws = [(0.0, 16.0), (1.0, 16.0), (2.0, 13.0), (5.0, 13.0)]
    late, early = Measured(28.0, 1.0, 19.0), Measured(21.0, 2.0, 24.0)
    assert drawn_when_measured(draws[:3], [early, late]) == (16.0, 16.0)
    assert drawn_when_measured(draws, [replace(early, since=5.0), late]) == (13.0, 13.0)
