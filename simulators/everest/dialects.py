"""The releases of EVerest, and their features."""

from dataclasses import dataclass, replace
from enum import Enum, auto


class Bus(Enum):
    """How the modules of a release communicate."""

    WHOLE = auto()
    """One topic for all, ``everest/<module>/<implementation>/cmd``."""
    MODULES = auto()
    """The same below ``everest/modules``."""
    NAMED = auto()
    """One topic for each name, and a message type around each message."""


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """The features of a release."""

    api: bool = True
    """API v1 is there."""
    legacy: bool = False
    """The API before v1 is there."""
    info: bool = True
    """``session_info`` is published."""
    counts: bool = True
    """Heartbeats are numbers."""
    page: bool = False
    """What was removed after the first release: limits, ready, reserve and others."""
    waits: bool = False
    """Waiting for energy has a state of its own, and pauses begin without an event."""
    careful: bool = True
    """A request without a reply topic is survived, and so is an empty one."""
    checks: bool = True
    """A request is looked at before it is used."""
    used: bool = True
    """It reports what a token was used for, and that it was withdrawn."""
    costs: bool = True
    """There is ``session_cost_consumer``; OCPP has schedules and monitors."""
    failures: bool = True
    """Failed ISO 15118 sessions and the default price are reported."""
    latches: bool = False
    """Variables can be asked for with ``/get``."""
    discovers: bool = False
    """Modules can be asked who they are."""
    state_e: bool = False
    """The hardware knows the state E."""
    operates: bool = False
    """OCPP: the connection in detail, the messages, availability, security events to it."""
    bus: Bus = Bus.NAMED


_MAIN = Dialect(latches=True, discovers=True, state_e=True, operates=True)
_2026_02 = Dialect()
_2025_12 = Dialect(waits=True, careful=False, used=False, failures=False)
_2025_10 = Dialect(
    info=False,
    counts=False,
    page=True,
    waits=True,
    careful=False,
    checks=False,
    used=False,
    costs=False,
    failures=False,
    bus=Bus.MODULES,
)

DIALECTS: dict[str, Dialect] = {
    "main": _MAIN,
    "2026.02": _2026_02,
    "2025.12": _2025_12,
    # Described in EVerest's own documentation for a while, but never released.
    "page": replace(_2025_12, page=True, costs=False),
    "2025.10": _2025_10,
    "2025.10.0": _2025_10,
    "legacy": replace(_2025_12, api=False, legacy=True, bus=Bus.WHOLE),
    "both": replace(_MAIN, legacy=True),
}
"""By the names to choose from; the last two differ in the API and not in the release."""
