"""What a car reports, and the power supply of a DC charge point. Frozen."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Vehicle:
    """What the car reports: its battery level in %, the energy that it requests in kWh, by when.

    Voltages in V, currents in A and power in W are those of its battery now, those that it
    requests, and its maximum. `battery_capacity` is in kWh. `bulk_charge_complete_at` is when fast
    charging ends.
    """

    state_of_charge: float | None = None
    energy_needed: float | None = None
    full_at: datetime | None = None
    id: str | None = None
    vehicle_voltage: float | None = None
    vehicle_current: float | None = None
    target_voltage: float | None = None
    target_current: float | None = None
    vehicle_voltage_max: float | None = None
    vehicle_current_max: float | None = None
    vehicle_current_min: float | None = None
    vehicle_power_max: float | None = None
    battery_capacity: float | None = None
    departure: datetime | None = None
    bulk_charge_complete_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DcSupply:
    """The power supply of a DC charge point: V, A, W and ohm.

    `dc_mode` is in its own words; fields with `max` are what it can deliver.
    """

    dc_mode: str | None = None
    dc_voltage: float | None = None
    dc_current: float | None = None
    dc_voltage_max: float | None = None
    dc_current_max: float | None = None
    dc_power_max: float | None = None
    isolation_resistance: float | None = None
