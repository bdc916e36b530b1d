"""What only DC stations publish, and the cars that charge there."""

from datetime import UTC, datetime, timedelta
from typing import Any

from simulators.car import Connector

from . import messages

_BATTERY = 60.0
_FIRST_CHARGE = 42.5
_VOLTAGE = 400.0
_EVCC_ID = "00:7D:FA:04:12:AB"

VARIABLES = (
    "dc_capabilities",
    "dc_mode",
    "dc_voltage_current",
    "dlink_ready",
    "isolation_measurement",
)
MODES = ("DC_core", "DC_extended")

CAPABILITIES: dict[str, Any] = {
    "bidirectional": False,
    "current_regulation_tolerance_A": 1.0,
    "max_export_current_A": 125.0,
    "max_export_power_W": 50000.0,
    "max_export_voltage_V": 1000.0,
    "min_export_current_A": 0.0,
    "min_export_voltage_V": 150.0,
    "peak_current_ripple_A": 0.5,
}


def powermeter(connector: Connector, sample: int) -> dict[str, Any]:
    """Read the meter between station and car."""
    power = connector.power
    voltage = messages.noisy(_VOLTAGE, 0.5, sample) if power else 0.0
    return {
        "current_A": {"DC": messages.noisy(power / _VOLTAGE, 0, sample)},
        "energy_Wh_export": {"total": 0.0},
        "energy_Wh_import": {"total": float(round(connector.lifetime * 1000))},
        "meter_id": messages.METER,
        "power_W": {"total": messages.noisy(power, 0, sample)},
        "timestamp": messages.now(),
        "voltage_V": {"DC": voltage},
    }


def voltage_current(connector: Connector, sample: int) -> dict[str, Any]:
    """Read the power supply."""
    power = connector.power
    return {
        "current_A": messages.noisy(power / _VOLTAGE, 0, sample),
        "voltage_V": messages.noisy(_VOLTAGE, 0.5, sample) if power else 0.0,
    }


def isolation(sample: int) -> dict[str, Any]:
    """Return a measurement of the isolation."""
    return {
        "resistance_F_Ohm": 900000.0,
        "voltage_V": messages.noisy(_VOLTAGE, 1.5, sample),
    }


def charge(connector: Connector) -> float:
    """The state of charge of the battery, in percent."""
    return min(100.0, _FIRST_CHARGE + connector.energy / _BATTERY * 100)


def ev_info(connector: Connector, soc: float, sample: int) -> dict[str, Any]:
    """Return what the car has reported of itself."""
    needed = (100 - soc) / 100 * _BATTERY
    info: dict[str, Any] = {
        "battery_capacity": _BATTERY * 1000,
        "evcc_id": _EVCC_ID,
        "maximum_current_limit": 125.0,
        "maximum_voltage_limit": 450.0,
        "remaining_energy_needed": messages.noisy(needed * 1000, 0, 0),
        "soc": messages.noisy(soc, 0, 0),
    }
    power = connector.power
    if power:
        full = datetime.now(UTC) + timedelta(hours=needed * 1000 / power)
        info |= {
            "estimated_time_full": f"{full:%Y-%m-%dT%H:%M:%S.000Z}",
            "present_current": messages.noisy(power / _VOLTAGE, 0, sample),
            "present_voltage": messages.noisy(_VOLTAGE, 0.5, sample),
            "target_current": 125.0,
            "target_voltage": _VOLTAGE,
        }
    return info
