"""What a car says of itself, mostly over ISO 15118. Pure.

EVerest API v1, evse_manager_consumer, `ev_info`: every key is optional, and an AC car
says nothing at all.
"""

from typing import Any

from ..model import Vehicle
from .envelope import number, text, timestamp


def told(info: dict[str, Any]) -> Vehicle:
    """Return what is known of the car now; energies come in Wh."""
    needed = number(info.get("remaining_energy_needed"))
    charge = number(info.get("soc"))
    return Vehicle(
        state_of_charge=None if charge is None else round(charge, 1),
        energy_needed=None if needed is None else round(needed / 1000, 3),
        full_at=timestamp(info.get("estimated_time_full")),
        id=text(info.get("evcc_id")),
    )
