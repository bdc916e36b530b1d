"""Why a charge point is not charging. Pure."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final

from .model import ChargepointSnapshot, PauseReason, Status

#: Current in A below which no car charges (IEC 61851): a lower limit is a pause.
_CURRENT_MIN: Final = 6.0


class NotChargingReason(StrEnum):
    """What prevents charging; `CHARGING` if nothing does."""

    CHARGING = "charging"
    NO_CAR = "no_car"
    NO_PERMISSION = "no_permission"
    SWITCHED_OFF = "switched_off"
    PAUSED_BY_CAR = "paused_by_car"
    PAUSED_BY_CHARGE_POINT = "paused_by_charge_point"
    PAUSED_BY_LOAD_BALANCING = "paused_by_load_balancing"
    CURRENT_TOO_LOW = "current_too_low"
    RANDOM_DELAY = "random_delay"
    SWITCHING_PHASES = "switching_phases"
    FINISHED = "finished"
    RESERVED = "reserved"
    OUT_OF_SERVICE = "out_of_service"
    FAULT = "fault"


_BY_STATUS: Final = {
    Status.DISCONNECTED: NotChargingReason.NO_CAR,
    Status.READY_TO_CHARGE: NotChargingReason.SWITCHED_OFF,
    Status.CHARGING: NotChargingReason.CHARGING,
    Status.SWITCHING_PHASES: NotChargingReason.SWITCHING_PHASES,
    Status.FINISHED: NotChargingReason.FINISHED,
    Status.RESERVED: NotChargingReason.RESERVED,
    Status.OUT_OF_SERVICE: NotChargingReason.OUT_OF_SERVICE,
    Status.ERROR: NotChargingReason.FAULT,
}


def not_charging_reason(snapshot: ChargepointSnapshot) -> NotChargingReason | None:
    """Return why it is not charging, None if its state is unknown."""
    if snapshot.status is None:
        return None
    if snapshot.enabled is False and snapshot.status is not Status.CHARGING:
        return NotChargingReason.OUT_OF_SERVICE
    reason_of = _BY_SNAPSHOT.get(snapshot.status)
    reason = _BY_STATUS[snapshot.status] if reason_of is None else reason_of(snapshot)
    plan = snapshot.requested.plan
    if reason is NotChargingReason.SWITCHED_OFF and plan is not None and plan.paused:
        # A stop from Home Assistant ends this pause.
        return NotChargingReason.PAUSED_BY_LOAD_BALANCING
    return reason


def _by_request(snapshot: ChargepointSnapshot) -> NotChargingReason:
    """Return what is missing before charging is allowed, or right after that."""
    if snapshot.plugged is False:
        # A card was shown before the car came.
        return NotChargingReason.NO_CAR
    allowed = snapshot.session.authorized
    return NotChargingReason.PAUSED_BY_CAR if allowed else NotChargingReason.NO_PERMISSION


def _by_car(snapshot: ChargepointSnapshot) -> NotChargingReason:
    return _lasting(snapshot) or NotChargingReason.PAUSED_BY_CAR


def _by_charge_point(snapshot: ChargepointSnapshot) -> NotChargingReason:
    """Return why the charge point pauses; several reasons may apply if it does not report one."""
    reason = snapshot.pause_reason
    if reason is PauseReason.FAULT or (reason is None and snapshot.problems):
        return NotChargingReason.FAULT
    if (lasting := _lasting(snapshot)) is not None:
        return lasting
    if reason is PauseReason.NO_ENERGY:
        return NotChargingReason.CURRENT_TOO_LOW
    return NotChargingReason.PAUSED_BY_CHARGE_POINT


def _lasting(snapshot: ChargepointSnapshot) -> NotChargingReason | None:
    """Return what prevents charging in any case, None if nothing is known to."""
    if snapshot.requested.is_paused:
        return NotChargingReason.SWITCHED_OFF
    if snapshot.delayed_until is not None:
        return NotChargingReason.RANDOM_DELAY
    current = snapshot.effective_current
    if current is None:
        current = snapshot.max_current
    too_low = current is not None and current < _CURRENT_MIN
    return NotChargingReason.CURRENT_TOO_LOW if too_low else None


#: The states that do not imply the reason alone.
_BY_SNAPSHOT: Final[Mapping[Status, Callable[[ChargepointSnapshot], NotChargingReason]]] = {
    Status.REQUESTING: _by_request,
    Status.SUSPENDED_BY_EV: _by_car,
    Status.SUSPENDED_BY_EVSE: _by_charge_point,
}


class ControlPilotState(StrEnum):
    """A state of the control pilot.

    D (a car that needs ventilation) and E (the pilot has no power) are missing, since no charge
    point reports them: it reports D as charging and E as a fault.
    """

    NO_CAR = "a"
    CONNECTED = "b"
    CHARGING = "c"
    NOT_AVAILABLE = "f"


#: The states that the status alone implies; all others depend on whether a car is plugged in.
_BY_STATUS_ALONE: Final = {
    Status.CHARGING: ControlPilotState.CHARGING,
    Status.ERROR: ControlPilotState.NOT_AVAILABLE,
    Status.OUT_OF_SERVICE: ControlPilotState.NOT_AVAILABLE,
}


def control_pilot_state(snapshot: ChargepointSnapshot) -> ControlPilotState | None:
    """Return the state of the control pilot, None if it is unknown."""
    if snapshot.status is None:
        return None
    if (state := _BY_STATUS_ALONE.get(snapshot.status)) is not None:
        return state
    if snapshot.plugged is None:
        return None
    return ControlPilotState.CONNECTED if snapshot.plugged else ControlPilotState.NO_CAR
