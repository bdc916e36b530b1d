"""The tables of `docs/everest.md` leave no channel out, and name entities that there are."""

import re

from custom_components.fimp_chargepoint.chargepoint.everest.api.module import Kind
from tests.helpers.schemas import SCHEMAS, definitions

from .project import INTEGRATION, ROOT, read_json


def _rows() -> list[str]:
    text = (ROOT / "docs" / "everest.md").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line.startswith("|")]


def test_every_channel_of_every_release_has_a_row() -> None:
    addresses = {
        message["address"] or ""
        for release in SCHEMAS
        for message in definitions(release)["evse_manager_consumer_API"]["messages"].values()
    }
    channels = set(re.findall(r"\b(?:m2e|e2m)/(\w+)", " ".join(addresses)))
    assert len(channels) > 30
    described = {name for row in _rows() for name in re.findall(r"`(\w+)`", row)}
    assert channels - described == set()


def test_entities_have_the_names_that_the_tables_say() -> None:
    entities = read_json(INTEGRATION / "translations" / "en.json")["entity"]
    # An entity without a name has that of its device class.
    there = {"power", "temperature", "frequency", "plug", "charging"} | {
        str(entity.get("name")).lower()
        for platform in entities.values()
        for entity in platform.values()
    }
    named = {name.lower() for row in _rows() for name in re.findall(r"\*\*([^*]+)\*\*", row)}
    assert len(named) > 20
    assert named - there == set()


#: All API modules of EVerest's source tree.
API_MODULES = frozenset(
    {
        *("auth_consumer", "auth_token_provider", "auth_token_validator"),
        *("dc_external_derate_consumer", "display_message", "entrypoint"),
        *("error_history_consumer", "ev_board_support", "evse_board_support"),
        *("evse_manager_consumer", "external_energy_limits_consumer", "generic_error_raiser"),
        *("isolation_monitor", "ocpp_consumer", "over_voltage_monitor", "power_supply_DC"),
        *("powermeter", "session_cost", "session_cost_consumer", "slac", "system"),
    }
)


def test_every_api_module_is_covered_or_has_a_reason() -> None:
    page = (ROOT / "docs" / "everest.md").read_text(encoding="utf-8")
    section = page.split("### All API modules\n", 1)[1].split("\n## ", 1)[0]
    assert f"{len(API_MODULES)} API modules" in section
    rows = [line.split("|")[1:-1] for line in section.splitlines() if line.startswith("| `")]
    described = {}
    for names, state, reason in rows:
        assert reason.strip()
        for name in re.findall(r"`(\w+)`", names):
            assert name not in described
            described[name] = state.strip()
    assert described.keys() == API_MODULES
    assert set(described.values()) == {"covered", "not useful", "for a provider"}
    # The schemas hold the modules that are used, and those are the kinds in the code.
    used = {name.removesuffix("_API") for release in SCHEMAS for name in definitions(release)}
    covered = {name for name, state in described.items() if state == "covered"}
    assert covered == used == {*Kind, "entrypoint"}
