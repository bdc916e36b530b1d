"""The events of a simulated charge point in a soak, and the reported sessions."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
import math
import time

from custom_components.fimp_chargepoint.chargepoint.charge_point import Chargepoint
from custom_components.fimp_chargepoint.chargepoint.model import ChargepointSnapshot
from custom_components.fimp_chargepoint.chargepoint.sessions import (
    SessionEvent,
    SessionEventType,
    SessionRecord,
    SessionTracker,
)
from custom_components.fimp_chargepoint.chargepoint.sessions.events import FIRST_REPORTS_TIME
from simulators.fimp import FimpSimulator
from simulators.fimp.chargepoint import FimpChargepoint as SimulatedChargepoint
from simulators.fimp.message import Report

#: Seconds after the hub and the adapter are connected again within which all must be known.
RETURN = 10.0
CHARGING = "charging"
#: Seconds within which an event arrives: ends wait for the last energy.
_EVENT_TIME = 5.0
#: Maximum seconds for which the broker is frozen, and keeps messages that it delivers afterwards.
FREEZE = 8.0
_ENERGY_TOLERANCE = 0.05
_GONE = "disconnected"


@dataclass(frozen=True, slots=True)
class Happened:
    """An event of a car at a simulator; the `expected` ones must be reported."""

    what: SessionEventType
    at: float
    expected: bool


@dataclass
class Visit:
    """A car at a simulator: when it came and left, and the energy that it took."""

    came: datetime
    left: datetime | None = None
    energy: float = 0.0
    #: Whether all of it was watched.
    seen: bool = True


class Watched:
    """One charge point: its simulator, its snapshot, and the events."""

    def __init__(self, point: SimulatedChargepoint, adapter: FimpSimulator) -> None:
        """Follow `point` from now on."""
        self.point = point
        self.adapter = adapter
        self.node: Chargepoint | None = None
        self.tracker = SessionTracker()
        self.happened: list[Happened] = []
        self.reported: list[tuple[SessionEvent, float]] = []
        self.visits: list[Visit] = []
        self.looks = self.compared = 0
        #: Since when the truth is as it is, and when it must be known at the latest.
        self.truth: object = None
        self.since = self.due = 0.0
        #: Since when everything between it and the hub has worked, infinite if it does not.
        self.linked_since = math.inf
        self.is_counted = False
        self._state, self._has_charged = point.state, False
        self._send = point.send_report
        point.send_report = self._reports  # type: ignore[method-assign]

    def follow(self, node: Chargepoint) -> None:
        """Feed the session tracker with the snapshot of the hub."""
        self.node = node
        node.add_listener(self._take)
        self._take(node.snapshot)

    def tick(self) -> None:
        """Process what is due in the session tracker."""
        if self.node is not None:
            now = self.node.host.clock.now()
            self._keep(self.tracker.tick(now))

    def _take(self, snapshot: ChargepointSnapshot) -> None:
        if self.node is not None:
            self._keep(self.tracker.take(snapshot, self.node.host.clock.now()))

    def _keep(self, events: Iterable[SessionEvent]) -> None:
        self.reported += [(event, time.monotonic()) for event in events]

    def _reports(self, report: Report) -> None:
        """Note a change of the simulator before it is reported."""
        before, self._state = self._state, self.point.state
        if before != self._state:
            self._happen(before, self._state)
        self._send(report)

    def _happen(self, before: str, state: str) -> None:
        if before == _GONE:
            self._note(SessionEventType.CAR_CONNECTED)
            self._has_charged = False
            self.visits.append(Visit(datetime.now(UTC), seen=self._is_settled()))
        if state == CHARGING:
            again = self._has_charged
            kinds = SessionEventType.CHARGING_STARTED, SessionEventType.CHARGING_RESUMED
            self._note(kinds[again])
            self._has_charged = True
        if state == _GONE:
            if self._has_charged:
                self._note(SessionEventType.SESSION_FINISHED)
            self._note(SessionEventType.CAR_DISCONNECTED)
            visit = self.visits[-1]
            visit.left, visit.energy = datetime.now(UTC), self.point.connector.energy
        elif before == CHARGING:
            self._note(SessionEventType.CHARGING_PAUSED)

    def _note(self, what: SessionEventType) -> None:
        self.happened.append(Happened(what, time.monotonic(), self._is_settled()))

    def _is_settled(self) -> bool:
        return time.monotonic() - self.linked_since > FIRST_REPORTS_TIME + RETURN

    def gap(self) -> None:
        """Something between it and the hub has failed."""
        self.linked_since = math.inf
        recent = time.monotonic() - _EVENT_TIME
        self.happened = [
            replace(each, expected=False) if each.at > recent else each for each in self.happened
        ]
        for visit in self.visits[-2:]:
            visit.seen &= visit.left is not None and (
                datetime.now(UTC) - visit.left > timedelta(seconds=_EVENT_TIME)
            )

    def wrong_events(self) -> Iterator[str]:
        """Yield the events that were missed or invented."""
        left = list(self.reported)
        for each in self.happened:
            latest = each.at + _EVENT_TIME + (0.0 if each.expected else FREEZE)
            match = next(
                (
                    other
                    for other in left
                    if other[0].event_type is each.what
                    and other[1] >= each.at
                    and (other[0].late or other[1] <= latest)
                ),
                None,
            )
            if match is not None:
                left.remove(match)
            elif each.expected:
                yield f"missed {each.what} at {each.at:.1f}"
        for event, at in left:
            yield f"invented {event.event_type} at {at:.1f}{', late' if event.late else ''}"

    def wrong_records(self) -> Iterator[tuple[str, str]]:
        """Yield the records that are missing, invented or have a wrong energy."""
        left = [each for each in self.tracker.records if each.started is not None]
        for visit in self.visits:
            if visit.left is None:
                continue
            record = next((each for each in left if _is_same(each, visit)), None)
            if record is not None:
                left.remove(record)
            if record is None and visit.seen and visit.energy > _ENERGY_TOLERANCE:
                yield "missed records", f"no record of {visit}"
            elif record is not None and visit.seen and is_wrong(record.energy, visit.energy):
                yield "energy differences", f"{record.energy} kWh instead of {visit.energy}"
        # The car that is still there may have been recorded when it stopped.
        for record in left:
            if not any(_is_same(record, visit) for visit in self.visits):
                yield "invented records", f"{record}"


def _is_same(record: SessionRecord, visit: Visit) -> bool:
    return record.started is not None and abs(record.started - visit.came) < timedelta(seconds=2)


def is_wrong(energy: float | None, counted: float) -> bool:
    """Return whether an energy is not the one that was counted."""
    return energy is None or abs(energy - counted) > _ENERGY_TOLERANCE
