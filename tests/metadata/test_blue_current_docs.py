"""docs/blue_current.md: an existing thing covers each documented field, or a reason is given."""

from collections.abc import Iterator
from pathlib import Path
import re

from bluecurrent_api import Client
import pytest

from .entities import PLATFORMS, TEXTS, descriptions, name_of
from .pages import entities
from .project import ROOT

PAGE = ROOT / "docs" / "blue_current.md"
#: The structure of the vendor's document: its sections, and the names in them.
DOCUMENT = Path(__file__).with_name("blue_current_document.txt")

_ROW = re.compile(r"^\| `([\w.]+)` \| (.+) \|$")
_ENTITY = re.compile(r"\b(\w+) \*\*([^*]+)\*\*")
_ACTION = re.compile(r"\baction `(\w+)`")
#: Names that stand for themselves, and are not entities.
_ELSEWHERE = re.compile(r"\b(device|devices|not shown: \w+|asked after|command|error)\b")


def documented() -> list[tuple[str, str]]:
    """Return the sections and names of the vendor's document."""
    found, section = [], ""
    for line in DOCUMENT.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            found.append((section, line))
    return found


def rows() -> Iterator[tuple[str, str, str]]:
    """Yield the section, the name and what covers it of each row of the page."""
    section = ""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            section = line.strip("# ")
        elif (match := _ROW.match(line)) is not None:
            yield section, *match.groups()


def test_every_field_has_a_row() -> None:
    found = [(section, name) for section, name, _ in rows()]
    assert len(found) == len(set(found))
    assert sorted(found) == sorted(documented())
    assert len(found) > 90


def test_every_method_of_the_vendors_library_has_a_row() -> None:
    """Beside those that connect, and wait for something."""
    others = {
        *("connect", "disconnect", "get_email", "get_next_reset_delta", "is_connected"),
        *("validate_api_token", "wait_for_charge_points", "wait_for_clear_override_current"),
        "wait_for_update_override_current",
    }
    methods = {name for name in vars(Client) if not name.startswith("_")} - others
    assert methods == {name for section, name, _ in rows() if section == "Methods"}


@pytest.mark.parametrize(("section", "name", "covers"), list(rows()))
def test_what_covers_it_exists(section: str, name: str, covers: str) -> None:
    """As an entity that these charge points have, or as an action."""
    there = {
        (platform, name_of(platform, description).lower())
        for platform in PLATFORMS
        for description in descriptions(platform)
    }
    theirs = {(row.platform, row.name.lower()) for row in entities() if row.blue_current != "no"}
    named = {(platform, entity.lower()) for platform, entity in _ENTITY.findall(covers)}
    assert named <= there & theirs
    actions = set(_ACTION.findall(covers))
    assert actions <= TEXTS["services"].keys()
    assert covers.count("**") == 2 * len(_ENTITY.findall(covers)), "an entity without a platform"
    assert named or actions or _ELSEWHERE.search(covers), f"{section}: {name}"


def test_entities_of_these_charge_points_alone_are_in_the_table() -> None:
    """Entities that only Blue Current has come from a field."""
    alone = {
        (row.platform, row.name.lower())
        for row in entities()
        if row.blue_current != "no" and {row.fimp, row.everest, row.legacy} == {"no"}
    }
    text = " ".join(covers for _, _, covers in rows())
    named = {(platform, entity.lower()) for platform, entity in _ENTITY.findall(text)}
    # Recorded frames have these fields, and the document has not.
    others = {
        ("binary_sensor", "dynamic smart charging"),
        ("binary_sensor", "delayed charging"),
        ("binary_sensor", "price-based charging"),
        ("sensor", "requests sent"),
        *(("sensor", f"delayed charging {each}") for each in ("end", "days")),
        *(("sensor", f"expected {each}") for each in ("energy",)),
        *(("sensor", f"minimum {each}") for each in ("energy", "charge level")),
        *(("sensor", f"entered {each}") for each in ("charge level", "battery size")),
    }
    assert alone - named == others
