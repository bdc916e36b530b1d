"""The session that is being watched, from the moment the car was there. Pure.

What a charge point says of its session belongs to this visit only from some point on: when
the car comes, it may still speak of the one before, for half a minute or for ever.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Self

from ..model import ChargepointSnapshot, Session, Status, corrected
from ..stored import DamagedError, Readers, fields, flag, number, text, timestamp
from .cost import Price, SessionCost, charged, unpriced
from .record import SessionRecord

#: Two sources of the same moment may differ by so much.
_SAME_START = timedelta(seconds=2)
#: Of what is kept; more is noise.
_ENERGY_DIGITS = 3
_COST_DIGITS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveSession:
    """A session that is being watched `since` some moment; energy in kWh.

    `started` is known for sure, or None; where it was taken from our clock, that was set by
    `offset` seconds since. `key` is when it began in the words of the charge point, `id` what
    it calls it; both None until it has spoken of this session, and `stale` is what it said of
    the one before. `recorded`: it has come to an end, which may not be the last.
    """

    since: datetime
    started: datetime | None = None
    offset: float | None = None
    key: datetime | None = None
    id: str | None = None
    stale: tuple[datetime | None, float | None] | None = None
    energy: float | None = None
    charging_seen: bool = False
    who: str | None = None
    ended: datetime | None = None
    recorded: bool = False
    session_cost: SessionCost = field(default_factory=SessionCost)
    #: What a newer version has stored with it.
    unknown: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def began(self) -> datetime | None:
        """When it started, by the clock as it is now."""
        return corrected(self.started, self.offset)

    @property
    def counts(self) -> bool:
        """Whether anything was charged: a car that only stood there is no session."""
        return self.charging_seen or bool(self.energy)

    def is_same(self, session: Session) -> bool | None:
        """Whether `session` is this one, None where that cannot be told."""
        if self.id is not None and session.id is not None:
            return self.id == session.id
        if self.key is not None and session.started is not None:
            return abs(self.key - session.started) <= _SAME_START
        return None

    def adopting(self, snapshot: ChargepointSnapshot) -> ActiveSession:
        """Return the visit with the session of `snapshot` for its own, unless it is stale."""
        session = snapshot.session
        started, offset = _start_of(session)
        if started is None:
            started, offset = self.started, self.offset
        if self.is_same(session):
            return replace(
                self,
                id=session.id or self.id,
                key=session.started or self.key,
                started=started,
                offset=offset,
            )
        if self.key is not None or session.started is None:
            return self
        if self.stale is not None and session.started == self.stale[0]:
            if snapshot.meter.session_energy == self.stale[1]:
                return self
            # It never says when a session began, but a new value can only be of this one.
            started, offset = self.started, self.offset
        return replace(
            self,
            id=session.id,
            key=session.started,
            started=started,
            offset=offset,
            stale=None,
        )

    def updated(self, snapshot: ChargepointSnapshot) -> ActiveSession:
        """Return the visit with what `snapshot` says of it: energy, and who it is."""
        energy = snapshot.meter.session_energy if self.is_same(snapshot.session) else None
        if energy is not None and self.energy is not None:
            energy = max(energy, self.energy)
        return replace(
            self,
            energy=self.energy if energy is None else energy,
            charging_seen=self.charging_seen or snapshot.status is Status.CHARGING,
            who=snapshot.session.token or self.who or snapshot.vehicle.id,
        )

    def clock_set(self, by: float, session: Session) -> ActiveSession:
        """Return the visit after our clock was set; `session` is the last that was told of."""
        told = bool(self.is_same(session))
        offset, ended = self.offset, self.ended
        # What the charge point says it corrects itself, or need not.
        if offset is not None and not (told and _start_of(session)[0] is not None):
            offset += by
        if not (told and session.ended is not None):
            ended = corrected(ended, by)
        return replace(self, offset=offset, ended=ended)

    def billed(self, price: Price | None, *, has_price: bool) -> tuple[ActiveSession, float]:
        """Return the visit with a bill for all of its energy, and what was added to it.

        `has_price`: the user has named one, although it may not be known right now.
        """
        if not has_price:
            return replace(self, session_cost=unpriced(self.session_cost, self.energy)), 0.0
        session_cost, added = charged(self.session_cost, self.energy, price)
        return (
            self if session_cost is self.session_cost else replace(self, session_cost=session_cost)
        ), added

    @property
    def cost(self) -> float | None:
        """What it costs so far, in the currency of its bill."""
        return self.session_cost.total(self.energy)

    @property
    def record(self) -> SessionRecord:
        """What is kept of it."""
        return SessionRecord(
            started=self.began,
            ended=self.ended,
            energy=None if self.energy is None else round(self.energy, _ENERGY_DIGITS),
            cost=None if self.cost is None else round(self.cost, _COST_DIGITS),
            currency=None if self.cost is None else self.session_cost.currency,
            who=self.who,
        )

    def to_storage(self) -> dict[str, Any]:
        """Return what `from_storage` takes, fit for JSON."""
        values = {
            name: getattr(self, name)
            for name in ("id", "energy", "charging_seen", "who", "recorded", "offset")
        }
        moments = {name: getattr(self, name) for name in _MOMENTS}
        return {
            **self.unknown,
            **values,
            **{name: each and each.isoformat() for name, each in moments.items()},
            "session_cost": self.session_cost.to_storage(),
        }

    @classmethod
    def from_storage(cls, data: Any) -> Self:
        """Return what `to_storage` was made of, but for what is stale or cannot be read.

        Raises:
            DamagedError: nothing says when it was.

        """
        known, unknown = fields(data, _READERS)
        since = next((known[name] for name in _MOMENTS if name in known), None)
        if since is None:
            raise DamagedError("nothing says when it was")
        # Its cost is not known any more; what is charged from now on still has its price.
        lost = SessionCost(priced=known.get("energy"), partial=True)
        # Who knows the end has recorded it.
        missing = {"since": since, "recorded": "ended" in known, "session_cost": lost}
        return cls(**missing | known, unknown=unknown)


#: The first that is known stands for one that is missing.
_MOMENTS = ("since", "started", "key", "ended")
_READERS: Readers = {
    "id": text,
    "energy": number,
    "charging_seen": flag,
    "who": text,
    "recorded": flag,
    "offset": number,
    "session_cost": SessionCost.from_storage,
    **dict.fromkeys(_MOMENTS, timestamp),
}


def arrived(snapshot: ChargepointSnapshot, now: datetime, unplugged: datetime) -> ActiveSession:
    """Return the visit of a car that came `now`; there was none since `unplugged`."""
    session, energy = snapshot.session, snapshot.meter.session_energy
    started, offset = _start_of(session)
    began = corrected(started, offset)
    if began is not None and session.ended is None and (began > unplugged or not energy):
        return ActiveSession(since=now, started=started, offset=offset, key=started, id=session.id)
    return ActiveSession(since=now, started=now, offset=0.0, stale=(session.started, energy))


def found(snapshot: ChargepointSnapshot, now: datetime) -> ActiveSession:
    """Return the visit of a car that was there before us."""
    session = snapshot.session
    started, offset = _start_of(session)
    return ActiveSession(
        since=now,
        started=started,
        offset=offset,
        key=session.started,
        id=session.id,
        session_cost=SessionCost(priced=None),
    )


def _start_of(session: Session) -> tuple[datetime | None, float | None]:
    """Return when a session began, where somebody said so, and the offset of that."""
    if session.start_guessed or session.started is None:
        return None, None
    return session.started, session.offset
