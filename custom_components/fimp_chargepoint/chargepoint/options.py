"""The preferences of the user; each part of the library reads those that concern it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Token:
    """What authorizes a session at a charge point that requires it.

    `kind` is a term of OCPP: `ISO14443` for a card, `Local` for an agreed text.
    """

    value: str = field(repr=False)
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleChoice:
    """A module that only the user can assign to a charge point.

    `address` is that of the charge point, `kind` the type of the module, one of `modules`.
    """

    address: str
    name: str
    kind: str
    modules: tuple[str, ...]


class ModuleChoices(NamedTuple):
    """What only the user can assign, and the charge points for which nothing needs to be chosen."""

    open: Sequence[ModuleChoice] = ()
    gone: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """All preferences, with their defaults.

    `measurement_interval` is the time in seconds between two publications that contain only
    measurements, 0 for none. `restart_delay` is the minimum time in seconds between a stop and a
    start, `write_interval` that between two writes of a setting in non-volatile memory; 0 is none.
    `restore_limits` is whether a limit is set again if the charge point has lost it. `protocols`
    are the names of the enabled protocols. `token` starts sessions at charge points that accept
    it. `internal_bus` is the topic prefix of the bus inside EVerest stations, empty if it is not
    used. `communication_check` is whether heartbeats are sent to stations. `modules` are the
    choices (see `ModuleChoice`) by address and kind, an empty text for none. `safe_currents` are
    the currents in A, by address, to which the broker limits charge points if Home Assistant is
    gone. `failsafe_on_stop` is whether that also happens when Home Assistant stops.
    """

    measurement_interval: float = 5.0
    restart_delay: float = 10.0
    write_interval: float = 15.0
    protocols: tuple[str, ...] = ("fimp", "everest")
    token: Token | None = None
    internal_bus: str = ""
    restore_limits: bool = False
    communication_check: bool = False
    modules: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    safe_currents: Mapping[str, float] = field(default_factory=dict)
    failsafe_on_stop: bool = False
