"""Names that more than one module of the integration uses."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from homeassistant.const import Platform
from homeassistant.util.hass_dict import HassKey

from .chargepoint import Clock

DOMAIN: Final = "fimp_chargepoint"

PLATFORMS: Final = (
    Platform.SENSOR,
    Platform.BINARY_SENSOR,
    Platform.BUTTON,
    Platform.EVENT,
    Platform.LOCK,
    Platform.NUMBER,
    Platform.SELECT,
    Platform.SWITCH,
)

#: The domain of Home Assistant's own MQTT integration.
MQTT_DOMAIN: Final = "mqtt"

CONF_CA_CERTIFICATE: Final = "ca_certificate"
CONF_CLIENT_CERTIFICATE: Final = "client_certificate"
CONF_COMMUNICATION_CHECK: Final = "communication_check"
CONF_CLIENT_KEY: Final = "client_key"
CONF_RESTART_DELAY: Final = "restart_delay"
CONF_INTERNAL_BUS: Final = "internal_bus"
CONF_RESTORE_LIMITS: Final = "restore_limits"
CONF_CUSTOMER_ID: Final = "customer_id"
CONF_FAILSAFE: Final = "failsafe"
CONF_FAILSAFE_ON_STOP: Final = "failsafe_on_stop"
CONF_FIXED_PRICE: Final = "fixed_price"
CONF_HUB: Final = "hub"
CONF_MODULES: Final = "modules"
CONF_MEASUREMENT_INTERVAL: Final = "measurement_interval"
CONF_PRICE_ENTITY: Final = "price_entity"
CONF_PREFIXES: Final = "prefixes"
CONF_PROTOCOLS: Final = "protocols"
CONF_SAFE_CURRENT: Final = "safe_current"
CONF_SAFE_CURRENTS: Final = "safe_currents"
CONF_TLS: Final = "tls"
CONF_TOKEN: Final = "token"  # noqa: S105
CONF_TOKEN_TYPE: Final = "token_type"  # noqa: S105

ATTR_PENDING: Final = "pending"
#: The faults of a charge point, in plain words.
ATTR_PROBLEMS: Final = "problems"
#: Why the state of a switch is unknown although it can be switched.
ATTR_NO_READINGS: Final = "no_readings_because"

#: A clock for every hub instead of real time; used by `scripts/replay`.
DATA_CLOCK: HassKey[Clock] = HassKey(f"{DOMAIN}_clock")


#: The data or the options of an entry, and what a form was filled in with: a schema has
#: checked the types of the fields.
type Fields = Mapping[str, Any]
type UserInput = dict[str, Any] | None


class HubKind(StrEnum):
    """What a config entry connects to, and the step of the config flow that asks for it."""

    HOME_ASSISTANT = "home_assistant"
    BROKER = "broker"
    BLUE_CURRENT = "blue_current"


class Tls(StrEnum):
    """How a connection to another broker is protected."""

    OFF = "off"
    SYSTEM_CA = "system_ca"
    OWN_CA = "own_ca"
    UNVERIFIED = "unverified"
