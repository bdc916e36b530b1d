"""Home Assistant, a real broker and simulated charge points, all at a quick pace."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
import json
import re
from typing import Any

from homeassistant.const import CONF_HOST, CONF_PORT
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.entity import Entity
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fimp_chargepoint.chargepoint.commands import command
from custom_components.fimp_chargepoint.chargepoint.transport import mqtt
from custom_components.fimp_chargepoint.const import DOMAIN
from custom_components.fimp_chargepoint.flow import discovery_scan
from simulators.fimp import ChargepointSetup, FimpSimulator
from simulators.mqtt import Broker
from simulators.simulator import Timing
from tests.broker import BrokerProcess
from tests.conftest import MakeBroker
from tests.helpers.waiting import until

from .house import House

#: Everything the simulators do happens at once, and changes are seen at once.
QUICK = Timing(pace=0.0, poll=0.1, heartbeat=0.1, meter=0.1)
#: The same, but only what is requested or changed by a command is reported.
QUIET = replace(QUICK, poll=3600.0)


@pytest.fixture(name="hass")
def hass_fixture(make_broker: MakeBroker, hass: HomeAssistant) -> HomeAssistant:
    """Begin after the brokers and end before them."""
    return hass


@pytest.fixture(autouse=True)
def _enable(enable_custom_integrations: None) -> None:
    """Let Home Assistant find the integration."""


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the waits that are meant for people and for slow networks."""
    monkeypatch.setattr(discovery_scan, "SEARCH_SECONDS", 0.1)
    monkeypatch.setattr(discovery_scan, "ECHO_SECONDS", 1.0)
    # How long a refusal may take if no reply means success.
    monkeypatch.setattr(command, "_REFUSAL", 1 / 20)
    # The simulators reconnect before the hub, since they report nothing when they do.
    monkeypatch.setattr(mqtt, "_BACKOFF_MIN", 0.3)
    monkeypatch.setattr(mqtt, "_BACKOFF_MAX", 0.3)
    monkeypatch.setattr(mqtt, "_REFUSALS_TIME", 1.0)
    monkeypatch.setattr("simulators.mqtt._RETRY_SECONDS", 0.01)
    # They share the event loop, so use the client that has the fixes.
    monkeypatch.setattr("simulators.mqtt.aiomqtt.Client", mqtt._Client)


def simulator(broker: BrokerProcess, *setups: ChargepointSetup, **keywords: Any) -> FimpSimulator:
    """Return simulated FIMP charge points on `broker`; to be used as `async with`."""
    keywords.setdefault("timing", QUICK)
    return FimpSimulator(Broker(broker.host, broker.port), *setups, **keywords)


def other_broker(
    broker: BrokerProcess, *, options: dict[str, Any] | None = None, **data: Any
) -> MockConfigEntry:
    """Return an entry for a broker that is not Home Assistant's."""
    return MockConfigEntry(
        domain=DOMAIN,
        title="Charging",
        unique_id=f"{broker.host}_{broker.port}",
        data={
            "hub": "broker",
            CONF_HOST: broker.host,
            CONF_PORT: broker.port,
            "tls": "off",
            "prefixes": [""],
            **data,
        },
        # Most tests should not wait for measurements, or before a command is sent.
        options={"measurement_interval": 0, "restart_delay": 0, "write_interval": 0}
        | (options or {}),
    )


def mqtt_entry(hass: HomeAssistant, broker: BrokerProcess, **data: Any) -> MockConfigEntry:
    """Add an entry of Home Assistant's own MQTT integration; it is not set up."""
    entry = MockConfigEntry(
        domain="mqtt", data={"broker": broker.host, CONF_PORT: broker.port, **data}
    )
    entry.add_to_hass(hass)
    return entry


async def load(hass: HomeAssistant, entry: MockConfigEntry) -> MockConfigEntry:
    """Set `entry` up; it may fail."""
    if hass.config_entries.async_get_entry(entry.entry_id) is None:
        entry.add_to_hass(hass)
    await hass.config_entries.async_setup(entry.entry_id)
    return entry


def find(hass: HomeAssistant, platform: str, key: str) -> str | None:
    """Return the id of the only entity with `key`, None if there is none."""
    devices = dr.async_get(hass)
    found = [
        each.entity_id
        for each in er.async_get(hass).entities.values()
        if each.domain == platform
        and each.platform == DOMAIN
        and any(
            each.unique_id == f"{identifier}_{key}"
            for _, identifier in devices.async_get(each.device_id).identifiers
        )
    ]
    assert len(found) <= 1
    return found[0] if found else None


#: What has no value before the first car, or without an end of charging.
_NEEDS_A_CAR = re.compile("session|cable_rating|energy_target|charging_ends")


class Chargepoint:
    """A simulated charge point, and its entities in Home Assistant."""

    def __init__(self, hass: HomeAssistant, point: FimpSimulator, entry: MockConfigEntry) -> None:
        """Bring them together."""
        self.hass = hass
        self.point = point
        self.entry = entry

    def id(self, platform: str, key: str) -> str:
        """Return the id of an entity, which must exist."""
        found = find(self.hass, platform, key)
        assert found is not None, f"no {platform} {key}"
        return found

    def state(self, platform: str, key: str) -> str | None:
        """Return the state of an entity, None if there is no entity."""
        entity_id = find(self.hass, platform, key)
        state = None if entity_id is None else self.hass.states.get(entity_id)
        return None if state is None else state.state

    def attribute(self, platform: str, key: str, name: str) -> Any:
        """Return an attribute of an entity."""
        state = self.hass.states.get(self.id(platform, key))
        return None if state is None else state.attributes.get(name)

    def registered(self, platform: str, key: str) -> er.RegistryEntry:
        """Return what the registry knows of an entity, which may be disabled."""
        entry = er.async_get(self.hass).async_get(self.id(platform, key))
        assert entry is not None
        return entry

    @property
    def node(self) -> Any:
        """The only charge point, as the library knows it."""
        (node,) = self.entry.runtime_data.hub.nodes.values()
        return node

    def sent(self, kind: str) -> list[dict[str, Any]]:
        """Return the commands of a kind that the charge point received, oldest first."""
        return [
            message
            for _, text in self.point.received
            if (message := json.loads(text))["type"] == kind
        ]

    async def wait_for_state(self, platform: str, key: str, expected: str | None) -> None:
        """Wait until an entity has a state."""
        what = f"{platform} {key} to be {expected}"
        await until(lambda: self.state(platform, key) == expected, what)

    async def wait_for_raw_status(self, word: str) -> None:
        """Wait until its own name of its state is `word`; that sensor is off."""
        nodes = self.entry.runtime_data.hub.nodes.values()
        await until(
            lambda: any(getattr(each.snapshot, "raw_status", None) == word for each in nodes),
            f"the raw status to be {word}",
        )

    async def comes(self) -> None:
        """Wait until it was found; adapters that answer no request have to report again."""
        points = self.point.points.values()
        await until(
            lambda: (
                self.state("sensor", "status") == "disconnected"
                or any(each.forget() for each in points)
            ),
            "the charge point to be found",
        )

    async def settles(self) -> None:
        """Wait until all entities have a value, except those that need a session."""
        await self.hass.async_block_till_done()
        states = self.hass.states

        def waiting() -> list[str]:
            return [
                state.entity_id
                for state in states.async_all(("sensor", "switch", "lock"))
                if state.state == "unknown" and not _NEEDS_A_CAR.search(state.entity_id)
            ]

        await until(lambda: not waiting(), "all entities to have a value")

    async def call(self, platform: str, action: str, key: str, **data: Any) -> None:
        """Call an action on an entity, and wait for its end."""
        await self.hass.services.async_call(
            platform, action, {"entity_id": self.id(platform, key), **data}, blocking=True
        )


@pytest.fixture(name="everything_enabled")
def everything_enabled_fixture(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also enable the entities that are disabled by default."""
    monkeypatch.setattr(Entity, "entity_registry_enabled_default", True)


@asynccontextmanager
async def running(
    hass: HomeAssistant,
    broker: BrokerProcess,
    *setups: ChargepointSetup,
    options: dict[str, Any] | None = None,
    **keywords: Any,
) -> AsyncGenerator[Chargepoint]:
    """Simulate one charge point and let Home Assistant find it, without a car."""
    async with simulator(broker, *setups, **keywords) as point:
        entry = await load(hass, other_broker(broker, options=options))
        found = Chargepoint(hass, point, entry)
        await found.comes()
        await hass.async_block_till_done()
        yield found
        await hass.config_entries.async_unload(entry.entry_id)


@pytest.fixture(name="setups")
def setups_fixture() -> tuple[ChargepointSetup, ...]:
    """The charge points of `chargepoint`; a test module may override it."""
    return (ChargepointSetup(profile="full"),)


@pytest.fixture(name="chargepoint")
async def chargepoint_fixture(
    hass: HomeAssistant, broker: BrokerProcess, setups: tuple[ChargepointSetup, ...]
) -> AsyncGenerator[Chargepoint]:
    """A charge point that Home Assistant has found, without a car."""
    async with simulator(broker, *setups) as point:
        entry = await load(hass, other_broker(broker))
        found = Chargepoint(hass, point, entry)
        await found.wait_for_state("sensor", "status", "disconnected")
        await found.settles()
        yield found
        await hass.config_entries.async_unload(entry.entry_id)


@pytest.fixture(name="house")
async def house_fixture(hass: HomeAssistant) -> House:
    """A house whose time can be moved."""
    return House(hass)
