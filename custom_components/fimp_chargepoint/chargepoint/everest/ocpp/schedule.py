"""Reads what the back end lets a station draw now, from OCPP's composite schedules. Pure.

EVerest API v1, `charging_schedules` of ocpp_consumer: one schedule for each EVSE, and one for
the whole station, which has the number 0.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from ...readers import JsonObject, number, objects, text, timestamp
from ..envelope import mapping

_WHOLE_STATION: Final = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """The limits in A or W, each with the time from which it applies, and when the schedule `ends`.

    Times are seconds of the hub's clock. `dated` is whether they follow from a date.
    """

    unit: str | None = None
    limits: tuple[tuple[float, float], ...] = ()
    ends: float | None = None
    dated: bool = False

    def limit(self, now: float) -> float | None:
        """Return the limit at `now`, None if there is none."""
        if self.ends is not None and now >= self.ends:
            return None
        found = [limit for since, limit in self.limits if since <= now]
        return found[-1] if found else None

    def next_change(self, now: float) -> float | None:
        """Return when the limit may change next."""
        moments = [since for since, _ in self.limits]
        if self.ends is not None:
            moments.append(self.ends)
        return min((each for each in moments if each > now), default=None)

    def after(self, by: float) -> Schedule:
        """Return the schedule after the system clock was set by `by` seconds."""
        if not self.dated:
            return self
        return replace(
            self,
            limits=tuple((since - by, limit) for since, limit in self.limits),
            ends=None if self.ends is None else self.ends - by,
        )


def of_station(value: object, now: float, today: datetime) -> Schedule:
    """Return the schedule of the whole station, an empty one if there is none.

    `today` is the date and time at `now`.

    Raises:
        ProtocolError: of kind `shape`.

    """
    for schedule in objects(mapping(value).get("schedules")):
        if schedule.get("evse") == _WHOLE_STATION:
            return _schedule(schedule, now, today)
    return Schedule()


def _schedule(data: JsonObject, now: float, today: datetime) -> Schedule:
    begin = timestamp(data.get("start_schedule"))
    start = now if begin is None else now + (begin - today).total_seconds()
    limits = [
        (start + offset, limit)
        for period in objects(data.get("charging_schedule_period"))
        if (offset := number(period.get("start_period"))) is not None
        and (limit := number(period.get("limit"))) is not None
    ]
    duration = number(data.get("duration"))
    return Schedule(
        unit=text(data.get("charging_rate_unit")),
        limits=tuple(sorted(limits)),
        ends=None if duration is None else start + duration,
        dated=begin is not None,
    )
