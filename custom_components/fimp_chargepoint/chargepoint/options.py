"""What the user prefers; each part of the library takes what concerns it."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Token:
    """What starts a session at a charge point that asks who is there.

    `kind` is what it is: a card as `ISO14443`, an agreed text as `Local` (OCPP's words).
    """

    value: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleChoice:
    """Something that belongs to a charge point, and nothing but the user can say which.

    `address` is that of the charge point, `kind` what is to be chosen out of `modules`.
    """

    address: str
    name: str
    kind: str
    modules: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """All preferences, with what holds where nothing was chosen.

    `measurement_interval` is the time in seconds between two publications of mere
    measurements, 0 for none. `restart_delay` is the time in seconds that must pass between a
    stop and a start, `write_interval` that between two writes of a setting that a charge
    point keeps in lasting memory; 0 is none. `restore_limits` is whether a limit that was set
    is set again where the charge point comes back without it. `protocols` are those that
    are spoken, by their name. `token` starts sessions where the charge point takes one.
    `internal_bus` is the prefix of the topics of the bus inside EVerest stations, empty where
    we do not speak there. `communication_check` is whether a station is told that we live.
    `modules` are the choices (see `ModuleChoice`) by address and kind, an empty text for none.
    `safe_currents` are the currents in A, by address, to which the broker limits charge points
    if Home Assistant is gone. `failsafe_on_stop` is whether that also happens when it stops.
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
