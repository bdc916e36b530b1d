"""The vocabulary: the state of a charge point, independent of any protocol.

Everything here is frozen. A change makes a new snapshot, so that two snapshots can be compared and
passed around freely. Units are W, kWh, A, V, Hz, °C; times are aware `datetime` objects. `None`
always means "not known", never zero.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from enum import StrEnum
from functools import cache
from operator import attrgetter
from typing import Any, Self, override

# Also part of this vocabulary; they have files of their own because they grow.
from .capabilities import Capabilities, ParameterValue
from .features import PHASES as PHASES  # noqa: PLC0414
from .features import Feature as Feature  # noqa: PLC0414
from .limits.requested import Requested
from .session import Session as Session  # noqa: PLC0414
from .vehicle import DcSupply as DcSupply  # noqa: PLC0414
from .vehicle import Vehicle as Vehicle  # noqa: PLC0414


class Status(StrEnum):
    """What the charge point is doing, in the terms of the FIMP chargepoint service."""

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


#: The states in which charging is requested and allowed: the charge switch is on.
CHARGING_ALLOWED = frozenset(
    {
        Status.CHARGING,
        Status.SUSPENDED_BY_EV,
        Status.SUSPENDED_BY_EVSE,
        Status.SWITCHING_PHASES,
    }
)

#: Whether a car is plugged in, for the states that imply it.
PLUGGED = {Status.DISCONNECTED: False} | dict.fromkeys(
    CHARGING_ALLOWED | {Status.REQUESTING, Status.READY_TO_CHARGE, Status.FINISHED},
    True,
)


class PauseReason(StrEnum):
    """Why the charge point pauses, if it reports that: it has no energy to give, or a fault."""

    NO_ENERGY = "no_energy"
    FAULT = "fault"


class Reason(StrEnum):
    """Why a node is not available."""

    NOT_CONNECTED = "not_connected"
    NOT_HEARD = "not_heard"
    OFFLINE = "offline"
    SILENT = "silent"
    #: Its source is connected, but can only report what it knew last.
    SIGNED_OUT = "signed_out"
    CLOUD_LOST = "cloud_lost"


#: The reasons for which its reports do not count, although it may still send them.
CUT_OFF = frozenset({Reason.SIGNED_OUT, Reason.CLOUD_LOST})


class NodeKind(StrEnum):
    """What kind of node this is, if it has no name."""

    CHARGE_POINT = "charge_point"
    STATION = "station"
    OCPP_CLIENT = "ocpp_client"
    GRID_CONNECTION = "grid_connection"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The names and numbers of a charge point. Only the node's address identifies it.

    A node without a name has a `kind`; its `name` then only distinguishes it from others of that
    kind, or is empty. A `provisional` name is replaced by one that is already known from an earlier
    run. `evse_id` is its number in roaming networks (eMI3), `area` the room that its own system has
    assigned to it.
    """

    name: str
    kind: NodeKind | None = None
    provisional: bool = False
    manufacturer: str | None = None
    model: str | None = None
    serial_number: str | None = None
    evse_id: str | None = None
    sw_version: str | None = None
    hw_version: str | None = None
    area: str | None = None

    @classmethod
    def of_unknown(cls, name: str) -> Self:
        """Return the identity of a charge point of which only the address is known."""
        return cls(name=name, kind=NodeKind.CHARGE_POINT)

    def named(self, name: str | None) -> Self:
        """Return the same with the given `name`, if there is one."""
        return replace(self, name=name, kind=None) if name else self


class Copied:
    """A frozen dataclass that almost every message copies; it and its subclasses have no slots.

    `dataclasses.replace` takes sixteen times as long, and took a quarter of all time. The `__eq__`
    of a dataclass calls that of each value, even of one that both have in common.
    """

    @override
    def __eq__(self, other: object) -> bool:
        """Whether both are of the same type, and have the same values."""
        return type(other) is type(self) and self.__dict__ == other.__dict__

    @override
    def __hash__(self) -> int:
        """Return the hash of the values, if all of them have one."""
        return hash((*self.__dict__.values(),))

    def with_(self, **changes: object) -> Self:
        """Return a copy with `changes`.

        Raises:
            TypeError: there is no such field.

        """
        if not changes.keys() <= self.__dict__.keys():
            raise TypeError(changes.keys() - self.__dict__.keys())
        copy = object.__new__(type(self))
        copy.__dict__.update(self.__dict__, **changes)
        return copy


@dataclass(frozen=True, eq=False, kw_only=True)
class Meter(Copied):
    """All measured values, which may be reported at a slower pace.

    `offered_current` is what the car may take now, 0 in a pause.
    """

    power: float | None = None
    power_l1: float | None = None
    power_l2: float | None = None
    power_l3: float | None = None
    power_export: float | None = None
    power_factor: float | None = None
    energy: float | None = None
    energy_export: float | None = None
    session_energy: float | None = None
    offered_current: float | None = None
    current: float | None = None
    current_l1: float | None = None
    current_l2: float | None = None
    current_l3: float | None = None
    voltage: float | None = None
    voltage_l1: float | None = None
    voltage_l2: float | None = None
    voltage_l3: float | None = None
    frequency: float | None = None
    temperature: float | None = None

    def updated(self, values: Mapping[Feature, float | None]) -> Meter:
        """Return the meter with new `values`; a lifetime counter never steps back."""
        changes = dict[str, float | None](values.items())
        for counter in (Feature.ENERGY, Feature.ENERGY_EXPORT):
            if counter in values:
                changes[counter] = rising(getattr(self, counter), values[counter])
        return self.with_(**changes)

    def counters(self) -> Meter:
        """Return the counters, which stay valid without their source, and no momentary value."""
        return Meter(
            energy=self.energy,
            energy_export=self.energy_export,
            session_energy=self.session_energy,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a session costs according to the charge point, up to the time `until`.

    `parts` and `prices` are by category; `status` and the categories are the charge point's own
    terms.
    """

    total: float | None = None
    currency: str | None = None
    status: str | None = None
    parts: Mapping[str, float] = field(default_factory=dict)
    prices: Mapping[str, float] = field(default_factory=dict)
    session_id: str | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The state of the device: dBm, a quality without a unit, a count, a reason.

    `uptime` is the time when it was started last. Temperatures are in °C.
    """

    signal_strength: float | None = None
    link_quality: float | None = None
    uptime: datetime | None = None
    restarts: float | None = None
    restart_reason: str | None = None
    board_temperature: float | None = None
    offline_since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """Details of interest to few users, in the charge point's own terms.

    `protocol` is the protocol used with the car, `transfer_modes` the supported kinds of charging,
    `phases_available` how many phases the car has now, `data_link` whether the car communicates
    with it at all, `waiting_for_release` whether it has to be released for use after its start,
    `communication_failure` why the communication with the car ended in this session, and
    `meter_public_key` the key that verifies the meter's signatures.
    """

    protocol: str | None = None
    transfer_modes: str | None = None
    phases_available: int | None = None
    vehicle_manufacturer: str | None = None
    data_link: bool | None = None
    waiting_for_release: bool | None = None
    communication_failure: str | None = None
    meter_public_key: str | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class NodeSnapshot(Copied):
    """What all nodes have in common. `unavailable` is None while the values are live.

    `parent` is the address of the node that it is a part of, None if it stands alone.
    """

    identity: Identity
    parent: str | None = None
    unavailable: Reason | None = Reason.NOT_HEARD
    capabilities: Capabilities = field(default_factory=Capabilities)

    @property
    def available(self) -> bool:
        """Whether the values are live."""
        return self.unavailable is None

    @property
    def cut_off(self) -> bool:
        """Whether its source does not reach it; a command may reach it nevertheless."""
        return self.unavailable in CUT_OFF

    def differs_beyond_measurements(self, other: NodeSnapshot) -> bool:
        """Return whether anything but measurements differs from `other`."""
        facts = self._facts()
        return facts(self) != facts(other)

    @classmethod
    @cache
    def _facts(cls) -> Callable[[NodeSnapshot], tuple[object, ...]]:
        """Return what returns all values except measurements, in one call."""
        return attrgetter(*(each.name for each in fields(cls) if each.name not in MEASURED))


#: The fields that contain only measurements.
MEASURED = frozenset({"meter", "health", "vehicle", "direct", "charged"})


@dataclass(frozen=True, eq=False, kw_only=True)
class ChargepointSnapshot(NodeSnapshot):
    """All that is known of a charge point at one moment.

    `raw_status` is the protocol's own term, `pause_reason` why the charge point pauses.
    `charging_mode` is what the charge point reported, else what the user chose. `max_current`,
    `max_power` (W for all phases) and `phases` are the limits that were set: from Home Assistant,
    if they apply or only a stricter one overrides them, else by any client. `effective_current` is
    the strictest limit, if the charge point reports it separately, and `limited_by` who has set it.
    `power_limit` is a limit in W for all phases. `session_current` is the limit that was set for
    the running session. `faults` and `errors` are the charge point's own names of what is wrong.
    `enabled` is whether it may be used at all. `random_delay` is whether changes of the limit are
    delayed at random, by at most `random_delay_duration` seconds; such a delay lasts until
    `delayed_until`. `pending` contains requested values by the kind of the command, never confirmed
    ones. `requested` is what was requested from Home Assistant, whatever the charge point made of
    it.
    """

    status: Status | None = None
    raw_status: str | None = None
    pause_reason: PauseReason | None = None
    plugged: bool | None = None
    cable_lock: bool | None = None
    cable_current: float | None = None
    charging_mode: str | None = None
    max_current: float | None = None
    max_power: float | None = None
    session_current: float | None = None
    enabled: bool | None = None
    effective_current: float | None = None
    limited_by: str | None = None
    power_limit: float | None = None
    random_delay: bool | None = None
    random_delay_duration: float | None = None
    delayed_until: datetime | None = None
    phases: str | None = None
    phase_mode: str | None = None
    parameters: Mapping[str, ParameterValue] = field(default_factory=dict)
    faults: frozenset[str] = frozenset()
    errors: frozenset[str] = frozenset()
    session: Session = field(default=Session())
    pending: Mapping[str, Any] = field(default_factory=dict)
    requested: Requested = field(default=Requested())
    meter: Meter = Meter()
    health: Health = Health()
    vehicle: Vehicle = field(default=Vehicle())
    direct: DcSupply = field(default=DcSupply())
    charged: Cost | None = None
    details: Details = Details()

    def forgotten(self) -> dict[str, Any]:
        """Return the values of a snapshot whose source is gone."""
        live = (each.name for each in fields(self) if each.name not in _OUTLIVING)
        return {name: getattr(_BLANK, name) for name in live} | {"meter": self.meter.counters()}

    @property
    def charging(self) -> bool | None:
        """The confirmed position of the charge switch, None if the status is unknown.

        A pause accepted while the car sleeps does not change the status.
        """
        if self.status is None:
            return None
        return self.status in CHARGING_ALLOWED and not self.requested.is_paused

    @property
    def in_session(self) -> bool:
        """Whether a session runs, as far as is known."""
        return self.plugged is not False and self.session.ended is None

    @property
    def problems(self) -> tuple[str, ...]:
        """The names of everything that is wrong."""
        return tuple(sorted(self.faults | self.errors))


#: The fields that stay valid without their source.
_OUTLIVING = {each.name for each in fields(NodeSnapshot)} | {
    *("session", "charged", "pending", "requested")
}
_BLANK = ChargepointSnapshot(identity=Identity(name=""))


def rising(known: float | None, reported: float | None) -> float | None:
    """Return the next value of a lifetime counter that never steps back.

    A small step back is jitter and keeps the known value; a fall below nine tenths means that the
    meter was reset or replaced, and the new value is taken (the same threshold as Home Assistant's
    for `total_increasing`).
    """
    if known is None or reported is None:
        return known if reported is None else reported
    return known if known * 0.9 <= reported < known else reported


def parameter_kind(parameter_id: str) -> str:
    """Return the kind of the command that sets a parameter, and its key in `pending`."""
    return f"parameter {parameter_id}"
