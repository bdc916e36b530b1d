"""Tells of a broker that has been away for long."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.util.hass_dict import HassKey

from ..chargepoint.errors import AuthenticationError, ChargepointError
from ..chargepoint.hub import ConnectionLost, ConnectionMade, HubEvent
from ..const import CONF_BROKER, DOMAIN, MQTT_DOMAIN, Broker
from ..coordinator import FimpConfigEntry
from .issues import ENTRY_ID

#: An update of a broker, or of the hub that it runs on, is over by then.
_LONG = timedelta(minutes=30)


@dataclass
class _Outage:
    """A broker that is away: what came of the last attempt, and how to stop looking."""

    error: ChargepointError
    ends: tuple[CALLBACK_TYPE, ...]


#: The brokers that are away, by entry. One may be while its entry is set up again and again.
_OUTAGES: HassKey[dict[str, _Outage]] = HassKey(f"{DOMAIN}_outages")


@callback
def async_watch_for_outages(hass: HomeAssistant, entry: FimpConfigEntry) -> None:
    """The broker is there; watch whether it stays."""

    @callback
    def handle(event: HubEvent) -> None:
        match event:
            case ConnectionMade():
                async_forget_outage(hass, entry)
            case ConnectionLost(error):
                async_broker_lost(hass, entry, error)

    @callback
    def forget() -> None:
        async_forget_outage(hass, entry)

    forget()
    entry.async_on_unload(forget)
    entry.async_on_unload(entry.runtime_data.hub.add_listener(handle))


@callback
def async_broker_lost(hass: HomeAssistant, entry: FimpConfigEntry, error: ChargepointError) -> None:
    """The broker is away; the user is told when that goes on for long."""
    outages = hass.data.setdefault(_OUTAGES, {})
    if entry.entry_id in outages:
        outages[entry.entry_id].error = error
        return

    @callback
    def look(_: datetime) -> None:
        loaded = entry.state is ConfigEntryState.LOADED
        latest = entry.runtime_data.hub.last_error if loaded else None
        _report(hass, entry, latest or outages[entry.entry_id].error)

    @callback
    def changed() -> None:
        # Who disables an entry knows.
        if entry.state is ConfigEntryState.NOT_LOADED:
            async_forget_outage(hass, entry)

    stop = async_track_time_interval(hass, look, _LONG, cancel_on_shutdown=True)
    ignore = entry.async_on_state_change(changed)

    @callback
    def ignore_soon() -> None:
        # Home Assistant may be walking the list that this takes something from.
        hass.loop.call_soon(ignore)

    outages[entry.entry_id] = _Outage(error, (stop, ignore_soon))


@callback
def async_forget_outage(hass: HomeAssistant, entry: FimpConfigEntry) -> None:
    """The broker is back, or nobody needs it any more."""
    outage = hass.data.get(_OUTAGES, {}).pop(entry.entry_id, None)
    if outage is not None:
        for end in outage.ends:
            end()
    ir.async_delete_issue(hass, DOMAIN, _issue_id(entry))


@callback
def _report(hass: HomeAssistant, entry: FimpConfigEntry, error: ChargepointError) -> None:
    if isinstance(error, AuthenticationError):
        # It is there: that is another story.
        return
    own = entry.data[CONF_BROKER] == Broker.OTHER
    mqtt = f"homeassistant://config/integrations/integration/{MQTT_DOMAIN}"
    ir.async_create_issue(
        hass,
        DOMAIN,
        _issue_id(entry),
        data={ENTRY_ID: entry.entry_id},
        is_fixable=own,
        learn_more_url=None if own else mqtt,
        severity=ir.IssueSeverity.ERROR,
        translation_key="broker_offline" if own else "mqtt_broker_offline",
        translation_placeholders={"title": entry.title, "detail": str(error)},
    )


def _issue_id(entry: FimpConfigEntry) -> str:
    return f"broker_offline_{entry.entry_id}"
