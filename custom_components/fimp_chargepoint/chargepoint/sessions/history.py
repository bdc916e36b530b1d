"""The current session of one charge point, and the records of those that ended. Pure.

When a car arrives, a charge point may still report the previous session, for half a minute or until
charging begins. Its reports count once they are about the current session.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import ClassVar, Final, Self, override

from ..model import ChargepointSnapshot, Status
from ..session import Session, corrected, inferred, is_same
from ..stored import (
    DamagedError,
    Readers,
    Stored,
    as_json,
    dict_of,
    fields,
    flag,
    list_of,
    number,
    text,
    timestamp,
)
from .record import Price, SessionCost, SessionRecord, end_reason

RECORDS_MAX: Final = 100
#: Difference in kWh to a charge point's own value, which has two digits.
_ROUNDING: Final = 0.0051
#: Tolerated difference between the clock of a charge point and ours.
CLOCK_TOLERANCE: Final = timedelta(seconds=1)

_SESSION: Readers = {
    "id": text,
    "started": timestamp,
    "start_guessed": flag,
    "offset": number,
    "end_reason": end_reason,
}


def _session(data: object) -> Session:
    return Session(**fields(data, _SESSION).known)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveSession(Stored):
    """A session, watched `since` some time; energy in kWh.

    `offset` is how many seconds our clock was set by since then, None if the car was already there.
    `session` is what the charge point reports of it, None while it still reports the previous one,
    which is `stale` (its start and energy). `summed` is the part of its energy that the history has
    added up. `recorded`: it has ended, although the car may request more. `restored`: an earlier
    run began to watch it.
    """

    READERS: ClassVar[Readers] = {
        "since": timestamp,
        "offset": number,
        "session": _session,
        "energy": number,
        "summed": number,
        "charging_seen": flag,
        "who": text,
        "ended": timestamp,
        "recorded": flag,
        "session_cost": SessionCost.from_storage,
    }
    REQUIRED = ("since",)

    since: datetime
    offset: float | None = None
    session: Session | None = None
    stale: tuple[datetime | None, float | None] | None = None
    energy: float | None = None
    summed: float = 0.0
    charging_seen: bool = False
    who: str | None = None
    ended: datetime | None = None
    recorded: bool = False
    session_cost: SessionCost = field(default_factory=SessionCost)
    restored: bool = field(default=False, compare=False)

    @classmethod
    def arrived(cls, snapshot: ChargepointSnapshot, now: datetime, unplugged: datetime) -> Self:
        """Return the session of a car plugged in `now`; there was no car since `unplugged`."""
        session, energy = snapshot.session, snapshot.meter.session_energy
        active = cls(since=now, offset=0.0, stale=(session.started, energy))
        began = session.reported_start
        if began is None or session.ended is not None:
            return active
        is_this_one = began > unplugged or not energy
        return replace(active, session=session, stale=None) if is_this_one else active

    @classmethod
    def found(
        cls, snapshot: ChargepointSnapshot, now: datetime, past: ActiveSession | None
    ) -> Self:
        """Return the session of a car that was already there; `past` is the previous one."""
        session, energy = snapshot.session, snapshot.meter.session_energy
        active = cls(since=now, session=session, session_cost=SessionCost(priced=None))
        if past is not None and past.is_same(session):
            return replace(active, session=None, stale=(session.started, energy))
        return active

    @property
    def counted_since(self) -> datetime:
        """Since when its cost counts: when it began, regardless of later changes of our clock."""
        return (self.session or Session()).reported_start or self.since

    @property
    def began(self) -> datetime | None:
        """When it began, by the current setting of the clock.

        This is the reported start, else when the car was plugged in, else the start that we
        inferred.
        """
        session = self.session or Session()
        seen = None if self.offset is None else corrected(self.since, self.offset)
        inferred_start = None if session.start_guessed else session.began
        return session.reported_start or seen or inferred_start

    @property
    def counts(self) -> bool:
        """Whether anything was charged; otherwise it is not recorded as a session."""
        return self.charging_seen or bool(self.energy)

    @property
    def is_over(self) -> bool:
        """Whether it has ended, and the car has not requested more since."""
        return self.recorded and self.ended is not None

    def is_same(self, session: Session) -> bool | None:
        """Return whether `session` is this one, None if that cannot be decided."""
        return None if self.session is None else is_same(self.session, session)

    def updated(self, snapshot: ChargepointSnapshot) -> Self:
        """Return it, updated with the report in `snapshot`."""
        active = self._with_session(snapshot)
        energy = snapshot.meter.session_energy if active.is_same(snapshot.session) else None
        known = [value for value in (active.energy, energy) if value is not None]
        return replace(
            active,
            energy=max(known, default=None),
            charging_seen=active.charging_seen or snapshot.status is Status.CHARGING,
            who=snapshot.session.token or active.who or snapshot.vehicle.id,
        )

    def _with_session(self, snapshot: ChargepointSnapshot) -> Self:
        """Return it with the session that `snapshot` reports, unless that is the previous one."""
        known, session = self.session, snapshot.session
        if known is None or (known.id is None and known.started is None):
            if session.started is None and session.id is None:
                return self
            if self.stale == (session.started, snapshot.meter.session_energy):
                return self
            return replace(self, session=session, stale=None)
        if not self.is_same(session):
            return self
        if session.started is None:
            session = inferred(session, known, self.since, continues=True, observed=False)
        end_reason = session.end_reason or known.end_reason
        session = replace(session, id=session.id or known.id, end_reason=end_reason)
        return replace(self, session=session)

    def end_of(self, session: Session, seen: datetime) -> datetime:
        """Return when it ended: as `session` reports, if that is plausible, else when `seen`."""
        ended = session.ended if self.is_same(session) else None
        earliest = self.began or self.since
        # The clock of the charge point may be ahead of ours.
        since = self.since + timedelta(seconds=self.offset or 0.0)
        latest = max(seen, earliest + (seen - since))
        if ended is None or not earliest <= ended <= latest + CLOCK_TOLERANCE:
            return seen
        return ended

    def clock_set(self, by: float) -> Self:
        """Return it after our clock was set; times reported by the charge point do not change."""
        reported = self.session is not None and self.session.ended is not None
        return replace(
            self,
            offset=None if self.offset is None else self.offset + by,
            ended=self.ended if reported else corrected(self.ended, by),
        )

    def billed(self, price: Price | None, *, has_price: bool) -> Self:
        """Return it with the cost of all of its energy; `has_price`: the user has set a price."""
        cost = self.session_cost
        cost = cost.charged(self.energy, price) if has_price else cost.unpriced(self.energy)
        return self if cost == self.session_cost else replace(self, session_cost=cost)

    @property
    def cost(self) -> float | None:
        """Its cost so far, in the currency of its `session_cost`."""
        return self.session_cost.total(self.energy)

    @property
    def record(self) -> SessionRecord:
        """Its record for the history."""
        cost, began = self.cost, self.began
        if began is not None and self.ended is not None and began > self.ended:
            # The start is by the clock of the charge point, and the end by ours, which is behind.
            began = None if self.offset is None else corrected(self.since, self.offset)
        return SessionRecord(
            started=began,
            ended=self.ended,
            energy=self.energy,
            cost=cost,
            currency=None if cost is None else self.session_cost.currency,
            who=self.who,
            ended_by=None if self.session is None else self.session.end_reason,
        ).rounded()

    @override
    def known_fields(self) -> dict[str, object]:
        session = self.session or Session()
        stored = {name: as_json(getattr(session, name)) for name in _SESSION}
        return Stored.known_fields(self) | {"session": stored}

    @override
    @classmethod
    def from_storage(cls, data: object) -> Self:
        known, unknown = fields(data, cls.READERS, cls.REQUIRED)
        # If its cost is missing, only energy charged from now on has a price. A session with an end
        # was recorded.
        known.setdefault("session_cost", SessionCost(priced=known.get("energy"), partial=True))
        known.setdefault("recorded", "ended" in known)
        return cls(**known, restored=True, unknown=unknown)


class SessionHistory:
    """The sessions of one charge point.

    `records` are the sessions that have ended, oldest first, `active` is the current one and `past`
    the previous one, whether anything was charged or not. `energy` is the sum of all of them in
    kWh, and never decreases; `totals` is their cost by currency. `watched` is the start and the
    energy of the session as last reported.
    """

    def __init__(self, *, has_price: bool = False) -> None:
        """Start empty; `has_price`: the user has set a price."""
        self.has_price = has_price
        self.records: list[SessionRecord] = []
        self.active: ActiveSession | None = None
        self.past: ActiveSession | None = None
        self.energy: float = 0.0
        self.totals: dict[str, float] = {}
        self.watched: tuple[datetime, float] | None = None
        #: Fields stored by a newer version.
        self._unknown: Mapping[str, object] = {}

    def watch(self, active: ActiveSession, price: Price | None) -> None:
        """Update the current session."""
        active = self.bill(active, price)
        if active.recorded and active.ended is not None:
            # The car is full, but may still draw a little.
            self.rewrite(active.record)

    def bill(self, active: ActiveSession, price: Price | None) -> ActiveSession:
        """Take over the session with the cost of its energy, and return it."""
        summed = max(active.summed, active.energy or 0.0)
        self.energy += summed - active.summed
        active = replace(active, summed=summed)
        self.active = active.billed(price, has_price=self.has_price)
        if price is not None:
            added = self.active.session_cost.cost - active.session_cost.cost
            self.totals[price.currency] = self.totals.get(price.currency, 0.0) + added
        return self.active

    def finish(self, active: ActiveSession, price: Price | None) -> SessionRecord | None:
        """Record a session, once; None if nothing was charged."""
        active = self.bill(active, price)
        if not active.counts:
            return None
        record = active.record
        if active.recorded:
            self.rewrite(record)
        else:
            self.records = [*self.records, record][-RECORDS_MAX:]
            self.active = replace(active, recorded=True)
        return record

    def rewrite(self, record: SessionRecord) -> None:
        """Replace the last record by a more complete one."""
        unknown = self.records[-1].unknown if self.records else {}
        self.records[-1:] = [replace(record, unknown=unknown)]

    def correct(self, energy: float) -> None:
        """Correct the last record by the charge point's own value, in kWh."""
        last = self.records[-1]
        if last.energy is not None and abs(last.energy - energy) <= _ROUNDING:
            return
        self.energy += max(0.0, energy - (last.energy or energy))
        record = last.with_energy(energy)
        self.records[-1:] = [record]
        if record.cost is not None and last.cost is not None and record.currency is not None:
            total = self.totals.get(record.currency, 0.0)
            self.totals[record.currency] = total + record.cost - last.cost

    @property
    def mark(self) -> tuple[object, ...]:
        """A value that changes when there is something new to store."""
        return self.active, self.past, self.records[-1:], self.watched, [*self.totals.items()]

    def to_storage(self) -> dict[str, object]:
        """Return what `restore` takes, fit for JSON."""
        return {
            **self._unknown,
            "records": [record.to_storage() for record in self.records],
            "active": None if self.active is None else self.active.to_storage(),
            "past": None if self.past is None else self.past.to_storage(),
            "energy": self.energy,
            "totals": dict(self.totals),
            "watched": self.watched and [self.watched[0].isoformat(), self.watched[1]],
        }

    def restore(self, data: object) -> None:
        """Take over the data of an earlier run, as far as it can be read.

        Raises:
            DamagedError: it is not an object; nothing is taken over.

        """
        known, self._unknown = fields(data, _HISTORY_READERS)
        self.records = known.get("records", [])
        self.active, self.past = known.get("active"), known.get("past")
        self.energy = known.get("energy", 0.0)
        self.totals = known.get("totals", {})
        self.watched = known.get("watched")
        if self.active is not None and self.active.recorded and not _has_last(data):
            # Its record comes last; without it, the next record would replace another one.
            self.records = [*self.records, self.active.record][-RECORDS_MAX:]

    @staticmethod
    def merged(earlier: object, later: object) -> dict[str, object]:
        """Return two stored histories of the same charge point as one."""
        old, new = SessionHistory(), SessionHistory()
        for history, data in ((old, earlier), (new, later)):
            with suppress(DamagedError):
                history.restore(data)
        totals = new.totals | {
            currency: amount + new.totals.get(currency, 0.0)
            for currency, amount in old.totals.items()
        }
        records = [record.to_storage() for record in (*old.records, *new.records)]
        both = {
            "records": records[-RECORDS_MAX:],
            "energy": old.energy + new.energy,
            "totals": totals,
        }
        return old.to_storage() | new.to_storage() | both


def _watched(value: object) -> tuple[datetime, float]:
    """Read the start of a session and its energy."""
    if not isinstance(value, list) or len(value) != 2:  # noqa: PLR2004
        raise DamagedError("not a time and an energy")
    return timestamp(value[0]), number(value[1])


def _has_last(data: object) -> bool:
    """Return whether the last of the stored records can be read."""
    records = data.get("records") if isinstance(data, Mapping) else None
    with suppress(DamagedError):
        return bool(list_of(SessionRecord.from_storage, 1)(records))
    return False


_HISTORY_READERS: Readers = {
    "records": list_of(SessionRecord.from_storage, RECORDS_MAX),
    "active": ActiveSession.from_storage,
    "past": ActiveSession.from_storage,
    "energy": number,
    "totals": dict_of(number),
    "watched": _watched,
}
