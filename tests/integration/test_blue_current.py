"""A Blue Current account in Home Assistant, at the simulator of its server."""

import asyncio
from pathlib import Path
import subprocess
import sys

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
import pytest

from tests.helpers.blue_current import ADDRESS, EVSE, GRID
from tests.helpers.blue_current_home import account_home
from tests.helpers.waiting import until

ROOT = Path(__file__).parents[2]


async def test_account_is_set_up(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its charge points and the grid connection are devices below that of the account."""
    async with account_home(hass, monkeypatch) as home:
        assert home.entry.state is ConfigEntryState.LOADED
        assert home.hub_device.name == "Blue Current account user@example.com"
        charge_point, grid = home.device(ADDRESS), home.device(GRID)
        assert (charge_point.name, charge_point.manufacturer, charge_point.model) == (
            "Driveway",
            "Blue Current",
            "U:MOVE22",
        )
        assert charge_point.serial_number == EVSE
        assert charge_point.via_device_id == grid.via_device_id == home.hub_device.id
        assert grid.name == f"Grid connection GRID-{EVSE}"
        assert home.state("switch", "charging") == "off"


async def test_connection_that_is_lost(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No value stays available; all are back with the connection."""
    async with account_home(hass, monkeypatch) as home:
        await home.simulator.plug()
        await home.wait_for_state("sensor", "status", "ready_to_charge")
        await home.simulator.reject("Maintenance")
        await home.simulator.abort()
        await home.wait_for_state("sensor", "status", "unavailable")
        assert home.state("switch", "charging") == "unavailable"
        await home.simulator.reject("")
        await home.wait_for_state("sensor", "status", "ready_to_charge")


@pytest.mark.parametrize("fault", ["", "away", "freeze", "reject x"])
async def test_unloading_leaves_no_task(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """In every state of the connection."""
    async with account_home(hass, monkeypatch) as home:
        before = asyncio.all_tasks()
        connection = {task for task in before if task.get_name().startswith("websocket")}
        assert connection
        if fault:
            await home.simulator.do(fault)
            await home.simulator.do("close")
        assert await hass.config_entries.async_unload(home.entry.entry_id)
        assert home.entry.state is ConfigEntryState.NOT_LOADED
        assert all(task.done() for task in connection)
        assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("websocket")]
        await home.simulator.freeze("off")
        await until(lambda: not home.simulator.connections)


async def test_reloading_connects_again(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server accepts one connection: the former one has to be closed first."""
    async with account_home(hass, monkeypatch) as home:
        assert await hass.config_entries.async_reload(home.entry.entry_id)
        assert home.entry.state is ConfigEntryState.LOADED
        await home.settles()
        assert home.simulator.connections == 1


def test_entry_of_a_broker_imports_nothing_of_it() -> None:
    """An interpreter with all of Home Assistant's side has loaded nothing of Blue Current."""
    code = f"""
import importlib, pathlib, sys
sys.path.insert(0, {str(ROOT)!r})
folder = pathlib.Path({str(ROOT)!r}) / "custom_components" / "fimp_chargepoint"
for path in sorted(folder.rglob("*.py")):
    parts = path.relative_to({str(ROOT)!r}).with_suffix("").parts
    if "chargepoint" not in parts[2:]:
        importlib.import_module(".".join(parts).removesuffix(".__init__"))
print(*sys.modules)
"""
    command = [sys.executable, "-c", code]
    found = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    loaded = set(found.stdout.split())
    package = "custom_components.fimp_chargepoint"
    assert {f"{package}.hubs", f"{package}.chargepoint.fimp.discovery"} <= loaded
    assert not [name for name in loaded if name.startswith(f"{package}.chargepoint.blue_current")]
    assert f"{package}.chargepoint.transport.websocket" not in loaded
