"""A session tracker that a test feeds with snapshots, at times of a day."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
import json
from typing import Any

from custom_components.fimp_chargepoint.chargepoint.model import (
    PLUGGED,
    ChargepointSnapshot,
    Identity,
    Meter,
    Reason,
    Session,
    Status,
    Vehicle,
)
from custom_components.fimp_chargepoint.chargepoint.sessions import (
    Price,
    SessionEvent,
    SessionEventType,
    SessionTracker,
)

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


MONDAY = NOON - timedelta(days=4)


LIVE = ChargepointSnapshot(identity=Identity(name="x"), unavailable=None)


#: A session of days ago, which the charge point still reports.
OLD = Session(started=MONDAY, ended=MONDAY + timedelta(hours=1))


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


class Home:
    """A session tracker; times are in minutes after noon."""

    def __init__(self, *, has_price: bool = False, price: Price | None = None) -> None:
        self.has_price = has_price or price is not None
        self.price = price
        self.tracker = SessionTracker(has_price=self.has_price)
        self.snapshot = replace(LIVE, session=OLD, meter=Meter(session_energy=5.0))
        self.events: list[tuple[str, float]] = []
        self.received: list[dict[str, Any]] = []

    def report(
        self,
        minutes: float,
        status: Status | None = None,
        energy: float | None = None,
        **changes: Any,
    ) -> None:
        """Process what is due, then a change of the snapshot."""
        if status is not None:
            changes |= {"status": status, "plugged": PLUGGED.get(status)}
        if energy is not None:
            changes["meter"] = Meter(session_energy=energy)
        self.waits(minutes)
        self.snapshot = replace(self.snapshot, unavailable=None, **changes)
        self._take(minutes)

    def waits(self, minutes: float) -> None:
        """Process what is due until a time."""
        now = at(minutes).timestamp()
        deadline = self.tracker.next_deadline
        if deadline is not None and deadline <= now:
            when = (deadline - NOON.timestamp()) / 60
            self._note(when, self.tracker.tick(deadline, self.price))

    def lost(self, minutes: float) -> None:
        """Lose the connection; sessions and counters stay, as in the library."""
        self.waits(minutes)
        self.snapshot = replace(
            self.snapshot,
            unavailable=Reason.NOT_CONNECTED,
            status=None,
            plugged=None,
            vehicle=Vehicle(),
        )
        self._take(minutes)

    def restarts(self) -> None:
        """Store everything as JSON and restart; nothing is reported yet after that."""
        self.tracker.close(self.price)
        stored = json.loads(json.dumps(self.tracker.to_storage()))
        self.tracker = SessionTracker(has_price=self.has_price)
        self.tracker.restore(stored)
        self.snapshot = LIVE

    def _take(self, minutes: float) -> None:
        self._note(minutes, self.tracker.take(self.snapshot, at(minutes).timestamp(), self.price))

    def _note(self, minutes: float, happened: list[SessionEvent]) -> None:
        for each in happened:
            name = f"late {each.event_type}" if each.late else str(each.event_type)
            self.events.append((name, round(minutes)))
            if each.event_type is SessionEventType.SESSION_FINISHED:
                self.received.append(each.as_dict())

    @property
    def record(self) -> dict[str, Any]:
        """The only record."""
        (record,) = self.tracker.records
        return record.as_dict()
