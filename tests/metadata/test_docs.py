"""The pages for users: complete, without references to things that do not exist."""

from collections.abc import Iterator
from pathlib import Path
import re
from typing import Any

import pytest

from bench.faults import known_rows

from .entities import PLATFORMS, TEXTS, descriptions, name_of
from .pages import PAGES, entities
from .project import INTEGRATION, ROOT, project_files, read_yaml

#: The name of a fault, in the table of faults or in a test of its own.
_FAULT = re.compile(r"\b(?:Fault|report)\(\s*f?\"([^\"]+)\"")
_LINK = re.compile(r"\]\(([^)#:\s]*)(?:#([\w-]+))?\)")
_QUOTED = re.compile(r"`([^`]+)`")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_CODE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def _anchors(page: Path) -> set[str]:
    """Return the anchors of a page, as GitHub generates them."""
    text = _CODE.sub("", page.read_text(encoding="utf-8"))
    return {
        re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-")
        for heading in _HEADING.findall(text)
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_link_targets_exist(page: Path) -> None:
    for path, anchor in _LINK.findall(page.read_text(encoding="utf-8")):
        target = page.parent / path if path else page
        assert target.exists(), path
        assert not anchor or anchor in _anchors(target), f"{path}#{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_says_for_whom_it_is(page: Path) -> None:
    _, _, first = page.read_text(encoding="utf-8").partition("\n\n")
    assert re.match(r"For (everyone|owners|developers)\b", first)


def test_the_start_page_is_one_screen_and_leads_everywhere() -> None:
    start = ROOT / "docs" / "README.md"
    text = start.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 30
    linked = {(start.parent / path).resolve() for path, _ in _LINK.findall(text)}
    assert linked >= {page for page in PAGES if page != start}


def test_every_fault_of_the_suite_is_in_the_table_and_no_other() -> None:
    """`bench/faults` writes it; restarts in a row are in it as often as they were run."""
    rows = set(known_rows((ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")))
    sources = (each.read_text(encoding="utf-8") for each in (ROOT / "tests/faults").glob("*.py"))
    found = {name for source in sources for name in _FAULT.findall(source)}
    names = {name.replace("{TIMES}", "10") for name in found}
    assert len(names) > 30
    assert names <= rows
    assert all(re.fullmatch(r"broker .* \d+ times", each) for each in rows - names)


def test_twelve_entities_come_first() -> None:
    text = (ROOT / "docs" / "what-you-get.md").read_text(encoding="utf-8")
    (first,) = re.findall(r"^## The twelve entities.*?(?=^## )", text, re.MULTILINE | re.DOTALL)
    assert len(re.findall(r"^\| \*\*", first, re.MULTILINE)) == 12


def test_pictures_are_small() -> None:
    for picture in (ROOT / "docs" / "images").iterdir():
        assert picture.suffix in (".png", ".svg")
        assert picture.stat().st_size <= 200_000, picture.name


def test_every_entity_is_on_the_page() -> None:
    expected = {
        (platform, name_of(platform, description))
        for platform in PLATFORMS
        for description in descriptions(platform)
    }
    rows = [(row.platform, row.name) for row in entities()]
    assert len(rows) == len(set(rows))
    assert set(rows) == expected


def test_the_page_marks_disabled_entities() -> None:
    off = {
        (platform, name_of(platform, description))
        for platform in PLATFORMS
        for description in descriptions(platform)
        if not description.entity_registry_enabled_default
    }
    marked = {(row.platform, row.name) for row in entities() if re.match(r"off\b", row.remarks)}
    assert marked == off


def test_the_page_lists_the_protocols() -> None:
    for row in entities():
        columns = {row.fimp, row.everest, row.legacy, row.blue_current}
        assert columns <= {"yes", "some", "no"}, row.name
        assert columns != {"no"}, row.name


def test_every_event_is_explained() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    for description in descriptions("event"):
        for kind in description.event_types or ():  # type: ignore[attr-defined]
            assert f"`{kind}`" in text, kind


@pytest.mark.parametrize("kind", ["services", "triggers", "conditions"])
def test_every_part_of_an_automation_is_on_its_page(kind: str) -> None:
    page = (ROOT / "docs" / "automations.md").read_text(encoding="utf-8")
    for key, texts in TEXTS.get(kind, {}).items():
        assert re.search(rf"[`.]{key}`", page), key
        for field in texts.get("fields", {}):
            assert f"`{field}`" in page, f"{key}: {field}"


def _names(form: dict[str, Any]) -> Iterator[str]:
    """Yield the names of all fields of a form, including its sections."""
    yield from form.get("data", {}).values()
    for section in form.get("sections", {}).values():
        yield from _names(section)


@pytest.mark.parametrize(
    ("flow", "page"), [("config", ROOT / "docs" / "setup.md"), ("options", ROOT / "README.md")]
)
def test_every_field_is_explained(flow: str, page: Path) -> None:
    text = page.read_text(encoding="utf-8").lower()
    for step in TEXTS[flow]["step"].values():
        for name in _names(step):
            assert name.lower() in text, name


def test_stable_keys_and_states_exist() -> None:
    """The keys that other programs may use, and their states."""
    rows = []
    for line in (ROOT / "docs" / "evcc.md").read_text(encoding="utf-8").splitlines():
        platform, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        if platform in PLATFORMS and len(cells) == len(("key", "state")):
            rows += [(platform, key, cells[1]) for key in _QUOTED.findall(cells[0])]
    assert {key for _, key, _ in rows} >= {"charging", "status", "iec61851"}
    for platform, key, states in rows:
        (description,) = (found for found in descriptions(platform) if found.key == key)
        assert description.translation_key in (None, key)
        options = getattr(description, "options", None)
        assert options is None or set(_QUOTED.findall(states)) == set(options), key


@pytest.mark.parametrize("page", ["evcc.md", "moving.md", "fimp.md"])
def test_entities_are_called_by_their_names(page: str) -> None:
    """Bold text within a sentence is the name of an entity."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    names = {
        name_of(platform, description).lower()
        for platform in PLATFORMS
        for description in descriptions(platform)
    }
    bold = {name.lower() for name in re.findall(r"\*\*([a-z][^*]*|IEC[^*]*)\*\*", text)}
    assert bold
    assert bold <= names


#: Home Assistant's rules for documentation: the page and the heading that meet each rule.
_RULES = {
    "docs-high-level-description": "README.md#use-cases",
    "docs-use-cases": "README.md#use-cases",
    "docs-supported-devices": "README.md#supported-devices",
    "docs-supported-functions": "docs/what-you-get.md#entities",
    "docs-installation-instructions": "README.md#installation",
    "docs-installation-parameters": "docs/setup.md#fields",
    "docs-configuration-parameters": "README.md#options",
    "docs-data-update": "README.md#data-updates",
    "docs-actions": "docs/automations.md#actions",
    "docs-triggers": "docs/automations.md#triggers",
    "docs-conditions": "docs/automations.md#conditions",
    "docs-examples": "README.md#examples",
    "docs-known-limitations": "README.md#known-limitations",
    "docs-troubleshooting": "README.md#troubleshooting",
    "docs-removal-instructions": "README.md#removal",
}


def test_every_rule_for_documentation_is_met() -> None:
    rules = read_yaml(INTEGRATION / "quality_scale.yaml")["rules"]
    assert {rule for rule in rules if rule.startswith("docs-")} == set(_RULES)
    for rule, place in _RULES.items():
        assert rules[rule] == "done", rule
        page, _, anchor = place.partition("#")
        assert anchor in _anchors(ROOT / page), place


def test_no_conflict_of_a_merge_is_left() -> None:
    """Marked lines in a table of a page are shown to its readers."""
    marks = ("<<<<<<< ", ">>>>>>> ")
    left = {
        str(path.relative_to(ROOT))
        for path in project_files()
        if path.suffix in {".md", ".py", ".json", ".yaml", ".toml", ".sh"}
        if any(line.startswith(marks) for line in path.read_text(encoding="utf-8").splitlines())
    }
    assert left == set()
