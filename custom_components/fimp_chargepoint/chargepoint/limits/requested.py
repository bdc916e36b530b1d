"""What was requested from Home Assistant, for one charge point, and how it is stored. Pure.

The charge point may report a stricter limit instead of a requested one, or not report it at all.
Nevertheless, the next message has to repeat it, and it has to survive a restart.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import ClassVar, NamedTuple, Self

from ..features import PHASES, Feature
from ..stored import (
    DamagedError,
    Readers,
    Stored,
    dict_of,
    fields,
    flag,
    number,
    one_of,
    text,
    timestamp,
)

#: A current in A, a power in W, a number of phases, or a phase mode.
type LimitValue = float | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A requested pause that is not reported because the car is asleep.

    It was `accepted`, or has to be requested again once charging begins. It belongs to the session
    with the id `session_id`, which began at `started`.
    """

    accepted: bool
    session_id: str | None = None
    started: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TemporaryLimit(Stored):
    """A limit in A that ends at `until`, and what follows then.

    `former` is None if the session had no limit of its own, or only that of its charging `mode`.
    `session` is the start of the session.
    """

    READERS: ClassVar[Readers] = {
        "current": number,
        "former": number,
        "until": timestamp,
        "session": timestamp,
        "mode": text,
    }
    REQUIRED = ("current", "until")

    current: float
    former: float | None = None
    until: datetime
    session: datetime | None = None
    mode: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FailsafeLimit(Stored):
    """The limit in A that the broker sets if Home Assistant disconnects: `current`.

    `former` is the limit to restore, None if there was none.
    """

    READERS: ClassVar[Readers] = {"current": number, "former": number}
    REQUIRED = ("current",)

    current: float
    former: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BalancedLimit(Stored):
    """The limit of all sessions in A that load balancing lowers, and does not exceed: `own`.

    The user has set it, or is setting it; None if there is none.
    """

    READERS: ClassVar[Readers] = {"own": number}

    own: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan(Stored):
    """The plan for the session with the `id`, which began at `started`.

    Charging ends when `energy`, in kWh, has been charged, or at `until`. `paused` is whether load
    balancing has stopped it and will start it again.
    """

    READERS: ClassVar[Readers] = {
        "energy": number,
        "until": timestamp,
        "paused": flag,
        "id": text,
        "started": timestamp,
    }

    energy: float | None = None
    until: datetime | None = None
    paused: bool = False
    id: str | None = None
    started: datetime | None = None


class CompetingController(NamedTuple):
    """Another client that overrides our limit repeatedly: both values in A, and how often."""

    ours: float
    theirs: float
    times: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Requested:
    """What was requested from Home Assistant.

    `charging_mode` is the mode of the next start. `limits` and `temporary_limits` are by feature;
    `limits` are those that were confirmed and have not been overridden since. `failsafe` is the
    limit registered with the broker, possibly before a restart. `plan` is the plan for the session.
    `balanced` is None unless load balancing has set the limit since the user last set it.
    """

    charging_mode: str | None = None
    limits: Mapping[str, LimitValue] = field(default_factory=dict)
    temporary_limits: Mapping[str, TemporaryLimit] = field(default_factory=dict)
    competing_controller: CompetingController | None = None
    pause: Pause | None = None
    failsafe: FailsafeLimit | None = None
    plan: Plan | None = None
    balanced: BalancedLimit | None = None

    @property
    def max_current(self) -> float | None:
        """The limit of the current in A that was requested."""
        value = self.limits.get("max_current")
        return None if value is None else float(value)

    @property
    def max_power(self) -> float | None:
        """The limit of the power in W that was requested."""
        value = self.limits.get("max_power")
        return None if value is None else float(value)

    @property
    def phases(self) -> str | None:
        """The number of phases that was requested."""
        value = self.limits.get("phases")
        return None if value is None else str(value)

    @property
    def energy_target(self) -> float | None:
        """The energy of the session in kWh at which charging ends."""
        return None if self.plan is None else self.plan.energy

    @property
    def charging_ends(self) -> datetime | None:
        """When charging ends."""
        return None if self.plan is None else self.plan.until

    @property
    def is_paused(self) -> bool:
        """Whether the charge point has accepted a pause that it does not report."""
        return self.pause is not None and self.pause.accepted

    @property
    def waits_to_pause(self) -> bool:
        """Whether a pause has to be requested again once charging begins."""
        return self.pause is not None and not self.pause.accepted

    def with_pause(self, pause: Pause | None) -> Requested:
        """Return the same requests with another pause, or none."""
        return replace(self, pause=pause)


#: The limits that apply until they are changed. That of a session ends with it.
LASTING_LIMITS: Readers = {
    Feature.MAX_CURRENT.value: number,
    Feature.MAX_POWER.value: number,
    Feature.PHASES.value: one_of(*PHASES.values()),
    Feature.PHASE_MODE.value: one_of(*PHASES),
}


def _limits(value: object) -> tuple[dict[str, object], dict[str, object]]:
    return fields(value, LASTING_LIMITS)


def _temporary_limits(value: object) -> dict[str, TemporaryLimit]:
    found = dict_of(TemporaryLimit.from_storage)(value)
    lasting = found.get(Feature.MAX_CURRENT)
    if lasting is not None and lasting.former is None:
        # Without the former limit, nothing can be restored when it ends.
        del found[Feature.MAX_CURRENT]
    known = (Feature.MAX_CURRENT, Feature.SESSION_CURRENT)
    return {name: limit for name, limit in found.items() if name in known}


def _pauses(value: object) -> dict[str, object]:
    """Read an object that the protocol reads itself."""
    if not isinstance(value, dict):
        raise DamagedError("not an object")
    return value


_REQUESTED: Readers = {
    "charging_mode": text,
    "temporary_limits": _temporary_limits,
    "plan": Plan.from_storage,
    "failsafe": FailsafeLimit.from_storage,
    "balanced": BalancedLimit.from_storage,
}
_READERS: Readers = {**_REQUESTED, "limits": _limits, "withdraw": flag, "pauses": _pauses}


@dataclass(frozen=True, kw_only=True)
class StoredRequests:
    """The stored requests of a charge point.

    `withdraw` is whether its limits are withdrawn when its entry is removed. `pauses` is what
    the protocol stores of its pauses. `unknown` and `unknown_limits` are fields of a newer
    version.
    """

    requested: Requested = field(default=Requested())
    withdraw: bool = True
    pauses: Mapping[str, object] = field(default_factory=dict)
    unknown: Mapping[str, object] = field(default_factory=dict)
    unknown_limits: Mapping[str, object] = field(default_factory=dict)

    @property
    def has_limits_to_withdraw(self) -> bool:
        """Whether the charge point has limits that are not its own settings."""
        return self.withdraw and bool(self.requested.limits)

    def to_storage(self) -> dict[str, object]:
        """Return JSON data for `from_storage`, without empty fields."""
        requested = self.requested
        found: dict[str, object] = {
            "charging_mode": requested.charging_mode,
            "limits": {**self.unknown_limits, **requested.limits},
            "temporary_limits": {
                name: limit.to_storage() for name, limit in requested.temporary_limits.items()
            },
            "plan": requested.plan and requested.plan.to_storage(),
            "pauses": dict(self.pauses),
            "failsafe": requested.failsafe and requested.failsafe.to_storage(),
            "balanced": requested.balanced and requested.balanced.to_storage(),
        }
        found = {name: value for name, value in found.items() if value}
        if requested.limits:
            found["withdraw"] = self.withdraw
        return {**self.unknown, **found}

    @classmethod
    def from_storage(cls, data: object) -> Self:
        """Read what `to_storage` returned; damaged fields are left out.

        Raises:
            DamagedError: it is not an object.

        """
        known, unknown = fields(data, _READERS)
        limits, unknown_limits = known.pop("limits", ({}, {}))
        requested = {name: known.pop(name) for name in _REQUESTED if name in known}
        return cls(
            requested=Requested(limits=limits, **requested),
            unknown=unknown,
            unknown_limits=unknown_limits,
            **known,
        )
