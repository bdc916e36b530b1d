"""Deleting an entry does not take long, in every state of its broker."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
import time
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fimp_chargepoint import requests
from custom_components.fimp_chargepoint.const import DOMAIN
from custom_components.fimp_chargepoint.devices import node_identifier
from simulators.everest import EverestSimulator, EvseSetup
from simulators.mqtt import Broker
from tests.broker import BrokerProcess

from .conftest import QUICK, Chargepoint, load, other_broker, until

#: Seconds that a user is to wait at most.
MOST = 5.0
STAYS = "The limit of everest:carport stays until it is restarted"


@asynccontextmanager
async def limited(
    hass: HomeAssistant, broker: BrokerProcess
) -> AsyncGenerator[tuple[MockConfigEntry, Any]]:
    """An entry that is not loaded, with an EVSE that Home Assistant has limited to 8 of 16 A."""
    setup = EvseSetup(module="carport", limits="limits_api")
    async with EverestSimulator(Broker(broker.host, broker.port), setup, timing=QUICK) as point:
        entry = await load(hass, other_broker(broker))
        found = Chargepoint(hass, point, entry)
        await found.wait_for_state("number", "max_current", "16")
        await found.call("number", "set_value", "max_current", value=8)
        await hass.config_entries.async_unload(entry.entry_id)
        (evse,) = point.points.values()
        assert evse.energy.current == 8
        yield entry, evse


async def seconds_to_remove(hass: HomeAssistant, entry: MockConfigEntry) -> float:
    begun = time.monotonic()
    await hass.config_entries.async_remove(entry.entry_id)
    return time.monotonic() - begun


@asynccontextmanager
async def mute(broker: BrokerProcess) -> AsyncGenerator[None]:
    """Listen in the place of a broker, and never answer."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(connected, broker.host, broker.port)
    try:
        yield
    finally:
        server.close()
        await server.wait_closed()


async def test_broker_that_never_answers(
    hass: HomeAssistant, broker: BrokerProcess, caplog: pytest.LogCaptureFixture
) -> None:
    async with limited(hass, broker) as (entry, _):
        pass
    await hass.async_add_executor_job(broker.stop)
    async with mute(broker):
        assert await seconds_to_remove(hass, entry) < MOST
        assert hass.config_entries.async_get_entry(entry.entry_id) is None
        # The result for the limit is logged anyway.
        await until(lambda: STAYS in caplog.text)


async def test_broker_that_is_down(
    hass: HomeAssistant, broker: BrokerProcess, caplog: pytest.LogCaptureFixture
) -> None:
    async with limited(hass, broker) as (entry, _):
        pass
    await hass.async_add_executor_job(broker.stop)
    assert await seconds_to_remove(hass, entry) < MOST
    assert STAYS in caplog.text


async def test_charge_point_that_is_not_there(
    hass: HomeAssistant,
    broker: BrokerProcess,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(requests, "_FINDING_TIME", MOST + 2)
    async with limited(hass, broker) as (entry, _):
        pass
    assert await seconds_to_remove(hass, entry) < MOST
    assert hass.config_entries.async_get_entry(entry.entry_id) is None
    assert STAYS not in caplog.text
    await until(lambda: STAYS in caplog.text)


async def test_one_that_is_missing_costs_no_other(
    hass: HomeAssistant,
    broker: BrokerProcess,
    hass_storage: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Available ones get the message at once, and the user does not wait for the others."""
    monkeypatch.setattr(requests, "_FINDING_TIME", MOST + 2)
    async with limited(hass, broker) as (entry, evse):
        records = hass_storage[f"{DOMAIN}.{entry.entry_id}.state"]["data"]["charge_points"]
        (known,) = records.values()
        # It would be the first to be looked for.
        records.clear()
        records.update({"everest:away": known, "everest:carport": known})
        dr.async_get(hass).async_get_or_create(
            config_entry_id=entry.entry_id,
            identifiers={(DOMAIN, node_identifier(entry, "everest:away"))},
        )
        assert await seconds_to_remove(hass, entry) < MOST
        await until(lambda: evse.energy.current == 16)
        await until(lambda: "The limit of everest:away stays until" in caplog.text)
    assert STAYS not in caplog.text
