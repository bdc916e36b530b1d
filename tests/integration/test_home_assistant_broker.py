"""Home Assistant's own broker: nothing of its settings is copied, all of them count."""

from datetime import timedelta

from homeassistant.config_entries import ConfigEntryDisabler, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import (
    issue_registry as ir,
)
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)

from custom_components.fimp_chargepoint.chargepoint.transport.mqtt import MqttSettings
from custom_components.fimp_chargepoint.const import DOMAIN
from custom_components.fimp_chargepoint.hubs import settings_source
from tests.broker import PASSWORD, USERNAME, BrokerProcess, Certificates
from tests.conftest import MakeBroker

from .conftest import load, mqtt_entry, until

CREDENTIALS = {"username": USERNAME, "password": PASSWORD}


def home_assistants() -> MockConfigEntry:
    """Return an entry for Home Assistant's own broker."""
    return MockConfigEntry(
        domain=DOMAIN,
        title="Charging",
        unique_id="ha_mqtt",
        data={"hub": "home_assistant", "prefixes": [""]},
    )


def issue(hass: HomeAssistant, entry: MockConfigEntry) -> ir.IssueEntry | None:
    """Return the issue about refused credentials."""
    issue_id = f"mqtt_credentials_refused_{entry.entry_id}"
    return ir.async_get(hass).async_get_issue(DOMAIN, issue_id)


async def test_settings_are_read_at_every_attempt(
    hass: HomeAssistant, make_broker: MakeBroker
) -> None:
    """A change in the MQTT integration is seen by a link that is looking for its broker."""
    first, second = make_broker(), make_broker(credentials=True)
    owner = mqtt_entry(hass, first)
    entry = await load(hass, home_assistants())
    assert entry.state is ConfigEntryState.LOADED
    hub = entry.runtime_data.hub

    hass.config_entries.async_update_entry(
        owner, data={"broker": second.host, "port": second.port, **CREDENTIALS}
    )
    await hass.async_add_executor_job(first.stop)
    await until(lambda: not hub.transport.connected)
    await until(lambda: hub.transport.connected)
    assert entry.runtime_data.hub is hub


@pytest.mark.parametrize("case", ["missing", "disabled"])
async def test_without_the_mqtt_integration(
    hass: HomeAssistant, broker: BrokerProcess, case: str
) -> None:
    if case == "disabled":
        owner = mqtt_entry(hass, broker)
        await hass.config_entries.async_set_disabled_by(owner.entry_id, ConfigEntryDisabler.USER)
    entry = await load(hass, home_assistants())
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert entry.error_reason_translation_key == "cannot_connect"
    await hass.config_entries.async_unload(entry.entry_id)


@pytest.mark.parametrize(
    ("certificate", "insecure", "trusted"),
    [("own", False, True), ("own", True, True), ("auto", False, False)],
)
async def test_tls_of_the_mqtt_integration(
    hass: HomeAssistant,
    make_broker: MakeBroker,
    certificates: Certificates,
    certificate: str,
    insecure: bool,  # noqa: FBT001
    trusted: bool,  # noqa: FBT001
) -> None:
    """The broker's host name, 127.0.0.1, is in its certificate; its CA is not public."""
    broker = make_broker(certificates=certificates)
    authority = certificates.authority if certificate == "own" else certificate
    mqtt_entry(hass, broker, certificate=authority, tls_insecure=insecure)
    entry = await load(hass, home_assistants())
    expected = ConfigEntryState.LOADED if trusted else ConfigEntryState.SETUP_RETRY
    assert entry.state is expected
    await hass.config_entries.async_unload(entry.entry_id)


async def test_all_settings_of_the_mqtt_integration(hass: HomeAssistant) -> None:
    """Websockets too; no such broker is available for this test."""
    MockConfigEntry(
        domain="mqtt",
        data={
            "broker": "mqtt.example",
            "port": 443,
            "transport": "websockets",
            "ws_path": "/mqtt",
            "ws_headers": {"X-Token": "secret"},
            **CREDENTIALS,
        },
    ).add_to_hass(hass)
    assert await settings_source(hass, home_assistants().data)() == MqttSettings(
        host="mqtt.example",
        port=443,
        username=USERNAME,
        password=PASSWORD,
        transport="websockets",
        websocket_path="/mqtt",
        websocket_headers={"X-Token": "secret"},
    )


async def test_refused_by_home_assistants_broker(
    hass: HomeAssistant, make_broker: MakeBroker
) -> None:
    """An issue points to the MQTT integration, and goes when it is solved."""
    owner = mqtt_entry(hass, make_broker(credentials=True))
    entry = await load(hass, home_assistants())
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert entry.error_reason_translation_key == "mqtt_invalid_auth"
    assert issue(hass, entry).translation_placeholders["title"] == "Charging"
    assert not hass.config_entries.flow.async_progress()

    hass.config_entries.async_update_entry(owner, data=owner.data | CREDENTIALS)
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=1))
    await until(lambda: entry.state is ConfigEntryState.LOADED)
    assert issue(hass, entry) is None


async def test_issue_goes_with_its_entry(hass: HomeAssistant, make_broker: MakeBroker) -> None:
    mqtt_entry(hass, make_broker(credentials=True))
    entry = await load(hass, home_assistants())
    assert issue(hass, entry)
    await hass.config_entries.async_remove(entry.entry_id)
    assert issue(hass, entry) is None


async def test_refused_later_by_home_assistants_broker(
    hass: HomeAssistant, make_broker: MakeBroker
) -> None:
    broker = make_broker(credentials=True)
    mqtt_entry(hass, broker, **CREDENTIALS)
    entry = await load(hass, home_assistants())
    assert entry.state is ConfigEntryState.LOADED
    await hass.async_add_executor_job(broker.stop)
    broker.start(password="another")
    await until(lambda: entry.state is ConfigEntryState.SETUP_RETRY)
    assert issue(hass, entry)
    await hass.config_entries.async_unload(entry.entry_id)
