"""What a maintainer needs to find a fault, without personal data.

`scripts/replay` reads the messages of a download as they are.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from enum import Enum
from importlib.metadata import version
import json
from typing import Final
import zlib

from homeassistant.components.diagnostics import async_redact_data
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import CONF_API_TOKEN, CONF_HOST, CONF_PASSWORD, CONF_USERNAME
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.device_registry import DeviceEntry
from homeassistant.util import dt as dt_util

from .chargepoint import Line, Mark
from .chargepoint.model import Identity
from .const import (
    CONF_CA_CERTIFICATE,
    CONF_CLIENT_CERTIFICATE,
    CONF_CLIENT_KEY,
    CONF_CUSTOMER_ID,
    CONF_PRICE_ENTITY,
    CONF_TOKEN,
    MQTT_DOMAIN,
)
from .coordinator import AnyCoordinator, FimpConfigEntry
from .devices import async_entities, async_find_device, hub_id
from .redaction import REDACTED, Redactor, blanked

#: Of the entry; what of it occurs elsewhere is redacted there as well.
_SECRETS: Final = (
    CONF_HOST,
    CONF_USERNAME,
    CONF_PASSWORD,
    CONF_CA_CERTIFICATE,
    CONF_CLIENT_CERTIFICATE,
    CONF_CLIENT_KEY,
    CONF_TOKEN,
    CONF_API_TOKEN,
    CONF_CUSTOMER_ID,
    # Some are called as the street is.
    CONF_PRICE_ENTITY,
)
#: Of Home Assistant's own MQTT integration, whose broker may be named in an error.
_MQTT_SECRETS: Final = ("broker", CONF_USERNAME, CONF_PASSWORD, "client_id")
_LIBRARIES: Final = ("aiomqtt", "paho-mqtt")
#: What a message is marked with if it applies.
_MARKS: Final = (Mark.SENT, Mark.RETAINED)
#: Larger than any real message; a compressed one could have any size.
_UNPACKED_MAX: Final = 1024 * 1024


async def async_get_config_entry_diagnostics(
    hass: HomeAssistant, entry: FimpConfigEntry
) -> dict[str, object]:
    """Return all that is known of a hub and its charge points."""
    return await _async_diagnostics(hass, entry)


async def async_get_device_diagnostics(
    hass: HomeAssistant, entry: FimpConfigEntry, device: DeviceEntry
) -> dict[str, object]:
    """Return all that is known of one charge point, and of its hub."""
    identifiers = {identifier for _, identifier in device.identifiers}
    return await _async_diagnostics(
        hass, entry, None if hub_id(entry) in identifiers else identifiers
    )


@dataclass(frozen=True)
class _Message:
    """A line of the journal.

    `read` is whether its content is used, `kept` whether it was kept longer than the others.
    """

    line: Line
    read: bool
    kept: bool


async def _async_diagnostics(
    hass: HomeAssistant, entry: FimpConfigEntry, wanted: set[str] | None = None
) -> dict[str, object]:
    """Return the data of the nodes with a `wanted` identifier (None: of all nodes)."""
    redactor = Redactor()
    _learn(hass, entry, redactor)
    about = {"title": entry.title, "state": entry.state.value, "reason": entry.reason}
    settings = {
        "data": async_redact_data(entry.data, _SECRETS),
        "options": async_redact_data(entry.options, _SECRETS),
    }
    known: dict[str, object] = {}
    messages: list[_Message] = []
    moment: Callable[[float], datetime] = dt_util.utc_from_timestamp
    if entry.state is ConfigEntryState.LOADED:
        data = entry.runtime_data
        known["hub"] = _hub(entry)
        known["error_history"] = await data.hub.error_history()
        known["nodes"] = {
            address: data.hub.internal_errors.ask(_node, hass, coordinator, redactor)
            for address, coordinator in data.coordinators.items()
            if wanted is None or coordinator.identifier in wanted
        }
        hub = data.hub
        moment = hub.clock.to_datetime
        messages = [_Message(each, hub.reads(each), kept=True) for each in hub.journal.older]
        messages += [_Message(each, hub.reads(each), kept=False) for each in hub.journal.recent]

    def redacted() -> dict[str, object]:
        """Redact everything, which takes time: for the executor."""
        start = min((each.line.at for each in messages), default=0.0)
        everything = {
            "versions": {each: version(each) for each in _LIBRARIES},
            "entry": redactor.fields(about) | settings,
            **redactor.fields(known),
            "messages_since": moment(start).isoformat(),
            "messages": [_message(each, start, redactor) for each in messages],
        }
        return redactor.text(everything)

    return await hass.async_add_executor_job(redacted)


@callback
def _learn(hass: HomeAssistant, entry: FimpConfigEntry, redactor: Redactor) -> None:
    """Give the redactor the secrets that may occur anywhere, as in an error."""
    settings: list[tuple[Mapping[str, object], tuple[str, ...]]]
    settings = [(entry.data, _SECRETS), (entry.options, _SECRETS)]
    settings += [
        (each.data, _MQTT_SECRETS) for each in hass.config_entries.async_entries(MQTT_DOMAIN)
    ]
    for values, names in settings:
        for name in names:
            if isinstance(value := values.get(name), str) and value:
                redactor.secret(value)


def _hub(entry: FimpConfigEntry) -> dict[str, object]:
    hub = entry.runtime_data.hub
    return {
        "connected": hub.transport.connected,
        "connections": hub.connections,
        "last_error": None if hub.last_error is None else repr(hub.last_error),
        "protocols": [f"{prefix}{protocol}" for protocol, prefix in hub.protocols],
        "received": hub.received,
        "requests_today": hub.requests_today and dict(hub.requests_today),
        "ignored": dict(hub.ignored),
        "waiting": len(hub.admission.waiting),
        "internal_errors": dict(hub.internal_errors.counts),
        "warnings": [repr(each) for each in hub.warnings.values()],
    }


def _node(
    hass: HomeAssistant, coordinator: AnyCoordinator, redactor: Redactor
) -> dict[str, object]:
    """Return a node as plain data, with what of it is shown."""
    node = coordinator.node
    identity: Identity = node.snapshot.identity
    if _is_made_up(identity, node.address):
        redactor.harmless(identity.name)
    return {
        "type": type(node).__name__,
        "next_deadline": node.next_deadline,
        "snapshot": plain(node.snapshot),
        "shown": _shown(hass, coordinator),
    }


def _is_made_up(identity: Identity, address: str) -> bool:
    """Whether the name consists of the model and the address."""
    known = f"{identity.manufacturer} {identity.model} {address}".lower()
    return all(word in known for word in identity.name.lower().split())


@callback
def _shown(hass: HomeAssistant, coordinator: AnyCoordinator) -> dict[str, dict[str, str | None]]:
    """Return the states of the entities by platform and key, None if one is disabled."""
    entry_id, identifier = coordinator.config_entry.entry_id, coordinator.identifier
    device = async_find_device(hass, entry_id, identifier)
    shown: dict[str, dict[str, str | None]] = {}
    for each in () if device is None else async_entities(hass, device):
        state = hass.states.get(each.entity_id)
        key = each.unique_id.removeprefix(f"{identifier}_")
        shown.setdefault(each.domain, {})[key] = None if state is None else state.state
    return shown


def plain(value: object) -> object:
    """Return a snapshot as plain data for JSON."""
    if is_dataclass(value):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    match value:
        case Enum():
            value = value.value
        case datetime():
            value = value.isoformat()
        case Mapping():
            value = {str(plain(key)): plain(each) for key, each in value.items()}
        case set() | frozenset():
            value = sorted(map(str, value))
        case list() | tuple():
            value = [plain(each) for each in value]
    return value


def _message(message: _Message, start: float, redactor: Redactor) -> dict[str, object]:
    """Return a message as `scripts/replay` reads it; `start` is its second zero."""
    line = message.line
    blank = line.mark not in (Mark.SENT, Mark.NOTE) and not message.read
    marks = {"kept": message.kept, "blank": blank, line.mark.value: line.mark in _MARKS}
    about = {"t": round(line.at - start, 3)} | {mark: True for mark in marks if marks[mark]}
    if line.mark is Mark.NOTE:
        return about | {"note": line.topic}
    text = _text(line.payload)
    if text is None:
        return about | {"note": f"{len(line.payload)} bytes of no text on {line.topic}"}
    payload = _payload(line.topic, text, redactor, blank=blank)
    return about | {"topic": line.topic, "payload": payload}


def _payload(topic: str, text: str, redactor: Redactor, *, blank: bool) -> object:
    """Return JSON data, or a text that is the payload as it was, both redacted."""
    levels = topic.split("/")
    try:
        value = json.loads(text)
    except ValueError:
        return REDACTED if blank and text else redactor.broken(str(redactor.bare(text, *levels)))
    value = blanked(value) if blank else redactor.bare(value, *levels)
    # A text would be read as the payload itself.
    return json.dumps(value) if isinstance(value, str) else value


def _text(payload: bytes) -> str | None:
    """Return the text of a payload, compressed or not, None if there is none."""
    try:
        if payload.startswith(b"\x1f\x8b"):
            unpacked = zlib.decompressobj(16 + zlib.MAX_WBITS)
            payload = unpacked.decompress(payload, _UNPACKED_MAX)
        return payload.decode()
    except UnicodeDecodeError, zlib.error:
        return None
