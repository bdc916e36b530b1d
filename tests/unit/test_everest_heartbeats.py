"""The heartbeat of a module on its own: its pace, its restarts, the silence it may keep."""

from typing import Any

import pytest

from custom_components.fimp_chargepoint.chargepoint.everest.api.module import HeartbeatMonitor

START = 1_800_000_000.0


def beats(*steps: tuple[float, Any]) -> tuple[HeartbeatMonitor, list[bool]]:
    """Return a pulse that took heartbeats at those moments, and what each was taken for."""
    heartbeats = HeartbeatMonitor()
    return heartbeats, [heartbeats.received(value, START + at) for at, value in steps]


def test_a_silence_of_half_a_minute_is_always_allowed() -> None:
    assert HeartbeatMonitor().silence_max == 30


@pytest.mark.parametrize(
    ("steps", "silence"),
    [
        ([(0, 0)], 30),
        ([(0, 0), (1, 1)], 30),
        ([(0, 0), (10, 1)], 30),
        ([(0, 0), (11, 1)], 33),
        ([(0, 0), (40, 1)], 120),
        # A few were missed, and the counter shows how many.
        ([(0, 5), (80, 7)], 120),
        ([(0, 5), (40, 45)], 30),
        # Without a counter it is unknown.
        ([(0, {}), (40, {})], 120),
        ([(0, {}), (80, {})], 240),
        # The last word counts.
        ([(0, 0), (40, 1), (41, 2)], 30),
        ([(0, 0), (1, 1), (41, 2)], 120),
        # Nothing that long is believed.
        ([(0, 0), (3600, 1)], 360),
        # The same one twice shows nothing new.
        ([(0, 0), (40, 1), (40, 1)], 120),
        # Nor does a clock that stands still, or goes backwards.
        ([(0, 0), (0, 1)], 30),
        ([(40, 0), (0, 1)], 30),
        # An interval over a restart is none.
        ([(0, 10), (60, 0)], 30),
        ([(0, 10), (40, 11), (100, 0)], 120),
    ],
)
def test_the_pace_is_learned(steps: list[tuple[float, Any]], silence: float) -> None:
    assert beats(*steps)[0].silence_max == pytest.approx(silence)


@pytest.mark.parametrize(
    ("values", "restarts"),
    [
        ([0], [False]),
        ([500], [False]),
        ([5, 6, 7], [False] * 3),
        ([5, 5], [False] * 2),
        ([5, 50], [False] * 2),
        ([5, 4], [False, True]),
        ([500, 0, 1, 2], [False, True, False, False]),
        # Two that begin are two starts.
        ([500, 0, 0], [False, True, True]),
        ([3, 2, 1], [False, True, True]),
        # A heartbeat without a count is compared with nothing.
        ([{}, {}], [False] * 2),
        ([500, {}, 0], [False] * 3),
        ([500, None, 0], [False] * 3),
        ([500, "0"], [False] * 2),
        ([500, False], [False] * 2),
        ([500, 0.0], [False] * 2),
        ([500, [], {"a": 1}], [False] * 3),
        # Counters may be long, and begin anywhere.
        ([2**63, 2**63 + 1], [False] * 2),
        ([-5, -4, -6], [False, False, True]),
    ],
)
def test_a_smaller_count_is_a_restart(values: list[Any], restarts: list[bool]) -> None:
    _, taken = beats(*((float(at), value) for at, value in enumerate(values)))
    assert taken == restarts


@pytest.mark.parametrize(
    ("interval", "silence"), [(0, 30), (1, 30), (-5, 30), (40, 120), (120, 360), (1e9, 360)]
)
def test_a_discovery_tells_the_pace(interval: float, silence: float) -> None:
    heartbeats = HeartbeatMonitor()
    heartbeats.set_interval(interval)
    assert heartbeats.silence_max == silence


def test_what_is_heard_counts_more_than_what_was_told() -> None:
    heartbeats = HeartbeatMonitor()
    heartbeats.set_interval(40)
    heartbeats.received(1, START)
    assert heartbeats.silence_max == 120
    heartbeats.received(2, START + 20)
    assert heartbeats.silence_max == 60


def test_a_gap_in_what_was_heard_is_no_interval() -> None:
    heartbeats, _ = beats((0, 1), (20, 2))
    heartbeats.missed()
    # Its restart can still be seen.
    assert heartbeats.received(0, START + 10_000)
    assert heartbeats.silence_max == 60
    heartbeats.received(1, START + 10_015)
    assert heartbeats.silence_max == 45


def test_a_new_connection_knows_the_pace_but_sees_no_restart() -> None:
    heartbeats, _ = beats((0, 100), (20, 101))
    heartbeats.forget()
    assert heartbeats.silence_max == 60
    assert not heartbeats.received(0, START + 10_000)
    assert heartbeats.silence_max == 60
    assert not heartbeats.received(1, START + 10_025)
    assert heartbeats.silence_max == 75
    assert heartbeats.received(0, START + 10_030)
