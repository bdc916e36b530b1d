"""EVerest's message content: times, numbers, and the objects built of them."""

from datetime import UTC, datetime
import json
import math
import struct
from typing import Any

from simulators.car import NOMINAL_VOLTAGE, Connector

METER = "SIMULATED_METER"
_LINES = ("L1", "L2", "L3")

NONSENSE: tuple[bytes, ...] = (
    b"",
    b"nonsense",
    b"\xff\xfe\x00",
    b"null",
    b"[]",
    b"true",
    b'{"state": 5, "event": {}, "timestamp": "yesterday"}',
    b'{"state": "Flying", "charged_energy_wh": "lots", "latest_total_w": null}',
    b'{"energy_Wh_import": {"total": NaN}, "power_W": {"total": null}}',
)


def encode(value: object) -> str:
    """Write JSON like EVerest: sorted and indented."""
    return json.dumps(value, indent=4, sort_keys=True)


def now() -> str:
    """Return the present time with milliseconds."""
    moment = datetime.now(UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"


def noisy(value: float, spread: float, phase: float) -> float:
    """Add a little noise to a value, and round it to a 32-bit float."""
    shaken = value + spread * math.sin(phase)
    single: float = struct.unpack("f", struct.pack("f", shaken))[0]
    return single


def powermeter(connector: Connector, sample: int) -> dict[str, Any]:
    """Return all values of the meter; its clock has whole seconds only."""
    used = _LINES[: connector.phases]
    current = connector.current
    shake = {line: sample * 1.7 + index for index, line in enumerate(_LINES)}
    drawn = {line: current if line in used else 0.0 for line in _LINES}
    currents = {
        line: noisy(amps, 0.05, shake[line]) if amps else 0.0 for line, amps in drawn.items()
    }
    voltages = {line: noisy(NOMINAL_VOLTAGE, 2, shake[line]) for line in _LINES}
    watts = {line: float(round(drawn[line] * voltages[line])) for line in _LINES}
    counted = connector.lifetime * 1000
    share = float(round(counted / len(used)))
    return {
        "current_A": {**currents, "N": noisy(0.2, 0.05, sample) if current else 0.0},
        "energy_Wh_export": {**dict.fromkeys(_LINES, 0.0), "total": 0.0},
        "energy_Wh_import": {
            **{line: share if line in used else 0.0 for line in _LINES},
            "total": float(round(counted)),
        },
        "frequency_Hz": {line: noisy(50, 0.1, shake[line]) for line in _LINES},
        "meter_id": METER,
        "phase_seq_error": False,
        "power_W": {**watts, "total": float(sum(watts.values()))},
        "temperatures": [
            {
                "identification": "Powermeter",
                "location": "Powermeter",
                "temperature": noisy(25 + current, 0.5, sample),
            }
        ],
        "timestamp": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "voltage_V": voltages,
    }


def capabilities(
    phases: int, max_current: float, *, socket: bool, switches: bool, state_e: bool
) -> dict[str, Any]:
    """Describe what the hardware can do."""
    found: dict[str, Any] = {
        "connector_type": "IEC62196Type2Socket" if socket else "IEC62196Type2Cable",
        "max_current_A_export": 16.0,
        "max_current_A_import": max_current,
        "max_phase_count_export": phases,
        "max_phase_count_import": phases,
        "min_current_A_export": 0.0,
        "min_current_A_import": 6.0,
        "min_phase_count_export": 1,
        "min_phase_count_import": 1 if switches else phases,
        "supports_changing_phases_during_charging": switches,
    }
    return {**found, "supports_cp_state_E": False} if state_e else found


def enforced_limits(evse: str, limits: dict[str, tuple[float, str]]) -> dict[str, Any]:
    """Describe the limits that apply, each with its source."""
    described = {
        name: {"source": source, "value": value} for name, (value, source) in limits.items()
    }
    moment = datetime.now(UTC)
    hour = f"{moment:%Y-%m-%dT%H:00:00.000Z}"
    return {
        "limits_root_side": described,
        "schedule": [
            {"limits_to_root": described, "timestamp": hour},
            {"limits_to_root": described, "timestamp": now()},
        ],
        "uuid": evse,
        "valid_for": 10,
    }


def signed(moment: str) -> dict[str, str]:
    """Return the signature of a meter without a key."""
    return {
        "encoding_method": "plain",
        "signed_meter_data": f"test {moment} value",
        "signing_method": "dummy",
    }


def token(value: str) -> dict[str, Any]:
    """Describe an RFID card."""
    return {
        "authorization_type": "RFID",
        "id_token": {"type": "ISO14443", "value": value},
    }
