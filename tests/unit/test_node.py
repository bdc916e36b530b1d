"""When a node publishes: facts at once, measurements at their own pace."""

from typing import Any

import pytest

from custom_components.fimp_chargepoint.chargepoint.model import (
    ChargepointSnapshot,
    Identity,
    Meter,
    Reason,
    Status,
    rising,
)
from custom_components.fimp_chargepoint.chargepoint.node import Node
from custom_components.fimp_chargepoint.chargepoint.options import Options

from .fakes import FakeOutlet


@pytest.fixture
def host() -> FakeOutlet:
    host = FakeOutlet()
    host.options = Options(measurement_interval=5.0)
    host.clock.time = 0.0
    return host


@pytest.fixture
def node(host: FakeOutlet) -> Node[ChargepointSnapshot]:
    node = Node("x", ChargepointSnapshot(identity=Identity(name="x")), host)
    node.timers.start()
    return node


class Course:
    """The published snapshots of a node, with their times."""

    def __init__(self, node: Node[ChargepointSnapshot], host: FakeOutlet) -> None:
        self.node = node
        self.host = host
        self.seen: list[tuple[float, Any, Any]] = []
        node.add_listener(
            lambda snapshot: self.seen.append(
                (host.clock.time, snapshot.status, snapshot.meter.power)
            )
        )

    def at(self, now: float, **changes: Any) -> None:
        """Let what is due happen, then change the node at `now`."""
        self.host.advance(now)
        self.node._update(now, **changes)


def power(watts: float) -> Meter:
    return Meter(power=watts)


@pytest.fixture
def course(node: Node[ChargepointSnapshot], host: FakeOutlet) -> Course:
    course = Course(node, host)
    # Past the settling time that follows the first fact.
    course.at(0, unavailable=None, status=Status.CHARGING, meter=power(0))
    course.at(10, meter=power(1))
    course.seen.clear()
    return course


def test_measurements_have_a_leading_and_a_trailing_edge(course: Course) -> None:
    course.at(20, meter=power(2))
    course.at(21, meter=power(3))
    course.at(22, meter=power(4))
    course.at(30)
    assert course.seen == [(20, Status.CHARGING, 2), (25, Status.CHARGING, 4)]


def test_a_fact_goes_at_once_and_takes_the_measurements_with_it(course: Course) -> None:
    course.at(20, meter=power(7000))
    course.at(21, meter=power(0))
    course.at(21.5, status=Status.FINISHED)
    assert course.seen[-1] == (21.5, Status.FINISHED, 0)


def test_what_follows_a_fact_does_not_wait_for_long(course: Course) -> None:
    course.at(20, meter=power(7000))
    course.at(21, status=Status.FINISHED)
    # The last reading of the session, then the actual value.
    course.at(21.2, meter=power(6800))
    course.at(21.4, meter=power(0))
    course.at(30)
    assert course.seen[-2:] == [
        (21.2, Status.FINISHED, 6800),
        (22.2, Status.FINISHED, 0),
    ]


def test_what_did_not_change_is_not_published(course: Course) -> None:
    course.at(20, status=Status.CHARGING, meter=power(1))
    assert course.seen == []


def test_a_measurement_that_came_back_is_not_published(course: Course) -> None:
    course.at(20, meter=power(2))
    course.at(21, meter=power(3))
    course.at(22, meter=power(2))
    course.at(40)
    assert [each[2] for each in course.seen] == [2]


def test_interval_zero_publishes_everything(course: Course, host: FakeOutlet) -> None:
    host.options = Options(measurement_interval=0)
    for second in range(20, 25):
        course.at(second, meter=power(second))
    assert len(course.seen) == 5


def test_a_listener_can_leave(node: Node[ChargepointSnapshot]) -> None:
    seen: list[object] = []
    leave = node.add_listener(seen.append)
    node._update(1.0, unavailable=None)
    leave()
    node._update(2.0, unavailable=Reason.SILENT)
    assert len(seen) == 1


def test_availability_is_logged_once_each_way(
    node: Node[ChargepointSnapshot], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    for now in (1.0, 2.0):
        node._set_unavailable(Reason.SILENT, now)
    for now in (3.0, 4.0):
        node._set_unavailable(None, now)
    node.connection_lost(5.0)
    node.connection_made(6.0)
    assert [record.message for record in caplog.records] == [
        "x is not available: silent",
        "x is available again",
    ]


def test_a_reported_loss_is_followed_by_a_reported_return(
    node: Node[ChargepointSnapshot], caplog: pytest.LogCaptureFixture
) -> None:
    """Also if the connection was lost meanwhile, and however often its reason changes."""
    caplog.set_level("INFO")
    node._set_unavailable(None, 1.0)
    for now in (10.0, 20.0, 30.0):
        node._set_unavailable(Reason.OFFLINE, now)
        node._set_unavailable(Reason.SILENT, now)
        node.connection_lost(now + 1)
        node.connection_made(now + 2)
        node._set_unavailable(Reason.OFFLINE, now + 3)
        node._set_unavailable(None, now + 4)
    lost, back = "x is not available: offline", "x is available again"
    assert [record.message for record in caplog.records] == 3 * [lost, back]


@pytest.mark.parametrize(
    ("known", "reported", "expected"),
    [
        (None, 5.0, 5.0),
        (5.0, None, 5.0),
        (5.0, 6.0, 6.0),
        (5.0, 4.9, 5.0),
        (5.0, 1.0, 1.0),
        (0.0, 0.0, 0.0),
    ],
)
def test_a_counter_never_steps_back(
    known: float | None, reported: float | None, expected: float
) -> None:
    assert rising(known, reported) == expected
