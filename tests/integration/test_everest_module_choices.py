"""A station with several EVSEs: the user assigns the modules."""

from collections.abc import AsyncGenerator
from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers import issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fimp_chargepoint.chargepoint import faults
from custom_components.fimp_chargepoint.chargepoint.everest.api import protocol
from custom_components.fimp_chargepoint.chargepoint.options import ModuleChoices
from custom_components.fimp_chargepoint.chargepoint.protocol import Protocol
from custom_components.fimp_chargepoint.const import DOMAIN
from custom_components.fimp_chargepoint.flow.options import suggested_options
from simulators.everest import CompanionSetup, EverestSimulator, EvseSetup
from simulators.mqtt import Broker
from tests.broker import BrokerProcess

from .conftest import QUICK, load, other_broker, until

NAMES = ("left", "right")


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the time until the user is asked, and until errors create events."""
    monkeypatch.setattr(protocol, "_SETTLING_TIME", 1.0)
    monkeypatch.setattr(faults, "FIRST_REPORTS_TIME", 0.0)
    monkeypatch.setattr(faults, "SETTLING_TIME", 0.0)


@pytest.fixture(name="station")
async def station_fixture(broker: BrokerProcess) -> AsyncGenerator[EverestSimulator]:
    """Two EVSEs, each with a module for limits, and one history of errors."""
    async with EverestSimulator(
        Broker(broker.host, broker.port),
        *(EvseSetup(name=each, module=each, limits=f"limits_{each}") for each in NAMES),
        companions=CompanionSetup(errors="errors_api"),
        timing=QUICK,
    ) as station:
        yield station


@pytest.fixture(name="entry")
async def entry_fixture(
    hass: HomeAssistant, broker: BrokerProcess, station: EverestSimulator
) -> AsyncGenerator[MockConfigEntry]:
    entry = await load(hass, other_broker(broker))
    await until(lambda: len(entry.runtime_data.hub.nodes) == 3)
    yield entry
    await hass.config_entries.async_unload(entry.entry_id)


def entity(hass: HomeAssistant, entry: MockConfigEntry, platform: str, unique: str) -> str | None:
    """Return the id of an entity of a node, by the node's address and the key."""
    unique_id = f"{entry.unique_id}_{unique}"
    return er.async_get(hass).async_get_entity_id(platform, DOMAIN, unique_id)


def shown(hass: HomeAssistant, entry: MockConfigEntry, platform: str, unique: str) -> Any:
    """Return the state of such an entity, None if there is none."""
    entity_id = entity(hass, entry, platform, unique)
    return None if entity_id is None else hass.states.get(entity_id)


async def test_a_protocol_that_fails_costs_no_options(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    station: EverestSimulator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_: object) -> ModuleChoices:
        raise KeyError("bug")

    monkeypatch.setattr(Protocol, "module_choices", property(fail))
    issues = ir.async_get(hass).issues
    await until(lambda: any(key[1].startswith("modules_unassigned") for key in issues))
    result = await hass.config_entries.options.async_init(entry.entry_id)
    result = await hass.config_entries.options.async_configure(
        result["flow_id"], suggested_options(entry.options)
    )
    assert (result["type"], result["step_id"]) == (FlowResultType.FORM, "modules")


#: The names of the EVSEs, by their ids.
LEFT, RIGHT = "EVerest DE*SIM*E00001*1", "EVerest DE*SIM*E00002*1"


async def test_choices(
    hass: HomeAssistant, entry: MockConfigEntry, station: EverestSimulator
) -> None:
    issues = ir.async_get(hass).issues
    await until(lambda: any(key[1].startswith("modules_unassigned") for key in issues))
    (issue,) = (each for key, each in issues.items() if key[1].startswith("modules_unassigned"))
    assert issue.translation_placeholders is not None
    assert issue.translation_placeholders["plain_names"] == f"{LEFT}, {RIGHT}"
    assert entity(hass, entry, "number", "everest:left_max_current") is None

    result = await hass.config_entries.options.async_init(entry.entry_id)
    result = await hass.config_entries.options.async_configure(
        result["flow_id"],
        suggested_options(entry.options),
    )
    assert (result["type"], result["step_id"]) == (FlowResultType.FORM, "modules")
    placeholders = result["description_placeholders"]
    assert placeholders == {
        "name": LEFT.replace("*", r"\*"),
        "plain_name": LEFT,
        "address": "left",
    }
    result = await hass.config_entries.options.async_configure(
        result["flow_id"], {"limits": "limits_left"}
    )
    assert result["description_placeholders"]["plain_name"] == RIGHT
    assert result["last_step"]
    result = await hass.config_entries.options.async_configure(result["flow_id"], {})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert entry.options["modules"] == {
        "everest:left": {"limits": "limits_left", "errors": ""},
        "everest:right": {"limits": "", "errors": ""},
    }
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED

    # The assigned module works, and the other one is not offered.
    await until(lambda: shown(hass, entry, "number", "everest:left_max_current") is not None)
    number = entity(hass, entry, "number", "everest:left_max_current")
    await until(lambda: shown(hass, entry, "number", "everest:left_max_current").state == "16")
    await hass.services.async_call(
        "number", "set_value", {"entity_id": number, "value": 10}, blocking=True
    )
    assert station["left"].energy.current == 10
    assert station["right"].energy.current == 16
    assert entity(hass, entry, "number", "everest:right_max_current") is None
    assert not any(key[1].startswith("modules_unassigned") for key in issues)

    # The choice is stored, and stays if the station is offline.
    result = await hass.config_entries.options.async_init(entry.entry_id)
    form = suggested_options(entry.options)
    result = await hass.config_entries.options.async_configure(result["flow_id"], form)
    assert result["data_schema"] is not None
    suggested = {
        str(key): key.description["suggested_value"]
        for key in result["data_schema"].schema
        if key.description
    }
    assert suggested == {"limits": "limits_left", "errors": ""}
    hass.config_entries.options.async_abort(result["flow_id"])
    await hass.config_entries.async_unload(entry.entry_id)
    result = await hass.config_entries.options.async_init(entry.entry_id)
    result = await hass.config_entries.options.async_configure(result["flow_id"], form)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert entry.options["modules"]["everest:left"]["limits"] == "limits_left"


async def test_the_errors_of_the_station(
    hass: HomeAssistant, entry: MockConfigEntry, station: EverestSimulator
) -> None:
    problem = ("binary_sensor", "everest_station:_station_problem")
    await until(lambda: (state := shown(hass, entry, *problem)) and state.state == "off")
    registry = dr.async_get(hass)

    def device(address: str) -> dr.DeviceEntry:
        identifier = (DOMAIN, f"{entry.unique_id}_{address}")
        found = registry.async_get_device_by_identifier(identifier, entry.entry_id)
        assert found is not None
        return found

    def last_event() -> tuple[Any, Any]:
        event = shown(hass, entry, "event", "everest_station:_station_problems")
        return event.attributes.get("event_type"), event.attributes.get("which")

    for each in NAMES:
        assert device(f"everest:{each}").via_device_id == device("everest_station:").id
    await station.do("left error high generic/Other it is warm")
    await until(lambda: shown(hass, entry, *problem).state == "on")
    assert shown(hass, entry, *problem).attributes["problems"] == ["Other"]
    assert shown(hass, entry, "binary_sensor", "everest:left_problem").state == "off"
    await until(lambda: last_event() == ("problem_raised", ["generic/Other"]))
    await station.do("left clear_error")
    await until(lambda: shown(hass, entry, *problem).state == "off")
    await until(lambda: last_event() == ("problem_cleared", ["generic/Other"]))


async def test_a_limit_goes_with_the_entry_through_the_module_that_was_chosen(
    hass: HomeAssistant, broker: BrokerProcess, station: EverestSimulator
) -> None:
    modules = {"everest:left": {"limits": "limits_left"}, "everest:right": {"limits": ""}}
    entry = await load(hass, other_broker(broker, options={"modules": modules}))
    number = "everest:left_max_current"
    await until(lambda: (state := shown(hass, entry, "number", number)) and state.state == "16")
    await hass.services.async_call(
        "number",
        "set_value",
        {"entity_id": entity(hass, entry, "number", number), "value": 10},
        blocking=True,
    )
    assert station["left"].energy.current == 10
    await hass.config_entries.async_remove(entry.entry_id)
    await until(lambda: station["left"].energy.current == 16)
    assert not [topic for topic, _ in station.received if "limits_right/m2e/set" in topic]
