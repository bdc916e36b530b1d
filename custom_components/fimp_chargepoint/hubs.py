"""Makes the hub of an entry from its data: a broker, or the account of a vendor.

The settings of a broker are read at every attempt to connect, so nothing of Home Assistant's own
MQTT integration is copied, and a change there takes effect at once.
"""

from collections.abc import Iterable
from functools import partial
from pathlib import Path
import ssl
from tempfile import TemporaryDirectory

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_API_TOKEN, CONF_HOST, CONF_PASSWORD, CONF_PORT, CONF_USERNAME
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.util.ssl import client_context, client_context_no_verify, create_client_context

from .chargepoint import (
    Hub,
    MqttHub,
    MqttSettings,
    Options,
    SettingsSource,
    create_mqtt_hub,
    load_blue_current,
)
from .chargepoint.errors import NotConnectedError, TlsError
from .const import (
    CONF_CA_CERTIFICATE,
    CONF_CLIENT_CERTIFICATE,
    CONF_CLIENT_KEY,
    CONF_HUB,
    CONF_PREFIXES,
    CONF_TLS,
    DATA_CLOCK,
    MQTT_DOMAIN,
    Fields,
    HubKind,
    Tls,
)


@callback
def broker_hub(
    hass: HomeAssistant, data: Fields, options: Options, known: Iterable[str] = ()
) -> MqttHub:
    """Return the hub of an entry for a broker, not connected."""
    return create_mqtt_hub(
        settings_source(hass, data),
        prefixes=data[CONF_PREFIXES],
        clock=hass.data.get(DATA_CLOCK),
        options=options,
        known=known,
    )


async def async_make_hub(
    hass: HomeAssistant, data: Fields, options: Options, known: Iterable[str] = ()
) -> Hub:
    """Return the hub of an entry with this `data`, not connected.

    Nodes with the `known` addresses are never held back.
    """
    if data[CONF_HUB] != HubKind.BLUE_CURRENT:
        return broker_hub(hass, data, options, known)
    # The first call imports it, which only those who have an account need.
    account_hub = await hass.async_add_executor_job(load_blue_current)
    return account_hub(
        async_get_clientsession(hass),
        data[CONF_API_TOKEN],
        clock=hass.data.get(DATA_CLOCK),
        options=options,
        known=known,
    )


_DEFAULT_PORT = 1883


class CertificateError(TlsError):
    """A certificate or key cannot be read."""


@callback
def has_home_assistant_broker(hass: HomeAssistant) -> bool:
    """Return whether Home Assistant's own MQTT integration is there and enabled."""
    return bool(
        hass.config_entries.async_entries(MQTT_DOMAIN, include_ignore=False, include_disabled=False)
    )


@callback
def same_topics(hass: HomeAssistant, one: Fields, other: Fields) -> bool:
    """Whether two entries have a prefix in common, on the same host and port."""
    address = _address(hass, one)
    return (
        address is not None
        and address == _address(hass, other)
        and not set(one[CONF_PREFIXES]).isdisjoint(other[CONF_PREFIXES])
    )


def _mqtt_entry(hass: HomeAssistant) -> ConfigEntry | None:
    """Return the only entry of the MQTT integration, which may be disabled.

    Its settings are read by their names: importing its constants would load all of it for people
    who do not use it.
    """
    entries = hass.config_entries.async_entries(MQTT_DOMAIN, include_ignore=False)
    return entries[0] if entries else None


def _address(hass: HomeAssistant, data: Fields) -> tuple[str, int] | None:
    """Return host and port of a broker, None if there is none or they are not known."""
    if data[CONF_HUB] == HubKind.HOME_ASSISTANT:
        entry = _mqtt_entry(hass)
        if entry is None:
            return None
        config = {**entry.data, **entry.options}
        return config["broker"].casefold(), config.get(CONF_PORT, _DEFAULT_PORT)
    if data[CONF_HUB] == HubKind.BROKER:
        return data[CONF_HOST].casefold(), data[CONF_PORT]
    return None


def settings_source(hass: HomeAssistant, data: Fields) -> SettingsSource:
    """Return the source of the connection settings for the `data` of an entry."""
    if data[CONF_HUB] == HubKind.HOME_ASSISTANT:
        return partial(_home_assistant_broker, hass)
    return partial(_other_broker, hass, data)


async def _home_assistant_broker(hass: HomeAssistant) -> MqttSettings:
    """Return the settings of Home Assistant's own MQTT integration, as they are now."""
    entry = _mqtt_entry(hass)
    if entry is None:
        raise NotConnectedError("mqtt_not_set_up")
    if entry.disabled_by is not None:
        raise NotConnectedError("mqtt_disabled")
    config = {**entry.data, **entry.options}
    tls = None
    # Without a CA the MQTT integration does not use TLS, whatever else is set.
    if authority := config.get("certificate"):
        tls = await hass.async_add_executor_job(
            partial(
                _tls_context,
                authority=None if authority == "auto" else authority,
                certificate=config.get("client_cert"),
                key=config.get("client_key"),
                check_hostname=not config.get("tls_insecure"),
            )
        )
    return MqttSettings(
        host=config["broker"],
        port=config.get(CONF_PORT, _DEFAULT_PORT),
        username=config.get(CONF_USERNAME),
        password=config.get(CONF_PASSWORD),
        tls=tls,
        transport=config.get("transport", "tcp"),
        websocket_path=config.get("ws_path"),
        websocket_headers=config.get("ws_headers"),
    )


async def _other_broker(hass: HomeAssistant, data: Fields) -> MqttSettings:
    """Return the settings kept in our own config entry."""
    return MqttSettings(
        host=data[CONF_HOST],
        port=data[CONF_PORT],
        username=data.get(CONF_USERNAME),
        password=data.get(CONF_PASSWORD),
        tls=await _other_tls(hass, data),
    )


async def _other_tls(hass: HomeAssistant, data: Fields) -> ssl.SSLContext | None:
    """Return the TLS context of another broker, None without TLS."""
    tls = Tls(data[CONF_TLS])
    if tls is Tls.OFF:
        return None
    certificate = data.get(CONF_CLIENT_CERTIFICATE)
    if certificate is None and tls is not Tls.OWN_CA:
        # Home Assistant's shared contexts: ready, and nothing is changed in them.
        return client_context() if tls is Tls.SYSTEM_CA else client_context_no_verify()
    return await hass.async_add_executor_job(
        partial(
            _tls_context,
            authority=data[CONF_CA_CERTIFICATE] if tls is Tls.OWN_CA else None,
            certificate=certificate,
            key=data.get(CONF_CLIENT_KEY),
            check_hostname=tls is not Tls.UNVERIFIED,
            verify=tls is not Tls.UNVERIFIED,
        )
    )


def _tls_context(
    *,
    authority: str | None,
    certificate: str | None,
    key: str | None,
    check_hostname: bool = True,
    verify: bool = True,
) -> ssl.SSLContext:
    """Return a context of our own. Reads and writes files: for the executor only.

    `authority` is a CA in PEM, None stands for those that Home Assistant trusts.
    """
    try:
        if authority is None:
            context = create_client_context()
        else:
            # Not `create_default_context`: it is strict with the extensions of a
            # certificate, and home-made ones rarely have them all.
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.load_verify_locations(cadata=authority)
        context.check_hostname = check_hostname
        if not verify:
            context.verify_mode = ssl.CERT_NONE
        if certificate is not None:
            _load_client_certificate(context, certificate, key)
    except (OSError, TypeError, ValueError) as error:
        # Python raises TypeError for text that is not ASCII.
        raise CertificateError("invalid_certificate", detail=str(error)) from error
    return context


def _load_client_certificate(context: ssl.SSLContext, certificate: str, key: str | None) -> None:
    """Load the client certificate, which Python only reads from files."""
    with TemporaryDirectory() as folder:
        certificate_file = Path(folder, "certificate.pem")
        certificate_file.write_text(certificate)
        key_file = None
        if key is not None:
            key_file = Path(folder, "key.pem")
            key_file.write_text(key)
        # Without a password, even an empty one, OpenSSL would ask for that of an encrypted key on
        # the terminal, and wait forever.
        context.load_cert_chain(certificate_file, key_file, password="")
