"""The table of the repair issues: each row has a condition, how long it holds, and a fix."""

from collections.abc import Mapping
from functools import partial
from typing import Final

from homeassistant.components.repairs import FlowType
from homeassistant.config_entries import SOURCE_RECONFIGURE, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import issue_registry as ir

from ..chargepoint import Chargepoint, ConnectionLost, ConnectionMade, Warned, Withdrawn
from ..chargepoint.errors import AuthenticationError
from ..const import CONF_HUB, DOMAIN, MQTT_DOMAIN, HubKind
from ..coordinator import FimpConfigEntry
from ..devices import device_identifier, node_address
from ..entity import async_message, translated, value_text
from ..storage import async_forget
from .duplicate_entry import find_duplicates
from .readded import async_move, find_readded
from .watcher import (
    SUBJECT,
    ChargePointIssue,
    EntryIssue,
    EntryWatch,
    Finding,
    Findings,
    Fix,
    IssueData,
    IssueType,
    Subject,
)

_MINUTE: Final = 60.0
_HOUR: Final = 60 * _MINUTE
#: A restart of a broker is over by then.
_SHORT: Final = 2 * _MINUTE
#: A short failure of a cloud service is over by then.
_LONG: Final = 30 * _MINUTE
#: The code of the error of an account that has used up its requests.
_LIMIT: Final = "request_limit"
_MQTT_URL: Final = f"homeassistant://config/integrations/integration/{MQTT_DOMAIN}"


# Conditions of a charge point ---------------------------------------------------------------


def _silent(subject: Subject) -> Finding | None:
    """Whether it was not seen for a day, and is not merely cut off from its cloud service."""
    coordinator, watch, last_seen = subject.coordinator, subject.watch, subject.last_seen
    data = watch.entry.runtime_data
    # Even if it has been silent since the first start: a restart must not restart the day.
    data.storage.last_seen.save(_HOUR)
    if coordinator is not None:
        # A station may have nothing to report for long.
        is_charge_point = isinstance(coordinator.node, Chargepoint)
        if not is_charge_point or coordinator.data.available or coordinator.data.cut_off:
            last_seen.seen()
            return None
    # After an outage of the broker all charge points have an hour to report first.
    connected_for = watch.now() - subject.memory.connected_at
    is_due = data.hub.transport.connected and connected_for >= _HOUR
    if not is_due or last_seen.age < 24 * _HOUR:
        return Finding()
    return Finding({"since": value_text(last_seen.at)})


def _competing_controller(subject: Subject) -> Finding | None:
    """Whether another controller keeps changing the limit that was set from Home Assistant."""
    charge_point = subject.charge_point
    found = None if charge_point is None else charge_point.snapshot.requested.competing_controller
    reported, device_id = subject.memory.competing_controllers, subject.device.id
    if found is None:
        reported.pop(device_id, None)
        return None
    if reported.get(device_id) == found:
        return Finding()
    reported[device_id] = found
    return Finding({"ours": f"{found.ours:g}", "theirs": f"{found.theirs:g}"})


def _token_unavailable(subject: Subject) -> Finding | None:
    """Whether it waits for the token of the options, which cannot be sent to it."""
    charge_point = subject.charge_point
    has_token = subject.watch.entry.runtime_data.hub.options.token is not None
    if charge_point is None or not has_token or charge_point.takes_token:
        return None
    if charge_point.takes_token is False:
        return Finding({})
    # Nothing has improved just because the car is gone.
    return Finding() if subject.is_shown else None


# Conditions of an entry ---------------------------------------------------------------------


def _offline(kind: HubKind, watch: EntryWatch) -> Findings:
    """Whether the hub does not answer: one that refuses the credentials does."""
    entry, detail = watch.entry, None
    if entry.data[CONF_HUB] == kind and watch.memory is not None:
        hub = entry.runtime_data.hub
        error = None if hub.transport.connected else hub.last_error
        # The request limit is an issue of its own.
        is_other = isinstance(error, AuthenticationError) or (error and error.code == _LIMIT)
        if error is not None and not is_other:
            detail = async_message(watch.hass, translated(watch.hass, error, entry.title))
    elif entry.data[CONF_HUB] == kind and (
        _failed_with(entry, "cannot_connect") or _failed_with(entry, "account_unreachable")
    ):
        detail = str((entry.error_reason_translation_placeholders or {}).get("detail"))
    return {} if detail is None else {entry.entry_id: Finding({"detail": detail})}


def _request_limit(watch: EntryWatch) -> Findings:
    """Whether the account has used up its requests of today."""
    hub = watch.entry.runtime_data.hub
    error = None if hub.transport.connected else hub.last_error
    if error is None or error.code != _LIMIT:
        return {}
    return {watch.entry.entry_id: Finding({"until": value_text(error.values["until"])})}


def _credentials_refused(watch: EntryWatch) -> Findings:
    """Whether the broker refuses the credentials of the MQTT integration."""
    refused = _failed_with(watch.entry, "mqtt_invalid_auth")
    return {watch.entry.entry_id: Finding({})} if refused else {}


def _failed_with(entry: FimpConfigEntry, key: str) -> bool:
    """Whether the set-up of an entry is retried after this error."""
    return entry.state is ConfigEntryState.SETUP_RETRY and entry.error_reason_translation_key == key


def _warned(kind: str, watch: EntryWatch) -> Findings:
    """Return the warnings of a kind that its hub gives."""
    return {
        f"{watch.entry.entry_id}_{warning.key}": Finding(warning.placeholders)
        for warning in watch.entry.runtime_data.hub.warnings.values()
        if warning.kind == kind
    }


def _set_aside(watch: EntryWatch) -> Findings:
    """Whether stored data could not be read, for example because a newer version wrote it."""
    paths = watch.entry.runtime_data.storage.set_aside
    return {watch.entry.entry_id: Finding({"paths": "\n".join(paths)})} if paths else {}


# Fixes --------------------------------------------------------------------------------------


async def _confirm(*_: object) -> None:
    """The user has fixed it somewhere else."""


async def _dismiss(_: HomeAssistant, entry: FimpConfigEntry, __: IssueData) -> None:
    """The user has read it."""
    if entry.state is ConfigEntryState.LOADED:
        entry.runtime_data.storage.dismiss()


async def _remove_device(hass: HomeAssistant, entry: FimpConfigEntry, data: IssueData) -> None:
    """Remove the device of a charge point that is gone for good."""
    registry, device_id = dr.async_get(hass), str(data[SUBJECT])
    device = registry.async_get(device_id)
    if device is None:
        return
    # Nothing may hold on to it; if it reports after all, it is found anew.
    await hass.config_entries.async_unload(entry.entry_id)
    registry.async_remove_device(device_id)
    await async_forget(hass, entry, node_address(entry, device_identifier(device) or ""))
    await hass.config_entries.async_setup(entry.entry_id)


async def _add_new(_: HomeAssistant, entry: FimpConfigEntry, __: IssueData) -> None:
    """Add all new charge points that wait."""
    if entry.state is ConfigEntryState.LOADED:
        entry.runtime_data.hub.admission.admit_all()


async def _reconfigure(
    hass: HomeAssistant, entry: FimpConfigEntry, _: IssueData
) -> tuple[FlowType, str]:
    """Go on to the settings of the connection."""
    flow = await hass.config_entries.flow.async_init(
        DOMAIN, context={"source": SOURCE_RECONFIGURE, "entry_id": entry.entry_id}
    )
    return FlowType.CONFIG_FLOW, flow["flow_id"]


# --------------------------------------------------------------------------------------------

_CONNECTION: Final = (ConnectionMade, ConnectionLost)


def _offline_issue(
    key: str, kind: HubKind, after: float, fix: Fix | None = None, url: str | None = None
) -> EntryIssue:
    return EntryIssue(
        key=key,
        condition=partial(_offline, kind),
        on=_CONNECTION,
        after=after,
        unloaded=True,
        severity=ir.IssueSeverity.ERROR,
        fix=fix,
        learn_more_url=url,
    )


def _warning(
    kind: str,
    after: float = 0.0,
    fix: Fix | None = None,
    severity: ir.IssueSeverity = ir.IssueSeverity.WARNING,
) -> EntryIssue:
    """Return the issue for the warnings of a kind that a hub gives."""
    return EntryIssue(
        key=kind,
        condition=partial(_warned, kind),
        on=(Warned, Withdrawn),
        after=after,
        fix=fix,
        severity=severity,
    )


_ALL: Final[tuple[IssueType, ...]] = (
    ChargePointIssue(
        key="silent",
        condition=_silent,
        fix=_remove_device,
    ),
    ChargePointIssue(key="competing_controller", condition=_competing_controller, fix=_confirm),
    # Its token provider module has to be found first.
    ChargePointIssue(key="token_unavailable", condition=_token_unavailable, after=2 * _MINUTE),
    _offline_issue("broker_offline", HubKind.BROKER, _SHORT, fix=_reconfigure),
    _offline_issue("mqtt_broker_offline", HubKind.HOME_ASSISTANT, _SHORT, url=_MQTT_URL),
    _offline_issue("account_offline", HubKind.BLUE_CURRENT, _LONG),
    EntryIssue(key="request_limit", condition=_request_limit, on=_CONNECTION),
    EntryIssue(
        key="mqtt_credentials_refused",
        condition=_credentials_refused,
        unloaded=True,
        severity=ir.IssueSeverity.ERROR,
        learn_more_url=_MQTT_URL,
    ),
    EntryIssue(key="duplicate_entry", condition=find_duplicates),
    EntryIssue(key="moved", condition=find_readded, after=_MINUTE, fix=async_move),
    _warning("signed_out", severity=ir.IssueSeverity.ERROR),
    _warning("cloud_lost", after=_LONG),
    _warning("modules_unassigned"),
    _warning("limits_module_elsewhere"),
    _warning("new_charge_points", fix=_add_new),
    EntryIssue(key="stored_data_unreadable", condition=_set_aside, fix=_dismiss),
    # When a connection is made, all charge points report at once, for a moment.
    _warning("overload", after=_MINUTE),
)
ISSUES: Final[Mapping[str, IssueType]] = {each.key: each for each in _ALL}
