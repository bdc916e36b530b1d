"""The requests to a charge point as they are stored, read field by field. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from ..features import Feature
from ..model import PHASES
from ..stored import (
    DamagedError,
    Readers,
    dict_of,
    fields,
    flag,
    number,
    one_of,
    text,
)
from .requested import FailsafeLimit, Plan, Requested, TemporaryLimit

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


_READERS: Readers = {
    "charging_mode": text,
    "limits": _limits,
    "withdraw": flag,
    "temporary_limits": _temporary_limits,
    "plan": Plan.from_storage,
    "pauses": _pauses,
    "failsafe": FailsafeLimit.from_storage,
}


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
        limits, unknown_limits = known.get("limits", ({}, {}))
        return cls(
            requested=Requested(
                charging_mode=known.get("charging_mode"),
                limits=limits,
                temporary_limits=known.get("temporary_limits", {}),
                failsafe=known.get("failsafe"),
                plan=known.get("plan"),
            ),
            withdraw=known.get("withdraw", True),
            pauses=known.get("pauses", {}),
            unknown=unknown,
            unknown_limits=unknown_limits,
        )
