"""Why a charge point is not charging. Pure."""

from enum import StrEnum
from typing import Final

from .model import ChargepointSnapshot, Status

#: Ampere below which no car charges (IEC 61851): a lower limit is a pause.
_CURRENT_MIN: Final = 6.0


class Hindrance(StrEnum):
    """What has to change before it charges; `CHARGING` where nothing has to."""

    CHARGING = "charging"
    NO_CAR = "no_car"
    NO_PERMISSION = "no_permission"
    SWITCHED_OFF = "switched_off"
    PAUSED_BY_CAR = "paused_by_car"
    PAUSED_BY_CHARGE_POINT = "paused_by_charge_point"
    CURRENT_TOO_LOW = "current_too_low"
    RANDOM_DELAY = "random_delay"
    SWITCHING_PHASES = "switching_phases"
    FINISHED = "finished"
    RESERVED = "reserved"
    OUT_OF_SERVICE = "out_of_service"
    FAULT = "fault"


_BY_STATUS: Final = {
    Status.DISCONNECTED: Hindrance.NO_CAR,
    Status.REQUESTING: Hindrance.NO_PERMISSION,
    Status.READY_TO_CHARGE: Hindrance.SWITCHED_OFF,
    Status.CHARGING: Hindrance.CHARGING,
    Status.SUSPENDED_BY_EV: Hindrance.PAUSED_BY_CAR,
    Status.SWITCHING_PHASES: Hindrance.SWITCHING_PHASES,
    Status.FINISHED: Hindrance.FINISHED,
    Status.RESERVED: Hindrance.RESERVED,
    Status.OUT_OF_SERVICE: Hindrance.OUT_OF_SERVICE,
    Status.ERROR: Hindrance.FAULT,
}


def hindrance(snapshot: ChargepointSnapshot) -> Hindrance | None:
    """Return why it is not charging, None where nobody knows what it does."""
    if snapshot.status is None:
        return None
    if snapshot.enabled is False and snapshot.status is not Status.CHARGING:
        return Hindrance.OUT_OF_SERVICE
    if snapshot.status is Status.REQUESTING and snapshot.plugged is False:
        # A card was shown before the car came.
        return Hindrance.NO_CAR
    if snapshot.status is Status.SUSPENDED_BY_EVSE:
        return _by_charge_point(snapshot)
    return _BY_STATUS[snapshot.status]


def _by_charge_point(snapshot: ChargepointSnapshot) -> Hindrance:
    """Return why the charge point pauses: it does not say, but each of these would do."""
    if snapshot.problems:
        return Hindrance.FAULT
    if snapshot.delayed_until is not None:
        return Hindrance.RANDOM_DELAY
    if snapshot.max_current is not None and snapshot.max_current < _CURRENT_MIN:
        return Hindrance.CURRENT_TOO_LOW
    return Hindrance.PAUSED_BY_CHARGE_POINT
