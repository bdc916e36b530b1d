"""What only the user can solve, as the hub reports it."""

from dataclasses import dataclass, field, fields
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class HubWarning:
    """Only the user can solve this; `key` identifies it among all of its `kind`."""

    kind: ClassVar[str]
    key: str

    @property
    def placeholders(self) -> dict[str, str]:
        """The values for its text."""
        return {each.name: getattr(self, each.name) for each in fields(self)[1:]}


@dataclass(frozen=True, slots=True)
class LoginLost(HubWarning):
    """The adapter `service` is no longer signed in to its cloud."""

    kind = "signed_out"
    service: str


@dataclass(frozen=True, slots=True)
class CloudLost(HubWarning):
    """The adapter `service` has no connection to its manufacturer's cloud."""

    kind = "cloud_lost"
    service: str


@dataclass(frozen=True, slots=True)
class ModulesUnassigned(HubWarning):
    """Only the user knows which modules belong to the charge points with these `names`."""

    kind = "modules_unassigned"
    names: str


@dataclass(frozen=True, slots=True)
class LimitsModuleElsewhere(HubWarning):
    """The limits `module` is assigned to the charge point `name`, but limits `others`."""

    kind = "limits_module_elsewhere"
    module: str
    name: str
    others: str


@dataclass(frozen=True, slots=True)
class NewNodesWait(HubWarning):
    """So many new nodes wait until the user admits them; `examples` are some of them."""

    kind = "new_charge_points"
    count: str
    #: Not for logs: some addresses are serial numbers.
    examples: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Overload(HubWarning):
    """More messages come than can be handled, `rate` per second; most are like those on `topic`."""

    kind = "overload"
    rate: str
    #: Not for logs: it may contain a serial number.
    topic: str = field(repr=False)
