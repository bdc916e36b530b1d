"""Limits modules that were assigned wrongly, are at the grid, or are gone."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers import issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fimp_chargepoint.chargepoint.everest.api import (
    module,
    module_assignment,
    protocol,
)
from custom_components.fimp_chargepoint.chargepoint.everest.evse import Evse
from custom_components.fimp_chargepoint.const import DOMAIN
from custom_components.fimp_chargepoint.flow.options import suggested_options
from simulators.everest import CompanionSetup, EverestSimulator, EvseSetup
from simulators.mqtt import Broker
from tests.broker import BrokerProcess

from .conftest import QUICK, load, other_broker, until

LEFT, RIGHT = "EVerest DE*SIM*E00001*1", "EVerest DE*SIM*E00002*1"


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the times until an assignment, and until a module is gone."""
    monkeypatch.setattr(protocol, "_SETTLING_TIME", 1.0)
    monkeypatch.setattr(protocol, "_CHECK_INTERVAL", 0.5)
    monkeypatch.setattr(protocol, "_REPORTING_TIME", 0.5)
    monkeypatch.setattr(module_assignment, "_STARTING_TIME", 0.5)
    monkeypatch.setattr(module_assignment, "_MISSING_TIME", 3.0)
    monkeypatch.setattr(module, "SILENCE_MIN", 2.0)
    monkeypatch.setattr(Evse, "command_timeout", 4.0)


def station(broker: BrokerProcess, *names: str, grid: str = "") -> EverestSimulator:
    """Return a station whose EVSEs have a limits module each."""
    return EverestSimulator(
        Broker(broker.host, broker.port),
        *(EvseSetup(name=each, module=each, limits=f"limits_{each}") for each in names),
        companions=CompanionSetup(grid=grid),
        timing=QUICK,
    )


def number(hass: HomeAssistant, entry: MockConfigEntry, evse: str) -> str | None:
    """Return the state of the number that limits the current, None if it is not available."""
    unique_id = f"{entry.unique_id}_everest:{evse}_max_current"
    entity_id = er.async_get(hass).async_get_entity_id("number", DOMAIN, unique_id)
    state = None if entity_id is None else hass.states.get(entity_id)
    return None if state is None or state.state == "unavailable" else state.state


async def limit(hass: HomeAssistant, entry: MockConfigEntry, evse: str, current: float) -> None:
    unique_id = f"{entry.unique_id}_everest:{evse}_max_current"
    entity_id = er.async_get(hass).async_get_entity_id("number", DOMAIN, unique_id)
    await hass.services.async_call(
        "number", "set_value", {"entity_id": entity_id, "value": current}, blocking=True
    )


def issues(hass: HomeAssistant, key: str) -> list[Any]:
    """Return the placeholders of the repair issues of a kind, not escaped for Markdown."""
    found = ir.async_get(hass).issues.items()
    return [
        {
            name.removeprefix("plain_"): value
            for name, value in (each.translation_placeholders or {}).items()
            if name.startswith("plain_")
        }
        for id_, each in found
        if id_[1].startswith(key)
    ]


async def form(hass: HomeAssistant, entry: MockConfigEntry) -> Any:
    """Open the options, and submit the first page as it is."""
    result = await hass.config_entries.options.async_init(entry.entry_id)
    return await hass.config_entries.options.async_configure(
        result["flow_id"], suggested_options(entry.options)
    )


async def test_crosswise(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """The first limit that is set shows it; from then on no limit goes to the wrong one."""
    modules = {
        "everest:left": {"limits": "limits_right"},
        "everest:right": {"limits": "limits_left"},
    }
    async with station(broker, "left", "right") as point:
        entry = await load(hass, other_broker(broker, options={"modules": modules}))
        await until(lambda: number(hass, entry, "left") == "16")
        # Otherwise the button + in the frontend would add 0.1 A.
        assert {each.attributes["step"] for each in hass.states.async_all("number")} == {1}
        with pytest.raises(HomeAssistantError):
            await limit(hass, entry, "left", 10)
        assert point["right"].energy.current == 10
        await until(lambda: issues(hass, "limits_module_elsewhere"))
        (found,) = issues(hass, "limits_module_elsewhere")
        about = {key: found[key] for key in ("module", "name", "others")}
        assert about == {"module": "limits_right", "name": LEFT, "others": RIGHT}
        await until(lambda: number(hass, entry, "left") is None)
        # The other one is known by now.
        await until(lambda: number(hass, entry, "right") == "10")
        await limit(hass, entry, "right", 12)
        assert point["right"].energy.current == 12
        assert point["left"].energy.current == 16
        # The options mend it.
        result = await form(hass, entry)
        for chosen in ("limits_left", "limits_right"):
            result = await hass.config_entries.options.async_configure(
                result["flow_id"], {"limits": chosen}
            )
        assert result["type"] is FlowResultType.CREATE_ENTRY
        await hass.async_block_till_done()
        await until(lambda: number(hass, entry, "left") == "16")
        await limit(hass, entry, "left", 8)
        assert (point["left"].energy.current, point["right"].energy.current) == (8, 12)
        assert not issues(hass, "limits_module_elsewhere")
        assert not point.mistakes
        await hass.config_entries.async_unload(entry.entry_id)


async def test_at_the_grid(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """It limits both, so it is used for none; and nothing is sent to it to find that out."""
    modules = {"everest:left": {"limits": "grid"}, "everest:right": {"limits": "limits_right"}}
    async with station(broker, "left", "right", grid="grid") as point:
        entry = await load(hass, other_broker(broker, options={"modules": modules}))
        await until(lambda: number(hass, entry, "left") == "16")
        assert not [topic for topic, _ in point.received if "set_external_limits" in topic]
        await limit(hass, entry, "left", 10)
        await until(lambda: issues(hass, "limits_module_elsewhere"))
        (found,) = issues(hass, "limits_module_elsewhere")
        assert (found["module"], found["others"]) == ("grid", f"{LEFT}, {RIGHT}")
        await until(lambda: number(hass, entry, "left") is None)
        assert number(hass, entry, "right") is not None
        sent = [topic for topic, _ in point.received if "set_external_limits" in topic]
        assert len(sent) == 1
        await hass.config_entries.async_unload(entry.entry_id)


async def test_ghosts(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """A station with other modules: the former ones are not offered, and are not "none" later."""
    async with station(broker, "left", "right"):
        entry = await load(hass, other_broker(broker))
        await until(lambda: issues(hass, "modules_unassigned"))
        result = await form(hass, entry)
        for chosen in ("limits_left", "limits_right"):
            result = await hass.config_entries.options.async_configure(
                result["flow_id"], {"limits": chosen}
            )
        await hass.async_block_till_done()
        await until(lambda: number(hass, entry, "left") == "16")
    # Another configuration of the same station.
    async with station(broker, "left", "street", grid="limits_grid"):
        await until(lambda: "everest:street" in entry.runtime_data.hub.nodes)
        hub = entry.runtime_data.hub
        await until(lambda: hub.module_choices.gone == {"everest:right"})
        # `limits_left` is there as well; `limits_right` is gone, perhaps a moment later.
        await until(
            lambda: all("limits_right" not in each.modules for each in hub.module_choices.open)
        )
        result = await form(hass, entry)
        assert result["description_placeholders"]["address"] == "left"
        (field,) = result["data_schema"].schema.values()
        assert field.config["options"] == ["limits_grid", "limits_left", "limits_street"]
        result = await hass.config_entries.options.async_configure(
            result["flow_id"], {"limits": "limits_left"}
        )
        assert result["description_placeholders"]["address"] == "street"
        result = await hass.config_entries.options.async_configure(
            result["flow_id"], {"limits": "limits_street"}
        )
        assert entry.options["modules"] == {
            "everest:left": {"limits": "limits_left"},
            "everest:street": {"limits": "limits_street"},
        }
        await hass.async_block_till_done()
        await until(lambda: number(hass, entry, "street") == "16")
    # One EVSE is left, whose module has another name: a choice that cannot be offered stays open.
    async with EverestSimulator(
        Broker(broker.host, broker.port),
        EvseSetup(name="left", module="left", limits="renamed"),
        companions=CompanionSetup(grid="limits_grid"),
        timing=QUICK,
    ):
        hub = entry.runtime_data.hub
        await until(lambda: hub.module_choices.gone == {"everest:street"})
        await until(
            lambda: any(each["names"] == LEFT for each in issues(hass, "modules_unassigned")),
        )
        result = await form(hass, entry)
        (field,) = result["data_schema"].schema.values()
        assert field.config["options"] == ["limits_grid", "renamed"]
        result = await hass.config_entries.options.async_configure(result["flow_id"], {})
        assert entry.options["modules"] == {"everest:left": {}}
        await hass.async_block_till_done()
        await until(lambda: issues(hass, "modules_unassigned"))
        result = await form(hass, entry)
        result = await hass.config_entries.options.async_configure(result["flow_id"], {})
        # Now it was offered.
        assert entry.options["modules"] == {"everest:left": {"limits": ""}}
        await hass.async_block_till_done()
        await hass.config_entries.async_unload(entry.entry_id)
