"""A flood of invented charge points: registered ones stay, and few are added."""

from collections.abc import Iterable
import json
from typing import Any

import aiomqtt
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.fimp_chargepoint.chargepoint import admission
from custom_components.fimp_chargepoint.const import DOMAIN
from harness.broker import HOST
from tests.broker import BrokerProcess

from .conftest import load, other_broker, until

FLOOD = 3000
MINE = [f"mine{each}" for each in range(8)]


@pytest.fixture(autouse=True)
def _quick_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Report waiting charge points sooner."""
    monkeypatch.setattr(admission, "_COUNTING_TIME", 0.1)


async def speak(broker: BrokerProcess, names: Iterable[str]) -> None:
    """Let charge points report, one after the other."""
    message = {"type": "evt.state.report", "serv": "chargepoint", "val_t": "string"}
    payload = json.dumps(message | {"val": "disconnected"})
    async with aiomqtt.Client(HOST, broker.port) as client:
        for number, name in enumerate(names):
            topic = f"pt:j1/mt:evt/rt:dev/rn:acme/ad:1/sv:chargepoint/ad:{name}"
            # Not faster than the broker takes them.
            await client.publish(topic, payload, qos=int(number % 50 == 0))


def invented(count: int, start: int = 0) -> list[str]:
    """Return invented addresses."""
    return [f"invented{each}" for each in range(start, start + count)]


def added(hass: HomeAssistant, entry: MockConfigEntry) -> set[str]:
    """Return the names of all charge points that have a device."""
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    names = (str(each.name) for each in devices if each.entry_type is None)
    return {each.removeprefix("Charge point acme ") for each in names}


def present(entry: MockConfigEntry) -> set[str]:
    """Return the names of all charge points that are there now."""
    nodes = entry.runtime_data.hub.nodes
    return {address.rpartition("/")[2] for address in nodes}


def issues(hass: HomeAssistant) -> list[ir.IssueEntry]:
    """Return the issue about waiting charge points."""
    found = ir.async_get(hass).issues.values()
    return [each for each in found if each.translation_key == "new_charge_points"]


async def fix(hass_client: ClientSessionGenerator, issue: ir.IssueEntry) -> None:
    """Submit the repair."""
    client = await hass_client()
    flow: dict[str, Any] = {"handler": DOMAIN, "issue_id": issue.issue_id}
    step = await (await client.post("/api/repairs/issues/fix", json=flow)).json()
    assert step["step_id"] == "confirm"
    url = f"/api/repairs/issues/fix/{step['flow_id']}"
    assert (await (await client.post(url, json={})).json())["type"] == "create_entry"


async def test_a_flood(hass: HomeAssistant, broker: BrokerProcess) -> None:
    entry = await load(hass, other_broker(broker))
    await speak(broker, MINE)
    await until(lambda: added(hass, entry) == set(MINE), "what is ours to be added")
    # They were the first of those that come in by themselves.
    others = admission.NEW_MAX - len(MINE)
    await speak(broker, invented(FLOOD))
    await until(lambda: len(added(hass, entry)) == admission.NEW_MAX)
    (issue,) = await until(lambda: issues(hass), "the issue")
    assert issue.is_fixable
    assert issue.severity is ir.IssueSeverity.WARNING
    await speak(broker, MINE)
    await hass.async_block_till_done()
    assert len(added(hass, entry)) == admission.NEW_MAX
    assert len(added(hass, entry) & set(invented(FLOOD))) == others
    (issue,) = issues(hass)
    placeholders = issue.translation_placeholders
    assert placeholders["title"] == "Charging"
    assert int(placeholders["count"].rstrip("+")) > 500
    assert placeholders["examples"].startswith("acme/1/invented")
    registered = added(hass, entry)
    await hass.config_entries.async_unload(entry.entry_id)
    assert not issues(hass)

    # A reload adds no others, although they report first.
    await load(hass, entry)
    await speak(broker, invented(FLOOD // 10, FLOOD))
    await until(lambda: issues(hass), "the issue after the reload")
    await speak(broker, registered)
    await until(lambda: registered <= present(entry), "what is registered to be back")
    assert added(hass, entry) == registered
    await hass.config_entries.async_unload(entry.entry_id)

    # After a restart, unknown charge points report first, others than before.
    hass.data.pop(f"{DOMAIN}_admitted_at")
    await load(hass, entry)
    await speak(broker, invented(FLOOD // 10, FLOOD))
    await until(lambda: len(present(entry)) == admission.NEW_MAX)
    await speak(broker, registered)
    await until(lambda: registered <= present(entry), "what is registered to be there")
    await hass.async_block_till_done()
    assert len(added(hass, entry) - registered) == admission.NEW_MAX
    assert len(issues(hass)) == 1
    for name in MINE:
        assert hass.states.is_state(f"sensor.charge_point_acme_{name}_status", "disconnected")
    await hass.config_entries.async_remove(entry.entry_id)
    assert not issues(hass)


async def test_add_them(
    hass: HomeAssistant,
    broker: BrokerProcess,
    hass_client: ClientSessionGenerator,
) -> None:
    """All waiting ones are added with a click, without another message from them."""
    assert await async_setup_component(hass, "repairs", {})
    entry = await load(hass, other_broker(broker))
    await speak(broker, invented(admission.NEW_MAX + 20))
    await until(lambda: issues(hass) and _count(hass) == "20", "the issue")
    (issue,) = issues(hass)
    await fix(hass_client, issue)
    await until(lambda: added(hass, entry) == set(invented(84)), "all to be added")
    assert not issues(hass)
    # They are registered now.
    await hass.config_entries.async_reload(entry.entry_id)
    await speak(broker, invented(84))
    await until(lambda: present(entry) == set(invented(84)), "all to be there again")
    assert not issues(hass)
    await hass.config_entries.async_unload(entry.entry_id)


async def test_add_them_when_nobody_listens(
    hass: HomeAssistant, broker: BrokerProcess, hass_client: ClientSessionGenerator
) -> None:
    """The entry was unloaded while the page was open."""
    assert await async_setup_component(hass, "repairs", {})
    entry = await load(hass, other_broker(broker))
    await speak(broker, invented(admission.NEW_MAX + 1))
    (issue,) = await until(lambda: issues(hass), "the issue")
    client = await hass_client()
    flow: dict[str, Any] = {"handler": DOMAIN, "issue_id": issue.issue_id}
    step = await (await client.post("/api/repairs/issues/fix", json=flow)).json()
    await hass.config_entries.async_unload(entry.entry_id)
    url = f"/api/repairs/issues/fix/{step['flow_id']}"
    assert (await (await client.post(url, json={})).json())["type"] == "create_entry"
    assert not issues(hass)


def _count(hass: HomeAssistant) -> str:
    (issue,) = issues(hass)
    return issue.translation_placeholders["count"]
