"""The energy of one session in kWh, from two sources that both fail at times. Pure.

`charged_energy_wh` of session_info counts from the meter's reading at the session's start. It
becomes negative if the meter is reset after that (observed when a token came before the car), and
releases before 2025.12 do not send it. The second source is the meter itself: its reading minus the
one in the event that began the session.
"""

from dataclasses import dataclass, replace
from enum import Enum

from ..model import rising

_DIGITS = 3
#: More kWh than this between the beginning of a session and the next reading are not counted.
#: EVerest reports zero if it has no reading yet, as after a restart.
_LEAP = 1.0


class Counter(Enum):
    """How reliable `charged_energy_wh` is; each session starts anew."""

    NOT_RECEIVED = "not_received"
    TRUSTED = "trusted"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEnergy:
    """`value` is the session's energy, None if unknown; it never falls.

    `base` is the meter's reading when the session began, `measured` the energy since then; both are
    None if the beginning was missed.
    """

    value: float | None = None
    base: float | None = None
    measured: float | None = None
    counter: Counter = Counter.NOT_RECEIVED


def with_start_reading(energy: SessionEnergy, reading: float | None) -> SessionEnergy:
    """Take the `reading` of the meter at the beginning of the session, or its transaction."""
    if reading is None or energy.base is not None:
        return energy
    return replace(energy, base=reading, measured=0.0, value=_risen(energy.value, 0.0))


def with_reading(energy: SessionEnergy, reading: float) -> SessionEnergy:
    """Take a new `reading` of the meter."""
    base, measured = energy.base, energy.measured
    if base is None or measured is None:
        return energy
    stood = base + measured
    if reading == stood:
        return energy
    if measured == 0 and reading - base > _LEAP:
        value = energy.value if energy.counter is Counter.TRUSTED else None
        return replace(energy, base=None, measured=None, value=value)
    if rising(stood, reading) != reading:
        return energy  # a small step back is jitter
    if reading < stood:
        base = reading - measured  # the meter was reset: continue from there
    measured = reading - base
    if energy.counter is Counter.TRUSTED:
        return replace(energy, base=base, measured=measured)
    return replace(energy, base=base, measured=measured, value=_risen(energy.value, measured))


def with_counter(energy: SessionEnergy, watt_hours: float | None) -> SessionEnergy:
    """Take `watt_hours` of session_info; once negative, they are wrong for this session."""
    if watt_hours is None or energy.counter is Counter.WRONG:
        return energy
    if watt_hours < 0:
        value = _risen(energy.value, energy.measured)
        return replace(energy, counter=Counter.WRONG, value=value)
    value = _risen(energy.value, watt_hours / 1000)
    if value == energy.value and energy.counter is Counter.TRUSTED:
        return energy
    return replace(energy, counter=Counter.TRUSTED, value=value)


def _risen(known: float | None, reported: float | None) -> float | None:
    """Return the greater of both: the energy of a session never falls."""
    if reported is None:
        return known
    reported = round(reported, _DIGITS)
    return reported if known is None else max(known, reported)
