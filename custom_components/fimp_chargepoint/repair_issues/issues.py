"""Issues that only the user can solve, most of them not here."""

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from ..chargepoint.notices import HubWarning, LoginLost, ModulesUnassigned, NewNodesWait
from ..const import DOMAIN

#: The key of the entry in the data of an issue that can be solved with a click.
ENTRY_ID = "entry_id"
#: The texts of what a hub warns of.
_WARNINGS: dict[type[HubWarning], str] = {
    LoginLost: "signed_out",
    ModulesUnassigned: "modules_unassigned",
    NewNodesWait: "new_charge_points",
}
_SEVERITIES: dict[type[HubWarning], ir.IssueSeverity] = {LoginLost: ir.IssueSeverity.ERROR}
#: Those that a click can solve (see `repairs`).
_FIXABLE = (NewNodesWait,)


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


@callback
def async_forget_issues(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Leave no issue behind for an entry that is gone."""
    async_forget_refused_credentials(hass, entry)
    for issue in tuple(ir.async_get(hass).issues.values()):
        if issue.domain == DOMAIN and (issue.data or {}).get(ENTRY_ID) == entry.entry_id:
            ir.async_delete_issue(hass, DOMAIN, issue.issue_id)


def _warning(entry: ConfigEntry, warning: HubWarning) -> str:
    return f"{_WARNINGS[type(warning)]}_{entry.entry_id}_{warning.key}"


@callback
def async_report_warning(hass: HomeAssistant, entry: ConfigEntry, warning: HubWarning) -> None:
    """Tell of what only the user can put right."""
    ir.async_create_issue(
        hass,
        DOMAIN,
        _warning(entry, warning),
        data={ENTRY_ID: entry.entry_id},
        is_fixable=isinstance(warning, _FIXABLE),
        severity=_SEVERITIES.get(type(warning), ir.IssueSeverity.WARNING),
        translation_key=_WARNINGS[type(warning)],
        translation_placeholders={"title": entry.title, **warning.placeholders},
    )


@callback
def async_forget_warning(hass: HomeAssistant, entry: ConfigEntry, warning: HubWarning) -> None:
    """It was put right, or nobody looks any more."""
    ir.async_delete_issue(hass, DOMAIN, _warning(entry, warning))
