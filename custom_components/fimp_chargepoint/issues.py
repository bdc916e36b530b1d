"""Issues that only the user can solve, and not here."""

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from .const import DOMAIN


def _refused_credentials(entry: ConfigEntry) -> str:
    return f"mqtt_credentials_refused_{entry.entry_id}"


@callback
def async_report_refused_credentials(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Point to the MQTT integration, whose user name or password we use."""
    ir.async_create_issue(
        hass,
        DOMAIN,
        _refused_credentials(entry),
        is_fixable=False,
        learn_more_url="homeassistant://config/integrations/integration/mqtt",
        severity=ir.IssueSeverity.ERROR,
        translation_key="mqtt_credentials_refused",
        translation_placeholders={"title": entry.title},
    )


@callback
def async_forget_refused_credentials(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """The credentials were taken, or the entry is gone."""
    ir.async_delete_issue(hass, DOMAIN, _refused_credentials(entry))
