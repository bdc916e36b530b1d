"""EV charge points behind one vocabulary. Does not know Home Assistant.

The public API: this module, `model` (snapshots and their words), `errors` and `sessions`.
Nothing else is for users of the library.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from .authorization import (
    AllowCharging,
    AnswerAuthorization,
    CancelReservation,
    Permission,
    Reserve,
    ShowToken,
    TakesCards,
    TakesPermissions,
    WithdrawAuthorization,
)
from .capabilities import Capabilities, Parameter, ParameterKind, ParameterValue, Range
from .charge_point import Chargepoint
from .derived import (
    ControlPilotState,
    NotChargingReason,
    control_pilot_state,
    not_charging_reason,
)
from .echo import Echo, have_common_messages, is_heard
from .everest.api.protocol import EverestProtocol
from .everest.internal_bus.protocol import InternalBus
from .everest.legacy.protocol import LegacyProtocol
from .faults import FaultTracker
from .fimp.discovery import FimpProtocol
from .grid import GridSnapshot
from .hub import (
    ClockSet,
    ConnectionLost,
    ConnectionMade,
    ConnectionRefused,
    Hub,
    HubEvent,
    NodeAdded,
    NodeRemoved,
    RequestsCounted,
    Warned,
    Withdrawn,
)
from .internal_errors import InternalErrors
from .journal import Line, Mark
from .limits.balanced import distribute
from .limits.requested import CompetingController
from .limits.stored_requests import StoredRequests
from .load_balancing import Share
from .mqtt_hub import MqttHub
from .node import Node
from .ocpp import (
    ChangeAvailability,
    GetVariables,
    MonitorVariables,
    OcppClient,
    OcppCommand,
    OcppEvent,
    OcppNotification,
    OcppSnapshot,
    RestartOcpp,
    SendSecurityEvent,
    SetVariable,
    StopOcpp,
)
from .options import ModuleChoice, Options, Token
from .scheduler import Clock, Timers, posix
from .smart_charging import (
    CurrentSchedule,
    DelayedCharging,
    PriceBasedCharging,
    Profile,
    SmartCharging,
    Weekday,
)
from .station import StationSnapshot
from .stored import DamagedError, lost
from .transport.mqtt import MqttSettings, SettingsSource
from .transport.topics import is_level

__all__ = [
    "MQTT_PROTOCOLS",
    "AllowCharging",
    "AnswerAuthorization",
    "CancelReservation",
    "Capabilities",
    "ChangeAvailability",
    "Chargepoint",
    "Clock",
    "ClockSet",
    "CompetingController",
    "ConnectionLost",
    "ConnectionMade",
    "ConnectionRefused",
    "ControlPilotState",
    "CurrentSchedule",
    "DamagedError",
    "DelayedCharging",
    "FaultTracker",
    "GetVariables",
    "GridSnapshot",
    "Hub",
    "HubEvent",
    "InternalErrors",
    "Line",
    "Mark",
    "ModuleChoice",
    "MonitorVariables",
    "MqttHub",
    "MqttSettings",
    "Node",
    "NodeAdded",
    "NodeRemoved",
    "NotChargingReason",
    "OcppClient",
    "OcppCommand",
    "OcppEvent",
    "OcppNotification",
    "OcppSnapshot",
    "Options",
    "Parameter",
    "ParameterKind",
    "ParameterValue",
    "Permission",
    "PriceBasedCharging",
    "Profile",
    "Range",
    "RequestsCounted",
    "Reserve",
    "RestartOcpp",
    "SendSecurityEvent",
    "SetVariable",
    "SettingsSource",
    "Share",
    "ShowToken",
    "SmartCharging",
    "StationSnapshot",
    "StopOcpp",
    "StoredRequests",
    "TakesCards",
    "TakesPermissions",
    "Timers",
    "Token",
    "Warned",
    "Weekday",
    "WithdrawAuthorization",
    "Withdrawn",
    "control_pilot_state",
    "create_mqtt_hub",
    "distribute",
    "have_common_messages",
    "is_heard",
    "is_level",
    "load_blue_current",
    "lost",
    "not_charging_reason",
    "posix",
]

if TYPE_CHECKING:
    from .blue_current.discovery import BlueCurrentHub

#: The protocols over MQTT, by their name in the options (see `Options`).
MQTT_PROTOCOLS = {
    "fimp": (FimpProtocol,),
    "everest": (EverestProtocol, LegacyProtocol, InternalBus),
}


def create_mqtt_hub(
    settings: SettingsSource,
    *,
    prefixes: Iterable[str] = ("",),
    clock: Clock | None = None,
    options: Options | None = None,
    known: Iterable[str] = (),
) -> MqttHub:
    """Return a hub that finds charge points on an MQTT broker, below each of `prefixes`.

    A prefix is put before every topic as it is; the empty one is the broker's root. Nodes
    with a `known` address are never held back, however many others turn up.
    """
    hub = MqttHub(settings, clock=clock, options=options, known=known)
    for prefix in prefixes:
        for name in hub.options.protocols:
            for protocol in MQTT_PROTOCOLS[name]:
                hub.add_protocol(prefix, protocol(hub, prefix))
        hub.add_protocol(prefix, Echo(hub, prefix))
    return hub


def load_blue_current() -> type[BlueCurrentHub]:
    """Return the class of hubs for Blue Current accounts.

    The first call imports it, which reads files: call it outside of the event loop.
    """
    from .blue_current.discovery import BlueCurrentHub  # noqa: PLC0415

    return BlueCurrentHub
