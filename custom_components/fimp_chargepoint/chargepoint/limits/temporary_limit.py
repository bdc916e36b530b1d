"""A limit for a while: what is stored of it, and whether it still holds. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from ..commands.request import ExpectedState
from ..model import ChargepointSnapshot, Feature
from ..stored import DamagedError, Readers, fields, number, one_of, text, timestamp

#: There is one for each limit of a charge point: its device, which stays also where it gets
#: another address, and the feature.
type Key = tuple[str, str]


@dataclass(frozen=True)
class TemporaryLimit:
    """A limit in A that holds until a moment, and what it was before.

    `former` is None for that of a session that had none of its own, as far as is known, or
    only that of its charging mode, which is `mode` then; `session` is when that session
    began. Both times are in ISO format. `unknown` is what a newer version has stored with it.
    """

    device_id: str
    feature: str
    current: float
    former: float | None
    until: str
    session: str | None
    mode: str | None = None
    unknown: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> Key:
        """What there is only one for."""
        return self.device_id, self.feature

    def to_storage(self) -> dict[str, Any]:
        """Return what `from_storage` takes, fit for JSON."""
        return {**self.unknown, **{name: getattr(self, name) for name in _READERS}}

    @classmethod
    def from_storage(cls, data: Any) -> Self:
        """Return what `to_storage` was made of.

        Raises:
            DamagedError: nobody can say what is to return, or when.

        """
        known, unknown = fields(data, _READERS, ("device_id", "feature", "current", "until"))
        if known["feature"] == Feature.MAX_CURRENT and "former" not in known:
            raise DamagedError("without former")
        return cls(**{"former": None, "session": None} | known, unknown=unknown)


def _moment(value: Any) -> str:
    """Read a moment, and leave it in ISO format."""
    return timestamp(value).isoformat()


_READERS: Readers = {
    "device_id": text,
    "feature": one_of(Feature.MAX_CURRENT, Feature.SESSION_CURRENT),
    "current": number,
    "former": number,
    "until": _moment,
    "session": _moment,
    "mode": text,
}


def still_holds(
    limit: TemporaryLimit, snapshot: ChargepointSnapshot, effect: ExpectedState
) -> bool | None:
    """Return whether nobody has changed `limit` since, None where that is not known yet.

    `effect` is what it brings about: somebody else who limits to less has changed nothing.
    """
    if not snapshot.available:
        return None
    if limit.feature == Feature.MAX_CURRENT:
        return None if snapshot.max_current is None else effect.matches(snapshot)
    if not (same := _same_session(limit, snapshot)):
        return same
    return _still_limits(limit, snapshot)


def _still_limits(limit: TemporaryLimit, snapshot: ChargepointSnapshot) -> bool | None:
    """Return whether nobody has changed `limit` in its session, None as in `still_holds`."""
    if limit.mode is not None and not snapshot.charging:
        # What was before it is started again, which would start charging.
        return None
    if snapshot.session_current is not None:
        return snapshot.session_current == limit.current
    # After a restart nobody says which limit a session has. If more is offered, it is another.
    offered = snapshot.meter.offered_current
    if offered is None:
        return None if Feature.OFFERED_CURRENT in snapshot.capabilities.reports else True
    return offered <= limit.current


def _same_session(limit: TemporaryLimit, snapshot: ChargepointSnapshot) -> bool | None:
    """Return whether the session of `limit` goes on, None where that is not known yet."""
    if snapshot.plugged is None:
        return None
    began = session_of(snapshot)
    return snapshot.in_session and (None in (began, limit.session) or began == limit.session)


def session_of(snapshot: ChargepointSnapshot) -> str | None:
    """Return when the session began, in ISO format."""
    started = snapshot.session.started
    return None if started is None else started.isoformat()
