"""The configuration of a station: the keys of the command line and of tests."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class EvseSetup:
    """One EVSE as configured on the command line or by a test."""

    name: str = "carport"
    module: str = "evse_manager_api"
    """Id of its ``evse_manager_consumer`` module."""
    connector: str = ""
    """Id of its EvseManager, known to the legacy API; empty is ``connector_<number>``."""
    evse_id: str = ""
    """Empty makes one up."""
    phases: int = 3
    max_current: float = 16.0
    needed: float = 40.0
    """Energy in kWh after which a car is full."""
    authorize: bool = True
    """Whether a card is held to the reader soon after each plug-in."""
    lock: bool = True
    """Whether there is a connector lock, to be forced open."""
    limits: str = ""
    """Id of an ``external_energy_limits_consumer`` module for this EVSE."""
    sink: bool = True
    """Whether the legacy API can limit the current."""
    switches: bool = True
    """Whether the number of phases can change."""
    socket: bool = False
    """Whether there is a socket instead of a cable; then the cable's rating is reported."""
    dc: bool = False
    """Whether it charges with direct current."""
    protocol: str = ""
    """The protocol of the car; empty is the usual one for AC or DC."""
    delay: bool = False
    """Whether random delays are configured."""
    external_ready: bool = False
    """2025.10: whether an external release is required before charging."""
    check: float = 0.0
    """Seconds within which a heartbeat of the client is required; 0 requires none."""


@dataclass(frozen=True, kw_only=True)
class CompanionSetup:
    """Ids of the modules that serve the whole station; an empty one is omitted."""

    errors: str = ""
    """``error_history_consumer``"""
    grid: str = ""
    """``external_energy_limits_consumer`` at the grid's node, before all EVSEs"""
    tokens: str = ""
    """``auth_token_provider``"""
    authorizer: str = ""
    """``auth_consumer``"""
    cost: str = ""
    """``session_cost_consumer``"""
    ocpp: str = ""
    """``ocpp_consumer``"""
    bus: str = ""
    """The OCPP 1.6 module itself, on the bus inside EVerest; ``ocpp`` or ``ocpp/main``"""


@dataclass(frozen=True, kw_only=True)
class SiteSetup:
    """How a station is configured and connected."""

    legacy: bool = False
    """The API before v1 is there as well, with every dialect."""
    latch: bool = True
    """Variables can be requested, if the release supports that."""
    store: bool = False
    """Transactions are remembered over a restart, to be closed."""
    bridged: bool = False
    """A bridge to the broker lets pass only what is below ``everest_api/``."""
    information: bool = False
    """The legacy API reports manufacturer, model and serial number."""
    check: float = 0.0
    """The same as for an EVSE, for all other modules."""
    price: float = 0.3
    """Of a kilowatt hour, in EUR."""
    strict: bool = False
    """The end of the simulator raises what was wrong with the requests."""
