"""Requests to Blue Current, and which of them a reply is for.

Source: the vendor's Python library (`bluecurrent-api` 1.3.3). A frame has no request id: a reply
names its command and, most of the time, the charge point.
"""

from collections.abc import Iterable
from datetime import time
from itertools import count
import re
from typing import Final, NamedTuple

import orjson

from ..errors import InvalidRequestError, OutOfRangeError
from ..node import Request
from ..scheduler import Clock
from ..smart_charging import CurrentSchedule, DelayedCharging, PriceBasedCharging, Profile, Weekday
from . import frames

#: The token that starts a session without a card.
NO_CARD: Final = "BCU-APP"
#: The uid of a card: 4, 7 or 10 bytes.
_UID: Final = re.compile(r"(?:[0-9a-f]{8}|[0-9a-f]{14}|[0-9a-f]{20})")

#: Seconds after which no reply is expected: the server itself gives up after about 30.
_REPLY_TIME: Final = 60.0
#: Seconds in which an error without a request belongs to the last one.
_FAILURE_TIME: Final = 10.0
_OPEN_MAX: Final = 200

#: The command that charges now although a profile would wait, or follows the profile again.
OVERRIDES: Final = {
    Profile.DELAYED: "OVERRIDE_DELAYED_CHARGING_TIMEOUT",
    Profile.PRICE_BASED: "OVERRIDE_CHARGING_PROFILES",
}
#: The settings that can be changed: their command, and whether the API has the opposite.
SETTING_COMMANDS: Final = {
    "plug_and_charge": ("SET_PLUG_AND_CHARGE", False),
    "linked_charge_cards_only": ("SET_PUBLIC_CHARGING", True),
    Profile.DELAYED.value: ("SET_DELAYED_CHARGING", False),
    Profile.PRICE_BASED.value: ("SET_PRICE_BASED_CHARGING", False),
}


class _Open(NamedTuple):
    """A request without a final reply; its receipt was acknowledged if it `is_received`."""

    id: str
    command: str
    evse_id: str | None
    sent_at: float
    is_received: bool = False


class Match(NamedTuple):
    """The request that a reply is for; `evse_id` is the charge point it was about."""

    request_id: str
    evse_id: str | None


class Requests:
    """Makes the requests of one account, and finds the one that a reply is for."""

    def __init__(self, clock: Clock) -> None:
        """Start with none."""
        self._clock = clock
        self._numbers = count(1)
        self._open: list[_Open] = []
        #: The charge cards of the account.
        self.cards: tuple[frames.Card, ...] = ()

    def make(self, command: str, evse_id: str | None = None, **fields: object) -> Request:
        """Return a request; fields that are None are left out."""
        given = {"command": command, "evse_id": evse_id, **fields}
        frame = {name: value for name, value in given.items() if value is not None}
        now = self._clock.now()
        opened = _Open(f"{command}#{next(self._numbers)}", command, evse_id, now)
        if not command.startswith("GET_"):
            # Its reply is a report, which does not name the request.
            self._open = [*self._recent(now), opened][-_OPEN_MAX:]
        return Request(
            opened.id, f"{command}/{evse_id}" if evse_id else command, orjson.dumps(frame)
        )

    def match(self, reply: frames.Reply, now: float) -> Match | None:
        """Return the oldest open request that `reply` can belong to; a final reply closes it.

        The receipt of each request is acknowledged once; some get no other reply.
        """
        self._open = self._recent(now)
        for index, opened in enumerate(self._open):
            is_about = None in (reply.evse_id, opened.evse_id) or reply.evse_id == opened.evse_id
            is_possible = reply.final or not opened.is_received
            if is_about and is_possible and opened.command == reply.command:
                if reply.final or reply.error is not None:
                    del self._open[index]
                else:
                    self._open[index] = opened._replace(is_received=True)
                return Match(opened.id, opened.evse_id)
        return None

    def match_failure(self, now: float) -> Match | None:
        """Return the request that an error without a name belongs to: the last one."""
        last = next(reversed(self._open), None)
        if last is None or now - last.sent_at > _FAILURE_TIME:
            return None
        self._open.remove(last)
        return Match(last.id, last.evse_id)

    def clear(self) -> None:
        """Expect no replies: the connection is lost."""
        self._open.clear()

    def _recent(self, now: float) -> list[_Open]:
        return [opened for opened in self._open if now - opened.sent_at <= _REPLY_TIME]

    # Commands ---------------------------------------------------------------------

    def card_uid(self, card: str) -> str:
        """Return the uid of a card: by its name or its printed number, without case.

        A uid is returned as it is: not all cards need to be on the list.
        """
        given = card.strip().casefold()
        for each in self.cards:
            if given and given in (each.uid.casefold(), (each.id or "").casefold()):
                return each.uid
        of_name = [each.uid for each in self.cards if (each.name or "").casefold() == given]
        if given and len(of_name) == 1:
            return of_name[0]
        if _UID.fullmatch(given) or given == NO_CARD.casefold():
            return card.strip().upper()
        names = [each.name or each.id or each.uid for each in self.cards]
        raise InvalidRequestError("unknown_card", value=card, cards=names)

    def delayed_charging(self, evse_id: str, schedule: DelayedCharging) -> Request:
        """Set when delayed charging lets a charge point charge."""
        if not schedule.days:
            raise InvalidRequestError("no_days")
        days = ",".join(str(int(day)) for day in sorted(schedule.days))
        return self.make(
            "SAVE_SCHEDULE_DELAYED_CHARGING",
            evse_id,
            days=f"[{days}]",
            start_time=_clock_time(schedule.start),
            end_time=_clock_time(schedule.end),
        )

    def price_based_charging(self, evse_id: str, settings: PriceBasedCharging) -> Request:
        """Set what price-based charging has to achieve."""
        for level in (settings.level, settings.minimum_level):
            if level is not None and not 0 <= level <= 100:  # noqa: PLR2004
                raise OutOfRangeError(level, 0, 100)
        departure = settings.departure
        return self.make(
            "PATCH_PRICE_BASED_CHARGING_SETTINGS",
            evse_id,
            expected_departure_time=None if departure is None else _clock_time(departure),
            current_battery_pct=settings.level,
            minimum_pct=settings.minimum_level,
            battery_size_kwh=settings.battery_size,
        )

    def set_schedule(self, schedule: CurrentSchedule) -> Request:
        """Create a schedule of a current limit, or change the one that has its id."""
        if not (schedule.start_days and schedule.end_days and schedule.charge_points):
            raise InvalidRequestError("no_days")
        if schedule.current is None or not 0 <= schedule.current <= _CURRENT_MAX:
            raise InvalidRequestError(
                "invalid_value", setting="current", value=str(schedule.current)
            )
        is_new = schedule.id is None
        return self.make(
            "POST_SET_OVERRIDE_CURRENT" if is_new else "POST_EDIT_OVERRIDE_CURRENT",
            schedule_id=schedule.id,
            chargepoints=list(schedule.charge_points),
            overridestarttime=_clock_time(schedule.start),
            overridestartdays=_codes(schedule.start_days),
            overridestoptime=_clock_time(schedule.end),
            overridestopdays=_codes(schedule.end_days),
            overridevalue=float(schedule.current),
        )

    def clear_schedule(self, schedule_id: str) -> Request:
        """Delete a schedule of a current limit; its id is sent as a number."""
        if not re.fullmatch(r"\d{1,15}", schedule_id):
            raise InvalidRequestError("unknown_schedule", value=schedule_id)
        return self.make("POST_CLEAR_OVERRIDE_CURRENT", schedule_id=int(schedule_id))


# Schedules --------------------------------------------------------------------------

_CODES: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
#: The highest current in A of an outlet.
_CURRENT_MAX: Final = 80.0
#: The names of a schedule's fields: of the vendor's examples, and of its integration.
_START: Final = ("override_start_time", "start_time")
_STOP: Final = ("override_end_time", "override_stop_time", "stop_time")
_CURRENT: Final = ("override_current", "override_value", "current")
_CHARGE_POINTS: Final = ("charge_points", "chargepoints", "chargepoint_id")
_START_DAYS: Final = ("override_start_days", "days_of_week")
_STOP_DAYS: Final = ("override_end_days", "days_of_week")


def schedules(data: object) -> list[CurrentSchedule]:
    """Return the schedules in a reply, without invalid ones."""
    items = data if isinstance(data, list) else [data]
    found = (_schedule(item) for item in items if isinstance(item, dict))
    return [schedule for schedule in found if schedule is not None]


def schedule_id(data: object) -> str | None:
    """Return the id of the schedule that was created or changed."""
    value = data.get("schedule_id") if isinstance(data, dict) else None
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else None


def _schedule(item: dict[str, object]) -> CurrentSchedule | None:
    start, end = _read_time(_first(item, _START)), _read_time(_first(item, _STOP))
    if start is None or end is None:
        return None
    current = _first(item, _CURRENT)
    is_number = isinstance(current, int | float) and not isinstance(current, bool)
    return CurrentSchedule(
        id=schedule_id(item),
        charge_points=tuple(_texts(_first(item, _CHARGE_POINTS))),
        start_days=_read_days(_first(item, _START_DAYS)),
        start=start,
        end_days=_read_days(_first(item, _STOP_DAYS)),
        end=end,
        current=float(current) if is_number and isinstance(current, int | float) else None,
    )


def _first(item: dict[str, object], names: Iterable[str]) -> object:
    return next((item[name] for name in names if item.get(name) is not None), None)


def _texts(value: object) -> list[str]:
    """Read a list of texts, or one text with commas."""
    items = value.split(",") if isinstance(value, str) else value
    return (
        [text.strip() for text in items if isinstance(text, str)] if isinstance(items, list) else []
    )


def _read_days(value: object) -> frozenset[Weekday]:
    codes = [text.upper() for text in _texts(value)]
    return frozenset(Weekday(_CODES.index(code) + 1) for code in codes if code in _CODES)


def _read_time(value: object) -> time | None:
    try:
        return time.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _codes(days: frozenset[Weekday]) -> list[str]:
    return [_CODES[day - 1] for day in sorted(days)]


def _clock_time(moment: time) -> str:
    return f"{moment:%H:%M}"
