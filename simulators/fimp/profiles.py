"""The kinds of FIMP charge points and their capabilities, as tables."""

from dataclasses import dataclass

from .catalogue import BASICS, EVERYTHING, switch
from .interfaces import BARE_METER, DEFA_CHARGEPOINT, EASEE_2021_CHARGEPOINT, FEATURES
from .profile import STATES, Habits, Profile

_CLOUD = ("cloud", "undefined", "indirect")

# Adapters of 2021 can list neither all of their nodes nor a single one.
_NO_NODES = frozenset({"cmd.network.get_all_nodes", "cmd.network.get_node", "cmd.ping.send"})

_DEFA = Habits(
    name="defa",
    error_code="TX_ERROR",
    knows_strangers=False,
    tells_nodes=False,
    ignored=_NO_NODES
    | {"cmd.state.get_report", "cmd.current_session.get_report", "cmd.meter.get_report"},
    state_report="evt.app.manifest_report",
    signs=True,
    by_serial=True,
    drops_fractions=False,
)

_EASEE_2021 = Habits(
    words="adapter: ",
    tells_nodes=False,
    ignored=_NO_NODES | {"cmd.cable_lock.set", "cmd.cable_lock.get_report"},
    state_report="evt.app.manifest_report",
    by_serial=True,
    group="1",
    drops_fractions=False,
)


@dataclass(frozen=True, kw_only=True)
class ChargepointSetup:
    """One charge point as configured on the command line or by a test."""

    name: str = "garage"
    profile: str = "full"
    serial: str = "XX12345"
    address: str = ""
    """Service address such as ``3_1``; empty takes the next number, or the serial."""
    needed: float = 40.0
    """Energy in kWh after which a car is full."""
    title: str = ""
    """What the user calls it on a hub; empty is the name of the product."""
    room: str = ""
    """The room it is in on a hub; empty is none."""


PROFILES: dict[str, Profile] = {
    "full": Profile(
        manufacturer="Acme",
        product="Acme Wallbox",
        versions=("WB-1", "1", "2.3.4"),
        security="secure",
        features=frozenset(FEATURES),
        modes={"normal": 32, "slow": 10},
        phase_modes=("NL1L2L3", "NL1", "NL2", "NL3"),
        units=("W", "kWh"),
        export_units=("W", "kWh"),
        values=(
            "p_import",
            "p1",
            "p2",
            "p3",
            "p_export",
            "e_import",
            "e_export",
            "u1",
            "u2",
            "u3",
            "i1",
            "i2",
            "i3",
        ),
        parameters=EVERYTHING,
        reboots=True,
        diagnostics=True,
        alarms=True,
    ),
    "minimal": Profile(
        manufacturer="Acme",
        product="Acme Socket",
        versions=("SO-1", "1", "1.0.0"),
        security="secure",
        states=STATES[:4],
        session_facts=False,
    ),
    "easee": Profile(
        habits=Habits(
            words="adapter: ",
            drops_fractions=False,
            answers_from_cache=True,
            between_currents=30.0,
            starts_anew=True,
        ),
        manufacturer="Easee",
        product="Easee Home",
        network=_CLOUD,
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
        plain_meter=True,
        parameters=(
            switch(
                "cable_always_locked",
                "Cable always locked",
                "Keeps the cable locked in the charge point.",
            ),
        ),
        strict=False,
        cloud=True,
    ),
    "easee_2021": Profile(
        habits=_EASEE_2021,
        manufacturer="easee",
        product="Easee Laderobot",
        versions=("", "1", "1"),
        network=_CLOUD,
        hidden=frozenset({"cable_lock"}),
        lists={"chargepoint": EASEE_2021_CHARGEPOINT, "meter_elec": BARE_METER},
        states=("available", "preparing", "charging", "paused", "finished", "unknown"),
        names={
            "disconnected": "available",
            "ready_to_charge": "preparing",
            "stopped": "paused",
            "suspended_by_ev": "paused",
            "error": "unknown",
        },
        units=("W", "kWh", "V"),
        session_facts=False,
        session_props={"unit": "kWh"},
        strict=False,
        cloud=True,
    ),
    "defa": Profile(
        habits=_DEFA,
        versions=("", "1", "1"),
        network=("wifi", "undefined", "indirect"),
        lists={"chargepoint": DEFA_CHARGEPOINT, "meter_elec": BARE_METER},
        states=("disconnected", "requesting", "charging", "finished", "unknown"),
        names={
            "ready_to_charge": "Preparing",
            "suspended_by_ev": "SuspendedEV",
            "finished": "Finishing",
            "error": "error",
        },
        units=("W",),
        session_facts=False,
        session_props=None,
        strict=False,
        cloud=True,
        hopeful=True,
    ),
    "futurehome": Profile(
        habits=Habits(name="cloud_adapter", connector="_1", group="{}"),
        manufacturer="Futurehome",
        product="Futurehome Charge",
        network=_CLOUD,
        features=frozenset(FEATURES) - {"phase_mode", "phase_mode.set"},
        states=(
            "disconnected",
            "requesting",
            "ready_to_charge",
            "charging",
            "suspended_by_evse",
            "suspended_by_ev",
            "finished",
            "reserved",
            "unavailable",
            "error",
        ),
        max_current=16,
        units=("W", "kWh"),
        values=("i1", "i2", "i3", "u1", "u2", "u3"),
        plain_meter=True,
        parameters=BASICS,
        reboots=True,
    ),
}
