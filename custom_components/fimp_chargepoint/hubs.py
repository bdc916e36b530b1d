"""Makes the hub of an entry from its data: a broker, or the account of a vendor."""

from collections.abc import Iterable

from homeassistant.const import CONF_API_TOKEN
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.aiohttp_client import async_get_clientsession

from .chargepoint import Hub, MqttHub, Options, create_mqtt_hub, load_blue_current
from .const import CONF_HUB, CONF_PREFIXES, DATA_CLOCK, Fields, HubKind
from .flow.broker import settings_source


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
