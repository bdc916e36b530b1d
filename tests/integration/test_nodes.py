"""Nodes other than charge points: a device of their own, below the one they belong to."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
import sys
from types import FrameType
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)

from custom_components.fimp_chargepoint import coordinator
from custom_components.fimp_chargepoint.chargepoint.model import Identity, NodeSnapshot
from custom_components.fimp_chargepoint.chargepoint.node import Node
from custom_components.fimp_chargepoint.repair_issues.watcher import EntryWatch
from tests.broker import BrokerProcess

from .conftest import load, other_broker


class Thing(Node[NodeSnapshot]):
    """A node of a kind without entities."""

    def belongs_to(self, parent: str | None) -> None:
        """Turn out to be a part of another node."""
        self._update(self.host.clock.now(), parent=parent)


@pytest.fixture(name="entry")
async def entry_fixture(hass: HomeAssistant, broker: BrokerProcess) -> MockConfigEntry:
    return await load(hass, other_broker(broker))


def add(entry: MockConfigEntry, address: str, parent: str | None = None, **who: Any) -> Thing:
    """Let something be found."""
    hub = entry.runtime_data.hub
    thing = Thing(address, NodeSnapshot(identity=Identity(name=address, **who), parent=parent), hub)
    hub.add_node(thing)
    return thing


def device(hass: HomeAssistant, entry: MockConfigEntry, address: str) -> dr.DeviceEntry | None:
    """Return the device of a node."""
    identifier = ("fimp_chargepoint", f"{entry.unique_id}_{address}")
    return dr.async_get(hass).async_get_device_by_identifier(identifier, entry.entry_id)


def above(hass: HomeAssistant, entry: MockConfigEntry, address: str) -> str | None:
    """Return the name of the device that a node's device stands below."""
    found = device(hass, entry, address)
    assert found is not None
    assert found.via_device_id is not None
    parent = dr.async_get(hass).async_get(found.via_device_id)
    return None if parent is None else parent.name


async def test_parents_first(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    add(entry, "station")
    add(entry, "evse", parent="station")
    assert above(hass, entry, "station") == f"MQTT broker {entry.title}"
    assert above(hass, entry, "evse") == "station"
    # It has no entities, and is not a charge point.
    await hass.async_block_till_done()
    assert [each.entity_id for each in hass.states.async_all()] == [
        "binary_sensor.mqtt_broker_charging_connection"
    ]


async def test_a_parent_that_comes_later_and_goes(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    add(entry, "evse", parent="station")
    add(entry, "other")
    assert above(hass, entry, "evse") == f"MQTT broker {entry.title}"
    add(entry, "station")
    assert above(hass, entry, "evse") == "station"
    assert above(hass, entry, "other") == f"MQTT broker {entry.title}"
    entry.runtime_data.hub.remove_node("station")
    assert device(hass, entry, "station") is None
    assert above(hass, entry, "evse") == f"MQTT broker {entry.title}"


async def test_what_it_belongs_to_may_turn_out(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    add(entry, "station")
    evse = add(entry, "evse")
    assert above(hass, entry, "evse") == f"MQTT broker {entry.title}"
    evse.belongs_to("station")
    assert above(hass, entry, "evse") == "station"
    evse.belongs_to(None)
    assert above(hass, entry, "evse") == f"MQTT broker {entry.title}"


async def test_a_parent_whose_device_is_kept_for_a_while(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    add(entry, "station", serial_number="1")
    add(entry, "evse", parent="station")
    entry.runtime_data.hub.remove_node("station")
    assert above(hass, entry, "evse") == "station"


def calls(action: Callable[[], object]) -> int:
    """Return how many calls of functions on Home Assistant's side it takes."""
    folder = str(Path(coordinator.__file__).parent)
    found = 0

    def profile(frame: FrameType, event: str, _: Any) -> None:
        nonlocal found
        path = frame.f_code.co_filename
        found += event == "call" and str(Path(path).parent) == folder

    sys.setprofile(profile)
    try:
        action()
    finally:
        sys.setprofile(None)
    return found


async def test_many_parts(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """The work for each node does not grow with the number of others."""

    def found(start: int, count: int) -> None:
        for number in range(start, start + count):
            add(entry, f"evse {number}", parent="station")

    add(entry, "station")
    for_some = calls(lambda: found(0, 50))
    found(50, 100)
    assert calls(lambda: found(150, 50)) == for_some
    assert above(hass, entry, "evse 199") == "station"
    entry.runtime_data.hub.remove_node("station")
    for number in (0, 199):
        assert above(hass, entry, f"evse {number}") == f"MQTT broker {entry.title}"
    entry.runtime_data.hub.remove_node("evse 199")
    add(entry, "station")
    assert above(hass, entry, "evse 0") == "station"
    assert device(hass, entry, "evse 199") is None


async def test_one_look_for_all_conditions(
    hass: HomeAssistant, entry: MockConfigEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hundreds of charge points that are found at once do not cause hundreds of looks."""
    looks: list[MockConfigEntry] = []
    monkeypatch.setattr(EntryWatch, "look", lambda watch: looks.append(watch.entry))
    for number in range(50):
        add(entry, f"evse {number}")
    assert not looks
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=1, seconds=1))
    await hass.async_block_till_done()
    assert looks == [entry]
    monkeypatch.undo()
