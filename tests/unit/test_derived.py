"""Values derived from a snapshot: the state of IEC 61851, and the reason for not charging."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from custom_components.fimp_chargepoint.chargepoint.derived import (
    ControlPilotState,
    NotChargingReason,
    control_pilot_state,
    not_charging_reason,
)
from custom_components.fimp_chargepoint.chargepoint.limits.requested import Pause, Plan, Requested
from custom_components.fimp_chargepoint.chargepoint.model import (
    PLUGGED,
    ChargepointSnapshot,
    Identity,
    PauseReason,
    Session,
    Status,
)

PAUSED = Requested(pause=Pause(accepted=True, session_id="one"))
BALANCED = Requested(plan=Plan(paused=True))
UNKNOWN = ChargepointSnapshot(identity=Identity(name="x"), unavailable=None)

#: By status, with what each status shows of the plug.
EXPECTED: dict[Status | None, tuple[str | None, str | None]] = {
    None: (None, None),
    Status.DISCONNECTED: ("a", "no_car"),
    Status.REQUESTING: ("b", "no_permission"),
    Status.READY_TO_CHARGE: ("b", "switched_off"),
    Status.CHARGING: ("c", "charging"),
    Status.SUSPENDED_BY_EV: ("b", "paused_by_car"),
    Status.SUSPENDED_BY_EVSE: ("b", "paused_by_charge_point"),
    Status.SWITCHING_PHASES: ("b", "switching_phases"),
    Status.FINISHED: ("b", "finished"),
    Status.RESERVED: (None, "reserved"),
    Status.OUT_OF_SERVICE: ("f", "out_of_service"),
    Status.ERROR: ("f", "fault"),
}


def snapshot(status: Status | None, **changes: Any) -> ChargepointSnapshot:
    plugged = None if status is None else PLUGGED.get(status)
    return replace(UNKNOWN, **{"status": status, "plugged": plugged, **changes})


@pytest.mark.parametrize("status", [None, *Status])
def test_every_status(status: Status | None) -> None:
    assert (
        control_pilot_state(snapshot(status)),
        not_charging_reason(snapshot(status)),
    ) == EXPECTED[status]


@pytest.mark.parametrize(
    ("status", "changes", "expected"),
    [
        (Status.RESERVED, {"plugged": False}, ControlPilotState.NO_CAR),
        # A card was shown before the car came.
        (Status.REQUESTING, {"plugged": False}, ControlPilotState.NO_CAR),
        (Status.REQUESTING, {"plugged": None}, None),
        # Unknown is not guessed from the plug alone: it may be charging.
        (None, {"plugged": True}, None),
        (Status.OUT_OF_SERVICE, {"plugged": True}, ControlPilotState.NOT_AVAILABLE),
    ],
)
def test_pilot(status: Status, changes: dict[str, Any], expected: ControlPilotState | None) -> None:
    assert control_pilot_state(snapshot(status, **changes)) is expected


@pytest.mark.parametrize(
    ("status", "changes", "expected"),
    [
        (Status.REQUESTING, {"plugged": False}, NotChargingReason.NO_CAR),
        (Status.SUSPENDED_BY_EVSE, {"max_current": 5.9}, NotChargingReason.CURRENT_TOO_LOW),
        (
            Status.SUSPENDED_BY_EVSE,
            {"max_current": 6.0},
            NotChargingReason.PAUSED_BY_CHARGE_POINT,
        ),
        (Status.SUSPENDED_BY_EVSE, {"faults": frozenset({"x"})}, NotChargingReason.FAULT),
        (
            Status.SUSPENDED_BY_EVSE,
            {"errors": frozenset({"x"}), "max_current": 0.0},
            NotChargingReason.FAULT,
        ),
        (
            Status.SUSPENDED_BY_EVSE,
            {"delayed_until": datetime(2026, 11, 20, tzinfo=UTC), "max_current": 0.0},
            NotChargingReason.RANDOM_DELAY,
        ),
        # If the charge point reports why, nothing else counts.
        (
            Status.SUSPENDED_BY_EVSE,
            {"pause_reason": PauseReason.FAULT},
            NotChargingReason.FAULT,
        ),
        (
            Status.SUSPENDED_BY_EVSE,
            {"pause_reason": PauseReason.NO_ENERGY, "faults": frozenset({"x"})},
            NotChargingReason.CURRENT_TOO_LOW,
        ),
        # Of two limits the one that holds counts.
        (
            Status.SUSPENDED_BY_EVSE,
            {"max_current": 13.0, "effective_current": 0.0},
            NotChargingReason.CURRENT_TOO_LOW,
        ),
        (Status.SUSPENDED_BY_EV, {"effective_current": 0.0}, NotChargingReason.CURRENT_TOO_LOW),
        # An accepted pause lasts, whatever else prevents charging now.
        (Status.SUSPENDED_BY_EV, {"requested": PAUSED}, NotChargingReason.SWITCHED_OFF),
        (
            Status.SUSPENDED_BY_EVSE,
            {"requested": PAUSED, "pause_reason": PauseReason.NO_ENERGY},
            NotChargingReason.SWITCHED_OFF,
        ),
        (
            Status.SUSPENDED_BY_EVSE,
            {"requested": PAUSED, "pause_reason": PauseReason.FAULT},
            NotChargingReason.FAULT,
        ),
        (
            Status.READY_TO_CHARGE,
            {"requested": BALANCED},
            NotChargingReason.PAUSED_BY_LOAD_BALANCING,
        ),
        # The car is asleep, so that the pause is not reported.
        (
            Status.SUSPENDED_BY_EV,
            {"requested": replace(PAUSED, plan=BALANCED.plan)},
            NotChargingReason.PAUSED_BY_LOAD_BALANCING,
        ),
        (Status.READY_TO_CHARGE, {"requested": Requested(plan=Plan(energy=4))}, "switched_off"),
        # The stop was not confirmed, or the charge point was started elsewhere.
        (Status.CHARGING, {"requested": BALANCED}, NotChargingReason.CHARGING),
        (Status.ERROR, {"requested": BALANCED}, NotChargingReason.FAULT),
        # Charging is allowed, so it waits for the car.
        (
            Status.REQUESTING,
            {"session": Session(authorized=True)},
            NotChargingReason.PAUSED_BY_CAR,
        ),
        # A warning, and a limit that does not matter yet, are not what holds it up.
        (Status.READY_TO_CHARGE, {"faults": frozenset({"x"})}, NotChargingReason.SWITCHED_OFF),
        (Status.READY_TO_CHARGE, {"max_current": 0.0}, NotChargingReason.SWITCHED_OFF),
        (
            Status.CHARGING,
            {"faults": frozenset({"x"}), "max_current": 0.0},
            NotChargingReason.CHARGING,
        ),
        (Status.CHARGING, {"enabled": False}, NotChargingReason.CHARGING),
        (Status.DISCONNECTED, {"enabled": False}, NotChargingReason.OUT_OF_SERVICE),
        (None, {"enabled": False, "faults": frozenset({"x"})}, None),
    ],
)
def test_hindrance(
    status: Status | None, changes: dict[str, Any], expected: NotChargingReason | None
) -> None:
    assert not_charging_reason(snapshot(status, **changes)) == expected


def test_nothing_is_missing() -> None:
    """All letters and reasons occur, so none is listed needlessly."""
    by_status = {each for _, each in EXPECTED.values()} - {None}
    assert by_status | {
        NotChargingReason.CURRENT_TOO_LOW,
        NotChargingReason.PAUSED_BY_LOAD_BALANCING,
        NotChargingReason.RANDOM_DELAY,
    } == set(NotChargingReason)
    assert {letter for letter, _ in EXPECTED.values()} - {None} == set(ControlPilotState)
