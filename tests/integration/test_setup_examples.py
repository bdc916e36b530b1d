"""The examples of docs/setup.md, tried out with real brokers."""

from pathlib import Path
import re

from homeassistant.core import HomeAssistant
import pytest

from simulators.everest import EverestSimulator, EvseSetup
from simulators.fimp import ChargepointSetup
from simulators.mqtt import Broker
from tests.broker import BrokerProcess
from tests.conftest import MakeBroker

from .conftest import QUICK, QUIET, Chargepoint, load, other_broker, simulator, until
from .flow import begin, finish, form, submit

CHARGER = ChargepointSetup(title="Carport left")
PAGE = Path(__file__).parents[2] / "docs" / "setup.md"


def example(first_line: str) -> str:
    """Return the block of the page that begins with a line."""
    (found,) = (
        block
        for block in re.findall(r"^```\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
        if block.startswith(first_line)
    )
    return found


def station(broker: BrokerProcess, dialect: str) -> EverestSimulator:
    """Return a station on its own broker."""
    where = Broker(broker.host, broker.port)
    return EverestSimulator(where, EvseSetup(authorize=True), dialect=dialect, timing=QUICK)


@pytest.mark.parametrize("dialect", ["main", "2025.10", "legacy"])
@pytest.mark.parametrize("prefix", ["site1/", ""])
async def test_bridge(
    hass: HomeAssistant, make_broker: MakeBroker, dialect: str, prefix: str
) -> None:
    """The messages of a station pass, and so do the commands to it."""
    home = make_broker()
    bridge = example("connection home_assistant").replace(
        "192.168.1.10:1883", f"{home.host}:{home.port}"
    )
    if not prefix:
        bridge = bridge.replace("site1/", '""')
    own = make_broker(lines=bridge)
    entry = await load(hass, other_broker(home, prefixes=[prefix]))
    async with station(own, dialect) as point:
        found = Chargepoint(hass, point, entry)
        await found.wait_for_state("sensor", "status", "disconnected")
        await point.points["carport"].plug()
        await found.wait_for_state("sensor", "status", "charging")
        await found.call("switch", "turn_off", "charging")
        assert found.state("switch", "charging") == "off"
        await hass.config_entries.async_unload(entry.entry_id)


async def test_access_rules(hass: HomeAssistant, make_broker: MakeBroker, tmp_path: Path) -> None:
    """The rules are enough for charge points of either kind, and for the probe."""
    rules = tmp_path / "rules"
    # Users that are not named in the rules are charge points here.
    rules.write_text("topic readwrite #\n" + example("user homeassistant"))
    rules.chmod(0o600)
    broker = make_broker(lines=f"acl_file {rules}")
    fields = form(broker, username="homeassistant")
    result = await submit(hass, await begin(hass), fields)
    entry = (await finish(hass, result, "nothing_found"))["result"]
    quiet = simulator(broker, CHARGER, hub=True, announce=False, timing=QUIET)
    async with station(broker, "main"), quiet:
        # This one is known from the hub's reply alone.
        await hass.config_entries.async_reload(entry.entry_id)
        for start in ("sensor.carport_left", "sensor.everest"):
            await until(
                lambda start=start: any(
                    state.state == "disconnected"
                    for state in hass.states.async_all("sensor")
                    if state.entity_id.startswith(start) and state.entity_id.endswith("_status")
                ),
                start,
            )
        await hass.config_entries.async_unload(entry.entry_id)
