"""The names of devices: those of the user, else in the language of the user."""

import json

from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fimp_chargepoint.chargepoint.model import Identity, NodeKind
from custom_components.fimp_chargepoint.const import DOMAIN
from custom_components.fimp_chargepoint.devices import async_display_name
from simulators.everest import CompanionSetup, EverestSimulator, EvseSetup
from simulators.fimp import ChargepointSetup
from simulators.mqtt import Broker
from tests.broker import BrokerProcess
from tests.metadata.project import translations

from .conftest import QUICK, load, mqtt_entry, other_broker, simulator, until


def names(hass: HomeAssistant, entry: MockConfigEntry) -> set[str | None]:
    """Return the names of the devices of an entry."""
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    return {each.name for each in devices}


STATE = json.dumps(
    {
        "type": "evt.state.report",
        "serv": "chargepoint",
        "val_t": "string",
        "val": "disconnected",
    }
)
#: By language: the broker, a charge point without a name, a station, its OCPP client.
EXPECTED = {
    "en": ("MQTT broker Charging", "Charge point easee 1", "Charging station", "OCPP client"),
    "de": ("MQTT-Broker Charging", "Ladepunkt easee 1", "Ladestation", "OCPP-Client"),
    # A language without translations.
    "fi": ("MQTT broker Charging", "Charge point easee 1", "Charging station", "OCPP client"),
}


@pytest.mark.parametrize("language", EXPECTED)
async def test_names_that_nobody_gave(
    hass: HomeAssistant, broker: BrokerProcess, language: str
) -> None:
    hass.config.language = language
    hub, stranger, station, client = EXPECTED[language]
    entry = await load(hass, other_broker(broker))
    assert names(hass, entry) == {hub}
    async with EverestSimulator(
        Broker(broker.host, broker.port),
        EvseSetup(module="carport", evse_id="DE*PNX*E12345*1"),
        EvseSetup(name="yard", module="yard", evse_id="DE*PNX*E12345*2"),
        companions=CompanionSetup(ocpp="ocpp_api", errors="errors_api"),
        timing=QUICK,
    ) as everest:
        # Its adapter answers no question.
        everest.send("pt:j1/mt:evt/rt:dev/rn:easee/ad:1/sv:chargepoint/ad:1", STATE)
        evses = {"EVerest DE*PNX*E12345*1", "EVerest DE*PNX*E12345*2"}
        expected = {hub, station, f"{client} ocpp_api"} | evses
        await until(lambda: names(hass, entry) == expected | {stranger})
    await hass.config_entries.async_unload(entry.entry_id)


async def test_names_after_a_change_of_the_language(
    hass: HomeAssistant, broker: BrokerProcess
) -> None:
    """Also if Home Assistant has not loaded the texts yet: never the key of one."""
    entry = await load(hass, other_broker(broker))
    hass.config.language = "de"
    await hass.config_entries.async_reload(entry.entry_id)
    assert names(hass, entry) == {EXPECTED["de"][0]}
    await hass.config_entries.async_unload(entry.entry_id)


async def test_a_name_that_somebody_gave(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """It is the same in every language, whatever was shown before it was known."""
    hass.config.language = "de"
    entry = await load(hass, other_broker(broker))
    async with simulator(broker):
        await until(lambda: names(hass, entry) == {"MQTT-Broker Charging", "Acme Wallbox"})
    await hass.config_entries.async_unload(entry.entry_id)


async def test_two_of_one_product(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """Each has its serial number or its address in its name, also after a restart."""
    setups = [
        ChargepointSetup(name=address, address=address, serial=serial)
        for address, serial in (("1", "S1"), ("2", "S2"), ("3", ""))
    ]
    expected = {
        "MQTT broker Charging",
        "Acme Wallbox (S1)",
        "Acme Wallbox (S2)",
        "Acme Wallbox (easee/1/3)",
    }
    async with simulator(broker, *setups):
        entry = await load(hass, other_broker(broker))
        await until(lambda: names(hass, entry) == expected)
        await hass.async_block_till_done()
        await hass.config_entries.async_reload(entry.entry_id)
        await until(lambda: len(entry.runtime_data.coordinators) == 3)
        await hass.async_block_till_done()
        assert names(hass, entry) == expected
    await hass.config_entries.async_unload(entry.entry_id)


@pytest.mark.parametrize("language", EXPECTED)
async def test_names_in_a_flow(hass: HomeAssistant, language: str) -> None:
    hass.config.language = language
    identity = Identity.of_unknown("easee 1")
    assert await async_display_name(hass, identity) == EXPECTED[language][1]
    assert await async_display_name(hass, identity.named("My car")) == "My car"


async def test_the_broker_of_home_assistant(hass: HomeAssistant, broker: BrokerProcess) -> None:
    mqtt_entry(hass, broker)
    entry = MockConfigEntry(
        domain=DOMAIN,
        title="Home Assistant MQTT",
        unique_id="ha_mqtt",
        data={"hub": "home_assistant", "prefixes": [""]},
    )
    await load(hass, entry)
    assert names(hass, entry) == {"Home Assistant's MQTT broker"}
    await hass.config_entries.async_unload(entry.entry_id)


def test_every_kind_has_its_texts() -> None:
    """The parent device of a charge point is always known."""
    kinds = {str(each) for each in NodeKind}
    named = {f"{each}_named" for each in kinds}
    hubs = {"home_assistant_mqtt", "mqtt_broker", "blue_current_account"}
    assert set(translations()["device"]) == (kinds | named | hubs) - {"charge_point"}
