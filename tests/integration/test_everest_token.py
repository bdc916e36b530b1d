"""Charging with a token from the options, at a station that waits for one."""

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest

from simulators.everest import CompanionSetup, EverestSimulator, EvseSetup, SiteSetup
from simulators.mqtt import Broker
from tests.broker import BrokerProcess

from .conftest import QUICK, Chargepoint, load, other_broker


@pytest.mark.parametrize("dialect", ["main", "2026.02"])
async def test_token_starts_charging(
    hass: HomeAssistant, broker: BrokerProcess, dialect: str
) -> None:
    station = EverestSimulator(
        Broker(broker.host, broker.port),
        EvseSetup(module="carport", authorize=False),
        dialect=dialect,
        companions=CompanionSetup(tokens="reader", authorizer="auth"),
        site=SiteSetup(strict=True),
        timing=QUICK,
    )
    entry = other_broker(broker)
    entry.add_to_hass(hass)
    hass.config_entries.async_update_entry(
        entry, options=entry.options | {"token": "CAFE", "token_type": "iso14443"}
    )
    async with station:
        await load(hass, entry)
        found = Chargepoint(hass, station, entry)
        await station.plug()
        await found.wait_for_raw_status("AuthRequired")
        await found.call("switch", "turn_on", "charging")
        assert found.state("sensor", "status") == "charging"
        # A pause needs no token, and showing it again would end the session.
        await found.call("switch", "turn_off", "charging")
        await found.call("switch", "turn_on", "charging")
        assert found.state("sensor", "status") == "charging"
        shown = [topic for topic, _ in station.received if topic.endswith("provided_token")]
        assert len(shown) == 1
        await hass.config_entries.async_unload(entry.entry_id)


async def test_without_a_token_the_station_says_no(
    hass: HomeAssistant, broker: BrokerProcess
) -> None:
    station = EverestSimulator(
        Broker(broker.host, broker.port),
        EvseSetup(module="carport", authorize=False),
        companions=CompanionSetup(tokens="reader"),
        timing=QUICK,
    )
    async with station:
        entry = await load(hass, other_broker(broker))
        found = Chargepoint(hass, station, entry)
        await station.plug()
        await found.wait_for_raw_status("AuthRequired")
        with pytest.raises(HomeAssistantError, match="waiting for authorization"):
            await found.call("switch", "turn_on", "charging")
        await hass.config_entries.async_unload(entry.entry_id)
