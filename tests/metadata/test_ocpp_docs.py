"""The table of `docs/everest.md` leaves no row of EVerest's OCPP interface out."""

import re

from custom_components.fimp_chargepoint.chargepoint import (
    GetVariables,
    MonitorVariables,
    RestartOcpp,
    SendSecurityEvent,
    SetVariable,
    StopOcpp,
)
from custom_components.fimp_chargepoint.chargepoint.everest.ocpp.requests import API_SINCE
from tests.helpers.schemas import ocpp_interface

from .project import INTEGRATION, ROOT, read_json, read_yaml


def _section() -> str:
    page = (ROOT / "docs" / "everest.md").read_text(encoding="utf-8")
    return page.split("## OCPP\n", 1)[1].split("\n## ", 1)[0]


def _rows() -> list[list[str]]:
    """Return the cells of all rows."""
    lines = _section().splitlines()
    return [[each.strip() for each in row.split("|")[1:-1]] for row in lines if row[:1] == "|"]


def test_every_row_of_the_interface_is_there_in_its_direction() -> None:
    interface = ocpp_interface("2025.10.0")
    expected = {
        (direction, name)
        for direction, part in (("→", "vars"), ("←", "cmds"))
        for name in interface[part]
    }
    assert len(expected) == 9
    there = {
        (direction, name)
        for direction, names, *_ in _rows()
        for name in re.findall(r"`(\w+)`", names)
    }
    assert expected <= there


def test_what_covers_them_exists() -> None:
    entities = read_json(INTEGRATION / "translations" / "en.json")["entity"]
    names = {
        str(each.get("name")).lower()
        for platform in entities.values()
        for each in platform.values()
    }
    actions = {
        each for each in read_yaml(INTEGRATION / "services.yaml") if each.startswith("ocpp_")
    }
    text = "\n".join(" ".join(row) for row in _rows())
    assert {each.lower() for each in re.findall(r"\*\*([^*]+)\*\*", text)} <= names
    assert set(re.findall(r"`(ocpp_(?!consumer|message|transaction)\w+)`", text)) == actions


#: The command of each action that has a row in the table.
COMMANDS: dict[str, type] = {
    "ocpp_stop": StopOcpp,
    "ocpp_restart": RestartOcpp,
    "ocpp_get_keys": GetVariables,
    "ocpp_set_key": SetVariable,
    "ocpp_monitor_keys": MonitorVariables,
    "ocpp_send_security_event": SendSecurityEvent,
}


def test_the_table_says_which_release_each_command_needs() -> None:
    """The same as in the errors."""
    rows = {row[2]: row for row in _rows() if row[0] == "←" and len(row) == 5}
    for action, command in COMMANDS.items():
        _, _, _, api, on_bus = rows[f"action `{action}`"]
        since = API_SINCE.get(command)
        if since is None:
            assert api == ""
        else:
            assert ("all releases" if since == "2025.10" else f"from {since} on") in api
        assert "from 2025.12 on" in on_bus
    (row,) = [row for row in _rows() if row[:2] == ["→", "`configuration_key`"]]
    assert "from 2025.12 on" in row[3]
