"""Repair issues: what only the user can put right, somewhere else."""

import json
from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
import pytest

from custom_components.fimp_chargepoint.chargepoint.model import Reason
from custom_components.fimp_chargepoint.const import DOMAIN
from simulators.fimp import ChargepointSetup
from tests.broker import BrokerProcess

from .conftest import Chargepoint, load, other_broker, running, simulator, until
from .house import House

LOST = {"app": "RUNNING", "connection": "DISCONNECTED", "auth": "LOST"}
FINE = {"app": "RUNNING", "connection": "CONNECTED", "auth": "AUTHENTICATED"}


def issues(hass: HomeAssistant) -> list[ir.IssueEntry]:
    """Return what the user sees of lost logins."""
    return [
        each
        for each in ir.async_get(hass).issues.values()
        if each.domain == DOMAIN and each.active and each.translation_key == "signed_out"
    ]


async def lost(hass: HomeAssistant) -> ir.IssueEntry:
    """Wait for the only issue."""
    (issue,) = await until(lambda: issues(hass), "the issue")
    return issue


async def solved(hass: HomeAssistant) -> None:
    """Wait until there is no issue."""
    await until(lambda: not issues(hass), "the issue to go")


async def log_out(chargepoint: Chargepoint) -> None:
    """Let the adapter lose its login, after it was asked for it and has answered."""
    await until(lambda: chargepoint.sent("cmd.app.get_state"), "the question for the login")
    await chargepoint.point.plug()
    await chargepoint.wait_for_state("binary_sensor", "plug", "on")
    await chargepoint.point.unplug()
    await chargepoint.wait_for_state("binary_sensor", "plug", "off")
    await chargepoint.point.logout()
    await lost(chargepoint.hass)


def say(chargepoint: Chargepoint, topic: str, value: Any) -> None:
    """Let an adapter report its state."""
    message = {"type": "evt.app.state_report", "serv": "easee", "val_t": "object", "val": value}
    chargepoint.point.send(f"pt:j1/mt:evt/{topic}", json.dumps(message))


async def test_logout_and_login(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """The issue names the adapter and the entry, and resolves itself."""
    await log_out(chargepoint)
    issue = await lost(hass)
    assert issue.issue_id.startswith(f"signed_out_{chargepoint.entry.entry_id}_")
    assert issue.translation_placeholders["service"] == "easee"
    assert issue.translation_placeholders["title"] == "Charging"
    assert issue.severity is ir.IssueSeverity.ERROR
    assert issue.is_fixable is False
    # It can be stopped anyway.
    await chargepoint.wait_for_state("switch", "charging", "unknown")
    await chargepoint.wait_for_state("sensor", "status", "unavailable")
    await chargepoint.point.login()
    await chargepoint.wait_for_state("switch", "charging", "off")
    await solved(hass)


@pytest.mark.parametrize(
    "topic", ["rt:app/rn:easee/ad:1", "rt:ad/rn:easee/ad:1"], ids=["as an app", "as an adapter"]
)
async def test_told_unasked(hass: HomeAssistant, chargepoint: Chargepoint, topic: str) -> None:
    """Newer adapters report their state as an app, older ones as an adapter."""
    say(chargepoint, topic, LOST)
    await lost(hass)
    # A report without these fields changes nothing.
    say(chargepoint, topic, {"app": "RUNNING", "auth": "IN_PROGRESS"})
    say(chargepoint, topic, FINE | {"auth": "NOT_AUTHENTICATED"})
    await chargepoint.point.plug()
    await chargepoint.wait_for_state("sensor", "status", "unavailable")
    await lost(hass)
    say(chargepoint, topic, FINE)
    await solved(hass)
    await chargepoint.wait_for_state("sensor", "status", "ready_to_charge")


async def test_without_its_cloud(
    hass: HomeAssistant, house: House, chargepoint: Chargepoint
) -> None:
    """Only if it lasts, and not beside a lost login, which explains it."""

    async def cut_off() -> None:
        # Also in its answers.
        await chargepoint.point.cloud("off")
        say(chargepoint, "rt:app/rn:easee/ad:1", FINE | {"connection": "DISCONNECTED"})
        await until(lambda: chargepoint.node.snapshot.unavailable is Reason.CLOUD_LOST)

    def shown() -> list[ir.IssueEntry]:
        every = ir.async_get(hass).issues.values()
        return [each for each in every if each.translation_key == "cloud_lost" and each.active]

    await until(lambda: chargepoint.sent("cmd.app.get_state"), "the question for the login")
    await chargepoint.wait_for_state("sensor", "status", "disconnected")
    await cut_off()
    await house.passes(29)
    assert not shown()
    await house.passes(2)
    (issue,) = shown()
    assert issue.translation_placeholders["service"] == "easee"
    assert issue.translation_placeholders["title"] == "Charging"
    assert not issue.is_fixable
    assert not issues(hass)
    await chargepoint.point.logout()
    await lost(hass)
    assert not shown()
    await chargepoint.point.cloud("on")
    await chargepoint.point.login()
    await solved(hass)
    await chargepoint.wait_for_state("sensor", "status", "disconnected")
    await cut_off()
    await house.passes(29)
    assert not shown()


async def test_others_do_not_matter(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """A house has adapters for heaters, and their logins."""
    say(chargepoint, "rt:ad/rn:heaters/ad:1", LOST)
    say(chargepoint, "rt:app/rn:heaters/ad:1", LOST)
    await chargepoint.point.plug()
    await chargepoint.wait_for_state("sensor", "status", "ready_to_charge")
    assert not issues(hass)


async def test_lost_before_we_came(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """Adapters do not repeat it: it is requested."""
    async with simulator(broker) as point:
        await point.logout()
        entry = await load(hass, other_broker(broker))
        await lost(hass)
        await hass.config_entries.async_unload(entry.entry_id)


async def test_removed(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """Without a charge point of that adapter, its login does not matter."""
    await log_out(chargepoint)
    await chargepoint.point.exclude()
    await solved(hass)


async def test_unloaded(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """Without a connection, no issue about an adapter is shown."""
    await log_out(chargepoint)
    await hass.config_entries.async_unload(chargepoint.entry.entry_id)
    await solved(hass)


async def test_entry_removed(hass: HomeAssistant, broker: BrokerProcess) -> None:
    async with simulator(broker) as point:
        entry = await load(hass, other_broker(broker))
        chargepoint = Chargepoint(hass, point, entry)
        await chargepoint.wait_for_state("sensor", "status", "disconnected")
        await log_out(chargepoint)
        await hass.config_entries.async_remove(entry.entry_id)
        await solved(hass)


async def test_solved_while_unloaded(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """After a reload only what is wrong now is an issue."""
    await log_out(chargepoint)
    await hass.config_entries.async_unload(chargepoint.entry.entry_id)
    await chargepoint.point.login()
    await hass.config_entries.async_setup(chargepoint.entry.entry_id)
    assert chargepoint.entry.state is ConfigEntryState.LOADED
    await chargepoint.wait_for_state("switch", "charging", "off")
    await solved(hass)


async def test_still_lost_after_a_reload(hass: HomeAssistant, broker: BrokerProcess) -> None:
    async with running(hass, broker) as chargepoint:
        await log_out(chargepoint)
        chargepoint.point.received.clear()
        await hass.config_entries.async_reload(chargepoint.entry.entry_id)
        await until(lambda: chargepoint.sent("cmd.app.get_state"))
        await lost(hass)


@pytest.mark.parametrize("profile", ["easee_2021", "defa"])
async def test_adapters_of_2021(hass: HomeAssistant, broker: BrokerProcess, profile: str) -> None:
    """Their report has another name, but the same contents."""
    async with simulator(broker, ChargepointSetup(profile=profile)) as point:
        entry = await load(hass, other_broker(broker))
        await Chargepoint(hass, point, entry).comes()
        await point.logout()
        issue = await lost(hass)
        assert issue.translation_placeholders["service"] == point.adapter
        await point.login()
        await solved(hass)
        await hass.config_entries.async_unload(entry.entry_id)
