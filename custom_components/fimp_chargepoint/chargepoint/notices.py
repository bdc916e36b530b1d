"""What only the user can put right, as the hub tells it."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class LoginLost:
    """`service`, which speaks for charge points, is not logged in at its vendor any more."""

    key: str
    service: str

    @property
    def placeholders(self) -> dict[str, str]:
        """What is said of it."""
        return {"service": self.service}


@dataclass(frozen=True, slots=True)
class CloudLost:
    """`service`, which reports for charge points, has no connection to its vendor's cloud."""

    key: str
    service: str

    @property
    def placeholders(self) -> dict[str, str]:
        """What is said of it."""
        return {"service": self.service}


@dataclass(frozen=True, slots=True)
class ModulesUnassigned:
    """Nobody but the user can say what belongs to the charge points with these `names`."""

    key: str
    names: str

    @property
    def placeholders(self) -> dict[str, str]:
        """What is said of it."""
        return {"names": self.names}


@dataclass(frozen=True, slots=True)
class NewNodesWait:
    """So many new nodes wait until the user lets them in, such as those with `examples`."""

    key: str
    count: str
    #: Nobody's business in a log: some are called by their serial numbers.
    examples: str = field(repr=False)

    @property
    def placeholders(self) -> dict[str, str]:
        """What is said of it."""
        return {"count": self.count, "examples": self.examples}


#: What only the user can put right. `key` identifies it.
type HubWarning = LoginLost | CloudLost | ModulesUnassigned | NewNodesWait
