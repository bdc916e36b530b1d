"""EV charge points behind one vocabulary. Knows nothing of Home Assistant."""

from collections.abc import Iterable

from .echo import Echo
from .everest.api.protocol import EverestProtocol
from .everest.internal_bus.protocol import InternalBus
from .everest.legacy.protocol import LegacyProtocol
from .fimp.discovery import FimpProtocol
from .mqtt_hub import MqttHub
from .options import Options
from .scheduler import Clock
from .transport.mqtt import SettingsSource

#: The protocols over MQTT, by their name in the options (see `Options`).
MQTT_PROTOCOLS = {
    "fimp": (FimpProtocol,),
    "everest": (EverestProtocol, LegacyProtocol, InternalBus),
}


def mqtt_hub(
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
