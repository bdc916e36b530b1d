"""EV charge points of a broker or an account: set-up and unloading of an entry."""

import asyncio
from collections import deque
from functools import partial
import logging
from typing import Final

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import Event, HomeAssistant
from homeassistant.exceptions import ConfigEntryAuthFailed, ConfigEntryNotReady
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.translation import async_load_integrations
from homeassistant.helpers.typing import ConfigType
from homeassistant.util.hass_dict import HassKey

from .chargepoint import Hub, Options
from .chargepoint.errors import AuthenticationError, ChargepointError, NotConnectedError
from .const import CONF_HUB, DOMAIN, PLATFORMS, HubKind
from .coordinator import FimpConfigEntry, RuntimeData
from .dashboard import async_setup_dashboard
from .devices import (
    async_known_addresses,
    async_register_hub,
    device_identifier,
    hub_id,
    node_address,
)
from .entity import async_message, translated
from .flow.discovery_scan import async_until_found
from .flow.options import library_options
from .hubs import async_make_hub
from .prices import PriceSource, async_follow_price
from .repair_issues.table import ISSUES
from .repair_issues.watcher import Watcher
from .requests import async_restore_requests, async_withdraw_limits
from .services import async_setup_actions
from .sessions import Sessions
from .storage import Storage, async_forget

_LOGGER = logging.getLogger(__name__)

#: The texts for a hub that cannot be reached, and for one that refuses the credentials.
_UNREACHABLE: Final = {
    HubKind.HOME_ASSISTANT: "cannot_connect",
    HubKind.BROKER: "cannot_connect",
    HubKind.BLUE_CURRENT: "account_unreachable",
}
_REFUSED: Final = {
    HubKind.HOME_ASSISTANT: "mqtt_invalid_auth",
    HubKind.BROKER: "invalid_auth",
    HubKind.BLUE_CURRENT: "account_refused",
}
#: Seconds for the last messages of an entry that is being removed.
_LEAVING_TIME = 3.0
#: The last messages of entries that were unloaded, in case they are removed; by entry id.
_LAST_MESSAGES: HassKey[dict[str, list[tuple[str, bytes]]]] = HassKey(f"{DOMAIN}_last_messages")
#: When each entry admitted new charge points: a reload does not allow as many again.
_ADMITTED_AT: HassKey[dict[str, deque[float]]] = HassKey(f"{DOMAIN}_admitted_at")

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)


async def async_setup(hass: HomeAssistant, _: ConfigType) -> bool:
    """Offer the actions and the dashboard, whether or not a config entry is loaded."""
    async_setup_actions(hass)
    Watcher(hass, tuple(ISSUES.values()))
    try:
        await async_setup_dashboard(hass)
    except Exception:
        # Charging is controlled without it.
        _LOGGER.exception("The dashboard is not available")
    return True


async def async_setup_entry(hass: HomeAssistant, entry: FimpConfigEntry) -> bool:
    """Connect to the hub; charge points are found from then on."""
    # After a change of the language, the names of the devices may not have been loaded yet.
    await async_load_integrations(hass, {DOMAIN})
    async_register_hub(hass, entry)
    known = async_known_addresses(hass, entry)
    hub = await async_make_hub(hass, entry.data, library_options(entry.options), known)
    admitted_at = hass.data.setdefault(_ADMITTED_AT, {})
    hub.admission.admitted_at = admitted_at.setdefault(entry.entry_id, hub.admission.admitted_at)

    async def stop(_: Event) -> None:
        await hub.end_failsafes(is_stop=True)
        await hub.stop()

    # Also if the rest of the set-up fails; stopping twice does no harm.
    entry.async_on_unload(partial(_async_leave, hass, entry, hub))
    entry.async_on_unload(hass.bus.async_listen(EVENT_HOMEASSISTANT_STOP, stop))
    storage = Storage(hass, entry)
    await storage.async_load()
    entry.async_on_unload(storage.async_save)
    sessions = Sessions(storage.sessions, PriceSource(hass, entry.options))
    entry.async_on_unload(sessions.close)
    entry.runtime_data = RuntimeData(hass, entry, hub, storage, sessions)
    try:
        await hub.start()
    except NotConnectedError as error:
        raise ConfigEntryNotReady(
            translation_domain=DOMAIN,
            translation_key=_UNREACHABLE[entry.data[CONF_HUB]],
            translation_placeholders={
                "detail": async_message(hass, translated(hass, error, entry.title))
            },
        ) from error
    except AuthenticationError as error:
        # Only the MQTT integration can ask for the credentials of its broker.
        can_ask = entry.data[CONF_HUB] != HubKind.HOME_ASSISTANT
        kind = ConfigEntryAuthFailed if can_ask else ConfigEntryNotReady
        raise kind(
            translation_domain=DOMAIN, translation_key=_REFUSED[entry.data[CONF_HUB]]
        ) from error
    await async_until_found(hass, entry, hub)
    # If one of these fails, the charge points can still be controlled.
    hub.internal_errors.notify((async_restore_requests, async_follow_price), hass, entry)
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    return True


async def async_unload_entry(hass: HomeAssistant, entry: FimpConfigEntry) -> bool:
    """Unload the platforms; `async_on_unload` does the rest."""
    # While it is still stored that nothing has to return.
    is_stop = entry.disabled_by is not None
    await entry.runtime_data.hub.end_failsafes(is_stop=is_stop)
    return await hass.config_entries.async_unload_platforms(entry, PLATFORMS)


async def _async_leave(hass: HomeAssistant, entry: FimpConfigEntry, hub: Hub) -> None:
    """Disconnect; disable EVerest's monitoring of us now, or keep that for the removal."""
    last_messages = hub.disconnecting()
    if entry.disabled_by or not library_options(entry.options).communication_check:
        await hub.publish_all(last_messages)
    else:
        # It may be reloaded or removed: that is not known yet.
        hass.data.setdefault(_LAST_MESSAGES, {})[entry.entry_id] = last_messages
    await hub.stop()


async def _async_send_last_messages(hass: HomeAssistant, entry: FimpConfigEntry) -> None:
    """Disable the monitoring by the stations of an entry that is being removed."""
    last_messages = hass.data.get(_LAST_MESSAGES, {}).pop(entry.entry_id, None)
    if not last_messages:
        return
    # The default options do not enable the monitoring again.
    hub = await async_make_hub(hass, entry.data, Options())
    try:
        async with asyncio.timeout(_LEAVING_TIME):
            await hub.start()
            await hub.publish_all(last_messages)
    except (ChargepointError, TimeoutError) as error:
        _LOGGER.info("The monitoring by the stations could not be disabled: %s", error)
    finally:
        await hub.stop()


async def async_remove_entry(hass: HomeAssistant, entry: FimpConfigEntry) -> None:
    """Leave nothing behind: no limit, nothing on disk."""
    await _async_send_last_messages(hass, entry)
    storage = Storage(hass, entry)
    await storage.async_load()
    await storage.async_remove()
    await async_withdraw_limits(hass, entry, storage)


async def async_remove_config_entry_device(
    hass: HomeAssistant, entry: FimpConfigEntry, device: dr.DeviceEntry
) -> bool:
    """Allow the removal of the device of a charge point that is not there, and forget it."""
    identifier, known = device_identifier(device) or "", {hub_id(entry)}
    # While it starts, it has read the stored data, and would write all of it again.
    async with entry.setup_lock:
        loaded = entry.runtime_data if entry.state is ConfigEntryState.LOADED else None
        if loaded is not None:
            known |= {each.identifier for each in loaded.coordinators.values()}
        if identifier in known:
            return False
        address = node_address(entry, identifier)
        if loaded is not None:
            loaded.storage.forget(address)
        else:
            await async_forget(hass, entry, address)
    return True
