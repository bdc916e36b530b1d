"""What a car reports about itself, and the power supply that charges it with DC. Frozen."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Vehicle:
    """What the car reports: its charge in %, the energy that it needs in kWh, and until when.

    Voltages, currents and powers (V, A, W) are the present, requested and permitted ones of its
    battery; `battery_capacity` is in kWh. `bulk_charge_complete_at` is when fast charging ends.
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
    """The power supply of a charge point with direct current: V, A, W and ohm.

    `dc_mode` is in its own words; those with `max` are what it can give.
    """

    dc_mode: str | None = None
    dc_voltage: float | None = None
    dc_current: float | None = None
    dc_voltage_max: float | None = None
    dc_current_max: float | None = None
    dc_power_max: float | None = None
    isolation_resistance: float | None = None
