"""The vocabulary: what a charge point is, in words no protocol owns.

Everything here is frozen. A change makes a new snapshot (`dataclasses.replace`),
so that two snapshots can be compared and passed around freely. Units are W, kWh,
A, V, Hz, °C; times are aware `datetime` objects. `None` always means "not known",
never zero.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Status(StrEnum):
    """What the charge point is doing, in the words of the FIMP chargepoint service."""

    DISCONNECTED = "disconnected"
    REQUESTING = "requesting"
    READY_TO_CHARGE = "ready_to_charge"
    CHARGING = "charging"
    SUSPENDED_BY_EV = "suspended_by_ev"
    SUSPENDED_BY_EVSE = "suspended_by_evse"
    SWITCHING_PHASES = "switching_phases"
    FINISHED = "finished"
    RESERVED = "reserved"
    OUT_OF_SERVICE = "out_of_service"
    ERROR = "error"


#: The states in which charging is wanted and allowed: the charge switch is on.
CHARGING_ALLOWED = frozenset(
    {
        Status.CHARGING,
        Status.SUSPENDED_BY_EV,
        Status.SUSPENDED_BY_EVSE,
        Status.SWITCHING_PHASES,
    }
)

#: The states that say whether a car is plugged in; the others do not tell.
PLUGGED = {Status.DISCONNECTED: False} | dict.fromkeys(
    CHARGING_ALLOWED | {Status.REQUESTING, Status.READY_TO_CHARGE, Status.FINISHED},
    True,
)


class Reason(StrEnum):
    """Why a node is not available."""

    LINK_DOWN = "link_down"
    NOT_HEARD = "not_heard"
    OFFLINE = "offline"
    SILENT = "silent"


class Feature(StrEnum):
    """What a charge point may be able to report, and what it may be able to be told."""

    STATUS = "status"
    CHARGING = "charging"
    CABLE_LOCK = "cable_lock"
    CHARGING_MODE = "charging_mode"
    SESSION_ENERGY = "session_energy"
    POWER = "power"
    ENERGY = "energy"
    EVSE_ID = "evse_id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who the charge point is. Shown to people; only the node's address identifies it.

    `evse_id` is the number by which roaming networks know it (eMI3).
    """

    name: str
    manufacturer: str | None = None
    model: str | None = None
    serial_number: str | None = None
    evse_id: str | None = None
    sw_version: str | None = None
    hw_version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a charge point can report and what it can be told. May grow at run time."""

    reports: frozenset[Feature] = frozenset()
    controls: frozenset[Feature] = frozenset()
    charging_modes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One visit of a car, from plug-in to plug-out. Energy: `Meter.session_energy`."""

    id: str | None = None
    started: datetime | None = None
    ended: datetime | None = None
    previous_energy: float | None = None


#: The values of (L1, L2, L3).
type Phases = tuple[float | None, float | None, float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """Everything that is measured, and so may be reported at a slower pace."""

    power: float | None = None
    energy: float | None = None
    session_energy: float | None = None
    currents: Phases = (None, None, None)
    voltages: Phases = (None, None, None)

    def counters(self) -> Meter:
        """Return what outlives its source: the counters, and no momentary value."""
        return Meter(energy=self.energy, session_energy=self.session_energy)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """What was asked of the charge point and is not proven yet."""

    charging: bool | None = None
    cable_locked: bool | None = None
    charging_mode: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSnapshot:
    """What every node has. `unavailable` is None while the values are live."""

    identity: Identity
    unavailable: Reason | None = Reason.NOT_HEARD

    @property
    def available(self) -> bool:
        """Whether the values are live."""
        return self.unavailable is None

    def differs_beyond_measurements(self, other: NodeSnapshot) -> bool:
        """Return whether anything but measurements differs from `other`."""
        return any(
            getattr(self, name) != getattr(other, name)
            for name in self.__dataclass_fields__
            if name not in _MEASURED
        )


#: The fields that hold nothing but measurements.
_MEASURED = frozenset({"meter"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargepointSnapshot(NodeSnapshot):
    """All that is known of a charge point at one moment.

    `raw_status` is the protocol's own word. `charging_mode` is what the charge point
    reported, else what the user chose. `pending` holds wanted positions, never facts.
    """

    capabilities: Capabilities = Capabilities()
    status: Status | None = None
    raw_status: str | None = None
    plugged: bool | None = None
    cable_locked: bool | None = None
    cable_current: float | None = None
    charging_mode: str | None = None
    session: Session = Session()
    pending: Pending = Pending()
    meter: Meter = Meter()

    @property
    def charging_allowed(self) -> bool | None:
        """The proven position of the charge switch, None where the status is unknown."""
        return None if self.status is None else self.status in CHARGING_ALLOWED


def rising(known: float | None, reported: float | None) -> float | None:
    """Return the next value of a lifetime counter that never steps back.

    A small step back is jitter and keeps the known value; a fall below nine tenths
    means that the meter was reset or replaced, and then its word counts (the same
    border as Home Assistant's for `total_increasing`).
    """
    if known is None or reported is None:
        return known if reported is None else reported
    return known if known * 0.9 <= reported < known else reported
