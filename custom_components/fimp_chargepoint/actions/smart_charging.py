"""The actions about smart charging by a charge point's own service: profiles and schedules."""

from collections.abc import Collection
from dataclasses import replace
from typing import Final

from homeassistant.core import SupportsResponse
from homeassistant.helpers import config_validation as cv
import probatio

from ..chargepoint import (
    CurrentSchedule,
    DelayedCharging,
    PriceBasedCharging,
    Profile,
    SmartCharging,
    Weekday,
)
from ..chargepoint.errors import InvalidRequestError
from ..coordinator import ChargepointCoordinator
from .action import Action, Answer, AnyAction, Data
from .charging import ATTR_CURRENT

ATTR_BATTERY_SIZE: Final = "battery_size"
ATTR_CHARGE_LEVEL: Final = "charge_level"
ATTR_DAYS: Final = "days"
ATTR_DEPARTURE_TIME: Final = "departure_time"
ATTR_ENABLED: Final = "enabled"
ATTR_END_DAYS: Final = "end_days"
ATTR_END_TIME: Final = "end_time"
ATTR_MINIMUM_LEVEL: Final = "minimum_level"
ATTR_PROFILE: Final = "profile"
ATTR_SCHEDULE_ID: Final = "schedule_id"
ATTR_START_DAYS: Final = "start_days"
ATTR_START_TIME: Final = "start_time"

#: As Home Assistant calls them, from Monday on.
_WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAYS: Final = probatio.All(cv.weekdays, probatio.Length(min=1))
_LEVEL: Final = probatio.All(probatio.Coerce(int), probatio.Range(min=0, max=100))
#: The fields of the target of price-based charging, by what they are called here.
_TARGET: Final = {
    ATTR_DEPARTURE_TIME: "departure",
    ATTR_CHARGE_LEVEL: "level",
    ATTR_MINIMUM_LEVEL: "minimum_level",
    ATTR_BATTERY_SIZE: "battery_size",
}
_BATTERY: Final = probatio.All(probatio.Coerce(int), probatio.Range(min=1, max=1000))


def _days(names: Collection[str]) -> frozenset[Weekday]:
    return frozenset(Weekday(_WEEKDAYS.index(name) + 1) for name in names)


def _names(days: Collection[Weekday]) -> list[str]:
    return [_WEEKDAYS[day - 1] for day in sorted(days)]


def _service(coordinator: ChargepointCoordinator) -> SmartCharging:
    if isinstance(coordinator.node, SmartCharging):
        return coordinator.node
    raise InvalidRequestError("no_smart_charging")


def _check(coordinator: ChargepointCoordinator, _: Data) -> None:
    _service(coordinator)


# Profiles ---------------------------------------------------------------------------------


def _check_some(coordinator: ChargepointCoordinator, data: Data) -> None:
    _service(coordinator)
    if not data.keys() & {ATTR_ENABLED, ATTR_DAYS, *_TARGET}:
        raise InvalidRequestError("nothing_requested")


async def _set_delayed(coordinator: ChargepointCoordinator, data: Data) -> Answer:
    """Set the hours before the profile that follows them."""
    service = _service(coordinator)
    if ATTR_DAYS in data:
        await service.set_delayed_charging(
            DelayedCharging(
                days=_days(data[ATTR_DAYS]),
                start=data[ATTR_START_TIME],
                end=data[ATTR_END_TIME],
            )
        )
    if ATTR_ENABLED in data:
        await service.set_profile(Profile.DELAYED, on=data[ATTR_ENABLED])
    return {}


async def _set_price_based(coordinator: ChargepointCoordinator, data: Data) -> Answer:
    """Set the target before the profile that follows it."""
    service = _service(coordinator)
    target = {name: data[key] for key, name in _TARGET.items() if key in data}
    if target:
        await service.set_price_based_charging(PriceBasedCharging(**target))
    if ATTR_ENABLED in data:
        await service.set_profile(Profile.PRICE_BASED, on=data[ATTR_ENABLED])
    return {}


def _profile(coordinator: ChargepointCoordinator, data: Data) -> Profile:
    """Return the profile that was chosen, else the one that is on."""
    if ATTR_PROFILE in data:
        return Profile(data[ATTR_PROFILE])
    for profile in Profile:
        if coordinator.data.parameters.get(profile) is True:
            return profile
    raise InvalidRequestError("no_profile")


def _check_override(coordinator: ChargepointCoordinator, data: Data) -> None:
    _service(coordinator)
    _profile(coordinator, data)


async def _override(coordinator: ChargepointCoordinator, data: Data) -> Answer:
    profile = _profile(coordinator, data)
    await _service(coordinator).override_profile(profile, on=data[ATTR_ENABLED])
    return {ATTR_PROFILE: profile}


# Schedules of current limits -----------------------------------------------------------------


async def _get_schedules(coordinator: ChargepointCoordinator, _: Data) -> Answer:
    schedules = [
        {
            ATTR_SCHEDULE_ID: schedule.id,
            ATTR_CURRENT: schedule.current,
            ATTR_START_DAYS: _names(schedule.start_days),
            ATTR_START_TIME: schedule.start.isoformat(),
            ATTR_END_DAYS: _names(schedule.end_days),
            ATTR_END_TIME: schedule.end.isoformat(),
            "serial_numbers": list(schedule.charge_points),
        }
        for schedule in await _service(coordinator).current_schedules()
    ]
    return {"schedules": schedules}


_NEEDED: Final = {ATTR_CURRENT, ATTR_START_DAYS, ATTR_START_TIME, ATTR_END_TIME}


def _check_schedule(coordinator: ChargepointCoordinator, data: Data) -> None:
    _service(coordinator)
    if ATTR_SCHEDULE_ID not in data and not data.keys() >= _NEEDED:
        raise InvalidRequestError("incomplete_schedule")


async def _set_schedule(coordinator: ChargepointCoordinator, data: Data) -> Answer:
    """Create a schedule, or change the given fields of an existing one."""
    service = _service(coordinator)
    schedule_id = data.get(ATTR_SCHEDULE_ID)
    if schedule_id is None:
        schedule = _new_schedule(data)
    else:
        schedule = _changed(await _find(service, schedule_id), data)
    return {ATTR_SCHEDULE_ID: await service.set_current_schedule(schedule)}


async def _find(service: SmartCharging, schedule_id: str) -> CurrentSchedule:
    for schedule in await service.current_schedules():
        if schedule.id == schedule_id:
            return schedule
    raise InvalidRequestError("unknown_schedule", value=schedule_id)


def _new_schedule(data: Data) -> CurrentSchedule:
    start, end = data[ATTR_START_TIME], data[ATTR_END_TIME]
    start_days = _days(data[ATTR_START_DAYS])
    if ATTR_END_DAYS in data:
        end_days = _days(data[ATTR_END_DAYS])
    else:
        # One that spans midnight ends on the following days.
        end_days = start_days if end > start else frozenset(Weekday(d % 7 + 1) for d in start_days)
    return CurrentSchedule(
        charge_points=(),
        start_days=start_days,
        start=start,
        end_days=end_days,
        end=end,
        current=data[ATTR_CURRENT],
    )


def _changed(schedule: CurrentSchedule, data: Data) -> CurrentSchedule:
    def days(name: str, known: frozenset[Weekday]) -> frozenset[Weekday]:
        return _days(data[name]) if name in data else known

    return replace(
        schedule,
        start_days=days(ATTR_START_DAYS, schedule.start_days),
        start=data.get(ATTR_START_TIME, schedule.start),
        end_days=days(ATTR_END_DAYS, schedule.end_days),
        end=data.get(ATTR_END_TIME, schedule.end),
        current=data.get(ATTR_CURRENT, schedule.current),
    )


async def _clear_schedule(coordinator: ChargepointCoordinator, data: Data) -> Answer:
    await _service(coordinator).clear_current_schedule(data[ATTR_SCHEDULE_ID])
    return {}


SMART_CHARGING_ACTIONS: Final[dict[str, AnyAction]] = {
    "set_delayed_charging": Action(
        fields={
            probatio.Optional(ATTR_ENABLED): cv.boolean,
            probatio.Inclusive(ATTR_DAYS, "hours"): _DAYS,
            probatio.Inclusive(ATTR_START_TIME, "hours"): cv.time,
            probatio.Inclusive(ATTR_END_TIME, "hours"): cv.time,
        },
        check=_check_some,
        run=_set_delayed,
    ),
    "set_price_based_charging": Action(
        fields={
            probatio.Optional(ATTR_ENABLED): cv.boolean,
            probatio.Optional(ATTR_DEPARTURE_TIME): cv.time,
            probatio.Optional(ATTR_CHARGE_LEVEL): _LEVEL,
            probatio.Optional(ATTR_MINIMUM_LEVEL): _LEVEL,
            probatio.Optional(ATTR_BATTERY_SIZE): _BATTERY,
        },
        check=_check_some,
        run=_set_price_based,
    ),
    "override_smart_charging": Action(
        fields={
            probatio.Optional(ATTR_ENABLED, default=True): cv.boolean,
            probatio.Optional(ATTR_PROFILE): probatio.In([*Profile]),
        },
        check=_check_override,
        run=_override,
    ),
    "get_current_schedules": Action(
        fields={}, check=_check, run=_get_schedules, response=SupportsResponse.ONLY
    ),
    "set_current_schedule": Action(
        fields={
            probatio.Optional(ATTR_SCHEDULE_ID): cv.string,
            probatio.Optional(ATTR_CURRENT): cv.positive_float,
            probatio.Optional(ATTR_START_DAYS): _DAYS,
            probatio.Optional(ATTR_START_TIME): cv.time,
            probatio.Optional(ATTR_END_DAYS): _DAYS,
            probatio.Optional(ATTR_END_TIME): cv.time,
        },
        check=_check_schedule,
        run=_set_schedule,
    ),
    "clear_current_schedule": Action(
        fields={probatio.Required(ATTR_SCHEDULE_ID): cv.string},
        check=_check,
        run=_clear_schedule,
    ),
}
