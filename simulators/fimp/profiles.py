"""The kinds of FIMP charge points: what each can do, as tables."""

from dataclasses import dataclass, field
from typing import Any

type Interface = tuple[str, str, str]
"""Direction, message type, value type."""

_STATES = (
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
_PHASE_MODES = ("NL1L2L3", "NL1", "NL2", "NL3")
_ERROR: Interface = ("out", "evt.error.report", "string")

# The order is the one in which real adapters list them.
FEATURES: dict[str, tuple[Interface, ...]] = {
    "basics": (
        ("in", "cmd.charge.start", "null"),
        ("in", "cmd.charge.stop", "null"),
        ("in", "cmd.state.get_report", "null"),
        ("out", "evt.state.report", "string"),
        ("in", "cmd.current_session.get_report", "null"),
        ("out", "evt.current_session.report", "float"),
        _ERROR,
    ),
    "max_current": (
        ("in", "cmd.max_current.set", "int"),
        ("in", "cmd.max_current.get_report", "null"),
        ("out", "evt.max_current.report", "int"),
    ),
    "offered_current": (("in", "cmd.current_session.set_current", "int"),),
    "phase_mode.set": (("in", "cmd.phase_mode.set", "string"),),
    "phase_mode": (
        ("in", "cmd.phase_mode.get_report", "null"),
        ("out", "evt.phase_mode.report", "string"),
    ),
    "cable_lock.set": (("in", "cmd.cable_lock.set", "bool"),),
    "cable_lock": (
        ("in", "cmd.cable_lock.get_report", "null"),
        ("out", "evt.cable_lock.report", "bool"),
    ),
}

_SERVICES: dict[str, tuple[Interface, ...]] = {
    "meter_elec": (
        ("in", "cmd.meter.get_report", "string"),
        ("out", "evt.meter.report", "float"),
        _ERROR,
        ("in", "cmd.meter_ext.get_report", "str_array"),
        ("out", "evt.meter_ext.report", "float_map"),
    ),
    "parameters": (
        ("in", "cmd.sup_params.get_report", "null"),
        ("out", "evt.sup_params.report", "object"),
        ("in", "cmd.param.set", "object"),
        ("in", "cmd.param.get_report", "string"),
        ("out", "evt.param.report", "object"),
        _ERROR,
    ),
    "dev_sys": (
        _ERROR,
        ("out", "evt.success.report", "null"),
        ("in", "cmd.thing.reboot", "bool"),
    ),
    "alarm_system": (("out", "evt.alarm.report", "str_map"),),
}

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


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What one kind of charge point can do, and the habits of its adapter."""

    manufacturer: str
    product: str
    versions: tuple[str, str, str] = ("", "", "")
    """Product id, hardware and software version."""
    security: str = ""
    network: tuple[str, str, str] = ("local_network", "high", "direct")
    """Technology, quality and kind of the connection."""
    features: frozenset[str] = frozenset({"basics"})
    hidden: frozenset[str] = frozenset()
    """Features that work although no interface list mentions them."""
    states: tuple[str, ...] = _STATES
    modes: dict[str, int] = field(default_factory=dict)
    """Charging modes, and the current each one means."""
    max_current: int = 32
    phase_modes: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    """Extended meter values."""
    bare_sessions: bool = False
    """Sessions have an energy, but neither times nor anything else."""
    parameters: tuple[dict[str, Any], ...] = ()
    reboots: bool = False
    alarms: bool = False
    strict: bool = True
    """Start and stop are refused where they make no sense."""
    cloud: bool = False
    """A cloud is in between: first answers are old news, values come one by one."""
    drops_fractions: bool = True
    """An int written as 16.0 is no message at all; older adapters read it as 0."""
    words: str = ""
    """What this adapter writes before each error message."""

    def has(self, feature: str) -> bool:
        """Whether commands of this feature work."""
        return feature in self.features or feature in self.hidden

    @property
    def services(self) -> tuple[str, ...]:
        """The services of such a charge point."""
        present = {
            "chargepoint": True,
            "meter_elec": bool(self.units),
            "parameters": bool(self.parameters),
            "dev_sys": self.reboots,
            "alarm_system": self.alarms,
        }
        return tuple(name for name, there in present.items() if there)

    def interfaces(self, service: str) -> list[dict[str, str]]:
        """List the interfaces of a service as inclusion reports do."""
        if service == "chargepoint":
            rows = [
                row
                for feature, rows in FEATURES.items()
                if feature in self.features
                for row in rows
            ]
        else:
            rows = [
                row for row in _SERVICES[service] if self.values or "meter_ext" not in row[1]
            ]
        return [
            {"intf_t": way, "msg_t": kind, "val_t": value, "ver": "1"}
            for way, kind, value in rows
        ]

    def properties(self, service: str) -> dict[str, Any] | None:
        """Give the properties of a service; one without any has null."""
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
                "sup_extended_vals": list(self.values),
                "sup_units": list(self.units),
            },
            "alarm_system": {"sup_events": list(ALARMS)},
        }
        known = {k: v for k, v in everything.get(service, {}).items() if v}
        if service == "meter_elec":
            return {"is_virtual": False, **known}
        return known or None


@dataclass(frozen=True, kw_only=True)
class ChargepointSetup:
    """One charge point as asked for on the command line or by a test."""

    name: str = "garage"
    profile: str = "full"
    serial: str = "XX12345"
    address: str = ""
    """Service address such as ``3_1``; empty takes the next number."""
    wanted: float = 40.0
    """Energy in kWh after which a car is full."""


def _switch(key: str, name: str, text: str) -> dict[str, Any]:
    return {
        "parameter_id": key,
        "name": name,
        "description": text,
        "value_type": "bool",
        "widget_type": "select",
        "options": [{"label": "Yes", "value": True}, {"label": "No", "value": False}],
        "default_value": False,
        "read_only": False,
    }


_BRIGHTNESS: dict[str, Any] = {
    "parameter_id": "led_brightness",
    "name": "LED brightness",
    "description": "",
    "value_type": "int",
    "widget_type": "input",
    "min": 0,
    "max": 100,
    "default_value": 50,
    "read_only": False,
}

PROFILES: dict[str, Profile] = {
    "full": Profile(
        manufacturer="Acme",
        product="Acme Wallbox",
        versions=("WB-1", "1", "2.3.4"),
        security="secure",
        features=frozenset(FEATURES),
        modes={"normal": 32, "slow": 10},
        phase_modes=_PHASE_MODES,
        units=("W", "kWh"),
        values=("p_import", "e_import", "u1", "u2", "u3", "i1", "i2", "i3"),
        parameters=(
            _switch("cable_always_locked", "Cable always locked", ""),
            _switch("free_charging", "Free charging", ""),
            _BRIGHTNESS,
        ),
        reboots=True,
        alarms=True,
    ),
    "minimal": Profile(
        manufacturer="Acme",
        product="Acme Socket",
        versions=("SO-1", "1", "1.0.0"),
        security="secure",
        states=_STATES[:4],
        bare_sessions=True,
    ),
    "easee": Profile(
        manufacturer="Easee",
        product="Easee Home",
        network=("cloud", "undefined", "indirect"),
        features=frozenset({"basics", "max_current", "offered_current", "phase_mode"}),
        hidden=frozenset({"cable_lock"}),
        states=(
            "unknown",
            "disconnected",
            "ready_to_charge",
            "charging",
            "finished",
            "error",
            "suspended_by_ev",
            "requesting",
        ),
        modes={"normal": 32, "slow": 10},
        phase_modes=("NL1", "NL2", "NL3", "NL1L2L3"),
        units=("W", "kWh"),
        values=("i1", "i2", "i3", "e_import", "p_import"),
        parameters=(
            _switch(
                "cable_always_locked",
                "Cable always locked",
                "Keeps the cable locked in the charge point.",
            ),
        ),
        strict=False,
        cloud=True,
        drops_fractions=False,
        words="adapter: ",
    ),
}
