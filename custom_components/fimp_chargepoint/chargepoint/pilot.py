"""The letter of IEC 61851 for what a charge point does. Pure.

The standard names the states of the control pilot, the wire between the charge point and
the car. Controllers such as evcc ask for these letters.
"""

from enum import StrEnum
from typing import Final

from .model import ChargepointSnapshot, Status


class Pilot(StrEnum):
    """A state of the control pilot.

    D (a car that needs ventilation) and E (the pilot has no power) are left out, since no
    charge point tells of them: it calls the first charging and the second a fault.
    """

    NO_CAR = "a"
    CONNECTED = "b"
    CHARGING = "c"
    NOT_AVAILABLE = "f"


#: Where the status tells it; otherwise it depends on whether a car is there.
_TOLD: Final = {
    Status.CHARGING: Pilot.CHARGING,
    Status.ERROR: Pilot.NOT_AVAILABLE,
    Status.OUT_OF_SERVICE: Pilot.NOT_AVAILABLE,
}


def pilot(snapshot: ChargepointSnapshot) -> Pilot | None:
    """Return the state of the control pilot, None where nobody knows it."""
    if snapshot.status is None:
        return None
    if (told := _TOLD.get(snapshot.status)) is not None:
        return told
    if snapshot.plugged is None:
        return None
    return Pilot.CONNECTED if snapshot.plugged else Pilot.NO_CAR
