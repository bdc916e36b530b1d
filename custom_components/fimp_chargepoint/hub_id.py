"""What identifies a hub, and with it everything below it.

Home Assistant keeps the names, entity ids and history of what was deleted for a while, and
gives them back if the ids return. So a hub's id is not that of its config entry, which is new
each time it is added.
"""

from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_HOST, CONF_PORT
from homeassistant.core import HomeAssistant, callback

from .const import CONF_CUSTOMER_ID, CONF_HUB, DOMAIN, Fields, HubKind

#: There is one MQTT integration, so one entry for its broker.
HOME_ASSISTANT_MQTT: Final = "ha_mqtt"


@callback
def async_new_hub_id(hass: HomeAssistant, data: Fields) -> str:
    """Return the id of a hub that is set up with this `data`: the unique id of its entry.

    Reconfiguring changes the data, but not the id.
    """
    if data[CONF_HUB] == HubKind.HOME_ASSISTANT:
        return HOME_ASSISTANT_MQTT
    if data[CONF_HUB] == HubKind.BLUE_CURRENT:
        return str(data[CONF_CUSTOMER_ID])
    wanted = f"{data[CONF_HOST].casefold()}_{data[CONF_PORT]}"
    taken = {entry.unique_id for entry in hass.config_entries.async_entries(DOMAIN)}
    # One broker can have several entries, each for other topic prefixes.
    found, number = wanted, 1
    while found in taken:
        number += 1
        found = f"{wanted}-{number}"
    return found


def hub_id(entry: ConfigEntry) -> str:
    """Return the id of the hub of an entry."""
    # Each entry that our config flow has created has one.
    return entry.unique_id or entry.entry_id


def node_identifier(entry: ConfigEntry, address: str) -> str:
    """Return the identifier of the device of a node; it never changes."""
    return f"{hub_id(entry)}_{address}"


def node_address(entry: ConfigEntry, identifier: str) -> str:
    """Return the address of the node with one of these identifiers."""
    return identifier.removeprefix(f"{hub_id(entry)}_")
