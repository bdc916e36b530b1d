"""EV charge points behind one vocabulary, independent of Home Assistant.

The public API: this module, `model` (snapshots and their words), `errors` and `sessions`.
Nothing else is for users of the library.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from .authorization import AllowCharging as AllowCharging
from .authorization import AnswerAuthorization as AnswerAuthorization
from .authorization import CancelReservation as CancelReservation
from .authorization import Permission as Permission
from .authorization import Reserve as Reserve
from .authorization import ShowToken as ShowToken
from .authorization import TakesCards as TakesCards
from .authorization import TakesPermissions as TakesPermissions
from .authorization import WithdrawAuthorization as WithdrawAuthorization
from .capabilities import Capabilities as Capabilities
from .capabilities import Parameter as Parameter
from .capabilities import ParameterKind as ParameterKind
from .capabilities import ParameterValue as ParameterValue
from .capabilities import Range as Range
from .charge_point import Chargepoint as Chargepoint
from .derived import ControlPilotState as ControlPilotState
from .derived import NotChargingReason as NotChargingReason
from .derived import control_pilot_state as control_pilot_state
from .derived import not_charging_reason as not_charging_reason
from .echo import Echo
from .echo import reaches_any as reaches_any
from .echo import share_messages as share_messages
from .everest.api.protocol import EverestProtocol
from .everest.internal_bus import InternalBus
from .everest.legacy.protocol import LegacyProtocol
from .faults import FaultTracker as FaultTracker
from .fimp.discovery import FimpProtocol
from .grid import GridSnapshot as GridSnapshot
from .hub import ClockSet as ClockSet
from .hub import ConnectionLost as ConnectionLost
from .hub import ConnectionMade as ConnectionMade
from .hub import ConnectionRefused as ConnectionRefused
from .hub import Hub as Hub
from .hub import HubEvent as HubEvent
from .hub import NodeAdded as NodeAdded
from .hub import NodeRemoved as NodeRemoved
from .hub import RequestsCounted as RequestsCounted
from .hub import Warned as Warned
from .hub import Withdrawn as Withdrawn
from .internal_errors import InternalErrors as InternalErrors
from .journal import Line as Line
from .journal import Mark as Mark
from .limits.balanced import distribute as distribute
from .limits.requested import CompetingController as CompetingController
from .limits.requested import StoredRequests as StoredRequests
from .load_balancing import Share as Share
from .mqtt_hub import MqttHub as MqttHub
from .node import Node as Node
from .ocpp import ChangeAvailability as ChangeAvailability
from .ocpp import GetVariables as GetVariables
from .ocpp import MonitorVariables as MonitorVariables
from .ocpp import OcppClient as OcppClient
from .ocpp import OcppCommand as OcppCommand
from .ocpp import OcppEvent as OcppEvent
from .ocpp import OcppNotification as OcppNotification
from .ocpp import OcppSnapshot as OcppSnapshot
from .ocpp import RestartOcpp as RestartOcpp
from .ocpp import SendSecurityEvent as SendSecurityEvent
from .ocpp import SetVariable as SetVariable
from .ocpp import StopOcpp as StopOcpp
from .options import ModuleChoice as ModuleChoice
from .options import Options as Options
from .options import Token as Token
from .scheduler import Clock as Clock
from .scheduler import Timers as Timers
from .smart_charging import CurrentSchedule as CurrentSchedule
from .smart_charging import DelayedCharging as DelayedCharging
from .smart_charging import PriceBasedCharging as PriceBasedCharging
from .smart_charging import Profile as Profile
from .smart_charging import SmartCharging as SmartCharging
from .smart_charging import Weekday as Weekday
from .station import StationSnapshot as StationSnapshot
from .stored import DamagedError as DamagedError
from .stored import lost as lost
from .transport.mqtt import MqttSettings as MqttSettings
from .transport.mqtt import SettingsSource as SettingsSource
from .transport.topics import is_level as is_level
from .watchdog import LastSeen as LastSeen

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

    A prefix is put before every topic as it is; the empty one is the broker's root. Nodes with a
    `known` address never have to wait, however many others are found.
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
