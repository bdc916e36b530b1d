"""The table of `docs/everest.md` leaves no row of EVerest's OCPP interface out."""

import re

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
    wanted = {
        (direction, name)
        for direction, part in (("→", "vars"), ("←", "cmds"))
        for name in interface[part]
    }
    assert len(wanted) == 9
    there = {
        (direction, name)
        for direction, names, *_ in _rows()
        for name in re.findall(r"`(\w+)`", names)
    }
    assert wanted <= there


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
