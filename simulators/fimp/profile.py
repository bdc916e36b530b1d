"""The capabilities of one kind of FIMP charge point, and the behavior of its adapter."""

from dataclasses import dataclass, field
from typing import Any

from .interfaces import FEATURES, SERVICES, Interface

STATES = (
    "disconnected",
    "requesting",
    "ready_to_charge",
    "charging",
    "suspended_by_ev",
    "suspended_by_evse",
    "finished",
    "error",
    "unavailable",
    "unknown",
)

ALARMS = (
    "GROUNDING_FAULT",
    "PEN_FAULT",
    "OVER_TEMP_FAULT",
    "RCD_TRIP_FAULT",
    "OVER_VOLTAGE_FAULT",
    "UNDER_VOLTAGE_FAULT",
    "OVER_CURRENT_FAULT",
    "METER_COM_FAULT",
    "GRIDTYPE_CONFIG_FAULT",
    "CP_OTHER_ERROR",
)
"""What can go wrong; the last one stands for everything else."""

# What a charge point reports for a state that it does not have.
_NEAREST = {"finished": "ready_to_charge", "suspended_by_ev": "charging"}


@dataclass(frozen=True, kw_only=True)
class Habits:
    """The behavior of an adapter, whatever its charge points can do."""

    name: str = "easee"
    """The default resource name."""
    words: str = ""
    """What it writes before each error message."""
    error_code: str = ""
    """The value of its errors, which then explain nothing else."""
    knows_strangers: bool = True
    """Commands to addresses that do not exist are answered by an error."""
    tells_nodes: bool = True
    """It reports whether its charge points are up or down."""
    ignored: frozenset[str] = frozenset()
    """Commands that get no answer at all."""
    state_report: str = "evt.app.state_report"
    """How it answers a question for its own state."""
    signs: bool = False
    """Its name replaces the name of the service in reports."""
    by_serial: bool = False
    """Things have their serial for an address, not a number."""
    connector: str = ""
    """What follows the number of a thing in the addresses of its services."""
    group: str = "ch_{}"
    """How it calls the group of services behind one connector."""
    drops_fractions: bool = True
    """An int written as 16.0 is no message at all; older adapters read it as 0."""
    answers_from_cache: bool = False
    """Without its cloud it continues to answer, with the last values it received. Its cloud accepts
    commands to charge points that are offline, and the adapter cannot report their result."""
    between_currents: float = 0.0
    """Seconds that must pass after a change of a current before the next one, or a stop."""
    starts_anew: bool = False
    """A start sets the current: to that of the mode slow, else to what was asked for last."""


@dataclass(frozen=True, kw_only=True)
class Profile:
    """The capabilities of one kind of charge point."""

    habits: Habits = field(default_factory=Habits)
    manufacturer: str = ""
    product: str = ""
    """Empty: the serial stands for it."""
    versions: tuple[str, str, str] = ("", "", "")
    """Product id, hardware and software version."""
    security: str = ""
    network: tuple[str, str, str] = ("local_network", "high", "direct")
    """Technology, quality and kind of the connection."""
    features: frozenset[str] = frozenset({"basics"})
    hidden: frozenset[str] = frozenset()
    """Features that work although no interface list mentions them."""
    lists: dict[str, tuple[Interface, ...]] = field(default_factory=dict)
    """Interface lists of services that are wrong."""
    states: tuple[str, ...] = STATES
    """The states it claims to have."""
    names: dict[str, str] = field(default_factory=dict)
    """What it really reports, state by state; ``stopped`` is charging that was stopped."""
    modes: dict[str, int] = field(default_factory=dict)
    """Charging modes, and the current each one means."""
    max_current: int = 32
    phase_modes: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    export_units: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    """Extended meter values."""
    plain_meter: bool = False
    """The plain meter is reported unasked although there are extended values."""
    session_facts: bool = True
    """Sessions have times and currents; else they have an energy only."""
    session_props: dict[str, str] | None = field(default_factory=dict)
    """What every report of a session has for properties."""
    parameters: tuple[dict[str, Any], ...] = ()
    reboots: bool = False
    diagnostics: bool = False
    alarms: bool = False
    strict: bool = True
    """Start and stop are refused if they make no sense."""
    cloud: bool = False
    """A cloud is in between: first answers are old news, values come one by one."""
    hopeful: bool = False
    """A start or stop is answered with the expected state, not with the actual one."""

    def has(self, feature: str) -> bool:
        """Whether commands of this feature work."""
        return feature in self.features or feature in self.hidden

    def state(self, state: str) -> str:
        """Return the state itself, or the nearest one that such a charge point has."""
        known = state in self.names or state in self.states
        return state if known else _NEAREST.get(state, state)

    @property
    def services(self) -> tuple[str, ...]:
        """The services of such a charge point."""
        present = {
            "chargepoint": True,
            "meter_elec": bool(self.units),
            "parameters": bool(self.parameters),
            "dev_sys": self.reboots,
            "diagnostic": self.diagnostics,
            "alarm_system": self.alarms,
        }
        return tuple(name for name, there in present.items() if there)

    def interfaces(self, service: str) -> list[dict[str, str]]:
        """Return the interfaces of a service as inclusion reports list them."""
        return [
            {"intf_t": way, "msg_t": kind, "val_t": value, "ver": "1"}
            for way, kind, value in self._rows(service)
        ]

    def _rows(self, service: str) -> list[Interface]:
        if service in self.lists:
            return list(self.lists[service])
        if service == "chargepoint":
            features = [name for name in FEATURES if name in self.features]
            return [row for name in features for row in FEATURES[name]]
        lacking = [
            part
            for part, there in (("meter_ext", self.values), ("meter_export", self.export_units))
            if not there
        ]
        rows = SERVICES[service]
        return [row for row in rows if not any(f".{part}." in row[1] for part in lacking)]

    def properties(self, service: str) -> dict[str, Any] | None:
        """Return the properties of a service; None if it has none."""
        everything: dict[str, dict[str, Any]] = {
            "chargepoint": {
                "grid_type": self.phase_modes and "TN",
                "phases": self.phase_modes and 3,
                "sup_charging_modes": list(self.modes),
                "sup_max_current": self.has("max_current") and self.max_current,
                "sup_phase_modes": list(self.phase_modes),
                "sup_states": list(self.states),
            },
            "meter_elec": {
                "sup_export_units": list(self.export_units),
                "sup_extended_vals": list(self.values),
                "sup_units": list(self.units),
            },
            "alarm_system": {"sup_events": list(ALARMS)},
        }
        known = {k: v for k, v in everything.get(service, {}).items() if v}
        if service == "meter_elec" and service not in self.lists:
            return {"is_virtual": False, **known}
        return known or None
