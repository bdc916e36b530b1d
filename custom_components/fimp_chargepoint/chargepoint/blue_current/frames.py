"""Decoded frames of the Blue Current API, by type.

Sources: the vendor's Python library (`bluecurrent-api` 1.3.3), its response examples, and frames
of the same backend that were recorded in public projects.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

type Phases = tuple[float | None, float | None, float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A charge card. Its `uid` starts a session, its `id` is printed on it."""

    uid: str
    id: str | None = None
    name: str | None = None
    customer_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A setting: a flag, a number or a text, and whether the account may change it."""

    value: bool | float | str
    writable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargePointSettings:
    """The settings of one charge point in CHARGE_POINTS and CH_SETTINGS.

    `settings` are those that were reported, by their name in the API, with a dot if nested.
    `sockets` are the numbers of its sockets, if it reports them.
    """

    evse_id: str
    name: str | None = None
    model_type: str | None = None
    chargepoint_type: str | None = None
    activity: str | None = None
    settings: Mapping[str, Setting] = field(default_factory=dict)
    default_card: Card | None = None
    sockets: tuple[int, ...] = ()
    unreadable: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargePoints:
    """The charge points of the account; not `complete` if one of them cannot be read."""

    charge_points: tuple[ChargePointSettings, ...]
    complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeCards:
    """The charge cards of the account."""

    cards: tuple[Card, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """CH_STATUS: the status of a charge point.

    `vehicle_status` is the letter of the control pilot. Currents in A and voltages in V by
    phase, energy of the transaction in kWh, aware times. `held_back` is whether smart charging
    delays a car that could charge. `unreadable` are the names of fields with unexpected values.
    """

    evse_id: str
    socket_id: int | None = None
    activity: str | None = None
    vehicle_status: str | None = None
    currents: Phases = (None, None, None)
    voltages: Phases = (None, None, None)
    energy: float | None = None
    max_usage: float | None = None
    smart_charging_max_usage: float | None = None
    max_offline: float | None = None
    total_cost: float | None = None
    started: datetime | None = None
    stopped: datetime | None = None
    offline_since: datetime | None = None
    boosting: bool | None = None
    held_back: bool = False
    unreadable: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """GRID_STATUS and GRID_CURRENT: the load of the building, in A.

    The first names the `grid_id` and its limits, the second the `evse_id` alone.
    """

    evse_id: str | None = None
    grid_id: str | None = None
    currents: Phases = (None, None, None)
    max_install: float | None = None
    max_reserved: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The outcome of a command.

    `final` is False for the acknowledgement of its receipt. `error` is in Blue Current's words,
    None for success. `value` is what a setting was set to, `data` what was requested.
    """

    command: str
    evse_id: str | None = None
    final: bool = True
    error: str | None = None
    value: bool | None = None
    data: object = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """ERROR: a problem with a request, which it does not name, or with the session."""

    code: int | None
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """An object that we do not use."""

    name: str


type Frame = (
    ChargePoints | ChargeCards | ChargePointSettings | Status | Grid | Reply | Failure | Other
)
